"""What an autograder needs: hidden checks, in the grader's own format.

nbgrader and Otter-Grader both make the students' version from an instructor's one, in which the
solutions stand; nbgrader knows a cell by its metadata, Otter by raw cells around it. For any other
platform there is the students' notebook, and a file of tests for pytest.

A hidden check is the exercise's own, with cases drawn from a number that the students do not know.
It stands right behind the exercise: further down, `yours_or_ours` puts the library's function in
the place of one that does not pass.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .source import (
    NUMBER,
    Cell,
    Notebook,
    Stub,
    body_start,
    copied,
    halves,
    set_text,
    solved,
    stubs,
    text,
)

WHOLE = "checks.contract(rasterize_mine)"  # judges the exercises that have no check of their own
IMPORT = "from softras_edu.checks import hidden_check"

NBGRADER_CONFIG = """\
# Read by nbgrader in this folder.  nbgrader generate_assignment NAME  makes the students' version.
c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "softras-edu"
c.ClearSolutions.code_stub = {
    "python": 'raise NotImplementedError("Write this function.")'
}
c.ExecutePreprocessor.timeout = 300  # seconds a cell
"""


def points(notebook: Notebook) -> dict[str, int]:
    """What each check of a notebook is worth: as many points as its difficulty has dots.

    Exercises that are parts of one program are worth theirs together, under "contract".
    """
    found = {stub.name: stub.points for stub in stubs(notebook) if stub.checked}
    parts = sum(stub.points for stub in stubs(notebook) if not stub.checked)
    return found | ({"contract": parts} if parts else {})


def _questions(notebook: Notebook) -> dict[int, tuple[str, str, int]]:
    """Name of the check, name of the answer, and points, by the place of the cell."""
    worth = points(notebook)
    found = {s.at: (s.name, s.name, worth[s.name]) for s in stubs(notebook) if s.checked}
    for at, cell in enumerate(notebook["cells"]):
        if "contract" in worth and cell["cell_type"] == "code" and WHOLE in text(cell):
            found[at] = ("contract", "rasterize_mine", worth["contract"])
    return found


def hidden(name: str, answer: str, seed: int) -> str:
    """The line that a grader runs and a student does not see."""
    return f'hidden_check("{name}", {answer}, seed={seed})'


# ---------------------------------------------------------------- nbgrader


def nbgrader(notebook: Notebook, seed: int) -> Notebook:
    """The instructor's version: `nbgrader generate_assignment` takes out what lies between its
    marks, `nbgrader autograde` puts the hidden checks back."""
    result, found = copied(notebook), dict[int, Stub]()
    found |= {stub.at: stub for stub in stubs(notebook)}
    questions, cells = _questions(notebook), list[Cell]()
    for at, cell in enumerate(result["cells"]):
        cells.append(cell)
        if at in found:
            _mark_solution(cell, found[at], ["### BEGIN SOLUTION"], "### END SOLUTION")
            _nbgrader(cell, found[at].name, solution=True)
        if at in questions:
            name, answer, worth = questions[at]
            source = [
                f"# Hidden checks of {answer} run here when it is graded. Points: {worth}",
                "### BEGIN HIDDEN TESTS",
                IMPORT,
                "",
                hidden(name, answer, seed),
                "### END HIDDEN TESTS",
            ]
            test = _new("code", f"test-{name}", source)
            _nbgrader(test, f"test_{name}", grade=True, points=worth)
            cells.append(test)
    result["cells"] = cells
    return result


def _nbgrader(cell: Cell, grade_id: str, **what: Any) -> None:
    """The metadata by which nbgrader knows a cell that a student writes, or one that marks."""
    flags = {"grade": False, "solution": False, "task": False, "schema_version": 3}
    locked = {"locked": not what.get("solution", False), "grade_id": grade_id}
    cell["metadata"]["nbgrader"] = {**flags, **locked, **what}


# ---------------------------------------------------------------- Otter-Grader


def otter(notebook: Notebook, seed: int, name: str, files: bool) -> Notebook:
    """The instructor's version, for `otter assign`.

    Args:
        name: of the assignment.
        files: whether the folder `linked` lies beside it and goes to the students too.
    """
    config = [
        "# ASSIGNMENT CONFIG",
        f"name: {name}",
        "export_cell: false",
        "check_all_cell: false",
        "tests:",
        "    ok_format: false",
        *(["files:", "    - linked"] if files else []),
    ]
    result, found = copied(notebook), dict[int, Stub]()
    found |= {stub.at: stub for stub in stubs(notebook)}
    questions, cells = _questions(notebook), [_new("raw", "otter-config", config)]
    for at, cell in enumerate(result["cells"]):
        if at in found:
            stub = NUMBER.search(text(cell))
            assert stub is not None
            begin = [
                '""" # BEGIN PROMPT',
                stub[0],
                '""" # END PROMPT',
                "# BEGIN SOLUTION NO PROMPT",
            ]
            _mark_solution(cell, found[at], begin, "# END SOLUTION")
        inside = _between(cell, "SOLUTION", at) if at in found else [cell]
        if at in questions:
            inside += _otter_tests(*questions[at], seed)
        if at in found or at in questions:
            name = questions[at][0] if at in questions else found[at].name
            question = _new("raw", f"otter-question-{at}", ["# BEGIN QUESTION", f"name: {name}"])
            inside = [question, *inside, _new("raw", f"otter-end-{at}", ["# END QUESTION"])]
        cells += inside
    result["cells"] = cells
    return result


def _between(cell: Cell, word: str, at: int) -> list[Cell]:
    """A cell between two of Otter's raw ones."""
    names = (f"otter-begin-{word}-{at}".lower(), f"otter-end-{word}-{at}".lower())
    begin, end = (
        _new("raw", names[0], [f"# BEGIN {word}"]),
        _new("raw", names[1], [f"# END {word}"]),
    )
    return [begin, cell, end]


def _otter_tests(name: str, answer: str, worth: int, seed: int) -> list[Cell]:
    """A check that all see, without points, and one that is hidden."""

    def test(which: str, worth: int, *lines: str) -> Cell:
        config = ['""" # BEGIN TEST CONFIG', f"points: {worth}", f"hidden: {which == 'hidden'}"]
        head = ['""" # END TEST CONFIG', "", f"def test_{name}_{which}({answer}):"]
        source = [*config, *head, *(f"    {line}" for line in lines)]
        return _new("code", f"otter-{name}-{which}", source)

    return [
        _new("raw", f"otter-tests-{name}", ["# BEGIN TESTS"]),
        test("seen", 0, "from softras_edu import checks", f"checks.{name}({answer})"),
        test("hidden", worth, IMPORT, hidden(name, answer, seed)),
        _new("raw", f"otter-tests-end-{name}", ["# END TESTS"]),
    ]


# ---------------------------------------------------------------- pytest


def pytest_file(notebook: Notebook, seed: int) -> str:
    """A file of tests that marks all notebooks in `hand_ins`, for platforms that run pytest."""
    return f'''"""Marks the notebooks in the folder hand_ins:  python -m pytest THIS_FILE

For each, NAME.json says score, points and feedback. The students' code runs in processes of its
own. Keep this file from the students: the seed draws the hidden cases.
"""

from pathlib import Path

import pytest

from softras_edu.checks import grade

POINTS = {json.dumps(points(notebook), indent=4)}
SEED = {seed}
HAND_INS = sorted((Path(__file__).parent / "hand_ins").glob("*.ipynb"))


@pytest.fixture(scope="module", params=HAND_INS, ids=lambda path: path.stem)
def report(request):
    """The marks of one notebook; a minute for each exercise at most."""
    found = grade(request.param, POINTS, seed=SEED, seconds=60)
    request.param.with_suffix(".json").write_text(found.as_json(), encoding="utf-8")
    return found


@pytest.mark.parametrize("name", POINTS)
def test_exercise(report, name):
    (mark,) = (mark for mark in report.marks if mark.name == name)
    assert mark.passed, mark.feedback
'''


# ---------------------------------------------------------------- both


def _mark_solution(cell: Cell, stub: Stub, begin: list[str], end: str) -> None:
    """Solve a stub's cell, and put marks before and after the function's body."""
    code = solved(text(cell), stub.solution)
    before, function, after = halves(code)
    start = body_start(code) - len(before)
    space = re.match(r"\s*", function[start])
    indent = space[0] if space else ""
    body = [*(indent + line for line in begin), *function[start:], indent + end]
    set_text(cell, "\n".join([*before, *function[:start], *body, *after]))


def _new(kind: str, cell_id: str, lines: list[str]) -> Cell:
    """A new cell. Ids have letters, digits, - and _, 64 at most."""
    cell: Cell = {"cell_type": kind, "id": cell_id.replace("_", "-")[:64], "metadata": {}}
    set_text(cell, "\n".join(lines))
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})
