"""The files around the library agree with each other.

The wheel has everything in it, and the set-up script says what is wrong.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import fresh_python
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LINES = [
    line
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if line and not line.startswith("#")
]


def pins() -> dict[str, Requirement]:
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in LINES}


def wanted() -> list[Requirement]:
    project = PROJECT["project"]
    # The autograders of `grading` are for who marks a class: `make` does not install them.
    groups = {k: v for k, v in project["optional-dependencies"].items() if k != "grading"}
    assert len(groups) == len(project["optional-dependencies"]) - 1
    extras = [line for group in groups.values() for line in group]
    return [
        Requirement(line)
        for line in project["dependencies"] + extras + PROJECT["build-system"]["requires"]
    ]


# ---------------------------------------------------------------- versions


def test_the_lock_has_exact_versions_and_nothing_else():
    for line in LINES:
        # No hashes, addresses, paths, local versions:
        assert re.fullmatch(r'[\w.-]+==[\w.]+( ; [\w "<>=.]+)?', line), line
    assert len(pins()) == len(LINES)


def test_the_lock_pins_every_dependency_to_a_version_that_is_allowed():
    for requirement in wanted():
        pin = pins().get(canonicalize_name(requirement.name))
        assert pin is not None, f"{requirement.name} is not in requirements.lock"
        (version,) = (spec.version for spec in pin.specifier)
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} and {pin}"
        assert pin.marker is None or requirement.marker is not None, (
            f"{pin} is left out somewhere, but {requirement} is not"
        )


def test_the_lock_has_the_triton_that_torch_wants():
    assert str(pins()["torch"].specifier) == "==2.13.0"
    assert (
        str(pins()["triton"].specifier) == "==3.7.1"
    )  # torch 2.13.0 for Linux requires exactly this
    assert str(pins()["triton"].marker) == 'platform_system == "Linux"'


def test_the_conda_environment_installs_the_same_lock():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, below = environment["dependencies"]
    assert pip == "pip"
    assert below == {"pip": ["-r requirements.lock", "-e ."]}
    version = python.removeprefix("python=")
    assert Requirement(f"python{PROJECT['project']['requires-python']}").specifier.contains(version)


def imported(room: str) -> set[str]:
    """What the files of a folder import, by the first part of the name, at any depth."""
    names = set()
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(str(node.module).partition(".")[0])
    return names - set(sys.stdlib_module_names)


PEERS = {
    "pytorch3d",
    "deodr",
    "soft_renderer",
    "nvdiffrast",
    "kaolin",
    "vtkmodules",
}  # wanted by nobody
BROUGHT = {"pip"}  # by every virtual environment


@pytest.mark.parametrize(
    ("room", "extras"),
    [
        ("softras_edu", ["triton"]),
        ("benchmarks", ["triton", "test"]),
        ("scripts", ["test"]),
        ("tests", ["triton", "test"]),
    ],
)
def test_what_is_imported_is_declared(room, extras):
    """Not found because something else that is declared happens to need it."""
    project = PROJECT["project"]
    lines = [line for extra in extras for line in project["optional-dependencies"][extra]]
    lines += [f"softras-edu=={project.get('version', '0')}", *project["dependencies"]]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    rooms = ("tests", "benchmarks", "scripts")
    ours = {path.stem for name in rooms for path in (ROOT / name).glob("*.py")}
    packages = packages_distributions()
    for name in imported(room) - ours - PEERS - BROUGHT:
        owners = {canonicalize_name(owner) for owner in packages.get(name, [name])}
        assert owners & declared, f"{room} imports {name} of {owners}: not in pyproject.toml"


def test_what_is_run_by_name_is_declared():
    """`make test` runs these; nothing imports them."""
    declared = {
        Requirement(line).name for line in PROJECT["project"]["optional-dependencies"]["test"]
    }
    assert {"ruff", "mypy", "pytest-xdist", "nbval", "import-linter"} <= declared
    makefile = (ROOT / "Makefile").read_text()
    for words in ("ruff check", "ruff format --check", "mypy", "-n 2", "--nbval", "lint-imports"):
        assert words in makefile


# ---------------------------------------------------------------- README.md


def test_the_examples_in_the_readme_run():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, {})


def test_the_readme_lists_every_notebook_with_its_minutes():
    rows = dict(
        re.findall(
            r"^\| \[.*?\]\(notebooks/(.*?)\) \|.*\| (\d+) \|$",
            (ROOT / "README.md").read_text(),
            re.MULTILINE,
        )
    )
    notebooks = {
        path.name: "".join(json.loads(path.read_text())["cells"][0]["source"])
        for path in (ROOT / "notebooks").glob("*.ipynb")
    }
    assert rows == {
        name: re.search(r"(\d+) minutes", box).group(1) for name, box in notebooks.items()
    }


# ---------------------------------------------------------------- the wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The built wheel, opened. Built from a copy, since building leaves folders behind."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in ("softras_edu", "notebooks"):
        shutil.copytree(
            ROOT / name,
            copy / name,
            ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"),
        )
    shutil.copytree(ROOT / "benchmarks" / "results", copy / "benchmarks" / "results")
    # The setuptools of requirements.lock builds it: no network.
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(out),
        str(copy),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (file,) = out.glob("*.whl")
    zipfile.ZipFile(file).extractall(out / "installed")
    return out / "installed"


def test_the_wheel_has_every_module_and_every_notebook(wheel):
    for path in (ROOT / "softras_edu").rglob("*.py"):
        assert (wheel / path.relative_to(ROOT)).exists(), (
            f"{path.name}: is its folder listed in pyproject.toml under packages?"
        )
    assert (wheel / "softras_edu" / "py.typed").exists()
    modules = sorted((ROOT / "softras_edu").rglob("*.js"))
    assert modules
    for path in modules:
        assert (wheel / path.relative_to(ROOT)).read_bytes() == path.read_bytes()
    names = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert names
    assert sorted(path.name for path in (wheel / "softras_edu" / "course").iterdir()) == names
    measured = sorted(path.name for path in (ROOT / "benchmarks" / "results").glob("*.csv"))
    assert measured
    assert sorted(path.name for path in (wheel / "softras_edu" / "measured").iterdir()) == measured
    assert sorted(
        path.name for path in wheel.iterdir() if not path.name.endswith(".dist-info")
    ) == ["softras_edu"]


def test_the_installed_wheel_hands_out_the_notebooks(wheel, tmp_path):
    script = "import softras_edu, sys; from softras_edu.__main__ import main; "
    script += "print(softras_edu.__file__); sys.exit(main(['notebooks', 'mine']))"
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    done = fresh_python.run(script, cwd=tmp_path, env=environment, check=True)
    assert done.stdout.startswith(str(wheel)), "this must run the wheel, not the repository"
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        # The text's links lead elsewhere in a copy; code and pictures are the same.
        mine, ours = (
            [
                (cell["source"], cell["outputs"])
                for cell in json.loads(file.read_text())["cells"]
                if cell["cell_type"] == "code"
            ]
            for file in (tmp_path / "mine" / path.name, path)
        )
        assert mine == ours


def test_the_installed_wheel_reads_its_own_copy_of_the_measurements(wheel, tmp_path):
    script = (
        "from softras_edu.teaching.results import tables, timings as m; print(tables.folder(), "
    )
    script += "m.newest('broadcast', 'pairs', 'numba').path.name, len(m.compiled()))"
    environment = {**os.environ, "PYTHONPATH": str(wheel)}
    done = fresh_python.run(script, cwd=tmp_path, env=environment, check=True)
    folder, name, kernels = done.stdout.split()
    assert Path(folder) == wheel / "softras_edu" / "measured"
    assert (ROOT / "benchmarks" / "results" / name).exists()
    newest = max((ROOT / "benchmarks" / "results").glob("compile-*.csv"))
    assert int(kernels) == len(newest.read_text().splitlines()) - 1


# ---------------------------------------------------------------- the set-up script

# A stand-in for Python: a real one but for what a test takes away.
FAKE = """#!/bin/sh
case "$*" in *"{word}"*) exit 1;; esac
exec "{python}" "$@"
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment with pip and nothing else, to be copied: making one takes seconds."""
    folder = tmp_path_factory.mktemp("made") / ".venv"
    venv.create(folder, with_pip=True)
    return folder


@pytest.fixture
def clone(tmp_path):
    """A clone as far as setup.sh is concerned, whose lock asks for what no index has."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup.sh", tmp_path / "scripts")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "requirements.lock").write_text("softras-edu-no-such-package==1.0\n")
    return tmp_path


def set_up(clone, **variables):
    environment = {
        **os.environ,
        "PIP_NO_INDEX": "1",
        "PYTHON": sys.executable,
        "MIN_FREE_GB": "0",
        "PIP_FLAGS": "",
        **variables,
    }
    return subprocess.run(
        ["sh", "scripts/setup.sh"],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def fake_python(clone, word):
    path = clone / "fake-python"
    path.write_text(FAKE.format(word=word, python=sys.executable))
    path.chmod(0o755)
    return str(path)


def test_set_up_says_when_the_python_it_was_given_does_not_run(clone):
    done = set_up(clone, PYTHON="/nonexistent/python")
    assert done.returncode == 1
    assert "PYTHON=/nonexistent/python is not a Python 3.11 or newer" in done.stderr


def test_set_up_says_when_python_is_too_old_or_absent(clone):
    tools = clone / "bin"  # a PATH with everything the script uses, except Python
    tools.mkdir()
    for name in ("sh", "dirname", "cksum", "cat", "uname", "df", "awk", "rm", "tail"):
        (tools / name).symlink_to(shutil.which(name))
    done = set_up(clone, PYTHON="", PATH=str(tools))
    assert done.returncode == 1
    assert "no Python 3.11 or newer found" in done.stderr
    assert "PYTHON=/path/to/python3" in done.stderr


def test_set_up_says_when_there_is_no_venv(clone):
    done = set_up(clone, PYTHON=fake_python(clone, "import venv"))
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert not (clone / ".venv").exists()


def test_set_up_says_when_the_disk_is_full(clone):
    done = set_up(clone, MIN_FREE_GB="1000000")
    assert done.returncode == 1
    assert "not enough disk space" in done.stderr
    assert "1000000 GB needed" in done.stderr
    assert not (clone / ".venv").exists()


def test_set_up_says_when_pip_fails_and_makes_a_broken_environment_anew(clone):
    (clone / ".venv").mkdir()
    (clone / ".venv" / "leftover").write_text("")
    done = set_up(clone)
    assert done.returncode == 1
    assert "left half made: making it anew" in done.stdout
    assert not (clone / ".venv" / "leftover").exists()
    assert "softras-edu-no-such-package" in done.stderr, "pip's own words"
    assert "Is the network there?" in done.stderr
    assert "softras-edu-no-such-package" in (clone / ".venv" / "pip.log").read_text()

    done = set_up(clone)  # and the next time it goes on with the environment that it made
    assert done.returncode == 1
    assert "Making .venv" not in done.stdout


def test_without_the_cpu_index_set_up_goes_on_with_the_usual_build(clone, environment):
    shutil.copytree(environment, clone / ".venv", symlinks=True)
    # CPU=1 must never leave a machine worse than without it.
    lock = clone / "requirements.lock"
    lock.write_text("torch==0.0.1\n" + lock.read_text())
    done = set_up(clone, CPU="1", CPU_INDEX="file:///nonexistent")
    assert "==> Installing torch==0.0.1 without CUDA" in done.stdout
    assert "That did not work, so PyTorch comes with CUDA" in done.stdout
    assert "==> Installing what requirements.lock lists" in done.stdout
    assert "pip could not install requirements.lock" in done.stderr  # no index has what it asks for


def test_set_up_refuses_a_cpu_that_is_neither_0_nor_1(clone):
    done = set_up(clone, CPU="yes")
    assert done.returncode == 1
    assert "CPU=yes: wanted 1 (PyTorch without CUDA), 0 (with CUDA)" in done.stderr
    assert not (clone / ".venv").exists(), "it says so before it does anything"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere PyTorch has one build")
def test_cpu_0_asks_for_the_usual_build(clone, environment):
    shutil.copytree(environment, clone / ".venv", symlinks=True)
    lock = clone / "requirements.lock"
    lock.write_text("torch==0.0.1\n" + lock.read_text())
    assert "without CUDA" not in set_up(clone, CPU="0").stdout
