"""Where pixels and triangles are, and which pixels a triangle can reach.

`tiles.reach_boxes` for rung 4.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import Array, Dials, Point, Three, inlined, kernel
from .pair import doubled_area

ROUNDING = 1e-6  # of a pixel: boxes are larger by it, so that rounding loses no pixel


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
    x = (2 * np.arange(o.width) + 1 - o.width) / o.height
    y = 1 - (2 * np.arange(o.height) + 1) / o.height
    return x, y


@inlined
def drawable(triangles: Array, n: int, area: float, o: Dials) -> bool:
    """In front of the eye with all corners, not a line, and not turned away if those are culled."""
    z = min(triangles[n, 0, 2], triangles[n, 1, 2], triangles[n, 2, 2])
    return not (
        z <= o.min_depth or abs(area) < o.min_doubled_area or (o.cull_backfaces and area < 0)
    )


@inlined
def first_and_end(low: float, high: float, length: int) -> tuple[int, int]:
    """Whole numbers from low to high within 0 ... length - 1: the first, and one after the last."""
    first = math.ceil(min(max(low - ROUNDING, 0.0), length))
    last = math.floor(min(max(high + ROUNDING, -1.0), length - 1.0))
    return first, last + 1


@kernel
def reach_boxes(start: int, stop: int, triangles: Array, box: Array, o: Dials) -> None:
    """For triangles start ... stop of (N, 3, 3), the rows and columns within reach -> box (N, 4).

    box holds the first row, row after the last, first column, column after the last. A pair counts
    when D >= dist_eps. Euclidean: then the pixel is in the triangle or within `reach` of it, hence
    in its bounding box grown by `reach`. Barycentric: then every v_k >= -reach. Now
    (v_k + m) / (1 + 3 m), m = reach, are again three numbers >= 0 that sum to 1, and they are the
    pixel's weights in the triangle scaled by 1 + 3 m about its centroid: the pixel is in that
    triangle's box. An undrawable triangle has an empty box.
    """
    for n in range(start, stop):
        (x0, y0), (x1, y1), (x2, y2), _ = corners(triangles, n)
        area = doubled_area((x0, y0), (x1, y1), (x2, y2))
        box[n] = 0
        if not drawable(triangles, n, area, o):
            continue
        left, right = min(x0, x1, x2), max(x0, x1, x2)
        bottom, top = min(y0, y1, y2), max(y0, y1, y2)
        if o.euclidean or o.reach == math.inf:
            left, right = left - o.reach, right + o.reach
            bottom, top = bottom - o.reach, top + o.reach
        else:
            x, y, scale = (x0 + x1 + x2) / 3, (y0 + y1 + y2) / 3, 1 + 3 * o.reach
            left, right = x + scale * (left - x), x + scale * (right - x)
            bottom, top = y + scale * (bottom - y), y + scale * (top - y)
        # Solve y = 1 - (2 i + 1) / H and x = (2 j + 1 - W) / H for row i and column j.
        box[n, 0], box[n, 1] = first_and_end(
            (o.height * (1 - top) - 1) / 2, (o.height * (1 - bottom) - 1) / 2, o.height
        )
        box[n, 2], box[n, 3] = first_and_end(
            (o.height * left + o.width - 1) / 2, (o.height * right + o.width - 1) / 2, o.width
        )
