"""Silhouettes and their cameras, read from files: pictures in a folder or an array."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..camera import Camera
from .arrays import load_arrays
from .camera_files import Entry, read_cameras, to_camera

ALPHA = "the alpha channel"


@dataclass(frozen=True)
class Views:
    """N silhouettes and the N cameras that saw them.

    Attributes:
        names: what the pictures are called in messages and reports.
        masks: (N, H, W), from 0 (background) to 1.
        camera: N cameras.
    """

    names: list[str]
    masks: Tensor
    camera: Camera


def read_views(images: Path, cameras: Path, fov: float = 60.0) -> Views:
    """Read and match them.

    Args:
        images: a folder of PNG files (the alpha channel is the silhouette; a picture without one is
            white on black), in natural order: 2.png before 10.png. Or an .npy or .npz file with one
            array (N, H, W), (N, H, W, C) or (N, C, H, W).
        cameras: .csv, .json, .npy or .npz; `python -m softras_edu fit --help` and the messages say
            what must be in it.
        fov: the whole vertical angle of view of orbit cameras that do not have their own, degrees.

    Raises:
        ValueError: anything missing, unreadable, not fitting or ambiguous; the message names the
            file, and the row or picture.
    """
    names, masks, channels = _read_folder(images) if images.is_dir() else _read_array(images)
    for name, mask, channel in zip(names, masks, channels, strict=True):
        if not (mask > 0.5).any():
            brighter = "no pixel is brighter than one half"
            raise ValueError(f"{name}: the mask is empty, {brighter} in {channel}, which was read")
        if (mask > 0.5).all():
            opaque = "; without that channel the brightness is read" if channel == ALPHA else ""
            raise ValueError(
                f"{name}: the mask covers the whole picture, so it shows no outline: {channel}, "
                f"which was read, is above one half everywhere{opaque}"
            )
    size = (masks.shape[1], masks.shape[2])
    entries = _match(names, read_cameras(cameras, size), cameras)
    return Views(names, masks, to_camera(entries, fov, size))


# ---------------------------------------------------------------- pictures


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key that sorts by the values of numbers in a name: 2.png before 10.png."""
    words = re.split(r"(\d+)", name.lower())
    return [(0, int(word), "") if word.isdecimal() else (1, 0, word) for word in words if word]


def _read_folder(folder: Path) -> tuple[list[str], Tensor, list[str]]:
    """Names, masks and the channel of each."""
    found = [path for path in folder.iterdir() if path.suffix.lower() == ".png"]
    paths = sorted(found, key=lambda path: (natural(path.name), path.name))
    if not paths:
        raise ValueError(f"{folder}: no PNG file in this folder")
    masks: list[Tensor] = []
    channels = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                alpha = "A" in picture.getbands() or "transparency" in picture.info
                grey = picture.convert("RGBA").getchannel("A") if alpha else picture.convert("L")
                masks.append(torch.from_numpy(np.array(grey, dtype=np.float32) / 255))
                channels.append(ALPHA if alpha else "the brightness")
        except OSError as error:
            raise ValueError(f"{path}: not a readable PNG ({error})") from None
        if masks[-1].shape != masks[0].shape:
            mine, first = (" x ".join(map(str, mask.shape)) for mask in (masks[-1], masks[0]))
            raise ValueError(
                f"{path}: is {mine} pixels (height x width), but {paths[0].name} is {first}; "
                "all pictures must have one size"
            )
    return [path.name for path in paths], torch.stack(masks), channels


def _read_array(file: Path) -> tuple[list[str], Tensor, list[str]]:
    """Names, masks and the channel of each."""
    arrays = load_arrays(file, "images")
    if len(arrays) != 1:
        raise ValueError(f"{file}: has the arrays {', '.join(arrays)}; wanted one, the pictures")
    (array,) = arrays.values()
    if array.ndim == 4 and array.shape[-1] not in (1, 3, 4) and array.shape[1] in (1, 3, 4):
        array = np.moveaxis(array, 1, -1)
    channel = "the brightness"
    if array.ndim == 4 and array.shape[-1] == 4:
        array, channel = array[..., 3], ALPHA
    elif array.ndim == 4 and array.shape[-1] in (1, 3):
        array = array.mean(-1, dtype=np.float32).astype(array.dtype)
    if array.ndim != 3 or array.size == 0:
        wanted = "(N, H, W), (N, H, W, C) or (N, C, H, W)"
        raise ValueError(f"{file}: got an array of shape {array.shape}, wanted {wanted}")
    masks = torch.from_numpy(array.astype(np.float32)) / (255 if array.dtype == np.uint8 else 1)
    if not ((masks >= 0) & (masks <= 1)).all():
        got = f"{masks.min():.3g} to {masks.max():.3g}"
        raise ValueError(f"{file}: got numbers from {got}, wanted 0 to 1 (or bytes, 0 to 255)")
    return [f"picture {k}" for k in range(len(masks))], masks, [channel] * len(masks)


# ---------------------------------------------------------------- which camera saw which picture


def _match(names: list[str], entries: list[Entry], file: Path) -> list[tuple[str, Entry]]:
    """A camera for every picture, in the order of the pictures, each with a name for messages.

    Raises:
        ValueError: too few or too many, or more than one way to pair them.
    """
    if not any("image" in entry for entry in entries):
        return _match_in_order(names, entries, file)
    named = [(Path(str(entry.get("image") or "")).name, entry) for entry in entries]
    out = []
    missing = []
    for name in names:
        stem = Path(name).stem  # 007 is as good as 007.png
        mine = [entry for other, entry in named if other == name]
        mine = mine or [entry for other, entry in named if stem in (other, Path(other).stem)]
        if len(mine) > 1:
            raise ValueError(f"{file}: {len(mine)} cameras for {name}, wanted one")
        missing += [] if mine else [name]
        out += [(f"{file}, camera of {name}", entry) for entry in mine]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        wanted = "the column 'image' must name every picture"
        raise ValueError(f"{file}: no camera for {missing[0]}{more}; {wanted}")
    return out


def _match_in_order(names: list[str], entries: list[Entry], file: Path) -> list[tuple[str, Entry]]:
    """Cameras without names: the first belongs to the first picture."""
    many, wanted = len(entries), len(names)
    if many != wanted:
        first = f"; the first without a camera is {names[many]}" if many < wanted else ""
        raise ValueError(f"{file}: {many} cameras for {wanted} pictures{first}")
    pictures = [name for name in names if not name.startswith("picture ")]
    for natural_order, letters in zip(pictures, sorted(pictures), strict=True):
        if natural_order != letters:
            raise ValueError(
                f"{file}: the cameras have no names, and the pictures have two orders: by number "
                f"{natural_order} comes where by letters {letters} does. Name the pictures in a "
                "column 'image', or number them 001, 002, ..."
            )
    return [(f"{file}, camera of {n}", entry) for n, entry in zip(names, entries, strict=True)]
