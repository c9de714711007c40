"""Edge length, normal consistency and chamfer against closed forms and slow loops, on surfaces with
holes, with three faces at an edge, and with faces that are none."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from test_losses import hinge
from torch import Tensor

from softras_edu import cube, icosphere, losses

F64 = torch.float64
TETRAHEDRON = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=F64)
SIDES = torch.tensor([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])


def bumpy(level: int = 1) -> tuple[Tensor, Tensor]:
    """A sphere with dents, a hole, a fin on one of its edges, a line, a lonely vertex."""
    mesh = icosphere(level)
    generator = torch.Generator().manual_seed(0)
    verts = mesh.verts.double() + 0.1 * torch.randn(mesh.verts.shape, generator=generator)
    a, b, c = mesh.faces[7].tolist()
    many = len(verts)
    fin = torch.tensor([[a, b, many], [c, c, a], [b, a, many]])
    more = torch.tensor([[1.5, 0.3, -0.4], [7.0, 7.0, 7.0]], dtype=F64)
    return torch.cat([verts, more]), torch.cat([mesh.faces[3:], fin])


def edges_of(faces: Tensor) -> dict[tuple[int, int], list[int]]:
    """Each edge, the smaller vertex first, and the faces that have it."""
    found: dict[tuple[int, int], list[int]] = {}
    for f, face in enumerate(faces.tolist()):
        for a, b in itertools.pairwise([*face, face[0]]):
            if a != b:
                found.setdefault((min(a, b), max(a, b)), []).append(f)
    return found


# ---------------------------------------------------------------- edge length


def test_edge_length_of_a_tetrahedron_and_of_a_cube_by_hand():
    assert losses.edge_length(TETRAHEDRON, SIDES).item() == pytest.approx(8.0)  # all are 2 sqrt 2
    wanted = (2 * math.sqrt(2) - 1.5) ** 2
    assert losses.edge_length(TETRAHEDRON, SIDES, 1.5).item() == pytest.approx(wanted)
    mesh = cube()  # 12 edges and 6 diagonals
    side = (mesh.verts[:, 0].max() - mesh.verts[:, 0].min()).item()
    mean = (12 * side**2 + 6 * 2 * side**2) / 18
    assert losses.edge_length(mesh.verts.double(), mesh.faces).item() == pytest.approx(mean)
    both = torch.stack([TETRAHEDRON, 2 * TETRAHEDRON])
    assert losses.edge_length(both, SIDES).item() == pytest.approx((8 + 32) / 2)  # over the batch


@pytest.mark.parametrize("target", [0.0, 0.4])
def test_edge_length_counts_each_edge_once_on_any_surface(target):
    verts, faces = bumpy()
    terms = [((verts[a] - verts[b]).norm() - target) ** 2 for a, b in edges_of(faces)]
    assert losses.edge_length(verts, faces, target).item() == pytest.approx(
        (sum(terms) / len(terms)).item(), rel=1e-12
    )


def test_edge_length_finishes_finite_where_an_edge_has_no_length():
    verts = torch.zeros(3, 3, requires_grad=True)
    loss = losses.edge_length(verts, torch.tensor([[0, 1, 2]]), 0.5)
    (grad,) = torch.autograd.grad(loss, verts)
    assert loss.item() == pytest.approx(0.25)
    assert grad.isfinite().all()


# ---------------------------------------------------------------- normal consistency


@pytest.mark.parametrize(
    ("degrees", "expected"), [(180, 0.0), (120, 0.5), (90, 1.0), (60, 1.5), (0, 2.0), (-90, 1.0)]
)
def test_normal_consistency_of_a_hinge_whichever_way_its_faces_are_listed(degrees, expected):
    for faces in ([[0, 1, 2], [1, 0, 3]], [[1, 0, 2], [1, 0, 3]], [[2, 0, 1], [3, 1, 0]]):
        loss = losses.normal_consistency(hinge(degrees), torch.tensor(faces))
        assert loss.item() == pytest.approx(expected, abs=1e-12)


def test_normal_consistency_of_a_cube_and_a_tetrahedron():
    mesh = cube()  # 12 folds of 90 degrees, and 6 diagonals in flat sides
    verts = torch.stack([mesh.verts.double(), 5 * mesh.verts.double() + 1])
    assert losses.normal_consistency(verts, mesh.faces).item() == pytest.approx(12 / 18)
    # Normals of a regular tetrahedron's faces have the cosine -1/3, with or without one of them.
    for faces in (SIDES, SIDES[:3], SIDES.flip(1)):
        assert losses.normal_consistency(TETRAHEDRON, faces).item() == pytest.approx(4 / 3)


def test_normal_consistency_compares_all_pairs_where_three_faces_meet():
    verts = torch.cat([hinge(90), hinge(180)[3:]])
    faces = torch.tensor([[0, 1, 2], [1, 0, 3], [0, 1, 4]])
    for order in itertools.permutations(range(3)):  # 0-90, 90-180 and 0-180 degrees
        loss = losses.normal_consistency(verts, faces[list(order)])
        assert loss.item() == pytest.approx((1 + 1 + 0) / 3)


def test_normal_consistency_is_the_mean_over_pairs_of_a_slow_loop():
    verts, faces = bumpy()
    turns = []
    for (a, b), owners in edges_of(faces).items():
        normals = []
        for f in owners:
            corners = verts[faces[f]]
            normal = torch.linalg.cross(corners[1] - corners[0], corners[2] - corners[0])
            face = faces[f].tolist()
            along = (face.index(b) - face.index(a)) % 3 == 1  # runs from a to b
            normals.append(normal if along else -normal)
        for m, n in itertools.combinations(normals, 2):
            if m.norm() > 0 and n.norm() > 0:
                turns.append(1 + (m @ n) / (m.norm() * n.norm()))
    assert losses.normal_consistency(verts, faces).item() == pytest.approx(
        (sum(turns) / len(turns)).item(), rel=1e-12
    )
    assert len(turns) > 100


# ---------------------------------------------------------------- all four of a mesh

MESH_LOSSES = [losses.laplacian, losses.flatten, losses.edge_length, losses.normal_consistency]


@pytest.mark.parametrize("loss", MESH_LOSSES)
def test_gradcheck_with_a_hole_a_fin_and_a_face_that_is_none(loss):
    verts, faces = bumpy(0)
    both = torch.stack([verts, verts.flip(1) * 1.3])
    assert torch.autograd.gradcheck(lambda v: loss(v, faces), (both.requires_grad_(),))
    assert loss(both, faces).item() == pytest.approx(
        (loss(both[0], faces).item() + loss(both[1], faces).item()) / 2, rel=1e-12
    )


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("faces", [[], [[0, 1, 2]], [[0, 0, 0]], [[0, 0, 1], [0, 0, 2]]])
@pytest.mark.parametrize("loss", MESH_LOSSES)
def test_almost_nothing_gives_a_finite_loss_and_gradient(loss, faces, dtype):
    verts = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=dtype, requires_grad=True)
    value = loss(verts, torch.tensor(faces, dtype=torch.int64).reshape(-1, 3))
    assert value.isfinite()
    if value.requires_grad:
        (grad,) = torch.autograd.grad(value, verts, allow_unused=True)
        assert grad is None or grad.isfinite().all()
    if loss in (losses.flatten, losses.normal_consistency):
        assert value.item() == 0.0  # no two faces with an area


@pytest.mark.parametrize("loss", MESH_LOSSES)
def test_a_lonely_vertex_changes_nothing(loss):
    verts, faces = bumpy()
    assert loss(verts, faces).item() == loss(verts[:-1], faces).item()


def test_the_laplacian_takes_no_vertex_for_its_own_neighbour():
    verts, faces = bumpy()
    line = torch.tensor([[5, 5, 5]])
    wanted = losses.laplacian(verts, faces).item()
    assert losses.laplacian(verts, torch.cat([faces, line])).item() == pytest.approx(wanted)


@pytest.mark.parametrize("loss", [losses.flatten, losses.normal_consistency])
def test_two_vertices_at_one_place_make_no_fold(loss):
    # The face 0, 1, 3 is a line, for 1 lies on 0: it has no normal to compare.
    verts = torch.tensor([[0.0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=F64)
    assert loss(verts, torch.tensor([[0, 1, 2], [1, 0, 3]])).item() == 0.0


# ---------------------------------------------------------------- points on surfaces


def test_points_lie_on_their_faces_as_many_as_there_is_area():
    # A triangle of area 3 in the plane z = 1, and one of area 1 in x = 5.
    verts = [[0.0, 0, 1], [3, 0, 1], [0, 2, 1], [5, 0, 0], [5, 2, 0], [5, 0, 1]]
    verts, faces = torch.tensor(verts, dtype=F64), torch.tensor([[0, 1, 2], [3, 4, 5]])
    generator = torch.Generator().manual_seed(0)
    points = losses.sample_points(verts, faces, 20000, generator=generator)
    low = points[:, 0] < 4
    assert low.double().mean().item() == pytest.approx(0.75, abs=0.01)
    x, y, z = points[low].unbind(1)
    assert ((z == 1) | ((z - 1).abs() < 1e-12)).all()
    assert ((x >= 0) & (y >= 0) & (x / 3 + y / 2 <= 1 + 1e-12)).all()
    # Evenly spread: the mean, and a quarter of the points in the half-size triangle at a corner.
    assert points[low].mean(0).tolist() == pytest.approx([1.0, 2 / 3, 1.0], abs=0.02)
    for near in (x / 3 + y / 2 <= 0.5, x / 3 >= 0.5, y / 2 >= 0.5):
        assert near.double().mean().item() == pytest.approx(0.25, abs=0.015)
    assert points[~low][:, 0].tolist() == pytest.approx([5.0] * int((~low).sum()))


def test_points_follow_their_corners():
    verts, faces = bumpy(0)
    verts = torch.stack([verts, 2 * verts]).requires_grad_()

    def points(v: Tensor) -> Tensor:
        return losses.sample_points(v, faces, 9, generator=torch.Generator().manual_seed(3))

    assert points(verts).shape == (2, 9, 3)
    again = torch.Generator().manual_seed(3)
    assert torch.equal(points(verts), losses.sample_points(verts, faces, 9, generator=again))
    # Points are linear in the corners while their faces stay the same, and a mean of them.
    (grad,) = torch.autograd.grad(points(verts)[..., 0].sum(), verts)
    assert grad[..., 0].sum((1,)).tolist() == pytest.approx([9.0, 9.0])
    assert (grad[..., 1:] == 0).all()
    alone = losses.sample_points(verts[0], faces, 9, generator=again)
    assert alone.shape == (9, 3)


def chamfer_by_hand(points: Tensor, target: Tensor) -> float:
    p, q = points.tolist(), target.tolist()
    there = [min(math.dist(a, b) ** 2 for b in q) for a in p]
    back = [min(math.dist(a, b) ** 2 for a in p) for b in q]
    return sum(there) / len(there) + sum(back) / len(back)


@pytest.mark.parametrize("chunk", [1 << 22, 40, 1])
@pytest.mark.parametrize(("many", "others"), [(1, 1), (7, 13), (13, 7), (1, 5)])
def test_chamfer_agrees_with_a_slow_loop_in_pieces_of_any_size(monkeypatch, chunk, many, others):
    monkeypatch.setattr(losses, "CHUNK", chunk)
    generator = torch.Generator().manual_seed(1)
    points = torch.randn(2, many, 3, generator=generator, dtype=F64)
    target = torch.randn(2, others, 3, generator=generator, dtype=F64)
    wanted = [chamfer_by_hand(p, q) for p, q in zip(points, target, strict=True)]
    assert losses.chamfer(points, target).item() == pytest.approx(sum(wanted) / 2, rel=1e-12)
    assert losses.chamfer(points[0], target[0]).item() == pytest.approx(wanted[0], rel=1e-12)
    one_for_all = (chamfer_by_hand(points[0], target[1]) + wanted[1]) / 2
    assert losses.chamfer(points, target[1]).item() == pytest.approx(one_for_all, rel=1e-12)
    assert torch.autograd.gradcheck(
        losses.chamfer, (points.requires_grad_(), target.requires_grad_())
    )


def test_chamfer_of_a_set_and_itself_moved_a_little():
    generator = torch.Generator().manual_seed(2)
    points = torch.rand(50, 3, generator=generator, dtype=F64)
    assert losses.chamfer(points, points[torch.randperm(50, generator=generator)]).item() == 0.0
    far = points + 1e4  # float32 would lose the millimetres if it subtracted squares
    assert losses.chamfer(far.float(), far.float() + 0.125).item() > 0.0
    step = torch.tensor([1e-6, 0.0, 0.0], dtype=F64)
    assert losses.chamfer(points, points + step).item() == pytest.approx(2e-12, rel=1e-6)


def test_two_samples_of_one_square_score_what_chance_gives():
    # The nearest of points with a density of n / A is, squared and on average, A / (pi n) away.
    verts = torch.tensor([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]], dtype=F64)
    faces, generator = torch.tensor([[0, 1, 2], [0, 2, 3]]), torch.Generator().manual_seed(0)
    some, others = (losses.sample_points(verts, faces, 4000, generator=generator) for _ in "ab")
    chance = 2 * 4 / (math.pi * 4000)
    assert losses.chamfer(some, others).item() == pytest.approx(chance, rel=0.1)
    lifted = others + torch.tensor([0.0, 0, 0.5], dtype=F64)
    assert losses.chamfer(some, lifted).item() == pytest.approx(chance + 2 * 0.25, rel=0.01)


def test_chamfer_on_sampled_points_pulls_a_mesh_to_its_target():
    mesh, big = icosphere(1), icosphere(2)
    target = losses.sample_points(
        1.5 * big.verts, big.faces, 2000, generator=torch.Generator().manual_seed(0)
    )
    scale = torch.tensor(1.0, requires_grad=True)
    points = losses.sample_points(
        scale * mesh.verts, mesh.faces, 2000, generator=torch.Generator().manual_seed(1)
    )
    (slope,) = torch.autograd.grad(losses.chamfer(points, target), scale)
    assert slope.item() == pytest.approx(2 * 2 * -0.5, rel=0.3)  # of 2 (scale - 1.5)^2


@pytest.mark.parametrize(
    ("points", "target", "message"),
    [
        ((4, 2), (4, 3), r"^points: got shape \(4, 2\)"),
        ((0, 3), (4, 3), r"^points: got shape \(0, 3\)"),
        ((4, 3), (2, 0, 3), r"^target: got shape \(2, 0, 3\)"),
        ((2, 4, 3), (3, 4, 3), r"^target: got 3 sets for 2 of points"),
    ],
)
def test_chamfer_refuses_what_is_no_two_sets(points, target, message):
    with pytest.raises(ValueError, match=message):
        losses.chamfer(torch.zeros(points), torch.zeros(target))


def test_no_points_can_be_taken_from_nothing():
    verts, faces = TETRAHEDRON, SIDES
    for count in (0, -1, 2.5):
        with pytest.raises(ValueError, match=r"^count: got"):
            losses.sample_points(verts, faces, count)
    for bad in (faces[:0], torch.tensor([[0, 0, 1]])):
        with pytest.raises(ValueError, match=r"^faces: got \d of no area"):
            losses.sample_points(verts, bad, 5)
    both = torch.stack([verts, 0 * verts])
    with pytest.raises(ValueError, match=r"^faces: got 4 of no area"):
        losses.sample_points(both, faces, 5)
