"""GenDR's distributions (`softness/distributions.py`), as functions that Triton compiles into the
kernels. The Soft Rasterizer's own, the logistic one, stands in `pair.py`: `probability_map`.

Which distribution, and whether it is seen in a mirror, are compile-time constants: a kernel holds
the code of one choice. shape, shift and two numbers that the host computes once a call
(`gendr_host.py`) are run-time numbers. x is +-d2 / sigma, or +-d / sigma: the argument of F.
"""
# mypy: ignore-errors
# ruff: noqa: N803

import triton
import triton.language as tl

from .numbers import (
    FINITE,
    LOG_2,
    MOST_EXPONENT,
    atan_over,
    divide,
    exp,
    expm1_over,
    log1m_exp,
    log1p,
    log1p_any,
    mills,
    negative,
    reciprocal,
)

HALF_PI = tl.constexpr(1.5707963267948966)
LOG_PI = tl.constexpr(1.1447298858494002)
LOG_HALF_PI = tl.constexpr(0.45158270528945487)  # log(pi / 2)
LOG_SQRT_HALF_PI = tl.constexpr(0.22579135264472744)  # log(sqrt(pi / 2))
LOG_SQRT_TWO_PI = tl.constexpr(0.9189385332046728)  # log(sqrt(2 pi))
TWELVE_PI = tl.constexpr(37.69911184307752)
MEDIAN_U = tl.constexpr(0.6744897501960817)  # 2 Phi(-u) = 1/2
SMALLEST_X = tl.constexpr(1e-20)  # levy needs x**-1.5, here 1e30: a float32 number

# ---------------------------------------------------------------- log F, log(1 - F), their slopes


@triton.jit
def tails(x, shape, log_gamma, terms, shift, DISTRIBUTION: tl.constexpr, REVERSED: tl.constexpr):
    """log D and log(1 - D), D = F(x), and their slopes with respect to x, which are 0 where f is 0.

    The compiler leaves out what nobody asks for.
    """
    if DISTRIBUTION == "hard":
        minus_infinity = tl.full(x.shape, -float("inf"), x.dtype)
        log_d = tl.where(x > 0.0, 0.0, minus_infinity)
        log_outside = tl.where(x > 0.0, minus_infinity, 0.0)
        slope_d, slope_outside = tl.zeros_like(x), tl.zeros_like(x)
    elif (
        DISTRIBUTION == "gumbel_max"
        or DISTRIBUTION == "exponential"
        or DISTRIBUTION == "gamma"
        or DISTRIBUTION == "levy"
    ):
        if REVERSED:  # F_rev(x) = 1 - F(-x): the two change places
            log_outside, log_d, over_rest, over_f = one_sided(
                shift - x, shape, log_gamma, terms, DISTRIBUTION
            )
        else:
            log_d, log_outside, over_f, over_rest = one_sided(
                x + shift, shape, log_gamma, terms, DISTRIBUTION
            )
        slope_d, slope_outside = over_f, negative(over_rest)
    else:  # symmetric: F(-a) = 1 - F(a), a >= 0, says it all
        log_smaller, over_smaller = tail_beyond(tl.minimum(tl.abs(x), FINITE), DISTRIBUTION)
        log_larger = log1p(negative(exp(log_smaller)))
        over_larger = over_smaller * exp(log_smaller - log_larger)
        log_d = tl.where(x > 0.0, log_larger, log_smaller)
        log_outside = tl.where(x > 0.0, log_smaller, log_larger)
        slope_d = tl.where(x > 0.0, over_larger, over_smaller)
        slope_outside = negative(tl.where(x > 0.0, over_smaller, over_larger))
    return log_d, log_outside, slope_d, slope_outside


# ---------------------------------------------------------------- symmetric


@triton.jit
def tail_beyond(a, DISTRIBUTION: tl.constexpr):
    """log F(-a) and its slope f(a) / F(-a), of a symmetric distribution, a >= 0."""
    if DISTRIBUTION == "uniform":  # F(-a) = (1 - a) / 2
        y = tl.maximum(1.0 - a, 0.0)
        log_tail, slope = tl.log(y * 0.5), tl.where(y > 0.0, reciprocal(y), 0.0)
    elif DISTRIBUTION == "cubic_hermite":  # F(-a) = y**2 (3 - 2 y), y = (1 - a) / 2
        y = tl.maximum(1.0 - a, 0.0) * 0.5
        log_tail = tl.log(y * y * (3.0 - 2.0 * y))
        slope = tl.where(y > 0.0, divide(3.0 - 3.0 * y, y * (3.0 - 2.0 * y)), 0.0)
    elif (
        DISTRIBUTION == "wigner_semicircle"
    ):  # F(-a) = (t - sin t) / (2 pi), f = 2 sqrt(1 - a**2) / pi
        area12, half_chord = disc_beyond_chord(a)
        log_tail = tl.log(area12 * (1.0 / TWELVE_PI))
        slope = tl.where(a < 1.0, divide(24.0 * half_chord, area12), 0.0)  # 24 = 12 pi * 2 / pi
    elif (
        DISTRIBUTION == "gaussian"
    ):  # F(-a) = mills(a) phi(a), phi(a) = exp(-a**2 / 2) / sqrt(2 pi)
        ratio = mills(a)
        log_tail, slope = tl.log(ratio) - a * a * 0.5 - LOG_SQRT_TWO_PI, reciprocal(ratio)
    elif DISTRIBUTION == "laplace":  # F(-a) = exp(-a) / 2
        log_tail, slope = negative(a) - LOG_2, tl.full(a.shape, 1.0, a.dtype)
    elif DISTRIBUTION == "hyperbolic_secant":  # F(-a) = 2 / pi atan(q), q = exp(-a)
        q = exp(negative(a))
        ratio = atan_over(q)
        log_tail, slope = tl.log(ratio) - a - LOG_HALF_PI, reciprocal((1.0 + q * q) * ratio)
    elif DISTRIBUTION == "cauchy":  # F(-a) = atan(1 / a) / pi
        # Up to a = 1, pi / 2 - atan(a) loses no digits; beyond it, atan(1 / a) loses none.
        far = a > 1.0
        q = tl.where(far, reciprocal(a), a)
        angle = q * atan_over(q)
        angle = tl.where(far, angle, HALF_PI - angle)
        log_tail = tl.log(angle) - LOG_PI
        slope = divide(tl.where(far, q * q, 1.0), (1.0 + q * q) * angle)
    else:  # reciprocal: F(-a) = 1 / (2 (1 + a))
        log_tail, slope = negative(tl.log(2.0 + 2.0 * a)), reciprocal(1.0 + a)
    return log_tail, slope


@triton.jit
def disc_beyond_chord(a):
    """Of the unit disc and a chord at distance a in [0, 1] from its centre: 12 times the area
    beyond the chord, and half the chord's length. (The disc's area times 12 is 12 pi.)

    The area is (t - sin t) / 2, t the angle of the arc, and t - sin t by its series
    t**3 / 6 (1 - t**2 / 20 (1 - t**2 / 42 (...))), so that a thin sliver keeps all its digits.
    """
    terms: tl.constexpr = 13 if a.dtype == tl.float64 else 8
    y = tl.maximum(1.0 - a, 0.0)
    q = tl.sqrt(divide(y, 1.0 + a))  # tan(t / 4)
    t = 4.0 * q * atan_over(q)
    t2 = t * t
    series = tl.full(a.shape, 1.0, a.dtype)
    for n in tl.static_range(terms, 0, -1):
        series = 1.0 - t2 * series * (1.0 / ((2 * n + 2) * (2 * n + 3)))
    return t2 * t * series, tl.sqrt(y * (1.0 + a))


# ---------------------------------------------------------------- not symmetric


@triton.jit
def one_sided(x, shape, log_gamma, terms, DISTRIBUTION: tl.constexpr):
    """log F, log(1 - F), f / F and f / (1 - F) of gumbel_max, or of a distribution that begins at
    x = 0."""
    begun = x > 0.0
    if DISTRIBUTION == "gumbel_max":
        log_f, log_rest, over_f, over_rest = gumbel(x, begun)
    else:
        x = tl.where(begun, tl.minimum(tl.maximum(x, SMALLEST_X), FINITE), 1.0)
        if DISTRIBUTION == "exponential":  # F = 1 - exp(-x)
            log_f, log_rest = log1m_exp(x), negative(x)
            over_f, over_rest = reciprocal(x * expm1_over(x)), tl.full(x.shape, 1.0, x.dtype)
        elif DISTRIBUTION == "gamma":
            log_f, log_rest, over_f, over_rest = gamma(x, shape, log_gamma, terms)
        else:
            log_f, log_rest, over_f, over_rest = levy(x)
        log_f, log_rest = tl.where(begun, log_f, -float("inf")), tl.where(begun, log_rest, 0.0)
        over_f, over_rest = tl.where(begun, over_f, 0.0), tl.where(begun, over_rest, 0.0)
    return log_f, log_rest, over_f, over_rest


@triton.jit
def gumbel(x, positive):
    """F = exp(-q), q = exp(-x). For small q, 1 - F = q (1 - exp(-q)) / q."""
    q = exp(negative(tl.maximum(x, -MOST_EXPONENT)))
    log_f = negative(q)
    log_rest = tl.where(
        positive,
        tl.log(expm1_over(log_f)) - x,
        log1p(negative(exp(tl.where(positive, -1.0, log_f)))),
    )
    return log_f, log_rest, q, reciprocal(expm1_over(q))


@triton.jit
def gamma(x, shape, log_gamma, terms):
    """F = P(shape, x) by its series for small x, 1 - F = Q(shape, x) by its continued fraction
    for large x; x**shape exp(-x) / Gamma(shape + 1) is a factor of both. The other one is 1 less
    that."""
    series, fraction = gamma_sums(x, shape, terms)
    near = x < shape + 2.0
    log_factor = shape * tl.log(x) - x - log_gamma
    log_one = log_factor + tl.log(tl.where(near, series, divide(shape, fraction)))
    log_other = log1p_any(negative(exp(tl.minimum(log_one, 0.0))))
    over_one = divide(tl.where(near, shape, fraction), tl.where(near, x * series, x))
    over_other = over_one * exp(log_one - log_other)
    log_f, log_rest = tl.where(near, log_one, log_other), tl.where(near, log_other, log_one)
    over_f, over_rest = tl.where(near, over_one, over_other), tl.where(near, over_other, over_one)
    return log_f, log_rest, over_f, over_rest


@triton.jit
def gamma_sums(x, shape, terms):
    """Of the incomplete gamma function, both from their last term to their first: the sum M with
    P = x**s exp(-x) / Gamma(s + 1) M, and the continued fraction B with Q = x**s exp(-x) /
    Gamma(s) / B. The host knows how many terms the shape wants: `gendr_host.gamma_terms`."""
    series = tl.full(x.shape, 1.0, x.dtype)
    fraction = x + (2 * terms + 1) - shape
    for k in range(terms):
        n = (terms - k).to(x.dtype)
        series = 1.0 + divide(x, shape + n) * series
        fraction = x + (2.0 * n - 1.0 - shape) - divide(n * (n - shape), fraction)
    return series, fraction


@triton.jit
def levy(x):
    """F = 2 Phi(-u), u = 1 / sqrt(x), so F = sqrt(2 / pi) exp(-u**2 / 2) mills(u); and for small u
    1 - F = sqrt(2 / pi) exp(-u**2 / 2) (u + u**3 / 3 + u**5 / 15 + ...)."""
    u = reciprocal(tl.sqrt(x))
    ratio, series = mills(u), levy_series(u)
    near = u > MEDIAN_U  # F < 1/2
    log_f = tl.log(ratio) - u * u * 0.5 - LOG_SQRT_HALF_PI
    log_rest = tl.where(
        near,
        log1p(negative(exp(tl.where(near, log_f, -1.0)))),
        tl.log(u * series) - u * u * 0.5 - LOG_SQRT_HALF_PI,
    )
    over_f = divide(u * u * u * 0.5, ratio)
    over_rest = tl.where(
        near,
        over_f * exp(tl.where(near, log_f - log_rest, 0.0)),
        divide(u * 0.5, series) * u,
    )
    return log_f, log_rest, over_f, over_rest


@triton.jit
def levy_series(u):
    """1 + u**2 / 3 + u**4 / 15 + ..., for u <= 0.68."""
    terms: tl.constexpr = 12 if u.dtype == tl.float64 else 6
    series = tl.full(u.shape, 1.0, u.dtype)
    for n in tl.static_range(terms, 0, -1):
        series = 1.0 + u * u * series * (1.0 / (2 * n + 1))
    return series
