"""The picture of a whole run: time and memory against what each sweep varies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..plotting.palette import COLORS, GREY, STYLES
from ..rasterizers.ladder import RUNGS

AXES = {
    "growth": ("side", "image side, pixels (faces grow too)"),
    "faces": ("faces", "faces"),
    "sigma": ("sigma", "sigma"),
    "batch": ("batch", "images"),
    "silhouette": ("side", "image side, pixels (silhouette)"),
}
GREYS, MARKERS = ("#000000", GREY, "#aaaaaa"), "xs^dv"


def plot(rows: Sequence[dict[str, Any]], title: str, path: Path) -> None:
    """Log-log.

    Our rungs are coloured lines with dots, the peers thin grey ones with marks of their own.
    """
    from matplotlib.figure import Figure

    axis = {
        sweep: labels
        for sweep, labels in AXES.items()
        if any(row["sweep"] == sweep for row in rows)
    }
    names = list(dict.fromkeys(str(row["backend"]) for row in rows))
    figure = Figure(figsize=(3.75 * len(axis), 6.5), layout="constrained")
    for column, (sweep, (key, label)) in enumerate(axis.items()):
        for row_number, (value, unit) in enumerate(
            (("forward_backward_ms", "forward + backward, ms"), ("memory_mib", "peak memory, MiB"))
        ):
            ax = figure.add_subplot(2, len(axis), 1 + column + row_number * len(axis))
            for name in names:
                mine = [row for row in rows if row["sweep"] == sweep and row["backend"] == name]
                ax.plot(
                    [row[key] for row in mine],
                    [max(float(row[value]), 0.1) for row in mine],
                    label=name,
                    **style(name, names),
                )
            ax.set(xscale="log", yscale="log", xlabel=label, ylabel=unit if column == 0 else "")
            ax.grid(alpha=0.3)
    figure.legend(
        *figure.axes[0].get_legend_handles_labels(),
        loc="outside lower center",
        ncols=len(names),
        fontsize=9,
    )
    figure.suptitle(
        f"{title}: RGB where not silhouette, float32; 64 x 64 pixels, 1,280 faces, sigma 0.0001, "
        "one image where not varied"
    )
    figure.savefig(path, dpi=80)


def style(name: str, names: Sequence[str]) -> dict[str, Any]:
    """How a line looks: a rung always the same, a peer by its place among those measured."""
    if name in RUNGS:
        k = RUNGS.index(name)
        return {"color": COLORS[k], "ls": STYLES[k], "marker": "o", "ms": 4}
    k = [other for other in names if other not in RUNGS].index(name)
    return {
        "color": GREYS[k % len(GREYS)],
        "ls": (0, (2, 2)),
        "lw": 1,
        "marker": MARKERS[k % len(MARKERS)],
        "ms": 6,
    }
