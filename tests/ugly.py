"""Scenes of every ugly kind, at random with fixed seeds, and the comparison of a rung with `broadcast` in float64.

The image jumps where a pair is left out (D = dist_eps, z at near or far), and its slope jumps on the medial axis of a triangle (two edges
equally far) and where a weight is clipped. There one ulp decides, and nothing can be compared. Scenes are random with fixed seeds, so
no pixel comes within 1e-9 of a jump but where a test puts it there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from softras_edu.rasterizers.broadcast import rasterize_broadcast
from softras_edu.rasterizers.options import Options


def options(size: tuple[int, int], **changes: object) -> Options:
    defaults = {
        "sigma": 0.02,
        "gamma": 0.02,
        "eps": 1e-3,
        "near": 1.0,
        "far": 100.0,
        "dist_eps": 0.0,
        "distance": "euclidean",
    }
    return Options(height=size[0], width=size[1], **{**defaults, **changes})


def backdrop(triangles: Tensor, channels: int, o: Options) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(
        len(triangles), o.height, o.width, channels, generator=generator, dtype=torch.float64
    ).to(triangles.dtype)


def image_and_gradients(
    draw, triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> list[Tensor]:
    """The image, and the gradients of triangles, colours and background for one random cotangent."""
    inputs = [x.detach().requires_grad_() for x in (triangles, colors, background) if x is not None]
    image = draw(inputs[0], None if colors is None else inputs[1], inputs[-1], o)
    cotangent = torch.randn(
        image.shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64
    ).to(image.dtype)
    if not image.requires_grad:
        return [image, *(torch.zeros_like(x) for x in inputs)]
    grads = torch.autograd.grad(image, inputs, cotangent, allow_unused=True)
    return [
        image.detach(),
        *(torch.zeros_like(x) if g is None else g for x, g in zip(inputs, grads, strict=True)),
    ]


def check(
    rung,
    triangles: Tensor,
    colors: Tensor | None,
    o: Options,
    tolerance: float = 1e-10,
    background: Tensor | None = None,
) -> list[Tensor]:
    """The rung agrees with broadcast in float64, to `tolerance` of the largest number of each tensor (of 1, if that is more)."""
    background = (
        backdrop(triangles, 0 if colors is None else colors.shape[-1], o)
        if background is None
        else background
    )
    result = image_and_gradients(rung, triangles, colors, background, o)
    reference = image_and_gradients(
        rasterize_broadcast,
        *(None if x is None else x.double() for x in (triangles, colors, background)),
        o,
    )
    names = (
        ("image", "triangles", "background")
        if colors is None
        else ("image", "triangles", "colors", "background")
    )
    for name, got, wanted in zip(names, result, reference, strict=True):
        assert got.shape == wanted.shape, name
        assert got.dtype == triangles.dtype, name
        assert got.isfinite().all(), name
        scale = max(1.0, wanted.abs().max().item()) if wanted.numel() else 1.0
        torch.testing.assert_close(
            got.double(),
            wanted,
            rtol=0,
            atol=tolerance * scale,
            msg=lambda text, name=name: f"{name}: {text}",
        )
    return result


# ---------------------------------------------------------------- random scenes of every kind


def soup(generator: torch.Generator, faces: int) -> Tensor:
    """Random triangles in front of the eye, partly off the screen: (F, 3, 3)."""
    corners = torch.rand(faces, 3, 3, generator=generator, dtype=torch.float64)
    return corners * torch.tensor([2.8, 2.8, 4.0]) + torch.tensor([-1.4, -1.4, 2.0])


def fan(generator: torch.Generator, faces: int) -> Tensor:
    """Triangles around one corner, each sharing an edge with the next."""
    rim = soup(generator, faces + 1)[:, 0]
    center = soup(generator, 1)[0, 0]
    return torch.stack([center.expand(faces, 3), rim[:-1], rim[1:]], dim=1)


def crossing_near(generator: torch.Generator, faces: int) -> Tensor:
    triangles = soup(generator, faces)
    triangles[:, 0, 2] = 0.1
    return triangles


def crossing_far(generator: torch.Generator, faces: int) -> Tensor:
    triangles = soup(generator, faces)
    triangles[:, 1, 2] = 400.0
    return triangles


def off_screen(generator: torch.Generator, faces: int) -> Tensor:
    return soup(generator, faces) + torch.tensor([3.0, -2.0, 0.0], dtype=torch.float64)


def tiny(generator: torch.Generator, faces: int) -> Tensor:
    triangles = soup(generator, faces)
    return triangles[:, :1] + (triangles - triangles[:, :1]) * torch.tensor([1e-3, 1e-3, 1.0])


def huge(generator: torch.Generator, faces: int) -> Tensor:
    return soup(generator, faces) * torch.tensor([1e3, 1e3, 1.0])


def undrawable(generator: torch.Generator, faces: int) -> Tensor:
    """Coincident corners, no area, a corner on the eye's plane or behind it, among sound triangles."""
    triangles = soup(generator, faces)
    triangles[0:1, 2] = triangles[0:1, 0]
    triangles[1:2, 2, :2] = triangles[1:2, :2, :2].mean(1)
    triangles[2:3, 1, 2] = 0.0
    triangles[3:4, :, 2] *= -1
    return triangles


KINDS = (soup, fan, crossing_near, crossing_far, off_screen, tiny, huge, undrawable)
SIZES = ((7, 13), (13, 7), (1, 1), (1, 9), (9, 1), (8, 8))


def random_case(kind, seed: int) -> tuple[Tensor, Tensor | None, Options]:
    generator = torch.Generator().manual_seed(seed)

    def pick(*choices: object) -> object:
        return choices[int(torch.randint(len(choices), (), generator=generator))]

    def power(low: float, high: float) -> float:
        return 10 ** (low + (high - low) * torch.rand((), generator=generator).item())

    faces, images, channels = pick(0, 1, 2, 5, 9), pick(1, 1, 2), pick(None, 1, 3, 4)
    triangles = torch.stack([kind(generator, faces) for _ in range(images)])
    colors = (
        None
        if channels is None
        else torch.rand(images, faces, 3, channels, generator=generator, dtype=torch.float64)
    )
    o = options(
        pick(*SIZES),
        sigma=power(-7, 0),
        gamma=power(-7, 0),
        eps=pick(0.0, 1e-3, 0.6, 0.97),
        dist_eps=pick(0.0, 0.0, 1e-4, 0.1),
        distance=pick("euclidean", "barycentric"),
        perspective_correct=pick(False, True),
        cull_backfaces=pick(False, False, True),
    )
    return triangles, colors, o


def rounding(triangles: Tensor, gamma: float, ulp: float = 2**-52) -> float:
    """What a depth's last bit does to the logarithm of a weight, (near - z) / (far - near) / gamma: no formula can beat that."""
    return (
        100 * triangles[..., 2].abs().amax().item() * ulp / (99 * gamma)
        if triangles.numel()
        else 0.0
    )
