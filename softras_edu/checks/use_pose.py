"""The exercises of notebook 13.

Rotations, how far apart they are, and the slope of a loss along a small turn.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .. import rotations
from .exercise import Answer, Exercise


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

_ONE = torch.eye(3, dtype=torch.float64)
# What is left of a rotation after many products: its rows are a little too long, here by some fifty
# roundings. So the cosine is beyond 1 (or beyond -1, at 180 degrees) on every machine, in whatever
# order it adds up; with exact rotations that is a matter of luck.
_WORN = 1 + 2.0**-46


class _Angle(Exercise):
    """Its gradient is compared along small turns of a, and where it exists.

    Off the rotations a formula may go on as it likes: the arc cosine and the arc tangent differ
    there. At 0 and 180 degrees the angle has a kink.
    """

    def _compare_slopes(self, yours: Answer, case: tuple[Any, ...], place: str) -> None:
        if 1 < self.reference(*case).item() < 179:
            super()._compare_slopes(yours, case, place)

    def _slopes(self, answer: Answer, case: tuple[Any, ...], place: str) -> list[Tensor | None]:
        return [
            None if slope is None else rotations.turn_slope(case[at], slope)
            for at, slope in zip(self.slopes, super()._slopes(answer, case, place), strict=True)
        ]


geodesic_angle = _Angle(
    "geodesic_angle",
    rotations.geodesic_angle,
    cases=[
        (_ABOUT_Z[0], _ONE),
        (_ABOUT_Z[1], _ABOUT_Z[0]),
        (_ABOUT_Z[2], _ONE),
        *zip(_random(3, 0), _random(3, 1), strict=True),
        (_random(1, 2)[0], _WORN * _random(1, 2)[0]),
        (_WORN * _ABOUT_Z[2], _ONE),
    ],
    tolerance=1e-4,
    slopes=(0, 1),
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
        (
            "Not a number where the two are the same or 180 degrees apart. Rounding has pushed the "
            "cosine beyond 1 or -1: clamp it to [-1, 1] first."
        ): lambda a, b: torch.rad2deg(((_trace(a, b) - 1) / 2).acos()),
        (
            "Not a number must not become 0 degrees: at 180 degrees the cosine falls below -1 by "
            "rounding too. Clamp it to [-1, 1] instead."
        ): lambda a, b: torch.rad2deg(((_trace(a, b) - 1) / 2).acos()).nan_to_num(),
        (
            "You clamped to [0, 1]. So everything beyond 90 degrees becomes 90: a cosine goes down "
            "to -1."
        ): lambda a, b: torch.rad2deg(((_trace(a, b) - 1) / 2).clamp(0, 1).acos()),
        (
            "Half of it: that is the angle between the two unit quaternions. The turn is by twice "
            "as much."
        ): lambda a, b: rotations.geodesic_angle(a, b) / 2,
        ("That is the cosine of the angle: its arc cosine is wanted, in degrees."): lambda a, b: (
            (_trace(a, b) - 1) / 2
        ),
        ("a.T * b multiplies entry by entry, a.T @ b the matrices."): lambda a, b: _degrees(
            ((a.T * b).trace() - 1) / 2
        ),
        ("It is the arc cosine, not the arc sine: at 0 degrees the cosine is 1."): lambda a, b: (
            torch.rad2deg(((_trace(a, b) - 1) / 2).clamp(-1, 1).asin())
        ),
    },
)


# --- Rodrigues' formula -------------------------------------------------------


def _unit(v: Tensor) -> Tensor:
    """The cross matrix of the axis, 0 at v = 0."""
    return rotations.cross_matrix(v / v.norm().clamp_min(1e-12))


def _square(v: Tensor) -> Tensor:
    return _unit(v) @ _unit(v)


def _about(axis: int, angle: Tensor) -> Tensor:
    """The turn about a coordinate axis by one of Euler's angles."""
    return rotations.rotation_from_axis_angle(angle * torch.eye(3, dtype=angle.dtype)[axis])


def _rodrigues(
    v: Tensor, sign: float = 1.0, unit: bool = True, square: bool = True, degrees: bool = False
) -> Tensor:
    angle = v.norm()
    k = sign * rotations.cross_matrix(v / angle.clamp_min(1e-12) if unit else v)
    turn = torch.deg2rad(angle) if degrees else angle
    return (
        torch.eye(3, dtype=v.dtype) + turn.sin() * k + ((1 - turn.cos()) * k @ k if square else 0)
    )


class _Turn(Exercise):
    """Its gradient is compared where something turns: at v = 0 the formula divides by 0."""

    def _compare_slopes(self, yours: Answer, case: tuple[Any, ...], place: str) -> None:
        if case[0].norm() > 1e-3:
            super()._compare_slopes(yours, case, place)


rotation_from_axis_angle = _Turn(
    "rotation_from_axis_angle",
    rotations.rotation_from_axis_angle,
    slopes=(0,),
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
        (
            "1 + cos in front of K K: at a small angle that is 2, but nothing should turn there. "
            "It is 1 - cos."
        ): lambda v: _rodrigues(v) + 2 * v.norm().cos() * _square(v),
        ("K K is a matrix product, K @ K. You squared the entries of K one by one."): lambda v: (
            _rodrigues(v) + (1 - v.norm().cos()) * (_unit(v) * _unit(v) - _square(v))
        ),
        (
            "Those are Euler's angles: three turns one after the other, first about x. Here v is "
            "one axis and one angle: a single turn."
        ): lambda v: _about(2, v[2]) @ _about(1, v[1]) @ _about(0, v[0]),
        (
            "Those are Euler's angles: three turns one after the other, first about z. Here v is "
            "one axis and one angle: a single turn."
        ): lambda v: _about(0, v[0]) @ _about(1, v[1]) @ _about(2, v[2]),
        (
            "That is the first-order part alone, I + K. It is right for tiny turns; a large one "
            "needs the sine and the cosine."
        ): lambda v: torch.eye(3, dtype=v.dtype) + rotations.cross_matrix(v),
        ("sine and cosine are exchanged: at a small angle the K term is small."): lambda v: (
            torch.eye(3, dtype=v.dtype)
            + v.norm().cos() * _unit(v)
            + (1 - v.norm().sin()) * _square(v)
        ),
        ("The identity is missing: without a turn everything stays where it is."): lambda v: (
            _rodrigues(v) - torch.eye(3, dtype=v.dtype)
        ),
        ("The identity has ones on its diagonal alone: torch.eye(3)."): lambda v: (
            _rodrigues(v) + 1 - torch.eye(3, dtype=v.dtype)
        ),
        ("K K is K @ K, not K @ K.T: that one turns its sign round."): lambda v: (
            _rodrigues(v) - 2 * (1 - v.norm().cos()) * _square(v)
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
        (
            "The middle number has the wrong sign. Around the three axes the order is cyclic: "
            "(3, 2), (1, 3), (2, 1), each minus its mirror image."
        ): lambda r, g: _slope(g @ r.T) * torch.tensor([1.0, -1.0, 1.0], dtype=g.dtype),
        (
            "You added the mirrored entries. K has +1 in one place and -1 in the other: subtract."
        ): lambda r, g: torch.stack(
            [(a := g @ r.T)[2, 1] + a[1, 2], a[0, 2] + a[2, 0], a[1, 0] + a[0, 1]]
        ),
        (
            "The entries are not multiplied one by one: G times R, entry by entry, is not the "
            "matrix product of G and R transposed."
        ): lambda r, g: _slope(g * r),
        ("K has two entries for each axis: take each entry minus its mirror image."): lambda r, g: (
            torch.stack([(a := g @ r.T)[2, 1], a[0, 2], a[1, 0]])
        ),
        (
            "Three numbers are wanted, one an axis: pick (3, 2), (1, 3) and (2, 1) of the matrix."
        ): lambda r, g: g @ r.T - (g @ r.T).T,
    },
)
