"""Mesh -> camera -> screen triangles -> image, in one call."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

from .camera import Camera, image_size
from .clipping import MARGIN, clip_near, crosses
from .mesh import Mesh
from .precision import is_any, no_autocast, whole
from .rasterizers import rasterize, rasterize_hard
from .rasterizers.options import check_depths, expand_background
from .shading import Lights, Shading, corner_normals, light_pixels, shade
from .texture import Texture

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
    lights: Lights | None = None,
    shading: Shading = "flat",
    rasterizer: Callable[..., Tensor] = rasterize,
    near: float | Auto | None = None,
    far: float | Auto | None = None,
    clip: bool | None = None,
    depth: bool = False,
    **options: Any,
) -> Tensor:
    """Draw a mesh: (B, H, W, 4), RGB and alpha, one image a camera. Without colours it is white.

    A texture is drawn perspective correct if the camera is a perspective one, unless
    `perspective_correct` says otherwise (see `rasterize`). The image is computed outside
    `torch.autocast`; vertices of 16 bits are widened there.

    Args:
        mesh: one for all cameras; or a list of B meshes of any sizes, one for each of B cameras
            (or all for the one camera).
        lights: shade the mesh; None leaves the colours as they are.
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

    Raises:
        ValueError: what the rasterizer finds wrong; a texture, with another one than these two.

    Warns:
        UserWarning: all the depths in a camera's image are outside near and far, so that nothing
            is drawn. Said once a place in the program; not for tensors on a GPU.
    """
    verts, size = _first(mesh).verts, image_size(size)
    off = verts.is_cuda or torch.compiler.is_compiling() or options.get("backend") == "triton"
    pairs = _pairs(mesh, camera)
    with no_autocast(verts.device):
        scenes = [_Scene(m, c, lights, shading) for m, c in pairs]
        near, far = _range(near, far, scenes)
        options |= {name: x for name, x in (("near", near), ("far", far)) if x is not None}
        near, far = NEAR if near is None else near, FAR if far is None else far
        check_depths(near, far)
        for scene in scenes:
            if not off:
                _warn_of_depths(scene, near, far)
            scene.clip(near, clip, looks=not off)
        options["size"] = size
        if not camera.perspective:
            options.pop("perspective_correct", None)
        triangles, colors = _together(scenes, [scene.colors for scene in scenes])
        more = _texture_options(scenes, triangles, rasterizer)
        per_pixel = lights is not None and shading == "per_pixel"
        background = options.pop("background", 0.0) if per_pixel else None
        image = rasterizer(triangles, colors, **(more | options))
        if per_pixel:
            image = _per_pixel(image, scenes, rasterizer, options, background)
        if not depth:
            return image
        z = _depth(triangles, camera.perspective, rasterizer, far, dict(options))
        return torch.cat([image[..., :-1], z, image[..., -1:]], dim=-1)


def _depth(
    triangles: Tensor,
    perspective: bool,
    rasterizer: Callable[..., Tensor],
    far: float,
    options: dict[str, Any],
) -> Tensor:
    """Depth as a colour, (B, H, W, 1).

    In perspective it is not affine on the screen. `rasterize` corrects that; of the z-buffer, which
    shows one face a pixel, 1 / z is asked, which is affine.
    """
    z, options["background"] = triangles[..., 2:], far
    if perspective and rasterizer is not rasterize:
        z = 1 / z.where(z > 0, 1.0)
        options["background"] = 1 / far
        return 1 / rasterizer(triangles, z, **options)[..., :1]
    if rasterizer is rasterize:
        options["perspective_correct"] = perspective
    return rasterizer(triangles, z, **options)[..., :1]


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
    if rasterizer is rasterize:
        options["perspective_correct"] = perspective
    elif perspective:
        depths = (scene.triangles[..., 2:] for scene in scenes)
        surfaces = [x / z.where(z > 0, 1.0) for x, z in zip(surfaces, depths, strict=True)]
    triangles, surface = _together(scenes, surfaces)
    drawn = rasterizer(triangles, surface, **options)[..., :-1]
    color, alpha = image[..., :-1], image[..., -1:]
    share = drawn[..., -1:] if rasterizer is rasterize else alpha
    counts = [len(scene.triangles) for scene in scenes]
    parts = (x.split(counts) for x in (color, drawn, share))
    lit = [scene.light(*part) for scene, *part in zip(scenes, *parts, strict=True)]
    behind = expand_background(background, triangles, (*color.shape[:-1], 3))
    return torch.cat([torch.cat(lit) + (1 - share) * behind, alpha], dim=-1)


class _Scene:
    """One mesh and its cameras: triangles and colours, (B, F, 3, 3), on their way to the screen;
    and what is lit per pixel, (B, F, 3, 7): normals, places, and 1 (else (B, F, 3, 0)).
    """

    def __init__(self, mesh: Mesh, camera: Camera, lights: Lights | None, shading: Shading):
        self.faces, self.camera, self.lights = mesh.faces, camera, lights
        self.view = camera.to_view(mesh.verts)
        self.triangles = camera.to_screen(self.view)[:, mesh.faces]
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
            given = [self.colors, self.surface]
            if self.texture is not None:  # its places are cut as colours are
                given.append(self.texture.uv.expand(len(corners), -1, 3, 2))
            widths = [x.shape[-1] for x in given]
            corners, cut = clip_near(corners, torch.cat(given, dim=-1), near, which)
            self.colors, self.surface, *places = cut.split(widths, dim=-1)
            self.triangles = self.camera.to_screen(corners)
            if self.texture is not None:
                faces = self.texture.which
                faces = None if faces is None else torch.cat([faces, faces[which]])
                self.texture = replace(self.texture, uv=places[0], which=faces)


def _first(mesh: Mesh | Sequence[Mesh]) -> Mesh:
    """The first mesh of those that are drawn.

    Raises:
        ValueError: there is none.
    """
    meshes = [mesh] if isinstance(mesh, Mesh) else mesh
    if not isinstance(meshes, Sequence) or not meshes or not isinstance(meshes[0], Mesh):
        raise ValueError(f"mesh: got {type(mesh).__name__}, wanted a Mesh or a list of them")
    return meshes[0]


def _pairs(mesh: Mesh | Sequence[Mesh], camera: Camera) -> list[tuple[Mesh, Camera]]:
    """What is drawn with which cameras: one mesh with all of them, or one each."""
    if isinstance(mesh, Mesh):
        return [(_whole(mesh), camera)]
    if len(camera) not in (1, len(mesh)):
        wanted = "one, or one a mesh"
        raise ValueError(f"camera: got {len(camera)} for {len(mesh)} meshes, wanted {wanted}")
    return [(_whole(m), camera[k % len(camera)]) for k, m in enumerate(mesh)]


def _whole(mesh: Mesh) -> Mesh:
    """Inside autocast, a mesh of 16 bits in float32; any other as it is."""
    verts, colors = whole(mesh.verts), whole(mesh.colors)
    if verts is mesh.verts and colors is mesh.colors:
        return mesh
    texture = None if mesh.texture is None else mesh.texture.to(verts.dtype)
    return Mesh(verts, mesh.faces, None if colors is None else colors.to(verts.dtype), texture)


def _together(scenes: list[_Scene], corners: list[Tensor]) -> tuple[Tensor, Tensor]:
    """All triangles and what is at their corners, (B, F, 3, C), as one batch: short lists end in
    faces of no area.
    """
    if len(scenes) == 1:
        return scenes[0].triangles, corners[0]
    most = max(scene.triangles.shape[1] for scene in scenes)

    def together(lists: list[Tensor], value: float) -> Tensor:
        return torch.cat([pad(x, (0, 0, 0, 0, 0, most - x.shape[1]), value=value) for x in lists])

    return together([scene.triangles for scene in scenes], 1.0), together(corners, 0.0)


def _texture_options(
    scenes: list[_Scene], triangles: Tensor, rasterizer: Callable[..., Tensor]
) -> dict[str, Any]:
    """What the rasterizer is told of textures: all pictures of all scenes as one `Texture`."""
    if all(scene.texture is None for scene in scenes):
        return {}
    if rasterizer not in (rasterize, rasterize_hard):
        name = getattr(rasterizer, "__name__", type(rasterizer).__name__)
        raise ValueError(f"mesh: got a texture, which {name} may not draw")
    correct = {"perspective_correct": all(scene.camera.perspective for scene in scenes)}
    if len(scenes) == 1:
        return {"texture": scenes[0].texture, **correct}
    most, start, white = triangles.shape[1], 0, triangles.new_ones(1, 1, 3)
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
        stacklevel=3,
    )
