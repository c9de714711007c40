"""The mathematics of one (pixel, triangle) pair, one function an equation of the Soft Rasterizer (arXiv 1904.01786).

Every function works on the last one or two axes and broadcasts over all that stand before them. So the same code serves every
pixel against every triangle (`rasterizers/broadcast.py`) and a list of chosen pairs.

Names, the same on every rung: `w0 w1 w2` barycentric weights (`w`, all three), `d2` squared distance, `logit` the signed distance over sigma,
`z` depth, `score` depth as the softmax sees it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .softness import least_x

Weights = tuple[
    Tensor, Tensor, Tensor
]  # w0, w1, w2, each of the shape of all (pixel, triangle) pairs


def pixel_centers(
    height: int,
    width: int,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str | None = None,
) -> Tensor:
    """Centres of all pixels in NDC, (H, W, 2): x to the right, y up, the image's height spans [-1, 1], pixels are square."""
    i = torch.arange(height, dtype=dtype, device=device)
    j = torch.arange(width, dtype=dtype, device=device)
    y = 1 - (2 * i + 1) / height
    x = (2 * j + 1 - width) / height
    return torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), dim=-1)


def cross(a: Tensor, b: Tensor) -> Tensor:
    """Doubled signed area of the triangle (0, a, b), (..., 2) x (..., 2) -> (...): positive if a turns left to reach b."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Dot product, (..., 2) x (..., 2) -> (...)."""
    return a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1]


def smallest(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """The least of three, number by number."""
    return torch.minimum(torch.minimum(a, b), c)


def doubled_area(xy: Tensor) -> Tensor:
    """Doubled signed screen area of triangles (..., 3, 2) -> (...). Positive: corners run counter-clockwise, a front face."""
    return cross(xy[..., 1, :] - xy[..., 0, :], xy[..., 2, :] - xy[..., 0, :])


def barycentric(pixel: Tensor, xy: Tensor) -> Weights:
    """Barycentric weights of a pixel (..., 2) in a triangle (..., 3, 2) -> w0, w1, w2. They sum to 1; inside, none is negative."""
    v0, v1, v2 = (xy[..., k, :] - pixel for k in range(3))
    area = doubled_area(xy)
    return cross(v1, v2) / area, cross(v2, v0) / area, cross(v0, v1) / area


def clip_barycentric(w: Weights) -> Weights:
    """Weights clipped to [0, 1] and renormalised: a pixel outside the triangle borrows from a point on its boundary."""
    w0, w1, w2 = (wk.clamp(0, 1) for wk in w)
    # The weights summed to 1 before, so the clipped ones cannot all be 0. But in float32 rounding can swallow all three weights of a
    # sliver that is small and far from the pixel; then its centroid serves.
    lost = w0 + w1 + w2 < 0.5
    w0, w1, w2 = (wk.masked_fill(lost, 1.0) for wk in (w0, w1, w2))
    total = w0 + w1 + w2  # never below 1
    return w0 / total, w1 / total, w2 / total


def squared_distance(pixel: Tensor, xy: Tensor) -> Tensor:
    """d2: squared distance from a pixel (..., 2) to the boundary (three segments, not lines) of a triangle (..., 3, 2) -> (...)."""
    a, b, c = xy.unbind(-2)
    return smallest(
        segment_squared_distance(pixel, a, b),
        segment_squared_distance(pixel, b, c),
        segment_squared_distance(pixel, c, a),
    )


def segment_squared_distance(pixel: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Squared distance from a pixel (..., 2) to the segment from a to b, each (..., 2) -> (...)."""
    edge, to_pixel = b - a, pixel - a
    # t says where the closest point a + t * edge lies. It minimises the distance, so the distance does not change to first order
    # when t does (the envelope theorem): no gradient through t, hence no division by a short edge in the backward pass.
    t = (dot(to_pixel, edge) / dot(edge, edge)).clamp(0, 1).detach()
    gap_x = to_pixel[..., 0] - t * edge[..., 0]
    gap_y = to_pixel[..., 1] - t * edge[..., 1]
    return gap_x * gap_x + gap_y * gap_y


def signed_logit(
    pixel: Tensor, xy: Tensor, w: Weights, sigma: float, distance: str, squared: bool = True
) -> Tensor:
    """delta * d2 / sigma, the argument of the probability map, (...): positive inside, negative outside, 0 on the boundary.

    `distance="euclidean"` measures d2 on the screen. `distance="barycentric"`, the paper's alternative, squares the smallest
    barycentric weight instead: no longer a length, so large triangles blur more than small ones. Not `squared`: delta * d / sigma (GenDR).
    """
    least = smallest(*w)
    d2 = squared_distance(pixel, xy) if distance == "euclidean" else least * least
    d = d2 if squared else square_root(d2)
    return torch.where(least > 0, d, -d) / sigma


def square_root(d2: Tensor) -> Tensor:
    """d from d2. On the boundary itself, where d has a kink, its slope is called 0."""
    away = d2 > 0
    return torch.where(away, torch.sqrt(torch.where(away, d2, 1.0)), 0.0)


def interpolate_depth(w: Weights, z: Tensor) -> Tensor:
    """z = 1 / sum(w_k / z_k), z (..., 3) -> (...): depth of the plane through the corners (1/z is what is affine on a screen)."""
    return 1 / (w[0] / z[..., 0] + w[1] / z[..., 1] + w[2] / z[..., 2])


def interpolate_color(w: Weights, color: Tensor, z: Tensor, perspective_correct: bool) -> Tensor:
    """C = sum(w_k c_k), corner colours (..., 3, C) -> (..., C). With `perspective_correct`, w_k / z_k renormalised, z (..., 3)."""
    if perspective_correct:
        depth = interpolate_depth(w, z)
        w = (w[0] / z[..., 0] * depth, w[1] / z[..., 1] * depth, w[2] / z[..., 2] * depth)
    return (
        w[0][..., None] * color[..., 0, :]
        + w[1][..., None] * color[..., 1, :]
        + w[2][..., None] * color[..., 2, :]
    )


def depth_score(z: Tensor, near: float, far: float) -> Tensor:
    """Normalised inverse depth (far - z) / (far - near), less 1: 0 on the near plane, -1 on the far plane.

    The paper's z_j runs from 1 to 0. Taking 1 off every face and off the background's eps multiplies all softmax weights by the same
    number, so the image does not change, but float32 keeps three more digits of the depth: near - z is small, far - z is not.
    """
    return (near - z) / (far - near)


def reach(
    sigma: float,
    dist_eps: float = 1e-4,
    distribution: str = "logistic",
    squared: bool = True,
    shape: float = 1.0,
    shift: float = 0.0,
) -> float:
    """How far outside its edge a triangle still counts, in NDC: where D falls to dist_eps, for the Soft Rasterizer sqrt(sigma log(1 / dist_eps - 1)).

    One pixel is 2 / H of NDC. For dist_eps = 0 the distribution's support decides: sqrt(sigma) for the uniform one, say, and infinity for most.
    (Euclidean distance; with the barycentric one, how far below 0 the smallest weight may be.)
    """
    outside = max(-least_x(distribution, shape, shift, dist_eps), 0.0)
    return math.sqrt(sigma * outside) if squared else sigma * outside
