"""The same surface with triangles of one size, near to equilateral.

Botsch and Kobbelt, "A Remeshing Approach to Multiresolution Modeling", Symposium on Geometry
Processing 2004, section 4: split long edges, collapse short ones, flip edges until vertices have
six neighbours, and let the vertices slide along the surface; a few times over.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..mesh import Mesh, vertex_normals

__all__ = ["Net", "quality", "remesh"]
Point = tuple[float, float, float]
SIX = 6  # neighbours of a vertex among equilateral triangles


def remesh(mesh: Mesh, verts: int, rounds: int = 5) -> Mesh:
    """A closed mesh -> one of about so many vertices, of the same topology, without colours.

    Not differentiable; deterministic. Half a second for 2,500 vertices and 5 rounds.

    Raises:
        ValueError: fewer than 4 vertices wanted, or an edge that is not of two faces which run the
            same way round.
    """
    if verts < 4:
        raise ValueError(f"verts: got {verts}, wanted 4 or more")
    corners = mesh.verts.detach().double()[mesh.faces]
    area = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # 2 V equilateral triangles of side s have the area 2 V sqrt(3) / 4 s^2.
    length = math.sqrt(float(area.norm(dim=1).sum() / 2) * 2 / (math.sqrt(3) * verts))
    net = Net(mesh)
    for _ in range(rounds):
        for a, b in net.edges():
            if net.length(a, b) > 4 / 3 * length:
                net.split(a, b)
        for a, b in net.edges():
            if net.has(a, b) and net.length(a, b) < 4 / 5 * length:
                net.collapse(a, b, 4 / 3 * length)
        for a, b in net.edges():
            net.flip(a, b)
        net.slide()
    return net.mesh(mesh.verts.dtype)


def quality(verts: Tensor, faces: Tensor) -> Tensor:
    """How near each face is to an equilateral one, (F,): 4 sqrt(3) area / (a^2 + b^2 + c^2).

    1 for an equilateral face, 0 for one without area (Bank and Smith, SIAM Journal on Numerical
    Analysis 34 (3), 1997). (V, 3) vertices, (F, 3) faces.
    """
    corners = verts[faces]
    sides = corners - corners.roll(1, 1)
    twice = torch.linalg.cross(sides[:, 0], sides[:, 1]).norm(dim=1)
    found: Tensor = 2 * math.sqrt(3) * twice / sides.square().sum((1, 2)).clamp_min(1e-30)
    return found


class Net:
    """A closed surface that can be changed, edge by edge.

    Attributes:
        at: where the vertices are; those that were collapsed have no neighbours.
        across: for each directed edge (a, b) the third corner of the face (a, b, c). Each edge of a
            closed surface is there twice, once each way.
        near: the neighbours of each vertex; dictionaries, because sets have no order to rely on.
    """

    def __init__(self, mesh: Mesh):
        self.at: list[Point] = [(x, y, z) for x, y, z in mesh.verts.detach().double().tolist()]
        self.across: dict[tuple[int, int], int] = {}
        self.near: list[dict[int, None]] = [{} for _ in self.at]
        for a, b, c in mesh.faces.tolist():
            if {(a, b), (b, c), (c, a)} & self.across.keys() or len({a, b, c}) < 3:
                raise ValueError("mesh: two faces run the same way along an edge; wanted a surface")
            self._add(a, b, c)
        for a, b in self.across:
            if (b, a) not in self.across:
                raise ValueError(f"mesh: the edge {a}, {b} has one face; wanted a closed surface")

    def mesh(self, dtype: torch.dtype) -> Mesh:
        """As it is now, without the vertices that are gone."""
        verts, faces = self._arrays()
        used, faces = faces.unique(return_inverse=True)
        return Mesh(verts[used].to(dtype), faces)

    def edges(self) -> list[tuple[int, int]]:
        """Each edge once, as they are now."""
        return [(a, b) for a, b in self.across if a < b]

    def has(self, a: int, b: int) -> bool:
        """Is there still such an edge?"""
        return (a, b) in self.across

    def length(self, a: int, b: int) -> float:
        return math.dist(self.at[a], self.at[b])

    def split(self, a: int, b: int) -> None:
        """A new vertex in the middle of the edge; both faces become two."""
        c, d, m = self.across[a, b], self.across[b, a], len(self.at)
        self.at.append(self._middle(a, b))
        self.near.append({})
        self._remove(a, b, c)
        self._remove(b, a, d)
        for face in ((a, m, c), (m, b, c), (b, m, d), (m, a, d)):
            self._add(*face)

    def collapse(self, a: int, b: int, longest: float) -> None:
        """Both ends become one in the middle, unless that would pinch the surface, turn a face over
        or make an edge that would be split again.
        """
        c, d = self.across[a, b], self.across[b, a]
        common = self.near[a].keys() & self.near[b].keys()
        if common != {c, d} or min(len(self.near[c]), len(self.near[d])) < 4:
            return
        middle = self._middle(a, b)
        others = (self.near[a].keys() | self.near[b].keys()) - {a, b}
        if max(math.dist(middle, self.at[k]) for k in others) > longest:
            return
        stay = [(v, x, self.across[v, x]) for v in (a, b) for x in self.near[v]]
        stay = [face for face in stay if not {a, b} <= {*face}]
        for v, x, y in stay:
            old = _cross(self.at[v], self.at[x], self.at[y])
            new = _cross(middle, self.at[x], self.at[y])
            least = 0.2 * math.sqrt(_dot(old, old) * _dot(new, new))
            if _dot(new, new) == 0 or _dot(old, new) < least:
                return
        for x in list(self.near[b]):
            self._remove(b, x, self.across[b, x])
        for v, x, y in stay:
            if v == b:
                self._add(a, x, y)
        self.at[a] = middle

    def flip(self, a: int, b: int) -> None:
        """Join the other two corners instead, if more vertices have six neighbours then, or nearly,
        and the surface stays much the same.
        """
        if not self.has(a, b):
            return
        c, d = self.across[a, b], self.across[b, a]
        if c == d or self.has(c, d):
            return
        before = sum((len(self.near[k]) - SIX) ** 2 for k in (a, b, c, d))
        after = sum((len(self.near[k]) - SIX - 1) ** 2 for k in (a, b))
        after += sum((len(self.near[k]) - SIX + 1) ** 2 for k in (c, d))
        if after >= before or min(len(self.near[a]), len(self.near[b])) < 4:
            return
        p, q, r, s = (self.at[k] for k in (a, b, c, d))
        old = [_cross(p, q, r), _cross(q, p, s)]
        new = [_cross(p, s, r), _cross(s, q, r)]
        for one in old:
            for other in new:
                if _dot(one, other) <= 0.8 * math.sqrt(_dot(one, one) * _dot(other, other)):
                    return
        self._remove(a, b, c)
        self._remove(b, a, d)
        self._add(a, d, c)
        self._add(d, b, c)

    def slide(self) -> None:
        """Each vertex goes towards the mean of its neighbours, along the surface only."""
        verts, faces = self._arrays()
        start, end = faces.flatten(), faces.roll(-1, 1).flatten()
        count = torch.bincount(start, minlength=len(verts)).clamp_min(1)[:, None]
        mean = torch.zeros_like(verts).index_add(0, start, verts[end]) / count
        normal = vertex_normals(verts, faces)
        step = mean - verts
        step = step - (step * normal).sum(1, keepdim=True) * normal
        alone = torch.bincount(start, minlength=len(verts)) == 0
        moved = torch.where(alone[:, None], verts, verts + step)
        self.at = [(x, y, z) for x, y, z in moved.tolist()]

    def _arrays(self) -> tuple[Tensor, Tensor]:
        """(V, 3) float64 with the vertices that are gone, (F, 3)."""
        faces = [(a, b, c) for (a, b), c in self.across.items() if a < b and a < c]
        return torch.tensor(self.at, dtype=torch.float64), torch.tensor(faces)

    def _add(self, a: int, b: int, c: int) -> None:
        for x, y, z in ((a, b, c), (b, c, a), (c, a, b)):
            self.across[x, y] = z
            self.near[x][y] = None

    def _remove(self, a: int, b: int, c: int) -> None:
        for x, y in ((a, b), (b, c), (c, a)):
            del self.across[x, y]
            del self.near[x][y]

    def _middle(self, a: int, b: int) -> Point:
        (x, y, z), (u, v, w) = self.at[a], self.at[b]
        return ((x + u) / 2, (y + v) / 2, (z + w) / 2)


def _cross(p: Point, q: Point, r: Point) -> Point:
    """(q - p) x (r - p)."""
    (a, b, c), (d, e, f) = ((k[0] - p[0], k[1] - p[1], k[2] - p[2]) for k in (q, r))
    return (b * f - c * e, c * d - a * f, a * e - b * d)


def _dot(p: Point, q: Point) -> float:
    return p[0] * q[0] + p[1] * q[1] + p[2] * q[2]
