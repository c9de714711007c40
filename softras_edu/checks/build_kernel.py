"""The exercises of notebook 09, the fused Triton kernel. What belongs inside a kernel runs here
in the stand-in of `teaching/triton_lab/stand_in.py`, so that the answers are the same with Triton
and without.
"""
# ruff: noqa: N803

from __future__ import annotations

import copy
import inspect
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor

from .. import formulas
from ..rasterizers.options import Options
from ..rasterizers.tiles import Tiles, reach_boxes, tile_lists
from ..teaching.triton_lab.stand_in import tl, with_stand_in
from . import report
from .exercise import Answer, Exercise, Mistake


class InKernel(Exercise):
    """An exercise whose answer is called from a Triton kernel: it may use `tl`, and nothing of
    PyTorch."""

    def yours_or_ours(self, yours: Answer) -> Answer:
        return super().yours_or_ours(_plain(yours))

    def examine(self, yours: Answer, *, shown: bool = False) -> None:
        plain = _plain(yours)
        super().examine(with_stand_in(plain), shown=shown)
        if "torch" in plain.__code__.co_names:
            raise Mistake(
                f"{self.name}: the numbers are right, but inside a kernel there is no torch. "
                "Write tl.maximum for torch.maximum, and so on."
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


# ---------------------------------------------------------------- 09-2 A kernel that reads a list

SIGMA = 1e-2
_KEPT = 0.5  # what somebody else's memory is full of


def _lists(triangles: Tensor, height: int, width: int, tile: int) -> Tiles:
    o = Options(height=height, width=width, sigma=SIGMA)
    return tile_lists(reach_boxes(triangles[None], o), height, width, tile)


class ListedKernel(Exercise):
    """The answer is a Triton kernel. It draws into memory behind which somebody else's begins; the
    check looks at both, as one picture of twice the height."""

    def examine(self, yours: Any, *, shown: bool = False) -> None:
        super().examine(self._launched(yours), shown=shown)

    def _launched(self, kernel: Any) -> Answer:
        """What the kernel draws; a plain function is called as it is."""
        if not hasattr(kernel, "__getitem__"):
            if "triangles_ptr" in inspect.signature(kernel).parameters:
                raise Mistake(f"{self.name}: write @triton.jit above the function.")
            return cast(Answer, kernel)

        def drawn(triangles: Tensor, height: int, width: int, tile: int) -> Tensor:
            lists = _lists(triangles, height, width, tile)
            memory = torch.full((2, height, width), _KEPT, dtype=triangles.dtype)
            try:
                kernel[(lists.rows * lists.columns,)](
                    triangles, memory, lists.starts, lists.faces, 1 / SIGMA, height, width,
                    lists.columns, tile, num_warps=1,
                )  # fmt: skip
            except Exception as error:
                raise report.root(error) from None
            return memory.reshape(2 * height, width)

        drawn.__wrapped__ = getattr(kernel, "fn", kernel)  # type: ignore[attr-defined]
        return drawn


def _listed_kernel(
    triangles: Tensor, height: int, width: int, tile: int, wrong: str = ""
) -> Tensor:
    """What the kernel draws, tile by tile, in PyTorch, with one mistake or none."""
    lists = _lists(triangles, height, width, tile)
    memory = torch.full((2 * height * width + tile * width,), _KEPT, dtype=triangles.dtype)
    xy = triangles[:, None, :, :2]
    for program, (first, end) in enumerate(pairwise(lists.starts.tolist())):
        number = 0 if wrong == "program" else program
        if wrong == "list":
            first, end = lists.starts[:2].tolist()
        end = max(first, end - (wrong == "end"))
        faces = torch.arange(first, end) % len(triangles)
        faces = faces if wrong == "entry" else lists.faces[first:end].long()
        faces = torch.arange(len(triangles)) if wrong == "all" else faces
        lane = torch.arange(tile * tile)
        i, j, mask = _tile_pixels(number, lane, height, width, lists.columns, tile)
        x, y = (2 * j + 1 - width).double() / height, 1 - (2 * i + 1).double() / height
        pixel = torch.stack([x, y], -1)
        v = formulas.barycentric(pixel, xy[faces])
        logit = formulas.signed_logit(pixel, xy[faces], v, SIGMA, "euclidean")
        log_product = formulas.probability_map(logit)[1].sum(0)
        value = log_product if wrong == "log" else 1 - log_product.exp()
        mask = i < height if wrong == "mask" else mask
        stride = height if wrong == "stride" else width
        memory[(i * stride + j)[mask]] = value[mask]
    return memory[: 2 * height * width].view(2 * height, width)


def _listed(wrong: str) -> Answer:
    def answer(triangles: Tensor, height: int, width: int, tile: int) -> Tensor:
        return _listed_kernel(triangles, height, width, tile, wrong)

    return answer


_FOUR = _t(
    [[-1.3, 0.2, 2.0], [-0.5, 0.3, 2.0], [-0.9, 0.9, 2.0]],
    [[-0.4, -0.8, 2.0], [0.6, -0.5, 3.0], [0.1, 0.5, 2.5]],
    [[0.5, 0.1, 2.0], [1.4, 0.2, 2.0], [0.9, 0.8, 2.0]],
    [[0.7, -0.9, 4.0], [1.5, -0.7, 4.0], [1.0, -0.2, 4.0]],
)
listed_kernel = ListedKernel(
    "listed_kernel",
    _listed(""),
    cases=[(_FOUR, 13, 21, 8), (_FOUR, 13, 21, 4), (_FOUR[:1], 7, 5, 4), (_FOUR[:0], 5, 6, 4)],
    tolerance=1e-9,
    mistakes={
        "A lane past the right edge lands at the start of the next row: give the mask to "
        "tl.store.": _listed("mask"),
        "One row down is `width` numbers further, not `height`.": _listed("stride"),
        "Every program draws tile 0. Its own number is tl.program_id(0).": _listed("program"),
        "Every program reads the list of tile 0: it begins at starts[tile].": _listed("list"),
        "The last face of each list is missing: `range` leaves out its end by itself.": (
            _listed("end")
        ),
        "`entry` is a place in the list, no face: load what stands there.": _listed("entry"),
        "That meets every face, listed or not. Loop over the tile's own list.": _listed("all"),
        "That is the logarithm of the product. Alpha is 1 - exp of it.": _listed("log"),
    },
)


# ---------------------------------------------------------------- 09-3 Debugging


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
