"""Tables of measurements: read again as written, and never half of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from softras_edu.bench import table


def test_a_table_comes_back_as_text_with_empty_cells_where_a_row_has_none(tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.csv"
    assert table.read(path) == []
    table.write(path, [{"case": "a, b", "ms": 1.5}, {"case": "ü"}])
    assert table.read(path) == [{"case": "a, b", "ms": "1.5"}, {"case": "ü", "ms": ""}]
    table.write(path, [{"ms": 2}], ["case", "ms"])
    assert path.read_bytes() == b"case,ms\n,2\n"
    assert list(path.parent.iterdir()) == [path]


def test_a_run_that_is_cut_off_leaves_the_table_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    table.write(path, [{"ms": 1}])
    with pytest.raises(ValueError, match="other"):
        table.write(path, [{"ms": 1}, {"ms": 2, "other": 3}])
    assert table.read(path) == [{"ms": "1"}]
