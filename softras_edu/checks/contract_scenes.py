"""The last check of notebooks 06 to 09.

Is a rasterizer that the reader has put together a rung of the ladder?
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..rasterizers.broadcast import rasterize_broadcast
from ..rasterizers.options import Options
from . import report
from .exercise import Mistake, YourTurn

Rasterizer = Callable[[Tensor, "Tensor | None", Tensor, Options], Tensor]

# What a rasterizer must get right, one step after the other: name -> changes to the first scene.
SCENES: dict[str, dict[str, object]] = {
    "one triangle, silhouette only": {"faces": 1, "channels": 0},
    "one triangle in colour": {"faces": 1},
    "three triangles": {},
    "pairs left out below dist_eps": {"dist_eps": 1e-4},
    "near and far": {"near": 3.0, "far": 5.0},
    "a small sigma and gamma": {"sigma": 1e-4, "gamma": 1e-4},
    'distance="barycentric"': {"distance": "barycentric"},
    "perspective-correct colours": {"perspective_correct": True},
    "back faces culled": {"cull_backfaces": True},
    "a triangle behind the eye": {"behind": True},
    "no triangle at all": {"faces": 0},
    "two images of seven channels": {"batch": 2, "channels": 7},
    "many tiles": {"height": 13, "width": 21, "dist_eps": 1e-4},
    "more tiles than a tile is wide": {"height": 25, "width": 19, "dist_eps": 1e-4},
}


# The largest difference that still counts as equal, beside the largest number of a part. A right
# kernel in float32 comes within 4e-6 in every scene.
TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4}


def contract(
    rasterize_mine: Rasterizer,
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
) -> None:
    """Compare `rasterize_mine(triangles, colors, background, o)` with the float64 reference.

    Both the image and all gradients are compared. Yours gets its inputs in `dtype` on `device`, the
    reference the same numbers in float64 on the CPU.

    Raises:
        Mistake: in the first scene where they differ; the message says which, and where.
        YourTurn: a function that it needs is still a stub.
    """
    for name, changes in SCENES.items():
        scene, o = _scene(**changes)  # type: ignore[arg-type]
        inputs = [None if x is None else x.to(device, dtype) for x in scene]
        same = [None if x is None else x.double().cpu() for x in inputs]
        wanted, got = _run(rasterize_broadcast, same, o), _run(rasterize_mine, inputs, o)
        for part in wanted:
            yours, expected = got[part], wanted[part]
            if yours.shape != expected.shape:
                raise Mistake(
                    f"contract, {name}: the shape of the {part} is {tuple(yours.shape)}, "
                    f"expected {tuple(expected.shape)}"
                )
            off = (yours - expected).abs().nan_to_num(torch.inf)
            most = TOLERANCE[dtype] * max(1.0, float(expected.abs().max())) if off.numel() else 0.0
            if off.numel() and off.max() > most:
                where = tuple(int(i) for i in torch.unravel_index(off.argmax(), off.shape))
                raise Mistake(
                    f"contract, {name}: the {part} differs, most at index {where}:\n"
                    f"    yours      {yours[where]:.6g}\n    expected   {expected[where]:.6g}\n  "
                    f"  difference {yours[where] - expected[where]:.6g}"
                )
    print(f"contract: passed, {len(SCENES)} scenes, images and gradients.")


def _scene(
    *, faces: int = 3, channels: int = 3, batch: int = 1, behind: bool = False, **changes: object
) -> tuple[list[Tensor | None], Options]:
    """Triangles, colours, background and options, all float64.

    (B, F, 3, 3), (B, F, 3, C) or None, and (B, H, W, C).
    """
    generator = torch.Generator().manual_seed(6)

    def random(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    triangles = torch.cat(
        [2.4 * random(batch, faces, 3, 2) - 1.2, 2 + 4 * random(batch, faces, 3, 1)], dim=-1
    )
    if behind:
        triangles[:, 1, 2, 2] = -1.0
    fields: dict[str, object] = {
        "height": 5,
        "width": 6,
        "sigma": 0.02,
        "gamma": 0.03,
        "eps": 1e-3,
        "near": 1.0,
        "far": 100.0,
        "dist_eps": 0.0,
    }
    fields |= {
        "distance": "euclidean",
        "perspective_correct": False,
        "cull_backfaces": False,
        **changes,
    }
    colors = random(batch, faces, 3, channels) if channels else None
    options = Options(**fields)  # type: ignore[arg-type]
    return [triangles, colors, random(batch, options.height, options.width, channels)], options


def _run(rasterizer: Rasterizer, inputs: list[Tensor | None], o: Options) -> dict[str, Tensor]:
    """The image, and the gradients of what went in, for one random direction: in float64 on the
    CPU, whatever they were computed in."""
    triangles, colors, background = (
        None if x is None else x.clone().requires_grad_() for x in inputs
    )
    assert triangles is not None
    assert background is not None
    try:
        image = rasterizer(triangles, colors, background, o)
    except Exception as error:
        if not isinstance(report.root(error), NotImplementedError):
            raise
        raise YourTurn(str(report.root(error))) from None
    if not isinstance(image, Tensor):
        raise Mistake(
            f"contract: rasterize_mine returned {type(image).__name__}, wanted a tensor (B, H, "
            "W, C + 1)"
        )
    parts = {"image": image.detach().double().cpu()}
    named = {
        "gradient of the triangles": triangles,
        "gradient of the colours": colors,
        "gradient of the background": background,
    }
    leaves = {name: x for name, x in named.items() if x is not None and x.numel()}
    if not image.requires_grad:
        return parts | {name: _zeros(x) for name, x in leaves.items()}
    generator = torch.Generator().manual_seed(7)
    direction = torch.randn(image.shape, generator=generator, dtype=torch.float64).to(image)
    grads = torch.autograd.grad(image, list(leaves.values()), direction, allow_unused=True)
    return parts | {
        name: _zeros(x) if g is None else g.double().cpu()
        for (name, x), g in zip(leaves.items(), grads, strict=True)
    }


def _zeros(x: Tensor) -> Tensor:
    return torch.zeros(x.shape, dtype=torch.float64)
