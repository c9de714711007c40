"""Explorer for notebook 08: the online softmax.

The faces of one pixel arrive one by one; only a running peak and running sums are remembered.
"""

from __future__ import annotations

import math

import torch
import traitlets
from PIL import Image
from torch import Tensor

from .base import Explorer, choice_dial, count_dial, log_dial
from .draw import (
    BLUE,
    GREY,
    ORANGE,
    VERMILION,
    Panel,
    compose,
    new_plot,
    plot_picture,
    to_bytes,
)

NEAR, FAR, EPS = 1.0, 10.0, 1e-3
# Eight faces over one pixel: depth, probability D, and colour.
Z = torch.tensor([6.5, 3.0, 8.0, 4.4, 2.2, 5.3, 2.9, 7.2], dtype=torch.float64)
D = torch.tensor([0.9, 0.6, 0.99, 0.95, 0.35, 0.7, 0.97, 0.8], dtype=torch.float64)
COLORS = torch.tensor(
    [
        [0.8, 0.5, 0.7],
        [0.9, 0.6, 0.0],
        [0.6, 0.6, 0.6],
        [0.0, 0.6, 0.45],
        [0.85, 0.35, 0.0],
        [0.35, 0.7, 0.9],
        [0.0, 0.45, 0.7],
        [0.95, 0.9, 0.25],
    ],
    dtype=torch.float64,
)
ORDERS = {
    "as listed": [0, 1, 2, 3, 4, 5, 6, 7],
    "near first": Z.argsort().tolist(),
    "far first": Z.argsort(descending=True).tolist(),
}


def log_weights(gamma: float) -> Tensor:
    """log(D_j exp(zn_j / gamma)) of the eight faces, less 1 / gamma -> (8,)."""
    return D.log() + (NEAR - Z) / ((FAR - NEAR) * gamma)


def history(
    log_weight: Tensor, colors: Tensor, log_background: float, background: Tensor
) -> tuple[list[float], list[float], list[Tensor]]:
    """The online softmax over faces (F,), colours (F, C), the background first.

    Returns peak, den and colour after 0, 1, ... F faces.
    """
    peak, den, num = log_background, 1.0, background
    peaks, dens, running = [peak], [den], [num / den]
    for log_w, color in zip(log_weight.tolist(), colors, strict=True):
        top = max(peak, log_w)
        shrink, weight = math.exp(peak - top), math.exp(log_w - top)
        peak, den, num = top, shrink * den + weight, shrink * num + weight * color
        peaks.append(peak)
        dens.append(den)
        running.append(num / den)
    return peaks, dens, running


class OnlineSoftmax(Explorer):
    """Weights of one pixel's faces, measured from the peak so far.

    Later faces move the peak; what was summed before shrinks with it.
    """

    seen = traitlets.Int(3).tag(dial=count_dial("faces seen", 0, 8))
    gamma = traitlets.Float(0.1).tag(dial=log_dial("gamma", -4, 0))
    order = traitlets.Enum(tuple(ORDERS), "as listed").tag(
        dial=choice_dial("order of arrival", tuple(ORDERS))
    )

    def prepare(self) -> None:
        places = list(range(9))
        names = ["bg", *map(str, range(1, 9))]
        self._logs, self._weights = new_plot(300), new_plot(260)
        axes = self._logs.add_subplot(
            xlabel="arrival (bg: background)", xticks=places, xticklabels=names, xlim=(-0.6, 8.6)
        )
        self._logs.subplots_adjust(left=0.24)
        axes.set_ylabel("log weight x gamma")  # its range is then the same for every gamma
        axes.set_ylim(-1.08, 0.02)
        (self._dots,) = axes.plot([], [], "o", color=BLUE, ms=7)
        (self._coming,) = axes.plot([], [], "o", color=GREY, ms=7, mfc="none")
        (self._peak,) = axes.plot([], [], color=VERMILION, lw=1.8, drawstyle="steps-post")
        axes = self._weights.add_subplot(
            xlabel="arrival",
            ylabel="exp(log weight - peak)",
            xticks=places,
            xticklabels=names,
            ylim=(0, 1.05),
        )
        self._bars = axes.bar(places, [0.0] * 9, color=[GREY, *[ORANGE] * 8], edgecolor="#555555")

    def draw(self) -> tuple[Image.Image, str]:
        order = ORDERS[self.order]
        log_weight, colors = log_weights(self.gamma)[order], COLORS[order]
        log_background = (EPS - 1) / self.gamma
        peaks, dens, running = history(
            log_weight, colors, log_background, torch.zeros(3, dtype=torch.float64)
        )
        peak, den, color = peaks[self.seen], dens[self.seen], running[self.seen]

        everyone = [log_background, *log_weight.tolist()]
        scaled = [x * self.gamma for x in everyone]
        self._dots.set_data(range(self.seen + 1), scaled[: self.seen + 1])
        self._coming.set_data(range(self.seen + 1, 9), scaled[self.seen + 1 :])
        self._peak.set_data(range(self.seen + 1), [x * self.gamma for x in peaks[: self.seen + 1]])
        for k, bar in enumerate(self._bars):
            bar.set_height(math.exp(everyone[k] - peak) if k <= self.seen else 0.0)
            bar.set_facecolor(GREY if k == 0 else tuple(colors[k - 1].tolist()))

        patch = Panel("colour so far; small: the end", color.expand(2, 2, 3))
        final = Image.fromarray(to_bytes(running[-1].expand(2, 2, 3))).resize((70, 70))
        patch.picture.paste(
            final, (patch.picture.width - 78, patch.picture.height - 78)
        )  # what it will be in the end
        r, g, b = color.tolist()
        self.alt = (
            f"Online softmax after {self.seen} of 8 faces at gamma {self.gamma:.1e}: "
            "log weights with the peak so far, weights, and the colour so far."
        )
        biggest = max(x + 1 / self.gamma for x in everyone)
        naive = "infinity" if biggest > 709.78 else f"{math.exp(biggest):.3g}"
        text = (
            f"peak {peak:.4g}, den {den:.4f}, colour ({r:.3f}, {g:.3f}, {b:.3f}). "
            f"After all eight, in any order: peak {peaks[-1]:.4g}, den {dens[-1]:.4f} "
            f"(small square). The largest weight without a peak: {naive}."
        )
        logs = plot_picture(self._logs, self._dots, self._coming, self._peak)
        return compose([logs, plot_picture(self._weights, *self._bars), patch]), text
