"""python -m softras_edu.bench.measure JSON.

One measurement, in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import platform
import sys

import torch
from torch import Tensor

from ..machine import median_seconds
from ..rasterizers import rasterize
from .case import Case, Scene, count_pairs
from .peers import PEERS, Prepared, difference

Row = dict[str, str | int | float]


def measure(backend: str, device: str, most: int | None = None, **case: float) -> Row:
    """Times in milliseconds and peak memory of one backend or peer in one case.

    For a peer also how far its image is from ours.

    Raises:
        AssertionError: a peer that is known to draw our image drew another.
    """
    c = Case(**case)  # type: ignore[arg-type]
    warm, leaves = prepare(backend, Scene.of(Case(8, 0, silhouette=c.silhouette), device))
    torch.autograd.grad(warm().sum(), leaves)  # compiles what must be compiled, loads the rest

    scene = Scene.of(c, device, most)
    draw, leaves = prepare(backend, scene)
    before = peak_memory(device)
    forward_ms = 1e3 * median_seconds(draw)
    both_ms = 1e3 * median_seconds(lambda: torch.autograd.grad(draw().square().mean(), leaves))
    found: Row = {
        "forward_ms": round(forward_ms, 4),
        "forward_backward_ms": round(both_ms, 4),
        "memory_mib": round(peak_memory(device) - before, 1),
    }
    if backend in PEERS:
        found |= difference(PEERS[backend], draw(), scene)
    return found


def prepare(backend: str, scene: Scene) -> Prepared:
    """A function that draws the scene, and the tensors whose gradients its image has."""
    if backend in PEERS:
        return PEERS[backend].prepare(scene)
    triangles, colors = scene.triangles(), None if scene.case.silhouette else scene.corner_colors()

    def draw() -> Tensor:
        return rasterize(
            triangles, colors, size=scene.case.side, sigma=scene.case.sigma, backend=backend
        )

    return draw, (triangles,) if colors is None else (triangles, colors)


def peak_memory(device: str) -> float:
    """The most memory this process has held so far, in MiB.

    On the GPU what PyTorch took, on the CPU all of it.
    """
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    import resource

    unit = 2**20 if platform.system() == "Darwin" else 2**10  # bytes there, KiB here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def main(job: dict[str, object]) -> Row:
    """Either {"count": ...}: the live pairs of a case, or a measurement of it."""
    if job.pop("count", False):
        live, most = count_pairs(Case(**job["case"]), str(job["device"]))  # type: ignore[arg-type]
        return {"live_pairs": live, "most_a_pixel": most}
    return measure(**job.pop("case"), **job)  # type: ignore[arg-type]


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
