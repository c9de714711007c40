"""docs/public-api.txt is what the code promises now, and every notebook lives on it alone."""

from __future__ import annotations

import difflib
from typing import NamedTuple

import pytest
from load_script import load_script
from torch import Tensor

API = load_script("scripts/public_api.py")


def test_the_list_is_what_the_code_has() -> None:
    """A public name has changed. If that is meant: CONTRIBUTING.md, "Stable for a term"."""
    pytest.importorskip("triton", reason="the list has the course's kernels too")
    listed, now = API.LIST.read_text(encoding="utf-8"), API.text()
    changes = list(
        difflib.unified_diff(listed.splitlines(), now.splitlines(), "listed", "now", n=0)
    )
    assert not changes, "\n".join([*changes[:40], "scripts/public_api.py writes the list anew"])


def short(a: Tensor, *rest: int, b: str | None = "x", side: tuple[int, int] = (0, 1)) -> None:
    """For the test below."""


class Pair(NamedTuple):
    """For the test below."""

    left: Tensor
    right: int = 0

    def both(self, scale: float) -> Tensor:
        return self.left * scale

    @property
    def sum(self) -> Tensor:
        return self.left + self.right


Pair.__module__ = "softras_edu.pair"


def test_a_function_is_written_as_in_the_code() -> None:
    assert API.call("short", short) == (
        "short(a: Tensor, *rest: int, b: str | None = 'x', side: tuple[int, int] = (0, 1))"
        " -> None\n"
    )
    assert API.call("a_much_longer_name", short) == (
        "a_much_longer_name(\n    a: Tensor,\n    *rest: int,\n    b: str | None = 'x',\n"
        "    side: tuple[int, int] = (0, 1),\n) -> None\n"
    )
    # What a function is at which address is no part of a promise.
    assert API.call("g", lambda x, *, y=short, z=3: x) == "g(x, *, y = ..., z = 3)\n"


def test_a_class_is_written_with_its_methods() -> None:
    assert API.entry("Pair", Pair) == (
        "class Pair(left: Tensor, right: int = 0)\n"
        "    .both(self, scale: float) -> Tensor\n"
        "    .sum: property\n"
    )


CELLS = """
%matplotlib inline
from softras_edu import Camera, checks
from softras_edu.teaching import figures as drawn
drawn.show(torch.exp(Camera))
checks.probability(2)
"""


def test_what_a_notebook_uses_is_found() -> None:
    assert API.uses(CELLS) == {
        ("softras_edu", "Camera"),
        ("softras_edu", "checks"),
        ("softras_edu.checks", "probability"),
        ("softras_edu.teaching", "figures"),
        ("softras_edu.teaching.figures", "show"),
    }


def test_the_documents_name_the_list() -> None:
    root = API.ROOT
    assert "docs/public-api.txt" in (root / "README.md").read_text(encoding="utf-8")
    assert "scripts/public_api.py" in (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
