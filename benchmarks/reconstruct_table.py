"""Shape from one image, the table: methods x seeds, voxel IoU on test objects that no run has seen.

    python benchmarks/reconstruct_table.py [--seeds 3] [--steps 1200] [--out DIR]

A row of 1,200 steps takes some three minutes on a core. Every method gets the same data, the same
network, the same number of steps and the same step rule; only the way to draw and what is compared
differ. Rows go to reconstruct.csv as they are done. What is in there is not done again, and a
training that was interrupted goes on, so the script may be stopped at any time and started again.
Data and runs go to --work, which can be deleted afterwards.
"""

from __future__ import annotations

import argparse
import datetime
import json
import statistics
from pathlib import Path
from typing import Any

import numba
import torch

from softras_edu.bench import table
from softras_edu.machine import processor
from softras_edu.reconstruct import checkpoint
from softras_edu.reconstruct.config import METHODS, Config
from softras_edu.reconstruct.data import make_data, read
from softras_edu.reconstruct.evaluate import evaluate
from softras_edu.reconstruct.families import FAMILIES
from softras_edu.reconstruct.train import train

OBJECTS, HELD_OUT, DATA_SEED = 200, 20, 0
# What differs from Config's defaults, for each row of the table.
# "cross" makes two meshes and four drawings of an object, where the others make one and two; with
# half the objects a step it costs as much.
SETTINGS: dict[str, dict[str, Any]] = {
    "silhouette": {},
    "color": {"method": "color", "shading": True, "unlit": True},
    "nmr": {"method": "nmr"},
    "gendr-uniform": {"method": "gendr-uniform"},
    "gendr-gaussian": {"method": "gendr-gaussian"},
    "own-view": {"views": "own"},
    "cross-8": {"views": "cross", "batch": 8},
    "cross-16": {"views": "cross"},
}
# ShapeNet, 13 classes, real renderings: beside ours for orientation. Other objects, other pictures,
# far more steps: not comparable.
THEIRS = "ShapeNet, theirs, not comparable"
# those that are here too
CLASSES = ("aeroplane", "bench", "car", "chair", "lamp", "rifle", "table")
PUBLISHED: dict[str, tuple[str, float, tuple[float, ...]]] = {
    "NMR": (
        "run by Le Lidec et al., NeurIPS 2021, Table 3",
        57.0,
        (58.5, 45.7, 71.3, 41.4, 36.7, 55.7, 39.1),
    ),
    "SoftRas": (
        "run by Le Lidec et al., NeurIPS 2021, Table 3",
        58.6,
        (62.0, 47.55, 69.4, 49.4, 43.3, 61.4, 43.6),
    ),
    "SoftRas, full": ("reported by its authors", 64.64, ()),
}

FIELDS = (
    "date",
    "device",
    "torch",
    "numba",
    "source",
    "method",
    "seed",
    "steps",
    "batch",
    "width",
    "minutes",
    *FAMILIES,
    "mean",
)
Row = dict[str, Any]


def measure(config: Config, run: Path) -> Row:
    """What goes into a row: train, or go on training; then score."""
    train(config, run, device="cpu")
    network, _, about = checkpoint.load_model(run)
    score = evaluate(network, read(config.data, "test"))
    return {
        "source": "ours",
        "seed": config.seed,
        "steps": about["steps"],
        "batch": config.batch,
        "width": config.width,
        "minutes": f"{about['seconds'] / 60:.1f}",
        **{name: f"{100 * iou:.2f}" for name, iou in score.classes.items()},
        "mean": f"{100 * score.mean:.2f}",
    }


def hull(folder: Path) -> Row:
    """What all 24 silhouettes of each test object allow.

    A yardstick of what silhouettes can tell.
    """
    from softras_edu.reconstruct.evaluate import hull_of
    from softras_edu.reconstruct.voxels import voxel_iou

    shapes = read(folder, "test")
    scores = {}
    for name, images, voxels in zip(shapes.classes, shapes.images, shapes.voxels, strict=True):
        scores[name] = 100 * statistics.mean(
            voxel_iou(hull_of(pictures), truth).item()
            for pictures, truth in zip(images, voxels, strict=True)
        )
    return {
        "source": "ours",
        "method": "visual hull of 24 views",
        **{name: f"{x:.2f}" for name, x in scores.items()},
        "mean": f"{statistics.mean(scores.values()):.2f}",
    }


def show(rows: list[Row]) -> None:
    """Print the table, the seeds of a method with as many steps together."""
    print(
        f"\n{'voxel IoU, %':<20} {'steps':>5} {'runs':>4} "
        + " ".join(f"{name:>9}" for name in (*FAMILIES, "mean"))
        + "   spread of the means"
    )
    for method, steps in dict.fromkeys((row["method"], row["steps"]) for row in rows):
        mine = [row for row in rows if (row["method"], row["steps"]) == (method, steps)]
        columns = [[float(row[name]) for row in mine if row[name]] for name in (*FAMILIES, "mean")]
        cells = " ".join(
            f"{statistics.mean(column):9.1f}" if column else f"{'':>9}" for column in columns
        )
        spread = (
            f"{min(columns[-1]):.1f} to {max(columns[-1]):.1f}"
            if len(mine) > 1
            else mine[0]["source"].removeprefix("ours")
        )
        print(
            f"{method:<20} {steps:>5} {len(mine):>4} {cells}   {spread}  "
            f"{METHODS[method].about if method in METHODS else ''}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--methods", nargs="+", default=list(SETTINGS))
    parser.add_argument(
        "--work", type=Path, default=Path("runs"), help="where data and runs go (runs)"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    folder, path = given.work / "data", given.out / "reconstruct.csv"
    make_data(folder, OBJECTS, HELD_OUT, DATA_SEED)
    about = {
        "date": datetime.date.today().isoformat(),
        "device": f"{processor()}, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "numba": numba.__version__,
    }

    rows: list[Row] = table.read(path)

    def add(row: Row) -> None:
        rows.append({name: str(row.get(name, "")) for name in FIELDS})
        table.write(path, rows, FIELDS)

    there = {(row["method"], row["seed"], row["steps"]) for row in rows}
    if ("visual hull of 24 views", "", "") not in there:
        add(about | hull(folder))
    for method, (source, mean, scores) in PUBLISHED.items():
        if (method, "", "") not in there:
            add(
                {
                    "source": f"{THEIRS} ({source})",
                    "method": method,
                    "mean": mean,
                    **dict(zip(CLASSES, scores, strict=False)),
                }
            )
    for seed in range(given.seeds):
        for method in given.methods:
            if (method, str(seed), str(given.steps)) in there:
                continue
            settings = {"method": "silhouette"} | SETTINGS[method]
            config = Config(data=str(folder), steps=given.steps, seed=seed, **settings)
            print(f"{method}, seed {seed}: {json.dumps(settings)}")
            run = given.work / f"{method}-{seed}-{given.steps}"
            add(about | {"method": method} | measure(config, run))

    show(rows)


if __name__ == "__main__":
    main()
