"""Many pictures -> one, an atlas, with the same colour at every place of every face.

A bilinear lookup half a texel inside a picture's border reads a texel beyond it. So each picture
has a gutter, one texel wide, of what lies beyond: its own border again ("clamp"), or the opposite
one ("repeat"). With that a lookup in the atlas reads the same four texels as before and never a
neighbour. (A program with mipmaps would need wider gutters; ours has none.)
"""

from __future__ import annotations

import math

import numpy as np

from .polygons import Ints
from .raw import Paint


def pack(paint: Paint) -> Paint:
    """The same paint with all the pictures that can be packed in one, the last.

    A picture stays as it is where one of its faces reaches beyond it: outside [0, 1] with "clamp",
    over a border with "repeat".
    """
    repeats = np.array([wrap == "repeat" for wrap in paint.wraps])[paint.which]
    cell = np.floor(paint.uv.min(1)) * repeats[:, None]  # (F, 2): in which repetition a face lies
    uv = paint.uv - cell[:, None]
    outside = ((uv < 0) | (uv > 1)).any((1, 2))
    stay = set(paint.which[outside].tolist()) | {0}
    moved = [k for k in range(len(paint.images)) if k not in stay]
    if len(moved) < 2:
        return paint
    sizes = np.array([paint.images[k].shape[:2] for k in moved])
    places, (height, width) = _shelves(sizes + 2)
    atlas = np.zeros((height, width, 3), np.float32)
    kept = [k for k in range(len(paint.images)) if k in stay]
    out = Paint(
        paint.uv.copy(),
        np.zeros_like(paint.which),
        [*(paint.images[k] for k in kept), atlas],
        [*(paint.wraps[k] for k in kept), "clamp"],
    )
    for new, k in enumerate(kept):
        out.which[paint.which == k] = new
    order = np.argsort(paint.which, kind="stable")
    ends = np.searchsorted(paint.which[order], moved, side="right")
    starts = np.searchsorted(paint.which[order], moved, side="left")
    for k, (i, j), (h, w), start, end in zip(moved, places, sizes, starts, ends, strict=True):
        rows, columns = np.arange(-1, h + 1), np.arange(-1, w + 1)  # with the gutter
        if paint.wraps[k] == "repeat":
            rows, columns = rows % h, columns % w
        else:
            rows, columns = rows.clip(0, h - 1), columns.clip(0, w - 1)
        atlas[i : i + h + 2, j : j + w + 2] = paint.images[k][rows][:, columns]
        mine = order[start:end]
        out.which[mine] = len(kept)
        out.uv[mine, :, 0] = (uv[mine, :, 0] * w + j + 1) / width
        out.uv[mine, :, 1] = (uv[mine, :, 1] * h + height - i - 1 - h) / height
    return out


def _shelves(sizes: Ints) -> tuple[Ints, tuple[int, int]]:
    """Rectangles (N, 2), height and width -> upper left corners (N, 2), and the whole's size.

    From the highest to the lowest, side by side on shelves of about the width of a square.
    """
    width = max(int(sizes[:, 1].max()), math.isqrt(int(sizes.prod(1).sum())) + 1)
    places = np.zeros_like(sizes)
    row = column = height = 0
    for k in np.argsort(-sizes[:, 0], kind="stable"):
        h, w = sizes[k]
        if column + w > width:
            row, column = height, 0
        places[k] = row, column
        column, height = column + w, max(height, row + h)
    return places, (int(height), width)
