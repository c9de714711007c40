"""Pixels of blur to sigma and back, measured on pictures."""

from __future__ import annotations

import math

import pytest
import torch

from softras_edu import rasterize, softness

BLURRED = [name for name in softness.DISTRIBUTIONS if name != "hard"]
SIZE = (
    3,
    400,
)  # a pixel is 2 / 3 of NDC, and an edge at x = 0 runs through all rows; the others are far away
WALL = torch.tensor(
    [[[-4000.0, -8000.0, 2.0], [0.0, -8000.0, 2.0], [0.0, 8000.0, 2.0]]], dtype=torch.float64
)


def profile(**options: object) -> torch.Tensor:
    """D along the middle row: pixel 199 is the last inside, half a pixel from the edge."""
    return rasterize(WALL, size=SIZE, backend="broadcast", **options)[1, :, 0]


@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("distribution", BLURRED)
def test_the_rise_is_what_the_picture_shows(distribution: str, squared: bool) -> None:
    sigma = softness.sigma_for_rise(24, SIZE, distribution=distribution, squared=squared)
    assert softness.rise(sigma, SIZE, distribution=distribution, squared=squared) == pytest.approx(
        24
    )
    d = profile(sigma=sigma, distribution=distribution, squared=squared, dist_eps=0)
    grey = int(((d > 0.1) & (d < 0.9)).sum())
    assert 23 <= grey <= 25


@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize(
    "distribution",
    [
        "uniform",
        "gaussian",
        "laplace",
        "logistic",
        "cauchy",
        "gumbel_min",
        "exponential_rev",
        "gamma_rev",
    ],
)
def test_the_reach_is_where_the_picture_ends(distribution: str, squared: bool) -> None:
    sigma = softness.sigma_for_reach(20, SIZE, distribution=distribution, squared=squared)
    assert (
        int((profile(sigma=sigma, distribution=distribution, squared=squared)[200:] > 0).sum())
        == 20
    )
    shape, shift, _ = softness.check_softness(distribution, squared, None, None, "max", None)
    assert softness.reach(sigma, 1e-4, distribution, squared, shape, shift) * SIZE[
        0
    ] / 2 == pytest.approx(20)


def test_the_soft_rasterizer_has_the_formula_that_notebook_02_gives() -> None:
    assert softness.sigma_for_reach(3, 64) == pytest.approx((3 * 2 / 64) ** 2 / math.log(9999))
    assert softness.rise(1e-4, 256) == pytest.approx(2 * math.sqrt(1e-4 * math.log(9)) * 128)
    assert softness.sigma_for_reach(3, (64, 200)) == softness.sigma_for_reach(3, 64), (
        "a pixel is 2 / H"
    )


def test_shift_and_shape_count() -> None:
    near, far = (
        softness.sigma_for_reach(5, 64, distribution="exponential", shift=shift)
        for shift in (1.0, 2.0)
    )
    assert far == pytest.approx(near / 2, rel=1e-3)
    narrow, wide = (
        softness.rise(1e-3, 64, distribution="gamma", shape=shape) for shape in (1.0, 9.0)
    )
    assert narrow != wide


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: softness.sigma_for_reach(0, 64), "pixels: got 0, wanted a number > 0"),
        (lambda: softness.sigma_for_rise(-1, 64), "pixels: got -1"),
        (
            lambda: softness.sigma_for_reach(3, 64, distribution="exponential"),
            "reaches no pixel outside, whatever sigma is",
        ),
        (
            lambda: softness.sigma_for_reach(3, 64, dist_eps=0),
            "reaches every pixel, whatever sigma is",
        ),
        (lambda: softness.sigma_for_rise(3, 64, distribution="hard"), "'hard' has no blur"),
        (
            lambda: softness.rise(1e-4, 64, distribution="logistic", shape=2.0),
            "shape: got 2.0, but 'logistic' has no such parameter",
        ),
        (lambda: softness.rise(1e-4, 64, distribution="gausian"), "distribution: got 'gausian'"),
    ],
)
def test_what_has_no_answer_says_so(call, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
