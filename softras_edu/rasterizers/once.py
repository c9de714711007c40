"""Rungs 4 and 5 have a derivative made by hand, and no derivative of that one. They say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

# Derivatives of the inputs; None where nobody wants one.
Derivatives = tuple["Tensor | None", ...]


def differentiable_once(
    backend: str, d_inputs: Derivatives, depend_on: Sequence[Tensor | None]
) -> Derivatives:
    """The derivatives `d_inputs` as they are; but who differentiates them once more gets an error.

    Without it PyTorch would take them for constants, and a second derivative would be missing its
    part without a word.

    Args:
        depend_on: what the derivatives are functions of: the inputs, and the gradient of the image.
    """
    if not torch.is_grad_enabled():  # nobody has asked for a graph of the derivatives
        return d_inputs
    tensors = [x for x in depend_on if x is not None and x.requires_grad]
    return tuple(None if d is None else _Once.apply(backend, d, *tensors) for d in d_inputs)


class _Once(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, backend: str, d_input: Tensor, *_tensors: Tensor) -> Tensor:
        ctx.backend = backend
        return d_input.view_as(d_input)

    @staticmethod
    def backward(ctx: Any, _dd_input: Tensor) -> tuple[None, ...]:
        raise RuntimeError(
            f"rasterize(backend={ctx.backend!r}) can be differentiated once; for second "
            "derivatives use backend='pairs' or 'broadcast', which can as often as you like"
        )
