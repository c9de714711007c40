"""What `fit` takes as parameters and as a step rule; and why a target is blurred."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from softras_edu import Camera, fit, icosphere, losses, rasterize, schedule, screen_triangles

GOAL = torch.tensor([1.0, -2.0, 0.5])


def network() -> torch.nn.Linear:
    net = torch.nn.Linear(1, 3)
    with torch.no_grad():
        for k, parameter in enumerate(net.parameters()):
            parameter.fill_(0.1 * k)
    return net


def miss(net: torch.nn.Linear, sigma: float, gamma: float) -> Tensor:
    return (net(torch.ones(1)) - GOAL).square().sum()


WAYS = {
    "a list": lambda net: list(net.parameters()),
    "a generator": lambda net: net.parameters(),
    "groups of generators": lambda net: [{"params": net.parameters(), "lr": 0.05}],
    "a generator of groups": lambda net: ({"params": p, "lr": 0.05} for p in net.parameters()),
    "one group": lambda net: {"params": net.parameters()},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_name_parameters_gives_the_same_fit(way):
    # A generator was taken for "none", or used up before the step rule saw it.
    net = network()
    done = fit(partial(miss, net), WAYS[way](net), steps=60, lr=0.05, progress=False)
    wanted = network()
    right = fit(partial(miss, wanted), list(wanted.parameters()), steps=60, lr=0.05, progress=False)
    assert done.losses == right.losses
    assert done.losses[-1] < 0.5 * done.losses[0]
    assert [best.shape for best in done.best] == [(3, 1), (3,)]


def test_one_tensor_is_a_list_of_one():
    x = torch.zeros(3, requires_grad=True)
    done = fit(lambda s, g: (x - GOAL).square().sum(), x, steps=5, progress=False)
    assert done.best[0].shape == (3,)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (network(), r"^parameters: got Linear, wanted tensors, such as net\.parameters\(\)"),
        (3, "^parameters: got int, wanted tensors"),
        (iter(()), "^parameters: got none, wanted one tensor or more"),
        ([{"lr": 0.1}], "^parameters: wanted groups as"),
        (network().named_parameters(), "^parameters: number 0 is no tensor that a gradient"),
        ([{"params": iter(())}], "^parameters: got none"),
    ],
)
def test_what_is_no_parameter_is_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        fit(lambda s, g: torch.zeros(()), parameters, steps=1)


# ---------------------------------------------------------------- LBFGS


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_lbfgs_finds_the_bottom_in_a_few_steps(search):
    # Its step asks for a closure, without which it failed. A quadratic bowl takes it two steps.
    net, rule = network(), partial(torch.optim.LBFGS, line_search_fn=search)
    loss = partial(miss, net)
    done = fit(loss, net.parameters(), steps=4, lr=0.5, optimizer=rule, progress=False)
    assert len(done.losses) == 4
    assert done.losses[0] == pytest.approx(miss(network(), 0, 0).item())
    assert done.losses[-1] < 1e-6
    assert done.best_step > 0


def test_lbfgs_sees_the_same_random_numbers_within_a_step():
    # A loss that changes between two evaluations of one step would mislead its search.
    x, seen = torch.zeros(2, requires_grad=True), []

    def loss(sigma: float, gamma: float) -> Tensor:
        seen.append((sigma, torch.rand(()).item()))
        return (x - GOAL[:2]).square().sum() * (1 + seen[-1][1])

    rule = partial(torch.optim.LBFGS, max_iter=3)
    fit(loss, [x], steps=2, sigma=schedule(1e-2, 1e-3), lr=0.3, optimizer=rule, progress=False)
    steps = [[r for s, r in seen if s == sigma] for sigma in (1e-2, 1e-3)]
    assert [len(set(step)) for step in steps] == [1, 1]
    assert min(map(len, steps)) > 1
    assert steps[0][0] != steps[1][0]


def test_lbfgs_has_no_checkpoint(tmp_path):
    x = torch.zeros(3, requires_grad=True)
    with pytest.raises(ValueError, match=r"^checkpoint: LBFGS remembers what a checkpoint cannot"):
        fit(
            lambda s, g: x.square().sum(),
            [x],
            steps=1,
            optimizer=torch.optim.LBFGS,
            checkpoint=tmp_path / "a.safetensors",
        )


# ---------------------------------------------------------------- the target's blur


def test_a_target_is_blurred_as_the_render_is():
    # The advice in `fit`'s docstring: with the squared error, a blurred outline that is compared
    # with a sharp one is best at the wrong size; compared with a blurred one, at the right one.
    sphere, camera = icosphere(2), Camera.orbit(3.0, 10.0, 20.0)

    def silhouette(radius: Tensor | float, sigma: float) -> Tensor:
        triangles = screen_triangles(sphere.verts * radius, sphere.faces, camera)
        return rasterize(triangles, size=32, sigma=sigma)[..., 0]

    hard = (silhouette(0.6, 1e-9) > 0.5).float()
    score = []
    for target in (hard, silhouette(0.6, 3e-3)):
        radius = torch.tensor(0.8, requires_grad=True)

        def loss(s: float, g: float, radius: Tensor = radius, target: Tensor = target) -> Tensor:
            return (silhouette(radius, s) - target).square().mean()

        fit(loss, [radius], steps=60, lr=0.02, sigma=3e-3, progress=False)
        with torch.no_grad():
            found = (silhouette(radius, 1e-9) > 0.5).float()
        score.append(1 - losses.iou(found, hard).item())
    assert score[1] > 0.97
    assert score[0] < 0.8
    assert math.isfinite(score[0])
