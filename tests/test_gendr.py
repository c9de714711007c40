"""GenDR's whole family on every backend: 18 distributions, squared or not, times 10 conorms.

Each combination is compared with `broadcast`, image and gradients, and its gradient with finite differences. `loops` shares no formula with it, so
agreement means something. Scenes are random with fixed seeds, and no pixel of theirs is at a jump or a kink (of which these choices have many).
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from softras_edu import backends, rasterize
from softras_edu.softness import CONORMS, DISTRIBUTIONS

BACKENDS = [name for name in ("broadcast", "pairs", "loops", "numba") if backends()[name] == "ok"]
QUICK = [name for name in BACKENDS if name != "loops"]
OTHERS = [name for name in BACKENDS if name != "broadcast"]
TRITON = (
    ["triton"] if backends()["triton"] == "ok" else []
)  # slow, in the interpreter: beyond the grid it does a sample
DEVICE = {"triton": "cuda" if torch.cuda.is_available() else "cpu"}  # of all others: "cpu"
pytestmark = [
    pytest.mark.usefixtures("quick_interpreter"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning:triton"),
]  # of numpy: log(0) and the like
SETTING = {
    "size": (3, 4),
    "sigma": 0.3,
    "gamma": 0.3,
    "near": 1.0,
    "far": 10.0,
    "eps": 0.6,
    "dist_eps": 0.0,
}  # eps: in the faces' range

every_distribution = pytest.mark.parametrize("distribution", DISTRIBUTIONS)
squared_or_not = pytest.mark.parametrize("squared", [True, False], ids=["squared", "not_squared"])
every_conorm = pytest.mark.parametrize("conorm", CONORMS)

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


def skip_most(backend: str, distribution: str, squared: bool, conorm: str) -> None:
    """Of the grid, triton does one combination in ten, each distribution and each conorm among them."""
    if (
        backend in TRITON
        and (DISTRIBUTIONS.index(distribution) + 5 * squared - CONORMS.index(conorm)) % 10
    ):
        pytest.skip("slow: triton does a sample")


def image_and_gradients(
    backend: str, triangles: Tensor, colors: Tensor | None, **options: object
) -> list[Tensor]:
    """The image, and the gradients of triangles and colours for one random cotangent."""
    inputs = [
        x.to(DEVICE.get(backend, "cpu"), copy=True).requires_grad_()
        for x in (triangles, colors)
        if x is not None
    ]
    image = rasterize(
        inputs[0],
        None if colors is None else inputs[1],
        background=0.4,
        backend=backend,
        **{**SETTING, **options},
    )
    gradients = (
        torch.autograd.grad(image, inputs, cotangent(image))
        if image.requires_grad
        else [torch.zeros_like(x) for x in inputs]
    )
    return [x.detach().cpu() for x in (image, *gradients)]


def cotangent(image: Tensor) -> Tensor:
    return torch.randn(
        image.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64
    ).to(image)


def check_agreement(
    backend: str,
    triangles: Tensor,
    colors: Tensor | None,
    tolerance: float = 1e-10,
    **options: object,
) -> list[Tensor]:
    """The backend agrees with broadcast in float64, to `tolerance` of the largest number of each tensor (of 1, if that is more)."""
    result = image_and_gradients(backend, triangles, colors, **options)
    reference = image_and_gradients(
        "broadcast", triangles.double(), None if colors is None else colors.double(), **options
    )
    for name, got, wanted in zip(
        ("image", "grad triangles", "grad colors"), result, reference, strict=False
    ):
        assert got.dtype == triangles.dtype
        assert got.isfinite().all(), name
        scale = max(1.0, wanted.abs().max().item()) if wanted.numel() else 1.0
        torch.testing.assert_close(
            got.double(),
            wanted,
            rtol=0,
            atol=tolerance * scale,
            msg=lambda text, name=name: f"{name}: {text}",
        )
    return result


def check_gradient(
    backend: str, triangles: Tensor, colors: Tensor, fast_mode: bool = True, **options: object
) -> None:
    """Against finite differences: of one random direction (`fast_mode`), or number by number."""

    def draw(t: Tensor, c: Tensor) -> Tensor:
        return rasterize(t, c, backend=backend, **{**SETTING, "size": (2, 2), **options})

    inputs = tuple(x.to(DEVICE.get(backend, "cpu")).requires_grad_() for x in (triangles, colors))
    gradcheck(draw, inputs, fast_mode=fast_mode, check_undefined_grad=False)


@pytest.mark.parametrize("backend", [*OTHERS, *TRITON])
@every_distribution
@squared_or_not
@every_conorm
def test_every_combination_agrees(scene, backend, distribution, squared, conorm):
    if DEVICE.get(backend) == "cuda":  # each combination is two kernels to compile
        skip_most(backend, distribution, squared, conorm)
    triangles, colors = scene(20, faces=3, channels=1)
    check_agreement(
        backend, triangles, colors, distribution=distribution, squared=squared, conorm=conorm
    )


@pytest.mark.parametrize("backend", [*BACKENDS, *TRITON])
@every_distribution
@squared_or_not
@every_conorm
def test_every_combination_passes_gradcheck(scene, backend, distribution, squared, conorm):
    if DEVICE.get(backend) == "cuda":  # each combination is two kernels to compile
        skip_most(backend, distribution, squared, conorm)
    triangles, colors = scene(20, faces=2, channels=1)
    check_gradient(
        backend, triangles, colors, distribution=distribution, squared=squared, conorm=conorm
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("distribution", "conorm"), list(zip(DISTRIBUTIONS, (*CONORMS, *CONORMS[2:]), strict=True))
)
def test_a_sample_passes_gradcheck_number_by_number(scene, backend, distribution, conorm):
    triangles, colors = scene(22, faces=2, channels=1)
    check_gradient(
        backend,
        triangles,
        colors,
        fast_mode=False,
        distribution=distribution,
        squared=len(distribution) % 2 == 0,
        conorm=conorm,
    )


@pytest.mark.parametrize("backend", [*BACKENDS, *TRITON])
@some_parameters
def test_other_parameters_agree_and_pass_gradcheck(scene, backend, options):
    triangles, colors = scene(20, faces=2, channels=1)
    check_agreement(backend, triangles, colors, **options)
    check_gradient(backend, triangles, colors, **options)
    with_defaults = {
        name: value for name, value in options.items() if name in ("distribution", "conorm")
    }
    assert not torch.equal(
        image_and_gradients(backend, triangles, colors, **options)[0],
        image_and_gradients(backend, triangles, colors, **with_defaults)[0],
    )


@pytest.mark.parametrize("backend", [*OTHERS, *TRITON])
@every_distribution
@squared_or_not
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("dist_eps", [0.0, 0.02])
def test_distances_and_cuts_agree(scene, backend, distribution, squared, distance, dist_eps):
    if (
        backend in TRITON
        and (
            DISTRIBUTIONS.index(distribution) + squared + (distance == "euclidean") + (dist_eps > 0)
        )
        % 3
    ):
        pytest.skip("slow: triton does a third")
    triangles, _ = scene(23, faces=3)
    conorm = CONORMS[DISTRIBUTIONS.index(distribution) % len(CONORMS)]
    options = {
        "sigma": 0.05,
        "distance": distance,
        "dist_eps": dist_eps,
        "distribution": distribution,
        "squared": squared,
    }
    check_agreement(backend, triangles, None, conorm=conorm, **options)


@pytest.mark.parametrize("backend", [*BACKENDS, *TRITON])
@every_conorm
def test_no_face_and_no_face_that_counts_give_the_background(scene, backend, conorm):
    triangles, colors = scene(1, faces=2)
    for some in (0, 2):  # none, and two beyond the edge of the picture
        image, *gradients = image_and_gradients(
            backend, triangles[:some] + 50, colors[:some], conorm=conorm, distribution="uniform"
        )
        assert torch.equal(
            image, torch.tensor([0.4, 0.4, 0.4, 0.0], dtype=torch.float64).expand(3, 4, 4)
        )
        assert all((gradient == 0).all() for gradient in gradients)


@pytest.mark.parametrize("backend", [*QUICK, *TRITON])
@every_distribution
@squared_or_not
@every_conorm
def test_float32_is_finite_at_the_smallest_sigma_and_gamma_and_on_an_edge(
    scene, backend, distribution, squared, conorm
):
    skip_most(backend, distribution, squared, conorm)
    triangles, colors = scene(3, faces=3, channels=1, dtype=torch.float32)
    triangles[0, :, :2] = torch.tensor(
        [[-0.5, -0.5], [0.5, -0.5], [0.0, 0.5]]
    )  # pixel centres on its corners and its bottom edge
    for sigma, dist_eps in ((1e-7, 0.0), (1e-7, 1e-4), (1.0, 0.0)):
        options = {
            "size": (2, 3),
            "sigma": sigma,
            "gamma": 1e-7,
            "dist_eps": dist_eps,
            "distribution": distribution,
            "squared": squared,
        }
        image, *gradients = image_and_gradients(
            backend, triangles, colors, conorm=conorm, **options
        )
        assert ((image[..., -1] >= 0) & (image[..., -1] <= 1)).all()
        assert all(x.isfinite().all() for x in (image, *gradients))


@pytest.mark.parametrize("backend", [*QUICK, *TRITON])
@every_distribution
@squared_or_not
@every_conorm
def test_float32_agrees_with_float64(scene, backend, distribution, squared, conorm):
    skip_most(backend, distribution, squared, conorm)
    triangles, colors = scene(20, faces=3, channels=1, dtype=torch.float32)
    check_agreement(
        backend,
        triangles,
        colors,
        tolerance=1e-3,
        distribution=distribution,
        squared=squared,
        conorm=conorm,
    )


@pytest.mark.parametrize("backend", [*BACKENDS, *TRITON])
@every_conorm
def test_faces_may_come_in_any_order(scene, backend, conorm):
    triangles = scene(25, faces=5)[0].to(DEVICE.get(backend, "cpu"))
    options = {**SETTING, "conorm": conorm, "backend": backend, "distribution": "gaussian"}
    torch.testing.assert_close(
        rasterize(triangles, **options),
        rasterize(triangles.flip(0), **options),
        rtol=1e-12,
        atol=1e-14,
    )


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
    triangles = torch.tensor(
        [[[-0.6, -0.6, 2.0], [-0.5, -0.6, 2.0], [-0.6, -0.5, 2.0]]], dtype=torch.float64
    ).to(DEVICE.get(backend, "cpu"))
    options = {"size": 4, "sigma": 1e-2, "squared": False, "dist_eps": 0.0, "backend": backend}
    corner = {
        name: rasterize(triangles, distribution=name, **options)[0, 3, 0].item()
        for name in ("cauchy", "gaussian", "uniform")
    }
    distance = math.hypot(
        0.75 + 0.5, 0.75 + 0.6
    )  # from the pixel at (0.75, 0.75) to the middle of nothing: the nearest corner or edge is as far or nearer
    assert 0.01 / (math.pi * distance) < corner["cauchy"] < 0.01
    assert corner["gaussian"] < 1e-300
    assert corner["uniform"] == 0
