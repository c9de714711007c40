"""Triton's interpreter: kernels on the CPU, slowly, number by number, in float32 and float64."""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib.metadata import PackageNotFoundError, version

# Asked once, here: in PyTorch 2.11 torch.compile cannot trace through the question.
INSTALLED = importlib.util.find_spec("triton") is not None


def trouble(triton: str, numpy: str) -> str | None:
    """Why these versions of Triton and NumPy cannot interpret together, or None if they can."""
    old, new = (tuple(map(int, name.split(".")[:2])) for name in (triton, numpy))
    if old < (3, 7) and new >= (2, 4):
        # It takes arrays of one number for numbers, which NumPy has refused since.
        return (
            f"Triton {triton}'s interpreter does not work with NumPy {numpy}: "
            "pip install 'numpy<2.4' (kernels on a GPU are not concerned)"
        )
    return None


try:
    TROUBLE = trouble(version("triton"), version("numpy"))
except PackageNotFoundError:  # not installed, or by another name, as in nightly builds
    TROUBLE = None


def use_interpreter() -> None:
    """Run Triton kernels in its interpreter from now on, on the CPU.

    Raises:
        RuntimeError: this process has imported triton already, and it will compile; or this
            interpreter cannot work with this NumPy.
    """
    if TROUBLE is not None:
        raise RuntimeError(TROUBLE)
    if "triton" in sys.modules and not interpreting():
        raise RuntimeError(
            "triton is imported already, and it has chosen to compile: "
            "call use_interpreter(), or set TRITON_INTERPRET=1, before that"
        )
    os.environ["TRITON_INTERPRET"] = "1"


def interpreting() -> bool:
    """True if kernels run, or would run, in the interpreter. What counts is the variable at
    triton's first import."""
    language = sys.modules.get("triton.language")
    if language is None:
        return os.environ.get("TRITON_INTERPRET") == "1"
    # Triton decorates its own functions when it is imported, just like ours.
    return type(language.sum).__name__ == "InterpretedFunction"
