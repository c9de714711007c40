"""Textures: a pixel's place on its face's picture, the four texels around, and backward.

`formulas.look_up` in the kernels' loops, one pixel a lane. TEXTURE, a compile-time number, is 0
where there is none (then nothing of this is compiled), 1 where there is one, 2 where the derivative
of its texels is wanted too. That one alone is summed by atomics, since any face may use any texel:
on a GPU its last bits differ from run to run.
"""
# mypy: ignore-errors
# ruff: noqa: N803

import triton
import triton.language as tl

from .numbers import clamp
from .pair import plus


@triton.jit
def mix(u, c):
    """sum(u_k c_k) of the three corners."""
    return u[0] * c[0] + u[1] * c[1] + u[2] * c[2]


@triton.jit
def load_uv(uv_ptr, face):
    """uv (B, F, 3, 2) of the three corners: how far across the picture, and how far up."""
    corner = uv_ptr + face * 6
    across = (tl.load(corner), tl.load(corner + 2), tl.load(corner + 4))
    up = (tl.load(corner + 1), tl.load(corner + 3), tl.load(corner + 5))
    return across, up


@triton.jit
def within(place, repeats):
    """A place in [0, 1]: the same of the next picture, or the nearest."""
    return tl.where(repeats, place - tl.floor(place), clamp(place))


@triton.jit
def texels_beside(place, last, repeats):
    """The texels before and after a place in a row of them, of -1/2 ... last + 1/2; and how far the
    place is between the two."""
    # Whatever the place, no address is outside the picture.
    before = tl.minimum(tl.maximum(tl.floor(place), -1.0), last.to(place.dtype)).to(tl.int32)
    first = tl.where(before < 0, tl.where(repeats, last, 0), before)
    second = tl.where(before < last, before + 1, tl.where(repeats, 0, last))
    return first, second, place - tl.floor(place)


@triton.jit
def find_texels(u, uv_ptr, where_ptr, face):
    """The numbers of the four texels around a pixel's place (above left, above right, below left,
    below right) in the list of all, and how far right and down it is between them."""
    across, up = load_uv(uv_ptr, face)
    first = tl.load(where_ptr + face * 4)
    height = tl.load(where_ptr + face * 4 + 1).to(tl.int32)
    width = tl.load(where_ptr + face * 4 + 2).to(tl.int32)
    repeats = tl.load(where_ptr + face * 4 + 3) > 0
    column = within(mix(u, across), repeats) * width.to(u[0].dtype) - 0.5
    row = (1.0 - within(mix(u, up), repeats)) * height.to(u[0].dtype) - 0.5
    j0, j1, right = texels_beside(column, width - 1, repeats)
    i0, i1, down = texels_beside(row, height - 1, repeats)
    upper, lower = first + i0 * width, first + i1 * width
    return (upper + j0, upper + j1, lower + j0, lower + j1), right, down


@triton.jit
def fetch_texels(texels_ptr, at, c, C: tl.constexpr):
    """Channel c of the four texels; 0 where there is no such channel."""
    return (
        tl.load(texels_ptr + at[0] * C + c, c < C, other=0.0),
        tl.load(texels_ptr + at[1] * C + c, c < C, other=0.0),
        tl.load(texels_ptr + at[2] * C + c, c < C, other=0.0),
        tl.load(texels_ptr + at[3] * C + c, c < C, other=0.0),
    )


@triton.jit
def blend(texel, right, down):
    """The bilinear mean of the four texels."""
    upper = texel[0] * (1.0 - right) + texel[1] * right
    lower = texel[2] * (1.0 - right) + texel[3] * right
    return upper * (1.0 - down) + lower * down


@triton.jit
def blend_backward(d_texture, texel, right, down):
    """`blend` -> right and down."""
    d_right = (texel[1] - texel[0]) * (1.0 - down) + (texel[3] - texel[2]) * down
    d_down = (texel[2] - texel[0]) * (1.0 - right) + (texel[3] - texel[1]) * right
    return d_texture * d_right, d_texture * d_down


@triton.jit
def add_to_texels(d_texels_ptr, d_texture, at, right, down, share, c, C: tl.constexpr):
    """`blend` -> the four texels, (T, C), for lanes with a share in their pixel."""
    counts = (share > 0.0) & (c < C)
    above, below = d_texture * (1.0 - down), d_texture * down
    tl.atomic_add(d_texels_ptr + at[0] * C + c, above * (1.0 - right), counts, sem="relaxed")
    tl.atomic_add(d_texels_ptr + at[1] * C + c, above * right, counts, sem="relaxed")
    tl.atomic_add(d_texels_ptr + at[2] * C + c, below * (1.0 - right), counts, sem="relaxed")
    tl.atomic_add(d_texels_ptr + at[3] * C + c, below * right, counts, sem="relaxed")


@triton.jit
def find_texels_backward(d_right, d_down, u, d_u, d_across, d_up, uv_ptr, where_ptr, face):
    """right and down -> u, and the corners' uv, added to d_across and d_up.

    Beyond the border of a picture that clamps both texels are one, so d_right or d_down is 0.
    """
    across, up = load_uv(uv_ptr, face)
    by_across = d_right * tl.load(where_ptr + face * 4 + 2).to(d_right.dtype)
    by_up = -d_down * tl.load(where_ptr + face * 4 + 1).to(d_down.dtype)
    d_u = plus(plus(d_u, across, by_across), up, by_up)
    return d_u, plus(d_across, u, by_across), plus(d_up, u, by_up)


@triton.jit
def store_uv(out, d_across, d_up):
    """The derivative of the corners' uv, each number summed over the lanes."""
    for k in tl.static_range(3):
        tl.store(out + 2 * k, tl.sum(d_across[k]))
        tl.store(out + 2 * k + 1, tl.sum(d_up[k]))
