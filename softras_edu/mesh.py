"""Mesh: vertices, faces, perhaps colours. The built-in shapes, and files (through trimesh)."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
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
            raise ValueError(f"verts: got {self.verts.dtype} {tuple(self.verts.shape)}, wanted floating point (V, 3)")
        if self.faces.dim() != 2 or self.faces.shape[-1] != 3 or self.faces.dtype != torch.int64:
            raise ValueError(f"faces: got {self.faces.dtype} {tuple(self.faces.shape)}, wanted torch.int64 (F, 3)")
        for i in (~self.verts.detach().isfinite().all(1)).nonzero()[:1, 0].tolist():
            raise ValueError(f"verts: vertex {i} is {self.verts[i].tolist()}, wanted finite numbers")
        for i in ((self.faces < 0) | (self.faces >= len(self.verts))).any(1).nonzero()[:1, 0].tolist():
            raise ValueError(f"faces: face {i} is {self.faces[i].tolist()}, but there are {len(self.verts)} vertices (0 to {len(self.verts) - 1})")
        if self.colors is not None and self.colors.shape != self.verts.shape:
            raise ValueError(f"colors: got shape {tuple(self.colors.shape)}, wanted {tuple(self.verts.shape)} like verts")

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
            raise IsADirectoryError(f"{path} is a directory, wanted a mesh file ({', '.join(SUFFIXES)})")
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file")
        if path.suffix.lower() not in SUFFIXES:
            raise ValueError(f"{path}: cannot read {path.suffix or 'a file without a suffix'}, wanted one of {', '.join(SUFFIXES)}")
        if path.stat().st_size == 0:
            raise ValueError(f"{path}: the file is empty")
        source: dict[str, Any] = {"file_obj": path}
        if path.suffix.lower() == ".obj":
            source = {"file_obj": io.StringIO(_clean_obj(path)), "file_type": "obj", "resolver": trimesh.resolvers.FilePathResolver(str(path))}
        try:
            loaded: Any = trimesh.load(**source, force="mesh", process=False)
            colors = _read_colors(loaded.visual)
        except Exception as error:  # trimesh raises whatever its parsers do
            raise ValueError(f"{path}: not a readable {path.suffix[1:].upper()} file ({error})") from error
        verts = torch.tensor(loaded.vertices, dtype=torch.float32).reshape(-1, 3)
        faces = torch.tensor(loaded.faces, dtype=torch.int64).reshape(-1, 3)
        if len(faces) == 0:
            raise ValueError(f"{path}: {len(verts)} vertices but 0 faces, so there is nothing to draw")
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
            raise ValueError(f"{path}: cannot write {path.suffix or 'a file without a suffix'}, wanted one of {', '.join(SUFFIXES)}")
        colors = None if self.colors is None else (self.colors.detach().clamp(0, 1) * 255).round().byte().cpu().numpy()
        mesh = trimesh.Trimesh(self.verts.detach().cpu().numpy(), self.faces.cpu().numpy(), vertex_colors=colors, process=False)
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
                if words[0] == "v" and (len(words) < 4 or not all(math.isfinite(float(word)) for word in words[1:])):
                    raise ValueError("a vertex needs three finite numbers")
            elif len(words) < 4:
                raise ValueError("a face needs three corners or more")
            else:
                for n, word in enumerate(words[1:], start=1):
                    corner = [int(index) if index else 0 for index in word.split("/")]
                    if corner[0] == 0 or corner[0] > total or corner[0] < -seen["v"]:
                        raise ValueError(f"the face refers to vertex {corner[0]}, but the file has {total} (the first is 1)")
                    corner = [index + count + 1 if index < 0 else index for index, count in zip(corner, seen.values(), strict=False)]
                    words[n] = "/".join(str(index or "") for index in corner)
        except ValueError as error:
            raise ValueError(f"{path}, line {k + 1}: {line.split('#')[0].strip()!r}: {error}") from None
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
    key = mesh.verts if mesh.colors is None or not by_color else torch.cat([mesh.verts, mesh.colors], dim=1)
    _, group = key.unique(dim=0, return_inverse=True)  # (V,)
    first = torch.full((int(group.max()) + 1,), len(group)).scatter_reduce(0, group, torch.arange(len(group)), "amin")
    order = first.argsort()  # keep the order of first appearance
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    kept = first[order]
    return Mesh(mesh.verts[kept], rank[group][mesh.faces], None if mesh.colors is None else mesh.colors[kept])


def face_normals(verts: Tensor, faces: Tensor) -> Tensor:
    """Unit normals of the faces, (V, 3) or (B, V, 3) vertices, (F, 3) faces -> (F, 3) or (B, F, 3)."""
    a, b, c = verts[..., faces, :].unbind(-2)
    return normalize(torch.linalg.cross(b - a, c - a), dim=-1)


def icosphere(level: int = 2) -> Mesh:
    """Unit sphere: an icosahedron whose faces are split in four `level` times, 20 * 4**level faces.

    Raises:
        ValueError: level is not in 0 ... 7.
    """
    if not 0 <= level <= 7:
        raise ValueError(f"level: got {level!r}, wanted 0 to 7 (7 has 327,680 faces)")
    g = (1 + math.sqrt(5)) / 2
    corners = [(-1, g, 0), (1, g, 0), (-1, -g, 0), (1, -g, 0), (0, -1, g), (0, 1, g), (0, -1, -g), (0, 1, -g), (g, 0, -1), (g, 0, 1), (-g, 0, -1), (-g, 0, 1)]
    triangles = [(0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4), (11, 10, 2), (10, 7, 6), (7, 1, 8),
                 (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8), (3, 8, 9), (4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)]  # fmt: skip
    verts, faces = torch.tensor(corners, dtype=torch.float64), torch.tensor(triangles)
    for _ in range(level):
        edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).sort(1).values
        unique, which = edges.unique(dim=0, return_inverse=True)
        ab, bc, ca = (which + len(verts)).reshape(3, -1)  # index of the new vertex in the middle of each face's edges
        a, b, c = faces.T
        verts = normalize(torch.cat([normalize(verts, dim=1), verts[unique].mean(1)]), dim=1)
        faces = torch.cat([torch.stack(f, dim=1) for f in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return Mesh(normalize(verts, dim=1).float(), faces)


def cube() -> Mesh:
    """Cube from -1 to 1 in x, y and z divided by sqrt(3), so that its corners lie on the unit sphere: 8 vertices, 12 faces."""
    verts = torch.tensor([(x, y, z) for x in (-1.0, 1.0) for y in (-1.0, 1.0) for z in (-1.0, 1.0)]) / math.sqrt(3)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    return Mesh(verts, torch.tensor([f for a, b, c, d in quads for f in ((a, b, c), (a, c, d))]))


def torus(radius: float = 0.7, tube: float = 0.3, around: int = 24, across: int = 12) -> Mesh:
    """Torus around the y axis: 2 * around * across faces."""
    ring = [(radius * math.cos(a), 0.0, -radius * math.sin(a)) for a in _angles(around)]
    return Mesh(*_tube(ring, [tube] * around, across, closed=True))


def teapot(around: int = 14) -> Mesh:
    """A teapot in the manner of Utah's: a lathed body with its lid, a spout and a handle; about 500 faces at around = 14, unit radius."""
    body = [(0.45, 0.0), (0.78, 0.16), (0.92, 0.42), (0.88, 0.68), (0.72, 0.92), (0.64, 1.0), (0.48, 1.1), (0.2, 1.2), (0.09, 1.25), (0.15, 1.34), (0.1, 1.42)]
    spout = [(0.7, 0.3, 0.0), (1.05, 0.42, 0.0), (1.22, 0.66, 0.0), (1.34, 0.9, 0.0), (1.52, 1.02, 0.0)]
    handle = [(-0.72 - 0.62 * math.sin(t), 0.62 + 0.28 * math.cos(t), 0.0) for t in (math.pi * k / 6 for k in range(7))]
    parts = [_lathe(body, around), _tube(spout, [0.26, 0.2, 0.14, 0.11, 0.1], 8), _tube(handle, [0.08] * 7, 6)]
    start, verts, faces = 0, [], []
    for part_verts, part_faces in parts:
        verts.append(part_verts)
        faces.append(part_faces + start)
        start += len(part_verts)
    return Mesh(torch.cat(verts), torch.cat(faces)).fit_unit_sphere()


def _angles(count: int) -> list[float]:
    return [2 * math.pi * k / count for k in range(count)]


def _lathe(profile: Sequence[tuple[float, float]], around: int) -> tuple[Tensor, Tensor]:
    """Turn a profile of (radius, height), bottom to top, around the y axis and close both ends -> (V, 3), (F, 3)."""
    rings = [[(r * math.cos(a), y, -r * math.sin(a)) for a in _angles(around)] for r, y in profile]
    return _skin(rings, [(0.0, profile[0][1], 0.0), (0.0, profile[-1][1], 0.0)], closed=False)


def _tube(path: Sequence[tuple[float, float, float]], radii: Sequence[float], across: int, closed: bool = False) -> tuple[Tensor, Tensor]:
    """A tube along a path in a plane (a ring around y if closed, else in x and y), one radius a point -> (V, 3), (F, 3)."""
    points = torch.tensor(path)
    ahead, behind = points.roll(-1, 0), points.roll(1, 0)
    if not closed:
        ahead[-1], behind[0] = points[-1], points[0]
    along = normalize(ahead - behind, dim=1)
    side = torch.tensor([0.0, 1.0, 0.0] if closed else [0.0, 0.0, 1.0]).expand_as(along)
    out = torch.linalg.cross(side, along)
    rings = [[(p + r * (math.cos(a) * u - math.sin(a) * v)).tolist() for a in _angles(across)] for p, r, u, v in zip(points, radii, side, out, strict=True)]
    return _skin(rings, [] if closed else [path[0], path[-1]], closed)


def _skin(rings: Sequence[Sequence[Sequence[float]]], caps: Sequence[Sequence[float]], closed: bool) -> tuple[Tensor, Tensor]:
    """Faces between neighbouring rings of points, and a fan at each end if there are caps -> (V, 3), (F, 3)."""
    count, n = len(rings), len(rings[0])
    faces = []
    for k in range(count if closed else count - 1):
        for i in range(n):
            a, b = k * n + i, k * n + (i + 1) % n
            c, d = (k + 1) % count * n + i, (k + 1) % count * n + (i + 1) % n
            faces += [(a, b, d), (a, d, c)]
    for cap, (ring, flip) in enumerate(((0, True), (count - 1, False))[: len(caps)]):
        for i in range(n):
            a, b = ring * n + i, ring * n + (i + 1) % n
            faces.append((count * n + cap, b, a) if flip else (count * n + cap, a, b))
    return torch.tensor([point for ring in rings for point in ring] + list(caps)), torch.tensor(faces)
