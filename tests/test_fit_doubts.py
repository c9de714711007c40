"""What looks wrong about masks and cameras is said before a fit; of sound ones nothing is."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from aeroplane import aeroplane
from egg import AZIMUTH, ELEVATION, FOV, masks
from PIL import Image
from torch import Tensor

from softras_edu import Camera, Mesh, cube, icosphere, teapot, torus
from softras_edu.__main__ import main
from softras_edu.fitting.all_around import hard_silhouettes
from softras_edu.fitting.doubts import doubts, explained, orbit_numbers
from softras_edu.fitting.hollow import bowl
from softras_edu.fitting.views import Views

F64 = torch.float64
SHAPES = {
    "aeroplane": aeroplane(), "teapot": teapot(), "cube": cube(), "torus": torus(),
    "bowl": bowl(), "ball": icosphere(2),
}  # fmt: skip
Numbers = tuple[float, Tensor, Tensor]  # distance, elevation, azimuth


def around(count: int = 12) -> Numbers:
    """As seeds in a sunflower, on all sides."""
    k = torch.arange(count, dtype=F64)
    return 2.7, torch.rad2deg(torch.asin(1 - (2 * k + 1) / count)), (137.508 * k) % 360 - 180


def ring(elevation: float = 0.0, count: int = 16) -> Numbers:
    """On a turntable."""
    azimuth = torch.arange(count, dtype=F64) * 360 / count
    return 2.7, torch.full((count,), elevation, dtype=F64), azimuth


def walk(count: int = 8) -> Numbers:
    """Half way round, rising."""
    line = torch.linspace(-1, 1, count, dtype=F64)
    return 2.7, 20 + 30 * line, 60 * line


PATHS = {"around": around(), "ring": ring(), "high ring": ring(30.0), "walk": walk()}


def seen(mesh: Mesh, path: Numbers, fov: float = 45.0, size: int | tuple[int, int] = 48) -> Views:
    """Silhouettes and the cameras that saw them."""
    camera = cameras_of(path, fov)
    names = [f"{k:03}.png" for k in range(len(camera))]
    return Views(names, hard_silhouettes(mesh, camera, size), camera)


def cameras_of(path: Numbers, fov: float = 45.0) -> Camera:
    camera = Camera.orbit(*path, fov=fov)
    both = camera.pairs("scale")
    return Camera(camera.eye, camera.rotation, both, shift=torch.zeros_like(both))


def said(views: Views) -> str:
    """All of it, for a look with `in`."""
    found = doubts(views)
    return "; ".join(found.grave + found.notes)


# ---------------------------------------------------------------- sound sets


SOUND = [
    pytest.param(shape, path, marks=[pytest.mark.full_grid] if (i + j) % 2 else [])
    for i, shape in enumerate(SHAPES)
    for j, path in enumerate(PATHS)
]


@pytest.mark.parametrize(("shape", "path"), SOUND)
def test_nothing_is_said_of_sound_sets(shape: str, path: str):
    found = doubts(seen(SHAPES[shape], PATHS[path]))
    assert found.grave == []
    assert found.notes == []
    assert found.explained is not None
    assert found.explained > 0.94  # thin wings fall between pixels


@pytest.mark.parametrize("size", [16, (40, 64), (64, 48), 100])
def test_nor_of_other_sizes(size: int | tuple[int, int]):
    assert said(seen(SHAPES["teapot"], PATHS["around"], fov=60.0, size=size)) == ""


def test_nor_of_a_shape_far_from_the_origin_with_a_lens_aside():
    """A measured camera: any place, any units, a principal point that is not the middle."""
    views = seen(SHAPES["teapot"], around())
    at, factor = torch.tensor([50.0, -20.0, 7.0], dtype=F64), 30.0
    camera = views.camera
    shift = torch.tensor([[0.2, -0.1]], dtype=F64).expand(12, 2)
    moved = Camera(camera.eye * factor + at, camera.rotation, camera.scale, shift=shift)
    mesh = Mesh(0.8 * SHAPES["teapot"].verts * factor + at.float(), SHAPES["teapot"].faces)
    assert said(Views(views.names, hard_silhouettes(mesh, moved, 64), moved)) == ""


def test_nor_of_soft_or_slightly_ragged_masks():
    views = seen(SHAPES["teapot"], PATHS["around"], size=64)
    soft = torch.nn.functional.avg_pool2d(views.masks[:, None], 3, 1, 1)[:, 0]
    assert said(replace(views, masks=soft)) == ""
    inside = views.masks > 0.5
    rim = torch.nn.functional.max_pool2d(views.masks[:, None], 3, 1, 1)[:, 0] > 0.5
    random = torch.rand(rim.shape, generator=torch.Generator().manual_seed(0))
    ragged = inside | (rim & (random > 0.5))  # half of the pixels around the outline
    assert doubts(replace(views, masks=ragged.float())).grave == []


# ---------------------------------------------------------------- masks


@pytest.mark.parametrize("shape", ["aeroplane", "cube"])
def test_inverted_masks_are_named(shape: str):
    views = seen(SHAPES[shape], PATHS["around"])
    black_on_white = doubts(replace(views, masks=1 - views.masks))
    assert len(black_on_white.grave) == 1
    assert "all 12 pictures look inverted" in black_on_white.grave[0]
    assert "--invert" in black_on_white.grave[0]
    some = views.masks.clone()
    some[[3, 9]] = 1 - some[[3, 9]]
    assert "the masks of 003.png and 1 more look inverted" in said(replace(views, masks=some))


@pytest.mark.parametrize(("pixels", "cut"), [(0, False), (1, True), (6, True)])
def test_a_shape_that_touches_the_border_is_noted(pixels: int, cut: bool):
    """Fitted all the same: the rest of it has an outline."""
    views = seen(SHAPES["cube"], PATHS["around"])
    masks = views.masks.clone()
    columns = int(masks[5].any(0).nonzero()[0])
    masks[5] = masks[5].roll(-columns - pixels + (pixels == 0), 1)  # leftwards, around the border
    masks[5, :, 24:] = 0
    found = doubts(replace(views, masks=masks))
    assert ("touches the border of 005.png:" in "; ".join(found.notes)) == cut


def test_a_close_up_that_is_cut_off_in_all_pictures_is_no_reason_to_doubt_the_cameras():
    found = doubts(seen(SHAPES["teapot"], PATHS["around"], fov=33.0))
    assert any("touches the border" in note for note in found.notes)
    assert found.grave == []


# ---------------------------------------------------------------- cameras


@pytest.mark.parametrize("path", ["around", "walk"])
@pytest.mark.parametrize("shape", ["aeroplane", "teapot"])
@pytest.mark.parametrize(
    ("signs", "words"),
    [((1, -1), "with azimuth negated"), ((-1, 1), "with elevation negated")],
)
def test_a_wrong_sign_is_named(shape: str, path: str, signs: tuple[int, int], words: str):
    distance, elevation, azimuth = PATHS[path]
    views = seen(SHAPES[shape], PATHS[path])
    wrong = cameras_of((distance, signs[0] * elevation, signs[1] * azimuth))
    found = doubts(replace(views, camera=wrong))
    assert len(found.grave) == 1, found
    assert found.grave[0].endswith(words)


def test_mirrored_pictures_of_measured_cameras_are_named():
    """The same mistake, where there is no azimuth to name."""
    views = seen(SHAPES["teapot"], PATHS["around"])
    camera = views.camera
    aside = Camera(camera.eye + 0.3, camera.rotation, camera.scale, shift=camera.shift)
    wrong = replace(views, masks=views.masks.flip(2), camera=aside)
    assert orbit_numbers(aside) is None
    assert "with the pictures mirrored left to right" in said(wrong)


def test_the_way_from_the_camera_is_told_from_the_way_to_it():
    views = seen(SHAPES["aeroplane"], around())
    right = views.camera
    # R and t as OpenCV has them, written the other way: the camera's place and axes.
    down = torch.tensor([1.0, -1.0, -1.0], dtype=F64)
    R, t = (down[:, None] * right.rotation).transpose(1, 2), right.eye  # noqa: N806
    size, f = (48, 48), 24 / float(right.pairs("scale")[0, 0])
    K = torch.tensor([[f, 0, 23.5], [0, f, 23.5], [0, 0, 1]], dtype=F64)  # noqa: N806
    read = Camera.pinhole(K, R, t, size)
    zero = torch.zeros(12, 2, dtype=F64)
    wrong = Camera(read.eye, read.rotation, read.pairs("scale"), shift=zero)
    assert "if R and t lead from the camera to the world" in said(replace(views, camera=wrong))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d, e, a: (d, a, e), "with elevation and azimuth exchanged"),
        (lambda d, e, a: (d, torch.deg2rad(e), torch.deg2rad(a)), "if the angles are radians"),
    ],
)
def test_other_usual_mistakes_are_named(change, words: str):
    path = around(16)
    views = seen(SHAPES["aeroplane"], path)
    found = doubts(replace(views, camera=cameras_of(change(*path))))
    assert len(found.grave) == 1
    assert found.grave[0].endswith(words)


@pytest.mark.parametrize(("true", "given"), [(45.0, 90.0), (45.0, 120.0), (60.0, 20.0)])
def test_a_field_of_view_that_no_shape_explains_is_named(true: float, given: float):
    path = (3.5 if true < 50 else 2.2, *PATHS["around"][1:])
    views = seen(SHAPES["cube"], path, fov=true)
    assert doubts(views).grave == []
    found = doubts(replace(views, camera=cameras_of(path, given)))
    assert len(found.grave) == 1
    number = float(found.grave[0].split("a field of view of about ")[1].split()[0])
    assert abs(number - true) < abs(number - given)


def test_pictures_and_cameras_in_different_orders_are_called_hopeless():
    views = seen(SHAPES["aeroplane"], PATHS["around"])
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    found = doubts(replace(views, masks=views.masks[order]))
    assert len(found.grave) == 1
    assert "Does each picture have its own camera" in found.grave[0]


def test_cameras_that_look_nowhere_explain_nothing():
    views = seen(SHAPES["teapot"], around(8))
    camera = views.camera
    behind = torch.tensor([1.0, 1.0, -1.0], dtype=F64)[:, None] * camera.rotation
    away = Camera(camera.eye, behind, camera.scale, shift=camera.shift)
    assert explained(replace(views, camera=away)) == 0


def test_an_orbit_is_known_again():
    distance, elevation, azimuth = PATHS["around"]
    found = orbit_numbers(cameras_of(PATHS["around"]))
    assert found is not None
    torch.testing.assert_close(found[0], torch.full((12,), distance, dtype=F64))
    torch.testing.assert_close(found[1], elevation)
    torch.testing.assert_close(found[2], azimuth)


# ---------------------------------------------------------------- the command


def fit(tmp_path: Path, *options: str) -> int:
    where = ("--images", str(tmp_path / "images"), "--cameras", str(tmp_path / "cameras.csv"))
    few = ("--fov", str(FOV), "--steps", "2", "--level", "1")
    return main(["fit", *where, "--out", str(tmp_path / "out"), *few, *options])


def invert(folder: Path) -> None:
    for path in folder.iterdir():
        Image.fromarray(255 - np.array(Image.open(path))).save(path)


def test_the_command_refuses_inverted_masks_and_takes_them_with_invert(
    images: Path, cameras: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    invert(images)
    assert fit(tmp_path) == 1
    error = capsys.readouterr().err
    assert "all 10 pictures look inverted" in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert fit(tmp_path, "--invert") == 0
    assert "inverted" not in capsys.readouterr().out
    assert (tmp_path / "out" / "mesh.obj").exists()


def test_the_command_refuses_a_wrong_sign_and_fits_it_anyway(
    images: Path, cameras: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    camera = Camera.orbit(2.7, ELEVATION, AZIMUTH, fov=FOV)
    for k, mask in enumerate(masks(aeroplane(), camera)):
        Image.fromarray((255 * mask).byte().numpy()).save(images / f"{k:03}.png")
    with cameras.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["image", "distance", "elevation", "azimuth"])
        for k, (e, a) in enumerate(zip(ELEVATION, AZIMUTH, strict=True)):
            writer.writerow([f"{k:03}.png", 2.7, e, -a])
    assert fit(tmp_path) == 1
    assert "with azimuth negated" in capsys.readouterr().err
    assert fit(tmp_path, "--anyway") == 0
    assert "Note: with these cameras some shape explains" in capsys.readouterr().out
