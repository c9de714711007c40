"""The exercises of notebook 07 from the list of pairs on, and back to pixels."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .exercise import Answer, Exercise


def _t(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


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


def _loop(wrong: str) -> Answer:
    """Face by face, row by row, with a slip."""

    def pairs(box: Tensor, width: int) -> tuple[list[int], list[float]]:
        face, pixel = [], []
        for f, (top, bottom, left, right) in enumerate(box.tolist()):
            rows, columns = (top, bottom), (left, right)
            if wrong == "columns":
                rows, columns = columns, rows
            for i in range(*rows):
                for j in range(*columns):
                    down, along = i - top, j - left
                    row = {"turned": top + along, "origin": down}.get(wrong, i)
                    column = {"turned": left + down, "origin": along}.get(wrong, j)
                    face.append(f)
                    pixel.append(row * (right - left if wrong == "wide" else width) + column)
        return face, pixel

    return pairs


def _own_taken_off(box: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """k less the pairs of all faces up to this one, its own among them."""
    top, bottom, left, right = box.unbind(-1)
    count = (bottom - top) * (right - left)
    face = torch.arange(len(box)).repeat_interleave(count)
    k = torch.arange(len(face)) - count.cumsum(0)[face]
    wide = (right - left)[face]
    return face, (top[face] + k // wide) * width + left[face] + k % wide


def _broken_rows(box: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """k / wide in place of k // wide."""
    top, bottom, left, right = box.unbind(-1)
    count = (bottom - top) * (right - left)
    face = torch.arange(len(box)).repeat_interleave(count)
    k = torch.arange(len(face)) - (count.cumsum(0) - count)[face]
    wide = (right - left)[face]
    return face, (top[face] + k / wide) * width + left[face] + k % wide


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
        (
            "A face's own pairs are taken off too: the pairs before it are cumsum - count."
        ): _own_taken_off,
        ("The row is k // (columns of the box), the column k %: yours are exchanged."): _loop(
            "turned"
        ),
        "k / width is no whole number. The row is k // (columns of the box).": _broken_rows,
        "A box is first row, end row, first column, end column: rows before columns.": _loop(
            "columns"
        ),
        "Row i of the picture begins at i * width, the picture's width, not the box's.": _loop(
            "wide"
        ),
        "That begins at pixel 0. Add the box's first row and its first column.": _loop("origin"),
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
        "That is the product of each pixel's values; the sum is wanted.": lambda v, p, size: (
            v.new_zeros(size).scatter_reduce(0, p, v, "prod", include_self=False)
        ),
        "That is the largest of each pixel's values, or 0; the sum is wanted.": lambda v, p, size: (
            v.new_zeros(size).scatter_reduce(0, p, v, "amax")
        ),
        "That is a running sum over the pairs, whatever their pixels.": lambda v, p, size: v.cumsum(
            0
        ),
        (
            "There must be `size` numbers, one for each pixel, not one for each pair."
        ): lambda v, p, size: v.new_zeros(max(size, len(v))).index_add(0, p, v)[: len(v)],
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
        (
            "The start comes back as it was: the values have no part in it."
        ): lambda values, pixel, start: start,
        "That is the mean; the largest is wanted.": lambda values, pixel, start: (
            start.scatter_reduce(0, pixel, values, "mean")
        ),
    },
)
