"""Losses against closed forms."""

from __future__ import annotations

import pytest
import torch

from softras_edu import cube, icosphere, losses

F64 = torch.float64


def box(rows: slice, columns: slice, value: float = 1.0) -> torch.Tensor:
    image = torch.zeros(8, 10, dtype=F64)
    image[rows, columns] = value
    return image


def test_iou_of_boxes_is_counted_in_pixels():
    a, b = (
        box(slice(0, 4), slice(0, 4)),
        box(slice(2, 6), slice(1, 5)),
    )  # 16 pixels each, 2 x 3 of them shared
    assert losses.iou(a, b).item() == pytest.approx(1 - 6 / 26)
    assert losses.iou(a, a).item() == pytest.approx(0.0)
    assert losses.iou(a, box(slice(6, 8), slice(0, 4))).item() == pytest.approx(1.0)


def test_iou_of_soft_pictures_multiplies_them():
    # Intersection a t, union a + t - a t: 0.5 * 1 on 16 pixels over (0.5 + 1 - 0.5) on them.
    a = box(slice(0, 4), slice(0, 4))
    assert losses.iou(0.5 * a, a).item() == pytest.approx(0.5)
    assert losses.iou(0.5 * a, 0.5 * a).item() == pytest.approx(1 - 0.25 / 0.75)


def test_iou_averages_over_the_batch():
    a, b = box(slice(0, 4), slice(0, 4)), box(slice(2, 6), slice(1, 5))
    # The mean of each picture's loss: not the loss of all pixels in one heap, which would be
    # 1 - 22 / 42.
    assert losses.iou(torch.stack([a, a]), torch.stack([a, b])).item() == pytest.approx(
        (0 + 20 / 26) / 2
    )
    assert losses.iou(torch.stack([a, a])[None], torch.stack([a, b])[None]).shape == ()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_iou_of_two_empty_pictures_is_finite_with_a_finite_gradient(dtype):
    alpha = torch.zeros(4, 4, dtype=dtype, requires_grad=True)
    loss = losses.iou(alpha, torch.zeros(4, 4, dtype=dtype))
    assert loss.item() == 1.0  # no overlap to speak of
    (grad,) = torch.autograd.grad(loss, alpha)
    assert grad.isfinite().all()


def test_iou_gradcheck():
    generator = torch.Generator().manual_seed(0)
    alpha, target = (torch.rand(2, 3, 4, generator=generator, dtype=F64) for _ in range(2))
    assert torch.autograd.gradcheck(losses.iou, (alpha.requires_grad_(), target.requires_grad_()))


@pytest.mark.parametrize(
    ("alpha", "target"), [((4, 4), (4, 5)), ((2, 4, 4), (4, 4)), ((4, 4, 1), (4, 4)), ((4,), (4,))]
)
def test_iou_refuses_shapes_that_differ(alpha, target):
    with pytest.raises(
        ValueError, match=r"^target: got shape .*, wanted \(\.\.\., H, W\) like alpha"
    ):
        losses.iou(torch.zeros(alpha), torch.zeros(target))


HEXAGON = torch.tensor(
    [[1.0, 0, 0], [0.5, 0.75, 0], [-0.5, 0.75, 0], [-1, 0, 0], [-0.5, -0.75, 0], [0.5, -0.75, 0]],
    dtype=F64,
)
FAN = torch.tensor([[6, k, (k + 1) % 6] for k in range(6)])


def test_laplacian_of_a_vertex_counts_its_distance_from_its_neighbours_mean():
    # Lifting the hub of a fan by h: the hub is h from its neighbours' mean, and moves each of six
    # rim means by h / 3.
    flat = torch.cat([HEXAGON, torch.zeros(1, 3, dtype=F64)])
    lifted = flat.clone()
    lifted[6, 2] = 0.6
    difference = losses.laplacian(lifted, FAN) - losses.laplacian(flat, FAN)
    assert difference.item() == pytest.approx(0.6**2 + 6 * (0.6 / 3) ** 2)
    hub_at_mean = torch.cat([HEXAGON, HEXAGON.mean(0, keepdim=True)])
    hub_at_mean.requires_grad_()
    (grad,) = torch.autograd.grad(losses.laplacian(hub_at_mean, FAN), hub_at_mean)
    assert grad[6].abs().max() < 1e-12  # in a symmetric fan, the mean is where the hub rests


def test_laplacian_of_a_tetrahedron_by_hand():
    # Each vertex neighbours the other three: v - mean(others) = v - (0 - v) / 3 = 4/3 v, as the
    # four sum to 0. |v|^2 = 3.
    verts = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=F64)
    faces = torch.tensor([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    assert losses.laplacian(verts, faces).item() == pytest.approx(4 * 16 / 9 * 3)
    assert losses.laplacian(torch.stack([verts, 2 * verts]), faces).item() == pytest.approx(
        (1 + 4) / 2 * 64 / 3
    )  # squared; averaged over B


def test_laplacian_counts_a_shared_edge_once():
    # Two triangles on the edge 1-2: the neighbours of 1 are 0, 2, 3, each once, although the edge
    # to 2 is in both faces.
    verts = torch.tensor([[0.0, 0, 0], [3, 0, 0], [0, 3, 0], [3, 3, 0]], dtype=F64)
    faces = torch.tensor([[0, 1, 2], [1, 3, 2]])
    offsets = [(-1.5, -1.5), (3 - 1, -2), (-2, 3 - 1), (1.5, 1.5)]
    assert losses.laplacian(verts, faces).item() == pytest.approx(
        sum(x * x + y * y for x, y in offsets)
    )


def test_laplacian_ignores_idle_vertices_and_moving_the_whole_mesh():
    mesh = icosphere(1)
    verts = mesh.verts.double()
    loss = losses.laplacian(verts, mesh.faces)
    assert losses.laplacian(
        torch.cat([verts, torch.full((1, 3), 9.0, dtype=F64)]), mesh.faces
    ).item() == pytest.approx(loss.item())
    assert losses.laplacian(verts + 5, mesh.faces).item() == pytest.approx(loss.item())


def test_laplacian_is_lower_for_a_smoother_mesh_and_passes_gradcheck():
    mesh = icosphere(0)
    verts = mesh.verts.double()
    bumpy = verts + 0.2 * torch.randn(
        verts.shape, generator=torch.Generator().manual_seed(0), dtype=F64
    )
    assert losses.laplacian(bumpy, mesh.faces) > losses.laplacian(verts, mesh.faces)
    assert torch.autograd.gradcheck(
        lambda v: losses.laplacian(v, mesh.faces), (torch.stack([verts, bumpy]).requires_grad_(),)
    )


def hinge(degrees: float) -> torch.Tensor:
    """Two triangles on the edge from (0, 0, 0) to (0, 1, 0), at this angle: 180 is flat."""
    angle = torch.deg2rad(torch.tensor(degrees, dtype=F64))
    wing = torch.stack([angle.cos() * 3, torch.tensor(0.8, dtype=F64), angle.sin() * 3])
    fixed = torch.tensor([[0.0, 0, 0], [0, 1, 0], [2, 0.3, 0]], dtype=F64)
    return torch.cat([fixed, wing[None]])


@pytest.mark.parametrize(
    ("degrees", "expected"), [(180, 0.0), (120, 0.25), (90, 1.0), (60, 2.25), (0, 4.0), (-90, 1.0)]
)
def test_flatten_of_a_hinge_is_the_square_of_one_plus_the_cosine_of_its_angle(degrees, expected):
    # Whatever the shape of its two triangles, and whichever way round they are listed.
    for faces in ([[0, 1, 2], [1, 0, 3]], [[1, 0, 2], [1, 0, 3]], [[2, 0, 1], [3, 1, 0]]):
        assert losses.flatten(hinge(degrees), torch.tensor(faces)).item() == pytest.approx(
            expected, abs=1e-12
        )


def test_flatten_of_a_cube_counts_its_twelve_folds_of_90_degrees():
    mesh = cube()  # 18 edges: 12 folds, and 6 diagonals in flat sides
    assert losses.flatten(mesh.verts.double(), mesh.faces).item() == pytest.approx(12.0)
    big = torch.stack(
        [mesh.verts.double(), 5 * mesh.verts.double() + 1]
    )  # size and place do not matter; averaged over B
    assert losses.flatten(big, mesh.faces).item() == pytest.approx(12.0)


def test_flatten_of_a_regular_tetrahedron():
    # Its faces meet at arccos(1/3), six times.
    verts = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=F64)
    faces = torch.tensor([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    assert losses.flatten(verts, faces).item() == pytest.approx(6 * (4 / 3) ** 2)
    # Without one face: three edges are shared, three are the boundary.
    assert losses.flatten(verts, faces[:3]).item() == pytest.approx(3 * (4 / 3) ** 2)


def test_flatten_of_a_lone_triangle_and_of_one_without_area_is_zero_with_a_finite_gradient():
    verts = hinge(90)
    assert losses.flatten(verts, torch.tensor([[0, 1, 2]])).item() == 0.0
    verts[3] = verts[0] / 2 + verts[1] / 2  # the second triangle is only a line
    verts.requires_grad_()
    loss = losses.flatten(verts, torch.tensor([[0, 1, 2], [1, 0, 3]]))
    (grad,) = torch.autograd.grad(loss, verts)
    assert loss.item() == 0.0
    assert grad.abs().sum() == 0


def test_flatten_compares_three_faces_at_one_edge_each_with_the_next():
    verts = torch.cat([hinge(90), hinge(180)[3:]])
    faces = torch.tensor([[0, 1, 2], [1, 0, 3], [0, 1, 4]])
    assert losses.flatten(verts, faces).item() == pytest.approx(
        1.0 + 1.0
    )  # 0 to 90 degrees, 90 to 180


def test_flatten_is_lower_for_a_smoother_mesh_and_passes_gradcheck():
    mesh = icosphere(0)
    verts = mesh.verts.double()
    bumpy = verts + 0.2 * torch.randn(
        verts.shape, generator=torch.Generator().manual_seed(0), dtype=F64
    )
    assert losses.flatten(bumpy, mesh.faces) > losses.flatten(verts, mesh.faces)
    assert torch.autograd.gradcheck(
        lambda v: losses.flatten(v, mesh.faces), (torch.stack([verts, bumpy]).requires_grad_(),)
    )
    wide = torch.cat(
        [mesh.faces, torch.tensor([[0, 11, 7]])]
    )  # a fin on an edge that two faces share already
    assert torch.autograd.gradcheck(lambda v: losses.flatten(v, wide), (bumpy.requires_grad_(),))
