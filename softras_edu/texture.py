"""Texture: pictures, and where on them the corners of faces lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

WRAPS = ("clamp", "repeat")


class FlatTexture(NamedTuple):
    """A `Texture` as the rasterizers take it: all texels in one list."""

    uv: Tensor  # (B, F, 3, 2)
    texels: Tensor  # (T, C): picture after picture, row after row
    # (B, F, 4) int64, of each face's picture: its first texel, rows, columns; 1: it repeats, else 0
    where: Tensor


@dataclass(frozen=True)
class Texture:
    """Pictures, and where on them the corners of faces lie. NumPy arrays become tensors.

    A picture's colour at a place is a mean of the four nearest texels (bilinear): it passes through
    each texel's own colour at the texel's centre, and between two rows or columns of centres it is
    linear. Along those lines it has creases, and its derivative is that of the cell to the right
    and below.

    Attributes:
        images: (h, w, C), one picture; or a list of N of them, of any sizes, or (N, h, w, C). The
            first row is the upper one. Floating point; RGB in [0, 1] for a `Mesh`.
        uv: (F, 3, 2), of each corner of each face; so it may jump at an edge. (0, 0) is the lower
            left corner of a picture, not of a texel, and (1, 1) the upper right one. For
            `rasterize` (B, F, 3, 2) too.
        which: (F,) or (B, F) int64, each face's picture; None: the first one for all.
        wrap: what is beyond [0, 1]: "clamp", the colour of the border; or "repeat", the picture
            again. Or a list, one a picture.

    Raises:
        ValueError: shapes, dtypes or numbers that do not fit together.
    """

    images: Tensor | Sequence[Tensor]
    uv: Tensor
    which: Tensor | None = None
    wrap: str | Sequence[str] = "clamp"

    def __post_init__(self) -> None:
        object.__setattr__(self, "uv", torch.as_tensor(self.uv))
        if self.which is not None:
            object.__setattr__(self, "which", torch.as_tensor(self.which))
        if isinstance(self.images, (list, tuple)):
            images: Any = [torch.as_tensor(image) for image in self.images]
        else:
            images = torch.as_tensor(self.images)
        object.__setattr__(self, "images", images)
        _check(self.pictures(), self.uv, self.which, self.wraps())

    @staticmethod
    def per_face(texels: Tensor) -> Texture:
        """A picture of its own for each face, (F, R, R, C), as the Soft Rasterizer's "surface".

        Corner 0 is at the centre of a picture's lower left texel, corner 1 of its lower right one,
        corner 2 of its upper left one; R = 1 is one colour a face. No pixel, inside or outside its
        face, sees a texel of another face. (The official code keeps R * R small triangles, one
        colour each; here texels blend, so that the place has a gradient too.)

        Raises:
            ValueError: texels of another shape.
        """
        if (
            not isinstance(texels, Tensor)
            or texels.dim() != 4
            or texels.shape[1] != texels.shape[2]
        ):
            got = tuple(texels.shape) if isinstance(texels, Tensor) else type(texels).__name__
            raise ValueError(f"texels: got {got}, wanted a torch.Tensor (F, R, R, C)")
        low = 0.5 / texels.shape[1]
        corners = [[low, low], [1 - low, low], [low, 1 - low]]
        uv = torch.tensor(corners, dtype=texels.dtype, device=texels.device)
        faces = torch.arange(len(texels), device=texels.device)
        return Texture(texels, uv.expand(len(texels), 3, 2), faces)

    def pictures(self) -> list[Tensor]:
        """The pictures, (h, w, C) each."""
        if isinstance(self.images, Tensor):
            return list(self.images) if self.images.dim() == 4 else [self.images]
        return list(self.images)

    def wraps(self) -> list[str]:
        """ "clamp" or "repeat", one a picture."""
        many = len(self.pictures())
        return [self.wrap] * many if isinstance(self.wrap, str) else list(self.wrap)

    def to(self, *to: Any, **options: Any) -> Texture:
        """The same in another dtype or on another device; arguments as in `Tensor.to`."""
        images: Any = (
            self.images.to(*to, **options)
            if isinstance(self.images, Tensor)
            else [image.to(*to, **options) for image in self.images]
        )
        uv = self.uv.to(*to, **options)
        return Texture(
            images, uv, None if self.which is None else self.which.to(uv.device), self.wrap
        )

    def flat(self, batch: int) -> FlatTexture:
        """All texels in one list, for a batch of B = `batch` images.

        Raises:
            ValueError: 2^31 texels and more.
        """
        pictures, faces = self.pictures(), self.uv.shape[-3]
        rows, first = [], 0
        for picture, wrap in zip(pictures, self.wraps(), strict=True):
            height, width = picture.shape[:2]
            rows.append([first, height, width, int(wrap == "repeat")])
            first += height * width
        if first >= 2**31:
            raise ValueError(f"texture: got {first} texels, wanted fewer than 2**31")
        table = torch.tensor(rows).to(self.uv.device, non_blocking=True)
        where = table[0].expand(faces, 4) if self.which is None else table[self.which]
        channels = pictures[0].shape[-1]
        if isinstance(self.images, Tensor):
            texels = self.images.reshape(-1, channels)
        else:
            texels = torch.cat([picture.reshape(-1, channels) for picture in pictures])
        return FlatTexture(
            self.uv.expand(batch, faces, 3, 2), texels, where.expand(batch, faces, 4)
        )


def _check(pictures: list[Tensor], uv: Tensor, which: Tensor | None, wraps: list[str]) -> None:
    """ValueError unless these make a texture."""
    shapes = [tuple(picture.shape) for picture in pictures]
    good = all(len(shape) == 3 and min(shape) >= 1 for shape in shapes)
    if not shapes or not good or len({shape[-1] for shape in shapes}) != 1:
        raise ValueError(f"images: got {shapes[:4]}, wanted (h, w, C), one or more of the same C")
    for picture in pictures:
        if picture.dtype != uv.dtype or picture.device != uv.device:
            got = f"{picture.dtype} on {picture.device}"
            raise ValueError(f"images: got {got}, wanted {uv.dtype} on {uv.device} like uv")
    if uv.dim() not in (3, 4) or uv.shape[-2:] != (3, 2) or not uv.is_floating_point():
        got = f"{uv.dtype} {tuple(uv.shape)}"
        raise ValueError(f"uv: got {got}, wanted floating point (F, 3, 2) or (B, F, 3, 2)")
    for wrap in wraps:
        if wrap not in WRAPS:
            raise ValueError(f"wrap: got {wrap!r}, wanted one of {', '.join(map(repr, WRAPS))}")
    if len(wraps) != len(pictures):
        raise ValueError(f"wrap: got {len(wraps)} for {len(pictures)} pictures")
    if which is None:
        return
    if which.dtype != torch.int64 or which.shape not in (uv.shape[:-2], uv.shape[-3:-2]):
        got, wanted = f"{which.dtype} {tuple(which.shape)}", tuple(uv.shape[:-2])
        raise ValueError(f"which: got {got}, wanted torch.int64 {wanted} to go with uv")
    looks = not (which.is_cuda or torch.compiler.is_compiling())  # else indexing raises
    if looks and which.numel():
        low, high = int(which.min()), int(which.max())
        if low < 0 or high >= len(pictures):
            there = f"there are {len(pictures)} pictures"
            raise ValueError(f"which: got numbers from {low} to {high}, but {there}")
