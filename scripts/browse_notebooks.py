"""Opens notebooks in a real browser, runs them, and turns every dial by the keyboard.

    python scripts/browse_notebooks.py [NOTEBOOK ...] [--out build/browse]

Of each it asks: no cell fails that may not, the console says no error, every dial changes what is
seen when an arrow key is pressed, on a light page and on a dark one. Pictures of each page go to
the folder. It says what is wrong, and ends with the number of such notebooks.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lab
from playwright.sync_api import Browser, Locator, Page, TimeoutError

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"
USER_SETTINGS = "jupyter_config_dir/lab/user-settings"
SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false"},  # a box over the page
}
DIALS = (
    ".noUi-handle, .widget-dropdown select, "
    ".live-slider, select.live-choice, .live-handle[tabindex='0']"
)
# They say how the next step or stroke goes; `tests/test_live_watch_fit.py` asks whether they do.
LATER = ("lr (of Adam)", "the brush")
WINDOW = ".jp-NotebookPanel .jp-WindowedPanel-outer"  # what scrolls
# How many of its heights there are down to the end of the last cell; below is only room to scroll.
WINDOWS = """x => {
    const below = [...x.querySelectorAll('.jp-Cell')].at(-1).getBoundingClientRect().bottom;
    return Math.ceil((below - x.getBoundingClientRect().top + x.scrollTop) / x.clientHeight);
}"""
# Its promise comes to no end: the page shows when it is done.
THEME = """theme => {
    window.jupyterapp.commands.execute('apputils:change-theme', { theme });
}"""
# What stands in the same output as a dial: pixels of pictures and canvases, one string. A handle
# may only choose what the words and bars below tell of.
SEEN = """dial => {
    const output = dial.closest('.jp-OutputArea-output') ?? document.body;
    const canvas = document.createElement('canvas'), pen = canvas.getContext('2d');
    const pictures = [...output.querySelectorAll('img.widget-image, canvas')];
    const words = dial.matches('.live-handle') ? output.innerText : '';
    return words + pictures.map(picture => {
        canvas.width = picture.naturalWidth ?? picture.width;
        canvas.height = picture.naturalHeight ?? picture.height;
        if (canvas.width > 0 && canvas.height > 0) pen.drawImage(picture, 0, 0);
        return canvas.toDataURL();
    }).join();
}"""
# Of pages that nobody will miss: an icon, a map from compiled code to its source.
HARMLESS = ("favicon", ".map")


@contextmanager
def server() -> Iterator[tuple[str, str]]:
    """JupyterLab on a copy of the notebooks, which draws cells out of sight too."""
    with tempfile.TemporaryDirectory() as name:
        room, home = Path(name) / "notebooks", Path(name) / "home"
        shutil.copytree(NOTEBOOKS, room)
        for extension, chosen in SETTINGS.items():
            settings = home / USER_SETTINGS / f"{extension}.jupyterlab-settings"
            settings.parent.mkdir(parents=True)
            settings.write_text(json.dumps(chosen))
        with lab.server(room, home) as found:
            yield found


def browse(browser: Browser, server: tuple[str, str], name: str, out: Path) -> list[str]:
    """Look at one notebook; what is wrong with it."""
    page = lab.open_notebook(browser, server, name)
    wear(page, LIGHT)
    lab.run_all(page)
    wrong = failures(page)
    page.wait_for_timeout(1000)  # the last pictures
    wrong += dials_that_do_nothing(page)
    take(page, out, f"{Path(name).stem}-light")
    wear(page, DARK)
    wrong += [f"dark: {what}" for what in dials_that_do_nothing(page, 1)]
    take(page, out, f"{Path(name).stem}-dark")
    wrong += [f"widget: {text}" for text in broken_widgets(page)]
    complaints: list[str] = page.complaints  # type: ignore[attr-defined]
    wrong += [
        f"console: {text}" for text in complaints if not any(word in text for word in HARMLESS)
    ]
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()
    return wrong


def wear(page: Page, theme: str) -> None:
    """The page in this theme; the server remembers it for the next page."""
    page.evaluate(THEME, theme)
    page.wait_for_function(
        "light => document.body.dataset.jpThemeLight === light", arg=str(theme == LIGHT).lower()
    )


def failures(page: Page) -> list[str]:
    """Cells that failed and may not, and stubs that did not say that it is your turn."""
    wrong = []
    for number, cell in enumerate(lab.cells(page)):
        outputs = cell.get("outputs", [])
        errors = [output["ename"] for output in outputs if output["output_type"] == "error"]
        stub = "raises-exception" in cell["metadata"].get("tags", [])
        if errors and not stub:
            wrong.append(f"cell {number}: {errors[0]}")
    return wrong


def broken_widgets(page: Page) -> list[str]:
    """What stands where a widget should be."""
    words = ("Error displaying widget", "Loading widget")
    return [text for text in words if page.get_by_text(text).count()]


def dials_that_do_nothing(page: Page, most: int = 1000) -> list[str]:
    """Names of the dials, at most so many, that change nothing when arrow keys are pressed."""
    wrong = []
    for dial in page.locator(DIALS).all()[:most]:
        if not dial.is_visible() or dial.evaluate("x => x.closest('[disabled]') !== null"):
            continue
        name = name_of(dial)
        if name not in LATER and not answers(page, dial):
            wrong.append(f"dial: {name} changes nothing")
    return wrong


def answers(page: Page, dial: Locator) -> bool:
    """Whether a key changes what is seen: an arrow, the other one if the dial was at its end, or
    a jump to either end, where a single step changes less than a pixel shows.
    """
    dial.scroll_into_view_if_needed()
    dial.focus()
    before = at_rest(page, dial)
    is_list = dial.evaluate("x => x.tagName === 'SELECT'")
    chosen = dial.input_value() if is_list else None
    up, down = ("ArrowDown", "ArrowUp") if is_list else ("ArrowRight", "ArrowLeft")
    for keys in ((up,), (down, down), ("End",), ("Home",)):
        for key in keys:
            page.keyboard.press(key)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            page.wait_for_timeout(50)
            if dial.evaluate(SEEN) != before:
                if is_list:  # back: what the other dials do may depend on it
                    dial.select_option(chosen)
                return True
    return False


def at_rest(page: Page, dial: Locator) -> str:
    """What is seen beside the dial once it has been the same for a third of a second: the last
    picture of the dial before must not be taken for this one's.
    """
    before, deadline = "", time.monotonic() + 10
    while (now := dial.evaluate(SEEN)) != before and time.monotonic() < deadline:
        before = now
        page.wait_for_timeout(330)
    return str(now)


def name_of(dial: Locator) -> str:
    """What a screen reader says."""
    return dial.get_attribute("aria-label") or dial.evaluate(
        "x => x.labels?.[0]?.firstChild?.textContent ?? '(without a name)'"
    )


def take(page: Page, out: Path, name: str) -> None:
    """Pictures of the whole notebook, one for each window's height: `name-1.png`, `name-2.png`."""
    out.mkdir(parents=True, exist_ok=True)
    window = page.locator(WINDOW)
    for k in range(window.evaluate(WINDOWS)):
        window.evaluate("(x, k) => { x.scrollTop = k * x.clientHeight; }", k)
        page.wait_for_timeout(300)  # canvases draw when they come into sight
        window.screenshot(path=out / f"{name}-{k + 1}.png")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", type=Path, help="all, if none is named")
    parser.add_argument("--out", type=Path, default=Path("build/browse"), help="for the pictures")
    arguments = parser.parse_args()
    names = [path.name for path in arguments.notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))]
    wrong = 0
    with lab.chromium() as browser, server() as lab_here:
        for name in names:
            start = time.monotonic()
            try:
                found = browse(browser, lab_here, name, arguments.out)
            except TimeoutError as error:
                found = [f"no end: {error.message.splitlines()[0]}"]
            seconds = time.monotonic() - start
            print(f"{name}: {'fine' if not found else 'WRONG'}, {seconds:.0f} s", flush=True)
            for what in found:
                print(f"    {what[:300]}", flush=True)
            wrong += bool(found)
    print("pictures are in", arguments.out)
    sys.exit(wrong)


if __name__ == "__main__":
    main()
