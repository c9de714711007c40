"""Count what the triton backend asks of the GPU in one call: kernels started, and times that the
host waits for the device.

    python benchmarks/count_launches.py            prints both lists for RGB and for silhouettes

Works without a GPU: then Triton's interpreter runs the kernels, and the list is the same. How it
counts: softras_edu/bench/gpu/launches.py.
"""

from __future__ import annotations

from typing import Any

import torch

if not torch.cuda.is_available():
    from softras_edu.rasterizers.triton_gpu import use_interpreter

    use_interpreter()

from softras_edu import rasterize
from softras_edu.bench.gpu.launches import Ledger


def count(colored: bool = True, **options: Any) -> tuple[Ledger, Ledger]:
    """Ledgers of one forward and one backward pass over three triangles; gradients are asked for
    triangles and colours."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator().manual_seed(0)
    triangles = (
        (torch.rand(1, 3, 3, 3, generator=generator) + torch.tensor([-0.5, -0.5, 2.0]))
        .to(device)
        .requires_grad_()
    )
    colors = (
        torch.rand(1, 3, 3, 3, generator=generator).to(device).requires_grad_() if colored else None
    )
    with Ledger() as forward:
        image = rasterize(triangles, colors, size=8, backend="triton", **options)
    gradient = torch.rand(image.shape, generator=generator).to(image)
    with Ledger() as backward:
        torch.autograd.grad(image, [x for x in (triangles, colors) if x is not None], gradient)
    return forward, backward


def main() -> None:
    for colored in (True, False):
        for direction, ledger in zip(("forward", "backward"), count(colored), strict=True):
            print(
                f"{'RGB' if colored else 'silhouette'} {direction}: "
                f"{len(ledger.launches)} launches ({', '.join(ledger.launches)}), "
                f"waits for the device {len(ledger.reads)} times "
                f"({', '.join(ledger.reads) or 'never'})"
            )


if __name__ == "__main__":
    main()
