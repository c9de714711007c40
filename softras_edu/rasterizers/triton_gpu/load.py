"""What both kernels of `triton_gpu/kernels.py` begin with: options in the images' dtype, the
place of a pixel, and what they read of a triangle."""
# mypy: ignore-errors
# ruff: noqa: N803, RUF005

import triton
import triton.language as tl

from .pair import edge
from .setup import FACTS


@triton.jit
def to_dtype(numbers, dtype: tl.constexpr):
    """Numbers that come in float64, rounded to the images' dtype."""
    rounded = ()
    for k in tl.static_range(len(numbers)):
        rounded = rounded + (tl.full((), numbers[k], dtype),)
    return rounded


@triton.jit
def load_triangle(triangles_ptr, facts_ptr, face):
    """The edges 12, 20, 01 of a triangle, as `pair.edge` has them, and 1 / z of its corners."""
    corner = triangles_ptr + face * 9
    x0, y0 = tl.load(corner), tl.load(corner + 1)
    x1, y1 = tl.load(corner + 3), tl.load(corner + 4)
    x2, y2 = tl.load(corner + 6), tl.load(corner + 7)
    fact = facts_ptr + face * FACTS
    inv_area, inv01 = tl.load(fact), tl.load(fact + 1)
    inv12, inv20 = tl.load(fact + 2), tl.load(fact + 3)
    inv_z = (tl.load(fact + 4), tl.load(fact + 5), tl.load(fact + 6))
    edge12 = edge(x1, y1, x2, y2, inv12, inv_area)
    edge20 = edge(x2, y2, x0, y0, inv20, inv_area)
    edge01 = edge(x0, y0, x1, y1, inv01, inv_area)
    return (edge12, edge20, edge01), inv_z


@triton.jit
def load_box(boxes_ptr, face):
    """A triangle's reach: first row, row after the last, first column, column after the last."""
    box = boxes_ptr + face * 4
    return tl.load(box), tl.load(box + 1), tl.load(box + 2), tl.load(box + 3)


@triton.jit
def load_colors(colors_ptr, face, c, C: tl.constexpr):
    """Channel c of the three corners' colours; 0 where there is no such channel."""
    color = colors_ptr + face * 3 * C + c
    c0 = tl.load(color, c < C, other=0.0)
    c1 = tl.load(color + C, c < C, other=0.0)
    c2 = tl.load(color + 2 * C, c < C, other=0.0)
    return c0, c1, c2


@triton.jit
def pixel_center(i, j, width, inv_height):
    """x, y of row i, column j; inv_height is 1 / height, in the images' dtype."""
    y = 1.0 - (2 * i + 1).to(inv_height.dtype) * inv_height
    x = (2 * j + 1 - width).to(inv_height.dtype) * inv_height
    return x, y


@triton.jit
def load_winner(winner_ptr):
    """For GenDR's conorm max: the face that holds a pixel's maximum, a whole number that was
    saved in the place of a real one."""
    bits: tl.constexpr = tl.int32 if winner_ptr.dtype.element_ty == tl.float32 else tl.int64
    return tl.load(winner_ptr).to(bits, bitcast=True)
