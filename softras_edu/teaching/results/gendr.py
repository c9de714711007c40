"""What `benchmarks/fit_gendr.py` measured, read back, compared case by case, and drawn.

For notebook 16 and docs/choosing-softness.md.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ...plotting.palette import COLORS, GREY, MARKS
from .tables import wanted

Choice = tuple[str, bool, str]  # distribution, squared, conorm
SOFTRAS: Choice = ("logistic", True, "probabilistic")
UNIFORM: Choice = ("uniform", False, "probabilistic")  # what GenDR's paper found best on average
SOLVED = 5.0  # degrees
# What counts as good, case by case, for each task: the IoU itself; or whether the pose was found.
GOOD: dict[str, Callable[[float], float]] = {
    "shape": lambda iou: iou,
    "pose": lambda left: float(left < SOLVED),
}


@dataclass(frozen=True)
class Result:
    """One choice in one task, with its own best blur and learning rate.

    Attributes:
        blur: pixels in which D rises from 0.1 to 0.9; chosen on other cases.
        rate: of learning; chosen on other cases.
        good: a number a case, larger is better. Case k is the same one for every choice.
        tuned: mean score of each (blur, rate) that was tried.
        sweep: by (blur, rate), a number a case as `good`, where the stage "sweep" has one.
    """

    blur: float
    rate: float
    good: list[float]
    tuned: dict[tuple[float, float], float]
    sweep: dict[tuple[float, float], list[float]]

    @property
    def mean(self) -> float:
        """Mean IoU, or share of poses found."""
        return statistics.mean(self.good)

    @property
    def at_an_edge(self) -> bool:
        """Is the chosen setting the least or the largest that was tried, of either dial?"""
        blurs = [blur for blur, rate in self.tuned if rate == self.rate]
        rates = [rate for blur, rate in self.tuned if blur == self.blur]
        return self.blur in (min(blurs), max(blurs)) or self.rate in (min(rates), max(rates))


def study(task: str) -> dict[Choice, Result]:
    """Every choice of a task, "shape" or "pose", from the newest file.

    Raises:
        FileNotFoundError: there is none.
    """
    tuned: dict[Choice, dict[tuple[float, float], float]] = {}
    sweeps: dict[Choice, dict[tuple[float, float], list[float]]] = {}
    results: dict[Choice, Result] = {}
    for row in wanted(f"gendr-{task}", "fit_gendr"):
        choice = (row["distribution"], row["squared"] == "True", row["conorm"])
        blur, rate = float(row["blur"]), float(row["rate"])
        if row["stage"] == "tune":
            tuned.setdefault(choice, {})[blur, rate] = float(row["good"])
            continue
        good = [GOOD[task](float(score)) for score in row["scores"].split()]
        sweep = sweeps.setdefault(choice, {})
        if row["stage"] == "report":
            results[choice] = Result(blur, rate, good, tuned.get(choice, {}), sweep)
        else:
            sweep[blur, rate] = good
    return results


def difference(
    a: Result | Sequence[float], b: Result | Sequence[float], cases: slice = slice(None)
) -> tuple[float, float]:
    """How much better `a` is than `b`, case by case: the mean, and half of its 95 % interval."""
    goods = [r.good if isinstance(r, Result) else r for r in (a, b)]
    return interval([x - y for x, y in zip(*(good[cases] for good in goods), strict=True)])


def interval(each: Sequence[float]) -> tuple[float, float]:
    """The mean of some numbers, and half of its 95 % interval (Student's)."""
    free = len(each) - 1
    t = 1.96 + 2.4 / free + 3 / free**2  # nearly: 2.20 for 12 cases, 1.97 for 400
    return statistics.mean(each), t * statistics.stdev(each) / math.sqrt(len(each))


def name(choice: Choice) -> str:
    """For people: "logistic, squared"; "uniform, max". Not squared and probabilistic go unsaid."""
    distribution, squared, conorm = choice
    said = [distribution, *["squared"] * squared, *[conorm] * (conorm != "probabilistic")]
    return ", ".join(said)


def correlation(a: Sequence[float], b: Sequence[float]) -> float:
    """Of the ranks of two lists of scores (Spearman's).

    1 if both put all choices into the same order, 0 if one says nothing about the other.
    """
    return statistics.correlation(ranks(a), ranks(b))


def ranks(scores: Sequence[float]) -> list[float]:
    """1 for the highest score, 2 for the next; equal ones share the mean of their places."""
    return [
        sum(other > score for other in scores) + (sum(other == score for other in scores) + 1) / 2
        for score in scores
    ]


def dots(
    rows: Mapping[str, Mapping[str, tuple[float, float]]],
    *,
    xlabel: str,
    zero: str = "",
    title: str = "",
) -> Figure:
    """A line a row, a mark a series, (mean, half of its interval); `zero` says what stands at 0."""
    figure = Figure(figsize=(7.2, 1.4 + 0.27 * len(rows)), layout="constrained")
    ax = figure.subplots()
    series = list(dict.fromkeys(key for marks in rows.values() for key in marks))
    for k, key in enumerate(series):
        lines = [(place, marks[key]) for place, marks in enumerate(rows.values()) if key in marks]
        ys = [place + 0.36 * ((k + 0.5) / len(series) - 0.5) for place, _ in lines]
        means, halves = [mean for _, (mean, _) in lines], [half for _, (_, half) in lines]
        ax.errorbar(
            means,
            ys,
            xerr=halves,
            fmt=MARKS[k % 8],
            color=COLORS[k % 6],
            ms=5,
            lw=1.4,
            capsize=2,
            label=key,
        )
    ax.axvline(0, color=GREY, lw=1.2, ls="--")
    if zero:
        ax.annotate(
            zero,
            (0, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
            color=GREY,
        )
    ax.set(yticks=range(len(rows)), xlabel=xlabel, ylim=(len(rows) - 0.4, -0.6))
    ax.set_yticklabels(list(rows), fontsize=9)
    if title:
        ax.set_title(title, fontsize=10, pad=16)
    ax.grid(alpha=0.25, axis="x")
    figure.legend(fontsize=8.5, loc="outside lower center", ncols=len(series))
    return figure
