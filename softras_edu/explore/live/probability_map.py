"""Live explorer for notebook 02: the probability map of a triangle whose corners can be dragged.

Under the pointer stand all the numbers that D is made of.
"""

from __future__ import annotations

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ... import formulas
from ...plotting.palette import ORANGE, SKY, rgb
from ..draw import Panel, compose
from ..probability_map import SIZE, TRIANGLE
from .base import Live, Triangles, from_json, place, positive, script, to_json

START = torch.nn.functional.pad(TRIANGLE, (0, 1), value=2.0)[None].double()


class ProbabilityMap(Live):
    """D = sigmoid(+-d2 / sigma) of a triangle, its level lines, reach and barycentric weights.

    `triangles` is what was dragged, as `rasterize` takes it; `pointer` the point that is looked at.
    """

    triangles = Triangles(START).tag(sync=True, to_json=to_json, from_json=from_json)
    pointer = place(0.5, 0.3)
    sigma = traitlets.Float(3e-3).tag(sync=True)
    dist_eps = traitlets.Float(1e-4).tag(sync=True)
    distance = traitlets.Enum(("euclidean", "barycentric"), "euclidean").tag(sync=True)
    module = "probability_map.js"
    _esm = script(module)

    _check_sigma = traitlets.validate("sigma")(positive(1e-5, 1.0))
    _check_dist_eps = traitlets.validate("dist_eps")(positive(1e-8, 0.1))

    def probability(self) -> Tensor:
        """D of every pixel -> (SIZE, SIZE)."""
        pixel = formulas.pixel_centers(SIZE, SIZE, dtype=torch.float64)
        xy = self.triangles[0, :, :2]
        v = formulas.barycentric(pixel, xy)
        return torch.sigmoid(formulas.signed_logit(pixel, xy, v, self.sigma, self.distance))

    def draw(self) -> tuple[Image.Image, str]:
        what = self.why_not()
        if what:
            self.alt = f"An empty panel: {what}."
            return compose([Panel(what, torch.full((2, 2), 0.13)) for _ in range(2)]), self.alt
        d = self.probability()
        counted = d >= self.dist_eps
        panels = [
            Panel("probability map D", d, "cividis"),
            Panel("orange: counted", torch.where(counted[..., None], rgb(ORANGE), rgb("#eeeeee"))),
        ]
        for panel in panels:
            panel.outline(self.triangles[0, :, :2], SKY, 2)
        self.alt = (
            f"Left, the probability map of a triangle at sigma {self.sigma:.1e}, {self.distance} "
            f"distance: bright inside, dark far away. Right, in orange, the {int(counted.sum())} "
            f"of {SIZE * SIZE} pixels that are counted."
        )
        return compose(panels), f"{int(counted.sum())} of {SIZE * SIZE} pixels are counted."

    def why_not(self) -> str:
        """Why there is nothing to draw, or nothing."""
        if len(self.triangles) != 1:
            return f"there are {len(self.triangles)} triangles, not one"
        if not self.triangles.isfinite().all():
            return "a corner is not a number"
        if formulas.doubled_area(self.triangles[0, :, :2]).abs() < 1e-12:
            return "the triangle has no area"
        return ""
