"""The explorers: pictures with dials.

Show one by making it the last line of a cell; or set its traits and read `.image`.
"""

from .bend_body import BendBody
from .conorms import Conorms
from .far_range import FarRange
from .gradient_terms import GradientTerms
from .lamps import Lamps
from .loss_landscape import LossLandscape
from .memory_wall import MemoryWall
from .occlusion import Occlusion
from .online_softmax import OnlineSoftmax
from .orbit import Orbit
from .pairs_per_pixel import PairsPerPixel
from .pose_landscape import PoseLandscape
from .predict import Predict
from .reconstruction import Reconstruction
from .shape_forces import ShapeForces
from .sigma_gamma import SigmaGamma
from .silhouette import Silhouette
from .softness import Softness
from .staircase import Staircase
from .tile_lists import TileLists

__all__ = [
    "BendBody",
    "Conorms",
    "FarRange",
    "GradientTerms",
    "Lamps",
    "LossLandscape",
    "MemoryWall",
    "Occlusion",
    "OnlineSoftmax",
    "Orbit",
    "PairsPerPixel",
    "PoseLandscape",
    "Predict",
    "Reconstruction",
    "ShapeForces",
    "SigmaGamma",
    "Silhouette",
    "Softness",
    "Staircase",
    "TileLists",
]
