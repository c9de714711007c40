"""The exercises' automatic checks.

`checks.probability(your_function)` prints a line if it is right, and says what is wrong if not.
"""

from .build_boxes import reach_box
from .build_broadcast import aggregate_color, distance_maps, largest_image
from .build_first_kernels import block_kernel, listed_kernel, masked_kernel, pixel_kernel
from .build_kernel import draw_discs, tile_pixels
from .build_loop import log_weight_slope, online_softmax_step, product_slope, softmax_slope
from .build_loop_geometry import clip_slope, depth_slope, distance_slope, weights_slope
from .build_pairs import pair_list, segment_max, segment_sum
from .collect import from_notebooks as from_notebooks
from .contract_scenes import contract as contract
from .grading import grade as grade
from .hidden import hidden_check as hidden_check
from .measure import loglog_slope, median_time, pairs_time, roofline
from .see_far import probability_slope, sigma_for_reach
from .see_many_triangles import clip_weights, depth_weights, iou_loss, silhouette
from .see_one_triangle import finite_difference, inside_triangle, orbit_eye, pixel_center
from .see_probability import probability, segment_distance2
from .soft_rasterizer import capstone as capstone
from .use_body import angle_slope, rotate_about_joint, skin
from .use_pipeline import bilinear, from_opencv, lambert, on_screen
from .use_pose import geodesic_angle, rotation_from_axis_angle, turn_slope
from .use_reconstruction import carve, mix_palette, voxel_overlap
from .use_shading import masked_l1, spread_step
from .use_shape import fold_penalty, laplacian_loss, scheduled_sigma
from .use_softness import einstein_silhouette, sigma_from_pixels, uniform_probability, yager_slope
from .way_back import pair_backward as pair_backward

__all__ = [
    "aggregate_color",
    "angle_slope",
    "bilinear",
    "block_kernel",
    "carve",
    "clip_slope",
    "clip_weights",
    "depth_slope",
    "depth_weights",
    "distance_maps",
    "distance_slope",
    "draw_discs",
    "einstein_silhouette",
    "finite_difference",
    "fold_penalty",
    "from_opencv",
    "geodesic_angle",
    "inside_triangle",
    "iou_loss",
    "lambert",
    "laplacian_loss",
    "largest_image",
    "listed_kernel",
    "log_weight_slope",
    "loglog_slope",
    "masked_kernel",
    "masked_l1",
    "median_time",
    "mix_palette",
    "on_screen",
    "online_softmax_step",
    "orbit_eye",
    "pair_list",
    "pairs_time",
    "pixel_center",
    "pixel_kernel",
    "probability",
    "probability_slope",
    "product_slope",
    "reach_box",
    "roofline",
    "rotate_about_joint",
    "rotation_from_axis_angle",
    "scheduled_sigma",
    "segment_distance2",
    "segment_max",
    "segment_sum",
    "sigma_for_reach",
    "sigma_from_pixels",
    "silhouette",
    "skin",
    "softmax_slope",
    "spread_step",
    "tile_pixels",
    "turn_slope",
    "uniform_probability",
    "voxel_overlap",
    "weights_slope",
    "yager_slope",
]
