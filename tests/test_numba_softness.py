"""GenDR's distributions and conorms in the numba backend, where `test_gendr.py` does not look.

Number by number in both tails, ugly scenes, threads, and that turning a dial never compiles.
`softness` in float64 is the reference.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import random
from types import SimpleNamespace

import pytest
import torch
from ugly import (
    KINDS,
    backdrop,
    check,
    fan,
    image_and_gradients,
    options,
    random_case,
    rounding,
    soup,
)

from softras_edu import softness
from softras_edu.rasterizers import numba_cpu
from softras_edu.rasterizers.broadcast import rasterize_broadcast
from softras_edu.rasterizers.numba_cpu import boxes as numba_boxes
from softras_edu.rasterizers.numba_cpu import (
    color,
    conorms,
    distributions,
    gendr,
    lanes,
    numbers,
    pair,
    rasterize_numba,
    silhouette,
)
from softras_edu.rasterizers.numba_cpu import kernels as numba_kernels
from softras_edu.softness import CONORMS, DISTRIBUTIONS

pytestmark = pytest.mark.skipif(numba_cpu.why_not() is not None, reason=str(numba_cpu.why_not()))
KERNELS = (
    numba_boxes.all_finite,
    numba_boxes.reach_boxes,
    numba_kernels.forward_rows,
    numba_kernels.backward_pixels,
    numba_kernels.backward_faces,
)

PS = {
    "hamacher": (0.3, 1.0, 7.0),
    "frank": (0.01, 0.9, 2.0, 1e6),
    "schweizer_sklar": (-0.5, -2.0, -7.0),
}
PS |= dict.fromkeys(("yager", "aczel_alsina", "dombi"), (0.5, 1.0, 2.0, 7.0))


def far_and_wide() -> list[float]:
    """x in both tails, around 0, and around the ends of the finite supports."""
    positive = [10.0**k for k in range(-12, 3)] + [
        0.3,
        0.69,
        0.7,
        0.71,
        0.99,
        1 - 2**-30,
        1 + 2**-30,
        1.5,
        2.5,
        3.7,
        6.0,
        17.0,
        29.9,
        30.1,
        37.0,
        300.0,
    ]
    return [0.0, *positive, *(-x for x in positive)]


# ---------------------------------------------------------------- number by number


def test_the_numbers_of_distributions_and_conorms_are_their_places_in_the_lists():
    numbered = [getattr(distributions, name.upper()) for name in DISTRIBUTIONS]
    assert numbered == list(range(18))
    assert [getattr(conorms, name.upper()) for name in CONORMS] == list(range(10))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_logarithms_and_slopes_in_both_tails(distribution):
    for shape, shift in itertools.product(
        (0.5, 2.0, 10.0) if distribution in softness.SHAPE else (1.0,), (0.0, 1.5, -0.25)
    ):
        if shift and distribution not in softness.SHIFT:
            continue
        x = torch.tensor(far_and_wide(), dtype=torch.float64, requires_grad=True)
        wanted = softness.log_probability(x, distribution, shape, shift)
        slopes = [torch.autograd.grad(value.sum(), x, retain_graph=True)[0] for value in wanted]
        which = DISTRIBUTIONS.index(distribution), shape, shift, math.lgamma(shape + 1)
        got = torch.tensor(
            [distributions.tails(v, *which) for v in x.tolist()], dtype=torch.float64
        ).T
        torch.testing.assert_close(
            got, torch.stack([*wanted, *slopes]).detach(), rtol=1e-11, atol=1e-300
        )


def test_distributions_at_infinity():
    for k in range(len(DISTRIBUTIONS)):
        assert distributions.tails(-math.inf, k, 2.0, 0.0, math.log(2)) == (
            -math.inf,
            0.0,
            0.0,
            0.0,
        )
        assert distributions.tails(math.inf, k, 2.0, 0.0, math.log(2)) == (
            0.0,
            -math.inf,
            0.0,
            0.0,
        )


@pytest.mark.parametrize("distribution", ["logistic", "uniform"])
def test_loops_over_several_lanes_say_the_same(distribution):
    s = torch.zeros(lanes.ROWS, lanes.LANES, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    x = torch.cat(
        [
            torch.tensor([-math.inf, -1.0, -0.0, 0.0, 1.0, 1 - 2**-53, 2**-53 - 1, 40.0]),
            2.2 * torch.rand(56, generator=generator) - 1.1,
        ]
    ).double()
    s[lanes.LOGIT // lanes.LANES] = x
    dials = numba_cpu.dials(options((1, 1), distribution=distribution))
    gendr.soften(s.view(-1).numpy(), 64, True, dials)
    rows = [
        s[k // lanes.LANES]
        for k in (lanes.LOG_D, lanes.LOG_OUTSIDE, lanes.SLOPE_D, lanes.SLOPE_OUTSIDE)
    ]
    wanted = torch.tensor(
        [distributions.tails(v, dials.distribution, 1.0, 0.0, 0.0) for v in x.tolist()],
        dtype=torch.float64,
    ).T
    torch.testing.assert_close(torch.stack(rows)[:, 1:], wanted[:, 1:], rtol=1e-14, atol=0)
    assert rows[0][0] == -math.inf  # a pair that is left out
    assert rows[1][0] == 0


@pytest.mark.parametrize("conorm", [name for name in CONORMS if name != "hard"])
def test_conorms_and_their_slopes_near_0_and_1(conorm):
    kind = CONORMS.index(conorm)
    values = (1e-30, 1e-12, 1e-5, 0.01, 0.3, 0.499999, 0.500001, 0.7, 0.999)
    for p in PS.get(conorm, (1.0,)):
        for a, b in itertools.product(values, values):
            if conorm == "max" and a == b:
                continue
            logs = torch.tensor(
                [[math.log(a), math.log(b)], [math.log1p(-a), math.log1p(-b)]], dtype=torch.float64
            )
            d = torch.tensor([a, b], dtype=torch.float64, requires_grad=True)
            log_d = d.log() - d.log().detach() + logs[0]
            log_outside = torch.log1p(-d) - torch.log1p(-d).detach() + logs[1]
            wanted = softness.aggregate(log_d, log_outside, conorm, p, dim=0)
            slope = torch.autograd.grad(wanted, d)[0][1].item()
            lift_sum = conorms.no_faces(kind)
            for n in range(2):
                lift_sum = conorms.join(lift_sum, conorms.lift(*logs[:, n].tolist(), kind, p), kind)
            alpha, slope_alpha = conorms.alpha_and_slope(lift_sum, kind, p)
            assert alpha == pytest.approx(wanted.item(), rel=1e-11, abs=0)
            if conorm == "max" and a > b:
                continue  # the kernel asks only the winner
            got = slope_alpha * conorms.lift_sum_slope(
                *logs[:, 1].tolist(), 1 / b, -1 / (1 - b), lift_sum, kind, p
            )
            assert got == pytest.approx(slope, rel=1e-7, abs=1e-12)


@pytest.mark.parametrize("conorm", CONORMS)
def test_conorms_of_no_face_and_of_a_face_that_hides_all(conorm):
    kind = CONORMS.index(conorm)
    for p in PS.get(conorm, (1.0,)):
        alpha, slope = conorms.alpha_and_slope(conorms.no_faces(kind), kind, p)
        assert (alpha, math.copysign(1, alpha)) == (0, 1)
        assert math.isfinite(slope)
        lift_sum = conorms.join(
            conorms.no_faces(kind), conorms.lift(0.0, -math.inf, kind, p), kind
        )  # D = 1
        for _ in range(2):
            alpha, slope = conorms.alpha_and_slope(lift_sum, kind, p)
            assert alpha == pytest.approx(1, abs=1e-15)
            assert alpha <= 1
            assert (
                slope
                * conorms.lift_sum_slope(math.log(0.3), math.log(0.7), 1.0, -1.0, lift_sum, kind, p)
                == pytest.approx(0, abs=1e-15)
                or conorm == "max"
            )
            assert conorms.lift_sum_slope(0.0, -math.inf, 0.0, 0.0, lift_sum, kind, p) == 0
            lift_sum = conorms.join(
                lift_sum, conorms.lift(math.log(0.3), math.log(0.7), kind, p), kind
            )


# ---------------------------------------------------------------- pictures


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("conorm", CONORMS)
def test_ugly_scenes_agree(distribution, conorm):
    chance = random.Random(f"{distribution} {conorm}")
    for _ in range(3):
        kind = chance.choice(
            [k for k in KINDS if conorm != "max" or k is not fan]
        )  # faces of a fan are equally near, and the last bit chooses one
        triangles, colors, o = random_case(kind, chance.randrange(10**6))
        shape = chance.choice((0.5, 2.0, 3.3)) if distribution in softness.SHAPE else 1.0
        shift = chance.choice((0.0, 0.5, -0.3)) if distribution in softness.SHIFT else 0.0
        p = chance.choice(PS.get(conorm, (1.0,)))
        o = dataclasses.replace(
            o,
            distribution=distribution,
            squared=chance.random() < 0.5,
            shape=shape,
            shift=shift,
            conorm=conorm,
            p=p,
        )
        check(rasterize_numba, triangles, colors, o, tolerance=1e-10 + rounding(triangles, o.gamma))


@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_box_loses_no_pair(distribution, squared):
    generator = torch.Generator().manual_seed(3)
    for sigma, dist_eps in itertools.product((1e-3, 0.1), (0.0, 1e-3, 0.3)):
        triangles = soup(generator, 10)[:, None]
        o = options(
            (21, 34), sigma=sigma, dist_eps=dist_eps, distribution=distribution, squared=squared
        )
        alpha = rasterize_numba(triangles, None, backdrop(triangles, 0, o), o)
        wanted = rasterize_broadcast(triangles, None, backdrop(triangles, 0, o), o)
        assert torch.equal(alpha > 1e-250, wanted > 1e-250)


@pytest.mark.parametrize("distribution", ["uniform", "cubic_hermite", "wigner_semicircle"])
def test_a_finite_support_makes_the_boxes_small(distribution):
    triangles = soup(torch.Generator().manual_seed(0), 40)[None] * torch.tensor(
        [0.2, 0.2, 1.0], dtype=torch.float64
    )
    pairs = {}
    for name in (distribution, "logistic"):
        box = torch.empty(40, 4, dtype=torch.int64).numpy()
        o = options((64, 64), sigma=1e-3, distribution=name)
        numba_boxes.reach_boxes(0, 40, triangles[0].numpy(), box, numba_cpu.dials(o))
        pairs[name] = int(numba_cpu.face_costs(box).sum())
    assert pairs["logistic"] == 40 * 64 * 64  # dist_eps = 0: all of them
    assert pairs[distribution] < pairs["logistic"] / 20


def test_of_two_largest_faces_the_first_gets_the_gradient():
    triangles = soup(torch.Generator().manual_seed(1), 1).repeat(3, 1, 1)[None]
    triangles = torch.cat([triangles, triangles])
    o = options((9, 9), conorm="max")
    image, grad, _ = image_and_gradients(
        rasterize_numba, triangles, None, backdrop(triangles, 0, o), o
    )
    assert (image > 0).any()
    assert (grad[:, 0, :, :2] != 0).any(-1).all()
    assert (grad[:, 1:] == 0).all()


@pytest.mark.parametrize("squared", [True, False])
def test_a_pixel_right_on_an_edge_has_a_finite_gradient(squared):
    # The pixels of column 6, at x = 0.3, lie on the face's edge; d has a kink there, whose slope is
    # called 0.
    triangle = torch.tensor(
        [[[[-0.5, -9.0, 2.0], [0.3, -9.0, 2.0], [0.3, 9.0, 2.0]]]], dtype=torch.float64
    )
    for distribution, conorm in itertools.product(DISTRIBUTIONS, CONORMS):
        o = options(
            (10, 10),
            sigma=0.1,
            distribution=distribution,
            conorm=conorm,
            p=-2.0 if conorm == "schweizer_sklar" else 2.0,
            squared=squared,
        )
        result = image_and_gradients(
            rasterize_numba, triangle, torch.ones_like(triangle), backdrop(triangle, 3, o), o
        )
        wanted = rasterize_broadcast(
            triangle, torch.ones_like(triangle), backdrop(triangle, 3, o), o
        )
        if "hard" not in (distribution, conorm):  # which jump there
            torch.testing.assert_close(result[0], wanted, rtol=0, atol=1e-12)
        assert all(x.isfinite().all() for x in result)


# ---------------------------------------------------------------- threads, compiling


@pytest.mark.parametrize(
    ("distribution", "conorm"),
    [
        ("gaussian", "max"),
        ("uniform", "probabilistic"),
        ("logistic", "yager"),
        ("gamma", "einstein"),
    ],
)
def test_the_same_bits_on_any_number_of_threads(distribution, conorm):
    triangles = torch.stack([soup(torch.Generator().manual_seed(k), 60) for k in range(2)])
    colors = torch.rand(
        2, 60, 3, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    o = options((41, 37), sigma=1e-2, distribution=distribution, conorm=conorm, shape=2.0, p=2.0)
    results = []
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 3, 7):
            torch.set_num_threads(count)
            results.append(
                image_and_gradients(
                    rasterize_numba, triangles, colors, backdrop(triangles, 2, o), o
                )
            )
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_turning_a_dial_never_compiles():
    numba_cpu.warm()
    functions = [
        f
        for module in (pair, numbers, gendr, distributions, conorms, silhouette, color, lanes)
        for f in vars(module).values()
        if hasattr(f, "signatures")
    ]
    before = [len(f.signatures) for f in functions]
    triangles = soup(torch.Generator().manual_seed(0), 3)[None]
    for distribution, conorm, squared in itertools.product(DISTRIBUTIONS, CONORMS, (True, False)):
        o = options(
            (2, 3),
            distribution=distribution,
            conorm=conorm,
            squared=squared,
            shape=2,
            shift=0,
            p=-1 if conorm == "schweizer_sklar" else 2,
        )
        image_and_gradients(rasterize_numba, triangles, None, backdrop(triangles, 0, o), o)
    assert [len(f.signatures) for f in functions] == before
    assert [len(kernel.signatures) for kernel in KERNELS] == [2] * 5


FILES = sorted(file.name for file in numba_cpu.FOLDER.glob("*.py"))


@pytest.mark.parametrize("file", FILES)
def test_machine_code_older_than_any_of_its_files_is_thrown_away(tmp_path, monkeypatch, file):
    # Formulas from every file are inlined into the kernels; numba looks at the kernels' own only.
    kernel = SimpleNamespace(
        stats=SimpleNamespace(cache_path=str(tmp_path)),
        __name__="forward_rows",
        __module__=numba_kernels.__name__,
    )
    index, other = (
        tmp_path / f"kernels.{name}-1.py311.nbi" for name in ("forward_rows", "backward_faces")
    )
    sources = tmp_path / "sources"
    sources.mkdir()
    for path in (index, other, *(sources / name for name in FILES)):
        path.touch()
        os.utime(path, (1000, 1000))
    monkeypatch.setattr(numba_cpu, "FOLDER", sources)
    numba_cpu.forget_stale(kernel)
    assert index.exists()
    os.utime(sources / file, (1010, 1010))
    numba_cpu.forget_stale(kernel)
    assert not index.exists()
    assert other.exists()  # of another kernel, which asks for itself


def test_all_of_the_soft_rasterizer_is_on_one_side_of_the_branch():
    # A field that tells GenDR's family apart, forgotten in `dials`, would draw the wrong picture.
    assert not numba_cpu.dials(options((1, 1))).gendr
    for change in ({"distribution": "laplace"}, {"squared": False}, {"conorm": "max"}):
        assert numba_cpu.dials(options((1, 1), **change)).gendr
