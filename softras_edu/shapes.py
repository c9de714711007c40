"""Shapes made in code.

Icosphere, cube, torus, teapot; and the two tools that make more, `lathe` and `sweep`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from .mesh import Mesh


def icosphere(level: int = 2) -> Mesh:
    """Unit sphere: an icosahedron whose faces are split in four `level` times, 20 * 4**level faces.

    Raises:
        ValueError: level is not in 0 ... 7.
    """
    if not 0 <= level <= 7:
        raise ValueError(f"level: got {level!r}, wanted 0 to 7 (7 has 327,680 faces)")
    g = (1 + math.sqrt(5)) / 2
    corners = [
        (-1, g, 0),
        (1, g, 0),
        (-1, -g, 0),
        (1, -g, 0),
        (0, -1, g),
        (0, 1, g),
        (0, -1, -g),
        (0, 1, -g),
        (g, 0, -1),
        (g, 0, 1),
        (-g, 0, -1),
        (-g, 0, 1),
    ]
    triangles = [
        (0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11),
        (1, 5, 9), (5, 11, 4), (11, 10, 2), (10, 7, 6), (7, 1, 8),
        (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9),
        (4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1),
    ]  # fmt: skip
    verts, faces = torch.tensor(corners, dtype=torch.float64), torch.tensor(triangles)
    for _ in range(level):
        edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).sort(1).values
        unique, which = edges.unique(dim=0, return_inverse=True)
        ab, bc, ca = (which + len(verts)).reshape(
            3, -1
        )  # index of the new vertex in the middle of each face's edges
        a, b, c = faces.T
        verts = normalize(torch.cat([normalize(verts, dim=1), verts[unique].mean(1)]), dim=1)
        faces = torch.cat(
            [torch.stack(f, dim=1) for f in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))]
        )
    return Mesh(normalize(verts, dim=1).float(), faces)


def cube() -> Mesh:
    """Cube from -1 to 1 in x, y and z divided by sqrt(3), so that its corners lie on the unit
    sphere: 8 vertices, 12 faces.
    """
    verts = torch.tensor(
        [(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)]
    ) / math.sqrt(3)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return Mesh(verts, torch.tensor([f for a, b, c, d in quads for f in ((a, b, c), (a, c, d))]))


def torus(radius: float = 0.7, tube: float = 0.3, around: int = 24, across: int = 12) -> Mesh:
    """Torus around the y axis: 2 * around * across faces.

    Args:
        radius: of the circle in the middle of the tube, world units. tube: of the tube itself.
        around, across: in how many pieces the two circles are cut.
    """
    ring = [(radius * math.cos(a), 0.0, -radius * math.sin(a)) for a in _angles(around)]
    return Mesh(*sweep(ring, [tube] * around, across, closed=True))


def teapot(around: int = 14) -> Mesh:
    """A teapot in the manner of Utah's.

    A lathed body with its lid, a spout and a handle; about 500 faces at around = 14, unit radius.
    """
    body = [
        (0.45, 0.0),
        (0.78, 0.16),
        (0.92, 0.42),
        (0.88, 0.68),
        (0.72, 0.92),
        (0.64, 1.0),
        (0.48, 1.1),
        (0.2, 1.2),
        (0.09, 1.25),
        (0.15, 1.34),
        (0.1, 1.42),
    ]
    spout = [
        (0.7, 0.3, 0.0),
        (1.05, 0.42, 0.0),
        (1.22, 0.66, 0.0),
        (1.34, 0.9, 0.0),
        (1.52, 1.02, 0.0),
    ]
    handle = [
        (-0.72 - 0.62 * math.sin(t), 0.62 + 0.28 * math.cos(t), 0.0)
        for t in (math.pi * k / 6 for k in range(7))
    ]
    parts = [
        lathe(body, around),
        sweep(spout, [0.26, 0.2, 0.14, 0.11, 0.1], 8),
        sweep(handle, [0.08] * 7, 6),
    ]
    start, verts, faces = 0, [], []
    for part_verts, part_faces in parts:
        verts.append(part_verts)
        faces.append(part_faces + start)
        start += len(part_verts)
    return Mesh(torch.cat(verts), torch.cat(faces)).fit_unit_sphere()


def _angles(count: int) -> list[float]:
    return [2 * math.pi * k / count for k in range(count)]


def lathe(profile: Sequence[tuple[float, float]], around: int) -> tuple[Tensor, Tensor]:
    """Turn a profile of (radius, height), bottom to top, around the y axis and close both ends ->
    (V, 3), (F, 3).
    """
    rings = [[(r * math.cos(a), y, -r * math.sin(a)) for a in _angles(around)] for r, y in profile]
    return _skin(rings, [(0.0, profile[0][1], 0.0), (0.0, profile[-1][1], 0.0)], closed=False)


def sweep(
    path: Sequence[tuple[float, float, float]],
    radii: Sequence[float],
    across: int,
    closed: bool = False,
) -> tuple[Tensor, Tensor]:
    """A tube along a path in a plane (a ring around y if closed, else in x and y), one radius a
    point -> (V, 3), (F, 3).

    Args:
        path: n points. radii: n numbers, world units.
        across: corners of a section of the tube.
        closed: does the last point lead back to the first? If not, both ends get a cap.
    """
    points = torch.tensor(path)
    ahead, behind = points.roll(-1, 0), points.roll(1, 0)
    if not closed:
        ahead[-1], behind[0] = points[-1], points[0]
    along = normalize(ahead - behind, dim=1)
    side = torch.tensor([0.0, 1.0, 0.0] if closed else [0.0, 0.0, 1.0]).expand_as(along)
    out = torch.linalg.cross(side, along)
    rings = [
        [(p + r * (math.cos(a) * u - math.sin(a) * v)).tolist() for a in _angles(across)]
        for p, r, u, v in zip(points, radii, side, out, strict=True)
    ]
    return _skin(rings, [] if closed else [path[0], path[-1]], closed)


def _skin(
    rings: Sequence[Sequence[Sequence[float]]], caps: Sequence[Sequence[float]], closed: bool
) -> tuple[Tensor, Tensor]:
    """Faces between neighbouring rings of points, and a fan at each end if there are caps -> (V,
    3), (F, 3).
    """
    count, n = len(rings), len(rings[0])
    faces = []
    for k in range(count if closed else count - 1):
        for i in range(n):
            a, b = k * n + i, k * n + (i + 1) % n
            c, d = (k + 1) % count * n + i, (k + 1) % count * n + (i + 1) % n
            faces += [(a, b, d), (a, d, c)]
    for cap, (ring, flip) in enumerate(((0, True), (count - 1, False))[: len(caps)]):
        for i in range(n):
            a, b = ring * n + i, ring * n + (i + 1) % n
            faces.append((count * n + cap, b, a) if flip else (count * n + cap, a, b))
    return torch.tensor([point for ring in rings for point in ring] + list(caps)), torch.tensor(
        faces
    )
