"""Hard colours with soft alpha, SoftRas's sum, soft normals, supersampling: against slow sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from ugly import KINDS, random_case

from softras_edu import (
    Camera,
    Lights,
    Mesh,
    backends,
    cube,
    icosphere,
    rasterize,
    rasterize_hard,
    render,
    screen_triangles,
)

F64 = torch.float64
RUNGS = [name for name in ("loops", "broadcast", "pairs", "numba") if backends()[name] == "ok"]
Scene = Callable[..., tuple[Tensor, Tensor]]


# ---------------------------------------------------------------- conorm="sum"


def mean_of_d(triangles: Tensor, **options: Any) -> Tensor:
    """Each triangle drawn alone, where alpha is its D; then the mean, (H, W)."""
    alphas = [rasterize(face[None], backend="broadcast", **options) for face in triangles]
    return torch.stack(alphas).mean(0)[..., 0]


@pytest.mark.parametrize("rung", RUNGS)
@pytest.mark.parametrize("kind", KINDS)
def test_sum_is_the_mean_of_each_triangles_own_alpha(rung, kind):
    triangles = kind(torch.Generator().manual_seed(1), 9)
    for options in (
        {"size": (7, 13), "sigma": 0.02},
        {"size": (5, 4), "sigma": 0.1, "distribution": "uniform", "squared": False},
    ):
        image = rasterize(triangles, conorm="sum", backend=rung, **options)
        torch.testing.assert_close(
            image[..., 0], mean_of_d(triangles, **options), rtol=1e-10, atol=1e-14
        )


@pytest.mark.parametrize("rung", RUNGS)
def test_sum_is_divided_by_what_it_is_told_and_leaves_colours_alone(scene: Scene, rung):
    triangles, colors = scene(5, faces=6, batch=2)
    options = {"size": (6, 9), "sigma": 0.02, "gamma": 0.02, "backend": rung}
    image = rasterize(triangles, colors, conorm="sum", **options)
    plain = rasterize(triangles, colors, **options)
    assert torch.equal(image[..., :-1], plain[..., :-1])
    whole = rasterize(triangles, colors, conorm="sum", p=1, **options)
    torch.testing.assert_close(whole[..., -1], 6 * image[..., -1], rtol=1e-12, atol=0)
    assert whole[..., -1].max() > 1  # it is no probability
    alone = rasterize(triangles[1], conorm="sum", **options)
    torch.testing.assert_close(alone[..., 0], image[1, ..., -1], rtol=1e-12, atol=0)


@pytest.mark.parametrize("rung", [name for name in RUNGS if name != "loops"])
def test_sum_has_the_whole_gradient(scene: Scene, rung):
    triangles, colors = scene(6, faces=4)
    options = {"size": (4, 5), "sigma": 0.05, "gamma": 0.05, "dist_eps": 0.0, "backend": rung}
    assert torch.autograd.gradcheck(
        lambda t, c: rasterize(t, c, conorm="sum", **options),
        (triangles.requires_grad_(), colors.requires_grad_()),
    )


@pytest.mark.parametrize("dtype", [torch.float32, F64])
def test_sum_stays_exact_where_much_lies_over_a_pixel_and_where_almost_nothing_does(dtype):
    plane = torch.tensor([[-50.0, -50, 2], [50, -50, 2], [0, 50, 2]], dtype=dtype)
    many = plane.expand(3000, 3, 3) + torch.linspace(0, 30, 3000, dtype=dtype)[
        :, None, None
    ] * torch.tensor([0.0, 0, 1], dtype=dtype)
    image = rasterize(many, size=2, conorm="sum")
    torch.testing.assert_close(image, torch.ones(2, 2, 1, dtype=dtype), rtol=1e-5, atol=0)
    far = torch.tensor([[[0.5, -2.0, 2], [3.0, 0, 2], [0.5, 2, 2]]], dtype=dtype)  # 0.5 away
    faint = rasterize(far, size=1, conorm="sum", sigma=0.01, dist_eps=0.0)
    wanted = torch.sigmoid(torch.tensor(-25.0, dtype=F64)).item()  # 1.4e-11
    assert faint.item() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.skipif(backends()["triton"] != "ok", reason=backends()["triton"])
@pytest.mark.parametrize("way", [{"conorm": "sum"}, {"aggregate": "hard"}])
def test_triton_draws_both_too(scene: Scene, way):
    triangles, colors = scene(6, faces=3)
    options = {"size": (3, 4), "sigma": 0.05, "gamma": 0.1, **way}
    device = "cuda" if torch.cuda.is_available() else "cpu"
    results = []
    for rung, place in (("broadcast", "cpu"), ("triton", device)):
        leaves = [x.to(place).detach().requires_grad_() for x in (triangles, colors)]
        image = rasterize(*leaves, backend=rung, **options)
        grads = torch.autograd.grad(image.square().sum(), leaves)
        results.append([x.cpu() for x in (image, *grads)])
    for found, wanted in zip(*results, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=1e-10)


def test_sum_of_nothing_is_nothing_and_bad_divisors_are_refused():
    nothing = torch.zeros(2, 0, 3, 3)
    assert rasterize(nothing, size=(2, 3), conorm="sum").abs().sum() == 0
    for bad in (0, -1.0, float("inf"), "F"):
        with pytest.raises(ValueError, match=r"^p: got"):
            rasterize(torch.ones(1, 3, 3), size=2, conorm="sum", p=bad)


def test_render_divides_by_the_faces_of_each_mesh_also_where_some_are_cut():
    small, big = cube(), icosphere(2)
    camera = Camera.orbit(3.0, 20.0, [10.0, 80.0])
    image = render([small, big], camera, size=9, sigma=1e-3, conorm="sum", depth=True)
    for b, mesh in enumerate((small, big)):
        triangles = screen_triangles(mesh.verts, mesh.faces, camera[b])[0]
        wanted = mean_of_d(triangles, size=9, sigma=1e-3)
        torch.testing.assert_close(image[b, ..., -1], wanted, rtol=1e-4, atol=1e-7)
    # The floor reaches behind the eye; cut, it is more triangles, but still two faces.
    floor = torch.tensor([[-9.0, -1, -9], [9, -1, -9], [9, -1, 9], [-9, -1, 9]])
    room = Mesh(floor, torch.tensor([[0, 2, 1], [0, 3, 2]]))
    image = render(room, Camera.orbit(1.5, 5.0, 20.0), size=9, conorm="sum", sigma=1e-6, near=0.1)
    assert image[0, -1, :, -1].max().item() == pytest.approx(0.5, abs=1e-4)  # one of two


# ---------------------------------------------------------------- aggregate="hard"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", KINDS)
def test_hard_colours_are_the_z_buffers_and_alpha_is_soft(kind, seed):
    triangles, colors, o = random_case(kind, seed)
    options = {"size": (o.height, o.width), "cull_backfaces": o.cull_backfaces}
    back = {} if colors is None else {"background": torch.rand(colors.shape[-1], dtype=F64)}
    soft = rasterize(triangles, colors, sigma=o.sigma, gamma=o.gamma, **back, **options)
    for rung in RUNGS[1:]:
        image = rasterize(
            triangles, colors, sigma=o.sigma, gamma=o.gamma, aggregate="hard", backend=rung,
            **back, **options,
        )  # fmt: skip
        torch.testing.assert_close(image[..., -1], soft[..., -1], rtol=0, atol=1e-10)
        hard = rasterize_hard(triangles, colors, **back, **options)
        assert torch.equal(image[..., :-1], hard[..., :-1])


@pytest.mark.parametrize("perspective_correct", [False, True])
def test_hard_colours_are_the_limit_of_a_small_gamma_and_sigma(scene: Scene, perspective_correct):
    triangles, colors = scene(8, faces=7)
    options = {"size": (9, 11), "perspective_correct": perspective_correct}
    image = rasterize(triangles, colors, aggregate="hard", sigma=1e-2, **options)
    limit = rasterize(triangles, colors, sigma=1e-9, gamma=1e-6, **options)
    torch.testing.assert_close(image[..., :-1], limit[..., :-1], rtol=0, atol=1e-6)
    alpha = rasterize(triangles, sigma=1e-2, size=(9, 11))
    torch.testing.assert_close(image[..., -1:], alpha, rtol=0, atol=1e-12)
    assert ((image[..., -1] > 0.05) & (image[..., -1] < 0.95)).any()


def test_hard_colours_take_gradients_as_both_passes_do(scene: Scene):
    triangles, colors = scene(9, faces=4)
    options = {"size": (5, 6), "sigma": 0.05, "dist_eps": 0.0}
    cotangent = torch.randn(5, 6, 4, generator=torch.Generator().manual_seed(0), dtype=F64)
    triangles.requires_grad_()
    colors.requires_grad_()
    image = rasterize(triangles, colors, aggregate="hard", **options)
    found = torch.autograd.grad(image, (triangles, colors), cotangent)
    parts = [
        rasterize_hard(triangles, colors, size=(5, 6))[..., :-1],
        rasterize(triangles, **options),
    ]
    wanted = torch.autograd.grad(torch.cat(parts, dim=-1), (triangles, colors), cotangent)
    for grad, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(grad, other, rtol=1e-12, atol=1e-12)
    assert found[1].abs().sum() > 0


def test_an_unknown_aggregate_is_refused():
    with pytest.raises(ValueError, match=r"^aggregate: got 'max', wanted one of 'softmax', 'hard'"):
        rasterize(torch.ones(1, 3, 3), size=2, aggregate="max")


def test_hard_colours_refuse_colours_that_are_no_numbers(scene: Scene):
    triangles, colors = scene(9, faces=2)
    colors[0, 0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"^colors: got NaN"):
        rasterize(triangles, colors, size=3, aggregate="hard")


# ---------------------------------------------------------------- normals, antialias


def mixed_normals(mesh: Mesh, camera: Camera, size: Any, **options: Any) -> Tensor:
    """The normals drawn as colours by `broadcast`, (H, W, 3)."""
    a, b, c = mesh.verts[mesh.faces].unbind(1)
    normals = torch.linalg.cross(b - a, c - a)
    normals = normals / normals.norm(dim=-1, keepdim=True)
    triangles = screen_triangles(mesh.verts, mesh.faces, camera)[0]
    corners = normals[:, None].expand(-1, 3, 3)
    return rasterize(triangles, corners, size=size, backend="broadcast", **options)[..., :-1]


def double(mesh: Mesh) -> Mesh:
    return Mesh(mesh.verts.double(), mesh.faces)


@pytest.mark.parametrize("orthographic", [None, 1.4])
def test_soft_normals_are_mixed_as_colours_are(orthographic):
    meshes = [double(cube()), double(icosphere(1))]
    camera = Camera.orbit(3.0, 20.0, [10.0, 80.0], orthographic=orthographic)
    options = {"sigma": 1e-2, "gamma": 1e-2}
    image = render(meshes, camera, size=(7, 9), normals=True, **options)
    both = render(meshes, camera, size=(7, 9), normals=True, depth=True, **options)
    deep = render(meshes, camera, size=(7, 9), depth=True, **options)
    assert image.shape == (2, 7, 9, 7)
    assert both.shape == (2, 7, 9, 8)
    for b, mesh in enumerate(meshes):
        wanted = mixed_normals(mesh, camera[b], (7, 9), **options)
        torch.testing.assert_close(image[b, ..., 3:6], wanted, rtol=0, atol=1e-9)
    # Colours, depth, normals, alpha: in this order.
    torch.testing.assert_close(both[..., :4], deep[..., :4], rtol=0, atol=1e-12)
    torch.testing.assert_close(both[..., 4:], image[..., 3:], rtol=0, atol=1e-12)


def test_normals_of_the_z_buffer_are_unit_and_those_of_faces_that_are_cut_stay():
    camera = Camera.orbit(3.0, 0.0, 0.0)
    image = render(cube(), camera, size=9, normals=True, depth=True, rasterizer=rasterize_hard)
    depth = 3 - cube().verts.max().item()
    assert image[0, 4, 4].tolist() == pytest.approx([1, 1, 1, depth, 0, 0, 1, 1])
    assert image[0, 0, 0, 4:].tolist() == [0, 0, 0, 0]
    floor = torch.tensor([[-9.0, -1, -9], [9, -1, -9], [9, -1, 9], [-9, -1, 9]])
    room = Mesh(floor, torch.tensor([[0, 2, 1], [0, 3, 2]]))
    for rasterizer in (rasterize, rasterize_hard):
        image = render(
            room, Camera.orbit(1.5, 5.0, 20.0), size=9, near=0.1, normals=True,
            rasterizer=rasterizer,
        )  # fmt: skip
        assert image[0, -1, 4, 3:6].tolist() == pytest.approx([0, 1, 0], abs=1e-3)


@pytest.mark.parametrize("shading", ["flat", "per_pixel"])
def test_how_colours_are_interpolated_changes_neither_depth_nor_light(shading):
    camera, lights = Camera.orbit(2.0, 20.0, 30.0), Lights()
    options = {"size": 9, "rasterizer": rasterize_hard, "depth": True, "lights": lights}
    images = [
        render(cube(), camera, shading=shading, perspective_correct=correct, **options)
        for correct in (False, True)
    ]
    torch.testing.assert_close(*images)  # of a white cube
    assert images[0][..., 3].min() < 2


@pytest.mark.parametrize("rasterizer", [rasterize, rasterize_hard])
@pytest.mark.parametrize("times", [1, 2, 3])
def test_antialias_is_the_mean_of_blocks_of_a_larger_picture(rasterizer, times):
    mesh, camera = icosphere(1), Camera.orbit(3.0, 20.0, [10.0, 80.0])
    back = torch.rand(5, 8, 3, generator=torch.Generator().manual_seed(0))
    options = {"lights": Lights(), "rasterizer": rasterizer, "depth": True}
    image = render(mesh, camera, size=(5, 8), antialias=times, background=back, **options)
    large = back.repeat_interleave(times, 0).repeat_interleave(times, 1)
    drawn = render(mesh, camera, size=(5 * times, 8 * times), background=large, **options)
    for i in range(5):
        for j in range(8):
            block = drawn[:, i * times : (i + 1) * times, j * times : (j + 1) * times]
            torch.testing.assert_close(image[:, i, j], block.mean((1, 2)), rtol=1e-5, atol=1e-6)
    if times > 1 and rasterizer is rasterize_hard:
        assert ((image[..., -1] > 0) & (image[..., -1] < 1)).any()  # steps of 1 / times^2


@pytest.mark.parametrize(
    "background",
    [0.25, [0.1, 0.2, 0.3], torch.tensor([0.1, 0.2, 0.3]), torch.rand(1, 8, 3), torch.rand(5, 1, 1),
     torch.rand(2, 5, 8, 3), torch.rand(8, 3)],
)  # fmt: skip
def test_antialias_keeps_a_background_of_any_shape(background):
    nothing = Mesh(torch.zeros(1, 3), torch.zeros(0, 3, dtype=torch.int64))
    camera = Camera.orbit(3.0, 20.0, [10.0, 80.0])
    image = render(nothing, camera, size=(5, 8), antialias=2, background=background)
    plain = render(nothing, camera, size=(5, 8), background=background)
    torch.testing.assert_close(image, plain)


def test_antialias_has_the_gradient_of_a_mean():
    mesh, camera = double(cube()), Camera.orbit(3.0, 20.0, 10.0)
    verts = mesh.verts.clone().requires_grad_()

    def drawn(v: Tensor, **options: Any) -> Tensor:
        return render(Mesh(v, mesh.faces), camera, sigma=1e-2, **options)

    (found,) = torch.autograd.grad(drawn(verts, size=4, antialias=2)[..., 3].sum(), verts)
    (wanted,) = torch.autograd.grad(drawn(verts, size=8)[..., 3].sum() / 4, verts)
    torch.testing.assert_close(found, wanted, rtol=1e-10, atol=1e-12)
    for bad in (0, -2, 1.5, "2"):
        with pytest.raises(ValueError, match=r"^antialias: got"):
            drawn(verts, size=4, antialias=bad)
