"""The families of made-up objects: shapes to learn from without a download.

furniture.py and machines.py make them of boxes, lathed profiles and tubes with random proportions.
Every part is closed and has one colour; parts overlap where they join. y is up. Front is -z for
chairs, benches, cars and aeroplanes.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable

from ..mesh import Mesh
from .furniture import bench, chair, lamp, mug, table
from .machines import aeroplane, car, rifle

FAMILIES: dict[str, Callable[[random.Random], Mesh]] = {
    "aeroplane": aeroplane,
    "bench": bench,
    "car": car,
    "chair": chair,
    "lamp": lamp,
    "mug": mug,
    "rifle": rifle,
    "table": table,
}


def make(family: str, seed: int | str = 0) -> Mesh:
    """One object: the same family and seed give the same object, everywhere.

    Raises:
        ValueError: no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"family: got {family!r}, wanted one of {', '.join(FAMILIES)}")
    digest = hashlib.sha256(f"{family}/{seed}".encode()).digest()
    return FAMILIES[family](random.Random(int.from_bytes(digest[:8], "little")))
