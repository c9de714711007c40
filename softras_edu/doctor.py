"""python -m softras_edu doctor: what is installed, what runs here, what is missing."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from . import __version__
from .machine import processor
from .rasterizers import backends, rasterize

# Names as pip knows them. The course cannot do without any of these.
NEEDED = (
    "torch",
    "numpy",
    "matplotlib",
    "pillow",
    "ipywidgets",
    "jupyterlab",
    "trimesh",
    "tqdm",
    "safetensors",
)


def report() -> int:
    """Print everything; 0 when the course can run, else 1."""
    troubles = []
    print(f"{'softras-edu':<12} {__version__}")
    print(f"{'Python':<12} {platform.python_version()} on {platform.system()} {platform.machine()}")
    for name in NEEDED:
        found = installed(name)
        print(f"{name:<12} {found or 'MISSING'}")
        if found is None:
            troubles.append(f"{name} is not installed:  {sys.executable} -m pip install {name}")

    print(f"\n{'CPU':<12} {processor()}, {torch.get_num_threads()} threads")
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            print(f"{f'GPU {i}':<12} {torch.cuda.get_device_name(i)}")
    else:
        print(f"{'GPU':<12} none that this PyTorch can use; the course does not need one")

    print("\nbackends of rasterize")
    states = {
        name: try_backend(name) if state == "ok" else state for name, state in backends().items()
    }
    for name, state in states.items():
        print(f"  {name:<10} {state}")
    if "ok" not in states.values():
        troubles.append("no backend of rasterize runs here; the reasons are listed above")

    folder = notebooks_folder()
    count = 0 if folder is None else len(list(folder.glob("*.ipynb")))
    print(f"\n{'notebooks':<12} {f'{count} in {folder}' if count else 'MISSING'}")
    if not count:
        troubles.append(
            "the notebooks are missing: get the whole repository, or reinstall softras-edu"
        )

    print(
        "\n" + "\n".join(f"PROBLEM: {trouble}" for trouble in troubles)
        if troubles
        else "\nAll is well: the course can run here."
    )
    return 1 if troubles else 0


def installed(name: str) -> str | None:
    """The version of an installed package, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def try_backend(name: str) -> str:
    """Draw one triangle, on the GPU where a backend is for one: "ok", or what went wrong."""
    device = "cuda" if name == "triton" and torch.cuda.is_available() else "cpu"
    triangle = torch.tensor(
        [[[-0.5, -0.5, 2.0], [0.5, -0.5, 2.0], [0.0, 0.5, 2.0]]], device=device, requires_grad=True
    )
    try:
        rasterize(triangle, size=4, sigma=1e-2, backend=name).sum().backward()
    except Exception as error:
        # Whatever it is, it is shown beside the name, and the report goes on.
        return f"fails: {type(error).__name__}: {error}"
    return (
        "ok"
        if triangle.grad is not None and triangle.grad.isfinite().all()
        else "fails: its gradient is not finite"
    )


def notebooks_folder() -> Path | None:
    """Where the notebooks are.

    Inside the installed package, or at the top of the repository that it runs from.
    """
    package = Path(__file__).parent
    for folder in (package / "course", package.parent / "notebooks"):
        if any(folder.glob("*.ipynb")):
            return folder
    return None
