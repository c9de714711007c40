"""The mathematics of one (pixel, triangle) pair once more, as functions that Triton compiles into
the kernels of `triton_gpu/kernels.py`: section 3 of the paper, and behind it, from the end of the
chain to its start, the derivatives.

`formulas.py`, number by number, with the same names. Pixels stand in the lanes of a block, (P,);
what belongs to a triangle is a scalar. Three of a kind come as a tuple: `v`, `w`, `u`, `inv_z`,
`levers`. `d_x` is the derivative of the loss with respect to x.

Numbers written in the source take the dtype of the tensor they meet, so float64 stays float64.
"""
# mypy: ignore-errors
# ruff: noqa: N803, SIM108
# (Triton compiles a part of Python only; its constants are arguments in capitals.)

import triton
import triton.language as tl

from .gendr_conorms import (
    add_lift,
    alpha_from_lift_sum,
    alpha_from_lift_sum_slope,
    lifted_alpha_slope,
    no_lift,
)
from .gendr_distributions import tails
from .numbers import (
    SMALLEST,
    clamp,
    divide,
    exp,
    exp_minus_abs,
    expm1,
    log1p,
    negative,
    reciprocal,
    smallest,
)

# ---------------------------------------------------------------- distance and barycentric weights


@triton.jit
def edge(xa, ya, xb, yb, inv_length2, inv_area):
    """What the pixels need of the edge from a to b = a + e: a; e; e / |e|**2, for t of the
    closest point; and the slope, with respect to the pixel, of the raw weight v of the corner
    across from it.

    v is 0 on the edge and 1 in the corner: its slope is (-e_y, e_x) / area, with the area's sign.
    """
    ex, ey = xb - xa, yb - ya
    along_x, along_y = ex * inv_length2, ey * inv_length2
    return xa, ya, ex, ey, along_x, along_y, negative(ey) * inv_area, ex * inv_area


@triton.jit
def beside(x, y, side):
    """A pixel and an edge -> the raw weight v of the corner across; and of the edge as a segment
    d2, t of the closest point a + t e, and the gap (from that point to the pixel) x, y."""
    xa, ya, ex, ey, along_x, along_y, slope_x, slope_y = side
    px, py = x - xa, y - ya
    v = px * slope_x + py * slope_y
    t = clamp(px * along_x + py * along_y)
    gap_x = px - t * ex
    gap_y = py - t * ey
    return v, (gap_x * gap_x + gap_y * gap_y, t, gap_x, gap_y)


@triton.jit
def beside_edges(x, y, edges):
    """A pixel and the edges 12, 20, 01 -> raw weights v of the corners 0, 1, 2, the smallest of
    them, and what `beside` says of the three edges as segments."""
    v0, segment12 = beside(x, y, edges[0])
    v1, segment20 = beside(x, y, edges[1])
    v2, segment01 = beside(x, y, edges[2])
    return (v0, v1, v2), smallest(v0, v1, v2), (segment12, segment20, segment01)


@triton.jit
def squared_distance(segments, least, EUCLIDEAN: tl.constexpr):
    """d2 to the triangle's boundary; or, for distance="barycentric", the smallest weight
    squared."""
    if EUCLIDEAN:
        d2 = smallest(segments[2][0], segments[0][0], segments[1][0])
    else:
        d2 = least * least
    return d2


@triton.jit
def signed_logit(d2, least, inv_sigma, SQUARED: tl.constexpr, EUCLIDEAN: tl.constexpr):
    """+d2 / sigma inside (where the smallest raw weight is positive), -d2 / sigma outside; and
    its slope with respect to d2.

    Not SQUARED (GenDR): +-d / sigma. With barycentric distance that is least / sigma, and the
    slope is with respect to `least`. On the boundary itself, where d has a kink, the slope counts
    as 0.
    """
    sign = tl.where(least > 0.0, inv_sigma, negative(inv_sigma))
    if SQUARED:
        logit, slope = d2 * sign, sign
    elif EUCLIDEAN:
        d = tl.sqrt(d2)
        logit, slope = d * sign, tl.where(d2 > SMALLEST, divide(0.5 * sign, d), 0.0)
    else:
        logit, slope = least * inv_sigma, tl.where(least == 0.0, 0.0, inv_sigma)
    return logit, slope


@triton.jit
def clip_barycentric(v):
    """Raw weights, clipped to [0, 1] and renormalised -> w, 1 / w_sum.

    Where rounding has lost all three (see formulas.py) the centroid's weights serve, and 0 stands
    for 1 / w_sum, so that no derivative passes.
    """
    w0, w1, w2 = clamp(v[0]), clamp(v[1]), clamp(v[2])
    w_sum = w0 + w1 + w2
    lost = w_sum < 0.5
    inv_w_sum = tl.where(lost, 0.0, reciprocal(w_sum))
    centroid = tl.where(lost, tl.full((), 1.0 / 3.0, w_sum.dtype), 0.0)
    return (
        w0 * inv_w_sum + centroid,
        w1 * inv_w_sum + centroid,
        w2 * inv_w_sum + centroid,
    ), inv_w_sum


@triton.jit
def interpolate_depth(w, inv_z):
    """z = 1 / sum(w_k / z_k)."""
    return reciprocal(w[0] * inv_z[0] + w[1] * inv_z[1] + w[2] * inv_z[2])


@triton.jit
def color_weights(w, z, inv_z, PERSPECTIVE: tl.constexpr):
    """Weights u of the corner colours, C_j = sum(u_k c_k): w itself, or perspective correct
    w_k z / z_k."""
    if PERSPECTIVE:
        u = (w[0] * z * inv_z[0], w[1] * z * inv_z[1], w[2] * z * inv_z[2])
    else:
        u = w
    return u


# ---------------------------------------------------------------- D and A_O
# Each of these functions is the Soft Rasterizer's formula, or, for another choice, one of
# GenDR's: this is the only place where the two meet. `dials` are GenDR's run-time numbers (shape,
# log_gamma, shift, p, log_p). Which branch is compiled is a compile-time constant: the other one
# leaves no instruction.


@triton.jit
def probability_map(logit, dials, terms, DISTRIBUTION: tl.constexpr, REVERSED: tl.constexpr):
    """log D and log(1 - D) for D = sigmoid(logit), and their slopes with respect to logit, 1 - D
    and -D.

    exp only sees a number that is not positive, so it cannot overflow.
    """
    if DISTRIBUTION == "logistic":
        e = exp_minus_abs(logit)
        rest = log1p(e)
        log_d, log_outside = tl.minimum(logit, 0.0) - rest, tl.minimum(negative(logit), 0.0) - rest
        # The smaller one of D and 1 - D is computed as it is, not as 1 - larger: it keeps all its
        # digits.
        larger = reciprocal(1.0 + e)
        smaller = e * larger
        slope_d = tl.where(logit > 0, smaller, larger)
        slope_outside = negative(tl.where(logit > 0, larger, smaller))
    else:
        log_d, log_outside, slope_d, slope_outside = tails(
            logit, dials[0], dials[1], terms, dials[2], DISTRIBUTION, REVERSED
        )
    return log_d, log_outside, slope_d, slope_outside


@triton.jit
def no_faces(zero, CONORM: tl.constexpr):
    """log_product of a pixel that no face has reached, 0. (GenDR: its lift_sum.)"""
    if CONORM == "probabilistic":
        log_product = zero
    else:
        log_product = no_lift(zero, CONORM)
    return log_product


@triton.jit
def add_face(log_product, log_d, log_outside, keep, dials, CONORM: tl.constexpr):
    """log_product = sum of log(1 - D) with one more face; as before where the pair does not
    count."""
    if CONORM == "probabilistic":
        log_product += tl.where(keep, log_outside, 0.0)
    else:
        log_product = add_lift(log_product, log_d, log_outside, keep, dials[3], dials[4], CONORM)
    return log_product


@triton.jit
def alpha_from_log_product(log_product, dials, CONORM: tl.constexpr):
    """A_O, silhouette alpha = 1 - prod(1 - D)."""
    if CONORM == "probabilistic":
        alpha = negative(expm1(log_product))  # 1 - exp(x) would lose an alpha below 1e-7
    else:
        alpha = alpha_from_lift_sum(log_product, dials[3], dials[4], CONORM)
    return alpha


@triton.jit
def alpha_from_log_product_slope(log_product, dials, CONORM: tl.constexpr):
    """d alpha / d log_product = -prod(1 - D). Nothing is divided by 1 - D, which may be 0."""
    if CONORM == "probabilistic":
        slope = -exp(log_product)
    else:
        slope = alpha_from_lift_sum_slope(log_product, dials[3], dials[4], CONORM)
    return slope


@triton.jit
def alpha_slope(
    saved_slope, log_d, log_outside, slope_d, slope_outside, dials, CONORM: tl.constexpr
):
    """d alpha / d logit_j = d alpha / d log_product * d log(1 - D_j) / d logit_j. The first
    factor is what `alpha_from_log_product_slope` gave when the picture was drawn."""
    if CONORM == "probabilistic":
        slope = saved_slope * slope_outside
    else:
        slope = lifted_alpha_slope(
            saved_slope, log_d, log_outside, slope_d, slope_outside, dials[3], dials[4], CONORM
        )
    return slope


# ---------------------------------------------------------------- A_S


@triton.jit
def online_softmax_step(peak, den, log_weight):
    """One face more in the online softmax -> peak, den, shrink, weight: what was summed before
    shrinks by exp(old peak - new peak), and the face comes in with exp(log_weight - new peak).

    One of the two is 1 and the other exp(-|log_weight - old peak|), so one exp serves both.
    """
    rise = log_weight - peak
    small = exp_minus_abs(rise)
    weight = tl.where(rise > 0.0, 1.0, small)
    shrink = tl.where(rise > 0.0, small, 1.0)
    return tl.maximum(peak, log_weight), den * shrink + weight, shrink, weight


# ---------------------------------------------------------------- backward


@triton.jit
def plus(sums, weights, number):
    """sums_k + weights_k * number, for the three corners."""
    return (
        sums[0] + weights[0] * number,
        sums[1] + weights[1] * number,
        sums[2] + weights[2] * number,
    )


@triton.jit
def depth_backward(
    d_log_weight, d_u, d_inv_z, u, w, z, inv_z, depth_scale, PERSPECTIVE: tl.constexpr
):
    """log_weight and u -> w; and 1 / z_k, added to d_inv_z.

    Both are functions of s_k = w_k / z_k. log_weight falls by depth_scale * z, and z = 1 /
    sum(s_k), of slope -z**2 in each s_k. In perspective, u_k = s_k z depends on s twice: by its
    own s_k and by z.
    """
    d_sum = d_log_weight * depth_scale * z * z
    if PERSPECTIVE:
        d_sum -= (d_u[0] * u[0] + d_u[1] * u[1] + d_u[2] * u[2]) * z
        d_s = plus((d_sum, d_sum, d_sum), d_u, z)
        d_w = (d_s[0] * inv_z[0], d_s[1] * inv_z[1], d_s[2] * inv_z[2])
    else:
        d_s = (d_sum, d_sum, d_sum)
        d_w = plus(d_u, inv_z, d_sum)
    d_inv_z = (
        d_inv_z[0] + d_s[0] * w[0],
        d_inv_z[1] + d_s[1] * w[1],
        d_inv_z[2] + d_s[2] * w[2],
    )
    return d_w, d_inv_z


@triton.jit
def clip_barycentric_backward(d_w, w, inv_w_sum, v):
    """w -> v. w_k = clamp(v_k) / w_sum: w_sum moves with every clamp(v_k), which takes away the
    common part sum(d_w_m w_m), and the clamp passes a derivative where it has changed nothing."""
    common = d_w[0] * w[0] + d_w[1] * w[1] + d_w[2] * w[2]
    return (
        tl.where(v[0] == clamp(v[0]), (d_w[0] - common) * inv_w_sum, 0.0),
        tl.where(v[1] == clamp(v[1]), (d_w[1] - common) * inv_w_sum, 0.0),
        tl.where(v[2] == clamp(v[2]), (d_w[2] - common) * inv_w_sum, 0.0),
    )


@triton.jit
def squared_distance_backward(d_d2, segments):
    """d2 -> the push (x, y) of which corner k gets lever_k times as much, and the levers.

    d2 = |gap|**2, gap = pixel - closest point, closest point = sum(lever_k corner_k). When a
    corner moves the levers change too, but d2 is at its minimum there: to first order it does not
    notice (the envelope theorem). So d d2 / d corner_k = -2 lever_k gap.
    """
    levers, gap_x, gap_y = nearest_on_boundary(segments)
    return -2.0 * d_d2 * gap_x, -2.0 * d_d2 * gap_y, levers


@triton.jit
def nearest_on_boundary(segments):
    """The closest point of the boundary: its levers, lever0 corner0 + lever1 corner1 + lever2
    corner2 (one of them is 0), and the gap from it to the pixel. Where two edges are equally far,
    the first counts."""
    d2_12, t12, gap_x_12, gap_y_12 = segments[0]
    d2_20, t20, gap_x_20, gap_y_20 = segments[1]
    d2_01, t01, gap_x_01, gap_y_01 = segments[2]
    on01 = (d2_01 <= d2_12) & (d2_01 <= d2_20)
    on12 = ~on01 & (d2_12 <= d2_20)
    on20 = ~on01 & ~on12
    t = tl.where(on01, t01, tl.where(on12, t12, t20))
    gap_x = tl.where(on01, gap_x_01, tl.where(on12, gap_x_12, gap_x_20))
    gap_y = tl.where(on01, gap_y_01, tl.where(on12, gap_y_12, gap_y_20))
    start = 1.0 - t  # weight of the corner in which the edge starts
    lever0 = tl.where(on01, start, tl.where(on20, t, 0.0))
    lever1 = tl.where(on12, start, tl.where(on01, t, 0.0))
    lever2 = tl.where(on20, start, tl.where(on12, t, 0.0))
    return (lever0, lever1, lever2), gap_x, gap_y


@triton.jit
def least_backward(d_d2, least, d_v, v, SQUARED: tl.constexpr):
    """Barycentric distance: d2 = least**2 (not SQUARED: least) -> the smallest raw weight; of
    equal ones, the first."""
    d_least = d_d2
    if SQUARED:
        d_least = 2.0 * least * d_d2
    is_0 = (v[0] <= v[1]) & (v[0] <= v[2])
    is_1 = ~is_0 & (v[1] <= v[2])
    return (
        d_v[0] + tl.where(is_0, d_least, 0.0),
        d_v[1] + tl.where(is_1, d_least, 0.0),
        d_v[2] + tl.where(is_0 | is_1, 0.0, d_least),
    )


@triton.jit
def barycentric_backward(d_v, edges):
    """v -> the pull (x, y) of which corner k gets v_k times as much.

    When corner k moves by s, the point of the triangle under the pixel moves by v_k s: the
    weights change as if the pixel had moved by -v_k s, and with respect to the pixel they have
    the edges' slopes.
    """
    slope0_x, slope1_x, slope2_x = edges[0][6], edges[1][6], edges[2][6]
    slope0_y, slope1_y, slope2_y = edges[0][7], edges[1][7], edges[2][7]
    pull_x = negative(d_v[0] * slope0_x + d_v[1] * slope1_x + d_v[2] * slope2_x)
    pull_y = negative(d_v[0] * slope0_y + d_v[1] * slope1_y + d_v[2] * slope2_y)
    return pull_x, pull_y
