"""What is drawn: one case of a sweep, and the scene that every renderer gets for it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..camera import Camera
from ..shapes import icosphere

# What `rasterize` takes when nothing else is said.
GAMMA, EPS, NEAR, FAR, DIST_EPS = (1e-4, 1e-3, 1.0, 100.0, 1e-4)


@dataclass(frozen=True)
class Case:
    """A coloured icosphere of 20 * 4**level faces, seen by `batch` cameras around it.

    Image side in pixels, sigma in NDC squared.
    """

    side: int = 64
    level: int = 3
    sigma: float = 1e-4
    batch: int = 1
    silhouette: bool = False  # alpha alone, no colours

    def __str__(self) -> str:
        return (
            f"{self.batch} x {self.side} x {self.side}, {20 * 4**self.level:,} faces, sigma "
            f"{self.sigma:g}"
        )


@dataclass(frozen=True)
class Scene:
    """A case, projected: on the screen, as `rasterize` wants it.

    Attributes:
        faces: (F, 3) indices into the V vertices.
        points: (B, V, 3) vertices on the screen, x, y in NDC and z the depth; for renderers that
            want to know which faces share a vertex.
        colors: (B, V, 3), one colour a vertex.
        most: no pixel has more faces within reach than this.
    """

    case: Case
    faces: Tensor
    points: Tensor
    colors: Tensor
    most: int

    @staticmethod
    def of(case: Case, device: str, most: int | None = None) -> Scene:
        """The scene of a case on a device."""
        mesh = icosphere(case.level)
        camera = Camera.orbit(2.732, 30, [360 * k / case.batch for k in range(case.batch)])
        colors = (0.5 + 0.5 * mesh.verts).expand(case.batch, -1, -1)
        most = len(mesh.faces) if most is None else most
        return Scene(
            case,
            mesh.faces.to(device),
            camera.project(mesh.verts).to(device),
            colors.to(device),
            most,
        )

    def triangles(self) -> Tensor:
        """(B, F, 3, 3), a new leaf that asks for its gradient."""
        return self.points[:, self.faces].contiguous().requires_grad_()

    def corner_colors(self) -> Tensor:
        """(B, F, 3, 3), one colour a corner; a new leaf that asks for its gradient."""
        return self.colors[:, self.faces].contiguous().requires_grad_()


@torch.no_grad()
def count_pairs(case: Case, device: str) -> tuple[int, int]:
    """Live pairs of a case, and the most that one pixel has. One image at a time."""
    from ..rasterizers.options import Options
    from ..rasterizers.pairs import live_pairs

    o = Options(
        height=case.side,
        width=case.side,
        sigma=case.sigma,
        gamma=GAMMA,
        eps=EPS,
        near=NEAR,
        far=FAR,
        dist_eps=DIST_EPS,
    )
    triangles = Scene.of(case, device).triangles()
    yes = torch.ones(1, triangles.shape[1], dtype=torch.bool, device=triangles.device)
    pixels = [live_pairs(image, yes, o)[1] for image in triangles]
    return sum(map(len, pixels)), max(
        int(pixel.bincount().max()) if len(pixel) else 0 for pixel in pixels
    )
