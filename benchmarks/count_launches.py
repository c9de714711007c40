"""Count what the triton backend asks of the GPU in one call: kernels started, and times that the host waits for the device.

    python benchmarks/count_launches.py            prints both lists for RGB and for silhouettes

Works without a GPU: then Triton's interpreter runs the kernels, and the list is the same. Each PyTorch operation counts as one, though inside
some are several kernels (sort: about eight; cumsum: two); views and fresh memory are free.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

if not torch.cuda.is_available():
    from softras_edu.rasterizers.triton_gpu import use_interpreter

    use_interpreter()

from softras_edu import rasterize
from softras_edu.rasterizers import triton_gpu

FREE = ("empty", "detach", "lift_fresh", "_local_scalar_dense")  # start no kernel
READS = (
    "_local_scalar_dense",
    "nonzero",
    "is_nonzero",
    "equal",
    "masked_select",
    "unique",
    "item",
    "bincount",
)  # make the host wait


class Ledger(TorchDispatchMode):
    """While it is entered: `launches`, names of kernels and operations in order; `reads`, operations that bring a number to the host."""

    def __init__(self) -> None:
        super().__init__()
        self.launches: list[str] = []
        self.reads: list[str] = []
        self._inside = False  # a Triton kernel: what its interpreter does is no business of ours

    def __torch_dispatch__(
        self, function: Any, types: Any, arguments: Any = (), keywords: Any = None
    ) -> Any:
        keywords = keywords or {}
        if not self._inside:
            name = function._schema.name.split("::")[1]
            copies_across = (
                name == "_to_copy"
                and not keywords.get("non_blocking")
                and keywords.get("device") not in (None, arguments[0].device)
            )
            if name in READS or copies_across:
                self.reads.append(name)
            is_view = (
                bool(function._schema.returns)
                and function._schema.returns[0].alias_info is not None
                and not name.endswith("_")
            )
            if not is_view and not name.startswith(("empty", "new_empty")) and name not in FREE:
                self.launches.append(name)
        return function(*arguments, **keywords)

    def __enter__(self) -> Ledger:
        self._kernels = triton_gpu._kernels
        triton_gpu._kernels = lambda module: _Watched(self, self._kernels(module))  # type: ignore[assignment]
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        triton_gpu._kernels = self._kernels
        super().__exit__(*error)


class _Watched:
    """A module of Triton kernels whose launches are written down."""

    def __init__(self, ledger: Ledger, module: Any) -> None:
        self.ledger, self.module = ledger, module

    def __getattr__(self, name: str) -> Any:
        kernel, ledger = getattr(self.module, name), self.ledger

        class Launcher:
            def __getitem__(self, grid: Any) -> Callable[..., None]:
                def launch(*arguments: Any, **keywords: Any) -> None:
                    ledger.launches.append(name)
                    ledger._inside = True
                    try:
                        kernel[grid](*arguments, **keywords)
                    finally:
                        ledger._inside = False

                return launch

        return Launcher()


def count(colored: bool = True, **options: Any) -> tuple[Ledger, Ledger]:
    """Ledgers of one forward and one backward pass over three triangles; gradients are asked for triangles and colours."""
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
                f"{'RGB' if colored else 'silhouette'} {direction}: {len(ledger.launches)} launches ({', '.join(ledger.launches)}), ",
                end="",
            )
            print(
                f"waits for the device {len(ledger.reads)} times ({', '.join(ledger.reads) or 'never'})"
            )


if __name__ == "__main__":
    main()
