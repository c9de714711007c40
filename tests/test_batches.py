"""Meshes of several sizes in one call of `render`: each image is the one that its mesh gives alone,
to the last bit, forwards and backwards."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from softras_edu import (
    Camera,
    Lights,
    Mesh,
    batches,
    cube,
    icosphere,
    rasterize,
    rasterize_hard,
    render,
)
from softras_edu.rasterizers import numba_cpu

SIZE = (7, 13)


def colored(mesh: Mesh, dtype: torch.dtype) -> Mesh:
    colors = torch.rand(mesh.verts.shape, generator=torch.Generator().manual_seed(1), dtype=dtype)
    return Mesh(mesh.verts.to(dtype), mesh.faces, colors)


def meshes(dtype: torch.dtype) -> list[Mesh]:
    """1,280 faces, none, 12, one, and one that is a line."""
    lone = torch.tensor([[-1.0, -1, 0], [1, -0.8, 0.3], [0.1, 1, 0]])
    some = [
        icosphere(3),
        Mesh(lone, torch.zeros(0, 3, dtype=torch.int64)),
        cube(),
        Mesh(lone, torch.tensor([[0, 1, 2]])),
        Mesh(lone, torch.tensor([[0, 1, 1]])),
    ]
    return [colored(mesh, dtype) for mesh in some]


def cameras(dtype: torch.dtype = torch.float32) -> Camera:
    return Camera.orbit(
        torch.tensor([3.0, 2.5, 0.9, 3.2, 3.0], dtype=dtype), 20.0, [0.0, 50.0, 130.0, 20.0, 0.0]
    )  # the third stands so near its cube that faces reach behind the eye


LAMPS = [
    Lights(),
    Lights(ambient=0.0),
    Lights(ambient=0.1, diffuse=0.9, direction=(1.0, 0.0, 0.0)),
    Lights(ambient=0.7),
    Lights(),
]
WAYS: dict[str, dict[str, Any]] = {
    "numba": {"backend": "numba", "sigma": 1e-3, "gamma": 1e-3},
    "every pair": {"backend": "numba", "sigma": 1e-2, "gamma": 1e-2, "dist_eps": 0.0},
    "everything": {
        "backend": "numba", "depth": True, "normals": True, "antialias": 2, "sigma": 1e-3,
    },
    "sum": {"backend": "numba", "sigma": 1e-3, "conorm": "sum"},
    "hard colours": {"backend": "numba", "sigma": 1e-3, "aggregate": "hard"},
    "another conorm": {"backend": "numba", "sigma": 1e-2, "conorm": "yager", "squared": False},
    "lit per pixel": {"backend": "numba", "sigma": 1e-3, "shading": "per_pixel"},
    "z-buffer": {"rasterizer": rasterize_hard},
    "pairs": {"backend": "pairs", "sigma": 1e-3, "gamma": 1e-3},
}  # fmt: skip


def draw(
    verts: list[Tensor], some: list[Mesh], camera: Camera, lamps: list[Lights], **way: Any
) -> Tensor:
    moved = [Mesh(v, m.faces, m.colors) for v, m in zip(verts, some, strict=True)]
    return render(moved, camera, size=SIZE, lights=lamps, near=0.5, **way)


@pytest.mark.parametrize("small", [0, 1000])  # each mesh in a group of its own, or two groups
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("way", WAYS)
def test_an_image_of_many_is_the_image_alone_bit_for_bit(monkeypatch, way, dtype, small):
    monkeypatch.setattr(batches, "SMALL", small)
    if way != "z-buffer" and WAYS[way]["backend"] == "numba" and numba_cpu.why_not():
        pytest.skip(str(numba_cpu.why_not()))
    some, camera = meshes(dtype), cameras(dtype)
    verts = [mesh.verts.clone().requires_grad_() for mesh in some]
    together = draw(verts, some, camera, LAMPS, **WAYS[way])
    cotangent = torch.randn(together.shape, generator=torch.Generator().manual_seed(2), dtype=dtype)
    grads = torch.autograd.grad(together, verts, cotangent, allow_unused=True)
    for b, mesh in enumerate(some):
        lone = [verts[b]]
        alone = draw(lone, [mesh], camera[b], [LAMPS[b]], **WAYS[way])
        assert torch.equal(together[b], alone[0])
        as_ever = render(
            Mesh(verts[b], mesh.faces, mesh.colors), camera[b], size=SIZE, lights=LAMPS[b],
            near=0.5, **WAYS[way],
        )  # fmt: skip
        assert torch.equal(alone, as_ever)
        grad = None
        if alone.requires_grad:
            (grad,) = torch.autograd.grad(alone, lone, cotangent[b : b + 1], allow_unused=True)
        grad, wanted = (torch.zeros_like(verts[b]) if g is None else g for g in (grads[b], grad))
        assert torch.equal(grad, wanted)
    assert together[0, ..., -1].max() > 0
    assert together[1, ..., -1].abs().sum() == 0  # a mesh without faces


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_an_image_of_many_cameras_is_the_image_of_each_bit_for_bit(dtype):
    if numba_cpu.why_not():
        pytest.skip(str(numba_cpu.why_not()))
    mesh = colored(icosphere(3), dtype)
    camera = Camera.orbit(3.0, [0.0, 30.0, -50.0, 80.0], torch.tensor([0.0, 70, 200, 10.3]))
    options = {"size": 40, "sigma": 1e-3, "backend": "numba", "lights": Lights()}
    image = render(mesh, camera, **options)
    for b in range(4):
        assert torch.equal(image[b], render(mesh, camera[b], **options)[0])


def test_padding_is_visited_by_no_kernel():
    # Whole lists of faces that stand for nothing have empty boxes: no pixel asks them.
    if numba_cpu.why_not():
        pytest.skip(str(numba_cpu.why_not()))
    from softras_edu.batches import together
    from softras_edu.rasterizers.options import Options
    from softras_edu.rasterizers.tiles import reach_boxes, tile_lists

    short, long = torch.rand(1, 3, 3, 3) + 1, torch.rand(1, 50, 3, 3) + 1
    triangles = together([short, long], 1.0)
    boxes = reach_boxes(triangles, Options(height=9, width=9, sigma=10.0, dist_eps=0.0))
    assert (boxes[0, 3:] == 0).all()
    lists = tile_lists(boxes, 9, 9, 4)
    in_first = lists.faces[: lists.starts[9]]  # nine tiles an image
    assert in_first.unique().tolist() == [0, 1, 2]
    compiled = torch.empty(106 - 6, 4, dtype=torch.int64).numpy()
    o = numba_cpu.dials(Options(height=9, width=9, sigma=10.0, dist_eps=0.0))
    numba_cpu.compile_for(torch.float32)
    numba_cpu.reach_boxes(0, 100, triangles.reshape(-1, 3, 3).numpy(), compiled, o)
    assert (compiled[3:50] == 0).all()
    assert (compiled[:3] != 0).any()


def test_lights_are_one_for_all_or_one_an_image():
    mesh, camera = cube(), Camera.orbit(3.0, 20.0, [0.0, 40.0])
    dark, bright = Lights(ambient=0.2, diffuse=0.1), Lights(ambient=0.9, diffuse=0.1)
    image = render(mesh, camera, size=9, lights=[dark, bright])
    for b, lamp in enumerate((dark, bright)):
        assert torch.equal(image[b], render(mesh, camera[b], size=9, lights=lamp)[0])
    assert torch.equal(render(mesh, camera, size=9, lights=[dark]), render(
        mesh, camera, size=9, lights=dark
    ))  # fmt: skip
    # One camera and several lights: one image each.
    image = render(mesh, camera[0], size=9, lights=[dark, Lights(), bright])
    assert image.shape == (3, 9, 9, 4)
    assert torch.equal(image[1], render(mesh, camera[0], size=9, lights=Lights())[0])
    with pytest.raises(
        ValueError, match=r"^camera: got 2 for 3 images, wanted one, or one an image"
    ):
        render(mesh, camera, size=9, lights=[dark, Lights(), bright])
    three = Camera.orbit(3.0, 20.0, [0.0, 40.0, 80.0])
    with pytest.raises(
        ValueError, match=r"^lights: got 2 for 3 images, wanted one, or one an image"
    ):
        render(mesh, three, size=9, lights=[dark, bright])
    with pytest.raises(ValueError, match=r"^lights: got 3 for 2 meshes, wanted one, or one a mesh"):
        render([mesh, mesh], camera, size=9, lights=[dark, Lights(), bright])


@pytest.mark.parametrize("small", [0, 1000])
def test_backgrounds_of_a_batch_stay_with_their_images(monkeypatch, small):
    monkeypatch.setattr(batches, "SMALL", small)
    camera = Camera.orbit(3.0, 20.0, [0.0, 40.0])
    back = torch.rand(2, *SIZE, 3, generator=torch.Generator().manual_seed(3))
    image = render([cube(), icosphere(1)], camera, size=SIZE, background=back)
    for b, mesh in enumerate((cube(), icosphere(1))):
        alone = render(mesh, camera[b], size=SIZE, background=back[b])
        assert torch.equal(image[b], alone[0])
    one = render([cube(), icosphere(1)], camera, size=SIZE, background=back[:1])
    assert torch.equal(one[1], render(icosphere(1), camera[1], size=SIZE, background=back[0])[0])


def test_lists_are_drawn_with_those_that_are_about_as_long():
    assert batches.groups([5]) == [[0]]
    assert batches.groups([0, 0, 0]) == [[0, 1, 2]]
    assert batches.groups([80, 900, 3]) == [[0, 1, 2]]  # what is short may be padded
    assert batches.groups([20, 20000, 10000, 9500, 11000]) == [[1, 2, 3, 4], [0]]
    assert batches.groups([20000, 20, 9000, 40000]) == [[0, 3], [2], [1]]
    assert batches.groups([9499, 20000]) == [[1], [0]]
    assert batches.groups([9500, 20000]) == [[0, 1]]


def test_the_triangles_level_takes_padding_too():
    # What `render` does for a user of `rasterize`: any corners at one place are no face.
    triangles = torch.rand(1, 4, 3, 3, generator=torch.Generator().manual_seed(4)) + 1
    more = torch.cat([triangles, torch.ones(1, 5, 3, 3)], dim=1)
    options = {"size": SIZE, "sigma": 1e-2, "backend": "numba"}
    if not numba_cpu.why_not():
        assert torch.equal(rasterize(triangles, **options), rasterize(more, **options))
