"""Stanford's PLY, text and binary: polygons, colours of vertices or faces, textures."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .beside import check_places, picture
from .polygons import Floats
from .raw import Corners, Paint, Raw, corners_of, decode, unit

TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4",
    "float": "f4", "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2",
    "int32": "i4", "uint32": "u4", "int64": "i8", "uint64": "u8", "float32": "f4", "float64": "f8",
}  # fmt: skip
RGB = (("red", "green", "blue"), ("diffuse_red", "diffuse_green", "diffuse_blue"), ("r", "g", "b"))
UV = (("texture_u", "texture_v"), ("u", "v"), ("s", "t"))
INDICES = ("vertex_indices", "vertex_index")


@dataclass
class _Property:
    name: str
    type: str  # of NumPy
    length: str = ""  # of a list: the type of its length


@dataclass
class _Element:
    name: str
    count: int
    properties: list[_Property] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)  # (count,) arrays, or lists of arrays


def read(path: Path) -> Raw:
    """Read a PLY file.

    Raises:
        ValueError: what is wrong with it.
    """
    data = path.read_bytes()
    head, separator, body = data.partition(b"end_header")
    if not data[:3].lower() == b"ply" or not separator:
        raise ValueError("not a readable PLY file (no header from 'ply' to 'end_header')")
    body = body[2:] if body[:2] == b"\r\n" else body[1:]
    encoding, elements, pictures = _header(decode(head))
    if encoding == "ascii":
        _read_text(elements, body)
    else:
        _read_binary(elements, body, ">" if "big" in encoding else "<")
    found = {element.name: element for element in elements}
    vertex, face = found.get("vertex"), found.get("face")
    if vertex is None or not {"x", "y", "z"} <= vertex.data.keys():
        raise ValueError("no vertices with x, y and z")
    verts = np.column_stack([vertex.data[axis] for axis in "xyz"]).astype(np.float64)
    also = f"{found['edge'].count} edges" if "edge" in found else ""
    if "tristrips" in found:
        also = "triangle strips, which are not read,"
    if face is None or not _indices(face):
        return Raw(verts, np.zeros((0, 3), np.int64), also=also)
    corners = corners_of(verts, face.data[_indices(face)])
    notes: list[str] = []
    paint = _paint(path, pictures, vertex, face, corners, notes)
    colors = _colors(vertex, face, corners)
    if paint is not None and paint.which.all():
        colors = None
    elif paint is not None and colors is not None:
        colors = colors[corners.faces] if colors.ndim == 2 else colors
        colors[paint.which > 0] = 1.0  # a face with a picture is of its colours alone
    return Raw(verts, corners.faces, colors, also, paint, notes)


def _indices(face: _Element) -> str:
    """The name of the list of a face's vertices; "" if there is none."""
    return next((name for name in INDICES if name in face.data), "")


def _header(text: str) -> tuple[str, list[_Element], list[list[str]]]:
    """Encoding, elements without data, and pictures: the name of each and how it goes on."""
    encoding = ""
    elements: list[_Element] = []
    pictures: list[list[str]] = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if words[:1] == ["format"]:
            encoding = words[1]
        elif [word.lower() for word in words[:2]] == ["comment", "texturefile"]:
            pictures.append([line.split(None, 2)[2].strip(), "repeat"])
        elif [word.lower() for word in words[:2]] == ["comment", "texturewrap"] and pictures:
            pictures[-1][1] = words[2]
        elif words[:1] == ["element"]:
            elements.append(_Element(words[1], int(words[2])))
        elif words[:1] == ["property"]:
            types = [TYPES.get(word) for word in words[1:-1] if word != "list"]
            if not elements or None in types:
                raise ValueError(f"the header has {line.strip()!r}, which is no known property")
            length, kind = types if words[1] == "list" else ("", types[0])
            elements[-1].properties.append(_Property(words[-1], str(kind), str(length)))
    if encoding not in ("ascii", "binary_little_endian", "binary_big_endian"):
        raise ValueError(f"the header has the format {encoding!r}, which is none of PLY's")
    return encoding, elements, pictures


def _cut(element: _Element) -> ValueError:
    return ValueError(f"the file ends among its {element.count} elements {element.name!r}")


def _read_text(elements: list[_Element], body: bytes) -> None:
    words, at = body.split(), 0
    for element in elements:
        lists = [p for p in element.properties if p.length]
        wide, many = len(element.properties), element.count
        if not lists:
            rows = np.array(words[at : at + wide * many], np.float64)
            if len(rows) != wide * many:
                raise _cut(element)
            at += wide * many
            for k, p in enumerate(element.properties):
                element.data[p.name] = rows.reshape(many, wide)[:, k].astype(p.type)
            continue
        element.data = {p.name: [] for p in element.properties}
        for _ in range(many):
            for p in element.properties:
                count = int(words[at]) if p.length and at < len(words) else 1
                at += bool(p.length)
                if at + count > len(words) or count < 0:
                    raise _cut(element)
                row = np.array(words[at : at + count], np.float64).astype(p.type)
                element.data[p.name].append(row if p.length else row[0])
                at += count


def _read_binary(elements: list[_Element], body: bytes, order: str) -> None:
    at = 0
    for element in elements:
        kind, rows = _same_length(element, body, at, order), None
        if kind is not None and len(body) - at >= kind.itemsize * element.count:
            rows = np.frombuffer(body, kind, element.count, at)
            lists = [p for p in element.properties if p.length]
            if any((rows[f"# {p.name}"] != rows[p.name].shape[1]).any() for p in lists):
                rows = None
        if rows is not None and kind is not None:
            element.data = {p.name: rows[p.name] for p in element.properties}
            at += kind.itemsize * element.count
        else:
            at = _one_by_one(element, body, at, order)


def _same_length(element: _Element, body: bytes, at: int, order: str) -> np.dtype[Any] | None:
    """The type of a row, if the lists of all rows are as long as those of the first."""
    kinds: list[Any] = []
    for p in element.properties:
        if not p.length:
            kinds.append((p.name, order + p.type))
            continue
        start = at + np.dtype(kinds).itemsize if kinds else at
        length = np.dtype(order + p.length)
        if start + length.itemsize > len(body):
            return None
        count = int(np.frombuffer(body, length, 1, start)[0])
        if not 0 <= count < 1000:
            return None
        kinds += [(f"# {p.name}", length), (p.name, order + p.type, (count,))]
    return np.dtype(kinds)


def _one_by_one(element: _Element, body: bytes, at: int, order: str) -> int:
    """Rows of any length; returns the place after them."""
    element.data = {p.name: [] for p in element.properties}
    kinds = [(p, np.dtype(order + (p.length or "u1")), np.dtype(order + p.type))
             for p in element.properties]  # fmt: skip
    for _ in range(element.count):
        for p, length, kind in kinds:
            count = 1
            if p.length:
                if at + length.itemsize > len(body):
                    raise _cut(element)
                count = int(np.frombuffer(body, length, 1, at)[0])
                at += length.itemsize
            if count < 0 or at + count * kind.itemsize > len(body):
                raise _cut(element)
            row = np.frombuffer(body, kind, count, at)
            element.data[p.name].append(row if p.length else row[0])
            at += count * kind.itemsize
    return at


# ---------------------------------------------------------------- colours


def _paint(
    path: Path,
    pictures: list[list[str]],
    vertex: _Element,
    face: _Element,
    corners: Corners,
    notes: list[str],
) -> Paint | None:
    """The pictures that comments name, and where on them the faces lie; None if there are none.

    MeshLab's "texnumber" says which picture is a face's; without it, the first; out of range, none.
    """
    uv = _places(vertex, face, corners) if pictures else None
    if uv is None:
        return None
    check_places(uv)
    number = np.zeros(face.count, np.int64)
    if "texnumber" in face.data:
        number = np.asarray(face.data["texnumber"]).astype(np.int64)
    paint = Paint.none(len(corners.faces))
    for k, (name, wrap) in enumerate(pictures):
        image = picture(path, name, notes)
        if wrap not in ("clamp", "repeat"):
            raise ValueError(f"TextureWrap: got {wrap!r}, wanted clamp or repeat")
        if image is not None:
            mine = number[corners.polygon] == k
            paint.which[mine] = paint.add(image, wrap)
            paint.uv[mine] = uv[mine]
    return paint if paint.which.any() else None


def _places(vertex: _Element, face: _Element, corners: Corners) -> Floats | None:
    """Places on pictures, (F, 3, 2), of the faces' corners or of the vertices."""
    if "texcoord" in face.data:
        rows = [np.asarray(x, np.float64) for x in face.data["texcoord"]]
        flat = np.concatenate(rows) if rows else np.zeros(0)
        if flat.size != 2 * sum(map(len, face.data[_indices(face)])):
            raise ValueError("texcoord: wanted two numbers for each corner of a face")
        return flat.reshape(-1, 2)[corners.corner]
    for u, v in UV:
        if u in vertex.data and v in vertex.data:
            uv = np.column_stack([vertex.data[u], vertex.data[v]]).astype(np.float64)
            return uv[corners.faces]
    return None


def _colors(vertex: _Element, face: _Element, corners: Corners) -> NDArray[np.float32] | None:
    """The vertices', else the faces': (V, 3) or (F, 3, 3), or None."""
    for names in RGB:
        if all(name in vertex.data for name in names):
            return unit(np.column_stack([vertex.data[name] for name in names]))
    for names in RGB:
        if all(name in face.data for name in names):
            rows = unit(np.column_stack([face.data[name] for name in names]))
            return np.repeat(rows[corners.polygon][:, None], 3, 1)
    return None


# ---------------------------------------------------------------- writing


def write(raw: Raw, path: Path) -> None:
    """Binary PLY, and a PNG for each picture.

    Places on pictures are one a corner and pictures have numbers, as MeshLab has them: trimesh's
    writer knows one picture, and splits vertices at its seams. How a picture goes on beyond its
    border stands in a comment of ours.
    """
    real = "f8" if raw.verts.dtype == np.float64 else "f4"
    paint = Paint.none(0) if raw.paint is None else raw.paint
    comments = [
        f"comment TextureFile {file.name}\ncomment TextureWrap {wrap}"
        for file, wrap in zip(paint.save(path), paint.wraps[1:], strict=True)
    ]
    vertex: list[Any] = [(axis, "<" + real) for axis in "xyz"]
    if raw.colors is not None:
        vertex += [(name, "u1") for name in RGB[0]]
    face: list[Any] = [("# vertex_indices", "u1"), ("vertex_indices", "<i4", 3)]
    if raw.paint is not None:
        face += [("# texcoord", "u1"), ("texcoord", "<" + real, 6), ("texnumber", "<i4")]
    points, polygons = np.zeros(len(raw.verts), vertex), np.zeros(len(raw.faces), face)
    for k, axis in enumerate("xyz"):
        points[axis] = raw.verts[:, k]
        if raw.colors is not None:
            points[RGB[0][k]] = (raw.colors[:, k] * 255).round()
    polygons["# vertex_indices"], polygons["vertex_indices"] = 3, raw.faces
    if raw.paint is not None:
        polygons["# texcoord"], polygons["texcoord"] = 6, paint.uv.reshape(-1, 6)
        polygons["texnumber"] = paint.which - 1
    lines = ["ply", "format binary_little_endian 1.0", *comments]
    for name, rows in (("vertex", points), ("face", polygons)):
        lines.append(f"element {name} {len(rows)}")
        lines += _properties(rows.dtype)
    head = "\n".join([*lines, "end_header\n"])
    path.write_bytes(head.encode() + points.tobytes() + polygons.tobytes())


def _properties(row: np.dtype[Any]) -> list[str]:
    names = {"<f4": "float", "<f8": "double", "|u1": "uchar", "<i4": "int"}
    lines, before = [], ""
    for name in row.names or ():
        if not name.startswith("# "):
            kind = names[row[name].base.str]
            many = f"list uchar {kind}" if before == f"# {name}" else kind
            lines.append(f"property {many} {name}")
        before = name
    return lines
