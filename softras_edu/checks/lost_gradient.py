"""What is wrong with a gradient when the numbers are right, and which line of the answer cut it."""

from __future__ import annotations

import inspect
import re

import torch
from torch import Tensor

from .report import Answer
from .slip_changes import close as alike

# What cuts the way back, as it stands in an answer.
CUTS = re.compile(
    r"\.detach\(|\.detach_\(|no_grad|inference_mode|\.data\b|\.item\(|\.tolist\(|\.numpy\("
    r"|\bnp\.|\bfloat\(|\bmath\.\w+\(|\btensor\(|\.round\(|\.sign\(|\.floor\(|\bround\("
)
HARD = re.compile(r"[<>]|\bclamp|\bclip|\bround|\bfloor|\bsign\b|\.sqrt\(|\.norm\(|\bwhere\(|/")


def about(name: str, got: Tensor | None, right: Tensor, yours: Answer, off: float) -> str:
    """A sentence on a gradient that is missing (None) or wrong.

    Args:
        name: the argument's.
        got, right: the gradient and what it should be, of one shape.
        yours: the answer, whose lines are searched.
        off: the largest difference that still counts as equal.
    """
    cut = line(yours, CUTS)
    if got is None:
        why = cut or (
            "  torch.no_grad(), .detach(), .item(), float(), torch.tensor(...) and comparisons "
            "cut it."
        )
        return (
            f"the gradient of {name} is lost: nothing leads from the result back to {name}.\n{why}"
        )
    wrong = f"the gradient of {name} is not"
    if got.isnan().any() or got.isinf().any():
        return (
            f"{wrong}: not a number. On the way back lies the square root of 0, 0 / 0, or a "
            "branch of torch.where that is infinite, though it is not chosen: 0 * inf is nan."
        )
    if not got.any():
        return (
            f"{wrong}: it is 0 everywhere, as through a comparison, a rounding or a clamp.\n"
            f"{cut or line(yours, HARD)}"
        ).rstrip()
    size = (got * right).sum() / (right * right).sum()
    if alike(got, size * right, 1e-4) and 0 < size < 1:
        return (
            f"{wrong}: it is {size:.3g} of what it should be. A part of the result is "
            f"detached.\n{cut}"
        ).rstrip()
    missing = (got == 0) & ((right - got).abs() > off)
    if missing.any() and torch.allclose(got[~missing], right[~missing], atol=off):
        return (
            f"{wrong}: it is 0 in {int(missing.sum())} of {got.numel()} places, where a clamp, a "
            f"comparison or a detach stops it.\n{cut or line(yours, HARD)}"
        ).rstrip()
    return (
        f"{wrong}. Is a part of the result detached, or does a 0 / 0 or the square root of 0 lie "
        f"on the way?\n{cut}"
    ).rstrip()


def line(yours: Answer, pattern: re.Pattern[str]) -> str:
    """The first two lines of an answer in which the pattern stands, with their numbers, or ""."""
    try:
        lines, first = inspect.getsourcelines(inspect.unwrap(yours))
    except (OSError, TypeError):  # not written in a cell or a file
        return ""
    found = [
        f"  look at line {number} of the cell:  {code.strip()}"
        for number, text in enumerate(lines, start=first)
        if pattern.search(code := text.partition("#")[0]) and not code.lstrip().startswith("def ")
    ]
    return "\n".join(found[:2])
