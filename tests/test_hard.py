"""The z-buffer against a plain Python one, and NMR's gradient against numbers computed by hand."""

from __future__ import annotations

import plain_nmr
import pytest
import torch
from torch import Tensor

from softras_edu import Camera, formulas, icosphere, rasterize_hard, screen_triangles
from softras_edu.rasterizers.hard import hard_options, visible_face

NMR_EPS = 1e-4


def z_buffer(
    triangles: Tensor,
    colors: Tensor,
    height: int,
    width: int,
    background: float,
    near: float,
    far: float,
) -> Tensor:
    """One pixel after the other, one face after the other.

    Keep the nearest that covers the centre.
    """
    image = torch.full((height, width, colors.shape[-1] + 1), background, dtype=torch.float64)
    image[..., -1] = 0.0
    for i in range(height):
        for j in range(width):
            x, y = (2 * j + 1 - width) / height, 1 - (2 * i + 1) / height
            nearest = far
            for face, color in zip(triangles.tolist(), colors, strict=True):
                (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = face
                # Solve p = v0 + u (v1 - v0) + v (v2 - v0) by Cramer's rule.
                det = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
                u = ((x - x0) * (y2 - y0) - (x2 - x0) * (y - y0)) / det
                v = ((x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)) / det
                if u < 0 or v < 0 or u + v > 1:
                    continue
                z = 1 / ((1 - u - v) / z0 + u / z1 + v / z2)
                if near <= z < nearest:
                    nearest = z
                    image[i, j, :-1] = (1 - u - v) * color[0] + u * color[1] + v * color[2]
                    image[i, j, -1] = 1.0
    return image


@pytest.mark.parametrize("gradient", ["none", "nmr"])
@pytest.mark.parametrize(("height", "width"), [(9, 9), (7, 12), (12, 7), (1, 6)])
@pytest.mark.parametrize("seed", [30, 31])
def test_z_buffer_agrees_with_plain_python(scene, seed, height, width, gradient):
    triangles, colors = scene(seed, faces=6, batch=2)
    image = rasterize_hard(
        triangles,
        colors,
        size=(height, width),
        background=0.25,
        near=2.5,
        far=5.0,
        gradient=gradient,
    )
    for b in range(2):
        expected = z_buffer(triangles[b], colors[b], height, width, 0.25, 2.5, 5.0)
        torch.testing.assert_close(image[b], expected, rtol=0, atol=1e-10)
    assert 0 < image[..., -1].mean() < 1
    alone = rasterize_hard(
        triangles[1], size=(height, width), near=2.5, far=5.0, gradient=gradient
    )  # a silhouette, unbatched
    torch.testing.assert_close(alone, image[1, ..., -1:], rtol=0, atol=0)


def test_z_buffer_culls_back_faces(scene):
    triangle = torch.tensor([[[-0.5, -0.5, 2.0], [0.5, -0.5, 2.0], [0.0, 0.5, 2.0]]])
    assert (
        rasterize_hard(triangle, size=8, cull_backfaces=True).sum()
        == rasterize_hard(triangle, size=8).sum()
        > 0
    )
    assert rasterize_hard(triangle.flip(1), size=8, cull_backfaces=True).sum() == 0


@pytest.mark.parametrize("gradient", ["none", "nmr"])
def test_no_faces_give_the_background(gradient):
    image = rasterize_hard(
        torch.zeros(2, 0, 3, 3), torch.zeros(2, 0, 3, 1), size=2, background=0.5, gradient=gradient
    )
    assert image.tolist() == [[[[0.5, 0.0]] * 2] * 2] * 2


def test_alpha_and_flat_colour_have_no_gradient(scene):
    # The reason for soft rasterization: a step has derivative 0 almost everywhere.
    triangles, _ = scene(32, faces=4)
    triangles.requires_grad_()
    colors = torch.rand(
        4, 1, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    ).expand(4, 3, 3)
    image = rasterize_hard(triangles, colors, size=9)
    assert 0.1 < image[..., -1].mean() < 0.95
    alpha_grad, color_grad = (
        torch.autograd.grad(part.square().sum(), triangles, retain_graph=True)[0]
        for part in (image[..., -1], image[..., :3])
    )
    assert (alpha_grad == 0).all()
    # The weights' gradients cancel to rounding: each is about 1 / size of the face.
    assert color_grad.abs().max() < 1e-12


# ---------------------------------------------------------------- NMR


def square(x: float, y: float, half: float = 0.3, z: float = 2.0) -> Tensor:
    a, b, c, d = (
        [x - half, y - half, z],
        [x + half, y - half, z],
        [x + half, y + half, z],
        [x - half, y + half, z],
    )
    return torch.tensor([[a, b, c], [a, c, d]], dtype=torch.float64)


@pytest.mark.parametrize("size", [24, (24, 40), (30, 20)])
@pytest.mark.parametrize(("dx", "dy"), [(0.2, 0.0), (-0.2, 0.0), (0.0, 0.2), (0.0, -0.2)])
@pytest.mark.parametrize("shape", ["square", "triangle"])
def test_nmr_pulls_towards_a_target_that_is_left_right_above_or_below(size, dx, dy, shape):
    # The triangle keeps clear of a trap of NMR's own: pixel centres almost on an edge pull with
    # 1 / (almost 0) and outweigh all others, even where another edge should move. So no edge runs
    # along a diagonal of pixels, and the lower one lies between two rows.
    triangle = torch.tensor(
        [[[-0.37, -0.33, 2.0], [0.36, -0.33, 2.0], [0.02, 0.42, 2.0]]], dtype=torch.float64
    )
    start = square(0.013, 0.017) if shape == "square" else triangle
    target = rasterize_hard(start + torch.tensor([dx, dy, 0.0], dtype=torch.float64), size=size)
    triangles = start.clone().requires_grad_()
    loss = (rasterize_hard(triangles, size=size, gradient="nmr") - target).square().sum()
    (grad,) = torch.autograd.grad(loss, triangles)
    step = -grad.sum((0, 1))  # what gradient descent does to the whole shape
    along, across = (0, 1) if dx else (1, 0)
    assert step[along] * (dx + dy) > 0
    if shape == "square":  # the triangle's slanted edge pulls along both axes
        assert step[along].abs() > 2 * step[across].abs()
    assert step[2] == 0
    assert (
        torch.autograd.grad(rasterize_hard(triangles, size=size).square().sum(), triangles)[0]
        .abs()
        .max()
        == 0
    )  # without NMR: nothing


def test_nmr_gives_a_hidden_face_exactly_nothing():
    front, hidden = square(0.0, 0.0, half=0.6), square(0.05, 0.0, half=0.3, z=4.0)
    triangles = torch.cat([hidden, front]).requires_grad_()
    colors = torch.rand(4, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    image = rasterize_hard(triangles, colors, size=16, gradient="nmr")
    cotangent = torch.randn(
        image.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    (grad,) = torch.autograd.grad(image, triangles, cotangent)
    assert (grad[:2] == 0).all()
    assert (grad[2:, :, :2].abs().sum((1, 2)) > 0).all()


def ramp(cotangents: list[float], jumps: list[float], gaps: list[float], lever: float) -> float:
    """sum of jump / delta over the pixels where the change lowers the loss.

    Delta is what the corner must move, and 1e-4 more.
    """
    total = 0.0
    for cotangent, jump, gap in zip(cotangents, jumps, gaps, strict=True):
        if cotangent * jump < 0:
            delta = gap / lever
            total += cotangent * jump / (delta + (NMR_EPS if delta > 0 else -NMR_EPS))
    return total


COTANGENT = [0.3, -0.2, 0.5, -0.7, -0.4]


@pytest.mark.parametrize("flip", [False, True])
def test_nmr_on_one_row_of_pixels_by_hand(flip):
    # H = 1, W = 5: centres at x = -4, -2, 0, 2, 4 and y = 0. The edge from a to b crosses y = 0 at
    # x = 1, a quarter of its way; the face lies to its left. The third corner sits on the row but
    # far off the picture, so the other edges move no pixel.
    a, b, c = [1.0, -1.0, 2.0], [1.0, 3.0, 2.0], [-9.0, 0.0, 2.0]
    sign = -1.0 if flip else 1.0  # flipped, the face lies to the right of x = -1
    triangles = torch.tensor([[a, b, c]], dtype=torch.float64)
    triangles[..., 0] *= sign
    triangles.requires_grad_()
    image = rasterize_hard(triangles, size=(1, 5), gradient="nmr")
    alpha = [1, 1, 1, 0, 0]
    assert image[0, :, 0].tolist() == (alpha[::-1] if flip else alpha)
    cotangent = torch.tensor(COTANGENT[::-1] if flip else COTANGENT, dtype=torch.float64).reshape(
        1, 5, 1
    )
    (grad,) = torch.autograd.grad(image, triangles, cotangent)

    jumps = [-1, -1, -1, 1, 1]  # covered pixels would be bared, bare ones covered
    gaps = [-5, -3, -1, 1, 3]  # from the edge to the pixel
    expected = [
        sign * ramp(COTANGENT, jumps, gaps, lever) for lever in (0.75, 0.25)
    ]  # a moves the crossing by 3/4 of its way, b by 1/4
    assert expected[0] * sign == pytest.approx(
        0.3 / (5 / 0.75 + 1e-4)
        + 0.5 / (1 / 0.75 + 1e-4)
        - 0.7 / (1 / 0.75 + 1e-4)
        - 0.4 / (3 / 0.75 + 1e-4)
    )
    assert grad[0, :, 0].tolist() == pytest.approx([*expected, 0.0], rel=1e-12)
    assert (grad[0, :, 1:] == 0).all()  # one row: no pixel above or below to sweep over


def test_nmr_on_one_column_of_pixels_by_hand():
    # H = 5, W = 1: centres at y = 0.8, 0.4, 0, -0.4, -0.8 and x = 0. The same scene turned: the
    # face lies below y = 0.2.
    triangles = torch.tensor(
        [[[-1.0, 0.2, 2.0], [3.0, 0.2, 2.0], [0.0, -9.0, 2.0]]],
        dtype=torch.float64,
        requires_grad=True,
    )
    image = rasterize_hard(triangles, size=(5, 1), gradient="nmr")
    assert image[:, 0, 0].tolist() == [0, 0, 1, 1, 1]
    (grad,) = torch.autograd.grad(
        image, triangles, torch.tensor(COTANGENT[::-1], dtype=torch.float64).reshape(5, 1, 1)
    )
    jumps, gaps = [1, 1, -1, -1, -1], [0.6, 0.2, -0.2, -0.6, -1.0]
    expected = [ramp(COTANGENT[::-1], jumps, gaps, lever) for lever in (0.75, 0.25)]
    assert grad[0, :, 1].tolist() == pytest.approx([*expected, 0.0], rel=1e-12)
    assert (grad[0, :, [0, 2]] == 0).all()


def test_nmr_counts_the_jump_of_colours_too():
    triangles = torch.tensor(
        [[[1.0, -1.0, 2.0], [1.0, 3.0, 2.0], [-9.0, 0.0, 2.0]]],
        dtype=torch.float64,
        requires_grad=True,
    )
    colors = torch.full((1, 3, 1), 0.5, dtype=torch.float64)
    image = rasterize_hard(triangles, colors, size=(1, 5), background=0.25, gradient="nmr")
    cotangent = torch.zeros(1, 5, 2, dtype=torch.float64)
    cotangent[0, 3, 0], cotangent[0, 2, 0] = (
        -1.0,
        -1.0,
    )  # brighter is better; pixel 2 would get darker, so it does not count
    (grad,) = torch.autograd.grad(image, triangles, cotangent)
    assert grad[0, 0, 0].item() == pytest.approx(-0.25 / (1 / 0.75 + NMR_EPS), rel=1e-12)


def test_nmr_turns_with_the_picture(scene):
    # A quarter turn of everything, (x, y) -> (-y, x), turns the gradient: rows and columns are
    # treated alike.
    triangles, colors = scene(33, faces=4)
    cotangent = torch.randn(
        11, 11, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    turned = torch.stack([-triangles[..., 1], triangles[..., 0], triangles[..., 2]], dim=-1)
    grads = []
    for t, g in ((triangles, cotangent), (turned, cotangent.rot90(1, (0, 1)))):
        t.requires_grad_()
        image = rasterize_hard(t, colors, size=11, gradient="nmr")
        grads.append((image.detach(), torch.autograd.grad(image, t, g)[0]))
    torch.testing.assert_close(grads[1][0], grads[0][0].rot90(1, (0, 1)), rtol=0, atol=1e-12)
    expected = torch.stack([-grads[0][1][..., 1], grads[0][1][..., 0], grads[0][1][..., 2]], dim=-1)
    torch.testing.assert_close(grads[1][1], expected, rtol=1e-9, atol=1e-9)
    assert expected.abs().max() > 0.1


def test_nmr_of_a_batch_is_the_nmr_of_each(scene):
    triangles, colors = scene(34, faces=3, batch=2)
    cotangent = torch.randn(
        2, 6, 9, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    t, c = triangles.clone().requires_grad_(), colors.clone().requires_grad_()
    together = torch.autograd.grad(
        rasterize_hard(t, c, size=(6, 9), gradient="nmr"), (t, c), cotangent
    )
    for b in range(2):
        t, c = triangles[b].clone().requires_grad_(), colors[b].clone().requires_grad_()
        single = torch.autograd.grad(
            rasterize_hard(t, c, size=(6, 9), gradient="nmr"), (t, c), cotangent[b]
        )
        for part, whole in zip(single, together, strict=True):
            torch.testing.assert_close(part, whole[b], rtol=0, atol=1e-13)
            assert part.abs().max() > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_nmr_stays_finite_for_faces_off_screen_flat_behind_or_right_on_pixels(dtype):
    def corners(*xy: tuple[float, float], z: float = 2.0) -> list[list[float]]:
        return [[x, y, z] for x, y in xy]

    triangles = torch.tensor(
        [
            corners((-0.5, -0.5), (0.5, -0.5), (0.0, 0.5)),
            corners((5.0, 5.0), (6.0, 5.0), (5.5, 6.0)),  # wholly off screen, diagonally
            corners((-3.0, -0.4), (-2.0, -0.4), (-2.5, 0.4)),  # beside the picture, on its rows
            corners((1e14, 0.0), (-1e14, 0.1), (0.0, 1e14), z=3.0),
            corners((-0.5, -0.5), (0.0, 0.0), (0.5, 0.5)),  # no area
            corners((0.25, 0.25), (0.25, 0.25), (0.25, 0.25)),
            corners((-0.5, -0.5), (0.5, -0.5), (0.0, 0.5), z=-1.0),
            corners(
                (-0.375, -0.375), (0.375, -0.375), (-0.375, 0.375), z=1.5
            ),  # edges along rows and columns of pixel centres
        ],
        dtype=dtype,
        requires_grad=True,
    )
    image = rasterize_hard(triangles, size=(8, 10), gradient="nmr")
    cotangent = torch.randn(
        image.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    ).to(dtype)
    (grad,) = torch.autograd.grad(image, triangles, cotangent)
    assert grad.isfinite().all()
    for k in (1, 2, 4, 5, 6):
        assert (grad[k] == 0).all()
    assert (grad[7] != 0).any()


@pytest.mark.parametrize("size", [(24, 24), (7, 13), (13, 7)])
@pytest.mark.parametrize("channels", [None, 3])
def test_nmrs_loops_give_what_whole_tensors_give(size, channels):
    random = torch.Generator().manual_seed(0)
    sphere = icosphere(1)
    verts = sphere.verts * 0.8 + 0.03 * torch.randn(2, 42, 3, generator=random)
    triangles = screen_triangles(
        verts.double(), sphere.faces, Camera.orbit(2.7, 20.0, [10.0, 80.0])
    )
    corner_colors = torch.rand(2, 42, 3, generator=random, dtype=torch.float64)[:, sphere.faces]
    colors = None if channels is None else corner_colors
    leaf = triangles.clone().requires_grad_()
    image = rasterize_hard(leaf, colors, size=size, gradient="nmr")
    d_image = torch.randn(image.shape, generator=random, dtype=torch.float64)
    image.backward(d_image)
    face = visible_face(triangles, hard_options(*size))
    expected = plain_nmr.nmr_gradients(triangles, image.detach(), face, d_image)
    assert expected.abs().max() > 1, "there is something to compare"
    torch.testing.assert_close(leaf.grad, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_nearest_triangle_is_the_same_however_pairs_are_grouped(chunk, monkeypatch):
    # Equal triangles too: of equally near ones the first is seen, also if they are in two groups.
    random = torch.Generator().manual_seed(1)
    corners = torch.rand(2, 6, 3, 3, generator=random) * torch.tensor([2.0, 2.0, 3.0])
    corners = corners + torch.tensor([-1.0, -1.0, 2.0])
    corners[:, 4] = corners[:, 1]
    o = hard_options(9, 11)
    pixel = formulas.pixel_centers(9, 11)
    v = formulas.barycentric(pixel, corners[:, :, None, None, :, :2])
    z = formulas.interpolate_depth(formulas.clip_barycentric(v), corners[:, :, None, None, :, 2])
    z = z.where((v[0] >= 0) & (v[1] >= 0) & (v[2] >= 0), torch.inf)
    expected = torch.full((2, 9, 11), -1)
    for f in range(5, -1, -1):  # later ones lose against equal earlier ones
        expected = torch.where((z[:, f] < torch.inf) & (z[:, f] == z.amin(1)), f, expected)
    monkeypatch.setattr("softras_edu.rasterizers.hard.CHUNK", chunk)
    assert torch.equal(visible_face(corners, o), expected)
    assert (expected == 4).sum() == 0 < (expected == 1).sum()


def test_a_picture_of_many_triangles_needs_little_memory():
    # B x F x H x W numbers would be 671 MB for one of the tensors here.
    mesh = icosphere(5)
    triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.7, 20.0, 10.0))
    with torch.profiler.profile(profile_memory=True) as profile:
        image = rasterize_hard(triangles, size=128)
    assert image[0, 64, 64, 0] == 1
    assert image[0, 0, 0, 0] == 0
    largest = max((event.cpu_memory_usage for event in profile.key_averages()), default=0)
    assert largest < 100e6
