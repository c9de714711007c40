"""Where results go, at once: every row is printed, flushed and appended to its CSV file, and the
page of Markdown is written anew, so that a run that is cut off leaves all that it has found.

Files in the folder, <day> and <card> in their names:

    gpu-<table>-<day>-<card>.csv     one table each: correctness, speed, kernels, peers, tune
    gpu-<day>-<card>.md              the page (page.py); gpu-<steps>-... of a run of some steps
    gpu-<day>-<card>.png             the plots (plots.py)

A rehearsal's files begin with "rehearsal-", and each of its rows says so in the column `rehearsal`.
"""

from __future__ import annotations

import csv
import datetime
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Row = dict[str, Any]
PACKAGE = Path(__file__).parents[2]


class Report:
    """The tables of one run, in memory and on disk.

    Args:
        folder: where the files go; None writes none.
        card: the name of the GPU, for file names and rows.
        name: of the page and the plot, beside the day and the card; "" for a run of all steps.
        page: makes the Markdown from this report; called after every row.
    """

    def __init__(
        self,
        folder: Path | None,
        card: str,
        rehearsal: bool,
        page: Callable[[Report], str],
        name: str = "",
    ):
        self.folder, self.card, self.rehearsal, self.make_page = folder, card, rehearsal, page
        self.name = name
        self.day = str(datetime.date.today())
        self.tables: dict[str, list[Row]] = {}
        self.facts: dict[str, str] = {}  # of the machine, for the head of the page
        self.notes: list[str] = []  # sentences for the page
        self.errors: list[str] = []
        self.seconds: dict[str, float] = {}  # a step, how long it took
        self.running = "starting"
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def path(self, table: str, suffix: str) -> Path | None:
        """The file of a table, or of the page for table ""; None if nothing is written."""
        table = table or self.name
        if self.folder is None:
            return None
        slug = re.sub("[^a-z0-9]+", "-", self.card.lower()).strip("-")
        parts = (["rehearsal"] if self.rehearsal else []) + ["gpu", *([table] if table else [])]
        return self.folder / f"{'-'.join([*parts, self.day, slug])}{suffix}"

    def say(self, text: str) -> None:
        """Print, at once."""
        print(text, flush=True)

    def note(self, text: str) -> None:
        """A sentence for the terminal and for the page."""
        self.notes.append(text)
        self.say(text)
        self.write_page()

    def row(self, table: str, line: str, **values: Any) -> None:
        """One result: `line` on the terminal, the values in the table's file.

        The first row of a table decides its columns. It replaces a file of the same day and card.
        """
        self.say(line)
        head = {"date": self.day, "card": self.card, "rehearsal": "yes" if self.rehearsal else "no"}
        row = head | values
        rows = self.tables.setdefault(table, [])
        rows.append(row)
        path = self.path(table, ".csv")
        if path is not None:
            with path.open("w" if len(rows) == 1 else "a", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                if len(rows) == 1:
                    writer.writeheader()
                writer.writerow(row)
        self.write_page()

    def begin(self, step: str) -> None:
        """A step starts."""
        self.running = step
        self.say(f"\n== {step}")
        self.write_page()

    def end(self, step: str, seconds: float) -> None:
        """A step is over."""
        self.seconds[step] = seconds
        self.say(f"-- {step}: {seconds:.1f} s")
        self.write_page()

    def error(self, step: str, error: Exception) -> None:
        """A step broke off: the whole traceback to the terminal, its end to the page."""
        self.say("".join(traceback.format_exception(error)))
        lines = str(error).strip().splitlines() or [""]
        self.errors.append(f"{step}: {type(error).__name__}: {lines[0]}")
        self.write_page()

    def finish(self) -> None:
        """All steps are over."""
        self.running = ""
        self.write_page()

    def write_page(self) -> None:
        """The page as far as the run has come. Written beside its place first: never half a
        page."""
        path = self.path("", ".md")
        if path is not None:
            draft = path.with_suffix(".md.part")
            draft.write_text(self.make_page(self), encoding="utf-8")
            draft.replace(path)


def refuse_rehearsal(folder: Path | None) -> None:
    """ValueError if a rehearsal is to be written where results are kept."""
    if folder is None:
        return
    kept = [PACKAGE.parent / "benchmarks" / "results", PACKAGE / "measured"]
    place = folder.resolve()
    inside = any(place.is_relative_to(there.resolve()) for there in kept)
    if inside or place.parts[-2:] == ("benchmarks", "results"):
        raise ValueError(f"--out: {folder} keeps results, and a rehearsal is none; choose another")
