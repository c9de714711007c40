"""Derivatives that several tasks add to: a sheet of them for each task, added up at the end.

As many sheets on any number of threads, and added in one order, so that the same call gives the
same bits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import Tensor

from .compiling import Array, DFaces
from .kernels import backward_faces
from .tasks import LEAST_RUN, cut_into, row_costs, share_out

MOST_SHEETS = 8


def backward_in_bands(given: Any, d_faces: DFaces, rest: Any, images: int) -> None:
    """`backward_faces` where one face has much of the work, which is shared out by rows: a sheet of
    derivatives for each band of them, and as many bands on any number of threads, as above.
    """
    drawn, *pixels = given
    costs = row_costs(drawn.box, images, rest[-1].height)
    cuts = cut_into(min(MOST_SHEETS, int(costs.sum()) // LEAST_RUN), costs)
    sheets = {start: DFaces(*map(np.zeros_like, d_faces)) for start in cuts[:-1]}

    kernel: Any = backward_faces

    def one_band(start: int, stop: int) -> None:
        some = drawn._replace(box=rows_within(drawn.box, start, stop, images, rest[-1].height))
        kernel(0, len(some.box), some, *pixels, sheets[start], *rest)

    share_out(one_band, cuts)
    for sheet in sheets.values():
        for whole, part in zip(d_faces, sheet, strict=True):
            whole += part


def backward_texels(given: Any, d_faces: DFaces, rest: Any, costs: Array, d_texels: Tensor) -> None:
    """`backward_faces` with texels, which many faces share: a sheet of them for each run of faces,
    and as many runs on any number of threads, so that each sum has one order.
    """
    pairs = int(costs.sum())
    # A sheet more shares out the pairs, and takes time for each of its numbers: the best count of
    # them goes with a square root.
    runs = max(1, min(MOST_SHEETS, pairs // LEAST_RUN, math.isqrt(4 * pairs // d_texels.numel())))
    cuts = cut_into(runs, costs)
    sheets = {start: np.zeros(d_texels.shape) for start in cuts[:-1]}

    kernel: Any = backward_faces

    def one_run(start: int, stop: int) -> None:
        mine = d_faces._replace(texels=sheets[start])
        kernel(start, stop, *given, mine, *rest)

    share_out(one_run, cuts)
    first, *others = sheets.values()
    for sheet in others:
        first += sheet
    d_texels.numpy()[:] = first


def rows_within(box: Array, start: int, stop: int, images: int, height: int) -> Array:
    """Boxes, (B * F, 4), with those of their rows that are among start ... stop of all B * H."""
    first = np.repeat(np.arange(images), len(box) // images) * height
    some = box.copy()
    some[:, 0] = np.clip(start - first, box[:, 0], box[:, 1])
    some[:, 1] = np.clip(stop - first, box[:, 0], box[:, 1])
    return some
