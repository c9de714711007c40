"""Every rung against `broadcast` in float64 on hundreds of ugly scenes.

`ugly.py` makes them, `compare.py` says what cannot be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
from compare import backdrop, check, rounding
from ugly import KINDS, random_case

from softras_edu.rasterizers.broadcast import rasterize_broadcast
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


def shows(image: torch.Tensor) -> bool:
    return bool((image[..., -1] > 1e-3).any())


@cache
def lively(kind: Callable[..., torch.Tensor]) -> list[int]:
    """Those of 50 seeds whose picture is not empty."""
    found = []
    for seed in range(50):
        triangles, colors, o = random_case(kind, seed)
        background = backdrop(triangles, 0 if colors is None else colors.shape[-1], o)
        image = rasterize_broadcast(triangles, colors, background, o)
        if shows(image):
            found.append(seed)
    return found


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("kind", KINDS)
def test_ugly_scenes_agree(name, kind):
    function, device = rung(name)
    drawn, seeds = 0, list(range(50))
    if len(seeds) > SCENES[name]:  # few: most of them pictures with something in them
        empty = next(seed for seed in seeds if seed not in lively(kind))
        seeds = [*lively(kind)[: SCENES[name] - 1], empty]
    for seed in seeds:
        triangles, colors, o = random_case(kind, seed)
        tolerance = 1e-10 + rounding(triangles, o.gamma)
        drawn += shows(check(function, triangles, colors, o, tolerance, device=device)[0])
    assert drawn >= min(5, SCENES[name] - 1)  # not all of them are empty pictures


@pytest.mark.parametrize("kind", KINDS)
def test_ugly_float32_scenes_agree(kind):
    # numba computes in float64 whatever it reads, so it must agree to what float32 can store; the
    # reference gets the same numbers in float64.
    function, _ = rung("numba")
    for seed in range(100, 120):
        triangles, colors, o = random_case(kind, seed)
        single = None if colors is None else colors.float()
        check(function, triangles.float(), single, o, tolerance=1e-6)
