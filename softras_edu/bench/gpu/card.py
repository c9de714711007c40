"""The GPU that is measured: its name, its multiprocessors, its clock, and what can be said of its
memory; and the versions of what runs on it."""

from __future__ import annotations

import importlib
import platform
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import torch

from ...machine import processor


@dataclass(frozen=True)
class Card:
    """What the floors and the page need to know of a GPU.

    Attributes:
        target: the compute capability as the compile table writes it, "sm_90"; "" for no GPU.
        clock_hz: the highest clock of the multiprocessors, in hertz.
        memory_bytes: of the card.
        driver: its version; "" where nvidia-smi cannot be asked.
    """

    name: str
    target: str
    multiprocessors: int
    clock_hz: float
    memory_bytes: int
    driver: str


def this_card(device: str) -> Card:
    """The current GPU; in a rehearsal ("cpu") a stand-in: the CPU's name, and an H200's numbers, so
    that the arithmetic of the floors runs too."""
    if device != "cuda":
        return Card(processor(), "", 132, 1.98e9, 2**30, "")
    p = torch.cuda.get_device_properties(torch.cuda.current_device())
    driver, clock = ask_nvidia_smi(str(getattr(p, "uuid", "")))
    return Card(
        name=p.name,
        target=f"sm_{p.major}{p.minor}",
        multiprocessors=p.multi_processor_count,
        clock_hz=clock or clock_from_triton(),
        memory_bytes=p.total_memory,
        driver=driver,
    )


def ask_nvidia_smi(uuid: str) -> tuple[str, float]:
    """Version of the driver and highest clock in hertz, of the GPU with this uuid, else of the
    first one; ("", 0.0) where there is no nvidia-smi."""
    query = ["nvidia-smi", "--query-gpu=uuid,driver_version,clocks.max.sm"]
    try:
        done = subprocess.run(
            [*query, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
        lines = [[x.strip() for x in line.split(",")] for line in done.stdout.splitlines()]
        mine = next((line for line in lines if uuid and uuid in line[0]), lines[0])
        return mine[1], float(mine[2]) * 1e6
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return "", 0.0


def clock_from_triton() -> float:
    """The clock in hertz as Triton asks the driver for it; 0.0 if it cannot."""
    try:
        driver = importlib.import_module("triton").runtime.driver.active
        found = driver.utils.get_device_properties(torch.cuda.current_device())
        return float(found["sm_clock_rate"]) * 1e3
    except Exception:  # no number is worth stopping for
        return 0.0


def versions() -> dict[str, str]:
    """What the numbers depend on, by name."""
    found = {"Python": platform.python_version(), "PyTorch": torch.__version__}
    found["CUDA"] = str(torch.version.cuda or "none")
    for name in ("triton", "numpy", "numba"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found | {"system": f"{platform.system()} {platform.machine()}", "CPU": processor()}
