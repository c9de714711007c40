"""Pictures from files, in a folder or an array: masks, and perhaps colours."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .arrays import load_arrays

ALPHA = "the alpha channel"
SUFFIXES = (".png", ".jpg", ".jpeg")


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts by the values of numbers in a name: 2.png before 10.png."""
    words = re.split(r"(\d+)", name.lower())
    return [(0, int(word), "") if word.isdecimal() else (1, 0, word) for word in words if word]


def read_pictures(images: Path) -> tuple[list[str], Tensor, list[str], Tensor | None]:
    """Names, masks (N, H, W), the channel of each mask, and colours (N, H, W, 3) where all pictures
    have an alpha channel beside them.

    Raises:
        ValueError: unreadable, of several sizes, or no pictures at all.
    """
    if not images.is_dir():
        return _read_array(images)
    paths = _listed(images)
    masks: list[Tensor] = []
    colors: list[Tensor] = []
    channels = []
    for path in paths:
        mask, rgb = _read_file(path)
        _same_size(path, mask, paths[0], masks[0] if masks else mask)
        masks.append(mask)
        channels.append("the brightness" if rgb is None else ALPHA)
        colors += [] if rgb is None else [rgb]
    all_colors = torch.stack(colors) if len(colors) == len(paths) else None
    return [path.name for path in paths], torch.stack(masks), channels, all_colors


def read_photos(photos: Path, names: list[str], size: tuple[int, int]) -> Tensor:
    """Photographs of the pictures with these names -> (N, H, W, 3), RGB in [0, 1].

    Raises:
        ValueError: one is missing, or of another size than its mask.
    """
    if not photos.is_dir():
        array = _one_array(photos, "photographs")
        wanted = (len(names), *size, 3)
        if array.shape != wanted:
            raise ValueError(f"{photos}: got an array of shape {array.shape}, wanted {wanted}")
        return _unit(array, photos)
    by_stem: dict[str, list[Path]] = {}
    for path in _listed(photos):
        by_stem.setdefault(path.stem, []).append(path)
    out = []
    for name in names:
        mine = by_stem.get(Path(name).stem, [])
        if len(mine) != 1:
            raise ValueError(f"{photos}: {len(mine) or 'no'} photographs of {name}, wanted one")
        try:
            with Image.open(mine[0]) as picture:
                rgb = torch.from_numpy(np.array(picture.convert("RGB"), dtype=np.float32) / 255)
        except OSError as error:
            raise ValueError(f"{mine[0]}: not a readable picture ({error})") from None
        if rgb.shape[:2] != size:
            got, want = (" x ".join(map(str, shape)) for shape in (rgb.shape[:2], size))
            raise ValueError(f"{mine[0]}: is {got} pixels (height x width), its mask {want}")
        out.append(rgb)
    return torch.stack(out)


def _listed(folder: Path) -> list[Path]:
    """The pictures of a folder, in natural order."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    if not found:
        raise ValueError(f"{folder}: no PNG file in this folder, and no JPEG")
    return sorted(found, key=lambda path: (natural(path.name), path.name))


def _read_file(path: Path) -> tuple[Tensor, Tensor | None]:
    """A mask (H, W), and RGB (H, W, 3) if the mask is an alpha channel."""
    try:
        with Image.open(path) as picture:
            if "A" in picture.getbands() or "transparency" in picture.info:
                rgba = torch.from_numpy(np.array(picture.convert("RGBA"), dtype=np.float32) / 255)
                return rgba[..., 3], rgba[..., :3]
            return torch.from_numpy(np.array(picture.convert("L"), dtype=np.float32) / 255), None
    except OSError as error:
        kind = "JPEG" if path.suffix.lower() in SUFFIXES[1:] else "PNG"
        raise ValueError(f"{path}: not a readable {kind} ({error})") from None


def _same_size(path: Path, mask: Tensor, first: Path, wanted: Tensor) -> None:
    if mask.shape != wanted.shape:
        mine, other = (" x ".join(map(str, m.shape)) for m in (mask, wanted))
        raise ValueError(
            f"{path}: is {mine} pixels (height x width), but {first.name} is {other}; "
            "all pictures must have one size"
        )


def _read_array(file: Path) -> tuple[list[str], Tensor, list[str], Tensor | None]:
    array, colors, channel = _one_array(file, "images"), None, "the brightness"
    if array.ndim == 4 and array.shape[-1] == 4:
        array, colors, channel = array[..., 3], _unit(array[..., :3], file), ALPHA
    elif array.ndim == 4 and array.shape[-1] in (1, 3):
        array = array.mean(-1, dtype=np.float32).astype(array.dtype)
    if array.ndim != 3 or array.size == 0:
        wanted = "(N, H, W), (N, H, W, C) or (N, C, H, W)"
        raise ValueError(f"{file}: got an array of shape {array.shape}, wanted {wanted}")
    names = [f"picture {k}" for k in range(len(array))]
    return names, _unit(array, file), [channel] * len(array), colors


def _one_array(file: Path, what: str) -> np.ndarray:
    """The one array of a file, with its channels last."""
    arrays = load_arrays(file, what)
    if len(arrays) != 1:
        raise ValueError(f"{file}: has the arrays {', '.join(arrays)}; wanted one, the pictures")
    array: np.ndarray = next(iter(arrays.values()))
    if array.ndim == 4 and array.shape[-1] not in (1, 3, 4) and array.shape[1] in (1, 3, 4):
        array = np.moveaxis(array, 1, -1)
    return array


def _unit(array: np.ndarray, file: Path) -> Tensor:
    """Numbers from 0 to 1, or bytes -> float32 from 0 to 1."""
    numbers = torch.from_numpy(array.astype(np.float32)) / (255 if array.dtype == np.uint8 else 1)
    if not ((numbers >= 0) & (numbers <= 1)).all():
        got = f"{numbers.min():.3g} to {numbers.max():.3g}"
        raise ValueError(f"{file}: got numbers from {got}, wanted 0 to 1 (or bytes, 0 to 255)")
    return numbers
