"""Mesh: vertices, faces, perhaps colours. The built-in shapes, and files (through trimesh)."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

SUFFIXES = (".obj", ".ply", ".stl", ".glb")


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh.

    Attributes:
        verts: (V, 3) float, world units, y up.
        faces: (F, 3) int64 indices into verts; counter-clockwise seen from outside.
        colors: (V, 3) RGB in [0, 1], or None.

    Raises:
        ValueError: shapes, dtypes or indices that do not fit together; the message names the first bad face or vertex.
    """

    verts: Tensor
    faces: Tensor
    colors: Tensor | None = None

    def __post_init__(self) -> None:
        if self.verts.dim() != 2 or self.verts.shape[-1] != 3 or not self.verts.is_floating_point():
            raise ValueError(
                f"verts: got {self.verts.dtype} {tuple(self.verts.shape)}, wanted floating point (V, 3)"
            )
        if self.faces.dim() != 2 or self.faces.shape[-1] != 3 or self.faces.dtype != torch.int64:
            raise ValueError(
                f"faces: got {self.faces.dtype} {tuple(self.faces.shape)}, wanted torch.int64 (F, 3)"
            )
        for i in (~self.verts.detach().isfinite().all(1)).nonzero()[:1, 0].tolist():
            raise ValueError(
                f"verts: vertex {i} is {self.verts[i].tolist()}, wanted finite numbers"
            )
        for i in (
            ((self.faces < 0) | (self.faces >= len(self.verts))).any(1).nonzero()[:1, 0].tolist()
        ):
            raise ValueError(
                f"faces: face {i} is {self.faces[i].tolist()}, but there are {len(self.verts)} vertices (0 to {len(self.verts) - 1})"
            )
        if self.colors is not None and self.colors.shape != self.verts.shape:
            raise ValueError(
                f"colors: got shape {tuple(self.colors.shape)}, wanted {tuple(self.verts.shape)} like verts"
            )

    def face_normals(self) -> Tensor:
        """Unit normals of the faces, (F, 3)."""
        return face_normals(self.verts, self.faces)

    def fit_unit_sphere(self) -> Mesh:
        """The same shape moved and scaled so that its bounding box is centred and its farthest vertex is at distance 1."""
        centered = self.verts - (self.verts.amin(0) + self.verts.amax(0)) / 2
        return Mesh(centered / centered.norm(dim=1).max().clamp_min(1e-12), self.faces, self.colors)

    @staticmethod
    def load(path: str | Path) -> Mesh:
        """Read OBJ, PLY, STL or GLB. Quads are split; textures become vertex colours; vertices that only a texture seam splits are joined.

        Raises:
            FileNotFoundError, IsADirectoryError: there is no such file.
            ValueError: the file is no mesh, is empty or broken; the message says where, by line or face as far as can be known.
        """
        import trimesh

        path = Path(path)
        if path.is_dir():
            raise IsADirectoryError(
                f"{path} is a directory, wanted a mesh file ({', '.join(SUFFIXES)})"
            )
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file")
        if path.suffix.lower() not in SUFFIXES:
            raise ValueError(
                f"{path}: cannot read {path.suffix or 'a file without a suffix'}, wanted one of {', '.join(SUFFIXES)}"
            )
        if path.stat().st_size == 0:
            raise ValueError(f"{path}: the file is empty")
        source: dict[str, Any] = {"file_obj": path}
        if path.suffix.lower() == ".obj":
            source = {
                "file_obj": io.StringIO(_clean_obj(path)),
                "file_type": "obj",
                "resolver": trimesh.resolvers.FilePathResolver(str(path)),
            }
        try:
            loaded: Any = trimesh.load(**source, force="mesh", process=False)
            colors = _read_colors(loaded.visual)
        except Exception as error:  # trimesh raises whatever its parsers do
            raise ValueError(
                f"{path}: not a readable {path.suffix[1:].upper()} file ({error})"
            ) from error
        verts = torch.tensor(loaded.vertices, dtype=torch.float32).reshape(-1, 3)
        faces = torch.tensor(loaded.faces, dtype=torch.int64).reshape(-1, 3)
        if len(faces) == 0:
            raise ValueError(
                f"{path}: {len(verts)} vertices but 0 faces, so there is nothing to draw"
            )
        if colors is not None and colors.dim() == 1:
            colors = colors.expand_as(verts)
        try:
            return _join_equal(Mesh(verts, faces, colors), by_color=loaded.visual.kind != "texture")
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def save(self, path: str | Path) -> None:
        """Write OBJ, PLY, STL or GLB, by the suffix (STL keeps no colours).

        Raises:
            ValueError: another suffix.
        """
        import trimesh

        path = Path(path)
        if path.suffix.lower() not in SUFFIXES:
            raise ValueError(
                f"{path}: cannot write {path.suffix or 'a file without a suffix'}, wanted one of {', '.join(SUFFIXES)}"
            )
        colors = (
            None
            if self.colors is None
            else (self.colors.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
        )
        mesh = trimesh.Trimesh(
            self.verts.detach().cpu().numpy(),
            self.faces.cpu().numpy(),
            vertex_colors=colors,
            process=False,
        )
        mesh.export(path)


def _clean_obj(path: Path) -> str:
    """An OBJ's text without comments and with all indices counted from the file's start, because trimesh misreads the others.

    Raises:
        ValueError: with the number of the first line that cannot be right (trimesh's own errors name no line).
    """
    lines = path.read_text(errors="replace").splitlines()
    total = sum(line.split()[:1] == ["v"] for line in lines)
    seen = {"v": 0, "vt": 0, "vn": 0}
    for k, line in enumerate(lines):
        words = line.split("#")[0].split()
        if words[:1] not in (["v"], ["vt"], ["vn"], ["f"]):
            continue
        try:
            if words[0] != "f":
                seen[words[0]] += 1
                if words[0] == "v" and (
                    len(words) < 4 or not all(math.isfinite(float(word)) for word in words[1:])
                ):
                    raise ValueError("a vertex needs three finite numbers")
            elif len(words) < 4:
                raise ValueError("a face needs three corners or more")
            else:
                for n, word in enumerate(words[1:], start=1):
                    corner = [int(index) if index else 0 for index in word.split("/")]
                    if corner[0] == 0 or corner[0] > total or corner[0] < -seen["v"]:
                        raise ValueError(
                            f"the face refers to vertex {corner[0]}, but the file has {total} (the first is 1)"
                        )
                    corner = [
                        index + count + 1 if index < 0 else index
                        for index, count in zip(corner, seen.values(), strict=False)
                    ]
                    words[n] = "/".join(str(index or "") for index in corner)
        except ValueError as error:
            raise ValueError(
                f"{path}, line {k + 1}: {line.split('#')[0].strip()!r}: {error}"
            ) from None
        lines[k] = " ".join(words)
    return "\n".join(lines) + "\n"


def _read_colors(visual: Any) -> Tensor | None:
    """What trimesh found of colour: (V, 3), or (3,) for a material of one colour, or None."""
    if visual.kind is None:
        return None
    if visual.kind != "texture":
        return torch.tensor(visual.vertex_colors[:, :3], dtype=torch.float32) / 255
    material = visual.material
    written = getattr(material, "kwargs", {})  # what the MTL file says
    image = getattr(material, "image", None) or getattr(material, "baseColorTexture", None)
    if image is not None and visual.uv is not None:
        if image.size == (2, 2) and not written and not hasattr(material, "baseColorTexture"):
            return None  # trimesh's grey stand-in for texture coordinates without a texture
        return torch.tensor(visual.to_color().vertex_colors[:, :3], dtype=torch.float32) / 255
    if "kd" in written or getattr(material, "baseColorFactor", None) is not None:
        return torch.tensor(material.main_color[:3], dtype=torch.float32) / 255
    return None


def _join_equal(mesh: Mesh, by_color: bool) -> Mesh:
    """Join vertices at the same place (and, if asked, of the same colour): STL has three to a face, textures split them at seams."""
    key = (
        mesh.verts
        if mesh.colors is None or not by_color
        else torch.cat([mesh.verts, mesh.colors], dim=1)
    )
    _, group = key.unique(dim=0, return_inverse=True)  # (V,)
    first = torch.full((int(group.max()) + 1,), len(group)).scatter_reduce(
        0, group, torch.arange(len(group)), "amin"
    )
    order = first.argsort()  # keep the order of first appearance
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    kept = first[order]
    return Mesh(
        mesh.verts[kept],
        rank[group][mesh.faces],
        None if mesh.colors is None else mesh.colors[kept],
    )


def face_normals(verts: Tensor, faces: Tensor) -> Tensor:
    """Unit normals of the faces, (V, 3) or (B, V, 3) vertices, (F, 3) faces -> (F, 3) or (B, F, 3)."""
    a, b, c = verts[..., faces, :].unbind(-2)
    return normalize(torch.linalg.cross(b - a, c - a), dim=-1)
