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

from . import lost_gradient, report, slips
from .report import Answer as Answer
from .slip_changes import Trial


def bold(words: str) -> str:
    """The page puts errors on pink or on dark red, where coloured letters are hard to read."""
    return f"\x1b[1m{words}\x1b[0m"


class Mistake(AssertionError):
    """A wrong answer. Notebooks show its message alone, without the stack of the checker."""

    def _render_traceback_(self) -> list[str]:
        return [f"{bold('Not yet.')} {self}"]


class YourTurn(NotImplementedError):
    """The stub is still a stub. Shown in one line, since it is no error of the reader's."""

    def _render_traceback_(self) -> list[str]:
        return [f"{bold('Your turn.')} {self}"]


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

    def as_answer(self, yours: Any) -> Answer:
        """What is called with the arguments of a case. A kernel is launched by it."""
        answer: Answer = yours
        return answer

    def examine(self, yours: Answer, *, shown: bool = False) -> None:
        """Return if `yours` is right in numbers and gradients.

        With `shown`, an image that is wrong is shown beside the right one.

        Raises:
            Mistake, YourTurn: as above.
        """
        for number, case in enumerate(self.cases, start=1):
            place = f"{self.name}, case {number} of {len(self.cases)}"
            expected = self._expected(case)
            arguments = copy.deepcopy(case)
            got = self._run(yours, arguments, case, place).detach()
            if not self.same(got, expected, case):
                if shown:
                    report.show(got, expected)
                raise Mistake(
                    f"{place}. {self.diagnose(yours)}\n"
                    f"{report.table(got, expected, self.tolerance)}\n"
                    f"{self._called(case, self._parts(case, got, expected))}"
                )
            self._compare_arguments(arguments, case, place)
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
            numbers = _numbers(raw)
        except (TypeError, ValueError, RuntimeError):
            shape = tuple(self._expected(case).shape)
            returned = "None: is `return` missing?" if raw is None else report.text(raw)
            raise Mistake(
                f"{place}: your function returned {returned}\n  wanted: numbers of shape {shape}\n"
                f"{self._called(case)}"
            ) from None
        if numbers.device.type != "cpu":
            raise Mistake(
                f"{place}: the result is on {numbers.device}, and the arguments are on the cpu. "
                f"{report.ON_THE_DEVICE}\n{self._called(case)}"
            )
        return numbers

    def _expected(self, case: Sequence[Any]) -> Tensor:
        return _numbers(self.reference(*copy.deepcopy(case))).detach()

    def _called(self, case: tuple[Any, ...], parts: Sequence[str] = ()) -> str:
        return report.call(self.name, case, self.reference, parts)

    def _parts(self, case: tuple[Any, ...], got: Tensor, expected: Tensor) -> list[str]:
        """What the arguments hold for the number that differs most, where that is known.

        It is, for an argument whose axes are those of the result in every case, and some more.
        """
        if got.shape != expected.shape:
            return []
        shapes = [tuple(self._expected(each).shape) for each in self.cases]
        where, found = report.worst(got, expected), []
        for at, name in enumerate(report.names(self.reference, case)):
            ways = {report.fits(c[at], shape) for c, shape in zip(self.cases, shapes, strict=True)}
            how = ways.pop() if len(ways) == 1 else ""
            if how:
                found.append(report.part(name, case[at], where, how))
        return [part for part in found if part]

    def _compare_arguments(
        self, arguments: Sequence[Any], case: tuple[Any, ...], place: str
    ) -> None:
        """An answer must leave its arguments as they were: whoever handed them over needs them."""
        names = report.names(self.reference, case)
        for name, after, before in zip(names, arguments, case, strict=True):
            if report.changed(after, before):
                raise Mistake(
                    f"{place}. The numbers are right, but {name} is no longer what it was: your "
                    f"function writes into its argument. Write {name} = {name} * 2 for "
                    f"{name} *= 2, or work on a copy, {name}.clone().\n{self._called(case)}"
                )

    def _compare_slopes(self, yours: Answer, case: tuple[Any, ...], place: str) -> None:
        """The gradients of one random combination of all numbers that are returned."""
        names = report.names(self.reference, case)
        pairs = zip(
            self._slopes(yours, case, place), self._slopes(self.reference, case, place), strict=True
        )
        for at, (got, right) in zip(self.slopes, pairs, strict=True):
            if right is None or right.numel() == 0:
                continue
            close = self.tolerance * max(1.0, right.abs().max().item())
            if got is not None and torch.allclose(got, right, rtol=self.tolerance, atol=close):
                continue
            said = lost_gradient.about(names[at], got, right, yours, close)
            table = "" if got is None else f"\n{report.table(got, right, close)}"
            raise Mistake(
                f"{place}. The numbers are right, but {said}{table}\n{self._called(case)}"
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
            try:
                return list(torch.autograd.grad(out, leaves, direction, allow_unused=True))
            except RuntimeError as error:
                raise Mistake(
                    f"{place}. The numbers are right, but autograd cannot go back through them: "
                    f"{report.explanation(error) or error}\n{self._called(case)}"
                ) from None

    def explain(self, error: Exception) -> str:
        """What an error of the reader's code means, in plain words, or ""."""
        return report.explanation(error)

    def same(self, got: Tensor, expected: Tensor, case: tuple[Any, ...]) -> bool:
        """Equal in shape, and in every number up to the tolerance."""
        return got.shape == expected.shape and torch.allclose(
            got, expected, rtol=self.tolerance, atol=self.tolerance
        )

    def diagnose(self, yours: Answer) -> str:
        """The hint of the known mistake that `yours` makes, or what its numbers tell, or neither.

        A mistake is known by all cases that come out wrong. It is enough if others come out right.
        """
        runs = [self._trial(yours, case) for case in self.cases]
        trials = [trial for trial in runs if trial]
        right = [self.same(t.got, t.expected, t.case) for t in trials]
        partly = []
        for hint, wrong in self.mistakes.items():
            agree = [self._agrees(trial, wrong) for trial in trials]
            if all(agree) and len(trials) == len(runs):
                return hint
            if all(a or r for a, r in zip(agree, right, strict=True)):
                partly.append(hint)
        found = slips.named(
            trials,
            right,
            report.names(self.reference, self.cases[0]),
            self._expected,
            self.tolerance,
        )
        if len(partly) == 1 or (partly and not found):
            return partly[0]
        if found:
            return found
        return self._general(trials, right)

    def _general(self, trials: list[Trial], right: list[bool]) -> str:
        """What can be said of numbers that tell nothing."""
        by_hand = "Compare the numbers below with a case you work out by hand."
        passed = [str(k) for k, is_right in enumerate(right, start=1) if is_right]
        digits = slips.digits(trials)
        if len(trials) < len(self.cases):
            return by_hand
        if digits:
            return (
                f"Right to {digits} digits: is there an approximation, a rounded constant, or a "
                f"small number added? {by_hand}"
            )
        if not passed:
            return by_hand
        cases = f"Case {passed[0]} comes" if len(passed) == 1 else f"Cases {', '.join(passed)} come"
        return f"{cases} out right: what is different in this one? {by_hand}"

    def _trial(self, yours: Answer, case: tuple[Any, ...]) -> Trial | None:
        """What `yours` gives in one case; None if it stops with an error."""
        try:
            raw = yours(*copy.deepcopy(case))
            return Trial(case, _numbers(raw).detach(), _kind(raw), self._expected(case))
        except Exception:  # reported where the case is run
            return None

    def _agrees(self, trial: Trial, wrong: Answer) -> bool:
        """Whether a wrong answer gives these numbers."""
        try:
            other = _numbers(wrong(*copy.deepcopy(trial.case))).detach()
        except Exception:  # the wrong answer does not know what to do here
            return False
        return trial.got.shape == other.shape and torch.allclose(
            trial.got, other, rtol=self.tolerance, atol=self.tolerance, equal_nan=True
        )

    def _agree(self, yours: Answer, wrong: Answer, case: tuple[Any, ...]) -> bool:
        trial = self._trial(yours, case)
        return trial is not None and self._agrees(trial, wrong)


def _kind(value: Any) -> str:
    """The dtype of an answer, or of its first part: float64, int64, bool."""
    while isinstance(value, (tuple, list)) and value:
        value = value[0]
    return str(
        value.dtype if hasattr(value, "dtype") else torch.as_tensor(value).dtype
    ).removeprefix("torch.")


def _numbers(value: Any) -> Tensor:
    """Tensors, numbers, booleans, and tuples or lists of them, as float64, with their graph."""
    if isinstance(value, Tensor):
        return value.double()
    if isinstance(value, (tuple, list)):
        return torch.stack([_numbers(part) for part in value])
    if value is None:
        raise TypeError("nothing was returned")
    return torch.as_tensor(value, dtype=torch.float64)
