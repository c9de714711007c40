"""The arguments of one call of `rasterize`, checked once, so that every backend reads the same
numbers and gives the same messages.

Each check names the argument, what it got, and what it wanted. Only `check_finite` reads what is in
a tensor, so on a GPU only it makes the host wait for the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral, Real

import torch
from torch import Tensor
from torch._C._functorch import is_batchedtensor, is_functorch_wrapped_tensor

from .. import formulas, softness
from ..texture import FlatTexture, Texture

LARGEST = 1e15  # of coordinates, whose squares must stay finite in float32


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the image looks like, apart from triangles, colours and background.

    See `rasterize` for the meaning of each; the defaults are the same.
    """

    height: int
    width: int
    sigma: float = 1e-4
    gamma: float = 1e-4
    eps: float = 1e-3
    near: float = 1.0
    far: float = 100.0
    dist_eps: float = 1e-4
    distance: str = "euclidean"
    perspective_correct: bool = False
    cull_backfaces: bool = False
    # GenDR's family. These are the Soft Rasterizer's own choices; see softness/ for the others.
    distribution: str = "logistic"
    squared: bool = True
    shape: float = 1.0  # 1, 0, 1 stand where the distribution or the conorm has no such parameter
    shift: float = 0.0
    conorm: str = "probabilistic"
    p: float = 1.0

    # A triangle with less doubled screen area than this has no inside, and is not drawn.
    min_doubled_area = 1e-12
    # A corner no deeper than this is at or behind the eye. (0, but for 1 / z**2, which must not
    # overflow in float32.)
    min_depth = 1e-12

    @property
    def gendr(self) -> bool:
        """Is D or A_O another one than the Soft Rasterizer's?"""
        return self.distribution != "logistic" or self.conorm != "probabilistic"

    @property
    def log_dist_eps(self) -> float:
        """log(dist_eps): pairs with log D below it are left out. Minus infinity, so none, for 0."""
        return math.log(self.dist_eps) if self.dist_eps > 0 else -math.inf

    @property
    def log_background(self) -> float:
        """log of the background's weight in the colour aggregate."""
        return formulas.log_background_weight(self.eps, self.gamma)

    @property
    def reach(self) -> float:
        """How far outside a triangle still counts, in NDC: see `formulas.reach`."""
        if self.distribution == "logistic" and self.squared:
            return formulas.reach(self.sigma, self.dist_eps)
        choice = (self.distribution, self.squared, self.shape, self.shift)
        return softness.reach(self.sigma, self.dist_eps, *choice)


def check_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """(H, W) from `size`, or a ValueError. NumPy's integers are integers too."""
    pair = (size, size) if type(size) is int or isinstance(size, Integral) else size
    if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(map(_is_side, pair)):
        raise ValueError(f"size: got {size!r}, wanted a positive int or a pair (H, W) of them")
    return int(pair[0]), int(pair[1])


def _is_side(number: object) -> bool:
    if type(number) is int:
        return number >= 1
    return isinstance(number, Integral) and not isinstance(number, bool) and int(number) >= 1


def is_real(x: object) -> bool:
    """Whether x is a number. (To ask an abstract class takes half a microsecond.)"""
    return type(x) in (float, int) or isinstance(x, Real)


def check_positive(**numbers: float) -> None:
    """ValueError unless every number is a finite one above 0."""
    for name, number in numbers.items():
        if not is_real(number) or not 0 < number < math.inf:
            raise ValueError(f"{name}: got {number!r}, wanted a finite number > 0")


def check_depths(near: float, far: float) -> None:
    """ValueError unless 0 < near < far, both finite."""
    check_positive(near=near)
    if not is_real(far) or not near < far < math.inf:
        raise ValueError(f"far: got {far!r}, wanted a finite number above near = {near!r}")


def check_choice(name: str, choice: str, choices: tuple[str, ...]) -> None:
    """ValueError unless `choice` is one of `choices`."""
    if choice not in choices:
        raise ValueError(f"{name}: got {choice!r}, wanted one of {', '.join(map(repr, choices))}")


def check_triangles(triangles: Tensor) -> None:
    """ValueError unless triangles are (B, F, 3, 3) or (F, 3, 3), float32 or float64.

    Whether they are finite, `check_finite` asks.
    """
    wanted = "(B, F, 3, 3) or (F, 3, 3)"
    if not isinstance(triangles, Tensor):
        got = type(triangles).__name__
        raise ValueError(f"triangles: got {got}, wanted a torch.Tensor {wanted}")
    if triangles.dim() not in (3, 4) or triangles.shape[-2:] != (3, 3):
        raise ValueError(f"triangles: got shape {tuple(triangles.shape)}, wanted {wanted}")
    if triangles.dtype not in (torch.float32, torch.float64):
        raise ValueError(f"triangles: got {triangles.dtype}, wanted torch.float32 or torch.float64")


def check_colors(colors: Tensor | None, triangles: Tensor) -> None:
    """ValueError unless colours are None or fit the triangles."""
    if colors is None:
        return
    if not isinstance(colors, Tensor):
        raise ValueError(f"colors: got {type(colors).__name__}, wanted a torch.Tensor or None")
    shape, given = tuple(colors.shape), tuple(triangles.shape)
    if len(shape) != len(given) or shape[:-1] != given[:-1] or shape[-1] < 1:
        wanted = ", ".join(map(str, (*given[:-1], "C >= 1")))
        raise ValueError(
            f"colors: got shape {shape}, wanted ({wanted}) to go with triangles {given}"
        )
    if colors.dtype != triangles.dtype:
        raise ValueError(f"colors: got {colors.dtype}, wanted {triangles.dtype} like triangles")
    if colors.device != triangles.device:
        raise ValueError(
            f"colors: got a tensor on {colors.device}, wanted {triangles.device} like triangles"
        )


def check_texture(
    texture: Texture | None, triangles: Tensor, colors: Tensor | None
) -> FlatTexture | None:
    """The texture for a batch of triangles, (B, F, 3, 3), or a ValueError.

    On a GPU, waits for the device.
    """
    if texture is None:
        return None
    if not isinstance(texture, Texture):
        raise ValueError(f"texture: got {type(texture).__name__}, wanted a Texture or None")
    uv, (batch, faces) = texture.uv, triangles.shape[:2]
    if uv.dtype != triangles.dtype or uv.device != triangles.device:
        raise ValueError(
            f"texture: got {uv.dtype} on {uv.device}, "
            f"wanted {triangles.dtype} on {triangles.device} like triangles"
        )
    if uv.shape[-3] != faces or (uv.dim() == 4 and len(uv) != batch):
        wanted = f"({faces}, 3, 2) or ({batch}, {faces}, 3, 2)"
        raise ValueError(f"texture: got uv of shape {tuple(uv.shape)}, wanted {wanted}")
    flat = texture.flat(batch)
    if colors is not None and colors.shape[-1] != flat.texels.shape[-1]:
        channels = flat.texels.shape[-1]
        wanted = f"{colors.shape[-1]} like colors, which it multiplies"
        raise ValueError(f"texture: got {channels} channels, wanted {wanted}")
    if not torch.compiler.is_compiling():  # which cannot look: its operators do, when they run
        check_finite_texture(flat)
    return flat


def check_finite_texture(texture: FlatTexture) -> None:
    """ValueError unless all its numbers are finite, and uv below 1e15. On a GPU, waits for it."""
    bounds = ("uv", texture.uv, LARGEST), ("images", texture.texels, math.inf)
    for name, numbers, bound in bounds:
        if numbers.numel():
            low, high = numbers.detach().aminmax()  # NaN, if there is any
            if not (low > -bound and high < bound):
                beyond = "infinity" if bound == math.inf else f"a number beyond {bound:.0e}"
                raise ValueError(f"texture: got NaN or {beyond} in {name}, wanted finite numbers")


def check_transforms(backend: str, triangles: Tensor, colors: Tensor | None) -> None:
    """ValueError where a transform of torch.func cannot see through the rung that was chosen."""
    if torch.compiler.is_compiling():  # which has transforms of its own
        return
    tensors = [x for x in (triangles, colors) if x is not None]
    if not any(map(is_functorch_wrapped_tensor, tensors)):
        return
    if any(map(is_batchedtensor, tensors)):
        raise ValueError(
            "triangles: torch.func.vmap cannot go through rasterize; give it the whole batch at "
            "once, triangles (B, F, 3, 3)"
        )
    if backend in ("numba", "triton"):
        raise ValueError(
            f"backend: torch.func cannot differentiate {backend!r}; use torch.autograd, or "
            "backend='pairs' or 'broadcast'"
        )


def check_finite(triangles: Tensor, colors: Tensor | None, background: Tensor) -> None:
    """ValueError unless all numbers are finite and coordinates are below 1e15.

    Last of all checks. On a GPU, waits for the device once a tensor. The triton backend, which must
    wait for the device anyway, comes here only when its first kernel has found a bad number.
    """
    if triangles.numel() and not (triangles.detach().abs() < LARGEST).all():  # NaN compares false
        got = f"NaN, infinity or a coordinate beyond {LARGEST:.0e}"
        raise ValueError(f"triangles: got {got}, wanted finite numbers")
    if colors is not None and colors.numel() and not colors.detach().isfinite().all():
        raise ValueError("colors: got NaN or infinity, wanted finite numbers")
    check_background(background)


def check_background(background: Tensor) -> None:
    """ValueError unless the background is finite. On a GPU, waits for the device."""
    if background.numel() and not stored(background).isfinite().all():
        raise ValueError("background: got NaN or infinity, wanted finite numbers")


def stored(tensor: Tensor) -> Tensor:
    """Each number that an expanded view shows, once: every repeated axis cut to length 1 (or 0)."""
    tensor = tensor.detach()
    for axis, stride in enumerate(tensor.stride()):
        if stride == 0 and tensor.shape[axis] > 1:
            tensor = tensor.narrow(axis, 0, 1)
    return tensor


def expand_background(
    background: float | Tensor, triangles: Tensor, wanted: tuple[int, int, int, int]
) -> Tensor:
    """The background as a (B, H, W, C) view, or a ValueError.

    Whether a tensor is finite, `check_finite` asks.
    """
    silhouette = wanted[-1] == 0  # there is no colour for a background to have
    if is_real(background):
        if not abs(float(background)) <= torch.finfo(triangles.dtype).max:
            raise ValueError("background: got NaN or infinity, wanted finite numbers")
        if silhouette:
            return triangles.new_empty(wanted)
        return triangles.new_full((), float(background)).expand(wanted)
    if not isinstance(background, Tensor):
        # A list, say: a tensor on the CPU, checked there, then sent off without waiting for it.
        try:
            numbers = torch.as_tensor(background, dtype=triangles.dtype, device="cpu")
        except (TypeError, ValueError, RuntimeError):
            raise ValueError(
                f"background: got {background!r}, wanted a number or a tensor"
            ) from None
        check_background(numbers)
        background = numbers.to(triangles.device, non_blocking=True)
    elif background.dtype != triangles.dtype or background.device != triangles.device:
        raise ValueError(
            f"background: got {background.dtype} on {background.device}, "
            f"wanted {triangles.dtype} on {triangles.device} like triangles"
        )
    elif silhouette:
        check_background(background)  # nobody will look at it later
    if silhouette:
        return triangles.new_empty(wanted)
    try:
        return background.expand(wanted)
    except RuntimeError:
        raise ValueError(
            f"background: got shape {tuple(background.shape)}, "
            f"wanted a number or a tensor that broadcasts to {wanted}"
        ) from None
