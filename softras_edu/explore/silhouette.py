"""Explorer for notebook 03: adding the faces up."""

from __future__ import annotations

import torch
import traitlets
from PIL import Image
from torch import Tensor

from .. import formulas
from ..camera import Camera
from ..mesh import icosphere, teapot
from ..rasterize import rasterize_hard
from ..render import screen_triangles
from .base import Explorer, choice_dial, log_dial
from .draw import Panel, compose

SIZE = 44
SHAPES = ("two triangles", "sphere", "teapot")
RULES = ("product", "largest", "sum")


class Silhouette(Explorer):
    """One silhouette from many probability maps: the paper's product, beside the two rules one would try first."""

    sigma = traitlets.Float(3e-3).tag(dial=log_dial("sigma (blur)", -6, -1))
    rule = traitlets.Enum(RULES, "product").tag(dial=choice_dial("rule", RULES))
    shape = traitlets.Enum(SHAPES, "two triangles").tag(dial=choice_dial("shape", SHAPES))

    def prepare(self) -> None:
        camera = Camera.orbit(2.6, 25, 30, fov=50)
        square = torch.tensor([[-0.6, -0.6, 2.0], [0.6, -0.6, 2.0], [0.6, 0.6, 2.0], [-0.6, 0.6, 2.0]])
        pair = square[torch.tensor([[0, 1, 2], [0, 2, 3]])][None]
        meshes = [screen_triangles(mesh.verts, mesh.faces, camera) for mesh in (icosphere(1), teapot(around=8))]
        self._triangles = dict(zip(SHAPES, (pair, *meshes), strict=True))

    @torch.no_grad()
    def draw(self) -> tuple[Image.Image, str]:
        triangles = self._triangles[self.shape]
        d = probabilities(triangles[0, :, :, :2], self.sigma, SIZE)
        alpha = {"product": 1 - (1 - d).prod(0), "largest": d.amax(0), "sum": d.sum(0)}[self.rule]
        hard = rasterize_hard(triangles, size=SIZE)[0, ..., 0]
        panels = [Panel(f"alpha by {self.rule}", alpha), Panel("hard silhouette", hard), Panel("soft - hard (blue -, red +)", alpha - hard, "RdBu_r", -1, 1)]
        self.alt = f"Soft silhouette of {self.shape} by {self.rule} at sigma {self.sigma:.1e}, beside the hard one and their difference."
        inside = alpha[hard > 0]
        text = f"alpha inside the shape: {inside.min():.2f} to {inside.max():.2f}; over the whole picture: {alpha.min():.2f} to {alpha.max():.2f}"
        text += " &nbsp; <b>above 1: not a probability</b>" if alpha.max() > 1.001 else ""
        return compose(panels), text


def probabilities(xy: Tensor, sigma: float, size: int) -> Tensor:
    """The probability maps of (F, 3, 2) triangles, one a face -> (F, size, size)."""
    pixel, xy = formulas.pixel_centers(size, size), xy[:, None, None]
    w = formulas.barycentric(pixel, xy)
    return torch.sigmoid(formulas.signed_logit(pixel, xy, w, sigma, "euclidean"))
