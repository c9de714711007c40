"""What a case should cost, before it is measured.

How many pairs are live, by geometry, and how long a rung takes, from a few numbers fitted to
measurements.

    time = once + a x (pairs that the rung visits) + b x faces

A model as small as this is wrong by a factor of two now and then. That is its use: where it fails,
something happens that it does not know.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from .. import formulas
from ..camera import Camera
from ..rendering import screen_triangles
from ..shapes import icosphere
from .results.timings import Measurement, Results

PARTS = ("ms once", "ns a pair", "ns a face")
DENSE = ("loops", "broadcast")  # rungs that visit every pair; a face costs them nothing by itself


def expected_pairs(triangles: Tensor, side: int, sigma: float, dist_eps: float = 1e-4) -> float:
    """How many (pixel, face) pairs are live, on average over shifts of the pixel grid.

    triangles (..., F, 3, 3); euclidean distance.

    A pixel is live for a face when it is in the triangle or within reach r of it. Steiner's formula
    gives the area of that round-cornered shape: A + P r + pi r**2, with the triangle's own area A
    and perimeter P. A pixel has the area (2 / H)**2. What lies off screen counts too.
    """
    return steiner(*measures(triangles), formulas.reach(sigma, dist_eps)) * (side / 2) ** 2


def steiner(area: float, perimeter: float, faces: int, r: float) -> float:
    """Steiner's formula, summed over faces: the area of all of them, each grown by r."""
    return area + perimeter * r + faces * math.pi * r * r


def measures(triangles: Tensor) -> tuple[float, float, int]:
    """Screen area and perimeter of all faces (..., F, 3, 3) together, and how many there are."""
    xy = triangles.detach()[..., :2].double()
    area = formulas.doubled_area(xy).abs().sum() / 2
    perimeter = (xy - xy.roll(1, -2)).norm(dim=-1).sum()
    return float(area), float(perimeter), xy[..., 0, 0].numel()


@cache
def sphere(level: int) -> Tensor:
    """The benchmark's scene.

    An icosphere of 20 * 4**level faces on the screen of its camera -> (F, 3, 3).
    """
    mesh = icosphere(level)
    return screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.732, 30, 0))[0]


@cache
def _sphere_measures(level: int) -> tuple[float, float, int]:
    return measures(sphere(level))


def sphere_pairs(level: int, side: float, sigma: float) -> float:
    """`expected_pairs` of that sphere, at once: its area and perimeter are kept."""
    return steiner(*_sphere_measures(level), formulas.reach(sigma)) * (side / 2) ** 2


@dataclass(frozen=True)
class CostModel:
    """Time of one rung, forward + backward: once + a x pairs + b x faces.

    Attributes:
        parts: milliseconds once, nanoseconds a pair, nanoseconds a face; 0 where it has no such
            part.
        error: by which factor the prediction is off, typically (the median over the measurements).
    """

    backend: str
    parts: tuple[float, float, float]
    error: float

    @staticmethod
    def fit(results: Results, backend: str) -> CostModel:
        """From all the coloured cases of a file."""
        rows = results.select(backend=backend, silhouette=False)
        if not rows:
            raise LookupError(f"{results.path.name} has no {backend}")
        measured = torch.tensor([m.both_ms for m in rows], dtype=torch.float64)
        features = torch.tensor([_features(m) for m in rows], dtype=torch.float64)
        allowed = (1, 0) if backend in DENSE else (1, 0, 2)
        # A few measurements cannot tell three numbers apart.
        most = min(len(allowed), 1 + len(rows) // 4)
        trials = [
            _fit(features, measured, chosen)
            for size in range(1, most + 1)
            for chosen in itertools.combinations(allowed[:most], size)
        ]
        # No part of a time is negative.
        parts, _ = min(
            (trial for trial in trials if (trial[0] >= 0).all()), key=lambda trial: trial[1]
        )
        ratio = (features @ parts / measured).log().abs()
        once, pair, face = parts.tolist()
        return CostModel(backend, (once, pair, face), float(ratio.median().exp()))

    def predict(self, pairs: float, faces: float) -> float:
        """Milliseconds.

        `pairs` are the ones that the rung visits: all of them for loops and broadcast, the live
        ones for the others.
        """
        once, pair, face = self.parts
        return once + (pair * pairs + face * faces) / 1e6

    def case(self, level: int, side: float, sigma: float) -> float:
        """Milliseconds for the benchmark's sphere."""
        faces = 20 * 4**level
        pairs = faces * side**2 if self.backend in DENSE else sphere_pairs(level, side, sigma)
        return self.predict(pairs, faces)

    def __str__(self) -> str:
        return " + ".join(
            f"{value:.3g} {name}" for value, name in zip(self.parts, PARTS, strict=True) if value
        )


def _features(m: Measurement) -> tuple[float, float, float]:
    """What the three parts are multiplied with, in milliseconds."""
    return (
        1.0,
        (m.dense_pairs if m.backend in DENSE else m.live_pairs) / 1e6,
        m.batch * m.faces / 1e6,
    )


def _fit(features: Tensor, measured: Tensor, chosen: Sequence[int]) -> tuple[Tensor, float]:
    """Least squares of (predicted - measured) / sqrt(predicted x measured).

    Twice as much then counts like half as much. Returns the parts, and the mean squared log ratio.
    """
    parts, predicted = torch.zeros(3, dtype=torch.float64), measured
    for _ in range(10):
        scale = (predicted.clamp_min(1e-9) * measured).sqrt()
        found = torch.linalg.lstsq(
            features[:, chosen] / scale[:, None], (measured / scale)[:, None]
        ).solution[:, 0]
        parts = parts.index_put((torch.tensor(chosen),), found)
        predicted = features @ parts
    return parts, float((predicted.clamp_min(1e-9) / measured).log().square().mean())
