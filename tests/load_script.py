"""The scripts of benchmarks/ and scripts/, as modules that a test can call."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent


def load_script(path: str) -> ModuleType:
    """A script by its path from the repository's root, run anew for each call."""
    file = ROOT / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as while_it_runs:
        while_it_runs.syspath_prepend(file.parent)  # for its neighbours
        while_it_runs.setitem(sys.modules, file.stem, module)  # dataclasses look it up
        spec.loader.exec_module(module)
    return module
