"""Live explorer for notebook 05: from every place, the push towards a target.

Hard, NMR and soft side by side; the square and the triangle can be dragged.
"""

from __future__ import annotations

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ... import formulas
from ...plotting.palette import ORANGE
from ..draw import Panel, compose, plot_picture
from . import field as still
from .base import Live, Triangles, from_json, place, positive, script, to_json, within

FARTHEST = 0.85  # of the square's middle: all of it stays in the picture
START = still.CENTRED[None] + torch.tensor([-0.5, 0.5, 0.0], dtype=torch.float64)


class ForceField(Live):
    """A small triangle that should cover a square, tried at 17 x 17 places.

    The arrow at a place is the sum of -gradient over the corners: the way in which gradient descent
    moves the triangle as a whole. A dot: it does not move. The green arrow is that of the white
    triangle where it stands: `triangles`, in NDC, as `rasterize` takes it.
    """

    triangles = Triangles(START).tag(sync=True, to_json=to_json, from_json=from_json)
    target = place(0.0, 0.0)
    sigma = traitlets.Float(1e-1).tag(sync=True)
    dist_eps = traitlets.Float(1e-4).tag(sync=True)
    module = "force_field.js"
    _esm = script(module)

    _check_sigma = traitlets.validate("sigma")(positive(1e-4, 1.0))
    _check_dist_eps = traitlets.validate("dist_eps")(positive(0.0, 0.1))
    _check_target = traitlets.validate("target")(within(FARTHEST))

    def fields(self) -> dict[str, Tensor]:
        """The arrows of hard, NMR and soft, (COUNT**2, 2) each."""
        shape = self.triangles.clone()
        shape[..., :2] -= shape[..., :2].mean((0, 1))
        renderers = {
            "hard": still.hard,
            "NMR": still.nmr,
            "soft": still.soft(self.sigma, self.dist_eps),
        }
        return {
            name: still.field(renderer, self.target, shape) for name, renderer in renderers.items()
        }

    def draw(self) -> tuple[Image.Image, str]:
        if not len(self.triangles) or not self.triangles.isfinite().all():
            what = "a corner is not a number" if len(self.triangles) else "there is no triangle"
            self.alt = f"Three empty panels: {what}."
            empty = torch.full((2, 2), 0.13)
            return compose([Panel(what, empty) for _ in range(3)]), self.alt
        fields = self.fields()
        counts = [f"{name} {int((push != 0).any(1).sum())}" for name, push in fields.items()]
        panels = [self.panel(name, push) for name, push in fields.items()]
        self.alt = (
            f"Arrows at {still.COUNT**2} places of a triangle around an orange square, sigma "
            f"{self.sigma:.1e}. Places where the triangle moves: {', '.join(counts)}."
        )
        reach = formulas.reach(self.sigma, self.dist_eps)
        where = f"{reach:.2f} NDC" if self.dist_eps else "every pixel"
        text = f"Of {still.COUNT**2} places the triangle moves from: {', '.join(counts)}. "
        scale = plot_picture(still.scale())
        return compose(panels, below=scale), text + f"Soft reaches {where}."

    def panel(self, name: str, push: Tensor) -> Panel:
        """The arrows of one renderer, the square and the triangle."""
        count = int((push != 0).any(1).sum())
        panel = Panel(f"{name}: moves from {count} of {len(push)}", torch.full((2, 2), 0.13))
        panel.outline(still.square_at(self.target), ORANGE, 4)
        for triangle in self.triangles:
            panel.outline(triangle[:, :2], "white", 2)
        still.arrows(panel, push)
        return panel
