"""Is a mesh closed, and do its faces turn outward?"""

from __future__ import annotations

import torch
from torch import Tensor

from softras_edu import Mesh


def volume(mesh: Mesh) -> float:
    """Signed volume inside a closed mesh.

    A sixth of a . (b x c), summed over faces. Positive when faces turn outward.
    """
    a, b, c = mesh.verts.double()[mesh.faces].unbind(1)
    return ((a * torch.linalg.cross(b, c)).sum() / 6).item()


def directed_edges(faces: Tensor) -> list[tuple[int, int]]:
    return [(face[k], face[(k + 1) % 3]) for face in faces.tolist() for k in range(3)]


def assert_closed(faces: Tensor) -> None:
    """Each directed edge occurs once, and so does its twin in the other direction."""
    edges = directed_edges(faces)
    assert len(set(edges)) == len(edges)
    assert {(b, a) for a, b in edges} == set(edges)
