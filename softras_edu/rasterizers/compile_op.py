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

from ..texture import FlatTexture
from . import numba_cpu, triton_gpu
from .options import Options, check_finite_texture

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

INPUTS = "Tensor triangles, Tensor? colors, Tensor background, Tensor? uv, Tensor? texels, "
INPUTS += "Tensor? where"  # a FlatTexture, or three times None

Rung = Callable[..., Tensor]
Texels = tuple["Tensor | None", "Tensor | None", "Tensor | None"]
Forward = Callable[
    [Tensor, "Tensor | None", Tensor, Options, "FlatTexture | None"], tuple[Tensor, ...]
]
Backward = Callable[
    [
        Tensor, Tensor, "Tensor | None", tuple[Tensor, ...], Options,
        "FlatTexture | None", bool,
    ],
    tuple["Tensor | None", ...],
]  # fmt: skip


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


def texture_of(parts: Texels) -> FlatTexture | None:
    """Three tensors of an operator's call, or three times None."""
    uv, texels, where = parts
    if uv is None or texels is None or where is None:
        return None
    return FlatTexture(uv, texels, where)


def register(name: str, count: int, forward: Forward, backward: Backward, fake: Forward) -> Rung:
    """Make torch.ops.softras_edu.<name> and its derivative <name>_backward.

    Args:
        count: of the tensors that `forward` returns, all of them new: the image first, and behind
            it what `backward` needs.
        forward: (triangles, colors, background, o, texture) -> those tensors.
        backward: (d_image, triangles, colors, those tensors, o, texture, are texels wanted?) ->
            derivatives of triangles, colours, background, uv and texels; None where there are none.
        fake: like `forward`, but only shapes and dtypes count.

    Returns:
        A rung that calls them.
    """
    outputs = ", ".join(["Tensor"] * count)
    saved = ", ".join(f"Tensor saved{k}" for k in range(count))

    @torch.library.custom_op(
        f"softras_edu::{name}", mutates_args=(), schema=f"({INPUTS}, {FIELDS}) -> ({outputs})"
    )
    def forward_op(
        triangles: Tensor, colors: Tensor | None, background: Tensor, *rest: Any
    ) -> tuple[Tensor, ...]:
        return forward(triangles, colors, background, options(*rest[3:]), texture_of(rest[:3]))

    @forward_op.register_fake
    def _(
        triangles: Tensor, colors: Tensor | None, background: Tensor, *rest: Any
    ) -> tuple[Tensor, ...]:
        return fake(triangles, colors, background, shape_options(*rest[3:]), texture_of(rest[:3]))

    @torch.library.custom_op(
        f"softras_edu::{name}_backward",
        mutates_args=(),
        schema=f"(Tensor d_image, bool texels_wanted, {INPUTS}, {saved}, {FIELDS})"
        " -> (Tensor, Tensor, Tensor, Tensor, Tensor)",
    )
    def backward_op(
        d_image: Tensor,
        texels_wanted: bool,
        triangles: Tensor,
        colors: Tensor | None,
        _background: Tensor,
        *rest: Any,
    ) -> tuple[Tensor, ...]:
        kept, o = rest[3 : 3 + count], options(*rest[3 + count :])
        texture = texture_of(rest[:3])
        grads = backward(d_image, triangles, colors, kept, o, texture, texels_wanted)
        # an operator cannot return None
        return tuple(d_image.new_empty(0) if grad is None else grad for grad in grads)

    @backward_op.register_fake
    def _(
        d_image: Tensor,
        texels_wanted: bool,
        triangles: Tensor,
        colors: Tensor | None,
        background: Tensor,
        uv: Tensor | None,
        texels: Tensor | None,
        *_rest: Any,
    ) -> tuple[Tensor, ...]:
        inputs = triangles, colors, background, uv, texels if texels_wanted else None
        return tuple(d_image.new_empty(0 if x is None else x.shape) for x in inputs)

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        *tensors, numbers = inputs[:7]
        ctx.choices = inputs[7:]
        ctx.save_for_backward(*tensors, *output, numbers)

    def derivative(ctx: Any, d_image: Tensor, *_unused: Any) -> tuple[Any, ...]:
        wanted = ctx.needs_input_grad[:5]
        found = backward_op(d_image, wanted[4], *ctx.saved_tensors, *ctx.choices)
        grads = [grad if want else None for grad, want in zip(found, wanted, strict=True)]
        return *grads, *[None] * (2 + len(ctx.choices))

    forward_op.register_autograd(derivative, setup_context=setup_context)

    def rung(
        triangles: Tensor,
        colors: Tensor | None,
        background: Tensor,
        o: Options,
        texture: FlatTexture | None = None,
    ) -> Tensor:
        inputs = triangles, colors, background, *(texture or (None, None, None))
        return cast("Tensor", forward_op(*inputs, *fields(o))[0])

    return rung


# ---------------------------------------------------------------- rung 4


def _numba_forward(
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor,
    o: Options,
    texture: FlatTexture | None,
) -> tuple[Tensor, ...]:
    if texture is not None:
        check_finite_texture(texture)
    numba_cpu.compile_for(triangles.dtype)
    return numba_cpu.forward(triangles, colors, background, o, texture)


def _numba_backward(
    d_image: Tensor,
    triangles: Tensor,
    colors: Tensor | None,
    saved: tuple[Tensor, ...],
    o: Options,
    texture: FlatTexture | None,
    texels_wanted: bool,
) -> tuple[Tensor | None, ...]:
    wanted = (True, True, True, True, texels_wanted)
    grads = numba_cpu.backward(d_image, triangles, colors, saved[1:], wanted, o, texture=texture)
    return *grads, *[None] * (5 - len(grads))


def _numba_fake(
    triangles: Tensor,
    _colors: Tensor | None,
    background: Tensor,
    o: Options,
    _texture: FlatTexture | None,
) -> tuple[Tensor, ...]:
    images, faces = triangles.shape[:2]
    channels = background.shape[-1]
    pixels = numba_cpu.places(images, o)
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
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor,
    o: Options,
    texture: FlatTexture | None,
) -> tuple[Tensor, ...]:
    triton_gpu.check_can_run(triangles, colors, o)
    if texture is not None:
        check_finite_texture(texture)
    triangles, colors, texture = _in_order(triangles, colors, texture)
    boxes, count, facts = triton_gpu.launch_setup(triangles, colors, background, o)
    ends, length = triton_gpu.wait_for_length(count, triangles, colors, background)
    tiles = triton_gpu.launch_fill(boxes, count, ends, length, o)
    image, kept = triton_gpu.launch_forward(triangles, facts, colors, background, tiles, o, texture)
    return image, facts, boxes, kept


def _triton_backward(
    d_image: Tensor,
    triangles: Tensor,
    colors: Tensor | None,
    saved: tuple[Tensor, ...],
    o: Options,
    texture: FlatTexture | None,
    texels_wanted: bool,
) -> tuple[Tensor | None, ...]:
    image, facts, boxes, kept = saved
    triangles, colors, texture = _in_order(triangles, colors, texture)
    drawn = triangles, facts, colors, boxes, image, d_image.contiguous(), kept, o
    d_triangles, d_colors, *d_texture = triton_gpu.launch_backward(*drawn, texture, texels_wanted)
    d_background = (
        d_image.new_empty(*d_image.shape[:-1], 0)
        if colors is None
        else triton_gpu.background_gradient(d_image, kept, o)
    )
    return d_triangles, d_colors, d_background, *(d_texture or (None, None))


def _in_order(
    triangles: Tensor, colors: Tensor | None, texture: FlatTexture | None
) -> tuple[Tensor, Tensor | None, FlatTexture | None]:
    """The same, each number beside the next one, as kernels read them."""
    return (
        triangles.contiguous(),
        None if colors is None else colors.contiguous(),
        None if texture is None else FlatTexture(*(x.contiguous() for x in texture)),
    )


def _triton_fake(
    triangles: Tensor,
    colors: Tensor | None,
    _background: Tensor,
    o: Options,
    _texture: FlatTexture | None,
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
