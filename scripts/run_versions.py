"""Does the course run without this repository, with the oldest and the newest versions it allows?

    .venv/bin/python scripts/run_versions.py                         oldest, newest and locked
    .venv/bin/python scripts/run_versions.py newest --python python3.12 --python python3.13
    .venv/bin/python scripts/run_versions.py oldest --with torch==2.13.0     where PyTorch's oldest
                                                                     is not to be had
    .venv/bin/python scripts/run_versions.py locked --notebooks all  every notebook, as readers have

For each Python and each choice of versions: build the wheel, install it into an empty environment
under build/versions, copy the notebooks out with `python -m softras_edu notebooks`, run some of
them there, and run some of the tests against what is installed. Exit status 1 if anything failed.
The first time, pip downloads what it needs (PyTorch: 1 to 6 GB). "oldest" is the lower bounds of
pyproject.toml, "locked" is requirements.lock, "newest" is whatever pip finds today.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WHICH = ("oldest", "newest", "locked")
NOTEBOOKS = ("00", "09", "11", "15")  # between them they enter every room of the library
TESTS = ("test_contract", "test_mesh_files", "test_numba", "test_fit", "test_checks_contract")
RUN = """
import os, sys, nbformat
from nbclient import NotebookClient
import softras_edu
assert softras_edu.__file__.startswith(sys.prefix), f"not what is installed: {softras_edu.__file__}"
for name in sys.argv[1:]:
    book = nbformat.read(name, as_version=4)
    NotebookClient(book, timeout=1200, kernel_name="python3").execute()
    print(name, "ran", flush=True)
"""
NAME = "import sys; print(*sys.version_info[:2], sep='.')"
VERSIONS = """
import importlib.metadata as m, platform, sys
print("Python", platform.python_version(), *(f"{n} {m.version(n)}" for n in sys.argv[1:]), sep=", ")
"""


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments().parse_args(argv)
    wheel = build(ROOT / "build" / "versions")
    failed = []
    for python in options.python or [sys.executable]:
        for which in options.which or WHICH:
            print(f"==> {which}, {python}", flush=True)
            folder = ROOT / "build" / "versions" / f"{run(python, '-c', NAME).strip()}-{which}"
            pins = overridden(constraints(which), options.instead)
            try:
                inside = environment(folder, python, wheel, pins)
                run_notebooks(inside, folder / "course", options.notebooks.split(","))
                run_tests(inside, folder, options.tests.split(","))
            except subprocess.CalledProcessError as error:
                failed.append(f"{which}, {python}: {' '.join(map(str, error.cmd))[:100]} ...")
    print("\n".join(["failed:", *failed]) if failed else "all passed")
    return 1 if failed else 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "which", nargs="*", choices=[[], *WHICH], help="versions, default all three"
    )
    parser.add_argument("--python", action="append", help="a Python; may be given more than once")
    parser.add_argument("--with", dest="instead", action="append", default=[], metavar="NAME==1.2")
    parser.add_argument("--notebooks", default=",".join(NOTEBOOKS), help="numbers, or all")
    parser.add_argument("--tests", default=",".join(TESTS), help="files of tests/, without .py")
    return parser


# ---------------------------------------------------------------- versions


def requirements() -> Iterable[Requirement]:
    """What a user needs, Triton, and what the tests need."""
    extras = PROJECT["optional-dependencies"]
    return map(Requirement, [*PROJECT["dependencies"], *extras["triton"], *extras["test"]])


def constraints(which: str) -> list[str]:
    """Lines for pip's --constraint.

    Raises:
        ValueError: a requirement has no lower bound.
    """
    if which == "newest":
        return []
    if which == "locked":
        lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line and not line.startswith("#")]
    found = []
    for one in requirements():
        bounds = [part.version for part in one.specifier if part.operator == ">="]
        if len(bounds) != 1:
            raise ValueError(f"{one}: wanted one lower bound")
        found.append(f"{one.name}=={bounds[0]}" + (f" ; {one.marker}" if one.marker else ""))
    return found


def overridden(pins: Iterable[str], instead: Sequence[str]) -> list[str]:
    """The pins, but for those packages that `instead` has another one of."""
    names = {Requirement(line).name for line in instead}
    return [line for line in pins if Requirement(line).name not in names] + list(instead)


# ---------------------------------------------------------------- what is done in one environment


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Without the repository on Python's path, and with what it says on the screen if it fails."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=clean, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        print("\n".join(done.stdout.splitlines()[-40:]), flush=True)
    done.check_returncode()
    return done.stdout


def build(folder: Path) -> Path:
    """The wheel, made from a copy of the tree as it is: making one leaves folders behind."""
    for old in folder.glob("*.whl"):
        old.unlink()
    copy, junk = folder / "source", shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    shutil.rmtree(copy, ignore_errors=True)
    for name in ("softras_edu", "notebooks", "benchmarks/results"):
        shutil.copytree(ROOT / name, copy / name, ignore=junk)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    quiet = ("--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    run(sys.executable, "-m", "pip", "wheel", *quiet, copy)
    (wheel,) = folder.glob("*.whl")
    return wheel


def environment(folder: Path, python: str, wheel: Path, pins: Sequence[str]) -> Path:
    """An environment with the wheel and what it asks for; its Python."""
    inside = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not inside.exists():
        run(python, "-m", "venv", folder / "env")
    (folder / "pins.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
    pip = (inside, "-m", "pip", "install", "--quiet", "--constraint", folder / "pins.txt")
    run(*pip, "--upgrade", "--force-reinstall", "--no-deps", wheel)
    run(*pip, "--upgrade", f"{wheel}[triton,test]")
    shown = ("torch", "numpy", "numba", "triton", "matplotlib", "ipywidgets", "jupyterlab")
    print(run(inside, "-c", VERSIONS, *shown, cwd=folder).strip(), flush=True)
    return inside


def run_notebooks(inside: Path, course: Path, which: Sequence[str]) -> None:
    """Copy the notebooks out of the wheel, and run those whose number is given, or all."""
    if not course.exists():
        run(inside, "-m", "softras_edu", "notebooks", course, cwd=course.parent)
    names = sorted(path.name for path in course.glob("*.ipynb"))
    chosen = [name for name in names if list(which) == ["all"] or name[:2] in which]
    if chosen:
        print(run(inside, "-c", RUN, *chosen, cwd=course).strip(), flush=True)


def run_tests(inside: Path, folder: Path, files: Sequence[str]) -> None:
    """Some files of tests/ against what is installed."""
    paths = [ROOT / "tests" / f"{name}.py" for name in files if name]
    if paths:
        pytest = (inside.parent / "pytest", "-q", "-p", "no:cacheprovider")
        pytest = (*pytest, "-c", ROOT / "pyproject.toml")
        print(run(*pytest, *paths, cwd=folder).strip().splitlines()[-1], flush=True)


if __name__ == "__main__":
    sys.exit(main())
