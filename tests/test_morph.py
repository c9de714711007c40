"""The animation from a sphere to a car to an aeroplane, in a few steps."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

SCRIPT = Path(__file__).parent.parent / "scripts" / "morph.py"


def test_it_writes_an_animation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "morph.gif"
    monkeypatch.setattr(sys, "argv", ["morph.py", "--out", str(out), "--steps", "3"])
    runpy.run_path(str(SCRIPT), run_name="__main__")
    said = capsys.readouterr().out
    assert "car: IoU" in said
    assert "aeroplane: IoU" in said
    with Image.open(out) as film:
        assert film.n_frames > 3
