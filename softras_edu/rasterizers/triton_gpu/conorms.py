"""How faces add up (`../conorms.py`), as functions that Triton compiles into the kernels: a lift of each face, one number a pixel for all, alpha from that.

Three ways to take in a face: a sum of lifts (probabilistic, einstein, hamacher, frank); the logarithm of a sum of their exponentials (yager, aczel_alsina,
dombi, schweizer_sklar); the largest lift (max, hard). Which conorm it is, is a compile-time constant; p is a run-time number, and so is log_p = log |p|.
"""
# mypy: ignore-errors
# ruff: noqa: N803

import triton
import triton.language as tl

from .numbers import (
    FINITE,
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
def no_faces(zero, CONORM: tl.constexpr):
    """The number of a pixel that no face has reached."""
    if (
        CONORM == "probabilistic"
        or CONORM == "einstein"
        or CONORM == "hamacher"
        or CONORM == "frank"
    ):
        result = zero
    else:
        result = zero - FINITE
    return result


@triton.jit
def lift(log_d, log_outside, p, log_p, CONORM: tl.constexpr):
    """What a face of probability D brings, from log D and log(1 - D)."""
    if CONORM == "probabilistic":
        result = log_outside
    elif CONORM == "einstein":  # artanh D
        result = 0.5 * (log1p(exp(log_d)) - log_outside)
    elif CONORM == "hamacher":
        result = softplus(log_p + log_d - log_outside)
    elif (
        CONORM == "frank"
    ):  # -log((p**(1 - D) - 1) / (p - 1)): for small D as log1p of what is left of 1, else as a difference of logarithms
        d, width = exp(log_d), tl.abs(log_p)
        small = (d < 0.5) & (d * width < 1.0)
        from_d = log1p_any(
            divide(
                expm1(tl.where(small, d, 0.0) * negative(log_p)), negative(expm1(negative(log_p)))
            )
        )
        from_outside = (
            log1m_exp(exp(log_outside) * width) - log1m_exp(width) - d * tl.maximum(log_p, 0.0)
        )
        result = negative(tl.where(small, from_d, from_outside))
    elif CONORM == "yager":
        result = p * log_d
    elif CONORM == "aczel_alsina":
        result = p * tl.log(negative(log_outside))
    elif CONORM == "dombi":
        result = p * (log_d - log_outside)
    elif CONORM == "schweizer_sklar":  # log((1 - D)**p - 1), p < 0
        y = p * log_outside
        result = y + log1m_exp(y)
    elif CONORM == "max":
        result = log_d
    else:  # hard
        result = tl.where(log_d > log_outside, tl.zeros_like(log_d), -FINITE)
    if (
        CONORM == "yager"
        or CONORM == "aczel_alsina"
        or CONORM == "dombi"
        or CONORM == "schweizer_sklar"
    ):
        result = tl.minimum(tl.maximum(result, -FINITE), FINITE)
    return result


@triton.jit
def join(total, lifted, keep, CONORM: tl.constexpr):
    """The number of a pixel after one more face; as before where the pair is left out."""
    if (
        CONORM == "probabilistic"
        or CONORM == "einstein"
        or CONORM == "hamacher"
        or CONORM == "frank"
    ):
        result = total + tl.where(keep, lifted, 0.0)
    elif CONORM == "max" or CONORM == "hard":
        result = tl.where(keep, tl.maximum(total, lifted), total)
    else:
        result = tl.where(
            keep, tl.maximum(total, lifted) + log1p(exp_minus_abs(total - lifted)), total
        )
    return result


@triton.jit
def combine(total, p, log_p, CONORM: tl.constexpr):
    """Silhouette alpha. Probabilistic, the Soft Rasterizer's: 1 - prod(1 - D), from log_product = sum log(1 - D)."""
    if CONORM == "probabilistic":
        result = 1.0 - exp(total)
    elif CONORM == "einstein":  # tanh
        result = divide(negative(expm1(-2.0 * total)), 1.0 + exp(-2.0 * total))
    elif CONORM == "hamacher":
        rest = expm1(negative(total))
        result = divide(negative(rest), p * exp(negative(total)) - rest)
    elif CONORM == "frank":
        result = 0.0 - frank_rest(total, log_p) * (1.0 / log_p)
    elif CONORM == "yager":
        result = exp(tl.minimum(total * (1.0 / p), 0.0))
    elif CONORM == "aczel_alsina":
        result = negative(expm1(negative(exp(tl.minimum(total * (1.0 / p), 80.0)))))
    elif CONORM == "dombi":
        result = exp(negative(softplus(total * (-1.0 / p))))
    elif CONORM == "schweizer_sklar":
        result = negative(expm1(softplus(total) * (1.0 / p)))
    elif CONORM == "max":
        result = exp(total)
    else:
        result = tl.where(total > -1.0, tl.zeros_like(total) + 1.0, 0.0)
    return result


@triton.jit
def frank_rest(total, log_p):
    """log(1 + (1 / p - 1) (1 - exp(-S))), which is -alpha log p: near 1 as log1p, and else (then p > 1) as the logarithm of a sum, exp(-S) + ..."""
    u = negative(expm1(negative(log_p))) * expm1(negative(total))
    near = u > -0.5
    second = log1m_exp(tl.where(near, 1.0, total)) - log_p
    return tl.where(
        near, log1p_any(tl.where(near, u, 0.0)), second + softplus(negative(total) - second)
    )


@triton.jit
def d_combine(total, p, log_p, CONORM: tl.constexpr):
    """What the backward pass must know of a pixel's number S, once a pixel like `combine`: alpha'(S), or S itself where S is no sum and no maximum."""
    if CONORM == "probabilistic":
        result = -exp(total)  # -prod(1 - D). Nothing is divided by 1 - D, which may be 0
    elif CONORM == "einstein":  # 1 - tanh**2
        e = exp(-2.0 * total)
        result = divide(4.0 * e, (1.0 + e) * (1.0 + e))
    elif CONORM == "hamacher":
        e = exp(negative(total))
        den = p * e - expm1(negative(total))
        result = divide(divide(p * e, den), den)
    elif CONORM == "frank":
        result = (
            expm1(negative(log_p))
            * (-1.0 / log_p)
            * exp(negative(total) - frank_rest(total, log_p))
        )
    elif CONORM == "max":
        result = exp(total)
    elif CONORM == "hard":
        result = tl.zeros_like(total)
    else:
        result = total
    return result


@triton.jit
def d_alpha(state, log_d, log_outside, d_log_d, d_log_outside, p, log_p, CONORM: tl.constexpr):
    """Derivative of alpha in x_j, alpha'(S) dS / dx_j, from the pixel's number of `d_combine`. Of max: where this face is the winner.

    Where S is log sum exp(lift), dS / dx_j = exp(lift_j - S) lift'(x_j): a weight <= 1, whose exponential alpha'(S) joins before it can overflow.
    """
    if CONORM == "probabilistic":
        result = state * d_log_outside
    elif CONORM == "einstein":
        d = exp(log_d)
        result = state * 0.5 * (divide(d, 1.0 + d) * d_log_d - d_log_outside)
    elif CONORM == "hamacher":
        result = (
            state * exp(negative(softplus(log_outside - log_d - log_p))) * (d_log_d - d_log_outside)
        )
    elif CONORM == "frank":
        result = negative(
            divide(state * d_log_outside, expm1_over(exp(log_outside) * negative(log_p)))
        )
    elif CONORM == "max":
        result = state * d_log_d
    elif CONORM == "hard":
        result = state
    else:
        log_share = tl.minimum(lift(log_d, log_outside, p, log_p, CONORM) - state, 0.0)
        r = state * (1.0 / p)
        # log(p alpha'(S)), and lift'(x_j) / p.
        if CONORM == "yager":
            log_slope, slope = tl.where(state < 0.0, r, -float("inf")), d_log_d
        elif CONORM == "aczel_alsina":
            r = tl.minimum(r, 80.0)
            log_slope, slope = (
                r - exp(r),
                tl.where(log_outside < -1e-37, divide(d_log_outside, log_outside), 0.0),
            )
        elif CONORM == "dombi":
            log_slope, slope = (
                negative(softplus(r) + softplus(negative(r))),
                d_log_d - d_log_outside,
            )
        else:
            y = p * log_outside
            whole = softplus(state)
            log_slope, slope = (
                state - whole + whole * (1.0 / p),
                tl.where(y > 1e-37, divide(d_log_outside, expm1(negative(y))), 0.0),
            )
        result = exp(log_share + log_slope) * slope
    return result
