"""The course as web pages that need no kernel and no network: `make site`, to build/site.

    .venv/bin/python scripts/make_site.py [FOLDER]

The notebooks are shown as they are stored; a cell that was not run is an error. The looks are in
docs/site: templates, one style sheet, small scripts. There is no build step for them.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from itertools import pairwise
from pathlib import Path

import make_reference
from site_pages import (
    LOOKS,
    ROOT,
    TEMPLATES,
    NotRun,
    Page,
    Site,
    course,
    fill_document,
    fill_home,
    fill_notebook,
)  # fmt: skip
from site_search import index_script

from softras_edu.explore.live.modules import text

PROJECT = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
ASSETS = ("page.js", "search.js", "icon.svg")
TAG = re.compile(r"<[^>]+>")


def main(folder: str = "build/site") -> int:
    """Write the site; 1 if a notebook was not run, a formula not understood, a package missing."""
    start = time.perf_counter()
    site = Site(ROOT / folder)
    try:
        clear(site)
        gather(site)
        fill(site)
    except (NotRun, RuntimeError, ImportError) as error:
        print(f"make site: {error}", file=sys.stderr)
        return 1
    write(site)
    print("the reference of the library")
    make_reference.main(str(site.folder / "api"), back="../index.html")
    print(f"{time.perf_counter() - start:.0f} s. Open in a browser:")
    print(f"{(site.folder / 'index.html').as_uri()}")
    return 0


def clear(site: Site) -> None:
    """Make room: what an earlier run left goes, and nothing else.

    Raises:
        RuntimeError: something else is in the folder.
    """
    if site.folder.exists() and any(site.folder.iterdir()):
        if not (site.folder / "assets" / ASSETS[0]).exists():
            raise RuntimeError(f"{site.folder} is not empty, and no site: choose another folder")
        shutil.rmtree(site.folder)
    for name in ASSETS:
        site.write(f"assets/{name}", (LOOKS / name).read_bytes())


def gather(site: Site) -> None:
    """The pages that have a place in the contents, in their order, still empty."""
    for part, rows in course():
        pages = [
            Page(f"notebooks/{row['name']}.ipynb", f"{row['name']}.html", row["title"])
            for row in rows
        ]
        site.parts.append((part, pages))
    guides = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
    for part, sources in (("Guides", guides), ("The project", PROJECT)):
        site.parts.append((part, [Page(one, f"{Path(one).stem.lower()}.html") for one in sources]))
    in_order = [page for _, pages in site.parts for page in pages]
    for before, after in pairwise(in_order):
        before.next, after.previous = after, before
    site.pages = {page.source: page for page in in_order}


def fill(site: Site) -> None:
    """The bodies of all pages, and of the files that they lead to."""
    for page in list(site.pages.values()):
        print(page.source, flush=True)
        if page.source.endswith(".ipynb"):
            page.kind = "notebook"
            fill_notebook(site, page)
        else:
            fill_document(site, page)
            page.title = TAG.sub("", page.sections[0].title)
    home = Page("index", "index.html", "Soft rasterization, taught step by step", "home")
    fill_home(site, home)
    site.pages[home.source] = home
    print(f"{len(site.formulas.seen)} formulas")
    site.formulas.draw()


def write(site: Site) -> None:
    """Pages, looks, and the index of the search."""
    template = TEMPLATES.get_template("page.html.j2")
    for page in site.pages.values():
        whole = template.render(page=page, site=site, up=page.up)
        site.write(page.address, site.formulas.fill(whole))
    style = (LOOKS / "style.css").read_text(encoding="utf-8")
    site.write("assets/style.css", text("live.css") + style)
    read = [page for _, pages in site.parts for page in pages]
    index = index_script([(page.address, page.title, page.body) for page in read])
    site.write("assets/search_index.js", index)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
