"""How an edge fades (`../distributions.py`), as functions that Triton compiles into the kernels. How faces add up: `triton_gpu/conorms.py`.

Which distribution, whether it is seen in a mirror, and whether distances are squared are compile-time constants: a kernel holds the code of one choice,
and asks no questions. shape and shift are run-time numbers, and so are two that the host works out once a call: see `triton_gpu.dials`.
"""
# mypy: ignore-errors
# ruff: noqa: N803

import triton
import triton.language as tl

from .numbers import (
    FINITE,
    atan_over,
    divide,
    exp,
    exp_minus_abs,
    expm1_over,
    log1m_exp,
    log1p,
    log1p_any,
    mills,
    negative,
    reciprocal,
)


@triton.jit
def signed_distance(d2, least, inv_sigma, SQUARED: tl.constexpr, EUCLIDEAN: tl.constexpr):
    """x, the argument of F: positive inside. `least`, the smallest weight, tells, and it is the distance itself where that is barycentric."""
    if SQUARED:
        x = tl.where(least > 0.0, d2, -d2) * inv_sigma
    elif EUCLIDEAN:
        d = tl.sqrt(d2)
        x = tl.where(least > 0.0, d, -d) * inv_sigma
    else:
        x = least * inv_sigma
    return x


@triton.jit
def d_signed_distance(d2, least, inv_sigma, SQUARED: tl.constexpr, EUCLIDEAN: tl.constexpr):
    """x again, and its derivative in d2, or in `least` where that is the distance. On the edge itself, where d (not d2) has a kink, that is 0."""
    sign = tl.where(least > 0.0, inv_sigma, -inv_sigma)
    if SQUARED:
        x, slope = d2 * sign, sign
    elif EUCLIDEAN:
        d = tl.sqrt(d2)
        x, slope = d * sign, tl.where(d2 > 1e-37, divide(0.5 * sign, d), 0.0)
    else:
        x, slope = least * inv_sigma, tl.where(least == 0.0, 0.0, inv_sigma)
    return x, slope


# ---------------------------------------------------------------- distributions: log F and log(1 - F), and their slopes f / F and -f / (1 - F)


@triton.jit
def tails(x, shape, log_gamma, terms, shift, DISTRIBUTION: tl.constexpr, REVERSED: tl.constexpr):
    """log D and log(1 - D), D = F(x), and their slopes in x, which are 0 where f is 0. The compiler leaves out what nobody asks for."""
    if DISTRIBUTION == "logistic":
        e = exp_minus_abs(x)
        tail = log1p(e)
        log_d, log_outside = tl.minimum(x, 0.0) - tail, tl.minimum(negative(x), 0.0) - tail
        large = reciprocal(1.0 + e)
        small = (
            e * large
        )  # the smaller one of D and 1 - D: computed as it is, it keeps all its digits
        d_log_d, d_log_outside = (
            tl.where(x > 0, small, large),
            negative(tl.where(x > 0, large, small)),
        )
    elif DISTRIBUTION == "hard":
        nothing = tl.full(x.shape, -float("inf"), x.dtype)
        log_d, log_outside = tl.where(x > 0.0, 0.0, nothing), tl.where(x > 0.0, nothing, 0.0)
        d_log_d, d_log_outside = tl.zeros_like(x), tl.zeros_like(x)
    elif (
        DISTRIBUTION == "gumbel_max"
        or DISTRIBUTION == "exponential"
        or DISTRIBUTION == "gamma"
        or DISTRIBUTION == "levy"
    ):
        # F_rev(x) = 1 - F(-x): the two change places.
        if REVERSED:
            log_outside, log_d, fall, rise = one_sided(
                shift - x, shape, log_gamma, terms, DISTRIBUTION
            )
        else:
            log_d, log_outside, rise, fall = one_sided(
                x + shift, shape, log_gamma, terms, DISTRIBUTION
            )
        d_log_d, d_log_outside = rise, negative(fall)
    else:  # symmetric: the tail F(-a) = 1 - F(a), a >= 0, says it all
        small, steep = tail_beyond(tl.minimum(tl.abs(x), FINITE), DISTRIBUTION)
        large = log1p(negative(exp(small)))
        flat = steep * exp(small - large)  # f over the larger one of F and 1 - F
        log_d, log_outside = tl.where(x > 0.0, large, small), tl.where(x > 0.0, small, large)
        d_log_d, d_log_outside = (
            tl.where(x > 0.0, flat, steep),
            negative(tl.where(x > 0.0, steep, flat)),
        )
    return log_d, log_outside, d_log_d, d_log_outside


@triton.jit
def tail_beyond(a, DISTRIBUTION: tl.constexpr):
    """log F(-a) and f(a) / F(-a), how fast that falls, of a symmetric distribution, a >= 0."""
    if DISTRIBUTION == "uniform":  # F(-a) = (1 - a) / 2
        y = tl.maximum(1.0 - a, 0.0)
        result, steep = tl.log(y * 0.5), tl.where(y > 0.0, reciprocal(y), 0.0)
    elif DISTRIBUTION == "cubic_hermite":  # y**2 (3 - 2 y)
        y = tl.maximum(1.0 - a, 0.0) * 0.5
        result, steep = (
            tl.log(y * y * (3.0 - 2.0 * y)),
            tl.where(y > 0.0, divide(3.0 - 3.0 * y, y * (3.0 - 2.0 * y)), 0.0),
        )
    elif DISTRIBUTION == "wigner_semicircle":  # what a chord at a cuts off the disc, over pi
        part, chord = segment(a)
        result, steep = (
            tl.log(part * (1.0 / 37.69911184307752)),
            tl.where(a < 1.0, divide(24.0 * chord, part), 0.0),
        )
    elif DISTRIBUTION == "gaussian":
        ratio = mills(a)
        result, steep = (
            tl.log(ratio) - a * a * 0.5 - 0.9189385332046728,
            reciprocal(ratio),
        )  # log(sqrt(2 pi))
    elif DISTRIBUTION == "laplace":  # exp(-a) / 2
        result, steep = negative(a) - 0.6931471805599453, tl.full(a.shape, 1.0, a.dtype)
    elif DISTRIBUTION == "hyperbolic_secant":  # 2 / pi atan(exp(-a))
        q = exp(negative(a))
        ratio = atan_over(q)
        result, steep = tl.log(ratio) - a - 0.45158270528945487, reciprocal((1.0 + q * q) * ratio)
    elif (
        DISTRIBUTION == "cauchy"
    ):  # atan(1 / a) / pi: pi / 2 - atan(a) loses nothing up to a = 1, atan(1 / a) nothing beyond
        far = a > 1.0
        q = tl.where(far, reciprocal(a), a)
        angle = q * atan_over(q)
        angle = tl.where(far, angle, 1.5707963267948966 - angle)
        result, steep = (
            tl.log(angle) - 1.1447298858494002,
            divide(tl.where(far, q * q, 1.0), (1.0 + q * q) * angle),
        )
    else:  # reciprocal: 1 / (2 (1 + a))
        result, steep = negative(tl.log(2.0 + 2.0 * a)), reciprocal(1.0 + a)
    return result, steep


@triton.jit
def segment(a):
    """What a chord at a in [0, 1] cuts off the unit disc, times 12, and half the chord: 6 (t - sin t) with t the angle of the arc, and sqrt(1 - a**2).

    t - sin t by its series t**3 / 6 (1 - t**2 / 20 (1 - t**2 / 42 (...))), so that a sliver keeps all its digits.
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


@triton.jit
def one_sided(x, shape, log_gamma, terms, DISTRIBUTION: tl.constexpr):
    """log F, log(1 - F), f / F and f / (1 - F) of a distribution that begins at x = 0, or of gumbel_max, whose two sides differ as much."""
    begun = x > 0.0
    if DISTRIBUTION == "gumbel_max":  # F = exp(-q), q = exp(-x); 1 - F = q (1 - exp(-q)) / q
        q = exp(negative(tl.maximum(x, -80.0)))
        log_f, rise = negative(q), q
        log_rest = tl.where(
            begun, tl.log(expm1_over(log_f)) - x, log1p(negative(exp(tl.where(begun, -1.0, log_f))))
        )
        fall = reciprocal(expm1_over(q))
    else:
        x = tl.where(begun, tl.minimum(tl.maximum(x, 1e-20), FINITE), 1.0)
        if DISTRIBUTION == "exponential":  # F = 1 - exp(-x)
            log_f, log_rest = log1m_exp(x), negative(x)
            rise, fall = reciprocal(x * expm1_over(x)), tl.full(x.shape, 1.0, x.dtype)
        elif (
            DISTRIBUTION == "gamma"
        ):  # F = P(shape, x) by its series for small x, 1 - F = Q(shape, x) by its continued fraction for large x
            series, fraction = gamma_sums(x, shape, terms)
            near = x < shape + 2.0
            one = (
                shape * tl.log(x)
                - x
                - log_gamma
                + tl.log(tl.where(near, series, divide(shape, fraction)))
            )
            other = log1p_any(negative(exp(tl.minimum(one, 0.0))))
            steep = divide(tl.where(near, shape, fraction), tl.where(near, x * series, x))
            flat = steep * exp(one - other)
            log_f, log_rest = tl.where(near, one, other), tl.where(near, other, one)
            rise, fall = tl.where(near, steep, flat), tl.where(near, flat, steep)
        else:  # levy: F = 2 Phi(-u), u = 1 / sqrt(x); for small u, 1 - F = sqrt(2 / pi) exp(-u**2 / 2) (u + u**3 / 3 + u**5 / 15 + ...)
            u = reciprocal(tl.sqrt(x))
            ratio, series = mills(u), levy_series(u)
            near = u > 0.6744897501960817  # F < 1/2
            log_f = tl.log(ratio) - u * u * 0.5 - 0.22579135264472744
            log_rest = tl.where(
                near,
                log1p(negative(exp(tl.where(near, log_f, -1.0)))),
                tl.log(u * series) - u * u * 0.5 - 0.22579135264472744,
            )
            rise = divide(u * u * u * 0.5, ratio)
            fall = tl.where(
                near, rise * exp(tl.where(near, log_f - log_rest, 0.0)), divide(u * 0.5, series) * u
            )
        log_f, log_rest = tl.where(begun, log_f, -float("inf")), tl.where(begun, log_rest, 0.0)
        rise, fall = tl.where(begun, rise, 0.0), tl.where(begun, fall, 0.0)
    return log_f, log_rest, rise, fall


@triton.jit
def gamma_sums(x, shape, terms):
    """Of the incomplete gamma function, both from their last term to their first: the sum M with P = x**s exp(-x) / Gamma(s + 1) M, and the continued
    fraction B with Q = x**s exp(-x) / Gamma(s) / B. The host knows how many terms the shape wants: `triton_gpu.gamma_terms`."""
    series = tl.full(x.shape, 1.0, x.dtype)
    fraction = x + (2 * terms + 1) - shape
    for k in range(terms):
        n = (terms - k).to(x.dtype)
        series = 1.0 + divide(x, shape + n) * series
        fraction = x + (2.0 * n - 1.0 - shape) - divide(n * (n - shape), fraction)
    return series, fraction


@triton.jit
def levy_series(u):
    """1 + u**2 / 3 + u**4 / 15 + ..., for u <= 0.68."""
    terms: tl.constexpr = 12 if u.dtype == tl.float64 else 6
    series = tl.full(u.shape, 1.0, u.dtype)
    for n in tl.static_range(terms, 0, -1):
        series = 1.0 + u * u * series * (1.0 / (2 * n + 1))
    return series
