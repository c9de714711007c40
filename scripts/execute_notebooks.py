"""Run notebooks from top to bottom and store what they show.

`make notebooks`, or with names, only those. Cells tagged raises-exception may raise (they are the
exercises' stubs). What is taken out of the outputs says `softras_edu/coursework/run.py`.
"""

import sys
import time
from pathlib import Path

import nbformat
from nbclient.exceptions import CellControlSignal, DeadKernelError

from softras_edu.coursework.run import execute


def main() -> int:
    failed = 0
    for path in [Path(name) for name in sys.argv[1:]] or sorted(Path("notebooks").glob("*.ipynb")):
        start = time.perf_counter()
        notebook = nbformat.read(path, as_version=4)
        try:
            execute(notebook, path.resolve().parent)
        except (CellControlSignal, DeadKernelError) as error:
            # A cell that raised, ran too long, or took the kernel with it.
            failed += 1
            print(f"{path}: FAILED, left as it was\n{error}", file=sys.stderr)
        else:
            nbformat.write(notebook, path)
            print(
                f"{path}: {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1024:.0f} KiB"
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
