"""The peers of the benchmark, with a made-up one; and the adapters of those that are installed."""

import importlib.util

import pytest
import torch

from softras_edu import bench, rasterize
from softras_edu.__main__ import main
from softras_edu.bench import peers
from softras_edu.bench.case import Case, Scene, count_pairs
from softras_edu.bench.measure import main as measured
from softras_edu.bench.measure import measure, prepare
from softras_edu.bench.peers import PEERS, Peer

CASE = {"side": 32, "level": 2}


def fake(error: float = 0.0, **changes) -> Peer:
    """Our own image, off by `error`, as somebody else's renderer."""

    def prepare_fake(scene):
        draw, leaves = prepare("pairs", scene)
        return lambda: draw() + error, leaves

    fields = {
        "module": "torch",
        "devices": ("cpu",),
        "install": "nothing",
        "what": "a copy",
        "rgb": 0.0,
        "alpha": 0.0,
    }
    return Peer(**{**fields, "prepare": prepare_fake, **changes})


@pytest.fixture
def only_fake(monkeypatch):
    """Puts one made-up peer in the place of all the others."""

    def put(peer: Peer) -> None:
        monkeypatch.setattr(peers, "PEERS", {"fake": peer})
        for module in ("softras_edu.bench", "softras_edu.bench.measure"):
            monkeypatch.setattr(f"{module}.PEERS", {"fake": peer})

    return put


def test_a_peer_is_measured_like_a_backend_and_says_how_far_off_it_is(only_fake):
    only_fake(fake(error=1e-4))
    found = measure("fake", "cpu", **CASE)
    assert found.keys() == measure("pairs", "cpu", **CASE).keys() | {
        "what",
        "rgb_difference",
        "alpha_difference",
    }
    assert found["what"] == "a copy"
    assert float(found["rgb_difference"]) == pytest.approx(1e-4, rel=0.1)
    assert float(found["alpha_difference"]) == pytest.approx(1e-4, rel=0.1)
    silhouette = measure("fake", "cpu", **CASE, silhouette=True)
    assert silhouette["rgb_difference"] == ""
    assert float(silhouette["alpha_difference"]) == pytest.approx(1e-4, rel=0.1)


def test_a_peer_that_must_draw_our_image_and_does_not_fails(only_fake):
    only_fake(fake(error=0.01))
    with pytest.raises(
        AssertionError,
        match=r"rgb should be ours, but 100\.0% of the pixels are off, by up to 0\.01",
    ):
        measure("fake", "cpu", **CASE)
    only_fake(fake(error=0.01, rgb=None))
    with pytest.raises(AssertionError, match="alpha should be ours"):
        measure("fake", "cpu", **CASE)
    only_fake(fake(error=0.01, rgb=None, alpha=None))
    assert measure("fake", "cpu", **CASE)["alpha_difference"] == "0.01"
    only_fake(fake(error=0.01, rgb=1.0, alpha=1.0))
    assert measure("fake", "cpu", **CASE)["rgb_difference"] == "0.01"


def test_the_table_has_peers_in_their_sweeps_and_says_at_its_foot_what_they_are(
    only_fake, monkeypatch, capsys
):
    only_fake(fake(error=1e-4))
    monkeypatch.setattr(bench, "SWEEPS", {"growth": [Case(4, 0)], "faces": [Case(4, 0)]})
    monkeypatch.setattr(bench, "backends", lambda: {"pairs": "ok"})
    monkeypatch.setattr(
        bench, "apart", lambda backend, job: measured(job)
    )  # in this process: another would not know the made-up peer
    assert bench.report() == 0
    text = capsys.readouterr().out
    assert text.count("growth     fake ") == 1
    assert "faces      fake " not in text
    assert "fake: a copy (rgb off by up to 0.0001, alpha off by up to 0.0001)" in text
    assert "every peer is here" in text
    assert "    ours / fake: " in text

    only_fake(fake(devices=("cuda",)))
    bench.report()
    assert "peers that are not here: fake (needs cuda)" in capsys.readouterr().out
    only_fake(fake(module="no_such_module", install="write it"))
    bench.report()
    assert "peers that are not here: fake (write it)" in capsys.readouterr().out


def test_the_foot_compares_our_quickest_rung_with_a_peer_in_the_cases_that_both_have_drawn():
    case = {"sweep": "growth", "side": 64, "level": 3, "sigma": 1e-4, "batch": 1, "faces": 1280}

    def row(backend, took, **changes):
        return {
            **case,
            "silhouette": False,
            "backend": backend,
            "forward_backward_ms": took,
        } | changes

    rows = [row("pairs", 20.0), row("numba", 3.0), row("deodr", 2.0), row("other", 1.0)]
    assert bench.compared(rows, "deodr") == [
        "    ours / deodr: 1.5 (64 x 64, 1,280 faces, sigma 0.0001)"
    ]
    assert bench.compared([row("numba", 3.0, side=128), row("deodr", 2.0)], "deodr") == []
    rows += [
        row("numba", 30.0, side=128, silhouette=True),
        row("deodr", 60.0, side=128, silhouette=True),
    ]
    assert bench.compared(rows, "deodr")[0].endswith(
        "; 0.5 (128 x 128, 1,280 faces, sigma 0.0001, silhouette)"
    )


def test_backends_can_be_named(monkeypatch, capsys):
    monkeypatch.setattr(bench, "SWEEPS", {"growth": [Case(4, 0)]})
    monkeypatch.setattr(bench, "apart", lambda backend, job: measured(job))
    assert main(["bench", "--backends", "pairs,broadcast"]) == 0
    lines = [
        line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("growth")
    ]
    assert [line[1] for line in lines] == ["pairs", "broadcast"]
    assert main(["bench", "--backends", "pairs,banana"]) == 1
    assert (
        "--backends: got banana, wanted some of loops, broadcast, pairs, numba, triton, pytorch3d"
        in capsys.readouterr().err
    )


def test_a_peer_can_come_from_a_folder(tmp_path, monkeypatch, capsys):
    (tmp_path / "deodr.py").write_text("raise ImportError('found in the folder')")
    case = Case(4, 0)
    assert bench.climb("growth", [case], "cpu", "a machine", 1.0, [f"deodr={tmp_path}"]) == []
    line = capsys.readouterr().out
    assert f"deodr={tmp_path.name}" in line
    assert "found in the folder" in line


def test_pairs_are_counted_a_pixel():
    live, most = count_pairs(Case(16, 1), "cpu")
    assert live == 282
    assert 2 <= most <= 80
    assert count_pairs(Case(16, 1, batch=2), "cpu")[0] > live


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_says_why_it_is_not_here(name):
    here = importlib.util.find_spec(PEERS[name].module) is not None
    assert (PEERS[name].why_not(PEERS[name].devices[0]) is None) == here
    assert PEERS[name].why_not("abacus").startswith("needs ")


# ---------------------------------------------------------------- real ones, where they are


def test_pytorch3d_draws_our_silhouette_and_has_our_gradient():
    pytest.importorskip("pytorch3d")
    for sigma in (1e-4, 1e-3):
        case = Case(32, 2, sigma, silhouette=True)
        scene = Scene.of(case, "cpu", count_pairs(case, "cpu")[1])
        draw, (triangles,) = PEERS["pytorch3d"].prepare(scene)
        mine = scene.triangles()
        ours = rasterize(mine, size=32, sigma=sigma)
        assert (draw() - ours).abs().max() < 2e-4
        target = torch.rand(ours.shape, generator=torch.Generator().manual_seed(0))
        (theirs,) = torch.autograd.grad((draw() * target).sum(), triangles)
        (wanted,) = torch.autograd.grad((ours * target).sum(), mine)
        assert (theirs - wanted)[..., :2].norm() < 1e-3 * wanted[..., :2].norm()


def test_pytorch3d_draws_almost_our_colours():
    pytest.importorskip("pytorch3d")
    case = Case(32, 2)
    scene = Scene.of(case, "cpu", count_pairs(case, "cpu")[1])
    draw, leaves = PEERS["pytorch3d"].prepare(scene)
    image, ours = draw(), rasterize(scene.triangles(), scene.corner_colors(), size=32)
    assert image.shape == ours.shape
    assert (image - ours).abs()[..., :3].mean() < 0.01
    assert all(grad.abs().sum() > 0 for grad in torch.autograd.grad(image.square().mean(), leaves))


def test_deodr_draws_the_same_sphere_from_the_same_side():
    pytest.importorskip("deodr")
    scene = Scene.of(Case(64, 3, batch=2), "cpu")
    draw, (points, colors) = PEERS["deodr"].prepare(scene)
    image, hard = (
        draw(),
        rasterize(scene.triangles(), scene.corner_colors(), size=64, sigma=1e-7)[..., :3],
    )
    far = [
        (image.roll(shift, dims=(1, 2)) - hard).abs().mean()
        for shift in ((0, 0), (0, 1), (1, 0), (0, -1), (-1, 0))
    ]
    assert far[0] < 0.01
    assert far[0] == min(far)
    gradients = torch.autograd.grad(image.square().mean(), (points, colors))
    assert all(grad.abs().sum() > 0 for grad in gradients)
    # Moving the whole sphere by a hair, right or up, against the gradient: edges are antialiased,
    # so the image moves smoothly.
    for axis, weight in enumerate(
        (torch.linspace(0, 1, 64)[:, None], torch.linspace(1, 0, 64)[:, None, None])
    ):  # brighter to the right, to the top
        (slope,) = torch.autograd.grad((draw() * weight).sum(), points)
        hair = 5e-5 * torch.eye(3)[axis]
        with torch.no_grad():
            points += hair
            after = (draw() * weight).sum()
            points -= 2 * hair
            before = (draw() * weight).sum()
        assert float(after - before) / 1e-4 == pytest.approx(
            float(slope[..., axis].sum()), rel=0.02
        )
