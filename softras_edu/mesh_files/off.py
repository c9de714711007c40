"""Geomview's OFF, as in ModelNet: text, with colours of vertices (COFF) or faces."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .raw import Raw, corners_of, decode, unit


def read(path: Path) -> Raw:
    """Read an OFF file. The counts may stand right behind the word OFF, as in parts of ModelNet.

    Raises:
        ValueError: what is wrong with it.
    """
    text = decode(path.read_bytes())
    rows = [line.partition("#")[0].split() for line in text.splitlines()]
    rows = [row for row in rows if row]
    head = re.fullmatch(r"(ST)?(C)?(N)?OFF(\d+)?", rows[0][0], re.IGNORECASE) if rows else None
    if head is None:
        raise ValueError("not a readable OFF file (it does not begin with OFF)")
    if "BINARY" in (word.upper() for word in rows[0]):
        raise ValueError("a binary OFF file, wanted text")
    if head[4] or len(rows[0]) > 1:
        rows[0] = [word for word in (head[4] or "", *rows[0][1:]) if word]
    else:
        rows = rows[1:]
    try:
        many, faces = int(rows[0][0]), int(rows[0][1])
    except (IndexError, ValueError):
        raise ValueError("wanted the numbers of vertices and faces after OFF") from None
    if len(rows) < 1 + many + faces:
        raise ValueError(f"{len(rows) - 1} lines, wanted {many} vertices and {faces} faces")
    points, polygons = rows[1 : 1 + many], rows[1 + many : 1 + many + faces]
    verts = np.array([row[:3] for row in points], np.float64).reshape(-1, 3)
    corners = corners_of(verts, [[int(i) for i in row[1 : 1 + int(row[0])]] for row in polygons])
    colors = None
    if head[2]:
        start = 6 if head[3] else 3
        colors = _rgb([row[start : start + 3] for row in points])
    if colors is None:
        colors = _rgb([row[1 + int(row[0]) : 4 + int(row[0])] for row in polygons])
        colors = None if colors is None else np.repeat(colors[corners.polygon][:, None], 3, 1)
    return Raw(verts, corners.faces, colors)


def _rgb(rows: list[list[str]]) -> NDArray[np.float32] | None:
    """Three words a row -> colours; whole numbers are bytes. None unless every row has them."""
    if not rows or not all(len(row) == 3 for row in rows):
        return None
    whole = all(word.isdigit() for row in rows for word in row)
    return unit(np.array(rows, np.float64).astype(np.uint8 if whole else np.float64))
