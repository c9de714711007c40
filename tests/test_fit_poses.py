"""The table of poses: its fast renderers are the library's, and what it counts is counted right."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from softras_edu import rasterize
from softras_edu.explore.gradient_terms import SIZE, rasterize_terms

ROOT = Path(__file__).parent.parent
pytest.importorskip("numba")
sys.path.insert(0, str(ROOT / "benchmarks"))
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


@pytest.mark.parametrize("method", [*fit_poses.METHODS, *fit_poses.CHANGES])
def test_a_line_of_the_table(method: str) -> None:
    search = {**fit_poses.METHODS, **fit_poses.CHANGES}[method]
    quick = (
        search if method == "best of 4 starts" else lambda *arguments: search(*arguments, steps=3)
    )
    row = fit_poses.measure("cube", method, quick, 20, 2)
    assert 0 <= row["solved"] <= row["cases"] == 2
    if method == "hard":
        assert row["median_error"] == "20.00", (
            "flat colours leave the hard picture without a gradient"
        )


def test_the_committed_table_is_whole() -> None:
    path = max((ROOT / "benchmarks" / "results").glob("poses-*.csv"))
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    ours = {
        (row["object"], row["method"], row["start"]): row for row in rows if row["source"] == "ours"
    }
    assert set(ours) == {
        (name, method, str(start)) for name, method, _, start, _ in fit_poses.jobs(200)
    }
    for row in ours.values():
        assert int(row["cases"]) >= 100
        assert float(row["percent"]) == pytest.approx(
            100 * int(row["solved"]) / int(row["cases"]), abs=0.05
        )
        low, high = fit_poses.wilson(int(row["solved"]), int(row["cases"]))
        assert (float(row["low"]), float(row["high"])) == (
            pytest.approx(low, abs=0.051),
            pytest.approx(high, abs=0.051),
        )
    theirs = {
        (row["method"], row["start"]): row["percent"] for row in rows if row["source"] != "ours"
    }
    assert theirs["SoftRas", "80"] == "55"
    assert theirs["perturbed optimisers", "20"] == "93"
