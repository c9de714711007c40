"""The jointed figure, its skin and its poses, and the fit that bends it."""

from __future__ import annotations

import math

import pytest
import torch

from softras_edu import rasterize_hard, screen_triangles
from softras_edu.fitting import acting, bend
from softras_edu.fitting.body import (
    JOINTS,
    NAMES,
    PARENTS,
    TURNS,
    aim,
    joint_error,
    make_body,
    skin,
    transforms,
)
from softras_edu.rotations import rotation_from_axis_angle

BODY = make_body()
DOUBLE = BODY.to(torch.float64)
REST = torch.zeros(len(JOINTS), 3)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_angles(seed: int = 0, *batch: int) -> torch.Tensor:
    return 0.6 * torch.randn(*batch, len(JOINTS), 3, generator=seeded(seed), dtype=torch.float64)


# ---------------------------------------------------------------- the figure


def test_its_size_is_as_promised() -> None:
    assert len(JOINTS) == 15
    assert len(BODY.faces) == 2100  # as the docstring of make_body says
    assert BODY.faces.max() == len(BODY.verts) - 1
    assert BODY.colors.shape == (len(BODY.faces), 3)
    height = BODY.verts[:, 1].amax() - BODY.verts[:, 1].amin()
    assert 1.7 < height < 1.9


def test_parents_come_first_and_bones_hang_together() -> None:
    assert PARENTS[0] == -1
    assert all(0 <= parent < k for k, parent in enumerate(PARENTS) if k)
    for joint in JOINTS:
        if " " in joint.name and joint.name.split()[1] in ("elbow", "hand", "knee", "foot"):
            assert joint.at == JOINTS[joint.parent].to


def test_the_skin_is_closed_and_faces_outward() -> None:
    """Two faces share each edge and run along it in opposite directions; the volume is positive."""
    edges = torch.cat([BODY.faces[:, [0, 1]], BODY.faces[:, [1, 2]], BODY.faces[:, [2, 0]]])
    assert len(edges.unique(dim=0)) == len(edges)
    assert torch.equal(edges.unique(dim=0), edges.flip(1).unique(dim=0))
    a, b, c = BODY.verts[BODY.faces].unbind(1)
    assert (torch.linalg.cross(b - a, c - a).norm(dim=1) > 1e-6).all()
    assert (a * torch.linalg.cross(b, c)).sum() / 6 > 0.05


def test_left_and_right_mirror_each_other() -> None:
    mirrored = BODY.verts * torch.tensor([-1.0, 1.0, 1.0])
    assert (
        torch.cdist(BODY.verts, mirrored, compute_mode="donot_use_mm_for_euclid_dist").amin(1).max()
        < 1e-5
    )


# ---------------------------------------------------------------- the skin


def test_weights_sum_to_one_and_mix_two_bones_at_most() -> None:
    assert torch.allclose(BODY.weights.sum(1), torch.ones(len(BODY.verts)))
    assert (BODY.weights >= 0).all()
    assert ((BODY.weights > 0.01).sum(1) <= 2).all()
    ring = (BODY.verts[:, 0] - 0.47).abs() < 0.02  # around the left elbow both bones count
    assert ring.any()
    assert ((BODY.weights[ring][:, NAMES.index("left elbow")] - 0.5).abs() < 0.2).all()


def test_zero_angles_are_the_rest_pose() -> None:
    assert torch.allclose(BODY.pose(REST), BODY.verts, atol=1e-6)


def test_a_turn_of_the_root_moves_everything_rigidly() -> None:
    angles = random_angles()
    turn = torch.tensor([0.3, -0.8, 0.5], dtype=torch.float64)
    still, turned = angles.clone(), angles.clone()
    still[0], turned[0] = 0, turn
    root = DOUBLE.joints[0]
    expected = (DOUBLE.pose(still) - root) @ rotation_from_axis_angle(turn).T + root
    torch.testing.assert_close(DOUBLE.pose(turned), expected)


def test_a_joint_moves_what_hangs_on_it_and_nothing_else() -> None:
    k = NAMES.index("left elbow")
    angles = REST.clone()
    angles[k, 1] = 0.7
    moved = (BODY.pose(angles) - BODY.verts).norm(dim=1) > 1e-5
    hangs = BODY.weights[:, [k, NAMES.index("left hand")]].sum(1)
    assert not moved[hangs < 1e-6].any()
    rigid = hangs > 1 - 1e-6
    expected = (BODY.verts - BODY.joints[k]) @ rotation_from_axis_angle(angles[k]).T + BODY.joints[
        k
    ]
    torch.testing.assert_close(BODY.pose(angles)[rigid], expected[rigid], atol=1e-5, rtol=0)


def test_transforms_against_a_walk_up_the_tree() -> None:
    """A point of a bone goes through its own joint, then its parent's, up to the root.

    Written as a loop over points.
    """
    angles = random_angles(1)
    turn = rotation_from_axis_angle(angles)
    got = transforms(turn, DOUBLE.joints)
    for k in range(len(JOINTS)):
        point = expected = torch.tensor([0.3, -0.2, 0.7], dtype=torch.float64)
        j = k
        while j >= 0:
            expected = turn[j] @ (expected - DOUBLE.joints[j]) + DOUBLE.joints[j]
            j = PARENTS[j]
        torch.testing.assert_close(got[k, :, :3] @ point + got[k, :, 3], expected)


def test_a_batch_of_poses_is_one_pose_after_the_other() -> None:
    angles = random_angles(2, 2, 3)
    posed = DOUBLE.pose(angles)
    assert posed.shape == (2, 3, len(BODY.verts), 3)
    torch.testing.assert_close(posed[1, 2], DOUBLE.pose(angles[1, 2]))


def test_gradients_of_the_skin() -> None:
    some = slice(0, len(BODY.verts), 80)
    angles = random_angles(3).requires_grad_()

    def posed(a: torch.Tensor) -> torch.Tensor:
        return skin(
            DOUBLE.verts[some],
            DOUBLE.weights[some],
            transforms(rotation_from_axis_angle(a), DOUBLE.joints),
        )

    assert torch.autograd.gradcheck(posed, angles)
    assert torch.autograd.gradcheck(
        posed, torch.zeros_like(angles).requires_grad_()
    )  # also where an axis is 0 / 0


# ---------------------------------------------------------------- poses


def test_aim_points_bones_where_they_should() -> None:
    goal = {
        "left_shoulder": (0.2, -0.9, 0.4),
        "left_elbow": (-0.8, 0.1, 0.6),
        "right_hip": (-0.1, -0.7, 0.7),
        "chest": (0.1, 1.0, 0.2),
    }
    angles = aim(**goal)
    moved = transforms(rotation_from_axis_angle(angles), BODY.joints)
    for name, direction in goal.items():
        k = NAMES.index(name.replace("_", " "))
        bone = torch.tensor(JOINTS[k].to) - torch.tensor(JOINTS[k].at)
        cosine = torch.cosine_similarity(moved[k, :, :3] @ bone, torch.tensor(direction), dim=0)
        assert cosine > 1 - 1e-5, name
        assert (angles[k] * bone).sum().abs() < 1e-5, "a limb was twisted about itself"
    assert not angles[NAMES.index("left knee")].any()


def test_aim_leaves_the_rest_of_a_pose_as_it_was() -> None:
    pose = random_angles(4).float() * TURNS
    moved = aim(pose, left_elbow=(0.1, 0.2, 0.9))
    k = NAMES.index("left elbow")
    others = [j for j in range(len(JOINTS)) if j != k]
    assert torch.equal(moved[others], pose[others])
    bone = torch.tensor(JOINTS[k].to) - torch.tensor(JOINTS[k].at)
    ways = transforms(rotation_from_axis_angle(moved), BODY.joints)[k, :, :3] @ bone
    assert torch.cosine_similarity(ways, torch.tensor([0.1, 0.2, 0.9]), dim=0) > 1 - 1e-5


def test_a_twin_is_mirrored_in_depth_and_is_the_twin_of_its_twin() -> None:
    pose = bend.ready()
    names = ("left shoulder", "left elbow", "left hand")
    other = bend.twin(pose, *names)
    turned = [transforms(rotation_from_axis_angle(a), BODY.joints) for a in (pose, other)]
    for name in names:
        k = NAMES.index(name)
        ends = [t[k, :, :3] @ torch.tensor(JOINTS[k].to) + t[k, :, 3] for t in turned]
        begin = turned[0][3, :, :3] @ BODY.joints[3] + turned[0][3, :, 3]  # the shoulder
        eye = bend.FRONT.rotation[0].to(pose)
        seen = [eye @ (end - begin) for end in ends]
        torch.testing.assert_close(seen[1], seen[0] * torch.tensor([1.0, 1.0, -1.0]))
        assert seen[0][2].abs() > 0.02
    torch.testing.assert_close(bend.twin(other, *names), pose, atol=1e-5, rtol=0)


def test_shows_counts_the_pixels_of_a_colour() -> None:
    poses = torch.stack([bend.arm_across("front"), bend.arm_across("behind"), bend.ready()])
    color = BODY.colors[BODY.weights[BODY.faces].sum(1).argmax(1) == NAMES.index("left hand")][0]
    expected = ((bend.photograph(BODY, poses) - color).abs().amax(-1) < 0.02).sum((1, 2))
    got = bend.shows(BODY, poses, "left hand")
    assert got[1] == 0 < got[0]
    assert (got - expected).abs().max() <= 2  # at edges the photograph may be a mixture


def test_acted_poses_turn_only_what_may_turn_and_left_and_right_mirror_each_other() -> None:
    poses = acting.acted(20, seeded())
    assert (poses * (1 - TURNS)).abs().max() < 1e-6
    assert not poses[:, 0].any()  # the pelvis is known
    shape = BODY.pose(poses[:3])
    other = BODY.pose(acting.mirrored(poses[:3])) * torch.tensor([-1.0, 1.0, 1.0])
    for a, b in zip(shape, other, strict=True):
        assert torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").amin(1).max() < 1e-4


def test_the_prior_has_a_mean_and_a_spread_of_its_own() -> None:
    start = bend.ready()[None]
    free = torch.zeros_like(TURNS)
    free[4, 1] = free[7, 1] = 1
    mean = bend.ready() + 0.5
    spread = torch.full_like(TURNS, 0.5)
    spread[7] = 100.0
    photo = bend.photograph(BODY, start)
    options = {"free": free, "prior": 1e3, "steps": 40, "lr": 0.05, "mean": mean}
    angles, _ = bend.bend(BODY, [photo], start, spread=spread, **options)
    moved = (angles - start)[0]
    assert abs(moved[4, 1] - 0.5) < 0.1
    assert moved[7, 1].abs() < 0.3  # its spread is wide: the picture holds it
    assert not moved[free == 0].any()


def test_joint_error_is_the_angle_of_the_turn_between() -> None:
    goal = REST.clone()
    goal[4] = torch.tensor([0.0, math.radians(30), 0.0])
    error = joint_error(REST, goal)
    assert error[4].item() == pytest.approx(30, abs=1e-3)
    assert error.sum().item() == pytest.approx(30, abs=1e-3)
    assert joint_error(goal, goal).max() < 0.1


def test_every_pose_used_here_turns_only_what_may_turn() -> None:
    for angles in (
        bend.ready(),
        bend.arm_across("front"),
        bend.arm_across("behind"),
        *bend.random_poses(bend.ready(), 3, seeded()),
    ):
        assert (angles * (1 - TURNS)).abs().max() < 1e-6


# ---------------------------------------------------------------- the fit


def test_the_photograph_is_the_picture_of_the_z_buffer() -> None:
    angles = bend.arm_across("front")[None]
    triangles = screen_triangles(BODY.pose(angles), BODY.faces, bend.FRONT)
    hard = rasterize_hard(
        triangles,
        BODY.colors[None, :, None].expand_as(triangles),
        size=bend.SIZE,
        near=bend.NEAR,
        far=bend.FAR,
    )
    same = (bend.photograph(BODY, angles) - hard[..., :3]).abs().amax(-1) < 1e-3
    assert same.float().mean() > 0.99  # a face reaches 0.03 pixels beyond its edge


def test_hard_draws_the_same_without_the_faces_that_are_not_seen() -> None:
    angles = bend.arm_across("behind")[None]
    triangles = screen_triangles(BODY.pose(angles), BODY.faces, bend.FRONT)
    colors = BODY.colors[None, :, None].expand_as(triangles)
    all_faces = rasterize_hard(triangles, colors, size=bend.SIZE, near=bend.NEAR, far=bend.FAR)
    assert torch.equal(bend.hard(triangles, colors, 1e-3, 0.05), all_faces)


def test_the_hidden_hand_hears_of_the_photograph_only_softly() -> None:
    hand = BODY.weights[:, NAMES.index("left hand")] > 0.5
    photo = bend.photograph(BODY, bend.arm_across("front")[None])
    pulls = {}
    for name, renderer in (
        ("soft", bend.soft),
        ("no depth", bend.soft_without_depth),
        ("NMR", bend.hard),
    ):
        verts = BODY.pose(bend.arm_across("behind"))[None].requires_grad_()
        triangles = screen_triangles(verts, BODY.faces, bend.FRONT)
        image = renderer(triangles, BODY.colors[None, :, None].expand_as(triangles), 1e-3, 0.05)
        loss = (image[..., :3] * image[..., 3:] - photo).square().mean()
        pulls[name] = -torch.autograd.grad(loss, verts)[0][0, hand].sum(0)
    assert pulls["soft"][2] > 1e-3 > pulls["no depth"][2]
    assert not pulls["NMR"].any()


def test_bend_brings_the_forearm_round_and_leaves_alone_what_is_known() -> None:
    start, goal = bend.arm_across("behind")[None], bend.arm_across("front")[None]
    angles, found = bend.bend(
        BODY, [bend.photograph(BODY, goal)], start, free=bend.LEFT_ARM, prior=0.001, steps=80
    )
    assert found.losses[-1] < 0.5 * found.losses[0]
    elbow = NAMES.index("left elbow")
    assert joint_error(angles, goal)[0, elbow] < 0.5 * joint_error(start, goal)[0, elbow]
    assert torch.equal(angles * (1 - bend.LEFT_ARM), start * (1 - bend.LEFT_ARM))


def test_miss_takes_a_gap_apart() -> None:
    goal = bend.ready()
    angles = goal.clone()
    angles[NAMES.index("left shoulder"), 1] += 0.3
    across, along = bend.miss(BODY, angles, goal)
    places = [transforms(rotation_from_axis_angle(a), BODY.joints) for a in (angles, goal)]
    k = NAMES.index("left hand")
    there, here = (t[k, :, :3] @ BODY.joints[k] + t[k, :, 3] for t in places)
    assert (across[k] ** 2 + along[k] ** 2).sqrt().item() == pytest.approx(
        (there - here).norm().item(), rel=1e-4
    )
    backward = bend.FRONT.rotation[0, 2].to(here)
    assert along[k].item() == pytest.approx(((there - here) @ backward).abs().item(), rel=1e-4)
    assert across[NAMES.index("right foot")] < 1e-6
