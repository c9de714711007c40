"""Made-up objects, their voxels and pictures; files, there and back, and what can be wrong."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from torch import Tensor
from torch.nn.functional import normalize

from softras_edu import Mesh, cube, icosphere, rasterize_hard, render
from softras_edu.reconstruct import data, families
from softras_edu.reconstruct.data import LIGHTS, orbit, photograph
from softras_edu.reconstruct.evaluate import blocks
from softras_edu.reconstruct.voxels import voxel_iou, voxelize


def centres() -> Tensor:
    """Of the cells, (32, 32, 32, 3), indexed [y, x, z]."""
    g = torch.linspace(-0.5, 0.5, 32, dtype=torch.float64)
    y, x, z = torch.meshgrid(g, g, g, indexing="ij")
    return torch.stack([x, y, z], dim=-1)


# ---------------------------------------------------------------- families


@pytest.mark.parametrize("family", families.FAMILIES)
def test_objects_are_closed_solid_coloured_and_repeatable(family):
    meshes = [families.make(family, seed) for seed in range(6)]
    for mesh in meshes:
        solid = trimesh.Trimesh(mesh.verts.numpy(), mesh.faces.numpy(), process=False)
        assert solid.is_watertight
        assert solid.is_winding_consistent
        assert all(part.volume > 0 for part in solid.split(only_watertight=False)), (
            "a part is turned inside out"
        )
        assert mesh.verts.norm(dim=1).max() == pytest.approx(0.5, abs=1e-5)
        assert mesh.colors is not None
        assert 0 <= mesh.colors.min() <= mesh.colors.max() <= 1
        assert voxelize(mesh.verts, mesh.faces).sum() > 100
    again = families.make(family, 0)
    assert torch.equal(again.verts, meshes[0].verts)
    assert again.colors is not None
    assert meshes[0].colors is not None
    assert torch.equal(again.colors, meshes[0].colors)
    assert len({tuple(mesh.verts.amax(0).tolist()) for mesh in meshes}) == 6, (
        "two objects are alike"
    )


def test_an_unknown_family_is_named():
    with pytest.raises(ValueError, match="family: got 'spoon', wanted one of aeroplane"):
        families.make("spoon")


# ---------------------------------------------------------------- voxels


def test_voxels_of_a_sphere_and_a_box_are_where_they_should_be():
    at = torch.tensor([0.1, -0.15, 0.2], dtype=torch.float64)
    sphere = icosphere(4)
    found = voxelize(sphere.verts * 0.25 + at, sphere.faces)
    expected = (centres() - at).norm(dim=-1) < 0.25
    assert voxel_iou(found, expected) > 0.985  # the mesh lies inside the true sphere
    assert voxelize(
        (sphere.verts * 0.25 + at).flip(0), sphere.faces.flip(0).sub(len(sphere.verts) - 1).neg()
    ).equal(found)
    half = torch.tensor([0.3, 0.1, 0.2], dtype=torch.float64)
    box = cube()
    found = voxelize(box.verts.double() * math.sqrt(3) * half + at, box.faces)
    assert found.equal(((centres() - at).abs() < half).all(-1))


def test_a_surface_that_is_turned_inside_out_has_the_same_voxels():
    sphere = icosphere(2)
    found = voxelize(sphere.verts * 0.3, sphere.faces)
    assert found.any()
    assert voxelize(sphere.verts * 0.3, sphere.faces.flip(1)).equal(found)


def test_voxels_agree_with_solid_angles_where_parts_overlap():
    mesh = families.make("chair", 3)
    point, corner = centres().reshape(-1, 1, 3)[::5], mesh.verts.double()[mesh.faces]
    a, b, c = (corner[:, k] - point for k in range(3))  # (N, F, 3) each
    la, lb, lc = a.norm(dim=-1), b.norm(dim=-1), c.norm(dim=-1)
    below = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
    turns = (
        2 * torch.atan2((a * torch.linalg.cross(b, c)).sum(-1), below).sum(1) / (4 * math.pi)
    )  # van Oosterom and Strackee
    assert turns.max() > 1.5, "some points should be in two parts"
    assert voxelize(mesh.verts, mesh.faces).flatten()[::5].equal(turns.abs() > 0.5)


def test_voxels_with_the_surface_are_those_that_a_dense_cloud_on_it_touches():
    mesh = families.make("mug", 1)
    thick = voxelize(mesh.verts, mesh.faces, surface=True)
    cloud = trimesh.Trimesh(mesh.verts.numpy(), mesh.faces.numpy(), process=False).sample(
        200_000, seed=0
    )
    x, y, z = (
        np.floor(cloud * 31 + 16).astype(int).T
    )  # cell i reaches from (i - 16) / 31 to (i - 15) / 31
    touched = torch.zeros(32, 32, 32, dtype=torch.bool)
    touched[y, x, z] = True
    thin = voxelize(mesh.verts, mesh.faces)
    assert (thick | touched).equal(thick), "a cell that the surface passes through is missing"
    extra = (thick & ~touched & ~thin).sum() / thick.sum()
    assert extra < 0.03  # corners of cells that the cloud did not happen to touch


def test_voxels_of_a_batch():
    sphere = icosphere(2)
    for faces in (sphere.faces, sphere.faces[40:]):
        both = voxelize(torch.stack([sphere.verts * 0.3, sphere.verts * 0.4]), faces)
        assert both[1].equal(voxelize(sphere.verts * 0.4, faces))
        assert both[0].sum() < both[1].sum()


def test_voxel_iou_of_known_sets():
    one, other = (
        torch.zeros(2, 32, 32, 32, dtype=torch.bool),
        torch.zeros(2, 32, 32, 32, dtype=torch.bool),
    )
    one[0, 0, 0, :3], other[0, 0, 0, 1:4] = True, True
    assert voxel_iou(one, other).tolist() == [0.5, 1.0]


def test_blocks_have_the_voxels_that_they_were_made_of():
    voxels = torch.rand(32, 32, 32, generator=torch.Generator().manual_seed(0)) < 0.1
    mesh = blocks(voxels)
    assert voxelize(mesh.verts, mesh.faces).equal(voxels)


# ---------------------------------------------------------------- cameras and pictures


@pytest.mark.parametrize("view", [0, 1, 5, 6, 13, 23])
def test_cameras_see_what_those_of_the_files_do(view):
    # The code that goes with the ShapeNet files, written down once more: a left-handed world, whose
    # z is ours turned round.
    e, a = math.radians(30.0), math.radians(-15.0 * view)
    eye = 2.732 * torch.tensor(
        [math.cos(e) * math.sin(a), math.sin(e), -math.cos(e) * math.cos(a)], dtype=torch.float64
    )
    forward = normalize(-eye, dim=0)
    right = normalize(
        torch.linalg.cross(torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64), forward), dim=0
    )
    up = torch.linalg.cross(forward, right)
    points = torch.rand(7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
    x, y, z = (
        (points - eye) @ torch.stack([right, up, forward], dim=1).unbind(1)[0],
        (points - eye) @ up,
        (points - eye) @ forward,
    )
    width = math.tan(math.radians(15.0))
    ours = data.orbit([view]).project(points * torch.tensor([1.0, 1.0, -1.0]))[0]
    torch.testing.assert_close(
        ours, torch.stack([x / z / width, y / z / width, z], dim=1), rtol=0, atol=1e-9
    )


def test_a_photograph_shows_colour_times_alpha_on_black():
    mesh = Mesh(
        icosphere(2).verts * 0.4, icosphere(2).faces, torch.tensor([1.0, 0.5, 0.0]).expand(162, 3)
    )
    images = data.photograph(mesh, [0, 6])
    assert images.shape == (2, 4, 64, 64)
    assert images.dtype == torch.uint8
    alpha = images[:, 3].float() / 255
    assert alpha.flatten(1).mean(1).tolist() == pytest.approx(
        [math.pi * (0.4 / 2.732 / math.tan(math.radians(15))) ** 2 / 4] * 2, rel=0.05
    )
    assert set(images[:, 3].unique().tolist()) == {0, 64, 128, 191, 255}, "four samples a pixel"
    assert (images[:, 0] >= images[:, 1]).all()
    assert (images[:, :3].amax(1) <= images[:, 3]).all()
    assert images[0, 0, 20:44, 20:44].float().std() > 5, "there is no shading"


# ---------------------------------------------------------------- files


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data")
    data.make_data(path, objects=2, held_out=1, seed=5, classes=["mug", "car"], progress=False)
    return path


def test_files_have_the_layout_of_the_shapenet_files_and_come_back(folder):
    with np.load(folder / "car_train_images.npz") as file:
        assert file.files == ["arr_0"]
        assert file["arr_0"].shape == (2, 24, 4, 64, 64)
        assert file["arr_0"].dtype == np.uint8
    with np.load(folder / "car_test_voxels.npz") as file:
        assert file["arr_0"].shape == (1, 32, 32, 32)
    shapes = data.read(folder, "train")
    assert shapes.classes == ["car", "mug"]
    assert len(shapes) == 4
    mesh = families.make("mug", "5/train/1")
    assert shapes.images[1][1].equal(data.photograph(mesh))
    assert shapes.voxels[1][1].equal(voxelize(mesh.verts, mesh.faces))
    assert data.read(folder, "train", ["mug"]).classes == ["mug"]


def test_the_same_seed_makes_the_same_files_and_an_interrupted_run_goes_on(folder, tmp_path):
    data.make_data(tmp_path, objects=2, held_out=1, seed=5, classes=["mug", "car"], progress=False)
    (tmp_path / "mug_val_voxels.npz").unlink()
    kept = (tmp_path / "car_train_images.npz").stat().st_mtime_ns
    data.make_data(tmp_path, objects=2, held_out=1, seed=5, classes=["mug", "car"], progress=False)
    assert (tmp_path / "car_train_images.npz").stat().st_mtime_ns == kept
    for split in data.SPLITS:
        one, other = data.read(folder, split), data.read(tmp_path, split)
        assert all(
            a.equal(b)
            for a, b in zip(one.images + one.voxels, other.images + other.voxels, strict=True)
        )
    assert not data.read(folder, "val").images[0].equal(data.read(folder, "test").images[0]), (
        "held-out objects must differ"
    )
    with pytest.raises(ValueError, match="made otherwise"):
        data.make_data(
            tmp_path, objects=2, held_out=1, seed=6, classes=["mug", "car"], progress=False
        )
    for name, arguments in (
        ("class: got 'spoon'", {"classes": ["spoon"]}),
        ("objects a class: got 0", {"objects": 0}),
    ):
        with pytest.raises(ValueError, match=name):
            data.make_data(tmp_path / "new", **arguments)


def test_batches_are_repeatable_and_their_two_views_are_of_one_object(folder):
    shapes = data.read(folder, "train")
    batch = shapes.batch(16, seed=1, step=3)
    assert batch.images.shape == (2, 16, 4, 64, 64)
    assert batch.images.max() == 1.0
    assert torch.equal(batch.images, shapes.batch(16, seed=1, step=3).images)
    assert not torch.equal(batch.views, shapes.batch(16, seed=1, step=4).views)
    assert not torch.equal(batch.views, shapes.batch(16, seed=2, step=3).views)
    objects = torch.cat(shapes.images).float() / 255  # (4, 24, ...)
    for k in range(16):
        owners = [
            {
                i
                for i in range(4)
                if torch.equal(objects[i, batch.views[side, k]], batch.images[side, k])
            }
            for side in (0, 1)
        ]
        assert owners[0] & owners[1]


def test_shapenet_classes_go_by_number_or_word(folder, tmp_path):
    for what in ("images", "voxels"):
        (tmp_path / f"02958343_val_{what}.npz").write_bytes(
            (folder / f"car_val_{what}.npz").read_bytes()
        )
    for name in ("02958343", "car"):
        assert data.read(tmp_path, "val", [name]).classes == ["02958343"]
    assert data.class_name("02958343") == "car"
    assert len(data.SHAPENET) == 13


GOOD = {
    "images": np.zeros((2, 24, 4, 64, 64), np.uint8),
    "voxels": np.zeros((2, 32, 32, 32), np.uint8),
}


@pytest.mark.parametrize(
    ("what", "array", "message"),
    [
        (
            "images",
            GOOD["images"][:, :23],
            r"x_val_images.npz: got an array of shape \(2, 23, 4, 64, 64\), "
            r"wanted \(N, 24, 4, 64, 64\)",
        ),
        ("images", GOOD["images"][:0], "got an array of shape"),
        (
            "images",
            GOOD["images"].astype(np.float32),
            "x_val_images.npz: got float32, wanted uint8",
        ),
        (
            "images",
            GOOD["images"][:1],
            "x has pictures of 1 objects for val, but voxels of 2; one file is short",
        ),
        ("images", None, "no file called <class>_val_images.npz"),
        ("voxels", None, "x_val_voxels.npz: no such file"),
        (
            "voxels",
            GOOD["voxels"][..., :31],
            r"got an array of shape \(2, 32, 32, 31\), wanted \(N, 32, 32, 32\)",
        ),
        ("voxels", GOOD["voxels"] + 2, "got numbers other than 0 and 1"),
        ("voxels", GOOD["voxels"].astype(complex), "x_val_voxels.npz: got complex128"),
        (
            "voxels",
            np.array([[None]]),
            "x_val_voxels.npz: not a readable .npz file",
        ),  # a pickle, which is never opened
    ],
)
def test_whatever_is_wrong_with_a_file_is_said(tmp_path, what, array, message):
    for name, good in GOOD.items():
        chosen = array if name == what else good
        if chosen is not None:
            np.savez_compressed(tmp_path / f"x_val_{name}.npz", chosen)
    with pytest.raises(ValueError, match=message):
        data.read(tmp_path, "val")


def test_cut_files_wrong_folders_and_absent_classes_are_said(folder, tmp_path):
    for what in ("images", "voxels"):
        whole = (folder / f"car_val_{what}.npz").read_bytes()
        (tmp_path / f"car_val_{what}.npz").write_bytes(whole)
    (tmp_path / "car_val_images.npz").write_bytes(
        (folder / "car_val_images.npz").read_bytes()[:-2000]
    )
    with pytest.raises(
        ValueError, match=r"car_val_images.npz: not a readable .npz file, or a part of one"
    ):
        data.read(tmp_path, "val")
    np.savez(tmp_path / "car_val_images.npz", GOOD["images"], GOOD["voxels"])
    with pytest.raises(ValueError, match="it has the arrays arr_0, arr_1; wanted one"):
        data.read(tmp_path, "val")
    with pytest.raises(ValueError, match="no class 'spoon' for train; there are car, mug"):
        data.read(folder, "train", ["spoon"])
    with pytest.raises(ValueError, match="wanted each once"):
        data.read(folder, "train", ["car", "car"])
    with pytest.raises(ValueError, match="split: got 'holdout'"):
        data.read(folder, "holdout")
    with pytest.raises(ValueError, match="no such folder"):
        data.read(folder / "nowhere", "train")
    with pytest.raises(ValueError, match=r"no file called <class>_train_images.npz"):
        data.read(tmp_path, "train")
    with pytest.raises(ValueError, match="data of another origin"):
        data.make_data(tmp_path)


def test_photographs_are_judged_in_float64() -> None:
    # A chair's legs overlap its seat in one plane. In float32 the depths there differ by rounding
    # alone, and 888 bytes of this chair's photographs were others than the model was trained with.
    mesh = families.make("chair", "0/test/0")
    exact, rounded = (
        render(
            mesh,
            orbit([9]),
            size=128,
            lights=LIGHTS,
            rasterizer=lambda t, c, kind=kind, **o: rasterize_hard(t.to(kind), c.to(kind), **o),
        )[0, ..., :3]
        for kind in (torch.float64, torch.float32)
    )
    assert (exact - rounded).abs().max() > 0.1
    small = torch.nn.functional.avg_pool2d(exact.permute(2, 0, 1)[None], 2)[0]
    assert (photograph(mesh, [9])[0, :3] / 255 - small).abs().max() < 0.003
