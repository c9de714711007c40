"""Colours of photographs: the least-squares problem, the files, and the command."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from egg import AZIMUTH, EGG, ELEVATION, FOV, masks
from PIL import Image
from torch import Tensor

from softras_edu import Camera, Mesh, render
from softras_edu.__main__ import main
from softras_edu.fitting.paint import SMOOTH, color_error, seen_corners, vertex_colors
from softras_edu.fitting.views import read_views

SIZE = 24
CAMERA = Camera.orbit(2.7, ELEVATION, AZIMUTH, fov=FOV)
PAINTED = Mesh(EGG.verts, EGG.faces, 0.5 + 0.5 * EGG.verts / EGG.verts.norm(dim=1).max())


def photographs(mesh: Mesh = PAINTED, size: int = SIZE) -> Tensor:
    """What the ten cameras see, (10, size, size, 3)."""
    options = {"sigma": 1e-9, "gamma": 1e-5, "near": "auto", "far": "auto"}
    return render(mesh, CAMERA, size=size, perspective_correct=True, **options)[..., :3]


# ---------------------------------------------------------------- the problem


def test_the_colors_that_painted_the_photographs_are_found_again():
    camera = Camera.orbit(2.7, ELEVATION, AZIMUTH, fov=FOV)
    found = vertex_colors(EGG, photographs(size=64), masks_of(64), camera)
    assert found.shape == EGG.verts.shape
    assert (found - PAINTED.colors).abs().max() < 0.03
    assert (found - PAINTED.colors).abs().mean() < 0.005


def masks_of(size: int) -> Tensor:
    from softras_edu.fitting.all_around import hard_silhouettes

    return hard_silhouettes(EGG, CAMERA, size)


def test_no_other_colors_explain_the_photographs_better():
    """The objective itself, by autograd: no slope at what was found, of colours inside [0, 1]."""
    photos = photographs()
    egg = EGG.to(torch.float64)
    found = vertex_colors(egg, photos, masks(), CAMERA)
    colors = found.clone().requires_grad_()
    total = torch.zeros((), dtype=torch.float64)
    for k in range(10):
        corner, weight, use = seen_corners(egg, masks()[k], CAMERA[[k]])
        shown = (weight[..., None] * colors[corner]).sum(1)
        total = total + (shown - photos[k][use]).square().sum()
    edges = torch.cat([EGG.faces[:, [0, 1]], EGG.faces[:, [1, 2]], EGG.faces[:, [2, 0]]])
    edges = edges.sort(1).values.unique(dim=0)
    total = total + SMOOTH * (colors[edges[:, 0]] - colors[edges[:, 1]]).square().sum()
    (slope,) = torch.autograd.grad(total, colors)
    inside = (found > 0) & (found < 1)
    assert inside.float().mean() > 0.9
    assert slope[inside].abs().max() < 1e-6


def test_what_no_camera_sees_takes_the_colors_around_it():
    one = CAMERA[[0]]
    red = torch.tensor([0.9, 0.1, 0.2]).expand(1, SIZE, SIZE, 3)
    found = vertex_colors(EGG, red, masks()[:1], one)
    torch.testing.assert_close(found, red[0, 0, :1].expand_as(found), atol=1e-4, rtol=0)


def test_pixels_beside_the_mask_do_not_count():
    photos, dirty = photographs(), photographs().clone()
    dirty[masks() == 0] = torch.tensor([1.0, 0.0, 1.0])
    clean = vertex_colors(EGG, photos, masks(), CAMERA)
    assert torch.equal(clean, vertex_colors(EGG, dirty, masks(), CAMERA))
    with pytest.raises(ValueError, match="no pixel is in a mask and on the mesh"):
        vertex_colors(EGG, photos, 0 * masks(), CAMERA)


def test_the_error_of_colors_is_a_mean_difference():
    grey = Mesh(EGG.verts, EGG.faces, torch.full_like(EGG.verts, 0.5))
    photo = torch.full((SIZE, SIZE, 3), 0.5) + torch.tensor([0.3, 0.0, 0.0])
    error = color_error(grey, photo, masks()[0], CAMERA[[0]])
    assert error == pytest.approx(0.1, abs=1e-6)


# ---------------------------------------------------------------- files


def write(folder: Path, suffix: str, pictures: Tensor) -> Path:
    folder.mkdir()
    for k, picture in enumerate((255 * pictures).round().byte().numpy()):
        Image.fromarray(picture).save(folder / f"{k:03}{suffix}", quality=95)
    return folder


def test_photographs_come_from_a_folder_an_array_or_the_pictures_themselves(
    images: Path, cameras: Path, tmp_path: Path
):
    photos = photographs()
    assert read_views(images, cameras, FOV).photos is None
    folder = write(tmp_path / "jpeg", ".jpg", photos)
    found = read_views(images, cameras, FOV, photos=folder).photos
    assert (found - photos).abs().mean() < 0.02, "as near as a JPEG of 24 x 24 comes"
    exact = write(tmp_path / "png", ".png", photos)
    rounded = read_views(images, cameras, FOV, photos=exact).photos
    assert (rounded - photos).abs().max() <= 0.5 / 255 + 1e-6
    for array in (photos, photos.movedim(-1, 1)):
        np.save(tmp_path / "photos.npy", array.numpy())
        named = read_views(images, cameras, FOV, photos=tmp_path / "photos.npy").photos
        torch.testing.assert_close(named, photos)
    rgba = write(tmp_path / "rgba", ".png", torch.cat([photos, masks()[..., None]], dim=-1))
    both = read_views(rgba, cameras, FOV)
    assert torch.equal(both.masks, masks())
    torch.testing.assert_close(both.photos, rounded)


def test_a_silhouette_drawn_in_one_color_is_no_photograph(cameras: Path, tmp_path: Path):
    black = torch.cat([torch.zeros(10, SIZE, SIZE, 3), masks()[..., None]], dim=-1)
    assert read_views(write(tmp_path / "rgba", ".png", black), cameras, FOV).photos is None


def test_masks_may_be_jpegs(cameras: Path, tmp_path: Path):
    views = read_views(write(tmp_path / "masks", ".JPG", masks()), cameras, FOV)
    assert torch.equal((views.masks > 0.5).float(), masks())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "003.png").unlink(), r"no photographs of 003\.png"),
        (
            lambda folder: (folder / "003.jpg").write_bytes((folder / "003.png").read_bytes()),
            r"2 photographs of 003\.png, wanted one",
        ),
        (
            lambda folder: Image.new("RGB", (9, 7)).save(folder / "003.png"),
            r"003\.png: is 7 x 9 pixels \(height x width\), its mask 24 x 24",
        ),
        (
            lambda folder: (folder / "003.png").write_bytes(b"no picture"),
            r"003\.png: not a readable picture",
        ),
        (
            lambda folder: [path.unlink() for path in folder.iterdir()],
            "no PNG file in this folder, and no JPEG",
        ),
    ],
)
def test_photographs_that_do_not_go_with_the_masks_are_named(
    images: Path, cameras: Path, tmp_path: Path, spoil, message: str
):
    folder = write(tmp_path / "photos", ".png", photographs())
    spoil(folder)
    with pytest.raises(ValueError, match=message):
        read_views(images, cameras, FOV, photos=folder)
    np.save(tmp_path / "few.npy", photographs()[:4].numpy())
    with pytest.raises(ValueError, match=r"few\.npy: got an array of shape \(4, 24, 24, 3\)"):
        read_views(images, cameras, FOV, photos=tmp_path / "few.npy")


# ---------------------------------------------------------------- the command


def test_the_command_colors_the_mesh(
    images: Path, cameras: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = write(tmp_path / "photos", ".png", photographs())
    where = ["--images", str(images), "--cameras", str(cameras), "--photos", str(folder)]
    out = tmp_path / "out"
    few = ["--fov", str(FOV), "--level", "2", "--steps", "50"]
    assert main(["fit", *where, "--out", str(out), *few]) == 0
    text = capsys.readouterr().out
    assert "10 photographs with masks of 24 x 24" in text
    error = float(re.search(r"Colours: on the views held out ([\d.]+)", text).group(1))
    plain = (PAINTED.colors - PAINTED.colors.mean(0)).abs().mean()
    assert error < plain / 4, "one grey for all is four times as far away"
    for name in ("mesh.obj", "mesh.ply"):
        mesh = Mesh.load(out / name)
        assert mesh.colors is not None
        towards = 0.5 + 0.5 * mesh.verts / EGG.verts.norm(dim=1).max()
        assert (mesh.colors - towards).abs().mean() < 0.06
    report = (out / "report.html").read_text()
    assert f"{error:.3f} beside the photographs" in report
