"""What a texture costs beside plain colours, on the CPU's compiled rung: processor time of one call
each, alternately, so that both meet the same weather; medians, in milliseconds.

    python benchmarks/texture_ratio.py [--threads 1]

The sphere's gradients are asked for of corners and colours, and of corners, uv and picture. The
backward pass also makes and adds up the picture's derivative, whose time goes with the picture.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from softras_edu import Camera, Mesh, Texture, icosphere, rasterize, screen_triangles
from softras_edu.machine import processor

CASES = ((3, 64, 64), (4, 128, 128), (4, 128, 256), (4, 256, 512))  # level, pixels, texels a side


def globe(mesh: Mesh) -> Tensor:
    """uv (F, 3, 2) by longitude and latitude; faces across the date line take what comes."""
    x, y, z = mesh.verts.unbind(-1)
    longitude, latitude = torch.atan2(x, z) / (2 * math.pi), torch.asin(y.clamp(-1, 1)) / math.pi
    return torch.stack([longitude + 0.5, latitude + 0.5], dim=-1)[mesh.faces]


def timed(draw: Callable[..., Tensor], *inputs: Tensor) -> tuple[float, float]:
    """Seconds of the processor, forward and backward."""
    leaves = [x.detach().clone().requires_grad_() for x in inputs]
    start = time.process_time()
    image = draw(*leaves)
    middle = time.process_time()
    image.square().sum().backward()
    return middle - start, time.process_time() - middle


def ratio(level: int, size: int, side: int, rounds: int = 15) -> tuple[float, ...]:
    """Milliseconds: plain forward, backward; textured forward, backward."""
    mesh, generator = icosphere(level), torch.Generator().manual_seed(0)
    triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.7, 20.0, 30.0))
    colors = torch.rand(1, len(mesh.faces), 3, 3, generator=generator)
    picture, uv = torch.rand(side, side, 3, generator=generator), globe(mesh)

    def plain(t: Tensor, c: Tensor) -> Tensor:
        return rasterize(t, c, size=size, backend="numba")

    def textured(t: Tensor, p: Tensor, places: Tensor) -> Tensor:
        return rasterize(t, texture=Texture(p, places), size=size, backend="numba")

    runs = [
        (*timed(plain, triangles, colors), *timed(textured, triangles, picture, uv))
        for _ in range(rounds + 2)
    ]
    return tuple(1e3 * median(run[k] for run in runs[2:]) for k in range(4))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    torch.set_num_threads(parser.parse_args().threads)
    print(f"{processor()}, {torch.get_num_threads()} threads")
    print("faces   pixels  texels    plain         textured      ratio: forward, backward, both")
    for level, size, side in CASES:
        a, b, c, d = ratio(level, size, side)
        print(
            f"{20 * 4**level:5} {size:4} x {size:<4}{side:3} x {side:<4}{a:5.1f} + {b:5.1f} "
            f"{c:5.1f} + {d:5.1f}   {c / a:.2f} {d / b:.2f} {(c + d) / (a + b):.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
