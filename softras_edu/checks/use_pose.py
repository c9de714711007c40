"""The exercises of notebook 13.

Rotations, how far apart they are, and the slope of a loss along a small turn.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .. import rotations
from .exercise import Exercise


def _random(count: int, seed: int) -> Tensor:
    """Rotations that are exact in float64."""
    return rotations.rotation_from_axis_angle(
        torch.randn(count, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    )


# --- how far apart two rotations are ------------------------------------------


def _trace(a: Tensor, b: Tensor) -> Tensor:
    return (a.T @ b).trace()


def _degrees(x: Tensor) -> Tensor:
    return torch.rad2deg(x.clamp(-1, 1).acos())


_ABOUT_Z = rotations.rotation_from_axis_angle(
    torch.tensor([[0.0, 0.0, math.radians(d)] for d in (20.0, 110.0, 180.0)], dtype=torch.float64)
)

geodesic_angle = Exercise(
    "geodesic_angle",
    rotations.geodesic_angle,
    cases=[
        (_ABOUT_Z[0], torch.eye(3, dtype=torch.float64)),
        (_ABOUT_Z[1], _ABOUT_Z[0]),
        (_ABOUT_Z[2], torch.eye(3, dtype=torch.float64)),
        *zip(_random(3, 0), _random(3, 1), strict=True),
        (_random(1, 2)[0], _random(1, 2)[0]),
    ],
    tolerance=1e-4,
    mistakes={
        "That is radians. The course measures angles between poses in degrees.": lambda a, b: (
            torch.deg2rad(rotations.geodesic_angle(a, b))
        ),
        (
            "The trace of a rotation by an angle is 1 + 2 cos(angle): take the 1 off, then halve."
        ): lambda a, b: _degrees(_trace(a, b) / 3),
        "Nearly: (trace - 1) / 2. You divided before you took the 1 off.": lambda a, b: _degrees(
            _trace(a, b) / 2 - 1
        ),
        (
            "You took the trace of a @ b. The turn that leads from one to the other is a.T @ b."
        ): lambda a, b: _degrees(((a @ b).trace() - 1) / 2),
        (
            "That is the length of the difference of the matrices (the chordal distance). It "
            "grows with the angle, but is no angle."
        ): lambda a, b: (a - b).norm(),
        (
            "The arc sine cannot tell 70 from 110 degrees. Use the trace: its cosine can."
        ): lambda a, b: torch.rad2deg(
            rotations.turn_slope(torch.eye(3, dtype=torch.float64), a.T @ b)
            .norm()
            .div(2)
            .clamp(-1, 1)
            .asin()
        ),
    },
)


# --- Rodrigues' formula -------------------------------------------------------


def _rodrigues(
    v: Tensor, sign: float = 1.0, unit: bool = True, square: bool = True, degrees: bool = False
) -> Tensor:
    angle = v.norm()
    k = sign * rotations.cross_matrix(v / angle.clamp_min(1e-12) if unit else v)
    turn = torch.deg2rad(angle) if degrees else angle
    return (
        torch.eye(3, dtype=v.dtype) + turn.sin() * k + ((1 - turn.cos()) * k @ k if square else 0)
    )


rotation_from_axis_angle = Exercise(
    "rotation_from_axis_angle",
    rotations.rotation_from_axis_angle,
    cases=[
        (torch.tensor(v, dtype=torch.float64),)
        for v in (
            [0.0, 0.0, math.pi / 2],
            [0.3, -0.2, 0.6],
            [2.0, 1.0, -1.5],
            [0.0, 0.0, 0.0],
            [1e-9, 0.0, 2e-9],
            [0.0, 3.0, 0.0],
        )
    ],
    mistakes={
        (
            "At v = 0 you divide by the angle, which is 0. Nothing turns there: the answer is "
            "the identity."
        ): lambda v: _rodrigues(v) if v.norm() > 0 else torch.full((3, 3), torch.nan),
        (
            "It turns the other way round: the cross matrix of (0, 0, 1) has -1 in its first row "
            "and +1 in its second."
        ): lambda v: _rodrigues(v, sign=-1.0),
        "The axis must have length 1 in this formula: v / |v|. You used v itself.": lambda v: (
            _rodrigues(v, unit=False)
        ),
        (
            "The term (1 - cos) K K is missing. Without it the matrix is no rotation: it makes "
            "things longer."
        ): lambda v: _rodrigues(v, square=False),
        "|v| is the angle in radians; sin and cos want it as it is.": lambda v: _rodrigues(
            v, degrees=True
        ),
    },
)


# --- the slope along a small turn ---------------------------------------------


def _slope(a: Tensor) -> Tensor:
    return torch.stack([a[2, 1] - a[1, 2], a[0, 2] - a[2, 0], a[1, 0] - a[0, 1]])


turn_slope = Exercise(
    "turn_slope",
    rotations.turn_slope,
    cases=[
        (r, g)
        for r, g in zip(
            _random(4, 3),
            torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(4), dtype=torch.float64),
            strict=True,
        )
    ],
    mistakes={
        (
            "The sign is turned round: downhill becomes uphill. Check one entry: "
            "cross_matrix((1, 0, 0)) has +1 in row 2, column 1."
        ): lambda r, g: -_slope(g @ r.T),
        (
            "That is the slope along R -> R exp(v), a turn in the object's own axes. Here the "
            "turn comes after R: exp(v) R."
        ): lambda r, g: _slope(r.T @ g),
        (
            "The R is missing: the small turn moves K R, not K. Multiply dL/dR by R transposed."
        ): lambda r, g: _slope(g),
        (
            "Half of it: the sum over all entries of G times (K R) counts both places where K is "
            "not 0."
        ): lambda r, g: _slope(g @ r.T) / 2,
        "You multiplied by R, not by R transposed.": lambda r, g: _slope(g @ r),
    },
)
