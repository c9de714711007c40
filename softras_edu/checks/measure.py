"""The exercises of notebook 10.

Time is played: a made-up machine says what each call takes, so that the same answer is right
everywhere.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .exercise import Exercise

Row = dict[str, str]


# --- a stopwatch --------------------------------------------------------------


class Machine:
    """A computer with a queue, like a GPU.

    `run` only hands work over, `wait` returns when it is done, `clock` says how late it is.

    Args:
        seconds: how long each call's work takes, in turn, and then round again.
    """

    def __init__(self, seconds: Sequence[float]):
        self.seconds = list(seconds)
        self.calls = 0
        self.now = 100.0
        self.queued = 0.0

    def run(self) -> None:
        self.now += 0.01
        self.queued += self.seconds[self.calls % len(self.seconds)]
        self.calls += 1

    def wait(self) -> None:
        self.now += self.queued
        self.queued = 0.0

    def clock(self) -> float:
        return self.now


Step = Callable[[], Any]


def _samples(run: Step, wait: Step, clock: Step, warmup: int, repeats: int) -> list[float]:
    for _ in range(warmup):
        run()
    samples: list[float] = []
    for _ in range(repeats):
        wait()
        start = clock()
        run()
        wait()
        samples.append(clock() - start)
    return samples


def _median_time(run: Step, wait: Step, clock: Step, warmup: int, repeats: int) -> float:
    return statistics.median(_samples(run, wait, clock, warmup, repeats))


def _without_waiting(run: Step, wait: Step, clock: Step, warmup: int, repeats: int) -> float:
    return _median_time(run, lambda: None, clock, warmup, repeats)


def _waits_at_the_end_only(run: Step, wait: Step, clock: Step, warmup: int, repeats: int) -> float:
    for _ in range(warmup):
        run()
    samples: list[float] = []
    for _ in range(repeats):
        start = clock()
        run()
        wait()
        samples.append(clock() - start)
    return statistics.median(samples)


def _times(*parts: tuple[Sequence[float], int, int]) -> list[tuple[Any, ...]]:
    """One case each: a new machine, of which `run`, `wait` and `clock` are handed out."""
    return [
        (m.run, m.wait, m.clock, warmup, repeats)
        for m, warmup, repeats in ((Machine(s), w, r) for s, w, r in parts)
    ]


median_time = Exercise(
    "median_time",
    _median_time,
    cases=_times(
        ([40.0, 3.0, 7.0, 2.0, 25.0, 4.0, 6.0], 1, 5),
        ([60.0, 30.0, 5.0, 9.0, 2.0], 2, 1),
        ([50.0, 20.0, 6.0, 1.0, 8.0, 3.0], 2, 4),
    ),
    mistakes={
        "That is the mean: one disturbed call drags it along. Take the median.": lambda *a: (
            statistics.fmean(_samples(*a))
        ),
        (
            "The first calls are in the median. Make `warmup` calls that do not count."
        ): lambda run, wait, clock, warmup, repeats: _median_time(run, wait, clock, 0, repeats),
        (
            "The clock was read before the work was done. Call wait() first: run() only hands "
            "the work over."
        ): _without_waiting,
        (
            "The first sample also waits for what the warm-up left in the queue. Call wait() "
            "before the clock starts, too."
        ): _waits_at_the_end_only,
        (
            "That is the fastest call. The best of many says what is possible, not what is usual."
        ): lambda *a: min(_samples(*a)),
        (
            "Of an even number of samples, the median is the mean of the middle two. "
            "torch.median takes the lower one."
        ): lambda *a: float(torch.tensor(_samples(*a), dtype=torch.float64).median()),
        "That is the slowest call. Take the median: the one in the middle.": lambda *a: max(
            _samples(*a)
        ),
        "That is the sum of all samples. Take the median.": lambda *a: sum(_samples(*a)),
        (
            "Of an even number of samples, the median is the mean of the middle two: yours is "
            "the upper one."
        ): lambda *a: sorted(s := _samples(*a))[len(s) // 2],
    },
)


# --- a slope ------------------------------------------------------------------


def _loglog_slope(x: Tensor, y: Tensor) -> float:
    u, v = x.log() - x.log().mean(), y.log() - y.log().mean()
    return float((u * v).sum() / (u * u).sum())


def _straight(u: Tensor, v: Tensor) -> float:
    u, v = u - u.mean(), v - v.mean()
    return float((u * v).sum() / (u * u).sum())


_SIDES = torch.tensor([16.0, 32.0, 64.0, 128.0], dtype=torch.float64)
loglog_slope = Exercise(
    "loglog_slope",
    _loglog_slope,
    cases=[
        (_SIDES, torch.tensor([1.0, 3.6, 17.0, 66.0], dtype=torch.float64)),
        (_SIDES * 10, torch.tensor([5.0, 4.0, 9.0, 11.0], dtype=torch.float64)),
        (
            torch.tensor([1.0, 10.0, 1000.0], dtype=torch.float64),
            torch.tensor([8.0, 3.0, 0.5], dtype=torch.float64),
        ),
    ],
    mistakes={
        "No logarithms yet: that is the slope of y against x.": _straight,
        "Only y went through the logarithm.": lambda x, y: _straight(x, y.log()),
        "Only x went through the logarithm.": lambda x, y: _straight(x.log(), y),
        "That is the slope of x against y: divide by the spread of log x.": lambda x, y: _straight(
            y.log(), x.log()
        ),
        (
            "First and last point only. The points in between have measured something, too: "
            "least squares."
        ): lambda x, y: math.log(y[-1] / y[0]) / math.log(x[-1] / x[0]),
        (
            "The means are not taken off yet: u and v are the logarithms less their means."
        ): lambda x, y: (x.log() * y.log()).sum() / x.log().square().sum(),
        (
            "That is the correlation, how well a line fits. The slope divides by the spread "
            "of log x alone."
        ): lambda x, y: _straight(x.log(), y.log()) * x.log().std() / y.log().std(),
        (
            "That is the mean of the steps' slopes. A least-squares line weighs all points "
            "together."
        ): lambda x, y: (y.log().diff() / x.log().diff()).mean(),
        (
            "A ratio of logarithms is no slope: it is about changes. Take the means off first."
        ): lambda x, y: (y.log() / x.log()).mean(),
        (
            "That is where the line begins (its intercept). np.polyfit gives the slope first."
        ): lambda x, y: y.log().mean() - _loglog_slope(x, y) * x.log().mean(),
    },
)


# --- a row of the CSV file ----------------------------------------------------


def _row(side: int, faces: int, batch: int, forward: float, both: float, live: int) -> Row:
    numbers = {
        "side": side,
        "faces": faces,
        "batch": batch,
        "forward_ms": forward,
        "forward_backward_ms": both,
        "live_pairs": live,
    }
    return {"backend": "numba", **{name: str(value) for name, value in numbers.items()}}


def _pairs_time(row: Row) -> float:
    return float(row["forward_backward_ms"]) * 1e6 / int(row["live_pairs"])


pairs_time = Exercise(
    "pairs_time",
    _pairs_time,
    cases=[
        (_row(16, 80, 1, 0.005, 0.0141, 282),),
        (_row(64, 1280, 1, 0.4, 0.8176, 16352),),
        (_row(64, 1280, 4, 1.1, 2.6, 65128),),
    ],
    mistakes={
        "That is the forward pass alone. The column forward_backward_ms has both.": lambda row: (
            float(row["forward_ms"]) * 1e6 / int(row["live_pairs"])
        ),
        (
            "That divides by every pixel with every face. The column live_pairs has the pairs "
            "that count."
        ): lambda row: (
            float(row["forward_backward_ms"])
            * 1e6
            / (int(row["side"]) ** 2 * int(row["faces"]) * int(row["batch"]))
        ),
        "Those are microseconds. A millisecond has a million nanoseconds.": lambda row: (
            _pairs_time(row) / 1e3
        ),
        "Those are milliseconds. A millisecond has a million nanoseconds.": lambda row: (
            _pairs_time(row) / 1e6
        ),
        "The column has forward and backward together: nothing to add.": lambda row: (
            (float(row["forward_ms"]) + float(row["forward_backward_ms"]))
            * 1e6
            / int(row["live_pairs"])
        ),
        "That is time per pixel of the image.": lambda row: (
            float(row["forward_backward_ms"]) * 1e6 / (int(row["side"]) ** 2 * int(row["batch"]))
        ),
        "That is the backward pass alone: the column has both, and both are wanted.": lambda row: (
            (float(row["forward_backward_ms"]) - float(row["forward_ms"]))
            * 1e6
            / int(row["live_pairs"])
        ),
        (
            "That divides by every pixel with every face, of one image. The column live_pairs "
            "has the pairs that count."
        ): lambda row: (
            float(row["forward_backward_ms"]) * 1e6 / (int(row["side"]) ** 2 * int(row["faces"]))
        ),
        "That is time per pixel. Divide by the column live_pairs.": lambda row: (
            float(row["forward_backward_ms"]) * 1e6 / int(row["side"]) ** 2
        ),
        "live_pairs has all images' pairs already: do not multiply by the batch.": lambda row: (
            _pairs_time(row) / int(row["batch"])
        ),
        "That is the time of the whole call. Divide by live_pairs.": lambda row: (
            float(row["forward_backward_ms"]) * 1e6
        ),
    },
)


# --- a floor ------------------------------------------------------------------


def _roofline(moved: float, operations: float, bandwidth: float, peak: float) -> float:
    return max(moved / bandwidth, operations / peak)


roofline = Exercise(
    "roofline",
    _roofline,
    cases=[(8e9, 4e9, 1e10, 2e10), (1e9, 6e10, 1e10, 2e10), (5e9, 9e9, 1e10, 2e10)],
    mistakes={
        (
            "Moving and computing go on at the same time: the slower one counts, not the sum."
        ): lambda m, o, b, p: m / b + o / p,
        (
            "The faster of the two must wait for the slower one: take the larger time."
        ): lambda m, o, b, p: min(m / b, o / p),
        "That counts the operations alone. Bytes take time, too.": lambda m, o, b, p: o / p,
        "That counts the bytes alone. Operations take time, too.": lambda m, o, b, p: m / b,
        "Time is work over speed, not speed over work.": lambda m, o, b, p: max(b / m, p / o),
        "That is a speed, operations a second. A time is wanted.": lambda m, o, b, p: min(
            p, o / m * b
        ),
        (
            "That is the mean of the two. Both must be done: the slower one counts."
        ): lambda m, o, b, p: (m / b + o / p) / 2,
        (
            "That is a mean of the two (the root of their product). The slower one counts: max."
        ): lambda m, o, b, p: math.sqrt(m / b * o / p),
        "// rounds down to whole seconds; / does not.": lambda m, o, b, p: max(m // b, o // p),
    },
)
