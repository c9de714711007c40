"""A fit from coarse to fine: which meshes, that it helps, and that it can be taken up anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from aeroplane import aeroplane
from egg import AZIMUTH, ELEVATION, FOV, masks

from softras_edu import Camera, losses
from softras_edu.fitting import silhouettes as fit_images
from softras_edu.fitting.all_around import all_around, hard_silhouettes
from softras_edu.fitting.remesh import quality
from softras_edu.fitting.silhouettes import fit_shape, part_of, stages

CAMERA = Camera.orbit(2.7, ELEVATION, AZIMUTH, fov=FOV)


@pytest.mark.parametrize(
    ("level", "steps", "wanted"),
    [
        (0, 50, [(0, 0, 50)]),
        (3, 400, [(3, 0, 400)]),
        (4, 400, [(3, 0, 200), (4, 200, 400)]),
        (5, 400, [(3, 0, 133), (4, 133, 267), (5, 267, 400)]),
        (5, 2, [(4, 0, 1), (5, 1, 2)]),
        (5, 1, [(5, 0, 1)]),
    ],
)
def test_the_steps_are_shared_out(level: int, steps: int, wanted: list[tuple[int, int, int]]):
    assert stages(level, steps) == wanted


def test_a_stage_sees_its_part_of_a_schedule():
    def dial(progress: float) -> float:
        return 10 * progress

    part = part_of(dial, (0.25, 0.75))
    assert [part(x) for x in (0.0, 0.5, 1.0)] == [2.5, 5.0, 7.5]


def test_a_fine_mesh_gets_further_by_a_coarse_one(monkeypatch):
    """The old way is one stage, a fine sphere from the first step on."""
    camera, size = all_around(10), 32
    target = hard_silhouettes(aeroplane(), camera, size)
    found = {}
    for coarsest in (2, 4):
        monkeypatch.setattr(fit_images, "COARSEST", coarsest)
        mesh, curve = fit_shape(target, camera, 4, steps=60)
        assert len(curve) == 60
        assert 0.6 < len(mesh.verts) / 2562 < 1.6
        found[coarsest] = 1 - losses.iou(hard_silhouettes(mesh, camera, size), target).item()
        assert quality(mesh.verts, mesh.faces).mean() > 0.7
    assert found[2] > found[4] + 0.1, found


def test_an_interrupted_stage_is_taken_up_where_it_was(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(fit_images, "COARSEST", 0)
    whole, curve = fit_shape(masks(), CAMERA, 2, steps=30, checkpoint=tmp_path / "a.safetensors")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"a-{k}.safetensors" for k in (1, 2, 3)
    ]
    calls, real = 0, losses.iou

    def interrupted(*given: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 16:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(fit_images.losses, "iou", interrupted)
    file = tmp_path / "b.safetensors"
    with pytest.raises(KeyboardInterrupt):
        fit_shape(masks(), CAMERA, 2, steps=30, checkpoint=file)
    assert not (tmp_path / "b-3.safetensors").exists()
    mesh, again = fit_shape(masks(), CAMERA, 2, steps=30, checkpoint=file)
    assert calls == 16 + 15, "the 15 steps before are not done again"
    assert again == curve
    assert torch.equal(mesh.verts, whole.verts)
