"""`broadcast` in float64 is what every other backend is tested against, so here it is tested
against plain mathematics.

Every expected number below is worked out in the test itself, with `math`, from the sentence that
the test's name says.
"""

from __future__ import annotations

import math

import pytest
import torch
from plain import RIGHT, draw, facing, pixel, sigmoid
from torch import Tensor

from softras_edu import rasterize, rasterize_hard

# ---------------------------------------------------------------- the probability map


@pytest.mark.parametrize(
    ("x", "y", "signed_d2"),
    [
        (-0.375, -0.125, 0.125**2),  # inside; the left leg is nearest
        (-0.125, -0.375, 0.125**2),  # inside; the bottom leg is nearest
        (-0.125, -0.125, 0.25**2 / 2),  # inside; |x + y| / sqrt(2) to the hypotenuse
        (-0.125, -0.625, -(0.125**2)),  # below the bottom leg
        (-0.875, 0.125, -(0.375**2)),  # left of the left leg
        (0.125, 0.125, -(0.25**2) / 2),  # across the hypotenuse
        (-0.625, -0.625, -(0.125**2 + 0.125**2)),  # diagonally off the right angle
        # Off a sharp corner: the line of the hypotenuse is much nearer, the segment is not.
        (0.875, -0.625, -(0.375**2 + 0.125**2)),
        (0.875, -0.375, -(0.375**2 + 0.125**2)),  # the same corner, from the hypotenuse's side
        (-0.625, 0.875, -(0.375**2 + 0.125**2)),  # the other sharp corner
    ],
)
@pytest.mark.parametrize("sigma", [0.01, 0.3])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0), (2, 1, 0)])
def test_alpha_of_one_triangle_is_the_sigmoid_of_its_signed_squared_distance(
    x, y, signed_d2, sigma, order
):
    image = draw(RIGHT[:, order], size=8, sigma=sigma)
    assert pixel(image, x, y).item() == pytest.approx(sigmoid(signed_d2 / sigma), rel=1e-12)


@pytest.mark.parametrize(
    ("x", "y", "least"),
    [
        # Barycentric weights are (-x - y, x + 0.5, y + 0.5):
        (-0.375, -0.125, 0.125),  # (0.5, 0.125, 0.375)
        (0.125, 0.125, -0.25),  # (-0.25, 0.625, 0.625)
        (0.625, -0.625, -0.125),  # (0, 1.125, -0.125)
        (0.875, 0.875, -1.75),  # (-1.75, 1.375, 1.375)
    ],
)
def test_barycentric_distance_squares_the_least_weight(x, y, least):
    image = draw(RIGHT, size=8, sigma=0.05, distance="barycentric")
    assert pixel(image, x, y).item() == pytest.approx(
        sigmoid(math.copysign(least**2, least) / 0.05), rel=1e-12
    )


@pytest.mark.parametrize("sigma", [1e-6, 1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("dist_eps", [1e-10, 1e-4, 0.1])
def test_a_triangle_reaches_exactly_sqrt_of_sigma_log_of_one_over_dist_eps_less_one(
    sigma, dist_eps
):
    reach = math.sqrt(sigma * math.log(1 / dist_eps - 1))
    for factor, seen in ((1 - 1e-6, True), (1 + 1e-6, False)):
        edge = reach * factor  # the triangle starts there; the one pixel's centre is the origin
        triangle = torch.tensor(
            [[[edge, -90.0, 2.0], [90.0, 0.0, 2.0], [edge, 90.0, 2.0]]], dtype=torch.float64
        )
        image = draw(
            triangle,
            torch.ones(1, 3, 1, dtype=torch.float64),
            size=1,
            sigma=sigma,
            gamma=1e-4,
            dist_eps=dist_eps,
        ).flatten()
        if seen:
            assert image[1].item() == pytest.approx(dist_eps, rel=1e-3)
            assert image[0].item() == pytest.approx(1.0, abs=1e-12)
        else:
            assert image.tolist() == [0.0, 0.0]  # out of colour and out of alpha, both


def test_rgb_of_a_lone_face_stays_its_colour_out_to_the_cut_off_while_alpha_fades():
    # Trap 4: at the default gamma the softmax over depth leaves the background no say wherever the
    # face is seen at all.
    reach = math.sqrt(1e-4 * math.log(1 / 1e-4 - 1))
    for fraction, alpha in ((0.25, 0.36), (0.50, 0.0909), (0.75, 0.0056), (0.99, 0.00012)):
        edge = fraction * reach
        triangle = torch.tensor(
            [[[edge, -90.0, 2.0], [90.0, 0.0, 2.0], [edge, 90.0, 2.0]]], dtype=torch.float64
        )
        color = torch.tensor([[[0.2, 0.7]] * 3], dtype=torch.float64)
        image = rasterize(triangle, color, size=1, backend="broadcast").flatten()
        assert image[:2].tolist() == pytest.approx([0.2, 0.7], abs=1e-12)
        assert image[2].item() == pytest.approx(alpha, rel=0.02)
        assert image[2].item() == pytest.approx(sigmoid(-(edge**2) / 1e-4), rel=1e-9)


def test_sigma_does_not_depend_on_the_resolution(scene):
    triangles, colors = scene(1, faces=3)
    small = draw(triangles, colors, size=(8, 10), sigma=0.02, gamma=0.01)
    large = draw(triangles, colors, size=(24, 30), sigma=0.02, gamma=0.01)
    # Three fine pixels to a coarse one: the middle one has the same centre.
    torch.testing.assert_close(large[1::3, 1::3], small, rtol=0, atol=1e-12)
    assert (small[..., -1] > 0.1).any()


# ---------------------------------------------------------------- how faces add up


def test_alpha_lies_between_0_and_1(scene):
    for seed, sigma in enumerate((1e-7, 1e-4, 1e-2, 1.0, 100.0)):
        alpha = draw(scene(seed, faces=12)[0], size=9, sigma=sigma)
        assert alpha.min() >= 0
        assert alpha.max() <= 1


def test_alphas_of_two_faces_add_like_independent_chances():
    image = draw(torch.cat([RIGHT, RIGHT.flip(0)]), size=8, sigma=0.05)
    d = sigmoid(-(0.125**2) / 0.05)
    assert pixel(image, -0.125, -0.625).item() == pytest.approx(1 - (1 - d) ** 2, rel=1e-12)


def test_alpha_on_a_shared_inner_edge_is_three_quarters():
    # Trap 8: D is one half on an edge, for both faces, so 1 - 0.5 * 0.5: the grey seams of SoftRas
    # issues 103 and 109.
    a, b, c, d = [-0.5, -0.5, 2.0], [0.5, -0.5, 2.0], [0.5, 0.5, 2.0], [-0.5, 0.5, 2.0]
    image = draw(torch.tensor([[a, b, c], [a, c, d]], dtype=torch.float64), size=8, sigma=1e-5)
    for x in (-0.375, -0.125, 0.125, 0.375):  # pixel centres exactly on the diagonal
        assert pixel(image, x, x).item() == pytest.approx(0.75, abs=1e-12)
    assert pixel(image, 0.375, -0.125).item() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("dz", [0.0, 0.05, 0.2, -0.2])
def test_two_opaque_faces_share_a_pixel_by_exp_of_depth_difference_over_far_less_near_times_gamma(
    dz,
):
    near, far, gamma, eps = 1.0, 21.0, 0.01, 0.3
    # Red and green; a blue background is what remains.
    colors = torch.eye(2, dtype=torch.float64)[:, None].expand(2, 3, 2).contiguous()
    image = draw(
        facing(4.0, 4.0 + dz), colors, size=1, sigma=1e-6, gamma=gamma, near=near, far=far, eps=eps
    ).flatten()
    first, second = (math.exp((far - z) / (far - near) / gamma) for z in (4.0, 4.0 + dz))
    back = math.exp(eps / gamma)
    assert (image[0] / image[1]).item() == pytest.approx(
        math.exp(dz / ((far - near) * gamma)), rel=1e-11
    )
    assert image[:2].tolist() == pytest.approx(
        [first / (first + second + back), second / (first + second + back)], rel=1e-11
    )


def test_colour_weights_are_d_times_exp_of_depth():
    # One face inside, one outside its edge, so that D differs too.
    gamma, sigma = 0.02, 0.05
    triangles = torch.cat([RIGHT, facing(3.0)])
    colors = torch.eye(2, dtype=torch.float64)[:, None].expand(2, 3, 2).contiguous()
    image = draw(triangles, colors, size=8, sigma=sigma, gamma=gamma, near=1.0, far=11.0, eps=0.5)
    d = sigmoid(-(0.125**2) / sigma)
    first, second, back = d * math.exp(0.9 / gamma), math.exp(0.8 / gamma), math.exp(0.5 / gamma)
    total = first + second + back
    assert pixel(image, -0.125, -0.625)[:2].tolist() == pytest.approx(
        [first / total, second / total], rel=1e-10
    )


@pytest.mark.parametrize("z", [99.0, 99.5, 99.9])
@pytest.mark.parametrize("gamma", [1e-3, 3e-3])
def test_background_weighs_exp_eps_over_gamma_and_not_its_square(z, gamma):
    # Trap 1: the official kernel starts its sum at exp(eps / gamma) as if its running maximum were
    # 0, and so counts eps twice.
    eps, zn = 5e-3, (100.0 - z) / 99.0
    image = draw(
        facing(z),
        torch.ones(1, 3, 1, dtype=torch.float64),
        size=1,
        sigma=1e-6,
        gamma=gamma,
        eps=eps,
    ).flatten()
    paper = 1 / (1 + math.exp((eps - zn) / gamma))
    official = 1 / (1 + math.exp((2 * eps - zn) / gamma))
    assert image[0].item() == pytest.approx(paper, rel=1e-10)
    assert abs(paper - official) > 0.01  # the scene can tell them apart
    if (z, gamma) == (99.0, 1e-3):
        assert (paper, official) == (
            pytest.approx(0.994, abs=5e-4),
            pytest.approx(0.525, abs=5e-4),
        )  # the published observation


@pytest.mark.parametrize("perspective_correct", [False, True])
@pytest.mark.parametrize("gamma", [1e-4, 0.1, 1.0])
def test_one_colour_everywhere_comes_back_unchanged_so_colour_weights_sum_to_1(
    scene, gamma, perspective_correct
):
    triangles, _ = scene(2, faces=5)
    color = torch.tensor([0.3, 1.0, -2.0], dtype=torch.float64)
    image = draw(
        triangles,
        color.expand(5, 3, 3),
        size=7,
        sigma=0.05,
        gamma=gamma,
        background=color,
        perspective_correct=perspective_correct,
    )
    torch.testing.assert_close(image[..., :3], color.expand(7, 7, 3), rtol=0, atol=2e-15)


def test_the_order_of_faces_does_not_matter(scene):
    triangles, colors = scene(3, faces=6)
    order = torch.tensor([4, 2, 5, 0, 3, 1])
    cotangent = torch.rand(7, 9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    results = []
    for index in (torch.arange(6), order):
        t, c = triangles[index].requires_grad_(), colors[index].requires_grad_()
        image = draw(t, c, size=(7, 9), sigma=0.01, gamma=0.01, dist_eps=1e-4)
        results.append((image.detach(), *torch.autograd.grad(image, (t, c), cotangent)))
    (image, grad_t, grad_c), (image_2, grad_t_2, grad_c_2) = results
    torch.testing.assert_close(image_2, image, rtol=0, atol=1e-12)
    torch.testing.assert_close(grad_t_2, grad_t[order], rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(grad_c_2, grad_c[order], rtol=1e-11, atol=1e-11)
    assert (grad_t.abs().amax((1, 2)) > 1e-6).all()  # every face has a gradient to compare


def test_sigma_and_gamma_towards_0_give_the_z_buffer(scene, boundary_distances):
    triangles, colors = scene(4, faces=6)
    background = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    soft = draw(
        triangles,
        colors,
        size=(16, 20),
        sigma=1e-9,
        gamma=1e-7,
        background=background,
        dist_eps=1e-4,
    )
    hard = rasterize_hard(triangles, colors, size=(16, 20), background=background)
    # Three times the reach at this sigma:
    clear = boundary_distances(triangles, 16, 20).amin(0) > 3e-4
    assert clear.float().mean() > 0.95
    assert 0.2 < hard[..., -1].mean() < 0.9
    torch.testing.assert_close(soft[clear], hard[clear], rtol=0, atol=1e-9)


# ---------------------------------------------------------------- colour inside and outside a face


SLOPED = torch.tensor(
    [[[-0.5, -0.5, 2.0], [0.5, -0.5, 4.0], [-0.5, 0.5, 8.0]]], dtype=torch.float64
)
# Corner k is 1 in channel k, so the picture shows the three weights.
CORNERS = torch.eye(3, dtype=torch.float64)[None]


@pytest.mark.parametrize(
    ("x", "y", "w"),
    [
        (-0.375, -0.125, (0.5, 0.125, 0.375)),
        (-0.125, -0.375, (0.5, 0.375, 0.125)),
        (0.125, 0.125, (0.0, 0.5, 0.5)),  # outside: (-0.25, 0.625, 0.625) clipped and renormalised
        (0.375, 0.125, (0.0, 0.875 / 1.5, 0.625 / 1.5)),  # (-0.5, 0.875, 0.625)
        # (-0.5, 1.375, 0.125): 1.375 is clipped to 1 before renormalising.
        (0.875, -0.375, (0.0, 1 / 1.125, 0.125 / 1.125)),
        (0.875, -0.625, (0.0, 1.0, 0.0)),  # (-0.25, 1.375, -0.125): 1.375 is clipped to 1
    ],
)
@pytest.mark.parametrize("perspective_correct", [False, True])
def test_colour_is_affine_on_the_screen_or_perspective_correct(x, y, w, perspective_correct):
    # gamma this small leaves the background exp(-900) of the colour.
    image = draw(
        SLOPED, CORNERS, size=8, sigma=0.1, gamma=1e-3, perspective_correct=perspective_correct
    )
    if perspective_correct:
        w = [wk / z for wk, z in zip(w, (2.0, 4.0, 8.0), strict=True)]
        w = [wk / sum(w) for wk in w]
    assert pixel(image, x, y)[:3].tolist() == pytest.approx(w, abs=1e-12)


def test_depth_runs_along_the_plane_through_the_corners():
    # 1/z is affine on the screen. The weight of the face against the background tells its depth.
    near, far, gamma, eps = 1.0, 10.0, 0.1, 0.6
    image = draw(
        SLOPED,
        torch.ones(1, 3, 1, dtype=torch.float64),
        size=8,
        sigma=1e-6,
        gamma=gamma,
        near=near,
        far=far,
        eps=eps,
    )
    z = 1 / (0.5 / 2 + 0.125 / 4 + 0.375 / 8)
    weight = 1 / (1 + math.exp((eps - (far - z) / (far - near)) / gamma))
    assert pixel(image, -0.375, -0.125)[0].item() == pytest.approx(weight, rel=1e-11)


# ---------------------------------------------------------------- backgrounds


@pytest.mark.parametrize("lead", [(), (5, 6), (2, 5, 6), (2, 1, 1)])
def test_a_background_picture_shows_with_the_weight_that_the_faces_leave(scene, lead):
    triangles, colors = scene(5, faces=2, batch=2)
    options = {"size": (5, 6), "sigma": 0.02, "gamma": 0.5}
    background = torch.rand(
        *lead, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    ).requires_grad_()
    image = draw(triangles, colors, background=background, **options)
    black = draw(triangles, colors, **options)
    # Faces in black over a white background show the background's weight.
    weight = draw(triangles, torch.zeros_like(colors), background=1.0, **options)[..., :1]
    assert 0.05 < weight.min() < 0.9
    torch.testing.assert_close(
        image[..., :3], black[..., :3] + weight * background, rtol=0, atol=1e-14
    )
    torch.testing.assert_close(image[..., 3], black[..., 3], rtol=0, atol=0)
    cotangent = torch.rand(
        image.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    (grad,) = torch.autograd.grad(image, background, cotangent)
    torch.testing.assert_close(
        grad, (weight * cotangent[..., :3]).sum_to_size(background.shape), rtol=1e-12, atol=1e-14
    )


def test_a_list_is_a_background_colour():
    image = draw(torch.zeros(0, 3, 3), torch.zeros(0, 3, 3), size=1, background=[0.25, 0.5, 1.0])
    assert image.tolist() == [[[0.25, 0.5, 1.0, 0.0]]]


# ---------------------------------------------------------------- the whole derivative


@pytest.mark.parametrize(
    "options",
    [{}, {"perspective_correct": True}, {"distance": "barycentric"}, {"gamma": 0.5, "sigma": 0.3}],
)
@pytest.mark.parametrize("seed", [10, 11, 12])
def test_finite_differences_of_the_image_agree_with_its_gradient(scene, seed, options):
    triangles, colors = scene(seed, faces=4)
    background = torch.rand(
        6, 7, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    generator = torch.Generator().manual_seed(seed + 100)
    cotangent = torch.randn(6, 7, 4, generator=generator, dtype=torch.float64)
    settings = {
        "size": (6, 7),
        "sigma": 0.05,
        "gamma": 0.05,
        "near": 1.0,
        "far": 10.0,
        "eps": 0.3,
        **options,
    }

    def loss(t: Tensor, c: Tensor, b: Tensor) -> Tensor:
        return (draw(t, c, background=b, **settings) * cotangent).sum()

    inputs = [x.requires_grad_() for x in (triangles, colors, background)]
    grads = torch.autograd.grad(loss(*inputs), inputs)
    for k in range(3):
        for _ in range(4):
            step = torch.randn(inputs[k].shape, generator=generator, dtype=torch.float64)
            with torch.no_grad():
                plus, minus = (
                    [x + s * 1e-6 * step if n == k else x for n, x in enumerate(inputs)]
                    for s in (1, -1)
                )
                slope = (loss(*plus) - loss(*minus)).item() / 2e-6
            assert (grads[k] * step).sum().item() == pytest.approx(slope, rel=1e-6, abs=1e-7)


def test_sliding_a_face_slides_its_colours_along():
    # Trap 2, the path through barycentric colour: deep inside an opaque face, C(x) = x + 0.5
    # (corner colours 0, 1, 0 on RIGHT, x of its corners + 0.5). Moving all corners by dx takes the
    # colour at a fixed pixel down by dx; the official kernel finds 0.
    triangles = RIGHT.clone().requires_grad_()
    colors = torch.tensor([[[0.0], [1.0], [0.0]]], dtype=torch.float64)
    image = draw(triangles, colors, size=8, sigma=1e-6, gamma=1e-3)
    value = pixel(image, -0.125, -0.375)[0]
    assert value.item() == pytest.approx(0.375, abs=1e-12)
    (grad,) = torch.autograd.grad(value, triangles)
    assert grad[0, :, 0].sum().item() == pytest.approx(-1.0, abs=1e-9)
    assert grad[0, :, 1].sum().item() == pytest.approx(0.0, abs=1e-9)
