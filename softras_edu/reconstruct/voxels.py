"""Which cells of a 32 x 32 x 32 grid are inside a mesh, and how much two such grids agree.

The grid is that of the NMR ShapeNet files: the cells' centres run from -1/2 to 1/2 in 32 steps
along each axis, and an array of voxels is indexed [y, x, z], low to high (in a right-handed world;
see data.py).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

SIDE = 32
# The rays are shifted off the cells' centres by these fractions of a cell: too little to change the
# result, and irrational enough that no ray meets an edge or a corner of a face.
_ASIDE = (1.234567e-5, 2.718281e-5)


def voxelize(verts: Tensor, faces: Tensor, side: int = SIDE, surface: bool = False) -> Tensor:
    """Meshes, closed or open -> which cells of a grid they fill, bool, indexed [y, x, z].

    (V, 3) or (B, V, 3) vertices, (F, 3) faces -> (side, side, side) or (B, side, side, side).

    A cell counts if the surface winds around its centre more than half a time, in either sense:
    the generalised winding number (Jacobson, Kavan, Sorkine-Hornung 2013), the part of the sphere
    of directions in which the surface is seen from there, is above 1/2 or below -1/2. Of a closed
    mesh it is a whole number: from the centre, a ray along z leaves the mesh more often than it
    enters, or the other way round. Parts that overlap, and surfaces that pass through themselves
    or are turned inside out, are no trouble. An open mesh is filled as if a soft lid lay on each
    hole: a bowl or a mesh with a face missing has its inside. A sheet has none: there, and where
    faces do not turn the same way, `surface` helps.

    Args:
        surface: count the cells that the surface passes through as well. The code of NMR and
            SoftRas counts those, and all that cannot be reached from outside; it makes every part
            up to a cell thicker. (We fill by winding, not by flooding: the same but for hollows
            that are closed all around, and for holes wider than a cell, through which it floods.)
    """
    batched = verts.dim() == 3
    # cell i has its centre at i
    grid = (verts if batched else verts[None]).detach().double() * (side - 1) + (side - 1) / 2
    corners = grid[:, faces]  # (B, F, 3, 3)
    lid = _lid(grid, faces)
    closed = torch.cat([corners, lid], dim=1) - grid.new_tensor([*_ASIDE, 0.0])
    at, i, j, height, sign = _crossings(closed, side)
    # At k: crossings above k - 1 and up to k.
    turns = torch.zeros(len(grid), side, side, side + 1, dtype=torch.int64, device=grid.device)
    turns.index_put_((at, i, j, height.ceil().clamp(0, side).long()), sign, accumulate=True)
    above = turns.flip(3).cumsum(3).flip(3)  # (B, x, y, side + 1)
    inside = above[..., 1:] != 0
    if lid.shape[1]:
        winding = above[..., 1:] - _winding(closed[:, len(faces) :], side)
        # 1/2 itself, in the plane of a hole, does not count, whatever _ASIDE changes of it.
        inside = winding.abs() > 0.5 + 1e-4
    if surface:
        inside |= _touched(corners, side)
    inside = inside.transpose(1, 2)  # [y, x, z]
    return inside if batched else inside[0]


def _lid(grid: Tensor, faces: Tensor) -> Tensor:
    """Triangles (B, E, 3, 3) that close the meshes; E = 0 if they are closed.

    From each edge on the rim of a hole to one point, the same for all. Closed by these, the winding
    number is whole and comes from crossings; without the lid it is that minus the lid's own, which
    costs only as much as the rim is long.
    """
    # Vertices at one place are one: a mesh with three for each face may be closed all the same.
    places, one = grid.transpose(0, 1).flatten(1).unique(dim=0, return_inverse=True)
    grid, faces = places.unflatten(1, (-1, 3)).transpose(0, 1), one[faces]
    start, end = faces.flatten(), faces.roll(-1, 1).flatten()
    low, high = torch.minimum(start, end), torch.maximum(start, end)
    edges, which = torch.stack([low, high], 1).unique(dim=0, return_inverse=True)
    turns = (end - start).sign()  # how often faces go from low to high, less how often they return
    net = torch.zeros(len(edges), dtype=torch.int64, device=faces.device)
    net.index_add_(0, which, turns)
    edges = torch.where(net[:, None] > 0, edges.flip(1), edges).repeat_interleave(net.abs(), 0)
    if not len(edges):
        return grid.new_zeros(len(grid), 0, 3, 3)
    # not quite in the middle: no cell's centre is to lie in the lid
    top = grid[:, edges.flatten()].mean(1) + grid.new_tensor([0.1234567, 0.2718281, 0.3141592])
    ends = grid[:, edges]  # (B, E, 2, 3)
    return torch.cat([ends, top[:, None, None].expand(-1, len(edges), 1, 3)], dim=2)


def _winding(triangles: Tensor, side: int) -> Tensor:
    """The winding number of (B, E, 3, 3) triangles around each cell's centre, (B, x, y, z).

    Solid angles by van Oosterom and Strackee (1983), some triangles at a time.
    """
    line = torch.arange(side, dtype=triangles.dtype, device=triangles.device)
    at = torch.cartesian_prod(line, line, line)[:, None]  # (N, 1, 3)
    out = triangles.new_zeros(len(triangles), len(at))
    for b, some in enumerate(triangles):
        for few in some.split(max(1, 2**19 // len(at))):
            p, q, r = (corner - at for corner in few.unbind(1))  # (N, E, 3)
            a, b_, c = p.norm(dim=-1), q.norm(dim=-1), r.norm(dim=-1)
            dots = (p * q).sum(-1) * c + (q * r).sum(-1) * a + (r * p).sum(-1) * b_
            volume = (p * torch.linalg.cross(q, r)).sum(-1)
            out[b] += torch.atan2(volume, a * b_ * c + dots).sum(1) / (2 * math.pi)
    return out.reshape(len(triangles), side, side, side)


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
