"""Explorer for notebook 13.

The loss of a pose over two of its angles, and the way that the search takes in it.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ..fitting.pose import bracket, colored_cube, draw_soft, photograph, picture_loss
from ..rotations import geodesic_angle, rotation_from_axis_angle
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import ORANGE, VERMILION, Panel, compose

GRID = 13
SPAN = 105.0  # degrees, from the middle of the map to its rim
STEPS = 36
OBJECTS = {"cube": colored_cube, "bracket": bracket}
TRUTH = rotation_from_axis_angle(torch.tensor([0.5, -0.6, 0.2], dtype=torch.float32))


class PoseLandscape(Explorer):
    """The true pose is in the middle of the map.

    To the right the object is turned, upwards it is tilted. Where does the path end?
    """

    sigma = traitlets.Float(1e-3).tag(dial=log_dial("sigma (blur)", -4.5, -1))
    gamma = traitlets.Float(5e-2).tag(dial=log_dial("gamma (see-through)", -3, 0.5))
    width = traitlets.Float(0.05).tag(dial=log_dial("blur of the loss (NDC)", -2, 0))
    longest = traitlets.Float(12.0).tag(dial=linear_dial("first step (degrees)", 4.0, 40.0, 1.0))
    turn = traitlets.Float(60.0).tag(dial=linear_dial("start, turn (degrees)", -105.0, 105.0, 5.0))
    tilt = traitlets.Float(-75.0).tag(dial=linear_dial("start, tilt (degrees)", -105.0, 105.0, 5.0))
    shape = traitlets.Enum(tuple(OBJECTS), "cube").tag(dial=choice_dial("object", tuple(OBJECTS)))

    def prepare(self) -> None:
        self._meshes = {name: make() for name, make in OBJECTS.items()}
        side = torch.linspace(-SPAN, SPAN, GRID)
        # The first row of a picture is its top.
        tilt, turn = torch.meshgrid(side.flip(0), side, indexing="ij")
        self._places = torch.stack([turn, tilt], dim=-1).reshape(-1, 2)

    def draw(self) -> tuple[Image.Image, str]:
        photo = photograph(self._meshes[self.shape], TRUTH[None])
        with torch.no_grad():
            loss = self.loss(self._places, photo).reshape(GRID, GRID)
        path = self.descend(photo)
        scaled = (loss - loss.min()) / (loss.max() - loss.min()).clamp_min(1e-12)
        landscape = Panel("loss (bright = high), path", scaled, "cividis")
        # degrees -> NDC of the panel, whose outer pixels are half outside the grid
        points = (path / (SPAN * GRID / (GRID - 1))).tolist()
        for a, b in pairwise(points):
            landscape.outline(torch.tensor([a, b]), ORANGE, 3)
        landscape.dot(points[0], VERMILION, 5)
        landscape.dot((0, 0), "white", 4)
        with torch.no_grad():
            (end,) = draw_soft(self._meshes[self.shape], pose(path[-1:]), self.sigma, self.gamma)
        left = geodesic_angle(pose(path[-1]), TRUTH).item()
        verdict = "found the pose" if left < 10 else "did not find it"
        began = geodesic_angle(pose(path[0]), TRUTH).item()
        self.alt = (
            f"Map of the loss over turn and tilt of the {self.shape} at sigma {self.sigma:.1e}, "
            f"gamma {self.gamma:.1e}, blur of the loss {self.width:.2f}, "
            f"with the path of the search, which {verdict}. Beside it the photograph, and the "
            "picture at the end of the path."
        )
        text = (
            f"The search started {began:.0f} degrees from the truth and ended {left:.0f} degrees "
            f"from it: it <b>{verdict}</b>. White dot: the truth."
        )
        panels = [Panel("photograph", photo[0]), landscape, Panel("end of the path", end)]
        return compose(panels), text

    def loss(self, places: Tensor, photo: Tensor) -> Tensor:
        """Of (N, 2) places, in degrees -> (N,)."""
        return picture_loss(
            draw_soft(self._meshes[self.shape], pose(places), self.sigma, self.gamma),
            photo,
            self.width,
        )

    def descend(self, photo: Tensor) -> Tensor:
        """Momentum and one scale, as `TurnAdam`, but on the map's two angles.

        -> the path (STEPS + 1, 2), the start first.
        """
        path, mean, square = [torch.tensor([self.turn, self.tilt])], torch.zeros(2), torch.zeros(())
        for step in range(1, STEPS + 1):
            here = path[-1].clone().requires_grad_()
            (grad,) = torch.autograd.grad(self.loss(here[None], photo).sum(), here)
            mean, square = mean.lerp(grad, 0.1), square.lerp(grad.square().sum(), 0.01)
            scale = (square / (1 - 0.99**step)).sqrt() + 1e-12
            length = self.longest * 0.05 ** (step / STEPS)
            path.append((path[-1] - length * mean / (1 - 0.9**step) / scale).detach())
        return torch.stack(path)


def pose(places: Tensor) -> Tensor:
    """TRUTH turned about the vertical axis, then tilted about the horizontal one.

    (..., 2) degrees -> (..., 3, 3).
    """
    turn, tilt = (places * (math.pi / 180)).unbind(-1)
    none = torch.zeros_like(turn)
    about_y = rotation_from_axis_angle(torch.stack([none, turn, none], dim=-1))
    return rotation_from_axis_angle(torch.stack([tilt, none, none], dim=-1)) @ about_y @ TRUTH
