"""python -m softras_edu gpu: prove and measure the Triton kernels on the GPU that is here.

    doctor        what is installed, which card                                     doctor.py
    correctness   every named scene against broadcast, and how the kernels behave   correctness.py
    speed         four sizes, beside the other rungs and the floors                 speed.py
    peers         other renderers on the same card                                  peer_step.py
    kernels       where the GPU's time goes, as the profiler sees it                 kernel_times.py
    tune          launch sizes swept; only when asked for                           tune.py
    page          all of it as Markdown, CSV and a plot                             page.py

`--rehearse` runs the same path without a GPU, in Triton's interpreter at tiny sizes. Its numbers
mean nothing: every row and the page say so, and the folder that keeps results refuses them. The
exit status is 1 when anything came out wrong, 2 when the command could not run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ...rasterizers import triton_gpu
from .report import Report, refuse_rehearsal

STEPS = ("doctor", "correctness", "speed", "peers", "kernels", "tune")


def add(commands: Any) -> None:
    """Make `gpu` a command of a parser of commands."""
    gpu = commands.add_parser("gpu", help="prove and measure the Triton kernels on a GPU")
    gpu.add_argument("--out", type=Path, metavar="DIR", help="CSV files, plot and page go there")
    gpu.add_argument("--rehearse", action="store_true", help="without a GPU: the path, no numbers")
    gpu.add_argument("--tune", action="store_true", help="sweep the launch sizes too")
    gpu.add_argument(
        "--softras", type=Path, metavar="PATH", help="a checkout of SoftRas, to compile"
    )
    gpu.add_argument("--only", default="", metavar="STEPS", help=f"some of {','.join(STEPS)}")
    gpu.add_argument(
        "--scene", default="", metavar="NAMES", help="only these checks of correctness"
    )
    gpu.add_argument("--seconds", type=float, metavar="N", help="budget: 340, and 230 for tune")


def run(given: argparse.Namespace, doctor: Callable[[], int]) -> int:
    """Run the command; the exit status. `doctor` prints what is installed and what is missing."""
    try:
        steps = chosen_steps(given.only, given.tune)
        if given.rehearse:
            refuse_rehearsal(given.out)
            triton_gpu.use_interpreter()
        reason = why_not(given.rehearse)
    except (ValueError, RuntimeError) as error:
        return refuse(str(error))
    if reason:
        return refuse(reason)
    return measure(given, steps, doctor)


def chosen_steps(only: str, tune: bool) -> list[str]:
    """The steps to run, in order."""
    wanted = [name for name in only.split(",") if name]
    unknown = [name for name in wanted if name not in STEPS]
    if unknown:
        raise ValueError(f"--only: got {', '.join(unknown)}, wanted some of {', '.join(STEPS)}")
    wanted = wanted or list(STEPS[:-1])
    return [name for name in STEPS if name in wanted or (name == "tune" and tune)]


def why_not(rehearsal: bool) -> str | None:
    """Why the command cannot run here, or None."""
    reason = triton_gpu.why_not("cpu" if rehearsal else "cuda")
    if reason is None and not rehearsal and not torch.cuda.is_available():
        reason = "no GPU here: TRITON_INTERPRET is set, and torch.cuda.is_available() is False"
    if reason is None and not rehearsal and triton_gpu.interpreting():
        return "TRITON_INTERPRET is set: the interpreter would run, not the GPU. Unset it"
    if reason is not None and not rehearsal:
        return f"{reason}. (--rehearse runs the same path in Triton's interpreter, on the CPU)"
    return reason


def refuse(message: str) -> int:
    """Say why nothing was run."""
    print(f"softras-edu: {message.removesuffix('.')}.", file=sys.stderr)
    return 2


def measure(given: argparse.Namespace, steps: list[str], doctor: Callable[[], int]) -> int:
    """All steps, and the report."""
    from . import correctness, kernel_times, peer_step, plots, speed, tune
    from .card import this_card, versions
    from .page import page
    from .session import Session

    device = "cpu" if given.rehearse else "cuda"
    scenes = tuple(name for name in given.scene.split(",") if name)
    unknown = [name for name in scenes if name not in correctness.names()]
    if unknown:
        known = ", ".join(correctness.names())
        return refuse(f"--scene: got {', '.join(unknown)}, wanted some of {known}")
    card = this_card(device)
    out = None if scenes else given.out  # a part of the checks must not replace the file of all
    some = "-".join(name for name in steps if name != "doctor") if given.only else ""
    report = Report(out, card.name, given.rehearse, page, some)
    report.facts = versions() | {"driver": card.driver or "unknown"}
    session = Session(device, given.rehearse, report, card, given.seconds, scenes, given.softras)
    work = {
        "doctor": lambda session: look_around(session, doctor),
        "correctness": correctness.step,
        "speed": speed.step,
        "peers": peer_step.step,
        "kernels": kernel_times.step,
        "tune": tune.step,
    }
    for name in steps:
        with session.step(name):
            work[name](session)
    report.begin("page")
    try:
        plots.plot(report)
    except Exception as error:  # the numbers are written; a plot is not worth the exit status
        report.error("plot", error)
    return conclude(session)


def look_around(session: Any, doctor: Callable[[], int]) -> None:
    """The doctor's report, and the card. What the course lacks here does not matter to the
    kernels."""
    doctor()
    session.report.say("What the course lacks here does not matter to the kernels.")
    card = session.card
    gib = card.memory_bytes / 2**30
    session.report.facts["card"] = (
        f"{card.name}, {card.target or 'no GPU'}, {card.multiprocessors} multiprocessors, "
        f"{card.clock_hz / 1e9:.2f} GHz, {gib:.0f} GiB"
    )
    session.report.say(f"\n{session.report.facts['card']}")


def conclude(session: Any) -> int:
    """The last lines, and the exit status."""
    report = session.report
    for what in session.skipped:
        report.notes.append(f"left out: {what}")
    report.finish()
    if session.skipped:
        report.say(f"{len(session.skipped)} left out: {'; '.join(session.skipped)}")
    where = report.path("", ".md")
    if where is not None:
        report.say(f"written to {where}, with its tables beside it")
    if session.wrong:
        report.say(f"WRONG: {', '.join(session.wrong)}")
        return 1
    report.say("Nothing came out wrong." + (" (A rehearsal.)" if session.rehearsal else ""))
    return 0
