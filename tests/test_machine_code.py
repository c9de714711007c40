"""The kernels' loops work on several lanes at once: counted in the machine code, not timed."""

from __future__ import annotations

import platform

import pytest

from softras_edu.bench.machine_code import Loop, loops, steps
from softras_edu.rasterizers import numba_cpu

NESTED = """
main:
\tvmovupd\t(%rax), %ymm0
.outer:
\tvaddsd\t%xmm1, %xmm2, %xmm2
.inner:
\tvmulpd\t%ymm0, %ymm1, %ymm2
\tvdivpd\t%ymm0, %ymm1, %ymm2
\t.cfi_def_cfa_offset 8
\tvmovupd\t%ymm2, (%rax)
\taddq\t$4, %rax
\tjne\t.inner
\tjmp\t.outer
.one_at_a_time:
\tvmulsd\t%xmm0, %xmm1, %xmm2
\tjne\t.one_at_a_time
"""


def test_a_loop_is_counted_without_the_one_around_it() -> None:
    assert loops(NESTED, 1) == [Loop(width=4, instructions=5, packed=3, divisions=1)]
    assert loops(NESTED, 4) == []
    assert loops(NESTED.replace("ymm", "zmm"), 1)[0].width == 8


@pytest.mark.skipif(numba_cpu.why_not() is not None, reason=str(numba_cpu.why_not()))
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="counts x86's registers")
def test_every_step_works_on_several_lanes_and_divides_no_more_than_its_formula() -> None:
    from llvmlite.binding import get_host_cpu_features

    has = get_host_cpu_features().get
    wide = 8 if has("avx512f") else 4 if has("avx2") else 2
    divisions = {"pair_lanes": 2, "add_lanes": 1, "pair_lanes_again": 2, "slope_lanes": 1}
    found = steps()
    assert len(found) == 10
    for name, loop in found.items():
        assert loop.width >= wide, f"{name}: {loop}"
        assert loop.packed >= 0.7 * loop.instructions, f"{name}: {loop}"
        # By a constant, say: that is 8 cycles, and a compiler keeps it.
        assert loop.divisions == divisions.get(name, 0), f"{name}: {loop}"
