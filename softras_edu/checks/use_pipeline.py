"""The exercises of notebook 11: another library's axes, a point on the screen, light, a texel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from .exercise import Answer, Exercise


def _t(*values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _random(*shape: int, seed: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---------------------------------------------------------------- 11-1 A point on the screen


def _on_screen(point: Tensor, fov: float) -> Tensor:
    return point[..., :2] / (-point[..., 2:] * _half(fov))


def _half(fov: float) -> Tensor:
    return torch.tan(torch.deg2rad(torch.tensor(fov, dtype=torch.float64)) / 2)


on_screen = Exercise(
    "on_screen",
    _on_screen,
    slopes=(0,),
    cases=[
        (_t([0.5, -0.3, -2.0]), 60.0),
        (torch.cat([4 * _random(5, 2, seed=0) - 2, -1 - _random(5, 1, seed=1)], -1), 40.0),
        (torch.cat([_random(2, 3, 2, seed=2), -5 * _random(2, 3, 1, seed=3) - 1], -1), 90.0),
    ],
    mistakes={
        "The camera looks along -z: the depth is -z, a positive number.": lambda p, f: (
            p[..., :2] / (p[..., 2:] * _half(f))
        ),
        "Nothing shrinks with depth: divide by it.": lambda p, f: p[..., :2] / _half(f),
        "The field of view is the whole angle. Its half, above the axis, belongs to y = 1.": (
            lambda p, f: p[..., :2] / (-p[..., 2:] * _half(2 * f))
        ),
        "The tangent takes radians.": lambda p, f: (
            p[..., :2] / (-p[..., 2:] * torch.tan(torch.tensor(f / 2, dtype=torch.float64)))
        ),
        "A wider view makes things smaller: divide by the tangent, too.": lambda p, f: (
            p[..., :2] / -p[..., 2:] * _half(f)
        ),
        "The field of view is not used: what stands at its edge must come to y = 1.": (
            lambda p, f: p[..., :2] / -p[..., 2:]
        ),
        "That divides by the distance to the eye. It is the depth along the view axis that counts: "
        "straight lines stay straight.": lambda p, f: (
            p[..., :2] / (p.norm(dim=-1, keepdim=True) * _half(f))
        ),
        (
            "It is the tangent, not the sine: height over depth, not over the slanted way."
        ): lambda p, f: p[..., :2] / (-p[..., 2:] * torch.sin(_t(f).deg2rad() / 2)),
        (
            "That runs from 0 to 1. NDC runs from -1 to 1, with (0, 0) in the middle."
        ): lambda p, f: (_on_screen(p, f) + 1) / 2,
    },
)  # fmt: skip


# ---------------------------------------------------------------- 11-2 Another library's axes


def _from_opencv(points: Tensor) -> Tensor:
    return points * points.new_tensor([1.0, -1.0, -1.0])


def _signs(*signs: float) -> Answer:
    return lambda points: points * points.new_tensor(signs)


from_opencv = Exercise(
    "from_opencv",
    _from_opencv,
    slopes=(0,),
    cases=[(_t([1.0, 2.0, 3.0]),), (_random(4, 3, seed=4) - 0.5,), (_random(2, 3, 3, seed=5),)],
    mistakes={
        "Only y was turned round: that is a mirror image, and the camera still looks along +z.": (
            _signs(1.0, -1.0, 1.0)
        ),
        "Only z was turned round: that is a mirror image, and upside down.": _signs(1, 1, -1),
        "Nothing changed: OpenCV's y points down, and its z forward.": _signs(1, 1, 1),
        "All three were turned round: that is a mirror image. x points right in both.": (
            _signs(-1, -1, -1)
        ),
        "x points to the right in both. That is PyTorch3D's way.": _signs(-1, 1, -1),
        "That stands on its head and looks the other way: y and z must change, not x and y.": (
            _signs(-1, -1, 1)
        ),
        "Axes are not exchanged, only turned round.": lambda p: p[..., [0, 2, 1]],
    },
)  # fmt: skip


# ---------------------------------------------------------------- 11-3 Lambert's law


def _lambert(normals: Tensor, direction: Tensor, ambient: float, diffuse: float) -> Tensor:
    facing = (normals * normalize(direction, dim=-1)).sum(-1)
    return ambient + diffuse * facing.clamp_min(0.0)


def _lambert_of(facing: Tensor, ambient: float, diffuse: float) -> Tensor:
    return ambient + diffuse * facing.clamp_min(0.0)


_NORMALS = normalize(_random(20, 3, seed=6) - 0.5, dim=-1)
lambert = Exercise(
    "lambert",
    _lambert,
    slopes=(0, 1),
    cases=[
        (_NORMALS, _t(0.0, 2.0, 0.0), 0.2, 0.8),
        (_NORMALS[:6], _t(1.0, 1.0, -1.0), 0.0, 1.0),
        (_NORMALS.view(4, 5, 3), _t(-0.1, 0.3, 0.2), 0.5, 0.3),
    ],
    mistakes={
        "A surface that faces away gets no light, not a negative one: cut at 0.": (
            lambda n, d, a, k: a + k * (n * normalize(d, dim=-1)).sum(-1)
        ),
        "The back is as bright as the front: cut at 0, do not take abs.": lambda n, d, a, k: (
            a + k * (n * normalize(d, dim=-1)).sum(-1).abs()
        ),
        "The direction's length must not count: make it a unit vector.": lambda n, d, a, k: (
            a + k * (n * d).sum(-1).clamp_min(0)
        ),
        "The ambient light is missing.": lambda n, d, a, k: k
        * (n * normalize(d, dim=-1)).sum(-1).clamp_min(0),
        "The direction points towards the lamp: what faces it is bright.": lambda n, d, a, k: (
            _lambert(n, -d, a, k)
        ),
        "The cut belongs to the lamp's light alone. The ambient light is everywhere.": (
            lambda n, d, a, k: (a + k * (n * normalize(d, dim=-1)).sum(-1)).clamp_min(0)
        ),
        "That multiplies ambient and lamp. Light adds up.": lambda n, d, a, k: (
            a * (1 + k * (n * normalize(d, dim=-1)).sum(-1).clamp_min(0))
        ),
        (
            "Divide the direction by its length, not by its square."
        ): lambda n, d, a, k: _lambert_of((n * d).sum(-1) / (d * d).sum(), a, k),
    },
)  # fmt: skip


# ---------------------------------------------------------------- 11-4 A colour between texels


def _bilinear(image: Tensor, u: Tensor, v: Tensor, wrong: str = "") -> Tensor:
    height, width = image.shape[:2]
    half = 0.0 if wrong == "half" else 0.5
    if wrong == "scale":
        column, row = u * (width - 1), (1 - v) * (height - 1)
    else:
        column, row = u * width - half, (v if wrong == "down" else 1 - v) * height - half
    if wrong == "swapped":
        column, row = (1 - v) * width - half, u * height - half
    if wrong == "inside":
        column, row = (column + 0.5).floor(), (row + 0.5).floor()
    j, i = column.detach().floor(), row.detach().floor()
    if wrong == "round":
        j, i = column.detach().round(), row.detach().round()
    right, down = column - j, row - i
    if wrong == "weights":
        right, down = 1 - right, 1 - down
    if wrong == "nearest":
        right, down = right.round(), down.round()
    if wrong == "rows":
        down = 1 - down
    if wrong == "one way":
        down = 0 * down

    def texel(i: Tensor, j: Tensor) -> Tensor:
        if wrong == "wraps":
            return image[i.long() % height, j.long() % width]
        if wrong == "index":
            i, j = j, i
        return image[i.long().clamp(0, height - 1), j.long().clamp(0, width - 1)]

    right, down = right[..., None], down[..., None]
    upper = texel(i, j) * (1 - right) + texel(i, j + 1) * right
    lower = texel(i + 1, j) * (1 - right) + texel(i + 1, j + 1) * right
    return upper * (1 - down) + lower * down


def _other(wrong: str) -> Answer:
    return lambda image, u, v: _bilinear(image, u, v, wrong)


bilinear = Exercise(
    "bilinear",
    _bilinear,
    slopes=(0, 1, 2),
    cases=[
        (_random(4, 6, 3, seed=7), _random(9, seed=8), _random(9, seed=9)),
        (_random(2, 3, 1, seed=10), _t(0.0, 0.01, 0.99, 0.5), _t(0.02, 0.99, 0.4, 0.5)),
        (_random(5, 5, 2, seed=11), _random(3, 2, seed=12), _random(3, 2, seed=13)),
    ],
    mistakes={
        "A texel's colour is at its centre, half a texel from its edge: u * width - 0.5.": (
            _other("half")
        ),
        "Row 0 is at the top, and v = 0 at the bottom: use 1 - v.": _other("down"),
        "u runs along the columns, v along the rows.": _other("swapped"),
        "The weights are exchanged: the nearer a texel, the more it counts.": _other("weights"),
        "That is the nearest texel. Mix the four around.": _other("nearest"),
        "That mixes the texels of one row. Mix two rows, then these.": _other("one way"),
        "Beyond the border the picture begins again. Here the border's colour goes on: clamp the "
        "row and the column.": _other("wraps"),
        "u = 0 is the picture's edge, not the centre of the first texel: u * width - 0.5.": (
            _other("scale")
        ),
        "That takes the texel in which the place lies. Mix the four around.": _other("inside"),
        "Upper and lower row are exchanged: `down` is the share of the lower one.": _other("rows"),
        "floor, not round: j is the last centre to the left of the place.": _other("round"),
        "An image is indexed [row, column]: image[i, j].": _other("index"),
    },
)
