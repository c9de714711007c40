"""The names of the family's members, their parameters, and what is wrong with a request for one."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

DISTRIBUTIONS = (
    "hard", "uniform", "cubic_hermite", "wigner_semicircle", "gaussian", "laplace", "logistic",
    "hyperbolic_secant", "cauchy", "reciprocal", "gumbel_max", "gumbel_min", "exponential",
    "exponential_rev", "gamma", "gamma_rev", "levy", "levy_rev",
)  # fmt: skip
CONORMS = (
    "hard", "max", "probabilistic", "einstein", "hamacher", "frank", "yager", "aczel_alsina",
    "dombi", "schweizer_sklar",
)  # fmt: skip

# Who has which parameter, and what None stands for.
SHAPE = {"gamma": 2.0, "gamma_rev": 2.0}
SHIFT = dict.fromkeys(
    ("exponential", "exponential_rev", "gamma", "gamma_rev", "levy", "levy_rev"), 0.0
)
P = {
    "hamacher": 0.0,
    "frank": 2.0,
    "yager": 2.0,
    "aczel_alsina": 2.0,
    "dombi": 2.0,
    "schweizer_sklar": -2.0,
}


def check_softness(
    distribution: str,
    squared: bool,
    shape: float | None,
    shift: float | None,
    conorm: str,
    p: float | None,
) -> tuple[float, float, float]:
    """The numbers `shape`, `shift` and `p`, with defaults for None.

    Where a choice has no such parameter: 1, 0, 1.

    Args:
        distribution, squared, shape, shift, conorm, p: as in `rasterize`.

    Raises:
        ValueError: an unknown name, or a parameter that it does not have or that is out of range.
    """
    for name, choice, choices in (
        ("distribution", distribution, DISTRIBUTIONS),
        ("conorm", conorm, CONORMS),
    ):
        if choice not in choices:
            raise ValueError(f"{name}: got {choice!r}, wanted one of {', '.join(choices)}")
    if not isinstance(squared, bool):
        raise ValueError(f"squared: got {squared!r}, wanted True or False")
    shape = _parameter(
        "shape",
        shape,
        distribution,
        SHAPE,
        1.0,
        "a number from 0.1 to 100",
        lambda a: 0.1 <= a <= 100,
    )
    shift = _parameter(
        "shift",
        shift,
        distribution,
        SHIFT,
        0.0,
        "a number from -1e6 to 1e6",
        lambda s: -1e6 <= s <= 1e6,
    )
    wanted, fits = {
        "hamacher": ("0 or a number from 1e-30 to 1e30", lambda q: q == 0 or 1e-30 <= q <= 1e30),
        "frank": (
            "a number from 1e-30 to 1e30, but not 1",
            lambda q: 1e-30 <= q <= 1e30 and q != 1,
        ),
        "schweizer_sklar": ("a number from -1e30 to -1e-30", lambda q: -1e30 <= q <= -1e-30),
    }.get(conorm, ("a number from 1e-30 to 1e30", lambda q: 1e-30 <= q <= 1e30))
    return shape, shift, _parameter("p", p, conorm, P, 1.0, wanted, fits)


def _parameter(
    name: str,
    value: float | None,
    owner: str,
    defaults: dict[str, float],
    without: float,
    wanted: str,
    fits: Callable[[float], bool],
) -> float:
    """`value`, or its default for None, or `without` if `owner` has no such parameter."""
    if owner not in defaults:
        if value is not None:
            raise ValueError(
                f"{name}: got {value!r}, but {owner!r} has no such parameter; leave it None"
            )
        return without
    if value is None:
        return defaults[owner]
    if not isinstance(value, Real) or not fits(float(value)):
        raise ValueError(f"{name}: got {value!r}, wanted {wanted} for {owner!r}")
    return float(value)
