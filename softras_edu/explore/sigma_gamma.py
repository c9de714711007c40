"""Explorer for notebooks 00 and 04: both dials of the Soft Rasterizer on a mesh."""

from __future__ import annotations

from typing import Any

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ..camera import Camera
from ..formulas import reach
from ..mesh import Mesh
from ..rasterizers import rasterize
from ..rendering import render, screen_triangles
from ..shading import Lights
from ..shapes import cube, icosphere, teapot, torus
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import Panel, compose
from .pace import affordable

BRIGHT = Lights(ambient=0.55, diffuse=0.6)
SHAPES = ("teapot", "torus", "sphere", "cube")


class SigmaGamma(Explorer):
    """A lit mesh and its silhouette under the dials sigma, gamma and azimuth.

    sigma is the blur; gamma says how far faces behind the nearest one show through.
    """

    sigma = traitlets.Float(1e-5).tag(dial=log_dial("sigma (blur)", -6, -1))
    gamma = traitlets.Float(1e-4).tag(dial=log_dial("gamma (see-through)", -5, 0))
    azimuth = traitlets.Float(30.0).tag(dial=linear_dial("azimuth (degrees)", -180, 180, 5))
    shape = traitlets.Enum(SHAPES, "teapot").tag(dial=choice_dial("shape", SHAPES))

    def prepare(self) -> None:
        shapes = (teapot(around=50), torus(around=40, across=16), icosphere(3), cube())
        self._meshes = {name: painted(mesh) for name, mesh in zip(SHAPES, shapes, strict=True)}

    @torch.no_grad()
    def draw(self) -> tuple[Image.Image, str]:
        mesh = self._meshes[self.shape]
        camera = Camera.orbit(2.6, 25, self.azimuth, fov=50)
        size, pairs = affordable(screen_triangles(mesh.verts, mesh.faces, camera)[0], self.sigma)
        image = self.render(mesh, camera, size)
        self.alt = (
            f"Left, a {self.shape} drawn with sigma {self.sigma:.1e} and gamma {self.gamma:.1e}, "
            "blue below and orange on top, on black. Right, its silhouette, white on black."
        )
        panels = [Panel("colour", image), Panel("silhouette (alpha)", image[..., 3])]
        pixels = reach(self.sigma) * size / 2  # NDC to pixels
        text = (
            f"{len(mesh.faces):,} triangles, {size} x {size} pixels. An edge reaches "
            f"{pixels:.1f} pixels outward: {pairs:,} pairs of pixel and triangle."
        )
        return compose(panels), text

    def render(self, mesh: Mesh, camera: Camera, size: int) -> Tensor:
        """Colour and alpha, (size, size, 4)."""

        def on_all_cores(triangles: Tensor, colors: Tensor, **options: Any) -> Tensor:
            with self.all_cores():
                return rasterize(triangles, colors, **options)

        return render(
            mesh,
            camera,
            size=size,
            lights=BRIGHT,
            rasterizer=on_all_cores,
            sigma=self.sigma,
            gamma=self.gamma,
        )[0]


def painted(mesh: Mesh) -> Mesh:
    """The mesh with colours by height, blue at the bottom, orange at the top."""
    height = (mesh.verts[:, 1:2] - mesh.verts[:, 1].min()) / (
        mesh.verts[:, 1].max() - mesh.verts[:, 1].min()
    )
    low, high = torch.tensor([[0.20, 0.45, 0.90], [1.0, 0.65, 0.15]])
    return Mesh(mesh.verts, mesh.faces, low + height * (high - low))
