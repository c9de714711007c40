"""python -m softras_edu fit.

From silhouettes and their cameras to a mesh, a turntable and a report.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from .. import losses
from ..camera import Camera
from ..mesh import Mesh
from ..rasterizers import rasterize
from ..rendering import screen_triangles
from ..shapes import icosphere
from .all_around import FAR, NEAR
from .doubts import doubts
from .fit_report import Result, report, turntable
from .locate import locate
from .optimize import fit, schedule
from .paint import vertex_colors
from .remesh import remesh
from .views import Views, read_views

HELP = """Fit a sphere to silhouettes whose cameras are known, and write a mesh (OBJ and PLY),
a turntable (GIF) and a report (HTML) with the IoU on views that were held out. An interrupted fit
goes on when the same command runs again. Masks and cameras that look wrong are refused, with what
would explain them.

images   PNG or JPEG files of one size: the alpha channel is the silhouette, or white on black. Or
         an array (N, H, W), with channels before or after H and W if there are any; with four, the
         last is the silhouette. Numbers from 0 to 1, or bytes.
photos   in colour, named as their masks, or an array (N, H, W, 3): the shape's vertices take their
         colours. Images with an alpha channel bring their own.
cameras  one for each picture, named in a column "image", or in the order of the file names (by
         number: 2.png before 10.png; refused where the order by letters is another):
         distance, elevation, azimuth (degrees; perhaps fov), looking at the origin, y up; azimuth 0
         is on the +z axis, 90 on +x; docs/conventions.md draws them
           CSV with a header line, JSON [{"image": "000.png", "distance": 2.7, ...}, ...],
           .npy (N, 3), or .npz with an array of each
         or K, R, t as OpenCV writes them: pixel ~ K (R X + t), x right, y down, z forward, and the
         first pixel's centre at (0, 0); with "pixel_center": 0.5 it is at (0.5, 0.5), as in COLMAP
           JSON [{"image": "000.png", "K": [[...]], "R": [[...]], "t": [...]}, ...], or .npz with
           arrays K (3, 3) or (N, 3, 3), R, t
         or the transforms.json of a neural radiance field
           (frames with file_path and transform_matrix; camera_angle_x or fl_x, fl_y, cx, cy)
"""

BATCH = 8  # views a step: a fit with a hundred views costs no more a step than one with eight
SIGMA, LR = (3e-4, 1e-6), (2e-2, 2e-3)  # first and last step
LAPLACIAN, FLATTEN = 5e-3, 1e-4
COARSEST, LEVELS = 3, 8  # icospheres: what a finer fit begins with; how many there are


def command(
    images: Path,
    cameras: Path,
    out: Path,
    *,
    steps: int,
    level: int,
    held_out: int | None,
    fov: float,
    seed: int,
    photos: Path | None = None,
    invert: bool = False,
    anyway: bool = False,
) -> int:
    """Do it all; the exit status is 0 when done and 130 when interrupted.

    Raises:
        ValueError: what is wrong with the input, or looks so wrong that no good fit can be expected
            (with `anyway`, that is only printed).
    """
    if steps < 1:
        raise ValueError(f"--steps: got {steps}, wanted 1 or more")
    if not 0 < fov < 180:
        raise ValueError(f"--fov: got {fov:g}, wanted degrees between 0 and 180")
    if not 0 <= level < LEVELS:
        raise ValueError(f"level: got {level}, wanted 0 to {LEVELS - 1}")
    views = read_views(images, cameras, fov, photos=photos, invert=invert)
    train, test = split(len(views.names), held_out)
    found = doubts(views)
    for note in found.notes + (found.grave if anyway else []):
        print(f"Note: {note}.")
    if found.grave and not anyway:
        raise ValueError("; and ".join(found.grave) + ". --anyway fits them as they are")
    scene = locate(views)
    height, width = views.masks.shape[1:]
    about = "about " if level > COARSEST else ""
    kind = "silhouettes" if views.photos is None else "photographs with masks"
    print(
        f"{len(views.names)} {kind} of {height} x {width}, {len(test)} of them held out; "
        f"{about}{vertices(level)} vertices"
    )

    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / f"fit-{fingerprint(views, train, steps, level, seed)}.safetensors"
    if there := [path for k in range(LEVELS) if (path := stage_file(checkpoint, k)).exists()]:
        print(f"Going on from {there[-1]}")
    start = time.perf_counter()
    try:
        fitted, curve = fit_shape(
            views.masks[train],
            scene.camera[train],
            level,
            steps=steps,
            seed=seed,
            checkpoint=checkpoint,
        )
        if views.photos is not None:
            seen = views.photos[train], views.masks[train], scene.camera[train]
            fitted = replace(fitted, colors=vertex_colors(fitted, *seen))
    except KeyboardInterrupt:
        print(f"\nInterrupted. The same command goes on where this one stopped ({out}).")
        return 130
    seconds = time.perf_counter() - start

    world = replace(fitted, verts=fitted.verts * scene.radius + scene.center.float())
    for name in ("mesh.obj", "mesh.ply"):
        world.save(out / name)
    result = Result(
        views, train, test, scene.camera, fitted, world, curve, steps, seconds, found.explained
    )
    (out / "turntable.gif").write_bytes(turntable(fitted, scene.camera))
    (out / "report.html").write_text(report(result), encoding="utf-8")
    for line in result.lines():
        print(line)
    print(f"Wrote mesh.obj, mesh.ply, turntable.gif and report.html to {out}")
    return 0


def split(count: int, held_out: int | None) -> tuple[list[int], list[int]]:
    """Which views to fit and which to keep for the test, spread evenly; by default one in eight."""
    wanted = max(1, count // 8) if held_out is None else held_out
    if not 1 <= wanted <= count - 2:
        least = "1 or more, and 2 or more left to fit"
        raise ValueError(f"--held-out: got {wanted} of {count} views, wanted {least}")
    test = [round((k + 0.5) * count / wanted - 0.5) for k in range(wanted)]
    return [k for k in range(count) if k not in test], test


def fingerprint(views: Views, *settings: object) -> str:
    """Eight letters that change with the pictures, the cameras or the settings.

    A checkpoint serves only the fit that wrote it.
    """
    whole = hashlib.sha256(repr(settings).encode())
    for tensor in (views.masks, views.camera.project(torch.eye(3, dtype=torch.float64))):
        whole.update(tensor.numpy().tobytes())
    return whole.hexdigest()[:8]


def fit_shape(
    masks: Tensor,
    camera: Camera,
    level: int,
    *,
    steps: int,
    seed: int = 0,
    checkpoint: Path | None = None,
) -> tuple[Mesh, list[float]]:
    """A mesh whose silhouettes are the masks, and the loss of each step; a few views a step.

    From coarse to fine: a sphere of few vertices goes where the shape is; then its surface is
    meshed anew with more of them, and goes on. A fine sphere would not get there: its vertices go
    as far in a step, but have their neighbours nearer, and crumple.

    Args:
        level: the last mesh has about as many vertices as `icosphere(level)`.
        checkpoint: "NAME.safetensors"; each stage has a file of its own, NAME-1.safetensors ...
    """
    plan = stages(level, steps)
    mesh, curve = icosphere(plan[0][0]), []
    for k, (fine, first, last) in enumerate(plan):
        mesh = remesh(mesh, vertices(fine)) if k else mesh
        offset = torch.zeros_like(mesh.verts, requires_grad=True)
        span = first / steps, last / steps
        done = fit(
            partial(silhouette_loss, masks, camera, mesh, offset),
            [offset],
            steps=last - first,
            lr=part_of(schedule(*LR), span),
            sigma=part_of(schedule(*SIGMA), span),
            optimizer=partial(torch.optim.Adam, betas=(0.5, 0.99)),
            seed=seed + k,
            checkpoint=checkpoint and stage_file(checkpoint, k),
            save_every=20,
        )
        mesh = Mesh((mesh.verts + offset).detach(), mesh.faces)
        curve += done.losses
    return mesh, curve


def silhouette_loss(
    masks: Tensor, camera: Camera, mesh: Mesh, offset: Tensor, sigma: float, gamma: float
) -> Tensor:
    """Of a few views, and of a surface that should be smooth: a scalar."""
    some, verts = torch.randperm(len(masks))[:BATCH], mesh.verts + offset
    triangles = screen_triangles(verts, mesh.faces, camera[some])
    size = (masks.shape[1], masks.shape[2])
    alpha = rasterize(triangles, size=size, sigma=sigma, near=NEAR, far=FAR)[..., 0]
    return (
        losses.iou(alpha, masks[some])
        + LAPLACIAN * losses.laplacian(verts, mesh.faces)
        + FLATTEN * losses.flatten(verts, mesh.faces)
    )


def stages(level: int, steps: int) -> list[tuple[int, int, int]]:
    """(level, first step, last step + 1) of each mesh, from `COARSEST` to `level`; the steps
    shared out evenly, none without a step.
    """
    levels = list(range(min(level, COARSEST), level + 1))[-steps:]
    ends = [round(steps * k / len(levels)) for k in range(len(levels) + 1)]
    return list(zip(levels, ends[:-1], ends[1:], strict=True))


def vertices(level: int) -> int:
    """How many `icosphere(level)` has."""
    return 10 * int(4**level) + 2


def part_of(dial: Callable[[float], float], span: tuple[float, float]) -> Callable[[float], float]:
    """A schedule of the whole fit, as one stage sees it."""
    first, last = span
    return lambda progress: dial(first + (last - first) * progress)


def stage_file(checkpoint: Path, k: int) -> Path:
    """Where stage k is kept."""
    return checkpoint.with_name(f"{checkpoint.stem}-{k + 1}{checkpoint.suffix}")
