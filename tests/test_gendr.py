"""GenDR's whole family on every backend: 18 distributions, squared or not, times 10 conorms.

Each combination is compared with `broadcast`, image and gradients, and the gradient of `broadcast`
with finite differences. `loops` shares no formula with it, so agreement means something. Scenes
are random with fixed seeds, and no pixel of theirs is at a jump or a kink (of which these choices
have many).

By default the cases are a covering array (`covering.py`): any two choices meet in one of them, the
other options of `rasterize` among them. The rest of the grid has the marker `full_grid`.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
import torch
from compare import check_draw, named, values_and_gradients
from covering import Case, covering
from torch import Tensor
from torch.autograd import gradcheck

from softras_edu import backends, rasterize
from softras_edu.softness import CONORMS, DISTRIBUTIONS

BACKENDS = [name for name in ("broadcast", "pairs", "loops", "numba") if backends()[name] == "ok"]
QUICK = [name for name in BACKENDS if name != "loops"]
OTHERS = [name for name in BACKENDS if name != "broadcast"]
TRITON = ["triton"] if backends()["triton"] == "ok" else []
DEVICE = {"triton": "cuda" if torch.cuda.is_available() else "cpu"}  # of all others: "cpu"
pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning:triton"),  # numpy's: log(0) and the like
]
SETTING = {
    "size": (3, 4),
    "sigma": 0.3,
    "gamma": 0.3,
    "near": 1.0,
    "far": 10.0,
    "eps": 0.6,  # in the range of the faces' depths
    "dist_eps": 0.0,
    "background": 0.4,
}

# ---------------------------------------------------------------- which cases

FAMILY = {"distribution": DISTRIBUTIONS, "squared": (True, False), "conorm": CONORMS}
OPTIONS = {
    "distance": ("euclidean", "barycentric"),
    "perspective_correct": (False, True),
    "cull_backfaces": (False, True),
    "channels": (None, 1, 3),
}


def label(case: Case) -> str:
    """What pytest calls a case, and what -k finds: gaussian-not_squared-max-barycentric-..."""
    words = {"squared": ("not_squared", "squared")}
    words |= {"perspective_correct": ("on_screen", "perspective")}
    words |= {"cull_backfaces": ("both_sides", "culled")}
    named = {name: words[name][x] if name in words else str(x) for name, x in case.items()}
    return "-".join(named.values())


def cases(some: list[Case], rest: bool = False) -> pytest.MarkDecorator:
    """The parameter `case`: some combinations, and with `rest` those of the grid that are left."""
    params = [pytest.param(case, id=label(case)) for case in some]
    done = {tuple(case[name] for name in FAMILY) for case in some}
    for combination in product(*FAMILY.values()) if rest else ():
        if combination not in done:
            case = dict(zip(FAMILY, combination, strict=True))
            params.append(pytest.param(case, id=label(case), marks=pytest.mark.full_grid))
    return pytest.mark.parametrize("case", params)


# Any two choices, of the other options too: 180 cases, since 18 distributions meet 10 conorms.
COVERING = covering(FAMILY | OPTIONS)
# Each distribution, squared and not, and each conorm, where these need not meet: 36 cases each.
ALONE = {name: FAMILY[name] for name in ("distribution", "squared")}
MORE = {"distance": OPTIONS["distance"], "dist_eps": (0.0, 0.02)}
EACH, CUTS = (
    [{**case, "conorm": CONORMS[k % len(CONORMS)]} for k, case in enumerate(covering(factors))]
    for factors in (ALONE, ALONE | MORE)
)


def test_the_cases_hold_every_choice_and_the_grid_is_whole() -> None:
    params = cases(COVERING, rest=True).args[1]
    grid = [tuple(param.values[0][name] for name in FAMILY) for param in params]
    assert sorted(grid) == sorted(product(*FAMILY.values()))
    for some in (COVERING, EACH, CUTS):
        assert {case["distribution"] for case in some} == set(DISTRIBUTIONS)
        assert {case["conorm"] for case in some} == set(CONORMS)
    for name in FAMILY:  # of the sample that the slow triton does, too
        assert {case[name] for case in COVERING[::2]} == set(FAMILY[name])


def skip_most(backend: str, case: Case, one_in: int = 10) -> None:
    """Of the slow triton (in its interpreter, or two kernels to compile a case) a sample."""
    if case in COVERING:  # by its place: there the choices hang together, odd ones with odd ones
        index = COVERING.index(case)
    else:
        index = DISTRIBUTIONS.index(case["distribution"]) + 5 * case["squared"]
        index -= CONORMS.index(case["conorm"])
    if backend in TRITON and index % one_in:
        pytest.skip("slow: triton does a sample")


# Other parameters than the defaults, each in a setting where it matters.
PARAMETERS = [
    {"distribution": "gamma", "shape": 0.5, "shift": 0.7},
    {"distribution": "gamma_rev", "shape": 7.0, "shift": -0.3},
    {"distribution": "exponential", "shift": 0.4, "conorm": "hamacher", "p": 3.0},
    {"distribution": "exponential_rev", "shift": -0.4, "conorm": "einstein"},
    {"distribution": "levy", "shift": 0.5, "conorm": "yager", "p": 0.7},
    {"distribution": "levy_rev", "shift": 0.5, "conorm": "aczel_alsina", "p": 0.5},
    {"conorm": "hamacher", "p": 1.0},
    {"conorm": "frank", "p": 0.01},
    {"conorm": "frank", "p": 1000.0},
    {"conorm": "yager", "p": 6.0},
    {"conorm": "dombi", "p": 0.5},
    {"conorm": "schweizer_sklar", "p": -0.3},
]
some_parameters = pytest.mark.parametrize(
    "options", PARAMETERS, ids=lambda options: "-".join(map(str, options.values()))
)
every_conorm = pytest.mark.parametrize("conorm", CONORMS)


# ---------------------------------------------------------------- the two comparisons


def agrees(
    backend: str, triangles: Tensor, colors: Tensor | None, tolerance: float = 1e-10, **options: Any
) -> list[Tensor]:
    """The backend has the image and the gradients of broadcast in float64."""
    draws = [named(name, **{**SETTING, **options}) for name in (backend, "broadcast")]
    device = DEVICE.get(backend, "cpu")
    return check_draw(*draws, triangles, colors, None, tolerance, device)


def check_gradient(
    backend: str, triangles: Tensor, colors: Tensor, fast_mode: bool = True, **options: Any
) -> None:
    """Against finite differences: of one random direction (`fast_mode`), or number by number."""

    def draw(t: Tensor, c: Tensor) -> Tensor:
        return rasterize(t, c, backend=backend, **{**SETTING, "size": (2, 2), **options})

    inputs = tuple(x.to(DEVICE.get(backend, "cpu")).requires_grad_() for x in (triangles, colors))
    assert gradcheck(draw, inputs, fast_mode=fast_mode, check_undefined_grad=False)


@pytest.mark.parametrize("backend", [*OTHERS, *TRITON])
@cases(COVERING, rest=True)
def test_every_combination_agrees(scene, backend, case):
    skip_most(backend, case, one_in=10 if DEVICE.get(backend) == "cuda" else 2)
    options = dict(case)
    channels = options.pop("channels", 1)
    triangles, colors = scene(20, faces=3, channels=channels or 1)
    triangles[1] = triangles[1].flip(0)  # a back face among the three, for `cull_backfaces`
    agrees(backend, triangles, None if channels is None else colors, **options)


@pytest.mark.parametrize("backend", ["broadcast"])  # whose gradients the others have, see above
@cases(COVERING, rest=True)
def test_every_combination_passes_gradcheck(scene, backend, case):
    options = dict(case)
    triangles, colors = scene(20, faces=2, channels=options.pop("channels", 1) or 1)
    triangles[1] = triangles[1].flip(0)
    check_gradient(backend, triangles, colors, **options)


SAMPLE = list(zip(DISTRIBUTIONS, (*CONORMS, *CONORMS[2:]), strict=True))


@pytest.mark.parametrize(
    ("backend", "distribution", "conorm"),
    [
        pytest.param(backend, *choice, marks=[pytest.mark.full_grid] if (i + j) % 4 else [])
        for i, backend in enumerate(BACKENDS)  # each choice on one of the rungs
        for j, choice in enumerate(SAMPLE)
    ],
)
def test_a_sample_passes_gradcheck_number_by_number(scene, backend, distribution, conorm):
    triangles, colors = scene(22, faces=2, channels=1)
    options = {"distribution": distribution, "conorm": conorm}
    options["squared"] = len(distribution) % 2 == 0
    check_gradient(backend, triangles, colors, fast_mode=False, **options)


@pytest.mark.parametrize("backend", [*BACKENDS, *TRITON])
@some_parameters
def test_other_parameters_agree_and_pass_gradcheck(scene, backend, options):
    triangles, colors = scene(20, faces=2, channels=1)
    image = agrees(backend, triangles, colors, **options)[0]
    if backend not in TRITON:  # slow; its gradients have been compared with those that pass
        check_gradient(backend, triangles, colors, **options)
    plain = {name: options[name] for name in ("distribution", "conorm") if name in options}
    assert not torch.equal(image, agrees(backend, triangles, colors, **plain)[0])


@pytest.mark.parametrize("backend", [*OTHERS, *TRITON])
@cases(CUTS)
def test_distances_and_cuts_agree(scene, backend, case):
    skip_most(backend, case, one_in=3)
    triangles, _ = scene(23, faces=3)
    agrees(backend, triangles, None, sigma=0.05, **case)


# ---------------------------------------------------------------- float32


@pytest.mark.parametrize("backend", [*QUICK, *TRITON])
@cases(EACH, rest=True)
def test_float32_is_finite_at_the_smallest_sigma_and_gamma_and_on_an_edge(scene, backend, case):
    skip_most(backend, case)
    triangles, colors = scene(3, faces=3, channels=1, dtype=torch.float32)
    # Pixel centres on its corners and its bottom edge:
    triangles[0, :, :2] = torch.tensor([[-0.5, -0.5], [0.5, -0.5], [0.0, 0.5]])
    inputs = [x.to(DEVICE.get(backend, "cpu")) for x in (triangles, colors)]
    for sigma, dist_eps in ((1e-7, 0.0), (1e-7, 1e-4), (1.0, 0.0)):
        options = {**SETTING, "size": (2, 3), "sigma": sigma, "gamma": 1e-7, "dist_eps": dist_eps}
        image, *gradients = values_and_gradients(named(backend, **options, **case), *inputs, None)
        assert ((image[..., -1] >= 0) & (image[..., -1] <= 1)).all()
        assert all(x.isfinite().all() for x in (image, *gradients))


@pytest.mark.parametrize("backend", [*QUICK, *TRITON])
@cases(EACH, rest=True)
def test_float32_agrees_with_float64(scene, backend, case):
    skip_most(backend, case)
    triangles, colors = scene(20, faces=3, channels=1, dtype=torch.float32)
    agrees(backend, triangles, colors, tolerance=1e-3, **case)


# ---------------------------------------------------------------- laws


@pytest.mark.parametrize("backend", [*BACKENDS, *TRITON])
@every_conorm
def test_no_face_and_no_face_that_counts_give_the_background(scene, backend, conorm):
    triangles, colors = (x.to(DEVICE.get(backend, "cpu")) for x in scene(1, faces=2))
    draw = named(backend, **SETTING, conorm=conorm, distribution="uniform")
    empty = torch.tensor([0.4, 0.4, 0.4, 0.0], dtype=torch.float64).expand(3, 4, 4)
    for some in (0, 2):  # none, and two beyond the edge of the picture
        image, *gradients = values_and_gradients(draw, triangles[:some] + 50, colors[:some], None)
        assert torch.equal(image, empty)
        assert all((gradient == 0).all() for gradient in gradients)


@pytest.mark.parametrize("backend", [*BACKENDS, *TRITON])
@every_conorm
def test_faces_may_come_in_any_order(scene, backend, conorm):
    triangles = scene(25, faces=5)[0].to(DEVICE.get(backend, "cpu"))
    options = {**SETTING, "conorm": conorm, "backend": backend, "distribution": "gaussian"}
    one, other = rasterize(triangles, **options), rasterize(triangles.flip(0), **options)
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("backend", [*BACKENDS, *TRITON])
def test_of_equal_faces_the_first_gets_the_gradient_of_max(scene, backend):
    alone = scene(25, faces=1)[0].to(DEVICE.get(backend, "cpu"))
    grads = []
    for triangles in (alone.clone(), alone.repeat(3, 1, 1)):
        triangles.requires_grad_()
        image = rasterize(triangles, **SETTING, conorm="max", backend=backend)
        grads.append(torch.autograd.grad(image.square().sum(), triangles)[0])
    assert grads[0].any()
    torch.testing.assert_close(grads[1][:1], grads[0], rtol=1e-12, atol=1e-12)
    assert (grads[1][1:] == 0).all()


@pytest.mark.parametrize("backend", [*BACKENDS, *TRITON])
def test_one_face_alone_has_the_alpha_d_whatever_the_conorm(scene, backend):
    triangles = scene(25, faces=1)[0].to(DEVICE.get(backend, "cpu"))
    options = {**SETTING, "backend": backend, "distribution": "cauchy"}
    images = {conorm: rasterize(triangles, conorm=conorm, **options) for conorm in CONORMS}
    for conorm in CONORMS[1:]:
        torch.testing.assert_close(images[conorm], images["max"], rtol=1e-12, atol=1e-14)
    assert torch.equal(images["hard"], (images["max"] > 0.5).double())


@pytest.mark.parametrize("backend", [*BACKENDS, *TRITON])
def test_cauchy_is_still_there_far_away_where_the_gaussian_has_gone(backend):
    corners = [[-0.6, -0.6, 2.0], [-0.5, -0.6, 2.0], [-0.6, -0.5, 2.0]]
    triangles = torch.tensor([corners], dtype=torch.float64).to(DEVICE.get(backend, "cpu"))
    options = {"size": 4, "sigma": 1e-2, "squared": False, "dist_eps": 0.0, "backend": backend}
    corner = {
        name: rasterize(triangles, distribution=name, **options)[0, 3, 0].item()
        for name in ("cauchy", "gaussian", "uniform")
    }
    # From the pixel at (0.75, 0.75) to (-0.5, -0.6): the nearest edge is as far, or nearer.
    distance = math.hypot(0.75 + 0.5, 0.75 + 0.6)
    assert 0.01 / (math.pi * distance) < corner["cauchy"] < 0.01
    assert corner["gaussian"] < 1e-300
    assert corner["uniform"] == 0
