"""Tile lists without a sort: count the triangles of each tile, scan, and fill by a cursor a tile
that every writer moves on with an atomic. The rival of the stable sort, measured by tune.py.

Fewer kernels than a sort has. But triangles come into a list in the order in which writers happen
to arrive, so the sums over a list, and with them the last bits of a picture, differ from run to
run."""
# mypy: ignore-errors
# ruff: noqa: N803

import torch
import triton
import triton.language as tl
from torch import Tensor

from ...rasterizers import triton_gpu
from ...rasterizers.options import Options
from ...rasterizers.tiles import Tiles

BLOCK = 32  # entries at a time, one for each lane of a warp


@triton.jit
def _tiles_of(boxes_ptr, face, faces, rows, columns, k, TILE: tl.constexpr):
    """The k-th tiles (P,) of a triangle's box, row by row, numbered over all images."""
    box = boxes_ptr + face.to(tl.int64) * 4
    top, left = tl.load(box) // TILE, tl.load(box + 2) // TILE
    wide = (tl.load(box + 3) + (TILE - 1)) // TILE - left
    wide = tl.maximum(wide, 1)  # of a triangle that reaches no pixel; it has no k either
    return (face // faces * rows + top + k // wide) * columns + left + k % wide


@triton.jit(do_not_specialize=["faces", "rows", "columns"])
def _count_kernel(
    boxes_ptr,  # (B, F, 4)
    count_ptr,  # (B F,): tiles of each triangle
    per_tile_ptr,  # in and out (B T,), zeros at first: triangles of each tile
    faces,
    rows,
    columns,
    TILE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Add 1 to every tile that one triangle touches."""
    face = tl.program_id(0)
    count = tl.load(count_ptr + face).to(tl.int32)
    for first in range(0, count, BLOCK):
        k = first + tl.arange(0, BLOCK)
        tile = _tiles_of(boxes_ptr, face, faces, rows, columns, k, TILE)
        one = tl.full((BLOCK,), 1, tl.int32)
        tl.atomic_add(per_tile_ptr + tile, one, k < count, sem="relaxed")


@triton.jit(do_not_specialize=["faces", "rows", "columns"])
def _cursor_kernel(
    boxes_ptr,  # (B, F, 4)
    count_ptr,  # (B F,)
    cursor_ptr,  # in and out (B T,): where the next entry of each tile goes
    list_ptr,  # out (L,): triangles, tile by tile
    faces,
    rows,
    columns,
    TILE: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Put one triangle into the list of every tile that it touches."""
    face = tl.program_id(0)
    count = tl.load(count_ptr + face).to(tl.int32)
    for first in range(0, count, BLOCK):
        k = first + tl.arange(0, BLOCK)
        tile = _tiles_of(boxes_ptr, face, faces, rows, columns, k, TILE)
        one = tl.full((BLOCK,), 1, tl.int64)
        place = tl.atomic_add(cursor_ptr + tile, one, k < count, sem="relaxed")
        tl.store(list_ptr + place, face + tl.zeros_like(k), k < count)


def fill(boxes: Tensor, count: Tensor, length: int, o: Options, tile: int) -> Tiles:
    """The list of every tile, its triangles in any order. (B, F, 4) boxes, (B F,) counts; `length`
    is the sum of the counts."""
    images, faces = boxes.shape[:2]
    rows, columns = -(-o.height // tile), -(-o.width // tile)
    tiles = images * rows * columns
    per_tile = torch.zeros(tiles, dtype=torch.int32, device=boxes.device)
    starts = torch.zeros(tiles + 1, dtype=torch.int64, device=boxes.device)
    list_ = torch.empty(length, dtype=torch.int32, device=boxes.device)
    if length:
        sizes = (faces, rows, columns)
        with triton_gpu._on_device(boxes):
            grid = (images * faces,)
            _count_kernel[grid](boxes, count, per_tile, *sizes, TILE=tile, BLOCK=BLOCK, num_warps=1)
            torch.cumsum(per_tile, 0, dtype=torch.int64, out=starts[1:])
            cursor = starts[:-1].clone()
            _cursor_kernel[grid](
                boxes, count, cursor, list_, *sizes, TILE=tile, BLOCK=BLOCK, num_warps=1
            )
    return Tiles(tile, rows, columns, starts, list_)
