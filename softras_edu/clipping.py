"""Cut triangles at the near plane. Without that a face with a corner behind the eye has no place on
the screen, and is left out whole: the ground under a camera, the walls of a room around it."""

from __future__ import annotations

import torch
from torch import Tensor

MARGIN = 1e-3  # a corner with less depth than near times this counts as behind the eye: x / z there
# has lost its digits
BEYOND = 1 + 1e-5  # the cut is at near times this, so that rounding puts no pixel before near


def crosses(depth: Tensor, near: float) -> Tensor:
    """(B, F, 3) depths of corners -> (B, F): is a corner behind the eye and another beyond near?"""
    return (depth.amin(-1) <= near * MARGIN) & (depth.amax(-1) > near * BEYOND)


def clip_near(view: Tensor, colors: Tensor, near: float, which: Tensor) -> tuple[Tensor, Tensor]:
    """Cut the faces that cross at the plane where the depth is near.

    What is left of a triangle is a triangle, or a quadrangle, which becomes two. The second stands
    at the end of the list; where there is none, so does a triangle without area, which no
    rasterizer draws. Differentiable in corners and colours; a cut corner slides along its edge.

    Args:
        view: (B, F, 3, 3) corners in view space: right, up, backward (minus the depth).
        colors: (B, F, 3, C).
        which: (K,) the faces that may cross, in any of the B images; the others stay as they are.

    Returns:
        (B, F + K, 3, 3) corners and (B, F + K, 3, C) colours.
    """
    whole = torch.cat([view, colors], dim=-1)  # (B, F, 3, 3 + C)
    some = whole[:, which]
    plane = near * BEYOND
    depth = -some[..., 2]
    cut = crosses(depth, near)[..., None, None]
    seen = depth > plane  # (B, K, 3)
    count = seen.sum(-1)[..., None, None]
    # Turn each triangle, keeping its sense, until its corners a, b, c are: a seen and b, c not; or
    # a, b seen and c not.
    odd = torch.where(count[..., 0] == 1, seen, ~seen).int().argmax(-1, keepdim=True)
    odd = odd + torch.where(count[..., 0] == 1, 0, 1)
    order = (odd + torch.arange(3, device=view.device)) % 3
    turned = some.gather(2, order[..., None].expand_as(some))
    a, b, c = turned.unbind(2)
    ab, ac, bc = (_cut(p, q, plane, cut[..., 0]) for p, q in ((a, b), (a, c), (b, c)))
    nothing = torch.zeros_like(a)
    nothing[..., 2] = -plane
    one, two = (
        torch.stack(corners, dim=2)
        for corners in ((a, ab, ac), (a, b, bc))  # of a triangle, and of a quadrangle
    )
    first = some.where(~cut, one.where(count == 1, two))
    rest = torch.stack([a, bc, ac], dim=2).where(cut & (count == 2), nothing[:, :, None])
    clipped = torch.cat([whole.index_copy(1, which, first), rest], dim=1)
    return clipped[..., :3], clipped[..., 3:]


def _cut(p: Tensor, q: Tensor, plane: float, cut: Tensor) -> Tensor:
    """Where the edge from p to q meets the plane, (B, K, 3 + C); any finite numbers where not
    `cut`.
    """
    gap = q[..., 2:3] - p[..., 2:3]
    t = (-plane - p[..., 2:3]) / gap.where(cut & (gap != 0), 1.0)
    point = p + t * (q - p)
    flat = torch.full_like(gap, -plane)
    return torch.cat([point[..., :2], flat, point[..., 3:]], dim=-1)
