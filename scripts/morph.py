"""A sphere becomes a car, and the car an aeroplane, by silhouettes alone; an animation of the way.

    python scripts/morph.py --out morph.gif

After the demonstration that the authors of the Soft Rasterizer show with their code. The car and
the aeroplane are not theirs: softras_edu/reconstruct/families.py makes them. Half a minute on one
core; the overlap printed is on 40 views that the fit never saw.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from softras_edu import (
    Camera,
    Lights,
    Mesh,
    fit,
    icosphere,
    losses,
    rasterize,
    render,
    schedule,
    screen_triangles,
)
from softras_edu.fitting.all_around import all_around, hard_silhouettes
from softras_edu.fitting.large_steps import LargeSteps
from softras_edu.plotting.flip_book import flip_book
from softras_edu.reconstruct.families import make

VIEWS, SIZE = 72, 64


@torch.no_grad()
def portrait(mesh: Mesh) -> Tensor:
    """What a frame shows."""
    view = Camera.orbit(2.7, 25, 140, fov=45)
    return render(mesh, view, size=192, lights=Lights(), sigma=1e-6, background=1.0)[0]


def morph(mesh: Mesh, goal: Mesh, steps: int, frames: list[Tensor]) -> Mesh:
    """From one mesh to the silhouettes of another, a frame every few steps."""
    camera, body = all_around(VIEWS), LargeSteps(mesh.verts, mesh.faces, strength=5.0)
    masks = hard_silhouettes(goal, camera, SIZE)

    def loss(sigma: float, gamma: float) -> Tensor:
        some, verts = torch.randperm(VIEWS)[:12], body.verts()
        alpha = rasterize(
            screen_triangles(verts, mesh.faces, camera[some]), size=SIZE, sigma=sigma
        )[..., 0]
        smooth = 5e-3 * losses.laplacian(verts, mesh.faces)
        return losses.iou(alpha, masks[some]) + smooth + 1e-4 * losses.flatten(verts, mesh.faces)

    def look(step: int, value: float) -> None:
        frames.append(portrait(Mesh(body.verts().detach(), mesh.faces)))

    dials = {"lr": schedule(5e-2, 5e-3), "sigma": schedule(3e-4, 1e-6)}
    fit(loss, [body.u], steps=steps, callback=look, every=max(1, steps // 30), **dials)
    return Mesh(body.verts().detach(), mesh.faces)


def main() -> None:
    """Both ways, and the animation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("morph.gif"), help="a GIF (morph.gif)")
    parser.add_argument("--steps", type=int, default=300, help="of each of the two fits (300)")
    given = parser.parse_args()
    sphere, frames = icosphere(3), []
    mesh, unseen = Mesh(0.6 * sphere.verts, sphere.faces), all_around(40, turn=77.0)
    for name in ("car", "aeroplane"):
        goal = make(name).fit_unit_sphere()
        mesh = morph(mesh, goal, given.steps, frames)
        seen = (hard_silhouettes(each, unseen, SIZE) for each in (mesh, goal))
        overlap = 1 - losses.iou(*seen).item()
        print(f"{name}: IoU on views that the fit never saw {overlap:.3f}")
        frames += [frames[-1]] * 8
    given.out.write_bytes(flip_book(frames, seconds=0.08, side=192))
    print(f"Wrote {given.out}")


if __name__ == "__main__":
    main()
