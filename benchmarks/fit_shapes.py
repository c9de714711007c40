"""The numbers of notebook 12: spheres (and a ring) fitted to silhouettes.

Every loss, sigma and renderer is left out or changed in turn.

    python benchmarks/fit_shapes.py --out benchmarks/results
    python benchmarks/fit_shapes.py --only loss

The first writes fit-shapes-<date>.csv, in about a quarter of an hour. The second shows the rows of
one group.

The seed decides which views a step looks at. Another kind of CPU may round differently, and a fit
of hundreds of steps makes that visible in the third decimal place of the IoU.
"""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from softras_edu import (
    Mesh,
    cube,
    fit,
    icosphere,
    losses,
    rasterize,
    rasterize_hard,
    schedule,
    screen_triangles,
    teapot,
    torus,
)
from softras_edu.bench import table
from softras_edu.fitting.all_around import all_around, hard_silhouettes
from softras_edu.machine import processor

TARGETS = {"cube": cube(), "teapot": teapot(), "torus": torus()}
RATES = (5e-3, 2e-2, 5e-2, 1e-1)  # of the comparison of renderers
# 1,280 faces, as many as the sphere, and a hole
RING = torus(radius=0.8, tube=0.15, around=40, across=16)


@dataclass(frozen=True)
class Case:
    """One fit: the settings of notebook 12 unless told otherwise."""

    group: str
    target: str = "teapot"
    renderer: str = "soft"
    sigma: float = 3e-4
    sigma_end: float = 1e-6
    laplacian: float = 5e-3
    flatten: float = 1e-4
    level: int = 3
    size: int = 64
    views: int = 72
    batch: int = 24
    steps: int = 400
    lr: float = 2e-2
    lr_end: float = 2e-3
    seed: int = 0
    start: str = "sphere"


def cases() -> Iterator[Case]:
    """All rows, group by group; in a group one thing changes."""
    for target in TARGETS:
        for seed in range(3):
            yield Case("target", target=target, seed=seed)
    for seed in range(3):
        yield Case("target", target="torus", seed=seed, start="ring")
    for laplacian, flatten in ((0.0, 0.0), (5e-3, 0.0), (0.0, 1e-4), (5e-3, 1e-4)):
        yield Case("loss", laplacian=laplacian, flatten=flatten)
    for sigma in (1e-3, 3e-4, 1e-4, 1e-5, 1e-6):
        yield Case("sigma", sigma=sigma, sigma_end=sigma)
    yield Case("sigma")
    for views in (6, 12, 24, 36, 72):
        yield Case("views", views=views, batch=min(views, 24))
    # What the hand-made gradient is worth: a smaller mesh, smaller pictures, and the same learning
    # rates for both; without a gradient any rate does.
    small = Case("renderer", level=2, size=32, views=24, batch=8, steps=200)
    for target in ("cube", "teapot"):
        yield replace(small, target=target, renderer="hard")
        for renderer in ("soft", "nmr"):
            for lr in RATES:
                yield replace(small, target=target, renderer=renderer, lr=lr, lr_end=lr / 10)


def run(case: Case) -> dict[str, object]:
    """Fit, and measure on 40 views that the fit has never seen."""
    target, sphere = TARGETS[case.target], icosphere(case.level)
    start = RING if case.start == "ring" else Mesh(0.9 * sphere.verts, sphere.faces)
    camera, unseen = all_around(case.views), all_around(40, turn=77.0)
    masks = hard_silhouettes(target, camera, case.size)
    offset = torch.zeros_like(start.verts, requires_grad=True)

    def loss(sigma: float, gamma: float) -> Tensor:
        some = torch.randperm(case.views)[: case.batch]
        verts = start.verts + offset
        triangles = screen_triangles(verts, start.faces, camera[some])
        if case.renderer == "soft":
            alpha = rasterize(triangles, size=case.size, sigma=sigma)[..., 0]
        else:
            alpha = rasterize_hard(
                triangles, size=case.size, gradient="nmr" if case.renderer == "nmr" else "none"
            )[..., 0]
        smooth = case.laplacian * losses.laplacian(
            verts, start.faces
        ) + case.flatten * losses.flatten(verts, start.faces)
        return losses.iou(alpha, masks[some]) + smooth

    clock, cpu = time.perf_counter(), time.process_time()
    rule = partial(torch.optim.Adam, betas=(0.5, 0.99))
    dials = {"lr": schedule(case.lr, case.lr_end), "sigma": schedule(case.sigma, case.sigma_end)}
    done = fit(
        loss, [offset], steps=case.steps, optimizer=rule, seed=case.seed, progress=False, **dials
    )
    seconds, cpu_seconds = time.perf_counter() - clock, time.process_time() - cpu

    fitted = Mesh((start.verts + offset).detach(), start.faces)
    seen = 1 - losses.iou(hard_silhouettes(fitted, camera, case.size), masks).item()
    new = (
        1
        - losses.iou(
            hard_silhouettes(fitted, unseen, case.size), hard_silhouettes(target, unseen, case.size)
        ).item()
    )
    return {
        **asdict(case),
        "iou_seen": round(seen, 4),
        "iou_unseen": round(new, 4),
        "loss_end": round(sum(done.losses[-10:]) / 10, 4),
        "laplacian_end": round(losses.laplacian(fitted.verts, fitted.faces).item(), 3),
        "flatten_end": round(losses.flatten(fitted.verts, fitted.faces).item(), 1),
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu_seconds, 1),
        "device": (
            f"{processor()}, {torch.get_num_threads()} thread{'s' * (torch.get_num_threads() > 1)}"
        ),
        "torch": torch.__version__,
        "date": datetime.date.today().isoformat(),
    }


def main() -> None:
    """Run all cases, or one group."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write fit-shapes-<date>.csv there"
    )
    parser.add_argument("--only", metavar="GROUP", help="target, loss, sigma, views or renderer")
    given = parser.parse_args()
    rows: list[dict[str, object]] = []
    path = (
        None
        if given.out is None
        else given.out / f"fit-shapes-{datetime.date.today().isoformat()}.csv"
    )
    run(Case("warm-up", steps=2))  # compiles
    for case in cases():
        if given.only not in (None, case.group):
            continue
        rows.append(run(case))
        print(
            *(
                f"{key} {value}"
                for key, value in rows[-1].items()
                if key not in ("device", "torch", "date")
            ),
            flush=True,
        )
        if path is not None:
            table.write(path, rows)
    if path is not None:
        print(f"Wrote {path}")


if __name__ == "__main__":
    main()
