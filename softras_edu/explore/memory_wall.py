"""Explorer for notebook 06: how much memory broadcasting needs, and where it ends."""

from __future__ import annotations

from functools import cache

import torch
import traitlets
from PIL import Image

from ..rasterizers import rasterize
from ..teaching.cost_ledger import peak_bytes, readable, saved_bytes
from .base import Explorer, choice_dial, count_dial
from .draw import BLUE, GREEN, GREY, ORANGE, VERMILION, compose, new_plot, plot_picture

MACHINES = {"a laptop, 8 GB": 8e9, "a graphics card, 24 GB": 24e9}
PASSES = ("picture and gradient", "picture only")
SMALL = ((4, 20), (8, 20), (8, 80), (16, 80), (16, 320))  # sides and faces that are measured


class MemoryWall(Explorer):
    """Bytes that the backend `broadcast` needs for a square image.

    Predicted from a small case, measured in small cases, and the limits.
    """

    side = traitlets.Int(64).tag(dial=count_dial("pixels a side", 16, 1024))
    level = traitlets.Int(3).tag(dial=count_dial("level of the sphere", 0, 6))
    batch = traitlets.Int(1).tag(dial=count_dial("images at a time", 1, 64))
    what = traitlets.Enum(PASSES, PASSES[0]).tag(dial=choice_dial("compute", PASSES))

    def prepare(self) -> None:
        small = [(side * side * faces, *measured(side, faces)) for side, faces in SMALL]
        pairs, forward, gradient = small[-1]
        self.per_pair = {"picture only": forward / pairs, "picture and gradient": gradient / pairs}
        self._law, self._map = new_plot(400), new_plot(400)

        axes = self._law.add_subplot(
            xscale="log",
            yscale="log",
            xlim=(1e2, 4e12),
            ylim=(1e4, 1e15),
            xlabel="pairs: B F H W",
            ylabel="bytes",
        )
        for (name, style), color, column in zip(
            (("picture only", "--"), ("picture and gradient", "-")),
            (BLUE, ORANGE),
            (1, 2),
            strict=True,
        ):
            axes.plot(
                [1e2, 4e12],
                [1e2 * self.per_pair[name], 4e12 * self.per_pair[name]],
                color=color,
                ls=style,
                lw=1.8,
                label=name,
            )
            axes.plot(
                [case[0] for case in small],
                [case[column] for case in small],
                "o",
                color=color,
                ms=5,
                mec="white",
            )
        axes.plot([], [], "o", color=GREY, ms=5, label="measured")
        for name, limit in MACHINES.items():
            axes.axhline(limit, color=GREY, lw=1, ls=":")
            axes.text(
                1.5e2,
                limit,
                name.split(", ")[1],
                fontsize=8,
                color=GREY,
                va="top" if limit == 8e9 else "bottom",
            )
        (self._here,) = axes.plot([], [], "D", ms=9, mec="black")
        axes.legend(loc="lower right", fontsize=8)

        axes = self._map.add_subplot(
            xscale="log",
            yscale="log",
            xlim=(16, 1100),
            ylim=(15, 130_000),
            xlabel="pixels a side",
            ylabel="faces",
        )
        axes.set_xticks((16, 64, 256, 1024), labels=("16", "64", "256", "1024"))
        axes.set_facecolor("#f6d5c3")
        self._areas = [axes.fill([], [], color=color, lw=0)[0] for color in ("#fbe6b8", "#cde9dc")]
        self._names = [
            axes.text(
                x, y, text, transform=axes.transAxes, fontsize=9, ha="left" if x < 0.5 else "right"
            )
            for x, y, text in ((0.03, 0.04, "fits 8 GB"), (0.97, 0.93, "fits nowhere"))
        ]
        self._between = axes.text(0, 0, "24 GB", fontsize=8, ha="center", va="center", rotation=-52)
        (self._place,) = axes.plot([], [], "D", ms=9, mec="black")

    def draw(self) -> tuple[Image.Image, str]:
        faces = 20 * 4**self.level
        pairs = self.batch * faces * self.side**2
        need = pairs * self.per_pair[self.what]
        fits = [name for name, limit in MACHINES.items() if need <= limit]
        color = {0: VERMILION, 1: ORANGE, 2: GREEN}[len(fits)]
        self._here.set_data([pairs], [need])
        self._here.set_color(color)
        self._place.set_data([self.side], [faces])
        self._place.set_color(color)
        for area, limit in zip(self._areas, (24e9, 8e9), strict=True):
            # A straight line on log-log axes.
            most = [
                limit / (self.per_pair[self.what] * self.batch * side**2) for side in (16, 1100)
            ]
            area.set_xy([(16, 1), (16, most[0]), (1100, most[1]), (1100, 1e-6), (16, 1e-6)])
        self._between.set_position((128, 14e9 / (self.per_pair[self.what] * self.batch * 128**2)))
        self._between.set_visible(
            20 < 14e9 / (self.per_pair[self.what] * self.batch * 128**2) < 81920
        )

        verdict = f"It fits in {fits[0]}." if fits else "It fits on neither machine."
        picture = f"{self.batch} x {self.side} x {self.side} pixels and {faces:,} faces"
        self.alt = (
            f"{self.what}, {picture}: {readable(need)}, as a place on a map of sides and faces "
            f"and on a plot of bytes against pairs. {verdict}"
        )
        text = (
            f"{faces:,} faces x {self.side} x {self.side} pixels x {self.batch} = {pairs:,} "
            f"pairs, {self.per_pair[self.what]:.0f} bytes each: "
        )
        moving = (*self._areas, *self._names, self._between, self._place)
        pictures = [plot_picture(self._map, *moving), plot_picture(self._law, self._here)]
        return compose(pictures), f"{text}<b>{readable(need)}. {verdict}</b>"


@cache
def measured(side: int, faces: int) -> tuple[int, int]:
    """Bytes that `broadcast` really takes.

    The most at a time for the picture alone, and with what autograd keeps.
    """
    generator = torch.Generator().manual_seed(0)
    triangles = torch.cat(
        [torch.rand(faces, 3, 2, generator=generator) - 0.5, torch.full((faces, 3, 1), 2.0)], dim=-1
    )
    colors = torch.rand(faces, 3, 3, generator=generator)

    def draw() -> torch.Tensor:
        return rasterize(triangles, colors, size=side, backend="broadcast")

    with torch.no_grad():
        forward = peak_bytes(draw)
    triangles.requires_grad_()
    colors.requires_grad_()
    return forward, max(peak_bytes(draw), saved_bytes(draw))
