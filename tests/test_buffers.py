"""`render_buffers` against rays that are shot at the faces in the world, one pixel at a time."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from softras_edu import (
    Buffers,
    Camera,
    Mesh,
    cube,
    icosphere,
    rasterize_hard,
    render,
    render_buffers,
    screen_triangles,
)
from softras_edu.rasterizers import hard
from softras_edu.rasterizers.hard import hard_options, visible_face
from softras_edu.teaching.cost_ledger import peak_bytes

F64 = torch.float64


def exact(*numbers: Any, look_at: bool = False, **options: Any) -> Camera:
    """A camera whose axes are at right angles to the last bit of float64."""
    make = Camera.look_at if look_at else Camera.orbit
    return make(*(torch.tensor(x, dtype=F64) for x in numbers), **options)


def rays(camera: Camera, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Where the ray of each pixel starts, and its direction, which goes 1 deeper: (H, W, 3)."""
    i, j = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    i, j = i.double(), j.double()
    x = (2 * j + 1 - width) / height * float(camera.scale)
    y = (1 - (2 * i + 1) / height) * float(camera.scale)
    right, up, back = camera.rotation[0].double()
    if camera.perspective:
        return camera.eye[0].double().expand(height, width, 3), (
            x[..., None] * right + y[..., None] * up - back
        )
    return camera.eye[0] + x[..., None] * right + y[..., None] * up, -back.expand(height, width, 3)


def shoot(
    mesh: Mesh,
    camera: Camera,
    size: tuple[int, int],
    near: float = 1.0,
    far: float = 100.0,
    cull_backfaces: bool = False,
) -> Buffers:
    """One ray after the other, one face after the other: solve start + z d = a + u (b - a) + v (c -
    a)."""
    face = torch.full(size, -1)
    depth = torch.full(size, far, dtype=F64)
    weights, normals = torch.zeros(*size, 3, dtype=F64), torch.zeros(*size, 3, dtype=F64)
    starts, ways = rays(camera, *size)
    for i in range(size[0]):
        for j in range(size[1]):
            for f, corners in enumerate(mesh.verts[mesh.faces].double()):
                a, b, c = corners
                normal = torch.linalg.cross(b - a, c - a)
                matrix = torch.stack([-ways[i, j], b - a, c - a], dim=1)
                if normal.norm() < 1e-12 or torch.linalg.det(matrix).abs() < 1e-14:
                    continue
                if cull_backfaces and normal @ ways[i, j] > 0:
                    continue
                z, u, v = torch.linalg.solve(matrix, starts[i, j] - a).tolist()
                if min(u, v, 1 - u - v) >= 0 and near <= z <= far and z < depth[i, j]:
                    face[i, j], depth[i, j] = f, z
                    weights[i, j] = torch.tensor([1 - u - v, u, v], dtype=F64)
                    normals[i, j] = normal / normal.norm()
    return Buffers(face, depth, weights, normals)


def compare(found: Buffers, wanted: Buffers, b: int = 0) -> None:
    assert torch.equal(found.face[b], wanted.face)
    for name in ("depth", "barycentric", "normal"):
        torch.testing.assert_close(
            getattr(found, name)[b], getattr(wanted, name), rtol=0, atol=1e-9, msg=name
        )


def soup(seed: int, faces: int = 12, spread: float = 2.0) -> Mesh:
    """Faces that go through each other, one of them a line, one of them a point."""
    generator = torch.Generator().manual_seed(seed)
    middles = spread * (2 * torch.rand(faces, 1, 3, generator=generator, dtype=F64) - 1)
    verts = middles + 2 * torch.rand(faces, 3, 3, generator=generator, dtype=F64) - 1
    if faces > 2:
        verts[1, 2] = verts[1, :2].mean(0)
        verts[2] = verts[2, 0]
    return Mesh(verts.flatten(0, 1), torch.arange(3 * faces).view(-1, 3))


VIEWS: dict[str, dict[str, Any]] = {
    "perspective": {},
    "orthographic": {"orthographic": 2.0},
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("size", [(7, 13), (13, 7), (1, 1), (9, 9)])
@pytest.mark.parametrize("seed", [0, 1])
def test_each_pixel_sees_what_its_ray_hits_first(view, size, seed):
    mesh, camera = soup(seed), exact(5.0, 20.0, 33.0, **VIEWS[view])
    compare(render_buffers(mesh, camera, size=size), shoot(mesh, camera, size))
    options = {"near": 3.9, "far": 5.4, "cull_backfaces": True}
    compare(
        render_buffers(mesh, camera, size=size, **options), shoot(mesh, camera, size, **options)
    )


@pytest.mark.parametrize("view", VIEWS)
def test_faces_around_the_eye_are_cut_and_keep_their_numbers_and_weights(view):
    # The camera stands among the faces: some go through the plane of the eye, some lie behind it.
    mesh = soup(3, faces=25, spread=1.0)
    camera = exact((0.1, 0.2, 0.3), (0.5, 0.1, -1.0), look_at=True, **VIEWS[view])
    crossing = camera.project(mesh.verts)[0, :, 2].view(-1, 3)
    assert ((crossing.amin(1) <= 0) & (crossing.amax(1) > 0.2)).sum() > 4
    found = render_buffers(mesh, camera, size=(11, 14), near=0.05)
    wanted = shoot(mesh, camera, (11, 14), near=0.05)
    compare(found, wanted)
    cut = crossing[wanted.face.clamp_min(0)].amin(-1) <= 0
    assert (cut & (wanted.face >= 0)).sum() > 3  # such faces are seen


def test_meshes_of_several_sizes_and_cameras_each_alone():
    meshes = [soup(4, faces=3), soup(5, faces=17), soup(6, faces=0), soup(7, faces=1)]
    camera = exact([5.0, 4.0, 5.0, 6.0], 10.0, [0.0, 50.0, 10.0, 200.0])
    found = render_buffers(meshes, camera, size=(8, 9))
    for b, mesh in enumerate(meshes):
        compare(found, shoot(mesh, camera[b], (8, 9)), b)
        alone = render_buffers(mesh, camera[b], size=(8, 9))
        for together, single in zip(found, alone, strict=True):
            assert torch.equal(together[b], single[0])
    assert (found.face[2] == -1).all()


def test_a_mesh_without_faces_shows_nothing():
    found = render_buffers(soup(0, faces=0), Camera.orbit(5.0, 0.0, 0.0), size=(2, 3), far=9.0)
    assert found.face.tolist() == [[[-1] * 3] * 2]
    assert found.depth.tolist() == [[[9.0] * 3] * 2]
    assert found.barycentric.abs().sum() == found.normal.abs().sum() == 0
    with pytest.raises(ValueError, match=r"^mesh: got list"):
        render_buffers([], Camera.orbit(5.0, 0.0, 0.0), size=4)


def test_corners_that_are_nowhere_are_refused():
    mesh = Mesh(cube().verts * 1e30, cube().faces)
    with pytest.raises(ValueError, match=r"^triangles: got NaN, infinity or a coordinate beyond"):
        render_buffers(mesh, Camera.orbit(3.0, 0.0, 0.0), size=4, clip=False)


def test_attributes_of_corners_are_seen_where_the_rays_hit():
    mesh, camera = soup(0, faces=25), exact(5.0, 20.0, 33.0)
    found = render_buffers(mesh, camera, size=(9, 12))
    places = (found.barycentric[..., None] * mesh.verts[mesh.faces][found.face]).sum(-2)[0]
    starts, ways = rays(camera, 9, 12)
    wanted = starts + found.depth[0, ..., None] * ways
    seen = found.face[0] >= 0
    torch.testing.assert_close(places[seen], wanted[seen], rtol=0, atol=1e-9)
    assert places[~seen].abs().sum() == 0
    assert 5 < seen.sum() < seen.numel()


@pytest.mark.parametrize("view", VIEWS)
def test_gradients_of_depth_weights_and_normals(view):
    mesh, generator = soup(1, faces=6), torch.Generator().manual_seed(0)
    camera = exact(5.0, 20.0, 33.0, **VIEWS[view])
    cotangent = [torch.randn(1, 6, 5, 7, generator=generator, dtype=F64)]

    def drawn(verts: Tensor) -> Tensor:
        found = render_buffers(Mesh(verts, mesh.faces), camera, size=(6, 5))
        parts = [found.depth[..., None], found.barycentric, found.normal]
        return (torch.cat(parts, dim=-1) * cotangent[0]).sum()

    keep = [0, *range(3, 6)]  # without the line and the point, whose normals have no derivative
    mesh = Mesh(mesh.verts, mesh.faces[keep])
    assert torch.autograd.gradcheck(drawn, (mesh.verts.clone().requires_grad_(),))
    assert drawn(mesh.verts).abs() > 0.1


def test_the_buffers_of_a_cube_by_hand():
    camera = Camera.orbit(3.0, 0.0, 0.0)
    found = render_buffers(cube(), camera, size=9, cull_backfaces=True)
    front = cube().verts[:, 2].max().item()
    seen = found.face[0] >= 0
    assert seen[4, 4]
    assert not seen[0, 0]
    assert found.depth[0][seen].tolist() == pytest.approx([3 - front] * int(seen.sum()), rel=1e-6)
    assert found.normal[0][seen].tolist() == [[0.0, 0.0, 1.0]] * int(seen.sum())
    # What is seen at the middle of the picture is the middle of the side.
    corners = cube().verts[cube().faces[found.face[0, 4, 4]]]
    place = (found.barycentric[0, 4, 4, :, None] * corners).sum(0)
    assert place.tolist() == pytest.approx([0.0, 0.0, front], abs=1e-6)


# ---------------------------------------------------------------- the compiled loop


def in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hard, "_compiled", lambda _: False)


@pytest.mark.parametrize("dtype", [torch.float32, F64])
@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("size", [(7, 13), (1, 1), (13, 1), (96, 70)])
def test_the_compiled_loop_chooses_the_same_faces_as_pytorch(monkeypatch, size, parallel, dtype):
    # A grid of squares whose edges and corners lie on pixel centres, all at one depth or two, so
    # that every tie is there; and random faces, some without area or behind the eye.
    generator = torch.Generator().manual_seed(0)
    some = torch.rand(2, 60, 3, 3, generator=generator, dtype=F64) * 3 - 1.5
    some[..., 2] += 2.4
    some = torch.cat([some, some.roll(1, 2)], dim=1)  # again from another corner: equal but rounded
    step = 2 / size[0]
    corner = torch.tensor([[0.0, 0, 2], [4, 0, 2], [4, 4, 2]], dtype=F64)
    grid = [
        (corner[[0, 1, 2]] if k else corner[[0, 2, 1]][:, [1, 0, 2]]) + shift
        for a in range(-4, 4)
        for b in range(-4, 4)
        for k in (0, 1)
        for shift in [torch.tensor([4.0 * a, 4.0 * b, 0.0], dtype=F64)]
    ]
    squares = torch.stack(grid) * torch.tensor([step / 2, step / 2, 1.0], dtype=F64)
    # In the third image the squares are farther than `far`, and hide nothing that is.
    some, farther = torch.cat([some, some[:1]]), squares + torch.tensor([0.0, 0.0, 2.0])
    squares = torch.stack([squares, squares, farther])
    triangles = torch.cat([some, squares], dim=1).to(dtype)
    o = hard_options(*size, near=0.5, far=3.5)
    compiled = visible_face(triangles, o, parallel)
    in_chunks(monkeypatch)
    assert torch.equal(compiled, visible_face(triangles, o, parallel))
    if size[0] > 1:
        assert len(compiled.unique()) > 5


def test_a_mesh_in_float32_is_drawn_the_same_by_both(monkeypatch):
    camera = Camera.orbit(2.2, [20.0, -30.0], [15.0, 140.0])
    triangles = screen_triangles(icosphere(3).verts, icosphere(3).faces, camera)
    colors = torch.rand(triangles.shape, generator=torch.Generator().manual_seed(0))
    images = [rasterize_hard(triangles, colors, size=(65, 50))]
    in_chunks(monkeypatch)
    images.append(rasterize_hard(triangles, colors, size=(65, 50)))
    assert torch.equal(*images)
    assert images[0][..., 3].mean() > 0.3


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_any_number_of_threads_gives_the_same_faces(threads):
    before = torch.get_num_threads()
    camera = Camera.orbit(1.2, [20.0, -30.0], [15.0, 140.0])
    triangles = screen_triangles(icosphere(2).verts, icosphere(2).faces, camera)
    o = hard_options(120, 133)
    wanted = visible_face(triangles, o)
    try:
        torch.set_num_threads(threads)
        assert torch.equal(visible_face(triangles, o), wanted)
    finally:
        torch.set_num_threads(before)


def test_perspective_correct_colours_of_the_z_buffer(scene):
    # The colour of each corner is its place in the world, so each pixel shows where its ray hits.
    mesh, camera = soup(1), exact(5.0, 20.0, 33.0)
    placed = Mesh(mesh.verts, mesh.faces, mesh.verts)
    wanted = shoot(mesh, camera, (9, 12))
    corners = mesh.verts[mesh.faces[wanted.face.clamp_min(0)]]
    places = (wanted.barycentric[..., None] * corners).sum(-2)
    options = {"size": (9, 12), "rasterizer": rasterize_hard}
    image = render(placed, camera, **options, perspective_correct=True)[0]
    torch.testing.assert_close(image[..., :3], places, rtol=0, atol=1e-9)
    affine = render(placed, camera, **options)[0]
    assert (affine[..., :3] - places).abs().max() > 0.01


def test_torch_func_still_goes_through_the_z_buffer(scene):
    triangles, colors = scene(3, faces=4)

    def total(c: Tensor) -> Tensor:
        return rasterize_hard(triangles, c, size=6).square().sum()

    wanted = torch.autograd.functional.jacobian(total, colors)
    torch.testing.assert_close(torch.func.grad(total)(colors), wanted)
    assert math.isfinite(wanted.sum().item())
    moved = torch.func.grad(lambda t: rasterize_hard(t, colors, size=6).sum())(triangles)
    assert moved.shape == triangles.shape


def test_memory_grows_with_pixels_and_faces_not_with_their_product():
    camera = Camera.orbit(2.2, 20.0, 15.0)
    used = {}
    for level, size in ((4, 256), (4, 128), (2, 256)):
        mesh = icosphere(level)
        used[level, size] = peak_bytes(lambda m=mesh, s=size: render_buffers(m, camera, size=s))
    assert used[4, 256] < 60e6  # 5,120 faces
    assert used[4, 256] < used[4, 128] + used[2, 256] + 1e6
