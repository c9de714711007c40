"""The exercises of notebooks 03 to 05, in float64 and small enough to work out by hand."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .exercise import Answer, Exercise, Mistake


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
        "That is one loss a pixel. Sum over the picture above and below the line.": lambda a, t: (
            1 - (a * t) / (a + t - a * t).clamp_min(1e-12)
        ),
    },
)


# --- 04 Colour and depth ------------------------------------------------------


def _clip_weights(w: Tensor) -> Tensor:
    clipped = w.clamp(0, 1)
    return clipped / clipped.sum(-1, keepdim=True)


_WEIGHTS = _t([0.2, 0.3, 0.5], [1.4, -0.3, -0.1], [0.8, 0.6, -0.4], [3.0, 1.0, -3.0])
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
        "Each pixel's weights sum to 1: the softmax runs over axis 0, the faces.": (
            lambda d, z, g, e: torch.softmax(_log_weights(d, z, g, e), dim=-1)
        ),
    },
)


# --- 05 Far-range and hidden gradients ----------------------------------------


def _probability_slope(d: Tensor, sigma: float) -> Tensor:
    probability = torch.sigmoid(-(d**2) / sigma)
    return -2 * d / sigma * probability * (1 - probability)


class ByHand(Exercise):
    """An exercise whose answer must not call autograd: calls are counted while it is examined."""

    def examine(self, yours: Answer, *, shown: bool = False) -> None:
        calls = []
        grad, backward = torch.autograd.grad, torch.autograd.backward

        def spy(function: Answer) -> Answer:
            def called(*arguments: Any, **named: Any) -> Any:
                calls.append(function)
                return function(*arguments, **named)

            return called

        torch.autograd.grad, torch.autograd.backward = spy(grad), spy(backward)
        try:
            super().examine(yours, shown=shown)
        finally:
            torch.autograd.grad, torch.autograd.backward = grad, backward
        if calls:
            raise Mistake(
                f"{self.name}: the numbers are right, and autograd made them. Derive the slope by "
                "hand: in part II you write a backward pass where there is no autograd."
            )


_AWAY = _t(0.0, 0.02, 0.1, 0.3)
probability_slope = ByHand(
    "probability_slope",
    _probability_slope,
    cases=[(_AWAY, 1e-2), (_AWAY, 1e-1), (_AWAY, 1e-3)],
    tolerance=1e-6,
    mistakes={
        (
            "The sign is turned round: the further away, the smaller D, so the slope is negative."
        ): lambda d, s: -_probability_slope(d, s),
        (
            "The chain rule has one factor more: the derivative of -d**2 / sigma is -2 d / sigma."
        ): lambda d, s: torch.sigmoid(-(d**2) / s) * torch.sigmoid(d**2 / s),
        "d**2 has derivative 2 d: the 2 is missing.": lambda d, s: _probability_slope(d, s) / 2,
        "The derivative of a sigmoid is D (1 - D), not D.": lambda d, s: (
            -2 * d / s * torch.sigmoid(-(d**2) / s)
        ),
        "The derivative of a sigmoid is D (1 - D), not 1 - D.": lambda d, s: (
            -2 * d / s * torch.sigmoid(d**2 / s)
        ),
        "The derivative of -d**2 / sigma is -2 d / sigma: sigma divides once.": lambda d, s: (
            _probability_slope(d, s) / s
        ),
        "-2 d / sigma: yours lacks the 1 / sigma.": lambda d, s: _probability_slope(d, s) * s,
        "That is the map D itself; wanted is how fast it falls.": lambda d, s: torch.sigmoid(
            -(d**2) / s
        ),
    },
)


def _sigma_for_reach(pixels: float, height: int, dist_eps: float) -> float:
    return (2 * pixels / height) ** 2 / math.log(1 / dist_eps - 1)


sigma_for_reach = Exercise(
    "sigma_for_reach",
    _sigma_for_reach,
    cases=[(1.0, 64, 1e-4), (10.0, 64, 1e-4), (10.0, 256, 1e-4), (3.5, 48, 1e-2)],
    tolerance=1e-9,
    mistakes={
        "The image's height is 2 in NDC, so a pixel is 2 / height wide.": lambda n, h, e: (
            (n / h) ** 2 / math.log(1 / e - 1)
        ),
        "At the reach D = 1 / (1 + exp(reach**2 / sigma)): log(1 / dist_eps - 1), with - 1.": (
            lambda n, h, e: (2 * n / h) ** 2 / math.log(1 / e)
        ),
        "math.log is wanted, not the logarithm to the base 10.": lambda n, h, e: (
            (2 * n / h) ** 2 / math.log10(1 / e - 1)
        ),
        "Sigma would be negative: log(dist_eps) is. Look at D = dist_eps again.": lambda n, h, e: (
            (2 * n / h) ** 2 / math.log(e)
        ),
        "Sigma is a squared length: the reach enters squared.": lambda n, h, e: (
            2 * n / h / math.log(1 / e - 1)
        ),
        (
            "At the reach D is dist_eps, so reach**2 / sigma = log(1 / dist_eps - 1): divide by "
            "that."
        ): lambda n, h, e: (2 * n / h) ** 2 * math.log(1 / e - 1),
        (
            "Without the logarithm sigma is reach squared, where D is still sigmoid(-1) = 0.27."
        ): lambda n, h, e: (2 * n / h) ** 2,
    },
)
