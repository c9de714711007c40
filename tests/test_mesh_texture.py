"""Textured meshes: drawn, clipped, in lists, and read from glTF and OBJ."""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from test_mesh_gltf import save_gltf
from torch import Tensor

from softras_edu import Camera, Lights, Mesh, Texture, cube, rasterize_hard, render
from softras_edu.shading import shade

SHARP = {"sigma": 1e-6, "gamma": 1e-4, "near": 0.5, "far": 20.0}
RGB = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[255, 255, 0], [0, 255, 255], [255, 0, 255]]],
    np.uint8,
)  # 2 x 3, the upper row first
PICTURE = torch.tensor(RGB / 255.0, dtype=torch.float32)


def quad(picture: Tensor = PICTURE, **more: Any) -> Mesh:
    """The square [-1, 1] x [-1, 1] with a picture on it, upright when seen from +z."""
    verts = torch.tensor([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    uv = (verts[faces][..., :2] + 1) / 2
    return Mesh(verts, faces, texture=Texture(picture, uv, **more))


def front(distance: float = 2.0) -> Camera:
    """A camera before the quad that sees exactly [-1, 1] of its plane."""
    return Camera.orbit(distance, 0.0, 0.0, fov=2 * math.degrees(math.atan(1 / distance)))


# ---------------------------------------------------------------- render


def test_a_picture_on_a_quad_is_drawn_upright_and_not_mirrored():
    picture = torch.rand(8, 8, 3, generator=torch.Generator().manual_seed(0))
    image = render(quad(picture), front(), size=8, **SHARP)[0]
    torch.testing.assert_close(image[..., :3], picture, rtol=0, atol=1e-3)
    assert image[..., 3].min() > 0.4  # its border is at the border


def test_a_slanted_quad_is_drawn_in_perspective():
    # A checker of 2 x 2: its middle line u = 1/2 is where x = 0 in the world, whatever the view.
    picture = torch.zeros(64, 64, 3)
    picture[:, 32:] = 1.0
    mesh = quad(picture)
    camera = Camera.orbit(1.6, 0.0, 60.0)
    image = render(mesh, camera, size=64, **SHARP)[0]
    x = camera.project(torch.zeros(1, 3))[0, 0, 0]
    columns = (2 * torch.arange(64) + 1 - 64) / 64
    row = image[32]
    inside = row[:, 3] > 0.999
    far_from_edge = (columns - x).abs() > 0.05
    seen = row[inside & far_from_edge, 0] > 0.5
    # From azimuth 60 degrees +x is to the right.
    assert seen.tolist() == (columns[inside & far_from_edge] > x).tolist()
    affine = render(mesh, camera, size=64, perspective_correct=False, **SHARP)[0]
    assert ((affine - image)[..., 0].abs() > 0.5).any()


def test_lights_and_colours_multiply_a_texture():
    mesh = quad()
    lights = Lights(ambient=0.3, diffuse=0.5, direction=(0.2, 0.1, 1.0))
    plain = render(mesh, front(), size=16, **SHARP)
    lit = render(mesh, front(), size=16, lights=lights, **SHARP)
    factor = shade(torch.tensor([[0.0, 0.0, 1.0]]), torch.ones(1, 3), lights)
    torch.testing.assert_close(lit[..., :3], plain[..., :3] * factor, rtol=0, atol=1e-5)
    half = Mesh(mesh.verts, mesh.faces, torch.full((4, 3), 0.5), mesh.texture)
    tinted = render(half, front(), size=16, **SHARP)
    torch.testing.assert_close(tinted[..., :3], plain[..., :3] * 0.5, rtol=0, atol=1e-5)


def test_a_list_of_meshes_is_each_drawn_alone():
    meshes = [quad(wrap="repeat"), cube(), quad(PICTURE.flip(0).repeat(2, 1, 1))]
    camera = Camera.orbit(3.0, 20.0, torch.tensor([10.0, 50.0, -30.0]))
    together = render(meshes, camera, size=12, **SHARP)
    for k, mesh in enumerate(meshes):
        alone = render(mesh, camera[k], size=12, perspective_correct=True, **SHARP)
        torch.testing.assert_close(together[k : k + 1], alone, rtol=0, atol=1e-6)


def test_a_textured_face_behind_the_eye_is_cut_like_a_smaller_one():
    # A long floor under the camera: cut at the near plane, its texture stays where it is. The same
    # floor as many small squares, of which the cut concerns only one row, shows the same picture.
    def floor(parts: int) -> Mesh:
        x, z = torch.tensor([-2.0, 2.0]), torch.linspace(-8.0, 4.0, parts + 1)
        verts = torch.stack([x.repeat(parts + 1), -torch.ones(2 * parts + 2),
                             z.repeat_interleave(2)], dim=1)  # fmt: skip
        first = 2 * torch.arange(parts)[:, None]
        faces = torch.cat([first + torch.tensor([0, 2, 1]), first + torch.tensor([1, 2, 3])])
        corners = verts[faces]
        uv = torch.stack([corners[..., 0] / 4 + 0.5, (4 - corners[..., 2]) / 12], dim=-1)
        picture = torch.rand(12, 4, 3, generator=torch.Generator().manual_seed(1))
        return Mesh(verts, faces, texture=Texture(picture, uv))

    camera = Camera.look_at((0.0, 0.0, 3.0), (0.0, -0.3, 0.0))
    one, many = (render(floor(parts), camera, size=16, **SHARP) for parts in (1, 48))
    # The small squares' inner edges are see-through by a half at pixels right on them: compare
    # colours, which are means, not alphas.
    assert one[..., 3].mean() > 0.2
    difference = (one - many)[..., :3].abs().amax(-1)
    assert difference.median() < 1e-3
    assert (difference > 0.05).float().mean() < 0.1


def test_gradients_reach_vertices_pictures_and_places():
    mesh = quad()
    leaves = [x.clone().requires_grad_() for x in (mesh.verts, PICTURE, mesh.texture.uv)]
    moved = Mesh(leaves[0], mesh.faces, texture=Texture(leaves[1], leaves[2]))
    image = render(moved, Camera.orbit(3.0, 20.0, 30.0), size=12, sigma=1e-3, gamma=1e-2)
    grads = torch.autograd.grad(image.square().sum(), leaves)
    assert all(grad.isfinite().all() and grad.abs().max() > 1e-3 for grad in grads)


def test_the_z_buffer_shows_what_soft_rasterization_shows_at_a_small_sigma():
    mesh, camera = quad(), Camera.orbit(2.2, 10.0, 40.0)
    hard = render(mesh, camera, size=24, rasterizer=rasterize_hard, near=0.5)[0]
    soft = render(mesh, camera, size=24, **SHARP)[0]
    same = (soft[..., 3] - hard[..., 3]).abs() < 1e-3
    assert same.float().mean() > 0.9
    assert hard[..., 3].mean() > 0.2
    torch.testing.assert_close(soft[same], hard[same], rtol=0, atol=2e-3)
    picture = PICTURE.clone().requires_grad_()
    render(quad(picture), camera, size=24, rasterizer=rasterize_hard).sum().backward()
    assert picture.grad.min() > 0


def test_a_texture_with_a_rasterizer_of_ones_own_is_refused():
    def mine(*_: Any, **__: Any) -> Tensor:
        return torch.zeros(1, 4, 4, 4)

    with pytest.raises(ValueError, match="mesh: got a texture, which mine may not draw"):
        render(quad(), front(), size=4, rasterizer=mine)


def test_soft_depth_of_a_textured_mesh():
    image = render(quad(), front(), size=8, depth=True, **SHARP)
    assert image.shape == (1, 8, 8, 5)
    torch.testing.assert_close(image[0, 2:6, 2:6, 3], torch.full((4, 4), 2.0), rtol=0, atol=1e-3)


# ---------------------------------------------------------------- Mesh


def test_a_texture_that_does_not_go_with_a_mesh_is_refused():
    mesh = quad()
    with pytest.raises(
        ValueError, match=r"texture: got uv \(2, 3, 2\) and 3 channels, wanted \(1, 3"
    ):
        Mesh(mesh.verts, mesh.faces[:1], texture=mesh.texture)
    grey = Texture(torch.ones(2, 2, 1), mesh.texture.uv)
    with pytest.raises(ValueError, match="and 1 channels, wanted"):
        Mesh(mesh.verts, mesh.faces, texture=grey)
    with pytest.raises(
        ValueError, match=r"texture: got torch\.float64 on cpu, wanted torch\.float32"
    ):
        Mesh(mesh.verts, mesh.faces, texture=mesh.texture.to(torch.float64))
    with pytest.raises(ValueError, match="texture: got Tensor"):
        Mesh(mesh.verts, mesh.faces, texture=PICTURE)


def test_a_mesh_keeps_its_texture_in_another_dtype_and_size():
    mesh = quad().to(torch.float64).fit_unit_sphere()
    assert mesh.texture.uv.dtype == mesh.texture.pictures()[0].dtype == torch.float64


def test_corner_colours_of_a_textured_mesh_are_those_of_its_picture():
    colors = quad().corner_colors()
    assert colors[0, 0].tolist() == PICTURE[1, 0].tolist()  # lower left
    assert colors[1, 1].tolist() == PICTURE[0, 2].tolist()  # upper right


# ---------------------------------------------------------------- files


def png(pixels: np.ndarray = RGB, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(out, "PNG")
    return out.getvalue()


def textured_gltf(
    sampler: dict[str, int] | None = None, factor: list[float] | None = None,
    transform: dict[str, Any] | None = None, scale: float = 1.0,
) -> tuple[dict[str, Any], bytes]:  # fmt: skip
    """(header, buffer) of the quad with the picture, by glTF's own rules: v goes down."""
    place = np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], np.float32)
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32) * np.float32(scale)
    index = np.array([0, 1, 2, 0, 2, 3], np.uint32)
    data, views = b"", []
    for array in (place, uv, index):
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": array.nbytes})
        data += array.tobytes()
    told: dict[str, Any] = {"index": 0}
    if transform is not None:
        told["extensions"] = {"KHR_texture_transform": transform}
    material: dict[str, Any] = {"baseColorTexture": told}
    if factor is not None:
        material["baseColorFactor"] = factor
    header = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{
            "attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "indices": 2, "material": 0}]}],
        "accessors": [
            {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
            {"bufferView": 1, "componentType": 5126, "count": 4, "type": "VEC2"},
            {"bufferView": 2, "componentType": 5125, "count": 6, "type": "SCALAR"}],
        "bufferViews": views, "buffers": [{"byteLength": len(data)}],
        "materials": [{"pbrMetallicRoughness": material}],
        "textures": [{"source": 0} | ({} if sampler is None else {"sampler": 0})],
        "images": [{"uri": "data:image/png;base64," + base64.b64encode(png()).decode()}],
    }  # fmt: skip
    if sampler is not None:
        header["samplers"] = [sampler]
    return header, data


def drawn(mesh: Mesh) -> Tensor:
    """The quad from the front, 6 x 6 pixels."""
    return render(mesh, front(), size=6, **SHARP)[0, ..., :3]


@pytest.mark.parametrize("suffix", [".gltf", ".glb"])
def test_a_textured_gltf_shows_its_picture(tmp_path, suffix):
    mesh = Mesh.load(save_gltf(tmp_path, suffix, *textured_gltf()))
    assert mesh.colors is None
    assert mesh.texture.wraps() == ["repeat"]  # glTF's own choice
    torch.testing.assert_close(mesh.texture.pictures()[0], PICTURE, rtol=0, atol=1e-6)
    torch.testing.assert_close(drawn(mesh), drawn(quad(wrap="repeat")), rtol=0, atol=1e-5)
    top = drawn(mesh)[1, [0, 2, 5]].argmax(-1).tolist()
    assert top == [0, 1, 2]  # red, green, blue from left to right, in the upper half


def test_a_factor_multiplies_the_picture(tmp_path):
    factor = [0.5, 0.25, 1.0, 1.0]
    mesh = Mesh.load(save_gltf(tmp_path, ".glb", *textured_gltf(factor=factor)))
    wanted = drawn(quad(wrap="repeat")) * torch.tensor(factor[:3])
    torch.testing.assert_close(drawn(mesh), wanted, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("mode", "wrap"), [(33071, "clamp"), (10497, "repeat"), (33648, "mirror")])
def test_gltf_wrap_modes(tmp_path, mode, wrap):
    # uv from 0 to 3: three pictures beside each other, or one and its border, or every other one
    # turned round. 18 x 12 pixels of the three see a texel of 3 x 2 each twice.
    header, data = textured_gltf({"wrapS": mode, "wrapT": mode}, scale=3.0)
    mesh = Mesh.load(save_gltf(tmp_path, ".glb", header, data))
    image = render(mesh, front(), size=90, **SHARP)[0, ..., :3]
    # glTF's v = 0 is the upper border, so the upper left picture is the whole one.
    centers = image[[7, 22, 37, 52, 67, 82]][:, [5, 15, 25, 35, 45, 55, 65, 75, 85]]
    rows = {"clamp": [0, 1, 1, 1, 1, 1], "repeat": [0, 1] * 3, "mirror": [0, 1, 1, 0, 0, 1]}
    columns = {"clamp": [0, 1, *[2] * 7], "repeat": [0, 1, 2] * 3,
               "mirror": [0, 1, 2, 2, 1, 0, 0, 1, 2]}  # fmt: skip
    wanted = PICTURE[rows[wrap]][:, columns[wrap]]
    torch.testing.assert_close(centers, wanted, rtol=0, atol=0.12)


def test_a_texture_transform_moves_the_picture(tmp_path):
    # Half the picture, its right part, upside down: glTF's u from 0.5 to 1, v from 1 to 0.
    change = {"offset": [0.5, 1.0], "scale": [0.5, -1.0]}
    mesh = Mesh.load(save_gltf(tmp_path, ".glb", *textured_gltf(transform=change)))
    uv = mesh.texture.uv[0].tolist()
    assert uv == [
        [0.5, 1.0],
        [1.0, 1.0],
        [1.0, 0.0],
    ]  # of the corners lower left, right, upper right
    turned = {"rotation": math.pi / 2}
    mesh = Mesh.load(save_gltf(tmp_path, ".glb", *textured_gltf(transform=turned)))
    # u' = cos u + sin v, v' = cos v - sin u: lower left, glTF's (0, 1), goes to its (1, 0).
    torch.testing.assert_close(mesh.texture.uv[0, 0], torch.tensor([1.0, 1.0]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_an_obj_shows_the_picture_of_its_material(tmp_path: Path, mode):
    (tmp_path / "picture.png").write_bytes(png(mode=mode))
    (tmp_path / "a.mtl").write_text("newmtl m\nKd 0.5 0.5 0.5\nmap_Kd picture.png\n"
                                    "newmtl plain\nKd 0 0 1\n")  # fmt: skip
    lines = ["mtllib a.mtl", "v -1 -1 0", "v 1 -1 0", "v 1 1 0", "v -1 1 0", "v 3 0 0",
             "vt 0 0", "vt 1 0", "vt 1 1", "vt 0 1", "usemtl m", "f 1/1 2/2 3/3 4/4"]  # fmt: skip
    (tmp_path / "a.obj").write_text("\n".join(lines))
    mesh = Mesh.load(tmp_path / "a.obj")
    pixels = np.asarray(Image.fromarray(RGB).convert(mode).convert("RGB"))
    picture = torch.tensor(pixels / 255.0, dtype=torch.float32)
    assert mesh.colors is None
    torch.testing.assert_close(drawn(mesh), drawn(quad(picture, wrap="repeat")), rtol=0, atol=1e-5)
    # A second material without a picture keeps its colour, and the first one its picture.
    (tmp_path / "a.obj").write_text("\n".join([*lines, "usemtl plain", "f 2 5 3"]))
    both = Mesh.load(tmp_path / "a.obj")
    torch.testing.assert_close(drawn(both), drawn(mesh), rtol=0, atol=1e-5)
    assert both.corner_colors()[2].tolist() == [[0.0, 0.0, 1.0]] * 3
    assert both.corner_tints()[0].tolist() == [[1.0, 1.0, 1.0]] * 3
