"""python -m softras_edu bench: time and memory of every backend, over image size, faces, sigma and batch. `make bench` keeps the numbers.

Each (backend, case) runs in a process of its own, so that its peak memory is its own. A sweep climbs from small to large, and a backend
leaves it after the first case in which one forward and backward takes longer than the limit.
"""

from __future__ import annotations

import csv
import datetime
import json
import math
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from . import __version__
from .camera import Camera
from .doctor import processor
from .mesh import icosphere
from .rasterize import backends, rasterize
from .render import screen_triangles

Row = dict[str, str | int | float]


@dataclass(frozen=True)
class Case:
    """A coloured icosphere of 20 * 4**level faces, seen by `batch` cameras around it: image side in pixels, sigma in NDC squared."""

    side: int = 64
    level: int = 3
    sigma: float = 1e-4
    batch: int = 1

    def __str__(self) -> str:
        return f"{self.batch} x {self.side} x {self.side}, {20 * 4**self.level:,} faces, sigma {self.sigma:g}"


SWEEPS = {
    "growth": [Case(side, level) for side, level in ((16, 1), (32, 2), (64, 3), (128, 3), (256, 4), (512, 5), (1024, 6))],
    "faces": [Case(level=level) for level in (0, 1, 2, 3, 4, 5, 6)],
    "sigma": [Case(sigma=sigma) for sigma in (1e-5, 1e-4, 1e-3, 1e-2)],
    "batch": [Case(batch=batch) for batch in (1, 4, 16)],
}
# Images x faces x pixels beyond which a dense backend is left out: broadcast would need tens of GB, loops hours.
DENSE_LIMIT = {"loops": 25_000, "broadcast": 40_000_000}


def report(out: Path | None = None, limit: float = 3.0) -> int:
    """Measure, print a table, and write a CSV file and a plot into the folder `out` if there is one. The exit status."""
    devices = {"cpu": f"{processor()}, {torch.get_num_threads()} threads"}
    if torch.cuda.is_available():
        devices["cuda"] = torch.cuda.get_device_name()
    for device, name in devices.items():
        print(f"{name}, PyTorch {torch.__version__}, Python {platform.python_version()}")
        print("RGB, float32, gamma 0.0001, medians after a warm-up; memory is the peak of the process, less what it had before the first image\n")
        print(f"{'sweep':<8} {'backend':<10} {'case':<42} {'forward':>12} {'+ backward':>12} {'live pairs':>11} {'ns a pair':>10} {'memory':>9}")
        rows = [row for sweep, cases in SWEEPS.items() for row in climb(sweep, cases, device, name, limit)]
        if out is not None and rows:
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"{datetime.date.today()}-{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.csv"
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows(rows)
            plot(rows, name, path.with_suffix(".png"))
            print(f"\nwritten to {path} and {path.with_suffix('.png').name}")
    return 0


def climb(sweep: str, cases: list[Case], device: str, device_name: str, limit: float) -> list[Row]:
    """Measure all backends, case by case, each until it is too slow. Prints a line a measurement."""
    rows: list[Row] = []
    running = [name for name, state in backends().items() if state == "ok"]
    for case in cases:
        for backend in list(running):
            if case.batch * 20 * 4**case.level * case.side**2 > DENSE_LIMIT.get(backend, math.inf):
                continue
            found = apart(backend, case, device)
            if "failed" in found:
                running.remove(backend)
                print(f"{sweep:<8} {backend:<10} {case!s:<42} failed: {found['failed']}", flush=True)
                continue
            both, live = float(found["forward_backward_ms"]), int(found["live_pairs"])
            print(
                f"{sweep:<8} {backend:<10} {case!s:<42} {found['forward_ms']:>9,.2f} ms {both:>9,.2f} ms {live:>11,} "
                f"{both * 1e6 / max(live, 1):>10,.1f} {found['memory_mib']:>5,.0f} MiB",
                flush=True,
            )
            rows.append(
                {
                    "date": str(datetime.date.today()),
                    "device": device_name,
                    "threads": torch.get_num_threads(),
                    "system": f"{platform.system()} {platform.machine()}",
                    "softras_edu": __version__,
                    "python": platform.python_version(),
                    "torch": torch.__version__,
                    "sweep": sweep,
                    "backend": backend,
                    **asdict(case),
                    "faces": 20 * 4**case.level,
                    **found,
                }
            )
            if both > limit * 1e3:
                running.remove(backend)
    return rows


def apart(backend: str, case: Case, device: str) -> Row:
    """`measure` in a process of its own; {"failed": why} if it did not come back with numbers."""
    command = [sys.executable, "-m", "softras_edu.bench", json.dumps({"backend": backend, "device": device, **asdict(case)})]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"failed": (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]}
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measure(backend: str, device: str, **case: float) -> Row:
    """Times in milliseconds, peak memory, and the number of live pairs of one case."""
    c = Case(**case)  # type: ignore[arg-type]
    mesh = icosphere(c.level)
    camera = Camera.orbit(2.732, 30, [360 * k / c.batch for k in range(c.batch)])
    triangles = screen_triangles(mesh.verts, mesh.faces, camera).to(device).requires_grad_()  # (B, F, 3, 3)
    colors = (0.5 + 0.5 * mesh.verts)[mesh.faces].expand(c.batch, -1, -1, -1).to(device).contiguous().requires_grad_()

    def forward() -> torch.Tensor:
        return rasterize(triangles, colors, size=c.side, sigma=c.sigma, backend=backend)

    def backward() -> None:
        torch.autograd.grad(forward().square().mean(), (triangles, colors))

    tiny = torch.tensor([[[-0.5, -0.5, 2.0], [0.5, -0.5, 2.0], [0.0, 0.5, 2.0]]], device=device, requires_grad=True)
    rasterize(tiny, torch.ones_like(tiny), size=4, backend=backend).sum().backward()  # compiles what must be compiled, loads the rest
    before = peak_memory(device)
    forward_ms, both_ms = median_ms(forward, device), median_ms(backward, device)
    memory = peak_memory(device) - before
    return {
        "forward_ms": round(forward_ms, 4),
        "forward_backward_ms": round(both_ms, 4),
        "memory_mib": round(memory, 1),
        "live_pairs": count_live_pairs(triangles.detach(), c),
    }


def median_ms(run: Callable[[], object], device: str, enough: float = 1.0) -> float:
    """Median of up to 21 runs, as many as fit into `enough` seconds but at least one, after one that does not count."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    samples: list[float] = []
    for _ in range(22):
        wait()
        start = time.perf_counter()
        run()
        wait()
        samples.append(time.perf_counter() - start)
        if len(samples) > 1 and sum(samples[1:]) > enough:
            break
    return statistics.median(samples[1:]) * 1e3


def peak_memory(device: str) -> float:
    """The most memory this process has held so far, in MiB: on the GPU what PyTorch took, on the CPU all of it."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    import resource

    unit = 2**20 if platform.system() == "Darwin" else 2**10  # bytes there, KiB here
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def count_live_pairs(triangles: torch.Tensor, case: Case) -> int:
    """How many pairs of pixel and face count in this case, one image at a time."""
    from .rasterize.options import Options
    from .rasterize.pairs import live_pairs

    o = Options(case.side, case.side, case.sigma, 1e-4, 1e-3, 1.0, 100.0, 1e-4, "euclidean", False, False)
    yes = torch.ones(1, triangles.shape[1], dtype=torch.bool, device=triangles.device)
    return sum(len(live_pairs(image, yes, o)[0]) for image in triangles)


def plot(rows: list[Row], title: str, path: Path) -> None:
    """Time and memory against what each sweep varies, log-log."""
    from matplotlib.figure import Figure

    from .figures import COLORS, STYLES

    axis = {"growth": ("side", "image side, pixels (faces grow too)"), "faces": ("faces", "faces"), "sigma": ("sigma", "sigma"), "batch": ("batch", "images")}
    axis = {sweep: labels for sweep, labels in axis.items() if any(row["sweep"] == sweep for row in rows)}
    names = list(dict.fromkeys(str(row["backend"]) for row in rows))
    figure = Figure(figsize=(15, 6.5), layout="constrained")
    for column, (sweep, (key, label)) in enumerate(axis.items()):
        for row_number, (value, unit) in enumerate((("forward_backward_ms", "forward + backward, ms"), ("memory_mib", "peak memory, MiB"))):
            ax = figure.add_subplot(2, len(axis), 1 + column + row_number * len(axis))
            for k, name in enumerate(names):
                mine = [row for row in rows if row["sweep"] == sweep and row["backend"] == name]
                ax.plot([row[key] for row in mine], [max(float(row[value]), 0.1) for row in mine], marker="o", ms=4, color=COLORS[k], ls=STYLES[k], label=name)
            ax.set(xscale="log", yscale="log", xlabel=label, ylabel=unit if column == 0 else "")
            ax.grid(alpha=0.3)
    figure.axes[0].legend(fontsize=9)
    figure.suptitle(f"{title}: RGB, float32; 64 x 64 pixels, 1,280 faces, sigma 0.0001, one image where not varied")
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    print(json.dumps(measure(**json.loads(sys.argv[1]))))
