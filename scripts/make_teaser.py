"""The picture at the top of README.md, drawn by this library itself.

Python scripts/make_teaser.py
"""

from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

from softras_edu import Camera, Lights, rasterize_hard, render, teapot
from softras_edu.explore.sigma_gamma import painted

SIZE, GAP, CAPTION = 144, 8, 22  # pixels
SIGMAS = (1e-4, 1e-3, 1e-2)


@torch.no_grad()
def main() -> None:
    mesh, camera, lights = painted(teapot(around=20)), Camera.orbit(2.7, 22, 30, fov=50), Lights()
    columns = {
        "hard": render(
            mesh, camera, size=SIZE, lights=lights, rasterizer=rasterize_hard, background=1.0
        )[0]
    }
    for sigma in SIGMAS:
        columns[f"sigma = {sigma:g}"] = render(
            mesh, camera, size=SIZE, lights=lights, sigma=sigma, gamma=1e-4, background=1.0
        )[0]

    step = SIZE + GAP
    sheet = Image.new("RGB", (len(columns) * step - GAP, CAPTION + 2 * step - GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for k, (name, image) in enumerate(columns.items()):
        pen.text(
            (k * step + SIZE / 2, 4),
            name,
            fill="black",
            font=ImageFont.load_default(13),
            anchor="ma",
        )
        color, alpha = image[..., :3], image[..., 3:]
        # above: laid over white
        for row, part in enumerate((alpha * color + 1 - alpha, alpha.expand(-1, -1, 3))):
            picture = Image.fromarray((part.clamp(0, 1) * 255).round().byte().numpy())
            sheet.paste(picture, (k * step, CAPTION + row * step))
    path = Path(__file__).parent.parent / "docs" / "teaser.png"
    sheet.save(path, optimize=True)
    print(f"{path.name}: {sheet.width} x {sheet.height}, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
