"""Where the camera stands and what it sees, in numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from softras_edu import Camera

F64 = torch.float64


def points(*xyz: tuple[float, float, float]) -> torch.Tensor:
    return torch.tensor(xyz, dtype=F64)


ORIGIN = points((0.0, 0.0, 0.0))


@pytest.mark.parametrize("distance", [0.5, 2.7])
@pytest.mark.parametrize("elevation", [-60.0, 0.0, 35.0])
@pytest.mark.parametrize("azimuth", [-130.0, 0.0, 45.0, 90.0, 400.0])
def test_orbit_stands_where_its_formula_says_and_sees_the_origin_in_the_middle(
    distance, elevation, azimuth
):
    camera = Camera.orbit(distance, elevation, azimuth)
    e, a = math.radians(elevation), math.radians(azimuth)
    expected = [
        distance * math.cos(e) * math.sin(a),
        distance * math.sin(e),
        distance * math.cos(e) * math.cos(a),
    ]
    assert camera.eye[0].tolist() == pytest.approx(expected, abs=1e-12)
    assert camera.project(ORIGIN)[0, 0].tolist() == pytest.approx([0.0, 0.0, distance], abs=1e-12)


@pytest.mark.parametrize(
    ("azimuth", "right"),
    [
        (0.0, (1.0, 0.0, 0.0)),
        (90.0, (0.0, 0.0, -1.0)),
        (180.0, (-1.0, 0.0, 0.0)),
        (-90.0, (0.0, 0.0, 1.0)),
    ],
)
def test_x_goes_right_and_y_up(azimuth, right):
    # A mirrored or upside-down picture fails here.
    camera = Camera.orbit(3.0, 0.0, azimuth)
    x, y, z = camera.project(points(right))[0, 0].tolist()
    assert x == pytest.approx(1 / (3 * math.tan(math.radians(30))), abs=1e-12)
    assert (y, z) == (pytest.approx(0.0, abs=1e-12), pytest.approx(3.0))
    x, y, z = camera.project(points((0.0, 1.0, 0.0)))[0, 0].tolist()
    assert y == pytest.approx(1 / (3 * math.tan(math.radians(30))), abs=1e-12)
    assert (x, z) == (pytest.approx(0.0, abs=1e-12), pytest.approx(3.0))


def test_depth_grows_away_from_the_camera():
    assert Camera.orbit(3.0, 0.0, 0.0).project(points((0, 0, 1), (0, 0, -1)))[
        0, :, 2
    ].tolist() == pytest.approx([2.0, 4.0])


@pytest.mark.parametrize("fov", [20.0, 60.0, 90.0, 140.0])
def test_fov_is_the_whole_vertical_angle(fov):
    # Seen from distance 2, half the angle reaches up to 2 tan(fov / 2): the picture's top edge, y =
    # 1.
    half = 2 * math.tan(math.radians(fov / 2))
    camera = Camera.orbit(2.0, 0.0, 0.0, fov=fov)
    assert camera.project(points((0, half, 0), (0, -half, 0), (half, 0, 0)))[
        0, :, :2
    ].flatten().tolist() == pytest.approx([0, 1, 0, -1, 1, 0], abs=1e-12)


@pytest.mark.parametrize("elevation", [-90.0, -89.999, 20.0, 90.0, 120.0])
def test_rotation_is_right_handed_even_straight_above(elevation):
    rotation = Camera.orbit(2.0, elevation, 33.0).rotation[0]
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(3, dtype=F64), rtol=0, atol=1e-9)
    assert torch.linalg.det(rotation).item() == pytest.approx(1.0)


def test_a_face_seen_from_outside_runs_counter_clockwise_on_the_screen():
    a, b, c = Camera.orbit(4.0, 0.0, 0.0).project(points((0, 0, 1), (1, 0, 1), (0, 1, 1)))[
        0, :, :2
    ]  # its normal is +z, to the camera
    assert ((b - a)[0] * (c - a)[1] - (b - a)[1] * (c - a)[0]).item() > 0


@pytest.mark.parametrize(("elevation", "up"), [(90.0, (0.0, 0.0, -1.0)), (-90.0, (0.0, 0.0, 1.0))])
def test_straight_above_and_below_the_orbits_own_up_is_up(elevation, up):
    # Rising to the top at azimuth 0, the far side of the world, -z, comes to lie up in the picture.
    projected = Camera.orbit(2.0, elevation, 0.0).project(points(up))[0, 0]
    assert projected.isfinite().all()
    assert projected[1].item() == pytest.approx(1 / (2 * math.tan(math.radians(30))), abs=1e-9)
    assert projected[0].item() == pytest.approx(0.0, abs=1e-9)


def test_orthographic_divides_by_the_half_height_at_every_depth():
    camera = Camera.orbit(5.0, 0.0, 0.0, orthographic=2.0)
    projected = camera.project(points((1, 2, 0), (1, 2, 3), (0, -2, -4)))[0]
    torch.testing.assert_close(
        projected, points((0.5, 1, 5), (0.5, 1, 2), (0, -1, 9)), rtol=0, atol=1e-12
    )


def test_look_at_sees_its_target_in_the_middle_and_up_upright():
    camera = Camera.look_at((4.0, 1.0, 2.0), (1.0, 1.0, 2.0), up=(0.0, 0.0, 1.0), fov=90.0)
    torch.testing.assert_close(
        camera.project(points((1, 1, 2), (1, 1, 5), (1, 4, 2)))[0],
        points((0, 0, 3), (0, 1, 3), (1, 0, 3)),
        rtol=0,
        atol=1e-12,
    )


def test_orbit_is_a_look_at():
    orbit = Camera.orbit(2.5, 25.0, -70.0, fov=45.0)
    camera = Camera.look_at(orbit.eye, fov=45.0)
    cloud = torch.randn(9, 3, generator=torch.Generator().manual_seed(0), dtype=F64)
    torch.testing.assert_close(camera.project(cloud), orbit.project(cloud), rtol=0, atol=1e-12)


def test_batches_of_cameras_and_of_points():
    azimuths = [0.0, 40.0, 200.0]
    cloud = torch.randn(3, 5, 3, generator=torch.Generator().manual_seed(0), dtype=F64) * 0.3
    together = Camera.orbit(2.0, [10.0, 20.0, 30.0], azimuths)
    assert together.project(cloud[0]).shape == (3, 5, 3)  # one cloud, three cameras
    assert Camera.orbit(2.0, 0.0, 0.0).project(cloud).shape == (3, 5, 3)  # three clouds, one camera
    for b in range(3):
        alone = Camera.orbit(2.0, 10.0 * (b + 1), azimuths[b])
        torch.testing.assert_close(
            together.project(cloud)[b], alone.project(cloud[b])[0], rtol=0, atol=1e-12
        )
        torch.testing.assert_close(
            together.project(cloud[0])[b], alone.project(cloud[0])[0], rtol=0, atol=1e-12
        )
    pair = Camera.look_at([(0.0, 0.0, 2.0), (2.0, 0.0, 0.0)])
    assert pair.project(ORIGIN)[:, 0, 2].tolist() == pytest.approx([2.0, 2.0])


@pytest.mark.parametrize("orthographic", [None, 1.5])
@pytest.mark.parametrize("elevation", [20.0, 90.0])
def test_gradients_flow_through_distance_elevation_and_azimuth(elevation, orthographic):
    cloud = torch.randn(4, 3, generator=torch.Generator().manual_seed(1), dtype=F64) * 0.4
    pose = [torch.tensor([x], dtype=F64, requires_grad=True) for x in (3.0, elevation, 50.0)]
    assert torch.autograd.gradcheck(
        lambda d, e, a: Camera.orbit(d, e, a, orthographic=orthographic).project(cloud), pose
    )


def test_gradient_of_the_azimuth_by_hand():
    # At azimuth 0, turning the camera by da degrees moves the world point (0, 0, 1) by -da pi/180
    # to the side at depth 2.
    azimuth = torch.tensor(0.0, dtype=F64, requires_grad=True)
    Camera.orbit(3.0, 0.0, azimuth, fov=90.0).project(points((0, 0, 1)))[0, 0, 0].backward()
    assert azimuth.grad.item() == pytest.approx(-math.pi / 180 / 2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_points_at_and_behind_the_eye_stay_finite_with_depth_at_most_0(dtype):
    verts = torch.tensor(
        [[0.0, 0.0, 3.0], [0.1, 0.2, 3.0], [1.0, 1.0, 5.0]], dtype=dtype, requires_grad=True
    )
    projected = Camera.orbit(3.0, 0.0, 0.0).project(verts)
    assert projected.dtype == dtype
    assert projected.isfinite().all()
    assert (projected[0, :, 2] <= 1e-6).all()
    (grad,) = torch.autograd.grad(projected.sum(), verts)
    assert grad.isfinite().all()


@pytest.mark.parametrize(
    "make",
    [
        lambda x: Camera.look_at(torch.tensor([0.0, 0.0, 3.0], dtype=x)),
        lambda x: Camera.look_at(torch.tensor([0.0, 0.0, 3.0], dtype=x), torch.zeros(3, dtype=x)),
        lambda x: Camera.orbit(torch.tensor(3.0, dtype=x), 0.0, 0.0),
        lambda x: Camera.orbit(3.0, torch.tensor(0.0, dtype=x), 0.0),
        lambda x: Camera.orbit(3, torch.tensor([0], dtype=x), torch.tensor([0.0])),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64])
def test_tensors_of_any_dtype_mix_with_plain_numbers(make, dtype):
    camera = make(dtype)
    assert camera.eye.dtype == camera.rotation.dtype
    assert camera.project(ORIGIN)[0, 0].tolist() == pytest.approx([0.0, 0.0, 3.0], abs=1e-6)


def test_plain_numbers_keep_their_digits():
    assert Camera.orbit(0.1, 0.0, 0.0).eye[0, 2].item() == 0.1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Camera.orbit(0.0, 0.0, 0.0), r"^distance: got 0\.0, wanted numbers > 0"),
        (
            lambda: Camera.orbit([1.0, -2.0], 0.0, 0.0),
            r"^distance: got \[1\.0, -2\.0\], wanted numbers > 0",
        ),
        (
            lambda: Camera.orbit(2.0, 0.0, 0.0, fov=0.0),
            r"^fov: got 0\.0, wanted degrees between 0 and 180",
        ),
        (
            lambda: Camera.orbit(2.0, 0.0, 0.0, fov=180.0),
            r"^fov: got 180\.0, wanted degrees between 0 and 180",
        ),
        (
            lambda: Camera.orbit(2.0, 0.0, 0.0, orthographic=0.0),
            r"^orthographic: got 0\.0, wanted .* > 0",
        ),
        (
            lambda: Camera.look_at((1.0, 2.0, 3.0), (1.0, 2.0, 3.0)),
            r"^at: got the same point as eye, wanted another",
        ),
        (
            lambda: Camera.look_at((0.0, 2.0, 0.0)),
            r"^up: got a direction along the view axis, wanted one across it",
        ),
    ],
)
def test_bad_cameras_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ---------------------------------------------------------------- calibrated cameras, some of many


def test_pinhole_puts_a_point_where_k_r_t_say():
    # u = fx x / z + cx and v = fy y / z + cy, in pixels of a picture of 40 x 60. OpenCV counts them
    # from the first pixel's centre, COLMAP from the corner of the picture.
    K = torch.tensor([[50.0, 0, 33], [0, 45, 18], [0, 0, 1]], dtype=F64)  # noqa: N806
    turn = math.radians(25)
    R = torch.tensor(  # noqa: N806
        [
            [[math.cos(turn), 0, math.sin(turn)], [0, 1, 0], [-math.sin(turn), 0, math.cos(turn)]],
            torch.eye(3).tolist(),
        ],
        dtype=F64,
    )
    t = points((0.1, -0.2, 3.0), (0.0, 0.0, 2.0))
    world = points((0.3, 0.4, -0.5), (-0.2, 0.1, 0.3))
    for center, more in (({}, 0.5), ({"pixel_center": 0.0}, 0.5), ({"pixel_center": 0.5}, 0.0)):
        seen = Camera.pinhole(K, R, t, (40, 60), **center).project(world)
        for b in range(2):
            for k in range(2):
                x, y, z = (R[b] @ world[k] + t[b]).tolist()
                u, v = 50 * x / z + 33 + more, 45 * y / z + 18 + more  # from the picture's corner
                wanted = [(2 * u - 60) / 40, 1 - 2 * v / 40, z]
                assert seen[b, k].tolist() == pytest.approx(wanted, abs=1e-12)


def test_an_orbit_written_as_k_r_t_is_the_same_camera():
    orbit = Camera.orbit([2.0, 3.0], [20.0, -50.0], [30.0, 200.0], fov=50)
    f = 64 / (2 * math.tan(math.radians(25)))
    K = torch.tensor([[f, 0, 31.5], [0, f, 31.5], [0, 0, 1]], dtype=F64)  # noqa: N806
    R = orbit.rotation * torch.tensor([1.0, -1.0, -1.0], dtype=F64)[:, None]  # noqa: N806
    pinhole = Camera.pinhole(K, R, -(R @ orbit.eye[..., None])[..., 0], 64)
    world = torch.rand(5, 3, generator=torch.Generator().manual_seed(0), dtype=F64)
    torch.testing.assert_close(pinhole.project(world), orbit.project(world))
    torch.testing.assert_close(pinhole.eye, orbit.eye)


def test_some_of_many_cameras():
    f = torch.eye(3, dtype=F64) * torch.tensor([40.0, 40.0, 1.0], dtype=F64)
    many = (
        Camera.orbit(3.0, [0.0, 10.0, 20.0, 30.0], 0.0),
        Camera.pinhole(
            f, torch.eye(3, dtype=F64).expand(4, 3, 3), torch.rand(4, 3, dtype=F64) + 1, 8
        ),
    )
    world = points((0.1, 0.2, 0.3))
    for camera in many:
        whole = camera.project(world)
        assert len(camera) == 4
        for which in (2, slice(1, 3), [0, 3], torch.tensor([3, 1])):
            expected = whole[[which] if isinstance(which, int) else which]
            assert torch.equal(camera[which].project(world), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"K": torch.eye(2)}, r"K: got shape \(2, 2\), wanted \(3, 3\) or \(2, 3, 3\)"),
        (
            {"K": torch.tensor([[50.0, 0, 20], [3, 50, 20], [0, 0, 1]])},
            "K: camera 0 has .* wanted .*fx, skew, cx",
        ),
        ({"K": torch.zeros(3, 3)}, "with fx, fy > 0"),
        ({"R": torch.eye(3) * torch.nan}, r"R, t: got shapes \(3, 3\) and \(2, 3\)"),
        ({"t": torch.full((2, 3), torch.nan)}, "K: camera 0 .* and a finite t"),
        ({"pixel_center": 1.0}, r"pixel_center: got 1\.0, wanted 0\.0 \(OpenCV\) or 0\.5"),
        ({"size": 2.5}, r"size: got 2\.5, wanted a positive int"),
        ({"R": torch.eye(3)}, r"R, t: got shapes \(3, 3\) and \(2, 3\)"),
        ({"R": torch.stack([torch.eye(3), -torch.eye(3)])}, "R: camera 1 has .* wanted a rotation"),
        (
            {"R": torch.stack([2 * torch.eye(3), torch.eye(3)])},
            "R: camera 0 has .* wanted a rotation",
        ),
        ({"t": torch.zeros(3)}, r"R, t: got shapes .* wanted \(B, 3, 3\) and \(B, 3\)"),
    ],
)
def test_pinhole_refuses_what_is_no_camera(change, message):
    right = {
        "K": torch.tensor([[50.0, 0, 20], [0, 50, 20], [0, 0, 1]]),
        "R": torch.eye(3).expand(2, 3, 3),
        "t": torch.ones(2, 3),
    }
    Camera.pinhole(**right, size=40)
    with pytest.raises(ValueError, match=message):
        Camera.pinhole(**{**right, "size": 40, **change})
