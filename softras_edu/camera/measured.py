"""Cameras that were measured: K, R, t and the matrix P = K [R t], as calibration writes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..precision import is_any, outside_autocast
from .arguments import first, image_size

PIXEL_CENTERS = (0.0, 0.5)  # OpenCV's and most calibration tools'; COLMAP's and graphics'


@outside_autocast
def from_k_r_t(
    K: Tensor,  # noqa: N803
    R: Tensor,  # noqa: N803
    t: Tensor,
    lens: Tensor | None,
    size: int | tuple[int, int],
    pixel_center: float,
) -> dict[str, Any]:
    """What `Camera` takes, from tensors of one dtype; `Camera.pinhole` says what they are."""
    middle = _middle(pixel_center)
    height, width = image_size(size)
    if R.shape == (3, 3) and t.shape in ((3,), (3, 1), (1, 3)):
        R, t = R[None], t.reshape(1, 3)  # noqa: N806
    if R.dim() != 3 or R.shape[1:] != (3, 3) or t.shape != (*R.shape[:1], 3):
        got = f"{tuple(R.shape)} and {tuple(t.shape)}"
        raise ValueError(f"R, t: got shapes {got}, wanted (B, 3, 3) and (B, 3)")
    if K.shape not in ((3, 3), (1, 3, 3), R.shape):
        raise ValueError(f"K: got shape {tuple(K.shape)}, wanted (3, 3) or {tuple(R.shape)}")
    if lens is not None:
        if lens.shape not in ((5,), (1, 5), (len(R), 5)):
            got = f"got shape {tuple(lens.shape)}"
            raise ValueError(f"distortion: {got}, wanted k1, k2, p1, p2, k3: (5,) or (B, 5)")
        lens = lens.expand(len(R), 5)
        for k in first(~lens.isfinite().all(1)):
            raise ValueError(f"distortion: camera {k} has {lens[k].tolist()}, wanted finite")
    K = K.expand_as(R)  # noqa: N806
    check_rotation(R)
    _check_k(K, t)
    fx, fy = K[:, 0, 0], K[:, 1, 1]
    cx, cy = K[:, 0, 2] + middle, K[:, 1, 2] + middle
    slanted = K.requires_grad or is_any(K[:, 0, 1] != 0)
    return {
        "eye": -(R.transpose(1, 2) @ t[..., None])[..., 0],
        "rotation": R * R.new_tensor([1.0, -1.0, -1.0])[:, None],
        "scale": height / (2 * torch.stack([fx, fy], dim=1)),
        "shift": torch.stack([(2 * cx - width) / height, 1 - 2 * cy / height], dim=1),
        "distortion": lens,
        "skew": K[:, 0, 1] / fx if slanted else None,
    }


def check_rotation(R: Tensor) -> None:  # noqa: N803
    """ValueError unless all (B, 3, 3) are rotations, to 0.001; it names the first that is none."""
    off = (R @ R.transpose(1, 2) - torch.eye(3).to(R)).abs().amax((1, 2))
    for k in first(~(off <= 1e-3) | ~(torch.linalg.det(R) > 0)):
        wanted = "a rotation (orthonormal rows, determinant +1)"
        raise ValueError(f"R: camera {k} has {R[k].tolist()}, wanted {wanted}")


def _check_k(K: Tensor, t: Tensor) -> None:  # noqa: N803
    fx, fy = K[:, 0, 0], K[:, 1, 1]
    low = K[:, [1, 2, 2, 2], [0, 0, 1, 2]] - K.new_tensor([0.0, 0.0, 0.0, 1.0])
    right = (fx > 0) & (fy > 0) & (low.abs() < 1e-6).all(1)
    for k in first(~(right & K.isfinite().all(2).all(1) & t.isfinite().all(1))):
        wanted = "[[fx, skew, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0, and a finite t"
        raise ValueError(f"K: camera {k} has {K[k].tolist()}, wanted {wanted}")


def _middle(pixel_center: float) -> float:
    """From a pixel's index to the place of its centre in the picture."""
    if pixel_center not in PIXEL_CENTERS:
        raise ValueError(f"pixel_center: got {pixel_center!r}, wanted 0.0 (OpenCV) or 0.5 (COLMAP)")
    return 0.5 - pixel_center


@outside_autocast
def take_apart(P: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: N803
    """P, (3, 4) or (B, 3, 4) -> K (B, 3, 3), R (B, 3, 3), t (B, 3) with P ~ K [R t].

    P times any number, also a negative one, is the same camera. Its left 3 x 3 part M is K R: the
    last row of M is that of R, and the rows above it are made orthogonal one after the other
    (Hartley and Zisserman, "Multiple View Geometry", 2nd edition, 6.2.4). Differentiable.

    Raises:
        ValueError: another shape, not finite, or a singular M: a camera at infinity.
    """
    if P.dim() not in (2, 3) or P.shape[-2:] != (3, 4):
        raise ValueError(f"P: got shape {tuple(P.shape)}, wanted (3, 4) or (B, 3, 4)")
    P = P.reshape(-1, 3, 4)  # noqa: N806
    M = P[..., :3]  # noqa: N806
    det, lengths = torch.linalg.det(M), M.norm(dim=2).prod(1)  # |det| is the product at most
    for k in first(~P.isfinite().all(2).all(1) | ~(det.abs() > 1e-12 * lengths)):
        wanted = "finite numbers, with the left 3 x 3 part not singular"
        raise ValueError(f"P: camera {k} has {P[k].tolist()}, wanted {wanted}")
    P = P * (det.sign() / M[:, 2].norm(dim=1))[:, None, None]  # noqa: N806
    m0, m1, r2 = P[..., :3].unbind(1)
    cy, cx = _dot(m1, r2), _dot(m0, r2)
    m1 = m1 - cy * r2
    fy = m1.norm(dim=1, keepdim=True)
    r1 = m1 / fy
    skew = _dot(m0, r1)
    m0 = m0 - cx * r2 - skew * r1
    fx = m0.norm(dim=1, keepdim=True)
    zero, one = torch.zeros_like(fx), torch.ones_like(fx)
    K = torch.cat([fx, skew, cx, zero, fy, cy, zero, zero, one], dim=1)  # noqa: N806
    K = K.unflatten(1, (3, 3))  # noqa: N806
    t = torch.linalg.solve_triangular(K, P[..., 3:], upper=True)[..., 0]
    return K, torch.stack([m0 / fx, r1, r2], dim=1), t


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """(B, 3) x 2 -> (B, 1)."""
    return (a * b).sum(-1, keepdim=True)


@outside_autocast
def to_k_r_t(camera: Any, size: int | tuple[int, int], pixel_center: float) -> tuple[Tensor, ...]:
    """K (B, 3, 3), R (B, 3, 3), t (B, 3) and distortion (B, 5) of a perspective `Camera`: the way
    back from `from_k_r_t`.

    Raises:
        ValueError: an orthographic camera.
    """
    middle = _middle(pixel_center)
    height, width = image_size(size)
    if not camera.perspective:
        raise ValueError("camera: got an orthographic one, which has no K")
    zero = torch.zeros_like(camera.eye[:, :1])
    scale = camera.pairs("scale")
    fx, fy = (height / (2 * scale)).split(1, dim=1)
    shift_x, shift_y = camera.pairs("shift").split(1, dim=1)
    cx, cy = (height * shift_x + width) / 2 - middle, height * (1 - shift_y) / 2 - middle
    skew = zero if camera.skew is None else camera.skew[:, None] * fx
    K = torch.cat([fx, skew, cx, zero, fy, cy, zero, zero, zero + 1], dim=1)  # noqa: N806
    R = camera.rotation * camera.rotation.new_tensor([1.0, -1.0, -1.0])[:, None]  # noqa: N806
    lens = zero.expand(-1, 5) if camera.distortion is None else camera.distortion
    return K.unflatten(1, (3, 3)), R, -(R @ camera.eye[..., None])[..., 0], lens
