"""Functions of one number that the kernels need, block by block, where Triton's own are too slow,
not accurate enough, or missing.

Compiled, libdevice has erfc, atan and many more, but the interpreter has none of them, and what
it cannot run no test without a GPU can see. So they are made of exp, log, sqrt and a fixed number
of terms: good to 1e-12 in float64, and to about the last digit in float32. How many terms: the
first one left out is below that, at the end of the interval where the series serves.

Numbers written in the source take the dtype of the tensor they meet, so float64 stays float64.
"""
# mypy: ignore-errors
# ruff: noqa: SIM108

import triton
import triton.language as tl
from triton.language.extra import libdevice

COMPILED = tl.constexpr(isinstance(tl.sum, triton.JITFunction))  # False in the interpreter
# Stands for infinity where 0 * inf or inf - inf could be met. float32 ends at 3.4e38, so that
# sums of a few of them are numbers, and the reciprocal 1e-37 is one that the hardware does not
# round to 0.
FINITE = tl.constexpr(1e37)
# About float32's smallest normal number, 1.2e-38: what is below counts as 0.
SMALLEST = tl.constexpr(1e-37)
MOST_EXPONENT = tl.constexpr(80.0)  # exp(80) = 6e34 is a float32 number, exp(89) is none
LOG_2 = tl.constexpr(0.6931471805599453)
INV_LOG_2 = tl.constexpr(1.4426950408889634)  # exp(x) = 2**(x / log 2)
# (a + 1) Mills(a) as a polynomial in t = (a - 4) / (a + 4), highest power first: t runs from -1
# to 1 while a runs from 0 to infinity. Interpolated at Chebyshev nodes in 40 digits, good to
# 1e-13.
MILLS = tl.constexpr(
    (
        -1.1921763888027694e-07,
        -8.365502022040508e-08,
        1.0997993745867928e-06,
        1.1079979297684878e-06,
        -6.257680128981821e-06,
        -8.668824152017462e-06,
        3.397482556121366e-05,
        5.3295951194365674e-05,
        -0.00022014527494553386,
        -0.000236710427551377,
        0.0017418328436225876,
        -0.0007159492944269852,
        -0.012539101652483278,
        0.044959128906051964,
        -0.0807080097900902,
        0.07169048121016336,
        0.03509188023659335,
        -0.24239967052194691,
        1.1832619145678034,
    )
)


@triton.jit
def clamp(x):
    """x, held in [0, 1]. The compiler makes it part of the instruction before."""
    return tl.minimum(tl.maximum(x, 0.0), 1.0)


@triton.jit
def smallest(a, b, c):
    """The least of three, number by number."""
    return tl.minimum(tl.minimum(a, b), c)


@triton.jit
def largest(a, b, c):
    """The greatest of three, number by number."""
    return tl.maximum(tl.maximum(a, b), c)


@triton.jit
def divide(a, b):
    """a / b, block by block. In float32 on a GPU: a times the hardware's reciprocal of b, exact
    to 2 ulp, 2 instructions where `/` has 7. |b| < 1e38."""
    if COMPILED and b.dtype == tl.float32:
        result = libdevice.fast_dividef(a, b)
    else:
        result = a / b
    return result


@triton.jit
def reciprocal(b):
    """1 / b, as `divide`."""
    return divide(tl.full(b.shape, 1.0, b.dtype), b)


@triton.jit
def negative(x):
    """-x. Triton's own minus is 0 - x, an addition; a factor of -1 the compiler makes part of the
    next instruction."""
    return x * -1.0


@triton.jit
def exp_minus_abs(x):
    """exp(-|x|), which never overflows. In float32 on a GPU the sign becomes part of the
    hardware's power of two."""
    if COMPILED and x.dtype == tl.float32:
        result = tl.exp2(negative(tl.abs(x * INV_LOG_2)))
    else:
        result = tl.exp(-tl.abs(x))
    return result


@triton.jit
def exp(x):
    """exp(x). In float32 on a GPU: what is below 1e-38 becomes 0 at once, which saves 3
    instructions of 5."""
    if COMPILED and x.dtype == tl.float32:
        result = libdevice.fast_expf(x)
    else:
        result = tl.exp(x)
    return result


@triton.jit
def log1p(e):
    """log(1 + e) for e in [-1/2, 1], with all the digits of a small e that 1 + e would round
    away."""
    if e.dtype == tl.float64:
        u = 1.0 + e
        result = tl.log(u) - ((u - 1.0) - e) / u  # the second term puts back what u has lost
    else:
        # log(1 + e) = 2 artanh(s), s = e / (2 + e), |s| <= 1/3. The series is 2 s (1 + t / 3 +
        # t**2 / 5 + ...), t = s**2 <= 1/9. The numbers here are not 2/3, 2/5, 2/7 and 2/9, but
        # fitted, so that four of them reach 1e-8 on that interval. It is cheaper than tl.log.
        s = divide(e, 2.0 + e)
        t = s * s
        result = s * (2.0 + t * (0.66666316 + t * (0.40024854 + t * (0.27961419 + t * 0.28174657))))
    return result


@triton.jit
def log1p_any(e):
    """log(1 + e) for any e >= -1. Outside of [-1/2, 1], 1 + e loses nothing that matters."""
    fine = (e > -0.5) & (e < 1.0)
    return tl.where(fine, log1p(tl.where(fine, e, 0.0)), tl.log(1.0 + e))


@triton.jit
def expm1_over(x):
    """(exp(x) - 1) / x, which is 1 for x = 0. Near 0 by its series 1 + x / 2 (1 + x / 3 (1 + x /
    4 (...)))."""
    terms: tl.constexpr = 14 if x.dtype == tl.float64 else 8  # (1/2)**n / (n + 1)! is below an ulp
    series = tl.full(x.shape, 1.0, x.dtype)
    for n in tl.static_range(terms, 1, -1):
        series = 1.0 + x * series * (1.0 / n)
    near = tl.abs(x) < 0.5
    return tl.where(near, series, divide(exp(x) - 1.0, tl.where(near, 1.0, x)))


@triton.jit
def expm1(x):
    """exp(x) - 1, with all the digits of a small x."""
    return tl.where(tl.abs(x) < 0.5, x * expm1_over(x), exp(x) - 1.0)


@triton.jit
def log1m_exp(x):
    """log(1 - exp(-x)) for x >= 0; minus infinity for x = 0."""
    near = x < LOG_2  # there 1 - exp(-x) < 1/2
    return tl.where(
        near,
        tl.log(x * expm1_over(negative(x))),
        log1p(negative(exp_minus_abs(tl.where(near, 1.0, x)))),
    )


@triton.jit
def softplus(x):
    """log(1 + exp(x)), for any x."""
    return tl.maximum(x, 0.0) + log1p(exp_minus_abs(x))


@triton.jit
def atan_over(q):
    """atan(q) / q for q in [0, 1], which is 1 for q = 0: halve the angle twice, by tan(t / 2) =
    tan(t) / (1 + sqrt(1 + tan(t)**2)), then the series 1 - r**2 / 3 + r**4 / 5 - ..."""
    terms: tl.constexpr = 11 if q.dtype == tl.float64 else 5
    first = reciprocal(1.0 + tl.sqrt(1.0 + q * q))
    r = q * first  # <= tan(pi / 8) = 0.42
    second = reciprocal(1.0 + tl.sqrt(1.0 + r * r))
    r = r * second  # <= tan(pi / 16) = 0.2
    t = r * r
    series = tl.full(q.shape, 1.0 / (2 * terms + 1), q.dtype)
    for n in tl.static_range(terms - 1, -1, -1):
        series = 1.0 / (2 * n + 1) - t * series
    return 4.0 * first * second * series


@triton.jit
def mills(a):
    """Mills' ratio of the normal distribution for a >= 0: Phi(-a) / phi(a), the probability
    beyond a over the density at a. 1 / a for large a."""
    t = divide(a - 4.0, a + 4.0)
    series = tl.full(a.shape, MILLS[0], a.dtype)
    for k in tl.static_range(1, 19):
        series = series * t + MILLS[k]
    return divide(series, a + 1.0)
