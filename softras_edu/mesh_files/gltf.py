"""Khronos' glTF 2.0, .glb and .gltf: trimesh reads buffers and scenes; colours are mixed here.

glTF multiplies a material's base colour, its texture and the colours of vertices (specification,
section 3.9.2). They are taken as they are in the file, without a conversion between linear and
sRGB. All is opaque: alpha, of a colour or of a picture, is left out. Of a texture's two wrap modes,
beyond the left and right border and beyond the upper and lower one, the file may mix any; here
"repeat" wins over "clamp".
"""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .beside import Folder, check_places
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
    data = close_glb(header, rest) if glb else json.dumps(header).encode()
    resolver: Any = Folder(path)
    scene = trimesh.load_scene(
        io.BytesIO(data),
        file_type=path.suffix[1:].lower(),
        resolver=resolver,
        process=False,
    )
    also, paint = 0, Paint.none(0)
    notes: list[str] = []
    start: dict[tuple[Any, ...], int] = {}  # of each set of vertices: the number of its first
    verts, faces, colors = [np.zeros((0, 3))], [np.zeros((0, 3), np.int64)], []
    many, colored = 0, False
    for node in scene.graph.nodes_geometry:
        matrix, name = scene.graph[node]
        part = scene.geometry[name]
        if not isinstance(part, trimesh.Trimesh):
            also += 1
            continue
        matrix = np.asarray(matrix, np.float64)
        visual: Any = part.visual
        material = materials[int(visual.material.name)]
        own = _part(part, matrix, material, header, paint, notes)
        # Parts with the same vertices share them, so that their order is that of the file.
        key = (material["positions"], len(own.verts), matrix.tobytes())
        if key not in start:
            start[key] = many
            verts.append(own.verts)
            many += len(own.verts)
        faces.append(own.faces + start[key])
        colored |= own.colors is not None
        white = np.ones((*own.faces.shape, 3), np.float32)
        colors.append(white if own.colors is None else own.colors[own.faces])
    rgb = np.concatenate(colors) if colored else None
    what = f"{also} sets of points or lines" if also else ""
    found = paint if paint.which.any() else None
    return Raw(np.concatenate(verts), np.concatenate(faces), rgb, what, found, notes)


def _open_glb(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The JSON header, and the chunks behind it."""
    if data[:4] != b"glTF" or len(data) < 20:
        raise ValueError("not a readable GLB file (it does not begin with glTF)")
    version, length, size, kind = struct.unpack_from("<4I", data, 4)
    if version != 2 or kind != JSON or length > len(data):
        raise ValueError("not a readable GLB file (version 2, or cut short)")
    return json.loads(data[20 : 20 + size]), data[20 + size :]


def close_glb(header: dict[str, Any], rest: bytes) -> bytes:
    """The bytes of a .glb: the JSON header, and the chunks behind it."""
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
        The materials as they were, with "positions": the accessor of the primitive's vertices.
    """
    old: list[dict[str, Any]] = header.get("materials", [])
    new: list[dict[str, Any]] = []
    places = []
    packed = [name for name in header.get("extensionsRequired", []) if name in PACKED]
    if packed:
        raise ValueError(f"the file needs {packed[0]}, which is not read")
    for mesh in header.get("meshes", []):
        for primitive in mesh["primitives"]:
            used = [*primitive["attributes"].values(), primitive.get("indices")]
            if any(k is not None and "sparse" in header["accessors"][k] for k in used):
                raise ValueError("the file has sparse accessors, which are not read")
            material = old[primitive["material"]] if "material" in primitive else {}
            material = _without_gloss(material)
            _choose_places(primitive["attributes"], material)
            primitive["material"] = len(new)
            places.append(primitive["attributes"].get("POSITION"))
            new.append({**material, "name": str(len(new))})
    header["materials"] = new
    return [{**m, "positions": place} for m, place in zip(new, places, strict=True)]


def _without_gloss(material: dict[str, Any]) -> dict[str, Any]:
    """A material of the older extension for "specular and gloss" -> one of glTF's own kind."""
    more = dict(material.get("extensions", {}))
    gloss = more.pop("KHR_materials_pbrSpecularGlossiness", None)
    if gloss is None:
        return material
    names = {"diffuseFactor": "baseColorFactor", "diffuseTexture": "baseColorTexture"}
    look = {new: gloss[name] for name, new in names.items() if name in gloss}
    return {**material, "pbrMetallicRoughness": look, "extensions": more}


def _choose_places(attributes: dict[str, int], material: dict[str, Any]) -> None:
    """Where a picture wants another set of places than the first: make it the first, in place.

    trimesh reads no other one.
    """
    told = material.get("pbrMetallicRoughness", {}).get("baseColorTexture", {})
    change = told.get("extensions", {}).get("KHR_texture_transform", {})
    number = change.get("texCoord", told.get("texCoord", 0))
    if number:
        attributes.pop("TEXCOORD_0", None)
        if f"TEXCOORD_{number}" in attributes:
            attributes["TEXCOORD_0"] = attributes[f"TEXCOORD_{number}"]


def _part(
    part: Any,
    matrix: NDArray[np.float64],
    material: dict[str, Any],
    header: dict[str, Any],
    paint: Paint,
    notes: list[str],
) -> Raw:
    """One primitive in its place in the world; a mirrored one keeps its outside outside.

    Its faces' places on their picture are added to `paint`.
    """
    verts = np.asarray(part.vertices, np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    faces = np.asarray(part.faces, np.int64)
    if np.linalg.det(matrix[:3, :3]) < 0:
        faces = faces[:, ::-1]
    visual, factors = part.visual, []
    shown = material.get("pbrMetallicRoughness", {})
    if "baseColorFactor" in shown:
        factors.append(np.array(shown["baseColorFactor"][:3], np.float32))
    if "color" in visual.vertex_attributes:
        factors.append(unit(visual.vertex_attributes["color"]))
    uv, number = np.zeros((len(faces), 3, 2)), 0
    told = shown.get("baseColorTexture")
    if told is not None and visual.uv is not None:
        image = _picture(visual.material.baseColorTexture, header, told, notes)
        if image is not None:
            wrap = _wrap(header, told)
            number = paint.add(image, wrap)
            uv = _moved(np.asarray(visual.uv, np.float64), told)[faces]
            uv = uv / 2 if wrap == "mirror" else uv
            check_places(uv)
    paint.uv = np.concatenate([paint.uv, uv])
    paint.which = np.concatenate([paint.which, np.full(len(faces), number, np.int64)])
    colors = np.ones_like(verts, np.float32)
    for factor in factors:
        colors = colors * factor
    return Raw(verts, faces, colors if factors else None)


def _picture(image: Any, header: dict[str, Any], told: dict[str, Any], notes: list[str]) -> Any:
    """The picture that trimesh found, or None: then `notes` says what there is not."""
    if image is not None:
        try:
            image.load()
        except (OSError, ValueError, SyntaxError):
            image = None
    if image is None:
        texture = header["textures"][told["index"]]
        source = header["images"][texture["source"]] if "source" in texture else {}
        name = source.get("uri", "")[:80] or source.get("name") or f"of texture {told['index']}"
        notes.append(f"the picture {name!r} is not there or cannot be read, so it is left out")
    return image


def _wrap(header: dict[str, Any], told: dict[str, Any]) -> str:
    """How the picture goes on beyond its border, by the texture's sampler; glTF's own: repeat.

    Raises:
        ValueError: the sampler says something else than glTF has.
    """
    texture = header["textures"][told["index"]]
    sampler = header["samplers"][texture["sampler"]] if "sampler" in texture else {}
    modes = set()
    for name in ("wrapS", "wrapT"):
        code = sampler.get(name, 10497)
        if code not in WRAPS:
            wanted = ", ".join(f"{number} ({mode})" for number, mode in WRAPS.items())
            raise ValueError(f"the sampler's {name} is {code!r}, wanted one of {wanted}")
        modes.add(WRAPS[code])
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
