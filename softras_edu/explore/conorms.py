"""Explorer for notebook 16: how two faces add up, and how many do."""

from __future__ import annotations

import torch
import traitlets
from PIL import Image
from torch import Tensor

from .. import softness as soft
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import BLUE, ORANGE, VERMILION, Panel, compose, new_plot, plot_picture

CELLS = 64  # of a map, along a and along b
MOST = 40  # faces of the curve


class Conorms(Explorer):
    """S(a, b) as a map, its slope along a, and alpha for ever more faces of the same D."""

    conorm = traitlets.Enum(soft.CONORMS, "yager").tag(dial=choice_dial("conorm", soft.CONORMS))
    p = traitlets.Float(2.0).tag(dial=log_dial("p (some conorms)", -1.0, 1.5))
    a = traitlets.Float(0.5).tag(dial=linear_dial("a: D of one face", 0.01, 0.99, 0.01))
    b = traitlets.Float(0.5).tag(dial=linear_dial("b: D of another", 0.01, 0.99, 0.01))

    def prepare(self) -> None:
        self._figure = new_plot()
        axes = self._figure.add_subplot(
            xlabel="faces, each with D = a",
            ylabel="alpha",
            xlim=(1, MOST),
            ylim=(-0.03, 1.2),
            yticks=[0, 0.25, 0.5, 0.75, 1],
        )
        (self._others,) = axes.plot([], [], color="#bbbbbb", lw=1, label="the other conorms")
        (self._curve,) = axes.plot([], [], color=BLUE, lw=2.5, label="this one")
        axes.legend(fontsize=8, loc="upper center", ncols=2)

    def update(self) -> None:
        super().update()
        self.turners["p"].disabled = self.conorm not in soft.P

    def draw(self) -> tuple[Image.Image, str]:
        p = p_of(self.conorm, self.p)
        value, slope = surface(self.conorm, p)
        panels = [
            Panel("S(a, b): a to the right, b up", value, "cividis"),
            Panel("slope along a", slope, "viridis"),
        ]
        at = torch.tensor([self.a, self.b], dtype=torch.float64)
        for panel, color in zip(panels, (VERMILION, ORANGE), strict=True):
            panel.dot((2 * at - 1).tolist(), color, radius=5)
        here, pull = add(at, self.conorm, p)

        self._curve.set_data(range(1, MOST + 1), crowd(self.a, self.conorm, p).tolist())
        xs, ys = [], []
        for other in soft.CONORMS:
            if other not in (self.conorm, "hard"):
                xs += [*range(1, MOST + 1), torch.nan]
                ys += [*crowd(self.a, other, p_of(other, self.p)).tolist(), torch.nan]
        self._others.set_data(xs, ys)

        name = self.conorm + (f" with p = {p:.3g}" if p is not None else "")
        self.alt = (
            f"The conorm {name}: a map of S(a, b), a map of its slope along a, and alpha for 1 "
            f"to {MOST} faces of D = {self.a:.2f}."
        )
        text = f"{name}: S({self.a:.2f}, {self.b:.2f}) = {here:.3f}. "
        text += (
            f"Of a small change, alpha takes over {pull[0]:.2f} times a's and {pull[1]:.2f} "
            "times b's. "
        )
        text += f"{MOST} faces of D = {self.a:.2f} make {crowd(self.a, self.conorm, p)[-1]:.3f}."
        return compose([*panels, plot_picture(self._figure, self._others, self._curve)]), text


def p_of(conorm: str, p: float) -> float | None:
    """One dial for every conorm's p.

    Schweizer and Sklar's is negative, Frank's must not be 1, and some have none.
    """
    if conorm not in soft.P:
        return None
    if conorm == "schweizer_sklar":
        return -p
    return 1.001 if conorm == "frank" and abs(p - 1) < 1e-3 else p


def conorm_of(d: Tensor, conorm: str, p: float | None, dim: int) -> Tensor:
    """The probabilities `d`, none of them 0 or 1, added up along `dim`."""
    number = soft.check_softness("logistic", True, None, None, conorm, p)[2]
    return soft.aggregate(d.log(), torch.log1p(-d), conorm, number, dim=dim)


def add(d: Tensor, conorm: str, p: float | None) -> tuple[float, list[float]]:
    """S of two numbers (2,), and its slopes along both."""
    d = d.clone().requires_grad_()
    value = conorm_of(d, conorm, p, 0)
    return value.item(), torch.autograd.grad(value, d)[0].tolist()


def surface(conorm: str, p: float | None) -> tuple[Tensor, Tensor]:
    """S(a, b) and its slope along a, (CELLS, CELLS) each.

    Rows are b, from the top down, columns are a.
    """
    place = (torch.arange(CELLS, dtype=torch.float64) + 0.5) / CELLS
    a = place.expand(CELLS, CELLS).clone().requires_grad_()
    value = conorm_of(torch.stack([a, place.flip(0)[:, None].expand(CELLS, CELLS)]), conorm, p, 0)
    return value.detach(), torch.autograd.grad(value.sum(), a)[0]


@torch.no_grad()
def crowd(d: float, conorm: str, p: float | None) -> Tensor:
    """Alpha of 1, 2, ... MOST faces that have the same D -> (MOST,)."""
    faces = torch.tril(torch.ones(MOST, MOST, dtype=torch.float64))
    return conorm_of(faces.mul(d).clamp_min(1e-300), conorm, p, 1)
