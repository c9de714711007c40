"""Triton's interpreter at twice its speed.

It prepares triton.language again for every call of a function from a kernel, where once a launch
does. (So it is in Triton 3.7. Where it is not, nothing happens.)
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any


def install() -> None:
    """Load Triton, which interprets from now on, and leave out what it has done already."""
    if importlib.util.find_spec("triton") is None:
        return
    from softras_edu.rasterizers.triton_gpu import use_interpreter

    use_interpreter()
    from triton import language
    from triton.runtime import interpreter

    prepare = getattr(interpreter, "_patch_lang", None)
    scope = getattr(interpreter, "_LangPatchScope", None)
    if prepare is None or scope is None:
        return

    @cache
    def rooms(function: Callable[..., Any]) -> list[Any]:
        names = function.__globals__.values()
        return [x for x in names if x is language or x is language.core]

    def prepare_once(function: Callable[..., Any]) -> Any:
        is_ready = [not language.core.is_builtin(room.load) for room in rooms(function)]
        return scope() if is_ready and all(is_ready) else prepare(function)

    interpreter._patch_lang = prepare_once
