"""What the triton backend asks of the GPU in one call: kernels started, and times that the host
waits.

Works without a GPU too: then Triton's interpreter runs the kernels, and the list is the same. Each
PyTorch operation counts as one, though inside some are several kernels (sort: about eight; cumsum:
two); views and fresh memory are free.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from ...rasterizers import triton_gpu

FREE = ("empty", "detach", "lift_fresh", "_local_scalar_dense")  # start no kernel
# These make the host wait:
READS = (
    "_local_scalar_dense", "nonzero", "is_nonzero", "equal", "masked_select", "unique", "item",
    "bincount",
)  # fmt: skip


class Ledger(TorchDispatchMode):
    """While it is entered: `launches`, names of kernels and operations in order; `reads`,
    operations that bring a number to the host."""

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
            self._write_down(function, arguments, keywords)
        return function(*arguments, **keywords)

    def _write_down(self, function: Any, arguments: Any, keywords: Any) -> None:
        name = function._schema.name.split("::")[1]
        device, now = keywords.get("device"), not keywords.get("non_blocking")
        crosses = name == "_to_copy" and now and device not in (None, arguments[0].device)
        if name in READS or crosses:
            self.reads.append(name)
        returns = function._schema.returns
        is_view = bool(returns) and returns[0].alias_info is not None and not name.endswith("_")
        if not is_view and not name.startswith(("empty", "new_empty")) and name not in FREE:
            self.launches.append(name)

    def __enter__(self) -> Ledger:
        self._kernels = triton_gpu._kernels

        def watched(module: str) -> Any:
            return _Watched(self, self._kernels(module))

        triton_gpu._kernels = watched  # type: ignore[assignment]
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
