"""Training: gradients arrive, a run can be repeated, taken up again and shared; and its scores."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from softras_edu import Mesh, icosphere
from softras_edu.reconstruct import checkpoint, data, train
from softras_edu.reconstruct.config import COMPARED, METHODS, Config
from softras_edu.reconstruct.draw import NAMES, draw, image_losses
from softras_edu.reconstruct.network import Network, place

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data")
    data.make_data(path, objects=2, held_out=1, classes=["lamp", "car"], progress=False)
    return path


@pytest.fixture(scope="module")
def small(folder) -> Config:
    return Config(data=str(folder), method="color", steps=6, batch=4, width=0.03, seed=3)


# ---------------------------------------------------------------- the network


def test_the_network_starts_near_a_ball_and_stays_in_its_cube():
    torch.manual_seed(0)
    network = Network(0.05)
    images = torch.rand(3, 4, 64, 64)
    verts, colors = network(images)
    assert verts.shape == (3, 642, 3)
    assert colors.shape == (3, 642, 3)
    assert network.faces.shape == (1280, 3)
    assert (verts.norm(dim=-1) - 0.25).abs().max() < 0.1
    assert 0 <= colors.min() <= colors.max() <= 1
    wild = place(network.sphere, 2 * torch.rand(5, 3) - 1, 50 * torch.randn(5, 642, 3))
    assert -0.5 <= wild.min() < -0.45 < 0.45 < wild.max() <= 0.5
    assert Network(0.05, color=False)(images)[1] is None
    sizes = [
        (4 * 25, 64),
        (64 * 25, 128),
        (128 * 25, 256),
        (256 * 64, 1024),
        (1024, 1024),
        (1024, 512),
        (512, 1024),
        (1024, 2048),
        (2048, 3),
        (2048, 1926),
    ]
    paper = sum(n * m + m for n, m in sizes) + 2 * (
        64 + 128 + 256
    )  # and the scale and shift of three normalisations
    assert sum(p.numel() for p in Network(1.0, color=False).parameters()) == paper


def test_an_offset_of_nothing_is_the_ball_and_the_centroid_moves_it():
    sphere = icosphere(3).verts
    torch.testing.assert_close(
        place(sphere, torch.zeros(1, 3), torch.zeros(1, 642, 3))[0], sphere / 4, rtol=0, atol=1e-6
    )
    moved = place(sphere, torch.tensor([[0.5, 0.0, 0.0]]), torch.zeros(1, 642, 3))[0]
    middle = sphere[:, 0].abs() < 1e-6
    assert moved[middle, 0].tolist() == pytest.approx([0.25] * int(middle.sum()))
    assert torch.equal(
        moved[:, 0].argsort(stable=True)[[0, -1]], sphere[:, 0].argsort(stable=True)[[0, -1]]
    )


def test_colours_are_sampled_from_the_picture_and_not_from_its_background():
    torch.manual_seed(0)
    images = torch.zeros(1, 4, 64, 64)
    images[0, :, 16:48, 16:48] = torch.tensor([0.8, 0.2, 0.1, 1.0])[:, None, None]
    _, colors = Network(0.05)(images)
    torch.testing.assert_close(
        colors[0], torch.tensor([0.8, 0.2, 0.1]).expand(642, 3), rtol=0, atol=1e-4
    )


def test_colours_without_light_are_brighter_than_the_picture_and_at_most_white():
    torch.manual_seed(0)
    images = torch.zeros(2, 4, 64, 64)
    images[0] = torch.tensor([0.3, 0.2, 0.1, 1.0])[:, None, None]
    images[1] = torch.tensor([0.9, 0.2, 0.1, 1.0])[:, None, None]
    network = Network(0.05, unlit=True)
    assert network.paint is not None
    assert network.paint.brighten is not None
    torch.nn.init.zeros_(network.paint.brighten.weight)
    for bias, factor in ((-100.0, 1.0), (0.0, data.LIGHTS.ambient**-0.5), (100.0, 1 / 0.45)):
        torch.nn.init.constant_(network.paint.brighten.bias, bias)
        _, colors = network(images)
        wanted = (factor * images[:, None, :3, 0, 0]).clamp(max=1).expand(2, 642, 3)
        torch.testing.assert_close(colors, wanted, rtol=0, atol=1e-4)


def test_the_colour_loss_is_a_mean_over_the_object():
    seen = torch.zeros(1, 4, 8, 8)
    seen[0, :, 2:4, 2:6] = torch.tensor([0.5, 0.5, 0.5, 1.0])[:, None, None]
    drawn = torch.full((1, 8, 8, 4), 0.9)  # what is outside does not count
    drawn[0, 2:4, 2:6, :3] = torch.tensor([0.5, 0.8, 0.5])
    found = image_losses(drawn, seen, Config(data=""))
    assert found["color"].item() == pytest.approx(0.1)
    assert image_losses(drawn, 0 * seen, Config(data=""))["color"].item() == 0


def test_nmr_draws_four_samples_a_pixel():
    sphere, view = icosphere(2), torch.tensor([3])
    config = Config(data="", method="nmr")
    alpha = draw(sphere.verts[None] / 4, None, sphere.faces, view, 1e-5, config)
    assert alpha.shape == (1, 64, 64, 1)
    assert set(alpha.unique().tolist()) == {0, 0.25, 0.5, 0.75, 1}
    quarter = Mesh(sphere.verts / 4, sphere.faces, torch.ones(162, 3))
    photograph = data.photograph(quarter, [3])[:, 3].float() / 255
    torch.testing.assert_close(alpha[..., 0], photograph, rtol=0, atol=3e-3)


@pytest.mark.parametrize("views", COMPARED)
def test_which_pictures_become_meshes_and_from_where_these_are_drawn(monkeypatch, views):
    """Each picture is a flat grey that names object and view; so is the mesh made of it."""
    images = torch.tensor([[10.0, 20.0, 30.0], [11.0, 21.0, 31.0]])  # object 1, 2, 3; view 0, 1
    angles = torch.tensor([[0, 5, 7], [1, 6, 8]])
    compared = []

    def network(pictures):
        verts = pictures[:, :1, 0, 0, None].expand(-1, 2, 3)
        return verts, None

    def spy(verts, colors, faces, seen_from, *rest):
        compared.append((verts[:, 0, 0].tolist(), seen_from.tolist()))
        return verts.new_zeros(len(verts), 2, 2, 1)

    def losses_of(drawn, wanted, config):
        compared.append(wanted[:, 0, 0, 0].tolist())
        return {"silhouette": drawn.sum()}

    monkeypatch.setattr(train, "draw", spy)
    monkeypatch.setattr(train, "image_losses", losses_of)
    monkeypatch.setattr(train, "shape_losses", lambda verts, faces: {})
    pictures = images[..., None, None, None].expand(2, 3, 4, 2, 2)
    config = Config(data="", method="silhouette", views=views)
    train.step_losses(network, pictures, angles, torch.zeros(1, 3), 1e-4, config)
    (meshes, seen_from), wanted = compared
    found = sorted(zip(meshes, seen_from, wanted, strict=True))
    view_of = dict(zip(images.flatten().tolist(), angles.flatten().tolist(), strict=True))
    partner = {10: 11, 11: 10, 20: 21, 21: 20, 30: 31, 31: 30}
    encoded = images.flatten().tolist() if views == "cross" else images[0].tolist()
    right = [(mesh, view_of[mesh], mesh) for mesh in encoded]
    if views != "own":
        right += [(mesh, view_of[partner[mesh]], partner[mesh]) for mesh in encoded]
    assert found == sorted(right)


@pytest.mark.parametrize("method", ["silhouette", "color", "nmr"])
def test_a_gradient_reaches_every_number_of_the_network(small, method):
    config = replace(small, method=method, sigma=None, shading=True, unlit=True, views="cross")
    torch.manual_seed(0)
    network = Network(0.05, METHODS[method].color, unlit=config.unlit)
    batch = data.read(config.data, "train").batch(3, 0, 0)
    parts = train.step_losses(
        network, batch.images, batch.views, network.faces, config.at("sigma", 0), config
    )
    assert set(parts) == set(NAMES) - (set() if METHODS[method].color else {"color"})
    only = parts["silhouette"] + parts.get("color", 0)  # what the renderer passes on
    only.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def test_the_dials_of_gendr_go_through_to_the_rasterizer(monkeypatch):
    seen = {}

    def spy(triangles: Tensor, colors: Tensor | None, **arguments: object) -> Tensor:
        seen.update(arguments)
        return triangles.new_zeros(len(triangles), 64, 64, 1)

    monkeypatch.setattr("softras_edu.reconstruct.draw.rasterize", spy)
    config = Config(data="", method="gendr-uniform", dials={"dist_eps": 1e-3})
    sphere = icosphere(1)
    draw(
        sphere.verts[None] / 4, None, sphere.faces, torch.tensor([0]), config.at("sigma", 0), config
    )
    assert seen["distribution"] == "uniform"
    assert seen["squared"] is False
    assert seen["dist_eps"] == 1e-3
    assert seen["sigma"] == pytest.approx(0.0316, rel=1e-2)


def test_shading_darkens_what_the_lamp_does_not_reach():
    sphere = icosphere(2)
    white = torch.ones(1, 162, 3)
    config = Config(data="", shading=True)
    lit, flat = (
        draw(sphere.verts[None] / 3, white, sphere.faces, torch.tensor([0]), 1e-5, c)[0]
        for c in (config, replace(config, shading=False))
    )
    assert flat[32, 32, :3].tolist() == pytest.approx([1.0] * 3, abs=1e-4)
    assert lit[20, 32, 0] > lit[44, 32, 0] + 0.1


# ---------------------------------------------------------------- runs


def test_a_run_learns_writes_its_files_and_can_be_repeated(small, tmp_path):
    config = replace(small, steps=12)
    curve = train.train(config, tmp_path / "one", device="cpu", save_every=5, progress=False)
    assert curve.shape == (12, 5)
    assert curve[-3:, 0].mean() < curve[:3, 0].mean()
    assert torch.equal(
        curve, train.train(config, tmp_path / "other", device="cpu", save_every=100, progress=False)
    )
    assert Config.from_json((tmp_path / "one" / "config.json").read_text()) == config
    rows = list(csv.DictReader((tmp_path / "one" / "log.csv").open()))
    assert [float(row["loss"]) for row in rows] == pytest.approx(curve[:, 0].tolist(), abs=1e-6)
    log = (tmp_path / "one" / "log.txt").read_text()
    assert "process 0, cpu: " in log
    for phase in train.PHASES:
        assert f"{phase} 0." in log
    assert not list((tmp_path / "one").glob("*.part"))
    network, known, about = checkpoint.load_model(tmp_path / "one")
    assert known == config
    assert about["steps"] == 12
    assert not network.training
    for path in (tmp_path / "one").iterdir():
        assert path.suffix in (".json", ".csv", ".txt", ".safetensors"), "no pickle"


def test_an_interrupted_run_goes_on_along_the_same_curve_bit_for_bit(small, tmp_path, monkeypatch):
    whole = train.train(small, tmp_path / "whole", device="cpu", progress=False)
    real, calls = train.step_losses, []

    def stop_at_the_fifth(*arguments, **options):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(train, "step_losses", stop_at_the_fifth)
    with pytest.raises(KeyboardInterrupt):
        train.train(small, tmp_path / "cut", device="cpu", save_every=3, progress=False)
    assert len(load_file(tmp_path / "cut" / "checkpoint.safetensors")["curve"]) == 4, (
        "steps that were done are lost"
    )
    monkeypatch.undo()
    assert torch.equal(train.train(small, tmp_path / "cut", device="cpu", progress=False), whole)
    one, other = (
        load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "cut")
    )
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert torch.equal(train.train(small, tmp_path / "cut", device="cpu", progress=False), whole), (
        "a run that is done stays as it is"
    )


def test_two_processes_match_one_on_the_same_global_batch(small, tmp_path):
    # In float64 the order of sums hardly matters, so what is compared is the arithmetic, batch
    # normalisation over all processes included.
    config = replace(small, steps=2, dtype="float64")
    alone = train.train(config, tmp_path / "alone", device="cpu", progress=False)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        "-m",
        "softras_edu",
        "reconstruct",
        "train",
    ]
    options = ["--data", config.data, "--out", str(tmp_path / "two"), "--device", "cpu"]
    for name in ("method", "steps", "batch", "width", "seed", "dtype"):
        options += [f"--{name}", str(getattr(config, name))]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *options],
        capture_output=True,
        text=True,
        timeout=900,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    one, other = (
        load_file(tmp_path / name / "checkpoint.safetensors") for name in ("alone", "two")
    )
    torch.testing.assert_close(other["curve"], alone, rtol=0, atol=1e-9)
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(other[name], one[name], rtol=0, atol=1e-7, msg=name)
    log = (tmp_path / "two" / "log.txt").read_text()
    assert "process 0, cpu: " in log
    assert "process 1, cpu: " in log


def test_what_does_not_fit_is_said(small, folder, tmp_path):
    train.train(replace(small, steps=1), tmp_path / "run", device="cpu", progress=False)
    with pytest.raises(ValueError, match=r"has another run .seed 3 there, 4 here"):
        train.train(replace(small, steps=1, seed=4), tmp_path / "run", device="cpu", progress=False)
    (tmp_path / "run" / "config.json").unlink()
    with pytest.raises(ValueError, match=r"is of another run .seed 3 there, 4 here"):
        train.train(replace(small, steps=1, seed=4), tmp_path / "run", device="cpu", progress=False)
    with pytest.raises(ValueError, match=r"is of another network .* choose another folder"):
        train.train(
            replace(small, steps=1, width=0.1), tmp_path / "run", device="cpu", progress=False
        )
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"checkpoint.safetensors: cannot be read"):
        train.train(small, tmp_path / "run", device="cpu", progress=False)
    (tmp_path / "run" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"config.json: not the settings of a reconstruction"):
        train.train(small, tmp_path / "run", device="cpu", progress=False)
    with pytest.raises(ValueError, match="save_every: got 0"):
        train.train(small, tmp_path / "new", device="cpu", save_every=0, progress=False)
    with pytest.raises(ValueError, match="device: got 'abacus'"):
        train.train(small, tmp_path / "new", device="abacus", progress=False)
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="finds no GPU"):
            train.train(small, tmp_path / "new", device="cuda", progress=False)
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        train.train(
            replace(small, data=str(folder / "nowhere")),
            tmp_path / "new",
            device="cpu",
            progress=False,
        )
    with pytest.raises(ValueError, match=r"model.safetensors: no such file"):
        checkpoint.load_model(tmp_path)
    network = Network(0.03)
    checkpoint.save(
        tmp_path / "x.safetensors",
        network,
        torch.optim.Adam(network.parameters()),
        torch.zeros(0, 5),
        {"seconds": 0.0},
    )
    with pytest.raises(ValueError, match="it is no model of ours"):
        checkpoint.load_model(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "magic"),
        ("steps", 0),
        ("batch", 0),
        ("width", 0.0),
        ("gamma", -1.0),
        ("lr", (0.0, 1.0)),
        ("sigma", (1.0,)),
        ("color", -1.0),
        ("dtype", "float16"),
        ("unlit", True),
    ],
)
def test_settings_that_make_no_sense_are_named(name, value):
    with pytest.raises(ValueError, match=f"{name}: got "):
        Config(data="", **{name: value})


def test_pairs_go_from_first_to_last_in_equal_ratios():
    config = Config(data="", steps=3, lr=(1e-2, 1e-4))
    assert [config.at("lr", step) for step in range(3)] == pytest.approx([1e-2, 1e-3, 1e-4])


def test_a_committed_model_would_be_below_5_megabytes(tmp_path):
    config = Config(data="")
    checkpoint.save_model(tmp_path / "model.safetensors", Network(config.width), config, {})
    assert (tmp_path / "model.safetensors").stat().st_size < 5e6
