"""Colours for a shape that is known, from photographs: one linear problem, solved at once.

Once the shape stands still, each pixel sees one known point of one face. Its colour is a mean of
three vertices' colours with known weights, so the colours that explain the photographs best are
those of a least-squares problem. Vertices that no camera sees take the colours around them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..buffers import render_buffers
from ..camera import Camera
from ..mesh import Mesh
from .large_steps import graph_laplacian

SMOOTH = 0.05  # what a difference between neighbours weighs beside one pixel


def vertex_colors(mesh: Mesh, photos: Tensor, masks: Tensor, camera: Camera) -> Tensor:
    """The colours c (V, 3) that make sum over pixels |seen(c) - photo|^2 + SMOOTH sum over edges
    |c_i - c_j|^2 least, cut to [0, 1].

    A pixel counts where its centre is in the mask and on the mesh. What is lit in the photographs
    stays lit: no lamp is asked for, each vertex has the mean of what was seen of it.

    Args:
        mesh: its own colours and texture do not count.
        photos: (N, H, W, 3), RGB in [0, 1]. masks: (N, H, W). camera: N cameras.

    Raises:
        ValueError: no pixel counts.
    """
    count = len(mesh.verts)
    normal = SMOOTH * graph_laplacian(mesh.faces, count)
    normal.diagonal().add_(1e-9)  # vertices without a face
    right = torch.zeros(count, 3, dtype=torch.float64)
    pixels = 0
    for k in range(len(photos)):  # one by one: buffers of a hundred views would be large
        corner, weight, use = seen_corners(mesh, masks[k], camera[[k]])
        photo = photos[k][use].double()
        pixels += len(photo)
        for a in range(3):
            right.index_add_(0, corner[:, a], weight[:, a, None] * photo)
            for b in range(3):
                at = (corner[:, a], corner[:, b])
                normal.index_put_(at, weight[:, a] * weight[:, b], accumulate=True)
    if not pixels:
        raise ValueError("masks: no pixel is in a mask and on the mesh, so no colour can be taken")
    factor = torch.linalg.cholesky(normal)
    return torch.cholesky_solve(right, factor).clamp(0, 1).to(mesh.verts.dtype)


def color_error(mesh: Mesh, photo: Tensor, mask: Tensor, camera: Camera) -> float:
    """The mean difference between a photograph (H, W, 3) and the mesh's `colors`, where both mask
    and mesh are: 0 (the same) to 1. One camera. NaN where they share no pixel.
    """
    assert mesh.colors is not None
    corner, weight, use = seen_corners(mesh, mask, camera)
    shown = (weight[..., None] * mesh.colors[corner].double()).sum(1)
    return float((shown - photo[use].double()).abs().mean())


@torch.no_grad()
def seen_corners(mesh: Mesh, mask: Tensor, camera: Camera) -> tuple[Tensor, Tensor, Tensor]:
    """What the pixels of one mask (H, W) see: the corners (P, 3) of the face, their weights (P, 3)
    float64, and which pixels these are, (H, W) bool.
    """
    plain = Mesh(mesh.verts.detach(), mesh.faces)
    size = (mask.shape[0], mask.shape[1])
    seen = render_buffers(plain, camera, size=size, near="auto", far="auto")
    use = (seen.face[0] >= 0) & (mask > 0.5)
    return mesh.faces[seen.face[0][use]], seen.barycentric[0][use].double(), use
