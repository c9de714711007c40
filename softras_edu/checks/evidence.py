"""What an answer returned, as plain numbers: written where the answer runs, judged elsewhere.

A mark is not taken from the process in which a student's code ran, since that code could change
whatever the process says. From there come numbers, one set for each case; whether they are right is
found out here, beside the reference, where no such code has run.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from ..rasterizers.broadcast import rasterize_broadcast
from . import contract_scenes, way_back
from .exercise import Answer, Exercise, Mistake, YourTurn, _numbers
from .fresh import with_fresh_cases

# Whole programs are judged by functions, each with the name of the function that it judges.
WHOLE = {"contract": "rasterize_mine", "pair_backward": "pair_backward"}
Numbers = dict[str, Any]


def find(name: str, seed: int | None = None) -> Exercise | None:
    """The exercise of a name, with fresh cases where there is a seed; None for one of `WHOLE`.

    Raises:
        ValueError: there is no such check.
    """
    from softras_edu import checks

    if name in WHOLE:
        return None
    found = getattr(checks, name, None)
    if not isinstance(found, Exercise):
        raise ValueError(f"points: there is no check {name!r}")
    return with_fresh_cases(found, seed)


def examine(name: str, yours: Any, seed: int | None = None) -> None:
    """Check an answer that is graded: with fresh cases, and not by the library's own function.

    It runs the answer here, in this process; `grade` does not.

    Raises:
        Mistake, YourTurn: as the check says it.
    """
    if _is_ours(yours):
        raise Mistake(f"{name}: this is a function of the library, not yours.")
    exercise = find(name, seed)
    if exercise is not None:
        exercise.examine(yours)
    elif name == "contract":
        contract_scenes.contract(yours)
    else:
        way_back.pair_backward(yours)


def _is_ours(yours: Any) -> bool:
    """Whether a function was written in this library's files."""
    code = getattr(getattr(yours, "fn", yours), "__code__", None)
    folder = __file__.replace("\\", "/").rpartition("/checks/")[0]
    ours = code is not None and code.co_filename.replace("\\", "/").startswith(folder)
    return ours or isinstance(yours, Exercise)


# ---------------------------------------------------------------- where the answer runs


def gather(name: str, yours: Any, seed: int | None) -> list[Numbers]:
    """What an answer that passed returns for each case, gradients too: numbers for a JSON file."""
    exercise = find(name, seed)
    if exercise is None:
        return [_written(x) for x in _whole(name, yours)]
    answer, found = exercise.as_answer(yours), []
    for case in exercise.cases:
        numbers = _numbers(answer(*copy.deepcopy(case))).detach()
        try:
            slopes = exercise._slopes(answer, case, name) if exercise.slopes else []
        except Mistake:  # in a case whose gradient the check does not ask for
            slopes = []
        told = [x if x is None else _written(x) for x in slopes]
        found.append(_written(numbers) | {"slopes": told})
    return found


def _whole(name: str, yours: Answer) -> Iterator[Tensor]:
    if name == "pair_backward":
        yield from (way_back._by_hand(yours, case) for case in way_back.CASES)
        return
    for changes in contract_scenes.SCENES.values():
        scene, o = contract_scenes._scene(**changes)  # type: ignore[arg-type]
        yield from contract_scenes._run(yours, scene, o).values()


def _written(x: Tensor) -> Numbers:
    return {"shape": list(x.shape), "numbers": x.detach().double().flatten().tolist()}


# ---------------------------------------------------------------- where it is judged


def holds(name: str, evidence: Any, seed: int | None) -> bool:
    """Whether the numbers are those of a right answer. No code of a student's is run.

    Args:
        evidence: what `gather` made, or anything else that a JSON file can hold.
    """
    try:
        exercise = find(name, seed)
        if exercise is None:
            return _whole_holds(name, [_read(entry) for entry in evidence])
        pairs = list(zip(exercise.cases, evidence, strict=True))
        return all(_case_holds(exercise, case, entry) for case, entry in pairs)
    except Exception:  # a wrong gradient, or not the form of evidence at all
        return False


def _case_holds(exercise: Exercise, case: tuple[Any, ...], entry: Numbers) -> bool:
    expected = _numbers(exercise.reference(*copy.deepcopy(case))).detach()
    if not exercise.same(_read(entry), expected, case):
        return False
    if exercise.slopes:
        _with_slopes(exercise, entry["slopes"])._compare_slopes(_recorded, case, exercise.name)
    return True


def _recorded(*arguments: Any) -> Any:
    """Stands for the student's answer, which is not here."""
    raise LookupError("only its numbers are known")


def _with_slopes(exercise: Exercise, told: list[Numbers | None]) -> Exercise:
    """The exercise, for which the gradients of `_recorded` are those that were told."""
    kind: Any = type(exercise)

    class Told(kind):  # type: ignore[misc]
        def _slopes(self, answer: Answer, case: tuple[Any, ...], place: str) -> Any:
            if answer is _recorded:
                return [x if x is None else _read(x) for x in told]
            return super()._slopes(answer, case, place)

    same: Exercise = Told(**{f.name: getattr(exercise, f.name) for f in fields(exercise)})
    return same


def _whole_holds(name: str, got: Iterable[Tensor]) -> bool:
    if name == "pair_backward":
        wanted = [way_back._by_autograd(case) for case in way_back.CASES]
        return all(way_back._same(x, y) for x, y in zip(got, wanted, strict=True))
    right = list(_whole("contract", rasterize_broadcast))
    least = contract_scenes.TOLERANCE[torch.float64]
    return all(
        x.shape == y.shape
        and torch.allclose(x, y, rtol=0, atol=least * max(1.0, float(y.abs().max())))
        if y.numel()
        else True
        for x, y in zip(got, right, strict=True)
    )


def _read(entry: Numbers) -> Tensor:
    shape = [int(k) for k in entry["shape"]]
    if math.prod(shape) != len(entry["numbers"]):
        raise ValueError("numbers do not fill the shape")
    return torch.tensor(entry["numbers"], dtype=torch.float64).reshape(shape)


__all__ = ["WHOLE", "YourTurn", "examine", "find", "gather", "holds"]
