"""What the explorers draw with.

Panels (see softras_edu/plotting) and plots that are redrawn fast.
"""

from __future__ import annotations

from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from ..plotting.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION
from ..plotting.panels import CAPTION, FONT, PANEL, Panel, compose, png, to_bytes

__all__ = [
    "BLUE", "CAPTION", "FONT", "GREEN", "GREY", "ORANGE", "PANEL", "PURPLE", "SKY", "VERMILION",
    "Panel", "compose", "new_plot", "plot_picture", "png", "to_bytes",
]  # fmt: skip

# The pixels of a figure's axes, labels and lines that do not move.
_still: WeakKeyDictionary[Figure, Any] = WeakKeyDictionary()


def new_plot(width: int = 340, height: int = PANEL + CAPTION) -> Figure:
    """An empty matplotlib figure, as high as the panels if not told otherwise.

    Make it once, change its lines, and call `plot_picture`.
    """
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    # Fixed, so that axes stay where they are.
    figure.subplots_adjust(
        left=66 / width, right=1 - 12 / width, bottom=min(50 / height, 0.5), top=1 - 12 / height
    )
    FigureCanvasAgg(figure)
    return figure


def plot_picture(figure: Figure, *moving: Artist) -> Image.Image:
    """The figure as it is now, as a picture.

    What lies under the `moving` artists is drawn once and kept, until axes or labels change: to
    draw axes takes longer than all the rest. What shall lie over them (a legend) is one of them.
    """
    canvas = cast("FigureCanvasAgg", figure.canvas)
    if moving:  # the frames of axes lie over lines and bars that touch them
        moving += tuple(spine for axes in figure.axes for spine in axes.spines.values())
    for artist in moving:
        # left out by `canvas.draw`; its changes do not make the figure stale
        artist.set_animated(True)
    if figure.stale or figure not in _still:
        canvas.draw()
        _still[figure] = canvas.copy_from_bbox(figure.bbox)
    canvas.restore_region(_still[figure])
    for artist in sorted(moving, key=Artist.get_zorder):
        artist.draw(canvas.get_renderer())
    figure.stale = False  # a legend that is drawn says that it changed
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3])
