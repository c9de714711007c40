"""What a computation costs, for the cost ledgers of part II.

Bytes moved by each line, bytes that autograd keeps, peak memory, time.

Bytes are counted, not guessed: PyTorch tells of every operation that it runs. Views move nothing. A
tensor that was stretched by broadcasting counts with the memory that it really has.
"""

from __future__ import annotations

import statistics
import timeit
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass
class Line:
    """One row of a ledger: what a line of code read and wrote, in how many operations."""

    name: str
    operations: int = 0
    read: int = 0  # bytes
    wrote: int = 0  # bytes


@dataclass
class Ledger:
    """The cost of a computation, line by line.

    ledger = Ledger()
    with ledger.line("w0, w1, w2"):
        w = formulas.barycentric(pixel, xy)
    print(ledger.table())
    """

    lines: list[Line] = field(default_factory=list)

    @contextmanager
    def line(self, name: str) -> Iterator[None]:
        """Count what runs inside under this name."""
        entry = Line(name)
        self.lines.append(entry)
        with _Count(entry):
            yield

    @property
    def total(self) -> Line:
        """All lines together."""
        parts = self.lines
        return Line(
            "in total",
            sum(p.operations for p in parts),
            sum(p.read for p in parts),
            sum(p.wrote for p in parts),
        )

    def table(self, unit: int = 1_000_000, name: str = "MB") -> str:
        """The ledger as text, in megabytes, or in any other unit."""
        rows = [f"{'line':<34} {'operations':>10} {'read ' + name:>12} {'wrote ' + name:>12}"]
        rows += [
            f"{x.name:<34} {x.operations:>10} {x.read / unit:>12,.1f} {x.wrote / unit:>12,.1f}"
            for x in (*self.lines, self.total)
        ]
        return "\n".join(rows)


class _Count(TorchDispatchMode):
    """Adds every operation to a line of the ledger."""

    def __init__(self, line: Line):
        super().__init__()
        self.entry = line

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        inputs = {
            _place(x): _bytes(x) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)
        }
        made = [x for x in tree_leaves(out) if isinstance(x, Tensor)]
        in_place = func._schema.is_mutable
        # Else a view, which moves nothing.
        if made and (in_place or any(_place(x) not in inputs for x in made)):
            self.entry.operations += 1
            self.entry.read += sum(inputs.values())
            self.entry.wrote += sum(_bytes(x) for x in made)
        return out


def _place(x: Tensor) -> int:
    return int(x.untyped_storage().data_ptr())


def _bytes(x: Tensor) -> int:
    """Bytes of a tensor, or of the memory behind it where it was stretched."""
    return int(min(x.numel() * x.element_size(), x.untyped_storage().nbytes()))


def saved_bytes(function: Callable[[], object]) -> int:
    """Bytes that autograd still keeps for a backward pass when `function` has returned.

    Memory that is kept twice counts once.
    """
    kept: weakref.WeakSet[_Kept] = weakref.WeakSet()

    def pack(x: Tensor) -> _Kept:
        entry = _Kept(x)
        kept.add(entry)
        return entry

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda entry: entry.tensor):
        result = function()
    places = {_place(entry.tensor): int(entry.tensor.untyped_storage().nbytes()) for entry in kept}
    del result  # only now: it holds the graph and all that the graph keeps
    return sum(places.values())


class _Kept:
    """A tensor that autograd has put aside."""

    def __init__(self, tensor: Tensor):
        # Without its graph: that would be a cycle of references, never freed.
        self.tensor = tensor.detach()


def peak_bytes(function: Callable[[], object]) -> int:
    """The most memory that tensors made by `function` take at one time.

    What an operation needs while it runs is not seen.
    """
    alive = _Alive()
    with alive:
        function()
    return alive.most


class _Alive(TorchDispatchMode):
    """Adds up the memory of all tensors that exist, operation by operation."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.living: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = {_place(x) for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)}
        out = func(*args, **(kwargs or {}))
        for x in tree_leaves(out):
            if isinstance(x, Tensor) and _place(x) not in before | self.living:
                storage = x.untyped_storage()
                self.living.add(storage.data_ptr())
                self.now += storage.nbytes()
                weakref.finalize(storage, self.forget, storage.data_ptr(), storage.nbytes())
        self.most = max(self.most, self.now)
        return out

    def forget(self, place: int, size: int) -> None:
        self.living.discard(place)
        self.now -= size


def seconds(function: Callable[[], object], repeats: int = 3, warm_up: bool = True) -> float:
    """Median time of `repeats` calls, timed one by one, after one that does not count."""
    if warm_up:
        function()
    return statistics.median(timeit.repeat(function, number=1, repeat=repeats))


def readable(count: float) -> str:
    """A number of bytes for people: 1,300,000 -> 1.3 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"
