"""Textured mesh files drawn by VTK and by us, from the same camera, beside one another.

    python benchmarks/beside_another_renderer.py --out pictures spot.obj duck.glb cow.ply
    PYTHONPATH=.:VTK python ...       # after pip install --no-deps --target VTK vtk

VTK reads the file with an importer of its own and draws it in its own way (OpenGL, on the CPU by
Mesa), without lights; we read it with `Mesh.load` and draw it with a small sigma. A sheet for each
file has VTK's picture, ours, ours after `Mesh.save` and `Mesh.load` again, and the difference of
the first two. Says how much they differ where both are covered, and by how many pixels the
silhouettes do. To look at: it checks nothing. Without VTK it says so and draws nothing.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from softras_edu import Camera, Mesh, render

FOV, SIZE, SOFT = 40.0, 256, {"sigma": 1e-6, "gamma": 1e-4}
Picture = NDArray[np.float32]  # (H, W, 4)


def camera(mesh: Mesh, azimuth: float, elevation: float) -> tuple[Camera, dict[str, Any]]:
    """One that sees the whole mesh: ours, and its numbers for another program."""
    middle = (mesh.verts.amin(0) + mesh.verts.amax(0)) / 2
    radius = (mesh.verts - middle).norm(dim=1).max()
    way = Camera.orbit(1.0, elevation, azimuth).eye[0]
    eye = middle + way * radius / np.sin(np.radians(FOV / 2))
    about = {"eye": eye.tolist(), "at": middle.tolist(), "radius": float(radius)}
    return Camera.look_at(eye, middle, fov=FOV), about


def by_vtk(path: Path, about: dict[str, Any]) -> Picture:
    """The file as VTK reads and draws it."""
    import vtkmodules.vtkRenderingOpenGL2
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow, vtkWindowToImageFilter

    vtkmodules.vtkRenderingOpenGL2.vtkOpenGLRenderWindow.SetGlobalMaximumNumberOfMultiSamples(0)
    window, scene = vtkRenderWindow(), vtkRenderer()
    window.SetOffScreenRendering(1)
    window.SetSize(SIZE, SIZE)
    window.SetAlphaBitPlanes(1)
    window.AddRenderer(scene)
    scene.SetBackground(0, 0, 0)
    scene.SetBackgroundAlpha(0.0)
    importer = {".obj": _obj, ".ply": _ply}.get(path.suffix.lower(), _gltf)
    importer(path, window, scene)
    actors = scene.GetActors()
    actors.InitTraversal()
    for _ in range(actors.GetNumberOfItems()):  # colours alone, as the file has them
        look = actors.GetNextActor().GetProperty()
        look.LightingOff()
        look.SetAmbient(0.0)  # else it is added
        look.SetDiffuse(1.0)
        look.SetInterpolationToGouraud()
        look.BackfaceCullingOff()
        look.SetOpacity(1.0)
    eye = scene.GetActiveCamera()
    eye.SetPosition(about["eye"])
    eye.SetFocalPoint(about["at"])
    eye.SetViewUp(0, 1, 0)
    eye.SetViewAngle(FOV)
    scene.ResetCameraClippingRange()
    window.Render()
    grab = vtkWindowToImageFilter()
    grab.SetInput(window)
    grab.SetInputBufferTypeToRGBA()
    grab.ReadFrontBufferOff()
    grab.Update()
    pixels = vtk_to_numpy(grab.GetOutput().GetPointData().GetScalars())
    return (pixels.reshape(SIZE, SIZE, 4)[::-1] / 255).astype(np.float32)


def _obj(path: Path, window: Any, scene: Any) -> None:
    from vtkmodules.vtkIOImport import vtkOBJImporter

    importer = vtkOBJImporter()
    importer.SetFileName(str(path))
    found = [path.with_suffix(".mtl"), Path(f"{path}.mtl")]
    for file in found:
        if file.exists():
            importer.SetFileNameMTL(str(file))
    importer.SetTexturePath(str(path.parent))
    importer.SetRenderWindow(window)
    importer.Update()
    _smooth(scene)


def _gltf(path: Path, window: Any, scene: Any) -> None:
    from vtkmodules.vtkIOImport import vtkGLTFImporter

    importer = vtkGLTFImporter()
    importer.SetFileName(str(path))
    importer.SetRenderWindow(window)
    importer.Update()
    actors = scene.GetActors()
    actors.InitTraversal()
    for _ in range(actors.GetNumberOfItems()):
        actor = actors.GetNextActor()
        look = actor.GetProperty()
        picture = look.GetTexture("albedoTex")
        look.SetInterpolationToGouraud()  # "physically based" is never without light
        if picture is not None:
            look.RemoveTexture("albedoTex")
            picture.UseSRGBColorSpaceOff()
            actor.SetTexture(picture)
    scene.UseImageBasedLightingOff()
    scene.SetEnvironmentTexture(None)


def _ply(path: Path, window: Any, scene: Any) -> None:
    from vtkmodules.vtkIOImage import vtkImageReader2Factory
    from vtkmodules.vtkIOPLY import vtkPLYReader
    from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkTexture

    reader = vtkPLYReader()
    reader.SetFileName(str(path))
    reader.Update()
    mapper, actor = vtkPolyDataMapper(), vtkActor()
    mapper.SetInputConnection(reader.GetOutputPort())
    actor.SetMapper(mapper)
    head = path.read_bytes().partition(b"end_header")[0].decode(errors="replace")
    names = [line.split(None, 2)[2].strip() for line in head.splitlines()
             if line.lower().startswith("comment texturefile")]  # fmt: skip
    if names:
        mapper.ScalarVisibilityOff()
        image = vtkImageReader2Factory.CreateImageReader2(str(path.parent / names[0]))
        image.SetFileName(str(path.parent / names[0]))
        texture = vtkTexture()
        texture.SetInputConnection(image.GetOutputPort())
        actor.SetTexture(texture)
    scene.AddActor(actor)
    _smooth(scene)


def _smooth(scene: Any) -> None:
    """Bilinear lookups, as glTF's importer asks for itself."""
    actors = scene.GetActors()
    actors.InitTraversal()
    for _ in range(actors.GetNumberOfItems()):
        texture = actors.GetNextActor().GetTexture()
        if texture is not None:
            texture.InterpolateOn()
            texture.MipmapOff()
            texture.RepeatOn()


def ours(mesh: Mesh, view: Camera, about: dict[str, Any]) -> Picture:
    """The mesh as we draw it, colours alone."""
    away = float(np.linalg.norm(np.subtract(about["eye"], about["at"])))
    near, far = away - 1.01 * about["radius"], away + 1.01 * about["radius"]
    image = render(mesh, view, size=SIZE, near=near, far=far, **SOFT)
    return np.asarray(image[0].numpy())


def sheet(path: Path, out: Path, azimuth: float, elevation: float) -> str:
    """Draw one file's sheet; a line about it."""
    import matplotlib.pyplot as plt

    mesh = Mesh.load(path)
    view, about = camera(mesh, azimuth, elevation)
    pictures = {"VTK": by_vtk(path, about), "ours": ours(mesh, view, about)}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in (".obj", ".ply", ".glb"):
            file = Path(folder) / f"again{suffix}"
            mesh.save(file)
            pictures[f"ours, saved as {suffix}"] = ours(Mesh.load(file), view, about)
            pictures[f"VTK, saved by us as {suffix}"] = by_vtk(file, about)
    theirs, mine = pictures["VTK"], pictures["ours"]
    both = (theirs[..., 3] > 0.999) & (mine[..., 3] > 0.999)
    gap = np.abs(theirs - mine)[..., :3].max(-1) * both
    pictures["difference, times 4"] = np.dstack([np.repeat(gap[..., None] * 4, 3, 2), both * 1.0])
    figure, axes = plt.subplots(3, 3, figsize=(9, 9.6))
    for ax in axes.flat:
        ax.axis("off")
    for ax, (title, image) in zip(axes.flat, pictures.items(), strict=False):
        alpha = image[..., 3:].clip(0, 1)
        ax.imshow((image[..., :3] * alpha + 0.7 * (1 - alpha)).clip(0, 1))
        ax.set_title(title, fontsize=9)
    figure.tight_layout()
    figure.savefig(out / f"{path.stem}{path.suffix.replace('.', '_')}.png", dpi=110)
    plt.close(figure)
    edge = ((theirs[..., 3] > 0.5) != (mine[..., 3] > 0.5)).sum()
    line = f"{path.name}: colours differ by {gap[both].mean():.4f} (mean), "
    line += f"{np.quantile(gap[both], 0.99):.4f} (99 %) over {both.sum()} pixels, "
    line += f"silhouettes at {edge} pixels\n"
    for name, image in pictures.items():
        if "saved" in name:
            first = theirs if name.startswith("VTK") else mine
            inside = (first[..., 3] > 0.999) & (image[..., 3] > 0.999)
            away = np.abs(image - first)[..., :3].max(-1)[inside]
            line += f"    {name}: {away.mean():.5f} (mean), {away.max():.4f} (most) from unsaved\n"
    return line


def main() -> None:
    """Read the arguments, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", type=Path, nargs="+", help="OBJ, PLY, GLB or glTF")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="a folder")
    parser.add_argument("--azimuth", type=float, default=30.0, help="degrees")
    parser.add_argument("--elevation", type=float, default=20.0, help="degrees")
    args = parser.parse_args()
    try:
        import vtkmodules  # noqa: F401
    except ImportError:
        print("VTK is not installed (pip install vtk), so there is nothing to compare with")
        return
    args.out.mkdir(parents=True, exist_ok=True)
    torch.set_grad_enabled(False)
    for path in args.files:
        print(sheet(path, args.out, args.azimuth, args.elevation), end="", flush=True)


if __name__ == "__main__":
    main()
