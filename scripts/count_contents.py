"""Count what the course contains, and write it into docs/contents.md and docs/paper/paper.md.

Run it after a change of the notebooks; tests/test_contents.py compares.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

from softras_edu import checks, explore
from softras_edu.checks.exercise import Exercise
from softras_edu.checks.fresh import FRESH
from softras_edu.coursework import source
from softras_edu.explore import live
from softras_edu.explore.live.base import Live

ROOT = Path(__file__).parent.parent
NOTEBOOKS = {p.name: source.read(p) for p in sorted((ROOT / "notebooks").glob("*.ipynb"))}
STUBS = [stub for notebook in NOTEBOOKS.values() for stub in source.stubs(notebook)]
CHECKS = [x for name in checks.__all__ if isinstance(x := getattr(checks, name), Exercise)]
LIVE = [
    x for name in live.__all__ if isinstance(x := getattr(live, name), type) and issubclass(x, Live)
]
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.csv"))
TABLE = re.compile(r"(?<=\n## In numbers\n\n)(?:\|.*\n)+")


def texts(kind: str) -> list[str]:
    """The sources of all cells of one kind."""
    return [
        source.text(c) for n in NOTEBOOKS.values() for c in n["cells"] if c["cell_type"] == kind
    ]


def pictures() -> int:
    outputs = [o for n in NOTEBOOKS.values() for c in n["cells"] for o in c.get("outputs", [])]
    return sum("image/png" in o.get("data", {}) for o in outputs)


def words() -> int:
    """Of the text, without fenced code and tags, in full thousands."""
    text = re.sub(r"(?ms)^ *```.*?^ *```", "", "\n".join(texts("markdown")))
    return len(re.findall(r"\w[\w'-]*", re.sub(r"<[^>]+>", " ", text))) // 1000 * 1000


def minutes() -> int:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return sum(map(int, re.findall(r"\]\(notebooks/.*\| (\d+) \|$", readme, re.MULTILINE)))


def difficulties() -> str:
    return ", ".join(str(sum(stub.points == k for stub in STUBS)) for k in range(1, 6))


def rows() -> int:
    return sum(len(list(csv.reader(path.open(encoding="utf-8")))) - 1 for path in RESULTS)


COUNTS: dict[str, Callable[[], object]] = {
    "notebooks": lambda: len(NOTEBOOKS),
    "minutes, as the notebooks estimate them": minutes,
    "words of text, in full thousands": words,
    "lines of code in cells": lambda: sum(
        bool(line.strip()) for text in texts("code") for line in text.splitlines()
    ),
    "pictures stored in the notebooks": pictures,
    "exercises": lambda: len(STUBS),
    "of difficulty 1, 2, 3, 4, 5": difficulties,
    "hints to open": lambda: sum(text.count("<summary>Hint") for text in texts("markdown")),
    "wrong answers that a check knows by name": lambda: sum(len(x.mistakes) for x in CHECKS),
    "exercises with fresh cases for grading": lambda: len(FRESH),
    "explorers": lambda: len(explore.__all__) + len(LIVE),
    "of them live, in the browser": lambda: len(LIVE),
    "tables of measurements": lambda: len(RESULTS),
    "rows in them": rows,
}


def table() -> str:
    """The table of docs/contents.md."""
    lines = [f"| {name} | {count()} |" for name, count in COUNTS.items()]
    return "\n".join(["| what | how many |", "| --- | --- |", *lines]) + "\n"


def counted(page: str) -> str:
    """A page with the table, and its numbers of notebooks, exercises and explorers, renewed."""
    page = TABLE.sub(lambda _: table(), page)
    return re.sub(
        r"\b\d+ (notebooks|exercises|explorers)\b", lambda m: f"{COUNTS[m[1]]()} {m[1]}", page
    )


def main() -> None:
    for name in ("contents.md", "paper/paper.md"):
        path = ROOT / "docs" / name
        path.write_text(counted(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(f"docs/{name}: counted")


if __name__ == "__main__":
    main()
