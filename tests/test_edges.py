"""`broadcast` at the edges of its contract.

What is left out, which way is up, dtypes, and the numbers that float32 can still bear.
"""

from __future__ import annotations

import pytest
import torch
from plain import RIGHT, draw, facing

from softras_edu import rasterize, rasterize_hard

# ---------------------------------------------------------------- what is left out


@pytest.mark.parametrize("z", [0.5, 100.5])
def test_a_face_outside_near_and_far_is_out_of_colour_and_of_alpha(z):
    colors = torch.ones(1, 3, 2, dtype=torch.float64)
    image = draw(facing(z), colors, size=3, background=0.25, sigma=1.0)
    assert image.tolist() == [[[0.25, 0.25, 0.0]] * 3] * 3
    assert (draw(facing(2.0), colors, size=3, background=0.25, sigma=1.0)[..., -1] > 0.99).all()


def test_near_and_far_cut_a_sloped_face_pixel_by_pixel():
    # Depth along x: 1/z is affine, z = 2 at x = -1 and z = 4 at x = 1, whatever y.
    def depth(x: float) -> float:
        return 1 / ((1 - x) / 4 + (1 + x) / 8)

    triangle = [[x, y, depth(x)] for x, y in ((-1.0, -9.0), (1.0, 0.0), (-1.0, 9.0))]
    image = draw(
        torch.tensor([triangle], dtype=torch.float64), size=(1, 9), sigma=1e-9, near=2.5, far=3.5
    )
    assert image.shape == (1, 9, 1)
    # H = 1: centres are 2 apart, so only the one at 0 falls between the edges; z is 2.667 there.
    assert image[0, :, 0].tolist() == pytest.approx([0, 0, 0, 0, 1, 0, 0, 0, 0], abs=1e-12)
    fine = draw(
        torch.tensor([triangle], dtype=torch.float64), size=16, sigma=1e-9, near=2.5, far=3.5
    )[8, :, 0]
    expected = [1.0 if 2.5 < depth((2 * j - 15) / 16) < 3.5 else 0.0 for j in range(16)]
    assert 3 < sum(expected) < 13
    assert fine.tolist() == pytest.approx(expected, abs=1e-12)


def test_cull_backfaces_leaves_out_clockwise_triangles_only():
    counter_clockwise = draw(RIGHT, size=8)
    clockwise = RIGHT.flip(1)
    torch.testing.assert_close(
        draw(RIGHT, size=8, cull_backfaces=True), counter_clockwise, rtol=0, atol=0
    )
    torch.testing.assert_close(draw(clockwise, size=8), counter_clockwise, rtol=0, atol=1e-15)
    assert (draw(clockwise, size=8, cull_backfaces=True) == 0).all()


BAD_TRIANGLES = {
    "no area": [[-0.5, -0.5, 2.0], [0.0, 0.0, 2.0], [0.5, 0.5, 2.0]],
    "doubled area 1e-13": [[0.0, 0.0, 2.0], [1e-6, 0.0, 2.0], [0.0, 1e-7, 2.0]],
    "two corners coincide": [[-0.5, -0.5, 2.0], [-0.5, -0.5, 2.0], [0.5, 0.5, 2.0]],
    "three corners coincide": [[0.1, 0.1, 2.0]] * 3,
    "coincide right on a pixel centre": [[0.125, 0.125, 2.0]] * 3,
    "corner on the eye's plane": [[-0.5, -0.5, 2.0], [0.5, -0.5, 0.0], [0.0, 0.5, 2.0]],
    "corner behind the eye": [[-0.5, -0.5, 2.0], [0.5, -0.5, -1.0], [0.0, 0.5, 2.0]],
    "all behind the eye": [[-0.5, -0.5, -2.0], [0.5, -0.5, -2.0], [0.0, 0.5, -2.0]],
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("name", BAD_TRIANGLES)
def test_a_triangle_that_cannot_be_drawn_is_left_out_with_zero_gradient(name, distance, dtype):
    good = RIGHT.to(dtype)
    both = torch.cat([good, torch.tensor([BAD_TRIANGLES[name]], dtype=dtype)]).requires_grad_()
    colors = torch.rand(
        2, 3, 3, generator=torch.Generator().manual_seed(0), dtype=dtype
    ).requires_grad_()
    options = {"size": 8, "sigma": 0.05, "gamma": 0.05, "distance": distance}
    image = draw(both, colors, **options)
    torch.testing.assert_close(
        image,
        draw(good, colors[:1], **options),
        rtol=0,
        atol=1e-6 if dtype == torch.float32 else 1e-14,
    )
    grads = torch.autograd.grad(image.square().sum(), (both, colors))
    for grad in grads:
        assert grad.isfinite().all()
        assert (grad[1] == 0).all()
        assert (grad[0] != 0).any()


def test_a_doubled_area_just_above_the_limit_is_drawn():
    triangle = torch.tensor(
        [[[0.0, 0.0, 2.0], [1e-6, 0.0, 2.0], [0.0, 2e-6, 2.0]]], dtype=torch.float64
    )
    assert draw(triangle, size=1, sigma=0.1).item() == pytest.approx(0.5, abs=1e-9)


@pytest.mark.parametrize("backend", ["broadcast", "loops"])
def test_no_faces_gives_the_background_and_alpha_0(backend):
    none = torch.zeros(0, 3, 3, dtype=torch.float64)
    background = torch.tensor([0.2, 0.4], dtype=torch.float64)
    image = rasterize(
        none,
        torch.zeros(0, 3, 2, dtype=torch.float64),
        size=(2, 3),
        background=background,
        backend=backend,
    )
    assert image.tolist() == [[[0.2, 0.4, 0.0]] * 3] * 2
    assert rasterize(none, size=(2, 3), backend=backend).tolist() == [[[0.0]] * 3] * 2
    assert rasterize(none[None].expand(2, 0, 3, 3), size=(2, 3), backend=backend).shape == (
        2,
        2,
        3,
        1,
    )


# ---------------------------------------------------------------- orientation


LETTER = (
    "...........",
    "...####....",
    "...#.......",
    "...###.....",
    "...#.......",
    "...#.......",
    "...........",
)  # fmt: skip


def test_an_f_is_drawn_upright_and_not_mirrored_on_a_picture_that_is_not_square():
    height, width = len(LETTER), len(LETTER[0])
    triangles = []
    for i, line in enumerate(LETTER):
        for j, mark in enumerate(line):
            if mark == "#":
                # The square of pixel (i, j): y goes down by 2/H a row from 1, x up by 2/H a column
                # from -W/H.
                left, right = (2 * j - width) / height, (2 * j + 2 - width) / height
                top, bottom = 1 - 2 * i / height, 1 - (2 * i + 2) / height
                a, b = [left, bottom, 2.0], [right, bottom, 2.0]
                c, d = [right, top, 2.0], [left, top, 2.0]
                triangles += [[a, b, c], [a, c, d]]
    tensor = torch.tensor(triangles, dtype=torch.float64)
    alpha = draw(tensor, size=(height, width), sigma=1e-4)[..., 0]
    assert ["".join("#" if a > 0.5 else "." for a in row) for row in alpha.tolist()] == list(LETTER)
    hard = rasterize_hard(tensor, size=(height, width))[..., 0]
    assert ["".join("#" if a > 0.5 else "." for a in row) for row in hard.tolist()] == list(LETTER)


# ---------------------------------------------------------------- dtypes, shapes, numbers


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_dtype_is_kept_and_unbatched_in_is_unbatched_out(scene, dtype):
    triangles, colors = scene(6, faces=3, channels=5, batch=2, dtype=dtype)
    batched = draw(triangles, colors, size=(4, 6), sigma=0.02, gamma=0.01)
    assert batched.shape == (2, 4, 6, 6)
    assert batched.dtype == dtype
    for b in range(2):
        single = draw(triangles[b], colors[b], size=(4, 6), sigma=0.02, gamma=0.01)
        assert single.shape == (4, 6, 6)
        torch.testing.assert_close(
            single, batched[b], rtol=0, atol=1e-6 if dtype == torch.float32 else 1e-14
        )
    assert draw(triangles, size=5).shape == (2, 5, 5, 1)
    torch.testing.assert_close(
        draw(triangles, size=(4, 6), sigma=0.02), batched[..., -1:], rtol=0, atol=0
    )  # silhouette alone: the same alpha


def test_float32_agrees_with_float64_to_1e_4(scene):
    triangles, colors = scene(7, faces=8, dtype=torch.float32)
    images = []
    for dtype in (torch.float32, torch.float64):
        t, c = triangles.to(dtype).requires_grad_(), colors.to(dtype).requires_grad_()
        image = draw(t, c, size=12, sigma=1e-2, gamma=1e-2)
        images.append(
            [x.double() for x in (image, *torch.autograd.grad(image.square().sum(), (t, c)))]
        )
    for single, double in zip(*images, strict=True):
        assert (single - double).norm() < 1e-4 * double.norm()


@pytest.mark.parametrize("sigma", [1e-7, 1e-5, 1e-3, 1e-1, 1.0])
@pytest.mark.parametrize("gamma", [1e-7, 1e-5, 1e-3, 1e-1, 1.0])
def test_float32_is_finite_forward_and_backward_for_every_sigma_and_gamma(scene, sigma, gamma):
    triangles, colors = scene(8, faces=10, dtype=torch.float32)
    sliver = torch.tensor(
        [[[-1.0, -0.3, 1.0], [1.0, 0.2, 100.0], [0.5, 0.075001, 3.0]]]
    )  # thin, and from near to far
    pinned = torch.tensor(
        [[[0.0, 0.0, 2.0], [0.25, 0.25, 2.0], [-0.25, 0.25, 2.0]]]
    )  # corners and an edge right on pixel centres
    t = torch.cat([triangles, sliver, pinned, pinned.flip(1)]).requires_grad_()
    c = torch.cat([colors, torch.ones(3, 3, 3)]).requires_grad_()
    for options in (
        {},
        {"distance": "barycentric"},
        {"perspective_correct": True},
        {"dist_eps": 1e-4},
    ):
        image = draw(t, c, size=(8, 9), sigma=sigma, gamma=gamma, **options)
        assert image.isfinite().all()
        for grad in torch.autograd.grad(image.square().sum(), (t, c)):
            assert grad.isfinite().all()


@pytest.mark.parametrize("backend", ["broadcast", "loops"])
def test_float32_is_finite_where_rounding_swallows_a_slivers_weights(backend):
    # Slivers about 1e-3 long and 1e-9 thin, far from the one pixel at the origin: in float32 all
    # three barycentric weights are <= 0.
    xy = torch.tensor(
        [
            [
                [0.7530538439750671, -0.6488714218139648],
                [0.7534357309341431, -0.649200439453125],
                [0.7534489035606384, -0.6492117643356323],
            ],
            [
                [0.6031350493431091, 0.9054195880889893],
                [0.603042721748352, 0.9052809476852417],
                [0.6030726432800293, 0.9053258895874023],
            ],
        ]
    )
    for a, b in (
        (1, 2),
        (2, 0),
        (0, 1),
    ):  # the scene has the case: no doubled area is too small, and the three turns oppose it
        turn = xy[:, a, 0] * xy[:, b, 1] - xy[:, a, 1] * xy[:, b, 0]
        area = (xy[:, 1, 0] - xy[:, 0, 0]) * (xy[:, 2, 1] - xy[:, 0, 1]) - (
            xy[:, 1, 1] - xy[:, 0, 1]
        ) * (xy[:, 2, 0] - xy[:, 0, 0])
        assert (area.abs() >= 1e-12).all()
        assert (turn / area <= 0).all()
    t = torch.cat([xy, torch.full((2, 3, 1), 2.0)], dim=-1).requires_grad_()
    c = torch.ones_like(t).requires_grad_()
    image = rasterize(t, c, size=1, sigma=0.5, gamma=1e-2, backend=backend)
    assert image.isfinite().all()
    assert image[..., -1].item() > 0.1  # drawn, not dropped
    for grad in torch.autograd.grad(image.sum(), (t, c)):
        assert grad.isfinite().all()


def test_the_same_call_gives_the_same_bits_on_one_thread_and_on_two(scene):
    triangles, colors = scene(9, faces=40)
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 2):
            torch.set_num_threads(count)
            t, c = triangles.clone().requires_grad_(), colors.clone().requires_grad_()
            image = draw(t, c, size=48, sigma=1e-3, gamma=1e-2)
            results.append((image.detach(), *torch.autograd.grad(image.square().sum(), (t, c))))
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert torch.equal(a, b)
