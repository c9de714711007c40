"""A headless Chromium for the tests that need a real browser, and pages of plain ES modules.

`browser` is a fixture; `module_page` opens the modules of `explore/live` as a browser finds them in
a folder. Nothing of it goes to a network.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
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
    """A module of `explore/live`, or an empty page with their style sheet."""
    name = urlparse(route.request.url).path.removeprefix("/")
    if name.endswith(".js"):
        text = (LIVE / name).read_text(encoding="utf-8")
        route.fulfill(body=text, content_type="text/javascript; charset=utf-8")
    else:
        style = (LIVE / "live.css").read_text(encoding="utf-8")
        body = f"<!doctype html><meta charset=utf-8><title>live</title><style>{style}</style>"
        route.fulfill(body=body, content_type="text/html")


def module_page(browser: Browser, **options: object) -> Page:
    """An empty page from which `import("/rasterize.js")` works.

    `page.complaints` collects what the console says.
    """
    page = browser.new_page(**options)  # type: ignore[arg-type]
    lab.listen(page)
    page.route("**/*", answer)
    page.goto(f"{HOST}/")
    return page


@contextmanager
def narrow(page: Page) -> Iterator[None]:
    """The page as wide as a telephone, for a while."""
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size({"width": 390, "height": 1200})
    try:
        yield
    finally:
        page.set_viewport_size(before)


# Traits go to the page and come back as JSON in one string: playwright takes far longer for the
# thousands of numbers of a mesh.
SHOW = """async ([name, traits]) => {
    const { PageModel } = await import("/stage.js");
    const explorer = (await import(`/${name}`)).default;
    document.body.innerHTML = '<main id="place"></main>';
    window.model = new PageModel(JSON.parse(traits));
    window.close_explorer = explorer.render({ model: window.model, el: document.body.firstChild });
}"""
# Two frames: what was asked for before the first is drawn by the second.
SETTLE = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def show(page: Page, name: str, traits: dict[str, object]) -> None:
    """A live explorer on the page, with no kernel behind it: its traits are `window.model`'s."""
    page.evaluate(SHOW, [name, json.dumps(traits)])
    page.evaluate(SETTLE)


def traits(page: Page, names: Iterable[str]) -> dict[str, object]:
    """Traits of the explorer as they are, when the page has come to rest."""
    page.evaluate(SETTLE)
    text = page.evaluate(
        """names => JSON.stringify(
            Object.fromEntries(names.map(name => [name, window.model.get(name)]))
        )""",
        list(names),
    )
    found: dict[str, object] = json.loads(text)
    return found


def trait(page: Page, name: str) -> object:
    """One of them."""
    return traits(page, [name])[name]


def set_traits(page: Page, values: dict[str, object]) -> None:
    """As Python would set them, all before the next frame."""
    page.evaluate(
        """text => {
            for (const [name, value] of Object.entries(JSON.parse(text))) {
                window.model.set(name, value);
            }
        }""",
        json.dumps(values),
    )
    page.evaluate(SETTLE)


def set_trait(page: Page, name: str, value: object) -> None:
    """One of them."""
    set_traits(page, {name: value})


# What the picture is, for a look whether it has changed.
PIXELS = "() => [...document.querySelectorAll('canvas')].map(canvas => canvas.toDataURL())"

# Red, green and blue of a canvas, in the middles of size x size squares. As one string, since a
# list of so many numbers takes seconds to come from a page.
COLORS = """([number, size]) => {
    const canvas = document.querySelectorAll("canvas")[number], zoom = canvas.width / size;
    const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let found = "";
    for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) {
        const k = 4 * (Math.floor((i + 0.5) * zoom) * canvas.width + Math.floor((j + 0.5) * zoom));
        found += String.fromCharCode(all[k], all[k + 1], all[k + 2]);
    }
    return btoa(found);
}"""


def painted_colors(page: Page, number: int, size: int) -> np.ndarray:
    """What a canvas shows, one of the page's, as (size, size, 3) from 0 to 255."""
    sent = base64.b64decode(page.evaluate(COLORS, [number, size]))
    return np.frombuffer(sent, np.uint8).reshape(size, size, 3).astype(float)


def words(page: Page) -> str:
    """The sentences below the picture, when the page has come to rest."""
    page.evaluate(SETTLE)
    return page.inner_text(".live-words")
