"""World -> screen: the one place that knows conventions.

World and view space are right-handed, y up. In view space the camera sits at the origin and looks
along -z; its depth, the z that leaves this file, is the distance along the view axis, positive in
front. NDC: x right, y up, the image's height spans [-1, 1].
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import reduce
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from .precision import is_any, outside_autocast

Numbers = float | Sequence[Any] | np.ndarray[Any, Any] | Tensor
PIXEL_CENTERS = (0.0, 0.5)  # OpenCV's and most calibration tools'; COLMAP's and graphics'


class Camera:
    """B cameras, made by `Camera.orbit`, `Camera.look_at` or `Camera.pinhole` (measured ones).

    `len(camera)` is B, and `camera[0]`, `camera[2:5]`, `camera[[1, 7]]` are some of them.

    Attributes:
        eye: (B, 3) positions.
        rotation: (B, 3, 3), rows are the camera's right, up and backward directions in the world.
        scale: what x / depth (perspective) or x (orthographic) is divided by to give NDC: a number,
            or (B,), or (B, 2) for x and y.
        perspective: False for parallel projection.
        shift: (B, 2), where in NDC the view axis meets the picture; None for its middle.

    Raises:
        ValueError: shapes that do not fit each other.
    """

    def __init__(
        self,
        eye: Tensor,
        rotation: Tensor,
        scale: float | Tensor,
        perspective: bool = True,
        shift: Tensor | None = None,
    ):
        eye, rotation = _floats(eye, rotation)
        if eye.dim() != 2 or eye.shape[1] != 3 or rotation.shape != (len(eye), 3, 3):
            got = f"{tuple(eye.shape)} and {tuple(rotation.shape)}"
            raise ValueError(f"eye, rotation: got shapes {got}, wanted (B, 3) and (B, 3, 3)")
        self.eye, self.rotation, self.perspective = eye, rotation, perspective
        self.scale = float(scale) if isinstance(scale, Real) else _floats(scale)[0]
        self.shift = None if shift is None else _floats(shift)[0]
        many = len(eye)
        if isinstance(self.scale, Tensor) and self.scale.shape not in ((many,), (many, 2)):
            wanted = f"a number, ({many},) or ({many}, 2)"
            raise ValueError(f"scale: got shape {tuple(self.scale.shape)}, wanted {wanted}")
        if self.shift is not None and self.shift.shape != (many, 2):
            raise ValueError(f"shift: got shape {tuple(self.shift.shape)}, wanted ({many}, 2)")

    def __len__(self) -> int:
        return len(self.eye)

    def __getitem__(self, which: Any) -> Camera:
        """Some of the cameras: a number (gives B = 1), a slice, numbers, or B booleans.

        Raises:
            IndexError: there is no such camera.
            ValueError: something else; the message names it.
        """
        chosen = _which(which, len(self), self.eye.device)
        parts = (self.scale, self.shift)
        scale, shift = (part[chosen] if isinstance(part, Tensor) else part for part in parts)
        assert scale is not None
        shift = shift if isinstance(shift, Tensor) else None
        return Camera(self.eye[chosen], self.rotation[chosen], scale, self.perspective, shift)

    def to(self, *to: Any, **options: Any) -> Camera:
        """The same cameras in another dtype or on another device; arguments as in `Tensor.to`."""
        parts = (self.scale, self.shift)
        scale, shift = (p.to(*to, **options) if isinstance(p, Tensor) else p for p in parts)
        eye, rotation = self.eye.to(*to, **options), self.rotation.to(*to, **options)
        assert scale is not None
        shift = shift if isinstance(shift, Tensor) else None
        return Camera(eye, rotation, scale, self.perspective, shift)

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
        d, e, a = _broadcast(1, distance=distance, elevation=elevation, azimuth=azimuth)
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

        Other arguments as in `orbit`.

        Raises:
            ValueError: eye and at coincide, up is parallel to the view, or a field of view outside
                (0, 180).
        """
        eye_, at_, up_ = _broadcast(2, eye=eye, at=at, up=up)
        if eye_.dim() != 2 or eye_.shape[1] != 3:
            raise ValueError(f"eye, at, up: got {tuple(eye_.shape)}, wanted (3,) or (B, 3)")
        back, right = eye_ - at_, torch.linalg.cross(up_, eye_ - at_)
        if is_any(back.norm(dim=-1) < 1e-9):
            raise ValueError("at: got the same point as eye, wanted another one to look at")
        if is_any(right.norm(dim=-1) < 1e-6 * back.norm(dim=-1) * up_.norm(dim=-1)):
            raise ValueError("up: got a direction along the view axis, wanted one across it")
        back, right = normalize(back, dim=-1), normalize(right, dim=-1)
        rotation = torch.stack([right, torch.linalg.cross(back, right), back], dim=-2)
        scale = _scale(fov, orthographic)
        if isinstance(scale, Tensor):  # one lens a camera, or one camera a lens
            many = len(scale) if len(eye_) == 1 else len(eye_)
            if len(scale) not in (1, many):
                name = "fov" if orthographic is None else "orthographic"
                raise ValueError(f"{name}: got {len(scale)} for {many} cameras, wanted one or each")
            scale, eye_ = scale.expand(many), eye_.expand(many, 3)
            rotation = rotation.expand(many, 3, 3)
        return Camera(eye_, rotation, scale, perspective=orthographic is None)

    @staticmethod
    def pinhole(
        K: Numbers,  # noqa: N803 (their names everywhere)
        R: Numbers,  # noqa: N803
        t: Numbers,
        size: int | tuple[int, int],
        *,
        pixel_center: float = 0.0,
    ) -> Camera:
        """Cameras as calibration tools write them: a world point X is seen at pixel (u, v), where
        (u, v, 1) ~ K (R X + t).

        Args:
            K: (3, 3) or (B, 3, 3), [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] in pixels; u runs right,
                v down.
            R: (B, 3, 3) rotations, world -> camera, whose axes are right, down and forward.
            t: (B, 3). One camera may also be R (3, 3) and t (3,) or (3, 1).
            size: H = W, or (H, W), of the pictures that K is for.
            pixel_center: where the centre of the first pixel is: 0.0, (u, v) = (0, 0), as in
                OpenCV; or 0.5, (0.5, 0.5), as in COLMAP and in graphics, where (0, 0) is the corner
                of the picture. The wrong one moves the picture by half a pixel.

        Tensors, NumPy arrays or lists; integers too.

        Raises:
            ValueError: shapes that do not fit, a K with a skew or without focal lengths, an R that
                is no rotation; with the number of the camera.
        """
        K, R, t = _floats(K, R, t)  # noqa: N806
        return _pinhole(K, R, t, size, pixel_center)

    @outside_autocast
    def to_view(self, verts: Tensor) -> Tensor:
        """(V, 3) or (B, V, 3) points in the world -> (B, V, 3), right, up and backward."""
        (verts,) = _floats(verts, like=self.eye)
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
        if self.perspective:
            xy = view[..., :2] / (scale * depth.where(depth > 1e-6, 1.0))
        else:
            xy = view[..., :2] / scale
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

    def _beside(self, x: Any, points: Tensor) -> Any:
        """`scale` or `shift` in a shape that broadcasts with (B, ..., 2); a number as it is."""
        if not isinstance(x, Tensor):
            return x
        x = x.to(points, non_blocking=points.is_cuda)
        x = x[:, None] if x.dim() == 1 else x
        return x[(slice(None), *[None] * (points.dim() - 2))]


@outside_autocast
def _pinhole(
    K: Tensor,  # noqa: N803
    R: Tensor,  # noqa: N803
    t: Tensor,
    size: int | tuple[int, int],
    pixel_center: float,
) -> Camera:
    """`Camera.pinhole` for tensors of one dtype."""
    if pixel_center not in PIXEL_CENTERS:
        raise ValueError(f"pixel_center: got {pixel_center!r}, wanted 0.0 (OpenCV) or 0.5 (COLMAP)")
    height, width = image_size(size)
    if R.shape == (3, 3) and t.shape in ((3,), (3, 1), (1, 3)):
        R, t = R[None], t.reshape(1, 3)  # noqa: N806
    if R.dim() != 3 or R.shape[1:] != (3, 3) or t.shape != (*R.shape[:1], 3):
        got = f"{tuple(R.shape)} and {tuple(t.shape)}"
        raise ValueError(f"R, t: got shapes {got}, wanted (B, 3, 3) and (B, 3)")
    if K.shape not in ((3, 3), (1, 3, 3), R.shape):
        raise ValueError(f"K: got shape {tuple(K.shape)}, wanted (3, 3) or {tuple(R.shape)}")
    K = K.expand_as(R)  # noqa: N806
    back = R.transpose(1, 2)
    off = (R @ back - torch.eye(3).to(R)).abs().amax((1, 2))
    for k in _first(~(off <= 1e-3) | ~(torch.linalg.det(R) > 0)):
        wanted = "a rotation (orthonormal rows, determinant +1)"
        raise ValueError(f"R: camera {k} has {R[k].tolist()}, wanted {wanted}")
    fx, fy, skew = K[:, 0, 0], K[:, 1, 1], K[:, 0, 1]
    low = K[:, [1, 2, 2, 2], [0, 0, 1, 2]] - K.new_tensor([0.0, 0.0, 0.0, 1.0])
    right = (fx > 0) & (fy > 0) & (skew.abs() < 1e-6 * fx) & (low.abs() < 1e-6).all(1)
    for k in _first(~(right & K.isfinite().all(2).all(1) & t.isfinite().all(1))):
        wanted = "[[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0, and a finite t"
        raise ValueError(f"K: camera {k} has {K[k].tolist()}, wanted {wanted}")
    middle = 0.5 - pixel_center  # from a pixel's index to the place of its centre in the picture
    cx, cy = K[:, 0, 2] + middle, K[:, 1, 2] + middle
    shift = torch.stack([(2 * cx - width) / height, 1 - 2 * cy / height], dim=1)
    eye = -(back @ t[..., None])[..., 0]
    rotation = R * R.new_tensor([1.0, -1.0, -1.0])[:, None]
    return Camera(eye, rotation, height / (2 * torch.stack([fx, fy], dim=1)), shift=shift)


# ---------------------------------------------------------------- numbers


def image_size(size: Any) -> tuple[int, int]:
    """H = W or (H, W), of any integer type (NumPy's too) -> (H, W).

    Raises:
        ValueError: something else.
    """
    pair = size if isinstance(size, Sequence | np.ndarray) else (size, size)
    try:
        if isinstance(size, bool):
            raise TypeError
        height, width = (operator.index(n) for n in pair)
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise ValueError(f"size: got {size!r}, wanted a positive int or a pair (H, W) of them")
    return height, width


def _scale(fov: Numbers, orthographic: Numbers | None) -> float | Tensor:
    """What `Camera.scale` is for a lens: a number for a number, else (1,) or (B,).

    Raises:
        ValueError: a field of view outside (0, 180), or a half height <= 0.
    """
    name, value = ("fov", fov) if orthographic is None else ("orthographic", orthographic)
    wanted = "degrees between 0 and 180" if orthographic is None else "the view's half height, > 0"
    top = 180.0 if orthographic is None else math.inf
    if isinstance(value, Real):
        number = float(value)
        if not 0 < number < top:
            raise ValueError(f"{name}: got {value!r}, wanted {wanted}")
        return number if name != "fov" else math.tan(math.radians(number) / 2)
    (x,) = _broadcast(1, **{name: value})
    if x.dim() != 1 or is_any(~((x > 0) & (x < top))):
        raise ValueError(f"{name}: got {value!r}, wanted {wanted}, one or one a camera")
    return x if name != "fov" else torch.tan(torch.deg2rad(x) / 2)


def _broadcast(dim: int, /, **numbers: Numbers) -> tuple[Tensor, ...]:
    """Numbers or points by name -> tensors of `dim` axes and of one shape, dtype and device.

    Raises:
        ValueError: no numbers, not finite, or shapes that do not broadcast.
    """
    tensors = []
    for name, x in zip(numbers, _floats(*numbers.values(), names=list(numbers)), strict=True):
        if is_any(~x.isfinite()):
            raise ValueError(f"{name}: got {numbers[name]!r}, wanted finite numbers")
        tensors.append(x.reshape((1,) * (dim - x.dim()) + x.shape) if x.dim() < dim else x)
    try:
        return tuple(torch.broadcast_tensors(*tensors))
    except RuntimeError:
        shapes = ", ".join(str(tuple(x.shape)) for x in tensors)
        names = ", ".join(numbers)
        raise ValueError(f"{names}: got shapes {shapes}, which do not broadcast") from None


def _floats(
    *numbers: Any, like: Tensor | None = None, names: Sequence[str] = ()
) -> tuple[Tensor, ...]:
    """Floating-point tensors of one dtype and device, with their gradients.

    The dtype is that of the tensors and arrays; of plain numbers alone it is float64, or `like`'s.
    """
    tensors = []
    for k, x in enumerate(numbers):
        try:
            tensors.append(_tensor(x))
        except (TypeError, ValueError, RuntimeError):
            name = names[k] if k < len(names) else "camera"
            raise ValueError(f"{name}: got {x!r}, wanted numbers") from None
    given = [t for t, x in zip(tensors, numbers, strict=True) if _typed(x)]
    dtypes = [x.dtype for x in given if x.is_floating_point()]
    plain = torch.float64 if like is None else like.dtype
    dtype = reduce(torch.promote_types, dtypes) if dtypes else plain
    device = given[0].device if given else None
    return tuple(x.to(device=device, dtype=dtype) for x in tensors)


def _tensor(x: Any) -> Tensor:
    """A tensor of anything that holds numbers; a list may hold tensors, whose gradient is kept."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, np.ndarray):
        x = np.ascontiguousarray(x)  # a view may run backwards
    elif isinstance(x, Sequence) and _typed(x):
        return torch.stack(torch.broadcast_tensors(*_floats(*x)))
    return torch.tensor(x, dtype=None if isinstance(x, np.ndarray) else torch.float64)


def _typed(x: Any) -> bool:
    """Whether x has a dtype of its own: a tensor, an array, or a list with one in it."""
    if isinstance(x, Sequence) and not isinstance(x, str):
        return any(_typed(y) for y in x)
    return isinstance(x, Tensor | np.ndarray)


def _which(which: Any, many: int, device: torch.device) -> Tensor | slice:
    """What indexes the B cameras, for `Camera.__getitem__`."""
    if isinstance(which, slice):
        return which
    wanted = f"a number, a slice, a list of numbers or {many} booleans"
    try:
        index = torch.as_tensor(which, device=device)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"camera[{which!r}]: wanted {wanted}") from None
    if index.numel() == 0 and index.dim() == 1:
        index = index.long()
    mask = index.dtype == torch.bool
    if index.is_floating_point() or index.dim() > 1 or (mask and index.shape != (many,)):
        raise ValueError(f"camera[{which!r}]: wanted {wanted}")
    return index if mask else torch.atleast_1d(index).long()


def _first(bad: Tensor) -> list[int]:
    """The number of the first camera that is bad, or nothing."""
    return bad.nonzero()[:1, 0].tolist() if is_any(bad) else []
