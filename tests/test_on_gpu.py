"""What notebooks 09 and 10 run on a GPU, rehearsed in the interpreter: the same code, another
device. And how a function of a notebook gets there."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
import torch
from fresh_python import run

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
inputs = (x, torch.zeros(10), 0.5, 10)
(_, y), ms = on_gpu.run(kernel, (3,), inputs, {"BLOCK": 4}, device=sys.argv[1])
assert torch.equal(y, 2 * x + 0.5), y
assert ms > 0

@triton.jit
def wrong(in_ptr, BLOCK: tl.constexpr):
    tl.store(in_ptr + tl.arange(0, BLOCK), absent)

try:
    on_gpu.run(wrong, (1,), (x,), {"BLOCK": 4}, device=sys.argv[1])
except RuntimeError as error:
    assert "absent" in str(error)
else:
    raise AssertionError("nothing was said")
print("done")
"""

MINE = """
import sys
import torch
from softras_edu.rasterizers import broadcast as rung
from softras_edu.rasterizers.broadcast import rasterize_broadcast as draw
from softras_edu.teaching.triton_lab import on_gpu
from softras_edu.teaching.triton_lab.as_module import as_module
from softras_edu.teaching.triton_lab.language import tl, triton

SIGN, table, _ = 1, torch.ones(3), None

class Flip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return SIGN * x

    @staticmethod
    def backward(ctx, d_x):
        return SLOPE * d_x

SLOPE = SIGN + int(sys.argv[2])
also_flip = lambda x: Flip.apply(x)

def rasterize_mine(triangles, colors, background, o):
    assert rung.rasterize_broadcast is draw
    return draw(turned(triangles), colors, background, o)

def turned(x):
    table = x  # a name of its own, not the notebook's tensor
    return Flip.apply(table)

def cannot(x):
    return table * x

def later(x):
    raise NotImplementedError("Exercise 0-0")

try:
    as_module(cannot)
except ValueError as error:
    assert str(error).startswith("table: a Tensor of the notebook cannot go"), error
else:
    raise AssertionError("a tensor was written down")
assert "stub" in on_gpu.mine(later, device=sys.argv[1])
try:
    print(on_gpu.mine(rasterize_mine, device=sys.argv[1]))
except RuntimeError as error:
    print(str(error).splitlines()[-4:])
"""


AS_SCRIPT = "import runpy, sys; del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}


def test_a_readers_kernel_runs_in_a_process_of_its_own(tmp_path):
    path = tmp_path / "reader.py"  # its source must be in a file, as it is in a notebook
    path.write_text(READER, encoding="utf-8")
    done = run(AS_SCRIPT, str(path), DEVICE, env=ENVIRONMENT)
    assert done.stdout.strip() == "done", done.stderr


def test_a_readers_rasterizer_goes_there_with_all_that_it_needs(tmp_path):
    path = tmp_path / "reader.py"
    path.write_text(MINE, encoding="utf-8")
    right, wrong = (run(AS_SCRIPT, str(path), DEVICE, off, env=ENVIRONMENT) for off in ("0", "1"))
    assert "right in float64; right in float32" in right.stdout, right.stderr
    assert all(f"  {name}  " in right.stdout for name in ("yours", "the library's", "pairs"))
    assert "% of the floor" in right.stdout
    assert "the gradient of the triangles differs" in wrong.stdout, wrong.stderr


def test_the_rungs_are_compared():
    first, second = on_gpu.compare(device=DEVICE).splitlines()[:2]
    assert (DEVICE == "cpu") == ("no number means anything" in first)
    assert all(f"{rung} " in second for rung in ("triton", "pairs", "numba"))
