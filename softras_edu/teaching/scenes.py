"""Meshes made in code for notebook 11: a globe with a painted texture, a letter F, a camera."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..mesh import Mesh
from ..shapes import cube
from ..texture import Texture


def globe(rows: int = 8, columns: int = 16, picture: Tensor | None = None) -> Mesh:
    """A coarse sphere with a map of the world on it, 2 * columns * (rows - 1) faces.

    u goes once around, to the right as seen from outside; v goes from the south pole to the north
    pole. At the seam one corner has u = 1 and its neighbour's has u = 0, at the same vertex: so uv
    belong to corners.

    Args:
        picture: (h, w, 3) in [0, 1], the map; None: `world()`.
    """
    verts = [(0.0, -1.0, 0.0)]
    for r in range(1, rows):
        south = math.pi * r / rows - math.pi / 2
        for c in range(columns):
            east = 2 * math.pi * c / columns
            ring = math.cos(south)
            verts.append((ring * math.sin(east), math.sin(south), ring * math.cos(east)))
    verts.append((0.0, 1.0, 0.0))

    def corner(r: int, c: int, middle: float = 0.0) -> tuple[int, float, float]:
        """A vertex, and u and v there. A pole has the u of the face's middle."""
        vertex = 0 if r == 0 else len(verts) - 1 if r == rows else 1 + (r - 1) * columns
        vertex += c % columns if 0 < r < rows else 0
        return vertex, (c + (middle if r in (0, rows) else 0)) / columns, r / rows

    corners = []
    for r in range(rows):
        for c in range(columns):
            a, b = corner(r, c, 0.5), corner(r, c + 1)
            d, e = corner(r + 1, c + 1), corner(r + 1, c, 0.5)
            corners += [(a, b, d)] if 0 < r < rows - 1 else []
            corners += [(a, d, e)] if r < rows - 1 else []
            corners += [(a, b, e)] if r == rows - 1 else []
    table = torch.tensor(corners)  # (F, 3, 3): vertex, u, v
    image = world() if picture is None else picture
    texture = Texture(image, table[..., 1:].to(image), wrap="repeat")
    return Mesh(torch.tensor(verts).to(image), table[..., 0].long(), texture=texture)


def world(height: int = 64) -> Tensor:
    """A map of a made-up world, (height, 2 * height, 3): seas, lands, ice, and lines every 30
    degrees. It looks the same from no two sides."""
    row, column = torch.arange(height) + 0.5, torch.arange(2 * height) + 0.5
    south = (math.pi * (0.5 - row / height))[:, None]
    east = (math.pi * column / height)[None]
    x, y = south.cos() * east.sin(), south.sin() + 0 * east
    z = south.cos() * east.cos()
    waves = torch.tensor(
        [[2.0, 1.0, 1.5, 0.4], [-1.4, 2.6, 0.8, 2.0], [3.4, -0.6, -2.2, 1.1], [0.5, 3.0, -3.5, 5.0]]
    )
    relief = sum(torch.sin(a * x + b * y + c * z + d) for a, b, c, d in waves.tolist())
    assert isinstance(relief, Tensor)
    sea, land = torch.tensor([0.16, 0.38, 0.66]), torch.tensor([0.55, 0.68, 0.30])
    hill, ice = torch.tensor([0.76, 0.55, 0.28]), torch.tensor([0.93, 0.95, 0.97])
    image = torch.where((relief > 0.35)[..., None], land, sea)
    image = torch.where((relief > 1.3)[..., None], hill, image)
    image = torch.where((y.abs() + 0.05 * relief > 0.9)[..., None], ice, image)
    every = height // 6
    lines = torch.zeros(height, 2 * height, dtype=torch.bool)
    lines[every // 2 :: every], lines[:, every // 2 :: every] = True, True
    return torch.where(lines[..., None], 0.75 * image, image).clamp(0, 1)


def letter_f() -> Mesh:
    """A thick F, front orange, back blue: it has no mirror plane, so that no mirror can hide."""
    boxes = [
        ((-0.45, -0.7, -0.15), (-0.15, 0.7, 0.15)),
        ((-0.15, 0.42, -0.15), (0.5, 0.7, 0.15)),
        ((-0.15, -0.12, -0.15), (0.28, 0.14, 0.15)),
    ]
    unit = cube()
    corners = (unit.verts * math.sqrt(3) + 1) / 2  # a cube from 0 to 1
    verts: list[Tensor] = []
    faces: list[Tensor] = []
    for low, high in boxes:
        faces.append(unit.faces + len(corners) * len(verts))
        verts.append(torch.tensor(low) + corners * (torch.tensor(high) - torch.tensor(low)))
    mesh = Mesh(torch.cat(verts), torch.cat(faces))
    ahead = mesh.face_normals()[:, 2:]
    side, front, back = torch.tensor([[0.75] * 3, [0.90, 0.62, 0.0], [0.0, 0.45, 0.70]])
    colors = torch.where(ahead > 0.5, front, torch.where(ahead < -0.5, back, side))
    return Mesh(mesh.verts, mesh.faces, colors[:, None].expand(-1, 3, 3).contiguous())


def camera_body(eye: Tensor, rotation: Tensor, half: float, size: float = 0.35) -> Mesh:
    """A camera as one draws it: a pyramid with the eye as its tip, open towards what it sees.

    Args:
        eye: (3,), where it stands. rotation: (3, 3), its axes as rows: right, up, backward.
        half: tan of half the field of view.
    """
    wide = size * half
    tips = [(0, 0, 0), (-wide, -wide, -size), (wide, -wide, -size), (wide, wide, -size)]
    view = torch.tensor([*tips, (-wide, wide, -size)], dtype=eye.dtype)
    sides = [(0, 2, 1), (0, 3, 2), (0, 4, 3), (0, 1, 4), (1, 2, 3), (1, 3, 4)]
    color = torch.tensor([0.84, 0.37, 0.0]).to(eye)
    return Mesh(eye + view @ rotation, torch.tensor(sides), color.expand(5, 3).contiguous())
