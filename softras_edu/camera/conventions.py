"""The same camera in other libraries' words, both ways. `docs/conventions.md` draws what differs.

    to_opencv      K, R, t, distortion              from there: `Camera.pinhole`
    to_matrix      P = K [R t]                      from there: `Camera.from_matrix`
    to_colmap      quaternion, t, model, numbers    from_colmap
    to_pytorch3d   R, T, focal length, ...          from_pytorch3d
    to_opengl      view and projection matrices     from_opengl
    to_softras     eye, direction, half angle       from_softras, mirror_z

All are differentiable. World coordinates stay as they are, except for SoftRas, NMR and GenDR, whose
world is left-handed: there z changes its sign.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ..precision import outside_autocast
from . import Camera
from .arguments import Numbers, first, floats, image_size
from .measured import check_rotation, to_k_r_t

Size = int | tuple[int, int]

# COLMAP's models that are a pinhole and a part of OpenCV's distortion, and their numbers in order.
COLMAP_MODELS = {
    "SIMPLE_PINHOLE": ("f", "cx", "cy"),
    "PINHOLE": ("fx", "fy", "cx", "cy"),
    "SIMPLE_RADIAL": ("f", "cx", "cy", "k1"),
    "RADIAL": ("f", "cx", "cy", "k1", "k2"),
    "OPENCV": ("fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2"),
}

# ---------------------------------------------------------------- OpenCV, COLMAP


def to_opencv(camera: Camera, size: Size, *, pixel_center: float = 0.0) -> tuple[Tensor, ...]:
    """K (B, 3, 3), R (B, 3, 3), t (B, 3), distortion (B, 5), for pictures of `size`, as
    `Camera.pinhole` takes them, pixel_center too.

    Raises:
        ValueError: an orthographic camera.
    """
    return to_k_r_t(camera, size, pixel_center)


@outside_autocast
def to_matrix(camera: Camera, size: Size, *, pixel_center: float = 0.0) -> Tensor:
    """P = K [R t], (B, 3, 4), whose third coordinate is the depth.

    Args:
        size, pixel_center: as `Camera.from_matrix` takes them.

    Raises:
        ValueError: an orthographic camera, or a distorted one, of which no matrix knows.
    """
    _no_lens(camera, "a matrix P")
    K, R, t, _ = to_k_r_t(camera, size, pixel_center)  # noqa: N806
    return K @ torch.cat([R, t[..., None]], dim=2)


def to_colmap(camera: Camera, size: Size) -> tuple[Tensor, Tensor, str, Tensor]:
    """Quaternion (B, 4) as w, x, y, z with w >= 0, t (B, 3), the model's name, its numbers (B, N):
    PINHOLE, or OPENCV for a lens with distortion.

    Args:
        size: of the pictures, (H, W) or H = W; cameras.txt has the width first.

    Raises:
        ValueError: an orthographic or skewed camera, or k3, which OPENCV has not.
    """
    K, R, t, lens = to_k_r_t(camera, size, 0.5)  # noqa: N806
    if camera.skew is not None and bool((camera.skew != 0).any()):
        raise ValueError("camera: has a skew, which COLMAP has not")
    if bool((lens[:, 4] != 0).any()):
        raise ValueError("camera: has a k3, which COLMAP's OPENCV has not")
    model = "PINHOLE" if camera.distortion is None else "OPENCV"
    numbers = torch.cat([K[:, [0, 1, 0, 1], [0, 1, 2, 2]], lens[:, :4]], dim=1)
    return _quaternion(R), t, model, numbers[:, : len(COLMAP_MODELS[model])]


def from_colmap(
    quaternion: Numbers, t: Numbers, model: str, numbers: Numbers, size: Size
) -> Camera:
    """A line of COLMAP's images.txt with one of cameras.txt, or B of them.

    Args:
        quaternion: (4,) or (B, 4), w, x, y, z, of any length. t: (3,) or (B, 3).
        model: one of `COLMAP_MODELS`. numbers: (N,) or (B, N), as that model has them.
        size: (H, W); cameras.txt has the width first.

    Raises:
        ValueError: another model, or shapes that do not fit.
    """
    if model not in COLMAP_MODELS:
        raise ValueError(f"model: got {model!r}, wanted one of {', '.join(COLMAP_MODELS)}")
    names = COLMAP_MODELS[model]
    q, shift, x = (torch.atleast_2d(part) for part in floats(quaternion, t, numbers))
    if q.shape[1:] != (4,) or shift.shape != (len(q), 3) or x.shape[1:] != (len(names),):
        got = ", ".join(str(tuple(part.shape)) for part in (q, shift, x))
        wanted = f"(B, 4), (B, 3) and (B, {len(names)}) for {model}"
        raise ValueError(f"quaternion, t, numbers: got shapes {got}, wanted {wanted}")
    lens = dict(zip(names, x.expand(len(q), -1).unbind(1), strict=True))
    zero, one = torch.zeros_like(q[:, 0]), torch.ones_like(q[:, 0])
    fx, fy = (lens[name if name in lens else "f"] for name in ("fx", "fy"))
    rows = [[fx, zero, lens["cx"]], [zero, fy, lens["cy"]], [zero, zero, one]]
    K = torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)  # noqa: N806
    bent = torch.stack([lens.get(name, zero) for name in ("k1", "k2", "p1", "p2", "k3")], dim=1)
    given = bent if "k1" in lens else None
    return Camera.pinhole(K, _turn(q), shift, size, pixel_center=0.5, distortion=given)


def _quaternion(R: Tensor) -> Tensor:  # noqa: N803
    """Rotations (B, 3, 3) -> (B, 4), w, x, y, z, w >= 0.

    q q^T is written in the numbers of R. Its column with the largest number on the diagonal is q
    times that number of q, and keeps its digits.
    """
    (a, b, c), (d, e, f), (g, h, i) = (row.unbind(-1) for row in R.unbind(-2))
    rows = [
        [1 + a + e + i, h - f, c - g, d - b],
        [h - f, 1 + a - e - i, b + d, c + g],
        [c - g, b + d, 1 - a + e - i, f + h],
        [d - b, c + g, f + h, 1 - a - e + i],
    ]
    outer = torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)  # 4 q q^T
    best = outer.diagonal(dim1=1, dim2=2).argmax(1)
    q = normalize(outer[torch.arange(len(R), device=R.device), best], dim=1)
    return torch.where(q[:, :1] < 0, -q, q)


def _turn(q: Tensor) -> Tensor:
    """(B, 4), w, x, y, z, of any length -> rotations (B, 3, 3)."""
    w, x, y, z = normalize(q, dim=1).unbind(1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


# ---------------------------------------------------------------- PyTorch3D


@outside_autocast
def _times(points: Tensor, matrix: Tensor) -> Tensor:
    """Row vectors (B, 3) times matrices (B, 3, 3) -> (B, 3)."""
    return (points[:, None] @ matrix)[:, 0]


def to_pytorch3d(camera: Camera, size: Size) -> dict[str, Tensor]:
    """R, T, focal_length and principal_point, the arguments of PyTorch3D's `PerspectiveCameras`, or
    of its `OrthographicCameras` for an orthographic camera.

    Its view space is x left, y up, z forward, its points are rows (X R + T), and its NDC spans
    [-1, 1] on the shorter side of the picture.

    Args:
        size: of the pictures, (H, W) or H = W, in pixels.

    Raises:
        ValueError: a distorted or skewed camera.
    """
    _no_lens(camera, "PyTorch3D")
    _no_skew(camera, "PyTorch3D")
    R = (camera.rotation * camera.rotation.new_tensor([-1.0, 1.0, -1.0])[:, None]).mT  # noqa: N806
    longer = _longer(size)
    left = camera.eye.new_tensor([-longer, longer])
    return {
        "R": R,
        "T": -_times(camera.eye, R),
        "focal_length": longer / camera.pairs("scale"),
        "principal_point": camera.pairs("shift") * left,
    }


def from_pytorch3d(
    R: Numbers,  # noqa: N803
    T: Numbers,  # noqa: N803
    focal_length: Numbers = 1.0,
    principal_point: Numbers = (0.0, 0.0),
    *,
    size: Size,
    perspective: bool = True,
) -> Camera:
    """PyTorch3D's `PerspectiveCameras` (or `OrthographicCameras`), with in_ndc=True, its default.

    Args:
        R: (B, 3, 3). T: (B, 3). focal_length: a number, (B,), (B, 1) or (B, 2).
        principal_point: (2,) or (B, 2).
        size: of the pictures, (H, W) or H = W. perspective: False for `OrthographicCameras`.

    Raises:
        ValueError: shapes that do not fit, or an R that is no rotation.
    """
    R, T, focal, middle = floats(R, T, focal_length, principal_point)  # noqa: N806
    if R.dim() != 3 or R.shape[1:] != (3, 3) or T.shape != (len(R), 3):
        got = f"{tuple(R.shape)} and {tuple(T.shape)}"
        raise ValueError(f"R, T: got shapes {got}, wanted (B, 3, 3) and (B, 3)")
    check_rotation(R)
    focal = focal[:, None] if focal.dim() == 1 else focal
    longer = _longer(size)
    left = R.new_tensor([-longer, longer])
    scale, shift = longer / focal.expand(len(R), 2), middle.expand(len(R), 2) / left
    rotation = R.mT * R.new_tensor([-1.0, 1.0, -1.0])[:, None]
    return Camera(-_times(T, R.mT), rotation, scale, perspective, shift)


def _longer(size: Size) -> float:
    """Our NDC spans the height, PyTorch3D's the shorter side: what ours is multiplied by."""
    height, width = image_size(size)
    return height / min(height, width)


# ---------------------------------------------------------------- OpenGL


@outside_autocast
def to_opengl(
    camera: Camera, size: Size, near: float = 1.0, far: float = 100.0
) -> tuple[Tensor, Tensor]:
    """The view and the projection matrix, (B, 4, 4) each, for columns: clip = projection view x.

    OpenGL's NDC spans [-1, 1] on the width too, and in depth between near and far. Its first row of
    pixels is the lowest.

    Args:
        size: of the pictures, (H, W) or H = W: their shape, not their resolution, counts.
        near, far: depths, world units.

    Raises:
        ValueError: a distorted camera.
    """
    _no_lens(camera, "OpenGL")
    height, width = image_size(size)
    one = torch.ones_like(camera.eye[:, 0])
    zero, low = torch.zeros_like(one), one * height / width
    turned = -(camera.rotation @ camera.eye[..., None])
    view = torch.cat([camera.rotation, turned], dim=2)
    view = torch.cat([view, view.new_tensor([[[0.0, 0.0, 0.0, 1.0]]]).expand(len(view), 1, 4)], 1)
    sx, sy = camera.pairs("scale").unbind(1)
    px, py = camera.pairs("shift").unbind(1)
    skew = zero if camera.skew is None else camera.skew
    span = far - near
    if camera.perspective:
        rows = [
            [low / sx, -low * skew / sx, -low * px, zero],
            [zero, 1 / sy, -py, zero],
            [zero, zero, -one * (far + near) / span, -one * 2 * far * near / span],
            [zero, zero, -one, zero],
        ]
    else:
        rows = [
            [low / sx, zero, zero, low * px],
            [zero, 1 / sy, zero, py],
            [zero, zero, -one * 2 / span, -one * (far + near) / span],
            [zero, zero, zero, one],
        ]
    return view, torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


@outside_autocast
def from_opengl(view: Numbers, projection: Numbers, size: Size) -> Camera:
    """A camera from OpenGL's matrices for columns, (4, 4) or (B, 4, 4), as `to_opengl` has them.

    near and far, which the projection has too, are left out: they are arguments of `render`. `size`
    is that of the pictures, as in `to_opengl`.

    Raises:
        ValueError: shapes, a view that is no rotation and shift, or a projection that is neither a
            perspective nor a parallel one along the view axis.
    """
    view, projection = floats(view, projection)
    view, p = (x[None] if x.dim() == 2 else x for x in (view, projection))
    if view.dim() != 3 or view.shape[1:] != (4, 4) or p.shape[1:] != (4, 4):
        got = f"{tuple(view.shape)} and {tuple(p.shape)}"
        raise ValueError(f"view, projection: got shapes {got}, wanted (B, 4, 4)")
    p = p.expand(len(view), 4, 4)
    rotation, turned = view[:, :3, :3], view[:, :3, 3:]
    check_rotation(rotation)
    for k in first((view[:, 3] != view.new_tensor([0.0, 0.0, 0.0, 1.0])).any(1)):
        raise ValueError(f"view: the last row of {k} is {view[k, 3].tolist()}, wanted 0, 0, 0, 1")
    last = p[0, 3].tolist()
    if last not in ([0, 0, -1, 0], [0, 0, 0, 1]) or bool((p[:, 3] != p[:1, 3]).any()):
        raise ValueError(f"projection: its last row is {last}, wanted 0, 0, -1, 0 or 0, 0, 0, 1")
    perspective = last[2] == -1
    height, width = image_size(size)
    wide, fx, fy = width / height, p[:, 0, 0], p[:, 1, 1]
    column, sign = (2, -1.0) if perspective else (3, 1.0)
    return Camera(
        -(rotation.mT @ turned)[..., 0],
        rotation,
        torch.stack([1 / (wide * fx), 1 / fy], dim=1),
        perspective,
        sign * torch.stack([wide * p[:, 0, column], p[:, 1, column]], dim=1),
        skew=-p[:, 0, 1] / fx if perspective and bool((p[:, 0, 1] != 0).any()) else None,
    )


# ---------------------------------------------------------------- SoftRas, NMR, GenDR


def mirror_z(points: Tensor) -> Tensor:
    """points (or directions), (..., 3), of the left-handed world of SoftRas, NMR and GenDR in ours,
    or the other way: z changes its sign.

    That mirrors a mesh, so its faces run the other way round: `Mesh(mirror_z(verts),
    faces.flip(1))`, with colours one a corner flipped too, has its outside outside.
    """
    return points * points.new_tensor([1.0, 1.0, -1.0])


def to_softras(camera: Camera) -> dict[str, Any]:
    """eye (B, 3), camera_direction (B, 3) and up (B, 3) for SoftRas's `look`, in its left-handed
    world, and viewing_angle in degrees, *half* of the field of view; or viewing_scale for an
    orthographic camera. (B,) each.

    Raises:
        ValueError: a camera whose middle, lens or pixels SoftRas cannot have.
    """
    _no_lens(camera, "SoftRas")
    _no_skew(camera, "SoftRas")
    scale, shift = camera.pairs("scale"), camera.pairs("shift")
    if bool((shift != 0).any()) or bool((scale[:, 0] != scale[:, 1]).any()):
        raise ValueError("camera: its axis is not in the middle, or fx is not fy, as in SoftRas")
    half = torch.rad2deg(torch.atan(scale[:, 0]))
    lens = {"viewing_angle": half} if camera.perspective else {"viewing_scale": 1 / scale[:, 0]}
    _, up, back = camera.rotation.unbind(1)
    places = {"eye": camera.eye, "camera_direction": -back, "up": up}
    return {name: mirror_z(x) for name, x in places.items()} | lens


def from_softras(
    eye: Numbers,
    at: Numbers = (0.0, 0.0, 0.0),
    up: Numbers = (0.0, 1.0, 0.0),
    *,
    viewing_angle: Numbers = 30.0,
    viewing_scale: Numbers | None = None,
) -> Camera:
    """SoftRas's `look_at` (NMR's and GenDR's too): eye, at and up in its left-handed world, (3,) or
    (B, 3); viewing_angle is half of the field of view, in degrees. With viewing_scale, its
    orthogonal projection.

    What was at its (x, y, z) is seen where SoftRas shows it when it stands at `mirror_z` of that.
    Its `get_points_from_angles(distance, elevation, azimuth)` are the eyes of `Camera.orbit`, by
    the same three numbers.

    Raises:
        ValueError: what `Camera.look_at` finds wrong.
    """
    eye, at, up, angle = (
        mirror_z(x) if k < 3 else x for k, x in enumerate(floats(eye, at, up, viewing_angle))
    )
    scale = None if viewing_scale is None else 1 / floats(viewing_scale)[0]
    return Camera.look_at(eye, at, up, 2 * angle, orthographic=scale)


def _no_lens(camera: Camera, whose: str) -> None:
    if camera.distortion is not None:
        raise ValueError(f"camera: has a distorted lens, which {whose} has not")


def _no_skew(camera: Camera, whose: str) -> None:
    if camera.skew is not None and bool((camera.skew != 0).any()):
        raise ValueError(f"camera: has a skew, which {whose} has not")
