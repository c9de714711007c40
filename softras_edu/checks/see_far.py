"""The exercises of notebook 05, in float64 and small enough to work out by hand."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .exercise import Answer, Exercise, Mistake


def _t(*values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


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
                "hand: in part II you write a backward pass where there is no autograd.\n"
                f"{self._called(self.cases[0])}"
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
        "d itself is missing: the derivative of d**2 is 2 d.": lambda d, s: (
            -2 / s * (p := torch.sigmoid(-(d**2) / s)) * (1 - p)
        ),
        "The derivative of a sigmoid is D (1 - D), not D (1 + D).": lambda d, s: (
            -2 * d / s * (p := torch.sigmoid(-(d**2) / s)) * (1 + p)
        ),
        "That multiplies by the exponent. Its derivative is wanted: -2 d / sigma.": lambda d, s: (
            -(d**2) / s * (p := torch.sigmoid(-(d**2) / s)) * (1 - p)
        ),
        "That is the slope without the square: D = sigmoid(-d**2 / sigma).": lambda d, s: (
            -1 / s * (p := torch.sigmoid(-d / s)) * (1 - p)
        ),
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
        "The reach is in pixels in yours. In NDC a pixel is 2 / height.": lambda n, h, e: (
            n**2 / math.log(1 / e - 1)
        ),
        "It is 1 / dist_eps - 1, not + 1.": lambda n, h, e: (2 * n / h) ** 2 / math.log(1 / e + 1),
        "The reach is squared, the logarithm is not.": lambda n, h, e: (
            (2 * n / h / math.log(1 / e - 1)) ** 2
        ),
        "The logarithm has no root: sigma is reach**2 over it.": lambda n, h, e: (
            (2 * n / h) ** 2 / math.log(1 / e - 1) ** 0.5
        ),
    },
)
