"""World -> screen: the one place that knows conventions.

World and view space are right-handed, y up. In view space the camera sits at the origin and looks
along -z; its depth, the z that leaves this file, is the distance along the view axis, positive in
front. NDC: x right, y up, the image's height spans [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..precision import is_any, outside_autocast, unit
from .arguments import Numbers, broadcast, floats, image_size, lens_scale, which_of
from .lens import distort
from .measured import from_k_r_t, take_apart

__all__ = ["Camera", "Numbers", "image_size"]


class Camera:
    """B cameras, made by `Camera.orbit`, `Camera.look_at`, `Camera.look_along`, or by
    `Camera.pinhole` and `Camera.from_matrix` (measured ones).

    `len(camera)` is B, and `camera[0]`, `camera[2:5]`, `camera[[1, 7]]` are some of them.
    `softras_edu.camera.conventions` has the way to and from other libraries' cameras.

    Attributes:
        eye: (B, 3) positions.
        rotation: (B, 3, 3), rows are the camera's right, up and backward directions in the world.
        scale: what x / depth (perspective) or x (orthographic) is divided by to give NDC: a number,
            or (B,), or (B, 2) for x and y.
        perspective: False for parallel projection.
        shift: (B, 2), where in NDC the view axis meets the picture; None for its middle.
        distortion: (B, 5), OpenCV's k1, k2, p1, p2, k3; None for a lens without.
        skew: (B,), how far x moves where y / depth grows downward by 1; None for square pixels.

    Raises:
        ValueError: shapes that do not fit each other, a distorted or skewed parallel projection.
    """

    def __init__(
        self,
        eye: Tensor,
        rotation: Tensor,
        scale: float | Tensor,
        perspective: bool = True,
        shift: Tensor | None = None,
        distortion: Tensor | None = None,
        skew: Tensor | None = None,
    ):
        eye, rotation = floats(eye, rotation)
        if eye.dim() != 2 or eye.shape[1] != 3 or rotation.shape != (len(eye), 3, 3):
            got = f"{tuple(eye.shape)} and {tuple(rotation.shape)}"
            raise ValueError(f"eye, rotation: got shapes {got}, wanted (B, 3) and (B, 3, 3)")
        self.eye, self.rotation, self.perspective = eye, rotation, perspective
        self.scale = float(scale) if isinstance(scale, Real) else floats(scale)[0]
        self.shift, self.distortion, self.skew = (
            None if x is None else floats(x)[0] for x in (shift, distortion, skew)
        )
        if not perspective and not (distortion is None and skew is None):
            raise ValueError("distortion, skew: wanted None for an orthographic camera")
        many = len(eye)
        if isinstance(self.scale, Tensor) and self.scale.shape not in ((many,), (many, 2)):
            wanted = f"a number, ({many},) or ({many}, 2)"
            raise ValueError(f"scale: got shape {tuple(self.scale.shape)}, wanted {wanted}")
        for name, shape in (("shift", (many, 2)), ("distortion", (many, 5)), ("skew", (many,))):
            part = getattr(self, name)
            if part is not None and part.shape != shape:
                raise ValueError(f"{name}: got shape {tuple(part.shape)}, wanted {shape}")

    def __len__(self) -> int:
        return len(self.eye)

    def __getitem__(self, which: Any) -> Camera:
        """Some of the cameras: a number (gives B = 1), a slice, numbers, or B booleans.

        Raises:
            IndexError: there is no such camera.
            ValueError: something else; the message names it.
        """
        chosen = which_of(which, len(self), self.eye.device)
        return self._each(lambda part: part[chosen])

    def to(self, *to: Any, **options: Any) -> Camera:
        """The same cameras in another dtype or on another device; arguments as in `Tensor.to`."""
        return self._each(lambda part: part.to(*to, **options))

    def _each(self, change: Callable[[Tensor], Tensor]) -> Camera:
        """The cameras whose tensors are `change` of these."""
        names = ("eye", "rotation", "scale", "shift", "distortion", "skew")
        parts = {name: getattr(self, name) for name in names}
        parts = {name: change(x) if isinstance(x, Tensor) else x for name, x in parts.items()}
        return Camera(**parts, perspective=self.perspective)

    @staticmethod
    def orbit(
        distance: Numbers,
        elevation: Numbers,
        azimuth: Numbers,
        fov: Numbers = 60.0,
        *,
        orthographic: Numbers | None = None,
    ) -> Camera:
        """Cameras on a sphere around the origin, looking at it.

        eye = distance (cos e sin a, sin e, cos e cos a).

        Args:
            distance: world units. elevation, azimuth: degrees.
            fov: the whole vertical angle of view, degrees.
            orthographic: the half height of the view in world units for parallel projection,
                instead of fov.

        Each is a number, B of them, or a tensor, through which gradients flow.

        Raises:
            ValueError: distance <= 0, a field of view outside (0, 180), or numbers that are not
                finite or do not broadcast.
        """
        d, e, a = broadcast(1, distance=distance, elevation=elevation, azimuth=azimuth)
        if is_any(~(d > 0)):
            raise ValueError(f"distance: got {distance!r}, wanted numbers > 0")
        e, a = torch.deg2rad(e), torch.deg2rad(a)
        eye = d[:, None] * torch.stack([e.cos() * a.sin(), e.sin(), e.cos() * a.cos()], dim=-1)
        # Straight above or below, "up" is along the view axis: the limit of the orbit's own up.
        up = torch.stack([-e.sin() * a.sin(), e.cos(), -e.sin() * a.cos()], dim=-1)
        return Camera.look_at(eye, (0.0, 0.0, 0.0), up, fov, orthographic=orthographic)

    @staticmethod
    def look_at(
        eye: Numbers,
        at: Numbers = (0.0, 0.0, 0.0),
        up: Numbers = (0.0, 1.0, 0.0),
        fov: Numbers = 60.0,
        *,
        orthographic: Numbers | None = None,
    ) -> Camera:
        """Cameras at `eye` looking at `at`, `up` upright in the picture; each (3,) or (B, 3).

        fov and orthographic as in `orbit`.

        Raises:
            ValueError: eye and at coincide, up is parallel to the view, or a field of view outside
                (0, 180).
        """
        eye_, at_, up_ = broadcast(2, eye=eye, at=at, up=up)
        if eye_.dim() != 2 or eye_.shape[1] != 3:
            raise ValueError(f"eye, at, up: got {tuple(eye_.shape)}, wanted (3,) or (B, 3)")
        back, right = eye_ - at_, torch.linalg.cross(up_, eye_ - at_)
        if is_any(back.norm(dim=-1) < 1e-9):
            raise ValueError("at: got the same point as eye, wanted another one to look at")
        if is_any(right.norm(dim=-1) < 1e-6 * back.norm(dim=-1) * up_.norm(dim=-1)):
            raise ValueError("up: got a direction along the view axis, wanted one across it")
        back, right = normalize(back, dim=-1), normalize(right, dim=-1)
        rotation = torch.stack([right, torch.linalg.cross(back, right), back], dim=-2)
        scale = lens_scale(fov, orthographic)
        if isinstance(scale, Tensor):  # one lens a camera, or one camera a lens
            many = len(scale) if len(eye_) == 1 else len(eye_)
            if len(scale) not in (1, many):
                name = "fov" if orthographic is None else "orthographic"
                raise ValueError(f"{name}: got {len(scale)} for {many} cameras, wanted one or each")
            scale, eye_ = scale.expand(many), eye_.expand(many, 3)
            rotation = rotation.expand(many, 3, 3)
        return Camera(eye_, rotation, scale, perspective=orthographic is None)

    @staticmethod
    def look_along(
        eye: Numbers,
        direction: Numbers,
        up: Numbers = (0.0, 1.0, 0.0),
        fov: Numbers = 60.0,
        *,
        orthographic: Numbers | None = None,
    ) -> Camera:
        """Cameras at `eye` looking along `direction`, whose length does not count; each (3,) or
        (B, 3). up, fov and orthographic as in `look_at`.

        Raises:
            ValueError: a direction of no length, and what `look_at` finds wrong.
        """
        eye_, along = broadcast(2, eye=eye, direction=direction)
        if is_any(along.norm(dim=-1) < 1e-9):
            raise ValueError("direction: got no direction, wanted a vector that is not 0")
        return Camera.look_at(
            eye_, eye_ + normalize(along, dim=-1), up, fov, orthographic=orthographic
        )

    @staticmethod
    def pinhole(
        K: Numbers,  # noqa: N803 (their names everywhere)
        R: Numbers,  # noqa: N803
        t: Numbers,
        size: int | tuple[int, int],
        *,
        pixel_center: float = 0.0,
        distortion: Numbers | None = None,
    ) -> Camera:
        """Cameras as calibration tools write them: a world point X is seen at pixel (u, v), where
        (u, v, 1) ~ K (R X + t).

        Args:
            K: (3, 3) or (B, 3, 3), [[fx, skew, cx], [0, fy, cy], [0, 0, 1]] in pixels; u runs
                right, v down.
            R: (B, 3, 3) rotations, world -> camera, whose axes are right, down and forward.
            t: (B, 3). One camera may also be R (3, 3) and t (3,) or (3, 1).
            size: H = W, or (H, W), of the pictures that K is for.
            pixel_center: where the centre of the first pixel is: 0.0, (u, v) = (0, 0), as in
                OpenCV; or 0.5, (0.5, 0.5), as in COLMAP and in graphics, where (0, 0) is the corner
                of the picture. The wrong one moves the picture by half a pixel.
            distortion: (5,) or (B, 5), OpenCV's k1, k2, p1, p2, k3, in its order; see
                `softras_edu.camera.lens.distort`.

        Tensors, NumPy arrays or lists; integers too.

        Raises:
            ValueError: shapes that do not fit, a K without focal lengths, an R that is no rotation;
                with the number of the camera.
        """
        given = (K, R, t) if distortion is None else (K, R, t, distortion)
        K, R, t, *lens = floats(*given)  # noqa: N806
        return Camera(**from_k_r_t(K, R, t, lens[0] if lens else None, size, pixel_center))

    @staticmethod
    def from_matrix(
        P: Numbers,  # noqa: N803
        size: int | tuple[int, int],
        *,
        pixel_center: float = 0.0,
        distortion: Numbers | None = None,
    ) -> Camera:
        """Cameras from P = K [R t], (3, 4) or (B, 3, 4), up to any factor: a world point X is seen
        at pixel (u, v), where (u, v, 1) ~ P (X, 1).

        size, pixel_center and distortion as in `pinhole`. The way back is `conventions.to_matrix`.

        Raises:
            ValueError: a singular P, and what `pinhole` finds wrong.
        """
        (P,) = floats(P, names=("P",))  # noqa: N806
        K, R, t = take_apart(P)  # noqa: N806
        return Camera.pinhole(K, R, t, size, pixel_center=pixel_center, distortion=distortion)

    @outside_autocast
    def to_view(self, verts: Tensor) -> Tensor:
        """(V, 3) or (B, V, 3) points in the world -> (B, V, 3), right, up and backward.

        Raises:
            ValueError: another shape, or sets of points and cameras that do not go together.
        """
        (verts,) = floats(verts, like=self.eye)
        if verts.dim() not in (2, 3) or verts.shape[-1] != 3:
            raise ValueError(f"verts: got {tuple(verts.shape)}, wanted (V, 3) or (B, V, 3)")
        if verts.dim() == 3 and 1 != len(verts) != len(self) != 1:
            raise ValueError(f"verts: got {len(verts)} sets for {len(self)} cameras")
        # A camera lives on the CPU for the most part. It is sent to a GPU without waiting for it to
        # arrive: work there is done in order anyway.
        eye, rotation = (x.to(verts, non_blocking=verts.is_cuda) for x in (self.eye, self.rotation))
        return (verts - eye[:, None]) @ rotation.transpose(-1, -2)

    @outside_autocast
    def to_screen(self, view: Tensor) -> Tensor:
        """(B, ..., 3) points in view space -> (B, ..., 3): x, y in NDC and z, the depth."""
        depth = -view[..., 2:]
        scale, shift = (self._beside(x, view) for x in (self.scale, self.shift))
        before = depth.where(depth > 1e-6, 1.0)
        if not self.perspective:
            xy = view[..., :2] / scale
        elif self.distortion is None and self.skew is None:
            xy = view[..., :2] / (scale * before)
        else:
            xy = self._through_lens(view[..., :2] / before) / scale
        return torch.cat([xy if shift is None else xy + shift, depth], dim=-1)

    def project(self, verts: Tensor) -> Tensor:
        """(V, 3) or (B, V, 3) points in the world -> (B, V, 3): x, y in NDC and z, the depth along
        the view axis.

        Points at or behind the eye keep their depth <= 0 (and an x, y that means nothing), so that
        `rasterize` leaves them out.

        Raises:
            ValueError: another shape.
        """
        return self.to_screen(self.to_view(verts))

    def to_eye(self, points: Tensor) -> Tensor:
        """Unit vectors from points to the viewer, world axes: (B or 1, ..., 3) -> (B, ..., 3).

        In parallel projection the viewer is infinitely far behind the camera.
        """
        towards = self.eye if self.perspective else self.rotation[:, 2]
        towards = towards.to(points, non_blocking=points.is_cuda)
        towards = towards[(slice(None), *[None] * (points.dim() - 2))]
        shape = torch.broadcast_shapes(points.shape, towards.shape)
        return unit(towards - points) if self.perspective else towards.expand(shape)

    def pairs(self, name: str) -> Tensor:
        """`scale` or `shift`, whichever `name` says, as (B, 2), for x and y."""
        x = getattr(self, name)
        x = self.eye.new_tensor(0.0 if x is None else x) if not isinstance(x, Tensor) else x
        return (x[:, None] if x.dim() == 1 else x).expand(len(self), 2)

    def _through_lens(self, plane: Tensor) -> Tensor:
        """x / depth and y / depth, (B, ..., 2), bent by a lens and sheared by a slanted sensor."""
        if self.distortion is not None:
            lens = self.distortion.to(plane, non_blocking=plane.is_cuda)
            plane = _y_turned(distort(_y_turned(plane), lens))
        if self.skew is not None:
            x, y = plane.split(1, dim=-1)
            plane = torch.cat([x - self._beside(self.skew, plane) * y, y], dim=-1)
        return plane

    def _beside(self, x: Any, points: Tensor) -> Any:
        """`scale`, `shift` or `skew` in a shape that broadcasts with (B, ..., 2) points; a number
        as it is.
        """
        if not isinstance(x, Tensor):
            return x
        x = x.to(points, non_blocking=points.is_cuda)
        x = x[:, None] if x.dim() == 1 else x
        return x[(slice(None), *[None] * (points.dim() - 2))]


def _y_turned(plane: Tensor) -> Tensor:
    """(..., 2) with y up -> y down, or the other way."""
    x, y = plane.split(1, dim=-1)
    return torch.cat([x, -y], dim=-1)
