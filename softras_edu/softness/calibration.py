"""Pixels <-> sigma: how far an edge reaches, and how fast it rises."""

from __future__ import annotations

import math

from .family import least_x
from .parameters import check_softness


def reach(
    sigma: float,
    dist_eps: float = 1e-4,
    distribution: str = "logistic",
    squared: bool = True,
    shape: float = 1.0,
    shift: float = 0.0,
) -> float:
    """How far outside its edge a triangle still counts, in NDC: there D has fallen to dist_eps.

    `formulas.reach` for any distribution. For dist_eps = 0 the distribution's support decides:
    sqrt(sigma) for the uniform one, say, and infinity for most.

    Args:
        sigma: the blur, in NDC squared, or in NDC if not squared.
        dist_eps: the least D that counts.
        distribution: how an edge fades, one of `DISTRIBUTIONS`.
        squared: does it act on the squared distance over sigma, or on the distance?
        shape, shift: numbers of those distributions that have them.
    """
    outside = max(-least_x(distribution, shape, shift, dist_eps), 0.0)
    return math.sqrt(sigma * outside) if squared else sigma * outside


def sigma_for_reach(
    pixels: float,
    size: int | tuple[int, int],
    *,
    distribution: str = "logistic",
    squared: bool = True,
    shape: float | None = None,
    shift: float | None = None,
    dist_eps: float = 1e-4,
) -> float:
    """The sigma with which an edge reaches `pixels` outward: there D has fallen to `dist_eps`.

    Images are of `size` (H = W, or (H, W)). Beyond, pairs are left out, so no pixel there has a
    gradient. `reach` is the way back, in NDC; times H / 2, in pixels.

    Args:
        pixels: how far, > 0.
        size: of the images, in pixels.
        distribution, squared, shape, shift, dist_eps: as in `rasterize`.

    Raises:
        ValueError: pixels <= 0, or a D that has no blur outside, or one that reaches every pixel
            whatever sigma is.
    """
    shape, shift, _ = check_softness(distribution, squared, shape, shift, "probabilistic", None)
    outside = -least_x(distribution, shape, shift, dist_eps)
    if not 0 < outside < math.inf:
        where = "no pixel outside" if outside <= 0 else "every pixel"
        raise ValueError(
            f"distribution: with dist_eps={dist_eps:g} and shift={shift:g}, {distribution!r} "
            f"reaches {where}, whatever sigma is"
        )
    length = _ndc(pixels, size)
    return length**2 / outside if squared else length / outside


def sigma_for_rise(
    pixels: float,
    size: int | tuple[int, int],
    *,
    distribution: str = "logistic",
    squared: bool = True,
    shape: float | None = None,
    shift: float | None = None,
) -> float:
    """The sigma with which D rises from 0.1 to 0.9 within `pixels`: about the visible blur.

    Images are of `size` (H = W, or (H, W)). To compare distributions, give them the same rise:
    with the same sigma their blurs differ by large factors. `rise` is the way back.

    Args:
        pixels: the width of the edge, > 0.
        size: of the images, in pixels.
        distribution, squared, shape, shift: as in `rasterize`.

    Raises:
        ValueError: pixels <= 0, or the hard distribution, which has no blur.
    """
    ratio = _ndc(pixels, size) / _unit_rise(distribution, squared, shape, shift)
    return ratio**2 if squared else ratio


def rise(
    sigma: float,
    size: int | tuple[int, int],
    *,
    distribution: str = "logistic",
    squared: bool = True,
    shape: float | None = None,
    shift: float | None = None,
) -> float:
    """In how many pixels D rises from 0.1 to 0.9, in images of `size` (H = W, or (H, W)).

    Args:
        sigma, distribution, squared, shape, shift: as in `rasterize`.

    Raises:
        ValueError: an unknown distribution, or the hard one, which has no blur.
    """
    height = size if isinstance(size, int) else size[0]
    return (
        _unit_rise(distribution, squared, shape, shift)
        * (math.sqrt(sigma) if squared else sigma)
        * height
        / 2
    )


def _ndc(pixels: float, size: int | tuple[int, int]) -> float:
    if not pixels > 0:
        raise ValueError(f"pixels: got {pixels!r}, wanted a number > 0")
    return pixels * 2 / (size if isinstance(size, int) else size[0])


def _unit_rise(distribution: str, squared: bool, shape: float | None, shift: float | None) -> float:
    """The rise in NDC for sigma = 1.

    With the squared distance, x = 4 lies two units of length from the edge.
    """
    shape, shift, _ = check_softness(distribution, squared, shape, shift, "probabilistic", None)
    if distribution == "hard":
        raise ValueError("distribution: 'hard' has no blur to measure")
    low, high = (least_x(distribution, shape, shift, level) for level in (0.1, 0.9))
    return (
        math.copysign(math.sqrt(abs(high)), high) - math.copysign(math.sqrt(abs(low)), low)
        if squared
        else high - low
    )
