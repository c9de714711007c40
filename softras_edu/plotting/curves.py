"""Lines over a common x."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure
from torch import Tensor

from .palette import COLORS, STYLES


def curves(
    x: Tensor,
    ys: Mapping[str, Tensor],
    *,
    xlabel: str,
    ylabel: str,
    title: str = "",
    marks: Mapping[str, float] | None = None,
    logx: bool = False,
    logy: bool = False,
    ylim: tuple[float, float] | None = None,
) -> Figure:
    """Lines over a common x, (N,) each, by name.

    `marks` are dotted vertical lines, named in the legend, in the colours after those of the lines.
    """
    figure = Figure(figsize=(6.4, 3.4), layout="constrained")
    ax = figure.subplots()
    for k, (name, y) in enumerate(ys.items()):
        ax.plot(
            x.detach().tolist(),
            y.detach().tolist(),
            color=COLORS[k % 6],
            ls=STYLES[k % 6],
            lw=2,
            label=name,
        )
    for k, (name, place) in enumerate((marks or {}).items()):
        # Named in the legend: a label on a line hides the curves, rotated ones are hard to read.
        ax.axvline(place, color=COLORS[(k + len(ys)) % 6], lw=1.5, ls=":", label=name)
    ax.set(
        xlabel=xlabel,
        ylabel=ylabel,
        title=title,
        xscale="log" if logx else "linear",
        yscale="log" if logy else "linear",
    )
    if ylim:
        ax.set_ylim(*ylim)
    if len(ys) > 1 or marks:
        ax.legend(fontsize=9)
    ax.grid(alpha=0.25)
    return figure
