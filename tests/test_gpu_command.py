"""`python -m softras_edu gpu`: rehearsed in Triton's interpreter, refused as a result, and what it
does when a kernel is wrong, when it is cut off, and where half of our packages are missing."""

from __future__ import annotations

import csv
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import fresh_python
import pytest
import torch

from softras_edu.bench import gpu
from softras_edu.bench.case import Case
from softras_edu.bench.gpu import correctness, floors, scenes, timing
from softras_edu.bench.gpu.card import Card
from softras_edu.bench.gpu.page import page
from softras_edu.bench.gpu.report import Report, refuse_rehearsal
from softras_edu.bench.gpu.session import Session

ROOT = Path(__file__).parent.parent
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed (Linux only)"
)
H200 = Card("NVIDIA H200", "sm_90", 132, 1.98e9, 141 * 2**30, "580.0")


QUICK = "import quick_interpreter; quick_interpreter.install()"


def command(*arguments: str, before: str = "") -> list[str]:
    """The command in a process of its own, with a line of Python before it."""
    quick = QUICK if "--rehearse" in arguments else ""
    run = "from softras_edu.__main__ import main; sys.exit(main(sys.argv[1:]))"
    return [sys.executable, "-c", f"import sys; {before}\n{quick}\n{run}", "gpu", *arguments]


def environment() -> dict[str, str]:
    clean = {name: x for name, x in os.environ.items() if name != "TRITON_INTERPRET"}
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    return {**clean, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


def run(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    _, _, code, *argv = command(*arguments, before=before)
    return fresh_python.run(code, *argv, env=environment())


def rows(folder: Path, table: str) -> list[dict[str, str]]:
    (path,) = folder.glob(f"*gpu-{table}-*.csv")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ---------------------------------------------------------------- the whole path

ABSENT = ("trimesh", "ipywidgets", "nbval", "jupyterlab", "deodr", "anywidget", "scipy", "pytest")
BLOCK = f"sys.modules.update(dict.fromkeys({ABSENT!r}))"


@needs_triton
def test_the_whole_command_is_rehearsed_where_half_of_our_packages_are_missing(tmp_path):
    done = run("--rehearse", "--tune", "--out", str(tmp_path), before=BLOCK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing came out wrong. (A rehearsal.)" in done.stdout
    checked = rows(tmp_path, "correctness")
    assert {row["ok"] for row in checked} == {"yes"}
    assert {row["scene"] for row in checked} >= {*correctness.behaviour.CHECKS, "one-face", "batch"}
    timed = rows(tmp_path, "speed")
    assert {row["backend"] for row in timed} == {"triton", "pairs", "broadcast"}
    assert {row["both"] for row in timed} == {"True", "False"}
    assert {(row["launches"], row["both"]) for row in timed if row["backend"] == "triton"} == {
        ("7", "False"), ("10", "True"), ("6", "False"), ("8", "True"),
    }  # fmt: skip
    assert {row["part"] for row in rows(tmp_path, "tune")} == {"lists", "forward", "backward"}
    for table in ("correctness", "speed", "tune"):
        assert {row["rehearsal"] for row in rows(tmp_path, table)} == {"yes"}
    (text,) = (path.read_text(encoding="utf-8") for path in tmp_path.glob("rehearsal-gpu-*.md"))
    assert text.startswith("# A rehearsal, not a measurement")
    assert "Not finished" not in text
    assert all(part in text for part in ("## Correctness", "## Speed", "## Tuning"))
    (picture,) = tmp_path.glob("*.png")
    assert f"({picture.name})" in text


WRONG = """
from softras_edu.rasterizers import triton_gpu
triton_gpu.use_interpreter()
from softras_edu.rasterizers.triton_gpu import kernels
import triton
import triton.language as tl
@triton.jit
def clip_barycentric(w0, w1, w2):
    total = w0 + w1 + w2
    return w0 / total, w1 / total, w2 / total, 1.0 / total
{}
"""


@needs_triton
def test_a_wrong_kernel_fails_by_the_name_of_its_scene(tmp_path):
    # Weights that are not clipped: colours, and depths outside a triangle, are others.
    names = ("--only", "correctness", "--scene", "silhouette,one-channel,contract")
    wrong = "kernels.clip_barycentric = clip_barycentric"
    script = tmp_path / "wrong.py"
    script.write_text(WRONG.format(wrong), encoding="utf-8")  # triton.jit reads the source file
    before = f"sys.path.insert(0, {str(tmp_path)!r}); import wrong"
    done = run("--rehearse", *names, "--out", str(tmp_path), before=before)
    assert done.returncode == 1, done.stdout + done.stderr
    alone = "python -m softras_edu gpu --rehearse --only correctness --scene one-channel"
    assert alone in done.stdout
    assert re.search(r"^WRONG: (silhouette, )?one-channel$", done.stdout, re.MULTILINE)
    assert re.search(r"  contract .*  ok  ", done.stdout)
    assert not list(tmp_path.glob("*.csv"))  # some checks alone do not replace the table of all


@needs_triton
def test_a_number_that_no_kernel_has_written_is_found(tmp_path):
    # A backward pass that does nothing would find the right numbers of the call before in memory.
    script = tmp_path / "wrong.py"
    script.write_text(
        "import softras_edu.rasterizers.triton_gpu as g\nreal = g._kernels\nclass Idle:\n"
        "    def __getitem__(self, grid): return lambda *a, **k: None\nclass Room:\n"
        "    def __init__(self, m): self.m = m\n    def __getattr__(self, n):\n"
        "        return Idle() if n.startswith('_backward') else getattr(self.m, n)\n"
        "g._kernels = lambda name: Room(real(name))\n",
        encoding="utf-8",
    )
    before = f"sys.path.insert(0, {str(tmp_path)!r}); import wrong"
    done = run("--rehearse", "--only", "correctness", "--scene", "one-face", before=before)
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"one-face .* inf .*WRONG", done.stdout)


@needs_triton
def test_a_run_that_is_cut_off_leaves_what_it_has_found(tmp_path):
    going = subprocess.Popen(
        command("--rehearse", "--only", "correctness", "--out", str(tmp_path)),
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            found = list(tmp_path.glob("*gpu-correctness-*.csv"))
            if found and len(rows(tmp_path, "correctness")) > 2:
                break
            time.sleep(0.1)
    finally:
        going.send_signal(signal.SIGKILL)
        going.wait()
    assert len(rows(tmp_path, "correctness")) > 2
    (text,) = (path.read_text(encoding="utf-8") for path in tmp_path.glob("rehearsal-gpu-*.md"))
    assert "**Not finished:** this was written while the step `correctness` ran." in text
    assert "checks, 0 wrong" in text


@needs_triton
def test_when_the_time_is_up_the_rest_is_left_out_and_said(tmp_path):
    done = run("--rehearse", "--seconds", "0.001", "--out", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"one-face +left out: the time is up", done.stdout)
    assert re.search(r"triton, 1 x 8 x 8, 20 faces, RGB +left out: the time is up", done.stdout)


# ---------------------------------------------------------------- refusals


def test_a_rehearsal_is_refused_as_a_result(tmp_path, capsys):
    for place in (ROOT / "benchmarks" / "results", ROOT / "benchmarks" / "results" / "new"):
        with pytest.raises(ValueError, match="keeps results, and a rehearsal is none"):
            refuse_rehearsal(place)
    refuse_rehearsal(tmp_path)
    elsewhere = tmp_path / "benchmarks" / "results"
    from softras_edu.__main__ import main

    assert main(["gpu", "--rehearse", "--out", str(elsewhere)]) == 2
    assert "a rehearsal is none" in capsys.readouterr().err
    assert not elsewhere.exists()


def test_readers_skip_the_rows_of_a_rehearsal(tmp_path, monkeypatch):
    from softras_edu.teaching.results import tables, timings

    (tmp_path / "gpu-speed-2099-01-01-card.csv").write_text("rehearsal,a\nyes,1\nno,2\n")
    monkeypatch.setattr(tables, "folder", lambda: tmp_path)
    assert timings.on_a_gpu("speed") == [{"rehearsal": "no", "a": "2"}]
    assert timings.on_a_gpu("peers") == []


def test_no_rehearsal_is_among_the_results():
    for path in (ROOT / "benchmarks" / "results").glob("*gpu-*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            assert {row["rehearsal"] for row in csv.DictReader(file)} <= {"no"}, path


def test_where_pairs_cannot_be_counted_they_are_computed(monkeypatch):
    from softras_edu.bench.gpu import speed

    case = Case(64, 3, batch=2)
    counted = speed.live_pairs.__wrapped__(case, "cpu")

    def too_large(case, device):
        raise torch.OutOfMemoryError("no room")

    monkeypatch.setattr(speed, "count_pairs", too_large)
    assert speed.live_pairs.__wrapped__(case, "cpu") == pytest.approx(counted, rel=0.1)


def test_unknown_steps_and_scenes_are_named(capsys):
    from softras_edu.__main__ import main

    assert main(["gpu", "--rehearse", "--only", "speed,banana"]) == 2
    assert "--only: got banana, wanted some of doctor, correctness" in capsys.readouterr().err
    if importlib.util.find_spec("triton") is not None:
        assert main(["gpu", "--rehearse", "--scene", "banana"]) == 2
        assert "--scene: got banana, wanted some of one-face" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_what_to_do():
    done = run()
    assert done.returncode == 2
    assert "--rehearse runs the same path" in done.stderr


def test_steps_come_in_order_and_tune_only_when_asked_for():
    assert gpu.chosen_steps("", False) == list(gpu.STEPS[:-1])
    assert gpu.chosen_steps("", True)[-1] == "tune"
    assert gpu.chosen_steps("speed,doctor", False) == ["doctor", "speed"]


# ---------------------------------------------------------------- the parts


def test_the_floors_by_hand(monkeypatch):
    assert floors.rate(H200) == 132 * 4 * 32 * 1.98e9
    table = [
        {"kernel": kernel, "variant": "RGB", "dtype": "fp32", "target": target,
         "instructions_per_pair": pair}
        for kernel, target, pair in (
            ("_forward_kernel", "sm_80", "120"), ("_forward_kernel", "sm_90", "125"),
            ("_forward_kernel", "gfx942", "145"), ("_backward_by_face_kernel", "sm_90", "208"),
        )
    ]  # fmt: skip
    monkeypatch.setattr(floors, "compiled", lambda: table)
    assert floors.instructions("forward", True, "sm_90") == 125
    assert floors.instructions("forward", True, "sm_89") == 120  # the nearest below
    assert (
        floors.instructions("forward", True, "sm_75") == 133
    )  # none below: the shortest loop ever
    assert floors.instructions("forward", False, "sm_90") == 50
    both = floors.instruction_floor_ms(1_000_000, True, True, H200)
    assert both == pytest.approx(1e6 * (125 + 208) / 33.45408e12 * 1e3)
    assert both == pytest.approx(0.00995, rel=1e-3)  # ten microseconds
    # 2 images of 4 x 4 pixels, 20 faces. Forward: 40 triangles of 18 numbers in; 32 pixels of 4 + 3
    # out.
    case = Case(4, 0, batch=2)
    assert floors.least_bytes(case, False) == 4 * (40 * 18 + 32 * 7)
    # Backward: the triangles again, image, its gradient and state; two gradients out.
    assert floors.least_bytes(case, True) == 4 * (40 * 18 * 3 + 32 * (7 + 4 + 4 + 3))
    assert floors.least_bytes(Case(4, 0, silhouette=True), False) == 4 * (20 * 9 + 16 * 2)
    assert floors.byte_floor_ms(case, False, 1e6) == pytest.approx(3.776)


def test_quartiles():
    assert timing.quartiles([5.0]) == (5.0, 5.0, 5.0)
    assert timing.quartiles([4.0, 1.0, 2.0, 3.0, 5.0]) == (2.0, 3.0, 4.0)


def test_every_scene_can_be_drawn_and_every_distribution_and_conorm_is_among_them():
    from softras_edu.softness import CONORMS, DISTRIBUTIONS

    for name in scenes.SCENES:
        made = scenes.SCENES[name]()
        assert made.triangles.dtype == torch.float64, name
        assert made.triangles.shape[-2:] == (3, 3), name
    assert {options["distribution"] for options in scenes.GENDR.values()} == set(DISTRIBUTIONS)
    assert {options["conorm"] for options in scenes.GENDR.values()} == set(CONORMS)
    assert set(scenes.chosen(False)) == set(scenes.SCENES) > set(scenes.chosen(True))


def test_distances():
    zero, one = torch.zeros(2, 2, dtype=torch.float64), torch.ones(2, 2, dtype=torch.float64)
    assert correctness.distance(zero, one) == 1
    assert correctness.distance(one * 200, one * 100) == 1  # of the largest number
    assert correctness.distance(one * 0.01, zero) == 0.01  # of 1, if that is more
    assert correctness.distance(zero[:1], zero) == float("inf")
    assert correctness.distance(zero / 0, zero) == float("inf")
    assert correctness.distance(zero[:0], zero[:0]) == 0


def test_fresh_memory_is_poisoned():
    with correctness.poisoned():
        assert torch.empty(1000).isnan().all()
    assert not torch.are_deterministic_algorithms_enabled()


def session(tmp_path: Path) -> Session:
    return Session("cpu", True, Report(tmp_path, "a card", True, page), H200)


def test_the_page_names_what_is_wrong_and_an_error_does_not_end_the_run(tmp_path):
    here = session(tmp_path)
    with here.step("correctness"):
        correctness.write(here, "huge", "float32", 0.5, 1e-4, "image", False, 1.0)
        raise RuntimeError("the card fell off")
    assert here.wrong == ["huge", "step correctness"]
    assert gpu.conclude(here) == 1
    text = page(here.report)
    assert "| huge | float32 | 5.000e-01 | image |" in text
    assert "Broken off: correctness: RuntimeError: the card fell off" in text
    assert "Not finished" not in text


def test_a_speed_that_was_measured_on_a_wrong_picture_is_wrong(tmp_path, monkeypatch):
    from softras_edu.bench.gpu import speed

    here = session(tmp_path)
    pictures = speed.Pictures(Case(8, 0), "cpu")
    real = pictures.draw
    monkeypatch.setattr(pictures, "draw", lambda backend: real("broadcast") + 0.1)
    monkeypatch.setattr(pictures, "both", lambda backend: pictures.oracle()[1])
    assert speed.errors(here, pictures, 50)[0] == "1.0e-01"
    assert here.wrong == ["speed 1 x 8 x 8, 20 faces, RGB"]
