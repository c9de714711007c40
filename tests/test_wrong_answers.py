"""What a student reads who hands in one of the answers of `wrong_answers/`, and who is right.

The tables there are written without the checks' own lists of mistakes: in other words, in loops and
in NumPy, with slips that any exercise can meet. One file a notebook.
"""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_solutions import NOTEBOOKS, SOLUTION, WHOLE_KERNELS, cells

from softras_edu import checks
from softras_edu.checks import report
from softras_edu.checks.exercise import Mistake

FILES = sorted((Path(__file__).parent / "wrong_answers").glob("*.txt"))
# Its answer is a kernel with three bugs, each with a case of its own: `test_build_kernel.py`.
DEBUGGING = {"draw_discs"}


def table(path: Path) -> list[tuple[str, str, str]]:
    """The exercise, the words of the message, or "right", and the body of each answer."""
    rows = []
    for part in path.read_text(encoding="utf-8").split("\n== ")[1:]:
        name, *answers = part.split("\n-- ")
        for answer in answers:
            says, body = answer.split("\n", 1)
            rows.append((name.strip(), says, body.strip("\n")))
    return rows


ROWS = [(path.stem, *row) for path in FILES for row in table(path)]
WRONG = [
    pytest.param(name, says, body, id=f"{stem} {name}: {says[:40]}")
    for stem, name, says, body in ROWS
    if says != "right"
]
RIGHT = [
    pytest.param(name, body, id=f"{stem} {name} {k}")
    for k, (stem, name, says, body) in enumerate(ROWS)
    if says == "right"
]
NAMES = sorted({name for _, name, _, _ in ROWS})


def written(name: str, body: str) -> Callable[..., Any]:
    """The function of an exercise with this body, its lines known as those of a cell are."""
    exercise = getattr(checks, name)
    arguments = ", ".join(report.names(exercise.reference, exercise.cases[0]))
    code = "".join([f"def {name}({arguments}):\n", *(f"    {x}\n" for x in body.split("\n"))])
    cell = f"<cell {hash(code)}>"
    linecache.cache[cell] = (len(code), None, code.splitlines(keepends=True), cell)
    room: dict[str, Any] = {"torch": torch, "math": math, "np": np}
    exec(compile(code, cell, "exec"), room)
    answer: Callable[..., Any] = room[name]
    return answer


@pytest.mark.filterwarnings("ignore")  # of PyTorch, about what the answers do
@pytest.mark.parametrize(("name", "says", "body"), WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(
    name: str, says: str, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("IPython.display.display", lambda picture: None)
    exercise = getattr(checks, name)
    with pytest.raises(Mistake) as caught:
        exercise(written(name, body))
    said = str(caught.value)
    assert says in said
    first = report.names(exercise.reference, exercise.cases[0])[0]
    assert f"{first} = " in said, "the arguments of the case are missing"
    assert len(said.splitlines()) <= 20
    assert max(map(len, said.splitlines())) <= 420


@pytest.mark.parametrize(("name", "body"), RIGHT)
def test_a_right_answer_in_another_style_passes(name: str, body: str) -> None:
    getattr(checks, name)(written(name, body))


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_has_six_wrong_answers_with_a_hint_each_and_a_right_one(name: str) -> None:
    says = [words for _, exercise, words, _ in ROWS if exercise == name]
    assert len({*says} - {"right"}) >= 6
    assert "right" in says


def test_every_exercise_of_a_notebook_is_in_its_table() -> None:
    for path in NOTEBOOKS:
        solved = [SOLUTION.findall(text) for text in cells(path, "markdown")]
        asked = {
            name
            for name in checks.__all__
            if any(f"def {name}(" in code for codes in solved for code in codes)
        }
        here = {name for stem, name, _, _ in ROWS if stem == path.stem[:2]}
        assert asked - WHOLE_KERNELS - DEBUGGING <= here, path.name
        assert here <= asked
