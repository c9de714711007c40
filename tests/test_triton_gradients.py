"""The Triton kernels' gradients against differences, and torch.compile's way through them.

On the GPU where there is one, else in Triton's interpreter: scenes as in test_triton.py.
"""

from __future__ import annotations

from itertools import product

import pytest
import torch
from compare import values_and_gradients
from covering import covering
from test_triton import DEVICE, backdrop, needs_triton, options
from torch import Tensor

from softras_edu import rasterize
from softras_edu.rasterizers.triton_gpu import rasterize_triton


@needs_triton
@pytest.mark.parametrize(
    ("distance", "perspective_correct", "channels"),
    [
        ("euclidean", False, 2),
        pytest.param("barycentric", True, 1, marks=pytest.mark.full_grid),
        ("euclidean", False, None),
    ],
)
def test_gradcheck(scene, distance, perspective_correct, channels):
    triangles, colors = scene(20, faces=2, channels=channels or 1, batch=1)
    o = options(
        (2, 3), far=10.0, eps=0.6, distance=distance, perspective_correct=perspective_correct
    )  # eps: in the faces' range
    background = backdrop(1, o, channels or 0)[:, :1, :1]
    if channels is None:
        empty = background.expand(1, 2, 3, 0).to(DEVICE)
        assert torch.autograd.gradcheck(
            lambda t: rasterize_triton(t, None, empty, o), (triangles.to(DEVICE).requires_grad_(),)
        )
        return
    inputs = tuple(x.to(DEVICE).requires_grad_() for x in (triangles, colors, background))
    assert torch.autograd.gradcheck(
        lambda t, c, b: rasterize_triton(t, c, b.expand(1, 2, 3, channels), o), inputs
    )


CHOICES = {
    "channels": (None, 1, 3, 7),
    "distance": ("euclidean", "barycentric"),
    "perspective_correct": (False, True),
    "cull_backfaces": (False, True),
}
COVERING = covering(CHOICES)
GRID = [dict(zip(CHOICES, values, strict=True)) for values in product(*CHOICES.values())]


@needs_triton
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[] if case in COVERING else [pytest.mark.full_grid])
        for case in GRID
    ],
    ids=lambda case: "-".join(map(str, case.values())),
)
def test_gradcheck_over_every_combination_of_options(scene, case):
    # As in test_gradients.py, but along random directions (fast_mode): the interpreter is slow.
    channels = case["channels"]
    triangles, colors = scene(51, faces=1, channels=channels or 1, batch=2)
    switches = {name: value for name, value in case.items() if name != "channels"}
    o = options((2, 1), far=10.0, eps=0.6, **switches)
    inputs = [
        x.to(DEVICE).requires_grad_()
        for x in (
            (triangles,) if channels is None else (triangles, colors, backdrop(2, o, channels))
        )
    ]

    def draw(*x: Tensor) -> Tensor:
        return rasterize_triton(
            x[0],
            None if channels is None else x[1],
            backdrop(2, o, 0).to(DEVICE) if channels is None else x[2],
            o,
        )

    assert torch.autograd.gradcheck(draw, inputs, fast_mode=True)


@needs_triton
@pytest.mark.parametrize("channels", [None, 2])
def test_the_operator_passes_opcheck_and_gives_the_same(scene, channels):
    from softras_edu.rasterizers import compile_op

    triangles, colors = (x.to(DEVICE) for x in scene(14, faces=2, channels=channels or 1, batch=1))
    o = options((3, 4), dist_eps=1e-4)
    background = backdrop(1, o, channels or 0).to(DEVICE)
    inputs = [
        None if x is None else x.requires_grad_()
        for x in (triangles, colors if channels else None, background)
    ]
    given = (*inputs, None, None, None, *compile_op.fields(o))
    torch.library.opcheck(torch.ops.softras_edu.rasterize_triton, given)
    results = [
        values_and_gradients(function, *inputs, o)
        for function in (compile_op.rasterize_triton, rasterize_triton)
    ]
    for got, wanted in zip(*results, strict=True):
        assert torch.equal(got, wanted)


@needs_triton
def test_torch_compile_traces_through_in_one_piece(scene):
    triangles, colors = (x.to(DEVICE) for x in scene(15, faces=2, batch=1))
    o = options((3, 4))
    background = backdrop(1, o, 3).to(DEVICE)
    names = ("sigma", "gamma", "eps", "near", "far", "dist_eps")
    draw = {name: getattr(o, name) for name in names} | {"size": (o.height, o.width)}

    def loss(t: Tensor) -> Tensor:
        image = rasterize(t * 2, colors, background=background, backend="triton", **draw)
        return image.square().sum()

    compiled = torch.compile(
        loss, backend="aot_eager", fullgraph=True
    )  # raises where it would stop
    grads = []
    for function in (loss, compiled):
        corners = triangles.clone().requires_grad_()
        function(corners).backward()
        grads.append(corners.grad)
    torch.testing.assert_close(*grads, rtol=1e-12, atol=1e-12)
