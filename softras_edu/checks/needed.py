"""Of a hand-in, the statements that one answer needs: itself, and what it stands on.

So an answer is graded without the notebook's pictures, fits and explorers, and a cell that stops
does not stop the answers after it.
"""

from __future__ import annotations

import ast
import re
import symtable
from dataclasses import dataclass

# What binds a name anew, as against what changes or may not bind it.
CLEAN = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign)


@dataclass(frozen=True)
class Part:
    """Statements of one code cell, in their own lines.

    Attributes:
        cell: the number of the code cell, from 1.
        source: the whole cell.
        tree: the statements that are needed.
    """

    cell: int
    source: str
    tree: ast.Module


def needed(cells: list[str], name: str) -> list[Part]:
    """The statements that the last function `name` of a notebook needs, from top to bottom.

    Going up from it: what binds a name that is used further down, and so on. Cells that are not
    Python are passed over, and so is what stands below the function.

    Args:
        cells: the sources of the code cells.

    Raises:
        LookupError: no cell has such a function; the message says what there is instead.
    """
    lines: list[tuple[int, ast.stmt]] = []
    broken: dict[int, SyntaxError] = {}
    for number, cell in enumerate(cells, start=1):
        try:
            lines += [(number, part) for part in ast.parse(plain(cell)).body]
        except SyntaxError as error:
            broken[number] = error
    places = [k for k, (_, part) in enumerate(lines) if _is_function(part, name)]
    if not places:
        raise LookupError(_missing(cells, name, broken))
    last, wanted = places[-1], {name}
    kept: list[tuple[int, ast.stmt]] = []
    for number, part in reversed(lines[: last + 1]):
        bound, used = _names(part)
        if not bound & wanted and not _takes_all(part):
            continue
        kept.insert(0, (number, part))
        if isinstance(part, CLEAN):
            wanted -= bound
        wanted |= used
    return [
        Part(number, cells[number - 1], ast.Module([p for n, p in kept if n == number], []))
        for number in sorted({number for number, _ in kept})
    ]


def plain(cell: str) -> str:
    """A cell with its magics and shell lines blank, so that the others keep their numbers."""
    return re.sub(r"^[ \t]*[%!].*$", "", cell, flags=re.MULTILINE)


def _is_function(part: ast.stmt, name: str) -> bool:
    return isinstance(part, ast.FunctionDef) and part.name == name


def _missing(cells: list[str], name: str, broken: dict[int, SyntaxError]) -> str:
    for number, error in broken.items():
        if f"def {name}(" in cells[number - 1]:
            return f"code cell {number} is not Python, line {error.lineno}: {error.msg}"
    return f"no cell defines a function {name}"


def _takes_all(part: ast.stmt) -> bool:
    return isinstance(part, ast.ImportFrom) and part.names[0].name == "*"


def _names(part: ast.stmt) -> tuple[set[str], set[str]]:
    """The names of the notebook that a statement binds, and those that it uses, be it in a
    function. What is local to a function is neither."""
    top = symtable.symtable(ast.unparse(part), "cell", "exec")
    bound = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    used = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    inside = list(top.get_children())
    while inside:
        table = inside.pop()
        inside += table.get_children()
        used |= {s.get_name() for s in table.get_symbols() if s.is_global()}
    return bound, used
