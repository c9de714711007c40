"""A reader's rasterizer on a GPU: is it right there, and how fast? For notebook 09, in a process of
its own: `python -m softras_edu.bench.gpu.mine FILE NAME DEVICE`.

The process that runs the notebook interprets Triton, and cannot compile any more.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ...checks.contract_scenes import Rasterizer, contract
from ...rasterizers.options import Options
from ..case import Case
from . import floors, timing
from .card import this_card
from .speed import Pictures, live_pairs, short

SIZES = (Case(64, 3), Case(64, 3, batch=64), Case(256, 4))
REHEARSED = (Case(8, 0),)


def judge(mine: Rasterizer, device: str) -> list[str]:
    """The contract in float64 and float32, in this order: what is wrong in the first is no matter
    of digits.

    Raises:
        Mistake, YourTurn: as `checks.contract` does.
    """
    found = []
    for dtype in (torch.float64, torch.float32):
        contract(mine, dtype=dtype, device=device)
        found.append(f"right in {str(dtype).removeprefix('torch.')}")
    return found


def time_it(mine: Rasterizer, case: Case, device: str) -> list[str]:
    """Forward and backward in float32 of yours, of rung 5 and of rung 3, and the least time that
    the card could take for the instructions of rung 5."""
    pictures, card = Pictures(case, device), this_card(device)
    o = Options(height=case.side, width=case.side, sigma=case.sigma)
    nothing = pictures.triangles.new_zeros(case.batch, case.side, case.side, 3)

    def yours() -> tuple[Tensor, ...]:
        image = mine(pictures.triangles, pictures.colors, nothing, o)
        return torch.autograd.grad(image, pictures.leaves, pictures.weights)

    calls: dict[str, Callable[[], object]] = {
        "yours": yours,
        "the library's": lambda: pictures.both("triton"),
        "pairs": lambda: pictures.both("pairs"),
    }
    least = floors.instruction_floor_ms(live_pairs(case, device), True, True, card)
    lines = [f"{short(case)}, forward + backward; floor {least:.4f} ms"]
    for name, call in calls.items():
        if device == "cuda":
            call()  # compiles
        found = timing.measure(call, device)
        lines.append(
            f"  {name:<14}{found.median:10.3f} ms (quartiles {found.low:.3f} to {found.high:.3f}), "
            f"{100 * least / found.median:5.1f} % of the floor"
        )
    return lines


def main(file: str, name: str, device: str) -> None:
    """Print what was found, line by line."""
    sys.path.insert(0, str(Path(file).parent))
    mine: Rasterizer = getattr(importlib.import_module(Path(file).stem), name)
    card = this_card(device)
    print(card.name if device == "cuda" else "the interpreter: no time below means anything")
    print("; ".join(judge(mine, device)))
    for case in SIZES if device == "cuda" else REHEARSED:
        print("\n".join(time_it(mine, case, device)))


if __name__ == "__main__":
    main(*sys.argv[1:])
