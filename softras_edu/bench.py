"""python -m softras_edu bench: how long every backend takes, on every device of this machine. `make bench` keeps the numbers as CSV."""

from __future__ import annotations

import csv
import datetime
import platform
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

from . import __version__
from .camera import Camera
from .doctor import processor
from .mesh import icosphere
from .rasterize import backends, rasterize
from .render import screen_triangles

# (side of the image in pixels, level of the icosphere): 20 to 1,280 faces. A backend climbs until one case takes too long.
CASES = ((8, 0), (16, 0), (32, 1), (64, 2), (64, 3))
SIGMA = 1e-4
Row = dict[str, str | int | float]


def report(out: Path | None = None, limit: float = 2.0) -> int:
    """Measure, print a table, and write a CSV file into the folder `out` if there is one. The exit status."""
    devices = {"cpu": f"{processor()}, {torch.get_num_threads()} threads"}
    if torch.cuda.is_available():
        devices["cuda"] = torch.cuda.get_device_name()
    for device, name in devices.items():
        print(f"{name}, PyTorch {torch.__version__}, Python {platform.python_version()}")
        print(f"RGB, float32, sigma {SIGMA:g}, medians after a warm-up\n")
        print(f"{'backend':<10} {'image':>9} {'faces':>6} {'forward':>12} {'forward + backward':>19}")
        rows: list[Row] = []
        for backend, state in backends().items():
            if state == "ok":
                rows += climb(backend, device, limit)
            else:
                print(f"{backend:<10} not here: {state}")
        print()
        if out is not None and rows:
            out.mkdir(parents=True, exist_ok=True)
            path = out / f"{datetime.date.today()}-{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}.csv"
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, rows[0])
                writer.writeheader()
                writer.writerows({**row, "device": name} for row in rows)
            print(f"written to {path}\n")
    return 0


def climb(backend: str, device: str, limit: float) -> list[Row]:
    """Measure one backend, case after case, until a run takes longer than `limit` seconds. Prints a line a case; one row a case and pass."""
    rows: list[Row] = []
    for side, level in CASES:
        mesh = icosphere(level)
        triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.5, 25, 30)).to(device).requires_grad_()  # (1, F, 3, 3)
        colors = (0.5 + 0.5 * mesh.verts)[mesh.faces][None].to(device).requires_grad_()
        seconds = {}
        for name in ("forward", "forward + backward"):
            seconds[name], runs = median_seconds(step(triangles, colors, side, backend, backward=name != "forward"), device)
            rows.append(
                {
                    "date": str(datetime.date.today()),
                    "device": device,
                    "threads": torch.get_num_threads(),
                    "system": f"{platform.system()} {platform.machine()}",
                    "softras_edu": __version__,
                    "python": platform.python_version(),
                    "torch": torch.__version__,
                    "backend": backend,
                    "height": side,
                    "width": side,
                    "faces": len(mesh.faces),
                    "channels": 3,
                    "dtype": "float32",
                    "sigma": SIGMA,
                    "pass": name,
                    "median_ms": round(seconds[name] * 1e3, 4),
                    "runs": runs,
                }
            )
        forward, both = (f"{s * 1e3:,.2f} ms" for s in seconds.values())
        print(f"{backend:<10} {f'{side} x {side}':>9} {len(mesh.faces):>6,} {forward:>12} {both:>19}", flush=True)
        if max(seconds.values()) > limit and (side, level) != CASES[-1]:
            print(f"{backend:<10} {'(larger cases left out: more than':>34} {limit:g} s a run)")
            break
    return rows


def step(triangles: torch.Tensor, colors: torch.Tensor, side: int, backend: str, backward: bool) -> Callable[[], None]:
    """What is measured: one image, and on request the gradient of its sum with respect to triangles and colours."""

    def run() -> None:
        image = rasterize(triangles, colors, size=side, sigma=SIGMA, backend=backend)
        if backward:
            torch.autograd.grad(image.sum(), (triangles, colors))

    return run


def median_seconds(run: Callable[[], None], device: str, enough: float = 1.0) -> tuple[float, int]:
    """Median time of up to 21 runs, as many as fit into `enough` seconds but at least one, after one that does not count."""
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
    return statistics.median(samples[1:]), len(samples) - 1
