"""Khronos' glTF 2.0 written as one file, .glb.

Not by trimesh: its writer has no wrap modes (so all textures repeat), drops the colours of vertices
beside a picture, and gives each picture a set of vertices of its own, so that their order is lost.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .gltf import close_glb
from .polygons import Floats, Ints
from .raw import Paint, Raw, png
from .writing import split

FLOAT, UINT, LINEAR = 5126, 5125, 9729
WRAPS = {"clamp": 33071, "repeat": 10497}
BINARY = 0x004E4942  # the type of a chunk
KINDS = {1: "SCALAR", 2: "VEC2", 3: "VEC3"}


class _Buffer:
    """Bytes, and what glTF calls views and accessors of them."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, data: bytes) -> int:
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)})
        self.data += data + bytes(-len(data) % 4)
        return len(self.views) - 1

    def add(self, array: NDArray[Any], **more: Any) -> int:
        kind = FLOAT if array.dtype == np.float32 else UINT
        wide = 1 if array.ndim == 1 else array.shape[1]
        about = {"bufferView": self.view(array.tobytes()), "componentType": kind,
                 "count": len(array), "type": KINDS[wide]}  # fmt: skip
        self.accessors.append(about | more)
        return len(self.accessors) - 1


def write(raw: Raw, path: Path) -> None:
    """One mesh, of one set of vertices, with a part for each picture that its faces have.

    Vertices keep their order (those with several places on pictures come again behind all others),
    and faces theirs among those with one picture; first come the faces without one.
    """
    paint = Paint.none(len(raw.faces)) if raw.paint is None else raw.paint
    verts, faces, uv, colors = _vertices(raw)
    buffer = _Buffer()
    place = verts.astype(np.float32)
    limits = {"min": place.min(0).tolist(), "max": place.max(0).tolist()}
    attributes = {"POSITION": buffer.add(place, **limits)}
    if colors is not None:
        attributes["COLOR_0"] = buffer.add(colors.astype(np.float32))
    textured = dict(attributes)
    if uv is not None:  # in glTF (0, 0) is the upper left corner
        flipped = np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)
        textured["TEXCOORD_0"] = buffer.add(flipped.astype(np.float32))
    primitives = []
    for k in np.unique(paint.which).tolist():
        index = faces[paint.which == k].reshape(-1).astype(np.uint32)
        primitives.append({"attributes": textured if k else attributes,
                           "indices": buffer.add(index), "material": k})  # fmt: skip
    images = [
        {"bufferView": buffer.view(png(image)), "mimeType": "image/png"}
        for image in paint.images[1:]
    ]
    header = {
        "asset": {"version": "2.0", "generator": "softras-edu"},
        "scene": 0, "scenes": [{"nodes": [0]}], "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": primitives}],
        "materials": [_material(k) for k in range(len(paint.images))],
        "accessors": buffer.accessors, "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }  # fmt: skip
    if images:
        header["images"] = images
        header["textures"] = [{"source": k, "sampler": k} for k in range(len(images))]
        header["samplers"] = [
            {"magFilter": LINEAR, "minFilter": LINEAR, "wrapS": WRAPS[w], "wrapT": WRAPS[w]}
            for w in paint.wraps[1:]
        ]
    chunk = struct.pack("<2I", len(buffer.data), BINARY) + bytes(buffer.data)
    path.write_bytes(close_glb(header, chunk))


def _vertices(raw: Raw) -> tuple[Floats, Ints, Floats | None, NDArray[np.float32] | None]:
    """Vertices with one place on a picture each: (V, 3), faces, (V, 2), and (V, 3) colours."""
    if raw.paint is None:
        return raw.verts, raw.faces, None, raw.colors
    take, faces, first = split(raw.faces, raw.paint.uv, len(raw.verts))
    uv = raw.paint.uv.reshape(-1, 2)[first]
    return raw.verts[take], faces, uv, None if raw.colors is None else raw.colors[take]


def _material(k: int) -> dict[str, Any]:
    """Dull, seen from both sides, with picture k - 1; 0: without one."""
    look: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    if k:
        look["baseColorTexture"] = {"index": k - 1}
    return {"pbrMetallicRoughness": look, "doubleSided": True}
