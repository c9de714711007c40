"""Rung 4 as an operator, for torch.compile: see `operator.py`. The work is done in `numba_cpu.py`."""

from __future__ import annotations

import torch
from torch import Tensor

from . import numba_cpu, operator
from .options import Options, check_finite


def _forward(triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options) -> tuple[Tensor, ...]:
    check_finite(triangles, colors, background)
    numba_cpu.compile_for(triangles.dtype)
    return numba_cpu.forward(triangles, colors, background, o)


def _backward(grad: Tensor, triangles: Tensor, colors: Tensor | None, saved: tuple[Tensor, ...], o: Options) -> tuple[Tensor, Tensor | None, Tensor]:
    grads = numba_cpu.backward(grad, triangles, colors, saved[1:], (True, True, True), o)
    assert grads[0] is not None
    assert grads[2] is not None
    return grads[0], grads[1], grads[2]


def _fake(triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options) -> tuple[Tensor, ...]:
    images, faces = triangles.shape[:2]
    channels = background.shape[-1]
    pixels = images * o.height * o.width
    image = triangles.new_empty(images, o.height, o.width, channels + 1)
    box = triangles.new_empty(images * faces, 4, dtype=torch.int64)
    peak, den, state = (triangles.new_empty(pixels, dtype=torch.float64) for _ in range(3))
    winner = triangles.new_empty(pixels if o.conorm == "max" else 0, dtype=torch.int64)
    return image, box, peak, den, state, winner, triangles.new_empty(channels, pixels, dtype=torch.float64)


rasterize_op = operator.register("rasterize_numba", 7, _forward, _backward, _fake)
