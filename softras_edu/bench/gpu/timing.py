"""Time, peak memory and kernels of one call. On a GPU with Triton's `do_bench`: CUDA events around
every run, the level-2 cache emptied before each. In a rehearsal a wall-clock timer does the
same."""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ..measure import peak_memory

Call = Callable[[], object]
SLOW = 0.25  # seconds: calls slower than this are timed thrice, not for a tenth of a second


@dataclass(frozen=True)
class Timing:
    """Milliseconds of many runs of one call.

    Attributes:
        median, low, high: the median and the quartiles, between events on the GPU.
        again: the median of a second measurement, right behind the first: differences below
            |again - median| are noise.
        wall: the median of single calls by the host's clock, from the call until the GPU is done.
        runs: of the first measurement.
    """

    median: float
    low: float
    high: float
    again: float
    wall: float
    runs: int


def wait(device: str) -> None:
    """Until the GPU has done all that it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


def wall_ms(run: Call, device: str, runs: int) -> float:
    """Median of `runs` calls by the host's clock, each waited for."""
    samples = []
    for _ in range(runs):
        wait(device)
        begun = time.perf_counter()
        run()
        wait(device)
        samples.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(samples)


def event_times(run: Call, runs: int) -> list[float]:
    """Milliseconds between two events around each of `runs` calls."""
    found = []
    for _ in range(runs):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        torch.cuda.synchronize()
        found.append(begin.elapsed_time(end))
    return found


def samples_ms(run: Call, device: str, repeat_ms: float) -> list[float]:
    """All single times of one measurement, about `repeat_ms` milliseconds long."""
    if device != "cuda":
        return [wall_ms(run, device, 1)]
    if wall_ms(run, device, 1) > SLOW * 1e3:
        return event_times(run, 3)
    do_bench = importlib.import_module("triton.testing").do_bench
    return list(do_bench(run, warmup=10, rep=repeat_ms, return_mode="all"))


def measure(run: Call, device: str, repeat_ms: float = 100.0) -> Timing:
    """Time a call. It has run before: nothing is compiled any more."""
    first = samples_ms(run, device, repeat_ms)
    if device != "cuda":  # a rehearsal: the interpreter is slow, and the numbers mean nothing
        return Timing(first[0], first[0], first[0], first[0], first[0], 1)
    again = samples_ms(run, device, repeat_ms / 2)
    low, middle, high = quartiles(first)
    wall = wall_ms(run, device, 3 if middle > SLOW * 1e3 else 11)
    return Timing(middle, low, high, statistics.median(again), wall, len(first))


def quartiles(samples: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    if len(samples) < 2:
        return samples[0], samples[0], samples[0]
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
    return low, middle, high


def peak_mib(run: Call, device: str) -> float:
    """The most memory that a call takes beside what is there before it, in MiB."""
    if device == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() / 2**20 if device == "cuda" else peak_memory(device)
    run()
    wait(device)
    return peak_memory(device) - before


def gpu_kernels(run: Call, runs: int = 3) -> list[tuple[str, float, float]]:
    """What ran on the GPU in one call: (kernel, launches, microseconds), the longest first. Empty
    where the profiler cannot be used (on shared machines it may be forbidden)."""
    try:
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CUDA]) as found:
            for _ in range(runs):
                run()
            torch.cuda.synchronize()
        rows: list[Any] = [e for e in found.key_averages() if e.self_device_time_total > 0]
        rows.sort(key=lambda e: -e.self_device_time_total)
        return [(e.key, e.count / runs, e.self_device_time_total / runs) for e in rows]
    except Exception:  # a measurement beside others: none is better than no report
        return []


def copy_speed(device: str) -> float:
    """Bytes a second, read and written, of a large copy within the device's memory."""
    size = 2**30 if device == "cuda" else 2**22  # bytes, many times the level-2 cache
    if device == "cuda":
        size = min(size, torch.cuda.mem_get_info()[0] // 8)
    source = torch.ones(size // 4, device=device)
    target = torch.empty_like(source)
    target.copy_(source)
    times = (
        event_times(lambda: target.copy_(source), 7)
        if device == "cuda"
        else [wall_ms(lambda: target.copy_(source), device, 3)]
    )
    return 2 * source.numel() * 4 / (statistics.median(times) * 1e-3)
