"""A headless Chromium for the tests that need a real browser, and pages of plain ES modules.

`browser` is a fixture; `module_page` opens the modules of `explore/live` as a browser finds them in
a folder. Nothing of it goes to a network.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlparse

import pytest
from load_script import load_script
from playwright.sync_api import Browser, Page, Route

LIVE = Path(__file__).parent.parent / "softras_edu" / "explore" / "live"
lab = load_script("scripts/lab.py")
HOST = "http://live.test"  # no such place: every request is answered here


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if lab.find_chromium() is None:
        reason = "no Chromium found; looked for " + ", ".join(lab.NAMES)
        if os.environ.get("CI"):
            pytest.fail(reason)  # a check that CI skips is a check that nobody makes
        pytest.skip(reason)
    with lab.chromium() as browser:
        yield browser


def answer(route: Route) -> None:
    """A module of `explore/live`, or an empty page."""
    name = urlparse(route.request.url).path.removeprefix("/")
    if name.endswith(".js"):
        text = (LIVE / name).read_text(encoding="utf-8")
        route.fulfill(body=text, content_type="text/javascript; charset=utf-8")
    else:
        route.fulfill(body="<!doctype html><title>live</title>", content_type="text/html")


def module_page(browser: Browser, **options: object) -> Page:
    """An empty page from which `import("/rasterize.js")` works.

    `page.complaints` collects what the console says.
    """
    page = browser.new_page(**options)  # type: ignore[arg-type]
    lab.listen(page)
    page.route("**/*", answer)
    page.goto(f"{HOST}/")
    return page


SHOW = """async ([name, traits]) => {
    const { PageModel } = await import("/stage.js");
    const explorer = (await import(`/${name}`)).default;
    document.body.innerHTML = '<main id="place"></main>';
    window.model = new PageModel(traits);
    window.close_explorer = explorer.render({ model: window.model, el: document.body.firstChild });
}"""
# Two frames: what was asked for before the first is drawn by the second.
SETTLE = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def show(page: Page, name: str, traits: dict[str, object]) -> None:
    """A live explorer on the page, with no kernel behind it: its traits are `window.model`'s."""
    page.add_style_tag(content=(LIVE / "live.css").read_text(encoding="utf-8"))
    page.evaluate(SHOW, [name, traits])
    page.evaluate(SETTLE)


def trait(page: Page, name: str) -> object:
    """A trait of the explorer as it is, when the page has come to rest."""
    page.evaluate(SETTLE)
    return page.evaluate("name => window.model.get(name)", name)


def set_trait(page: Page, name: str, value: object) -> None:
    """As Python would set it."""
    page.evaluate("([name, value]) => window.model.set(name, value)", [name, value])
    page.evaluate(SETTLE)


# What the picture is, for a look whether it has changed.
PIXELS = "() => [...document.querySelectorAll('canvas')].map(canvas => canvas.toDataURL())"


def words(page: Page) -> str:
    """The sentences below the picture, when the page has come to rest."""
    page.evaluate(SETTLE)
    return page.inner_text(".live-words")
