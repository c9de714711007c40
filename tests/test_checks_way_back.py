"""`checks.pair_backward` lets notebook 08's solution pass, and names what a wrong one lacks.

The wrong ones are the solution's own text with one line changed, run on the functions of the
notebook: what a reader would write.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from test_assembled import load

from softras_edu import checks
from softras_edu.checks.exercise import Mistake, YourTurn
from softras_edu.checks.way_back import ALL_COUNT, MISTAKES

# The mistake's name in `MISTAKES`, or "" for one that has none: what becomes what in the solution.
WRONG = {
    "official": ("d_v = back_through_clip(d_w, v)", "pass"),
    "log D": ("d_logit += more", "pass"),
    "alpha": ("d_pixel[-1] * back_through_product(log_d, log_product)", "0.0"),
    "second part": ("d_logit += more", "d_logit = more"),
    "depth": ("depth_backward(d_z,", "depth_backward(0.0,"),
    "face color": ("(d_z, d_u,", "(d_z, (0.0, 0.0, 0.0),"),
    "clip": ("back_through_clip(d_w, v)", "d_w"),
    "den": ("math.exp(log_weight - peak) / den", "math.exp(log_weight - peak)"),
    "overwritten": ("keep, log_d,", "d_tri[:], d_corner[:] = 0, 0\n    keep, log_d,"),
    "": ("corners_backward(d_logit,", "corners_backward(2 * d_logit,"),
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return load("08", tmp_path_factory.mktemp("way_back"))


def changed(notebook: ModuleType, old: str, new: str) -> Callable[..., None]:
    text = inspect.getsource(notebook.pair_backward)
    assert text.count(old) == 1, f"the solution of notebook 08 has no {old!r} any more"
    room: dict[str, Any] = dict(vars(notebook))
    exec(compile(text.replace(old, new), "<cell>", "exec"), room)
    return room["pair_backward"]


def test_the_solution_passes(notebook: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    checks.pair_backward(notebook.pair_backward)
    assert capsys.readouterr().out == "pair_backward: passed, 6 cases.\n"


@pytest.mark.parametrize("name", WRONG)
def test_what_is_missing_is_named(notebook: ModuleType, name: str) -> None:
    with pytest.raises(Mistake) as caught:
        checks.pair_backward(changed(notebook, *WRONG[name]))
    assert MISTAKES.get(name, "Which of the corners' numbers") in str(caught.value)
    assert "expected" in str(caught.value)


def test_a_pair_that_does_not_count_must_give_nothing(notebook: ModuleType) -> None:
    with pytest.raises(Mistake, match=ALL_COUNT):
        checks.pair_backward(changed(notebook, "if not keep:", "if False:"))


def test_every_mistake_has_its_wrong_answer() -> None:
    assert set(WRONG) - {""} == set(MISTAKES)


def test_an_error_is_told_with_its_line(notebook: ModuleType) -> None:
    with pytest.raises(Mistake, match=r"NameError(.|\n)*in line \d+ of the cell"):
        checks.pair_backward(changed(notebook, "d_logit += more", "d_logit += much"))


def test_a_stub_stays_a_stub() -> None:
    def stub(*arguments: object) -> None:
        raise NotImplementedError("Exercise 08-9")

    with pytest.raises(YourTurn, match="Exercise 08-9"):
        checks.pair_backward(stub)
