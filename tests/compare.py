"""A rung against `broadcast` in float64: the image, and the gradients for one random cotangent.

How near is near enough. Both add the same numbers in another order, so differences grow with the
largest number of a tensor, and the tolerance is a fraction of that (of 1, if that is more):

- `FLOAT64`, 1e-10. A sum of a few dozen terms loses some 1e-15 of the largest; slopes divide by
  sigma and gamma, down to 1e-3 of the term, and cancel once. What is left is a thousand times more.
- `FLOAT32`, 1e-4: the same with 1e-7 in place of 1e-16, and the promise of `rasterize`.
- `rounding`: for a gamma far below 1e-3, what the last bit of a depth does to a weight.

The image jumps where a pair is left out (D = dist_eps, z at near or far), and its slope jumps on
the medial axis of a triangle (two edges equally far) and where a weight is clipped. There one ulp
decides, and nothing can be compared. Scenes are random with fixed seeds, so no pixel comes within
1e-9 of a jump but where a test puts it there.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from softras_edu import rasterize
from softras_edu.rasterizers.broadcast import rasterize_broadcast
from softras_edu.rasterizers.options import Options

FLOAT64, FLOAT32 = 1e-10, 1e-4

# From triangles, colours and background to an image.
Draw = Callable[[Tensor, "Tensor | None", "Tensor | None"], Tensor]


def rounding(triangles: Tensor, gamma: float, ulp: float = 2**-52) -> float:
    """What the last bit of a depth does to a weight: no formula can be nearer than that.

    The logarithm of a weight is (near - z) / (far - near) / gamma, with far - near = 99.
    """
    if not triangles.numel():
        return 0.0
    return 100 * triangles[..., 2].abs().amax().item() * ulp / (99 * gamma)


def options(size: tuple[int, int], **changes: object) -> Options:
    """The options of a rung: every pair kept, a blur that more than one pixel sees."""
    plain = {"sigma": 0.02, "gamma": 0.02, "eps": 1e-3, "near": 1.0, "far": 100.0, "dist_eps": 0.0}
    plain |= {"distance": "euclidean", "perspective_correct": False, "cull_backfaces": False}
    return Options(height=size[0], width=size[1], **(plain | changes))  # type: ignore[arg-type]


def backdrop(triangles: Tensor, channels: int, o: Options) -> Tensor:
    """A random background picture (B, H, W, C) for triangles (B, F, 3, 3), of their dtype."""
    generator = torch.Generator().manual_seed(1)
    size = (len(triangles), o.height, o.width, channels)
    return torch.rand(size, generator=generator, dtype=torch.float64).to(triangles.dtype)


def cotangent(image: Tensor) -> Tensor:
    """The same random derivative of a loss with respect to an image of this shape, each time."""
    generator = torch.Generator().manual_seed(7)
    return torch.randn(image.shape, generator=generator, dtype=torch.float64).to(image)


def values_and_gradients(
    draw: Callable[..., Tensor],
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor | None,
    *more: object,
) -> list[Tensor]:
    """The image, and the gradients of those of triangles, colours and background that are there.

    An input on which the image does not depend (with no face at all, say) has gradient 0. `more`
    is what `draw` takes beside the three: the `Options` of a rung. Results are on the CPU.
    """
    leaves = [
        None if x is None else x.detach().requires_grad_()  # strides as they are
        for x in (triangles, colors, background)
    ]
    image = draw(*leaves, *more)
    inputs = [x for x in leaves if x is not None]
    grads: list[Tensor | None] = [None] * len(inputs)
    if image.requires_grad:
        grads = list(torch.autograd.grad(image, inputs, cotangent(image), allow_unused=True))
    zeros = [torch.zeros_like(x) if g is None else g for x, g in zip(inputs, grads, strict=True)]
    return [x.detach().cpu() for x in (image, *zeros)]


def check_draw(
    draw: Draw,
    reference: Draw,
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor | None,
    tolerance: float = FLOAT64,
    device: str = "cpu",
) -> list[Tensor]:
    """`draw` on `device` agrees with `reference` in float64 on the CPU. What `draw` gave."""
    inputs = {"triangles": triangles, "colors": colors, "background": background}
    names = ("image", *(name for name, x in inputs.items() if x is not None))
    result = values_and_gradients(
        draw, *(None if x is None else x.to(device) for x in inputs.values())
    )
    wanted = values_and_gradients(
        reference, *(None if x is None else x.double() for x in inputs.values())
    )
    for name, got, expected in zip(names, result, wanted, strict=True):
        assert got.shape == expected.shape, name
        assert got.dtype == triangles.dtype, name
        assert got.isfinite().all(), name
        largest = expected.abs().max().item() if expected.numel() else 0.0
        torch.testing.assert_close(
            got.double(),
            expected,
            rtol=0,
            atol=tolerance * max(1.0, largest),
            msg=lambda text, name=name: f"{name}: {text}",
        )
    return result


def check(
    rung: Callable[..., Tensor],
    triangles: Tensor,
    colors: Tensor | None,
    o: Options,
    tolerance: float = FLOAT64,
    background: Tensor | None = None,
    device: str = "cpu",
) -> list[Tensor]:
    """A rung, as a function of batched tensors and `Options`. `background` None is `backdrop`."""
    if background is None:
        background = backdrop(triangles, 0 if colors is None else colors.shape[-1], o)
    return check_draw(
        lambda *inputs: rung(*inputs, o),
        lambda *inputs: rasterize_broadcast(*inputs, o),
        triangles,
        colors,
        background,
        tolerance,
        device,
    )


def named(backend: str, **options: object) -> Draw:
    """`rasterize` with these options, as a function of the three tensors."""

    def draw(triangles: Tensor, colors: Tensor | None, background: Tensor | None) -> Tensor:
        more = options if background is None else {**options, "background": background}
        return rasterize(triangles, colors, backend=backend, **more)  # type: ignore[arg-type]

    return draw


def check_backend(
    backend: str,
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor | None = None,
    tolerance: float = FLOAT64,
    device: str = "cpu",
    **options: object,
) -> list[Tensor]:
    """A backend by its name, with the options of `rasterize`."""
    draws = named(backend, **options), named("broadcast", **options)
    return check_draw(*draws, triangles, colors, background, tolerance, device)
