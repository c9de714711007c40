"""Explorer for notebook 14.

A body with a bent arm, and the pull that a photograph has on it, seen from the front and from the
side.
"""

from __future__ import annotations

import torch
import traitlets
from PIL import Image
from torch import Tensor

from ..camera import Camera
from ..fitting.bend import FAR, FRONT, NEAR, SIDE, SIZE, arm_across, photograph
from ..fitting.body import NAMES, make_body
from ..rasterizers import rasterize
from ..rendering import screen_triangles
from .base import Explorer, linear_dial, log_dial
from .draw import GREEN, Panel, compose

SHOULDER, ELBOW = NAMES.index("left shoulder"), NAMES.index("left elbow")
_SWING, _RAISE = (float(x) for x in torch.rad2deg(arm_across("behind")[SHOULDER, 1:]).round())
_TURN, _FOLD = (float(x) for x in torch.rad2deg(arm_across("behind")[ELBOW, 1:]).round())
ARROW = 0.35  # its length, world units
FAINT = 1e-4  # a weaker pull than this moves nothing


class BendBody(Explorer):
    """The photograph shows the left arm before the belly.

    Hide it behind the back: does the picture still pull at it, and which way?
    """

    shoulder_swing = traitlets.Float(_SWING).tag(
        dial=linear_dial("shoulder: front, back", -120, 120, 1)
    )
    shoulder_raise = traitlets.Float(_RAISE).tag(
        dial=linear_dial("shoulder: down, up", -120, 120, 1)
    )
    elbow_swing = traitlets.Float(_TURN).tag(dial=linear_dial("elbow: front, back", -150, 150, 1))
    elbow_fold = traitlets.Float(_FOLD).tag(dial=linear_dial("elbow: in, out", -150, 150, 1))
    gamma = traitlets.Float(5e-2).tag(dial=log_dial("gamma (see-through)", -3, 0))
    sigma = traitlets.Float(1e-3).tag(dial=log_dial("sigma (blur)", -5, -2))

    def prepare(self) -> None:
        self._body = make_body()
        self._photo = photograph(self._body, arm_across("front")[None])[0]
        self._hand = self._body.weights[:, NAMES.index("left hand")] > 0.5

    def draw(self) -> tuple[Image.Image, str]:
        angles = arm_across("behind")
        angles[SHOULDER, 1:] = torch.deg2rad(
            torch.tensor([self.shoulder_swing, self.shoulder_raise])
        )
        angles[ELBOW, 1:] = torch.deg2rad(torch.tensor([self.elbow_swing, self.elbow_fold]))
        verts = self._body.pose(angles).requires_grad_()
        image = self.render(verts, FRONT, self.sigma, self.gamma)
        seen = image[..., :3] * image[..., 3:]
        loss = (seen - self._photo).square().mean()
        (grad,) = torch.autograd.grad(loss, verts)
        verts = verts.detach()

        front, side = (
            Panel("soft picture", seen),
            Panel("its left side", self.render(verts, SIDE, 1e-5, 1e-3)),
        )
        pull = -grad[self._hand].sum(0)  # the way that gradient descent would take the hand alone
        strength = pull.norm().item()
        middle = verts[self._hand].mean(0)
        for panel, camera in ((front, FRONT), (side, SIDE)):
            start, end = camera.project(
                torch.stack([middle, middle + ARROW * pull / max(strength, 1e-12)])
            )[0, :, :2]
            panel.arrow(
                start.tolist(), (end - start).tolist() if strength > FAINT else (0.0, 0.0), GREEN
            )
        panels = [front, Panel("photograph", self._photo), side]
        forward = pull[2].item()
        verdict = (
            "pulls it forward"
            if forward > FAINT
            else "pushes it back"
            if forward < -FAINT
            else "leaves it at its depth"
        )
        self.alt = (
            f"A body with a bent left arm at gamma {self.gamma:.1e}, a photograph, a view from "
            f"the side. For its hand: the loss {verdict}."
        )
        text = (
            f"loss {loss.item():.4f}. The gradient on the left hand (the arrow, -gradient): "
            f"{forward:+.1e} towards the camera (<b>{verdict}</b>), "
        )
        return compose(panels), text + f"{pull[0]:+.1e} to the right and {pull[1]:+.1e} up."

    def render(self, verts: Tensor, camera: Camera, sigma: float, gamma: float) -> Tensor:
        """The body with (V, 3) vertices -> (SIZE, SIZE, 4)."""
        triangles = screen_triangles(verts, self._body.faces, camera)[0]
        colors = self._body.colors[:, None].expand(-1, 3, 3)
        return rasterize(
            triangles,
            colors,
            size=SIZE,
            sigma=sigma,
            gamma=gamma,
            near=NEAR,
            far=FAR,
            cull_backfaces=True,
        )
