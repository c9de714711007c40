"""The scripts of the site are linted, formatted and typed as the live explorers' are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from load_script import ROOT, load_script
from test_house import COLUMNS

LOOKS = ROOT / "docs" / "site"
SCRIPTS = sorted([*LOOKS.glob("*.js"), *LOOKS.glob("*.mjs")])
CONFIG = ROOT / "softras_edu" / "explore" / "live" / "deno.json"


@pytest.mark.parametrize("words", [["lint"], ["fmt", "--check"], ["check", "--no-remote"]])
def test_deno_is_content_and_can_be_otherwise(tmp_path: Path, words: list[str]) -> None:
    find_deno_bin = pytest.importorskip("deno").find_deno_bin
    environment = os.environ | {"DENO_DIR": str(tmp_path / "cache"), "DENO_NO_UPDATE_CHECK": "1"}

    def content(*files: Path) -> bool:
        for path in files:
            shutil.copy(path, tmp_path)
        names = [path.name for path in files]
        command = [os.fsdecode(find_deno_bin()), *words, "--config", str(CONFIG), *names]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        print(done.stderr.decode())
        return done.returncode == 0

    assert len(SCRIPTS) == 3
    assert content(*SCRIPTS)
    wrong = tmp_path / "from" / "wrong.js"
    wrong.parent.mkdir()
    wrong.write_text('/** @type {number} */\nexport const a= "b" == 1;\n')
    assert not content(wrong)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_lines_are_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [k for k, line in enumerate(lines, start=1) if len(line) > COLUMNS] == []


def test_a_formula_that_mathjax_does_not_know_is_named() -> None:
    formulas = load_script("scripts/site_text.py").Formulas()
    place = formulas.keep_place(r"\alpha", display=False)
    formulas.draw()
    assert "<svg" in formulas.fill(f"<p>{place}</p>")
    formulas.keep_place(r"\nosuchcommand x", display=True)
    with pytest.raises(RuntimeError, match="nosuchcommand"):
        formulas.draw()
