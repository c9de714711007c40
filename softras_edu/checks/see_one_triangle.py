"""The exercises of notebooks 00 and 01, in float64 and small enough to work out by hand."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .exercise import Answer, Exercise


def _t(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# --- 00 Start here ------------------------------------------------------------


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
        "x is mirrored: column 0 is at the left, where x is negative.": lambda i, j, h, w: (
            -_pixel_center(i, j, h, w)[0],
            _pixel_center(i, j, h, w)[1],
        ),
        "That is in pixels, from the upper left. NDC has (0, 0) in the middle and y up.": (
            lambda i, j, h, w: (j + 0.5, i + 0.5)
        ),
        "i and j have changed places: x comes from the column j, y from the row i.": (
            lambda i, j, h, w: _pixel_center(j, i, h, w)
        ),
        "// rounds down to a whole number; / does not.": lambda i, j, h, w: (
            (2 * j + 1 - w) // h,
            1 - (2 * i + 1) // h,
        ),
        "That runs from 0 to 1. NDC runs from -1 to 1, with (0, 0) in the middle.": (
            lambda i, j, h, w: ((2 * j + 1) / (2 * h), (2 * i + 1) / (2 * h))
        ),
        (
            "The first and the last centre lie half a pixel inside the border, not on it: H pixels "
            "fill the height, so divide by H, not by H - 1."
        ): lambda i, j, h, w: ((2 * j + 1 - w) / (h - 1), 1 - 2 * i / (h - 1)),
        "x is mirrored, and pixels are square: (2 j + 1 - width) / height.": lambda i, j, h, w: (
            1 - (2 * j + 1) / w,
            1 - (2 * i + 1) / h,
        ),
        "The picture is 2 high, so a pixel is 2 / height, not 1 / height.": lambda i, j, h, w: (
            (j + 0.5 - w) / h,
            1 - (i + 0.5) / h,
        ),
        "x is 0 in the middle of the picture: take off the width, not the height.": (
            lambda i, j, h, w: ((2 * j + 1) / h - 1, 1 - (2 * i + 1) / h)
        ),
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
        (
            "At azimuth 0 the camera stands on the +z axis, so sin and cos of the azimuth have "
            "changed places."
        ): lambda d, e, a: (_orbit_eye(d, e, a)[2], _orbit_eye(d, e, a)[1], _orbit_eye(d, e, a)[0]),
        (
            "The higher the camera, the smaller its circle: x and z need a factor cos(elevation)."
        ): lambda d, e, a: (
            d * math.sin(math.radians(a)),
            d * math.sin(math.radians(e)),
            d * math.cos(math.radians(a)),
        ),
        (
            "The azimuth turns the wrong way: at azimuth 90 the camera stands on +x, not on -x."
        ): lambda d, e, a: _orbit_eye(d, e, -a),
        "y is up here, and z points to the camera at azimuth 0. In yours z is up.": (
            lambda d, e, a: (_orbit_eye(d, e, a)[0], _orbit_eye(d, e, a)[2], _orbit_eye(d, e, a)[1])
        ),
        "y is up here. In yours z is up, and azimuth 0 is the x axis.": lambda d, e, a: (
            _orbit_eye(d, e, a)[2],
            _orbit_eye(d, e, a)[0],
            _orbit_eye(d, e, a)[1],
        ),
        "A positive elevation is above the ground: y is +distance sin(elevation).": (
            lambda d, e, a: _orbit_eye(d, -e, a)
        ),
        (
            "The elevation is measured from the ground, not from the pole: at elevation 0, y is 0."
        ): lambda d, e, a: _orbit_eye(d, 90 - e, a),
        "The camera is `distance` away from the origin: all three need that factor.": (
            lambda d, e, a: _orbit_eye(1.0, e, a)
        ),
        "y lacks the factor distance.": lambda d, e, a: (
            _orbit_eye(d, e, a)[0],
            math.sin(math.radians(e)),
            _orbit_eye(d, e, a)[2],
        ),
        "At azimuth 0 the camera stands on +z, not on -z.": lambda d, e, a: (
            _orbit_eye(d, e, a)[0],
            _orbit_eye(d, e, a)[1],
            -_orbit_eye(d, e, a)[2],
        ),
    },
)


# --- 01 Why rasterization blocks gradients ------------------------------------


def _edges(points: Tensor, triangle: Tensor) -> Tensor:
    """On which side of each edge: > 0 is left of it -> (N, 3)."""
    a, b = triangle, triangle.roll(-1, 0)
    edge, to = b - a, points[:, None] - a
    return edge[:, 0] * to[..., 1] - edge[:, 1] * to[..., 0]


def _same_side(side: Tensor) -> Tensor:
    return (side > 0).all(1) | (side < 0).all(1)


def _inside_triangle(points: Tensor, triangle: Tensor) -> Tensor:
    return _same_side(_edges(points, triangle))


def _along_edges(points: Tensor, triangle: Tensor) -> Tensor:
    along = ((triangle.roll(-1, 0) - triangle) * (points[:, None] - triangle)).sum(-1)
    return (along > 0).all(1) | (along < 0).all(1)


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
        (
            "It fails when the corners run clockwise: then inside is to the right of all three "
            "edges."
        ): lambda p, t: (_edges(p, t) > 0).all(1),
        "That is turned round: true must mean inside.": lambda p, t: ~_inside_triangle(p, t),
        (
            "It fails when the corners run counter-clockwise: then inside is to the left of all "
            "three edges."
        ): lambda p, t: (_edges(p, t) < 0).all(1),
        (
            "A triangle has three edges: is the one from the last corner back to the first missing?"
        ): lambda p, t: (_edges(p, t)[:, :2] > 0).all(1) | (_edges(p, t)[:, :2] < 0).all(1),
        (
            "That is the dot product of edge and point, which says how far along the edge the "
            "point is. Which side it is on, the cross product says."
        ): _along_edges,
        "That is the triangle's bounding box.": _in_box,
        (
            "One side is not enough: a point inside is on the same side of all three edges."
        ): lambda p, t: (_edges(p, t) > 0).any(1),
        "One of your edges runs the other way. Go round: a to b, b to c, c to a.": (
            lambda p, t: _same_side(_edges(p, t) * _t(1, 1, -1))
        ),
        "x and y of the point are exchanged in the cross product.": lambda p, t: _same_side(
            _edges(p.flip(1), t)
        ),
        (
            "That is true everywhere: each point is left of one edge or right of another. All "
            "three must agree: `&` is and, `|` is or."
        ): lambda p, t: (_edges(p, t) > 0).any(1) | (_edges(p, t) < 0).any(1),
    },
)


def _named(name: str, f: Answer) -> Answer:
    """`f`, called `name` where a check prints its arguments."""
    f.__name__ = name
    return f


def _finite_difference(f: Any, x: float, h: float) -> float:
    return float((f(x + h) - f(x - h)) / (2 * h))


finite_difference = Exercise(
    "finite_difference",
    _finite_difference,
    cases=[
        (_named("x**3", lambda x: x**3), 1.0, 0.1),
        (math.sin, 0.5, 0.01),
        (_named("4 * x", lambda x: 4.0 * x), -1.0, 0.5),
        (_named("1 if x > 0.25, else 0", lambda x: float(x > 0.25)), 0.0, 0.1),
        (math.exp, 0.3, 0.3),
        (_named("-2 * x", lambda x: -2.0 * x), 1.0, 0.25),
    ],
    mistakes={
        (
            "That looks forward only. Step both ways, x + h and x - h, and the error falls from "
            "h to h squared."
        ): lambda f, x, h: (f(x + h) - f(x)) / h,
        (
            "That looks back only. Step both ways, x + h and x - h, and the error falls from h to "
            "h squared."
        ): lambda f, x, h: (f(x) - f(x - h)) / h,
        "`/ 2 * h` divides by 2 and then multiplies by h: write `/ (2 * h)`.": lambda f, x, h: (
            (f(x + h) - f(x - h)) / 2 * h
        ),
        (
            "Only the second term is divided. Put the difference in brackets: (f(x + h) - ...)."
        ): lambda f, x, h: f(x + h) - f(x - h) / (2 * h),
        "Divide by the way, 2 h. A difference alone is no slope.": lambda f, x, h: (
            f(x + h) - f(x - h)
        ),
        "That steps h / 2 to each side. Step h to each side, a way of 2 h.": lambda f, x, h: (
            (f(x + h / 2) - f(x - h / 2)) / h
        ),
        "From x - h to x + h is a way of 2 h, not h.": lambda f, x, h: (f(x + h) - f(x - h)) / h,
        "The sign is turned round: the later value minus the earlier one.": lambda f, x, h: (
            (f(x - h) - f(x + h)) / (2 * h)
        ),
        "That steps h / 2 to each side, and divides by 2 h. The way is h then.": lambda f, x, h: (
            (f(x + h / 2) - f(x - h / 2)) / (2 * h)
        ),
        "That is the second derivative, how the slope changes.": lambda f, x, h: (
            (f(x + h) - 2 * f(x) + f(x - h)) / h**2
        ),
        "A slope is a difference, not a sum: f(x + h) - f(x - h).": lambda f, x, h: (
            (f(x + h) + f(x - h)) / (2 * h)
        ),
        "The sign is lost: a falling function has a negative slope. No abs().": lambda f, x, h: (
            abs(f(x + h) - f(x - h)) / (2 * h)
        ),
        (
            "Two brackets are missing: (f(x + h) - f(x - h)) / (2 * h). Division comes before "
            "subtraction, and / 2 * h multiplies by h."
        ): lambda f, x, h: f(x + h) - f(x - h) / 2 * h,
        "Divide by 2 h, not by 2.": lambda f, x, h: (f(x + h) - f(x - h)) / 2,
        "h is handed over: use it, not a smaller step of your own.": lambda f, x, h: (
            (f(x + 1e-5) - f(x - 1e-5)) / 2e-5
        ),
    },
)
