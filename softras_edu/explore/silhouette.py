"""Explorer for notebook 03: adding the faces up."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import torch
import traitlets
from PIL import Image
from torch import Tensor

from .. import formulas
from ..camera import Camera
from ..rasterizers import rasterize
from ..rasterizers.options import Options
from ..rasterizers.pairs import live_pairs
from ..rasterizers.tiles import drawable
from ..shapes import icosphere, teapot
from .base import Explorer, choice_dial, log_dial
from .draw import Panel, compose
from .pace import affordable

SHAPES = ("two triangles", "sphere", "teapot")
RULES = ("product", "largest", "sum")


class Silhouette(Explorer):
    """One silhouette from many probability maps.

    The paper's product, beside the two rules one would try first.
    """

    sigma = traitlets.Float(3e-3).tag(dial=log_dial("sigma (blur)", -6, -1))
    rule = traitlets.Enum(RULES, "product").tag(dial=choice_dial("rule", RULES))
    shape = traitlets.Enum(SHAPES, "two triangles").tag(dial=choice_dial("shape", SHAPES))

    @torch.no_grad()
    def draw(self) -> tuple[Image.Image, str]:
        verts, faces = on_screen(self.shape)
        triangles = verts[faces]
        size, pairs = affordable(triangles, self.sigma)
        signed = largest_signed_d2(self.shape, size)
        if self.rule == "largest":
            alpha = signed.div(self.sigma).sigmoid()
        else:
            with self.all_cores():
                alpha = aggregate(triangles, self.sigma, self.rule, size)
        hard = (signed >= 0).to(alpha)
        panels = [
            Panel(f"alpha by {self.rule}", alpha),
            Panel("hard silhouette", hard),
            Panel("soft - hard (blue -, red +)", alpha - hard, "RdBu_r", -1, 1),
        ]
        self.alt = (
            f"Soft silhouette of {self.shape} by {self.rule} at sigma {self.sigma:.1e}, beside "
            "the hard one and their difference."
        )
        inside = alpha[hard > 0]
        text = (
            f"alpha inside the shape: {inside.min():.2f} to {inside.max():.2f}; over the whole "
            f"picture: {alpha.min():.2f} to {alpha.max():.2f}"
        )
        text += " &nbsp; <b>above 1: not a probability</b>" if alpha.max() > 1.001 else ""
        text += (
            f"<br>{len(faces):,} triangles, {size} x {size} pixels, {pairs:,} pairs of pixel and "
            "triangle"
        )
        return compose(panels), text


@lru_cache
def on_screen(shape: str) -> tuple[Tensor, Tensor]:
    """Vertices (V, 3) as `rasterize` wants them (x and y in NDC, depth), and faces (F, 3)."""
    if shape == "two triangles":
        verts = torch.tensor(
            [[-0.6, -0.6, 2.0], [0.6, -0.6, 2.0], [0.6, 0.6, 2.0], [-0.6, 0.6, 2.0]]
        )
        return verts, torch.tensor([[0, 1, 2], [0, 2, 3]])
    mesh = icosphere(3) if shape == "sphere" else teapot(around=50)
    return Camera.orbit(2.6, 25, 30, fov=50).project(mesh.verts)[0], mesh.faces


def aggregate(triangles: Tensor, sigma: float, rule: str, size: int) -> Tensor:
    """The probability maps of (F, 3, 3) triangles in one, by "product" or "sum" -> (size, size)."""
    if rule == "product":
        return rasterize(triangles, size=size, sigma=sigma)[..., 0]
    # With an endless gamma depth does not count, and white triangles on black come out as sum(D) /
    # (sum(D) + 1). In double precision: 1 - share is small.
    share = rasterize(
        triangles.double(),
        torch.ones(len(triangles), 3, 1, dtype=torch.float64),
        size=size,
        sigma=sigma,
        gamma=1e12,
    )[..., 0]
    return (share / (1 - share)).float()


@lru_cache
@torch.no_grad()
def largest_signed_d2(shape: str, size: int) -> Tensor:
    """In each pixel the largest of all triangles' signed squared distances -> (size, size).

    Positive inside, negative outside.

    Sigma is not in it: the largest D is the sigmoid of this over sigma, and where it is positive is
    the hard silhouette. So it is computed once.
    """
    verts, faces = on_screen(shape)
    triangles, pixel = verts[faces], formulas.pixel_centers(size, size).reshape(-1, 2)
    # Inside, only the triangles that cover a pixel matter: with next to no blur, and D above 0.49,
    # they are all the pairs there are.
    o = Options(height=size, width=size, sigma=1e-12, dist_eps=0.49)
    face, index, _ = live_pairs(triangles, drawable(triangles[None], o), o)
    xy = triangles[face, :, :2]
    covers = formulas.smallest(*formulas.barycentric(pixel[index], xy)) >= 0
    index, xy = index[covers], xy[covers]
    signed = torch.full((size * size,), -torch.inf).scatter_reduce(
        0, index, formulas.squared_distance(pixel[index], xy), "amax"
    )
    # Outside, the nearest edge is one where the shape ends.
    a, b = verts[outline(verts, faces), :2].unbind(1)
    outside = signed.isinf().nonzero()[:, 0]
    signed[outside] = -formulas.segment_squared_distance(pixel[outside, None], a, b).amin(1)
    return signed.reshape(size, size)


def outline(verts: Tensor, faces: Tensor) -> Tensor:
    """Edges where the shape may end on the screen -> (E, 2) vertex numbers.

    Those of one face only, or of one that faces us and one that does not.
    """
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).sort(1).values
    unique, which = edges.unique(dim=0, return_inverse=True)
    sides = torch.zeros(len(unique)).index_add(
        0, which, formulas.doubled_area(verts[faces][..., :2]).sign().repeat(3)
    )
    return cast("Tensor", unique[sides.abs() < 2])


def probabilities(xy: Tensor, sigma: float, size: int) -> Tensor:
    """The probability maps of (F, 3, 2) triangles, one a face -> (F, size, size).

    What the rules above add up, for tests and small scenes.
    """
    pixel, xy = formulas.pixel_centers(size, size), xy[:, None, None]
    v = formulas.barycentric(pixel, xy)
    return torch.sigmoid(formulas.signed_logit(pixel, xy, v, sigma, "euclidean"))
