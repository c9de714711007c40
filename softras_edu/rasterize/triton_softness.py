"""How an edge fades (`../distributions.py`), as functions that Triton compiles into the kernels. How faces add up: `triton_conorms.py`.

Which distribution, whether it is seen in a mirror, and whether distances are squared are compile-time constants: a kernel holds the code of one choice,
and asks no questions. shape and shift are run-time numbers, and so are two that the host works out once a call: see `triton_gpu.dials`.
"""
# mypy: ignore-errors
# ruff: noqa: N803, SIM108

import triton
import triton.language as tl

from .triton_numbers import FINITE, atan_over, divide, exp, exp_minus_abs, expm1_over, log1m_exp, log1p, log1p_any, mills, negative, reciprocal


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
def log_probability(x, shape, log_gamma, terms, shift, DISTRIBUTION: tl.constexpr, REVERSED: tl.constexpr):
    """log D and log(1 - D), D = F(x)."""
    if DISTRIBUTION == "logistic":
        tail = log1p(exp_minus_abs(x))
        log_d, log_outside = tl.minimum(x, 0.0) - tail, tl.minimum(negative(x), 0.0) - tail
    elif DISTRIBUTION == "hard":
        nothing = tl.full(x.shape, -float("inf"), x.dtype)
        log_d, log_outside = tl.where(x > 0.0, 0.0, nothing), tl.where(x > 0.0, nothing, 0.0)
    elif DISTRIBUTION == "gumbel_max" or DISTRIBUTION == "exponential" or DISTRIBUTION == "gamma" or DISTRIBUTION == "levy":
        # F_rev(x) = 1 - F(-x): the two change places.
        if REVERSED:
            log_outside, log_d = log_one_sided(shift - x, shape, log_gamma, terms, DISTRIBUTION)
        else:
            log_d, log_outside = log_one_sided(x + shift, shape, log_gamma, terms, DISTRIBUTION)
    else:  # symmetric: the tail F(-a) = 1 - F(a), a >= 0, says it all
        small = log_tail(tl.minimum(tl.abs(x), FINITE), DISTRIBUTION)
        large = log1p(negative(exp(small)))
        log_d, log_outside = tl.where(x > 0.0, large, small), tl.where(x > 0.0, small, large)
    return log_d, log_outside


@triton.jit
def d_log_probability(x, log_d, log_outside, shape, terms, shift, DISTRIBUTION: tl.constexpr, REVERSED: tl.constexpr):
    """Derivatives of log D and of log(1 - D) in x, f / F and -f / (1 - F); 0 where f is 0."""
    if DISTRIBUTION == "logistic":  # 1 - D and -D
        e = exp_minus_abs(x)
        large = reciprocal(1.0 + e)
        small = e * large  # the smaller one of D and 1 - D: computed as it is, it keeps all its digits
        d_log_d, d_log_outside = tl.where(x > 0, small, large), negative(tl.where(x > 0, large, small))
    elif DISTRIBUTION == "hard":
        d_log_d, d_log_outside = tl.zeros_like(x), tl.zeros_like(x)
    elif DISTRIBUTION == "gumbel_max" or DISTRIBUTION == "exponential" or DISTRIBUTION == "gamma" or DISTRIBUTION == "levy":
        if REVERSED:
            rise, fall = d_one_sided(shift - x, log_outside, log_d, shape, terms, DISTRIBUTION)
            d_log_d, d_log_outside = fall, negative(rise)
        else:
            rise, fall = d_one_sided(x + shift, log_d, log_outside, shape, terms, DISTRIBUTION)
            d_log_d, d_log_outside = rise, negative(fall)
    else:
        small, large = tl.minimum(log_d, log_outside), tl.maximum(log_d, log_outside)
        steep = hazard(tl.minimum(tl.abs(x), FINITE), DISTRIBUTION)
        flat = steep * exp(small - large)  # f over the larger one of F and 1 - F
        d_log_d, d_log_outside = tl.where(x > 0.0, flat, steep), negative(tl.where(x > 0.0, steep, flat))
    return d_log_d, d_log_outside


@triton.jit
def log_tail(a, DISTRIBUTION: tl.constexpr):
    """log F(-a) of a symmetric distribution, a >= 0."""
    if DISTRIBUTION == "uniform":
        result = tl.log(tl.maximum(1.0 - a, 0.0) * 0.5)
    elif DISTRIBUTION == "cubic_hermite":
        y = tl.maximum(1.0 - a, 0.0) * 0.5
        result = tl.log(y * y * (3.0 - 2.0 * y))
    elif DISTRIBUTION == "wigner_semicircle":
        cube, _root = segment(a)
        result = tl.log(cube * (1.0 / 37.69911184307752))
    elif DISTRIBUTION == "gaussian":
        result = tl.log(mills(a)) - a * a * 0.5 - 0.9189385332046728  # log(sqrt(2 pi))
    elif DISTRIBUTION == "laplace":
        result = negative(a) - 0.6931471805599453
    elif DISTRIBUTION == "hyperbolic_secant":  # 2 / pi atan(exp(-a))
        result = tl.log(atan_over(exp(negative(a)))) - a - 0.45158270528945487
    elif DISTRIBUTION == "cauchy":
        result = tl.log(angle(a)) - 1.1447298858494002
    else:  # reciprocal: 1 / (2 (1 + a))
        result = negative(tl.log(2.0 + 2.0 * a))
    return result


@triton.jit
def hazard(a, DISTRIBUTION: tl.constexpr):
    """f(a) / F(-a) of a symmetric distribution, a >= 0: how steeply the logarithm of its tail falls."""
    if DISTRIBUTION == "uniform":
        result = tl.where(a < 1.0, reciprocal(1.0 - a), 0.0)
    elif DISTRIBUTION == "cubic_hermite":
        y = (1.0 - a) * 0.5
        result = tl.where(a < 1.0, divide(3.0 - 3.0 * y, y * (3.0 - 2.0 * y)), 0.0)
    elif DISTRIBUTION == "wigner_semicircle":
        cube, root = segment(a)
        result = tl.where(a < 1.0, divide(24.0 * root, cube), 0.0)
    elif DISTRIBUTION == "gaussian":
        result = reciprocal(mills(a))
    elif DISTRIBUTION == "laplace":
        result = tl.full(a.shape, 1.0, a.dtype)
    elif DISTRIBUTION == "hyperbolic_secant":
        q = exp(negative(a))
        result = reciprocal((1.0 + q * q) * atan_over(q))
    elif DISTRIBUTION == "cauchy":
        q = tl.where(a > 1.0, reciprocal(a), a)
        result = divide(tl.where(a > 1.0, q * q, 1.0), (1.0 + q * q) * angle(a))
    else:
        result = reciprocal(1.0 + a)
    return result


@triton.jit
def angle(a):
    """atan(1 / a) for a >= 0: pi / 2 - atan(a) loses nothing up to a = 1, and atan of 1 / a nothing beyond."""
    q = tl.where(a > 1.0, reciprocal(a), a)
    t = q * atan_over(q)
    return tl.where(a > 1.0, t, 1.5707963267948966 - t)


@triton.jit
def segment(a):
    """What a chord at a in [0, 1] cuts off the unit disc, times 12, and half the chord: 6 (t - sin t) with t the angle of the arc, and sqrt(1 - a**2).

    t - sin t by its series t**3 / 6 (1 - t**2 / 20 (1 - t**2 / 42 (...))), so that a sliver keeps all its digits.
    """
    TERMS: tl.constexpr = 13 if a.dtype == tl.float64 else 8
    y = tl.maximum(1.0 - a, 0.0)
    q = tl.sqrt(divide(y, 1.0 + a))  # tan(t / 4)
    t = 4.0 * q * atan_over(q)
    t2 = t * t
    series = tl.full(a.shape, 1.0, a.dtype)
    for n in tl.static_range(TERMS, 0, -1):
        series = 1.0 - t2 * series * (1.0 / ((2 * n + 2) * (2 * n + 3)))
    return t2 * t * series, tl.sqrt(y * (1.0 + a))


@triton.jit
def log_one_sided(x, shape, log_gamma, terms, DISTRIBUTION: tl.constexpr):
    """log F and log(1 - F) of a distribution that begins at 0, or of gumbel_max, which begins as suddenly but has no first number."""
    zero = tl.zeros_like(x)
    begun = x > 0.0
    x = tl.where(begun, tl.minimum(tl.maximum(x, 1e-20), FINITE), x)
    if DISTRIBUTION == "gumbel_max":  # F = exp(-q), q = exp(-x)
        q = exp(negative(tl.maximum(x, -80.0)))
        log_f = negative(q)
        log_rest = tl.where(begun, tl.log(expm1_over(negative(q))) - x, log1p(negative(exp(tl.where(begun, -1.0, log_f)))))
    else:
        x = tl.where(begun, x, 1.0)
        if DISTRIBUTION == "exponential":  # F = 1 - exp(-x)
            log_f, log_rest = log1m_exp(x), negative(x)
        elif DISTRIBUTION == "gamma":  # F = P(shape, x) by its series for small x, 1 - F = Q(shape, x) by its continued fraction for large x
            series, fraction = gamma_sums(x, shape, terms)
            near = x < shape + 2.0
            front = shape * tl.log(x) - x - log_gamma
            direct = front + tl.log(tl.where(near, series, divide(shape + zero, fraction)))
            other = log1p_any(negative(exp(tl.minimum(direct, 0.0))))
            log_f, log_rest = tl.where(near, direct, other), tl.where(near, other, direct)
        else:  # levy: F = 2 Phi(-u), u = 1 / sqrt(x); for small u, 1 - F = sqrt(2 / pi) exp(-u**2 / 2) (u + u**3 / 3 + u**5 / 15 + ...)
            u = reciprocal(tl.sqrt(x))
            log_f = tl.log(mills(u)) - u * u * 0.5 - 0.22579135264472744
            near = u > 0.6744897501960817
            log_rest = tl.where(near, log1p(negative(exp(tl.where(near, log_f, -1.0)))), tl.log(u * levy_series(u)) - u * u * 0.5 - 0.22579135264472744)
        log_f, log_rest = tl.where(begun, log_f, -float("inf")), tl.where(begun, log_rest, 0.0)
    return log_f, log_rest


@triton.jit
def d_one_sided(x, log_f, log_rest, shape, terms, DISTRIBUTION: tl.constexpr):
    """f / F and f / (1 - F) of the same."""
    begun = x > 0.0
    x = tl.where(begun, tl.minimum(tl.maximum(x, 1e-20), FINITE), x)
    if DISTRIBUTION == "gumbel_max":
        q = exp(negative(tl.maximum(x, -80.0)))
        rise, fall = q, reciprocal(expm1_over(q))
    else:
        x = tl.where(begun, x, 1.0)
        log_f = tl.where(begun, log_f, 0.0)
        if DISTRIBUTION == "exponential":
            rise, fall = reciprocal(x * expm1_over(x)), tl.full(x.shape, 1.0, x.dtype)
        elif DISTRIBUTION == "gamma":
            series, fraction = gamma_sums(x, shape, terms)
            near = x < shape + 2.0
            direct = divide(tl.where(near, shape, fraction), tl.where(near, x * series, x))
            other = direct * exp(tl.where(near, log_f - log_rest, log_rest - log_f))
            rise, fall = tl.where(near, direct, other), tl.where(near, other, direct)
        else:
            u = reciprocal(tl.sqrt(x))
            rise = divide(u * u * u * 0.5, mills(u))
            near = u > 0.6744897501960817
            fall = tl.where(near, rise * exp(tl.where(near, log_f - log_rest, 0.0)), divide(u * 0.5, levy_series(u)) * u)
        rise, fall = tl.where(begun, rise, 0.0), tl.where(begun, fall, 0.0)
    return rise, fall


@triton.jit
def gamma_sums(x, shape, terms):
    """Of the incomplete gamma function, both from their last term to their first: the sum M with P = x**s exp(-x) / Gamma(s + 1) M, and the continued
    fraction B with Q = x**s exp(-x) / Gamma(s) / B. The host knows how many terms the shape wants: `triton_gpu.gamma_terms`."""
    series = tl.full(x.shape, 1.0, x.dtype)
    fraction = x + (2 * terms + 1) - shape
    for k in range(terms):
        n = (terms - k).to(x.dtype)
        series = 1.0 + divide(x, tl.zeros_like(x) + (shape + n)) * series
        fraction = x + (2.0 * n - 1.0 - shape) - divide(tl.zeros_like(x) + n * (n - shape), fraction)
    return series, fraction


@triton.jit
def levy_series(u):
    """1 + u**2 / 3 + u**4 / 15 + ..., for u <= 0.68."""
    TERMS: tl.constexpr = 12 if u.dtype == tl.float64 else 6
    series = tl.full(u.shape, 1.0, u.dtype)
    for n in tl.static_range(TERMS, 0, -1):
        series = 1.0 + u * u * series * (1.0 / (2 * n + 1))
    return series
