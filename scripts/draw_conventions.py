"""The picture of docs/conventions.md: axes, pixels, winding. The library's own camera draws it.

Python scripts/draw_conventions.py
"""

from __future__ import annotations

from pathlib import Path

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from softras_edu import Camera
from softras_edu.plotting.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION

SEEN_FROM = Camera.orbit(9.0, 24.0, 28.0, fov=40.0)
ELEVATION, AZIMUTH, DISTANCE = 35.0, 60.0, 2.6  # of the camera that is drawn
LETTER = [(-0.5, -0.8), (-0.2, -0.8), (-0.2, -0.1), (0.3, -0.1), (0.3, 0.2), (-0.2, 0.2),
          (-0.2, 0.5), (0.6, 0.5), (0.6, 0.8), (-0.5, 0.8)]  # fmt: skip
FRAMES = {  # what x, y and z are of right, up and forward
    "here, OpenGL, Blender": (1, 1, -1),
    "OpenCV, COLMAP": (1, -1, 1),
    "PyTorch3D": (-1, 1, 1),
    "SoftRas, NMR, GenDR": (1, 1, 1),
}
SMALL = 8.5


def main() -> None:
    path = Path(__file__).parent.parent / "docs" / "conventions.png"
    draw().savefig(path, dpi=110, metadata={"Software": None})
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")


def draw() -> Figure:
    """The whole picture."""
    figure = Figure(figsize=(11.4, 7.4), layout="constrained", facecolor="white")
    upper, lower = figure.subfigures(2, 1, height_ratios=[1.75, 1], hspace=0.04)
    world, pixels, winding = upper.subplots(1, 3, width_ratios=[1.25, 1.35, 0.8])
    draw_world(world)
    draw_pixels(pixels)
    draw_winding(winding)
    lower.suptitle("The axes of the camera itself, seen from behind it", fontsize=10.5)
    for ax, (name, signs) in zip(lower.subplots(1, 4), FRAMES.items(), strict=True):
        draw_frame(ax, name, signs)
    return figure


def on_paper(*points: tuple[float, float, float]) -> Tensor:
    """World points -> (n, 2) on the paper."""
    return SEEN_FROM.project(torch.tensor(points, dtype=torch.float64))[0, :, :2]


def orbit(elevation: float, azimuth: float, distance: float = DISTANCE) -> tuple[float, ...]:
    """Where the eye of such a camera is."""
    return tuple(Camera.orbit(distance, elevation, azimuth).eye[0].tolist())


def line(ax: Axes, points: Tensor, color: str, **style: object) -> None:
    ax.plot(*points.T.tolist(), color=color, **{"lw": 1.4, **style})


def arrow(ax: Axes, start: Tensor, end: Tensor, color: str) -> None:
    style = {"arrowstyle": "-|>", "color": color, "lw": 1.8, "mutation_scale": 13, "shrinkB": 0}
    ax.annotate("", end.tolist(), start.tolist(), arrowprops={**style, "shrinkA": 0})


def note(ax: Axes, at: Tensor, text: str, color: str = "black", **options: object) -> None:
    ax.text(*at.tolist(), text, color=color, fontsize=SMALL, **{"va": "center", **options})


def draw_world(ax: Axes) -> None:
    """World axes, the F, and a camera on its orbit with both angles above 0."""
    origin = on_paper((0, 0, 0))[0]
    ax.fill(*on_paper(*[(x, y, 0.0) for x, y in LETTER]).T.tolist(), color=ORANGE, alpha=0.45)
    ring = [orbit(0.0, a) for a in range(0, 361, 6)]
    line(ax, on_paper(*ring), GREY, lw=0.8, ls=":")
    for name, tip in (("x", (1.7, 0, 0)), ("y", (0, 1.7, 0)), ("z", (0, 0, 2.1))):
        end = on_paper(tip)[0]
        arrow(ax, origin, end, "black")
        note(ax, origin + 1.1 * (end - origin), name, ha="center", weight="bold")
    line(ax, on_paper(*[orbit(0.0, a) for a in range(0, int(AZIMUTH) + 1, 2)]), BLUE, lw=2.2)
    arrow(ax, *on_paper(orbit(0.0, AZIMUTH - 6), orbit(0.0, AZIMUTH)), BLUE)
    note(ax, on_paper(orbit(0.0, 26.0, 3.1))[0], "azimuth > 0", BLUE, ha="center")
    rise = [orbit(e, AZIMUTH) for e in range(int(ELEVATION) - 4)]
    line(ax, on_paper(*rise), VERMILION, lw=2.2)
    arrow(ax, *on_paper(orbit(ELEVATION - 9, AZIMUTH), orbit(ELEVATION - 3, AZIMUTH)), VERMILION)
    note(ax, on_paper(orbit(14.0, AZIMUTH + 3))[0], "  elevation > 0", VERMILION)
    ground, eye = on_paper(orbit(0.0, AZIMUTH), orbit(ELEVATION, AZIMUTH))
    line(ax, torch.stack([origin, ground]), GREY, lw=0.8, ls="--")
    line(ax, torch.stack([origin, eye]), GREEN)
    middle = origin + 0.62 * (eye - origin)
    note(ax, middle + torch.tensor([-0.03, 0.07]), "distance", GREEN, ha="right")
    ax.plot(*eye.tolist(), "o", color=GREEN, ms=8, mec="white")
    note(ax, eye + torch.tensor([0.0, 0.09]), "eye", GREEN, ha="center", weight="bold")
    start = on_paper(orbit(0.0, 0.0))[0]
    ax.plot(*start.tolist(), "o", color=BLUE, ms=4)
    note(ax, start - torch.tensor([0.0, 0.08]), "azimuth 0", BLUE, ha="center")
    ax.set_title("World and orbit\nright-handed, y up", fontsize=10)
    ax.set_aspect("equal")
    ax.set_ylim(-0.75, 0.9)
    ax.set_axis_off()


def draw_pixels(ax: Axes) -> None:
    """A picture of 4 x 6 pixels with NDC, rows and columns, and two ways to count them."""
    height, width = 4, 6
    wide = width / height
    for k in range(height + 1):
        ax.plot([-wide, wide], [2 * k / height - 1] * 2, color=GREY, lw=0.7)
    for k in range(width + 1):
        ax.plot([2 * k / height - wide] * 2, [-1, 1], color=GREY, lw=0.7)
    for i in range(height):
        for j in range(width):
            x, y = (2 * j + 1 - width) / height, 1 - (2 * i + 1) / height
            ax.plot(x, y, "o", color=BLUE if i + j else VERMILION, ms=3 if i + j else 6)
    for i in range(height):
        ax.text(
            -wide - 0.08,
            1 - (2 * i + 1) / height,
            f"row {i}",
            fontsize=SMALL,
            ha="right",
            va="center",
        )
    for j in range(width):
        ax.text((2 * j + 1 - width) / height, 1.08, f"{j}", fontsize=SMALL, ha="center")
    ax.text(-wide - 0.08, 1.08, "column", fontsize=SMALL, ha="right")
    origin = torch.zeros(2)
    for tip, text, place in (
        ((wide, 0), "x = W / H", (wide + 0.06, 0)),
        ((0, 1), "y = 1", (0.06, 0.9)),
    ):
        arrow(ax, origin, torch.tensor(tip, dtype=torch.float64), "black")
        ax.text(*place, text, fontsize=SMALL, va="center")
    ax.text(0.06, -0.1, "(0, 0)", fontsize=SMALL)
    ax.text(0.06, -1.0, "y = -1", fontsize=SMALL, va="bottom")
    first = ((1 - width) / height, 1 - 1 / height)
    style = {"arrowstyle": "-", "color": VERMILION, "lw": 0.9}
    text = "centre of the first pixel:\nOpenCV (u, v) = (0, 0), COLMAP (0.5, 0.5)"
    ax.annotate(
        text, first, (-wide, -1.5), color=VERMILION, fontsize=SMALL, arrowprops=style, va="center"
    )
    style = {"arrowstyle": "-", "color": PURPLE, "lw": 0.9}
    text = "corner of the picture: OpenCV (-0.5, -0.5), COLMAP (0, 0)"
    ax.annotate(text, (-wide, 1), (-wide, 1.42), color=PURPLE, fontsize=SMALL, arrowprops=style)
    ax.plot(-wide, 1, "s", color=PURPLE, ms=5)
    ax.set_title("NDC and pixels\nx right, y up, the height spans [-1, 1]", fontsize=10)
    ax.set_aspect("equal")
    ax.set_xlim(-wide - 0.65, wide + 0.75)
    ax.set_ylim(-2.0, 1.7)
    ax.set_axis_off()


def draw_winding(ax: Axes) -> None:
    """A face that shows its front, and one that shows its back."""
    shape = torch.tensor([[-0.75, -0.5], [0.75, -0.3], [-0.1, 0.65]])
    for middle, order, color, text in (
        (1.0, (0, 1, 2), BLUE, "counter-clockwise:\nseen from outside"),
        (-1.15, (0, 2, 1), VERMILION, "clockwise: seen from behind,\ncull_backfaces leaves it out"),
    ):
        corners = shape + torch.tensor([0.0, middle])
        ax.fill(*corners.T.tolist(), color=color, alpha=0.25)
        center = corners.mean(0)
        for k, corner in enumerate(order):
            start, end = corners[corner], corners[order[(k + 1) % 3]]
            arrow(ax, start + 0.18 * (end - start), end - 0.18 * (end - start), color)
            note(ax, center + 1.22 * (start - center), str(k), ha="center", weight="bold")
        note(ax, torch.tensor([0.0, middle - 0.95]), text, color, ha="center")
    ax.set_title("Winding\non the screen", fontsize=10)
    ax.set_aspect("equal")
    ax.set_xlim(-1.55, 1.55)
    ax.set_ylim(-2.45, 2.0)
    ax.set_axis_off()


def draw_frame(ax: Axes, name: str, signs: tuple[int, int, int]) -> None:
    """Axes of view space: signs of right, up and forward. The camera looks into the paper."""
    paper = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.42]])  # right, up, forward
    box = torch.tensor([[-1.0, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) * torch.tensor([0.2, 0.15])
    ax.fill(*box.T.tolist(), color=GREY, alpha=0.5)
    tip = 1.25 * paper[2]
    line(ax, torch.stack([torch.zeros(2), tip]), GREY, lw=0.9, ls=":")
    note(ax, tip + torch.tensor([0.04, 0.02]), "looks\nhere", GREY)
    for letter, axis, sign, color in zip(
        "xyz", paper, signs, (VERMILION, GREEN, BLUE), strict=True
    ):
        arrow(ax, torch.zeros(2), sign * axis, color)
        note(ax, sign * axis * 1.17, letter, color, ha="center", weight="bold")
    hand = "right-handed" if signs[0] * signs[1] * signs[2] < 0 else "left-handed"
    ax.set_title(f"{name}\n{hand}", fontsize=10)
    ax.set_aspect("equal")
    ax.set_xlim(-1.25, 1.25)
    ax.set_ylim(-1.2, 1.25)
    ax.set_axis_off()


if __name__ == "__main__":
    main()
