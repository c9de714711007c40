"""Preconditioned vertices against dense solves; the bowl, its hollow and its visual hull."""

from __future__ import annotations

import math

import pytest
import torch
from closed import assert_closed, volume

from softras_edu import Camera, fit, icosphere, losses, rasterize, screen_triangles
from softras_edu.fitting.hollow import bowl, hollow, ring_of_views
from softras_edu.fitting.hull import visual_hull
from softras_edu.fitting.large_steps import LargeSteps, graph_laplacian
from softras_edu.reconstruct.voxels import voxelize

BALL = icosphere(1)
# Two triangles on one edge, and a vertex that no face has.
KITE = torch.tensor([[0, 1, 2], [1, 3, 2]])


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_the_laplacian_by_hand():
    wanted = [[2, -1, -1, 0, 0], [-1, 3, -1, -1, 0], [-1, -1, 3, -1, 0], [0, -1, -1, 2, 0], [0] * 5]
    assert graph_laplacian(KITE, 5).tolist() == wanted


def test_the_laplacian_sums_differences_to_the_neighbours():
    value, total = random(42), torch.zeros(42, dtype=torch.float64)
    edges = {(f[a], f[b]) for f in BALL.faces.tolist() for a in range(3) for b in range(3) if a - b}
    for a, b in edges:
        total[a] += value[a] - value[b]
    torch.testing.assert_close(graph_laplacian(BALL.faces, 42) @ value, total)


@pytest.mark.parametrize("strength", [0.0, 1.0, 20.0, 1e4])
def test_spread_undoes_the_matrix(strength):
    steps = LargeSteps(BALL.verts.double(), BALL.faces, strength)
    u = random(42, 3)
    matrix = torch.eye(42, dtype=torch.float64) + strength * graph_laplacian(BALL.faces, 42)
    torch.testing.assert_close(steps.spread(u), torch.linalg.inv(matrix) @ u)


def test_strength_0_is_no_change():
    steps = LargeSteps(BALL.verts, BALL.faces, 0.0)
    assert torch.equal(steps.verts(), BALL.verts)
    with torch.no_grad():
        steps.u.copy_(random(42, 3))
    assert torch.equal(steps.verts(), BALL.verts + steps.u)


def test_the_gradient_of_u_is_the_gradient_of_the_vertices_spread():
    steps, weight = LargeSteps(BALL.verts.double(), BALL.faces), random(42, 3)
    assert torch.autograd.gradcheck(steps.spread, random(42, 3).requires_grad_())
    (steps.verts() * weight).sum().backward()
    torch.testing.assert_close(steps.u.grad, steps.spread(weight))


def test_one_number_moves_its_vertex_most_and_all_together_move_as_one():
    steps = LargeSteps(BALL.verts.double(), BALL.faces)
    one = torch.zeros(42, 3, dtype=torch.float64)
    one[7, 0] = 1.0
    moved = steps.spread(one)[:, 0]
    assert moved.argmax() == 7
    assert (moved > 0).all()
    assert math.isclose(moved.sum(), 1.0, rel_tol=1e-9)
    shift = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64).expand(42, 3)
    torch.testing.assert_close(steps.spread(shift), shift)


def test_no_shape_is_out_of_reach():
    # u -> v is one to one; only the way to a shape is another.
    steps, goal = LargeSteps(BALL.verts.double(), BALL.faces), random(42, 3)
    matrix = torch.eye(42, dtype=torch.float64) + 20 * graph_laplacian(BALL.faces, 42)
    with torch.no_grad():
        steps.u.copy_(matrix @ (goal - BALL.verts.double()))
    torch.testing.assert_close(steps.verts(), goal)


def test_a_step_of_descent_is_smoother_than_the_gradient():
    steps = LargeSteps(BALL.verts.double(), BALL.faces)

    def loss(sigma: float, gamma: float) -> torch.Tensor:
        return (steps.verts() * noise).sum()

    noise = random(42, 3)
    fit(loss, [steps.u], steps=1, lr=0.1, optimizer=torch.optim.SGD, progress=False)
    moved, plain = (steps.verts() - BALL.verts).detach(), -0.1 * noise
    jagged = [losses.laplacian(x, BALL.faces) / x.square().sum() for x in (moved, plain)]
    assert jagged[0] < jagged[1] / 10


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_is_kept_and_the_start_left_alone(dtype):
    start = BALL.verts.to(dtype)
    steps = LargeSteps(start, BALL.faces)
    assert steps.u.is_leaf
    assert steps.verts().dtype == dtype
    steps.verts().sum().backward()
    assert not start.requires_grad
    assert torch.equal(start, BALL.verts.to(dtype))


@pytest.mark.parametrize("strength", [-1.0, math.inf, math.nan])
def test_strength_is_named_when_it_is_wrong(strength):
    with pytest.raises(ValueError, match="strength: got"):
        LargeSteps(BALL.verts, BALL.faces, strength)


def test_the_bowl_is_closed_and_its_hollow_fills_it_to_the_rim():
    for mesh in (bowl(), hollow()):
        assert_closed(mesh.faces)
        assert volume(mesh) > 0
        assert mesh.verts.norm(dim=1).max() <= 1
    assert bowl().verts[:, 1].max() == hollow().verts[:, 1].max()
    cells, inside = (voxelize(0.5 * m.verts, m.faces, 64) for m in (bowl(), hollow()))
    assert not (cells & inside).any()
    line = torch.linspace(-1, 1, 64)
    rim = line < 0.5
    axis = (cells | inside)[:, 31, 31]  # from the foot to the rim, bowl and hollow without a gap
    assert axis[rim & (line > -0.45)].all()
    assert not axis[line > 0.52].any()


def test_the_hull_of_a_ball_is_a_ball_and_of_a_bowl_fills_the_hollow():
    camera = ring_of_views()

    def hull(mesh, views: Camera, side: int = 64) -> torch.Tensor:
        with torch.no_grad():
            drawn = rasterize(
                screen_triangles(mesh.verts, mesh.faces, views), size=(96, 128), sigma=1e-9
            )
        return visual_hull(drawn[..., 0], views, side)

    cells, inside = (voxelize(0.5 * m.verts, m.faces, 64) for m in (bowl(), hollow()))
    carved = hull(bowl(), camera)
    assert carved[inside].all()
    assert carved[cells].float().mean() > 0.97  # the rest are cells that an outline cuts
    all_around = Camera.orbit(2.7, [0.0, 0.0, 0.0, 90.0, 45.0], [0.0, 45.0, 90.0, 0.0, 22.0])
    ball = icosphere(3)
    small = ball.verts * 0.5 + torch.tensor([0.2, -0.1, 0.3])
    radius = torch.linspace(-1, 1, 64)
    y, x, z = torch.meshgrid(radius, radius, radius, indexing="ij")
    far = ((x - 0.2) ** 2 + (y + 0.1) ** 2 + (z - 0.3) ** 2).sqrt()
    carved = hull(type(ball)(small, ball.faces), all_around)
    assert carved[far < 0.47].all()
    assert not carved[far > 0.75].any()
    assert 1 < carved.sum() / (far < 0.5).sum() < 1.35


def test_what_no_camera_sees_is_not_in_the_hull():
    beside = Camera.look_at((0.0, 0.0, 1.2), at=(0.0, 0.0, 0.0), up=(0.0, 1.0, 0.0), fov=30)
    assert not visual_hull(torch.ones(1, 8, 8), beside, 16)[:, 0, -1].any()
    assert not visual_hull(torch.zeros(1, 8, 8), beside, 16).any()
