"""How an exercise is checked.

Run the answer on cases, compare numbers and gradients with a reference, and name the mistake if it
is a known one.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from . import report
from .report import Answer as Answer


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

    `Mistake` says what went wrong, for which arguments; `YourTurn` is for a stub.

    Attributes:
        name: as the notebook calls the exercise.
        reference: the right answer.
        cases: the arguments of each trial.
        mistakes: typical wrong answers, by the hint that each deserves. An answer that agrees with
            one of them gets that hint.
        tolerance: largest difference that still counts as equal, relative and absolute.
        slopes: positions of the arguments, tensors, whose gradient is compared too.
    """

    name: str
    reference: Answer
    cases: Sequence[tuple[Any, ...]]
    mistakes: dict[str, Answer] = field(default_factory=dict)
    tolerance: float = 1e-5
    slopes: tuple[int, ...] = ()

    def __call__(self, yours: Answer) -> None:
        self.examine(yours, shown=True)
        print(f"{self.name}: passed, {len(self.cases)} cases.")

    def yours_or_ours(self, yours: Answer) -> Answer:
        """Your function if it passes, else the reference. It says which.

        So the cells after an exercise draw with what the reader wrote, and run before it is
        written.
        """
        try:
            self.examine(yours)
        except (Mistake, YourTurn):
            print(f"{self.name}: the library's, until yours passes its check.")
            return self.ours(yours)
        print(f"{self.name}: yours.")
        return yours

    def __repr__(self) -> str:
        names = list(inspect.signature(self.reference).parameters)[: len(self.cases[0])]
        return f"<check of {self.name}({', '.join(names)})>"

    def ours(self, yours: Answer) -> Answer:
        """What serves in place of `yours`."""
        return self.reference

    def examine(self, yours: Answer, *, shown: bool = False) -> None:
        """Return if `yours` is right in numbers and gradients.

        With `shown`, an image that is wrong is shown beside the right one.

        Raises:
            Mistake, YourTurn: as above.
        """
        for number, case in enumerate(self.cases, start=1):
            place = f"{self.name}, case {number} of {len(self.cases)}"
            expected = _numbers(self.reference(*copy.deepcopy(case))).detach()
            got = self._run(yours, copy.deepcopy(case), case, place).detach()
            if not self.same(got, expected, case):
                if shown:
                    report.show(got, expected)
                raise Mistake(
                    f"{place}. {self.diagnose(yours)}\n{report.table(got, expected)}\n"
                    f"{self._called(case)}"
                )
        for number, case in enumerate(self.cases if self.slopes else (), start=1):
            self._compare_slopes(yours, case, f"{self.name}, case {number} of {len(self.cases)}")

    def _run(
        self, answer: Answer, arguments: Sequence[Any], case: tuple[Any, ...], place: str
    ) -> Tensor:
        """What an answer returns, as numbers; an error in it becomes a `Mistake`."""
        try:
            raw = answer(*arguments)
        except Exception as error:
            if isinstance(error, NotImplementedError) and "not implemented for" not in str(error):
                raise YourTurn(str(error)) from None
            said = f"{place}: {report.stopped(error, answer)}"
            parts = [said, self.explain(error), self._called(case)]
            raise Mistake("\n".join(filter(None, parts))) from None
        try:
            return _numbers(raw)
        except (TypeError, ValueError, RuntimeError):
            shape = tuple(_numbers(self.reference(*copy.deepcopy(case))).shape)
            raise Mistake(
                f"{place}: your function returned {raw!r}, wanted numbers of shape {shape}.\n"
                f"{self._called(case)}"
            ) from None

    def _called(self, case: tuple[Any, ...]) -> str:
        return report.call(self.name, case, self.reference)

    def _compare_slopes(self, yours: Answer, case: tuple[Any, ...], place: str) -> None:
        """The gradients of one random combination of all numbers that are returned."""
        names = [*inspect.signature(self.reference).parameters]
        pairs = zip(
            self._slopes(yours, case, place), self._slopes(self.reference, case, place), strict=True
        )
        for at, (got, right) in zip(self.slopes, pairs, strict=True):
            if right is None or right.numel() == 0:
                continue
            about = f"{place}. The numbers are right, but the gradient of {names[at]}"
            if got is None:
                raise Mistake(
                    f"{about} is lost: nothing leads from the result back to {names[at]}. "
                    "torch.no_grad(), .detach(), .item(), float(), torch.tensor(...) and "
                    f"comparisons cut it.\n{self._called(case)}"
                )
            close = self.tolerance * max(1.0, right.abs().max().item())
            if not torch.allclose(got, right, rtol=self.tolerance, atol=close):
                raise Mistake(
                    f"{about} is not. Is a part of the result detached, or does a 0 / 0 or the "
                    f"square root of 0 lie on the way?\n{report.table(got, right)}\n"
                    f"{self._called(case)}"
                )

    def _slopes(self, answer: Answer, case: tuple[Any, ...], place: str) -> list[Tensor | None]:
        """One gradient for each of `slopes`; None where no way leads back."""
        with torch.enable_grad():
            arguments = list(copy.deepcopy(case))
            leaves = [arguments[at].detach().requires_grad_() for at in self.slopes]
            for at, leaf in zip(self.slopes, leaves, strict=True):
                arguments[at] = leaf.clone()  # an answer may change its arguments, not a leaf
            out = self._run(answer, arguments, case, f"{place}, with a gradient")
            if not out.requires_grad:
                return [None] * len(leaves)
            generator = torch.Generator().manual_seed(0)
            direction = torch.randn(out.shape, generator=generator, dtype=torch.float64)
            return list(torch.autograd.grad(out, leaves, direction, allow_unused=True))

    def explain(self, error: Exception) -> str:
        """What an error of the reader's code means, in plain words, or ""."""
        return report.explanation(error)

    def same(self, got: Tensor, expected: Tensor, case: tuple[Any, ...]) -> bool:
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
            got = _numbers(yours(*copy.deepcopy(case))).detach()
            other = _numbers(wrong(*copy.deepcopy(case))).detach()
        except Exception:  # an answer that crashes on a later case makes no known mistake
            return False
        return got.shape == other.shape and torch.allclose(
            got, other, rtol=self.tolerance, atol=self.tolerance, equal_nan=True
        )


def _numbers(value: Any) -> Tensor:
    """Tensors, numbers, booleans, and tuples or lists of them, as float64, with their graph."""
    if isinstance(value, Tensor):
        return value.double()
    if isinstance(value, (tuple, list)):
        return torch.stack([_numbers(part) for part in value])
    if value is None:
        raise TypeError("nothing was returned")
    return torch.as_tensor(value, dtype=torch.float64)
