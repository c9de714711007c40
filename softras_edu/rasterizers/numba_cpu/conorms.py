"""GenDR's 10 T-conorms number by number: `softness/conorms.py` for the kernels, behind `gendr.py`.

Each makes of a pixel's faces one number, `lift_sum`: the sum of what the faces give (`lift`), or
the logarithm of the sum of their exponentials, or the largest of them. Alpha is a function of it.
hamacher with p = 0 is dombi with p = 1, and comes as that.
"""

from __future__ import annotations

import math
import sys

from ...softness import CONORMS
from .compiling import Point, scalar
from .numbers import log_of_rest, sigmoid, softplus
from .pair import alpha_from_log_product, alpha_from_log_product_slope

HARD, MAX, PROBABILISTIC, EINSTEIN, HAMACHER, FRANK, YAGER, ACZEL_ALSINA, DOMBI, SCHWEIZER_SKLAR = (
    range(len(CONORMS))
)


LARGEST = sys.float_info.max
STEEPEST = LARGEST * 1e-8  # as in softness/distributions.py: it may still be divided by sigma


def no_faces(kind: int) -> float:
    """lift_sum of a pixel without faces."""
    return 0.0 if kind in (HARD, PROBABILISTIC, EINSTEIN, HAMACHER, FRANK) else -math.inf


@scalar
def lift(log_d: float, log_outside: float, kind: int, p: float) -> float:
    """What one face gives to lift_sum."""
    if kind == HARD:
        return 1.0 if log_d > log_outside else 0.0  # D > 1/2
    if kind == MAX:
        return log_d
    if kind == PROBABILISTIC:
        return log_outside
    if kind == EINSTEIN:  # atanh D
        return 0.5 * (math.log1p(math.exp(log_d)) - log_outside)
    if kind == HAMACHER:
        return softplus(math.log(p) + log_d - log_outside)
    if kind == FRANK:  # -log((p**(1 - D) - 1) / (p - 1))
        less = p / (p - 1) * math.expm1(-math.exp(log_d) * math.log(p))
        if less > -0.5:  # D is small; the other form cancels there
            return -math.log1p(less)
        return -math.log(math.expm1(math.exp(log_outside) * math.log(p)) / (p - 1))
    if kind == YAGER:
        return p * log_d
    if kind == ACZEL_ALSINA:
        return p * math.log(-log_outside)
    if kind == DOMBI:
        return p * (log_d - log_outside)
    y = p * log_outside  # schweizer_sklar: log(exp(y) - 1)
    return y + log_of_rest(y)


@scalar
def join(lift_sum: float, lifted: float, kind: int) -> float:
    """lift_sum with one face more."""
    if PROBABILISTIC <= kind <= FRANK:
        return lift_sum + lifted
    largest = max(lift_sum, lifted)
    if kind <= MAX or abs(largest) == math.inf:
        return largest
    return largest + math.log1p(math.exp(-abs(lift_sum - lifted)))


@scalar
def lift_sum_slope(
    log_d: float,
    log_outside: float,
    slope_d: float,
    slope_outside: float,
    lift_sum: float,
    kind: int,
    p: float,
) -> float:
    """Derivative of lift_sum with respect to the x of one face, D = F(x); for max, of the winner.

    0 where D is 0 or 1: its own slopes are 0 there too.
    """
    if kind == MAX:
        return slope_d
    if kind == PROBABILISTIC:
        return slope_outside
    if kind == HARD or log_d == -math.inf or log_outside == -math.inf or log_outside == 0:
        return 0.0
    if kind == EINSTEIN:
        return -slope_outside / (1 + math.exp(log_d))
    if kind == HAMACHER:
        return sigmoid(math.log(p) + log_d - log_outside) * (slope_d - slope_outside)
    if kind == FRANK:
        y = math.exp(log_outside) * math.log(p)
        return -slope_outside * (y / -math.expm1(-y) if y != 0 else 1.0)
    # The others' lift_sum is log(sum of exp(lift)); `share` is this face's part of that sum.
    lifted = lift(log_d, log_outside, kind, p)
    share = math.exp(min(lifted, LARGEST) - min(lift_sum, LARGEST))  # infinity less itself is NaN
    if kind == YAGER:
        slope = share * p * slope_d
    elif kind == ACZEL_ALSINA:
        slope = share * p * slope_outside / log_outside
    elif kind == DOMBI:
        slope = share * p * (slope_d - slope_outside)
    else:
        slope = share * p * slope_outside / -math.expm1(-p * log_outside)
    # Finite, because alpha's slope is 0 where this one overflows, and 0 * infinity is NaN.
    return min(max(slope, -STEEPEST), STEEPEST)


@scalar
def alpha_and_slope(lift_sum: float, kind: int, p: float) -> Point:
    """alpha, and its derivative with respect to lift_sum."""
    if kind == HARD:
        return lift_sum, 0.0
    if kind == MAX:
        return math.exp(lift_sum), math.exp(lift_sum)
    if kind == PROBABILISTIC:
        return alpha_from_log_product(lift_sum), alpha_from_log_product_slope(lift_sum)
    if kind == EINSTEIN:
        return math.tanh(lift_sum), 1 / math.cosh(lift_sum) ** 2
    if kind == HAMACHER:
        rest = math.exp(-lift_sum)
        divisor = p * rest - math.expm1(-lift_sum)
        return -math.expm1(-lift_sum) / divisor, p * rest / (divisor * divisor)
    if kind == FRANK:
        rest, less = (p - 1) * math.exp(-lift_sum), (p - 1) * math.expm1(-lift_sum)
        inside = 1 + rest if p > 1 else p + less  # the same, but without cancelling
        if less < -0.5 * p:
            alpha = 1 - math.log(inside) / math.log(p)
        else:
            alpha = 0 - math.log1p(less / p) / math.log(p)
        return min(alpha, 1.0), rest / (inside * math.log(p))
    s = lift_sum / p
    if kind == YAGER:
        return min(math.exp(s), 1.0), math.exp(s) / p if s < 0 else 0.0
    if kind == ACZEL_ALSINA:
        return -math.expm1(-math.exp(s)), math.exp(s - math.exp(s)) / p if s < 700 else 0.0
    if kind == DOMBI:
        return sigmoid(s), sigmoid(s) * sigmoid(-s) / p
    s = softplus(lift_sum) / p
    return 0 - math.expm1(s), -math.exp(s) * sigmoid(lift_sum) / p
