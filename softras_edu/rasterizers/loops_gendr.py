"""GenDR's D and "or" for rung 1: one pixel and one triangle, as a textbook has them.

A second opinion on `softness/`, of which nothing is used here: no slopes worked out by hand, no
lifts, no sums. Each formula is the plain one, wherever its numbers are good enough. (Where they are
not: a D below 1e-300 is 0 in float64, and a triangle whose D is 0 adds nothing to alpha.)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from .options import Options


def log_probability(x: Tensor, o: Options) -> Tensor:
    """log D of one number x, the signed distance over sigma. Minus infinity where D is 0."""
    name, shape, shift = o.distribution, o.shape, o.shift
    nothing, all_of_it = 0 * x - math.inf, 0 * x
    if name == "hard":
        return all_of_it if x > 0 else nothing
    if name in ("uniform", "cubic_hermite", "wigner_semicircle"):
        if abs(x) >= 1:
            return all_of_it if x > 0 else nothing
        y = (1 + x) / 2
        angle = 2 * torch.acos(-x)
        inside = {
            "uniform": y,
            "cubic_hermite": y * y * (3 - 2 * y),
            "wigner_semicircle": (angle - torch.sin(angle)) / (2 * math.pi),
        }
        return torch.log(inside[name])
    if name == "gaussian":
        return _log_erfc(-x / math.sqrt(2)) - math.log(2)
    if name == "laplace":
        return x - math.log(2) if x < 0 else torch.log1p(-torch.exp(-x) / 2)
    if name == "logistic":
        return logsigmoid(x)
    if name == "hyperbolic_secant":
        if x < -40:
            return x + math.log(2 / math.pi)
        if x < 0:
            return torch.log(2 / math.pi * torch.atan(torch.exp(x)))
        return torch.log1p(-2 / math.pi * torch.atan(torch.exp(-x)))  # exp(x) would overflow
    if name == "cauchy":
        return torch.log(torch.atan2(torch.ones_like(x), -x) / math.pi)
    if name == "reciprocal":
        return -torch.log(2 * (1 - x)) if x < 0 else torch.log1p(-1 / (2 * (1 + x)))
    if name == "gumbel_max":
        return -torch.exp(-x)
    if name == "gumbel_min":
        if x > 40:  # D is 1, and exp(x) may overflow
            return all_of_it
        return x if x < -40 else torch.log(-torch.expm1(-torch.exp(x)))
    if name == "exponential_rev":
        return x - shift if x < shift else all_of_it
    if name == "gamma_rev":
        return (
            torch.log(torch.special.gammaincc(torch.full_like(x, shape), shift - x))
            if x < shift
            else all_of_it
        )
    if name == "levy_rev":
        return torch.log(torch.erf(torch.sqrt(1 / (2 * (shift - x))))) if x < shift else all_of_it
    # What is left begins at y = 0.
    y = x + shift
    if y <= 0:
        return nothing
    if name == "exponential":
        return torch.log(-torch.expm1(-y))
    if name == "gamma":
        return torch.log(torch.special.gammainc(torch.full_like(y, shape), y))
    return _log_erfc(torch.sqrt(1 / (2 * y)))  # levy


def _log_erfc(t: Tensor) -> Tensor:
    """log erfc(t), where erfc(t) is 2 / sqrt(pi) times the integral of exp(-s^2) from t on.

    For large t that is erfcx(t) exp(-t^2).
    """
    return torch.log(torch.special.erfcx(t)) - t * t if t > 0 else torch.log(torch.erfc(t))


def either(a: Tensor, b: Tensor, o: Options) -> Tensor:
    """S(a, b), the probability that a or b covers the pixel."""
    name, p = o.conorm, o.p
    if name == "hard":
        return 0 * b + (1.0 if a > 0.5 or b > 0.5 else 0.0)
    if a == 0 or b == 0:
        return b if a == 0 else a
    if a == 1 or b == 1:
        return a if a == 1 else b
    if name == "max":
        return b if b > a else a
    if name == "einstein":
        return (a + b) / (1 + a * b)
    if name == "hamacher":  # (a + b + (p - 2) ab) / (1 + (p - 1) ab), written for a and b near 1
        return 1 - (1 - a) * (1 - b) / (1 + (p - 1) * a * b)
    if name == "frank":
        return 1 - torch.log(1 + (p ** (1 - a) - 1) * (p ** (1 - b) - 1) / (p - 1)) / math.log(p)
    if name == "yager":
        return _power_sum(a, b, p).clamp_max(1)
    if name == "aczel_alsina":
        return -torch.expm1(-_power_sum(-torch.log1p(-a), -torch.log1p(-b), p))
    if name == "dombi":  # the odds a / (1 - a) and back
        odds = _power_sum(a / (1 - a), b / (1 - b), p)
        return odds / (1 + odds)
    if name == "schweizer_sklar":
        return 1 - ((1 - a) ** p + (1 - b) ** p - 1) ** (1 / p)
    return 1 - (1 - a) * (1 - b)  # probabilistic, the paper's product


def _power_sum(u: Tensor, v: Tensor, p: float) -> Tensor:
    """(u^p + v^p)^(1/p), with the larger one taken out, so that no power is too small a number."""
    most = torch.maximum(u, v).detach()
    return most * ((u / most) ** p + (v / most) ** p) ** (1 / p)
