"""python -m softras_edu fit: its parts, and what it writes."""

from __future__ import annotations

import io
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from egg import AZIMUTH, ELEVATION, FOV, masks
from PIL import Image
from torch import Tensor

from softras_edu import Camera, Mesh, icosphere, screen_triangles
from softras_edu.__main__ import main
from softras_edu.fitting import silhouettes as fit_images
from softras_edu.fitting.silhouettes import locate, split
from softras_edu.fitting.views import Views

# ---------------------------------------------------------------- the parts


def test_held_out_views_are_spread_evenly():
    assert split(24, None) == ([k for k in range(24) if k not in (4, 12, 20)], [4, 12, 20])
    for count in range(3, 40):
        for held_out in range(1, count - 1):
            train, test = split(count, held_out)
            assert sorted(train + test) == list(range(count))
            assert len(test) == held_out
    with pytest.raises(ValueError, match="got 1 of 2 views"):
        split(2, None)


def test_the_shape_is_found_wherever_it_is_and_however_large():
    center, factor = torch.tensor([5.0, -3.0, 40.0], dtype=torch.float64), 30.0
    orbit = Camera.orbit(2.7, ELEVATION, AZIMUTH, fov=FOV)
    camera = Camera(
        orbit.eye * factor + center,
        orbit.rotation,
        torch.full((10, 2), math.tan(math.radians(25))).double(),
        shift=torch.zeros(10, 2).double(),
    )
    ball = Mesh(icosphere(2).verts * 0.6 * factor + center.float(), icosphere(2).faces)
    views = Views([str(k) for k in range(10)], masks(ball, camera), camera)
    scene = locate(views)
    assert (scene.center - center).norm() < 0.02 * factor
    assert scene.radius == pytest.approx(
        0.6 * factor, rel=0.07
    )  # an outline is that of a nearer, larger disc
    found = screen_triangles(icosphere(2).verts, icosphere(2).faces, scene.camera)
    truth = screen_triangles(ball.verts, ball.faces, camera)
    assert (found[..., :2] - truth[..., :2]).abs().max() < 0.05
    behind = Camera(
        orbit.eye,
        orbit.rotation * torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64),
        camera.scale,
        shift=camera.shift,
    )
    with pytest.raises(ValueError, match="do not look at one place"):
        locate(Views(views.names, masks(), behind))


def test_the_turntable_turns_about_what_is_up_in_the_pictures():
    rod = Mesh(icosphere(2).verts * torch.tensor([0.2, 0.2, 1.0]), icosphere(2).faces)  # along z
    z_up = Camera.look_at([[3.0, 0, 0], [0, 3.0, 0.5]], up=(0.0, 0.0, 1.0))
    y_up = Camera.look_at([[3.0, 0, 0], [0, 0.5, 3.0]])
    for camera, steady in ((z_up, True), (y_up, False)):
        book = Image.open(io.BytesIO(fit_images.turntable(rod, camera, frames=4, size=32)))
        widths = []
        for k in range(4):
            book.seek(k)
            columns = (np.array(book.convert("L")) < 250).any(0)
            widths.append(int(columns.sum()))
        assert (max(widths) - min(widths) <= 2) == steady, widths


# ---------------------------------------------------------------- the whole


def paint(name: str, array: np.ndarray):
    """Spoil a picture."""
    return lambda images, cameras: Image.fromarray(array.astype(np.uint8)).save(images / name)


def run(images: Path, cameras: Path, out: Path) -> int:
    return main(
        [
            "fit",
            "--images",
            str(images),
            "--cameras",
            str(cameras),
            "--out",
            str(out),
            "--fov",
            str(FOV),
            "--level",
            "2",
            "--steps",
            "50",
        ]
    )


def test_it_writes_a_mesh_a_turntable_and_a_report(
    images: Path, cameras: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "out"
    assert run(images, cameras, out) == 0
    text = capsys.readouterr().out
    assert "10 silhouettes of 24 x 24, 1 of them held out; 162 vertices" in text
    held_out = float(re.search(r"IoU on the 1 views held out: ([\d.]+)", text).group(1))
    assert held_out > 0.85
    assert {path.name for path in out.iterdir() if path.suffix != ".safetensors"} == {
        "mesh.obj",
        "mesh.ply",
        "turntable.gif",
        "report.html",
    }
    for name in ("mesh.obj", "mesh.ply"):
        mesh = Mesh.load(out / name)
        seen = masks(mesh)
        both, either = (seen * masks()).sum(), torch.maximum(seen, masks()).sum()
        assert both / either > 0.85, "the mesh is in the units of the cameras"
    assert Image.open(out / "turntable.gif").n_frames == 36
    report = (out / "report.html").read_text()
    assert f"never saw: {held_out:.3f}" in report
    assert "004.png" in report
    for tag in re.findall("<img[^>]*>", report):
        assert re.search('alt="[^"]+"', tag)
    assert str(tmp_path) not in report


def test_an_interrupted_run_goes_on_and_ends_where_it_would_have_ended(
    images: Path, cameras: Path, tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
):
    assert run(images, cameras, tmp_path / "whole") == 0
    calls, real = 0, fit_images.losses.iou

    def interrupted(alpha: Tensor, target: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 31:
            raise KeyboardInterrupt  # what Ctrl-C does
        return real(alpha, target)

    monkeypatch.setattr(fit_images.losses, "iou", interrupted)
    out = tmp_path / "out"
    assert run(images, cameras, out) == 130
    assert "The same command goes on where this one stopped" in capsys.readouterr().out
    (checkpoint,) = out.iterdir()  # and nothing half done beside it
    assert run(images, cameras, out) == 0
    assert f"Going on from {checkpoint}" in capsys.readouterr().out
    assert calls == 31 + 20 + 10, (
        "the 30 steps before the interruption are not done again; the report asks once a view"
    )
    assert (out / "mesh.obj").read_text() == (tmp_path / "whole" / "mesh.obj").read_text()

    paint("000.png", np.roll(np.array(Image.open(images / "000.png")), 1, axis=0))(images, cameras)
    assert run(images, cameras, out) == 0
    assert "Going on" not in capsys.readouterr().out, "other pictures: another fit"
