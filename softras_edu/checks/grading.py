"""`grade`: the marks of one hand-in, on any platform.

The student's code runs in a process of its own, with a time limit. That process writes down
numbers; the marks are made here, where none of that code is ever imported, unpickled or run.

What this does not do: it is no sandbox. The other process may read what its user may read, and use
the network. Give it a container or a user of its own, as for any program by a stranger. And the
library is open: an answer that calls the library's own function in a roundabout way passes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import evidence

START = 120.0  # seconds that Python, PyTorch and numba may take to start
LARGEST = 64_000_000  # bytes of what the other process may write
KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "PYTHONPATH", "LD_LIBRARY_PATH", "CC")


@dataclass(frozen=True)
class Mark:
    """What one exercise got.

    Attributes:
        name: of the exercise.
        score: `points` if it is right, else 0.
        feedback: what the check says, as the student reads it.
    """

    name: str
    score: float
    points: float
    feedback: str

    @property
    def passed(self) -> bool:
        return self.score == self.points


@dataclass(frozen=True)
class Report:
    """The marks of one hand-in."""

    hand_in: str
    marks: list[Mark]

    @property
    def score(self) -> float:
        return sum(mark.score for mark in self.marks)

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)

    def as_json(self) -> str:
        """{"hand_in", "score", "points", "marks": [{"name", "score", "points", "feedback"}]}"""
        marks = [asdict(mark) for mark in self.marks]
        whole = {"hand_in": self.hand_in, "score": self.score, "points": self.points}
        return json.dumps({**whole, "marks": marks}, indent=1, ensure_ascii=False)


def grade(
    hand_in: Path | str,
    points: Mapping[str, float],
    *,
    seed: int | None = None,
    seconds: float = 60.0,
) -> Report:
    """Mark the exercises of a notebook that a student handed in.

    Args:
        hand_in: the notebook's file.
        points: of each exercise, by the name of its check: {"segment_distance2": 2}. "contract"
            stands for the rasterizer that notebooks 06 to 09 put together.
        seed: adds fresh cases, the same for the same number. Keep it from the students.
        seconds: for each exercise.

    Raises:
        ValueError: `points` names a check that does not exist, or the file is no notebook.
        RuntimeError: the other process cannot start here; its own words are in the message.
    """
    path = Path(hand_in)
    for name in points:
        evidence.find(name)
    cells = _code(path)
    told = _ask(cells, list(points), seed, seconds)
    marks = []
    for name, most in points.items():
        said, numbers = told[name].get("said", ""), told[name].get("evidence")
        right = not said and evidence.holds(name, numbers, seed)
        if not right and not said:
            said = f"{name}: the numbers that were handed back are not those of a right answer."
        marks.append(Mark(name, most if right else 0, most, said or f"{name}: passed."))
    return Report(path.name, marks)


def _code(path: Path) -> list[str]:
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        return ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise ValueError(f"hand_in: {path.name} is not a notebook") from None


def _ask(
    cells: list[str], names: list[str], seed: int | None, seconds: float
) -> dict[str, dict[str, Any]]:
    """What the other process says of each exercise. One that runs too long, or takes the process
    with it, is passed over, and a new process goes on behind it."""
    told: dict[str, dict[str, Any]] = {}
    while left := [name for name in names if name not in told]:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            job, out = Path(folder) / "job.json", Path(folder) / "out.jsonl"
            job.write_text(json.dumps({"cells": cells, "names": left, "seed": seed}), "utf-8")
            started, why = _run(Path(folder), job, out, seconds, len(left))
            lines = _lines(out)
        if not started:
            raise RuntimeError(f"the process for the answers did not start: {why}")
        begun = {line["name"] for line in lines if line.get("begins")}
        said = {line["name"]: line for line in lines if isinstance(line.get("said"), str)}
        new = {name: said[name] for name in left if name in said}
        stuck = [name for name in left if name in begun and name not in new]
        if not new and not stuck:  # it says nothing that can be read
            stuck = left
        told |= new | {name: {"said": f"{name}: {why}"} for name in stuck}
    return told


def _run(folder: Path, job: Path, out: Path, seconds: float, count: int) -> tuple[bool, str]:
    """Let the other process work. Whether it came as far as an exercise, and why it ended before
    its time, in words."""
    command = [sys.executable, "-m", "softras_edu.checks.answering", str(job), str(out)]
    room = folder / "room"
    room.mkdir()
    with (folder / "errors.txt").open("wb") as errors:
        process = subprocess.Popen(
            command,
            cwd=room,
            env=_environment(room),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        try:
            started, late = _watch(process, out, seconds, count)
        finally:
            _end(process)
    if late:
        return started, f"it ran longer than {seconds:g} seconds and was stopped."
    last = (folder / "errors.txt").read_text("utf-8", errors="replace").strip()[-300:]
    why = f"the process ended while it ran (code {process.returncode}). {last}".strip()
    return started, why


def _watch(
    process: subprocess.Popen[bytes], out: Path, seconds: float, count: int
) -> tuple[bool, bool]:
    """Wait until the process ends. Whether it wrote anything, and whether it, or one exercise in
    it, took too long."""
    start = time.monotonic()
    whole, deadline, seen = start + START + count * seconds, start + START, 0
    running = True
    while running:
        running = process.poll() is None
        now, size = time.monotonic(), out.stat().st_size if out.exists() else 0
        if size > seen:  # an exercise began or ended
            seen, deadline = size, now + seconds
        if running and (now > min(deadline, whole) or size > LARGEST):
            return seen > 0, True
        time.sleep(0.05 if running else 0)
    return seen > 0, False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):  # all of it has ended
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _lines(out: Path) -> list[dict[str, Any]]:
    """The lines of JSON that can be read: the student's code may have written others."""
    found: list[dict[str, Any]] = []
    if not out.exists() or out.stat().st_size > LARGEST:
        return found
    for line in out.read_text("utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            found.append(entry)
    return found


def _environment(room: Path) -> dict[str, str]:
    """Few variables: a password for the platform, say, is not the student's business."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [package, kept.get("PYTHONPATH", "")]))
    home = {"HOME": str(room), "TMPDIR": str(room), "MPLCONFIGDIR": str(room)}
    return {**kept, **home, "PYTHONPATH": path, "MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1"}
