"""Milliseconds and memory of the hard pictures, compiled and in PyTorch, at 256 x 256.

    python benchmarks/z_buffer.py [MESH]        a file, or a torus of 5,856 faces

Each line is a process of its own, so that its memory is its own: the most it has held, less what it
held after a first call at 8 x 8, which compiles and loads what is needed. Times are medians.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import torch

from softras_edu import Camera, Mesh, rasterize_hard, render_buffers, screen_triangles, torus
from softras_edu.bench.measure import peak_memory
from softras_edu.machine import median_seconds
from softras_edu.rasterizers import hard

SIZE = 256
WAYS = ("buffers", "buffers backward", "colours", "faces", "faces in PyTorch")


def prepare(way: str, mesh: Mesh) -> Callable[[int], object]:
    """From a size to one call."""
    camera = Camera.orbit(2.2, 20.0, 40.0)
    triangles = screen_triangles(mesh.verts, mesh.faces, camera)
    colors = torch.rand(triangles.shape, generator=torch.Generator().manual_seed(0))
    leaf = Mesh(mesh.verts.requires_grad_(way == "buffers backward"), mesh.faces)
    if way == "faces in PyTorch":
        hard._compiled = lambda _: False
    return {
        "buffers": lambda size: render_buffers(leaf, camera, size=size),
        "buffers backward": lambda size: torch.autograd.grad(
            render_buffers(leaf, camera, size=size).depth.sum(), leaf.verts
        ),
        "colours": lambda size: rasterize_hard(triangles, colors, size=size),
    }.get(way, lambda size: hard.visible_face(triangles, hard.hard_options(size, size)))


def measure(way: str, path: str | None) -> str:
    mesh = Mesh.load(path).fit_unit_sphere() if path else torus(around=61, across=48)
    call = prepare(way, Mesh(mesh.verts, mesh.faces))
    call(8)
    before = peak_memory("cpu")
    milliseconds = 1e3 * median_seconds(lambda: call(SIZE))
    memory = peak_memory("cpu") - before
    return f"{way:18} {len(mesh.faces)} faces  {milliseconds:8.1f} ms  {memory:6.1f} MiB"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        print(measure(sys.argv[2], (sys.argv[3:] or [None])[0]))
    else:
        print(f"{torch.get_num_threads()} threads", flush=True)
        for way in WAYS:
            subprocess.run([sys.executable, __file__, "--way", way, *sys.argv[1:]], check=True)
