"""Rung 5 as an operator, for torch.compile: see `operator.py`. The kernels and the launches are those of `triton_gpu.py`."""

from __future__ import annotations

import torch
from torch import Tensor

from . import operator
from .options import Options
from .triton_gpu import background_gradient, check_can_run, launch_backward, launch_fill, launch_forward, launch_setup, state_size, wait_for_length


def _forward(triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options) -> tuple[Tensor, ...]:
    check_can_run(triangles, colors, o)
    triangles, colors = triangles.contiguous(), None if colors is None else colors.contiguous()
    boxes, count, facts = launch_setup(triangles, colors, background, o)
    ends, length = wait_for_length(count, triangles, colors, background)
    tiles = launch_fill(boxes, count, ends, length, o)
    image, state = launch_forward(triangles, facts, colors, background, tiles, o)
    return image, facts, boxes, state


def _backward(grad: Tensor, triangles: Tensor, colors: Tensor | None, saved: tuple[Tensor, ...], o: Options) -> tuple[Tensor, Tensor | None, Tensor]:
    image, facts, boxes, state = saved
    colors = None if colors is None else colors.contiguous()
    grad_triangles, grad_colors = launch_backward(triangles.contiguous(), facts, colors, boxes, image, grad.contiguous(), state, o)
    grad_background = grad.new_empty(*grad.shape[:-1], 0) if colors is None else background_gradient(grad, state, o)
    return grad_triangles, grad_colors, grad_background


def _fake(triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options) -> tuple[Tensor, ...]:
    batch, faces = triangles.shape[:2]
    pixels = (batch, o.height, o.width)
    image = triangles.new_empty(*pixels, (0 if colors is None else colors.shape[-1]) + 1)
    state = triangles.new_empty(*pixels, state_size(colors, o))
    return image, triangles.new_empty(batch, faces, 8), triangles.new_empty(batch, faces, 4, dtype=torch.int32), state


rasterize_op = operator.register("rasterize_triton", 4, _forward, _backward, _fake)
