"""The script behind notebook 16's study, on tiny cases; how its files are read; and the files that
are committed.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path

import pytest
import torch

from softras_edu.teaching.results import gendr as gendr_table
from softras_edu.teaching.results import tables

pytest.importorskip("numba")
SCRIPT = Path(__file__).parent.parent / "benchmarks" / "fit_gendr.py"


@pytest.fixture
def script(monkeypatch):
    spec = importlib.util.spec_from_file_location("fit_gendr", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "fit_gendr", module)  # dataclasses look their module up
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "STEPS", 4)
    monkeypatch.setattr(module, "POSE_STEPS", 4)
    monkeypatch.setattr(
        module,
        "TASKS",
        {
            task: (fitting, (0.5, 2.0), 1, 2, good)
            for task, (fitting, _, _, _, good) in module.TASKS.items()
        },
    )
    return module


@pytest.mark.parametrize("task", ["shape", "pose"])
def test_a_tiny_study_writes_rows_and_goes_on_where_it_stopped(script, task, tmp_path, monkeypatch):
    tried = [
        script.Choice("uniform", False, "probabilistic"),
        script.Choice("hard", False, "probabilistic"),
        script.Choice("logistic", True, "yager"),
    ]
    path = tmp_path / "out" / "study.csv"
    first = script.study(task, path, tried[:2])
    assert [(row["distribution"], row["stage"]) for row in first] == [
        *[("uniform", "tune")] * 2,
        ("uniform", "report"),
        ("hard", "report"),
    ]
    rows = script.study(task, path, tried)
    assert rows[:4] == first, "what was known is not done again"
    assert len(rows) == 7
    monkeypatch.setattr(script, "TASKS", {task: (None, *script.TASKS[task][1:])})
    assert script.study(task, path, tried) == rows, "nothing is left to do"
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == rows
    assert len(rows[2]["scores"].split()) == (2 if task == "pose" else 4)
    tuned = {row["blur"]: float(row["good"]) for row in rows[:2]}
    assert tuned[rows[2]["blur"]] == max(tuned.values())


def test_without_a_gradient_nothing_is_found(script):
    hard = script.Choice("hard", False, "probabilistic")
    truth, start, _ = script.pose_cases(0, 3)
    left = script.fit_poses(hard, 1.0, 0, 3)
    assert left == pytest.approx(script.geodesic_angle(start, truth).tolist(), abs=1e-3)
    assert all(script.TURN[0] <= angle <= script.TURN[1] for angle in left)


def test_a_difference_is_taken_case_by_case():
    a, b = (
        gendr_table.Result(1.0, good, {}) for good in ([1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0])
    )
    mean, half = gendr_table.difference(a, b)
    assert mean == 0.5
    assert half == pytest.approx(3.18 * (1 / 3) ** 0.5 / 2, rel=0.05)
    assert gendr_table.difference(a, b, slice(1, 3)) == (0.0, 0.0)


def test_ranks_and_their_correlation():
    assert gendr_table.ranks([0.3, 0.9, 0.3, 0.1]) == [2.5, 1, 2.5, 4]
    assert gendr_table.correlation([1, 2, 3, 4], [10, 20, 30, 1000]) == pytest.approx(1)
    assert gendr_table.correlation([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)


@pytest.mark.parametrize("task", ["shape", "pose"])
def test_the_committed_files_have_every_choice(task):
    spec = importlib.util.spec_from_file_location("fit_gendr_whole", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["fit_gendr_whole"] = module
    spec.loader.exec_module(module)
    del sys.modules["fit_gendr_whole"]
    _, blurs, _, many, _ = module.TASKS[task]
    results = gendr_table.study(task)
    assert list(results) == [(c.distribution, c.squared, c.conorm) for c in module.choices()]
    for choice, result in results.items():
        assert len(result.good) == (2 * many if task == "shape" else many)
        assert choice[0] == "hard" or (
            list(result.tuned) == list(blurs)
            and result.tuned[result.blur] == max(result.tuned.values())
        )
    assert (
        results[("hard", False, "probabilistic")].mean
        < 0.2
        < 0.5
        < results[gendr_table.SOFTRAS].mean
    )


def test_no_file_says_what_to_do(monkeypatch):
    monkeypatch.setattr(tables, "folder", lambda: None)
    with pytest.raises(FileNotFoundError, match=r"fit_gendr\.py"):
        gendr_table.study("pose")


def test_dots_have_a_mark_and_a_bar_each():
    rows = {
        "uniform": {"squared": (0.1, 0.05), "not squared": (-0.1, 0.02)},
        "cauchy": {"squared": (0.0, 0.01)},
    }
    figure = gendr_table.dots(rows, xlabel="gain", zero="SoftRas")
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["uniform", "cauchy"]
    assert torch.tensor([len(line.get_xdata()) for line in figure.axes[0].lines[:1]]).sum() == 2
