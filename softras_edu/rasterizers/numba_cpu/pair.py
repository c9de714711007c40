"""The mathematics of one (pixel, triangle) pair once more, as functions that numba compiles into the loops of `numba_cpu/kernels.py`.

`formulas.py` and `softness.py`, number by number: same names, same order; and behind them, derived by hand, the derivative of each. Before
clipping the barycentric weights are `v`, after it `w`. `d_x` is the derivative of the loss with respect to x.

No function here calls one that the compiler cannot look into, and none leaves early: only then can a loop over pixels be compiled to
compute four or eight of them at once (SIMD). So exp and log1p are series of our own, and every `if` chooses between two numbers that both exist.
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
Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile with numba: without Python's lock, division by zero as in NumPy, the machine code kept on disk for the next process."""
    if MISSING:
        return function
    try:
        return cast("Function", numba.njit(nogil=True, error_model="numpy", cache=True)(function))
    except RuntimeError:  # no folder to keep it in that can be written: neither beside this file nor in the user's cache
        return cast("Function", numba.njit(nogil=True, error_model="numpy")(function))


def inlined(function: Function) -> Function:
    """Compile with numba as a part of every kernel that calls it, so that what is the same for all pixels can move out of the kernel's loop."""
    return (
        function
        if MISSING
        else cast("Function", numba.njit(forceinline=True, error_model="numpy")(function))
    )


def fused(function: Function) -> Function:
    """The same for a polynomial: a product and the sum after it may become one instruction, which rounds once instead of twice."""
    return (
        function
        if MISSING
        else cast(
            "Function",
            numba.njit(forceinline=True, error_model="numpy", fastmath={"contract"})(function),
        )
    )


def scalar(function: Function) -> Function:
    """Compile with numba as a function of its own, which kernels call for one number after another: its code is there once, not in each of them."""
    return function if MISSING else cast("Function", numba.njit(error_model="numpy")(function))


class Dials(NamedTuple):
    """`Options` as numba reads them: plain numbers of fixed types, so that one compiled kernel serves every choice."""

    height: int
    width: int
    sigma: float
    gamma: float
    near: float
    far: float
    least_logit: float  # D >= dist_eps is +-d2 / sigma >= this
    reach: float
    euclidean: bool
    perspective_correct: bool
    cull_backfaces: bool
    min_doubled_area: float
    min_depth: float
    squared: bool
    logistic: bool  # these two have loops of their own in the kernels; every other choice is one of `numba_cpu/gendr.py`
    probabilistic: bool
    distribution: int  # its place in softness.DISTRIBUTIONS
    shape: float
    shift: float
    log_gamma: float  # log Gamma(shape + 1)
    conorm: int  # its place in softness.CONORMS
    p: float


# ---------------------------------------------------------------- exp, log and log1p that can be computed for several lanes at once


@fused
def exp(x: float) -> float:
    """exp(x) for x <= 0, to the last bit or two; 0 below -700. math.exp is a call, and a loop with a call in it stays a loop over single numbers.

    x = n log 2 + r, |r| <= log(2) / 2, so exp(x) = 2**n exp(r): a short series, and n added to the exponent in its bits. Adding
    1.5 * 2**52 to a number rounds it to a whole one, which then stands in its lowest bits.
    """
    shifted = max(x, -700.0) * 1.4426950408889634 + 6755399441055744.0  # 1 / log 2
    n = shifted - 6755399441055744.0
    r = (
        max(x, -700.0) - n * 6.93147180369123816490e-01 - n * 1.90821492927058770002e-10
    )  # log 2 in two parts, the first with zeros at its end
    u = r * r  # exp = cosh + sinh, two series that run beside each other
    cosh = 1 + u * (
        1 / 2 + u * (1 / 24 + u * (1 / 720 + u * (1 / 40320 + u * (1 / 3628800 + u / 479001600))))
    )
    sinh = 1 + u * (
        1 / 6
        + u * (1 / 120 + u * (1 / 5040 + u * (1 / 362880 + u * (1 / 39916800 + u / 6227020800))))
    )
    series = cosh + r * sinh
    bits = np.float64(series).view(np.int64) + (np.float64(shifted).view(np.int64) << np.int64(52))
    return np.int64(bits).view(np.float64) if x >= -700.0 else 0.0


@fused
def log1p(e: float) -> float:
    """log(1 + e) for e in [0, 1], to the last bit or two, however small e is: 2 artanh(s) with s = e / (2 + e) <= 1/3."""
    s = e / (2 + e)
    t, u = (
        s * s,
        s * s * s * s,
    )  # artanh(s) = s + s t (1 / 3 + t / 5 + t**2 / 7 + ...), every second term in a sum of its own
    even = 1 / 3 + u * (
        1 / 7 + u * (1 / 11 + u * (1 / 15 + u * (1 / 19 + u * (1 / 23 + u * (1 / 27 + u / 31)))))
    )
    odd = 1 / 5 + u * (1 / 9 + u * (1 / 13 + u * (1 / 17 + u * (1 / 21 + u * (1 / 25 + u / 29)))))
    return 2 * s + 2 * s * t * (even + t * odd)


@fused
def log(x: float) -> float:
    """log(x) for x in [1e-300, 1/2], to the last bit or two: x = 2**n m, 1 <= m < 2, so n log 2 + log(1 + (m - 1)). Minus infinity below that.

    n is taken out of x's bits, and becomes a number in the lowest bits of 1.5 * 2**52, as in `exp`.
    """
    bits = np.float64(x).view(np.int64)
    n = (
        np.int64((bits >> np.int64(52)) + np.int64(4843621399236968448 - 1023)).view(np.float64)
        - 6755399441055744.0
    )
    m = np.int64((bits & np.int64(4503599627370495)) | np.int64(4607182418800017408)).view(
        np.float64
    )
    return (
        n * 6.93147180369123816490e-01 + (n * 1.90821492927058770002e-10 + log1p(m - 1))
        if x >= 1e-300
        else -math.inf
    )


# ---------------------------------------------------------------- the two dials: distribution and T-conorm (others: numba_cpu/gendr.py)


@inlined
def log_probability(logit: float) -> Point:
    """log D and log(1 - D) for D = sigmoid(logit). exp only ever sees a number <= 0."""
    rest = log1p(exp(-abs(logit)))
    return min(logit, 0.0) - rest, min(-logit, 0.0) - rest


@inlined
def log_probability_slope(logit: float) -> Point:
    """Derivatives of log D and of log(1 - D) with respect to logit: 1 - D and -D."""
    small = exp(-abs(logit))
    less, more = small / (1 + small), 1 / (1 + small)
    return (less, -more) if logit > 0 else (more, -less)


@inlined
def uniform(x: float) -> tuple[float, float, float, float]:
    """For the distribution that GenDR found best on average, D = (1 + x) / 2 for -1 <= x <= 1: log D, log(1 - D), and their slopes."""
    less = 0.5 - 0.5 * min(abs(x), 1.0)  # the smaller one of D and 1 - D
    more = 1 - less
    log_less, log_more = log(less), -log1p(less / more)
    rate, more_rate = (0.5 / less if less > 0 else 0.0), (0.5 / more if less > 0 else 0.0)
    return (
        (log_more, log_less, more_rate, -rate) if x > 0 else (log_less, log_more, rate, -more_rate)
    )


@inlined
def combine(log_product: float) -> float:
    """Silhouette alpha = 1 - prod(1 - D), the aggregate function A_O, from the sum of log(1 - D)."""
    return 0 - math.expm1(log_product)


@inlined
def combine_slope(log_product: float) -> float:
    """Derivative of alpha with respect to one log(1 - D) in that sum: -prod(1 - D)."""
    return -exp(log_product)


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
    inverse = 1 / (
        edge_x * edge_x + edge_y * edge_y
    )  # the same for all pixels: the compiler moves it out of the loop
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
def squared_distance(
    x: float, y: float, a: Point, b: Point, c: Point, v: Three, o: Dials
) -> tuple[float, Point, Three]:
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
def signed_root(logit: float, o: Dials) -> float:
    """delta * d / sigma from delta * d2 / sigma, for squared=False."""
    root = math.sqrt(abs(logit) / o.sigma)
    return root if logit > 0 else -root


@inlined
def signed_root_slope(root: float, o: Dials) -> float:
    """Derivative of `signed_root` with respect to logit; 0 on the boundary, where it has none."""
    return 1 / (2 * abs(root) * o.sigma) if root != 0 else 0.0


@inlined
def clip(v: Three) -> tuple[Three, float]:
    """Weights clipped to [0, 1] and renormalised, and 1 / their total; if rounding has lost all three, the centroid's weights and 0."""
    w0, w1, w2 = min(max(v[0], 0.0), 1.0), min(max(v[1], 0.0), 1.0), min(max(v[2], 0.0), 1.0)
    total = w0 + w1 + w2
    lost = total < 0.5
    inverse = 0.0 if lost else 1 / total  # 0: nothing flows back from here
    return (
        1 / 3 if lost else w0 * inverse,
        1 / 3 if lost else w1 * inverse,
        1 / 3 if lost else w2 * inverse,
    ), inverse


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


@inlined
def counts(logit: float, z: float, o: Dials) -> bool:
    """Does the pair count? Not if D < dist_eps, nor if its depth is outside [near, far]."""
    return (logit >= o.least_logit) & (z >= o.near) & (z <= o.far)


# ---------------------------------------------------------------- one pair backward, from the end of the chain to its start


@inlined
def color_weights_backward(
    d_p: Three, w: Three, inverse_z: Three, z: float, o: Dials
) -> tuple[Three, Three, float]:
    """p -> w, 1 / z_k, z. From p_k = w_k / z_k * z, if perspective correct: each factor's derivative is the other two."""
    if o.perspective_correct:
        d_w = d_p[0] * inverse_z[0] * z, d_p[1] * inverse_z[1] * z, d_p[2] * inverse_z[2] * z
        d_inverse_z = d_p[0] * w[0] * z, d_p[1] * w[1] * z, d_p[2] * w[2] * z
        return (
            d_w,
            d_inverse_z,
            d_p[0] * w[0] * inverse_z[0]
            + d_p[1] * w[1] * inverse_z[1]
            + d_p[2] * w[2] * inverse_z[2],
        )
    return d_p, (0.0, 0.0, 0.0), 0.0


@inlined
def clip_backward(d_w: Three, v: Three, w: Three, inverse: float) -> Three:
    """w -> v. From w_k = clipped_k / total: (d_w_k - sum_m d_w_m w_m) / total; then the clamp passes what lay in [0, 1], ends included."""
    mean = d_w[0] * w[0] + d_w[1] * w[1] + d_w[2] * w[2]
    d_v0 = (d_w[0] - mean) * inverse if (v[0] >= 0) & (v[0] <= 1) else 0.0
    d_v1 = (d_w[1] - mean) * inverse if (v[1] >= 0) & (v[1] <= 1) else 0.0
    d_v2 = (d_w[2] - mean) * inverse if (v[2] >= 0) & (v[2] <= 1) else 0.0
    return d_v0, d_v1, d_v2


@inlined
def least_backward(d_d2: float, d_v: Three, v: Three) -> Three:
    """d2 -> v, added to d_v, for distance="barycentric": d2 = least**2, and only the smallest v counts."""
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
    """v -> the pixel, as if the pixel could move: sum_k d_v_k * (gradient of v_k), where v_k is affine in x and y."""
    area = doubled_area(a, b, c)
    d_x = d_v[0] * (b[1] - c[1]) + d_v[1] * (c[1] - a[1]) + d_v[2] * (a[1] - b[1])
    d_y = d_v[0] * (c[0] - b[0]) + d_v[1] * (a[0] - c[0]) + d_v[2] * (b[0] - a[0])
    inverse = 1 / area
    return d_x * inverse, d_y * inverse
