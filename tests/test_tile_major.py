"""The backward pass that was measured and not taken (bench/gpu/tile_major.py) gives the gradients
of the one that was."""

from __future__ import annotations

import sys

import pytest
import torch

from softras_edu.rasterizers import triton_gpu
from softras_edu.rasterizers.options import Options

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu" and "triton" not in sys.modules:
    triton_gpu.use_interpreter()
REASON = triton_gpu.why_not(DEVICE)


@pytest.mark.skipif(REASON is not None, reason=f"triton: {REASON}")
@pytest.mark.parametrize("colored", [True, False])
def test_by_tiles_and_by_triangles_agree(scene, colored):
    from softras_edu.bench.gpu.tile_major import backward_by_tile

    triangles, colors = (x.to(DEVICE) for x in scene(3, faces=3, channels=2, batch=1))
    inputs = [triangles.requires_grad_(), *([colors.requires_grad_()] if colored else [])]
    o = Options(height=9, width=10, sigma=0.01, gamma=0.05, dist_eps=1e-3)
    background = torch.rand(1, 9, 10, 2 if colored else 0, dtype=torch.float64, device=DEVICE)
    image = triton_gpu.rasterize_triton(triangles, colors if colored else None, background, o)
    cotangent = torch.rand(
        image.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    ).to(DEVICE)
    wanted = torch.autograd.grad(image, inputs, cotangent)
    with torch.no_grad():
        got = backward_by_tile(triangles, colors if colored else None, background, cotangent, o)
    assert wanted[0].abs().max() > 0
    for mine, reference in zip(got, wanted, strict=False):
        torch.testing.assert_close(mine, reference, rtol=1e-10, atol=1e-10)
