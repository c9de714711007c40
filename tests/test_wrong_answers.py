"""What a student reads who hands in one of the answers of `wrong_answers/`, and who is right.

The tables there are written without the checks' own lists of mistakes.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from wrong_answers import build_it, see_it, use_it

from softras_edu import checks
from softras_edu.checks import report
from softras_edu.checks.exercise import Mistake

TABLES = (see_it, build_it, use_it)
WRONG = {name: answers for table in TABLES for name, answers in table.WRONG.items()}
RIGHT = {name: answers for table in TABLES for name, answers in table.RIGHT.items()}


def names(name: str) -> list[str]:
    """Of an exercise's arguments."""
    exercise = getattr(checks, name)
    return report.names(exercise.reference, exercise.cases[0])


def written(name: str, body: str) -> Callable[..., Any]:
    """The function of an exercise with this body, its lines known as those of a cell are."""
    arguments = ", ".join(names(name))
    code = "".join([f"def {name}({arguments}):\n", *(f"    {x}\n" for x in body.split("\n"))])
    cell = f"<cell {hash(code)}>"
    linecache.cache[cell] = (len(code), None, code.splitlines(keepends=True), cell)
    room: dict[str, Any] = {"torch": torch, "math": __import__("math"), "np": np}
    exec(compile(code, cell, "exec"), room)
    answer: Callable[..., Any] = room[name]
    return answer


def rows(table: dict[str, Any]) -> list[Any]:
    return [
        pytest.param(name, body, id=f"{name} {k}")
        for name, answers in table.items()
        for k, body in enumerate(answers)
    ]


@pytest.mark.filterwarnings("ignore")  # of PyTorch, about what the answers do
@pytest.mark.parametrize(("name", "body"), rows(WRONG))
def test_a_wrong_answer_is_told_what_is_wrong(
    name: str, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("IPython.display.display", lambda picture: None)
    with pytest.raises(Mistake) as caught:
        getattr(checks, name)(written(name, body))
    said = str(caught.value)
    assert WRONG[name][body] in said
    assert f"{names(name)[0]} = " in said, "the arguments of the case are missing"
    assert len(said.splitlines()) <= 20
    assert max(map(len, said.splitlines())) <= 420


@pytest.mark.parametrize(("name", "body"), rows(RIGHT))
def test_a_right_answer_in_another_style_passes(name: str, body: str) -> None:
    getattr(checks, name)(written(name, body))


@pytest.mark.parametrize("name", WRONG)
def test_an_exercise_has_six_hints_of_its_own_in_the_table(name: str) -> None:
    assert len(set(WRONG[name].values())) >= 6


def test_every_exercise_of_these_notebooks_is_in_the_table() -> None:
    for table in TABLES:
        assert table.RIGHT.keys() == table.WRONG.keys()
        for name in table.MODULES:
            module = __import__(f"softras_edu.checks.{name}", fromlist=["checks"])
            here = {x for x in checks.__all__ if getattr(module, x, None) is getattr(checks, x)}
            assert here <= table.WRONG.keys()
