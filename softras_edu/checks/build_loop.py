"""The exercises of notebook 08: four small functions of numbers, which the notebook then compiles.

Plain Python, float64.
"""

from __future__ import annotations

import math

from .exercise import Exercise

Three = tuple[float, float, float]


# --- one step of the online softmax --------------------------------------------------------------


def _step(peak: float, den: float, log_weight: float) -> tuple[float, float, float, float]:
    top = max(peak, log_weight)
    shrink, weight = math.exp(peak - top), math.exp(log_weight - top)
    return top, shrink * den + weight, shrink, weight


def _step_without_rescaling(
    peak: float, den: float, log_weight: float
) -> tuple[float, float, float, float]:
    top = max(peak, log_weight)
    weight = math.exp(log_weight - top)
    return top, den + weight, 1.0, weight


def _step_that_always_moves(
    peak: float, den: float, log_weight: float
) -> tuple[float, float, float, float]:
    shrink = _exp(peak - log_weight)
    return log_weight, shrink * den + 1, shrink, 1.0


def _step_turned_round(
    peak: float, den: float, log_weight: float
) -> tuple[float, float, float, float]:
    top = max(peak, log_weight)
    shrink, weight = _exp(top - peak), math.exp(log_weight - top)
    return top, shrink * den + weight, shrink, weight


def _step_with_the_old_peak(
    peak: float, den: float, log_weight: float
) -> tuple[float, float, float, float]:
    top = max(peak, log_weight)
    shrink, weight = math.exp(peak - top), _exp(log_weight - peak)
    return top, shrink * den + weight, shrink, weight


def _step_that_forgets(
    peak: float, den: float, log_weight: float
) -> tuple[float, float, float, float]:
    top, _, shrink, weight = _step(peak, den, log_weight)
    return top, den + weight, shrink, weight


def _exp(x: float) -> float:
    return math.exp(x) if x < 700 else math.inf


online_softmax_step = Exercise(
    "online_softmax_step",
    _step,
    cases=[
        (0.0, 1.0, -1.0),
        (-2.0, 1.5, 0.5),
        (-2.0, 3.0, -2.0),
        (0.0, 1.0, -40.0),
        (-9.0, 2.0, 3.0),
        (-5e5, 1.2, -4e5),
        (-4e5, 1.2, -5e5),
    ],
    mistakes={
        (
            "The old sum is still measured from the old peak. When the peak moves by s, the sum "
            "shrinks by exp(-s)."
        ): _step_without_rescaling,
        (
            "den is in the old unit, weight in the new one: multiply den by shrink before you add."
        ): _step_that_forgets,
        (
            "The peak never falls. If the newcomer weighs less than the peak, the peak stays "
            "where it is."
        ): _step_that_always_moves,
        (
            "The old sum must shrink, not grow: exp(old peak - new peak), which is at most 1."
        ): _step_turned_round,
        (
            "Measure the newcomer from the new peak too; from the old one, exp overflows sooner "
            "or later."
        ): _step_with_the_old_peak,
    },
)


# --- the backward pass of the product ------------------------------------------------------------


def _logs(logit: float) -> tuple[float, float]:
    rest = math.log1p(math.exp(-abs(logit)))
    return min(logit, 0.0) - rest, min(-logit, 0.0) - rest


def _product_case(*logits: float) -> tuple[float, float]:
    """log D of the first, and the sum of log(1 - D) over all."""
    return _logs(logits[0])[0], sum(_logs(x)[1] for x in logits)


def _guarded_division(log_d: float, log_product: float) -> float:
    outside = max(-math.expm1(log_d), 1e-6)
    return math.exp(log_product) / outside * math.exp(log_d) * -math.expm1(log_d)


product_slope = Exercise(
    "product_slope",
    lambda log_d, log_product: math.exp(log_d + log_product),
    cases=[
        _product_case(0.0),
        _product_case(1.0, -2.0),
        _product_case(-3.0, 0.5, 0.5),
        _product_case(-14.0, -13.0),
        _product_case(17.0, -1.0),
    ],
    tolerance=1e-12,
    mistakes={
        "The sign is turned round: when D_j grows, alpha grows.": lambda log_d, log_product: (
            -math.exp(log_d + log_product)
        ),
        (
            "That is d alpha / d log(1 - D_j). One factor is missing: log(1 - D_j) has the "
            "slope -D_j in the logit."
        ): lambda log_d, log_product: -math.exp(log_product),
        "The product is there, D_j is missing.": lambda log_d, log_product: math.exp(log_product),
        (
            "D_j is there, the product over all faces is missing: a covered pixel no longer cares."
        ): lambda log_d, log_product: math.exp(log_d),
        (
            "You divide by 1 - D_j and multiply by it again. It cancels on paper; in floats the "
            "guard against 0 spoils it where D is near 1."
        ): _guarded_division,
        (
            "That is D_j (1 - D_j) times the product: (1 - D_j) is in the product already."
        ): lambda log_d, log_product: math.exp(log_d + log_product) * -math.expm1(log_d),
    },
)


# --- the backward pass of the softmax ------------------------------------------------------------


softmax_slope = Exercise(
    "softmax_slope",
    lambda share, face_color, color, d_color: (
        share * (face_color - color) * d_color,
        share * d_color,
    ),
    cases=[
        (0.5, 1.0, 0.25, 1.0),
        (0.1, 0.2, 0.8, -2.0),
        (1.0, 0.7, 0.7, 3.0),
        (0.9, 0.0, 0.1, 0.5),
    ],
    tolerance=1e-9,
    mistakes={
        (
            "A face that gains weight takes it from all others: its pull is C_j minus the "
            "pixel's colour."
        ): lambda share, c, color, d: (
            share * c * d,
            share * d,
        ),
        (
            "The sign is turned round: a face pulls towards its own colour, so C_j - color."
        ): lambda share, c, color, d: (
            share * (color - c) * d,
            share * d,
        ),
        (
            "Both are passed back through the loss: multiply by d_color, what the loss makes of "
            "the pixel's colour."
        ): lambda share, c, color, d: (
            share * (c - color),
            share,
        ),
        (
            "The slope of one share in its own logarithm is share (1 - share), but the other "
            "shares change as well. Together they give share (C_j - color)."
        ): (lambda share, c, color, d: (share * (1 - share) * c * d, share * d)),
        (
            "The face's own colour counts with its share: d_face_color = share * d_color."
        ): lambda share, c, color, d: (
            share * (c - color) * d,
            d,
        ),
    },
)


# --- the backward pass of clipping and renormalising ---------------------------------------------


def _clip_barycentric(v: Three) -> tuple[Three, float]:
    c0, c1, c2 = (min(max(x, 0.0), 1.0) for x in v)
    w_sum = c0 + c1 + c2
    return (c0 / w_sum, c1 / w_sum, c2 / w_sum), w_sum


def _clip_slope(
    d_w: Three, v: Three, gate: bool = True, renormalise: bool = True, divide: bool = True
) -> Three:
    w, w_sum = _clip_barycentric(v)
    mean = sum(d * x for d, x in zip(d_w, w, strict=True)) if renormalise else 0.0
    d0, d1, d2 = (
        (d - mean) / (w_sum if divide else 1.0) * (0 <= x <= 1 or not gate)
        for d, x in zip(d_w, v, strict=True)
    )
    return d0, d1, d2


def _clip_slope_of_unclipped_mean(d_w: Three, v: Three) -> Three:
    _, w_sum = _clip_barycentric(v)
    mean = sum(d * x for d, x in zip(d_w, v, strict=True))
    d0, d1, d2 = ((d - mean) / w_sum * (0 <= x <= 1) for d, x in zip(d_w, v, strict=True))
    return d0, d1, d2


clip_slope = Exercise(
    "clip_slope",
    _clip_slope,
    cases=[
        ((1.0, 0.0, 0.0), (0.2, 0.3, 0.5)),
        ((1.0, -2.0, 0.5), (0.8, 0.6, -0.4)),
        ((0.3, 1.0, 2.0), (-0.7, 0.9, 0.8)),
        ((1.0, 2.0, 3.0), (1.4, -0.3, -0.1)),
    ],
    tolerance=1e-9,
    mistakes={
        (
            "Nothing flows through a weight that was clipped: its v may move, w stays."
        ): lambda d_w, v: _clip_slope(d_w, v, gate=False),
        (
            "The renormalisation is missing: when one clipped weight grows, all three w change. "
            "Subtract sum_m d_w_m w_m."
        ): lambda d_w, v: _clip_slope(d_w, v, renormalise=False),
        (
            "The division by w_sum is missing. It is 1 inside the triangle, which hides the "
            "mistake there."
        ): lambda d_w, v: _clip_slope(d_w, v, divide=False),
        (
            "In the sum sum_m d_w_m w_m stand the weights after clipping and renormalising, not v."
        ): _clip_slope_of_unclipped_mean,
    },
)
