"""Textures over lanes: a pixel's place on its face's picture, four texels around, and backward.

`formulas.look_up`, in the loop that has the pair's weights anyway. What is not for several lanes at
once is only fetching texels, and, backward, adding to them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .compiling import Array, DFaces, Faces, Four, Point, Three, inlined, step
from .lanes import (
    COLOR,
    D_COLOR,
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
    plus,
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
def texels_beside(place: float, last: float, repeats: bool) -> Point:
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


class Around(NamedTuple):
    """Where the four texels around the place of each lane are, and which lanes look them up."""

    # (4 * LANES,): number k is above lane k's place and left, then above right, below left, right.
    # Unsigned, so that nobody asks whether an index counts from the end.
    at: Array
    live: Array  # (LANES,): the lanes, in order; as many as `find_texels` says


@inlined
def around_lanes() -> Around:
    """Room for it."""
    return Around(np.zeros(4 * LANES, np.uint32), np.zeros(LANES, np.uint32))


@step
def find_texels(s: Array, around: Around, count: int, weight: int, face: int, faces: Faces) -> int:
    """U -> RIGHT, DOWN and what is around. Returns how many lanes are live.

    These have a weight, in the row of that name, that can change a number: with less than 1e-84 not
    even the largest float32 becomes the least one, and with less than 1e-200 no float64 that
    matters.
    """
    at, live = around
    first, repeats = float(faces.where[face, 0]), faces.where[face, 3] > 0
    height, width = float(faces.where[face, 1]), float(faces.where[face, 2])
    across, up = corner_numbers(faces.uv, face, 0), corner_numbers(faces.uv, face, 1)
    for k in range(padded(count)):
        u = get(s, U + k)
        column = within(mix(u, across), repeats) * width - 0.5
        row = (1 - within(mix(u, up), repeats)) * height - 0.5
        s[RIGHT + k], s[DOWN + k] = column - np.floor(column), row - np.floor(row)
        j0, j1 = texels_beside(column, width - 1, repeats)
        i0, i1 = texels_beside(row, height - 1, repeats)
        at[k] = np.uint32(first + i0 * width + j0)
        at[k + LANES] = np.uint32(first + i0 * width + j1)
        at[k + 2 * LANES] = np.uint32(first + i1 * width + j0)
        at[k + 3 * LANES] = np.uint32(first + i1 * width + j1)
    least = 1e-84 if faces.texels.itemsize == 4 else 1e-200
    many = 0
    for k in range(count):
        live[many] = k
        many += 1 if s[weight + k] > least else 0
    return many


@step
def fetch_texels(s: Array, around: Around, many: int, channel: int, texels: Array) -> None:
    """texels (T, C) -> TEXEL, of one channel and the live lanes; others keep what they had."""
    at, live = around
    for m in range(many):
        k = live[m]
        s[TEXEL + k] = texels[at[k], channel]
        s[TEXEL + LANES + k] = texels[at[k + LANES], channel]
        s[TEXEL + 2 * LANES + k] = texels[at[k + 2 * LANES], channel]
        s[TEXEL + 3 * LANES + k] = texels[at[k + 3 * LANES], channel]


@step
def textured_channel_backward(s: Array, count: int, c: Three) -> Three:
    """One channel: COLOR, D_COLOR -> D_TEXTURE; added to D_LOG_WEIGHT, D_U, D_RIGHT and D_DOWN; and
    the corner colours'.

    The face's colour is that of its corners, c, times that of the texture: the derivative of each
    is the other.
    """
    d_c0 = d_c1 = d_c2 = 0.0
    for k in range(padded(count)):
        u, d_u = get(s, U + k), get(s, D_U + k)
        texel, right, down = four(s, TEXEL + k), s[RIGHT + k], s[DOWN + k]
        tint, texture = mix(u, c), blend(texel, right, down)
        d_log_weight, d_face_color = softmax_backward(
            s[SHARE + k], tint * texture, s[COLOR + k], s[D_COLOR + k]
        )
        s[D_LOG_WEIGHT + k] += d_log_weight
        d_tint = d_face_color * texture
        by_c = d_tint * c[0], d_tint * c[1], d_tint * c[2]
        put(s, D_U + k, (d_u[0] + by_c[0], d_u[1] + by_c[1], d_u[2] + by_c[2]))
        d_c0, d_c1 = plus(d_c0, d_tint * u[0]), plus(d_c1, d_tint * u[1])
        d_c2 = plus(d_c2, d_tint * u[2])
        s[D_TEXTURE + k] = d_face_color * tint
        d_right, d_down = blend_backward(d_face_color * tint, texel, right, down)
        s[D_RIGHT + k] += d_right
        s[D_DOWN + k] += d_down
    return d_c0, d_c1, d_c2


@step
def add_to_texels(s: Array, around: Around, many: int, channel: int, d_texels: Array) -> None:
    """D_TEXTURE, RIGHT, DOWN of one channel and the live lanes -> added to d_texels (T, C)."""
    at, live = around
    for m in range(many):
        k = live[m]
        d_texture, right, down = s[D_TEXTURE + k], s[RIGHT + k], s[DOWN + k]
        above, below = d_texture * (1 - down), d_texture * down
        d_texels[at[k], channel] += above * (1 - right)
        d_texels[at[k + LANES], channel] += above * right
        d_texels[at[k + 2 * LANES], channel] += below * (1 - right)
        d_texels[at[k + 3 * LANES], channel] += below * right


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
