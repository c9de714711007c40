"""The 18 distributions of GenDR (Petersen et al., arXiv 2204.13845): how an edge fades. One small
function a distribution.

A triangle is blurred as if a random number moved its edge. D = F(x) is the probability that the
pixel is then inside: x is the signed distance to the edge over sigma, F the random number's
distribution function, and its density f = F' is how fast the edge fades at x.

Far outside, D is too small a number for float32; far inside, 1 - D is. So each function returns a
logarithm that is accurate however far out, and that logarithm's slope:

    below(x)  log F(x)        f / F
    above(x)  log(1 - F(x))   f / (1 - F), which is minus the slope

A symmetric distribution has F(-x) = 1 - F(x), so `above` is `below` from the other side, and one
function says it all. A distribution `_rev` (and gumbel_min) is another one seen in a mirror,
F_rev(x) = 1 - F(-x): its `below` is the other's `above`. Where f = 0, slopes are 0 too, also where
F = 0 or 1. `FAMILY` at the end lists all.

Exponential, gamma and levy begin at an edge of their own, y = 0. They take y = x + shift (mirrored:
y = shift - x), shift by default 0: a positive one grows the triangle, and shrinks it in the mirror.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

Tail = tuple[Tensor, Tensor]  # log F and its slope f / F, or log(1 - F) and f / (1 - F)

# ------------------------------------------------- finite support: exactly 0 or 1 from some x on


def hard(x: Tensor) -> Tail:
    """F = 1 for x > 0, else 0: no blur. f = 0, so no gradient. Support: nothing but the edge.

    GenDR's code: 0.
    """
    return torch.zeros_like(x).masked_fill(x <= 0, -torch.inf), torch.zeros_like(x)


def hard_above(x: Tensor) -> Tail:
    """1 - F = 0 for x > 0, else 1."""
    return torch.zeros_like(x).masked_fill(x > 0, -torch.inf), torch.zeros_like(x)


def uniform(x: Tensor) -> Tail:
    """F = (1 + x) / 2, f = 1/2 on [-1, 1]: a straight ramp.

    GenDR's code: 1, its default and, on average, its paper's best.
    """
    y, rest = _ramp(x)
    return _log(y, rest), _within(x, 0.5 / y)


def cubic_hermite(x: Tensor) -> Tail:
    """F = y^2 (3 - 2 y), y = (1 + x) / 2, f = 3 y (1 - y) on [-1, 1]: the `smoothstep` of graphics.

    GenDR's code: 2.
    """
    y, rest = _ramp(x)
    return _log(y * y * (3 - 2 * y), rest * rest * (3 - 2 * rest)), _within(
        x, 3 * rest / (y * (3 - 2 * y))
    )


def wigner_semicircle(x: Tensor) -> Tail:
    """F = 1/2 + (x sqrt(1 - x^2) + asin x) / pi, f = (2 / pi) sqrt(1 - x^2), half a circle, on [-1,
    1]. GenDR's code: 3.

    With x = -cos(a / 2), F = (a - sin a) / (2 pi). For small a the difference is its Taylor series,
    a^3/6 - a^5/120 + ...
    """
    y, rest = _ramp(x)

    def circle_segment(y: Tensor, rest: Tensor) -> Tensor:
        a = 4 * torch.atan2(
            torch.sqrt(y), torch.sqrt(rest)
        )  # in [0, 2 pi], accurate near 0 where acos is not
        s = a.clamp_max(1.0)
        q = s * s
        series = (
            s
            * q
            / 6
            * (
                1
                - q
                / 20
                * (1 - q / 42 * (1 - q / 72 * (1 - q / 110 * (1 - q / 156 * (1 - q / 210)))))
            )
        )
        return torch.where(a < 1, series, a - torch.sin(a)) / (2 * math.pi)

    f = circle_segment(y, rest)
    return _log(f, circle_segment(rest, y)), _within(x, 4 / math.pi * torch.sqrt(y * rest) / f)


# ------------------------------------------------- light tails: D falls as an exponential or faster


def gaussian(x: Tensor) -> Tail:
    """F = Phi(x), f = exp(-x^2 / 2) / sqrt(2 pi): the normal distribution, on the whole line.

    GenDR's code: 4.
    """
    # f / F = sqrt(2 / pi) / erfcx(-x / sqrt 2), where erfcx(t) = exp(t^2) erfc(t) is about 1 / (t
    # sqrt(pi)), and not 0, for large t.
    return torch.special.log_ndtr(x), math.sqrt(2 / math.pi) / torch.special.erfcx(
        x * -math.sqrt(0.5)
    )


def laplace(x: Tensor) -> Tail:
    """F = exp(x) / 2 for x < 0, 1 - exp(-x) / 2 for x >= 0; f = exp(-|x|) / 2, on the whole line.

    GenDR's code: 5.
    """
    half = torch.exp(-x.abs()) / 2
    return torch.where(x < 0, x - math.log(2), torch.log1p(-half)), torch.where(
        x < 0, 1.0, half / (1 - half)
    )


def logistic(x: Tensor) -> Tail:
    """F = sigmoid(x) = 1 / (1 + exp(-x)), f = F (1 - F), on the whole line.

    SoftRas, with the squared distance. GenDR's code: 6.
    """
    return logsigmoid(x), torch.sigmoid(-x)


def hyperbolic_secant(x: Tensor) -> Tail:
    """F = (2 / pi) atan(exp x), f = 1 / (pi cosh x), on the whole line.

    The Gudermannian function of GenDR, whose code: 7.
    """
    e = torch.exp(
        -x.abs()
    )  # in (0, 1]; F is (2 / pi) atan(e) on the left, 1 - (2 / pi) atan(e) on the right
    ratio = torch.where(e < 1e-9, 1.0, torch.atan(e) / e)  # tends to 1, also where exp has given 0
    left = math.log(2 / math.pi) - x.abs() + torch.log(ratio)
    right = torch.log1p(-(2 / math.pi) * torch.atan(e))
    slope = torch.where(x < 0, 1 / ratio, (2 / math.pi) * e / torch.exp(right)) / (1 + e * e)
    return torch.where(x < 0, left, right), slope


def gumbel_max(x: Tensor) -> Tail:
    """F = exp(-exp(-x)), f = exp(-x) F, on the whole line: the largest of many.

    Outside, D falls as exp(-exp(|x|)). GenDR's code: 10.

    Its mirror image gumbel_min, F = 1 - exp(-exp(x)), is steep inside and has a light tail outside.
    GenDR's code: 11.
    """
    e = torch.exp(-x)
    return -e, e


def gumbel_max_above(x: Tensor) -> Tail:
    """1 - F = 1 - exp(-e), e = exp(-x).

    For large x that is e, so the logarithm is -x, also where e is too small a number.
    """
    e = torch.exp(-x).clamp_max(_steep(x))
    ratio = torch.where(e < 1e-18, 1.0, -torch.expm1(-e) / e)
    return torch.where(
        x > 0, torch.log(ratio) - x, _log(-torch.expm1(-e), torch.exp(-e))
    ), torch.exp(-e) / ratio


# ------------------------------------------------- heavy tails: D falls as a power of x, slowly


def cauchy(x: Tensor) -> Tail:
    """F = atan(x) / pi + 1/2, f = 1 / (pi (1 + x^2)), on the whole line. D falls like 1 / |x|.

    GenDR's code: 8.
    """
    outside, inside = (
        torch.atan2(torch.ones_like(x), -x),
        torch.atan2(torch.ones_like(x), x),
    )  # pi F, pi (1 - F)
    cosine = 1 / torch.hypot(torch.ones_like(x), x)
    return torch.where(
        x < 0, torch.log(outside / math.pi), torch.log1p(-inside / math.pi)
    ), cosine * (cosine / outside)


def reciprocal(x: Tensor) -> Tail:
    """F = 1/2 + x / (2 (1 + |x|)), f = 1 / (2 (1 + |x|)^2), on the whole line.

    D falls like 1 / |x|. GenDR's code: 9.
    """
    half = 0.5 / (1 + x.abs())  # F on the left, 1 - F on the right
    return torch.where(x < 0, torch.log(half), torch.log1p(-half)), torch.where(
        x < 0, 2 * half, 2 * half * half / (1 - half)
    )


# ------------------------------------------------ one-sided: a triangle only shrinks, or only grows


def exponential(y: Tensor) -> Tail:
    """F = 1 - exp(-y), f = exp(-y) for y = x + shift > 0, else 0.

    D grows from 0 at the edge inwards. GenDR's code: 12.

    Its mirror image exponential_rev, F = exp(x - shift) for x < shift, else 1, fills the triangle
    and fades outside only: with the squared distance and no shift, DIB-R's silhouette (Chen et al.,
    arXiv 1908.01210). GenDR's code: 13.
    """
    inside, y = y > 0, torch.where(y > 0, y, 1.0)
    return torch.where(inside, _log(-torch.expm1(-y), torch.exp(-y)), -torch.inf), torch.where(
        inside, 1 / torch.expm1(y), 0.0
    )


def exponential_above(y: Tensor) -> Tail:
    """1 - F = exp(-y) for y > 0, else 1."""
    return -y.clamp_min(0), (y > 0).to(y.dtype)


def gamma(y: Tensor, shape: float) -> Tail:
    """F = P(a, y) = int_0^y t^(a-1) exp(-t) dt / Gamma(a), f = y^(a-1) exp(-y) / Gamma(a) for y = x
    + shift > 0, a = shape (default 2).

    shape = 1 is the exponential distribution; above 1, f starts at 0, so an edge has no kink.
    GenDR's code: 14, mirrored (gamma_rev) 15.
    """
    return _gamma(y, shape)[:2]


def gamma_above(y: Tensor, shape: float) -> Tail:
    """1 - F = Q(a, y) = 1 - P(a, y)."""
    return _gamma(y, shape)[2:]


def _gamma(y: Tensor, a: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """log P, f / P, log Q and f / Q: below y = a + 1 from the series of P, above it from the
    continued fraction of Q.
    """
    positive, small = y > 0, y < a + 1
    y = torch.where(positive, y, 1.0)

    # P = y^a exp(-y) / Gamma(a + 1) * (1 + y / (a + 1) + y^2 / ((a + 1) (a + 2)) + ...)
    t = y.clamp_max(a + 1)
    term = series = torch.ones_like(t)
    for n in range(1, 40 + int(10 * math.sqrt(a))):
        term = term * t / (a + n)
        series = series + term
    log_p = a * torch.log(t) - t - math.lgamma(a + 1) + torch.log(series)

    # Q = y^a exp(-y) / Gamma(a) * 1 / (y + 1 - a - 1 (1 - a) / (y + 3 - a - 2 (2 - a) / (y + 5 - a
    # - ...))), from the inside out
    t = y.clamp_min(a + 1)
    fraction = torch.zeros_like(t)
    for n in range(60 + int(10 * math.sqrt(a)), 0, -1):
        fraction = n * (n - a) / (t + (2 * n + 1 - a) - fraction)
    fraction = t + (1 - a) - fraction
    log_q = a * torch.log(t) - t - math.lgamma(a) - torch.log(fraction)

    f_p, f_q = a / (y * series), fraction / t  # f / P from the series, f / Q from the fraction
    p, q = torch.exp(log_p).clamp_max(1), torch.exp(log_q)
    below = torch.where(small, log_p, torch.log1p(-q)), torch.where(small, f_p, f_q * (q / (1 - q)))
    above = torch.where(small, torch.log1p(-p), log_q), torch.where(small, f_p * (p / (1 - p)), f_q)
    (log_p, f_p), (log_q, f_q) = below, above
    return (
        torch.where(positive, log_p, -torch.inf), torch.where(positive, f_p, 0.0),
        torch.where(positive, log_q, 0.0), torch.where(positive, f_q, 0.0),
    )  # fmt: skip


def levy(y: Tensor) -> Tail:
    """F = erfc(sqrt(1 / (2 y))), f = y^(-3/2) exp(-1 / (2 y)) / sqrt(2 pi) for y = x + shift > 0,
    else 0. GenDR's code: 16, mirrored 17.

    1 - F falls like 1 / sqrt(y), so levy is never quite full inside, and levy_rev reaches farther
    outside than any other.
    """
    positive, y = y > 0, torch.where(y > 0, y, 1.0)
    z = y.rsqrt()  # F = 2 Phi(-z)
    log_f = torch.where(
        z < 1, torch.log1p(-torch.erf(z * math.sqrt(0.5))), math.log(2) + torch.special.log_ndtr(-z)
    )
    slope = math.sqrt(2 / math.pi) / torch.special.erfcx(z * math.sqrt(0.5)) * z / (2 * y)
    return torch.where(positive, log_f, -torch.inf), torch.where(positive, slope, 0.0)


def levy_above(y: Tensor) -> Tail:
    """1 - F = erf(z / sqrt 2), z = 1 / sqrt(y), for y > 0, else 1."""
    positive, y = y > 0, torch.where(y > 0, y, 1.0)
    z = y.rsqrt()
    inside = torch.erf(z * math.sqrt(0.5))
    log_inside = torch.where(z < 1, torch.log(inside), torch.log1p(-torch.erfc(z * math.sqrt(0.5))))
    z = z.clamp_max(1e3)  # where the exponential is 0
    slope = torch.exp(-z * z / 2) * math.sqrt(0.5 / math.pi) * (z / inside) * z * z
    return torch.where(positive, log_inside, 0.0), torch.where(positive, slope, 0.0)


# ---------------------------------------------------------------- all of them


@dataclass(frozen=True)
class Distribution:
    """A member of the family: its two tails, where y lives, its parameters, and whether it is seen
    in a mirror.
    """

    below: Callable[..., Tail]
    above: Callable[..., Tail]
    start: float = -math.inf  # F = 0 up to here
    stop: float = math.inf  # F = 1 from here on
    has_shape: bool = False
    has_shift: bool = False
    mirrored: bool = False

    def tails(self, x: Tensor, shape: float, shift: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """log F, its slope f / F, log(1 - F), its slope -f / (1 - F), all of the shape of x and
        finite but for log 0.
        """
        y = -x if self.mirrored else x
        y = y + shift if self.has_shift else y
        parameters = (shape,) if self.has_shape else ()
        below, above = self.below(y, *parameters), self.above(y, *parameters)
        (log_f, slope), (log_outside, slope_outside) = (
            (above, below) if self.mirrored else (below, above)
        )
        return log_f, slope.clamp_max(_steep(x)), log_outside, -slope_outside.clamp_max(_steep(x))

    def left_end(self, shift: float) -> float:
        """F = 0 up to here, F > 0 beyond; minus infinity for a tail that never ends."""
        return -self.stop if self.mirrored else self.start - (shift if self.has_shift else 0.0)


def _ramp(x: Tensor) -> tuple[Tensor, Tensor]:
    """y = (1 + x) / 2, cut off at 0 and 1, and 1 - y, each accurate where it is small."""
    x = x.clamp(-1, 1)
    return (1 + x) / 2, (1 - x) / 2


def _log(part: Tensor, rest: Tensor) -> Tensor:
    """log(part), from the smaller of `part` and `rest`, which add up to 1."""
    return torch.where(part < 0.5, torch.log(part), torch.log1p(-rest))


def _within(x: Tensor, slope: Tensor) -> Tensor:
    """`slope` on (-1, 1), and 0 elsewhere."""
    return torch.where(x.abs() < 1, slope, 0.0)


def _steep(x: Tensor) -> float:
    """No slope is called steeper than this, 3e30 in float32, so that it stays finite when it is
    divided by sigma.
    """
    return torch.finfo(x.dtype).max * 1e-8


def _symmetric(below: Callable[[Tensor], Tail], **facts: float) -> Distribution:
    return Distribution(below, lambda x: below(-x), **facts)  # type: ignore[arg-type]


FAMILY = {
    "hard": Distribution(hard, hard_above, start=0.0, stop=0.0),
    "uniform": _symmetric(uniform, start=-1.0, stop=1.0),
    "cubic_hermite": _symmetric(cubic_hermite, start=-1.0, stop=1.0),
    "wigner_semicircle": _symmetric(wigner_semicircle, start=-1.0, stop=1.0),
    "gaussian": _symmetric(gaussian),
    "laplace": _symmetric(laplace),
    "logistic": _symmetric(logistic),
    "hyperbolic_secant": _symmetric(hyperbolic_secant),
    "cauchy": _symmetric(cauchy),
    "reciprocal": _symmetric(reciprocal),
    "gumbel_max": Distribution(gumbel_max, gumbel_max_above),
    "gumbel_min": Distribution(gumbel_max, gumbel_max_above, mirrored=True),
    "exponential": Distribution(exponential, exponential_above, start=0.0, has_shift=True),
    "exponential_rev": Distribution(
        exponential, exponential_above, start=0.0, has_shift=True, mirrored=True
    ),
    "gamma": Distribution(gamma, gamma_above, start=0.0, has_shape=True, has_shift=True),
    "gamma_rev": Distribution(
        gamma, gamma_above, start=0.0, has_shape=True, has_shift=True, mirrored=True
    ),
    "levy": Distribution(levy, levy_above, start=0.0, has_shift=True),
    "levy_rev": Distribution(levy, levy_above, start=0.0, has_shift=True, mirrored=True),
}
