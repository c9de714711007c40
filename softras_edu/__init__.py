"""softras-edu: soft rasterization, step by step, with the whole gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import losses
from .buffers import Buffers, render_buffers
from .camera import Camera
from .fitting.optimize import Fit, fit, schedule
from .mesh import Mesh
from .rasterizers import backends, rasterize, rasterize_hard
from .rendering import render, screen_triangles
from .shading import Lamp, Lights, PointLamp, Sky
from .shapes import cube, icosphere, teapot, torus
from .texture import Texture

if TYPE_CHECKING:
    from . import checks

__version__ = "0.1.0"
__all__ = [
    "Buffers", "Camera", "Fit", "Lamp", "Lights", "Mesh", "PointLamp", "Sky", "Texture", "backends",
    "checks", "cube", "fit", "icosphere", "losses", "rasterize", "rasterize_hard", "render",
    "render_buffers", "schedule", "screen_triangles", "teapot", "torus",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """`softras_edu.checks` is loaded when it is asked for: who only draws needs no exercises."""
    if name == "checks":
        import importlib

        return importlib.import_module(".checks", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
