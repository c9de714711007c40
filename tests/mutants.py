"""Do the tests notice a mistake? Plant those of mutations/*.toml, one by one, and run the tests.

    python tests/mutants.py                      all of them, one to two hours on two cores
    python tests/mutants.py --only numba         those whose name or file has this in it
    python tests/mutants.py --jobs 1             one process at a time
    python tests/mutants.py --check              only: are all texts (once) and all tests there?

Package and tests are copied to a temporary folder; the working tree is not touched. First every
selection of tests must pass on the unchanged copy. Then, mutant by mutant: `killed`, when a test of
the mutant's selection fails; `SURVIVED`, when all pass, which is a hole in the tests; `TEXT NOT
FOUND`, when the code has changed and mutations/*.toml must follow. The exit status is 0 if all are
killed.

numba keeps machine code on disk, and would not see a change in a function that another file's
kernel has swallowed. So a mutant of a file that names numba starts without any; the others get what
the run on the unchanged copy has left. Python's own byte code is never kept.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[1]
COPIED = ("softras_edu", "tests", "pyproject.toml")
LINKED = ("benchmarks", "notebooks", "scripts")  # some tests read them
SECONDS = 600  # a selection that takes longer hangs, and that is noticed too
PYTEST = ("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly")


@dataclass(frozen=True)
class Mutant:
    """A mistake to plant.

    Attributes:
        name: rung or room, and what is wrong.
        file: where, from the root.
        old: the right text, which occurs exactly once (see `planted`). new: the wrong one.
        tests: what should notice, as pytest names tests, from tests/.
        k: pytest's -k for them, perhaps.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    k: str = ""

    def planted(self, root: Path) -> str | None:
        """The file's text with the mistake, or None unless the old text is in it exactly once.

        Line breaks and blanks do not count, nor does a comma before a closing bracket: where a
        formatter puts them is no matter.
        """
        path = root / self.file
        if not path.is_file():
            return None
        pattern = ""
        for token, next_token in pairwise([*re.findall(r"\w+|[^\w\s]", self.old), ""]):
            both_words = re.match(r"\w", token) and re.match(r"\w", next_token)
            pattern += re.escape(token) + (r"\s+" if both_words else r"\s*" if next_token else "")
            pattern += r"(?:,\s*)?" if next_token in (")", "]") and token != "," else ""
        text = path.read_text(encoding="utf-8")
        found = list(re.finditer(pattern, text))
        if len(found) != 1:
            return None
        return text[: found[0].start()] + self.new.strip() + text[found[0].end() :]


def missing(test: str) -> bool:
    """Whether there is no such test."""
    name, _, function = test.partition("::")
    path = ROOT / "tests" / name
    if not path.is_file():
        return True
    return bool(function) and f"def {function}(" not in path.read_text(encoding="utf-8")


def read() -> list[Mutant]:
    """All that the files of tests/mutations/ list."""
    mutants = []
    for path in sorted((Path(__file__).parent / "mutations").glob("*.toml")):
        for table in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]:
            mutants.append(Mutant(**{**table, "tests": tuple(table["tests"])}))
    names = [mutant.name for mutant in mutants]
    if len(set(names)) < len(names):
        raise SystemExit(f"two mutants are called {max(names, key=names.count)}")
    return mutants


# ---------------------------------------------------------------- copies


def copy(root: Path, to: Path, machine_code: bool) -> None:
    """The package and its tests; with numba's machine code, if there is any and it is wanted."""
    unwanted = ["*.pyc", ".hypothesis"] + ([] if machine_code else ["__pycache__"])
    for name in COPIED:
        if (root / name).is_dir():
            ignore = shutil.ignore_patterns(*unwanted)
            shutil.copytree(root / name, to / name, ignore=ignore)
        else:
            shutil.copy2(root / name, to / name)
    for name in LINKED:
        (to / name).symlink_to((ROOT / name).resolve())


def run(folder: Path, tests: tuple[str, ...], k: str) -> tuple[int, str]:
    """pytest's exit status on some tests of a copy, and what it printed."""
    environment = {name: value for name, value in os.environ.items() if "NUMBA_CACHE" not in name}
    environment |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [sys.executable, *PYTEST, *(f"tests/{test}" for test in tests)]
    command += ["-k", k] if k else []
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return 1, f"hung for {SECONDS} s"
    return done.returncode, done.stdout + done.stderr


def unchanged(mutants: list[Mutant], folder: Path) -> bool:
    """Whether all selections pass as long as nothing is planted."""
    selections: dict[str, dict[str, None]] = {}
    for mutant in mutants:
        selections.setdefault(mutant.k, {}).update(dict.fromkeys(mutant.tests))
    fine = True
    for k, tests in selections.items():
        start = time.perf_counter()
        status, text = run(folder, tuple(tests), k)
        last = text.strip().splitlines()[-1] if text.strip() else ""
        print(f"unchanged, -k {k!r}: {last} ({time.perf_counter() - start:.0f} s)", flush=True)
        if status != 0:
            print(text)
            fine = False
    return fine


# ---------------------------------------------------------------- one mutant


def plant(mutant: Mutant, pristine: Path, folder: Path) -> str:
    """The verdict on one mutant, with a fresh copy in `folder`."""
    text = mutant.planted(pristine)
    if text is None:
        return "TEXT NOT FOUND"
    start = time.perf_counter()
    folder.mkdir()
    try:
        copy(pristine, folder, machine_code="numba" not in text)
        (folder / mutant.file).write_text(text, encoding="utf-8")
        status, output = run(folder, mutant.tests, mutant.k)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    seconds = f"{time.perf_counter() - start:.0f} s"
    if status == 0:
        return f"SURVIVED ({seconds})"
    if status == 1 or status < 0:  # a test failed, or the process was killed by a signal
        failed = [line for line in output.splitlines() if line.startswith("FAILED")]
        by = failed[0].split(" - ")[0].removeprefix("FAILED tests/") if failed else "a crash"
        return f"killed ({seconds}) by {by}"
    return f"DID NOT RUN ({seconds})\n{output}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="those with this in their name or file")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at a time")
    parser.add_argument("--check", action="store_true", help="look for the texts only")
    arguments = parser.parse_args()
    mutants = [m for m in read() if arguments.only in m.name or arguments.only in m.file]
    if not mutants:
        raise SystemExit(f"no mutant has {arguments.only!r} in its name or file")
    lost = [mutant.name for mutant in mutants if mutant.planted(ROOT) is None]
    if arguments.check:
        for name in lost:
            print(f"{name}: TEXT NOT FOUND")
        gone = sorted({test for mutant in mutants for test in mutant.tests if missing(test)})
        for test in gone:
            print(f"no such test: {test}")
        print(f"{len(mutants)} mutants, {len(lost)} without their text")
        return 1 if lost or gone else 0

    with tempfile.TemporaryDirectory(prefix="mutants-") as temporary:
        pristine = Path(temporary) / "unchanged"
        pristine.mkdir()
        copy(ROOT, pristine, machine_code=False)
        if not unchanged(mutants, pristine):
            print("the tests fail without a mutant; nothing was planted")
            return 1
        folders: SimpleQueue[Path] = SimpleQueue()
        for job in range(arguments.jobs):
            folders.put(Path(temporary) / f"job-{job}")

        def verdict(mutant: Mutant) -> str:
            folder = folders.get()
            try:
                return plant(mutant, pristine, folder)
            finally:
                folders.put(folder)

        alive = []
        with ThreadPoolExecutor(arguments.jobs) as pool:
            for mutant, said in zip(mutants, pool.map(verdict, mutants), strict=True):
                print(f"{mutant.name}: {said}", flush=True)
                if not said.startswith("killed"):
                    alive.append(mutant.name)
    print(f"{len(mutants)} mutants, {len(mutants) - len(alive)} killed", end="")
    print(f"; not: {', '.join(alive)}" if alive else "")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
