"""What a camera is given: numbers of any kind, sizes, names of some of many."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from functools import reduce
from numbers import Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..precision import is_any

Numbers = float | Sequence[Any] | np.ndarray[Any, Any] | Tensor


def image_size(size: Any) -> tuple[int, int]:
    """H = W or (H, W), of any integer type (NumPy's too) -> (H, W).

    Raises:
        ValueError: something else.
    """
    pair = size if isinstance(size, Sequence | np.ndarray) else (size, size)
    try:
        if isinstance(size, bool):
            raise TypeError
        height, width = (operator.index(n) for n in pair)
    except (TypeError, ValueError):
        height = width = 0
    if height < 1 or width < 1:
        raise ValueError(f"size: got {size!r}, wanted a positive int or a pair (H, W) of them")
    return height, width


def lens_scale(fov: Numbers, orthographic: Numbers | None) -> float | Tensor:
    """What `Camera.scale` is for a lens: a number for a number, else (1,) or (B,).

    Raises:
        ValueError: a field of view outside (0, 180), or a half height <= 0.
    """
    name, value = ("fov", fov) if orthographic is None else ("orthographic", orthographic)
    wanted = "degrees between 0 and 180" if orthographic is None else "the view's half height, > 0"
    top = 180.0 if orthographic is None else math.inf
    if isinstance(value, Real):
        number = float(value)
        if not 0 < number < top:
            raise ValueError(f"{name}: got {value!r}, wanted {wanted}")
        return number if name != "fov" else math.tan(math.radians(number) / 2)
    (x,) = broadcast(1, **{name: value})
    if x.dim() != 1 or is_any(~((x > 0) & (x < top))):
        raise ValueError(f"{name}: got {value!r}, wanted {wanted}, one or one a camera")
    return x if name != "fov" else torch.tan(torch.deg2rad(x) / 2)


def broadcast(dim: int, /, **numbers: Numbers) -> tuple[Tensor, ...]:
    """Numbers or points by name -> tensors of `dim` axes and of one shape, dtype and device.

    Raises:
        ValueError: no numbers, not finite, or shapes that do not broadcast.
    """
    tensors = []
    for name, x in zip(numbers, floats(*numbers.values(), names=list(numbers)), strict=True):
        if is_any(~x.isfinite()):
            raise ValueError(f"{name}: got {numbers[name]!r}, wanted finite numbers")
        tensors.append(x.reshape((1,) * (dim - x.dim()) + x.shape) if x.dim() < dim else x)
    try:
        return tuple(torch.broadcast_tensors(*tensors))
    except RuntimeError:
        shapes = ", ".join(str(tuple(x.shape)) for x in tensors)
        names = ", ".join(numbers)
        raise ValueError(f"{names}: got shapes {shapes}, which do not broadcast") from None


def floats(
    *numbers: Any, like: Tensor | None = None, names: Sequence[str] = ()
) -> tuple[Tensor, ...]:
    """Floating-point tensors of one dtype and device, with their gradients.

    The dtype is that of the tensors and arrays; of plain numbers alone it is float64, or `like`'s.
    """
    tensors = []
    for k, x in enumerate(numbers):
        try:
            tensors.append(_tensor(x))
        except (TypeError, ValueError, RuntimeError):
            name = names[k] if k < len(names) else "camera"
            raise ValueError(f"{name}: got {x!r}, wanted numbers") from None
    given = [t for t, x in zip(tensors, numbers, strict=True) if _typed(x)]
    dtypes = [x.dtype for x in given if x.is_floating_point()]
    plain = torch.float64 if like is None else like.dtype
    dtype = reduce(torch.promote_types, dtypes) if dtypes else plain
    device = given[0].device if given else None
    return tuple(x.to(device=device, dtype=dtype) for x in tensors)


def _tensor(x: Any) -> Tensor:
    """A tensor of anything that holds numbers; a list may hold tensors, whose gradient is kept."""
    if isinstance(x, Tensor):
        return x
    if isinstance(x, np.ndarray):
        x = np.ascontiguousarray(x)  # a view may run backwards
    elif isinstance(x, Sequence) and _typed(x):
        return torch.stack(torch.broadcast_tensors(*floats(*x)))
    return torch.tensor(x, dtype=None if isinstance(x, np.ndarray) else torch.float64)


def _typed(x: Any) -> bool:
    """Whether x has a dtype of its own: a tensor, an array, or a list with one in it."""
    if isinstance(x, Sequence) and not isinstance(x, str):
        return any(_typed(y) for y in x)
    return isinstance(x, Tensor | np.ndarray)


def which_of(which: Any, many: int, device: torch.device) -> Tensor | slice:
    """What indexes the B cameras, for `Camera.__getitem__`."""
    if isinstance(which, slice):
        return which
    wanted = f"a number, a slice, a list of numbers or {many} booleans"
    try:
        index = torch.as_tensor(which, device=device)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"camera[{which!r}]: wanted {wanted}") from None
    if index.numel() == 0 and index.dim() == 1:
        index = index.long()
    mask = index.dtype == torch.bool
    if index.is_floating_point() or index.dim() > 1 or (mask and index.shape != (many,)):
        raise ValueError(f"camera[{which!r}]: wanted {wanted}")
    return index if mask else torch.atleast_1d(index).long()


def first(bad: Tensor) -> list[int]:
    """The number of the first camera that is bad, or nothing."""
    return bad.nonzero()[:1, 0].tolist() if is_any(bad) else []
