"""A new Python that has loaded PyTorch, and nothing of ours, in a tenth of a second.

What a process has imported cannot be taken back, so some tests need one of their own. Starting
Python and PyTorch takes two seconds of a core; this forks a process that has done so once.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from multiprocessing.context import ForkServerContext
from pathlib import Path

TESTS = Path(__file__).parent


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch"])
    return context


def _become(code: str, argv: list[str], environment: dict[str, str], cwd: str, out: str) -> None:
    """In the new process: what `python -c code` would find around it."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(f"{out}/{name}", os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv[:] = ["-c", *argv]
    first = [p for p in environment.get("PYTHONPATH", "").split(os.pathsep) if p]
    sys.path[:] = ["", *first, *(p for p in sys.path if p not in first and Path(p) != TESTS)]
    exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})


def run(
    code: str,
    *argv: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    check: bool = False,
    timeout: float = 600,
) -> subprocess.CompletedProcess[str]:
    """`python -c code *argv`, as `subprocess.run(..., capture_output=True, text=True)` has it.

    env is the whole environment, PYTHONPATH included. CalledProcessError as there.
    """
    environment = dict(os.environ if env is None else env)
    with tempfile.TemporaryDirectory() as out:
        given = (code, list(argv), environment, str(cwd or Path.cwd()), out)
        process = _server().Process(target=_become, args=given)
        process.start()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            raise subprocess.TimeoutExpired("python -c", timeout)
        said = [Path(out, name).read_text(encoding="utf-8") for name in ("stdout", "stderr")]
    assert process.exitcode is not None
    done = subprocess.CompletedProcess(["python", "-c", code], process.exitcode, *said)
    if check:
        done.check_returncode()
    return done
