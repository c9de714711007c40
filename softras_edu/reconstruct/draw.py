"""The picture of a predicted mesh, and the paper's losses between it and what was seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from .. import losses
from ..mesh import at_corners, face_normals
from ..rasterizers import rasterize
from ..rasterizers.hard import rasterize_hard
from ..rendering import screen_triangles
from ..shading import shade
from .config import METHODS, Config
from .data import LIGHTS, SIZE, orbit

NAMES = ("loss", "silhouette", "color", "laplacian", "flatten")


def draw(
    verts: Tensor,
    colors: Tensor | None,
    faces: Tensor,
    views: Tensor,
    sigma: float,
    config: Config,
    watch: Callable[[Tensor], None] | None = None,
) -> Tensor:
    """Meshes as images: RGBA (B, H, W, 4), or alpha (B, H, W, 1) without colours.

    (B, V, 3) vertices, (B, V, 3) colours or None, (F, 3) faces, (B,) views.

    `watch` gets the triangles, so that it can hang a hook on them.
    """
    method = METHODS[config.method]
    triangles = screen_triangles(verts, faces, orbit(views))
    corners = None if colors is None else at_corners(colors, faces)  # (B, F, 3, 3)
    if corners is not None and config.shading:
        corners = shade(face_normals(verts, faces)[:, :, None].expand_as(corners), corners, LIGHTS)
    if watch is not None:
        watch(triangles)
    if method.hard:
        size, k = SIZE * method.supersample, method.supersample
        image = rasterize_hard(triangles, corners, size=size, gradient="nmr")
        return avg_pool2d(image.permute(0, 3, 1, 2), k).permute(0, 2, 3, 1)
    dials = {"dist_eps": 1e-10} | method.dials | config.dials
    softness: dict[str, Any] = {"sigma": sigma, "gamma": config.gamma, **dials}
    return rasterize(triangles, corners, size=SIZE, **softness)


def image_losses(drawn: Tensor, images: Tensor, config: Config) -> dict[str, Tensor]:
    """L_s = 1 - IoU of the silhouettes, and L_c = mean absolute difference of the colours.

    (N, H, W, C + 1) drawn, (N, 4, H, W) seen. L_c is a mean over what is seen of the object, and
    then over the pictures. A mean over whole pictures would be mostly of background, and small.
    """
    found = {"silhouette": losses.iou(drawn[..., -1], images[:, 3])}
    if drawn.shape[-1] > 1:
        difference = (drawn[..., :3] - images[:, :3].permute(0, 2, 3, 1)).abs().mean(-1)
        area = images[:, 3].sum((1, 2)).clamp_min(1)
        found["color"] = ((difference * images[:, 3]).sum((1, 2)) / area).mean()
    return found


def shape_losses(verts: Tensor, faces: Tensor) -> dict[str, Tensor]:
    """L_g: smooth surfaces score low. Means over the batch."""
    return {"laplacian": losses.laplacian(verts, faces), "flatten": losses.flatten(verts, faces)}


def total(parts: dict[str, Tensor], config: Config) -> Tensor:
    """L_s + lambda L_c + mu L_g."""
    weights = {
        "silhouette": 1.0,
        "color": config.color,
        "laplacian": config.laplacian,
        "flatten": config.flatten,
    }
    return torch.stack([weights[name] * part for name, part in parts.items()]).sum()
