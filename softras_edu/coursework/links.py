"""Links of a notebook that leaves the repository: what they lead to comes along.

In the repository a notebook links to `../softras_edu/formulas.py`. A copy links to
`linked/softras_edu/formulas.py`, and that file is copied there. A link to what is not there, such
as a notebook that was not asked for, becomes plain text.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from .source import Notebook, set_text, text

FOLDER = "linked"
# Fenced code is passed over: a list of lists followed by a call looks like a link.
LINK = re.compile(
    r"(?P<fence>^ *```.*?^ *```)|(?P<mark>!?)\[(?P<text>[^\]]*)\]\((?P<to>[^)\s]+)\)",
    re.MULTILINE | re.DOTALL,
)
KINDS = {".py", ".csv", ".md", ".png"}


def relink(notebook: Notebook, kept: Iterable[str], source: Path) -> set[str]:
    """Put the links of a notebook right, in place.

    Args:
        kept: names of the notebooks that are copied too.
        source: the folder that the notebook comes from.

    Returns:
        what must be copied, as paths in the repository: "softras_edu/formulas.py".
    """
    names, wanted = set(kept), set[str]()

    def place(target: str) -> str | None:
        if target in names:
            return target
        inside = target.removeprefix("../")
        if inside == target or where(inside, source) is None:
            return None
        wanted.add(inside)
        return f"{FOLDER}/{inside}"

    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            set_text(cell, _replaced(text(cell), place))
    return wanted


def where(inside: str, source: Path) -> Path | None:
    """The file or folder at a path of the repository, or None where it was not installed."""
    root = source.parent
    if source.name == "course":  # the notebooks of an installed package
        root = source.parent.parent
        inside = re.sub(r"^benchmarks/results\b", "softras_edu/measured", inside)
    found = root / inside
    return found if found.exists() and not PurePosixPath(inside).is_absolute() else None


def copy_linked(wanted: Iterable[str], source: Path, dest: Path) -> None:
    """Copy what links lead to into `dest`/linked; of folders the files that one reads."""
    for inside in sorted(wanted):
        found = where(inside, source)
        assert found is not None
        files = sorted(found.rglob("*")) if found.is_dir() else [found]
        for file in files:
            if file.suffix in KINDS and "__pycache__" not in file.parts:
                _copy(file, inside, found, source, dest)


def _copy(file: Path, inside: str, found: Path, source: Path, dest: Path) -> None:
    path = PurePosixPath(inside) / file.relative_to(found).as_posix()
    target = dest / FOLDER / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if file.suffix != ".md":
        shutil.copyfile(file, target)
        return

    def place(to: str) -> str | None:
        """A page keeps its pictures; its links become plain text."""
        picture = file.parent / to
        if picture.suffix != ".png" or not picture.exists():
            return None
        (target.parent / to).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(picture, target.parent / to)
        return to

    target.write_text(_replaced(file.read_text(encoding="utf-8"), place), encoding="utf-8")


def _replaced(prose: str, place: Callable[[str], str | None]) -> str:
    """Text with every link to a file led to where `place` says, or made plain text."""

    def link(match: re.Match[str]) -> str:
        target, mark, anchor = match["to"], match["mark"], ""
        if match["fence"] or "://" in target or target.startswith(("#", "attachment:", "mailto:")):
            return match[0]
        target, hash_, anchor = target.partition("#")
        new = place(target)
        if new is None:
            return match["text"]
        return f"{mark}[{match['text']}]({new}{hash_}{anchor})"

    return LINK.sub(link, prose)
