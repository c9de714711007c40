"""What a real lens does to a picture: OpenCV's five numbers k1, k2, p1, p2, k3.

A point is seen at the tangents x (right) and y (down) of its angles from the view axis. With
r^2 = x^2 + y^2 the lens moves it to

    x (1 + k1 r^2 + k2 r^4 + k3 r^6) + 2 p1 x y + p2 (r^2 + 2 x^2)
    y (1 + k1 r^2 + k2 r^4 + k3 r^6) + p1 (r^2 + 2 y^2) + 2 p2 x y
"""

from __future__ import annotations

import torch
from torch import Tensor

WIDEST = 10.0  # the largest r at which the polynomials are asked: 84 degrees from the axis


def distort(plane: Tensor, lens: Tensor) -> Tensor:
    """Move points as the lens does.

    Corners are moved, edges between them stay straight: a face that is large in the picture needs
    to be cut into smaller ones.

    A polynomial that was fitted to a picture goes its own way outside of it: with k1 < 0 it turns
    round at some radius, and what stands far to the side would come back into the middle. From that
    radius on (and from `WIDEST` on) all is magnified as there, so nothing is folded back.

    Args:
        plane: (B, ..., 2), x right and y down, x / depth and y / depth of points before the camera.
        lens: (B, 5), k1, k2, p1, p2, k3.
    """
    lens = lens[(slice(None), *[None] * (plane.dim() - 2))]  # (B, 1, ..., 5)
    k1, k2, p1, p2, k3 = lens.split(1, dim=-1)
    end = turning_point(k1, k2, k3)
    r2 = plane.square().sum(-1, keepdim=True)
    s = torch.minimum(r2, end)
    xx, yy = plane.square().split(1, dim=-1)
    xy = plane.prod(-1, keepdim=True)
    sideways = torch.cat(
        [2 * p1 * xy + p2 * (r2 + 2 * xx), p1 * (r2 + 2 * yy) + 2 * p2 * xy], dim=-1
    )
    outside = end / torch.maximum(r2, end)  # 1 up to the turning point
    along: Tensor = plane * (1 + s * (k1 + s * (k2 + s * k3)))
    return along + sideways * outside


def turning_point(k1: Tensor, k2: Tensor, k3: Tensor) -> Tensor:
    """r^2 where r (1 + k1 r^2 + k2 r^4 + k3 r^6) stops growing, of any shape; WIDEST^2 if it does
    not before. Differentiable.
    """
    r2 = torch.linspace(0, WIDEST, 1001).square().to(k1)
    folds = _growth(r2, k1[..., None], k2[..., None], k3[..., None])[0] <= 0
    some = folds.any(-1)
    root = r2[folds.int().argmax(-1)]
    for _ in range(6):
        # Newton's step. From a root without a gradient, it gives the gradient of the root.
        growth, slope = _growth(root.detach(), k1, k2, k3)
        root = root.detach() - growth / slope.where(some, 1.0)
    return root.where(some, WIDEST**2)


def _growth(s: Tensor, k1: Tensor, k2: Tensor, k3: Tensor) -> tuple[Tensor, Tensor]:
    """The derivative by r of the radius after the lens, at s = r^2, and its derivative by s."""
    return 1 + s * (3 * k1 + s * (5 * k2 + s * 7 * k3)), 3 * k1 + s * (10 * k2 + s * 21 * k3)
