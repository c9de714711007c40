"""docs/contents.md, CITATION.cff and the paper say of the course what is so."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from load_script import load_script

import softras_edu

ROOT = Path(__file__).parent.parent
count_contents = load_script("scripts/count_contents.py")


@pytest.mark.parametrize("name", ["contents.md", "paper/paper.md"])
def test_the_numbers_are_counted(name):
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert page == count_contents.counted(page), "run scripts/count_contents.py"
    assert count_contents.TABLE.search(page) or name != "contents.md"


def test_counting_finds_what_has_changed():
    page = "\n\n## In numbers\n\n| notebooks | 3 |\n\nThere are 3 notebooks and 5 explorers.\n"
    assert "| notebooks | 3 |" not in count_contents.counted(page)
    assert "3 notebooks" not in count_contents.counted(page)


def test_the_data_sheet_lists_every_notebook():
    text = (ROOT / "docs" / "contents.md").read_text(encoding="utf-8")
    listed = re.findall(r"\]\(\.\./notebooks/(\S+)\) \|", text)
    assert listed == list(count_contents.NOTEBOOKS)


def test_what_is_cited_is_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert cited["cff-version"] == "1.2.0"
    assert cited["version"] == softras_edu.__version__
    assert cited["license"] == project["license"]
    assert cited["title"].startswith(project["name"])
    # Nobody is invented: the authors are whom the licence names.
    (author,) = cited["authors"]
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert f"Copyright (c) 2026 {author['name']}" in licence


def test_the_paper_cites_what_its_bibliography_has():
    folder = ROOT / "docs" / "paper"
    _, head, body = (folder / "paper.md").read_text(encoding="utf-8").split("---\n", 2)
    bibliography = (folder / "paper.bib").read_text(encoding="utf-8")
    entries = set(re.findall(r"^@\w+\{(\w+),", bibliography, re.MULTILINE))
    assert set(re.findall(r"@(\w+)", body)) == entries
    assert yaml.safe_load(head)["bibliography"] == "paper.bib"
    for heading in ("Summary", "Statement of need", "Learning objectives", "Contents"):
        assert f"\n# {heading}" in body
    # What nobody has done yet is not told as if they had.
    assert "has not been taught yet" in body.partition("# Experience of use")[2]
