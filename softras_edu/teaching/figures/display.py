"""Pictures in a notebook, each with its alt text."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from ...plotting.flip_book import flip_book
from ...plotting.panels import Panel, compose


def show(figure: Figure, alt: str, *, colors: int | None = None) -> None:
    """Show a figure in a notebook.

    `alt` says in words what it shows: for screen readers, and where pictures do not load.

    With `colors`, at most 256, the picture is stored with so many colours: a third of the bytes for
    one that is full of shades.
    """
    from IPython.display import display

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90)
    if colors is not None:
        few = Image.open(buffer).convert("RGB").quantize(colors, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        few.save(buffer, "png", optimize=True)
    picture = base64.b64encode(buffer.getvalue()).decode()
    display(
        {"image/png": picture, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}}
    )


def show_panels(images: Sequence[Tensor], captions: Sequence[str], alt: str) -> None:
    """Show images side by side, each 256 pixels high and sharp, with a caption and no axes.

    Each is (H, H) or (H, H, 3 or more) in [0, 1], where H divides 256.
    """
    from IPython.display import display

    panels = [Panel(text, image) for image, text in zip(images, captions, strict=True)]
    buffer = io.BytesIO()
    compose(panels).save(buffer, "png", optimize=True)
    picture = base64.b64encode(buffer.getvalue()).decode()
    display(
        {"image/png": picture, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}}
    )


def show_flip_book(
    frames: Sequence[Tensor], alt: str, *, seconds: float = 0.1, side: int = 256
) -> None:
    """Play frames in a notebook, as an animated PNG.

    Whatever shows pictures shows it, and what cannot play it shows the first frame.
    """
    from IPython.display import display

    picture = base64.b64encode(flip_book(frames, seconds=seconds, side=side, format="png")).decode()
    display(
        {"image/png": picture, "text/plain": alt}, raw=True, metadata={"image/png": {"alt": alt}}
    )
