"""A jointed figure, made of nothing but numbers: 15 joints, 10 smooth parts, linear blend skinning.

    angles --Rodrigues--> (J, 3, 3) --transforms--> (J, 3, 4) --skin--> verts
    verts --camera, rasterize--> image

World axes: x to the figure's left, y up, z to where it looks; about 1.8 units tall. At rest it
holds its arms out, like a T.
Letters: J joints, V vertices, F faces; `...` stands for any batch of poses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from matplotlib.colors import to_rgb
from torch import Tensor
from torch.nn.functional import normalize

from ..precision import outside_autocast
from ..rotations import geodesic_angle, rotation_from_axis_angle

_Point = tuple[float, float, float]


@dataclass(frozen=True)
class Joint:
    """A joint and the bone that hangs on it.

    `turns` are the axes about which it may turn: a round limb has no use for its own.
    """

    name: str
    parent: int  # a joint comes after its parent; -1: none
    at: _Point  # where it sits at rest
    to: _Point  # where its bone ends at rest
    color: str
    turns: str = "xyz"


def _mirrored(at: _Point) -> _Point:
    return -at[0], at[1], at[2]


def _limbs(
    parent: int, first: int, rows: list[tuple[str, _Point, _Point, str, str, str]]
) -> list[Joint]:
    """A chain of joints on the left, then the same on the right.

    Name, at, to, turns, colour left, colour right.
    """
    left = [
        Joint(f"left {row[0]}", first + k - 1 if k else parent, row[1], row[2], row[4], row[3])
        for k, row in enumerate(rows)
    ]
    other = first + len(rows)
    right = [
        Joint(
            f"right {row[0]}",
            other + k - 1 if k else parent,
            _mirrored(row[1]),
            _mirrored(row[2]),
            row[5],
            row[3],
        )
        for k, row in enumerate(rows)
    ]
    return left + right


JOINTS = [
    Joint("pelvis", -1, (0.0, 0.0, 0.0), (0.0, 0.16, 0.0), "#8c8c94"),
    Joint("chest", 0, (0.0, 0.16, 0.0), (0.0, 0.5, 0.0), "#c9c9c2"),
    Joint("head", 1, (0.0, 0.52, 0.0), (0.0, 0.88, 0.0), "#5b4a3f"),
    *_limbs(1, 3, [
        ("shoulder", (0.2, 0.44, 0.0), (0.47, 0.44, 0.0), "yz", "#e69f00", "#0072b2"),
        ("elbow", (0.47, 0.44, 0.0), (0.72, 0.44, 0.0), "yz", "#f0d050", "#56b4e9"),
        ("hand", (0.72, 0.44, 0.0), (0.88, 0.44, 0.0), "yz", "#a05a00", "#00406a"),
    ]),
    *_limbs(0, 9, [
        ("hip", (0.1, -0.04, 0.0), (0.1, -0.44, 0.0), "xz", "#d55e00", "#009e73"),
        ("knee", (0.1, -0.44, 0.0), (0.1, -0.84, 0.0), "xz", "#cc79a7", "#7fd1ae"),
        ("foot", (0.1, -0.84, 0.0), (0.1, -0.84, 0.17), "xy", "#7a2e12", "#00513b"),
    ]),
]  # fmt: skip
NAMES = [joint.name for joint in JOINTS]
PARENTS = [joint.parent for joint in JOINTS]
TURNS = torch.tensor(
    [[float(axis in joint.turns) for axis in "xyz"] for joint in JOINTS]
)  # (J, 3), 1 where a joint may turn
FACE = "#f2c9a0"  # the front of the head, so that one sees where it looks
BLEND = 0.05  # how far from a joint the skin belongs to both bones, world units


class Part(NamedTuple):
    """A rounded tube between two points.

    Widths are even steps from end to end, across and in depth; boxy 2 is an ellipsoid, more is
    longer.
    """

    bones: list[str]
    a: _Point
    b: _Point
    across: list[float]
    depth: list[float]
    boxy: float
    rings: int


CENTRAL = [
    Part(
        ["pelvis", "chest"],
        (0.0, -0.13, 0.0),
        (0.0, 0.55, 0.0),
        [0.17, 0.18, 0.14, 0.19, 0.22],
        [0.12, 0.12, 0.1, 0.12, 0.12],
        6,
        14,
    ),
    Part(["head"], (0.0, 0.5, 0.0), (0.0, 0.9, 0.0), [0.1, 0.14, 0.14], [0.11, 0.15, 0.15], 2.5, 9),
]
LEFT = [
    Part(
        ["shoulder", "elbow"],
        (0.13, 0.44, 0.0),
        (0.76, 0.44, 0.0),
        [0.085, 0.075, 0.065, 0.06, 0.05],
        [0.085, 0.075, 0.065, 0.06, 0.05],
        8,
        14,
    ),
    Part(
        ["hand"],
        (0.7, 0.44, 0.0),
        (0.9, 0.44, 0.0),
        [0.04, 0.045, 0.04],
        [0.06, 0.07, 0.05],
        2.5,
        6,
    ),
    Part(
        ["hip", "knee"],
        (0.1, 0.05, 0.0),
        (0.1, -0.89, 0.0),
        [0.11, 0.11, 0.08, 0.08, 0.055],
        [0.11, 0.11, 0.08, 0.085, 0.055],
        8,
        15,
    ),
    Part(
        ["foot"],
        (0.1, -0.86, -0.07),
        (0.1, -0.87, 0.2),
        [0.05, 0.065, 0.05],
        [0.055, 0.05, 0.035],
        3,
        6,
    ),
]


@dataclass(frozen=True)
class Body:
    """A skin at rest, and how it hangs on its joints.

    Attributes:
        verts: (V, 3) at rest. faces: (F, 3). colors: (F, 3), one colour a face.
        weights: (V, J), how much each joint moves each vertex; a row sums to 1.
        joints: (J, 3) where the joints sit at rest.
    """

    verts: Tensor
    faces: Tensor
    colors: Tensor
    weights: Tensor
    joints: Tensor

    def pose(self, angles: Tensor) -> Tensor:
        """Joint angles (..., J, 3), radians -> posed vertices (..., V, 3)."""
        return skin(
            self.verts, self.weights, transforms(rotation_from_axis_angle(angles), self.joints)
        )

    def to(self, dtype: torch.dtype) -> Body:
        """The same in another precision."""
        return Body(
            self.verts.to(dtype),
            self.faces,
            self.colors.to(dtype),
            self.weights.to(dtype),
            self.joints.to(dtype),
        )


@outside_autocast
def transforms(rotations: Tensor, joints: Tensor) -> Tensor:
    """Each joint's own rotation (..., J, 3, 3) -> what each does to a point of the rest pose,
    (..., J, 3, 4): [matrix | shift].

    A joint turns everything that hangs on it about the place where it sits: x -> R (x - c) + c. Its
    parent comes after that.
    """
    own = torch.cat([rotations, joints[..., None] - rotations @ joints[..., None]], dim=-1)
    out: list[Tensor] = []
    for k, parent in enumerate(PARENTS):
        if parent < 0:
            out.append(own[..., k, :, :])
            continue
        matrix, shift = out[parent].split([3, 1], dim=-1)
        moved = matrix @ own[..., k, :, :]
        out.append(torch.cat([moved[..., :3], moved[..., 3:] + shift], dim=-1))
    return torch.stack(out, dim=-3)


@outside_autocast
def skin(verts: Tensor, weights: Tensor, transforms: Tensor) -> Tensor:
    """Linear blend skinning.

    (V, 3) at rest, (V, J) weights, (..., J, 3, 4) -> (..., V, 3), the weighted mean of where each
    joint would take it.
    """
    blended = (weights @ transforms.flatten(-2)).unflatten(
        -1, (3, 4)
    )  # (..., V, 3, 4), a matrix a vertex
    moved: Tensor = (blended[..., :3] @ verts[..., None])[..., 0] + blended[..., 3]
    return moved


def joint_error(angles: Tensor, goal: Tensor) -> Tensor:
    """Degrees between two poses, joint by joint, (..., J, 3) each -> (..., J).

    The geodesic angle between what each joint does to its own bone.
    """
    return geodesic_angle(rotation_from_axis_angle(angles), rotation_from_axis_angle(goal))


@outside_autocast
def aim(pose: Tensor | None = None, /, **directions: _Point) -> Tensor:
    """A pose from where bones point in the world: aim(left_elbow=(0, 0, 1)) holds the left forearm
    forward -> (J, 3) radians.

    Each named joint makes the shortest turn that does it, so a limb never twists about itself. The
    others stay as in `pose` (J, 3), or as at rest, relative to their parents.
    """
    out = torch.zeros(len(JOINTS), 3) if pose is None else pose.clone()
    world = [torch.eye(3)] * (len(JOINTS) + 1)  # the last one serves the joint without a parent
    for k, joint in enumerate(JOINTS):
        bone = normalize(torch.tensor(joint.to) - torch.tensor(joint.at), dim=0)
        if joint.name.replace(" ", "_") in directions:
            goal = world[joint.parent].T @ normalize(
                torch.tensor(directions[joint.name.replace(" ", "_")]), dim=0
            )
            axis = torch.linalg.cross(bone, goal)
            out[k] = normalize(axis, dim=0) * torch.atan2(axis.norm(), bone @ goal)
        world[k] = world[joint.parent] @ rotation_from_axis_angle(out[k])
    return out


@outside_autocast
def make_body(sides: int = 10) -> Body:
    """The figure. `sides`: how many corners a ring of its skin has; 10 give 2,100 faces."""
    joints, ends = (
        torch.tensor([getattr(joint, field) for joint in JOINTS]) for field in ("at", "to")
    )
    parts = CENTRAL + [
        part._replace(bones=[f"left {bone}" for bone in part.bones]) for part in LEFT
    ]
    parts += [
        part._replace(
            bones=[f"right {bone}" for bone in part.bones], a=_mirrored(part.a), b=_mirrored(part.b)
        )
        for part in LEFT
    ]

    all_verts: list[Tensor] = []
    all_faces: list[Tensor] = []
    all_weights: list[Tensor] = []
    for part in parts:
        verts, faces = _tube(part, sides)
        k = torch.tensor([NAMES.index(bone) for bone in part.bones])
        d2 = _squared_distance(verts, joints[k], ends[k])  # (V, bones)
        weights = torch.zeros(len(verts), len(JOINTS))
        weights[:, k] = torch.softmax(
            -d2 / BLEND**2, dim=1
        )  # with two bones: the sigmoid of a squared distance, as in a probability map
        all_faces.append(faces + sum(map(len, all_verts)))
        all_verts.append(verts)
        all_weights.append(weights)
    verts, faces, weights = torch.cat(all_verts), torch.cat(all_faces), torch.cat(all_weights)

    colors = _rgb([joint.color for joint in JOINTS])[weights[faces].sum(1).argmax(1)]
    center = verts[faces].mean(1)
    looks = (
        (weights[faces, NAMES.index("head")].mean(1) > 0.5)
        & (center[:, 2] > 0.05)
        & (center[:, 1] < 0.8)
    )
    colors[looks] = _rgb([FACE])
    return Body(verts, faces, colors, weights, joints)


def _tube(part: Part, sides: int) -> tuple[Tensor, Tensor]:
    """(rings * sides + 2, 3) vertices and (2 * rings * sides, 3) faces of a closed tube,
    counter-clockwise from outside.
    """
    a, b, rings = torch.tensor(part.a), torch.tensor(part.b), part.rings
    axis = normalize(b - a, dim=0)
    ahead = torch.tensor([0.0, 1.0, 0.0]) if axis[2].abs() > 0.5 else torch.tensor([0.0, 0.0, 1.0])
    v = normalize(ahead - (ahead @ axis) * axis, dim=0)
    u = torch.linalg.cross(v, axis)

    s = -torch.cos(
        torch.arange(1, rings + 1) * torch.pi / (rings + 1)
    )  # along the tube, from -1 to 1, denser at the ends
    turn = torch.arange(sides) * 2 * torch.pi / sides
    rounded = (1 - s.abs() ** part.boxy).sqrt()
    ru, rv = (_widths(table, s) * rounded for table in (part.across, part.depth))
    middle = (a + b) / 2 + s[:, None] * (b - a) / 2
    ring = (
        middle[:, None]
        + ru[:, None, None] * turn.cos()[:, None] * u
        + rv[:, None, None] * turn.sin()[:, None] * v
    )
    verts = torch.cat([a[None], ring.flatten(0, 1), b[None]])

    here = 1 + torch.arange(rings)[:, None] * sides + torch.arange(sides)  # (rings, sides)
    right = here.roll(-1, 1)
    first, last = torch.zeros(sides, dtype=torch.int64), torch.full((sides,), len(verts) - 1)
    faces = [
        torch.stack([first, right[0], here[0]], -1),
        torch.stack([last, here[-1], right[-1]], -1),
    ]
    faces += [
        torch.stack([here[:-1], right[:-1], right[1:]], -1).flatten(0, 1),
        torch.stack([here[:-1], right[1:], here[1:]], -1).flatten(0, 1),
    ]
    return verts, torch.cat(faces)


def _widths(table: list[float], s: Tensor) -> Tensor:
    """Widths of a table, spread evenly over [-1, 1], at places s, with straight lines between."""
    values = torch.tensor(table)
    place = (s + 1) / 2 * (len(table) - 1)
    k = place.floor().long().clamp(max=len(table) - 2)
    return values[k] + (place - k) * (values[k + 1] - values[k])


def _squared_distance(points: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """From each of (V, 3) points to each of (n, 3) segments -> (V, n)."""
    t = ((points[:, None] - a) * (b - a)).sum(-1) / (b - a).square().sum(-1)
    return (points[:, None] - a - t.clamp(0, 1)[..., None] * (b - a)).square().sum(-1)


def _rgb(colors: list[str]) -> Tensor:
    return torch.tensor([to_rgb(color) for color in colors])
