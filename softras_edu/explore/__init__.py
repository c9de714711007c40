"""The explorers: pictures with dials. Show one by making it the last line of a cell; or set its traits and read `.image`."""

from .far_range import FarRange
from .loss_landscape import LossLandscape
from .memory_wall import MemoryWall
from .occlusion import Occlusion
from .predict import Predict
from .probability_map import ProbabilityMap
from .sigma_gamma import SigmaGamma
from .silhouette import Silhouette
from .staircase import Staircase

__all__ = ["FarRange", "LossLandscape", "MemoryWall", "Occlusion", "Predict", "ProbabilityMap", "SigmaGamma", "Silhouette", "Staircase"]
