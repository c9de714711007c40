"""The way of one picture through the network, the renderer and the losses, as a figure."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import nn

from ..plotting.palette import BLUE, GREEN, GREY, ORANGE
from ..reconstruct.network import Network

Box = tuple[float, float, float, float]  # middle x, middle y, half width, half height


def diagram(network: Network) -> Figure:
    """Boxes with the sizes that this network has.

    Blue: layers that learn. Green: fixed formulas that pass gradients on. Orange: photographs.
    """
    convolutions = [layer for layer in network.features if isinstance(layer, nn.Conv2d)]
    full = [layer.out_features for layer in network.features if isinstance(layer, nn.Linear)]
    hidden = [layer.out_features for layer in network.geometry if isinstance(layer, nn.Linear)]
    sizes = "\n".join(
        f"{layer.out_channels} x {32 // 2**k} x {32 // 2**k}"
        for k, layer in enumerate(convolutions)
    )
    painted = network.paint is not None
    figure = Figure(figsize=(8.8, 3.1), layout="constrained")
    ax = figure.subplots()

    picture = _box(ax, 0.0, 0, "picture A\n64 x 64\nRGBA", ORANGE)
    encoder = _box(ax, 1.5, 0, f"convolutions\n{sizes}", BLUE)
    code = _box(ax, 3.0, 0, "full layers\n" + "\n".join(map(str, full)), BLUE)
    geometry = _box(
        ax, 4.5, 0.75 if painted else 0, "full layers\n" + "\n".join(map(str, hidden)), BLUE
    )
    mesh = _box(ax, 6.0, 0, f"mesh\n1 centroid,\n{len(network.sphere)} offsets\nof a sphere", BLUE)
    draw = _box(ax, 7.5, 0, "soft\nrasterizer", GREEN)
    here = _box(ax, 9.0, 0.75, "compared\nwith A", GREEN)
    there = _box(ax, 9.0, -0.75, "compared\nwith B, of the\nsame object", GREEN)
    arrows = [
        (picture, encoder),
        (encoder, code),
        (code, geometry),
        (geometry, mesh),
        (mesh, draw),
        (draw, here),
        (draw, there),
    ]
    if painted:
        paint = _box(ax, 4.5, -0.75, "a palette from\nthe picture,\nvertices mix it", BLUE)
        arrows += [(code, paint), (paint, mesh)]
    for a, b in arrows:
        ax.annotate(
            "",
            (b[0] - b[2], b[1]),
            (a[0] + a[2], a[1]),
            arrowprops={
                "arrowstyle": "-|>",
                "color": "#444444",
                "lw": 1.4,
                "shrinkA": 1,
                "shrinkB": 1,
            },
        )
    ax.annotate(
        "",
        (1.0, -1.62),
        (8.5, -1.62),
        arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 1.2, "ls": "--"},
    )
    ax.text(
        4.75,
        -1.58,
        "the gradient comes back along every arrow",
        ha="center",
        va="bottom",
        fontsize=9,
        color="#444444",
    )
    ax.set(xlim=(-0.7, 9.7), ylim=(-1.75, 1.4))
    ax.set_axis_off()
    return figure


def _box(ax: Axes, x: float, y: float, text: str, color: str) -> Box:
    """A box with some lines of text around (x, y)."""
    wide, high = 0.6, 0.13 + 0.125 * (text.count("\n") + 1)
    shape = "round,pad=0,rounding_size=0.06"
    ax.add_patch(
        FancyBboxPatch(
            (x - wide, y - high),
            2 * wide,
            2 * high,
            boxstyle=shape,
            facecolor="white",
            edgecolor=color,
            lw=1.8,
        )
    )
    ax.text(x, y, text, ha="center", va="center", fontsize=8.5, color="#222222", linespacing=1.3)
    return x, y, wide, high
