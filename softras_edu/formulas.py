"""Section 3 of the Soft Rasterizer (Liu et al., ICCV 2019, arXiv 1904.01786), equation by equation.

    pixel_centers, barycentric, clip_barycentric     where a pixel is in a triangle
    squared_distance, signed_logit, probability_map  D, how much a triangle covers a pixel
    aggregate_silhouette                             A_O, how triangles add up to a silhouette
    interpolate_depth, interpolate_color             z and C of a triangle at a pixel
    look_up, texels_around                           C from a texture
    depth_score, log_weight, aggregate_color         A_S, how triangles share the pixel's colour

Every function broadcasts over all axes that stand before its own. So the same code serves every
pixel against every triangle (`rasterizers/broadcast.py`) and a list of chosen pairs
(`rasterizers/pairs.py`).

Names, the same on every rung: `v0 v1 v2` barycentric weights as they come (`v` all three), `w0 w1
w2` clipped and renormalised (`w`), `d2` squared distance, `logit` the signed squared distance
over sigma, `log_d` and `log_outside` the logarithms of D and 1 - D, `z` depth. D is handled through
its logarithms, so that no sigma and no gamma, however small, gives 0 / 0 or an overflow.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

Weights = tuple[Tensor, Tensor, Tensor]  # of corners 0, 1, 2, each of the shape of all pairs

# ---------------------------------------------------------------- where a pixel is in a triangle


def pixel_centers(
    height: int,
    width: int,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
    like: Tensor | None = None,
) -> Tensor:
    """Centres of all pixels in NDC, (H, W, 2), of the dtype and device given or of those of `like`.

    x to the right, y up, the image's height spans [-1, 1], pixels are square; height and width are
    their numbers, H and W.
    """
    if like is not None:
        dtype, device = like.dtype, like.device
    i = torch.arange(height, dtype=dtype, device=device)
    j = torch.arange(width, dtype=dtype, device=device)
    y = 1 - (2 * i + 1) / height
    x = (2 * j + 1 - width) / height
    return torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), dim=-1)


def cross(a: Tensor, b: Tensor) -> Tensor:
    """Doubled signed area of the triangle (0, a, b), (..., 2) x (..., 2) -> (...).

    Positive if a turns left to reach b.
    """
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def smallest(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The least of a, b and c, number by number, (...) x 3 -> (...)."""
    return torch.minimum(torch.minimum(a, b), c)


def doubled_area(xy: Tensor) -> Tensor:
    """Doubled signed screen area of triangles (..., 3, 2) -> (...).

    Positive: the corners run counter-clockwise, a front face.
    """
    return cross(xy[..., 1, :] - xy[..., 0, :], xy[..., 2, :] - xy[..., 0, :])


def barycentric(pixel: Tensor, xy: Tensor) -> Weights:
    """Barycentric weights v0, v1, v2 of a pixel (..., 2) in a triangle xy, (..., 3, 2).

    They sum to 1. Inside the triangle none is negative.
    """
    area = doubled_area(xy)
    # The corners as the pixel sees them, x and y apart: tensors of (..., 2) would be taken apart
    # and put together again at every step, and broadcast.py would take a quarter longer.
    (x, y), (corner_x, corner_y) = pixel.unbind(-1), xy.unbind(-1)
    x0, x1, x2 = (xk - x for xk in corner_x.unbind(-1))
    y0, y1, y2 = (yk - y for yk in corner_y.unbind(-1))
    return (x1 * y2 - y1 * x2) / area, (x2 * y0 - y2 * x0) / area, (x0 * y1 - y0 * x1) / area


def clip_barycentric(v: Weights) -> Weights:
    """Weights w0, w1, w2: v clipped to [0, 1] and renormalised.

    So a pixel outside a triangle takes depth and colour from a point on its boundary.
    """
    w0, w1, w2 = (vk.clamp(0, 1) for vk in v)
    # v sums to 1, so the clipped weights cannot all be 0. But float32 can lose all three weights of
    # a sliver that is small and far from the pixel to rounding; then its centroid serves.
    lost = w0 + w1 + w2 < 0.5
    w0, w1, w2 = (wk.masked_fill(lost, 1.0) for wk in (w0, w1, w2))
    w_sum = w0 + w1 + w2  # never below 1
    return w0 / w_sum, w1 / w_sum, w2 / w_sum


# ---------------------------------------------------------------- D, the probability map


def squared_distance(pixel: Tensor, xy: Tensor) -> Tensor:
    """d2: squared distance from a pixel (..., 2) to a triangle's boundary, (..., 3, 2) -> (...).

    The boundary is three segments, not three lines.
    """
    a, b, c = xy.unbind(-2)
    return smallest(
        segment_squared_distance(pixel, a, b),
        segment_squared_distance(pixel, b, c),
        segment_squared_distance(pixel, c, a),
    )


def segment_squared_distance(pixel: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Squared distance from a pixel (..., 2) to the segment from a to b, each (..., 2) -> (...)."""
    (x, y), (ax, ay), (bx, by) = pixel.unbind(-1), a.unbind(-1), b.unbind(-1)
    edge_x, edge_y = bx - ax, by - ay
    from_a_x, from_a_y = x - ax, y - ay
    # t says where the closest point a + t * edge lies. It minimises the distance, so the distance
    # does not change to first order when t does (the envelope theorem), and a kernel may leave t's
    # gradient out. Here it stays: the second derivative needs it.
    t = (from_a_x * edge_x + from_a_y * edge_y) / (edge_x * edge_x + edge_y * edge_y)
    t = t.clamp(0, 1)
    gap_x, gap_y = from_a_x - t * edge_x, from_a_y - t * edge_y
    return gap_x * gap_x + gap_y * gap_y


def signed_logit(
    pixel: Tensor, xy: Tensor, v: Weights, sigma: float, distance: str, squared: bool = True
) -> Tensor:
    """delta * d2 / sigma, the argument of the probability map, (..., 2) x (..., 3, 2) -> (...),
    with v the weights that `barycentric` gives.

    Positive inside, negative outside, 0 on the edge. `distance="euclidean"` measures d2 on the
    screen. `distance="barycentric"`, the paper's alternative, squares the smallest barycentric
    weight instead: no longer a length, so large triangles blur more than small ones.
    `squared=False` is delta * d / sigma (GenDR).
    """
    least = smallest(*v)
    d2 = squared_distance(pixel, xy) if distance == "euclidean" else least * least
    d = d2 if squared else square_root(d2)
    return torch.where(least > 0, d, -d) / sigma


def square_root(d2: Tensor) -> Tensor:
    """d from d2, (...). On the boundary itself, where d has a kink, its slope is called 0."""
    away = d2 > 0
    return torch.where(away, torch.sqrt(torch.where(away, d2, 1.0)), 0.0)


def probability_map(logit: Tensor) -> tuple[Tensor, Tensor]:
    """The probability map D = sigmoid(logit), logit = delta * d2 / sigma, as log D and log(1 - D),
    (...) each.
    """
    return logsigmoid(logit), logsigmoid(-logit)


def reach(sigma: float, dist_eps: float = 1e-4) -> float:
    """How far outside its edge a triangle still counts, in NDC: there D has fallen to dist_eps.

    sqrt(sigma log(1 / dist_eps - 1)); infinity for dist_eps = 0. One pixel is 2 / H of NDC. (With
    the barycentric distance: how far below 0 the smallest weight may be.)
    """
    return math.sqrt(sigma * math.log(1 / dist_eps - 1)) if dist_eps > 0 else math.inf


# ---------------------------------------------------------------- A_O, the silhouette aggregate


def aggregate_silhouette(log_outside: Tensor, keep: Tensor, dim: int = 1) -> Tensor:
    """The aggregate function A_O: alpha = 1 - prod_j (1 - D_j), over the triangles along `dim`.

    Args:
        log_outside: log(1 - D_j), (..., F, ...). keep: which pairs count, of the same shape.
    """
    return alpha_from_log_product(log_outside.where(keep, 0.0).sum(dim))


def alpha_from_log_product(log_product: Tensor) -> Tensor:
    """alpha = 1 - prod_j (1 - D_j), (...), from log_product, the logarithm of that product,
    accurate however faint.
    """
    return 0 - torch.expm1(log_product)  # 0 - x and not -x: an empty pixel's -0.0 prints badly


# ---------------------------------------------------------------- depth and colour of a pair


def interpolate_depth(w: Weights, z: Tensor) -> Tensor:
    """z = 1 / sum(w_k / z_k), corners' z (..., 3) -> (...).

    The depth of the plane through the corners (1 / z is what is affine on a screen).
    """
    return 1 / (w[0] / z[..., 0] + w[1] / z[..., 1] + w[2] / z[..., 2])


def interpolate_color(w: Weights, color: Tensor, z: Tensor, perspective_correct: bool) -> Tensor:
    """C = sum(u_k c_k), corner colours (..., 3, C), corners' z (..., 3) -> (..., C).

    u is w as in the paper, affine on the screen; or, if perspective_correct, w_k / z_k
    renormalised.
    """
    u = w
    if perspective_correct:
        depth = interpolate_depth(w, z)
        u = (w[0] / z[..., 0] * depth, w[1] / z[..., 1] * depth, w[2] / z[..., 2] * depth)
    c0, c1, c2 = color.unbind(-2)
    return u[0][..., None] * c0 + u[1][..., None] * c1 + u[2][..., None] * c2


# ---------------------------------------------------------------- textures


def look_up(texels: Tensor, uv: Tensor, where: Tensor) -> Tensor:
    """A texture's colour at uv, bilinear: the mean of the four texels around, (...) -> (..., C).

    Not a formula of the paper. The derivative is exact, and piecewise: along the lines through the
    centres of texels, where `column` or `row` is whole, the slope jumps, and that of the cell to
    the right and below is taken. Beyond the border of a texture that clamps it is 0.

    Args:
        texels, where: (T, C) and (..., 4), as in `FlatTexture`. uv: (..., 2).
    """
    (i0, j0), (i1, j1), right, down = texels_around(uv, where)
    first, _, width, _ = where.unbind(-1)

    def texel(i: Tensor, j: Tensor) -> Tensor:
        index = first + i * width + j
        # Channel by channel: on the CPU the backward of a one-dimensional `index_select` is quick,
        # and a sum in a fixed order.
        flat = [channel.index_select(0, index.reshape(-1)) for channel in texels.unbind(-1)]
        return torch.stack(flat, dim=-1).reshape(*index.shape, texels.shape[-1])

    right, down = right[..., None], down[..., None]
    upper = texel(i0, j0) * (1 - right) + texel(i0, j1) * right
    lower = texel(i1, j0) * (1 - right) + texel(i1, j1) * right
    return upper * (1 - down) + lower * down


def texels_around(
    uv: Tensor, where: Tensor
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor, Tensor]:
    """Row i0 and column j0 of the texel above and left of uv, (...); i1 and j1 of the one below and
    right; and how far uv is on the way from the one to the other, `right` and `down`, in [0, 1].

    Texel (i, j) of a picture of h x w has its centre at u = (j + 1/2) / w, v = 1 - (i + 1/2) / h.

    Args:
        uv: (..., 2). where: (..., 4), as in `FlatTexture`.
    """
    _, height, width, repeat = where.unbind(-1)
    repeat = repeat[..., None] > 0
    uv = torch.where(repeat, uv - uv.detach().floor(), uv.clamp(0, 1))
    column = uv[..., 0] * width - 0.5  # from -1/2 to w - 1/2: its cell may stick out by one texel
    row = (1 - uv[..., 1]) * height - 0.5
    j0, i0 = column.detach().floor(), row.detach().floor()
    right, down = column - j0, row - i0
    j0, i0 = j0.long(), i0.long()
    last_j, last_i, repeat = width - 1, height - 1, repeat[..., 0]
    return (
        (
            torch.where(i0 < 0, last_i.where(repeat, 0), i0),
            torch.where(j0 < 0, last_j.where(repeat, 0), j0),
        ),
        (
            torch.where(i0 < last_i, i0 + 1, last_i.where(~repeat, 0)),
            torch.where(j0 < last_j, j0 + 1, last_j.where(~repeat, 0)),
        ),
        right,
        down,
    )


# ---------------------------------------------------------------- A_S, the colour aggregate


def depth_score(z: Tensor, near: float, far: float) -> Tensor:
    """Normalised inverse depth (far - z) / (far - near), less 1: 0 on the near plane, -1 on the
    far.

    The paper's z_j runs from 1 to 0. Taking 1 off every face and off the background's eps
    multiplies all softmax weights by the same number, so the image does not change, but float32
    keeps three more digits of the depth: near - z is small, far - z is not.
    """
    return (near - z) / (far - near)


def log_weight(log_d: Tensor, z: Tensor, near: float, far: float, gamma: float) -> Tensor:
    """log of a pair's weight D_j exp(z_j / gamma) in the softmax over depth, (...).

    Args:
        log_d: log D_j, (...). z: depths, (...), world units.
        near, far: the depths of z_j = 1 and 0. gamma: the temperature.
    """
    return log_d + depth_score(z, near, far) / gamma


def log_background_weight(eps: float, gamma: float) -> float:
    """log of the background's weight exp(eps / gamma); eps less 1, as `depth_score` is less 1."""
    return (eps - 1) / gamma


def aggregate_color(
    log_weight: Tensor, color: Tensor, log_background: float, background: Tensor
) -> Tensor:
    """The aggregate function A_S: sum_j W_j C_j + W_b C_b, the weights normalised together.

    Args:
        log_weight: log of W_j, (B, F, ...), minus infinity for pairs that do not count.
        color: C_j, (B, F, ..., C). log_background: log of W_b. background: C_b, (B, ..., C).

    Returns:
        (B, ..., C).
    """
    # All weights are divided by the largest of them before exp can overflow. It cancels in the
    # division at the end, so it needs no gradient.
    last = log_weight.new_full((len(log_weight), 1, *log_weight.shape[2:]), log_background)
    peak = torch.cat([log_weight.detach(), last], dim=1).amax(1)  # (B, ...)
    weight = torch.exp(log_weight - peak[:, None])
    weight_background = torch.exp(log_background - peak)
    den = weight.sum(1) + weight_background  # at least 1: the largest weight is exp(0)
    num = (weight[..., None] * color).sum(1) + weight_background[..., None] * background
    return num / den[..., None]
