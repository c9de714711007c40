"""Lights -> colours: one ambient and one directional light, Lambert's law."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from .precision import outside_autocast


@dataclass(frozen=True)
class Lights:
    """White light from everywhere, and from a far lamp.

    Attributes:
        ambient: brightness of the light from everywhere.
        diffuse: brightness of the lamp's light on a surface that faces it.
        direction: towards the lamp, world axes; its length does not count.
    """

    ambient: float = 0.35
    diffuse: float = 0.65
    direction: tuple[float, float, float] = (0.4, 1.0, 0.7)


@outside_autocast
def shade(normals: Tensor, colors: Tensor, lights: Lights) -> Tensor:
    """Lambert's law: colours times ambient + diffuse * max(n . l, 0).

    Args:
        normals: (..., 3) of unit length, world axes. colors: (..., 3).

    Returns:
        (..., 3).
    """
    lamp = normalize(torch.tensor(lights.direction, dtype=normals.dtype), dim=0)
    lamp = lamp.to(normals.device, non_blocking=normals.is_cuda)  # the GPU need not wait
    return colors * (lights.ambient + lights.diffuse * (normals @ lamp).clamp_min(0))[..., None]
