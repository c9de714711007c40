"""The two loops over faces and pixels, and the steps that they are made of.

    forward_rows         for each face, for LANES pixels of its box at a time:
        fill_lanes, pair_lanes      which pixels; weights, depth, logit
        aggregate_silhouette        A_O: log(1 - D) is added                       silhouette.py
        aggregate_color             A_S: one step of the online softmax            color.py
    backward_faces       the same pairs once more, then from the image to the corners:
        aggregate_silhouette_backward, color_backward
        pair_backward               log weight -> logit, depth -> w -> v -> corners

The mathematics of one pair stands in `pair.py`, what a lane is in `lanes.py`.
"""

from __future__ import annotations

import numpy as np

from .boxes import centers, corners
from .color import aggregate_color, color_backward
from .compiling import Array, DFaces, Dials, Faces, Point, Saved, Three, kernel, step
from .lanes import (
    D_INV_Z,
    D_LIFT_SUM,
    D_LOG_WEIGHT,
    D_U,
    D_X,
    D_Y,
    INV_W_SUM,
    LANES,
    LOGIT,
    ROWS,
    SLOPE_D,
    SLOPE_LIFT,
    U,
    V,
    W,
    X,
    Y,
    Z,
    fill_lanes,
    get,
    load,
    padded,
    put,
)
from .pair import (
    clip_barycentric_backward,
    color_weights,
    corners_backward,
    depth_backward,
    pair_forward,
    squared_distance,
)
from .silhouette import (
    aggregate_silhouette,
    aggregate_silhouette_backward,
    alphas,
    alphas_backward,
)
from .texture import around_lanes

Nine = tuple[float, float, float, float, float, float, float, float, float]


# ---------------------------------------------------------------- forward


@step
def pair_lanes(s: Array, count: int, a: Point, b: Point, c: Point, inv_z: Three, o: Dials) -> None:
    """X, Y -> LOGIT, Z, U."""
    for k in range(padded(count)):
        logit, _, w, _, z = pair_forward(s[X + k], s[Y + k], a, b, c, inv_z, o)
        s[LOGIT + k], s[Z + k] = logit, z
        put(s, U + k, color_weights(w, inv_z, z, o))


@step
def finish_pixels(start: int, stop: int, saved: Saved, image: Array, o: Dials) -> None:
    """Pixels start ... stop: `color` is divided by `den`, and color and alpha go into the image."""
    for pixel in range(start, stop):
        for channel in range(len(saved.color)):
            saved.color[channel, pixel] /= saved.den[pixel]
            image[pixel, channel] = saved.color[channel, pixel]
    alphas(start, stop, saved, image, o)


@kernel
def forward_rows(start: int, stop: int, faces: Faces, saved: Saved, image: Array, o: Dials) -> None:
    """Draw rows start ... stop of the B * H rows of all images -> image (B * H * W, C + 1).

    `saved` comes in as if the background had been the first face: peak is the log of its weight,
    den is 1, color its colour; lift_sum is that of no face. The backward pass reads it afterwards.
    """
    images = len(saved.peak) // (o.height * o.width)
    faces_an_image = len(faces.triangles) // max(images, 1)
    s, pixel, around = np.zeros(ROWS * LANES), np.empty(LANES, np.int64), around_lanes()
    columns, rows = centers(o)
    for image_index in range(start // o.height, (stop + o.height - 1) // o.height):
        first_row = image_index * o.height  # of this image among all rows
        for n in range(image_index * faces_an_image, (image_index + 1) * faces_an_image):
            top = max(faces.box[n, 0], start - first_row)
            bottom = min(faces.box[n, 1], stop - first_row)
            left, right = faces.box[n, 2], faces.box[n, 3]
            if top >= bottom:
                continue
            a, b, c, inv_z = corners(faces.triangles, n)
            box = top, bottom, left, right
            for first in range(0, (bottom - top) * (right - left), LANES):
                count = fill_lanes(s, pixel, first, box, first_row, columns, rows)
                pair_lanes(s, count, a, b, c, inv_z, o)
                aggregate_silhouette(s, pixel, count, n, saved, o)
                if len(saved.color) > 0:
                    aggregate_color(s, pixel, around, count, n, faces, saved, o)
    finish_pixels(start * o.width, stop * o.width, saved, image, o)


# ---------------------------------------------------------------- backward: image to corners


@kernel
def backward_alpha(d_image: Array, lift_sum: Array, d_lift_sum: Array, o: Dials) -> None:
    """alpha -> lift_sum (B * H * W,), once a pixel: alpha is the last channel of the image."""
    alphas_backward(d_image, lift_sum, d_lift_sum, o)


@step
def pair_lanes_again(
    s: Array, count: int, a: Point, b: Point, c: Point, inv_z: Three, o: Dials
) -> None:
    """The forward pass once more: X, Y -> LOGIT, V, W, INV_W_SUM, Z."""
    for k in range(padded(count)):
        logit, v, w, inv_w_sum, z = pair_forward(s[X + k], s[Y + k], a, b, c, inv_z, o)
        put(s, V + k, v)
        put(s, W + k, w)
        s[LOGIT + k], s[INV_W_SUM + k], s[Z + k] = logit, inv_w_sum, z


@step
def pair_backward(
    s: Array, count: int, a: Point, b: Point, c: Point, inv_z: Three, o: Dials
) -> None:
    """D_LOG_WEIGHT, D_LIFT_SUM, D_U -> D_X, D_Y, D_INV_Z of the corners: steps 3 to 6."""
    for k in range(padded(count)):
        v, w, z = get(s, V + k), get(s, W + k), s[Z + k]
        # log_weight = log D + (near - z) / ((far - near) gamma), and lift_sum is a sum over faces.
        d_logit = s[D_LOG_WEIGHT + k] * s[SLOPE_D + k] + s[D_LIFT_SUM + k] * s[SLOPE_LIFT + k]
        d_z = -s[D_LOG_WEIGHT + k] / ((o.far - o.near) * o.gamma)
        d_w, d_inv_z = depth_backward(d_z, get(s, D_U + k), w, inv_z, z, o)
        d_v = clip_barycentric_backward(d_w, v, w, s[INV_W_SUM + k])
        _, gap, levers = squared_distance(s[X + k], s[Y + k], a, b, c, v, o)
        d_x, d_y = corners_backward(d_logit, d_v, v, gap, levers, a, b, c, o)
        put(s, D_X + k, d_x)
        put(s, D_Y + k, d_y)
        put(s, D_INV_Z + k, d_inv_z)


@step
def sum_lanes(s: Array, count: int, sums: Nine) -> Nine:
    """D_X, D_Y, D_INV_Z of all lanes, added to sums.

    One loop: the nine sums do not wait for each other.
    """
    x0, x1, x2, y0, y1, y2, inv_z0, inv_z1, inv_z2 = sums
    for k in range(count):
        d_x, d_y, d_inv_z = get(s, D_X + k), get(s, D_Y + k), get(s, D_INV_Z + k)
        x0, x1, x2 = x0 + d_x[0], x1 + d_x[1], x2 + d_x[2]
        y0, y1, y2 = y0 + d_y[0], y1 + d_y[1], y2 + d_y[2]
        inv_z0, inv_z1, inv_z2 = inv_z0 + d_inv_z[0], inv_z1 + d_inv_z[1], inv_z2 + d_inv_z[2]
    return x0, x1, x2, y0, y1, y2, inv_z0, inv_z1, inv_z2


@kernel
def backward_faces(
    start: int,
    stop: int,
    faces: Faces,
    saved: Saved,
    d_image: Array,
    d_lift_sum: Array,
    d_faces: DFaces,
    corners_wanted: bool,
    through_weights: bool,
    o: Dials,
) -> None:
    """Gradients of triangles start ... stop -> d_faces.

    `saved` is as `forward_rows` left it, d_image (B * H * W, C + 1), d_lift_sum from
    `backward_alpha`. corners_wanted=False leaves out d_faces.triangles.
    through_weights=False leaves out step 5, as the official CUDA kernel does: nothing flows from
    colour and depth through the weights to the corners' x and y.
    """
    images = len(saved.peak) // (o.height * o.width)
    faces_an_image = len(faces.triangles) // max(images, 1)
    s, pixel, around = np.zeros(ROWS * LANES), np.empty(LANES, np.int64), around_lanes()
    columns, rows = centers(o)
    for n in range(start, stop):
        box = faces.box[n, 0], faces.box[n, 1], faces.box[n, 2], faces.box[n, 3]
        top, bottom, left, right = box
        if top == bottom:
            continue
        a, b, c, inv_z = corners(faces.triangles, n)
        first_row = n // faces_an_image * o.height
        sums = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        for first in range(0, (bottom - top) * (right - left), LANES):
            count = fill_lanes(s, pixel, first, box, first_row, columns, rows)
            load(s, D_LIFT_SUM, pixel, count, d_lift_sum)
            pair_lanes_again(s, count, a, b, c, inv_z, o)
            aggregate_silhouette_backward(s, pixel, count, n, saved, o)
            color_backward(s, pixel, around, count, n, inv_z, faces, saved, d_image, d_faces, o)
            if corners_wanted:
                if not through_weights:
                    s[INV_W_SUM : INV_W_SUM + LANES] = 0.0  # what d_v is multiplied by
                pair_backward(s, count, a, b, c, inv_z, o)
                sums = sum_lanes(s, count, sums)
        if corners_wanted:
            x0, x1, x2, y0, y1, y2, inv_z0, inv_z1, inv_z2 = sums
            z0, z1, z2 = (  # d (1 / z_k) / d z_k = -(1 / z_k)**2
                -inv_z0 * inv_z[0] * inv_z[0],
                -inv_z1 * inv_z[1] * inv_z[1],
                -inv_z2 * inv_z[2] * inv_z[2],
            )
            d_triangles = d_faces.triangles
            d_triangles[n, 0, 0], d_triangles[n, 0, 1], d_triangles[n, 0, 2] = x0, y0, z0
            d_triangles[n, 1, 0], d_triangles[n, 1, 1], d_triangles[n, 1, 2] = x1, y1, z1
            d_triangles[n, 2, 0], d_triangles[n, 2, 1], d_triangles[n, 2, 2] = x2, y2, z2
