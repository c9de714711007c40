"""Small helpers for the tests that compare `broadcast` with plain mathematics."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from softras_edu import rasterize

# Legs along the axes, hypotenuse on x + y = 0, counter-clockwise.
RIGHT = torch.tensor([[[-0.5, -0.5, 2.0], [0.5, -0.5, 2.0], [-0.5, 0.5, 2.0]]], dtype=torch.float64)


def draw(triangles: Tensor, colors: Tensor | None = None, **options: object) -> Tensor:
    return rasterize(triangles, colors, backend="broadcast", **{"dist_eps": 0.0, **options})


def pixel(image: Tensor, x: float, y: float) -> Tensor:
    """The pixel whose centre is (x, y).

    Row and column from the contract's formula, solved for i and j.
    """
    height, width = image.shape[-3:-1]
    i, j = ((1 - y) * height - 1) / 2, (x * height - 1 + width) / 2
    assert i == round(i)
    assert j == round(j)
    return image[..., round(i), round(j), :]


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def plane(z: float, reach: float = 50.0) -> list[list[float]]:
    """A triangle at depth z, so large that no pixel sees its edges: D is 1 everywhere."""
    return [[-reach, -reach, z], [reach, -reach, z], [0.0, reach, z]]


def facing(*depths: float) -> Tensor:
    return torch.tensor([plane(z) for z in depths], dtype=torch.float64)
