"""A notebook of the course as it is written: cells, and exercises with their solutions.

A notebook is the dictionary that its JSON file holds.
"""

from __future__ import annotations

import ast
import copy
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Notebook = dict[str, Any]
Cell = dict[str, Any]

SOLUTION = re.compile(
    r"\n*<details>\s*<summary>Solution[^<]*</summary>(.*?)</details>[ \t]*\n*", re.DOTALL
)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
NUMBER = re.compile(r'raise NotImplementedError\("Exercise (\d\d-\d+)[^"]*"\)')


@dataclass(frozen=True)
class Stub:
    """An exercise: the function that a reader writes.

    Attributes:
        name: of the function.
        number: as in `Exercise 02-1`.
        at: the place of the stub's cell in the notebook.
        solution: the function as the notebook writes it, after what it imports.
        points: one for each filled dot of its difficulty, 1 to 5.
        checked: its cell calls `checks.NAME(NAME)`. The others are parts of a program that is
            judged as a whole, by `checks.contract`.
    """

    name: str
    number: str
    at: int
    solution: str
    points: int
    checked: bool


def read(path: Path) -> Notebook:
    """The notebook of a file.

    Raises:
        ValueError: it is no notebook whose cells have ids (nbformat 4.5).
    """
    try:
        notebook: Notebook = json.loads(path.read_text(encoding="utf-8"))
        named = all("id" in cell for cell in notebook["cells"])
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise ValueError(f"{path} is not a notebook") from None
    if not named:
        raise ValueError(f"{path} is an old kind of notebook, whose cells have no ids")
    return notebook


def write(path: Path, notebook: Notebook) -> None:
    """Write a file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".part")
    half.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(half, path)


def text(cell: Cell) -> str:
    """The source of a cell. A file has it in lines, or in one piece."""
    return "".join(cell["source"])


def set_text(cell: Cell, source: str) -> None:
    cell["source"] = source.splitlines(keepends=True)


def stubs(notebook: Notebook) -> list[Stub]:
    """The exercises of a notebook, in order.

    Raises:
        ValueError: an exercise has no solution, or no difficulty.
    """
    prose = "\n\n".join(text(c) for c in notebook["cells"] if c["cell_type"] == "markdown")
    solutions = {}
    for block in SOLUTION.findall(prose):
        for code in PYTHON.findall(block):
            solutions[_function(code).name] = code
    found = []
    for at, cell in enumerate(notebook["cells"]):
        number = NUMBER.search(text(cell)) if cell["cell_type"] == "code" else None
        if number is None:
            continue
        name = _function(text(cell)).name
        heading = rf"Exercise {number[1]} .*?Difficulty (●+)"
        difficulty = re.search(heading, prose, re.DOTALL)
        if name not in solutions or difficulty is None:
            raise ValueError(f"exercise {number[1]}, {name}, has no solution or no difficulty")
        checked = f"checks.{name}({name})" in text(cell)
        found.append(Stub(name, number[1], at, solutions[name], len(difficulty[1]), checked))
    return found


def _function(code: str) -> ast.FunctionDef:
    """The last function of a stub or a solution: the exercise's own."""
    return [part for part in ast.parse(code).body if isinstance(part, ast.FunctionDef)][-1]


def _start(part: ast.stmt) -> int:
    """The number of a statement's first line, from 0: a function begins with its decorators."""
    marks = part.decorator_list if isinstance(part, (ast.FunctionDef, ast.ClassDef)) else []
    return min([part.lineno, *(mark.lineno for mark in marks)]) - 1


def halves(code: str) -> tuple[list[str], list[str], list[str]]:
    """The lines before the function of a stub or a solution, its own (with decorators), and those
    after it."""
    function, lines = _function(code), code.splitlines()
    start = _start(function)
    return lines[:start], lines[start : function.end_lineno], lines[function.end_lineno :]


def solved(stub: str, solution: str) -> str:
    """The source of a stub's cell, with the solution in the place of the stub."""
    imports, function, _ = halves(solution)
    before, _, after = halves(stub)
    while imports and not imports[-1].strip():
        imports.pop()
    parts = [*imports, "", "", *before, *function] if imports else [*before, *function]
    return "\n".join([*parts, *after])


def body_start(code: str) -> int:
    """The number of the line, from 0, where the body of the last function begins."""
    return _start(_function(code).body[0])


def copied(notebook: Notebook) -> Notebook:
    return copy.deepcopy(notebook)


def without_tag(cell: Cell, tag: str) -> None:
    """Take a tag off a cell."""
    tags = [other for other in cell["metadata"].get("tags", []) if other != tag]
    if tags:
        cell["metadata"]["tags"] = tags
    else:
        cell["metadata"].pop("tags", None)
