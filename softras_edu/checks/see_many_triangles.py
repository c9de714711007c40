"""The exercises of notebooks 03 and 04, in float64 and small enough to work out by hand."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .exercise import Exercise


def _t(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# --- 03 Silhouettes -----------------------------------------------------------


def _maps(faces: int, side: int, seed: int) -> Tensor:
    return torch.rand(
        faces, side, side, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def _silhouette(d: Tensor) -> Tensor:
    return 1 - (1 - d).prod(0)


silhouette = Exercise(
    "silhouette",
    _silhouette,
    slopes=(0,),
    cases=[
        (_maps(3, 8, 0),),
        (_maps(1, 4, 1),),
        (torch.full((2, 2, 2), 0.5, dtype=torch.float64),),
        (_maps(20, 3, 2),),
    ],
    mistakes={
        (
            "The largest map forgets all others. Two triangles that each cover with probability "
            "1/2 cover together with 3/4."
        ): lambda d: d.amax(0),
        "A sum can pass 1, and a probability cannot.": lambda d: d.sum(0),
        "A sum, cut off at 1, has no gradient where it is cut.": lambda d: d.sum(0).clamp(0, 1),
        (
            "That is the probability that every triangle covers the pixel. One is enough: look "
            "at its opposite."
        ): lambda d: d.prod(0),
        "That is the probability that no triangle covers the pixel. Take it from 1.": lambda d: (
            1 - d
        ).prod(0),
        "The mean falls when faces are added far away; a silhouette must not.": lambda d: d.mean(0),
        "The product runs over the wrong axis: the faces are axis 0 of (F, H, W).": lambda d: (
            1 - (1 - d).prod(-1)
        ),
        "The product runs over everything. Each pixel has its own: prod(0).": lambda d: (
            1 - (1 - d).prod()
        ),
        "That is the log of the probability that the pixel is empty: 1 - exp of it.": lambda d: (
            (1 - d).log().sum(0)
        ),
        "The product runs over the rows. The faces are axis 0 of (F, H, W).": lambda d: (
            1 - (1 - d).prod(1)
        ),
        (
            "That is the probability that some triangle does not cover the pixel: the `1 -` "
            "belongs to each d, and to the product."
        ): lambda d: 1 - d.prod(0),
        "The brackets stand wrong: 1 - exp(sum of log(1 - d)).": lambda d: (
            1 - (1 - d).log().sum(0)
        ).exp(),
        "A threshold first, and the picture is hard again. Multiply the soft values.": lambda d: (
            _silhouette((d > 0.5).double())
        ),
        "The first face counts twice: begin with ones, or go on with d[1:].": lambda d: _silhouette(
            torch.cat([d[:1], d])
        ),
        "The last face is missing.": lambda d: _silhouette(d[:-1]),
        "The first face is missing.": lambda d: _silhouette(d[1:]),
        "No root is taken: the product as it is.": lambda d: 1 - (1 - d).prod(0).sqrt(),
        "The picture is turned: rows and columns change places.": lambda d: _silhouette(d).mT,
    },
)


def _iou_loss(alpha: Tensor, target: Tensor) -> Tensor:
    return 1 - (alpha * target).sum() / (alpha + target - alpha * target).sum()


_SQUARE = torch.zeros(6, 6, dtype=torch.float64)
_SQUARE[1:4, 2:5] = 1
iou_loss = Exercise(
    "iou_loss",
    _iou_loss,
    slopes=(0,),
    cases=[
        (_maps(1, 6, 3)[0], _SQUARE),
        (_maps(1, 6, 4)[0], _maps(1, 6, 5)[0]),  # a soft target: here minimum and product differ
        (_SQUARE, _SQUARE),
        (_SQUARE.roll(1, 0), _SQUARE),
        (_SQUARE.roll(3, 0), _SQUARE),
    ],
    mistakes={
        "That is the IoU itself. A loss must fall when the overlap grows: 1 - IoU.": lambda a, t: (
            (a * t).sum() / (a + t - a * t).sum()
        ),
        "The union counts the overlap once: alpha + target - alpha * target.": lambda a, t: (
            1 - (a * t).sum() / (a + t).sum()
        ),
        (
            "A threshold makes the loss a staircase again, with no gradient. Multiply the soft "
            "values."
        ): lambda a, t: _iou_loss((a > 0.5).double(), t),
        "That is the mean squared difference. It works too, but it is not the IoU.": lambda a, t: (
            (a - t).square().mean()
        ),
        (
            "The smaller and the larger of two values are the overlap and the union only where the "
            "target is 0 or 1. In between, multiply: alpha * target."
        ): lambda a, t: 1 - torch.minimum(a, t).sum() / torch.maximum(a, t).sum(),
        "Sum first, then divide: yours is the mean of the pixels' own ratios.": lambda a, t: (
            1 - ((a * t) / (a + t - a * t).clamp_min(1e-12)).mean()
        ),
        "That is the Dice loss, which counts the overlap twice.": lambda a, t: (
            1 - 2 * (a * t).sum() / (a + t).sum()
        ),
        (
            "The overlap is divided by the target alone: a silhouette that fills the whole picture "
            "would have a loss of 0."
        ): lambda a, t: 1 - (a * t).sum() / t.sum(),
        "The mean above the line and the sum below: take the sum twice.": lambda a, t: (
            1 - (a * t).mean() / (a + t - a * t).sum()
        ),
        "That is the mean difference, in absolute value. It is not the IoU.": lambda a, t: (
            (a - t).abs().mean()
        ),
        (
            "Both are cut at a threshold: a staircase again, with no gradient. Multiply the soft "
            "values."
        ): lambda a, t: _iou_loss((a > 0.5).double(), (t > 0.5).double()),
        "1 - IoU is wanted, not -log(IoU), which is infinite without overlap.": lambda a, t: (
            -((a * t).sum() / (a + t - a * t).sum()).log()
        ),
        (
            "The overlap is divided by alpha alone: a silhouette of one pixel inside the target "
            "would have a loss of 0."
        ): lambda a, t: 1 - (a * t).sum() / a.sum(),
        "That is one loss a pixel. Sum over the picture above and below the line.": lambda a, t: (
            1 - (a * t) / (a + t - a * t).clamp_min(1e-12)
        ),
    },
)


# --- 04 Colour and depth ------------------------------------------------------


def _clip_weights(w: Tensor) -> Tensor:
    clipped = w.clamp(0, 1)
    return clipped / clipped.sum(-1, keepdim=True)


_WEIGHTS = _t([0.2, 0.3, 0.5], [1.4, -0.3, -0.1], [0.8, 0.6, -0.4], [3.0, 0.9, -2.9])
clip_weights = Exercise(
    "clip_weights",
    _clip_weights,
    slopes=(0,),
    cases=[(_WEIGHTS,), (_WEIGHTS.flip(-1),), (_WEIGHTS.reshape(2, 2, 3),)],
    mistakes={
        "They no longer sum to 1 after clipping: divide by their sum.": lambda v: v.clamp(0, 1),
        (
            "Outside the triangle the weights leave [0, 1], and the colour with them. Clip first."
        ): lambda v: v,
        "Clip at 1 too, not only at 0.": lambda v: (
            v.clamp_min(0) / v.clamp_min(0).sum(-1, keepdim=True)
        ),
        "Clip at 0 too, not only at 1.": lambda v: (
            v.clamp_max(1) / v.clamp_max(1).sum(-1, keepdim=True)
        ),
        "Each point has a sum of its own: sum over the last axis.": lambda v: (
            v.clamp(0, 1) / v.clamp(0, 1).sum()
        ),
        (
            "The absolute value turns a weight below 0 into one above 0. A corner on the far side "
            "has no part in the colour: 0."
        ): lambda v: v.abs() / v.abs().sum(-1, keepdim=True),
        (
            "A softmax changes the weights inside as well. Inside the triangle they must stay as "
            "they are."
        ): lambda v: v.softmax(-1),
        "A sigmoid changes the weights inside as well. Cut them: clamp(0, 1).": lambda v: (
            v.sigmoid() / v.sigmoid().sum(-1, keepdim=True)
        ),
        "The sum runs over the points. Each point has one: over the last axis.": lambda v: (
            v.clamp(0, 1) / v.clamp(0, 1).sum(0, keepdim=True)
        ),
        "Divide by the sum, not by the length: the weights sum to 1.": lambda v: (
            v.clamp(0, 1) / v.clamp(0, 1).norm(dim=-1, keepdim=True)
        ),
        "Divide by the sum, not by the largest.": lambda v: (
            v.clamp(0, 1) / v.clamp(0, 1).amax(-1, keepdim=True)
        ),
    },
)


def _log_weights(d: Tensor, zn: Tensor, gamma: float, eps: float) -> Tensor:
    return torch.cat([d.log() + zn / gamma, torch.full_like(d[:1], eps / gamma)])


def _depth_weights(d: Tensor, zn: Tensor, gamma: float, eps: float) -> Tensor:
    return torch.softmax(_log_weights(d, zn, gamma, eps), dim=0)


def _naive_depth_weights(d: Tensor, zn: Tensor, gamma: float, eps: float) -> Tensor:
    weights = torch.cat([d * torch.exp(zn / gamma), torch.exp(torch.full_like(d[:1], eps / gamma))])
    return weights / weights.sum(0)


def _faces_only(d: Tensor, zn: Tensor, gamma: float, eps: float) -> Tensor:
    log_weight = _log_weights(d, zn, gamma, eps)
    weights = torch.exp(log_weight - log_weight[:-1].amax(0))
    return weights / weights.sum(0)


_D, _ZN = _t(0.9, 0.5, 0.99), _t(0.95, 0.97, 0.2)
depth_weights = Exercise(
    "depth_weights",
    _depth_weights,
    slopes=(0, 1),
    cases=[
        (_D, _ZN, 1.0, 1e-3),
        (_D, _ZN, 1e-1, 1e-3),
        (_t(0.3), _t(0.01), 1e-2, 1e-2),
        (0.1 + 0.8 * _maps(3, 4, 6), _maps(3, 4, 7), 1e-1, 1e-3),  # one column a pixel
        (_D, _ZN, 1e-4, 1e-3),
        (_D, _ZN, 1e-7, 1e-3),
        # On the far plane the background has the largest exponent of all.
        (_t(0.3, 0.2), _t(0.0, 0.0), 1e-7, 1e-2),
    ],
    mistakes={
        (
            "exp overflows when gamma is small, and infinity over infinity is not a number. Take "
            "the largest exponent off all of them first."
        ): _naive_depth_weights,
        (
            "The largest exponent may be the background's: where all faces are far, take the "
            "maximum over it too."
        ): _faces_only,
        "The background is missing. It competes with weight exp(eps / gamma).": lambda d, z, g, e: (
            torch.softmax(d.log() + z / g, dim=0)
        ),
        "The background comes last, after the faces.": lambda d, z, g, e: _depth_weights(
            d, z, g, e
        ).roll(1, 0),
        (
            "The probability D must multiply the weight: a triangle that hardly covers the pixel "
            "should hardly colour it."
        ): lambda d, z, g, e: torch.softmax(_log_weights(torch.ones_like(d), z, g, e), dim=0),
        "D stands before the exponential, so it enters the exponent as log D.": lambda d, z, g, e: (
            torch.softmax(_log_weights(d.exp(), z, g, e), dim=0)
        ),
        (
            "The sign of the depth is turned round: zn is large near the eye, and near faces "
            "weigh more."
        ): lambda d, z, g, e: _depth_weights(d, -z, g, e),
        (
            "The background weighs exp(eps / gamma), once; the official CUDA code has this very "
            "slip, exp(2 eps / gamma)."
        ): lambda d, z, g, e: _depth_weights(d, z, g, 2 * e),
        "The background weighs exp(eps / gamma): eps is divided by gamma too.": lambda d, z, g, e: (
            _depth_weights(d, z, g, e * g)
        ),
        "gamma divides the depth: the smaller it is, the harder the choice.": lambda d, z, g, e: (
            _depth_weights(d, z * g * g, g, e)
        ),
        "The background's exponent is eps / gamma, not log(eps) / gamma.": lambda d, z, g, e: (
            torch.cat([d.log() + z / g, torch.full_like(d[:1], math.log(e) / g)]).softmax(0)
        ),
        "The background's exponent is eps / gamma, not log(1 / eps) / gamma.": lambda d, z, g, e: (
            torch.cat([d.log() + z / g, torch.full_like(d[:1], -math.log(e) / g)]).softmax(0)
        ),
        "Each pixel has its own peak and its own sum: amax(0) and sum(0).": lambda d, z, g, e: (
            (x := (w := _log_weights(d, z, g, e)).sub(w.max()).exp()) / x.sum()
        ),
        "They do not sum to 1 yet: divide by their sum.": lambda d, z, g, e: (
            (w := _log_weights(d, z, g, e)).sub(w.amax(0)).exp()
        ),
        "That is the logarithm of the weights: softmax, not log_softmax.": lambda d, z, g, e: (
            _log_weights(d, z, g, e).log_softmax(0)
        ),
        "That is D times the exponent. D stands before the exponential: log D + zn / gamma.": (
            lambda d, z, g, e: torch.cat([d * z / g, torch.full_like(d[:1], e / g)]).softmax(0)
        ),
        "Each pixel's weights sum to 1: the softmax runs over axis 0, the faces.": (
            lambda d, z, g, e: torch.softmax(_log_weights(d, z, g, e), dim=-1)
        ),
    },
)
