"""An explorer as a page meets it, less the browser.

A real kernel gets the message that a dragged slider sends, and answers with pixels.
"""

from __future__ import annotations

import statistics

import pytest
from load_script import load_script

bench = load_script("benchmarks/explorers.py")

BAR = 40  # milliseconds
# What a trip without a render takes on the machine that the bar is meant for; one that is slower,
# or busy, gets as much more time.
NO_RENDER = 10


@pytest.fixture(scope="module")
def kernel():
    with bench.Kernel() as kernel:
        yield kernel


def test_a_message_turns_the_dial_and_brings_pixels_back(kernel):
    shown = kernel.show(bench.PANEL)
    widget, state, _ = shown["dials"]["azimuth"]
    _, pixels = kernel.turn(widget, state, 75.0)
    assert pixels == [shown["picture"]]
    assert kernel.run(
        "print(shown.azimuth, '128 x 128' in shown.readout, '1,280' in shown.readout)"
    ).split() == ["75.0", "True", "True"]


def test_a_trip_takes_less_than_40_ms(kernel):
    def median(shown, dial, values):
        widget, state, _ = shown["dials"][dial]
        return statistics.median(kernel.turn(widget, state, value)[0] for value in values)

    real, idle = kernel.show(bench.PANEL), kernel.show(f"no_render({bench.PANEL})")
    sigmas, gammas = (
        [10 ** (-4.5 + 0.1 * k) for k in range(15)],
        [10 ** (-4 + 0.2 * k) for k in range(15)],
    )
    for panel in (real, idle):  # the first draw compiles, or loads what is compiled
        median(panel, "gamma", gammas)
    rounds = []
    for _ in range(5):  # in turn, so that whatever else the machine does meets both
        before = kernel.processor_time()
        trip = max(median(real, "sigma", sigmas), median(real, "gamma", gammas))
        work = (kernel.processor_time() - before) * 1e3 / (len(sigmas) + len(gammas))
        rounds.append((trip, median(idle, "gamma", gammas), work))
        print(
            "milliseconds of a trip {:.1f}, of one without a render {:.1f}, of work {:.1f}".format(
                *rounds[-1]
            )
        )
        if trip <= BAR * max(1, rounds[-1][1] / NO_RENDER):
            return
    # Something else holds the cores. What can still be judged is the work: done by one core that is
    # free, would it fit?
    assert min(work for _, _, work in rounds) <= BAR, (
        f"(milliseconds of a trip, of one without a render, of processor time): {rounds}"
    )
