"""The exercises of notebook 14.

Turning about a joint, linear blend skinning, and how a gradient on a skin becomes one on an angle.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .. import rotations
from .exercise import Exercise


def _random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


_TURN = rotations.rotation_from_axis_angle(
    torch.tensor([[0.0, 0.0, torch.pi / 2], [0.4, -0.9, 0.3]], dtype=torch.float64)
)
_JOINT = torch.tensor([0.5, 0.0, 0.0], dtype=torch.float64)
_POINTS = torch.tensor([[0.5, 0.0, 0.0], [1.5, 0.0, 0.0], [0.5, 0.2, -0.3]], dtype=torch.float64)


# --- turning about a joint ----------------------------------------------------


def _rotate_about_joint(points: Tensor, rotation: Tensor, joint: Tensor) -> Tensor:
    return (points - joint) @ rotation.T + joint


rotate_about_joint = Exercise(
    "rotate_about_joint",
    _rotate_about_joint,
    cases=[
        (_POINTS, _TURN[0], _JOINT),
        (_POINTS, _TURN[1], _JOINT),
        (_random(5, 3, seed=0), _TURN[1], _random(3, seed=1)),
    ],
    slopes=(0, 1, 2),
    mistakes={
        (
            "That turns about the origin. The joint itself must stay where it is: first move it "
            "to the origin."
        ): lambda p, r, c: p @ r.T,
        (
            "You went to the joint and did not come back: add the joint again at the end."
        ): lambda p, r, c: (p - c) @ r.T,
        (
            "It turns the other way. A row times the matrix is the transposed matrix times the "
            "point: use rotation.T."
        ): lambda p, r, c: (p - c) @ r + c,
        "Take the joint off before you turn, too.": lambda p, r, c: p @ r.T + c,
        (
            "The signs have changed places: take the joint off first, and add it at the end."
        ): lambda p, r, c: (p + c) @ r.T - c,
        (
            "The joint comes off before the turn, not after it: you turned about the origin."
        ): lambda p, r, c: p @ r.T - c,
        (
            "You added the points themselves at the end. What was taken off, and comes back, is "
            "the joint."
        ): lambda p, r, c: (p - c) @ r.T + p,
        (
            "rotation @ points wants the points in columns. They are rows: points @ rotation.T."
        ): lambda p, r, c: r @ (p - c) + c,
        ("* multiplies entry by entry. A matrix turns a point with @."): lambda p, r, c: (
            (p - c) * r.T + c
        ),
    },
)


# --- linear blend skinning ----------------------------------------------------


def _skin(verts: Tensor, weights: Tensor, transforms: Tensor) -> Tensor:
    moved = torch.einsum("jab,vb->vja", transforms[..., :3], verts) + transforms[..., 3]
    return (weights[..., None] * moved).sum(1)


def _rigid(verts: Tensor, weights: Tensor, transforms: Tensor) -> Tensor:
    return _skin(
        verts,
        torch.nn.functional.one_hot(weights.argmax(1), weights.shape[1]).to(weights),
        transforms,
    )


def _unshifted(transforms: Tensor) -> Tensor:
    return torch.cat([transforms[..., :3], torch.zeros_like(transforms[..., 3:])], dim=-1)


# An elbow at _JOINT.
_BENT = torch.stack(
    [
        torch.eye(3, 4, dtype=torch.float64),
        torch.cat([_TURN[0], (_JOINT - _TURN[0] @ _JOINT)[:, None]], dim=1),
    ]
)
_SHARES = torch.tensor([[0.5, 0.5], [0.0, 1.0], [0.7, 0.3]], dtype=torch.float64)
skin = Exercise(
    "skin",
    _skin,
    cases=[
        (_POINTS, _SHARES, _BENT),
        (_random(6, 3, seed=2), torch.softmax(_random(6, 4, seed=3), 1), _random(4, 3, 4, seed=4)),
    ],
    slopes=(0, 1, 2),
    mistakes={
        (
            "Every vertex follows its strongest joint alone, so the skin tears where two bones "
            "meet. Mix them by their weights."
        ): _rigid,
        (
            "The fourth column, the shift, is missing: a joint turns about its own place."
        ): lambda v, w, t: _skin(v, w, _unshifted(t)),
        "That is the plain mean over the joints: the weights are not used.": lambda v, w, t: _skin(
            v, torch.full_like(w, 1 / w.shape[1]), t
        ),
        (
            "The matrices are transposed: each row of a transform makes one coordinate."
        ): lambda v, w, t: _skin(v, w, torch.cat([t[..., :3].transpose(1, 2), t[..., 3:]], dim=-1)),
        (
            "The shifts are added without their weights. A vertex gets its share of a joint's "
            "shift, as of its matrix."
        ): lambda v, w, t: _skin(v, w, _unshifted(t)) + t[..., 3].sum(0),
        (
            "The shifts are averaged plainly. They take the same weights as the matrices."
        ): lambda v, w, t: _skin(v, w, _unshifted(t)) + t[..., 3].mean(0),
        "That is the sum over the joints: the weights are not used.": lambda v, w, t: _skin(
            v, torch.ones_like(w), t
        ),
        (
            "A transform says where the vertex goes, not how far it moves: do not add the vertex "
            "to it."
        ): lambda v, w, t: v + _skin(v, w, t),
        (
            "The weights are shares already, and each row sums to 1. A second softmax evens them "
            "out."
        ): lambda v, w, t: _skin(v, w.softmax(1), t),
        ("The shift is added, not taken off."): lambda v, w, t: (
            _skin(v, w, _unshifted(t)) * 2 - _skin(v, w, t)
        ),
        ("The weights sum to 1 already: do not divide by the number of joints."): lambda v, w, t: (
            _skin(v, w, t) / w.shape[1]
        ),
    },
)


# --- from the skin to the angle -----------------------------------------------


def _angle_slope(axis: Tensor, joint: Tensor, verts: Tensor, grad: Tensor) -> Tensor:
    slope: Tensor = (torch.linalg.cross(axis.expand_as(verts), verts - joint) * grad).sum()
    return slope


_AXIS = torch.tensor([0.0, 0.6, 0.8], dtype=torch.float64)
angle_slope = Exercise(
    "angle_slope",
    _angle_slope,
    cases=[
        (
            torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64),
            _JOINT,
            _POINTS[1:2],
            torch.tensor([[0.0, 2.0, 0.0]], dtype=torch.float64),
        ),
        (_AXIS, _JOINT, _POINTS, _random(3, 3, seed=5)),
        (_AXIS, _random(3, seed=6), _random(7, 3, seed=7), _random(7, 3, seed=8)),
    ],
    mistakes={
        "The lever starts at the joint, not at the origin: verts - joint.": lambda a, c, v, g: (
            _angle_slope(a, torch.zeros_like(c), v, g)
        ),
        (
            "The sign is turned round: a point moves along axis x lever, and not along lever x "
            "axis."
        ): lambda a, c, v, g: -_angle_slope(a, c, v, g),
        (
            "Add over the vertices: all of them pull at the same angle. A mean is too small."
        ): lambda a, c, v, g: _angle_slope(a, c, v, g) / len(v),
        (
            "The lever arm is missing: the further from the joint, the more a vertex counts."
        ): lambda a, c, v, g: (
            torch.linalg.cross(a.expand_as(v), torch.nn.functional.normalize(v - c, dim=-1)) * g
        ).sum(),
        (
            "A turn does not move a point along its lever, but at a right angle to it, and to the "
            "axis: the cross product of the two."
        ): lambda a, c, v, g: ((v - c) * g).sum(),
        ("No point moves along the axis. It moves along axis x lever."): lambda a, c, v, g: (
            a * g
        ).sum(),
        (
            "One number is wanted: all vertices turn by the same angle, so their slopes add up."
        ): lambda a, c, v, g: (torch.linalg.cross(a.expand_as(v), v - c) * g).sum(-1),
        (
            "Lengths have no sign, and lose the direction. Take the dot product of each point's "
            "motion with its gradient."
        ): lambda a, c, v, g: (
            torch.linalg.cross(a.expand_as(v), v - c).norm(dim=-1) * g.norm(dim=-1)
        ).sum(),
        ("That is the mean over all coordinates. Their sum is wanted."): lambda a, c, v, g: (
            _angle_slope(a, c, v, g) / v.numel()
        ),
        ("An angle in radians: no factor of degrees."): lambda a, c, v, g: torch.rad2deg(
            _angle_slope(a, c, v, g)
        ),
    },
)
