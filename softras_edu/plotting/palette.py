"""Colours, line styles and marks: the same ones in every figure.

The colours are Okabe and Ito's (Color Universal Design, 2008): told apart by all common kinds of
colour vision. Lines differ in style as well as in colour.
"""

from __future__ import annotations

import torch
from matplotlib.colors import to_rgb
from torch import Tensor

ORANGE, SKY, GREEN = "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#777777"

# In this order wherever things are told apart by number: curve k has COLORS[k], STYLES[k],
# MARKS[k].
COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
STYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))
MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


def rgb(color: str) -> Tensor:
    """A colour's name or "#rrggbb" -> (3,) float32 in [0, 1].

    Raises:
        ValueError: matplotlib knows no such colour.
    """
    return torch.tensor(to_rgb(color), dtype=torch.float32)
