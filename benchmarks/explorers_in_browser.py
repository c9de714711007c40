"""How long a key or a drag takes to change what is on the screen, in a headless Chromium.

    python benchmarks/explorers_in_browser.py [--out benchmarks/results]

It prints a table and writes explorers-in-browser-<date>.csv.

Explorers with a kernel stand in a JupyterLab: from the press of an arrow key on a slider to the
picture that it changed, decoded; all sliders. Live ones are looked at there and on a page without a
kernel: from an arrow key, or a move of the mouse that drags, on the first handle to the end of the
frame that shows it. `times_no_render` compares with SigmaGamma whose render does nothing: with what
the trip alone costs. A screen shows 60 frames a second, so that half a frame, 8 ms, passes before
anything can be seen.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, TimeoutError

from softras_edu import explore
from softras_edu.explore import live

sys.path.append(str(Path(__file__).parent.parent / "scripts"))
import lab
from explorers import PANEL, SHOW, about, write

LIVE = [name for name in live.__all__ if name[0].isupper() and not name.isupper()]
PRESSES, CHANGES = 6, 30  # of a slider; of a live explorer
# Milliseconds from a key or a move to the end of the frame in which it is drawn. The explorer asks
# for the same frame later than this does, and a message is heard behind the frame.
WATCH_FRAMES = """() => {
    window.trips = [];
    const start = event => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => window.trips.push(performance.now() - event.timeStamp);
        requestAnimationFrame(() => port2.postMessage(0));
    };
    if (!window.watched) {
        addEventListener('keydown', event => window.watched(event), true);
        addEventListener('pointermove', event => window.watched(event), true);
    }
    window.watched = start;
}"""
# The first thing that can be dragged, if it is more than a place to look at.
HANDLE = ".live-handle:not([aria-label^='the pixel']):visible"


def wait_for_trips(page: Page, more_than: int) -> bool:
    """Whether another change was seen. A dial at its end, or one without an effect, changes
    nothing."""
    try:
        page.wait_for_function(
            "seen => window.trips.flat().length > seen", arg=more_than, timeout=2000
        )
    except TimeoutError:
        return False
    return True


def turn_sliders(page: Page) -> list[float]:
    """Milliseconds of the changes of all sliders; the first two of each do not count."""
    samples: list[float] = []
    for handle in page.locator(".noUi-handle").all():
        if handle.locator("xpath=ancestor::*[@disabled]").count():
            continue
        handle.focus()
        for k in range(PRESSES + 2):
            seen = page.evaluate("() => window.trips.flat().length")
            page.keyboard.press("ArrowRight" if k % 2 else "ArrowLeft")
            if wait_for_trips(page, seen) and k >= 2:
                samples.append(page.evaluate("() => window.trips[0].at(-1)"))
    return samples


def push_handle(page: Page, how: str) -> list[float]:
    """Milliseconds of the changes by a live explorer's first handle, by "key" or "drag"."""
    page.evaluate(WATCH_FRAMES)
    handle = page.locator(HANDLE).first
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = page.locator(".live").screenshot()
    if how == "drag":
        page.mouse.move(x, y)
        page.mouse.down()
    else:
        handle.focus()
    keys = ("ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown")
    for k in range(CHANGES + 5):
        seen = page.evaluate("() => window.trips.length")
        if how == "drag":
            page.mouse.move(x + 4 * (k % 9 - 4), y + 5 * (k % 7 - 3))
        else:
            page.keyboard.press(keys[k // 3 % 4])
        wait_for_trips(page, seen)
        if k == 4:
            assert page.locator(".live").screenshot() != before, "nothing moved"
    page.mouse.up()
    samples: list[float] = page.evaluate("() => window.trips")
    return samples[-CHANGES:]


def row(browser: Browser, name: str, where: str, how: str, samples: list[float]) -> dict[str, Any]:
    return about() | {
        "chromium": browser.version,
        "jupyterlab": version("jupyterlab"),
        "explorer": name,
        "where": where,
        "how": how,
        "changes": len(samples),
        "median_ms": round(statistics.median(samples), 1),
        "p95_ms": round(sorted(samples)[int(0.95 * len(samples))], 1),
        "times_no_render": "",
    }


def say(found: dict[str, Any]) -> dict[str, Any]:
    line = "{explorer:<22} {where:<10} {how:<5} median {median_ms:>6} ms, 95 % in {p95_ms:>6}"
    print(line.format(**found), flush=True)
    return found


def on_pages(browser: Browser, room: Path) -> list[dict[str, Any]]:
    """The live explorers without a kernel."""
    rows = []
    cases = {name: getattr(live, name)() for name in LIVE}
    cases["Occlusion, sigma 0.1"] = live.Occlusion(sigma=0.1)
    for name, explorer in cases.items():
        path = room / "page.html"
        path.write_text(explorer.page(name), encoding="utf-8")
        page = lab.new_page(browser, viewport={"width": 1280, "height": 800})
        page.goto(path.as_uri())
        rows += [
            say(row(browser, name, "page", how, push_handle(page, how))) for how in ("key", "drag")
        ]
        page.close()
    return rows


def in_jupyterlab(browser: Browser, room: Path, home: Path) -> list[dict[str, Any]]:
    """All explorers, one after the other in one cell."""
    lab.new_notebook(room / "explorers.ipynb", SHOW + "from softras_edu.explore import live")
    with lab.server(room, home) as address:
        page = lab.open_notebook(browser, address, "explorers.ipynb")
        lab.run_all(page)

        def trips(explorer: str) -> list[float]:
            lab.run_cell(page, explorer)
            page.wait_for_function(lab.WATCH, arg=1)
            return turn_sliders(page)

        idle = trips(f"no_render({PANEL})")
        cases = {name: f"explore.{name}()" for name in explore.__all__}
        rows = []
        for name, explorer in {**cases, "SigmaGamma, sphere": PANEL}.items():
            rows.append(say(row(browser, name, "JupyterLab", "key", trips(explorer))))
        idle += trips(f"no_render({PANEL})")  # once more, whatever the machine did meanwhile
        for found in rows:
            ratio = found["median_ms"] / statistics.median(idle)
            found["times_no_render"] = round(ratio, 2)
        rows.append(say(row(browser, "SigmaGamma, no render", "JupyterLab", "key", idle)))
        for name in LIVE:
            lab.run_cell(page, f"live.{name}()")
            page.locator(".live-handle").first.wait_for()
            for how in ("key", "drag"):
                rows.append(say(row(browser, name, "JupyterLab", how, push_handle(page, how))))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="folder for explorers-in-browser-<date>.csv; without it, only print",
    )
    out = parser.parse_args().out
    with tempfile.TemporaryDirectory() as name, lab.chromium() as browser:
        room, home = Path(name) / "room", Path(name) / "home"
        room.mkdir()
        home.mkdir()
        rows = [*on_pages(browser, room), *in_jupyterlab(browser, room, home)]
    if out:
        write(out, "explorers-in-browser", rows)


if __name__ == "__main__":
    main()
