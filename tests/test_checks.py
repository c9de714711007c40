"""Every check takes right answers, and rejects typical wrong ones with the hint for each.

That the notebooks' solutions, which are written without the references, pass: `test_solutions.py`.
"""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from softras_edu import checks
from softras_edu.checks.exercise import Exercise, Mistake

EXERCISES = [getattr(checks, name) for name in checks.__all__]
MISTAKES = [
    pytest.param(exercise, hint, id=f"{exercise.name}: {hint[:40]}")
    for exercise in EXERCISES
    for hint in exercise.mistakes
]


def rounded(value: Any, off: float) -> Any:
    """Almost the same numbers, as lists; booleans as they are."""
    if isinstance(value, (tuple, list)):
        return [rounded(part, off) for part in value]
    if not isinstance(value, torch.Tensor):
        return value if isinstance(value, bool) else value * (1 + off)
    return (value if value.dtype == torch.bool else value.double() * (1 + off)).tolist()


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_a_right_answer_may_be_rounded_and_no_tensor(
    exercise: Exercise, capsys: pytest.CaptureFixture[str]
) -> None:
    off = 0.1 * exercise.tolerance
    exercise(lambda *arguments: rounded(exercise.reference(*arguments), off))
    assert capsys.readouterr().out == f"{exercise.name}: passed, {len(exercise.cases)} cases.\n"


@pytest.mark.parametrize(("exercise", "hint"), MISTAKES)
def test_a_known_mistake_is_rejected_by_name(exercise: Exercise, hint: str) -> None:
    with pytest.raises(Mistake) as caught:
        exercise(exercise.mistakes[hint])
    assert hint in str(caught.value), "another hint came first"
    assert "yours" in str(caught.value)
    assert "expected" in str(caught.value)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_each_has_two_known_mistakes(exercise: Exercise) -> None:
    assert len(exercise.mistakes) >= 2


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_unknown_mistakes_are_rejected_too(exercise: Exercise) -> None:
    def nearly(*arguments: object) -> torch.Tensor:
        right = exercise.reference(*arguments)
        right = (
            torch.stack([torch.as_tensor(x) for x in right])
            if isinstance(right, tuple)
            else torch.as_tensor(right)
        )
        return ~right if right.dtype == torch.bool else right.double() + 1e-3

    with pytest.raises(Mistake, match="work out by hand"):
        exercise(nearly)
    with pytest.raises(Mistake, match="shape"):
        exercise(lambda *arguments: torch.zeros(7, 7))
    with pytest.raises(Mistake, match="returned None"):
        exercise(lambda *arguments: None)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_a_stub_stays_a_stub(exercise: Exercise) -> None:
    def stub(*arguments: object) -> None:
        raise NotImplementedError("your turn")

    with pytest.raises(NotImplementedError, match="your turn"):
        exercise(stub)


def test_an_answer_cannot_change_the_question() -> None:
    def greedy(d: torch.Tensor) -> torch.Tensor:
        answer = 1 - (1 - d).prod(0)
        d.zero_()
        return answer

    checks.silhouette(greedy)
    checks.silhouette(checks.silhouette.reference)


def test_a_notebook_sees_the_message_and_not_the_stack() -> None:
    (line,) = Mistake("the reason")._render_traceback_()
    assert "the reason" in line
    assert "Traceback" not in line


def test_an_image_is_shown_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    with pytest.raises(Mistake):
        checks.silhouette(lambda d: d.amax(0))
    assert len(shown) == 1
    assert shown[0].width > 3 * 200  # yours, expected and difference side by side


def test_arithmetic_that_fails_is_a_mistake_that_shows_the_arguments() -> None:
    def overflowing(peak: float, den: float, log_weight: float) -> tuple[float, ...]:
        return (
            checks.online_softmax_step.reference(peak, den, log_weight)
            if log_weight > -100
            else (0.0, math.exp(log_weight - peak), 0.0, 0.0)
        )

    with pytest.raises(Mistake, match=r"math range error.*arguments -500000.0, 1.2, -400000.0"):
        checks.online_softmax_step(lambda peak, den, log_weight: overflowing(peak, den, log_weight))
    with pytest.raises(Mistake, match="ZeroDivisionError"):
        checks.softmax_slope(lambda share, face_color, color, d_color: (1 / (share - share), 0.0))
