"""Mesh files of other programs: what they say must reach the mesh, or the message says why not."""

from __future__ import annotations

import re
import struct
import sys
import warnings
from pathlib import Path

import fresh_python
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from softras_edu import Camera, Mesh, cube, rasterize_hard, render
from softras_edu.mesh_files.polygons import triangulate
from softras_edu.mesh_files.raw import Paint

GREEN, BLUE = [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]
# Two squares side by side in the plane z = 0, from x = -1 to 0 and from 0 to 1.
SQUARES = "v -1 0 0\nv 0 0 0\nv 0 1 0\nv -1 1 0\nv 1 0 0\nv 1 1 0\n"


def write(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def area(mesh: Mesh) -> float:
    a, b, c = mesh.verts.double()[mesh.faces].unbind(1)
    return torch.linalg.cross(b - a, c - a).norm(dim=1).sum().item() / 2


def assert_green_then_blue(mesh: Mesh) -> None:
    """Four faces; each is all green on the left of x = 0, and all blue on the right of it."""
    assert len(mesh.faces) == 4
    left = mesh.verts[mesh.faces].mean(1)[:, :1] < 0
    wanted = torch.where(left, torch.tensor(GREEN), torch.tensor(BLUE))
    colors = mesh.corner_colors()
    torch.testing.assert_close(colors, wanted[:, None].expand_as(colors), rtol=0, atol=1 / 255)


# ---------------------------------------------------------------- colours that jump at an edge


def two_squares(tmp_path: Path, kind: str) -> Path:
    """The left square green and the right one blue, in every way that a file can say it."""
    if kind == "materials":
        write(tmp_path, "a.mtl", "newmtl g#1\nKd 0 1 0\nnewmtl b\nKd 0 0 1\n")
        text = f"mtllib a.mtl\n{SQUARES}usemtl g#1\nf 1 2 3 4\nusemtl b\nf 2 5 6 3\n"
        return write(tmp_path, "a.obj", text)
    if kind == "palette":
        image = Image.new("RGB", (8, 8), (0, 255, 0))
        image.paste((0, 0, 255), (4, 0, 8, 8))
        image.save(tmp_path / "palette.png")
        write(tmp_path, "a.mtl", "newmtl p\nKd 0 0 0\nmap_Kd palette.png\n")
        uv = "vt 0.25 0.5\nvt 0.75 0.5\n"
        faces = "f 1/1 2/1 3/1 4/1\nf 2/2 5/2 6/2 3/2\n"
        return write(tmp_path, "a.obj", f"mtllib a.mtl\n{SQUARES}{uv}usemtl p\n{faces}")
    points = [line[2:] for line in SQUARES.splitlines()]
    if kind == "off":
        faces = "4 0 1 2 3 0 255 0\n4 1 4 5 2 0 0 255\n"
        return write(tmp_path, "a.off", "OFF\n6 2 0\n" + "\n".join(points) + "\n" + faces)
    if kind == "faces of a PLY":
        return write(
            tmp_path,
            "a.ply",
            ply(
                "xyz",
                points,
                ["4 0 1 2 3 0 255 0", "4 1 4 5 2 0 0 255"],
                faces="property uchar red\nproperty uchar green\nproperty uchar blue\n",
            ),
        )
    rgb = {True: (0, 255, 0), False: (0, 0, 255)}
    rows = [(p, True) for p in points[:4]] + [(points[k], False) for k in (1, 4, 5, 2)]
    lines = [f"{p} {' '.join(map(str, rgb[left]))}" for p, left in rows]
    return write(tmp_path, "a.ply", ply("xyzrgb", lines, ["4 0 1 2 3", "4 4 5 6 7"]))


def ply(kind: str, points: list[str], rows: list[str], faces: str = "", comment: str = "") -> str:
    """An ASCII PLY; `kind` has the letters of the vertices' properties."""
    names = {"r": "uchar red", "g": "uchar green", "b": "uchar blue"}
    properties = "".join(f"property {names.get(k, f'float {k}')}\n" for k in kind)
    return (
        f"ply\nformat ascii 1.0\n{comment}element vertex {len(points)}\n{properties}"
        f"element face {len(rows)}\nproperty list uchar int vertex_indices\n{faces}end_header\n"
        + "".join(f"{line}\n" for line in (*points, *rows))
    )


KINDS = ["materials", "palette", "off", "faces of a PLY", "vertices of a PLY"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_green_square_is_green_up_to_the_seam(tmp_path, kind):
    # Places were joined whatever their colours, so green ran into blue over the whole squares.
    mesh = Mesh.load(two_squares(tmp_path, kind))
    assert_green_then_blue(mesh)
    assert len(mesh.verts) == 6  # and the surface is whole
    camera = Camera.look_at((0.0, 0.5, 3.0), (0.0, 0.5, 0.0), orthographic=0.5)
    image = render(mesh, camera, size=(8, 16), rasterizer=rasterize_hard)[0]
    assert image[:, :8, :3].reshape(-1, 3).unique(dim=0).tolist() == [GREEN]
    assert image[:, 8:, :3].reshape(-1, 3).unique(dim=0).tolist() == [BLUE]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("suffix", [".obj", ".ply", ".glb"])
def test_colours_of_corners_are_saved(tmp_path, kind, suffix):
    mesh = Mesh.load(two_squares(tmp_path, kind))
    mesh.save(tmp_path / f"again{suffix}")
    again = Mesh.load(tmp_path / f"again{suffix}")
    assert_green_then_blue(again)
    assert again.faces.tolist() == mesh.faces.tolist()
    torch.testing.assert_close(again.verts, mesh.verts)


def test_one_colour_at_each_vertex_stays_one_a_vertex(tmp_path):
    lines = ["0 0 0 255 0 0", "1 0 0 0 255 0", "0 1 0 0 0 255", "0 0 0 255 0 0"]
    mesh = Mesh.load(write(tmp_path, "a.ply", ply("xyzrgb", lines, ["3 0 1 2", "3 3 2 1"])))
    assert mesh.verts.shape == mesh.colors.shape == (3, 3)


# ---------------------------------------------------------------- polygons

HEXAGON = [(2, 1, 0), (1, 1, 0), (1, 2, 0), (0, 2, 0), (0, 0, 0), (2, 0, 0)]


@pytest.mark.parametrize("start", range(6))
@pytest.mark.parametrize("suffix", [".obj", ".ply", ".off"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_concave_polygon_has_its_area_from_every_corner(tmp_path, start, suffix, mirrored):
    # The L of three unit squares. A fan from the wrong corner leaves it: area 4 was read.
    points = HEXAGON[start:] + HEXAGON[:start]
    points = points[::-1] if mirrored else points
    rows = [" ".join(map(str, p)) for p in points]
    numbers = " ".join(map(str, range(6)))
    text = {
        ".obj": "".join(f"v {row}\n" for row in rows) + "f 1 2 3 4 5 6\n",
        ".ply": ply("xyz", rows, [f"6 {numbers}"]),
        ".off": "OFF 6 1 0\n" + "\n".join(rows) + f"\n6 {numbers}\n",
    }[suffix]
    mesh = Mesh.load(write(tmp_path, f"a{suffix}", text))
    assert area(mesh) == pytest.approx(3.0)
    assert mesh.face_normals()[:, 2].tolist() == [-1.0 if mirrored else 1.0] * len(mesh.faces)


@pytest.mark.parametrize("seed", range(8))
def test_polygons_in_any_plane_among_others(seed):
    # An arrow head, a star, a triangle and a square, turned: area and sense of each are kept.
    random = np.random.default_rng(seed)
    star = [(np.cos(a) * r, np.sin(a) * r) for a, r in zip(
        np.arange(10) * np.pi / 5, [2.0, 0.7] * 5, strict=True)]  # fmt: skip
    shapes = [[(0, 0), (2, 1), (0, 2), (1, 1)], star, [(0, 0), (1, 0), (0, 1)],
              [(0, 0), (1, 0), (1, 1), (0, 1)]]  # fmt: skip
    wanted = [1.0, 5 * 2 * 0.7 * np.sin(np.pi / 5), 0.5, 1.0]
    turn = np.linalg.qr(random.normal(size=(3, 3)))[0]
    flat = [np.roll(np.pad(np.array(s, float), ((0, 0), (0, 1))), seed, 0) for s in shapes]
    points = np.concatenate(flat) @ turn.T + random.normal(size=3)
    faces, owner = triangulate(points, np.array([len(s) for s in shapes]))
    assert (np.diff(owner) >= 0).all()
    a, b, c = (points[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a) / 2 @ turn[:, 2]
    assert (normals > -1e-12).all()
    for k, size in enumerate(wanted):
        assert normals[owner == k].sum() == pytest.approx(size)
    assert set(faces.reshape(-1)) == set(range(len(points)))


def test_a_polygon_without_area_is_no_error():
    points = np.zeros((5, 3))
    faces, _ = triangulate(points, np.array([5]))
    assert faces.shape == (3, 3)


# ---------------------------------------------------------------- text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_of_text(tmp_path, encoding, newline):
    # A byte-order mark before the first "v" hid that vertex, and every index was off by one.
    text = "v 0 0 0\nv 1 0 0\nv 1 1 0\no k\xf6rper\nv 0 1 0\nf 1 2 3\n".replace("\n", newline)
    mesh = Mesh.load(write(tmp_path, "a.obj", text.encode(encoding)))
    assert mesh.verts[mesh.faces].tolist() == [[[0, 0, 0], [1, 0, 0], [1, 1, 0]]]
    off = "OFF\n3 1 0\n0 0 0\n1 0 0\n1 1 0\n3 0 1 2\n".replace("\n", newline)
    assert len(Mesh.load(write(tmp_path, "a.off", off.encode(encoding))).faces) == 1


def test_a_line_goes_on_after_a_backslash(tmp_path):
    text = "v 0 0 \\\n0\nv 1 0 0\nv 1 1 0 # \\\nv 0 1 0\nf 1 \\\n  2 \\\n 3 4\nf 1 2 9\n"
    with pytest.raises(ValueError, match=r"a\.obj, line 9: 'f 1 2 9': .*vertex 9, .*has 4"):
        Mesh.load(write(tmp_path, "a.obj", text))
    assert area(Mesh.load(write(tmp_path, "a.obj", text.replace("f 1 2 9\n", "")))) == 1.0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.obj", SQUARES + "l 1 2 3\nl 2 3\n", "6 vertices and 2 lines but 0 faces, so"),
        ("a.obj", SQUARES + "p 1\n", "6 vertices and 1 points but 0 faces, so"),
        ("a.obj", SQUARES, r"6 vertices but 0 faces \(a point cloud\?\), so"),
        ("a.obj", (SQUARES + "l 1 2\n").encode("utf-16"), "6 vertices and 1 lines but 0 faces"),
        ("a.ply", ply("xyz", ["0 0 0"] * 9, []), r"9 vertices but 0 faces \(a point cloud\?\)"),
        ("a.off", "OFF\n2 0 0\n0 0 0\n1 0 0\n", "2 vertices but 0 faces"),
        ("a.obj", SQUARES + "vt 0 0\nf 1/2 2/1 3/1\n", "line 8: .*texture coordinate 2, but the"),
        ("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n", "2 lines, wanted 3 vertices and 1 faces"),
        ("a.off", "OFF\n3\n", "wanted the numbers of vertices and faces"),
        ("a.off", "solid\n", r"not a readable OFF file \(it does not begin with OFF\)"),
        ("a.off", "OFF 3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 3\n", r"face 0 is \[0, 1, 3\], but there"),
        ("a.ply", ply("xyz", ["0 0 0"] * 3, ["2 0 1"]), r"face 0 is \[0, 1\], wanted 3 corners"),
        ("a.ply", ply("xyz", ["0 0 0"] * 3, ["3 0 1"]), "the file ends among its 1 elements"),
        ("a.ply", ply("xy", ["0 0"] * 3, ["3 0 1 2"]), "no vertices with x, y and z"),
        ("a.ply", ply("xyz", [], []).replace("float x", "real x"), "'property real x', which"),
        ("a.gltf", "[]", "not a readable GLTF file"),
        ("a.gltf", "{", "Expecting"),
    ],
)
def test_what_a_file_lacks_is_said(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=rf"{re.escape(name)}(, |: ).*{message}"):
        Mesh.load(write(tmp_path, name, text))


@pytest.mark.parametrize("head", ["OFF\n4 1 5\n", "OFF4 1 5\n", "OFF 4 1 5\n", "off #\n\n4 1\n"])
def test_off_heads(tmp_path, head):
    text = head + "0 0 0\n1 0 0 # a corner\n1 1 0\n\n0 1 0\n4 0 1 2 3\n"
    assert area(Mesh.load(write(tmp_path, "a.off", text))) == 1.0


def test_coff_colours_of_vertices(tmp_path):
    text = "COFF\n3 1 0\n0 0 0 255 0 0 255\n1 0 0 0 255 0 255\n0 1 0 0 0 51 255\n3 0 1 2\n"
    mesh = Mesh.load(write(tmp_path, "a.off", text))
    torch.testing.assert_close(mesh.colors, torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 0.2]]))


# ---------------------------------------------------------------- places


FAR = "".join(
    f"v {408201.5 + x} {4080928 + y} 100\n" for x, y in ((0, 0), (0.05, 0), (0.05, 0.05), (0, 0.05))
)


def test_a_small_thing_far_from_the_origin(tmp_path):
    # 5 cm in coordinates of a map: float32 has steps of 25 cm there, and read an area of 0.
    path = write(tmp_path, "a.obj", FAR + "f 1 2 3 4\n")
    with pytest.warns(UserWarning, match=r"a\.obj: float32 cannot hold .* 4080928") as w:
        assert len(Mesh.load(path).verts) == 4  # joined only where the file's numbers are equal
    assert w[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exact, centered = Mesh.load(path, dtype=torch.float64), Mesh.load(path, center=True)
    assert exact.verts.dtype == torch.float64
    assert exact.verts[0].tolist() == [408201.5, 4080928.0, 100.0]
    for mesh in (exact, centered):
        assert area(mesh) == pytest.approx(0.0025, rel=1e-5)
    assert centered.verts.dtype == torch.float32
    assert centered.verts.abs().max().item() == pytest.approx(0.025, rel=1e-5)


def test_colours_have_the_dtype_of_vertices(tmp_path):
    path = two_squares(tmp_path, "materials")
    for center in (False, True):
        mesh = Mesh.load(path, dtype=torch.float64, center=center)
        assert mesh.verts.dtype == mesh.colors.dtype == torch.float64
        assert render(mesh, Camera.orbit(3.0, 0.0, 0.0), size=4).dtype == torch.float64


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".off"])
def test_vertex_i_of_the_file_is_vertex_i_of_the_mesh_on_request(tmp_path, suffix):
    # Landmarks and rigs name vertices by number. Twice one place, and one vertex without a face.
    points = ["5 5 5", "1 0 0", "0 0 0", "1 0 0", "0 1 0", "-0.0 0 0"]
    faces = [(4, 2, 1), (3, 4, 5)]
    text = {
        ".obj": "".join(f"v {p}\n" for p in points)
        + "vt 0 0\nvt 1 1\n"
        + "".join("f " + " ".join(f"{k + 1}/{k % 2 + 1}" for k in f) + "\n" for f in faces),
        ".ply": ply("xyz", points, [f"3 {a} {b} {c}" for a, b, c in faces]),
        ".off": "OFF\n6 2 0\n" + "\n".join(points) + "\n3 4 2 1\n3 3 4 5\n",
    }[suffix]
    path = write(tmp_path, f"a{suffix}", text)
    apart = Mesh.load(path, join=False)
    assert apart.verts.tolist() == [[float(x) for x in p.split()] for p in points]
    assert apart.faces.tolist() == [list(f) for f in faces]
    joined = Mesh.load(path)
    assert joined.verts.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]  # in the file's order
    assert joined.faces.tolist() == [[2, 1, 0], [0, 2, 1]]


def test_file_order_keeps_the_colours_of_vertices(tmp_path):
    lines = ["0 0 0 255 0 0", "9 9 9 0 0 255", "1 0 0 0 255 0", "0 1 0 0 0 255"]
    path = write(tmp_path, "a.ply", ply("xyzrgb", lines, ["3 0 2 3"]))
    assert Mesh.load(path, join=False).colors[1].tolist() == BLUE


# ---------------------------------------------------------------- PLY


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("mixed", [False, True])
def test_binary_ply(tmp_path, order, mixed):
    # With triangles and quadrangles mixed no two rows need be as long as each other.
    names = {"<": "binary_little_endian", ">": "binary_big_endian"}
    head = (
        f"ply\nformat {names[order]} 1.0\nelement vertex 6\nproperty double x\nproperty double y\n"
        "property float z\nproperty ushort red\nproperty ushort green\nproperty ushort blue\n"
        "element face 2\nproperty uchar flags\nproperty list uchar uint vertex_index\nend_header\n"
    )
    points = [[float(x) for x in line.split()[1:]] for line in SQUARES.splitlines()]
    body = b"".join(struct.pack(f"{order}2df3H", *p, 65535, 0, 13107) for p in points)
    faces = [(0, 1, 2, 3), (1, 4, 5) if mixed else (1, 4, 5, 2)]
    body += b"".join(struct.pack(f"{order}BB{len(f)}I", 7, len(f), *f) for f in faces)
    mesh = Mesh.load(write(tmp_path, "a.ply", head.encode() + body))
    assert area(mesh) == pytest.approx(1.5 if mixed else 2.0)
    torch.testing.assert_close(mesh.colors, torch.tensor([1.0, 0.0, 0.2]).expand(6, 3))
    with pytest.raises(ValueError, match="the file ends among its 2 elements 'face'"):
        Mesh.load(write(tmp_path, "a.ply", head.encode() + body[:-3]))


def test_a_grey_picture_of_16_bits_keeps_its_greys(tmp_path):
    grey = np.array([[0, 13107], [32768, 65535]], np.uint16)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    with Image.open(tmp_path / "grey.png") as image:
        assert image.mode.startswith("I")
        paint = Paint.none(1)
        assert paint.add(image, "clamp") == 1
    wanted = np.repeat(grey[..., None] / 65535, 3, axis=2)
    np.testing.assert_allclose(paint.images[1], wanted, atol=1e-6)


def test_a_ply_with_colours_and_texture_coordinates_keeps_the_colours(tmp_path):
    lines = ["0 0 0 255 0 0 0 0", "1 0 0 0 255 0 1 0", "0 1 0 0 0 255 0 1"]
    mesh = Mesh.load(write(tmp_path, "a.ply", ply("xyzrgbst", lines, ["3 0 1 2"])))
    assert mesh.colors.tolist() == torch.eye(3).tolist()


@pytest.mark.parametrize("where", ["vertices", "corners"])
def test_a_ply_with_a_texture_shows_it(tmp_path, where):
    image = Image.new("RGB", (8, 8), (0, 255, 0))
    image.paste((0, 0, 255), (4, 0, 8, 8))
    image.save(tmp_path / "a b.png")
    points = ["-1 0 0", "0 0 0", "0 1 0", "0 0 0", "1 0 0", "0 1 0"]
    uv, comment = ["0.2 0.5"] * 3 + ["0.9 0.5"] * 3, "comment TextureFile a b.png\n"
    if where == "vertices":
        lines = [f"{p} {t}" for p, t in zip(points, uv, strict=True)]
        text = ply("xyzst", lines, ["3 0 1 2", "3 3 4 5"], comment=comment)
    else:
        rows = ["3 0 1 2 6 " + " ".join(uv[:3]), "3 3 4 5 6 " + " ".join(uv[3:])]
        text = ply("xyz", points, rows, "property list uchar float texcoord\n", comment)
    mesh = Mesh.load(write(tmp_path, "a.ply", text))
    assert mesh.corner_colors()[:, :, 1:].tolist() == [[[1, 0]] * 3, [[0, 1]] * 3]


# ---------------------------------------------------------------- what a reader needs


def test_every_format_is_read_and_written_without_undeclared_packages(tmp_path):
    # A missing scipy was reported as a broken file. None of these is needed, nor declared.
    for kind in KINDS:
        (tmp_path / kind).mkdir()
    paths = [two_squares(tmp_path / kind, kind) for kind in KINDS]
    for suffix in (".obj", ".ply", ".stl", ".glb"):
        paths.append(tmp_path / f"cube{suffix}")
    program = f"""
import sys
for name in ("scipy", "networkx", "shapely", "rtree", "lxml", "charset_normalizer", "httpx"):
    sys.modules[name] = None
from softras_edu.mesh import Mesh
import torch
corner = torch.eye(3)[torch.tensor([[0, 1, 2]])].mT
for suffix in (".obj", ".ply", ".stl", ".glb"):
    Mesh(torch.eye(3), torch.tensor([[0, 1, 2]]), corner).save({str(tmp_path)!r} + "/cube" + suffix)
for path in {[str(path) for path in paths]!r}:
    Mesh.load(path)
"""
    fresh_python.run(program, check=True, timeout=120)


def test_a_missing_package_is_not_taken_for_a_broken_file(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mapbox_earcut", None)
    text = "".join(f"v {x} {y} {z}\n" for x, y, z in HEXAGON) + "f 3 4 5 6 1 2\n"
    with pytest.raises(ImportError, match="mapbox_earcut"):
        Mesh.load(write(tmp_path, "a.obj", text))


def test_a_saved_mesh_with_colours_of_corners_draws_the_same(tmp_path):
    colors: Tensor = torch.eye(3)[torch.arange(12) % 3][:, None].expand(12, 3, 3)
    mesh = Mesh(cube().verts, cube().faces, colors)
    mesh.save(tmp_path / "a.ply")
    camera = Camera.orbit(3.0, 20.0, 30.0)
    images = [render(m, camera, size=8) for m in (mesh, Mesh.load(tmp_path / "a.ply"))]
    assert torch.equal(*images)
