"""Rung 2: naive PyTorch broadcasting. Every pixel meets every triangle in tensors of B x F x H x W,
and autograd does the rest.

It reads like section 3 of the paper, one line an equation (each is a function of `formulas.py`).
Slow and hungry on purpose: each line reads and writes tensors as large as all pairs together. In
float64 it is the oracle that every other backend is tested against.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .. import formulas
from ..softness import family
from ..texture import FlatTexture
from .options import Options
from .tiles import drop_undrawable


def rasterize_broadcast(
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor,
    o: Options,
    texture: FlatTexture | None = None,
) -> Tensor:
    """(B, F, 3, 3) triangles, (B, F, 3, C) colours or None -> (B, H, W, C + 1)."""
    triangles, drawable = drop_undrawable(triangles, o)
    pixel = formulas.pixel_centers(o.height, o.width, like=triangles)  # (H, W, 2)
    xy = triangles[:, :, None, None, :, :2]  # (B, F, 1, 1, 3, 2)
    z_corner = triangles[:, :, None, None, :, 2]  # (B, F, 1, 1, 3)

    v = formulas.barycentric(pixel, xy)  # v0, v1, v2, each (B, F, H, W)
    w = formulas.clip_barycentric(v)
    z = formulas.interpolate_depth(w, z_corner)  # (B, F, H, W)
    logit = formulas.signed_logit(pixel, xy, v, o.sigma, o.distance, o.squared)
    in_view = drawable[:, :, None, None] & (z >= o.near) & (z <= o.far)
    if o.gendr:  # another D and another A_O: see softness/
        log_d, keep, alpha = _gendr(logit, in_view, o)
    else:
        log_d, log_outside = formulas.probability_map(logit)  # log D, log(1 - D), (B, F, H, W)
        keep = in_view & (log_d >= o.log_dist_eps)
        alpha = formulas.aggregate_silhouette(log_outside, keep)  # A_O, (B, H, W)
    if colors is None:
        return alpha[..., None]

    log_weight = formulas.log_weight(log_d, z, o.near, o.far, o.gamma).where(keep, -torch.inf)
    corner_colors = colors[:, :, None, None]  # (B, F, 1, 1, 3, C)
    color = formulas.interpolate_color(w, corner_colors, z_corner, o.perspective_correct)
    if texture is not None:
        corner_uv, where = texture.uv[:, :, None, None], texture.where[:, :, None, None]
        uv = formulas.interpolate_color(w, corner_uv, z_corner, o.perspective_correct)
        where = where.expand(*uv.shape[:-1], 4)  # (B, F, H, W, 4)
        color = color * formulas.look_up(texture.texels, uv, where)
    color = formulas.aggregate_color(log_weight, color, o.log_background, background)  # A_S
    return torch.cat([color, alpha[..., None]], dim=-1)


def _gendr(logit: Tensor, in_view: Tensor, o: Options) -> tuple[Tensor, Tensor, Tensor]:
    """log D, which pairs count, and alpha, for a distribution and a conorm of GenDR's family."""
    log_d, log_outside = family.log_probability(logit, o.distribution, o.shape, o.shift)
    keep = in_view & (log_d >= o.log_dist_eps)
    return log_d, keep, family.aggregate(log_d, log_outside, o.conorm, o.p, keep=keep)
