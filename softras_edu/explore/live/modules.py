"""One ES module out of several: what stands behind `import` is put before, each file once."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

FOLDER = Path(__file__).parent
# The two forms that our modules use; `deno fmt` keeps them so.
IMPORT = re.compile(r'^import (?:\{[^}]*\} from )?"\./([\w./]+)";\n', re.MULTILINE)
LAST = "export default { render };"  # of every explorer
# What stands in the place (a picture) goes when all is there.
WAKE = """for (const place of document.querySelectorAll('[data-live="NAME"]')) {
    const el = document.createElement("div");
    place.prepend(el);
    render({ model: new PageModel(JSON.parse(place.dataset.traits)), el });
    place.replaceChildren(el);
}"""
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) )", re.MULTILINE)


def joined(name: str) -> str:
    """The module `name` of this folder and all that it needs, as one module without imports.

    Its own exports stay; those of the others become plain names, so no two files may have a name
    in common.

    Raises:
        FileNotFoundError: a file imports another that is not there.
    """
    *needed, last = in_order(name, [])
    others = [EXPORT.sub("", body(other)) for other in needed]
    return "\n".join([*others, body(last)])


def plain_script(name: str) -> str:
    """A script that is no module: it brings an explorer alive wherever a page keeps a place for it.

    A page that was opened from a folder may load scripts, but may import no modules. A place is an
    element whose `data-live` is the module's name and whose `data-traits` is where it starts, JSON.
    """
    module = EXPORT.sub("", joined(name)).replace(LAST, WAKE.replace("NAME", name))
    return f'(() => {{\n"use strict";\n{module}}})();\n'


def in_order(name: str, found: list[str]) -> list[str]:
    """The modules that `name` needs, each behind those that it needs itself; `name` is the last."""
    if name not in found:
        found.append(name)  # a place, so that two that need each other come to an end
        for other in IMPORT.findall(text(name)):
            in_order(other, found)
        found.remove(name)
        found.append(name)
    return found


def text(name: str) -> str:
    """A module of this folder, as it is."""
    return (FOLDER / name).read_text(encoding="utf-8")


def body(name: str) -> str:
    """A module without its imports."""
    return IMPORT.sub("", text(name))


def standalone(name: str, traits: dict[str, object], title: str) -> str:
    """A page (HTML) with an explorer that needs neither a kernel nor a network, nor other files.

    Args:
        traits: where it starts, as JSON: of a Python explorer, `get_state()` has them.
    """
    start = json.dumps(traits).replace("</", "<\\/")
    call = f'render({{ model: new PageModel({start}), el: document.getElementById("live") }});'
    script = joined(name).replace(LAST, call)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{html.escape(title)}'
        '</title>\n<meta name="viewport" content="width=device-width">\n'
        f'<style>\n{text("live.css")}</style>\n<main id="live"></main>\n'
        f'<script type="module">\n{script}</script>\n</html>\n'
    )
