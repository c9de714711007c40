"""python -m softras_edu bench.

Time and memory of every backend, over image size, faces, sigma and batch. `make bench` keeps the
numbers.

Each (backend, case) runs in a process of its own (measure.py), so that its peak memory is its own.
A sweep climbs from small to large, and a backend leaves it after the first case in which one
forward and backward takes longer than the limit. Other renderers that are installed (peers.py) take
part in some of the sweeps.
"""

from __future__ import annotations

import datetime
import functools
import json
import math
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from .. import __version__
from ..machine import processor
from ..rasterizers import backends
from ..rasterizers.ladder import RUNGS
from . import table
from .case import Case
from .peers import PEERS
from .plots import plot

__all__ = ["PEERS", "PEER_SWEEPS", "SWEEPS", "Case", "climb", "report"]

Row = dict[str, str | int | float]

SWEEPS = {
    "growth": [
        Case(side, level)
        for side, level in ((16, 1), (32, 2), (64, 3), (128, 3), (256, 4), (512, 5), (1024, 6))
    ],
    "faces": [Case(level=level) for level in (0, 1, 2, 3, 4, 5, 6)],
    "sigma": [Case(sigma=sigma) for sigma in (1e-5, 1e-4, 1e-3, 1e-2)],
    "batch": [Case(batch=batch) for batch in (1, 4, 16)],
    "silhouette": [Case(side, silhouette=True) for side in (64, 128, 256)],
}
PEER_SWEEPS = ("growth", "sigma", "silhouette")
# Images x faces x pixels beyond which a dense backend is left out: broadcast would need tens of GB,
# loops hours.
DENSE_LIMIT = {"loops": 25_000, "broadcast": 40_000_000}


def report(out: Path | None = None, limit: float = 3.0, only: Sequence[str] = ()) -> int:
    """Measure, print a table and write a CSV file and a plot into `out`; the exit status.

    Args:
        only: names of backends and peers, instead of all that run here. "pytorch3d=FOLDER" is the
            peer as it is installed in FOLDER (`pip install --target`), so that two builds of it can
            be compared in one run.
    """
    devices = {"cpu": f"{processor()}, {torch.get_num_threads()} threads"}
    if torch.cuda.is_available():
        devices["cuda"] = torch.cuda.get_device_name()
    for device, name in devices.items():
        print(f"{name}, PyTorch {torch.__version__}, Python {platform.python_version()}")
        print(
            "RGB, float32, gamma 0.0001, medians after a warm-up; memory is the peak of the "
            "process, less what it had before the first image\n"
        )
        print(
            f"{'sweep':<10} {'backend':<22} {'case':<42} {'forward':>12} {'+ backward':>12} "
            f"{'live pairs':>11} {'ns a pair':>10} {'memory':>9}"
        )
        rows = [
            row
            for sweep, cases in SWEEPS.items()
            for row in climb(sweep, cases, device, name, limit, only)
        ]
        print("\n" + "\n".join(foot(rows, device)))
        if out is not None and rows:
            machine = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
            path = out / f"{datetime.date.today()}-{machine}.csv"
            table.write(path, rows)
            plot(rows, name, path.with_suffix(".png"))
            print(f"written to {path} and {path.with_suffix('.png').name}")
    return 0


def unknown(names: Sequence[str]) -> list[str]:
    """Those names that are neither a backend nor a peer."""
    return [name for name in names if name not in RUNGS and name.partition("=")[0] not in PEERS]


def climb(
    sweep: str,
    cases: list[Case],
    device: str,
    device_name: str,
    limit: float,
    only: Sequence[str] = (),
) -> list[Row]:
    """Measure all backends and peers, case by case, each until it is too slow.

    Prints a line a measurement.
    """
    rows: list[Row] = []
    pace: dict[str, float] = {}  # milliseconds a pair
    running = [name for name, state in backends().items() if state == "ok"]
    if sweep in PEER_SWEEPS:
        running += [name for name, peer in PEERS.items() if peer.why_not(device) is None]
    if only:
        running = [
            name for name in only if (sweep in PEER_SWEEPS if "=" in name else name in running)
        ]
    for case in cases:
        for backend in list(running):
            if case.batch * 20 * 4**case.level * case.side**2 > DENSE_LIMIT.get(backend, math.inf):
                continue
            pairs = count(case, device)
            if (
                name_of(backend) in PEERS
                and pace.get(backend, 0.0) * int(pairs["live_pairs"]) > 3 * limit * 1e3
            ):
                running.remove(backend)  # at its pace of the last case this would take minutes
                continue
            found = apart(
                backend,
                {
                    "backend": name_of(backend),
                    "device": device,
                    "most": pairs["most_a_pixel"],
                    "case": asdict(case),
                },
            )
            shown = label(backend)
            if "failed" in found:
                running.remove(backend)
                print(f"{sweep:<10} {shown:<22} {case!s:<42} failed: {found['failed']}", flush=True)
                continue
            both, live = float(found["forward_backward_ms"]), int(pairs["live_pairs"])
            print(
                f"{sweep:<10} {shown:<22} {case!s:<42} {found['forward_ms']:>9,.2f} ms "
                f"{both:>9,.2f} ms {live:>11,} "
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
                    "backend": shown,
                    **asdict(case),
                    "faces": 20 * 4**case.level,
                    **{
                        key: found[key]
                        for key in ("forward_ms", "forward_backward_ms", "memory_mib")
                    },
                    **pairs,
                    "what": found.get("what", "ours"),
                    "rgb_difference": found.get("rgb_difference", ""),
                    "alpha_difference": found.get("alpha_difference", ""),
                }
            )
            pace[backend] = both / max(live, 1)
            if both > limit * 1e3:
                running.remove(backend)
    return rows


def name_of(backend: str) -> str:
    """pytorch3d, of "pytorch3d" as of "pytorch3d=FOLDER"."""
    return backend.partition("=")[0]


def label(backend: str) -> str:
    """What the table calls it: a peer from a folder has the folder's name behind its own."""
    name, _, folder = backend.partition("=")
    return f"{name}={Path(folder).name}" if folder else name


@functools.cache
def count(case: Case, device: str) -> Row:
    """The live pairs of a case, and how many the fullest pixel has.

    In a process of its own too, because a child's peak memory starts with ours.
    """
    found = apart("", {"count": True, "device": device, "case": asdict(case)})
    if "failed" in found:
        raise RuntimeError(f"cannot count the pairs of {case}: {found['failed']}")
    return found


def apart(backend: str, job: dict[str, object]) -> Row:
    """measure.py's `main` in a process of its own.

    {"failed": why} if it did not come back with numbers.
    """
    path = [
        folder for folder in (backend.partition("=")[2], os.environ.get("PYTHONPATH", "")) if folder
    ]
    done = subprocess.run(
        [sys.executable, "-m", "softras_edu.bench.measure", json.dumps(job)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    )
    if done.returncode != 0:
        return {
            "failed": (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        }
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compared(rows: list[Row], peer: str) -> list[str]:
    """How many times as long as a peer our quickest rung takes, forward and backward, in each case
    that both have drawn: a line, or none.
    """
    theirs = [row for row in rows if row["backend"] == peer]
    found = []
    for row in theirs:
        same = ("sweep", "side", "level", "sigma", "batch", "silhouette")
        ours = [
            float(x["forward_backward_ms"])
            for x in rows
            if x["backend"] in RUNGS and all(x[key] == row[key] for key in same)
        ]
        if ours:
            ratio = min(ours) / float(row["forward_backward_ms"])
            case = f"{row['side']} x {row['side']}, {row['faces']:,} faces, sigma {row['sigma']:g}"
            found.append(f"{ratio:.2g} ({case}{', silhouette' if row['silhouette'] else ''})")
    return [f"    ours / {peer}: {'; '.join(found)}"] if found else []


def foot(rows: list[Row], device: str) -> list[str]:
    """What the peers in the table draw, how ours compares, and which are not here."""
    lines = []
    for name in dict.fromkeys(
        str(row["backend"]) for row in rows if name_of(str(row["backend"])) in PEERS
    ):
        mine = [row for row in rows if row["backend"] == name]
        off = [
            f"{key} off by up to {max(found):.2g}"
            for key in ("rgb", "alpha")
            if (
                found := [
                    float(row[f"{key}_difference"]) for row in mine if row[f"{key}_difference"]
                ]
            )
        ]
        lines.append(f"{name}: {PEERS[name_of(name)].what} ({', '.join(off)})")
        lines += compared(rows, name)
    missing = [
        f"{name} ({reason})" for name, peer in PEERS.items() if (reason := peer.why_not(device))
    ]
    return [
        *lines,
        f"peers that are not here: {', '.join(missing)}" if missing else "every peer is here",
    ]
