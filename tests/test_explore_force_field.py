"""The arrows of the force field, against counts by brute force and finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from readouts import brute_force, centres, read, slope
from torch.nn.functional import cosine_similarity as cosine

from softras_edu import rasterize
from softras_edu.explore.draw import CAPTION, PANEL
from softras_edu.explore.live import ForceField
from softras_edu.explore.live import field as force_field

COUNTS = "hard #, NMR #, soft #"


def wanted(x: float, y: float) -> torch.Tensor:
    """Pixels whose centre is in the target, a square of side 0.3 -> (32, 32) booleans."""
    inside = [max(abs(a - x), abs(b - y)) <= 0.15 for a, b in centres(32)]
    return torch.tensor(inside).view(32, 32)


def test_hard_moves_none_nmr_a_cross_and_soft_all() -> None:
    explorer = ForceField()
    assert (explorer.sigma, explorer.target) == (0.1, (0.0, 0.0))
    assert read(explorer, COUNTS) == [0, 178, 289]
    nmr = force_field.field(force_field.nmr, (0.0, 0.0)).norm(dim=1).reshape(17, 17) > 0
    # Scanlines reach the square from its own rows and columns only: a cross with dead corners. In
    # the middle the triangle covers the square already.
    cross = torch.zeros(17, 17, dtype=torch.bool)
    cross[5:12] = cross[:, 5:11] = True
    cross[8, 8] = False
    assert torch.equal(nmr, cross)


def test_soft_moves_where_a_pixel_of_the_target_is_in_reach() -> None:
    explorer = ForceField(sigma=1e-2, target=(0.3, -0.2))
    triangles = force_field.CENTRED + torch.nn.functional.pad(force_field.PLACES, (0, 1))[:, None]
    near = (brute_force(triangles, 32, 1e-2) & wanted(0.3, -0.2)).any(2).any(1)
    moved = force_field.field(force_field.soft(1e-2, 1e-4), (0.3, -0.2)).norm(dim=1) > 0
    assert torch.equal(moved, near)
    assert read(explorer, COUNTS)[2] == int(near.sum())
    assert 0 < near.sum() < 289
    explorer.dist_eps = 0.0
    assert read(explorer, COUNTS)[2] == 289


@pytest.mark.parametrize("place", [0, 16, 100, 150])
def test_an_arrow_is_the_way_in_which_the_loss_falls(place: int) -> None:
    target, sigma = (0.1, -0.3), 0.1
    push = force_field.field(force_field.soft(sigma, 0.0), target)[place]

    def loss(axis: int, step: float) -> float:
        triangle = force_field.CENTRED.clone()[None]
        triangle[..., :2] += force_field.PLACES[place]
        triangle[..., axis] += step
        alpha = rasterize(triangle, size=32, sigma=sigma, dist_eps=0)[..., 0]
        return (1 - alpha[wanted(*target)]).square().mean().item()

    for axis in (0, 1):
        by_difference = -slope(lambda step, axis=axis: loss(axis, step), 1e-5)
        assert push[axis].item() == pytest.approx(by_difference, rel=1e-4, abs=1e-9)


def test_one_scale_for_all_panels_and_a_dot_where_nothing_moves() -> None:
    """The same push is the same arrow, whichever renderer made it; no push is a grey dot."""
    explorer = ForceField(target=(0.5, 0.5))
    push = torch.zeros(289, 2, dtype=torch.float64)
    push[144] = torch.tensor([1.0, 0.0])
    one, other = (explorer.panel(name, push).picture for name in ("NMR", "soft"))
    assert np.array_equal(np.asarray(one), np.asarray(other))
    push[144, 0] = 1e-3
    weaker = explorer.panel("NMR", push).picture
    changed = (np.asarray(one) != np.asarray(weaker)).any(-1)
    assert 0 < changed.sum() < 100
    rows, columns = changed.nonzero()
    assert abs(rows - PANEL / 2).max() <= 5
    assert PANEL / 2 - 5 <= columns.min() <= columns.max() <= PANEL / 2 + 13
    assert explorer.image.shape[0] > PANEL + CAPTION  # the scale stands below


def test_the_arrows_of_nmr_and_soft_point_to_the_target() -> None:
    for x, y in ((0.0, 0.0), (0.3, -0.3)):
        way = torch.tensor([x, y], dtype=torch.float64) - force_field.PLACES
        push = force_field.field(force_field.soft(0.1, 1e-4), (x, y))
        assert (cosine(push, way, dim=1) > math.cos(math.pi / 4)).double().mean() > 0.95
