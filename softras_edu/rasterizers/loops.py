"""Rung 1: the paper's sums as plain Python loops, for each pixel, for each triangle, one number at a time.

The slowest and the easiest to read. Nothing here is shared with `formulas.py` and `softness.py`: it is a second opinion. The numbers are 0-d tensors, so
that autograd sees every step; keep images to about 16 x 16.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .loops_gendr import either, log_probability
from .options import Options


def rasterize_loops(
    triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> Tensor:
    """(B, F, 3, 3) triangles, (B, F, 3, C) colours or None -> (B, H, W, C + 1)."""
    images = []
    for b in range(len(triangles)):
        for i in range(o.height):
            y = 1 - (2 * i + 1) / o.height
            for j in range(o.width):
                x = (2 * j + 1 - o.width) / o.height
                images.append(
                    _pixel(
                        x,
                        y,
                        triangles[b],
                        None if colors is None else colors[b],
                        background[b, i, j],
                        o,
                    )
                )
    shape = (len(triangles), o.height, o.width, background.shape[-1] + 1)
    return (
        torch.stack(images).reshape(shape) if images else background.new_empty(shape)
    )  # an empty batch has no images to stack


def _pixel(
    x: float, y: float, triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> Tensor:
    """One pixel: aggregate the faces, A_O for alpha and A_S for colour -> (C + 1,)."""
    alpha = triangles.new_zeros(())
    log_weights = [
        triangles.new_tensor((o.eps - 1) / o.gamma)
    ]  # log of the background's exp((eps - 1) / gamma)
    face_colors = [background]
    for f, triangle in enumerate(triangles):
        pair = _pair(x, y, triangle, o)
        if pair is None:
            continue
        log_d, w0, w1, w2, z = pair
        alpha = either(
            alpha, torch.exp(log_d), o
        )  # in the paper, 1 - alpha is the product of all 1 - D
        if colors is None:
            continue
        c0, c1, c2 = colors[f]
        if o.perspective_correct:
            z0, z1, z2 = triangle[:, 2]
            w0, w1, w2 = w0 * z / z0, w1 * z / z1, w2 * z / z2
        log_weights.append(
            log_d + (o.near - z) / (o.far - o.near) / o.gamma
        )  # log of D exp((zn - 1) / gamma)
        face_colors.append(w0 * c0 + w1 * c1 + w2 * c2)
    if colors is None:
        return alpha[None]

    peak = max(log_weight.item() for log_weight in log_weights)
    color, den = torch.zeros_like(background), triangles.new_zeros(())
    for log_weight, face_color in zip(log_weights, face_colors, strict=True):
        weight = torch.exp(log_weight - peak)
        color = color + weight * face_color
        den = den + weight
    return torch.cat([color / den, alpha[None]])


def _pair(
    x: float, y: float, triangle: Tensor, o: Options
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor] | None:
    """One pixel and one triangle: (log D, clipped w0, w1, w2, depth z), or None if the pair is left out."""
    (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = triangle
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)  # doubled, positive for a front face
    if (
        min(z0, z1, z2) <= o.min_depth
        or abs(area) < o.min_doubled_area
        or (o.cull_backfaces and area < 0)
    ):
        return None

    w0 = ((x1 - x) * (y2 - y) - (y1 - y) * (x2 - x)) / area
    w1 = ((x2 - x) * (y0 - y) - (y2 - y) * (x0 - x)) / area
    w2 = ((x0 - x) * (y1 - y) - (y0 - y) * (x1 - x)) / area
    inside = w0 > 0 and w1 > 0 and w2 > 0

    if o.distance == "euclidean":
        d2 = min(
            _segment(x, y, x0, y0, x1, y1),
            _segment(x, y, x1, y1, x2, y2),
            _segment(x, y, x2, y2, x0, y0),
        )
    else:
        d2 = min(w0, w1, w2) ** 2
    d = d2 if o.squared or d2 == 0 else torch.sqrt(d2)
    log_d = log_probability(d / o.sigma if inside else -d / o.sigma, o)
    if log_d < o.log_dist_eps or log_d == -torch.inf:
        return None

    w0, w1, w2 = w0.clamp(0, 1), w1.clamp(0, 1), w2.clamp(0, 1)
    if (
        w0 + w1 + w2 < 0.5
    ):  # they summed to 1 before: float32 has lost a sliver's weights in rounding, and its centroid serves
        w0 = w1 = w2 = torch.ones_like(w0)
    total = w0 + w1 + w2
    w0, w1, w2 = w0 / total, w1 / total, w2 / total
    z = 1 / (w0 / z0 + w1 / z1 + w2 / z2)
    if z < o.near or z > o.far:
        return None
    return log_d, w0, w1, w2, z


def _segment(x: float, y: float, xa: Tensor, ya: Tensor, xb: Tensor, yb: Tensor) -> Tensor:
    """Squared distance from (x, y) to the segment from a to b."""
    t = ((x - xa) * (xb - xa) + (y - ya) * (yb - ya)) / ((xb - xa) ** 2 + (yb - ya) ** 2)
    t = t.clamp(0, 1)
    return (x - xa - t * (xb - xa)) ** 2 + (y - ya - t * (yb - ya)) ** 2
