"""Voxels of open meshes, by the generalised winding number, and voxels in files."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import trimesh
from closed import volume
from torch import Tensor

from softras_edu import Mesh, icosphere
from softras_edu.reconstruct.families import make
from softras_edu.reconstruct.voxel_files import load_voxels, save_voxels
from softras_edu.reconstruct.voxels import _lid, voxelize

SPHERE = icosphere(2)
ROUND = SPHERE.verts.double() * 0.4 + torch.tensor([0.011, 0.023, -0.017], dtype=torch.float64)
SMALL = torch.rand(5, 5, 5, generator=torch.Generator().manual_seed(2)) < 0.4


def centres(side: int = 32) -> Tensor:
    """Of the cells, (side, side, side, 3), indexed [y, x, z]."""
    g = torch.linspace(-0.5, 0.5, side, dtype=torch.float64)
    y, x, z = torch.meshgrid(g, g, g, indexing="ij")
    return torch.stack([x, y, z], dim=-1)


def tube(radius: float, half: float, parts: int = 48) -> Mesh:
    """A tube along y without ends, outside out."""
    angle = torch.arange(parts, dtype=torch.float64) * 2 * math.pi / parts
    ring = torch.stack([angle.sin(), torch.zeros_like(angle), angle.cos()], 1) * radius
    up = torch.tensor([0.0, half, 0.0], dtype=torch.float64)
    k = torch.arange(parts)
    after = (k + 1) % parts
    faces = [
        torch.stack([k, after, after + parts], 1),
        torch.stack([k, after + parts, k + parts], 1),
    ]
    return Mesh(torch.cat([ring - up, ring + up]), torch.cat(faces))


def by_solid_angles(verts: Tensor, faces: Tensor, points: Tensor) -> Tensor:
    """The winding number at (N, 3) points, the mean of arccosines: the angles of each triangle on
    the sphere of directions, less pi, are its area there (Girard), which shares no formula with
    ours.
    """
    corners = torch.nn.functional.normalize(verts[faces][None] - points[:, None, None], dim=-1)
    a, b, c = corners.unbind(2)  # (N, F, 3)

    def angle(p: Tensor, q: Tensor, r: Tensor) -> Tensor:
        one, other = torch.linalg.cross(p, q), torch.linalg.cross(p, r)
        cosine = (one * other).sum(-1) / (one.norm(dim=-1) * other.norm(dim=-1))
        return cosine.clamp(-1, 1).arccos()

    area = angle(a, b, c) + angle(b, c, a) + angle(c, a, b) - math.pi
    return (area * (a * torch.linalg.cross(b, c)).sum(-1).sign()).sum(1) / (4 * math.pi)


def holes(case: str) -> tuple[Tensor, Tensor]:
    middle = ROUND[SPHERE.faces].mean(1)
    if case == "half":
        return ROUND, SPHERE.faces[middle[:, 1] < 0.02]
    if case == "one face missing":
        return ROUND, SPHERE.faces[1:]
    if case == "every third face missing":
        return ROUND, SPHERE.faces[torch.arange(len(SPHERE.faces)) % 3 > 0]
    if case == "inside out":
        return ROUND, SPHERE.faces[middle[:, 0] < 0.2].flip(1)
    if case == "a face twice":
        return ROUND, torch.cat([SPHERE.faces[middle[:, 2] < 0.1], SPHERE.faces[:1]])
    chair = make("chair", 3)  # parts that overlap, of which one loses faces
    return chair.verts.double(), chair.faces[5:]


CASES = ["half", "one face missing", "every third face missing", "inside out", "a face twice",
         "overlapping parts"]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_voxels_of_open_meshes_are_where_the_winding_number_says(case):
    verts, faces = holes(case)
    which = torch.arange(5, 32**3, 131)
    winding = by_solid_angles(verts, faces, centres().reshape(-1, 3)[which])
    found = voxelize(verts, faces).flatten()[which]
    sure = (winding.abs() - 0.5).abs() > 1e-6
    assert sure.all()
    assert found.any()
    assert found.equal(winding.abs() > 0.5)


def test_a_bowl_is_full_to_its_rim():
    # From a point in the bowl, more than half of all directions end on it.
    full = (centres() - ROUND.mean(0)).norm(dim=-1) < 0.4
    low = centres()[..., 1] < 0.023
    verts, faces = holes("half")
    found = voxelize(verts, faces)
    # The rim of whole faces goes up and down by half a face around its height.
    near = (centres()[..., 1] - 0.023).abs() < 0.1
    near |= ((centres() - ROUND.mean(0)).norm(dim=-1) - 0.4).abs() < 0.02
    assert found[~near].equal((full & low)[~near])


@pytest.mark.parametrize("inside_out", [False, True])
def test_a_tube_is_full_where_its_walls_fill_half_the_view(inside_out):
    # At the middle of the axis the walls cover the part h / sqrt(h^2 + r^2) of the sphere: more
    # than a half where h > r / sqrt(3).
    for ratio, full in ((0.52, False), (0.64, True)):  # 1 / sqrt(3) is 0.577
        mesh = tube(0.4, 0.4 * ratio)
        faces = mesh.faces.flip(1) if inside_out else mesh.faces
        assert bool(voxelize(mesh.verts, faces, 33)[16, 16, 16]) == full


def test_a_sheet_has_no_inside_but_a_surface():
    verts = torch.tensor(
        [[-0.4, 0.01, -0.4], [0.4, 0.01, -0.4], [0.4, 0.01, 0.4], [-0.4, 0.01, 0.4]]
    )
    faces = torch.tensor([[0, 1, 2], [0, 2, 3]])
    assert not voxelize(verts, faces).any()
    found = voxelize(verts, faces, surface=True)
    assert found.any((1, 2)).nonzero().flatten().tolist() == [16]  # 0.01 * 31 + 15.5 is 15.8
    assert found[16].float().mean() > 0.6


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_open_box_whose_hole_lies_on_centres_of_cells_has_no_speckles(axis, sign):
    # 33 cells: the centres of layer 24 (8) lie in the plane of the hole, where the winding number
    # is 1/2 but for rounding.
    low, high = -0.25, 0.25
    box = trimesh.creation.box(bounds=[[low] * 3, [high] * 3])
    faces = torch.tensor(box.faces)[torch.tensor(sign * box.face_normals[:, axis] < 0.5)]
    found = voxelize(torch.tensor(box.vertices), faces, 33)
    up = found.transpose(0, 1).movedim(axis, 0)  # [y, x, z] -> the axis first
    inner = (up if sign > 0 else up.flip(0))[:, 9:24, 9:24]
    assert inner[9:24].all()
    assert not inner[24:].any()
    assert not inner[:8].any()


# ---------------------------------------------------------------- files


@pytest.mark.parametrize("suffix", [".npz", ".binvox"])
def test_voxels_in_files_there_and_back(tmp_path, suffix):
    save_voxels(SMALL, tmp_path / f"a{suffix}")
    assert load_voxels(str(tmp_path / f"a{suffix}")).equal(SMALL)


@pytest.mark.parametrize("suffix", [".obj", ".ply", ".stl", ".glb"])
def test_voxels_to_look_at_enclose_the_same_cells(tmp_path, suffix):
    save_voxels(SMALL, tmp_path / f"a{suffix}")
    mesh = Mesh.load(tmp_path / f"a{suffix}")
    assert voxelize(mesh.verts, mesh.faces, 5).equal(SMALL)
    assert volume(mesh) == pytest.approx(int(SMALL.sum()) / 4**3, rel=1e-5)  # its outside outside


def test_a_binvox_says_where_its_cells_are(tmp_path):
    save_voxels(SMALL, tmp_path / "a.binvox")
    grid = trimesh.load(tmp_path / "a.binvox")
    wanted = centres(5)[SMALL]
    order = [np.lexsort(points.T) for points in (grid.points, wanted.numpy())]
    np.testing.assert_allclose(grid.points[order[0]], wanted.numpy()[order[1]], atol=1e-9)


def test_an_npz_is_one_of_the_data_sets(tmp_path):
    many = torch.stack([SMALL, ~SMALL])
    save_voxels(many, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        assert file.files == ["arr_0"]
    assert load_voxels(tmp_path / "a.npz").equal(many)


def test_bad_voxels_and_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"cannot write '\.txt', wanted one of \.npz, \.binvox"):
        save_voxels(SMALL, tmp_path / "a.txt")
    with pytest.raises(
        ValueError, match=r"voxels: got torch\.float32 \(5, 5, 5\), wanted torch\.bool"
    ):
        save_voxels(SMALL.float(), tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"voxels: got torch\.bool \(4, 5, 5\)"):
        save_voxels(SMALL[1:], tmp_path / "a.binvox")
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError, match=r"a\.npz: no such file"):
        load_voxels(tmp_path / "a.npz")
    for suffix in (".npz", ".binvox"):
        (tmp_path / f"a{suffix}").write_bytes(b"nothing")
        with pytest.raises(ValueError, match=rf"a\{suffix}: no readable \{suffix} file"):
            load_voxels(tmp_path / f"a{suffix}")
    with pytest.raises(ValueError, match=r"cannot read '\.obj', wanted \.npz or \.binvox"):
        load_voxels(tmp_path / "a.obj")


def test_a_mesh_that_has_three_vertices_for_each_face_is_closed_all_the_same():
    mesh = icosphere(2)
    soup, faces = 0.4 * mesh.verts[mesh.faces].flatten(0, 1), torch.arange(960).view(-1, 3)
    assert _lid(soup[None], faces).shape[1] == 0
    assert voxelize(soup, faces).equal(voxelize(0.4 * mesh.verts, mesh.faces))
    assert _lid(soup[None], faces[1:]).shape[1] == 3  # a face is missing: three edges
