"""Explorer for notebook 05: sigma smooths the loss landscape."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ..rasterizers import rasterize, rasterize_hard
from .base import Explorer, linear_dial, log_dial
from .draw import BLUE, GREY, ORANGE, VERMILION, Panel, compose, new_plot, plot_picture

SIZE = 64
SHIFT = 25  # pixels that the triangle is moved to either side, for the map
TRIANGLE = torch.tensor(
    [[-0.2, -0.18, 2.0], [0.2, -0.18, 2.0], [0.0, 0.22, 2.0]], dtype=torch.float32
)
STEPS = 22
FOUND = 0.08  # NDC: a path that ends nearer to the target than this has found it
RING = torch.tensor([[math.cos(a / 8 * math.pi), math.sin(a / 8 * math.pi)] for a in range(16)])
# NDC. Every step is this long at most, so that the path shows directions, not step sizes.
STEP_LENGTH = 0.09


class LossLandscape(Explorer):
    """The loss for every place of a small triangle whose target is in the middle.

    With the path that gradient descent takes from a start.
    """

    sigma = traitlets.Float(3e-4).tag(dial=log_dial("sigma (blur)", -5, 0))
    start_x = traitlets.Float(-0.6).tag(dial=linear_dial("start, x", -0.75, 0.75, 0.05))
    start_y = traitlets.Float(0.45).tag(dial=linear_dial("start, y", -0.75, 0.75, 0.05))

    def prepare(self) -> None:
        self._figure = new_plot()
        axes = self._figure.add_subplot(
            xlabel="place along the middle row (NDC)",
            ylabel="loss (1 - IoU)",
            xlim=(-0.8, 0.8),
            ylim=(-0.03, 1.1),
        )
        axes.axvline(0, color=GREY, ls="--", lw=1)
        (self._line,) = axes.plot([], [], color=BLUE, lw=2)

    def draw(self) -> tuple[Image.Image, str]:
        loss = landscape(self.sigma)
        path = descend(torch.tensor([self.start_x, self.start_y]), self.sigma)
        self._line.set_data(places().numpy(), loss[SHIFT].numpy())

        map_panel = Panel("loss: dark 0, bright 1; lines: tenths", contoured(loss), "cividis")
        # offsets -> NDC of the panel, which is len(loss) of the picture's pixels wide
        points = (path * SIZE / len(loss)).tolist()
        for a, b in pairwise(points):
            map_panel.outline(torch.tensor([a, b]), VERMILION, 3)
        map_panel.dot(points[0], VERMILION, 5)
        map_panel.dot((0, 0), "white", 4)
        lowest, bottom = minimum(loss)
        map_panel.outline(RING * 0.06 + lowest * SIZE / len(loss), "white", 2)
        with torch.no_grad():
            picture = Panel(
                "where the path ends",
                rasterize(moved(path[-1:]), size=SIZE, sigma=self.sigma)[0, ..., 0],
            )
        picture.outline(TRIANGLE[:, :2], ORANGE, 2)
        miss = path[-1].norm().item()
        verdict = "found the target" if miss < FOUND else f"stopped {miss:.2f} NDC away"
        self.alt = (
            f"Loss landscape at sigma {self.sigma:.1e} with the path of gradient descent, which "
            f"{verdict}."
        )
        flat = (loss > 1 - 1e-6).float().mean().item()
        text = f"Gradient descent <b>{verdict}</b>. Flat part of the map: {100 * flat:.0f} %. "
        text += (
            f"<br>White dot: the target. White ring: the lowest loss of the map, {bottom:.3f}, "
            f"{lowest.norm():.2f} NDC from the target; the highest is {loss.max():.3f}. "
            "Lines: tenths of what lies between."
        )
        return compose([map_panel, picture, plot_picture(self._figure, self._line)]), text


def moved(offsets: Tensor) -> Tensor:
    """The triangle moved by (N, 2) offsets -> (N, 1, 3, 3)."""
    return TRIANGLE + torch.nn.functional.pad(offsets, (0, 1))[:, None, None]


def one_minus_iou(both: Tensor, alpha: Tensor, target: Tensor) -> Tensor:
    """From the sums over a picture's pixels of alpha * target, of alpha and of target."""
    return 1 - both / (alpha + target - both)


@lru_cache(maxsize=1)
def hard_target() -> Tensor:
    """The triangle in the middle, (SIZE, SIZE)."""
    return rasterize_hard(TRIANGLE[None], size=SIZE)[..., 0]


def losses(offsets: Tensor, sigma: float) -> Tensor:
    """1 - IoU with the target, of the triangle moved by (N, 2) offsets -> (N,)."""
    target, alpha = hard_target(), rasterize(moved(offsets), size=SIZE, sigma=sigma)[..., 0]
    return one_minus_iou((alpha * target).sum((1, 2)), alpha.sum((1, 2)), target.sum())


def places() -> Tensor:
    """How far right each column of the map moves the triangle, in NDC -> (2 SHIFT + 1,)."""
    return torch.arange(-SHIFT, SHIFT + 1) * (2 / SIZE)


def contoured(loss: Tensor) -> Tensor:
    """A `landscape`, darker where it passes a tenth of the way from its lowest to its highest."""
    loss = torch.nn.functional.interpolate(
        loss[None, None], size=(256, 256), mode="bilinear", align_corners=True
    )[0, 0]
    level = ((loss - loss.min()) / (loss.max() - loss.min()).clamp_min(1e-12) * 10).floor()
    edge = torch.zeros_like(loss, dtype=torch.bool)
    edge[1:] |= level[1:] != level[:-1]
    edge[:, 1:] |= level[:, 1:] != level[:, :-1]
    return loss - 0.25 * edge


def minimum(loss: Tensor) -> tuple[Tensor, float]:
    """The offset (2,) where a `landscape` is lowest, and the loss there."""
    row, column = torch.unravel_index(loss.argmin(), loss.shape)
    return torch.stack([column - SHIFT, SHIFT - row]) * (2 / SIZE), loss.min().item()


@lru_cache(maxsize=1)
@torch.no_grad()
def landscape(sigma: float) -> Tensor:
    """`losses` for all shifts by whole pixels, row 0 the highest -> (2 SHIFT + 1, 2 SHIFT + 1).

    Thousands of pictures, and all are windows of one: to move the triangle right is to look through
    a window further left. So draw a picture twice as wide, once, and slide the window.
    """
    target = hard_target()
    # Twice as wide: all lengths are halved, and sigma is a length squared.
    scale = torch.tensor([0.5, 0.5, 1.0])
    wide = rasterize(TRIANGLE[None] * scale, size=2 * SIZE, sigma=sigma / 4)[..., 0]
    middle = slice(SIZE // 2 - SHIFT, SIZE // 2 + SHIFT + SIZE)
    wide = wide[middle, middle]
    both = torch.nn.functional.conv2d(wide[None, None], target[None, None])[0, 0]
    alpha = wide.unfold(0, SIZE, 1).sum(-1).unfold(1, SIZE, 1).sum(-1)
    return one_minus_iou(both, alpha, target.sum()).flip(0, 1)


def descend(offset: Tensor, sigma: float) -> Tensor:
    """Gradient descent on the offset (2,) -> the path (n, 2), the start first.

    It ends early where the gradient is zero.
    """
    path, step = [offset], STEP_LENGTH
    for _ in range(STEPS):
        here = path[-1].clone().requires_grad_()
        (grad,) = torch.autograd.grad(losses(here[None], sigma).sum(), here)
        if grad.norm() < 1e-9:
            break
        path.append((here - step * grad / grad.norm()).detach())
        step *= 0.93  # so that the path converges
    return torch.stack(path)
