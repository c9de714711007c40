"""Rung 4 before and after a change: two versions of the package in two processes that take turns.

    python benchmarks/cpu_rung.py --before CHECKOUT [--threads 1 2] [--rounds 16]

Milliseconds of a call, median and least, of the version in CHECKOUT and of this one, and the median
of their ratios, turn by turn: on a busy machine the ratio means more than the times. Forward and
backward, but for "forward 8", most of which a call costs before the first pixel. Also what stands
on this rung: `render`, a step of fitting a shape (notebook 12), a step of training (notebook 15),
two explorers; and DEODR, an easier problem (see bench/peers.py), where it is installed: the same
code in both columns. It takes some minutes and writes cpu-rung-<date>.csv, and
cpu-steps-<date>.csv: the instructions of each loop.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SIDES = (64, 128, 256, 512)


def cases() -> dict[str, Callable[[], object]]:
    """What is timed, in the version of the package that Python finds."""
    import torch

    from softras_edu import Camera, Lights, Mesh, icosphere, losses, rasterize, render
    from softras_edu.bench.case import Case, Scene
    from softras_edu.bench.peers import PEERS

    found: dict[str, Callable[[], object]] = {}
    mesh, one = icosphere(3), Camera.orbit(2.732, 30, 0.0)
    verts, colors = mesh.verts.clone().requires_grad_(), (0.5 + 0.5 * mesh.verts).requires_grad_()

    def both(draw: Callable[[], torch.Tensor], *leaves: torch.Tensor) -> Callable[[], object]:
        return lambda: torch.autograd.grad(draw().square().mean(), leaves)

    def drawn(side: int, **options: object) -> Callable[[], torch.Tensor]:
        return lambda: render(Mesh(verts, mesh.faces, colors), one, size=side, **options)

    small = Scene.of(Case(8), "cpu")
    corners, tints = small.triangles().detach(), small.corner_colors().detach()
    found["forward 8"] = lambda: rasterize(corners, tints, size=8)
    for side in SIDES:
        scene = Scene.of(Case(side), "cpu")
        t, c = scene.triangles(), scene.corner_colors()
        found[f"rasterize {side}"] = both(lambda t=t, c=c, s=side: rasterize(t, c, size=s), t, c)
        found[f"render {side}"] = both(drawn(side), verts, colors)
        if PEERS["deodr"].why_not("cpu") is None:
            draw, leaves = PEERS["deodr"].prepare(scene)
            found[f"deodr {side}"] = both(draw, *leaves)
    found["lit render 64"] = both(drawn(64, lights=Lights()), verts, colors)

    views = Camera.orbit(2.732, 20, [45.0 * k for k in range(8)])
    target = (torch.rand(8, 64, 64, generator=torch.Generator().manual_seed(0)) > 0.5).float()

    def fit() -> object:
        alpha = render(Mesh(verts, mesh.faces), views, size=64)[..., 3]
        smooth = losses.laplacian(verts, mesh.faces) + losses.flatten(verts, mesh.faces)
        return torch.autograd.grad(losses.iou(alpha, target) + 1e-2 * smooth, verts)

    found["fit step, 8 views"] = fit
    found["training step, 16 pictures"] = training()
    found.update(explorers())
    return found


def training() -> Callable[[], object]:
    """A step of `benchmarks/reconstruct_step.py`, by colours."""
    import torch

    from softras_edu.reconstruct.config import METHODS, Config
    from softras_edu.reconstruct.data import make_data, read
    from softras_edu.reconstruct.network import Network
    from softras_edu.reconstruct.train import Clock, step_losses

    with tempfile.TemporaryDirectory() as folder:
        make_data(folder, objects=2, held_out=1, progress=False)
        config = Config(data=folder, method="color", dials={"backend": "numba"})
        shapes = read(folder, "train")
    torch.manual_seed(0)
    network = Network(config.width, METHODS["color"].color, unlit=config.unlit)
    batch, clock = shapes.batch(config.batch, 0, 0), Clock(torch.device("cpu"))

    def step() -> None:
        clock.start()
        given = batch.images, batch.views, network.faces, config.at("sigma", 0), config, clock
        step_losses(network, *given)["loss"].backward()

    return step


def explorers() -> dict[str, Callable[[], object]]:
    """Two that draw with this rung, from a dial to a new picture."""
    from softras_edu.explore import Orbit, SigmaGamma

    found: dict[str, Callable[[], object]] = {}
    for explorer in (Orbit(), SigmaGamma()):
        name = f"explorer {type(explorer).__name__}"
        found[name] = explorer.update
    return found


def serve(threads: int) -> None:
    """The process of one version: reads a name and a count, prints that many times in ms."""
    import torch

    torch.set_num_threads(threads)
    found = cases()
    print(json.dumps(list(found)), flush=True)
    for line in sys.stdin:
        name, count = json.loads(line)
        found[name]()
        times = []
        for _ in range(count):
            start = time.perf_counter()
            found[name]()
            times.append(1e3 * (time.perf_counter() - start))
        print(json.dumps(times), flush=True)


class Version:
    """A process with the package of one folder."""

    def __init__(self, folder: Path, threads: int):
        paths = [str(folder), os.environ.get("PYTHONPATH", "")]
        command = [sys.executable, __file__, "--serve", "--threads", str(threads)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, env=environment, stdin=pipe, stdout=pipe, text=True
        )
        self.names = self.answer()
        self.times: dict[str, list[list[float]]] = {name: [] for name in self.names}

    def answer(self) -> list:
        return json.loads(self.process.stdout.readline())

    def time(self, name: str, count: int) -> None:
        self.process.stdin.write(json.dumps([name, count]) + "\n")
        self.process.stdin.flush()
        self.times[name].append(self.answer())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    parser.add_argument("--rounds", type=int, default=16)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        return serve(given.threads[0])
    from softras_edu.bench import table
    from softras_edu.bench.machine_code import steps
    from softras_edu.machine import processor

    date = datetime.date.today().isoformat()
    about = {"date": date, "device": processor()}
    rows = []
    for threads in given.threads:
        versions = [Version(folder, threads) for folder in (given.before or ROOT, ROOT)]
        for name in versions[1].names:
            for _ in range(given.rounds):
                for version in versions:
                    version.time(name, 1 if "512" in name or "step" in name else 4)
            row: dict[str, object] = about | {"threads": threads, "what": name}
            for label, version in zip(("before", "after"), versions, strict=True):
                times = [x for turn in version.times[name] for x in turn]
                row |= {f"{label}_ms": f"{statistics.median(times):.3f}"}
                row |= {f"{label}_least_ms": f"{min(times):.3f}"}
            turns = zip(*(map(statistics.median, v.times[name]) for v in versions), strict=True)
            row["ratio"] = f"{statistics.median(b / a for b, a in turns):.2f}"
            rows.append(row)
            print(*row.values(), flush=True)
    table.write(given.out / f"cpu-rung-{date}.csv", rows)
    found = [about | {"step": name} | asdict(loop) for name, loop in steps().items()]
    table.write(given.out / f"cpu-steps-{date}.csv", found)


if __name__ == "__main__":
    main()
