"""The two dials of `softness.py` number by number, for the kernels of `numba_cpu/kernels.py`: distributions, and how faces add up.

Which distribution and which conorm is a number at run time (`Dials`), so that one compiled kernel serves all of them and turning a dial never
compiles. Nothing here is built for SIMD: these are plain functions of one number, with every `if` they need. The logistic and the uniform
distribution and the probabilistic conorm are here for completeness; the kernels have loops for them that take several lanes at once.

Everything is a logarithm, accurate in both tails: `log_d` = log F(x) and `log_outside` = log(1 - F(x)). Their slopes are f / F and -f / (1 - F),
f the density; they are 0 where F is 0 or 1.
"""

from __future__ import annotations

import math

from ...softness import CONORMS, DISTRIBUTIONS
from .pair import Point, Three, scalar

(
    HARD, UNIFORM, CUBIC_HERMITE, WIGNER_SEMICIRCLE, GAUSSIAN, LAPLACE, LOGISTIC, HYPERBOLIC_SECANT, CAUCHY, RECIPROCAL,
    GUMBEL_MAX, GUMBEL_MIN, EXPONENTIAL, EXPONENTIAL_REV, GAMMA, GAMMA_REV, LEVY, LEVY_REV,
) = range(len(DISTRIBUTIONS))  # fmt: skip
ANY, MAX, PROBABILISTIC, EINSTEIN, HAMACHER, FRANK, YAGER, ACZEL_ALSINA, DOMBI, SCHWEIZER_SKLAR = (
    range(len(CONORMS))
)

Four = tuple[float, float, float, float]


@scalar
def log_of_rest(y: float) -> float:
    """log(1 - exp(-y)) for y >= 0, exact to the last digits whether y is small or large."""
    return math.log(-math.expm1(-y)) if y < 0.7 else math.log1p(-math.exp(-y))


# ---------------------------------------------------------------- symmetric distributions, F(-x) = 1 - F(x)
# Each gives its tail beyond t >= 0: F(-t), log F(-t), and f / F there.


@scalar
def semicircle(t: float) -> float:
    """F(-t) of wigner_semicircle: F(x) = 1/2 + x sqrt(1 - x**2) / pi + asin(x) / pi, the area of a slice of a disc."""
    u = 4 * math.asin(
        math.sqrt(0.5 * (1 - t))
    )  # the slice's angle: its area is u - sin(u), over that of the disc, 2 pi
    if u > 1:
        return (u - math.sin(u)) / (2 * math.pi)
    term, area, k = (
        u * u * u / 6,
        0.0,
        3.0,
    )  # near the tip u - sin(u) would cancel: u**3 / 3! - u**5 / 5! + ...
    while abs(term) > 1e-17 * area:
        area += term
        term *= -u * u / ((k + 1) * (k + 2))
        k += 2
    return area / (2 * math.pi)


@scalar
def gaussian(t: float) -> Three:
    """F(-t) = erfc(t / sqrt(2)) / 2. Beyond 30 by the asymptotic series phi(t) / t (1 - 1 / t**2 + 3 / t**4 - 15 / t**6 ...)."""
    if t < 30:
        tail = 0.5 * math.erfc(t * math.sqrt(0.5))
        return tail, math.log(tail), math.exp(-0.5 * t * t) / math.sqrt(2 * math.pi) / tail
    s = 1 / (t * t)
    series = 1 - s * (1 - 3 * s * (1 - 5 * s * (1 - 7 * s * (1 - 9 * s))))
    log_tail = -0.5 * t * t - math.log(t) - 0.5 * math.log(2 * math.pi) + math.log(series)
    return math.exp(log_tail), log_tail, t / series


@scalar
def tail_beyond(distribution: int, t: float) -> Three:
    """F(-t), log F(-t) and f / F at -t, for the distributions that are symmetric about 0."""
    if distribution == GAUSSIAN:
        return gaussian(t)
    if distribution == LAPLACE:  # F = exp(-t) / 2
        return 0.5 * math.exp(-t), -t - math.log(2.0), 1.0
    if distribution == LOGISTIC:  # F = 1 / (1 + exp(t))
        small = math.exp(-t)
        return small / (1 + small), -t - math.log1p(small), 1 / (1 + small)
    if distribution == HYPERBOLIC_SECANT:  # F = 2 atan(exp(-t)) / pi, f = sech(t) / pi
        small = math.exp(-t)
        ratio = math.atan(small) / small if small > 1e-9 else 1.0
        return (
            2 / math.pi * math.atan(small),
            math.log(2 / math.pi) - t + math.log(ratio),
            1 / (ratio * (1 + small * small)),
        )
    # The others' tails do not shrink like exp(-t): a plain logarithm will do.
    if distribution == UNIFORM:  # F = (1 - t) / 2
        tail, rate = 0.5 * (1 - t), 1 / (1 - t)
    elif distribution == CUBIC_HERMITE:  # F = 3 h**2 - 2 h**3, h = (1 - t) / 2
        h = max(0.5 * (1 - t), 0.0)
        tail, rate = h * h * (3 - 2 * h), 3 * (1 - h) / (h * (3 - 2 * h))
    elif distribution == WIGNER_SEMICIRCLE:  # f = 2 sqrt(1 - t**2) / pi
        tail = semicircle(min(t, 1.0))
        rate = 2 / math.pi * math.sqrt((1 - t) * (1 + t)) / tail
    elif distribution == CAUCHY:  # F = atan(1 / t) / pi, f = 1 / (pi (1 + t**2))
        angle = math.atan2(1.0, t)
        tail, rate = angle / math.pi, 1 / (angle * (1 + t * t))
    else:  # reciprocal: F = 1 / (2 (1 + t)), f = 1 / (2 (1 + t)**2)
        tail, rate = 0.5 / (1 + t), 1 / (1 + t)
    if tail > 0:
        return tail, math.log(tail), rate
    return 0.0, -math.inf, 0.0  # beyond a finite support


# ---------------------------------------------------------------- the others: log F, log(1 - F), f / F, f / (1 - F)


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
    """F = P(a, y), the regularised incomplete gamma function, f = y**(a - 1) exp(-y) / Gamma(a), for y > 0.

    Below a + 1, F = y**a exp(-y) / Gamma(a + 1) (1 + y / (a + 1) + y**2 / ((a + 1) (a + 2)) + ...). Above, 1 - F is y**a exp(-y) / Gamma(a)
    times a continued fraction 1 / (y + 1 - a - 1 (1 - a) / (y + 3 - a - 2 (2 - a) / (y + 5 - a - ...))), from its front (Lentz's way).
    """
    log_scale = a * math.log(y) - y - log_gamma  # of y**a exp(-y) / Gamma(a + 1)
    f = a * math.exp(log_scale - math.log(y))
    if y < a + 1:
        term, total, n = 1.0, 1.0, a
        while term > 1e-17 * total:
            n += 1
            term *= y / n
            total += term
        log_d = log_scale + math.log(total)
        inside = min(math.exp(log_d), 1.0)
        return log_d, math.log1p(-inside), a / (y * total), f / (1 - inside)
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
    """F = erfc(1 / sqrt(2 y)) = 2 Phi(-t), t = 1 / sqrt(y), and 1 - F = erf(t / sqrt(2)); f = phi(t) t**3, for y > 0."""
    t = 1 / math.sqrt(y)
    tail, log_tail, rate = gaussian(t)
    outside = math.erf(t * math.sqrt(0.5))
    f = rate * tail * t * t * t
    if t > 0.7:
        return math.log(2.0) + log_tail, math.log1p(-2 * tail), 0.5 * rate * t * t * t, f / outside
    return math.log1p(-outside), math.log(outside), 0.5 * rate * t * t * t, f / outside


@scalar
def softness(x: float, kind: int, shape: float, shift: float, log_gamma: float) -> Four:
    """log D and log(1 - D) for D = F(x), and their derivatives with respect to x."""
    if kind == HARD or abs(x) == math.inf:  # -infinity is how the kernels leave a pair out
        return (0.0, -math.inf, 0.0, 0.0) if x > 0 else (-math.inf, 0.0, 0.0, 0.0)
    if kind <= RECIPROCAL:
        tail, log_tail, rate = tail_beyond(kind, abs(x))
        log_rest, rest_rate = math.log1p(-tail), rate * tail / (1 - tail)
        return (
            (log_rest, log_tail, rest_rate, -rate)
            if x > 0
            else (log_tail, log_rest, rate, -rest_rate)
        )

    reflected = (
        kind == GUMBEL_MIN or kind == EXPONENTIAL_REV or kind == GAMMA_REV or kind == LEVY_REV
    )  # F(x) = 1 - F of the other one at shift - x
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
    if not (
        log_d > -math.inf and rate < math.inf
    ):  # D = 0, or so near to 0 that the slope of its logarithm is no number
        rate = 0.0
    if not (log_outside > -math.inf and outside_rate < math.inf):
        outside_rate = 0.0
    return (
        (log_outside, log_d, outside_rate, -rate)
        if reflected
        else (log_d, log_outside, rate, -outside_rate)
    )


# ---------------------------------------------------------------- conorms
# Each is a number S for the pixel, its `state`: a sum over faces of `lifted` numbers, or the log of a sum of their exp, or the largest of
# them; then alpha is a function of S. hamacher with p = 0 is dombi with p = 1 and comes as that.


def start(kind: int) -> float:
    """S of a pixel without faces."""
    return 0.0 if kind in (ANY, PROBABILISTIC, EINSTEIN, HAMACHER, FRANK) else -math.inf


@scalar
def softplus(x: float) -> float:
    """log(1 + exp(x))."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@scalar
def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x))."""
    small = math.exp(-abs(x))
    return 1 / (1 + small) if x > 0 else small / (1 + small)


@scalar
def lift(log_d: float, log_outside: float, kind: int, p: float) -> float:
    """What one face brings to S."""
    if kind == ANY:
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
        return (
            -math.log1p(less)
            if less > -0.5
            else -math.log(math.expm1(math.exp(log_outside) * math.log(p)) / (p - 1))
        )
    if kind == YAGER:
        return p * log_d
    if kind == ACZEL_ALSINA:
        return p * math.log(-log_outside)
    if kind == DOMBI:
        return p * (log_d - log_outside)
    y = p * log_outside  # schweizer_sklar: log(exp(y) - 1)
    return y + log_of_rest(y)


@scalar
def join(state: float, lifted: float, kind: int) -> float:
    """S with one face more."""
    if PROBABILISTIC <= kind <= FRANK:
        return state + lifted
    largest = max(state, lifted)
    if kind <= MAX or abs(largest) == math.inf:
        return largest
    return largest + math.log1p(math.exp(-abs(state - lifted)))


@scalar
def state_slope(
    log_d: float,
    log_outside: float,
    slope_d: float,
    slope_outside: float,
    state: float,
    kind: int,
    p: float,
) -> float:
    """Derivative of S in the x of one face; for max, if that face is the winner. 0 where D is 0 or 1: there its own slopes are 0 too."""
    if kind == MAX:
        return slope_d
    if kind == PROBABILISTIC:
        return slope_outside
    if kind == ANY or log_d == -math.inf or log_outside == -math.inf or log_outside == 0:
        return 0.0
    if kind == EINSTEIN:
        return -slope_outside / (1 + math.exp(log_d))
    if kind == HAMACHER:
        return sigmoid(math.log(p) + log_d - log_outside) * (slope_d - slope_outside)
    if kind == FRANK:
        y = math.exp(log_outside) * math.log(p)
        return -slope_outside * (y / -math.expm1(-y) if y != 0 else 1.0)
    share = math.exp(
        lift(log_d, log_outside, kind, p) - state
    )  # of this face in the sum of which S is the logarithm
    if kind == YAGER:
        return share * p * slope_d
    if kind == ACZEL_ALSINA:
        return share * p * slope_outside / log_outside
    if kind == DOMBI:
        return share * p * (slope_d - slope_outside)
    return share * p * slope_outside / -math.expm1(-p * log_outside)


@scalar
def alpha_and_slope(state: float, kind: int, p: float) -> Point:
    """alpha, and its derivative in S."""
    if kind == ANY:
        return state, 0.0
    if kind == MAX:
        return math.exp(state), math.exp(state)
    if kind == PROBABILISTIC:
        return 0 - math.expm1(state), -math.exp(state)
    if kind == EINSTEIN:
        return math.tanh(state), 1 / math.cosh(state) ** 2
    if kind == HAMACHER:
        rest = math.exp(-state)
        total = p * rest - math.expm1(-state)
        return -math.expm1(-state) / total, p * rest / (total * total)
    if kind == FRANK:
        rest, less = (p - 1) * math.exp(-state), (p - 1) * math.expm1(-state)
        total = 1 + rest if p > 1 else p + less  # the same, but without cancelling
        alpha = (
            1 - math.log(total) / math.log(p)
            if less < -0.5 * p
            else 0 - math.log1p(less / p) / math.log(p)
        )
        return min(alpha, 1.0), rest / (total * math.log(p))
    s = state / p
    if kind == YAGER:
        return min(math.exp(s), 1.0), math.exp(s) / p if s < 0 else 0.0
    if kind == ACZEL_ALSINA:
        return -math.expm1(-math.exp(s)), math.exp(s - math.exp(s)) / p if s < 700 else 0.0
    if kind == DOMBI:
        return sigmoid(s), sigmoid(s) * sigmoid(-s) / p
    s = softplus(state) / p
    return 0 - math.expm1(s), -math.exp(s) * sigmoid(state) / p
