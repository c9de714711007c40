"""Every rung against `broadcast` in float64 on hundreds of ugly scenes: see `ugly.py` for what they are and for what cannot be compared."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from ugly import KINDS, check, random_case, rounding

from softras_edu.rasterizers.ladder import load, why_not
from softras_edu.rasterizers.loops import rasterize_loops

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

# How many scenes of each kind: rung 1 and Triton's interpreter take about a second for one.
SCENES = {"loops": 4, "pairs": 50, "numba": 50, "triton": 2}


def rung(name: str) -> Callable[..., torch.Tensor]:
    """The function of a rung, for tensors on the CPU."""
    device = DEVICE if name == "triton" else "cpu"
    reason = why_not(name, torch.device(device))
    if reason:
        pytest.skip(f"{name}: {reason}")
    function = rasterize_loops if name == "loops" else load(name)
    if device == "cpu":
        return function
    return lambda *tensors_and_options: function(
        *(x.to(device) if isinstance(x, torch.Tensor) else x for x in tensors_and_options)
    ).cpu()


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("kind", KINDS)
def test_ugly_scenes_agree(name, kind):
    drawn = 0
    for seed in range(SCENES[name]):
        triangles, colors, o = random_case(kind, seed)
        image, grad = check(
            rung(name), triangles, colors, o, tolerance=1e-10 + rounding(triangles, o.gamma)
        )[:2]
        drawn += bool((image[..., -1] > 0).any() and (grad != 0).any())
    assert drawn >= SCENES[name] // 10  # not all of them are empty pictures


@pytest.mark.parametrize("kind", KINDS)
def test_ugly_float32_scenes_agree(kind):
    # numba computes in float64 whatever it reads, so it must agree to what float32 can store; the reference gets the same numbers in float64.
    for seed in range(100, 120):
        triangles, colors, o = random_case(kind, seed)
        check(
            rung("numba"),
            triangles.float(),
            None if colors is None else colors.float(),
            o,
            tolerance=1e-6,
        )
