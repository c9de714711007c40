"""The two kernels of rung 5. `triton_gpu/__init__.py` launches them; the mathematics of one pair stands in `triton_gpu/pair.py`.

Forward: one program a tile, pixels in lanes, one loop over the triangles that reach the tile. Backward: one program a triangle, one loop
over the pixels that it reaches. Neither stores anything per pair: the backward computes every pair a second time, which costs less than
reading it back would. Distribution and conorm are compile-time constants; the instructions counted below are those of the Soft Rasterizer's.

Options come as `tl.float64`, because a plain Python float would be float32 in a GPU kernel, and are then rounded to the images' dtype.
Channels go in groups of at most 8 (in float64, 4), a compile-time number (`CHANNELS`) of registers a pixel. A picture with more channels (`C`) has more groups,
each a row of its own in the launch grid, which repeats the geometry. CHANNELS = 0 is the silhouette alone. Sizes and counts are run-time
numbers: a new image size or face count compiles nothing.
"""
# mypy: ignore-errors
# ruff: noqa: N803, RUF005, SIM108
# (Triton compiles a part of Python only: no ternary on what is not a number, no unpacking; its constants are arguments in capitals.)

import triton
import triton.language as tl

from .conorms import combine, d_alpha, d_combine, join, lift, no_faces
from .gendr import d_signed_distance, signed_distance, tails
from .numbers import exp, exp_minus_abs, reciprocal
from .pair import beside, clip_barycentric, d_clip_barycentric, edge, nearest_on_boundary
from .setup import FACTS


@triton.jit(
    do_not_specialize=[
        "height",
        "width",
        "columns",
        "tiles",
        "stride_b",
        "stride_i",
        "stride_j",
        "stride_c",
        "terms",
    ]
)
def _forward_kernel(
    triangles_ptr,  # (B, F, 3, 3)
    facts_ptr,  # (B, F, 8), from _setup_kernel: what depends on the triangle alone
    colors_ptr,  # (B, F, 3, C)
    background_ptr,  # (B, H, W, C), any strides
    starts_ptr,  # (B T + 1,): the list of tile t is list[starts[t] : starts[t + 1]]
    list_ptr,  # (L,): triangles' numbers, b F + f
    image_ptr,  # out (B, H, W, C + 1)
    state_ptr,  # out (B, H, W, 3) for the backward pass: see `d_combine`; peak; 1 / den. A silhouette has the first only. Conorm max: and the winner
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
    DISTRIBUTION: tl.constexpr,
    REVERSED: tl.constexpr,  # F_rev(x) = 1 - F(-x)
    SQUARED: tl.constexpr,
    CONORM: tl.constexpr,
    C: tl.constexpr,  # channels
    CHANNELS: tl.constexpr,  # channels of a group
    EUCLIDEAN: tl.constexpr,
    PERSPECTIVE: tl.constexpr,
    TILE: tl.constexpr,  # a program's pixels: TILE x TILE
    STAGES: tl.constexpr,  # of the loop over triangles: how many of them are being loaded at a time
):
    """Image of one tile, by an online softmax: the sums over faces of colour and alpha, in one pass, whatever the order of the faces.

        log_weight_j = log D_j + (near - z_j) / ((far - near) gamma)        peak = max of the log weights, the background's among them
        color = sum_j exp(log_weight_j - peak) C_j / den                    alpha = 1 - exp(sum_j log(1 - D_j)), or another conorm

    Bytes: reads 52 + 12 C and a list entry of 4 for each (tile, triangle), which all its pixels share; writes 4 (C + 1) + 12 a pixel (+ 4 for a silhouette).
    Cost a pair, RGB, sm_90: 125 instructions, of them 3 reciprocals and 2 exponentials (benchmarks/results/compile-*.csv); some 30 of the 125
    fetch the triangle, which two pixels of a lane share.
    """
    dtype: tl.constexpr = triangles_ptr.dtype.element_ty
    tile = tl.program_id(0)
    group = tl.program_id(1) if CHANNELS < C else 0  # of channels
    b = (tile // tiles).to(tl.int64)
    lane = tl.arange(0, TILE * TILE)
    i = (tile % tiles) // columns * TILE + lane // TILE  # (P,) row and column of each lane's pixel
    j = (tile % tiles) % columns * TILE + lane % TILE
    in_image = (i < height) & (j < width)
    inv_height = 1.0 / height.to(dtype)
    y = 1.0 - (2 * i + 1).to(dtype) * inv_height
    x = (2 * j + 1 - width).to(dtype) * inv_height
    inv_sigma = tl.full((), inv_sigma, dtype)
    depth_scale = tl.full((), depth_scale, dtype)
    near = tl.full((), near, dtype)
    far = tl.full((), far, dtype)
    log_dist_eps = tl.full((), log_dist_eps, dtype)
    shape, log_gamma, shift = (
        tl.full((), shape, dtype),
        tl.full((), log_gamma, dtype),
        tl.full((), shift, dtype),
    )
    p, log_p = tl.full((), p, dtype), tl.full((), log_p, dtype)

    # The background is element 0 of the softmax, so peak is finite and den >= 1 from here on.
    total = no_faces(
        tl.zeros((TILE * TILE,), dtype), CONORM
    )  # probabilistic: log_product = sum log(1 - D)
    bits: tl.constexpr = (
        tl.int32 if dtype == tl.float32 else tl.int64
    )  # a whole number that fits into a number's place in memory
    winner = tl.zeros((TILE * TILE,), bits)  # max: the face that holds the maximum
    peak = tl.zeros((TILE * TILE,), dtype) + tl.full((), log_background, dtype)
    den = tl.full((TILE * TILE,), 1.0, dtype)
    num = ()  # a block (P,) for each channel of the group
    for k in tl.static_range(CHANNELS):
        c = group * CHANNELS + k
        num = num + (
            tl.load(
                background_ptr + b * stride_b + i * stride_i + j * stride_j + c * stride_c,
                in_image & (c < C),
                other=0.0,
            ),
        )

    start = tl.load(starts_ptr + tile)  # in 64 bits; the length of one list fits into 32
    for entry in tl.range((tl.load(starts_ptr + tile + 1) - start).to(tl.int32), num_stages=STAGES):
        face = tl.load(list_ptr + start + entry).to(tl.int64)
        corner = triangles_ptr + face * 9
        x0, y0 = tl.load(corner), tl.load(corner + 1)
        x1, y1 = tl.load(corner + 3), tl.load(corner + 4)
        x2, y2 = tl.load(corner + 6), tl.load(corner + 7)
        fact = facts_ptr + face * FACTS
        inv_area, inv01, inv12, inv20 = (
            tl.load(fact),
            tl.load(fact + 1),
            tl.load(fact + 2),
            tl.load(fact + 3),
        )
        inv_z0, inv_z1, inv_z2 = tl.load(fact + 4), tl.load(fact + 5), tl.load(fact + 6)
        ex, ey, along_x, along_y, slope_x, slope_y = edge(x1, y1, x2, y2, inv12, inv_area)
        w0, d2_12, _t, _gx, _gy = beside(x, y, x1, y1, ex, ey, along_x, along_y, slope_x, slope_y)
        ex, ey, along_x, along_y, slope_x, slope_y = edge(x2, y2, x0, y0, inv20, inv_area)
        w1, d2_20, _t, _gx, _gy = beside(x, y, x2, y2, ex, ey, along_x, along_y, slope_x, slope_y)
        ex, ey, along_x, along_y, slope_x, slope_y = edge(x0, y0, x1, y1, inv01, inv_area)
        w2, d2_01, _t, _gx, _gy = beside(x, y, x0, y0, ex, ey, along_x, along_y, slope_x, slope_y)
        least = tl.minimum(tl.minimum(w0, w1), w2)
        if EUCLIDEAN:
            d2 = tl.minimum(tl.minimum(d2_01, d2_12), d2_20)
        else:
            d2 = least * least
        logit = signed_distance(d2, least, inv_sigma, SQUARED, EUCLIDEAN)
        log_d, log_outside, _rise, _fall = tails(
            logit, shape, log_gamma, terms, shift, DISTRIBUTION, REVERSED
        )

        w0, w1, w2, _inv_total = clip_barycentric(w0, w1, w2)
        z = reciprocal(w0 * inv_z0 + w1 * inv_z1 + w2 * inv_z2)
        keep = (log_d >= log_dist_eps) & (z >= near) & (z <= far)
        if CONORM == "max":
            winner = tl.where(
                keep & (log_d > total), face.to(bits), winner
            )  # of equal ones, the first
        total = join(total, lift(log_d, log_outside, p, log_p, CONORM), keep, CONORM)

        if CHANNELS > 0:
            log_weight = tl.where(keep, log_d + (near - z) * depth_scale, -float("inf"))
            # Either this pair is the new peak, and what was summed before shrinks, or the pair itself is the small one: one exp serves both.
            rise = log_weight - peak
            small = exp_minus_abs(rise)
            weight = tl.where(rise > 0.0, 1.0, small)
            shrink = tl.where(rise > 0.0, small, 1.0)
            peak = tl.maximum(peak, log_weight)
            den = den * shrink + weight
            if PERSPECTIVE:
                w0, w1, w2 = w0 * z * inv_z0, w1 * z * inv_z1, w2 * z * inv_z2
            new_num = ()
            for k in tl.static_range(CHANNELS):
                c = group * CHANNELS + k
                color = colors_ptr + face * 3 * C + c
                c0 = tl.load(color, c < C, other=0.0)
                c1 = tl.load(color + C, c < C, other=0.0)
                c2 = tl.load(color + 2 * C, c < C, other=0.0)
                new_num = new_num + (num[k] * shrink + weight * (w0 * c0 + w1 * c1 + w2 * c2),)
            num = new_num

    first_pixel = (
        b * height * width
    )  # of this image, in 64 bits; within an image, 32 bits are enough
    pixel = i * width + j
    image = image_ptr + first_pixel * (C + 1) + pixel * (C + 1)
    for k in tl.static_range(CHANNELS):
        c = group * CHANNELS + k
        tl.store(image + c, num[k] / den, in_image & (c < C))
    first = in_image & (group == 0)  # every group knows these; one of them writes
    tl.store(image + C, combine(total, p, log_p, CONORM), first)
    state_size: tl.constexpr = (3 if CHANNELS > 0 else 1) + (1 if CONORM == "max" else 0)
    state = state_ptr + first_pixel * state_size + pixel * state_size
    tl.store(state, d_combine(total, p, log_p, CONORM), first)
    if CHANNELS > 0:
        tl.store(state + 1, peak, first)
        tl.store(state + 2, 1.0 / den, first)
    if CONORM == "max":
        tl.store(state + state_size - 1, winner.to(dtype, bitcast=True), first)


@triton.jit(do_not_specialize=["height", "width", "faces", "stripes", "terms"])
def _backward_by_face_kernel(
    triangles_ptr,  # (B, F, 3, 3)
    facts_ptr,  # (B, F, 8), from _setup_kernel: what depends on the triangle alone
    colors_ptr,  # (B, F, 3, C)
    boxes_ptr,  # (B, F, 4): first row, end row, first column, end column of the pixels that the triangle reaches
    image_ptr,  # (B, H, W, C + 1), what the forward pass returned
    grad_ptr,  # (B, H, W, C + 1), gradient of the loss in the image
    state_ptr,  # (B, H, W, 3) or, for a silhouette, (B, H, W, 1), saved by the forward pass; for the conorm max, one more
    grad_triangles_ptr,  # out (groups, stripes, B, F, 3, 3), to be summed over groups and stripes
    grad_colors_ptr,  # out (stripes, B, F, 3, C), to be summed over stripes
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
    DISTRIBUTION: tl.constexpr,
    REVERSED: tl.constexpr,  # F_rev(x) = 1 - F(-x)
    SQUARED: tl.constexpr,
    CONORM: tl.constexpr,
    C: tl.constexpr,  # channels
    CHANNELS: tl.constexpr,  # channels of a group
    EUCLIDEAN: tl.constexpr,
    PERSPECTIVE: tl.constexpr,
    BLOCK_H: tl.constexpr,  # pixels at a time: BLOCK_H x BLOCK_W
    BLOCK_W: tl.constexpr,
    STAGES: tl.constexpr,  # of the loop along a row
):
    """Gradient of one triangle's corners and colours, summed in registers over the pixels it reaches. No atomics: the sum's order is fixed.

    Bytes: reads 8 (C + 1) + 12 a pixel of the box, from the cache for the most part; writes 36 + 12 C a triangle.
    Cost a pair, RGB, sm_90: 208 instructions (benchmarks/results/compile-*.csv).
    """
    dtype: tl.constexpr = triangles_ptr.dtype.element_ty
    face = tl.program_id(0).to(tl.int64)
    stripe = tl.program_id(1)
    group = tl.program_id(2) if CHANNELS < C else 0  # of channels
    first_pixel = (
        face // faces * height * width
    )  # of this triangle's image, in 64 bits; within an image, 32 bits are enough
    image, grad = image_ptr + first_pixel * (C + 1), grad_ptr + first_pixel * (C + 1)
    state_size: tl.constexpr = (3 if CHANNELS > 0 else 1) + (
        1 if CONORM == "max" else 0
    )  # numbers a pixel
    inv_sigma = tl.full((), inv_sigma, dtype)
    depth_scale = tl.full((), depth_scale, dtype)
    near = tl.full((), near, dtype)
    far = tl.full((), far, dtype)
    log_dist_eps = tl.full((), log_dist_eps, dtype)
    shape, log_gamma, shift = (
        tl.full((), shape, dtype),
        tl.full((), log_gamma, dtype),
        tl.full((), shift, dtype),
    )
    p, log_p = tl.full((), p, dtype), tl.full((), log_p, dtype)

    corner = triangles_ptr + face * 9
    x0, y0 = tl.load(corner), tl.load(corner + 1)
    x1, y1 = tl.load(corner + 3), tl.load(corner + 4)
    x2, y2 = tl.load(corner + 6), tl.load(corner + 7)
    fact = facts_ptr + face * FACTS
    inv_area, inv01, inv12, inv20 = (
        tl.load(fact),
        tl.load(fact + 1),
        tl.load(fact + 2),
        tl.load(fact + 3),
    )
    inv_z0, inv_z1, inv_z2 = tl.load(fact + 4), tl.load(fact + 5), tl.load(fact + 6)
    e12x, e12y, along12x, along12y, slope0x, slope0y = edge(x1, y1, x2, y2, inv12, inv_area)
    e20x, e20y, along20x, along20y, slope1x, slope1y = edge(x2, y2, x0, y0, inv20, inv_area)
    e01x, e01y, along01x, along01y, slope2x, slope2y = edge(x0, y0, x1, y1, inv01, inv_area)

    inv_height = 1.0 / height.to(dtype)
    lane = tl.arange(0, BLOCK_H * BLOCK_W)
    zero = tl.zeros((BLOCK_H * BLOCK_W,), dtype)
    # Gradients by lane, summed over the blocks; x, y and (but for a factor) z of corners 0, 1, 2, then the three corners' colours.
    gx0, gy0, gz0, gx1, gy1, gz1, gx2, gy2, gz2 = (
        zero,
        zero,
        zero,
        zero,
        zero,
        zero,
        zero,
        zero,
        zero,
    )
    gc0, gc1, gc2 = (), (), ()
    for _k in tl.static_range(CHANNELS):
        gc0, gc1, gc2 = gc0 + (zero,), gc1 + (zero,), gc2 + (zero,)

    first_row, end_row = tl.load(boxes_ptr + face * 4), tl.load(boxes_ptr + face * 4 + 1)
    first_column, end_column = tl.load(boxes_ptr + face * 4 + 2), tl.load(boxes_ptr + face * 4 + 3)
    for row in range(first_row + stripe * BLOCK_H, end_row, stripes * BLOCK_H):
        for column in tl.range(first_column, end_column, BLOCK_W, num_stages=STAGES):
            # 1. The pair again, as in the forward pass.
            i = row + lane // BLOCK_W
            j = column + lane % BLOCK_W
            in_box = (i < end_row) & (j < end_column)
            pixel = tl.minimum(i, end_row - 1) * width + tl.minimum(
                j, end_column - 1
            )  # lanes beyond the box read its last pixels, and count for nothing
            y = 1.0 - (2 * i + 1).to(dtype) * inv_height
            x = (2 * j + 1 - width).to(dtype) * inv_height
            raw0, d2_12, t12, gx_12, gy_12 = beside(
                x, y, x1, y1, e12x, e12y, along12x, along12y, slope0x, slope0y
            )
            raw1, d2_20, t20, gx_20, gy_20 = beside(
                x, y, x2, y2, e20x, e20y, along20x, along20y, slope1x, slope1y
            )
            raw2, d2_01, t01, gx_01, gy_01 = beside(
                x, y, x0, y0, e01x, e01y, along01x, along01y, slope2x, slope2y
            )
            least = tl.minimum(tl.minimum(raw0, raw1), raw2)
            if EUCLIDEAN:
                d2 = tl.minimum(tl.minimum(d2_01, d2_12), d2_20)
            else:
                d2 = least * least
            logit, slope = d_signed_distance(d2, least, inv_sigma, SQUARED, EUCLIDEAN)
            log_d, log_outside, d_log_d, d_log_outside = tails(
                logit, shape, log_gamma, terms, shift, DISTRIBUTION, REVERSED
            )
            w0, w1, w2, inv_total = clip_barycentric(raw0, raw1, raw2)
            z = reciprocal(w0 * inv_z0 + w1 * inv_z1 + w2 * inv_z2)
            keep = in_box & (log_d >= log_dist_eps) & (z >= near) & (z <= far)

            # 2. From alpha to the logit: probabilistic, d alpha / d logit_j = d alpha / d log_product * d log(1 - D_j) / d logit_j.
            state = state_ptr + first_pixel * state_size + pixel * state_size
            g_logit = d_alpha(
                tl.load(state), log_d, log_outside, d_log_d, d_log_outside, p, log_p, CONORM
            )
            if CONORM == "max":
                bits: tl.constexpr = tl.int32 if dtype == tl.float32 else tl.int64
                g_logit = tl.where(
                    tl.load(state + state_size - 1).to(bits, bitcast=True) == face.to(bits),
                    g_logit,
                    0.0,
                )
            if CHANNELS < C:  # several groups: the first one answers for alpha
                g_logit = tl.where(group == 0, g_logit, 0.0)
            g_logit = g_logit * tl.load(grad + pixel * (C + 1) + C)

            if CHANNELS > 0:
                # 3. From colour to log_weight_j: with share_j = W_j / sum of all W, color = sum share_j C_j has the derivative
                #    share_j (C_j - color) in log_weight_j, and share_j in C_j.
                peak, inv_den = tl.load(state + 1), tl.load(state + 2)
                share = (
                    exp(tl.where(keep, log_d + (near - z) * depth_scale - peak, -float("inf")))
                    * inv_den
                )
                if PERSPECTIVE:
                    u0, u1, u2 = w0 * z * inv_z0, w1 * z * inv_z1, w2 * z * inv_z2
                else:
                    u0, u1, u2 = w0, w1, w2
                g_log_weight, g_u0, g_u1, g_u2 = zero, zero, zero, zero
                new_gc0, new_gc1, new_gc2 = (), (), ()
                for k in tl.static_range(CHANNELS):
                    c = group * CHANNELS + k
                    color = colors_ptr + face * 3 * C + c
                    c0 = tl.load(color, c < C, other=0.0)
                    c1 = tl.load(color + C, c < C, other=0.0)
                    c2 = tl.load(color + 2 * C, c < C, other=0.0)
                    out = tl.load(image + pixel * (C + 1) + c, c < C, other=0.0)
                    g = share * tl.load(grad + pixel * (C + 1) + c, c < C, other=0.0)
                    g_log_weight += g * (u0 * c0 + u1 * c1 + u2 * c2 - out)
                    # 4. From C_j = sum u_k c_k to the corner colours c_k and their weights u_k.
                    new_gc0, new_gc1, new_gc2 = (
                        new_gc0 + (gc0[k] + g * u0,),
                        new_gc1 + (gc1[k] + g * u1,),
                        new_gc2 + (gc2[k] + g * u2,),
                    )
                    g_u0, g_u1, g_u2 = g_u0 + g * c0, g_u1 + g * c1, g_u2 + g * c2
                gc0, gc1, gc2 = new_gc0, new_gc1, new_gc2

                # 5. From log_weight_j = log D_j + (near - z_j) depth_scale to the logit and to the depth.
                g_logit += g_log_weight * d_log_d
                # 6. From z = 1 / sum(v_k) and, in perspective, u_k = v_k z to v_k = w_k / z_k.
                g_v = g_log_weight * depth_scale * z * z
                if PERSPECTIVE:
                    g_v -= (g_u0 * u0 + g_u1 * u1 + g_u2 * u2) * z
                    g_v0, g_v1, g_v2 = g_v + g_u0 * z, g_v + g_u1 * z, g_v + g_u2 * z
                    g_w0, g_w1, g_w2 = g_v0 * inv_z0, g_v1 * inv_z1, g_v2 * inv_z2
                else:
                    g_v0, g_v1, g_v2 = g_v, g_v, g_v
                    g_w0, g_w1, g_w2 = g_u0 + g_v * inv_z0, g_u1 + g_v * inv_z1, g_u2 + g_v * inv_z2
                # 7. From v_k = w_k / z_k to z_k: -v_k / z_k. The part that all pixels share, -1 / z_k**2, waits for the end.
                gz0 += g_v0 * w0
                gz1 += g_v1 * w1
                gz2 += g_v2 * w2
                # 8. From the clipped weights to the raw ones.
                g_w0, g_w1, g_w2 = d_clip_barycentric(
                    g_w0, g_w1, g_w2, w0, w1, w2, inv_total, raw0, raw1, raw2
                )
            else:
                g_w0, g_w1, g_w2 = zero, zero, zero

            # 9. From logit = +-d2 / sigma (or +-d / sigma) to d2, and from there to the corners (euclidean) or to the smallest weight (barycentric).
            g_d2 = tl.where(keep, g_logit * slope, 0.0)
            if EUCLIDEAN:
                # d2 = |gap|**2, gap = pixel - nearest point. The point moves along its edge too, but there d2 is least, so to first order it does
                # not notice (the envelope theorem): the corners move the point with the weights that it has of them, and d d2 = -2 gap d point.
                at0, at1, at2, gap_x, gap_y = nearest_on_boundary(
                    d2_12, t12, gx_12, gy_12, d2_20, t20, gx_20, gy_20, d2_01, t01, gx_01, gy_01
                )
                hx, hy = -2.0 * g_d2 * gap_x, -2.0 * g_d2 * gap_y
                gx0 += at0 * hx
                gy0 += at0 * hy
                gx1 += at1 * hx
                gy1 += at1 * hy
                gx2 += at2 * hx
                gy2 += at2 * hy
            else:
                g_least = g_d2
                if SQUARED:
                    g_least = 2.0 * least * g_d2
                least_is_0 = (raw0 <= raw1) & (raw0 <= raw2)
                least_is_1 = ~least_is_0 & (raw1 <= raw2)
                g_w0 += tl.where(least_is_0, g_least, 0.0)
                g_w1 += tl.where(least_is_1, g_least, 0.0)
                g_w2 += tl.where(least_is_0 | least_is_1, 0.0, g_least)

            if CHANNELS > 0 or not EUCLIDEAN:
                # 10. From raw_k to the corners. Pull at one of them, and the triangle slides past the pixel by that corner's raw weight of the pull:
                #     as if the pixel had moved the other way, and there the weights have their slopes.
                hx = g_w0 * slope0x + g_w1 * slope1x + g_w2 * slope2x
                hy = g_w0 * slope0y + g_w1 * slope1y + g_w2 * slope2y
                gx0 -= raw0 * hx
                gy0 -= raw0 * hy
                gx1 -= raw1 * hx
                gy1 -= raw1 * hy
                gx2 -= raw2 * hx
                gy2 -= raw2 * hy

    # One sum over the lanes for each number, and a plain store.
    programs = tl.num_programs(0).to(tl.int64)  # B F
    out = grad_triangles_ptr + ((group * stripes + stripe) * programs + face) * 9
    tl.store(out, tl.sum(gx0))
    tl.store(out + 1, tl.sum(gy0))
    tl.store(out + 2, tl.sum(gz0) * -inv_z0 * inv_z0)
    tl.store(out + 3, tl.sum(gx1))
    tl.store(out + 4, tl.sum(gy1))
    tl.store(out + 5, tl.sum(gz1) * -inv_z1 * inv_z1)
    tl.store(out + 6, tl.sum(gx2))
    tl.store(out + 7, tl.sum(gy2))
    tl.store(out + 8, tl.sum(gz2) * -inv_z2 * inv_z2)
    for k in tl.static_range(CHANNELS):
        c = group * CHANNELS + k
        out = grad_colors_ptr + (stripe * programs + face) * 3 * C + c
        tl.store(out, tl.sum(gc0[k]), c < C)
        tl.store(out + C, tl.sum(gc1[k]), c < C)
        tl.store(out + 2 * C, tl.sum(gc2[k]), c < C)
