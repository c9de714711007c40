"""Textured meshes written and read again: the same picture, the same order, no smearing."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from test_mesh_texture import PICTURE, SHARP, drawn, front, quad
from torch import Tensor

from softras_edu import Camera, Mesh, Texture, cube, formulas, icosphere, rasterize_hard, render
from softras_edu.mesh_files.atlas import pack
from softras_edu.mesh_files.raw import Paint
from softras_edu.mesh_files.writing import MANY

TEXTURED = [".obj", ".ply", ".glb"]
SPOT = Path(__file__).resolve().parents[2] / "shared" / "data" / "spot" / "spot_triangulated.obj"


def again(mesh: Mesh, tmp_path: Path, suffix: str, **how: object) -> Mesh:
    mesh.save(tmp_path / f"a{suffix}")
    return Mesh.load(tmp_path / f"a{suffix}", **how)


def noise(*shape: int, seed: int = 0) -> Tensor:
    """Numbers that 8 bits hold exactly."""
    random = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, generator=random) / 255.0


def tiles(many: int, textures: int, wrap: list[str] | str = "clamp") -> Mesh:
    """A row of squares, x from 0 to many, with one picture of one colour each, in turn.

    Their places reach from border to border, so that every lookup there needs a texel beyond.
    """
    x = torch.arange(many + 1.0)
    verts = torch.stack([x.repeat(2), torch.arange(2.0).repeat_interleave(many + 1),
                         torch.zeros(2 * many + 2)], 1)  # fmt: skip
    k = torch.arange(many)
    faces = torch.stack([k, k + 1, k + many + 2, k, k + many + 2, k + many + 1], 1).reshape(-1, 3)
    uv = torch.tensor([[[0.0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]]).repeat(many, 1, 1)
    colors = torch.stack([torch.arange(textures) % 2, torch.arange(textures) % 3 / 2,
                          1.0 - torch.arange(textures) / textures], 1)  # fmt: skip
    colors = (colors * 255).round() / 255
    sizes = [(2 + n % 3, 3 + n % 2) for n in range(textures)]
    images = [c.expand(h, w, 3) for c, (h, w) in zip(colors, sizes, strict=True)]
    which = (torch.arange(many) % textures).repeat_interleave(2)
    return Mesh(verts, faces, texture=Texture(images, uv, which, wrap))


# ---------------------------------------------------------------- the same picture


@pytest.mark.parametrize("suffix", TEXTURED)
@pytest.mark.parametrize("wrap", ["clamp", "repeat"])
@pytest.mark.parametrize("beyond", [False, True])  # the borders, or just to them
def test_a_textured_mesh_comes_back_with_its_picture(tmp_path, suffix, wrap, beyond):
    uv = quad().texture.uv * (2.6 if beyond else 1.0) - (0.7 if beyond else 0.0)
    mesh = Mesh(quad().verts, quad().faces, texture=Texture(PICTURE, uv, wrap=wrap))
    loaded = again(mesh, tmp_path, suffix)
    assert loaded.colors is None
    assert loaded.texture.wraps() == [wrap]
    assert torch.equal(loaded.texture.pictures()[0], PICTURE)
    camera = Camera.orbit(2.4, 20.0, 30.0)
    images = [render(m, camera, size=32, **SHARP) for m in (mesh, loaded)]
    torch.testing.assert_close(*images, rtol=0, atol=1e-5)
    assert images[0][..., :3].flatten(0, 2).std(0).min() > 0.1
    if suffix == ".obj":
        assert ("-clamp on" in (tmp_path / "a.mtl").read_text()) == (wrap == "clamp" and beyond)
    third = again(loaded, tmp_path, suffix)
    assert torch.equal(third.texture.uv, loaded.texture.uv)


@pytest.mark.parametrize("suffix", TEXTURED)
def test_several_pictures_and_a_face_without_one(tmp_path, suffix):
    mesh = tiles(6, 3, ["clamp", "repeat", "clamp"])
    images = [noise(5, 4, 3), noise(3, 7, 3, seed=1), torch.tensor([[[0.2, 0.4, 0.6]]])]
    texture = Texture(images, mesh.texture.uv, mesh.texture.which, mesh.texture.wrap)
    mesh = Mesh(mesh.verts, mesh.faces, texture=texture)
    loaded = again(mesh, tmp_path, suffix)
    # a picture of one texel is a colour; the first picture is white, for its faces
    assert [tuple(p.shape) for p in loaded.texture.pictures()] == [(1, 1, 3), (5, 4, 3), (3, 7, 3)]
    camera = Camera.look_at((3.0, 0.5, 4.0), (3.0, 0.5, 0.0), fov=75.0)
    images = [render(m, camera, size=(16, 64), **SHARP) for m in (mesh, loaded)]
    # colours of vertices are bytes in PLY
    torch.testing.assert_close(*images, rtol=0, atol=0.5 / 255 + 1e-5)
    assert torch.equal(loaded.verts[: len(mesh.verts)], mesh.verts)
    if suffix != ".glb":  # which has the faces of one picture together
        assert torch.equal(loaded.verts[loaded.faces], mesh.verts[mesh.faces])


@pytest.mark.parametrize("suffix", TEXTURED)
@pytest.mark.parametrize("textures", [5, MANY + 3])
def test_no_picture_smears_into_its_neighbour(tmp_path, suffix, textures):
    # Of one colour each, drawn large with a z-buffer: a lookup that reads a neighbour's texel is of
    # a colour that there is not.
    mesh = tiles(textures, textures)
    loaded = again(mesh, tmp_path, suffix)
    many = len([p for p in loaded.texture.pictures() if p.shape[:2] != (1, 1)])
    assert many == (textures if textures <= MANY else 1)  # a list, or one atlas
    wanted = {tuple(p[0, 0].tolist()) for p in mesh.texture.pictures()}
    middle = textures / 2
    camera = Camera.look_at((middle, 0.5, 5.0), (middle, 0.5, 0.0), orthographic=0.5)
    image = render(loaded, camera, size=(8, 8 * textures), rasterizer=rasterize_hard)[0, ..., :3]
    found = {tuple(c) for c in ((image * 255).round() / 255).reshape(-1, 3).tolist()}
    assert found == wanted
    torch.testing.assert_close((image * 255).round() / 255, image, rtol=0, atol=1e-5)


def test_a_list_of_materials_in_one_obj_and_its_mtl(tmp_path):
    mesh = tiles(4, 2, ["clamp", "repeat"])
    mesh.save(tmp_path / "two tiles.obj")
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["two tiles.mtl", "two tiles.obj", "two tiles_texture_1.png",
                     "two tiles_texture_2.png"]  # fmt: skip
    text = (tmp_path / "two tiles.mtl").read_text()
    assert "# clamp\nmap_Kd two tiles_texture_1.png" in text
    assert "Kd 1 1 1\nmap_Kd two tiles_texture_2.png" in text
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for name in names:
        (tmp_path / name).rename(moved / name)
    assert len(Mesh.load(moved / "two tiles.obj").texture.pictures()) == 3  # and white


@pytest.mark.parametrize(
    "name", ["a.b.OBJ", "tile #2 \u00fc.obj", "#.ply", "a 'b' \u00fc.PLY", "x y.GLB"]
)
def test_any_name_of_a_file_will_do(tmp_path, name):
    quad().save(tmp_path / name)
    assert torch.equal(Mesh.load(tmp_path / name).texture.pictures()[0], PICTURE)


def test_a_texture_that_is_being_optimised_is_saved(tmp_path):
    leaves = [x.clone().requires_grad_() for x in (quad().verts, PICTURE, quad().texture.uv)]
    mesh = Mesh(leaves[0], quad().faces, texture=Texture(leaves[1], leaves[2]))
    for suffix in TEXTURED:
        assert torch.equal(again(mesh, tmp_path, suffix).texture.pictures()[0], PICTURE)


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".glb"])
def test_another_library_reads_the_picture_and_the_places(tmp_path, suffix):
    picture = noise(8, 8, 3)
    quad(picture).save(tmp_path / f"a{suffix}")
    found = trimesh.load(tmp_path / f"a{suffix}", force="mesh", process=False)
    material = found.visual.material
    image = material.baseColorTexture if suffix == ".glb" else material.image
    assert np.array_equal(np.asarray(image.convert("RGB")), (picture * 255).round().numpy())
    np.testing.assert_allclose(found.visual.uv, (found.vertices[:, :2] + 1) / 2, atol=1e-6)


@pytest.mark.skipif(not SPOT.exists(), reason=f"the real mesh is not in the repository ({SPOT})")
@pytest.mark.parametrize("suffix", TEXTURED)
def test_a_real_textured_mesh_comes_back_with_its_picture(tmp_path, suffix):
    spot = Mesh.load(SPOT)
    loaded = again(spot, tmp_path, suffix)
    assert torch.equal(loaded.verts, spot.verts)
    assert torch.equal(loaded.faces, spot.faces)
    assert torch.equal(loaded.texture.pictures()[0], spot.texture.pictures()[0])
    torch.testing.assert_close(loaded.texture.uv, spot.texture.uv, rtol=0, atol=1e-7)


# ---------------------------------------------------------------- the atlas


def places(uv: Tensor, seed: int = 3) -> Tensor:
    """(F, 3, 2) corners -> (F, 12, 2): the corners, and places on the faces."""
    random = torch.Generator().manual_seed(seed)
    weights = torch.rand(len(uv), 9, 3, generator=random, dtype=uv.dtype)
    weights = weights / weights.sum(-1, keepdim=True)
    return torch.cat([uv, weights @ uv], 1)


def looked_up(paint: Paint, uv: Tensor) -> Tensor:
    """The colour of each place (F, N, 2) on the paint's pictures, as the rasterizers look it up."""
    images = [torch.tensor(image, dtype=torch.float64) for image in paint.images]
    texture = Texture(images, torch.tensor(paint.uv), torch.tensor(paint.which), paint.wraps)
    _, texels, where = texture.flat(1)
    return formulas.look_up(texels, uv, where[0, :, None].expand(-1, uv.shape[1], -1))


def test_a_lookup_in_an_atlas_is_the_lookup_in_the_picture():
    images, wraps, uv, which = [np.ones((1, 1, 3), np.float32)], ["clamp"], [], []
    random = np.random.default_rng(0)
    border = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])
    for k in range(12):
        size = random.integers(1, 7, 2)
        images.append(random.random((*size, 3), dtype=np.float32))
        wraps.append(["clamp", "repeat"][k % 2])
        shift = random.integers(-3, 4, 2) * (k % 2)  # a repetition far away is the picture itself
        uv += [border + shift, random.random((3, 2)) + shift, border[::-1] + shift]
        which += [k + 1] * 3
    paint = Paint(np.array(uv), np.array(which), images, wraps)
    packed = pack(paint)
    assert [image.shape[:2] for image in packed.images[:-1]] == [(1, 1)]
    assert set(packed.which.tolist()) == {1}
    before, after = (torch.tensor(p.uv) for p in (paint, packed))
    one, other = looked_up(paint, places(before)), looked_up(packed, places(after))
    torch.testing.assert_close(other, one, rtol=0, atol=1e-9)
    assert one.std() > 0.1


def test_pictures_that_a_face_leaves_stay_out_of_the_atlas():
    images = [np.ones((1, 1, 3), np.float32)]
    images += [np.random.default_rng(k).random((3, 4, 3), dtype=np.float32) for k in range(5)]
    inside = np.array([[0.1, 0.1], [0.9, 0.2], [0.3, 0.9]])
    uv = np.array(
        [
            inside,
            inside,
            inside + np.array([0.5, 0.0]),
            inside * 1.3,
            inside,
            inside - np.array([1.0, 2.0]),
        ]
    )
    which = np.array([1, 2, 3, 4, 5, 5])
    paint = Paint(uv, which, images, ["clamp", "clamp", "repeat", "repeat", "clamp", "repeat"])
    packed = pack(paint)
    assert packed.which.tolist() == [3, 3, 1, 2, 3, 3]
    assert packed.wraps == ["clamp", "repeat", "clamp", "clamp"]
    before, after = (torch.tensor(p.uv) for p in (paint, packed))
    one, other = looked_up(paint, places(before)), looked_up(packed, places(after))
    torch.testing.assert_close(other, one, rtol=0, atol=1e-9)


@pytest.mark.parametrize("suffix", TEXTURED)
def test_texels_of_faces_become_an_atlas(tmp_path, suffix):
    sphere = icosphere(1)
    mesh = Mesh(sphere.verts, sphere.faces, texture=Texture.per_face(noise(80, 4, 4, 3)))
    loaded = again(mesh, tmp_path, suffix)
    (atlas,) = loaded.texture.pictures()
    assert atlas.shape[0] * atlas.shape[1] < 80 * 36 * 1.3
    camera = Camera.orbit(3.0, 20.0, 30.0)
    images = [render(m, camera, size=24, **SHARP) for m in (mesh, loaded)]
    torch.testing.assert_close(*images, rtol=0, atol=1e-3)  # uv in float32
    torch.testing.assert_close(loaded.corner_colors(), mesh.corner_colors(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("suffix", TEXTURED)
def test_one_colour_a_face_needs_no_picture(tmp_path, suffix):
    texels = noise(12, 1, 1, 3)
    mesh = Mesh(cube().verts, cube().faces, texture=Texture.per_face(texels))
    loaded = again(mesh, tmp_path, suffix)
    assert loaded.texture is None
    assert not list(tmp_path.glob("*.png"))
    wanted = texels.reshape(12, 1, 3).expand(12, 3, 3)
    torch.testing.assert_close(loaded.corner_colors(), wanted, rtol=0, atol=1e-6)


# ---------------------------------------------------------------- order and numbers


@pytest.mark.parametrize("suffix", TEXTURED)
@pytest.mark.parametrize("colored", [False, True])
def test_vertex_i_is_vertex_i_of_the_file_and_of_what_is_read(tmp_path, suffix, colored):
    # A seam at every edge, a vertex without a face, and one place twice.
    verts = torch.cat([torch.tensor([[9.0, 9, 9]]), cube().verts, cube().verts[:1]])
    faces = cube().faces + 1
    texture = Texture([noise(4, 4, 3), noise(3, 2, 3, seed=1)], noise(12, 3, 2, seed=2),
                      torch.arange(12) % 2)  # fmt: skip
    colors = noise(12, 3, 3, seed=3) if colored else None
    mesh = Mesh(verts, faces, colors, None if colored else texture)
    loaded = again(mesh, tmp_path, suffix, join=False)
    assert torch.equal(loaded.verts[: len(verts)], verts)
    at, wanted = loaded.verts[loaded.faces], verts[faces]
    if suffix == ".glb" and not colored:
        wanted = torch.cat([wanted[::2], wanted[1::2]])
    assert torch.equal(at, wanted)
    if suffix != ".glb" and not colored:
        assert torch.equal(loaded.verts, verts)
        assert torch.equal(loaded.faces, faces)
    joined = Mesh.load(tmp_path / f"a{suffix}")
    assert torch.equal(joined.verts, cube().verts)


@pytest.mark.parametrize("suffix", [".obj", ".ply"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e7])
def test_no_digit_of_a_vertex_is_lost(tmp_path, suffix, dtype, scale):
    random = torch.Generator().manual_seed(0)
    verts = torch.rand(4, 3, generator=random, dtype=dtype) * scale
    uv = torch.rand(2, 3, 2, generator=random, dtype=dtype)
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    picture = PICTURE.to(dtype)
    for texture in (None, Texture(picture, uv)):
        loaded = again(Mesh(verts, faces, texture=texture), tmp_path, suffix, dtype=dtype)
        assert torch.equal(loaded.verts, verts)
    assert torch.equal(loaded.texture.uv, uv)


# ---------------------------------------------------------------- colours and textures


@pytest.mark.parametrize("per_corner", [False, True])
def test_a_glb_has_colours_times_a_picture(tmp_path, per_corner):
    colors = noise(2, 3, 3, seed=4) if per_corner else noise(4, 3, seed=4)
    mesh = Mesh(quad().verts, quad().faces, colors, quad().texture)
    loaded = again(mesh, tmp_path, ".glb")
    torch.testing.assert_close(loaded.corner_tints(), mesh.corner_tints(), rtol=0, atol=1e-6)
    torch.testing.assert_close(drawn(loaded), drawn(mesh), rtol=0, atol=1e-5)


@pytest.mark.parametrize("suffix", [".obj", ".ply"])
def test_one_colour_times_a_picture_is_a_darker_picture(tmp_path, suffix):
    colors = torch.tensor([0.5, 1.0, 0.25]).expand(4, 3)
    mesh = Mesh(quad().verts, quad().faces, colors, quad().texture)
    loaded = again(mesh, tmp_path, suffix)
    assert loaded.colors is None
    torch.testing.assert_close(drawn(loaded), drawn(mesh), rtol=0, atol=0.5 / 255 + 1e-5)
    with pytest.raises(ValueError, match=r"colors: this format .* of the faces with picture 0 dif"):
        Mesh(mesh.verts, mesh.faces, noise(4, 3), mesh.texture).save(tmp_path / f"b{suffix}")
    assert not list(tmp_path.glob("b*"))


def test_the_glb_says_what_other_programs_need(tmp_path):
    quad(wrap="clamp").save(tmp_path / "a.glb")
    data = (tmp_path / "a.glb").read_bytes()
    _, length, size = struct.unpack_from("<3I", data, 4)
    header = json.loads(data[20 : 20 + size])
    assert length == len(data)
    assert header["samplers"][0] == {"magFilter": 9729, "minFilter": 9729, "wrapS": 33071,
                                     "wrapT": 33071}  # fmt: skip
    assert header["accessors"][0]["min"] == [-1.0, -1.0, 0.0]
    assert all(view["byteOffset"] % 4 == 0 for view in header["bufferViews"])
    assert header["materials"][1]["doubleSided"]  # as here: both sides are drawn


def test_an_stl_keeps_the_shape_alone(tmp_path):
    loaded = again(quad(), tmp_path, ".stl")
    assert loaded.texture is loaded.colors is None
    assert render(loaded, front(), size=4).shape == (1, 4, 4, 4)
