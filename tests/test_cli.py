"""python -m softras_edu: doctor, notebooks, bench."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

import softras_edu
from softras_edu import bench, doctor
from softras_edu.__main__ import main

NAMES = sorted(path.name for path in (Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


def test_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "softras_edu", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"softras-edu {softras_edu.__version__}"


def test_without_a_command_it_says_what_there_is(capsys):
    with pytest.raises(SystemExit) as stopped:
        main([])
    assert stopped.value.code == 2
    assert "doctor | notebooks | bench | gpu | fit | reconstruct" in capsys.readouterr().err


def test_doctor_is_content_here(capsys):
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "torch" in text
    for backend in softras_edu.backends():
        assert f"  {backend}" in text
    assert "All is well" in text


def test_doctor_names_what_is_missing_and_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "NEEDED", ("torch", "no-such-package"))
    monkeypatch.setattr(doctor, "notebooks_folder", lambda: None)
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "PROBLEM: no-such-package is not installed:" in text
    assert "pip install no-such-package" in text
    assert "PROBLEM: the notebooks are missing" in text


def test_doctor_gives_the_reason_of_a_backend_that_cannot_run(monkeypatch, capsys):
    def broken(*args, **kwargs):
        raise RuntimeError("no such luck")

    monkeypatch.setattr(doctor, "backends", lambda: {"broadcast": "ok", "other": "needs a GPU"})
    monkeypatch.setattr(doctor, "rasterize", broken)
    assert main(["doctor"]) == 1
    text = capsys.readouterr().out
    assert "fails: RuntimeError: no such luck" in text
    assert "needs a GPU" in text
    assert "no backend of rasterize runs here" in text


def test_notebooks_are_copied_into_a_new_folder(tmp_path, capsys):
    dest = tmp_path / "some" / "where"
    assert main(["notebooks", str(dest)]) == 0
    assert sorted(path.name for path in dest.glob("*.ipynb")) == NAMES
    assert f"Copied {len(NAMES)} notebooks" in capsys.readouterr().out


def test_notebooks_that_are_there_are_kept_unless_forced(tmp_path, capsys):
    mine = tmp_path / NAMES[0]
    mine.write_text("my work")
    assert main(["notebooks", str(tmp_path)]) == 1
    assert mine.read_text() == "my work"
    assert list(tmp_path.iterdir()) == [mine]
    message = capsys.readouterr().err
    assert NAMES[0] in message
    assert "--force" in message
    assert main(["notebooks", str(tmp_path), "--force"]) == 0
    assert mine.read_text() != "my work"


def test_notebooks_need_a_folder_of_their_own(tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("")
    assert main(["notebooks", str(file)]) == 1
    assert "is a file" in capsys.readouterr().err
    assert main(["notebooks", str(file / "below")]) == 1
    assert "cannot write" in capsys.readouterr().err
    assert main(["notebooks", str(doctor.notebooks_folder()), "--force"]) == 1
    assert "choose another folder" in capsys.readouterr().err


def test_bench_prints_a_table_and_writes_csv_and_a_plot(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "SWEEPS", {"growth": [bench.Case(4, 0), bench.Case(8, 0)]})
    monkeypatch.setattr(
        bench, "backends", lambda: {"broadcast": "ok", "pairs": "ok", "none": "not here"}
    )
    assert main(["bench", "--out", str(tmp_path / "results"), "--limit", "0"]) == 0
    text = capsys.readouterr().out
    rows = [
        row
        for path in (tmp_path / "results").glob("*.csv")
        for row in csv.DictReader(path.open())
        if "cuda" not in row["device"].lower()
    ]
    assert [row["backend"] for row in rows] == ["broadcast", "pairs"], (
        "--limit 0 stops every backend after its first case"
    )
    for row in rows:
        assert f" {row['backend']}" in text
        assert float(row["forward_backward_ms"]) > float(row["forward_ms"]) / 2 > 0
        assert row["torch"]
        assert row["date"]
        assert row["threads"]
        assert row["faces"] == "20"
        assert 0 < int(row["live_pairs"]) <= 20 * 16, "no more than all pairs of the smallest case"
    assert list((tmp_path / "results").glob("*.png"))


def test_bench_goes_on_without_a_backend_that_fails(monkeypatch, capsys):
    monkeypatch.setattr(bench, "backends", lambda: {"banana": "ok"})
    assert (
        bench.climb("growth", [bench.Case(4, 0), bench.Case(8, 0)], "cpu", "a machine", 1.0) == []
    )
    assert capsys.readouterr().out.count("failed: ValueError: backend: got 'banana'") == 1
