"""Rung 2: naive PyTorch broadcasting. Every pixel meets every triangle in tensors of B x F x H x W, and autograd does the rest.

Slow and hungry on purpose: each line below reads and writes tensors as large as all pairs together. In float64 it is the oracle
that every other backend is tested against.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .. import formulas, softness
from .options import Options
from .tiles import drop_undrawable


def rasterize_broadcast(
    triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> Tensor:
    """(B, F, 3, 3) triangles, (B, F, 3, C) colours or None -> (B, H, W, C + 1)."""
    triangles, drawable = drop_undrawable(triangles, o)
    pixel = formulas.pixel_centers(
        o.height, o.width, dtype=triangles.dtype, device=triangles.device
    )  # (H, W, 2)
    xy = triangles[:, :, None, None, :, :2]  # (B, F, 1, 1, 3, 2)
    z_corner = triangles[:, :, None, None, :, 2]  # (B, F, 1, 1, 3)

    w = formulas.barycentric(pixel, xy)  # w0, w1, w2, each (B, F, H, W)
    logit = formulas.signed_logit(pixel, xy, w, o.sigma, o.distance, o.squared)  # (B, F, H, W)
    log_d, log_outside = softness.log_probability(
        logit, o.distribution, o.shape, o.shift
    )  # log D, log(1 - D)
    w = formulas.clip_barycentric(w)
    z = formulas.interpolate_depth(w, z_corner)  # (B, F, H, W)
    keep = drawable[:, :, None, None] & (log_d >= o.log_dist_eps) & (z >= o.near) & (z <= o.far)

    lifted = softness.lift(log_d, log_outside, o.conorm, o.p)  # for A_O, log(1 - D)
    lifted = lifted.where(keep, softness.nothing(o.conorm, o.p))
    alpha = softness.combine(lifted, 1, o.conorm, o.p)[..., None]  # A_O: 1 - prod(1 - D)
    if colors is None:
        return alpha

    # A_S: W_j = D_j exp(zn_j / gamma), W_b = exp(eps / gamma), all divided by the largest of them before exp can overflow.
    log_weight = log_d + formulas.depth_score(z, o.near, o.far) / o.gamma
    log_weight = log_weight.where(keep, -torch.inf)  # (B, F, H, W)
    log_background = (o.eps - 1) / o.gamma  # -1 because depth_score took 1 off the faces too
    peak = log_weight.new_full((len(triangles), 1, o.height, o.width), log_background)
    peak = torch.cat([log_weight.detach(), peak], dim=1).amax(
        1
    )  # (B, H, W); cancels in the division, so it needs no gradient
    weight = torch.exp(log_weight - peak[:, None])
    weight_background = torch.exp(log_background - peak)
    den = weight.sum(1) + weight_background  # at least 1: the largest weight is exp(0)
    color = formulas.interpolate_color(
        w, colors[:, :, None, None], z_corner, o.perspective_correct
    )  # (B, F, H, W, C)
    total = (weight[..., None] * color).sum(1) + weight_background[..., None] * background
    return torch.cat([total / den[..., None], alpha], dim=-1)
