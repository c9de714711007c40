"""Faces that cross the eye plane are cut at the near plane; depth ranges, soft depth, batches."""

from __future__ import annotations

import math
import warnings

import pytest
import torch
from torch import Tensor

from softras_edu import Camera, Lights, Mesh, cube, icosphere, rasterize, rasterize_hard, render
from softras_edu.clipping import BEYOND, clip_near, crosses

F64 = torch.float64
EXACT = {"sigma": 1e-8, "gamma": 1e-4, "dist_eps": 1e-4}


def grid(count: int, size: float = 20.0) -> Mesh:
    """A square in the plane y = 0, of 2 * count**2 faces, coloured by its place."""
    ticks = torch.linspace(-size / 2, size / 2, count + 1, dtype=F64)
    x, z = torch.meshgrid(ticks, ticks, indexing="ij")
    verts = torch.stack([x, torch.zeros_like(x), z], -1).reshape(-1, 3)
    k = torch.arange(count * (count + 1)).reshape(count, count + 1)[:, :-1].reshape(-1)
    a, b, c, d = k, k + 1, k + count + 1, k + count + 2
    faces = torch.cat([torch.stack(f, 1) for f in ((a, b, d), (a, d, c))])
    return Mesh(verts, faces, verts / size + 0.5)


def same_picture(coarse: Tensor, fine: Tensor, least: float = 0.96) -> None:
    """Equal but for pixels right on an edge of the fine mesh, whose faces each cover half of it."""
    near = (coarse - fine).abs().amax(-1) < 1e-3
    assert near.double().mean() > least
    assert (coarse[..., 3] > 0.5).double().mean() > 0.3  # something is seen


# ---------------------------------------------------------------- what is seen


@pytest.mark.parametrize("rasterizer", [rasterize, rasterize_hard])
@pytest.mark.parametrize("lens", [{"fov": 60.0}, {"orthographic": 3.0}])
def test_the_ground_under_a_camera_is_what_small_faces_show(rasterizer, lens):
    # Two faces of 20 units, both with corners behind the eye, vanished whole. Small faces lose only
    # those that reach the eye, below the edge of the picture.
    camera = Camera.look_at((0.3, 1.5, 2.0), (0.0, 0.0, -3.0), **lens)
    options = {**EXACT, "perspective_correct": "fov" in lens} if rasterizer is rasterize else {}
    images = [render(grid(n), camera, size=32, rasterizer=rasterizer, **options) for n in (1, 61)]
    if rasterizer is rasterize:
        same_picture(*images)
    else:  # it mixes colours on the screen: compare what is covered
        assert (images[0][..., 3] == images[1][..., 3]).double().mean() > 0.99
        assert images[0][..., 3].mean() > 0.3
    assert render(grid(1), camera, size=32, clip=False)[..., 3].max() == 0


def test_a_face_crosses_from_the_eye_to_beyond_near():
    # `rasterize` draws no face with a corner this near to the eye, before it or behind it.
    depths = {(-1, 3, 3): True, (0, 3, 3): True, (1e-3, 3, 3): True, (-1, -1, 3): True}
    depths |= {(0.1, 3, 3): False, (-1, -1, -1): False, (-1, 1, 1.9): False, (3, 3, 3): False}
    found = crosses(torch.tensor([list(depths)], dtype=F64), near=2.0)[0]
    assert found.tolist() == list(depths.values())


def test_a_room_around_the_camera_fills_the_picture():
    # Inside a cube every direction meets a wall; 45 % of the picture was left when faces vanished.
    room = Mesh(cube().verts.double() * 5, cube().faces)
    for azimuth in (0.0, 30.0, 137.0):
        eye = (0.4 * math.sin(azimuth), 0.2, 0.3)
        camera = Camera.look_at(eye, (math.cos(azimuth), 0.1, math.sin(azimuth)), fov=90.0)
        image = render(room, camera, size=16, near=0.1, **EXACT)
        assert image[..., 3].min() > 0.49  # one half right on an edge of a wall
        hard = render(room, camera, size=16, near=0.1, rasterizer=rasterize_hard)
        assert hard[..., 3].min() == 1


def test_nothing_changes_where_no_face_crosses_the_eye():
    # Also not where faces cross near but not the eye: the rasterizer cuts those pixel by pixel.
    mesh = icosphere(2)
    for distance in (3.0, 1.3):
        camera = Camera.orbit(distance, [10.0, -60.0], 20.0)
        options = {"size": 16, "sigma": 1e-3, "gamma": 1e-2}
        wanted = rasterize(
            camera.project(mesh.verts)[:, mesh.faces],
            mesh.corner_colors().expand(2, -1, 3, 3),
            **options,
        )
        for clip in (None, False):
            assert torch.equal(render(mesh, camera, clip=clip, **options), wanted)
        always = render(mesh, camera, clip=True, **options)
        torch.testing.assert_close(always, wanted)


def test_a_batch_in_which_one_camera_needs_it():
    options = {"size": 16, "sigma": 1e-4, "gamma": 1e-2}
    cameras = Camera.look_at([[0.3, 1.5, 2.0], [0.0, 30.0, 25.0]], (0.0, 0.0, -3.0))
    together = render(grid(1), cameras, **options)
    assert torch.equal(together[1:], render(grid(1), cameras[1], clip=False, **options))
    torch.testing.assert_close(together[:1], render(grid(1), cameras[0], **options))
    assert together[0, ..., 3].mean() > 0.3


# ---------------------------------------------------------------- the cut


def behind(corners: list[tuple[float, float, float]]) -> Tensor:
    """One face in view space from right, up, depth."""
    points = torch.tensor(corners, dtype=F64)
    return torch.cat([points[:, :2], -points[:, 2:]], 1)[None, None]


@pytest.mark.parametrize("turn", [0, 1, 2])
@pytest.mark.parametrize("seen", [1, 2])
def test_the_part_before_the_plane_is_left_with_its_area_and_sense(turn, seen):
    # A right triangle with legs 4 and 2 in the plane x = 0.5, cut at half its depth: similar
    # triangles give a quarter of the area on the side of the one corner, three quarters on the
    # other.
    depths = (3.0, -1.0, -1.0) if seen == 1 else (-1.0, 3.0, 3.0)
    corners = [(0.5, 0.0, depths[0]), (0.5, 0.0, depths[1]), (0.5, 2.0, depths[2])]
    face = behind(corners[turn:] + corners[:turn])
    which = torch.tensor([0])
    cut, colors = clip_near(face, face.clone(), 1.0, which)
    assert torch.equal(cut[..., :2], colors[..., :2])  # colours are mixed as places are
    assert (-cut[..., 2] >= 1.0 - 1e-12).all()
    a, b, c = cut[0].unbind(1)
    areas = torch.linalg.cross(b - a, c - a)[:, 0] / 2
    sense = torch.linalg.cross(face[0, 0, 1] - face[0, 0, 0], face[0, 0, 2] - face[0, 0, 0])[0]
    assert (areas * sense >= 0).all()
    assert areas.abs().sum().item() == pytest.approx(1.0 if seen == 1 else 3.0, rel=1e-4)
    assert (areas != 0).sum() == seen


def test_faces_wholly_before_or_behind_stay_as_they_are():
    faces = torch.cat(
        [
            behind([(0, 0, 2), (1, 0, 3), (0, 1, 4)]),
            behind([(0, 0, -2), (1, 0, -3), (0, 1, -4)]),
            behind([(0, 0, 0.5), (1, 0, 3), (0, 1, 4)]),  # crosses near, not the eye
            behind([(0, 0, -2), (1, 0, 0.2), (0, 1, 0.5)]),  # nothing of it is beyond near
        ],
        dim=1,
    )
    assert not crosses(-faces[..., 2], 1.0).any()
    cut, _ = clip_near(faces, faces, 1.0, torch.arange(4))
    assert torch.equal(cut[:, :4], faces)
    assert (cut[:, 4:] == cut[:, 4:, :1]).all()  # no area


@pytest.mark.parametrize("seen", [1, 2])
def test_the_cut_is_differentiable(seen):
    depths = (3.0, -1.0, -2.0) if seen == 1 else (-1.0, 3.0, 2.0)
    face = behind([(0.5, 0.1, depths[0]), (-0.3, 0.2, depths[1]), (0.4, 1.0, depths[2])])
    colors = torch.rand(1, 1, 3, 3, dtype=F64, generator=torch.Generator().manual_seed(0))
    inputs = (face.requires_grad_(), colors.requires_grad_())
    which = torch.tensor([0])
    assert torch.autograd.gradcheck(lambda f, c: clip_near(f, c, 1.0, which), inputs)


def test_the_gradient_through_render_is_that_of_the_picture():
    ground = grid(1)
    camera = Camera.look_at((0.3, 1.5, 2.0), (0.0, 0.0, -3.0))
    options = {"size": 5, "sigma": 0.02, "gamma": 0.1, "far": 20.0, "dist_eps": 0.0}

    def image(verts: Tensor, colors: Tensor) -> Tensor:
        return render(Mesh(verts, ground.faces, colors), camera, backend="broadcast", **options)

    inputs = (ground.verts.requires_grad_(), ground.colors.clone().requires_grad_())
    assert torch.autograd.gradcheck(image, inputs)
    (slope,) = torch.autograd.grad(image(*inputs)[..., 3].sum(), inputs[0])
    assert slope.abs().max() > 1e-3


def test_the_gradient_of_the_camera_through_a_cut():
    # The plane moves with the camera, and every cut corner along its edge: through a bent lens too.
    ground = grid(1)
    options = {"size": 4, "sigma": 0.02, "gamma": 0.1, "far": 20.0, "dist_eps": 0.0}
    down = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=F64))

    def looking(eye: Tensor, fov: Tensor) -> Camera:
        return Camera.look_at(eye, (0.0, 0.0, -3.0), fov=fov)

    def bent(eye: Tensor, k1: Tensor) -> Camera:
        k = [[3.0, 0, 1.5], [0, 3.0, 1.5], [0, 0, 1]]
        lens = [k1, 0.02, 0.01, -0.01, 0.0]
        return Camera.pinhole(k, down, -down @ eye, 4, distortion=lens)

    for make, number in ((looking, 60.0), (bent, -0.1)):

        def image(eye: Tensor, x: Tensor, make=make) -> Tensor:
            return render(ground, make(eye, x), backend="broadcast", **options)

        inputs = [torch.tensor(x, dtype=F64, requires_grad=True) for x in ((0.3, 1.5, 2.0), number)]
        assert crosses(make(*inputs).project(ground.verts)[:, ground.faces, 2], 1.0).all()
        assert torch.autograd.gradcheck(image, inputs)
        grads = torch.autograd.grad(image(*inputs).square().sum(), inputs)
        assert all(grad.abs().max() > 1e-4 for grad in grads)


def test_no_pixel_of_the_cut_falls_before_near():
    # In float32, a depth on the cut may round to just under near, and the pixel would be left out.
    assert BEYOND > 1
    camera = Camera.look_at((0.3, 1.5, 2.0), (0.0, 0.0, -3.0))
    image = render(grid(1).to(torch.float32), camera, size=64, sigma=1e-2, dist_eps=0.01)
    low = image[0, -20:, :, 3]
    assert (low > 0).all()  # the blur of the cut edge covers the lower rows, without holes


# ---------------------------------------------------------------- near and far


@pytest.mark.parametrize(
    ("scale", "distance", "names"),
    [
        (0.025, 0.3, "0.275 to 0.32"),  # 5 cm at 30 cm, in metres
        (50.0, 300.0, "250 to 35"),  # the same in millimetres
        (1.0, -1.0, "-2 to "),  # behind the eye
    ],
)
def test_a_scene_outside_near_and_far_is_said_once(scale, distance, names):
    # It was black, with a gradient of zero, without a word.
    mesh = Mesh(icosphere(1).verts * scale, icosphere(1).faces)
    camera = Camera.look_at((0.0, 0.0, abs(distance)), (0.0, 0.0, abs(distance) - distance))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        for _ in range(3):
            assert render(mesh, camera, size=4)[..., 3].max() == 0
    assert len(said) == 1
    text = str(said[0].message)
    assert text.startswith("nothing is drawn for camera 0: the depths of the mesh, ")
    assert "near = 1 and far = 100" in text
    assert said[0].filename == __file__  # the caller's line
    low, high = text.split("the mesh, ")[1].split(", are")[0].split(" to ")
    assert float(low) == pytest.approx(distance - scale, rel=0.1)
    assert float(high) == pytest.approx(distance + scale, rel=0.1, abs=0.2)


def test_which_camera_sees_nothing_is_said_and_a_scene_in_range_says_nothing():
    with pytest.warns(UserWarning, match="for camera 1: "):
        render(icosphere(1), Camera.orbit([3.0, 300.0], 0.0, 0.0), size=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        render(icosphere(1), Camera.orbit([3.0, 100.0, 1.5], 0.0, 0.0), size=4)
        render(icosphere(1), Camera.orbit(300.0, 0.0, 0.0), size=4, far=1000.0)
        render(Mesh(torch.zeros(0, 3), torch.zeros(0, 3).long()), Camera.orbit(3, 0, 0), size=4)


@pytest.mark.parametrize("rasterizer", [rasterize, rasterize_hard])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_near_and_far_of_the_mesh_draw_it_at_any_scale(rasterizer, scale):
    # The same scene in other units is the same picture.
    options = {"size": 12, "near": "auto", "far": "auto", "rasterizer": rasterizer}
    images = []
    for s in (1.0, scale):
        mesh = Mesh(cube().verts.double() * s, cube().faces, cube().verts.double().abs())
        images.append(render(mesh, Camera.orbit(3 * s, 20.0, 30.0), **options))
    torch.testing.assert_close(*images)
    assert images[0][..., 3].mean() > 0.15


def test_automatic_depths_in_a_room_and_with_nothing_to_see():
    room = Mesh(cube().verts * 5, cube().faces)
    image = render(room, Camera.look_at((0.0, 0.1, 0.2)), size=8, near="auto", far="auto", **EXACT)
    assert image[..., 3].min() > 0.49
    behind = Camera.look_at((0.0, 0.0, 3.0), (0.0, 0.0, 6.0))
    with pytest.warns(UserWarning, match="nothing is drawn"):
        render(icosphere(0), behind, size=4, near="auto", far="auto")
    with pytest.raises(ValueError, match=r"^far: got 0\.5, wanted a finite number above near"):
        render(cube(), Camera.orbit(3.0, 0.0, 0.0), size=4, far=0.5)
    with pytest.raises(ValueError, match=r"^near: got 'close'"):
        render(cube(), Camera.orbit(3.0, 0.0, 0.0), size=4, near="close")


# ---------------------------------------------------------------- depth


@pytest.mark.parametrize("lens", [{"fov": 60.0}, {"orthographic": 2.0}])
@pytest.mark.parametrize("rasterizer", [rasterize, rasterize_hard])
def test_depth_is_where_the_ray_meets_the_plane(rasterizer, lens):
    # A plane that leans: depth is neither affine on the screen nor that of a corner.
    verts = torch.tensor([[-9.0, -5, 3], [9, -5, 3], [9, 9, -9], [-9, 9, -9]], dtype=F64)
    mesh = Mesh(verts, torch.tensor([[0, 1, 2], [0, 2, 3]]))
    camera = Camera.look_at((0.0, 0.0, 5.0), **lens)
    options = {"sigma": 1e-9, "gamma": 1e-4} if rasterizer is rasterize else {}
    image = render(mesh, camera, size=8, depth=True, rasterizer=rasterizer, **options)
    assert image.shape == (1, 8, 8, 5)
    y = 1 - (2 * torch.arange(8, dtype=F64) + 1) / 8
    # The plane has z = 3 + slope (height + 5), through (-5, 3) and (9, -9) in (height, z). A ray
    # from (0, 5) along (y tan 30, -1) meets it; or one from (2 y, 5) along (0, -1).
    slope = -12 / 14
    wanted = (5 - 3 - slope * 5) / (1 + slope * y * math.tan(math.radians(30)))
    if "orthographic" in lens:
        wanted = 5 - 3 - slope * (2 * y + 5)
    inside = image[0, :, 2, 4] > 0.99
    assert inside.sum() > 4
    torch.testing.assert_close(image[0, inside, 2, 3], wanted[inside], rtol=1e-3, atol=0)
    plain = render(mesh, camera, size=8, rasterizer=rasterizer, **options)
    assert torch.equal(plain, image[..., [0, 1, 2, 4]])


@pytest.mark.parametrize("rasterizer", [rasterize, rasterize_hard])
def test_depth_of_the_background_is_far_and_a_gradient_flows(rasterizer):
    verts = icosphere(1).verts.clone().requires_grad_()
    mesh = Mesh(verts, icosphere(1).faces)
    options = {"size": 16, "far": 7.0, "background": 0.3, "rasterizer": rasterizer}
    image = render(mesh, Camera.orbit(3.0, 10.0, 20.0), depth=True, **options)
    assert image[0, 0, 0].tolist() == pytest.approx([0.3, 0.3, 0.3, 7.0, 0.0])
    assert image[0, 8, 8, 3].item() == pytest.approx(2.05, abs=0.05)
    (grad,) = torch.autograd.grad(image[0, 8, 8, 3], verts)
    assert grad.abs().max() > 0.01


# ---------------------------------------------------------------- batches of meshes


def test_meshes_of_different_sizes_are_drawn_as_if_alone():
    meshes = [icosphere(1), cube(), Mesh(torch.zeros(1, 3), torch.zeros(0, 3).long()), icosphere(0)]
    meshes[1] = Mesh(cube().verts, cube().faces, cube().verts.abs())
    cameras = Camera.orbit([3.0, 2.5, 3.0, 4.0], 10.0, [0.0, 30.0, 60.0, 90.0])
    options = {"size": 12, "sigma": 1e-3, "gamma": 1e-2, "lights": Lights()}
    together = render(meshes, cameras, **options)
    assert together.shape == (4, 12, 12, 4)
    for k, mesh in enumerate(meshes):
        assert torch.equal(together[k : k + 1], render(mesh, cameras[k], **options))
    assert torch.equal(
        render(meshes[:2], cameras[0], **options)[1:], render(meshes[1], cameras[0], **options)
    )


def test_the_gradient_of_a_mesh_in_a_batch_is_its_own():
    grads = []
    for batch in (False, True):
        verts = cube().verts.double().requires_grad_()
        meshes = [Mesh(verts, cube().faces), Mesh(icosphere(1).verts.double(), icosphere(1).faces)]
        options = {"size": 8, "sigma": 1e-2, "gamma": 1e-2}
        camera = Camera.orbit(3.0, 10.0, 20.0)
        image = render(meshes, camera, **options) if batch else render(meshes[0], camera, **options)
        grads.append(torch.autograd.grad(image[0].square().sum(), verts)[0])
    assert torch.equal(*grads)


def test_a_batch_in_which_one_mesh_is_cut():
    meshes = [icosphere(0), grid(1).to(torch.float32)]
    cameras = Camera.look_at([[0.0, 0.0, 3.0], [0.3, 1.5, 2.0]], (0.0, 0.0, -3.0))
    together = render(meshes, cameras, size=12, sigma=1e-3)
    for k in range(2):
        assert torch.equal(together[k : k + 1], render(meshes[k], cameras[k], size=12, sigma=1e-3))


@pytest.mark.parametrize(
    ("meshes", "message"),
    [
        ([], "^mesh: got list, wanted a Mesh or a list of them"),
        ([1, 2], "^mesh: got list, wanted a Mesh"),
        (icosphere(0).verts, "^mesh: got Tensor, wanted a Mesh"),
        ([icosphere(0)] * 3, "^camera: got 2 for 3 meshes, wanted one, or one a mesh"),
    ],
)
def test_what_is_no_batch_is_refused(meshes, message):
    with pytest.raises(ValueError, match=message):
        render(meshes, Camera.orbit(3.0, 0.0, [0.0, 1.0]), size=4)
