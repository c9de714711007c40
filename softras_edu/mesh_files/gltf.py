"""Khronos' glTF 2.0, .glb and .gltf: trimesh reads buffers and scenes; colours are mixed here.

glTF multiplies a material's base colour, its texture and the colours of vertices (specification,
section 3.9.2). They are taken as they are in the file, without a conversion between linear and
sRGB. Of a texture's two wrap modes, beyond the left and right border and beyond the upper and lower
one, the file may mix any; here "repeat" wins over "clamp".
"""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .raw import Paint, Raw, decode, unit

PACKED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_meshopt_compression")
JSON = 0x4E4F534A  # the type of a chunk
WRAPS = {33071: "clamp", 33648: "mirror", 10497: "repeat"}


def read(path: Path) -> Raw:
    """Read all the meshes of a file's scene, in one.

    Raises:
        ValueError: packed in a way that is not read.
    """
    import trimesh

    glb = path.suffix.lower() == ".glb"
    header, rest = _open_glb(path.read_bytes()) if glb else _open_gltf(path.read_bytes())
    materials = _name_materials(header)
    data = _close_glb(header, rest) if glb else json.dumps(header).encode()
    scene = trimesh.load_scene(
        io.BytesIO(data),
        file_type=path.suffix[1:].lower(),
        resolver=trimesh.resolvers.FilePathResolver(str(path)),
        process=False,
    )
    parts, also, paint = [], 0, Paint.none(0)
    for node in scene.graph.nodes_geometry:
        matrix, name = scene.graph[node]
        part = scene.geometry[name]
        if not isinstance(part, trimesh.Trimesh):
            also += 1
            continue
        parts.append(_part(part, np.asarray(matrix, np.float64), materials, header, paint))
    colored = any(part.colors is not None for part in parts)
    start, verts, faces, colors = 0, [np.zeros((0, 3))], [np.zeros((0, 3), np.int64)], []
    for part in parts:
        verts.append(part.verts)
        faces.append(part.faces + start)
        start += len(part.verts)
        white = np.ones_like(part.verts, np.float32)
        colors.append(white if part.colors is None else part.colors)
    rgb = np.concatenate(colors) if colored else None
    what = f"{also} sets of points or lines" if also else ""
    found = paint if paint.which.any() else None
    return Raw(np.concatenate(verts), np.concatenate(faces), rgb, what, found)


def _open_glb(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON header, and the chunks behind it."""
    if data[:4] != b"glTF" or len(data) < 20:
        raise ValueError("not a readable GLB file (it does not begin with glTF)")
    version, length, size, kind = struct.unpack_from("<4I", data, 4)
    if version != 2 or kind != JSON or length > len(data):
        raise ValueError("not a readable GLB file (version 2, or cut short)")
    return json.loads(data[20 : 20 + size]), data[20 + size :]


def _close_glb(header: dict[str, Any], rest: bytes) -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    length = 20 + len(text) + len(rest)
    return struct.pack("<4s4I", b"glTF", 2, length, len(text), JSON) + text + rest


def _open_gltf(data: bytes) -> tuple[dict[str, Any], bytes]:
    header = json.loads(decode(data))
    if not isinstance(header, dict):
        raise ValueError("not a readable GLTF file (no object)")
    return header, b""


def _name_materials(header: dict[str, Any]) -> list[dict[str, Any]]:
    """Give every primitive a material of its own, whose name is its number, in `header`.

    trimesh keeps colours of vertices as they are in the file only beside a material.

    Returns:
        The materials as they were.
    """
    old: list[dict[str, Any]] = header.get("materials", [])
    new: list[dict[str, Any]] = []
    packed = [name for name in header.get("extensionsRequired", []) if name in PACKED]
    if packed:
        raise ValueError(f"the file needs {packed[0]}, which is not read")
    for mesh in header.get("meshes", []):
        for primitive in mesh["primitives"]:
            used = [*primitive["attributes"].values(), primitive.get("indices")]
            if any(k is not None and "sparse" in header["accessors"][k] for k in used):
                raise ValueError("the file has sparse accessors, which are not read")
            material = old[primitive["material"]] if "material" in primitive else {}
            primitive["material"] = len(new)
            new.append({**material, "name": str(len(new))})
    header["materials"] = new
    return new


def _part(
    part: Any,
    matrix: NDArray[np.float64],
    materials: list[dict[str, Any]],
    header: dict[str, Any],
    paint: Paint,
) -> Raw:
    """One primitive in its place in the world; a mirrored one keeps its outside outside.

    Its faces' places on their picture are added to `paint`.
    """
    verts = np.asarray(part.vertices, np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    faces = np.asarray(part.faces, np.int64)
    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = faces[:, ::-1]
    visual, factors = part.visual, []
    shown = materials[int(visual.material.name)].get("pbrMetallicRoughness", {})
    if "baseColorFactor" in shown:
        factors.append(np.array(shown["baseColorFactor"][:3], np.float32))
    if "color" in visual.vertex_attributes:
        factors.append(unit(visual.vertex_attributes["color"]))
    uv, number = np.zeros((len(faces), 3, 2)), 0
    if visual.material.baseColorTexture is not None and visual.uv is not None:
        told = shown["baseColorTexture"]
        wrap = _wrap(header, told)
        number = paint.add(visual.material.baseColorTexture, wrap)
        uv = _moved(np.asarray(visual.uv, np.float64), told)[faces]
        uv = uv / 2 if wrap == "mirror" else uv
    paint.uv = np.concatenate([paint.uv, uv])
    paint.which = np.concatenate([paint.which, np.full(len(faces), number, np.int64)])
    colors = np.ones_like(verts, np.float32)
    for factor in factors:
        colors = colors * factor
    return Raw(verts, faces, colors if factors else None)


def _wrap(header: dict[str, Any], told: dict[str, Any]) -> str:
    """How the picture goes on beyond its border, by the texture's sampler; glTF's own: repeat."""
    texture = header["textures"][told["index"]]
    sampler = header["samplers"][texture["sampler"]] if "sampler" in texture else {}
    modes = {WRAPS.get(sampler.get(name, 0), "repeat") for name in ("wrapS", "wrapT")}
    return modes.pop() if len(modes) == 1 else "repeat"


def _moved(uv: NDArray[np.float64], told: dict[str, Any]) -> NDArray[np.float64]:
    """uv, (0, 0) lower left, by the extension KHR_texture_transform, whose (0, 0) is upper left."""
    change = told.get("extensions", {}).get("KHR_texture_transform")
    if change is None:
        return uv
    angle, place = change.get("rotation", 0.0), np.stack([uv[:, 0], 1 - uv[:, 1]], axis=1)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    place = (place * change.get("scale", [1, 1])) @ turn.T + change.get("offset", [0, 0])
    return np.stack([place[:, 0], 1 - place[:, 1]], axis=1)
