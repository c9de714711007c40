"""Live explorer for notebook 02: the probability map of a triangle whose corners can be dragged.

Under the pointer stand all the numbers that D is made of, and beside it D along its row.
"""

from __future__ import annotations

from typing import Any

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ... import formulas
from ...plotting.palette import BLUE, GREEN, GREY, ORANGE, SKY, rgb
from ..draw import Panel, compose, new_plot, plot_picture
from .base import Live, Triangles, from_json, place, positive, script, to_json

SIZE = 128
LEVELS = (0.01, 0.1, 0.5, 0.9)
# Colours of the corners, as different in brightness as in hue.
CORNERS = torch.stack([rgb(ORANGE), rgb(BLUE), torch.ones(3)]).double()
START = torch.tensor(
    [[[-0.55, -0.45, 2.0], [0.5, -0.3, 2.0], [-0.1, 0.55, 2.0]]], dtype=torch.float64
)


class ProbabilityMap(Live):
    """D = sigmoid(+-d2 / sigma) of a triangle, its level lines, reach and barycentric weights.

    `triangles` is what was dragged, and this is its probability map:

        rasterize(explorer.triangles, **explorer.options)

    `pointer` is the point that is looked at; D along its row is drawn as a curve.
    """

    triangles = Triangles(START).tag(sync=True, to_json=to_json, from_json=from_json)
    pointer = place(0.2, 0.3)
    sigma = traitlets.Float(3e-3).tag(sync=True)
    dist_eps = traitlets.Float(1e-4).tag(sync=True)
    distance = traitlets.Enum(("euclidean", "barycentric"), "euclidean").tag(sync=True)
    module = "probability_map.js"
    _esm = script(module)

    _check_sigma = traitlets.validate("sigma")(positive(1e-5, 1.0))
    _check_dist_eps = traitlets.validate("dist_eps")(positive(1e-8, 0.1))

    @property
    def options(self) -> dict[str, Any]:
        """The options with which `rasterize` draws what is on the screen."""
        names = ("sigma", "dist_eps", "distance")
        return {"size": SIZE, **{name: getattr(self, name) for name in names}}

    def probability(self, pixel: Tensor) -> Tensor:
        """D at pixels (..., 2) -> (...)."""
        xy = self.triangles[0, :, :2]
        v = formulas.barycentric(pixel, xy)
        return torch.sigmoid(formulas.signed_logit(pixel, xy, v, self.sigma, self.distance))

    def draw(self) -> tuple[Image.Image, str]:
        what = self.why_not()
        if what:
            self.alt = f"An empty panel: {what}."
            empty = [Panel(what, torch.full((2, 2), 0.13)) for _ in range(2)]
            return compose([*empty, plot_picture(new_plot())]), self.alt
        pixel = formulas.pixel_centers(SIZE, SIZE, dtype=torch.float64)
        d, y = self.probability(pixel), self.pointer[1]
        counted = d >= self.dist_eps
        w = formulas.clip_barycentric(formulas.barycentric(pixel, self.triangles[0, :, :2]))
        mixed = torch.where(counted[..., None], torch.stack(w, dim=-1) @ CORNERS, 33 / 255)
        panels = [
            Panel("D, lines at 0.01, 0.1, 0.5, 0.9", d, "cividis"),
            Panel("w0 orange, w1 blue, w2 white", mixed),
        ]
        for level, color in [*((level, "white") for level in LEVELS), (self.dist_eps, ORANGE)]:
            for line in level_lines(pixel, d, level):
                panels[0].outline(line, color, 1 if color == "white" else 2)
        panels[0].outline(torch.tensor([[-1.0, y], [1.0, y]]), GREEN, 2)
        for panel in panels:
            panel.outline(self.triangles[0, :, :2], SKY, 2)
        self.alt = (
            f"Left, the probability map of a triangle at sigma {self.sigma:.1e}, {self.distance} "
            f"distance: bright inside, dark far away, with level lines. Middle, the clipped "
            f"weights of its corners as orange, blue and white, and dark where pixels are not "
            f"counted. Right, D along the green row at height {y:.2f}."
        )
        reach = formulas.reach(self.sigma, self.dist_eps)
        where = (
            f"The reach outside an edge is {reach:.3f} NDC, {reach * SIZE / 2:.1f} pixels"
            if self.distance == "euclidean"
            else "The reach is no fixed length here"
        )
        text = (
            f"{where} (orange line). {int(counted.sum())} of {SIZE * SIZE} pixels are counted. "
            f"Largest D: {d.max():.3f}."
        )
        return compose([*panels, self.row()]), text

    def row(self) -> Image.Image:
        """D along the row of the pointer, and where the cut-off is."""
        figure = new_plot()
        axes = figure.add_subplot(
            xlabel="x along the row (NDC)", ylabel="probability D", xlim=(-1, 1), ylim=(-0.03, 1.03)
        )
        x = torch.linspace(-1, 1, 401, dtype=torch.float64)
        d = self.probability(torch.stack([x, torch.full_like(x, self.pointer[1])], dim=-1))
        axes.axhline(0.5, color=GREY, lw=0.8, ls=":")
        axes.plot(x, d, color=GREEN, lw=2)
        kept = x[d >= self.dist_eps]
        for end in (kept[:1], kept[-1:]):
            axes.axvline(end.item() if len(end) else -2, color=ORANGE, ls="--", lw=2)
        return plot_picture(figure)

    def why_not(self) -> str:
        """Why there is nothing to draw, or nothing."""
        if len(self.triangles) != 1:
            return f"there are {len(self.triangles)} triangles, not one"
        if not self.triangles.isfinite().all():
            return "a corner is not a number"
        if formulas.doubled_area(self.triangles[0, :, :2]).abs() < 1e-12:
            return "the triangle has no area"
        return ""


def level_lines(pixel: Tensor, d: Tensor, level: float) -> list[Tensor]:
    """Where D has a value, (n, 2) points in NDC each: there and back, so that none is closed."""
    if not d.min() < level < d.max():
        return []
    axes = new_plot().add_subplot()
    lines = axes.contour(pixel[0, :, 0], pixel[:, 0, 1], d, [level]).allsegs[0]
    return [torch.cat([points, points.flip(0)]) for points in map(torch.from_numpy, lines)]
