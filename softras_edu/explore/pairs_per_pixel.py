"""Explorer for notebook 07: which pairs of a pixel and a face are left, and what they cost."""

from __future__ import annotations

from functools import cache

import torch
import traitlets
from PIL import Image

from .. import formulas
from ..camera import Camera
from ..rasterizers import rasterize
from ..rasterizers.options import Options
from ..rasterizers.pairs import live_pairs
from ..rasterizers.tiles import drawable, reach_boxes, tile_lists
from ..rendering import screen_triangles
from ..shapes import icosphere
from ..teaching.cost_ledger import peak_bytes, readable
from .base import Explorer, count_dial, log_dial
from .draw import BLUE, GREEN, GREY, ORANGE, VERMILION, Panel, compose, new_plot, plot_picture

SIZE, TILE = 64, 8
KINDS = ("all", "in tiles", "in boxes", "live")


class PairsPerPixel(Explorer):
    """A sphere: how many faces count in each pixel, and how many pairs there are in all.

    Beside that number: the pairs in its tiles, in its boxes, and the live ones.
    """

    sigma = traitlets.Float(1e-4).tag(dial=log_dial("sigma (blur)", -6, -2))
    dist_eps = traitlets.Float(1e-4).tag(dial=log_dial("dist_eps (cut)", -8, -1))
    level = traitlets.Int(3).tag(dial=count_dial("level of the sphere", 0, 3))

    def prepare(self) -> None:
        self._figure = new_plot(420)
        self._figure.subplots_adjust(left=0.19)  # for the names of the bars
        axes = self._figure.add_subplot(
            xscale="log", xlim=(1e1, 3e8), xlabel="pairs", ylim=(3.6, -0.6)
        )
        axes.set_yticks(range(4), labels=KINDS)
        self._bars = axes.barh(range(4), [1] * 4, color=(GREY, ORANGE, GREEN, BLUE))
        self._numbers = [axes.text(1, k, "", va="center", fontsize=9) for k in range(4)]

    @torch.no_grad()
    def draw(self) -> tuple[Image.Image, str]:
        triangles = sphere(self.level)
        o = Options(height=SIZE, width=SIZE, sigma=self.sigma, dist_eps=self.dist_eps)
        count, numbers = census(triangles, o)
        for bar, label, number in zip(self._bars, self._numbers, numbers.values(), strict=True):
            bar.set_width(number)
            label.set_text(f" {number:,}")
            label.set_x(number)
        most = max(1, int(count.max()))
        panel = Panel(f"faces per pixel, 0 to {most}", count.float(), "cividis", 0, most)
        # A face near the middle of the picture.
        middle = triangles[0, :, :, :2].mean(1).norm(dim=-1).argmin()
        panel.outline(triangles[0, middle, :, :2], VERMILION)
        reach = formulas.reach(self.sigma, self.dist_eps)
        low, high = (
            triangles[0, middle, :, :2].amin(0) - reach,
            triangles[0, middle, :, :2].amax(0) + reach,
        )
        panel.outline(
            torch.stack(
                [low, torch.stack([high[0], low[1]]), high, torch.stack([low[0], high[1]])]
            ),
            ORANGE,
        )

        live, everything = numbers["live"], numbers["all"]
        self.alt = (
            f"Faces per pixel of a sphere at sigma {self.sigma:.1e}, at most {most}; bars: "
            f"{', '.join(f'{n:,} pairs {k}' for k, n in numbers.items())}."
        )
        text = (
            f"{triangles.shape[1]:,} faces, reach {reach * SIZE / 2:.1f} pixels (orange: one "
            f"face's box). {live:,} of {everything:,} pairs are live, "
        )
        text += (
            f"1 in {everything / max(1, live):.0f}; {live / max(1, int((count > 0).sum())):.0f} "
            "in each pixel that the sphere touches. "
        )
        dense, sparse = bytes_per_pair()
        text += (
            f"With the gradient: {readable(dense * everything)} for all, "
            f"<b>{readable(sparse * live)} for the live ones</b>."
        )
        return compose([panel, plot_picture(self._figure, *self._bars, *self._numbers)]), text


@cache
def sphere(level: int) -> torch.Tensor:
    """A sphere on the screen, (1, F, 3, 3)."""
    mesh = icosphere(level)
    return screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.732, 30, 0))


@torch.no_grad()
def census(triangles: torch.Tensor, o: Options) -> tuple[torch.Tensor, dict[str, int]]:
    """Live pairs of each pixel (H, W) of one image, and the number of pairs of each kind."""
    boxes = reach_boxes(triangles, o)
    tall, wide = boxes[..., 1] - boxes[..., 0], boxes[..., 3] - boxes[..., 2]
    face, pixel, _ = live_pairs(triangles[0], drawable(triangles, o), o)
    count = torch.bincount(pixel, minlength=o.height * o.width).reshape(o.height, o.width)
    tiled = len(tile_lists(boxes, o.height, o.width, TILE).faces) * TILE * TILE
    numbers = (triangles.shape[1] * o.height * o.width, tiled, int((tall * wide).sum()), len(face))
    return count, dict(zip(KINDS, numbers, strict=True))


@cache
@torch.enable_grad()
def bytes_per_pair() -> tuple[float, float]:
    """Memory with gradient for a pair, measured on a small scene.

    With all pairs at once, and with a list of live ones.
    """
    triangles = sphere(1).clone().requires_grad_()
    colors = torch.rand(1, 80, 3, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    o = Options(height=32, width=32, sigma=1e-2)

    def cost(backend: str) -> int:
        return peak_bytes(
            lambda: (
                rasterize(triangles, colors, size=32, sigma=1e-2, gamma=1e-2, backend=backend)
                .sum()
                .backward()
            )
        )

    numbers = census(triangles.detach(), o)[1]
    return cost("broadcast") / numbers["all"], cost("pairs") / numbers["live"]
