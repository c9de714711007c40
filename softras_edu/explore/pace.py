"""How many pixels an explorer draws, so that a frame takes less than a tenth of a second."""

from __future__ import annotations

import torch
from torch import Tensor

from ..rasterizers.options import Options
from ..rasterizers.tiles import reach_boxes

SIZE = 128  # pixels a side
# Looked at in one frame: about 60 ms of one core, and half of that on two.
PAIRS = 5_000_000


@torch.no_grad()
def pairs(triangles: Tensor, size: int, sigma: float) -> int:
    """How many (pixel, triangle) pairs `rasterize` looks at.

    The pixels of each triangle's box, which grows with sigma. (F, 3, 3) -> a number.
    """
    options = Options(height=size, width=size, sigma=sigma)
    top, bottom, left, right = reach_boxes(triangles[None], options).unbind(-1)
    return int(((bottom - top) * (right - left)).sum())


def affordable(triangles: Tensor, sigma: float) -> tuple[int, int]:
    """Pixels a side for (F, 3, 3) triangles, and the pairs at that size.

    SIZE, or half of it where a frame of SIZE would take too long. A picture that is blurred so
    widely has no detail as small as a pixel.
    """
    full = pairs(triangles, SIZE, sigma)
    return (SIZE, full) if full <= PAIRS else (SIZE // 2, pairs(triangles, SIZE // 2, sigma))
