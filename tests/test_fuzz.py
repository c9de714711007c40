"""Hundreds of ugly scenes a rung: no picture and no gradient is anything but a finite number, and
where the float64 oracle is sure of itself, the rung agrees with it.

`pytest -m full_grid tests/test_fuzz.py` draws a hundred times as many.
"""

from __future__ import annotations

import itertools
import random

import pytest
import torch
from torch import Tensor

from softras_edu import backends, formulas, rasterize, softness

RUNNABLE = [name for name, state in backends().items() if state == "ok" and name != "triton"]
F64 = torch.float64
Scene = tuple[Tensor, Tensor | None, dict[str, object]]


def scene(seed: int) -> Scene:
    """Triangles (F, 3, 3), colours (F, 3, C) or None, and options: ugly in many ways at once."""
    pick = random.Random(seed)
    generator = torch.Generator().manual_seed(seed)
    faces = pick.randint(0, 6)
    triangles = torch.rand(faces, 3, 3, generator=generator, dtype=F64) * 2 - 1
    if pick.random() < 0.4:  # tiny or huge
        triangles[..., :2] *= 10 ** pick.uniform(-6, 8)
    if pick.random() < 0.3:  # beside the picture
        triangles[..., :2] += 10 ** pick.uniform(-3, 4) * pick.choice([-1, 1])
    depth = torch.rand(faces, 3, generator=generator, dtype=F64)
    triangles[..., 2] = 10 ** (depth * pick.choice([0.5, 2, 12]) - pick.choice([0, 1, 6]))
    if pick.random() < 0.3:  # some corners behind the eye
        behind = torch.rand(faces, 3, generator=generator) < 0.2
        triangles[..., 2] = triangles[..., 2].where(~behind, -triangles[..., 2])
    if faces and pick.random() < 0.2:  # equal corners
        triangles[0, 1] = triangles[0, 0]
    if faces > 1 and pick.random() < 0.2:  # equal triangles
        triangles[1] = triangles[0]
    channels = pick.choice([None, 1, 3])
    colors = None
    if channels is not None:
        colors = torch.rand(faces, 3, channels, generator=generator, dtype=F64)
    near = 10 ** pick.uniform(-6, 1)
    options: dict[str, object] = {
        "size": (pick.randint(1, 5), pick.randint(1, 6)),
        "sigma": 10 ** pick.uniform(-9, 1),
        "gamma": 10 ** pick.uniform(-7, 1),
        "eps": pick.choice([0.0, 1e-3, 0.5]),
        "near": near,
        "far": near * 10 ** pick.uniform(0.1, 6),
        "dist_eps": pick.choice([0.0, 1e-4, 1e-10]),
        "distance": pick.choice(["euclidean", "euclidean", "barycentric"]),
        "squared": pick.random() < 0.6,
        "perspective_correct": pick.random() < 0.3,
        "cull_backfaces": pick.random() < 0.2,
    }
    if pick.random() < 0.7:
        options["distribution"] = pick.choice(softness.DISTRIBUTIONS)
    if pick.random() < 0.7:
        options["conorm"] = conorm = pick.choice(softness.CONORMS)
        if conorm in softness.P and pick.random() < 0.5:
            p = 10 ** pick.uniform(-1, 1.3)
            options["p"] = -p if conorm == "schweizer_sklar" else p
    return triangles, colors, options


def draw(backend: str, a_scene: Scene, dtype: torch.dtype) -> list[Tensor]:
    """The image, and the gradients of triangles and colours for one random cotangent."""
    triangles, colors, options = a_scene
    inputs = [x.to(dtype).requires_grad_() for x in (triangles, colors) if x is not None]
    image = rasterize(*inputs, backend=backend, **options)
    generator = torch.Generator().manual_seed(1)
    d_image = torch.randn(image.shape, generator=generator, dtype=F64).to(dtype)
    return [image.detach(), *torch.autograd.grad(image, inputs, d_image)]


def check_numbers(backend: str, seeds: range, dtype: torch.dtype) -> None:
    for seed in seeds:
        image, *grads = draw(backend, scene(seed), dtype)
        assert image.isfinite().all(), seed
        assert ((image[..., -1] >= 0) & (image[..., -1] <= 1)).all(), seed
        assert all(grad.isfinite().all() for grad in grads), seed


def check_oracle(backend: str, seeds: range) -> int:
    """How many pixels were compared. A pixel counts where the oracle itself stands still when all
    coordinates move by some ulps: elsewhere a cut runs through it, or rounding is large.
    """
    compared = 0
    for seed in seeds:
        triangles, colors, options = scene(seed)
        found = rasterize(triangles, colors, backend=backend, **options)
        wanted = rasterize(triangles, colors, backend="broadcast", **options)
        generator = torch.Generator().manual_seed(2)
        shake = 1 + 1e-13 * torch.randn(triangles.shape, generator=generator, dtype=F64)
        moved = rasterize(triangles * shake, colors, backend="broadcast", **options)
        sure = (moved - wanted).abs() < 1e-9
        compared += int(sure.sum())
        assert ((found - wanted).abs() < 1e-7).where(sure, True).all(), seed
    return compared


SCENES = {"loops": 100, "broadcast": 300, "pairs": 300, "numba": 1000}


@pytest.mark.parametrize("backend", RUNNABLE)
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_every_number_is_finite(backend, dtype):
    count = SCENES[backend] // (1 if dtype == F64 else 4)
    check_numbers(backend, range(count), dtype)


@pytest.mark.parametrize("backend", [name for name in RUNNABLE if name != "broadcast"])
def test_the_oracle_is_agreed_with(backend):
    seeds = range(10**6, 10**6 + min(SCENES[backend], 300))
    assert check_oracle(backend, seeds) > 5 * len(seeds)


@pytest.mark.full_grid
@pytest.mark.parametrize("backend", RUNNABLE)
@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_every_number_is_finite_in_many_more_scenes(backend, dtype):
    check_numbers(backend, range(SCENES[backend], 100 * SCENES[backend]), dtype)


# Logits where exp(logit), its square or its p-th power passes the largest float.
EDGES = (36.0, 87.5, 88.8, 354.0, 600.0, 690.0, 706.0, 708.0, 709.7, 745.0, 1e18, 1e150, 1.2e154)


def check_far_logits(backend: str, share: int) -> None:
    """Each distribution with each conorm, at one in `share` of EDGES, other ones for each."""
    # gumbel_min: log(1 - D) = -exp(logit), so its slope is beyond all numbers before D is 1 to the
    # last bit; a conorm that takes powers of it multiplies infinity by 0.
    base = torch.tensor([[-1.0, -0.7, 2.0], [1.1, -0.6, 3.0], [0.1, 1.2, 2.5]], dtype=F64)
    d2 = formulas.squared_distance(torch.zeros(2, dtype=F64), base[:, :2]).item()
    powers: dict[str, tuple[float | None, ...]] = dict.fromkeys(softness.P, (None, 0.3, 9.0))
    powers["schweizer_sklar"] = (None, -0.3, -9.0)
    for k, (distribution, conorm) in enumerate(
        itertools.product(softness.DISTRIBUTIONS, softness.CONORMS)
    ):
        edges = EDGES[k % share :: share]
        for p, logit in itertools.product(powers.get(conorm, (None,)), edges):
            two = torch.stack([base, base * torch.tensor([1.3, 1.2, 1.0])]).requires_grad_()
            choice = {"distribution": distribution, "conorm": conorm, "p": p}
            image = rasterize(two, size=1, sigma=d2 / logit, backend=backend, **choice)
            (grad,) = torch.autograd.grad(image.sum(), two)
            finite = image.isfinite().all() & grad.isfinite().all()
            assert finite, (choice, logit)


FAR = [name for name in ("broadcast", "pairs", "numba") if name in RUNNABLE]


@pytest.mark.parametrize("backend", FAR)
def test_no_logit_however_far_inside_gives_a_gradient_that_is_not_finite(backend):
    check_far_logits(backend, 2 if backend == "numba" else len(EDGES))  # the plain rungs are slow


@pytest.mark.full_grid
@pytest.mark.parametrize("backend", FAR)
def test_no_logit_at_all_gives_a_gradient_that_is_not_finite(backend):
    check_far_logits(backend, 1)
