"""The text below an explorer's picture."""

from __future__ import annotations

from pathlib import Path

import anywidget
import traitlets


class Readout(anywidget.AnyWidget):
    """HTML, as `ipywidgets.HTML` shows it; and the sliders and the picture in the same box get the
    names that a screen reader reads, which they have not of their own.
    """

    value = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)  # of the picture
    _esm = traitlets.Unicode(
        Path(__file__).parent.joinpath("live", "readout.js").read_text(encoding="utf-8")
    ).tag(sync=True)
