"""Rung 3: the same formulas, on the (pixel, triangle) pairs that matter. Still plain PyTorch, still autograd, on any device.

A triangle counts only for the pixels within its reach. So first list those pairs (`live_pairs`: P of them, a few per pixel instead of F),
then evaluate `formulas.py` on (P,) tensors instead of (B, F, H, W), and add the results up pixel by pixel.

Memory: 16 bytes a live pair for the list, and about 1 kB for each of the CHUNK pairs that are worked on at a time. What a chunk needed
is thrown away and computed again in the backward pass (checkpointing), so no more than one chunk is ever alive.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from .. import formulas, softness
from .options import Options
from .tiles import drop_undrawable, reach_boxes

CHUNK = 1 << 18  # pairs


def rasterize_pairs(
    triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> Tensor:
    """(B, F, 3, 3) triangles, (B, F, 3, C) colours or None -> (B, H, W, C + 1)."""
    batch = len(triangles)
    triangles, drawable = drop_undrawable(triangles, o)
    triangles = triangles.flatten(0, 1)  # (B F, 3, 3)
    colors = None if colors is None else colors.flatten(0, 1)  # (B F, 3, C)
    face, pixel, peak = live_pairs(triangles.detach(), drawable, o)  # (P,), (P,), (B H W,)
    top, winner = largest_lifts(
        triangles.detach(), face, pixel, peak, o
    )  # (B H W,), (P,), or None where the conorm does not ask

    lift_total = torch.zeros_like(peak)  # (B H W,): for the Soft Rasterizer log prod_j (1 - D_j)
    den = torch.exp((o.eps - 1) / o.gamma - peak)  # starts with the background, as in broadcast.py
    num = list((den[:, None] * background.flatten(0, 2)).unbind(-1))  # one (B H W,) a channel
    for start in range(0, len(face), CHUNK):
        f, p = face[start : start + CHUNK], pixel[start : start + CHUNK]
        if len(face) <= CHUNK:
            parts = contributions(triangles, colors, f, p, peak, o, top, winner)
        else:
            won = None if winner is None else winner[start : start + CHUNK]
            parts = checkpoint(
                contributions, triangles, colors, f, p, peak, o, top, won, use_reentrant=False
            )
        lift_total = lift_total.index_add(0, p, parts[0])
        if colors is not None:
            den = den.index_add(0, p, parts[1])
            num = [total.index_add(0, p, part) for total, part in zip(num, parts[2:], strict=True)]

    alpha = softness.back(lift_total, top, o.conorm, o.p)
    image = torch.stack([*(total / den for total in num), alpha], dim=-1)
    return image.reshape(batch, o.height, o.width, len(num) + 1)


def contributions(
    triangles: Tensor,
    colors: Tensor | None,
    face: Tensor,
    pixel: Tensor,
    peak: Tensor,
    o: Options,
    top: Tensor | None,
    winner: Tensor | None,
) -> list[Tensor]:
    """What each pair adds to its pixel: the lift, and if there are colours the weight, and weight x colour for each channel; (P,) each.

    The lift is log(1 - D) in the Soft Rasterizer. Other conorms want exp(lift - top), or nothing but the winner's.
    """
    lifted, log_weight, w, z_corner = evaluate(triangles, face, pixel, o)
    if winner is not None:
        lifted = lifted.where(winner, 0.0)
    elif top is not None:
        lifted = softness.scaled(lifted, top[pixel])
    if colors is None:
        return [lifted]
    weight = torch.exp(log_weight - peak[pixel])
    color = formulas.interpolate_color(
        w, gather(colors, face), z_corner, o.perspective_correct
    )  # (P, C)
    return [lifted, weight, *(weight[:, None] * color).unbind(-1)]


def evaluate(
    triangles: Tensor, face: Tensor, pixel: Tensor, o: Options
) -> tuple[Tensor, Tensor, formulas.Weights, Tensor]:
    """The formulas on pairs: the conorm's lift of D, the log of the pair's softmax weight, clipped w0 w1 w2 (all (P,)), and the corners' z, (P, 3).

    The lines are those of broadcast.py, in its order.
    """
    corners = gather(triangles, face)  # (P, 3, 3)
    xy, z_corner = corners[..., :2], corners[..., 2]
    center = formulas.pixel_centers(
        o.height, o.width, dtype=triangles.dtype, device=triangles.device
    ).reshape(-1, 2)
    center = center[pixel % (o.height * o.width)]  # (P, 2)
    w = formulas.barycentric(center, xy)
    logit = formulas.signed_logit(center, xy, w, o.sigma, o.distance, o.squared)
    log_d, log_outside = softness.log_probability(logit, o.distribution, o.shape, o.shift)
    w = formulas.clip_barycentric(w)
    z = formulas.interpolate_depth(w, z_corner)
    dead = (log_d < o.log_dist_eps) | (z < o.near) | (z > o.far)
    log_weight = log_d + formulas.depth_score(z, o.near, o.far) / o.gamma
    lifted = softness.lift(log_d, log_outside, o.conorm, o.p).masked_fill(
        dead, softness.nothing(o.conorm, o.p)
    )
    return lifted, log_weight.masked_fill(dead, -torch.inf), w, z_corner


@torch.no_grad()
def live_pairs(triangles: Tensor, drawable: Tensor, o: Options) -> tuple[Tensor, Tensor, Tensor]:
    """All pairs that count: face (P,) in 0 ... B F - 1, pixel (P,) in 0 ... B H W - 1, and each pixel's largest log weight, (B H W,).

    The pixels of a face's box are candidates; those that the formulas leave out are dropped. The order is face by face.
    """
    batch, faces = drawable.shape
    box = reach_boxes(triangles[None], o)[0].long() * drawable.flatten()[:, None]
    top, bottom, left, right = box.unbind(-1)  # rows top ... bottom - 1, columns left ... right - 1
    count = (bottom - top) * (right - left)
    peak = triangles.new_full((batch * o.height * o.width,), (o.eps - 1) / o.gamma)
    kept: list[tuple[Tensor, Tensor]] = []
    for group in split(count):
        f = group.repeat_interleave(count[group])  # a face, once for each pixel of its box
        first = (count[group].cumsum(0) - count[group]).repeat_interleave(count[group])
        k = torch.arange(len(f), device=f.device) - first  # 0, 1, ... within the box, row by row
        width = (right - left)[f]
        i, j = top[f] + k // width, left[f] + k % width
        p = (f // faces * o.height + i) * o.width + j
        _, log_weight, _, _ = evaluate(triangles, f, p, o)
        live = log_weight > -torch.inf
        f, p = f[live], p[live]
        peak = peak.scatter_reduce(0, p, log_weight[live], "amax")
        kept.append((f, p))
    if not kept:
        nothing = torch.zeros(0, dtype=torch.int64, device=triangles.device)
        return nothing, nothing, peak
    return torch.cat([f for f, _ in kept]), torch.cat([p for _, p in kept]), peak


@torch.no_grad()
def largest_lifts(
    triangles: Tensor, face: Tensor, pixel: Tensor, peak: Tensor, o: Options
) -> tuple[Tensor | None, Tensor | None]:
    """For a conorm that wants a pixel's largest lift: that, (B H W,), and for `max` a mask (P,) of the pairs that have it, the first a pixel."""
    kind = softness.kind(o.conorm, o.p)
    if kind == "sum":
        return None, None
    top = torch.full_like(peak, -torch.inf)
    first = torch.full_like(peak, len(face), dtype=torch.int64)  # (B H W,): which pair has it
    for start in range(0, len(face), CHUNK):
        f, p = face[start : start + CHUNK], pixel[start : start + CHUNK]
        lifted, _, _, _ = evaluate(triangles, f, p, o)
        before, top = top, top.scatter_reduce(0, p, lifted, "amax")
        if kind == "max":
            here = torch.arange(start, start + len(f), device=f.device).where(
                (lifted == top[p]) & (lifted > before[p]), len(face)
            )
            first = torch.where(
                top > before,
                torch.full_like(first, len(face)).scatter_reduce(0, p, here, "amin"),
                first,
            )
    return top, torch.arange(len(face), device=face.device) == first[
        pixel
    ] if kind == "max" else None


def split(count: Tensor) -> list[Tensor]:
    """Groups of faces, in order, whose boxes hold about CHUNK pixels together; a face without pixels is in none. (One synchronisation.)"""
    faces = count.nonzero()[:, 0]
    if len(faces) == 0:
        return []
    group = (count[faces].cumsum(0) - 1) // CHUNK
    return list(faces.split(group.unique_consecutive(return_counts=True)[1].tolist()))


def gather(values: Tensor, index: Tensor) -> Tensor:
    """values[index] for (N, 3, K) values and (P,) indices -> (P, 3, K), one column at a time.

    On the CPU the backward of a one-dimensional `index_select` is a quick sum in a fixed order; that of `values[index]` is neither.
    """
    columns = [column.index_select(0, index) for column in values.flatten(1).unbind(1)]
    return torch.stack(columns, dim=-1).reshape(-1, *values.shape[1:])
