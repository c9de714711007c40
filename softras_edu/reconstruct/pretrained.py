"""The network that comes with the package, and made-up objects in memory to try it on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from . import checkpoint, families
from .config import Config
from .data import Shapes, photograph
from .network import Network
from .voxels import voxelize

PATH = Path(__file__).parent / "pretrained.safetensors"  # a file of the package, so that an installed wheel has it too


def pretrained() -> tuple[Network, Config, dict[str, Any]]:
    """The network, the settings that it was trained with, and what was written down about the training: steps, seconds, device.

    It never saw the objects of the splits val and test with seed 0, which `make_shapes` makes too.
    """
    return checkpoint.load_model(PATH)


def make_shapes(classes: Sequence[str], split: str, count: int, seed: int = 0) -> Shapes:
    """The first `count` objects a class of a split, photographed and filled with voxels: the same that `make_data` writes into files."""
    images, voxels = [], []
    for name in classes:
        meshes = [families.make(name, f"{seed}/{split}/{k}") for k in range(count)]
        images.append(torch.stack([photograph(mesh) for mesh in meshes]))
        voxels.append(torch.stack([voxelize(mesh.verts, mesh.faces) for mesh in meshes]))
    return Shapes(list(classes), images, voxels)
