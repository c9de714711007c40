"""The exercises' automatic checks: `checks.probability(your_function)` prints a line if it is right, and says what is wrong if not."""

from .build_broadcast import aggregate_color, distance_maps, largest_image
from .contract import contract as contract
from .measure import loglog_slope, median_time, pairs_time, roofline
from .see_it import (
    clip_weights,
    depth_weights,
    finite_difference,
    inside_triangle,
    iou_loss,
    orbit_eye,
    pixel_center,
    probability,
    probability_slope,
    segment_distance2,
    sigma_for_reach,
    silhouette,
)

__all__ = [
    "aggregate_color",
    "clip_weights",
    "depth_weights",
    "distance_maps",
    "finite_difference",
    "inside_triangle",
    "iou_loss",
    "largest_image",
    "loglog_slope",
    "median_time",
    "orbit_eye",
    "pairs_time",
    "pixel_center",
    "probability",
    "probability_slope",
    "roofline",
    "segment_distance2",
    "sigma_for_reach",
    "silhouette",
]
