"""The z-buffer in one compiled loop, for `hard.py`: which triangle is the nearest over each pixel.

Unlike the soft kernels this one computes in the dtype of the triangles, operation by operation as
`formulas.py` does. What decides here is a comparison, so the last bit counts: a pixel centre on an
edge belongs to the same triangle whoever draws, this loop or PyTorch.

Memory is a depth and a number for each pixel, and a box for each triangle.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor

from ... import formulas
from ..options import Options
from . import forget_stale
from .compiling import Array, kernel
from .tasks import cut_rows, share_out


@kernel
def nearest_rows(
    start: int,
    stop: int,
    triangles: Array,
    box: Array,
    columns: Array,
    rows: Array,
    numbers: Array,
    parallel: bool,
    nearest: Array,
    face: Array,
) -> None:
    """Depth and number of the nearest triangle, in rows start ... stop of the B * H of all images.

    triangles (N, 3, 3) and their boxes (N, 4); x of every column (W,), y of every row (H,); numbers
    (5,): 0, 1/2, 1, near, far in the triangles' dtype, for a literal would be a float64. parallel:
    z, and not 1 / z, is affine. nearest (B * H * W,) comes in as infinity, face (B * H * W,) as -1,
    and leaves counted image by image.
    """
    zero, half, one, near, far = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]
    height, width = len(rows), len(columns)
    faces = len(triangles) // max(len(nearest) // (height * width), 1)  # of one image
    for image in range(start // height, (stop + height - 1) // height):
        for n in range(image * faces, (image + 1) * faces):
            top = max(box[n, 0], start - image * height)
            bottom = min(box[n, 1], stop - image * height)
            if top >= bottom:
                continue
            x0, y0, z0 = triangles[n, 0, 0], triangles[n, 0, 1], triangles[n, 0, 2]
            x1, y1, z1 = triangles[n, 1, 0], triangles[n, 1, 1], triangles[n, 1, 2]
            x2, y2, z2 = triangles[n, 2, 0], triangles[n, 2, 1], triangles[n, 2, 2]
            area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
            for i in range(top, bottom):
                y = rows[i]
                for j in range(box[n, 2], box[n, 3]):
                    x = columns[j]
                    v0 = ((x1 - x) * (y2 - y) - (y1 - y) * (x2 - x)) / area
                    v1 = ((x2 - x) * (y0 - y) - (y2 - y) * (x0 - x)) / area
                    v2 = ((x0 - x) * (y1 - y) - (y0 - y) * (x1 - x)) / area
                    if not (v0 >= zero and v1 >= zero and v2 >= zero):
                        continue
                    w0, w1, w2 = min(v0, one), min(v1, one), min(v2, one)
                    if w0 + w1 + w2 < half:  # lost to rounding: see `formulas.clip_barycentric`
                        w0, w1, w2 = one, one, one
                    w_sum = w0 + w1 + w2
                    w0, w1, w2 = w0 / w_sum, w1 / w_sum, w2 / w_sum
                    if parallel:
                        z = w0 * z0 + w1 * z1 + w2 * z2
                    else:
                        z = one / (w0 / z0 + w1 / z1 + w2 / z2)
                    pixel = (image * height + i) * width + j
                    if near <= z <= far and z < nearest[pixel]:  # of equally near ones the first
                        nearest[pixel], face[pixel] = z, n - image * faces


@cache
def _start() -> None:
    """Once a process."""
    forget_stale(nearest_rows)


def nearest_face(triangles: Tensor, boxes: Tensor, o: Options, parallel: bool) -> Tensor:
    """(B, F, 3, 3) triangles and their boxes (B, F, 4) -> (B, H, W) int64, -1 where nothing is."""
    _start()
    images, pixels = len(triangles), len(triangles) * o.height * o.width
    flat = np.ascontiguousarray(triangles.detach().numpy()).reshape(-1, 3, 3)
    box = boxes.numpy().reshape(-1, 4).astype(np.int64)
    centers = formulas.pixel_centers(o.height, o.width, like=triangles)
    columns, rows = (np.ascontiguousarray(x.numpy()) for x in (centers[0, :, 0], centers[:, 0, 1]))
    numbers = np.array([0, 0.5, 1, o.near, o.far], flat.dtype)
    nearest, face = np.full(pixels, np.inf, flat.dtype), np.full(pixels, -1)
    cuts = cut_rows(box, images, o.height)
    share_out(nearest_rows, cuts, flat, box, columns, rows, numbers, parallel, nearest, face)
    return torch.from_numpy(face).view(images, o.height, o.width)
