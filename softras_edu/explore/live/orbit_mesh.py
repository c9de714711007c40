"""Live explorer for notebook 00: a mesh to turn, to come nearer to, and to light.

sigma and gamma live; the picture is that of `render`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ... import rendering
from ...camera import Camera
from ...mesh import Mesh
from ...rendering import screen_triangles
from ...shading import Lights
from ...shapes import teapot
from ..draw import Panel, compose
from .base import Live, positive, script

SIZE = 128  # pixels a side
FOV = 45.0  # degrees
BACKGROUND = 33 / 255
NEAR = 1.0  # the rasterizer's own
MOST = 1280  # faces: as many as a browser draws while one turns them


class Meshes(traitlets.TraitType[Mesh, Any]):
    """A `Mesh` with at most 1,280 faces and no texture, kept in float64; white without colours."""

    info_text = f"a Mesh of at most {MOST} faces, without a texture"

    def validate(self, obj: Any, value: Any) -> Mesh:
        """The mesh in float64, or a TraitError."""
        if not isinstance(value, Mesh):
            self.error(obj, value)
        got = ""
        if len(value.faces) > MOST:
            got = f"{len(value.faces)} faces"
        elif value.texture is not None:
            got = "a texture"
        if got:
            raise traitlets.TraitError(f"{self.name}: got {got}, wanted {self.info_text}")
        mesh = Mesh(value.verts.detach(), value.faces, value.corner_tints().detach())
        return mesh.to(torch.float64).to("cpu")


def to_lists(mesh: Mesh, _: Any) -> dict[str, Any]:
    """verts (V, 3), faces (F, 3) and colours (F, 3, 3) as nested lists."""
    colors = mesh.corner_tints()
    return {
        "verts": mesh.verts.tolist(),
        "faces": mesh.faces.tolist(),
        "colors": colors.tolist(),
    }


def from_lists(lists: dict[str, Any], _: Any) -> Mesh:
    """And back."""
    verts, colors = (
        torch.tensor(lists[name], dtype=torch.float64).reshape(*shape)
        for name, shape in (("verts", (-1, 3)), ("colors", (-1, 3, 3)))
    )
    return Mesh(verts, torch.tensor(lists["faces"], dtype=torch.int64).reshape(-1, 3), colors)


def first_mesh() -> Mesh:
    """The teapot, in a sphere of radius 1."""
    return teapot().fit_unit_sphere()


class OrbitMesh(Live):
    """A mesh from a camera that goes around it: drag to turn, wheel to come nearer.

    `azimuth`, `elevation` (degrees) and `distance` are those of `Camera.orbit`, `light_azimuth` and
    `light_elevation` (degrees) say where the lamp is; `camera()`, `lights()` and `render()` have
    what is on the screen. `mesh` is a `Mesh` of at most 1,280 faces without a texture.
    """

    mesh = Meshes(first_mesh()).tag(sync=True, to_json=to_lists, from_json=from_lists)
    azimuth = traitlets.Float(30.0).tag(sync=True)
    elevation = traitlets.Float(20.0).tag(sync=True)
    distance = traitlets.Float(3.0).tag(sync=True)
    sigma = traitlets.Float(1e-5).tag(sync=True)
    gamma = traitlets.Float(1e-4).tag(sync=True)
    light_azimuth = traitlets.Float(60.0).tag(sync=True)
    light_elevation = traitlets.Float(45.0).tag(sync=True)
    module = "orbit_mesh.js"
    _esm = script(module)

    _check_distance = traitlets.validate("distance")(positive(1.0, 20.0))
    _check_sigma = traitlets.validate("sigma")(positive(1e-6, 1e-2))
    _check_gamma = traitlets.validate("gamma")(positive(1e-5, 0.1))

    @traitlets.validate("azimuth", "light_azimuth")
    def _check_azimuth(self, proposal: Any) -> float:
        return _degrees(proposal, 180.0)

    @traitlets.validate("elevation", "light_elevation")
    def _check_elevation(self, proposal: Any) -> float:
        return _degrees(proposal, 90.0)

    def camera(self) -> Camera:
        """The camera, in float64."""
        place = torch.tensor(
            [self.distance, self.elevation, self.azimuth, FOV], dtype=torch.float64
        )
        return Camera.orbit(*place)

    def lights(self) -> Lights:
        """The lamp, and `Lights`' own light from everywhere."""
        a, e = math.radians(self.light_azimuth), math.radians(self.light_elevation)
        towards = (math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a))
        return Lights(direction=towards)

    def render(self) -> Tensor:
        """The picture that is on the screen, (H, W, 4)."""
        return rendering.render(
            self.mesh,
            self.camera(),
            lights=self.lights(),
            size=SIZE,
            sigma=self.sigma,
            gamma=self.gamma,
            background=BACKGROUND,
        )[0]

    def draw(self) -> tuple[Image.Image, str]:
        count = len(self.mesh.faces)
        depth = screen_triangles(self.mesh.verts, self.mesh.faces, self.camera())[..., 2]
        if count and depth.min() < NEAR:
            self.alt = f"Two empty panels: at distance {self.distance:.2f} the mesh is too near."
            empty = torch.full((2, 2), 0.13)
            return compose([Panel("the mesh is too near", empty) for _ in range(2)]), self.alt
        image = self.render()
        share = 100 * image[..., 3].mean().item()
        self.alt = (
            f"Left, a mesh of {count} faces from azimuth {self.azimuth:.0f}, elevation "
            f"{self.elevation:.0f} and distance {self.distance:.2f}; right, its silhouette, which "
            f"fills {share:.1f} % of the picture."
        )
        panels = [Panel("the mesh", image), Panel("alpha", image[..., 3], "cividis")]
        return compose(panels), f"The silhouette fills {share:.1f} % of the picture."


def _degrees(proposal: Any, most: float) -> float:
    """The value, from -most to most, or a TraitError."""
    value, name = float(proposal["value"]), proposal["trait"].name
    if not abs(value) <= most * (1 + 1e-9):  # the hand's sums may be rounded
        raise traitlets.TraitError(f"{name}: got {value!r}, wanted {-most:g} to {most:g}")
    return value
