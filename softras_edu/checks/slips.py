"""Slips that any exercise can meet, found by what a wrong answer has in common with the right one.

An exercise's own table of mistakes comes first; this is for answers that are not in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from .slip_changes import Ask, Trial, changed, close, other_arguments


def named(
    trials: Sequence[Trial],
    right: Sequence[bool],
    names: Sequence[str],
    ask: Ask,
    tol: float,
) -> str:
    """What the answer's numbers tell about its slip, in a sentence or two, or "".

    Args:
        trials: all cases in which the answer gave numbers.
        right: for each of them, whether it is right.
        names: of the arguments, for the sentence.
        ask: the right answer to a case, or to another question.
        tol: the largest difference, beside a case's largest number, that counts as equal.
    """
    wrong = [trial for trial, is_right in zip(trials, right, strict=True) if not is_right]
    if not wrong:
        return ""
    if any(t.got.shape != t.expected.shape for t in trials):
        return _shape(wrong[0])
    ways = (
        lambda: _not_finite(wrong[0]),
        lambda: _constant(trials),
        lambda: _rounded(wrong),
        lambda: changed(trials, tol),
        lambda: other_arguments(trials, names, ask, tol),
        lambda: _factor(trials, names, tol),
        lambda: _place(trials, names, tol),
    )
    return next(filter(None, (way() for way in ways)), "")


# ---------------------------------------------------------------- the shape


def _shape(trial: Trial) -> str:
    """What a shape that differs has to say."""
    got, want = tuple(trial.got.shape), tuple(trial.expected.shape)
    if got == want:
        return ""
    if [n for n in got if n != 1] == [n for n in want if n != 1]:
        if len(got) > len(want):
            return (
                "An axis of length 1 is too many: keepdim=True, [None] or a slice like x[:1] "
                "leaves one behind."
            )
        return "The numbers may be right, but an axis of length 1 is missing."
    if sorted(got) == sorted(want):
        return "The axes of the result stand in another order."
    if not got:
        return (
            f"That is one number, and {trial.expected.numel()} are wanted. A sum, a mean or an "
            "all() without an axis runs over everything."
        )
    if not want:
        return f"One number is wanted, and yours are {trial.got.numel()}: is a sum missing?"
    for axis, length in enumerate(got):
        if got[:axis] + got[axis + 1 :] == want:
            return f"The {length} entries along axis {axis} should have become one."
    for axis, length in enumerate(want):
        if want[:axis] + want[axis + 1 :] == got:
            return (
                f"An axis is gone: the result keeps its axis {axis}, of {length} entries. Is the "
                "sum over another one?"
            )
    if math.prod(got) == math.prod(want):
        return (
            "As many numbers as are wanted, with other axes: a reshape, or brackets, are missing."
        )
    if len(got) == len(want):
        axis = next(k for k, (a, b) in enumerate(zip(got, want, strict=True)) if a != b)
        return f"Axis {axis} of the result has {got[axis]} entries, and {want[axis]} are wanted."
    return ""


# ---------------------------------------------------------------- one number


def _not_finite(trial: Trial) -> str:
    finite = trial.expected.isfinite()
    if trial.got.isnan()[finite].any():
        return (
            "Not a number (nan) comes out: from 0 / 0, inf - inf or 0 * inf, or from the root or "
            "the logarithm of a negative number."
        )
    if trial.got.isinf()[finite].any():
        return (
            "Infinity comes out: from a division by 0, exp of a large number, or the logarithm "
            "of 0."
        )
    return ""


def _constant(trials: Sequence[Trial]) -> str:
    """The same number, whatever was asked."""
    got, expected = (torch.cat([x.flatten() for x in xs]) for xs in _both(trials))
    if got.numel() < 2 or (got != got[0]).any() or (expected == expected[0]).all():
        return ""
    return f"Yours is {got[0].item():.4g} everywhere, whatever the arguments are."


def _both(trials: Sequence[Trial]) -> tuple[list[Tensor], list[Tensor]]:
    return [t.got for t in trials], [t.expected for t in trials]


def digits(trials: Sequence[Trial]) -> int:
    """To how many digits all numbers are right, beside each case's largest; 0 if to less than 2."""
    off = [
        float((t.got - t.expected).abs().max() / t.expected.abs().max().clamp_min(1e-300))
        for t in trials
        if t.got.shape == t.expected.shape and t.got.numel()
    ]
    if len(off) < len(trials) or not off or not 0 < max(off) < 1e-2:
        return 0
    return int(-math.log10(max(off)))


def _rounded(wrong: Sequence[Trial]) -> str:
    """Numbers that lost their decimals, or half of them."""
    truth = all(t.kind == "bool" for t in wrong)
    if truth and any(not torch.equal(t.expected, t.expected.bool().double()) for t in wrong):
        return (
            "Yours is true or false, and a number in between is wanted: a comparison makes a "
            "hard edge again."
        )
    whole = any(t.kind.startswith("int") or (t.got.abs() >= 1).any() for t in wrong)
    for way in (torch.floor, torch.trunc, torch.round, torch.ceil):
        if whole and all(torch.equal(t.got, way(t.expected)) for t in wrong):
            return (
                f"The decimals are lost ({way.__name__}). //, int(), .long() and .round() make "
                "whole numbers, and so does a tensor made of whole ones."
            )
    for digits, tol, kinds in ((3, 2e-2, ("float16", "bfloat16")), (7, 1e-5, ("float32",))):
        if all(t.kind in kinds and close(t.got, t.expected, tol) for t in wrong):
            return (
                f"Right to about {digits} digits: somewhere the numbers become {wrong[0].kind}. "
                "torch.zeros(n) and torch.tensor(0.5) are float32; make new tensors in the dtype "
                "of an argument: x.new_zeros(n), x.new_tensor(0.5)."
            )
    return ""


# ---------------------------------------------------------------- a factor

_KNOWN = {
    2: "twice as large as it should be",
    0.5: "half as large as it should be",
    -2: "-2 times as large as it should be",
    -0.5: "-1/2 times as large as it should be",
    math.pi / 180: "pi / 180 times as large as it should be: radians, and degrees are wanted",
    180 / math.pi: "180 / pi times as large as it should be: degrees, and radians are wanted",
    math.log(10): "log(10) times as large as it should be: log10 is not log",
    1 / math.log(10): "1 / log(10) times as large as it should be: log10 is not log",
}


def _factor(trials: Sequence[Trial], names: Sequence[str], tol: float) -> str:
    """Yours is a number times the right answer: the same number in all cases, or an argument's."""
    some = [t for t in trials if t.expected.abs().max() > 0] if trials[0].expected.numel() else []
    if sum(int((t.expected != 0).sum()) for t in some) < 2:
        return ""
    factors = []
    for t in trials:
        square = (t.expected * t.expected).sum()
        k = ((t.got * t.expected).sum() / square).item() if square > 0 else 1.0
        if k == 0 or not close(t.got, k * t.expected, tol):
            return ""
        if square > 0:
            factors.append(k)
    largest, smallest = max(factors), min(factors)
    if max(abs(k - 1) for k in factors) < 0.05:  # nearly right is another matter
        return ""
    if math.isclose(largest, smallest, rel_tol=1e-4):
        known = next((w for k, w in _KNOWN.items() if math.isclose(k, largest, rel_tol=1e-4)), "")
        return f"Every number is {known or f'{largest:.4g} times as large as it should be'}."
    sizes = [dict(_sizes(names, t.case)) for t in some]
    for name in sizes[0]:
        for power, how in _POWERS.items():
            wanted = [s.get(name, 0.0) for s in sizes]
            if all(
                x > 0 and math.isclose(k, x**power, rel_tol=1e-4)
                for k, x in zip(factors, wanted, strict=True)
            ):
                return how.format(name)
    return ""


_POWERS = {
    1: "Yours is {0} times as large as it should be: multiplied by it once too often, or not "
    "divided by it.",
    -1: "Yours times {0} is right: divided by it once too often, or not multiplied by it.",
    2: "Yours is {0} squared times as large as it should be.",
    -2: "Yours times {0} squared is right.",
    0.5: "Yours is the root of {0} times as large as it should be.",
    -0.5: "Yours times the root of {0} is right.",
}


def _sizes(names: Sequence[str], case: Sequence[Any]) -> Iterator[tuple[str, float]]:
    """The numbers among a case's arguments, and how long its tensors are, with a name each."""
    for name, value in zip(names, case, strict=False):
        if isinstance(value, Tensor):
            for axis, length in enumerate(value.shape):
                yield f"{length_of(name, axis)}", float(length)
            yield f"the count of all numbers of {name}", float(value.numel())
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield name, float(value)


def length_of(name: str, axis: int) -> str:
    return f"len({name})" if axis == 0 else f"{name}.shape[{axis}]"


# ---------------------------------------------------------------- a part of the answer


def _place(trials: Sequence[Trial], names: Sequence[str], tol: float) -> str:
    """Wrong only where an argument, of the result's shape, has one sign, or is true or false."""
    for k, name in enumerate(names[: len(trials[0].case)]):
        values = [t.case[k] for t in trials]
        if not all(
            isinstance(x, Tensor) and x.shape == t.expected.shape and x.dim()
            for x, t in zip(values, trials, strict=True)
        ):
            continue
        x = torch.cat([value.flatten() for value in values])
        off = torch.cat([((t.got - t.expected).abs() > tol).flatten() for t in trials])
        if x.dtype == torch.bool:
            where = {f"{name} is true": x, f"{name} is false": ~x}
        else:  # the narrowest first
            where = {f"{name} is 0": x == 0, f"{name} > 1": x > 1}
            where |= {f"{name} < 0": x < 0, f"{name} > 0": x > 0}
        for words, there in where.items():
            if (
                off.any()
                and not off[~there].any()
                and (~there).any()
                and 2 * off.sum() > there.sum()
            ):
                return f"Wrong only where {words}; everywhere else it is right."
    return ""
