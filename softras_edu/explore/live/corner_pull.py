"""Live explorer for notebook 05: who pulls this corner?

What each pixel contributes to the gradient of one corner, beside the arrow of the sum.
"""

from __future__ import annotations

from typing import Any

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ... import formulas
from ...plotting.palette import GREEN, ORANGE, SKY, rgb
from ...rasterizers import rasterize
from ..draw import Panel, compose
from .base import Live, Triangles, from_json, place, positive, script, to_json, within

SIZE = 64
FAR = 10.0  # a short range of depths, as in the explorer of occlusion
HALF = 0.25  # half a side of the square, NDC
FARTHEST = 0.75  # of the square's middle: all of it stays in the picture
SEEN = 1e-6  # of the strongest pixel: what is weaker is not counted, it may be rounding
LOSSES = ("silhouette", "hidden colour")
START = torch.tensor(
    [
        [[-0.5, -0.4, 2.3], [0.25, -0.3, 2.3], [-0.2, 0.3, 2.3]],
        [[-0.9, -0.7, 2.0], [0.9, -0.7, 2.0], [0.05, 0.9, 2.0]],
    ],
    dtype=torch.float64,
)
HIDDEN, FRONT = torch.tensor([[0, 114, 178], [230, 159, 0]], dtype=torch.float64) / 255


class CornerPull(Live):
    """The gradient of one corner of triangle 0 as a sum over pixels.

    The loss is the mean square of the picture minus what is wanted. "silhouette": triangle 0 alone
    should cover a square. "hidden colour": triangle 0 is blue and stands behind triangle 1, which
    is orange; wanted is the picture of the orange one with a blue square on it.

    `triangles` (2, 3, 3) can be dragged, as can `target`, the square's middle in NDC; `corner` (0,
    1 or 2) is the one that is asked about, and `pointer` the point that is looked at.
    """

    triangles = Triangles(START).tag(sync=True, to_json=to_json, from_json=from_json)
    corner = traitlets.Int(1, min=0, max=2).tag(sync=True)
    loss = traitlets.Enum(LOSSES, "silhouette").tag(sync=True)
    target = place(0.3, 0.1)
    pointer = place(0.2, 0.0)
    sigma = traitlets.Float(1e-2).tag(sync=True)
    gamma = traitlets.Float(5e-2).tag(sync=True)
    module = "corner_pull.js"
    _esm = script(module)

    _check_sigma = traitlets.validate("sigma")(positive(1e-5, 1.0))
    _check_gamma = traitlets.validate("gamma")(positive(1e-4, 1.0))
    _check_target = traitlets.validate("target")(within(FARTHEST))

    def picture(self, triangles: Tensor, size: int = SIZE) -> Tensor:
        """What the loss looks at: alpha (size, size, 1), or colours (size, size, 3)."""
        if self.loss == "silhouette":
            return rasterize(triangles[:1], **self._options(size))
        colors = torch.stack([HIDDEN, FRONT])[:, None].expand(2, 3, 3)
        return rasterize(triangles, colors, **self._options(size))[..., :3]

    def wanted(self, size: int = SIZE) -> Tensor:
        """What the loss asks for, of the shape of `picture`: (size, size, 1) or (size, size, 3)."""
        away = formulas.pixel_centers(size, size, dtype=torch.float64) - torch.tensor(self.target)
        square = (away.abs().amax(-1) <= HALF)[..., None]
        if self.loss == "silhouette":
            return square.double()
        front = FRONT.expand(1, 3, 3)
        alone = rasterize(self.triangles[1:], front, **self._options(size))[..., :3]
        return torch.where(square, HIDDEN, alone)

    def loss_at(self, triangles: Tensor, size: int = SIZE) -> Tensor:
        """The loss of triangles (2, 3, 3), a number whose gradient is what the arrow shows."""
        return (self.picture(triangles, size) - self.wanted(size)).square().mean()

    def pulls(self, size: int = SIZE) -> Tensor:
        """What each pixel adds to -gradient of the corner's x and y -> (size, size, 2)."""
        triangles = self.triangles
        image = self.picture(triangles, size)
        d_image = 2 * (image - self.wanted(size)) / image.numel()
        columns = []
        for axis in (0, 1):
            way = torch.zeros_like(triangles)
            way[0, self.corner, axis] = 1
            # How the picture changes as the corner moves: all pixels at once.
            _, slope = torch.autograd.functional.jvp(
                lambda moved: self.picture(moved, size), triangles, way
            )
            columns.append(-(d_image * slope).sum(-1))
        return torch.stack(columns, dim=-1)

    def draw(self) -> tuple[Image.Image, str]:
        what = self.why_not()
        if what:
            self.alt = f"An empty panel: {what}."
            return compose([Panel(what, torch.full((2, 2), 0.13)) for _ in range(3)]), self.alt
        pulls = self.pulls()
        total = pulls.sum((0, 1))
        size = total.norm().item()
        along = pulls @ (total / size) if size > 0 else pulls[..., 0]
        flat = self.loss == "silhouette"
        panels = [
            self.panel(f"picture, {self.loss}", self.picture(self.triangles), flat),
            Panel(f"who pulls corner {self.corner}?", painted(along)),
            self.panel("wanted", self.wanted(), flat),
        ]
        x, y = self.target
        signs = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        for panel in panels:
            panel.outline(torch.tensor([x, y]) + HALF * signs, GREEN, 2)
        for panel in panels[:2]:
            for triangle in self.triangles[: 1 if flat else 2]:
                panel.outline(triangle[:, :2], "white", 1)
            if size > 0:
                where = self.triangles[0, self.corner, :2].tolist()
                way_x, way_y = (0.5 * total / size).tolist()
                panel.arrow(where, (way_x, way_y), "white", width=4)
        text = self.sentence(along, total)
        self.alt = f"Picture, pull of each pixel on a corner, and what is wanted. {text}"
        return compose(panels), text

    def panel(self, caption: str, image: Tensor, flat: bool) -> Panel:
        """Alpha (size, size, 1), or colours (size, size, 3)."""
        return Panel(caption, image[..., 0], "cividis") if flat else Panel(caption, image)

    def sentence(self, along: Tensor, total: Tensor) -> str:
        """The sum, and who pulls along it and who against it; (size, size) and (2,)."""
        size = total.norm().item()
        if size == 0:
            return f"Nothing pulls corner {self.corner} over the screen: its gradient is 0."
        least = SEEN * along.abs().max()
        forth, back = along[along > least], along[along < -least]
        return (
            f"Corner {self.corner} is pulled by {short(size)}, -gradient "
            f"({short(total[0].item())}, {short(total[1].item())}): {len(forth)} pixels pull along "
            f"the arrow, together {short(forth.sum().item())}, and {len(back)} against it, "
            f"together {short(back.sum().item())}."
        )

    def why_not(self) -> str:
        """Why there is nothing to draw, or nothing."""
        if len(self.triangles) != 2:
            return f"there are {len(self.triangles)} triangles, not two"
        if not self.triangles.isfinite().all():
            return "a corner is not a number"
        return ""

    def _options(self, size: int) -> dict[str, Any]:
        # `pairs` is differentiable twice, which forward derivatives in `pulls` need.
        options = {"size": size, "sigma": self.sigma, "gamma": self.gamma, "far": FAR}
        return {**options, "backend": "pairs"}


def painted(along: Tensor) -> Tensor:
    """Orange along the arrow, blue against it, dark for nothing: (size, size) -> (..., 3)."""
    largest = along.abs().max().clamp_min(1e-300)
    level = (along.abs() / largest).sqrt()[..., None]
    dark = torch.full((3,), 33 / 255)
    color = torch.where(along[..., None] > 0, rgb(ORANGE), rgb(SKY))
    return dark + level * (color - dark)


def short(number: float) -> str:
    """As the browser writes it: 1.23e-4."""
    if number == 0:
        return "0"
    digits, power = f"{number:.2e}".split("e")
    return f"{digits}e{int(power):+d}"
