"""Images with captions as pixels, drawn with Pillow.

A matplotlib figure takes longer than the image.

A panel is square and its picture is scaled up by whole pixels, so every pixel stays sharp.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

PANEL = 256  # pixels, the side of a panel: a whole multiple of 128 and of any smaller power of two
CAPTION = 24  # pixels, the height of the caption above it
FONT = ImageFont.load_default(14)


class Panel:
    """A square picture with a caption, to draw on in NDC (x right, y up, both in [-1, 1])."""

    def __init__(
        self, caption: str, image: Tensor, cmap: str = "gray", vmin: float = 0.0, vmax: float = 1.0
    ):
        """image: (H, W), coloured by `cmap` from vmin to vmax, or (H, W, 3 or more) RGB."""
        self.caption = caption
        self.picture = Image.fromarray(to_bytes(image, cmap, vmin, vmax)).resize(
            (PANEL, PANEL), Image.Resampling.NEAREST
        )
        self._pen = ImageDraw.Draw(self.picture)

    def outline(self, corners: Tensor, color: str, width: int = 2) -> None:
        """A closed line through (n, 2) points in NDC."""
        points = [_canvas(p) for p in corners.detach().tolist()]
        self._pen.line([*points, points[0]], fill=color, width=width, joint="curve")

    def arrow(
        self, start: Sequence[float], step: Sequence[float], color: str, width: int = 3
    ) -> None:
        """An arrow from `start` along `step`, both in NDC.

        A step under a pixel long becomes a dot: nothing pulls there.
        """
        a = np.array(_canvas(start))
        b = np.array(_canvas((start[0] + step[0], start[1] + step[1])))
        length = float(np.hypot(*(b - a)))
        if length < 1.5:
            self.dot(start, color)
            return
        along = (b - a) / length
        side = np.array([-along[1], along[0]])
        head = min(3.0 * width, 0.6 * length)
        self._pen.line([tuple(a), tuple(b - 0.5 * head * along)], fill=color, width=width)
        self._pen.polygon(
            [
                tuple(b),
                tuple(b - head * along + 0.55 * head * side),
                tuple(b - head * along - 0.55 * head * side),
            ],
            fill=color,
        )

    def dot(self, at: Sequence[float], color: str, radius: int = 4) -> None:
        """A dot at a point in NDC."""
        x, y = _canvas(at)
        self._pen.ellipse(
            [x - radius, y - radius, x + radius, y + radius],
            fill=color,
            outline="white" if radius > 2 else None,
        )


def to_bytes(image: Tensor, cmap: str = "gray", vmin: float = 0.0, vmax: float = 1.0) -> np.ndarray:
    """(H, W) or (H, W, 3 or more) numbers -> (H, W, 3) uint8.

    In NumPy: it stays on one core, and leaves the other to the rasterizer.
    """
    array = image.detach().cpu().numpy()
    if array.ndim == 2:
        scaled = np.clip((array.astype(np.float64) - vmin) / (vmax - vmin), 0, 1)
        return (
            np.asarray(matplotlib.colormaps[cmap](scaled)[..., :3] * 255).round().astype(np.uint8)
        )
    return np.asarray(np.clip(array[..., :3], 0, 1) * 255).round().astype(np.uint8)


def compose(
    panels: Sequence[Panel | Image.Image], below: Image.Image | None = None, gap: int = 10
) -> Image.Image:
    """Panels side by side, captions above; a bare picture (a plot) takes the full height.

    `below` goes under them, as wide as it is.
    """
    widths = [PANEL if isinstance(p, Panel) else p.width for p in panels]
    width, height = sum(widths) + gap * (len(panels) - 1), PANEL + CAPTION
    sheet = Image.new(
        "RGB", (width, height if below is None else height + gap + below.height), "white"
    )
    pen, x = ImageDraw.Draw(sheet), 0
    for panel, width in zip(panels, widths, strict=True):
        if isinstance(panel, Panel):
            pen.text((x + 2, 3), panel.caption, fill="#222222", font=FONT)
            sheet.paste(panel.picture, (x, CAPTION))
            pen.rectangle([x, CAPTION, x + PANEL - 1, CAPTION + PANEL - 1], outline="#bbbbbb")
        else:
            sheet.paste(panel, (x, 0))
        x += width + gap
    if below is not None:
        sheet.paste(below, (0, height + gap))
    return sheet


def png(picture: Image.Image) -> bytes:
    """PNG with the least compression: at this size it is the encoder that costs, not the bytes."""
    buffer = io.BytesIO()
    picture.save(buffer, "png", compress_level=1)
    return buffer.getvalue()


def _canvas(point: Sequence[float]) -> tuple[float, float]:
    """NDC -> pixels of a panel."""
    return (point[0] + 1) / 2 * PANEL, (1 - point[1]) / 2 * PANEL
