"""Scores of a reconstruction, the visual hull, and the commands from made-up data to a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from softras_edu import Mesh, icosphere
from softras_edu.__main__ import main
from softras_edu.reconstruct import data, families
from softras_edu.reconstruct.config import Config
from softras_edu.reconstruct.evaluate import evaluate, hull_of, reconstruct, sheet
from softras_edu.reconstruct.network import Network
from softras_edu.reconstruct.voxels import voxel_iou, voxelize


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data")
    data.make_data(path, objects=2, held_out=1, classes=["lamp", "car"], progress=False)
    return path


class Knows(nn.Module):
    """Gives one mesh, whatever the picture."""

    def __init__(self, mesh: Mesh) -> None:
        super().__init__()
        self.verts, self.sphere, self.faces = mesh.verts, mesh.verts, mesh.faces

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        return self.verts.expand(len(images), -1, -1), None


def test_a_known_mesh_scores_1_and_one_beside_it_less():
    mesh = families.make("table", 0)
    images = torch.zeros(1, 24, 4, 64, 64, dtype=torch.uint8)
    for surface in (False, True):
        truth = voxelize(mesh.verts, mesh.faces, surface=surface)
        shapes = data.Shapes(["04379243"], [images], [truth[None]])
        score = evaluate(Knows(mesh), shapes, surface=surface, progress=False)
        assert score.classes == {"table": 1.0}
        assert score.mean == 1.0
    moved = Mesh(mesh.verts + torch.tensor([2 / 31, 0.0, 0.0]), mesh.faces)
    expected = (truth & truth.roll(2, 1)).sum() / (truth | truth.roll(2, 1)).sum()
    assert evaluate(Knows(moved), shapes, [0], surface=True, progress=False).mean == pytest.approx(
        expected.item(), abs=0.05
    )


def test_the_mean_counts_each_class_as_much_as_another():
    ball = Mesh(icosphere(2).verts * 0.3, icosphere(2).faces)
    full = voxelize(ball.verts, ball.faces)
    images = torch.zeros(3, 24, 4, 64, 64, dtype=torch.uint8)
    shapes = data.Shapes(
        ["a", "b"], [images, images[:1]], [torch.stack([full] * 3), torch.zeros_like(full)[None]]
    )
    score = evaluate(Knows(ball), shapes, [0], progress=False)
    assert score.classes == {"a": 1.0, "b": 0.0}
    assert score.mean == 0.5
    assert "mean    0.5000" in score.table()


def test_the_commands_from_data_to_scores(tmp_path, capsys):
    shapes, run, other = (str(tmp_path / name) for name in ("shapes", "run", "other"))

    def reconstruct(*arguments: str) -> int:
        return main(["reconstruct", *arguments])

    objects = ["--objects-per-class", "1", "--held-out", "1", "--classes", "lamp"]
    assert reconstruct("make-data", "--out", shapes, *objects) == 0
    small = ["--steps", "2", "--batch", "2", "--width", "0.03", "--device", "cpu"]
    rates = ["--sigma", "1e-3", "--lr", "1e-3", "1e-4"]
    assert reconstruct("train", "--data", shapes, "--out", run, *small, *rates) == 0
    assert reconstruct("evaluate", "--model", run, "--every", "12") == 0
    assert "lamp    0." in capsys.readouterr().out
    found = json.loads((tmp_path / "run" / "evaluation.json").read_text())
    assert found["mean"] == found["iou"]["lamp"]
    assert found["views"] == 2
    assert (tmp_path / "run" / "sheet.png").read_bytes().startswith(b"\x89PNG")
    config = Config.from_json((tmp_path / "run" / "config.json").read_text())
    assert config.sigma == (1e-3, 1e-3)
    assert config.lr == (1e-3, 1e-4)

    for dials, complaint in (
        ("distance", "--dials: got 'distance', wanted name=value"),
        ("distance=taxi", "distance: got 'taxi'"),
    ):
        assert reconstruct("train", "--data", shapes, "--out", other, *small, "--dials", dials) == 1
        assert complaint in capsys.readouterr().err
    assert reconstruct("evaluate", "--model", str(tmp_path)) == 1
    assert "no such file" in capsys.readouterr().err


def test_the_visual_hull_holds_the_shape_and_fills_what_no_silhouette_shows():
    mesh = families.make("mug", 0)
    hull, truth = hull_of(data.photograph(mesh)), voxelize(mesh.verts, mesh.faces)
    assert (hull & truth).sum() > 0.95 * truth.sum()  # all but what a pixel's width cuts off
    assert hull[16, 16, 16], "the inside of a mug is in its hull"
    assert not truth[16, 16, 16]
    ball = Mesh(icosphere(3).verts * 0.4, icosphere(3).faces, torch.ones(642, 3))
    assert voxel_iou(hull_of(data.photograph(ball)), voxelize(ball.verts, ball.faces)) > 0.8


def test_a_sheet_has_a_row_for_each_object_and_meshes_keep_their_colours(folder):
    torch.manual_seed(0)
    shapes = data.read(folder, "val")
    network = Network(0.03)
    figure = sheet(network, shapes)
    assert len(figure.axes) == 2 * 6
    (mesh,) = reconstruct(network, shapes.images[0][:1, 0])
    assert mesh.colors is not None
    assert len(mesh.faces) == 1280
