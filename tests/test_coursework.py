"""python -m softras_edu notebooks: variants, links, and updates that lose nothing."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from softras_edu import checks
from softras_edu.__main__ import main
from softras_edu.coursework import graded, links, source, update, variants

FOLDER = Path(__file__).parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
STUBS = {path.stem: source.stubs(source.read(path)) for path in NOTEBOOKS}
PROBABILITY = FOLDER / "02_probability_maps.ipynb"

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])


def prose(notebook: source.Notebook) -> str:
    return "\n\n".join(source.text(c) for c in notebook["cells"] if c["cell_type"] == "markdown")


def code(notebook: source.Notebook) -> list[str]:
    return [source.text(c) for c in notebook["cells"] if c["cell_type"] == "code"]


def valid(notebook: source.Notebook) -> None:
    nbformat.validate(nbformat.reads(json.dumps(notebook), as_version=4))
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids))


# ---------------------------------------------------------------- what is in a notebook


def test_every_exercise_of_the_course_is_found():
    names = [stub.name for stubs in STUBS.values() for stub in stubs]
    assert len(names) == len(set(names))
    alone = {stub.name for stubs in STUBS.values() for stub in stubs if stub.checked}
    assert alone == {*checks.__all__, "pair_backward"}
    numbers = [stub.number for stubs in STUBS.values() for stub in stubs]
    assert numbers == sorted(numbers, key=lambda n: [int(k) for k in n.split("-")])


def test_points_are_the_dots_of_the_difficulty():
    assert {stub.name: stub.points for stub in STUBS["02_probability_maps"]} == {
        "segment_distance2": 2,
        "probability": 1,
    }
    assert all(1 <= stub.points <= 5 for stubs in STUBS.values() for stub in stubs)
    # The parts of notebook 09's rasterizer are worth 4 + 3 + 5 together.
    assert graded.points(source.read(FOLDER / "09_the_fused_triton_kernel.ipynb"))["contract"] == 12


# ---------------------------------------------------------------- the variants


@each_notebook
def test_the_students_notebook_has_hints_and_no_solution(path):
    plain = source.read(path)
    mine = variants.student(plain)
    valid(mine)
    text = prose(mine)
    assert "<summary>Solution" not in text
    assert text.count("<summary>Hint") == prose(plain).count("<summary>Hint")
    assert text.count("<details>") == text.count("</details>")
    assert code(mine) == code(plain)
    everything = json.dumps(mine, ensure_ascii=False)
    for stub in STUBS[path.stem]:
        _, body, _ = source.halves(stub.solution)
        longest = max((line.strip() for line in body[1:]), key=len)
        # A library file may have the line; this notebook shows it only if another cell has it too.
        assert everything.count(json.dumps(longest)[1:-1]) == "\n".join(code(plain)).count(longest)


@each_notebook
def test_headings_stay_headings(path):
    # A block of HTML ends at an empty line. Without it the heading behind it would be lost.
    for cell in variants.student(source.read(path))["cells"]:
        if cell["cell_type"] == "markdown":
            assert not re.search(r"</details>\n(?!<details>|\n|$)", source.text(cell)), cell["id"]


@each_notebook
def test_the_solved_notebook_has_every_solution_and_no_stub(path):
    solved = variants.solution(source.read(path))
    valid(solved)
    cells = code(solved)
    assert not [cell for cell in cells if "raise NotImplementedError" in cell]
    for stub in STUBS[path.stem]:
        cell = next(cell for cell in cells if re.search(rf"^def {stub.name}\(", cell, re.MULTILINE))
        names = {
            node.name: node for node in ast.parse(cell).body if isinstance(node, ast.FunctionDef)
        }
        wanted = ast.parse(stub.solution).body[-1]
        assert ast.dump(names[stub.name]) == ast.dump(wanted)
        if stub.checked:
            assert f"checks.{stub.name}({stub.name})" in cell
    tags = [tag for cell in solved["cells"] for tag in cell["metadata"].get("tags", [])]
    assert variants.STUB_TAG not in tags


def test_a_solution_that_is_missing_is_named(tmp_path):
    notebook = variants.student(source.read(PROBABILITY))
    with pytest.raises(ValueError, match="02-1, segment_distance2, has no solution"):
        source.stubs(notebook)


# ---------------------------------------------------------------- for graders


@each_notebook
def test_nbgrader_finds_solutions_between_marks_and_hidden_checks_behind_them(path):
    made = variants.student(graded.nbgrader(source.read(path), seed=7))
    valid(made)
    worth, seen = graded.points(source.read(path)), {}
    for before, cell in zip(made["cells"], made["cells"][1:], strict=False):
        mark = cell["metadata"].get("nbgrader", {})
        if mark.get("grade"):
            seen[mark["grade_id"].removeprefix("test_")] = mark["points"]
            lines = source.text(cell).splitlines()
            shown = lines[: lines.index("### BEGIN HIDDEN TESTS")]
            assert len(shown) == 1
            assert lines[-1] == "### END HIDDEN TESTS"
            # Behind the exercise, before its name can stand for the library's function.
            assert "yours_or_ours" not in source.text(before)
            ast.parse(source.text(cell))
    assert seen == worth
    for stub in STUBS[path.stem]:
        cell = next(
            c
            for c in made["cells"]
            if c["metadata"].get("nbgrader", {}).get("grade_id") == stub.name
        )
        text = source.text(cell)
        ast.parse(text)
        left = re.sub(r"(?s)( *)### BEGIN SOLUTION.*### END SOLUTION\n?", r"\1pass\n", text)
        assert ast.unparse(ast.parse(stub.solution).body[-1].body[-1]) not in ast.unparse(
            ast.parse(left)
        )


@each_notebook
def test_otter_finds_a_question_for_each_exercise(path):
    made = variants.student(graded.otter(source.read(path), 7, path.stem, files=True))
    valid(made)
    raw = [source.text(c) for c in made["cells"] if c["cell_type"] == "raw"]
    assert raw[0].startswith("# ASSIGNMENT CONFIG\n")
    names = [m for text in raw for m in re.findall(r"# BEGIN QUESTION\nname: (\w+)", text)]
    parts = [stub.name for stub in STUBS[path.stem] if not stub.checked]
    assert sorted(names) == sorted([*graded.points(source.read(path)), *parts])
    for word in ("QUESTION", "SOLUTION", "TESTS"):
        kinds = [t.splitlines()[0] for t in raw if t.splitlines()[0].endswith(f" {word}")]
        assert kinds == [f"# BEGIN {word}", f"# END {word}"] * (len(kinds) // 2)


def test_the_file_for_pytest_is_python_and_says_the_points():
    text = graded.pytest_file(source.read(PROBABILITY), seed=7)
    room: dict[str, Any] = {"__file__": "nowhere/test_x.py"}
    exec(compile(text, "test_x.py", "exec"), room)
    assert room["POINTS"] == {"segment_distance2": 2, "probability": 1}
    assert room["SEED"] == 7
    assert room["HAND_INS"] == []


# ---------------------------------------------------------------- the command


def notebooks(*words: object) -> int:
    return main(["notebooks", *map(str, words)])


@pytest.mark.parametrize("only", [[], ["02", "09"]])
@pytest.mark.parametrize("variant", ["course", "student"])
def test_every_link_of_a_copy_leads_to_a_file_that_came_along(tmp_path, variant, only):
    assert notebooks(tmp_path, "--variant", variant, *(["--only", *only] if only else [])) == 0
    copies = sorted(tmp_path.glob("*.ipynb"))
    assert len(copies) == (len(only) or len(NOTEBOOKS))
    seen = 0
    for copy in copies:
        for link in links.LINK.finditer(prose(source.read(copy))):
            if not link["fence"] and "://" not in link["to"]:
                target = tmp_path / link["to"].partition("#")[0]
                assert target.resolve().is_relative_to(tmp_path.resolve())
                assert target.exists(), f"{copy.name}: {link[0]}"
                seen += 1
    assert seen > (5 if only else 40)
    for page in tmp_path.rglob("*.md"):
        for link in links.LINK.finditer(page.read_text(encoding="utf-8")):
            if not link["fence"] and "://" not in link["to"]:
                assert (page.parent / link["to"]).exists(), f"{page}: {link[0]}"


def test_what_is_not_installed_becomes_plain_text(tmp_path):
    (tmp_path / "course").mkdir()
    notebook = source.read(PROBABILITY)
    assert links.relink(notebook, [], tmp_path / "course") == set()
    assert "`softras_edu/formulas.py`" in prose(notebook)
    assert "](../" not in prose(notebook)


def test_an_installed_package_has_the_measurements_under_another_name(tmp_path):
    (tmp_path / "softras_edu" / "measured").mkdir(parents=True)
    (tmp_path / "softras_edu" / "course").mkdir()
    found = links.where("benchmarks/results", tmp_path / "softras_edu" / "course")
    assert found == tmp_path / "softras_edu" / "measured"


def test_unknown_numbers_are_named(tmp_path, capsys):
    assert notebooks(tmp_path / "x", "--only", "02", "77") == 1
    assert "no notebook 77; wanted 00 to 17" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("grader", ["nbgrader", "otter", "pytest"])
def test_graded_notebooks_lie_where_their_grader_looks(tmp_path, capsys, grader):
    config = tmp_path / "nbgrader_config.py"
    config.write_text("# mine", encoding="utf-8")
    words = (tmp_path, "--variant", "graded", "--only", "02", "03", "--grader", grader)
    assert notebooks(*words, "--seed", "5") == 0
    said = capsys.readouterr().out
    assert "Made 2 notebooks" in said
    assert "seed 5" in said
    folder = tmp_path / "source" if grader == "nbgrader" else tmp_path
    for name in ("02_probability_maps", "03_silhouettes"):
        made = source.read(folder / name / f"{name}.ipynb")
        assert "<summary>Solution" not in prose(made)
        for link in links.LINK.finditer(prose(made)):
            if not link["fence"] and "://" not in link["to"]:
                assert (folder / name / link["to"]).exists(), link[0]
        assert (folder / name / f"test_{name}.py").exists() == (grader == "pytest")
    assert config.read_text(encoding="utf-8") == "# mine"
    assert notebooks(*words) == 1
    assert "02_probability_maps.ipynb: not made by this command" in capsys.readouterr().err


# ---------------------------------------------------------------- updates


def edit(path: Path, cell_id: str, text: str) -> None:
    notebook = source.read(path)
    (cell,) = (c for c in notebook["cells"] if c["id"] == cell_id)
    source.set_text(cell, text)
    source.write(path, notebook)


@pytest.fixture
def mine(tmp_path):
    """A student's copy of notebook 02, in which they have solved, noted and deleted something."""
    assert notebooks(tmp_path, "--variant", "student", "--only", "02") == 0
    path = tmp_path / PROBABILITY.name
    edit(path, "02-24", "def segment_distance2(p, a, b):\n    return 'mine'\n")
    notebook = source.read(path)
    note = {"cell_type": "markdown", "id": "note", "metadata": {}, "source": ["my note"]}
    last = {"cell_type": "markdown", "id": "top", "metadata": {}, "source": ["on top"]}
    notebook["cells"] = [last, *notebook["cells"][:7], note, *notebook["cells"][8:]]
    source.write(path, notebook)
    return path


def test_work_is_not_overwritten_and_is_described(mine, capsys):
    before = mine.read_bytes()
    assert notebooks(mine.parent, "--variant", "student") == 1
    said = capsys.readouterr().err
    assert f"{mine.name}: 1 cell changed by you, 2 cells added" in said
    assert "--update" in said
    assert mine.read_bytes() == before
    assert [path.name for path in mine.parent.glob("*.ipynb")] == [mine.name]


def test_an_update_keeps_what_the_reader_wrote(mine, capsys):
    # The copy is of an older version, in which one cell was different and one had another text.
    notebook = source.read(mine)
    old = next(c for c in notebook["cells"] if c["id"] == "02-08")
    source.set_text(old, "an older text")
    signed = notebook["metadata"][update.KEY]
    signed["cells"]["02-08"] = update.fingerprint(old)
    signed["cells"]["02-24"] = "0" * 16  # the stub, too, was another
    source.write(mine, notebook)

    assert notebooks(mine.parent, "--update") == 0
    said = capsys.readouterr().out
    assert "3 cells of yours kept; in 02-24 the course has changed too" in said
    after = source.read(mine)
    valid(after)
    texts = {cell["id"]: source.text(cell) for cell in after["cells"]}
    ids = list(texts)
    assert "return 'mine'" in texts["02-24"]
    assert ids[0] == "top"
    assert ids[ids.index("note") - 1] == "02-24"
    assert texts["02-08"].startswith("## The formula")
    assert "<summary>Solution" not in prose(after)
    fresh = variants.student(source.read(PROBABILITY))
    assert [i for i in ids if i not in ("top", "note")] == [c["id"] for c in fresh["cells"]]

    assert notebooks(mine.parent, "--update") == 0
    assert "up to date" in capsys.readouterr().out
    assert source.read(mine) == after


def test_a_cell_that_the_course_dropped_stays_if_it_was_changed(mine):
    notebook = source.read(mine)
    for name in ("dropped", "untouched"):
        cell = {"cell_type": "markdown", "id": name, "metadata": {}, "source": [name]}
        notebook["metadata"][update.KEY]["cells"][name] = update.fingerprint(cell)
        notebook["cells"].append(cell)
    source.set_text(notebook["cells"][-2], "dropped, and mine")
    source.write(mine, notebook)
    assert notebooks(mine.parent, "--update") == 0
    ids = [cell["id"] for cell in source.read(mine)["cells"]]
    assert ids[-1] == "dropped"
    assert "untouched" not in ids


def test_an_update_says_why_it_cannot(mine, tmp_path, capsys):
    assert notebooks(mine.parent, "--update", "--variant", "course") == 1
    assert "is the variant student, not course" in capsys.readouterr().err
    assert notebooks(mine.parent, "--update", "--only", "03") == 1
    assert "nothing to update" in capsys.readouterr().err
    notebook = source.read(mine)
    del notebook["metadata"][update.KEY]
    source.write(mine, notebook)
    before = mine.read_bytes()
    assert notebooks(mine.parent, "--update") == 1
    assert "cannot be updated" in capsys.readouterr().err
    mine.write_text("my work", encoding="utf-8")
    assert notebooks(mine.parent, "--update") == 1
    assert "is not a notebook" in capsys.readouterr().err
    assert before


def test_a_solved_notebook_runs_and_draws_with_its_own_functions(tmp_path, monkeypatch):
    plain = source.read(PROBABILITY)
    plain["cells"] = plain["cells"][:9]  # as far as the first cell that draws with an answer
    (tmp_path / "notebooks").mkdir()
    source.write(tmp_path / "notebooks" / PROBABILITY.name, plain)
    monkeypatch.setattr("softras_edu.doctor.notebooks_folder", lambda: tmp_path / "notebooks")
    assert notebooks(tmp_path / "solved", "--variant", "solution") == 0
    made = source.read(tmp_path / "solved" / PROBABILITY.name)
    told = [line for c in made["cells"] for o in c.get("outputs", []) for line in o.get("text", [])]
    text = "".join(told)
    assert "segment_distance2: passed" in text
    assert "segment_distance2: yours." in text
    assert not [
        o for c in made["cells"] for o in c.get("outputs", []) if o["output_type"] == "error"
    ]
