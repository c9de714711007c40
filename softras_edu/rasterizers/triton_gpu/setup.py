"""What the two kernels of `triton_gpu/kernels.py` need to know before they start, once a
triangle: three small kernels instead of some fifty PyTorch operations, each of which would cost
more to launch than to run.

`_setup_kernel` is `tiles.reach_boxes`, the *count* of `tiles.tile_lists` and
`options.check_finite`; `_fill_kernel` and `_group_kernel` are the *fill* of `tile_lists`, before
and after its sort. Read `tiles.py` first.
"""
# mypy: ignore-errors
# ruff: noqa: N803

import triton
import triton.language as tl

from .numbers import largest, smallest

# Numbers a triangle in facts_ptr. The eighth is not used, but 8 numbers are read faster than 7.
FACTS = tl.constexpr(8)

# ---------------------------------------------------------------- boxes, counts and facts


@triton.jit
def all_below(first_ptr, count, bound, mask):
    """Are the absolute values of the `count` numbers from each lane's address on below the bound?
    NaN compares false. Lanes that are masked count as below."""
    below = tl.full(mask.shape, True, tl.int1)
    for number in range(count):
        below &= tl.abs(tl.load(first_ptr + number, mask, other=0.0)) < bound
    return below


@triton.jit
def inverse_squared_length(xa, ya, xb, yb):
    """1 / |b - a|**2. An edge shorter than 1e-18 counts as one of 1e-18: in float32 its square
    would be 0."""
    ex, ey = xb - xa, yb - ya
    return 1.0 / tl.maximum(ex * ex + ey * ey, 1e-36)


@triton.jit
def reach_margin(
    x0, x1, x2, y0, y1, y2, area, reach, aspect, EUCLIDEAN: tl.constexpr, ULP: tl.constexpr
):
    """How far beyond its corners' box a triangle reaches, in NDC, rounding included. `area` is
    absolute, and not 0; `aspect` is W / H. Why it is what it is: `tiles.reach_boxes`."""
    farthest = tl.maximum(
        largest(tl.abs(x0), tl.abs(x1), tl.abs(x2)), largest(tl.abs(y0), tl.abs(y1), tl.abs(y2))
    )
    size = farthest + 1.0 + aspect
    rounding = 16.0 * ULP * size
    if EUCLIDEAN:
        margin = reach + rounding
    else:
        r = reach + rounding * size / area
        mean_x, mean_y = (x0 + x1 + x2) / 3.0, (y0 + y1 + y2) / 3.0
        spread_x = largest(tl.abs(x0 - mean_x), tl.abs(x1 - mean_x), tl.abs(x2 - mean_x))
        spread_y = largest(tl.abs(y0 - mean_y), tl.abs(y1 - mean_y), tl.abs(y2 - mean_y))
        margin = 3.0 * r * tl.maximum(spread_x, spread_y) + rounding
    return margin


@triton.jit
def first_from(place, count):
    """The first of `count` rows (or columns) that is not before a place; `count` if there is
    none."""
    return tl.minimum(tl.maximum(tl.ceil(place), 0.0), count).to(tl.int32)


@triton.jit
def end_after(place, count):
    """One more than the last of `count` rows (or columns) that is not behind a place; 0 if there
    is none."""
    return tl.minimum(tl.maximum(tl.floor(place), -1.0), count - 1.0).to(tl.int32) + 1


@triton.jit(
    do_not_specialize=[
        "triangles_count", "color_numbers", "background_numbers", "height", "width", "bad_count",
    ]
)  # fmt: skip
def _setup_kernel(
    triangles_ptr,  # (B, F, 3, 3)
    colors_ptr,  # (B, F, 3, C), only to see whether it is finite, like the next
    background_ptr,  # (background_numbers,)
    boxes_ptr,  # out (B, F, 4): first row, end row, first column, end column that it reaches
    count_ptr,  # out (B, F), 64 bits: tiles that the box touches, or bad_count
    facts_ptr,  # out (B, F, 8): 1 / area; 1 / squared length of edges 01, 12, 20; 1 / z0 ... z2; 0
    triangles_count,  # B F
    color_numbers,  # 3 C, or 0 without colours
    background_numbers,
    height,  # H
    width,  # W
    reach: tl.float64,  # how far outside its edge a triangle counts, in NDC, or as a weight v
    near: tl.float64,
    far: tl.float64,
    min_depth: tl.float64,
    min_doubled_area: tl.float64,
    largest_number: tl.float64,  # coordinates beyond it are refused
    bad_count: tl.int64,  # stands for the count where there was a number that is not finite
    EUCLIDEAN: tl.constexpr,  # or no cut at all: then the reach is infinite either way
    CULL: tl.constexpr,  # leave out back faces
    TILE: tl.constexpr,
    ULP: tl.constexpr,  # of the dtype at 1
    BLOCK: tl.constexpr,  # triangles of a program
):
    """Box, number of tiles and facts of BLOCK triangles, one a lane. Reads 36 + 12 C bytes a
    triangle, writes 56.

    On the way it looks whether all numbers are finite; the background's are dealt out among the
    programs. A program that finds one that is not gives its triangles more tiles than can be, so
    that the host, which waits for the sum of the counts anyway, learns of it without waiting once
    more.

    Compiled without fused multiply-add, so that `area` rounds as PyTorch rounds it: a triangle of
    no area must come out as exactly 0 here too.
    """
    dtype: tl.constexpr = triangles_ptr.dtype.element_ty
    near, far = tl.full((), near, dtype), tl.full((), far, dtype)
    min_depth = tl.full((), min_depth, dtype)
    min_doubled_area = tl.full((), min_doubled_area, dtype)
    face = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = face < triangles_count
    face = face.to(tl.int64)
    corner = triangles_ptr + face * 9
    x0, y0 = tl.load(corner, mask, other=0.0), tl.load(corner + 1, mask, other=0.0)
    x1, y1 = tl.load(corner + 3, mask, other=0.0), tl.load(corner + 4, mask, other=0.0)
    x2, y2 = tl.load(corner + 6, mask, other=0.0), tl.load(corner + 7, mask, other=0.0)
    z0 = tl.load(corner + 2, mask, other=0.0)
    z1 = tl.load(corner + 5, mask, other=0.0)
    z2 = tl.load(corner + 8, mask, other=0.0)

    fine = all_below(corner, 9, tl.full((), largest_number, dtype), mask)
    fine &= all_below(colors_ptr + face * color_numbers, color_numbers, float("inf"), mask)
    for first in range(tl.program_id(0) * BLOCK, background_numbers, tl.num_programs(0) * BLOCK):
        numbers = first + tl.arange(0, BLOCK)
        fine &= all_below(background_ptr + numbers, 1, float("inf"), numbers < background_numbers)
    fine = tl.min(fine.to(tl.int32)) == 1  # all of this program's
    # From here on 0 stands for a bad program's numbers: NaN makes no integer.
    x0, x1, x2 = tl.where(fine, x0, 0.0), tl.where(fine, x1, 0.0), tl.where(fine, x2, 0.0)
    y0, y1, y2 = tl.where(fine, y0, 0.0), tl.where(fine, y1, 0.0), tl.where(fine, y2, 0.0)

    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)
    seen = (smallest(z0, z1, z2) > min_depth) & (tl.abs(area) >= min_doubled_area)  # drawable
    if CULL:
        seen = seen & (area > 0.0)
    seen &= largest(z0, z1, z2) >= near * (1.0 - 16.0 * ULP)
    seen &= smallest(z0, z1, z2) <= far * (1.0 + 16.0 * ULP)

    h, w = height.to(dtype), width.to(dtype)
    margin = reach_margin(
        x0, x1, x2, y0, y1, y2, tl.maximum(tl.abs(area), min_doubled_area),
        tl.full((), reach, dtype), w / h, EUCLIDEAN, ULP,
    )  # fmt: skip
    low_x, high_x = smallest(x0, x1, x2) - margin, largest(x0, x1, x2) + margin
    low_y, high_y = smallest(y0, y1, y2) - margin, largest(y0, y1, y2) + margin
    # The pixel of row i, column j stands at y = 1 - (2 i + 1) / H, x = (2 j + 1 - W) / H.
    first_row = first_from(((1.0 - high_y) * h - 1.0) * 0.5, h)
    end_row = end_after(((1.0 - low_y) * h - 1.0) * 0.5, h)
    first_column = first_from((low_x * h + w - 1.0) * 0.5, w)
    end_column = end_after((high_x * h + w - 1.0) * 0.5, w)
    seen = seen & (first_row < end_row) & (first_column < end_column)

    box = boxes_ptr + face * 4
    tl.store(box, tl.where(seen, first_row, 0), mask)
    tl.store(box + 1, tl.where(seen, end_row, 0), mask)
    tl.store(box + 2, tl.where(seen, first_column, 0), mask)
    tl.store(box + 3, tl.where(seen, end_column, 0), mask)
    tall = (end_row + (TILE - 1)) // TILE - first_row // TILE
    wide = (end_column + (TILE - 1)) // TILE - first_column // TILE
    tl.store(count_ptr + face, tl.where(fine, tl.where(seen, tall * wide, 0), bad_count), mask)

    # 1 stands for the area and the depths of a triangle that nobody will ask about. The eighth
    # number is stored too: memory that an operator returns must not be what happened to be there.
    facts = facts_ptr + face * FACTS
    tl.store(facts, 1.0 / tl.where(seen, area, 1.0), mask)
    tl.store(facts + 1, inverse_squared_length(x0, y0, x1, y1), mask)
    tl.store(facts + 2, inverse_squared_length(x1, y1, x2, y2), mask)
    tl.store(facts + 3, inverse_squared_length(x2, y2, x0, y0), mask)
    tl.store(facts + 4, 1.0 / tl.where(seen, z0, 1.0), mask)
    tl.store(facts + 5, 1.0 / tl.where(seen, z1, 1.0), mask)
    tl.store(facts + 6, 1.0 / tl.where(seen, z2, 1.0), mask)
    tl.store(facts + 7, tl.zeros_like(area), mask)


# ---------------------------------------------------------------- lists


@triton.jit(do_not_specialize=["faces", "rows", "columns"])
def _fill_kernel(
    boxes_ptr,  # (B, F, 4)
    count_ptr,  # (B, F)
    ends_ptr,  # (B F,): running sums of the counts
    tile_ptr,  # out (L,): tile of each entry
    face_ptr,  # out (L,): triangle of each entry, b F + f
    faces,  # F
    rows,  # of tiles in an image
    columns,  # of tiles in an image
    TILE: tl.constexpr,
    BLOCK: tl.constexpr,  # entries at a time
):
    """The (tile, triangle) pairs of one triangle, at the place that the scan has kept for them.
    Writes 8 bytes a pair."""
    face = tl.program_id(0)
    count = tl.load(count_ptr + face)
    start = tl.load(ends_ptr + face) - count
    box = boxes_ptr + face.to(tl.int64) * 4
    top = tl.load(box) // TILE
    left = tl.load(box + 2) // TILE
    wide = (tl.load(box + 3) + (TILE - 1)) // TILE - left
    count = count.to(tl.int32)  # of one triangle; dividing 64 bits would take long
    for first in range(0, count, BLOCK):
        k = first + tl.arange(0, BLOCK)
        tile = (face // faces * rows + top + k // wide) * columns + left + k % wide
        tl.store(tile_ptr + start + k, tile, k < count)
        tl.store(face_ptr + start + k, face + tl.zeros_like(k), k < count)


@triton.jit(do_not_specialize=["length", "tiles"])
def _group_kernel(
    tile_ptr,  # (L,): tiles of all entries, sorted
    order_ptr,  # (L,): which entry the sort has put there
    face_ptr,  # (L,): triangle of each entry, before the sort
    list_ptr,  # out (L,): triangle of each entry, sorted
    starts_ptr,  # out (B T + 1,): where each tile's list begins; at the end, L
    length,  # L
    tiles,  # B T
    BLOCK: tl.constexpr,
):
    """The lists: each lane fetches the triangle of one entry, and finds where the list of one tile
    begins."""
    k = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    order = tl.load(order_ptr + k, k < length, other=0)
    tl.store(list_ptr + k, tl.load(face_ptr + order, k < length, other=0), k < length)
    # The first entry whose tile is not before tile k, by halving.
    low, high = tl.zeros((BLOCK,), tl.int64), tl.zeros((BLOCK,), tl.int64) + length
    width = length
    while width > 0:
        middle = (low + high) // 2
        before = tl.load(tile_ptr + middle, (low < high) & (k <= tiles), other=0) < k
        low, high = tl.where(before & (low < high), middle + 1, low), tl.where(before, high, middle)
        width = width // 2
    tl.store(starts_ptr + k, low, k <= tiles)
