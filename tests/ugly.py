"""Random scenes of every ugly kind, with fixed seeds. `compare.py` compares a rung on them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from compare import backdrop, check, options, rounding  # noqa: F401 for tests not switched yet
from compare import values_and_gradients as image_and_gradients  # noqa: F401
from torch import Tensor

from softras_edu.rasterizers.options import Options

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
    """Among sound ones: coincident corners, no area, a corner on the eye's plane or behind it."""
    triangles = soup(generator, faces)
    triangles[0:1, 2] = triangles[0:1, 0]
    triangles[1:2, 2, :2] = triangles[1:2, :2, :2].mean(1)
    triangles[2:3, 1, 2] = 0.0
    triangles[3:4, :, 2] *= -1
    return triangles


KINDS = (soup, fan, crossing_near, crossing_far, off_screen, tiny, huge, undrawable)
SIZES = ((7, 13), (13, 7), (1, 1), (1, 9), (9, 1), (8, 8))


def random_case(
    kind: Callable[[torch.Generator, int], Tensor], seed: int
) -> tuple[Tensor, Tensor | None, Options]:
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
