"""Two of the Soft Rasterizer's choices that need no kernel of their own: two passes give them.

hard_color          aggregate="hard"      the nearest triangle's colour (aggr_func_rgb='hard')
mean_probability    conorm="sum"          the mean of D (aggr_func_alpha='sum')
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import Tensor

from ..texture import FlatTexture
from .hard import hard_options, shade_visible, visible_face
from .options import Options

Rung = Callable[..., Tensor]
NO_DEPTH = 1e20  # a gamma that makes exp(z / gamma) = 1 for every depth


def hard_color(
    triangles: Tensor,
    colors: Tensor,
    background: Tensor,
    o: Options,
    texture: FlatTexture | None = None,
) -> Tensor:
    """What the z-buffer shows, without alpha: (B, H, W, C)."""
    hard = hard_options(o.height, o.width, near=o.near, far=o.far, cull_backfaces=o.cull_backfaces)
    face = visible_face(triangles, hard)
    image = shade_visible(triangles, colors, background, face, o.perspective_correct, texture)
    return image[..., :-1]


def mean_probability(draw: Rung, triangles: Tensor, o: Options, divisor: float | None) -> Tensor:
    """sum of D_j / F over the triangles j of each pixel, (B, H, W, 1); or over another divisor.

    A_S without depth is that sum in disguise. There the triangles weigh D_j and the background 1,
    so a white triangle before a black background gives sum / (sum + 1), and a black one before a
    white background 1 / (sum + 1). Both are two channels of one picture, and the sum is their
    quotient.
    """
    lead = triangles.shape[:-1]
    colors = triangles.new_tensor([1.0, 0.0]).expand(*lead, 2)
    background = triangles.new_tensor([0.0, 1.0]).expand(len(triangles), o.height, o.width, 2)
    image = draw(triangles, colors, background, replace(o, gamma=NO_DEPTH, eps=0.0))
    return image[..., :1] / image[..., 1:2] / (divisor or max(triangles.shape[1], 1))
