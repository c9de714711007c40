"""The exercises in the notebooks.

Each solution passes its check, and each check belongs to a notebook.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from softras_edu import checks
from softras_edu.checks import report

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
SOLUTION = re.compile(r"<summary>Solution</summary>\s*```python\n(.*?)```", re.DOTALL)


def cells(path: Path, kind: str) -> list[str]:
    """The sources of all cells of one kind."""
    return [
        "".join(cell["source"])
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == kind
    ]


CASES = [
    pytest.param(name, code, id=f"{path.stem[:2]}: {name}")
    for path in NOTEBOOKS
    for text in cells(path, "markdown")
    for code in SOLUTION.findall(text)
    for name in re.findall(r"^def (\w+)\(", code, re.MULTILINE)[-1:]
]


@pytest.mark.parametrize(("name", "code"), CASES)
def test_the_solution_passes_its_check(
    name: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    room: dict[str, object] = {}
    exec(compile(code, f"solution of {name}", "exec"), room)
    getattr(checks, name)(room[name])
    assert re.search(rf"^{name}: passed, \d+ ", capsys.readouterr().out, re.MULTILINE)


# Whole kernels stand on functions of their notebook: test_assembled.py puts them together.
WHOLE_KERNELS = {"block_kernel", "listed_kernel", "masked_kernel", "pixel_kernel"}


def test_every_check_has_a_solution_in_a_notebook() -> None:
    solved = {case.values[0] for case in CASES} | WHOLE_KERNELS
    assert sorted(solved) == sorted(checks.__all__)


def test_a_function_is_asked_for_before_it_is_used() -> None:
    # Cells after an exercise draw with what the reader wrote; none before it may hold the answer.
    used = 0
    for path in NOTEBOOKS:
        code = cells(path, "code")
        for k, cell in enumerate(code):
            for name, given in re.findall(r"checks\.(\w+)\.yours_or_ours\((\w+)\)", cell):
                assert name == given
                stubs = [i for i, stub in enumerate(code) if f"def {name}(" in stub]
                assert min(stubs, default=k) < k, f"{path.name}: {name} is not written yet"
                used += 1
    assert used >= 6


def test_every_check_is_called_by_a_stub_of_the_same_signature() -> None:
    for path in NOTEBOOKS:
        code = cells(path, "code")
        for text in cells(path, "markdown"):
            for solution in SOLUTION.findall(text):
                signature = re.search(r"^def (\w+)\(.*\):", solution, re.MULTILINE)
                stubs = [
                    cell
                    for cell in code
                    if signature.group(0) in cell and "raise NotImplementedError" in cell
                ]
                assert len(stubs) == 1, f"{path.name}: {signature.group(0)}"
                assert f"checks.{signature.group(1)}({signature.group(1)})" in stubs[0]


def test_a_check_calls_the_arguments_what_the_stub_calls_them() -> None:
    for case in CASES:
        name, code = case.values
        exercise = getattr(checks, name)
        if not hasattr(exercise, "reference"):
            continue
        written = re.findall(rf"^def {name}\((.*)\):", code, re.MULTILINE)[0].split(", ")
        asked = [argument for argument in written if "=" not in argument]
        assert report.names(exercise.reference, exercise.cases[0]) == asked, name
