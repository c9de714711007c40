"""Polygons in space -> triangles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def triangulate(points: Floats, lengths: Ints) -> tuple[Ints, Ints]:
    """Split polygons into triangles that turn the same way.

    A fan from the first corner, unless one of its triangles turns over, as in concave polygons:
    these are cut by the ear clipping of Mapbox's earcut, in the plane that suits them best.

    Args:
        points: (N, 3), the corners of one polygon after another.
        lengths: (P,), how many corners each has, 3 or more.

    Returns:
        (F, 3) numbers of corners, from 0 to N - 1, and (F,) the polygon of each triangle; in the
        order of the polygons.
    """
    starts = np.cumsum(lengths) - lengths
    triangles, polygons = [], []
    for n in np.unique(lengths):
        which = np.flatnonzero(lengths == n)
        corners = points[starts[which][:, None] + np.arange(n)]  # (P, n, 3)
        fan = np.array([(0, k, k + 1) for k in range(1, n - 1)])
        local = np.broadcast_to(fan, (len(which), n - 2, 3)).copy()
        triangles.append((starts[which][:, None, None] + local).reshape(-1, 3))
        polygons.append(np.repeat(which, n - 2))
        if n == 3:
            continue
        area = _cross(corners[:, fan])  # (P, n - 2, 3)
        normal = area.sum(1)  # Newell's, times twice the area
        over = (area * normal[:, None]).sum(-1) < 0
        for k in np.flatnonzero(over.any(1)):
            cut = _ears(corners[k], normal[k])
            if cut is None:  # no area: any triangles will do
                continue
            keep = polygons[-1] != which[k]
            triangles[-1] = np.concatenate([triangles[-1][keep], starts[which[k]] + cut])
            polygons[-1] = np.concatenate([polygons[-1][keep], np.full(len(cut), which[k])])
    if not triangles:
        return np.zeros((0, 3), np.int64), np.zeros(0, np.int64)
    whole, owner = np.concatenate(triangles), np.concatenate(polygons)
    order = np.argsort(owner, kind="stable")
    return whole[order].astype(np.int64), owner[order].astype(np.int64)


def _cross(triangles: Floats) -> Floats:
    """(..., 3, 3) corners -> (..., 3), the normal times twice the area."""
    a, b, c = np.moveaxis(triangles, -2, 0)
    return np.cross(b - a, c - a)


def _ears(corners: Floats, normal: Floats) -> Ints | None:
    """One polygon (n, 3) -> (F, 3) corners, or None if it has no area."""
    import mapbox_earcut

    axis = int(np.abs(normal).argmax())
    if normal[axis] == 0:
        return None
    flat = np.delete(corners - corners.mean(0), axis, axis=1)
    ends = np.array([len(corners)], np.uint32)
    cut = mapbox_earcut.triangulate_float64(flat, ends).reshape(-1, 3).astype(np.int64)
    turned = (_cross(corners[cut]) * normal).sum(-1) < 0
    cut[turned] = cut[turned][:, ::-1]
    return cut if len(cut) else None
