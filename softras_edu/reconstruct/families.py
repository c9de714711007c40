"""Furniture, vehicles and other things, made up from boxes, lathed profiles and tubes with random proportions: shapes to learn from without a download.

Every part is closed and has one colour; parts overlap where they join. y is up. Front is -z for chairs, benches, cars and aeroplanes.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable

import torch

from ..mesh import Mesh
from ..shapes import sweep
from .parts import Color, Parts, Point

WOODS: list[Color] = [
    (0.55, 0.35, 0.17),
    (0.72, 0.53, 0.30),
    (0.36, 0.22, 0.13),
    (0.80, 0.66, 0.45),
]
PAINTS: list[Color] = [
    (0.80, 0.15, 0.12),
    (0.13, 0.35, 0.70),
    (0.95, 0.75, 0.15),
    (0.15, 0.55, 0.35),
    (0.85, 0.45, 0.12),
    (0.55, 0.25, 0.60),
    (0.92, 0.92, 0.90),
]
GREYS: list[Color] = [(0.25, 0.26, 0.28), (0.45, 0.46, 0.48), (0.70, 0.71, 0.73)]


def chair(r: random.Random) -> Mesh:
    """Four legs, a seat, a back of one board or of slats, perhaps arms."""
    p, wood, cloth = Parts(), r.choice(WOODS), r.choice(WOODS + PAINTS)
    width, depth, seat, back, leg = (
        r.uniform(0.75, 1.05),
        r.uniform(0.75, 1.0),
        r.uniform(0.75, 1.0),
        r.uniform(0.75, 1.15),
        r.uniform(0.10, 0.15),
    )
    thick = r.uniform(0.10, 0.16)
    x, z = width / 2, depth / 2
    _legs(p, x, z, leg, seat, wood, splay=r.uniform(0.0, 0.12))
    p.box((-x, seat - thick, -z), (x, seat, z), cloth)
    lean = (0.0, 0.0, r.uniform(0.05, 0.25))
    if r.random() < 0.5:
        p.box((-x, seat - 0.02, z - thick), (x, seat + back, z), cloth, shift=lean)
    else:
        for side in (-1, 1):
            p.box(
                (side * (x - leg / 2) - leg / 2, seat - 0.02, z - leg),
                (side * (x - leg / 2) + leg / 2, seat + back, z),
                wood,
                shift=lean,
            )
        for k in range(r.choice((2, 3))):
            y = seat + back * (0.82 - 0.3 * k)
            dz = lean[2] * (y - seat) / back
            p.box((-x, y - 0.07, z - leg + dz), (x, y + 0.07, z + dz), cloth)
    if r.random() < 0.35:
        arm = seat + r.uniform(0.28, 0.4)
        for side in (-1, 1):
            p.box((side * x - leg / 2, arm - leg, -z), (side * x + leg / 2, arm, z + 0.05), wood)
            p.box((side * x - leg / 2, seat - 0.1, -z), (side * x + leg / 2, arm, -z + leg), wood)
    return p.whole()


def table(r: random.Random) -> Mesh:
    """A top, round or not, on four legs, on one foot or on two boards."""
    p, wood, top = Parts(), r.choice(WOODS), r.choice(WOODS + PAINTS)
    x, z, height, thick = (
        r.uniform(0.6, 1.1),
        r.uniform(0.45, 0.7),
        r.uniform(0.65, 1.05),
        r.uniform(0.10, 0.16),
    )
    kind = r.choice(("legs", "legs", "foot", "boards"))
    if kind == "foot":
        radius = r.uniform(0.55, 0.85)
        p.lathe([(radius, height - thick), (radius, height)], top, around=24)
        p.lathe(
            [(radius * 0.62, 0.0), (radius * 0.5, 0.09), (0.1, 0.17), (0.1, height - thick / 2)],
            wood,
        )
        return p.whole()
    p.box((-x, height - thick, -z), (x, height, z), top)
    if kind == "legs":
        leg = r.uniform(0.10, 0.17)
        _legs(
            p,
            x - r.uniform(0.0, 0.1),
            z - r.uniform(0.0, 0.06),
            leg,
            height - thick / 2,
            wood,
            splay=r.uniform(0.0, 0.1),
        )
    else:
        inset = r.uniform(0.0, 0.25) * x
        for side in (-1, 1):
            at = side * (x - inset - 0.07)
            p.box((at - 0.07, 0.0, -z * 0.9), (at + 0.07, height - thick / 2, z * 0.9), wood)
    return p.whole()


def bench(r: random.Random) -> Mesh:
    """A long low seat of planks on two supports, with or without a back."""
    p, wood, stand = Parts(), r.choice(WOODS + PAINTS[3:5]), r.choice(WOODS + GREYS)
    x, z, seat, thick = (
        r.uniform(1.0, 1.5),
        r.uniform(0.26, 0.4),
        r.uniform(0.42, 0.6),
        r.uniform(0.11, 0.15),
    )
    p.box((-x, seat - thick, -z), (x, seat, z), wood)
    at, half = x * r.uniform(0.6, 0.92), r.uniform(0.06, 0.11)
    for side in (-1, 1):
        p.box(
            (side * at - half, 0.0, -z * 0.9), (side * at + half, seat - thick / 2, z * 0.9), stand
        )
    if r.random() < 0.6:
        back, lean = r.uniform(0.4, 0.62), r.uniform(0.05, 0.2)
        if r.random() < 0.5:
            p.box((-x, seat - 0.02, z - thick), (x, seat + back, z), wood, shift=(0.0, 0.0, lean))
        else:
            for side in (-1, 1):
                p.box(
                    (side * at - half, seat - 0.05, z - thick),
                    (side * at + half, seat + back, z),
                    stand,
                    shift=(0.0, 0.0, lean),
                )
            p.box(
                (-x, seat + back * 0.6, z - thick + lean * 0.6),
                (x, seat + back, z + lean * 0.6),
                wood,
                shift=(0.0, 0.0, lean * 0.4),
            )
    return p.whole()


def lamp(r: random.Random) -> Mesh:
    """A foot, a pole or a bulging vase, and a shade that widens downwards."""
    p, foot, shade = Parts(), r.choice(GREYS + WOODS), r.choice([*PAINTS, (0.95, 0.88, 0.70)])
    height, wide, tall, narrow = (
        r.uniform(1.2, 1.9),
        r.uniform(0.38, 0.6),
        r.uniform(0.4, 0.65),
        r.uniform(0.45, 0.9),
    )
    pole = r.uniform(0.06, 0.09)
    base = r.uniform(0.26, 0.42)
    if r.random() < 0.6:
        p.lathe([(base, 0.0), (base, 0.08), (pole, 0.14), (pole, height - tall / 2)], foot)
    else:
        belly = r.uniform(0.2, 0.34)
        top = height - tall
        p.lathe(
            [
                (base * 0.7, 0.0),
                (belly, top * 0.25),
                (belly, top * 0.5),
                (pole, top * 0.9),
                (pole, height - tall / 2),
            ],
            foot,
        )
    p.lathe([(wide, height - tall), (wide * narrow, height)], shade, around=20)
    return p.whole()


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


def mug(r: random.Random) -> Mesh:
    """A hollow cup with a handle: what a sphere cannot become."""
    p, paint = Parts(), r.choice(PAINTS)
    bottom, top, height, wall = (
        r.uniform(0.42, 0.6),
        r.uniform(0.5, 0.62),
        r.uniform(0.8, 1.3),
        r.uniform(0.09, 0.12),
    )
    profile = [(bottom, 0.0), (top, height), (top - wall, height), (bottom - wall, wall)]
    p.lathe(profile, paint, around=24)
    reach, middle, tall = (
        r.uniform(0.3, 0.42),
        height * r.uniform(0.48, 0.58),
        height * r.uniform(0.26, 0.34),
    )
    start = (bottom + top) / 2 - wall / 2
    path = [
        (start + reach * math.sin(t), middle + tall * math.cos(t), 0.0)
        for t in (math.pi * k / 8 for k in range(9))
    ]
    p.sweep(path, r.uniform(0.06, 0.085), paint)
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


def _legs(
    p: Parts, x: float, z: float, leg: float, height: float, color: Color, splay: float
) -> None:
    """Four square legs whose tops stand in the corners of a rectangle; `splay` moves their feet outwards."""
    for sx in (-1, 1):
        for sz in (-1, 1):
            cx, cz = sx * (x - leg / 2 + splay), sz * (z - leg / 2 + splay)
            low, high = (cx - leg / 2, 0.0, cz - leg / 2), (cx + leg / 2, height, cz + leg / 2)
            p.box(low, high, color, shift=(-sx * splay, 0.0, -sz * splay))


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


FAMILIES: dict[str, Callable[[random.Random], Mesh]] = {
    "aeroplane": aeroplane, "bench": bench, "car": car, "chair": chair, "lamp": lamp, "mug": mug, "rifle": rifle, "table": table,
}  # fmt: skip


def make(family: str, seed: int | str = 0) -> Mesh:
    """One object: the same family and seed give the same object, everywhere.

    Raises:
        ValueError: no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"family: got {family!r}, wanted one of {', '.join(FAMILIES)}")
    digest = hashlib.sha256(f"{family}/{seed}".encode()).digest()
    return FAMILIES[family](random.Random(int.from_bytes(digest[:8], "little")))
