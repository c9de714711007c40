"""Geometry is computed outside `torch.autocast`: the same bits inside as outside."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from softras_edu import (
    Camera,
    Lights,
    Mesh,
    icosphere,
    losses,
    rasterize,
    rasterize_hard,
    render,
    render_buffers,
)
from softras_edu.fitting.body import make_body
from softras_edu.mesh import vertex_normals
from softras_edu.rotations import geodesic_angle, rotation_from_axis_angle
from softras_edu.shading import shade

HALF = [torch.bfloat16, torch.float16]
SPHERE = icosphere(1)
TURN = torch.tensor([[0.3, -0.2, 0.5]])


def drawn(rasterizer, verts: Tensor = SPHERE.verts) -> Tensor:
    options = {"sigma": 1e-3, "backend": "broadcast"} if rasterizer is rasterize else {}
    camera = Camera.orbit(3.0, 20.0, 30.0)
    mesh = Mesh(verts, SPHERE.faces, SPHERE.verts.abs())
    return render(mesh, camera, size=12, lights=Lights(), rasterizer=rasterizer, **options)


def points(verts: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return losses.sample_points(verts, SPHERE.faces, 20, generator=generator)


def calibrated() -> Tensor:
    rotation = rotation_from_axis_angle(TURN)
    k = torch.tensor([[30.0, 0, 15.5], [0, 30, 15.5], [0, 0, 1]])
    camera = Camera.pinhole(k, rotation, torch.tensor([[0.1, 0.2, 3.0]]), 32)
    return camera.project(SPHERE.verts)


EVERYTHING = {
    "render": lambda: drawn(rasterize),
    "the hard picture": lambda: drawn(rasterize_hard),
    "the buffers": lambda: render_buffers(SPHERE, Camera.orbit(3.0, 20.0, 30.0), size=12).depth,
    "points and chamfer": lambda: losses.chamfer(points(SPHERE.verts), SPHERE.verts),
    "pinhole": calibrated,
    "orbit": lambda: Camera.orbit(3.0, 20.0, torch.tensor(30.0)).project(SPHERE.verts),
    "look_at": lambda: Camera.look_at(torch.tensor([1.0, 2.0, 3.0])).rotation,
    "face normals": SPHERE.face_normals,
    "vertex normals": SPHERE.vertex_normals,
    "shade": lambda: shade(SPHERE.verts, SPHERE.verts.abs(), Lights()),
    "rotations": lambda: rotation_from_axis_angle(TURN),
    "angles": lambda: geodesic_angle(rotation_from_axis_angle(TURN), torch.eye(3)),
    "a body": lambda: make_body().pose(torch.full((15, 3), 0.1)),
}


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("name", EVERYTHING)
def test_the_same_bits_inside_autocast(name, dtype):
    # Inside, a matrix product rounds to 16 bits: `project` gave bfloat16, which `rasterize`
    # refused.
    outside = EVERYTHING[name]()
    with torch.autocast("cpu", dtype=dtype):
        inside = EVERYTHING[name]()
    assert inside.dtype == outside.dtype == torch.float32
    assert torch.equal(inside, outside)


@pytest.mark.parametrize("dtype", HALF)
def test_the_same_gradient_inside_autocast(dtype):
    verts = [SPHERE.verts.clone().requires_grad_() for _ in range(2)]
    drawn(rasterize, verts[0]).square().sum().backward()
    with torch.autocast("cpu", dtype=dtype):
        image = drawn(rasterize, verts[1])
    image.square().sum().backward()
    assert torch.equal(verts[0].grad, verts[1].grad)
    assert verts[0].grad.abs().max() > 0


@pytest.mark.parametrize("dtype", HALF)
def test_vertices_from_a_layer_inside_autocast_are_drawn(dtype):
    # A network's output is of 16 bits there. It is drawn as the float32 numbers that it stands for.
    layer = torch.nn.Linear(3, 3, bias=False)
    torch.nn.init.eye_(layer.weight)
    with torch.autocast("cpu", dtype=dtype):
        verts = layer(SPHERE.verts)
        assert verts.dtype == dtype
        image = drawn(rasterize, verts)
        image.sum().backward()
        seen = render_buffers(Mesh(verts, SPHERE.faces), Camera.orbit(3.0, 20.0, 30.0), size=12)
        assert seen.depth.dtype == points(verts).dtype == torch.float32
    assert torch.equal(image, drawn(rasterize, verts.detach().float()))
    assert layer.weight.grad.abs().max() > 0


def test_half_vertices_outside_autocast_are_refused_as_ever():
    mesh = Mesh(SPHERE.verts.bfloat16(), SPHERE.faces)
    with pytest.raises(ValueError, match=r"^triangles: got torch\.bfloat16, wanted torch\.float32"):
        render(mesh, Camera.orbit(3.0, 0.0, 0.0), size=4)


def test_normals_of_a_batch():
    # The mean weighted by area: at the corner of two right angles, one of area 1 and one of area 4.
    verts = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 4], [9, 9, 9]])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    normals = vertex_normals(torch.stack([verts, verts * 1e-6]), faces)
    wanted = torch.nn.functional.normalize(torch.tensor([4.0, 0.0, 1.0]), dim=0)
    torch.testing.assert_close(normals[:, 0], wanted.expand(2, 3))
    torch.testing.assert_close(normals[:, 1], torch.tensor([0.0, 0.0, 1.0]).expand(2, 3))
    assert normals[:, 4].tolist() == [[0.0, 0.0, 0.0]] * 2  # no face has it
    ball = icosphere(3)
    assert (ball.vertex_normals() * ball.verts).sum(1).min() > 0.999
