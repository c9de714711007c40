"""Explorer for notebook 05.

Two overlapping triangles, one hidden, and the gradient that reaches it.
"""

from __future__ import annotations

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ..rasterizers import rasterize, rasterize_hard
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import BLUE, ORANGE, Panel, compose, new_plot, plot_picture

SIZE = 128
RENDERERS = ("soft", "hard", "NMR")
FRONT = torch.tensor([[-0.7, -0.5, 2.0], [0.7, -0.5, 2.0], [0.0, 0.7, 2.0]], dtype=torch.float32)
# Its depth comes from the dial.
HIDDEN = torch.tensor([[-0.3, -0.3, 0.0], [0.3, -0.3, 0.0], [0.0, 0.25, 0.0]], dtype=torch.float32)
ORANGE_RGB, BLUE_RGB = torch.tensor([[0.90, 0.62, 0.0], [0.0, 0.45, 0.70]], dtype=torch.float32)
FAR = 10.0  # a short depth range, so that a gamma of 0.01 already sees through a gap of 0.1


class Occlusion(Explorer):
    """An orange triangle in front of a small blue one.

    The loss asks for the blue one: what tells it to come forward?
    """

    depth = traitlets.Float(0.3).tag(dial=linear_dial("blue behind orange by", -0.6, 1.5, 0.05))
    gamma = traitlets.Float(1e-2).tag(dial=log_dial("gamma (see-through)", -4, 0))
    sigma = traitlets.Float(1e-3).tag(dial=log_dial("sigma (blur)", -5, -1))
    renderer = traitlets.Enum(RENDERERS, "soft").tag(dial=choice_dial("renderer", RENDERERS))

    def prepare(self) -> None:
        self._figure = new_plot(300)
        axes = self._figure.add_subplot(ylabel="share of the middle pixel", ylim=(0, 1.05))
        self._bars = axes.bar(
            ["orange", "blue", "background"], [0, 0, 0], color=[ORANGE, BLUE, "#222222"]
        )

    def draw(self) -> tuple[Image.Image, str]:
        triangles = scene(self.depth).requires_grad_()
        colors = (
            torch.stack([ORANGE_RGB, BLUE_RGB])[:, None].expand(2, 3, 3).clone().requires_grad_()
        )
        image = self.render(triangles, colors)
        with torch.no_grad():
            target = rasterize_hard(scene(-0.5), colors, size=SIZE, far=FAR)  # blue in front
            shares = self.render(triangles, torch.eye(3)[:2, None].expand(2, 3, 3))[
                SIZE // 2, SIZE // 2, :2
            ]
        loss = (image[..., :3] - target[..., :3]).square().mean()
        d_triangles, d_colors = torch.autograd.grad(loss, (triangles, colors), allow_unused=True)

        for bar, height in zip(
            self._bars, (*shares.tolist(), 1 - shares.sum().item()), strict=True
        ):
            bar.set_height(height)
        picture, wanted = (
            Panel(f"{self.renderer} picture", image),
            Panel("target: blue in front", target),
        )
        picture.outline(triangles[1, :, :2], "white", 1)
        d_z, d_xy = d_triangles[1, :, 2].sum().item(), d_triangles[1, :, :2].norm().item()
        paint = 0.0 if d_colors is None else d_colors[1].norm().item()
        verdict = (
            "pulls it forward"
            if d_z > 1e-9
            else "pushes it back"
            if d_z < -1e-9
            else "leaves it where it is"
        )
        self.alt = (
            f"Orange and blue triangles, blue {self.depth:.2f} behind, drawn {self.renderer}; "
            f"its depth gradient is {d_z:.1e}."
        )
        text = (
            f"loss {loss.item():.4f}. Gradient of the blue triangle: depth {d_z:.1e} "
            f"(<b>{verdict}</b>), place {d_xy:.1e}, colour {paint:.1e}."
        )
        return compose([picture, wanted, plot_picture(self._figure, *self._bars)]), text

    def render(self, triangles: Tensor, colors: Tensor) -> Tensor:
        """(2, 3, 3) triangles, (2, 3, C) colours -> (SIZE, SIZE, C + 1), by the chosen renderer."""
        if self.renderer == "soft":
            return rasterize(
                triangles, colors, size=SIZE, sigma=self.sigma, gamma=self.gamma, far=FAR
            )
        return rasterize_hard(
            triangles,
            colors,
            size=SIZE,
            gradient="nmr" if self.renderer == "NMR" else "none",
            far=FAR,
        )


def scene(behind: float) -> Tensor:
    """The orange triangle and the blue one, `behind` deeper -> (2, 3, 3)."""
    hidden = HIDDEN.clone()
    hidden[:, 2] = FRONT[:, 2] + behind
    return torch.stack([FRONT, hidden])
