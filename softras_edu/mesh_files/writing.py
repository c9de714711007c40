"""A mesh as the writers take it: arrays, with pictures of 8 bits in a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .atlas import pack
from .polygons import Ints
from .raw import Paint, Raw

if TYPE_CHECKING:
    from ..mesh import Mesh

MANY = 16  # more pictures than these are packed into an atlas


def to_write(mesh: Mesh, tints: bool) -> Raw:
    """Vertices with one colour each, faces, pictures; the order of vertices is kept.

    A vertex with several colours is there once for each, with the others behind all vertices.

    Args:
        tints: the format multiplies pictures by the colours of vertices.

    Raises:
        ValueError: it does not, and the mesh has colours that differ within a picture.
    """
    verts, faces = mesh.verts.detach().cpu().numpy(), mesh.faces.cpu().numpy()
    colors = None if mesh.colors is None else _array(mesh.colors)
    paint = None if mesh.texture is None else _paint(mesh)
    if paint is None:
        corners = colors if colors is None or colors.ndim == 3 else colors[faces]
    else:
        corners = _array(mesh.corner_tints())
        corners = corners * _plain(paint)[:, None]
        if not tints:
            _multiply(paint, corners)
        paint = pack(paint) if len(paint.images) > MANY + 1 else paint
        paint = paint if paint.which.any() else None
        if (corners == 1).all():
            corners = None
    if corners is None:
        return Raw(verts, faces, None, paint=paint)
    take, faces, first = split(faces, corners, len(verts))
    single = corners.reshape(-1, 3)[first] if len(faces) else np.ones((len(verts), 3), np.float32)
    if colors is not None and colors.ndim == 2:  # a vertex without a face keeps its colour, too
        lone = np.bincount(faces.reshape(-1), minlength=len(take)) == 0
        single[lone] = colors[take[lone]]
    return Raw(verts[take], faces, single, paint=paint)


def split(faces: Ints, keys: NDArray[Any], many: int) -> tuple[Ints, Ints, Ints]:
    """Split vertices whose corners differ: (F, 3) faces, (F, 3, K) keys, `many` vertices.

    Returns:
        (V',) the vertex of each new one, first all the old ones in their order; (F, 3) faces of the
        new ones; (V',) a corner of each, from 0 to 3 F - 1 (0, if it has none).
    """
    corner = faces.reshape(-1)
    if not len(corner):
        return np.arange(many), faces, np.zeros(many, np.int64)
    rows = np.column_stack([corner, keys.reshape(len(corner), -1)])
    _, first, kind = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    kind = kind.reshape(-1)
    old = np.full(many, -1)  # of each vertex, the kind of its first corner
    old[corner[::-1]] = kind[::-1]
    more = np.setdiff1d(np.arange(len(first)), old)  # sorted by vertex
    number = np.zeros(len(first), np.int64)
    used = old >= 0
    number[old[used]] = np.flatnonzero(used)
    number[more] = many + np.arange(len(more))
    corners = np.concatenate([np.where(used, first[old], 0), first[more]])
    take = np.concatenate([np.arange(many), corner[first[more]]])
    return take, number[kind].reshape(-1, 3), corners


def _array(x: Any) -> NDArray[np.float32]:
    """Colours in [0, 1] -> float32, in which no digit of 8 bits is lost."""
    return np.asarray(x.detach().clamp(0, 1).cpu().float().numpy())


def _paint(mesh: Mesh) -> Paint:
    """The mesh's texture, its pictures counted from 1."""
    texture = mesh.texture
    assert texture is not None
    uv = texture.uv.detach().cpu().double().numpy()
    which = np.zeros(len(uv), np.int64) if texture.which is None else texture.which.cpu().numpy()
    paint = Paint(uv.copy(), which + 1)
    paint.images += [_array(picture) for picture in texture.pictures()]
    paint.wraps += texture.wraps()
    return paint


def _plain(paint: Paint) -> NDArray[np.float32]:
    """Take pictures of one texel, and those that no face has, out of `paint`: they are colours.

    Returns:
        (F, 3), the colour of each face whose picture was taken out; 1 for others.
    """
    used = np.unique(paint.which)
    plain = np.array([image.shape[:2] == (1, 1) for image in paint.images])
    colors = np.array([image[0, 0] for image in paint.images])
    of_face = np.where(plain[paint.which, None], colors[paint.which], np.float32(1))
    kept = [0, *(k for k in used if not plain[k])]
    number = np.zeros(len(paint.images), np.int64)
    number[kept] = np.arange(len(kept))
    paint.which = number[paint.which]
    paint.images = [paint.images[k] for k in kept]
    paint.wraps = [paint.wraps[k] for k in kept]
    return np.asarray(of_face, np.float32)


def _multiply(paint: Paint, corners: NDArray[np.float32]) -> None:
    """Multiply each picture by the one colour of its faces' corners, which become white.

    Raises:
        ValueError: they have several.
    """
    for k in range(1, len(paint.images)):
        mine = paint.which == k
        colors = corners[mine].reshape(-1, 3)
        if (colors != colors[0]).any():
            raise ValueError(
                "colors: this format shows a picture or colours, not their product, and the "
                f"colours of the faces with picture {k - 1} differ; a .glb has both"
            )
        paint.images[k] = paint.images[k] * colors[0]
        corners[mine] = 1.0
