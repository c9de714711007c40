"""The course's figures. Each function returns a matplotlib Figure; `show(figure, alt)` displays it.

pictures.py, curves.py and flip_book.py of softras_edu/plotting serve the commands too; they are
here by name.
"""

from ...plotting.curves import curves
from ...plotting.flip_book import flip_book
from ...plotting.palette import BLUE, COLORS, GREEN, GREY, ORANGE, STYLES, VERMILION
from ...plotting.pictures import draw_arrows, picture, pictures
from .charts import bars, intervals, profiles, surfaces, tables
from .diagrams import axes_table, conventions, gather_and_sum, slots
from .display import show, show_flip_book, show_panels
from .geometry import cut_off, half_planes, weights_as_areas

__all__ = [
    "BLUE", "COLORS", "GREEN", "GREY", "ORANGE", "STYLES", "VERMILION",
    "axes_table", "bars", "conventions", "curves", "cut_off", "draw_arrows", "flip_book",
    "gather_and_sum", "half_planes", "intervals", "picture", "pictures", "profiles", "show",
    "show_flip_book", "show_panels", "slots", "surfaces", "tables", "weights_as_areas",
]  # fmt: skip
