"""What all live explorers share: a picture that is drawn in the browser, and one that stays.

The traits of a live explorer are its dials and what can be dragged. The browser draws; Python reads
and sets: `explorer.triangles` is what is on the screen. Where no kernel and no script runs, a
picture drawn by Python stands in the page.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from PIL import Image
from torch import Tensor

from .. import draw
from ..base import plain_pytorch
from .modules import joined, standalone, text

# Beside the picture in a notebook file: `make site` makes the explorer again from it.
MIME = "application/vnd.softras.live+json"


class Triangles(traitlets.TraitType[Tensor, Any]):
    """Screen triangles (F, 3, 3), a float64 tensor, as `rasterize` takes them.

    Set it to a tensor, an array or nested lists. A change in place is not seen: set a new one.
    NaN and infinity are shown as a sentence.
    """

    info_text = "triangles (F, 3, 3)"

    def validate(self, obj: Any, value: Any) -> Tensor:
        """The value as a tensor, or a TraitError."""
        try:
            triangles = torch.as_tensor(value, dtype=torch.float64, device="cpu").detach()
        except (TypeError, ValueError, RuntimeError):
            self.error(obj, value)
        if triangles.numel() == 0 and triangles.dim() <= 3:
            triangles = triangles.reshape(0, 3, 3)  # [] has forgotten its shape
        if triangles.dim() != 3 or triangles.shape[1:] != (3, 3):
            got = f"a tensor {tuple(triangles.shape)}"
            raise traitlets.TraitError(f"{self.name}: got {got}, wanted {self.info_text}")
        return triangles.clone()


def to_json(triangles: Tensor, _: Any) -> list[Any]:
    """Nested lists; None for NaN and infinity, which JSON has not."""
    finite = triangles.isfinite().tolist()
    return [
        [
            [x if good else None for x, good in zip(*pair, strict=True)]
            for pair in zip(corners, goods, strict=True)
        ]
        for corners, goods in zip(triangles.tolist(), finite, strict=True)
    ]


def from_json(nested: list[Any], _: Any) -> Tensor:
    """And back."""
    numbers = [
        float("nan") if x is None else x
        for triangle in nested
        for corner in triangle
        for x in corner
    ]
    return torch.tensor(numbers, dtype=torch.float64).reshape(-1, 3, 3)


def positive(low: float, high: float) -> Any:
    """A check for `traitlets.validate`: a number from low to high, NaN not among them."""

    def check(explorer: traitlets.HasTraits, proposal: Any) -> float:
        value = float(proposal["value"])
        if not low * (1 - 1e-9) <= value <= high * (1 + 1e-9):  # a power of 10 may be rounded
            name = proposal["trait"].name
            raise traitlets.TraitError(f"{name}: got {value!r}, wanted {low:g} to {high:g}")
        return value

    return check


def place(x: float, y: float) -> Any:
    """A trait for a point of the picture, in NDC, and where it starts."""
    return traitlets.Tuple(traitlets.Float(), traitlets.Float(), default_value=(x, y)).tag(
        sync=True
    )


def within(farthest: float) -> Any:
    """A check for `traitlets.validate`: x and y from -farthest to farthest, NaN not among them."""

    def check(explorer: traitlets.HasTraits, proposal: Any) -> tuple[float, float]:
        x, y = proposal["value"]
        if not max(abs(x), abs(y)) <= farthest:
            name, wanted = proposal["trait"].name, f"x and y from {-farthest} to {farthest}"
            raise traitlets.TraitError(f"{name}: got {(x, y)}, wanted {wanted}")
        return float(x), float(y)

    return check


class Live(anywidget.AnyWidget):
    """A picture in the browser that answers to the hand.

    A child class has `module` and `_esm`, made of it by `script`, traits tagged `sync=True`, and
    `draw`.
    """

    module = ""
    _css = text("live.css")
    alt = "An interactive picture."

    def draw(self) -> tuple[Image.Image, str]:
        """The picture that stays, and what is to be seen on it; sets `alt`."""
        raise NotImplementedError

    @property
    def image(self) -> np.ndarray:
        """Pixels of the picture that stays, for the traits as they stand."""
        return np.asarray(self._drawn()[0])

    @property
    def readout(self) -> str:
        """What the picture shows, in words and numbers."""
        return self._drawn()[1]

    def page(self, title: str) -> str:
        """A page (HTML) with this explorer as it stands, for readers without a kernel."""
        return standalone(self.module, self.state(), title)

    def state(self) -> dict[str, Any]:
        """All that it shows: its own traits, as JSON has them."""
        own = set(self.trait_names(sync=True)) - set(anywidget.AnyWidget.class_trait_names())
        return dict(self.get_state(sorted(name for name in own if not name.startswith("_"))))

    def changed(self) -> dict[str, Any]:
        """Those of `state` that are not as they are at first."""
        return {name: value for name, value in self.state().items() if value != self._first(name)}

    def _first(self, name: str) -> Any:
        to_json = self.traits()[name].metadata.get("to_json", lambda value, _: value)
        return to_json(self.trait_defaults(name), self)

    def _drawn(self) -> tuple[Image.Image, str]:
        with plain_pytorch():
            return self.draw()

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The live widget, a PNG for every place where no kernel runs, and what it was made of."""
        shown, _ = super()._repr_mimebundle_(**kwargs) or ({}, {})
        bundle = dict(shown)
        bundle["image/png"] = base64.b64encode(draw.png(self._drawn()[0])).decode()
        # A text, since nbformat would give each number of a mesh a line of its own.
        traits = json.dumps(self.changed(), separators=(",", ":"))
        bundle[MIME] = {"explorer": type(self).__name__, "traits": traits}
        bundle["text/plain"] = self.alt
        return bundle, {"image/png": {"alt": self.alt}}


def script(name: str) -> traitlets.Unicode[str, str | bytes]:
    """The module of an explorer as a trait that anywidget loads."""
    return traitlets.Unicode(joined(name)).tag(sync=True)
