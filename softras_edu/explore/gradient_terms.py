"""Explorer for notebook 08: the gradient on a triangle's corners, with and without the terms that the official CUDA kernel leaves out."""

from __future__ import annotations

import math

import torch
import traitlets
from PIL import Image
from torch import Tensor

from .. import formulas, softness
from .base import Explorer, choice_dial, log_dial
from .draw import BLUE, ORANGE, Panel, compose

SIZE = 40
NEAR, FAR, EPS, DIST_EPS = 1.0, 10.0, 1e-3, 1e-4
TERMS = {"whole": (True, True), "no colour term": (False, True), "no depth term": (True, False), "official kernel": (False, False)}
RAMP = torch.tensor([[[-0.62, -0.55, 3.0], [0.58, -0.42, 3.0], [-0.02, 0.6, 3.0]]], dtype=torch.float64)
RAMP_COLORS = torch.tensor([[[0.95, 0.75, 0.1], [0.0, 0.45, 0.7], [0.8, 0.3, 0.0]]], dtype=torch.float64)
CROSSING = torch.tensor(
    [[[-0.7, -0.55, 2.0], [0.65, -0.5, 4.0], [-0.05, 0.65, 3.0]], [[-0.6, 0.45, 4.0], [0.1, -0.7, 3.0], [0.7, 0.5, 2.0]]], dtype=torch.float64
)
CROSSING_COLORS = torch.tensor([[0.90, 0.62, 0.0], [0.0, 0.45, 0.70]], dtype=torch.float64)[:, None].expand(2, 3, 3)
SCENES = {"a triangle of three colours": (RAMP, RAMP_COLORS), "two flat-coloured that cross": (CROSSING, CROSSING_COLORS)}
SHIFT = torch.tensor([0.1, 0.06, 0.0], dtype=torch.float64)  # where the target stands


class GradientTerms(Explorer):
    """The RGB picture should become the target. Arrows say how each corner is pulled, by the whole gradient and by a part of it."""

    terms = traitlets.Enum(tuple(TERMS), "official kernel").tag(dial=choice_dial("terms", tuple(TERMS)))
    scene = traitlets.Enum(tuple(SCENES), "a triangle of three colours").tag(dial=choice_dial("scene", tuple(SCENES)))
    sigma = traitlets.Float(1e-4).tag(dial=log_dial("sigma (blur)", -5, -1))
    gamma = traitlets.Float(1e-3).tag(dial=log_dial("gamma (see-through)", -4, 0))

    def draw(self) -> tuple[Image.Image, str]:
        triangles, colors = SCENES[self.scene]
        with torch.no_grad():
            target = rasterize_terms(triangles + torch.cat([SHIFT[None], 0 * SHIFT.expand(len(triangles) - 1, 3)])[:, None], colors, self.sigma, self.gamma)
        picture, whole = self.pull(triangles, colors, target, "whole")
        _, part = self.pull(triangles, colors, target, self.terms)
        length = whole.norm(dim=-1).max().clamp_min(1e-30)

        panels = [Panel("target: orange line", target), Panel("whole gradient", picture), Panel(self.terms, picture)]
        panels[0].outline(triangles[0, :, :2] + SHIFT[:2], ORANGE)
        for panel, arrows in zip(panels[1:], (whole, part), strict=True):
            panel.outline(triangles[0, :, :2], "white", 1)
            for corner, arrow in zip(triangles[0, :, :2].tolist(), (0.35 * arrows / length).tolist(), strict=True):
                panel.arrow(corner, arrow, BLUE if panel is panels[1] else "#D55E00")

        ratio = (part.norm() / whole.norm().clamp_min(1e-30)).item()
        error = ((part - whole).norm() / whole.norm().clamp_min(1e-30)).item()
        cosine = torch.cosine_similarity(part.flatten(), whole.flatten(), dim=0).item() if ratio > 1e-9 else 0.0
        angle = f"{math.degrees(math.acos(max(-1.0, min(1.0, cosine)))):.0f} degrees off" if ratio > 1e-9 else "no direction at all"
        self.alt = (
            f"Pulls on three corners, {self.scene}, sigma {self.sigma:.1e}, gamma {self.gamma:.1e}: whole gradient beside {self.terms}, error {error:.0%}."
        )
        text = f"<b>{self.terms}</b>: length {ratio:.3f} of the whole gradient, {angle}, relative error {error:.3f} (x and y of the outlined triangle)."
        return compose(panels), text

    def pull(self, triangles: Tensor, colors: Tensor, target: Tensor, terms: str) -> tuple[Tensor, Tensor]:
        """The picture, and minus the gradient of its squared error on the first triangle's corners, (3, 2)."""
        triangles = triangles.clone().requires_grad_()
        picture = rasterize_terms(triangles, colors, self.sigma, self.gamma, *TERMS[terms])
        (grad,) = torch.autograd.grad((picture - target).square().mean(), triangles)
        return picture.detach(), -grad[0, :, :2]


def rasterize_terms(triangles: Tensor, colors: Tensor, sigma: float, gamma: float, color_term: bool = True, depth_term: bool = True) -> Tensor:
    """RGB over black, (F, 3, 3) and (F, 3, 3) -> (SIZE, SIZE, 3), as `rasterize` draws it.

    Without a term, the barycentric weights in colour or depth are taken as if they did not depend on x and y. The picture is the same.
    """
    xy, z_corner = triangles[:, None, None, :, :2], triangles[:, None, None, :, 2]
    pixel = formulas.pixel_centers(SIZE, SIZE, dtype=triangles.dtype)
    v = formulas.barycentric(pixel, xy)
    log_d, _ = softness.log_probability(formulas.signed_logit(pixel, xy, v, sigma, "euclidean"))
    w = formulas.clip_barycentric(v)
    frozen = w[0].detach(), w[1].detach(), w[2].detach()
    z = formulas.interpolate_depth(w if depth_term else frozen, z_corner)
    color = formulas.interpolate_color(w if color_term else frozen, colors[:, None, None], z_corner, False)
    log_weight = log_d + formulas.depth_score(z, NEAR, FAR) / gamma
    log_weight = log_weight.where(log_d >= math.log(DIST_EPS), -torch.inf)
    background = torch.full_like(log_weight[:1], (EPS - 1) / gamma)
    share = torch.softmax(torch.cat([log_weight, background]), dim=0)[:-1]
    return (share[..., None] * color).sum(0)
