"""Geometry inside PyTorch's contexts: it keeps its precision in autocast, its checks spare vmap."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)
P = ParamSpec("P")
R = TypeVar("R")


def no_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """A context in which operations on this device keep the dtype of their operands."""
    available = torch.amp.is_autocast_available(device.type)
    if not available or not torch.is_autocast_enabled(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def whole(x: Any) -> Any:
    """A tensor of 16 bits -> float32 inside autocast, where layers hand such tensors on; anything
    else as it is.
    """
    half = isinstance(x, Tensor) and x.dtype in HALF
    return x.float() if half and torch.is_autocast_enabled(x.device.type) else x


def outside_autocast(function: Callable[P, R]) -> Callable[P, R]:
    """Decorator: the function runs as if `torch.autocast` were off.

    Autocast rounds the operands of a matrix product to 16 bits: a vertex would move by up to 0.4 %
    of its distance from the origin.
    """

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        tensors = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        device = tensors[0].device if tensors else torch.device("cpu")
        wide = [whole(x) for x in args]
        named = {name: whole(x) for name, x in kwargs.items()}
        with no_autocast(device):
            return function(*wide, **named)

    return run


def is_any(bad: Tensor) -> bool:
    """Whether any is bad. Inside `torch.func.vmap`, where no number can be looked at, none is."""
    try:
        return bool(bad.any())
    except RuntimeError as error:
        if "vmap" in str(error):
            return False
        raise


def unit(x: Tensor) -> Tensor:
    """Vectors (..., 3) at length 1. One of length 0 has no direction: it stays 0, and so does its
    gradient, which would be infinite.
    """
    length = x.norm(dim=-1, keepdim=True)
    some = length > 0
    return torch.where(some, x / length.where(some, 1.0), 0.0)
