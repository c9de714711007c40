"""Cameras from files: a table, JSON, arrays, or the transforms.json of neural radiance fields."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..camera import Camera
from .arrays import load_arrays

ORBIT = ("distance", "elevation", "azimuth")
PINHOLE = ("K", "R", "t")
DISTORTION = ("k1", "k2", "k3", "k4", "p1", "p2")
Entry = dict[str, Any]


def read_cameras(file: Path, size: tuple[int, int]) -> list[Entry]:
    """One entry a camera: distance, elevation, azimuth and perhaps fov; or K, R, t and perhaps
    pixel_center. "image" names its picture, if the file does.

    Args:
        size: (H, W) of the pictures, for files that give angles of view in x.

    Raises:
        ValueError: unreadable, or no cameras; the message names the file.
    """
    if not file.is_file():
        raise ValueError(f"{file}: no such file")
    suffix, entries = file.suffix.lower(), None
    if suffix == ".csv":
        with file.open(newline="", encoding="utf-8-sig") as lines:
            entries = list(csv.DictReader(lines, skipinitialspace=True))
    elif suffix == ".json":
        entries = _read_json(file, size)
    else:
        entries = _read_arrays(file)
    mappings = isinstance(entries, list) and all(isinstance(entry, Mapping) for entry in entries)
    if not entries or not mappings:
        wanted = f"a list with {', '.join(ORBIT)}, or {', '.join(PINHOLE)}, for every picture"
        raise ValueError(f"{file}: no cameras in it; wanted {wanted}")
    return [dict(entry) for entry in entries]


def _read_json(file: Path, size: tuple[int, int]) -> Any:
    try:
        entries = json.loads(file.read_text(encoding="utf-8-sig"))
    except ValueError as error:
        raise ValueError(f"{file}: not readable as JSON ({error})") from None
    if not isinstance(entries, Mapping):
        return entries
    if isinstance(entries.get("frames"), list):
        return [_frame(file, k, entries, size) for k in range(len(entries["frames"]))]
    if all(isinstance(entry, Mapping) for entry in entries.values()):
        return [{"image": name, **entry} for name, entry in entries.items()]
    return entries


def _read_arrays(file: Path) -> Any:
    arrays = load_arrays(file, "cameras")
    if list(arrays) == [""]:
        array = arrays[""]
        if array.ndim != 2 or array.shape[1] != 3:
            wanted = "(N, 3): distance, elevation, azimuth"
            raise ValueError(f"{file}: got an array of shape {array.shape}, wanted {wanted}")
        arrays = dict(zip(ORBIT, array.T, strict=True))
    each = {name: array.ndim > (2 if name == "K" else 0) for name, array in arrays.items()}
    many = {array.shape[0] for name, array in arrays.items() if each[name]}
    if len(many) != 1:
        got = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ValueError(f"{file}: got {got}, wanted N of each")
    return [
        {name: array[k] if each[name] else array for name, array in arrays.items()}
        for k in range(many.pop())
    ]


def _frame(file: Path, k: int, whole: Mapping[str, Any], size: tuple[int, int]) -> Entry:
    """A frame of a transforms.json: a matrix from the camera (x right, y up, looking along -z) to
    the world, and a lens, in the frame or for all: camera_angle_x in radians, or fl_x, fl_y, cx,
    cy in pixels of a picture of w x h, whose first pixel's centre is at (0.5, 0.5).

    Raises:
        ValueError: something is missing, or the lens is distorted.
    """
    frame, where = whole["frames"][k], f"{file}, frame {k}"
    lens = {**whole, **frame} if isinstance(frame, Mapping) else {}
    try:
        matrix = np.asarray(lens["transform_matrix"], np.float64)
        image = lens["file_path"]
        for name in DISTORTION:
            if float(lens.get(name, 0.0)) != 0:
                raise ValueError(f"{name} is {lens[name]}, but distorted lenses are not read")
        height, width = float(lens.get("h", size[0])), float(lens.get("w", size[1]))
        if "fl_x" in lens:
            fx = float(lens["fl_x"])
        else:
            fx = width / 2 / math.tan(float(lens["camera_angle_x"]) / 2)
        fy = float(lens.get("fl_y", fx))
        cx, cy = float(lens.get("cx", width / 2)), float(lens.get("cy", height / 2))
    except KeyError as error:
        raise ValueError(f"{where}: has no {error.args[0]}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{where}: {error}") from None
    if matrix.shape not in ((4, 4), (3, 4)):
        raise ValueError(f"{where}: transform_matrix has the shape {matrix.shape}, wanted (4, 4)")
    turn = matrix[:3, :3].T * np.array([[1.0], [-1.0], [-1.0]])
    zoom = np.array([[size[1] / width], [size[0] / height], [1.0]])
    pixels = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]) * zoom
    back = -turn @ matrix[:3, 3]
    return {"image": image, "K": pixels, "R": turn, "t": back, "pixel_center": 0.5}


def to_camera(entries: list[tuple[str, Entry]], fov: float, size: tuple[int, int]) -> Camera:
    """All of them, each with what to call it in a message, as one batch of cameras in float64.

    Raises:
        ValueError: an entry that makes no camera; the message names it.
    """
    cameras = []
    for where, entry in entries:
        try:
            cameras.append(_camera(entry, fov, size))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{where}: {error}") from None
    zero = torch.zeros(1, 2, dtype=torch.float64)
    scale = [zero + c.scale for c in cameras]
    shift = [zero if c.shift is None else c.shift for c in cameras]
    eye, rotation = [c.eye for c in cameras], [c.rotation for c in cameras]
    return Camera(torch.cat(eye), torch.cat(rotation), torch.cat(scale), shift=torch.cat(shift))


def _camera(entry: Entry, fov: float, size: tuple[int, int]) -> Camera:
    if all(key in entry for key in PINHOLE):
        K, R, t = (_array(entry[key]) for key in PINHOLE)  # noqa: N806
        center = _number(entry, "pixel_center") if "pixel_center" in entry else 0.0
        return Camera.pinhole(K, R[None], t.reshape(1, -1), size, pixel_center=center)
    distance, elevation, azimuth = (_number(entry, key) for key in ORBIT)
    own = entry.get("fov") not in (None, "")
    return Camera.orbit(distance, elevation, azimuth, _number(entry, "fov") if own else fov)


def _array(numbers: Any) -> Tensor:
    return torch.as_tensor(np.asarray(numbers, dtype=np.float64))


def _number(entry: Entry, key: str) -> float:
    """A finite number out of a row."""
    if key not in entry or entry[key] is None:
        wanted = f"{', '.join(ORBIT)} (degrees, perhaps fov), or {', '.join(PINHOLE)}"
        raise ValueError(f"has no {key}; wanted {wanted}")
    try:
        number = float(entry[key])
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number):
        raise ValueError(f"{key} is {entry[key]!r}, wanted a number")
    return number
