"""Oldest and newest versions, and a wheel in an empty environment: scripts/run_versions.py.

That one downloads and installs; here stand its parts, and the whole behind a marker:

    .venv/bin/python -m pytest -m fresh       about 10 minutes on two quiet cores
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from load_script import load_script
from packaging.requirements import Requirement

VERSIONS = load_script("scripts/run_versions.py")


def test_oldest_is_the_lower_bound_of_every_requirement() -> None:
    lines = VERSIONS.constraints("oldest")
    assert "numpy==2.0" in lines
    assert 'triton==3.6 ; platform_system == "Linux"' in lines
    pins = {Requirement(line).name: Requirement(line) for line in lines}
    for requirement in VERSIONS.requirements():
        (pin,) = pins[requirement.name].specifier
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), requirement


def test_newest_has_no_pins_and_locked_has_those_of_the_lock() -> None:
    assert VERSIONS.constraints("newest") == []
    lock = (VERSIONS.ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert all(line in lock for line in VERSIONS.constraints("locked"))
    assert "torch==2.13.0" in VERSIONS.constraints("locked")


def test_a_version_can_be_had_instead_of_another() -> None:
    pins = VERSIONS.overridden(["torch==2.11", "numpy==2.0"], ["torch==2.13.0"])
    assert pins == ["numpy==2.0", "torch==2.13.0"]


def test_what_runs_knows_nothing_of_this_repository(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(VERSIONS.ROOT))
    assert VERSIONS.run("sh", "-c", "echo $PYTHONPATH", cwd=tmp_path).strip() == ""
    with pytest.raises(subprocess.CalledProcessError):
        VERSIONS.run("sh", "-c", "echo what went wrong; exit 3", cwd=tmp_path)
    assert "what went wrong" in capsys.readouterr().out


@pytest.mark.fresh
def test_every_notebook_runs_in_an_empty_environment_without_the_repository() -> None:
    assert VERSIONS.main(["locked", "--notebooks", "all", "--tests", "test_contract"]) == 0
