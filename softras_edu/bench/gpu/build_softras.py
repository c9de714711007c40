"""The official SoftRas kernels, compiled from a checkout that the reader has, so that they can be
measured on the same card. Nothing of theirs comes with this package.

Their sources are from 2019. A current PyTorch wants `x.scalar_type()` and `data_ptr` where they say
`x.type()` and `data`; so the sources are copied to a temporary folder, changed there, and compiled
with nvcc. Of their Python only the file of the rasterizer's function is used.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

NAME = "soft_rasterize"
SOURCES = ("soft_rasterize_cuda.cpp", "soft_rasterize_cuda_kernel.cu")
CHANGES = (
    (r"(\w+)\.type\(\)\.is_cuda\(\)", r"\1.is_cuda()"),
    (r"(AT_DISPATCH_\w+\(\s*\w+)\.type\(\)", r"\1.scalar_type()"),
    (r"\.data<", ".data_ptr<"),
    (r"\bAT_CHECK\b", "TORCH_CHECK"),
    (r"#include <torch/torch\.h>", "#include <torch/extension.h>"),
)


def modernize(source: str) -> str:
    """Their C++ as a current PyTorch wants it."""
    for old, new in CHANGES:
        source = re.sub(old, new, source)
    return source


def build(checkout: Path) -> None:
    """Compile the kernels and make `import soft_renderer.functional` find their function.

    Raises:
        ValueError: the folder is no checkout of SoftRas.
        RuntimeError, OSError: the compiler is not here, or failed.
    """
    package = checkout / "soft_renderer"
    folder, wrapper = package / "cuda", package / "functional" / f"{NAME}.py"
    missing = [path for path in (wrapper, *(folder / s for s in SOURCES)) if not path.is_file()]
    if missing:
        raise ValueError(f"--softras: {missing[0]} is not there; give a checkout of SoftRas")
    from torch.utils.cpp_extension import load

    with tempfile.TemporaryDirectory() as room:
        copies = []
        for name in SOURCES:
            copy = Path(room) / name
            copy.write_text(modernize((folder / name).read_text(encoding="utf-8")), "utf-8")
            copies.append(str(copy))
        kernels = load(name=NAME, sources=copies, build_directory=room, with_cuda=True)
    install(kernels, wrapper)


def install(kernels: ModuleType, wrapper: Path) -> None:
    """Put `soft_renderer` into sys.modules, with what our adapter needs of it and no more."""
    for name in ("soft_renderer", "soft_renderer.cuda", "soft_renderer.functional"):
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None, is_package=True)
        module.__path__ = []
        sys.modules[name] = module
    sys.modules[f"soft_renderer.cuda.{NAME}"] = kernels
    setattr(sys.modules["soft_renderer"], "cuda", sys.modules["soft_renderer.cuda"])  # noqa: B010
    setattr(sys.modules["soft_renderer.cuda"], NAME, kernels)
    spec = importlib.util.spec_from_file_location(f"soft_renderer.functional.{NAME}", wrapper)
    assert spec is not None
    assert spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    setattr(sys.modules["soft_renderer.functional"], NAME, theirs.soft_rasterize)
