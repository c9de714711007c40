"""The exercises of notebook 09, the fused Triton kernel. What belongs inside a kernel runs here
in the stand-in of `teaching/triton_lab/stand_in.py`, so that the answers are the same with Triton
and without.
"""
# ruff: noqa: N803

from __future__ import annotations

import copy
from typing import Any, cast

import torch
from torch import Tensor

from ..teaching.triton_lab.stand_in import tl, with_stand_in
from .exercise import Answer, Exercise, Mistake


class InKernel(Exercise):
    """An exercise whose answer is called from a Triton kernel: it may use `tl`, and nothing of
    PyTorch."""

    def yours_or_ours(self, yours: Answer) -> Answer:
        return super().yours_or_ours(_plain(yours))

    def as_answer(self, yours: Any) -> Answer:
        return with_stand_in(_plain(yours))

    def examine(self, yours: Answer, *, shown: bool = False) -> None:
        plain = _plain(yours)
        super().examine(self.as_answer(yours), shown=shown)
        if "torch" in plain.__code__.co_names:
            raise Mistake(
                f"{self.name}: the numbers are right, but inside a kernel there is no torch. "
                f"Write tl.maximum for torch.maximum, and so on.\n{self._called(self.cases[0])}"
            )

    def explain(self, error: Exception) -> str:
        if not isinstance(error, AttributeError):
            return super().explain(error)
        known = ", ".join(sorted(vars(tl)))
        return f"Inside a kernel there are blocks and tl.*, here {known}."


def _plain(yours: Any) -> Answer:
    """A reader may have written @triton.jit above the function; the notebook writes it itself."""
    return cast(Answer, getattr(yours, "fn", yours))


class Debugging(Exercise):
    """Case 0 shows none of the known mistakes; case k shows the k-th and no other. So the cases
    that fail tell which mistakes remain. The picture is a view of longer memory: what is stored
    behind it is seen too."""

    def examine(self, yours: Answer, *, shown: bool = False) -> None:
        super().examine(yours, shown=shown)
        for number, case in enumerate(self.cases, start=1):
            image = yours(*copy.deepcopy(case))
            behind = getattr(image, "_base", None)
            if behind is not None and behind.flatten()[image.numel() :].any():
                raise Mistake(
                    f"{self.name}, case {number} of {len(self.cases)}. The picture is right, but "
                    "numbers were stored behind its end: lanes below the last row. The mask must "
                    f"look at rows and columns.\n{self._called(case)}"
                )

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


# ---------------------------------------------------------------- 09-4 The mask of a tile


def tile_pixels_of(
    tile: int, lane: Tensor, height: int, width: int, columns: int, TILE: int
) -> tuple[Tensor, Tensor, Tensor]:
    i = tile // columns * TILE + lane // TILE
    j = tile % columns * TILE + lane % TILE
    return i, j, (i < height) & (j < width)


def _masked(i: Tensor, j: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    return i, j, (i < height) & (j < width)


def _tile_pixels_or(answer: str) -> Answer:
    """One wrong answer or another."""

    def wrong(
        tile: int, lane: Tensor, height: int, width: int, columns: int, TILE: int
    ) -> tuple[Tensor, ...]:
        i, j, mask = tile_pixels_of(tile, lane, height, width, columns, TILE)
        return {
            "rows only": (i, j, i < height),
            "columns only": (i, j, j < width),
            "count": (i, j, i * width + j < height * width),
            "swapped": (j, i, (j < height) & (i < width)),
            "steps of one": _masked(
                tile // columns + lane // TILE, tile % columns + lane % TILE, height, width
            ),
            "no mask": (i, j, torch.ones_like(mask)),
            "or": (i, j, (i < height) | (j < width)),
            "one more": (i, j, (i <= height) & (j <= width)),
            "no tile": (lane // TILE, lane % TILE, (lane // TILE < height) & (lane % TILE < width)),
            "down first": _masked(
                tile // columns * TILE + lane % TILE,
                tile % columns * TILE + lane // TILE,
                height,
                width,
            ),
            "rows of TILE": _masked(tile // TILE * TILE + lane // TILE, j, height, width),
        }[answer]

    return wrong


_LANE4, _LANE8 = torch.arange(16), torch.arange(64)
tile_pixels = InKernel(
    "tile_pixels",
    tile_pixels_of,
    cases=[
        (5, _LANE4, 16, 16, 4, 4),
        (3, _LANE4, 7, 13, 4, 4),
        (6, _LANE4, 7, 13, 4, 4),
        (7, _LANE4, 7, 13, 4, 4),
        (1, _LANE8, 7, 13, 2, 8),
        (8, _LANE4, 9, 22, 6, 4),  # more tiles in a row than a tile is wide
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
        "`|` is or: a lane counts if its row and its column lie in the image, `&`.": (
            _tile_pixels_or("or")
        ),
        "One too many: the last row is height - 1, the last column width - 1.": (
            _tile_pixels_or("one more")
        ),
        "That is tile 0 again, whatever the tile: add its first row and its first column.": (
            _tile_pixels_or("no tile")
        ),
        "The lanes fill a tile row by row: lane // TILE is the row, lane % TILE the column.": (
            _tile_pixels_or("down first")
        ),
        "A row of tiles has `columns` tiles, not TILE: tile // columns is its number.": (
            _tile_pixels_or("rows of TILE")
        ),
        "The mask is missing: it is True for every lane.": _tile_pixels_or("no mask"),
    },
)


# ---------------------------------------------------------------- 09-6 Debugging


def _draw_discs(discs: Tensor, height: int, width: int, bugs: tuple[str, ...] = ()) -> Tensor:
    """What the kernel of the exercise draws, tile by tile, with some of its bugs."""
    tile, memory = 4, torch.zeros(max(height, width) ** 2 + 64, dtype=torch.float64)
    columns = -(-width // tile)
    for program in range(-(-height // tile) * columns):
        i, j, mask = tile_pixels_of(
            program, torch.arange(tile * tile), height, width, columns, tile
        )
        x, y = (2 * j + 1 - width) / height, 1 - (2 * i + 1) / height
        x, y = x.double(), y.double()
        peak, den, num = 0 * x, 0 * x + 1, 0 * x
        for at_x, at_y, strength, value in discs.tolist():
            log_weight = strength - 40 * ((x - at_x) ** 2 + (y - at_y) ** 2)
            new_peak = torch.maximum(peak, log_weight)
            shrink, weight = torch.exp(peak - new_peak), torch.exp(log_weight - new_peak)
            den = (den if "shrink" in bugs else den * shrink) + weight
            peak = new_peak
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
