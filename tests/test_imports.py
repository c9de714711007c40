"""Every module imports in every way that Python has, and importing the package loads little.

A function of the same name in a package's `__init__` hides a module from `import a.b.c as m` and
from `from a.b import c`: both then give the function, or raise.
"""

from __future__ import annotations

import json
from pathlib import Path

import fresh_python
import pytest

import softras_edu

ROOT = Path(softras_edu.__file__).parent
HEAVY = (
    "numba",
    "triton",
    "matplotlib",
    "ipywidgets",
    "trimesh",
    "IPython",
    "softras_edu.checks",
    "softras_edu.explore",
    "softras_edu.rasterizers.numba_cpu",
    "softras_edu.rasterizers.triton_gpu",
)


def modules() -> list[str]:
    """All modules of the package that are files of ours, by their dotted names."""
    names = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        names.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return names


# In a process of its own: here other tests have imported things, perhaps in another order. Triton's
# interpreter is chosen first, since modules with kernels need it where there is no GPU.
EVERY_WAY = """
import importlib, json, sys, warnings
from softras_edu.rasterizers.triton_gpu import use_interpreter
use_interpreter()
wrong = []
for name in json.loads(sys.argv[1]):
    package, _, last = name.rpartition(".")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and error.name.split(".")[0] in ("triton", "numba"):
            continue  # an optional library that is not here
        wrong.append(f"{name}: {error!r}")
        continue
    if module is not sys.modules[name]:
        wrong.append(f"importlib.import_module({name!r}) is something else")
    ways = [f"import {name} as it"] + ([f"from {package} import {last} as it"] if package else [])
    for way in ways:
        room = {}
        try:
            exec(way, room)
        except Exception as error:
            wrong.append(f"{way}: {error!r}")
            continue
        if room["it"] is not module:
            wrong.append(f"{way}: gives {room['it']!r}")
print(json.dumps(wrong))
"""


def fresh(code: str, *arguments: str) -> str:
    """What a new Python prints."""
    done = fresh_python.run(code, *arguments, cwd=ROOT.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_is_itself_however_it_is_imported() -> None:
    names = [name for name in modules() if not name.endswith(".__main__")]
    assert len(names) > 60
    wrong = json.loads(fresh(EVERY_WAY, json.dumps(names)).splitlines()[-1])
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def package() -> dict[str, list[str]]:
    """Of a new process that imports the package and no more: what is loaded, what is public."""
    code = "import json, sys, softras_edu as s; loaded = sorted(sys.modules); "
    code += "public = [n for n in s.__all__ if callable(getattr(s, n))]; "
    code += "print(json.dumps({'loaded': loaded, 'public': public, 'checks': [s.checks.__name__]}))"
    return json.loads(fresh(code))


def test_no_module_has_the_name_of_a_public_function_of_the_package(package) -> None:
    public = set(package["public"])
    assert {"rasterize", "render", "fit"} <= public
    assert [name for name in modules() if name.rpartition(".")[2] in public] == []


def test_importing_the_package_loads_nothing_heavy(package) -> None:
    loaded = set(package["loaded"])
    assert "softras_edu.rasterizers" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_the_checks_are_there_when_they_are_asked_for(package) -> None:
    assert package["checks"] == ["softras_edu.checks"]
