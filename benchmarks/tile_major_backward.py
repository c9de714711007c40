"""The backward pass by tiles, which the package does not use, against the one by triangles, which it does: instructions, without a GPU.

    python benchmarks/tile_major_backward.py [--out benchmarks/results]        prints a table, writes backward-by-tile-or-face.csv

By tiles, a program goes through the list of its tile as in the forward pass; at each triangle it sums each of the 9 + 3 C numbers over its
pixels and adds the sum to the triangle's with an atomic. By triangles, a program goes through the pixels of its triangle's box, keeps the sums
in registers, and writes them once. The table counts what each would execute in the two cases of the design: loop bodies and what surrounds them
from the compiled code (sm_90), times turns counted from the scenes. The floor is what the live pairs alone would take with the shortest loop bodies
ever compiled for this (133 instructions forward, 161 backward), at 33.4e12 instructions a second (H200).
"""
# ruff: noqa: N803, RUF005

from __future__ import annotations

import argparse
import csv
import os
import sys
from pathlib import Path
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from softras_edu.bench import Case
from softras_edu.bench.measure import count_pairs
from softras_edu.camera import Camera
from softras_edu.rasterizers import tiles, triton_gpu
from softras_edu.rasterizers.options import Options
from softras_edu.rasterizers.triton_gpu.gendr import tails
from softras_edu.rasterizers.triton_gpu.numbers import exp, reciprocal
from softras_edu.rasterizers.triton_gpu.pair import (
    beside,
    clip_barycentric,
    d_clip_barycentric,
    edge,
    nearest_on_boundary,
)
from softras_edu.rasterizers.triton_gpu.setup import FACTS
from softras_edu.rendering import screen_triangles
from softras_edu.shapes import icosphere
from softras_edu.teaching.triton_lab.machine_code import innermost, read_sass

CASES = {
    "64 of 64 x 64, 1,280 faces": Case(64, 3, 1e-4, 64),
    "one 512 x 512, 20,480 faces": Case(512, 5, 1e-4, 1),
}
LANES_A_SECOND = 132 * 128 * 1.98e9  # H200: instructions a second, counted lane by lane
FLOOR = {"forward": 133, "backward": 161}  # instructions a live pair, RGB
FIELDS = (
    "case",
    "kernel",
    "warps",
    "tile",
    "programs",
    "turns",
    "loop",
    "around",
    "instructions_1e6",
    "microseconds",
    "percent_of_floor",
)


@triton.jit(do_not_specialize=["height", "width", "columns", "tiles"])
def _backward_by_tile_kernel(
    triangles_ptr, facts_ptr, colors_ptr, starts_ptr, list_ptr, image_ptr, grad_ptr, state_ptr,
    grad_triangles_ptr,  # in and out (B, F, 3, 3), zeros at first
    grad_colors_ptr,  # in and out (B, F, 3, C), zeros at first
    height, width, columns, tiles,
    inv_sigma: tl.float64, depth_scale: tl.float64, near: tl.float64, far: tl.float64, log_dist_eps: tl.float64,
    C: tl.constexpr, CHANNELS: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Gradient of all triangles from the pixels of one tile. Euclidean distance, colours affine on the screen; else as in triton_gpu/kernels.py."""
    dtype: tl.constexpr = triangles_ptr.dtype.element_ty
    tile = tl.program_id(0)
    lane = tl.arange(0, TILE * TILE)
    i = (tile % tiles) // columns * TILE + lane // TILE
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
    zero = tl.zeros((TILE * TILE,), dtype)

    # What belongs to the pixels is read once, before the loop.
    pixel = (tile // tiles).to(tl.int64) * height * width + i * width + j
    state_size: tl.constexpr = 3 if CHANNELS > 0 else 1
    state = state_ptr + pixel * state_size
    g_product = tl.load(grad_ptr + pixel * (C + 1) + C, in_image, other=0.0) * tl.load(
        state, in_image, other=0.0
    )
    out, grad = (), ()
    for k in tl.static_range(CHANNELS):
        out = out + (tl.load(image_ptr + pixel * (C + 1) + k, in_image, other=0.0),)
        grad = grad + (tl.load(grad_ptr + pixel * (C + 1) + k, in_image, other=0.0),)
    if CHANNELS > 0:
        peak, inv_den = (
            tl.load(state + 1, in_image, other=0.0),
            tl.load(state + 2, in_image, other=0.0),
        )

    start = tl.load(starts_ptr + tile)
    for entry in range((tl.load(starts_ptr + tile + 1) - start).to(tl.int32)):
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
        e12x, e12y, along_x, along_y, slope0x, slope0y = edge(x1, y1, x2, y2, inv12, inv_area)
        raw0, d2_12, t12, gx_12, gy_12 = beside(
            x, y, x1, y1, e12x, e12y, along_x, along_y, slope0x, slope0y
        )
        e20x, e20y, along_x, along_y, slope1x, slope1y = edge(x2, y2, x0, y0, inv20, inv_area)
        raw1, d2_20, t20, gx_20, gy_20 = beside(
            x, y, x2, y2, e20x, e20y, along_x, along_y, slope1x, slope1y
        )
        e01x, e01y, along_x, along_y, slope2x, slope2y = edge(x0, y0, x1, y1, inv01, inv_area)
        raw2, d2_01, t01, gx_01, gy_01 = beside(
            x, y, x0, y0, e01x, e01y, along_x, along_y, slope2x, slope2y
        )
        sign = tl.where(tl.minimum(tl.minimum(raw0, raw1), raw2) > 0.0, inv_sigma, -inv_sigma)
        logit = tl.minimum(tl.minimum(d2_01, d2_12), d2_20) * sign
        log_d, _log_outside, d_log_d, d_log_outside = tails(
            logit, 0.0, 0.0, 0, 0.0, "logistic", False
        )
        w0, w1, w2, inv_total = clip_barycentric(raw0, raw1, raw2)
        z = reciprocal(w0 * inv_z0 + w1 * inv_z1 + w2 * inv_z2)
        keep = in_image & (log_d >= log_dist_eps) & (z >= near) & (z <= far)

        g_logit = g_product * d_log_outside
        hx, hy = zero, zero
        grads = grad_triangles_ptr + face * 9
        if CHANNELS > 0:
            share = (
                exp(tl.where(keep, log_d + (near - z) * depth_scale - peak, -float("inf")))
                * inv_den
            )
            g_log_weight, g_w0, g_w1, g_w2 = zero, zero, zero, zero
            for k in tl.static_range(CHANNELS):
                color = colors_ptr + face * 3 * C + k
                c0, c1, c2 = tl.load(color), tl.load(color + C), tl.load(color + 2 * C)
                g = share * grad[k]
                g_log_weight += g * (w0 * c0 + w1 * c1 + w2 * c2 - out[k])
                g_w0, g_w1, g_w2 = g_w0 + g * c0, g_w1 + g * c1, g_w2 + g * c2
                g_color = grad_colors_ptr + face * 3 * C + k
                tl.atomic_add(g_color, tl.sum(g * w0), sem="relaxed")
                tl.atomic_add(g_color + C, tl.sum(g * w1), sem="relaxed")
                tl.atomic_add(g_color + 2 * C, tl.sum(g * w2), sem="relaxed")
            g_logit += g_log_weight * d_log_d
            g_v = g_log_weight * depth_scale * z * z
            tl.atomic_add(grads + 2, tl.sum(g_v * w0) * -inv_z0 * inv_z0, sem="relaxed")
            tl.atomic_add(grads + 5, tl.sum(g_v * w1) * -inv_z1 * inv_z1, sem="relaxed")
            tl.atomic_add(grads + 8, tl.sum(g_v * w2) * -inv_z2 * inv_z2, sem="relaxed")
            g_w0, g_w1, g_w2 = g_w0 + g_v * inv_z0, g_w1 + g_v * inv_z1, g_w2 + g_v * inv_z2
            g_w0, g_w1, g_w2 = d_clip_barycentric(
                g_w0, g_w1, g_w2, w0, w1, w2, inv_total, raw0, raw1, raw2
            )
            hx = g_w0 * slope0x + g_w1 * slope1x + g_w2 * slope2x
            hy = g_w0 * slope0y + g_w1 * slope1y + g_w2 * slope2y
        g_d2 = tl.where(keep, g_logit * sign, 0.0)
        at0, at1, at2, gap_x, gap_y = nearest_on_boundary(
            d2_12, t12, gx_12, gy_12, d2_20, t20, gx_20, gy_20, d2_01, t01, gx_01, gy_01
        )
        kx, ky = -2.0 * g_d2 * gap_x, -2.0 * g_d2 * gap_y
        tl.atomic_add(grads, tl.sum(at0 * kx - raw0 * hx), sem="relaxed")
        tl.atomic_add(grads + 1, tl.sum(at0 * ky - raw0 * hy), sem="relaxed")
        tl.atomic_add(grads + 3, tl.sum(at1 * kx - raw1 * hx), sem="relaxed")
        tl.atomic_add(grads + 4, tl.sum(at1 * ky - raw1 * hy), sem="relaxed")
        tl.atomic_add(grads + 6, tl.sum(at2 * kx - raw2 * hx), sem="relaxed")
        tl.atomic_add(grads + 7, tl.sum(at2 * ky - raw2 * hy), sem="relaxed")


def backward_by_tile(
    triangles: Tensor, colors: Tensor | None, background: Tensor, grad: Tensor, o: Options
) -> tuple[Tensor, Tensor | None]:
    """Forward as the package does it, then backward by tiles: the gradients of triangles and colours."""
    boxes, count, facts = triton_gpu.launch_setup(triangles, colors, background, o)
    ends, length = triton_gpu.wait_for_length(count, triangles, colors, background)
    lists = triton_gpu.launch_fill(boxes, count, ends, length, o)
    image, state = triton_gpu.launch_forward(triangles, facts, colors, background, lists, o)
    channels = 0 if colors is None else colors.shape[-1]
    grad_triangles, grad_colors = (
        torch.zeros_like(triangles),
        None if colors is None else torch.zeros_like(colors),
    )
    _backward_by_tile_kernel[(len(triangles) * lists.rows * lists.columns,)](
        triangles, facts, triangles if colors is None else colors, lists.starts, lists.faces, image, grad, state,
        grad_triangles, triangles if grad_colors is None else grad_colors,
        o.height, o.width, lists.columns, lists.rows * lists.columns,
        1 / o.sigma, 1 / ((o.far - o.near) * o.gamma), float(o.near), float(o.far), o.log_dist_eps,
        C=channels, CHANNELS=channels, TILE=triton_gpu.TILE, num_warps=1,
    )  # fmt: skip
    return grad_triangles, grad_colors


def compare() -> list[dict[str, Any]]:
    """All rows of the table: RGB, float32, sm_90."""
    import compile_kernels as c

    c.KERNELS["_backward_by_tile_kernel"] = (_backward_by_tile_kernel, {"TILE": triton_gpu.TILE})
    code: dict[
        tuple[str, int, int], tuple[int, int]
    ] = {}  # (kernel, warps, tile) -> instructions of the loop, and around it
    plans = [
        ("_forward_kernel", 1, 8),
        ("_backward_by_face_kernel", 1, 0),
        *(("_backward_by_tile_kernel", w, t) for w, t in ((1, 8), (2, 8), (2, 16), (4, 16))),
    ]
    for kernel, warps, size in plans:
        constants = {"TILE": size} if size else {}
        compiled = c.compile_kernel(kernel, "sm_90", warps=warps, C=3, CHANNELS=3, **constants)
        lines, loops = read_sass(compiled.asm["cubin"])
        loop = innermost(loops)
        code[kernel, warps, size] = loop, len(lines) - loop
    rows = []
    for name, case in CASES.items():
        o = Options(height=case.side, width=case.side, sigma=case.sigma)
        mesh = icosphere(case.level)
        triangles = screen_triangles(
            mesh.verts,
            mesh.faces,
            Camera.orbit(2.732, 30, [360 * k / case.batch for k in range(case.batch)]),
        )
        boxes = tiles.reach_boxes(triangles, o)
        tall, wide = (boxes[..., 1] - boxes[..., 0]).long(), (boxes[..., 3] - boxes[..., 2]).long()
        blocks = int((-(-tall // triton_gpu.BLOCK_H) * -(-wide // triton_gpu.BLOCK_W)).sum())
        live, _ = count_pairs(case, "cpu")
        for (kernel, warps, size), (loop, around) in code.items():
            if size:
                lists = tiles.tile_lists(boxes, o.height, o.width, size)
                programs, turns = len(lists.starts) - 1, len(lists.faces)
            else:
                programs, turns = boxes.shape[0] * boxes.shape[1], blocks
            instructions = 32 * warps * (programs * around + turns * loop)
            floor = live * FLOOR["forward" if kernel == "_forward_kernel" else "backward"]
            numbers = (
                round(instructions / 1e6, 1),
                round(instructions / LANES_A_SECOND * 1e6, 1),
                round(100 * floor / instructions, 1),
            )
            rows.append(
                dict(
                    zip(
                        FIELDS,
                        (name, kernel, warps, size or "", programs, turns, loop, around, *numbers),
                        strict=True,
                    )
                )
            )
    return rows


def main() -> None:
    if os.environ.get("TRITON_INTERPRET") == "1":
        sys.exit("TRITON_INTERPRET=1 is set: there is nothing to compile then. Unset it.")
    parser = argparse.ArgumentParser(
        description="Count the instructions of two ways to run the backward pass."
    )
    parser.add_argument(
        "--out", type=Path, help="folder for backward-by-tile-or-face.csv; without it, only print"
    )
    out = parser.parse_args().out
    rows = compare()
    print(
        "RGB, float32, sigma 1e-4, sm_90; instructions counted lane by lane; microseconds if an H200 issued one in every slot\n"
    )
    print(
        f"{'case':<28} {'kernel':<26} {'tile':>4} {'warps':>5} {'turns':>9} {'a turn':>6} {'around':>6} {'1e6 instr.':>11} {'us':>8} {'of floor':>8}"
    )
    for r in rows:
        place = f"{r['case']:<28} {r['kernel']:<26} {r['tile']:>4} {r['warps']:>5} {r['turns']:>9,} {r['loop']:>6} {r['around']:>6}"
        print(
            f"{place} {r['instructions_1e6']:>11,} {r['microseconds']:>8} {r['percent_of_floor']:>7} %"
        )
    if out:
        out.mkdir(parents=True, exist_ok=True)
        with (out / "backward-by-tile-or-face.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, [*FIELDS, "triton"])
            writer.writeheader()
            writer.writerows(row | {"triton": triton.__version__} for row in rows)


if __name__ == "__main__":
    main()
