"""GenDR's family (Petersen et al., CVPR 2022, arXiv 2204.13845), of which the Soft Rasterizer is
one member: logistic distribution, squared distance, probabilistic T-conorm.

Two dials: the distribution says how an edge fades (D = F(x), x the signed distance over sigma), the
T-conorm how triangles add up to a silhouette. Who reads the Soft Rasterizer alone needs nothing of
this: `formulas.py` has its D and its A_O.

distributions.py   18 distributions        conorms.py      10 T-conorms
parameters.py      names and parameters    family.py       what the rasterizers call
calibration.py     pixels <-> sigma
"""

from .calibration import reach, rise, sigma_for_reach, sigma_for_rise
from .family import aggregate, density, least_x, log_probability
from .parameters import CONORMS, DISTRIBUTIONS, SHAPE, SHIFT, P, check_softness

__all__ = [
    "CONORMS",
    "DISTRIBUTIONS",
    "SHAPE",
    "SHIFT",
    "P",
    "aggregate",
    "check_softness",
    "density",
    "least_x",
    "log_probability",
    "reach",
    "rise",
    "sigma_for_reach",
    "sigma_for_rise",
]
