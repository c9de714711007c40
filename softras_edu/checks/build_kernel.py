"""The exercises of notebook 09, the fused Triton kernel. What belongs inside a kernel runs here
in the stand-in of `teaching/triton_lab/stand_in.py`, so that the answers are the same with Triton
and without.
"""
# ruff: noqa: N803

from __future__ import annotations

import torch
from torch import Tensor

from ..teaching.triton_lab.stand_in import tl, with_stand_in
from .exercise import Answer, Exercise, Mistake


class InKernel(Exercise):
    """An exercise whose answer is called from a Triton kernel: it may use `tl`, and nothing of
    PyTorch."""

    def __call__(self, yours: Answer) -> None:
        yours = getattr(yours, "fn", yours)  # a reader may have written @triton.jit above it
        try:
            super().__call__(with_stand_in(yours))
        except AttributeError as error:
            known = ", ".join(sorted(vars(tl)))
            raise Mistake(
                f"{self.name}: {error}. Inside a kernel there are blocks and tl.*, here {known}."
            ) from None
        if "torch" in yours.__code__.co_names:
            raise Mistake(
                f"{self.name}: the numbers are right, but inside a kernel there is no torch. "
                "Write tl.maximum for torch.maximum, and so on."
            )


class Debugging(Exercise):
    """Case 0 shows none of the known mistakes; case k shows the k-th and no other. So the cases
    that fail tell which mistakes remain."""

    def diagnose(self, yours: Answer) -> str:
        wrong = [not self._agree(yours, self.reference, case) for case in self.cases]
        remain = [
            hint for hint, is_wrong in zip(self.mistakes, wrong[1:], strict=False) if is_wrong
        ]
        if wrong[0] or not remain:
            return super().diagnose(yours)
        return "\n".join(
            [
                f"Bugs that remain: {len(remain)} of {len(self.mistakes)}.",
                *(f"  - {hint}" for hint in remain),
            ]
        )


def _t(*values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# ---------------------------------------------------------------- 09-1 The mask of a tile


def _tile_pixels(
    tile: int, lane: Tensor, height: int, width: int, columns: int, TILE: int
) -> tuple[Tensor, Tensor, Tensor]:
    i = tile // columns * TILE + lane // TILE
    j = tile % columns * TILE + lane % TILE
    return i, j, (i < height) & (j < width)


def _tile_pixels_or(answer: str) -> Answer:
    """One wrong answer or another."""

    def wrong(
        tile: int, lane: Tensor, height: int, width: int, columns: int, TILE: int
    ) -> tuple[Tensor, ...]:
        i, j, mask = _tile_pixels(tile, lane, height, width, columns, TILE)
        return {
            "rows only": (i, j, i < height),
            "columns only": (i, j, j < width),
            "count": (i, j, i * width + j < height * width),
            "swapped": (j, i, (j < height) & (i < width)),
            "steps of one": (tile // columns + lane // TILE, tile % columns + lane % TILE, mask),
            "no mask": (i, j, torch.ones_like(mask)),
        }[answer]

    return wrong


_LANE4, _LANE8 = torch.arange(16), torch.arange(64)
tile_pixels = InKernel(
    "tile_pixels",
    _tile_pixels,
    cases=[
        (5, _LANE4, 16, 16, 4, 4),
        (3, _LANE4, 7, 13, 4, 4),
        (6, _LANE4, 7, 13, 4, 4),
        (7, _LANE4, 7, 13, 4, 4),
        (1, _LANE8, 7, 13, 2, 8),
    ],
    mistakes={
        "The mask looks at the rows only. "
        "A lane past the right edge would land at the start of the next row.": (
            _tile_pixels_or("rows only")
        ),
        "The mask looks at the columns only. "
        "A lane below the last row would land behind the image.": _tile_pixels_or("columns only"),
        "That mask tells whether the number i * width + j lies in the image. "
        "Past the right edge it does, but it is another pixel's number.": _tile_pixels_or("count"),
        "Rows and columns have changed places: i counts down, j to the right.": (
            _tile_pixels_or("swapped")
        ),
        "The next tile begins TILE pixels further, not one.": _tile_pixels_or("steps of one"),
        "The mask is missing: it is True for every lane.": _tile_pixels_or("no mask"),
    },
)


# ---------------------------------------------------------------- 09-2 A step of the online softmax


def _softmax_step(
    peak: Tensor, den: Tensor, log_weight: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    new_peak = tl.maximum(peak, log_weight)
    shrink = tl.exp(peak - new_peak)
    weight = tl.exp(log_weight - new_peak)
    return new_peak, den * shrink + weight, shrink, weight


def _forgets_to_shrink(peak: Tensor, den: Tensor, log_weight: Tensor) -> tuple[Tensor, ...]:
    new_peak, _, shrink, weight = _softmax_step(peak, den, log_weight)
    return new_peak, den + weight, shrink, weight


def _weighs_against_the_old_peak(
    peak: Tensor, den: Tensor, log_weight: Tensor
) -> tuple[Tensor, ...]:
    new_peak, _, shrink, _ = _softmax_step(peak, den, log_weight)
    weight = tl.exp(log_weight - peak)
    return new_peak, den * shrink + weight, shrink, weight


def _shrinks_the_wrong_way(peak: Tensor, den: Tensor, log_weight: Tensor) -> tuple[Tensor, ...]:
    new_peak, _, shrink, weight = _softmax_step(peak, den, log_weight)
    return new_peak, den / shrink + weight, 1 / shrink, weight


def _without_a_peak(peak: Tensor, den: Tensor, log_weight: Tensor) -> tuple[Tensor, ...]:
    weight = tl.exp(log_weight)
    return tl.maximum(peak, log_weight), den + weight, tl.zeros_like(peak) + 1.0, weight


_NONE = -float("inf")  # a pair that is left out
softmax_step = InKernel(
    "softmax_step",
    _softmax_step,
    cases=[
        (_t(0.0, 0.0, 0.0, 0.0), _t(1.0, 1.0, 1.0, 1.0), _t(-1.0, 0.5, 2.0, _NONE)),
        (_t(-3.0, 1.0, 0.0, 2.0), _t(1.5, 2.0, 4.0, 1.0), _t(-2.0, 0.5, 0.0, 3.0)),
        (_t(-900.0, -900.0, 800.0), _t(2.0, 1.0, 3.0), _t(-899.0, _NONE, 801.0)),
    ],
    mistakes={
        "When the peak rises, what was summed before must shrink: den * shrink + weight.": (
            _forgets_to_shrink
        ),
        "The weight is measured against the old peak; "
        "where the peak has risen, it must be the new one.": _weighs_against_the_old_peak,
        "It shrinks the wrong way: the old peak minus the new one is never positive.": (
            _shrinks_the_wrong_way
        ),
        "exp(log_weight) overflows, or becomes 0, as soon as gamma is small: "
        "take the peak off first.": (_without_a_peak),
    },
)


# ---------------------------------------------------------------- 09-3 Tile lists


def _tile_entries(
    boxes: Tensor, columns: int, TILE: int, up: int | None = None, across: int | None = None
) -> tuple[Tensor, Tensor]:
    """The right answer with the defaults. up: what is added before an end is divided; across:
    tiles in a row of tiles."""
    up = TILE - 1 if up is None else up
    across = columns if across is None else across
    first_row, end_row, first_column, end_column = boxes.unbind(1)
    top, left = first_row // TILE, first_column // TILE
    tall, wide = (end_row + up) // TILE - top, (end_column + up) // TILE - left
    count = tall * wide
    ends = count.cumsum(0)
    face = torch.repeat_interleave(torch.arange(len(boxes)), count)
    k = torch.arange(len(face)) - (ends - count)[face]
    return (top[face] + k // wide[face]) * across + left[face] + k % wide[face], face


_BOXES = torch.tensor([[0, 5, 0, 5], [0, 0, 0, 0], [3, 13, 6, 9], [8, 16, 8, 16], [15, 16, 0, 1]])
tile_entries = Exercise(
    "tile_entries",
    _tile_entries,
    cases=[
        (_BOXES, 2, 8),
        (_BOXES, 4, 4),
        (torch.tensor([[2, 7, 1, 13]]), 4, 4),
        (_BOXES[[1, 1, 0]], 5, 4),
    ],
    mistakes={
        "A tile that a box reaches with its first pixels only is missing: "
        "round the end up, (end + TILE - 1) // TILE.": (
            lambda boxes, columns, TILE: _tile_entries(boxes, columns, TILE, up=0)
        ),
        "The end of a box is the first row that it does not touch; "
        "a box that ends where a tile begins is not in that tile.": (
            lambda boxes, columns, TILE: _tile_entries(boxes, columns, TILE, up=TILE)
        ),
        "One tile down is `columns` tiles further, not TILE.": (
            lambda boxes, columns, TILE: _tile_entries(boxes, columns, TILE, across=TILE)
        ),
        "Tile and face have changed places.": (
            lambda boxes, columns, TILE: _tile_entries(boxes, columns, TILE)[::-1]
        ),
        "Those are pixels. Divide rows and columns by TILE.": (
            lambda boxes, columns, TILE: _tile_entries(boxes, columns, 1)
        ),
    },
)


# ---------------------------------------------------------------- 09-4 Debugging


def _draw_discs(discs: Tensor, height: int, width: int, bugs: tuple[str, ...] = ()) -> Tensor:
    """What the kernel of the exercise draws, tile by tile, with some of its bugs."""
    tile, memory = 4, torch.zeros(max(height, width) ** 2 + 64, dtype=torch.float64)
    columns = -(-width // tile)
    for program in range(-(-height // tile) * columns):
        i, j, mask = _tile_pixels(program, torch.arange(tile * tile), height, width, columns, tile)
        x, y = (2 * j + 1 - width) / height, 1 - (2 * i + 1) / height
        x, y = x.double(), y.double()
        peak, den, num = 0 * x, 0 * x + 1, 0 * x
        for at_x, at_y, strength, value in discs.tolist():
            peak, summed, shrink, weight = _softmax_step(
                peak, den, strength - 40 * ((x - at_x) ** 2 + (y - at_y) ** 2)
            )
            den = den + weight if "shrink" in bugs else summed
            num = num * shrink + weight * value
        mask = i < height if "mask" in bugs else mask
        offset = i * (height if "stride" in bugs else width) + j
        memory[offset[mask]] = (num / den)[mask]
    return memory[: height * width].view(height, width)


# x, y, strength, value. The faint ones are weaker than the background, so the peak never rises.
_FAINT = _t([-0.2, 0.3, -0.5, 1.0], [0.4, -0.3, -1.0, 0.6])
_STRONG = _t([-0.2, 0.3, 2.0, 1.0], [0.1, 0.1, 5.0, 0.5], [0.4, -0.3, 3.0, 0.8])
draw_discs = Debugging(
    "draw_discs",
    _draw_discs,
    cases=[(_FAINT, 8, 8), (_FAINT, 6, 6), (_STRONG, 8, 8), (_FAINT, 4, 8), (_STRONG, 7, 13)],
    mistakes={
        "Mask: a picture whose width is no multiple of TILE comes out wrong, others do not.": (
            lambda discs, height, width: _draw_discs(discs, height, width, ("mask",))
        ),
        "Softmax: it is wrong where one disc outweighs what was drawn before it, "
        "and right elsewhere.": (
            lambda discs, height, width: _draw_discs(discs, height, width, ("shrink",))
        ),
        "Stride: square pictures come out right, others do not.": (
            lambda discs, height, width: _draw_discs(discs, height, width, ("stride",))
        ),
    },
)
