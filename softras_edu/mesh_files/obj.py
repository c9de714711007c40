"""Wavefront OBJ, with the colours and textures of its MTL files."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import mtl
from .beside import picture
from .polygons import Ints
from .raw import Corners, Paint, Raw, companion, corners_of, decode, unit

FEW = 64  # colours beside pictures that are materials


@dataclass
class _Text:
    """What the lines say. Indices count from 0; -1: none."""

    verts: list[list[float]] = field(default_factory=list)
    uv: list[list[float]] = field(default_factory=list)
    faces: list[list[int]] = field(default_factory=list)  # vertices
    uv_faces: list[list[int]] = field(default_factory=list)  # texture coordinates
    paint: list[int] = field(default_factory=list)  # of each face: which of `materials`
    materials: list[str] = field(default_factory=list)
    libraries: list[str] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)  # how many points and lines


def read(path: Path) -> Raw:
    """Read an OBJ file.

    Raises:
        ValueError: with the number of the first line that cannot be right.
    """
    text = _parse(decode(path.read_bytes()))
    numbers = text.verts
    verts = np.array([row[:3] for row in numbers], np.float64).reshape(-1, 3)
    corners = corners_of(verts, text.faces)
    notes: list[str] = []
    colors, paint = _colors(text, corners, mtl.read(path, text.libraries, notes), path, notes)
    if colors is None and paint is None and numbers and all(len(row) >= 6 for row in numbers):
        colors = unit([row[3:6] for row in numbers])
    also = ", ".join(f"{count} {name}" for name, count in text.others.items())
    return Raw(verts, corners.faces, colors, also, paint, notes)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines with their numbers, without comments; one that ends in a backslash goes on below."""
    whole, first = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        names = line.lstrip().startswith(("usemtl", "mtllib"))  # these may have a "#" in them
        line = (re.split(r"\s#", line)[0] if names else line.partition("#")[0]).strip()
        whole, first = (f"{whole} {line}", first) if whole else (line, number)
        if whole.endswith("\\"):
            whole = whole[:-1] or " "
            continue
        yield first, whole.strip()
        whole = ""
    yield first, whole.strip()


def _parse(text: str) -> _Text:
    out, now = _Text(), -1
    lines = list(_lines(text))
    kinds = [line.split(None, 1)[0] for _, line in lines if line]
    many = {kind: kinds.count(kind) for kind in ("v", "vt")}
    for number, line in lines:
        words = line.split()
        kind = words[0] if words else ""
        try:
            if kind == "v":
                out.verts.append(_numbers(words, 3))
            elif kind == "vt":
                out.uv.append([*_numbers(words, 1), 0.0][:2])
            elif kind == "f":
                _face(out, words[1:], many)
                out.paint.append(now)
            elif kind == "usemtl":
                name = line[6:].strip()
                if name not in out.materials:
                    out.materials.append(name)
                now = out.materials.index(name)
            elif kind == "mtllib":
                out.libraries.append(line[6:].strip())
            elif kind in ("l", "p"):
                what = {"l": "lines", "p": "points"}[kind]
                out.others[what] = out.others.get(what, 0) + 1
        except ValueError as error:
            raise ValueError(f"line {number}: {line!r}: {error}") from None
    return out


def _numbers(words: list[str], least: int) -> list[float]:
    numbers = [float(word) for word in words[1:]]
    if len(numbers) < least or not all(map(math.isfinite, numbers)):
        what = {3: "a vertex needs three", 1: "a texture coordinate needs one or two"}[least]
        raise ValueError(f"{what} finite numbers")
    return numbers


def _face(out: _Text, words: list[str], many: dict[str, int]) -> None:
    """Note a face; indices from the end become indices from the start.

    Raises:
        ValueError: fewer than three corners, or an index to something that is not in the file.
    """
    if len(words) < 3:
        raise ValueError("a face needs three corners or more")
    face, uv_face = [], []
    for word in words:
        v, vt, *_ = [*word.split("/"), ""]
        face.append(_index(v, len(out.verts), many["v"], "vertex"))
        uv_face.append(
            _index(vt, len(out.uv), many["vt"], "texture coordinate") if vt not in ("", "0") else -1
        )
    out.faces.append(face)
    out.uv_faces.append(uv_face)


def _index(word: str, seen: int, total: int, name: str) -> int:
    index = int(word or 0)
    if index == 0 or index > total or index < -seen:
        there = f"but the file has {total} (the first is 1)"
        raise ValueError(f"the face refers to {name} {index}, {there}")
    return seen + index if index < 0 else index - 1


# ---------------------------------------------------------------- colours


def _colors(
    text: _Text,
    corners: Corners,
    materials: dict[str, mtl.Material],
    path: Path,
    notes: list[str],
) -> tuple[NDArray[np.float32] | None, Paint | None]:
    """A colour a corner, (F, 3, 3), where materials say one, and their textures.

    A face with a texture is of its colours alone. The colours of vertices stand above the one
    colour of a material, which many programs write beside them; a face without any is white, and
    so is one without a material among others that have one. None if no face has a material with a
    colour, and if none has a texture.
    """
    owner = np.array(text.paint, np.int64)[corners.polygon]
    uv = np.array(text.uv, np.float64).reshape(-1, 2)
    uv_faces = np.array([k for face in text.uv_faces for k in face], np.int64)[corners.corner]
    colors, paint = np.ones((*corners.faces.shape, 3), np.float32), Paint.none(len(corners.faces))
    rows = text.verts
    by_vertex = bool(rows) and all(len(row) >= 6 for row in rows)
    if by_vertex:
        colors = unit([row[3:6] for row in rows])[corners.faces]
    found = False
    for k, name in enumerate(text.materials):
        material, mine = materials.get(name, mtl.Material()), owner == k
        image = None
        if material.picture and (uv_faces[mine] >= 0).all() and mine.any():
            image = picture(path, material.picture, notes)
        if image is not None:
            paint.which[mine] = paint.add(image, material.wrap)
            paint.uv[mine] = uv[uv_faces[mine]] * material.scale + material.offset
            colors[mine] = 1.0
        elif material.color is not None and not by_vertex:
            colors[mine] = unit(material.color)
            found = True
    painted = paint.which > 0
    found |= by_vertex and bool(painted.any()) and not painted.all()
    return colors if found else None, paint if painted.any() else None


# ---------------------------------------------------------------- writing


def write(raw: Raw, path: Path) -> None:
    """OBJ, and with pictures an MTL and a PNG for each.

    Vertices and faces keep their order: places on pictures have numbers of their own, which
    trimesh's writer does not use, so that it splits vertices at seams. (It rounds to 8 decimals,
    too, of which little is left of a small mesh.) Beside pictures, the colours of faces are
    materials, if they are few, else colours of vertices, which not all programs read.
    """
    digits = "%.17g" if raw.verts.dtype == np.float64 else "%.9g"
    out, paint, colors = io.StringIO(), raw.paint, raw.colors
    which = np.zeros(len(raw.faces), np.int64)  # of each face: which of `names`
    names = [""]
    if paint is not None:
        text, names, which = "newmtl plain\nKd 1 1 1\n", ["plain"], paint.which.copy()
        for k, file in enumerate(paint.save(path), start=1):
            uv = paint.uv[which == k]
            beyond = bool(((uv < 0) | (uv > 1)).any())
            names.append(f"texture_{k}")
            text += mtl.write(names[k], file.name, paint.wraps[k], beyond)
        few = _few_colors(raw)
        if few is not None:
            colors, (few_rows, number) = None, few
            which[which == 0] = len(names) + number
            names += [f"color_{k}" for k in range(len(few_rows))]
            for k, row in enumerate(few_rows):
                text += f"newmtl color_{k}\nKd {row[0]:.9g} {row[1]:.9g} {row[2]:.9g}\n"
        library = companion(path, ".mtl")
        library.write_text(text, encoding="utf-8")
        out.write(f"mtllib {library.name}\n")
    points = raw.verts if colors is None else np.hstack([raw.verts, colors])
    np.savetxt(out, points, fmt="v " + " ".join([digits] * points.shape[1]))
    _write_faces(out, raw.faces + 1, paint, digits, which, names)
    path.write_text(out.getvalue(), encoding="utf-8")


def _few_colors(raw: Raw) -> tuple[NDArray[np.float32], Ints] | None:
    """The colours of the faces without a picture, (N, 3), and which is each face's.

    None if there are none, or more than can be materials: more than FEW, or several on one face.
    """
    assert raw.paint is not None
    plain = raw.paint.which == 0
    if raw.colors is None or not plain.any():
        return None
    corners = raw.colors[raw.faces[plain]]
    if (corners != corners[:, :1]).any():
        return None
    colors, number = np.unique(corners[:, 0], axis=0, return_inverse=True)
    return (colors, number.reshape(-1)) if len(colors) <= FEW else None


def _write_faces(
    out: io.StringIO,
    faces: Ints,
    paint: Paint | None,
    digits: str,
    which: Ints,
    names: list[str],
) -> None:
    if paint is None:
        np.savetxt(out, faces, fmt="f %d %d %d")
        return
    shown = paint.which > 0
    uv, number = np.unique(paint.uv[shown].reshape(-1, 2), axis=0, return_inverse=True)
    np.savetxt(out, uv, fmt=f"vt {digits} {digits}")
    rows = np.ones((len(faces), 6), np.int64)  # without a picture any place will do: VTK wants one
    rows[:, ::2] = faces
    rows[shown, 1::2] = number.reshape(-1, 3) + 1
    # one line "usemtl" before each run of faces with the same material
    starts = np.flatnonzero(np.diff(which, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(faces)], strict=True):
        out.write(f"usemtl {names[which[start]]}\n")
        np.savetxt(out, rows[start:end], fmt="f %d/%d %d/%d %d/%d")
