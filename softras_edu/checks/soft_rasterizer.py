"""The check of the capstone of notebook 05: a soft rasterizer put together by the reader."""

from __future__ import annotations

import torch

from ..rasterizers import rasterize
from .exercise import Answer, Mistake

SIZE, NEAR, FAR = 16, 1.0, 10.0
PARTS = {"colour": slice(0, 3), "alpha": slice(3, 4)}
DIALS = ((1e-3, 1e-2), (2e-2, 1e-1))  # sigma, gamma


def capstone(yours: Answer) -> None:
    """Compare image and gradient of `yours` with `rasterize` on six triangles, at two settings.

    `yours(triangles, colors, size, sigma, gamma)` takes (F, 3, 3) corners, x and y in NDC and
    depth, and (F, 3, 3) colours of the corners, and returns (size, size, 4): colour before a black
    background, and alpha. Pairs with D below 0.0001 are left out; near is 1, far is 10, epsilon
    0.001.

    Raises:
        Mistake: which part differs, and by how much.
    """
    generator = torch.Generator().manual_seed(5)
    triangles = torch.rand(6, 3, 3, generator=generator, dtype=torch.float64) * 2 - 1
    triangles[..., 2] += 3
    colors = torch.rand(6, 3, 3, generator=generator, dtype=torch.float64)
    mixture = torch.randn(SIZE, SIZE, 4, generator=generator, dtype=torch.float64)
    worst = 0.0
    for sigma, gamma in DIALS:
        mine, right = triangles.clone().requires_grad_(), triangles.clone().requires_grad_()
        got = yours(mine, colors, SIZE, sigma, gamma)
        wanted = rasterize(right, colors, size=SIZE, sigma=sigma, gamma=gamma, near=NEAR, far=FAR)
        place = f"capstone, sigma {sigma:g}, gamma {gamma:g}"
        if got.shape != wanted.shape:
            shapes = f"got shape {tuple(got.shape)}, wanted {tuple(wanted.shape)}"
            raise Mistake(f"{place}: {shapes}")
        for part, channels in PARTS.items():
            off = (got[..., channels] - wanted[..., channels]).abs().max().item()
            if not off < 1e-9:
                raise Mistake(f"{place}: the {part} differs from the library's by up to {off:.1e}.")
            worst = max(worst, off)
        slopes = [
            torch.autograd.grad((image * mixture).sum(), corners)[0]
            for image, corners in ((got, mine), (wanted, right))
        ]
        off = (slopes[0] - slopes[1]).abs().max().item()
        if not off < 1e-7 * slopes[1].abs().max().item():
            raise Mistake(
                f"{place}: the picture is right, and its gradient differs by up to {off:.1e}."
            )
    print(f"capstone: your image is the library's to {worst:.0e}, and so is its gradient.")
