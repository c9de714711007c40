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
    slopes=(0,),
    cases=[
        # Not at -1 and 1, where the ramp has a kink: what its slope is there, nobody can say.
        (_t(-4.0, -1.1, -0.5, 0.0, 0.25, 0.9, 7.0),),
        (torch.linspace(-2.03, 1.97, 33, dtype=torch.float64),),
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
        ("Right of 1 you say 0. There the noise is always below x, so D is 1."): lambda x: (
            torch.where(x.abs() <= 1, (1 + x) / 2, 0.0)
        ),
        (
            "Left of the edge D must still fall, down to 0 at x = -1: clamp (1 + x) / 2, not x."
        ): lambda x: (1 + x.clamp(0, 1)) / 2,
        (
            "Yours falls with x: that is how often the noise is *above* x. Deep inside, at large "
            "x, D is 1."
        ): lambda x: ((1 - x) / 2).clamp(0, 1),
        "You clamp to [-1, 1], where x lives. D is a probability: [0, 1].": lambda x: (
            (1 + x) / 2
        ).clamp(-1, 1),
        "That is the hard edge, without noise. Between -1 and 1 it is a ramp.": lambda x: (
            x > 0
        ).double(),
        "Above 1 the ramp goes on: clamp it on both sides.": lambda x: ((1 + x) / 2).clamp_min(0),
        ("Below -1 the ramp goes on, below 0: clamp it on both sides, to [0, 1]."): lambda x: (
            (1 + x) / 2
        ).clamp_max(1),
    },
)


# --- a conorm -----------------------------------------------------------------


def _einstein_silhouette(d: Tensor) -> Tensor:
    return torch.tanh(torch.atanh(d).sum(0))


def _all_at_once(d: Tensor) -> Tensor:
    return d.sum(0) / (1 + d.prod(0))


def _fold(
    d: Tensor, *, sign: int = 1, start: int = 0, twice: bool = False, late: bool = False
) -> Tensor:
    """Face by face, with a slip."""
    total = d[0] if twice else torch.full_like(d[0], start)
    for each in d:
        new = total + each
        total = new / (1 + sign * (new if late else total) * each)
    return total


_MAPS = torch.rand(5, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.9
einstein_silhouette = Exercise(
    "einstein_silhouette",
    _einstein_silhouette,
    slopes=(0,),
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
        ): _all_at_once,
        (
            "That is the probabilistic conorm, 1 - prod(1 - D). Einstein's divides a + b by 1 + ab."
        ): lambda d: 1 - (1 - d).prod(0),
        "The way back is missing: after the sum of atanh D, take tanh.": lambda d: torch.atanh(
            d
        ).sum(0),
        "That is the plain sum; it passes 1. Divide by 1 + ab, face by face.": lambda d: d.sum(0),
        "Rapidities add up along the faces, axis 0.": lambda d: torch.tanh(torch.atanh(d).sum(-1)),
        (
            "That is tanh of the plain sum. D is a velocity, not a rapidity: atanh of each first, "
            "then the sum, then tanh."
        ): lambda d: torch.tanh(d.sum(0)),
        "Add the rapidities up; you took their mean.": lambda d: torch.tanh(torch.atanh(d).mean(0)),
        "That is max, which hears one face alone. Einstein's lets all of them help.": lambda d: (
            d.amax(0)
        ),
        (
            "With 1 - ab you add tangents, and get past 1. Einstein's denominator is 1 + ab."
        ): lambda d: _fold(d, sign=-1),
        (
            "Your denominator has the new face twice: it uses the total after the sum. Use the "
            "old total in both places."
        ): lambda d: _fold(d, late=True),
        ("Begin at 0: S(1, b) = 1, so a total that begins at 1 stays there."): lambda d: _fold(
            d, start=1
        ),
        (
            "The first face counts twice: begin at d[0] and go on with d[1:], or begin at zeros."
        ): lambda d: _fold(d, twice=True),
        ("Rapidities add up along the faces, axis 0, not along the rows."): lambda d: torch.tanh(
            torch.atanh(d).sum(1)
        ),
        "D is a velocity: atanh of each, not tanh.": lambda d: torch.tanh(torch.tanh(d).sum(0)),
    },
)


# --- its slope ----------------------------------------------------------------


def _yager_slope(
    d: Tensor,
    p: float,
    *,
    clamp: bool = True,
    up: bool = False,
    power: bool = False,
    root: bool = True,
    more: float = 0.0,
    of: Tensor | None = None,
) -> Tensor:
    """dA / dd_j of A = min(1, (sum of d^p)^(1/p)); the options are slips."""
    total = (d if of is None else of).pow(p).sum()
    a = total.pow(1 / p) if root else total
    slope = (a / d if up else d / a).pow(p - 1 + more) * (p if power else 1)
    return torch.where(total < 1, slope, torch.zeros_like(slope)) if clamp else slope


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
        "That is the outer slope alone. The inner one is there too: D^(p-1).": lambda d, p: (
            _yager_slope(torch.ones_like(d), p, of=d)
        ),
        "The power is p - 1: a slope has one D less than D^p.": lambda d, p: _yager_slope(
            d, p, more=1.0
        ),
        ("Your alpha has no root: it is the sum of D^p to the power 1/p."): lambda d, p: (
            _yager_slope(d, p, root=False)
        ),
        (
            "You cut alpha at 1 and go on with the formula. min(1, ...) is flat there: slope 0."
        ): lambda d, p: (d / d.pow(p).sum().pow(1 / p).clamp(max=1)).pow(p - 1),
        (
            "That is the slope of the probabilistic conorm, (1 - A) / (1 - D). Yager's is another "
            "sum."
        ): lambda d, p: (1 - d).prod() / (1 - d),
        "min and max are mixed up: below 1 there is a slope, from 1 on there is none.": (
            lambda d, p: torch.where(d.pow(p).sum() < 1, 0 * d, _yager_slope(d, p, clamp=False))
        ),
        ("To the power of p - 1, not times p - 1."): lambda d, p: torch.where(
            d.pow(p).sum() < 1, d / d.pow(p).sum().pow(1 / p) * (p - 1), 0 * d
        ),
        ("That is alpha itself, one number. Wanted is how it grows with each D."): lambda d, p: (
            d.pow(p).sum().pow(1 / p).clamp(max=1)
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
        "Upside down: that is 1 / sigma. A longer reach needs a larger sigma.": lambda n, h, x, s: (
            1 / _sigma_from_pixels(n, h, x, s)
        ),
        "Square the length alone: x is a number that d^2 / sigma has come to already.": (
            lambda n, h, x, s: _sigma_from_pixels(n, h, x * x if s else x, s)
        ),
        ("Pixels to NDC is times 2 / H; you went the other way, times H / 2."): lambda n, h, x, s: (
            _sigma_from_pixels(n, 4 / h, x, s)
        ),
        "The other way round: squared=True is d^2 / sigma.": lambda n, h, x, s: _sigma_from_pixels(
            n, h, x, not s
        ),
        (
            "Where is x? With your sigma the place lies at |x| = 1, and D has not fallen far yet."
        ): lambda n, h, x, s: _sigma_from_pixels(n, h, 1.0, s),
        (
            "With squared=True, sigma grows with the square of the length. You took the square "
            "root."
        ): lambda n, h, x, s: (n * 2 / h / x) ** (0.5 if s else 1),
        ("The length is in pixels in yours. In NDC a pixel is 2 / H."): lambda n, h, x, s: (
            _sigma_from_pixels(n, 2, x, s)
        ),
    },
)
