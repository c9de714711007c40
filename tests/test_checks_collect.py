"""What a reader wrote in earlier notebooks is found, checked, and replaced where it is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch

from softras_edu import checks, formulas, rasterize
from softras_edu.checks.exercise import Mistake, YourTurn


def write(folder: Path, *cells: str) -> None:
    """A notebook with these code cells."""
    content = {"cells": [{"cell_type": "code", "source": c.splitlines(True)} for c in cells]}
    (folder / "03_mine.ipynb").write_text(json.dumps(content), encoding="utf-8")


RIGHT = "def silhouette(d):\n    return 1 - torch.prod(1 - d, 0)\n\n\nchecks.silhouette(silhouette)"


def test_a_right_answer_is_taken_and_its_cell_is_not_run_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "import os", RIGHT + "\nopen('made', 'w')")
    mine = checks.from_notebooks(checks.silhouette, folder=tmp_path)
    assert mine.silhouette is not checks.silhouette.reference
    assert mine.silhouette(torch.full((2, 1, 1), 0.5)).item() == 0.75
    assert capsys.readouterr().out == "silhouette: yours.\n"
    assert not Path("made").exists()


@pytest.mark.parametrize(
    "cell",
    [
        "def silhouette(d):\n    raise NotImplementedError('Exercise 03-1')",
        RIGHT.replace("1 - torch.prod", "torch.prod"),
        "def silhouette(d):\n    return 1 -",
        "x = 1",
    ],
)
def test_a_stub_a_mistake_and_a_half_line_are_replaced(
    cell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, cell)
    mine = checks.from_notebooks(checks.silhouette, folder=tmp_path)
    assert mine.silhouette is checks.silhouette.reference
    assert "the library's, until yours passes" in capsys.readouterr().out


def test_the_course_as_it_stands_has_only_stubs(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(__file__).parent.parent / "notebooks"
    names = ("segment_distance2", "probability", "silhouette", "clip_weights", "depth_weights")
    checks.from_notebooks(*(getattr(checks, name) for name in names), folder=folder)
    assert capsys.readouterr().out.count("the library's") == len(names)


def fused(
    triangles: torch.Tensor, colors: torch.Tensor, size: int, sigma: float, gamma: float
) -> torch.Tensor:
    return rasterize(triangles, colors, size=size, sigma=sigma, gamma=gamma, far=10.0)


def test_the_capstone_takes_the_library_and_names_what_is_wrong(
    capsys: pytest.CaptureFixture[str],
) -> None:
    checks.capstone(fused)
    assert "image is the library's" in capsys.readouterr().out
    wrong = {
        "the colour differs": lambda t, c, n, s, g: fused(t, c, n, s, 2 * g),
        "the alpha differs": lambda t, c, n, s, g: torch.cat(
            [fused(t, c, n, s, g)[..., :3], fused(t, c, n, 2 * s, g)[..., 3:]], dim=-1
        ),
        "gradient differs": lambda t, c, n, s, g: fused(
            torch.cat([t[..., :2], t[..., 2:].detach()], dim=-1), c, n, s, g
        ),
        "wanted (16, 16, 4)": lambda t, c, n, s, g: fused(t, c, n, s, g)[..., :3],
    }
    for words, answer in wrong.items():
        with pytest.raises(Mistake, match=re.escape(words)):
            checks.capstone(answer)


def test_the_capstone_says_which_line_stopped_and_that_a_gradient_is_lost() -> None:
    def stops(t: torch.Tensor, c: torch.Tensor, n: int, s: float, g: float) -> torch.Tensor:
        return fused(t, c, n, s, g) @ c

    def stub(*arguments: object) -> torch.Tensor:
        raise NotImplementedError("Exercise 05-3")

    with pytest.raises(Mistake, match=r"line \d+ of the cell:  return fused"):
        checks.capstone(stops)
    with pytest.raises(Mistake, match="returned None: is `return` missing"):
        checks.capstone(lambda t, c, n, s, g: None)
    with pytest.raises(Mistake, match="its gradient is lost"):
        checks.capstone(lambda t, c, n, s, g: fused(t.detach(), c, n, s, g))
    with pytest.raises(YourTurn, match="Exercise 05-3"):
        checks.capstone(stub)


def test_the_solutions_of_02_to_04_make_the_capstone_of_05(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a reader has who wrote every solution down as the notebooks give it."""
    folder = Path(__file__).parent.parent / "notebooks"
    read = {path.stem[:2]: json.loads(path.read_text("utf-8")) for path in folder.glob("0*.ipynb")}
    texts = ["".join(c["source"]) for n in ("02", "03", "04") for c in read[n]["cells"]]
    fence = re.compile(r"<summary>Solution</summary>\s*```python\n(.*?)```", re.DOTALL)
    write(tmp_path, *(code for text in texts for code in fence.findall(text)))
    names = ("segment_distance2", "probability", "silhouette", "clip_weights", "depth_weights")
    exercises = [getattr(checks, name) for name in names]
    mine = checks.from_notebooks(*exercises, folder=tmp_path)
    assert capsys.readouterr().out.count(": yours.") == len(names)
    (cell,) = [
        "".join(c["source"]) for c in read["05"]["cells"] if "def soft_ras" in "".join(c["source"])
    ]
    room = {"mine": mine, "torch": torch, "formulas": formulas, "checks": checks}
    exec(compile(cell, "the capstone's cell", "exec"), room)
    assert "image is the library's" in capsys.readouterr().out
