"""Explorer for notebook 05: at each place of a triangle, the push towards a target.

Hard, NMR and soft side by side.
"""

from __future__ import annotations

import math
from functools import lru_cache

import matplotlib
import torch
import traitlets
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from .. import formulas
from ..rasterizers import rasterize, rasterize_hard
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import GREY, PANEL, Panel, compose, new_plot, plot_picture
from .far_range import CUTS, SHAPE, SIDE, Renderer

SIZE = 32  # pixels: there are 289 pictures to draw
COUNT = 17  # places a side
EXTENT = 0.8  # NDC: x and y of the places run from -EXTENT to EXTENT
# The shape of `far_range`, its centroid at (0, 0).
CENTRED = SHAPE - torch.nn.functional.pad(SHAPE[:, :2].mean(0), (0, 1))
# Lengths and colours of arrows are logarithmic, the same in all panels.
WEAKEST, STRONGEST = 1e-4, 1e1
SHORT, LONG = 3.5, 11.5  # pixels of a panel, for these two
CMAP = "plasma"


class ForceField(Explorer):
    """A small triangle that should cover a square, tried at 17 x 17 places.

    The arrow at a place is the sum of -gradient over the three corners: the way in which gradient
    descent moves the triangle as a whole. A dot: it does not move.
    """

    target_x = traitlets.Float(0.0).tag(dial=linear_dial("target, x", -0.6, 0.6, 0.1))
    target_y = traitlets.Float(0.0).tag(dial=linear_dial("target, y", -0.6, 0.6, 0.1))
    sigma = traitlets.Float(1e-1).tag(dial=log_dial("sigma (blur)", -4, 0))
    cut = traitlets.Enum(tuple(CUTS), next(iter(CUTS))).tag(
        dial=choice_dial("far pairs (dist_eps)", tuple(CUTS))
    )

    def prepare(self) -> None:
        self._figure = scale()

    def draw(self) -> tuple[Image.Image, str]:
        target = (self.target_x, self.target_y)
        dist_eps = CUTS[self.cut]
        fields = {**field_hard(target), "soft": field_soft(target, self.sigma, dist_eps)}
        panels, said, counts = [], [], []
        for name, push in fields.items():
            alive = push.norm(dim=1) > 0
            counts.append(f"{name} {int(alive.sum())}")
            panels.append(self.panel(name, push, target))
            if alive.any():
                share = 100 * (aim(push, target)[alive] > math.cos(math.pi / 4)).double().mean()
                said.append(f"{name} {share:.0f} %")
        self.alt = (
            f"Arrows at {COUNT**2} places of a triangle around an orange square, sigma "
            f"{self.sigma:.1e}. Places where the triangle moves: {', '.join(counts)}."
        )
        reach = f"{formulas.reach(self.sigma, dist_eps):.2f} NDC" if dist_eps else "every pixel"
        text = (
            f"Of {COUNT**2} places the triangle moves from: <b>{', '.join(counts)}</b>. Of these "
            f"arrows so many point within 45 degrees of the target: {', '.join(said)}. "
            f"Soft reaches {reach}."
        )
        return compose(panels, below=plot_picture(self._figure)), text

    def panel(self, name: str, push: Tensor, target: tuple[float, float]) -> Panel:
        """The arrows of one renderer, the target and the shape at its first place."""
        moves = int((push.norm(dim=1) > 0).sum())
        panel = Panel(f"{name}: moves from {moves} of {len(push)}", torch.full((2, 2), 0.13))
        panel.outline(square_at(target), "#E69F00", 4)
        panel.outline(CENTRED[:, :2] + PLACES[(COUNT - 2) * COUNT + 1], "#8a8a8a", 1)
        arrows(panel, push)
        return panel


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


def aim(push: Tensor, target: tuple[float, float]) -> Tensor:
    """Cosine of the angle between each push and the way to the target -> (COUNT**2,)."""
    way = torch.tensor(target, dtype=torch.float64) - PLACES
    return torch.nn.functional.cosine_similarity(push, way, dim=1)


def hard(triangles: Tensor) -> Tensor:
    """The z-buffer, whose own gradient is zero."""
    return rasterize_hard(triangles, size=SIZE)


def nmr(triangles: Tensor) -> Tensor:
    """The z-buffer and Kato et al.'s gradient."""
    return rasterize_hard(triangles, size=SIZE, gradient="nmr")


# A dial that changes only one of these need not wait for the other.
@lru_cache(maxsize=8)
def field_hard(target: tuple[float, float]) -> dict[str, Tensor]:
    """`field` of the two renderers without a sigma."""
    return {"hard": field(hard, target), "NMR": field(nmr, target)}


@lru_cache(maxsize=8)
def field_soft(target: tuple[float, float], sigma: float, dist_eps: float) -> Tensor:
    """`field` of the soft renderer."""
    return field(soft(sigma, dist_eps), target)


def soft(sigma: float, dist_eps: float) -> Renderer:
    """The Soft Rasterizer."""
    return lambda triangles: rasterize(triangles, size=SIZE, sigma=sigma, dist_eps=dist_eps)
