"""Explorer for notebook 08: the gradient of an RGB picture, with and without some of its terms.

Those are the terms that the official CUDA kernel leaves out.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
import traitlets
from PIL import Image
from torch import Tensor

from .. import formulas, softness
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import BLUE, GREY, VERMILION, Panel, compose, new_plot, plot_picture

SIZE = 26
NEAR, FAR, EPS, DIST_EPS = 1.0, 10.0, 1e-3, 1e-4
# Which of the three ways from x to the picture count: through D, colour and depth.
TERMS = {
    "whole": (True, True, True),
    "no colour term": (True, False, True),
    "no depth term": (True, True, False),
    "official kernel": (True, False, False),
}
# Of what can be moved, along x; the target is at 0.
PLACES = tuple(torch.linspace(-0.4, 0.4, 13, dtype=torch.float64).tolist())

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
        scene = self.scene, self.sigma, self.gamma
        (picture, target), here = slopes(*scene, (self.x,))
        ways = torch.cat([slopes(*scene, PLACES)[1], here], dim=1)
        whole, part = ways.sum(0), ways[list(TERMS[self.terms])].sum(0)
        steepest = whole[:-1].abs().max().clamp_min(1e-12)
        self._whole.set_data(PLACES, (whole[:-1] / steepest).tolist())
        self._part.set_data(PLACES, (part[:-1] / steepest).tolist())
        self._here.set_xdata([self.x, self.x])

        panels = [Panel("target", target), Panel("now; arrows: downhill", picture)]
        panels[0].dot((0.0, 0.0), BLUE)
        downhill, partly = whole[-1].item(), part[-1].item()
        for slope, color, y in ((downhill, BLUE, 0.07), (partly, VERMILION, -0.07)):
            panels[1].arrow((self.x, y), (-0.5 * slope / steepest.item(), 0.0), color)
        ratio = partly / downhill if abs(downhill) > 1e-12 else 1.0
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
            f"slope of the loss {downhill:.2e}; "
            f"with the terms of <b>{self.terms}</b> {partly:.2e}: {verdict}."
        )
        if self.scene == "a coloured sheet":
            text += (
                " The sheet lies at one depth, so all that gamma does is to let "
                f"{100 * background_share(self.gamma):.1f} % of the black background through."
            )
        plot = plot_picture(self._figure, self._whole, self._part, self._here)
        return compose([*panels, plot]), text


def background_share(gamma: float) -> float:
    """The background's softmax weight in a pixel of the sheet, which one face covers."""
    z = torch.tensor([CORNERS[0, 2], FAR])
    scores = formulas.depth_score(z, NEAR, FAR) + torch.tensor([0.0, EPS])
    return float(torch.softmax(scores / gamma, 0)[1])


@lru_cache(maxsize=4)
def slopes(
    scene: str, sigma: float, gamma: float, places: tuple[float, ...]
) -> tuple[Tensor, Tensor]:
    """Pictures (X + 1, SIZE, SIZE, 3) at X places and at 0, the target; the derivative of the loss
    at the X places, (3, X).

    The loss is the mean squared error to the target. The chain rule adds up all ways from x to the
    loss: through D, colour and depth. Each has its row. (The same dials come again when another
    one is turned.)
    """
    ways = torch.tensor([*places, 0.0], dtype=torch.float64).expand(3, -1).clone().requires_grad_()
    (through_d, colors), (through_color, _), (through_depth, _) = map(SCENES[scene], ways)
    pictures = rasterize_ways(through_d, through_color, through_depth, colors, sigma, gamma)
    error = pictures - pictures[-1].detach()
    (grad,) = torch.autograd.grad(error.square().mean((1, 2, 3)).sum(), ways)
    return pictures.detach(), grad[:, :-1]


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
    still = triangles.detach()
    through_color, through_depth = (
        torch.cat([(triangles if term else still)[..., :2], triangles[..., 2:]], dim=-1)
        for term in (color_term, depth_term)
    )
    return rasterize_ways(
        triangles, through_color, through_depth, colors, sigma, gamma, near=near, far=far
    )


def rasterize_ways(
    triangles: Tensor,
    through_color: Tensor,
    through_depth: Tensor,
    colors: Tensor,
    sigma: float,
    gamma: float,
    near: float = NEAR,
    far: float = FAR,
) -> Tensor:
    """The same picture of the same triangles (X, F, 3, 3), three times: each goes another way.

    D is made of the first, the barycentric weights of colour and depth of the others; so autograd
    tells the three ways apart.
    """
    pixel = formulas.pixel_centers(SIZE, SIZE, dtype=triangles.dtype)
    xy, xy_color, xy_depth = (
        t[:, :, None, None, :, :2] for t in (triangles, through_color, through_depth)
    )
    z_corner = through_depth[:, :, None, None, :, 2]
    v = formulas.barycentric(pixel, xy)  # each (X, F, SIZE, SIZE)
    log_d, _ = softness.log_probability(formulas.signed_logit(pixel, xy, v, sigma, "euclidean"))
    w_color, w_depth = (
        formulas.clip_barycentric(formulas.barycentric(pixel, xy)) for xy in (xy_color, xy_depth)
    )
    z = formulas.interpolate_depth(w_depth, z_corner)
    color = formulas.interpolate_color(w_color, colors[:, None, None], z_corner, False)
    log_weight = log_d + formulas.depth_score(z, near, far) / gamma
    log_weight = log_weight.where(
        (log_d >= math.log(DIST_EPS)) & (z >= near) & (z <= far), -torch.inf
    )
    background = torch.full_like(log_weight[:, :1], (EPS - 1) / gamma)
    share = torch.softmax(torch.cat([log_weight, background], dim=1), dim=1)[:, :-1]
    return (share[..., None] * color).sum(1)
