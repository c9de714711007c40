"""Tables of measurements: CSV files, written whole or not at all."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def read(path: Path) -> list[dict[str, str]]:
    """The rows of a table; none where there is no file yet, so that a run can go on with it."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(
    path: Path, rows: Iterable[Mapping[str, Any]], fields: Sequence[str] | None = None
) -> None:
    """Rows -> a CSV file. Its folder is made; what stood there stays until the new table is whole,
    whenever a run is cut off.

    Args:
        path: the file. rows: what `fields` name; a row may lack some, which stay empty.
        fields: the columns; None is those of the first row.

    Raises:
        ValueError: a row with a column that is not among the fields.
    """
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    with beside.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(fields or rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    beside.replace(path)
