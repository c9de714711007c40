"""What `make bench` measured, read back: the newest CSV file of this machine, or of another one."""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...machine import processor
from .tables import Row, files, rows, table

__all__ = ["Measurement", "Results", "compiled", "newest", "on_a_gpu", "table"]


@dataclass(frozen=True)
class Measurement:
    """One case, measured: an icosphere of `faces` faces in `batch` images of side x side pixels.

    Attributes:
        row: the whole line of the file, as text.
    """

    sweep: str
    backend: str
    side: int
    faces: int
    sigma: float
    batch: int
    silhouette: bool
    forward_ms: float
    both_ms: float  # forward + backward
    memory_mib: float
    live_pairs: int
    row: Row

    @staticmethod
    def of(row: Row) -> Measurement:
        """From a line of the file. Columns that an older file lacks get what they were then."""
        return Measurement(
            sweep=row["sweep"],
            backend=row["backend"],
            side=int(row["side"]),
            faces=int(row["faces"]),
            sigma=float(row["sigma"]),
            batch=int(row["batch"]),
            silhouette=row.get("silhouette", "False") == "True",
            forward_ms=float(row["forward_ms"]),
            both_ms=float(row["forward_backward_ms"]),
            memory_mib=float(row["memory_mib"]),
            live_pairs=int(row["live_pairs"]),
            row=row,
        )

    @property
    def dense_pairs(self) -> int:
        """Every pixel with every face: B F H W."""
        return self.batch * self.faces * self.side**2

    @property
    def ours(self) -> bool:
        """A rung of the ladder, not another renderer."""
        return self.row.get("what", "ours") == "ours"


@dataclass(frozen=True)
class Results:
    """One file of measurements."""

    path: Path

    @cached_property
    def all(self) -> list[Measurement]:
        """Every measurement."""
        return [Measurement.of(row) for row in rows(self.path)]

    @property
    def device(self) -> str:
        """The machine, with its threads if it is a CPU."""
        return self.all[0].row["device"]

    @property
    def date(self) -> str:
        """The day of the measurement."""
        return self.all[0].row["date"]

    @property
    def on_cpu(self) -> bool:
        """Whether the device is a CPU: then its name ends with the number of threads."""
        return self.device.endswith(" threads")

    def backends(self) -> list[str]:
        """Whoever was measured, rungs and others."""
        return list(dict.fromkeys(m.backend for m in self.all))

    def select(self, **wanted: object) -> list[Measurement]:
        """Those whose fields have the wanted values: select(backend="numba", side=64)."""
        return [
            m for m in self.all if all(getattr(m, name) == value for name, value in wanted.items())
        ]

    def median_ms(
        self,
        backend: str,
        side: int = 64,
        faces: int = 1280,
        sigma: float = 1e-4,
        batch: int = 1,
        silhouette: bool = False,
    ) -> float:
        """Forward + backward of a case: the median, if several sweeps came by it."""
        found = self.select(
            backend=backend, side=side, faces=faces, sigma=sigma, batch=batch, silhouette=silhouette
        )
        if not found:
            raise LookupError(
                f"{self.path.name} has no {backend} with {side} x {side} pixels, {faces} faces, "
                f"sigma {sigma:g}, batch {batch}"
            )
        return statistics.median(m.both_ms for m in found)


def newest(*backends: str, on_cpu: bool = True) -> Results | None:
    """The newest file of this machine that has all these backends.

    Of another machine, if this one has none; None if nobody has.

    Args:
        on_cpu: measured on a CPU (True) or on a GPU (False). There is no telling which GPU a reader
            will have: the newest of any.
    """

    def fits(results: Results) -> bool:
        return results.on_cpu == on_cpu and set(backends) <= set(results.backends())

    of_bench = map(Results, filter(_is_bench, files()))
    found = [results for results in of_bench if results.all and fits(results)]
    mine = [results for results in found if results.device.startswith(f"{processor()}, ")]
    return max(mine or found, key=lambda results: (results.date, results.path.name), default=None)


def compiled() -> list[Row]:
    """What the compiler made of the Triton kernels: registers, spills, instructions a pair."""
    return table("compile")


def on_a_gpu(name: str = "speed") -> list[Row]:
    """What `python -m softras_edu gpu` found on a real card, the newest run.

    [] if no card was ever measured.

    Args:
        name: of the table: correctness, speed, kernels, peers or tune.
    """
    pattern = re.compile(rf"gpu-{name}-\d{{4}}-\d\d-\d\d-.+\.csv")  # the day, then the card
    for path in reversed(files()):
        if pattern.fullmatch(path.name) and (found := rows(path)):
            return found
    return []


def _is_bench(path: Path) -> bool:
    """Does `make bench` write files like this one?

    Other scripts put theirs into the same folder.
    """
    with path.open(encoding="utf-8") as file:
        return "forward_backward_ms" in file.readline()
