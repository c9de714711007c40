"""Voxels in files: to keep, for other programs, and to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..mesh import Mesh

LOOKED_AT = (".obj", ".ply", ".stl", ".glb")
SAVED = (".npz", ".binvox", *LOOKED_AT)


def save_voxels(voxels: Tensor, path: str | Path) -> None:
    """Write voxels (n, n, n) bool, indexed [y, x, z], by the suffix.

    .npz: as they are, to read again; also (N, n, n, n), as in the NMR ShapeNet files.
    .binvox: Min's format, which other programs read, by trimesh.
    .obj, .ply, .stl, .glb: the boundary of the filled cells as a mesh, to look at (what the
    official code's `save_voxel` is for; it writes the cells' corners as an OBJ without faces).

    Raises:
        ValueError: another suffix, or no such voxels.
    """
    path, suffix = Path(path), Path(path).suffix.lower()
    if suffix not in SAVED:
        raise ValueError(f"{path}: cannot write {suffix!r}, wanted one of {', '.join(SAVED)}")
    many = suffix == ".npz" and voxels.dim() == 4
    if voxels.dtype != torch.bool or voxels.dim() != 3 + many or len(set(voxels.shape[-3:])) != 1:
        got = f"{voxels.dtype} {tuple(voxels.shape)}"
        raise ValueError(f"voxels: got {got}, wanted torch.bool (n, n, n)")
    array = voxels.detach().cpu().numpy()
    if suffix == ".npz":
        with path.open("wb") as file:
            np.savez_compressed(file, array)
    elif suffix == ".binvox":
        import trimesh

        side = len(array)
        place = np.diag([*[1 / max(side - 1, 1)] * 3, 1.0])  # number of a cell -> its centre
        place[:3, 3] = -0.5
        grid = trimesh.voxel.VoxelGrid(array.transpose(1, 0, 2), transform=place)
        path.write_bytes(grid.export(file_type="binvox"))
    else:
        blocks(voxels.cpu()).save(path)


def load_voxels(path: str | Path) -> Tensor:
    """Read what `save_voxels` wrote as .npz or .binvox -> bool, indexed [y, x, z].

    A .binvox of another program is read as it is, wherever it stands in the world.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: another suffix, or a file that is none of these.
    """
    path, suffix = Path(path), Path(path).suffix.lower()
    if suffix not in (".npz", ".binvox"):
        raise ValueError(f"{path}: cannot read {suffix!r}, wanted .npz or .binvox")
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        if suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                array = np.asarray(file[file.files[0]])
        else:
            import trimesh

            with path.open("rb") as binary:
                array = trimesh.exchange.binvox.load_binvox(binary).matrix.transpose(1, 0, 2)
    except Exception as error:  # zipfile's, NumPy's or trimesh's own
        raise ValueError(f"{path}: no readable {suffix} file ({error})") from error
    return torch.tensor(np.ascontiguousarray(array) != 0)


def blocks(voxels: Tensor) -> Mesh:
    """Voxels (n, n, n) bool, indexed [y, x, z] -> the boundary of the filled cells, as a mesh.

    It lies in the cube from -1/2 to 1/2.
    """
    side = len(voxels)
    filled = torch.nn.functional.pad(voxels.transpose(0, 1), (1, 1, 1, 1, 1, 1))  # [x, y, z]
    verts: list[Tensor] = []
    faces: list[Tensor] = []
    square = torch.tensor([(0, 0), (1, 0), (1, 1), (0, 1)])
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for step in (1, -1):
            # (N, 3) cells whose neighbour is empty
            open_at = (filled & ~filled.roll(-step, axis)).nonzero() - 1
            corner = torch.zeros(4, 3, dtype=torch.int64)
            corner[:, axis], corner[:, u], corner[:, v] = int(step == 1), *square.T
            quads = open_at[:, None] + corner  # (N, 4, 3)
            start = sum(map(len, verts))
            order = [(0, 1, 2), (0, 2, 3)] if step == 1 else [(0, 2, 1), (0, 3, 2)]
            first = start + 4 * torch.arange(len(quads))[:, None]
            faces += [first + torch.tensor(o) for o in order]
            verts.append(quads.flatten(0, 1))
    return Mesh((torch.cat(verts).float() - side / 2) / (side - 1), torch.cat(faces))
