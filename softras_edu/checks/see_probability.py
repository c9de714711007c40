"""The exercises of notebook 02, in float64 and small enough to work out by hand."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .exercise import Exercise


def _t(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _place(
    p: Tensor, a: Tensor, b: Tensor, low: float = 0.0, high: float = 1.0, power: int = 2
) -> Tensor:
    """Where the closest point lies, 0 at a and 1 at b, for |b - a|**power in the denominator."""
    along = ((p - a) * (b - a)).sum(-1)
    return (along / ((b - a) ** 2).sum() ** (power / 2)).clamp(low, high)


def _segment(
    p: Tensor, a: Tensor, b: Tensor, low: float = 0.0, high: float = 1.0, power: int = 2
) -> Tensor:
    return ((p - a - _place(p, a, b, low, high, power)[:, None] * (b - a)) ** 2).sum(-1)


def _segment_distance2(p: Tensor, a: Tensor, b: Tensor) -> Tensor:
    return _segment(p, a, b)


_NEAR = _t([0.0, 1.0], [0.5, 0.2], [2.0, 0.0], [-1.0, -1.0], [0.3, 0.1])
segment_distance2 = Exercise(
    "segment_distance2",
    _segment_distance2,
    slopes=(0, 1, 2),
    cases=[
        (_NEAR, _t(0.0, 0.0), _t(1.0, 0.0)),
        (_NEAR, _t(-0.5, 0.4), _t(0.3, -0.8)),
        (_NEAR, _t(0.2, 0.2), _t(0.2, 0.9)),
    ],
    mistakes={
        (
            "That is the distance to the whole line. Past an end of the segment the closest "
            "point is that end: clamp t to [0, 1]."
        ): lambda p, a, b: _segment(p, a, b, -math.inf, math.inf),
        (
            "Points before a come out too small: the clamp works on one side only. t must not fall "
            "below 0 either."
        ): lambda p, a, b: _segment(p, a, b, -math.inf, 1.0),
        (
            "Points beyond b come out too small: the clamp works on one side only. t must not rise "
            "above 1 either."
        ): lambda p, a, b: _segment(p, a, b, 0.0, math.inf),
        (
            "t is a share of the segment: divide the dot product by |b - a| squared, not by "
            "|b - a|, and not by nothing."
        ): lambda p, a, b: _segment(p, a, b, power=0),
        (
            "t is a share of the segment: divide by |b - a| squared. In yours |b - a| lacks the "
            "square."
        ): lambda p, a, b: _segment(p, a, b, power=1),
        "t counts from a to b: the closest point is a + t (b - a), not b + t (a - b).": (
            lambda p, a, b: ((p - b - _place(p, a, b)[:, None] * (a - b)) ** 2).sum(-1)
        ),
        "That is how far the closest point is from a, along the segment. Wanted: from p to it.": (
            lambda p, a, b: ((_place(p, a, b)[:, None] * (b - a)) ** 2).sum(-1)
        ),
        "Square first and add the two squares; yours adds x and y before.": (
            lambda p, a, b: (p - a - _place(p, a, b)[:, None] * (b - a)).sum(-1) ** 2
        ),
        "The sum of the two squares is wanted, not their mean.": lambda p, a, b: (
            _segment(p, a, b) / 2
        ),
        "The squared distance is wanted: no square root.": lambda p, a, b: _segment(p, a, b).sqrt(),
        (
            "That is the distance to the nearer end. Between the ends, the closest point lies on "
            "the segment."
        ): lambda p, a, b: torch.minimum(((p - a) ** 2).sum(-1), ((p - b) ** 2).sum(-1)),
    },
)


def _probability(d2: Tensor, inside: Tensor, sigma: float) -> Tensor:
    return torch.sigmoid(torch.where(inside, d2, -d2) / sigma)


_D2, _INSIDE = (
    _t(0.0, 0.01, 0.01, 0.04, 0.25, 0.0004),
    torch.tensor([True, True, False, True, False, False]),
)
probability = Exercise(
    "probability",
    _probability,
    slopes=(0,),
    cases=[(_D2, _INSIDE, 1e-2), (_D2, _INSIDE, 1e-1), (_D2, ~_INSIDE, 1e-3)],
    mistakes={
        "The sign is turned round: inside must come out above one half.": lambda d2, inside, s: (
            _probability(d2, ~inside, s)
        ),
        "d2 is the squared distance already; do not square it again.": lambda d2, inside, s: (
            _probability(d2**2, inside, s)
        ),
        (
            "The paper divides the squared distance by sigma; a square root has crept in."
        ): lambda d2, inside, s: _probability(d2.sqrt(), inside, s),
        "Divide by sigma first, then take the sigmoid.": lambda d2, inside, s: (
            _probability(d2, inside, 1.0) / s
        ),
        "Divide by sigma, not by its square: sigma is an area already.": lambda d2, inside, s: (
            _probability(d2, inside, s**2)
        ),
        (
            "Outside, yours is one half at every distance: d2 * inside is 0 there. It must be -d2."
        ): lambda d2, inside, s: torch.sigmoid(d2 * inside / s),
        "That is the hard picture again: 0 or 1. Let it depend on d2.": lambda d2, inside, s: (
            inside.double()
        ),
        "Something is missing: the sigmoid, which takes any number to one between 0 and 1.": (
            lambda d2, inside, s: torch.where(inside, d2, -d2) / s
        ),
        "Sigma divides: the larger it is, the softer the edge.": lambda d2, inside, s: (
            torch.sigmoid(torch.where(inside, d2, -d2) * s)
        ),
        (
            "Outside, the sign must be negative, so that the probability falls below one half."
        ): lambda d2, inside, s: torch.sigmoid(d2 / s),
        "Inside, the sign must be positive: yours falls with the distance on both sides.": (
            lambda d2, inside, s: torch.sigmoid(-d2 / s)
        ),
        "exp alone passes 1. The sigmoid of x is 1 / (1 + exp(-x)).": lambda d2, inside, s: (
            torch.where(inside, d2, -d2) / s
        ).exp(),
        (
            "That is a bell: largest on the edge. A probability rises towards the inside: the "
            "sigmoid."
        ): lambda d2, inside, s: torch.exp(-d2 / s),
        "tanh runs from -1 to 1, the sigmoid from 0 to 1.": lambda d2, inside, s: torch.tanh(
            torch.where(inside, d2, -d2) / s
        ),
        "Divide by sigma, not by 2 sigma.": lambda d2, inside, s: _probability(d2, inside, 2 * s),
        "Divide by sigma itself, not by its root: d2 is squared already.": lambda d2, inside, s: (
            _probability(d2, inside, s**0.5)
        ),
    },
)
