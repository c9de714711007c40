"""The way of one picture through the network, the renderer and the losses, as a figure."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import nn

from ..figures import BLUE, GREEN, GREY, ORANGE
from .network import Network

Place = tuple[float, float, float, float]  # middle x, middle y, width, height


def diagram(network: Network) -> Figure:
    """Boxes with the sizes that this network has. Blue: layers that learn. Green: fixed formulas that pass gradients on. Orange: what was photographed."""
    convolutions = [layer for layer in network.features if isinstance(layer, nn.Conv2d)]
    full = [layer.out_features for layer in network.features if isinstance(layer, nn.Linear)]
    hidden = [layer.out_features for layer in network.geometry if isinstance(layer, nn.Linear)]
    verts = len(network.sphere)
    figure = Figure(figsize=(9.4, 3.5), layout="constrained")
    ax = figure.subplots()
    picture = _box(ax, (0.55, 2, 1.0, 0.9), "picture\n64 x 64\nRGBA", ORANGE)
    sizes = "\n".join(f"{layer.out_channels} x {32 // 2**k} x {32 // 2**k}" for k, layer in enumerate(convolutions))
    encoder = _box(ax, (2.0, 2, 1.25, 1.15), f"3 convolutions\n{sizes}", BLUE)
    code = _box(ax, (3.55, 2, 1.15, 0.9), "3 full layers\n" + ", ".join(map(str, full)), BLUE)
    geometry = _box(ax, (5.15, 2.75, 1.35, 0.75), "2 full layers\n" + ", ".join(map(str, hidden)), BLUE)
    paint = _box(ax, (5.15, 1.25, 1.35, 0.75), "palette, and\neach vertex's mix" if network.paint is not None else "(colours:\nnot in this one)", BLUE)
    mesh = _box(ax, (6.85, 2, 1.3, 1.15), f"mesh\n1 centroid\n{verts} offsets\nof a sphere", BLUE)
    draw = _box(ax, (8.35, 2, 1.05, 0.75), "soft\nrasterizer", GREEN)
    here = _box(ax, (9.95, 2.75, 1.3, 0.75), "compared with\nthe picture", GREEN)
    there = _box(ax, (9.95, 1.25, 1.3, 0.75), "compared with a\nsecond picture", GREEN)
    for start, end in (
        (picture, encoder), (encoder, code), (code, geometry), (code, paint), (geometry, mesh), (paint, mesh), (mesh, draw), (draw, here), (draw, there),
    ):  # fmt: skip
        if network.paint is None and paint in (start, end):
            continue
        ax.annotate("", _left(end), _right(start), arrowprops={"arrowstyle": "-|>", "color": "#444444", "lw": 1.4})
    ax.annotate("gradients come back along every arrow", (5.6, 0.45), ha="center", fontsize=9, color=GREY)
    ax.annotate("", (2.6, 0.3), (9.0, 0.3), arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 1.2, "ls": "--"})
    ax.set(xlim=(0, 10.65), ylim=(0.1, 3.3))
    ax.set_axis_off()
    return figure


def _box(ax: Axes, place: Place, text: str, color: str) -> Place:
    """A box with text; gives its place back."""
    x, y, _, _ = place
    shape = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": color, "lw": 1.8}
    ax.text(x, y, text, ha="center", va="center", fontsize=8.5, color="#222222", bbox=shape)
    return place


def _left(place: Place) -> tuple[float, float]:
    return place[0] - place[2] / 2, place[1]


def _right(place: Place) -> tuple[float, float]:
    return place[0] + place[2] / 2, place[1]
