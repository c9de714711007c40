"""One triangle and its pixels: sides of edges, barycentric weights, where D is cut off."""

from __future__ import annotations

import math

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from torch import Tensor

from ...formulas import barycentric, cross, doubled_area, pixel_centers
from ...plotting.palette import BLUE, GREEN, GREY, ORANGE, SKY, rgb
from ...plotting.pictures import pictures

WEIGHT_COLORS = (SKY, ORANGE, GREEN)


def half_planes(triangle: Tensor) -> Figure:
    """The side of each edge of a triangle (3, 2) on which it lies, and where the three meet."""
    xy = triangle.detach().float()
    pixel = pixel_centers(128, 128)
    sides = [cross(xy[(k + 1) % 3] - xy[k], pixel - xy[k]) for k in range(3)]
    masks = [side * doubled_area(xy).sign() > 0 for side in sides]
    masks.append(masks[0] & masks[1] & masks[2])
    images = [torch.where(mask[..., None], rgb(SKY), rgb("#eeeeee")) for mask in masks]
    edges = [(xy[[k, (k + 1) % 3]], "black") for k in range(3)]
    titles = [f"one side of edge {k} to {(k + 1) % 3}" for k in range(3)] + ["all three"]
    figure = pictures(
        images,
        titles,
        outlines=[*[[(xy, GREY), edge] for edge in edges], [(xy, "black")]],
        ticks=False,
        side=2.1,
    )
    for ax in figure.axes:
        for k, (x, y) in enumerate(xy.tolist()):
            ax.annotate(str(k), (x, y), xytext=(1.25 * x, 1.25 * y), ha="center", va="center")
    return figure


def weights_as_areas(triangle: Tensor, inside: Tensor, outside: Tensor) -> Figure:
    """Barycentric weights of two points (2,) of a triangle (3, 2), as shares of its area."""
    xy = triangle.detach().double()
    figure = Figure(figsize=(7.6, 3.5), layout="constrained")
    for ax, point, where in zip(
        figure.subplots(1, 2), (inside, outside), ("inside", "outside"), strict=True
    ):
        _areas(ax, xy, point.detach().double())
        ax.set_title(f"a pixel p {where}", fontsize=10)
    return figure


def _areas(ax: Axes, xy: Tensor, point: Tensor) -> None:
    v = [float(x) for x in barycentric(point, xy)]
    for k in range(3):
        near = torch.stack([point, xy[(k + 1) % 3], xy[(k + 2) % 3]])
        patch = Polygon(
            near.tolist(),
            closed=True,
            facecolor=WEIGHT_COLORS[k] if v[k] > 0 else "none",
            alpha=0.75 if v[k] > 0 else 1.0,
            hatch=None if v[k] > 0 else "///",  # a negative area, on top of the others
            edgecolor="white" if v[k] > 0 else "black",
            zorder=1 if v[k] > 0 else 2,
        )
        ax.add_patch(patch)
        x, y = near.mean(0).tolist()
        box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
        ax.text(x, y, f"v{k}", ha="center", va="center", fontsize=10, bbox=box, zorder=3)
        away = xy[k] - xy.mean(0)
        x, y = (xy[k] + 0.13 * away / away.norm()).tolist()
        ax.text(x, y, str(k), ha="center", va="center", fontsize=11, weight="bold")
    ax.add_patch(Polygon(xy.tolist(), closed=True, fill=False, lw=2))
    x, y = point.tolist()
    ax.plot(x, y, "o", color="black", ms=6)
    ax.annotate("p", (x, y), xytext=(6, 4), textcoords="offset points", fontsize=11)
    total = "  ".join(f"v{k} = {v[k]:+.2f}" for k in range(3))
    ax.text(0, -0.82, total, ha="center", fontsize=10)
    ax.set(xlim=(-1, 1), ylim=(-0.9, 0.8), aspect="equal")
    ax.set_axis_off()


def cut_off(dist_eps: float) -> Figure:
    """D against its logit, on a plain and on a logarithmic scale, and where dist_eps cuts it."""
    figure = Figure(figsize=(7.6, 3.2), layout="constrained")
    logit = torch.linspace(-13, 6, 400, dtype=torch.float64)
    end = -math.log(1 / dist_eps - 1)
    for ax, scale in zip(figure.subplots(1, 2), ("linear", "log"), strict=True):
        ax.axvspan(-13, end, color=GREY, alpha=0.25, label="left out: D < dist_eps")
        ax.plot(logit.tolist(), logit.sigmoid().tolist(), color=BLUE, lw=2, label="D")
        ax.axvline(end, color=ORANGE, lw=2, ls="--", label=f"logit = {end:.2f}")
        if scale == "log":
            ax.axhline(dist_eps, color="black", lw=1, ls=":", label=f"dist_eps = {dist_eps:g}")
            ax.legend(fontsize=8, loc="lower right")
        ax.set(xlim=(-13, 6), xticks=[-12, -9, -6, -3, 0, 3, 6], yscale=scale)
        ax.set(xlabel="logit", title=f"D, {scale} scale")
        ax.title.set_fontsize(10)
        ax.grid(alpha=0.25)
    return figure
