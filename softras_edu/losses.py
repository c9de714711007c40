"""Losses between images, and between a mesh and what a mesh should look like."""

from __future__ import annotations

import torch
from torch import Tensor


def iou(alpha: Tensor, target: Tensor) -> Tensor:
    """1 - intersection over union of two silhouettes, the L_s of SoftRas (arXiv 1904.01786, section 4): a scalar in [0, 1].

    Args:
        alpha, target: (..., H, W), values in [0, 1]. Averaged over the leading axes.

    Raises:
        ValueError: the shapes differ, or are not images.
    """
    if alpha.shape != target.shape or alpha.dim() < 2:
        raise ValueError(f"target: got shape {tuple(target.shape)}, wanted (..., H, W) like alpha {tuple(alpha.shape)}")
    intersection = (alpha * target).sum((-2, -1))
    union = (alpha + target - alpha * target).sum((-2, -1))
    return (1 - intersection / union.clamp_min(1e-12)).mean()  # two empty pictures: no overlap to speak of, loss 1


def laplacian(verts: Tensor, faces: Tensor) -> Tensor:
    """How far each vertex is from the mean of its neighbours, squared and summed over the mesh: smooth surfaces score low.

    The uniform Laplacian loss of SoftRas (arXiv 1904.01786, section 4, L_g).

    Args:
        verts: (V, 3) or (B, V, 3). faces: (F, 3) int64.
    Returns:
        A scalar, averaged over the batch.
    """
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = torch.cat([edges, edges.flip(1)]).unique(dim=0)  # both directions, each once
    start, end = edges.T
    count = torch.bincount(start, minlength=verts.shape[-2]).clamp_min(1).to(verts.dtype)
    neighbours = torch.zeros_like(verts).index_add(-2, start, verts[..., end, :])
    lonely = torch.bincount(start, minlength=verts.shape[-2]) == 0
    offset = (verts - neighbours / count[:, None]).masked_fill(lonely[:, None], 0.0)
    return offset.square().sum((-2, -1)).mean()
