"""A copied notebook is brought to a newer version, and what its reader wrote stays.

A copy carries, in its metadata, a fingerprint of each cell as it was handed out. So a cell that the
reader changed can be told from one that the course has changed since.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from .source import Cell, Notebook, copied, text

KEY = "softras_edu"


def sign(notebook: Notebook, variant: str, version: str) -> None:
    """Write into the metadata which variant this is, of which version, and each cell's print."""
    prints = {cell["id"]: fingerprint(cell) for cell in notebook["cells"]}
    notebook["metadata"][KEY] = {"variant": variant, "version": version, "cells": prints}


def signature(notebook: Notebook) -> dict[str, Any] | None:
    """What `sign` wrote, or None for a notebook that was not handed out by this command."""
    found = notebook["metadata"].get(KEY)
    if not isinstance(found, dict) or not isinstance(found.get("cells"), dict):
        return None
    return found


def fingerprint(cell: Cell) -> str:
    """16 hexadecimal digits of a cell's kind and source."""
    return hashlib.sha256(f"{cell['cell_type']}\n{text(cell)}".encode()).hexdigest()[:16]


@dataclass
class Work:
    """What a reader did to a copy: ids of the cells that they changed or added."""

    changed: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changed or self.added)

    def __str__(self) -> str:
        if not self:
            return "nothing of yours in it"
        return f"{count(self.changed, 'cell')} changed by you, {count(self.added, 'cell')} added"


def count(things: list[str], word: str) -> str:
    return f"{len(things)} {word}{'' if len(things) == 1 else 's'}"


def work(mine: Notebook) -> Work:
    """What its reader did to a signed copy."""
    given = (signature(mine) or {"cells": {}})["cells"]
    found = Work()
    for cell in mine["cells"]:
        if cell["id"] not in given:
            if text(cell).strip():
                found.added.append(cell["id"])
        elif fingerprint(cell) != given[cell["id"]]:
            found.changed.append(cell["id"])
    return found


@dataclass
class Merged:
    """The result of an update.

    Attributes:
        notebook: the newer version with the reader's cells in it.
        kept: ids of the cells that are the reader's.
        both: those among them that the course has changed too. The reader's stands; the course's
            new cell is not shown.
        gone: those among them that the newer version has no longer.
    """

    notebook: Notebook
    kept: list[str]
    both: list[str]
    gone: list[str]


def merge(mine: Notebook, newer: Notebook) -> Merged:
    """A newer version of a copy, with every cell that its reader changed or added.

    A cell that the reader only ran, or deleted, is the newer version's. One that they added, or
    changed although the course has dropped it since, stands behind the cell it stood behind.

    Args:
        mine: the reader's copy, signed.
        newer: the same notebook in the newer version, signed.
    """
    old, new = (signature(mine) or {"cells": {}})["cells"], signature(newer) or {"cells": {}}
    done = work(mine)
    theirs = {*done.changed, *done.added}
    result = copied(newer)
    places = {cell["id"] for cell in result["cells"]}
    behind: dict[str, list[Cell]] = {}  # the reader's, by the cell they stand behind; "" is the top
    replaced: dict[str, Cell] = {}
    last = ""
    for cell in mine["cells"]:
        if cell["id"] in places:
            last = cell["id"]
            if cell["id"] in theirs:
                replaced[last] = cell
        elif cell["id"] in theirs:
            behind.setdefault(last, []).append(cell)
    cells = behind.pop("", [])
    for cell in result["cells"]:
        cells += [replaced.get(cell["id"], cell), *behind.get(cell["id"], [])]
    result["cells"] = cells
    both = [i for i in replaced if new["cells"].get(i) != old.get(i)]
    gone = [i for i in done.changed if i not in places]
    return Merged(result, [c["id"] for c in cells if c["id"] in theirs], both, gone)
