"""The course's figures. Each function returns a matplotlib Figure; `show(figure, alt)` puts it in a notebook with its alt text."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor

# Okabe and Ito's palette. Lines differ in style as well as in colour.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))
ORANGE, BLUE, GREEN, GREY = "#E69F00", "#0072B2", "#009E73", "#777777"

Outline = tuple[Tensor, str]  # (n, 2) corners in NDC, and a colour
Arrows = tuple[Tensor, Tensor]  # (n, 2) starts and (n, 2) steps, both in NDC


def show(figure: Figure, alt: str, *, colors: int | None = None) -> None:
    """Show a figure in a notebook. `alt` says in words what it shows: for screen readers, and where pictures do not load.

    With `colors`, at most 256, the picture is stored with so many colours: a third of the bytes for one that is full of shades.
    """
    from IPython.display import display

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    if colors is not None:
        few = Image.open(buffer).convert("RGB").quantize(colors, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        few.save(buffer, "png", optimize=True)
    picture = base64.b64encode(buffer.getvalue()).decode()
    display(
        {"image/png": picture, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}}
    )


def flip_book(
    frames: Sequence[Tensor], *, seconds: float = 0.1, side: int = 256, format: str = "gif"
) -> bytes:
    """Pictures one after the other, over and over, as a file: a GIF (256 colours), or an animated PNG (all of them).

    Args:
        frames: each (H, W) grey or (H, W, 3 or more) RGB, in [0, 1].
        seconds: how long each is shown; the last one three times as long.
        side: pixels of the file's height; a smaller frame is enlarged by a whole factor, its pixels stay sharp.
    """
    if len(frames) == 0:
        raise ValueError("frames: got none, wanted one or more")
    factor = max(1, side // frames[0].shape[0])
    images = []
    for frame in frames:
        array = (
            (frame.detach().cpu()[..., :3] if frame.dim() == 3 else frame.detach().cpu())
            .clamp(0, 1)
            .mul(255)
            .round()
            .byte()
            .numpy()
        )
        picture = Image.fromarray(array)
        images.append(
            picture.resize(
                (picture.width * factor, picture.height * factor), Image.Resampling.NEAREST
            )
        )
    times = [round(1000 * seconds)] * (len(images) - 1) + [round(3000 * seconds)]
    buffer = io.BytesIO()
    images[0].save(buffer, format, save_all=True, append_images=images[1:], duration=times, loop=0)
    return buffer.getvalue()


def show_flip_book(
    frames: Sequence[Tensor], alt: str, *, seconds: float = 0.1, side: int = 256
) -> None:
    """Play frames in a notebook, as an animated PNG: whatever shows pictures shows it, and what cannot play it shows the first frame."""
    from IPython.display import display

    picture = base64.b64encode(flip_book(frames, seconds=seconds, side=side, format="png")).decode()
    display(
        {"image/png": picture, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}}
    )


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
) -> Figure:
    """Images side by side, in NDC.

    Args:
        images: each (H, W), coloured by `cmap` between vmin and vmax, or (H, W, 3 or more) RGB.
        titles: one an image.
        colorbar: the label of a colour bar, or "" for none.
        outlines: for each image, closed lines to draw on it.
        arrows: for each image, arrows to draw on it, or None.
        columns: images a row at most. side: inches of one image.
    """
    count = min(columns, len(images))
    rows = -(-len(images) // count)
    figure = Figure(
        figsize=(side * count + (0.6 if colorbar else 0), (side + 0.35) * rows),
        layout="constrained",
    )
    axes = figure.subplots(rows, count, squeeze=False).flatten().tolist()
    for ax in axes[len(images) :]:
        ax.set_axis_off()
    for k, (ax, image, title) in enumerate(zip(axes, images, titles, strict=False)):
        picture(ax, image, title, cmap, vmin, vmax)
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
    """Lines over a common x, (N,) each, by name; `marks` are vertical lines, by name, drawn in the colours of the lines in turn."""
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
        ax.axvline(place, color=COLORS[k % 6], lw=1, alpha=0.7)
        ax.annotate(
            name,
            (place, 0.97),
            xycoords=("data", "axes fraction"),
            rotation=90,
            va="top",
            ha="right",
            fontsize=8,
            color=COLORS[k % 6],
        )
    ax.set(
        xlabel=xlabel,
        ylabel=ylabel,
        title=title,
        xscale="log" if logx else "linear",
        yscale="log" if logy else "linear",
    )
    if ylim:
        ax.set_ylim(*ylim)
    if len(ys) > 1:
        ax.legend(fontsize=9)
    ax.grid(alpha=0.25)
    return figure


def axes_table(columns: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Figure:
    """How tensors line up when they are broadcast: a row a tensor, a column an axis.

    Args:
        columns: the names of the axes, for example B, F, H, W.
        rows: for each tensor its length along each axis: "1" is drawn as an open box, because it is stretched; "" is no axis at all.
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
    """A list of pairs between its faces (above) and its pixels (below): values are gathered down to the pairs, and summed down to the pixels."""
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
            arrowprops={"arrowstyle": "-|>", "color": "#D55E00", "lw": 1.3},
        )
    for y, places, names, color in (
        (2, x_face, [f"face {f}" for f in range(faces)], BLUE),
        (1, x_pair, [f"{f}, {p}" for f, p in zip(face, pixel, strict=True)], "#444444"),
        (0, x_pixel, [f"pixel {p}" for p in range(pixels)], "#D55E00"),
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


def bars(
    groups: Sequence[str], values: Mapping[str, Sequence[float]], *, ylabel: str, logy: bool = True
) -> Figure:
    """Bars side by side: for each group one bar of each name, with its number on top; told apart by colour and by hatching."""
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


def intervals(
    groups: Sequence[str],
    values: Mapping[str, Sequence[tuple[float, float]]],
    *,
    marks: Sequence[float] = (),
    mark: str = "",
    ylabel: str = "",
) -> Figure:
    """Means with intervals: in each group one mark of each name, (mean, half width); `marks`, one a group, are lines to compare with, called `mark`."""
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
            fmt="osD^vP"[k % 6],
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


def _short(number: float) -> str:
    """5,242,880 -> 5.2 M."""
    for unit in ("", " k", " M", " G"):
        if abs(number) < 1000:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g} T"


def conventions() -> Figure:
    """Where pixels are: a 4 x 6 picture with its pixel centres, row and column numbers, and the NDC axes."""
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
    ax.annotate("", (1.75, 0), (-1.75, 0), arrowprops={"arrowstyle": "-|>", "color": "#D55E00"})
    ax.annotate("", (0, 1.25), (0, -1.25), arrowprops={"arrowstyle": "-|>", "color": "#D55E00"})
    ax.annotate("x", (1.77, -0.02), color="#D55E00", va="center")
    ax.annotate("y", (0.04, 1.2), color="#D55E00")
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
        marks: by title, places between boxes (0 is before the first) at which a thick line is drawn: where a part begins.
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
    """Functions of two numbers in [0, 1] as landscapes of height 0 to `top`: each (N, N), rows along a, columns along b, both rising."""
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
