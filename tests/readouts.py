"""What the tests of explorers need: numbers out of a read-out, and geometry as at school.

Nothing here shares code with what it is compared with, but for `brute_force`, which looks at all
pairs with the formulas of section 3.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from softras_edu import formulas
from softras_edu.explore.base import Explorer

REACH = math.log(1e4 - 1)  # d2 / sigma where D = 0.0001
NUMBER = r"([+-]?[\d,]*\.?\d+(?:e[+-]?\d+)?)"


def read(explorer: Explorer, words: str) -> list[float]:
    """The numbers that stand for each # in these words of a read-out."""
    pattern = re.escape(words).replace(r"\#", NUMBER)
    text = re.sub(r"<[^>]+>", "", explorer.readout.replace("<br>", " "))
    found = re.search(pattern, text)
    assert found, f"{words!r} is not in {explorer.readout!r}"
    return [float(group.replace(",", "")) for group in found.groups()]


def centres(size: int) -> Iterator[tuple[float, float]]:
    """Of all pixels, row by row from the top."""
    for i in range(size):
        for j in range(size):
            yield (2 * j + 1 - size) / size, 1 - (2 * i + 1) / size


def covers(triangle: list[list[float]], x: float, y: float) -> bool:
    """Whether a point is in a triangle, either way round: on the same side of all three edges."""
    turns = []
    for k in range(3):
        (ax, ay, *_), (bx, by, *_) = triangle[k], triangle[(k + 1) % 3]
        turns.append((bx - ax) * (y - ay) - (by - ay) * (x - ax))
    return min(turns) > 0 or max(turns) < 0


def slope(loss: Callable[[float], float], h: float) -> float:
    """The derivative at 0, from both sides."""
    return (loss(h) - loss(-h)) / (2 * h)


def probability_of(
    triangle: Tensor, size: int, sigma: float, distances: Callable[[Tensor, int, int], Tensor]
) -> Tensor:
    """D of one triangle in every pixel, from the distances of school geometry -> (size, size)."""
    d2 = distances(triangle[None], size, size)[0] ** 2
    inside = [covers(triangle.tolist(), x, y) for x, y in centres(size)]
    sign = torch.tensor(inside).view(size, size).double() * 2 - 1
    return torch.sigmoid(sign * d2 / sigma)


def brute_force(triangles: Tensor, size: int, sigma: float) -> Tensor:
    """Which pixels a triangle reaches with D >= 0.0001, by looking at all pairs -> (F, H, W)."""
    pixel, xy = formulas.pixel_centers(size, size), triangles[:, None, None, :, :2]
    v = formulas.barycentric(pixel, xy)
    return torch.sigmoid(formulas.signed_logit(pixel, xy, v, sigma, "euclidean")) >= 1e-4
