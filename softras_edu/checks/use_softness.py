"""The exercises of notebook 16: a distribution, a conorm, its slope, and sigma from pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from .exercise import Exercise


def _t(*values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# --- a distribution -----------------------------------------------------------


def _uniform_probability(x: Tensor) -> Tensor:
    return ((1 + x) / 2).clamp(0, 1)


uniform_probability = Exercise(
    "uniform_probability",
    _uniform_probability,
    cases=[
        (_t(-3.0, -1.0, -0.5, 0.0, 0.25, 1.0, 7.0),),
        (torch.linspace(-2, 2, 33, dtype=torch.float64),),
    ],
    mistakes={
        (
            "Outside [-1, 1] the ramp goes on, below 0 and above 1: clamp it, it is a probability."
        ): lambda x: (1 + x) / 2,
        (
            "Your ramp begins at the edge, so D is 0 there. The noise moves the edge both ways: "
            "at x = 0, D is one half."
        ): lambda x: x.clamp(0, 1),
        (
            "That is the density, the height of the uniform distribution. D is the area under "
            "it, up to x."
        ): lambda x: torch.where(x.abs() <= 1, 0.5, 0.0),
        "The ramp goes from -1 to 1, which is two units long: its slope is one half.": lambda x: (
            0.5 + x
        ).clamp(0, 1),
        (
            "That is the sigmoid of SoftRas. The uniform distribution's function is a straight "
            "line."
        ): torch.sigmoid,
    },
)


# --- a conorm -----------------------------------------------------------------


def _einstein_silhouette(d: Tensor) -> Tensor:
    return torch.tanh(torch.atanh(d).sum(0))


def _fold_wrong(d: Tensor) -> Tensor:
    return d.sum(0) / (1 + d.prod(0))


_MAPS = torch.rand(5, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.9
einstein_silhouette = Exercise(
    "einstein_silhouette",
    _einstein_silhouette,
    cases=[
        (_MAPS[:2],),
        (_MAPS[2:],),
        (_MAPS,),
        (torch.full((3, 2, 2), 0.5, dtype=torch.float64),),
    ],
    mistakes={
        (
            "For two faces that is right. For three it is not: S(S(a, b), c) has more products. "
            "Fold face by face, or add up atanh D."
        ): _fold_wrong,
        (
            "That is the probabilistic conorm, 1 - prod(1 - D). Einstein's divides a + b by 1 + ab."
        ): lambda d: 1 - (1 - d).prod(0),
        "The way back is missing: after the sum of atanh D, take tanh.": lambda d: torch.atanh(
            d
        ).sum(0),
        "That is the plain sum; it passes 1. Divide by 1 + ab, face by face.": lambda d: d.sum(0),
        "Rapidities add up along the faces, axis 0.": lambda d: torch.tanh(torch.atanh(d).sum(-1)),
    },
)


# --- its slope ----------------------------------------------------------------


def _yager_slope(
    d: Tensor, p: float, *, clamp: bool = True, up: bool = False, power: bool = False
) -> Tensor:
    """dA / dd_j of A = min(1, (sum of d^p)^(1/p))."""
    a = d.pow(p).sum().pow(1 / p)
    slope = (a / d if up else d / a).pow(p - 1) * (p if power else 1)
    return torch.where(a < 1, slope, torch.zeros_like(slope)) if clamp else slope


yager_slope = Exercise(
    "yager_slope",
    _yager_slope,
    cases=[
        (_t(0.3, 0.4), 2.0),
        (_t(0.8, 0.9), 2.0),
        (_t(0.1, 0.2, 0.3), 3.0),
        (_t(0.05, 0.4), 1.5),
        (_t(0.7, 0.2, 0.9), 4.0),
    ],
    mistakes={
        (
            "Once the sum has passed 1, alpha is 1 and stays 1: no face has a slope then."
        ): lambda d, p: _yager_slope(d, p, clamp=False),
        (
            "Upside down: a face with a small D has a small say. The ratio is D over alpha."
        ): lambda d, p: _yager_slope(d, p, up=True),
        "The p in front of D^(p-1) and the 1/p of the outer power cancel.": lambda d, p: (
            _yager_slope(d, p, power=True)
        ),
        "That is D^(p-1) alone. The outer power has a slope as well: alpha^(1-p).": lambda d, p: (
            torch.where(d.pow(p).sum() < 1, d.pow(p - 1), 0 * d)
        ),
    },
)


# --- pixels to sigma ----------------------------------------------------------


def _sigma_from_pixels(pixels: float, height: int, x: float, squared: bool) -> float:
    length = pixels * 2 / height
    return length**2 / x if squared else length / x


sigma_from_pixels = Exercise(
    "sigma_from_pixels",
    _sigma_from_pixels,
    cases=[
        (3.0, 64, 9.21, True),
        (3.0, 64, 9.21, False),
        (1.0, 256, 1.0, False),
        (8.0, 128, 3183.0, True),
        (8.0, 128, 3183.0, False),
    ],
    tolerance=1e-9,
    mistakes={
        "A pixel is 2 / H of NDC: the height of the picture is 2, not 1.": lambda n, h, x, s: (
            _sigma_from_pixels(n / 2, h, x, s)
        ),
        "With the squared distance, x = d^2 / sigma: square the length first.": lambda n, h, x, s: (
            n * 2 / h / x
        ),
        "Only with squared=True is the length squared.": lambda n, h, x, s: (n * 2 / h) ** 2 / x,
        "Solve x = d / sigma for sigma: divide by x.": lambda n, h, x, s: _sigma_from_pixels(
            n, h, 1 / x, s
        ),
    },
)
