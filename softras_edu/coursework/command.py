"""`python -m softras_edu notebooks DEST`: the notebooks, in the variant that one needs.

What a reader has written is never lost: a notebook that is there already stays as it is, unless
`--update` (which keeps their cells) or `--force` (which does not).
"""

from __future__ import annotations

import json
import secrets
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import doctor
from . import graded, links, update, variants
from .source import Notebook, read, write

VARIANTS = ("course", "student", "solution", "graded")
GRADERS = ("nbgrader", "otter", "pytest")
HELP = """\
Copy the notebooks of the course to a folder of yours, with the files that they link to.

  course     as they are, hints and solutions to open
  student    without the solutions; the hints stay
  solution   every exercise solved, and run here: up to a minute a notebook
  graded     for an autograder, with hidden checks: --grader nbgrader, otter or pytest"""


def add(commands: Any, formatter: Any) -> None:
    """Add the command to a parser of commands."""
    parser: ArgumentParser = commands.add_parser(
        "notebooks",
        help="copy the course's notebooks to a folder of yours",
        description=HELP,
        formatter_class=formatter,
    )
    parser.add_argument(
        "dest", type=Path, metavar="DEST", help="the folder; it is made if it does not exist"
    )
    parser.add_argument("--variant", choices=VARIANTS, help="one of the above (course)")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="NN", help="these notebooks alone: 02 03"
    )
    parser.add_argument(
        "--grader", choices=GRADERS, default="nbgrader", help="for the graded variant (nbgrader)"
    )
    parser.add_argument(
        "--seed", type=int, help="draws the hidden cases; any number that students do not know"
    )
    ways = parser.add_mutually_exclusive_group()
    ways.add_argument(
        "--update",
        action="store_true",
        help="bring copies that are there to this version; the cells you wrote stay",
    )
    ways.add_argument(
        "--force", action="store_true", help="overwrite notebooks that are there already"
    )


def run(given: Namespace, version: str) -> str:
    """Run the command; what it has done, in words.

    Raises:
        ValueError: what is asked for cannot be done; nothing was written.
        OSError: the folder cannot be written to.
    """
    source = doctor.notebooks_folder()
    if source is None:
        raise ValueError(
            "the notebooks are not installed beside the package; get the whole repository instead"
        )
    dest: Path = given.dest
    if dest.exists() and not dest.is_dir():
        raise ValueError(f"{dest} is a file, wanted a folder")
    if dest.resolve() == source.resolve():
        raise ValueError(f"{dest} is where the notebooks come from; choose another folder")
    names = _chosen(source, given.only)
    seed = secrets.randbelow(10**6) if given.seed is None else given.seed
    variant = given.variant or "course"
    jobs = [Job(source, dest, name, variant, given.grader, seed, version) for name in names]
    if given.update:
        return _update(jobs, given.variant)
    if not given.force:
        _refuse(jobs)
    kept = set[str]()  # a grader's notebooks lie in folders of their own
    if variant != "graded":
        kept = {*names, *(path.name for path in dest.glob("*.ipynb"))}
    for job in jobs:
        job.write(kept)
    return _done(jobs, variant, given.grader, seed)


def _chosen(source: Path, only: list[str]) -> list[str]:
    """File names of the notebooks that are asked for by number or by name."""
    names = sorted(path.name for path in source.glob("*.ipynb"))
    if not only:
        return names
    chosen = [n for n in names if n[:2] in only or n in only or n.removesuffix(".ipynb") in only]
    known = {word for n in chosen for word in (n, n[:2], n.removesuffix(".ipynb"))}
    if wrong := [word for word in only if word not in known]:
        raise ValueError(
            f"--only: there is no notebook {', '.join(wrong)}; wanted 00 to {names[-1][:2]}"
        )
    return chosen


@dataclass(frozen=True)
class Job:
    """One notebook to write."""

    source: Path
    dest: Path
    name: str
    variant: str
    grader: str
    seed: int
    version: str

    @property
    def folder(self) -> Path:
        """Where it goes. A grader wants a folder for each assignment."""
        stem = self.name.removesuffix(".ipynb")
        if self.variant != "graded":
            return self.dest
        return self.dest / "source" / stem if self.grader == "nbgrader" else self.dest / stem

    @property
    def target(self) -> Path:
        return self.folder / self.name

    def make(self, kept: set[str]) -> tuple[Notebook, set[str]]:
        """The notebook with its links put right, not yet run, and what the links lead to.

        Args:
            kept: names of the notebooks that lie beside it.
        """
        plain = read(self.source / self.name)
        wanted = links.relink(plain, kept, self.source)
        if self.variant == "graded" and self.grader == "nbgrader":
            plain = graded.nbgrader(plain, self.seed)
        elif self.variant == "graded" and self.grader == "otter":
            plain = graded.otter(plain, self.seed, self.target.stem, bool(wanted))
        make = {"course": variants.course, "solution": variants.solution}
        return make.get(self.variant, variants.student)(plain), wanted

    def write(self, kept: set[str]) -> None:
        """Make the notebook and what goes with it."""
        notebook, wanted = self.make(kept)
        self.folder.mkdir(parents=True, exist_ok=True)
        links.copy_linked(wanted, self.source, self.folder)
        if self.variant == "solution":
            _execute(notebook, self.folder, self.name)
        if self.variant != "graded":
            update.sign(notebook, self.variant, self.version)
        elif self.grader == "nbgrader":
            config = self.dest / "nbgrader_config.py"
            if not config.exists():  # an instructor may have one
                config.write_text(graded.NBGRADER_CONFIG, "utf-8")
        elif self.grader == "pytest":
            tests = graded.pytest_file(read(self.source / self.name), self.seed)
            (self.folder / f"test_{self.target.stem}.py").write_text(tests, "utf-8")
            (self.folder / "hand_ins").mkdir(exist_ok=True)
        write(self.target, notebook)


def _execute(notebook: Notebook, folder: Path, name: str) -> None:
    """Run a notebook in the folder where it will lie."""
    import nbformat
    from nbclient.exceptions import CellControlSignal, DeadKernelError

    from .run import execute

    print(f"Running {name} ...", flush=True)
    node = nbformat.reads(json.dumps(notebook), as_version=4)
    try:
        execute(node, folder)
    except (CellControlSignal, DeadKernelError) as error:
        raise ValueError(f"{name} stopped when it was run, and was not written: {error}") from None
    notebook.update(json.loads(nbformat.writes(node)))


def _refuse(jobs: list[Job]) -> None:
    """Say what would be overwritten, if anything.

    Raises:
        ValueError: something would be.
    """
    there = [job for job in jobs if job.target.exists()]
    if not there:
        return
    said = "".join(f"\n  {job.target.name}: {_state(job.target)}" for job in there)
    raise ValueError(
        f"{jobs[0].dest} already has {len(there)} of these notebooks:{said}\n"
        "nothing was copied. Choose another folder, add --update to bring them to this version and "
        "keep the cells you wrote, or --force to overwrite them"
    )


def _state(target: Path) -> str:
    """What a reader did to a copy, in words."""
    try:
        mine = read(target)
    except ValueError:
        return "not a notebook of this course"
    if update.signature(mine) is None:
        return "not made by this command as a copy to work in"
    return str(update.work(mine))


def _update(jobs: list[Job], variant: str | None) -> str:
    """Bring the copies that are there to this version.

    Raises:
        ValueError: a copy cannot be updated; none was.
    """
    there = [job for job in jobs if job.target.exists()]
    if not there:
        raise ValueError(f"{jobs[0].dest} has none of these notebooks: nothing to update")
    merged = [(job, *_merged(job, variant)) for job in there]
    said = []
    for job, mine, new in merged:
        links.copy_linked(new[1], job.source, job.folder)
        if new[0].notebook == mine:
            said.append(f"{job.name}: up to date.")
            continue
        write(job.target, new[0].notebook)
        said.append(f"{job.name}: brought to this version. {_kept(new[0])}")
    return "\n".join(said)


def _merged(job: Job, variant: str | None) -> tuple[Notebook, tuple[update.Merged, set[str]]]:
    mine = read(job.target)
    signed = update.signature(mine)
    if signed is None or signed.get("variant") not in ("course", "student"):
        raise ValueError(
            f"{job.target} cannot be updated: it was not copied by this command, or it is a solved "
            "or graded one. Copy to another folder, and take your cells over by hand"
        )
    if variant not in (None, signed["variant"]):
        raise ValueError(f"{job.target} is the variant {signed['variant']}, not {variant}")
    beside = {path.name for path in job.dest.glob("*.ipynb")}
    newer, wanted = replace(job, variant=signed["variant"]).make(beside)
    update.sign(newer, signed["variant"], job.version)
    return mine, (update.merge(mine, newer), wanted)


def _kept(merged: update.Merged) -> str:
    parts = [f"{update.count(merged.kept, 'cell')} of yours kept"]
    if merged.both:
        parts.append(f"in {', '.join(merged.both)} the course has changed too, and yours stands")
    if merged.gone:
        parts.append(f"the course no longer has {', '.join(merged.gone)}, and yours stands")
    return "; ".join(parts) + "."


def _done(jobs: list[Job], variant: str, grader: str, seed: int) -> str:
    """What was made, and what to do next."""
    dest, first = jobs[0].dest, jobs[0].target.stem
    count = f"{len(jobs)} notebook{'' if len(jobs) == 1 else 's'}"
    if variant != "graded":
        return f'Copied {count} to {dest}. Open them with:  jupyter lab "{dest}"'
    next_step = {
        "nbgrader": f'cd "{dest}"; nbgrader generate_assignment {first}',
        "otter": f'cd "{dest / first}"; otter assign {first}.ipynb dist',
        "pytest": f'put what is handed in into "{jobs[0].folder / "hand_ins"}", then: '
        f'python -m pytest "{jobs[0].folder}"',
    }[grader]
    return (
        f"Made {count} for {grader} in {dest}; hidden cases are drawn from the seed {seed}.\n"
        f"Next:  {next_step}"
    )
