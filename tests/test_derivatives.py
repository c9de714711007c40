"""What can be differentiated how often, by which transform; and the gradient of nothing."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.autograd import gradgradcheck
from torch.func import jacrev, vmap

from softras_edu import backends, rasterize, softness

RUNNABLE = [name for name, state in backends().items() if state == "ok" and name != "triton"]
TORCH = ("loops", "broadcast", "pairs")
ROOF = torch.tensor([[-1, 0.2, 2], [1, 0.2, 2], [0, 1, 2]], dtype=torch.float64)[None]  # (1, 3, 3)


def lifted(y: Tensor) -> Tensor:
    """ROOF with y for the first corner's y."""
    return torch.cat([ROOF[0, 0, :1], y[None], ROOF[0, 0, 2:], ROOF[0, 1:].flatten()]).view(1, 3, 3)


@pytest.mark.parametrize("backend", TORCH)
def test_the_second_derivative_is_the_slope_of_the_first(backend):
    # The place of the closest point moves with a corner. To first order the distance does not
    # notice, to second order it does: who detaches that place gets 2.2948 here, not 1.8954.
    def slope(y: Tensor) -> Tensor:
        draw = rasterize(lifted(y), size=2, sigma=0.1, dist_eps=0.0, backend=backend)
        return torch.autograd.grad(draw.sum(), y, create_graph=True)[0]

    y = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    (second,) = torch.autograd.grad(slope(y), y)
    step = 1e-5
    ends = [slope((y.detach() + s).requires_grad_()).item() for s in (-step, step)]
    assert second.item() == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-8)
    assert second.item() == pytest.approx(1.8954, abs=1e-4)


def check_twice(scene, backend: str, **options: object) -> None:
    settings = {"size": 2, "sigma": 0.1, "gamma": 0.2, "far": 10.0, "eps": 0.5, "dist_eps": 0.0}
    settings |= options
    triangles, colors = scene(3, faces=2, channels=1)
    inputs = (triangles.requires_grad_(), colors.requires_grad_())
    draw = lambda t, c: rasterize(t, c, backend=backend, **settings)  # noqa: E731
    assert gradgradcheck(draw, inputs, fast_mode=True)


@pytest.mark.parametrize("backend", TORCH)
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("perspective_correct", [False, True])
def test_gradgradcheck_over_the_options(scene, backend, distance, perspective_correct):
    check_twice(scene, backend, distance=distance, perspective_correct=perspective_correct)


@pytest.mark.parametrize(
    ("backend", "squared"),  # which share all but the sums
    [("broadcast", True), ("pairs", False)]
    + [
        pytest.param(*x, marks=[pytest.mark.full_grid])
        for x in (("broadcast", False), ("pairs", True))
    ],
)
@pytest.mark.parametrize("distribution", [n for n in softness.DISTRIBUTIONS if n != "hard"])
def test_gradgradcheck_over_the_distributions(scene, backend, distribution, squared):
    sigma = 0.1 if squared else 0.3
    check_twice(scene, backend, distribution=distribution, squared=squared, sigma=sigma)


@pytest.mark.parametrize("backend", ["broadcast", "pairs"])
@pytest.mark.parametrize("conorm", [n for n in softness.CONORMS if n != "hard"])
def test_gradgradcheck_over_the_conorms(scene, backend, conorm):
    check_twice(scene, backend, conorm=conorm)


@pytest.mark.parametrize("distribution", softness.DISTRIBUTIONS)
def test_second_derivatives_of_a_distribution_are_finite_however_far_out(distribution):
    # A pair that is left out has a derivative of 0, and autograd multiplies: 0 * NaN is NaN.
    far = torch.tensor([1.0, 1.5, 8.0, 30.0, 60.0, 700.0, 1e8, 1e30], dtype=torch.float64)
    x = torch.cat([-far, torch.zeros(1, dtype=torch.float64), far]).requires_grad_()
    shape, shift, _ = softness.check_softness(distribution, True, None, None, "max", None)
    for value in softness.log_probability(x, distribution, shape, shift):
        (first,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        assert first.isfinite().all()
        if first.requires_grad:
            (second,) = torch.autograd.grad(first.sum(), x, allow_unused=True)
            assert second is None or second.isfinite().all()


@pytest.mark.parametrize("backend", [name for name in RUNNABLE if name not in TORCH])
def test_a_compiled_rung_refuses_a_second_derivative(scene, backend):
    # Without the error the second derivative would silently be 0.
    triangles, colors = scene(3, faces=2, channels=1)
    triangles.requires_grad_()
    image = rasterize(triangles, colors, size=4, sigma=0.1, backend=backend)
    (first,) = torch.autograd.grad(image.square().sum(), triangles, create_graph=True)
    with pytest.raises(RuntimeError, match=r"can be differentiated once.*backend='pairs'"):
        torch.autograd.grad(first.sum() + triangles.sum(), triangles, allow_unused=True)


@pytest.mark.parametrize("backend", ["broadcast", "pairs"])
def test_jacrev_of_a_torch_rung_is_the_jacobian(scene, backend):
    triangles, _ = scene(3, faces=2)
    draw = lambda t: rasterize(t, size=(2, 3), sigma=0.1, backend=backend)  # noqa: E731
    expected = torch.autograd.functional.jacobian(draw, triangles)
    assert expected.abs().max() > 0.1
    torch.testing.assert_close(jacrev(draw)(triangles), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", ["auto", *RUNNABLE])
def test_vmap_is_refused_by_name(scene, backend):
    triangles, _ = scene(3, faces=2)
    with pytest.raises(ValueError, match=r"^triangles: torch.func.vmap cannot go through"):
        vmap(lambda t: rasterize(t, size=2, backend=backend))(triangles[None])


@pytest.mark.parametrize("backend", [name for name in RUNNABLE if name not in TORCH])
def test_jacrev_of_a_compiled_rung_is_refused_by_name(scene, backend):
    triangles, _ = scene(3, faces=2)
    with pytest.raises(ValueError, match=r"^backend: torch.func cannot differentiate"):
        jacrev(lambda t: rasterize(t, size=2, backend=backend))(triangles)


@pytest.mark.parametrize("backend", RUNNABLE)
@pytest.mark.parametrize("faces", [0, 2])
@pytest.mark.parametrize("batch", [None, 2])
def test_an_object_out_of_view_has_a_gradient_of_zero(scene, backend, faces, batch):
    # It is a place like others on the way of a fit: backward() must not fail there.
    triangles, colors = scene(5, faces=faces, channels=3, batch=batch)
    triangles = triangles + torch.tensor([50.0, 0.0, 0.0], dtype=torch.float64)
    for given in (colors, None):
        inputs = [x.clone().requires_grad_() for x in (triangles, given) if x is not None]
        rasterize(*inputs, size=4, backend=backend).sum().backward()
        for x in inputs:
            assert torch.equal(x.grad, torch.zeros_like(x))


def test_a_schedule_of_sigma_compiles_once():
    # Plain floats of an operator would be constants of the compiled graph: one graph a value.
    compilations = []

    def counting(graph, _inputs):
        compilations.append(graph)
        return graph.forward

    def draw(t, sigma, gamma):
        image = rasterize(t, t, size=4, sigma=sigma, gamma=gamma, backend="numba")
        return image.square().sum()

    compiled = torch.compile(draw, backend=counting, fullgraph=True)
    for k in range(12):
        dials = (1e-2 * 0.8**k, 1e-1 * 0.9**k)
        found = []
        for function in (draw, compiled):
            corners = ROOF.clone().requires_grad_()
            value = function(corners, *dials)
            found.append((value.detach(), *torch.autograd.grad(value, corners)))
        assert all(map(torch.equal, *found))
    assert len(compilations) <= 2, "the second time PyTorch sees that the numbers vary"
