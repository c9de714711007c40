"""The check of the capstone of notebook 05: a soft rasterizer put together by the reader."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..rasterizers import rasterize
from . import report
from .exercise import Answer, Mistake, YourTurn

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
        Mistake: which part differs, and by how much; or the line that stopped.
        YourTurn: for a stub.
    """
    generator = torch.Generator().manual_seed(5)
    triangles = torch.rand(6, 3, 3, generator=generator, dtype=torch.float64) * 2 - 1
    triangles[..., 2] += 3
    colors = torch.rand(6, 3, 3, generator=generator, dtype=torch.float64)
    mixture = torch.randn(SIZE, SIZE, 4, generator=generator, dtype=torch.float64)
    worst = 0.0
    for sigma, gamma in DIALS:
        mine, right = triangles.clone().requires_grad_(), triangles.clone().requires_grad_()
        place = f"capstone, sigma {sigma:g}, gamma {gamma:g}"
        got = _image(yours, (mine, colors, SIZE, sigma, gamma), place)
        wanted = rasterize(right, colors, size=SIZE, sigma=sigma, gamma=gamma, near=NEAR, far=FAR)
        if got.shape != wanted.shape:
            shapes = f"got shape {tuple(got.shape)}, wanted {tuple(wanted.shape)}"
            raise Mistake(f"{place}: {shapes}")
        for part, channels in PARTS.items():
            off = (got[..., channels] - wanted[..., channels]).abs().max().item()
            if not off < 1e-9:
                raise Mistake(f"{place}: the {part} differs from the library's by up to {off:.1e}.")
            worst = max(worst, off)
        if not got.requires_grad:
            raise Mistake(
                f"{place}: the picture is right, and its gradient is lost: nothing leads back to "
                "the triangles. Look for .detach(), torch.no_grad(), .item(), torch.tensor(...)."
            )
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


def _image(yours: Answer, arguments: tuple[Any, ...], place: str) -> Tensor:
    """What `yours` draws; an error in it becomes a `Mistake` that names the line."""
    try:
        got = yours(*arguments)
    except Exception as error:
        if isinstance(error, NotImplementedError) and "not implemented for" not in str(error):
            raise YourTurn(str(error)) from None
        parts = [f"{place}: {report.stopped(error, yours)}", report.explanation(error)]
        raise Mistake("\n".join(filter(None, parts))) from None
    if not isinstance(got, Tensor):
        returned = "None: is `return` missing?" if got is None else type(got).__name__
        raise Mistake(f"{place}: your function returned {returned}, wanted a tensor (H, W, 4)")
    return got
