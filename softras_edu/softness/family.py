"""D and A_O for every member of GenDR's family: what `formulas.probability_map` and
`formulas.aggregate_silhouette` are for the Soft Rasterizer.

A T-conorm is computed in three steps (see `conorms.py`): `lift` gives a number for each triangle,
the numbers of a pixel become one (their sum, the log of the sum of their exponentials, or the
largest: `kind`), and `alpha` leads back from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from .conorms import find
from .distributions import FAMILY

# ---------------------------------------------------------------- D


def log_probability(
    logit: Tensor, distribution: str = "logistic", shape: float = 1.0, shift: float = 0.0
) -> tuple[Tensor, Tensor]:
    """log D and log(1 - D) for D = F(logit), both of the shape of `logit`.

    By default F is the sigmoid, as in `formulas.probability_map`.

    Args:
        logit: the signed (squared) distance over sigma, (...).
        distribution: F, one of `DISTRIBUTIONS`. shape, shift: its numbers, if it has them.
    """
    if distribution == "logistic":
        return logsigmoid(logit), logsigmoid(-logit)
    tails = FAMILY[distribution].tails
    log_d, slope_d, log_outside, slope_outside = tails(logit.detach(), shape, shift)
    return (
        _WithSlope.apply(logit, log_d, slope_d, lambda x: tails(x, shape, shift)[1]),
        _WithSlope.apply(logit, log_outside, slope_outside, lambda x: tails(x, shape, shift)[3]),
    )


def density(
    logit: Tensor, distribution: str = "logistic", shape: float = 1.0, shift: float = 0.0
) -> Tensor:
    """f = dD / dlogit, of the shape of `logit`, (...). For pictures.

    Args:
        logit, distribution, shape, shift: as in `log_probability`.
    """
    log_d, slope, _, _ = FAMILY[distribution].tails(logit.detach(), shape, shift)
    return torch.exp(log_d) * slope


class _WithSlope(torch.autograd.Function):
    """A function of x whose value and slope are known, the slope better than autograd finds it."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, value: Tensor, slope: Tensor, slope_at: Callable[[Tensor], Tensor]
    ) -> Tensor:
        ctx.save_for_backward(x, slope)
        ctx.slope_at = slope_at
        return value

    @staticmethod
    def backward(ctx: Any, d_value: Tensor) -> tuple[Tensor, None, None, None]:
        x, slope = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative is wanted: the slope's formula once more
            slope = ctx.slope_at(_WithoutNaN.apply(x))
        return d_value * slope, None, None, None


class _WithoutNaN(torch.autograd.Function):
    """x itself; where autograd finds 0 * inf for its derivative, 0.

    So far out in a tail the slope is constant, and at the ends of a finite support it has a kink.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, d_x: Tensor) -> Tensor:
        return d_x.nan_to_num(nan=0.0)


def least_x(distribution: str, shape: float, shift: float, dist_eps: float) -> float:
    """The least logit that counts: D >= dist_eps from there on.

    For dist_eps = 0: where D begins to be above 0, minus infinity if it is everywhere.

    Args:
        distribution, shape, shift: as in `log_probability`. dist_eps: the least D that counts.
    """
    if distribution == "logistic":
        return -math.log(1 / dist_eps - 1) if dist_eps > 0 else -math.inf
    if dist_eps == 0 or distribution == "hard":
        return FAMILY[distribution].left_end(shift)
    return _search(distribution, shape, shift, dist_eps)


@lru_cache(maxsize=256)
def _search(distribution: str, shape: float, shift: float, dist_eps: float) -> float:
    """Where log D passes log(dist_eps): between powers of 16 first, then by ever finer tables.

    D never falls, so there is one such place.
    """
    powers = 16.0 ** torch.arange(-25, 256, dtype=torch.float64)
    x = torch.cat([-powers.flip(0), powers.new_zeros(1), powers])
    for turn in range(8):
        counts = FAMILY[distribution].tails(x, shape, shift)[0] >= math.log(dist_eps)
        if turn == 0 and counts[0]:  # float64 ends before the tail has fallen to dist_eps
            return -math.inf
        first = max(int(counts.int().argmax()), 1)
        x = torch.linspace(x[first - 1].item(), x[first].item(), 201, dtype=torch.float64)
    return x[-1].item()


# ---------------------------------------------------------------- A_O


def aggregate(
    log_d: Tensor,
    log_outside: Tensor,
    conorm: str = "probabilistic",
    p: float = 1.0,
    *,
    keep: Tensor | None = None,
    dim: int = 1,
) -> Tensor:
    """Silhouette alpha from log D and log(1 - D) of the triangles along `dim`.

    Args:
        log_d, log_outside: (..., F, ...), as `log_probability` gives them.
        conorm: how they add up, one of `CONORMS`. p: its number, if it has one.
        keep: (..., F, ...) booleans, which of them count; None: all.
        dim: the axis of the F triangles, which the result has no more.
    """
    family, found_p = find(conorm, p)
    lifted = family.lift(log_d, log_outside, found_p)
    lifted = lifted if keep is None else lifted.where(keep, family.nothing)
    if family.kind == "sum":
        return alpha(lifted.sum(dim), None, conorm, p)
    # One more face that adds nothing, so that there is a largest one where there is no face. It
    # stands last, where it wins no tie.
    none = torch.full_like(lifted.narrow(dim, 0, 0).sum(dim, keepdim=True), -torch.inf)
    top = torch.cat([lifted, none], dim).max(dim).values  # of equal ones the first
    if family.kind == "max":
        return alpha(top, top, conorm, p)
    top = top.detach()
    return alpha(scaled(lifted, top.unsqueeze(dim)).sum(dim), top, conorm, p)


def lift(log_d: Tensor, log_outside: Tensor, keep: Tensor, conorm: str, p: float) -> Tensor:
    """What each pair gives to the conorm, of the shape of `log_d`."""
    family, p = find(conorm, p)
    return family.lift(log_d, log_outside, p).where(keep, family.nothing)


def kind(conorm: str, p: float) -> str:
    """How the lifts of a pixel become one number: "sum", "logsumexp" or "max"."""
    return find(conorm, p)[0].kind


def scaled(lifted: Tensor, top: Tensor) -> Tensor:
    """exp(lift - top), `top` being the pixel's largest lift: from 0 to 1, whatever the lifts.

    What each pair adds for a conorm of the kind "logsumexp".
    """
    largest = torch.finfo(lifted.dtype).max
    return torch.exp(lifted.clamp_max(largest) - top.clamp(-largest, largest))


def alpha(lift_sum: Tensor, top: Tensor | None, conorm: str, p: float) -> Tensor:
    """Alpha from what the pairs of a pixel add up to.

    Args:
        lift_sum: by kind, the sum of the lifts; of all `scaled`; or the largest lift.
        top: the largest lift, None for the kind "sum".
    """
    family, p = find(conorm, p)
    if top is not None:
        some = top > -torch.inf  # else there is no face, or none with D > 0
        if family.kind == "logsumexp":
            largest = torch.finfo(top.dtype).max
            lift_sum = top.clamp_max(largest) + torch.log(torch.where(some, lift_sum, 1.0))
        lift_sum = torch.where(some, lift_sum, -torch.inf)
    return family.back(lift_sum, p)
