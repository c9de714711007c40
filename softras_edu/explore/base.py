"""What all explorers share: dials that are traits, a picture that follows them, and a picture that stays when no kernel runs."""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import ipywidgets
import numpy as np
import torch
import traitlets
from PIL import Image

from . import draw

Dial = Callable[[], ipywidgets.Widget]
_STYLE = {"description_width": "150px"}
_LAYOUT = {"width": "520px", "max_width": "100%"}  # a narrow page shrinks it

_HIDDEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"  # from the eye, not from a screen reader: live pictures have no alt


def log_dial(name: str, low: float, high: float) -> Dial:
    """A slider from 10**low to 10**high."""
    return lambda: ipywidgets.FloatLogSlider(
        description=name,
        min=low,
        max=high,
        step=0.05,
        readout_format=".1e",
        style=_STYLE,
        layout=_LAYOUT,
    )


def linear_dial(name: str, low: float, high: float, step: float) -> Dial:
    """A slider from low to high."""
    return lambda: ipywidgets.FloatSlider(
        description=name,
        min=low,
        max=high,
        step=step,
        readout_format=".2f",
        style=_STYLE,
        layout=_LAYOUT,
    )


def count_dial(name: str, low: int, high: int) -> Dial:
    """A slider over whole numbers."""
    return lambda: ipywidgets.IntSlider(
        description=name, min=low, max=high, style=_STYLE, layout=_LAYOUT
    )


def step_dial(name: str, values: tuple[int, ...]) -> Dial:
    """A slider over a few given numbers."""
    return lambda: ipywidgets.SelectionSlider(
        description=name, options=values, style=_STYLE, layout=_LAYOUT
    )


def choice_dial(name: str, options: tuple[str, ...]) -> Dial:
    """A list from which one is chosen."""
    return lambda: ipywidgets.Dropdown(
        description=name,
        options=options,
        style=_STYLE,
        layout={"width": "340px", "max_width": "100%"},
    )


@contextmanager
def pytorch_threads(count: int) -> Iterator[None]:
    """PyTorch computes with `count` threads inside."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Explorer(traitlets.HasTraits):
    """A picture with dials.

    A child class declares each dial as a trait tagged with the widget that turns it, and `draw`. Then `explorer.sigma = 1e-2`, or
    dragging the slider, calls `update()`, which redraws at once: `image` holds the pixels, `readout` the text below them.
    """

    alt = "An interactive picture."

    def __init__(self, **dials: Any):
        unknown = set(dials) - set(self.trait_names())
        if unknown:
            raise TypeError(
                f"{type(self).__name__} has no dial {', '.join(sorted(unknown))}; it has {', '.join(self.dial_names())}"
            )
        super().__init__(**dials)
        self.image = np.zeros((1, 1, 3), np.uint8)
        self.readout = ""
        self._picture = ipywidgets.Image(format="png")
        self._readout = ipywidgets.HTML()
        turners = []
        for name in self.dial_names():
            turner = self.traits()[name].metadata["dial"]()
            traitlets.link((self, name), (turner, "value"))
            turners.append(turner)
        with self.one_core():
            self.prepare()
        self.update()
        # Every picture has the same size, so that nothing on the page moves when it changes; a narrow page shrinks it.
        self._picture.layout = ipywidgets.Layout(
            width=f"{self.image.shape[1]}px", max_width="100%", object_fit="contain"
        )
        self.widget = ipywidgets.VBox([*turners, self._picture, self._readout])
        self.observe(lambda change: self.update(), names=self.dial_names())

    @classmethod
    def dial_names(cls) -> list[str]:
        """The dials, in the order in which the class declares them."""
        return [
            name
            for name in vars(cls)
            if name in cls.class_traits(dial=lambda dial: dial is not None)
        ]

    def prepare(self) -> None:
        """Compute what no dial changes. Called once, before the first `update`."""

    def draw(self) -> tuple[Image.Image, str]:
        """The picture, always of one size, and the read-out (HTML) for the dials as they stand."""
        raise NotImplementedError

    def update(self) -> None:
        """Redraw now."""
        start = time.perf_counter()
        with self.one_core():
            picture, self.readout = self.draw()
        self.image = np.asarray(picture)
        png = draw.png(picture)
        milliseconds = (time.perf_counter() - start) * 1e3
        self._picture.value = png
        hidden = f'<span style="{_HIDDEN}">{html.escape(self.alt)}</span>'
        self._readout.value = f'<div aria-live="polite" style="line-height:1.5">{hidden}{self.readout}<br>drawn in {milliseconds:.0f} ms</div>'

    @contextmanager
    def one_core(self) -> Iterator[None]:
        """PyTorch alone: on pictures this small its threads gain nothing, and for milliseconds they spin on cores that the rasterizer wants."""
        self._cores = torch.get_num_threads()
        with pytorch_threads(1):
            yield

    def all_cores(self) -> AbstractContextManager[None]:
        """For the rasterizer, which shares out the pixels of a mesh among as many threads as PyTorch has."""
        return pytorch_threads(self._cores)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The live widget, and beside it a PNG for every place where no kernel runs (a code host, an exported page)."""
        bundle = dict(self.widget._repr_mimebundle_(**kwargs))
        bundle["image/png"] = base64.b64encode(self._picture.value).decode()
        bundle["text/plain"] = self.alt
        return bundle, {"image/png": {"alt": self.alt}}
