"""The exercises of notebook 06: the sums of the paper in tensors, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from .exercise import Exercise

_EDGES = ((0, 1), (1, 2), (2, 0))


def _random(*shape: int, seed: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- 06-1 distances by broadcasting -------------------------------------------


def _distance_maps(
    pixel: Tensor,
    xy: Tensor,
    *,
    low: float = 0.0,
    high: float = 1.0,
    edges: Sequence[tuple[int, int]] = _EDGES,
    choose: Callable[[Tensor, int], Tensor] = Tensor.amin,
) -> Tensor:
    corner = xy[:, :, None, None]  # (B, F, 1, 1, 3, 2)
    distances = []
    for k, m in edges:
        a, edge = corner[..., k, :], corner[..., m, :] - corner[..., k, :]
        t = (((pixel - a) * edge).sum(-1) / (edge * edge).sum(-1)).clamp(low, high)
        distances.append((pixel - a - t[..., None] * edge).square().sum(-1))
    return choose(torch.stack(distances), 0)


_PIXEL = 2 * _random(3, 4, 2, seed=0) - 1
distance_maps = Exercise(
    "distance_maps",
    _distance_maps,
    cases=[
        (_PIXEL, 2 * _random(1, 2, 3, 2, seed=1) - 1),
        (_PIXEL, _random(2, 5, 3, 2, seed=2)),
        (_PIXEL[:1], 0.3 * _random(1, 1, 3, 2, seed=3)),
    ],
    mistakes={
        (
            "The axes have another order: faces come before pixels, (B, F, H, W). Give xy two "
            "axes of length 1 for H and W."
        ): lambda p, xy: _distance_maps(p, xy).permute(2, 3, 0, 1),
        (
            "That is the distance to the whole lines. Past the end of an edge the closest point "
            "is the corner: clamp t to [0, 1]."
        ): lambda p, xy: _distance_maps(p, xy, low=-math.inf, high=math.inf),
        (
            "A triangle has three edges; the one from the last corner back to the first is missing."
        ): lambda p, xy: _distance_maps(p, xy, edges=_EDGES[:2]),
        "The squared distance is wanted: no square root.": lambda p, xy: _distance_maps(
            p, xy
        ).sqrt(),
        (
            "That is the distance to the nearest corner. Along an edge, points between its ends "
            "are nearer."
        ): lambda p, xy: _distance_maps(p, xy, high=0.0),
        (
            "t is clamped at one end only. Before the edge's start the closest point is the start, "
            "past its end the end: clamp to [0, 1]."
        ): lambda p, xy: _distance_maps(p, xy, low=-math.inf),
        (
            "That is the distance to the farthest edge. The boundary's nearest point decides: take "
            "the smallest of the three."
        ): lambda p, xy: _distance_maps(p, xy, choose=Tensor.amax),
        (
            "That is the mean of the three edges' distances. The nearest one decides: take "
            "the smallest."
        ): lambda p, xy: _distance_maps(p, xy, choose=Tensor.mean),
        (
            "That is the sum of the three edges' distances. The nearest one decides: take the "
            "smallest."
        ): lambda p, xy: _distance_maps(p, xy, choose=Tensor.sum),
    },
    slopes=(0, 1),
)


# --- 06-2 the colours ---------------------------------------------------------


def _aggregate_color(
    log_weight: Tensor, color: Tensor, background: Tensor, log_background: float
) -> Tensor:
    """(B, F, H, W), (B, F, H, W, C), (B, H, W, C) -> (B, H, W, C)."""
    logs = torch.cat([log_weight, torch.full_like(log_weight[:, :1], log_background)], dim=1)
    weight = torch.softmax(logs, dim=1)
    return (weight[..., None] * torch.cat([color, background[:, None]], dim=1)).sum(1)


def _without_peak(
    log_weight: Tensor, color: Tensor, background: Tensor, log_background: float
) -> Tensor:
    weight, weight_background = log_weight.exp(), math.exp(log_background)
    return ((weight[..., None] * color).sum(1) + weight_background * background) / (
        weight.sum(1) + weight_background
    )[..., None]


def _small_number_below(
    log_weight: Tensor, color: Tensor, background: Tensor, log_background: float
) -> Tensor:
    weight, weight_background = log_weight.exp(), math.exp(log_background)
    num = (weight[..., None] * color).sum(1) + weight_background * background
    return num / (weight.sum(1) + weight_background + 1e-8)[..., None]


def _peak_of_faces(
    log_weight: Tensor, color: Tensor, background: Tensor, log_background: float
) -> Tensor:
    peak = log_weight.amax(1)
    weight, weight_background = (
        torch.exp(log_weight - peak[:, None]),
        torch.exp(log_background - peak),
    )
    num = (weight[..., None] * color).sum(1) + weight_background[..., None] * background
    return num / (weight.sum(1) + weight_background)[..., None]


def _not_divided(
    log_weight: Tensor, color: Tensor, background: Tensor, log_background: float
) -> Tensor:
    peak = log_weight.amax(1).clamp_min(log_background)
    weight, weight_background = (
        torch.exp(log_weight - peak[:, None]),
        torch.exp(log_background - peak),
    )
    return (weight[..., None] * color).sum(1) + weight_background[..., None] * background


def _one_peak_for_all(
    log_weight: Tensor, color: Tensor, background: Tensor, log_background: float
) -> Tensor:
    peak = log_weight.amax().clamp_min(log_background)
    weight, weight_background = torch.exp(log_weight - peak), torch.exp(log_background - peak)
    num = (weight[..., None] * color).sum(1) + weight_background * background
    return num / (weight.sum(1) + weight_background)[..., None]


def _background_after(
    log_weight: Tensor, color: Tensor, background: Tensor, log_background: float
) -> Tensor:
    peak = log_weight.amax(1).clamp_min(log_background)
    weight, behind = torch.exp(log_weight - peak[:, None]), torch.exp(log_background - peak)
    mean = (weight[..., None] * color).sum(1) / weight.sum(1)[..., None].clamp_min(1e-300)
    return mean + behind[..., None] * background


def _colors(
    batch: int, faces: int, scale: float, log_background: float, seed: int
) -> tuple[Any, ...]:
    """Log weights (B, F, 2, 3), colours, a background and its log weight.

    The log weights go down to `-scale`. Some faces are left out; in the first pixel, all.
    """
    log_weight = -scale * _random(batch, faces, 2, 3, seed=seed)
    log_weight = log_weight.masked_fill(_random(batch, faces, 2, 3, seed=seed + 1) < 0.3, -math.inf)
    log_weight[:, :, 0, 0] = -math.inf
    return (
        log_weight,
        _random(batch, faces, 2, 3, 2, seed=seed + 2),
        _random(batch, 2, 3, 2, seed=seed + 3),
        log_background,
    )


aggregate_color = Exercise(
    "aggregate_color",
    _aggregate_color,
    cases=[
        _colors(1, 3, 3.0, -2.0, 10),
        _colors(2, 4, 30.0, -20.0, 20),
        _colors(1, 3, 2000.0, -9990.0, 30),  # one pixel at -9990, its neighbours not
    ],
    mistakes={
        (
            "exp of a large negative number is 0, and 0 / 0 is not a number. Take the largest "
            "exponent of each pixel off all of them first."
        ): _without_peak,
        (
            "The peak must see the background too. Where no face counts, the largest face is "
            "minus infinity, and inf - inf is not a number."
        ): _peak_of_faces,
        (
            "The weights do not sum to 1 yet: divide by their sum, the background's included."
        ): _not_divided,
        (
            "The background is missing: it competes with weight exp(log_background)."
        ): lambda lw, c, b, lb: _aggregate_color(lw, c, b, -math.inf),
        (
            "The background competes like a face, with weight exp(log_background) under the same "
            "division."
        ): lambda lw, c, b, lb: _aggregate_color(lw, c, b, 0.0),
        (
            "One peak for the whole picture is too large for most pixels: all their weights become "
            "0, and 0 / 0 is not a number. Each pixel needs its own."
        ): _one_peak_for_all,
        (
            "The background is added after the division. It belongs into both sums, above and "
            "below the line, like one more face."
        ): _background_after,
        (
            "A small number in the denominator hides 0 / 0 and gives black. Take the largest "
            "exponent of each pixel off instead."
        ): _small_number_below,
        (
            "The background's weight stands first, its colour last: put both at the same end."
        ): lambda lw, c, b, lb: _aggregate_color(
            torch.cat([torch.full_like(lw[:, :1], lb), lw], 1),
            torch.cat([c, b[:, None]], 1),
            0 * b,
            -math.inf,
        ),
        "The mean above the line and the sum below: take the sum twice.": lambda lw, c, b, lb: (
            _aggregate_color(lw, c, b, lb) / (lw.shape[1] + 1)
        ),
    },
    slopes=(0, 1, 2),
)


# --- 06-3 how large can the image be? -----------------------------------------


def _largest_image(memory: int, faces: int, bytes_per_pair: int) -> int:
    return math.isqrt(memory // (faces * bytes_per_pair))


largest_image = Exercise(
    "largest_image",
    _largest_image,
    cases=[
        (8_000_000_000, 1280, 200),
        (24_000_000_000, 1280, 207),
        (24_000_000_000, 20_480, 207),
        (1000, 1, 10),
        (99_999, 10, 100),
    ],
    tolerance=1e-9,
    mistakes={
        (
            "That is the number of pixels. The image is square: its side is the root of that."
        ): lambda m, f, b: m // (f * b),
        "Rounded up, the image no longer fits: round down.": lambda m, f, b: math.ceil(
            math.sqrt(m / (f * b))
        ),
        "A part of a pixel cannot be drawn: return a whole number, rounded down.": lambda m, f, b: (
            math.sqrt(m / (f * b))
        ),
        (
            "Every pixel meets every face: the memory is H * H * faces * bytes_per_pair."
        ): lambda m, f, b: math.isqrt(m // b),
        "Each pair needs bytes_per_pair, not one byte.": lambda m, f, b: math.isqrt(m // f),
        (
            "Half of the pixels is not half of the side: take the root of the pixels that fit."
        ): lambda m, f, b: m // (f * b) // 2,
        "Rounded to the nearest, it may be one too large: round down.": lambda m, f, b: round(
            math.sqrt(m / (f * b))
        ),
        (
            "The root of the memory alone. First divide by the bytes of a pixel, then take "
            "the root."
        ): lambda m, f, b: math.isqrt(m) // (f * b),
        "More faces need more memory: divide by them.": lambda m, f, b: math.isqrt(m * f // b),
        "Pixels fill a square, not a cube: the root, not the third root.": lambda m, f, b: int(
            (m / (f * b)) ** (1 / 3)
        ),
    },
)
