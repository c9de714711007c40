"""Pictures around objects, and their voxels.

The layout of the NMR ShapeNet files, read and written.

A class and a split (train, val, test) are two files, <class>_<split>_images.npz and
<class>_<split>_voxels.npz, with one array each: N x 24 x 4 x 64 x 64 uint8 (objects, views, RGBA,
rows, columns) and N x 32 x 32 x 32. In the ShapeNet files <class> is a WordNet number.

The cameras are at distance 2.732 and elevation 30 degrees, 15 degrees apart, with a whole angle of
view of 30. The code that these files come from counts azimuths clockwise in a left-handed world.
Here the world is right-handed: it is theirs with z turned round. Then view k has the azimuth -15 k,
the pictures are the same, and voxels are indexed [y, x, z], low to high.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ..camera import Camera
from ..mesh import Mesh
from ..rasterizers.hard import rasterize_hard
from ..rendering import render
from ..shading import Lights
from . import families
from .voxels import SIDE, voxelize

VIEWS, SIZE = 24, 64
SPLITS = ("train", "val", "test")
SHAPENET = {
    "02691156": "aeroplane", "02828884": "bench", "02933112": "cabinet", "02958343": "car",
    "03001627": "chair", "03211117": "display", "03636649": "lamp", "03691459": "loudspeaker",
    "04090263": "rifle", "04256520": "sofa", "04379243": "table", "04401088": "telephone",
    "04530566": "vessel",
}  # fmt: skip
# Of the pictures that are made here. The lights do not move with the camera.
AMBIENT = 0.45
LIGHTS = Lights(ambient=AMBIENT, diffuse=1 - AMBIENT)


def orbit(views: Tensor | Sequence[int]) -> Camera:
    """The cameras of views 0 to 23, any number of them."""
    return Camera.orbit(2.732, 30.0, -15.0 * torch.as_tensor(views, dtype=torch.float64), fov=30.0)


@dataclass(frozen=True)
class Batch:
    """B objects, each in two views.

    Attributes:
        images: (2, B, 4, H, W) float in [0, 1]. The network sees the first, the losses both.
        views: (2, B), which view each is, from 0 to 23.
    """

    images: Tensor
    views: Tensor


@dataclass(frozen=True)
class Shapes:
    """The objects of one split.

    Attributes:
        classes: their names, as in the files' names.
        images: a class, (N, 24, 4, 64, 64) uint8. voxels: a class, (N, 32, 32, 32) bool.
    """

    classes: list[str]
    images: list[Tensor]
    voxels: list[Tensor]

    def __len__(self) -> int:
        return sum(len(images) for images in self.images)

    def batch(self, size: int, seed: int, step: int) -> Batch:
        """Each class is as likely as another, then each of its objects, then each view.

        The same seed and step give the same batch.
        """
        random = torch.Generator().manual_seed(seed * 1_000_003 + step)
        classes = torch.randint(len(self.classes), (size,), generator=random).tolist()
        chance = torch.rand(size, generator=random, dtype=torch.float64).tolist()
        views = torch.randint(VIEWS, (2, size), generator=random)
        objects = [int(x * len(self.images[c])) for x, c in zip(chance, classes, strict=True)]
        images = [
            torch.stack(
                [self.images[c][k, v] for c, k, v in zip(classes, objects, row, strict=True)]
            )
            for row in views.tolist()
        ]
        return Batch(torch.stack(images).float() / 255, views)


# ---------------------------------------------------------------- reading


def class_name(name: str) -> str:
    """What people call it: the ShapeNet number's word, or the name itself."""
    return SHAPENET.get(name, name)


def read(folder: str | Path, split: str, classes: Sequence[str] | None = None) -> Shapes:
    """Read the files of one split.

    Args:
        classes: as in the files' names, or the words for ShapeNet's numbers; None for all that are
            there.

    Raises:
        ValueError: no such folder or class, a file missing, short, or with something else in it;
            the message names the file.
    """
    folder = Path(folder)
    if split not in SPLITS:
        raise ValueError(f"split: got {split!r}, wanted one of {', '.join(SPLITS)}")
    if not folder.is_dir():
        raise ValueError(
            f"{folder}: no such folder; `python -m softras_edu reconstruct make-data --out "
            f"{folder}` makes one"
        )
    ending = f"_{split}_images.npz"
    there = sorted(path.name.removesuffix(ending) for path in folder.glob(f"*{ending}"))
    if not there:
        raise ValueError(f"{folder}: no file called <class>{ending} in this folder")
    numbers = {word: number for number, word in SHAPENET.items()}
    wanted = (
        there
        if classes is None
        else [name if name in there else numbers.get(name, name) for name in classes]
    )
    for name in wanted:
        if name not in there:
            raise ValueError(
                f"{folder}: no class {name!r} for {split}; there are {', '.join(there)}"
            )
    if len(set(wanted)) < len(wanted) or not wanted:
        raise ValueError(f"classes: got {', '.join(wanted) or 'none'}, wanted each once")
    images, voxels = [], []
    for name in wanted:
        images.append(_images(folder / f"{name}{ending}"))
        voxels.append(_voxels(folder / f"{name}_{split}_voxels.npz"))
        if len(images[-1]) != len(voxels[-1]):
            raise ValueError(
                f"{folder}: {name} has pictures of {len(images[-1])} objects for {split}, but "
                f"voxels of {len(voxels[-1])}; one file is short"
            )
    return Shapes(wanted, images, voxels)


def _images(path: Path) -> Tensor:
    array = _array(path)
    if array.dtype != np.uint8:
        raise ValueError(f"{path}: got {array.dtype}, wanted uint8")
    if array.ndim != 5 or array.shape[1:] != (VIEWS, 4, SIZE, SIZE) or len(array) == 0:
        raise ValueError(
            f"{path}: got an array of shape {array.shape}, wanted (N, {VIEWS}, 4, {SIZE}, {SIZE})"
        )
    return torch.from_numpy(array)


def _voxels(path: Path) -> Tensor:
    array = _array(path)
    if array.dtype.kind not in "buif":
        raise ValueError(f"{path}: got {array.dtype}, wanted bool, or numbers 0 and 1")
    if array.ndim != 4 or array.shape[1:] != (SIDE, SIDE, SIDE):
        raise ValueError(
            f"{path}: got an array of shape {array.shape}, wanted (N, {SIDE}, {SIDE}, {SIDE})"
        )
    filled = array != 0
    if not np.array_equal(filled, array):
        raise ValueError(f"{path}: got numbers other than 0 and 1")
    return torch.from_numpy(filled)


def _array(path: Path) -> np.ndarray:
    """The one array of an .npz file. Pickled objects are refused, since unpickling runs code."""
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        with np.load(path, allow_pickle=False) as loaded:
            if len(loaded.files) != 1:
                raise ValueError(f"it has the arrays {', '.join(loaded.files)}; wanted one, arr_0")
            array: np.ndarray = loaded[loaded.files[0]]
            return array
    except (
        ValueError,
        OSError,
        EOFError,
        AttributeError,
        TypeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise ValueError(f"{path}: not a readable .npz file, or a part of one ({error})") from None


# ---------------------------------------------------------------- making


@torch.no_grad()
def photograph(mesh: Mesh, views: Sequence[int] = range(VIEWS), size: int = SIZE) -> Tensor:
    """Pictures of a coloured mesh on black: (N, 4, size, size) uint8.

    Four samples a pixel; colour has been multiplied by alpha.
    """
    image = render(mesh, orbit(list(views)), size=2 * size, lights=LIGHTS, rasterizer=_exact)
    return (avg_pool2d(image.permute(0, 3, 1, 2), 2).clamp(0, 1) * 255).round().byte()


def _exact(triangles: Tensor, colors: Tensor, **options: Any) -> Tensor:
    """`rasterize_hard` in float64: where parts overlap in one plane, float32 picks one by rounding.

    So the pictures are the ones that the pretrained model and the measurements were made with.
    """
    return rasterize_hard(triangles.double(), colors.double(), **options).to(triangles)


def make_data(
    folder: str | Path,
    objects: int = 100,
    held_out: int = 20,
    seed: int = 0,
    classes: Sequence[str] | None = None,
    progress: bool = True,
) -> None:
    """Write the files of all splits.

    `objects` a class to train, `held_out` to validate and as many to test, no two alike.

    The same arguments give the same numbers. A run that was interrupted goes on with the first file
    that is missing.

    Raises:
        ValueError: no objects, an unknown class, or a folder with data made otherwise.
    """
    from tqdm.auto import tqdm

    folder, names = Path(folder), list(families.FAMILIES if classes is None else classes)
    if objects < 1 or held_out < 1:
        raise ValueError(
            f"objects a class: got {objects} and {held_out} held out, wanted 1 or more"
        )
    for name in names:
        if name not in families.FAMILIES:
            raise ValueError(f"class: got {name!r}, wanted some of {', '.join(families.FAMILIES)}")
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        "made_by": "softras_edu reconstruct make-data",
        "seed": seed,
        "objects_per_class": objects,
        "held_out": held_out,
        "classes": names,
    }
    record = folder / "data.json"
    if record.exists() and json.loads(record.read_text()) != about:
        raise ValueError(
            f"{folder} has data that was made otherwise (see data.json); choose another folder"
        )
    if not record.exists() and any(folder.glob("*_images.npz")):
        raise ValueError(f"{folder} has data of another origin; choose another folder")
    record.write_text(json.dumps(about, indent=2) + "\n")
    counts = dict(zip(SPLITS, (objects, held_out, held_out), strict=True))
    with tqdm(total=len(names) * sum(counts.values()), unit="object", disable=not progress) as bar:
        for name in names:
            for split, count in counts.items():
                paths = [folder / f"{name}_{split}_{what}.npz" for what in ("images", "voxels")]
                bar.set_postfix_str(f"{name}, {split}")
                if all(path.exists() for path in paths):
                    bar.update(count)
                    continue
                images = np.zeros((count, VIEWS, 4, SIZE, SIZE), dtype=np.uint8)
                voxels = np.zeros((count, SIDE, SIDE, SIDE), dtype=bool)
                for k in range(count):
                    mesh = families.make(name, f"{seed}/{split}/{k}")
                    images[k], voxels[k] = (
                        photograph(mesh).numpy(),
                        voxelize(mesh.verts, mesh.faces).numpy(),
                    )
                    bar.update()
                for path, array in zip(paths, (images, voxels), strict=True):
                    _write(path, array)


def _write(path: Path, array: np.ndarray) -> None:
    """First beside it, then in place: an interruption leaves no half file."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        np.savez_compressed(file, array)
    os.replace(beside, path)
