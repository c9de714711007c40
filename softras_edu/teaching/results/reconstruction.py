"""What `benchmarks/reconstruct_table.py` measured, read back and drawn. For notebook 15."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from ...plotting.palette import COLORS, GREY, MARKS
from ...reconstruct.families import FAMILIES
from .tables import Row, wanted

HULL = "visual hull of 24 views"


@dataclass(frozen=True)
class Line:
    """One method: voxel IoU in percent.

    Attributes:
        source: "ours", or whose numbers they are.
        runs: how many seeds.
        families: for each family that was scored, the mean over the runs, and the least and the
            largest.
        mean: the same for the mean over all families.
    """

    method: str
    source: str
    runs: int
    families: dict[str, tuple[float, float, float]]
    mean: tuple[float, float, float]

    @property
    def ours(self) -> bool:
        return self.source == "ours"


def read() -> list[Row]:
    """The file, line by line. An installed package has it too.

    Raises:
        FileNotFoundError: there is none.
    """
    return wanted("reconstruct", "reconstruct_table")


def summary(rows: Sequence[Row], steps: int) -> dict[str, Line]:
    """Each method that was trained for so many steps, and all that was not trained here.

    In the order of the file, the seeds of a method taken together.
    """
    rows = [row for row in rows if row["steps"] in ("", str(steps))]

    def over_runs(lines: Sequence[Row], column: str) -> tuple[float, float, float] | None:
        numbers = [float(row[column]) for row in lines if row[column]]
        return (statistics.mean(numbers), min(numbers), max(numbers)) if numbers else None

    found = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        lines = [row for row in rows if row["method"] == method]
        families = {
            name: numbers for name in FAMILIES if (numbers := over_runs(lines, name)) is not None
        }
        mean = over_runs(lines, "mean")
        assert mean is not None
        found[method] = Line(method, lines[0]["source"], len(lines), families, mean)
    return found


def families_figure(lines: Sequence[Line], titles: Sequence[str]) -> Figure:
    """For each family, and for their mean, one mark a method.

    The bar through it goes from the least to the largest of its runs.
    """
    groups = [*FAMILIES, "mean"]
    figure = Figure(figsize=(8.4, 3.6), layout="constrained")
    ax = figure.subplots()
    for k, (line, title) in enumerate(zip(lines, titles, strict=True)):
        numbers = [line.mean if group == "mean" else line.families[group] for group in groups]
        places = [g - 0.32 + 0.64 * (k + 0.5) / len(lines) for g in range(len(groups))]
        color = GREY if line.method == HULL else COLORS[k % 6]
        ax.plot(
            places, [mean for mean, _, _ in numbers], MARKS[k % 8], color=color, ms=6, label=title
        )
        ax.vlines(
            places,
            [low for _, low, _ in numbers],
            [high for _, _, high in numbers],
            color=color,
            lw=2,
        )
    ax.axvline(len(groups) - 1.5, color="#bbbbbb", lw=1)
    ax.set(xticks=range(len(groups)), ylabel="voxel IoU (%)", ylim=(0, 100))
    ax.set_xticklabels(groups)
    ax.legend(fontsize=8.5, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.22))
    ax.grid(alpha=0.25, axis="y")
    return figure
