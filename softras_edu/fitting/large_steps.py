"""Vertices whose gradient is smoothed before each step: preconditioned descent on a mesh.

Nicolet, Jacobson and Jakob, "Large Steps in Inverse Rendering of Geometry", ACM Transactions on
Graphics 40 (6), 2021, section 3: the unknowns are not the vertices, but u in

    v = v0 + (I + strength L)^-1 u,

with L the mesh's graph Laplacian. One number of u moves its vertex and, less and less, those around
it. So does one step of any optimiser: it can be large, and cannot crumple the surface. Nothing
becomes impossible: u -> v is one to one, so the best shape is where it was. (The paper has v on the
left instead of v - v0: the same steps from another origin of u.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def graph_laplacian(faces: Tensor, count: int) -> Tensor:
    """L = D - A, (V, V) float64: on the diagonal how many neighbours a vertex has, -1 at each.

    (L v)_i is the sum over the neighbours j of v_i - v_j. (F, 3) faces, V = `count`.
    """
    adjacent = torch.zeros(count, count, dtype=torch.float64, device=faces.device)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        adjacent[faces[:, a], faces[:, b]] = adjacent[faces[:, b], faces[:, a]] = 1.0
    return adjacent.sum(1).diag() - adjacent


class LargeSteps:
    """v0 + (I + strength L)^-1 u; hand `u` to an optimiser, draw what `verts()` gives.

    The matrix is dense and factored once, by Cholesky: V^3 / 3 multiplications and 8 V^2 bytes,
    then V^2 multiplications a coordinate and call. 642 vertices take milliseconds; 10,242 would
    take 800 MB, and want a sparse factor instead.

    Attributes:
        u: (V, 3), 0 at first: the unknowns.
    """

    def __init__(self, start: Tensor, faces: Tensor, strength: float = 20.0):
        """Args:
            start: (V, 3), where the vertices stand while u is 0.
            faces: (F, 3).
            strength: how far a step is spread, 0 or more; 0 leaves u as it is.

        Raises:
            ValueError: strength is negative or no finite number.
        """
        if not 0 <= strength < math.inf:
            raise ValueError(f"strength: got {strength!r}, wanted a finite number, 0 or more")
        self.start = start.detach()
        self.u = torch.zeros_like(self.start, requires_grad=True)
        matrix = strength * graph_laplacian(faces, len(start))
        matrix.diagonal().add_(1.0)
        self._factor = torch.linalg.cholesky(matrix).to(start.dtype)

    def spread(self, u: Tensor) -> Tensor:
        """(I + strength L)^-1 u, (V, 3), differentiable in u.

        The matrix is symmetric, so the gradient of u is the gradient of the result, spread too.
        """
        return torch.cholesky_solve(u, self._factor)

    def verts(self) -> Tensor:
        """The vertices now, (V, 3)."""
        return self.start + self.spread(self.u)
