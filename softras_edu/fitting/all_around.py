"""Cameras all around a shape, and what they see of it: the goals of fits, and their test."""

from __future__ import annotations

import torch
from torch import Tensor

from ..camera import Camera
from ..mesh import Mesh
from ..rasterizers import rasterize
from ..rendering import screen_triangles

NEAR, FAR = 1e-3, 1e4  # in units of the shape's radius; silhouettes do not ask for more
GOLDEN = 137.508  # degrees from one seed of a sunflower to the next: the golden angle


def all_around(count: int, turn: float = 0.0) -> Camera:
    """`count` cameras spread evenly over a sphere, as seeds in a sunflower.

    `turn` (degrees) gives others.
    """
    k = torch.arange(count, dtype=torch.float64)
    elevation = torch.rad2deg(torch.asin(1 - (2 * k + 1) / count))
    return Camera.orbit(2.7, elevation, GOLDEN * k + turn, fov=45)


@torch.no_grad()
def hard_silhouettes(mesh: Mesh, camera: Camera, size: int | tuple[int, int]) -> Tensor:
    """Without blur, (N, H, W) of 0 and 1.

    At this sigma the soft edge is far thinner than a pixel, and only the pixel's centre counts: the
    z-buffer's picture, except for a centre that lies on an edge, and a hundred times faster.
    """
    triangles = screen_triangles(mesh.verts, mesh.faces, camera)
    alpha = rasterize(triangles, size=size, sigma=1e-9, near=NEAR, far=FAR)[..., 0]
    return (alpha > 0.5).float()
