"""Mesh files: round trips, dialects, broken ones and a real one."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import pytest
import torch
from closed import assert_closed, volume

from softras_edu import Camera, Mesh, icosphere, render

SPOT = Path(__file__).resolve().parents[2] / "shared" / "data" / "spot" / "spot_triangulated.obj"
VERTS = torch.tensor([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
FACES = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".stl", ".glb", ".PLY", ".OBJ"])
@pytest.mark.parametrize("colored", [False, True])
def test_files_round_trip(tmp_path, suffix, colored):
    colors = (
        torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.2, 0.4, 0.6]])
        if colored
        else None
    )
    path = tmp_path / f"tetrahedron{suffix}"
    Mesh(VERTS, FACES, colors).save(path)
    loaded = Mesh.load(path)
    assert loaded.verts.shape == VERTS.shape
    # STL stores loose triangles, so its vertices come back in the order in which faces name them:
    # compare corner by corner.
    torch.testing.assert_close(loaded.verts[loaded.faces], VERTS[FACES], rtol=0, atol=1e-6)
    if suffix != ".stl":
        assert loaded.faces.tolist() == FACES.tolist()
    if colored and suffix != ".stl":
        torch.testing.assert_close(loaded.colors, colors, rtol=0, atol=0.5 / 255 + 1e-6)
    else:
        assert loaded.colors is None


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".stl", ".glb"])
def test_a_saved_sphere_comes_back_closed_and_outward(tmp_path, suffix):
    mesh = icosphere(2)
    mesh.save(tmp_path / f"sphere{suffix}")
    loaded = Mesh.load(str(tmp_path / f"sphere{suffix}"))  # a str is a path, too
    assert (len(loaded.verts), len(loaded.faces)) == (len(mesh.verts), len(mesh.faces))
    assert_closed(loaded.faces)
    assert volume(loaded) == pytest.approx(volume(mesh), rel=1e-5)


def test_save_takes_a_mesh_that_is_being_optimised(tmp_path):
    Mesh(VERTS.clone().requires_grad_(), FACES).save(tmp_path / "a.ply")
    torch.testing.assert_close(Mesh.load(tmp_path / "a.ply").verts, VERTS)


@pytest.mark.parametrize("name", ["mesh.fbx", "mesh"])
def test_save_refuses_another_suffix(tmp_path, name):
    with pytest.raises(
        ValueError, match=r"cannot write .*wanted one of \.obj, \.ply, \.stl, \.glb"
    ):
        Mesh(VERTS, FACES).save(tmp_path / name)
    assert not (tmp_path / name).exists()


def obj(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mesh.obj"
    path.write_text(text)
    return path


CORNERS = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n"


@pytest.mark.parametrize(
    ("text", "faces"),
    [
        (CORNERS + "f 1 2 3\n", [[0, 1, 2]]),
        (CORNERS + "f -4 -3 -2\n", [[0, 1, 2]]),  # counted back from the last vertex so far
        ("v 0 0 0\nv 1 0 0\nv 1 1 0\nf -3 -2 -1\nv 0 1 0\nf -4 -2 -1\n", [[0, 1, 2], [0, 2, 3]]),
        (CORNERS + "vn 0 0 1\nvt 0 0\nf 1/1/1 2/1/1 3/1/1\n", [[0, 1, 2]]),
        (CORNERS + "vn 0 0 1\nf 1//1 2//1 3//1\n", [[0, 1, 2]]),
        (CORNERS + "vt 0 0\nf 1/1 2/1 3/1\n", [[0, 1, 2]]),
        (
            "v 0 0 0\nv 1 0 0\nvt 0 0\nvn 0 0 1\nv 1 1 0\nf -3/-1/-1 -2/-1/-1 -1/-1/-1\n"
            "v 0 1 0\nvt 1 1\nf -4/-1/-1 -2/-1/-1 -1/-1/-1\n",
            [[0, 1, 2], [0, 2, 3]],
        ),
        (
            "# a comment\n\no thing\ng group\ns off\n" + CORNERS + "f 1 2 3 # the face\n",
            [[0, 1, 2]],
        ),
        ("v 0 0 0 # first\nv 1 0 0#second\nv 1 1 0\nf 1 2 3\n", [[0, 1, 2]]),
        ("v\t0 0   0\r\n  v 1 0 0\r\nv 1 1 0\r\nf  1\t2 3\r\n", [[0, 1, 2]]),
        (CORNERS + "f 1 2 3\nf 1 3 4", [[0, 1, 2], [0, 2, 3]]),  # no newline at the end
        ("mtllib nowhere.mtl\nusemtl paint\n" + CORNERS + "f 1 2 3\n", [[0, 1, 2]]),
        ("f 1 2 3\n" + CORNERS, [[0, 1, 2]]),  # faces before vertices
    ],
)
@pytest.mark.filterwarnings("ignore:.*the materials 'nowhere.mtl' are not there")
def test_obj_dialects(tmp_path, text, faces):
    mesh = Mesh.load(obj(tmp_path, text))
    corners = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    torch.testing.assert_close(mesh.verts[mesh.faces], corners[torch.tensor(faces)])
    assert mesh.colors is None


def test_obj_quads_are_split_into_two_faces_that_turn_the_same_way(tmp_path):
    mesh = Mesh.load(obj(tmp_path, CORNERS + "f 1 2 3 4\n"))
    assert mesh.faces.shape == (2, 3)
    assert mesh.face_normals().tolist() == [[0.0, 0.0, 1.0]] * 2
    a, b, c = mesh.verts[mesh.faces].unbind(1)
    assert torch.linalg.cross(b - a, c - a)[:, 2].tolist() == [1.0, 1.0]  # half of the square each


def test_obj_vertex_colours_are_read(tmp_path):
    mesh = Mesh.load(obj(tmp_path, "v 0 0 0 1 0 0\nv 1 0 0 0 1 0\nv 0 1 0 0 0 0.2\nf 1 2 3\n"))
    torch.testing.assert_close(
        mesh.colors, torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 0.2]]), rtol=0, atol=1 / 255
    )


def test_colours_above_1_are_bytes(tmp_path):
    path = tmp_path / "bytes.obj"
    path.write_text("v 0 0 0 255 127.5 0\nv 1 0 0 51 0 0\nv 0 1 0 0 0 1\nf 1 2 3\n")
    wanted = torch.tensor([[1.0, 0.5, 0.0], [0.2, 0.0, 0.0], [0.0, 0.0, 1 / 255]])
    torch.testing.assert_close(Mesh.load(path).colors, wanted)


@pytest.mark.parametrize("uv", [False, True])
def test_a_material_of_one_colour_colours_the_vertices(tmp_path, uv):
    (tmp_path / "paint.mtl").write_text("newmtl red\nKd 1 0.2 0\n")
    face = "vt 0 0\nf 1/1 2/1 3/1\n" if uv else "f 1 2 3\n"
    mesh = Mesh.load(obj(tmp_path, "mtllib paint.mtl\nusemtl red\n" + CORNERS + face))
    torch.testing.assert_close(
        mesh.colors[mesh.faces[0]],
        torch.tensor([[1.0, 0.2, 0.0]]).expand(3, 3),
        rtol=0,
        atol=1 / 255,
    )


def test_two_materials_of_one_colour_each_colour_their_own_faces(tmp_path):
    (tmp_path / "paint.mtl").write_text("newmtl red\nKd 1 0 0\nnewmtl blue\nKd 0 0 1\n")
    second = "v 5 0 0\nv 6 0 0\nv 5 1 0\n"
    mesh = Mesh.load(
        obj(
            tmp_path,
            "mtllib paint.mtl\n" + CORNERS + second + "usemtl red\nf 1 2 3\nusemtl blue\nf 5 6 7\n",
        )
    )
    assert len(mesh.faces) == 2
    for face in mesh.faces:
        wanted = [0.0, 0.0, 1.0] if mesh.verts[face][:, 0].min() > 4 else [1.0, 0.0, 0.0]
        torch.testing.assert_close(
            mesh.colors[face], torch.tensor([wanted]).expand(3, 3), rtol=0, atol=2 / 255
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            CORNERS + "f 1 2 3\nf 1 2 9\n",
            r"line 6: 'f 1 2 9': the face refers to vertex 9, but the file has 4",
        ),
        (
            CORNERS + "f 0 1 2\n",
            r"line 5: 'f 0 1 2': the face refers to vertex 0, but the file has 4 \(the first",
        ),
        (CORNERS + "f -5 -1 -2\n", r"line 5: .*vertex -5, but the file has 4"),
        (CORNERS + "\nf 1 2\n", r"line 6: 'f 1 2': a face needs three corners or more"),
        (CORNERS + "f 1 2 three\n", r"line 5: 'f 1 2 three': .*'three'"),
        ("v 0 0 0\nv 1 zero 0\n", r"line 2: 'v 1 zero 0': .*'zero'"),
        ("v 0 0 0\nv 1 0\n", r"line 2: 'v 1 0': a vertex needs three finite numbers"),
        (
            "v 0 0 0\nv nan 0 0\nv 0 1 0\nf 1 2 3\n",
            r"line 2: 'v nan 0 0': a vertex needs three finite numbers",
        ),
        (
            "v 0 0 0\nv 0 1 0\nv inf 0 0\nf 1 2 3\n",
            r"line 3: 'v inf 0 0': a vertex needs three finite numbers",
        ),
    ],
)
def test_a_broken_obj_is_refused_by_line(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"mesh\.obj, {message}"):
        Mesh.load(obj(tmp_path, text))


@pytest.mark.parametrize("text", [CORNERS, "# nothing\n", "hello, world\n", "\n"])
def test_an_obj_without_faces_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"mesh\.obj: "):
        Mesh.load(obj(tmp_path, text))


def test_an_obj_with_vertices_alone_says_that_there_are_no_faces(tmp_path):
    with pytest.raises(ValueError, match=r"mesh\.obj: .*(0 faces|no faces)"):
        Mesh.load(obj(tmp_path, CORNERS))


def test_a_missing_file_a_directory_an_empty_file_and_an_unknown_suffix_say_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.obj: no such file"):
        Mesh.load(tmp_path / "nowhere.obj")
    with pytest.raises(IsADirectoryError, match="is a directory, wanted a mesh file"):
        Mesh.load(tmp_path)
    (tmp_path / "empty.ply").write_bytes(b"")
    with pytest.raises(ValueError, match=r"empty\.ply: the file is empty"):
        Mesh.load(tmp_path / "empty.ply")
    (tmp_path / "mesh.txt").write_text(CORNERS)
    with pytest.raises(
        ValueError, match=r"mesh\.txt: cannot read \.txt, wanted one of \.obj, \.ply, \.stl, \.glb"
    ):
        Mesh.load(tmp_path / "mesh.txt")
    (tmp_path / "mesh").write_text(CORNERS)
    with pytest.raises(ValueError, match="cannot read a file without a suffix"):
        Mesh.load(tmp_path / "mesh")


GARBAGE = {
    "text": b"this is no mesh at all\n" * 10,
    "zeros": bytes(500),
    "noise": bytes((i * 7919 + 13) % 256 for i in range(500)),
    "one byte": b"x",
    "a PNG's head": b"\x89PNG\r\n\x1a\n" + bytes(100),
}


@pytest.mark.parametrize("suffix", [".ply", ".stl", ".glb", ".obj"])
@pytest.mark.parametrize("content", GARBAGE)
def test_garbage_is_refused_with_the_files_name(tmp_path, suffix, content):
    path = tmp_path / f"garbage{suffix}"
    path.write_bytes(GARBAGE[content])
    with pytest.raises(ValueError, match=rf"garbage\{suffix}"):
        Mesh.load(path)


@pytest.mark.parametrize("suffix", [".ply", ".stl", ".glb"])
def test_a_file_cut_short_is_refused(tmp_path, suffix):
    path = tmp_path / f"short{suffix}"
    icosphere(1).save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=rf"short\{suffix}"):
        Mesh.load(path)


def ply(tmp_path: Path, vertices: list[str], faces: list[str]) -> Path:
    head = f"ply\nformat ascii 1.0\nelement vertex {len(vertices)}\n"
    head += "property float x\nproperty float y\nproperty float z\n"
    head += f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    path = tmp_path / "mesh.ply"
    path.write_text(head + "".join(line + "\n" for line in vertices + faces))
    return path


@pytest.mark.parametrize("face", ["3 0 1 7", "3 -1 0 1"])
def test_a_ply_whose_face_names_a_vertex_that_is_not_there_is_refused(tmp_path, face):
    with pytest.raises(
        ValueError, match=r"mesh\.ply: faces: face 1 is .*, but there are 3 vertices \(0 to 2\)"
    ):
        Mesh.load(ply(tmp_path, ["0 0 0", "1 0 0", "0 1 0"], ["3 0 1 2", face]))


def test_a_ply_with_vertices_alone_says_that_there_are_no_faces(tmp_path):
    with pytest.raises(ValueError, match=r"mesh\.ply: .*(0 faces|no faces)"):
        Mesh.load(ply(tmp_path, ["0 0 0", "1 0 0", "0 1 0"], []))


def test_a_ply_or_stl_with_nan_is_refused(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"mesh\.ply: verts: vertex 1 is \[nan, 0\.0, 0\.0\], wanted finite numbers",
    ):
        Mesh.load(ply(tmp_path, ["0 0 0", "nan 0 0", "0 1 0"], ["3 0 1 2"]))
    path = tmp_path / "nan.stl"
    path.write_bytes(
        bytes(80) + struct.pack("<I12fH", 1, *[0.0] * 3, 0, 0, 0, 1, 0, math.nan, 0, 1, 0, 0)
    )
    with pytest.raises(
        ValueError, match=r"nan\.stl: verts: vertex \d is .*nan.*, wanted finite numbers"
    ):
        Mesh.load(path)


# ---------------------------------------------------------------- a real one

needs_spot = pytest.mark.skipif(
    not SPOT.exists(), reason=f"the real mesh is not part of the repository ({SPOT})"
)


@pytest.fixture(scope="module")
def spot() -> Mesh:
    return Mesh.load(SPOT)


@needs_spot
def test_a_real_textured_mesh_loads_joined_at_its_seams(spot):
    assert (len(spot.verts), len(spot.faces)) == (2930, 5856)
    assert_closed(spot.faces)
    assert volume(spot) > 0
    assert spot.colors is None
    (picture,) = spot.texture.pictures()
    assert picture.shape[0] >= 256  # all of it, not a colour a corner
    assert picture.min() >= 0
    assert picture.max() <= 1
    assert spot.corner_colors().flatten(0, 1).std(0).min() > 0.05  # not one colour for all


@needs_spot
@pytest.mark.parametrize("suffix", [".obj", ".ply", ".glb"])
def test_a_real_mesh_round_trips(spot, tmp_path, suffix):
    spot.save(tmp_path / f"spot{suffix}")
    loaded = Mesh.load(tmp_path / f"spot{suffix}")
    assert loaded.faces.tolist() == spot.faces.tolist()
    torch.testing.assert_close(loaded.verts, spot.verts, rtol=0, atol=1e-6)
    wanted = spot.corner_colors()
    torch.testing.assert_close(loaded.corner_colors(), wanted, rtol=0, atol=0.5 / 255 + 1e-6)


@needs_spot
def test_a_real_mesh_renders(spot):
    image = render(
        spot.fit_unit_sphere(),
        Camera.orbit(2.7, 10.0, 150.0),
        size=(20, 24),
        sigma=1e-4,
        gamma=1e-3,
    )
    assert image.shape == (1, 20, 24, 4)
    assert image.isfinite().all()
    alpha = image[0, ..., 3]
    assert 0.1 < alpha.mean() < 0.6  # it fills a part of the picture,
    assert alpha[[0, -1]].max() < 0.01  # inside its frame,
    assert alpha[9:11, 11:13].min() > 0.99  # and its body covers the middle
    assert image[0, ..., :3][alpha > 0.99].std(0).min() > 0.02
