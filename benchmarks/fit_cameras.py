"""Where is the camera, and where is the object? The small table of notebook 13.

    python benchmarks/fit_cameras.py [--cases 60] [--out benchmarks/results]

It prints a table and writes cameras-<date>.csv; about three minutes. A run that was interrupted
goes on where it stopped when the same command runs again on the same day.

Task "camera", GenDR's (Petersen et al., CVPR 2022), small: a teapot, its silhouette in 32 x 32
pixels, and four numbers to find, distance, elevation, azimuth and field of view. A case is solved
if less than 5 degrees are left, which is their limit. Theirs are 64 x 64 pixels, 1000 steps and 200
cases on a GPU; ours are 200 steps. The method "two known" is told distance and field of view.

Task "place": the objects of `fit_poses.py`, in colour, turned by 20 or 50 degrees and moved by up
to 0.5 as well. A case is solved if less than 10 degrees are left.

Intervals as in `fit_poses.py`, 95 %. One thread.
"""

from __future__ import annotations

import argparse
import datetime
import time
from pathlib import Path
from typing import Any

import numba
import torch
from fit_poses import OBJECTS, bootstrap, cases, wilson
from torch import Tensor
from torch.nn.functional import normalize
from tqdm import tqdm

from softras_edu import Camera, teapot
from softras_edu.bench import table
from softras_edu.fitting.place import ROOM, fit_camera, fit_place, masks, photograph_placed
from softras_edu.machine import processor
from softras_edu.rotations import geodesic_angle

SEED = 2026  # blur and steps were chosen with another
SIZE = 32  # pixels a side
TEAPOT = teapot(8)
STARTS = {"15-35": (15, 35), "35-55": (35, 55), "55-75": (55, 75)}  # degrees, as GenDR has them
METHODS = {"four numbers": (), "two known": ("distance", "fov")}
LIMIT = {"camera": 5, "place": 10}  # degrees, of a case that is solved
FIELDS = (
    "date", "device", "torch", "numba", "task", "object", "method", "start", "seed", "cases",
    "solved", "percent", "low", "high", "mean_error", "mean_low", "mean_high", "median_error",
    "distance_off", "fov_off", "size_off", "across_off", "along_off", "cpu_seconds",
)  # fmt: skip
Row = dict[str, Any]


def camera_cases(start: str, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Turned teapots (count, V, 3), true cameras and starts, both (count, 4).

    The teapot is turned, not the camera: the true elevation and azimuth are 0, and the poles of
    these angles are far away, as in GenDR's script.
    """
    generator = torch.Generator().manual_seed(SEED)
    seen_from = 60 * torch.randn(2, count, generator=generator)
    view = Camera.orbit(torch.ones(count), *seen_from).rotation
    truth = torch.zeros(count, 4)
    truth[:, 0] = 2.5 + 1.5 * torch.rand(count, generator=generator)
    truth[:, 3] = 40.0
    least, most = STARTS[start]
    angle = least + (most - least) * torch.rand(count, 1, generator=generator)
    begin = torch.empty(count, 4)
    begin[:, 0] = 2 + 8 * torch.rand(count, generator=generator)
    begin[:, 1:3] = angle * normalize(torch.randn(count, 2, generator=generator), dim=1)
    begin[:, 3] = 20 + 40 * torch.rand(count, generator=generator)
    return TEAPOT.verts @ view.mT, truth, begin


def lens(numbers: Tensor) -> Tensor:
    """tan(fov / 2), which the picture's scale depends on."""
    return torch.tan(torch.deg2rad(numbers[:, 3]) / 2)


def off(found: Tensor, truth: Tensor) -> str:
    """Median of how far ratios are from 1, in percent."""
    return f"{100 * ((found / truth).log().abs().exp() - 1).median():.1f}"


def measure_camera(method: str, start: str, count: int) -> tuple[Tensor, Row]:
    """Degrees that are left, (count,), and what else is off."""
    verts, truth, begin = camera_cases(start, count)
    known = METHODS[method]
    if known:
        begin = torch.stack([truth[:, 0], begin[:, 1], begin[:, 2], truth[:, 3]], dim=1)
    with torch.no_grad():
        mask = (masks(verts, TEAPOT.faces, truth, SIZE, 1e-9) > 0.5).float()
    found = fit_camera(verts, TEAPOT.faces, mask, begin, known=known, progress=False).numbers
    width, wanted = found[:, 0] * lens(found), truth[:, 0] * lens(truth)
    return found[:, 1:3].norm(dim=1), {
        "distance_off": off(found[:, 0], truth[:, 0]),
        "fov_off": off(lens(found), lens(truth)),
        "size_off": off(width, wanted),
    }


def measure_place(name: str, start: str, count: int) -> tuple[Tensor, Row]:
    """The same for a turn and a shift."""
    truth, begin = cases(int(start), count, SEED)
    generator = torch.Generator().manual_seed(SEED + 1)
    way = normalize(torch.randn(count, 3, generator=generator), dim=1)
    shift = ROOM * way * torch.rand(count, 1, generator=generator) ** (1 / 3)
    photo = photograph_placed(OBJECTS[name](), truth, shift)
    nothing = torch.zeros_like(shift)
    found = fit_place(OBJECTS[name](), photo, begin, nothing, progress=False)
    away = found.shift - shift
    return geodesic_angle(found.rotation, truth), {
        "across_off": f"{away[:, :2].norm(dim=1).median():.4f}",
        "along_off": f"{away[:, 2].abs().median():.4f}",
    }


def measure(task: str, name: str, method: str, start: str, count: int) -> Row:
    """One line of the table."""
    clock = time.process_time()
    error, more = (
        measure_camera(method, start, count)
        if task == "camera"
        else measure_place(name, start, count)
    )
    solved = int((error < LIMIT[task]).sum())
    scores = (100 * solved / count, *wilson(solved, count))
    angles = (error.mean().item(), *bootstrap(error), error.median().item())
    return {
        "task": task, "object": name, "method": method, "start": start, "seed": SEED,
        "cases": count, "solved": solved,
        **{key: f"{x:.1f}" for key, x in zip(FIELDS[11:14], scores, strict=True)},
        **{key: f"{x:.2f}" for key, x in zip(FIELDS[14:18], angles, strict=True)},
        **more, "cpu_seconds": f"{time.process_time() - clock:.1f}",
    }  # fmt: skip


def jobs(count: int) -> list[tuple[str, str, str, str, int]]:
    """Everything that is measured."""
    return [
        ("camera", "teapot", method, start, count) for method in METHODS for start in STARTS
    ] + [
        ("place", name, "turn and shift", start, count)
        for name in OBJECTS
        for start in ("20", "50")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=60, help="random cases a line")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    torch.set_num_threads(1)
    today = datetime.date.today().isoformat()
    path = given.out / f"cameras-{today}.csv"
    about = {
        "date": today,
        "device": f"{processor()}, 1 thread",
        "torch": torch.__version__,
        "numba": numba.__version__,
    }
    rows: list[Row] = [*table.read(path)]
    done = {(r["task"], r["object"], r["method"], r["start"], r["cases"]) for r in rows}
    for job in tqdm(jobs(given.cases)):
        if (*job[:4], str(job[4])) not in done:
            rows.append(about | measure(*job))
            table.write(path, rows, FIELDS)
    for row in rows:
        print(", ".join(str(row.get(key, "")) for key in FIELDS[4:]))
    print(f"Wrote {path}")


if __name__ == "__main__":
    main()
