"""The distributions and conorms of GenDR, each against its textbook formula (in 60 digits, from mpmath) and against what makes it one.

The formulas are written out here once more, as research papers have them: nothing of `distributions.py` or `conorms.py` is used for that.
"""

from __future__ import annotations

import itertools
import math

import mpmath
import pytest
import torch
from mpmath import mpf
from torch import Tensor

from softras_edu import formulas, rasterize, softness
from softras_edu.rasterizers.options import Options
from softras_edu.rasterizers.pairs import live_pairs
from softras_edu.softness import conorms, distributions

SOFT = [name for name in softness.DISTRIBUTIONS if name != "hard"]
SYMMETRIC = SOFT[:9]
MIRRORED = {
    "gumbel_min": "gumbel_max",
    "exponential_rev": "exponential",
    "gamma_rev": "gamma",
    "levy_rev": "levy",
}
FINITE = ["uniform", "cubic_hermite", "wigner_semicircle"]
ONE_SIDED = ["exponential", "gamma", "levy"]

# ---------------------------------------------------------------- distributions, as a textbook has them


def parameters(name: str) -> tuple[float, float]:
    """The defaults of shape and shift."""
    return softness.check_softness(name, True, None, None, "max", None)[:2]


def textbook(name: str, x: float, a: float = 2.0) -> tuple[mpf, mpf, mpf]:
    """F, 1 - F and f at x."""
    x = mpf(x)
    if name in MIRRORED:
        below, above, density = textbook(MIRRORED[name], -x, a)
        return above, below, density
    if name in SYMMETRIC and x > 0:
        below, above, density = textbook(name, -x)
        return above, below, density
    if x <= 0 and (name in ONE_SIDED or (name in FINITE and x <= -1)):
        return mpf(0), mpf(1), mpf(0)
    y, e = (1 + x) / 2, mpmath.exp(x)
    if name == "gumbel_max":
        return mpmath.exp(-1 / e), -mpmath.expm1(-1 / e), mpmath.exp(-1 / e) / e
    if name == "exponential":
        return -mpmath.expm1(-x), 1 / e, 1 / e
    if name == "gamma":
        return (
            mpmath.gammainc(a, 0, x, regularized=True),
            mpmath.gammainc(a, x, regularized=True),
            x ** (mpf(a) - 1) / e / mpmath.gamma(a),
        )
    if name == "levy":
        z = mpmath.sqrt(1 / (2 * x))
        return (
            mpmath.erfc(z),
            mpmath.erf(z),
            mpmath.exp(-1 / (2 * x)) / x ** mpf(1.5) / mpmath.sqrt(2 * mpmath.pi),
        )
    pi = mpmath.pi
    below, density = {  # x <= 0
        "uniform": lambda: (y, mpf(0.5)),
        "cubic_hermite": lambda: (3 * y**2 - 2 * y**3, 3 * y * (1 - y)),
        "wigner_semicircle": lambda: (
            mpf(0.5) + (x * mpmath.sqrt(1 - x * x) + mpmath.asin(x)) / pi,
            2 / pi * mpmath.sqrt(1 - x * x),
        ),
        "gaussian": lambda: (
            mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
            mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * pi),
        ),
        "laplace": lambda: (e / 2, e / 2),
        "logistic": lambda: (e / (1 + e), e / (1 + e) ** 2),
        "hyperbolic_secant": lambda: (2 / pi * mpmath.atan(e), mpmath.sech(x) / pi),
        "cauchy": lambda: (mpmath.atan2(1, -x) / pi, 1 / (pi * (1 + x * x))),
        "reciprocal": lambda: (1 / (2 * (1 - x)), 1 / (2 * (1 - x) ** 2)),
    }[name]()
    return below, 1 - below, density


SIZES = [
    0.0,
    1e-12,
    1e-6,
    1e-3,
    0.03,
    0.1,
    0.3,
    0.5,
    0.7,
    0.9,
    0.99,
    0.9999,
    0.999999,
    1.0,
    1.7,
    2.9,
    3.1,
    5.0,
    8.0,
    17.0,
    40.0,
    87.0,
    110.0,
    700.0,
    1e4,
]
LINE = sorted({sign * size for size in SIZES for sign in (-1, 1)})
SHAPES = [(name, 2.0) for name in SOFT] + [
    (name, shape) for name in ("gamma", "gamma_rev") for shape in (0.1, 0.5, 1.0, 7.0, 100.0)
]


@pytest.mark.parametrize(("name", "shape"), SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_both_logarithms_and_both_slopes_are_accurate_far_into_both_tails(name, shape, dtype):
    numbers = torch.finfo(dtype)
    x = torch.tensor(
        LINE + [sign * shape * size for size in (0.5, 0.9, 1.1, 1.5) for sign in (-1, 1)],
        dtype=dtype,
    )
    got = torch.stack(distributions.FAMILY[name].tails(x, shape, 0.0)).T.tolist()
    accurate = (300 if dtype == torch.float32 else 2000) * numbers.eps
    with mpmath.workdps(60):
        for at, four in zip(x.tolist(), got, strict=True):
            below, above, density = textbook(name, at, shape)
            logs = [
                (mpmath.log(one) if one < 0.5 else mpmath.log1p(-other)) if one else -mpmath.inf
                for one, other in ((below, above), (above, below))
            ]
            slopes = [density / one if one and density else mpf(0) for one in (below, -above)]
            for what, number, wanted in zip(
                ("log F", "slope", "log(1 - F)", "slope"),
                four,
                (logs[0], slopes[0], logs[1], slopes[1]),
                strict=True,
            ):
                if (
                    abs(wanted) > numbers.max * 1e-8
                ):  # a logarithm that no number can hold may be infinite; a slope is cut off
                    assert abs(number) >= numbers.max * 0.99e-8, (what, at)
                else:
                    assert (
                        abs(number - wanted) <= accurate * abs(wanted) + numbers.tiny / numbers.eps
                    ), (what, at, number, wanted)


@pytest.mark.parametrize("name", softness.DISTRIBUTIONS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_distribution_rises_from_0_to_1(name, dtype):
    x = torch.cat(
        [-torch.logspace(12, -30, 2000), torch.zeros(1), torch.logspace(-30, 12, 2000)]
    ).to(dtype)
    log_d, log_outside = softness.log_probability(x, name, *parameters(name))
    slack = 1e-4 if dtype == torch.float32 else 1e-12  # of rounding, between neighbours
    assert not (log_d.isnan() | log_outside.isnan()).any()
    log_d, log_outside = log_d.clamp_min(-1e30), log_outside.clamp_min(-1e30)
    assert (log_d[1:] >= log_d[:-1] - slack * (1 + log_d[1:].abs())).all()
    assert (log_outside[1:] <= log_outside[:-1] + slack * (1 + log_outside[:-1].abs())).all()
    torch.testing.assert_close(
        log_d.exp() + log_outside.exp(),
        torch.ones_like(x),
        rtol=0,
        atol=1e-4 if dtype == torch.float32 else 1e-13,
    )
    d = log_d.exp()
    assert d[0] < 1e-5
    assert d[-1] > 1 - 1e-5


@pytest.mark.parametrize("name", SOFT)
def test_the_density_is_the_derivative_and_autograd_knows_it(name):
    x = torch.linspace(-6, 6, 480, dtype=torch.float64)[
        1:-1
    ]  # no point within 0.01 of -1, 0 or 1, where some have a kink
    x = x[((x.abs() - 1).abs() > 0.01) & (x.abs() > 0.01)].requires_grad_()
    shape, shift = parameters(name)
    log_d, log_outside = softness.log_probability(x, name, shape, shift)
    density = softness.density(x, name, shape, shift)
    h = 1e-5
    with torch.no_grad():
        ahead, behind = (
            softness.log_probability(x + step, name, shape, shift)[0].exp() for step in (h, -h)
        )
    torch.testing.assert_close(density, (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(torch.autograd.grad(log_d.exp().sum(), x)[0], density)
    torch.testing.assert_close(torch.autograd.grad(log_outside.exp().sum(), x)[0], -density)


def test_hard_is_a_step_without_a_gradient():
    x = torch.tensor([-1.0, 0.0, 1e-30, 1.0], requires_grad=True)
    log_d, log_outside = softness.log_probability(x, "hard")
    assert log_d.exp().tolist() == [0, 0, 1, 1]
    assert log_outside.exp().tolist() == [1, 1, 0, 0]
    assert torch.autograd.grad(log_d.exp().sum(), x)[0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetric_ones_are_and_others_are_not(name):
    x = torch.linspace(-4, 4, 50)
    assert torch.equal(softness.log_probability(x, name)[0], softness.log_probability(-x, name)[1])
    assert not torch.equal(
        softness.log_probability(x, "gumbel_max")[0], softness.log_probability(-x, "gumbel_max")[1]
    )


@pytest.mark.parametrize(("name", "other"), MIRRORED.items())
def test_a_mirror_image_is_one(name, other):
    x = torch.linspace(-4, 4, 50)
    shape, shift = parameters(name)
    log_d, log_outside = softness.log_probability(x, name, shape, shift)
    assert torch.equal(log_d, softness.log_probability(-x, other, shape, shift)[1])
    assert torch.equal(log_outside, softness.log_probability(-x, other, shape, shift)[0])


@pytest.mark.parametrize("name", ONE_SIDED)
def test_a_positive_shift_grows_the_triangle_and_its_mirror_image_shrinks_it(name):
    x = torch.linspace(-4, 4, 50, dtype=torch.float64)
    torch.testing.assert_close(
        softness.log_probability(x, name, 2.0, 0.7),
        softness.log_probability(x + 0.7, name, 2.0, 0.0),
    )
    torch.testing.assert_close(
        softness.log_probability(x, name + "_rev", 2.0, 0.7),
        softness.log_probability(x - 0.7, name + "_rev", 2.0, 0.0),
    )


def test_gamma_of_shape_1_is_the_exponential_distribution():
    x = torch.linspace(-4, 40, 50, dtype=torch.float64)
    torch.testing.assert_close(
        softness.log_probability(x, "gamma", 1.0), softness.log_probability(x, "exponential")
    )


@pytest.mark.parametrize("name", softness.DISTRIBUTIONS)
def test_as_sigma_falls_every_distribution_becomes_hard(name, scene):
    triangles, _ = scene(3, faces=1)
    square = {"size": (6, 7), "backend": "broadcast", "dist_eps": 0.0}
    hard = rasterize(triangles, distribution="hard", sigma=1.0, **square)
    assert 3 < hard.sum() < 39
    assert (
        rasterize(triangles, distribution=name, sigma=1e-14, **square) - hard
    ).abs().max() < 1e-3
    assert (
        rasterize(triangles, distribution=name, sigma=1e-14, squared=False, **square) - hard
    ).abs().max() < 1e-3


# ---------------------------------------------------------------- what counts, and how far out


@pytest.mark.parametrize("name", softness.DISTRIBUTIONS)
@pytest.mark.parametrize("dist_eps", [1e-10, 1e-4, 0.3])
def test_least_x_is_where_d_comes_to_dist_eps(name, dist_eps):
    shape, shift = parameters(name)
    x = torch.tensor(softness.least_x(name, shape, shift, dist_eps), dtype=torch.float64)
    step = 1e-9 * (x.abs() + 1e-6)
    if name == "hard":
        assert x == 0
    else:
        assert softness.log_probability(x, name, shape, shift)[0].exp().item() == pytest.approx(
            dist_eps, rel=1e-9
        )
    assert (
        softness.log_probability(x - step, name, shape, shift)[0].exp()
        < dist_eps
        < softness.log_probability(x + step, name, shape, shift)[0].exp() * (1 + 1e-7)
    )


def test_without_a_cut_the_support_decides_how_far_a_triangle_reaches():
    ends = {name: softness.least_x(name, *parameters(name), 0.0) for name in softness.DISTRIBUTIONS}
    assert {name for name, end in ends.items() if end > -math.inf} == {"hard", *FINITE, *ONE_SIDED}
    assert all(ends[name] == -1 for name in FINITE)
    assert all(ends[name] == 0 for name in ("hard", *ONE_SIDED))
    assert softness.least_x("levy", 1.0, 0.5, 0.0) == -0.5
    assert softness.least_x("exponential_rev", 1.0, 0.5, 0.0) == -math.inf
    assert softness.reach(0.04, 0.0, "uniform") == pytest.approx(0.2)
    assert softness.reach(0.04, 0.0, "uniform", squared=False) == pytest.approx(0.04)
    assert softness.reach(0.04, 0.0, "gamma") == 0
    assert softness.reach(0.04, 0.0, "cauchy") == math.inf


def test_the_reach_of_softras_is_what_it_was():
    assert all(
        softness.reach(sigma, e) == math.sqrt(sigma * math.log(1 / e - 1))
        for sigma in (1e-7, 3e-4, 1.0)
        for e in (1e-10, 1e-4, 0.49)
    )


def options(height: int, width: int, **changes: object) -> Options:
    plain = {
        "sigma": 0.1,
        "gamma": 0.1,
        "eps": 1e-3,
        "near": 1.0,
        "far": 100.0,
        "dist_eps": 0.0,
        "distance": "euclidean",
    }
    return Options(
        height=height,
        width=width,
        **{**plain, "perspective_correct": False, "cull_backfaces": False, **changes},
    )


@pytest.mark.parametrize("name", ["hard", *FINITE, *ONE_SIDED])
@pytest.mark.parametrize("squared", [True, False])
def test_a_finite_support_culls_exactly(scene, boundary_distances, name, squared):
    triangles, _ = scene(4, faces=5)
    o = options(9, 8, sigma=0.09 if squared else 0.3, squared=squared, distribution=name, shape=2.0)
    face, pixel, _ = live_pairs(triangles, torch.ones(1, 5, dtype=torch.bool), o)
    center = formulas.pixel_centers(9, 8, dtype=torch.float64)
    inside = torch.stack(
        [
            torch.stack(formulas.barycentric(center, triangle[:, :2])).amin(0) > 0
            for triangle in triangles
        ]
    )
    counts = (
        inside | (boundary_distances(triangles, 9, 8) < 0.3) if name in FINITE else inside
    )  # sqrt(0.09) = 0.3
    wanted = {(f, 8 * i + j) for f, i, j in counts.nonzero().tolist()}
    assert set(zip(face.tolist(), pixel.tolist(), strict=True)) == wanted
    assert inside.sum() <= len(wanted) < 0.8 * 5 * 72


@pytest.mark.parametrize("name", softness.DISTRIBUTIONS)
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("dist_eps", [0.0, 1e-4, 0.2])
def test_boxes_hold_every_pair_that_counts(scene, name, distance, squared, dist_eps):
    shape, shift = parameters(name)
    for seed, sigma, dtype in itertools.product(
        range(2), (1e-3, 0.1), (torch.float32, torch.float64)
    ):
        triangles, _ = scene(seed, faces=6, dtype=dtype)
        o = options(
            11,
            10,
            sigma=sigma,
            squared=squared,
            distance=distance,
            distribution=name,
            shape=shape,
            shift=shift,
            dist_eps=dist_eps,
        )
        face, pixel, _ = live_pairs(triangles, torch.ones(1, 6, dtype=torch.bool), o)
        center = formulas.pixel_centers(11, 10, dtype=dtype).reshape(1, -1, 2)
        xy = triangles[:, None, :, :2]
        x = formulas.signed_logit(
            center, xy, formulas.barycentric(center, xy), sigma, distance, squared
        )
        log_d, _ = softness.log_probability(x, name, shape, shift)
        wanted = ((log_d >= o.log_dist_eps) & (log_d > -math.inf)).nonzero().tolist()
        assert [list(pair) for pair in zip(face.tolist(), pixel.tolist(), strict=True)] == wanted


# ---------------------------------------------------------------- conorms

PARAMETERS = [(name, p) for name, p in [*((n, 1.0) for n in ("hard", "max", "probabilistic", "einstein")), *(("hamacher", p) for p in (0.0, 0.3, 1.0, 5.0)),
    *(("frank", p) for p in (1e-6, 0.5, 1 + 1e-9, 2.0, 1e6)), *((n, p) for n in ("yager", "aczel_alsina", "dombi") for p in (0.5, 1.0, 2.0, 7.0)),
    *(("schweizer_sklar", p) for p in (-1e-6, -0.5, -2.0, -7.0))]]  # fmt: skip
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


@pytest.mark.parametrize("backend", ["loops", "broadcast", "pairs"])
def test_dib_r_is_exponential_rev_on_the_squared_distance(scene, boundary_distances, backend):
    """DIB-R (arXiv 1908.01210): a pixel that no face covers has alpha 1 - prod(1 - exp(-d^2 / delta)); a covered one has 1."""
    triangles, _ = scene(6, faces=3)
    delta = 0.05
    alpha = rasterize(
        triangles,
        size=(6, 7),
        sigma=delta,
        dist_eps=0.0,
        distribution="exponential_rev",
        backend=backend,
    )[..., 0]
    center = formulas.pixel_centers(6, 7, dtype=torch.float64)
    covered = torch.stack(
        [
            torch.stack(formulas.barycentric(center, triangle[:, :2])).amin(0) > 0
            for triangle in triangles
        ]
    ).any(0)
    outside = 1 - (1 - torch.exp(-(boundary_distances(triangles, 6, 7) ** 2) / delta)).prod(0)
    assert 0 < covered.sum() < 42
    torch.testing.assert_close(alpha, torch.where(covered, 1.0, outside))


# ---------------------------------------------------------------- names


def test_every_name_has_its_definition_in_the_same_order():
    assert tuple(distributions.FAMILY) == softness.DISTRIBUTIONS
    assert tuple(conorms.FAMILY) == softness.CONORMS


def test_defaults_of_the_parameters():
    assert {name: parameters(name) for name in ("logistic", "gamma", "gamma_rev", "levy")} == {
        "logistic": (1.0, 0.0), "gamma": (2.0, 0.0), "gamma_rev": (2.0, 0.0), "levy": (1.0, 0.0),
    }  # fmt: skip
    p = {
        name: softness.check_softness("logistic", True, None, None, name, None)[2]
        for name in softness.CONORMS
    }
    assert p == {
        "hard": 1,
        "max": 1,
        "probabilistic": 1,
        "einstein": 1,
        "hamacher": 0,
        "frank": 2,
        "yager": 2,
        "aczel_alsina": 2,
        "dombi": 2,
        "schweizer_sklar": -2,
    }
