"""python -m softras_edu fit.

From silhouettes and their cameras to a mesh, a turntable and a report.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import math
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import normalize

from .. import losses
from ..camera import Camera
from ..mesh import Mesh
from ..plotting.curves import curves
from ..plotting.flip_book import flip_book
from ..plotting.pictures import pictures
from ..rasterizers import rasterize
from ..rendering import render, screen_triangles
from ..shading import Lights
from ..shapes import icosphere
from .all_around import FAR, NEAR, hard_silhouettes
from .optimize import Fit, fit, schedule
from .views import Views, read_views

HELP = """Fit a sphere to silhouettes whose cameras are known, and write a mesh (OBJ and PLY),
a turntable (GIF) and a report (HTML) with the IoU on views that were held out. An interrupted fit
goes on when the same command runs again.

images   PNG files of one size: the alpha channel is the silhouette, or white on black. Or an array
         (N, H, W), with channels before or after H and W if there are any; with four, the last is
         the silhouette. Numbers from 0 to 1, or bytes.
cameras  one for each picture, named in a column "image", or in the order of the file names (by
         number: 2.png before 10.png; refused where the order by letters is another):
         distance, elevation, azimuth (degrees; perhaps fov), looking at the origin, y up; azimuth 0
         is on the +z axis, 90 on +x
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


@dataclass(frozen=True)
class Scene:
    """Where the shape is.

    Everything is fitted in a space where it is a unit sphere around the origin, whatever units the
    cameras have.
    """

    center: Tensor  # (3,)
    radius: float
    camera: Camera  # in that space


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
) -> int:
    """Do it all; the exit status is 0 when done and 130 when interrupted.

    Raises:
        ValueError: what is wrong with the input.
    """
    if steps < 1:
        raise ValueError(f"--steps: got {steps}, wanted 1 or more")
    if not 0 < fov < 180:
        raise ValueError(f"--fov: got {fov:g}, wanted degrees between 0 and 180")
    sphere = icosphere(level)
    views = read_views(images, cameras, fov)
    train, test = split(len(views.names), held_out)
    scene = locate(views)
    height, width = views.masks.shape[1:]
    print(
        f"{len(views.names)} silhouettes of {height} x {width}, {len(test)} of them held out; "
        f"{len(sphere.verts)} vertices"
    )

    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / f"fit-{fingerprint(views, train, steps, level, seed)}.safetensors"
    if checkpoint.exists():
        print(f"Going on from {checkpoint}")
    offset = torch.zeros_like(sphere.verts, requires_grad=True)
    start = time.perf_counter()
    try:
        done = fit_shape(
            views.masks[train],
            scene.camera[train],
            sphere,
            offset,
            steps=steps,
            seed=seed,
            checkpoint=checkpoint,
        )
    except KeyboardInterrupt:
        print(f"\nInterrupted. The same command goes on where this one stopped ({checkpoint}).")
        return 130
    seconds = time.perf_counter() - start

    fitted = Mesh((sphere.verts + offset).detach(), sphere.faces)
    world = Mesh(fitted.verts * scene.radius + scene.center.float(), fitted.faces)
    for name in ("mesh.obj", "mesh.ply"):
        world.save(out / name)
    (out / "turntable.gif").write_bytes(turntable(fitted, scene.camera))
    seen = hard_silhouettes(fitted, scene.camera, (height, width))
    iou = [1 - losses.iou(seen[k], (views.masks[k] > 0.5).float()).item() for k in range(len(seen))]
    (out / "report.html").write_text(
        report(views, train, test, seen, iou, done, world, seconds, steps), encoding="utf-8"
    )
    print(
        f"IoU on the {len(test)} views held out: {_mean(iou, test):.3f} "
        f"(on those it was fitted to: {_mean(iou, train):.3f})"
    )
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


def locate(views: Views) -> Scene:
    """The centre is the point nearest to all the rays through the middles of the masks; the radius
    is that of discs with the masks' areas.
    """
    camera, (height, width) = views.camera, views.masks.shape[1:]
    assert isinstance(camera.scale, Tensor)
    assert camera.shift is not None
    mask = views.masks.double() / views.masks.double().sum((1, 2), keepdim=True)
    y, x = (
        1 - (2 * torch.arange(height, dtype=torch.float64) + 1) / height,
        (2 * torch.arange(width, dtype=torch.float64) + 1 - width) / height,
    )
    middle = torch.stack([(mask.sum(1) * x).sum(1), (mask.sum(2) * y).sum(1)], dim=1)  # (N, 2), NDC
    ray = torch.cat(
        [(middle - camera.shift) * camera.scale, -torch.ones(len(middle), 1, dtype=torch.float64)],
        dim=1,
    )
    ray = normalize((ray[:, None] @ camera.rotation)[:, 0], dim=1)  # in the world
    across = (
        torch.eye(3, dtype=torch.float64) - ray[:, :, None] * ray[:, None]
    )  # takes off what lies along the ray
    center = torch.linalg.lstsq(across.sum(0), (across @ camera.eye[..., None]).sum(0)).solution[
        :, 0
    ]
    depth = camera.project(center[None])[:, 0, 2]
    if (depth <= 0).any():
        raise ValueError(
            f"the cameras do not look at one place: {views.names[int(depth.argmin())]} has the "
            "shape behind it. Are they the right ones?"
        )
    area = views.masks.double().sum((1, 2)) * (2 / height) ** 2  # NDC
    radius = float(((area / torch.pi).sqrt() * camera.scale.mean(1) * depth).median())
    return Scene(
        center,
        radius,
        Camera((camera.eye - center) / radius, camera.rotation, camera.scale, shift=camera.shift),
    )


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
    sphere: Mesh,
    offset: Tensor,
    *,
    steps: int,
    seed: int = 0,
    checkpoint: Path | None = None,
) -> Fit:
    """Move the sphere's vertices by `offset`, in place, until its silhouettes are the masks; a few
    views a step.
    """

    def loss(sigma: float, gamma: float) -> Tensor:
        some = torch.randperm(len(masks))[:BATCH]
        verts = sphere.verts + offset
        triangles = screen_triangles(verts, sphere.faces, camera[some])
        alpha = rasterize(
            triangles, size=(masks.shape[1], masks.shape[2]), sigma=sigma, near=NEAR, far=FAR
        )[..., 0]
        return (
            losses.iou(alpha, masks[some])
            + LAPLACIAN * losses.laplacian(verts, sphere.faces)
            + FLATTEN * losses.flatten(verts, sphere.faces)
        )

    rule = partial(torch.optim.Adam, betas=(0.5, 0.99))
    return fit(
        loss,
        [offset],
        steps=steps,
        lr=schedule(*LR),
        sigma=schedule(*SIGMA),
        optimizer=rule,
        seed=seed,
        checkpoint=checkpoint,
        save_every=20,
    )


# ---------------------------------------------------------------- what is written


@torch.no_grad()
def turntable(mesh: Mesh, camera: Camera, frames: int = 36, size: int = 192) -> bytes:
    """Once around the shape, about what is up in most of the pictures, as a GIF."""
    up = camera.rotation[:, 1].mean(0)
    up = normalize(up, dim=0) if up.norm() > 0.2 else up.new_tensor([0.0, 1.0, 0.0])
    side = normalize(
        torch.linalg.cross(
            up, up.new_tensor([1.0, 0.0, 0.0] if up[0].abs() < 0.9 else [0.0, 0.0, 1.0])
        ),
        dim=0,
    )
    axes = torch.stack([torch.linalg.cross(up, side), up, side]).to(
        mesh.verts
    )  # right-handed, with up as y
    upright = Mesh((mesh.verts - mesh.verts.mean(0)) @ axes.T, mesh.faces).fit_unit_sphere()
    view, images = Camera.orbit(2.6, 20.0, 0.0, fov=50), []
    for k in range(frames):  # the shape turns and the lamp stands still, so that no side stays dark
        a = 2 * math.pi * k / frames
        turn = torch.tensor(
            [[math.cos(a), 0.0, math.sin(a)], [0.0, 1.0, 0.0], [-math.sin(a), 0.0, math.cos(a)]]
        )
        images.append(
            render(
                Mesh(upright.verts @ turn.T, mesh.faces),
                view,
                size=size,
                lights=Lights(),
                sigma=1e-6,
                background=1.0,
            )[0]
        )
    return flip_book(images, seconds=0.08, side=size)


def report(
    views: Views,
    train: list[int],
    test: list[int],
    seen: Tensor,
    iou: list[float],
    done: Fit,
    world: Mesh,
    seconds: float,
    steps: int,
) -> str:
    """One HTML file with everything in it."""
    shown = test[:6]
    images = [
        image
        for k in shown
        for image in (views.masks[k], seen[k], compare(views.masks[k], seen[k]))
    ]
    titles = [
        title for k in shown for title in (views.names[k], f"fitted: IoU {iou[k]:.3f}", "compared")
    ]
    compared = pictures(images, titles, columns=3, side=2.2)
    x = torch.arange(len(done.losses))
    curve = curves(x, {"loss": torch.tensor(done.losses)}, xlabel="step", ylabel="loss", logy=True)
    rows = "".join(
        f"<tr><td>{html.escape(views.names[k])}</td><td>{iou[k]:.4f}</td></tr>" for k in test
    )
    low, high = (
        ", ".join(f"{x:.3g}" for x in corner.tolist())
        for corner in (world.verts.amin(0), world.verts.amax(0))
    )
    alt = "For each view held out: the given silhouette, the fitted one, and where they differ."
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<title>A shape from {len(views.names)} silhouettes</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 54em; margin: 2em auto; padding: 0 1em }}
img {{ max-width: 100% }}
td, th {{ padding: 0.1em 1.5em 0.1em 0; text-align: left }}</style></head><body>
<h1>A shape from {len(views.names)} silhouettes</h1>
<p><strong>IoU on the {len(test)} views that the fit never saw: {_mean(iou, test):.3f}</strong>
(on the {len(train)} that it was fitted to: {_mean(iou, train):.3f}). IoU is the area that both
silhouettes share over the area that either covers; the fitted one is drawn without blur.</p>
<p>A sphere of {len(world.verts)} vertices and {len(world.faces)} faces, {len(done.losses)} of
{steps} steps, {seconds:.0f} s in this run. The mesh reaches from ({low}) to ({high}) in the units
of the cameras. A sphere has no hole, so neither has this shape.</p>
<h2>Turntable</h2>
<p><img src="turntable.gif" alt="The fitted shape, turning once around."></p>
<h2>Views held out</h2>
<p>In the last column, orange is missing in the fitted shape, and blue is too much.</p>
<table><tr><th>view</th><th>IoU</th></tr>{rows}</table>
{_picture(compared, alt)}
<h2>The loss</h2>
{_picture(curve, "The loss at every step, on a logarithmic scale.")}
</body></html>
"""


def compare(given: Tensor, fitted: Tensor) -> Tensor:
    """Two silhouettes in one picture (H, W, 3).

    White where both are, orange where only the given one is, blue where only the fitted one.
    """
    given, fitted = (given > 0.5)[..., None], (fitted > 0.5)[..., None]
    orange, blue = torch.tensor([0.90, 0.62, 0.0]), torch.tensor([0.34, 0.71, 0.91])
    return torch.where(
        given, torch.where(fitted, torch.ones(3), orange), torch.where(fitted, blue, torch.zeros(3))
    )


def _picture(figure: Figure, alt: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<p><img src="data:image/png;base64,{data}" alt="{html.escape(alt)}"></p>'


def _mean(values: list[float], which: list[int]) -> float:
    return sum(values[k] for k in which) / len(which)
