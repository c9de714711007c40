"""The rungs of the ladder by name: which of them can run here, and which one serves a call."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .broadcast import rasterize_broadcast
from .loops import rasterize_loops
from .pairs import rasterize_pairs

# From triangles, colours, background, options and, if there is one, a `FlatTexture` to an image.
Backend = Callable[..., Tensor]
RUNGS = ("loops", "broadcast", "pairs", "numba", "triton")


def backends() -> dict[str, str]:
    """Every backend's name, and "ok" or why it cannot run here.

    "triton" is asked about the GPU, the others about the CPU.
    """
    gpu = "cuda" if torch.cuda.is_available() else "cpu"
    return {
        name: why_not(name, torch.device(gpu if name == "triton" else "cpu")) or "ok"
        for name in RUNGS
    }


def why_not(name: str, device: torch.device) -> str | None:
    """Why a backend cannot serve tensors on `device`, and what to do about it; None if it can.

    The first three run wherever PyTorch does.
    """
    if name == "numba":
        from . import numba_cpu

        return numba_cpu.why_not() or (None if device.type == "cpu" else "needs CPU tensors")
    if name == "triton":
        from . import triton_gpu

        return triton_gpu.why_not(device)
    return None


def choose(name: str, device: torch.device) -> str:
    """The rung that serves `name`.

    "auto": triton for CUDA tensors, numba for those on the CPU, and pairs where these cannot run.
    In a process that interprets Triton, as notebook 09 does, pairs serves CUDA tensors: the
    interpreter would take seconds for what a GPU draws in a millisecond.

    Raises:
        ValueError: a backend that was asked for by name cannot serve; it never falls back.
    """
    if name == "auto":
        best = "triton" if device.type == "cuda" else "numba"
        name = best if why_not(best, device) is None and not _interpreted(best) else "pairs"
    elif reason := why_not(name, device):
        raise ValueError(f"backend: {name!r} cannot serve tensors on {device}: {reason}")
    return name


def _interpreted(name: str) -> bool:
    if name != "triton":
        return False
    from . import triton_gpu

    return triton_gpu.interpreting()


def load(name: str) -> Backend:
    """The function of a rung.

    numba and triton are imported when they are first used: that takes a while.

    While torch.compile traces, they are operators that it can see through.
    """
    if name in ("numba", "triton") and torch.compiler.is_compiling():
        from . import compile_op

        return compile_op.rasterize_numba if name == "numba" else compile_op.rasterize_triton
    if name == "numba":
        from .numba_cpu import rasterize_numba

        return rasterize_numba
    if name == "triton":
        from .triton_gpu import rasterize_triton

        return rasterize_triton
    return {"loops": rasterize_loops, "broadcast": rasterize_broadcast, "pairs": rasterize_pairs}[
        name
    ]
