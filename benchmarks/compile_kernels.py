"""Compile the Triton kernels of rung 5 for real GPUs, on a machine that has none, and read what
came out: registers, spills, instructions.

    python benchmarks/compile_kernels.py [--all] [--targets sm_75,sm_86] [--out benchmarks/results]

prints a table and writes compile-<date>.csv.

--all: float64 too, C = 0, 1, 3, 7 and more, both distances, with and without perspective, and (in
float32, for three targets) GenDR's distributions and conorms; 20 minutes to an hour. Spilled counts
bytes and registers that went to memory. AMD's scalar registers spill into vector registers first,
which costs no memory; they have a column of their own.

Instructions per pair: those of the innermost loop that the compiler made of the loop over pairs,
over the number of pairs that one lane handles in one turn. Rare paths inside the loop (a division
of denormal numbers, say) count as if they were always taken. The gamma distribution's loop over
pairs holds another one, over the terms of its series, so it has no such number.

TRITON_INTERPRET must not be set: then there would be nothing to compile.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import sys
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from softras_edu.bench import table
from softras_edu.rasterizers import triton_gpu
from softras_edu.rasterizers.triton_gpu import kernels as triton_kernels
from softras_edu.rasterizers.triton_gpu import setup as triton_setup
from softras_edu.softness import CONORMS, DISTRIBUTIONS
from softras_edu.teaching.triton_lab.machine_code import innermost, read_cubin

TARGETS = {
    "sm_75": GPUTarget("cuda", 75, 32),  # T4 (Colab), RTX 20
    "sm_80": GPUTarget("cuda", 80, 32),  # A100
    "sm_86": GPUTarget("cuda", 86, 32),  # RTX 30, A10
    "sm_90": GPUTarget("cuda", 90, 32),  # H100, H200
    "sm_120": GPUTarget("cuda", 120, 32),  # RTX 50
    "gfx942": GPUTarget("hip", "gfx942", 64),  # MI300
}
GENDR_TARGETS = ("sm_80", "sm_90", "gfx942")  # GenDR's variants, with --all
VARIANTS = {"RGB": {"C": 3, "CHANNELS": 3}, "silhouette": {"C": 0, "CHANNELS": 0}}
for _c in (1, 3, 7, 19):  # 19 channels go in groups, here in groups as large as they can be
    for _distance in ("euclidean", "barycentric"):
        for _way in ("screen", "perspective"):
            VARIANTS[f"C = {_c}, {_distance}, {_way}"] = {
                "C": _c,
                "CHANNELS": {
                    "fp32": min(_c, triton_gpu.MOST_CHANNELS[torch.float32]),
                    "fp64": min(_c, triton_gpu.MOST_CHANNELS[torch.float64]),
                },
                "EUCLIDEAN": _distance == "euclidean",
                "PERSPECTIVE": _way == "perspective",
            }
VARIANTS["silhouette, barycentric"] = {"C": 0, "CHANNELS": 0, "EUCLIDEAN": False}
# GenDR, RGB: every distribution with the Soft Rasterizer's conorm, every conorm with its
# distribution, and two of the longest.
_PAIRS = [(name, "probabilistic") for name in DISTRIBUTIONS if name != "logistic"] + [
    ("logistic", name) for name in CONORMS if name != "probabilistic"
]
GENDR = {
    f"{distribution}, {conorm}": (distribution, True, conorm) for distribution, conorm in _PAIRS
}
GENDR |= {
    "levy, frank, not squared": ("levy", False, "frank"),
    "gaussian, schweizer_sklar, not squared": ("gaussian", False, "schweizer_sklar"),
}
VARIANTS |= {
    name: {"C": 3, "CHANNELS": 3, **triton_gpu.constants(*choice)} for name, choice in GENDR.items()
}
# What the test compiles: what runs most, and what costs most registers.
QUICK = [
    ("RGB", "fp32"),
    ("silhouette", "fp32"),
    ("C = 7, euclidean, perspective", "fp32"),
    ("C = 3, euclidean, perspective", "fp64"),
]
SETUP = {
    "TILE": triton_gpu.LAUNCH.tile,
    "BLOCK": triton_gpu.LAUNCH.setup_block,
    "CULL": True,
    "ULP": 2.0**-23,
}
FILL = {"TILE": triton_gpu.LAUNCH.tile, "BLOCK": 32}
GROUP = {"BLOCK": triton_gpu.LAUNCH.setup_block}
SOFTRAS = triton_gpu.constants("logistic", True, "probabilistic")
FORWARD = {"TILE": triton_gpu.LAUNCH.tile, **SOFTRAS}
BACKWARD = {**SOFTRAS, "BLOCK_H": triton_gpu.LAUNCH.block_h, "BLOCK_W": triton_gpu.LAUNCH.block_w}
OF_PAIRS: dict[str, tuple[Any, dict[str, Any]]] = {
    "_forward_kernel": (triton_kernels._forward_kernel, FORWARD),
    "_backward_by_face_kernel": (triton_kernels._backward_by_face_kernel, BACKWARD),
}
OF_TRIANGLES: dict[str, tuple[Any, dict[str, Any]]] = {
    "_setup_kernel": (triton_setup._setup_kernel, SETUP),
    "_fill_kernel": (triton_setup._fill_kernel, FILL),
    "_group_kernel": (triton_setup._group_kernel, GROUP),
}
KERNELS = OF_PAIRS | OF_TRIANGLES
FIELDS = (
    "kernel",
    "variant",
    "dtype",
    "target",
    "registers",
    "spilled",
    "scalars_spilled",
    "shared_bytes",
    "loop_instructions",
    "pairs_per_lane",
    "instructions_per_pair",
)


def compile_kernel(
    kernel: str, target: str, dtype: str = "fp32", warps: int | None = None, **constants: Any
) -> Any:
    """The compiled kernel; `.asm` holds the code of every stage. dtype: "fp32" or "fp64";
    constants: the kernel's constexpr arguments."""
    warps = warps or (4 if kernel in ("_setup_kernel", "_group_kernel") else 1)
    function, sizes = KERNELS[kernel]
    plain = {"EUCLIDEAN": True, "PERSPECTIVE": False, "TEXTURE": 0, "STAGES": 1}
    constants = {**plain, **sizes, **constants}
    constants = {name: value for name, value in constants.items() if name in function.arg_names}
    integers = dict.fromkeys(("list_ptr", "boxes_ptr", "tile_ptr", "face_ptr"), "*i32")
    integers |= dict.fromkeys(
        ("starts_ptr", "ends_ptr", "count_ptr", "order_ptr", "where_ptr"), "*i64"
    )
    signature = {}
    for parameter in function.params:
        name = parameter.name
        if parameter.is_constexpr:
            signature[name] = "constexpr"
        elif name in integers:
            signature[name] = integers[name]
        elif name.endswith("_ptr"):
            signature[name] = f"*{dtype}"
        else:
            signature[name] = (
                parameter.annotation_type or "i32"
            )  # sizes are plain ints, options are annotated tl.float64
    # PyTorch's memory is aligned to 16 bytes, and the launcher tells the compiler so.
    attributes = {
        (i,): [["tt.divisibility", 16]] for i, name in enumerate(signature) if name.endswith("_ptr")
    }
    source = ASTSource(function, signature, constants, attributes)
    return triton.compile(
        source,
        target=TARGETS[target],
        options={"num_warps": warps, "enable_fp_fusion": kernel not in OF_TRIANGLES},
    )


def report(kernel: str, variant: str, target: str, dtype: str = "fp32") -> dict[str, Any]:
    """One row of the table."""
    constants = VARIANTS.get(variant, {})
    if isinstance(constants.get("CHANNELS"), dict):
        constants = constants | {"CHANNELS": constants["CHANNELS"][dtype]}
    compiled = compile_kernel(kernel, target, dtype, **constants)
    code = compiled.asm
    if "cubin" in code:
        registers, spilled, loop = read_cubin(code["cubin"])
        scalars = 0
    else:
        registers, spilled, scalars, loop = _read_amd(code["amdgcn"])
    if kernel in OF_TRIANGLES:
        return dict(
            zip(
                FIELDS,
                (
                    kernel,
                    variant,
                    dtype,
                    target,
                    registers,
                    spilled,
                    scalars,
                    compiled.metadata.shared,
                    "",
                    "",
                    "",
                ),
                strict=True,
            )
        )
    pixels = (
        triton_gpu.LAUNCH.tile**2
        if kernel == "_forward_kernel"
        else triton_gpu.LAUNCH.block_h * triton_gpu.LAUNCH.block_w
    )
    lanes = TARGETS[target].warp_size
    pairs = max(1, pixels // lanes)
    row = (
        kernel,
        variant,
        dtype,
        target,
        registers,
        spilled,
        scalars,
        compiled.metadata.shared,
        loop,
        pairs,
        round(loop / pairs, 1),
    )
    if constants.get("DISTRIBUTION") == "gamma":
        row = (*row[:-3], "", pairs, "")
    return dict(zip(FIELDS, row, strict=True))


def _read_amd(assembly: str) -> tuple[int, int, int, int]:
    """Vector registers a lane, bytes and vector registers in memory, scalar registers that went
    into vector registers, instructions of the loop."""
    facts = r"\.(vgpr_count|vgpr_spill_count|sgpr_spill_count|private_segment_fixed_size):\s*(\d+)"
    numbers = {name: int(value) for name, value in re.findall(facts, assembly)}
    labels: dict[str, int] = {}
    loops, count = [], 0
    for line in assembly.splitlines():
        label = re.match(r"(\.LBB\w+):", line)
        if label:
            labels[label.group(1)] = count
        elif re.match(r"\s+[sv]_|\s+(global|flat|ds|buffer)_", line):
            count += 1
            jump = re.search(r"s_c?branch\w*\s+(\.LBB\w+)", line)
            if jump and jump.group(1) in labels:
                loops.append((labels[jump.group(1)], count - 1))
    in_memory = numbers["vgpr_spill_count"] + numbers["private_segment_fixed_size"]
    return numbers["vgpr_count"], in_memory, numbers["sgpr_spill_count"], innermost(loops)


def jobs(everything: bool, targets: tuple[str, ...]) -> list[tuple[str, str, str, str]]:
    """(kernel, variant, target, dtype) of every row; kernels of pairs in the variants of QUICK, or
    in all. GenDR's are compiled for GENDR_TARGETS alone: what differs between GPUs of one maker is
    seen in the Soft Rasterizer's."""
    chosen = QUICK
    if everything:
        chosen = [(variant, "fp32") for variant in VARIANTS]
        chosen += [(variant, "fp64") for variant in VARIANTS if variant not in GENDR]
    found = [
        (kernel, variant, target, dtype)
        for kernel in OF_PAIRS
        for variant, dtype in chosen
        for target in targets
        if variant not in GENDR or target in GENDR_TARGETS
    ]
    dtypes = ("fp32", "fp64") if everything else ("fp32",)
    return found + [
        (k, "all", target, d) for k in OF_TRIANGLES for d in dtypes for target in targets
    ]


def reports(everything: bool = False, targets: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """The rows of the table, printed as they come."""
    print(f"{'kernel':<26} {'variant':<32} {'dtype':<5} {'target':<7} registers spilled   a pair")
    rows = []
    for kernel, variant, target, dtype in jobs(everything, targets or tuple(TARGETS)):
        row = report(kernel, variant, target, dtype) | {"triton": triton.__version__}
        place = f"{kernel:<26} {variant:<32} {dtype:<5} {target:<7}"
        a_pair = row["instructions_per_pair"]
        print(f"{place} {row['registers']:>9} {row['spilled']:>7} {a_pair:>8}", flush=True)
        rows.append(row)
    return rows


def rows_of_others(out: Path, targets: tuple[str, ...]) -> list[dict[str, str]]:
    """From the newest table in a folder, the rows of targets that are not compiled anew."""
    files = sorted(out.glob("compile-*.csv"))
    if not files or not targets:
        return []
    return [row for row in table.read(files[-1]) if row["target"] not in targets]


def main() -> None:
    if os.environ.get("TRITON_INTERPRET") == "1":
        sys.exit("TRITON_INTERPRET=1 is set: there is nothing to compile then. Unset it.")
    parser = argparse.ArgumentParser(
        description="Compile the Triton kernels for GPUs that need not be here."
    )
    parser.add_argument(
        "--out", type=Path, help="folder for compile-<date>.csv; without it, only print"
    )
    parser.add_argument("--all", action="store_true", help="every variant, in float32 and float64")
    parser.add_argument(
        "--targets", default="", help=f"only some of {','.join(TARGETS)}; others keep their rows"
    )
    arguments = parser.parse_args()
    out, targets = arguments.out, tuple(name for name in arguments.targets.split(",") if name)
    if unknown := [name for name in targets if name not in TARGETS]:
        sys.exit(f"--targets: got {', '.join(unknown)}, wanted some of {', '.join(TARGETS)}")
    rows: list[dict[str, Any]] = list(reports(arguments.all, targets))
    if out:
        rows = [*rows_of_others(out, targets), *rows]
        path = out / f"compile-{datetime.date.today().isoformat()}.csv"
        table.write(path, rows, [*FIELDS, "triton"])
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
