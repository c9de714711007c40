"""Mesh -> camera -> screen triangles -> image, in one call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .camera import Camera
from .mesh import Mesh
from .rasterizers import rasterize
from .shading import Lights, shade


def screen_triangles(verts: Tensor, faces: Tensor, camera: Camera) -> Tensor:
    """(V, 3) or (B, V, 3) vertices, (F, 3) faces -> (B, F, 3, 3), what `rasterize` takes. Differentiable in verts and camera."""
    return camera.project(verts)[:, faces]


def render(
    mesh: Mesh,
    camera: Camera,
    *,
    size: int | tuple[int, int],
    lights: Lights | None = None,
    rasterizer: Callable[..., Tensor] = rasterize,
    **options: Any,
) -> Tensor:
    """Draw a mesh: (B, H, W, 4), RGB and alpha, one image a camera. A mesh without colours is white.

    Args:
        lights: shade the faces flat; None leaves the colours as they are.
        rasterizer: `rasterize` or `rasterize_hard`; it gets `options` (sigma, gamma, background, ...).

    Raises:
        ValueError: what the rasterizer finds wrong.
    """
    triangles = screen_triangles(mesh.verts, mesh.faces, camera)
    colors = (torch.ones_like(mesh.verts) if mesh.colors is None else mesh.colors)[
        mesh.faces
    ]  # (F, 3, 3)
    if lights is not None:
        colors = shade(mesh.face_normals()[:, None].expand_as(colors), colors, lights)
    return rasterizer(triangles, colors.expand(len(triangles), *colors.shape), size=size, **options)
