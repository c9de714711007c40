"""Rung 4's loops, compiled by numba: forward, and backward. The mathematics of one pair stands in `numba_cpu/pair.py`.

Lanes. A processor can do the same sum for four or eight numbers at once (SIMD), if a loop does nothing but sums: no function that the
compiler cannot look into, no early exit, no writing to places that might be each other. So the pixels of a triangle's box are taken
LANES at a time, row after row of the box (`fill_lanes`), and every step is a short loop over these lanes: fetch what the pixels hold, compute,
put it back. Between two loops the numbers of a lane rest in the scratch array `s`: number Z of lane k is s[Z + k]. Which distribution and which
conorm is asked between loops, not in them; those without a loop of their own (`numba_cpu/gendr.py`) are computed lane after lane.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .boxes import centers, corners
from .gendr import MAX, UNIFORM, alpha_and_slope, join, lift, softness, state_slope
from .pair import (
    Dials,
    barycentric,
    barycentric_backward,
    clip,
    clip_backward,
    color_weights,
    color_weights_backward,
    combine,
    combine_slope,
    counts,
    exp,
    inlined,
    interpolate_depth,
    kernel,
    least_backward,
    log_probability,
    log_probability_slope,
    scalar,
    signed_logit,
    signed_root,
    signed_root_slope,
    squared_distance,
    uniform,
)

Array = Any  # numpy.ndarray; numba compiles for the real types

LANES = (
    64  # pairs that go through a loop together: the scratch array must stay in the fastest cache
)
ROWS = 41  # numbers a lane has room for
# Where they start in `s`. Forward and backward share the first ones; a later step may overwrite what it has read.
(
    X,
    Y,
    V0,
    V1,
    V2,
    W0,
    W1,
    W2,
    P0,
    P1,
    P2,
    Z,
    LOG_WEIGHT,
    PEAK,
    DEN,
    STATE,
    WEIGHT,
    SHRINK,
    COLOR,
    LOGIT,
) = (k * LANES for k in range(20))
INVERSE, LOG_D, LOG_OUTSIDE, SLOPE_D, SLOPE_OUTSIDE, SLOPE_STATE, SHARE = (
    k * LANES for k in range(20, 27)
)
D_STATE, D_LOG_WEIGHT, D_P0, D_P1, D_P2 = (k * LANES for k in range(27, 32))
D_X0, D_Y0, D_X1, D_Y1, D_X2, D_Y2, D_Q0, D_Q1, D_Q2 = (k * LANES for k in range(32, 41))


# ---------------------------------------------------------------- lanes


@inlined
def fill_lanes(
    s: Array,
    at: Array,
    first: int,
    rows: Array,
    columns: Array,
    row: int,
    top: int,
    bottom: int,
    left: int,
    right: int,
) -> int:
    """Pixels first, first + 1, ... of a box, row by row, one a lane: how many there are, X and Y of each, and its number among all pixels -> at.

    columns (W,) and rows (H,) are from `centers`; row is the number of row `top` among the rows of all images.
    """
    wide = right - left
    count = min(LANES, (bottom - top) * wide - first)
    i, j = top + first // wide, left + first % wide
    q = (row + first // wide) * len(columns) + j
    for k in range(count):
        at[k] = q
        s[X + k], s[Y + k] = columns[j], rows[i]
        end = j + 1 == right
        i, j, q = (
            (i + 1 if end else i),
            (left if end else j + 1),
            (q + 1 + len(columns) - wide if end else q + 1),
        )
    return count


# ---------------------------------------------------------------- lanes of any distribution and conorm, one number after another


@scalar
def soften(s: Array, padded: int, count: int, o: Dials) -> None:
    """LOGIT -> LOG_D, LOG_OUTSIDE and their slopes. Two distributions have a loop that takes several lanes at once."""
    if o.logistic:
        for k in range(padded):
            s[LOG_D + k], s[LOG_OUTSIDE + k] = log_probability(s[LOGIT + k])
            s[SLOPE_D + k], s[SLOPE_OUTSIDE + k] = log_probability_slope(s[LOGIT + k])
    elif o.distribution == UNIFORM:
        for k in range(padded):
            s[LOG_D + k], s[LOG_OUTSIDE + k], s[SLOPE_D + k], s[SLOPE_OUTSIDE + k] = uniform(
                s[LOGIT + k]
            )
    else:
        for k in range(count):
            s[LOG_D + k], s[LOG_OUTSIDE + k], s[SLOPE_D + k], s[SLOPE_OUTSIDE + k] = softness(
                s[LOGIT + k], o.distribution, o.shape, o.shift, o.log_gamma
            )


@scalar
def add_face(s: Array, at: Array, winner: Array, n: int, padded: int, count: int, o: Dials) -> None:
    """LOG_D, LOG_OUTSIDE of face n -> STATE; for max, the number of a face that is now the largest -> winner (B * H * W,)."""
    if o.probabilistic:
        for k in range(padded):
            s[STATE + k] += s[LOG_OUTSIDE + k]
        return
    for k in range(count):
        if s[LOG_D + k] > -math.inf:  # D = 0 changes nothing
            lifted = lift(s[LOG_D + k], s[LOG_OUTSIDE + k], o.conorm, o.p)
            if o.conorm == MAX and lifted > s[STATE + k]:
                winner[at[k]] = n
            s[STATE + k] = join(s[STATE + k], lifted, o.conorm)


@scalar
def pull_face(
    s: Array, at: Array, state: Array, winner: Array, n: int, padded: int, count: int, o: Dials
) -> None:
    """LOG_D, LOG_OUTSIDE and their slopes of face n, and the pixels' state (B * H * W,) -> SLOPE_STATE."""
    if o.probabilistic:
        for k in range(padded):
            s[SLOPE_STATE + k] = s[SLOPE_OUTSIDE + k]
        return
    for k in range(count):
        if o.conorm == MAX and winner[at[k]] != n:
            s[SLOPE_STATE + k] = 0.0
        else:
            s[SLOPE_STATE + k] = state_slope(
                s[LOG_D + k],
                s[LOG_OUTSIDE + k],
                s[SLOPE_D + k],
                s[SLOPE_OUTSIDE + k],
                state[at[k]],
                o.conorm,
                o.p,
            )


# ---------------------------------------------------------------- forward


@kernel
def forward_rows(
    start: int,
    stop: int,
    triangles: Array,
    colors: Array,
    box: Array,
    peak: Array,
    den: Array,
    state: Array,
    winner: Array,
    color: Array,
    image: Array,
    o: Dials,
) -> None:
    """Draw rows start ... stop of the B * H rows of all images.

    triangles (B * F, 3, 3), colors (B * F, 3, C), box (B * F, 4) -> image (B * H * W, C + 1). What the backward pass needs stays in
    peak, den, state (B * H * W,) and color (C, B * H * W), float64. They come in as if the background had been the first face:
    peak = log of its weight, den = 1, color = background; state, the conorm's number, as that of no face. For the conorm max, winner
    (B * H * W,) keeps each pixel's face; else it is empty.
    """
    channels = len(color)
    images = len(peak) // (o.height * o.width)
    faces = len(triangles) // max(images, 1)
    s, at = np.empty(ROWS * LANES), np.empty(LANES, np.int64)
    columns, rows = centers(o)
    for image_index in range(start // o.height, (stop + o.height - 1) // o.height):
        first_row = image_index * o.height  # of this image among all rows
        for n in range(image_index * faces, (image_index + 1) * faces):
            top, bottom = max(box[n, 0], start - first_row), min(box[n, 1], stop - first_row)
            if top >= bottom:
                continue
            a, b, c, inverse_z = corners(triangles, n)
            left, right = box[n, 2], box[n, 3]
            for first in range(0, (bottom - top) * (right - left), LANES):
                count = fill_lanes(
                    s, at, first, rows, columns, first_row + top, top, bottom, left, right
                )
                padded = (
                    count + -count % 4
                )  # so that four lanes at a time come out even; what the lanes after `count` hold is never read
                for k in range(count):
                    s[STATE + k] = state[at[k]]
                for k in range(padded):
                    v = barycentric(s[X + k], s[Y + k], a, b, c)
                    d2, _, _ = squared_distance(s[X + k], s[Y + k], a, b, c, v, o)
                    logit = signed_logit(d2, v, o)
                    w, _ = clip(v)
                    z = interpolate_depth(w, inverse_z)
                    s[LOGIT + k] = (
                        logit if counts(logit, z, o) else -math.inf
                    )  # D = 0: then the pair adds nothing, without more ado
                    s[Z + k] = z
                    s[P0 + k], s[P1 + k], s[P2 + k] = color_weights(w, inverse_z, z, o)
                if not o.squared:
                    for k in range(padded):
                        s[LOGIT + k] = signed_root(s[LOGIT + k], o)
                if o.logistic and o.probabilistic:
                    for k in range(padded):
                        log_d, log_outside = log_probability(s[LOGIT + k])
                        s[STATE + k] += log_outside
                        s[LOG_WEIGHT + k] = log_d + (o.near - s[Z + k]) / (
                            (o.far - o.near) * o.gamma
                        )
                else:
                    soften(s, padded, count, o)
                    add_face(s, at, winner, n, padded, count, o)
                    for k in range(padded):
                        s[LOG_WEIGHT + k] = s[LOG_D + k] + (o.near - s[Z + k]) / (
                            (o.far - o.near) * o.gamma
                        )
                for k in range(count):
                    state[at[k]] = s[STATE + k]
                if channels == 0:
                    continue

                # The online softmax: den and color are sums of exp(log_weight - peak) * (1 and C), peak the largest so far.
                for k in range(count):
                    s[PEAK + k], s[DEN + k] = peak[at[k]], den[at[k]]
                for k in range(padded):
                    rise = s[LOG_WEIGHT + k] - s[PEAK + k]
                    small = exp(
                        -abs(rise)
                    )  # either what was summed before shrinks by it, or the new weight is it
                    s[WEIGHT + k] = 1.0 if rise > 0 else small
                    s[SHRINK + k] = small if rise > 0 else 1.0
                    s[PEAK + k] = max(s[PEAK + k], s[LOG_WEIGHT + k])
                    s[DEN + k] = s[DEN + k] * s[SHRINK + k] + s[WEIGHT + k]
                for k in range(count):
                    peak[at[k]], den[at[k]] = s[PEAK + k], s[DEN + k]
                for m in range(channels):
                    c0, c1, c2 = (
                        np.float64(colors[n, 0, m]),
                        np.float64(colors[n, 1, m]),
                        np.float64(colors[n, 2, m]),
                    )
                    for k in range(count):
                        s[COLOR + k] = color[m, at[k]]
                    for k in range(padded):
                        face_color = s[P0 + k] * c0 + s[P1 + k] * c1 + s[P2 + k] * c2
                        s[COLOR + k] = s[COLOR + k] * s[SHRINK + k] + s[WEIGHT + k] * face_color
                    for k in range(count):
                        color[m, at[k]] = s[COLOR + k]

    for q in range(start * o.width, stop * o.width):
        for m in range(channels):
            color[m, q] /= den[q]
            image[q, m] = color[m, q]
        image[q, channels] = combine(state[q])
    if not o.probabilistic:
        for q in range(start * o.width, stop * o.width):
            image[q, channels], _ = alpha_and_slope(state[q], o.conorm, o.p)


# ---------------------------------------------------------------- backward, from the end of the chain to its start


@kernel
def backward_alpha(d_image: Array, state: Array, d_state: Array, o: Dials) -> None:
    """alpha -> state: d_image (B * H * W, C + 1), of which this is the last channel -> d_state (B * H * W,)."""
    pixels, channels = d_image.shape
    for q in range(pixels):
        d_state[q] = d_image[q, channels - 1] * combine_slope(state[q])
    if not o.probabilistic:
        for q in range(pixels):
            _, slope = alpha_and_slope(state[q], o.conorm, o.p)
            d_state[q] = d_image[q, channels - 1] * slope


@kernel
def backward_faces(
    start: int,
    stop: int,
    triangles: Array,
    colors: Array,
    box: Array,
    peak: Array,
    den: Array,
    state: Array,
    winner: Array,
    color: Array,
    d_image: Array,
    d_state: Array,
    d_triangles: Array,
    d_colors: Array,
    corners_wanted: bool,
    o: Dials,
) -> None:
    """Gradients of triangles start ... stop of the B * F of all images -> d_triangles (B * F, 3, 3), d_colors (B * F, 3, C), which come in as 0.

    The other shapes are as in `forward_rows`, and peak, den, state, winner, color as it left them.
    """
    channels = len(color)
    images = len(peak) // (o.height * o.width)
    faces = len(triangles) // max(images, 1)
    s, at = np.empty(ROWS * LANES), np.empty(LANES, np.int64)
    columns, rows = centers(o)
    for n in range(start, stop):
        top, bottom, left, right = box[n, 0], box[n, 1], box[n, 2], box[n, 3]
        if top == bottom:
            continue
        a, b, c, inverse_z = corners(triangles, n)
        x0_sum = y0_sum = x1_sum = y1_sum = x2_sum = y2_sum = 0.0
        q0_sum = q1_sum = q2_sum = 0.0  # of 1 / z_k
        for first in range(0, (bottom - top) * (right - left), LANES):
            count = fill_lanes(
                s, at, first, rows, columns, n // faces * o.height + top, top, bottom, left, right
            )
            padded = count + -count % 4

            # The forward pass once more.
            for k in range(count):
                s[D_STATE + k] = d_state[at[k]]
                if channels > 0:
                    s[PEAK + k], s[DEN + k] = peak[at[k]], den[at[k]]
            for k in range(padded):
                v = barycentric(s[X + k], s[Y + k], a, b, c)
                d2, _, _ = squared_distance(s[X + k], s[Y + k], a, b, c, v, o)
                logit = signed_logit(d2, v, o)
                w, inverse = clip(v)
                z = interpolate_depth(w, inverse_z)
                s[LOGIT + k] = logit if counts(logit, z, o) else -math.inf
                s[V0 + k], s[V1 + k], s[V2 + k] = v
                s[W0 + k], s[W1 + k], s[W2 + k] = w
                s[Z + k], s[INVERSE + k] = z, inverse
            if not o.squared:
                for k in range(padded):
                    s[LOGIT + k] = signed_root(s[LOGIT + k], o)
            if o.logistic and o.probabilistic:
                for k in range(padded):
                    s[SLOPE_D + k], s[SLOPE_STATE + k] = log_probability_slope(s[LOGIT + k])
            else:
                soften(s, padded, count, o)
                pull_face(s, at, state, winner, n, padded, count, o)
            if not o.squared:
                for k in range(padded):
                    slope = signed_root_slope(s[LOGIT + k], o)
                    s[SLOPE_D + k] *= slope
                    s[SLOPE_STATE + k] *= slope

            # A_S: color = sum_j share_j C_j, where share_j = exp(log_weight_j - peak) / den. So d color / d C_j = share_j, and the
            # softmax's derivative is d color / d log_weight_j = share_j (C_j - color): a face pulls towards its own colour.
            for k in range(padded):
                s[D_LOG_WEIGHT + k] = s[D_P0 + k] = s[D_P1 + k] = s[D_P2 + k] = 0.0
            if channels > 0:
                if o.logistic:
                    for k in range(padded):
                        s[LOG_D + k], _ = log_probability(s[LOGIT + k])
                for k in range(padded):
                    s[LOG_WEIGHT + k] = s[LOG_D + k] + (o.near - s[Z + k]) / (
                        (o.far - o.near) * o.gamma
                    )
                for k in range(padded):
                    s[SHARE + k] = exp(s[LOG_WEIGHT + k] - s[PEAK + k]) / s[DEN + k]
                    s[P0 + k], s[P1 + k], s[P2 + k] = color_weights(
                        (s[W0 + k], s[W1 + k], s[W2 + k]), inverse_z, s[Z + k], o
                    )
            for m in range(channels):
                c0, c1, c2 = (
                    np.float64(colors[n, 0, m]),
                    np.float64(colors[n, 1, m]),
                    np.float64(colors[n, 2, m]),
                )
                for k in range(count):
                    s[COLOR + k], s[WEIGHT + k] = color[m, at[k]], d_image[at[k], m]
                for k in range(padded):
                    face_color = s[P0 + k] * c0 + s[P1 + k] * c1 + s[P2 + k] * c2
                    d_face_color = s[SHARE + k] * s[WEIGHT + k]
                    s[D_LOG_WEIGHT + k] += d_face_color * (face_color - s[COLOR + k])
                    s[D_P0 + k] += d_face_color * c0
                    s[D_P1 + k] += d_face_color * c1
                    s[D_P2 + k] += d_face_color * c2
                    s[D_X0 + k] = d_face_color * s[P0 + k]
                    s[D_X1 + k] = d_face_color * s[P1 + k]
                    s[D_X2 + k] = d_face_color * s[P2 + k]
                c0_sum = c1_sum = c2_sum = 0.0
                for k in range(count):
                    c0_sum += s[D_X0 + k]
                    c1_sum += s[D_X1 + k]
                    c2_sum += s[D_X2 + k]
                d_colors[n, 0, m] += c0_sum
                d_colors[n, 1, m] += c1_sum
                d_colors[n, 2, m] += c2_sum
            if not corners_wanted:
                continue

            for k in range(padded):
                v = s[V0 + k], s[V1 + k], s[V2 + k]
                w = s[W0 + k], s[W1 + k], s[W2 + k]
                z = s[Z + k]
                # log_weight = log D + (near - z) / ((far - near) gamma), and A_O's state is the sum of log(1 - D), or another conorm's.
                d_logit = s[D_LOG_WEIGHT + k] * s[SLOPE_D + k] + s[D_STATE + k] * s[SLOPE_STATE + k]
                d_z = -s[D_LOG_WEIGHT + k] / ((o.far - o.near) * o.gamma)

                # z = 1 / sum(w_k q_k), q_k = 1 / z_k, of slope -z**2 in the sum. (Without colours, all of this is 0: alpha knows no depth.)
                d_w, d_q, more_d_z = color_weights_backward(
                    (s[D_P0 + k], s[D_P1 + k], s[D_P2 + k]), w, inverse_z, z, o
                )
                d_sum = -(d_z + more_d_z) * z * z
                s[D_Q0 + k] = d_q[0] + d_sum * w[0]
                s[D_Q1 + k] = d_q[1] + d_sum * w[1]
                s[D_Q2 + k] = d_q[2] + d_sum * w[2]
                d_w = (
                    d_w[0] + d_sum * inverse_z[0],
                    d_w[1] + d_sum * inverse_z[1],
                    d_w[2] + d_sum * inverse_z[2],
                )
                d_v = clip_backward(d_w, v, w, s[INVERSE + k])

                # d2 = |gap|**2, gap = pixel - (lever0 a + lever1 b + lever2 c). When a corner moves, the levers change too, but that does
                # not change d2 to first order, for d2 is at its minimum (the envelope theorem): d d2 / d corner_k = -2 lever_k gap.
                _, gap, levers = squared_distance(s[X + k], s[Y + k], a, b, c, v, o)
                d_d2 = signed_logit(
                    d_logit, v, o
                )  # logit = +-d2 / sigma is linear, and so is its own derivative
                push = 2 * d_d2 * gap[0], 2 * d_d2 * gap[1]
                d_v = d_v if o.euclidean else least_backward(d_d2, d_v, v)

                # The weights v do not change when pixel and triangle move together. When corner k moves by s, the point of the triangle under
                # the pixel moves by v_k s, as if the pixel had moved by -v_k s: d v / d corner_k = -v_k d v / d pixel.
                pull = barycentric_backward(d_v, a, b, c)
                s[D_X0 + k] = levers[0] * push[0] + v[0] * pull[0]
                s[D_Y0 + k] = levers[0] * push[1] + v[0] * pull[1]
                s[D_X1 + k] = levers[1] * push[0] + v[1] * pull[0]
                s[D_Y1 + k] = levers[1] * push[1] + v[1] * pull[1]
                s[D_X2 + k] = levers[2] * push[0] + v[2] * pull[0]
                s[D_Y2 + k] = levers[2] * push[1] + v[2] * pull[1]
            for k in range(count):
                x0_sum -= s[D_X0 + k]
                y0_sum -= s[D_Y0 + k]
                x1_sum -= s[D_X1 + k]
                y1_sum -= s[D_Y1 + k]
                x2_sum -= s[D_X2 + k]
                y2_sum -= s[D_Y2 + k]
                q0_sum += s[D_Q0 + k]
                q1_sum += s[D_Q1 + k]
                q2_sum += s[D_Q2 + k]

        if corners_wanted:  # d (1 / z_k) / d z_k = -(1 / z_k)**2
            d_triangles[n, 0, 0], d_triangles[n, 0, 1], d_triangles[n, 0, 2] = (
                x0_sum,
                y0_sum,
                -q0_sum * inverse_z[0] * inverse_z[0],
            )
            d_triangles[n, 1, 0], d_triangles[n, 1, 1], d_triangles[n, 1, 2] = (
                x1_sum,
                y1_sum,
                -q1_sum * inverse_z[1] * inverse_z[1],
            )
            d_triangles[n, 2, 0], d_triangles[n, 2, 1], d_triangles[n, 2, 2] = (
                x2_sum,
                y2_sum,
                -q2_sum * inverse_z[2] * inverse_z[2],
            )
