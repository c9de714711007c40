"""GenDR's family over lanes: the other side of the branch in `silhouette.py`.

Petersen et al., 2022: D is another distribution F of the signed distance over sigma, squared or
not, and a T-conorm takes the place of 1 - prod(1 - D). Which ones is asked between loops over
lanes, not in them. Those without a loop of their own are computed lane after lane, by
`distributions.py` and `conorms.py`. Each function here is called once for LANES pairs or for many
pixels.
"""

from __future__ import annotations

import math

from . import conorms, distributions
from .compiling import Array, Dials, Four, inlined, scalar
from .lanes import (
    FACTOR,
    LIFT_SUM,
    LOG_D,
    LOG_OUTSIDE,
    LOGIT,
    SLOPE_D,
    SLOPE_LIFT,
    SLOPE_OUTSIDE,
    padded,
    pixel_of,
)
from .numbers import log, log1p
from .pair import log_probability, log_probability_slope, small_part

LOGISTIC, UNIFORM = distributions.LOGISTIC, distributions.UNIFORM
MAX, PROBABILISTIC = conorms.MAX, conorms.PROBABILISTIC


# ---------------------------------------------------------------- distributions


@inlined
def signed_root(logit: float, o: Dials) -> float:
    """+-d / sigma from +-d2 / sigma, for squared=False."""
    root = math.sqrt(abs(logit) / o.sigma)
    return root if logit > 0 else -root


@inlined
def signed_root_slope(root: float, o: Dials) -> float:
    """Derivative of `signed_root` with respect to logit; 0 on the boundary, where it has none."""
    return 1 / (2 * abs(root) * o.sigma) if root != 0 else 0.0


@inlined
def uniform(x: float) -> Four:
    """log D, log(1 - D) and their slopes for D = (1 + x) / 2, -1 <= x <= 1.

    Inlined, and so computed for several lanes at once: GenDR found this one best on average.
    """
    less = 0.5 - 0.5 * min(abs(x), 1.0)  # the smaller one of D and 1 - D
    more = 1 - less
    log_less, log_more = log(less), -log1p(less / more)
    rate = 0.5 / less if less > 0 else 0.0
    more_rate = 0.5 / more if less > 0 else 0.0
    above = log_more, log_less, more_rate, -rate
    below = log_less, log_more, rate, -more_rate
    return above if x > 0 else below


@scalar
def soften(s: Array, count: int, slopes: bool, o: Dials) -> None:
    """LOGIT -> LOG_D, LOG_OUTSIDE; and SLOPE_D, SLOPE_OUTSIDE, which are asked for by `slopes`."""
    if not o.squared:
        for k in range(padded(count)):
            s[LOGIT + k] = signed_root(s[LOGIT + k], o)
    if o.distribution == LOGISTIC:
        for k in range(padded(count)):
            x = s[LOGIT + k]
            s[LOG_D + k], s[LOG_OUTSIDE + k] = log_probability(x, small_part(x))
        if slopes:
            for k in range(padded(count)):
                x = s[LOGIT + k]
                s[SLOPE_D + k], s[SLOPE_OUTSIDE + k] = log_probability_slope(x, small_part(x))
    elif o.distribution == UNIFORM:
        for k in range(padded(count)):
            s[LOG_D + k], s[LOG_OUTSIDE + k], s[SLOPE_D + k], s[SLOPE_OUTSIDE + k] = uniform(
                s[LOGIT + k]
            )
    else:
        for k in range(count):
            s[LOG_D + k], s[LOG_OUTSIDE + k], s[SLOPE_D + k], s[SLOPE_OUTSIDE + k] = (
                distributions.tails(s[LOGIT + k], o.distribution, o.shape, o.shift, o.log_gamma)
            )


# ---------------------------------------------------------------- conorms


@scalar
def add_face(s: Array, group: Array, count: int, face: int, winner: Array, o: Dials) -> None:
    """LOGIT -> LOG_D, and one face more in LIFT_SUM.

    For max, the face's number -> winner (P,) if it is the largest so far.
    """
    soften(s, count, False, o)
    if o.conorm == PROBABILISTIC:
        for k in range(padded(count)):
            s[LIFT_SUM + k] += s[LOG_OUTSIDE + k]
        return
    for k in range(count):
        if s[LOG_D + k] > -math.inf:  # D = 0 changes nothing
            lifted = conorms.lift(s[LOG_D + k], s[LOG_OUTSIDE + k], o.conorm, o.p)
            if o.conorm == MAX and lifted > s[LIFT_SUM + k]:
                winner[pixel_of(group, k)] = face
            s[LIFT_SUM + k] = conorms.join(s[LIFT_SUM + k], lifted, o.conorm)


@scalar
def add_face_backward(
    s: Array, group: Array, count: int, face: int, lift_sum: Array, winner: Array, o: Dials
) -> None:
    """LOGIT -> LOG_D, SLOPE_D = d log D / d logit, SLOPE_LIFT = d lift_sum / d logit."""
    soften(s, count, True, o)
    for k in range(padded(count)):
        s[FACTOR + k] = 1.0
    if o.conorm == PROBABILISTIC:
        for k in range(padded(count)):
            s[SLOPE_LIFT + k] = s[SLOPE_OUTSIDE + k]
    else:
        for k in range(count):
            if o.conorm == MAX and winner[pixel_of(group, k)] != face:
                s[SLOPE_LIFT + k] = 0.0
            else:
                s[SLOPE_LIFT + k] = conorms.lift_sum_slope(
                    s[LOG_D + k],
                    s[LOG_OUTSIDE + k],
                    s[SLOPE_D + k],
                    s[SLOPE_OUTSIDE + k],
                    lift_sum[pixel_of(group, k)],
                    o.conorm,
                    o.p,
                )
    if not o.squared:
        for k in range(padded(count)):
            slope = signed_root_slope(s[LOGIT + k], o)
            s[SLOPE_D + k] *= slope
            s[SLOPE_LIFT + k] *= slope


@scalar
def alphas(start: int, stop: int, lift_sum: Array, image: Array, o: Dials) -> None:
    """lift_sum of rows start ... stop of pixels -> the last channel of the image."""
    for i in range(start, stop):
        for j in range(o.width):
            lifted = lift_sum[i * o.pitch + j]
            image[i, j, -1], _ = conorms.alpha_and_slope(lifted, o.conorm, o.p)


@scalar
def alphas_backward(
    start: int, stop: int, d_image: Array, lift_sum: Array, d_lift_sum: Array, o: Dials
) -> None:
    """The last channel of d_image, rows start ... stop -> d_lift_sum (P,)."""
    for i in range(start, stop):
        for j in range(o.width):
            pixel = i * o.pitch + j
            _, slope = conorms.alpha_and_slope(lift_sum[pixel], o.conorm, o.p)
            d_lift_sum[pixel] = d_image[i, j, -1] * slope
