"""What every step of the GPU command is given: the device, the time that is left, and the
report."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .card import Card
from .report import Report

# A step must be over when this share of its budget is gone, so that the steps after it have some.
SHARES = {"doctor": 0.15, "correctness": 0.55, "speed": 0.85, "peers": 0.96}
SECONDS, TUNE_SECONDS = 340.0, 230.0  # budgets: of all other steps together, and of tuning


@dataclass
class Session:
    """One run of the command.

    Attributes:
        device: "cuda", or "cpu" in a rehearsal.
        rehearsal: Triton's interpreter runs the kernels, on the CPU: the path is the same, and no
            number means anything.
        card: the GPU.
        seconds: the budget of all steps but tune; None for SECONDS.
        scenes: names of the correctness checks to run; none named, all of them.
        softras: a checkout of the official SoftRas, to be compiled and measured beside ours.
        wrong: what came out wrong, by name. Anything here makes the exit status 1.
        skipped: what was left out, and why.
    """

    device: str
    rehearsal: bool
    report: Report
    card: Card
    seconds: float | None = None
    scenes: tuple[str, ...] = ()
    softras: Path | None = None
    wrong: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    deadline: float = float("inf")  # of the step that is running
    copy_speed: float = 0.0  # bytes a second, read and written, once it has been measured

    def left(self) -> float:
        """Seconds until the running step must be over."""
        return self.deadline - time.perf_counter()

    def skip(self, what: str, why: str = "the time is up") -> None:
        """Say, here and in the report, that something is left out."""
        self.skipped.append(f"{what}: {why}")
        self.report.say(f"  {what:<34} left out: {why}")

    def has_time(self, what: str, seconds: float = 0.0) -> bool:
        """Whether `seconds` are left; if they are not, `what` is noted as skipped."""
        if self.left() >= seconds:
            return True
        self.skip(what)
        return False

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Around a step: its heading, its deadline, and how long it took. An error inside is noted
        as wrong, and the next step goes on."""
        begun = time.perf_counter()
        if name == "tune":
            self.deadline = begun + (self.seconds or TUNE_SECONDS)
        else:
            self.deadline = self.started + SHARES.get(name, 1.0) * (self.seconds or SECONDS)
        self.report.begin(name)
        try:
            yield
        except Exception as error:  # the report must get its other steps
            self.wrong.append(f"step {name}")
            self.report.error(name, error)
        self.report.end(name, time.perf_counter() - begun)
