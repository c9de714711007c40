"""Markdown and formulas as HTML, for `scripts/make_site.py`.

nbconvert reads the Markdown as Jupyter does; what is ours are headings that can be linked to, as on
GitHub, links that lead to pages, tables in a box that scrolls, and formulas as SVG.
"""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import distribution
from pathlib import Path

from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

SCRIPT = Path(__file__).parent.parent / "docs" / "site" / "formulas.mjs"
MATHJAX = "mathjax/static/mathjax/es5"  # in django-static-mathjax: MathJax's own files, no more
PLACE = re.compile(r"<x-formula n=(\d+)></x-formula>")
TAG = re.compile(r"<[^>]+>")


@dataclass
class Formulas:
    """All formulas of the site, drawn in one go; until then a place is kept for each."""

    seen: dict[tuple[str, bool], int] = field(default_factory=dict)
    drawn: list[str] = field(default_factory=list)

    def keep_place(self, tex: str, display: bool) -> str:
        """HTML that `fill` finds."""
        number = self.seen.setdefault((tex.strip(), display), len(self.seen))
        return f"<x-formula n={number}></x-formula>"

    def draw(self) -> None:
        """Have MathJax draw them, in Deno.

        Raises:
            RuntimeError: it does not understand one, or is not installed.
        """
        from deno import find_deno_bin

        # Deno reads in no other folder, and asks where a link leads: .venv may be one.
        folder = Path(str(distribution("django-static-mathjax").locate_file(MATHJAX))).resolve()
        allowed = ["--no-remote", f"--allow-read={folder},{SCRIPT.parent}", "--allow-env"]
        done = subprocess.run(
            [os.fsdecode(find_deno_bin()), "run", "--quiet", *allowed, str(SCRIPT), str(folder)],
            input=json.dumps(list(self.seen)),
            env=os.environ | {"DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"MathJax could not draw the formulas:\n{done.stderr}")
        self.drawn = json.loads(done.stdout)

    def fill(self, body: str) -> str:
        """The HTML with its formulas."""
        return PLACE.sub(lambda place: self.drawn[int(place[1])], body)


@dataclass
class Section:
    """A heading of a page."""

    level: int
    anchor: str
    title: str  # HTML


class Renderer(IPythonRenderer):
    """One page's Markdown; `follow` turns a link's target into an address of the site."""

    def __init__(self, follow: Callable[[str], str], formulas: Formulas) -> None:
        super().__init__(escape=False)
        self.follow, self.formulas = follow, formulas
        self.sections: list[Section] = []

    def heading(self, text: str, level: int, **attrs: object) -> str:
        taken = {section.anchor for section in self.sections}
        anchor = first = slug(text)
        count = 0
        while anchor in taken:
            count += 1
            anchor = f"{first}-{count}"
        self.sections.append(Section(level, anchor, text))
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return str(super().link(text, self.follow(url), title))

    def image(self, text: str, url: str, title: str | None = None) -> str:
        return str(super().image(text, self.follow(url), title))

    def table(self, text: str) -> str:
        return f'<div class="scroll"><table>\n{text}</table></div>\n'

    def block_code(self, code: str, info: str | None = None) -> str:
        made = str(super().block_code(code, info))
        return made if "highlight" in made else f'<div class="highlight">{made}</div>'

    def inline_math(self, body: str) -> str:
        return self.formulas.keep_place(body, display=False)

    def block_math(self, body: str) -> str:
        return self.formulas.keep_place(body, display=True)


def slug(title: str) -> str:
    """The anchor of a heading (HTML), as GitHub makes it."""
    text = html.unescape(TAG.sub("", title)).strip().lower()
    text = unicodedata.normalize("NFC", text).replace(" ", "-")
    return re.sub(r"[^\w-]", "", text) or "section"


def to_html(text: str, renderer: Renderer) -> str:
    """Markdown -> HTML, with places for its formulas."""
    return MarkdownWithMath(renderer=renderer).render(text)
