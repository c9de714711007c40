"""Aeroplanes, cars and rifles, each of random proportions."""

from __future__ import annotations

import random

import torch

from ..mesh import Mesh
from ..shapes import sweep
from .parts import GREYS, PAINTS, WOODS, Color, Parts, Point


def aeroplane(r: random.Random) -> Mesh:
    """A fuselage along z, swept wings, tail fins, perhaps engines."""
    p, paint, wing_paint = Parts(), r.choice([*PAINTS, *GREYS[1:]]), r.choice([*GREYS, *PAINTS])
    length, radius = r.uniform(1.7, 2.2), r.uniform(0.13, 0.19)
    span, chord, sweep, thick = (
        r.uniform(0.8, 1.2),
        r.uniform(0.36, 0.58),
        r.uniform(0.0, 0.5),
        r.uniform(0.07, 0.09),
    )
    h = length / 2
    p.lathe(
        [
            (0.03, -h),
            (radius * 0.7, -h + 0.14),
            (radius, -h + 0.38),
            (radius, h * 0.4),
            (radius * 0.4, h),
        ],
        paint,
        axis="z",
    )
    low = r.uniform(-0.5, 0.5) * radius
    for side in (-1, 1):
        _wing(
            p,
            side,
            (0.0, low, -0.2 * h),
            span,
            chord,
            sweep,
            thick,
            r.uniform(0.4, 0.6),
            wing_paint,
            r.uniform(0.0, 0.12),
        )
        _wing(
            p,
            side,
            (0.0, radius * 0.3, h - 0.26),
            span * 0.4,
            chord * 0.55,
            sweep * 0.5,
            thick * 0.9,
            0.6,
            wing_paint,
            0.0,
        )
    fin = r.uniform(0.32, 0.45)
    p.box(
        (-thick * 0.5, 0.0, h - 0.36),
        (thick * 0.5, radius + fin, h - 0.02),
        wing_paint,
        top=(0.9, 1.0, 0.6),
        shift=(0.0, 0.0, 0.12),
    )
    if r.random() < 0.6:
        at, size = span * r.uniform(0.3, 0.45), r.uniform(0.075, 0.1)
        for side in (-1, 1):
            z = -0.2 * h + sweep * at / span - 0.1
            p.lathe(
                [(size, z - 0.2), (size, z + 0.16)],
                r.choice(GREYS),
                at=(side * at, low - 0.1, 0.0),
                axis="z",
                around=10,
            )
    return p.whole()


def car(r: random.Random) -> Mesh:
    """A body along z, a cabin on it (long for a van), four wheels."""
    p, paint, glass = Parts(), r.choice(PAINTS + GREYS[1:]), (0.20, 0.28, 0.36)
    length, width, floor, waist = (
        r.uniform(1.8, 2.3),
        r.uniform(0.75, 0.95),
        r.uniform(0.14, 0.22),
        r.uniform(0.48, 0.62),
    )
    x, z = width / 2, length / 2
    p.box((-x, floor, -z), (x, waist, z), paint, top=(0.96, 1.0, 0.96))
    kind = r.choice(("saloon", "hatch", "van", "pickup"))
    roof = waist + (r.uniform(0.42, 0.55) if kind == "van" else r.uniform(0.28, 0.38))
    front, back = {
        "saloon": (-0.35, 0.6),
        "hatch": (-0.3, 0.96),
        "van": (-0.75, 0.96),
        "pickup": (-0.45, 0.15),
    }[kind]
    slope = 0.9 if kind == "van" else r.uniform(0.6, 0.8)
    p.box(
        (-x * 0.92, waist - 0.03, front * z),
        (x * 0.92, roof - 0.06, back * z),
        glass,
        top=(0.86, 1.0, slope),
    )
    middle, half = (front + back) / 2 * z, (back - front) / 2 * z * slope
    p.box((-x * 0.8, roof - 0.08, middle - half), (x * 0.8, roof, middle + half), paint)
    if kind == "pickup":
        for side in (-1, 1):
            p.box(
                (side * x * 0.88 - 0.06, waist - 0.03, back * z),
                (side * x * 0.88 + 0.06, waist + 0.14, z * 0.95),
                paint,
            )
    wheel = r.uniform(0.19, 0.25)
    for side in (-1, 1):
        for end in (-0.62, 0.62):
            p.lathe(
                [(wheel, -0.09), (wheel, 0.09)],
                (0.12, 0.12, 0.13),
                at=(side * (x - 0.06), wheel, end * z),
                axis="x",
                around=14,
            )
    return p.whole()


def rifle(r: random.Random) -> Mesh:
    """A long thin thing along x: barrel, body, stock, grip, perhaps a magazine and a scope."""
    p, metal, wood = Parts(), r.choice(GREYS[:2]), r.choice(WOODS + GREYS[:1])
    barrel, body, stock = r.uniform(0.7, 1.1), r.uniform(0.5, 0.7), r.uniform(0.5, 0.7)
    radius = r.uniform(0.045, 0.06)
    p.lathe(
        [(radius, 0.0), (radius, barrel + 0.1)],
        metal,
        at=(body / 2 - 0.1, 0.04, 0.0),
        axis="x",
        around=10,
    )
    p.box((-body / 2, -0.1, -0.07), (body / 2, 0.11, 0.07), metal)
    p.box(
        (body / 2 - 0.05, -0.08, -0.065),
        (body / 2 + barrel * r.uniform(0.35, 0.6), 0.06, 0.065),
        wood,
    )
    drop = r.uniform(0.1, 0.25)
    stock_path = [
        (-body / 2 + 0.05, 0.0, 0.0),
        (-body / 2 - stock * 0.4, -drop * 0.4, 0.0),
        (-body / 2 - stock, -drop, 0.0),
    ]
    verts, faces = sweep(stock_path, [0.09, 0.10, r.uniform(0.15, 0.19)], 8)
    p.add(verts * torch.tensor([1.0, 1.0, 0.6]), faces, wood)
    p.box(
        (-body / 2 + 0.02, -0.36, -0.055),
        (-body / 2 + 0.17, 0.0, 0.055),
        wood,
        top=(1.0, 1.0, 1.0),
        shift=(0.08, 0.0, 0.0),
    )
    if r.random() < 0.6:
        p.box(
            (0.06, -r.uniform(0.35, 0.45), -0.05), (0.2, 0.0, 0.05), metal, shift=(-0.06, 0.0, 0.0)
        )
    if r.random() < 0.5:
        p.lathe([(0.07, -0.25), (0.06, 0.25)], metal, at=(0.0, 0.22, 0.0), axis="x", around=10)
        p.box((-0.06, 0.08, -0.05), (0.06, 0.2, 0.05), metal)
    return p.whole()


def _wing(
    p: Parts,
    side: int,
    root: Point,
    span: float,
    chord: float,
    sweep: float,
    thick: float,
    taper: float,
    color: Color,
    rise: float,
) -> None:
    """A flat wing to one side: a box that lies down, so that its "upper" face is the tip."""
    x, y, z = root
    verts = []
    for tip in (0, 1):
        c = chord * (taper if tip else 1.0) / 2
        for up in (-1, 1):
            for end in (-1, 1):
                verts.append(
                    [
                        x + side * span * tip,
                        y + rise * tip + up * thick / 2,
                        z + sweep * tip + end * c,
                    ]
                )
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = torch.tensor([f for a, b, c, d in quads for f in ((a, b, c), (a, c, d))])
    p.add(torch.tensor(verts), faces if side > 0 else faces.flip(1), color)
