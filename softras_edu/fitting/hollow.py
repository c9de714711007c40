"""A bowl and its hollow: a shape of which silhouettes do not tell the whole."""

from __future__ import annotations

import torch

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
