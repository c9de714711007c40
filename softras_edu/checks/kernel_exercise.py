"""An exercise whose answer is a whole Triton kernel: launched, compared, and drawn."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any, cast

import torch
from torch import Tensor

from ..teaching.triton_lab.stand_in import watch
from . import report
from .exercise import Answer, Exercise, Mistake

KEPT = 0.5  # what somebody else's memory is full of
# How a kernel is launched for a case: grid, arguments and options.
Plan = tuple[tuple[int, ...], tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True, kw_only=True, repr=False)
class KernelExercise(Exercise):
    """It draws into memory behind which somebody else's begins; the check looks at both, as one
    picture of twice the height. What passes is run once more, with every load and store counted.

    Attributes:
        plan: (memory, *case) -> the launch that draws the case into `memory`.
        solution: the kernel as the library writes it, for readers who have not yet.
        drawn: the number of the case whose loads and stores are shown.
    """

    plan: Callable[..., Plan]
    solution: Callable[..., None]
    drawn: int = 0

    def __call__(self, yours: Any) -> None:
        super().__call__(yours)
        if hasattr(yours, "__getitem__"):
            self.show_traffic(yours)

    def examine(self, yours: Any, *, shown: bool = False) -> None:
        super().examine(self.as_answer(yours), shown=shown)

    def ours(self, yours: Any) -> Any:
        """The library's kernel, among the reader's own functions."""
        room = getattr(yours, "fn", yours).__globals__
        mine = FunctionType(self.solution.__code__, room, self.name)
        mine.__annotations__ = dict(self.solution.__annotations__)
        return room["triton"].jit(mine)

    def show_traffic(self, kernel: Any) -> None:
        """Count and draw what each program of a kernel loads and stores, on one small case.

        A kernel may use more of Triton than the stand-in has. Then a sentence says so.
        """
        from ..teaching.figures.display import show
        from ..teaching.figures.traffic import traffic, traffic_table

        case = self.cases[self.drawn]
        memory, (grid, arguments, options) = self._planned(case)
        try:
            seen = watch(kernel, grid, *arguments, **options)
        except AttributeError as error:
            print(f"Its loads and stores are not drawn: the stand-in knows less Triton ({error}).")
            return
        names = [*inspect.signature(self.solution).parameters]
        sizes = {
            name: x.numel() // (2 if x is memory else 1)
            for name, x in zip(names, arguments, strict=False)
            if isinstance(x, Tensor) and x.numel()
        }
        table = traffic_table(seen)
        print(table)
        show(
            traffic(seen, sizes),
            f"Tables of programs and places in memory, one for each argument of {self.name}; a "
            f"mark where a program loads or stores. {table}",
        )

    def _planned(self, case: tuple[Any, ...]) -> tuple[Tensor, Plan]:
        triangles, height, width = case[:3]
        memory = torch.full((2, height, width), KEPT, dtype=triangles.dtype)
        return memory, self.plan(memory, *case)

    def as_answer(self, kernel: Any) -> Answer:
        """What the kernel draws; a plain function is called as it is."""
        if not hasattr(kernel, "__getitem__"):
            if "triangles_ptr" in inspect.signature(kernel).parameters:
                raise Mistake(f"{self.name}: write @triton.jit above the function.")
            return cast(Answer, kernel)

        def drawn(*case: Any) -> Tensor:
            memory, (grid, arguments, options) = self._planned(case)
            try:
                kernel[grid](*arguments, **options)
            except Exception as error:
                raise report.root(error) from None
            return memory.flatten(0, 1)

        drawn.__wrapped__ = getattr(kernel, "fn", kernel)  # type: ignore[attr-defined]
        return drawn
