"""docs/instructors.md says what the notebooks say, its plans are in an order that works, its code
runs, and its figures are those that were measured."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from load_script import load_script
from PIL import Image

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
COURSE = load_script("scripts/draw_course.py")
NOTEBOOKS = COURSE.read()


def section(heading: str) -> str:
    """From a heading to the next of its kind."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, heading
    return found[1]


def rows(text: str) -> list[list[str]]:
    """Of all tables, without their headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    heads = {k - 1 for k, row in enumerate(cells) if set(row[0]) == {"-"}}
    return [row for k, row in enumerate(cells) if k not in heads and set(row[0]) != {"-"}]


def exercises(name: str) -> tuple[str, int]:
    """All code, and the minutes of the exercises, of a notebook."""
    (path,) = (ROOT / "notebooks").glob(f"{name}_*.ipynb")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    found = re.findall(r"^Difficulty [●○]+ · (\d+) minutes", prose, re.MULTILINE)
    return code, sum(map(int, found))


def test_the_table_is_what_the_notebooks_say() -> None:
    found = {row[0][:2]: row for row in rows(section("What each notebook needs"))}
    assert list(found) == list(NOTEBOOKS)
    for name, notebook in NOTEBOOKS.items():
        title, needs, minutes, for_exercises = found[name]
        assert title == f"{name} {notebook.title}"
        assert needs == (", ".join(notebook.needs) or "nothing")
        assert (int(minutes), int(for_exercises)) == (notebook.minutes, exercises(name)[1])


def test_the_picture_shows_these_arrows() -> None:
    # They stand in the file: scripts/draw_course.py draws it anew.
    with Image.open(COURSE.PICTURE) as picture:
        assert picture.info["Description"] == COURSE.description(NOTEBOOKS)
    assert set(COURSE.PLACES) == set(NOTEBOOKS)


def test_arrows_that_are_left_out_follow_from_the_others() -> None:
    arrows = COURSE.arrows(NOTEBOOKS)
    for name in NOTEBOOKS:
        reached, last = {name}, set()
        while reached != last:
            last, reached = reached, reached | {a for a, b in arrows if b in reached}
        assert reached - {name} == COURSE.before(NOTEBOOKS, name)
    assert all(a < b for a, b in arrows), "nobody needs what comes later"


def test_a_notebook_needs_those_whose_exercises_it_takes_up() -> None:
    owner: dict[str, str] = {}
    for name in NOTEBOOKS:
        for check in re.findall(r"\bchecks\.(\w+)", exercises(name)[0]):
            first = owner.setdefault(check, name)
            shared = check in ("contract", "from_notebooks")  # tools, not exercises
            assert shared or first == name or first in COURSE.before(NOTEBOOKS, name), (name, check)
    assert owner["probability"] == "02"


def test_a_box_is_read() -> None:
    box = (
        "# 13 Fit\n> **You need:** notebooks 02 to 04 and 06. For more, notebook 08.\n> 60 minutes"
    )
    assert COURSE.parse(box) == ("Fit", ("02", "03", "04", "06"), ("08",), 60)


def test_plans_add_up_and_keep_the_order() -> None:
    plans = re.split(r"^\*\*", section("An afternoon, a week, four weeks"), flags=re.MULTILINE)[1:]
    assert len(plans) == 3
    for plan in plans:
        known: set[str] = set()
        for *_, names, minutes in rows(plan):
            order = names.split(", ")
            assert sum(NOTEBOOKS[name].minutes for name in order) == int(minutes), names
            for name in order:
                assert COURSE.before(NOTEBOOKS, name) <= known, f"{name} comes too early"
                known.add(name)
    without = sum(one.minutes for name, one in NOTEBOOKS.items() if not "06" <= name <= "10")
    assert f"{without} minutes" in plans[-1]


BLOCKS = re.findall(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{k}" for k in range(len(BLOCKS))])
def test_the_code_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    room: dict[str, object] = {}
    exec(block, room)
    for name in ("photo", "photos", "masks"):  # data that a project begins with: something is seen
        if name in room:
            pictures = room[name]
            assert 0.01 < pictures.float().mean() < 0.99  # type: ignore[attr-defined]
    assert all(path.stat().st_size > 1000 for path in tmp_path.iterdir())


def test_there_are_six_projects_of_ten_points() -> None:
    projects = re.split(r"^### ", section("Six projects"), flags=re.MULTILINE)[1:]
    assert len(projects) == 6
    *_, report = projects
    points = [[int(row[0]) for row in rows(one)] for one in projects]
    own, for_the_report = points[-1][:3], points[-1][3:]
    assert [sum(one) for one in points[:-1]] == [8] * 5
    assert (sum(own), sum(for_the_report)) == (8, 2)
    assert "```python" in report


@pytest.mark.data
def test_the_figures_of_a_server_are_those_that_were_measured() -> None:
    files = sorted((ROOT / "benchmarks" / "results").glob("classroom-*.csv"))
    with files[-1].open(newline="", encoding="utf-8") as file:
        measured = {row["notebook"]: row for row in csv.DictReader(file)}
    table = rows(section("On a shared server"))
    assert {"import", "compile", "01", "08", "12", "15"} <= {row[0] for row in table}
    columns = ("notebook", "peak_mib", "after_mib", "own_mib", "cpu_seconds")
    for row in table:
        assert row == [measured[row[0]][column] for column in columns]
    (device,) = {row["device"] for row in measured.values()}
    assert device in TEXT
