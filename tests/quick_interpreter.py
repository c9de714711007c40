"""Triton's interpreter, three times as fast.

It does some things again and again: it prepares triton.language for every call of a function from a
kernel, where once a launch does; it describes the shape of a block anew for every tensor; and it
looks for overflow by seven operations of its own for each one on integers, where NumPy needs two.
So it is in Triton 3.7; in another version nothing happens.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np


def install() -> None:
    """Load Triton, which interprets from now on, and leave out what it has done already."""
    if importlib.util.find_spec("triton") is None:
        return
    from softras_edu.rasterizers.triton_gpu import use_interpreter

    use_interpreter()
    import triton
    from triton.language import core
    from triton.language.semantic import TritonSemantic
    from triton.runtime import interpreter

    if not triton.__version__.startswith("3.7."):
        return
    interpreter._patch_lang = prepare_once(interpreter, triton.language)
    interpreter._get_np_dtype = by_name(interpreter._get_np_dtype)
    TritonSemantic.binary_op_sanitize_overflow_impl = refuse_overflow
    share_shapes(core, TritonSemantic)


def prepare_once(interpreter: Any, language: Any) -> Callable[..., Any]:
    """`_patch_lang` that does nothing for a function whose modules are prepared."""
    prepare, scope = interpreter._patch_lang, interpreter._LangPatchScope

    @cache
    def rooms(function: Callable[..., Any]) -> list[Any]:
        names = function.__globals__.values()
        return [x for x in names if x is language or x is language.core]

    def prepare_if_needed(function: Callable[..., Any]) -> Any:
        is_ready = [not language.core.is_builtin(room.load) for room in rooms(function)]
        return scope() if is_ready and all(is_ready) else prepare(function)

    return prepare_if_needed


def by_name(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A function of a type of Triton, which cannot be hashed but has a name of its own."""
    known: dict[str, Any] = {}

    def look_up(dtype: Any) -> Any:
        if dtype.name not in known:
            known[dtype.name] = function(dtype)
        return known[dtype.name]

    return look_up


EXACT = {"add": np.add, "sub": np.subtract, "mul": np.multiply}


def refuse_overflow(self: Any, lhs: Any, rhs: Any, binary_op: Callable[..., Any]) -> None:
    """An integer operation of less than 64 bits whose result does not fit stops the kernel."""
    if lhs.type.scalar.int_bitwidth >= 64:
        return
    wide = [x.handle.data.astype(np.int64) for x in (lhs, rhs)]
    found, kind = EXACT[binary_op.__name__](*wide), lhs.type.scalar
    fits = (found >= kind.get_int_min_value()) & (found <= kind.get_int_max_value())
    assert fits.all(), f"{kind} overflow detected for operation {binary_op.__name__}"


def share_shapes(core: Any, semantic: Any) -> None:
    """All blocks of one shape have one description of it, and so have their tensors."""
    describe, broadcast = core.block_type.__init__, semantic.broadcast_impl_value
    blocks: dict[tuple[Any, ...], dict[str, Any]] = {}
    shapes: dict[tuple[int, ...], tuple[Any, Any, Any]] = {}

    def shared(sides: tuple[int, ...], of_type: Any) -> tuple[Any, Any, Any]:
        """Of blocks with these sides: the type's shape, the tensor's, and how many numbers."""
        if sides not in shapes:
            of_tensor = core.tuple([core.constexpr(side) for side in sides])
            shapes[sides] = of_type, of_tensor, core.constexpr(math.prod(sides))
        return shapes[sides]

    def block_init(self: Any, element_ty: Any, shape: Any) -> None:
        sides = tuple(side.value if isinstance(side, core.constexpr) else side for side in shape)
        key = element_ty.name, *sides
        if key not in blocks:
            describe(self, element_ty, shape)
            self.shape, *self.of_tensor = shared(sides, self.shape)
            blocks[key] = self.__dict__.copy()
        self.__dict__.update(blocks[key])

    def tensor_init(self: Any, handle: Any, type: Any) -> None:
        self.handle, self.type, self.dtype = handle, type, type.scalar
        self.shape, self.numel = type.of_tensor if type.is_block() else shared((), None)[1:]

    def broadcast_others(self: Any, lhs: Any, rhs: Any) -> Any:
        both = lhs.type.is_block() and rhs.type.is_block()
        same = both and lhs.type.shape is rhs.type.shape
        return (lhs, rhs) if same else broadcast(self, lhs, rhs)

    core.block_type.__init__, core.tensor.__init__ = block_init, tensor_init
    semantic.broadcast_impl_value = broadcast_others
