"""What a reader finds in a file, before it becomes a `Mesh`, and what a writer is given."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .polygons import Floats, Ints, triangulate

WHITE: NDArray[np.float32] = np.ones((1, 1, 3), np.float32)


@dataclass
class Paint:
    """Pictures (h, w, 3) in [0, 1], how each goes on beyond its border, and where they are used.

    The first is white, for faces without a picture.
    """

    uv: Floats  # (F, 3, 2), (0, 0) lower left
    which: Ints  # (F,)
    images: list[NDArray[np.float32]] = field(default_factory=lambda: [WHITE])
    wraps: list[str] = field(default_factory=lambda: ["clamp"])

    @staticmethod
    def none(faces: int) -> Paint:
        """Nothing but white."""
        return Paint(np.zeros((faces, 3, 2)), np.zeros(faces, np.int64))

    def save(self, path: Path) -> list[Path]:
        """Write each picture but the white one as a PNG beside the mesh file `path`: their names.

        "a.obj" has "a_texture_1.png", "a_texture_2.png" ...
        """
        files = []
        for k, image in enumerate(self.images[1:], start=1):
            files.append(companion(path, f"_texture_{k}.png"))
            files[-1].write_bytes(png(image))
        return files

    def add(self, image: Any, wrap: str) -> int:
        """A picture (PIL); its number. One that is there already stands once.

        What is transparent in it is drawn as if it were not.

        wrap: "clamp", "repeat" or "mirror", which is a picture and its mirror image, repeated: then
        uv must be halved.
        """
        if image.mode.startswith("I"):  # grey in 16 bits, which PIL would cut off at 255
            grey = np.asarray(image).astype(np.float32) / np.float32(65535)
            pixels = np.repeat(grey[..., None].clip(0, 1), 3, 2)
        else:
            pixels = unit(np.asarray(image.convert("RGB")))
        if wrap == "mirror":
            pixels = np.concatenate([pixels, pixels[:, ::-1]], axis=1)
            pixels, wrap = np.concatenate([pixels[::-1], pixels], axis=0), "repeat"
        for k, (other, how) in enumerate(zip(self.images, self.wraps, strict=True)):
            if how == wrap and np.array_equal(other, pixels):
                return k
        self.images.append(pixels)
        self.wraps.append(wrap)
        return len(self.images) - 1


@dataclass
class Raw:
    """Vertices (V, 3) float64, faces (F, 3), and colours (V, 3) or (F, 3, 3) in [0, 1], or None.

    `also` says in a message what else the file has: "12 lines". `paint` is the texture, if there is
    one; colours multiply it. `notes`: of what a reader has to warn.
    """

    verts: Floats
    faces: Ints
    colors: NDArray[np.float32] | None = None
    also: str = ""
    paint: Paint | None = None
    notes: list[str] = field(default_factory=list)


@dataclass
class Corners:
    """Triangles of polygons.

    (F, 3) vertices, (F, 3) corners in the order of the file, (F,) polygon.
    """

    faces: Ints
    corner: Ints
    polygon: Ints


def corners_of(verts: Floats, polygons: Sequence[Any]) -> Corners:
    """Vertices (V, 3) and polygons, each a list of vertices -> their triangles.

    Raises:
        ValueError: a polygon with fewer than 3 corners, or with a vertex that is not there.
    """
    lengths = np.array([len(polygon) for polygon in polygons], np.int64)
    flat = np.concatenate([np.asarray(p, np.int64) for p in polygons] or [np.zeros(0, np.int64)])
    for k in np.flatnonzero(lengths < 3)[:1]:
        raise ValueError(f"faces: face {k} is {list(map(int, polygons[k]))}, wanted 3 corners")
    owner = np.repeat(np.arange(len(lengths)), lengths)
    for k in owner[(flat < 0) | (flat >= len(verts))][:1]:
        there = f"there are {len(verts)} vertices (0 to {len(verts) - 1})"
        raise ValueError(f"faces: face {k} is {list(map(int, polygons[k]))}, but {there}")
    corner, polygon = triangulate(verts[flat], lengths)
    return Corners(flat[corner], corner, polygon)


def unit(colors: Any) -> NDArray[np.float32]:
    """RGB(A) of any type -> RGB in [0, 1].

    Integers by their largest value; floats above 1 as bytes.
    """
    colors = np.asarray(colors)[..., :3]
    if colors.dtype.kind in "iu":
        largest = np.float32(np.iinfo(colors.dtype).max)
        return np.asarray(colors.astype(np.float32) / largest, np.float32)
    top = np.float32(255 if colors.size and np.nanmax(colors) > 1 else 1)
    return np.asarray(colors.astype(np.float32) / top, np.float32)


def companion(path: Path, end: str) -> Path:
    """A file beside `path`, named after it. A "#" would begin a comment in OBJ and MTL."""
    return path.with_name(path.stem.replace("#", "_") + end)


def png(image: NDArray[np.float32]) -> bytes:
    """A picture (h, w, 3) in [0, 1] -> the bytes of a PNG, 8 bits a channel."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray((image * 255).round().astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def decode(data: bytes) -> str:
    """Text of a file in UTF-8 or UTF-16, with or without a byte-order mark."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    head = data[:200]
    for start, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = head[start::2], head[1 - start :: 2]
        if len(zeros) > 3 and not any(zeros) and all(others):
            return data.decode(name, errors="replace")
    return data.decode("utf-8-sig", errors="replace")
