"""What `benchmarks/fit_poses.py` and `fit_cameras.py` measured, read back and drawn.

Shares of poses found and mean angles left, with intervals. For notebook 13.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ...plotting.palette import COLORS, GREY, MARKS
from .tables import Row, wanted

STARTS = ("20", "50", "80", "random")
# Of each score: the columns of its value and its interval, and the label of its axis.
SCORES = {
    "solved": ("percent", "low", "high", "poses found (%)"),
    "mean": ("mean_error", "mean_low", "mean_high", "mean angle left (degrees)"),
}


def newest() -> list[Row]:
    """The newest poses-*.csv and pose-changes-*.csv, line by line. An installed package has them.

    Raises:
        FileNotFoundError: there is none.
    """
    return wanted("poses", "fit_poses") + wanted("pose-changes", "fit_poses")


def last_stage() -> list[Row]:
    """The newest pose-last-*.csv, line by line: with mean angles, and a last hard stage.

    Raises:
        FileNotFoundError: there is none.
    """
    return wanted("pose-last", "fit_poses")


def cameras() -> list[Row]:
    """The newest cameras-*.csv, line by line.

    Raises:
        FileNotFoundError: there is none.
    """
    return wanted("cameras", "fit_cameras")


def percent(rows: Sequence[Row], object: str, method: str) -> list[float]:
    """Share of poses found, in percent, for each of STARTS that was measured, or published."""
    return _column(rows, object, method, "percent")


def mean_error(rows: Sequence[Row], object: str, method: str) -> list[float]:
    """Mean of the angle that was left, in degrees, for each of STARTS measured, or published."""
    return _column(rows, object, method, "mean_error")


def median_error(rows: Sequence[Row], object: str, method: str) -> list[float]:
    """Median of the angle that was left, in degrees, for each of STARTS."""
    return _column(rows, object, method, "median_error")


def interval(rows: Sequence[Row], object: str, method: str, start: str) -> tuple[float, float]:
    """The interval of the share of poses found, in percent."""
    low, high = (_column(rows, object, method, end, start)[0] for end in ("low", "high"))
    return low, high


def _column(
    rows: Sequence[Row], object: str, method: str, column: str, only: str = ""
) -> list[float]:
    found = {
        row["start"]: float(row[column])
        for row in rows
        if (row["object"], row["method"]) == (object, method)
    }
    return [found[start] for start in STARTS if start in found and only in ("", start)]


def shares(
    rows: Sequence[Row], object: str, methods: Sequence[str], title: str = "", score: str = "solved"
) -> Figure:
    """For each distance of the start, one mark a method.

    A score of SCORES, with its interval where we counted; grey without, where it is theirs.
    """
    value, low, high, label_of_axis = SCORES[score]
    figure = Figure(figsize=(8.4, 4.0), layout="constrained")
    ax = figure.subplots()
    for k, method in enumerate(methods):
        lines = [row for row in rows if (row["object"], row["method"]) == (object, method)]
        ours = lines[0]["source"] == "ours"
        color = COLORS[k % 6] if ours else GREY
        places = [
            STARTS.index(row["start"]) + 0.76 * ((k + 0.5) / len(methods) - 0.5) for row in lines
        ]
        heights = [float(row[value]) for row in lines]
        label = method if ours else f"{method} (published)"
        ax.plot(
            places,
            heights,
            MARKS[k % 8],
            color=color,
            ms=7,
            label=label,
            mfc=color if ours else "white",
            mew=1.5,
        )
        for place, row in zip(places, lines, strict=True):
            if ours:
                ax.plot([place] * 2, [float(row[low]), float(row[high])], color=color, lw=2)
    for line in range(1, len(STARTS)):
        ax.axvline(line - 0.5, color="#dddddd", lw=1)
    ax.set(
        xlim=(-0.5, len(STARTS) - 0.5),
        ylabel=label_of_axis,
        xlabel="angle between start and truth",
        title=title,
    )
    if score == "solved":
        ax.set_ylim(-3, 106)
    else:
        ax.set_ylim(bottom=0)
    ax.set_xticks(
        range(len(STARTS)), labels=["20 degrees", "50 degrees", "80 degrees", "any rotation"]
    )
    ax.grid(alpha=0.25, axis="y")
    ax.legend(fontsize=8.5, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=4)
    return figure
