"""Explorer for notebook 09.

Which faces does a tile hold, and how many of the pairs that its program evaluates count?
"""

from __future__ import annotations

import math

import torch
import traitlets
from PIL import Image, ImageDraw

from .. import formulas
from ..camera import Camera
from ..rasterizers.options import Options
from ..rasterizers.pairs import live_pairs
from ..rasterizers.tiles import drawable, reach_boxes, tile_lists
from ..rendering import screen_triangles
from ..shapes import cube, icosphere, teapot
from .base import Explorer, choice_dial, linear_dial, log_dial
from .draw import BLUE, CAPTION, FONT, GREY, ORANGE, PANEL, VERMILION, Panel, compose

SIZE = 64
TILES = ("4", "8", "16", "32")
SHAPES = ("sphere", "teapot", "cube")


class TileLists(Explorer):
    """A mesh, a grid of tiles, and the list of one tile.

    Its faces are outlined, and the bars count pairs of pixel and face.
    """

    tile = traitlets.Enum(TILES, "8").tag(dial=choice_dial("tile, pixels a side", TILES))
    sigma = traitlets.Float(1e-4).tag(dial=log_dial("sigma (reach)", -5, -2))
    x = traitlets.Float(0.3).tag(dial=linear_dial("tile at x", -0.98, 0.98, 0.02))
    y = traitlets.Float(0.3).tag(dial=linear_dial("tile at y", -0.98, 0.98, 0.02))
    shape = traitlets.Enum(SHAPES, "sphere").tag(dial=choice_dial("mesh", SHAPES))

    def prepare(self) -> None:
        camera = Camera.orbit(2.6, 25, 30, fov=50)
        meshes = {"sphere": icosphere(3), "teapot": teapot(), "cube": cube()}
        self._triangles = {
            name: screen_triangles(mesh.verts, mesh.faces, camera) for name, mesh in meshes.items()
        }

    def draw(self) -> tuple[Image.Image, str]:
        side, triangles = int(self.tile), self._triangles[self.shape]
        o = Options(height=SIZE, width=SIZE, sigma=self.sigma)
        tiles = tile_lists(reach_boxes(triangles, o), SIZE, SIZE, side)
        lengths = (tiles.starts[1:] - tiles.starts[:-1]).view(tiles.rows, tiles.columns)
        row, column = int((1 - self.y) / 2 * SIZE) // side, int((self.x + 1) / 2 * SIZE) // side
        chosen = row * tiles.columns + column
        mine = tiles.faces[tiles.starts[chosen] : tiles.starts[chosen + 1]].long()

        _, pixel, _ = live_pairs(triangles[0], drawable(triangles, o), o)
        live_here = int(
            (((pixel // SIZE) // side == row) & ((pixel % SIZE) // side == column)).sum()
        )
        every, listed, live = triangles.shape[1] * SIZE**2, len(tiles.faces) * side**2, len(pixel)

        covered = torch.zeros(SIZE * SIZE).index_fill(0, pixel, 0.35).view(SIZE, SIZE)
        picture = Panel(f"the {len(mine)} faces in one list", covered)
        for face in mine.tolist():
            picture.outline(triangles[0, face, :, :2], ORANGE, 1)
        heat = lengths.float().repeat_interleave(side, 0).repeat_interleave(side, 1)
        grid = Panel(
            f"length of each list, 0 to {int(lengths.max())}",
            heat,
            "cividis",
            0,
            max(1, int(lengths.max())),
        )
        corner = torch.tensor([2 * column * side / SIZE - 1, 1 - 2 * row * side / SIZE])
        square = corner + 2 * side / SIZE * torch.tensor(
            [[0.0, 0.0], [1.0, 0.0], [1.0, -1.0], [0.0, -1.0]]
        )
        for panel in (picture, grid):
            panel.outline(square, VERMILION)
            panel.dot((self.x, self.y), VERMILION, 3)  # so that each step of x and y is seen

        work = len(mine) * side**2
        idle = (
            f"{100 - 100 * live_here / work:.0f} % of its lanes' work is wasted"
            if work
            else "it has nothing to do"
        )
        self.alt = (
            f"Tiles of {side} pixels over a {self.shape} at sigma {self.sigma:.1e}: one list of "
            f"{len(mine)} faces, and a map of all list lengths."
        )
        text = (
            f"Program {chosen} of {tiles.rows * tiles.columns}: {len(mine)} faces x {side**2} "
            f"lanes = {work:,} pairs, {live_here:,} live; {idle}. "
            f"All programs: {len(tiles.faces):,} list entries, {listed:,} pairs for {live:,} "
            "live ones, "
            f"<b>{listed / max(live, 1):.1f} times</b> as many. Reach "
            f"{formulas.reach(self.sigma) * SIZE / 2:.1f} pixels."
        )
        chart = bars(
            {"every pair": (every, GREY), "tile lists": (listed, ORANGE), "live": (live, BLUE)}, 1e7
        )
        return compose([picture, grid, chart]), text


def bars(counts: dict[str, tuple[int, str]], most: float, width: int = 330) -> Image.Image:
    """Bars from 1 to `most` on a logarithmic scale, by name, each with its number and colour.

    By Pillow, since a figure takes longer than the rest.
    """
    sheet = Image.new("RGB", (width, PANEL + CAPTION), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text(
        (2, 3), "pairs of pixel and face (each step of the scale x 10)", fill="#222222", font=FONT
    )
    left, right = 8, width - 8
    unit = (right - left) / math.log10(most)
    for power in range(int(math.log10(most)) + 1):
        pen.line(
            [left + power * unit, 36, left + power * unit, PANEL + CAPTION - 8], fill="#dddddd"
        )
    for k, (name, (count, color)) in enumerate(counts.items()):
        y = 48 + 66 * k
        pen.text((left, y), f"{name}: {count:,}", fill="#222222", font=FONT)
        pen.rectangle([left, y + 20, left + unit * math.log10(max(count, 1)), y + 42], fill=color)
    return sheet
