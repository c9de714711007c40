"""World -> screen: the one place that knows conventions.

World and view space are right-handed, y up. In view space the camera sits at the origin and looks along -z; its depth, the z that
leaves this file, is the distance along the view axis, positive in front. NDC: x right, y up, the image's height spans [-1, 1].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

Numbers = float | Sequence[float] | Tensor


class Camera:
    """B cameras with one lens. Make it with `Camera.orbit` or `Camera.look_at`.

    Attributes:
        eye: (B, 3) positions.
        rotation: (B, 3, 3), rows are the camera's right, up and backward directions in the world.
        scale: what x / depth (perspective) or x (orthographic) is divided by to give NDC.
        perspective: False for parallel projection.
    """

    def __init__(self, eye: Tensor, rotation: Tensor, scale: float, perspective: bool = True):
        self.eye, self.rotation, self.scale, self.perspective = eye, rotation, scale, perspective

    @staticmethod
    def orbit(distance: Numbers, elevation: Numbers, azimuth: Numbers, fov: float = 60.0, *, orthographic: float | None = None) -> Camera:
        """Cameras on a sphere around the origin, looking at it: eye = distance (cos e sin a, sin e, cos e cos a).

        Args:
            distance: world units. elevation, azimuth: degrees. Each a number, or B of them; gradients flow through tensors.
            fov: the whole vertical angle of view, degrees.
            orthographic: the half height of the view in world units for parallel projection, instead of fov.

        Raises:
            ValueError: distance <= 0, or a field of view outside (0, 180).
        """
        d, e, a = torch.broadcast_tensors(*_vectors(distance, elevation, azimuth))
        if (d <= 0).any():
            raise ValueError(f"distance: got {distance!r}, wanted numbers > 0")
        e, a = torch.deg2rad(e), torch.deg2rad(a)
        eye = d[:, None] * torch.stack([e.cos() * a.sin(), e.sin(), e.cos() * a.cos()], dim=-1)
        # Straight above or below, "up" is along the view axis; the limit of the orbit's own up direction still works there.
        up = torch.stack([-e.sin() * a.sin(), e.cos(), -e.sin() * a.cos()], dim=-1)
        return Camera.look_at(eye, (0.0, 0.0, 0.0), up, fov, orthographic=orthographic)

    @staticmethod
    def look_at(eye: Numbers, at: Numbers = (0.0, 0.0, 0.0), up: Numbers = (0.0, 1.0, 0.0), fov: float = 60.0, *, orthographic: float | None = None) -> Camera:
        """Cameras at `eye` looking at `at`, each (3,) or (B, 3), with `up` upright in the picture. Other arguments as in `orbit`.

        Raises:
            ValueError: eye and at coincide, up is parallel to the view, or a field of view outside (0, 180).
        """
        eye_, at_, up_ = torch.broadcast_tensors(*(torch.atleast_2d(x) for x in _vectors(eye, at, up)))
        back, right = eye_ - at_, torch.linalg.cross(up_, eye_ - at_)
        if (back.norm(dim=-1) < 1e-9).any():
            raise ValueError("at: got the same point as eye, wanted another one to look at")
        if (right.norm(dim=-1) < 1e-6 * back.norm(dim=-1) * up_.norm(dim=-1)).any():
            raise ValueError("up: got a direction along the view axis, wanted one across it")
        back, right = torch.nn.functional.normalize(back, dim=-1), torch.nn.functional.normalize(right, dim=-1)
        rotation = torch.stack([right, torch.linalg.cross(back, right), back], dim=-2)
        if orthographic is None:
            if not 0 < fov < 180:
                raise ValueError(f"fov: got {fov!r}, wanted degrees between 0 and 180")
            return Camera(eye_, rotation, math.tan(math.radians(fov) / 2))
        if not orthographic > 0:
            raise ValueError(f"orthographic: got {orthographic!r}, wanted the view's half height, > 0")
        return Camera(eye_, rotation, float(orthographic), perspective=False)

    def project(self, verts: Tensor) -> Tensor:
        """(V, 3) or (B, V, 3) points in the world -> (B, V, 3): x, y in NDC and z, the depth along the view axis.

        Points at or behind the eye keep their depth <= 0 (and an x, y that means nothing), so that `rasterize` leaves them out.
        """
        # A camera lives on the CPU for the most part. Sent to a GPU without waiting for it to arrive: work there is done in order anyway.
        eye, rotation = self.eye.to(verts, non_blocking=verts.is_cuda), self.rotation.to(verts, non_blocking=verts.is_cuda)
        view = (verts - eye[:, None]) @ rotation.transpose(-1, -2)  # (B, V, 3)
        depth = -view[..., 2:]
        if self.perspective:
            return torch.cat([view[..., :2] / (self.scale * depth.where(depth > 1e-6, 1.0)), depth], dim=-1)
        return torch.cat([view[..., :2] / self.scale, depth], dim=-1)


def _vectors(*numbers: Numbers) -> list[Tensor]:
    """Floating-point tensors, 1-d or (points) 2-d, of the tensors' dtype and device (plain numbers alone: float64); gradients are kept."""
    tensors = [x for x in numbers if isinstance(x, Tensor)]
    dtypes = [x.dtype for x in tensors if x.is_floating_point()]
    dtype = reduce(torch.promote_types, dtypes) if dtypes else torch.float64
    device = tensors[0].device if tensors else None
    return [torch.atleast_1d(torch.as_tensor(x, dtype=dtype, device=device)) for x in numbers]
