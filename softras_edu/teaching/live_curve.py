"""A loss curve that grows while a cell runs."""

from __future__ import annotations

import io

from matplotlib.figure import Figure

from ..plotting.palette import BLUE
from .live_picture import Slot


class LiveCurve:
    """Call it with (step, loss) now and then, as a `callback` of `fit`.

    The plot under the cell is drawn anew. What is stored is its last state.
    """

    def __init__(self, steps: int, ylabel: str = "loss") -> None:
        self.steps, self.ylabel = steps, ylabel
        self.points: list[tuple[int, float]] = []
        self._figure = Figure(figsize=(6.4, 2.6), layout="constrained")
        self._ax = self._figure.subplots()
        self._slot = Slot()

    @property
    def alt(self) -> str:
        (first, start), (last, end) = self.points[0], self.points[-1]
        return (
            f"The {self.ylabel} over the steps, from {start:.2f} at step {first} to {end:.2f} at "
            f"step {last}."
        )

    def __call__(self, step: int, loss: float) -> None:
        self.points.append((step, loss))
        self._ax.clear()
        self._ax.plot(*zip(*self.points, strict=True), color=BLUE, lw=1.8)
        self._ax.set(xlim=(0, self.steps - 1), ylim=(0, None), xlabel="step", ylabel=self.ylabel)
        self._ax.grid(alpha=0.25)
        buffer = io.BytesIO()
        self._figure.savefig(buffer, format="png", dpi=90)
        self._slot.put(buffer.getvalue(), self.alt)
