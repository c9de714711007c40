"""How long a dial takes to change an explorer's picture.

The trip of a page's message through a kernel, as when a slider is dragged.

    python benchmarks/explorers.py [--out benchmarks/results]

It prints a table and writes explorers-<date>.csv.

The page sends the dial's new state (`comm_msg`); the kernel draws, sends the picture and says
`idle`. What the browser adds is not in it. Each dial goes up and down its whole range. The last row
is SigmaGamma with a render that does nothing: what a trip costs without the rasterizer. `cpu_ms` is
the processor time of a change, of all threads together: a busy machine makes the other times
longer, this one hardly.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import torch
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from softras_edu import __version__, explore
from softras_edu.bench import table
from softras_edu.machine import processor

# Runs in the kernel. `dials` is printed: for each dial the id of its widget, the name of the state
# that a page would set, and the values to try.
SHOW = """
import itertools
from softras_edu import explore

def states(turner, n=13):
    if hasattr(turner, "options"):
        return "index", list(range(len(turner.options)))
    low, high = turner.min, turner.max
    if hasattr(turner, "base"):
        return "value", [turner.base ** (low + (high - low) * k / (n - 1)) for k in range(n)]
    steps = [round((high - low) * k / (n - 1) / turner.step) for k in range(n)]
    return "value", sorted({low + step * turner.step for step in steps})

def show(explorer):
    *_, picture, readout = explorer.widget.children
    dials = {name: (turner.model_id, *states(turner)) for name, turner in explorer.turners.items()}
    print({"dials": dials, "picture": picture.model_id, "shape": explorer.image.shape})

def no_render(sigma_gamma):
    "The same panel, whose render hands out two pictures that were drawn before, in turn."
    frames = []
    render = sigma_gamma.render
    sigma_gamma.render = lambda *arguments: frames.append(render(*arguments)) or frames[-1]
    sigma_gamma.sigma = 2 * sigma_gamma.sigma
    sigma_gamma.sigma = sigma_gamma.sigma / 2
    turn = itertools.cycle(frames)
    sigma_gamma.render = lambda *arguments: next(turn)
    return sigma_gamma
"""
# 1,280 triangles at the library's own sigma.
PANEL = "explore.SigmaGamma(shape='sphere', sigma=1e-4)"


class Kernel:
    """An IPython kernel, and what a page would say to it. Use it in a `with`."""

    def __enter__(self) -> Kernel:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(extra_arguments=["--log-level=ERROR"])
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=120)
        self.run(SHOW)
        return self

    def __exit__(self, *error: object) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    def run(self, code: str) -> str:
        """Run a cell; what it printed."""
        return "".join(
            message["content"]["text"]
            for message in self._answers(self.client.execute(code))
            if message["msg_type"] == "stream"
        )

    def show(self, explorer: str) -> dict[str, Any]:
        """Make an explorer, given as Python.

        Its dials {name: (widget, state, values)}, picture (a widget) and shape (of the picture).
        """
        return dict(ast.literal_eval(self.run(f"shown = {explorer}\nshow(shown)").splitlines()[-1]))

    def turn(self, widget: str, state: str, value: float) -> tuple[float, list[str]]:
        """Set a dial as a page does.

        Milliseconds until the kernel is idle again, and the widgets that got new pixels.
        """
        content = {
            "comm_id": widget,
            "data": {"method": "update", "state": {state: value}, "buffer_paths": []},
        }
        message = self.client.session.msg("comm_msg", content)
        start = time.perf_counter()
        self.client.shell_channel.send(message)
        answers = self._answers(message["header"]["msg_id"])
        took = (time.perf_counter() - start) * 1e3
        return took, [
            m["content"]["comm_id"] for m in answers if m["msg_type"] == "comm_msg" and m["buffers"]
        ]

    def processor_time(self) -> float:
        """Seconds that the kernel's threads have computed so far."""
        return float(self.run("import time; print(time.process_time())"))

    def _answers(self, asked: str) -> list[dict[str, Any]]:
        """All that the kernel publishes about one request, until it is idle.

        RuntimeError if a cell failed.
        """
        answers = []
        while True:
            message = self.client.get_iopub_msg(timeout=120)
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["msg_type"] == "error":
                raise RuntimeError("\n".join(message["content"]["traceback"]))
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return answers
            answers.append(message)


def sweep(kernel: Kernel, shown: dict[str, Any], dial: str) -> tuple[list[float], float]:
    """A dial goes up and down through its values.

    Milliseconds of each step, and milliseconds of processor time of one. A first round does not
    count.
    """
    widget, state, values = shown["dials"][dial]
    way = [*values[1:], *values[-2::-1]]
    for value in (values[0], *way):
        kernel.turn(widget, state, value)
    before = kernel.processor_time()
    samples = [kernel.turn(widget, state, value)[0] for value in way]
    return samples, (kernel.processor_time() - before) * 1e3 / len(way)


def about() -> dict[str, Any]:
    """What a row says of the day and the machine."""
    return {
        "date": datetime.date.today().isoformat(),
        "device": processor(),
        "threads": torch.get_num_threads(),
        "softras_edu": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """The rows -> NAME-<date>.csv."""
    path = folder / f"{name}-{datetime.date.today().isoformat()}.csv"
    table.write(path, rows)
    print("written to", path)


def measure(kernel: Kernel, name: str, explorer: str) -> dict[str, Any]:
    """One row: an explorer, all its dials."""
    shown = kernel.show(explorer)
    height, width, _ = shown["shape"]
    sweeps = {dial: sweep(kernel, shown, dial) for dial in shown["dials"]}
    middle = {dial: statistics.median(samples) for dial, (samples, _) in sweeps.items()}
    slowest = max(middle, key=middle.__getitem__)
    together = sorted(took for samples, _ in sweeps.values() for took in samples)
    return about() | {
        "explorer": name,
        "width": width,
        "height": height,
        "changes": len(together),
        "median_ms": round(statistics.median(together), 1),
        "p90_ms": round(together[int(0.9 * len(together))], 1),
        "slowest_dial": slowest,
        "slowest_dial_ms": round(middle[slowest], 1),
        "cpu_ms": round(statistics.mean(cpu for _, cpu in sweeps.values()), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, help="folder for explorers-<date>.csv; without it, only print"
    )
    out = parser.parse_args().out
    cases = {name: f"explore.{name}()" for name in explore.__all__}
    cases |= {"SigmaGamma, sphere": PANEL, "SigmaGamma, no render": f"no_render({PANEL})"}
    rows = []
    with Kernel() as kernel:
        for name, explorer in cases.items():
            rows.append(measure(kernel, name, explorer))
            line = (
                "{explorer:<24} median {median_ms:>6} ms, 90 % in {p90_ms:>6}, slowest dial "
                "{slowest_dial:<10} {slowest_dial_ms:>6}, processor {cpu_ms:>6}"
            )
            print(line.format(**rows[-1]), flush=True)
    if out:
        write(out, "explorers", rows)


if __name__ == "__main__":
    main()
