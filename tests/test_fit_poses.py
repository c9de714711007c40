"""The table of poses: its fast renderers are the library's, and what it counts is counted right."""

from __future__ import annotations

import csv
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from softras_edu import rasterize
from softras_edu.explore.gradient_terms import SIZE, rasterize_terms

ROOT = Path(__file__).parent.parent
pytest.importorskip("numba")
sys.path.insert(0, str(ROOT / "benchmarks"))
import fit_cameras  # noqa: E402
import fit_poses  # noqa: E402
import truncated_gradient  # noqa: E402

VIEW = {"near": 1.0, "far": 10.0, "background": 0.3}


def scene(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Triangles (3, 6, 3, 3) and their colours."""
    g = torch.Generator().manual_seed(seed)
    corners = torch.rand(3, 6, 3, 3, generator=g, dtype=torch.float64)
    return corners * torch.tensor([2.0, 2.0, 2.0]) + torch.tensor([-1.0, -1.0, 2.0]), torch.rand(
        3, 6, 3, 3, generator=g, dtype=torch.float64
    )


def image_and_gradient(renderer, triangles: Tensor) -> tuple[Tensor, Tensor]:
    triangles = triangles.clone().requires_grad_()
    image = renderer(triangles)
    goal = torch.rand(image.shape, generator=torch.Generator().manual_seed(1), dtype=image.dtype)
    return image.detach(), torch.autograd.grad((image - goal).square().sum(), triangles)[0]


def test_truncated_draws_the_same_picture_with_less_gradient() -> None:
    triangles, colors = scene()
    dials = {
        "size": SIZE,
        "sigma": 1e-2,
        "gamma": 1e-1,
        "near": 1.0,
        "far": 10.0,
        "background": 0.0,
    }
    ours = image_and_gradient(lambda t: truncated_gradient.truncated(t, colors, **dials), triangles)
    whole = image_and_gradient(lambda t: rasterize(t, colors, **dials), triangles)
    assert torch.equal(ours[0], whole[0])
    assert torch.allclose(ours[1][..., 2], whole[1][..., 2])
    assert not torch.allclose(ours[1], whole[1], rtol=0.1)


def test_truncated_is_what_detached_weights_give() -> None:
    triangles, colors = scene()
    triangles, colors = triangles[:1], colors[:1]

    def by_autograd(t: Tensor) -> Tensor:
        return rasterize_terms(t, colors[0], 1e-2, 1e-1, color_term=False, depth_term=False)

    ours = image_and_gradient(
        lambda t: truncated_gradient.truncated(
            t, colors, size=SIZE, sigma=1e-2, gamma=1e-1, near=1.0, far=10.0, background=0.0
        )[..., :3],
        triangles,
    )
    theirs = image_and_gradient(by_autograd, triangles)
    assert torch.allclose(ours[0], theirs[0], atol=1e-10)
    assert torch.allclose(ours[1], theirs[1], rtol=1e-6, atol=1e-8)


def test_wilson() -> None:
    low, high = fit_poses.wilson(
        8, 10
    )  # worked out by hand: (0.8 + 0.19208 -+ 1.96 sqrt(0.016 + 0.009604)) / 1.38416
    assert (low, high) == (pytest.approx(49.02, abs=0.01), pytest.approx(94.33, abs=0.01))
    assert fit_poses.wilson(0, 100)[0] == 0 < fit_poses.wilson(0, 100)[1] < 4
    assert fit_poses.wilson(100, 100)[1] == pytest.approx(100)
    assert 96 < fit_poses.wilson(100, 100)[0] < 97


METHODS = {**fit_poses.METHODS, **fit_poses.CHANGES, **fit_poses.LAST}


@pytest.mark.parametrize("method", METHODS)
def test_a_line_of_the_table(method: str) -> None:
    search = METHODS[method]
    short = {
        "best of 4 starts": {},
        "soft, then hard": {"soft_steps": 3, "hard_steps": 2},
    }.get(method, {"steps": 3})

    def quick(*arguments: object) -> object:
        return search(*arguments, **short)

    row = fit_poses.measure("cube", method, quick, 20, 2)
    assert 0 <= row["solved"] <= row["cases"] == 2
    if method == "hard":
        assert row["median_error"] == "20.00", (
            "flat colours leave the hard picture without a gradient"
        )


def test_bootstrap() -> None:
    low, high = fit_poses.bootstrap(torch.full((50,), 7.0))
    assert (low, high) == (7, 7)
    errors = torch.randn(400, generator=torch.Generator().manual_seed(0)) + 5
    low, high = fit_poses.bootstrap(errors)  # of a mean of many: mean -+ 1.96 s / sqrt(n)
    half = 1.96 * errors.std().item() / 20
    assert low == pytest.approx(errors.mean().item() - half, abs=0.015)
    assert high == pytest.approx(errors.mean().item() + half, abs=0.015)


def test_a_run_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def quick(name: str, method: str, search: object, start: object, count: int) -> dict[str, str]:
        asked.append((name, method, start))
        if len(asked) == 5:
            raise KeyboardInterrupt
        scores = dict.fromkeys(fit_poses.FIELDS[10:], "1")
        return {
            "source": "ours", "object": name, "method": method, "start": start, "cases": count,
        } | scores  # fmt: skip

    monkeypatch.setattr(fit_poses, "measure", quick)
    monkeypatch.setattr(sys, "argv", ["fit_poses.py", "--cases", "3", "--out", str(tmp_path)])
    with pytest.raises(KeyboardInterrupt):
        fit_poses.main()
    fit_poses.main()
    fit_poses.main()
    wanted = [(name, method, start) for name, method, _, start, _ in fit_poses.jobs("main", 3)]
    assert asked[:4] + asked[5:] == wanted, "each line is measured once, and none is left out"
    (path,) = tmp_path.glob("poses-*.csv")
    assert len(fit_poses.read(path)) == len(wanted)


def newest(name: str) -> list[dict[str, str]]:
    path = max((ROOT / "benchmarks" / "results").glob(f"{name}-20*.csv"))
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def is_whole(row: dict[str, str]) -> bool:
    """Its numbers belong together, and it says where they come from."""
    solved, count = int(row["solved"]), int(row["cases"])
    scores = [100 * solved / count, *fit_poses.wilson(solved, count)]
    told = [float(row[key]) for key in ("percent", "low", "high")]
    return told == pytest.approx(scores, abs=0.051) and all(
        row[key] for key in ("date", "device", "torch", "numba", "seed")
    )


@pytest.mark.parametrize("table", fit_poses.TABLES)
def test_the_committed_table_is_whole(table: str) -> None:
    rows = newest(fit_poses.TABLES[table])
    ours = {
        (row["object"], row["method"], row["start"]): row for row in rows if row["source"] == "ours"
    }
    assert set(ours) == {
        (name, method, str(start)) for name, method, _, start, _ in fit_poses.jobs(table, 200)
    }
    assert all(int(row["cases"]) >= 100 and is_whole(row) for row in ours.values())


def test_the_committed_table_has_the_mean_angle_and_its_interval() -> None:
    for row in newest("pose-last"):
        mean = float(row["mean_error"])
        assert mean > 0
        if row["source"] == "ours":
            assert float(row["mean_low"]) <= mean <= float(row["mean_high"])
    theirs = {
        (row["method"], row["start"]): (row["percent"], row["mean_error"])
        for row in newest("pose-last")
        if row["source"] != "ours"
    }
    assert theirs["SoftRas", "80"] == ("55", "33.5")
    assert theirs["perturbed optimisers", "20"] == ("93", "3.8")


# ---------------------------------------------------------------- cameras and places


@pytest.mark.parametrize(
    ("task", "name", "method", "start"), [job[:4] for job in fit_cameras.jobs(2)]
)
def test_a_line_of_the_cameras(
    task: str, name: str, method: str, start: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for search, short in (("fit_camera", {"steps": 3}), ("fit_place", {"soft_steps": 3})):
        whole = getattr(fit_cameras, search)
        monkeypatch.setattr(fit_cameras, search, partial(whole, **short))
    row = fit_cameras.measure(task, name, method, start, 2)
    assert set(row) <= set(fit_cameras.FIELDS)
    assert 0 <= row["solved"] <= row["cases"] == 2
    if method == "two known":
        assert row["distance_off"] == row["fov_off"] == row["size_off"] == "0.0"


def test_the_starts_of_the_cameras_are_as_far_off_as_they_say() -> None:
    for start, (least, most) in fit_cameras.STARTS.items():
        _, truth, begin = fit_cameras.camera_cases(start, 40)
        angle = begin[:, 1:3].norm(dim=1)
        assert least <= angle.min() <= angle.max() <= most
        assert angle.max() - angle.min() > (most - least) / 2
        assert not truth[:, 1:3].any()


def test_what_is_off_is_a_ratio() -> None:
    found, truth = torch.tensor([2.2, 2.0, 1.0]), torch.tensor([2.0, 2.2, 1.0])
    assert fit_cameras.off(found, truth) == "10.0"  # too much and too little weigh the same


def test_the_committed_cameras_are_whole() -> None:
    rows = newest("cameras")
    told = {(row["task"], row["object"], row["method"], row["start"]) for row in rows}
    assert told == {job[:4] for job in fit_cameras.jobs(60)}
    assert all(int(row["cases"]) >= 60 and is_whole(row) for row in rows)
