"""Rotations against formulas that share no code with them, and searches for a pose.

The step rule keeps its promises, and a search finds.
"""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from softras_edu import Mesh
from softras_edu.fitting.pose import (
    PARAMETERS,
    blur,
    bracket,
    colored_cube,
    draw_soft,
    fit_pose,
    photograph,
    picture_loss,
    soft_then_hard,
)
from softras_edu.rotations import (
    TurnAdam,
    cross_matrix,
    geodesic_angle,
    random_rotations,
    random_turns,
    rotation_from_6d,
    rotation_from_axis_angle,
    turn_slope,
)
from softras_edu.teaching.results.poses import (
    cameras,
    interval,
    last_stage,
    mean_error,
    median_error,
    newest,
    percent,
    shares,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def is_rotation(r: Tensor, tolerance: float = 1e-5) -> bool:
    return torch.allclose(
        r.transpose(-1, -2) @ r, torch.eye(3, dtype=r.dtype), atol=tolerance
    ) and bool((torch.linalg.det(r) > 0).all())


def test_cross_matrix() -> None:
    v, x = torch.randn(5, 3, generator=seeded()), torch.randn(5, 3, generator=seeded(1))
    assert torch.allclose(
        (cross_matrix(v) @ x[..., None])[..., 0], torch.linalg.cross(v, x), atol=1e-6
    )


@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-4, 1e-3, 0.9, 3.0, 7.0])
def test_axis_angle_is_the_matrix_exponential(size: float) -> None:
    v = torch.randn(20, 3, generator=seeded(), dtype=torch.float64)
    v = size * v / v.norm(dim=1, keepdim=True)
    assert torch.allclose(
        rotation_from_axis_angle(v), torch.linalg.matrix_exp(cross_matrix(v)), atol=1e-12
    )
    v.requires_grad_()
    assert torch.autograd.gradcheck(rotation_from_axis_angle, v[:3])


def test_six_numbers_make_a_rotation() -> None:
    r = random_rotations(20, seeded()).double()
    assert is_rotation(
        rotation_from_6d(torch.randn(20, 6, generator=seeded(), dtype=torch.float64)), 1e-12
    )
    assert torch.allclose(
        rotation_from_6d(torch.cat([3 * r[..., 0], r[..., 1] + r[..., 0]], dim=-1)), r, atol=1e-6
    )


@pytest.mark.parametrize("degrees", [0.0, 1e-3, 20.0, 90.0, 179.999, 180.0])
def test_the_geodesic_angle_keeps_its_digits(degrees: float) -> None:
    axis = torch.nn.functional.normalize(
        torch.randn(20, 3, generator=seeded(), dtype=torch.float64), dim=1
    )
    r = random_rotations(20, seeded(1)).double()
    other = rotation_from_axis_angle(axis * math.radians(degrees)) @ r
    for angle in (
        geodesic_angle(r, other),
        geodesic_angle(other, r),
        geodesic_angle(r.mT, other.mT),
    ):
        assert torch.allclose(angle, torch.full_like(angle, degrees), atol=1e-5)


def test_random_rotations_are_uniform() -> None:
    r = random_rotations(20000, seeded())
    assert is_rotation(r)
    # The angle of a uniform rotation has the density (1 - cos) / 180 degrees: its mean is
    # 90 + 360 / pi**2 degrees.
    assert abs(geodesic_angle(r, torch.eye(3)).mean().item() - (90 + 360 / math.pi**2)) < 1
    assert r.mean(0).abs().max() < 0.02
    assert torch.allclose(
        geodesic_angle(random_turns(50, 37.0, seeded()), torch.eye(3)),
        torch.full((50,), 37.0),
        atol=1e-3,
    )


def test_the_slope_along_a_turn_is_autograds() -> None:
    r, g = (
        random_rotations(6, seeded()).double(),
        torch.randn(6, 3, 3, generator=seeded(1), dtype=torch.float64),
    )
    v = torch.zeros(6, 3, dtype=torch.float64, requires_grad=True)
    (g * (rotation_from_axis_angle(v) @ r)).sum().backward()
    assert torch.allclose(turn_slope(r, g), v.grad, atol=1e-12)


# ---------------------------------------------------------------- the step rule


def walk(start: Tensor, goal: Tensor, steps: int = 60, lr: float = 0.1) -> Tensor:
    """From start towards goal, on a loss whose only valley is there."""
    r = start.clone().requires_grad_()
    rule = TurnAdam([r], lr=lr)
    for step in range(steps):
        rule.param_groups[0]["lr"] = lr * 0.05 ** (step / steps)
        rule.zero_grad()
        (r - goal).square().sum().backward()
        rule.step()
    return r.detach()


def test_turn_adam_finds_and_stays_a_rotation() -> None:
    start, goal = random_rotations(30, seeded()), random_rotations(30, seeded(1))
    end = walk(start, goal, steps=300, lr=0.2)
    assert is_rotation(end, 1e-4)
    assert geodesic_angle(end, goal).max() < 2


def test_turn_adam_does_not_care_for_the_names_of_the_axes() -> None:
    start, goal, (q,) = (
        random_rotations(8, seeded()).double(),
        random_rotations(8, seeded(1)).double(),
        random_rotations(1, seeded(2)).double(),
    )
    assert torch.allclose(walk(q @ start, q @ goal), q @ walk(start, goal), atol=1e-9)


def test_every_pose_is_a_problem_of_its_own() -> None:
    start, goal = random_rotations(4, seeded()), random_rotations(4, seeded(1))
    assert torch.allclose(walk(start, goal)[1:2], walk(start[1:2], goal[1:2]), atol=1e-5)


# ---------------------------------------------------------------- objects and pictures


def cube_group() -> list[Tensor]:
    """The 24 turns that bring a cube without colours back to itself, without the 24 mirrored."""
    signs = itertools.product((1.0, -1.0), repeat=3)
    matrices = [
        torch.eye(3)[list(p)] * torch.tensor(s)[:, None]
        for s in signs
        for p in itertools.permutations(range(3))
    ]
    return [m for m in matrices if torch.linalg.det(m) > 0]


@pytest.mark.parametrize("mesh", [colored_cube(), bracket()], ids=["cube", "bracket"])
def test_no_turn_brings_it_back_to_itself(mesh: Mesh) -> None:
    turns = torch.stack([m for m in cube_group() if geodesic_angle(m, torch.eye(3)) > 1])
    assert len(turns) == 23
    looks = random_rotations(1, seeded(3))
    same = [
        picture_loss(photograph(mesh, looks @ turn), photograph(mesh, looks), 0.0).item()
        for turn in turns
    ]
    assert min(same) > 0.01


@pytest.mark.parametrize("mesh", [colored_cube(), bracket()], ids=["cube", "bracket"])
def test_the_objects_are_closed_and_face_outwards(mesh: Mesh) -> None:
    a, b, c = mesh.verts[mesh.faces].unbind(1)
    assert torch.linalg.cross(b - a, c - a).sum(0).abs().max() < 1e-5, (
        "the area vectors of a closed surface sum to 0"
    )
    assert (a * torch.linalg.cross(b, c)).sum() > 0
    assert mesh.verts.norm(dim=1).max() < 1 + 1e-5


def test_opposite_faces_have_opposite_colours() -> None:
    cube = colored_cube()
    normals, colors = cube.face_normals()[::2], cube.colors[cube.faces][::2, 0]
    for normal, color in zip(normals, colors, strict=True):
        (other,) = colors[(normals @ normal) < -0.9]
        assert torch.equal(color + other, torch.ones(3))


def test_blur_spreads_and_keeps_the_sum_inside() -> None:
    point = torch.zeros(1, 32, 32, 2)
    point[0, 16, 16, 0] = 1.0
    wide = blur(point, 0.1)
    assert wide[..., 0].sum() == pytest.approx(1.0, abs=0.01)
    assert wide[0, 16, 16, 0] == wide.max()
    assert torch.allclose(wide[0, 16, 14, 0], wide[0, 18, 16, 0])
    assert wide[0, 16, 14, 0] / wide[0, 16, 16, 0] == pytest.approx(
        math.exp(-((2 * 2 / 32) ** 2) / (2 * 0.1**2)), rel=1e-4
    )
    assert wide[..., 1].abs().max() == 0


def test_the_loss_ignores_alpha() -> None:
    photo = photograph(colored_cube(), torch.eye(3)[None])
    assert (
        picture_loss(torch.cat([photo[..., :3], 1 - photo[..., 3:]], dim=-1), photo, 0.0).item()
        == 0
    )
    assert picture_loss(photo[..., :3] + 0.1, photo, 0.0).item() == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("parameters", list(PARAMETERS))
def test_a_search_finds_a_pose_nearby(parameters: str) -> None:
    mesh, truth = colored_cube(), random_rotations(2, seeded(5))
    start = random_turns(2, 15.0, seeded(6)) @ truth
    found = fit_pose(
        mesh,
        photograph(mesh, truth),
        start,
        steps=60,
        lr=0.05,
        width=0.1,
        parameters=parameters,
        progress=False,
    )
    assert geodesic_angle(found.rotation, truth).max() < 5
    assert torch.allclose(found.path[0], start, atol=1e-5)
    assert torch.equal(found.path[-1], found.rotation)
    assert found.path.shape == (61, 2, 3, 3)
    assert found.losses.shape == (60, 2)
    assert is_rotation(found.path, 1e-4)


def test_the_last_stage_is_hard_and_ends_nearer() -> None:
    mesh, truth = bracket(), random_rotations(6, seeded(5))
    start = random_turns(6, 20.0, seeded(6)) @ truth
    photo = photograph(mesh, truth)
    found = soft_then_hard(mesh, photo, start, soft_steps=40, hard_steps=20, progress=False)
    assert found.path.shape == (61, 6, 3, 3)
    assert found.losses.shape == (60, 6)
    assert torch.allclose(found.path[0], start, atol=1e-5)
    assert torch.equal(found.path[-1], found.rotation)
    soft = fit_pose(mesh, photo, start, steps=40, progress=False)
    assert torch.equal(found.path[40], soft.rotation), "the hard stage goes on where the soft ended"
    left = [geodesic_angle(r, truth).median().item() for r in (soft.rotation, found.rotation)]
    assert left[1] < 0.7 * left[0]
    # The loss of the last stage is that of the hard picture.
    hard = picture_loss(photograph(mesh, found.path[-2]), photo, 0.1)
    assert torch.allclose(found.losses[-1], hard, rtol=1e-4)


def test_turn_adam_moves_a_vector_beside_a_pose() -> None:
    # Three vectors of three numbers look like a matrix: a group says what it holds.
    goal = torch.randn(3, 3, generator=seeded(1), dtype=torch.float64)
    x = torch.zeros(3, 3, dtype=torch.float64, requires_grad=True)
    rule = TurnAdam([{"params": [x], "turn": False}], lr=0.1)
    for step in range(200):
        rule.param_groups[0]["lr"] = 0.1 * 0.01 ** (step / 200)
        rule.zero_grad()
        (x - goal).square().sum().backward()
        if step == 0:
            first = x.grad.clone()
        rule.step()
        if step == 0:  # a step of length lr, straight downhill, in every case
            moved = -0.1 * torch.nn.functional.normalize(first, dim=1)
            assert torch.allclose(x.detach(), moved, atol=1e-9)
    assert (x - goal).abs().max() < 0.02


def test_the_gradient_of_the_pose_is_the_slope_of_the_picture_along_a_turn() -> None:
    rotation, axes = random_rotations(2, seeded()), torch.eye(3)

    def loss(turn: Tensor) -> Tensor:
        return draw_soft(colored_cube(), turn, 1e-2, 1e-1)[..., :3].square().sum((1, 2, 3))

    leaf = rotation.clone().requires_grad_()
    (grad,) = torch.autograd.grad(loss(leaf).sum(), leaf)
    for k in range(3):
        step = 0.01 * axes[k]
        ahead, behind = (loss(rotation_from_axis_angle(s * step) @ rotation) for s in (1, -1))
        along = (ahead - behind) / 0.02
        assert turn_slope(rotation, grad)[:, k].tolist() == pytest.approx(
            along.tolist(), rel=0.05, abs=0.05 * grad.norm().item()
        )
    assert grad.flatten(1).norm(dim=1).min() > 1


@pytest.mark.data
def test_the_table_is_read_and_drawn() -> None:
    rows = newest()
    assert len(percent(rows, "cube", "soft, schedules")) == 4
    assert percent(rows, "cube", "SoftRas") == [84, 75, 55]
    assert len(median_error(rows, "bracket", "NMR")) == 4
    assert mean_error(last_stage(), "cube", "SoftRas") == [5.5, 14.6, 33.5]
    low, high = interval(rows, "cube", "NMR", "80")
    assert low < percent(rows, "cube", "NMR")[2] < high
    mean = shares(last_stage(), "cube", ["soft, then hard", "SoftRas"], score="mean").axes[0]
    assert mean.get_ylabel() == "mean angle left (degrees)"
    assert mean.lines[0].get_ydata()[2] == mean_error(last_stage(), "cube", "soft, then hard")[2]
    assert {row["task"] for row in cameras()} == {"camera", "place"}
    figure = shares(rows, "cube", ["NMR", "soft, schedules", "SoftRas"])
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels == ["NMR", "soft, schedules", "SoftRas (published)"]
