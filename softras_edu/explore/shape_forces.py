"""Explorer for notebook 12: where each loss pulls the vertices."""

from __future__ import annotations

from functools import lru_cache

import torch
import traitlets
from PIL import Image
from torch import Tensor

from .. import losses
from ..camera import Camera
from ..fitting.all_around import hard_silhouettes
from ..fitting.fit_report import compare
from ..mesh import Mesh
from ..rasterizers import rasterize
from ..rendering import render, screen_triangles
from ..shading import Lights
from ..shapes import icosphere, teapot
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import GREEN, Panel, compose

SIZE = 64
LOSSES = ("IoU", "Laplacian", "flatten", "all three")
WEIGHTS = {
    "IoU": (1.0, 0.0, 0.0),
    "Laplacian": (0.0, 5e-3, 0.0),
    "flatten": (0.0, 0.0, 1e-4),
    "all three": (1.0, 5e-3, 1e-4),
}
ARROWS = 40  # the longest
STEPS, STEP_LENGTH = 6, 0.056


class ShapeForces(Explorer):
    """A sphere that should become a teapot, seen once.

    Which way a step of gradient descent moves its vertices, and what six such steps do.
    """

    loss = traitlets.Enum(LOSSES, "all three").tag(dial=choice_dial("loss", LOSSES))
    crumple = traitlets.Float(0.1).tag(dial=linear_dial("crumpled by", 0, 0.3, 0.02))
    sigma = traitlets.Float(1e-3).tag(dial=log_dial("sigma (blur)", -6, -1))
    azimuth = traitlets.Float(30.0).tag(dial=linear_dial("azimuth (degrees)", -180, 180, 5))

    def prepare(self) -> None:
        self._sphere = icosphere(2)
        self._noise = torch.randn(
            self._sphere.verts.shape, generator=torch.Generator().manual_seed(0)
        )

    def update(self) -> None:
        """Redraw. Where the loss does not look at the picture, sigma cannot be dragged."""
        super().update()
        self.turners["sigma"].disabled = not WEIGHTS[self.loss][0]

    def draw(self) -> tuple[Image.Image, str]:
        camera, faces = camera_at(self.azimuth), self._sphere.faces
        target = goal(self.azimuth)
        verts = 0.8 * self._sphere.verts + self.crumple * self._noise
        step = self.step(verts, camera, target)
        after = verts + STEP_LENGTH * step
        for k in range(1, STEPS):
            after = after + STEP_LENGTH * 0.9**k * self.step(after, camera, target)

        with torch.no_grad():
            at = camera.project(verts)[0]
            moved = camera.project(verts + 0.02 * step)[0, :, :2] - at[:, :2]
            pictures = [
                render(Mesh(v, faces), camera, size=SIZE, lights=Lights(), sigma=1e-6)[0]
                for v in (verts, after)
            ]
        alpha, ended = ((picture[None, ..., 3] > 0.5).float() for picture in pictures)
        forces = Panel("which way the vertices go", pictures[0])
        near = at[:, 2] < at[:, 2].median() + 0.3  # not those at the back
        length = (moved.norm(dim=1) * near).sort(descending=True)
        for k in length.indices[:ARROWS].tolist():
            forces.arrow(
                at[k, :2].tolist(),
                (0.3 * moved[k] / length.values[0].clamp_min(1e-9)).tolist(),
                GREEN,
            )
        panels = [
            Panel("orange: missing, blue: too much", compare(target[0], alpha[0])),
            forces,
            Panel(f"after {STEPS} steps", pictures[1]),
        ]
        self.alt = (
            f"A crumpled sphere in front of a teapot's silhouette, arrows for the {self.loss} "
            f"loss, and the mesh after {STEPS} steps."
        )
        before, later = (
            (
                f"IoU {1 - losses.iou(a, target).item():.2f}, Laplacian "
                f"{losses.laplacian(v, faces).item():.2f}, flatten "
                f"{losses.flatten(v, faces).item():.0f}"
            )
            for a, v in ((alpha, verts), (ended, after))
        )
        text = f"Now: {before}. After {STEPS} steps: {later}."
        if not WEIGHTS[self.loss][0]:
            text += f" The {self.loss} loss looks at the mesh alone: sigma plays no part in it."
        return compose(panels), text

    def step(self, verts: Tensor, camera: Camera, target: Tensor) -> Tensor:
        """Down the gradient of the loss, (V, 3).

        The longest step has length 1, and all are zero where the loss is flat.
        """
        verts = verts.detach().requires_grad_()
        overlap, laplacian, flatten = WEIGHTS[self.loss]
        faces = self._sphere.faces
        loss = torch.zeros(())
        if laplacian:
            loss = loss + laplacian * losses.laplacian(verts, faces)
        if flatten:
            loss = loss + flatten * losses.flatten(verts, faces)
        if overlap:
            loss = loss + losses.iou(
                rasterize(screen_triangles(verts, faces, camera), size=SIZE, sigma=self.sigma)[
                    ..., 0
                ],
                target,
            )
        down: Tensor = -torch.autograd.grad(loss, verts)[0]
        longest: Tensor = down.norm(dim=1).max().clamp_min(1e-9)
        return down / longest


def camera_at(azimuth: float) -> Camera:
    """Where the one picture is taken from."""
    return Camera.orbit(2.7, 20.0, azimuth, fov=45)


@lru_cache(maxsize=1)  # the same for all other dials
def goal(azimuth: float) -> Tensor:
    """The teapot's silhouette, (1, SIZE, SIZE)."""
    return hard_silhouettes(teapot(), camera_at(azimuth), SIZE)
