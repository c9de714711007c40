"""exp, log1p and log for loops that compute several lanes at once (SIMD).

math.exp is a call, and a loop with a call in it stays a loop over single numbers. So each is a
short series here, with a choice between two numbers (no jump) where a range ends.
"""

from __future__ import annotations

import math

import numpy as np

from .compiling import Point, inlined, scalar

# Floats of 64 bits: 1 sign, 11 of the exponent plus 1023, 52 of the mantissa behind "1.".
MANTISSA_BITS = 52
MANTISSA = 2**52 - 1  # mask of the bits of the mantissa
ONE = 1023 << 52  # the bits of 1.0
# Floats from 2**52 to 2**53 are whole numbers. So adding this rounds a small number to a whole one,
# which then stands in the lowest bits (1.5, not 1: then it may be negative).
ROUND = 1.5 * 2**52
ROUND_BITS = (1023 + 52 << 52) + 2**51  # the bits of ROUND

INV_LOG2 = 1.4426950408889634  # 1 / log 2
# log 2 in two parts, as in FreeBSD's e_exp.c. The last 20 bits of the first one are 0, so that
# n * LOG2_HIGH is exact for |n| < 2**20; the second one is the rest of log 2.
LOG2_HIGH = 6.93147180369123816490e-01
LOG2_LOW = 1.90821492927058770002e-10

# exp(-700) is 1e-304, and what is below counts as 0: n = -700 / log 2 = -1010, and 2**n must be a
# normal float (the least one is 2**-1022) for the arithmetic on its exponent.
LEAST_EXPONENT = -700.0
LEAST_LOGARITHM_OF = 1e-300  # for `log`, the same: normal floats only


@inlined
def exp_in_parts(x: float) -> Point:
    """2**n and q, exp(x) = 2**n (1 + q), for -700 <= x <= 1.

    x = n log 2 + r with whole n and |r| <= log(2) / 2, so exp(x) = 2**n exp(r): a series in r, and
    n becomes the exponent in a float's bits. exp(r) = cosh(r) + sinh(r): two series that do not
    wait for each other, with coefficients 1 / k!. (To divide by 12! would be a division, which a
    compiler keeps.) The first one left out, r**14 / 14!, is below 5e-18.
    """
    shifted = x * INV_LOG2 + ROUND
    n = shifted - ROUND
    r = x - n * LOG2_HIGH - n * LOG2_LOW
    r2 = r * r
    cosh = r2 * (
        1 / 2
        + r2
        * (1 / 24 + r2 * (1 / 720 + r2 * (1 / 40320 + r2 * (1 / 3628800 + r2 * (1 / 479001600)))))
    )
    sinh_over_r = 1 + r2 * (
        1 / 6
        + r2
        * (
            1 / 120
            + r2 * (1 / 5040 + r2 * (1 / 362880 + r2 * (1 / 39916800 + r2 * (1 / 6227020800))))
        )
    )
    exponent = np.float64(shifted).view(np.int64) << np.int64(MANTISSA_BITS)
    return np.int64(exponent + np.int64(ONE)).view(np.float64), cosh + r * sinh_over_r


@inlined
def exp(x: float) -> float:
    """exp(x) for x <= 1, to the last bit or two; 0 below -700."""
    power, q = exp_in_parts(max(x, LEAST_EXPONENT))
    return power + power * q if x >= LEAST_EXPONENT else 0.0


@inlined
def expm1(x: float) -> float:
    """exp(x) - 1 for x <= 0, to the last bit or two, however near 0 x is."""
    power, q = exp_in_parts(max(x, LEAST_EXPONENT))
    return (power - 1) + power * q


@inlined
def log1p(e: float) -> float:
    """log(1 + e) for e in [0, 1], to the last bit or two, however small e is.

    It is 2 artanh(s) with s = e / (2 + e) <= 1/3, and artanh(s) = s + s**3 / 3 + s**5 / 5 + ... Its
    even and odd terms are two series that do not wait for each other. The first term left out is
    s**33 / 33: less than 2e-17 of s.
    """
    s = e / (2 + e)
    s2, s4 = s * s, s * s * s * s
    even = 1 / 3 + s4 * (
        1 / 7
        + s4
        * (1 / 11 + s4 * (1 / 15 + s4 * (1 / 19 + s4 * (1 / 23 + s4 * (1 / 27 + s4 * (1 / 31))))))
    )
    odd = 1 / 5 + s4 * (
        1 / 9 + s4 * (1 / 13 + s4 * (1 / 17 + s4 * (1 / 21 + s4 * (1 / 25 + s4 * (1 / 29)))))
    )
    return 2 * s + 2 * s * s2 * (even + s2 * odd)


@inlined
def log(x: float) -> float:
    """log(x) for x in [1e-300, 1/2], to the last bit or two; minus infinity below.

    x = 2**n m with 1 <= m < 2, so log(x) = n log 2 + log(1 + (m - 1)). n is read from x's bits, and
    becomes a float in the lowest bits of ROUND, as in `exp`.
    """
    bits = np.float64(x).view(np.int64)
    exponent = bits >> np.int64(MANTISSA_BITS)
    n = np.int64(exponent + np.int64(ROUND_BITS - 1023)).view(np.float64) - ROUND
    m = np.int64((bits & np.int64(MANTISSA)) | np.int64(ONE)).view(np.float64)
    return n * LOG2_HIGH + (n * LOG2_LOW + log1p(m - 1)) if x >= LEAST_LOGARITHM_OF else -math.inf


@scalar
def log_of_rest(y: float) -> float:
    """log(1 - exp(-y)) for y >= 0, exact to the last digits.

    Both forms are exact near y = log 2 = 0.69..., where exp(-y) is 1/2; below, 1 - exp(-y) would
    cancel, and above, its logarithm.
    """
    return math.log(-math.expm1(-y)) if y < 0.7 else math.log1p(-math.exp(-y))


@scalar
def softplus(x: float) -> float:
    """log(1 + exp(x))."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@scalar
def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x))."""
    small = math.exp(-abs(x))
    return 1 / (1 + small) if x > 0 else small / (1 + small)
