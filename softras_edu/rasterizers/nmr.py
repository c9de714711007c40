"""The gradient that earlier work made by hand for the z-buffer: the foil of the soft gradient.

Neural Mesh Renderer (NMR): Kato, Ushiku and Harada, "Neural 3D Mesh Renderer", CVPR 2018, arXiv
1711.07566, section 3.

A pixel's colour jumps when an edge sweeps over its centre. NMR replaces the jump by a ramp: if a
corner must move by `delta` for the edge to reach the pixel, and the pixel would then change by
`jump`, its derivative counts as jump / delta. It counts only where that change would lower the
loss, and only for triangles that are seen. So a hidden triangle gets nothing.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .numba_cpu import share_out
from .numba_cpu.compiling import Array, kernel

# Keeps a pixel that sits right on an edge from dividing by zero; the original's value, in NDC.
NMR_EPS = 1e-4


def with_nmr_gradient(triangles: Tensor, image: Tensor, face: Tensor) -> Tensor:
    """The image as it is, with NMR's gradient for the corners' x and y.

    (B, F, 3, 3) triangles; (B, H, W, C) image; (B, H, W) visible triangles, from `visible_face`.
    """
    out: Tensor = _Nmr.apply(triangles, image, face)
    return out


class _Nmr(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, triangles: Tensor, image: Tensor, face: Tensor) -> Tensor:
        ctx.save_for_backward(triangles, image, face)
        return image.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_image: Tensor) -> tuple[Tensor, Tensor, None]:
        triangles, image, face = ctx.saved_tensors
        return nmr_gradient(triangles, image, face, d_image), d_image, None


def nmr_gradient(triangles: Tensor, image: Tensor, face: Tensor, d_image: Tensor) -> Tensor:
    """NMR's gradient of all corners, (B, F, 3, 3); 0 along z. Computed on the CPU, in float64."""
    inputs = (triangles, image, d_image)
    corners, colors, pull = (
        np.ascontiguousarray(x.detach().cpu().double().numpy()) for x in inputs
    )
    d_corners = np.zeros_like(corners)
    runs = max(1, min(torch.get_num_threads(), len(corners)))
    cuts = [len(corners) * k // runs for k in range(runs + 1)]
    share_out(pull_corners, cuts, corners, colors, face.cpu().numpy(), pull, d_corners)
    return torch.from_numpy(d_corners).to(triangles)


@kernel
def pull_corners(
    start: int, stop: int, corners: Array, image: Array, face: Array, d_image: Array, out: Array
) -> None:
    """Images start ... stop - 1: the gradient of the corners' x and y, added to `out`.

    corners (B, F, 3, 3), image and d_image (B, H, W, C), face (B, H, W), out (B, F, 3, 3).
    """
    height, width = face.shape[1:]
    for n in range(start, stop):
        for f in range(corners.shape[1]):
            for k in range(3):
                for axis in range(2):  # the paper moves corners along x and along y separately
                    lines = height if axis == 0 else width  # scanlines run along the axis
                    a_line, b_line = (
                        corners[n, f, k, 1 - axis],
                        corners[n, f, (k + 1) % 3, 1 - axis],
                    )
                    low, high = min(a_line, b_line), max(a_line, b_line)
                    if axis == 0:
                        first, last = (1 - high) * height, (1 - low) * height
                    else:
                        first, last = low * height + width, high * height + width
                    first = max(0.0, math.floor(first / 2 - 0.5))
                    last = min(lines, math.ceil(last / 2 - 0.5) + 1.0)
                    for line in range(int(first), int(last)):
                        pull_edge(n, f, k, axis, line, corners, image, face, d_image, out)


@kernel
def pull_edge(
    n: int,
    f: int,
    k: int,
    axis: int,
    line: int,
    corners: Array,
    image: Array,
    face: Array,
    d_image: Array,
    out: Array,
) -> None:
    """One edge, from corner k to the next, where one scanline cuts it."""
    height, width = face.shape[1:]
    steps = width if axis == 0 else height  # pixels of a scanline
    step_size = 2 / height if axis == 0 else -2 / height  # y runs down the image
    start = (1 - width) / height if axis == 0 else 1 - 1 / height  # where step 0 is
    at = 1 - (2 * line + 1) / height if axis == 0 else (2 * line + 1 - width) / height

    k1, k2 = (k + 1) % 3, (k + 2) % 3
    a, a_line = corners[n, f, k, axis], corners[n, f, k, 1 - axis]
    b, b_line = corners[n, f, k1, axis], corners[n, f, k1, 1 - axis]
    c, c_line = corners[n, f, k2, axis], corners[n, f, k2, 1 - axis]
    if a_line == b_line:
        return
    t = (at - a_line) / (b_line - a_line)
    if not 0 <= t < 1:
        return
    cross_at = a + t * (b - a)
    # The triangle lies on the side of the edge where its third corner is.
    side = (c - (a + (c_line - a_line) * (b - a) / (b_line - a_line))) / step_size
    if side == 0:
        return
    inward = 1 if side > 0 else -1  # in steps
    exact = (cross_at - start) / step_size  # where the edge is, counted in steps
    step_in = math.ceil(exact) if inward > 0 else math.floor(exact)  # first pixel inside
    step_out = step_in - inward  # last pixel outside
    if min(step_in, step_out) < 0 or max(step_in, step_out) >= steps:
        return
    in_i, in_j = (line, step_in) if axis == 0 else (step_in, line)
    out_i, out_j = (line, step_out) if axis == 0 else (step_out, line)
    seen = face[n, in_i, in_j] == f  # the triangle is what is seen just inside its edge
    for step in range(steps):
        i, j = (line, step) if axis == 0 else (step, line)
        if (step - step_out) * inward <= 0:  # outside: it would show f if the edge moved outward
            if not seen:
                continue
            from_i, from_j = in_i, in_j
        elif face[n, i, j] == f:  # inside: it would show what is outside if the edge moved inward
            from_i, from_j = out_i, out_j
        else:
            continue
        change = 0.0
        for m in range(image.shape[3]):
            jump = image[n, from_i, from_j, m] - image[n, i, j, m]
            change += jump * d_image[n, i, j, m]
        if change >= 0:  # only changes that lower the loss
            continue
        gap = start + step * step_size - cross_at  # how far the edge must travel
        for corner, lever in ((k, 1 - t), (k1, t)):  # the edge moves by `lever` x the corner's move
            delta = gap / max(lever, 1e-9)
            out[n, f, corner, axis] += change / (delta + NMR_EPS if delta > 0 else delta - NMR_EPS)
