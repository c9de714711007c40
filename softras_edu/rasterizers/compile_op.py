"""The two compiled rungs as operators that PyTorch knows by name, so that `torch.compile` traces
through a call instead of stopping there.

PyTorch must be told what comes out (the fake) and which operator is whose derivative; the work
itself stands in the rung's own folder. Plain calls do not pass here: an operator costs some tens of
microseconds more a call than a `torch.autograd.Function`. Rungs 1 to 3 are plain PyTorch, which
`torch.compile` reads by itself; it leaves its graph where `pairs` counts its pairs, whose number
depends on the data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from . import numba_cpu, triton_gpu
from .options import Options, check_finite

# An operator takes tensors and numbers, not an Options: so these are its fields, one by one. The
# real numbers come as one tensor: torch.compile would compile anew for each new value of a plain
# float, and a schedule of sigma has a new one at every step.
NUMBERS = ("sigma", "gamma", "eps", "near", "far", "dist_eps", "shape", "shift", "p")
CHOICES = {
    "height": "int",
    "width": "int",
    "distance": "str",
    "perspective_correct": "bool",
    "cull_backfaces": "bool",
    "distribution": "str",
    "squared": "bool",
    "conorm": "str",
}
FIELDS = "Tensor numbers, " + ", ".join(f"{kind} {name}" for name, kind in CHOICES.items())

Rung = Callable[[Tensor, "Tensor | None", Tensor, Options], Tensor]
Forward = Callable[[Tensor, "Tensor | None", Tensor, Options], tuple[Tensor, ...]]
Backward = Callable[
    [Tensor, Tensor, "Tensor | None", tuple[Tensor, ...], Options],
    tuple[Tensor, "Tensor | None", Tensor],
]


def fields(o: Options) -> tuple[Any, ...]:
    """What stands for `o` in a call of an operator, in the order of FIELDS."""
    numbers = torch.tensor([getattr(o, name) for name in NUMBERS], dtype=torch.float64)
    return numbers, *(getattr(o, name) for name in CHOICES)


def options(numbers: Tensor, *choices: Any) -> Options:
    """`fields` backwards."""
    named = dict(zip(NUMBERS, numbers.tolist(), strict=True))
    return Options(**named, **dict(zip(CHOICES, choices, strict=True)))


def shape_options(numbers: Tensor, *choices: Any) -> Options:
    """`options` without the numbers, which no shape depends on (and a fake tensor has none)."""
    return Options(**dict(zip(CHOICES, choices, strict=True)))


def register(name: str, count: int, forward: Forward, backward: Backward, fake: Forward) -> Rung:
    """Make torch.ops.softras_edu.<name> and its derivative <name>_backward.

    Args:
        count: of the tensors that `forward` returns, all of them new: the image first, and behind
            it what `backward` needs.
        forward: (triangles, colors, background, o) -> those tensors.
        backward: (d_image, triangles, colors, those tensors, o) -> derivatives of triangles,
            colours (None if there are none) and background.
        fake: like `forward`, but only shapes and dtypes count.

    Returns:
        A rung that calls them.
    """
    outputs = ", ".join(["Tensor"] * count)
    saved = ", ".join(f"Tensor saved{k}" for k in range(count))

    @torch.library.custom_op(
        f"softras_edu::{name}",
        mutates_args=(),
        schema=f"(Tensor triangles, Tensor? colors, Tensor background, {FIELDS}) -> ({outputs})",
    )
    def forward_op(
        triangles: Tensor, colors: Tensor | None, background: Tensor, *given: Any
    ) -> tuple[Tensor, ...]:
        return forward(triangles, colors, background, options(*given))

    @forward_op.register_fake
    def _(
        triangles: Tensor, colors: Tensor | None, background: Tensor, *given: Any
    ) -> tuple[Tensor, ...]:
        return fake(triangles, colors, background, shape_options(*given))

    @torch.library.custom_op(
        f"softras_edu::{name}_backward",
        mutates_args=(),
        schema=f"(Tensor d_image, Tensor triangles, Tensor? colors, {saved}, {FIELDS})"
        " -> (Tensor, Tensor, Tensor)",
    )
    def backward_op(
        d_image: Tensor, triangles: Tensor, colors: Tensor | None, *rest: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        o = options(*rest[count:])
        d_triangles, d_colors, d_background = backward(d_image, triangles, colors, rest[:count], o)
        return d_triangles, d_image.new_empty(0) if d_colors is None else d_colors, d_background

    @backward_op.register_fake
    def _(
        d_image: Tensor, triangles: Tensor, colors: Tensor | None, *_rest: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        d_colors = d_image.new_empty(0 if colors is None else colors.shape)
        d_background = d_image.new_empty(*d_image.shape[:-1], d_image.shape[-1] - 1)
        return d_image.new_empty(triangles.shape), d_colors, d_background

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        triangles, colors, _background, numbers, *ctx.choices = inputs
        ctx.save_for_backward(triangles, colors, numbers, *output)

    def derivative(ctx: Any, d_image: Tensor, *_unused: Any) -> tuple[Any, ...]:
        triangles, colors, numbers, *tensors = ctx.saved_tensors
        given = (triangles, colors, *tensors, numbers, *ctx.choices)
        d_triangles, d_colors, d_background = backward_op(d_image, *given)
        nothing = [None] * (1 + len(ctx.choices))
        return d_triangles, None if colors is None else d_colors, d_background, *nothing

    forward_op.register_autograd(derivative, setup_context=setup_context)

    def rung(triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options) -> Tensor:
        return cast("Tensor", forward_op(triangles, colors, background, *fields(o))[0])

    return rung


# ---------------------------------------------------------------- rung 4


def _numba_forward(
    triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> tuple[Tensor, ...]:
    check_finite(triangles, colors, background)
    numba_cpu.compile_for(triangles.dtype)
    return numba_cpu.forward(triangles, colors, background, o)


def _numba_backward(
    d_image: Tensor, triangles: Tensor, colors: Tensor | None, saved: tuple[Tensor, ...], o: Options
) -> tuple[Tensor, Tensor | None, Tensor]:
    grads = numba_cpu.backward(d_image, triangles, colors, saved[1:], (True, True, True), o)
    assert grads[0] is not None
    assert grads[2] is not None
    return grads[0], grads[1], grads[2]


def _numba_fake(
    triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> tuple[Tensor, ...]:
    images, faces = triangles.shape[:2]
    channels = background.shape[-1]
    pixels = images * o.height * o.width
    image = triangles.new_empty(images, o.height, o.width, channels + 1)
    box = triangles.new_empty(images * faces, 4, dtype=torch.int64)
    peak, den, lift_sum = (triangles.new_empty(pixels, dtype=torch.float64) for _ in range(3))
    winner = triangles.new_empty(pixels if o.conorm == "max" else 0, dtype=torch.int64)
    return (
        image,
        box,
        peak,
        den,
        lift_sum,
        winner,
        triangles.new_empty(channels, pixels, dtype=torch.float64),
    )


rasterize_numba = register("rasterize_numba", 7, _numba_forward, _numba_backward, _numba_fake)


# ---------------------------------------------------------------- rung 5


def _triton_forward(
    triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> tuple[Tensor, ...]:
    triton_gpu.check_can_run(triangles, colors, o)
    triangles, colors = triangles.contiguous(), None if colors is None else colors.contiguous()
    boxes, count, facts = triton_gpu.launch_setup(triangles, colors, background, o)
    ends, length = triton_gpu.wait_for_length(count, triangles, colors, background)
    tiles = triton_gpu.launch_fill(boxes, count, ends, length, o)
    image, kept = triton_gpu.launch_forward(triangles, facts, colors, background, tiles, o)
    return image, facts, boxes, kept


def _triton_backward(
    d_image: Tensor, triangles: Tensor, colors: Tensor | None, saved: tuple[Tensor, ...], o: Options
) -> tuple[Tensor, Tensor | None, Tensor]:
    image, facts, boxes, kept = saved
    colors = None if colors is None else colors.contiguous()
    grad_triangles, grad_colors = triton_gpu.launch_backward(
        triangles.contiguous(), facts, colors, boxes, image, d_image.contiguous(), kept, o
    )
    grad_background = (
        d_image.new_empty(*d_image.shape[:-1], 0)
        if colors is None
        else triton_gpu.background_gradient(d_image, kept, o)
    )
    return grad_triangles, grad_colors, grad_background


def _triton_fake(
    triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> tuple[Tensor, ...]:
    batch, faces = triangles.shape[:2]
    pixels = (batch, o.height, o.width)
    image = triangles.new_empty(*pixels, (0 if colors is None else colors.shape[-1]) + 1)
    kept = triangles.new_empty(*pixels, triton_gpu.saved_size(colors, o))
    return (
        image,
        triangles.new_empty(batch, faces, 8),
        triangles.new_empty(batch, faces, 4, dtype=torch.int32),
        kept,
    )


rasterize_triton = register("rasterize_triton", 4, _triton_forward, _triton_backward, _triton_fake)
