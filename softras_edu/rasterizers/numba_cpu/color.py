"""The colour aggregate A_S over lanes, forward and backward.

It is the softmax of all faces of a pixel and the background, weighted by D exp(zn / gamma), times
their colours; one step of the online softmax a face.
"""

from __future__ import annotations

from .compiling import Array, DFaces, Dials, Faces, Saved, Three, step
from .lanes import (
    COLOR,
    D_COLOR,
    D_DOWN,
    D_LOG_WEIGHT,
    D_RIGHT,
    D_U,
    DEN,
    DOWN,
    FACTOR,
    LOG_D,
    PEAK,
    RIGHT,
    SHARE,
    SHRINK,
    TEXEL,
    WEIGHT,
    U,
    W,
    Z,
    get,
    load,
    padded,
    plus,
    put,
    store,
)
from .numbers import exp
from .pair import color_weights, log_softmax_weight, mix, online_softmax_step, softmax_backward
from .texture import (
    Around,
    add_to_texels,
    blend,
    corner_numbers,
    fetch_texels,
    find_texels,
    find_texels_backward,
    four,
    textured_channel_backward,
)


@step
def load_softmax(s: Array, group: Array, count: int, saved: Saved) -> None:
    """The pixels' peak and den -> PEAK, DEN.

    Long before they are used: what was written by fours can be read by eights only when it has
    reached the cache.
    """
    if len(saved.color) > 0:
        load(s, PEAK, group, count, saved.peak)
        load(s, DEN, group, count, saved.den)


@step
def aggregate_color(
    s: Array,
    group: Array,
    around: Around,
    count: int,
    face: int,
    faces: Faces,
    saved: Saved,
    o: Dials,
) -> None:
    """One face more: LOG_D, Z, U, PEAK, DEN and its colours -> the pixels' peak, den and color.

    den and color are the sums of exp(log_weight - peak) times 1 and C, peak the largest log weight
    so far.
    """
    weigh_lanes(s, count, o)
    store(s, PEAK, group, count, saved.peak)
    store(s, DEN, group, count, saved.den)
    textured, many = len(faces.where) > 0, 0
    if textured:
        many = find_texels(s, around, count, WEIGHT, face, faces)
    for channel in range(len(saved.color)):
        c = corner_numbers(faces.colors, face, channel)
        load(s, COLOR, group, count, saved.color[channel])
        if textured:
            fetch_texels(s, around, many, channel, faces.texels)
            for k in range(padded(count)):
                texture = blend(four(s, TEXEL + k), s[RIGHT + k], s[DOWN + k])
                face_color = mix(get(s, U + k), c) * texture
                s[COLOR + k] = s[COLOR + k] * s[SHRINK + k] + s[WEIGHT + k] * face_color
        else:
            mix_lanes(s, count, c)
        store(s, COLOR, group, count, saved.color[channel])


@step
def weigh_lanes(s: Array, count: int, o: Dials) -> None:
    """LOG_D, Z, PEAK, DEN -> PEAK, DEN, SHRINK, WEIGHT: a step of the online softmax."""
    for k in range(padded(count)):
        log_weight = log_softmax_weight(s[LOG_D + k], s[Z + k], o)
        s[PEAK + k], s[DEN + k], s[SHRINK + k], s[WEIGHT + k] = online_softmax_step(
            s[PEAK + k], s[DEN + k], log_weight
        )


@step
def mix_lanes(s: Array, count: int, c: Three) -> None:
    """One channel without a texture: U, SHRINK, WEIGHT -> the face is added to COLOR."""
    for k in range(padded(count)):
        face_color = mix(get(s, U + k), c)
        s[COLOR + k] = s[COLOR + k] * s[SHRINK + k] + s[WEIGHT + k] * face_color


@step
def share_lanes(s: Array, count: int, inv_z: Three, o: Dials) -> None:
    """LOG_D, FACTOR, Z, W, PEAK, DEN -> SHARE, U."""
    for k in range(padded(count)):
        log_weight = log_softmax_weight(s[LOG_D + k], s[Z + k], o)
        share = exp(log_weight - s[PEAK + k]) * s[DEN + k]  # which is 1 / den by now
        s[SHARE + k] = share * s[FACTOR + k]
        put(s, U + k, color_weights(get(s, W + k), inv_z, s[Z + k], o))


@step
def color_backward(
    s: Array,
    group: Array,
    around: Around,
    count: int,
    face: int,
    inv_z: Three,
    faces: Faces,
    saved: Saved,
    d_pixels: Array,
    d_faces: DFaces,
    o: Dials,
) -> None:
    """Step 2, colour -> D_LOG_WEIGHT and D_U, of all channels together; and d_faces.colors."""
    textured, many = len(faces.where) > 0, 0
    if len(saved.color) > 0:
        share_lanes(s, count, inv_z, o)
    for k in range(padded(count)):
        s[D_LOG_WEIGHT + k] = 0.0
        put(s, D_U + k, (0.0, 0.0, 0.0))
    if textured:
        many = find_texels(s, around, count, SHARE, face, faces)
        for k in range(padded(count)):
            s[D_RIGHT + k], s[D_DOWN + k] = 0.0, 0.0
    for channel in range(len(saved.color)):
        load(s, COLOR, group, count, saved.color[channel])
        load(s, D_COLOR, group, count, d_pixels[channel])
        c = corner_numbers(faces.colors, face, channel)
        if textured:
            fetch_texels(s, around, many, channel, faces.texels)
            d_c = textured_channel_backward(s, count, c)
            if len(d_faces.texels) > 0:
                add_to_texels(s, around, many, channel, d_faces.texels)
        else:
            d_c = channel_backward(s, count, c)
        d_faces.colors[face, 0, channel] += d_c[0]
        d_faces.colors[face, 1, channel] += d_c[1]
        d_faces.colors[face, 2, channel] += d_c[2]
    if textured:
        find_texels_backward(s, count, face, faces, d_faces)


@step
def channel_backward(s: Array, count: int, c: Three) -> Three:
    """One channel: COLOR, D_COLOR -> added to D_LOG_WEIGHT and D_U; and the corner colours'."""
    d_c0 = d_c1 = d_c2 = 0.0
    for k in range(padded(count)):
        u, d_u = get(s, U + k), get(s, D_U + k)
        d_log_weight, d_face_color = softmax_backward(
            s[SHARE + k], mix(u, c), s[COLOR + k], s[D_COLOR + k]
        )
        s[D_LOG_WEIGHT + k] += d_log_weight
        by_c = d_face_color * c[0], d_face_color * c[1], d_face_color * c[2]
        put(s, D_U + k, (d_u[0] + by_c[0], d_u[1] + by_c[1], d_u[2] + by_c[2]))
        d_c0, d_c1 = plus(d_c0, d_face_color * u[0]), plus(d_c1, d_face_color * u[1])
        d_c2 = plus(d_c2, d_face_color * u[2])
    return d_c0, d_c1, d_c2
