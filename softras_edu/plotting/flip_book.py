"""Frames as one animated picture."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image
from torch import Tensor


def flip_book(
    frames: Sequence[Tensor], *, seconds: float = 0.1, side: int = 256, format: str = "gif"
) -> bytes:
    """Pictures one after the other, over and over, as a file.

    A GIF (256 colours), or an animated PNG (all of them).

    Args:
        frames: each (H, W) grey or (H, W, 3 or more) RGB, in [0, 1].
        seconds: how long each is shown; the last one three times as long.
        side: pixels of the file's height; a smaller frame is enlarged by a whole factor, its pixels
            stay sharp.
    """
    if len(frames) == 0:
        raise ValueError("frames: got none, wanted one or more")
    factor = max(1, side // frames[0].shape[0])
    images = []
    for frame in frames:
        array = (
            (frame.detach().cpu()[..., :3] if frame.dim() == 3 else frame.detach().cpu())
            .clamp(0, 1)
            .mul(255)
            .round()
            .byte()
            .numpy()
        )
        picture = Image.fromarray(array)
        images.append(
            picture.resize(
                (picture.width * factor, picture.height * factor), Image.Resampling.NEAREST
            )
        )
    times = [round(1000 * seconds)] * (len(images) - 1) + [round(3000 * seconds)]
    buffer = io.BytesIO()
    images[0].save(buffer, format, save_all=True, append_images=images[1:], duration=times, loop=0)
    return buffer.getvalue()
