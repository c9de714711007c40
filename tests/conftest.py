"""Scenes that several test files need, and Triton's interpreter.

The interpreter must be chosen before anything imports triton.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import quick_interpreter
import torch
from chromium import browser  # noqa: F401  a fixture
from egg import cameras, images  # noqa: F401  fixtures
from torch import Tensor

if not torch.cuda.is_available():
    quick_interpreter.install()

# What takes longest, of tests and notebooks. A worker takes a whole file at a time, and one that
# comes to such a file last would be alone with it at the end.
LONG = (
    "15_shape_from_one_image.ipynb",
    "test_triton_compile.py",
    "test_gpu_command.py",
    "test_browser.py",
    "17_shading_carves_hollows.ipynb",
    "test_build_kernel.py",
    "test_gendr.py",
    "12_fit_a_shape_to_silhouettes.ipynb",
    "test_fuzz.py",
    "test_triton.py",
    "test_triton_gradients.py",
    "test_packaging.py",
    "test_on_gpu.py",
    "test_triton_dry_launch.py",
    "test_explore.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, then the other notebooks, then the other tests."""

    def place(item: pytest.Item) -> int:
        name = item.path.name
        return LONG.index(name) if name in LONG else len(LONG) + (item.path.suffix == ".py")

    items.sort(key=place)


def _random_scene(
    seed: int,
    faces: int,
    channels: int = 3,
    batch: int | None = None,
    dtype: torch.dtype = torch.float64,
) -> tuple[Tensor, Tensor]:
    """Random triangles (B, F, 3, 3) and corner colours (B, F, 3, C), or without B.

    x and y are in [-1.2, 1.2], z in [2, 6], colours in [0, 1].
    """
    generator = torch.Generator().manual_seed(seed)
    lead = (faces,) if batch is None else (batch, faces)
    xy = 2.4 * torch.rand(*lead, 3, 2, generator=generator, dtype=torch.float64) - 1.2
    z = 2 + 4 * torch.rand(*lead, 3, 1, generator=generator, dtype=torch.float64)
    colors = torch.rand(*lead, 3, channels, generator=generator, dtype=torch.float64)
    return torch.cat([xy, z], dim=-1).to(dtype), colors.to(dtype)


@pytest.fixture(scope="session")  # only hands out a pure function, so hypothesis may use it too
def scene() -> Callable[..., tuple[Tensor, Tensor]]:
    return _random_scene


def _boundary_distances(triangles: Tensor, height: int, width: int) -> Tensor:
    """Distance from every pixel centre to the boundary of every triangle, (F, H, W).

    In plain Python, from school geometry.
    """

    def to_segment(px: float, py: float, ax: float, ay: float, bx: float, by: float) -> float:
        ex, ey = bx - ax, by - ay
        t = max(0.0, min(1.0, ((px - ax) * ex + (py - ay) * ey) / (ex * ex + ey * ey)))
        return ((px - ax - t * ex) ** 2 + (py - ay - t * ey) ** 2) ** 0.5

    out = torch.empty(len(triangles), height, width, dtype=torch.float64)
    for f, ((ax, ay, _), (bx, by, _), (cx, cy, _)) in enumerate(triangles.tolist()):
        for i in range(height):
            for j in range(width):
                x, y = (2 * j + 1 - width) / height, 1 - (2 * i + 1) / height
                out[f, i, j] = min(
                    to_segment(x, y, ax, ay, bx, by),
                    to_segment(x, y, bx, by, cx, cy),
                    to_segment(x, y, cx, cy, ax, ay),
                )
    return out


@pytest.fixture(scope="session")  # only hands out a pure function, so hypothesis may use it too
def boundary_distances() -> Callable[[Tensor, int, int], Tensor]:
    return _boundary_distances
