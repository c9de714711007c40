"""The table of notebook 14.

The committed file is whole, and the script that makes it draws the cases that it says.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
import torch
from load_script import load_script

from softras_edu.fitting import acting, bend
from softras_edu.fitting.body import joint_error, make_body
from softras_edu.teaching.results import body as body_table
from softras_edu.teaching.results import tables

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def script() -> ModuleType:
    pytest.importorskip("numba")
    return load_script("benchmarks/fit_body.py")


def newest() -> list[dict[str, str]]:
    path = max((ROOT / "benchmarks" / "results").glob("body-*.csv"))
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_committed_file_has_every_case_of_every_method(script: ModuleType) -> None:
    rows = newest()
    count = Counter((row["task"], row["method"], int(row["seed"])) for row in rows)
    assert set(count) == set(script.jobs())
    assert set(count.values()) == {script.CASES}
    assert tuple(rows[0]) == script.FIELDS
    assert len(list((ROOT / "benchmarks" / "results").glob("body-*.csv"))) == 1


def test_its_starts_are_the_ones_that_the_seed_gives(script: ModuleType) -> None:
    seed = script.SEEDS[-1]
    for name, task in script.tasks(seed).items():
        before = joint_error(task.start, task.goal)[:, task.free.any(-1)].mean(1)
        written = [
            float(row["degrees_before"])
            for row in newest()
            if (row["task"], row["method"], row["seed"]) == (name, "soft", str(seed))
        ]
        assert torch.allclose(before, torch.tensor(written), atol=1e-2)
        known = 1 - task.free.any(-1, keepdim=True).float()
        assert torch.equal(task.start * known, task.goal * known)


def test_the_hand_is_hidden_where_the_task_says_so(script: ModuleType) -> None:
    body = make_body()
    for name, task in script.tasks(7, 3).items():
        start, goal = (bend.shows(body, pose, "left hand") for pose in (task.start, task.goal))
        if name == "comes out":
            assert not start.any()
            assert (goal >= 8).all()
        if name == "goes behind":
            assert (start >= 8).all()
            assert not goal.any()


def test_the_open_task_owes_nothing_to_the_prior(script: ModuleType) -> None:
    free = bend.EVERY_JOINT > 0

    def drift(poses: torch.Tensor) -> float:
        """How far their mean is from the prior's, in spreads: 0 if they were drawn from it."""
        off = ((poses.mean(0) - bend.ready()) / bend.SPREAD)[free]
        return off.square().mean().sqrt().item()

    generator = torch.Generator().manual_seed(0)
    assert drift(acting.acted(1000, generator)) > 0.4
    assert drift(bend.random_poses(bend.ready(), 1000, generator)) < 0.05
    seed = script.SEEDS[0]
    goals = acting.acted(script.CASES, torch.Generator().manual_seed(seed))
    assert torch.equal(script.tasks(seed)["open"].goal, goals)


def test_a_run_that_was_stopped_goes_on(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran = []

    def measure(body: object, task: object, method: dict[str, object]) -> list[dict[str, str]]:
        if len(ran) == 3:
            raise KeyboardInterrupt
        ran.append(method)
        return [dict.fromkeys(script.FIELDS[8:], "1.0")] * 2

    monkeypatch.setattr(script, "measure", measure)
    monkeypatch.setattr(script, "jobs", lambda: [("open", "soft", seed) for seed in range(4)])
    monkeypatch.setattr(script, "SEEDS", range(4))
    monkeypatch.setattr(script, "tasks", lambda seed: {"open": None})
    monkeypatch.setattr("sys.argv", ["fit_body", "--out", str(tmp_path)])
    with pytest.raises(KeyboardInterrupt):
        script.main()
    ran.pop()
    script.main()
    (path,) = tmp_path.glob("body-*.csv")
    with path.open(newline="", encoding="utf-8") as file:
        rows = [(row["seed"], row["case"]) for row in csv.DictReader(file)]
    assert rows == [(str(seed), str(case)) for seed in range(4) for case in range(2)]
    assert len(ran) == 3


def test_without_a_gradient_nothing_moves(script: ModuleType) -> None:
    for row in newest():
        if row["method"] == "hard":
            assert float(row["degrees"]) == pytest.approx(float(row["degrees_before"]), abs=1e-2)
    task = script.tasks(1, 1)["comes out"]
    (row,) = script.measure(make_body(), task, {**script.METHODS["hard"], "steps": 2})
    assert float(row["degrees"]) == pytest.approx(float(row["degrees_before"]), abs=1e-2)


def test_the_table_takes_means_of_the_file() -> None:
    mine = [row for row in newest() if (row["task"], row["method"]) == ("comes out", "soft")]
    row = body_table.table()["comes out", "soft"]
    degrees = [float(line["degrees"]) for line in mine]
    assert row.cases == len(degrees) >= 20
    assert row.degrees == pytest.approx(sum(degrees) / row.cases, rel=1e-5)
    spread = (sum((d - row.degrees) ** 2 for d in degrees) / (row.cases - 1)) ** 0.5
    assert row.half == pytest.approx(1.96 * spread / row.cases**0.5, rel=1e-4)
    assert sum(row.seeds) / len(row.seeds) == pytest.approx(row.degrees, rel=1e-5)
    assert (row.arm, row.arm_half) == pytest.approx(
        (row.degrees, row.half)
    )  # the arm alone is free
    assert row.solved == sum(
        float(line["degrees"]) <= float(line["degrees_before"]) / 2 for line in mine
    )


def test_a_missing_table_says_how_to_make_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tables, "folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"fit_body\.py"):
        body_table.table()
