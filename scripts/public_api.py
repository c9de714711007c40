"""The public API as text, docs/public-api.txt: run this after a change, and `git diff` shows it.

    .venv/bin/python scripts/public_api.py

In it are the names of the modules that have a page in `make api`, and what the notebooks import
from anywhere, so that a notebook that was copied at the start of a term goes on running.
`tests/test_public_api.py` holds the list to the code. CONTRIBUTING.md says what may change.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parent.parent
LIST = ROOT / "docs" / "public-api.txt"
HEADING = """\
# What the library promises: a change here is a change for all who teach with it.
# scripts/public_api.py writes this file, tests/test_public_api.py holds the code to it, and
# CONTRIBUTING.md ("Stable for a term") says what may change, and how.
"""
# With a page in the reference. The first holds the names that most people need.
MODULES = (
    "softras_edu",
    "softras_edu.losses",
    "softras_edu.shapes",
    "softras_edu.formulas",
    "softras_edu.rotations",
    "softras_edu.softness",
    "softras_edu.camera.conventions",
    "softras_edu.fitting.large_steps",
    "softras_edu.fitting.pose",
    "softras_edu.explore",
    "softras_edu.checks",
)
WIDTH = 100


def main() -> None:
    LIST.write_text(text(), encoding="utf-8")
    print(f"{LIST.relative_to(ROOT)}: {len(LIST.read_text(encoding='utf-8').splitlines())} lines")


def text() -> str:
    """The whole file."""
    parts = [HEADING]
    listed = set()
    for name in MODULES:
        module = importlib.import_module(name)
        names = public_names(module)
        listed |= {(name, one) for one in names}
        parts += [f"\n## {name}\n\n", *(entry(one, getattr(module, one)) for one in names)]
    parts.append("\n## What the notebooks import besides\n\n")
    for name, one in sorted(set(imported()) - listed):
        value = getattr(importlib.import_module(name), one)
        if not isinstance(value, ModuleType) and not one.startswith("_"):
            parts.append(entry(f"{name}.{one}", value))
    return "".join(parts)


def public_names(module: ModuleType) -> list[str]:
    """`__all__`; or what has no underscore in front and was made in this module."""
    if hasattr(module, "__all__"):
        return sorted(module.__all__)
    here = vars(module).items()
    made = [n for n, value in here if getattr(value, "__module__", None) == module.__name__]
    return sorted(name for name in made if not name.startswith("_"))


# ---------------------------------------------------------------- one name


def entry(name: str, value: Any) -> str:
    """A function and its signature; a class, and its methods under it; or a value's type."""
    if isinstance(value, ModuleType):
        return f"{name}: module\n"
    if inspect.isclass(value):
        return f"class {call(name, value)}" + "".join(members(value))
    if inspect.isroutine(value):
        return call(name, value)
    if type(value).__module__.startswith("softras_edu.checks"):  # what a student's function takes
        return f"{name}: {value!r}\n"
    return f"{name}: {type(value).__name__}\n"


def members(cls: type) -> Iterator[str]:
    """The public methods and properties, and the dials of an explorer, of a class and of those of
    our own that it inherits from. (Fields that the constructor takes stand there.)"""
    ours = [one for one in reversed(cls.__mro__) if one.__module__.startswith("softras_edu")]
    found = {name: value for one in ours for name, value in vars(one).items()}
    fields = {*getattr(cls, "__dataclass_fields__", ()), *getattr(cls, "_fields", ())}
    for name, value in sorted(found.items()):
        if name.startswith("_") or name in fields:
            continue
        if inspect.isfunction(getattr(value, "__func__", value)):  # of a classmethod
            yield "    " + call(f".{name}", getattr(cls, name)).replace("\n", "\n    ").rstrip(" ")
        else:
            yield f"    .{name}: {type(value).__name__}\n"


def call(name: str, value: Any) -> str:
    """name(a: Tensor, *, b: int = 2) -> Tensor, on one line or with a line for each argument."""
    signature = inspect.signature(value)
    arguments = list(argument_texts(signature))
    end = ")"
    if signature.return_annotation is not signature.empty:
        end += f" -> {plain(signature.return_annotation)}"
    line = f"{name}({', '.join(arguments)}{end}\n"
    if len(line) <= WIDTH:
        return line
    return f"{name}(\n" + "".join(f"    {one},\n" for one in arguments) + f"{end}\n"


def argument_texts(signature: inspect.Signature) -> Iterator[str]:
    """Each argument as it stands in the code, and the star that keywords stand behind."""
    star = False
    for one in signature.parameters.values():
        if one.kind is one.VAR_POSITIONAL:
            star = True
        elif one.kind is one.KEYWORD_ONLY and not star:
            star = True
            yield "*"
        text = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "") + one.name
        if one.annotation is not one.empty:
            text += f": {plain(one.annotation)}"
        yield text if one.default is one.empty else f"{text} = {plain(one.default, value=True)}"


def plain(thing: Any, value: bool = False) -> str:
    """An annotation, which is text already, or a default value."""
    if inspect.isclass(thing):
        return thing.__qualname__
    if isinstance(thing, typing.ForwardRef):
        return thing.__forward_arg__
    if not value and isinstance(thing, str):
        return thing
    if isinstance(thing, Path):
        return thing.name  # where the package lies is another place on each machine
    text = repr(thing)
    return "..." if " at 0x" in text else text  # made when the module was read: text has no word


# ---------------------------------------------------------------- what notebooks import


def imported() -> Iterator[tuple[str, str]]:
    """(module, name) of what the notebooks import from the library, or reach through a module that
    they import."""
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        yield from uses("\n".join(code))


def uses(code: str) -> set[tuple[str, str]]:
    """Of the cells of one notebook, as one text."""
    lines = ["pass" if line.startswith(("%", "!")) else line for line in code.splitlines()]
    tree = ast.parse("\n".join(lines))
    found, modules = set(), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "softras_edu":
            for alias in node.names:
                found.add((str(node.module), alias.name))
                value = getattr(importlib.import_module(str(node.module)), alias.name, None)
                if value is None:  # a module that is not loaded yet
                    value = importlib.import_module(f"{node.module}.{alias.name}")
                if isinstance(value, ModuleType):
                    modules[alias.asname or alias.name] = value
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id)
            if module is not None and hasattr(module, node.attr):
                found.add((module.__name__, node.attr))
    return {(name, one) for name, one in found if name.startswith("softras_edu")}


if __name__ == "__main__":
    sys.exit(main())
