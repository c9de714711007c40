"""Made-up objects in memory, without files.

To look at, to try a network on, to train a small one.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from . import families
from .data import Shapes, photograph
from .voxels import voxelize


def make_shapes(classes: Sequence[str], split: str, count: int, seed: int = 0) -> Shapes:
    """The first `count` objects a class of a split, photographed and filled with voxels.

    The same that `make_data` writes into files.
    """
    images, voxels = [], []
    for name in classes:
        meshes = [families.make(name, f"{seed}/{split}/{k}") for k in range(count)]
        images.append(torch.stack([photograph(mesh) for mesh in meshes]))
        voxels.append(torch.stack([voxelize(mesh.verts, mesh.faces) for mesh in meshes]))
    return Shapes(list(classes), images, voxels)
