"""What the host computes for GenDR's distributions and conorms, once a call: numbers and
compile-time constants of the kernels. For the Soft Rasterizer they are there, and no kernel reads
them.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import torch

from ..options import Options


def dials(o: Options, dtype: torch.dtype) -> dict[str, Any]:
    """What the kernels must know of the distribution and the conorm, by the kernels' parameters."""
    conorm, p = o.conorm, float(o.p)
    if (conorm, p) == ("hamacher", 0.0):  # the same function, and log p is finite
        conorm, p = "dombi", 1.0
    terms = 0
    if o.distribution.startswith("gamma"):
        terms = gamma_terms(float(o.shape), torch.finfo(dtype).eps)
    numbers = {
        "shape": float(o.shape),
        "log_gamma": math.lgamma(o.shape + 1),
        "shift": float(o.shift),
        "p": p,
        "log_p": math.log(abs(p)),
        "terms": terms,
    }
    return numbers | constants(o.distribution, o.squared, conorm)


def constants(distribution: str, squared: bool, conorm: str) -> dict[str, Any]:
    """Which distribution and which conorm: for these the kernels are compiled anew, at the first
    call. F_rev(x) = 1 - F(-x) is `REVERSED`."""
    mirrored = distribution == "gumbel_min" or distribution.endswith("_rev")
    name = "gumbel_max" if distribution == "gumbel_min" else distribution.removesuffix("_rev")
    return {"DISTRIBUTION": name, "REVERSED": mirrored, "SQUARED": squared, "CONORM": conorm}


@functools.cache
def gamma_terms(shape: float, precision: float) -> int:
    """How many terms `gendr_distributions.gamma_sums` takes.

    The series sum x**n / ((shape + 1) ... (shape + n)) serves up to x = shape + 2, and wants most
    terms there: as many as it takes for a term below a thousandth of the precision. That is some
    to spare for the continued fraction, which serves beyond, and wants most there too.
    """
    x = shape + 2.0
    n, term = 0, 1.0
    while term > 1e-3 * precision:
        n += 1
        term *= x / (shape + n)
    return n
