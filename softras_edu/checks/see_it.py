"""The exercises of part I, notebooks 00 to 05. Everything here is float64, and small enough to work out by hand."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .exercise import Exercise


def _t(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# --- 00 Start here -------------------------------------------------------------------------------------------------------------


def _pixel_center(i: int, j: int, height: int, width: int) -> tuple[float, float]:
    return (2 * j + 1 - width) / height, 1 - (2 * i + 1) / height


pixel_center = Exercise(
    "pixel_center",
    _pixel_center,
    cases=[(0, 0, 4, 4), (3, 1, 4, 4), (0, 0, 2, 6), (1, 5, 2, 6), (6, 12, 7, 13)],
    mistakes={
        "y points up: row 0 is the top of the picture, so its y is near +1.": lambda i, j, h, w: (
            (2 * j + 1 - w) / h,
            (2 * i + 1) / h - 1,
        ),
        "That is a corner of the pixel. Its centre lies half a pixel further.": lambda i, j, h, w: (
            (2 * j - w) / h,
            1 - 2 * i / h,
        ),
        "Pixels are square: x is divided by the height too, not by the width.": lambda i, j, h, w: (
            (2 * j + 1 - w) / w,
            1 - (2 * i + 1) / h,
        ),
        "The order is (x, y), and x comes from the column j.": lambda i, j, h, w: _pixel_center(
            i, j, h, w
        )[::-1],
    },
)


def _orbit_eye(distance: float, elevation: float, azimuth: float) -> tuple[float, float, float]:
    e, a = math.radians(elevation), math.radians(azimuth)
    return (
        distance * math.cos(e) * math.sin(a),
        distance * math.sin(e),
        distance * math.cos(e) * math.cos(a),
    )


orbit_eye = Exercise(
    "orbit_eye",
    _orbit_eye,
    cases=[
        (2.0, 0.0, 0.0),
        (2.0, 0.0, 90.0),
        (3.0, 30.0, 0.0),
        (2.5, -20.0, 135.0),
        (1.0, 90.0, 45.0),
    ],
    mistakes={
        "Angles come in degrees; math.sin wants radians.": lambda d, e, a: (
            d * math.cos(e) * math.sin(a),
            d * math.sin(e),
            d * math.cos(e) * math.cos(a),
        ),
        "At azimuth 0 the camera stands on the +z axis, so sin and cos of the azimuth have changed places.": lambda d, e, a: (
            _orbit_eye(d, e, a)[2],
            _orbit_eye(d, e, a)[1],
            _orbit_eye(d, e, a)[0],
        ),
        "The higher the camera, the smaller its circle: x and z need a factor cos(elevation).": lambda d, e, a: (
            d * math.sin(math.radians(a)),
            d * math.sin(math.radians(e)),
            d * math.cos(math.radians(a)),
        ),
    },
)


# --- 01 Why rasterization blocks gradients -----------------------------------------------------------------------------------------


def _edges(points: Tensor, triangle: Tensor) -> Tensor:
    """On which side of each edge: > 0 is left of it -> (N, 3)."""
    a, b = triangle, triangle.roll(-1, 0)
    edge, to = b - a, points[:, None] - a
    return edge[:, 0] * to[..., 1] - edge[:, 1] * to[..., 0]


def _inside_triangle(points: Tensor, triangle: Tensor) -> Tensor:
    side = _edges(points, triangle)
    return (side > 0).all(1) | (side < 0).all(1)


def _in_box(points: Tensor, triangle: Tensor) -> Tensor:
    return ((points > triangle.amin(0)) & (points < triangle.amax(0))).all(1)


_POINTS = _t([0.1, 0.1], [0.9, 0.9], [-0.2, 0.3], [0.3, 0.6], [0.05, 0.9], [0.6, 0.3], [2.0, 0.5])
_CCW = _t([0.0, 0.0], [1.0, 0.0], [0.0, 1.0])
inside_triangle = Exercise(
    "inside_triangle",
    _inside_triangle,
    cases=[
        (_POINTS, _CCW),
        (_POINTS, _CCW.flip(0)),
        (_POINTS, _t([-0.5, 0.2], [1.2, -0.3], [0.4, 1.1])),
    ],
    mistakes={
        "It fails when the corners run clockwise: then inside is to the right of all three edges.": lambda p, t: (
            (_edges(p, t) > 0).all(1)
        ),
        "That is the triangle's bounding box.": _in_box,
        "One side is not enough: a point inside is on the same side of all three edges.": lambda p, t: (
            (_edges(p, t) > 0).any(1)
        ),
    },
)


def _finite_difference(f: Any, x: float, h: float) -> float:
    return float((f(x + h) - f(x - h)) / (2 * h))


finite_difference = Exercise(
    "finite_difference",
    _finite_difference,
    cases=[
        (lambda x: x**3, 1.0, 0.1),
        (math.sin, 0.5, 0.01),
        (lambda x: 4.0 * x, -1.0, 0.5),
        (lambda x: float(x > 0.25), 0.0, 0.1),
        (math.exp, 0.0, 0.3),
    ],
    mistakes={
        "That looks forward only. Step both ways, x + h and x - h, and the error falls from h to h squared.": lambda f, x, h: (
            (f(x + h) - f(x)) / h
        ),
        "From x - h to x + h is a way of 2 h, not h.": lambda f, x, h: (f(x + h) - f(x - h)) / h,
        "The sign is turned round: the later value minus the earlier one.": lambda f, x, h: (
            (f(x - h) - f(x + h)) / (2 * h)
        ),
    },
)


# --- 02 Probability maps ---------------------------------------------------------------------------------------------------------------


def _segment(p: Tensor, a: Tensor, b: Tensor, low: float = 0.0, high: float = 1.0) -> Tensor:
    t = (((p - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum()).clamp(low, high)
    return ((p - a - t[:, None] * (b - a)) ** 2).sum(-1)


_NEAR = _t([0.0, 1.0], [0.5, 0.2], [2.0, 0.0], [-1.0, -1.0], [0.3, 0.1])
segment_distance2 = Exercise(
    "segment_distance2",
    _segment,
    cases=[
        (_NEAR, _t(0.0, 0.0), _t(1.0, 0.0)),
        (_NEAR, _t(-0.5, 0.4), _t(0.3, -0.8)),
        (_NEAR, _t(0.2, 0.2), _t(0.2, 0.9)),
    ],
    mistakes={
        "That is the distance to the whole line. Past an end of the segment the closest point is that end: clamp t to [0, 1].": lambda p, a, b: (
            _segment(p, a, b, -math.inf, math.inf)
        ),
        "The squared distance is wanted: no square root.": lambda p, a, b: _segment(p, a, b).sqrt(),
        "That is the distance to the nearer end. Between the ends, the closest point lies on the segment.": lambda p, a, b: (
            torch.minimum(((p - a) ** 2).sum(-1), ((p - b) ** 2).sum(-1))
        ),
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
    cases=[(_D2, _INSIDE, 1e-2), (_D2, _INSIDE, 1e-1), (_D2, ~_INSIDE, 1e-3)],
    mistakes={
        "The sign is turned round: inside must come out above one half.": lambda d2, inside, s: (
            _probability(d2, ~inside, s)
        ),
        "d2 is the squared distance already; do not square it again.": lambda d2, inside, s: (
            _probability(d2**2, inside, s)
        ),
        "The paper divides the squared distance by sigma; a square root has crept in.": lambda d2, inside, s: (
            _probability(d2.sqrt(), inside, s)
        ),
        "Sigma divides: the larger it is, the softer the edge.": lambda d2, inside, s: (
            torch.sigmoid(torch.where(inside, d2, -d2) * s)
        ),
        "Outside, the sign must be negative, so that the probability falls below one half.": lambda d2, inside, s: (
            torch.sigmoid(d2 / s)
        ),
    },
)


# --- 03 Silhouettes --------------------------------------------------------------------------------------------------------------------


def _maps(faces: int, side: int, seed: int) -> Tensor:
    return torch.rand(
        faces, side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


silhouette = Exercise(
    "silhouette",
    lambda d: 1 - (1 - d).prod(0),
    cases=[
        (_maps(3, 8, 0),),
        (_maps(1, 4, 1),),
        (torch.full((2, 2, 2), 0.5, dtype=torch.float64),),
        (_maps(20, 3, 2),),
    ],
    mistakes={
        "The largest map forgets all others. Two triangles that each cover with probability 1/2 cover together with 3/4.": lambda d: (
            d.amax(0)
        ),
        "A sum can pass 1, and a probability cannot.": lambda d: d.sum(0),
        "A sum, cut off at 1, has no gradient where it is cut.": lambda d: d.sum(0).clamp(0, 1),
        "That is the probability that every triangle covers the pixel. One is enough: look at its opposite.": lambda d: (
            d.prod(0)
        ),
        "That is the probability that no triangle covers the pixel. Take it from 1.": lambda d: (
            1 - d
        ).prod(0),
        "The mean falls when faces are added far away; a silhouette must not.": lambda d: d.mean(0),
    },
)


def _iou_loss(alpha: Tensor, target: Tensor) -> Tensor:
    return 1 - (alpha * target).sum() / (alpha + target - alpha * target).sum()


_SQUARE = torch.zeros(6, 6, dtype=torch.float64)
_SQUARE[1:4, 2:5] = 1
iou_loss = Exercise(
    "iou_loss",
    _iou_loss,
    cases=[
        (_maps(1, 6, 3)[0], _SQUARE),
        (_SQUARE, _SQUARE),
        (_SQUARE.roll(1, 0), _SQUARE),
        (_SQUARE.roll(3, 0), _SQUARE),
    ],
    mistakes={
        "That is the IoU itself. A loss must fall when the overlap grows: 1 - IoU.": lambda a, t: (
            (a * t).sum() / (a + t - a * t).sum()
        ),
        "The union counts the overlap once: alpha + target - alpha * target.": lambda a, t: (
            1 - (a * t).sum() / (a + t).sum()
        ),
        "A threshold makes the loss a staircase again, with no gradient. Multiply the soft values.": lambda a, t: (
            _iou_loss((a > 0.5).double(), t)
        ),
        "That is the mean squared difference. It works too, but it is not the IoU.": lambda a, t: (
            (a - t).square().mean()
        ),
    },
)


# --- 04 Colour and depth -----------------------------------------------------------------------------------------------------------------


def _clip_weights(w: Tensor) -> Tensor:
    w = w.clamp(0, 1)
    return w / w.sum(-1, keepdim=True)


_WEIGHTS = _t([0.2, 0.3, 0.5], [1.4, -0.3, -0.1], [0.8, 0.6, -0.4], [3.0, 1.0, -3.0])
clip_weights = Exercise(
    "clip_weights",
    _clip_weights,
    cases=[(_WEIGHTS,), (_WEIGHTS.flip(-1),)],
    mistakes={
        "They no longer sum to 1 after clipping: divide by their sum.": lambda w: w.clamp(0, 1),
        "Outside the triangle the weights leave [0, 1], and the colour with them. Clip first.": lambda w: (
            w
        ),
        "Clip at 1 too, not only at 0.": lambda w: (
            w.clamp_min(0) / w.clamp_min(0).sum(-1, keepdim=True)
        ),
        "A softmax changes the weights inside as well. Inside the triangle they must stay as they are.": lambda w: (
            w.softmax(-1)
        ),
    },
)


def _depth_weights(d: Tensor, zn: Tensor, gamma: float, eps: float) -> Tensor:
    return torch.softmax(torch.cat([d.log() + zn / gamma, _t(eps / gamma)]), dim=0)


def _naive_depth_weights(d: Tensor, zn: Tensor, gamma: float, eps: float) -> Tensor:
    weights = torch.cat([d * torch.exp(zn / gamma), torch.exp(_t(eps / gamma))])
    return weights / weights.sum()


_D, _ZN = _t(0.9, 0.5, 0.99), _t(0.95, 0.97, 0.2)
depth_weights = Exercise(
    "depth_weights",
    _depth_weights,
    cases=[
        (_D, _ZN, 1.0, 1e-3),
        (_D, _ZN, 1e-1, 1e-3),
        (_t(0.3), _t(0.01), 1e-2, 1e-2),
        (_D, _ZN, 1e-4, 1e-3),
        (_D, _ZN, 1e-7, 1e-3),
    ],
    mistakes={
        "exp overflows when gamma is small, and infinity over infinity is not a number. Take the largest exponent off all of them first.": _naive_depth_weights,
        "The background is missing. It competes with weight exp(eps / gamma).": lambda d, z, g, e: (
            torch.softmax(d.log() + z / g, dim=0)
        ),
        "The probability D must multiply the weight: a triangle that hardly covers the pixel should hardly colour it.": lambda d, z, g, e: (
            torch.softmax(torch.cat([z / g, _t(e / g)]), dim=0)
        ),
        "The sign of the depth is turned round: zn is large near the eye, and near faces weigh more.": lambda d, z, g, e: (
            _depth_weights(d, -z, g, e)
        ),
        "The background weighs exp(eps / gamma), once; the official CUDA code has this very slip, exp(2 eps / gamma).": lambda d, z, g, e: (
            _depth_weights(d, z, g, 2 * e)
        ),
    },
)


# --- 05 Far-range and hidden gradients -----------------------------------------------------------------------------------------------------


def _probability_slope(d: Tensor, sigma: float) -> Tensor:
    p = torch.sigmoid(-(d**2) / sigma)
    return -2 * d / sigma * p * (1 - p)


_AWAY = _t(0.0, 0.02, 0.1, 0.3)
probability_slope = Exercise(
    "probability_slope",
    _probability_slope,
    cases=[(_AWAY, 1e-2), (_AWAY, 1e-1), (_AWAY, 1e-3)],
    tolerance=1e-6,
    mistakes={
        "The sign is turned round: the further away, the smaller D, so the slope is negative.": lambda d, s: (
            -_probability_slope(d, s)
        ),
        "The chain rule has one factor more: the derivative of -d**2 / sigma is -2 d / sigma.": lambda d, s: (
            torch.sigmoid(-(d**2) / s) * torch.sigmoid(d**2 / s)
        ),
        "d**2 has derivative 2 d: the 2 is missing.": lambda d, s: _probability_slope(d, s) / 2,
        "The derivative of a sigmoid is D (1 - D), not D.": lambda d, s: (
            -2 * d / s * torch.sigmoid(-(d**2) / s)
        ),
    },
)


def _sigma_for_reach(pixels: float, height: int, dist_eps: float) -> float:
    return (2 * pixels / height) ** 2 / math.log(1 / dist_eps - 1)


sigma_for_reach = Exercise(
    "sigma_for_reach",
    _sigma_for_reach,
    cases=[(1.0, 64, 1e-4), (10.0, 64, 1e-4), (10.0, 256, 1e-4), (3.5, 48, 1e-2)],
    tolerance=1e-9,
    mistakes={
        "The image's height is 2 in NDC, so a pixel is 2 / height wide.": lambda n, h, e: (
            (n / h) ** 2 / math.log(1 / e - 1)
        ),
        "Sigma is a squared length: the reach enters squared.": lambda n, h, e: (
            2 * n / h / math.log(1 / e - 1)
        ),
        "At the reach D is dist_eps, so reach**2 / sigma = log(1 / dist_eps - 1): divide by that.": lambda n, h, e: (
            (2 * n / h) ** 2 * math.log(1 / e - 1)
        ),
        "Without the logarithm sigma is reach squared, where D is still sigmoid(-1) = 0.27.": lambda n, h, e: (
            (2 * n / h) ** 2
        ),
    },
)
