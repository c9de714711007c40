"""The silhouette aggregate A_O over lanes, forward and backward.

alpha = 1 - prod(1 - D), where D = sigmoid(logit) is the probability map.

Here, and nowhere else, GenDR's family branches off (`o.gendr`): its distributions and conorms take
the same rows and give the same rows, by the functions of `gendr.py`.
"""

from __future__ import annotations

from . import gendr
from .compiling import Array, Dials, Saved, step
from .lanes import FACTOR, LIFT_SUM, LOG_D, LOGIT, SLOPE_D, SLOPE_LIFT, SMALL, padded, store
from .pair import (
    alpha_from_log_product,
    alpha_from_log_product_slope,
    log_probability,
    log_probability_slope,
    probability_in_parts,
    small_part,
)


@step
def aggregate_silhouette(
    s: Array, group: Array, count: int, face: int, saved: Saved, o: Dials
) -> None:
    """One face more: LOGIT, LIFT_SUM -> LOG_D; log(1 - D) is added to the pixels' `lift_sum`."""
    if o.gendr:
        gendr.add_face(s, group, count, face, saved.winner, o)
    else:
        small_lanes(s, count)
        add_lanes(s, count)
    store(s, LIFT_SUM, group, count, saved.lift_sum)


@step
def small_lanes(s: Array, count: int) -> None:
    """LOGIT -> SMALL."""
    for k in range(padded(count)):
        s[SMALL + k] = small_part(s[LOGIT + k])


@step
def add_lanes(s: Array, count: int) -> None:
    """LOGIT, SMALL -> LOG_D, and added to LIFT_SUM.

    In one loop with `small_lanes` this would take longer than both: each number of an exponential
    or a logarithm waits for the one before, and a processor looks only about a hundred instructions
    ahead for other lanes to go on with. So chains of them are cut in two.
    """
    for k in range(padded(count)):
        s[LOG_D + k], log_outside = log_probability(s[LOGIT + k], s[SMALL + k])
        s[LIFT_SUM + k] += log_outside


@step
def alphas(start: int, stop: int, saved: Saved, image: Array, o: Dials) -> None:
    """All faces are added: `lift_sum` of rows start ... stop of pixels -> the last channel of the
    image (B * H, W, C + 1).
    """
    if o.gendr:
        gendr.alphas(start, stop, saved.lift_sum, image, o)
    else:
        for i in range(start, stop):
            for j in range(o.width):
                image[i, j, -1] = alpha_from_log_product(saved.lift_sum[i * o.pitch + j])


@step
def alphas_backward(
    start: int, stop: int, d_image: Array, lift_sum: Array, d_lift_sum: Array, o: Dials
) -> None:
    """Step 1, first half: rows start ... stop of d_image (B * H, W, C + 1), its last channel ->
    d_lift_sum (P,).
    """
    if o.gendr:
        gendr.alphas_backward(start, stop, d_image, lift_sum, d_lift_sum, o)
    else:
        for i in range(start, stop):
            for j in range(o.width):
                slope = alpha_from_log_product_slope(lift_sum[i * o.pitch + j])
                d_lift_sum[i * o.pitch + j] = d_image[i, j, -1] * slope


@step
def aggregate_silhouette_backward(
    s: Array, group: Array, count: int, face: int, saved: Saved, o: Dials
) -> None:
    """Step 1, second half: LOGIT -> SLOPE_LIFT = d lift_sum / d logit = -D; and SLOPE_D, LOG_D and
    FACTOR for the softmax.
    """
    if o.gendr:
        gendr.add_face_backward(s, group, count, face, saved.lift_sum, saved.winner, o)
    else:
        slope_lanes(s, count)


@step
def slope_lanes(s: Array, count: int) -> None:
    """LOGIT -> SLOPE_D, SLOPE_LIFT, LOG_D, FACTOR."""
    for k in range(padded(count)):
        logit = s[LOGIT + k]
        slope_d, slope_outside = log_probability_slope(logit, small_part(logit))
        s[SLOPE_D + k], s[SLOPE_LIFT + k] = slope_d, slope_outside
        s[LOG_D + k], s[FACTOR + k] = probability_in_parts(logit, slope_d, slope_outside)
