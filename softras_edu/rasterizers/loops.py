"""Rung 1: the paper's sums as plain Python loops, for each pixel, for each triangle, one number at
a time.

The slowest and the easiest to read. Nothing here is shared with `formulas.py` and `softness/`: it
is a second opinion. The numbers are 0-d tensors, so that autograd sees every step; keep images to
about 16 x 16.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ..texture import FlatTexture
from . import loops_gendr
from .options import Options


def rasterize_loops(
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor,
    o: Options,
    texture: FlatTexture | None = None,
) -> Tensor:
    """(B, F, 3, 3) triangles, (B, F, 3, C) colours or None -> (B, H, W, C + 1)."""
    images = []
    for b in range(len(triangles)):
        for i in range(o.height):
            y = 1 - (2 * i + 1) / o.height
            for j in range(o.width):
                x = (2 * j + 1 - o.width) / o.height
                face_colors = None if colors is None else colors[b]
                picture = None
                if texture is not None:
                    picture = FlatTexture(texture.uv[b], texture.texels, texture.where[b])
                back = background[b, i, j]
                images.append(_pixel(x, y, triangles[b], face_colors, back, o, picture))
    shape = (len(triangles), o.height, o.width, background.shape[-1] + 1)
    if not images:  # an empty batch: nothing to stack
        return background.new_empty(shape)
    also = () if texture is None else (texture.uv, texture.texels)
    return torch.stack(images).reshape(shape) + _nothing(triangles, colors, *also)


def _nothing(*inputs: Tensor | None) -> Tensor | float:
    """0, with a gradient of 0: an image that no triangle reaches depends on the triangles too."""
    return sum(0 * x.sum() for x in inputs if x is not None)


def _pixel(
    x: float,
    y: float,
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor,
    o: Options,
    texture: FlatTexture | None,
) -> Tensor:
    """One pixel: A_O of all triangles for alpha, A_S for colour -> (C + 1,)."""
    product = triangles.new_ones(())  # prod_j (1 - D_j)
    other_alpha = triangles.new_zeros(())  # of GenDR's family, instead of 1 - product
    log_weights = [triangles.new_tensor((o.eps - 1) / o.gamma)]  # of the background
    face_colors = [background]
    for f, triangle in enumerate(triangles):
        pair = _pair(x, y, triangle, o)
        if pair is None:
            continue
        log_d, w0, w1, w2, z = pair
        if o.gendr:
            other_alpha = loops_gendr.either(other_alpha, torch.exp(log_d), o)
        else:
            product = product * (1 - torch.exp(log_d))
        if colors is None:
            continue
        u0, u1, u2 = w0, w1, w2
        if o.perspective_correct:
            z0, z1, z2 = triangle[:, 2]
            u0, u1, u2 = w0 * z / z0, w1 * z / z1, w2 * z / z2
        c0, c1, c2 = colors[f]
        # log of D exp((zn - 1) / gamma); the background's eps is less 1 too, so the 1 cancels
        log_weights.append(log_d + (o.near - z) / (o.far - o.near) / o.gamma)
        face_color = u0 * c0 + u1 * c1 + u2 * c2
        if texture is not None:
            uv0, uv1, uv2 = texture.uv[f]
            across, up = u0 * uv0 + u1 * uv1 + u2 * uv2
            face_color = face_color * _texel(across, up, texture.texels, texture.where[f])
        face_colors.append(face_color)
    alpha = other_alpha if o.gendr else 1 - product  # A_O
    if colors is None:
        return alpha[None]

    peak = max(log_weight.item() for log_weight in log_weights)
    num, den = torch.zeros_like(background), triangles.new_zeros(())
    for log_weight, face_color in zip(log_weights, face_colors, strict=True):
        weight = torch.exp(log_weight - peak)
        num = num + weight * face_color
        den = den + weight
    return torch.cat([num / den, alpha[None]])


def _pair(
    x: float, y: float, triangle: Tensor, o: Options
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor] | None:
    """One pixel and one triangle: log D, w0, w1, w2, z; or None if the pair is left out."""
    (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = triangle
    area = (x1 - x0) * (y2 - y0) - (y1 - y0) * (x2 - x0)  # doubled, positive for a front face
    if min(z0, z1, z2) <= o.min_depth or abs(area) < o.min_doubled_area:
        return None
    if o.cull_backfaces and area < 0:
        return None

    v0 = ((x1 - x) * (y2 - y) - (y1 - y) * (x2 - x)) / area
    v1 = ((x2 - x) * (y0 - y) - (y2 - y) * (x0 - x)) / area
    v2 = ((x0 - x) * (y1 - y) - (y0 - y) * (x1 - x)) / area
    inside = v0 > 0 and v1 > 0 and v2 > 0

    if o.distance == "euclidean":
        d2_01, d2_12 = _segment(x, y, x0, y0, x1, y1), _segment(x, y, x1, y1, x2, y2)
        d2 = min(d2_01, d2_12, _segment(x, y, x2, y2, x0, y0))
    else:
        d2 = min(v0, v1, v2) ** 2
    d = d2 if o.squared or d2 == 0 else torch.sqrt(d2)
    logit = d / o.sigma if inside else -d / o.sigma
    log_d = loops_gendr.log_probability(logit, o) if o.gendr else logsigmoid(logit)
    if log_d < o.log_dist_eps or log_d == -torch.inf:
        return None

    w0, w1, w2 = v0.clamp(0, 1), v1.clamp(0, 1), v2.clamp(0, 1)
    if w0 + w1 + w2 < 0.5:  # v sums to 1: float32 has lost a sliver's weights to rounding
        w0 = w1 = w2 = torch.ones_like(w0)  # its centroid serves
    w_sum = w0 + w1 + w2
    w0, w1, w2 = w0 / w_sum, w1 / w_sum, w2 / w_sum
    z = 1 / (w0 / z0 + w1 / z1 + w2 / z2)
    if z < o.near or z > o.far:
        return None
    return log_d, w0, w1, w2, z


def _texel(across: Tensor, up: Tensor, texels: Tensor, where: Tensor) -> Tensor:
    """A texture's colour at (across, up) -> (C,): four texels, each times a hat that is 1 at its
    centre and falls to 0 at the next centre. (0, 0) is the picture's lower left corner.
    """
    first, height, width, repeat = where.tolist()
    picture = texels[first : first + height * width].reshape(height, width, -1)
    if repeat:
        across, up = across - math.floor(across.item()), up - math.floor(up.item())
    column, row = across * width - 0.5, (1 - up) * height - 0.5
    above, left = math.floor(row.item()), math.floor(column.item())
    out = torch.zeros_like(texels[0])
    for i in (above, above + 1):
        for j in (left, left + 1):
            down = 1 - (row - i) if row >= i else 1 + (row - i)
            right = 1 - (column - j) if column >= j else 1 + (column - j)
            i_in, j_in = i % height, j % width
            if not repeat:
                i_in, j_in = min(max(i, 0), height - 1), min(max(j, 0), width - 1)
            out = out + down * right * picture[i_in, j_in]
    return out


def _segment(x: float, y: float, xa: Tensor, ya: Tensor, xb: Tensor, yb: Tensor) -> Tensor:
    """Squared distance from (x, y) to the segment from a to b."""
    t = ((x - xa) * (xb - xa) + (y - ya) * (yb - ya)) / ((xb - xa) ** 2 + (yb - ya) ** 2)
    t = t.clamp(0, 1)
    return (x - xa - t * (xb - xa)) ** 2 + (y - ya - t * (yb - ya)) ** 2
