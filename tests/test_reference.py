"""Every public name says what it takes, in which shapes and units, and what it refuses; and it has
its place in the pages of `make api`."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from load_script import load_script

API = load_script("scripts/public_api.py")
SHAPE = re.compile(r"\((\.\.\.|[A-Z]\w*|\d)(, ?[\w. +]+)*,?\)|->|scalar|number")
EXPLORERS = "softras_edu.explore"  # used by their dials: their methods are steps of a drawing
# Functions that refuse arguments in the name of their caller.
REFUSES = re.compile(r"check_\w+|which_of|_check\w*")


def described() -> list[tuple[str, Any]]:
    """(name, function or class) of all that is public, methods included."""
    found: dict[str, Any] = {}
    for module_name in API.MODULES:
        module = importlib.import_module(module_name)
        for name in API.public_names(module):
            value, label = getattr(module, name), f"{module_name}.{name}"
            if inspect.isclass(value) and value.__module__.startswith("softras_edu"):
                found[label] = value
                if module_name == EXPLORERS:
                    continue
                for part, member in vars(value).items():
                    function = getattr(member, "__func__", member)
                    if not part.startswith("_") and inspect.isfunction(function):
                        found[f"{label}.{part}"] = function
            elif inspect.isfunction(value):
                found[label] = value
    return list(found.items())


DESCRIBED = described()
every = pytest.mark.parametrize(("label", "value"), DESCRIBED, ids=[one for one, _ in DESCRIBED])


def missing(value: Any) -> list[str]:
    """What a docstring leaves out."""
    text = inspect.getdoc(value)
    if not text:
        return ["a docstring"]
    if inspect.isclass(value):
        return []
    left_out = []
    for name, one in inspect.signature(value).parameters.items():
        passed_on = one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)  # to another function
        if passed_on or name in ("self", "cls") or re.search(rf"\b{name}\b", text):
            continue
        # Mathematics may say by its shapes what it takes: (..., 3) -> (..., 3, 3).
        if not ("Tensor" in str(one.annotation) or "Weights" in str(one.annotation)) or (
            "->" not in text
        ):
            left_out.append(name)
    annotations = [str(one.annotation) for one in inspect.signature(value).parameters.values()]
    if any("Tensor" in one for one in annotations) and not SHAPE.search(text):
        left_out.append("a shape")
    if refuses(value) and "Raises:" not in text:
        left_out.append("Raises:")
    return left_out


def refuses(function: Any) -> bool:
    """Does its own text raise, or call what checks arguments?"""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = [getattr(one, "id", getattr(one, "attr", "")) for one in calls]
    return any(isinstance(node, ast.Raise) for node in ast.walk(tree)) or any(
        REFUSES.fullmatch(name) for name in names
    )


@every
def test_a_docstring_names_arguments_shapes_and_errors(label: str, value: Any) -> None:
    assert missing(value) == [], f"{label}: its docstring says nothing of these"


def test_what_says_too_little_is_found() -> None:
    def quiet(verts: torch.Tensor, count: int) -> None:
        """How far verts are apart."""
        if count < 0:
            raise ValueError("count")

    assert missing(quiet) == ["count", "a shape", "Raises:"]
    assert missing(lambda: 0) == ["a docstring"]
    assert len(DESCRIBED) > 140


# ---------------------------------------------------------------- the pages


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make api` writes, and `make site` in a folder of its own."""
    folder = tmp_path_factory.mktemp("site") / "api"
    main = load_script("scripts/make_reference.py").main
    assert main(str(folder), back="../index.html") == 0
    return folder


@pytest.mark.parametrize("module_name", API.MODULES)
def test_every_public_name_is_on_its_page(pages: Path, module_name: str) -> None:
    page = (pages / f"{module_name.replace('.', '/')}.html").read_text(encoding="utf-8")
    module = importlib.import_module(module_name)
    for name in API.public_names(module):
        if not inspect.ismodule(getattr(module, name)):  # which has a page of its own
            assert f'id="{name}"' in page, name
    words = re.findall(r"[A-Za-z]+", module.__doc__ or "")[:5]
    assert words
    assert all(word in page for word in words), "its own first words"


def test_the_pages_ask_for_nothing_from_the_network(pages: Path) -> None:
    files = [path for path in pages.rglob("*") if path.is_file()]
    assert len(files) == len(API.MODULES) + 2  # index.html and search.js
    loads = re.compile(r"""(?:src|href)=["']?https?://[^"' >]+|url\(["']?http|@import|fetch\(""")
    for path in files:
        found = set(loads.findall(path.read_text(encoding="utf-8")))
        # A link to pdoc's home page stands at the foot: followed by a click, loaded by nobody.
        assert {one for one in found if "pdoc.dev" not in one} == set(), path.name


def test_the_first_page_leads_to_all_others(pages: Path) -> None:
    first = (pages / "softras_edu.html").read_text(encoding="utf-8")
    for module_name in API.MODULES[1:]:
        assert f'href="{module_name.replace(".", "/")}.html"' in first, module_name


def test_in_the_site_every_page_leads_back_to_the_course(pages: Path) -> None:
    for module_name in API.MODULES:
        path = pages / f"{module_name.replace('.', '/')}.html"
        back = re.search(r'href="([^"]+)">&larr; The course', path.read_text(encoding="utf-8"))
        assert back, module_name
        assert (path.parent / back[1]).resolve() == pages.parent / "index.html", module_name
