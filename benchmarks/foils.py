"""Two renderers that `fit_poses.py` compares with, fast enough for thousands of pictures.

truncated    the soft picture, with the gradient of the official CUDA kernel: what goes through the
             barycentric weights is left out
hard         the hard picture, compiled, with no gradient but that of the colours inside, or with
             Kato et al.'s invented one

Tests hold them to the library's.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from softras_edu.rasterizers import numba_cpu
from softras_edu.rasterizers.options import Options

Array = Any  # numpy.ndarray
NMR_EPS = 1e-4  # as in softras_edu/rasterizers/hard.py

# ---------------------------------------------------------------- soft, truncated


class _Truncated(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, triangles: Tensor, colors: Tensor, background: Tensor, o: Options
    ) -> Tensor:
        image, *saved = numba_cpu.forward(triangles, colors, background, o)
        ctx.save_for_backward(triangles, colors, *saved)
        ctx.options = o
        return image

    @staticmethod
    def backward(
        ctx: Any, d_image: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        triangles, colors, *saved = ctx.saved_tensors
        wanted = ctx.needs_input_grad[:3]
        grads = numba_cpu.backward(
            d_image, triangles, colors, tuple(saved), wanted, ctx.options, through_weights=False
        )
        return *grads, None


def truncated(
    triangles: Tensor,
    colors: Tensor,
    *,
    size: int,
    sigma: float,
    gamma: float,
    near: float,
    far: float,
    background: float,
) -> Tensor:
    """`rasterize`, (B, F, 3, 3) and (B, F, 3, C) -> (B, H, W, C + 1), truncated gradient."""
    o = Options(height=size, width=size, sigma=sigma, gamma=gamma, near=near, far=far)
    shape = len(triangles), size, size, colors.shape[-1]
    image = _Truncated.apply(triangles, colors, triangles.new_full(shape, background), o)
    return image  # type: ignore[no-any-return]


# ---------------------------------------------------------------- hard


class _Hard(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        triangles: Tensor,
        colors: Tensor,
        size: int,
        near: float,
        far: float,
        background: float,
        invent: bool,
    ) -> Tensor:
        t, c = (x.detach().double().contiguous().numpy() for x in (triangles, colors))
        image, face = (
            np.full((len(t), size, size, c.shape[-1] + 1), float(background)),
            np.full((len(t), size, size), -1),
        )
        image[..., -1] = 0
        _draw_hard(t, c, image, face, near, far)
        ctx.kept = t, c, image, face, invent
        return torch.from_numpy(image).to(triangles.dtype)

    @staticmethod
    def backward(ctx: Any, d_image: Tensor) -> tuple[Tensor, None, None, None, None, None, None]:
        t, c, image, face, invent = ctx.kept
        d_t, d = np.zeros_like(t), d_image.detach().double().contiguous().numpy()
        if invent:
            _nmr_gradient(t, image, face, d, d_t, 0)
            _nmr_gradient(t, image, face, d, d_t, 1)
        else:
            _inside_gradient(t, c, face, d, d_t)
        return torch.from_numpy(d_t).to(d_image.dtype), None, None, None, None, None, None


def hard(
    triangles: Tensor,
    colors: Tensor,
    *,
    size: int,
    near: float,
    far: float,
    background: float,
    gradient: str,
) -> Tensor:
    """`rasterize_hard`, (B, F, 3, 3) and (B, F, 3, C) -> (B, H, W, C + 1).

    The same gradients for corners, and none for colours.
    """
    invent = gradient == "nmr"
    image = _Hard.apply(triangles, colors, size, near, far, background, invent)
    return image  # type: ignore[no-any-return]


@numba.njit(error_model="numpy", cache=True)
def _inside_gradient(
    triangles: Array, colors: Array, face: Array, d_image: Array, d_triangles: Array
) -> None:
    """What autograd finds in a hard picture: the colour of a face moves along under the pixel.

    When corner k moves by h, as if the pixel moved by -v_k h.
    """
    images, size, channels = face.shape[0], face.shape[1], colors.shape[-1]
    for b in range(images):
        for i in range(size):
            for j in range(size):
                n = face[b, i, j]
                if n < 0:
                    continue
                x, y = (2 * j + 1 - size) / size, 1 - (2 * i + 1) / size
                (x0, y0, _), (x1, y1, _), (x2, y2, _) = triangles[b, n]
                area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
                v = (
                    ((x1 - x) * (y2 - y) - (y1 - y) * (x2 - x)) / area,
                    ((x2 - x) * (y0 - y) - (y2 - y) * (x0 - x)) / area,
                    0.0,
                )
                v = (v[0], v[1], 1 - v[0] - v[1])
                d_x = d_y = 0.0  # of the loss, as the pixel moves over the face
                for m in range(channels):
                    c0, c1, c2 = colors[b, n, 0, m], colors[b, n, 1, m], colors[b, n, 2, m]
                    d_x += (
                        d_image[b, i, j, m]
                        * (c0 * (y1 - y2) + c1 * (y2 - y0) + c2 * (y0 - y1))
                        / area
                    )
                    d_y += (
                        d_image[b, i, j, m]
                        * (c0 * (x2 - x1) + c1 * (x0 - x2) + c2 * (x1 - x0))
                        / area
                    )
                for k in range(3):
                    d_triangles[b, n, k, 0] -= v[k] * d_x
                    d_triangles[b, n, k, 1] -= v[k] * d_y


@numba.njit(error_model="numpy", cache=True)
def _draw_hard(
    triangles: Array, colors: Array, image: Array, face: Array, near: float, far: float
) -> None:
    images, faces = triangles.shape[:2]
    size, channels = image.shape[1], colors.shape[-1]
    for b in range(images):
        depth = np.full((size, size), np.inf)
        for n in range(faces):
            (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = triangles[b, n]
            area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
            if abs(area) < 1e-12 or min(z0, z1, z2) <= 1e-12:
                continue
            for i in range(size):
                y = 1 - (2 * i + 1) / size
                if y < min(y0, y1, y2) or y > max(y0, y1, y2):
                    continue
                for j in range(size):
                    x = (2 * j + 1 - size) / size
                    w0 = ((x1 - x) * (y2 - y) - (y1 - y) * (x2 - x)) / area
                    w1 = ((x2 - x) * (y0 - y) - (y2 - y) * (x0 - x)) / area
                    w2 = ((x0 - x) * (y1 - y) - (y0 - y) * (x1 - x)) / area
                    if min(w0, w1, w2) < 0:
                        continue
                    z = 1 / (w0 / z0 + w1 / z1 + w2 / z2)
                    if near <= z <= far and z < depth[i, j]:
                        depth[i, j], face[b, i, j] = z, n
                        for k in range(channels):
                            image[b, i, j, k] = (
                                w0 * colors[b, n, 0, k]
                                + w1 * colors[b, n, 1, k]
                                + w2 * colors[b, n, 2, k]
                            )
                        image[b, i, j, channels] = 1.0


@numba.njit(error_model="numpy", cache=True)
def _nmr_gradient(
    triangles: Array, image: Array, face: Array, d_image: Array, d_triangles: Array, axis: int
) -> None:
    """Corners along one axis, scanline by scanline.

    The same names as in softras_edu/rasterizers/nmr.py, which explains them.
    """
    images, faces = triangles.shape[:2]
    size, channels = image.shape[1], image.shape[-1]
    pixel = 2 / size if axis == 0 else -2 / size
    start = (1 - size) / size if axis == 0 else (size - 1) / size
    for b in range(images):
        for n in range(faces):
            for k in range(3):
                ends = k, (k + 1) % 3
                a0, a1 = triangles[b, n, ends[0], axis], triangles[b, n, ends[0], 1 - axis]
                b0, b1 = triangles[b, n, ends[1], axis], triangles[b, n, ends[1], 1 - axis]
                c0, c1 = triangles[b, n, (k + 2) % 3, axis], triangles[b, n, (k + 2) % 3, 1 - axis]
                for row in range(size):
                    line = 1 - (2 * row + 1) / size if axis == 0 else (2 * row + 1 - size) / size
                    t = (line - a1) / (b1 - a1)
                    if not 0 <= t < 1:
                        continue
                    cross_at = a0 + t * (b0 - a0)
                    inward = np.sign((c0 - (a0 + (c1 - a1) * (b0 - a0) / (b1 - a1))) / pixel)
                    exact = (cross_at - start) / pixel
                    step_in = int(np.ceil(exact) if inward > 0 else np.floor(exact))
                    step_out = step_in - int(inward)
                    if min(step_in, step_out) < 0 or max(step_in, step_out) >= size:
                        continue
                    in_i, in_j = (row, step_in) if axis == 0 else (step_in, row)
                    out_i, out_j = (row, step_out) if axis == 0 else (step_out, row)
                    seen = face[b, in_i, in_j] == n
                    for step in range(size):
                        i, j = (row, step) if axis == 0 else (step, row)
                        outside = (step - step_out) * inward <= 0
                        if not (seen if outside else face[b, i, j] == n):
                            continue
                        change = 0.0
                        for m in range(channels):
                            other = (
                                image[b, in_i, in_j, m] if outside else image[b, out_i, out_j, m]
                            )
                            change += (other - image[b, i, j, m]) * d_image[b, i, j, m]
                        if change >= 0:  # only changes that lower the loss
                            continue
                        gap = start + step * pixel - cross_at
                        for m in range(2):
                            delta = gap / max(t if m else 1 - t, 1e-9)
                            d_triangles[b, n, ends[m], axis] += change / (
                                delta + NMR_EPS if delta > 0 else delta - NMR_EPS
                            )
