"""The colour aggregate A_S over lanes, forward and backward.

It is the softmax of all faces of a pixel and the background, weighted by D exp(zn / gamma), times
their colours; one step of the online softmax a face.
"""

from __future__ import annotations

import numpy as np

from .compiling import Array, Dials, Faces, Saved, Three, inlined, step
from .lanes import (
    COLOR,
    D_COLOR,
    D_CORNER_COLOR,
    D_LOG_WEIGHT,
    D_U,
    DEN,
    LOG_D,
    LOG_WEIGHT,
    PEAK,
    SHARE,
    SHRINK,
    WEIGHT,
    U,
    W,
    Z,
    get,
    load,
    padded,
    put,
    store,
)
from .numbers import exp
from .pair import color_weights, log_softmax_weight, online_softmax_step, softmax_backward


@inlined
def corner_colors(colors: Array, face: int, channel: int) -> Three:
    """One channel of the three corners' colours, in float64."""
    return (
        np.float64(colors[face, 0, channel]),
        np.float64(colors[face, 1, channel]),
        np.float64(colors[face, 2, channel]),
    )


@inlined
def mix(u: Three, c: Three) -> float:
    """C = sum(u_k c_k)."""
    return u[0] * c[0] + u[1] * c[1] + u[2] * c[2]


@step
def aggregate_color(
    s: Array, pixel: Array, count: int, face: int, colors: Array, saved: Saved, o: Dials
) -> None:
    """One face more: LOG_D, Z, U and colors (N, 3, C) -> the pixels' peak, den and color.

    den and color are the sums of exp(log_weight - peak) times 1 and C, peak the largest log weight
    so far.
    """
    for k in range(padded(count)):
        s[LOG_WEIGHT + k] = log_softmax_weight(s[LOG_D + k], s[Z + k], o)
    for k in range(count):
        s[PEAK + k], s[DEN + k] = saved.peak[pixel[k]], saved.den[pixel[k]]
    for k in range(padded(count)):
        log_weight = s[LOG_WEIGHT + k]
        s[PEAK + k], s[DEN + k], s[SHRINK + k], s[WEIGHT + k] = online_softmax_step(
            s[PEAK + k], s[DEN + k], log_weight
        )
    for k in range(count):
        saved.peak[pixel[k]], saved.den[pixel[k]] = s[PEAK + k], s[DEN + k]
    for channel in range(len(saved.color)):
        c = corner_colors(colors, face, channel)
        load(s, COLOR, pixel, count, saved.color[channel])
        for k in range(padded(count)):
            face_color = mix(get(s, U + k), c)
            s[COLOR + k] = s[COLOR + k] * s[SHRINK + k] + s[WEIGHT + k] * face_color
        store(s, COLOR, pixel, count, saved.color[channel])


@step
def color_backward(
    s: Array,
    pixel: Array,
    count: int,
    face: int,
    inv_z: Three,
    faces: Faces,
    saved: Saved,
    d_image: Array,
    d_colors: Array,
    o: Dials,
) -> None:
    """Step 2, colour -> D_LOG_WEIGHT and D_U, of all channels together; and d_colors (N, 3, C)."""
    for k in range(padded(count)):
        s[D_LOG_WEIGHT + k] = 0.0
        put(s, D_U + k, (0.0, 0.0, 0.0))
    if len(saved.color) > 0:
        for k in range(count):
            s[PEAK + k], s[DEN + k] = saved.peak[pixel[k]], saved.den[pixel[k]]
        for k in range(padded(count)):
            s[LOG_WEIGHT + k] = log_softmax_weight(s[LOG_D + k], s[Z + k], o)
        for k in range(padded(count)):
            s[SHARE + k] = exp(s[LOG_WEIGHT + k] - s[PEAK + k]) / s[DEN + k]
            put(s, U + k, color_weights(get(s, W + k), inv_z, s[Z + k], o))
    for channel in range(len(saved.color)):
        for k in range(count):
            s[COLOR + k] = saved.color[channel, pixel[k]]
            s[D_COLOR + k] = d_image[pixel[k], channel]
        channel_backward(s, count, face, channel, faces.colors, d_colors)


@step
def channel_backward(
    s: Array, count: int, face: int, channel: int, colors: Array, d_colors: Array
) -> None:
    """One channel: COLOR, D_COLOR -> added to D_LOG_WEIGHT, D_U and d_colors."""
    c = corner_colors(colors, face, channel)
    for k in range(padded(count)):
        u, d_u = get(s, U + k), get(s, D_U + k)
        d_log_weight, d_face_color = softmax_backward(
            s[SHARE + k], mix(u, c), s[COLOR + k], s[D_COLOR + k]
        )
        s[D_LOG_WEIGHT + k] += d_log_weight
        by_c = d_face_color * c[0], d_face_color * c[1], d_face_color * c[2]
        put(s, D_U + k, (d_u[0] + by_c[0], d_u[1] + by_c[1], d_u[2] + by_c[2]))
        d_c = d_face_color * u[0], d_face_color * u[1], d_face_color * u[2]
        put(s, D_CORNER_COLOR + k, d_c)
    d_c0 = d_c1 = d_c2 = 0.0
    for k in range(count):
        d_c = get(s, D_CORNER_COLOR + k)
        d_c0, d_c1, d_c2 = d_c0 + d_c[0], d_c1 + d_c[1], d_c2 + d_c[2]
    d_colors[face, 0, channel] += d_c0
    d_colors[face, 1, channel] += d_c1
    d_colors[face, 2, channel] += d_c2
