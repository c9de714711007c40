"""Triangles of one size on the same surface."""

from __future__ import annotations

import math

import pytest
import torch
import trimesh
from closed import assert_closed, volume

from softras_edu import Mesh, cube, icosphere, torus
from softras_edu.fitting.remesh import Net, quality, remesh

STRETCHED = Mesh(icosphere(2).verts * torch.tensor([3.0, 0.3, 0.5]), icosphere(2).faces)


def euler(mesh: Mesh) -> int:
    """V - E + F: 2 for a sphere, 0 for a torus."""
    return len(mesh.faces.unique()) - 3 * len(mesh.faces) // 2 + len(mesh.faces)


def test_quality_by_hand():
    verts = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0.5, math.sqrt(3) / 2, 0], [0, 1, 0], [2, 0, 0]])
    faces = torch.tensor([[0, 1, 2], [0, 1, 3], [0, 1, 4]])
    # Of a right angle with legs 1: 4 sqrt(3) / 2 / (1 + 1 + 2); three in a line have no area.
    torch.testing.assert_close(
        quality(verts, faces), torch.tensor([1.0, math.sqrt(3) / 2, 0.0]), atol=1e-6, rtol=0
    )
    torch.testing.assert_close(quality(7 * verts, faces), quality(verts, faces))
    assert quality(torch.zeros(3, 3), torch.tensor([[0, 1, 2]])).tolist() == [0.0]


@pytest.mark.parametrize("verts", [60, 200, 700])
@pytest.mark.parametrize("mesh", [icosphere(2), STRETCHED, cube()], ids=["ball", "rod", "cube"])
def test_a_remeshed_sphere_is_a_sphere_of_about_as_many_vertices(mesh: Mesh, verts: int):
    new = remesh(mesh, verts)
    assert_closed(new.faces)
    assert euler(new) == 2
    assert 0.6 * verts < len(new.verts) < 1.6 * verts
    assert len(new.faces.unique()) == len(new.verts), "no vertex is left without a face"
    q = quality(new.verts, new.faces)
    assert q.mean() > 0.85
    assert q.min() > 0.05


def test_it_makes_a_stretched_mesh_regular_and_stays_on_the_surface():
    new = remesh(STRETCHED, 642)
    before, after = (quality(m.verts, m.faces).mean() for m in (STRETCHED, new))
    assert before < 0.6
    assert after > 0.85
    # (x / 3)^2 + (y / 0.3)^2 + (z / 0.5)^2 = 1, as far as the flat faces of the old mesh are.
    radius = (new.verts / torch.tensor([3.0, 0.3, 0.5])).norm(dim=1)
    assert radius.max() < 1.05, "a slide along the tangent plane leaves a round tip by little"
    assert radius.quantile(0.05) > 0.85
    assert volume(new) == pytest.approx(volume(STRETCHED), rel=0.05)


def tower() -> Mesh:
    """Three rings of three corners, one above the other, and a tip at either end."""
    verts, faces = [(0.0, 0.0, -2.0)], []
    for z in (-1.0, 0.0, 1.0):
        turns = [2 * math.pi * k / 3 for k in range(3)]
        verts += [(math.cos(turn), math.sin(turn), z) for turn in turns]
    for k in range(3):
        (a, b), (c, d), (e, f) = (
            (1 + 3 * ring + k, 1 + 3 * ring + (k + 1) % 3) for ring in range(3)
        )
        faces += [(0, b, a), (a, b, d), (a, d, c), (c, d, f), (c, f, e), (e, f, 10)]
    return Mesh(torch.tensor([*verts, (0.0, 0.0, 2.0)], dtype=torch.float64), torch.tensor(faces))


def test_a_waist_of_three_edges_is_not_pinched():
    # Both ends of each of its edges know the third vertex, and no face stands there: one vertex
    # less, and the two halves would meet in an edge.
    waist = tower()
    assert_closed(waist.faces)
    net = Net(waist)
    before = dict(net.across)
    for a, b in ((4, 5), (5, 6), (4, 6)):
        net.collapse(a, b, longest=100.0)
        assert net.across == before


def test_edges_of_a_solid_are_not_flipped_away():
    # Six neighbours a vertex would be nearer with other edges across the corners of the column.
    made = trimesh.creation.cylinder(1.0, 2.0, sections=8)
    column = Mesh(torch.tensor(made.vertices), torch.tensor(made.faces))
    net = Net(column)
    for _ in range(3):
        for a, b in net.edges():
            net.flip(a, b)
    assert volume(net.mesh(torch.float64)) == pytest.approx(volume(column))


def test_a_torus_keeps_its_hole():
    new = remesh(torus(), 400)
    assert_closed(new.faces)
    assert euler(new) == 0


def test_it_is_deterministic_and_keeps_the_dtype():
    one, two = remesh(STRETCHED, 300), remesh(STRETCHED, 300)
    assert torch.equal(one.verts, two.verts)
    assert torch.equal(one.faces, two.faces)
    assert one.verts.dtype == torch.float32
    assert remesh(STRETCHED.to(torch.float64), 60, rounds=1).verts.dtype == torch.float64


def test_each_edit_leaves_a_closed_surface():
    net = Net(icosphere(1))
    a, b = net.edges()[0]
    net.split(a, b)
    assert not net.has(a, b)
    assert_closed(net.mesh(torch.float64).faces)
    assert len(net.mesh(torch.float64).verts) == 43
    m = len(net.at) - 1
    net.collapse(a, m, longest=9.0)
    assert len(net.mesh(torch.float64).verts) == 42
    assert_closed(net.mesh(torch.float64).faces)
    for edge in net.edges():
        net.flip(*edge)
        assert_closed(net.mesh(torch.float64).faces)


def test_a_collapse_that_would_pinch_the_surface_is_left_out():
    tetrahedron = Mesh(
        torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        torch.tensor([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]),
    )
    net = Net(tetrahedron)
    for edge in net.edges():
        net.collapse(*edge, longest=9.0)
        net.flip(*edge)
    assert torch.equal(net.mesh(torch.float32).verts, tetrahedron.verts)
    assert len(net.mesh(torch.float32).faces) == 4
    assert_closed(net.mesh(torch.float32).faces)


@pytest.mark.parametrize(
    ("faces", "message"),
    [
        (icosphere(0).faces[:-1], "has one face; wanted a closed surface"),
        (torch.cat([icosphere(0).faces, icosphere(0).faces[:1]]), "two faces run the same way"),
    ],
)
def test_what_is_no_closed_surface_is_refused(faces: torch.Tensor, message: str):
    with pytest.raises(ValueError, match=message):
        remesh(Mesh(icosphere(0).verts, faces), 100)
    with pytest.raises(ValueError, match="verts: got 3"):
        remesh(icosphere(0), 3)
