"""Of a hand-in, the statements that one answer needs: itself, and what it stands on.

So an answer is graded without the notebook's pictures, fits and explorers, and a cell that stops
does not stop the answers after it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
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
        bound = set(_names(part, ast.Store))
        if not bound & wanted and "*" not in bound:
            continue
        kept.insert(0, (number, part))
        if isinstance(part, CLEAN):
            wanted -= bound
        wanted |= set(_names(part, ast.Load))
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


def _names(part: ast.stmt, use: type[ast.expr_context]) -> Iterator[str]:
    """The names that a statement of the top level binds (ast.Store), or uses (ast.Load)."""
    for node in ast.walk(part):
        if isinstance(node, ast.Name) and isinstance(node.ctx, use):
            yield node.id
        elif use is ast.Store and isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif use is ast.Store and isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                yield (alias.asname or alias.name).partition(".")[0]
        elif use is ast.Load and isinstance(node, ast.AugAssign):
            yield from _names(ast.Expr(node.target), ast.Store)
