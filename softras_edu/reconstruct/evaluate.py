"""How good is it, on objects that it was never trained on?

Voxel IoU a class, and a sheet of pictures to look at.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from ..camera import Camera
from ..fitting.hull import visual_hull
from ..mesh import Mesh
from ..rendering import render
from ..shading import Lights
from . import checkpoint
from .data import VIEWS, Shapes, class_name, orbit, read
from .network import Network
from .voxel_files import blocks
from .voxels import SIDE, voxel_iou, voxelize

AROUND = (30.0, 120.0, 210.0, 300.0)  # the four sides of the sheet, degrees
GREY = 0.75


@dataclass(frozen=True)
class Score:
    """Voxel IoU, a class and on average.

    Attributes:
        classes: a name, and the mean over its objects and views. objects: a name, and how many
            objects there were.
        hulls: what the visual hull scores, which takes all 24 silhouettes: a yardstick of what
            silhouettes can tell.
    """

    classes: dict[str, float]
    objects: dict[str, int]
    hulls: dict[str, float]

    @property
    def mean(self) -> float:
        """Of the classes: each counts as much as another, as in the paper's table."""
        return sum(self.classes.values()) / len(self.classes)

    def table(self) -> str:
        wide = max(len(name) for name in (*self.classes, "mean"))
        lines = [f"{'':<{wide}}  {'one view':>8}  {'hull of 24':>10}  objects"]
        lines += [
            f"{name:<{wide}}  {iou:8.4f}  {self.hulls[name]:10.4f}  {self.objects[name]}"
            for name, iou in self.classes.items()
        ]
        hull = sum(self.hulls.values()) / len(self.hulls)
        return "\n".join(
            [
                *lines,
                f"{'mean':<{wide}}  {self.mean:8.4f}  {hull:10.4f}  {sum(self.objects.values())}",
            ]
        )


@torch.no_grad()
def reconstruct(network: Network, images: Tensor) -> list[Mesh]:
    """(B, 4, 64, 64) pictures, uint8 or in [0, 1] -> B meshes."""
    images = images.float() / 255 if images.dtype == torch.uint8 else images
    verts, colors = network.eval()(images.to(network.sphere))
    faces = network.faces.cpu()
    return [
        Mesh(v, faces, c)
        for v, c in zip(
            verts.cpu(), [None] * len(verts) if colors is None else colors.cpu(), strict=True
        )
    ]


@torch.no_grad()
def evaluate(
    network: Network,
    shapes: Shapes,
    views: Sequence[int] = range(VIEWS),
    surface: bool = False,
    progress: bool = True,
) -> Score:
    """Each object, from each view: the voxels of the predicted mesh against the true ones.

    Args:
        surface: count the cells that the surface passes through, as the NMR code does with
            predictions; see `voxelize`.
    """
    from tqdm.auto import tqdm

    network.eval()
    classes, objects, hulls = {}, {}, {}
    with tqdm(total=len(shapes), unit="object", disable=not progress) as bar:
        for name, images, voxels in zip(shapes.classes, shapes.images, shapes.voxels, strict=True):
            total, hull = 0.0, 0.0
            for pictures, truth in zip(images, voxels, strict=True):
                verts, _ = network((pictures[list(views)].float() / 255).to(network.sphere))
                found = voxelize(verts.cpu(), network.faces.cpu(), surface=surface)
                total += voxel_iou(found, truth).mean().item()
                hull += voxel_iou(hull_of(pictures), truth).item()
                bar.update()
            word = class_name(name)
            classes[word], hulls[word], objects[word] = (
                total / len(images),
                hull / len(images),
                len(images),
            )
    return Score(classes, objects, hulls)


def hull_of(pictures: Tensor) -> Tensor:
    """(24, 4, 64, 64) pictures of one object -> (32, 32, 32) bool: its visual hull."""
    return visual_hull(pictures[:, 3] / 255, orbit(range(VIEWS)), SIDE, half=0.5)


def sheet(
    network: Network, shapes: Shapes, a_class: int = 1, view: int = 2, lit: bool = True
) -> Figure:
    """Some objects of each class.

    The picture given, the mesh made of it from four sides, and the truth's voxels as blocks from
    one of them.

    Args:
        a_class: objects a class. view: the one that the network sees. lit: whether to shade
            coloured meshes; not those whose colours have light in them.
    """
    rows: list[tuple[str, list[Tensor], float]] = []
    for name, pictures, voxels in zip(shapes.classes, shapes.images, shapes.voxels, strict=True):
        some = pictures[:a_class, view]
        for k, mesh in enumerate(reconstruct(network, some)):
            iou = voxel_iou(voxelize(mesh.verts, mesh.faces), voxels[k])
            cells = [
                _on_white(some[k]),
                *_sides(mesh, AROUND, lit or mesh.colors is None),
                *_sides(blocks(voxels[k]), AROUND[:1]),
            ]
            rows.append((class_name(name), cells, iou.item()))
    heads = [
        "the picture",
        *[f"the mesh, {angle:.0f}°" for angle in AROUND],
        f"true voxels, {AROUND[0]:.0f}°",
    ]
    figure = Figure(figsize=(1.5 * len(heads), 1.45 * len(rows) + 0.3), layout="constrained")
    axes = figure.subplots(len(rows), len(heads), squeeze=False)
    for (row, k), ax in np.ndenumerate(axes):
        name, cells, score = rows[row]
        ax.imshow(cells[k].numpy(), interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.set_title(heads[k] if row == 0 else "", fontsize=10)
        ax.set_xlabel(f"IoU {score:.2f}" if k == len(heads) - 1 else "", fontsize=9)
        ax.set_ylabel(name if k == 0 else "", fontsize=10)
        ax.spines[:].set_visible(False)
    return figure


def _on_white(picture: Tensor) -> Tensor:
    """(4, H, W) uint8 -> (H, W, 3) in [0, 1]; colours have been multiplied by alpha."""
    picture = picture.float() / 255
    return (picture[:3] + 1 - picture[3:]).clamp(0, 1).permute(1, 2, 0)


@torch.no_grad()
def _sides(mesh: Mesh, azimuths: Sequence[float], lit: bool = True, size: int = 96) -> list[Tensor]:
    """Pictures (H, W, 3) from some sides, on white."""
    mesh = (
        mesh
        if mesh.colors is not None
        else Mesh(mesh.verts, mesh.faces, torch.full_like(mesh.verts, GREY))
    )
    camera = Camera.orbit(2.732, 30.0, torch.tensor(azimuths, dtype=torch.float64), fov=27.0)
    return list(
        render(
            mesh,
            camera,
            size=size,
            lights=Lights() if lit else None,
            sigma=1e-6,
            gamma=1e-5,
            background=1.0,
        )[..., :3].clamp(0, 1)
    )


def command(
    model: Path,
    data: Path | None,
    split: str,
    out: Path | None,
    surface: bool = False,
    every: int = 1,
    device: str = "cpu",
) -> Score:
    """Score a run or a model file on a split, and write evaluation.json and sheet.png.

    Args:
        data: another folder than the one it was trained with. out: where to write; None for the
            run's folder, or the current one for a file.
        every: look at every so many views.
    """
    network, config, about = checkpoint.load_model(model, device)
    shapes = read(data or config.data, split, None if data is not None else config.classes or None)
    score = evaluate(network, shapes, range(0, VIEWS, every), surface)
    print(score.table())
    out = out or (model if model.is_dir() else Path())
    out.mkdir(parents=True, exist_ok=True)
    views = len(range(0, VIEWS, every))
    facts = {
        "split": split,
        "views": views,
        "surface": surface,
        "iou": score.classes,
        "hull": score.hulls,
        "objects": score.objects,
        "mean": score.mean,
        "model": about,
    }
    (out / "evaluation.json").write_text(json.dumps(facts, indent=2) + "\n")
    picture = io.BytesIO()
    sheet(network, shapes, lit=config.shading).savefig(picture, format="png", dpi=100)
    (out / "sheet.png").write_bytes(picture.getvalue())
    print(
        f"Voxel IoU of {views} views of each object; wrote evaluation.json and sheet.png to {out}"
    )
    return score
