"""How an exercise is checked.

Run the answer on cases, compare with a reference, and name the mistake if it is a known one.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Answer = Callable[..., Any]


class Mistake(AssertionError):
    """A wrong answer. Notebooks show its message alone, without the stack of the checker."""

    def _render_traceback_(self) -> list[str]:
        return [f"\x1b[31mNot yet.\x1b[0m {self}"]


class YourTurn(NotImplementedError):
    """The stub is still a stub. Shown in one line, since it is no error of the reader's."""

    def _render_traceback_(self) -> list[str]:
        return [f"\x1b[34mYour turn.\x1b[0m {self}"]


@dataclass(frozen=True)
class Exercise:
    """`exercise(your_function)` prints that it passed, or raises.

    `Mistake` says what went wrong; `YourTurn` is for a stub.

    Attributes:
        name: as the notebook calls the exercise.
        reference: the right answer.
        cases: the arguments of each trial.
        mistakes: typical wrong answers, by the hint that each deserves. An answer that agrees with
            one of them gets that hint.
        tolerance: largest difference that still counts as equal, relative and absolute.
    """

    name: str
    reference: Answer
    cases: Sequence[tuple[Any, ...]]
    mistakes: dict[str, Answer] = field(default_factory=dict)
    tolerance: float = 1e-5

    def __call__(self, yours: Answer) -> None:
        for number, case in enumerate(self.cases, start=1):
            expected = _tensor(self.reference(*copy.deepcopy(case)))
            try:
                raw = yours(*copy.deepcopy(case))
            except NotImplementedError as stub:
                raise YourTurn(str(stub)) from None
            except ArithmeticError as error:  # exp of a large number, or a division by zero
                arguments = ", ".join(map(repr, case))
                raise Mistake(
                    f"{self.name}, case {number} of {len(self.cases)}: your function raised "
                    f"{error!r} for the arguments {arguments}."
                ) from None
            try:
                got = _tensor(raw)
            except (TypeError, ValueError, RuntimeError):
                raise Mistake(
                    f"{self.name}, case {number}: your function returned {raw!r}, wanted numbers "
                    f"of shape {tuple(expected.shape)}."
                ) from None
            if not self.same(got, expected):
                _show(got, expected)
                raise Mistake(
                    f"{self.name}, case {number} of {len(self.cases)}. "
                    f"{self.diagnose(yours)}\n{_table(got, expected)}"
                )
        print(f"{self.name}: passed, {len(self.cases)} cases.")

    def same(self, got: Tensor, expected: Tensor) -> bool:
        """Equal in shape, and in every number up to the tolerance."""
        return got.shape == expected.shape and torch.allclose(
            got, expected, rtol=self.tolerance, atol=self.tolerance
        )

    def diagnose(self, yours: Answer) -> str:
        """The hint of the known mistake that `yours` makes in every case, or of none."""
        for hint, wrong in self.mistakes.items():
            if all(self._agree(yours, wrong, case) for case in self.cases):
                return hint
        return "Compare the numbers below with a case you work out by hand."

    def _agree(self, yours: Answer, wrong: Answer, case: tuple[Any, ...]) -> bool:
        try:
            got, other = _tensor(yours(*copy.deepcopy(case))), _tensor(wrong(*copy.deepcopy(case)))
        except Exception:  # an answer that crashes on a later case makes no known mistake
            return False
        return got.shape == other.shape and torch.allclose(
            got, other, rtol=self.tolerance, atol=self.tolerance, equal_nan=True
        )


def _tensor(value: Any) -> Tensor:
    """Tensors, numbers, booleans, and tuples or lists of them, as float64."""
    if isinstance(value, Tensor):
        return value.detach().double()
    if isinstance(value, (tuple, list)):
        return torch.stack([_tensor(part) for part in value])
    if value is None:
        raise TypeError("nothing was returned")
    return torch.as_tensor(value, dtype=torch.float64)


def _table(got: Tensor, expected: Tensor) -> str:
    """Yours, expected and difference, at the place where they differ most."""
    if got.shape != expected.shape:
        return f"  shape of yours {tuple(got.shape)}, expected {tuple(expected.shape)}"
    off = (got - expected).abs().nan_to_num(torch.inf)
    where = tuple(int(i) for i in torch.unravel_index(off.argmax(), off.shape)) if off.dim() else ()
    place = (
        f"  {int((off > 1e-5).sum())} of {off.numel()} numbers differ; most at index {where}:"
        if where
        else "  the result is one number:"
    )
    difference = got[where] - expected[where]
    return (
        f"{place}\n    yours      {got[where]:.6g}\n    expected   {expected[where]:.6g}\n    "
        f"difference {difference:.6g}"
    )


def _show(got: Tensor, expected: Tensor) -> None:
    """A picture of yours, expected and difference, if the answers are images."""
    if got.shape != expected.shape or got.dim() != 2 or min(got.shape) < 8:
        return
    from IPython.display import display

    from ..plotting.panels import Panel, compose

    difference = Panel("difference (blue -, red +)", got - expected, "RdBu_r", -1, 1)
    display(compose([Panel("yours", got), Panel("expected", expected), difference]))
