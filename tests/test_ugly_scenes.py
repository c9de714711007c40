"""Every rung against `broadcast` in float64 on hundreds of ugly scenes.

`ugly.py` makes them, `compare.py` says what cannot be compared.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from compare import check, rounding
from ugly import KINDS, random_case

from softras_edu.rasterizers.ladder import load, why_not
from softras_edu.rasterizers.loops import rasterize_loops

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

# How many scenes of each kind: rung 1 and Triton's interpreter take about a second for one.
SCENES = {"loops": 4, "pairs": 50, "numba": 50, "triton": 2}


def rung(name: str) -> tuple[Callable[..., torch.Tensor], str]:
    """The function of a rung, and the device that it draws on."""
    device = DEVICE if name == "triton" else "cpu"
    reason = why_not(name, torch.device(device))
    if reason:
        pytest.skip(f"{name}: {reason}")
    return (rasterize_loops if name == "loops" else load(name)), device


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("kind", KINDS)
def test_ugly_scenes_agree(name, kind):
    function, device = rung(name)
    drawn = 0
    for seed in range(SCENES[name]):
        triangles, colors, o = random_case(kind, seed)
        tolerance = 1e-10 + rounding(triangles, o.gamma)
        image, grad = check(function, triangles, colors, o, tolerance, device=device)[:2]
        drawn += bool((image[..., -1] > 0).any() and (grad != 0).any())
    assert drawn >= SCENES[name] // 10  # not all of them are empty pictures


@pytest.mark.parametrize("kind", KINDS)
def test_ugly_float32_scenes_agree(kind):
    # numba computes in float64 whatever it reads, so it must agree to what float32 can store; the
    # reference gets the same numbers in float64.
    function, _ = rung("numba")
    for seed in range(100, 120):
        triangles, colors, o = random_case(kind, seed)
        single = None if colors is None else colors.float()
        check(function, triangles.float(), single, o, tolerance=1e-6)
