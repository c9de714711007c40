"""NMR's renderer, fast enough to train with: the image and the gradient of `rasterize_hard(gradient="nmr")`, as loops that numba compiles.

`rasterizers/hard.py` asks every face at every pixel, and says why each line is as it is; here a face asks the pixels of its own box and
scanlines only. Names are the same.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from . import rasterize_hard
from .hard import NMR_EPS, Invented, shade_visible
from .numba_cpu import share_out
from .numba_cpu.compiling import MISSING, Array, kernel
from .options import Options

NEAR, FAR = 1.0, 100.0
MIN_DEPTH, MIN_AREA = Options.min_depth, Options.min_doubled_area


def rasterize_nmr(triangles: Tensor, colors: Tensor | None, *, size: int) -> Tensor:
    """(B, F, 3, 3) triangles, (B, F, 3, C) colours or None -> (B, size, size, C + 1) on black, alpha 0 or 1, with NMR's gradient."""
    if MISSING or triangles.device.type != "cpu":
        return rasterize_hard(triangles, colors, size=size, gradient="nmr")
    if colors is None:
        colors = triangles.new_empty(*triangles.shape[:-1], 0)
    corners = np.ascontiguousarray(triangles.detach().double().numpy())
    face = np.full((len(corners), size, size), -1, np.int64)
    depth = np.full(face.shape, np.inf)
    share_out(find_visible, _cuts(len(corners)), corners, depth, face)
    background = colors.new_zeros(len(corners), size, size, colors.shape[-1])
    found = torch.from_numpy(face)
    image: Tensor = Invented.apply(
        triangles, shade_visible(triangles.detach(), colors, background, found), found, pull_corners
    )
    return image


def pull_corners(triangles: Tensor, image: Tensor, face: Tensor, grad: Tensor) -> Tensor:
    """NMR's gradient of all corners, (B, F, 3, 3), as `nmr_gradients` of hard.py."""
    corners, colors, pull = (
        np.ascontiguousarray(x.detach().double().numpy()) for x in (triangles, image, grad)
    )
    out = np.zeros_like(corners)
    share_out(nmr_pull, _cuts(len(corners)), corners, colors, face.numpy(), pull, out)
    return torch.from_numpy(out).to(triangles)


def _cuts(images: int) -> list[int]:
    """Where to cut the images into a run for each thread."""
    runs = max(1, min(torch.get_num_threads(), images))
    return [images * k // runs for k in range(runs + 1)]


@kernel
def find_visible(first: int, last: int, corners: Array, depth: Array, face: Array) -> None:
    """The nearest face that covers the centre of each pixel, for images first ... last - 1."""
    size = face.shape[1]
    for n in range(first, last):
        for f in range(corners.shape[1]):
            x0, y0, z0 = corners[n, f, 0]
            x1, y1, z1 = corners[n, f, 1]
            x2, y2, z2 = corners[n, f, 2]
            area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
            if abs(area) < MIN_AREA or min(z0, z1, z2) <= MIN_DEPTH:
                continue
            left, right = min(x0, x1, x2), max(x0, x1, x2)
            low, high = min(y0, y1, y2), max(y0, y1, y2)
            for i in range(
                max(0, math.floor((1 - high) * size / 2 - 0.5)),
                min(size, math.ceil((1 - low) * size / 2 - 0.5) + 1),
            ):
                y = 1 - (2 * i + 1) / size
                for j in range(
                    max(0, math.floor((left + 1) * size / 2 - 0.5)),
                    min(size, math.ceil((right + 1) * size / 2 - 0.5) + 1),
                ):
                    x = (2 * j + 1 - size) / size
                    w0 = ((x1 - x) * (y2 - y) - (y1 - y) * (x2 - x)) / area
                    w1 = ((x2 - x) * (y0 - y) - (y2 - y) * (x0 - x)) / area
                    w2 = ((x0 - x) * (y1 - y) - (y0 - y) * (x1 - x)) / area
                    if w0 < 0 or w1 < 0 or w2 < 0:
                        continue
                    z = (w0 + w1 + w2) / (w0 / z0 + w1 / z1 + w2 / z2)
                    if NEAR <= z <= FAR and z < depth[n, i, j]:
                        depth[n, i, j] = z
                        face[n, i, j] = f


@kernel
def nmr_pull(
    first: int, last: int, corners: Array, image: Array, face: Array, grad: Array, out: Array
) -> None:
    """NMR's gradient of the corners' x and y, added to `out`, for images first ... last - 1."""
    size, channels = image.shape[1], image.shape[3]
    for n in range(first, last):
        for f in range(corners.shape[1]):
            for axis in range(2):  # along x with rows as lines, then along y with columns as lines
                pixel_size = 2 / size if axis == 0 else -2 / size
                start = 1 / size - 1 if axis == 0 else 1 - 1 / size  # where step 0 is
                for k in range(3):
                    k1, k2 = (k + 1) % 3, (k + 2) % 3
                    a, b, c = (
                        corners[n, f, k, axis],
                        corners[n, f, k1, axis],
                        corners[n, f, k2, axis],
                    )
                    a_line, b_line, c_line = (
                        corners[n, f, k, 1 - axis],
                        corners[n, f, k1, 1 - axis],
                        corners[n, f, k2, 1 - axis],
                    )
                    if a_line == b_line:
                        continue
                    slope = (b - a) / (b_line - a_line)
                    side = (c - (a + (c_line - a_line) * slope)) / pixel_size
                    if side == 0:
                        continue
                    inward = 1 if side > 0 else -1
                    low, high = min(a_line, b_line), max(a_line, b_line)
                    if axis == 0:
                        begin, end = (1 - high) * size / 2 - 0.5, (1 - low) * size / 2 - 0.5
                    else:
                        begin, end = (low + 1) * size / 2 - 0.5, (high + 1) * size / 2 - 0.5
                    for line in range(max(0, math.floor(begin)), min(size, math.ceil(end) + 1)):
                        at = (
                            1 - (2 * line + 1) / size if axis == 0 else (2 * line + 1 - size) / size
                        )
                        t = (at - a_line) / (b_line - a_line)
                        if not 0 <= t < 1:
                            continue
                        cross_at = a + t * (b - a)
                        exact = (cross_at - start) / pixel_size
                        step_in = math.ceil(exact) if inward > 0 else math.floor(exact)
                        step_out = step_in - inward
                        if min(step_in, step_out) < 0 or max(step_in, step_out) >= size:
                            continue
                        in_i, in_j = (line, step_in) if axis == 0 else (step_in, line)
                        out_i, out_j = (line, step_out) if axis == 0 else (step_out, line)
                        seen = face[n, in_i, in_j] == f
                        for step in range(size):
                            i, j = (line, step) if axis == 0 else (step, line)
                            if (
                                (step - step_out) * inward <= 0
                            ):  # outside the edge: it would show the face if the edge moved outward
                                if not seen:
                                    continue
                                from_i, from_j = in_i, in_j
                            elif (
                                face[n, i, j] == f
                            ):  # inside: it would show what is outside if the edge moved inward
                                from_i, from_j = out_i, out_j
                            else:
                                continue
                            change = 0.0
                            for channel in range(channels):
                                change += (
                                    image[n, from_i, from_j, channel] - image[n, i, j, channel]
                                ) * grad[n, i, j, channel]
                            if change >= 0:  # only changes that lower the loss
                                continue
                            gap = start + step * pixel_size - cross_at
                            for corner, lever in ((k, 1 - t), (k1, t)):
                                delta = gap / max(lever, 1e-9)
                                out[n, f, corner, axis] += change / (
                                    delta + NMR_EPS if delta > 0 else delta - NMR_EPS
                                )
