"""The files that a mesh file names: materials and pictures."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from .polygons import Floats


def find(path: Path, name: str) -> Path | None:
    """The file that `path` names, or None if there is none.

    Names start from the folder of `path`. They may lead to a folder beside it, as ShapeNet's
    "../images/wood.png" does, and no farther out. Of those, and of whole paths of somebody's disk,
    as "C:\\art\\wood.png", the last part is looked for in the folder. Nothing comes from a network.
    """
    folder = path.parent.absolute()
    name = name.strip().strip('"').replace("\\", "/")
    for way in dict.fromkeys((name, unquote(name), name.rsplit("/", 1)[-1])):
        file = Path(os.path.normpath(folder / way))
        near = file.is_relative_to(folder.parent) and not way.startswith("/")
        if near and file.is_file():
            return file
    return None


def picture(path: Path, name: str, notes: list[str]) -> Any:
    """The picture (PIL) that `path` names, or None: then `notes` says why."""
    from PIL import Image

    file = find(path, name)
    if file is None:
        notes.append(f"the picture {name!r} is not there, so its faces are drawn without it")
        return None
    try:
        image = Image.open(io.BytesIO(file.read_bytes()))
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        notes.append(f"the picture {name!r} cannot be read ({error}), so it is left out")
        return None
    return image


class Folder:
    """Files beside `path`, as trimesh asks for them.

    Its own resolver finds no picture in a folder beside (version 5), or any file of the disk (4).
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def get(self, name: str) -> bytes:
        """Raises FileNotFoundError."""
        file = find(self.path, name)
        if file is None:
            raise FileNotFoundError(name)
        return file.read_bytes()

    def __getitem__(self, name: str) -> bytes:
        return self.get(name)


def check_places(uv: Floats) -> None:
    """ValueError unless all places on a picture (F, 3, 2) are finite."""
    for k in np.flatnonzero(~np.isfinite(uv).all(axis=(1, 2)))[:1]:
        raise ValueError(f"uv: face {k} has {uv[k].tolist()}, wanted finite numbers")
