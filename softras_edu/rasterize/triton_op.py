"""Rung 5 as an operator that PyTorch knows by name, so that `torch.compile` can trace through a call of it instead of stopping there.

The kernels and the launches are those of `triton_gpu.py`; this file only tells PyTorch the shapes of what comes out and which operator is
whose derivative. Plain calls do not pass here: an operator of this kind costs some tens of microseconds more a call than `_Rasterize`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .options import Options
from .triton_gpu import background_gradient, check_can_run, launch_backward, launch_fill, launch_forward, launch_setup, wait_for_length

# An operator takes tensors and numbers, not an Options: so these are its fields, one by one.
_FIELDS = (
    "int height, int width, float sigma, float gamma, float eps, float near, float far, float dist_eps, "
    "str distance, bool perspective_correct, bool cull_backfaces"
)
_SAVED = 6  # tensors that the forward operator returns: the image, and what the backward one needs


def rasterize_op(triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options) -> Tensor:
    """What `rasterize_triton` does, as one operator: (B, H, W, C + 1)."""
    image: Tensor = torch.ops.softras_edu.rasterize_triton(triangles, colors, background, *_fields(o))[0]
    return image


def _fields(o: Options) -> tuple[Any, ...]:
    numbers = tuple(float(x) for x in (o.sigma, o.gamma, o.eps, o.near, o.far, o.dist_eps))
    return (o.height, o.width, *numbers, o.distance, o.perspective_correct, o.cull_backfaces)


@torch.library.custom_op(
    "softras_edu::rasterize_triton",
    mutates_args=(),
    schema=f"(Tensor triangles, Tensor? colors, Tensor background, {_FIELDS}) -> ({', '.join(['Tensor'] * _SAVED)})",
)
def _forward(triangles: Tensor, colors: Tensor | None, background: Tensor, *fields: Any) -> tuple[Tensor, ...]:
    o = Options(*fields)
    check_can_run(triangles, colors, o)
    triangles, colors = triangles.contiguous(), None if colors is None else colors.contiguous()
    boxes, count, facts = launch_setup(triangles, colors, background, o)
    ends, length = wait_for_length(count, triangles, colors, background)
    tiles = launch_fill(boxes, count, ends, length, o)
    image, peak, den, log_product = launch_forward(triangles, facts, colors, background, tiles, o)
    if colors is None:  # outputs of an operator must not share their memory
        peak, den = peak.new_empty(0), den.new_empty(0)
    return image, facts, boxes, peak, den, log_product


@_forward.register_fake
def _(triangles: Tensor, colors: Tensor | None, background: Tensor, *fields: Any) -> tuple[Tensor, ...]:
    o = Options(*fields)
    batch, faces = triangles.shape[:2]
    pixels = (batch, o.height, o.width)
    image = triangles.new_empty(*pixels, (0 if colors is None else colors.shape[-1]) + 1)
    softmax = (0,) if colors is None else pixels
    boxes = triangles.new_empty(batch, faces, 4, dtype=torch.int32)
    return image, triangles.new_empty(batch, faces, 8), boxes, triangles.new_empty(softmax), triangles.new_empty(softmax), triangles.new_empty(pixels)


@torch.library.custom_op(
    "softras_edu::rasterize_triton_backward",
    mutates_args=(),
    schema=f"(Tensor grad, Tensor triangles, Tensor? colors, {', '.join(f'Tensor saved{k}' for k in range(_SAVED))}, {_FIELDS}) -> (Tensor, Tensor, Tensor)",
)
def _backward(
    grad: Tensor,
    triangles: Tensor,
    colors: Tensor | None,
    image: Tensor,
    facts: Tensor,
    boxes: Tensor,
    peak: Tensor,
    den: Tensor,
    log_product: Tensor,
    *fields: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    o = Options(*fields)
    if colors is None:
        grad_triangles, _ = launch_backward(triangles.contiguous(), facts, None, boxes, image, grad.contiguous(), peak, den, log_product, o)
        return grad_triangles, grad.new_empty(0), grad.new_empty(*grad.shape[:-1], 0)
    grad_triangles, grad_colors = launch_backward(
        triangles.contiguous(), facts, colors.contiguous(), boxes, image, grad.contiguous(), peak, den, log_product, o
    )
    assert grad_colors is not None
    return grad_triangles, grad_colors, background_gradient(grad, peak, den, o)


@_backward.register_fake
def _(grad: Tensor, triangles: Tensor, colors: Tensor | None, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
    grad_colors = grad.new_empty(0) if colors is None else grad.new_empty(colors.shape)
    return grad.new_empty(triangles.shape), grad_colors, grad.new_empty(*grad.shape[:-1], grad.shape[-1] - 1)


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    triangles, colors, _background, *fields = inputs
    ctx.save_for_backward(triangles, colors, *output)
    ctx.fields = fields


def _derivative(ctx: Any, grad: Tensor, *_unused: Any) -> tuple[Any, ...]:
    triangles, colors, *saved = ctx.saved_tensors
    grads = torch.ops.softras_edu.rasterize_triton_backward(grad, triangles, colors, *saved, *ctx.fields)
    return grads[0], None if colors is None else grads[1], grads[2], *[None] * len(ctx.fields)


_forward.register_autograd(_derivative, setup_context=_setup_context)
