"""Seconds of a training step of the reconstruction network, and where they go.

Numba beside pairs, for each method.

    python benchmarks/reconstruct_step.py [--out benchmarks/results]

It takes about a minute and writes reconstruct-step-<date>.csv.

A step: 16 pictures of 64 x 64, each to a mesh of 1,280 faces, each mesh drawn from two views;
forward, backward, and Adam.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import tempfile
from pathlib import Path

import numba
import torch

from softras_edu.bench import table
from softras_edu.machine import processor
from softras_edu.reconstruct.config import METHODS, Config
from softras_edu.reconstruct.data import make_data, read
from softras_edu.reconstruct.network import Network
from softras_edu.reconstruct.train import PHASES, Clock, step_losses

CASES = (
    ("silhouette", "numba"),
    ("silhouette", "pairs"),
    ("color", "numba"),
    ("color", "pairs"),
    ("nmr", ""),
)
WARM_UP, STEPS = 2, 7


def measure(config: Config) -> dict[str, float]:
    """Median seconds of each phase."""
    shapes = read(config.data, "train")
    torch.manual_seed(0)
    network = Network(config.width, METHODS[config.method].color, unlit=config.unlit)
    rule = torch.optim.Adam(network.parameters(), lr=1e-3)
    laps = []
    for step in range(WARM_UP + STEPS):
        clock = Clock(torch.device("cpu"))
        clock.start()
        batch = shapes.batch(config.batch, 0, step)
        clock.lap("data")
        rule.zero_grad()
        step_losses(
            network, batch.images, batch.views, network.faces, config.at("sigma", 0), config, clock
        )["loss"].backward()
        rule.step()
        clock.lap(PHASES[-1])
        laps.append(clock.seconds)
    return {phase: statistics.median(lap[phase] for lap in laps[WARM_UP:]) for phase in PHASES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    about = {
        "date": datetime.date.today().isoformat(),
        "device": f"{processor()}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "numba": numba.__version__,
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        make_data(folder, objects=2, held_out=1, progress=False)
        for method, backend in CASES:
            seconds = measure(
                Config(data=folder, method=method, dials={"backend": backend} if backend else {})
            )
            whole, rendering = (
                sum(seconds.values()),
                seconds["rendering"] + seconds["backward of rendering"],
            )
            rows.append(
                about
                | {"method": method, "backend": backend}
                | {p: f"{s:.4f}" for p, s in seconds.items()}
                | {"step": f"{whole:.4f}"}
            )
            print(
                f"{method:<10} {backend:<6} {whole:7.3f} s a step, {rendering:7.3f} s of it "
                f"rendering ({100 * rendering / whole:.0f} %)"
            )
    path = given.out / f"reconstruct-step-{about['date']}.csv"
    table.write(path, rows)
    print(path)


if __name__ == "__main__":
    main()
