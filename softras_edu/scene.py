"""Meshes, cameras and lights -> scenes: triangles on the screen, and what is at their corners."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

from .camera import Camera
from .clipping import MARGIN, clip_near, crosses
from .mesh import Mesh, at_corners
from .precision import is_any, whole
from .rasterizers import rasterize, rasterize_hard
from .rasterizers.options import check_depths
from .shading import Lights, Shading, corner_normals, light_pixels, shade
from .texture import Texture

NEAR, FAR = 1.0, 100.0  # the rasterizers' own
Auto = Literal["auto"]


def stage(
    parts: list[tuple[Mesh, Camera, Lights | None]],
    shading: Shading,
    near: float | Auto | None,
    far: float | Auto | None,
    clip: bool | None,
    looks: bool,
) -> tuple[list[Scene], dict[str, float]]:
    """What `render` draws, on the screen and clipped; and near and far, those that are given.

    Arguments as in `render`; looks: whether depths may be looked at.
    """
    scenes = [Scene(*part, shading) for part in parts]
    near, far = _range(near, far, scenes)
    depths = {name: x for name, x in (("near", near), ("far", far)) if x is not None}
    near, far = depths.get("near", NEAR), depths.get("far", FAR)
    check_depths(near, far)
    for scene in scenes:
        usual = looks and scene.lies_between(near, far)
        if looks and not usual:
            _warn_of_depths(scene, near, far)
        if clip or not usual:
            scene.clip(near, clip, looks)
    return scenes, depths


class Scene:
    """One mesh and its cameras: triangles and colours, (B, F, 3, 3), on their way to the screen;
    and what is lit per pixel, (B, F, 3, 7): normals, places, and 1 (else (B, F, 3, 0)).
    """

    def __init__(self, mesh: Mesh, camera: Camera, lights: Lights | None, shading: Shading):
        self.mesh, self.faces, self.camera, self.lights = mesh, mesh.faces, camera, lights
        self.source = torch.arange(len(mesh.faces), device=mesh.faces.device)  # of each triangle
        self.view = camera.to_view(mesh.verts)
        self.triangles = at_corners(camera.to_screen(self.view), mesh.faces)
        self.texture = mesh.texture
        colors = mesh.corner_tints()  # (F, 3, 3)
        surface = colors[..., :0]
        if lights is not None:
            normals, points = corner_normals(mesh.verts, mesh.faces, shading)
            if shading == "per_pixel":
                surface = torch.cat([normals, points, torch.ones_like(points[..., :1])], dim=-1)
            else:
                to_eye = camera.to_eye(points[None]) if lights.shine else None
                colors = shade(normals, colors, lights, points, to_eye)
        self.colors = colors.expand(len(self.triangles), *colors.shape[-3:])
        self.surface = surface.expand(len(self.triangles), *surface.shape)

    def light(self, color: Tensor, surface: Tensor, share: Tensor) -> Tensor:
        """Its pictures, lit pixel by pixel, (B, H, W, 3); arguments as in `light_pixels`."""
        assert self.lights is not None
        return light_pixels(color, surface, share, self.lights, self.camera.to_eye)

    def lies_between(self, near: float, far: float) -> bool:
        """Whether all vertices do, those of no face too: quick to tell, there are few of them."""
        depth = -self.view.detach()[..., 2]
        return not is_any((depth < near) | (depth > far))

    def clip(self, near: float, clip: bool | None, looks: bool) -> None:
        """Cut what crosses the near plane, if there is anything or `clip` says so."""
        if clip is False or (clip is None and not looks):
            return
        if clip:
            which = torch.arange(len(self.faces), device=self.faces.device)
        else:
            depth = self.triangles[..., 2].detach()
            if not is_any(depth <= near * MARGIN):
                return
            which = crosses(depth, near).any(0).nonzero()[:, 0]
        if len(which):
            corners = at_corners(self.view, self.faces)
            given = [self.colors, self.surface]
            if self.texture is not None:  # its places are cut as colours are
                given.append(self.texture.uv.expand(len(corners), -1, 3, 2))
            widths = [x.shape[-1] for x in given]
            corners, cut = clip_near(corners, torch.cat(given, dim=-1), near, which)
            self.colors, self.surface, *places = cut.split(widths, dim=-1)
            self.triangles = self.camera.to_screen(corners)
            self.source = torch.cat([self.source, which])
            if self.texture is not None:
                faces = self.texture.which
                faces = None if faces is None else torch.cat([faces, faces[which]])
                self.texture = replace(self.texture, uv=places[0], which=faces)

    def sources(self) -> Tensor:
        """The face of the mesh that each triangle is, or was cut from: (B, F, 1, 1)."""
        return self.source[None, :, None, None].expand(len(self.triangles), -1, 1, 1)

    def normals(self) -> Tensor:
        """The unit normal of each triangle's face at each of its corners, (B, F, 3, 3)."""
        return self.mesh.face_normals()[self.source, None].expand_as(self.triangles)


def first(mesh: Mesh | Sequence[Mesh]) -> Mesh:
    """The first mesh of those that are drawn.

    Raises:
        ValueError: there is none.
    """
    meshes = [mesh] if isinstance(mesh, Mesh) else mesh
    if not isinstance(meshes, Sequence) or not meshes or not isinstance(meshes[0], Mesh):
        raise ValueError(f"mesh: got {type(mesh).__name__}, wanted a Mesh or a list of them")
    return meshes[0]


def what_is_drawn(
    mesh: Mesh | Sequence[Mesh], camera: Camera, lights: Lights | Sequence[Lights] | None
) -> list[tuple[Mesh, Camera, Lights | None]]:
    """What is drawn, with which cameras and lights: one mesh with all of them, or one each."""
    if isinstance(mesh, Mesh) and not isinstance(lights, Sequence):
        return [(_whole(mesh), camera, lights)]
    lamps = lights if isinstance(lights, Sequence) else [lights]
    meshes = mesh if isinstance(mesh, Sequence) else [mesh] * max(len(camera), len(lamps))
    for name, many in (("camera", len(camera)), ("lights", len(lamps))):
        if many not in (1, len(meshes)):
            which = "meshes, wanted one, or one a mesh"
            which = which if isinstance(mesh, Sequence) else "images, wanted one, or one an image"
            raise ValueError(f"{name}: got {many} for {len(meshes)} {which}")
    return [
        (_whole(m), camera[k % len(camera)], lamps[k % len(lamps)]) for k, m in enumerate(meshes)
    ]


def _whole(mesh: Mesh) -> Mesh:
    """Inside autocast, a mesh of 16 bits in float32; any other as it is."""
    verts, colors = whole(mesh.verts), whole(mesh.colors)
    if verts is mesh.verts and colors is mesh.colors:
        return mesh
    texture = None if mesh.texture is None else mesh.texture.to(verts.dtype)
    return Mesh(verts, mesh.faces, None if colors is None else colors.to(verts.dtype), texture)


def texture_options(scenes: list[Scene], rasterizer: Callable[..., Tensor]) -> dict[str, Any]:
    """What the rasterizer is told of textures: all pictures of all scenes as one `Texture`.

    The scenes are drawn in one call, where short ones end in faces of no area.
    """
    if all(scene.texture is None for scene in scenes):
        return {}
    if rasterizer not in (rasterize, rasterize_hard):
        name = getattr(rasterizer, "__name__", type(rasterizer).__name__)
        raise ValueError(f"mesh: got a texture, which {name} may not draw")
    correct = {"perspective_correct": all(scene.camera.perspective for scene in scenes)}
    if len(scenes) == 1:
        return {"texture": scenes[0].texture, **correct}
    triangles = scenes[0].triangles
    most = max(scene.triangles.shape[1] for scene in scenes)
    start, white = 0, triangles.new_ones(1, 1, 3)
    images: list[Tensor] = []
    wraps: list[str] = []
    uvs: list[Tensor] = []
    numbers: list[Tensor] = []
    for scene in scenes:
        batch, faces = scene.triangles.shape[:2]
        own = scene.texture or Texture(white, triangles.new_zeros(faces, 3, 2))
        which = torch.zeros(faces, dtype=torch.int64, device=triangles.device)
        which = start + (which if own.which is None else own.which)
        uvs.append(pad(own.uv, (0, 0, 0, 0, 0, most - faces)).expand(batch, most, 3, 2))
        numbers.append(pad(which, (0, most - faces)).expand(batch, most))
        images += own.pictures()
        wraps += own.wraps()
        start = len(images)
    return {"texture": Texture(images, torch.cat(uvs), torch.cat(numbers), wraps), **correct}


def _range(
    near: float | Auto | None, far: float | Auto | None, scenes: list[Scene]
) -> tuple[float | None, float | None]:
    """near and far with numbers for "auto": a hundredth before and behind what is before the eye.

    Where the mesh reaches to the eye, near is a thousandth of far.
    """
    if "auto" not in (near, far):
        return near, far  # type: ignore[return-value]
    depths = torch.cat([scene.triangles[..., 2].detach().flatten() for scene in scenes])
    depths = depths[depths > 0]
    last = 1.01 * depths.max().item() if len(depths) else FAR
    first = max(0.99 * depths.min().item(), 1e-3 * last) if len(depths) else NEAR
    return first if near == "auto" else near, last if far == "auto" else far


def _warn_of_depths(scene: Scene, near: float, far: float) -> None:
    """Say it if a camera's image has triangles, and all of them are outside near and far."""
    depth = scene.triangles[..., 2].detach().flatten(1)  # (B, 3 F)
    if not depth.numel():
        return
    low, high = depth.aminmax(dim=1)
    outside = (high < near) | (low > far)
    if not is_any(outside):
        return
    k = int(outside.nonzero()[0, 0])
    warnings.warn(
        f"nothing is drawn for camera {k}: the depths of the mesh, {low[k].item():.3g} to "
        f"{high[k].item():.3g}, are outside near = {near:g} and far = {far:g}. Pass near and far, "
        'or near="auto", far="auto"; or move the camera',
        stacklevel=4,
    )
