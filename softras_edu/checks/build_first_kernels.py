"""The first kernels of notebook 09: one pixel a program, a block of them, the mask, and the loop
over a tile's own list.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from .. import formulas
from ..rasterizers.options import Options
from ..rasterizers.tiles import Tiles, reach_boxes, tile_lists
from . import first_kernels
from .build_kernel import tile_pixels_of
from .exercise import Answer
from .kernel_exercise import KEPT, KernelExercise, Plan

SIGMA = 1e-2
_FOUR = torch.tensor(
    [
        [[-1.3, 0.2, 2.0], [-0.5, 0.3, 2.0], [-0.9, 0.9, 2.0]],
        [[-0.4, -0.8, 2.0], [0.6, -0.5, 3.0], [0.1, 0.5, 2.5]],
        [[0.5, 0.1, 2.0], [1.4, 0.2, 2.0], [0.9, 0.8, 2.0]],
        [[0.7, -0.9, 4.0], [1.5, -0.7, 4.0], [1.0, -0.2, 4.0]],
    ],
    dtype=torch.float64,
)


def _log_product(triangles: Tensor, i: Tensor, j: Tensor, height: int, width: int) -> Tensor:
    """log prod(1 - D) of pixels (i, j), wherever they are."""
    xy = triangles[:, None, :, :2]
    x, y = (2 * j + 1 - width).double() / height, 1 - (2 * i + 1).double() / height
    pixel = torch.stack([x, y], -1)
    v = formulas.barycentric(pixel, xy)
    logit = formulas.signed_logit(pixel, xy, v, SIGMA, "euclidean")
    return formulas.probability_map(logit)[1].sum(0)


# ------------------------------------------------ 09-1 to 09-3 A pixel, a block, a mask


def _flat_kernel(
    triangles: Tensor, height: int, width: int, block: int = 1, wrong: str = ""
) -> Tensor:
    """What a kernel draws whose programs have `block` pixels each, in a row of numbers; with one
    mistake or none."""
    count, lane = height * width, torch.arange(block)
    memory = torch.full((2 * count + block,), KEPT, dtype=triangles.dtype)
    faces = triangles[:-1] if wrong == "last" else triangles
    for program in range(-(-count // block)):
        first = {"program": 0, "no block": program, "from one": program * block + 1}
        pixel = first.get(wrong, program * block) + lane
        row = height if wrong == "stride" else width
        i, j = pixel // row, pixel % row
        if wrong == "swapped":
            i, j = j, i
        log_product = _log_product(faces, i, j, height, width)
        value = {"log": log_product, "product": log_product.exp()}.get(wrong, 1 - log_product.exp())
        bounds = {"all": count + block, "behind": count + 1, "short": count - 1, "rows": height}
        mask = pixel < (bounds | {"columns": width, "block": block}).get(wrong, count)
        place = 0 * pixel + program if wrong == "place" else pixel
        memory[place[mask]] = value[mask]
    return memory[: 2 * count].view(2 * height, width)


def _flat(wrong: str) -> Answer:
    def answer(triangles: Tensor, height: int, width: int, block: int = 1) -> Tensor:
        return _flat_kernel(triangles, height, width, block, wrong)

    return answer


def _plan_flat(memory: Tensor, triangles: Tensor, height: int, width: int, *block: int) -> Plan:
    programs = -(-height * width // block[0]) if block else height * width
    arguments = (triangles, memory, 1 / SIGMA, len(triangles), height, width, *block)
    return (programs,), arguments, {"num_warps": 1}


_FLAT_MISTAKES = {
    "Rows and columns have changed places: pixel // width is the row, i.": _flat("swapped"),
    "A row has `width` pixels, not `height`.": _flat("stride"),
    "That is the logarithm of the product. Alpha is 1 - exp of it.": _flat("log"),
    "That is the product itself. Alpha is 1 minus it.": _flat("product"),
    "The last face is missing: `range` leaves out its end by itself.": _flat("last"),
}
pixel_kernel = KernelExercise(
    "pixel_kernel",
    _flat(""),
    cases=[(_FOUR[:2], 4, 4), (_FOUR, 5, 7), (_FOUR, 7, 3), (_FOUR[:0], 2, 3)],
    tolerance=1e-9,
    plan=_plan_flat,
    solution=first_kernels.pixel_kernel,
    mistakes={
        **_FLAT_MISTAKES,
        "Every program draws pixel 0. Its own number is tl.program_id(0).": _flat("program"),
    },
)
block_kernel = KernelExercise(
    "block_kernel",
    _flat(""),
    cases=[(_FOUR[:2], 4, 4, 4), (_FOUR, 4, 6, 8), (_FOUR, 8, 4, 16), (_FOUR[:1], 2, 8, 2)],
    tolerance=1e-9,
    plan=_plan_flat,
    solution=first_kernels.block_kernel,
    mistakes={
        **_FLAT_MISTAKES,
        "Every program draws the first block: add tl.program_id(0) * BLOCK.": _flat("program"),
        "Blocks overlap: the next one begins BLOCK pixels further, not one.": _flat("no block"),
        "The first pixel is missing: tl.arange(0, BLOCK) begins at 0.": _flat("from one"),
        "All lanes of a program store to one place: alpha_ptr + pixel is a block of addresses, one "
        "for each lane.": _flat("place"),
    },
)
masked_kernel = KernelExercise(
    "masked_kernel",
    _flat(""),
    cases=[(_FOUR[:2], 3, 5, 4), (_FOUR, 7, 13, 64), (_FOUR, 5, 5, 16), (_FOUR[:1], 3, 6, 16)],
    tolerance=1e-9,
    plan=_plan_flat,
    solution=first_kernels.masked_kernel,
    mistakes={
        "There is no mask, or it is true for every lane: the lanes behind the last pixel store "
        "into somebody else's memory.": _flat("all"),
        "One lane too many: pixels are numbered from 0, so the last one is height * width - 1.": (
            _flat("behind")
        ),
        "The last pixel is missing: pixel < height * width is enough.": _flat("short"),
        "The mask compares a pixel's number with the number of rows.": _flat("rows"),
        "The mask compares a pixel's number with the number of columns.": _flat("columns"),
        "Only the first program stores: the mask must look at the pixel's number, not at the "
        "lane's.": _flat("block"),
    },
)


# ---------------------------------------------------------------- 09-5 A kernel that reads a list


def _lists(triangles: Tensor, height: int, width: int, tile: int) -> Tiles:
    o = Options(height=height, width=width, sigma=SIGMA)
    return tile_lists(reach_boxes(triangles[None], o), height, width, tile)


def _plan_lists(memory: Tensor, triangles: Tensor, height: int, width: int, tile: int) -> Plan:
    lists = _lists(triangles, height, width, tile)
    arguments = (
        triangles, memory, lists.starts, lists.faces, 1 / SIGMA, height, width, lists.columns, tile
    )  # fmt: skip
    return (lists.rows * lists.columns,), arguments, {"num_warps": 1}


def _listed_kernel(
    triangles: Tensor, height: int, width: int, tile: int, wrong: str = ""
) -> Tensor:
    """What the kernel draws, tile by tile, in PyTorch, with one mistake or none."""
    lists = _lists(triangles, height, width, tile)
    memory = torch.full((2 * height * width + tile * width,), KEPT, dtype=triangles.dtype)
    for program, (first, end) in enumerate(pairwise(lists.starts.tolist())):
        number = 0 if wrong == "program" else program
        if wrong == "list":
            first, end = lists.starts[:2].tolist()
        end = max(first, end - (wrong == "end"))
        faces = torch.arange(first, end) % len(triangles)
        faces = faces if wrong == "entry" else lists.faces[first:end].long()
        faces = torch.arange(len(triangles)) if wrong == "all" else faces
        lane = torch.arange(tile * tile)
        i, j, mask = tile_pixels_of(number, lane, height, width, lists.columns, tile)
        log_product = _log_product(triangles[faces], i, j, height, width)
        value = log_product if wrong == "log" else 1 - log_product.exp()
        mask = i < height if wrong == "mask" else mask
        stride = height if wrong == "stride" else width
        memory[(i * stride + j)[mask]] = value[mask]
    return memory[: 2 * height * width].view(2 * height, width)


def _listed(wrong: str) -> Answer:
    def answer(triangles: Tensor, height: int, width: int, tile: int) -> Tensor:
        return _listed_kernel(triangles, height, width, tile, wrong)

    return answer


listed_kernel = KernelExercise(
    "listed_kernel",
    _listed(""),
    cases=[
        (_FOUR, 13, 21, 8),
        (_FOUR, 13, 21, 4),
        (_FOUR[:1], 7, 5, 4),
        (_FOUR[:0], 5, 6, 4),
        (_FOUR[:2], 6, 7, 4),
    ],
    tolerance=1e-9,
    plan=_plan_lists,
    solution=first_kernels.listed_kernel,
    drawn=4,
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
