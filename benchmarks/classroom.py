"""What a notebook takes of a shared server: memory of a student's kernel, and processor time.

    python benchmarks/classroom.py [NUMBERS] [--out benchmarks/results]

It runs each notebook in a kernel of its own, prints a table, and writes classroom-<date>.csv. For
Linux: the numbers are those of /proc. `peak_mib` is the most that the kernel had in memory,
`after_mib` what it still has when the last cell has run, `own_mib` the part of that which no other
process shares. `cpu_seconds` is the time of all threads together: a busy machine makes `seconds`
longer, this one hardly. Before the notebooks come "import" (softras_edu alone), and "compile" (the
CPU kernels, with an empty cache of numba's; all that follow find them there).
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import re
import tempfile
import time
from pathlib import Path

import nbformat
import torch
from nbclient import NotebookClient

from softras_edu import __version__
from softras_edu.bench import table
from softras_edu.machine import processor

ROOT = Path(__file__).parent.parent
FIRST = {
    "import": "import softras_edu",
    "compile": "from softras_edu.rasterizers.numba_cpu import warm; warm()",
}
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("numbers", nargs="*", help="of notebooks; all, if there are none")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        os.environ["NUMBA_CACHE_DIR"] = cache
        for name, line in FIRST.items():
            cells = [nbformat.v4.new_code_cell(line)]
            rows.append(measure(name, nbformat.v4.new_notebook(cells=cells)))
        size = sum(path.stat().st_size for path in Path(cache).rglob("*") if path.is_file())
        print(f"numba's cache: {size / 2**20:.1f} MiB")
        for path in paths:
            if not options.numbers or path.name[:2] in options.numbers:
                rows.append(measure(path.name[:2], nbformat.read(path, as_version=4)))
    if options.out:
        device = f"{processor()}, {os.cpu_count()} threads"
        about = {"date": f"{datetime.date.today()}", "device": device, "version": __version__}
        about |= {"torch": torch.__version__, "python": platform.python_version()}
        file = options.out / f"classroom-{datetime.date.today()}.csv"
        table.write(file, [{**row, **about} for row in rows])
        print(file)


def measure(name: str, notebook: nbformat.NotebookNode) -> dict[str, str]:
    """Run it, and ask the system what its kernel took."""
    resources = {"metadata": {"path": str(ROOT / "notebooks")}}
    quiet = ["--log-level=ERROR"]
    client = NotebookClient(
        notebook, timeout=1200, kernel_name="python3", resources=resources, extra_arguments=quiet
    )
    start = time.perf_counter()
    with client.setup_kernel():
        for index, cell in enumerate(client.nb.cells):
            client.execute_cell(cell, index)
        seconds = time.perf_counter() - start
        folder = Path("/proc") / str(client.km.provisioner.pid)
        peak, after, own = memory(folder)
        used = processor_seconds(folder)
    row = {"notebook": name, "seconds": f"{seconds:.0f}", "cpu_seconds": f"{used:.0f}"}
    row |= {"peak_mib": f"{peak:.0f}", "after_mib": f"{after:.0f}", "own_mib": f"{own:.0f}"}
    print(*(f"{key} {value}" for key, value in row.items()), sep="  ", flush=True)
    return row


def memory(folder: Path) -> tuple[float, float, float]:
    """Peak, now, and what only this process has, in MiB."""
    status = (folder / "status").read_text(encoding="utf-8")
    shares = (folder / "smaps_rollup").read_text(encoding="utf-8")
    own = kib("Private_Clean", shares) + kib("Private_Dirty", shares)
    return kib("VmHWM", status) / 1024, kib("VmRSS", status) / 1024, own / 1024


def kib(name: str, text: str) -> int:
    """A line of /proc: `VmRSS:   1234 kB`."""
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    assert found, name
    return int(found[1])


def processor_seconds(folder: Path) -> float:
    """Of the process and of those that it waited for, in user and in kernel mode."""
    fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


if __name__ == "__main__":
    main()
