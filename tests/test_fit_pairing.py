"""Which camera saw which picture, which channel is the mask, and cameras of other programs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from softras_edu import Camera, Mesh, icosphere, losses
from softras_edu.fitting.all_around import hard_silhouettes
from softras_edu.fitting.picture_files import natural
from softras_edu.fitting.silhouettes import HELP
from softras_edu.fitting.views import Views, read_views

SIZE, F64 = 24, torch.float64
ELEVATION = [-50.0, -25.0, 0.0, 0.0, 15.0, 30.0, 45.0, 70.0, -10.0, 20.0, 35.0, -5.0]
AZIMUTH = [10.0, 80.0, 150.0, 220.0, 300.0, 0.0, 70.0, 140.0, 250.0, 320.0, 100.0, 200.0]
ORBIT = Camera.orbit(2.7, ELEVATION, AZIMUTH, fov=50.0)
EGG = Mesh(icosphere(2).verts * torch.tensor([0.9, 0.5, 0.6]), icosphere(2).faces)
MASKS = hard_silhouettes(EGG, ORBIT, SIZE)
ROWS = [
    {"distance": 2.7, "elevation": e, "azimuth": a} for e, a in zip(ELEVATION, AZIMUTH, strict=True)
]


def pictures(tmp_path: Path, name: str, masks: Tensor = MASKS) -> Path:
    """A folder of PNG files named by `name`, which has a place for their number."""
    folder = tmp_path / "images"
    folder.mkdir()
    for k, mask in enumerate(masks):
        Image.fromarray((255 * mask).byte().numpy()).save(folder / name.format(k + 1))
    return folder


def write(tmp_path: Path, content: object) -> Path:
    file = tmp_path / "cameras.json"
    file.write_text(json.dumps(content))
    return file


def same(views: Views, camera: Camera = ORBIT) -> None:
    assert torch.equal(views.masks, MASKS)
    world = torch.rand(4, 3, generator=torch.Generator().manual_seed(0), dtype=F64)
    torch.testing.assert_close(views.camera.project(world), camera.project(world))


# ---------------------------------------------------------------- pairing


def test_natural_order_goes_by_the_numbers():
    names = ["10.png", "2.png", "1.png", "a10b2.png", "a10b10.png", "a9.png", "A1.png", "02.png"]
    wanted = ["1.png", "02.png", "2.png", "10.png", "A1.png", "a9.png", "a10b2.png", "a10b10.png"]
    assert sorted(names, key=lambda name: (natural(name), name)) == wanted


def test_pictures_are_listed_by_number(tmp_path):
    # 1, 10, 11, 12, 2, ... by letters, so that every camera but the first had another's picture.
    named = [{"image": f"{k + 1}.png", **row} for k, row in enumerate(ROWS)]
    views = read_views(pictures(tmp_path, "{}.png"), write(tmp_path, named), 50.0)
    assert views.names == [f"{k + 1}.png" for k in range(12)]
    same(views)


def test_cameras_without_names_are_refused_where_the_pictures_have_two_orders(tmp_path):
    with pytest.raises(
        ValueError, match=r"two orders: by number 2\.png comes where by letters 10\.png does"
    ):
        read_views(pictures(tmp_path, "{}.png"), write(tmp_path, ROWS), 50.0)


@pytest.mark.parametrize("name", ["{:02}.png", "view{:03}b.PNG"])
def test_cameras_without_names_go_by_the_one_order_there_is(tmp_path, name):
    same(read_views(pictures(tmp_path, name), write(tmp_path, ROWS), 50.0))


@pytest.mark.parametrize("twice", ["01.png", "01", "other/01.png"])
def test_two_cameras_for_one_picture_are_refused(tmp_path, twice):
    # The last one won, without a word.
    named = [{"image": f"{k + 1:02}.png", **row} for k, row in enumerate(ROWS)]
    named.append({"image": twice, **ROWS[3]})
    if twice == "01":  # as good as 01.png, but not where there is 01.png itself
        named[0]["image"] = "01.jpg"
    with pytest.raises(ValueError, match=r"cameras\.json: 2 cameras for 01\.png, wanted one"):
        read_views(pictures(tmp_path, "{:02}.png"), write(tmp_path, named), 50.0)


# ---------------------------------------------------------------- channels


@pytest.mark.parametrize("kind", ["png", "npy"])
def test_an_opaque_mask_says_which_channel_was_read(tmp_path, kind):
    # White on black with an alpha channel that a program added: nothing said that alpha was read.
    rgba = (255 * MASKS[..., None].expand(-1, -1, -1, 4)).byte().clone().numpy()
    rgba[..., 3] = 255
    images = tmp_path / "images.npy"
    if kind == "npy":
        np.save(images, rgba)
    else:
        images = tmp_path / "images"
        images.mkdir()
        for k, picture in enumerate(rgba):
            Image.fromarray(picture).save(images / f"{k:02}.png")
    with pytest.raises(
        ValueError, match=r"covers the whole picture.*: the alpha channel, which was read.*without"
    ):
        read_views(images, write(tmp_path, ROWS), 50.0)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.0, "the brightness, which was read, is above"),
        (0.2, "in the brightness, which was read"),
    ],
)
def test_a_grey_mask_says_so_too(tmp_path, value, message):
    images = pictures(tmp_path, "{:02}.png", torch.full_like(MASKS, value))
    with pytest.raises(ValueError, match=message):
        read_views(images, write(tmp_path, ROWS), 50.0)


# ---------------------------------------------------------------- conventions


def pinholes(center: float, **more: object) -> list[dict[str, object]]:
    """ORBIT as K, R, t, whose pixels are counted from `center`."""
    f, middle = SIZE / (2 * math.tan(math.radians(25))), SIZE / 2 - 0.5 + center
    turn = ORBIT.rotation * torch.tensor([1.0, -1.0, -1.0], dtype=F64)[:, None]
    shift = -(turn @ ORBIT.eye[..., None])[..., 0]
    k = [[f, 0, middle], [0, f, middle], [0, 0, 1]]
    return [
        {"K": k, "R": r.tolist(), "t": t.tolist(), **more} for r, t in zip(turn, shift, strict=True)
    ]


def test_k_is_read_as_opencv_writes_it_or_as_colmap_does(tmp_path):
    # OpenCV's first pixel centre is (0, 0): the middle of 24 pixels is 11.5. Read as COLMAP's, the
    # picture moves by half a pixel: the mask's overlap with itself falls.
    images = pictures(tmp_path, "{:02}.png")
    same(read_views(images, write(tmp_path, pinholes(0.0))))
    same(read_views(images, write(tmp_path, pinholes(0.5, pixel_center=0.5))))
    views = read_views(images, write(tmp_path, pinholes(0.5)))
    moved = hard_silhouettes(EGG, views.camera, SIZE)
    assert 0.03 < losses.iou(moved, MASKS).item() < 0.2
    with pytest.raises(ValueError, match=r"camera of 01\.png: pixel_center: got 0\.7, wanted"):
        read_views(images, write(tmp_path, pinholes(0.5, pixel_center=0.7)))
    for words in ("(0, 0)", '"pixel_center": 0.5', "COLMAP", "transforms.json"):
        assert words in HELP


def transforms(**lens: object) -> dict[str, object]:
    """ORBIT as a transforms.json: the camera's axes in the world are the matrix's columns."""
    frames = []
    for k in range(len(ORBIT)):
        matrix = torch.eye(4, dtype=F64)
        matrix[:3, :3], matrix[:3, 3] = ORBIT.rotation[k].T, ORBIT.eye[k]
        frames.append({"file_path": f"./train/{k + 1}", "transform_matrix": matrix.tolist()})
    return {**lens, "frames": frames}


FOCAL = SIZE / (2 * math.tan(math.radians(25)))


@pytest.mark.parametrize(
    "lens",
    [
        {"camera_angle_x": math.radians(50.0)},
        {"fl_x": FOCAL, "w": SIZE, "h": SIZE},
        dict(
            zip(
                ("fl_x", "cx", "cy", "w", "h"),
                (2 * FOCAL, SIZE, SIZE, *[2 * SIZE] * 2),
                strict=True,
            )
        ),
    ],
)
def test_the_cameras_of_a_radiance_field(tmp_path, lens):
    # The third lens is for pictures of twice the size, as where they were made smaller later.
    file = write(tmp_path, transforms(**lens))
    same(read_views(pictures(tmp_path, "{}.png"), file))


def test_the_angle_of_a_radiance_field_is_the_horizontal_one(tmp_path):
    masks = hard_silhouettes(EGG, ORBIT, (SIZE, 2 * SIZE))
    wide = 2 * math.atan(2 * math.tan(math.radians(25)))
    file = write(tmp_path, transforms(camera_angle_x=wide))
    views = read_views(pictures(tmp_path, "{}.png", masks), file)
    torch.testing.assert_close(views.camera.project(EGG.verts), ORBIT.project(EGG.verts))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k1": 0.1}, r"frame 0: k1 is 0\.1, but distorted lenses are not read"),
        ({"fl_x": "far"}, "frame 0: could not convert"),
        ({"camera_angle_x": None, "fl_x": None}, "frame 0: "),
        ({"frames": []}, "no cameras in it"),
        ({"frames": [{"file_path": "1"}]}, "frame 0: has no transform_matrix"),
        ({"frames": [3]}, "frame 0: has no transform_matrix"),
        (
            {"frames": [{"file_path": "1", "transform_matrix": [[1.0]]}]},
            r"frame 0: transform_matrix has the shape \(1, 1\)",
        ),
    ],
)
def test_what_is_wrong_in_a_transforms_json_is_said(tmp_path, change, message):
    file = write(tmp_path, {**transforms(camera_angle_x=1.0), **change})
    with pytest.raises(ValueError, match=rf"cameras\.json(, |: ){message}"):
        read_views(pictures(tmp_path, "{}.png"), file)
