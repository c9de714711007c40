"""What `benchmarks/fit_poses.py` measured, read back and drawn.

Shares of poses found, with intervals. For notebook 13.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ...plotting.palette import COLORS, GREY, MARKS
from .tables import Row, wanted

STARTS = ("20", "50", "80", "random")


def newest() -> list[Row]:
    """The newest poses-*.csv, line by line. An installed package has it too.

    Raises:
        FileNotFoundError: there is none.
    """
    return wanted("poses", "fit_poses")


def percent(rows: Sequence[Row], object: str, method: str) -> list[float]:
    """Share of poses found, in percent, for each of STARTS that was measured, or published."""
    found = {
        row["start"]: float(row["percent"])
        for row in rows
        if (row["object"], row["method"]) == (object, method)
    }
    return [found[start] for start in STARTS if start in found]


def median_error(rows: Sequence[Row], object: str, method: str) -> list[float]:
    """Median of the angle that was left, in degrees, for each of STARTS."""
    found = {
        row["start"]: float(row["median_error"])
        for row in rows
        if (row["object"], row["method"]) == (object, method)
    }
    return [found[start] for start in STARTS]


def shares(rows: Sequence[Row], object: str, methods: Sequence[str], title: str = "") -> Figure:
    """For each distance of the start, one mark a method.

    Percent of poses found, with Wilson's interval where we counted; grey without, where it is
    theirs.
    """
    figure = Figure(figsize=(8.4, 4.0), layout="constrained")
    ax = figure.subplots()
    for k, method in enumerate(methods):
        lines = [row for row in rows if (row["object"], row["method"]) == (object, method)]
        ours = lines[0]["source"] == "ours"
        color = COLORS[k % 6] if ours else GREY
        places = [
            STARTS.index(row["start"]) + 0.76 * ((k + 0.5) / len(methods) - 0.5) for row in lines
        ]
        heights = [float(row["percent"]) for row in lines]
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
                ax.plot([place] * 2, [float(row["low"]), float(row["high"])], color=color, lw=2)
    for line in range(1, len(STARTS)):
        ax.axvline(line - 0.5, color="#dddddd", lw=1)
    ax.set(
        xlim=(-0.5, len(STARTS) - 0.5),
        ylim=(-3, 106),
        ylabel="poses found (%)",
        xlabel="angle between start and truth",
        title=title,
    )
    ax.set_xticks(
        range(len(STARTS)), labels=["20 degrees", "50 degrees", "80 degrees", "any rotation"]
    )
    ax.grid(alpha=0.25, axis="y")
    ax.legend(fontsize=8.5, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=4)
    return figure
