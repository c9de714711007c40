"""The two kernels of rung 5: what they read, loop over and write. `triton_gpu/__init__.py` launches
them; the mathematics of one pair stands in `triton_gpu/pair.py`, what both begin with in `load.py`.

Forward: one program a tile, pixels in lanes, one loop over the triangles that reach the tile.
Backward: one program a triangle, one loop over the pixels that it reaches. Neither stores
anything per pair: the backward computes every pair a second time, which costs less than reading
it would. DISTRIBUTION, REVERSED, SQUARED and CONORM choose one of GenDR's relatives, when the
kernel is compiled; shape, log_gamma, shift, p, log_p and terms are numbers that only those read.

Options come as `tl.float64`, because a plain Python float would be float32 in a GPU kernel, and
are then rounded to the images' dtype. Channels go in groups of at most 8 (in float64, 4), a
compile-time number (`CHANNELS`) of registers a pixel. A picture with more channels (`C`) has more
groups, each a row of its own in the launch grid, which repeats the geometry. CHANNELS = 0 is the
silhouette alone. Sizes and counts are run-time numbers: a new image size or face count compiles
nothing.
"""
# mypy: ignore-errors
# ruff: noqa: N803, N806, RUF005
# (Triton compiles a part of Python only: no unpacking; its constants are arguments in capitals.)

import triton
import triton.language as tl

from .color import color_backward, store_colors
from .load import load_box, load_colors, load_triangle, load_winner, pixel_center, to_dtype
from .numbers import exp
from .pair import (
    add_face,
    alpha_from_log_product,
    alpha_from_log_product_slope,
    alpha_slope,
    barycentric_backward,
    beside_edges,
    clip_barycentric,
    clip_barycentric_backward,
    color_weights,
    depth_backward,
    interpolate_depth,
    least_backward,
    no_faces,
    online_softmax_step,
    plus,
    probability_map,
    signed_logit,
    squared_distance,
    squared_distance_backward,
)
from .texture import blend, fetch_texels, find_texels, store_uv

# ---------------------------------------------------------------- forward


@triton.jit(
    do_not_specialize=[
        "height", "width", "columns", "tiles",
        "stride_b", "stride_i", "stride_j", "stride_c", "terms",
    ]
)  # fmt: skip
def _forward_kernel(
    triangles_ptr,  # (B, F, 3, 3)
    facts_ptr,  # (B, F, 8), from _setup_kernel: what depends on the triangle alone
    colors_ptr,  # (B, F, 3, C)
    background_ptr,  # (B, H, W, C), any strides
    starts_ptr,  # (B T + 1,): the list of tile t is list[starts[t] : starts[t + 1]]
    list_ptr,  # (L,): triangles' numbers, b F + f
    image_ptr,  # out (B, H, W, C + 1)
    saved_ptr,  # out (B, H, W, SAVED) for the backward pass: d alpha / d log_product, peak, 1 / den
    height,  # H
    width,  # W
    columns,  # tiles in a row of tiles
    tiles,  # T, tiles of an image
    stride_b,  # of the background
    stride_i,
    stride_j,
    stride_c,
    inv_sigma: tl.float64,  # 1 / sigma
    depth_scale: tl.float64,  # 1 / ((far - near) gamma)
    log_background: tl.float64,  # (eps - 1) / gamma, the background's log weight
    near: tl.float64,
    far: tl.float64,
    log_dist_eps: tl.float64,
    shape: tl.float64,  # of the distribution
    log_gamma: tl.float64,  # log Gamma(shape + 1)
    shift: tl.float64,
    p: tl.float64,  # of the conorm
    log_p: tl.float64,  # log |p|
    terms,  # of the gamma distribution's series
    uv_ptr,  # (B, F, 3, 2), this and the next two where TEXTURE is not 0
    texels_ptr,  # (T, C)
    where_ptr,  # (B, F, 4)
    DISTRIBUTION: tl.constexpr,
    REVERSED: tl.constexpr,  # F_rev(x) = 1 - F(-x)
    SQUARED: tl.constexpr,
    CONORM: tl.constexpr,
    C: tl.constexpr,  # channels
    CHANNELS: tl.constexpr,  # channels of a group
    EUCLIDEAN: tl.constexpr,
    PERSPECTIVE: tl.constexpr,
    TEXTURE: tl.constexpr,  # see texture.py
    TILE: tl.constexpr,  # a program's pixels: TILE x TILE
    STAGES: tl.constexpr,  # of the loop over triangles: how many of them are being loaded at a time
):
    """Image of one tile, by an online softmax: the sums over faces of colour and alpha, in one
    pass, whatever the order of the faces.

        log_weight_j = log D_j + (near - z_j) / ((far - near) gamma)
        peak = max of the log weights, the background's among them
        A_S: color = sum_j exp(log_weight_j - peak) C_j / den
        A_O: alpha = 1 - exp(log_product), log_product = sum_j log(1 - D_j)

    Bytes: reads 52 + 12 C and a list entry of 4 for each (tile, triangle), which all its pixels
    share; writes 4 (C + 1) + 12 a pixel (+ 4 for a silhouette). Cost a pair, RGB, sm_90: 125
    instructions, of them 3 reciprocals and 2 exponentials (benchmarks/results/compile-*.csv);
    some 30 of the 125 fetch the triangle, which two pixels of a lane share.
    """
    dtype: tl.constexpr = triangles_ptr.dtype.element_ty
    inv_sigma, depth_scale, log_background, near, far, log_dist_eps = to_dtype(
        (inv_sigma, depth_scale, log_background, near, far, log_dist_eps), dtype
    )
    dials = to_dtype((shape, log_gamma, shift, p, log_p), dtype)
    tile = tl.program_id(0)
    group = tl.program_id(1) if CHANNELS < C else 0  # of channels
    b = (tile // tiles).to(tl.int64)
    lane = tl.arange(0, TILE * TILE)
    i = (tile % tiles) // columns * TILE + lane // TILE  # (P,) row and column of each lane's pixel
    j = (tile % tiles) % columns * TILE + lane % TILE
    in_image = (i < height) & (j < width)
    x, y = pixel_center(i, j, width, 1.0 / height.to(dtype))

    # The background is element 0 of the softmax, so peak is finite and den >= 1 from here on.
    zero = tl.zeros((TILE * TILE,), dtype)
    log_product = no_faces(zero, CONORM)
    peak = zero + log_background
    den = zero + 1.0
    num = ()  # a block (P,) for each channel of the group
    backdrop = background_ptr + b * stride_b + i * stride_i + j * stride_j
    for k in tl.static_range(CHANNELS):
        c = group * CHANNELS + k
        num = num + (tl.load(backdrop + c * stride_c, in_image & (c < C), other=0.0),)
    # For one of GenDR's conorms, max: the face that holds the maximum, as a whole number of the
    # dtype's size.
    WINNER: tl.constexpr = CONORM == "max"
    bits: tl.constexpr = tl.int32 if dtype == tl.float32 else tl.int64
    winner = tl.zeros((TILE * TILE,), bits)

    start = tl.load(starts_ptr + tile)  # in 64 bits; the length of one list fits into 32
    for entry in tl.range((tl.load(starts_ptr + tile + 1) - start).to(tl.int32), num_stages=STAGES):
        face = tl.load(list_ptr + start + entry).to(tl.int64)
        edges, inv_z = load_triangle(triangles_ptr, facts_ptr, face)
        v, least, segments = beside_edges(x, y, edges)
        d2 = squared_distance(segments, least, EUCLIDEAN)
        logit, _ = signed_logit(d2, least, inv_sigma, SQUARED, EUCLIDEAN)
        log_d, log_outside, _, _ = probability_map(logit, dials, terms, DISTRIBUTION, REVERSED)
        w, _ = clip_barycentric(v)
        z = interpolate_depth(w, inv_z)
        keep = (log_d >= log_dist_eps) & (z >= near) & (z <= far)

        if WINNER:  # of equal ones, the first
            winner = tl.where(keep & (log_d > log_product), face.to(bits), winner)
        log_product = add_face(log_product, log_d, log_outside, keep, dials, CONORM)
        if CHANNELS > 0:
            log_weight = tl.where(keep, log_d + (near - z) * depth_scale, -float("inf"))
            peak, den, shrink, weight = online_softmax_step(peak, den, log_weight)
            u0, u1, u2 = color_weights(w, z, inv_z, PERSPECTIVE)
            if TEXTURE > 0:
                at, right, down = find_texels((u0, u1, u2), uv_ptr, where_ptr, face)
            new_num = ()
            for k in tl.static_range(CHANNELS):
                c = group * CHANNELS + k
                c0, c1, c2 = load_colors(colors_ptr, face, c, C)
                face_color = u0 * c0 + u1 * c1 + u2 * c2
                if TEXTURE > 0:
                    face_color *= blend(fetch_texels(texels_ptr, at, c, C), right, down)
                new_num = new_num + (num[k] * shrink + weight * face_color,)
            num = new_num

    first_pixel = b * height * width  # of this image; in 64 bits, within it in 32
    pixel = i * width + j
    image = image_ptr + first_pixel * (C + 1) + pixel * (C + 1)
    for k in tl.static_range(CHANNELS):
        c = group * CHANNELS + k
        tl.store(image + c, num[k] / den, in_image & (c < C))
    first = in_image & (group == 0)  # every group knows these; one of them writes
    tl.store(image + C, alpha_from_log_product(log_product, dials, CONORM), first)
    SAVED: tl.constexpr = (3 if CHANNELS > 0 else 1) + (1 if WINNER else 0)  # numbers a pixel
    saved = saved_ptr + first_pixel * SAVED + pixel * SAVED
    tl.store(saved, alpha_from_log_product_slope(log_product, dials, CONORM), first)
    if CHANNELS > 0:
        tl.store(saved + 1, peak, first)
        tl.store(saved + 2, 1.0 / den, first)
    if WINNER:
        tl.store(saved + SAVED - 1, winner.to(dtype, bitcast=True), first)


# ---------------------------------------------------------------- backward


@triton.jit(do_not_specialize=["height", "width", "faces", "stripes", "terms"])
def _backward_by_face_kernel(
    triangles_ptr,  # (B, F, 3, 3)
    facts_ptr,  # (B, F, 8), from _setup_kernel: what depends on the triangle alone
    colors_ptr,  # (B, F, 3, C)
    boxes_ptr,  # (B, F, 4): first row, end row, first column, end column that the triangle reaches
    image_ptr,  # (B, H, W, C + 1), what the forward pass returned
    d_image_ptr,  # (B, H, W, C + 1)
    saved_ptr,  # (B, H, W, SAVED), what the forward pass saved
    d_triangles_ptr,  # out (groups, stripes, B, F, 3, 3), to be summed over groups and stripes
    d_colors_ptr,  # out (stripes, B, F, 3, C), to be summed over stripes
    height,  # H
    width,  # W
    faces,  # F
    stripes,  # programs that share one triangle: the rows of blocks are dealt out among them
    inv_sigma: tl.float64,  # 1 / sigma
    depth_scale: tl.float64,  # 1 / ((far - near) gamma)
    near: tl.float64,
    far: tl.float64,
    log_dist_eps: tl.float64,
    shape: tl.float64,  # of the distribution
    log_gamma: tl.float64,  # log Gamma(shape + 1)
    shift: tl.float64,
    p: tl.float64,  # of the conorm
    log_p: tl.float64,  # log |p|
    terms,  # of the gamma distribution's series
    uv_ptr,  # (B, F, 3, 2), this and the next two where TEXTURE is not 0
    texels_ptr,  # (T, C)
    where_ptr,  # (B, F, 4)
    d_uv_ptr,  # out (groups, stripes, B, F, 3, 2), to be summed over groups and stripes
    d_texels_ptr,  # in and out (T, C), zeros at first
    DISTRIBUTION: tl.constexpr,
    REVERSED: tl.constexpr,  # F_rev(x) = 1 - F(-x)
    SQUARED: tl.constexpr,
    CONORM: tl.constexpr,
    C: tl.constexpr,  # channels
    CHANNELS: tl.constexpr,  # channels of a group
    EUCLIDEAN: tl.constexpr,
    PERSPECTIVE: tl.constexpr,
    TEXTURE: tl.constexpr,  # see texture.py
    BLOCK_H: tl.constexpr,  # pixels at a time: BLOCK_H x BLOCK_W
    BLOCK_W: tl.constexpr,
    STAGES: tl.constexpr,  # of the loop along a row
):
    """Derivatives of one triangle's corners and colours, summed in registers over the pixels that
    it reaches. No atomics but for texels: the sum's order is fixed.

    Bytes: reads 8 (C + 1) + 12 a pixel of the box, from the cache for the most part; writes 36 +
    12 C a triangle. Cost a pair, RGB, sm_90: 208 instructions (benchmarks/results/compile-*.csv).
    """
    dtype: tl.constexpr = triangles_ptr.dtype.element_ty
    inv_sigma, depth_scale, near, far, log_dist_eps = to_dtype(
        (inv_sigma, depth_scale, near, far, log_dist_eps), dtype
    )
    dials = to_dtype((shape, log_gamma, shift, p, log_p), dtype)
    face, stripe = tl.program_id(0).to(tl.int64), tl.program_id(1)
    group = tl.program_id(2) if CHANNELS < C else 0  # of channels
    WINNER: tl.constexpr = CONORM == "max"  # of GenDR's: see the forward kernel
    SAVED: tl.constexpr = (3 if CHANNELS > 0 else 1) + (1 if WINNER else 0)  # numbers a pixel
    first_pixel = face // faces * height * width  # of this image; in 64 bits, within it in 32
    image, d_image = image_ptr + first_pixel * (C + 1), d_image_ptr + first_pixel * (C + 1)
    edges, inv_z = load_triangle(triangles_ptr, facts_ptr, face)
    inv_height = 1.0 / height.to(dtype)
    lane = tl.arange(0, BLOCK_H * BLOCK_W)
    # By lane, summed over the blocks: of the corners x, y, 1 / z, and of their colours by channel.
    zero = tl.zeros((BLOCK_H * BLOCK_W,), dtype)
    d_x, d_y, d_inv_z = (zero, zero, zero), (zero, zero, zero), (zero, zero, zero)
    d_across, d_up = (zero, zero, zero), (zero, zero, zero)  # of their places on the texture
    d_c = ()
    for _k in tl.static_range(CHANNELS):
        d_c = d_c + ((zero, zero, zero),)
    first_row, end_row, first_column, end_column = load_box(boxes_ptr, face)
    for row in range(first_row + stripe * BLOCK_H, end_row, stripes * BLOCK_H):
        for column in tl.range(first_column, end_column, BLOCK_W, num_stages=STAGES):
            # 1. The pair again, as in the forward pass. Lanes beyond the box read its last pixels.
            i, j = row + lane // BLOCK_W, column + lane % BLOCK_W
            in_box = (i < end_row) & (j < end_column)
            pixel = tl.minimum(i, end_row - 1) * width + tl.minimum(j, end_column - 1)
            x, y = pixel_center(i, j, width, inv_height)
            v, least, segments = beside_edges(x, y, edges)
            d2 = squared_distance(segments, least, EUCLIDEAN)
            logit, logit_slope = signed_logit(d2, least, inv_sigma, SQUARED, EUCLIDEAN)
            log_d, log_outside, slope_d, slope_outside = probability_map(
                logit, dials, terms, DISTRIBUTION, REVERSED)  # fmt: skip
            w, inv_w_sum = clip_barycentric(v)
            z = interpolate_depth(w, inv_z)
            keep = in_box & (log_d >= log_dist_eps) & (z >= near) & (z <= far)
            # 2. alpha -> logit
            saved = saved_ptr + first_pixel * SAVED + pixel * SAVED
            slope = alpha_slope(
                tl.load(saved), log_d, log_outside, slope_d, slope_outside, dials, CONORM
            )
            if WINNER:
                slope = tl.where(load_winner(saved + SAVED - 1) == face, slope, 0.0)
            if CHANNELS < C:  # several groups: the first one answers for alpha
                slope = tl.where(group == 0, slope, 0.0)
            d_logit = slope * tl.load(d_image + pixel * (C + 1) + C)
            d_v = (zero, zero, zero)
            if CHANNELS > 0:
                # 3. color -> log_weight, u and the corners' colours
                log_weight = tl.where(keep, log_d + (near - z) * depth_scale, -float("inf"))
                share = exp(log_weight - tl.load(saved + 1)) * tl.load(saved + 2)
                u = color_weights(w, z, inv_z, PERSPECTIVE)
                d_log_weight, d_u, d_c, d_across, d_up = color_backward(
                    share, u, d_c, d_across, d_up, image, d_image, pixel, colors_ptr, uv_ptr,
                    texels_ptr, where_ptr, d_texels_ptr, face, group, C, CHANNELS, TEXTURE,
                )  # fmt: skip
                # 4. log_weight -> logit; log_weight and u -> w and 1 / z_k. 5. w -> v
                d_logit += d_log_weight * slope_d
                d_w, d_inv_z = depth_backward(
                    d_log_weight, d_u, d_inv_z, u, w, z, inv_z, depth_scale, PERSPECTIVE
                )
                d_v = clip_barycentric_backward(d_w, w, inv_w_sum, v)
            # 6. logit -> d2 -> the corners, or for barycentric distance -> v
            d_d2 = tl.where(keep, d_logit * logit_slope, 0.0)
            if EUCLIDEAN:
                push_x, push_y, levers = squared_distance_backward(d_d2, segments)
                d_x, d_y = plus(d_x, levers, push_x), plus(d_y, levers, push_y)
            else:
                d_v = least_backward(d_d2, least, d_v, v, SQUARED)
            # 7. v -> the corners
            if CHANNELS > 0 or not EUCLIDEAN:
                pull_x, pull_y = barycentric_backward(d_v, edges)
                d_x, d_y = plus(d_x, v, pull_x), plus(d_y, v, pull_y)
    programs = tl.num_programs(0).to(tl.int64)  # B F
    part = (group * stripes + stripe) * programs + face
    store_corners(d_triangles_ptr + part * 9, d_x, d_y, d_inv_z, inv_z)
    store_colors(d_colors_ptr + (stripe * programs + face) * 3 * C, d_c, group, C, CHANNELS)
    if TEXTURE > 0:
        store_uv(d_uv_ptr + part * 6, d_across, d_up)


@triton.jit
def store_corners(out, d_x, d_y, d_inv_z, inv_z):
    """Each number summed over the lanes, and a plain store. 1 / z_k has the slope -1 / z_k**2."""
    for k in tl.static_range(3):
        tl.store(out + 3 * k, tl.sum(d_x[k]))
        tl.store(out + 3 * k + 1, tl.sum(d_y[k]))
        tl.store(out + 3 * k + 2, tl.sum(d_inv_z[k]) * -inv_z[k] * inv_z[k])
