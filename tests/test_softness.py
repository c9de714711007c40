"""The distributions of GenDR, each against its textbook formula and against what makes it one.

The formulas are written out here once more, in 60 digits (mpmath), as research papers have them:
nothing of `distributions.py` is used for that. `test_conorms.py` does so for the conorms.
"""

from __future__ import annotations

import itertools
import math
from functools import partial

import mpmath
import pytest
import torch
from compare import options as plain_options
from covering import covering
from mpmath import mpf

from softras_edu import formulas, rasterize, softness
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

# ---------------------------------------------------------------- as a textbook has them


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
    0.0, 1e-12, 1e-6, 1e-3, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.9999, 0.999999, 1.0, 1.7,
    2.9, 3.1, 5.0, 8.0, 17.0, 40.0, 87.0, 110.0, 700.0, 1e4,
]  # fmt: skip
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
    for sigma in (1e-7, 3e-4, 1.0):
        for e in (1e-10, 1e-4, 0.49):
            wanted = math.sqrt(sigma * math.log(1 / e - 1))
            assert softness.reach(sigma, e) == formulas.reach(sigma, e) == wanted
        assert softness.reach(sigma, 0) == formulas.reach(sigma, 0) == math.inf


options = partial(plain_options, sigma=0.1, gamma=0.1)


@pytest.mark.parametrize("name", ["hard", *FINITE, *ONE_SIDED])
@pytest.mark.parametrize("squared", [True, False])
def test_a_finite_support_culls_exactly(scene, boundary_distances, name, squared):
    triangles, _ = scene(4, faces=5)
    o = options(
        (9, 8), sigma=0.09 if squared else 0.3, squared=squared, distribution=name, shape=2.0
    )
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


BOXES = covering(
    {
        "distribution": softness.DISTRIBUTIONS,
        "distance": ("euclidean", "barycentric"),
        "squared": (True, False),
        "dist_eps": (0.0, 1e-4, 0.2),
    }
)


@pytest.mark.parametrize("case", BOXES, ids=lambda case: "-".join(map(str, case.values())))
def test_boxes_hold_every_pair_that_counts(scene, case):
    name = case["distribution"]
    shape, shift = parameters(name)
    for seed, sigma, dtype in itertools.product(
        range(2), (1e-3, 0.1), (torch.float32, torch.float64)
    ):
        triangles, _ = scene(seed, faces=6, dtype=dtype)
        o = options((11, 10), sigma=sigma, shape=shape, shift=shift, **case)
        face, pixel, _ = live_pairs(triangles, torch.ones(1, 6, dtype=torch.bool), o)
        center = formulas.pixel_centers(11, 10, dtype=dtype).reshape(1, -1, 2)
        xy = triangles[:, None, :, :2]
        v = formulas.barycentric(center, xy)
        x = formulas.signed_logit(center, xy, v, sigma, o.distance, o.squared)
        log_d, _ = softness.log_probability(x, name, shape, shift)
        wanted = ((log_d >= o.log_dist_eps) & (log_d > -math.inf)).nonzero().tolist()
        assert [list(pair) for pair in zip(face.tolist(), pixel.tolist(), strict=True)] == wanted


@pytest.mark.parametrize("backend", ["loops", "broadcast", "pairs"])
def test_dib_r_is_exponential_rev_on_the_squared_distance(scene, boundary_distances, backend):
    """DIB-R (arXiv 1908.01210).

    A pixel that no face covers has alpha 1 - prod(1 - exp(-d^2 / delta)); a covered one has 1.
    """
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
