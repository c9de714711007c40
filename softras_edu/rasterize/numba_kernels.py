"""Rung 4's loops, compiled by numba: a pair of pixel and triangle, what a triangle can reach, forward, and backward derived by hand.

Read it beside `formulas.py` and `broadcast.py`; names as there. Before clipping the barycentric weights are `v`, after it `w`. `d_x` is
the derivative of the loss with respect to x. All that is compiled is in this one file, because numba looks at one file's date when it
decides whether the machine code it kept on disk is still good.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

MISSING: str | None = None  # why there is no numba
try:
    import numba
except ModuleNotFoundError:
    MISSING = "numba is not installed: pip install numba"
except ImportError as error:  # numba refuses a NumPy that is too new for it
    MISSING = f"numba does not start: {error}"

Point = tuple[float, float]
Three = tuple[float, float, float]
Array = Any  # numpy.ndarray; numba compiles for the real types
Function = TypeVar("Function", bound=Callable[..., Any])


def inlined(function: Function) -> Function:
    """Compile with numba as a part of every kernel that calls it, so that what is the same for all pixels can move out of the kernel's loop."""
    return function if MISSING else cast("Function", numba.njit(forceinline=True, error_model="numpy")(function))


def kernel(function: Function) -> Function:
    """Compile with numba: without Python's lock, division by zero as in NumPy, the machine code kept on disk for the next process."""
    if MISSING:
        return function
    try:
        return cast("Function", numba.njit(nogil=True, error_model="numpy", cache=True)(function))
    except RuntimeError:  # no folder to keep it in that can be written: neither beside this file nor in the user's cache
        return cast("Function", numba.njit(nogil=True, error_model="numpy")(function))


class Dials(NamedTuple):
    """`Options` as numba reads them: plain numbers of fixed types, so that one compiled kernel serves every choice."""

    height: int
    width: int
    sigma: float
    gamma: float
    near: float
    far: float
    least_logit: float  # D >= dist_eps is logit >= -log(1 / dist_eps - 1)
    reach: float
    euclidean: bool
    perspective_correct: bool
    cull_backfaces: bool
    min_doubled_area: float
    min_depth: float


# ---------------------------------------------------------------- the two dials: distribution and T-conorm


@inlined
def log_probability(logit: float) -> Point:
    """log D and log(1 - D) for D = sigmoid(logit). exp only ever sees a number <= 0."""
    rest = math.log1p(math.exp(-abs(logit)))
    return min(logit, 0.0) - rest, min(-logit, 0.0) - rest


@inlined
def log_probability_slope(logit: float) -> Point:
    """Derivatives of log D and of log(1 - D) with respect to logit: 1 - D and -D."""
    small = math.exp(-abs(logit))
    less, more = small / (1 + small), 1 / (1 + small)
    return (less, -more) if logit > 0 else (more, -less)


@inlined
def combine(log_product: float) -> float:
    """Silhouette alpha = 1 - prod(1 - D), the aggregate function A_O, from the sum of log(1 - D)."""
    return 0 - math.expm1(log_product)


@inlined
def combine_slope(log_product: float) -> float:
    """Derivative of alpha with respect to one log(1 - D) in that sum: -prod(1 - D)."""
    return -math.exp(log_product)


# ---------------------------------------------------------------- one (pixel, triangle) pair


@inlined
def doubled_area(a: Point, b: Point, c: Point) -> float:
    """Doubled signed area of the triangle a, b, c."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@inlined
def barycentric(x: float, y: float, a: Point, b: Point, c: Point) -> Three:
    """Barycentric weights v0, v1, v2 of the pixel (x, y), not clipped."""
    area = doubled_area(a, b, c)
    v0 = (b[0] - x) * (c[1] - y) - (b[1] - y) * (c[0] - x)
    v1 = (c[0] - x) * (a[1] - y) - (c[1] - y) * (a[0] - x)
    v2 = (a[0] - x) * (b[1] - y) - (a[1] - y) * (b[0] - x)
    inverse = 1 / area  # the same for all pixels: the compiler moves it out of the loop
    return v0 * inverse, v1 * inverse, v2 * inverse


@inlined
def segment(x: float, y: float, a: Point, b: Point) -> tuple[float, float, float, float]:
    """d2 from the pixel to the segment from a to b, t of the closest point a + t (b - a), and the gap from that point to the pixel."""
    edge_x, edge_y = b[0] - a[0], b[1] - a[1]
    inverse = 1 / (edge_x * edge_x + edge_y * edge_y)  # the same for all pixels: the compiler moves it out of the loop
    t = ((x - a[0]) * edge_x + (y - a[1]) * edge_y) * inverse
    t = min(max(t, 0.0), 1.0)
    gap_x, gap_y = x - a[0] - t * edge_x, y - a[1] - t * edge_y
    return gap_x * gap_x + gap_y * gap_y, t, gap_x, gap_y


@inlined
def nearest(x: float, y: float, a: Point, b: Point, c: Point) -> tuple[float, Point, Three]:
    """d2 to the triangle's boundary, the gap, and the levers: the closest point is lever0 a + lever1 b + lever2 c, one of them 0.

    Where two edges are equally far the first serves: the image has a crease there, and any side's slope is one of its slopes.
    """
    d2, t, gap_x, gap_y = segment(x, y, a, b)
    levers = (1 - t, t, 0.0)
    other_d2, t, other_x, other_y = segment(x, y, b, c)
    if other_d2 < d2:
        d2, gap_x, gap_y, levers = other_d2, other_x, other_y, (0.0, 1 - t, t)
    other_d2, t, other_x, other_y = segment(x, y, c, a)
    if other_d2 < d2:
        d2, gap_x, gap_y, levers = other_d2, other_x, other_y, (t, 0.0, 1 - t)
    return d2, (gap_x, gap_y), levers


@inlined
def squared_distance(x: float, y: float, a: Point, b: Point, c: Point, v: Three, o: Dials) -> tuple[float, Point, Three]:
    """d2 on the screen, with gap and levers for the backward pass; or, for distance="barycentric", the smallest weight squared."""
    if o.euclidean:
        return nearest(x, y, a, b, c)
    least = min(v[0], v[1], v[2])
    return least * least, (0.0, 0.0), (0.0, 0.0, 0.0)


@inlined
def signed_logit(d2: float, v: Three, o: Dials) -> float:
    """delta * d2 / sigma: positive inside, negative outside."""
    return (d2 if min(v[0], v[1], v[2]) > 0 else -d2) / o.sigma


@inlined
def clip(v: Three) -> tuple[Three, float]:
    """Weights clipped to [0, 1] and renormalised, and 1 / their total; if rounding has lost all three, the centroid's weights and 0."""
    w0, w1, w2 = min(max(v[0], 0.0), 1.0), min(max(v[1], 0.0), 1.0), min(max(v[2], 0.0), 1.0)
    total = w0 + w1 + w2
    if total < 0.5:
        return (1 / 3, 1 / 3, 1 / 3), 0.0  # nothing flows back from here
    inverse = 1 / total
    return (w0 * inverse, w1 * inverse, w2 * inverse), inverse


@inlined
def interpolate_depth(w: Three, inverse_z: Three) -> float:
    """z = 1 / sum(w_k / z_k)."""
    return 1 / (w[0] * inverse_z[0] + w[1] * inverse_z[1] + w[2] * inverse_z[2])


@inlined
def color_weights(w: Three, inverse_z: Three, z: float, o: Dials) -> Three:
    """Weights p of the corner colours, C = sum(p_k c_k): w itself, or perspective correct w_k / z_k * z."""
    if o.perspective_correct:
        return w[0] * inverse_z[0] * z, w[1] * inverse_z[1] * z, w[2] * inverse_z[2] * z
    return w


# ---------------------------------------------------------------- which pixels a triangle can reach


@kernel
def reach_boxes(start: int, stop: int, triangles: Array, box: Array, o: Dials) -> None:
    """For triangles start ... stop of (N, 3, 3): first row, row after the last, first column, column after the last -> box (N, 4).

    A pair counts when D >= dist_eps. Euclidean: then the pixel is in the triangle or within `reach` of it, hence in its bounding box
    grown by `reach`. Barycentric: then every v_k >= -reach. Now (v_k + m) / (1 + 3 m), m = reach, are again three numbers >= 0 that sum
    to 1, and they are the pixel's weights in the triangle scaled by 1 + 3 m about its centroid: the pixel is in that triangle's box.
    An undrawable triangle has an empty box.
    """
    for n in range(start, stop):
        x0, y0, z0 = np.float64(triangles[n, 0, 0]), np.float64(triangles[n, 0, 1]), triangles[n, 0, 2]
        x1, y1, z1 = np.float64(triangles[n, 1, 0]), np.float64(triangles[n, 1, 1]), triangles[n, 1, 2]
        x2, y2, z2 = np.float64(triangles[n, 2, 0]), np.float64(triangles[n, 2, 1]), triangles[n, 2, 2]
        area = doubled_area((x0, y0), (x1, y1), (x2, y2))
        box[n] = 0
        if min(z0, z1, z2) <= o.min_depth or abs(area) < o.min_doubled_area or (o.cull_backfaces and area < 0):
            continue
        left, right, bottom, top = min(x0, x1, x2), max(x0, x1, x2), min(y0, y1, y2), max(y0, y1, y2)
        if o.euclidean or o.reach == math.inf:
            left, right, bottom, top = left - o.reach, right + o.reach, bottom - o.reach, top + o.reach
        else:
            x, y, scale = (x0 + x1 + x2) / 3, (y0 + y1 + y2) / 3, 1 + 3 * o.reach
            left, right, bottom, top = x + scale * (left - x), x + scale * (right - x), y + scale * (bottom - y), y + scale * (top - y)
        # Solve y = 1 - (2 i + 1) / H and x = (2 j + 1 - W) / H for i and j. A millionth of a pixel is for rounding.
        box[n, 0] = math.ceil(min(max((o.height * (1 - top) - 1) / 2 - 1e-6, 0.0), o.height))
        box[n, 1] = math.floor(min(max((o.height * (1 - bottom) - 1) / 2 + 1e-6, -1.0), o.height - 1.0)) + 1
        box[n, 2] = math.ceil(min(max((o.height * left + o.width - 1) / 2 - 1e-6, 0.0), o.width))
        box[n, 3] = math.floor(min(max((o.height * right + o.width - 1) / 2 + 1e-6, -1.0), o.width - 1.0)) + 1


# ---------------------------------------------------------------- forward


@kernel
def forward_rows(
    start: int, stop: int, triangles: Array, colors: Array, box: Array, peak: Array, den: Array, log_product: Array, color: Array, image: Array, o: Dials
) -> None:
    """Draw rows start ... stop of the B * H rows of all images.

    triangles (B * F, 3, 3), colors (B * F, 3, C), box (B * F, 4) -> image (B * H, W, C + 1). What the backward pass needs stays in
    peak, den, log_product (B * H, W) and color (B * H, W, C), float64. They come in as if the background had been the first face:
    peak = log of its weight, den = 1, color = background; log_product = 0.
    """
    channels = colors.shape[2]
    images = len(color) // o.height
    faces = len(triangles) // max(images, 1)
    for image_index in range(start // o.height, (stop + o.height - 1) // o.height):
        first_row = image_index * o.height  # of this image among all rows
        for n in range(image_index * faces, (image_index + 1) * faces):
            top, bottom = max(box[n, 0], start - first_row), min(box[n, 1], stop - first_row)
            if top >= bottom:
                continue
            a = np.float64(triangles[n, 0, 0]), np.float64(triangles[n, 0, 1])
            b = np.float64(triangles[n, 1, 0]), np.float64(triangles[n, 1, 1])
            c = np.float64(triangles[n, 2, 0]), np.float64(triangles[n, 2, 1])
            inverse_z = 1.0 / triangles[n, 0, 2], 1.0 / triangles[n, 1, 2], 1.0 / triangles[n, 2, 2]
            for i in range(top, bottom):
                r = first_row + i
                y = 1 - (2 * i + 1) / o.height
                for j in range(box[n, 2], box[n, 3]):
                    x = (2 * j + 1 - o.width) / o.height
                    v = barycentric(x, y, a, b, c)
                    d2, _, _ = squared_distance(x, y, a, b, c, v, o)
                    logit = signed_logit(d2, v, o)
                    if logit < o.least_logit:
                        continue
                    w, _ = clip(v)
                    z = interpolate_depth(w, inverse_z)
                    if z < o.near or z > o.far:
                        continue
                    log_d, log_outside = log_probability(logit)
                    log_product[r, j] += log_outside
                    if channels == 0:
                        continue

                    # The online softmax: den and color are sums of exp(log_weight - peak) * (1 and C), peak the largest so far.
                    log_weight = log_d + (o.near - z) / ((o.far - o.near) * o.gamma)
                    if log_weight > peak[r, j]:
                        shrink = math.exp(peak[r, j] - log_weight)
                        peak[r, j] = log_weight
                        den[r, j] *= shrink
                        for k in range(channels):
                            color[r, j, k] *= shrink
                    weight = math.exp(log_weight - peak[r, j])
                    den[r, j] += weight
                    p = color_weights(w, inverse_z, z, o)
                    for k in range(channels):
                        color[r, j, k] += weight * (p[0] * colors[n, 0, k] + p[1] * colors[n, 1, k] + p[2] * colors[n, 2, k])

    for r in range(start, stop):
        for j in range(o.width):
            for k in range(channels):
                color[r, j, k] /= den[r, j]
                image[r, j, k] = color[r, j, k]
            image[r, j, channels] = combine(log_product[r, j])


# ---------------------------------------------------------------- backward, from the end of the chain to its start


@inlined
def color_weights_backward(d_p: Three, w: Three, inverse_z: Three, z: float, o: Dials) -> tuple[Three, Three, float]:
    """p -> w, 1 / z_k, z. From p_k = w_k / z_k * z, if perspective correct: each factor's derivative is the other two."""
    if o.perspective_correct:
        d_w = d_p[0] * inverse_z[0] * z, d_p[1] * inverse_z[1] * z, d_p[2] * inverse_z[2] * z
        d_inverse_z = d_p[0] * w[0] * z, d_p[1] * w[1] * z, d_p[2] * w[2] * z
        return d_w, d_inverse_z, d_p[0] * w[0] * inverse_z[0] + d_p[1] * w[1] * inverse_z[1] + d_p[2] * w[2] * inverse_z[2]
    return d_p, (0.0, 0.0, 0.0), 0.0


@inlined
def clip_backward(d_w: Three, v: Three, w: Three, inverse: float) -> Three:
    """w -> v. From w_k = clipped_k / total: (d_w_k - sum_m d_w_m w_m) / total; then the clamp passes what lay in [0, 1], ends included."""
    mean = d_w[0] * w[0] + d_w[1] * w[1] + d_w[2] * w[2]
    d_v0 = (d_w[0] - mean) * inverse if 0 <= v[0] <= 1 else 0.0
    d_v1 = (d_w[1] - mean) * inverse if 0 <= v[1] <= 1 else 0.0
    d_v2 = (d_w[2] - mean) * inverse if 0 <= v[2] <= 1 else 0.0
    return d_v0, d_v1, d_v2


@inlined
def least_backward(d_d2: float, d_v: Three, v: Three) -> Three:
    """d2 -> v, added to d_v, for distance="barycentric": d2 = least**2, and only the smallest v counts."""
    d_least = d_d2 * 2 * min(v[0], v[1], v[2])
    if v[0] <= v[1] and v[0] <= v[2]:
        return d_v[0] + d_least, d_v[1], d_v[2]
    return (d_v[0], d_v[1] + d_least, d_v[2]) if v[1] <= v[2] else (d_v[0], d_v[1], d_v[2] + d_least)


@inlined
def barycentric_backward(d_v: Three, a: Point, b: Point, c: Point) -> Point:
    """v -> the pixel, as if the pixel could move: sum_k d_v_k * (gradient of v_k), where v_k is affine in x and y."""
    area = doubled_area(a, b, c)
    d_x = d_v[0] * (b[1] - c[1]) + d_v[1] * (c[1] - a[1]) + d_v[2] * (a[1] - b[1])
    d_y = d_v[0] * (c[0] - b[0]) + d_v[1] * (a[0] - c[0]) + d_v[2] * (b[0] - a[0])
    inverse = 1 / area
    return d_x * inverse, d_y * inverse


@kernel
def backward_alpha(d_image: Array, log_product: Array, d_log_product: Array) -> None:
    """alpha -> log_product: d_image (B * H, W, C + 1), of which this is the last channel -> d_log_product (B * H, W)."""
    rows, columns, channels = d_image.shape
    for r in range(rows):
        for j in range(columns):
            d_log_product[r, j] = d_image[r, j, channels - 1] * combine_slope(log_product[r, j])


@kernel
def backward_faces(
    start: int,
    stop: int,
    triangles: Array,
    colors: Array,
    box: Array,
    peak: Array,
    den: Array,
    color: Array,
    d_image: Array,
    d_log_product: Array,
    d_triangles: Array,
    d_colors: Array,
    corners_wanted: bool,
    o: Dials,
) -> None:
    """Gradients of triangles start ... stop of the B * F of all images -> d_triangles (B * F, 3, 3), d_colors (B * F, 3, C), which come in as 0.

    The other shapes are as in `forward_rows`, and peak, den, color as it left them.
    """
    channels = colors.shape[2]
    images = len(color) // o.height
    faces = len(triangles) // max(images, 1)
    sum_colors = np.empty((3, channels))
    for n in range(start, stop):
        if box[n, 0] >= box[n, 1]:
            continue
        first_row = n // faces * o.height
        a = np.float64(triangles[n, 0, 0]), np.float64(triangles[n, 0, 1])
        b = np.float64(triangles[n, 1, 0]), np.float64(triangles[n, 1, 1])
        c = np.float64(triangles[n, 2, 0]), np.float64(triangles[n, 2, 1])
        inverse_z = 1.0 / triangles[n, 0, 2], 1.0 / triangles[n, 1, 2], 1.0 / triangles[n, 2, 2]
        x0_sum = y0_sum = x1_sum = y1_sum = x2_sum = y2_sum = 0.0
        q0_sum = q1_sum = q2_sum = 0.0  # of 1 / z_k
        sum_colors[:] = 0.0
        for i in range(box[n, 0], box[n, 1]):
            r = first_row + i
            y = 1 - (2 * i + 1) / o.height
            for j in range(box[n, 2], box[n, 3]):
                x = (2 * j + 1 - o.width) / o.height
                # The forward pass once more.
                v = barycentric(x, y, a, b, c)
                d2, gap, levers = squared_distance(x, y, a, b, c, v, o)
                logit = signed_logit(d2, v, o)
                if logit < o.least_logit:
                    continue
                w, inverse = clip(v)
                z = interpolate_depth(w, inverse_z)
                if z < o.near or z > o.far:
                    continue

                slope_d, slope_outside = log_probability_slope(logit)

                # A_S: color = sum_j share_j C_j, where share_j = exp(log_weight_j - peak) / den. So d color / d C_j = share_j, and the
                # softmax's derivative is d color / d log_weight_j = share_j (C_j - color): a face pulls towards its own colour.
                d_log_weight = 0.0
                d_p0 = d_p1 = d_p2 = 0.0
                if channels > 0:
                    log_d, _ = log_probability(logit)
                    log_weight = log_d + (o.near - z) / ((o.far - o.near) * o.gamma)
                    share = math.exp(log_weight - peak[r, j]) / den[r, j]
                    p = color_weights(w, inverse_z, z, o)
                    for k in range(channels):
                        face_color = p[0] * colors[n, 0, k] + p[1] * colors[n, 1, k] + p[2] * colors[n, 2, k]
                        d_face_color = share * d_image[r, j, k]
                        d_log_weight += d_face_color * (face_color - color[r, j, k])
                        d_p0 += d_face_color * colors[n, 0, k]
                        d_p1 += d_face_color * colors[n, 1, k]
                        d_p2 += d_face_color * colors[n, 2, k]
                        sum_colors[0, k] += d_face_color * p[0]
                        sum_colors[1, k] += d_face_color * p[1]
                        sum_colors[2, k] += d_face_color * p[2]
                if not corners_wanted:
                    continue

                # log_weight = log D + (near - z) / ((far - near) gamma), and A_O's log_product is the sum of log(1 - D).
                d_logit = d_log_weight * slope_d + d_log_product[r, j] * slope_outside
                d_z = -d_log_weight / ((o.far - o.near) * o.gamma)

                d_v = (0.0, 0.0, 0.0)
                if channels > 0:  # only colour depends on depth and weights
                    # z = 1 / sum(w_k q_k), q_k = 1 / z_k, of slope -z**2 in the sum.
                    d_w, d_q, more_d_z = color_weights_backward((d_p0, d_p1, d_p2), w, inverse_z, z, o)
                    d_sum = -(d_z + more_d_z) * z * z
                    q0_sum += d_q[0] + d_sum * w[0]
                    q1_sum += d_q[1] + d_sum * w[1]
                    q2_sum += d_q[2] + d_sum * w[2]
                    d_w = d_w[0] + d_sum * inverse_z[0], d_w[1] + d_sum * inverse_z[1], d_w[2] + d_sum * inverse_z[2]
                    d_v = clip_backward(d_w, v, w, inverse)

                # d2 = |gap|**2, gap = pixel - (lever0 a + lever1 b + lever2 c). When a corner moves, the levers change too, but that does
                # not change d2 to first order, for d2 is at its minimum (the envelope theorem): d d2 / d corner_k = -2 lever_k gap.
                d_d2 = signed_logit(d_logit, v, o)  # logit = +-d2 / sigma is linear, and so is its own derivative
                push = 2 * d_d2 * gap[0], 2 * d_d2 * gap[1]
                if not o.euclidean:
                    d_v = least_backward(d_d2, d_v, v)

                # The weights v do not change when pixel and triangle move together. When corner k moves by s, the point of the triangle under
                # the pixel moves by v_k s, as if the pixel had moved by -v_k s: d v / d corner_k = -v_k d v / d pixel.
                pull = barycentric_backward(d_v, a, b, c)
                x0_sum -= levers[0] * push[0] + v[0] * pull[0]
                y0_sum -= levers[0] * push[1] + v[0] * pull[1]
                x1_sum -= levers[1] * push[0] + v[1] * pull[0]
                y1_sum -= levers[1] * push[1] + v[1] * pull[1]
                x2_sum -= levers[2] * push[0] + v[2] * pull[0]
                y2_sum -= levers[2] * push[1] + v[2] * pull[1]

        if corners_wanted:  # d (1 / z_k) / d z_k = -(1 / z_k)**2
            d_triangles[n, 0, 0], d_triangles[n, 0, 1], d_triangles[n, 0, 2] = x0_sum, y0_sum, -q0_sum * inverse_z[0] * inverse_z[0]
            d_triangles[n, 1, 0], d_triangles[n, 1, 1], d_triangles[n, 1, 2] = x1_sum, y1_sum, -q1_sum * inverse_z[1] * inverse_z[1]
            d_triangles[n, 2, 0], d_triangles[n, 2, 1], d_triangles[n, 2, 2] = x2_sum, y2_sum, -q2_sum * inverse_z[2] * inverse_z[2]
        for m in range(3):
            for k in range(channels):
                d_colors[n, m, k] = sum_colors[m, k]
