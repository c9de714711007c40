"""A picture that changes while a cell runs."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from ..plotting.panels import png, to_bytes


class Slot:
    """A place under the cell: the first PNG is shown there, each later one replaces it.

    What is stored with the notebook is the last.
    """

    def __init__(self) -> None:
        self._handle: Any = None

    def put(self, picture: bytes, alt: str) -> None:
        """Show a PNG, and words for who cannot see it."""
        from IPython.display import display

        data = {"image/png": base64.b64encode(picture).decode(), "text/plain": alt}
        metadata = {"image/png": {"alt": alt}}
        if self._handle is None:
            self._handle = display(data, raw=True, metadata=metadata, display_id=True)
        else:
            self._handle.update(data, raw=True, metadata=metadata)


class LivePicture:
    """Call it with an image, (H, W) or (H, W, 3 or more), now and then while a fit runs.

    `alt` describes the last one, which stays; `side` is the height on the page, in pixels.
    """

    def __init__(self, alt: str, side: int = 192) -> None:
        self.alt, self.side = alt, side
        self._slot = Slot()

    def __call__(self, image: Tensor) -> None:
        picture = Image.fromarray(np.asarray(to_bytes(image)))
        width = round(self.side * picture.width / picture.height)
        self._slot.put(png(picture.resize((width, self.side), Image.Resampling.NEAREST)), self.alt)
