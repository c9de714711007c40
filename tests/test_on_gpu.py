"""What notebooks 09 and 10 run on a GPU, rehearsed in the interpreter: the same code, another
device."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest
import torch

from softras_edu.teaching.triton_lab import on_gpu

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="triton is not installed (Linux only)"
)
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"

READER = """
import torch, sys
from softras_edu.teaching.triton_lab import on_gpu
from softras_edu.teaching.triton_lab.language import tl, triton

@triton.jit
def twice(x):
    return 2.0 * x

@triton.jit
def kernel(in_ptr, out_ptr, more, count, BLOCK: tl.constexpr):
    k = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + k, twice(tl.load(in_ptr + k, k < count, other=0.0)) + more, k < count)

x = torch.arange(10.0)
(_, y), ms = on_gpu.run(kernel, [twice], (3,), (x, torch.zeros(10), 0.5, 10), {"BLOCK": 4},
                        device=sys.argv[1])
assert torch.equal(y, 2 * x + 0.5), y
assert ms > 0
try:
    on_gpu.run(kernel, [], (3,), (x, x, 0.5, 10), {"BLOCK": 4}, device=sys.argv[1])
except RuntimeError as error:
    assert "twice" in str(error)
else:
    raise AssertionError("a helper is missing")
print("done")
"""


def test_a_readers_kernel_runs_in_a_process_of_its_own(tmp_path):
    path = tmp_path / "reader.py"  # its source must be in a file, as it is in a notebook
    path.write_text(READER, encoding="utf-8")
    command = [sys.executable, str(path), DEVICE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "done", done.stderr


def test_the_rungs_are_compared():
    first, second = on_gpu.compare(device=DEVICE).splitlines()[:2]
    assert (DEVICE == "cpu") == ("no number means anything" in first)
    assert all(f"{rung} " in second for rung in ("triton", "pairs", "numba"))
