"""Flat, Gouraud and per-pixel shading of whole pictures, against rays cast one by one."""

from __future__ import annotations

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from softras_edu import (
    Camera,
    Lights,
    Mesh,
    PointLamp,
    Sky,
    cube,
    icosphere,
    rasterize,
    rasterize_hard,
    render,
)
from softras_edu.precision import unit
from softras_edu.shading import corner_normals, shade

F64 = torch.float64
SHARP = {"sigma": 1e-9, "gamma": 1e-5, "backend": "pairs"}
LENSES = [{"fov": 50.0}, {"orthographic": 1.2}]
SHINY = Lights(0.1, (0.5, 0.3, 0.2), (0.3, 0.5, 1.0), (0.6, 0.5, 0.4), 12.0)
NEAR_BY = Lights(0.1, 0.2, more=[PointLamp((0.5, 0.6, 1.5), 0.7, 0.5, 0.3), Sky([0.1] * 9)])
plain_render = partial(render, backend="pairs")


def sphere(level: int = 1) -> Mesh:
    mesh = icosphere(level).to(F64)
    return Mesh(mesh.verts, mesh.faces, mesh.verts * 0.4 + 0.5)


def rays(camera: Camera, size: int, lens: dict[str, float]) -> tuple[Tensor, Tensor]:
    """Where the ray of each pixel starts and its direction, (H, W, 3), by school geometry."""
    y = 1 - (2 * torch.arange(size, dtype=F64) + 1) / size
    x, y = torch.meshgrid(-y, y, indexing="xy")
    right, up, back = camera.rotation[0]
    if "orthographic" in lens:
        half = lens["orthographic"]
        start = camera.eye[0] + half * (x[..., None] * right + y[..., None] * up)
        return start, (-back).expand_as(start)
    half = math.tan(math.radians(lens["fov"] / 2))
    along = half * (x[..., None] * right + y[..., None] * up) - back
    return camera.eye[0].expand_as(along), along


def cast(mesh: Mesh, start: Tensor, along: Tensor) -> tuple[Tensor, Tensor]:
    """The first face that each ray meets (-1: none) and the weights of its corners there.

    Moeller and Trumbore: solve start + s along = a + v (b - a) + w (c - a).
    """
    a, b, c = mesh.verts[mesh.faces].unbind(1)
    sides = torch.stack(torch.broadcast_tensors(-along[..., None, :], b - a, c - a), dim=-1)
    s, v, w = torch.linalg.solve(sides, start[..., None, :] - a).unbind(-1)  # (H, W, F)
    meets = (v >= 0) & (w >= 0) & (v + w <= 1) & (s > 0)
    s = s.where(meets, torch.inf)
    face = s.argmin(-1)
    v, w = (x.gather(-1, face[..., None])[..., 0] for x in (v, w))
    return face.where(meets.any(-1), -1), torch.stack([1 - v - w, v, w], -1)


def expected(mesh: Mesh, camera: Camera, lights: Lights, shading: str, lens: dict) -> Tensor:
    """The picture by rays, (H, W, 3); NaN where no face is met."""
    face, weight = cast(mesh, *rays(camera, 24, lens))
    colors = mesh.corner_colors()[face]  # (H, W, 3 corners, 3)
    normals, points = (x[face] for x in corner_normals(mesh.verts, mesh.faces, shading))
    to_eye = camera.eye[0] - points if "fov" in lens else camera.rotation[0, 2].expand_as(points)
    if shading == "per_pixel":
        mix = [(weight[..., None] * x).sum(-2) for x in (normals, colors, points, to_eye)]
        image = shade(unit(mix[0]), mix[1], lights, mix[2], unit(mix[3]))
    else:
        lit = shade(normals, colors, lights, points, unit(to_eye))
        image = (weight[..., None] * lit).sum(-2)
    return image.where((face >= 0)[..., None], torch.nan)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("shading", ["flat", "gouraud", "per_pixel"])
@pytest.mark.parametrize("lights", [SHINY, NEAR_BY])
@pytest.mark.parametrize("rasterizer", [rasterize, rasterize_hard])
def test_a_picture_is_what_its_rays_see(lens, shading, lights, rasterizer):
    mesh, camera = sphere(), Camera.orbit(3.0, 20.0, 30.0, **lens)
    wanted = expected(mesh, camera, lights, shading, lens)
    options = {**SHARP, "perspective_correct": True} if rasterizer is rasterize else {}
    options |= {"size": 24, "lights": lights, "shading": shading, "rasterizer": rasterizer}
    image = render(mesh, camera, **options)[0, ..., :3]
    seen = ~wanted.isnan().any(-1)
    assert 150 < seen.sum() < 500
    # The z-buffer mixes colours on the screen, whatever the lens.
    loose = rasterizer is rasterize_hard and "fov" in lens
    near = (image - wanted)[seen].abs().amax(-1) < (0.02 if loose else 1e-4)
    assert near.double().mean() > 0.96  # a pixel right on an edge may show the other face


def test_three_shadings_of_a_roof_by_hand():
    # Seen and lit from above. Normals are up at the ridge and 45 degrees to the side at the eaves.
    verts = [[-1.0, 0, -9], [-1, 0, 9], [0, 1, -9], [0, 1, 9], [1, 0, -9], [1, 0, 9]]
    faces = torch.tensor([[0, 1, 3], [0, 3, 2], [2, 3, 4], [3, 5, 4]])
    mesh = Mesh(torch.tensor(verts, dtype=F64), faces)
    camera = Camera.look_at((0.0, 5.0, 0.0), up=(0.0, 0.0, -1.0), orthographic=1.0)
    s = ((2 * torch.arange(8, dtype=F64) + 1 - 8) / 8).abs()  # from the ridge to the eaves
    side = math.sqrt(0.5)
    up, across = 1 - s + s * side, s * side  # of the mixed normal
    wanted = {"flat": 0 * s + side, "gouraud": up, "per_pixel": up / (up**2 + across**2).sqrt()}
    for shading, brightness in wanted.items():
        lights = Lights(0.0, 1.0, (0.0, 1.0, 0.0))
        for rasterizer, options in ((rasterize, SHARP), (rasterize_hard, {})):
            options = {**options, "size": 8, "rasterizer": rasterizer, "shading": shading}
            row = render(mesh, camera, lights=lights, **options)[0, 3, :, 0]
            torch.testing.assert_close(row, brightness, rtol=0, atol=1e-6)


def test_a_soft_edge_has_its_share_of_a_highlight():
    # A square seen and lit from the front: the same highlight everywhere, as much of it as the
    # square has of the pixel. White under plain light, it shows that share.
    square = Mesh(
        torch.tensor([[-0.5, -0.5, 0], [0.5, -0.5, 0], [0.5, 0.5, 0], [-0.5, 0.5, 0]], dtype=F64),
        torch.tensor([[0, 1, 2], [0, 2, 3]]),
    )
    camera = Camera.look_at((0.0, 0.0, 2.0), orthographic=1.0)
    options = {"size": 13, "sigma": 1e-2, "gamma": 0.5, "shading": "per_pixel"}
    share = plain_render(square, camera, lights=Lights(1.0, 0.0), **options)[..., :3]
    shine = Lights(0.0, 0.0, (0.0, 0.0, 1.0), specular=0.6, shininess=5.0)
    lit = plain_render(square, camera, lights=shine, **options)[..., :3]
    assert ((share > 0.1) & (share < 0.9)).any()
    torch.testing.assert_close(lit, 0.6 * share)


def test_a_smooth_sphere_by_its_own_formula():
    # Per-pixel normals of a fine mesh are nearly those of the sphere, so is the brightness.
    lens = {"fov": 50.0}
    camera = Camera.orbit(3.0, 20.0, 30.0, **lens)
    start, along = rays(camera, 24, lens)
    along = unit(along)
    b = (start * along).sum(-1)
    root = b * b - (start.square().sum(-1) - 1)
    seen = root > 0.05  # not right at the rim
    point = start + (-b - root.clamp_min(0).sqrt())[..., None] * along
    white = torch.ones_like(point)
    wanted = shade(unit(point), white, SHINY, point, -along)
    mesh = Mesh(sphere(4).verts, sphere(4).faces)
    image = render(mesh, camera, size=24, lights=SHINY, shading="per_pixel", **SHARP)[0, ..., :3]
    error = (image - wanted)[seen].abs().amax()
    assert error < 0.015
    flat = render(mesh, camera, size=24, lights=SHINY, **SHARP)[0, ..., :3]
    assert (flat - wanted)[seen].abs().amax() > 5 * error


def test_white_light_from_everywhere_is_the_picture_without_lights():
    # Whatever the blur, the background and the share that it has of a pixel.
    mesh, camera = sphere(), Camera.orbit(3.0, 20.0, [30.0, 200.0])
    background = torch.rand(9, 12, 3, dtype=F64)
    options = {"size": (9, 12), "sigma": 1e-2, "gamma": 1e-2, "background": background}
    plain = plain_render(mesh, camera, perspective_correct=True, **options)
    for shading in ("flat", "gouraud", "per_pixel"):
        lit = plain_render(
            mesh,
            camera,
            lights=Lights(1.0, 0.0),
            shading=shading,
            perspective_correct=True,
            **options,
        )
        torch.testing.assert_close(lit, plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shading", ["flat", "gouraud", "per_pixel"])
def test_meshes_in_a_batch_are_lit_as_if_alone(shading):
    meshes = [sphere(0), Mesh(cube().verts.double(), cube().faces)]
    cameras = Camera.orbit([3.0, 2.5], 10.0, [0.0, 30.0])
    options = {"size": 8, "sigma": 1e-3, "gamma": 1e-2, "lights": NEAR_BY, "shading": shading}
    together = plain_render(meshes, cameras, depth=True, **options)
    for k, mesh in enumerate(meshes):
        alone = plain_render(mesh, cameras[k], depth=True, **options)
        torch.testing.assert_close(together[k : k + 1], alone, rtol=0, atol=1e-12)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("shading", ["flat", "gouraud", "per_pixel"])
def test_gradients_of_vertices_colours_camera_and_lights(lens, shading):
    mesh = sphere(0)
    names = ["verts", "colors", "azimuth", "direction", "place", "specular", "shininess", "sky"]
    values = [mesh.verts, mesh.colors, 20.0, (0.3, 0.5, 1.0), (0.5, 0.6, 1.5), 0.4, 3.0, [0.1] * 9]
    inputs = [torch.as_tensor(x, dtype=F64).clone().requires_grad_() for x in values]

    def image(v, c, azimuth, direction, place, specular, shininess, sky):
        more = [PointLamp(place, 0.5, specular, 0.2), Sky(sky)]
        lights = Lights(0.2, 0.4, direction, specular, shininess, more)
        camera = Camera.orbit(3.0, 15.0, azimuth, **lens)
        options = {"size": 4, "sigma": 0.05, "gamma": 0.05, "far": 6.0, "dist_eps": 0.0}
        picture = render(
            Mesh(v, mesh.faces, c), camera, lights=lights, shading=shading, backend="broadcast",
            background=0.3, **options,
        )  # fmt: skip
        return picture[..., :3]

    weights = torch.randn(1, 4, 4, 3, generator=torch.Generator().manual_seed(0), dtype=F64)

    def loss(*x: Tensor) -> Tensor:
        return (image(*x) * weights).sum()

    assert torch.autograd.gradcheck(loss, inputs, atol=1e-6)
    for name, grad in zip(names, torch.autograd.grad(loss(*inputs), inputs), strict=True):
        assert grad.abs().max() > 1e-5, name


@pytest.mark.parametrize("rasterizer", [rasterize, rasterize_hard])
def test_a_face_cut_at_the_near_plane_is_lit_as_small_faces_are(rasterizer):
    # Colours, normals and places of a cut corner lie on its edge.
    ground = torch.tensor([[-9.0, 0, 9], [9, 0, 9], [9, 0, -9], [-9, 0, -9]], dtype=F64)
    mesh = Mesh(ground, torch.tensor([[0, 1, 2], [0, 2, 3]]))
    camera = Camera.look_at((0.3, 1.5, 2.0), (0.0, 0.0, -3.0))
    lights = Lights(0.1, 0.0, more=[PointLamp((0.0, 1.0, 0.0), 1.0, 0.5, 0.2)])
    start, along = rays(camera, 12, {"fov": 60.0})
    s = -start[..., 1] / along[..., 1]
    point = start + s[..., None] * along
    up = torch.tensor([0.0, 1, 0], dtype=F64).expand_as(point)
    wanted = shade(up, torch.ones_like(point), lights, point, unit(start - point))
    options = {"near": 0.5, **(SHARP if rasterizer is rasterize else {})}
    options |= {"size": 12, "shading": "per_pixel", "rasterizer": rasterizer}
    image = render(mesh, camera, lights=lights, **options)[0]
    seen = (image[..., 3] > 0.99) & (s > 0)
    assert seen.sum() > 60
    torch.testing.assert_close(image[..., :3][seen], wanted[seen], rtol=0, atol=1e-4)


@pytest.mark.parametrize("rasterizer", [rasterize, rasterize_hard])
def test_degenerate_faces_do_not_spoil_a_picture_or_its_gradient(rasterizer):
    # A point of a face, a sheet with two sides, a vertex without a face.
    mesh = sphere(0)
    verts = torch.cat([mesh.verts, torch.tensor([[0.0, 0, 1.5], [5, 5, 5]], dtype=F64)])
    more = torch.tensor([[0, 0, 1], [12, 0, 1], [12, 1, 0]])
    for shading in ("flat", "gouraud", "per_pixel"):
        v = verts.clone().requires_grad_()
        options = {"sigma": 1e-3, "backend": "pairs"} if rasterizer is rasterize else {}
        options |= {"size": 8, "lights": SHINY, "shading": shading, "rasterizer": rasterizer}
        image = render(Mesh(v, torch.cat([mesh.faces, more])), Camera.orbit(3.0, 0, 0), **options)
        assert image.isfinite().all()
        assert torch.autograd.grad(image.square().sum(), v)[0].isfinite().all()


def test_colours_of_an_orthographic_camera_are_affine_whatever_is_asked():
    # Depth does not shrink things there, so the world's mixing and the screen's are the same. With
    # u_k = w_k z / z_k, colours crept towards the near corner.
    verts = torch.tensor([[-3.0, -3, 1], [3, -3, 1], [3, 3, -60], [-3, 3, -60]], dtype=F64)
    colors = (verts[:, 1:2] / 6 + 0.5).expand(4, 3)  # dark below, bright above
    mesh = Mesh(verts, torch.tensor([[0, 1, 2], [0, 2, 3]]), colors)
    camera = Camera.look_at((0.0, 0.0, 5.0), orthographic=2.0)
    y = 1 - (2 * torch.arange(8, dtype=F64) + 1) / 8
    wanted = (2 * y / 6 + 0.5)[:, None].expand(8, 8)
    for asked in ({}, {"perspective_correct": False}, {"perspective_correct": True}):
        image = render(mesh, camera, size=8, **SHARP, **asked)[0]
        torch.testing.assert_close(image[..., 0], wanted, rtol=0, atol=1e-4)


def test_a_flat_face_is_lit_at_its_centroid():
    # The lamp hangs right over the corner (0, 0); the centroid (1, 1) is at distance 3.
    verts = torch.tensor([[0.0, 0, 0], [3, 0, 0], [0, 3, 0]], dtype=F64)
    normals, places = corner_normals(verts, torch.tensor([[0, 1, 2]]), "flat")
    lamp = PointLamp((0.0, 0.0, math.sqrt(7)), falloff=0.5)
    lit = shade(normals, torch.ones_like(verts)[None], Lights(0.0, 0.0, more=[lamp]), places)
    cosine, fading = math.sqrt(7) / 3, 1 / (1 + 0.5 * 9)
    torch.testing.assert_close(lit, torch.full_like(lit, cosine * fading))


def test_another_shading_is_refused():
    with pytest.raises(ValueError, match=r"^shading: got 'smooth', wanted 'flat', 'gouraud'"):
        render(cube(), Camera.orbit(3.0, 0.0, 0.0), size=4, lights=Lights(), shading="smooth")
