"""What a mesh file names and says of pictures: missing, elsewhere, broken, unusual."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from test_mesh_formats import ply
from test_mesh_gltf import save_gltf
from test_mesh_texture import PICTURE, RGB, drawn, png, quad, textured_gltf

from softras_edu import Mesh

SQUARE = ("v -1 -1 0\nv 1 -1 0\nv 1 1 0\nv -1 1 0\nvt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"
          "usemtl m\nf 1/1 2/2 3/3 4/4\n")  # fmt: skip


def textured_obj(folder: Path, material: str, text: str = SQUARE) -> Path:
    """An OBJ whose material m says `material`."""
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "a.mtl").write_text(f"newmtl m\n{material}\n")
    (folder / "a.obj").write_text("mtllib a.mtl\n" + text)
    return folder / "a.obj"


def quietly(path: Path) -> Mesh:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Mesh.load(path)


def assert_shows_the_picture(mesh: Mesh, wrap: str = "repeat") -> None:
    torch.testing.assert_close(drawn(mesh), drawn(quad(wrap=wrap)), rtol=0, atol=1e-5)


# ---------------------------------------------------------------- where files are


def test_missing_materials_are_said_and_white(tmp_path):
    (tmp_path / "a.obj").write_text("mtllib nowhere.mtl\n" + SQUARE)
    with pytest.warns(UserWarning, match=r"a\.obj: the materials 'nowhere\.mtl' are not the") as w:
        mesh = Mesh.load(tmp_path / "a.obj")
    assert w[0].filename == __file__
    assert mesh.colors is mesh.texture is None


@pytest.mark.parametrize("missing", [True, False])
def test_a_picture_that_is_missing_or_broken_is_said_and_the_colour_stays(tmp_path, missing):
    path = textured_obj(tmp_path, "Kd 0.2 0.4 0.6\nmap_Kd a.png")
    if not missing:
        (tmp_path / "a.png").write_bytes(png()[:-30])
    why = "is not there" if missing else "cannot be read"
    with pytest.warns(UserWarning, match=rf"a\.obj: the picture 'a\.png' {why}") as w:
        mesh = Mesh.load(path)
    assert w[0].filename == __file__
    assert mesh.texture is None
    wanted = torch.tensor([0.2, 0.4, 0.6]).expand(2, 3, 3)
    torch.testing.assert_close(mesh.corner_colors(), wanted)


@pytest.mark.parametrize("name", ["a.png", "./deep/a.png", "../images/a.png", "deep\\a.png",
                                  "C:\\art\\a.png", "/somewhere/else/a.png", '"a b.png"',
                                  "../../far/a.png", "a%20b.png"])  # fmt: skip
def test_pictures_are_found_in_the_folder_and_beside_it(tmp_path, name):
    # ShapeNet's are in "../images"; whole paths are of the disk of whoever made the file.
    folder = tmp_path / "one" / "models"
    places = {"../images/a.png": folder / "../images/a.png", '"a b.png"': folder / "a b.png",
              "a%20b.png": folder / "a b.png", "./deep/a.png": folder / "deep/a.png",
              "deep\\a.png": folder / "deep/a.png"}  # fmt: skip
    path = textured_obj(folder, f"map_Kd {name}")
    place = places.get(name, folder / "a.png")
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(png())
    assert_shows_the_picture(quietly(path))


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".gltf"])
def test_no_file_farther_away_is_read(tmp_path, suffix):
    folder = tmp_path / "one" / "models"
    folder.mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(png())
    for name in ("../../secret.png", "../models/../../secret.png", str(tmp_path / "secret.png")):
        if suffix == ".obj":
            path = textured_obj(folder, f"map_Kd {name}")
        elif suffix == ".ply":
            text = ply("xyzst", ["0 0 0 0 0", "1 0 0 1 0", "0 1 0 0 1"], ["3 0 1 2"],
                       comment=f"comment TextureFile {name}\n")  # fmt: skip
            path = folder / "a.ply"
            path.write_text(text)
        else:
            header, data = textured_gltf()
            header["images"] = [{"uri": name}]
            path = save_gltf(folder, suffix, header, data)
        with pytest.warns(UserWarning, match=rf"a\{suffix}: the picture '.*secret\..*' is not th"):
            assert Mesh.load(path).texture is None


@pytest.mark.parametrize(
    "uri", ["gone.png", "http://localhost:9/a.png", "data:image/png;base64,AA"]
)
def test_a_gltf_without_its_picture_says_so(tmp_path, uri):
    header, data = textured_gltf(factor=[0.5, 0.25, 1.0, 1.0])
    header["images"] = [{"uri": uri}]
    with pytest.warns(UserWarning, match=r"a\.gltf: the picture .* is not there or cannot be"):
        mesh = Mesh.load(save_gltf(tmp_path, ".gltf", header, data))
    assert mesh.texture is None
    assert mesh.colors.tolist() == [[0.5, 0.25, 1.0]] * 4


def test_a_gltf_finds_its_picture_beside_its_folder(tmp_path):
    header, data = textured_gltf()
    (tmp_path / "models").mkdir()
    (tmp_path / "my images").mkdir()
    (tmp_path / "my images" / "a.png").write_bytes(png())
    header["images"] = [{"uri": "../my%20images/a.png"}]
    assert_shows_the_picture(quietly(save_gltf(tmp_path / "models", ".gltf", header, data)))


# ---------------------------------------------------------------- what is refused


def test_a_wrap_mode_that_gltf_has_not_is_refused(tmp_path):
    path = save_gltf(tmp_path, ".glb", *textured_gltf({"wrapS": 33071, "wrapT": 33069}))
    message = r"a\.glb: the sampler's wrapT is 33069, wanted one of 33071 \(clamp\), 33648 \(mirror"
    with pytest.raises(ValueError, match=message):
        Mesh.load(path)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_places_that_are_no_numbers_are_refused(tmp_path, number):
    header, data = textured_gltf()
    spoiled = bytearray(data)
    spoiled[48:52] = np.float32(number).tobytes()
    with pytest.raises(ValueError, match=r"a\.glb: uv: face 0 has .*(nan|inf).*, wanted finite"):
        Mesh.load(save_gltf(tmp_path, ".glb", header, bytes(spoiled)))
    (tmp_path / "a.png").write_bytes(png())
    text = ply("xyzst", ["0 0 0 0 0", f"1 0 0 {number} 0", "0 1 0 0 1"], ["3 0 1 2"],
               comment="comment TextureFile a.png\n")  # fmt: skip
    (tmp_path / "a.ply").write_text(text)
    with pytest.raises(ValueError, match=r"a\.ply: uv: face 0 has .*(nan|inf).*, wanted finite"):
        Mesh.load(tmp_path / "a.ply")
    path = textured_obj(tmp_path, "map_Kd a.png", SQUARE.replace("vt 1 1", f"vt 1 {number}"))
    with pytest.raises(
        ValueError, match=r"a\.obj, line 8: .* a texture coordinate needs one or tw"
    ):
        Mesh.load(path)


def test_a_ply_with_too_few_places_or_an_unknown_wrap_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    comment, rows = "comment TextureFile a.png\n", ["3 0 1 2 4 0 0 1 0"]
    points, faces = ["0 0 0", "1 0 0", "0 1 0"], "property list uchar float texcoord\n"
    (tmp_path / "a.ply").write_text(ply("xyz", points, rows, faces, comment))
    with pytest.raises(ValueError, match=r"a\.ply: texcoord: wanted two numbers for each corner"):
        Mesh.load(tmp_path / "a.ply")
    rows, comment = ["3 0 1 2 6 0 0 1 0 0 1"], comment + "comment TextureWrap mirror\n"
    (tmp_path / "a.ply").write_text(ply("xyz", points, rows, faces, comment))
    with pytest.raises(ValueError, match=r"a\.ply: TextureWrap: got 'mirror', wanted clamp or rep"):
        Mesh.load(tmp_path / "a.ply")


# ---------------------------------------------------------------- what is defined


@pytest.mark.parametrize(
    ("options", "wrap"),
    [("-clamp on", "clamp"), ("-clamp off", "repeat"), ("-blendu on -mm 0 1 -texres 256", "repeat"),
     ("-bm 0.5 -clamp on -imfchan r", "clamp"), ("-o 0 0 0 -s 1 1 1 -t 0", "repeat")],
)  # fmt: skip
def test_options_of_a_map_are_no_part_of_its_name(tmp_path, options, wrap):
    (tmp_path / "a b.png").write_bytes(png())
    mesh = quietly(textured_obj(tmp_path, f"Kd 0 0 0 # black\n  map_Kd\t{options} a b.png"))
    assert mesh.texture.wraps() == [wrap]
    assert_shows_the_picture(mesh, wrap)


def test_scale_and_offset_of_a_map_move_the_picture(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    mesh = quietly(textured_obj(tmp_path, "map_Kd -s 2 -3 -o 0.25 0.5 1 a.png"))
    wanted = quad().texture.uv * torch.tensor([2.0, -3.0]) + torch.tensor([0.25, 0.5])
    torch.testing.assert_close(mesh.texture.uv, wanted)


@pytest.mark.parametrize(
    ("kd", "wanted"),
    [("0.5", [0.5] * 3), ("0.2 0.4 0.6", [0.2, 0.4, 0.6]), ("xyz 1 0 0", None), ("nan 0 0", None)],
)
def test_colours_of_materials(tmp_path, kd, wanted):
    mesh = quietly(textured_obj(tmp_path, f"Kd {kd}"))
    assert (mesh.colors is None) == (wanted is None)
    if wanted:
        torch.testing.assert_close(mesh.colors, torch.tensor(wanted).expand(4, 3))


def test_a_face_without_a_material_among_others_is_white(tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    text = "v 3 0 0\nv 4 0 0\nv 3 1 0\nf 1 2 3\n" + SQUARE.replace("f 1/1 2/2 3/3 4/4",
           "f 4/1 5/2 6/3 7/4\nusemtl blue\nf 1 2 3")  # fmt: skip
    (tmp_path / "b.mtl").write_text("newmtl m\nmap_Kd -clamp on a.png\nnewmtl blue\nKd 0 0 1\n")
    (tmp_path / "a.obj").write_text("mtllib b.mtl\n" + text)
    colors = quietly(tmp_path / "a.obj").corner_colors()
    assert colors[0].tolist() == [[1.0, 1.0, 1.0]] * 3
    assert colors[1].std(0).max() > 0.1  # the picture
    assert colors[3].tolist() == [[0.0, 0.0, 1.0]] * 3


def test_a_gltf_primitive_without_a_material_among_others_is_white(tmp_path):
    header, data = textured_gltf()
    plain = {"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2}
    header["meshes"][0]["primitives"].append(plain)
    mesh = quietly(save_gltf(tmp_path, ".glb", header, data))
    assert mesh.corner_colors()[2:].tolist() == [[[1.0, 1.0, 1.0]] * 3] * 2
    assert mesh.texture.which.tolist() == [1, 1, 0, 0]
    # The two parts share vertices, which are read once.
    assert len(Mesh.load(tmp_path / "a.glb", join=False).verts) == 4


def test_colours_of_gltf_vertices_multiply_the_picture(tmp_path):
    header, data = textured_gltf()
    colors = np.array(
        [[255, 128, 0, 0], [0, 255, 64, 255], [1, 2, 3, 4], [9, 99, 199, 0]], np.uint8
    )
    header["bufferViews"].append({"buffer": 0, "byteOffset": len(data), "byteLength": 16})
    header["accessors"].append({"bufferView": 3, "componentType": 5121, "normalized": True,
                                "count": 4, "type": "VEC4"})  # fmt: skip
    header["buffers"][0]["byteLength"] += 16
    header["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = 3
    mesh = quietly(save_gltf(tmp_path, ".glb", header, data + colors.tobytes()))
    rgb = torch.tensor(colors[:, :3] / 255, dtype=torch.float32)  # alpha is left out
    torch.testing.assert_close(mesh.colors, rgb, rtol=0, atol=1e-6)
    torch.testing.assert_close(mesh.texture.pictures()[0], PICTURE)


@pytest.mark.parametrize("place", ["texCoord", "KHR_texture_transform"])
def test_the_second_places_of_a_gltf(tmp_path, place):
    header, data = textured_gltf()
    attributes = header["meshes"][0]["primitives"][0]["attributes"]
    attributes["TEXCOORD_3"] = attributes.pop("TEXCOORD_0")
    attributes["TEXCOORD_0"] = 3  # other places: all in one corner
    header["accessors"].append({**header["accessors"][1], "bufferView": 3})
    header["bufferViews"].append({"buffer": 0, "byteOffset": len(data), "byteLength": 32})
    header["buffers"][0]["byteLength"] += 32
    told = header["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]
    told |= {"texCoord": 3} if place == "texCoord" else {"extensions": {place: {"texCoord": 3}}}
    assert_shows_the_picture(quietly(save_gltf(tmp_path, ".glb", header, data + bytes(32))))


def test_the_older_kind_of_gltf_material(tmp_path):
    header, data = textured_gltf()
    gloss = {"diffuseTexture": {"index": 0}, "diffuseFactor": [1.0, 0.5, 0.25, 1.0]}
    header["materials"] = [{"extensions": {"KHR_materials_pbrSpecularGlossiness": gloss}}]
    mesh = quietly(save_gltf(tmp_path, ".glb", header, data))
    assert mesh.colors.tolist() == [[1.0, 0.5, 0.25]] * 4
    torch.testing.assert_close(mesh.texture.pictures()[0], PICTURE)


def test_what_is_transparent_in_a_picture_is_drawn_as_if_it_were_not(tmp_path):
    clear = np.dstack([RGB, np.array([[0, 255, 128], [255, 0, 3]], np.uint8)])
    out = io.BytesIO()
    Image.fromarray(clear).save(out, "PNG")
    (tmp_path / "a.png").write_bytes(out.getvalue())
    mesh = quietly(textured_obj(tmp_path, "map_Kd a.png\nmap_d a.png\nd 0.3"))
    torch.testing.assert_close(mesh.texture.pictures()[0], PICTURE)


def test_a_grey_picture_of_16_bits_keeps_its_greys(tmp_path):
    grey = np.array([[0, 65535], [32768, 1000]], np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    mesh = quietly(textured_obj(tmp_path, "map_Kd a.png"))
    wanted = torch.tensor(grey / 65535, dtype=torch.float32)[..., None].expand(2, 2, 3)
    torch.testing.assert_close(mesh.texture.pictures()[0], wanted, rtol=0, atol=1e-6)


def test_a_ply_has_a_picture_for_each_number(tmp_path):
    for name, color in (("a.png", (255, 0, 0)), ("b c.png", (0, 0, 255))):
        Image.new("RGB", (4, 4), color).save(tmp_path / name)
    comment = "comment TextureFile a.png\ncomment TextureFile b c.png\n"
    faces = "property list uchar float texcoord\nproperty int texnumber\n"
    points = ["0 0 0 0 255 0", "1 0 0 0 255 0", "0 1 0 0 255 0", "1 1 0 0 255 0"]
    uv = "6 0.1 0.1 0.9 0.1 0.1 0.9"
    rows = [f"3 0 1 2 {uv} 1", f"4 0 1 3 2 8 {uv[2:]} 0.5 0.5 0", f"3 1 3 2 {uv} -1"]
    (tmp_path / "a.ply").write_text(ply("xyzrgb", points, rows, faces, comment))
    colors = quietly(tmp_path / "a.ply").corner_colors()
    wanted = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert colors.tolist() == [[color] * 3 for color in wanted]
