"""The visual hull: all that silhouettes can say about a shape.

Laurentini, "The Visual Hull Concept for Silhouette-Based Image Understanding", IEEE Transactions on
Pattern Analysis and Machine Intelligence 16 (2), 1994.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..camera import Camera


def visual_hull(masks: Tensor, camera: Camera, side: int = 64, half: float = 1.0) -> Tensor:
    """All that the silhouettes allow: (B, H, W) masks -> (side, side, side) bool, [y, x, z].

    A cell of the grid over the cube from -half to half is kept if every camera sees its centre in a
    pixel of the mask. No picture of silhouettes can tell the hull from what made it.
    """
    height, width = masks.shape[1:]
    line = torch.linspace(-half, half, side, dtype=torch.float64)
    y, x, z = torch.meshgrid(line, line, line, indexing="ij")
    place = camera.project(torch.stack([x, y, z], dim=-1).view(-1, 3))  # (B, side^3, 3)
    j = ((place[..., 0] * height + width) / 2).floor().long()
    i = ((1 - place[..., 1]) * height / 2).floor().long()
    there = (i >= 0) & (i < height) & (j >= 0) & (j < width)
    flat = masks.flatten(1) > 0.5
    pixel = i.clamp(0, height - 1) * width + j.clamp(0, width - 1)
    return (flat.gather(1, pixel) & there).all(0).view(side, side, side)
