"""How data lie in memory and on the screen: axes of tensors, lists of pairs, pixels, slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ...plotting.palette import BLUE, COLORS, GREY, VERMILION


def axes_table(columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Figure:
    """How tensors line up when they are broadcast: a row a tensor, a column an axis.

    Args:
        columns: the names of the axes, for example B, F, H, W.
        rows: for each tensor its length along each axis: "1" is drawn as an open box, because it is
            stretched; "" is no axis at all.
    """
    left = 0.09 * max(len(name) for name in rows) + 0.4
    figure = Figure(
        figsize=(left + 0.85 * len(columns), 0.5 * (len(rows) + 1)), layout="constrained"
    )
    ax = figure.subplots()
    for j, name in enumerate(columns):
        ax.text(
            j, -1, name, ha="center", va="center", fontsize=12, weight="bold", color=COLORS[j % 6]
        )
    for i, (name, sizes) in enumerate(rows.items()):
        ax.text(-0.7, i, name, ha="right", va="center", fontsize=11, family="monospace")
        for j, size in enumerate(sizes):
            if not size:
                continue
            stretched = size == "1"
            face, edge = ("white", GREY) if stretched else (COLORS[j % 6], COLORS[j % 6])
            ax.add_patch(
                Rectangle(
                    (j - 0.42, i - 0.36),
                    0.84,
                    0.72,
                    facecolor=face,
                    edgecolor=edge,
                    ls="--" if stretched else "-",
                    lw=1.4,
                )
            )
            ax.text(
                j,
                i,
                size,
                ha="center",
                va="center",
                fontsize=11,
                color=GREY if stretched else "white",
                weight="normal" if stretched else "bold",
            )
    ax.set(xlim=(-0.7 - left / 0.85, len(columns) - 0.4), ylim=(len(rows) - 0.4, -1.5))
    ax.set_axis_off()
    return figure


def gather_and_sum(face: Sequence[int], pixel: Sequence[int], *, faces: int, pixels: int) -> Figure:
    """A list of pairs between its faces (above) and its pixels (below).

    Values are gathered down to the pairs, and summed down to the pixels.
    """
    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    ax = figure.subplots()
    x_face = [(f + 0.5) / faces for f in range(faces)]
    x_pair = [(k + 0.5) / len(face) for k in range(len(face))]
    x_pixel = [(p + 0.5) / pixels for p in range(pixels)]
    for k, (f, p) in enumerate(zip(face, pixel, strict=True)):
        ax.annotate(
            "",
            (x_pair[k], 1.13),
            (x_face[f], 1.87),
            arrowprops={"arrowstyle": "-|>", "color": BLUE, "lw": 1.3},
        )
        ax.annotate(
            "",
            (x_pixel[p], 0.13),
            (x_pair[k], 0.87),
            arrowprops={"arrowstyle": "-|>", "color": VERMILION, "lw": 1.3},
        )
    for y, places, names, color in (
        (2, x_face, [f"face {f}" for f in range(faces)], BLUE),
        (1, x_pair, [f"{f}, {p}" for f, p in zip(face, pixel, strict=True)], "#444444"),
        (0, x_pixel, [f"pixel {p}" for p in range(pixels)], VERMILION),
    ):
        for x, name in zip(places, names, strict=True):
            ax.text(
                x,
                y,
                name,
                ha="center",
                va="center",
                fontsize=9,
                color="white",
                bbox={"boxstyle": "round", "facecolor": color, "edgecolor": "none"},
            )
    for height, text in ((1.5, "gather"), (0.5, "segment sum")):
        ax.text(-0.01, height, text, ha="right", va="center", fontsize=10, color="#333333")
    ax.set(xlim=(-0.14, 1), ylim=(-0.25, 2.25))
    ax.set_axis_off()
    return figure


def conventions() -> Figure:
    """Pixel centres, row and column numbers of a 4 x 6 picture, on the NDC axes."""
    figure = Figure(figsize=(5.6, 3.9), layout="constrained")
    ax = figure.subplots()
    height, width = 4, 6
    for i in range(height):
        for j in range(width):
            x, y = (2 * j + 1 - width) / height, 1 - (2 * i + 1) / height
            ax.add_patch(_square(x, y, 1 / height, "#dbe9f6" if (i + j) % 2 else "#f4f8fc"))
            ax.plot(x, y, "o", color=BLUE, ms=3)
            ax.annotate(
                f"{i}, {j}",
                (x, y),
                xytext=(0, 5),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color="#333333",
            )
    ax.annotate("", (1.75, 0), (-1.75, 0), arrowprops={"arrowstyle": "-|>", "color": VERMILION})
    ax.annotate("", (0, 1.25), (0, -1.25), arrowprops={"arrowstyle": "-|>", "color": VERMILION})
    ax.annotate("x", (1.77, -0.02), color=VERMILION, va="center")
    ax.annotate("y", (0.04, 1.2), color=VERMILION)
    ax.set(
        xlim=(-1.9, 1.9),
        ylim=(-1.35, 1.35),
        aspect="equal",
        xticks=[-1.5, -1, 0, 1, 1.5],
        yticks=[-1, 0, 1],
        title="row, column of a 4 x 6 picture, on NDC axes",
    )
    return figure


def _square(x: float, y: float, half: float, color: str) -> Rectangle:
    return Rectangle(
        (x - half, y - half), 2 * half, 2 * half, facecolor=color, edgecolor="#9bb4cc", lw=0.6
    )


def slots(
    rows: Mapping[str, Sequence[tuple[str, int]]], marks: Mapping[str, Sequence[int]] | None = None
) -> Figure:
    """Pieces of memory: a row of boxes each, with a text and a colour's number in every box.

    Args:
        rows: by title, the boxes of a row.
        marks: by title, places between boxes (0 is before the first) at which a thick line is
            drawn: where a part begins.
    """
    longest = max(len(boxes) for boxes in rows.values())
    figure = Figure(
        figsize=(max(4.0, 0.52 * longest + 0.3), 0.95 * len(rows)), layout="constrained"
    )
    axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for ax, (title, boxes) in zip(axes, rows.items(), strict=True):
        for k, (text, color) in enumerate(boxes):
            ax.add_patch(
                Rectangle((k, 0), 1, 1, facecolor=COLORS[color % 6], edgecolor="white", lw=1.5)
            )
            ax.text(
                k + 0.5,
                0.5,
                text,
                ha="center",
                va="center",
                color="white",
                weight="bold",
                fontsize=10,
            )
        for place in (marks or {}).get(title, ()):
            ax.plot([place, place], [-0.15, 1.15], color="black", lw=2.5)
        ax.set(xlim=(-0.1, longest + 0.1), ylim=(-0.2, 1.2))
        ax.set_title(title, fontsize=10, loc="left")
        ax.set_axis_off()
    return figure
