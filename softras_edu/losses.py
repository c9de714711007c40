"""Losses between images, and between a mesh and what a mesh should look like."""

from __future__ import annotations

import torch
from torch import Tensor


def iou(alpha: Tensor, target: Tensor) -> Tensor:
    """1 - intersection over union of two silhouettes, the L_s of SoftRas (arXiv 1904.01786, section
    4): a scalar in [0, 1].

    Args:
        alpha, target: (..., H, W), values in [0, 1]. Averaged over the leading axes.

    Raises:
        ValueError: the shapes differ, or are not images.
    """
    if alpha.shape != target.shape or alpha.dim() < 2:
        got, wanted = tuple(target.shape), tuple(alpha.shape)
        raise ValueError(f"target: got shape {got}, wanted (..., H, W) like alpha {wanted}")
    intersection = (alpha * target).sum((-2, -1))
    union = (alpha + target - alpha * target).sum((-2, -1))
    # Two empty pictures have no overlap: loss 1.
    return (1 - intersection / union.clamp_min(1e-12)).mean()


def laplacian(verts: Tensor, faces: Tensor) -> Tensor:
    """How far each vertex is from the mean of its neighbours, squared and summed over the mesh:
    smooth surfaces score low.

    The uniform Laplacian loss of SoftRas (arXiv 1904.01786, section 4, L_g).

    Args:
        verts: (V, 3) or (B, V, 3). faces: (F, 3) int64.
    Returns:
        A scalar, averaged over the batch.
    """
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = torch.cat([edges, edges.flip(1)])  # both directions
    # Each edge once: as single numbers they are sorted faster than as pairs.
    edge = (edges[:, 0] * verts.shape[-2] + edges[:, 1]).unique()
    start, end = edge // verts.shape[-2], edge % verts.shape[-2]
    count = torch.bincount(start, minlength=verts.shape[-2]).clamp_min(1).to(verts.dtype)
    neighbours = torch.zeros_like(verts).index_add(-2, start, verts[..., end, :])
    lonely = torch.bincount(start, minlength=verts.shape[-2]) == 0
    offset = (verts - neighbours / count[:, None]).masked_fill(lonely[:, None], 0.0)
    return offset.square().sum((-2, -1)).mean()


def flatten(verts: Tensor, faces: Tensor) -> Tensor:
    """How sharply the surface folds: (cos theta + 1)^2, summed over the edges that two faces share.
    A flat place scores 0, a closed fold 4.

    The flattening loss of SoftRas (arXiv 1904.01786, section 4, L_g). theta is the angle between
    the two faces at their edge: 180 degrees where they lie in one plane. The edges of a hole have
    one face and no angle, so they do not count; nor does a face without area. Where more than two
    faces meet in an edge, each is compared with the next.

    Args:
        verts: (V, 3) or (B, V, 3). faces: (F, 3) int64.
    Returns:
        A scalar, averaged over the batch.
    """
    # (3 F, 3): an edge, and the corner across from it.
    corners = torch.cat([faces[:, [0, 1, 2]], faces[:, [1, 2, 0]], faces[:, [2, 0, 1]]])
    edge = corners[:, :2].sort(dim=1).values
    # Sorted, the two sides of an edge stand next to each other.
    order = (edge[:, 0] * verts.shape[-2] + edge[:, 1]).argsort(stable=True)
    edge, across = edge[order], corners[order, 2]
    shared = (edge[1:] == edge[:-1]).all(1)
    a, b = verts[..., edge[1:][shared, 0], :], verts[..., edge[1:][shared, 1], :]
    along = torch.nn.functional.normalize(b - a, dim=-1, eps=1e-6)
    sides = []
    for corner in (across[:-1][shared], across[1:][shared]):
        to = verts[..., corner, :] - a
        # In the face, at a right angle to the edge.
        sides.append(to - (to * along).sum(-1, keepdim=True) * along)
    u2, v2 = (side.square().sum(-1) for side in sides)
    has_area = (u2 > 1e-12) & (v2 > 1e-12)
    cos = (sides[0] * sides[1]).sum(-1) / (u2 * v2).where(has_area, 1.0).sqrt()
    return (cos + 1).square().where(has_area, 0.0).sum(-1).mean()
