"""Where pixels and triangles are, and which pixels a triangle can reach.

`tiles.reach_boxes` for rung 4.
"""

from __future__ import annotations

import math

import numpy as np

from ..options import LARGEST
from .compiling import Array, Dials, Four, Point, Three, inlined, kernel
from .pair import doubled_area

Side = Four
STEEPEST = 1e6  # an edge so flat that its column jumps by more from row to row bounds no row
ULP = 2.0**-52  # of the float64 in which all of this is computed


@inlined
def corners(triangles: Array, n: int) -> tuple[Point, Point, Point, Three]:
    """Corners a, b, c of triangle n on the screen, and 1 / z of each, in float64."""
    a = np.float64(triangles[n, 0, 0]), np.float64(triangles[n, 0, 1])
    b = np.float64(triangles[n, 1, 0]), np.float64(triangles[n, 1, 1])
    c = np.float64(triangles[n, 2, 0]), np.float64(triangles[n, 2, 1])
    return a, b, c, (1.0 / triangles[n, 0, 2], 1.0 / triangles[n, 1, 2], 1.0 / triangles[n, 2, 2])


@inlined
def centers(o: Dials) -> tuple[Array, Array]:
    """x of every column and y of every row (H,) of pixels; columns go on behind the image."""
    x = (2 * np.arange(o.pitch) + 1 - o.width) / o.height
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
    first = math.ceil(min(max(low, 0.0), length))
    last = math.floor(min(max(high, -1.0), length - 1.0))
    return first, last + 1


@inlined
def rounding_and_size(a: Point, b: Point, c: Point, o: Dials) -> Point:
    """How far rounding moves distances, in NDC, and the largest of them."""
    x, y = max(abs(a[0]), abs(b[0]), abs(c[0])), max(abs(a[1]), abs(b[1]), abs(c[1]))
    size = max(x, y) + 1 + o.width / o.height
    return 16 * ULP * size, size


@kernel
def reach_boxes(start: int, stop: int, triangles: Array, box: Array, o: Dials) -> None:
    """For triangles start ... stop of (N, 3, 3), the rows and columns within reach -> box (N, 4).

    box holds the first row, row after the last, first column, column after the last; all 0 for a
    triangle that reaches no pixel. The rule, and its names, are those of `tiles.reach_boxes`.
    """
    for n in range(start, stop):
        (x0, y0), (x1, y1), (x2, y2), _ = corners(triangles, n)
        z0, z1, z2 = triangles[n, 0, 2], triangles[n, 1, 2], triangles[n, 2, 2]
        area = doubled_area((x0, y0), (x1, y1), (x2, y2))
        box[n] = 0
        seen = max(z0, z1, z2) >= o.near * (1 - 16 * ULP)
        seen = seen and min(z0, z1, z2) <= o.far * (1 + 16 * ULP)
        if not (seen and drawable(triangles, n, area, o)):
            continue
        left, right = min(x0, x1, x2), max(x0, x1, x2)
        bottom, top = min(y0, y1, y2), max(y0, y1, y2)
        rounding, size = rounding_and_size((x0, y0), (x1, y1), (x2, y2), o)
        margin = o.reach * (1 + 1e-5) + rounding
        if not (o.euclidean or o.reach == math.inf):
            # The pixels whose weights are all >= -r fill the triangle blown up about its centroid
            # by 1 + 3 r; that moves no corner farther than this.
            r = o.reach * (1 + 1e-5) + rounding * size / abs(area)
            x, y = (x0 + x1 + x2) / 3, (y0 + y1 + y2) / 3
            spread = max(x - left, right - x, y - bottom, top - y)
            margin = 3 * r * spread + rounding
        # Solve y = 1 - (2 i + 1) / H and x = (2 j + 1 - W) / H for row i and column j.
        first, end = first_and_end(
            (o.height * (1 - top - margin) - 1) / 2,
            (o.height * (1 - bottom + margin) - 1) / 2,
            o.height,
        )
        left_most, right_end = first_and_end(
            (o.height * (left - margin) + o.width - 1) / 2,
            (o.height * (right + margin) + o.width - 1) / 2,
            o.width,
        )
        if first < end and left_most < right_end:
            box[n, 0], box[n, 1], box[n, 2], box[n, 3] = first, end, left_most, right_end


@kernel
def all_finite(triangles: Array, colors: Array, background: Array) -> bool:
    """Are all numbers finite, and those of triangles below LARGEST? (NaN compares false.)"""
    fine = True
    for number in triangles.reshape(-1):
        fine &= abs(number) < LARGEST
    for number in colors.reshape(-1):
        fine &= abs(number) < math.inf
    for number in background.reshape(-1):
        fine &= abs(number) < math.inf
    return fine


# ---------------------------------------------------------------- rows, narrower than the box


@inlined
def side_of(a: Point, b: Point, area: float, r: float, rounding: float, o: Dials) -> Side:
    """What the edge from a to b says of the columns within reach, in row i: they are at least
    low + low_step * i and at most high + high_step * i.

    A pixel within reach is on the inner side of the edge's line, or not farther than the reach from
    it. (Or, for distance="barycentric", its weight of the third corner is at least -r.) Along a row
    that is sqrt(1 + slope**2) times as far.
    """
    edge_x, edge_y = b[0] - a[0], b[1] - a[1]
    slope = edge_x / edge_y  # of x over y; infinite or NaN for a row that the edge runs along
    low, low_step, high, high_step = -math.inf, 0.0, math.inf, 0.0
    if abs(slope) < STEEPEST:
        margin = (r if o.euclidean else 0.0) + rounding
        margin = margin * math.sqrt(1 + slope * slope)
        if not o.euclidean:
            margin += r * abs(area / edge_y)
        x = a[0] + (1 - 1 / o.height - a[1]) * slope  # of the line, in row 0
        inside_is_right = (edge_y < 0) == (area > 0)
        if inside_is_right:
            low, low_step = (o.height * (x - margin) + o.width - 1) / 2, -slope
        else:
            high, high_step = (o.height * (x + margin) + o.width - 1) / 2, -slope
    return low, low_step, high, high_step


@inlined
def sides_of(a: Point, b: Point, c: Point, o: Dials) -> tuple[Side, Side, Side]:
    """What the three edges say of the columns within reach."""
    area = doubled_area(a, b, c)
    rounding, size = rounding_and_size(a, b, c, o)
    r = o.reach * (1 + 1e-5)
    if not o.euclidean:
        r += rounding * size / abs(area)
    return (
        side_of(a, b, area, r, rounding, o),
        side_of(b, c, area, r, rounding, o),
        side_of(c, a, area, r, rounding, o),
    )


@inlined
def span(i: int, box: tuple[int, int, int, int], sides: tuple[Side, Side, Side]) -> tuple[int, int]:
    """First column and end of what a face can reach in row i of its box, top, bottom, left, right.

    The first may be behind the end, where a row has nothing.
    """
    s0, s1, s2 = sides
    low = max(s0[0] + s0[1] * i, s1[0] + s1[1] * i, s2[0] + s2[1] * i)
    high = min(s0[2] + s0[3] * i, s1[2] + s1[3] * i, s2[2] + s2[3] * i)
    first = math.ceil(min(max(low, float(box[2])), float(box[3])))
    last = math.floor(min(max(high, box[2] - 1.0), box[3] - 1.0))
    return first, last + 1
