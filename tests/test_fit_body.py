"""The table of notebook 14.

The committed file is whole, and the script that makes it draws the cases that it says.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
import torch

from softras_edu.fitting.body import joint_error, make_body
from softras_edu.teaching.results import body as body_table
from softras_edu.teaching.results import tables

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def script() -> ModuleType:
    pytest.importorskip("numba")
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        spec = importlib.util.spec_from_file_location(
            "fit_body", ROOT / "benchmarks" / "fit_body.py"
        )
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    return module


def newest() -> list[dict[str, str]]:
    path = max((ROOT / "benchmarks" / "results").glob("body-*.csv"))
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_committed_file_has_every_case_of_every_method(script: ModuleType) -> None:
    rows = newest()
    count = Counter((row["task"], row["method"]) for row in rows)
    assert set(count) == {(task, method) for task in script.tasks(1) for method in script.METHODS}
    assert set(count.values()) == {20}
    assert tuple(rows[0]) == script.FIELDS


def test_its_starts_are_the_ones_that_the_seed_gives(script: ModuleType) -> None:
    for task, (starts, goals, free, _) in script.tasks(20).items():
        before = joint_error(starts, goals)[:, free.any(-1)].mean(1)
        written = [
            float(row["degrees_before"])
            for row in newest()
            if (row["task"], row["method"]) == (task, "soft")
        ]
        assert torch.allclose(before, torch.tensor(written), atol=1e-2)
        assert torch.equal(starts * (1 - free), goals * (1 - free)) or task == "open"


def test_without_a_gradient_nothing_moves(script: ModuleType) -> None:
    for row in newest():
        if row["method"] == "hard":
            assert float(row["degrees"]) == pytest.approx(float(row["degrees_before"]), abs=1e-2)
    task = script.tasks(1)["comes out"]
    (row,) = script.measure(make_body(), task, {**script.METHODS["hard"], "steps": 2})
    assert float(row["degrees"]) == pytest.approx(float(row["degrees_before"]), abs=1e-2)


def test_the_table_takes_means_of_the_file() -> None:
    mine = [row for row in newest() if (row["task"], row["method"]) == ("comes out", "soft")]
    row = body_table.table()["comes out", "soft"]
    degrees = [float(line["degrees"]) for line in mine]
    assert row.cases == 20
    assert row.degrees == pytest.approx(sum(degrees) / 20, rel=1e-5)
    spread = (sum((d - row.degrees) ** 2 for d in degrees) / 19) ** 0.5
    assert row.half == pytest.approx(1.96 * spread / 20**0.5, rel=1e-4)
    assert row.solved == sum(
        float(line["degrees"]) <= float(line["degrees_before"]) / 2 for line in mine
    )


def test_a_missing_table_says_how_to_make_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tables, "folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"fit_body\.py"):
        body_table.table()
