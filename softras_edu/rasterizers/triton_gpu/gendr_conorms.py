"""GenDR's T-conorms (`softness/conorms.py`), as functions that Triton compiles into the kernels.
The Soft Rasterizer's own, the probabilistic one, stands in `pair.py` ("D and A_O").

Each face gives a `lift`, a pixel holds one number of all its faces, `lift_sum`, and alpha is a
function of that. Three ways to take in a face: a sum of lifts (einstein, hamacher, frank); the
logarithm of a sum of their exponentials (yager, aczel_alsina, dombi, schweizer_sklar); the
largest lift (max, hard). Which conorm it is, is a compile-time constant; p and log_p = log |p|
are run-time numbers.
"""
# mypy: ignore-errors
# ruff: noqa: N803

import triton
import triton.language as tl

from .numbers import (
    FINITE,
    MOST_EXPONENT,
    SMALLEST,
    divide,
    exp,
    exp_minus_abs,
    expm1,
    expm1_over,
    log1m_exp,
    log1p,
    log1p_any,
    negative,
    softplus,
)


@triton.jit
def no_lift(zero, CONORM: tl.constexpr):
    """lift_sum of a pixel that no face has reached."""
    if CONORM == "einstein" or CONORM == "hamacher" or CONORM == "frank":
        lift_sum = zero
    else:
        lift_sum = zero - FINITE
    return lift_sum


@triton.jit
def lift(log_d, log_outside, p, log_p, CONORM: tl.constexpr):
    """What a face of probability D gives, from log D and log(1 - D)."""
    if CONORM == "einstein":  # artanh D
        lifted = 0.5 * (log1p(exp(log_d)) - log_outside)
    elif CONORM == "hamacher":
        lifted = softplus(log_p + log_d - log_outside)
    elif CONORM == "frank":
        lifted = frank_lift(log_d, log_outside, log_p)
    elif CONORM == "yager":
        lifted = p * log_d
    elif CONORM == "aczel_alsina":
        lifted = p * tl.log(negative(log_outside))
    elif CONORM == "dombi":
        lifted = p * (log_d - log_outside)
    elif CONORM == "schweizer_sklar":  # log((1 - D)**p - 1), p < 0
        y = p * log_outside
        lifted = y + log1m_exp(y)
    elif CONORM == "max":
        lifted = log_d
    else:  # hard
        lifted = tl.where(log_d > log_outside, tl.zeros_like(log_d), -FINITE)
    if (
        CONORM == "yager"
        or CONORM == "aczel_alsina"
        or CONORM == "dombi"
        or CONORM == "schweizer_sklar"
    ):
        lifted = tl.minimum(tl.maximum(lifted, -FINITE), FINITE)
    return lifted


@triton.jit
def frank_lift(log_d, log_outside, log_p):
    """-log((p**(1 - D) - 1) / (p - 1)): for small D as log1p of the ratio less 1, else as a
    difference of logarithms."""
    d, width = exp(log_d), tl.abs(log_p)
    small = (d < 0.5) & (d * width < 1.0)
    ratio_less_1 = divide(
        expm1(tl.where(small, d, 0.0) * negative(log_p)), negative(expm1(negative(log_p)))
    )
    from_d = log1p_any(ratio_less_1)
    from_outside = (
        log1m_exp(exp(log_outside) * width) - log1m_exp(width) - d * tl.maximum(log_p, 0.0)
    )
    return negative(tl.where(small, from_d, from_outside))


@triton.jit
def add_lift(lift_sum, log_d, log_outside, keep, p, log_p, CONORM: tl.constexpr):
    """lift_sum with one more face; as before where the pair does not count."""
    lifted = lift(log_d, log_outside, p, log_p, CONORM)
    if CONORM == "einstein" or CONORM == "hamacher" or CONORM == "frank":
        lift_sum += tl.where(keep, lifted, 0.0)
    elif CONORM == "max" or CONORM == "hard":
        lift_sum = tl.where(keep, tl.maximum(lift_sum, lifted), lift_sum)
    else:  # log(exp(lift_sum) + exp(lifted))
        both = tl.maximum(lift_sum, lifted) + log1p(exp_minus_abs(lift_sum - lifted))
        lift_sum = tl.where(keep, both, lift_sum)
    return lift_sum


@triton.jit
def alpha_from_lift_sum(lift_sum, p, log_p, CONORM: tl.constexpr):
    """Silhouette alpha."""
    if CONORM == "einstein":  # tanh
        alpha = divide(negative(expm1(-2.0 * lift_sum)), 1.0 + exp(-2.0 * lift_sum))
    elif CONORM == "hamacher":
        rest = expm1(negative(lift_sum))
        alpha = divide(negative(rest), p * exp(negative(lift_sum)) - rest)
    elif CONORM == "frank":
        alpha = 0.0 - frank_rest(lift_sum, log_p) * (1.0 / log_p)
    elif CONORM == "yager":
        alpha = exp(tl.minimum(lift_sum * (1.0 / p), 0.0))
    elif CONORM == "aczel_alsina":
        alpha = negative(expm1(negative(exp(tl.minimum(lift_sum * (1.0 / p), MOST_EXPONENT)))))
    elif CONORM == "dombi":
        alpha = exp(negative(softplus(lift_sum * (-1.0 / p))))
    elif CONORM == "schweizer_sklar":
        alpha = negative(expm1(softplus(lift_sum) * (1.0 / p)))
    elif CONORM == "max":
        alpha = exp(lift_sum)
    else:
        alpha = tl.where(lift_sum > -1.0, tl.zeros_like(lift_sum) + 1.0, 0.0)
    return alpha


@triton.jit
def frank_rest(lift_sum, log_p):
    """log(1 + (1 / p - 1) (1 - exp(-S))), which is -alpha log p: near 1 as log1p, else (then p >
    1) as the logarithm of a sum, exp(-S) + ..."""
    u = negative(expm1(negative(log_p))) * expm1(negative(lift_sum))
    near = u > -0.5
    second = log1m_exp(tl.where(near, 1.0, lift_sum)) - log_p
    return tl.where(
        near,
        log1p_any(tl.where(near, u, 0.0)),
        second + softplus(negative(lift_sum) - second),
    )


# ---------------------------------------------------------------- backward


@triton.jit
def alpha_from_lift_sum_slope(lift_sum, p, log_p, CONORM: tl.constexpr):
    """What the backward pass needs of a pixel's lift_sum S: alpha'(S), or S itself where S is a
    logarithm of a sum."""
    if CONORM == "einstein":  # 1 - tanh**2
        e = exp(-2.0 * lift_sum)
        saved = divide(4.0 * e, (1.0 + e) * (1.0 + e))
    elif CONORM == "hamacher":
        e = exp(negative(lift_sum))
        den = p * e - expm1(negative(lift_sum))
        saved = divide(divide(p * e, den), den)
    elif CONORM == "frank":
        share = exp(negative(lift_sum) - frank_rest(lift_sum, log_p))
        saved = expm1(negative(log_p)) * (-1.0 / log_p) * share
    elif CONORM == "max":
        saved = exp(lift_sum)
    elif CONORM == "hard":
        saved = tl.zeros_like(lift_sum)
    else:
        saved = lift_sum
    return saved


@triton.jit
def lifted_alpha_slope(
    saved, log_d, log_outside, slope_d, slope_outside, p, log_p, CONORM: tl.constexpr
):
    """Derivative of alpha with respect to x_j, alpha'(S) dS / dx_j, from what
    `alpha_from_lift_sum_slope` gave. For max: that of the face that holds the maximum."""
    if CONORM == "einstein":
        d = exp(log_d)
        slope = saved * 0.5 * (divide(d, 1.0 + d) * slope_d - slope_outside)
    elif CONORM == "hamacher":
        share = exp(negative(softplus(log_outside - log_d - log_p)))
        slope = saved * share * (slope_d - slope_outside)
    elif CONORM == "frank":
        ratio = expm1_over(exp(log_outside) * negative(log_p))
        slope = negative(divide(saved * slope_outside, ratio))
    elif CONORM == "max":
        slope = saved * slope_d
    elif CONORM == "hard":
        slope = saved
    else:
        log_share = tl.minimum(lift(log_d, log_outside, p, log_p, CONORM) - saved, 0.0)
        log_slope, lift_slope = log_sum_slopes(
            saved, log_d, log_outside, slope_d, slope_outside, p, CONORM
        )
        slope = exp(log_share + log_slope) * lift_slope
    return slope


@triton.jit
def log_sum_slopes(lift_sum, log_d, log_outside, slope_d, slope_outside, p, CONORM: tl.constexpr):
    """log(p alpha'(S)) and lift'(x_j) / p, where S is log sum exp(lift).

    dS / dx_j = exp(lift_j - S) lift'(x_j): a share <= 1, whose exponential alpha'(S) joins before
    it can overflow.
    """
    r = lift_sum * (1.0 / p)
    if CONORM == "yager":
        log_slope, lift_slope = tl.where(lift_sum < 0.0, r, -float("inf")), slope_d
    elif CONORM == "aczel_alsina":
        r = tl.minimum(r, MOST_EXPONENT)
        log_slope = r - exp(r)
        lift_slope = tl.where(log_outside < -SMALLEST, divide(slope_outside, log_outside), 0.0)
    elif CONORM == "dombi":
        log_slope = negative(softplus(r) + softplus(negative(r)))
        lift_slope = slope_d - slope_outside
    else:  # schweizer_sklar
        y = p * log_outside
        whole = softplus(lift_sum)
        log_slope = lift_sum - whole + whole * (1.0 / p)
        lift_slope = tl.where(y > SMALLEST, divide(slope_outside, expm1(negative(y))), 0.0)
    return log_slope, lift_slope
