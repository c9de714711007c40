"""Mesh -> camera -> screen triangles -> image, in one call."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import reduce
from numbers import Integral
from typing import Any, Literal

import torch
from torch import Tensor

from .batches import draw
from .camera import Camera, image_size
from .clipping import MARGIN, clip_near, crosses
from .mesh import Mesh
from .precision import is_any, no_autocast, whole
from .rasterizers import rasterize
from .rasterizers.options import check_depths, expand_background
from .shading import Lights, Shading, corner_normals, light_pixels, shade

NEAR, FAR = 1.0, 100.0  # the rasterizers' own
Auto = Literal["auto"]


def screen_triangles(verts: Tensor, faces: Tensor, camera: Camera) -> Tensor:
    """(V, 3) or (B, V, 3) vertices, (F, 3) faces -> (B, F, 3, 3), what `rasterize` takes.

    Differentiable in verts and camera. Faces that cross the eye plane are not clipped.
    """
    return camera.project(verts)[:, faces]


def render(
    mesh: Mesh | Sequence[Mesh],
    camera: Camera,
    *,
    size: int | tuple[int, int],
    lights: Lights | Sequence[Lights] | None = None,
    shading: Shading = "flat",
    rasterizer: Callable[..., Tensor] = rasterize,
    near: float | Auto | None = None,
    far: float | Auto | None = None,
    clip: bool | None = None,
    depth: bool = False,
    normals: bool = False,
    antialias: int = 1,
    **options: Any,
) -> Tensor:
    """Draw a mesh: (B, H, W, 4), RGB and alpha, one image a camera. Without colours it is white.

    The image is computed outside `torch.autocast`; vertices of 16 bits are widened there.

    Args:
        mesh: one for all cameras; or a list of B meshes of any sizes, one for each of B cameras
            (or all for the one camera). Each image is the one that its mesh gives alone, to the
            last bit on the CPU's own backend.
        lights: shade the mesh; None leaves the colours as they are. A list has one for each image.
        shading: "flat", one brightness a face; "gouraud", one a vertex, mixed in between; or
            "per_pixel", where colours, normals and places are drawn and lit afterwards: where faces
            share a pixel, their mean normal is lit. Costs a second pass, of seven channels.
        rasterizer: `rasterize` or `rasterize_hard`; it gets `options` (sigma, gamma, ...).
            `perspective_correct` is left out for an orthographic camera, where what is affine in
            the world is affine on the screen.
        near, far: only depths between them are drawn; None is the rasterizer's own, 1 and 100.
            "auto" takes the depths of the mesh, as numbers without a gradient (a GPU is waited
            for). They are the scale of gamma, too: see `rasterize`.
        clip: cut faces that reach behind the eye at the near plane, instead of leaving them out
            whole. None does so where there are any; it looks at tensors on the CPU only (a GPU
            would have to be waited for, and `torch.compile` cannot look). True cuts in any case,
            which doubles the number of faces; False never.
        depth: give the soft depth too, as a channel between RGB and alpha, (B, H, W, 5): the depth
            of each face at the pixel, mixed by the weights that mix colours. The background's is
            `far`. Costs a second pass.
        normals: give the soft normals too, three channels before alpha and behind the depth: the
            unit normals of the faces in world axes, mixed in the same way, and so shorter than 1
            where faces that look different ways share a pixel. The background's is 0. Costs the
            same second pass.
        antialias: draw antialias times larger in height and width, and take the mean of each block
            of pixels (SoftRas's anti_aliasing is 2). sigma stays what it is, a length in NDC.

    Raises:
        ValueError: what the rasterizer finds wrong.

    Warns:
        UserWarning: all the depths in a camera's image are outside near and far, so that nothing
            is drawn. Said once a place in the program; not for tensors on a GPU.
    """
    verts, (height, width) = first(mesh).verts, image_size(size)
    check_antialias(antialias)
    looks = not (verts.is_cuda or torch.compiler.is_compiling())
    looks = looks and options.get("backend") != "triton"
    parts = what_is_drawn(mesh, camera, lights)
    with no_autocast(verts.device):
        scenes, depths = stage(parts, shading, near, far, clip, looks)
        options |= depths | {"size": (antialias * height, antialias * width)}
        if "background" in options:
            options["background"] = _enlarge(options["background"], antialias)
        if not camera.perspective:
            options.pop("perspective_correct", None)
        per_pixel = lights is not None and shading == "per_pixel"
        background = options.pop("background", 0.0) if per_pixel else None
        triangles = [scene.triangles for scene in scenes]
        colors = [scene.colors for scene in scenes]
        if options.get("conorm") == "sum" and options.get("p") is None:
            image = draw(rasterizer, triangles, colors, options | {"p": 1.0})
            image = torch.cat([image[..., :-1], _over_faces(image[..., -1:], scenes)], dim=-1)
        else:
            image = draw(rasterizer, triangles, colors, options)
        if per_pixel:
            image = _per_pixel(image, scenes, rasterizer, options, background)
        if depth or normals:
            more = _more_channels(rasterizer, scenes, options, depth, normals)
            image = torch.cat([image[..., :-1], more, image[..., -1:]], dim=-1)
        return _mean_of_blocks(image, antialias)


def stage(
    parts: list[tuple[Mesh, Camera, Lights | None]],
    shading: Shading,
    near: float | Auto | None,
    far: float | Auto | None,
    clip: bool | None,
    looks: bool,
) -> tuple[list[_Scene], dict[str, float]]:
    """What `render` draws, on the screen and clipped; and near and far, those that are given.

    Arguments as in `render`; looks: whether depths may be looked at.
    """
    scenes = [_Scene(*part, shading) for part in parts]
    near, far = _range(near, far, scenes)
    depths = {name: x for name, x in (("near", near), ("far", far)) if x is not None}
    near, far = depths.get("near", NEAR), depths.get("far", FAR)
    check_depths(near, far)
    for scene in scenes:
        if looks:
            _warn_of_depths(scene, near, far)
        scene.clip(near, clip, looks)
    return scenes, depths


def _more_channels(
    rasterizer: Callable[..., Tensor],
    scenes: list[_Scene],
    options: dict[str, Any],
    depth: bool,
    normals: bool,
) -> Tensor:
    """Depth and the faces' normals, those that are wanted, as colours: (B, H, W, 1, 3 or 4).

    In perspective depth is not affine on the screen. `rasterize` corrects that; of the z-buffer,
    which shows one face a pixel, 1 / z is asked, which is affine.
    """
    perspective, far = scenes[0].camera.perspective, options.get("far", FAR)
    inverted = perspective and rasterizer is not rasterize
    others = ("conorm", "p", "perspective_correct")  # alpha's, and the colours'
    options = {name: x for name, x in options.items() if name not in others}
    if rasterizer is rasterize:
        options["perspective_correct"] = perspective
    back = [1 / far if inverted else far] * depth + [0.0, 0.0, 0.0] * normals
    options["background"] = back if normals else back[0]
    triangles, corners = [scene.triangles for scene in scenes], []
    for scene in scenes:
        z = scene.triangles[..., 2:]
        z = 1 / z.where(z > 0, 1.0) if inverted else z
        corners.append(torch.cat([z] * depth + [scene.normals()] * normals, dim=-1))
    image = draw(rasterizer, triangles, corners, options)[..., :-1]
    if depth and inverted:
        image = torch.cat([1 / image[..., :1], image[..., 1:]], dim=-1)
    return image


def _over_faces(alpha: Tensor, scenes: list[_Scene]) -> Tensor:
    """The sum of D over the number of faces, that of each image: `conorm="sum"`."""
    counts = [max(len(s.faces), 1) for s in scenes for _ in range(len(s.triangles))]
    return alpha / alpha.new_tensor(counts)[:, None, None, None]


def check_antialias(antialias: int) -> None:
    """ValueError unless it is an integer above 0."""
    if not isinstance(antialias, Integral) or antialias < 1:
        raise ValueError(f"antialias: got {antialias!r}, wanted an int >= 1")


def _enlarge(background: Any, times: int) -> Any:
    """A background picture, (..., H, W, C), with each pixel as a block; anything else as it is."""
    if not isinstance(background, Tensor) or times == 1:
        return background
    for axis in (-2, -3):
        if background.dim() >= -axis and background.shape[axis] > 1:
            background = background.repeat_interleave(times, axis)
    return background


def _mean_of_blocks(image: Tensor, times: int) -> Tensor:
    """(B, times H, times W, C) -> (B, H, W, C)."""
    if times == 1:
        return image
    parts = [image[:, i::times, j::times] for i in range(times) for j in range(times)]
    return reduce(torch.add, parts) / times**2  # in this order, however many images there are


def _per_pixel(
    image: Tensor,
    scenes: list[_Scene],
    rasterizer: Callable[..., Tensor],
    options: dict[str, Any],
    background: Any,
) -> Tensor:
    """Light what was drawn unlit on a background of 0, (B, H, W, 4), by the normals and places that
    are drawn now, and put the background behind it.

    In perspective normals and places are mixed in the world, not on the screen. `rasterize` does
    that; the z-buffer, which shows one face a pixel, draws them over z, which is affine there.
    """
    perspective, options = scenes[0].camera.perspective, dict(options)
    surfaces = [scene.surface for scene in scenes]
    options.pop("perspective_correct", None)
    if rasterizer is rasterize:
        options["perspective_correct"] = perspective
    elif perspective:
        depths = (scene.triangles[..., 2:] for scene in scenes)
        surfaces = [x / z.where(z > 0, 1.0) for x, z in zip(surfaces, depths, strict=True)]
    triangles = [scene.triangles for scene in scenes]
    drawn = draw(rasterizer, triangles, surfaces, options)[..., :-1]
    color, alpha = image[..., :-1], image[..., -1:]
    share = drawn[..., -1:] if rasterizer is rasterize else alpha
    counts = [len(scene.triangles) for scene in scenes]
    parts = (x.split(counts) for x in (color, drawn, share))
    lit = [scene.light(*part) for scene, *part in zip(scenes, *parts, strict=True)]
    behind = expand_background(background, image, (*color.shape[:-1], 3))
    return torch.cat([torch.cat(lit) + (1 - share) * behind, alpha], dim=-1)


class _Scene:
    """One mesh and its cameras: triangles and colours, (B, F, 3, 3), on their way to the screen;
    and what is lit per pixel, (B, F, 3, 7): normals, places, and 1 (else (B, F, 3, 0)).
    """

    def __init__(self, mesh: Mesh, camera: Camera, lights: Lights | None, shading: Shading):
        self.mesh, self.faces, self.camera, self.lights = mesh, mesh.faces, camera, lights
        self.source = torch.arange(len(mesh.faces), device=mesh.faces.device)  # of each triangle
        self.view = camera.to_view(mesh.verts)
        self.triangles = camera.to_screen(self.view)[:, mesh.faces]
        colors = mesh.corner_colors()  # (F, 3, 3)
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
            corners = self.view[:, self.faces]
            given = torch.cat([self.colors, self.surface], dim=-1)
            corners, cut = clip_near(corners, given, near, which)
            self.colors, self.surface = cut[..., :3], cut[..., 3:]
            self.triangles = self.camera.to_screen(corners)
            self.source = torch.cat([self.source, which])

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
    return Mesh(verts, mesh.faces, None if colors is None else colors.to(verts.dtype))


def _range(
    near: float | Auto | None, far: float | Auto | None, scenes: list[_Scene]
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


def _warn_of_depths(scene: _Scene, near: float, far: float) -> None:
    """Say it if a camera's image has triangles, and all of them are outside near and far."""
    depth = scene.triangles[..., 2].detach().flatten(1)  # (B, 3 F)
    if not depth.numel():
        return
    low, high = depth.amin(1), depth.amax(1)
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
