"""Where the GPU's time goes in one call, forward and backward: one row a kernel, as the profiler
sees it.

A step of its own behind all timings, because a profiler that has once been used may slow launches
down for the rest of the process."""

from __future__ import annotations

from ..case import Case
from . import speed, timing
from .session import Session
from .speed import Pictures, short

LISTED = 12  # kernels of a case, the longest


def step(session: Session) -> None:
    """All sizes, RGB first."""
    if session.device != "cuda":
        session.skip("kernels", "the profiler looks at GPUs only")
        return
    for case in speed.cases(session.rehearsal):
        if session.has_time(f"kernels of {short(case)}", 1.0) and not listed(session, case):
            return


def listed(session: Session, case: Case) -> bool:
    """The kernels of one case; False if the profiler does not answer."""
    pictures = Pictures(case, session.device)
    pictures.both("triton")  # compiles, if speed has not run
    found = timing.gpu_kernels(lambda: pictures.both("triton"))
    if not found:
        session.skip("kernels", "the profiler does not answer here")
        return False
    busy = sum(microseconds for _, _, microseconds in found)
    session.report.say(f"  {short(case)}: the GPU is busy for {busy / 1e3:.3f} ms, in:")
    for name, launches, microseconds in found[:LISTED]:
        session.report.row(
            "kernels",
            f"    {microseconds:>9.1f} us  {launches:>4.1f} x  {name[:60]}",
            batch=case.batch,
            side=case.side,
            faces=20 * 4**case.level,
            silhouette=case.silhouette,
            kernel=name,
            launches=f"{launches:g}",
            microseconds=f"{microseconds:.2f}",
            busy_microseconds=f"{busy:.2f}",
        )
    return True
