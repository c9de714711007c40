"""The script behind notebook 16's study, on tiny cases; how its files are read; and the files that
are committed.
"""

from __future__ import annotations

import csv
import dataclasses

import pytest
import torch
from load_script import load_script

from softras_edu.teaching.results import gendr as gendr_table
from softras_edu.teaching.results import tables

pytest.importorskip("numba")


@pytest.fixture
def script(monkeypatch):
    module = load_script("benchmarks/fit_gendr.py")
    monkeypatch.setattr(module, "STEPS", 3)
    monkeypatch.setattr(module, "VIEWS", 6)
    monkeypatch.setattr(module, "SPHERE", module.icosphere(1))
    monkeypatch.setattr(module, "POSE_STEPS", 4)
    sweep = (module.Setting(0.5, 0.1), module.Setting(2.0, 0.1))
    for name, task in module.TASKS.items():
        small = dataclasses.replace(task, few=1, many=2, look=1, sweep=sweep)
        monkeypatch.setitem(module.TASKS, name, small)
    return module


@pytest.mark.parametrize("task", ["shape", "pose"])
def test_a_tiny_study_writes_rows_and_goes_on_where_it_stopped(script, task, tmp_path, monkeypatch):
    tried = [script.UNIFORM, script.Choice("hard", False, "probabilistic"), script.SOFTRAS]
    path = tmp_path / "out" / "study.csv"
    first = script.Study(task, path).run(tried[:2])
    stages = [(row["distribution"], row["stage"]) for row in first]
    assert stages[-2:] == [("uniform", "report"), ("hard", "report")]
    assert len(stages) >= 7, "a place of the grid and its four neighbours, then two reports"
    assert set(stages[:-2]) == {("uniform", "tune")}
    rows = script.Study(task, path).run(tried)
    assert rows[: len(first)] == first, "what was known is not done again"
    extra = [row["stage"] for row in rows if row["distribution"] == "logistic"]
    assert extra[-3:] == ["report", "sweep", "sweep"]
    nothing = dataclasses.replace(script.TASKS[task], fitting=None)
    monkeypatch.setitem(script.TASKS, task, nothing)
    assert script.Study(task, path).run(tried) == rows, "nothing is left to do"
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == rows
    assert len(first[-2]["scores"].split()) == (2 if task == "pose" else 4)
    tuned = {(row["blur"], row["rate"]): float(row["good"]) for row in first[:-2]}
    assert tuned[first[-2]["blur"], first[-2]["rate"]] == max(tuned.values())


def test_a_climb_ends_where_no_neighbour_is_better(script):
    asked = []

    def score(i: int, j: int) -> float:
        asked.append((i, j))
        return -((i - 3) ** 2) - (j + 2) ** 2

    assert script.climb(score, 1) == (3, -2)
    assert {(2, -2), (4, -2), (3, -1), (3, -3)} <= set(asked)
    assert script.climb(lambda i, j: 0.0, 1) == (0, 0), "of equal places, where it is"

    def dip(i: int, j: int) -> float:
        return score(i, j) - 100 * (i == 1)

    assert script.climb(dip, 1) == (0, -2)
    assert script.climb(dip, 2) == (3, -2), "it looks across one bad place"


def test_without_a_gradient_nothing_is_found(script):
    hard = script.Choice("hard", False, "probabilistic")
    truth, start, _ = script.pose_cases(0, 3)
    left = script.fit_poses(hard, script.TASKS["pose"].start, 0, 3)
    assert left == pytest.approx(script.geodesic_angle(start, truth).tolist(), abs=1e-3)
    assert all(script.TURN[0] <= angle <= script.TURN[1] for angle in left)


def test_a_shape_is_fitted_and_the_best_of_its_steps_is_kept(script, monkeypatch):
    start = script.fit_shapes(script.SOFTRAS, script.Setting(1.0, 1e-9), 0, 1)  # stays there
    monkeypatch.setattr(script, "STEPS", 40)
    iou = script.fit_shapes(script.SOFTRAS, script.Setting(1.0, 0.1), 0, 1)
    assert all(0.05 < a < b - 0.1 < 0.9 for a, b in zip(start, iou, strict=True))
    ruined = script.fit_shapes(script.SOFTRAS, script.Setting(1.0, 100.0), 0, 1)
    assert all(a < b + 1e-3 for a, b in zip(start, ruined, strict=True))


def test_every_second_view_is_fitted_and_all_are_judged(script, monkeypatch):
    fitted, judged = [], []
    silhouettes, sharp = script.Choice.silhouettes, script.sharp
    monkeypatch.setattr(
        script.Choice,
        "silhouettes",
        lambda self, t, *rest: (fitted.append(len(t)), silhouettes(self, t, *rest))[1],
    )
    script.shape_cases(0, 1)
    monkeypatch.setattr(
        script, "sharp", lambda *given: (seen := sharp(*given), judged.append(len(seen)))[0]
    )
    script.fit_shapes(script.SOFTRAS, script.Setting(1.0, 0.03), 0, 1)
    assert fitted == [6] * 3  # two cases, three of six views, three steps
    assert judged == [6] * 6  # two cases before the first step, before the last, and after it


def test_a_difference_is_taken_case_by_case():
    a, b = (
        gendr_table.Result(1.0, 0.1, good, {}, {})
        for good in ([1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0])
    )
    mean, half = gendr_table.difference(a, b)
    assert mean == 0.5
    assert half == pytest.approx(3.18 * (1 / 3) ** 0.5 / 2, rel=0.05)
    assert gendr_table.difference(a, b, slice(1, 3)) == (0.0, 0.0)
    assert gendr_table.difference(a, b.good) == (mean, half)


@pytest.mark.parametrize(("free", "t"), [(5, 2.571), (11, 2.201), (399, 1.966)])
def test_an_interval_is_students(free, t):
    mean, half = gendr_table.interval([0.0, 2.0] * ((free + 1) // 2))
    deviation = ((free + 1) / free) ** 0.5
    assert mean == 1
    assert half == pytest.approx(t * deviation / (free + 1) ** 0.5, rel=5e-3)


@pytest.mark.parametrize(
    ("blur", "rate", "edge"), [(2.0, 0.1, False), (4.0, 0.1, True), (2.0, 0.2, True)]
)
def test_a_best_setting_at_the_edge_of_what_was_tried_is_noticed(blur, rate, edge):
    tried = [(1.0, 0.1), (2.0, 0.1), (4.0, 0.1), (2.0, 0.05), (2.0, 0.2)]
    result = gendr_table.Result(blur, rate, [], dict.fromkeys(tried, 0.5), {})
    assert result.at_an_edge == edge


def test_ranks_and_their_correlation():
    assert gendr_table.ranks([0.3, 0.9, 0.3, 0.1]) == [2.5, 1, 2.5, 4]
    assert gendr_table.correlation([1, 2, 3, 4], [10, 20, 30, 1000]) == pytest.approx(1)
    assert gendr_table.correlation([1, 2, 3, 4], [4, 3, 2, 1]) == pytest.approx(-1)


@pytest.mark.parametrize("task", ["shape", "pose"])
def test_the_committed_files_have_every_choice(task):
    module = load_script("benchmarks/fit_gendr.py")
    many = module.TASKS[task].many
    results = gendr_table.study(task)
    assert list(results) == [(c.distribution, c.squared, c.conorm) for c in module.choices(task)]
    for choice, result in results.items():
        assert len(result.good) == (2 * many if task == "shape" else many)
        if choice[0] != "hard":
            assert not result.at_an_edge
            assert result.tuned[result.blur, result.rate] == max(result.tuned.values())
    softras = results[gendr_table.SOFTRAS]
    swept = [(each.blur, float(f"{each.rate:.4g}")) for each in module.TASKS[task].sweep]
    assert sorted(softras.sweep) == sorted(swept)
    if task == "pose":
        assert results["hard", False, "probabilistic"].mean < softras.mean - 0.5


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
