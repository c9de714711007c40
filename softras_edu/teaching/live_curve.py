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
        self.ylabel = ylabel
        self.points: list[tuple[int, float]] = []
        self._figure = Figure(figsize=(6.4, 2.6))
        # The same frame for all pictures: to lay one out anew takes longer than to draw it.
        self._ax = self._figure.add_axes((0.1, 0.19, 0.88, 0.77))
        self._ax.set(xlim=(0, steps - 1), xlabel="step", ylabel=ylabel)
        self._ax.grid(alpha=0.25)
        (self._line,) = self._ax.plot([], [], color=BLUE, lw=1.8)
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
        self._line.set_data(*zip(*self.points, strict=True))
        self._ax.set_ylim(0, 1.05 * max(loss for _, loss in self.points) or 1.0)
        buffer = io.BytesIO()
        self._figure.savefig(buffer, format="png", dpi=90)
        self._slot.put(buffer.getvalue(), self.alt)
