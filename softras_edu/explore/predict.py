"""Explorer for notebook 10: predict how long a rung takes, then measure it."""

from __future__ import annotations

import torch
import traitlets
from PIL import Image

from ..machine import median_seconds
from ..rasterizers import backends, rasterize
from ..shapes import icosphere
from ..teaching.cost_model import DENSE, CostModel, sphere, sphere_pairs
from ..teaching.results import timings as measurements
from .base import Explorer, choice_dial, count_dial, log_dial
from .draw import BLUE, GREEN, GREY, ORANGE, VERMILION, compose, new_plot, plot_picture

RUNGS = ("loops", "broadcast", "pairs", "numba")
NOT_YET, NOW = "not yet: predict first", "yes, now"
LONGEST = 1000.0  # ms that a measurement may be expected to take
MOST_PAIRS = 3_000_000  # that a dense rung may hold in memory: about a gigabyte
SHORT, LONG = 0.05, 3e13  # ms at the ends of the axes


class Predict(Explorer):
    """A rung and a case: the time that the model predicts, and on demand the time measured here.

    The model is fitted to numbers that were measured earlier.
    """

    rung = traitlets.Enum(RUNGS, "numba").tag(dial=choice_dial("rung", RUNGS))
    side = traitlets.Int(64).tag(dial=count_dial("pixels a side", 8, 1024))
    level = traitlets.Int(3).tag(dial=count_dial("level of the sphere", 0, 6))
    sigma = traitlets.Float(1e-4).tag(dial=log_dial("sigma (blur)", -5, -2))
    measure = traitlets.Enum((NOT_YET, NOW), NOT_YET).tag(
        dial=choice_dial("measure", (NOT_YET, NOW))
    )

    def prepare(self) -> None:
        results = measurements.newest(*RUNGS)
        if results is None:
            raise FileNotFoundError(
                "no measurements of the rungs found: run  python -m softras_edu bench --out "
                "benchmarks/results"
            )
        self.device = results.device
        self.models = {name: CostModel.fit(results, name) for name in RUNGS}
        self._bars, self._curve = new_plot(430), new_plot(400)

        self._bars.subplots_adjust(left=0.21, top=0.86)
        axes = self._bars.add_subplot(xscale="log", xlim=(SHORT, LONG), ylim=(3.6, -0.6))
        axes.set_yticks(range(len(RUNGS)), labels=RUNGS)
        marks = {1.0: "1 ms", 1e3: "1 s", 6e4: "1 min", 8.64e7: "1 day", 3.15e10: "1 year"}
        axes.set_xticks(list(marks), labels=list(marks.values()), fontsize=9)
        axes.minorticks_off()
        axes.grid(axis="x", alpha=0.3)
        self._predicted = axes.barh(
            range(len(RUNGS)), [1.0] * len(RUNGS), height=0.36, left=SHORT, color=BLUE
        )
        (self._measured,) = axes.barh(
            [0], [1.0], height=0.36, left=SHORT, color=ORANGE, edgecolor="black", hatch="//"
        )
        self._labels = [axes.text(1, k, "", fontsize=9, va="center") for k in range(len(RUNGS) + 1)]
        self._bars.legend(
            handles=[self._predicted, self._measured],
            labels=["predicted", "measured here"],
            loc="upper center",
            fontsize=9,
            ncols=2,
            frameon=False,
        )

        axes = self._curve.add_subplot(
            xscale="log",
            yscale="log",
            xlim=(8, 1024),
            ylim=(SHORT, LONG),
            xlabel="pixels a side",
            ylabel="ms, forward + backward",
        )
        axes.set_xticks((8, 32, 128, 512), labels=("8", "32", "128", "512"))
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        colors, styles = (VERMILION, GREY, GREEN, BLUE), (":", "--", "-.", "-")
        self._lines = [
            axes.plot([], [], color=c, ls=s, lw=1.8, label=name)[0]
            for name, c, s in zip(RUNGS, colors, styles, strict=True)
        ]
        (self._here,) = axes.plot([], [], "D", ms=8, color=BLUE, mec="black")
        (self._found,) = axes.plot([], [], "*", ms=15, color=ORANGE, mec="black")
        self._legend = axes.legend(loc="upper left", fontsize=8, ncols=2)

    def draw(self) -> tuple[Image.Image, str]:
        faces = 20 * 4**self.level
        predicted = {
            name: model.case(self.level, self.side, self.sigma)
            for name, model in self.models.items()
        }
        mine, chosen = predicted[self.rung], RUNGS.index(self.rung)
        why_not = self.too_large(mine, faces) if self.measure == NOW else "not measured yet"
        found = None if why_not else measured_ms(self.rung, self.level, self.side, self.sigma)

        for k, (name, bar) in enumerate(zip(RUNGS, self._predicted, strict=True)):
            # Makes room for the other bar.
            here = 0.2 if name == self.rung and found is not None else 0.0
            bar.set_width(max(predicted[name] - SHORT, 0))
            bar.set_y(k - here - 0.18)
            bar.set_alpha(1.0 if name == self.rung else 0.35)
            self._labels[k].set_position((1.3 * max(predicted[name], SHORT), k - here))
            self._labels[k].set_text(readable(predicted[name]))
        self._measured.set_visible(found is not None)
        self._labels[-1].set_text("" if found is None else readable(found))
        self._found.set_data([], [])
        if found is not None:
            self._measured.set_width(max(found - SHORT, 0))
            self._measured.set_y(chosen + 0.2 - 0.18)
            self._labels[-1].set_position((1.3 * max(found, SHORT), chosen + 0.2))
            self._found.set_data([self.side], [found])
        sides = [2 ** (3 + k / 2) for k in range(15)]
        for name, line in zip(RUNGS, self._lines, strict=True):
            model = self.models[name]
            curve = [model.case(self.level, side, self.sigma) for side in sides]
            line.set_data(sides, curve)
            line.set_alpha(1.0 if name == self.rung else 0.45)
        self._here.set_data([self.side], [mine])

        pairs = (
            faces * self.side**2
            if self.rung in DENSE
            else sphere_pairs(self.level, self.side, self.sigma)
        )
        kind = "pairs" if self.rung in DENSE else "live pairs"
        case = f"{self.side} x {self.side} pixels, {faces:,} faces, sigma {self.sigma:.1e}"
        told = (
            f"Measured here: <b>{readable(found)}</b>, {found / mine:.2g} times the prediction."
            if found is not None
            else f"Here: {why_not}."
        )
        self.alt = (
            f"{self.rung}, {case}: predicted {readable(mine)}, beside the other rungs, and as a "
            "curve against the image side. "
        )
        self.alt += "Not measured." if found is None else f"Measured {readable(found)}."
        text = (
            f"{self.rung}: {pairs:,.0f} {kind}. Model: {self.models[self.rung]}. <b>Predicted "
            f"for {self.device}: {readable(mine)}.</b> {told}"
        )
        bars = plot_picture(self._bars, *self._predicted, self._measured, *self._labels)
        curves = plot_picture(self._curve, *self._lines, self._here, self._found, self._legend)
        return compose([bars, curves]), text

    def too_large(self, milliseconds: float, faces: int) -> str:
        """Why this case stays a prediction, or nothing if it can be measured."""
        if backends()[self.rung] != "ok":
            return f"the backend {self.rung} does not run on this machine"
        if milliseconds > LONGEST:
            return (
                f"too long to measure in a notebook (over {readable(LONGEST)}), so this stays a "
                "prediction"
            )
        if self.rung == "broadcast" and faces * self.side**2 > MOST_PAIRS:
            return "too much memory for a notebook (over a gigabyte), so this stays a prediction"
        return ""


def measured_ms(rung: str, level: int, side: int, sigma: float) -> float:
    """Forward + backward on this machine.

    The median of calls for 0.3 seconds, after a first one.
    """
    mesh = icosphere(level)
    triangles = sphere(level).clone().requires_grad_()
    colors = (0.5 + 0.5 * mesh.verts)[mesh.faces].requires_grad_()

    def step() -> None:
        image = rasterize(triangles, colors, size=side, sigma=sigma, backend=rung)
        torch.autograd.grad(image.square().mean(), (triangles, colors))

    return 1e3 * median_seconds(step, at_least=0.3)


def readable(milliseconds: float) -> str:
    """A time for people: 0.82 ms, 3.1 s, 12 min, 5 h, 9 days."""
    for size, unit in ((1e3, "ms"), (60, "s"), (60, "min"), (24, "h")):
        if milliseconds < size:
            return (
                f"{milliseconds:.2g} {unit}"
                if milliseconds < 99.5
                else f"{milliseconds:.0f} {unit}"
            )
        milliseconds /= size
    return f"{milliseconds:,.2g} days" if milliseconds < 99.5 else f"{milliseconds:,.0f} days"
