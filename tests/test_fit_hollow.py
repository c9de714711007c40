"""The script behind notebook 17's numbers, on tiny cases; and the numbers that are committed."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from load_script import load_script

from softras_edu.reconstruct.voxels import voxel_iou
from softras_edu.teaching.results import tables

ROWS = tables.table("fit-hollow")


@pytest.fixture(scope="module")
def script():
    return load_script("benchmarks/fit_hollow.py")


@pytest.mark.parametrize(("shading", "smooth"), [(3.0, False), (0.0, True)])
def test_a_tiny_case_gives_a_row_like_those_committed(script, shading, smooth):
    case = script.Case(shading=shading, smooth=smooth, level=1, size=16, batch=3, steps=8)
    row = script.run(case)
    assert list(row) == list(ROWS[0])
    assert 0 < row["voxel_iou"] < 1
    assert 0 < row["filled"] <= 1
    again = script.run(case)
    assert all(again[key] == row[key] for key in ("voxel_iou", "filled", "loss_end"))


def test_the_scores_of_a_bowl_of_a_full_one_and_of_nothing(script):
    bowl, hollow = script.cells(script.bowl()), script.cells(script.hollow())
    assert script.scores(bowl) == {"voxel_iou": 1.0, "filled": 0.0}
    assert script.scores(bowl & ~bowl) == {"voxel_iou": 0.0, "filled": 0.0}
    full = script.scores(bowl | hollow)
    assert full["filled"] == 1.0
    assert abs(full["voxel_iou"] - voxel_iou(bowl, bowl | hollow).item()) < 1e-4


@pytest.mark.data
def test_the_committed_file_has_every_case_with_the_rate_whose_loss_was_lowest(script):
    best: dict[str, dict[str, str]] = {}
    for row in ROWS:
        if row["stage"] == "tune":
            lowest = best.setdefault(row["method"], row)
            if float(row["loss_end"]) < float(lowest["loss_end"]):
                best[row["method"]] = row
    wanted = list(script.cases({method: float(row["lr"]) for method, row in best.items()}))
    have = {tuple(row[name] for name in asdict(wanted[0])) for row in ROWS[1:]}
    assert ROWS[0]["method"] == "hull"
    assert have == {script.key(case) for case in wanted}
    assert len(ROWS) == len(wanted) + 1


@pytest.mark.data
def test_no_reported_rate_stands_at_the_edge_of_those_tried(script):
    rates = {case.method: tried for case, tried in script.METHODS}
    for row in ROWS[1:]:
        tried = rates[row["method"].removesuffix(", 4 x steps")]
        if row["stage"] == "report":
            assert min(tried) < float(row["lr"]) < max(tried), row["method"]
