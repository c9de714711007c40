"""The soft picture with the gradient of the official CUDA kernel, which leaves out what passes
through the barycentric weights. `fit_poses.py` compares with it; a test holds its picture to the
library's.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from softras_edu.rasterizers import numba_cpu
from softras_edu.rasterizers.options import Options


class _Truncated(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, triangles: Tensor, colors: Tensor, background: Tensor, o: Options
    ) -> Tensor:
        image, *saved = numba_cpu.forward(triangles, colors, background, o)
        ctx.save_for_backward(triangles, colors, *saved)
        ctx.options = o
        return image

    @staticmethod
    def backward(
        ctx: Any, d_image: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        triangles, colors, *saved = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        grads = numba_cpu.backward(
            d_image, triangles, colors, tuple(saved), wanted, ctx.options, through_weights=False
        )
        return *grads, None


def truncated(
    triangles: Tensor,
    colors: Tensor,
    *,
    size: int,
    sigma: float,
    gamma: float,
    near: float,
    far: float,
    background: float,
) -> Tensor:
    """`rasterize`, (B, F, 3, 3) and (B, F, 3, C) -> (B, H, W, C + 1), truncated gradient."""
    o = Options(height=size, width=size, sigma=sigma, gamma=gamma, near=near, far=far)
    shape = len(triangles), size, size, colors.shape[-1]
    image = _Truncated.apply(triangles, colors, triangles.new_full(shape, background), o)
    return image  # type: ignore[no-any-return]
