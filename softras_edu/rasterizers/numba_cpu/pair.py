"""The mathematics of one (pixel, triangle) pair, each formula with its derivative (notebook 08).

`formulas.py`, number by number: same names, same order; and behind them, derived by hand, the
derivative of each. `d_x` is the derivative of the loss with respect to x. The triangle's corners on
the screen are a = (x0, y0), b = (x1, y1), c = (x2, y2); `inv_z` is 1 / z0, 1 / z1, 1 / z2.

Everything here is inlined, calls only what is inlined, and leaves no function early. So a loop over
pixels can compute four or eight of them at once (SIMD): every `if` below chooses between two
numbers that both exist.
"""

from __future__ import annotations

import math

from .compiling import Dials, Point, Three, inlined
from .numbers import exp, expm1, log1p

# ---------------------------------------------------------------- where the pixel is


@inlined
def doubled_area(a: Point, b: Point, c: Point) -> float:
    """Doubled signed area of the triangle a, b, c."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


@inlined
def barycentric(x: float, y: float, a: Point, b: Point, c: Point) -> Three:
    """Barycentric weights v0, v1, v2 of the pixel (x, y), not clipped."""
    area = doubled_area(a, b, c)
    v0 = (x - b[0]) * (y - c[1]) - (y - b[1]) * (x - c[0])
    v1 = (x - c[0]) * (y - a[1]) - (y - c[1]) * (x - a[0])
    v2 = (x - a[0]) * (y - b[1]) - (y - a[1]) * (x - b[0])
    inv_area = 1 / area  # the same for all pixels: computed before the loop
    return v0 * inv_area, v1 * inv_area, v2 * inv_area


@inlined
def segment(x: float, y: float, a: Point, b: Point) -> tuple[float, Point, float]:
    """d2 to the segment from a to b, the gap, and the place t of the closest point a + t (b - a).

    The gap is the vector from the closest point to the pixel (x, y), and d2 its squared length.
    """
    edge_x, edge_y = b[0] - a[0], b[1] - a[1]
    inv_length2 = 1 / (edge_x * edge_x + edge_y * edge_y)  # the same for all pixels
    t = ((x - a[0]) * edge_x + (y - a[1]) * edge_y) * inv_length2
    t = min(max(t, 0.0), 1.0)
    gap_x, gap_y = x - a[0] - t * edge_x, y - a[1] - t * edge_y
    return gap_x * gap_x + gap_y * gap_y, (gap_x, gap_y), t


@inlined
def nearest(x: float, y: float, a: Point, b: Point, c: Point) -> tuple[float, Point, Three]:
    """d2 to the triangle's boundary, the gap, and the levers of the closest point.

    The closest point is lever0 a + lever1 b + lever2 c, one of them 0. Where two edges are equally
    far the first serves: the image has a crease there, and either side's slope is one of its own.
    """
    d2, gap, t = segment(x, y, a, b)
    levers = (1 - t, t, 0.0)
    other_d2, other_gap, t = segment(x, y, b, c)
    if other_d2 < d2:
        d2, gap, levers = other_d2, other_gap, (0.0, 1 - t, t)
    other_d2, other_gap, t = segment(x, y, c, a)
    if other_d2 < d2:
        d2, gap, levers = other_d2, other_gap, (t, 0.0, 1 - t)
    return d2, gap, levers


@inlined
def squared_distance(
    x: float, y: float, a: Point, b: Point, c: Point, v: Three, o: Dials
) -> tuple[float, Point, Three]:
    """d2 on the screen, with gap and levers; for distance="barycentric", least**2 and zeros."""
    if o.euclidean:
        return nearest(x, y, a, b, c)
    least = min(v[0], v[1], v[2])
    return least * least, (0.0, 0.0), (0.0, 0.0, 0.0)


@inlined
def signed_logit(d2: float, v: Three, o: Dials) -> float:
    """+d2 / sigma inside the triangle, -d2 / sigma outside. Linear in d2."""
    inv_sigma = 1 / o.sigma  # the same for all pixels
    return (d2 if min(v[0], v[1], v[2]) > 0 else -d2) * inv_sigma


# ---------------------------------------------------------------- clipped weights, depth, colour


@inlined
def clip_barycentric(v: Three) -> tuple[Three, float]:
    """Weights w, clipped to [0, 1] and divided by their sum; and 1 / that sum.

    The sum is at least 1, but that of a very thin triangle may be lost in rounding: then the
    centroid's weights, and 0 instead of 1 / sum, so that nothing flows back.
    """
    w0, w1, w2 = min(max(v[0], 0.0), 1.0), min(max(v[1], 0.0), 1.0), min(max(v[2], 0.0), 1.0)
    w_sum = w0 + w1 + w2
    lost = w_sum < 0.5
    inv_w_sum = 0.0 if lost else 1 / w_sum
    w = (
        1 / 3 if lost else w0 * inv_w_sum,
        1 / 3 if lost else w1 * inv_w_sum,
        1 / 3 if lost else w2 * inv_w_sum,
    )
    return w, inv_w_sum


@inlined
def interpolate_depth(w: Three, inv_z: Three) -> float:
    """z = 1 / sum(w_k / z_k)."""
    return 1 / (w[0] * inv_z[0] + w[1] * inv_z[1] + w[2] * inv_z[2])


@inlined
def color_weights(w: Three, inv_z: Three, z: float, o: Dials) -> Three:
    """Weights u of the corner colours, C = sum(u_k c_k): w, or perspective correct w_k z / z_k."""
    if o.perspective_correct:
        return w[0] * inv_z[0] * z, w[1] * inv_z[1] * z, w[2] * inv_z[2] * z
    return w


@inlined
def mix(u: Three, c: Three) -> float:
    """C = sum(u_k c_k)."""
    return u[0] * c[0] + u[1] * c[1] + u[2] * c[2]


@inlined
def pair_forward(
    x: float, y: float, a: Point, b: Point, c: Point, inv_z: Three, o: Dials
) -> tuple[float, Three, Three, float, float, Point, Three]:
    """Logit, v, w, inv_w_sum, z, gap and levers of the pixel (x, y) and the triangle a, b, c.

    A pair does not count if D < dist_eps, or if its depth is outside [near, far]. Its logit is then
    minus infinity, that is D = 0, which adds nothing to alpha and nothing to the colour.
    """
    v = barycentric(x, y, a, b, c)
    d2, gap, levers = squared_distance(x, y, a, b, c, v, o)
    logit = signed_logit(d2, v, o)
    w, inv_w_sum = clip_barycentric(v)
    z = interpolate_depth(w, inv_z)
    keep = (logit >= o.least_logit) & (z >= o.near) & (z <= o.far)
    return logit if keep else -math.inf, v, w, inv_w_sum, z, gap, levers


# ---------------------------------------------------------------- D, A_O and A_S


@inlined
def small_part(logit: float) -> float:
    """exp(-|logit|), the smaller of D / (1 - D) and its inverse; exp only ever sees a number <= 0.

    The next two are made of it. It is a function of its own because it has a loop of its own: see
    `add_lanes`.
    """
    return exp(-abs(logit))


@inlined
def log_probability(logit: float, small: float) -> Point:
    """log D and log(1 - D) for D = sigmoid(logit)."""
    rest = log1p(small)
    return min(logit, 0.0) - rest, min(-logit, 0.0) - rest


@inlined
def log_probability_slope(logit: float, small: float) -> Point:
    """Derivatives of log D and of log(1 - D) with respect to logit: 1 - D and -D."""
    more = 1 / (1 + small)
    less = small * more
    return (less, -more) if logit > 0 else (more, -less)


@inlined
def probability_in_parts(logit: float, slope_d: float, slope_outside: float) -> Point:
    """A logarithm and a factor, D = factor exp(logarithm), from the slopes: spares a log1p.

    D = exp(min(logit, 0)) / (1 + exp(-|logit|)), and the larger of 1 - D and D is that quotient.
    """
    return min(logit, 0.0), max(slope_d, -slope_outside)


@inlined
def alpha_from_log_product(log_product: float) -> float:
    """Silhouette alpha = 1 - prod(1 - D), the end of A_O, from the sum of log(1 - D).

    0 - x and not -x: an empty pixel's alpha is 0, not -0.
    """
    return 0 - expm1(log_product)


@inlined
def alpha_from_log_product_slope(log_product: float) -> float:
    """Derivative of alpha with respect to one log(1 - D) in that sum: -prod(1 - D)."""
    return -exp(log_product)


@inlined
def log_softmax_weight(log_d: float, z: float, o: Dials) -> float:
    """log(D exp(zn / gamma)) - 1 / gamma, where zn = (far - z) / (far - near) is the depth score.

    Less 1 / gamma for all faces and the background alike, so that it cancels: near - z keeps more
    digits than far - z.
    """
    inv_scale = 1 / ((o.far - o.near) * o.gamma)  # the same for all pixels
    return log_d + (o.near - z) * inv_scale


@inlined
def online_softmax_step(
    peak: float, den: float, log_weight: float
) -> tuple[float, float, float, float]:
    """A face arrives: new peak, new den, and what both sums so far and the face are multiplied by.

    `shrink` = exp(old peak - new peak), `weight` = exp(log_weight - new peak): one of them is 1,
    the other exp(-|rise|), so that one exp serves.
    """
    rise = log_weight - peak
    small = exp(-abs(rise))
    weight = 1.0 if rise > 0 else small
    shrink = small if rise > 0 else 1.0
    return max(peak, log_weight), den * shrink + weight, shrink, weight


# ---------------------------------------------------------------- backward, notebook 08's steps
# Step 1 (alpha -> logit) are the two slopes above: d alpha / d logit = -prod(1 - D) * -D.


@inlined
def softmax_backward(
    share: float, face_color: float, color: float, d_color: float
) -> tuple[float, float]:
    """Step 2, colour -> log weight and the face's colour, for one channel.

    color = sum_j share_j C_j with share_j = exp(log_weight_j - peak) / den. So d color / d C_j is
    share_j, and d color / d log_weight_j is share_j (C_j - color).
    """
    d_face_color = share * d_color
    return d_face_color * (face_color - color), d_face_color


@inlined
def depth_backward(
    d_z: float, d_u: Three, w: Three, inv_z: Three, z: float, o: Dials
) -> tuple[Three, Three]:
    """Step 4, z and u -> w and 1 / z_k.

    u_k = w_k / z_k * z, if perspective correct: each factor's derivative is the other two. And
    z = 1 / sum(w_k / z_k) has the slope -z**2 in the sum.
    """
    d_w, d_inv_z, d_z_by_color = d_u, (0.0, 0.0, 0.0), 0.0
    if o.perspective_correct:
        d_w = d_u[0] * inv_z[0] * z, d_u[1] * inv_z[1] * z, d_u[2] * inv_z[2] * z
        d_inv_z = d_u[0] * w[0] * z, d_u[1] * w[1] * z, d_u[2] * w[2] * z
        d_z_by_color = (
            d_u[0] * w[0] * inv_z[0] + d_u[1] * w[1] * inv_z[1] + d_u[2] * w[2] * inv_z[2]
        )
    d_sum = -(d_z + d_z_by_color) * z * z
    return (
        (d_w[0] + d_sum * inv_z[0], d_w[1] + d_sum * inv_z[1], d_w[2] + d_sum * inv_z[2]),
        (d_inv_z[0] + d_sum * w[0], d_inv_z[1] + d_sum * w[1], d_inv_z[2] + d_sum * w[2]),
    )


@inlined
def clip_barycentric_backward(d_w: Three, v: Three, w: Three, inv_w_sum: float) -> Three:
    """Step 5, w -> v.

    From w_k = clipped_k / w_sum: (d_w_k - sum_m d_w_m w_m) / w_sum. Then the clamp passes on what
    lay in [0, 1], ends included.
    """
    mean = d_w[0] * w[0] + d_w[1] * w[1] + d_w[2] * w[2]
    d_v0 = (d_w[0] - mean) * inv_w_sum if (v[0] >= 0) & (v[0] <= 1) else 0.0
    d_v1 = (d_w[1] - mean) * inv_w_sum if (v[1] >= 0) & (v[1] <= 1) else 0.0
    d_v2 = (d_w[2] - mean) * inv_w_sum if (v[2] >= 0) & (v[2] <= 1) else 0.0
    return d_v0, d_v1, d_v2


@inlined
def least_backward(d_d2: float, d_v: Three, v: Three) -> Three:
    """d2 -> v, added to d_v, for distance="barycentric": d2 = least**2, least the smallest v."""
    d_least = d_d2 * 2 * min(v[0], v[1], v[2])
    first = (v[0] <= v[1]) & (v[0] <= v[2])
    second = (not first) & (v[1] <= v[2])
    return (
        d_v[0] + (d_least if first else 0.0),
        d_v[1] + (d_least if second else 0.0),
        d_v[2] + (0.0 if first or second else d_least),
    )


@inlined
def barycentric_backward(d_v: Three, a: Point, b: Point, c: Point) -> Point:
    """v -> the pixel, as if it could move: sum_k d_v_k (gradient of v_k); v_k is affine in x, y."""
    area = doubled_area(a, b, c)
    pull_x = d_v[0] * (b[1] - c[1]) + d_v[1] * (c[1] - a[1]) + d_v[2] * (a[1] - b[1])
    pull_y = d_v[0] * (c[0] - b[0]) + d_v[1] * (a[0] - c[0]) + d_v[2] * (b[0] - a[0])
    inv_area = 1 / area
    return pull_x * inv_area, pull_y * inv_area


@inlined
def corners_backward(
    d_logit: float,
    d_v: Three,
    v: Three,
    gap: Point,
    levers: Three,
    a: Point,
    b: Point,
    c: Point,
    o: Dials,
) -> tuple[Three, Three]:
    """Steps 3 and 6, logit and v -> x of the three corners, y of the three corners.

    Step 3: d2 = |gap|**2, gap = pixel - (lever0 a + lever1 b + lever2 c). When a corner moves, the
    levers change too, but that does not change d2 to first order, since they minimise it (envelope
    theorem): d d2 / d corner_k = -2 lever_k gap.

    Step 6: v does not change when pixel and triangle move together. When corner k moves by h, the
    point of the triangle under the pixel moves by v_k h, as if the pixel had moved by -v_k h:
    d v / d corner_k = -v_k d v / d pixel.
    """
    d_d2 = signed_logit(d_logit, v, o)  # linear: the derivative is the same function
    push_x, push_y = 2 * d_d2 * gap[0], 2 * d_d2 * gap[1]
    pull_x, pull_y = barycentric_backward(
        d_v if o.euclidean else least_backward(d_d2, d_v, v), a, b, c
    )
    return (
        (
            -(levers[0] * push_x + v[0] * pull_x),
            -(levers[1] * push_x + v[1] * pull_x),
            -(levers[2] * push_x + v[2] * pull_x),
        ),
        (
            -(levers[0] * push_y + v[0] * pull_y),
            -(levers[1] * push_y + v[1] * pull_y),
            -(levers[2] * push_y + v[2] * pull_y),
        ),
    )
