"""softras-edu: soft rasterization, step by step, with the whole gradient."""

from . import checks, losses
from .camera import Camera
from .fit import Fit, fit, schedule
from .mesh import Mesh, cube, icosphere, teapot, torus
from .rasterize import backends, rasterize, rasterize_hard
from .render import render, screen_triangles
from .shading import Lights

__version__ = "0.1.0"
__all__ = [
    "Camera", "Fit", "Lights", "Mesh", "backends", "checks", "cube", "fit", "icosphere", "losses", "rasterize", "rasterize_hard",
    "render", "schedule", "screen_triangles", "teapot", "torus",
]  # fmt: skip
