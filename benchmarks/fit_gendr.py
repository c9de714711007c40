"""Which softness is best?

GenDR's two optimisation experiments, small: spheres fitted to silhouettes, and poses fitted to one
silhouette each.

    python benchmarks/fit_gendr.py [--task shape|pose] [--out benchmarks/results]

It writes gendr-shape-<date>.csv and gendr-pose-<date>.csv.

About ten minutes a task on one core; both tasks can run side by side. A run that was interrupted
goes on where it stopped when the same command runs again on the same day.

Every choice of distribution, squared and conorm is tried with five blurs on a few cases (stage
"tune"), and then runs once, with the blur that was best there, on other cases (stage "report"), the
same for all choices. A blur is the number of pixels in which D rises from 0.1 to 0.9: the same five
blurs are a fair grid for all, which the same five sigmas would not be. A shape is fitted with one
blur from start to end, as GenDR does; a pose with a blur that shrinks on the way to a tenth of a
pixel, so that its start decides.

Not all 18 x 2 x 10 choices: all distributions, squared and not, with the probabilistic conorm; all
conorms with the Soft Rasterizer's own distribution (logistic, squared) and with the one that GenDR
found best (uniform, not squared). Shape, shift and p have their defaults. `hard` is there to show
where a fit ends that has no gradient.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numba
import torch
from torch import Tensor
from tqdm import tqdm

from softras_edu import (
    Camera,
    cube,
    fit,
    icosphere,
    losses,
    rasterize,
    schedule,
    screen_triangles,
    teapot,
)
from softras_edu.fitting.pose import bracket, photograph, turned
from softras_edu.machine import processor
from softras_edu.rotations import (
    TurnAdam,
    geodesic_angle,
    random_rotations,
    rotation_from_axis_angle,
)
from softras_edu.softness import CONORMS, DISTRIBUTIONS
from softras_edu.softness.calibration import sigma_for_rise

SIZE = 32  # pixels a side
TUNE, REPORT = 1000, 2026  # seeds: the blur is chosen on cases that are not reported


@dataclass(frozen=True)
class Choice:
    """One setting of the two dials."""

    distribution: str
    squared: bool
    conorm: str

    def sigma(self, blur: float) -> float:
        """For a rise of D from 0.1 to 0.9 within `blur` pixels."""
        return (
            1.0
            if self.distribution == "hard"
            else sigma_for_rise(blur, SIZE, distribution=self.distribution, squared=self.squared)
        )

    def silhouettes(self, triangles: Tensor, sigma: float) -> Tensor:
        """(B, F, 3, 3) -> (B, SIZE, SIZE)."""
        softness = {
            "distribution": self.distribution,
            "squared": self.squared,
            "conorm": self.conorm,
        }
        return rasterize(triangles, size=SIZE, sigma=sigma, **softness)[..., 0]


def choices() -> Iterator[Choice]:
    """All that are tried."""
    yield Choice("hard", False, "probabilistic")
    for distribution in DISTRIBUTIONS[1:]:
        yield from (Choice(distribution, squared, "probabilistic") for squared in (True, False))
    for conorm in CONORMS:
        if conorm not in ("hard", "probabilistic"):
            yield Choice("logistic", True, conorm)
            yield Choice("uniform", False, conorm)


# ---------------------------------------- shape: a sphere becomes a teapot, or a cube

TARGETS = {"teapot": teapot(8), "cube": cube()}
SPHERE = icosphere(1)
VIEWS, UNSEEN, BATCH, STEPS = 16, 24, 3, 60


def around(count: int, turn: float) -> Camera:
    """Cameras spread evenly over a sphere, as seeds in a sunflower.

    `turn` (degrees) gives others.
    """
    k = torch.arange(count, dtype=torch.float64)
    return Camera.orbit(
        2.7, torch.rad2deg(torch.asin(1 - (2 * k + 1) / count)), 137.508 * k + turn, fov=45
    )


@torch.no_grad()
def sharp(verts: Tensor, faces: Tensor, camera: Camera) -> Tensor:
    """Silhouettes without blur, 0 and 1, from every camera: (N, V, 3) -> (N, views, SIZE, SIZE)."""
    triangles = torch.stack([screen_triangles(each, faces, camera) for each in verts])
    return (
        (rasterize(triangles.flatten(0, 1), size=SIZE, sigma=1e-9)[..., 0] > 0.5)
        .float()
        .unflatten(0, triangles.shape[:2])
    )


@cache
def shape_cases(seed: int, count: int) -> tuple[Tensor, Tensor]:
    """Silhouettes of `count` turned copies of each target.

    Seen ones (N, VIEWS, SIZE, SIZE), and (N, UNSEEN, SIZE, SIZE) to judge by.
    """
    turns = random_rotations(count * len(TARGETS), torch.Generator().manual_seed(seed))
    groups = zip(TARGETS.values(), turns.split(count), strict=True)
    pairs = [
        [
            sharp(mesh.verts @ turn.mT, mesh.faces, camera)
            for camera in (around(VIEWS, 0.0), around(UNSEEN, 77.0))
        ]
        for mesh, turn in groups
    ]
    seen, unseen = zip(*pairs, strict=True)
    return torch.cat(seen), torch.cat(unseen)


def fit_shapes(choice: Choice, blur: float, seed: int, count: int) -> list[float]:
    """Hard IoU on unseen views of spheres fitted to silhouettes.

    All cases at once, each a fit of its own.
    """
    masks, judge = shape_cases(seed, count)
    sigma, camera = choice.sigma(blur), around(VIEWS, 0.0)
    offset = torch.zeros(len(masks), *SPHERE.verts.shape, requires_grad=True)

    def loss(sigma: float, gamma: float) -> Tensor:
        some = torch.randperm(VIEWS)[:BATCH]
        verts = 0.9 * SPHERE.verts + offset
        triangles = torch.stack(
            [screen_triangles(each, SPHERE.faces, camera[some]) for each in verts]
        )
        alpha = choice.silhouettes(triangles.flatten(0, 1), sigma)
        smooth = 1e-2 * losses.laplacian(verts, SPHERE.faces) + 3e-4 * losses.flatten(
            verts, SPHERE.faces
        )
        return len(masks) * (losses.iou(alpha, masks[:, some].flatten(0, 1)) + smooth)

    rule = partial(torch.optim.Adam, betas=(0.5, 0.95))
    fit(
        loss,
        [offset],
        steps=STEPS,
        lr=schedule(3e-2, 3e-3),
        sigma=sigma,
        optimizer=rule,
        seed=seed,
        progress=False,
    )
    found = sharp(0.9 * SPHERE.verts + offset.detach(), SPHERE.faces, around(UNSEEN, 77.0))
    return [1 - losses.iou(a, b).item() for a, b in zip(found, judge, strict=True)]


# ---------------------------------------- pose: a bracket is turned until its silhouette fits

TURN = (20.0, 80.0)  # degrees between start and truth
POSE_STEPS = 60
BRACKET = bracket()


@cache
def pose_cases(seed: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """True poses, starts and photographs (silhouettes) of `count` cases."""
    generator = torch.Generator().manual_seed(seed)
    truth = random_rotations(count, generator)
    angle = torch.deg2rad(TURN[0] + (TURN[1] - TURN[0]) * torch.rand(count, 1, generator=generator))
    axis = torch.nn.functional.normalize(torch.randn(count, 3, generator=generator), dim=-1)
    return (
        truth,
        rotation_from_axis_angle(axis * angle) @ truth,
        photograph(BRACKET, truth, SIZE)[..., 3],
    )


def fit_poses(choice: Choice, blur: float, seed: int, count: int) -> list[float]:
    """Degrees that are left between pose and truth, all cases at once, each a search of its own."""
    truth, start, photo = pose_cases(seed, count)
    rotation = start.clone().requires_grad_()

    def loss(sigma: float, gamma: float) -> Tensor:
        alpha = choice.silhouettes(turned(BRACKET, rotation)[0], sigma)
        return count * losses.iou(alpha, photo)

    sigma = schedule(choice.sigma(blur), choice.sigma(0.1))
    fit(
        loss,
        [rotation],
        steps=POSE_STEPS,
        lr=schedule(0.2, 0.01),
        sigma=sigma,
        optimizer=TurnAdam,
        progress=False,
    )
    return geodesic_angle(rotation.detach(), truth).tolist()


# ---------------------------------------------------------------- the study

Fitting = Callable[[Choice, float, int, int], list[float]]
# What fits, with which blurs, how many cases choose the blur, how many are reported, and how good
# many scores are together.
TASKS: dict[str, tuple[Fitting, tuple[float, ...], int, int, Callable[[list[float]], float]]] = {
    # cases of each target; mean IoU
    "shape": (fit_shapes, (0.125, 0.25, 0.5, 1.0, 2.0), 3, 8, statistics.mean),
    # share solved
    "pose": (
        fit_poses,
        (0.5, 1.0, 2.0, 4.0, 8.0),
        60,
        150,
        lambda left: statistics.mean(angle < 5 for angle in left),
    ),
}
FIELDS = (
    "date",
    "device",
    "torch",
    "numba",
    "task",
    "distribution",
    "squared",
    "conorm",
    "stage",
    "blur",
    "sigma",
    "good",
    "seconds",
    "scores",
)
Row = dict[str, str]


def study(task: str, path: Path | None, tried: list[Choice]) -> list[Row]:
    """All rows of a task; each is written as soon as it is known."""
    fitting, blurs, few, many, good = TASKS[task]
    rows: list[Row] = []
    if path is not None and path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    done = {
        (row["distribution"], row["squared"], row["conorm"], row["stage"], row["blur"]): row
        for row in rows
    }
    about = {
        "date": datetime.date.today().isoformat(),
        "device": f"{processor()}, 1 thread",
        "torch": torch.__version__,
        "numba": numba.__version__,
    }

    def measure(choice: Choice, stage: str, blur: float) -> float:
        key = (choice.distribution, str(choice.squared), choice.conorm, stage, f"{blur:g}")
        if key not in done:
            clock = time.process_time()
            scores = fitting(choice, blur, *((TUNE, few) if stage == "tune" else (REPORT, many)))
            row = about | {
                "task": task,
                **dict(zip(FIELDS[5:10], key, strict=True)),
                "sigma": f"{choice.sigma(blur):.3g}",
                "good": f"{good(scores):.4f}",
            }
            row |= {
                "seconds": f"{time.process_time() - clock:.1f}",
                "scores": " ".join(f"{score:.4g}" for score in scores),
            }
            done[key] = row
            rows.append(row)
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("w", newline="", encoding="utf-8") as file:
                    writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
                    writer.writeheader()
                    writer.writerows(rows)
        return float(done[key]["good"])

    for choice in tqdm(tried, desc=task):
        blur = (
            blurs[0]
            if choice.distribution == "hard"
            else max(blurs, key=partial(measure, choice, "tune"))
        )
        measure(choice, "report", blur)
    return rows


def main() -> None:
    """Run one task, or both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", choices=TASKS, help="only this one")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    torch.set_num_threads(1)  # every sum has one order: the same machine gives the same file again
    for task in [given.task] if given.task else TASKS:
        path = given.out / f"gendr-{task}-{datetime.date.today().isoformat()}.csv"
        for row in study(task, path, list(choices())):
            if row["stage"] == "report":
                print(
                    f"{row['distribution']:>18} {row['squared']:>5} {row['conorm']:>16}  blur "
                    f"{row['blur']:>4}  {row['good']}"
                )
        print(f"Wrote {path}")


if __name__ == "__main__":
    main()
