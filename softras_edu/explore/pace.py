"""How many pixels an explorer can afford, so that its picture keeps up with the hand on the slider."""

from __future__ import annotations

import torch
from torch import Tensor

from ..rasterizers.options import Options
from ..rasterizers.tiles import reach_boxes

SIZE = 128  # pixels a side
PAIRS = 5_000_000  # looked at in one frame: about 60 ms of one core, and half of that where two share the work


@torch.no_grad()
def pairs(triangles: Tensor, size: int, sigma: float) -> int:
    """How many (pixel, triangle) pairs `rasterize` looks at: the pixels of each triangle's box, which grows with sigma. (F, 3, 3) -> a number."""
    options = Options(height=size, width=size, sigma=sigma, gamma=1.0, eps=0.0)
    top, bottom, left, right = reach_boxes(triangles[None], options).unbind(-1)
    return int(((bottom - top) * (right - left)).sum())


def affordable(triangles: Tensor, sigma: float) -> tuple[int, int]:
    """SIZE, or half of it where (F, 3, 3) triangles blur so widely that a frame of SIZE would drag; and the pairs at that size.

    A picture that is so blurred has nothing as fine as a pixel in it.
    """
    full = pairs(triangles, SIZE, sigma)
    return (SIZE, full) if full <= PAIRS else (SIZE // 2, pairs(triangles, SIZE // 2, sigma))
