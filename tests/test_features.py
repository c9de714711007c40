"""docs/features.md names tests that exist, and says why something is left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "docs" / "features.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TEXT.splitlines()
    if line.startswith("|") and not line.startswith(("| there", "| ---"))
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:50] for row in ROWS])
def test_a_row_has_its_test_or_its_reason(row):
    there, here, shown = row
    assert there
    assert here
    named = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", shown)
    assert named or here.startswith("left out")
    for file, function in named:
        source = (TESTS / file).read_text(encoding="utf-8")
        assert f"def {function or 'test_'}" in source


def test_there_are_rows():
    assert len(ROWS) > 50
