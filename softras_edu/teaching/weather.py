"""Somebody else's work on this machine, on order: notebook 10 times things while it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_FOREVER = "print(flush=True)\nwhile True:\n    pass"


@contextmanager
def weather(programs: int | None = None) -> Iterator[list[int]]:
    """Other programs that count for as long as the block runs.

    Programs, not threads: threads of one Python program wait for each other's lock, and that would
    be measured instead.

    Args:
        programs: how many; one for each core if None.

    Yields:
        Their process numbers.
    """
    count = (os.cpu_count() or 1) if programs is None else programs
    others = [
        subprocess.Popen([sys.executable, "-c", _FOREVER], stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    try:
        for other in others:
            assert other.stdout is not None
            other.stdout.readline()  # it has begun
        yield [other.pid for other in others]
    finally:
        for other in others:
            other.kill()
            other.communicate()
