"""What all explorers share.

Dials that are traits, a picture that follows them, and a picture that stays when no kernel runs.
"""

from __future__ import annotations

import base64
import html
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import ipywidgets
import numpy as np
import torch
import traitlets
from PIL import Image

from . import draw
from .readout import Readout

Dial = Callable[[], ipywidgets.Widget]
_STYLE = {"description_width": "150px"}
_LAYOUT = {"width": "520px", "max_width": "100%"}  # a narrow page shrinks it

# From the eye, not from a screen reader, which is told of every new picture.
_HIDDEN = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)"


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
        readout_format=".2f" if step >= 0.01 else ".3f",
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


@contextmanager
def plain_pytorch() -> Iterator[None]:
    """PyTorch as it is after its import: float32, on the CPU, with autograd.

    A notebook may have set another default dtype or device, or may be inside `torch.no_grad()`.
    """
    dtype, elsewhere = torch.get_default_dtype(), torch.get_default_device().type != "cpu"
    torch.set_default_dtype(torch.float32)
    try:
        # A device slows every operation down by a microsecond: only where it changes something.
        place = torch.device("cpu") if elsewhere else nullcontext()
        with torch.inference_mode(False), torch.enable_grad(), place:
            yield
    finally:
        torch.set_default_dtype(dtype)


class Explorer(traitlets.HasTraits):
    """A picture with dials.

    A child class declares each dial as a trait tagged with the widget that turns it, and `draw`.
    Then `explorer.sigma = 1e-2`, or dragging the slider, calls `update()`, which redraws at once:
    `image` holds the pixels, `readout` the text below them.
    """

    alt = "An interactive picture."

    def __init__(self, **dials: Any):
        unknown = set(dials) - set(self.trait_names())
        if unknown:
            raise TypeError(
                f"{type(self).__name__} has no dial {', '.join(sorted(unknown))}; it has "
                f"{', '.join(self.dial_names())}"
            )
        super().__init__(**dials)
        self.image = np.zeros((1, 1, 3), np.uint8)
        self.readout = ""
        self._picture = ipywidgets.Image(format="png")
        self._readout = Readout()
        self._setting = False
        self.turners = {name: self._make_turner(name) for name in self.dial_names()}
        with self.one_core():
            self.prepare()
        self.update()
        # Every picture has the same size, so that nothing on the page moves when it changes; a
        # narrow page shrinks it.
        self._picture.layout = ipywidgets.Layout(
            width=f"{self.image.shape[1]}px", max_width="100%", object_fit="contain"
        )
        self.widget = ipywidgets.VBox([*self.turners.values(), self._picture, self._readout])
        self.observe(self._dial_changed, names=self.dial_names())

    def _make_turner(self, name: str) -> ipywidgets.Widget:
        """The widget of a dial, set to the dial's value; what the reader drags sets the dial."""
        turner = self.traits()[name].metadata["dial"]()
        self._show(name, getattr(self, name), turner)

        def dragged(change: Any) -> None:
            if not self._setting:
                setattr(self, name, change.new)

        turner.observe(dragged, names="value")
        return turner

    def _show(self, name: str, value: Any, turner: ipywidgets.Widget) -> None:
        """Set the widget of a dial, without being told of it.

        Raises:
            TraitError: the widget went elsewhere; a slider moves what is beyond its end to the end.
        """
        self._setting = True
        try:
            turner.value = value
        finally:
            self._setting = False
        if turner.value != value:
            base = getattr(turner, "base", None)
            low, high = (x if base is None else base**x for x in (turner.min, turner.max))
            raise traitlets.TraitError(f"{name}: got {value!r}, wanted {low:g} to {high:g}")

    def _dial_changed(self, change: Any) -> None:
        """Redraw. Where that fails, everything is as it was, so that the next value can come."""
        if self._setting:
            return
        turner = self.turners[change.name]
        try:
            self._show(change.name, change.new, turner)
            self.update()
        except Exception:
            self._setting = True
            try:
                setattr(self, change.name, change.old)
                turner.value = change.old
            finally:
                self._setting = False
            raise

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
        with self._readout.hold_sync():  # one message
            self._readout.alt = self.alt
            self._readout.value = (
                f'<div aria-live="polite" style="line-height:1.5">{hidden}{self.readout}<br>drawn '
                f"in {milliseconds:.0f} ms</div>"
            )

    @contextmanager
    def one_core(self) -> Iterator[None]:
        """PyTorch on one thread, and with its own defaults: see `plain_pytorch`.

        On pictures this small more threads gain nothing, and after an operation they wait actively
        for some milliseconds, on cores that the rasterizer could use.
        """
        self._cores = torch.get_num_threads()
        with plain_pytorch(), pytorch_threads(1):
            yield

    def all_cores(self) -> AbstractContextManager[None]:
        """For the rasterizer: as many threads as PyTorch had outside."""
        return pytorch_threads(self._cores)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The live widget, and a PNG for every place where no kernel runs."""
        bundle = dict(self.widget._repr_mimebundle_(**kwargs))
        bundle["image/png"] = base64.b64encode(self._picture.value).decode()
        bundle["text/plain"] = self.alt
        return bundle, {"image/png": {"alt": self.alt}}
