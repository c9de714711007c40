"""Run notebooks from top to bottom and store what they show.

`make notebooks`, or with names, only those.

Cells tagged raises-exception may raise (they are the exercises' stubs). What would differ from run
to run or from machine to machine is taken out, so that a diff shows what changed for the reader:
times, the state and ids of live widgets, and the tracebacks of the stubs, which name files of this
machine.
"""

import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError

CELL_TIMEOUT = 120  # seconds
WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def execute(path: Path) -> None:
    """Run one notebook and write it back."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [tidy(output) for output in cell.outputs if not is_progress_bar(output)]
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def is_progress_bar(output: nbformat.NotebookNode) -> bool:
    """A bar of tqdm's: alive while the cell runs; what is stored of it says 0 % for ever."""
    return (
        WIDGET in output.get("data", {})
        and re.search(r"(it/s|s/it)[^\]]*\]", output.data.get("text/plain", "")) is not None
    )


def tidy(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Take out of one output what only this run or this machine knows."""
    if output.output_type == "error":
        output.traceback = [f"{output.ename}: {output.evalue}"]
    if "image/png" in output.get("data", {}):
        # Without a kernel there is no widget to show; the picture beside it is what a reader should
        # see then.
        output.data.pop(WIDGET, None)
    return output


def main() -> int:
    # The kernel of this environment, not one of the same name elsewhere.
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    failed = 0
    for path in [Path(name) for name in sys.argv[1:]] or sorted(Path("notebooks").glob("*.ipynb")):
        start = time.perf_counter()
        try:
            execute(path.resolve())
        except (CellControlSignal, DeadKernelError) as error:
            # A cell that raised, ran too long, or took the kernel with it.
            failed += 1
            print(f"{path}: FAILED, left as it was\n{error}", file=sys.stderr)
        else:
            print(
                f"{path}: {time.perf_counter() - start:.0f} s, {path.stat().st_size / 1024:.0f} KiB"
            )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
