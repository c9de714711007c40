"""Explorers that answer to the hand: the soft rasterizer itself runs in the browser.

    formulas.js records.js boxes.js options.js rasterize.js    the sixth rung
    hard.js field.js              what it is compared with, and pushes from every place
    palette.js panel.js stage.js  pictures, handles and dials          live.css
    force_field.js                one file an explorer, and a Python class of the same name
    probability_map.js levels.js row_curve.js
    occlusion.js shares.js probe.js
    corner_pull.js pulls.js
    watch_fit.js descend.js masks.js loss_curve.js
    orbit_mesh.js scene.js
    readout.js                    of the explorers with a kernel: their text, and names of sliders

The modules are plain ES modules: a browser can load them as they are. JupyterLab (through
anywidget) and a page that is opened from a folder both take one module, so `joined` puts those that
one needs behind each other, and `Live.page` makes a page of it. There is no other build step.
"""

from .corner_pull import CornerPull
from .force_field import ForceField
from .modules import FOLDER, joined
from .occlusion import Occlusion
from .orbit_mesh import OrbitMesh
from .probability_map import ProbabilityMap
from .watch_fit import WatchFit

__all__ = [
    "FOLDER", "CornerPull", "ForceField", "Occlusion", "OrbitMesh", "ProbabilityMap", "WatchFit",
    "joined",
]  # fmt: skip
