"""Live explorer for notebook 05: draw a target, and watch triangles descend on it.

Hard, NMR or soft; sigma goes from a start to an end, as `fitting.schedule` has it.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ... import formulas
from ...fitting.optimize import schedule
from ...losses import iou
from ...plotting.palette import ORANGE, SKY, rgb
from ...rasterizers import rasterize, rasterize_hard
from ..draw import Panel, compose
from .base import Live, Triangles, from_json, positive, script, to_json

SIZE = 64  # pixels a side of the first target
RINGS = 3  # of the disc
SIDES = (8, 128)  # pixels a side that a target may have


def disc() -> Tensor:
    """A disc of rings of triangles around its middle, (54, 3, 3): `disc` of masks.js."""

    def point(ring: int, k: int) -> tuple[float, float, float]:
        count, radius = max(6 * ring, 1), 0.4 * ring / RINGS
        angle = 0.1 + 2 * math.pi * (k % count) / count
        return radius * math.cos(angle), radius * math.sin(angle), 2.0

    triangles = []
    for ring in range(1, RINGS + 1):
        for side in range(6):
            for k in range(ring):
                inner, outer = side * (ring - 1) + k, side * ring + k
                middle, next_out = point(ring - 1, inner), point(ring, outer + 1)
                triangles.append([point(ring, outer), next_out, middle])
                if k < ring - 1:
                    triangles.append([next_out, point(ring - 1, inner + 1), middle])
    return torch.tensor(triangles, dtype=torch.float64)


def moon() -> Tensor:
    """The first target, (SIZE, SIZE) of 0 and 1."""
    x, y = formulas.pixel_centers(SIZE, SIZE, dtype=torch.float64).unbind(-1)
    full, bite = (x + 0.1) ** 2 + y**2 < 0.36, (x - 0.25) ** 2 + (y - 0.1) ** 2 > 0.25
    return (full & bite).double()


class Mask(traitlets.TraitType[Tensor, Any]):
    """A target, (H, W) numbers in [0, 1], H = W from 8 to 128: a float64 tensor.

    Set it to a tensor, an array or nested lists; bool will do. A change in place is not seen.
    """

    info_text = "a mask (H, W), H = W from 8 to 128, of numbers from 0 to 1"

    def validate(self, obj: Any, value: Any) -> Tensor:
        """The value as a tensor, or a TraitError."""
        try:
            mask = torch.as_tensor(value, device="cpu").detach().double()
        except (TypeError, ValueError, RuntimeError):
            self.error(obj, value)
        shape = tuple(mask.shape)
        if len(shape) != 2 or shape[0] != shape[1] or not SIDES[0] <= shape[0] <= SIDES[1]:
            got = f"a tensor {shape}"
            raise traitlets.TraitError(f"{self.name}: got {got}, wanted {self.info_text}")
        if not ((mask >= 0) & (mask <= 1)).all():  # NaN compares false
            raise traitlets.TraitError(f"{self.name}: got other numbers, wanted {self.info_text}")
        return mask.clone()


class WatchFit(Live):
    """Triangles that descend on a target which is drawn by hand, step by step, by Adam.

    `target` is the mask that was drawn, (H, W); `triangles`, (F, 3, 3), what is on the screen after
    each pause, as `rasterize` takes it, and `losses` how it came there, one number a step. Corners
    at the very same place are one vertex. The loss is `losses.iou`; at step n of `steps` sigma is
    `schedule(sigma_start, sigma_end)` of n / (steps - 1). Setting `triangles` starts anew.
    """

    target = Mask(moon()).tag(
        sync=True,
        to_json=lambda mask, _: mask.tolist(),
        from_json=lambda nested, _: torch.tensor(nested, dtype=torch.float64),
    )
    triangles = Triangles(disc()).tag(sync=True, to_json=to_json, from_json=from_json)
    losses = traitlets.List(traitlets.Float()).tag(sync=True)
    renderer = traitlets.Enum(("soft", "NMR", "hard"), "soft").tag(sync=True)
    sigma_start = traitlets.Float(1e-2).tag(sync=True)
    sigma_end = traitlets.Float(1e-4).tag(sync=True)
    lr = traitlets.Float(2e-2).tag(sync=True)
    steps = traitlets.Int(200, min=1, max=10_000).tag(sync=True)
    module = "watch_fit.js"
    _esm = script(module)

    _check_sigma = traitlets.validate("sigma_start", "sigma_end")(positive(1e-5, 0.1))
    _check_lr = traitlets.validate("lr")(positive(1e-3, 0.1))

    @property
    def sigma(self) -> float:
        """sigma of the next step."""
        progress = min(len(self.losses) / max(self.steps - 1, 1), 1.0)
        return schedule(self.sigma_start, self.sigma_end)(progress)

    def alpha(self) -> Tensor:
        """The silhouette that is on the screen, (H, W)."""
        size = len(self.target)
        if self.renderer != "soft":
            return rasterize_hard(self.triangles, size=size)[..., 0]
        return rasterize(self.triangles, size=size, sigma=self.sigma)[..., 0]

    def loss(self) -> float:
        """The loss of what is on the screen."""
        return iou(self.alpha(), self.target).item()

    def draw(self) -> tuple[Image.Image, str]:
        if not self.triangles.isfinite().all():
            self.alt = "Two empty panels: a corner is not a number."
            return compose([Panel("a corner is not a number", self.target * 0)] * 2), self.alt
        mask = self.target[..., None] > 0.5
        panels = [
            Panel("target", torch.where(mask, rgb(ORANGE), rgb("#212121"))),
            Panel(f"{self.renderer}: alpha", self.alpha(), "cividis"),
        ]
        for panel in panels:
            for triangle in self.triangles:
                panel.outline(triangle[:, :2], SKY, 1)
        at = f"step {len(self.losses)} of {self.steps}, sigma {self.sigma:.2e}"
        text = f"{self.renderer}, {at}: loss {self.loss():.4f}."
        self.alt = (
            f"Left, a target in orange, right, the silhouette of {len(self.triangles)} triangles "
            f"that should cover it: {text}"
        )
        return compose(panels), text
