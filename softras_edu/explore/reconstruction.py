"""Explorer for notebook 15.

One photograph of an object that the network never saw, the mesh that it makes of it, and the truth,
to turn round.
"""

from __future__ import annotations

from functools import cache

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ..camera import Camera
from ..mesh import Mesh
from ..reconstruct import families
from ..reconstruct.checkpoint import load_model
from ..reconstruct.data import LIGHTS, VIEWS, photograph
from ..reconstruct.evaluate import hull_of, reconstruct
from ..reconstruct.voxels import voxel_iou, voxelize
from ..rendering import render
from .base import Explorer, choice_dial, count_dial, linear_dial
from .draw import Panel, compose

EACH = 4  # objects of a family
OBJECTS = tuple(f"{name} {k + 1}" for name in families.FAMILIES for k in range(EACH))
SIZE = 128


@cache
def held_out(name: str) -> tuple[Mesh, Tensor, Tensor, float]:
    """The object called "mug 2": mesh, photographs, voxels, and IoU of the visual hull.

    Photographs (24, 4, 64, 64), voxels (32, 32, 32); the hull is that of all photographs.
    """
    family, number = name.split()
    mesh = families.make(family, f"0/test/{int(number) - 1}")
    photos, voxels = photograph(mesh), voxelize(mesh.verts, mesh.faces)
    return mesh, photos, voxels, voxel_iou(hull_of(photos), voxels).item()


class Reconstruction(Explorer):
    """Choose an object and the side that is photographed.

    The network makes a mesh of this picture alone. Then look at the back.
    """

    object = traitlets.Enum(OBJECTS, "chair 1").tag(dial=choice_dial("object", OBJECTS))
    view = traitlets.Int(9).tag(dial=count_dial("photo from side", 0, VIEWS - 1))
    turn = traitlets.Float(0.0).tag(dial=linear_dial("walk round (degrees)", -180, 180, 5))
    tilt = traitlets.Float(30.0).tag(dial=linear_dial("height (degrees)", -30, 85, 5))

    def prepare(self) -> None:
        self._network, config, _ = load_model()
        # Else the colours have the light in them.
        self._lights = LIGHTS if config.shading or self._network.paint is None else None

    def draw(self) -> tuple[Image.Image, str]:
        truth, photos, voxels, hull = held_out(self.object)
        photo = photos[self.view]
        (mesh,) = reconstruct(self._network, photo[None])
        score = voxel_iou(voxelize(mesh.verts, mesh.faces), voxels).item()
        camera = Camera.orbit(2.732, self.tilt, self.turn - 15.0 * self.view, fov=30.0)
        with self.all_cores(), torch.no_grad():
            drawn = [
                render(
                    body, camera, size=SIZE, lights=lights, sigma=1e-6, gamma=1e-5, background=1.0
                )[0]
                for body, lights in ((mesh, self._lights), (truth, LIGHTS))
            ]
        # on white
        seen = (photo[:3].float() + 255 - photo[3].float()).clamp(0, 255).permute(1, 2, 0) / 255
        place = (
            "where the photograph was taken"
            if (self.turn, self.tilt) == (0, 30)
            else f"{self.turn:+.0f} degrees round from it, {self.tilt:.0f} up"
        )
        self.alt = (
            f"A photograph of {self.object} from side {self.view}, the mesh that the network "
            f"made of it, and the true shape, both seen from {place}. "
            f"Voxel IoU {score:.2f}."
        )
        panels = [
            Panel("the photograph", seen),
            Panel("the network's mesh", drawn[0]),
            Panel("the true shape", drawn[1]),
        ]
        text = (
            f"Voxel IoU <b>{score:.2f}</b> from this one picture; the visual hull of all {VIEWS} "
            f"silhouettes has {hull:.2f}."
        )
        return compose(panels), f"{text} You stand {place}."
