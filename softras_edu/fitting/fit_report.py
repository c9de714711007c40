"""What `python -m softras_edu fit` writes: a turntable and a report."""

from __future__ import annotations

import base64
import html
import io
import math
from dataclasses import dataclass
from functools import cached_property

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
from ..rendering import render
from ..shading import Lights
from .all_around import hard_silhouettes
from .paint import color_error
from .remesh import quality
from .views import Views


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
    lights = Lights() if mesh.colors is None else None  # photographs bring their light
    view, images = Camera.orbit(2.6, 20.0, 0.0, fov=50), []
    for k in range(frames):  # the shape turns and the lamp stands still, so that no side stays dark
        a = 2 * math.pi * k / frames
        turn = torch.tensor(
            [[math.cos(a), 0.0, math.sin(a)], [0.0, 1.0, 0.0], [-math.sin(a), 0.0, math.cos(a)]]
        )
        images.append(
            render(
                Mesh(upright.verts @ turn.T, mesh.faces, mesh.colors),
                view,
                size=size,
                lights=lights,
                sigma=1e-6,
                background=1.0,
            )[0]
        )
    return flip_book(images, seconds=0.08, side=size)


@dataclass(frozen=True)
class Result:
    """A fit and what it was fitted to.

    Attributes:
        views: N of them; `train` were fitted, `test` were held out.
        camera: N cameras in the space of `fitted`.
        fitted: a mesh around the origin. `world` is the same in the units of the views' cameras.
        curve: the loss of each step. steps: how many there were to be. seconds: of this run.
        explained: the share of the masks that any shape explains.
    """

    views: Views
    train: list[int]
    test: list[int]
    camera: Camera
    fitted: Mesh
    world: Mesh
    curve: list[float]
    steps: int
    seconds: float
    explained: float | None

    @cached_property
    def seen(self) -> Tensor:
        """The fitted shape's silhouettes without blur, (N, H, W)."""
        height, width = self.views.masks.shape[1:]
        return hard_silhouettes(self.fitted, self.camera, (height, width))

    @cached_property
    def iou(self) -> list[float]:
        """One a view."""
        masks = (self.views.masks > 0.5).float()
        return [
            1 - losses.iou(seen, mask).item() for seen, mask in zip(self.seen, masks, strict=True)
        ]

    @cached_property
    def color_error(self) -> float | None:
        """The mean difference of colours on the views held out; None without photographs."""
        photos, masks = self.views.photos, self.views.masks
        if photos is None:
            return None
        errors = [
            color_error(self.fitted, photos[k], masks[k], self.camera[[k]]) for k in self.test
        ]
        return sum(errors) / len(errors)

    def mean_iou(self, which: list[int]) -> float:
        return sum(self.iou[k] for k in which) / len(which)

    def lines(self) -> list[str]:
        """The numbers, for the terminal."""
        return [
            f"IoU on the {len(self.test)} views held out: {self.mean_iou(self.test):.3f} "
            f"(on those it was fitted to: {self.mean_iou(self.train):.3f})",
            f"Mesh: {self.shape()}",
        ] + ([f"Colours: {self.colors()}"] if self.color_error is not None else [])

    def shape(self) -> str:
        """How good the triangles are, in words."""
        q = quality(self.fitted.verts, self.fitted.faces)
        turn = float(losses.normal_consistency(self.fitted.verts, self.fitted.faces))
        return (
            f"{len(self.fitted.verts)} vertices, {len(self.fitted.faces)} faces; quality "
            f"{q.mean():.2f} (1: all equilateral), {(q < 0.3).float().mean():.1%} slivers; "
            f"neighbouring faces turn by {math.degrees(math.acos(max(-1.0, 1 - turn))):.0f} degrees"
        )

    def colors(self) -> str:
        return f"on the views held out {self.color_error:.3f} beside the photographs (0 to 1)"


def report(result: Result) -> str:
    """One HTML file with everything in it."""
    views, world, shown = result.views, result.world, result.test[:6]
    columns = 3 if views.photos is None else 5
    compared = pictures(*_columns(result, shown), columns=columns, side=2.2)
    x = torch.arange(len(result.curve))
    values = {"loss": torch.tensor(result.curve)}
    curve = curves(x, values, xlabel="step", ylabel="loss", logy=True)
    rows = "".join(
        f"<tr><td>{html.escape(views.names[k])}</td><td>{result.iou[k]:.4f}</td></tr>"
        for k in result.test
    )
    low, high = (
        ", ".join(f"{x:.3g}" for x in corner.tolist())
        for corner in (world.verts.amin(0), world.verts.amax(0))
    )
    alt = "For each view held out: the given silhouette, the fitted one, and where they differ"
    alt += "." if views.photos is None else "; then the photograph and the fitted colours."
    colored = "" if result.color_error is None else f"<p>Colours: {result.colors()}.</p>"
    agree = ""
    if result.explained is not None:
        agree = (
            f"<p>With these cameras some shape explains {result.explained:.0%} of the masks' area "
            "(parts that are about a pixel wide are easily missed).</p>"
        )
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<title>A shape from {len(views.names)} silhouettes</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 54em; margin: 2em auto; padding: 0 1em }}
img {{ max-width: 100% }}
td, th {{ padding: 0.1em 1.5em 0.1em 0; text-align: left }}</style></head><body>
<h1>A shape from {len(views.names)} silhouettes</h1>
<p><strong>IoU on the {len(result.test)} views that the fit
never saw: {result.mean_iou(result.test):.3f}</strong> (on the {len(result.train)} that
it was fitted to: {result.mean_iou(result.train):.3f}). IoU is the
area that both silhouettes share over the area that either covers; the fitted one is drawn without
blur.</p>
<p>Mesh: {result.shape()}.</p>{colored}{agree}
<p>{len(result.curve)} of {result.steps} steps, {result.seconds:.0f} s in this run. The mesh
reaches from ({low}) to ({high}) in the units of the cameras. It was a sphere, which has no hole, so
neither has this shape.</p>
<h2>Turntable</h2>
<p><img src="turntable.gif" alt="The fitted shape, turning once around."></p>
<h2>Views held out</h2>
<p>In the third column, orange is missing in the fitted shape, and blue is too much.</p>
<table><tr><th>view</th><th>IoU</th></tr>{rows}</table>
{_picture(compared, alt)}
<h2>The loss</h2>
{_picture(curve, "The loss at every step, on a logarithmic scale.")}
</body></html>
"""


def _columns(result: Result, shown: list[int]) -> tuple[list[Tensor], list[str]]:
    """The pictures of some views, row by row, and their titles."""
    images, titles = [], []
    for k in shown:
        mask, seen = result.views.masks[k], result.seen[k]
        images += [mask, seen, compare(mask, seen)]
        titles += [result.views.names[k], f"fitted: IoU {result.iou[k]:.3f}", "compared"]
        if result.views.photos is not None:
            size = (mask.shape[0], mask.shape[1])
            drawn = render(
                result.fitted, result.camera[[k]], size=size, near="auto", far="auto",
                sigma=1e-6, gamma=1e-3, background=1.0,
            )  # fmt: skip
            inside = mask[..., None]
            images += [result.views.photos[k] * inside + 1 - inside, drawn[0, ..., :3]]
            titles += ["photograph", "fitted colours"]
    return images, titles


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
