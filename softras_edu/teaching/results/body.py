"""What `benchmarks/fit_body.py` measured, read back. For notebook 14."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .tables import wanted

NAMES = ("degrees", "arm", "across", "along")
COLUMNS = tuple(name + when for name in NAMES for when in ("_before", ""))


@dataclass(frozen=True)
class Line:
    """One task and method. Means over the cases, of degrees a joint and of world units a joint.

    Attributes:
        half: half of the 95 % interval of `degrees`.
        arm, arm_half: the same of the left arm's three joints.
        seeds: `degrees` of each seed's cases alone. each: `degrees` of each case.
        solved: cases whose error fell to half or less.
    """

    cases: int
    before: float
    degrees: float
    half: float
    arm_before: float
    arm: float
    arm_half: float
    across_before: float
    across: float
    along_before: float
    along: float
    solved: int
    seeds: list[float]
    each: list[float]


def table() -> dict[tuple[str, str], Line]:
    """The newest file, by task and method.

    Raises:
        FileNotFoundError: there is none.
    """
    rows = wanted("body", "fit_body")
    out = {}
    for key in dict.fromkeys((row["task"], row["method"]) for row in rows):
        mine = [row for row in rows if (row["task"], row["method"]) == key]
        column = {name: torch.tensor([float(row[name]) for row in mine]) for name in COLUMNS}
        mean = {name: x.mean().item() for name, x in column.items()}
        out[key] = Line(
            cases=len(mine),
            before=mean["degrees_before"],
            degrees=mean["degrees"],
            half=_half(column["degrees"]),
            arm_before=mean["arm_before"],
            arm=mean["arm"],
            arm_half=_half(column["arm"]),
            across_before=mean["across_before"],
            across=mean["across"],
            along_before=mean["along_before"],
            along=mean["along"],
            solved=int((column["degrees"] <= column["degrees_before"] / 2).sum()),
            seeds=[
                column["degrees"][[row["seed"] == seed for row in mine]].mean().item()
                for seed in dict.fromkeys(row["seed"] for row in mine)
            ],
            each=column["degrees"].tolist(),
        )
    return out


def _half(numbers: torch.Tensor) -> float:
    """Half of the 95 % interval of their mean."""
    half: float = 1.96 * numbers.std().item() / len(numbers) ** 0.5
    return half
