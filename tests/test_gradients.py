"""float64 gradcheck: autograd's gradient against finite differences, number by number, on every
backend and over the options.

Pairs of pixel and face stay away from the jumps of the image (dist_eps, near, far): either none is
there, or the test says how far.
"""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from covering import some_of_the_grid
from torch import Tensor
from torch.autograd import gradcheck

from softras_edu import backends, rasterize, rasterize_hard

RUNNABLE = [
    name for name, state in backends().items() if state == "ok" and name != "triton"
]  # which has its own, slower ones: test_triton.py
SETTING = {
    "size": (3, 4),
    "sigma": 0.05,
    "gamma": 0.05,
    "near": 1.0,
    "far": 10.0,
    "eps": 0.6,
    "dist_eps": 0.0,
}  # eps: in the faces' range


def check(
    triangles: Tensor, colors: Tensor | None, background: Tensor, backend: str, **options: object
) -> None:
    settings = {**SETTING, **options, "backend": backend}
    # Number by number. Along one random direction where autograd differentiates and it is slow:
    # `loops`, and many channels.
    many = colors is not None and colors.shape[-1] > 3 and backend != "numba"
    fast = backend == "loops" or many
    if colors is None:
        draw = partial(rasterize, **settings)
        gradcheck(draw, (triangles.requires_grad_(),), fast_mode=fast)
    else:
        inputs = tuple(x.requires_grad_() for x in (triangles, colors, background))
        gradcheck(lambda t, c, b: rasterize(t, c, background=b, **settings), inputs, fast_mode=fast)


def backdrop(channels: int = 2) -> Tensor:
    return torch.rand(channels, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("backend", RUNNABLE)
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("perspective_correct", [False, True])
def test_gradcheck_of_colour_and_alpha(scene, backend, distance, perspective_correct):
    triangles, colors = scene(20, faces=2, channels=2)
    check(
        triangles,
        colors,
        backdrop(),
        backend,
        distance=distance,
        perspective_correct=perspective_correct,
    )


@pytest.mark.parametrize("backend", RUNNABLE)
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
def test_gradcheck_of_the_silhouette(scene, backend, distance):
    check(scene(21, faces=2)[0], None, backdrop(), backend, distance=distance)


@pytest.mark.parametrize("backend", RUNNABLE)
@pytest.mark.parametrize(
    "options",
    [{"sigma": 0.5, "gamma": 1.0}, {"sigma": 0.005}, {"gamma": 0.01}, {"cull_backfaces": True}],
)
def test_gradcheck_over_sigma_gamma_and_culling(scene, backend, options):
    triangles, colors = scene(22, faces=2, channels=1)
    check(triangles, colors, backdrop(1), backend, **options)


@pytest.mark.parametrize("backend", RUNNABLE)
def test_gradcheck_of_a_batch_with_a_background_picture(scene, backend):
    triangles, colors = scene(23, faces=1, channels=2, batch=2)
    background = torch.rand(
        2, 2, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    check(triangles, colors, background, backend, size=2)


SWITCHES = {
    "channels": (None, 1, 3, 7),
    "distance": ("euclidean", "barycentric"),
    "perspective_correct": (False, True),
    "cull_backfaces": (False, True),
}


@pytest.mark.parametrize("backend", RUNNABLE)
@pytest.mark.parametrize(list(SWITCHES), some_of_the_grid(SWITCHES))
def test_gradcheck_over_every_combination_of_options(
    scene, backend, channels, distance, perspective_correct, cull_backfaces
):
    triangles, colors = scene(51, faces=1, channels=channels or 1, batch=2)
    assert (
        torch.linalg.det(torch.cat([triangles[:, 0, :, :2], torch.ones(2, 3, 1)], -1)) > 0
    ).tolist() == [True, False]  # one front, one back face
    options = {
        "distance": distance,
        "perspective_correct": perspective_correct,
        "cull_backfaces": cull_backfaces,
    }
    check(
        triangles,
        None if channels is None else colors,
        backdrop(channels or 1),
        backend,
        size=(2, 1),
        **options,
    )


@pytest.mark.parametrize("backend", RUNNABLE)
def test_gradcheck_with_pairs_left_out(scene, boundary_distances, backend):
    triangles, colors = scene(24, faces=2, channels=1)
    reach = math.sqrt(0.02 * math.log(1 / 1e-4 - 1))
    distance = boundary_distances(triangles, 3, 4)
    assert (
        (distance - reach).abs() > 1e-3
    ).all()  # gradcheck moves corners by 1e-6: no pair crosses the cut
    assert (distance > reach).any()
    check(triangles, colors, backdrop(1), backend, sigma=0.02, dist_eps=1e-4)


@pytest.mark.parametrize("backend", RUNNABLE)
def test_gradcheck_where_one_triangle_cannot_be_drawn(scene, backend):
    triangles, colors = scene(25, faces=2, channels=1)
    triangles[1, 1, 2] = -3.0
    check(triangles, colors, backdrop(1), backend)


def test_gradcheck_of_the_z_buffers_colours_and_background(scene, boundary_distances):
    triangles, colors = scene(26, faces=3, channels=2, batch=2)
    background = torch.rand(
        4, 5, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    gradcheck(
        lambda c, b: rasterize_hard(triangles, c, size=(4, 5), background=b, gradient="none"),
        (colors.requires_grad_(), background.requires_grad_()),
    )
    # With no pixel centre within 1e-4 of an edge, the picture is smooth in the corners as well.
    assert (boundary_distances(triangles.flatten(0, 1), 4, 5) > 1e-4).all()
    gradcheck(
        lambda t: rasterize_hard(
            t, colors.detach(), size=(4, 5), background=background.detach(), gradient="none"
        ),
        (triangles.requires_grad_(),),
    )


def test_gradcheck_of_the_z_buffers_colours_under_nmr(scene):
    triangles, colors = scene(27, faces=3, channels=2)
    gradcheck(
        lambda c: rasterize_hard(triangles, c, size=4, gradient="nmr"), (colors.requires_grad_(),)
    )
