"""Live explorer for notebook 04: silhouette and occlusion.

Triangles to drag, nearer and farther too; A_S and A_O, and how the triangles share a pixel.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import traitlets
from matplotlib.colors import to_hex
from PIL import Image
from torch import Tensor

from ...plotting.palette import BLUE, GREEN, GREY, ORANGE, rgb
from ...rasterizers import rasterize
from ..draw import Panel, compose, new_plot, plot_picture
from .base import Live, Triangles, from_json, place, positive, script, to_json

SIZE = 128
FAR = 10.0  # a short depth range, so that a gamma of 0.01 already sees through a gap of 0.1
MOST = 6  # triangles
FRONT, BACK = 1, 4  # depths at the ends of the view from the side
START = torch.tensor(
    [
        [[-0.85, -0.55, 2.0], [0.35, -0.55, 2.0], [-0.25, 0.6, 2.0]],
        [[0.0, -0.45, 2.3], [0.85, -0.35, 2.3], [0.4, 0.8, 2.3]],
        [[-0.55, 0.1, 2.6], [0.1, -0.85, 2.6], [0.6, 0.3, 2.6]],
    ],
    dtype=torch.float64,
)


def place_of(z: Tensor) -> Tensor:
    """Where depths stand in the view from the side, NDC."""
    return 0.85 * (2 * (z - FRONT) / (BACK - FRONT) - 1)


class Colors(Triangles):
    """Colours (F, 3, 3) of the corners of triangles: red, green and blue from 0 to 1."""

    info_text = "colors (F, 3, 3), of each triangle those of its corners"


class Occlusion(Live):
    """A few triangles that cover each other: drag them, their corners, and their depths.

    `triangles` (F, 3, 3) and `colors` (F, 3, 3) are what is on the screen, and this is its picture:

        rasterize(explorer.triangles, explorer.colors, **explorer.options)

    `pointer` (x and y in NDC) is the point that is looked at.
    """

    triangles = Triangles(START).tag(sync=True, to_json=to_json, from_json=from_json)
    colors = Colors(
        torch.stack([rgb(color) for color in (ORANGE, BLUE, GREEN)])[:, None].expand(3, 3, 3)
    ).tag(sync=True, to_json=to_json, from_json=from_json)
    pointer = place(0.13, -0.25)
    sigma = traitlets.Float(1e-3).tag(sync=True)
    gamma = traitlets.Float(3e-2).tag(sync=True)
    module = "occlusion.js"
    _esm = script(module)

    _check_sigma = traitlets.validate("sigma")(positive(1e-5, 0.1))
    _check_gamma = traitlets.validate("gamma")(positive(1e-4, 1.0))

    @property
    def options(self) -> dict[str, Any]:
        """The options with which `rasterize` draws what is on the screen."""
        return {"size": SIZE, "sigma": self.sigma, "gamma": self.gamma, "far": FAR}

    def draw(self) -> tuple[Image.Image, str]:
        what = self.why_not()
        if what:
            self.alt = f"An empty panel: {what}."
            return compose([Panel(what, torch.full((2, 2), 0.13)) for _ in range(2)]), self.alt
        image = rasterize(self.triangles, self.colors, **self.options)
        panels = [
            Panel("A_S, the colours", image),
            Panel("A_O, the silhouette", image[..., 3], "cividis"),
        ]
        for triangle in self.triangles:
            panels[1].outline(triangle[:, :2], "white", 1)
        panels.append(self.side())
        i, j = self.pixel()
        weights = self.weights(i, j)
        names = [f"triangle {n}" for n in range(len(self.triangles))] + ["background"]
        shares = [f"{name} {weight:.3f}" for name, weight in zip(names, weights, strict=True)]
        self.alt = (
            f"The soft picture of {len(self.triangles)} triangles at sigma {self.sigma:.1e} and "
            f"gamma {self.gamma:.1e}; their silhouette; their depths, from the side, the eye at "
            f"the left; and the weights at pixel [{i}, {j}]: {', '.join(shares)}."
        )
        red, green, blue, alpha = (f"{number:.3f}" for number in image[i, j].tolist())
        text = f"A_S = ({red}, {green}, {blue}), with the weights {', '.join(shares)}."
        return (
            compose([*panels, self.bars(names, weights)]),
            f"Pixel [{i}, {j}]: A_O = {alpha}. {text}",
        )

    def side(self) -> Panel:
        """The triangles from the side: z from FRONT, at the left, to BACK."""
        panel = Panel(
            f"from the side: depth z, lines at {FRONT} to {BACK}", torch.full((2, 2), 0.13)
        )
        for z in range(FRONT, BACK + 1):
            x = place_of(torch.tensor(float(z))).item()
            panel.outline(torch.tensor([[x, -1.0], [x, 1.0]]), GREY, 1)
        for triangle, color in zip(self.triangles, self.colors.mean(1).clamp(0, 1), strict=True):
            corners = torch.stack([place_of(triangle[:, 2]), triangle[:, 1]], dim=1)
            panel.outline(corners, to_hex(color.tolist()), 5)
        return panel

    def pixel(self) -> tuple[int, int]:
        """Row and column of the pixel that is looked at."""
        x, y = self.pointer
        i, j = (min(max(math.floor(way / 2 * SIZE), 0), SIZE - 1) for way in (1 - y, 1 + x))
        return i, j

    def weights(self, i: int, j: int) -> list[float]:
        """How much of pixel [i, j] each triangle has, and the background, in this order."""
        count = len(self.triangles)
        if count == 0:
            return [1.0]
        marks = torch.eye(count, dtype=torch.float64)[:, None].expand(count, 3, count)
        shares = rasterize(self.triangles, marks, **self.options)[i, j, :count].tolist()
        return [*shares, max(1 - sum(shares), 0.0)]

    def bars(self, names: list[str], weights: list[float]) -> Image.Image:
        """The weights, each in its triangle's colour."""
        figure = new_plot(320)
        axes = figure.add_subplot(xlabel="weight at the pixel", xlim=(0, 1.05))
        colors = [*self.colors.mean(1).clamp(0, 1).tolist(), (0, 0, 0)]
        axes.barh(names, weights, color=colors, edgecolor="black")
        axes.tick_params(axis="y", labelsize=8)
        axes.invert_yaxis()
        figure.subplots_adjust(left=0.3)
        return plot_picture(figure)

    def why_not(self) -> str:
        """Why there is nothing to draw, or nothing."""
        if len(self.triangles) > MOST:
            return f"there are {len(self.triangles)} triangles, at most {MOST} are wanted"
        if len(self.triangles) != len(self.colors):
            return f"{len(self.triangles)} triangles, but colours for {len(self.colors)}"
        if not (self.triangles.isfinite().all() and self.colors.isfinite().all()):
            return "a corner or a colour is not a number"
        return ""
