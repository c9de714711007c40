"""Explorer for notebook 08: the gradient of an RGB picture, with and without some of its terms.

Those are the terms that the official CUDA kernel leaves out.
"""

from __future__ import annotations

import math

import torch
import traitlets
from PIL import Image
from torch import Tensor

from .. import formulas, softness
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import BLUE, GREY, VERMILION, Panel, compose, new_plot, plot_picture

SIZE = 26
NEAR, FAR, EPS, DIST_EPS = 1.0, 10.0, 1e-3, 1e-4
TERMS = {
    "whole": (True, True),
    "no colour term": (False, True),
    "no depth term": (True, False),
    "official kernel": (False, False),
}
PLACES = torch.linspace(
    -0.4, 0.4, 13, dtype=torch.float64
)  # of what can be moved, along x; the target is at 0

# Four triangles around a point, each corner with its colour. They cover more than the picture: no
# outline is in sight.
CORNERS = torch.tensor(
    [[-1.7, -1.7, 3.0], [1.7, -1.7, 3.0], [1.7, 1.7, 3.0], [-1.7, 1.7, 3.0]], dtype=torch.float64
)
PAINTS = torch.tensor(
    [[0.0, 0.45, 0.7], [0.95, 0.9, 0.25], [0.0, 0.6, 0.45], [0.8, 0.35, 0.0]], dtype=torch.float64
)
# An orange wall leans back to the right, a blue one to the left. They cross in the middle of the
# picture.
WALL = torch.tensor([[-6.0, -6.0], [6.0, -6.0], [0.0, 9.0]], dtype=torch.float64)
LEAN = 0.3
WALL_PAINTS = torch.tensor([[0.90, 0.62, 0.0], [0.0, 0.45, 0.70]], dtype=torch.float64)


def sheet(x: Tensor) -> tuple[Tensor, Tensor]:
    """The middle point of the coloured sheet, moved by each of x (X,).

    Returns triangles (X, 4, 3, 3) and colours (4, 3, 3).
    """
    middle = torch.stack([x, torch.zeros_like(x), torch.full_like(x, 3.0)], dim=-1)[:, None].expand(
        -1, 4, 3
    )  # (X, 4, 3)
    rim = torch.stack([CORNERS, CORNERS.roll(-1, 0)], dim=1).expand(len(x), 4, 2, 3)
    white = torch.ones(4, 3, dtype=torch.float64)
    return torch.cat([middle[:, :, None], rim], dim=2), torch.stack(
        [white, PAINTS, PAINTS.roll(-1, 0)], dim=1
    )


def walls(x: Tensor) -> tuple[Tensor, Tensor]:
    """The orange wall moved by each of x (X,) -> triangles (X, 2, 3, 3), colours (2, 3, 3)."""
    orange = torch.cat([WALL, 3.5 + LEAN * WALL[:, :1]], dim=1) + x[:, None, None] * torch.tensor(
        [1.0, 0.0, 0.0], dtype=torch.float64
    )
    blue = torch.cat([WALL, 3.5 - LEAN * WALL[:, :1]], dim=1)
    return torch.stack([orange, blue.expand_as(orange)], dim=1), WALL_PAINTS[:, None].expand(
        2, 3, 3
    )


SCENES = {"a coloured sheet": sheet, "two walls that cross": walls}


class GradientTerms(Explorer):
    """Something moves along x and the RGB picture should become the target.

    Is the slope that comes back the slope of the loss?
    """

    terms = traitlets.Enum(tuple(TERMS), "official kernel").tag(
        dial=choice_dial("terms", tuple(TERMS))
    )
    x = traitlets.Float(-0.3).tag(dial=linear_dial("place x (target at 0)", -0.4, 0.4, 0.05))
    sigma = traitlets.Float(1e-4).tag(dial=log_dial("sigma (blur)", -5, -1))
    gamma = traitlets.Float(1e-3).tag(dial=log_dial("gamma (see-through)", -4, 0))
    scene = traitlets.Enum(tuple(SCENES), "a coloured sheet").tag(
        dial=choice_dial("scene", tuple(SCENES))
    )

    def prepare(self) -> None:
        self._figure = new_plot()
        axes = self._figure.add_subplot(
            xlabel="place x", ylabel="slope / steepest", xlim=(-0.42, 0.42), ylim=(-1.2, 1.2)
        )
        axes.axhline(0, color=GREY, lw=0.8)
        (self._whole,) = axes.plot([], [], color=BLUE, lw=2, label="whole")
        (self._part,) = axes.plot([], [], color=VERMILION, lw=2, ls="--", label="these terms")
        self._here = axes.axvline(0, color=GREY, lw=1, ls=":")
        axes.legend(fontsize=8, loc="upper left")

    def draw(self) -> tuple[Image.Image, str]:
        with torch.no_grad():
            target = self.pictures(torch.zeros(1, dtype=torch.float64), "whole")[0]
        places = torch.cat([PLACES, PLACES.new_tensor([self.x])])
        picture, whole = self.slopes(places, target, "whole")
        _, part = self.slopes(places, target, self.terms)
        steepest = whole[:-1].abs().max().clamp_min(1e-12)
        self._whole.set_data(PLACES.tolist(), (whole[:-1] / steepest).tolist())
        self._part.set_data(PLACES.tolist(), (part[:-1] / steepest).tolist())
        self._here.set_xdata([self.x, self.x])

        panels = [Panel("target", target), Panel("now; arrows: downhill", picture)]
        panels[0].dot((0.0, 0.0), BLUE)
        here, partly = whole[-1].item(), part[-1].item()
        for slope, color, y in ((here, BLUE, 0.07), (partly, VERMILION, -0.07)):
            panels[1].arrow((self.x, y), (-0.5 * slope / steepest.item(), 0.0), color)
        ratio = partly / here if abs(here) > 1e-12 else 1.0
        verdict = (
            "nothing comes back"
            if abs(ratio) < 1e-6
            else "the wrong way"
            if ratio < 0
            else f"{100 * ratio:.1f} % of the whole slope"
        )
        self.alt = (
            f"{self.scene} at x = {self.x:.2f}, sigma {self.sigma:.1e}, gamma {self.gamma:.1e}: "
            f"with the terms of '{self.terms}', {verdict}. "
            "Beside it, the slope of the loss along x."
        )
        text = (
            f"slope of the loss {here:.2e}; "
            f"with the terms of <b>{self.terms}</b> {partly:.2e}: {verdict}."
        )
        return compose([*panels, plot_picture(self._figure)]), text

    def pictures(self, x: Tensor, terms: str) -> Tensor:
        """(X,) places -> (X, SIZE, SIZE, 3)."""
        return rasterize_terms(*SCENES[self.scene](x), self.sigma, self.gamma, *TERMS[terms])

    def slopes(self, x: Tensor, target: Tensor, terms: str) -> tuple[Tensor, Tensor]:
        """The last place's picture, and at every place the derivative of the loss, (X,).

        The loss is the mean squared error; these terms give its derivative.
        """
        x = x.clone().requires_grad_()
        pictures = self.pictures(x, terms)
        (grad,) = torch.autograd.grad((pictures - target).square().mean((1, 2, 3)).sum(), x)
        return pictures[-1].detach(), grad


def rasterize_terms(
    triangles: Tensor,
    colors: Tensor,
    sigma: float,
    gamma: float,
    color_term: bool = True,
    depth_term: bool = True,
    near: float = NEAR,
    far: float = FAR,
) -> Tensor:
    """RGB over black, (X, F, 3, 3) and (F, 3, 3) -> (X, SIZE, SIZE, 3), as `rasterize` draws it.

    Without a term, the barycentric weights in colour or depth are taken as if they did not depend
    on x and y. The picture is the same.
    """
    xy, z_corner = triangles[:, :, None, None, :, :2], triangles[:, :, None, None, :, 2]
    pixel = formulas.pixel_centers(SIZE, SIZE, dtype=triangles.dtype)
    v = formulas.barycentric(pixel, xy)  # each (X, F, SIZE, SIZE)
    log_d, _ = softness.log_probability(formulas.signed_logit(pixel, xy, v, sigma, "euclidean"))
    w = formulas.clip_barycentric(v)
    frozen = w[0].detach(), w[1].detach(), w[2].detach()
    z = formulas.interpolate_depth(w if depth_term else frozen, z_corner)
    color = formulas.interpolate_color(
        w if color_term else frozen, colors[:, None, None], z_corner, False
    )
    log_weight = log_d + formulas.depth_score(z, near, far) / gamma
    log_weight = log_weight.where(
        (log_d >= math.log(DIST_EPS)) & (z >= near) & (z <= far), -torch.inf
    )
    background = torch.full_like(log_weight[:, :1], (EPS - 1) / gamma)
    share = torch.softmax(torch.cat([log_weight, background], dim=1), dim=1)[:, :-1]
    return (share[..., None] * color).sum(1)
