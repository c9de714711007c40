"""A rung as an operator that PyTorch knows by name, so that `torch.compile` can trace through a call of it instead of stopping there.

PyTorch must be told what comes out (the fake) and which operator is whose derivative; the work itself stands in the rung's own file. Plain calls
do not pass here: an operator of this kind costs some tens of microseconds more a call than a `torch.autograd.Function`. Rungs 1 to 3 are
plain PyTorch, which `torch.compile` reads by itself; it leaves its graph where `pairs` counts its pairs, for their number depends on the data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor

from .options import Options

# An operator takes tensors and numbers, not an Options: so these are its fields, one by one.
FIELDS = (
    "int height, int width, float sigma, float gamma, float eps, float near, float far, float dist_eps, "
    "str distance, bool perspective_correct, bool cull_backfaces, "
    "str distribution, bool squared, float shape, float shift, str conorm, float p"
)

Rung = Callable[[Tensor, "Tensor | None", Tensor, Options], Tensor]
Forward = Callable[[Tensor, "Tensor | None", Tensor, Options], tuple[Tensor, ...]]
Backward = Callable[[Tensor, Tensor, "Tensor | None", tuple[Tensor, ...], Options], tuple[Tensor, "Tensor | None", Tensor]]


def fields(o: Options) -> tuple[Any, ...]:
    """What stands for `o` in a call of an operator, in the order of FIELDS."""
    numbers = tuple(float(x) for x in (o.sigma, o.gamma, o.eps, o.near, o.far, o.dist_eps))
    softness = (o.distribution, o.squared, float(o.shape), float(o.shift), o.conorm, float(o.p))
    return (o.height, o.width, *numbers, o.distance, o.perspective_correct, o.cull_backfaces, *softness)


def register(name: str, count: int, forward: Forward, backward: Backward, fake: Forward) -> Rung:
    """Make torch.ops.softras_edu.<name> and its derivative <name>_backward, and return a rung that calls them.

    Args:
        count: of the tensors that `forward` returns, all of them new: the image first, and behind it what `backward` needs.
        forward: (triangles, colors, background, o) -> those tensors.
        backward: (gradient of the image, triangles, colors, those tensors, o) -> gradients of triangles, colours (None if there are none), background.
        fake: like `forward`, but only shapes and dtypes count.
    """
    outputs = ", ".join(["Tensor"] * count)
    saved = ", ".join(f"Tensor saved{k}" for k in range(count))

    @torch.library.custom_op(f"softras_edu::{name}", mutates_args=(), schema=f"(Tensor triangles, Tensor? colors, Tensor background, {FIELDS}) -> ({outputs})")
    def forward_op(triangles: Tensor, colors: Tensor | None, background: Tensor, *numbers: Any) -> tuple[Tensor, ...]:
        return forward(triangles, colors, background, Options(*numbers))

    @forward_op.register_fake
    def _(triangles: Tensor, colors: Tensor | None, background: Tensor, *numbers: Any) -> tuple[Tensor, ...]:
        return fake(triangles, colors, background, Options(*numbers))

    @torch.library.custom_op(
        f"softras_edu::{name}_backward",
        mutates_args=(),
        schema=f"(Tensor grad, Tensor triangles, Tensor? colors, {saved}, {FIELDS}) -> (Tensor, Tensor, Tensor)",
    )
    def backward_op(grad: Tensor, triangles: Tensor, colors: Tensor | None, *rest: Any) -> tuple[Tensor, Tensor, Tensor]:
        grads = backward(grad, triangles, colors, rest[:count], Options(*rest[count:]))
        return grads[0], grad.new_empty(0) if grads[1] is None else grads[1], grads[2]

    @backward_op.register_fake
    def _(grad: Tensor, triangles: Tensor, colors: Tensor | None, *_rest: Any) -> tuple[Tensor, Tensor, Tensor]:
        grad_colors = grad.new_empty(0) if colors is None else grad.new_empty(colors.shape)
        return grad.new_empty(triangles.shape), grad_colors, grad.new_empty(*grad.shape[:-1], grad.shape[-1] - 1)

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        triangles, colors, _background, *ctx.numbers = inputs
        ctx.save_for_backward(triangles, colors, *output)

    def derivative(ctx: Any, grad: Tensor, *_unused: Any) -> tuple[Any, ...]:
        triangles, colors, *tensors = ctx.saved_tensors
        grads = backward_op(grad, triangles, colors, *tensors, *ctx.numbers)
        return grads[0], None if colors is None else grads[1], grads[2], *[None] * len(ctx.numbers)

    forward_op.register_autograd(derivative, setup_context=setup_context)

    def rung(triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options) -> Tensor:
        return cast("Tensor", forward_op(triangles, colors, background, *fields(o))[0])

    return rung
