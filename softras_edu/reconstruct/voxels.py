"""Which cells of a 32 x 32 x 32 grid are inside a mesh, and how much two such grids agree.

The grid is that of the NMR ShapeNet files: the cells' centres run from -1/2 to 1/2 in 32 steps
along each axis, and an array of voxels is indexed [y, x, z], low to high (in a right-handed world;
see data.py).
"""

from __future__ import annotations

import torch
from torch import Tensor

SIDE = 32
# The rays are shifted off the cells' centres by these fractions of a cell: too little to change the
# result, and irrational enough that no ray meets an edge or a corner of a face.
_ASIDE = (1.234567e-5, 2.718281e-5)


def voxelize(verts: Tensor, faces: Tensor, side: int = SIDE, surface: bool = False) -> Tensor:
    """Closed meshes -> which cells of a grid they fill, bool, indexed [y, x, z].

    (V, 3) or (B, V, 3) vertices, (F, 3) faces -> (side, side, side) or (B, side, side, side).

    A cell counts if the surface winds around its centre: from there, a ray along z leaves the mesh
    more often than it enters, or the other way round. Parts that overlap, and surfaces that pass
    through themselves or are turned inside out, are no trouble.

    Args:
        surface: count the cells that the surface passes through as well. The code of NMR and
            SoftRas counts those, and all that cannot be reached from outside; it makes every part
            up to a cell thicker. (We fill by winding, not by flooding: the same but for hollows
            that are closed all around.)

    Raises:
        ValueError: the mesh has a hole, so that inside means nothing.
    """
    batched = verts.dim() == 3
    # cell i has its centre at i
    grid = (verts if batched else verts[None]).detach().double() * (side - 1) + (side - 1) / 2
    corners = grid[:, faces]  # (B, F, 3, 3)
    at, i, j, height, sign = _crossings(corners - grid.new_tensor([*_ASIDE, 0.0]), side)
    # At k: crossings above k - 1 and up to k.
    turns = torch.zeros(len(grid), side, side, side + 1, dtype=torch.int64, device=grid.device)
    turns.index_put_((at, i, j, height.ceil().clamp(0, side).long()), sign, accumulate=True)
    above = turns.flip(3).cumsum(3).flip(3)  # (B, x, y, side + 1)
    for b in above[..., 0].flatten(1).any(1).nonzero()[:1, 0].tolist():
        raise ValueError(
            f"voxelize: mesh {b} is not closed: a ray through it leaves more often than it enters"
        )
    inside = above[..., 1:] != 0
    if surface:
        inside |= _touched(corners, side)
    inside = inside.transpose(1, 2)  # [y, x, z]
    return inside if batched else inside[0]


def _crossings(corners: Tensor, side: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Where rays along the third axis meet the triangles (B, F, 3, 3).

    The rays pass through the whole numbers (i, j) of the first two axes.

    As on the screen, only the rays inside a triangle's bounding box are tested.
    Returns the batch index, i, j, the height, and +1 where the ray leaves the mesh there, -1 where
    it enters.
    """
    low = corners[..., :2].amin(2).ceil().clamp(0, side).long()  # (B, F, 2)
    high = corners[..., :2].amax(2).floor().clamp(-1, side - 1).long()
    many = (high - low + 1).clamp_min(0)  # rays along each axis of the box
    count = many.prod(-1).flatten()  # (B * F,)
    face = torch.arange(len(count), device=corners.device).repeat_interleave(count)  # (P,)
    rank = torch.arange(len(face), device=corners.device) - (count.cumsum(0) - count)[face]
    across = many.flatten(0, 1)[face, 1]
    i = low.flatten(0, 1)[face, 0] + rank // across
    j = low.flatten(0, 1)[face, 1] + rank % across
    a, b, c = corners.flatten(0, 1)[face].unbind(1)  # (P, 3) each
    at = torch.stack([i, j], dim=1).to(corners)
    w0, w1, w2 = _cross(b, c, at), _cross(c, a, at), _cross(a, b, at)
    area = w0 + w1 + w2  # twice the area, negative where the face looks down
    hit = ((w0 > 0) & (w1 > 0) & (w2 > 0)) | ((w0 < 0) & (w1 < 0) & (w2 < 0))
    height = (w0 * a[:, 2] + w1 * b[:, 2] + w2 * c[:, 2]) / area.where(hit, 1.0)
    return face[hit] // corners.shape[1], i[hit], j[hit], height[hit], area[hit].sign().long()


def _cross(p: Tensor, q: Tensor, at: Tensor) -> Tensor:
    """Twice the signed area of the triangle p, q, at, seen along the third axis."""
    return (p[:, 0] - at[:, 0]) * (q[:, 1] - at[:, 1]) - (p[:, 1] - at[:, 1]) * (q[:, 0] - at[:, 0])


def _touched(corners: Tensor, side: int) -> Tensor:
    """Cells that the surface passes through, (B, x, y, z).

    Those around each place where it cuts a line of the lattice, and those of its corners.
    """
    # With a margin, cut off at the end.
    found = torch.zeros(len(corners), *[side + 2] * 3, dtype=torch.bool, device=corners.device)
    for axis in range(3):
        order = [(axis + 1) % 3, (axis + 2) % 3, axis]
        # Lattice lines run along the cells' edges, half a cell from the centres: line i lies
        # between cells i - 1 and i.
        shifted = (
            corners[..., order]
            + corners.new_tensor([0.5, 0.5, 0.0])
            - corners.new_tensor([*_ASIDE, 0.0])
        )
        at, i, j, height, _ = _crossings(shifted, side + 1)
        k = (height + 0.5).floor().clamp(-1, side).long()
        for di in (0, 1):
            for dj in (0, 1):
                place = [i + di, j + dj, k + 1]
                x, y, z = (place[order.index(n)] for n in range(3))
                found[at, x, y, z] = True
    # (B, 3 F) each
    x, y, z = (corners + 0.5).floor().clamp(-1, side).long().add(1).flatten(1, 2).unbind(-1)
    found[torch.arange(len(corners), device=corners.device)[:, None], x, y, z] = True
    return found[:, 1:-1, 1:-1, 1:-1]


def voxel_iou(one: Tensor, other: Tensor) -> Tensor:
    """Cells that both fill over cells that either fills: (..., side, side, side) bool -> (...).

    Two empty grids agree: 1.
    """
    both, either = (one & other).sum((-3, -2, -1)), (one | other).sum((-3, -2, -1))
    return torch.where(either > 0, both / either.clamp_min(1), 1.0)
