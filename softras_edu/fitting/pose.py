"""A pose from a picture: two objects whose pose is to be found, and the search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..camera import Camera
from ..mesh import Mesh, at_corners
from ..rasterizers import rasterize, rasterize_hard
from ..rotations import TurnAdam, rotation_from_6d, rotation_from_axis_angle
from ..shapes import cube
from .optimize import Dial, fit, schedule

# ---------------------------------------------------------------- two objects, seen by a camera

# Opposite faces have opposite colours: red and cyan, green and magenta, blue and yellow.
SIX = torch.tensor(
    [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 1.0],
        [0.0, 1.0, 0.0],
        [1.0, 0.0, 1.0],
        [0.0, 0.0, 1.0],
        [1.0, 1.0, 0.0],
    ]
)
SIZE = 32  # pixels a side
CAMERA = Camera.look_at((0.0, 0.0, 3.0), fov=45.0)
NEAR, FAR = (
    2.0,
    4.0,
)  # just around the unit sphere, so that gamma has the whole of the object to itself
BACKGROUND = 0.5  # grey, the mean of the six

# How the two dials, the blur of the loss and the longest step (radians) go during a search, unless
# the caller says otherwise.
SIGMA, GAMMA, WIDTH, STEP = (
    schedule(1e-3, 1e-4),
    schedule(1e-1, 5e-2),
    schedule(0.4, 0.05),
    schedule(0.5, 0.01),
)
# The same of the last, hard stage of `soft_then_hard`.
LAST_WIDTH, LAST_STEP = 0.1, schedule(0.02, 0.005)

Renderer = Callable[
    [Mesh, Tensor, float, float], Tensor
]  # mesh, (B, 3, 3) rotations, sigma, gamma -> (B, H, W, 3 or more)


def colored_cube() -> Mesh:
    """A cube with a flat colour on each face.

    No turn but the full one brings it back to itself. 24 vertices, four of their own a face; 12
    faces.
    """
    plain = cube()
    verts = (
        plain.verts[plain.faces].reshape(6, 6, 3)[:, [0, 1, 2, 5]].reshape(-1, 3)
    )  # a face is the triangles (a, b, c) and (a, c, d)
    faces = torch.tensor(
        [f for k in range(0, 24, 4) for f in ((k, k + 1, k + 2), (k, k + 2, k + 3))]
    )
    return Mesh(verts, faces, SIX.repeat_interleave(4, 0).to(verts))


def bracket() -> Mesh:
    """A block in the shape of an L: no turn but the full one brings it back to itself.

    12 vertices, each in the colour of its place; 20 faces.
    """
    outline = torch.tensor(
        [[0.0, 0.0], [1.4, 0.0], [1.4, 0.7], [0.7, 0.7], [0.7, 2.1], [0.0, 2.1]]
    )  # counter-clockwise, seen from the front
    verts = torch.cat([torch.cat([outline, torch.full((6, 1), z)], dim=1) for z in (0.7, 0.0)])
    cap = [(0, 1, 2), (0, 2, 3), (0, 3, 5), (3, 4, 5)]
    sides = [f for k in range(6) for n in [(k + 1) % 6] for f in ((k, 6 + k, 6 + n), (k, 6 + n, n))]
    faces = torch.tensor(cap + [(6 + a, 6 + c, 6 + b) for a, b, c in cap] + sides)
    return Mesh(verts, faces, verts / verts.amax(0)).fit_unit_sphere()


def turned(mesh: Mesh, rotation: Tensor, shift: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The mesh in each of (B, 3, 3) poses, and then moved by (B, 3) shifts, if there are any.

    Screen triangles and corner colours (white, if it has none), (B, F, 3, 3) both.

    Args:
        rotation: the poses. shift: world units; None for none.
    """
    verts = mesh.verts @ rotation.transpose(-1, -2)
    moved = verts if shift is None else verts + shift[:, None]
    triangles = at_corners(CAMERA.project(moved), mesh.faces)
    return triangles, mesh.corner_colors().expand_as(triangles)


def draw_soft(mesh: Mesh, rotation: Tensor, sigma: float, gamma: float) -> Tensor:
    """Soft pictures of `mesh` in the poses `rotation`, (B, 3, 3) -> (B, SIZE, SIZE, 4), by
    `rasterize` with sigma and gamma.
    """
    return draw_triangles(*turned(mesh, rotation), sigma, gamma)


def draw_triangles(triangles: Tensor, colors: Tensor, sigma: float, gamma: float) -> Tensor:
    """The same of triangles and colors that `turned` returned, (B, F, 3, 3) both, with sigma and
    gamma -> (B, SIZE, SIZE, 4).
    """
    return rasterize(
        triangles,
        colors,
        size=SIZE,
        sigma=sigma,
        gamma=gamma,
        near=NEAR,
        far=FAR,
        background=BACKGROUND,
    )


def draw_hard(mesh: Mesh, rotation: Tensor, sigma: float, gamma: float) -> Tensor:
    """Hard pictures of `mesh` in the poses `rotation`, with NMR's gradient, (B, 3, 3) -> (B, SIZE,
    SIZE, 4); no use for sigma and gamma.
    """
    return rasterize_hard(
        *turned(mesh, rotation),
        size=SIZE,
        near=NEAR,
        far=FAR,
        background=BACKGROUND,
        gradient="nmr",
    )


def photograph(mesh: Mesh, rotation: Tensor, size: int = SIZE) -> Tensor:
    """Hard pictures, the z-buffer's, of `mesh` in the poses `rotation`, (B, 3, 3) -> (B, size,
    size, 4).

    What is given, and does not know about sigma and gamma.
    """
    return rasterize_hard(
        *turned(mesh, rotation), size=size, near=NEAR, far=FAR, background=BACKGROUND
    )


# ---------------------------------------------------------------- the search


def blur(pictures: Tensor, width: float) -> Tensor:
    """Each channel of (B, H, W, C) pictures blurred by a Gaussian, `width` its standard deviation
    in NDC. Beyond the rim it is 0.
    """
    matrix = blur_matrix(pictures.shape[1], width, pictures.dtype)
    return (matrix @ pictures.movedim(-1, 1) @ matrix).movedim(1, -1)


def blur_matrix(side: int, width: float, dtype: torch.dtype = torch.float32) -> Tensor:
    """One pixel's share in another along an axis of `blur`, (side, side). It is symmetric.

    Args:
        side: pixels. width: the Gaussian's standard deviation in NDC.
        dtype: float32 or float64.
    """
    places = torch.arange(side, dtype=dtype) * 2 / side
    matrix = torch.exp(-(places[:, None] - places).square() / (2 * width**2))
    # Shares so small change nothing, and processors are ten times slower with the smallest floats.
    return (matrix / matrix.sum(1).max()).where(matrix > 1e-20, 0.0)


def picture_loss(pictures: Tensor, photo: Tensor, width: float) -> Tensor:
    """How far pictures are from photographs.

    Mean square of the RGB difference, which is blurred first unless width is 0. (B, H, W, 3 or
    more) x 2 -> (B,).
    """
    difference = pictures[..., :3] - photo[..., :3]
    return (blur(difference, width) if width > 0 else difference).square().mean((1, 2, 3))


@dataclass(frozen=True)
class FoundPose:
    """What came of it.

    Attributes:
        rotation: (B, 3, 3), where the search ended.
        path: (steps + 1, B, 3, 3), where it was before each step, and the end.
        losses: (steps, B), of every pose at every step.
    """

    rotation: Tensor
    path: Tensor
    losses: Tensor


# How a rotation is made of numbers: the numbers that it starts with, how they make a rotation, and
# whose steps change them.
PARAMETERS: dict[
    str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor], Any]
] = {
    "turns": (lambda start: start.clone(), lambda x, start: x, TurnAdam),
    "one axis-angle vector": (
        lambda start: torch.zeros_like(start[..., 0]),
        lambda x, start: rotation_from_axis_angle(x) @ start,
        torch.optim.Adam,
    ),
    "6-D": (
        lambda start: torch.cat([start[..., 0], start[..., 1]], dim=-1),
        lambda x, start: rotation_from_6d(x),
        torch.optim.Adam,
    ),
}


def fit_pose(
    mesh: Mesh,
    photo: Tensor,
    start: Tensor,
    *,
    renderer: Renderer = draw_soft,
    steps: int = 150,
    sigma: Dial = SIGMA,
    gamma: Dial = GAMMA,
    width: Dial = WIDTH,
    lr: Dial = STEP,
    parameters: str = "turns",
    progress: bool = True,
) -> FoundPose:
    """Search the poses in which `mesh` looks like (B, H, W, 3 or more) photographs, from (B, 3, 3)
    starts. Each is a problem of its own.

    Args:
        photo: the photographs. start: where each search begins. steps: of each.
        renderer: draws poses with sigma and gamma.
        sigma, gamma, width, lr: numbers, or functions of the progress in [0, 1]. width is the blur
            of the loss in NDC, 0 for none; lr, about the longest step, in radians.
        parameters: a key of PARAMETERS.
    """
    begin, rotation_of, rule = PARAMETERS[parameters]
    x = begin(start).requires_grad_()
    path: list[Tensor] = []
    losses: list[Tensor] = []

    def loss(sigma: float, gamma: float) -> Tensor:
        rotation = rotation_of(x, start)
        now = width(len(path) / max(steps - 1, 1)) if callable(width) else width
        each = picture_loss(renderer(mesh, rotation, sigma, gamma), photo, now)
        path.append(rotation.detach().clone())
        losses.append(each.detach())
        return each.sum()

    fit(loss, [x], steps=steps, lr=lr, sigma=sigma, gamma=gamma, optimizer=rule, progress=progress)
    with torch.no_grad():
        path.append(rotation_of(x, start).clone())
    return FoundPose(path[-1], torch.stack(path), torch.stack(losses))


def soft_then_hard(
    mesh: Mesh,
    photo: Tensor,
    start: Tensor,
    *,
    soft_steps: int = 120,
    hard_steps: int = 30,
    progress: bool = True,
) -> FoundPose:
    """`fit_pose` with its schedules; then a last stage with the hard picture and NMR's gradient.

    The soft picture leads over hills, but it is never quite like the photograph, so its lowest
    place is a little beside the truth. The hard picture is of the photograph's kind, and near the
    truth NMR's gradient is good enough.

    Args:
        mesh, photo, start, progress: as in `fit_pose`: (B, H, W, 3 or more) photographs of the
            mesh, (B, 3, 3) starts.
        soft_steps, hard_steps: of the two stages.
    """
    soft = fit_pose(mesh, photo, start, steps=soft_steps, progress=progress)
    hard = fit_pose(
        mesh,
        photo,
        soft.rotation,
        renderer=draw_hard,
        steps=hard_steps,
        width=LAST_WIDTH,
        lr=LAST_STEP,
        progress=progress,
    )
    return FoundPose(
        hard.rotation,
        torch.cat([soft.path[:-1], hard.path]),
        torch.cat([soft.losses, hard.losses]),
    )
