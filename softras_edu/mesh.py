"""Mesh: vertices, faces, perhaps colours and a texture. `mesh_files` reads and writes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import formulas
from .precision import is_any, outside_autocast, unit
from .texture import Texture


@dataclass(frozen=True)
class Mesh:
    """A triangle mesh. NumPy arrays and lists become tensors.

    Attributes:
        verts: (V, 3) float, world units, y up.
        faces: (F, 3) int64 indices into verts; counter-clockwise seen from outside.
        colors: RGB in [0, 1], or None: (V, 3), one a vertex; or (F, 3, 3), one a corner of each
            face, where colours jump at an edge.
        texture: RGB pictures and uv (F, 3, 2), or None. With colours too, they multiply it.

    Raises:
        ValueError: shapes, dtypes or indices that do not fit together; the message names the first
            bad face or vertex.
    """

    verts: Tensor
    faces: Tensor
    colors: Tensor | None = None
    texture: Texture | None = None

    def __post_init__(self) -> None:
        verts = _tensor("verts", self.verts, torch.get_default_dtype())
        object.__setattr__(self, "verts", verts)
        object.__setattr__(self, "faces", _tensor("faces", self.faces, torch.int64))
        if self.colors is not None:
            object.__setattr__(self, "colors", _tensor("colors", self.colors, verts.dtype))
        _check(self.verts, self.faces, self.colors)
        _check_texture(self.texture, self.verts, self.faces)

    def to(self, *to: Any, **options: Any) -> Mesh:
        """The same mesh in another dtype or on another device; arguments as in `Tensor.to`.

        Faces go to the device and stay int64.
        """
        verts = self.verts.to(*to, **options)
        colors = None if self.colors is None else self.colors.to(*to, **options)
        texture = None if self.texture is None else self.texture.to(*to, **options)
        return Mesh(verts, self.faces.to(verts.device), colors, texture)

    def corner_tints(self) -> Tensor:
        """`colors` of each corner of each face, (F, 3, 3); white, if there are none."""
        if self.colors is not None and self.colors.dim() == 3:
            return self.colors
        tints = torch.ones_like(self.verts) if self.colors is None else self.colors
        return at_corners(tints, self.faces)

    def corner_colors(self) -> Tensor:
        """The colour of each corner of each face, (F, 3, 3): `corner_tints` times the texture."""
        if self.texture is None:
            return self.corner_tints()
        uv, texels, where = self.texture.flat(1)
        where = where[0, :, None].expand(-1, 3, -1)
        return self.corner_tints() * formulas.look_up(texels, uv[0], where)

    def face_normals(self) -> Tensor:
        """Unit normals of the faces, (F, 3)."""
        return face_normals(self.verts, self.faces)

    def vertex_normals(self) -> Tensor:
        """Unit normals of the vertices, (V, 3): the mean of the faces' normals, weighted by area.

        Zero where no face with an area meets.
        """
        return vertex_normals(self.verts, self.faces)

    def fit_unit_sphere(self) -> Mesh:
        """The same shape with its bounding box centred and its farthest vertex at distance 1."""
        centered = self.verts - (self.verts.amin(0) + self.verts.amax(0)) / 2
        return replace(self, verts=centered / centered.norm(dim=1).max().clamp_min(1e-12))

    @staticmethod
    def load(
        path: str | Path,
        *,
        dtype: torch.dtype = torch.float32,
        join: bool = True,
        center: bool = False,
    ) -> Mesh:
        """Read OBJ, PLY, STL, OFF, GLB or glTF.

        Polygons become triangles, concave ones too. OBJ, PLY, GLB and glTF keep their textures, one
        picture for each material that has one: faces of different pictures never mix. A face
        without a material is white, alpha is left out (all is opaque), and what lies beyond a
        picture's border is the picture again, unless the file says "clamp".
        Where the colours of the faces at a vertex differ, colours are one a corner, (F, 3, 3);
        else one a vertex, (V, 3). In glTF they multiply a picture; in OBJ and PLY a face with a
        picture is of its colours alone.

        Args:
            path: the file; its suffix says of which kind it is.
            dtype: of vertices and colours. Files are read in float64.
            join: vertices at exactly the same place become one, which closes the surface where a
                file has one a face (STL) or splits at a texture's seam; vertices that no face has
                are left out. False keeps vertex i of the file as vertex i of the mesh.
            center: move the middle of the bounding box to the origin, before rounding to `dtype`.

        Raises:
            FileNotFoundError, IsADirectoryError: there is no such file.
            ValueError: the file is no mesh, is empty or broken; the message says where, by line or
                face as far as can be known.

        Warns:
            UserWarning: `dtype` cannot hold the detail, as for geographic coordinates in float32;
                or a picture or the materials are not where the file says, which may be its folder
                or one beside it; then its faces are drawn without.
        """
        from . import mesh_files

        return mesh_files.load(Path(path), dtype, join, center, Mesh)

    def save(self, path: str | Path) -> None:
        """Write OBJ, PLY, STL or GLB, by the suffix of `path`; STL keeps no colours, no texture.

        Read again, the mesh gives the same picture, up to the 8 bits of a channel. Pictures are PNG
        files beside an OBJ, with its MTL, or a PLY, and inside a GLB. More than 16 become one, an
        atlas, with gutters, so that no lookup reads a neighbour's texel.
        The order of vertices is kept. One with several colours is written once for each, the others
        behind all vertices; the same in a GLB for several places on pictures.

        Raises:
            ValueError: another suffix; or, in OBJ and PLY, colours that multiply a picture and
                differ between its faces, which only GLB can say.
        """
        from . import mesh_files

        mesh_files.save(self, Path(path))


def at_corners(points: Tensor, faces: Tensor) -> Tensor:
    """What stands at the vertices, (..., V, C), at the corners of faces (F, 3): (..., F, 3, C).

    It is points[..., faces, :]. On the CPU PyTorch shares out even a small indexing to its OpenMP
    threads, which then spin for milliseconds on the cores that a rasterizer is to use; `gather`
    does not, and is faster too, forward and backward.
    """
    if points.device.type != "cpu":
        return points[..., faces, :]
    which = faces.reshape(-1, 1).expand(*points.shape[:-2], -1, points.shape[-1])
    return points.gather(-2, which).reshape(*points.shape[:-2], *faces.shape, points.shape[-1])


@outside_autocast
def face_normals(verts: Tensor, faces: Tensor) -> Tensor:
    """Unit normals, (V, 3) or (B, V, 3) vertices, (F, 3) faces -> (F, 3) or (B, F, 3).

    Of a face without area it is 0, with a gradient of 0.
    """
    a, b, c = at_corners(verts, faces).unbind(-2)
    return unit(torch.linalg.cross(b - a, c - a))


@outside_autocast
def vertex_normals(verts: Tensor, faces: Tensor) -> Tensor:
    """Unit normals, (V, 3) or (B, V, 3) vertices, (F, 3) faces -> like verts.

    The cross product of two edges is the normal times twice the area, so a sum of them is the mean
    weighted by area.
    """
    a, b, c = at_corners(verts, faces).unbind(-2)
    cross = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(verts)
    for corner in faces.unbind(-1):
        total = total.index_add(-2, corner, cross)
    return unit(total)


def _tensor(name: str, x: Any, dtype: torch.dtype) -> Tensor:
    """Tensors as they are; a NumPy array or a list -> a tensor.

    Lists, colours and indices: dtype.
    """
    if isinstance(x, Tensor):
        return x
    try:
        array = np.asarray(x)
        whole = name == "faces"
        if array.dtype.kind not in ("iu" if whole else "fiu"):
            raise TypeError
    except (TypeError, ValueError):
        raise ValueError(f"{name}: got {x!r:.80}, wanted a tensor or an array of numbers") from None
    floats = isinstance(x, np.ndarray) and array.dtype.kind == "f" and name == "verts"
    return torch.tensor(array, dtype=None if floats else dtype)


def _check_texture(texture: Texture | None, verts: Tensor, faces: Tensor) -> None:
    """ValueError unless the texture is None or goes with the faces."""
    if texture is None:
        return
    if not isinstance(texture, Texture):
        raise ValueError(f"texture: got {type(texture).__name__}, wanted a Texture or None")
    uv, channels = texture.uv, texture.pictures()[0].shape[-1]
    if uv.shape != (len(faces), 3, 2) or channels != 3:
        got = f"uv {tuple(uv.shape)} and {channels} channels"
        raise ValueError(f"texture: got {got}, wanted ({len(faces)}, 3, 2) and 3, RGB")
    if uv.dtype != verts.dtype or uv.device != verts.device:
        got, wanted = f"{uv.dtype} on {uv.device}", f"{verts.dtype} on {verts.device}"
        raise ValueError(f"texture: got {got}, wanted {wanted} like verts")


def _check(verts: Tensor, faces: Tensor, colors: Tensor | None) -> None:
    """ValueError unless these make a mesh."""
    shape, many = tuple(verts.shape), len(verts)
    if verts.dim() != 2 or shape[-1] != 3 or not verts.is_floating_point():
        raise ValueError(f"verts: got {verts.dtype} {shape}, wanted floating point (V, 3)")
    if faces.dim() != 2 or faces.shape[-1] != 3 or faces.dtype != torch.int64:
        got = f"{faces.dtype} {tuple(faces.shape)}"
        raise ValueError(f"faces: got {got}, wanted torch.int64 (F, 3)")
    bad = ~verts.detach().isfinite()
    if is_any(bad):
        i = int(bad.nonzero()[0, 0])
        raise ValueError(f"verts: vertex {i} is {verts[i].tolist()}, wanted finite numbers")
    bad = (faces < 0) | (faces >= many)
    if is_any(bad):
        i = int(bad.nonzero()[0, 0])
        there = f"there are {many} vertices (0 to {many - 1})"
        raise ValueError(f"faces: face {i} is {faces[i].tolist()}, but {there}")
    if colors is None:
        return
    corners = (len(faces), 3, 3)
    if colors.shape not in (shape, corners):
        wanted = f"{shape} like verts, or {corners}, one a corner"
        raise ValueError(f"colors: got shape {tuple(colors.shape)}, wanted {wanted}")
    if not colors.is_floating_point():
        raise ValueError(f"colors: got {colors.dtype}, wanted floating point in [0, 1]")
