"""More than a turn: where the object is too, or where a camera stands and how wide it sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..camera import Camera
from ..losses import iou
from ..mesh import Mesh
from ..rasterizers import rasterize, rasterize_hard
from ..rotations import TurnAdam
from .optimize import Dial, fit, schedule
from .pose import BACKGROUND, FAR, GAMMA, NEAR, SIGMA, SIZE, STEP, WIDTH, picture_loss, turned

# ---------------------------------------------------------------- a turn and a shift

ROOM = 0.5  # how far the object may be from its place, in world units: near and far leave that much
PLACE_NEAR, PLACE_FAR = NEAR - ROOM, FAR + ROOM
# Gamma acts on depth divided by far - near: the same see-through wants it smaller in a deeper room.
PER_DEPTH = (FAR - NEAR) / (PLACE_FAR - PLACE_NEAR)
SHIFT_STEP = schedule(0.1, 0.002)  # about the longest step, in world units


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
    steps: int = 150,
    lr: Dial = STEP,
    lr_shift: Dial = SHIFT_STEP,
    progress: bool = True,
) -> FoundPlace:
    """Search the poses and the places at which `mesh` looks like photographs, as `fit_pose` does.

    Args:
        photo: (B, SIZE, SIZE, 3 or more). rotation, shift: the starts, (B, 3, 3) and (B, 3).
        lr, lr_shift: about the longest step, in radians and in world units.
    """
    rotation, shift = rotation.clone().requires_grad_(), shift.clone().requires_grad_()
    losses: list[Tensor] = []

    def loss(sigma: float, gamma: float) -> Tensor:
        pictures = rasterize(
            *turned(mesh, rotation, shift),
            size=SIZE,
            sigma=sigma,
            gamma=gamma * PER_DEPTH,
            near=PLACE_NEAR,
            far=PLACE_FAR,
            background=BACKGROUND,
        )
        each = picture_loss(pictures, photo, WIDTH(len(losses) / max(steps - 1, 1)))
        losses.append(each.detach())
        return each.sum()

    groups = [{"params": rotation, "lr": lr}, {"params": shift, "lr": lr_shift, "turn": False}]
    dials = {"steps": steps, "sigma": SIGMA, "gamma": GAMMA, "optimizer": TurnAdam}
    fit(loss, groups, progress=progress, **dials)
    return FoundPlace(rotation.detach(), shift.detach(), torch.stack(losses))


# ---------------------------------------------------------------- the four numbers of a camera

# distance (world units), elevation, azimuth and the whole vertical angle of view (degrees)
NUMBERS = ("distance", "elevation", "azimuth", "fov")
# A camera stays outside the unit sphere, and its lens stays a lens.
LEAST = torch.tensor([1.1, -math.inf, -math.inf, 5.0])
MOST = torch.tensor([50.0, math.inf, math.inf, 150.0])
# From a blur as wide as half the picture to a sharp edge; the step is in the units of `to_even`.
CAMERA_SIGMA, CAMERA_STEP = schedule(1e-1, 1e-5), schedule(0.05, 0.002)


def to_even(numbers: Tensor) -> Tensor:
    """The four numbers, (B, 4), in units in which a step of one of them changes the picture about
    as much as a step of another: log distance, radians, radians, log tan(fov / 2).
    """
    distance, elevation, azimuth, fov = numbers.unbind(-1)
    wide = torch.tan(torch.deg2rad(fov) / 2).log()
    return torch.stack(
        [distance.log(), torch.deg2rad(elevation), torch.deg2rad(azimuth), wide], dim=-1
    )


def from_even(even: Tensor) -> Tensor:
    """The way back from `to_even`."""
    distance, elevation, azimuth, wide = even.unbind(-1)
    fov = 2 * torch.rad2deg(torch.atan(wide.exp()))
    return torch.stack(
        [distance.exp(), torch.rad2deg(elevation), torch.rad2deg(azimuth), fov], dim=-1
    )


def masks(verts: Tensor, faces: Tensor, numbers: Tensor, size: int, sigma: float) -> Tensor:
    """Silhouettes of (B, V, 3) vertices, each seen by a camera of its own, (B, size, size)."""
    screen = Camera.orbit(*numbers.unbind(-1)).project(verts)
    return rasterize(screen[:, faces], size=size, sigma=sigma, near=1e-2)[..., 0]


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
    even: bool = True,
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
        even: change the numbers in the units of `to_even`; otherwise as they are.
        known: names in NUMBERS that stay as they start.
    """
    x = (to_even(start) if even else start.clone()).requires_grad_()
    least, most = (to_even(bound) if even else bound for bound in (LEAST, MOST))
    moves = torch.tensor([name not in known for name in NUMBERS])
    x.register_hook(lambda grad: grad * moves)  # Adam leaves alone what has no slope
    path: list[Tensor] = []

    def look() -> Tensor:
        with torch.no_grad():
            x.clamp_(least, most)
        numbers = from_even(x) if even else x
        path.append(numbers.detach().clone())
        return numbers

    def loss(sigma: float, gamma: float) -> Tensor:
        drawn = masks(verts, faces, look(), mask.shape[1], sigma)
        return len(mask) * iou(drawn, mask)  # the sum: every case a problem of its own

    fit(loss, [x], steps=steps, lr=lr, sigma=sigma, progress=progress)
    look()
    return FoundCamera(path[-1], torch.stack(path))
