"""Where pixels and triangles are, and which pixels a triangle can reach, compiled by numba: `tiles.reach_boxes` for rung 4."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .pair import Dials, Point, Three, doubled_area, inlined, kernel

Array = Any  # numpy.ndarray; numba compiles for the real types


@inlined
def corners(triangles: Array, n: int) -> tuple[Point, Point, Point, Three]:
    """Corners a, b, c of triangle n on the screen, and 1 / z of each, in float64."""
    a = np.float64(triangles[n, 0, 0]), np.float64(triangles[n, 0, 1])
    b = np.float64(triangles[n, 1, 0]), np.float64(triangles[n, 1, 1])
    c = np.float64(triangles[n, 2, 0]), np.float64(triangles[n, 2, 1])
    return a, b, c, (1.0 / triangles[n, 0, 2], 1.0 / triangles[n, 1, 2], 1.0 / triangles[n, 2, 2])


@inlined
def centers(o: Dials) -> tuple[Array, Array]:
    """x of every column (W,) and y of every row (H,) of pixels."""
    return (2 * np.arange(o.width) + 1 - o.width) / o.height, 1 - (
        2 * np.arange(o.height) + 1
    ) / o.height


@kernel
def reach_boxes(start: int, stop: int, triangles: Array, box: Array, o: Dials) -> None:
    """For triangles start ... stop of (N, 3, 3): first row, row after the last, first column, column after the last -> box (N, 4).

    A pair counts when D >= dist_eps. Euclidean: then the pixel is in the triangle or within `reach` of it, hence in its bounding box
    grown by `reach`. Barycentric: then every v_k >= -reach. Now (v_k + m) / (1 + 3 m), m = reach, are again three numbers >= 0 that sum
    to 1, and they are the pixel's weights in the triangle scaled by 1 + 3 m about its centroid: the pixel is in that triangle's box.
    An undrawable triangle has an empty box.
    """
    for n in range(start, stop):
        x0, y0, z0 = (
            np.float64(triangles[n, 0, 0]),
            np.float64(triangles[n, 0, 1]),
            triangles[n, 0, 2],
        )
        x1, y1, z1 = (
            np.float64(triangles[n, 1, 0]),
            np.float64(triangles[n, 1, 1]),
            triangles[n, 1, 2],
        )
        x2, y2, z2 = (
            np.float64(triangles[n, 2, 0]),
            np.float64(triangles[n, 2, 1]),
            triangles[n, 2, 2],
        )
        area = doubled_area((x0, y0), (x1, y1), (x2, y2))
        box[n] = 0
        if (
            min(z0, z1, z2) <= o.min_depth
            or abs(area) < o.min_doubled_area
            or (o.cull_backfaces and area < 0)
        ):
            continue
        left, right, bottom, top = (
            min(x0, x1, x2),
            max(x0, x1, x2),
            min(y0, y1, y2),
            max(y0, y1, y2),
        )
        if o.euclidean or o.reach == math.inf:
            left, right, bottom, top = (
                left - o.reach,
                right + o.reach,
                bottom - o.reach,
                top + o.reach,
            )
        else:
            x, y, scale = (x0 + x1 + x2) / 3, (y0 + y1 + y2) / 3, 1 + 3 * o.reach
            left, right, bottom, top = (
                x + scale * (left - x),
                x + scale * (right - x),
                y + scale * (bottom - y),
                y + scale * (top - y),
            )
        # Solve y = 1 - (2 i + 1) / H and x = (2 j + 1 - W) / H for i and j. A millionth of a pixel is for rounding.
        box[n, 0] = math.ceil(min(max((o.height * (1 - top) - 1) / 2 - 1e-6, 0.0), o.height))
        box[n, 1] = (
            math.floor(min(max((o.height * (1 - bottom) - 1) / 2 + 1e-6, -1.0), o.height - 1.0)) + 1
        )
        box[n, 2] = math.ceil(min(max((o.height * left + o.width - 1) / 2 - 1e-6, 0.0), o.width))
        box[n, 3] = (
            math.floor(min(max((o.height * right + o.width - 1) / 2 + 1e-6, -1.0), o.width - 1.0))
            + 1
        )
