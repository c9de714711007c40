"""The backward pass by tiles, which the package does not use: the rival that tune.py measures.

A program goes through the list of its tile as in the forward pass; at each triangle it sums each of
the 9 + 3 C numbers over its pixels and adds the sum to the triangle's with an atomic. So the order
of a sum, and with it its last bits, differ from run to run. Euclidean distance, colours affine on
the screen, the Soft Rasterizer's own distribution and conorm."""
# mypy: ignore-errors
# ruff: noqa: N803, N806, RUF005

import torch
import triton
import triton.language as tl
from torch import Tensor

from ...rasterizers import triton_gpu
from ...rasterizers.options import Options
from ...rasterizers.tiles import Tiles
from ...rasterizers.triton_gpu.load import load_colors, load_triangle, pixel_center, to_dtype
from ...rasterizers.triton_gpu.numbers import exp
from ...rasterizers.triton_gpu.pair import (
    barycentric_backward,
    beside_edges,
    clip_barycentric,
    clip_barycentric_backward,
    depth_backward,
    interpolate_depth,
    plus,
    probability_map,
    signed_logit,
    squared_distance,
    squared_distance_backward,
)


@triton.jit(do_not_specialize=["height", "width", "columns", "tiles"])
def _backward_by_tile_kernel(
    triangles_ptr, facts_ptr, colors_ptr, starts_ptr, list_ptr, image_ptr, d_image_ptr, saved_ptr,
    d_triangles_ptr,  # in and out (B, F, 3, 3), zeros at first
    d_colors_ptr,  # in and out (B, F, 3, C), zeros at first
    height, width, columns, tiles,
    inv_sigma: tl.float64, depth_scale: tl.float64, near: tl.float64, far: tl.float64,
    log_dist_eps: tl.float64,
    C: tl.constexpr, CHANNELS: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Gradient of all triangles from the pixels of one tile. Euclidean distance, colours affine on
    the screen; else as in triton_gpu/kernels.py."""
    dtype: tl.constexpr = triangles_ptr.dtype.element_ty
    inv_sigma, depth_scale, near, far, log_dist_eps = to_dtype(
        (inv_sigma, depth_scale, near, far, log_dist_eps), dtype
    )
    tile = tl.program_id(0)
    lane = tl.arange(0, TILE * TILE)
    i = (tile % tiles) // columns * TILE + lane // TILE
    j = (tile % tiles) % columns * TILE + lane % TILE
    in_image = (i < height) & (j < width)
    x, y = pixel_center(i, j, width, 1.0 / height.to(dtype))
    zero = tl.zeros((TILE * TILE,), dtype)

    # What belongs to the pixels is read once, before the loop.
    pixel = (tile // tiles).to(tl.int64) * height * width + i * width + j
    SAVED: tl.constexpr = 3 if CHANNELS > 0 else 1
    saved = saved_ptr + pixel * SAVED
    d_alpha = tl.load(d_image_ptr + pixel * (C + 1) + C, in_image, other=0.0)
    d_log_product = d_alpha * tl.load(saved, in_image, other=0.0)
    color, d_color = (), ()
    for k in tl.static_range(CHANNELS):
        color = color + (tl.load(image_ptr + pixel * (C + 1) + k, in_image, other=0.0),)
        d_color = d_color + (tl.load(d_image_ptr + pixel * (C + 1) + k, in_image, other=0.0),)
    if CHANNELS > 0:
        peak = tl.load(saved + 1, in_image, other=0.0)
        inv_den = tl.load(saved + 2, in_image, other=0.0)

    start = tl.load(starts_ptr + tile)
    for entry in range((tl.load(starts_ptr + tile + 1) - start).to(tl.int32)):
        face = tl.load(list_ptr + start + entry).to(tl.int64)
        edges, inv_z = load_triangle(triangles_ptr, facts_ptr, face)
        v, least, segments = beside_edges(x, y, edges)
        d2 = squared_distance(segments, least, True)
        logit, logit_slope = signed_logit(d2, least, inv_sigma, True, True)
        log_d, _log_outside, slope_d, slope_outside = probability_map(
            logit, (), 0, "logistic", False
        )
        w, inv_w_sum = clip_barycentric(v)
        z = interpolate_depth(w, inv_z)
        keep = in_image & (log_d >= log_dist_eps) & (z >= near) & (z <= far)

        d_logit = d_log_product * slope_outside
        d_x, d_y = (zero, zero, zero), (zero, zero, zero)
        corner = d_triangles_ptr + face * 9
        if CHANNELS > 0:
            log_weight = tl.where(keep, log_d + (near - z) * depth_scale, -float("inf"))
            share = exp(log_weight - peak) * inv_den
            d_log_weight, d_u = zero, (zero, zero, zero)
            for k in tl.static_range(CHANNELS):
                c0, c1, c2 = load_colors(colors_ptr, face, k, C)
                d_face_color = share * d_color[k]
                d_log_weight += d_face_color * (w[0] * c0 + w[1] * c1 + w[2] * c2 - color[k])
                d_u = plus(d_u, (c0, c1, c2), d_face_color)
                out = d_colors_ptr + face * 3 * C + k
                tl.atomic_add(out, tl.sum(d_face_color * w[0]), sem="relaxed")
                tl.atomic_add(out + C, tl.sum(d_face_color * w[1]), sem="relaxed")
                tl.atomic_add(out + 2 * C, tl.sum(d_face_color * w[2]), sem="relaxed")
            d_logit += d_log_weight * slope_d
            d_w, d_inv_z = depth_backward(
                d_log_weight, d_u, (zero, zero, zero), w, w, z, inv_z, depth_scale, False
            )
            for k in tl.static_range(3):
                d_z = tl.sum(d_inv_z[k]) * -inv_z[k] * inv_z[k]
                tl.atomic_add(corner + 3 * k + 2, d_z, sem="relaxed")
            d_v = clip_barycentric_backward(d_w, w, inv_w_sum, v)
            pull_x, pull_y = barycentric_backward(d_v, edges)
            d_x, d_y = plus(d_x, v, pull_x), plus(d_y, v, pull_y)
        d_d2 = tl.where(keep, d_logit * logit_slope, 0.0)
        push_x, push_y, levers = squared_distance_backward(d_d2, segments)
        d_x, d_y = plus(d_x, levers, push_x), plus(d_y, levers, push_y)
        for k in tl.static_range(3):
            tl.atomic_add(corner + 3 * k, tl.sum(d_x[k]), sem="relaxed")
            tl.atomic_add(corner + 3 * k + 1, tl.sum(d_y[k]), sem="relaxed")


def launch(
    triangles: Tensor,  # (B, F, 3, 3)
    facts: Tensor,  # (B, F, 8), from launch_setup
    colors: Tensor | None,  # (B, F, 3, C)
    lists: Tiles,
    image: Tensor,  # (B, H, W, C + 1)
    d_image: Tensor,  # the same shape
    saved: Tensor,  # from launch_forward
    o: Options,
    warps: int = 1,
) -> tuple[Tensor, Tensor | None]:
    """Gradients of triangles and colours from the image's gradient, both contiguous."""
    channels = 0 if colors is None else colors.shape[-1]
    d_triangles = torch.zeros_like(triangles)
    d_colors = None if colors is None else torch.zeros_like(colors)
    with triton_gpu._on_device(triangles):
        _backward_by_tile_kernel[(len(triangles) * lists.rows * lists.columns,)](
            triangles, facts, triangles if colors is None else colors, lists.starts, lists.faces,
            image, d_image, saved,
            d_triangles, triangles if d_colors is None else d_colors,
            o.height, o.width, lists.columns, lists.rows * lists.columns,
            1 / o.sigma, 1 / ((o.far - o.near) * o.gamma), float(o.near), float(o.far),
            o.log_dist_eps,
            C=channels, CHANNELS=channels, TILE=lists.size, num_warps=warps, enable_fp_fusion=True,
        )  # fmt: skip
    return d_triangles, d_colors


def backward_by_tile(
    triangles: Tensor, colors: Tensor | None, background: Tensor, d_image: Tensor, o: Options
) -> tuple[Tensor, Tensor | None]:
    """Forward as the package does it, then backward by tiles: gradients of triangles and
    colours."""
    boxes, count, facts = triton_gpu.launch_setup(triangles, colors, background, o)
    ends, length = triton_gpu.wait_for_length(count, triangles, colors, background)
    lists = triton_gpu.launch_fill(boxes, count, ends, length, o)
    image, saved = triton_gpu.launch_forward(triangles, facts, colors, background, lists, o)
    return launch(triangles, facts, colors, lists, image, d_image, saved, o)
