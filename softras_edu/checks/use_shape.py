"""The exercises of notebook 12: a smoothness loss, a fold, a schedule."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..shapes import icosphere
from .exercise import Exercise


def _t(*values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# --- Laplacian ----------------------------------------------------------------


def _laplacian_loss(verts: Tensor, neighbours: Tensor) -> Tensor:
    return (verts - neighbours @ verts / neighbours.sum(1, keepdim=True)).square().sum()


def _adjacency(faces: Tensor, count: int) -> Tensor:
    """(V, V), 1 where an edge is."""
    table = torch.zeros(count, count, dtype=torch.float64)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        table[faces[:, a], faces[:, b]] = table[faces[:, b], faces[:, a]] = 1
    return table


_BALL = icosphere(1)
_ROUND = _BALL.verts.double()
_BUMPY = _ROUND + 0.1 * torch.randn(
    _ROUND.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64
)
_TWO = _adjacency(torch.tensor([[0, 1, 2], [1, 3, 2]]), 4)
_KITE = _t([0.0, 0, 0], [3, 0, 0], [0, 3, 0], [3, 3, 1])

laplacian_loss = Exercise(
    "laplacian_loss",
    _laplacian_loss,
    slopes=(0,),
    cases=[
        (_KITE, _TWO),
        (_ROUND, _adjacency(_BALL.faces, 42)),
        (_BUMPY, _adjacency(_BALL.faces, 42)),
    ],
    mistakes={
        (
            "That is the distance from the neighbours' sum. Divide it by how many there are; on "
            "this sphere it is 5 for some and 6 for others."
        ): lambda v, n: (v - n @ v).square().sum(),
        (
            "That is the mean over all coordinates. The loss is a sum over the vertices of "
            "squared lengths."
        ): lambda v, n: (v - n @ v / n.sum(1, keepdim=True)).square().mean(),
        "Square the lengths; do not take the root again.": lambda v, n: (
            (v - n @ v / n.sum(1, keepdim=True)).norm(dim=1).sum()
        ),
        (
            "Every vertex has its own number of neighbours: sum each row alone (sum(1, "
            "keepdim=True))."
        ): lambda v, n: (v - n @ v / n.sum() * len(n)).square().sum(),
        "That is the mean over the vertices. The loss is their sum.": lambda v, n: (
            (v - n @ v / n.sum(1, keepdim=True)).square().sum(1).mean()
        ),
        (
            "A vertex is not among its own neighbours: do not add the identity to them, nor the "
            "vertex to their mean."
        ): lambda v, n: (v - (n @ v + v) / (n.sum(1, keepdim=True) + 1)).square().sum(),
        (
            "That is the distance to each neighbour, summed over the edges. Take the neighbours' "
            "mean first: on a smooth surface they lie around the vertex, and cancel."
        ): lambda v, n: (n * (v[:, None] - v[None]).square().sum(2)).sum(),
        ("Square first, then sum: yours lets differences cancel."): lambda v, n: (
            (v - n @ v / n.sum(1, keepdim=True)).sum().square()
        ),
        ("Squares are wanted, not absolute values."): lambda v, n: (
            (v - n @ v / n.sum(1, keepdim=True)).abs().sum()
        ),
        (
            "That is the distance from the mean of all vertices. Take each vertex's own neighbours."
        ): lambda v, n: (v - v.mean(0)).square().sum(),
    },
)


# --- a fold -------------------------------------------------------------------


def _fold(
    a: Tensor,
    b: Tensor,
    c: Tensor,
    d: Tensor,
    *,
    perpendicular: bool = True,
    unit: bool = True,
    offset: float = 1.0,
    power: int = 2,
) -> Tensor:
    """(cos + 1)^2 of the angle at the edge a b between the faces with the far corners c and d."""
    along = torch.nn.functional.normalize(b - a, dim=0) if unit else b - a
    sides = [p - a - perpendicular * ((p - a) @ along) * along for p in (c, d)]
    return (torch.cosine_similarity(sides[0], sides[1], dim=0) + offset) ** power


_A, _B = _t(0.0, 0.0, 0.0), _t(0.0, 2.0, 0.0)
fold_penalty = Exercise(
    "fold_penalty",
    _fold,
    slopes=(0, 1, 2, 3),
    cases=[
        (_A, _B, _t(1.0, 0.5, 0.0), _t(-2.0, 1.5, 0.0)),
        (_A, _B, _t(1.0, 0.5, 0.0), _t(0.0, 1.8, 0.7)),
        (_A, _B, _t(1.0, 0.2, 0.0), _t(0.5, 1.7, 1.0)),
        (_t(1.0, 1.0, 1.0), _t(2.0, -1.0, 0.5), _t(0.0, 0.3, 2.0), _t(3.0, 1.0, -1.0)),
    ],
    mistakes={
        (
            "The sides must stand at a right angle to the edge: take off from c - a and d - a "
            "what lies along it."
        ): lambda a, b, c, d: _fold(a, b, c, d, perpendicular=False),
        (
            "In a flat place the two sides point in opposite directions, so the cosine is -1. "
            "Add 1."
        ): lambda a, b, c, d: _fold(a, b, c, d, offset=0.0),
        (
            "The square is missing: without it, the penalty has no gentle end at the flat place."
        ): lambda a, b, c, d: _fold(a, b, c, d, power=1),
        (
            "That is 4 in a flat place and 0 in a shut fold, the wrong way round. With the two "
            "sides of the hinge: plus 1, not minus 1. With the faces' outward normals: the angle "
            "between them is 180 degrees less theta, so their cosine is -cos(theta)."
        ): lambda a, b, c, d: _fold(a, b, c, d, offset=-1.0),
        "Only directions count. Divide by the lengths of the two sides.": lambda a, b, c, d: (
            _long_fold(a, b, c, d)
        ),
        (
            "To take off what lies along the edge, the edge must have length 1: divide b - a by "
            "its length first."
        ): lambda a, b, c, d: _fold(a, b, c, d, unit=False),
        ("The square comes too early: it is (cos + 1)^2, and not cos^2 + 1."): lambda a, b, c, d: (
            _fold(a, b, c, d, offset=0.0) + 1
        ),
        (
            "That is the square of the bend itself, in radians. The loss takes its cosine."
        ): lambda a, b, c, d: (
            torch.pi - torch.acos((_fold(a, b, c, d, power=1) - 1).clamp(-1, 1))
        ).square(),
        (
            "Both sides begin at one point of the edge: c - a and d - a, not d - b."
        ): lambda a, b, c, d: _from_two_ends(a, b, c, d),
        ("Divide by both sides' lengths, not by one of them."): lambda a, b, c, d: (
            (_sides(a, b, c, d)[0] @ _sides(a, b, c, d)[1] / _sides(a, b, c, d)[0].norm() + 1) ** 2
        ),
    },
)


def _sides(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """The two sides of the hinge, at a right angle to the edge, as long as they come."""
    along = torch.nn.functional.normalize(b - a, dim=0)
    u, v = (p - a - ((p - a) @ along) * along for p in (c, d))
    return u, v


def _long_fold(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    u, v = _sides(a, b, c, d)
    return (u @ v + 1) ** 2


def _from_two_ends(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    along = torch.nn.functional.normalize(b - a, dim=0)
    u, v = c - a - ((c - a) @ along) * along, d - b - ((d - a) @ along) * along
    return (torch.cosine_similarity(u, v, dim=0) + 1) ** 2


# --- a schedule ---------------------------------------------------------------


def _scheduled_sigma(start: float, end: float, progress: float) -> float:
    return float(start * (end / start) ** progress)


scheduled_sigma = Exercise(
    "scheduled_sigma",
    _scheduled_sigma,
    cases=[
        (1e-2, 1e-4, 0.0),
        (1e-2, 1e-4, 0.5),
        (1e-2, 1e-4, 1.0),
        (3e-4, 1e-6, 0.25),
        (1e-3, 1e-1, 0.5),
    ],
    tolerance=1e-9,
    mistakes={
        (
            "That goes down in equal steps: half way from 1e-2 to 1e-4 it is still 5e-3, and the "
            "small sigmas get no time. Take equal ratios."
        ): lambda s, e, t: s + (e - s) * t,
        "Start and end have changed places.": lambda s, e, t: _scheduled_sigma(e, s, t),
        (
            "That multiplies by the ratio of both, whatever the progress; raise the ratio to the "
            "power of the progress."
        ): lambda s, e, t: s * (e / s),
        "At progress 1 it must arrive at the end, not at end times start.": lambda s, e, t: (
            s * e**t
        ),
        (
            "That is the logarithm of sigma. Interpolating there is right; take exp of it at the "
            "end."
        ): lambda s, e, t: math.log(s) + t * math.log(e / s),
        (
            "math.log is the natural logarithm, so its inverse is math.exp and not 10 to the power."
        ): lambda s, e, t: 10 ** (math.log(s) + t * math.log(e / s)),
        (
            "Multiply the two powers; do not add them. At progress 0 the sum is start + 1."
        ): lambda s, e, t: s ** (1 - t) + e**t,
        (
            "That is the middle of the way, whatever the progress: the root is right at 0.5 alone."
        ): lambda s, e, t: math.sqrt(s * e),
        (
            "The ratio is raised to the power of the progress, not multiplied by it."
        ): lambda s, e, t: s * (e / s) * t,
        (
            "The ratio is turned round: end / start, so that it arrives at the end."
        ): lambda s, e, t: s * (s / e) ** t,
        "That is the start, whatever the progress.": lambda s, e, t: s,
        "It falls, but not to the end: `end` is not used.": lambda s, e, t: s * math.exp(-t),
        ("Those are equal steps of 1 / sigma. Take equal ratios."): lambda s, e, t: (
            1 / (1 / s + (1 / e - 1 / s) * t)
        ),
    },
)
