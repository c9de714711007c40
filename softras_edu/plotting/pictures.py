"""Images on NDC axes, with outlines and arrows on them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from .palette import GREEN

Outline = tuple[Tensor, str]  # (n, 2) corners in NDC, and a colour
Arrows = tuple[Tensor, Tensor]  # (n, 2) starts and (n, 2) steps, both in NDC


def pictures(
    images: Sequence[Tensor],
    titles: Sequence[str],
    *,
    cmap: str = "gray",
    vmin: float = 0.0,
    vmax: float = 1.0,
    colorbar: str = "",
    outlines: Sequence[Sequence[Outline]] = (),
    arrows: Sequence[Arrows | None] = (),
    columns: int = 4,
    side: float = 2.6,
    ticks: bool = True,
) -> Figure:
    """Images side by side, in NDC.

    Args:
        images: each (H, W), coloured by `cmap` between vmin and vmax, or (H, W, 3 or more) RGB.
        titles: one an image.
        colorbar: the label of a colour bar, or "" for none.
        outlines: for each image, closed lines to draw on it.
        arrows: for each image, arrows to draw on it, or None.
        columns: images a row at most. side: inches of one image.
        ticks: the NDC numbers along the sides; without, where the place says nothing.
    """
    count = min(columns, len(images))
    rows = -(-len(images) // count)
    heading = 0.15 + 0.2 * (1 + max(title.count("\n") for title in titles))  # inches
    figure = Figure(
        figsize=(side * count + (0.6 if colorbar else 0), (side + heading) * rows),
        layout="constrained",
    )
    axes = figure.subplots(rows, count, squeeze=False).flatten().tolist()
    for ax in axes[len(images) :]:
        ax.set_axis_off()
    for k, (ax, image, title) in enumerate(zip(axes, images, titles, strict=False)):
        picture(ax, image, title, cmap, vmin, vmax)
        if not ticks:
            ax.set(xticks=[], yticks=[])
        for corners, color in outlines[k] if k < len(outlines) else ():
            closed = torch.cat([corners, corners[:1]]).detach()
            ax.plot(closed[:, 0].tolist(), closed[:, 1].tolist(), color=color, lw=1.8)
        pull = arrows[k] if k < len(arrows) else None
        if pull is not None:
            draw_arrows(ax, *pull)
    if colorbar:
        figure.colorbar(axes[len(images) - 1].images[0], ax=axes, label=colorbar, shrink=0.85)
    return figure


def picture(
    ax: Axes, image: Tensor, title: str, cmap: str = "gray", vmin: float = 0.0, vmax: float = 1.0
) -> None:
    """One image on axes that measure NDC: x right, y up, the height spans [-1, 1]."""
    array = image.detach().cpu()
    array = array[..., :3].clamp(0, 1) if array.dim() == 3 else array
    ratio = array.shape[1] / array.shape[0]
    ax.imshow(
        array.numpy(),
        cmap=cmap,
        vmin=vmin,
        vmax=vmax,
        extent=(-ratio, ratio, -1, 1),
        interpolation="nearest",
    )
    ax.set(title=title, xticks=[-1, 0, 1], yticks=[-1, 0, 1], xlim=(-ratio, ratio), ylim=(-1, 1))
    ax.title.set_fontsize(10)
    ax.tick_params(labelsize=8)


def draw_arrows(ax: Axes, starts: Tensor, steps: Tensor) -> None:
    """Arrows from `starts` along `steps`, in NDC; a step of almost nothing becomes a dot."""
    for (x, y), (dx, dy) in zip(starts.detach().tolist(), steps.detach().tolist(), strict=True):
        if dx * dx + dy * dy < 1e-4:
            ax.plot(x, y, "o", color=GREEN, ms=6, mec="white")
        else:
            ax.annotate(
                "",
                (x + dx, y + dy),
                (x, y),
                arrowprops={"arrowstyle": "-|>", "color": GREEN, "lw": 2.2, "mutation_scale": 14},
            )
