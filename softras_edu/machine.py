"""What machine this is, and how long it takes for something."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.benchmark import Timer


def processor() -> str:
    """The CPU's name, as well as the system tells it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass  # not Linux
    if platform.system() == "Darwin":
        return (
            subprocess.run(
                ["sysctl", "-n", "machdep.cpu.brand_string"],
                capture_output=True,
                text=True,
                check=False,
            ).stdout.strip()
            or platform.machine()
        )
    return platform.processor() or platform.machine()


def median_seconds(function: Callable[[], object], at_least: float = 0.5) -> float:
    """Median time of a call, by `torch.utils.benchmark`.

    A first call does not count. Then come calls for `at_least` seconds: a long one is timed alone,
    short ones in blocks of 10, 100, ..., each divided by its number. The GPU, if there is one, is
    waited for before and after each. PyTorch keeps the threads that it has.
    """
    timer = Timer("function()", globals={"function": function}, num_threads=torch.get_num_threads())
    return float(timer.blocked_autorange(min_run_time=at_least).median)
