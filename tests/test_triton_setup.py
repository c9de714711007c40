"""Boxes of Triton's setup kernel where the reach decides: a tenth less, and they are others."""

from __future__ import annotations

import pytest
import torch
from test_triton import DEVICE, needs_triton, options

from softras_edu.rasterizers import triton_gpu
from softras_edu.rasterizers.tiles import reach_boxes


@needs_triton
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_box_ends_where_the_reach_does(scene, dtype, distance):
    triangles = (scene(30, 60, batch=1, dtype=dtype)[0] * torch.tensor([0.3, 0.3, 1.0])).to(dtype)
    triangles = triangles.to(DEVICE)
    o = options((40, 33), sigma=1e-3, dist_eps=1e-4, distance=distance)
    nothing = torch.zeros(1, 40, 33, 0, dtype=dtype, device=DEVICE)
    boxes = triton_gpu.launch_setup(triangles, None, nothing, o)[0]
    wanted = reach_boxes(triangles, o)
    assert torch.equal(boxes, wanted) if DEVICE == "cpu" else (boxes - wanted).abs().max() <= 1
    less = options((40, 33), sigma=0.81e-3, dist_eps=1e-4, distance=distance)
    assert (reach_boxes(triangles, less) != wanted).float().mean() > 0.1
