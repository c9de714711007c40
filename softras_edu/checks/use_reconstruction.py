"""The exercises of notebook 15.

How much two solids agree, a colour mixed from a palette, and what a set of silhouettes allows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .exercise import Exercise


def _random(*shape: int, seed: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- voxel IoU ----------------------------------------------------------------


def _voxel_overlap(ours: Tensor, truth: Tensor) -> Tensor:
    return (ours & truth).sum() / (ours | truth).sum()


def _block(low: int, high: int) -> Tensor:
    """A block in a grid of 6 x 6 x 6 cells."""
    cells = torch.zeros(6, 6, 6, dtype=torch.bool)
    cells[low:high, low:high, 1:4] = True
    return cells


voxel_overlap = Exercise(
    "voxel_overlap",
    _voxel_overlap,
    cases=[
        (_block(1, 4), _block(1, 4)),
        (_block(0, 4), _block(2, 6)),
        (_block(0, 2), _block(1, 5)),
        (_random(6, 6, 6, seed=0) > 0.7, _block(1, 4)),
    ],
    mistakes={
        (
            "That is the share of cells that agree. Nearly all cells are empty in both, so a "
            "grid without anything in it would score well."
        ): lambda a, b: (a == b).double().mean(),
        (
            "You divide by the cells of both together, where those that both fill are counted "
            "twice. Count the cells that either fills."
        ): lambda a, b: (a & b).sum() / (a.sum() + b.sum()),
        (
            "That is the Dice score. IoU divides by the union, and knows no factor of two."
        ): lambda a, b: 2 * (a & b).sum() / (a.sum() + b.sum()),
        (
            "You divide by the true cells alone: then a solid that fills the whole grid scores 1."
        ): lambda a, b: (a & b).sum() / b.sum(),
        (
            "You divide by our cells alone: then a single cell inside the true solid scores 1."
        ): lambda a, b: (a & b).sum() / a.sum(),
        (
            "That is the share of the whole grid that both fill. Divide by the cells that either "
            "fills."
        ): lambda a, b: (a & b).double().mean(),
        ("That is 1 - IoU, a loss. The score is 1 for equal solids."): lambda a, b: (
            (a ^ b).sum() / (a | b).sum()
        ),
        "Upside down: the intersection stands above, the union below.": lambda a, b: (
            (a | b).sum() / (a & b).sum()
        ),
        (
            "That compares the volumes alone. Two solids of one size agree in it, wherever they "
            "are."
        ): lambda a, b: torch.minimum(a.sum(), b.sum()) / torch.maximum(a.sum(), b.sum()),
        (
            "That is the number of cells that both fill. Divide by those that either fills."
        ): lambda a, b: (a & b).sum(),
        ("// rounds down to a whole number; / does not."): lambda a, b: (
            (a & b).sum() // (a | b).sum()
        ),
    },
)


# --- colours from a palette ---------------------------------------------------


def _mix_palette(scores: Tensor, palette: Tensor) -> Tensor:
    return scores.softmax(1) @ palette


_PALETTE = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.3, 0.7], [0.9, 0.9, 0.9]], dtype=torch.float64)
mix_palette = Exercise(
    "mix_palette",
    _mix_palette,
    cases=[
        (torch.tensor([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0]], dtype=torch.float64), _PALETTE),
        (4 * _random(5, 3, seed=1), _PALETTE),
        (6 * _random(4, 10, seed=2) - 3, _random(10, 3, seed=3)),
    ],
    slopes=(0, 1),
    mistakes={
        (
            "The softmax runs over the vertices. Every vertex shares out its own 1 among the "
            "colours: dim=1."
        ): lambda s, p: s.softmax(0) @ p,
        (
            "The scores are no shares yet: they may be negative, and do not add up to 1. Take "
            "their softmax."
        ): lambda s, p: s @ p,
        (
            "Each vertex takes its best colour alone. Such a choice has no gradient; mix the "
            "colours instead."
        ): lambda s, p: p[s.argmax(1)],
        (
            "Dividing by the sum is not enough: a sum may be near zero, and scores may be "
            "negative. exp makes them positive first."
        ): lambda s, p: (s / s.sum(1, keepdim=True)) @ p,
        (
            "exp makes the scores positive, but they do not add up to 1 yet: divide by each "
            "vertex's sum."
        ): lambda s, p: s.exp() @ p,
        (
            "A sigmoid looks at one score alone, so a vertex's shares do not add up to 1. The "
            "softmax looks at all of them."
        ): lambda s, p: s.sigmoid() @ p,
        (
            "The softmax runs over all scores together, so that all vertices share a single 1. "
            "Every vertex has its own: dim=1."
        ): lambda s, p: s.flatten().softmax(0).view_as(s) @ p,
        (
            "That is the logarithm of the shares. log_softmax is for losses; mix with the softmax."
        ): lambda s, p: s.log_softmax(1) @ p,
        "The largest score has the largest share: no minus in the softmax.": lambda s, p: (
            (-s).softmax(1) @ p
        ),
        ("That is the plain mean of the palette: the scores are not used."): lambda s, p: p.mean(
            0
        ).expand(len(s), -1),
        (
            "Those are the shares themselves. Mix the colours with them: shares @ palette."
        ): lambda s, p: s.softmax(1),
        (
            "The scores are made larger before the softmax: that is nearly a choice. Take "
            "them as they are."
        ): lambda s, p: (10 * s).softmax(1) @ p,
    },
)


# --- visual hull --------------------------------------------------------------


def _carve(masks: Tensor, xy: Tensor) -> Tensor:
    return _lookup(masks, xy).all(0)


def _lookup(
    masks: Tensor,
    xy: Tensor,
    up: float = 1.0,
    swap: bool = False,
    shift: float = 0.0,
    spread: int = 0,
) -> Tensor:
    """(K, H, H) masks, (K, N, 2) places in NDC -> (K, N): is the pixel there lit?"""
    size = masks.shape[1]
    wide = size + spread
    column = ((xy[..., 0] + 1) * wide / 2 + shift).long().clamp(0, size - 1)
    row = ((1 - up * xy[..., 1]) * wide / 2 + shift).long().clamp(0, size - 1)
    if swap:
        row, column = column, row
    return masks[torch.arange(len(masks))[:, None], row, column]


def _disc(x: float, y: float, radius: float, size: int = 8) -> Tensor:
    along = (2 * torch.arange(size, dtype=torch.float64) + 1 - size) / size
    return (along[None] - x) ** 2 + (-along[:, None] - y) ** 2 < radius**2


_MASKS = torch.stack([_disc(0.1, 0.3, 0.6), _disc(-0.2, 0.2, 0.7), _disc(0.0, 0.4, 0.5)])
_PLACES = 1.9 * _random(3, 40, 2, seed=4) - 0.95
_SAME = (1.9 * _random(1, 60, 2, seed=5) - 0.95).expand(3, -1, -1)
carve = Exercise(
    "carve",
    _carve,
    cases=[(_MASKS[:1], _PLACES[:1]), (_MASKS, _SAME), (_MASKS, _PLACES)],
    mistakes={
        "y points up and rows count downwards: the row comes from 1 - y.": lambda m, p: _lookup(
            m, p, up=-1.0
        ).all(0),
        "A mask is indexed [row, column]: first y, then x.": lambda m, p: _lookup(
            m, p, swap=True
        ).all(0),
        (
            "You keep what is inside some silhouette. A point outside a single one cannot be "
            "part of the object: all of them must agree."
        ): lambda m, p: _lookup(m, p).any(0),
        (
            "You are half a pixel off. Pixel j spans [2j/W - 1, 2(j + 1)/W - 1]: the column is "
            "(x + 1) W/2, rounded down."
        ): lambda m, p: _lookup(m, p, shift=0.5).all(0),
        (
            "x = -1 is the left edge of the first pixel, not its centre: stretch to W pixels, not "
            "to W - 1."
        ): lambda m, p: _lookup(m, p, spread=-1).all(0),
        (
            "That is the vote of most cameras. A point outside a single silhouette is not part of "
            "the object: all must agree."
        ): lambda m, p: _lookup(m, p).double().mean(0) > 0.5,
        "Only the first camera is asked. Every one of them may rule a point out.": lambda m, p: (
            _lookup(m, p)[0]
        ),
        "Columns count from the left, as x does: no minus before x.": lambda m, p: _lookup(
            m, p * p.new_tensor([-1.0, 1.0])
        ).all(0),
        "That is what is cut away. Return True for what is left.": lambda m, p: (
            ~_lookup(m, p).all(0)
        ),
        (
            "One answer for each point and camera: reduce over the cameras, the first axis."
        ): lambda m, p: _lookup(m, p),
    },
)
