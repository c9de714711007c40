"""What every committed notebook must be like, read from the file alone.

Nothing is run here (nbval does that, and is blind to most of this).
"""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
EXERCISE = re.compile(r"^(?:#{2,6} |\*\*)Exercise (\d\d)-(\d+)", re.MULTILINE)

pytestmark = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


@cache
def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code_cells(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def prose(path: Path) -> str:
    return "\n\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")


def outputs(path: Path) -> list[tuple[Any, Any]]:
    return [(cell, output) for cell in code_cells(path) for output in cell.outputs]


def is_stub(cell: Any) -> bool:
    return "raises-exception" in cell.metadata.get("tags", [])


# ---------------------------------------------------------------- the file


def test_is_a_valid_notebook_of_modest_size(path):
    nbformat.validate(read(path))
    ids = [cell.id for cell in read(path).cells]
    assert len(ids) == len(set(ids)), "two cells have the same id"
    assert path.stat().st_size <= 1_000_000


def test_metadata_is_the_same_everywhere(path):
    metadata = read(path).metadata
    assert "widgets" not in metadata, (
        "run `make notebooks`: the state of widgets does not belong in the file"
    )
    assert metadata.kernelspec.name == "python3"
    assert not [cell.id for cell in code_cells(path) if "execution" in cell.metadata], (
        "run `make notebooks`: times do not belong in the file"
    )


# ---------------------------------------------------------------- the text


def test_headings_are_in_order(path):
    levels = [
        len(marks) for marks in re.findall(r"^(#{1,6}) ", FENCE.sub("", prose(path)), re.MULTILINE)
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    skipped = [k for k in range(1, len(levels)) if levels[k] > levels[k - 1] + 1]
    assert not skipped, f"headings skip a level: {levels}"


def test_opens_with_a_box(path):
    top = "\n".join(cell.source for cell in read(path).cells[:3] if cell.cell_type == "markdown")
    box = "\n".join(
        line for line in top.splitlines() if line.lstrip().startswith((">", "|"))
    ).lower()
    for words in ("you will do", "you will learn", "you need", "minutes", "device"):
        assert words in box, f"the box at the top does not say {words!r}"


def test_more_prose_than_code(path):
    text = re.sub(r"<[^>]+>", " ", FENCE.sub("", prose(path)))
    words = len(re.findall(r"\w[\w'-]*", text))
    lines = sum(
        bool(line.strip()) for cell in code_cells(path) for line in cell.source.splitlines()
    )
    assert words >= 7 * lines, f"{words} words for {lines} lines of code"


def test_ends_with_a_summary(path):
    assert re.search(r"^#{2,6} .*Summary", prose(path), re.MULTILINE)


def test_links_between_notebooks_lead_somewhere(path):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", FENCE.sub("", prose(path))):
        if "://" not in target and not target.startswith(("attachment:", "mailto:")):
            assert (path.parent / target).exists(), f"link to {target}"


def test_pictures_in_the_text_have_alt_text(path):
    assert not re.findall(r"!\[\s*\]", prose(path))
    for tag in re.findall(r"<img[^>]*>", prose(path)):
        assert re.search(r'alt="[^"]+"', tag), tag


# ---------------------------------------------------------------- the code


def test_cells_are_short(path):
    long = {
        cell.id: cell.source.count("\n") + 1
        for cell in code_cells(path)
        if cell.source.count("\n") + 1 > 25
    }
    assert not long, f"more than 25 lines: {long}"


def test_never_three_code_cells_in_a_row(path):
    kinds = "".join(cell.cell_type[0] for cell in read(path).cells)
    assert "ccc" not in kinds


def test_code_is_plain_python_that_needs_nothing_from_outside(path):
    for cell in code_cells(path):
        ast.parse(cell.source)  # which no magic and no shell line passes
        assert not re.search(
            r"\b(requests|urllib|urlopen|httpx|get_ipython|subprocess|os\.system)\b", cell.source
        ), cell.source


def test_no_paths_of_some_machine(path):
    for cell in read(path).cells:
        for text in (cell.source, str(cell.get("outputs", ""))):
            found = re.search(
                r"(?<![\w.])(/(home|Users|root|tmp|work|opt|usr|var|mnt)/[\w.]|[A-Z]:\\\\?\w)",
                re.sub(r"https?://\S+", "", text),
            )
            assert not found, f"cell {cell.id}: {found and found.group()}"


# ---------------------------------------------------------------- what was stored when it ran


def test_was_run_in_order(path):
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1)), "run `make notebooks`"
    assert any(cell.outputs for cell in code_cells(path))


def test_every_picture_has_alt_text(path):
    for cell, output in outputs(path):
        for kind in PICTURES:
            if kind in output.get("data", {}):
                assert output.metadata.get(kind, {}).get("alt", "").strip(), (
                    f"cell {cell.id}: {kind} without alt text"
                )


def test_a_picture_stands_where_a_widget_would(path):
    for cell, output in outputs(path):
        data = output.get("data", {})
        if WIDGET in data or "Box(children" in str(data.get("text/plain")):
            assert "image/png" in data, (
                f"cell {cell.id}: a widget with nothing to see without a kernel"
            )
    assert any("image/png" in output.get("data", {}) for _, output in outputs(path))


def test_no_warnings(path):
    assert not [
        output.text
        for _, output in outputs(path)
        if output.output_type == "stream" and output.name == "stderr"
    ]


def test_only_the_stubs_raise(path):
    for cell in code_cells(path):
        errors = [
            (output.ename, len(output.traceback))
            for output in cell.outputs
            if output.output_type == "error"
        ]
        if is_stub(cell):
            # nbval and nbconvert let a tagged cell pass whatever it raises, and even if it does not
            # raise. A rasterizer put together from stubs, at the end of 06 to 09, waits for them:
            # its check passes their NotImplementedError on.
            waits = (
                "raise NotImplementedError" in cell.source
                or "checks.contract(rasterize_mine)" in cell.source
            )
            assert waits, f"cell {cell.id} is tagged raises-exception but is no stub"
            assert errors == [("YourTurn", 1)], f"cell {cell.id}: {errors}; run `make notebooks`"
        else:
            assert not errors, f"cell {cell.id} failed: {errors}"


# ---------------------------------------------------------------- the exercises


def exercises(path: Path) -> dict[str, str]:
    """The text of every exercise, up to the next one or to the next heading of the second level."""
    text = prose(path)
    starts = list(EXERCISE.finditer(text))
    ends = (
        [match.start() for match in re.finditer(r"^## ", text, re.MULTILINE)]
        + [match.start() for match in starts]
        + [len(text)]
    )
    return {
        match.group(1) + "-" + match.group(2): text[
            match.start() : min(end for end in ends if end > match.start())
        ]
        for match in starts
    }


def test_there_are_exercises_and_each_has_its_stub(path):
    names = list(exercises(path))
    assert len(names) >= 2
    assert names == [f"{path.stem[:2]}-{k + 1}" for k in range(len(names))], (
        "exercises are numbered NN-1, NN-2, ..."
    )
    cells = code_cells(path)
    assert len([cell for cell in cells if "raise NotImplementedError(" in cell.source]) == len(
        names
    )
    assert all("checks." in cell.source for cell in cells if is_stub(cell)), (
        "a stub calls its check, so that the reader has only to fill it in"
    )
    # Parts of a rasterizer, tagged `rung`, are judged together, by the contract.
    alone = [c for c in cells if "raise NotImplementedError(" in c.source and not is_stub(c)]
    assert all("rung" in cell.metadata.get("tags", []) for cell in alone)
    behind = cells[cells.index(alone[-1]) + 1 :] if alone else []
    assert not alone or any("checks.contract(" in cell.source for cell in behind)


def test_exercises_say_what_they_ask_and_can_be_solved(path):
    for name, text in exercises(path).items():
        for words in ("difficulty", "minutes", "why"):
            assert words in text.lower(), f"exercise {name} does not say {words!r}"
        details = re.findall(r"<details>(.*?)</details>", text, re.DOTALL)
        titles = [re.search(r"<summary>(.*?)</summary>", part, re.DOTALL) for part in details]
        assert any(title and "hint" in title.group(1).lower() for title in titles), (
            f"exercise {name} has no hint"
        )
        solutions = [
            part
            for part, title in zip(details, titles, strict=True)
            if title and "solution" in title.group(1).lower()
        ]
        code = re.findall(r"```python\n(.*?)```", "".join(solutions), re.DOTALL)
        assert code, f"exercise {name} has no solution with a ```python block"
        for block in code:
            ast.parse(block)
