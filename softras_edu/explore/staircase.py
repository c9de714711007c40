"""Explorer for notebook 01: the loss of a hard picture is a staircase, and every step is flat."""

from __future__ import annotations

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ..rasterize import rasterize_hard
from .base import Explorer, count_dial, linear_dial
from .draw import BLUE, ORANGE, VERMILION, Panel, compose, new_plot, plot_picture

TRIANGLE = torch.tensor([[-0.45, -0.4, 2.0], [0.35, -0.3, 2.0], [-0.15, 0.5, 2.0]])
TARGET_X = 0.3


class Staircase(Explorer):
    """A hard triangle slides over its target: the loss jumps when an edge crosses a pixel centre, and its slope is 0 in between."""

    x = traitlets.Float(-0.2).tag(dial=linear_dial("place of the triangle", -0.6, 0.6, 0.01))
    size = traitlets.Int(16).tag(dial=count_dial("pixels a side", 6, 40))

    def prepare(self) -> None:
        self._figure = new_plot()
        axes = self._figure.add_subplot(xlabel="place of the triangle", ylabel="loss (mean square)", xlim=(-0.6, 0.6))
        (self._line,) = axes.plot([], [], color=BLUE, lw=1.5)
        (self._here,) = axes.plot([], [], "o", color=VERMILION, ms=8)
        axes.axvline(TARGET_X, color="#777777", ls="--", lw=1)
        self._axes = axes

    @torch.no_grad()
    def draw(self) -> tuple[Image.Image, str]:
        target = silhouettes(torch.tensor([TARGET_X]), self.size)
        places = torch.linspace(-0.6, 0.6, 481)
        losses = (silhouettes(places, self.size) - target).square().mean((1, 2))
        here = silhouettes(torch.tensor([self.x]), self.size)
        loss = (here - target).square().mean().item()

        self._line.set_data(places.numpy(), losses.numpy())
        self._here.set_data([self.x], [loss])
        self._axes.set_ylim(-0.05 * losses.max().item(), 1.1 * losses.max().item())
        panel = Panel("hard triangle, target outlined", here[0])
        panel.outline(moved(torch.tensor([TARGET_X]))[0, 0, :, :2], ORANGE, 3)
        steps = (losses.diff() != 0).sum().item()
        self.alt = f"A hard triangle at {self.x:.2f}, its target at {TARGET_X}, and the loss against the place: a staircase of {steps} steps."
        text = f"loss {loss:.4f} &nbsp; <b>gradient of the loss 0</b>, here and at every place &nbsp; jumps in the curve: {steps}"
        return compose([panel, plot_picture(self._figure)]), text


def moved(x: Tensor) -> Tensor:
    """The triangle moved right by each of (B,) places -> (B, 1, 3, 3)."""
    step = torch.stack([x, torch.zeros_like(x), torch.zeros_like(x)], dim=-1)
    return TRIANGLE[None, None] + step[:, None, None]


def silhouettes(x: Tensor, size: int) -> Tensor:
    """Hard silhouettes of the triangle at (B,) places -> (B, size, size)."""
    return rasterize_hard(moved(x), size=size)[..., 0]
