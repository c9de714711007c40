"""`make site`: every page leads only to what is there, needs no network, and its live explorers
answer to the hand, opened from a folder in Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote, urldefrag

import nbformat
import pytest
from axe_playwright_python.sync_playwright import Axe
from chromium import PIXELS, SETTLE
from load_script import ROOT, load_script
from playwright.sync_api import Browser, BrowserContext, Page

from softras_edu.explore import live
from softras_edu.explore.live.base import MIME, Live

NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
LIVE = [name for name in live.__all__ if isinstance(getattr(live, name), type(Live))]


class Parts(HTMLParser):
    """What a page loads, where it leads, and what can be led to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.anchors: set[str] = set()
        self.places: list[tuple[str, object]] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.anchors.add(str(given["id"]))
        if tag == "a" and "href" in given:
            self.leads.append(str(given["href"]))
        elif given.get("src") or (tag == "link" and given.get("href")):
            self.loads.append(str(given.get("src") or given["href"]))
        if tag == "img":
            self.images.append(given)
        if "data-live" in given:
            self.places.append((str(given["data-live"]), json.loads(str(given["data-traits"]))))


@pytest.fixture(scope="module")
def maker() -> Iterator[ModuleType]:
    """`scripts/make_site.py`; the reference, which has tests of its own, is one empty page."""
    make_site = load_script("scripts/make_site.py")

    def reference(folder: str, back: str) -> int:
        assert back == "../index.html"
        Path(folder).mkdir()
        (Path(folder) / "index.html").write_text("<!doctype html><title>api</title>")
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make_site.make_reference, "main", reference)
        yield make_site


@pytest.fixture(scope="module")
def site(maker: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site."""
    folder = tmp_path_factory.mktemp("site")
    assert maker.main(str(folder)) == 0
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Parts]:
    return {path: Parts(path) for path in site.rglob("*.html")}


# ---------------------------------------------------------------- all pages, as text


def test_all_notebooks_and_documents_have_a_page(site: Path) -> None:
    documents = [*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    assert len(NOTEBOOKS) > 16
    for path in [*NOTEBOOKS, *documents]:
        stem = path.stem if path.suffix == ".ipynb" else path.stem.lower()
        assert (site / f"{stem}.html").is_file(), path.name


def test_links_and_anchors_lead_to_what_is_there(site: Path, pages: dict[Path, Parts]) -> None:
    tried = 0
    for path, parts in pages.items():
        for address in parts.loads + parts.leads:
            if re.match(r"https?://", address) and address in parts.leads:
                continue  # followed by a click, loaded by nobody
            file, anchor = urldefrag(unquote(address))
            target = (path.parent / file).resolve() if file else path
            assert target.is_file(), f"{path.relative_to(site)}: {address}"
            assert target.is_relative_to(site), address
            if anchor:
                assert anchor in pages[target].anchors, f"{path.relative_to(site)}: {address}"
            tried += 1
    assert tried > 1000


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    scripts = [
        *site.glob("assets/*.js"),
        *site.glob("assets/live/*.js"),
        *site.glob("assets/*.css"),
    ]
    assert len(scripts) > 4
    asks = {".css": r"url\(|@import", ".js": r"\bfetch\(|^import |\bimport\(|XMLHttpRequest"}
    for path in scripts:
        if path.name != "search_index.js":  # the course's own words, which talk of such things
            text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
            assert re.findall(asks[path.suffix], text, re.MULTILINE) == [], path.name


def test_every_picture_has_its_words_and_its_room(pages: dict[Path, Parts]) -> None:
    stored = 0
    for path, parts in pages.items():
        for image in parts.images:
            if "pictures/" in str(image["src"]) and "width" in image:
                assert len(str(image["alt"])) > 20, (path.name, image["src"])
                stored += 1
    outputs = [output for _, output in stored_pictures()]
    assert stored == len(outputs) + 1  # the first page has one more, of its own


def stored_pictures() -> list[tuple[Path, nbformat.NotebookNode]]:
    found = []
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    found.append((path, output))
    return found


def test_formulas_are_drawn(pages: dict[Path, Parts]) -> None:
    drawn = 0
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert "<x-formula" not in text, path.name
        assert 'fill="red"' not in text, path.name
        drawn += text.count('<span class="formula')
    assert drawn > 300


def test_previous_and_next_go_through_everything_once(site: Path) -> None:
    name, seen = "00_start_here.html", []
    while name:
        seen.append(name)
        found = re.search(r'<a rel="next" href="([^"]*)"', (site / name).read_text("utf-8"))
        name = found[1] if found else ""
    assert seen[: len(NOTEBOOKS)] == [f"{path.stem}.html" for path in NOTEBOOKS]
    assert len(seen) == len(set(seen)) > len(NOTEBOOKS) + 9


def test_the_index_has_every_page_and_no_formulas_drawing(site: Path) -> None:
    text = (site / "assets" / "search_index.js").read_text(encoding="utf-8")
    entries = json.loads(text.removeprefix("globalThis.searchIndex = ").removesuffix(";\n"))
    assert {path.stem for path in NOTEBOOKS} <= {entry[0].partition(".")[0] for entry in entries}
    softmax = [entry for entry in entries if entry[0].startswith("04_") and "gamma" in entry[3]]
    assert len(softmax) > 2
    assert not any("M0 " in entry[3] or "<" in entry[2] for entry in softmax)


# ---------------------------------------------------------------- live explorers


def test_every_stored_live_explorer_has_its_place(pages: dict[Path, Parts], site: Path) -> None:
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        items = [
            out.data[MIME]
            for c in cells
            for out in c.get("outputs", [])
            if MIME in out.get("data", {})
        ]
        uses = any("from softras_edu.explore.live import" in cell.source for cell in cells)
        assert bool(items) == uses, f"run: scripts/execute_notebooks.py notebooks/{path.name}"
        places = pages[site / f"{path.stem}.html"].places
        assert [module for module, _ in places] == [
            getattr(live, item["explorer"]).module for item in items
        ]
        for (_, traits), item in zip(places, items, strict=True):
            assert json.loads(item["traits"]).items() <= traits.items()
    assert any(parts.places for parts in pages.values())


# ---------------------------------------------------------------- what is refused


def test_a_folder_with_something_else_in_it_is_left_alone(
    maker: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.txt").write_text("three years of work")
    assert maker.main(str(tmp_path)) == 1
    assert "is not empty, and no site" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_notebook_that_was_not_run_is_named(tmp_path: Path) -> None:
    pages = load_script("scripts/site_pages.py")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    nbformat.write(notebook, tmp_path / "new.ipynb")
    with pytest.raises(pages.NotRun, match=r"new\.ipynb: cell 0 has not been run"):
        pages.fill_notebook(
            pages.Site(tmp_path / "site"), pages.Page(str(tmp_path / "new.ipynb"), "new.html")
        )
    with pytest.raises(pages.NotRun, match="old: no live explorer joined"):
        pages.Site(tmp_path).place(pages.Page("old", "old.html"), {"explorer": "joined"})


def test_what_went_wrong_is_said(
    maker: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(site: object) -> None:
        raise maker.NotRun("cell 3 has not been run")

    monkeypatch.setattr(maker, "fill", fails)
    assert maker.main(str(tmp_path / "site")) == 1
    assert "make site: cell 3 has not been run" in capsys.readouterr().err


# ---------------------------------------------------------------- in a browser, from a folder


@pytest.fixture
def visit(browser: Browser, site: Path) -> Iterator[Callable[..., Page]]:
    """Opens a page of the site; nothing may leave the machine, and nothing may go wrong."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def go(name: str, **options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.on("request", lambda r: r.url.startswith("file:") or complaints.append(r.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        page.goto((site / name).as_uri())
        return page

    yield go
    for context in contexts:
        context.close()
    assert complaints == []


FORCES = "05_far_range_and_hidden_gradients.html"
PHONE: Any = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def middle(page: Page, selector: str) -> tuple[float, float]:
    page.locator(selector).first.scroll_into_view_if_needed()
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_corner_is_dragged_with_the_mouse(visit: Callable[..., Page]) -> None:
    page = visit(FORCES)
    assert page.locator(".live-place img").count() == 0  # the picture has gone
    x, y = middle(page, ".live-handle")
    before = page.evaluate(PIXELS)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 30, steps=3)
    page.mouse.up()
    page.evaluate(SETTLE)
    assert page.evaluate(PIXELS) != before


def test_all_live_explorers_live_on_one_page(
    maker: ModuleType, site: Path, visit: Callable[..., Page]
) -> None:
    pages = load_script("scripts/site_pages.py")
    page, whole = pages.Page("all", "all.html"), pages.Site(site)
    places = [f"<div {whole.place_of(page, getattr(live, name)())}></div>" for name in LIVE]
    scripts = [f'<script src="assets/{name}"></script>' for name in page.scripts]
    whole.write("all.html", "\n".join(["<!doctype html>", *places, *scripts]))
    shown = visit("all.html")
    assert shown.locator("[data-live] .live").count() == len(LIVE) > 5
    assert shown.locator("[data-live] .live-words[role=alert]").count() == 0


def test_a_corner_is_dragged_with_a_finger(visit: Callable[..., Page]) -> None:
    page = visit("index.html", **PHONE)
    x, y = middle(page, ".live-handle")
    before, scrolled = page.evaluate(PIXELS), page.evaluate("scrollY")
    finger = page.context.new_cdp_session(page)
    for kind, moved in (("Start", 0), ("Move", 15), ("Move", 40), ("End", None)):
        points = [] if moved is None else [{"x": x + moved, "y": y + moved}]
        finger.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    page.evaluate(SETTLE)
    assert page.evaluate(PIXELS) != before
    assert page.evaluate("scrollY") == scrolled  # the finger moved the corner, not the page


def test_search_finds_gamma_and_goes_there(visit: Callable[..., Page]) -> None:
    page = visit("index.html")
    page.keyboard.press("/")
    page.keyboard.type("gamma")
    page.wait_for_selector(".results mark")
    assert int(page.inner_text(".found").split()[0]) > 20
    assert "04 Colour and depth" in page.inner_text(".results")
    page.keyboard.type(" zzzz")
    page.wait_for_function("() => document.querySelector('.found').textContent === '0 sections'")
    page.fill("#search input", "probability map")
    page.wait_for_selector(".results mark")
    page.keyboard.press("ArrowDown")
    address = page.evaluate("document.activeElement.href")
    page.keyboard.press("Enter")
    page.wait_for_url(address)
    assert page.locator("#search").is_hidden()


def test_next_previous_and_the_menu_of_a_telephone(visit: Callable[..., Page]) -> None:
    page = visit("00_start_here.html", **PHONE)
    page.click("[rel=next]")
    page.wait_for_url("**/01_*.html")
    page.click("[rel=prev]")
    page.wait_for_url("**/00_*.html")
    assert page.locator("#menu").is_hidden()
    page.click(".menu-button")
    page.click("#menu a:has-text('02 Probability maps')")
    page.wait_for_url("**/02_*.html")


def test_dark_is_turned_on_and_stays(visit: Callable[..., Page]) -> None:
    page = visit("00_start_here.html", color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click(".theme-button")
    assert page.get_attribute(".theme-button", "aria-pressed") == "true"
    assert page.evaluate(paper) != light
    page.click("[rel=next]")
    page.wait_for_url("**/01_*.html")
    assert page.evaluate(paper) != light


def test_the_keyboard_skips_to_the_text_and_sees_where_it_is(visit: Callable[..., Page]) -> None:
    page = visit("00_start_here.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["y"] >= 0  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_without_scripts_there_is_all_to_read(visit: Callable[..., Page]) -> None:
    page = visit(FORCES, java_script_enabled=False, **PHONE)
    assert page.locator(".live-place img").first.is_visible()
    assert page.locator(".formula svg").count() > 5
    assert page.locator(".search-button").is_hidden()
    page.click(".menu-button")  # a popover needs no script
    assert page.locator("#menu").is_visible()


@pytest.mark.parametrize("name", ["index.html", FORCES, "features.html", "conventions.html"])
def test_a_telephone_never_scrolls_sideways(visit: Callable[..., Page], name: str) -> None:
    page = visit(name, **PHONE)
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize(
    ("name", "theme"),
    [("index.html", "light"), ("00_start_here.html", "dark")],
)
def test_axe_finds_nothing_serious(visit: Callable[..., Page], name: str, theme: str) -> None:
    # All rules run; what passed need not come back, which takes most of the time.
    options = {"preload": False, "resultTypes": ["violations"]}
    found = Axe().run(visit(name, color_scheme=theme), options=options)
    violations = found.response["violations"]
    assert [one["id"] for one in violations if one["impact"] in ("serious", "critical")] == []
