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

from .boxes import centers, corners, sides_of
from .color import aggregate_color, color_backward, load_softmax
from .compiling import (
    GROUP,
    Array,
    DFaces,
    Dials,
    Faces,
    Point,
    Saved,
    Three,
    kernel,
    step,
)
from .conorms import MAX
from .lanes import (
    D_LIFT_SUM,
    D_LOG_WEIGHT,
    D_U,
    GAP,
    INV_W_SUM,
    LANES,
    LEVERS,
    LIFT_SUM,
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
    blank_groups,
    fill_lanes,
    get,
    get_point,
    load,
    padded,
    plus,
    put,
    put_point,
)
from .pair import (
    clip_barycentric_backward,
    color_weights,
    corners_backward,
    depth_backward,
    pair_forward,
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
        logit, _, w, _, z, _, _ = pair_forward(s[X + k], s[Y + k], a, b, c, inv_z, o)
        s[LOGIT + k], s[Z + k] = logit, z
        put(s, U + k, color_weights(w, inv_z, z, o))


@step
def start_pixels(start: int, stop: int, background: Array, saved: Saved, o: Dials) -> None:
    """Rows start ... stop of pixels as if the background were the first face."""
    for i in range(start, stop):
        here = slice(i * o.pitch, (i + 1) * o.pitch)
        saved.peak[here] = o.log_background
        saved.den[here] = 1.0
        saved.lift_sum[here] = o.no_faces
        if o.conorm == MAX:
            saved.winner[here] = -1
        row = i if len(background) > 1 else 0
        for channel in range(len(saved.color)):
            color = saved.color[channel][here]
            color[:] = background[row, 0, channel]
            if background.shape[1] > 1:
                for j in range(o.width):
                    color[j] = background[row, j, channel]


@step
def finish_pixels(start: int, stop: int, saved: Saved, image: Array, o: Dials) -> None:
    """Rows start ... stop of pixels: `den` becomes 1 / den and multiplies `color`; color and alpha
    go into the image.
    """
    for i in range(start, stop):
        here = slice(i * o.pitch, (i + 1) * o.pitch)
        den = saved.den[here]  # a slice: its index cannot count from the end
        for j in range(o.pitch):
            den[j] = 1 / den[j]
        for channel in range(len(saved.color)):
            color = saved.color[channel][here]
            for j in range(o.pitch):
                color[j] *= den[j]
            for j in range(o.width):
                image[i, j, channel] = color[j]
    alphas(start, stop, saved, image, o)


@kernel
def forward_rows(
    start: int,
    stop: int,
    faces: Faces,
    background: Array,
    saved: Saved,
    image: Array,
    o: Dials,
) -> None:
    """Draw rows start ... stop of the B * H rows of all images -> image (B * H, W, C + 1).

    background (B * H, W, C), or (1, 1, C) for one colour. `saved` starts as if it had been the
    first face: peak is the log of its weight, den is 1, color its colour; lift_sum is that of no
    face. The backward pass reads it afterwards.
    """
    faces_an_image = len(faces.triangles) // max(len(image) // o.height, 1)
    s, group, around = np.zeros(ROWS * LANES), blank_groups(saved.peak), around_lanes()
    columns, rows = centers(o)
    start_pixels(start, stop, background, saved, o)
    for image_index in range(start // o.height, (stop + o.height - 1) // o.height):
        first_row = image_index * o.height  # of this image among all rows
        for n in range(image_index * faces_an_image, (image_index + 1) * faces_an_image):
            top = max(faces.box[n, 0], start - first_row)
            bottom = min(faces.box[n, 1], stop - first_row)
            if top >= bottom:
                continue
            a, b, c, inv_z = corners(faces.triangles, n)
            box = top, bottom, faces.box[n, 2], faces.box[n, 3]
            sides, cursor = sides_of(a, b, c, o), (top - 1, 0, 0)
            while True:
                count, cursor = fill_lanes(s, group, cursor, box, sides, first_row, columns, rows)
                if count == 0:
                    break
                load(s, LIFT_SUM, group, count, saved.lift_sum)
                load_softmax(s, group, count, saved)
                pair_lanes(s, count, a, b, c, inv_z, o)
                aggregate_silhouette(s, group, count, n, saved, o)
                if len(saved.color) > 0:
                    aggregate_color(s, group, around, count, n, faces, saved, o)
    finish_pixels(start, stop, saved, image, o)


# ---------------------------------------------------------------- backward: image to corners


@kernel
def backward_pixels(
    start: int, stop: int, d_image: Array, lift_sum: Array, d_pixels: Array, o: Dials
) -> None:
    """Rows start ... stop of d_image (B * H, W, C + 1) -> d_pixels (C + 1, P): once a pixel,
    channel by channel as `Saved.color` is, and alpha -> lift_sum in the last one.
    """
    for channel in range(len(d_pixels) - 1):
        for i in range(start, stop):
            for j in range(o.width):
                d_pixels[channel, i * o.pitch + j] = d_image[i, j, channel]
    alphas_backward(start, stop, d_image, lift_sum, d_pixels[-1], o)
    for channel in range(len(d_pixels)):
        for i in range(start, stop):
            for pixel in range(i * o.pitch + o.width, (i + 1) * o.pitch):
                d_pixels[channel, pixel] = 0.0  # behind the image


@step
def pair_lanes_again(
    s: Array, count: int, a: Point, b: Point, c: Point, inv_z: Three, o: Dials
) -> None:
    """The forward pass once more: X, Y -> LOGIT, V, W, INV_W_SUM, Z, GAP, LEVERS."""
    for k in range(padded(count)):
        logit, v, w, inv_w_sum, z, gap, levers = pair_forward(s[X + k], s[Y + k], a, b, c, inv_z, o)
        put(s, V + k, v)
        put(s, W + k, w)
        put_point(s, GAP + k, gap)
        put(s, LEVERS + k, levers)
        s[LOGIT + k], s[INV_W_SUM + k], s[Z + k] = logit, inv_w_sum, z


@step
def pair_backward(
    s: Array, count: int, a: Point, b: Point, c: Point, inv_z: Three, sums: Nine, o: Dials
) -> Nine:
    """D_LOG_WEIGHT, D_LIFT_SUM, D_U -> the corners' x, y and 1 / z: steps 3 to 6, added to sums."""
    x0, x1, x2, y0, y1, y2, inv_z0, inv_z1, inv_z2 = sums
    inv_scale = 1 / ((o.far - o.near) * o.gamma)
    for k in range(padded(count)):
        v, w, z = get(s, V + k), get(s, W + k), s[Z + k]
        # log_weight = log D + (near - z) / ((far - near) gamma), and lift_sum is a sum over faces.
        d_logit = s[D_LOG_WEIGHT + k] * s[SLOPE_D + k] + s[D_LIFT_SUM + k] * s[SLOPE_LIFT + k]
        d_z = -s[D_LOG_WEIGHT + k] * inv_scale
        d_w, d_inv_z = depth_backward(d_z, get(s, D_U + k), w, inv_z, z, o)
        d_v = clip_barycentric_backward(d_w, v, w, s[INV_W_SUM + k])
        gap, levers = get_point(s, GAP + k), get(s, LEVERS + k)
        d_x, d_y = corners_backward(d_logit, d_v, v, gap, levers, a, b, c, o)
        x0, x1, x2 = plus(x0, d_x[0]), plus(x1, d_x[1]), plus(x2, d_x[2])
        y0, y1, y2 = plus(y0, d_y[0]), plus(y1, d_y[1]), plus(y2, d_y[2])
        inv_z0, inv_z1 = plus(inv_z0, d_inv_z[0]), plus(inv_z1, d_inv_z[1])
        inv_z2 = plus(inv_z2, d_inv_z[2])
    return x0, x1, x2, y0, y1, y2, inv_z0, inv_z1, inv_z2


@kernel
def backward_faces(
    start: int,
    stop: int,
    faces: Faces,
    saved: Saved,
    d_pixels: Array,
    d_faces: DFaces,
    corners_wanted: bool,
    through_weights: bool,
    o: Dials,
) -> None:
    """Gradients of triangles start ... stop -> d_faces.

    `saved` is as `forward_rows` left it, d_pixels from `backward_pixels`. corners_wanted=False
    leaves out d_faces.triangles. through_weights=False leaves out step 5, as the official CUDA
    kernel does: nothing flows from colour and depth through the weights to the corners' x and y.
    """
    images = (len(saved.peak) - GROUP) // (o.height * o.pitch)
    faces_an_image = len(faces.triangles) // max(images, 1)
    s, group, around = np.zeros(ROWS * LANES), blank_groups(saved.peak), around_lanes()
    columns, rows = centers(o)
    for n in range(start, stop):
        box = faces.box[n, 0], faces.box[n, 1], faces.box[n, 2], faces.box[n, 3]
        if box[0] == box[1]:
            continue
        a, b, c, inv_z = corners(faces.triangles, n)
        first_row = n // faces_an_image * o.height
        sums = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
        sides, cursor = sides_of(a, b, c, o), (box[0] - 1, 0, 0)
        while True:
            count, cursor = fill_lanes(s, group, cursor, box, sides, first_row, columns, rows)
            if count == 0:
                break
            load(s, D_LIFT_SUM, group, count, d_pixels[-1])
            load_softmax(s, group, count, saved)
            pair_lanes_again(s, count, a, b, c, inv_z, o)
            aggregate_silhouette_backward(s, group, count, n, saved, o)
            color_backward(s, group, around, count, n, inv_z, faces, saved, d_pixels, d_faces, o)
            if corners_wanted:
                if not through_weights:
                    s[INV_W_SUM : INV_W_SUM + LANES] = 0.0  # what d_v is multiplied by
                sums = pair_backward(s, count, a, b, c, inv_z, sums, o)
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
