"""An egg, its silhouettes and their cameras, as files: what the tests of `fit` read."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from softras_edu import Camera, Mesh, icosphere
from softras_edu.fitting.all_around import hard_silhouettes

SIZE = 24
ELEVATION = [-50.0, -25.0, 0.0, 0.0, 15.0, 30.0, 45.0, 70.0, -10.0, 20.0]
AZIMUTH = [10.0, 80.0, 150.0, 220.0, 300.0, 0.0, 70.0, 140.0, 250.0, 320.0]
FOV = 50.0
EGG = Mesh(icosphere(2).verts * torch.tensor([0.9, 0.5, 0.6]), icosphere(2).faces)


def masks(mesh: Mesh = EGG, camera: Camera | None = None) -> Tensor:
    """Its silhouettes, (10, SIZE, SIZE), 0 and 1."""
    camera = camera or Camera.orbit(2.7, ELEVATION, AZIMUTH, fov=FOV)
    return hard_silhouettes(mesh, camera, SIZE)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of PNG files, white on black."""
    folder = tmp_path / "images"
    folder.mkdir()
    for k, mask in enumerate(masks()):
        Image.fromarray((255 * mask).byte().numpy()).save(folder / f"{k:03}.png")
    return folder


@pytest.fixture
def cameras(tmp_path: Path) -> Path:
    """Their cameras, by name, in another order."""
    file = tmp_path / "cameras.csv"
    rows = [
        f"{k:03}.png, 2.7, {e}, {a}"
        for k, (e, a) in enumerate(zip(ELEVATION, AZIMUTH, strict=True))
    ]
    file.write_text("\n".join(["image, distance, elevation, azimuth", *reversed(rows)]))
    return file


def matrices() -> tuple[Tensor, Tensor, Tensor]:
    """The same cameras as K (3, 3), R (N, 3, 3), t (N, 3)."""
    orbit = Camera.orbit(2.7, ELEVATION, AZIMUTH, fov=FOV)
    f, middle = SIZE / (2 * math.tan(math.radians(FOV / 2))), SIZE / 2 - 0.5
    R = orbit.rotation * torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)[:, None]  # noqa: N806
    return (
        torch.tensor([[f, 0, middle], [0, f, middle], [0, 0, 1]], dtype=torch.float64),
        R,
        -(R @ orbit.eye[..., None])[..., 0],
    )
