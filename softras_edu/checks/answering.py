"""The process in which a student's answers run: `python -m softras_edu.checks.answering JOB OUT`.

Started by `grade`, in an empty folder. JOB is a JSON file: the code cells, the names of the
exercises, the seed. OUT gets a line of JSON when an exercise begins and one when it ends.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from . import evidence
from .exercise import Mistake, YourTurn
from .needed import needed

MOST = 4000  # characters of what a check says


def main(job: Path, out: Path) -> None:
    given = json.loads(job.read_text(encoding="utf-8"))
    for name in given["names"]:
        _say(out, {"name": name, "begins": True})
        _say(out, {"name": name, **answer(name, given["cells"], given["seed"])})


def _say(out: Path, line: dict[str, Any]) -> None:
    with out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def answer(name: str, cells: list[str], seed: int | None) -> dict[str, Any]:
    """What the check says of an answer, and the numbers that it returns if it passed."""
    try:
        yours = load(cells, evidence.WHOLE.get(name, name))
        evidence.examine(name, yours, seed)
        return {"said": "", "evidence": evidence.gather(name, yours, seed)}
    except YourTurn:
        return {"said": f"{name}: your turn. The function is still a stub."}
    except (Mistake, LookupError) as error:
        return {"said": str(error)[:MOST]}
    except BaseException as error:  # SystemExit too: an answer may call exit()
        return {"said": f"{name}: {type(error).__name__}: {error}"[:MOST]}


def load(cells: list[str], name: str) -> Any:
    """The student's function, after the statements that it needs.

    Each cell is a file with the lines that it has in the notebook: numba and Triton read the source
    of what they compile, and messages name the line.

    Raises:
        LookupError: no cell defines it.
        Mistake: a statement that it needs stopped.
    """
    room = ModuleType("hand_in")
    sys.modules["hand_in"] = room
    for part in needed(cells, name):
        file = Path(f"cell_{part.cell:02d}.py").resolve()
        file.write_text(part.source, encoding="utf-8")
        try:
            exec(compile(part.tree, str(file), "exec"), vars(room))
        except NotImplementedError as error:
            raise YourTurn(str(error)) from None
        except Exception as error:
            said = f"{name}: code cell {part.cell}, which it needs, stopped. "
            raise Mistake(f"{said}{type(error).__name__}: {error}") from None
    return getattr(room, name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
