"""The one reader of the CSV files that the scripts in benchmarks/ write to benchmarks/results.

An installed package has the files too, as softras_edu/measured (see pyproject.toml), so that a
notebook that was copied elsewhere still finds its numbers.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

Row = dict[str, str]  # one line of a file, by column


def folder() -> Path | None:
    """Where the files are: in the installed package, or in the repository that it runs from."""
    package = Path(__file__).parents[2]
    for place in (package / "measured", package.parent / "benchmarks" / "results"):
        if any(place.glob("*.csv")):
            return place
    return None


def files() -> list[Path]:
    """All CSV files there, by name, so that of several dates the newest comes last."""
    place = folder()
    return [] if place is None else sorted(place.glob("*.csv"))


def rows(path: Path) -> list[Row]:
    """The measurements in a file. Rehearsals, marked by a column `rehearsal`, are left out."""
    with path.open(newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if not _is_rehearsal(row)]


def _is_rehearsal(row: Row) -> bool:
    """A run that tried a script out: its numbers measure nothing."""
    return (row.get("rehearsal") or "").lower() not in ("", "0", "false", "no")


def table(name: str) -> list[Row]:
    """The newest <name>-<date>.csv, <name>-<date>-<device>.csv or <name>.csv with a measurement.

    [] if there is none.
    """
    pattern = re.compile(rf"{re.escape(name)}(-\d{{4}}-\d\d-\d\d(-[a-z0-9-]+)?)?\.csv")
    for path in reversed(files()):
        if pattern.fullmatch(path.name) and (found := rows(path)):
            return found
    return []


def wanted(name: str, script: str) -> list[Row]:
    """The same, where there must be one.

    Raises:
        FileNotFoundError: there is none; the message names the script that writes it.
    """
    found = table(name)
    if not found:
        raise FileNotFoundError(
            f"no {name}-<date>.csv: run benchmarks/{script}.py, which writes it to "
            "benchmarks/results"
        )
    return found
