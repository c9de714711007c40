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
    """B cameras. Make them with `Camera.orbit` or `Camera.look_at` (one lens for all), or from measured ones with `Camera.pinhole`.

    `len(camera)` is B, and `camera[0]`, `camera[2:5]`, `camera[[1, 7]]` are some of them.

    Attributes:
        eye: (B, 3) positions.
        rotation: (B, 3, 3), rows are the camera's right, up and backward directions in the world.
        scale: what x / depth (perspective) or x (orthographic) is divided by to give NDC; a number, or (B, 2) for x and y.
        perspective: False for parallel projection.
        shift: (B, 2), where in NDC the view axis meets the picture; None for its middle.
    """

    def __init__(
        self,
        eye: Tensor,
        rotation: Tensor,
        scale: float | Tensor,
        perspective: bool = True,
        shift: Tensor | None = None,
    ):
        self.eye, self.rotation, self.scale, self.perspective, self.shift = (
            eye,
            rotation,
            scale,
            perspective,
            shift,
        )

    def __len__(self) -> int:
        return len(self.eye)

    def __getitem__(self, which: int | slice | Sequence[int] | Tensor) -> Camera:
        """Some of the cameras; a single number gives a single camera, B = 1."""
        which = [which] if isinstance(which, int) else which
        scale = self.scale[which] if isinstance(self.scale, Tensor) else self.scale
        return Camera(
            self.eye[which],
            self.rotation[which],
            scale,
            self.perspective,
            None if self.shift is None else self.shift[which],
        )

    @staticmethod
    def orbit(
        distance: Numbers,
        elevation: Numbers,
        azimuth: Numbers,
        fov: float = 60.0,
        *,
        orthographic: float | None = None,
    ) -> Camera:
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
    def look_at(
        eye: Numbers,
        at: Numbers = (0.0, 0.0, 0.0),
        up: Numbers = (0.0, 1.0, 0.0),
        fov: float = 60.0,
        *,
        orthographic: float | None = None,
    ) -> Camera:
        """Cameras at `eye` looking at `at`, each (3,) or (B, 3), with `up` upright in the picture. Other arguments as in `orbit`.

        Raises:
            ValueError: eye and at coincide, up is parallel to the view, or a field of view outside (0, 180).
        """
        eye_, at_, up_ = torch.broadcast_tensors(
            *(torch.atleast_2d(x) for x in _vectors(eye, at, up))
        )
        back, right = eye_ - at_, torch.linalg.cross(up_, eye_ - at_)
        if (back.norm(dim=-1) < 1e-9).any():
            raise ValueError("at: got the same point as eye, wanted another one to look at")
        if (right.norm(dim=-1) < 1e-6 * back.norm(dim=-1) * up_.norm(dim=-1)).any():
            raise ValueError("up: got a direction along the view axis, wanted one across it")
        back, right = (
            torch.nn.functional.normalize(back, dim=-1),
            torch.nn.functional.normalize(right, dim=-1),
        )
        rotation = torch.stack([right, torch.linalg.cross(back, right), back], dim=-2)
        if orthographic is None:
            if not 0 < fov < 180:
                raise ValueError(f"fov: got {fov!r}, wanted degrees between 0 and 180")
            return Camera(eye_, rotation, math.tan(math.radians(fov) / 2))
        if not orthographic > 0:
            raise ValueError(
                f"orthographic: got {orthographic!r}, wanted the view's half height, > 0"
            )
        return Camera(eye_, rotation, float(orthographic), perspective=False)

    @staticmethod
    def pinhole(K: Tensor, R: Tensor, t: Tensor, size: int | tuple[int, int]) -> Camera:  # noqa: N803 (their names everywhere)
        """Cameras as calibration tools write them (OpenCV's convention): a world point X is seen at pixel (u, v), where (u, v, 1) ~ K (R X + t).

        Args:
            K: (3, 3) or (B, 3, 3), [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels; u runs right, v down, the first pixel's centre is at (0.5, 0.5).
            R: (B, 3, 3) rotations, world -> camera, whose axes are right, down and forward. t: (B, 3).
            size: H = W, or (H, W), of the pictures that K is for.

        Raises:
            ValueError: shapes that do not fit, a K with a skew or without focal lengths, an R that is no rotation; with the number of the camera.
        """
        height, width = (size, size) if isinstance(size, int) else size
        if R.dim() != 3 or R.shape[1:] != (3, 3) or t.shape != (*R.shape[:1], 3):
            raise ValueError(
                f"R, t: got shapes {tuple(R.shape)} and {tuple(t.shape)}, wanted (B, 3, 3) and (B, 3)"
            )
        if K.shape not in ((3, 3), R.shape):
            raise ValueError(f"K: got shape {tuple(K.shape)}, wanted (3, 3) or {tuple(R.shape)}")
        K = K.expand_as(R)  # noqa: N806
        off = (R @ R.transpose(1, 2) - torch.eye(3).to(R)).abs().amax((1, 2))
        for k in ((off > 1e-3) | (torch.linalg.det(R) < 0)).nonzero()[:1, 0].tolist():
            raise ValueError(
                f"R: camera {k} has {R[k].tolist()}, wanted a rotation (orthonormal rows, determinant +1)"
            )
        fx, fy, skew, low = (
            K[:, 0, 0],
            K[:, 1, 1],
            K[:, 0, 1],
            K[:, [1, 2, 2, 2], [0, 0, 1, 2]] - K.new_tensor([0.0, 0.0, 0.0, 1.0]),
        )
        for k in (
            (~((fx > 0) & (fy > 0) & (skew.abs() < 1e-6 * fx) & (low.abs() < 1e-6).all(1)))
            .nonzero()[:1, 0]
            .tolist()
        ):
            raise ValueError(
                f"K: camera {k} has {K[k].tolist()}, wanted [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0"
            )
        shift = torch.stack([(2 * K[:, 0, 2] - width) / height, 1 - 2 * K[:, 1, 2] / height], dim=1)
        eye = -(R.transpose(1, 2) @ t[..., None])[..., 0]
        return Camera(
            eye,
            R * R.new_tensor([1.0, -1.0, -1.0])[:, None],
            height / (2 * torch.stack([fx, fy], dim=1)),
            shift=shift,
        )

    def project(self, verts: Tensor) -> Tensor:
        """(V, 3) or (B, V, 3) points in the world -> (B, V, 3): x, y in NDC and z, the depth along the view axis.

        Points at or behind the eye keep their depth <= 0 (and an x, y that means nothing), so that `rasterize` leaves them out.
        """
        # A camera lives on the CPU for the most part. Sent to a GPU without waiting for it to arrive: work there is done in order anyway.
        eye, rotation = (
            self.eye.to(verts, non_blocking=verts.is_cuda),
            self.rotation.to(verts, non_blocking=verts.is_cuda),
        )
        view = (verts - eye[:, None]) @ rotation.transpose(-1, -2)  # (B, V, 3)
        depth = -view[..., 2:]
        scale = self.scale.to(view)[:, None] if isinstance(self.scale, Tensor) else self.scale
        xy = (
            view[..., :2] / (scale * depth.where(depth > 1e-6, 1.0))
            if self.perspective
            else view[..., :2] / scale
        )
        if self.shift is not None:
            xy = xy + self.shift.to(view)[:, None]
        return torch.cat([xy, depth], dim=-1)


def _vectors(*numbers: Numbers) -> list[Tensor]:
    """Floating-point tensors, 1-d or (points) 2-d, of the tensors' dtype and device (plain numbers alone: float64); gradients are kept."""
    tensors = [x for x in numbers if isinstance(x, Tensor)]
    dtypes = [x.dtype for x in tensors if x.is_floating_point()]
    dtype = reduce(torch.promote_types, dtypes) if dtypes else torch.float64
    device = tensors[0].device if tensors else None
    return [torch.atleast_1d(torch.as_tensor(x, dtype=dtype, device=device)) for x in numbers]
