"""The course's figures. Each function returns a matplotlib Figure; `show(figure, alt)` displays it.

pictures.py, curves.py and flip_book.py of softras_edu/plotting serve the commands too; they are
here by name.
"""

from ...plotting.curves import curves
from ...plotting.flip_book import flip_book
from ...plotting.palette import BLUE, COLORS, GREEN, GREY, ORANGE, STYLES
from ...plotting.pictures import draw_arrows, picture, pictures
from .charts import bars, intervals, profiles, surfaces, tables
from .diagrams import axes_table, conventions, gather_and_sum, slots
from .display import show, show_flip_book

__all__ = [
    "BLUE", "COLORS", "GREEN", "GREY", "ORANGE", "STYLES",
    "axes_table", "bars", "conventions", "curves", "draw_arrows", "flip_book", "gather_and_sum",
    "intervals", "picture", "pictures", "profiles", "show", "show_flip_book", "slots", "surfaces",
    "tables",
]  # fmt: skip
