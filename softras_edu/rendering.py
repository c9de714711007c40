"""Mesh -> camera -> screen triangles -> image, in one call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from .batches import draw
from .camera import Camera, image_size
from .mesh import Mesh, at_corners
from .precision import no_autocast
from .rasterizers import rasterize
from .rasterizers.options import expand_background
from .scene import FAR, Auto, Scene, first, stage, texture_options, what_is_drawn
from .shading import Lights, Shading


def screen_triangles(verts: Tensor, faces: Tensor, camera: Camera) -> Tensor:
    """(V, 3) or (B, V, 3) vertices, (F, 3) faces -> (B, F, 3, 3), what `rasterize` takes.

    Differentiable in verts and camera. Faces that cross the eye plane are not clipped.
    """
    return at_corners(camera.project(verts), faces)


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
        camera: B cameras.
        size: H = W, or (H, W), in pixels.
        lights: shade the mesh; None leaves the colours as they are. A list has one for each image.
        shading: "flat", one brightness a face; "gouraud", one a vertex, mixed in between; or
            "per_pixel", where colours, normals and places are drawn and lit afterwards: where faces
            share a pixel, their mean normal is lit. Costs a second pass, of seven channels. A
            highlight on a texture needs it: in the other two ways a texture multiplies it, too.
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
        ValueError: what the rasterizer finds wrong; a texture, with another one than these two.

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

        def textures(group: list[int]) -> dict[str, Any]:
            return texture_options([scenes[k] for k in group], rasterizer)

        if options.get("conorm") == "sum" and options.get("p") is None:
            image = draw(rasterizer, triangles, colors, options | {"p": 1.0}, textures)
            image = torch.cat([image[..., :-1], _over_faces(image[..., -1:], scenes)], dim=-1)
        else:
            image = draw(rasterizer, triangles, colors, options, textures)
        if per_pixel:
            image = _per_pixel(image, scenes, rasterizer, options, background)
        if depth or normals:
            more = _more_channels(rasterizer, scenes, options, depth, normals)
            image = torch.cat([image[..., :-1], more, image[..., -1:]], dim=-1)
        return _mean_of_blocks(image, antialias)


def _more_channels(
    rasterizer: Callable[..., Tensor],
    scenes: list[Scene],
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


def _over_faces(alpha: Tensor, scenes: list[Scene]) -> Tensor:
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
    scenes: list[Scene],
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
