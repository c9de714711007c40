"""The exercises of notebook 13: right answers in other words pass, and wrong ones are told why."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from softras_edu import checks, rotations
from softras_edu.checks.exercise import Mistake

Angle = Callable[[Tensor, Tensor], Tensor]


def cosine(a: Tensor, b: Tensor) -> Tensor:
    return ((a * b).sum() - 1) / 2  # the trace of a.T @ b, added in another order


def by_chord(a: Tensor, b: Tensor) -> Tensor:
    return torch.rad2deg(2 * ((a - b).norm() / 8**0.5).clamp(0, 1).asin())


def by_half_angle(a: Tensor, b: Tensor) -> Tensor:
    return torch.rad2deg(2 * ((1 + cosine(a, b)) / 2).clamp(0, 1).sqrt().acos())


RIGHT: dict[str, Angle] = {
    "arc cosine": lambda a, b: torch.rad2deg(cosine(a, b).clamp(-1, 1).acos()),
    "the other way round": lambda a, b: rotations.geodesic_angle(b, a),
    "by the chord": by_chord,
    "by the half angle": by_half_angle,
}
NO_CLAMP: dict[str, Angle] = {
    "as in the hint": lambda a, b: torch.rad2deg((((a.T @ b).trace() - 1) / 2).acos()),
    "another sum": lambda a, b: cosine(a, b).acos() * 180 / math.pi,
    "einsum": lambda a, b: torch.rad2deg(((torch.einsum("ij,ij->", a, b) - 1) / 2).acos()),
}
NO_GRADIENT: dict[str, Angle] = {
    "no_grad": torch.no_grad()(rotations.geodesic_angle),
    "a float": lambda a, b: math.degrees(math.acos(max(-1.0, min(1.0, cosine(a, b).item())))),
    "detached": lambda a, b: rotations.geodesic_angle(a.detach(), b.detach()),
}


@pytest.mark.parametrize("name", RIGHT)
def test_an_angle_in_other_words_passes(name: str) -> None:
    checks.geodesic_angle(RIGHT[name])


@pytest.mark.parametrize("name", NO_CLAMP)
def test_an_angle_without_a_clamp_is_refused(name: str) -> None:
    with pytest.raises(Mistake, match="clamp it"):
        checks.geodesic_angle(NO_CLAMP[name])


@pytest.mark.parametrize("name", NO_GRADIENT)
def test_an_angle_without_a_gradient_is_refused(name: str) -> None:
    with pytest.raises(Mistake, match="gradient of a is lost"):
        checks.geodesic_angle(NO_GRADIENT[name])


def test_an_angle_with_half_its_gradient_is_refused() -> None:
    def half(a: Tensor, b: Tensor) -> Tensor:
        angle = rotations.geodesic_angle(a, b)
        return (angle + angle.detach()) / 2

    with pytest.raises(Mistake, match="gradient of a is not"):
        checks.geodesic_angle(half)


def test_the_gradient_that_is_asked_for_is_one_degree_a_degree() -> None:
    # A turn about the axis that leads from b to a changes the angle by as much as it turns.
    compared = 0
    for case in checks.geodesic_angle.cases:
        if 1 < rotations.geodesic_angle(*case) < 179:
            for slope in checks.geodesic_angle._slopes(rotations.geodesic_angle, case, ""):
                # `_slopes` weighs the one number by one random number, always the same.
                seed = torch.Generator().manual_seed(0)
                weight = torch.randn((), generator=seed, dtype=torch.float64).abs().item()
                assert slope.norm().item() == pytest.approx(180 / math.pi * weight, rel=1e-4)
            compared += 1
    assert compared >= 5


def test_three_exercises_name_six_wrong_answers_each() -> None:
    for exercise in (checks.geodesic_angle, checks.rotation_from_axis_angle, checks.turn_slope):
        assert len(exercise.mistakes) >= 6


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda k, s, c: torch.eye(3).double() + s * k + (1 + c) * k @ k, "1 - cos"),
        (lambda k, s, c: torch.eye(3).double() + s * k + (1 - c) * k * k, "K @ K"),
        (lambda k, s, c: torch.eye(3).double() - s * k + (1 - c) * k @ k, "other way round"),
    ],
)
def test_a_slip_in_rodrigues_formula_is_named(wrong: Callable[..., Tensor], hint: str) -> None:
    def answer(v: Tensor) -> Tensor:
        angle = v.norm()
        k = rotations.cross_matrix(v / angle.clamp_min(1e-12))
        return wrong(k, angle.sin(), angle.cos())

    with pytest.raises(Mistake, match=hint):
        checks.rotation_from_axis_angle(answer)
