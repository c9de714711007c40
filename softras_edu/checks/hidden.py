"""The check that a grader runs in a student's kernel: nbgrader and Otter-Grader do, `grade` does
not."""

from __future__ import annotations

from typing import Any

from . import evidence


def hidden_check(name: str, yours: Any, *, seed: int | None = None) -> None:
    """Check an answer with cases that no student has seen; "contract" judges a rasterizer.

    It runs in the same process as the student's code, as everything does that these two graders
    run. So it stops who tries out numbers until a check passes, not who sets out to cheat.

    Args:
        name: of the check, as in `checks.__all__`.
        yours: the student's function. One of the library's is refused.
        seed: draws the fresh cases; none without.

    Raises:
        Mistake, YourTurn: what the student will read.
    """
    evidence.examine(name, yours, seed)
    print(f"{name}: passed, hidden cases too.")
