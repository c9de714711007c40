"""Explorer for notebook 11: a lamp that is carried around a coarse ball, lit in three ways."""

from __future__ import annotations

import math

import torch
import traitlets
from PIL import Image

from ..camera import Camera
from ..mesh import Mesh
from ..rendering import render
from ..shading import Lights, Shading
from ..shapes import icosphere
from .base import Explorer, linear_dial
from .draw import Panel, compose

SIZE = 128
VIEW = Camera.orbit(2.7, 15.0, 0.0, fov=45.0)
WAYS: tuple[Shading, ...] = ("flat", "gouraud", "per_pixel")


class Lamps(Explorer):
    """80 triangles under a lamp: lit once a face, once a vertex, or once a pixel."""

    azimuth = traitlets.Float(40.0).tag(dial=linear_dial("lamp azimuth", -180, 180, 5))
    elevation = traitlets.Float(35.0).tag(dial=linear_dial("lamp elevation", -85, 85, 5))
    ambient = traitlets.Float(0.15).tag(dial=linear_dial("ambient", 0.0, 1.0, 0.05))
    specular = traitlets.Float(0.5).tag(dial=linear_dial("specular (highlight)", 0.0, 1.0, 0.05))
    shininess = traitlets.Float(20.0).tag(dial=linear_dial("shininess", 1.0, 100.0, 1.0))

    def prepare(self) -> None:
        ball = icosphere(1)
        blue = torch.tensor([0.34, 0.71, 0.91]).expand(len(ball.verts), 3).contiguous()
        self._ball = Mesh(ball.verts, ball.faces, blue)

    @torch.no_grad()
    def draw(self) -> tuple[Image.Image, str]:
        up, around = math.radians(self.elevation), math.radians(self.azimuth)
        direction = (
            math.cos(up) * math.sin(around),
            math.sin(up),
            math.cos(up) * math.cos(around),
        )
        lights = Lights(
            ambient=self.ambient,
            diffuse=1 - self.ambient,
            direction=direction,
            specular=self.specular,
            shininess=self.shininess,
        )
        panels, brightest = [], []
        for way in WAYS:
            image = render(
                self._ball, VIEW, size=SIZE, lights=lights, shading=way, sigma=1e-6, gamma=1e-5
            )[0]
            brightest.append(image[..., 0].max().item())
            panels.append(Panel(way.replace("_", " "), image))
        x, y, z = (round(number, 2) + 0.0 for number in direction)
        self.alt = (
            "A blue ball of 80 triangles on black, three times: one brightness a face, mixed "
            f"between vertices, and lit pixel by pixel. The lamp stands towards ({x}, {y}, {z})."
        )
        flat, gouraud, pixel = brightest
        text = (
            f"The lamp is towards ({x}, {y}, {z}). Red of the brightest pixel: flat {flat:.2f}, "
            f"Gouraud {gouraud:.2f}, per pixel {pixel:.2f}."
        )
        return compose(panels), text
