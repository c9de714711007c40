"""What a wrong answer may be: the right one changed, or the right one to another question."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

Ask = Callable[[Sequence[Any]], Tensor]  # a case's arguments -> the right answer, float64
Change = tuple[str, Callable[[Any], Any]]


class Trial(NamedTuple):
    """One case: its arguments, what came out, in which dtype, and what was wanted, float64."""

    case: tuple[Any, ...]
    got: Tensor
    kind: str
    expected: Tensor


def close(x: Tensor, y: Tensor, tol: float) -> bool:
    """Equal beside the largest number of y."""
    if x.shape != y.shape or not x.isfinite().all():
        return False
    largest = y.abs().max().item() if y.numel() else 0.0
    return torch.allclose(x, y, rtol=tol, atol=tol * min(1.0, largest))


# ---------------------------------------------------------------- a change of the answer

_CHANGES: tuple[Change, ...] = (
    ("The sign is turned round, everywhere.", lambda x: -x),
    ("That is the opposite: 1 minus yours is right.", lambda x: 1 - x),
    ("Yours is too large by 1 everywhere. Counting starts at 0.", lambda x: x + 1),
    ("Yours is too small by 1 everywhere.", lambda x: x - 1),
    ("A square root has crept in, or a square is missing.", torch.sqrt),
    ("A square has crept in, or a square root is missing.", torch.square),
    ("The sign is lost: is there an abs(), or a square with its root?", torch.abs),
    ("That is the logarithm of it: the way back, exp, is missing.", torch.log),
    ("That is exp of it: the way back, the logarithm, is missing.", torch.exp),
    ("Upside down: that is 1 over it.", torch.reciprocal),
    ("Negative numbers have become 0: a clamp has gone too far.", lambda x: x.clamp_min(0)),
    ("Numbers above 1 have become 1: a clamp has gone too far.", lambda x: x.clamp_max(1)),
    ("Yours is cut to [0, 1]: a clamp has gone too far.", lambda x: x.clamp(0, 1)),
)
_NUMBER = ("first", "second", "third", "fourth")


def changed(trials: Sequence[Trial], tol: float) -> str:
    """The change that makes the right answer yours, in every case."""
    expected = [t.expected for t in trials]
    for hint, change in (*_CHANGES, *_orders(expected)):
        if all(close(t.got, change(t.expected), tol) for t in trials):
            return hint
    return ""


def _orders(expected: Sequence[Tensor]) -> Iterator[Change]:
    """Other orders and signs along an axis of the result."""
    dims = {x.dim() for x in expected}
    if len(dims) > 1 or dims == {0}:
        return
    last, rest = dims.pop() - 1, "the others are right"
    for axis in dict.fromkeys((last, 0)):
        (count, *more) = {x.shape[axis] for x in expected}
        if more or not 2 <= count <= 4:
            continue
        for k in range(count):
            signs = torch.ones(count, dtype=torch.float64)
            signs[k] = -1
            signs = signs.view([-1 if d == axis else 1 for d in range(last + 1)])
            yield f"The {_NUMBER[k]} number has the wrong sign; {rest}.", _times(signs)
        for a in range(count):
            for b in range(a + 1, count):
                what = f"The {_NUMBER[a]} and the {_NUMBER[b]} number have changed places."
                yield what, _in_order(axis, _exchanged(count, a, b))
        for by in (1, -1):
            yield "The order is shifted by one place.", _rolled(axis, by)
    if last > 0:
        yield "The result is mirrored: left and right have changed places.", _flipped(-1)
        yield "The result stands on its head: row 0 is at the top.", _flipped(-2)
        yield "Rows and columns have changed places.", lambda x: x.mT
    yield "The result runs backwards: its first entry should be its last.", _flipped(0)
    yield "The result is shifted by one place.", _rolled(0, 1)
    yield "The result is shifted by one place.", _rolled(0, -1)


def _exchanged(count: int, a: int, b: int) -> list[int]:
    return [{a: b, b: a}.get(k, k) for k in range(count)]


def _times(signs: Any) -> Callable[[Tensor], Tensor]:
    return lambda x: x * signs


def _in_order(axis: int, order: list[int]) -> Callable[[Tensor], Tensor]:
    return lambda x: x.index_select(axis, torch.tensor(order))


def _rolled(axis: int, by: int) -> Callable[[Tensor], Tensor]:
    return lambda x: x.roll(by, axis)


def _flipped(axis: int) -> Callable[[Tensor], Tensor]:
    return lambda x: x.flip(axis)


# ---------------------------------------------------------------- a change of the question


def other_arguments(trials: Sequence[Trial], names: Sequence[str], ask: Ask, tol: float) -> str:
    """The change of the arguments for which yours would be right, in every case."""
    first = trials[0].case
    for k, name in enumerate(names):
        for what, change in _of_argument(name, first[k]):
            if _answers(trials, ask, _with(k, change), tol):
                return f"Yours is right for {what}."
    for a, name in enumerate(names):
        for b in range(a + 1, len(names)):
            if type(first[a]) is type(first[b]) and _answers(trials, ask, _swap(a, b), tol):
                return f"{name} and {names[b]} have changed places."
    return ""


Question = Callable[[tuple[Any, ...]], Sequence[Any]]  # a case -> another one


def _with(k: int, change: Callable[[Any], Any]) -> Question:
    return lambda case: [change(x) if m == k else x for m, x in enumerate(case)]


def _swap(a: int, b: int) -> Question:
    return lambda case: [case[{a: b, b: a}.get(m, m)] for m in range(len(case))]


def _answers(trials: Sequence[Trial], ask: Ask, question: Question, tol: float) -> bool:
    """Whether the right answer to another question is yours, in every case."""
    try:
        with warnings.catch_warnings(action="ignore"):  # they are about a question we made up
            return all(close(t.got, ask(question(t.case)), tol) for t in trials)
    except Exception:  # no such question: the root of a negative number, an index too large
        return False


def _of_argument(name: str, value: Any) -> Iterator[Change]:
    """Slips with one argument, in words, by what kind of thing it is."""
    if isinstance(value, Tensor):
        yield from _of_tensor(name, value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield f"-{name} in place of {name}: a sign is wrong", lambda x: -x
        yield f"2 {name} in place of {name}: a factor 1/2 is missing", lambda x: 2 * x
        yield f"{name} / 2 in place of {name}: a factor 2 is missing", lambda x: x / 2
        yield f"{name} squared in place of {name}", lambda x: x * x
        yield f"the root of {name} in place of {name}", math.sqrt
        yield (
            f"1 / {name} in place of {name}: it stands on the wrong side of the line",
            (lambda x: 1 / x),
        )
        yield f"{name} + 1 in place of {name}", lambda x: x + 1
        yield f"{name} - 1 in place of {name}", lambda x: x - 1
        yield f"{name} = 1, whatever {name} is: it is not used", lambda x: type(x)(1)
        yield f"{name} = 0, whatever {name} is: it is not used", lambda x: type(x)(0)
        if not any(part in name for part in ("azim", "elev", "angle", "fov")):
            return
        yield f"{name} in radians. It comes in degrees: math.radians({name})", math.degrees
        yield f"{name} in degrees. It comes in radians", math.radians


def _of_tensor(name: str, value: Tensor) -> Iterator[Change]:
    if value.dtype == torch.bool:
        yield f"`not {name}` in place of {name}", torch.logical_not
        return
    if not value.is_floating_point():
        return
    yield f"-{name} in place of {name}: a sign is wrong", torch.neg
    axes = "xyz"[: value.shape[-1]] if value.dim() and value.shape[-1] in (2, 3) else ""
    for k, axis in enumerate(axes):
        signs = torch.ones(len(axes), dtype=value.dtype)
        signs[k] = -1
        yield f"{name} with {axis} turned round: a sign is wrong there", _times(signs)
    for a, b in ((0, 1), (1, 2), (0, 2)):
        if b < len(axes):
            what = f"{name} with {axes[a]} and {axes[b]} exchanged"
            yield what, _in_order(-1, _exchanged(len(axes), a, b))
    yield f"{name} squared in place of {name}", torch.square
    yield f"the root of {name} in place of {name}", torch.sqrt
    yield f"2 {name} in place of {name}: a factor 1/2 is missing", lambda x: 2 * x
    yield f"{name} / 2 in place of {name}: a factor 2 is missing", lambda x: x / 2
    yield f"1 - {name} in place of {name}", lambda x: 1 - x
    yield f"{name} cut to [0, 1]", lambda x: x.clamp(0, 1)
    yield f"the absolute value of {name}: its sign is lost", torch.abs
    yield f"{name} = 0, whatever {name} is: it is not used", torch.zeros_like
    yield f"{name} = 1, whatever {name} is: it is not used", torch.ones_like
    yield f"{name} in another order, the last first", lambda x: x.flip(0)
    yield f"{name} shifted by one place", lambda x: x.roll(1, 0)
    yield f"{name} shifted by one place", lambda x: x.roll(-1, 0)
    yield f"{name} after a softmax", lambda x: x.softmax(-1)
    yield f"exp of {name} in place of {name}", torch.exp
    yield f"the logarithm of {name} in place of {name}", torch.log
    if value.dim() > 1:
        yield f"{name} transposed", lambda x: x.mT
