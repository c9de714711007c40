"""More than a turn: where the object is too, or where a camera stands and how wide it sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..camera import Camera
from ..losses import iou
from ..mesh import Mesh, at_corners
from ..rasterizers import rasterize, rasterize_hard
from ..rotations import TurnAdam
from .optimize import Dial, fit, schedule
from .pose import (
    BACKGROUND,
    FAR,
    GAMMA,
    LAST_STEP,
    LAST_WIDTH,
    NEAR,
    SIGMA,
    SIZE,
    STEP,
    WIDTH,
    picture_loss,
    turned,
)

# ---------------------------------------------------------------- a turn and a shift

ROOM = 0.5  # how far the object may be from its place, in world units: near and far leave that much
PLACE_NEAR, PLACE_FAR = NEAR - ROOM, FAR + ROOM
# Gamma acts on depth divided by far - near: the same see-through wants it smaller in a deeper room.
PER_DEPTH = (FAR - NEAR) / (PLACE_FAR - PLACE_NEAR)
# About the longest step, in world units, of the soft stage and of the hard one.
SHIFT_STEP, LAST_SHIFT_STEP = schedule(0.1, 0.005), schedule(0.02, 0.002)


@dataclass(frozen=True)
class FoundPlace:
    """What came of it: (B, 3, 3) rotations, (B, 3) shifts, and the losses (steps, B)."""

    rotation: Tensor
    shift: Tensor
    losses: Tensor


def photograph_placed(mesh: Mesh, rotation: Tensor, shift: Tensor) -> Tensor:
    """Hard pictures of (B, 3, 3) poses moved by (B, 3) shifts, (B, SIZE, SIZE, 4)."""
    return rasterize_hard(
        *turned(mesh, rotation, shift),
        size=SIZE,
        near=PLACE_NEAR,
        far=PLACE_FAR,
        background=BACKGROUND,
    )


def fit_place(
    mesh: Mesh,
    photo: Tensor,
    rotation: Tensor,
    shift: Tensor,
    *,
    soft_steps: int = 120,
    hard_steps: int = 30,
    progress: bool = True,
) -> FoundPlace:
    """Search the poses and the places at which `mesh` looks like photographs.

    Soft and then hard, as `soft_then_hard` does with poses alone.

    Args:
        photo: (B, SIZE, SIZE, 3 or more). rotation, shift: the starts, (B, 3, 3) and (B, 3).
    """
    rotation, shift = rotation.clone().requires_grad_(), shift.clone().requires_grad_()
    losses: list[Tensor] = []
    room: dict[str, Any] = {
        "size": SIZE, "near": PLACE_NEAR, "far": PLACE_FAR, "background": BACKGROUND
    }  # fmt: skip

    def soft(sigma: float, gamma: float) -> Tensor:
        drawn = turned(mesh, rotation, shift)
        pictures = rasterize(*drawn, sigma=sigma, gamma=gamma * PER_DEPTH, **room)
        return compare(pictures, WIDTH(len(losses) / soft_steps))

    def hard(sigma: float, gamma: float) -> Tensor:
        return compare(
            rasterize_hard(*turned(mesh, rotation, shift), gradient="nmr", **room), LAST_WIDTH
        )

    def compare(pictures: Tensor, width: float) -> Tensor:
        each = picture_loss(pictures, photo, width)
        losses.append(each.detach())
        return each.sum()

    for loss, steps, turn, move in (
        (soft, soft_steps, STEP, SHIFT_STEP),
        (hard, hard_steps, LAST_STEP, LAST_SHIFT_STEP),
    ):
        groups = [{"params": rotation, "lr": turn}, {"params": shift, "lr": move, "turn": False}]
        fit(loss, groups, steps=steps, sigma=SIGMA, gamma=GAMMA, optimizer=TurnAdam,
            progress=progress)  # fmt: skip
    return FoundPlace(rotation.detach(), shift.detach(), torch.stack(losses))


# ---------------------------------------------------------------- the four numbers of a camera

# distance (world units), elevation, azimuth and the whole vertical angle of view (degrees)
NUMBERS = ("distance", "elevation", "azimuth", "fov")
# A camera stays outside the unit sphere, and its lens stays a lens.
LEAST = torch.tensor([1.1, -math.inf, -math.inf, 5.0])
MOST = torch.tensor([50.0, math.inf, math.inf, 150.0])
# Blur and longest step; the step is one number for world units and degrees alike, as GenDR has it.
CAMERA_SIGMA, CAMERA_STEP = schedule(1e-2, 1e-5), schedule(0.6, 0.1)


def masks(verts: Tensor, faces: Tensor, numbers: Tensor, size: int, sigma: float) -> Tensor:
    """Silhouettes of (B, V, 3) vertices, each seen by a camera of its own, (B, size, size)."""
    screen = Camera.orbit(*numbers.unbind(-1)).project(verts)
    return rasterize(at_corners(screen, faces), size=size, sigma=sigma, near=1e-2)[..., 0]


@dataclass(frozen=True)
class FoundCamera:
    """What came of it.

    Attributes:
        numbers: (B, 4), where the search ended, in the order of NUMBERS.
        path: (steps + 1, B, 4), where it was before each step, and the end.
    """

    numbers: Tensor
    path: Tensor


def fit_camera(
    verts: Tensor,
    faces: Tensor,
    mask: Tensor,
    start: Tensor,
    *,
    known: Sequence[str] = (),
    steps: int = 200,
    sigma: Dial = CAMERA_SIGMA,
    lr: Dial = CAMERA_STEP,
    progress: bool = True,
) -> FoundCamera:
    """Search the cameras that see (B, size, size) silhouettes: GenDR's task, four numbers a case.

    Args:
        verts, faces: (B, V, 3) and (F, 3), an object a case.
        start: (B, 4), in the order of NUMBERS.
        known: names in NUMBERS that stay as they start.
    """
    x = start.clone().requires_grad_()
    moves = torch.tensor([name not in known for name in NUMBERS])
    x.register_hook(lambda grad: grad * moves)  # Adam leaves alone what has no slope
    path: list[Tensor] = []

    def loss(sigma: float, gamma: float) -> Tensor:
        with torch.no_grad():
            x.clamp_(LEAST, MOST)
        path.append(x.detach().clone())
        drawn = masks(verts, faces, x, mask.shape[1], sigma)
        return len(mask) * iou(drawn, mask)  # the sum: every case a problem of its own

    fit(loss, [x], steps=steps, lr=lr, sigma=sigma, progress=progress)
    path.append(x.detach().clamp(LEAST, MOST))
    return FoundCamera(path[-1], torch.stack(path))
