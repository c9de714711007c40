"""The two kernels of rung 5. `triton_gpu.py` launches them; the mathematics of one pair stands in `triton_pair.py`.

Forward: one program a tile, pixels in lanes, one loop over the triangles that reach the tile. Backward: one program a triangle, one loop
over the pixels that it reaches. Neither stores anything per pair: the backward computes every pair a second time, which costs less than
reading it back would.

Options come as `tl.float64`, because a plain Python float would be float32 in a GPU kernel, and are then rounded to the images' dtype.
Channels go in groups of at most 8, a compile-time number (`CHANNELS`) of registers a pixel. A picture with more channels (`C`) has more groups,
each a row of its own in the launch grid, which repeats the geometry. CHANNELS = 0 is the silhouette alone. Sizes and counts are run-time
numbers: a new image size or face count compiles nothing.
"""
# mypy: ignore-errors
# ruff: noqa: N803, RUF005, SIM108
# (Triton compiles a part of Python only: no ternary on what is not a number, no unpacking; its constants are arguments in capitals.)

import triton
import triton.language as tl

from .triton_pair import (
    clip_barycentric,
    combine,
    corner_areas,
    d_clip_barycentric,
    d_combine,
    d_corner_areas,
    d_log_probability,
    d_squared_distance,
    divide,
    exp,
    log_probability,
    squared_distance,
)
from .triton_setup import FACTS


@triton.jit(do_not_specialize=["height", "width", "columns", "tiles", "stride_b", "stride_i", "stride_j", "stride_c"])
def _forward_kernel(
    triangles_ptr,  # (B, F, 3, 3)
    facts_ptr,  # (B, F, 8), from _setup_kernel: what depends on the triangle alone
    colors_ptr,  # (B, F, 3, C)
    background_ptr,  # (B, H, W, C), any strides
    starts_ptr,  # (B T + 1,): the list of tile t is list[starts[t] : starts[t + 1]]
    list_ptr,  # (L,): triangles' numbers, b F + f
    image_ptr,  # out (B, H, W, C + 1)
    peak_ptr,  # out (B, H, W): largest log weight
    den_ptr,  # out (B, H, W): sum of exp(log weight - peak)
    log_product_ptr,  # out (B, H, W): sum of log(1 - D)
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
    C: tl.constexpr,  # channels
    CHANNELS: tl.constexpr,  # channels of a group
    EUCLIDEAN: tl.constexpr,
    PERSPECTIVE: tl.constexpr,
    TILE: tl.constexpr,  # a program's pixels: TILE x TILE
):
    """Image of one tile, by an online softmax: the sums over faces of colour and alpha, in one pass, whatever the order of the faces.

        log_weight_j = log D_j + (near - z_j) / ((far - near) gamma)        peak = max of the log weights, the background's among them
        color = sum_j exp(log_weight_j - peak) C_j / den                    alpha = 1 - exp(sum_j log(1 - D_j))

    Bytes: reads 52 + 12 C and a list entry of 4 for each (tile, triangle), which all its pixels share; writes 4 (C + 1) + 12 a pixel.
    Cost a pair, RGB, sm_90: 145 instructions, of them 3 reciprocals and 2 exponentials (benchmarks/results/compile-*.csv); some 40 of the 145
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
    y = 1.0 - (2 * i + 1).to(dtype) / height.to(dtype)
    x = (2 * j + 1 - width).to(dtype) / height.to(dtype)
    inv_sigma = tl.full((), inv_sigma, dtype)
    depth_scale = tl.full((), depth_scale, dtype)
    near = tl.full((), near, dtype)
    far = tl.full((), far, dtype)
    log_dist_eps = tl.full((), log_dist_eps, dtype)

    # The background is element 0 of the softmax, so peak is finite and den >= 1 from here on.
    log_product = tl.zeros((TILE * TILE,), dtype)
    peak = tl.zeros((TILE * TILE,), dtype) + tl.full((), log_background, dtype)
    den = tl.full((TILE * TILE,), 1.0, dtype)
    num = ()  # a block (P,) for each channel of the group
    for k in tl.static_range(CHANNELS):
        c = group * CHANNELS + k
        num = num + (tl.load(background_ptr + b * stride_b + i * stride_i + j * stride_j + c * stride_c, in_image & (c < C), other=0.0),)

    for entry in range(tl.load(starts_ptr + tile), tl.load(starts_ptr + tile + 1)):
        face = tl.load(list_ptr + entry).to(tl.int64)
        corner = triangles_ptr + face * 9
        x0, y0 = tl.load(corner), tl.load(corner + 1)
        x1, y1 = tl.load(corner + 3), tl.load(corner + 4)
        x2, y2 = tl.load(corner + 6), tl.load(corner + 7)
        fact = facts_ptr + face * FACTS
        inv_area, inv01, inv12, inv20 = tl.load(fact), tl.load(fact + 1), tl.load(fact + 2), tl.load(fact + 3)
        inv_z0, inv_z1, inv_z2 = tl.load(fact + 4), tl.load(fact + 5), tl.load(fact + 6)

        area0, area1, area2 = corner_areas(x, y, x0, y0, x1, y1, x2, y2)
        w0, w1, w2 = area0 * inv_area, area1 * inv_area, area2 * inv_area
        least = tl.minimum(tl.minimum(w0, w1), w2)
        if EUCLIDEAN:
            d2 = squared_distance(x, y, x0, y0, x1, y1, x2, y2, inv01, inv12, inv20)
        else:
            d2 = least * least
        logit = tl.where(least > 0.0, d2, -d2) * inv_sigma
        log_d, log_outside = log_probability(logit)

        w0, w1, w2, _inv_total, _lost = clip_barycentric(w0, w1, w2)
        z = divide(1.0, w0 * inv_z0 + w1 * inv_z1 + w2 * inv_z2)
        keep = (log_d >= log_dist_eps) & (z >= near) & (z <= far)
        log_product += tl.where(keep, log_outside, 0.0)

        if CHANNELS > 0:
            log_weight = tl.where(keep, log_d + (near - z) * depth_scale, -float("inf"))
            # Either this pair is the new peak, and what was summed before shrinks, or the pair itself is the small one: one exp serves both.
            rise = log_weight - peak
            small = exp(-tl.abs(rise))
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

    first_pixel = b * height * width  # of this image, in 64 bits; within an image, 32 bits are enough
    pixel = i * width + j
    image = image_ptr + first_pixel * (C + 1) + pixel * (C + 1)
    for k in tl.static_range(CHANNELS):
        c = group * CHANNELS + k
        tl.store(image + c, num[k] / den, in_image & (c < C))
    first = in_image & (group == 0)  # every group knows these; one of them writes
    tl.store(image + C, combine(log_product), first)
    tl.store(log_product_ptr + first_pixel + pixel, log_product, first)
    if CHANNELS > 0:
        tl.store(peak_ptr + first_pixel + pixel, peak, first)
        tl.store(den_ptr + first_pixel + pixel, den, first)


@triton.jit(do_not_specialize=["height", "width", "faces", "stripes"])
def _backward_by_face_kernel(
    triangles_ptr,  # (B, F, 3, 3)
    facts_ptr,  # (B, F, 8), from _setup_kernel: what depends on the triangle alone
    colors_ptr,  # (B, F, 3, C)
    boxes_ptr,  # (B, F, 4): first row, end row, first column, end column of the pixels that the triangle reaches
    image_ptr,  # (B, H, W, C + 1), what the forward pass returned
    grad_ptr,  # (B, H, W, C + 1), gradient of the loss in the image
    peak_ptr,  # (B, H, W), saved by the forward pass, like the next two
    den_ptr,  # (B, H, W)
    log_product_ptr,  # (B, H, W)
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
    C: tl.constexpr,  # channels
    CHANNELS: tl.constexpr,  # channels of a group
    EUCLIDEAN: tl.constexpr,
    PERSPECTIVE: tl.constexpr,
    BLOCK_H: tl.constexpr,  # pixels at a time: BLOCK_H x BLOCK_W
    BLOCK_W: tl.constexpr,
):
    """Gradient of one triangle's corners and colours, summed in registers over the pixels it reaches. No atomics: the sum's order is fixed.

    Bytes: reads 8 (C + 1) + 12 a pixel of the box, from the cache for the most part; writes 36 + 12 C a triangle.
    Cost a pair, RGB, sm_90: 274 instructions (benchmarks/results/compile-*.csv).
    """
    dtype: tl.constexpr = triangles_ptr.dtype.element_ty
    face = tl.program_id(0).to(tl.int64)
    stripe = tl.program_id(1)
    group = tl.program_id(2) if CHANNELS < C else 0  # of channels
    first_pixel = face // faces * height * width  # of this triangle's image, in 64 bits; within an image, 32 bits are enough
    image, grad = image_ptr + first_pixel * (C + 1), grad_ptr + first_pixel * (C + 1)
    inv_sigma = tl.full((), inv_sigma, dtype)
    depth_scale = tl.full((), depth_scale, dtype)
    near = tl.full((), near, dtype)
    far = tl.full((), far, dtype)
    log_dist_eps = tl.full((), log_dist_eps, dtype)

    corner = triangles_ptr + face * 9
    x0, y0 = tl.load(corner), tl.load(corner + 1)
    x1, y1 = tl.load(corner + 3), tl.load(corner + 4)
    x2, y2 = tl.load(corner + 6), tl.load(corner + 7)
    fact = facts_ptr + face * FACTS
    inv_area, inv01, inv12, inv20 = tl.load(fact), tl.load(fact + 1), tl.load(fact + 2), tl.load(fact + 3)
    inv_z0, inv_z1, inv_z2 = tl.load(fact + 4), tl.load(fact + 5), tl.load(fact + 6)

    lane = tl.arange(0, BLOCK_H * BLOCK_W)
    zero = tl.zeros((BLOCK_H * BLOCK_W,), dtype)
    # Gradients by lane, summed over the blocks; x, y, z of corners 0, 1, 2, then the three corners' colours.
    gx0, gy0, gz0, gx1, gy1, gz1, gx2, gy2, gz2 = zero, zero, zero, zero, zero, zero, zero, zero, zero
    gc0, gc1, gc2 = (), (), ()
    for _k in tl.static_range(CHANNELS):
        gc0, gc1, gc2 = gc0 + (zero,), gc1 + (zero,), gc2 + (zero,)

    first_row, end_row = tl.load(boxes_ptr + face * 4), tl.load(boxes_ptr + face * 4 + 1)
    first_column, end_column = tl.load(boxes_ptr + face * 4 + 2), tl.load(boxes_ptr + face * 4 + 3)
    for row in range(first_row + stripe * BLOCK_H, end_row, stripes * BLOCK_H):
        for column in range(first_column, end_column, BLOCK_W):
            # 1. The pair again, as in the forward pass.
            i = row + lane // BLOCK_W
            j = column + lane % BLOCK_W
            in_box = (i < end_row) & (j < end_column)
            y = 1.0 - (2 * i + 1).to(dtype) / height.to(dtype)
            x = (2 * j + 1 - width).to(dtype) / height.to(dtype)
            area0, area1, area2 = corner_areas(x, y, x0, y0, x1, y1, x2, y2)
            raw0, raw1, raw2 = area0 * inv_area, area1 * inv_area, area2 * inv_area
            least = tl.minimum(tl.minimum(raw0, raw1), raw2)
            if EUCLIDEAN:
                d2 = squared_distance(x, y, x0, y0, x1, y1, x2, y2, inv01, inv12, inv20)
            else:
                d2 = least * least
            sign = tl.where(least > 0.0, inv_sigma, -inv_sigma)
            logit = d2 * sign
            log_d, _log_outside = log_probability(logit)
            w0, w1, w2, inv_total, lost = clip_barycentric(raw0, raw1, raw2)
            z = divide(1.0, w0 * inv_z0 + w1 * inv_z1 + w2 * inv_z2)
            keep = in_box & (log_d >= log_dist_eps) & (z >= near) & (z <= far)

            # 2. From alpha to the logit: d alpha / d logit_j = d alpha / d log_product * d log(1 - D_j) / d logit_j.
            pixel = i * width + j
            d_log_d, d_log_outside = d_log_probability(logit)
            grad_alpha = tl.load(grad + pixel * (C + 1) + C, keep & (group == 0), other=0.0)
            log_product = tl.load(log_product_ptr + first_pixel + pixel, keep, other=0.0)
            g_logit = grad_alpha * d_combine(log_product) * d_log_outside

            if CHANNELS > 0:
                # 3. From colour to log_weight_j: with share_j = W_j / sum of all W, color = sum share_j C_j has the derivative
                #    share_j (C_j - color) in log_weight_j, and share_j in C_j.
                peak = tl.load(peak_ptr + first_pixel + pixel, keep, other=0.0)
                den = tl.load(den_ptr + first_pixel + pixel, keep, other=1.0)
                share = tl.where(keep, exp(log_d + (near - z) * depth_scale - peak) * divide(1.0, den), 0.0)
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
                    out = tl.load(image + pixel * (C + 1) + c, keep & (c < C), other=0.0)
                    g = share * tl.load(grad + pixel * (C + 1) + c, keep & (c < C), other=0.0)
                    g_log_weight += g * (u0 * c0 + u1 * c1 + u2 * c2 - out)
                    # 4. From C_j = sum u_k c_k to the corner colours c_k and their weights u_k.
                    new_gc0, new_gc1, new_gc2 = new_gc0 + (gc0[k] + g * u0,), new_gc1 + (gc1[k] + g * u1,), new_gc2 + (gc2[k] + g * u2,)
                    g_u0, g_u1, g_u2 = g_u0 + g * c0, g_u1 + g * c1, g_u2 + g * c2
                gc0, gc1, gc2 = new_gc0, new_gc1, new_gc2

                # 5. From log_weight_j = log D_j + (near - z_j) depth_scale to the logit and to the depth.
                g_logit += g_log_weight * d_log_d
                g_z = -g_log_weight * depth_scale
                if PERSPECTIVE:
                    # 6. From u_k = w_k z / z_k to w_k, z, z_k.
                    g_z += g_u0 * w0 * inv_z0 + g_u1 * w1 * inv_z1 + g_u2 * w2 * inv_z2
                    gz0 -= g_u0 * u0 * inv_z0
                    gz1 -= g_u1 * u1 * inv_z1
                    gz2 -= g_u2 * u2 * inv_z2
                    g_u0, g_u1, g_u2 = g_u0 * z * inv_z0, g_u1 * z * inv_z1, g_u2 * z * inv_z2
                # 7. From z = 1 / sum(w_k / z_k): d z / d w_k = -z**2 / z_k, d z / d z_k = z**2 w_k / z_k**2.
                s0, s1, s2 = g_z * z * z * inv_z0, g_z * z * z * inv_z1, g_z * z * z * inv_z2
                gz0 += s0 * w0 * inv_z0
                gz1 += s1 * w1 * inv_z1
                gz2 += s2 * w2 * inv_z2
                # 8. From the clipped weights to the raw ones.
                g_w0, g_w1, g_w2 = d_clip_barycentric(g_u0 - s0, g_u1 - s1, g_u2 - s2, w0, w1, w2, inv_total, lost, raw0, raw1, raw2)
            else:
                g_w0, g_w1, g_w2 = zero, zero, zero

            # 9. From logit = +-d2 / sigma to d2, and from there to the corners (euclidean) or to the smallest weight (barycentric).
            g_d2 = tl.where(keep, g_logit * sign, 0.0)
            if EUCLIDEAN:
                hx0, hy0, hx1, hy1, hx2, hy2 = d_squared_distance(g_d2, x, y, x0, y0, x1, y1, x2, y2, inv01, inv12, inv20)
                gx0 += hx0
                gy0 += hy0
                gx1 += hx1
                gy1 += hy1
                gx2 += hx2
                gy2 += hy2
            else:
                g_least = 2.0 * least * g_d2
                least_is_0 = (raw0 <= raw1) & (raw0 <= raw2)
                least_is_1 = ~least_is_0 & (raw1 <= raw2)
                g_w0 += tl.where(least_is_0, g_least, 0.0)
                g_w1 += tl.where(least_is_1, g_least, 0.0)
                g_w2 += tl.where(least_is_0 | least_is_1, 0.0, g_least)

            if CHANNELS > 0 or not EUCLIDEAN:
                # 10. From raw_k = area_k / area to area_k. The three areas sum to `area`, so each moves all three weights.
                common = g_w0 * raw0 + g_w1 * raw1 + g_w2 * raw2
                a0, a1, a2 = (g_w0 - common) * inv_area, (g_w1 - common) * inv_area, (g_w2 - common) * inv_area
                hx0, hy0, hx1, hy1, hx2, hy2 = d_corner_areas(a0, a1, a2, x, y, x0, y0, x1, y1, x2, y2)
                gx0 += hx0
                gy0 += hy0
                gx1 += hx1
                gy1 += hy1
                gx2 += hx2
                gy2 += hy2

    # One sum over the lanes for each number, and a plain store.
    programs = tl.num_programs(0).to(tl.int64)  # B F
    out = grad_triangles_ptr + ((group * stripes + stripe) * programs + face) * 9
    tl.store(out, tl.sum(gx0))
    tl.store(out + 1, tl.sum(gy0))
    tl.store(out + 2, tl.sum(gz0))
    tl.store(out + 3, tl.sum(gx1))
    tl.store(out + 4, tl.sum(gy1))
    tl.store(out + 5, tl.sum(gz1))
    tl.store(out + 6, tl.sum(gx2))
    tl.store(out + 7, tl.sum(gy2))
    tl.store(out + 8, tl.sum(gz2))
    for k in tl.static_range(CHANNELS):
        c = group * CHANNELS + k
        out = grad_colors_ptr + (stripe * programs + face) * 3 * C + c
        tl.store(out, tl.sum(gc0[k]), c < C)
        tl.store(out + C, tl.sum(gc1[k]), c < C)
        tl.store(out + 2 * C, tl.sum(gc2[k]), c < C)
