"""A function of a notebook as the text of a module, with all that it needs: so that a process of
its own can compile it. Nothing but its text goes there.
"""

from __future__ import annotations

import ast
import dis
import importlib
import inspect
import linecache
import textwrap
from types import CodeType, FunctionType, ModuleType
from typing import Any

HEAD = "from __future__ import annotations\n\nimport triton\nimport triton.language as tl\n"
KNOWN = ("tl", "triton")  # the head imports them


def as_module(wanted: Any) -> str:
    """The text of a module that defines `wanted`, a function, a class or a Triton function.

    What it uses comes before it: functions and classes of the notebook by their source, those of a
    package by an import, numbers and text as they are.

    Raises:
        ValueError: it uses something that cannot be written down, such as a tensor of the notebook.
    """
    parts: dict[str, str] = {}
    _define(_plain(wanted).__name__, wanted, parts)
    return HEAD + "\n\n".join(parts.values()) + "\n"


def _define(name: str, value: Any, parts: dict[str, str]) -> None:
    """Write down what `name` is, after all that it needs. Once."""
    if name in parts or name in KNOWN:
        return
    parts[name] = ""  # a function may call itself
    plain = _plain(value)
    if isinstance(value, ModuleType):
        text = f"import {value.__name__} as {name}"
    elif isinstance(value, (int, float, str, bool, type(None))):
        text = f"{name} = {value!r}"
    elif not isinstance(plain, (FunctionType, type)):
        raise ValueError(
            f"{name}: a {type(value).__name__} of the notebook cannot go to another process. Let "
            "functions use their arguments, other functions and numbers."
        )
    elif _is_of_a_package(plain):
        text = f"from {plain.__module__} import {plain.__qualname__} as {name}"
        if plain is not value:
            text += f"\n{name} = triton.jit({name})"
    else:
        text = _source(plain, is_kernel=plain is not value)
        for needed, what in _needs(plain):
            _define(needed, what, parts)
        if plain.__name__ != name:
            text += f"\n\n{name} = {plain.__name__}"
    del parts[name]  # to the end, behind what it needs
    parts[name] = text


def _plain(value: Any) -> Any:
    """The function behind a Triton function."""
    return getattr(value, "fn", value)


def _is_of_a_package(value: Any) -> bool:
    if value.__module__ in (None, "__main__"):
        return False
    try:
        module = importlib.import_module(value.__module__)
    except ImportError:
        return False
    return getattr(module, value.__qualname__, None) is value


def _functions(value: Any) -> list[FunctionType]:
    """The function itself, or those of a class."""
    if isinstance(value, FunctionType):
        return [value]
    members = (getattr(x, "__func__", x) for x in vars(value).values())
    return [x for x in members if isinstance(x, FunctionType)]


def _needs(value: Any) -> list[tuple[str, Any]]:
    """The global names that a function or a class uses, and what they are."""
    room = _functions(value)[0].__globals__
    names = [name for function in _functions(value) for name in _globals_of(function.__code__)]
    node = _node(value)
    for outside in (*getattr(node, "bases", ()), *node.decorator_list):
        names += [x.id for x in ast.walk(outside) if isinstance(x, ast.Name)]
    return [(name, room[name]) for name in dict.fromkeys(names) if name in room]


def _globals_of(code: CodeType) -> list[str]:
    """Also of the functions inside."""
    here = [x.argval for x in dis.get_instructions(code) if x.opname == "LOAD_GLOBAL"]
    return here + [
        name for x in code.co_consts if isinstance(x, CodeType) for name in _globals_of(x)
    ]


def _source(value: Any, is_kernel: bool) -> str:
    node = _node(value)
    first = min([node.lineno, *(x.lineno for x in node.decorator_list)])
    lines = linecache.getlines(_functions(value)[0].__code__.co_filename)
    text = textwrap.dedent("".join(lines[first - 1 : node.end_lineno])).rstrip()
    return text if node.decorator_list or not is_kernel else f"@triton.jit\n{text}"


def _node(value: Any) -> ast.FunctionDef | ast.ClassDef:
    """Where a function or a class stands in its cell, or in its file.

    `inspect.getsource` finds no class of a notebook (before Python 3.13).
    """
    code = _functions(inspect.unwrap(value))[0].__code__
    tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    kind = ast.ClassDef if isinstance(value, type) else ast.FunctionDef
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, kind)
        and node.name == value.__name__
        and min([node.lineno, *(x.lineno for x in node.decorator_list)]) <= code.co_firstlineno
        and code.co_firstlineno <= (node.end_lineno or 0)
    ]
    if not found:
        raise ValueError(f"{value.__name__}: its source cannot be found; run its cell again")
    return found[-1]
