"""Textures over lanes: a pixel's place on its face's picture, four texels around, and backward.

`formulas.look_up`, in the loop that has the pair's weights anyway. What is not for several lanes at
once is only fetching texels, and, backward, adding to them.
"""

from __future__ import annotations

import numpy as np

from .compiling import Array, DFaces, Faces, Four, Point, Three, inlined, step
from .lanes import (
    AT,
    COLOR,
    D_COLOR,
    D_CORNER_COLOR,
    D_DOWN,
    D_LOG_WEIGHT,
    D_RIGHT,
    D_TEXTURE,
    D_U,
    DOWN,
    LANES,
    RIGHT,
    SHARE,
    TEXEL,
    U,
    get,
    padded,
    put,
)
from .pair import mix, softmax_backward


@inlined
def corner_numbers(numbers: Array, face: int, k: int) -> Three:
    """Number k of the three corners, (N, 3, K), in float64: a colour's channel, or u or v of uv."""
    return (
        np.float64(numbers[face, 0, k]),
        np.float64(numbers[face, 1, k]),
        np.float64(numbers[face, 2, k]),
    )


@inlined
def within(place: float, repeats: bool) -> float:
    """A place in [0, 1]: the same of the next picture, or the nearest."""
    return place - np.floor(place) if repeats else min(max(place, 0.0), 1.0)


@inlined
def beside(place: float, last: float, repeats: bool) -> Point:
    """The texels before and after a place in a row of them, of -1/2 ... last + 1/2."""
    before = np.floor(place)
    around, other = (0.0, last) if repeats else (last, 0.0)
    return before if before >= 0 else other, before + 1 if before < last else around


@inlined
def blend(texel: Four, right: float, down: float) -> float:
    """The bilinear mean of four texels: above left, above right, below left, below right."""
    upper = texel[0] * (1 - right) + texel[1] * right
    lower = texel[2] * (1 - right) + texel[3] * right
    return upper * (1 - down) + lower * down


@inlined
def blend_backward(d_texture: float, texel: Four, right: float, down: float) -> Point:
    """`blend` -> right and down."""
    return (
        d_texture * ((texel[1] - texel[0]) * (1 - down) + (texel[3] - texel[2]) * down),
        d_texture * ((texel[2] - texel[0]) * (1 - right) + (texel[3] - texel[1]) * right),
    )


@inlined
def four(s: Array, at: int) -> Four:
    """The tuple of four of one lane."""
    return s[at], s[at + LANES], s[at + 2 * LANES], s[at + 3 * LANES]


@step
def find_texels(s: Array, count: int, face: int, faces: Faces) -> None:
    """U -> AT, RIGHT, DOWN."""
    first, repeats = float(faces.where[face, 0]), faces.where[face, 3] > 0
    height, width = float(faces.where[face, 1]), float(faces.where[face, 2])
    across, up = corner_numbers(faces.uv, face, 0), corner_numbers(faces.uv, face, 1)
    for k in range(padded(count)):
        u = get(s, U + k)
        column = within(mix(u, across), repeats) * width - 0.5
        row = (1 - within(mix(u, up), repeats)) * height - 0.5
        s[RIGHT + k], s[DOWN + k] = column - np.floor(column), row - np.floor(row)
        j0, j1 = beside(column, width - 1, repeats)
        i0, i1 = beside(row, height - 1, repeats)
        s[AT + k] = first + i0 * width + j0
        s[AT + LANES + k] = first + i0 * width + j1
        s[AT + 2 * LANES + k] = first + i1 * width + j0
        s[AT + 3 * LANES + k] = first + i1 * width + j1


@step
def fetch_texels(s: Array, count: int, channel: int, texels: Array) -> None:
    """AT and texels (T, C) -> TEXEL, of one channel."""
    for k in range(count):
        for corner in range(4):
            row = corner * LANES + k
            s[TEXEL + row] = texels[int(s[AT + row]), channel]


@step
def textured_channel_backward(
    s: Array, count: int, channel: int, c: Three, d_texels: Array
) -> None:
    """One channel: COLOR, D_COLOR -> added to D_LOG_WEIGHT, D_U, D_RIGHT, D_DOWN and d_texels.

    The face's colour is that of its corners, c, times that of the texture: the derivative of each
    is the other. D_CORNER_COLOR is that of c.
    """
    for k in range(padded(count)):
        u, d_u = get(s, U + k), get(s, D_U + k)
        texel, right, down = four(s, TEXEL + k), s[RIGHT + k], s[DOWN + k]
        tint, texture = mix(u, c), blend(texel, right, down)
        d_log_weight, d_face_color = softmax_backward(
            s[SHARE + k], tint * texture, s[COLOR + k], s[D_COLOR + k]
        )
        d_tint, d_texture = d_face_color * texture, d_face_color * tint
        s[D_LOG_WEIGHT + k] += d_log_weight
        by_c = d_tint * c[0], d_tint * c[1], d_tint * c[2]
        put(s, D_U + k, (d_u[0] + by_c[0], d_u[1] + by_c[1], d_u[2] + by_c[2]))
        put(s, D_CORNER_COLOR + k, (d_tint * u[0], d_tint * u[1], d_tint * u[2]))
        d_right, d_down = blend_backward(d_texture, texel, right, down)
        s[D_RIGHT + k] += d_right
        s[D_DOWN + k] += d_down
        s[D_TEXTURE + k] = d_texture
    if len(d_texels) > 0:
        for k in range(count):
            d_texture, right, down = s[D_TEXTURE + k], s[RIGHT + k], s[DOWN + k]
            if d_texture != 0:
                above, below = d_texture * (1 - down), d_texture * down
                at = four(s, AT + k)
                d_texels[int(at[0]), channel] += above * (1 - right)
                d_texels[int(at[1]), channel] += above * right
                d_texels[int(at[2]), channel] += below * (1 - right)
                d_texels[int(at[3]), channel] += below * right


@step
def find_texels_backward(s: Array, count: int, face: int, faces: Faces, d_faces: DFaces) -> None:
    """D_RIGHT, D_DOWN -> added to D_U and the corners' uv.

    Beyond the border of a picture that clamps both texels are one, so d_right or d_down is 0.
    """
    height, width = float(faces.where[face, 1]), float(faces.where[face, 2])
    across, up = corner_numbers(faces.uv, face, 0), corner_numbers(faces.uv, face, 1)
    for k in range(padded(count)):
        d_across, d_up, d_u = s[D_RIGHT + k] * width, -s[D_DOWN + k] * height, get(s, D_U + k)
        s[D_RIGHT + k], s[D_DOWN + k] = d_across, d_up
        put(
            s,
            D_U + k,
            (
                d_u[0] + d_across * across[0] + d_up * up[0],
                d_u[1] + d_across * across[1] + d_up * up[1],
                d_u[2] + d_across * across[2] + d_up * up[2],
            ),
        )
    if len(d_faces.uv) > 0:
        across0 = across1 = across2 = up0 = up1 = up2 = 0.0
        for k in range(count):
            u, d_across, d_up = get(s, U + k), s[D_RIGHT + k], s[D_DOWN + k]
            across0, up0 = across0 + d_across * u[0], up0 + d_up * u[0]
            across1, up1 = across1 + d_across * u[1], up1 + d_up * u[1]
            across2, up2 = across2 + d_across * u[2], up2 + d_up * u[2]
        d_faces.uv[face, 0, 0] += across0
        d_faces.uv[face, 0, 1] += up0
        d_faces.uv[face, 1, 0] += across1
        d_faces.uv[face, 1, 1] += up1
        d_faces.uv[face, 2, 0] += across2
        d_faces.uv[face, 2, 1] += up2
