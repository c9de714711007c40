"""Explorer for notebook 02: the probability map of one triangle."""

from __future__ import annotations

import torch
import traitlets
from PIL import Image

from .. import formulas
from ..plotting.palette import rgb
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import GREY, ORANGE, PURPLE, Panel, compose, new_plot, plot_picture

SIZE = 128
TRIANGLE = torch.tensor([[-0.55, -0.45], [0.5, -0.3], [-0.1, 0.55]], dtype=torch.float32)


class ProbabilityMap(Explorer):
    """D = sigmoid(+-d2 / sigma) as a picture, and along one row of pixels as a curve.

    Both show the cut-off, where D falls below 0.0001.
    """

    sigma = traitlets.Float(3e-3).tag(dial=log_dial("sigma (NDC squared)", -5, 0))
    row = traitlets.Float(0.0).tag(dial=linear_dial("height of the row", -0.9, 0.9, 0.02))
    distance = traitlets.Enum(("euclidean", "barycentric"), "euclidean").tag(
        dial=choice_dial("distance", ("euclidean", "barycentric"))
    )

    def prepare(self) -> None:
        self._figure = new_plot()
        axes = self._figure.add_subplot(
            xlabel="x along the row (NDC)", ylabel="probability D", xlim=(-1, 1), ylim=(-0.03, 1.03)
        )
        (self._curve,) = axes.plot([], [], color=PURPLE, lw=2)
        self._ends = [axes.axvline(0, color=ORANGE, ls="--", lw=2) for _ in range(2)]
        axes.axhline(0.5, color=GREY, lw=0.8, ls=":")

    def draw(self) -> tuple[Image.Image, str]:
        picture = self.probability(formulas.pixel_centers(SIZE, SIZE))
        x = torch.linspace(-1, 1, 400)
        profile = self.probability(torch.stack([x, torch.full_like(x, self.row)], dim=-1))
        kept = x[profile >= 1e-4]
        self._curve.set_data(x.numpy(), profile.numpy())
        for line, end in zip(self._ends, (kept[:1], kept[-1:]), strict=True):
            line.set_visible(len(end) > 0)
            line.set_xdata([end.item() if len(end) else 0.0] * 2)

        panel = Panel("probability map D, row in pink", picture, "cividis")
        panel.outline(TRIANGLE, "white", 1)
        panel.outline(torch.tensor([[-1.0, self.row], [1.0, self.row]]), PURPLE, 3)
        counted = Panel(
            "orange: still counted",
            torch.where((picture >= 1e-4)[..., None], rgb(ORANGE), rgb("#eeeeee")),
        )
        counted.outline(TRIANGLE, "black", 1)
        live = int((picture >= 1e-4).sum())
        reach = formulas.reach(self.sigma)
        where = (
            f"The reach outside an edge is {reach:.3f} NDC, {reach * SIZE / 2:.1f} pixels."
            if self.distance == "euclidean"
            else "The reach is no fixed length here."
        )
        self.alt = (
            f"Left, the probability map of a triangle at sigma {self.sigma:.1e}, {self.distance} "
            f"distance: bright inside, dark far away. Middle, the {live} of {SIZE * SIZE} pixels "
            f"that still count, in orange. Right, D along the row at height {self.row:.2f}."
        )
        text = (
            f"{where} {live} of {SIZE * SIZE} pixels are counted. Largest D: {picture.max():.3f}."
        )
        return compose([panel, counted, plot_picture(self._figure, self._curve, *self._ends)]), text

    @torch.no_grad()
    def probability(self, pixel: torch.Tensor) -> torch.Tensor:
        """D at pixels (..., 2) -> (...)."""
        v = formulas.barycentric(pixel, TRIANGLE)
        return torch.sigmoid(formulas.signed_logit(pixel, TRIANGLE, v, self.sigma, self.distance))
