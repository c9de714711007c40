"""Built-in shapes, and what Mesh refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from closed import assert_closed, volume

from softras_edu import Mesh, cube, icosphere, teapot, torus

SHAPES = {
    "icosphere 0": icosphere(0),
    "icosphere 2": icosphere(2),
    "cube": cube(),
    "torus": torus(),
    "teapot": teapot(),
}


# ---------------------------------------------------------------- shapes


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_closed_and_turn_outward(name):
    assert_closed(SHAPES[name].faces)
    assert volume(SHAPES[name]) > 0


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_have_float32_unit_size_and_no_idle_vertex(name):
    mesh = SHAPES[name]
    assert mesh.verts.dtype == torch.float32
    assert mesh.verts.norm(dim=1).max().item() == pytest.approx(1.0, abs=1e-6)
    assert sorted(set(mesh.faces.flatten().tolist())) == list(range(len(mesh.verts)))


@pytest.mark.parametrize("level", [0, 1, 2, 3, 4])
def test_icosphere_counts_and_radius(level):
    mesh = icosphere(level)
    assert len(mesh.faces) == 20 * 4**level
    assert len(mesh.verts) == 10 * 4**level + 2  # Euler: V = 2 + E - F, E = 3/2 F
    assert (mesh.verts.norm(dim=1) - 1).abs().max() < 1e-6
    assert (mesh.face_normals() * mesh.verts[mesh.faces].mean(1)).sum(
        -1
    ).min() > 0.7  # outward, everywhere


def test_icosphere_approaches_the_ball():
    assert volume(icosphere(0)) == pytest.approx(
        2.53615, abs=1e-4
    )  # the icosahedron in the unit sphere
    assert volume(icosphere(4)) == pytest.approx(4 / 3 * math.pi, rel=0.005)


@pytest.mark.parametrize("level", [-1, 8])
def test_icosphere_refuses_a_level_that_is_negative_or_huge(level):
    with pytest.raises(ValueError, match=rf"^level: got {level}, wanted 0 to 7"):
        icosphere(level)


def test_cube_has_8_vertices_12_faces_and_axis_normals():
    mesh = cube()
    assert mesh.verts.shape == (8, 3)
    assert mesh.faces.shape == (12, 3)
    assert volume(mesh) == pytest.approx((2 / math.sqrt(3)) ** 3, rel=1e-6)
    normals = {tuple(round(x) for x in normal) for normal in mesh.face_normals().tolist()}
    assert normals == {(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)}


def test_torus_lies_around_y_with_the_asked_radii():
    mesh = torus(radius=0.6, tube=0.25, around=10, across=7)
    assert len(mesh.faces) == 2 * 10 * 7
    assert len(mesh.verts) == 10 * 7  # V - E + F = 0 for a ring
    x, y, z = mesh.verts.T
    assert ((torch.hypot(x, z) - 0.6).square() + y.square() - 0.25**2).abs().max() < 1e-6
    assert volume(torus(0.7, 0.3, 200, 100)) == pytest.approx(
        2 * math.pi**2 * 0.7 * 0.3**2, rel=0.01
    )


def test_teapot_has_about_500_faces_stands_upright_and_has_its_spout_on_the_right():
    mesh = teapot()
    assert 400 < len(mesh.faces) < 700
    assert volume(mesh) > 0.5
    low, high = mesh.verts.amin(0), mesh.verts.amax(0)
    assert (high - low)[0] > (high - low)[1]  # wider than tall, for the spout and the handle
    assert (mesh.verts[:, 2] + 0).mean().abs() < 0.01


def test_face_normals_are_unit_and_right_handed():
    mesh = Mesh(
        torch.tensor([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 5.0, 0.0]]),
        torch.tensor([[0, 1, 2], [0, 2, 1]]),
    )
    assert mesh.face_normals().tolist() == [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]


def test_fit_unit_sphere_centres_the_box_and_scales_the_farthest_vertex_to_1():
    verts = torch.tensor([[5.0, 5.0, 5.0], [9.0, 5.0, 5.0], [5.0, 8.0, 5.0]])
    mesh = Mesh(verts, torch.tensor([[0, 1, 2]]), torch.rand(3, 3)).fit_unit_sphere()
    torch.testing.assert_close(
        mesh.verts, torch.tensor([[-2.0, -1.5, 0.0], [2.0, -1.5, 0.0], [-2.0, 1.5, 0.0]]) / 2.5
    )
    assert mesh.colors is not None
    assert (
        Mesh(verts[:1].expand(3, 3), torch.tensor([[0, 1, 2]]))
        .fit_unit_sphere()
        .verts.isfinite()
        .all()
    )  # all at one place


# ---------------------------------------------------------------- what Mesh refuses

VERTS = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
FACES = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


@pytest.mark.parametrize(
    ("verts", "faces", "colors", "message"),
    [
        (
            VERTS[:, :2],
            FACES,
            None,
            r"^verts: got torch\.float32 \(4, 2\), wanted floating point \(V, 3\)",
        ),
        (VERTS[None], FACES, None, r"^verts: got torch\.float32 \(1, 4, 3\), wanted"),
        (VERTS.long(), FACES, None, r"^verts: got torch\.int64 \(4, 3\), wanted floating point"),
        (
            VERTS,
            FACES[:, :2],
            None,
            r"^faces: got torch\.int64 \(4, 2\), wanted torch\.int64 \(F, 3\)",
        ),
        (VERTS, FACES.int(), None, r"^faces: got torch\.int32 \(4, 3\), wanted torch\.int64"),
        (VERTS, FACES.float(), None, r"^faces: got torch\.float32 \(4, 3\), wanted torch\.int64"),
        (
            VERTS / VERTS,
            FACES,
            None,
            r"^verts: vertex 0 is \[nan, nan, nan\], wanted finite numbers",
        ),
        (
            VERTS,
            FACES + 1,
            None,
            r"^faces: face 1 is \[1, 2, 4\], but there are 4 vertices \(0 to 3\)",
        ),
        (VERTS, FACES - 1, None, r"^faces: face 0 is \[-1, 1, 0\], but there are 4 vertices"),
        (VERTS, FACES, VERTS[:2], r"^colors: got shape \(2, 3\), wanted \(4, 3\) like verts"),
        (VERTS, FACES, torch.ones(3, 3, 3), r"like verts, or \(4, 3, 3\), one a corner"),
        (VERTS, FACES, VERTS.byte(), r"^colors: got torch\.uint8, wanted floating point"),
        ("abc", FACES, None, r"^verts: got 'abc', wanted a tensor or an array of numbers"),
        (VERTS, [[0.0, 1.0, 2.0]], None, r"^faces: got \[\[0\.0, 1\.0, 2\.0\]\], wanted a tensor"),
    ],
)
def test_mesh_names_what_does_not_fit_and_where(verts, faces, colors, message):
    with pytest.raises(ValueError, match=message):
        Mesh(verts, faces, colors)


# ---------------------------------------------------------------- arrays, colours, dtypes


def test_numpy_arrays_and_lists_make_a_mesh():
    numbers = VERTS.tolist(), FACES.tolist(), VERTS.tolist()
    mesh = Mesh(*numbers)
    assert torch.equal(mesh.verts, VERTS)
    assert torch.equal(mesh.faces, FACES)
    for kind in (np.float32, np.float64):
        mesh = Mesh(np.array(numbers[0], kind), np.array(numbers[1], np.int32), np.ones((4, 3)))
        assert mesh.verts.dtype == mesh.colors.dtype == torch.from_numpy(np.zeros(1, kind)).dtype
        assert torch.equal(mesh.faces, FACES)


def test_colours_of_vertices_and_of_corners_say_the_same():
    mesh = Mesh(VERTS, FACES, VERTS)
    assert torch.equal(mesh.corner_colors(), VERTS[FACES])
    apart = Mesh(VERTS, FACES, VERTS[FACES])
    assert torch.equal(apart.corner_colors(), VERTS[FACES])
    assert torch.equal(apart.fit_unit_sphere().colors, apart.colors)
    assert torch.equal(Mesh(VERTS, FACES).corner_colors(), torch.ones(4, 3, 3))


def test_a_mesh_goes_to_another_dtype():
    for colors in (None, VERTS, VERTS[FACES]):
        mesh = Mesh(VERTS, FACES, colors).to(torch.float64)
        assert mesh.verts.dtype == torch.float64
        assert mesh.faces.dtype == torch.int64
        assert mesh.colors is None if colors is None else mesh.colors.dtype == torch.float64
    assert Mesh(VERTS, FACES).to("cpu", torch.float64).verts.dtype == torch.float64
