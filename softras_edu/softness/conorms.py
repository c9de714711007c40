"""The 10 T-conorms of GenDR (Petersen et al., arXiv 2204.13845): how faces add up to a silhouette.
One small class a conorm.

A T-conorm is a way to say "or" with probabilities: S(a, b) is the probability that a or b covers
the pixel. It is commutative, associative and monotone, with S(a, 0) = a and S(a, 1) = 1. So faces
may come in any order, and each of these can be written

    lift    a number for each face, from log D and log(1 - D)
    sum     over the faces: their sum, the logarithm of the sum of their exponentials, or the
        largest back    from that sum to alpha

which leaves ONE number a pixel to keep. Why the lift is a logarithm: no D is too close to 0 or 1
for it. Why it has to be written with care: autograd multiplies by the slope of each step, so no
step may be infinitely steep, not even where D is exactly 0 or 1.

`p` is a parameter that some have. `FAMILY` at the end lists all.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


class Conorm:
    """A conorm of the family.

    `kind` says how the faces' lifts become one number: "sum", "logsumexp" or "max" (the first of
    the largest).
    """

    kind = "sum"

    def lift(self, log_d: Tensor, log_outside: Tensor, p: float) -> Tensor:
        """The number that a face adds, from log D and log(1 - D)."""
        raise NotImplementedError

    def back(self, lift_sum: Tensor, p: float) -> Tensor:
        """Alpha from the faces' sum."""
        raise NotImplementedError

    @property
    def nothing(self) -> float:
        """The lift of D = 0 and the sum of no face."""
        return 0.0 if self.kind == "sum" else -math.inf


class Hard(Conorm):
    """1 if any D > 1/2, else 0. No gradient, and no T-conorm either, for S(a, 0) = a fails.

    GenDR's code: 0.
    """

    def lift(self, log_d: Tensor, log_outside: Tensor, p: float) -> Tensor:
        return (log_d > -math.log(2)).to(log_d.dtype) + 0 * log_d.clamp_min(
            -1
        )  # the second term is 0, and so is its slope: alpha keeps a gradient

    def back(self, lift_sum: Tensor, p: float) -> Tensor:
        return lift_sum.clamp_max(1)


class Max(Conorm):
    """S(a, b) = max(a, b), Goedel's: only the face with the largest D counts, and of several such
    the first gets the gradient. GenDR's code: 1.
    """

    kind = "max"

    def lift(self, log_d: Tensor, log_outside: Tensor, p: float) -> Tensor:
        return log_d

    def back(self, lift_sum: Tensor, p: float) -> Tensor:
        return torch.exp(lift_sum)


class Probabilistic(Conorm):
    """S(a, b) = a + b - ab = 1 - (1 - a)(1 - b): independent events, the paper's product. SoftRas.

    GenDR's code: 2.
    """

    def lift(self, log_d: Tensor, log_outside: Tensor, p: float) -> Tensor:
        return log_outside

    def back(self, lift_sum: Tensor, p: float) -> Tensor:
        return 0 - torch.expm1(
            lift_sum
        )  # 0 - x and not -x, because an empty pixel's -0.0 prints badly


class Einstein(Conorm):
    """S(a, b) = (a + b) / (1 + ab): how velocities add up in relativity.

    atanh S = atanh a + atanh b. GenDR's code: 3.
    """

    def lift(self, log_d: Tensor, log_outside: Tensor, p: float) -> Tensor:
        return (torch.log1p(torch.exp(log_d)) - log_outside) / 2  # atanh D

    def back(self, lift_sum: Tensor, p: float) -> Tensor:
        return torch.tanh(lift_sum)


class Hamacher(Conorm):
    """S(a, b) = (a + b + (p - 2) ab) / (1 + (p - 1) ab), p >= 0, default 0: p = 1 is probabilistic,
    p = 2 is Einstein's. GenDR's code: 4.

    log(1 + p D / (1 - D)) adds up. For p = 0 that is no help, but then it is Dombi's with p = 1
    (see `find`).
    """

    def lift(self, log_d: Tensor, log_outside: Tensor, p: float) -> Tensor:
        return -logsigmoid(-(math.log(p) + log_d - log_outside))  # softplus

    def back(self, lift_sum: Tensor, p: float) -> Tensor:
        q = -torch.expm1(-lift_sum)
        return q / (q + p * torch.exp(-lift_sum))


class Frank(Conorm):
    """S(a, b) = 1 - log_p(1 + (p^(1-a) - 1)(p^(1-b) - 1) / (p - 1)), p > 0 and not 1, default 2.

    GenDR's code: 5.

    g = (p^(1-D) - 1) / (p - 1) is multiplied, so -log g adds up. p near 1 is probabilistic, p near
    0 is max, large p is min(1, a + b).
    """

    def lift(self, log_d: Tensor, log_outside: Tensor, p: float) -> Tensor:
        log_p = math.log(p)
        # While g is large it is 1 + p (p^-D - 1) / (p - 1), and then (1 - D) (e^t - 1) / t * log p
        # / (p - 1), t = (1 - D) log p: no 0 in a logarithm.
        less = p / (p - 1) * torch.expm1(-torch.exp(log_d) * log_p)  # g - 1
        large = less > -0.5
        low = -torch.log1p(torch.where(large, less, 0.0))
        t = torch.exp(log_outside) * log_p
        ratio = torch.where(
            t.abs() < 1e-3,
            1 + t / 2 * (1 + t / 3 * (1 + t / 4 * (1 + t / 5))),
            torch.expm1(t) / torch.where(t.abs() < 1e-3, 1.0, t),
        )
        high = -log_outside - torch.log(ratio) - math.log(log_p / (p - 1))
        return torch.where(large, low, high)

    def back(self, lift_sum: Tensor, p: float) -> Tensor:
        less = (p - 1) / p * torch.expm1(-lift_sum)  # p^-alpha - 1
        alpha = -torch.log1p(less.clamp_min(-0.5)) / math.log(p)
        if p > 1:  # the same, accurate near 1
            alpha = torch.where(
                less > -0.5, alpha, 1 - torch.log1p((p - 1) * torch.exp(-lift_sum)) / math.log(p)
            )
        return alpha.clamp_max(1)


class Yager(Conorm):
    """S(a, b) = min(1, (a^p + b^p)^(1/p)), p > 0, default 2: p = 1 is a + b, large p is max.

    Its slope is 0 once it is 1. GenDR's code: 6.
    """

    kind = "logsumexp"

    def lift(self, log_d: Tensor, log_outside: Tensor, p: float) -> Tensor:
        return p * log_d  # log D^p

    def back(self, lift_sum: Tensor, p: float) -> Tensor:
        return torch.exp(torch.where(lift_sum < 0, lift_sum, 0.0) / p)


class AczelAlsina(Conorm):
    """S(a, b) = 1 - exp(-((-ln(1 - a))^p + (-ln(1 - b))^p)^(1/p)), p > 0, default 2: p = 1 is
    probabilistic. GenDR's code: 7.
    """

    kind = "logsumexp"

    def lift(self, log_d: Tensor, log_outside: Tensor, p: float) -> Tensor:
        return p * log_of_minus(log_d, log_outside)  # log (-ln(1 - D))^p

    def back(self, lift_sum: Tensor, p: float) -> Tensor:
        return 0 - torch.expm1(-torch.exp((lift_sum / p).clamp_max(80)))  # beyond, alpha is 1


class Dombi(Conorm):
    """S(a, b) = 1 / (1 + ((1/a - 1)^-p + (1/b - 1)^-p)^(-1/p)), p > 0, default 2: the odds' p-th
    powers add up. GenDR's code: 8.
    """

    kind = "logsumexp"

    def lift(self, log_d: Tensor, log_outside: Tensor, p: float) -> Tensor:
        return p * (log_d - log_outside)  # log (D / (1 - D))^p

    def back(self, lift_sum: Tensor, p: float) -> Tensor:
        return torch.sigmoid(lift_sum / p)


class SchweizerSklar(Conorm):
    """S(a, b) = 1 - ((1 - a)^p + (1 - b)^p - 1)^(1/p), p < 0, default -2: p near 0 is
    probabilistic. GenDR's code: 9.

    (1 - D)^p - 1 adds up, the exponential of y = p log(1 - D) less 1. Its logarithm is y + log(1 -
    exp(-y)), or log y for tiny y.
    """

    kind = "logsumexp"

    def lift(self, log_d: Tensor, log_outside: Tensor, p: float) -> Tensor:
        y = p * log_outside
        tiny = y < torch.finfo(y.dtype).eps
        y = torch.where(tiny, 1.0, y)
        return torch.where(
            tiny, math.log(-p) + log_of_minus(log_d, log_outside), y + torch.log(-torch.expm1(-y))
        )

    def back(self, lift_sum: Tensor, p: float) -> Tensor:
        return 0 - torch.expm1(-logsigmoid(-lift_sum) / p)  # -logsigmoid(-x) is log(1 + exp x)


def log_of_minus(log_d: Tensor, log_outside: Tensor) -> Tensor:
    """log(-log(1 - D)).

    For D too small to be seen beside 1 that is log D, also where D is too small a number and log(1
    - D) is 0.
    """
    small = log_d < math.log(torch.finfo(log_d.dtype).eps) - 1
    return torch.where(small, log_d, torch.log(torch.where(small, 1.0, -log_outside)))


FAMILY: dict[str, Conorm] = {
    "hard": Hard(),
    "max": Max(),
    "probabilistic": Probabilistic(),
    "einstein": Einstein(),
    "hamacher": Hamacher(),
    "frank": Frank(),
    "yager": Yager(),
    "aczel_alsina": AczelAlsina(),
    "dombi": Dombi(),
    "schweizer_sklar": SchweizerSklar(),
}


def find(name: str, p: float) -> tuple[Conorm, float]:
    """The conorm of that name and its p: Hamacher's with p = 0 is Dombi's with p = 1, the odds add
    up.
    """
    return (FAMILY["dombi"], 1.0) if (name, p) == ("hamacher", 0.0) else (FAMILY[name], p)
