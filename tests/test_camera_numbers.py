"""Every number of a camera.

A float, B of them, a NumPy array, or a tensor that keeps its gradient.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from softras_edu import Camera, Lights, Mesh, cube, icosphere, render

F64 = torch.float64
POINTS = torch.tensor([[0.3, 0.4, -0.5], [-0.2, 0.1, 0.3]], dtype=F64)
K = torch.tensor([[50.0, 0, 31.5], [0, 45, 30], [0, 0, 1]], dtype=F64)


def turned(x: float | Tensor) -> list[Tensor]:
    """A rotation about y by an angle; tensors in a list keep their gradient."""
    x = torch.as_tensor(x, dtype=F64)
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    c, s = x.cos(), x.sin()
    return [torch.stack([c, zero, s]), torch.stack([zero, one, zero]), torch.stack([-s, zero, c])]


# Each makes a camera of one number and has it at a place where its derivative is not zero.
NUMBERS = {
    "distance": (3.0, lambda x: Camera.orbit(x, 10.0, 20.0)),
    "elevation": (10.0, lambda x: Camera.orbit(3.0, x, 20.0)),
    "azimuth": (20.0, lambda x: Camera.orbit(3.0, 10.0, x)),
    "fov": (50.0, lambda x: Camera.orbit(3.0, 10.0, 20.0, fov=x)),
    "orthographic": (1.3, lambda x: Camera.orbit(3.0, 10.0, 20.0, orthographic=x)),
    "one number of eye": (3.0, lambda x: Camera.look_at((0.2, 0.5, x))),
    "one number of at": (0.3, lambda x: Camera.look_at((0.2, 0.5, 3.0), [x, 0.0, 0.1])),
    "one number of up": (0.3, lambda x: Camera.look_at((0.2, 0.5, 3.0), up=[x, 1.0, 0.1])),
    "look_at's fov": (50.0, lambda x: Camera.look_at((0.2, 0.5, 3.0), fov=x)),
    "a list of azimuths": (20.0, lambda x: Camera.orbit(3.0, 10.0, [0.0, x])),
    "a list of fovs": (40.0, lambda x: Camera.orbit(3.0, 10.0, 0.0, fov=[60.0, x])),
    "K": (50.0, lambda x: Camera.pinhole([[x, 0, 31], [0, 45, 30], [0, 0, 1]], R, T, 64)),
    "R": (0.9, lambda x: Camera.pinhole(K, turned(x), T, 64)),
    "distortion": (0.2, lambda x: Camera.pinhole(K, R, T, 64, distortion=[x, 0, 0, 0, 0.1])),
    "P": (50.0, lambda x: Camera.from_matrix([[x, 0, 31, 4], [1, 45, 30, 2], [0, 0, 1, 3]], 64)),
    "eye of look_along": (0.3, lambda x: Camera.look_along([x, 0.5, 3.0], (-0.1, 0.0, -1.0))),
    "direction": (0.3, lambda x: Camera.look_along((0.2, 0.5, 3.0), [x, 0.0, -1.0])),
    "t": (3.0, lambda x: Camera.pinhole(K, R, [[0.1, 0.2, x]], 64)),
}
R, T = torch.eye(3, dtype=F64)[None], torch.tensor([[0.1, 0.2, 3.0]], dtype=F64)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_that_is_a_tensor_keeps_its_gradient(name):
    # A number that was made a float on the way would have no gradient, and could not be learned.
    value, make = NUMBERS[name]

    def seen(x: Tensor) -> Tensor:
        return make(x).project(POINTS)[..., :2]

    x = torch.tensor(value, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(seen, x)
    (slope,) = torch.autograd.grad(seen(x)[..., 0].square().sum(), x)
    assert abs(slope.item()) > 1e-6
    torch.testing.assert_close(seen(x).detach(), make(value).project(POINTS)[..., :2])


@pytest.mark.parametrize("name", ["fov", "orthographic"])
@pytest.mark.parametrize("cameras", [1, 2])
def test_a_lens_a_camera(name, cameras):
    # Two lenses for one place or for two places: each is the picture of that lens alone.
    azimuth = [20.0, 70.0][:cameras]
    many = Camera.orbit(3.0, 10.0, azimuth, **{name: [1.5, 2.5]})
    assert len(many) == 2
    for k, lens in enumerate((1.5, 2.5)):
        alone = Camera.orbit(3.0, 10.0, azimuth[k % cameras], **{name: lens}).project(POINTS)
        torch.testing.assert_close(many.project(POINTS)[k : k + 1], alone, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(many[k].project(POINTS), alone, rtol=1e-12, atol=1e-12)


def test_a_field_of_view_is_learned_through_render():
    fov = torch.tensor(50.0, requires_grad=True)
    image = render(icosphere(1), Camera.orbit(3.0, 10.0, 20.0, fov=fov), size=16, sigma=1e-2)
    image[..., 3].sum().backward()
    assert fov.grad is not None
    assert fov.grad.item() < 0  # a wider view makes the sphere smaller


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Camera.orbit(3.0, 0, 0, fov=[40.0, 190.0]), r"^fov: got \[40\.0, 190\.0\]"),
        (lambda: Camera.orbit(3.0, 0, 0, fov=math.nan), "^fov: got nan, wanted degrees"),
        (lambda: Camera.orbit(3.0, 0, 0, fov="wide"), "^fov: got 'wide', wanted numbers"),
        (lambda: Camera.orbit(3.0, 0, [1, 2], fov=[40.0] * 3), "^fov: got 3 for 2 cameras"),
        (lambda: Camera.orbit(3.0, 0, [1, 2], orthographic=[1.0] * 3), "^orthographic: got 3 for"),
        (lambda: Camera.orbit(3.0, 0, 0, orthographic=torch.zeros(1)), "^orthographic: got tensor"),
        (lambda: Camera.orbit(3.0, [1, 2], [1, 2, 3]), "^distance, elevation, azimuth: got shapes"),
        (lambda: Camera.orbit(math.nan, 0, 0), "^distance: got nan, wanted finite"),
        (lambda: Camera.orbit(3.0, torch.tensor(math.inf), 0), "^elevation: got .*inf.*, wanted"),
        (lambda: Camera.look_at((1.0, 2.0)), r"^eye, at, up: got shapes \(1, 2\)"),
        (lambda: Camera(torch.zeros(3), torch.eye(3), 1.0), r"^eye, rotation: got shapes \(3,\)"),
        (lambda: Camera(torch.zeros(2, 3), torch.eye(3).expand(2, 3, 3), torch.ones(3)), "^scale"),
        (lambda: Camera.orbit(3.0, 0, 0).project(torch.zeros(4)), r"^verts: got \(4,\), wanted"),
        (lambda: Camera.orbit(3.0, 0, [1, 2]).project(torch.zeros(3, 4, 3)), "^verts: got 3 sets"),
    ],
)
def test_what_is_no_camera_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# ---------------------------------------------------------------- integers, NumPy


def test_integers_and_numpy_arrays_make_the_same_camera():
    # Integer R and t used to fail inside, or to round K; a read-only or reversed array is one too.
    turn = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    right = Camera.pinhole(
        torch.tensor([[50.0, 0, 31], [0, 45, 30], [0, 0, 1]]),
        torch.tensor([turn], dtype=torch.float32),
        torch.tensor([[0.0, 1.0, 4.0]]),
        (60, 64),
    ).project(POINTS)
    k = [[50, 0, 31], [0, 45, 30], [0, 0, 1]]
    t = np.array([[4, 1, 0]])[:, ::-1]
    size = np.array([60, 64])
    for make in (np.array, torch.tensor, list):
        for r, s in ((make([turn]), t), (make(turn), np.array([0, 1, 4])[:, None])):
            seen = Camera.pinhole(make(k), r, s, (size[0], size[1])).project(POINTS)
            torch.testing.assert_close(seen, right.to(seen))
    assert Camera.pinhole(k, turn, [0, 1, 4], size).project(POINTS).shape == (1, 2, 3)


def test_numpy_numbers_in_orbit_and_look_at():
    right = Camera.orbit([2.0, 3.0], 10.0, 20.0, 40.0)
    again = Camera.orbit(np.array([2, 3]), np.float32(10), np.int64(20), np.float64(40))
    torch.testing.assert_close(again.project(POINTS), right.project(POINTS))
    eye = np.array([0.0, 1.0, 3.0])
    assert torch.equal(Camera.look_at(eye).eye, Camera.look_at((0.0, 1.0, 3.0)).eye)
    assert Camera.look_at(eye.astype(np.float32)).eye.dtype == torch.float32


def test_numpy_meshes_sizes_and_points():
    sphere, camera = icosphere(1), Camera.orbit(3.0, 10.0, 20.0)
    mesh = Mesh(sphere.verts.numpy(), sphere.faces.numpy().astype(np.int32))
    right = render(sphere, camera, size=(6, 8), sigma=1e-2)
    for size in ((np.int64(6), np.int32(8)), np.array([6, 8]), [6, 8], torch.Size([6, 8])):
        assert torch.equal(render(mesh, camera, size=size, sigma=1e-2), right)
    assert render(mesh, camera, size=np.int64(4)).shape == (1, 4, 4, 4)
    assert torch.equal(camera.project(sphere.verts.numpy()), camera.project(sphere.verts))
    whole = torch.tensor([[0, 0, 1]])  # integers would cut the camera's own numbers
    torch.testing.assert_close(camera.project(whole), camera.project(whole.double()))


@pytest.mark.parametrize("size", [0, -1, 2.5, True, (4,), (4, 5, 6), "ab", None, (4, 0)])
def test_a_size_that_is_none_is_refused_by_name(size):
    with pytest.raises(ValueError, match=r"^size: got .*, wanted a positive int or a pair"):
        render(cube(), Camera.orbit(3.0, 0.0, 0.0), size=size)


# ---------------------------------------------------------------- some of many

FOUR = (
    Camera.orbit(3.0, [0.0, 10.0, 20.0, 30.0], 0.0),
    Camera.orbit(3.0, [0.0, 10.0, 20.0, 30.0], 0.0, fov=[40.0, 50.0, 60.0, 70.0]),
    Camera.pinhole(K, torch.eye(3).expand(4, 3, 3), torch.arange(12).reshape(4, 3), 64),
)


@pytest.mark.parametrize("camera", FOUR)
@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        (torch.tensor(1), [1]),  # gave a camera with len 3 once: its eye was one point
        (np.int64(1), [1]),
        (np.array(2), [2]),
        (-1, [3]),
        (np.array([3, 0]), [3, 0]),
        ((2, 1), [2, 1]),
        (range(2), [0, 1]),
        (torch.tensor([True, False, False, True]), [0, 3]),
        (np.array([False, True, False, False]), [1]),
        ([True, True, False, False], [0, 1]),
        (torch.tensor([1, 3], dtype=torch.int32), [1, 3]),
        ([], []),
        (slice(None, None, 2), [0, 2]),
    ],
)
def test_every_way_to_name_some_of_the_cameras(camera, which, wanted):
    some = camera[which]
    assert len(some) == len(wanted)
    assert torch.equal(some.project(POINTS), camera.project(POINTS)[wanted])


@pytest.mark.parametrize("which", [1.0, "a", None, [True, False], [[0, 1]], torch.ones(4), True])
def test_what_names_no_camera_is_refused_by_name(which):
    with pytest.raises(ValueError, match=r"^camera\[.*\]: wanted a number, a slice, a list"):
        FOUR[0][which]


def test_a_loop_over_cameras_ends():
    assert [len(camera) for camera in FOUR[1]] == [1, 1, 1, 1]
    with pytest.raises(IndexError):
        FOUR[0][4]


@pytest.mark.parametrize("camera", FOUR)
def test_a_camera_goes_to_another_dtype(camera):
    small = camera.to(torch.float32)
    assert small.eye.dtype == small.rotation.dtype == torch.float32
    torch.testing.assert_close(small.project(POINTS), camera.project(POINTS), rtol=1e-5, atol=1e-5)
    assert len(small) == 4


# ---------------------------------------------------------------- torch.func

VERTS = icosphere(0).verts.double()


def project(fov: Tensor) -> Tensor:
    return Camera.orbit(3.0, 10.0, 20.0, fov=fov).project(VERTS)


def draw(azimuth: Tensor) -> Tensor:
    camera = Camera.orbit(3.0, 10.0, azimuth)
    mesh = Mesh(VERTS, icosphere(0).faces)
    options = {"size": 4, "sigma": 1e-2, "gamma": 1e-2, "backend": "broadcast"}
    return render(mesh, camera, lights=Lights(), **options)


@pytest.mark.parametrize("way", ["jacrev", "jacfwd"])
def test_project_under_torch_func(way):
    x = torch.tensor(50.0, dtype=F64)
    jacobian = getattr(torch.func, way)(project)(x)
    h = 1e-5
    torch.testing.assert_close(jacobian, (project(x + h) - project(x - h)) / (2 * h))


def test_project_under_vmap():
    fovs = torch.tensor([40.0, 50.0], dtype=F64)
    apart = torch.stack([project(fov) for fov in fovs])
    torch.testing.assert_close(torch.func.vmap(project)(fovs), apart)


def test_render_under_jacrev():
    x = torch.tensor(20.0, dtype=F64)
    h = 1e-5
    differences = (draw(x + h) - draw(x - h)) / (2 * h)
    torch.testing.assert_close(torch.func.jacrev(draw)(x), differences, rtol=1e-4, atol=1e-6)


def test_render_under_vmap_says_what_to_do_instead():
    # The checks of `rasterize` look at numbers, which vmap does not allow; a batch does the same.
    with pytest.raises(ValueError, match=r"torch\.func\.vmap cannot go through rasterize"):
        torch.func.vmap(draw)(torch.tensor([20.0, 30.0], dtype=F64))
