"""NumPy's files, without what could run code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def load_arrays(file: Path, what: str) -> dict[str, Any]:
    """The arrays of an .npy ("" is its name) or .npz file; pickled objects are refused.

    Raises:
        ValueError: no such file, or not readable as `what`.
    """
    if not file.exists():
        raise ValueError(f"{file}: no such file or folder")
    suffix = file.suffix.lower()
    if suffix not in (".npy", ".npz"):
        kind = file.suffix or "a file without a suffix"
        raise ValueError(f"{file}: cannot read {what} from {kind}")
    try:
        loaded = np.load(file, allow_pickle=False)
        return {"": loaded} if suffix == ".npy" else {name: loaded[name] for name in loaded.files}
    except (ValueError, OSError, EOFError, AttributeError) as error:
        raise ValueError(f"{file}: not a readable array file ({error})") from None
