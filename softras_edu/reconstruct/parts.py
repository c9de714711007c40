"""A mesh put together from closed parts, each of one colour: boxes, lathed profiles, bars.

`families.py` makes its objects of them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..mesh import Mesh
from ..shapes import lathe, sweep

Color = tuple[float, float, float]
Point = tuple[float, float, float]

WOODS: list[Color] = [
    (0.55, 0.35, 0.17),
    (0.72, 0.53, 0.30),
    (0.36, 0.22, 0.13),
    (0.80, 0.66, 0.45),
]
PAINTS: list[Color] = [
    (0.80, 0.15, 0.12),
    (0.13, 0.35, 0.70),
    (0.95, 0.75, 0.15),
    (0.15, 0.55, 0.35),
    (0.85, 0.45, 0.12),
    (0.55, 0.25, 0.60),
    (0.92, 0.92, 0.90),
]
GREYS: list[Color] = [(0.25, 0.26, 0.28), (0.45, 0.46, 0.48), (0.70, 0.71, 0.73)]


class Parts:
    """A mesh in the making: each method adds one closed part of one colour."""

    def __init__(self) -> None:
        self.parts: list[Mesh] = []

    def add(self, verts: torch.Tensor, faces: torch.Tensor, color: Color) -> None:
        self.parts.append(Mesh(verts, faces, torch.tensor(color).expand_as(verts)))

    def box(
        self,
        low: Point,
        high: Point,
        color: Color,
        top: Point | None = None,
        shift: Point = (0.0, 0.0, 0.0),
    ) -> None:
        """A box from `low` to `high`.

        Its upper face may be scaled about its middle by `top` (x and z count) and moved by `shift`.
        """
        (x0, y0, z0), (x1, y1, z1), (sx, _, sz) = low, high, top or (1.0, 1.0, 1.0)
        cx, cz = (x0 + x1) / 2, (z0 + z1) / 2
        verts = []
        for x in (x0, x1):
            for y in (y0, y1):
                for z in (z0, z1):
                    upper = y == y1
                    at = (cx + (x - cx) * sx, y, cz + (z - cz) * sz) if upper else (x, y, z)
                    verts.append(
                        [a + b for a, b in zip(at, shift, strict=True)] if upper else list(at)
                    )
        quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
        self.add(
            torch.tensor(verts),
            torch.tensor([f for a, b, c, d in quads for f in ((a, b, c), (a, c, d))]),
            color,
        )

    def lathe(
        self,
        profile: Sequence[tuple[float, float]],
        color: Color,
        at: Point = (0.0, 0.0, 0.0),
        axis: str = "y",
        around: int = 16,
    ) -> None:
        """A profile of (radius, height), turned around `axis` and moved to `at`."""
        verts, faces = lathe(profile, around)
        # even permutations: outside stays outside
        turned = {"y": verts, "x": verts[:, [1, 2, 0]], "z": verts[:, [2, 0, 1]]}[axis]
        self.add(turned + torch.tensor(at), faces, color)

    def sweep(
        self, path: Sequence[Point], radius: float, color: Color, axes: Sequence[int] = (0, 1, 2)
    ) -> None:
        """A round bar along a path in the plane of x and y, whose axes may then be exchanged."""
        verts, faces = sweep(path, [radius] * len(path), 8)
        odd = list(axes) in ([0, 2, 1], [2, 1, 0], [1, 0, 2])
        self.add(verts[:, list(axes)], faces.flip(1) if odd else faces, color)

    def whole(self) -> Mesh:
        """All parts in one mesh: the bounding box centred, the farthest vertex at distance 1/2."""
        start = 0
        faces = []
        for part in self.parts:
            faces.append(part.faces + start)
            start += len(part.verts)
        colors = torch.cat([part.colors for part in self.parts if part.colors is not None])
        mesh = Mesh(
            torch.cat([part.verts for part in self.parts]), torch.cat(faces), colors
        ).fit_unit_sphere()
        return Mesh(mesh.verts / 2, mesh.faces, mesh.colors)
