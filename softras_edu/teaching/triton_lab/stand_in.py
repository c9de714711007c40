"""A small Triton made of PyTorch, for notebook 09 where there is no Triton (macOS, Windows) and
for its checks: about what Triton's own interpreter does.

A kernel is a Python function. Launching it on a grid calls it once a program, one after the
other. A block is a tensor; a pointer is the memory behind a tensor and an offset into it, or a
block of offsets. `program_id` tells which program is being run. Only what the notebook uses is
here.

Where Triton would read or write beyond a tensor's memory without a word, this one raises
IndexError.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor

_program: tuple[int, ...] = (0, 0, 0)  # of the kernel that is being run
_grid: tuple[int, ...] = (1, 1, 1)


class Pointer:
    """The memory from a tensor's first number on, as `load` and `store` see it: counted in
    numbers, whatever the tensor's shape."""

    def __init__(self, memory: Tensor, offset: Any = 0, name: str = ""):
        self.memory, self.offset, self.name = memory, torch.as_tensor(offset), name
        self.dtype = SimpleNamespace(element_ty=memory.dtype)

    @classmethod
    def to(cls, tensor: Tensor, name: str = "") -> Pointer:
        behind = (
            tensor.untyped_storage().nbytes() // tensor.element_size() - tensor.storage_offset()
        )
        return cls(tensor.detach().as_strided((behind,), (1,)), name=name)

    def __add__(self, steps: Any) -> Pointer:
        return Pointer(self.memory, self.offset + steps, self.name)

    def where(self, mask: Any) -> tuple[Tensor, Tensor]:
        """Offsets and mask, of one shape; IndexError if an offset that counts lies outside."""
        offset, chosen = torch.broadcast_tensors(
            self.offset, torch.as_tensor(True if mask is None else mask)
        )
        outside = chosen & ((offset < 0) | (offset >= len(self.memory)))
        if outside.any():
            first = int(offset[outside][0])
            raise IndexError(
                f"program {_program}: number {first} of a tensor whose memory holds "
                f"{len(self.memory)}; is a mask missing?"
            )
        return offset, chosen


class Kernel:
    """What `@triton.jit` makes of a function: callable inside of another kernel, and launched by
    `kernel[grid](...)`."""

    def __init__(self, fn: Callable[..., Any]):
        self.fn = fn
        functools.update_wrapper(self, fn)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self.fn(*arguments, **options)

    def __getitem__(self, grid: tuple[int, ...]) -> Callable[..., None]:
        return functools.partial(launch, self.fn, grid)


def launch(fn: Callable[..., Any], grid: tuple[int, ...], *arguments: Any, **options: Any) -> None:
    """Run a kernel: one call a program. Tensors become pointers; what only a compiler wants to
    know (`num_warps`, ...) is left out."""
    global _program, _grid
    names = fn.__code__.co_varnames[: fn.__code__.co_argcount]
    pointers = [
        Pointer.to(x, name) if isinstance(x, Tensor) else x
        for name, x in zip(names, arguments, strict=False)
    ]
    named = {
        name: Pointer.to(x, name) if isinstance(x, Tensor) else x
        for name, x in options.items()
        if name in names
    }
    before, _grid = (_program, _grid), (*grid, 1, 1)[:3]
    try:
        for program in itertools.product(*map(range, _grid[::-1])):
            _program = program[::-1]
            fn(*pointers, **named)
    finally:
        _program, _grid = before


def with_stand_in(fn: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with `tl` and `triton` bound to the ones below, so that a check can call
    it on tensors, outside of any kernel. The Triton functions that it calls are bound to them
    too."""
    room = {**fn.__globals__, "tl": tl, "triton": triton}
    copy = FunctionType(fn.__code__, room, fn.__name__, fn.__defaults__, fn.__closure__)
    room[fn.__name__] = copy
    for name in set(fn.__code__.co_names) & set(room):
        helper = getattr(room[name], "fn", None)
        if isinstance(helper, FunctionType):
            room[name] = with_stand_in(helper)
    return copy


# ---------------------------------------------------------------- who reads and writes what


@dataclass(frozen=True)
class Access:
    """One load or store of one program.

    Attributes:
        program: its number along the first axis of the grid.
        store: whether it writes.
        name: the kernel's argument, a pointer.
        places: the numbers it means, counted from the tensor's first; lanes that are masked out
            are not among them.
        nbytes: how many bytes these are.
    """

    program: int
    store: bool
    name: str
    places: Tensor
    nbytes: int


_seen: list[Access] | None = None  # what `watch` has seen; None while nobody watches


def watch(kernel: Any, grid: tuple[int, ...], *arguments: Any, **options: Any) -> list[Access]:
    """Launch a kernel here, whichever Triton made it, and note every load and store."""
    global _seen
    before, _seen = _seen, []
    try:
        launch(with_stand_in(getattr(kernel, "fn", kernel)), grid, *arguments, **options)
        return _seen
    finally:
        _seen = before


def _note(pointer: Pointer, places: Tensor, store: bool) -> None:
    if _seen is not None:
        size = places.numel() * pointer.memory.element_size()
        _seen.append(Access(_program[0], store, pointer.name, places.flatten(), size))


# ---------------------------------------------------------------- the language


def _load(pointer: Pointer, mask: Any = None, other: Any = 0) -> Tensor:
    offset, chosen = pointer.where(mask)
    _note(pointer, offset[chosen], store=False)
    block = torch.full(offset.shape, other, dtype=pointer.memory.dtype)
    block[chosen] = pointer.memory[offset[chosen]]
    return block


def _store(pointer: Pointer, value: Any, mask: Any = None) -> None:
    offset, chosen = pointer.where(mask)
    _note(pointer, offset[chosen], store=True)
    pointer.memory[offset[chosen]] = (
        torch.as_tensor(value).to(pointer.memory.dtype).broadcast_to(offset.shape)[chosen]
    )


def _atomic_add(pointer: Pointer, value: Any, mask: Any = None) -> None:
    offset, chosen = pointer.where(mask)
    pointer.memory.index_add_(
        0,
        offset[chosen],
        torch.as_tensor(value).to(pointer.memory.dtype).broadcast_to(offset.shape)[chosen],
    )


def _pairwise(operation: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Any, Any], Tensor]:
    def apply(a: Any, b: Any) -> Tensor:
        like = a if isinstance(a, Tensor) else b
        return operation(torch.as_tensor(a, dtype=like.dtype), torch.as_tensor(b, dtype=like.dtype))

    return apply


def _reduction(operation: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda x, axis=None: operation(x) if axis is None else operation(x, dim=axis)


tl = SimpleNamespace(
    constexpr=lambda x: x,
    int32=torch.int32,
    int64=torch.int64,
    float32=torch.float32,
    float64=torch.float64,
    program_id=lambda axis: torch.tensor(_program[axis]),
    num_programs=lambda axis: torch.tensor(_grid[axis]),
    arange=torch.arange,
    zeros=lambda shape, dtype: torch.zeros(tuple(shape), dtype=dtype),
    zeros_like=torch.zeros_like,
    full=lambda shape, value, dtype: torch.full(tuple(shape), value, dtype=dtype),
    static_range=range,
    range=range,
    cdiv=lambda a, b: (a + b - 1) // b,
    load=_load,
    store=_store,
    atomic_add=_atomic_add,
    where=torch.where,
    minimum=_pairwise(torch.minimum),
    maximum=_pairwise(torch.maximum),
    exp=torch.exp,
    exp2=torch.exp2,
    log=torch.log,
    log2=torch.log2,
    sqrt=torch.sqrt,
    abs=torch.abs,
    sigmoid=torch.sigmoid,
    floor=torch.floor,
    sum=_reduction(torch.sum),
    max=_reduction(torch.amax),
    min=_reduction(torch.amin),
)
triton = SimpleNamespace(
    jit=Kernel,
    language=tl,
    cdiv=lambda a, b: -(-a // b),
    next_power_of_2=lambda n: 2 ** max(0, math.ceil(math.log2(max(n, 1)))),
)
