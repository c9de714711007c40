"""Explorer for notebook 11: a camera on its orbit, and what it sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
import traitlets
from PIL import Image

from ..camera import Camera
from ..mesh import Mesh
from ..rendering import render
from ..teaching.scenes import camera_body, globe
from .base import Explorer, linear_dial
from .draw import Panel, compose

SIZE = 128
DIRECTOR = Camera.orbit(8.5, 40.0, 115.0, fov=48.0)  # who watches the camera


class Orbit(Explorer):
    """A globe from a camera that goes around it, and both from a third place.

    Distance and field of view both change how large the globe is; only the distance changes how
    much of it is seen.
    """

    azimuth = traitlets.Float(30.0).tag(dial=linear_dial("azimuth (degrees)", -180, 180, 5))
    elevation = traitlets.Float(20.0).tag(dial=linear_dial("elevation", -85, 85, 5))
    distance = traitlets.Float(3.0).tag(dial=linear_dial("distance", 1.3, 4.0, 0.1))
    fov = traitlets.Float(45.0).tag(dial=linear_dial("field of view (degrees)", 10, 100, 5))

    def prepare(self) -> None:
        self._globe = globe(16, 32)
        colors = self._globe.corner_colors()
        self._plain = replace(self._globe, colors=colors, texture=None)

    @torch.no_grad()
    def draw(self) -> tuple[Image.Image, str]:
        camera = Camera.orbit(self.distance, self.elevation, self.azimuth, fov=self.fov)
        with self.all_cores():
            look: dict[str, Any] = {"size": SIZE, "sigma": 1e-6, "background": 1.0}
            seen = render(self._globe, camera, near=0.1, **look)[0]
            place = render(self._with(camera), DIRECTOR, **look)[0]
        share = seen[..., 3].mean().item()
        x, y, z = (round(number, 2) + 0.0 for number in camera.eye[0].tolist())
        self.alt = (
            f"Left, a globe as the camera sees it, {share:.0%} of the picture. Right, the globe "
            f"and the camera, an orange pyramid, at x {x}, y {y}, z {z}."
        )
        cap = (1 - 1 / self.distance) / 2  # of the sphere, as seen from so far
        panels = [Panel("what the camera sees", seen), Panel("where it stands", place)]
        text = (
            f"The eye is at ({x}, {y}, {z}). The globe fills {share:.0%} of the picture; "
            f"{cap:.0%} of its surface can be seen from here."
        )
        return compose(panels), text

    def _with(self, camera: Camera) -> Mesh:
        """The globe, and the camera beside it, as one mesh."""
        half = float(torch.tan(torch.deg2rad(torch.tensor(self.fov)) / 2))
        body = camera_body(camera.eye[0].float(), camera.rotation[0].float(), half, size=0.8)
        corners = body.colors[body.faces] if body.colors is not None else None
        assert corners is not None
        assert self._plain.colors is not None
        return Mesh(
            torch.cat([self._plain.verts, body.verts]),
            torch.cat([self._plain.faces, body.faces + len(self._plain.verts)]),
            torch.cat([self._plain.colors, corners]),
        )
