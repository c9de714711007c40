"""The exercises of notebook 08, first half: from the image to logit, depth and colour of a pair.

Small functions of plain numbers, which the notebook then compiles.
"""

from __future__ import annotations

import math

from .exercise import Exercise

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


def _step_exchanged(
    peak: float, den: float, log_weight: float
) -> tuple[float, float, float, float]:
    top, total, shrink, weight = _step(peak, den, log_weight)
    return top, total, weight, shrink


def _step_that_shrinks_all(
    peak: float, den: float, log_weight: float
) -> tuple[float, float, float, float]:
    top, _, shrink, weight = _step(peak, den, log_weight)
    return top, shrink * (den + weight), shrink, weight


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
        (
            "shrink and weight are exchanged: shrink is for the old sums, weight for the newcomer."
        ): _step_exchanged,
        "The newcomer shrinks too: it counts once, with its weight.": _step_that_shrinks_all,
        "The peak is the larger of the two: max, not min.": lambda peak, den, lw: (
            min(peak, lw),
            _exp(peak - min(peak, lw)) * den + _exp(lw - min(peak, lw)),
            _exp(peak - min(peak, lw)),
            _exp(lw - min(peak, lw)),
        ),
        "The newcomer is missing from the sum: add weight.": lambda peak, den, lw: (
            (s := _step(peak, den, lw))[0],
            s[1] - s[3],
            s[2],
            s[3],
        ),
        (
            "Nothing is taken off the newcomer: its weight is exp(log_weight - new peak)."
        ): lambda peak, den, lw: (
            (s := _step(peak, den, lw))[0],
            s[2] * den + _exp(lw),
            s[2],
            _exp(lw),
        ),
        "The old peak comes back. Hand on the new one.": lambda peak, den, lw: (
            peak,
            *_step(peak, den, lw)[1:],
        ),
    },
)


# --- the backward pass of the product ------------------------------------------------------------


def _logs(logit: float) -> tuple[float, float]:
    rest = math.log1p(math.exp(-abs(logit)))
    return min(logit, 0.0) - rest, min(-logit, 0.0) - rest


def _product_case(*logits: float) -> tuple[float, float]:
    """log D of the first, and the sum of log(1 - D) over all."""
    return _logs(logits[0])[0], sum(_logs(x)[1] for x in logits)


def _division(log_d: float, log_product: float) -> float:
    outside = 1 - math.exp(log_d)
    return math.exp(log_product) / outside * math.exp(log_d) * outside if outside else math.nan


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
        _product_case(40.0, -1.0),  # 1 - D is 0
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
            "You divide by 1 - D_j, which is 0 for a covered pixel. On paper it cancels: leave it "
            "out."
        ): _division,
        (
            "You divide by 1 - D_j and multiply by it again. It cancels on paper; in floats the "
            "guard against 0 spoils it where D is near 1."
        ): _guarded_division,
        (
            "That is D_j (1 - D_j) times the product: (1 - D_j) is in the product already."
        ): lambda log_d, log_product: math.exp(log_d + log_product) * -math.expm1(log_d),
        (
            "Multiply the two, do not add them: exp(a) exp(b) = exp(a + b)."
        ): lambda log_d, log_product: math.exp(log_d) + math.exp(log_product),
        (
            "Logarithms of factors are added, not multiplied: exp(log_d + log_product)."
        ): lambda log_d, log_product: math.exp(log_d * log_product),
        (
            "That is D_j times alpha. The slope has the product itself, 1 - alpha."
        ): lambda log_d, log_product: math.exp(log_d) * (1 - math.exp(log_product)),
        (
            "That divides by D_j. The slope grows with it: log_product + log_d."
        ): lambda log_d, log_product: math.exp(log_product - log_d),
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
        (
            "The share is missing: a face that hardly counts hardly pulls."
        ): lambda share, c, color, d: ((c - color) * d, share * d),
        ("First d_log_weight, then d_face_color."): lambda share, c, color, d: (
            share * d,
            share * (c - color) * d,
        ),
        (
            "d_face_color is share * d_color: the colour itself has no part in its own slope."
        ): lambda share, c, color, d: (share * (c - color) * d, share * (c - color)),
        (
            "d_face_color is share * d_color. Yours has the face's colour for the share."
        ): lambda share, c, color, d: (
            share * (c - color) * d,
            c * d,
        ),
        (
            "d_face_color is share * d_color, not 1 - share times it: that is what the others have."
        ): lambda share, c, color, d: (share * (c - color) * d, (1 - share) * d),
        (
            "A factor 1 - share too many: with C_j - color the other shares are in it already."
        ): lambda share, c, color, d: (share * (1 - share) * (c - color) * d, share * d),
    },
)


# --- from the log weight to logit and depth ------------------------------------------------------


log_weight_slope = Exercise(
    "log_weight_slope",
    lambda d_log_weight, d, near, far, gamma: (
        d_log_weight * (1 - d),
        -d_log_weight / ((far - near) * gamma),
    ),
    cases=[(1.0, 0.5, 1.0, 100.0, 1e-2), (-2.0, 0.9, 2.0, 10.0, 0.1), (3.0, 1e-3, 1.0, 4.0, 1e-4)],
    tolerance=1e-9,
    mistakes={
        "Deeper means less weight: d_z has a minus sign.": lambda g, d, n, f, gamma: (
            g * (1 - d),
            g / ((f - n) * gamma),
        ),
        (
            "log D has the slope 1 - D in the logit: the slope of the sigmoid is D (1 - D), and "
            "the logarithm divides by D."
        ): lambda g, d, n, f, gamma: (g * d * (1 - d), -g / ((f - n) * gamma)),
        "That is the slope of log(1 - D), which is -D. Wanted is that of log D.": (
            lambda g, d, n, f, gamma: (-g * d, -g / ((f - n) * gamma))
        ),
        "gamma divides: a small gamma makes depth count more.": lambda g, d, n, f, gamma: (
            g * (1 - d),
            -g * gamma / (f - n),
        ),
        "far - near is missing: the score falls by 1 from near to far.": (
            lambda g, d, n, f, gamma: (g * (1 - d), -g / gamma)
        ),
        "First d_logit, then d_z.": lambda g, d, n, f, gamma: (
            -g / ((f - n) * gamma),
            g * (1 - d),
        ),
        "The slope of log D in the logit is 1 - D, not D.": lambda g, d, n, f, gamma: (
            g * d,
            -g / ((f - n) * gamma),
        ),
        (
            "1 / D is the slope of log D in D. Here it is wanted in the logit: times D (1 - D)."
        ): lambda g, d, n, f, gamma: (g / d, -g / ((f - n) * gamma)),
        "Brackets: gamma belongs to the whole of far - near.": lambda g, d, n, f, gamma: (
            g * (1 - d),
            -g / (f - n * gamma),
        ),
    },
)
