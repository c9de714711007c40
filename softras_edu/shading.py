"""Lights -> colours: one ambient and one directional light, Lambert's law."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize


@dataclass(frozen=True)
class Lights:
    """White light: `ambient` from everywhere, `diffuse` from a far lamp in `direction` (towards the lamp, world axes)."""

    ambient: float = 0.35
    diffuse: float = 0.65
    direction: tuple[float, float, float] = (0.4, 1.0, 0.7)


def shade(normals: Tensor, colors: Tensor, lights: Lights) -> Tensor:
    """Lambert: colours (..., 3) times ambient + diffuse * max(n . l, 0), normals (..., 3) of unit length -> (..., 3)."""
    lamp = normalize(torch.tensor(lights.direction, dtype=normals.dtype), dim=0).to(
        normals.device, non_blocking=normals.is_cuda
    )  # the GPU need not wait
    return colors * (lights.ambient + lights.diffuse * (normals @ lamp).clamp_min(0))[..., None]
