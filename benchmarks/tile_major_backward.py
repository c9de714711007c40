"""The backward pass by tiles, which the package does not use, against the one by triangles, which
it does: instructions, counted without a GPU.

    python benchmarks/tile_major_backward.py [--out benchmarks/results]

prints a table, and with --out writes backward-by-tile-or-face.csv.

By tiles, a program goes through the list of its tile as in the forward pass; at each triangle it
sums each of the 9 + 3 C numbers over its pixels and adds the sum to the triangle's with an
atomic. By triangles, a program goes through the pixels of its triangle's box, keeps the sums in
registers, and writes them once. The table counts what each would execute in two cases: loop
bodies and what surrounds them from the compiled code (sm_90), times turns counted from the
scenes. The floor is what the live pairs alone would take with the shortest loop bodies ever
compiled for this (133 instructions forward, 161 backward), at 33.4e12 instructions a second
(H200).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import triton
from torch import Tensor

from softras_edu.bench import Case, table
from softras_edu.bench.gpu.tile_major import _backward_by_tile_kernel
from softras_edu.bench.measure import count_pairs
from softras_edu.camera import Camera
from softras_edu.rasterizers import tiles, triton_gpu
from softras_edu.rasterizers.options import Options
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


def compile_all() -> dict[tuple[str, int, int], tuple[int, int]]:
    """(kernel, warps, tile) -> instructions of the loop, and around it: RGB, float32, sm_90."""
    import compile_kernels as c

    size_of_tile = {"TILE": triton_gpu.LAUNCH.tile}
    c.KERNELS["_backward_by_tile_kernel"] = (_backward_by_tile_kernel, size_of_tile)
    plans = [
        ("_forward_kernel", 1, 8),
        ("_backward_by_face_kernel", 1, 0),
        *(("_backward_by_tile_kernel", w, t) for w, t in ((1, 8), (2, 8), (2, 16), (4, 16))),
    ]
    code = {}
    for kernel, warps, size in plans:
        constants = {"TILE": size} if size else {}
        compiled = c.compile_kernel(kernel, "sm_90", warps=warps, C=3, CHANNELS=3, **constants)
        lines, loops = read_sass(compiled.asm["cubin"])
        loop = innermost(loops)
        code[kernel, warps, size] = loop, len(lines) - loop
    return code


def boxes_of(case: Case) -> tuple[Tensor, Options]:
    """The boxes (B, F, 4) of a case's triangles."""
    o = Options(height=case.side, width=case.side, sigma=case.sigma)
    mesh = icosphere(case.level)
    azimuths = [360 * k / case.batch for k in range(case.batch)]
    triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.732, 30, azimuths))
    return tiles.reach_boxes(triangles, o), o


def compare() -> list[dict[str, Any]]:
    """All rows of the table."""
    code = compile_all()
    rows = []
    for name, case in CASES.items():
        boxes, o = boxes_of(case)
        tall, wide = (boxes[..., 1] - boxes[..., 0]).long(), (boxes[..., 3] - boxes[..., 2]).long()
        sizes = triton_gpu.LAUNCH
        blocks = int((-(-tall // sizes.block_h) * -(-wide // sizes.block_w)).sum())
        live, _ = count_pairs(case, "cpu")
        for (kernel, warps, size), (loop, around) in code.items():
            programs, turns = boxes.shape[0] * boxes.shape[1], blocks
            if size:
                lists = tiles.tile_lists(boxes, o.height, o.width, size)
                programs, turns = len(lists.starts) - 1, len(lists.faces)
            instructions = 32 * warps * (programs * around + turns * loop)
            floor = live * FLOOR["forward" if kernel == "_forward_kernel" else "backward"]
            numbers = (
                round(instructions / 1e6, 1),
                round(instructions / LANES_A_SECOND * 1e6, 1),
                round(100 * floor / instructions, 1),
            )
            row = (name, kernel, warps, size or "", programs, turns, loop, around, *numbers)
            rows.append(dict(zip(FIELDS, row, strict=True)))
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
        "RGB, float32, sigma 1e-4, sm_90; instructions counted lane by lane; "
        "microseconds if an H200 issued one in every slot\n"
    )
    print(
        f"{'case':<28} {'kernel':<26} {'tile':>4} {'warps':>5} {'turns':>9} {'a turn':>6} "
        f"{'around':>6} {'1e6 instr.':>11} {'us':>8} {'of floor':>8}"
    )
    for r in rows:
        print(
            f"{r['case']:<28} {r['kernel']:<26} {r['tile']:>4} {r['warps']:>5} {r['turns']:>9,} "
            f"{r['loop']:>6} {r['around']:>6} {r['instructions_1e6']:>11,} "
            f"{r['microseconds']:>8} {r['percent_of_floor']:>7} %"
        )
    if out:
        made = [row | {"triton": triton.__version__} for row in rows]
        table.write(out / "backward-by-tile-or-face.csv", made, [*FIELDS, "triton"])


if __name__ == "__main__":
    main()
