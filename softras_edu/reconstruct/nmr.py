"""NMR's renderer for training."""

from __future__ import annotations

from torch import Tensor

from ..rasterize import rasterize_hard


def rasterize_nmr(triangles: Tensor, colors: Tensor | None, *, size: int) -> Tensor:
    return rasterize_hard(triangles, colors, size=size, gradient="nmr")
