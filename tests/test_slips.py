"""Slips that any exercise can meet are named by the numbers alone, where no table knows them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from softras_edu import checks
from softras_edu.checks.exercise import Exercise, Mistake
from softras_edu.checks.slip_changes import _CHANGES, _of_argument


def random(*shape: int, seed: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _mixed(points: Tensor, inside: Tensor, sigma: float) -> Tensor:
    weight = points.new_tensor([0.3, 1.7])
    return ((points + 0.1) ** 3 @ weight) * torch.where(inside, 1.0, 0.4) + sigma + 0.2 / sigma


def _grid(x: Tensor, strength: float) -> Tensor:
    return x * strength + x.new_tensor([0.1, -0.4, 0.7, 0.2, 0.9])


MIXED = Exercise(
    "mixed",
    _mixed,
    cases=[
        (random(6, 2, seed=k) - 0.4, random(6, seed=k + 9) > 0.5, 0.1 * (k + 2)) for k in range(3)
    ],
)
GRID = Exercise("grid", _grid, cases=[(3 * random(6, 5, seed=k) - 1, 0.5 + k) for k in range(3)])
POSITIVE = Exercise("positive", _grid, cases=[(1 + random(6, 5, seed=k), 1.5) for k in range(3)])


def told(exercise: Exercise, answer: Callable[..., Any]) -> str:
    with pytest.raises(Mistake) as caught:
        exercise(answer)
    return str(caught.value)


@pytest.fixture(autouse=True)
def no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("IPython.display.display", lambda picture: None)


@pytest.mark.parametrize(
    ("hint", "change"), _CHANGES, ids=lambda x: x[:30] if isinstance(x, str) else ""
)
def test_a_change_of_the_answer_is_named(hint: str, change: Callable[[Tensor], Tensor]) -> None:
    exercise = (
        POSITIVE if any(word in hint for word in ("square root", "logarithm of it")) else GRID
    )
    assert hint in told(exercise, lambda *case: change(exercise.reference(*case)))


ORDERS = {
    "left and right have changed places": lambda x: x.flip(-1),
    "stands on its head": lambda x: x.flip(-2),
    "The axes of the result stand in another order": lambda x: x.mT,
    "The result is shifted by one place": lambda x: x.roll(1, 0),
    "That is one number, and 30 are wanted": lambda x: x.sum(),
    "An axis is gone: the result keeps its axis 0": lambda x: x.sum(0),
    "The 2 entries along axis 0 should have become one": lambda x: torch.stack([x, x]),
    "An axis of length 1 is too many": lambda x: x[None],
    "with other axes": lambda x: x.flatten(),
    "Axis 1 of the result has 4 entries": lambda x: x[:, :4],
    "Not a number (nan) comes out": lambda x: x.where(x > 0.3, math.nan),
    "Infinity comes out": lambda x: x.where(x > 0.3, math.inf),
    "The decimals are lost (floor)": lambda x: x.floor().long(),
    "Yours is true or false": lambda x: x > 0.5,
    "Yours is 0.25 everywhere": lambda x: 0 * x + 0.25,
    "Every number is twice as large": lambda x: 2 * x,
    "radians, and degrees are wanted": lambda x: x * math.pi / 180,
    "Every number is 0.3 times as large": lambda x: 0.3 * x,
    "Right to 4 digits": lambda x: x + 1e-4 * x.abs().max() * random(6, 5, seed=0),
    "Right to 3 digits": lambda x: x + 1e-3 * x.abs().max() * random(6, 5, seed=0),
}


@pytest.mark.parametrize("hint", ORDERS)
def test_shape_order_and_size_are_named(hint: str) -> None:
    assert hint in told(GRID, lambda *case: ORDERS[hint](_grid(*case)))


def test_float32_is_named_where_it_is_not_enough() -> None:
    fine = Exercise("grid", _grid, cases=GRID.cases, tolerance=1e-12)
    assert "the numbers become float32" in told(fine, lambda x, s: _grid(x, s).float())


@pytest.mark.parametrize("k", range(3))
def test_a_change_of_an_argument_is_named(k: int) -> None:
    names = ["points", "inside", "sigma"]
    asked = 0
    for what, change in _of_argument(names[k], MIXED.cases[0][k]):

        def answer(*case: Any, change: Callable[[Any], Any] = change) -> Tensor:
            return _mixed(*(change(x) if m == k else x for m, x in enumerate(case)))

        said = told(MIXED, answer)
        if "your function raised" in said or "(nan)" in said:
            continue  # 1 / 0, the root of a negative number
        assert "work out by hand" not in said, what
        asked += 1
    assert asked >= (1 if k == 1 else 6)


def test_an_argument_that_multiplies_once_too_often_is_named() -> None:
    said = told(GRID, lambda x, strength: _grid(x, strength) * strength)
    assert "Yours is strength times as large as it should be: multiplied by it once too" in said
    assert "Yours times strength is right" in told(GRID, lambda x, s: _grid(x, s) / s)
    assert "Yours times strength squared is right" in told(GRID, lambda x, s: _grid(x, s) / s**2)


def test_where_it_is_wrong_and_where_it_is_right_is_said() -> None:
    def only(where: Callable[[Tensor], Tensor]) -> str:
        return told(GRID, lambda x, s: torch.where(where(x), 0.1 * x**2, _grid(x, s)))

    assert "Wrong only where x < 0; everywhere else it is right." in only(lambda x: x < 0)
    assert "Wrong only where x > 1; everywhere else it is right." in only(lambda x: x > 1)
    said = told(GRID, lambda x, s: _grid(x, s) if s < 2 else x**2)
    assert "Cases 1, 2 come out right: what is different in this one?" in said


def test_a_mistake_in_some_cases_alone_is_known_too() -> None:
    def with_a_guard(d: Tensor) -> Tensor:
        return d.amax(0) if len(d) > 1 else d[0]

    def on_small_maps(d: Tensor) -> Tensor:
        return 1 - (1 - d).prod(0) if d.shape[1] > 4 else d.amax(0)

    assert "The largest map forgets all others" in told(checks.silhouette, with_a_guard)
    assert "The largest map forgets all others" in told(checks.silhouette, on_small_maps)


def test_the_arguments_at_the_place_are_shown_if_their_axes_are_the_results() -> None:
    assert "    d[:, 7, 6] = [0.163, 0.3077, 0.5567]" in told(
        checks.silhouette, lambda d: 1 - (1 - d).prod(0).sqrt()
    )
    assert "    p[2] = [2, 0]" in told(
        checks.segment_distance2, lambda p, a, b: 3 + 0 * p.sum(1) + (p[:, 0] == 2) * 9
    )
    # 7 pairs and 7 pixels, by chance: the second case has 6.
    said = told(checks.segment_sum, lambda values, pixel, size: values.new_zeros(size) + 4)
    assert "values[" not in said
