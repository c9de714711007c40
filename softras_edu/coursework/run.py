"""Run a notebook from top to bottom, in a kernel, and store what it shows.

What would differ from run to run or from machine to machine is taken out, so that a diff shows what
changed for the reader: times, the state and ids of live widgets, and the tracebacks of stubs, which
name files of this machine.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

CELL_TIMEOUT = 120  # seconds
WIDGET = "application/vnd.jupyter.widget-view+json"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def execute(notebook: Any, folder: Path) -> None:
    """Run a notebook in place, in `folder`. Cells tagged raises-exception may raise.

    Args:
        notebook: as nbformat reads it.

    Raises:
        nbclient's CellControlSignal and DeadKernelError: a cell raised, ran too long, or took the
            kernel with it.
    """
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # this environment's kernel, of all of that name
    NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        extra_arguments=["--log-level=ERROR"],
        resources={"metadata": {"path": str(folder)}},
    ).execute()
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [tidy(output) for output in cell.outputs if not is_progress_bar(output)]
    nbformat.validate(notebook)


def is_progress_bar(output: Any) -> bool:
    """A bar of tqdm's: alive while the cell runs; what is stored of it says 0 % for ever."""
    return (
        WIDGET in output.get("data", {})
        and re.search(r"(it/s|s/it)[^\]]*\]", output.data.get("text/plain", "")) is not None
    )


def tidy(output: Any) -> Any:
    """Take out of one output what only this run or this machine knows."""
    if output.output_type == "error":
        output.traceback = [f"{output.ename}: {output.evalue}"]
    if "image/png" in output.get("data", {}):
        # Without a kernel there is no widget to show; the picture beside it is what a reader should
        # see then.
        output.data.pop(WIDGET, None)
    return output
