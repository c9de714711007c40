"""The same picture of a letter F from the cameras of other libraries, there and back.

Each expected picture is painted pixel by pixel from what the other library says of a pixel's ray:
no triangle, no `Camera`. A mirrored, shifted or turned picture fails.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from letter import F64, letter, meets_plane, painted
from torch import Tensor

from softras_edu import Camera, Mesh, rasterize_hard, render
from softras_edu.camera.conventions import (
    COLMAP_MODELS,
    from_colmap,
    from_opengl,
    from_pytorch3d,
    from_softras,
    mirror_z,
    to_colmap,
    to_matrix,
    to_opencv,
    to_opengl,
    to_pytorch3d,
    to_softras,
)

SIZE = (36, 52)
CLOUD = torch.randn(40, 3, generator=torch.Generator().manual_seed(0), dtype=F64) * 0.5


def picture(camera: Camera, mesh: Mesh | None = None, size: tuple[int, int] = SIZE) -> Tensor:
    image = render(mesh or letter(), camera, size=size, rasterizer=rasterize_hard)
    return image[0, ..., 3]


def same(got: Tensor, expected: Tensor) -> None:
    """Equal, but for pixels whose centre is on an edge to rounding; and no mirror of it is."""
    assert expected.mean() > 0.03
    assert (got == expected).double().mean() > 0.998
    for mirrored in (expected.flip(0), expected.flip(1), expected.flip(0, 1)):
        assert (got == mirrored).double().mean() < 0.97


def turned(about_y: float, about_x: float) -> np.ndarray:
    """A rotation in float64."""
    a, b = math.radians(about_y), math.radians(about_x)
    y = np.array([[math.cos(a), 0, math.sin(a)], [0, 1, 0], [-math.sin(a), 0, math.cos(a)]])
    x = np.array([[1, 0, 0], [0, math.cos(b), -math.sin(b)], [0, math.sin(b), math.cos(b)]])
    return x @ y


def as_seen(a: Camera, b: Camera) -> None:
    """The two put all points at the same place, and look from the same place."""
    torch.testing.assert_close(a.project(CLOUD), b.project(CLOUD), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(a.to_eye(CLOUD[None]), b.to_eye(CLOUD[None]), rtol=1e-9, atol=1e-9)


PLAIN = Camera.orbit([3.0, 2.5], [20.0, -35.0], [30.0, 130.0], fov=[40.0, 50.0])
K = torch.tensor([[41.0, 0, 23.3], [0, 45.0, 20.1], [0, 0, 1]], dtype=F64)
R = torch.from_numpy(np.stack([turned(160, 20) @ np.diag([1, -1, -1.0]), turned(40, -15)]))
MEASURED = Camera.pinhole(K, R, [[0.1, -0.2, 3.0], [0.2, 0.1, 4.0]], SIZE)
PARALLEL = Camera.orbit(3.0, [10.0, 40.0], 20.0, orthographic=1.4)

# ---------------------------------------------------------------- ours


def test_orbit_draws_the_letter_as_its_formula_says():
    elevation, azimuth, tangent = math.radians(20), math.radians(30), math.tan(math.radians(25))
    e, a = elevation, azimuth
    back = np.array([math.cos(e) * math.sin(a), math.sin(e), math.cos(e) * math.cos(a)])
    right = np.array([math.cos(a), 0, -math.sin(a)])
    axes = np.stack([right, np.cross(back, right), -back])

    def ray(column, row):
        x, y = (2 * column + 1 - SIZE[1]) / SIZE[0], 1 - (2 * row + 1) / SIZE[0]
        return meets_plane(2.5 * back, axes, (x * tangent, y * tangent))

    same(picture(Camera.orbit(2.5, 20.0, 30.0, fov=50.0)), painted(ray, SIZE))


def test_look_along_is_look_at_and_its_length_does_not_count():
    eye, at = torch.tensor([1.0, 0.5, 2.0], dtype=F64), torch.tensor([0.1, -0.2, 0.3], dtype=F64)
    for far in (1.0, 1e-3, 1e4):
        camera = Camera.look_along(eye, far * (at - eye), up=(0.1, 1.0, 0.0), fov=45.0)
        as_seen(camera, Camera.look_at(eye, at, (0.1, 1.0, 0.0), 45.0))
    many = Camera.look_along([(0.0, 0.0, 3.0), (3.0, 0.0, 0.0)], [(0, 0, -1), (-1, 0, 0)])
    as_seen(many, Camera.look_at([(0.0, 0.0, 3.0), (3.0, 0.0, 0.0)]))
    flat = Camera.look_along((0, 0, 3), (0, 0, -1), orthographic=2.0)
    assert not flat.perspective
    with pytest.raises(ValueError, match=r"^direction: got no direction"):
        Camera.look_along((0.0, 0.0, 3.0), (0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"^up: got a direction along"):
        Camera.look_along((0.0, 0.0, 3.0), (0.0, 1.0, 0.0))


def test_to_eye_points_at_the_eye():
    points = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 3.0, 2.0], [0.0, 0.0, 2.0]]], dtype=F64)
    camera = Camera.look_at((0.0, 0.0, 2.0))
    expected = torch.tensor([[[0.0, 0, 1], [0, -1, 0], [0, 0, 0]]], dtype=F64)  # 0: at the eye
    torch.testing.assert_close(camera.to_eye(points), expected)
    parallel = Camera.orbit(2.0, 0.0, [0.0, 90.0], orthographic=1.0).to_eye(points)
    expected = torch.tensor([[[0.0, 0, 1]] * 3, [[1.0, 0, 0]] * 3], dtype=F64)
    torch.testing.assert_close(parallel, expected)


# ---------------------------------------------------------------- OpenCV, P, COLMAP


@pytest.mark.parametrize("pixel_center", [0.0, 0.5])
def test_opencv_draws_the_letter_where_k_r_t_say(pixel_center):
    r, t, k = R[0].numpy(), np.array([0.1, -0.2, 3.0]), K.numpy()

    def ray(column, row):
        x = (column + pixel_center - k[0, 2]) / k[0, 0]
        y = (row + pixel_center - k[1, 2]) / k[1, 1]
        return meets_plane(-r.T @ t, r * np.array([[1], [-1], [1]]), (x, -y))

    camera = Camera.pinhole(K, R[:1], t[None], SIZE, pixel_center=pixel_center)
    same(picture(camera), painted(ray, SIZE))


@pytest.mark.parametrize("pixel_center", [0.0, 0.5])
def test_opencv_and_p_there_and_back(pixel_center):
    lens = torch.tensor([-0.1, 0.02, 0.003, -0.002, 0.001], dtype=F64)
    bent = Camera.pinhole(K, R, torch.ones(2, 3), SIZE, distortion=lens)
    for camera in (PLAIN, MEASURED, bent):
        k, r, t, d = to_opencv(camera, SIZE, pixel_center=pixel_center)
        options = {"size": SIZE, "pixel_center": pixel_center}
        as_seen(Camera.pinhole(k, r, t, **options, distortion=d), camera)
        if camera is not bent:
            p = to_matrix(camera, SIZE, pixel_center=pixel_center)
            for factor in (1.0, -3.0, 1e-5):
                as_seen(Camera.from_matrix(p * factor, **options), camera)
            seen = p @ torch.cat([CLOUD, torch.ones(40, 1)], 1).mT  # (2, 3, 40)
            torch.testing.assert_close(seen[:, 2], camera.project(CLOUD)[..., 2])
    k, r, t, d = to_opencv(MEASURED, SIZE)
    torch.testing.assert_close(k, K.expand(2, 3, 3))
    torch.testing.assert_close(r, R)
    torch.testing.assert_close(t, torch.tensor([[0.1, -0.2, 3.0], [0.2, 0.1, 4.0]], dtype=F64))
    assert not d.any()


def test_any_matrix_is_a_camera_that_sees_points_where_it_says():
    # Twelve random numbers: skewed pixels, and fx not fy.
    generator = torch.Generator().manual_seed(3)
    for _ in range(20):
        p = torch.randn(2, 3, 4, generator=generator, dtype=F64)
        camera = Camera.from_matrix(p, SIZE, pixel_center=0.5)
        seen = (p @ torch.cat([CLOUD, torch.ones(40, 1)], 1).mT).mT  # (2, 40, 3)
        u, v = (seen[..., :2] / seen[..., 2:]).unbind(-1)
        x, y, z = camera.project(CLOUD).unbind(-1)
        before = z > 0.01
        assert before.any()
        wanted = ((2 * u - SIZE[1]) / SIZE[0])[before], (1 - 2 * v / SIZE[0])[before]
        torch.testing.assert_close((x[before], y[before]), wanted, rtol=1e-6, atol=1e-6)
        # Depth is the distance along the axis: as far as a point moves along it.
        axis = -camera.rotation[:, None, 2]
        deeper = camera.project(CLOUD + 2 * axis)[..., 2]
        torch.testing.assert_close(deeper, z + 2, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(torch.linalg.det(camera.rotation), torch.ones(2, dtype=F64))


def test_the_sides_of_a_camera_are_those_before_p():
    # P and -P are one camera: the side that M's determinant calls before it.
    p = to_matrix(PLAIN[:1], SIZE)
    assert (Camera.from_matrix(-p, SIZE).project(CLOUD * 0.1)[..., 2] > 0).all()


def test_gradient_of_every_number_of_p():
    p = to_matrix(PLAIN, SIZE).requires_grad_()
    assert torch.autograd.gradcheck(lambda p: Camera.from_matrix(p, SIZE).project(CLOUD[:3]), p)


@pytest.mark.parametrize(
    ("p", "message"),
    [
        (torch.zeros(3, 3), r"^P: got shape \(3, 3\), wanted \(3, 4\) or \(B, 3, 4\)"),
        (torch.zeros(3, 4), "^P: camera 0 has .*not singular"),
        (torch.eye(3, 4) * torch.tensor([1.0, 1.0, 0.0])[:, None], "^P: camera 0 .*singular"),
        (torch.eye(3, 4) * torch.nan, "^P: camera 0 has .*wanted finite numbers"),
        ("P", "^P: got 'P', wanted numbers"),
    ],
)
def test_a_matrix_that_is_no_camera_is_refused(p, message):
    with pytest.raises(ValueError, match=message):
        Camera.from_matrix(p, SIZE)


def test_colmap_draws_the_letter_by_its_own_formulas():
    # A quaternion turns as q x q*, written here by quaternion products, not as a matrix.
    def times(p, q):
        return np.concatenate(
            [[p[0] * q[0] - p[1:] @ q[1:]], p[0] * q[1:] + q[0] * p[1:] + np.cross(p[1:], q[1:])]
        )

    q = np.array([0.1, 0.95, 0.15, -0.1])
    q /= np.linalg.norm(q)
    t, f, cx, cy = np.array([0.1, 0.1, 2.6]), 40.0, 24.0, 20.0
    star = q * np.array([1, -1, -1, -1])
    r = np.stack([times(times(q, np.append(0.0, axis)), star)[1:] for axis in np.eye(3)], axis=1)

    def ray(column, row):
        x, y = (column + 0.5 - cx) / f, (row + 0.5 - cy) / f
        return meets_plane(-r.T @ t, r * np.array([[1], [-1], [1]]), (x, -y))

    camera = from_colmap(3 * q, t, "SIMPLE_PINHOLE", [f, cx, cy], SIZE)
    same(picture(camera), painted(ray, SIZE))


@pytest.mark.parametrize("model", COLMAP_MODELS)
def test_colmap_there_and_back(model):
    names = COLMAP_MODELS[model]
    value = {"f": 40, "fx": 40, "fy": 44, "cx": 20, "cy": 18, "k1": -0.1, "k2": 0.02}
    numbers = [value.get(name, 0.004) for name in names]
    q = torch.randn(200, 4, generator=torch.Generator().manual_seed(1), dtype=F64)
    q[0], q[1] = torch.tensor([0.0, 1, 0, 0]), torch.tensor([1.0, 0, 0, 0])
    q = q / q.norm(dim=1, keepdim=True) * q[:, :1].sign().where(q[:, :1] != 0, 1.0)
    t = torch.tensor([0.1, 0.2, 4.0], dtype=F64).expand(200, 3)
    camera = from_colmap(q, t, model, numbers, SIZE)
    r, s, name, x = to_colmap(camera, SIZE)
    assert name == ("OPENCV" if "k1" in names else "PINHOLE")
    torch.testing.assert_close(r, q)
    torch.testing.assert_close(s, t)
    as_seen(from_colmap(r, s, name, x, SIZE), camera)
    lens = dict(zip(COLMAP_MODELS[name], x[0].tolist(), strict=True))
    for key, number in zip(names, numbers, strict=True):
        assert lens["fx" if key == "f" else key] == pytest.approx(number)


# ---------------------------------------------------------------- PyTorch3D, OpenGL


@pytest.mark.parametrize("size", [SIZE, (52, 36), (40, 40)])
def test_pytorch3d_draws_the_letter_by_its_own_formulas(size):
    # Rows times R, plus T; x left, y up, z forward; x = f X / Z + p, over half the shorter side.
    r, t = turned(170, 20), np.array([0.1, -0.1, 3.0])
    focal, middle, shorter = np.array([1.7, 1.5]), np.array([0.1, -0.2]), min(size)

    def ray(column, row):
        left = -(2 * column + 1 - size[1]) / shorter
        up = -(2 * row + 1 - size[0]) / shorter
        x, y = (left - middle[0]) / focal[0], (up - middle[1]) / focal[1]
        return meets_plane(-r @ t, r.T, (x, y))  # rows of r.T: left, up, forward

    camera = from_pytorch3d(r[None], t[None], focal[None], middle, size=size)
    same(picture(camera, size=size), painted(ray, size))


@pytest.mark.parametrize("camera", [PLAIN, MEASURED, PARALLEL])
@pytest.mark.parametrize("size", [SIZE, (52, 36)])
def test_pytorch3d_and_opengl_there_and_back(camera, size):
    words = to_pytorch3d(camera, size)
    as_seen(from_pytorch3d(**words, size=size, perspective=camera.perspective), camera)
    as_seen(from_opengl(*to_opengl(camera, size), size), camera)


@pytest.mark.parametrize("camera", [PLAIN, MEASURED, PARALLEL])
def test_opengl_clips_where_we_do(camera):
    view, projection = to_opengl(camera, SIZE, near=2.0, far=7.0)
    seen = projection @ view @ torch.cat([CLOUD, torch.ones(40, 1)], 1).mT  # (B, 4, 40)
    x, y, z = (seen[:, :3] / seen[:, 3:]).unbind(1)
    ours = camera.project(CLOUD)
    before = ours[..., 2] > 0.01
    wide = SIZE[1] / SIZE[0]
    got = torch.stack([x * wide, y], -1)
    torch.testing.assert_close(got[before], ours[..., :2][before], rtol=1e-9, atol=1e-9)
    depth = ours[..., 2][before]
    straight = (2 * depth - 9) / 5
    bent = (9 - 28 / depth) / 5  # -1 at near, 1 at far, affine in 1 / depth
    torch.testing.assert_close(z[before], bent if camera.perspective else straight)


@pytest.mark.parametrize("camera", [MEASURED[:1], PARALLEL[1:]])
def test_opengl_draws_the_letter_by_its_own_formulas(camera):
    # A pixel's ray runs from the near plane, depth -1, to the far plane, depth 1, by the inverse of
    # both matrices. The first row has the highest y, as when its pixels are read from above.
    view, projection = to_opengl(camera, SIZE, near=0.5, far=9.0)
    back = np.linalg.inv((projection @ view)[0].numpy())

    def ray(column, row):
        x, y = (2 * column + 1) / SIZE[1] - 1, 1 - (2 * row + 1) / SIZE[0]
        ends = []
        for depth in (-1.0, 1.0):
            clip = np.stack([x, y, np.full_like(x, depth), np.ones_like(x)], axis=-1)
            point = clip @ back.T
            ends.append(point[..., :3] / point[..., 3:])
        start, way = ends[0], ends[1] - ends[0]
        far = -start[..., 2] / way[..., 2]
        return start[..., 0] + far * way[..., 0], start[..., 1] + far * way[..., 1]

    expected = painted(ray, SIZE)
    for ours in (camera, from_opengl(view, projection, SIZE)):
        same(picture(ours), expected)


def test_a_skewed_camera_through_opengl():
    slanted = K + torch.tensor([[0.0, 6, 0], [0, 0, 0], [0, 0, 0]], dtype=F64)
    camera = Camera.pinhole(slanted, R, torch.ones(2, 3, dtype=F64), SIZE)
    as_seen(from_opengl(*to_opengl(camera, SIZE), SIZE), camera)


# ---------------------------------------------------------------- SoftRas, NMR, GenDR


def softras_axes(eye: np.ndarray, at: np.ndarray, up: np.ndarray) -> np.ndarray:
    """Rows x, y, z of its view space, by the cross products of its look_at."""
    z = (at - eye) / np.linalg.norm(at - eye)
    x = np.cross(up, z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


@pytest.mark.parametrize("eye", [(0.6, 0.9, -2.2), (-1.0, 0.4, 1.9)])
def test_softras_draws_the_letter_by_its_own_formulas(eye):
    # The vertices are as in its file; ours are mirrored. Its picture has y up, its rows go down.
    at, up, angle = np.array([0.05, -0.1, 0.0]), np.array([0.1, 1.0, 0.0]), 24.0
    axes, tangent, n = softras_axes(np.array(eye), at, up), math.tan(math.radians(angle)), 48

    def ray(column, row):
        x, y = (2 * column + 1 - n) / n, (2 * (n - 1 - row) + 1 - n) / n
        return meets_plane(np.array(eye), axes, (x * tangent, y * tangent))

    camera = from_softras(eye, at, up, viewing_angle=angle)
    mesh = letter()
    mirrored = Mesh(mirror_z(mesh.verts), mesh.faces.flip(1))
    expected = painted(ray, (n, n))
    same(picture(camera, mirrored, (n, n)), expected)
    # The F lies in z = 0, where a mirror in z does nothing; a box would not. So mirror the eye too:
    wrong = Camera.look_at(eye, at, up, 2 * angle)
    assert (picture(wrong, mesh, (n, n)) == expected).double().mean() < 0.97


def test_softras_numbers_by_its_own_formulas():
    # look_at, then x / z / tan(angle): for points off the plane of the letter.
    eye, at, up = np.array([0.6, 0.9, -2.2]), np.array([0.05, -0.1, 0.2]), np.array([0.1, 1.0, 0.0])
    view = (CLOUD.numpy() - eye) @ softras_axes(eye, at, up).T
    ours = from_softras(eye, at, up, viewing_angle=24.0).project(mirror_z(CLOUD))[0].numpy()
    tangent = math.tan(math.radians(24))
    np.testing.assert_allclose(ours[:, :2], view[:, :2] / view[:, 2:] / tangent, atol=1e-12)
    np.testing.assert_allclose(ours[:, 2], view[:, 2], atol=1e-12)
    ours = from_softras(eye, at, up, viewing_scale=0.7).project(mirror_z(CLOUD))[0].numpy()
    np.testing.assert_allclose(ours[:, :2], view[:, :2] * 0.7, atol=1e-12)


def test_its_angles_are_the_orbits():
    # get_points_from_angles: d (cos e sin a, sin e, -cos e cos a).
    for distance, elevation, azimuth in ((2.7, 30.0, 50.0), (1.5, -70.0, 190.0)):
        e, a = math.radians(elevation), math.radians(azimuth)
        eye = [math.cos(e) * math.sin(a), math.sin(e), -math.cos(e) * math.cos(a)]
        camera = from_softras(np.array(eye) * distance, viewing_angle=15.0)
        as_seen(camera, Camera.orbit(distance, elevation, azimuth, fov=30.0))


@pytest.mark.parametrize("camera", [PLAIN, PARALLEL])
def test_softras_there_and_back(camera):
    words = to_softras(camera)
    eye, ahead = words["eye"], words["camera_direction"]
    lens = {key: words[key] for key in ("viewing_angle", "viewing_scale") if key in words}
    as_seen(from_softras(eye, eye + ahead, words["up"], **lens), camera)


def test_a_mirrored_mesh_has_its_outside_outside():
    mesh = letter()
    assert torch.equal(mirror_z(mirror_z(CLOUD)), CLOUD)
    mirrored = Mesh(mirror_z(mesh.verts + torch.tensor([0, 0, 0.5])), mesh.faces.flip(1))
    # It faced +z, and faces -z now; seen from there it is in front.
    torch.testing.assert_close(mirrored.face_normals(), -mesh.face_normals())
    options = {"size": 16, "cull_backfaces": True, "rasterizer": rasterize_hard}
    assert render(mirrored, Camera.orbit(3.0, 0.0, 180.0), **options)[..., 3].max() == 1
    assert render(mirrored, Camera.orbit(3.0, 0.0, 0.0), **options)[..., 3].max() == 0
