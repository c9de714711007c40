"""The exercises of notebook 08, second half: from distance, depth and weights to the corners.

Small functions of numbers and tuples, which the notebook then compiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .exercise import Exercise

Three = tuple[float, float, float]


# --- the pull on the corners ---------------------------------------------------------------------

Pairs = tuple[tuple[float, float], ...]


def _distance_slope(d_d2: float, gap: tuple[float, float], levers: Three) -> Pairs:
    push_x, push_y = -2 * d_d2 * gap[0], -2 * d_d2 * gap[1]
    l0, l1, l2 = levers
    return (l0 * push_x, l0 * push_y), (l1 * push_x, l1 * push_y), (l2 * push_x, l2 * push_y)


def _scaled(pairs: Pairs, factor: float) -> Pairs:
    return tuple((factor * x, factor * y) for x, y in pairs)


distance_slope = Exercise(
    "distance_slope",
    _distance_slope,
    cases=[
        (1.0, (0.3, -0.1), (0.25, 0.75, 0.0)),
        (-2.0, (0.05, 0.2), (0.0, 0.4, 0.6)),
        (0.5, (-0.4, 0.1), (1.0, 0.0, 0.0)),
    ],
    tolerance=1e-9,
    mistakes={
        (
            "The sign is turned round: the gap is the pixel less the closest point, and the corner "
            "stands in the second."
        ): lambda d, gap, levers: _scaled(_distance_slope(d, gap, levers), -1),
        "The 2 of the square is missing.": lambda d, gap, levers: _scaled(
            _distance_slope(d, gap, levers), 0.5
        ),
        "d_d2 is missing: the loss asks for d2 with that strength.": lambda d, gap, levers: (
            _distance_slope(1.0, gap, levers)
        ),
        "Each corner gets its own lever's part of the pull, not all of it.": (
            lambda d, gap, levers: _distance_slope(d, gap, (1.0, 1.0, 1.0))
        ),
        "x and y are exchanged.": lambda d, gap, levers: _distance_slope(d, gap[::-1], levers),
        "The corners are in another order: lever 0 belongs to corner 0.": (
            lambda d, gap, levers: _distance_slope(d, gap, levers[::-1])
        ),
        (
            "The gap's x stands in both places: the second number of each corner is for y."
        ): lambda d, gap, levers: _distance_slope(d, (gap[0], gap[0]), levers),
        "The gap is missing: the further the pixel, the harder d2 pulls.": lambda d, gap, levers: (
            _distance_slope(d, (1.0, 1.0), levers)
        ),
        (
            "Lever k says how much corner k has of the closest point: not 1 - lever."
        ): lambda d, gap, levers: _distance_slope(d, gap, tuple(1 - x for x in levers)),
    },
)


# --- the slopes of the depth ---------------------------------------------------------------------


def _depth_slope(d_z: float, w: Three, z_corner: Three) -> tuple[Three, Three]:
    z = 1 / (w[0] / z_corner[0] + w[1] / z_corner[1] + w[2] / z_corner[2])
    q0, q1, q2 = z / z_corner[0], z / z_corner[1], z / z_corner[2]
    d_w = (-d_z * z * q0, -d_z * z * q1, -d_z * z * q2)
    return d_w, (d_z * w[0] * q0 * q0, d_z * w[1] * q1 * q1, d_z * w[2] * q2 * q2)


def _without_one_z(d_z: float, w: Three, z_corner: Three) -> list[list[float]]:
    z = 1 / sum(a / b for a, b in zip(w, z_corner, strict=True))
    return _triples(_depth_slope(d_z, w, z_corner), 1 / z, 1 / z)


def _triples(x: tuple[Three, Three], first: float, second: float) -> list[list[float]]:
    """Two tuples of three, each times a factor."""
    return [[f * part for part in three] for f, three in zip((first, second), x, strict=True)]


def _without_weights(d_z: float, w: Three, z_corner: Three) -> tuple[Three, list[float]]:
    z = 1 / sum(a / b for a, b in zip(w, z_corner, strict=True))
    return _depth_slope(d_z, w, z_corner)[0], [d_z * (z / x) ** 2 for x in z_corner]


depth_slope = Exercise(
    "depth_slope",
    _depth_slope,
    cases=[
        (0.7, (0.2, 0.3, 0.5), (2.0, 3.0, 4.0)),
        (-1.5, (1.0, 0.0, 0.0), (5.0, 1.5, 2.0)),
        (2.0, (0.0, 0.6, 0.4), (3.0, 3.0, 7.0)),
    ],
    tolerance=1e-9,
    mistakes={
        (
            "z = 1 / q has the slope -z^2, and q has the slope 1 / z_k in w_k: d_w is negative for "
            "a positive d_z."
        ): lambda d, w, z: _triples(_depth_slope(d, w, z), -1, 1),
        "Both slopes for the corners' z are negative: together they are positive.": (
            lambda d, w, z: _triples(_depth_slope(d, w, z), 1, -1)
        ),
        (
            "That is the slope of the mean of the z_k. The mean of 1 / z_k is what z is made of."
        ): lambda d, w, z: (
            tuple(d * x for x in z),
            tuple(d * x for x in w),
        ),
        "d_z is missing: both are passed back through it.": lambda d, w, z: _depth_slope(1.0, w, z),
        "First d_w, then what the corners' z get.": lambda d, w, z: _depth_slope(d, w, z)[::-1],
        "The slope of 1 / q is -1 / q^2 = -z^2. One z is missing.": _without_one_z,
        "z = 1 / q has the slope -z^2: in d_w one z is missing.": lambda d, w, z: _triples(
            _depth_slope(d, w, z), sum(a / b for a, b in zip(w, z, strict=True)), 1
        ),
        (
            "1 / z_k has the slope -1 / z_k^2: what the corners' z get lacks a division by z_k."
        ): lambda d, w, z: (
            _depth_slope(d, w, z)[0],
            tuple(a * b for a, b in zip(_depth_slope(d, w, z)[1], z, strict=True)),
        ),
        "w_k is missing: a corner pulls with its weight.": _without_weights,
    },
)


# --- the backward pass of clipping and renormalising ---------------------------------------------


def _clip_barycentric(v: Three) -> tuple[Three, float]:
    c0, c1, c2 = (min(max(x, 0.0), 1.0) for x in v)
    w_sum = c0 + c1 + c2
    return (c0 / w_sum, c1 / w_sum, c2 / w_sum), w_sum


def _clip_slope(
    d_w: Three, v: Three, gate: bool = True, renormalise: bool = True, divide: bool = True
) -> Three:
    w, w_sum = _clip_barycentric(v)
    mean = sum(d * x for d, x in zip(d_w, w, strict=True)) if renormalise else 0.0
    d0, d1, d2 = (
        (d - mean) / (w_sum if divide else 1.0) * (0 <= x <= 1 or not gate)
        for d, x in zip(d_w, v, strict=True)
    )
    return d0, d1, d2


def _clip_slope_of_unclipped_mean(d_w: Three, v: Three) -> Three:
    _, w_sum = _clip_barycentric(v)
    mean = sum(d * x for d, x in zip(d_w, v, strict=True))
    d0, d1, d2 = ((d - mean) / w_sum * (0 <= x <= 1) for d, x in zip(d_w, v, strict=True))
    return d0, d1, d2


def _gated(d_w: Three, v: Three, gate: Callable[[float], bool]) -> Three:
    d0, d1, d2 = (d * gate(x) for d, x in zip(_clip_slope(d_w, v, gate=False), v, strict=True))
    return d0, d1, d2


def _mean_of_open_ones(d_w: Three, v: Three) -> Three:
    w, w_sum = _clip_barycentric(v)
    mean = sum(d * x for d, x, raw in zip(d_w, w, v, strict=True) if 0 <= raw <= 1)
    d0, d1, d2 = ((d - mean) / w_sum * (0 <= x <= 1) for d, x in zip(d_w, v, strict=True))
    return d0, d1, d2


def _with_mean(d_w: Three, v: Three, mean_of: Callable[[Three, float], float]) -> Three:
    """The slope with another mean, of the clipped weights and their sum."""
    w, w_sum = _clip_barycentric(v)
    mean = mean_of((w[0] * w_sum, w[1] * w_sum, w[2] * w_sum), w_sum)
    d0, d1, d2 = ((d - mean) / w_sum * (0 <= x <= 1) for d, x in zip(d_w, v, strict=True))
    return d0, d1, d2


clip_slope = Exercise(
    "clip_slope",
    _clip_slope,
    cases=[
        ((1.0, 0.0, 0.0), (0.2, 0.3, 0.5)),
        ((1.0, -2.0, 0.5), (0.8, 0.6, -0.4)),
        ((0.3, 1.0, 2.0), (-0.7, 0.9, 0.8)),
        ((1.0, 2.0, 3.0), (1.4, -0.3, -0.1)),
        ((1.0, 2.0, 3.0), (1.3, 0.4, -0.7)),  # clipped on both sides, with one between
    ],
    tolerance=1e-9,
    mistakes={
        (
            "Nothing flows through a weight that was clipped: its v may move, w stays."
        ): lambda d_w, v: _clip_slope(d_w, v, gate=False),
        (
            "The renormalisation is missing: when one clipped weight grows, all three w change. "
            "Subtract sum_m d_w_m w_m."
        ): lambda d_w, v: _clip_slope(d_w, v, renormalise=False),
        (
            "The division by w_sum is missing. It is 1 inside the triangle, which hides the "
            "mistake there."
        ): lambda d_w, v: _clip_slope(d_w, v, divide=False),
        (
            "In the sum sum_m d_w_m w_m stand the weights after clipping and renormalising, not v."
        ): _clip_slope_of_unclipped_mean,
        (
            "A weight above 1 was clipped as well as one below 0: the gate has two sides."
        ): lambda d_w, v: _gated(d_w, v, lambda x: x >= 0),
        (
            "A weight below 0 was clipped as well as one above 1: the gate has two sides."
        ): lambda d_w, v: _gated(d_w, v, lambda x: x <= 1),
        (
            "The gate closes the way to v_m, not the sum: clipped weights keep their part in "
            "sum_k d_w_k w_k, and w_sum."
        ): _mean_of_open_ones,
        "Divide the sum by w_sum: in it stand the weights after renormalising.": lambda d_w, v: (
            _with_mean(d_w, v, lambda c, s: sum(a * b for a, b in zip(d_w, c, strict=True)))
        ),
        "The sum has the clipped weights in it, not v.": lambda d_w, v: _with_mean(
            d_w, v, lambda c, s: sum(a * b for a, b in zip(d_w, v, strict=True)) / s
        ),
        "That takes off the plain mean of d_w. It is weighted: sum_m d_w_m w_m.": lambda d_w, v: (
            _with_mean(d_w, v, lambda c, s: sum(d_w) / 3)
        ),
        (
            "That is the clipping alone. Renormalising has a slope too: (d_w_k - sum_m d_w_m "
            "w_m) / w_sum."
        ): lambda d_w, v: _clip_slope(d_w, v, renormalise=False, divide=False),
        "w_sum divides: w is c / w_sum.": lambda d_w, v: tuple(
            x * _clip_barycentric(v)[1] ** 2 for x in _clip_slope(d_w, v)
        ),
    },
)


# --- move the pixel instead ----------------------------------------------------------------------

Corners = tuple[tuple[float, ...], ...]


def _weights_slope(d_v: Three, v: Three, tri: Corners) -> Pairs:
    a, b, c = tri[0], tri[1], tri[2]
    area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    pull_x = (d_v[0] * (b[1] - c[1]) + d_v[1] * (c[1] - a[1]) + d_v[2] * (a[1] - b[1])) / area
    pull_y = (d_v[0] * (c[0] - b[0]) + d_v[1] * (a[0] - c[0]) + d_v[2] * (b[0] - a[0])) / area
    v0, v1, v2 = v
    return (-v0 * pull_x, -v0 * pull_y), (-v1 * pull_x, -v1 * pull_y), (-v2 * pull_x, -v2 * pull_y)


def _area_of(tri: Corners) -> float:
    a, b, c = tri[0], tri[1], tri[2]
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


_TRI = ((-0.55, -0.45, 2.0), (0.6, -0.3, 3.0), (-0.1, 0.6, 4.0))
weights_slope = Exercise(
    "weights_slope",
    _weights_slope,
    cases=[
        ((1.0, -0.5, 2.0), (0.2, 0.3, 0.5), _TRI),
        ((0.0, 1.0, 0.0), (-0.4, 0.8, 0.6), _TRI[::-1]),
        ((0.3, 0.2, -1.0), (1.4, -0.1, -0.3), ((0.0, 0.1), (0.9, 0.0), (0.4, 0.7))),
    ],
    tolerance=1e-9,
    mistakes={
        (
            "The sign is turned round: seen from the triangle the pixel moves by -v_k h."
        ): lambda d_v, v, tri: _scaled(_weights_slope(d_v, v, tri), -1),
        "Each corner gets -v_k times the pull, its own weight.": lambda d_v, v, tri: _weights_slope(
            d_v, (1.0, 1.0, 1.0), tri
        ),
        "The division by the doubled area is missing.": lambda d_v, v, tri: _scaled(
            _weights_slope(d_v, v, tri), _area_of(tri)
        ),
        "That divides by the area. It is the doubled area that v has below the line.": (
            lambda d_v, v, tri: _scaled(_weights_slope(d_v, v, tri), 2)
        ),
        (
            "The area has a sign, positive when the corners run counter-clockwise: no abs()."
        ): lambda d_v, v, tri: _scaled(
            _weights_slope(d_v, v, tri), math.copysign(1, _area_of(tri))
        ),
        (
            "Only v_k's own slope is in it. All three weights pull on the pixel: sum d_v_m times "
            "the gradient of v_m over m, then give it to the corners."
        ): lambda d_v, v, tri: tuple(
            _weights_slope(tuple(d_v[m] * (m == k) for m in range(3)), v, tri)[k] for k in range(3)
        ),
        "The corners are in another order: v_0 belongs to tri[0].": lambda d_v, v, tri: (
            _weights_slope(d_v, v, tri[::-1])
        ),
        "Corner k gets -v_k times the pull, its weight, not d_v_k.": lambda d_v, v, tri: (
            _weights_slope(d_v, d_v, tri)
        ),
        (
            "The pull in x stands in both places: the second number of each corner is for y."
        ): lambda d_v, v, tri: tuple((x, x) for x, _ in _weights_slope(d_v, v, tri)),
    },
)
