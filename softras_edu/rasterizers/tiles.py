"""What is drawable, and which pixels and tiles a triangle can reach: one rule for all rungs.

A triangle's D falls to `dist_eps`, or to 0, at a known distance outside its edge, so the pixels it
can reach lie in a box (`reach_boxes`). Rung 3 lists the pixels of the boxes (`box_pairs`); rung 4
visits them; rung 5 cuts the image into square tiles and lists, for each tile, the triangles whose
box touches it (`tile_lists`). Count, scan, fill:

    count   how many tiles does each triangle touch?                      n_f
    scan    running sums of the counts: where each triangle's part begins and, at the end, how long
            all parts are together
    fill    write the (tile, triangle) pairs; a stable sort by tile makes them lists

The lists have exactly the length they need, so nothing can overflow and no triangle is ever
dropped, however many there are. The price is that the host must learn that length before it can
reserve the memory: one device synchronisation a call, the only one, in `tile_lists` (on rung 5,
`wait_for_length`).

Boxes may be too large, never too small: which pairs count is decided by the same formula as
everywhere, pair by pair, later.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import formulas
from .options import Options


@dataclass(frozen=True)
class Tiles:
    """The lists of all tiles of all images: tile t, counted image by image and row by row, owns
    faces[starts[t] : starts[t + 1]].
    """

    size: int  # a tile is size x size pixels
    rows: int  # of tiles in an image; the last row and column may stick out of the image
    columns: int
    starts: Tensor  # (B T + 1,) int64
    # (L,) int32, each b F + f; ascending in each list, so that sums over a list always run in the
    # same order
    faces: Tensor


def drawable(triangles: Tensor, o: Options) -> Tensor:
    """Mask (B, F) of the triangles (B, F, 3, 3) that count.

    Every corner in front of the eye, some area, and no back face when those are culled.
    """
    area = formulas.doubled_area(triangles[..., :2].detach())
    mask = (triangles[..., 2] > o.min_depth).all(-1) & (area.abs() >= o.min_doubled_area)
    return mask & (area > 0) if o.cull_backfaces else mask


def drop_undrawable(triangles: Tensor, o: Options) -> tuple[Tensor, Tensor]:
    """Triangles with the undrawable ones replaced by a harmless one, and the mask (B, F).

    They must be replaced, not only masked: autograd multiplies the zero gradient of a masked pair
    by whatever its formula gives, and 0 * inf is NaN.
    """
    mask = drawable(triangles, o)
    harmless = triangles.new_tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    return triangles.where(mask[..., None, None], harmless), mask


def reach_boxes(triangles: Tensor, o: Options) -> Tensor:
    """Pixels that each triangle can reach, (B, F, 3, 3) -> (B, F, 4) int32: first row, end row,
    first column, end column.

    A triangle that reaches no pixel has the box 0, 0, 0, 0.
    """
    triangles = triangles.detach()
    xy, z = triangles[..., :2], triangles[..., 2]
    ulp = torch.finfo(triangles.dtype).eps
    rounding = (
        16 * ulp * (xy.abs().amax((-2, -1)) + 1 + o.width / o.height)
    )  # (B, F) how far rounding moves distances, in NDC
    reach = o.reach * (1 + 1e-5)
    if o.distance == "euclidean" or reach == math.inf:
        margin = reach + rounding  # (B, F)
    else:
        # The pixels whose weights are all >= -r fill a triangle too: this one, blown up about its
        # centroid by 1 + 3 r.
        area = formulas.doubled_area(xy).abs().clamp_min(o.min_doubled_area)
        # Each weight is a cross product over the area, and rounding moves the product by about the
        # second term:
        r = reach + rounding * (xy.abs().amax((-2, -1)) + 1 + o.width / o.height) / area
        spread = (xy - xy.mean(-2, keepdim=True)).abs().amax((-2, -1))  # (B, F)
        margin = 3 * r * spread + rounding  # moves no corner less than the blow-up does
    low, high = xy.amin(-2) - margin[..., None], xy.amax(-2) + margin[..., None]  # (B, F, 2)
    # Pixel (i, j) stands at y = 1 - (2 i + 1) / H, x = (2 j + 1 - W) / H.
    first_row = (((1 - high[..., 1]) * o.height - 1) / 2).ceil().clamp(0, o.height)
    last_row = (((1 - low[..., 1]) * o.height - 1) / 2).floor().clamp(-1, o.height - 1)
    first_column = ((low[..., 0] * o.height + o.width - 1) / 2).ceil().clamp(0, o.width)
    last_column = ((high[..., 0] * o.height + o.width - 1) / 2).floor().clamp(-1, o.width - 1)
    # A pixel's depth lies between its triangle's least and largest.
    seen = (z.amax(-1) >= o.near * (1 - 16 * ulp)) & (z.amin(-1) <= o.far * (1 + 16 * ulp))
    seen &= drawable(triangles, o) & (first_row <= last_row) & (first_column <= last_column)
    box = torch.stack([first_row, last_row + 1, first_column, last_column + 1], dim=-1)
    return (box * seen[..., None]).int()


def box_pairs(
    boxes: Tensor, height: int, width: int, chunk: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """All pairs of a triangle and a pixel of its box, in groups of about `chunk` pairs.

    Args:
        boxes: (B, F, 4) from `reach_boxes`.

    Yields:
        face (N,) in 0 ... B F - 1 and pixel (N,) in 0 ... B H W - 1, face by face and row by row.
    """
    faces = boxes.shape[1]
    top, bottom, left, right = boxes.reshape(-1, 4).long().unbind(-1)
    count = (bottom - top) * (right - left)
    for group in _split(count, chunk):
        face = group.repeat_interleave(count[group])  # a face, once for each pixel of its box
        first = (count[group].cumsum(0) - count[group]).repeat_interleave(count[group])
        k = torch.arange(len(face), device=face.device) - first  # 0, 1, ... within the box
        wide = (right - left)[face]
        i, j = top[face] + k // wide, left[face] + k % wide
        yield face, (face // faces * height + i) * width + j


def _split(count: Tensor, chunk: int) -> list[Tensor]:
    """Groups of faces, in order, whose boxes hold about `chunk` pixels together.

    A face without pixels is in none. (One device synchronisation.)
    """
    faces = count.nonzero()[:, 0]
    if len(faces) == 0:
        return []
    group = (count[faces].cumsum(0) - 1) // chunk
    return list(faces.split(group.unique_consecutive(return_counts=True)[1].tolist()))


def tile_lists(boxes: Tensor, height: int, width: int, size: int) -> Tiles:
    """Boxes (B, F, 4) -> the list of every tile.

    Waits for the device once, to learn how long the lists are.
    """
    batch, faces = boxes.shape[:2]
    rows, columns = math.ceil(height / size), math.ceil(width / size)
    check_counts(batch, faces, rows * columns)
    first_row, end_row, first_column, end_column = (
        boxes.reshape(-1, 4).long().unbind(-1)
    )  # each (B F,)
    # Count: tiles from the one that holds the first pixel to the one that holds the last; end 0
    # means none.
    top, left = first_row // size, first_column // size
    tall = (end_row + (size - 1)) // size - top
    wide = (end_column + (size - 1)) // size - left
    count = tall * wide
    # Scan.
    ends = count.cumsum(0)
    total = int(ends[-1]) if len(ends) else 0  # the one device synchronisation
    # Fill: entry e belongs to face[e] and is the k-th of its tiles, row by row.
    face = torch.repeat_interleave(
        torch.arange(batch * faces, device=boxes.device), count, output_size=total
    )
    k = torch.arange(total, device=boxes.device) - (ends - count)[face]
    tile_row = top[face] + k // wide[face]
    tile_column = left[face] + k % wide[face]
    tile = (face // max(faces, 1) * rows + tile_row) * columns + tile_column
    tile, order = tile.int().sort(stable=True)  # in each list, triangles keep their order
    starts = torch.searchsorted(
        tile, torch.arange(batch * rows * columns + 1, device=tile.device, dtype=torch.int32)
    )
    return Tiles(size, rows, columns, starts, face.int()[order])


def check_counts(batch: int, faces: int, tiles: int) -> None:
    """ValueError if triangles or tiles are more than an int32 can number.

    (Entries of lists may be: they are numbered in 64 bits.)
    """
    if max(batch * faces, batch * tiles) >= 2**31:
        raise ValueError(
            f"triangles: got {batch} images of {faces} triangles and {tiles} tiles, "
            "wanted fewer than 2**31 of each in all"
        )
