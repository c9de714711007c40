"""Explorer for notebook 01: the loss of a hard picture is a staircase, and every step is flat."""

from __future__ import annotations

from functools import lru_cache

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ..formulas import pixel_centers
from ..rasterizers import rasterize_hard
from .base import Explorer, linear_dial, step_dial
from .draw import BLUE, GREY, ORANGE, VERMILION, Panel, compose, new_plot, plot_picture

TRIANGLE = torch.tensor(
    [[-0.45, -0.4, 2.0], [0.35, -0.3, 2.0], [-0.15, 0.5, 2.0]], dtype=torch.float32
)
TARGET_X = 0.3
FIRST, LAST = -0.6, 0.6  # places between which the triangle slides
SIZES = (8, 16, 32, 64, 128)


class Staircase(Explorer):
    """A hard triangle slides over its target.

    The loss jumps when an edge crosses a pixel centre, and its slope is 0 in between.
    """

    x = traitlets.Float(-0.2).tag(dial=linear_dial("place of the triangle", FIRST, LAST, 0.01))
    size = traitlets.Enum(SIZES, 16).tag(dial=step_dial("pixels a side", SIZES))

    def prepare(self) -> None:
        self._figure = new_plot()
        axes = self._figure.add_subplot(
            xlabel="place of the triangle",
            ylabel="loss (mean square)",
            xlim=(FIRST, LAST),
            ylim=(-0.01, 0.21),
        )
        (self._line,) = axes.plot([], [], color=BLUE, lw=1.5, drawstyle="steps-post")
        (self._here,) = axes.plot([], [], "o", color=VERMILION, ms=8)
        axes.axvline(TARGET_X, color=GREY, ls="--", lw=1)

    @torch.no_grad()
    def draw(self) -> tuple[Image.Image, str]:
        target, here = silhouettes(torch.tensor([TARGET_X, self.x]), self.size)
        loss = (here - target).square().mean().item()
        places, losses = staircase(self.size)

        self._line.set_data(places.numpy(), losses.numpy())
        self._here.set_data([self.x], [loss])
        panel = Panel("hard triangle, target outlined", here)
        panel.outline(moved(torch.tensor([TARGET_X]))[0, 0, :, :2], ORANGE, 3)
        jumps = len(places) - 2
        self.alt = (
            f"A hard triangle at {self.x:.2f}, its target at {TARGET_X}, and the loss against "
            f"the place: a staircase with {jumps:,} jumps."
        )
        text = (
            f"loss {loss:.4f} &nbsp; <b>gradient of the loss 0</b>, here and between all jumps "
            f"&nbsp; jumps in the curve: {jumps:,}"
        )
        return compose([panel, plot_picture(self._figure, self._line, self._here)]), text


def moved(x: Tensor) -> Tensor:
    """The triangle moved right by each of (B,) places -> (B, 1, 3, 3)."""
    step = torch.stack([x, torch.zeros_like(x), torch.zeros_like(x)], dim=-1)
    return TRIANGLE[None, None] + step[:, None, None]


def silhouettes(x: Tensor, size: int) -> Tensor:
    """Hard silhouettes of the triangle at (B,) places -> (B, size, size)."""
    return rasterize_hard(moved(x), size=size)[..., 0]


@lru_cache
def staircase(size: int) -> tuple[Tensor, Tensor]:
    """The whole loss, exactly.

    FIRST, the places of all jumps in order, LAST (J + 2,), and the loss from each place to the next
    (J + 2,).

    On its row, the triangle covers what lies between its left and right edge. So a pixel is covered
    from the place where the right edge comes to its centre until the place where the left edge
    does.
    """
    center = pixel_centers(size, size, dtype=torch.float64)
    x, y = center[0, :, 0], center[:, 0, 1]
    a = TRIANGLE[:, :2].double()
    b = a.roll(-1, 0)  # edges run from a to b
    t = (y[:, None] - a[:, 1]) / (b[:, 1] - a[:, 1])  # (rows, 3): where the row cuts each edge
    cut = a[:, 0] + t * (b[:, 0] - a[:, 0])
    on_edge = (t >= 0) & (t <= 1)
    left, right = (
        cut.where(on_edge, torch.inf).amin(1, keepdim=True),
        cut.where(on_edge, -torch.inf).amax(1, keepdim=True),
    )
    place = torch.stack([x - right, x - left])  # (2, rows, columns): covered from, covered until

    first, target = silhouettes(torch.tensor([FIRST, TARGET_X]), size)
    # To be covered is right on the target, wrong elsewhere.
    change = torch.stack([1 - 2 * target, 2 * target - 1])
    seen = (place > FIRST) & (place < LAST)
    place, order = place[seen].sort()
    wrong = (first - target).abs().sum() + change[seen][order].cumsum(0)
    loss = torch.cat([(first - target).abs().sum()[None], wrong, wrong[-1:]]) / size**2
    return torch.cat(
        [
            torch.tensor([FIRST], dtype=torch.float64),
            place,
            torch.tensor([LAST], dtype=torch.float64),
        ]
    ), loss
