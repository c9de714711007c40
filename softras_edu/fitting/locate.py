"""Where the shape of some silhouettes is, and how large."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..camera import Camera
from .views import Views


@dataclass(frozen=True)
class Scene:
    """Where the shape is.

    Everything is fitted in a space where it is a unit sphere around the origin, whatever units the
    cameras have.
    """

    center: Tensor  # (3,)
    radius: float
    camera: Camera  # in that space


def locate(views: Views) -> Scene:
    """The centre is the point nearest to all the rays through the middles of the masks; the radius
    is that of discs with the masks' areas.
    """
    camera, (height, width) = views.camera, views.masks.shape[1:]
    assert isinstance(camera.scale, Tensor)
    assert camera.shift is not None
    mask = views.masks.double() / views.masks.double().sum((1, 2), keepdim=True)
    y, x = (
        1 - (2 * torch.arange(height, dtype=torch.float64) + 1) / height,
        (2 * torch.arange(width, dtype=torch.float64) + 1 - width) / height,
    )
    middle = torch.stack([(mask.sum(1) * x).sum(1), (mask.sum(2) * y).sum(1)], dim=1)  # (N, 2), NDC
    ray = torch.cat(
        [(middle - camera.shift) * camera.scale, -torch.ones(len(middle), 1, dtype=torch.float64)],
        dim=1,
    )
    ray = normalize((ray[:, None] @ camera.rotation)[:, 0], dim=1)  # in the world
    across = (
        torch.eye(3, dtype=torch.float64) - ray[:, :, None] * ray[:, None]
    )  # takes off what lies along the ray
    center = torch.linalg.lstsq(across.sum(0), (across @ camera.eye[..., None]).sum(0)).solution[
        :, 0
    ]
    depth = camera.project(center[None])[:, 0, 2]
    if (depth <= 0).any():
        raise ValueError(
            f"the cameras do not look at one place: {views.names[int(depth.argmin())]} has the "
            "shape behind it. Are they the right ones?"
        )
    area = views.masks.double().sum((1, 2)) * (2 / height) ** 2  # NDC
    radius = float(((area / torch.pi).sqrt() * camera.scale.mean(1) * depth).median())
    return Scene(
        center,
        radius,
        Camera((camera.eye - center) / radius, camera.rotation, camera.scale, shift=camera.shift),
    )
