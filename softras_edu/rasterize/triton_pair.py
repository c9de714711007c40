"""The mathematics of one (pixel, triangle) pair once more, as functions that Triton compiles into the kernels of `triton_kernels.py`.

`formulas.py` and `softness.py`, number by number: same names, same order. Pixels stand in the lanes of a block, (P,); a triangle's
corners are scalars. What depends on the triangle alone (`inv_area`, the inverse squared lengths of its edges `inv01 inv12 inv20`) comes ready from
`triton_setup.py`.

Numbers written in the source take the dtype of the tensor they meet, so float64 stays float64.
"""
# mypy: ignore-errors
# ruff: noqa: SIM108

import triton
import triton.language as tl
from triton.language.extra import libdevice

COMPILED = tl.constexpr(isinstance(tl.sum, triton.JITFunction))  # False in the interpreter


@triton.jit
def divide(a, b):
    """a / b. In float32 on a GPU: a times the hardware's reciprocal of b, exact to 2 ulp, 2 instructions where `/` has 7. |b| < 1e38."""
    if COMPILED and b.dtype == tl.float32:
        result = libdevice.fast_dividef(a + tl.zeros_like(b), b)
    else:
        result = a / b
    return result


@triton.jit
def exp(x):
    """exp(x). In float32 on a GPU: what is below 1e-38 becomes 0 at once, which saves 3 instructions of 5."""
    if COMPILED and x.dtype == tl.float32:
        result = libdevice.fast_expf(x)
    else:
        result = tl.exp(x)
    return result


# --- The two dials: how an edge fades (distribution), and how faces add up (conorm). One place each, formula and derivative. ---


@triton.jit
def log_probability(logit):
    """log D and log(1 - D) of the logistic distribution, D = sigmoid(logit)."""
    tail = log1p(exp(-tl.abs(logit)))  # exp never overflows
    return tl.minimum(logit, 0.0) - tail, tl.minimum(-logit, 0.0) - tail


@triton.jit
def d_log_probability(logit):
    """Derivatives of log D and of log(1 - D) in the logit: 1 - D and -D."""
    e = exp(-tl.abs(logit))
    large = divide(1.0, 1.0 + e)
    small = e * large  # the smaller one of D and 1 - D: computed as it is, it keeps all its digits
    return tl.where(logit > 0, small, large), -tl.where(logit > 0, large, small)


@triton.jit
def combine(log_product):
    """Silhouette alpha = 1 - prod(1 - D) of the probabilistic conorm, from log_product = sum log(1 - D)."""
    return 1.0 - exp(log_product)


@triton.jit
def d_combine(log_product):
    """Derivative of alpha in log_product: -prod(1 - D). Nothing is divided by 1 - D, which may be 0."""
    return -exp(log_product)


@triton.jit
def log1p(e):
    """log(1 + e) for e in [0, 1], with all the digits of a small e that 1 + e would round away."""
    if e.dtype == tl.float64:
        u = 1.0 + e
        result = tl.log(u) - ((u - 1.0) - e) / u  # the second term puts back what u has lost
    else:
        # log(1 + e) = 2 artanh(s) with s = e / (2 + e) <= 1/3; 2 artanh(s) / s as a polynomial in s**2, good to 1e-8, is cheaper than tl.log.
        s = divide(e, 2.0 + e)
        t = s * s
        result = s * (2.0 + t * (0.66666316 + t * (0.40024854 + t * (0.27961419 + t * 0.28174657))))
    return result


# --- One pair, forward. ---


@triton.jit
def corner_areas(x, y, x0, y0, x1, y1, x2, y2):
    """Doubled signed areas of the three triangles between the pixel and an edge: divided by `area`, they are w0, w1, w2."""
    ax, ay = x0 - x, y0 - y
    bx, by = x1 - x, y1 - y
    cx, cy = x2 - x, y2 - y
    return bx * cy - by * cx, cx * ay - cy * ax, ax * by - ay * bx


@triton.jit
def clip_barycentric(w0, w1, w2):
    """Weights clipped to [0, 1] and renormalised -> w0, w1, w2, 1 / total, lost (see formulas.py for the triangles that are lost)."""
    w0 = tl.minimum(tl.maximum(w0, 0.0), 1.0)
    w1 = tl.minimum(tl.maximum(w1, 0.0), 1.0)
    w2 = tl.minimum(tl.maximum(w2, 0.0), 1.0)
    lost = w0 + w1 + w2 < 0.5
    w0 = tl.where(lost, 1.0, w0)
    w1 = tl.where(lost, 1.0, w1)
    w2 = tl.where(lost, 1.0, w2)
    inv_total = divide(1.0, w0 + w1 + w2)
    return w0 * inv_total, w1 * inv_total, w2 * inv_total, inv_total, lost


@triton.jit
def segment(x, y, xa, ya, xb, yb, inv_length2):
    """Squared distance from the pixel to the segment from a to b -> d2, t, and the gap (from closest point to pixel) x, y."""
    ex, ey = xb - xa, yb - ya
    px, py = x - xa, y - ya
    t = tl.minimum(tl.maximum((px * ex + py * ey) * inv_length2, 0.0), 1.0)
    gap_x = px - t * ex
    gap_y = py - t * ey
    return gap_x * gap_x + gap_y * gap_y, t, gap_x, gap_y


@triton.jit
def squared_distance(x, y, x0, y0, x1, y1, x2, y2, inv01, inv12, inv20):
    """d2: squared distance from the pixel to the triangle's boundary, the nearest of three segments."""
    d2_01, _t, _gx, _gy = segment(x, y, x0, y0, x1, y1, inv01)
    d2_12, _t, _gx, _gy = segment(x, y, x1, y1, x2, y2, inv12)
    d2_20, _t, _gx, _gy = segment(x, y, x2, y2, x0, y0, inv20)
    return tl.minimum(tl.minimum(d2_01, d2_12), d2_20)


# --- One pair, backward: each takes the gradient of what the function above returns, and returns that of what it was given. ---


@triton.jit
def d_clip_barycentric(g0, g1, g2, w0, w1, w2, inv_total, lost, raw0, raw1, raw2):
    """w_k = q_k / total and q_k = clip(raw_k): gradient of w_k (clipped) -> gradient of raw_k.

    total moves with every q_k, which takes away the common part sum(g_m w_m); the clip passes a gradient where 0 <= raw_k <= 1.
    """
    common = g0 * w0 + g1 * w1 + g2 * w2
    g0 = tl.where((raw0 >= 0.0) & (raw0 <= 1.0) & ~lost, (g0 - common) * inv_total, 0.0)
    g1 = tl.where((raw1 >= 0.0) & (raw1 <= 1.0) & ~lost, (g1 - common) * inv_total, 0.0)
    g2 = tl.where((raw2 >= 0.0) & (raw2 <= 1.0) & ~lost, (g2 - common) * inv_total, 0.0)
    return g0, g1, g2


@triton.jit
def d_corner_areas(g0, g1, g2, x, y, x0, y0, x1, y1, x2, y2):
    """Gradient of the three areas -> gradient of x0, y0, x1, y1, x2, y2."""
    ax, ay = x0 - x, y0 - y
    bx, by = x1 - x, y1 - y
    cx, cy = x2 - x, y2 - y
    # area_0 = bx cy - by cx, area_1 = cx ay - cy ax, area_2 = ax by - ay bx
    return g2 * by - g1 * cy, g1 * cx - g2 * bx, g0 * cy - g2 * ay, g2 * ax - g0 * cx, g1 * ay - g0 * by, g0 * bx - g1 * ax


@triton.jit
def d_squared_distance(g, x, y, x0, y0, x1, y1, x2, y2, inv01, inv12, inv20):
    """Gradient of d2 -> gradient of x0, y0, x1, y1, x2, y2: the two ends of the nearest segment share it.

    d2 = |gap|**2, gap = pixel - a - t (b - a). t minimises d2, so d2 does not change to first order when t does (the envelope
    theorem), and only a and b move the gap: d d2 / d a = -2 (1 - t) gap, d d2 / d b = -2 t gap.
    """
    d2_01, t01, gx_01, gy_01 = segment(x, y, x0, y0, x1, y1, inv01)
    d2_12, t12, gx_12, gy_12 = segment(x, y, x1, y1, x2, y2, inv12)
    d2_20, t20, gx_20, gy_20 = segment(x, y, x2, y2, x0, y0, inv20)
    # Where two segments are equally near, the first one gets all of it (autograd would give each a half).
    near01 = (d2_01 <= d2_12) & (d2_01 <= d2_20)
    near12 = ~near01 & (d2_12 <= d2_20)
    t = tl.where(near01, t01, tl.where(near12, t12, t20))
    gx = -2.0 * g * tl.where(near01, gx_01, tl.where(near12, gx_12, gx_20))
    gy = -2.0 * g * tl.where(near01, gy_01, tl.where(near12, gy_12, gy_20))
    start_x, start_y, end_x, end_y = (1.0 - t) * gx, (1.0 - t) * gy, t * gx, t * gy
    near20 = ~near01 & ~near12
    return (
        tl.where(near01, start_x, tl.where(near20, end_x, 0.0)),  # corner 0: start of 01, end of 20
        tl.where(near01, start_y, tl.where(near20, end_y, 0.0)),
        tl.where(near12, start_x, tl.where(near01, end_x, 0.0)),  # corner 1: start of 12, end of 01
        tl.where(near12, start_y, tl.where(near01, end_y, 0.0)),
        tl.where(near20, start_x, tl.where(near12, end_x, 0.0)),  # corner 2: start of 20, end of 12
        tl.where(near20, start_y, tl.where(near12, end_y, 0.0)),
    )
