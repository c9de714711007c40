"""Silhouettes and their cameras, read from files: pictures in a folder or an array, cameras as a table, as JSON or as arrays."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..camera import Camera

ORBIT = ("distance", "elevation", "azimuth")
PINHOLE = ("K", "R", "t")


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
        images: a folder of PNG files (the alpha channel is the silhouette; a picture without one is white on black); or an .npy or .npz file
            with one array (N, H, W), (N, H, W, C) or (N, C, H, W).
        cameras: .csv, .json, .npy or .npz; `python -m softras_edu fit --help` and the messages say what must be in it.
        fov: the whole vertical angle of view of orbit cameras that do not have their own, degrees.

    Raises:
        ValueError: anything missing, unreadable or not fitting; the message names the file, and the row or picture.
    """
    names, masks = _read_folder(images) if images.is_dir() else _read_array(images)
    for name, mask in zip(names, masks, strict=True):
        if not (mask > 0.5).any():
            raise ValueError(f"{name}: the mask is empty, no pixel is brighter than one half")
        if (mask > 0.5).all():
            raise ValueError(f"{name}: the mask covers the whole picture, so it shows no outline")
    return Views(
        names,
        masks,
        _to_camera(_match(names, _read_cameras(cameras), cameras), fov, masks.shape[1:]),
    )


# ---------------------------------------------------------------- pictures


def _read_folder(folder: Path) -> tuple[list[str], Tensor]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".png")
    if not paths:
        raise ValueError(f"{folder}: no PNG file in this folder")
    masks: list[Tensor] = []
    for path in paths:
        try:
            with Image.open(path) as picture:
                alpha = "A" in picture.getbands() or "transparency" in picture.info
                grey = picture.convert("RGBA").getchannel("A") if alpha else picture.convert("L")
                masks.append(torch.from_numpy(np.array(grey, dtype=np.float32) / 255))
        except OSError as error:
            raise ValueError(f"{path}: not a readable PNG ({error})") from None
        if masks[-1].shape != masks[0].shape:
            sizes = [" x ".join(map(str, mask.shape)) for mask in (masks[-1], masks[0])]
            raise ValueError(
                f"{path}: is {sizes[0]} pixels (height x width), but {paths[0].name} is {sizes[1]}; all pictures must have one size"
            )
    return [path.name for path in paths], torch.stack(masks)


def _read_array(file: Path) -> tuple[list[str], Tensor]:
    arrays = _load_arrays(file, "images")
    if len(arrays) != 1:
        raise ValueError(f"{file}: has the arrays {', '.join(arrays)}; wanted one, the pictures")
    (array,) = arrays.values()
    if array.ndim == 4 and array.shape[-1] not in (1, 3, 4) and array.shape[1] in (1, 3, 4):
        array = np.moveaxis(array, 1, -1)
    if array.ndim == 4 and array.shape[-1] in (1, 3, 4):
        array = (
            array[..., 3]
            if array.shape[-1] == 4
            else array.mean(-1, dtype=np.float32).astype(array.dtype)
        )
    if array.ndim != 3 or array.size == 0:
        raise ValueError(
            f"{file}: got an array of shape {array.shape}, wanted (N, H, W), (N, H, W, C) or (N, C, H, W)"
        )
    masks = torch.from_numpy(array.astype(np.float32)) / (255 if array.dtype == np.uint8 else 1)
    if not ((masks >= 0) & (masks <= 1)).all():
        raise ValueError(
            f"{file}: got numbers from {masks.min():.3g} to {masks.max():.3g}, wanted 0 to 1 (or bytes, 0 to 255)"
        )
    return [f"picture {k}" for k in range(len(masks))], masks


def _load_arrays(file: Path, what: str) -> dict[str, Any]:
    """The arrays of an .npy or .npz file by name; pickled objects are refused, since unpickling runs code."""
    if not file.exists():
        raise ValueError(f"{file}: no such file or folder")
    if file.suffix.lower() not in (".npy", ".npz"):
        raise ValueError(
            f"{file}: cannot read {what} from {file.suffix or 'a file without a suffix'}"
        )
    try:
        loaded = np.load(file, allow_pickle=False)
        return (
            {name: loaded[name] for name in loaded.files}
            if file.suffix.lower() == ".npz"
            else {"": loaded}
        )
    except (ValueError, OSError, EOFError, AttributeError) as error:
        raise ValueError(f"{file}: not a readable array file ({error})") from None


# ---------------------------------------------------------------- cameras


def _read_cameras(file: Path) -> list[dict[str, Any]]:
    """One entry a camera: distance, elevation, azimuth and perhaps fov, or K, R, t; "image" names its picture, if the file does."""
    if not file.is_file():
        raise ValueError(f"{file}: no such file")
    suffix = file.suffix.lower()
    if suffix == ".csv":
        with file.open(newline="", encoding="utf-8-sig") as lines:
            entries: Any = list(csv.DictReader(lines, skipinitialspace=True))
    elif suffix == ".json":
        try:
            entries = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{file}: not readable as JSON ({error})") from None
        if isinstance(entries, Mapping) and all(
            isinstance(entry, Mapping) for entry in entries.values()
        ):
            entries = [{"image": name, **entry} for name, entry in entries.items()]
    else:
        arrays = _load_arrays(file, "cameras")
        if list(arrays) == [""]:
            array = arrays[""]
            if array.ndim != 2 or array.shape[1] != 3:
                raise ValueError(
                    f"{file}: got an array of shape {array.shape}, wanted (N, 3): distance, elevation, azimuth"
                )
            arrays = dict(zip(ORBIT, array.T, strict=True))
        many = [
            array.shape[0]
            for name, array in arrays.items()
            if array.ndim > (2 if name == "K" else 0)
        ]
        if not many or len(set(many)) > 1:
            raise ValueError(
                f"{file}: got {', '.join(f'{name} {array.shape}' for name, array in arrays.items())}, wanted N of each"
            )
        shared = {name for name, array in arrays.items() if array.ndim == (2 if name == "K" else 0)}
        entries = [
            {name: array if name in shared else array[k] for name, array in arrays.items()}
            for k in range(many[0])
        ]
    if (
        not isinstance(entries, list)
        or not entries
        or not all(isinstance(entry, Mapping) for entry in entries)
    ):
        raise ValueError(
            f"{file}: no cameras in it; wanted a list with {', '.join(ORBIT)}, or {', '.join(PINHOLE)}, for every picture"
        )
    return [dict(entry) for entry in entries]


def _match(
    names: list[str], entries: list[dict[str, Any]], file: Path
) -> list[tuple[str, dict[str, Any]]]:
    """A camera for every picture, in the order of the pictures, each with what to call it in a message."""
    if not any(
        "image" in entry for entry in entries
    ):  # no names: the first camera belongs to the first picture
        if len(entries) != len(names):
            first = (
                f"; the first without a camera is {names[len(entries)]}"
                if len(entries) < len(names)
                else ""
            )
            raise ValueError(f"{file}: {len(entries)} cameras for {len(names)} pictures{first}")
        return [
            (f"{file}, camera of {name}", entry) for name, entry in zip(names, entries, strict=True)
        ]
    by_name = {Path(str(entry.get("image") or "")).name: entry for entry in entries}
    by_name |= {
        Path(name).stem: entry for name, entry in by_name.items()
    }  # 007 is as good as 007.png
    missing = [name for name in names if name not in by_name and Path(name).stem not in by_name]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ValueError(
            f"{file}: no camera for {missing[0]}{more}; the column 'image' must name every picture"
        )
    return [
        (f"{file}, camera of {name}", by_name.get(name, by_name.get(Path(name).stem, {})))
        for name in names
    ]


def _to_camera(entries: list[tuple[str, dict[str, Any]]], fov: float, size: torch.Size) -> Camera:
    """All of them as one batch of pinhole cameras, float64."""
    cameras = []
    for where, entry in entries:
        try:
            if all(key in entry for key in PINHOLE):
                K, R, t = (
                    torch.as_tensor(np.asarray(entry[key], dtype=np.float64)) for key in PINHOLE
                )  # noqa: N806
                camera = Camera.pinhole(K, R[None], t.reshape(1, -1), (size[0], size[1]))
            else:
                distance, elevation, azimuth = (_number(entry, key) for key in ORBIT)
                camera = Camera.orbit(
                    distance,
                    elevation,
                    azimuth,
                    _number(entry, "fov") if entry.get("fov") not in (None, "") else fov,
                )
        except (ValueError, TypeError) as error:
            raise ValueError(f"{where}: {error}") from None
        scale = (
            camera.scale
            if isinstance(camera.scale, Tensor)
            else torch.full((1, 2), camera.scale, dtype=torch.float64)
        )
        cameras.append(
            (
                camera.eye,
                camera.rotation,
                scale,
                torch.zeros(1, 2, dtype=torch.float64) if camera.shift is None else camera.shift,
            )
        )
    eye, rotation, scale, shift = (torch.cat(parts) for parts in zip(*cameras, strict=True))
    return Camera(eye, rotation, scale, shift=shift)


def _number(entry: dict[str, Any], key: str) -> float:
    """A finite number out of a row."""
    if key not in entry or entry[key] is None:
        raise ValueError(
            f"has no {key}; wanted {', '.join(ORBIT)} (degrees, perhaps fov), or {', '.join(PINHOLE)}"
        )
    try:
        number = float(entry[key])
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number):
        raise ValueError(f"{key} is {entry[key]!r}, wanted a number")
    return number
