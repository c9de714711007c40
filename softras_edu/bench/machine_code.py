"""What numba made of the kernels: their innermost loops, counted in the machine code.

A loop over lanes is worth its name only if one instruction works on several of them. A compiler
says nothing when it gives that up; so it is counted here, and a test watches the count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

LABEL = re.compile(r"^(\.?[\w$]+):")
JUMP = re.compile(r"^\s+(?:j\w+|b\.\w+|cbn?z\s+\w+,|tbn?z\s+\w+,\s*#\d+,)\s+(\.?[\w$]+)\s*$")
LONGEST = 500  # instructions of a loop over lanes; what is longer has others inside
# Numbers of 64 bits in a register, by what its name begins with: x86's, then ARM's
WIDTHS = (("%zmm", 8), ("%ymm", 4), ("%xmm", 2), (".2d", 2))
PACKED = re.compile(r"^\s+v?(?:\w+pd\b|f\w+(?:\.2d|\s+v\d+\.2d))")
DIVISION = re.compile(r"^\s+v?(?:divpd|fdiv)")


@dataclass(frozen=True)
class Loop:
    """An innermost loop over lanes.

    Attributes:
        width: lanes that an instruction works on.
        instructions: in one round.
        packed: those that compute with floats of several lanes. divisions: among them.
    """

    width: int
    instructions: int
    packed: int
    divisions: int


def steps() -> dict[str, Loop]:
    """The loops over lanes that draw colours and silhouettes, forward and backward, one a step.

    Each is compiled once more, alone: some ten seconds in all.
    """
    from ..rasterizers import numba_cpu
    from ..rasterizers.numba_cpu import color, kernels, lanes, silhouette
    from ..rasterizers.options import Options

    o = numba_cpu.dials(Options(height=8, width=8))
    s, point, three = np.zeros(lanes.ROWS * lanes.LANES), (0.0, 0.0), (0.0, 0.0, 0.0)
    pair = (s, 8, point, point, point, three, o)
    given: dict[Any, tuple[Any, ...]] = {
        kernels.pair_lanes: pair,
        silhouette.small_lanes: (s, 8),
        silhouette.add_lanes: (s, 8),
        color.weigh_lanes: (s, 8, o),
        color.mix_lanes: (s, 8, three),
        kernels.pair_lanes_again: pair,
        silhouette.slope_lanes: (s, 8),
        color.share_lanes: (s, 8, three, o),
        color.channel_backward: (s, 8, three),
        kernels.pair_backward: (*pair[:-1], 3 * three, o),
    }
    return {
        function.py_func.__name__: max(loops(assembly(function, arguments)), key=lambda x: x.packed)
        for function, arguments in given.items()
    }


def assembly(function: Any, arguments: tuple[Any, ...]) -> str:
    """A function's machine code as text, compiled for this call."""
    import numba

    fresh = numba.njit(error_model="numpy")(function.py_func)
    fresh.compile(tuple(map(numba.typeof, arguments)))
    return "\n".join(fresh.inspect_asm().values())


def loops(text: str, least: int = 5) -> list[Loop]:
    """The innermost loops with `least` packed instructions or more, the longest first."""
    lines = [line for line in text.splitlines() if LABEL.match(line) or line.startswith("\t")]
    lines = [line for line in lines if not line.startswith("\t.")]
    labels = {label[1]: i for i, line in enumerate(lines) if (label := LABEL.match(line))}
    spans = []
    for i, line in enumerate(lines):
        jump = JUMP.match(line)
        start = labels.get(jump[1], i) if jump else i
        if start < i and i - start < LONGEST:
            spans.append((start, i))
    inner = [s for s in spans if not any(s != t and s[0] <= t[0] and t[1] <= s[1] for t in spans)]
    found = [_count([x for x in lines[a : b + 1] if not LABEL.match(x)]) for a, b in inner]
    return sorted((x for x in found if x.packed >= least), key=lambda x: -x.instructions)


def _count(body: list[str]) -> Loop:
    packed = [line for line in body if PACKED.match(line)]
    width = max((w for name, w in WIDTHS for line in packed if name in line), default=1)
    divisions = sum(bool(DIVISION.match(line)) for line in packed)
    return Loop(width, len(body), len(packed), divisions)
