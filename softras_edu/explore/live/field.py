"""At each place of a triangle, the push towards a target, and its arrows in a picture.

`field.js` computes the same in the browser.
"""

from __future__ import annotations

import math
from functools import cache, partial

import matplotlib
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ... import formulas
from ...rasterizers import rasterize, rasterize_hard
from ..draw import GREY, PANEL, Panel, new_plot
from ..far_range import SHAPE, SIDE, Renderer

SIZE = 32  # pixels: there are 289 pictures to draw
COUNT = 17  # places a side
EXTENT = 0.8  # NDC: x and y of the places run from -EXTENT to EXTENT
# The shape of `far_range`, its centroid at (0, 0).
CENTRED = SHAPE - torch.nn.functional.pad(SHAPE[:, :2].mean(0), (0, 1))
# Lengths and colours of arrows are logarithmic, the same in all panels.
WEAKEST, STRONGEST = 1e-4, 1e1
SHORT, LONG = 3.5, 11.5  # pixels of a panel, for these two
CMAP = "plasma"


def arrows(panel: Panel, push: Tensor) -> None:
    """An arrow for each push (COUNT**2, 2) at its place; a dot where there is none."""
    sizes = push.norm(dim=1).tolist()
    for place, step, size in zip(PLACES.tolist(), push.tolist(), sizes, strict=True):
        if size == 0:
            panel.dot(place, GREY, 1)
            continue
        level = math.log(size / WEAKEST) / math.log(STRONGEST / WEAKEST)
        level = min(max(level, 0.0), 1.0)
        length = (SHORT + (LONG - SHORT) * level) * 2 / PANEL / size
        color = matplotlib.colors.to_hex(matplotlib.colormaps[CMAP](0.25 + 0.75 * level))
        panel.arrow(place, (step[0] * length, step[1] * length), color, width=2)


@cache  # it is always the same
def scale() -> Figure:
    """The scale of the arrows, to stand below the panels."""
    figure = new_plot(width=3 * PANEL + 20, height=76)
    figure.colorbar(
        matplotlib.cm.ScalarMappable(
            matplotlib.colors.LogNorm(WEAKEST, STRONGEST), matplotlib.colormaps[CMAP]
        ),
        cax=figure.add_axes((0.2, 0.68, 0.6, 0.2)),
        orientation="horizontal",
        label="size of the push (loss a NDC): colour and length, in all three panels alike",
    )
    return figure


def places() -> Tensor:
    """Where the triangle's centroid is put, row by row from the bottom -> (COUNT**2, 2)."""
    line = torch.linspace(-EXTENT, EXTENT, COUNT, dtype=torch.float64)
    y, x = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([x, y], dim=-1).reshape(-1, 2)


PLACES = places()


def square_at(target: tuple[float, float]) -> Tensor:
    """Outline of the target -> (4, 2)."""
    signs = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    return torch.tensor(target) + signs * SIDE / 2


def losses(renderer: Renderer, triangles: Tensor, target: tuple[float, float]) -> Tensor:
    """Mean of (1 - alpha)^2 over the target's pixels, (B, F, 3, 3) triangles -> (B,)."""
    pixel = formulas.pixel_centers(SIZE, SIZE, dtype=torch.float64)
    wanted = (pixel - torch.tensor(target, dtype=torch.float64)).abs().amax(-1) <= SIDE / 2
    alpha = renderer(triangles)[..., 0]
    return ((1 - alpha).square() * wanted).sum((1, 2)) / wanted.sum()


def field(renderer: Renderer, target: tuple[float, float], shape: Tensor = CENTRED[None]) -> Tensor:
    """Minus the gradient of `losses`, summed over the corners, at each place -> (COUNT**2, 2).

    shape: (F, 3, 3) triangles, their centroid at (0, 0).
    """
    triangles = shape + torch.nn.functional.pad(PLACES, (0, 1))[:, None, None]
    triangles = triangles.clone().requires_grad_()
    loss = losses(renderer, triangles, target)
    if not loss.requires_grad:  # the z-buffer's picture has no gradient at all
        return torch.zeros_like(PLACES)
    (gradient,) = torch.autograd.grad(loss.sum(), triangles)
    return -gradient[..., :2].sum((1, 2)) + 0.0  # + 0.0: no negative zeros


hard: Renderer = partial(rasterize_hard, size=SIZE)  # whose own gradient is zero
nmr: Renderer = partial(rasterize_hard, size=SIZE, gradient="nmr")  # Kato et al.'s gradient


def soft(sigma: float, dist_eps: float) -> Renderer:
    """The Soft Rasterizer."""
    return lambda triangles: rasterize(triangles, size=SIZE, sigma=sigma, dist_eps=dist_eps)
