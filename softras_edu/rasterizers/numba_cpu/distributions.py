"""GenDR's 18 distributions number by number, behind `gendr.py`.

They are those of `softness/distributions.py`, for the kernels. Everything is a logarithm, accurate
in both tails: `log_d` = log F(x), `log_outside` = log(1 - F(x)). Their
slopes are f / F and -f / (1 - F), f the density; they are 0 where F is 0 or 1.

Nothing here is built for SIMD: these are functions of one number, with every `if` they need. Which
distribution is a number at run time, so that one compiled kernel serves all of them.
"""

from __future__ import annotations

import math

from ...softness import DISTRIBUTIONS
from .compiling import Four, Three, scalar
from .numbers import log_of_rest

(
    HARD, UNIFORM, CUBIC_HERMITE, WIGNER_SEMICIRCLE, GAUSSIAN, LAPLACE, LOGISTIC, HYPERBOLIC_SECANT,
    CAUCHY, RECIPROCAL, GUMBEL_MAX, GUMBEL_MIN, EXPONENTIAL, EXPONENTIAL_REV, GAMMA, GAMMA_REV,
    LEVY, LEVY_REV,
) = range(len(DISTRIBUTIONS))  # fmt: skip


# ---------------------------------------------------------------- symmetric: F(-x) = 1 - F(x)
# Each gives its tail below -x, for x >= 0: F(-x), log F(-x), and f / F there.


@scalar
def semicircle(x: float) -> float:
    """F(-x) of wigner_semicircle: the area of a slice of the unit disc, over that of the disc, pi.

    The slice's angle is `angle`, its area (angle - sin(angle)) / 2. For a thin slice the difference
    would cancel: there it is the series angle**3 / 3! - angle**5 / 5! + ...
    """
    angle = 4 * math.asin(math.sqrt(0.5 * (1 - x)))
    if angle > 1:
        return (angle - math.sin(angle)) / (2 * math.pi)
    term, area, k = angle * angle * angle / 6, 0.0, 3.0
    while abs(term) > 1e-17 * area:  # until a term no longer changes the sum
        area += term
        term *= -angle * angle / ((k + 1) * (k + 2))
        k += 2
    return area / (2 * math.pi)


@scalar
def gaussian(x: float) -> Three:
    """F(-x) = erfc(x / sqrt(2)) / 2.

    erfc is 0 beyond 38. From 30 on, the asymptotic series
    phi(x) / x (1 - 1 / x**2 + 3 / x**4 - 15 / x**6 + ...), exact there to 1e-15.
    """
    if x < 30:
        tail = 0.5 * math.erfc(x * math.sqrt(0.5))
        return tail, math.log(tail), math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi) / tail
    s = 1 / (x * x)
    series = 1 - s * (1 - 3 * s * (1 - 5 * s * (1 - 7 * s * (1 - 9 * s))))
    log_tail = -0.5 * x * x - math.log(x) - 0.5 * math.log(2 * math.pi) + math.log(series)
    return math.exp(log_tail), log_tail, x / series


@scalar
def tail_beyond(distribution: int, x: float) -> Three:
    """F(-x), log F(-x) and f / F at -x, for the distributions that are symmetric about 0."""
    if distribution == GAUSSIAN:
        return gaussian(x)
    if distribution == LAPLACE:  # F = exp(-x) / 2
        return 0.5 * math.exp(-x), -x - math.log(2.0), 1.0
    if distribution == LOGISTIC:  # F = 1 / (1 + exp(x))
        small = math.exp(-x)
        return small / (1 + small), -x - math.log1p(small), 1 / (1 + small)
    if distribution == HYPERBOLIC_SECANT:  # F = 2 atan(exp(-x)) / pi, f = sech(x) / pi
        small = math.exp(-x)
        ratio = math.atan(small) / small if small > 1e-9 else 1.0
        return (
            2 / math.pi * math.atan(small),
            math.log(2 / math.pi) - x + math.log(ratio),
            1 / (ratio * (1 + small * small)),
        )
    # The others' tails do not shrink like exp(-x): a plain logarithm will do.
    if distribution == UNIFORM:  # F = (1 - x) / 2
        tail, rate = 0.5 * (1 - x), 1 / (1 - x)
    elif distribution == CUBIC_HERMITE:  # F = 3 h**2 - 2 h**3, h = (1 - x) / 2
        h = max(0.5 * (1 - x), 0.0)
        tail, rate = h * h * (3 - 2 * h), 3 * (1 - h) / (h * (3 - 2 * h))
    elif distribution == WIGNER_SEMICIRCLE:  # f = 2 sqrt(1 - x**2) / pi
        tail = semicircle(min(x, 1.0))
        rate = 2 / math.pi * math.sqrt((1 - x) * (1 + x)) / tail
    elif distribution == CAUCHY:  # F = atan(1 / x) / pi, f = 1 / (pi (1 + x**2))
        angle = math.atan2(1.0, x)
        tail, rate = angle / math.pi, 1 / (angle * (1 + x * x))
    else:  # reciprocal: F = 1 / (2 (1 + x)), f = 1 / (2 (1 + x)**2)
        tail, rate = 0.5 / (1 + x), 1 / (1 + x)
    if tail > 0:
        return tail, math.log(tail), rate
    return 0.0, -math.inf, 0.0  # beyond a finite support


# ---------------------------------------------------------------- the others
# Each gives log F, log(1 - F), f / F, f / (1 - F).


@scalar
def gumbel_max(x: float) -> Four:
    """F = exp(-e), e = exp(-x); f = e F."""
    e = math.exp(-x)
    if e < 1e-17:
        return -e, -x, e, 1.0
    return -e, log_of_rest(e), e, e / math.expm1(e) if e < 700 else 0.0


@scalar
def exponential(y: float) -> Four:
    """F = 1 - exp(-y), f = exp(-y), for y > 0."""
    return log_of_rest(y), -y, 1 / math.expm1(y), 1.0


@scalar
def gamma(y: float, a: float, log_gamma: float) -> Four:
    """F = P(a, y), the regularised incomplete gamma function, for y > 0.

    f = y**(a - 1) exp(-y) / Gamma(a). Below a + 1 the series
        F = y**a exp(-y) / Gamma(a + 1) (1 + y / (a + 1) + y**2 / ((a + 1) (a + 2)) + ...),
    above it 1 - F as y**a exp(-y) / Gamma(a) times the continued fraction
        1 / (y + 1 - a - 1 (1 - a) / (y + 3 - a - 2 (2 - a) / (y + 5 - a - ...))),
    evaluated from its front by the modified Lentz method: 1e300 stands for 1 / 0 at its start.
    """
    log_scale = a * math.log(y) - y - log_gamma  # of y**a exp(-y) / Gamma(a + 1)
    f = a * math.exp(log_scale - math.log(y))
    if y < a + 1:
        term, series, n = 1.0, 1.0, a
        while term > 1e-17 * series:
            n += 1
            term *= y / n
            series += term
        log_d = log_scale + math.log(series)
        inside = min(math.exp(log_d), 1.0)
        return log_d, math.log1p(-inside), a / (y * series), f / (1 - inside)
    b = y + 1 - a
    c, d, fraction, change, i = 1e300, 1 / b, 1 / b, 0.0, 0.0
    while abs(change - 1) > 1e-16 and i < 10000:
        i += 1
        b += 2
        d = 1 / (b - i * (i - a) * d)
        c = b - i * (i - a) / c
        change = c * d
        fraction *= change
    log_outside = log_scale + math.log(a * fraction)
    outside = min(math.exp(log_outside), 1.0)
    return math.log1p(-outside), log_outside, f / (1 - outside), 1 / (y * fraction)


@scalar
def levy(y: float) -> Four:
    """F = erfc(1 / sqrt(2 y)) = 2 Phi(-x), x = 1 / sqrt(y), for y > 0.

    1 - F = erf(x / sqrt(2)), f = phi(x) x**3. Each logarithm is taken of the smaller one of F and
    1 - F, which are equal at x = 0.67.
    """
    x = 1 / math.sqrt(y)
    tail, log_tail, rate = gaussian(x)
    outside = math.erf(x * math.sqrt(0.5))
    f = rate * tail * x * x * x
    if x > 0.7:
        return math.log(2.0) + log_tail, math.log1p(-2 * tail), 0.5 * rate * x * x * x, f / outside
    return math.log1p(-outside), math.log(outside), 0.5 * rate * x * x * x, f / outside


@scalar
def tails(x: float, kind: int, shape: float, shift: float, log_gamma: float) -> Four:
    """log D and log(1 - D) for D = F(x), and their derivatives with respect to x."""
    if kind == HARD or abs(x) == math.inf:  # -infinity is how the kernels leave a pair out
        return (0.0, -math.inf, 0.0, 0.0) if x > 0 else (-math.inf, 0.0, 0.0, 0.0)
    if kind <= RECIPROCAL:
        tail, log_tail, rate = tail_beyond(kind, abs(x))
        log_rest, rest_rate = math.log1p(-tail), rate * tail / (1 - tail)
        if x > 0:
            return log_rest, log_tail, rest_rate, -rate
        return log_tail, log_rest, rate, -rest_rate

    # The reflection of another one: F(x) = 1 - F_other(shift - x).
    reflected = kind in (GUMBEL_MIN, EXPONENTIAL_REV, GAMMA_REV, LEVY_REV)
    y = (-x if reflected else x) + shift
    log_d, log_outside, rate, outside_rate = -math.inf, 0.0, 0.0, 0.0
    if kind in (GUMBEL_MAX, GUMBEL_MIN):
        log_d, log_outside, rate, outside_rate = gumbel_max(y)
    elif y <= 0:
        pass  # their supports begin at 0
    elif kind in (EXPONENTIAL, EXPONENTIAL_REV):
        log_d, log_outside, rate, outside_rate = exponential(y)
    elif kind in (GAMMA, GAMMA_REV):
        log_d, log_outside, rate, outside_rate = gamma(y, shape, log_gamma)
    else:
        log_d, log_outside, rate, outside_rate = levy(y)
    # D = 0, or so near to 0 that the slope of its logarithm overflows; and the same for 1 - D.
    if not (log_d > -math.inf and rate < math.inf):
        rate = 0.0
    if not (log_outside > -math.inf and outside_rate < math.inf):
        outside_rate = 0.0
    if reflected:
        return log_outside, log_d, outside_rate, -rate
    return log_d, log_outside, rate, -outside_rate
