"""The two dials of a soft rasterizer: the distribution (how an edge fades) and the T-conorm (how faces add up).

The Soft Rasterizer is one member of the family that GenDR (Petersen et al., arXiv 2204.13845) describes: logistic
distribution, squared distance, probabilistic conorm. The formulas of all 18 distributions stand in `distributions.py`, those of all 10 conorms in
`conorms.py`; here are their names, their parameters, and the functions that rasterizers call. Everything stays in logarithms, so that no
sigma, however small, gives 0 * inf.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from numbers import Real
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import logsigmoid

from . import conorms, distributions

DISTRIBUTIONS = (
    "hard", "uniform", "cubic_hermite", "wigner_semicircle", "gaussian", "laplace", "logistic", "hyperbolic_secant", "cauchy", "reciprocal",
    "gumbel_max", "gumbel_min", "exponential", "exponential_rev", "gamma", "gamma_rev", "levy", "levy_rev",
)  # fmt: skip
CONORMS = (
    "hard",
    "max",
    "probabilistic",
    "einstein",
    "hamacher",
    "frank",
    "yager",
    "aczel_alsina",
    "dombi",
    "schweizer_sklar",
)

# ---------------------------------------------------------------- the distribution


def log_probability(
    logit: Tensor, distribution: str = "logistic", shape: float = 1.0, shift: float = 0.0
) -> tuple[Tensor, Tensor]:
    """log D and log(1 - D) for the probability map D = F(logit), both of the shape of `logit`.

    By default F is the sigmoid of SoftRas, section 3.2.
    """
    if distribution == "logistic":
        return logsigmoid(logit), logsigmoid(-logit)
    log_d, slope, log_outside, slope_outside = distributions.FAMILY[distribution].tails(
        logit.detach(), shape, shift
    )
    return _WithSlope.apply(logit, log_d, slope), _WithSlope.apply(
        logit, log_outside, slope_outside
    )


def density(
    logit: Tensor, distribution: str = "logistic", shape: float = 1.0, shift: float = 0.0
) -> Tensor:
    """f = dD / dlogit, of the shape of `logit`: where a pixel must stand for its D to follow a moving edge. For pictures."""
    log_d, slope, _, _ = distributions.FAMILY[distribution].tails(logit.detach(), shape, shift)
    return torch.exp(log_d) * slope


def least_x(distribution: str, shape: float, shift: float, dist_eps: float) -> float:
    """The least logit that counts: D >= dist_eps from there on. For dist_eps = 0, where D begins; minus infinity if it always was there."""
    if distribution == "logistic":
        return -math.log(1 / dist_eps - 1) if dist_eps > 0 else -math.inf
    if dist_eps == 0 or distribution == "hard":
        return distributions.FAMILY[distribution].left_end(shift)
    return _search(distribution, shape, shift, dist_eps)


@lru_cache(maxsize=256)
def _search(distribution: str, shape: float, shift: float, dist_eps: float) -> float:
    """Where log D passes log(dist_eps), between powers of 16 first, then ever closer; D never falls."""
    family = distributions.FAMILY[distribution]
    powers = 16.0 ** torch.arange(-25, 256, dtype=torch.float64)
    x = torch.cat([-powers.flip(0), powers.new_zeros(1), powers])
    for turn in range(8):
        counts = family.tails(x, shape, shift)[0] >= math.log(dist_eps)
        if turn == 0 and counts[0]:  # numbers end before the tail does
            return -math.inf
        first = max(int(counts.int().argmax()), 1)
        x = torch.linspace(x[first - 1].item(), x[first].item(), 201, dtype=torch.float64)
    return x[-1].item()


class _WithSlope(torch.autograd.Function):
    """A function of x of which we know the values and, better than autograd would find it, the slope. There is no second derivative."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor, slope: Tensor) -> Tensor:
        ctx.save_for_backward(slope)
        return value

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        return grad * ctx.saved_tensors[0], None, None


# ---------------------------------------------------------------- the conorm


def lift(
    log_d: Tensor, log_outside: Tensor, conorm: str = "probabilistic", p: float = 1.0
) -> Tensor:
    """What each face gives to the conorm, from its log D and log(1 - D). By default the latter: the product of 1 - D is what SoftRas wants."""
    family, p = conorms.find(conorm, p)
    return family.lift(log_d, log_outside, p)


def nothing(conorm: str = "probabilistic", p: float = 1.0) -> float:
    """The lift of a face that does not count."""
    return conorms.find(conorm, p)[0].nothing


def combine(lifted: Tensor, dim: int, conorm: str = "probabilistic", p: float = 1.0) -> Tensor:
    """Silhouette alpha from the faces' lifts along `dim`. By default 1 - prod_j (1 - D_j), the aggregate function A_O, from log(1 - D_j)."""
    how = kind(conorm, p)
    if how == "sum":
        return back(lifted.sum(dim), None, conorm, p)
    none = torch.full_like(
        lifted.narrow(dim, 0, 0).sum(dim, keepdim=True), -torch.inf
    )  # a face that adds nothing, last, where it wins no tie
    top = torch.cat([lifted, none], dim).max(dim).values  # the first, if several are equal
    if how == "max":
        return back(top, top, conorm, p)
    top = top.detach()
    return back(scaled(lifted, top.unsqueeze(dim)).sum(dim), top, conorm, p)


def kind(conorm: str, p: float) -> str:
    """How the faces' lifts become one number: "sum", "logsumexp" or "max"."""
    return conorms.find(conorm, p)[0].kind


def scaled(lifted: Tensor, top: Tensor) -> Tensor:
    """exp(lift - top), `top` being the pixel's largest lift: from 0 to 1, whatever the lifts. What faces add for a conorm of the kind "logsumexp"."""
    largest = torch.finfo(lifted.dtype).max
    return torch.exp(lifted.clamp_max(largest) - top.clamp(-largest, largest))


def back(total: Tensor, top: Tensor | None, conorm: str, p: float) -> Tensor:
    """Alpha from what the faces add: the sum of the lifts; or `top`, the largest lift, and the sum of all `scaled`; or the largest lift, twice."""
    family, p = conorms.find(conorm, p)
    if top is not None:
        some = top > -torch.inf  # else there is no face, or none with D > 0
        if family.kind == "logsumexp":
            total = top.clamp_max(torch.finfo(top.dtype).max) + torch.log(
                torch.where(some, total, 1.0)
            )
        total = torch.where(some, total, -torch.inf)
    return family.back(total, p)


# ---------------------------------------------------------------- their parameters

# Who has which parameter, and what None stands for.
SHAPE = {"gamma": 2.0, "gamma_rev": 2.0}
SHIFT = dict.fromkeys(
    ("exponential", "exponential_rev", "gamma", "gamma_rev", "levy", "levy_rev"), 0.0
)
P = {
    "hamacher": 0.0,
    "frank": 2.0,
    "yager": 2.0,
    "aczel_alsina": 2.0,
    "dombi": 2.0,
    "schweizer_sklar": -2.0,
}


def check_softness(
    distribution: str,
    squared: bool,
    shape: float | None,
    shift: float | None,
    conorm: str,
    p: float | None,
) -> tuple[float, float, float]:
    """The numbers `shape`, `shift` and `p`, with defaults for None, or a ValueError. Where a choice has no such parameter: 1, 0, 1."""
    for name, choice, choices in (
        ("distribution", distribution, DISTRIBUTIONS),
        ("conorm", conorm, CONORMS),
    ):
        if choice not in choices:
            raise ValueError(f"{name}: got {choice!r}, wanted one of {', '.join(choices)}")
    if not isinstance(squared, bool):
        raise ValueError(f"squared: got {squared!r}, wanted True or False")
    shape = _parameter(
        "shape",
        shape,
        distribution,
        SHAPE,
        1.0,
        "a number from 0.1 to 100",
        lambda a: 0.1 <= a <= 100,
    )
    shift = _parameter(
        "shift",
        shift,
        distribution,
        SHIFT,
        0.0,
        "a number from -1e6 to 1e6",
        lambda s: -1e6 <= s <= 1e6,
    )
    wanted, fits = {
        "hamacher": ("0 or a number from 1e-30 to 1e30", lambda q: q == 0 or 1e-30 <= q <= 1e30),
        "frank": (
            "a number from 1e-30 to 1e30, but not 1",
            lambda q: 1e-30 <= q <= 1e30 and q != 1,
        ),
        "schweizer_sklar": ("a number from -1e30 to -1e-30", lambda q: -1e30 <= q <= -1e-30),
    }.get(conorm, ("a number from 1e-30 to 1e30", lambda q: 1e-30 <= q <= 1e30))
    return shape, shift, _parameter("p", p, conorm, P, 1.0, wanted, fits)


def _parameter(
    name: str,
    value: float | None,
    owner: str,
    defaults: dict[str, float],
    without: float,
    wanted: str,
    fits: Callable[[float], bool],
) -> float:
    """`value`, or its default for None, or `without` if `owner` has no such parameter; a ValueError if it must not be given or does not fit."""
    if owner not in defaults:
        if value is not None:
            raise ValueError(
                f"{name}: got {value!r}, but {owner!r} has no such parameter; leave it None"
            )
        return without
    if value is None:
        return defaults[owner]
    if not isinstance(value, Real) or not fits(float(value)):
        raise ValueError(f"{name}: got {value!r}, wanted {wanted} for {owner!r}")
    return float(value)


from .calibration import rise as rise  # noqa: E402
from .calibration import sigma_for_reach as sigma_for_reach  # noqa: E402
from .calibration import sigma_for_rise as sigma_for_rise  # noqa: E402
