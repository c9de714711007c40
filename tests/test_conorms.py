"""The conorms of GenDR, each against its textbook formula and against what makes it one.

The formulas are written out here once more, in 80 digits (mpmath), as research papers have them:
nothing of `conorms.py` is used for that.
"""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest
import torch
from mpmath import mpf
from torch import Tensor

from softras_edu import rasterize, softness

PARAMETERS = [
    *((name, 1.0) for name in ("hard", "max", "probabilistic", "einstein")),
    *(("hamacher", p) for p in (0.0, 0.3, 1.0, 5.0)),
    *(("frank", p) for p in (1e-6, 0.5, 1 + 1e-9, 2.0, 1e6)),
    *((name, p) for name in ("yager", "aczel_alsina", "dombi") for p in (0.5, 1.0, 2.0, 7.0)),
    *(("schweizer_sklar", p) for p in (-1e-6, -0.5, -2.0, -7.0)),
]
LAWFUL = PARAMETERS[1:]
GRID = [0.0, 1e-30, 1e-9, 1e-3, 0.1, 0.4, 0.5, 0.6, 0.9, 0.999, 1.0]


def logs(d: Tensor) -> tuple[Tensor, Tensor]:
    return torch.log(d), torch.log1p(-d)


def combined(name: str, p: float, *d: Tensor) -> Tensor:
    return softness.aggregate(*logs(torch.stack(torch.broadcast_tensors(*d))), name, p, dim=0)


def grid(axes: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    return list(torch.tensor(list(itertools.product(GRID, repeat=axes)), dtype=dtype).T)


def either(name: str, p: float, a: mpf, b: mpf) -> mpf:
    """S(a, b), as the literature has it."""
    a, b = mpf(a), mpf(b)
    if name == "hard":
        return mpf(a > 0.5 or b > 0.5)
    if 0 in (a, b) or 1 in (a, b):  # where the formulas below divide by 0
        return a + b if 0 in (a, b) else mpf(1)
    return {
        "max": lambda: max(a, b),
        "probabilistic": lambda: a + b - a * b,
        "einstein": lambda: (a + b) / (1 + a * b),
        "hamacher": lambda: (a + b + (p - 2) * a * b) / (1 + (p - 1) * a * b),
        "frank": lambda: (
            1
            - mpmath.log(1 + (p ** (1 - a) - 1) * (p ** (1 - b) - 1) / (mpf(p) - 1)) / mpmath.log(p)
        ),
        "yager": lambda: min(mpf(1), (a**p + b**p) ** (mpf(1) / p)),
        "aczel_alsina": lambda: (
            1
            - mpmath.exp(-((((-mpmath.log1p(-a)) ** p) + (-mpmath.log1p(-b)) ** p) ** (mpf(1) / p)))
        ),
        "dombi": lambda: 1 / (1 + ((1 / a - 1) ** -p + (1 / b - 1) ** -p) ** (-mpf(1) / p)),
        "schweizer_sklar": lambda: 1 - ((1 - a) ** p + (1 - b) ** p - 1) ** (mpf(1) / p),
    }[name]()


@pytest.mark.parametrize(("name", "p"), PARAMETERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_conorm_of_two_is_the_textbooks_also_for_tiny_probabilities(name, p, dtype):
    a, b = grid(2, dtype)
    got = combined(name, p, a, b)
    accurate = 200 * torch.finfo(dtype).eps
    with mpmath.workdps(80):
        for one, other, number in zip(a.tolist(), b.tolist(), got.tolist(), strict=True):
            wanted = either(name, p, one, other)
            assert abs(number - wanted) <= accurate * wanted, (one, other, number, wanted)


@pytest.mark.parametrize(("name", "p"), LAWFUL)
def test_a_conorm_is_commutative_associative_and_monotone_with_0_neutral_and_1_absorbing(name, p):
    a, b, c = grid(3)
    close = {"rtol": 1e-12, "atol": 0.0}
    torch.testing.assert_close(combined(name, p, a, b), combined(name, p, b, a), **close)
    torch.testing.assert_close(
        combined(name, p, a, combined(name, p, b, c)),
        combined(name, p, combined(name, p, a, b), c),
        rtol=1e-9,
        atol=1e-9,
    )
    torch.testing.assert_close(
        combined(name, p, a, b, c),
        combined(name, p, combined(name, p, a, b), c),
        rtol=1e-9,
        atol=1e-9,
    )
    more = torch.tensor([*GRID[1:], 1.0], dtype=torch.float64).repeat(
        len(GRID) ** 2
    )  # c's next larger value
    assert (combined(name, p, a, b, more) >= combined(name, p, a, b, c) * (1 - 1e-12)).all()
    torch.testing.assert_close(combined(name, p, a, torch.zeros_like(a)), a, **close)
    torch.testing.assert_close(combined(name, p, a), a, **close)
    assert (combined(name, p, a, torch.ones_like(a)) == 1).all()
    assert (combined(name, p, a, b) >= torch.maximum(a, b) * (1 - 1e-12)).all()


def test_the_hard_conorm_asks_whether_any_face_is_more_likely_than_not():
    d = torch.tensor(
        [[0.5, 0.5, 0.1], [0.2, 0.51, 0.1], [1.0, 0.0, 0.9]],
        dtype=torch.float64,
        requires_grad=True,
    )
    alpha = softness.aggregate(*logs(d), "hard")
    assert alpha.tolist() == [0, 1, 1]
    assert torch.autograd.grad(alpha.sum(), d)[0].nan_to_num(0).abs().sum() == 0


def test_probabilistic_is_the_papers_product():
    d = torch.rand(7, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(
        softness.aggregate(*logs(d), dim=0), 1 - (1 - d).prod(0), rtol=1e-14, atol=0
    )


@pytest.mark.parametrize(
    ("name", "p", "other", "q"),
    [
        ("hamacher", 1.0, "probabilistic", 1.0),
        ("hamacher", 2.0, "einstein", 1.0),
        ("hamacher", 0.0, "dombi", 1.0),
        ("hamacher", 1e-12, "hamacher", 0.0),
        ("aczel_alsina", 1.0, "probabilistic", 1.0),
        ("frank", 1 + 1e-13, "probabilistic", 1.0),
        ("schweizer_sklar", -1e-13, "probabilistic", 1.0),
        ("schweizer_sklar", -1.0, "hamacher", 0.0),
        *[(name, 1e4, "max", 1.0) for name in ("yager", "aczel_alsina", "dombi")],
        ("frank", 1e-30, "max", 1.0),
        ("schweizer_sklar", -1e4, "max", 1.0),
    ],
)
def test_known_relations_between_conorms(name, p, other, q):
    d = (
        0.98 * torch.rand(4, 200, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        + 0.01
    )
    slack = 0.03 if p == 1e-30 else 1e-3 if abs(p) == 1e4 else 1e-9
    torch.testing.assert_close(combined(name, p, *d), combined(other, q, *d), rtol=0, atol=slack)


def test_yager_of_1_is_the_sum_until_it_is_full_and_then_has_no_slope():
    d = torch.tensor([[0.2, 0.3], [0.7, 0.6]], dtype=torch.float64, requires_grad=True)
    alpha = softness.aggregate(*logs(d), "yager", 1.0)
    torch.testing.assert_close(alpha.detach(), torch.tensor([0.5, 1.0], dtype=torch.float64))
    torch.testing.assert_close(
        torch.autograd.grad(alpha.sum(), d)[0],
        torch.tensor([[1.0, 1.0], [0.0, 0.0]], dtype=torch.float64),
    )


@pytest.mark.parametrize(("name", "p"), PARAMETERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_of_a_conorm_are_finite_however_close_to_0_or_1_the_faces_are(name, p, dtype):
    x = torch.tensor(
        [-math.inf, -1e30, -1e4, -200.0, -80.0, -20.0, 0.0, 20.0, 80.0, 200.0, 1e4, 1e30, math.inf],
        dtype=dtype,
    )
    pairs = torch.cartesian_prod(x, x)
    steep = pairs.clamp(-1e30, 1e30).requires_grad_()
    log_d, log_outside = softness.log_probability(steep)
    edge = (
        pairs.isinf()
    )  # exactly 0 or 1, as a finite support has them: logarithms of 0, without a slope
    log_d = torch.where(edge, torch.where(pairs > 0, 0.0, -math.inf), log_d)
    log_outside = torch.where(edge, torch.where(pairs > 0, -math.inf, 0.0), log_outside)
    alpha = softness.aggregate(log_d, log_outside, name, p)
    assert ((alpha >= 0) & (alpha <= 1)).all()
    assert torch.autograd.grad(alpha.sum(), steep)[0].isfinite().all()


@pytest.mark.parametrize(("name", "p"), PARAMETERS)
def test_no_face_gives_alpha_0(name, p):
    none = torch.zeros(2, 0, 3)
    assert softness.aggregate(none, none, name, p).tolist() == [[0, 0, 0], [0, 0, 0]]
    log_d = torch.full((2, 4, 3), -torch.inf, requires_grad=True)  # D = 0
    log_outside = torch.zeros(2, 4, 3, requires_grad=True)
    left_out = torch.zeros(2, 4, 3, dtype=torch.bool)
    alpha = softness.aggregate(log_d, log_outside, name, p, keep=left_out)
    assert alpha.tolist() == [[0, 0, 0], [0, 0, 0]]
    grads = torch.autograd.grad(alpha.sum(), (log_d, log_outside), allow_unused=True)
    assert all(g is None or g.isfinite().all() for g in grads)
    assert any(g is not None for g in grads)


@pytest.mark.parametrize("backend", ["loops", "broadcast", "pairs"])
def test_of_several_equal_faces_the_first_gets_the_gradient_of_max(scene, backend):
    triangles = scene(5, faces=1)[0].repeat(3, 1, 1).requires_grad_()
    alpha = rasterize(triangles, size=4, sigma=0.1, dist_eps=0.0, conorm="max", backend=backend)
    gradient = torch.autograd.grad(alpha.sum(), triangles)[0].abs().sum((1, 2))
    assert gradient[0] > 0
    assert gradient[1:].tolist() == [0, 0]
