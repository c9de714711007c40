"""The exercises of notebook 17: a difference inside a mask, and a step that is spread."""

from __future__ import annotations

import torch
from torch import Tensor

from ..fitting.large_steps import graph_laplacian
from ..shapes import icosphere
from .exercise import Exercise

# --- the difference inside the mask -------------------------------------------


def _masked_l1(image: Tensor, photo: Tensor, mask: Tensor) -> Tensor:
    return ((image - photo).abs() * mask).sum() / mask.sum()


def _random(*shape: int, seed: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


_SQUARE = torch.zeros(6, 5, dtype=torch.float64)
_SQUARE[1:4, 2:4] = 1
_SOME = (_random(2, 4, 6, seed=2) > 0.4).double()
_SOME[1, :, 2:] = 0  # the second picture has another share of mask than the first

masked_l1 = Exercise(
    "masked_l1",
    _masked_l1,
    slopes=(0,),
    cases=[
        (_random(6, 5, seed=0), _random(6, 5, seed=1), _SQUARE),
        (_random(2, 4, 6, seed=3), _random(2, 4, 6, seed=4), _SOME),
        (_random(3, 3, seed=5), _random(3, 3, seed=6), torch.ones(3, 3, dtype=torch.float64)),
    ],
    mistakes={
        "The mask is not used: outside it the pictures count too.": lambda i, p, m: (
            (i - p).abs().mean()
        ),
        (
            "Divide by the number of pixels in the mask, not by that of the picture. Else a small "
            "body costs less than a large one."
        ): lambda i, p, m: ((i - p).abs() * m).mean(),
        "That is the sum. Divide it by the number of pixels in the mask.": lambda i, p, m: (
            ((i - p).abs() * m).sum()
        ),
        (
            "Without abs, too bright in one place cancels too dark in another."
        ): lambda i, p, m: ((i - p) * m).sum() / m.sum(),
        (
            "That is the squared difference. L1 takes abs: a few wrong pixels then do not outweigh "
            "all the others."
        ): lambda i, p, m: ((i - p).square() * m).sum() / m.sum(),
        (
            "abs comes too late: take it of each pixel's difference, then sum."
        ): lambda i, p, m: ((i - p) * m).sum().abs() / m.sum(),
        (
            "Only one of the pictures is cut to the mask. Take the difference first, and cut that."
        ): lambda i, p, m: (i * m - p).abs().sum() / m.sum(),
        "That is the difference outside the mask.": lambda i, p, m: (
            ((i - p).abs() * (1 - m)).sum() / m.sum()
        ),
        (
            "That is the mean outside the mask: what lies in it is wanted."
        ): lambda i, p, m: ((i - p).abs() * (1 - m)).sum() / (1 - m).sum(),
        (
            "No root and no squares: L1 adds up absolute values."
        ): lambda i, p, m: ((i - p).square() * m).sum().sqrt() / m.sum(),
        (
            "Sum over all pictures together, then divide: yours is the mean of each picture's "
            "own."
        ): lambda i, p, m: (((i - p).abs() * m).sum((-1, -2)) / m.sum((-1, -2))).mean(),
    },
)  # fmt: skip


# --- a step that is spread ----------------------------------------------------


def _spread_step(u: Tensor, laplacian: Tensor, strength: float) -> Tensor:
    spread: Tensor = torch.linalg.solve(_matrix(laplacian, strength), u)
    return spread


def _matrix(laplacian: Tensor, strength: float) -> Tensor:
    return torch.eye(len(laplacian), dtype=laplacian.dtype) + strength * laplacian


_BALL = icosphere(1)
_LAPLACIAN = graph_laplacian(_BALL.faces, len(_BALL.verts))
_KITE = graph_laplacian(torch.tensor([[0, 1, 2], [1, 3, 2]]), 4)
_SPIKE = torch.eye(4, dtype=torch.float64)[:, :1] * torch.ones(1, 3, dtype=torch.float64)

spread_step = Exercise(
    "spread_step",
    _spread_step,
    slopes=(0,),
    cases=[
        (_SPIKE, _KITE, 1.0),
        (_random(42, 3, seed=7), _LAPLACIAN, 20.0),
        (_random(42, 3, seed=8) - 0.5, _LAPLACIAN, 0.5),
        (_random(4, 3, seed=9), _KITE, 0.0),
    ],
    mistakes={
        (
            "That multiplies by the matrix, which makes spikes larger. You want its inverse: solve "
            "(I + strength L) x = u for x."
        ): lambda u, n, s: _matrix(n, s) @ u,
        "The strength is missing.": lambda u, n, s: torch.linalg.solve(_matrix(n, 1.0), u),
        (
            "I - strength L is one step of plain smoothing: with a large strength it overshoots. "
            "Solve with I + strength L."
        ): lambda u, n, s: u - s * n @ u,
        (
            "1 / (...) of a matrix in PyTorch inverts each number alone. The inverse of the matrix "
            "comes from torch.linalg.solve."
        ): lambda u, n, s: (1 / _matrix(n, s).clamp_min(1e-12)) @ u,
        (
            "Only the diagonal is used. Then each vertex is divided by a number of its own, and "
            "nothing reaches its neighbours."
        ): lambda u, n, s: u / _matrix(n, s).diagonal()[:, None],
        (
            "The strength multiplies L alone, not I. Strength 0 must leave u as it is."
        ): lambda u, n, s: torch.linalg.solve(
            (s or 1e-3) * _matrix(n, 1.0), u
        ),
        (
            "That solves twice. The paper's gradient of a v is spread twice; here u is spread once."
        ): lambda u, n, s: _spread_step(_spread_step(u, n, s), n, s),
        (
            "1 + strength L adds 1 to every number. The identity, torch.eye(n), has it on the "
            "diagonal alone."
        ): lambda u, n, s: torch.linalg.solve(1 + s * n, u),
        (
            "I is missing: L alone has no inverse, for a shift of all vertices costs nothing."
        ): lambda u, n, s: torch.linalg.solve(s * n, u),
        (
            "The sign: I + strength L makes neighbours alike, I - strength L drives them "
            "apart."
        ): lambda u, n, s: _spread_step(u, n, -s),
        "u comes back as it was: nothing is spread.": lambda u, n, s: u,
    },
)  # fmt: skip
