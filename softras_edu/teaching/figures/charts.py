"""Numbers as bars, intervals, tables, small plots and surfaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ...plotting.palette import COLORS, GREY, MARKS, STYLES


def bars(
    groups: Sequence[str], values: Mapping[str, Sequence[float]], *, ylabel: str, logy: bool = True
) -> Figure:
    """Bars side by side: for each group one bar of each name, with its number on top.

    Told apart by colour and by hatching.
    """
    figure = Figure(figsize=(7.6, 3.4), layout="constrained")
    ax = figure.subplots()
    width = 0.8 / len(values)
    for k, (name, numbers) in enumerate(values.items()):
        places = [g - 0.4 + (k + 0.5) * width for g in range(len(groups))]
        drawn = ax.bar(
            places,
            numbers,
            width,
            label=name,
            color=COLORS[k % 6],
            hatch=("", "//", "..", "xx", "\\\\", "++")[k % 6],
            edgecolor="white",
        )
        ax.bar_label(drawn, [_short(number) for number in numbers], fontsize=8, padding=1)
    ax.set(xticks=range(len(groups)), ylabel=ylabel, yscale="log" if logy else "linear")
    ax.set_xticklabels(groups)
    ax.margins(y=0.12)
    ax.legend(fontsize=9, ncols=len(values), loc="upper left")
    return figure


def _short(number: float) -> str:
    """5,242,880 -> 5.2 M."""
    for unit in ("", " k", " M", " G"):
        if abs(number) < 1000:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g} T"


def intervals(
    groups: Sequence[str],
    values: Mapping[str, Sequence[tuple[float, float]]],
    *,
    marks: Sequence[float] = (),
    mark: str = "",
    ylabel: str = "",
) -> Figure:
    """Means with intervals: in each group one mark of each name, (mean, half width).

    `marks`, one a group, are lines to compare with, called `mark`.
    """
    figure = Figure(figsize=(7.6, 3.6), layout="constrained")
    ax = figure.subplots()
    for g, height in enumerate(marks):
        ax.plot(
            [g - 0.42, g + 0.42],
            [height, height],
            color=GREY,
            lw=1.5,
            ls="--",
            label=mark if g == 0 else None,
        )
    for k, (name, numbers) in enumerate(values.items()):
        places = [g - 0.36 + 0.72 * (k + 0.5) / len(values) for g in range(len(groups))]
        means, halves = zip(*numbers, strict=True)
        ax.errorbar(
            places,
            means,
            halves,
            fmt=MARKS[k % 6],
            color=COLORS[k % 6],
            ms=6,
            capsize=3,
            lw=1.5,
            label=name,
        )
    ax.set(xticks=range(len(groups)), ylabel=ylabel, ylim=(0, None))
    ax.set_xticklabels(groups)
    ax.legend(fontsize=8, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.24))
    ax.grid(alpha=0.25, axis="y")
    return figure


def tables(
    images: Sequence[Tensor],
    titles: Sequence[str],
    *,
    xlabel: str,
    ylabel: str,
    cmap: str = "cividis",
    colorbar: str = "",
) -> Figure:
    """Tables of numbers as colours, (rows, columns) each; what is not finite stays white."""
    figure = Figure(
        figsize=(3.6 * len(images) + (0.7 if colorbar else 0), 3.0), layout="constrained"
    )
    axes = figure.subplots(1, len(images), squeeze=False)[0]
    shown = torch.cat([image[image.isfinite()].flatten().float() for image in images])
    for ax, image, title in zip(axes, images, titles, strict=True):
        array = image.detach().double().masked_fill(~image.isfinite(), torch.nan).numpy()
        drawn = ax.imshow(
            array,
            cmap=cmap,
            vmin=shown.min().item(),
            vmax=shown.max().item(),
            aspect="auto",
            interpolation="nearest",
        )
        ax.set(xlabel=xlabel, ylabel=ylabel)
        ax.set_title(title, fontsize=10)
        ax.tick_params(labelsize=8)
    if colorbar:
        figure.colorbar(drawn, ax=list(axes), label=colorbar, shrink=0.9)
    return figure


def profiles(
    x: Tensor,
    groups: Mapping[str, Mapping[str, Tensor]],
    *,
    xlabel: str,
    ylabel: str,
    logy: bool = False,
    ylim: tuple[float, float],
) -> Figure:
    """Small plots over a common x, one a group, each with lines by name."""
    rows = -(-len(groups) // 2)
    figure = Figure(figsize=(7.2, 2.05 * rows + 0.3), layout="constrained")
    axes = figure.subplots(rows, 2, squeeze=False, sharex=True, sharey=True).flatten().tolist()
    for ax in axes[len(groups) :]:
        ax.set_axis_off()
    for ax, (title, lines) in zip(axes, groups.items(), strict=False):
        for k, (name, y) in enumerate(lines.items()):
            ax.plot(x.tolist(), y.tolist(), color=COLORS[k % 6], ls=STYLES[k % 6], lw=2, label=name)
        ax.axvline(0, color=GREY, lw=0.8)
        ax.set(yscale="log" if logy else "linear", ylim=ylim, xlim=(x[0].item(), x[-1].item()))
        ax.set_title(title, fontsize=10)
        ax.legend(fontsize=8, loc="lower right")
        ax.grid(alpha=0.25)
    figure.supxlabel(xlabel, fontsize=10)
    figure.supylabel(ylabel, fontsize=10)
    return figure


def surfaces(maps: Mapping[str, Tensor], *, top: float = 1.0, columns: int = 3) -> Figure:
    """Functions of two numbers in [0, 1] as landscapes of height 0 to `top`.

    Each (N, N), rows along a, columns along b, both rising.
    """
    rows = -(-len(maps) // columns)
    side = 7.6 / columns  # inches
    figure = Figure(figsize=(7.6, rows * side))
    figure.subplots_adjust(
        left=0.03, right=0.97, bottom=0.1 / rows, top=1 - 0.07 / rows, wspace=0.1, hspace=0.14
    )
    for k, (name, heights) in enumerate(maps.items()):
        ax = figure.add_subplot(rows, columns, k + 1, projection="3d")
        a, b = torch.meshgrid(*[torch.linspace(0, 1, n) for n in heights.shape], indexing="ij")
        ax.plot_surface(
            a.numpy(),
            b.numpy(),
            heights.numpy(),
            cmap="cividis",
            vmin=0,
            vmax=top,
            rcount=14,
            ccount=14,
            lw=0.25,
            edgecolor="#ffffff80",
        )
        ax.set(
            xticks=[0, 0.5, 1],
            yticks=[0, 0.5, 1],
            zticks=[0, top / 2, top],
            xlabel="a",
            ylabel="b",
            zlim=(0, top),
        )
        ax.xaxis.labelpad = ax.yaxis.labelpad = -8
        ax.tick_params(labelsize=6.5, pad=-3)
        ax.set_title(name, fontsize=10, y=0.97)
        ax.view_init(elev=32, azim=-150)
    return figure
