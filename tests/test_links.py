"""Links from notebooks and documents lead to files, and names beside them to what is in there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("docs/*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"!?\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)[^)]*\)")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"`((?:softras_edu|benchmarks|tests|scripts|notebooks|docs)/[\w./-]+)`")
# A link to a Python file, and the names that the rest of its sentence says are in it.
NAMED = re.compile(r"\]\((?P<target>[^)\s]+\.py)\)(?P<rest>[^.\n]*?\bfunctions? `[^.\n]*)")

every_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS]
)


@cache
def prose(document: Path) -> str:
    if document.suffix != ".ipynb":
        return document.read_text(encoding="utf-8")
    cells = nbformat.read(document, as_version=4).cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return FENCE.sub("", text)


def local(target: str) -> bool:
    return "://" not in target and not target.startswith(("attachment:", "mailto:"))


@every_document
def test_links_lead_to_files(document: Path) -> None:
    # A module that moves leaves links behind: in notebooks, where no test of Python looks.
    for link in LINK.finditer(prose(document)):
        if local(link["target"]):
            assert (document.parent / link["target"]).exists(), link.group()


@every_document
def test_paths_in_the_text_of_a_link_are_its_target(document: Path) -> None:
    # [`softras_edu/rasterize`](../softras_edu/rasterizers) leads somewhere, and says another place.
    for link in LINK.finditer(prose(document)):
        text = link["text"].strip("`")
        if local(link["target"]) and re.fullmatch(
            r"[\w./-]+\.(py|md|csv|ipynb)|[\w-]+/[\w./-]+", text
        ):
            target = (document.parent / link["target"]).resolve().as_posix()
            assert target.endswith(text.rstrip("/")), link.group()


@every_document
def test_paths_in_backticks_exist(document: Path) -> None:
    for path in PATH.findall(prose(document)):
        assert (ROOT / path).exists(), path


@every_document
def test_functions_that_a_link_promises_are_in_the_file(document: Path) -> None:
    for found in NAMED.finditer(prose(document)):
        file = document.parent / found["target"]
        defined = {
            node.name
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, (ast.FunctionDef, ast.ClassDef))
        }
        promised = set(re.findall(r"`(\w+)`", found["rest"]))
        assert promised <= defined, f"{found['target']} has no {promised - defined}"


def test_there_are_links_to_try() -> None:
    # Patterns that find nothing would make the tests above pass for ever.
    everything = [prose(document) for document in DOCUMENTS]
    assert sum(len(LINK.findall(text)) for text in everything) > 40
    assert sum(len(PATH.findall(text)) for text in everything) > 3
    assert sum(len(NAMED.findall(text)) for text in everything) >= 1
