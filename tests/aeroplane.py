"""An aeroplane of ellipsoids: thin wings, a fin and tailplanes, for fits that find them hard."""

from __future__ import annotations

import torch

from softras_edu import Mesh, icosphere

PARTS = {  # name: where, and the half axes; the nose points to +z
    "body": ((0.0, 0.0, 0.0), (0.12, 0.13, 0.95)),
    "wings": ((0.0, -0.02, 0.1), (0.90, 0.035, 0.16)),
    "tailplanes": ((0.0, 0.03, -0.82), (0.34, 0.025, 0.08)),
    "fin": ((0.0, 0.19, -0.80), (0.025, 0.20, 0.10)),
}


def aeroplane(level: int = 2) -> Mesh:
    """The parts stick in each other; as silhouettes they are one shape."""
    ball = icosphere(level)
    verts = [ball.verts * torch.tensor(axes) + torch.tensor(at) for at, axes in PARTS.values()]
    faces = [ball.faces + k * len(ball.verts) for k in range(len(verts))]
    return Mesh(torch.cat(verts), torch.cat(faces))
