"""A letter F, which no mirror and no turn maps onto itself, and a painter that knows no triangle.

The F stands in the plane z = 0, facing +z, with a grey level that falls from left to right, so that
pictures of it differ in every pixel if anything is swapped.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from softras_edu import Mesh

F64 = torch.float64
# left, bottom, right, top of its three strokes
STROKES = ((-0.5, -0.8, -0.2, 0.8), (-0.2, 0.5, 0.6, 0.8), (-0.2, -0.1, 0.3, 0.2))


def letter(cuts: int = 1) -> Mesh:
    """The F, (V, 3) in float64; each stroke is a grid of cuts x cuts squares."""
    verts, faces = [], []
    for left, bottom, right, top in STROKES:
        first = len(verts)
        for j in range(cuts + 1):
            for i in range(cuts + 1):
                x, y = left + (right - left) * i / cuts, bottom + (top - bottom) * j / cuts
                verts.append((x, y, 0.0))
        for j in range(cuts):
            for i in range(cuts):
                a = first + j * (cuts + 1) + i
                b, c, d = a + 1, a + cuts + 2, a + cuts + 1
                faces += [(a, b, c), (a, c, d)]
    return Mesh(torch.tensor(verts, dtype=F64), torch.tensor(faces))


Ray = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def painted(ray: Ray, size: tuple[int, int]) -> Tensor:
    """(H, W), 1 where the F is seen. `ray` says where the ray of a pixel meets the F's plane: from
    its column and row, counted from the first pixel's centre, to x and y.
    """
    row, column = np.mgrid[: size[0], : size[1]].astype(float)
    x, y = ray(column, row)
    inside = [(left < x) & (x < right) & (low < y) & (y < top) for left, low, right, top in STROKES]
    return torch.from_numpy(np.logical_or.reduce(inside).astype(float))


def meets_plane(
    eye: np.ndarray, axes: np.ndarray, tangents: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Where the rays from the eye through tangents (to the right, up) meet the plane z = 0.

    Args:
        eye: (3,). axes: (3, 3), rows right, up, forward. tangents: each (H, W).
    """
    ray = tangents[0][..., None] * axes[0] + tangents[1][..., None] * axes[1] + axes[2]
    far = -eye[2] / ray[..., 2]
    return eye[0] + far * ray[..., 0], eye[1] + far * ray[..., 1]
