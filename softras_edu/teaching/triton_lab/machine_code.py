"""Look at what a compiler makes of a Triton kernel, for a GPU that need not be here. For notebook
09.

A process that runs Triton's interpreter cannot compile, so both happen in a process of their own:
`python -m softras_edu.teaching.triton_lab.machine_code`.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from . import new_process
from .as_module import as_module

HERE = "teaching.triton_lab.machine_code"


def compiled(
    kernel: Any,
    variants: Sequence[dict[str, Any]],
    *,
    pointers: str = "*fp32",
    warps: int = 1,
) -> list[tuple[int, int, int]] | None:
    """What becomes of a kernel on an H100 (sm_90): for each variant of its constants, registers a
    lane, spilled bytes, instructions of its loop.

    Parameters whose names end in `_ptr` are of the type `pointers`, `inv_sigma` is fp32, all others
    that are not in a variant are i32.
    None where Triton is not installed, so that nothing can be compiled.
    """
    if importlib.util.find_spec("triton") is None:
        return None
    job = {
        "kernel": kernel.fn.__name__,
        "variants": list(variants),
        "pointers": pointers,
        "warps": warps,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reader_kernels.py"
        path.write_text(as_module(kernel), encoding="utf-8")
        lines = new_process.run(HERE, "compile", str(path), json.dumps(job)).splitlines()
        rows = json.loads(lines[-1])
    return [(registers, spilled, loop) for registers, spilled, loop in rows]


# ---------------------------------------------------------------- in the other process


def _compile(path: str, job: dict[str, Any]) -> list[tuple[int, int, int]]:
    triton = importlib.import_module("triton")
    target = importlib.import_module("triton.backends.compiler").GPUTarget("cuda", 90, 32)
    source = importlib.import_module("triton.compiler").ASTSource
    sys.path.insert(0, str(Path(path).parent))
    kernel = getattr(importlib.import_module(Path(path).stem), job["kernel"])
    rows = []
    for variant in job["variants"]:
        types = {name: _type(name, variant, job["pointers"]) for name in kernel.arg_names}
        aligned = {
            (k,): [["tt.divisibility", 16]] for k, name in enumerate(types) if name.endswith("_ptr")
        }  # as PyTorch's memory is
        code = triton.compile(
            source(kernel, types, variant, aligned),
            target=target,
            options={"num_warps": job["warps"], "enable_fp_fusion": True},
        )
        rows.append(read_cubin(code.asm["cubin"]))
    return rows


def _type(name: str, constants: dict[str, Any], pointers: str) -> str:
    if name in constants:
        return "constexpr"
    return pointers if name.endswith("_ptr") else "fp32" if name == "inv_sigma" else "i32"


def read_cubin(cubin: bytes) -> tuple[int, int, int]:
    """Registers a lane, bytes spilled to memory, and instructions of the innermost loop, of
    machine code for an NVIDIA GPU."""
    usage = dict(re.findall(r"(REG|STACK|LOCAL):(\d+)", _tool("cuobjdump", "-res-usage", cubin)))
    return (
        int(usage["REG"]),
        int(usage["STACK"]) + int(usage["LOCAL"]),
        innermost(read_sass(cubin)[1]),
    )


def read_sass(cubin: bytes) -> tuple[list[str], list[tuple[int, int]]]:
    """All instructions but the padding behind the last one, and every loop by the places of its
    first and last instruction."""
    lines: list[str] = []
    labels: dict[str, int] = {}
    for line in _tool("nvdisasm", "-c", cubin).splitlines():
        if label := re.match(r"\s*(\.L_\w+):", line):
            labels[label.group(1)] = len(lines)
        elif instruction := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(.*?);", line):
            lines.append(instruction.group(1))
    loops = []
    for at, text in enumerate(lines):
        jump = re.search(r"\bBRA\b.*`\((\.L_\w+)\)", text)
        if jump and labels.get(jump.group(1), at) < at:  # a jump back: the end of a loop
            loops.append((labels[jump.group(1)], at))
    return [text for text in lines if not text.startswith("NOP")], loops


def innermost(loops: list[tuple[int, int]]) -> int:
    """Length of the longest loop that holds no other loop. (Short ones are the compiler's own, or
    an unrolled rest.)"""
    inner = [
        (a, b)
        for a, b in loops
        if not any(a <= c and d <= b and (a, b) != (c, d) for c, d in loops)
    ]
    return max((b - a + 1 for a, b in inner), default=0)


def _tool(name: str, option: str, cubin: bytes) -> str:
    """What a program of NVIDIA's that Triton brings along says of machine code."""
    tools = (
        Path(cast("str", importlib.import_module("triton").__file__)).parent / "backends/nvidia/bin"
    )
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        return subprocess.run(
            [tools / name, option, file.name], capture_output=True, text=True, check=True
        ).stdout


if __name__ == "__main__":
    print(json.dumps(_compile(sys.argv[2], json.loads(sys.argv[3]))))
