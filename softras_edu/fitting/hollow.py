"""A bowl, its hollow, and the visual hull: what silhouettes can say about a shape, and what not.

The visual hull: Laurentini, "The Visual Hull Concept for Silhouette-Based Image Understanding",
IEEE Transactions on Pattern Analysis and Machine Intelligence 16 (2), 1994.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..camera import Camera
from ..mesh import Mesh
from ..shapes import lathe

# (radius, height), both bottom to top. The outside is steeper than 30 degrees everywhere, so that
# a camera 30 degrees above the table sees all of it.
OUTSIDE = [(0.04, -0.51), (0.34, -0.32), (0.58, -0.08), (0.75, 0.21), (0.86, 0.51)]
INSIDE = [(0.02, -0.11), (0.21, -0.07), (0.40, 0.09), (0.54, 0.28), (0.62, 0.51)]


def bowl(around: int = 40) -> Mesh:
    """A thick bowl, closed, inside the unit sphere; y is up."""
    return Mesh(*lathe(OUTSIDE + INSIDE[::-1], around))


def hollow(around: int = 40) -> Mesh:
    """What would fill the bowl up to its rim."""
    return Mesh(*lathe(INSIDE, around))


def ring_of_views() -> Camera:
    """24 cameras: twelve 30 degrees above the table, twelve at 60 degrees, all around."""
    turn = 30.0 * torch.arange(12)
    elevation = torch.tensor([30.0, 60.0]).repeat_interleave(12)
    return Camera.orbit(2.7, elevation, torch.cat([turn, turn + 15.0]), fov=45)


def visual_hull(masks: Tensor, camera: Camera, side: int = 64) -> Tensor:
    """All that the silhouettes allow: (B, H, W) masks -> (side, side, side) bool, [y, x, z].

    A cell of the grid over the cube from -1 to 1 is kept if every camera sees its centre in a pixel
    of the mask. No picture of silhouettes can tell the hull from what made it.
    """
    height, width = masks.shape[1:]
    line = torch.linspace(-1, 1, side, dtype=torch.float64)
    y, x, z = torch.meshgrid(line, line, line, indexing="ij")
    place = camera.project(torch.stack([x, y, z], dim=-1).view(-1, 3))  # (B, side^3, 3)
    j = ((place[..., 0] * height + width) / 2).floor().long()
    i = ((1 - place[..., 1]) * height / 2).floor().long()
    there = (i >= 0) & (i < height) & (j >= 0) & (j < width)
    flat = masks.flatten(1) > 0.5
    pixel = i.clamp(0, height - 1) * width + j.clamp(0, width - 1)
    return (flat.gather(1, pixel) & there).all(0).view(side, side, side)
