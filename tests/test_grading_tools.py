"""nbgrader and Otter-Grader themselves, and pytest, mark one right and one wrong hand-in.

They are installed by `pip install ".[grading]"`, into an environment of their own: see
CONTRIBUTING.md.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from softras_edu.coursework import graded, source, variants

ROOT = Path(__file__).parent.parent
SEED, NAME = 5, "soft_edges"
RIGHT = """\
def probability(d2, inside, sigma):
    signed = torch.where(inside, d2, -d2)
    return 1 / (1 + torch.exp(-signed / sigma))
"""
WRONG = "def probability(d2, inside, sigma):\n    return torch.sigmoid(d2 / sigma)\n"
MISTAKE = "Outside, the sign must be negative"
ANSWERS = {"ada": RIGHT, "ben": WRONG}
SCORES = {"ada": 3, "ben": 2}

pytestmark = pytest.mark.grading


def needs(module: str, package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        importlib.util.find_spec(module) is None,
        reason=f'{package} is not installed here:  pip install ".[grading]"',
    )


def run(*command: object, folder: Path) -> str:
    """Run a command of this environment; what it printed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


@pytest.fixture
def plain() -> source.Notebook:
    """A short assignment: the imports of notebook 02, and its two exercises."""
    notebook = source.read(ROOT / "notebooks" / "02_probability_maps.ipynb")
    kept = [stub.at for stub in source.stubs(notebook)]
    wanted = {2, *kept, *(at - 1 for at in kept), *(at + 1 for at in kept)}
    notebook["cells"] = [c for at, c in enumerate(notebook["cells"]) if at in wanted]
    return notebook


def hand_in(released: Path, target: Path, student: str) -> None:
    """What a student makes of the notebook that they were given."""
    notebook = source.read(released)
    solution = """\
def segment_distance2(p, a, b):
    t = ((p - a) @ (b - a) / (b - a).dot(b - a)).clamp(0, 1)
    return (p - a - t[:, None] * (b - a)).square().sum(1)
"""
    answers = {"segment_distance2": solution, "probability": ANSWERS[student]}
    for cell in notebook["cells"]:
        for name, answer in answers.items():
            if f"def {name}(" in source.text(cell):
                source.set_text(cell, f"{answer}\n\nchecks.{name}({name})")
    source.write(target, notebook)


def given_out(released: Path) -> None:
    """No solution and no hidden check is in what the students get."""
    text = released.read_text(encoding="utf-8")
    for secret in ("torch.where(inside, d2", "t.clamp", "hidden_check", f"seed={SEED}"):
        assert secret not in text
    assert text.count("raise NotImplementedError") == 2
    assert "<summary>Hint" in text


@needs("nbgrader", "nbgrader")
def test_nbgrader(plain, tmp_path):
    made = variants.student(graded.nbgrader(plain, SEED))
    source.write(tmp_path / "source" / NAME / f"{NAME}.ipynb", made)
    (tmp_path / "nbgrader_config.py").write_text(graded.NBGRADER_CONFIG)
    run("-m", "nbgrader", "generate_assignment", NAME, folder=tmp_path)
    released = tmp_path / "release" / NAME / f"{NAME}.ipynb"
    given_out(released)
    for student in ANSWERS:
        hand_in(released, tmp_path / "submitted" / student / NAME / f"{NAME}.ipynb", student)
    run("-m", "nbgrader", "autograde", NAME, folder=tmp_path)
    run("-m", "nbgrader", "generate_feedback", NAME, folder=tmp_path)
    run("-m", "nbgrader", "export", folder=tmp_path)
    rows = list(csv.DictReader((tmp_path / "grades.csv").open()))
    assert {row["student_id"]: float(row["score"]) for row in rows} == SCORES
    assert {float(row["max_score"]) for row in rows} == {3.0}
    pages = {
        student: (tmp_path / "feedback" / student / NAME / f"{NAME}.html").read_text("utf-8")
        for student in ANSWERS
    }
    assert MISTAKE in pages["ben"]
    assert MISTAKE not in pages["ada"]


@needs("otter", "Otter-Grader")
def test_otter_grader(plain, tmp_path):
    made = variants.student(graded.otter(plain, SEED, NAME, files=False))
    source.write(tmp_path / f"{NAME}.ipynb", made)
    # It runs the solutions too, and would stop if one did not pass.
    run("-m", "otter", "assign", f"{NAME}.ipynb", "dist", folder=tmp_path)
    released = tmp_path / "dist" / "student" / f"{NAME}.ipynb"
    given_out(released)
    (autograder,) = (tmp_path / "dist" / "autograder").glob("*.zip")
    for student, score in SCORES.items():
        hand_in(released, tmp_path / f"{student}.ipynb", student)
        out = tmp_path / student
        out.mkdir()
        command = ("run", "-a", autograder, "-o", out, f"{student}.ipynb")
        run("-m", "otter", *command, folder=tmp_path)
        tests = json.loads((out / "results.json").read_text(encoding="utf-8"))["tests"]
        assert sum(test.get("score", 0) for test in tests) == score
        assert sum(test.get("max_score", 0) for test in tests) == 3
        said = " ".join(test["output"] for test in tests)
        assert (MISTAKE in said) == (student == "ben")


def test_plain_pytest(plain, tmp_path):
    # Of the file as it is handed to an instructor; `grade` has tests of its own.
    tests = tmp_path / f"test_{NAME}.py"
    tests.write_text(graded.pytest_file(plain, SEED), encoding="utf-8")
    released = tmp_path / f"{NAME}.ipynb"
    source.write(released, variants.student(plain))
    for student in ANSWERS:
        hand_in(released, tmp_path / "hand_ins" / f"{student}.ipynb", student)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert "1 failed, 3 passed" in done.stdout, done.stdout + done.stderr
    assert MISTAKE in done.stdout
    for student, score in SCORES.items():
        told = json.loads((tmp_path / "hand_ins" / f"{student}.json").read_text("utf-8"))
        assert (told["score"], told["points"]) == (score, 3)
