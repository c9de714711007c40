"""Mesh -> camera -> triangles -> picture in one call, and the lights."""

from __future__ import annotations

import math

import pytest
import torch

from softras_edu import (
    Camera,
    Lights,
    Mesh,
    cube,
    icosphere,
    rasterize,
    rasterize_hard,
    render,
    screen_triangles,
)
from softras_edu.shading import shade

F64 = torch.float64


def double(mesh: Mesh) -> Mesh:
    return Mesh(
        mesh.verts.double(), mesh.faces, None if mesh.colors is None else mesh.colors.double()
    )


def test_screen_triangles_are_the_projected_corners_of_each_face():
    mesh, camera = double(cube()), Camera.orbit(3.0, [10.0, 20.0], 30.0)
    triangles = screen_triangles(mesh.verts, mesh.faces, camera)
    assert triangles.shape == (2, 12, 3, 3)
    projected = camera.project(mesh.verts)
    for b, f, k in ((0, 0, 0), (1, 7, 2), (1, 11, 1)):
        assert triangles[b, f, k].tolist() == projected[b, mesh.faces[f, k]].tolist()


@pytest.mark.parametrize("rasterizer", [rasterize, rasterize_hard])
def test_a_sphere_covers_the_disc_that_geometry_gives(rasterizer):
    options = {"sigma": 1e-7, "gamma": 1e-4} if rasterizer is rasterize else {}
    # Parallel projection, half height 1.25: a disc of radius 1 in a square of side 2.5. A
    # polyhedron covers a little less.
    image = render(
        icosphere(3),
        Camera.orbit(4.0, 20.0, 30.0, orthographic=1.25),
        size=48,
        rasterizer=rasterizer,
        **options,
    )
    assert image.shape == (1, 48, 48, 4)
    assert image[0, ..., 3].mean().item() == pytest.approx(math.pi / 2.5**2, rel=0.02)
    # Perspective: the silhouette's cone touches the sphere at angle asin(1/3), so the disc's radius
    # is tan(asin(1/3)) / tan(30 degrees).
    image = render(
        icosphere(3), Camera.orbit(3.0, 20.0, 30.0), size=48, rasterizer=rasterizer, **options
    )
    radius = math.tan(math.asin(1 / 3)) / math.tan(math.radians(30))
    assert image[0, ..., 3].mean().item() == pytest.approx(math.pi * radius**2 / 4, rel=0.02)


def test_a_mesh_without_colours_is_white_and_one_with_colours_shows_them():
    camera = Camera.orbit(3.0, 0.0, 0.0)
    white = render(cube(), camera, size=(9, 11), gamma=1e-3)
    torch.testing.assert_close(
        white[0, 4, 5], torch.tensor([1.0, 1.0, 1.0, 15 / 16])
    )  # on the diagonals of the front and the back: 1 - 0.5^4
    assert white[0, 0, 0].tolist() == [0, 0, 0, 0]
    assert white.dtype == torch.float32
    colors = torch.tensor([0.2, 0.5, 0.7]).expand(8, 3)
    image = render(
        Mesh(cube().verts, cube().faces, colors),
        camera,
        size=(9, 11),
        gamma=1e-3,
        background=torch.tensor([1.0, 0.0, 0.0]),
    )
    torch.testing.assert_close(image[0, 4, 5], torch.tensor([0.2, 0.5, 0.7, 15 / 16]))
    assert image[0, 0, 0].tolist() == [1, 0, 0, 0]


def test_the_nearer_side_of_a_mesh_is_what_one_sees():
    verts = double(cube()).verts
    near_red = torch.where(
        verts[:, 2:] > 0,
        torch.tensor([1.0, 0.0, 0.0], dtype=F64),
        torch.tensor([0.0, 0.0, 1.0], dtype=F64),
    )
    mesh = Mesh(verts, cube().faces, near_red)
    for azimuth, expected in ((0.0, [1.0, 0.0, 0.0]), (180.0, [0.0, 0.0, 1.0])):
        for rasterizer in (rasterize, rasterize_hard):
            image = render(mesh, Camera.orbit(3.0, 0.0, azimuth), size=9, rasterizer=rasterizer)
            assert image[0, 4, 4, :3].tolist() == pytest.approx(expected, abs=1e-9)


def test_a_batch_of_cameras_gives_the_picture_of_each():
    mesh = double(icosphere(0))
    options = {"size": (8, 6), "sigma": 1e-2, "gamma": 1e-2, "lights": Lights()}
    together = render(mesh, Camera.orbit(3.0, [0.0, 30.0, -50.0], [0.0, 70.0, 200.0]), **options)
    assert together.shape == (3, 8, 6, 4)
    for b, (elevation, azimuth) in enumerate(((0.0, 0.0), (30.0, 70.0), (-50.0, 200.0))):
        torch.testing.assert_close(
            together[b],
            render(mesh, Camera.orbit(3.0, elevation, azimuth), **options)[0],
            rtol=0,
            atol=1e-12,
        )


def test_lambert_by_hand():
    normals = torch.tensor(
        [[0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0], [0.6, 0.0, 0.8]], dtype=F64
    )
    colors = torch.tensor([[1.0, 0.5, 0.0]], dtype=F64).expand(4, 3)
    shaded = shade(
        normals, colors, Lights(ambient=0.2, diffuse=0.6, direction=(0.0, 0.0, 5.0))
    )  # a lamp's distance does not count
    brightness = torch.tensor([0.8, 0.2, 0.2, 0.2 + 0.6 * 0.8], dtype=F64)
    torch.testing.assert_close(shaded, brightness[:, None] * colors)


def test_a_lit_cube_has_the_brightness_of_each_side():
    # From azimuth 0 one sees the side with normal +z; from 90 degrees, +x; from 180, -z.
    lights = Lights(ambient=0.3, diffuse=0.5, direction=(0.6, 0.0, 0.8))
    for azimuth, brightness in ((0.0, 0.3 + 0.5 * 0.8), (90.0, 0.3 + 0.5 * 0.6), (180.0, 0.3)):
        image = render(
            double(cube()),
            Camera.orbit(3.0, 0.0, azimuth),
            size=9,
            lights=lights,
            rasterizer=rasterize_hard,
        )
        assert image[0, 4, 4, :3].tolist() == pytest.approx([brightness] * 3)


@pytest.mark.parametrize("lights", [None, Lights()])
def test_gradients_reach_vertices_colours_and_camera(lights):
    mesh = double(icosphere(0))
    generator = torch.Generator().manual_seed(0)
    colors = torch.rand(12, 3, generator=generator, dtype=F64)
    azimuth = torch.tensor(20.0, dtype=F64)
    cotangent = torch.randn(1, 5, 6, 4, generator=generator, dtype=F64)

    def loss(v: torch.Tensor, c: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        camera = Camera.orbit(3.0, 15.0, a)
        image = render(
            Mesh(v, mesh.faces, c),
            camera,
            size=(5, 6),
            sigma=0.02,
            gamma=0.02,
            near=1.0,
            far=6.0,
            dist_eps=0.0,
            lights=lights,
        )
        return (image * cotangent).sum()

    inputs = [x.requires_grad_() for x in (mesh.verts, colors, azimuth)]
    grads = torch.autograd.grad(loss(*inputs), inputs)
    for k, grad in enumerate(grads):
        step = torch.randn(inputs[k].shape, generator=generator, dtype=F64)
        with torch.no_grad():
            plus, minus = (
                [x + s * 1e-6 * step if n == k else x for n, x in enumerate(inputs)]
                for s in (1, -1)
            )
            slope = (loss(*plus) - loss(*minus)).item() / 2e-6
        assert (grad * step).sum().item() == pytest.approx(slope, rel=1e-5)
        assert abs(slope) > 1e-3


def test_options_reach_the_rasterizer():
    camera = Camera.orbit(3.0, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"^sigma: got -1"):
        render(cube(), camera, size=4, sigma=-1)
    with pytest.raises(TypeError, match="sigma"):  # the z-buffer has no sigma
        render(cube(), camera, size=4, sigma=1e-4, rasterizer=rasterize_hard)
    verts = cube().verts.clone().requires_grad_()
    image = render(
        Mesh(verts, cube().faces), camera, size=9, rasterizer=rasterize_hard, gradient="nmr"
    )
    (grad,) = torch.autograd.grad(image[..., 3].square().sum(), verts)
    plain = rasterize_hard(screen_triangles(verts, cube().faces, camera), size=9, gradient="nmr")
    (wanted,) = torch.autograd.grad(plain.square().sum(), verts)
    torch.testing.assert_close(grad, wanted)
    assert wanted.abs().max() > 0.1
