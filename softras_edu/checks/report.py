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
LONG = 110  # letters
FEW = 6  # numbers of a tensor in which one is found at a glance

ON_THE_DEVICE = (
    "Make new tensors where the arguments are: torch.zeros(n, device=x.device), or x.new_zeros(n)."
)

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
    "bitwise_and": (
        "& and | come before < and >: write brackets around comparisons, (a < b) & (c < d)."
    ),
    "bitwise_or": (
        "& and | come before < and >: write brackets around comparisons, (a < b) | (c < d)."
    ),
    "same number of dimensions": (
        "torch.cat and torch.stack want parts with the same axes: full_like(d[:1], x) has those "
        "of d, and one entry along the first."
    ),
    "Sizes of tensors must match except": (
        "torch.cat wants parts that are equally long along all axes but the one they are joined at."
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
    "to have the same dtype": (
        "float32 meets float64. Make new tensors in the dtype of an argument: dtype=x.dtype."
    ),
    "values to unpack": (
        "`a, b, c = x` goes along the first axis of x. For the last one: x.unbind(-1)."
    ),
    "tensors used as indices": (
        "An index is a whole number: .long() makes one, rounding towards 0. A mask is .bool()."
    ),
    "out of bounds": "An index is too large (or below -n): the last of n is n - 1.",
    "out of range": "An index is too large (or below -n): the last of n is n - 1.",
    "square matrices": "solve(A, b) wants the square matrix first.",
    "shape mismatch: indexing": (
        "Two index tensors do not fit. Read their shapes from the right: equal, or one of them 1."
    ),
    "same scalar type": (
        "float32 meets float64. Make new tensors in the dtype of an argument: x.new_zeros(...)."
    ),
    "must have the same dtype": (
        "float32 meets float64. Make new tensors in the dtype of an argument: x.new_tensor(...)."
    ),
    "on the same device": ON_THE_DEVICE,
    "on the expected device": ON_THE_DEVICE,
    "not compiled with CUDA": "This PyTorch has no GPU. Stay where the arguments are: x.device.",
    "did not match": (
        "float32 meets float64. Make new tensors in the dtype of an argument: x.new_tensor(...)."
    ),
    "modified by an inplace operation": (
        "a number that the way back needs was overwritten (*=, +=, x[...] = ..., add_). Make a new "
        "tensor instead: y = y * 2 for y *= 2."
    ),
    "can't multiply sequence by non-int": (
        "What comes from a file is text. float(...) makes a number of it, int(...) a whole one."
    ),
    "interpreted as an integer": (
        "A whole number is wanted there, and / always makes a float: // divides whole numbers."
    ),
    "not callable": (
        "Brackets stand behind something that is no function. Is a * missing between two numbers, "
        "or did you hand the result to the check? It wants the function: checks.NAME(NAME)."
    ),
    "Dimension out of range": (
        "There is no such axis: axes count from 0, or from -1 backwards. The shapes stand below."
    ),
    "shapes cannot be multiplied": (
        "In a @ b the last axis of a must be as long as the last but one of b. For number times "
        "number of equal shapes write a * b."
    ),
    "size mismatch": (
        "In a @ b the last axis of a must be as long as the last but one of b. For number times "
        "number of equal shapes write a * b."
    ),
    "division by zero": "For which of the arguments below is the denominator 0?",
    "math range error": "exp of a number above 709 is too large for a float.",
    "math domain error": "The root or the logarithm of a negative number, or the logarithm of 0.",
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
    if isinstance(error, KeyError):
        return f"There is no {error} in it: compare its names with the exercise."
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
    # The innermost line that the reader wrote: in the answer's cell, or in a helper's, of another.
    lines = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.lineno and (frame.filename == code.co_filename or "ipykernel_" in frame.filename)
    ]
    if not lines:
        return said
    last = lines[-1]
    cell = "the cell" if last.filename == code.co_filename else f"the cell with {last.name}"
    source = linecache.getline(last.filename, last.lineno or 0).strip()
    return f"{said}\n  in line {last.lineno} of {cell}" + (f":  {source}" if source else "")


def names(reference: Answer, case: Sequence[Any]) -> list[str]:
    """What a case's arguments are called."""
    known = inspect.signature(reference).parameters.values()
    asked = [p.name for p in known if p.kind is not p.KEYWORD_ONLY][: len(case)]
    return asked if len(asked) == len(case) else [f"argument {k}" for k in range(len(case))]


def call(name: str, case: Sequence[Any], reference: Answer, parts: Sequence[str] = ()) -> str:
    """The arguments of a case, by name: numbers in one line, tensors one a line; then `parts`."""
    keys = names(reference, case)
    texts = [f"{key} = {text(value)}" for key, value in zip(keys, case, strict=True)]
    if sum(map(len, texts)) < 70:
        lines = [f"  called as {name}({', '.join(texts)})", *parts]
    else:
        lines = ["  called with", *texts, *parts]
    return "\n    ".join(lines)


def fits(value: Any, shape: tuple[int, ...]) -> str:
    """Whether an argument has "rows" or "columns" that belong to one number of a result, or ""."""
    if not isinstance(value, Tensor) or not shape:
        return ""
    if value.dim() > len(shape) and tuple(value.shape[value.dim() - len(shape) :]) == shape:
        return "columns"
    return "rows" if tuple(value.shape[: len(shape)]) == shape else ""


def part(key: str, value: Tensor, where: tuple[int, ...], how: str) -> str:
    """What a large tensor holds for one number of the result."""
    more, index = value.dim() - len(where), ", ".join(map(str, where))
    before = more if how == "columns" else 0
    at: tuple[Any, ...] = (*[slice(None)] * before, *where)
    if value.numel() <= FEW or value[at].numel() > MOST:
        return ""
    return f"{key}[{':, ' * before}{index}] = {_rounded(value[at].tolist())}"


def changed(after: Any, before: Any) -> bool:
    """Whether an argument is another one than it was, as far as numbers go."""
    if isinstance(before, Tensor):
        return not torch.equal(after.detach().nan_to_num(7.0), before.nan_to_num(7.0))
    if isinstance(before, (list, tuple)):
        pairs = zip(after, before, strict=False)
        return len(after) != len(before) or any(changed(a, b) for a, b in pairs)
    return isinstance(before, (dict, str, float)) and bool(after != before)


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
    if isinstance(value, dict) and len(whole) <= 200:
        return whole
    return whole if len(whole) <= 80 else f"{type(value).__name__} of {len(value)} parts"


def _tensor_text(x: Tensor) -> str:
    """All numbers of a small tensor; shape and range of a large one."""
    shape = f"tensor {tuple(x.shape)}"
    if x.numel() <= MOST and len(all_of_them := _rounded(x.detach().tolist())) <= LONG:
        return f"{shape} {all_of_them}"
    if x.dtype == torch.bool:
        return f"{shape}, {int(x.sum())} of {x.numel()} true"
    return f"{shape}, numbers from {x.min().item():.4g} to {x.max().item():.4g}"


def _rounded(values: Any) -> str:
    if isinstance(values, list):
        return "[" + ", ".join(map(_rounded, values)) + "]"
    return f"{values:.4g}" if isinstance(values, float) else repr(values)


def worst(got: Tensor, expected: Tensor) -> tuple[int, ...]:
    """Where two results of one shape differ most."""
    off = (got - expected).abs().nan_to_num(torch.inf)
    return tuple(int(i) for i in torch.unravel_index(off.argmax(), off.shape)) if off.dim() else ()


def table(got: Tensor, expected: Tensor, tolerance: float = 1e-5) -> str:
    """Yours, expected and difference, at the place where they differ most."""
    if got.shape != expected.shape:
        return f"  shape of yours {tuple(got.shape)}, expected {tuple(expected.shape)}"
    off = (got - expected).abs().nan_to_num(torch.inf)
    where = worst(got, expected)
    place = (
        f"  {int((off > tolerance).sum())} of {off.numel()} numbers differ; most at index {where}:"
        if where
        else "  the result is one number:"
    )
    difference = got[where] - expected[where]
    digits = 6 if off[where] > 1e-5 * expected[where].abs() else 12
    return (
        f"{place}\n    yours      {got[where] + 0.0:.{digits}g}\n    expected   "
        f"{expected[where] + 0.0:.{digits}g}\n    difference {difference:.6g}"
    )


def show(got: Tensor, expected: Tensor) -> None:
    """A picture of yours, expected and difference, if the answers are images.

    Of several pictures, (F, H, W), the one that differs most is shown.
    """
    if got.shape != expected.shape or got.dim() not in (2, 3) or min(got.shape[-2:]) < 8:
        return
    if got.dim() == 3:
        face = worst(got, expected)[0]
        got, expected = got[face], expected[face]
    from IPython.display import display

    from ..plotting.panels import Panel, compose

    off = got - expected
    most = min(1.0, float(off.abs().nan_to_num(1.0).max())) or 1.0
    difference = Panel(f"difference (blue -{most:.2g}, red +)", off, "RdBu_r", -most, most)
    display(compose([Panel("yours", got), Panel("expected", expected), difference]))
