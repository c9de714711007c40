"""Cases that no student has seen, drawn from a number, for the exercises that are graded.

The cases of a check stand in its file, for everybody to read. An answer that only knows those is
refused by a few more of the same kind. Where an exercise's arguments cannot be drawn at random (a
triangulation, a queue of work), its own cases have to do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..rotations import rotation_from_axis_angle
from .exercise import Exercise

MORE = 3  # fresh cases of an exercise


class Dice:
    """Random numbers of a seed, in float64."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def tensor(self, low: float, high: float, *shape: int) -> Tensor:
        x = torch.rand(*shape, generator=self.generator, dtype=torch.float64)
        return low + (high - low) * x

    def number(self, low: float, high: float) -> float:
        return self.tensor(low, high, 1).item()

    def whole(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(torch.randint(low, high + 1, (1,), generator=self.generator))

    def three(self, low: float, high: float) -> tuple[float, ...]:
        return tuple(self.tensor(low, high, 3).tolist())

    def power(self, low: float, high: float) -> float:
        return float(10 ** self.number(low, high))

    def weights(self, rows: int) -> Tensor:
        """Barycentric weights, inside and outside: (rows, 3), each row sums to 1."""
        two = self.tensor(-1.3, 1.3, rows, 2)
        return torch.cat([two, 1 - two.sum(1, keepdim=True)], 1)

    def shares(self, *shape: int) -> Tensor:
        return self.tensor(-1, 1, *shape).softmax(-1)

    def rotation(self) -> Tensor:
        return rotation_from_axis_angle(self.tensor(-1.5, 1.5, 3))

    def directions(self, rows: int) -> Tensor:
        return torch.nn.functional.normalize(self.tensor(-1, 1, rows, 3), dim=1)


def _pixel_center(r: Dice) -> tuple[Any, ...]:
    height, width = r.whole(2, 40), r.whole(2, 40)
    return r.whole(0, height - 1), r.whole(0, width - 1), height, width


def _finite_difference(r: Dice) -> tuple[Any, ...]:
    a, b, c = r.three(-2, 2)

    def cubic(x: float) -> float:
        return a * x**3 + b * x**2 + c * x

    return cubic, r.number(-1, 1), r.number(0.05, 0.5)


def _product_slope(r: Dice) -> tuple[Any, ...]:
    d = r.number(0.05, 0.95)
    return math.log(d), math.log(1 - d) - r.number(0, 3)


def _segment_sum(r: Dice) -> tuple[Any, ...]:
    pixel = torch.randint(0, 6, (9,), generator=r.generator)
    return r.tensor(-2, 2, 9), pixel, 6


def _weights_slope(r: Dice) -> tuple[Any, ...]:
    corners = torch.tensor([[-0.6, -0.5, 2.0], [0.6, -0.3, 3.0], [-0.1, 0.6, 4.0]])
    tri = corners.double() + r.tensor(-0.2, 0.2, 3, 3)
    v = tuple(r.weights(1)[0].tolist())
    return r.three(-2, 2), v, tuple(tuple(corner) for corner in tri.tolist())


def _skin(r: Dice) -> tuple[Any, ...]:
    return r.tensor(-1, 1, 4, 3), r.shares(4, 2), r.tensor(-1, 1, 2, 3, 4)


def _masks(r: Dice) -> tuple[Any, ...]:
    return r.tensor(0, 1, 6, 6, 6) > 0.6, r.tensor(0, 1, 6, 6, 6) > 0.4


FRESH: dict[str, Callable[[Dice], tuple[Any, ...]]] = {
    "pixel_center": _pixel_center,
    "orbit_eye": lambda r: (r.number(0.5, 5), r.number(-80, 80), r.number(-180, 180)),
    "inside_triangle": lambda r: (r.tensor(-1, 1, 9, 2), r.tensor(-1, 1, 3, 2)),
    "finite_difference": _finite_difference,
    "segment_distance2": lambda r: (*(r.tensor(-1, 1, *s) for s in ((6, 2), (2,), (2,))),),
    "probability": lambda r: (r.tensor(0, 0.3, 7), r.tensor(0, 1, 7) > 0.5, r.power(-3, -1)),
    "silhouette": lambda r: (r.tensor(0.01, 0.99, 4, 5, 5),),
    "iou_loss": lambda r: (r.tensor(0, 1, 6, 6), (r.tensor(0, 1, 6, 6) > 0.5).double()),
    "depth_weights": lambda r: (
        r.tensor(0.01, 0.99, 4),
        r.tensor(0, 1, 4),
        r.power(-2, 0),
        r.power(-4, -2),
    ),
    "clip_weights": lambda r: (r.weights(5),),
    "probability_slope": lambda r: (r.tensor(0, 0.3, 5), r.power(-3, -1)),
    "sigma_for_reach": lambda r: (r.number(1, 20), r.whole(16, 256), r.power(-5, -2)),
    "segment_sum": _segment_sum,
    "online_softmax_step": lambda r: (r.number(-5, 5), r.number(1, 4), r.number(-8, 8)),
    "product_slope": _product_slope,
    "softmax_slope": lambda r: (r.number(0.05, 0.95), *r.three(-1, 1)),
    "log_weight_slope": lambda r: (
        r.number(-1, 1),
        r.number(0.05, 0.95),
        1.0,
        100.0,
        r.power(-3, -1),
    ),
    "distance_slope": lambda r: (
        r.number(-2, 2),
        (r.number(-1, 1), r.number(-1, 1)),
        tuple(r.shares(3).tolist()),
    ),
    "depth_slope": lambda r: (r.number(-2, 2), tuple(r.shares(3).tolist()), r.three(1.5, 5)),
    "clip_slope": lambda r: (r.three(-2, 2), tuple(r.weights(1)[0].tolist())),
    "weights_slope": _weights_slope,
    "loglog_slope": lambda r: (r.tensor(1, 9, 5).cumsum(0), r.tensor(1, 9, 5)),
    "roofline": lambda r: (r.power(8, 10), r.power(8, 11), r.power(9, 11), r.power(9, 11)),
    "on_screen": lambda r: (
        r.tensor(-1, 1, 4, 3) - torch.tensor([0.0, 0.0, 3.0], dtype=torch.float64),
        r.number(30, 90),
    ),
    "from_opencv": lambda r: (r.tensor(-3, 3, 4, 3),),
    "lambert": lambda r: (
        r.directions(9),
        r.tensor(0.2, 1, 3),
        r.number(0.1, 0.4),
        r.number(0.4, 0.8),
    ),
    "fold_penalty": lambda r: (*(r.tensor(-1, 1, 3) for _ in range(4)),),
    "scheduled_sigma": lambda r: (r.power(-3, -1), r.power(-5, -3), r.number(0, 1)),
    "geodesic_angle": lambda r: (r.rotation(), r.rotation()),
    "rotation_from_axis_angle": lambda r: (r.tensor(-1.5, 1.5, 3),),
    "turn_slope": lambda r: (r.rotation(), r.tensor(-2, 2, 3, 3)),
    "rotate_about_joint": lambda r: (r.tensor(-1, 1, 4, 3), r.rotation(), r.tensor(-1, 1, 3)),
    "skin": _skin,
    "angle_slope": lambda r: (
        r.directions(1)[0],
        r.tensor(-1, 1, 3),
        r.tensor(-1, 1, 4, 3),
        r.tensor(-2, 2, 4, 3),
    ),
    "voxel_overlap": _masks,
    "mix_palette": lambda r: (r.tensor(-3, 3, 4, 3), r.tensor(0, 1, 3, 3)),
    "uniform_probability": lambda r: (r.tensor(-2, 2, 9),),
    "einstein_silhouette": lambda r: (r.tensor(0.02, 0.9, 3, 4, 4),),
    "sigma_from_pixels": lambda r: (
        r.number(1, 9),
        r.whole(16, 256),
        r.number(1, 9),
        bool(r.whole(0, 1)),
    ),
    "masked_l1": lambda r: (
        r.tensor(0, 1, 6, 5),
        r.tensor(0, 1, 6, 5),
        (r.tensor(0, 1, 6, 5) > 0.4).double(),
    ),
}


def with_fresh_cases(exercise: Exercise, seed: int | None) -> Exercise:
    """The exercise, with `MORE` cases behind its own; without a seed, or where none can be drawn,
    as it is."""
    draw = FRESH.get(exercise.name)
    if seed is None or draw is None:
        return exercise
    dice = Dice(seed)
    return replace(exercise, cases=[*exercise.cases, *(draw(dice) for _ in range(MORE))])
