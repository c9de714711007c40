"""Rung 3: the same formulas, on the (pixel, triangle) pairs that matter. Still plain PyTorch, still
autograd, on any device.

A triangle counts only for the pixels within its reach. So first list those pairs (`live_pairs`: P
of them, a few per pixel instead of F), then evaluate `formulas.py` on (P,) tensors instead of
(B, F, H, W), and add the results up pixel by pixel.

Memory: 16 bytes a live pair for the list, and about 1 kB for each of the CHUNK pairs that are
worked on at a time. What a chunk needed is thrown away and computed again in the backward pass
(checkpointing), so no more than one chunk is ever alive.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .. import formulas
from ..softness import family
from ..texture import FlatTexture
from .options import Options
from .tiles import box_pairs, drop_undrawable, reach_boxes

CHUNK = 1 << 18  # pairs

# What GenDR's conorms other than sums want to know beforehand: each pixel's largest lift, (B H W,),
# and, for `max`, a mask (P,) of the pairs that have it.
Largest = tuple[Tensor | None, Tensor | None]


def rasterize_pairs(
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor,
    o: Options,
    texture: FlatTexture | None = None,
) -> Tensor:
    """(B, F, 3, 3) triangles, (B, F, 3, C) colours or None -> (B, H, W, C + 1)."""
    batch = len(triangles)
    triangles, drawable = drop_undrawable(triangles, o)
    triangles = triangles.flatten(0, 1)  # (B F, 3, 3)
    colors = None if colors is None else colors.flatten(0, 1)  # (B F, 3, C)
    if texture is not None:
        uv, texels, where = texture
        texture = FlatTexture(uv.flatten(0, 1), texels, where.flatten(0, 1))
    face, pixel, peak = live_pairs(triangles.detach(), drawable, o)  # (P,), (P,), (B H W,)
    top, winner = largest_lifts(triangles.detach(), face, pixel, peak, o)

    log_product = torch.zeros_like(peak)  # (B H W,): log prod_j (1 - D_j); GenDR: sum of lifts
    den = torch.exp(o.log_background - peak)  # starts with the background
    num = list((den[:, None] * background.flatten(0, 2)).unbind(-1))  # one (B H W,) a channel
    # One chunk at least, be it empty: an image that no triangle reaches depends on them too, with
    # a gradient of 0.
    for start in range(0, max(len(face), 1), CHUNK):
        f, q = face[start : start + CHUNK], pixel[start : start + CHUNK]
        won = None if winner is None else winner[start : start + CHUNK]
        given = (triangles, colors, f, q, peak, o, (top, won), texture)
        if len(face) <= CHUNK:
            parts = contributions(*given)
        else:
            parts = checkpoint(contributions, *given, use_reentrant=False)
        log_product = log_product.index_add(0, q, parts[0])
        if colors is not None:
            den = den.index_add(0, q, parts[1])
            num = [sums.index_add(0, q, part) for sums, part in zip(num, parts[2:], strict=True)]

    if o.gendr:
        alpha = family.alpha(log_product, top, o.conorm, o.p)
    else:
        alpha = formulas.alpha_from_log_product(log_product)
    image = torch.stack([*(sums / den for sums in num), alpha], dim=-1)
    return image.reshape(batch, o.height, o.width, len(num) + 1)


def contributions(
    triangles: Tensor,
    colors: Tensor | None,
    face: Tensor,
    pixel: Tensor,
    peak: Tensor,
    o: Options,
    largest: Largest = (None, None),
    texture: FlatTexture | None = None,
) -> list[Tensor]:
    """What each pair adds to its pixel, (P,) each.

    log(1 - D), and if there are colours the weight, and weight x colour for each channel.
    """
    outside, log_weight, w, z_corner = evaluate(triangles, face, pixel, o)
    if o.gendr:
        outside = _share_of_conorm(outside, pixel, largest)
    if colors is None:
        return [outside]
    weight = torch.exp(log_weight - peak[pixel])
    corner_colors = gather(colors, face)  # (P, 3, C)
    color = formulas.interpolate_color(w, corner_colors, z_corner, o.perspective_correct)  # (P, C)
    if texture is not None:
        corner_uv = gather(texture.uv, face)  # (P, 3, 2)
        uv = formulas.interpolate_color(w, corner_uv, z_corner, o.perspective_correct)  # (P, 2)
        color = color * formulas.look_up(texture.texels, uv, texture.where[face])
    return [outside, weight, *(weight[:, None] * color).unbind(-1)]


def evaluate(
    triangles: Tensor, face: Tensor, pixel: Tensor, o: Options
) -> tuple[Tensor, Tensor, formulas.Weights, Tensor]:
    """The formulas on pairs, in the order of broadcast.py.

    Returns:
        log(1 - D), or in GenDR's family the conorm's lift of D, (P,); the log of the pair's softmax
        weight, (P,); w0, w1, w2, (P,) each; and the corners' z, (P, 3).
    """
    corners = gather(triangles, face)  # (P, 3, 3)
    xy, z_corner = corners[..., :2], corners[..., 2]
    center = formulas.pixel_centers(o.height, o.width, like=triangles).reshape(-1, 2)
    center = center[pixel % (o.height * o.width)]  # (P, 2)
    v = formulas.barycentric(center, xy)
    w = formulas.clip_barycentric(v)
    z = formulas.interpolate_depth(w, z_corner)
    logit = formulas.signed_logit(center, xy, v, o.sigma, o.distance, o.squared)
    in_view = (z >= o.near) & (z <= o.far)
    if o.gendr:  # another D and another A_O: see softness/
        log_d, keep, outside = _gendr(logit, in_view, o)
    else:
        log_d, log_outside = formulas.probability_map(logit)
        keep = in_view & (log_d >= o.log_dist_eps)
        outside = log_outside.where(keep, 0.0)
    log_weight = formulas.log_weight(log_d, z, o.near, o.far, o.gamma).where(keep, -torch.inf)
    return outside, log_weight, w, z_corner


@torch.no_grad()
def live_pairs(triangles: Tensor, drawable: Tensor, o: Options) -> tuple[Tensor, Tensor, Tensor]:
    """All pairs that count, face by face.

    Returns:
        face (P,) in 0 ... B F - 1, pixel (P,) in 0 ... B H W - 1, and each pixel's largest log
        weight, (B H W,). The pixels of a face's box are candidates; those that the formulas leave
        out are dropped.
    """
    batch = len(drawable)
    boxes = reach_boxes(triangles[None], o)[0] * drawable.flatten()[:, None]  # (B F, 4)
    peak = triangles.new_full((batch * o.height * o.width,), o.log_background)
    kept: list[tuple[Tensor, Tensor]] = []
    for face, pixel in box_pairs(boxes.reshape(*drawable.shape, 4), o.height, o.width, CHUNK):
        _, log_weight, _, _ = evaluate(triangles, face, pixel, o)
        live = log_weight > -torch.inf
        face, pixel = face[live], pixel[live]
        peak = peak.scatter_reduce(0, pixel, log_weight[live], "amax")
        kept.append((face, pixel))
    if not kept:
        none = torch.zeros(0, dtype=torch.int64, device=triangles.device)
        return none, none, peak
    return torch.cat([f for f, _ in kept]), torch.cat([q for _, q in kept]), peak


def gather(values: Tensor, index: Tensor) -> Tensor:
    """values[index] for (N, 3, K) values and (P,) indices -> (P, 3, K), one column at a time.

    On the CPU the backward of a one-dimensional `index_select` is a quick sum in a fixed order;
    that of `values[index]` is neither.
    """
    columns = [column.index_select(0, index) for column in values.flatten(1).unbind(1)]
    return torch.stack(columns, dim=-1).reshape(-1, *values.shape[1:])


# ---------------------------------------------------------------- GenDR's family


def _gendr(logit: Tensor, in_view: Tensor, o: Options) -> tuple[Tensor, Tensor, Tensor]:
    """log D, which pairs count, and what each gives to the conorm, (P,) each."""
    log_d, log_outside = family.log_probability(logit, o.distribution, o.shape, o.shift)
    keep = in_view & (log_d >= o.log_dist_eps)
    return log_d, keep, family.lift(log_d, log_outside, keep, o.conorm, o.p)


@torch.no_grad()
def largest_lifts(
    triangles: Tensor, face: Tensor, pixel: Tensor, peak: Tensor, o: Options
) -> Largest:
    """A pixel's largest lift and the pairs that have it, the first of each pixel, or None."""
    kind = family.kind(o.conorm, o.p) if o.gendr else "sum"
    if kind == "sum":
        return None, None
    top = torch.full_like(peak, -torch.inf)
    first = torch.full_like(peak, len(face), dtype=torch.int64)  # (B H W,): which pair has it
    for start in range(0, len(face), CHUNK):
        f, q = face[start : start + CHUNK], pixel[start : start + CHUNK]
        lifted, _, _, _ = evaluate(triangles, f, q, o)
        before, top = top, top.scatter_reduce(0, q, lifted, "amax")
        if kind == "max":
            here = torch.arange(start, start + len(f), device=f.device)
            here = here.where((lifted == top[q]) & (lifted > before[q]), len(face))
            new = torch.full_like(first, len(face)).scatter_reduce(0, q, here, "amin")
            first = torch.where(top > before, new, first)
    if kind == "max":
        return top, torch.arange(len(face), device=face.device) == first[pixel]
    return top, None


def _share_of_conorm(lifted: Tensor, pixel: Tensor, largest: Largest) -> Tensor:
    """What a pair adds to the sum of its pixel: its lift, exp(lift - top), or the winner's lift."""
    top, winner = largest
    if winner is not None:
        return lifted.where(winner, 0.0)
    return lifted if top is None else family.scaled(lifted, top[pixel])
