"""Mesh files: one reader a format, and what all have in common.

obj.py       Wavefront's text, with materials and textures
ply.py       Stanford's, text and binary
off.py       Geomview's, as in ModelNet
mtl.py       the materials of an OBJ file
gltf.py      Khronos' scenes, .glb and .gltf, through trimesh
write_glb.py and back
writing.py   a mesh as the writers take it
atlas.py     many pictures -> one
polygons.py  polygons -> triangles
beside.py    the files that a mesh file names
raw.py       what a reader hands over, and a writer takes
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..texture import Texture
from .polygons import Floats, Ints
from .raw import Paint, Raw
from .writing import to_write

if TYPE_CHECKING:
    from ..mesh import Mesh

WRITTEN = (".obj", ".ply", ".stl", ".glb")
READ = (*WRITTEN, ".gltf", ".off")


def load(path: Path, dtype: torch.dtype, join: bool, center: bool, make: type[Mesh]) -> Mesh:
    """See `Mesh.load`. `make` is `Mesh` itself, which imports this room and not the other way."""
    suffix = path.suffix.lower()
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory, wanted a mesh file ({', '.join(READ)})")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if suffix not in READ:
        what = path.suffix or "a file without a suffix"
        raise ValueError(f"{path}: cannot read {what}, wanted one of {', '.join(READ)}")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty")
    try:
        raw = _read(path, suffix)
        for note in dict.fromkeys(raw.notes):
            warnings.warn(f"{path}: {note}", stacklevel=3)
        return _mesh(raw, dtype, join, center, path, make)
    except ImportError:
        raise  # a package is missing; nothing is wrong with the file
    except ValueError as error:
        comma = ", " if str(error).startswith("line ") else ": "
        raise ValueError(f"{path}{comma}{error}") from None
    except Exception as error:  # trimesh raises whatever its parsers do
        kind = suffix[1:].upper()
        raise ValueError(f"{path}: not a readable {kind} file ({error!r})") from error


def save(mesh: Mesh, path: Path) -> None:
    """See `Mesh.save`."""
    suffix = path.suffix.lower()
    if suffix not in WRITTEN:
        what = path.suffix or "a file without a suffix"
        raise ValueError(f"{path}: cannot write {what}, wanted one of {', '.join(WRITTEN)}")
    if suffix == ".stl":
        import trimesh

        arrays = mesh.verts.detach().cpu().numpy(), mesh.faces.cpu().numpy()
        trimesh.Trimesh(*arrays, process=False).export(path)
        return
    if suffix == ".glb":
        from .write_glb import write
    elif suffix == ".ply":
        from .ply import write
    else:
        from .obj import write
    write(to_write(mesh, tints=suffix == ".glb"), path)


def _read(path: Path, suffix: str) -> Raw:
    if suffix in (".glb", ".gltf"):
        from .gltf import read
    elif suffix == ".obj":
        from .obj import read
    elif suffix == ".ply":
        from .ply import read
    elif suffix == ".off":
        from .off import read
    else:
        read = _read_stl
    return read(path)


def _read_stl(path: Path) -> Raw:
    import trimesh

    loaded = trimesh.load_mesh(path, process=False)
    faces = np.asarray(loaded.faces, np.int64).reshape(-1, 3)
    return Raw(np.asarray(loaded.vertices, np.float64).reshape(-1, 3), faces)


def _mesh(
    raw: Raw, dtype: torch.dtype, join: bool, center: bool, path: Path, make: type[Mesh]
) -> Mesh:
    """Join, centre, round: what is read -> a `Mesh`, checked.

    Raises:
        ValueError: no faces, or what `Mesh` finds wrong.
    """
    verts, faces, colors = raw.verts, raw.faces, raw.colors
    if len(faces) == 0:
        also = f" and {raw.also}" if raw.also else ""
        hint = " (a point cloud?)" if len(verts) and not raw.also else ""
        raise ValueError(
            f"{len(verts)} vertices{also} but 0 faces{hint}, so there is nothing to draw"
        )
    make(torch.tensor(verts), torch.tensor(faces))  # checks
    if center:
        verts = verts - (verts.min(0) + verts.max(0)) / 2
    if join:
        verts, faces, colors = _join(verts, faces, colors)
    if colors is not None and colors.ndim == 3:
        colors = _by_vertex(colors, faces, len(verts))
    rounded = torch.tensor(verts, dtype=dtype)
    _warn_of_rounding(verts, rounded, faces, path)
    rgb = None if colors is None else torch.tensor(colors, dtype=dtype)
    texture = None if raw.paint is None else _texture(raw.paint, dtype)
    return make(rounded, torch.tensor(faces), rgb, texture)


def _texture(paint: Paint, dtype: torch.dtype) -> Texture:
    images = [torch.tensor(image, dtype=dtype) for image in paint.images]
    uv, which = torch.tensor(paint.uv, dtype=dtype), torch.tensor(paint.which)
    if len(images) == 2 and paint.which.all():  # one picture for all faces
        return Texture(images[1], uv, wrap=paint.wraps[1])
    return Texture(images, uv, which, paint.wraps)


Colors = NDArray[np.float32]


def _join(verts: Floats, faces: Ints, colors: Colors | None) -> tuple[Floats, Ints, Colors | None]:
    """Join vertices at one place, and drop those without a face; the order is that of the file.

    Vertices that are joined may differ in colour: then colours become one a corner.
    """
    _, first, group = np.unique(verts + 0.0, axis=0, return_index=True, return_inverse=True)
    group = first[group.reshape(-1)]  # of each vertex, the first one at its place
    kept = np.unique(group[faces])
    rank = np.zeros(len(verts), np.int64)
    rank[kept] = np.arange(len(kept))
    if colors is not None and colors.ndim == 2:
        colors = colors[faces]
    return verts[kept], rank[group[faces]], colors


def _by_vertex(colors: Colors, faces: Ints, many: int) -> Colors:
    """(F, 3, 3) -> (V, 3) where all the corners at each vertex have one colour, else as it is."""
    single = np.ones((many, 3), np.float32)
    single[faces] = colors
    return single if np.array_equal(single[faces], colors) else colors


def _warn_of_rounding(verts: Floats, rounded: Tensor, faces: Ints, path: Path) -> None:
    """Say it if rounding changed an edge's length by more than a tenth."""
    ends = np.concatenate([faces[:, :2], faces[:, 1:], faces[:, ::2]])
    before, after = (
        np.linalg.norm(x[ends[:, 0]] - x[ends[:, 1]], axis=1)
        for x in (verts, rounded.double().numpy())
    )
    lost = int((np.abs(after - before) > 0.1 * before).sum())
    if lost:
        kind = str(rounded.dtype).removeprefix("torch.")
        warnings.warn(
            f"{path}: {kind} cannot hold the detail: coordinates reach {np.abs(verts).max():.9g}, "
            f"and rounding changes {lost} of {len(ends)} edges by more than a tenth of their "
            "length. Pass center=True, or dtype=torch.float64",
            stacklevel=5,
        )
