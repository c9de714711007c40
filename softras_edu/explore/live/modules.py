"""One ES module out of several: what stands behind `import` is put before, each file once."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent
# The two forms that our modules use; `deno fmt` keeps them so.
IMPORT = re.compile(r'^import (?:\{[^}]*\} from )?"\./([\w./]+)";\n', re.MULTILINE)
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
