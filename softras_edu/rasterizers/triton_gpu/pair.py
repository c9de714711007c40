"""The mathematics of one (pixel, triangle) pair once more, as functions that Triton compiles into the kernels of `triton_gpu/kernels.py`.

`formulas.py`, number by number: same names, same order. Pixels stand in the lanes of a block, (P,); a triangle's
corners are scalars. What depends on the triangle alone (`inv_area`, the inverse squared lengths of its edges `inv01 inv12 inv20`) comes ready from
`triton_gpu/setup.py`. The two dials of softness have files of their own, `triton_gpu/gendr.py` and `triton_gpu/conorms.py`.

Numbers written in the source take the dtype of the tensor they meet, so float64 stays float64.
"""
# mypy: ignore-errors

import triton
import triton.language as tl

from .numbers import negative, reciprocal

# --- One triangle: what the pixels need to know of an edge. ---


@triton.jit
def edge(xa, ya, xb, yb, inv_length2, inv_area):
    """The edge from a to b; the same over its squared length; and the slope of the weight of the corner across from it.

    That weight is 0 on the edge and grows at right angles to it, up to 1 in its corner: (-e_y, e_x) / area, where 1 / area comes with its sign.
    """
    ex, ey = xb - xa, yb - ya
    return ex, ey, ex * inv_length2, ey * inv_length2, negative(ey) * inv_area, ex * inv_area


# --- One pair, forward. ---


@triton.jit
def beside(x, y, xa, ya, ex, ey, along_x, along_y, slope_x, slope_y):
    """A pixel and an edge -> the weight of the corner across; d2 to the edge (a segment), its t, and the gap (from closest point to pixel) x, y."""
    px, py = x - xa, y - ya
    w = px * slope_x + py * slope_y
    t = clip(px * along_x + py * along_y)
    gap_x = px - t * ex
    gap_y = py - t * ey
    return w, gap_x * gap_x + gap_y * gap_y, t, gap_x, gap_y


@triton.jit
def clip(w):
    """To [0, 1]. The compiler makes it part of the instruction before."""
    return tl.minimum(tl.maximum(w, 0.0), 1.0)


@triton.jit
def clip_barycentric(w0, w1, w2):
    """Weights clipped to [0, 1] and renormalised -> w0, w1, w2, 1 / total. Where the weights are lost in rounding (see
    formulas.py) the centroid serves, and 0 stands for 1 / total, so that no gradient passes."""
    w0, w1, w2 = clip(w0), clip(w1), clip(w2)
    total = w0 + w1 + w2
    lost = total < 0.5
    inv_total = tl.where(lost, 0.0, reciprocal(total))
    centroid = tl.where(lost, tl.full((), 1.0 / 3.0, total.dtype), 0.0)
    return (
        w0 * inv_total + centroid,
        w1 * inv_total + centroid,
        w2 * inv_total + centroid,
        inv_total,
    )


# --- One pair, backward: each takes the gradient of what the function above returns, and returns that of what it was given. ---


@triton.jit
def d_clip_barycentric(g0, g1, g2, w0, w1, w2, inv_total, raw0, raw1, raw2):
    """w_k = q_k / total and q_k = clip(raw_k): gradient of w_k (clipped) -> gradient of raw_k.

    total moves with every q_k, which takes away the common part sum(g_m w_m); the clip passes a gradient where it has changed nothing.
    """
    common = g0 * w0 + g1 * w1 + g2 * w2
    g0 = tl.where(raw0 == clip(raw0), (g0 - common) * inv_total, 0.0)
    g1 = tl.where(raw1 == clip(raw1), (g1 - common) * inv_total, 0.0)
    g2 = tl.where(raw2 == clip(raw2), (g2 - common) * inv_total, 0.0)
    return g0, g1, g2


@triton.jit
def nearest_on_boundary(
    d2_12, t12, gx_12, gy_12, d2_20, t20, gx_20, gy_20, d2_01, t01, gx_01, gy_01
):
    """The point of the boundary nearest to the pixel -> its weights of the corners 0, 1, 2 (one of them 0), and the gap from it to the pixel.

    Where two edges are equally near, the first one counts (autograd would give each a half).
    """
    near01 = (d2_01 <= d2_12) & (d2_01 <= d2_20)
    near12 = ~near01 & (d2_12 <= d2_20)
    near20 = ~near01 & ~near12
    t = tl.where(near01, t01, tl.where(near12, t12, t20))
    gap_x = tl.where(near01, gx_01, tl.where(near12, gx_12, gx_20))
    gap_y = tl.where(near01, gy_01, tl.where(near12, gy_12, gy_20))
    start = 1.0 - t
    at0 = tl.where(
        near01, start, tl.where(near20, t, 0.0)
    )  # corner 0 starts edge 01 and ends edge 20
    at1 = tl.where(near12, start, tl.where(near01, t, 0.0))
    at2 = tl.where(near20, start, tl.where(near12, t, 0.0))
    return at0, at1, at2, gap_x, gap_y
