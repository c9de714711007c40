"""glTF scenes made byte by byte: colours, parts, nodes."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from softras_edu import Mesh

BLUE, WHITE = [0.0, 0.0, 1.0], [1.0, 1.0, 1.0]


def write(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def gltf(parts: list[dict[str, Any]], nodes: list[dict[str, Any]] | None = None, **more: Any):
    """(header, buffer) of a scene with one triangle a part.

    A part has "color" (an array), "factor" (RGBA), "x" (where it is).
    """
    views, accessors, primitives, materials, data = [], [], [], [], b""

    def accessor(array: Any, kind: str, **other: Any) -> int:
        nonlocal data
        codes = {"float32": 5126, "uint16": 5123, "uint8": 5121, "uint32": 5125}
        views.append({"buffer": 0, "byteOffset": len(data), "byteLength": array.nbytes})
        data += array.tobytes() + b"\0" * (-array.nbytes % 4)
        accessors.append({"bufferView": len(views) - 1, "componentType": codes[array.dtype.name],
                          "count": len(array), "type": kind, **other})  # fmt: skip
        return len(accessors) - 1

    for part in parts:
        place = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
        place[:, 0] += part.get("x", 0.0)
        attributes = {"POSITION": accessor(place, "VEC3")}
        if "color" in part:
            array = part["color"]
            fixed = array.dtype != np.float32
            kind = f"VEC{array.shape[1]}"
            attributes["COLOR_0"] = accessor(array, kind, **({"normalized": True} if fixed else {}))
        indices = accessor(np.arange(3, dtype=np.uint32), "SCALAR")
        primitives.append({"attributes": attributes, "indices": indices})
        if "factor" in part:
            primitives[-1]["material"] = len(materials)
            materials.append({"pbrMetallicRoughness": {"baseColorFactor": part["factor"]}})
    header = {
        "asset": {"version": "2.0"}, "scene": 0, "scenes": [{"nodes": [0]}],
        "nodes": nodes or [{"mesh": 0}], "meshes": [{"primitives": primitives}],
        "accessors": accessors, "bufferViews": views, "buffers": [{"byteLength": len(data)}],
        **({"materials": materials} if materials else {}), **more,
    }  # fmt: skip
    return header, data


def save_gltf(tmp_path: Path, suffix: str, header: dict[str, Any], data: bytes) -> Path:
    if suffix == ".gltf":
        write(tmp_path, "a.bin", data)
        header["buffers"][0]["uri"] = "a.bin"
        return write(tmp_path, "a.gltf", json.dumps(header))
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<2I", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<2I", len(data), 0x004E4942) + data
    return write(tmp_path, "a.glb", struct.pack("<4s2I", b"glTF", 2, 12 + len(chunks)) + chunks)


RGB = np.array([[1.0, 0.0, 0.2], [0.4, 1.0, 0.0], [0.0, 0.6, 0.8]])


@pytest.mark.parametrize("suffix", [".glb", ".gltf"])
@pytest.mark.parametrize("kind", ["float32", "uint8", "uint16"])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("factor", [None, [1.0, 1.0, 1.0, 1.0], [0.5, 1.0, 0.25, 1.0]])
def test_colours_of_gltf_vertices(tmp_path, suffix, kind, alpha, factor):
    # Integers stand for fractions of their largest value, and the material's colour multiplies
    # them: 65535 was read as some colour or other, and a white material made everything white.
    top = 1.0 if kind == "float32" else np.iinfo(kind).max
    color = np.hstack([RGB, np.ones((3, 1))])[:, : 4 if alpha else 3] * top
    color = color.astype(kind) if kind == "float32" else color.round().astype(kind)
    if kind != "float32" and not alpha:  # rows of vertices are aligned to 4 bytes
        return
    part = {"color": color} | ({} if factor is None else {"factor": factor})
    mesh = Mesh.load(save_gltf(tmp_path, suffix, *gltf([part])))
    wanted = torch.tensor(RGB * (factor or [1.0] * 4)[:3], dtype=torch.float32)
    torch.testing.assert_close(mesh.corner_colors()[0], wanted, rtol=0, atol=1e-6)


def test_parts_with_different_kinds_of_colour_keep_their_own(tmp_path):
    parts = [
        {"color": RGB.astype(np.float32)},
        {"x": 2.0, "factor": [0.0, 0.0, 1.0, 1.0]},
        {"x": 4.0},
        {"x": 6.0, "color": (np.hstack([RGB, RGB[:, :1]]) * 255).round().astype(np.uint8)},
    ]
    colors = Mesh.load(save_gltf(tmp_path, ".glb", *gltf(parts))).corner_colors()
    rgb = torch.tensor(RGB, dtype=torch.float32)
    wanted = [rgb, torch.tensor([BLUE] * 3), torch.tensor([WHITE] * 3), rgb]
    torch.testing.assert_close(colors, torch.stack(wanted), rtol=0, atol=1e-6)
    assert Mesh.load(save_gltf(tmp_path, ".glb", *gltf([{}, {"x": 2.0}]))).colors is None


def test_nodes_move_and_mirror_their_meshes(tmp_path):
    # One mesh used twice, once mirrored: its outside must stay outside.
    nodes = [{"children": [1, 2]}, {"mesh": 0, "translation": [0, 0, 5]},
             {"mesh": 0, "scale": [-1, 1, 1]}]  # fmt: skip
    mesh = Mesh.load(save_gltf(tmp_path, ".glb", *gltf([{"x": 1.0}], nodes)))
    corners = mesh.verts[mesh.faces]
    assert corners[:, :, 2].mean(1).sort().values.tolist() == [0.0, 5.0]
    flat = corners[corners[:, 0, 2] == 0][0]
    assert flat[:, 0].sort().values.tolist() == [-2.0, -1.0, -1.0]
    assert mesh.face_normals().tolist() == [[0.0, 0.0, 1.0]] * 2


def test_a_gltf_that_is_packed_says_so(tmp_path):
    more = {"extensionsRequired": ["KHR_draco_mesh_compression"]}
    with pytest.raises(ValueError, match=r"a\.glb: the file needs KHR_draco_mesh_compression"):
        Mesh.load(save_gltf(tmp_path, ".glb", *gltf([{}], **more)))
    header, data = gltf([{}])
    header["accessors"][0]["sparse"] = {}
    with pytest.raises(ValueError, match=r"a\.glb: the file has sparse accessors"):
        Mesh.load(save_gltf(tmp_path, ".glb", header, data))
