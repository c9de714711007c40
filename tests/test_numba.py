"""What is particular to the numba backend.

The same bits on any number of threads, one compiled kernel for all options, boxes that lose no
pair, its own exp, log and log1p. Random scenes of every ugly kind are in `test_ugly_scenes.py`.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor
from ugly import (
    backdrop,
    check,
    image_and_gradients,
    off_screen,
    options,
    random_case,
    soup,
    tiny,
    undrawable,
)

from softras_edu import Camera, icosphere, screen_triangles
from softras_edu.rasterizers import numba_cpu
from softras_edu.rasterizers.broadcast import rasterize_broadcast
from softras_edu.rasterizers.numba_cpu import boxes as numba_boxes
from softras_edu.rasterizers.numba_cpu import kernels as numba_kernels
from softras_edu.rasterizers.numba_cpu import numbers as numba_numbers
from softras_edu.rasterizers.numba_cpu import rasterize_numba, sheets, tasks

pytestmark = pytest.mark.skipif(numba_cpu.why_not() is not None, reason=str(numba_cpu.why_not()))
KERNELS = (
    numba_boxes.all_finite,
    numba_boxes.reach_boxes,
    numba_kernels.forward_rows,
    numba_kernels.backward_pixels,
    numba_kernels.backward_faces,
)


# ---------------------------------------------------------------- the series for exp, log, log1p


def test_exp_and_log1p_are_good_to_the_last_bits():
    generator = torch.Generator().manual_seed(0)
    for scale in (1e-12, 1e-3, 1.0, 30.0, 200.0):
        x = (-scale * torch.rand(2000, generator=generator, dtype=torch.float64)).clamp_min(-700.0)
        got = torch.tensor([numba_numbers.exp(v) for v in x.tolist()], dtype=torch.float64)
        torch.testing.assert_close(got, x.exp(), rtol=4 * 2**-52, atol=0)
        got = torch.tensor([numba_numbers.expm1(v) for v in x.tolist()], dtype=torch.float64)
        torch.testing.assert_close(got, x.expm1(), rtol=4 * 2**-52, atol=0)
        got = torch.tensor([numba_numbers.log1p(v) for v in x.exp().tolist()], dtype=torch.float64)
        torch.testing.assert_close(got, x.exp().log1p(), rtol=4 * 2**-52, atol=0)


def test_log_is_good_to_the_last_bits():
    generator = torch.Generator().manual_seed(0)
    for scale in (1e-12, 1e-3, 1.0, 30.0, 200.0):
        x = (
            0.5
            * (-scale * torch.rand(2000, generator=generator, dtype=torch.float64))
            .clamp_min(-689.0)
            .exp()
        )
        got = torch.tensor([numba_numbers.log(v) for v in x.tolist()], dtype=torch.float64)
        torch.testing.assert_close(got, x.log(), rtol=2 * 2**-52, atol=0)
    assert [numba_numbers.log(x) for x in (0.5, 0.25, 0.0)] == [
        math.log(0.5),
        math.log(0.25),
        -math.inf,
    ]


def test_exp_and_log1p_at_their_ends():
    assert [numba_numbers.exp(x) for x in (0.0, -0.0, -5e-324)] == [1.0, 1.0, 1.0]
    assert numba_numbers.exp(-700.0) == pytest.approx(math.exp(-700.0), rel=1e-15)
    assert [numba_numbers.exp(x) for x in (-700.1, -1e300, -math.inf)] == [0.0, 0.0, 0.0]
    assert [numba_numbers.expm1(x) for x in (0.0, -1e-300, -2e-17, -1e300, -math.inf)] == [
        0.0,
        -1e-300,
        -2e-17,
        -1.0,
        -1.0,
    ]
    assert [numba_numbers.log1p(e) for e in (0.0, 1e-300, 2**-60, 1.0)] == [
        0.0,
        1e-300,
        2**-60,
        math.log(2),
    ]


# ---------------------------------------------------------------- where the slope jumps


@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
def test_pixels_right_on_edges_corners_and_the_medial_axis(distance):
    # Centres of 8 x 8 pixels are odd multiples of 1/8: here are triangles with corners, edges and
    # mirror axes on them. The image is continuous there. Its slope is not, and each backend may
    # take its own side; what both take must be finite.
    corners = torch.tensor(
        [
            [[-5, -5, 2], [3, -5, 3], [-5, 3, 4]],
            [[1, 7, 2], [-3, -1, 2], [5, -1, 2]],
            [[-1, -1, 2], [7, -1, 5], [7, 7, 3]],
        ]
    )
    triangles = corners[None] / torch.tensor([8.0, 8.0, 1.0], dtype=torch.float64)
    colors = torch.rand(1, 3, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for sigma in (1e-7, 1e-3, 1e-1):
        o = options((8, 8), sigma=sigma, distance=distance)
        result = image_and_gradients(
            rasterize_numba, triangles, colors, backdrop(triangles, 2, o), o
        )
        wanted = rasterize_broadcast(triangles, colors, backdrop(triangles, 2, o), o)
        torch.testing.assert_close(result[0], wanted, rtol=0, atol=1e-12)
        assert all(x.isfinite().all() for x in result)


# ---------------------------------------------------------------- the reach box


@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("dist_eps", [1e-12, 1e-4, 0.1, 0.49])
def test_the_box_loses_no_pair(distance, dist_eps):
    generator = torch.Generator().manual_seed(3)
    seen = 0
    for sigma in (1e-6, 1e-4, 1e-2, 1.0):
        for make in (soup, tiny, off_screen):
            # 20 pictures of one face each, so that no face hides the lack of another
            triangles = make(generator, 20)[:, None]
            o = options((21, 34), sigma=sigma, dist_eps=dist_eps, distance=distance)
            alpha = rasterize_numba(triangles, None, backdrop(triangles, 0, o), o)
            wanted = rasterize_broadcast(triangles, None, backdrop(triangles, 0, o), o)
            assert torch.equal(alpha > 0, wanted > 0)
            seen += int((wanted > 0).sum())
    assert seen > 1000


def test_a_pixel_right_at_the_reach_is_in_the_box():
    # The pixels of column 6, at x = 0.3, lie on the face's edge: D = 1/2, dist_eps almost that.
    triangle = torch.tensor(
        [[[[-0.5, -9.0, 2.0], [0.3, -9.0, 2.0], [0.3, 9.0, 2.0]]]], dtype=torch.float64
    )
    o = options((10, 10), sigma=1e-9, dist_eps=0.5 - 1e-12)
    alpha = rasterize_numba(triangle, None, backdrop(triangle, 0, o), o)
    assert torch.equal(alpha, rasterize_broadcast(triangle, None, backdrop(triangle, 0, o), o))
    assert (alpha[0, :, 6] == 0.5).all()
    assert (alpha[0, :, 7:] == 0).all()


@pytest.mark.parametrize("columns", range(numba_cpu.GROUP + 1))
def test_a_pixel_just_within_the_reach_is_in_the_box(columns):
    # Column 26, at x = 0.3, is nearer than the reach by a ten-millionth. It may begin a group.
    o = options((10, 50), sigma=0.01, dist_eps=1e-4)
    edge = 0.3 - o.reach * (1 - 1e-7)
    left = edge - 0.5 - 0.2 * columns  # a column is 0.2 wide
    corners = [[left, -9.0, 2.0], [edge, -9.0, 2.0], [edge, 9.0, 2.0], [left, 9.0, 2.0]]
    triangles = torch.tensor([[corners[:3], [corners[0], *corners[2:]]]], dtype=torch.float64)
    alpha = rasterize_numba(triangles, None, backdrop(triangles, 0, o), o)
    wanted = rasterize_broadcast(triangles, None, backdrop(triangles, 0, o), o)
    torch.testing.assert_close(alpha, wanted, rtol=1e-9, atol=0)
    assert ((wanted[0, :, 26] > 1e-4) & (wanted[0, :, 26] < 1.0001e-4)).all()
    assert (wanted[0, :, 27:] == 0).all()


# ---------------------------------------------------------------- threads


def ball(level: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    mesh = icosphere(level)
    triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.5, 25, 30))
    return triangles.to(dtype), (0.5 + 0.5 * mesh.verts)[mesh.faces][None].to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("channels", [0, 3])
def test_the_same_bits_on_any_number_of_threads(monkeypatch, dtype, channels):
    monkeypatch.setattr(tasks, "LEAST_RUN", 2000)
    triangles, colors = ball(2, dtype)
    other = triangles.flip(1) * torch.tensor([0.7, 0.9, 1.1], dtype=dtype)
    triangles = torch.cat([triangles, other])  # two different pictures
    colors = colors.expand(2, -1, -1, -1) if channels else None
    o = options((61, 47), sigma=1e-3, dist_eps=1e-4)
    background = backdrop(triangles, channels, o)
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 3, 7, 2):
            torch.set_num_threads(count)
            results.append(image_and_gradients(rasterize_numba, triangles, colors, background, o))
            box = torch.empty(triangles.shape[0] * triangles.shape[1], 4, dtype=torch.int64).numpy()
            numba_boxes.reach_boxes(
                0, len(box), triangles.reshape(-1, 3, 3).numpy(), box, numba_cpu.dials(o)
            )
            cuts = numba_cpu.cut(numba_cpu.face_costs(box))
            assert (len(cuts) > 2) == (count > 1), "large enough to be shared out"
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert torch.equal(a, b)


@pytest.mark.parametrize("channels", [0, 3])
def test_a_face_with_most_of_the_pixels_is_shared_out_by_rows(monkeypatch, channels):
    generator = torch.Generator().manual_seed(3)
    wall = torch.tensor([[[-9.0, -7, 3], [9, -8, 4], [0.3, 11, 5]]], dtype=torch.float64)
    small, most = tiny(generator, 4), torch.cat([wall, tiny(generator, 3)])
    triangles = torch.stack([small, most])  # of two pictures the second has the wall
    colors = torch.rand(2, 4, 3, channels, generator=generator, dtype=torch.float64)
    given = triangles, (colors if channels else None)
    o, bands = options((171, 213), sigma=1e-3, dist_eps=1e-4), []

    def kernel(start, stop, faces, *rest):
        bands.append(faces.box.copy())
        numba_kernels.backward_faces(start, stop, faces, *rest)

    monkeypatch.setattr(sheets, "backward_faces", kernel)
    for module in (numba_cpu, sheets):
        monkeypatch.setattr(module, "LEAST_RUN", 12000)
    check(rasterize_numba, *given, o)
    rows = sorted((int(box[4, 0]), int(box[4, 1])) for box in bands)
    assert len(rows) == 3, "36,423 pixels, and 12,000 for each band"
    assert [0, *(b for _, b in rows)] == [*(a for a, _ in rows), 171], "each row once"
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            back = backdrop(triangles, channels, o)
            results.append(image_and_gradients(rasterize_numba, *given, back, o))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert torch.equal(a, b)


def test_rows_and_faces_are_cut_into_runs_that_cover_all_once():
    triangles, _ = ball(2)
    o = options((61, 47), sigma=1e-3, dist_eps=1e-4)
    box = torch.empty(triangles.shape[1], 4, dtype=torch.int64).numpy()
    numba_boxes.reach_boxes(
        0, len(box), triangles.reshape(-1, 3, 3).numpy(), box, numba_cpu.dials(o)
    )
    rows = tasks.row_costs(box, 1, 61)
    wanted = [
        1 + sum(int(right - left) for top, bottom, left, right in box if top <= i < bottom)
        for i in range(61)
    ]
    assert rows.tolist() == wanted
    for costs in (rows, numba_cpu.face_costs(box)):
        cuts = numba_cpu.cut(costs)
        assert cuts[0] == 0
        assert cuts[-1] == len(costs)
        assert cuts == sorted(set(cuts))


def test_calls_from_several_threads_at_once():
    triangles, colors = ball(2)
    o = options((40, 40), sigma=1e-3, dist_eps=1e-4)
    background = backdrop(triangles, 3, o)
    wanted = image_and_gradients(rasterize_numba, triangles, colors, background, o)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(
            lambda _: image_and_gradients(rasterize_numba, triangles, colors, background, o),
            range(24),
        ):
            for a, b in zip(wanted, result, strict=True):
                assert torch.equal(a, b)


# ---------------------------------------------------------------- what goes in, what comes out


def test_inputs_need_not_be_contiguous():
    generator = torch.Generator().manual_seed(5)
    o = options((6, 9))
    flat = (
        torch.stack([soup(generator, 4), soup(generator, 4)]),
        torch.rand(2, 4, 3, 3, generator=generator, dtype=torch.float64),
    )
    strided = [x.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0) for x in flat]
    background = (
        torch.rand(3, 9, 6, generator=generator, dtype=torch.float64)
        .permute(2, 1, 0)
        .expand(2, 6, 9, 3)
    )
    assert not any(x.is_contiguous() for x in (*strided, background))
    one_color = torch.rand(3, generator=generator, dtype=torch.float64)
    for got, wanted in zip(
        check(rasterize_numba, *strided, o, background=background),
        check(rasterize_numba, *flat, o, background=background.contiguous()),
        strict=True,
    ):
        assert torch.equal(got, wanted)
    check(
        rasterize_numba,
        flat[0],
        one_color.expand(2, 4, 3, 3),
        o,
        background=one_color.expand(2, 6, 9, 3),
    )
    leaf = flat[0].clone().requires_grad_()
    rasterize_numba(
        leaf, flat[1], background, o
    ).sum().backward()  # the cotangent of a sum has strides of 0
    expected = flat[0].clone().requires_grad_()
    rasterize_broadcast(expected, flat[1], background, o).sum().backward()
    torch.testing.assert_close(leaf.grad, expected.grad, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_silhouette_is_the_alpha_of_the_colour_picture(dtype):
    triangles, colors = ball(2, dtype)
    for changes in (
        {},
        {"dist_eps": 1e-4, "sigma": 1e-4},
        {"distance": "barycentric"},
        {"cull_backfaces": True},
    ):
        o = options((20, 21), **changes)
        with_color = rasterize_numba(triangles, colors, backdrop(triangles, 3, o), o)
        assert torch.equal(
            rasterize_numba(triangles, None, backdrop(triangles, 0, o), o), with_color[..., -1:]
        )


def test_an_empty_pixel_has_alpha_0_and_not_minus_0():
    triangles = off_screen(torch.Generator().manual_seed(0), 1)[None]
    o = options((3, 3), sigma=1e-7, dist_eps=1e-4)
    alpha = rasterize_numba(triangles, None, backdrop(triangles, 0, o), o)
    assert (alpha == 0).all()
    assert not alpha.signbit().any()


def test_only_the_gradients_that_are_wanted_and_the_same_bits():
    triangles, colors, o = *ball(1), options((12, 12), dist_eps=1e-4)
    inputs = [triangles, colors, backdrop(triangles, 3, o)]
    wanted = image_and_gradients(rasterize_numba, *inputs, o)[1:]
    for needs in ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1)):
        leaves = [
            x.detach().clone().requires_grad_(bool(need))
            for x, need in zip(inputs, needs, strict=True)
        ]
        image = rasterize_numba(*leaves, o)
        image.backward(
            torch.randn(
                image.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64
            )
        )
        for leaf, grad, need in zip(leaves, wanted, needs, strict=True):
            assert torch.equal(leaf.grad, grad) if need else leaf.grad is None
    assert not rasterize_numba(*inputs, o).requires_grad


def test_the_image_may_be_changed_in_place_before_the_backward_pass():
    triangles, colors, o = *ball(1), options((12, 12))
    grads = []
    for change in (False, True):
        leaf = triangles.clone().requires_grad_()
        image = rasterize_numba(leaf, colors, backdrop(triangles, 3, o), o)
        if change:
            image[..., -1] = 0.5
            image *= 2
        else:
            image = torch.cat([image[..., :-1], torch.full_like(image[..., -1:], 0.5)], dim=-1) * 2
        grads.append(torch.autograd.grad(image.sum(), leaf)[0])
    assert torch.equal(*grads)


def test_a_tensor_elsewhere_is_refused():
    triangles = torch.zeros(1, 2, 3, 3, device="meta")
    with pytest.raises(ValueError, match=r"^backend: 'numba' needs CPU tensors, got meta"):
        rasterize_numba(triangles, None, torch.zeros(1, 3, 3, 0, device="meta"), options((3, 3)))


def test_one_compiled_kernel_a_dtype_serves_every_option():
    numba_cpu.warm()
    for kind in (soup, undrawable):
        # the random cases take every option, one image and two, 0 to 9 faces, None to 4 channels
        for seed in range(30):
            triangles, colors, o = random_case(kind, seed)
            for dtype in (torch.float32, torch.float64):
                check_inputs = triangles.to(dtype), None if colors is None else colors.to(dtype)
                image_and_gradients(
                    rasterize_numba,
                    *check_inputs,
                    backdrop(check_inputs[0], 0 if colors is None else colors.shape[-1], o),
                    o,
                )
    integers = options(
        (3, 3), sigma=1, gamma=1, eps=0, near=1, far=9, dist_eps=0
    )  # ints where floats are usual
    rasterize_numba(torch.rand(1, 1, 3, 3), None, torch.zeros(1, 3, 3, 0), integers)
    assert [len(kernel.signatures) for kernel in KERNELS] == [2] * 5
