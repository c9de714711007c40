"""The two dials of a soft rasterizer: the distribution (how an edge fades) and the T-conorm (how faces add up).

The Soft Rasterizer is one member of the family that GenDR (Petersen et al., arXiv 2204.13845) describes: logistic
distribution, squared distance, probabilistic conorm. It is the only member so far. Everything stays in logarithms, so that no
sigma, however small, gives 0 * inf.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

DISTRIBUTIONS = (
    "hard", "uniform", "cubic_hermite", "wigner_semicircle", "gaussian", "laplace", "logistic", "hyperbolic_secant", "cauchy", "reciprocal",
    "gumbel_max", "gumbel_min", "exponential", "exponential_rev", "gamma", "gamma_rev", "levy", "levy_rev",
)  # fmt: skip
CONORMS = ("hard", "max", "probabilistic", "einstein", "hamacher", "frank", "yager", "aczel_alsina", "dombi", "schweizer_sklar")


def log_probability(logit: Tensor) -> tuple[Tensor, Tensor]:
    """log D and log(1 - D) for the probability map D = sigmoid(logit) (SoftRas, section 3.2), both of the shape of `logit`."""
    return logsigmoid(logit), logsigmoid(-logit)


def combine(log_outside: Tensor, dim: int) -> Tensor:
    """Silhouette alpha = 1 - prod_j (1 - D_j), the aggregate function A_O, from log(1 - D_j) along `dim` (faces)."""
    return 0 - torch.expm1(log_outside.sum(dim))  # 0 - x and not -x, because an empty pixel's -0.0 prints badly


def check_softness(distribution: str, squared: bool, shape: float | None, shift: float | None, conorm: str, p: float | None) -> None:
    """Say clearly what is not there: ValueError for a name nobody knows, NotImplementedError for a GenDR choice not built yet."""
    if distribution not in DISTRIBUTIONS:
        raise ValueError(f"distribution: got {distribution!r}, wanted one of {', '.join(DISTRIBUTIONS)}")
    if conorm not in CONORMS:
        raise ValueError(f"conorm: got {conorm!r}, wanted one of {', '.join(CONORMS)}")
    if distribution != "logistic" or not squared:
        raise NotImplementedError(f"distribution={distribution!r}, squared={squared}: only the Soft Rasterizer's 'logistic', squared=True, is built so far")
    if conorm != "probabilistic":
        raise NotImplementedError(f"conorm={conorm!r}: only the Soft Rasterizer's 'probabilistic' is built so far")
    for name, value, owner in (("shape", shape, distribution), ("shift", shift, distribution), ("p", p, conorm)):
        if value is not None:
            raise ValueError(f"{name}: got {value!r}, but {owner!r} has no such parameter; leave it None")
