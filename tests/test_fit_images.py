"""python -m softras_edu fit.

What is read, what is refused and how, what is written, and that an interruption loses nothing.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from egg import AZIMUTH, ELEVATION, FOV, masks, matrices
from PIL import Image

from softras_edu import Camera
from softras_edu.__main__ import main
from softras_edu.fitting.views import Views, read_views

# ---------------------------------------------------------------- reading


def same(views: Views) -> None:
    """These are the masks, and each has its camera."""
    assert torch.equal(views.masks, masks())
    world = torch.rand(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(
        views.camera.project(world), Camera.orbit(2.7, ELEVATION, AZIMUTH, fov=FOV).project(world)
    )


def test_pictures_and_cameras_find_each_other_by_name(images: Path, cameras: Path):
    views = read_views(images, cameras, FOV)
    same(views)
    assert views.names == [f"{k:03}.png" for k in range(10)]


@pytest.mark.parametrize(
    "kind",
    [
        "orbit.json",
        "dictionary.json",
        "unnamed.csv",
        "fov.csv",
        "orbit.npy",
        "orbit.npz",
        "matrices.json",
        "matrices.npz",
    ],
)
def test_every_way_to_write_the_cameras(images: Path, tmp_path: Path, kind: str):
    file = tmp_path / kind
    orbit = [
        {"distance": 2.7, "elevation": e, "azimuth": a}
        for e, a in zip(ELEVATION, AZIMUTH, strict=True)
    ]
    K, R, t = matrices()  # noqa: N806
    if kind == "orbit.json":
        file.write_text(
            json.dumps([{"image": f"{k:03}", "fov": FOV, **entry} for k, entry in enumerate(orbit)])
        )
    elif kind == "dictionary.json":
        file.write_text(json.dumps({f"{k:03}.png": entry for k, entry in enumerate(orbit)}))
    elif kind.endswith(".csv"):
        more = {"fov": FOV} if kind == "fov.csv" else {}
        with file.open("w", newline="") as lines:
            writer = csv.DictWriter(lines, [*orbit[0], *more])
            writer.writeheader()
            writer.writerows([{**entry, **more} for entry in orbit])
    elif kind == "orbit.npy":
        np.save(file, np.array([list(entry.values()) for entry in orbit]))
    elif kind == "orbit.npz":
        np.savez(
            file,
            distance=2.7,
            elevation=ELEVATION,
            azimuth=AZIMUTH,
            image=np.array([f"{k:03}.png" for k in range(10)]),
        )
    elif kind == "matrices.json":
        file.write_text(
            json.dumps(
                [
                    {
                        "image": f"{k:03}.png",
                        "K": K.tolist(),
                        "R": R[k].tolist(),
                        "t": t[k].tolist(),
                    }
                    for k in range(10)
                ]
            )
        )
    else:
        np.savez(file, K=K, R=R, t=t)
    same(read_views(images, file, 33.0 if kind == "fov.csv" else FOV))


def test_every_way_to_give_the_pictures(tmp_path: Path, cameras: Path):
    unnamed = tmp_path / "unnamed.npy"
    np.save(unnamed, np.array([[2.7] * 10, ELEVATION, AZIMUTH]).T)
    grey = (255 * masks()).byte().numpy()
    rgba = np.stack([255 - grey, grey, grey, grey], axis=-1)
    for name, array in {
        "bytes": grey,
        "floats": masks().numpy(),
        "booleans": grey > 0,
        "last": rgba,
        "first": np.moveaxis(rgba, -1, 1),
        "one": grey[..., None],
        "rgb": np.stack([grey] * 3, 1),
    }.items():
        np.save(tmp_path / f"{name}.npy", array)
        same(read_views(tmp_path / f"{name}.npy", unnamed, FOV))
    np.savez(tmp_path / "masks.npz", masks=grey)
    same(read_views(tmp_path / "masks.npz", unnamed, FOV))
    (tmp_path / "rgba").mkdir()
    for k, picture in enumerate(rgba):
        Image.fromarray(picture).save(tmp_path / "rgba" / f"{k:03}.PNG")
    same(read_views(tmp_path / "rgba", cameras, FOV))


# ---------------------------------------------------------------- refusing


def edit(old: str, new: str):
    """Spoil the table of cameras: every match of a regular expression becomes something else."""
    return lambda images, cameras: cameras.write_text(re.sub(old, new, cameras.read_text()))


def paint(name: str, array: np.ndarray):
    """Spoil a picture."""
    return lambda images, cameras: Image.fromarray(array.astype(np.uint8)).save(images / name)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            paint("004.png", np.ones((9, 7)) * 255),
            r"004\.png: is 9 x 7 pixels .* but 000\.png is 24 x 24; all pictures",
        ),
        (paint("003.png", np.zeros((24, 24))), r"003\.png: the mask is empty"),
        (paint("003.png", np.ones((24, 24)) * 255), r"003\.png: the mask covers the whole picture"),
        (
            lambda images, cameras: (images / "005.png").write_bytes(b"no picture"),
            r"005\.png: not a readable PNG",
        ),
        (
            lambda images, cameras: [path.unlink() for path in images.iterdir()],
            "images: no PNG file in this folder",
        ),
        (edit("00[27].*\n", ""), r"cameras\.csv: no camera for 002\.png and 1 more"),
        (
            edit("(?s).+", "distance,elevation,azimuth\n2.7,0,0\n"),
            r"1 cameras for 10 pictures; the first without a camera is 001\.png",
        ),
        (
            edit("70.0, 140", "north, 140"),
            r"camera of 007\.png: elevation is 'north', wanted a number",
        ),
        (
            edit("elevation", "height"),
            "has no elevation; wanted distance, elevation, azimuth .*, or K, R, t",
        ),
        (edit("2.7", "-2.7"), r"camera of 000\.png: distance: got -2\.7, wanted numbers > 0"),
        (edit("(?s).+", ""), r"cameras\.csv: no cameras in it"),
        (lambda images, cameras: cameras.unlink(), r"cameras\.csv: no such file"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    images: Path, cameras: Path, tmp_path: Path, capsys, spoil, message: str
):
    spoil(images, cameras)
    assert (
        main(
            [
                "fit",
                "--images",
                str(images),
                "--cameras",
                str(cameras),
                "--out",
                str(tmp_path / "out"),
            ]
        )
        == 1
    )
    said = capsys.readouterr()
    assert re.search(message, said.err), said.err
    assert said.err.startswith("softras-edu: ")
    assert said.err.count("\n") == 1, "one line, no stack"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1, 2]", "no cameras in it"),
        ("{", "not readable as JSON"),
        ('[{"K": [[1]], "R": [[1]], "t": [1]}]', r"camera of 000\.png: R, t: got shapes"),
        (
            '[{"K": [[9,0,9],[0,9,9],[0,0,1]], "R": [[1,0,0],[0,1,0],[0,0,-1]], "t": [0,0,3]}]',
            "wanted a rotation",
        ),
    ],
)
def test_broken_json_is_named(images: Path, tmp_path: Path, content: str, message: str):
    for path in sorted(images.iterdir())[1:]:
        path.unlink()
    (tmp_path / "cameras.json").write_text(content)
    with pytest.raises(ValueError, match=rf"cameras\.json.*{message}"):
        read_views(images, tmp_path / "cameras.json")


def test_arrays_that_do_not_fit_are_named_and_pickles_refused(
    images: Path, cameras: Path, tmp_path: Path
):
    file = tmp_path / "images.npy"
    for array, message in (
        (np.zeros((4, 5)), r"shape \(4, 5\), wanted \(N, H, W\)"),
        (np.full((2, 4, 4), 7.0), "got numbers from 7 to 7, wanted 0 to 1"),
        (
            np.array([{"a": 1}]),
            r"images\.npy: not a readable array file",
        ),  # would have to be unpickled, which can run code
    ):
        np.save(file, array, allow_pickle=True)
        with pytest.raises(ValueError, match=message):
            read_views(file, cameras)
    np.savez(tmp_path / "two.npz", a=np.zeros((2, 4, 4)), b=np.zeros(3))
    with pytest.raises(ValueError, match="has the arrays a, b; wanted one"):
        read_views(tmp_path / "two.npz", cameras)
    with pytest.raises(ValueError, match=r"nowhere: no such file or folder"):
        read_views(tmp_path / "nowhere", cameras)
    with pytest.raises(ValueError, match=r"cameras\.csv: cannot read images from \.csv"):
        read_views(cameras, cameras)
    np.savez(tmp_path / "uneven.npz", R=np.zeros((3, 3, 3)), t=np.zeros((2, 3)), K=np.eye(3))
    with pytest.raises(ValueError, match=r"wanted N of each"):
        read_views(images, tmp_path / "uneven.npz")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--held-out=0", "--held-out: got 0 of 10 views"),
        ("--held-out=9", "--held-out: got 9"),
        ("--steps=0", "--steps: got 0"),
        ("--fov=180", "--fov: got 180"),
        ("--level=9", "level: got 9"),
    ],
)
def test_options_out_of_range_are_named(
    images: Path, cameras: Path, capsys: pytest.CaptureFixture[str], option: str, message: str
):
    assert main(["fit", "--images", str(images), "--cameras", str(cameras), option]) == 1
    assert message in capsys.readouterr().err
