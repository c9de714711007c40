"""Find the angles of a body's joints from one picture.

The problem, the fit and the yardsticks of notebook 14 and of benchmarks/fit_body.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..camera import Camera
from ..rasterizers import rasterize, rasterize_hard
from ..rasterizers.hard import hard_options, visible_face
from ..rendering import screen_triangles
from ..rotations import rotation_from_axis_angle
from .body import JOINTS, NAMES, TURNS, Body, aim, skin, transforms
from .optimize import Dial, Fit, fit, schedule

# A short depth range, just around the body, so that gamma = 0.05 sees through a chest.
SIZE, NEAR, FAR = 64, 2.0, 4.0
FRONT, SIDE = (Camera.orbit(3.0, 8.0, azimuth, fov=40) for azimuth in (0.0, 90.0))
# Of the fit, from its first step to its last.
SIGMA, GAMMA, RATE = schedule(1e-3, 3e-5), schedule(0.05, 0.002), schedule(0.08, 0.01)
Point = tuple[float, float, float]
Renderer = Callable[
    [Tensor, Tensor, float, float], Tensor
]  # triangles (B, F, 3, 3), colours (B, F, 3, 3), sigma, gamma -> (B, H, W, 4)

# Where the bones point when somebody stands ready: knees bent, hands a little before the body. The
# sides mirror each other.
_READY: dict[str, Point] = {
    "shoulder": (0.5, -0.8, 0.25),
    "elbow": (0.3, -0.8, 0.6),
    "hip": (0.1, -0.9, 0.4),
    "knee": (0.05, -1.0, -0.25),
    "foot": (0.1, -0.1, 1.0),
}
READY: dict[str, Point] = {f"left_{name}": (x, y, z) for name, (x, y, z) in _READY.items()}
READY |= {f"right_{name}": (-x, y, z) for name, (x, y, z) in _READY.items()}
_SPREAD = {
    "pelvis": 0.0,
    "chest": 8.0,
    "head": 12.0,
    "shoulder": 22.0,
    "elbow": 22.0,
    "hand": 12.0,
    "hip": 12.0,
    "knee": 15.0,
    "foot": 10.0,
}
SPREAD = torch.deg2rad(torch.tensor([_SPREAD[joint.name.split()[-1]] for joint in JOINTS]))[
    :, None
]  # (J, 1), how far people stray from it
EVERY_JOINT = (torch.arange(len(JOINTS)) > 0)[
    :, None
] * TURNS  # (J, 3), 1 for an angle that is to be found; where the body stands is known
LEFT_ARM = (
    torch.tensor([[name in ("left shoulder", "left elbow", "left hand")] for name in NAMES]) * TURNS
)


def ready(**others: Point) -> Tensor:
    """Standing ready, but for the bones that are named -> (J, 3)."""
    return aim(**{**READY, **others})


def arm_across(side: str) -> Tensor:
    """The left forearm across the "front" of the body, or across its back, "behind", where the hand
    cannot be seen -> (J, 3).
    """
    z = 0.3 if side == "front" else -0.3
    return ready(left_shoulder=(0.3, -0.85, z), left_elbow=(-0.9, -0.1, z))


def twin(angles: Tensor, *names: str, camera: Camera = FRONT) -> Tensor:
    """The pose whose named bones are mirrored in depth: what came nearer goes away -> (J, 3).

    From afar both look the same, but for what hides what.
    """
    view = camera.rotation[0, 2].to(angles)  # from the scene to the camera
    turned = transforms(rotation_from_axis_angle(angles), torch.zeros(len(JOINTS), 3))[..., :3]
    directions = {}
    for name in names:
        joint = JOINTS[NAMES.index(name)]
        bone = turned[NAMES.index(name)] @ (torch.tensor(joint.to) - torch.tensor(joint.at))
        x, y, z = (bone - 2 * (bone @ view) * view).tolist()
        directions[name.replace(" ", "_")] = (x, y, z)
    return aim(angles, **directions)


def random_poses(
    mean: Tensor, count: int, generator: torch.Generator, scale: float = 1.0
) -> Tensor:
    """(J, 3) -> (count, J, 3): every angle strays from the mean by its spread."""
    return mean + scale * SPREAD * TURNS * torch.randn(count, *mean.shape, generator=generator)


def soft(triangles: Tensor, colors: Tensor, sigma: float, gamma: float) -> Tensor:
    """The soft renderer.

    Faces that look away are left out: on a closed skin they are never seen.
    """
    return rasterize(
        triangles,
        colors,
        size=SIZE,
        sigma=sigma,
        gamma=gamma,
        near=NEAR,
        far=FAR,
        cull_backfaces=True,
    )


def soft_without_depth(triangles: Tensor, colors: Tensor, sigma: float, gamma: float) -> Tensor:
    """The same picture, but nothing flows back through depth."""
    return soft(
        torch.cat([triangles[..., :2], triangles[..., 2:].detach()], dim=-1), colors, sigma, gamma
    )


def hard(
    triangles: Tensor, colors: Tensor, sigma: float, gamma: float, gradient: str = "nmr"
) -> Tensor:
    """The z-buffer, of one body (1, F, 3, 3), with NMR's invented gradient.

    The dials change nothing. Slow: a look, not a fit.
    """
    options = hard_options(SIZE, SIZE, near=NEAR, far=FAR)
    seen = visible_face(triangles, options).unique()[
        1:
    ]  # a face that is seen nowhere changes nothing and gets nothing; -1 is the background
    return rasterize_hard(
        triangles[:, seen], colors[:, seen], size=SIZE, near=NEAR, far=FAR, gradient=gradient
    )


def draw(
    body: Body, angles: Tensor, camera: Camera, renderer: Renderer, sigma: float, gamma: float
) -> Tensor:
    """Bodies in plain colours, one colour a face, without light.

    (B, J, 3) angles -> RGB and alpha (B, H, W, 4).
    """
    triangles = screen_triangles(body.pose(angles), body.faces, camera)
    return renderer(triangles, body.colors[:, None].expand(len(triangles), -1, 3, 3), sigma, gamma)


def picture(
    body: Body,
    angles: Tensor,
    camera: Camera,
    renderer: Renderer = soft,
    sigma: float = 1e-3,
    gamma: float = 0.05,
) -> Tensor:
    """Bodies over black, colour times alpha, (B, H, W, 3).

    Beyond its edge a face keeps its full colour as far as it reaches, but alpha fades.
    """
    image = draw(body, angles, camera, renderer, sigma, gamma)
    return image[..., :3] * image[..., 3:]


def photograph(body: Body, angles: Tensor, camera: Camera = FRONT) -> Tensor:
    """What is given, (B, H, W, 3).

    With dials as small as these the picture is the z-buffer's, but for a few pixels right on an
    edge.
    """
    with torch.no_grad():
        return draw(body, angles, camera, soft, 1e-7, 1e-5)[..., :3]


@torch.no_grad()
def shows(body: Body, angles: Tensor, name: str, camera: Camera = FRONT) -> Tensor:
    """How many pixels of the hard picture show what hangs on a joint: (B, J, 3) -> (B,)."""
    triangles = screen_triangles(body.pose(angles), body.faces, camera)
    seen = visible_face(triangles, hard_options(SIZE, SIZE, near=NEAR, far=FAR))
    mine = body.weights[body.faces].mean(1)[:, NAMES.index(name)] > 0.5  # (F,)
    return ((seen >= 0) & mine[seen]).sum((1, 2))


def bend(
    body: Body,
    photos: Sequence[Tensor],
    start: Tensor,
    *,
    free: Tensor = EVERY_JOINT,
    cameras: Sequence[Camera] = (FRONT,),
    renderer: Renderer = soft,
    sigma: Dial = SIGMA,
    gamma: Dial = GAMMA,
    prior: float = 0.01,
    mean: Tensor | None = None,
    spread: Tensor = SPREAD,
    lr: Dial = RATE,
    steps: int = 100,
    callback: Callable[[Tensor], None] | None = None,
    every: int = 5,
    progress: bool = False,
) -> tuple[Tensor, Fit]:
    """Bend the body until it looks like the photographs.

    Args:
        photos: for each camera (B, H, W, 3). start: (B, J, 3).
        free: (J, 3), 1 for the angles to be found; the others stay as in `start`.
        prior: what it costs that an angle is one spread away from the mean. The picture alone does
            not say everything.
        mean: (J, 3), what the prior expects; None is the start. spread: (J, 1) or (J, 3), by how
            much it lets an angle stray from that, radians.
        callback: sees the angles every so many steps.

    Returns:
        angles (B, J, 3), and what `fit` returned.
    """
    angles = start.clone().requires_grad_()
    expected, spread = start if mean is None else mean, spread.clamp_min(0.1)

    def now() -> Tensor:
        return torch.where(free > 0, angles, start)

    def loss(sigma: float, gamma: float) -> Tensor:
        unlike = sum(
            (
                (picture(body, now(), c, renderer, sigma, gamma) - p).square().mean((1, 2, 3)).sum()
                for c, p in zip(cameras, photos, strict=True)
            )
        )
        strayed = torch.where(free > 0, (now() - expected) / spread, 0.0).square().sum()
        return 100 * unlike / len(cameras) + prior * strayed

    seen = None if callback is None else lambda step, value: callback(now().detach())
    found = fit(
        loss,
        [angles],
        steps=steps,
        lr=lr,
        sigma=sigma,
        gamma=gamma,
        callback=seen,
        every=every,
        progress=progress,
    )
    return now().detach(), found


def miss(body: Body, angles: Tensor, goal: Tensor, camera: Camera = FRONT) -> tuple[Tensor, Tensor]:
    """How far each joint is from where it should be.

    Across the view, and along it. (..., J, 3) angles -> (..., J) each, world units.
    """
    places = [
        skin(
            body.joints,
            torch.eye(len(JOINTS)),
            transforms(rotation_from_axis_angle(a), body.joints),
        )
        for a in (angles, goal)
    ]
    gap = (places[0] - places[1]) @ camera.rotation[0].to(angles).T  # right, up, backward
    return gap[..., :2].norm(dim=-1), gap[..., 2].abs()
