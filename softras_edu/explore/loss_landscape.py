"""Explorer for notebook 05: sigma smooths the loss landscape."""

from __future__ import annotations

from itertools import pairwise

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ..rasterize import rasterize, rasterize_hard
from .base import Explorer, linear_dial, log_dial
from .draw import BLUE, GREY, ORANGE, VERMILION, Panel, compose, new_plot, plot_picture

SIZE = 24
GRID = 25
TRIANGLE = torch.tensor([[-0.2, -0.18, 2.0], [0.2, -0.18, 2.0], [0.0, 0.22, 2.0]])
STEPS = 22
STEP_LENGTH = 0.09  # NDC; every step is this long at most, so that the path shows directions, not step sizes


class LossLandscape(Explorer):
    """The loss for every place of a small triangle, its target in the middle, and the path that gradient descent takes from a start."""

    sigma = traitlets.Float(3e-4).tag(dial=log_dial("sigma (blur)", -5, 0))
    start_x = traitlets.Float(-0.6).tag(dial=linear_dial("start, x", -0.75, 0.75, 0.05))
    start_y = traitlets.Float(0.45).tag(dial=linear_dial("start, y", -0.75, 0.75, 0.05))

    def prepare(self) -> None:
        side = torch.linspace(-0.8, 0.8, GRID)
        y, x = torch.meshgrid(side.flip(0), side, indexing="ij")  # the first row of a picture is its top
        self._offsets = torch.stack([x, y], dim=-1).reshape(-1, 2)
        self._target = rasterize_hard(TRIANGLE[None], size=SIZE)[..., 0]
        self._figure = new_plot()
        axes = self._figure.add_subplot(xlabel="place along the middle row (NDC)", ylabel="loss (1 - IoU)", xlim=(-0.8, 0.8), ylim=(-0.03, 1.1))
        axes.axvline(0, color=GREY, ls="--", lw=1)
        self._side = side
        (self._line,) = axes.plot([], [], color=BLUE, lw=2)

    def draw(self) -> tuple[Image.Image, str]:
        with torch.no_grad():
            loss = self.loss(self._offsets).reshape(GRID, GRID)
        path = self.descend(torch.tensor([self.start_x, self.start_y]))
        self._line.set_data(self._side.numpy(), loss[GRID // 2].numpy())

        scaled = (loss - loss.min()) / (loss.max() - loss.min()).clamp_min(1e-12)
        landscape = Panel("loss (bright = high), path in orange", scaled, "cividis")
        points = (path / (0.8 * GRID / (GRID - 1))).tolist()  # offsets -> NDC of the panel, whose outer pixels are half outside the grid
        for a, b in pairwise(points):
            landscape.outline(torch.tensor([a, b]), ORANGE, 3)
        landscape.dot(points[0], VERMILION, 5)
        landscape.dot((0, 0), "white", 4)
        with torch.no_grad():
            picture = Panel("where the path ends", rasterize(moved(path[-1:]), size=SIZE, sigma=self.sigma)[0, ..., 0])
        picture.outline(TRIANGLE[:, :2], ORANGE, 2)
        miss = path[-1].norm().item()
        verdict = "found the target" if miss < 0.08 else f"stopped {miss:.2f} NDC away"
        self.alt = f"Loss landscape at sigma {self.sigma:.1e} with the path of gradient descent, which {verdict}."
        flat = (loss > 1 - 1e-6).float().mean().item()
        return compose([landscape, picture, plot_picture(self._figure)]), f"Gradient descent <b>{verdict}</b>. Flat part of the map: {100 * flat:.0f} %."

    def loss(self, offsets: Tensor) -> Tensor:
        """1 - IoU with the target, of the triangle moved by (N, 2) offsets -> (N,)."""
        alpha = rasterize(moved(offsets), size=SIZE, sigma=self.sigma)[..., 0]
        both, either = alpha * self._target, alpha + self._target - alpha * self._target
        return 1 - both.sum((1, 2)) / either.sum((1, 2))

    def descend(self, offset: Tensor) -> Tensor:
        """Gradient descent on the offset (2,) -> the path (n, 2), the start first; it ends early where the gradient is zero."""
        path, step = [offset], STEP_LENGTH
        for _ in range(STEPS):
            here = path[-1].clone().requires_grad_()
            (grad,) = torch.autograd.grad(self.loss(here[None]).sum(), here)
            if grad.norm() < 1e-9:
                break
            path.append((here - step * grad / grad.norm()).detach())
            step *= 0.93  # shorter and shorter, to settle
        return torch.stack(path)


def moved(offsets: Tensor) -> Tensor:
    """The triangle moved by (N, 2) offsets -> (N, 1, 3, 3)."""
    return TRIANGLE + torch.nn.functional.pad(offsets, (0, 1))[:, None, None]
