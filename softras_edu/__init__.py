"""softras-edu: soft rasterization, step by step, with the whole gradient.

    Mesh --camera--> screen triangles --rasterize--> RGBA image --loss--> gradient

What most people need has its name here. Beside it stand

- `softras_edu.losses`: IoU, Laplacian, flatten, chamfer, ...;
- `softras_edu.shapes`: meshes made in code, and the tools that make more;
- `softras_edu.formulas`: section 3 of the paper, equation by equation;
- `softras_edu.softness`: how edges fade and faces add up, GenDR's family, and pixels <-> sigma;
- `softras_edu.rotations`: rotations as parameters;
- `softras_edu.camera.conventions`: cameras of OpenCV, COLMAP, PyTorch3D, OpenGL and SoftRas;
- `softras_edu.fitting.pose`, `softras_edu.fitting.large_steps`: a pose from one picture, and steps
  that do not crumple a mesh;
- `softras_edu.explore`: pictures with dials, for notebooks;
- `softras_edu.checks`: the checks of the exercises.

All of these are held to `docs/public-api.txt`: they change only with notice. What is not in that
list may change at any time.
"""

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
