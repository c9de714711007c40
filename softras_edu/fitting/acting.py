"""Poses that people take: walking, waving, sitting ...

The fits of notebook 14 are judged by them. They know nothing of the prior of bend.py: they were
written down as directions of bones, one by one, and are mixed, not drawn from a bell curve.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .body import NAMES, aim

Point = tuple[float, float, float]


def _pose(chest: Point = (0.0, 1.0, 0.0), **bones: Point) -> Tensor:
    """Bones by name; what is not named hangs down, and feet point ahead."""
    out = {"chest": chest, "head": (0.0, 1.0, 0.0)}
    for side, x in (("left", 1.0), ("right", -1.0)):
        for name in ("shoulder", "elbow", "hand"):
            out[f"{side}_{name}"] = (0.15 * x, -1.0, 0.05)
        for name in ("hip", "knee"):
            out[f"{side}_{name}"] = (0.05 * x, -1.0, 0.0)
        out[f"{side}_foot"] = (0.15 * x, -0.05, 1.0)
    return aim(**(out | bones))


ACTS = {
    "wave": _pose(
        right_shoulder=(-0.8, 0.4, 0.2), right_elbow=(-0.2, 1.0, 0.2), right_hand=(-0.4, 1.0, 0.1)
    ),
    "walk": _pose(
        left_shoulder=(0.15, -0.85, 0.5), left_elbow=(0.1, -0.6, 0.8), left_hand=(0.0, -0.5, 0.9),
        right_shoulder=(-0.2, -0.9, -0.45), right_elbow=(-0.15, -1.0, 0.0),
        left_hip=(0.05, -0.9, -0.35), left_knee=(0.05, -0.85, -0.55),
        right_hip=(-0.05, -0.9, 0.45), right_knee=(-0.05, -1.0, -0.05),
    ),
    "point": _pose(
        left_shoulder=(0.75, 0.1, 0.6), left_elbow=(0.75, 0.15, 0.65), left_hand=(0.75, 0.2, 0.65),
        right_shoulder=(-0.65, -0.7, -0.25), right_elbow=(0.7, -0.5, 0.5), right_hand=(0.9, 0, 0.3),
    ),
    "sit": _pose(
        chest=(0.0, 1.0, 0.15),
        left_shoulder=(0.25, -0.85, 0.4), left_elbow=(0.05, -0.4, 0.9), left_hand=(0, -0.2, 1.0),
        right_shoulder=(-0.25, -0.85, 0.4), right_elbow=(-0.05, -0.4, 0.9),
        right_hand=(0, -0.2, 1.0), left_hip=(0.2, -0.3, 0.95), right_hip=(-0.2, -0.3, 0.95),
    ),
    "kick": _pose(
        chest=(0.0, 1.0, -0.2),
        left_shoulder=(0.9, -0.35, 0.1), left_elbow=(0.9, -0.2, 0.3), left_hand=(0.9, -0.2, 0.3),
        right_shoulder=(-0.85, -0.4, -0.3), right_elbow=(-0.9, -0.3, 0.1),
        right_hip=(-0.1, -0.55, 0.85), right_knee=(-0.1, -0.75, 0.65),
        left_knee=(0.05, -1.0, -0.15),
    ),
    "cheer": _pose(
        chest=(0.0, 1.0, -0.1),
        left_shoulder=(0.7, 0.7, 0.2), left_elbow=(0.25, 1.0, 0.1), left_hand=(0.2, 1.0, 0.0),
        right_shoulder=(-0.7, 0.7, 0.2), right_elbow=(-0.25, 1.0, 0.1),
        right_hand=(-0.2, 1.0, 0.0), left_hip=(0.25, -1.0, 0.0), right_hip=(-0.25, -1.0, 0.0),
    ),
    "bow": _pose(
        chest=(0.0, 0.85, 0.5), head=(0.0, 0.7, 0.7),
        left_shoulder=(0.2, -1.0, 0.15), left_elbow=(-0.35, -0.7, 0.5),
        right_shoulder=(-0.2, -1.0, 0.15), right_elbow=(0.35, -0.7, 0.5),
    ),
}  # fmt: skip
# (J, 3) each


def mirrored(pose: Tensor) -> Tensor:
    """The pose in a mirror: left and right change places -> (..., J, 3)."""
    other = {"left": "right", "right": "left"}
    names = [name.split() for name in NAMES]
    swap = [NAMES.index(" ".join(other.get(word, word) for word in name)) for name in names]
    return pose[..., swap, :] * torch.tensor([1.0, -1.0, -1.0])


def acted(count: int, generator: torch.Generator) -> Tensor:
    """Random poses between two of ACTS, each in the mirror or not -> (count, J, 3)."""
    acts = torch.stack([side for act in ACTS.values() for side in (act, mirrored(act))])
    pairs = acts[torch.randint(len(acts), (count, 2), generator=generator)]
    return pairs[:, 0].lerp(pairs[:, 1], torch.rand(count, 1, 1, generator=generator))
