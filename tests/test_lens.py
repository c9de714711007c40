"""OpenCV's five numbers of distortion, and skewed pixels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from letter import F64, letter, meets_plane, painted
from torch import Tensor

from softras_edu import Camera, rasterize_hard, render
from softras_edu.camera.lens import WIDEST, distort, turning_point

SIZE = (36, 52)
K = torch.tensor([[41.0, 0, 23.3], [0, 45.0, 20.1], [0, 0, 1]], dtype=F64)
BARREL = [-0.25, 0.05, 0.01, -0.02, 0.004]
PINCUSHION = [0.2, 0.1, -0.01, 0.015, 0.02]
DOWN = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=F64))
AHEAD = (DOWN[None], [[0.1, -0.05, 2.2]])  # R, t: the F before the camera, upright


def opencv(x: np.ndarray, y: np.ndarray, lens: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """As its documentation of calib3d writes it."""
    k1, k2, p1, p2, k3 = lens
    r2 = x**2 + y**2
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    return (
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2),
        y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y,
    )


def bent(lens: list[float] | Tensor, k: Tensor = K) -> Camera:
    return Camera.pinhole(k, *AHEAD, SIZE, distortion=lens)


@pytest.mark.parametrize("lens", [BARREL, PINCUSHION])
def test_points_are_where_opencv_puts_them(lens):
    cloud = torch.randn(60, 3, generator=torch.Generator().manual_seed(0), dtype=F64) * 0.3
    view = cloud.numpy() * [1, -1, -1] + np.array(AHEAD[1])
    x, y = opencv(view[:, 0] / view[:, 2], view[:, 1] / view[:, 2], lens)
    u, v = 41.0 * x + 23.3 + 0.5, 45.0 * y + 20.1 + 0.5
    wanted = np.stack([(2 * u - 52) / 36, 1 - 2 * v / 36, view[:, 2]], axis=1)
    np.testing.assert_allclose(bent(lens).project(cloud)[0].numpy(), wanted, atol=1e-12)


@pytest.mark.parametrize("lens", [BARREL, PINCUSHION])
def test_a_bent_letter_is_what_the_bent_rays_see(lens):
    # Pixels are led back through the lens by fixed-point iteration; edges of 12 pieces bend enough.
    def ray(column, row):
        goal = (column - 23.3) / 41.0, (row - 20.1) / 45.0
        x, y = goal
        for _ in range(200):
            got = opencv(x, y, lens)
            x, y = x + 0.5 * (goal[0] - got[0]), y + 0.5 * (goal[1] - got[1])
        np.testing.assert_allclose(opencv(x, y, lens), goal, atol=1e-9)
        eye = -DOWN.numpy().T @ np.array(AHEAD[1][0])
        return meets_plane(eye, np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, -1]]), (x, -y))

    expected = painted(ray, SIZE)
    options = {"size": SIZE, "rasterizer": rasterize_hard}
    got = render(letter(12), bent(lens), **options)[0, ..., 3]
    assert (got == expected).double().mean() > 0.997
    straight = render(letter(12), bent([0.0] * 5), **options)[0, ..., 3]
    assert (straight == expected).double().mean() < 0.99  # the lens is seen


def test_no_distortion_is_no_distortion():
    cloud = torch.randn(60, 3, generator=torch.Generator().manual_seed(0), dtype=F64)
    plain = Camera.pinhole(K, *AHEAD, SIZE).project(cloud)
    torch.testing.assert_close(bent([0.0] * 5).project(cloud), plain, rtol=1e-12, atol=1e-12)
    # Far to the side, too: 89.9 degrees from the axis.
    wide = torch.tensor([[1e3, 5.0, 1.2]], dtype=F64)
    plain = Camera.pinhole(K, *AHEAD, SIZE).project(wide)
    torch.testing.assert_close(bent([0.0] * 5).project(wide), plain, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("lens", [BARREL, [-0.4, 0.0, 0.0, 0.0, 0.0], PINCUSHION])
def test_what_stands_far_to_the_side_is_not_folded_back(lens):
    # r (1 - 0.4 r^2) is 0 at r = 1.58 and negative beyond: the wrong side of the picture.
    r = torch.logspace(-2, 6, 400, dtype=F64)
    k1, k2, _, _, k3 = torch.tensor(lens, dtype=F64)
    radial = torch.tensor([[lens[0], lens[1], 0.0, 0.0, lens[4]]], dtype=F64)
    moved = distort(torch.stack([r, 0 * r], -1)[None], radial)[0, :, 0]
    assert (moved.diff() > 0).all()
    end = turning_point(k1, k2, k3).sqrt()
    inside = r < end
    formula = r * (1 + r**2 * (k1 + r**2 * (k2 + r**2 * k3)))
    torch.testing.assert_close(moved[inside], formula[inside])
    # With the lens's other two numbers it stays on its side as well, and is finite in float32.
    for dtype in (torch.float64, torch.float32):
        whole = distort(torch.stack([r, 0 * r], -1)[None].to(dtype), torch.tensor([lens]).to(dtype))
        assert whole.isfinite().all()
        assert (whole[0, :, 0] > 0).all()


def test_the_turning_point_is_where_growth_ends():
    # 1 + 3 k1 s = 0 for k1 alone; 1 + 3 k1 s + 5 k2 s^2 = 0 for two, the smaller root.
    k = torch.tensor([-0.4, 0.3, 0.0], dtype=F64)
    zero = torch.zeros_like(k)
    torch.testing.assert_close(
        turning_point(k, zero, zero), torch.tensor([1 / 1.2, WIDEST**2, WIDEST**2], dtype=F64)
    )
    k1, k2 = torch.tensor(-0.6, dtype=F64), torch.tensor(0.1, dtype=F64)
    root = (1.8 - (1.8**2 - 4 * 0.5) ** 0.5) / (2 * 0.5)
    assert turning_point(k1, k2, zero[0]).item() == pytest.approx(root)


def test_gradients_of_all_numbers_of_a_lens():
    # Points in the middle, and points beyond the turning point, whose place depends on it.
    points = torch.tensor([[[0.3, -0.2], [-0.5, 0.6], [2.5, 1.0], [-30.0, 4.0]]], dtype=F64)
    for lens in (BARREL, PINCUSHION, [-0.4, 0.0, 0.01, 0.02, 0.0]):
        numbers = torch.tensor([lens], dtype=F64)
        inputs = (points.clone().requires_grad_(), numbers.requires_grad_())
        assert torch.autograd.gradcheck(distort, inputs)
    cloud = torch.tensor([[0.3, 0.4, -0.5], [-0.2, 0.1, 0.3]], dtype=F64)
    lens, k = torch.tensor(BARREL, dtype=F64), K.clone()
    inputs = (lens.requires_grad_(), k[:2].clone().requires_grad_())

    def seen(lens: Tensor, rows: Tensor) -> Tensor:
        mask = torch.tensor([[1.0, 1, 1], [0, 1, 1]], dtype=F64)  # K's other numbers stay 0
        return bent(lens, torch.cat([rows * mask, K[2:]])).project(cloud)

    assert torch.autograd.gradcheck(seen, inputs)
    grads = torch.autograd.grad(seen(*inputs).square().sum(), inputs)
    assert (grads[0].abs() > 1e-6).all()
    assert (grads[1][0].abs() > 1e-6).all()  # the skew's too, though it is 0


def test_skew_moves_x_with_y():
    # u = fx x + s y + cx, v = fy y + cy.
    slanted = K + torch.tensor([[0.0, 7.0, 0], [0, 0, 0], [0, 0, 0]], dtype=F64)
    cloud = torch.randn(9, 3, generator=torch.Generator().manual_seed(0), dtype=F64) * 0.3
    view = cloud.numpy() * [1, -1, -1] + np.array(AHEAD[1])
    x, y = view[:, 0] / view[:, 2], view[:, 1] / view[:, 2]
    got = Camera.pinhole(slanted, *AHEAD, SIZE).project(cloud)[0].numpy()
    u = 41.0 * x + 7.0 * y + 23.3 + 0.5
    np.testing.assert_allclose(got[:, 0], (2 * u - 52) / 36, atol=1e-12)
    np.testing.assert_allclose(got[:, 1], 1 - 2 * (45.0 * y + 20.6) / 36, atol=1e-12)


def test_every_camera_has_its_own_lens():
    many = Camera.pinhole(
        K, DOWN.expand(2, 3, 3), [[0.1, -0.05, 2.2]] * 2, SIZE, distortion=[BARREL, PINCUSHION]
    )
    cloud = torch.randn(7, 3, generator=torch.Generator().manual_seed(0), dtype=F64) * 0.3
    for k, lens in enumerate((BARREL, PINCUSHION)):
        alone = bent(lens).project(cloud)
        torch.testing.assert_close(many.project(cloud)[k : k + 1], alone)
        torch.testing.assert_close(many[k].project(cloud), alone)
    assert many.to(torch.float32).distortion.dtype == torch.float32
    image = render(letter().to(torch.float32), many.to(torch.float32), size=8, backend="pairs")
    assert image.dtype == torch.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: bent([0.1] * 4), r"^distortion: got shape \(4,\), wanted k1, k2, p1, p2, k3"),
        (lambda: bent([0.1] * 4 + [torch.nan]), "^distortion: camera 0 has .* wanted finite"),
        (
            lambda: Camera(
                torch.zeros(1, 3), torch.eye(3)[None], 1.0, False, distortion=torch.zeros(1, 5)
            ),
            "^distortion, skew: wanted None for an orthographic camera",
        ),
        (
            lambda: Camera(torch.zeros(1, 3), torch.eye(3)[None], 1.0, skew=torch.zeros(2)),
            r"^skew: got shape \(2,\), wanted \(1,\)",
        ),
        (
            lambda: Camera(torch.zeros(1, 3), torch.eye(3)[None], 1.0, distortion=torch.zeros(5)),
            r"^distortion: got shape \(5,\), wanted \(1, 5\)",
        ),
    ],
)
def test_what_is_no_lens_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
