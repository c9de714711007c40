"""Explorer for notebook 05: how far a gradient reaches, hard, NMR and soft side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
import traitlets
from PIL import Image
from torch import Tensor

from .. import formulas
from ..rasterizers import rasterize, rasterize_hard
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PANEL,
    SKY,
    VERMILION,
    Panel,
    compose,
    new_plot,
    plot_picture,
)

Renderer = Callable[[Tensor], Tensor]
SIZE = 64
TIP = -0.35  # x of the shape's rightmost corner, at the height of the target's middle
SHAPE = torch.tensor(
    [[-0.75, -0.25, 2.0], [TIP, 0.0, 2.0], [-0.75, 0.25, 2.0]], dtype=torch.float64
)
SIDE = 0.3  # of the square target
CUTS = {"D < 0.0001 left out": 1e-4, "keep every pair": 0.0}
GAPS = torch.linspace(0.02, 1.0, 21, dtype=torch.float64)
# Where the soft curve is drawn besides: the drop at the reach is as wide as a pixel.
NEAR_REACH = torch.linspace(-3 / SIZE, 1 / SIZE, 13, dtype=torch.float64)


class FarRange(Explorer):
    """A triangle, and a square that it should cover, some distance to its right.

    Whose gradient depends on the square?
    """

    gap = traitlets.Float(0.2).tag(dial=linear_dial("distance (NDC)", 0.02, 1.0, 0.02))
    sigma = traitlets.Float(1e-2).tag(dial=log_dial("sigma (blur)", -5, 0))
    cut = traitlets.Enum(tuple(CUTS), next(iter(CUTS))).tag(
        dial=choice_dial("far pairs", tuple(CUTS))
    )

    def prepare(self) -> None:
        self._figure = new_plot(width=3 * PANEL + 20, height=200)
        axes = self._figure.add_subplot(
            xlabel="distance to the target (NDC)", ylabel="size of the gradient"
        )
        axes.set(yscale="log", ylim=(1e-6, 1e5), xlim=(0, 1))
        axes.plot(GAPS.numpy(), sizes(nmr).numpy(), color=SKY, lw=1.5, ls="--", label="NMR")
        (self._soft,) = axes.plot([], [], color=BLUE, lw=2.5, label="soft")
        self._cut = axes.axvline(0, color=VERMILION, ls=":", lw=2, label="cut-off", ymax=0.78)
        self._here = axes.axvline(0, color=GREY, lw=1, label="now", ymax=0.78)
        axes.text(0.98, 2e-6, "hard: 0 everywhere", color=GREY, fontsize=9, ha="right")
        axes.legend(loc="upper right", fontsize=8, ncols=4)

    def draw(self) -> tuple[Image.Image, str]:
        dist_eps = CUTS[self.cut]
        gap = torch.tensor([self.gap], dtype=torch.float64)
        panels, lengths = [], []
        for name, (alpha, grad) in {
            **pull_hard(self.gap),
            "soft": pull(soft(self.sigma, dist_eps), gap),
        }.items():
            step = -grad[0, 0, :, :2]  # the way that gradient descent moves each corner
            lengths.append(step.norm().item())
            longest = step.norm(dim=1).max().item()
            panel = Panel(
                f"{name}: longest arrow is {longest:.1e}" if longest else f"{name}: no arrow",
                0.15 + 0.7 * alpha[0],
            )
            panel.outline(square(self.gap), ORANGE, 3)
            scale = 0.3 / step.norm(dim=1).max() if lengths[-1] > 1e-12 else torch.zeros(())
            for corner, arrow in zip(SHAPE[:, :2].tolist(), (step * scale).tolist(), strict=True):
                panel.arrow(corner, arrow, GREEN)
            panels.append(panel)

        reach = formulas.reach(self.sigma, dist_eps)
        gaps, size = sizes_soft(self.sigma, dist_eps)
        self._soft.set_data(gaps.numpy(), size.clamp_min(1e-12).numpy())
        self._cut.set_xdata([min(reach, 2.0)] * 2)
        self._here.set_xdata([self.gap] * 2)
        self.alt = (
            f"Gradient arrows of hard, NMR and soft at distance {self.gap:.2f}, sigma "
            f"{self.sigma:.1e}, and gradient size against distance."
        )
        text = (
            f"Size of the gradient: hard {lengths[0]:.1e}, NMR {lengths[1]:.1e}, soft "
            f"{lengths[2]:.1e}. "
        )
        text += (
            f"Soft reaches {f'{reach:.2f} NDC' if dist_eps else 'every pixel'}. The arrows "
            "of a panel are scaled to the longest, whose size is in its title."
        )
        return compose(
            panels, below=plot_picture(self._figure, self._soft, self._cut, self._here)
        ), text


def hard(triangles: Tensor) -> Tensor:
    """The z-buffer, whose own gradient is zero."""
    return rasterize_hard(triangles, size=SIZE)


def nmr(triangles: Tensor) -> Tensor:
    """The z-buffer and Kato et al.'s gradient."""
    return rasterize_hard(triangles, size=SIZE, gradient="nmr")


def soft(sigma: float, dist_eps: float) -> Renderer:
    """The Soft Rasterizer."""
    return lambda triangles: rasterize(triangles, size=SIZE, sigma=sigma, dist_eps=dist_eps)


def square(gap: float) -> Tensor:
    """Outline of the target, a square `gap` to the right of the shape -> (4, 2)."""
    left, half = TIP + gap, SIDE / 2
    return torch.tensor([[left, -half], [left + SIDE, -half], [left + SIDE, half], [left, half]])


def pull(renderer: Renderer, gap: Tensor) -> tuple[Tensor, Tensor]:
    """Silhouettes of the shape, and the gradient of "cover the square" at each of (B,) gaps.

    -> (B, SIZE, SIZE), (B, 1, 3, 3).
    """
    triangles = SHAPE.expand(len(gap), 1, 3, 3).clone().requires_grad_()
    alpha = renderer(triangles)[..., 0]
    pixel = formulas.pixel_centers(SIZE, SIZE, dtype=torch.float64)
    left = (TIP + gap)[:, None, None]
    wanted = (
        (pixel[..., 0] >= left) & (pixel[..., 0] <= left + SIDE) & (pixel[..., 1].abs() <= SIDE / 2)
    )
    # Only the square's pixels, so that no other pixel has a gradient.
    loss = ((1 - alpha).square() * wanted).sum((1, 2)) / wanted.sum((1, 2))
    grad = (
        torch.autograd.grad(loss.sum(), triangles)[0]
        if loss.requires_grad
        else torch.zeros_like(triangles)
    )
    return alpha.detach(), grad


def sizes(renderer: Renderer, gaps: Tensor = GAPS) -> Tensor:
    """Size of that gradient at every gap of the curve, (B,) -> (B,)."""
    _, grad = pull(renderer, gaps)
    return grad[..., :2].square().sum((1, 2, 3)).sqrt()


# A dial that changes only one of these need not wait for the other.
@lru_cache(maxsize=1)
def pull_hard(gap: float) -> dict[str, tuple[Tensor, Tensor]]:
    """What `pull` gives at one gap for the two renderers without a sigma."""
    return {
        name: pull(renderer, torch.tensor([gap], dtype=torch.float64))
        for name, renderer in (("hard", hard), ("NMR", nmr))
    }


@lru_cache(maxsize=1)
def sizes_soft(sigma: float, dist_eps: float) -> tuple[Tensor, Tensor]:
    """Gaps, more of them near the reach, and `sizes` of the soft renderer -> (B,), (B,)."""
    gaps = GAPS
    if dist_eps:
        near = formulas.reach(sigma, dist_eps) + NEAR_REACH
        near = near[(near > GAPS[0]) & (near < GAPS[-1])]
        gaps = torch.cat([GAPS, near]).sort().values
    return gaps, sizes(soft(sigma, dist_eps), gaps)
