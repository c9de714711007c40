"""The house stays one that is quickly read: short files, short lines, short kernels, few rooms."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from conftest import LONG

ROOT = Path(__file__).parent.parent
ROOMS = ("softras_edu", "tests", "benchmarks", "scripts")
LINES, COLUMNS, BODY = 400, 100, 80

# The root holds words of graphics and of learning, and what belongs to any program.
MODULES = {
    "mesh",
    "shapes",
    "clipping",
    "shading",
    "texture",
    "losses",
    "formulas",
    "rendering",
    "buffers",
    "batches",
    "scene",
    "rotations",
    "precision",
    "doctor",
    "machine",
    "__init__",
    "__main__",
}
PACKAGES = {
    "camera",
    "mesh_files",
    "plotting",
    "rasterizers",
    "softness",
    "fitting",
    "reconstruct",
    "explore",
    "checks",
    "coursework",
    "teaching",
    "bench",
}


def files(room: str) -> list[Path]:
    found = sorted((ROOT / room).rglob("*.py"))
    assert found, f"no such room: {room}"
    return found


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("room", ROOMS)
def test_files_are_short(room: str) -> None:
    counts = {short(path): len(text(path)) for path in files(room)}
    long = {name: count for name, count in counts.items() if count > LINES}
    assert not long, f"more than {LINES} lines, cut where an idea ends: {long}"


@pytest.mark.parametrize("room", ROOMS)
def test_two_files_fit_side_by_side(room: str) -> None:
    long = [
        f"{short(path)}:{k}"
        for path in files(room)
        for k, line in enumerate(text(path), start=1)
        if len(line) > COLUMNS
    ]
    assert not long, f"lines of more than {COLUMNS} columns: {long}"


def bodies(tree: ast.Module) -> dict[str, int]:
    """Lines of each function's body, without its signature and its docstring."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            if body:
                found[node.name] = (body[-1].end_lineno or 0) - body[0].lineno + 1
    return found


def test_a_function_of_the_rasterizers_fits_a_screen() -> None:
    long = {
        f"{short(path)}: {name}": count
        for path in files("softras_edu/rasterizers")
        for name, count in bodies(ast.parse("\n".join(text(path)))).items()
        if count > BODY
    }
    assert not long, f"bodies of more than {BODY} lines, make steps of them: {long}"


def test_lines_of_a_body_are_counted() -> None:
    tree = ast.parse('def f(a,\n      b):\n    """What."""\n    x = a\n\n    return (x +\n  b)\n')
    assert bodies(tree) == {"f": 4}


def test_the_root_has_the_rooms_of_the_plan_and_no_other() -> None:
    root = ROOT / "softras_edu"
    assert {path.stem for path in root.glob("*.py")} <= MODULES
    assert {path.parent.name for path in root.glob("*/__init__.py")} <= PACKAGES


def test_what_the_tests_begin_with_is_there() -> None:
    there = {path.name for room in ("tests", "notebooks") for path in (ROOT / room).iterdir()}
    assert len(set(LONG)) == len(LONG) > 0
    assert there.issuperset(LONG)
