"""Explorer for notebook 13.

The loss of a pose over two of its angles, and the way that the search takes in it.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from itertools import pairwise

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ..fitting.pose import (
    SIZE,
    blur_matrix,
    bracket,
    colored_cube,
    draw_soft,
    draw_triangles,
    photograph,
    picture_loss,
    turned,
)
from ..mesh import Mesh
from ..rotations import geodesic_angle, rotation_from_axis_angle
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import ORANGE, VERMILION, Panel, compose

GRID = 13
SPAN = 105.0  # degrees, from the middle of the map to its rim
STEPS = 36
OBJECTS = {"cube": colored_cube, "bracket": bracket}
TRUTH = rotation_from_axis_angle(torch.tensor([0.5, -0.6, 0.2], dtype=torch.float32))
SIDE = [SPAN * (2 * k / (GRID - 1) - 1) for k in range(GRID)]
# A picture's first row is its top.
PLACES = torch.tensor([(turn, tilt) for tilt in SIDE[::-1] for turn in SIDE], dtype=torch.float32)
SMALL_TURN = 0.5  # degrees
WAYS = ((0, 0), (1, 0), (0, 1), (-1, 0), (0, -1))
SMALL_TURNS = SMALL_TURN * torch.tensor(WAYS, dtype=torch.float32)


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

    def draw(self) -> tuple[Image.Image, str]:
        mesh, photo = seen(self.shape)
        with self.all_cores():
            loss = losses_everywhere(self.shape, self.sigma, self.gamma, self.width)
        path = self.descend()
        scaled = (loss - loss.min()) / (loss.max() - loss.min()).clamp_min(1e-12)
        landscape = Panel("loss (bright = high), path", scaled, "cividis")
        # degrees -> NDC of the panel, whose outer pixels are half outside the grid
        points = (path / (SPAN * GRID / (GRID - 1))).tolist()
        for a, b in pairwise(points):
            landscape.outline(torch.tensor([a, b]), ORANGE, 3)
        landscape.dot(points[0], VERMILION, 5)
        landscape.dot((0, 0), "white", 4)
        with torch.no_grad():
            (end,) = draw_soft(mesh, poses(path[-1:]), self.sigma, self.gamma)
        began, left = geodesic_angle(poses(path[[0, -1]]), TRUTH).tolist()
        verdict = "found the pose" if left < 10 else "did not find it"
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

    def slope(self, place: Tensor) -> Tensor:
        """The derivative of the loss with respect to turn and tilt, (2,) degrees -> (2,).

        Autograd goes from the picture to the triangles' corners. What lies before and after is
        short: the loss is a mean of squares, whose blur is its own adjoint, and how fast the
        corners move is seen from a small turn to either side.
        """
        mesh, photo = seen(self.shape)
        triangles, colors = turned(mesh, poses(place + SMALL_TURNS))
        here = triangles[:1].requires_grad_()
        picture = draw_triangles(here, colors[:1], self.sigma, self.gamma)[..., :3]
        with torch.no_grad():
            twice = blurred_twice(self.width)
            difference = (picture - photo[..., :3]).movedim(-1, 1)
            d_picture = (twice @ difference @ twice).movedim(1, -1) * (2 / picture.numel())
        (d_here,) = torch.autograd.grad(picture, here, d_picture)
        speed = (triangles[1:3] - triangles[3:]) / (2 * SMALL_TURN)  # of the corners, a degree
        return (d_here * speed).sum((1, 2, 3))

    def descend(self) -> Tensor:
        """Momentum and one scale, as `TurnAdam`, but on the map's two angles.

        -> the path (STEPS + 1, 2), the start first.
        """
        path, mean, square = [torch.tensor([self.turn, self.tilt])], torch.zeros(2), torch.zeros(())
        for step in range(1, STEPS + 1):
            grad = self.slope(path[-1])
            mean, square = mean.lerp(grad, 0.1), square.lerp(grad.square().sum(), 0.01)
            scale = (square / (1 - 0.99**step)).sqrt() + 1e-12
            length = self.longest * 0.05 ** (step / STEPS)
            path.append(path[-1] - length * mean / (1 - 0.9**step) / scale)
        return torch.stack(path)


@cache
def seen(shape: str) -> tuple[Mesh, Tensor]:
    """An object, and the photograph of it, (1, H, W, 4)."""
    mesh = OBJECTS[shape]()
    return mesh, photograph(mesh, TRUTH[None])


@lru_cache(maxsize=1)
def blurred_twice(width: float) -> Tensor:
    """The matrix that blurs along an axis as `blur_matrix` does twice."""
    matrix = blur_matrix(SIZE, width)
    return matrix @ matrix


@lru_cache(maxsize=1)  # the same, while the path is changed
def losses_everywhere(shape: str, sigma: float, gamma: float, width: float) -> Tensor:
    """The loss at all places of the map, (GRID, GRID)."""
    pictures = everywhere(shape, sigma, gamma)
    return picture_loss(pictures, seen(shape)[1], width).reshape(GRID, GRID)


@lru_cache(maxsize=1)  # the same, while the path or the blur of the loss is changed
@torch.no_grad()
def everywhere(shape: str, sigma: float, gamma: float) -> Tensor:
    """Soft pictures from all places of the map, (GRID**2, H, W, 4)."""
    return draw_soft(seen(shape)[0], poses(PLACES), sigma, gamma)


def poses(places: Tensor) -> Tensor:
    """TRUTH turned about the vertical axis, then tilted about the horizontal one.

    (N, 2) degrees -> (N, 3, 3).
    """
    rows = []
    for turn, tilt in (places * (math.pi / 180)).tolist():  # for a few, faster than tensors are
        c, s, C, S = math.cos(turn), math.sin(turn), math.cos(tilt), math.sin(tilt)  # noqa: N806
        rows.append([[c, 0.0, s], [S * s, C, -S * c], [-C * s, S, C * c]])
    return torch.tensor(rows) @ TRUTH
