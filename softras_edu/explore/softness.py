"""Explorer for notebook 16.

The two dials of GenDR on one mesh, how an edge fades and how faces add up.
"""

from __future__ import annotations

from typing import Any

import torch
import traitlets
from PIL import Image
from torch import Tensor

from .. import softness as soft
from ..camera import Camera
from ..mesh import Mesh
from ..rasterizers import rasterize
from ..rendering import screen_triangles
from ..shading import Lights, shade
from ..shapes import cube, icosphere, teapot
from .base import Explorer, choice_dial, linear_dial, log_dial
from .conorms import p_of
from .draw import BLUE, GREY, PANEL, VERMILION, Panel, compose, new_plot, plot_picture, to_bytes
from .sigma_gamma import painted

# Pixels a side; half as many where more than PAIRS pairs of pixel and face are within reach.
SIZE = 64
PAIRS = 500_000
SHAPES = ("teapot", "sphere", "cube", "two triangles")
SQUARED = {"squared, d2 / sigma": True, "not squared, d / sigma": False}
HALF = 12.0  # pixels on each side of the edge that the curves show
FAINT, STRONG = -6.0, 2.0  # powers of ten: the ends of the gradient's colours
GROWTH = 1e-6


class Softness(Explorer):
    """A mesh under any distribution and any conorm, with the blur given in pixels.

    Where its gradient reaches; and D over the distance.
    """

    distribution = traitlets.Enum(soft.DISTRIBUTIONS, "logistic").tag(
        dial=choice_dial("distribution", soft.DISTRIBUTIONS)
    )
    squared = traitlets.Enum(tuple(SQUARED), next(iter(SQUARED))).tag(
        dial=choice_dial("distance", tuple(SQUARED))
    )
    blur = traitlets.Float(3.0).tag(dial=linear_dial("blur (pixels)", 0.5, 10.0, 0.25))
    shape = traitlets.Float(2.0).tag(dial=linear_dial("shape (gamma only)", 0.5, 8.0, 0.25))
    shift = traitlets.Float(0.0).tag(dial=linear_dial("shift (one-sided only)", -3.0, 3.0, 0.25))
    conorm = traitlets.Enum(soft.CONORMS, "probabilistic").tag(
        dial=choice_dial("conorm", soft.CONORMS)
    )
    p = traitlets.Float(2.0).tag(dial=log_dial("p (some conorms)", -1.0, 1.5))
    mesh = traitlets.Enum(SHAPES, "teapot").tag(dial=choice_dial("mesh", SHAPES))

    def prepare(self) -> None:
        square = Mesh(
            torch.tensor([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]]),
            torch.tensor([[0, 1, 2], [0, 2, 3]]),
        )
        meshes = (teapot(around=8), icosphere(2), cube(), square)
        self._scenes = {
            name: on_screen(mesh, flat=name == "two triangles")
            for name, mesh in zip(SHAPES, meshes, strict=True)
        }
        self._figure = new_plot(width=3 * PANEL + 20, height=200)
        self._figure.subplots_adjust(left=0.075, right=0.985, bottom=0.25, top=0.95, wspace=0.22)
        plain, logarithmic = self._figure.subplots(1, 2)
        label = "distance from the edge (pixels, + is inside)"
        plain.set(xlim=(-HALF, HALF), ylim=(-0.03, 1.03), xlabel=label, ylabel="probability D")
        logarithmic.set(
            xlim=(-HALF, HALF),
            ylim=(1e-7, 3.0),
            yscale="log",
            xlabel=label,
            ylabel="on a log scale",
        )
        logarithmic.axhline(1e-4, color=GREY, ls=":", lw=1.2)
        logarithmic.text(HALF - 0.3, 1.3e-4, "below: left out", color=GREY, fontsize=8, ha="right")
        for axes in (plain, logarithmic):
            axes.axvline(0, color=GREY, lw=0.8)
            axes.tick_params(labelsize=8)
        self._lines = [
            axes.plot([], [], color=BLUE, lw=2, label="D")[0] for axes in (plain, logarithmic)
        ]
        self._slopes = [
            axes.plot([], [], color=VERMILION, lw=1.5, ls="--", label="its slope, a pixel")[0]
            for axes in (plain, logarithmic)
        ]
        plain.legend(handles=[self._lines[0], self._slopes[0]], fontsize=8, loc="center right")

    def update(self) -> None:
        """Redraw. A dial that the chosen distribution or conorm does not have cannot be dragged."""
        super().update()
        self.turners["blur"].disabled = self.distribution == "hard"
        self.turners["shape"].disabled = self.distribution not in soft.SHAPE
        self.turners["shift"].disabled = self.distribution not in soft.SHIFT
        self.turners["p"].disabled = self.conorm not in soft.P

    def softness(self) -> dict[str, Any]:
        """What the dials say, as `rasterize` wants it."""
        chosen: dict[str, Any] = {
            "distribution": self.distribution,
            "squared": SQUARED[self.squared],
        }
        if self.distribution in soft.SHAPE:
            chosen["shape"] = self.shape
        if self.distribution in soft.SHIFT:
            chosen["shift"] = self.shift
        sigma = (
            1.0 if self.distribution == "hard" else soft.sigma_for_rise(self.blur, SIZE, **chosen)
        )
        return {**chosen, "sigma": sigma, "conorm": self.conorm, "p": p_of(self.conorm, self.p)}

    @torch.no_grad()
    def draw(self) -> tuple[Image.Image, str]:
        triangles, colors = self._scenes[self.mesh]
        softness = self.softness()
        reach = self.reach(softness)
        size = SIZE if in_reach(triangles, reach) <= PAIRS else SIZE // 2
        with self.all_cores():
            image = rasterize(
                triangles, colors, size=size, gamma=1e-3, far=10.0, background=1.0, **softness
            )
            grown = rasterize(grow(triangles), size=size, far=10.0, **softness)[..., 0]
        alpha = image[..., 3]
        slope = (grown - alpha).abs() / GROWTH
        changes = slope > 1e-8  # less is what rounding leaves of a difference of equal numbers
        if (
            self.distribution == "hard"
        ):  # a step: a pixel right on an edge may jump, and has no slope
            changes = torch.zeros_like(changes)
        strength = (slope.clamp_min(1e-30).log10() - FAINT) / (STRONG - FAINT)
        gradient = torch.from_numpy(to_bytes(strength, "viridis")).double() / 255
        gradient = torch.where(changes[..., None], gradient, 1.0)

        x = torch.linspace(-HALF, HALF, 481, dtype=torch.float64)  # pixels
        d, fall = self.profile(x, softness)
        for line, values in [
            *((line, d) for line in self._lines),
            *((line, fall) for line in self._slopes),
        ]:
            # A logarithmic axis has no 0.
            line.set_data(x.numpy(), values.clamp_min(1e-12).numpy())

        p = softness["p"]
        conorm = self.conorm + (f", p = {p:.3g}" if p is not None else "")
        panels = [
            Panel(self.distribution, image),
            Panel(f"alpha by {conorm}", alpha),
            Panel("gradient; white: exactly 0", gradient),
        ]
        self.alt = (
            f"{self.mesh} with {self.distribution}, {self.squared}, conorm {conorm}: colour, "
            "silhouette, its gradient a pixel, and D over distance."
        )
        unit = "NDC squared" if softness["squared"] else "NDC"
        text = (
            f"sigma {softness['sigma']:.2e} {unit}. An edge reaches {reach * SIZE / 2:,.1f} "
            "pixels outward. "
        )
        text += f"{int(changes.sum()):,} of {size * size:,} pixels have a gradient. "
        text += (
            f"Alpha from {alpha.min():.2f} to {alpha.max():.2f}; where two faces meet in an "
            f"edge: {self.seam(softness):.2f}."
        )
        return compose(panels, below=plot_picture(self._figure, *self._lines, *self._slopes)), text

    def numbers(self, softness: dict[str, Any]) -> tuple[float, float, float]:
        """shape, shift and p, with what stands for None."""
        shape, shift = softness.get("shape"), softness.get("shift")
        return soft.check_softness(
            self.distribution, softness["squared"], shape, shift, self.conorm, softness["p"]
        )

    def reach(self, softness: dict[str, Any]) -> float:
        """How far outside an edge D falls to 0.0001, in NDC."""
        shape, shift, _ = self.numbers(softness)
        return soft.reach(
            softness["sigma"], 1e-4, self.distribution, softness["squared"], shape, shift
        )

    def profile(self, pixels: Tensor, softness: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """D at signed distances from one straight edge, and its slope a pixel."""
        distance, sigma = pixels * 2 / SIZE, softness["sigma"]
        x = distance * (distance.abs() if softness["squared"] else 1) / sigma
        shape, shift, _ = self.numbers(softness)
        d = soft.log_probability(x, self.distribution, shape, shift)[0].exp()
        along = (2 * distance.abs() if softness["squared"] else torch.ones_like(x)) / sigma
        return d, soft.density(x, self.distribution, shape, shift) * along * 2 / SIZE

    def seam(self, softness: dict[str, Any]) -> float:
        """Alpha where two faces meet: it is the edge of both."""
        shape, shift, p = self.numbers(softness)
        log_d, log_outside = soft.log_probability(
            torch.zeros(2, dtype=torch.float64), self.distribution, shape, shift
        )
        return float(soft.aggregate(log_d, log_outside, self.conorm, p, dim=0))


def in_reach(triangles: Tensor, reach: float) -> int:
    """About how many pairs of pixel and triangle are within reach, with SIZE x SIZE pixels."""
    low, high = (
        (triangles[..., :2].amin(1) - reach).clamp(-1, 1),
        (triangles[..., :2].amax(1) + reach).clamp(-1, 1),
    )
    return int((high - low).prod(-1).sum() * (SIZE / 2) ** 2)


def on_screen(mesh: Mesh, flat: bool) -> tuple[Tensor, Tensor]:
    """Screen triangles and lit corner colours, (F, 3, 3) both.

    In double precision, since the gradient is a difference of two pictures.
    """
    if flat:
        screen = torch.cat([0.6 * mesh.verts[:, :2], torch.full((len(mesh.verts), 1), 2.0)], dim=1)
        return screen[mesh.faces].double(), torch.tensor(
            [0.3, 0.5, 0.85], dtype=torch.float64
        ).expand(len(mesh.faces), 3, 3)
    mesh = painted(mesh)
    triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.9, 25, 30, fov=50))[0]
    colors = mesh.corner_colors()
    return triangles.double(), shade(
        mesh.face_normals()[:, None].expand_as(colors), colors, Lights()
    ).double()


def grow(triangles: Tensor) -> Tensor:
    """The same scene, a millionth larger on the screen."""
    return triangles * triangles.new_tensor([1 + GROWTH, 1 + GROWTH, 1.0])
