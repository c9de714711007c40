"""The words of a page by its sections, for the search of `scripts/make_site.py`."""

from __future__ import annotations

import json
from html.parser import HTMLParser

SILENT = {"svg", "math", "script", "style", "template"}
VOID = {"img", "br", "hr", "input", "meta", "link", "wbr", "source"}
HEADINGS = {"h1", "h2", "h3"}


class Words(HTMLParser):
    """Reads HTML; `sections` are [anchor, title, text], one for each heading that has an id."""

    def __init__(self) -> None:
        super().__init__()
        self.sections: list[list[str]] = []
        self.silent: list[str] = []  # tags whose inside is not text
        self.heading = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.silent or tag in SILENT:
            if tag not in VOID:
                self.silent.append(tag)
            return
        anchor = dict(attrs).get("id")
        if tag in HEADINGS and anchor:
            self.sections.append([anchor, "", ""])
            self.heading = tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens and closes at once: nothing is inside."""

    def handle_endtag(self, tag: str) -> None:
        if self.silent and self.silent[-1] == tag:
            self.silent.pop()
        elif tag == self.heading:
            self.heading = ""
        elif self.sections and not self.silent and tag not in {"a", "code", "em", "span", "strong"}:
            self.sections[-1][2] += " "  # the end of a block is the end of a word

    def handle_data(self, data: str) -> None:
        if self.sections and not self.silent:
            self.sections[-1][1 if self.heading else 2] += data


def sections(body: str) -> list[list[str]]:
    """[anchor, title, text] of each section of a page's HTML; white space is one blank."""
    words = Words()
    words.feed(body)
    words.close()
    return [[" ".join(part.split()) for part in section] for section in words.sections]


def index_script(pages: list[tuple[str, str, str]]) -> str:
    """The index as a script, since a page from a folder may load no data: (address, title, HTML).

    It sets `searchIndex`, a list of [address, title of the page, of the section, text].
    """
    entries = [
        [f"{address}#{anchor}" if k else address, title, heading, text]
        for address, title, body in pages
        for k, (anchor, heading, text) in enumerate(sections(body))
    ]
    return f"globalThis.searchIndex = {json.dumps(entries, ensure_ascii=False)};\n"
