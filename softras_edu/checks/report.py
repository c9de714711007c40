"""What a failed check says: the arguments of the case, the error that stopped it, the numbers."""

from __future__ import annotations

import inspect
import linecache
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

Answer = Callable[..., Any]

MOST = 24  # numbers of a tensor that are printed one by one

# Part of an error's text, and what it means in plain words.
MEANINGS = {
    "operator, on a bool tensor": (
        "Booleans have no sign. Choose between two tensors with torch.where(condition, a, b), or "
        "turn the booleans into numbers first."
    ),
    "operator, with a bool tensor": (
        "Booleans cannot be subtracted. ~inside is `not inside`; torch.where(inside, a, b) chooses."
    ),
    "operator, with two bool tensors": (
        "Booleans cannot be subtracted. ~inside is `not inside`; torch.where(inside, a, b) chooses."
    ),
    "must match the size of tensor": (
        "Two shapes do not fit. Read them from the right: each pair of sizes must be equal, or one "
        "of them 1. x[:, None] puts an axis of size 1 into x."
    ),
    "The size of tensor a": (
        "Two shapes do not fit. Read them from the right: each pair of sizes must be equal, or one "
        "of them 1. x[:, None] puts an axis of size 1 into x."
    ),
    "Boolean value of Tensor": (
        "`if`, `and`, `or`, `min` and `max` ask for one yes or no, and a tensor holds many. Use "
        "torch.where, &, |, torch.minimum and torch.maximum (in a kernel tl.where, tl.minimum and "
        "tl.maximum), with brackets around comparisons: (a < b) & (c < d)."
    ),
    "can be converted to Python scalar": (
        "math.* and float() take one number. For a tensor of many use torch.*."
    ),
    "must be Tensor, not": (
        "That is a plain Python number, and this function takes tensors. For one number use math.*."
    ),
    "Can't call numpy() on Tensor that requires grad": (
        "NumPy keeps no gradient. Stay with torch functions all the way."
    ),
    "expected scalar type": (
        "float32 meets float64. Make new tensors in the dtype of an argument: x.new_tensor(...)."
    ),
    "must have the same dtype": (
        "float32 meets float64. Make new tensors in the dtype of an argument: x.new_tensor(...)."
    ),
    "only be created for scalar outputs": "backward() starts from one number.",
    "does not require grad": (
        "No gradient reaches this. Write the derivative as a formula, without backward()."
    ),
    "'str'": (
        "What comes from a file is text. float(...) makes a number of it, int(...) a whole one."
    ),
    "positional argument": "Compare the arguments in the first line of yours with the exercise.",
    "object has no attribute": "Another kind of thing than expected: look at the arguments below.",
}


def explanation(error: Exception) -> str:
    """What an error of the reader's code means, in plain words, or ""."""
    text = str(error)
    if isinstance(error, NameError):
        return "Is it spelled as above, and was the cell run that defines or imports it?"
    return next((meaning for part, meaning in MEANINGS.items() if part in text), "")


def root(error: BaseException) -> BaseException:
    """What an error began as. Triton's interpreter wraps what a kernel raises, once a call."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def stopped(error: Exception, yours: Answer) -> str:
    """The error and the line of the reader's code that raised it."""
    said = f"your function raised {type(error).__name__}: {error}"
    code = getattr(inspect.unwrap(yours), "__code__", None)
    if code is None:
        return said
    # The innermost line of the cell in which the answer stands, be it in a helper function of it.
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == code.co_filename and frame.lineno
    ]
    if not lines:
        return said
    source = linecache.getline(code.co_filename, lines[-1]).strip()
    return f"{said}\n  in line {lines[-1]} of the cell" + (f":  {source}" if source else "")


def call(name: str, case: Sequence[Any], reference: Answer) -> str:
    """The arguments of a case, by name: numbers in one line, tensors one a line."""
    names = [*inspect.signature(reference).parameters]
    names = names if len(names) == len(case) else [f"argument {k}" for k in range(len(case))]
    texts = [f"{key} = {text(value)}" for key, value in zip(names, case, strict=True)]
    if sum(map(len, texts)) < 70:
        return f"  called as {name}({', '.join(texts)})"
    return "\n    ".join(["  called with", *texts])


def text(value: Any) -> str:
    """A number, a tensor, a function, or a list of them, short enough to read."""
    if isinstance(value, Tensor):
        return _tensor_text(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, (tuple, list)) and len(value) <= MOST:
        inside = ", ".join(map(text, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    if callable(value):
        return str(getattr(value, "__name__", type(value).__name__))
    whole = repr(value)
    return whole if len(whole) <= 80 else f"{type(value).__name__} of {len(value)} parts"


def _tensor_text(x: Tensor) -> str:
    """All numbers of a small tensor; shape and range of a large one."""
    shape = f"tensor {tuple(x.shape)}"
    if x.numel() <= MOST:
        return f"{shape} {_rounded(x.detach().tolist())}"
    if x.dtype == torch.bool:
        return f"{shape}, {int(x.sum())} of {x.numel()} true"
    return f"{shape}, numbers from {x.min().item():.4g} to {x.max().item():.4g}"


def _rounded(values: Any) -> str:
    if isinstance(values, list):
        return "[" + ", ".join(map(_rounded, values)) + "]"
    return f"{values:.4g}" if isinstance(values, float) else repr(values)


def table(got: Tensor, expected: Tensor) -> str:
    """Yours, expected and difference, at the place where they differ most."""
    if got.shape != expected.shape:
        return f"  shape of yours {tuple(got.shape)}, expected {tuple(expected.shape)}"
    off = (got - expected).abs().nan_to_num(torch.inf)
    where = tuple(int(i) for i in torch.unravel_index(off.argmax(), off.shape)) if off.dim() else ()
    place = (
        f"  {int((off > 1e-5).sum())} of {off.numel()} numbers differ; most at index {where}:"
        if where
        else "  the result is one number:"
    )
    difference = got[where] - expected[where]
    return (
        f"{place}\n    yours      {got[where]:.6g}\n    expected   {expected[where]:.6g}\n    "
        f"difference {difference:.6g}"
    )


def show(got: Tensor, expected: Tensor) -> None:
    """A picture of yours, expected and difference, if the answers are images."""
    if got.shape != expected.shape or got.dim() != 2 or min(got.shape) < 8:
        return
    from IPython.display import display

    from ..plotting.panels import Panel, compose

    difference = Panel("difference (blue -, red +)", got - expected, "RdBu_r", -1, 1)
    display(compose([Panel("yours", got), Panel("expected", expected), difference]))
