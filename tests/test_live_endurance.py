"""A thousand fast moves: nothing is lost, and neither memory nor traffic grows."""

from __future__ import annotations

import anywidget
import pytest
from chromium import SETTLE, module_page, show
from playwright.sync_api import Page

from softras_edu.explore.live import (
    CornerPull,
    ForceField,
    Occlusion,
    OrbitMesh,
    ProbabilityMap,
    WatchFit,
)
from softras_edu.explore.live.base import Live

MOVES, BURST = 1000, 40  # so many moves between two frames: a quick mouse sends ten
EXPLORERS = (CornerPull, ForceField, Occlusion, OrbitMesh, ProbabilityMap, WatchFit)
# Frames of the screen, and messages that a kernel would get.
COUNT = """() => {
    window.frames_seen = 0;
    window.saves = 0;
    const tick = () => { window.frames_seen++; requestAnimationFrame(tick); };
    requestAnimationFrame(tick);
    window.model.save_changes = () => { window.saves++; };
}"""
# What is under the pointer when it is pressed gets all its moves.
HOLD = """() => document.addEventListener(
    'gotpointercapture', event => { window.held = event.target; }, { once: true, capture: true }
)"""
# Moves of a pointer that holds something, on a spiral around (x, y) and outwards; where it was at
# last.
MOVE = """async ([x, y, moves, burst]) => {
    let clientX, clientY;
    for (let k = 1; k <= moves; k++) {
        clientX = x + 40 * k / moves * Math.cos(k / 9);
        clientY = y + 40 * k / moves * Math.sin(k / 9);
        const pointerId = 1;  // the mouse
        window.held.dispatchEvent(
            new PointerEvent('pointermove', { pointerId, clientX, clientY, bubbles: true })
        );
        if (k % burst === 0) await new Promise(requestAnimationFrame);
    }
    return [clientX, clientY];
}"""


def start(explorer: Live) -> dict[str, object]:
    """The traits of an explorer as a page gets them."""
    own = set(explorer.trait_names(sync=True)) - set(anywidget.AnyWidget.class_trait_names())
    return dict(explorer.get_state([name for name in own if not name.startswith("_")]))


def middle(page: Page) -> tuple[float, float]:
    """Of the first handle, in pixels of the window."""
    page.evaluate(SETTLE)
    box = page.locator(".live-handle").first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Page, moves: int) -> tuple[float, float]:
    """The first handle is dragged, and let go. Where the pointer was at last."""
    x, y = middle(page)
    page.evaluate(HOLD)
    page.mouse.move(x, y)
    page.mouse.down()
    page.wait_for_function("() => window.held")
    end = page.evaluate(MOVE, [x, y, moves, BURST])
    page.mouse.up()
    return end[0], end[1]


def memory(page: Page) -> dict[str, float]:
    """Bytes of JavaScript, nodes and listeners, after what is not needed was thrown away."""
    page.evaluate(SETTLE)
    devtools = page.context.new_cdp_session(page)
    devtools.send("HeapProfiler.collectGarbage")
    devtools.send("Performance.enable")
    found = {
        row["name"]: row["value"] for row in devtools.send("Performance.getMetrics")["metrics"]
    }
    devtools.detach()
    return {name: found[name] for name in ("JSHeapUsedSize", "Nodes", "JSEventListeners")}


@pytest.mark.parametrize("explorer", EXPLORERS)
def test_a_thousand_moves_end_where_the_hand_is_and_leave_nothing_behind(browser, explorer) -> None:
    page = module_page(browser)
    made = explorer()
    show(page, made.module, start(made))
    drag(page, 2 * BURST)
    before = memory(page)
    page.evaluate(COUNT)
    end = drag(page, MOVES)
    assert middle(page) == pytest.approx(end, abs=0.6), "the last move counts"
    frames, saves = page.evaluate("() => [window.frames_seen, window.saves]")
    assert 0 < saves <= frames, "one message a frame at the most"
    assert saves < MOVES / 4
    after = memory(page)
    assert after["Nodes"] < before["Nodes"] + MOVES / 20  # some may not be collected yet
    assert after["JSEventListeners"] == before["JSEventListeners"]
    assert after["JSHeapUsedSize"] < before["JSHeapUsedSize"] + 400_000  # 400 bytes a move
    assert not page.complaints
    page.close()
