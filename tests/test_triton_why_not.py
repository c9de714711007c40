"""Where the triton backend cannot run it says why, and nothing imports triton that need not."""

from __future__ import annotations

import os

import fresh_python
import pytest
import torch

from softras_edu.rasterizers.triton_gpu import interpreter, why_not

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def in_a_new_process(code: str, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = fresh_python.run(code, env=clean | environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_does_not_import_triton():
    assert (
        in_a_new_process(
            "import sys, softras_edu, softras_edu.rasterizers.triton_gpu; "
            "print('triton' in sys.modules)"
        )
        == "False"
    )


@pytest.mark.skipif(DEVICE == "cuda", reason="there is a GPU")
def test_it_says_why_it_cannot_run():
    ask = "from softras_edu.rasterizers.triton_gpu import why_not, use_interpreter; "
    if not why_not("cpu"):  # triton is installed
        assert in_a_new_process(ask + "print(why_not('cpu'))").startswith(
            "needs CUDA tensors; on the CPU set TRITON_INTERPRET=1 before the first import"
        )
        assert in_a_new_process(ask + "print(why_not('cuda'))").startswith("no GPU here")
        assert in_a_new_process(ask + "print(why_not('cpu'))", TRITON_INTERPRET="1") == "None"
        assert (
            in_a_new_process(ask + "use_interpreter(); import triton; print(why_not('cpu'))")
            == "None"
        )
        assert "too late" in in_a_new_process(
            "import triton, os; os.environ['TRITON_INTERPRET'] = '1'; "
            + ask
            + "print(why_not('cpu'))"
        )
        late = "import triton\ntry: use_interpreter()\nexcept RuntimeError as error: print(error)"
        assert "imported already" in in_a_new_process(ask + "\n" + late)
    # A machine without triton: hide it.
    hide = (
        "import importlib.util as u; find = u.find_spec; "
        "u.find_spec = lambda name, *a: None if name == 'triton' else find(name, *a); "
    )
    assert (
        in_a_new_process(hide + ask + "print(why_not('cuda'))")
        == "triton is not installed (Linux only: pip install triton)"
    )
    message = (
        "import torch; from softras_edu.rasterizers.triton_gpu import rasterize_triton\n"
        "try: rasterize_triton(torch.zeros(1, 1, 3, 3), None, None, None)\n"
        "except ValueError as error: print(error)"
    )
    assert in_a_new_process(message).startswith("backend: 'triton' cannot serve tensors on cpu: ")


@pytest.mark.parametrize(
    ("triton", "numpy", "works"),
    [("3.6.0", "2.3.5", True), ("3.6.0", "2.4.6", False), ("3.7.1", "2.5.5", True)],
)
def test_an_interpreter_that_cannot_work_with_this_numpy_says_so(triton, numpy, works, monkeypatch):
    # Triton 3.6 comes with PyTorch 2.11; NumPy 2.4 no longer takes an array for a number.
    said = interpreter.trouble(triton, numpy)
    assert (said is None) == works
    if said is not None:
        assert said.startswith(f"Triton {triton}'s interpreter does not work with NumPy {numpy}: ")
        monkeypatch.setattr(interpreter, "TROUBLE", said)
        with pytest.raises(RuntimeError, match=r"pip install 'numpy<2\.4'"):
            interpreter.use_interpreter()
