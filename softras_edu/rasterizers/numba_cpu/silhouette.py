"""The silhouette aggregate A_O over lanes, forward and backward.

alpha = 1 - prod(1 - D), where D = sigmoid(logit) is the probability map.

Here, and nowhere else, GenDR's family branches off (`o.gendr`): its distributions and conorms take
the same rows and give the same rows, by the functions of `gendr.py`.
"""

from __future__ import annotations

from . import gendr
from .compiling import Array, Dials, Saved, step
from .lanes import LIFT_SUM, LOG_D, LOGIT, SLOPE_D, SLOPE_LIFT, load, padded, store
from .pair import (
    alpha_from_log_product,
    alpha_from_log_product_slope,
    log_probability,
    log_probability_slope,
)


@step
def aggregate_silhouette(
    s: Array, pixel: Array, count: int, face: int, saved: Saved, o: Dials
) -> None:
    """One face more: LOGIT -> LOG_D, and log(1 - D) is added to the pixels' `lift_sum`."""
    load(s, LIFT_SUM, pixel, count, saved.lift_sum)
    if o.gendr:
        gendr.add_face(s, pixel, count, face, saved.winner, o)
    else:
        for k in range(padded(count)):
            s[LOG_D + k], log_outside = log_probability(s[LOGIT + k])
            s[LIFT_SUM + k] += log_outside
    store(s, LIFT_SUM, pixel, count, saved.lift_sum)


@step
def alphas(start: int, stop: int, saved: Saved, image: Array, o: Dials) -> None:
    """All faces are added: `lift_sum` of pixels start ... stop -> the last channel of the image."""
    if o.gendr:
        gendr.alphas(start, stop, saved.lift_sum, image, o)
    else:
        for pixel in range(start, stop):
            image[pixel, -1] = alpha_from_log_product(saved.lift_sum[pixel])


@step
def alphas_backward(d_image: Array, lift_sum: Array, d_lift_sum: Array, o: Dials) -> None:
    """Step 1, first half: last channel of d_image (B * H * W, C + 1) -> d_lift_sum (B * H * W,)."""
    if o.gendr:
        gendr.alphas_backward(d_image, lift_sum, d_lift_sum, o)
    else:
        for pixel in range(len(d_image)):
            slope = alpha_from_log_product_slope(lift_sum[pixel])
            d_lift_sum[pixel] = d_image[pixel, -1] * slope


@step
def aggregate_silhouette_backward(
    s: Array, pixel: Array, count: int, face: int, saved: Saved, o: Dials
) -> None:
    """Step 1, second half: LOGIT -> SLOPE_LIFT = d lift_sum / d logit = -D; and LOG_D, SLOPE_D.

    LOG_D and its slope are for the softmax. Without colours LOG_D is not needed and not computed.
    """
    if o.gendr:
        gendr.add_face_backward(s, pixel, count, face, saved.lift_sum, saved.winner, o)
    else:
        for k in range(padded(count)):
            s[SLOPE_D + k], s[SLOPE_LIFT + k] = log_probability_slope(s[LOGIT + k])
        if len(saved.color) > 0:
            for k in range(padded(count)):
                s[LOG_D + k], _ = log_probability(s[LOGIT + k])
