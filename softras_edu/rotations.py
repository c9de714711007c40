"""Rotations as parameters.

Matrices (..., 3, 3) that turn column vectors, x -> R x, and a step rule that walks on them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from .precision import outside_autocast

# ---------------------------------------------------------------- rotations


def cross_matrix(v: Tensor) -> Tensor:
    """The matrix of the cross product with v, (..., 3) -> (..., 3, 3).

    `cross_matrix(v) @ x` is v x x.
    """
    x, y, z = v.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*v.shape[:-1], 3, 3)


@outside_autocast
def rotation_from_axis_angle(v: Tensor) -> Tensor:
    """Rodrigues' formula, (..., 3) -> (..., 3, 3).

    Turn about the axis v by the angle |v| in radians. Smooth at v = 0 too.
    """
    square = (v * v).sum(-1)[..., None, None]
    small = square < 1e-6
    angle = square.where(~small, 1.0).sqrt()
    a = torch.where(small, 1 - square / 6, angle.sin() / angle)  # sin(angle) / angle
    b = torch.where(
        small, 0.5 - square / 24, (1 - angle.cos()) / angle.square()
    )  # (1 - cos(angle)) / angle**2
    k = cross_matrix(v)
    return torch.eye(3, dtype=v.dtype, device=v.device) + a * k + b * (k @ k)


def rotation_from_6d(x: Tensor) -> Tensor:
    """Gram-Schmidt on two vectors, (..., 6) -> (..., 3, 3).

    The "6-D" parameters of Zhou et al. (CVPR 2019), the first two columns.
    """
    a = normalize(x[..., :3], dim=-1)
    b = normalize(x[..., 3:] - (a * x[..., 3:]).sum(-1, keepdim=True) * a, dim=-1)
    return torch.stack([a, b, torch.linalg.cross(a, b)], dim=-1)


@outside_autocast
def geodesic_angle(a: Tensor, b: Tensor) -> Tensor:
    """How far apart two rotations are: the angle, in degrees, of the one turn that leads from one
    to the other. (..., 3, 3) x 2 -> (...).

    With M = a^T b, 2 sin(angle) is the length of the skew part of M and 2 cos(angle) is trace M -
    1. The arc tangent of both keeps its digits near 0 and near 180 degrees, where the arc cosine of
    the trace alone loses them.
    """
    m = a.transpose(-1, -2) @ b
    skew = torch.stack(
        [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]],
        dim=-1,
    )
    trace = m.diagonal(dim1=-2, dim2=-1).sum(-1)
    return torch.rad2deg(torch.atan2(skew.norm(dim=-1), trace - 1))


def random_rotations(count: int, generator: torch.Generator) -> Tensor:
    """Uniform among all rotations, (count, 3, 3), drawn from `generator`.

    A random unit quaternion is a random direction in four dimensions.
    """
    w, x, y, z = normalize(torch.randn(count, 4, generator=generator), dim=-1).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
    ]
    rows += [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)]
    return torch.stack(rows, dim=-1).reshape(count, 3, 3)


def random_turns(count: int, degrees: float, generator: torch.Generator) -> Tensor:
    """By the same angle in degrees, each about an axis of random direction, (count, 3, 3), drawn
    from `generator`.
    """
    axis = normalize(torch.randn(count, 3, generator=generator), dim=-1)
    return rotation_from_axis_angle(axis * math.radians(degrees))


# ---------------------------------------------------------------- the step rule


class TurnAdam(torch.optim.Optimizer):
    """Adam for rotation matrices (B, 3, 3): momentum and scale as in Adam, but a step is a turn.

    1. The slope of the loss along a small turn v, R -> exp(v) R, is three numbers (B, 3): from
       autograd's dL/dR by the chain rule at v = 0.
    2. Momentum averages these. One scale a pose, not one a coordinate: which axes we call x, y and
       z must not matter.
    3. R <- exp(-lr momentum / scale) R stays a rotation. Every pose is a problem of its own,
       however many are solved together.

    A group with "turn": False holds plain vectors (B, n), a place beside a pose: the same momentum
    and one scale a vector, and a step is added.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 0.1, betas: tuple[float, float] = (0.9, 0.99)
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "turn": True})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Turn every rotation, move every vector, a little downhill. `closure` is not called."""
        for group in self.param_groups:
            for x in group["params"]:
                if x.grad is None:
                    continue
                slope, state, (beta1, beta2) = (
                    turn_slope(x, x.grad) if group["turn"] else x.grad,
                    self.state[x],
                    group["betas"],
                )
                if not state:
                    state["step"], state["mean"], state["square"] = (
                        torch.zeros(()),
                        torch.zeros_like(slope),
                        torch.zeros_like(slope[..., :1]),
                    )
                state["step"] += 1
                state["mean"].lerp_(slope, 1 - beta1)
                state["square"].lerp_(slope.square().sum(-1, keepdim=True), 1 - beta2)
                mean = state["mean"] / (
                    1 - beta1 ** state["step"]
                )  # of the first steps, which began at 0 (Adam's bias correction)
                scale = (state["square"] / (1 - beta2 ** state["step"])).sqrt() + 1e-12
                walk = -group["lr"] * mean / scale
                x.copy_(rotation_from_axis_angle(walk) @ x if group["turn"] else x + walk)


def turn_slope(rotation: Tensor, grad: Tensor) -> Tensor:
    """dL/dv at v = 0 for R -> exp(v) R, (..., 3), from R and dL/dR: with A = dL/dR R^T, the skew
    part of A.
    """
    a = grad @ rotation.transpose(-1, -2)
    return torch.stack(
        [a[..., 2, 1] - a[..., 1, 2], a[..., 0, 2] - a[..., 2, 0], a[..., 1, 0] - a[..., 0, 1]],
        dim=-1,
    )
