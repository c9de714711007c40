"""The exercises of notebook 07: from boxes to a list of pairs, and from the list back to pixels."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .exercise import Exercise


def _t(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# --- 07-1 the box of a face ---------------------------------------------------


def _reach_box(xy: Tensor, margin: Tensor, height: int, width: int) -> Tensor:
    low, high = xy.amin(1) - margin[:, None], xy.amax(1) + margin[:, None]  # (F, 2)
    first_row, last_row = ((1 - high[:, 1]) * height - 1) / 2, ((1 - low[:, 1]) * height - 1) / 2
    first_column, last_column = (
        (low[:, 0] * height + width - 1) / 2,
        (high[:, 0] * height + width - 1) / 2,
    )
    return _whole(first_row, last_row, first_column, last_column, height, width)


def _whole(
    first_row: Tensor,
    last_row: Tensor,
    first_column: Tensor,
    last_column: Tensor,
    height: int,
    width: int,
) -> Tensor:
    """Places between pixels -> pixels: first row, end row, first column, end column, (F, 4)."""
    rows = first_row.ceil().clamp(0, height), (last_row.floor() + 1).clamp(0, height)
    columns = first_column.ceil().clamp(0, width), (last_column.floor() + 1).clamp(0, width)
    return torch.stack([*rows, *columns], dim=-1).long()


def _upside_down(xy: Tensor, margin: Tensor, height: int, width: int) -> Tensor:
    return _reach_box(xy * xy.new_tensor([1.0, -1.0]), margin, height, width)


def _in_pixels(xy: Tensor, margin: Tensor, height: int, width: int) -> Tensor:
    """The margin taken for a number of pixels."""
    rows = [((1 - y) * height - 1) / 2 for y in (xy[..., 1].amax(1), xy[..., 1].amin(1))]
    columns = [(x * height + width - 1) / 2 for x in (xy[..., 0].amin(1), xy[..., 0].amax(1))]
    first_row, last_row, first_column, last_column = *rows, *columns
    return _whole(
        first_row - margin,
        last_row + margin,
        first_column - margin,
        last_column + margin,
        height,
        width,
    )


def _divided_by_width(xy: Tensor, margin: Tensor, height: int, width: int) -> Tensor:
    low, high = xy.amin(1) - margin[:, None], xy.amax(1) + margin[:, None]
    first_column, last_column = (
        (low[:, 0] * width + width - 1) / 2,
        (high[:, 0] * width + width - 1) / 2,
    )
    rows = ((1 - high[:, 1]) * height - 1) / 2, ((1 - low[:, 1]) * height - 1) / 2
    return _whole(*rows, first_column, last_column, height, width)


def _not_clamped(xy: Tensor, margin: Tensor, height: int, width: int) -> Tensor:
    inside = _reach_box(xy, margin.clamp_max(9.0), 10_000, 10_000)  # any pixel, of a huge picture
    low, high = (
        xy.amin(1) - margin.clamp_max(9.0)[:, None],
        xy.amax(1) + margin.clamp_max(9.0)[:, None],
    )
    inside[:, 0], inside[:, 1] = (
        (((1 - high[:, 1]) * height - 1) / 2).ceil(),
        (((1 - low[:, 1]) * height - 1) / 2).floor() + 1,
    )
    inside[:, 2], inside[:, 3] = (
        ((low[:, 0] * height + width - 1) / 2).ceil(),
        ((high[:, 0] * height + width - 1) / 2).floor() + 1,
    )
    return inside


_CORNERS = _t(
    [[-0.31, -0.42], [0.52, -0.13], [-0.14, 0.61]],  # in the middle
    [[0.71, 0.55], [1.83, 0.62], [0.94, 1.77]],  # across the border
    [[-0.02, 2.51], [0.33, 2.44], [0.18, 3.03]],  # above the picture
    [[0.06, 0.07], [0.09, 0.06], [0.07, 0.09]],  # between pixels
)
_MARGIN = _t(0.0303, 0.0303, 0.0303, 0.001)


class Boxes(Exercise):
    """A box may be too large, by a pixel on each side, but not too small. An empty one is empty."""

    def same(self, got: Tensor, expected: Tensor, case: tuple[Any, ...]) -> bool:
        _, _, height, width = case
        whole = got.round()
        if got.shape != expected.shape or not torch.allclose(got, whole, rtol=0, atol=1e-4):
            return False
        size = torch.tensor([height, width]).repeat_interleave(2)
        grown = whole - expected  # negative at a first row or column: larger
        grown[:, 0::2] *= -1
        inside = (whole >= 0) & (whole <= size)
        empty = (expected[:, 1::2] <= expected[:, 0::2]).any(1)
        sides = whole[:, 1::2] - whole[:, 0::2]  # both negative: as many pairs as a real box
        none = (sides >= 0).all(1) & (sides == 0).any(1)
        fits = (inside & (grown >= 0) & (grown <= 1)).all(1)
        return bool((fits | (empty & none & inside.all(1))).all())


reach_box = Boxes(
    "reach_box",
    _reach_box,
    cases=[
        (_CORNERS, _MARGIN, 8, 8),
        (_CORNERS, 5 * _MARGIN, 6, 10),
        (_CORNERS, _MARGIN, 13, 7),
        (_CORNERS[:2], _t(math.inf, 0.2), 5, 9),
    ],
    mistakes={
        "y points up and rows run down: the first row belongs to the largest y.": _upside_down,
        (
            "The box of the triangle alone misses the pixels around it that it still reaches: "
            "add the margin on every side."
        ): lambda xy, m, h, w: _reach_box(xy, 0 * m, h, w),
        "Pixels are square: the column of x is (x * height + width - 1) / 2.": _divided_by_width,
        "The ends are one past the last pixel, as in Python's slices.": lambda xy, m, h, w: (
            _reach_box(xy, m, h, w) - torch.tensor([0, 1, 0, 1])
        ),
        (
            "A box must not leave the picture: clamp rows to [0, height] and columns to [0, width]."
        ): _not_clamped,
        (
            "The margin is a length in NDC, not a number of pixels: move the corners by it first, "
            "then go from x and y to rows and columns."
        ): _in_pixels,
        "Rows come first, then columns.": lambda xy, m, h, w: _reach_box(xy, m, h, w).roll(2, 1),
    },
)


# --- 07-2 from boxes to a list of pairs ---------------------------------------


def _pair_list(box: Tensor, width: int) -> tuple[Tensor, Tensor]:
    top, bottom, left, right = box.unbind(-1)
    count = (bottom - top) * (right - left)
    face = torch.arange(len(box)).repeat_interleave(count)
    k = torch.arange(len(face)) - (count.cumsum(0) - count)[face]
    wide = (right - left)[face]
    return face, (top[face] + k // wide) * width + left[face] + k % wide


def _never_restarted(box: Tensor, width: int) -> tuple[Tensor, Tensor]:
    top, bottom, left, right = box.unbind(-1)
    face = torch.arange(len(box)).repeat_interleave((bottom - top) * (right - left))
    k, wide = torch.arange(len(face)), (right - left)[face]
    return face, (top[face] + k // wide) * width + left[face] + k % wide


def _columns_first(box: Tensor, width: int) -> tuple[Tensor, Tensor]:
    top, bottom, left, right = box.unbind(-1)
    count = (bottom - top) * (right - left)
    face = torch.arange(len(box)).repeat_interleave(count)
    k = torch.arange(len(face)) - (count.cumsum(0) - count)[face]
    tall = (bottom - top)[face]
    return face, (top[face] + k % tall) * width + left[face] + k // tall


def _in_the_box(box: Tensor, width: int) -> tuple[Tensor, Tensor]:
    face, _ = _pair_list(box, width)
    count = (box[:, 1] - box[:, 0]) * (box[:, 3] - box[:, 2])
    return face, torch.arange(len(face)) - (count.cumsum(0) - count)[face]


def _by_pixel(box: Tensor, width: int) -> tuple[Tensor, Tensor]:
    face, pixel = _pair_list(box, width)
    order = pixel.argsort(stable=True)
    return face[order], pixel[order]


def _swapped(box: Tensor, width: int) -> tuple[Tensor, Tensor]:
    face, pixel = _pair_list(box, width)
    return face, pixel % width * width + pixel // width


_BOXES = torch.tensor([[1, 3, 2, 5], [0, 0, 0, 0], [2, 4, 0, 1], [0, 5, 3, 4], [4, 4, 1, 3]])
pair_list = Exercise(
    "pair_list",
    _pair_list,
    cases=[(_BOXES, 6), (_BOXES[:1], 5), (_BOXES.flip(0), 9)],
    mistakes={
        (
            "k must start again at 0 for every face: take off the number of pairs of all faces "
            "before it."
        ): _never_restarted,
        (
            "Within a box, go row by row: the row is k // (columns of the box), the column k % "
            "(columns of the box)."
        ): _columns_first,
        (
            "That is the place within the box. Add the box's first row and column, and number "
            "the pixel in the whole picture: i * width + j."
        ): _in_the_box,
        ("That is pixel by pixel. Go face by face: all pairs of face 0 first."): _by_pixel,
        ("That is j * width + i. Row i begins after i whole rows: i * width + j."): _swapped,
        "Two lists are wanted, first the faces and then the pixels.": lambda box, w: _pair_list(
            box, w
        )[::-1],
    },
)


# --- 07-3 and 07-4 from pairs back to pixels ----------------------------------


def _overwritten(values: Tensor, pixel: Tensor, start: Tensor) -> Tensor:
    """What `out[pixel] += values` does with a pixel that is named twice: the last one wins."""
    out = start.clone()
    for index, value in zip(pixel.tolist(), values, strict=True):
        out[index] = start[index] + value
    return out


_VALUES = _t(0.5, -1.25, 2.0, 0.125, 3.0, -0.75, 1.5)
_WHERE = torch.tensor([4, 1, 4, 0, 4, 1, 5])
segment_sum = Exercise(
    "segment_sum",
    lambda values, pixel, size: values.new_zeros(size).index_add(0, pixel, values),
    cases=[(_VALUES, _WHERE, 7), (_VALUES.flip(0), _WHERE, 6), (_VALUES[:0], _WHERE[:0], 3)],
    mistakes={
        (
            "`out[pixel] += values` adds only one of the values where a pixel is named several "
            "times. Use index_add."
        ): lambda values, pixel, size: _overwritten(values, pixel, values.new_zeros(size)),
        "That is the mean of each pixel's values; the sum is wanted.": lambda values, pixel, size: (
            values.new_zeros(size).scatter_reduce(0, pixel, values, "mean", include_self=False)
        ),
        (
            "That is the number of pairs of each pixel. Add up their values."
        ): lambda values, pixel, size: torch.bincount(pixel, minlength=size),
        (
            "A pixel without any pair must get 0, so the result has `size` numbers, not one a pair."
        ): lambda values, pixel, size: values.new_zeros(size).index_add(0, pixel, values)[pixel],
        "That is the largest of each pixel's values; the sum is wanted.": lambda v, p, size: (
            v.new_zeros(size).scatter_reduce(0, p, v, "amax", include_self=False)
        ),
        (
            "Only pixels up to the last one that is named are there. The result has `size` numbers."
        ): lambda v, p, size: v.new_zeros(size).index_add(0, p, v)[: max([*p.tolist(), -1]) + 1],
    },
    slopes=(0,),
)


def _largest_alone(values: Tensor, pixel: Tensor, start: Tensor) -> Tensor:
    return start.scatter_reduce(0, pixel, values, "amax", include_self=False)


def _last_wins(values: Tensor, pixel: Tensor, start: Tensor) -> Tensor:
    out = start.clone()
    for index, value in zip(pixel.tolist(), values, strict=True):
        out[index] = torch.maximum(start[index], value)
    return out


segment_max = Exercise(
    "segment_max",
    lambda values, pixel, start: start.scatter_reduce(0, pixel, values, "amax"),
    cases=[
        (_VALUES, _WHERE, torch.zeros(7, dtype=torch.float64)),
        (-_VALUES, _WHERE, _t(-9.0, 0.1, -9.0, -9.0, -2.5, -9.0)),
        (_VALUES[:0], _WHERE[:0], _t(1.0, 2.0)),
    ],
    mistakes={
        (
            "`out[pixel] = torch.maximum(out[pixel], values)` keeps the last of several values. "
            "Use scatter_reduce with 'amax'."
        ): _last_wins,
        (
            "The start competes too: it is the background's log weight, and in an empty pixel it "
            "is all there is."
        ): _largest_alone,
        "That is the sum; the largest is wanted.": lambda values, pixel, start: start.index_add(
            0, pixel, values
        ),
        "That is the smallest.": lambda values, pixel, start: start.scatter_reduce(
            0, pixel, values, "amin"
        ),
        (
            "That is one largest value for all pixels. Each pixel has its own."
        ): lambda values, pixel, start: start.clamp_min(values.max().item() if len(values) else 0),
        (
            "A pixel without a pair keeps its start, not minus infinity or 0."
        ): lambda values, pixel, start: torch.full_like(start, -math.inf).scatter_reduce(
            0, pixel, values, "amax"
        ),
    },
)
