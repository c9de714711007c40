"""Can pictures carve a hollow? The numbers of notebook 17: a sphere fitted to a bowl.

    python benchmarks/fit_hollow.py [--out benchmarks/results]

It writes fit-hollow-<date>.csv, in a quarter of an hour on one core. A run that was interrupted
goes on where it stopped when the same command runs again on the same day.

The bowl is seen from 24 places, 30 and 60 degrees above the table, under one known lamp. A method
is what the loss looks at (silhouettes, or silhouettes and shading) and what the optimiser turns
(the vertices, or "large steps", see softras_edu/fitting/large_steps.py). Every method is tried with
several learning rates on a seed of its own (stage "tune"); the one whose loss ends lowest, which
asks for no knowledge of the truth, runs with three other seeds (stage "report"). So every method
gets the same number of steps and the same help.
Plain Adam with the smoothness losses of notebook 12 runs four times as long too.

"filled" is the share of the hollow's cells, of a 64 x 64 x 64 grid, that the fit has filled: 1 for
a bowl that is solid up to its rim. The method "hull" is no fit: it is the visual hull, all that the
silhouettes allow.
"""

from __future__ import annotations

import argparse
import datetime
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numba
import torch
from torch import Tensor
from tqdm import tqdm

from softras_edu import Lights, Mesh, fit, icosphere, losses, render, schedule
from softras_edu.bench import table
from softras_edu.fitting.hollow import bowl, hollow, ring_of_views
from softras_edu.fitting.hull import visual_hull
from softras_edu.fitting.large_steps import LargeSteps
from softras_edu.machine import processor
from softras_edu.reconstruct.voxels import voxel_iou, voxelize

CELLS = 64  # along each side of the grid
TUNE, SEEDS = 1000, (0, 1, 2)  # rates are chosen with a seed that is not reported
LAMPS = {"above": (0.3, 1.0, 0.2), "beside": (0.4, 1.0, 0.7)}


@dataclass(frozen=True)
class Case:
    """One fit: shading and large steps unless told otherwise."""

    method: str = "shading, large steps"
    shading: float = 3.0  # weight of the difference inside the mask
    strength: float = 20.0  # of the preconditioner; 0 is plain Adam
    smooth: bool = False  # Laplacian and flatten losses, as in notebook 12
    lamp: str = "above"
    level: int = 3
    size: int = 64
    batch: int = 8
    steps: int = 300
    lr: float = 0.3
    sigma: float = 1e-4
    sigma_end: float = 1e-6
    seed: int = 0
    stage: str = "report"


LARGE, PLAIN = (0.03, 0.1, 0.3, 1.0), (0.003, 0.01, 0.03, 0.1)
METHODS = [
    (Case("silhouettes, large steps", shading=0.0), LARGE),
    (Case("silhouettes, plain Adam", shading=0.0, strength=0.0, smooth=True), PLAIN),
    (Case(), LARGE),
    (Case("shading, plain Adam", strength=0.0), PLAIN),
    (Case("shading, plain Adam, smooth", strength=0.0, smooth=True), PLAIN),
    (Case("shading, large steps, lamp beside", lamp="beside"), LARGE),
]


def cases(lr_of: dict[str, float]) -> Iterator[Case]:
    """All rows but the hull's; `lr_of` is filled by whoever runs those of the stage "tune"."""
    for case, rates in METHODS:
        yield from (replace(case, lr=lr, seed=TUNE, stage="tune") for lr in rates)
        yield from (replace(case, lr=lr_of[case.method], seed=seed) for seed in SEEDS)
    name = "shading, plain Adam, smooth"
    long = next(case for case, _ in METHODS if case.method == name)
    long = replace(long, method=f"{name}, 4 x steps", steps=4 * long.steps, lr=lr_of[name])
    yield from (replace(long, seed=seed) for seed in SEEDS)


def photographs(mesh: Mesh, lamp: str, size: int) -> Tensor:
    """What the 24 cameras see, without blur, (24, size, size, 4)."""
    with torch.no_grad():
        return render(mesh, ring_of_views(), size=size, lights=lights(lamp), sigma=1e-9, gamma=1e-6)


def lights(lamp: str) -> Lights:
    """The known lamp."""
    return Lights(ambient=0.2, diffuse=0.8, direction=LAMPS[lamp])


def cells(mesh: Mesh) -> Tensor:
    """The cells of the grid over the cube from -1 to 1 that a mesh fills."""
    return voxelize(0.5 * mesh.verts, mesh.faces, CELLS)


def scores(found: Tensor) -> dict[str, float]:
    """How well cells agree with the bowl's, and how much of its hollow they fill."""
    inside = cells(hollow())
    return {
        "voxel_iou": round(voxel_iou(cells(bowl()), found).item(), 4),
        "filled": round((found & inside).sum().item() / inside.sum().item(), 4),
    }


def run(case: Case) -> dict[str, object]:
    """Fit, and measure."""
    photos, camera, sphere = (
        photographs(bowl(), case.lamp, case.size), ring_of_views(), icosphere(case.level)
    )  # fmt: skip
    body = LargeSteps(0.9 * sphere.verts, sphere.faces, case.strength)

    def loss(sigma: float, gamma: float) -> Tensor:
        some = torch.randperm(len(photos))[: case.batch]
        mesh = Mesh(body.verts(), sphere.faces)
        drawn = render(
            mesh, camera[some], size=case.size, lights=lights(case.lamp), sigma=sigma, gamma=gamma
        )
        photo, mask = photos[some], photos[some][..., 3]
        total = losses.iou(drawn[..., 3], mask)
        if case.shading:
            difference = (drawn - photo)[..., 0].abs()  # white body, white lamp: one channel does
            total = total + case.shading * (difference * mask).sum() / mask.sum()
        if case.smooth:
            total = total + 5e-3 * losses.laplacian(mesh.verts, mesh.faces)
            total = total + 1e-4 * losses.flatten(mesh.verts, mesh.faces)
        return total

    clock = time.perf_counter()
    dials = {
        "lr": schedule(case.lr, case.lr / 10), "sigma": schedule(case.sigma, case.sigma_end)
    }  # fmt: skip
    done = fit(loss, [body.u], steps=case.steps, seed=case.seed, progress=False, **dials)
    seconds = time.perf_counter() - clock
    mesh = Mesh(body.verts().detach(), sphere.faces)
    return row(case) | {
        **scores(cells(mesh)),
        "loss_end": round(sum(done.losses[-10:]) / len(done.losses[-10:]), 4),
        "flatten_end": round(losses.flatten(mesh.verts, mesh.faces).item(), 1),
        "seconds": round(seconds, 1),
    }


def row(case: Case) -> dict[str, object]:
    """The settings of a case and where it ran."""
    threads = torch.get_num_threads()
    return asdict(case) | {
        "voxel_iou": "", "filled": "", "loss_end": "", "flatten_end": "", "seconds": "",
        "device": f"{processor()}, {threads} thread{'s' * (threads > 1)}",
        "torch": torch.__version__,
        "numba": numba.__version__,
        "date": datetime.date.today().isoformat(),
    }  # fmt: skip


def run_hull(size: int) -> dict[str, object]:
    """The row of the visual hull."""
    case = Case("hull", 0.0, 0.0, size=size, steps=0, lr=0.0)
    masks = photographs(bowl(), "above", size)[..., 3]
    return row(case) | scores(visual_hull(masks, ring_of_views(), CELLS))


def key(case: Case) -> tuple[str, ...]:
    """What tells one case from another, as a file has it."""
    return tuple(str(value) for value in asdict(case).values())


def main() -> None:
    """Run what is missing in the file of today."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where fit-hollow-<date>.csv is")
    out = parser.parse_args().out
    path = out and out / f"fit-hollow-{datetime.date.today().isoformat()}.csv"
    rows: list[dict[str, object]] = [] if path is None else [*table.read(path)]
    done = {tuple(str(r[name]) for name in asdict(Case())): r for r in rows}

    def keep(found: dict[str, object]) -> None:
        rows.append(found)
        if path is not None:
            table.write(path, rows)

    if not any(r["method"] == "hull" for r in rows):
        keep(run_hull(Case().size))
    best: dict[str, float] = {}
    lr_of: dict[str, float] = {}
    total = sum(len(rates) + len(SEEDS) for _, rates in METHODS) + len(SEEDS)
    for case in tqdm(cases(lr_of), total=total):
        if key(case) not in done:
            keep(run(case))
            done[key(case)] = rows[-1]
            tqdm.write(", ".join(str(value) for value in list(rows[-1].values())[:-4]))
        if case.stage == "tune":
            loss = float(str(done[key(case)]["loss_end"]))
            if loss < best.get(case.method, math.inf):
                best[case.method], lr_of[case.method] = loss, case.lr
    if path is not None:
        print(f"Wrote {path}")


if __name__ == "__main__":
    main()
