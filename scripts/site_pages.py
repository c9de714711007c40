"""The pages of the site, filled from notebooks and Markdown, for `scripts/make_site.py`.

A live explorer lives on its page too: its cell says what it was made of (`MIME`). Files of the
repository that a page links to come along, as pages where one can read them.
"""

from __future__ import annotations

import base64
import html
import io
import json
import posixpath
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import nbformat
from nbconvert.filters import ansi2html
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer, TextLexer, get_lexer_for_filename
from pygments.util import ClassNotFound
from site_text import Formulas, Renderer, Section, to_html

from softras_edu import __version__
from softras_edu.explore import live as explorers
from softras_edu.explore.live.base import MIME, Live
from softras_edu.explore.live.modules import plain_script

ROOT = Path(__file__).parent.parent
LOOKS = ROOT / "docs" / "site"
TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(LOOKS), trim_blocks=True, lstrip_blocks=True
)
READABLE = {".py", ".txt", ".js", ".css", ".toml", ".bib", ".sh", ".lock", ".yml", ".mjs", ""}
ROW = re.compile(
    r"\| \[(?P<title>.*?)\]\(notebooks/(?P<name>\w+)\.ipynb\)"
    r" \| (?P<learn>.*?) \| (?P<minutes>\d+) \|"
)
PART = re.compile(r"\| \*\*(?P<part>.*?)\*\* \|")
# The picture on a notebook's card, by how its alt text begins; the first one of those left out.
COVERS = {
    "02": "Left, distance to the triangle",
    "03": "Left, a sphere",
    "05": "Arrows at 289 places",
    "08": "Left, the upper half",
    "09": "Tiles of 8 pixels",
    "10": "Six log-log plots",
    "11": "The globe twice",
    "12": "Left: a crumpled ball",
    "15": "Two rows out of the flip book",
    "16": "Three landscapes",
}


class NotRun(Exception):
    """A notebook has a cell without its output."""


@dataclass
class Page:
    """What one page shows; `source` and `address` from the roots of repository and site."""

    source: str
    address: str
    title: str = ""
    kind: str = "text"
    body: str = ""
    sections: list[Section] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    pictures: list[tuple[str, str]] = field(default_factory=list)  # address, alt
    previous: Page | None = None
    next: Page | None = None

    @property
    def up(self) -> str:
        """From this page to the site's root."""
        return "../" * self.address.count("/")


@dataclass
class Site:
    """The pages on their way to `folder`."""

    folder: Path
    pages: dict[str, Page] = field(default_factory=dict)  # by their source
    parts: list[tuple[str, list[Page]]] = field(default_factory=list)
    formulas: Formulas = field(default_factory=Formulas)
    version: str = __version__

    def write(self, address: str, content: str | bytes) -> None:
        """A file of the site."""
        path = self.folder / address
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)

    def renderer(self, page: Page) -> Renderer:
        """For the Markdown of a page."""
        return Renderer(lambda url: self.follow(page, url), self.formulas)

    def follow(self, page: Page, url: str) -> str:
        """Where a link of a page leads on the site."""
        path, mark, anchor = url.partition("#")
        if not path or re.match(r"\w+:", url):
            return url
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), path))
        address = self.address_of(target)
        return posixpath.relpath(address, posixpath.dirname(page.address) or ".") + mark + anchor

    def address_of(self, target: str) -> str:
        """Of a file or folder of the repository; what was not on the site comes along."""
        if target not in self.pages:
            path = ROOT / target
            if path.is_dir():
                self.pages[target] = Page(target, f"files/{target}/index.html", target, "files")
                self.pages[target].body = self.listing(self.pages[target])
            elif path.suffix in READABLE:
                self.pages[target] = Page(target, f"files/{target}.html", target, "files")
                self.pages[target].body = code_page(path, target)
            else:
                self.write(f"files/{target}", path.read_bytes())
                return f"files/{target}"
        return self.pages[target].address

    def listing(self, page: Page) -> str:
        """What a folder holds, as links."""
        rows = ""
        for path in sorted((ROOT / page.source).iterdir()):
            if not path.name.startswith((".", "__pycache__")):
                address = self.follow(page, f"{Path(page.source).name}/{path.name}")
                rows += f'<li><a href="{address}">{path.name}</a></li>\n'
        return f'<h1 id="files">{page.source}</h1>\n<ul class="listing">\n{rows}</ul>\n'

    def picture(self, page: Page, output: Any) -> str:
        """An <img>, its file beside the page."""
        png = base64.b64decode(output.data["image/png"])
        address = f"pictures/{Path(page.source).stem}-{len(page.pictures)}.png"
        self.write(address, png)
        alt = output.metadata.get("image/png", {}).get("alt", output.data.get("text/plain", ""))
        page.pictures.append((address, alt))
        return image(page.up + address, alt, Image.open(io.BytesIO(png)).size)

    def place(self, page: Page, item: dict[str, Any]) -> str:
        """The attributes of a place where a live explorer wakes.

        Raises:
            NotRun: the library has no such explorer any more.
        """
        kind = getattr(explorers, item["explorer"], None)
        if not (isinstance(kind, type) and issubclass(kind, Live)):
            raise NotRun(f"{page.source}: no live explorer {item['explorer']}; run the notebook")
        explorer = kind()
        explorer.set_state(json.loads(item["traits"]))
        return self.place_of(page, explorer)

    def place_of(self, page: Page, explorer: Live) -> str:
        """The same of an explorer as it stands; its script comes along."""
        script = f"live/{explorer.module}"
        if script not in page.scripts:
            page.scripts.append(script)
            self.write(f"assets/{script}", plain_script(explorer.module))
        traits = html.escape(json.dumps(explorer.state()), quote=True)
        return f'data-live="{explorer.module}" data-traits="{traits}"'


def image(address: str, alt: str, size: tuple[int, int]) -> str:
    """An <img> that keeps its room while it loads."""
    width, height = size
    alt = html.escape(alt, quote=True)
    return (
        f'<img src="{address}" alt="{alt}" width="{width}" height="{height}" loading="lazy"'
        ' decoding="async">'
    )


def code_page(path: Path, title: str) -> str:
    """A file of the repository, in colours."""
    content = path.read_text(encoding="utf-8")
    try:
        lexer = get_lexer_for_filename(path.name)
    except ClassNotFound:
        lexer = TextLexer()
    code = highlight(content, lexer, HtmlFormatter())
    return f'<h1 id="file">{html.escape(title)}</h1>\n{code}'


def fill_notebook(site: Site, page: Page) -> None:
    """The body of a notebook's page.

    Raises:
        NotRun: a cell has no output stored.
    """
    notebook = nbformat.read(ROOT / page.source, as_version=4)
    for k, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            raise NotRun(f"{page.source}: cell {k} has not been run; `make notebooks` runs all")
    renderer = site.renderer(page)
    page.body = TEMPLATES.get_template("notebook.html.j2").render(
        cells=notebook.cells,
        mime=MIME,
        text=lambda source: to_html(source, renderer),
        python=lambda source: highlight(source, PythonLexer(), HtmlFormatter()),
        ansi=ansi2html,
        picture=lambda output: site.picture(page, output),
        place=lambda item: site.place(page, item),
    )
    page.sections = renderer.sections


def fill_document(site: Site, page: Page) -> None:
    """The body of a Markdown file's page."""
    renderer = site.renderer(page)
    page.body = to_html((ROOT / page.source).read_text(encoding="utf-8"), renderer)
    page.sections = renderer.sections


def course() -> list[tuple[str, list[dict[str, str]]]]:
    """The parts and notebooks of README.md's table: title, name, learn, minutes."""
    parts: list[tuple[str, list[dict[str, str]]]] = []
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if part := PART.match(line):
            parts.append((part["part"], []))
        elif row := ROW.match(line):
            parts[-1][1].append(row.groupdict())
    return parts


def cover(page: Page) -> str:
    """The address of the picture that stands for a notebook."""
    begins = COVERS.get(page.title[:2], "")
    return next(
        (address for address, alt in page.pictures if alt.startswith(begins)), page.pictures[0][0]
    )


def fill_home(site: Site, page: Page) -> None:
    """The first page: README.md's first words, a live explorer, a card a notebook."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = readme.partition("\n## ")[0].split("\n\n")
    _, lead, teaser, *intro = (block.strip() for block in blocks if block.strip())
    alt, source = re.fullmatch(r"!\[(.*)\]\((.*)\)", teaser).groups()
    explorer = explorers.ProbabilityMap()
    bundle, metadata = explorer._repr_mimebundle_()
    output = nbformat.from_dict({"data": bundle, "metadata": metadata})
    place, still = site.place_of(page, explorer), site.picture(page, output)
    live = f'<div class="live-place" {place}>{still}</div>'
    parts = [
        (part, [row | {"page": site.pages[f"notebooks/{row['name']}.ipynb"]} for row in rows])
        for part, rows in course()
    ]
    for _, rows in parts:
        for row in rows:
            row["picture"] = cover(row["page"])
    page.body = TEMPLATES.get_template("home.html.j2").render(
        lead=lead.removeprefix("Soft rasterization, ").capitalize(),
        teaser=image(site.address_of(source), alt, Image.open(ROOT / source).size),
        intro=to_html("\n\n".join(intro), site.renderer(page)),
        live=live,
        parts=parts,
        first=parts[0][1][0]["page"],
    )
