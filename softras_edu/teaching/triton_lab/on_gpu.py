"""The reader's kernels and the library's on a real GPU, for notebooks 09 and 10, where there is
one.

The notebook's own process runs Triton's interpreter and cannot compile any more, so what follows
happens in a process of its own: `python -m softras_edu.teaching.triton_lab.on_gpu`."""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from . import new_process
from .as_module import as_module

HERE = "teaching.triton_lab.on_gpu"


def run(
    kernel: Any,
    grid: tuple[int, ...],
    arguments: Sequence[Any],
    constants: dict[str, Any],
    *,
    device: str = "cuda",
) -> tuple[list[Tensor], float]:
    """Compile a kernel of the reader's for the GPU, run it there once, and time it.

    Args:
        arguments: tensors (on the CPU; copies go to the GPU) and numbers, in order.
        constants: its `tl.constexpr` arguments.
        device: "cpu" runs the interpreter instead, for tests.

    Returns:
        The tensors among the arguments as the one run has left them, and milliseconds a run
        (median).

    Raises:
        RuntimeError: the kernel does not compile, or fails; the message is the other process's.
    """
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder)
        (room / "reader_kernels.py").write_text(as_module(kernel), encoding="utf-8")
        torch.save(list(arguments), room / "arguments.pt")
        job = {"kernel": kernel.fn.__name__, "grid": grid, "constants": constants, "device": device}
        ms = new_process.run(HERE, "run", folder, json.dumps(job), interpret=device == "cpu")
        tensors: list[Tensor] = torch.load(room / "tensors.pt", weights_only=True)
    return tensors, float(ms.splitlines()[-1])


def mine(rasterize_mine: Any, *, device: str = "cuda") -> str:
    """The reader's rasterizer, as notebook 09 builds it, on the GPU: is it right in float64 and
    float32, and how fast is it, beside the library's and `pairs`? A few lines. While one of its
    functions is a stub, a line that says so.

    Raises:
        ValueError: it uses something of the notebook that cannot go to another process.
        RuntimeError: it does not compile, or fails; the message is the other process's.
    """
    text = as_module(rasterize_mine)
    if "raise NotImplementedError" in text:
        return "A function of yours is still a stub: solve the exercises first."
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.py"
        path.write_text(text, encoding="utf-8")
        job = (str(path), rasterize_mine.__name__, device)
        return new_process.run("bench.gpu.mine", *job, interpret=device == "cpu")


def compare(*, device: str = "cuda") -> str:
    """Forward and backward of the rungs that run on the GPU, beside rung 4 on the CPU: a few
    lines."""
    return new_process.run(HERE, "compare", device, interpret=device == "cpu")


# ---------------------------------------------------------------- in the other process


def _run(folder: str, job: dict[str, Any]) -> float:
    """Launch the kernel once and keep its tensors; then time it."""
    sys.path.insert(0, folder)
    kernel = getattr(importlib.import_module("reader_kernels"), job["kernel"])
    device, room = job["device"], Path(folder)
    arguments = [
        x.to(device) if isinstance(x, Tensor) else x
        for x in torch.load(room / "arguments.pt", weights_only=True)
    ]

    def launch() -> None:
        kernel[tuple(job["grid"])](*arguments, **job["constants"], num_warps=1)

    launch()
    torch.save([x.cpu() for x in arguments if isinstance(x, Tensor)], room / "tensors.pt")
    return _median_ms(launch, device)


def _median_ms(call: Callable[[], object], device: str) -> float:
    """On the GPU by Triton's do_bench, which empties the cache before each run. In the interpreter
    one run by the clock: its time means nothing."""
    if device == "cuda":
        bench = importlib.import_module("triton.testing").do_bench
        times: list[float] = bench(call, return_mode="all")
        return statistics.median(times)
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1e3


def _compare(device: str) -> list[str]:
    from ... import Camera, icosphere, rasterize, screen_triangles

    gpu = device == "cuda"
    mesh, side = (icosphere(3), 64) if gpu else (icosphere(0), 8)
    lines = [torch.cuda.get_device_name() if gpu else "the interpreter: no number means anything"]
    for images in (1, 64) if gpu else (1,):
        turns = [360.0 * k / images for k in range(images)]
        triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.7, 30, turns))
        colors = (0.5 + 0.5 * mesh.verts)[mesh.faces].expand(images, -1, -1, -1)
        found = []
        for backend, place in (("triton", device), ("pairs", device), ("numba", "cpu")):
            inputs = [x.detach().to(place).requires_grad_() for x in (triangles, colors)]

            def both(inputs: list[Tensor] = inputs, backend: str = backend) -> object:
                image = rasterize(*inputs, size=side, backend=backend)
                return torch.autograd.grad(image.sum(), inputs)

            if gpu:
                both()  # compiles
            where = "" if place == device and gpu else " (CPU)"
            found.append(f"{backend}{where} {_median_ms(both, place):.3f} ms")
        case = f"{images} x {side} x {side}, {len(mesh.faces):,} faces, forward + backward"
        lines.append(f"{case}: {', '.join(found)}")
    return lines


if __name__ == "__main__":
    if sys.argv[1] == "run":
        print(_run(sys.argv[2], json.loads(sys.argv[3])))
    else:
        print("\n".join(_compare(sys.argv[2])))
