"""The first exercise of notebook 07: the box of pixels that a face can reach."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .exercise import Answer, Exercise


def _t(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


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


_CORNERS = _t(
    [[-0.31, -0.42], [0.52, -0.13], [-0.14, 0.61]],  # in the middle
    [[0.71, 0.55], [1.83, 0.62], [0.94, 1.77]],  # across the border
    [[-0.02, 2.51], [0.33, 2.44], [0.18, 3.03]],  # above the picture
    [[0.06, 0.07], [0.09, 0.06], [0.07, 0.09]],  # between pixels
)
_MARGIN = _t(0.0303, 0.0303, 0.0303, 0.001)


def _by_rule(wrong: str) -> Answer:
    """The box with one of the rules for its sides changed."""

    def box(xy: Tensor, margin: Tensor, height: int, width: int) -> Tensor:
        more = margin[:, None]
        largest = xy.amin(1) if wrong == "min" else xy.amax(1)
        low, high = xy.amin(1) - more, largest if wrong == "one side" else largest + more
        half = 0 if wrong == "half" else 1
        sides = [
            ((1 - high[:, 1]) * height - half) / 2,
            ((1 - low[:, 1]) * height - half) / 2,
            (low[:, 0] * height + width - half) / 2,
            (high[:, 0] * height + width - half) / 2,
        ]
        if wrong == "round":
            ends = [side.round() for side in sides]
        else:
            ends = [
                s.floor() + (wrong != "end") if k % 2 else s.ceil() for k, s in enumerate(sides)
            ]
        if wrong == "border":
            return torch.stack(ends, -1).long()
        ends = [s.clamp(0, width if k > 1 else height) for k, s in enumerate(ends)]
        return torch.stack(ends, -1)

    return box


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
        ): lambda xy, m, h, w: _reach_box(xy, torch.zeros_like(m), h, w),
        "Pixels are square: the column of x is (x * height + width - 1) / 2.": _divided_by_width,
        "The ends are one past the last pixel, as in Python's slices.": lambda xy, m, h, w: (
            _reach_box(xy, m, h, w) - torch.tensor([0, 1, 0, 1])
        ),
        (
            "A box must not leave the picture: clamp rows to [0, height] and columns to [0, width]."
        ): _by_rule("border"),
        (
            "The margin is a length in NDC, not a number of pixels: move the corners by it first, "
            "then go from x and y to rows and columns."
        ): _in_pixels,
        "Rows come first, then columns.": lambda xy, m, h, w: _reach_box(xy, m, h, w).roll(2, 1),
        (
            "The margin is missing on one side: take it off the smallest corner, and add it "
            "to the largest."
        ): _by_rule("one side"),
        "The smallest corner stands in both places: low from amin, high from amax.": _by_rule(
            "min"
        ),
        (
            "Half a pixel off: the centre of column j is x = (2 j + 1 - width) / height, so j "
            "has a - 1 in it."
        ): _by_rule("half"),
        (
            "The ends are rounded to the nearest. First rows and columns up, last ones down, "
            "and 1 more."
        ): _by_rule("round"),
        "Ends are one past the last pixel: floor() + 1, and then clamp.": _by_rule("end"),
        "Each box is a row of the result: torch.stack(..., dim=-1).": lambda xy, m, h, w: (
            _reach_box(xy, m, h, w).mT
        ),
    },
)
