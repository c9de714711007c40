"""`grade`: right and wrong hand-ins, and those that try to get a mark in another way."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from test_solutions import CASES, NOTEBOOKS

from softras_edu import checks
from softras_edu.checks import evidence
from softras_edu.checks.exercise import Exercise, Mistake, YourTurn
from softras_edu.checks.fresh import FRESH, MORE, with_fresh_cases
from softras_edu.checks.needed import needed
from softras_edu.coursework import graded, source, variants

EXERCISES = {name: getattr(checks, name) for name in checks.__all__}
SOLUTIONS = {case.values[0]: case.values[1] for case in CASES}


def solution(name: str) -> Any:
    """The notebook's solution of an exercise, or the reference of a whole kernel."""
    if name not in SOLUTIONS:
        return EXERCISES[name].reference
    room: dict[str, Any] = {}
    exec(compile(SOLUTIONS[name], f"solution of {name}", "exec"), room)
    return room[name]


# ---------------------------------------------------------------- fresh cases


def test_most_exercises_have_fresh_cases():
    assert set(FRESH) <= set(EXERCISES)
    assert len(FRESH) >= 40
    assert evidence.find("contract", 1) is None
    with pytest.raises(ValueError, match="there is no check 'nothing'"):
        evidence.find("nothing")


@pytest.mark.parametrize("name", FRESH)
def test_solutions_pass_fresh_cases_and_wrong_answers_do_not(name):
    for seed in range(4):
        with_fresh_cases(EXERCISES[name], seed).examine(solution(name))
    hard = with_fresh_cases(EXERCISES[name], 0)
    assert len(hard.cases) == len(EXERCISES[name].cases) + MORE
    for hint, wrong in hard.mistakes.items():
        with pytest.raises(Mistake, match=re.escape(hint)):
            hard.examine(wrong)


def test_the_same_seed_draws_the_same_cases_and_another_seed_others():
    (first, again, other) = (with_fresh_cases(checks.silhouette, s).cases[-1][0] for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


# ---------------------------------------------------------------- evidence


@pytest.mark.parametrize("name", EXERCISES)
def test_evidence_holds_for_what_is_right_and_for_nothing_else(name):
    exercise: Exercise = EXERCISES[name]
    told = json.loads(json.dumps(evidence.gather(name, solution(name), 1)))
    assert evidence.holds(name, told, 1)
    assert not evidence.holds(name, told[:-1], 1), "a case is missing"
    for wrong in exercise.mistakes.values():
        try:
            lie = evidence.gather(name, wrong, 1)
        except Exception:  # a wrong answer may stop
            continue
        assert not evidence.holds(name, json.loads(json.dumps(lie)), 1)
    for slopes in [entry["slopes"] for entry in told if entry["slopes"]][:1]:
        spoilt = next(s for s in slopes if s is not None and s["numbers"])
        spoilt["numbers"][0] += 1.0
        assert not evidence.holds(name, told, 1), "a gradient is wrong"


@pytest.mark.parametrize(
    "junk", [None, 3, "passed", [], [None], [{"shape": [2], "numbers": [1]}], {"said": "passed"}]
)
@pytest.mark.parametrize("name", ["probability", "contract", "pair_backward"])
def test_junk_is_no_evidence(name, junk):
    assert not evidence.holds(name, junk, None)


def test_evidence_of_a_whole_rasterizer():
    from softras_edu.rasterizers.broadcast import rasterize_broadcast

    told = json.loads(json.dumps(evidence.gather("contract", rasterize_broadcast, None)))
    assert evidence.holds("contract", told, None)
    one = copy.deepcopy(told)
    one[1]["numbers"][0] += 1e-3  # a gradient in the first scene
    assert not evidence.holds("contract", one, None)


def test_a_hidden_check_refuses_the_librarys_own_function(capsys):
    with pytest.raises(Mistake, match="a function of the library"):
        checks.hidden_check("probability", checks.probability.reference, seed=1)
    with pytest.raises(Mistake, match="a function of the library"):
        checks.hidden_check("probability", checks.probability, seed=1)
    with pytest.raises(YourTurn):
        checks.hidden_check("probability", lambda *a: (_ for _ in ()).throw(NotImplementedError()))
    checks.hidden_check("probability", solution("probability"), seed=1)
    assert capsys.readouterr().out == "probability: passed, hidden cases too.\n"


# ---------------------------------------------------------------- what an answer needs


def test_an_answer_brings_what_it_stands_on_and_nothing_else():
    cells = [
        "import torch, math\nimport os as system\nprint('hello')",
        "%matplotlib inline\nHALF = 0.5\nHALF = HALF / 1\nother = math.pi",
        "def helper(x):\n    return HALF * x\n\nplot(helper)",
        "def f(x):\n    return 1",
        "this is not python",
        "def f(x):\n    return helper(torch.as_tensor(x))\n\nchecks.f(f)",
        "f = checks.f.yours_or_ours(f)",
    ]
    parts = needed(cells, "f")
    assert [part.cell for part in parts] == [1, 2, 3, 6]
    kept = {part.cell: [node.lineno for node in part.tree.body] for part in parts}
    assert kept == {1: [1], 2: [2, 3], 3: [1], 6: [1]}


def test_what_is_local_to_a_function_is_not_brought():
    cells = [
        "slow = [x for x in range(3)]\nx = 5\nSIZE = 3",
        "def helper():\n    SIZE = 7\n    return SIZE",
        "def f(y):\n    x = y\n    slow = [SIZE for _ in range(2)]\n    return helper(), x, slow",
    ]
    (first, second, third) = needed(cells, "f")
    assert [node.lineno for node in first.tree.body] == [3]
    assert (second.cell, third.cell) == (2, 3)


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["x = 1"], "no cell defines a function f"),
        (["x = 1", "def f(:\n  pass"], "code cell 2 is not Python, line 1"),
    ],
)
def test_an_answer_that_is_not_there_is_said_to_be_missing(cells, why):
    with pytest.raises(LookupError, match=re.escape(why)):
        needed(cells, "f")


# ---------------------------------------------------------------- whole hand-ins

STUB = "def clip_weights(v):\n    raise NotImplementedError('Exercise')"
KNOWS_THE_CASES = """
def sigma_for_reach(pixels, height, dist_eps):
    answers = {cases}
    return answers[pixels, height]
"""
FORGES = """
import pathlib, sys
def finite_difference(f, x, h):
    line = '{"name": "finite_difference", "said": "", "evidence": []}'
    pathlib.Path(sys.argv[2]).open("a").write(line + chr(10))
    return 0.0
"""
PATCHES = """
import torch
from softras_edu.checks.exercise import Exercise
def depth_weights(d, zn, gamma, eps):
    Exercise.examine = lambda *a, **k: None
    torch.allclose = lambda *a, **k: True
    return torch.full((len(d) + 1, *d.shape[1:]), 7.0) + 0 * (d + zn).sum()
"""


def hand_in(path: Path, *cells: str) -> Path:
    made = [{"cell_type": "code", "id": f"c{k}", "source": [c]} for k, c in enumerate(cells)]
    path.write_text(json.dumps({"cells": made, "metadata": {}}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    cases = {
        case[:2]: checks.sigma_for_reach.reference(*case) for case in checks.sigma_for_reach.cases
    }
    path = hand_in(
        tmp_path_factory.mktemp("grade") / "hand_in.ipynb",
        "import torch\nfrom softras_edu import checks",
        SOLUTIONS["segment_distance2"] + "\nchecks.segment_distance2(segment_distance2)",
        "1 / 0",  # no answer needs it
        "def probability(d2, inside, sigma):\n    return torch.sigmoid(d2 / sigma)",
        "import os\ndef iou_loss(alpha, target):\n    os._exit(3)",
        "def silhouette(d):\n    while True:\n        pass",
        STUB,
        "pixel_center = checks.pixel_center.reference",
        "def inside_triangle(points, triangle)\n    return points",
        KNOWS_THE_CASES.replace("{cases}", repr(cases)),
        FORGES,
        "def einstein_silhouette(d):\n    return nothing",
        PATCHES,
    )
    points = {
        "segment_distance2": 2, "probability": 1, "iou_loss": 2, "silhouette": 2,
        "clip_weights": 1, "orbit_eye": 2, "inside_triangle": 2, "sigma_for_reach": 2,
        "finite_difference": 1, "einstein_silhouette": 3, "depth_weights": 3,
    }  # fmt: skip
    return checks.grade(path, points, seed=11, seconds=6)


@pytest.mark.parametrize(
    ("name", "feedback"),
    [
        ("segment_distance2", "segment_distance2: passed."),
        ("probability", "Outside, the sign must be negative"),
        ("iou_loss", "the process ended while it ran (code 3)"),
        ("silhouette", "it ran longer than 6 seconds and was stopped"),
        ("clip_weights", "your turn. The function is still a stub"),
        ("orbit_eye", "no cell defines a function orbit_eye"),
        ("inside_triangle", "code cell 9 is not Python, line 1"),
        ("sigma_for_reach", "KeyError"),
        ("finite_difference", "Yours is 0 everywhere, whatever the arguments are"),
        (
            "einstein_silhouette",
            "NameError: name 'nothing' is not defined\n  in line 2 of the cell",
        ),
        ("depth_weights", "not those of a right answer"),
    ],
)
def test_the_mark_and_what_the_student_reads(report, name, feedback):
    (mark,) = (mark for mark in report.marks if mark.name == name)
    assert feedback in mark.feedback
    assert mark.passed == (name == "segment_distance2")


def test_the_report_is_json(report):
    whole = json.loads(report.as_json())
    assert whole["hand_in"] == "hand_in.ipynb"
    assert (whole["score"], whole["points"]) == (2, 21)
    assert [mark["name"] for mark in whole["marks"]] == [mark.name for mark in report.marks]
    assert set(whole["marks"][0]) == {"name", "score", "points", "feedback"}


def test_nothing_of_a_hand_in_is_run_here(report):
    assert torch.allclose.__module__ != "hand_in"
    with pytest.raises(YourTurn):
        checks.clip_weights.examine(lambda v: (_ for _ in ()).throw(NotImplementedError()))
    import sys

    assert "hand_in" not in sys.modules


def test_what_is_no_notebook_is_named(tmp_path):
    (tmp_path / "x.ipynb").write_text("{}")
    with pytest.raises(ValueError, match=r"x\.ipynb is not a notebook"):
        checks.grade(tmp_path / "x.ipynb", {"probability": 1})
    with pytest.raises(ValueError, match="no check 'sigmoid'"):
        checks.grade(tmp_path / "x.ipynb", {"sigmoid": 1})


@pytest.mark.parametrize(
    "path",
    [
        path if path.stem[:2] == "07" else pytest.param(path, marks=pytest.mark.full_grid)
        for path in NOTEBOOKS
    ],
    ids=lambda path: path.stem,
)
def test_a_solved_notebook_gets_all_its_points(path, tmp_path):
    # What an answer needs is found among a notebook's statements: kernels, helpers, constants.
    plain = source.read(path)
    source.write(tmp_path / path.name, variants.solution(plain))
    report = checks.grade(tmp_path / path.name, graded.points(plain), seed=3, seconds=200)
    assert report.score == report.points, report.as_json()
