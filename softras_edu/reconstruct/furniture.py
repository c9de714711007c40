"""Chairs, tables, benches, lamps and mugs, each of random proportions."""

from __future__ import annotations

import math
import random

from ..mesh import Mesh
from .parts import GREYS, PAINTS, WOODS, Color, Parts


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


def _legs(
    p: Parts, x: float, z: float, leg: float, height: float, color: Color, splay: float
) -> None:
    """Four square legs whose tops stand in the corners of a rectangle.

    `splay` moves their feet outwards.
    """
    for sx in (-1, 1):
        for sz in (-1, 1):
            cx, cz = sx * (x - leg / 2 + splay), sz * (z - leg / 2 + splay)
            low, high = (cx - leg / 2, 0.0, cz - leg / 2), (cx + leg / 2, height, cz + leg / 2)
            p.box(low, high, color, shift=(-sx * splay, 0.0, -sz * splay))
