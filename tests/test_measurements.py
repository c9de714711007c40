"""Measurements read back, the cost model, and the figures made of them."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest
import torch
from compare import options
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from softras_edu.rasterizers.pairs import live_pairs
from softras_edu.teaching.cost_model import CostModel, expected_pairs, sphere
from softras_edu.teaching.results import tables
from softras_edu.teaching.results import timing_figures as measure_figures
from softras_edu.teaching.results import timings as measurements
from softras_edu.teaching.results.timings import Results

ROOT = Path(__file__).parent.parent
COLUMNS = (
    "date",
    "device",
    "sweep",
    "backend",
    "side",
    "level",
    "sigma",
    "batch",
    "faces",
    "forward_ms",
    "forward_backward_ms",
    "memory_mib",
    "live_pairs",
)


def write(path: Path, device: str, date: str, backends: dict[str, float], **more: str) -> None:
    """A file in which backend b takes backends[b] nanoseconds a live pair, half of it forward."""
    rows = []
    for name, ns in backends.items():
        for level in range(5):
            faces, live = 20 * 4**level, 1000 * 4**level
            case = (
                "growth",
                name,
                64,
                level,
                1e-4,
                1,
                faces,
                ns * live / 2e6,
                ns * live / 1e6,
                1.5,
                live,
            )
            rows.append({**dict(zip(COLUMNS, (date, device, *case), strict=True)), **more})
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """An empty folder in the place of benchmarks/results; the processor here is called "mine"."""
    monkeypatch.setattr(tables, "folder", lambda: tmp_path)
    monkeypatch.setattr(measurements, "processor", lambda: "mine")
    return tmp_path


# ---------------------------------------------------------------- which file


def test_in_the_repository_the_files_are_those_of_the_benchmark():
    assert tables.folder() == ROOT / "benchmarks" / "results"


def test_the_newest_file_of_this_machine_comes_first(shelf):
    assert measurements.newest() is None
    write(shelf / "2030-01-01-theirs.csv", "theirs, 8 threads", "2030-01-01", {"pairs": 1.0})
    assert measurements.newest().device == "theirs, 8 threads"
    write(
        shelf / "2028-01-01-mine.csv", "mine, 2 threads", "2028-01-01", {"pairs": 1.0, "numba": 1.0}
    )
    write(shelf / "2029-01-01-mine.csv", "mine, 2 threads", "2029-01-01", {"pairs": 1.0})
    write(shelf / "2031-01-01-card.csv", "some GPU", "2031-01-01", {"pairs": 1.0, "triton": 1.0})
    (shelf / "compile-2032-01-01.csv").write_text("kernel\n_forward_kernel\n")
    assert measurements.newest().date == "2029-01-01"
    assert measurements.newest("numba").date == "2028-01-01", "the newest one lacks numba"
    assert measurements.newest("banana") is None
    assert measurements.newest("triton", on_cpu=False).device == "some GPU"
    assert measurements.newest("triton") is None


def test_files_of_other_scripts_are_left_alone(shelf):
    (shelf / "poses-2099-01-01.csv").write_text("date,device,solved\n2099-01-01,mine,0.9\n")
    assert measurements.newest() is None
    write(shelf / "a.csv", "mine, 2 threads", "2030-01-01", {"numba": 9.0})
    assert measurements.newest().path.name == "a.csv"


def test_the_newest_compilation_is_read(shelf):
    assert measurements.compiled() == []
    for day in ("2030-01-01", "2031-01-01"):
        (shelf / f"compile-{day}.csv").write_text(f"kernel,triton\n_forward_kernel,{day}\n")
    assert measurements.compiled() == [{"kernel": "_forward_kernel", "triton": "2031-01-01"}]


# ---------------------------------------------------------------- what is in it


def test_a_table_of_another_script_is_its_newest_file(shelf):
    assert measurements.table("fit-shapes") == []
    for date, iou in (("2026-01-02", 0.9), ("2026-03-01", 0.98), ("2026-02-01", 0.95)):
        (shelf / f"fit-shapes-{date}.csv").write_text(f"target,iou\ncube,{iou}\n")
    (shelf / "fit-2027-01-01.csv").write_text("target,iou\nother,0\n")
    assert measurements.table("fit-shapes") == [{"target": "cube", "iou": "0.98"}]


def test_rehearsals_are_never_read(shelf):
    # A run on a borrowed machine that only tries a script out must not become the course's numbers.
    write(shelf / "2030-01-01-mine.csv", "mine, 2 threads", "2030-01-01", {"numba": 1.0})
    write(
        shelf / "2031-01-01-mine.csv",
        "mine, 2 threads",
        "2031-01-01",
        {"numba": 9.0},
        rehearsal="True",
    )
    assert measurements.newest().date == "2030-01-01"
    (shelf / "poses-2030-01-01.csv").write_text("solved,rehearsal\n1,\n2,yes\n3,False\n4\n")
    (shelf / "poses-2031-01-01.csv").write_text("solved,rehearsal\n5,1\n")
    assert [row["solved"] for row in tables.wanted("poses", "fit_poses")] == ["1", "3", "4"]


def test_a_longer_name_is_another_table(shelf):
    # reconstruct-step-<date>.csv lies beside reconstruct.csv, and sorts after it.
    (shelf / "reconstruct.csv").write_text("mean\n58\n")
    (shelf / "reconstruct-step-2031-01-01.csv").write_text("step\n0.1\n")
    assert tables.table("reconstruct") == [{"mean": "58"}]
    with pytest.raises(
        FileNotFoundError, match=r"no body-<date>\.csv: run benchmarks/fit_body\.py"
    ):
        tables.wanted("body", "fit_body")


def test_rows_are_numbers_and_older_files_lack_columns(shelf):
    write(shelf / "old.csv", "mine, 2 threads", "2030-01-01", {"pairs": 10.0, "numba": 1.0})
    results = Results(shelf / "old.csv")
    assert results.on_cpu
    assert results.backends() == ["pairs", "numba"]
    (m,) = results.select(backend="pairs", faces=1280)
    assert (m.side, m.faces, m.batch, m.live_pairs, m.silhouette) == (64, 1280, 1, 64000, False)
    assert m.both_ms == pytest.approx(0.64)
    assert m.dense_pairs == 1280 * 64 * 64
    assert m.ours
    assert results.median_ms("numba") == pytest.approx(0.064)
    with pytest.raises(LookupError, match=r"old\.csv has no numba with 8 x 8 pixels"):
        results.median_ms("numba", side=8)


def test_newer_files_say_who_draws_what(shelf):
    write(
        shelf / "new.csv",
        "mine, 2 threads",
        "2030-01-01",
        {"deodr": 1.0},
        silhouette="True",
        what="hard image",
        alpha_difference="0.3",
        rgb_difference="",
    )
    (m, *_) = Results(shelf / "new.csv").all
    assert m.silhouette
    assert not m.ours
    assert m.row["alpha_difference"] == "0.3"


@pytest.mark.data
def test_the_committed_numbers_reach_the_bars_of_the_project():
    # On the machine where they were measured last. A reader's own file is not held to them.
    results = Results(max((ROOT / "benchmarks" / "results").glob("*-2-threads.csv")))
    broadcast, pairs, numba = (results.median_ms(name) for name in ("broadcast", "pairs", "numba"))
    assert broadcast / numba >= 250
    assert broadcast / pairs >= 40
    (largest,) = results.select(backend="numba", side=1024, faces=81920)
    assert largest.memory_mib < 1536
    time_a_pair = [
        m.both_ms / m.live_pairs
        for m in results.select(backend="numba", sweep="growth")
        if m.side >= 64
    ]
    assert time_a_pair[-1] < 2 * time_a_pair[0], "time per live pair stays flat, or falls"


# ---------------------------------------------------------------- the model


@pytest.mark.parametrize(
    ("level", "side", "sigma"), [(2, 64, 1e-4), (3, 48, 1e-3), (1, 100, 1e-5), (0, 64, 1e-2)]
)
def test_steiner_counts_the_live_pairs(level, side, sigma):
    o = options((side, side), sigma=sigma, dist_eps=1e-4)
    triangles = sphere(level)
    face, _, _ = live_pairs(triangles, torch.ones(1, len(triangles), dtype=torch.bool), o)
    assert expected_pairs(triangles, side, sigma) == pytest.approx(len(face), rel=0.05)


def test_steiner_by_hand():
    # Area 6, perimeter 12.
    right = torch.tensor([[[0.0, 0.0, 2.0], [3.0, 0.0, 2.0], [0.0, 4.0, 2.0]]])
    r = math.sqrt(1e-2 * math.log(1e4 - 1))
    assert expected_pairs(right, 10, 1e-2) == pytest.approx((6 + 12 * r + math.pi * r * r) * 25)


def test_the_model_finds_what_made_the_times(shelf):
    write(shelf / "a.csv", "mine, 2 threads", "2030-01-01", {"numba": 90.0, "broadcast": 90.0})
    results = Results(shelf / "a.csv")
    model = CostModel.fit(results, "numba")
    once, pair, face = model.parts
    assert once == pytest.approx(0, abs=1e-6)
    assert pair * 1000 + face * 20 == pytest.approx(
        90_000
    )  # here pairs and faces grow together: only the sum is known
    assert model.error == pytest.approx(1)
    assert model.predict(64000, 1280) == pytest.approx(5.76)
    assert CostModel.fit(results, "broadcast").parts[2] == 0, (
        "a face by itself costs broadcast nothing"
    )
    with pytest.raises(LookupError, match="no banana"):
        CostModel.fit(results, "banana")


@pytest.mark.data
def test_the_model_of_the_committed_numbers_is_about_right():
    results = measurements.newest("loops", "broadcast", "pairs", "numba")
    for name in ("loops", "broadcast", "pairs", "numba"):
        model = CostModel.fit(results, name)
        assert min(model.parts) >= 0
        assert model.error < 2
        assert "ns a pair" in str(model)
        assert model.case(3, 64, 1e-4) == pytest.approx(
            model.predict(
                1280 * 64**2
                if name in ("loops", "broadcast")
                else expected_pairs(sphere(3), 64, 1e-4),
                1280,
            )
        )


# ---------------------------------------------------------------- figures


def test_every_figure_is_drawn():
    results = measurements.newest("broadcast", "pairs", "numba")
    figures = [
        measure_figures.readings([9.0, 1.0, 1.1], {"mean": 3.7, "median": 1.1}),
        measure_figures.strips({"a": [1.0, 2.0, 3.0], "b": [2.0, 2.5, 4.0]}),
        measure_figures.against({"pairs": [1, 2]}, {"pairs": [1.0, 3.0]}, "pixels", "ms"),
        measure_figures.sweeps(results),
        measure_figures.collapse(results),
        measure_figures.roofline_plot(
            {"numba": (3.0, 2e9), "numba, more": (90.0, 5e9), "pairs": (0.1, 1e8)},
            1e10,
            {"float32": 9e10, "float64": 4e10},
        ),
        measure_figures.bars({"numba": 1.0, "deodr": 0.5, "broadcast": 1600.0}, "ms", ["deodr"]),
    ]
    for figure in figures:
        assert isinstance(figure, Figure)
        FigureCanvasAgg(figure).draw()
        assert any(ax.get_xlabel() for ax in figure.axes)
    labels = [tick.get_text() for tick in figures[-1].axes[0].get_yticklabels()]
    assert labels == ["numba", "deodr", "broadcast"]
