"""The z-buffer that soft rasterization replaces: each pixel shows the nearest triangle over it."""

from __future__ import annotations

import torch
from torch import Tensor
from torch._C._functorch import is_functorch_wrapped_tensor

from .. import formulas
from ..texture import FlatTexture, Texture
from .options import (
    Options,
    check_choice,
    check_colors,
    check_depths,
    check_finite,
    check_size,
    check_texture,
    check_triangles,
    expand_background,
)
from .pairs import CHUNK, gather
from .tiles import box_pairs, drop_undrawable, reach_boxes


def rasterize_hard(
    triangles: Tensor,
    colors: Tensor | None = None,
    *,
    size: int | tuple[int, int],
    texture: Texture | None = None,
    gradient: str = "none",
    background: float | Tensor = 0.0,
    near: float = 1.0,
    far: float = 100.0,
    perspective_correct: bool = False,
    cull_backfaces: bool = False,
) -> Tensor:
    """The z-buffer: each pixel shows the nearest triangle that covers its centre. Alpha is 0 or 1.

    Time grows with the pixels in the triangles' boxes, not with pixels x triangles; memory with
    pixels + triangles. On the CPU a compiled loop finds the nearest triangles (`numba_cpu`), where
    numba can run; PyTorch elsewhere, with the same result.

    Args:
        triangles, colors, size, texture, background, near, far, perspective_correct,
            cull_backfaces: as in `rasterize`.
        gradient: "none" leaves what autograd finds: colours get a gradient, and corners through the
            interpolated colour inside a triangle; alpha and the place of every edge get none at
            all. "nmr" gives corners Kato et al.'s approximate gradient instead (`nmr.py`), and
            colours the true one.

    Returns:
        (B, H, W, C + 1) or (H, W, C + 1): colour channels, then alpha.

    Raises:
        ValueError: as `rasterize`, or an unknown `gradient`.
    """
    height, width = check_size(size)
    check_triangles(triangles)
    check_colors(colors, triangles)
    check_depths(near, far)
    check_choice("gradient", gradient, ("none", "nmr"))

    o = hard_options(height, width, near=near, far=far, cull_backfaces=cull_backfaces)
    batched = triangles.dim() == 4
    if not batched:
        triangles = triangles[None]
        colors = None if colors is None else colors[None]
    texels = check_texture(texture, triangles, colors)
    if colors is None:
        channels = 0 if texels is None else texels.texels.shape[-1]
        colors = triangles.new_ones(()).expand(*triangles.shape[:-1], channels)
    wanted = (len(triangles), height, width, colors.shape[-1])
    background = expand_background(background, triangles, wanted)
    check_finite(triangles, colors, background)
    face = visible_face(triangles, o)
    if gradient == "none":
        image = shade_visible(triangles, colors, background, face, perspective_correct, texels)
    else:
        from .nmr import with_nmr_gradient

        fixed = triangles.detach()
        image = shade_visible(fixed, colors, background, face, perspective_correct, texels)
        image = with_nmr_gradient(triangles, image, face)
    return image if batched else image[0]


def hard_options(
    height: int,
    width: int,
    *,
    near: float = 1.0,
    far: float = 100.0,
    cull_backfaces: bool = False,
) -> Options:
    """No blur: a triangle reaches the pixels that it covers, and no others."""
    return Options(
        height=height,
        width=width,
        near=near,
        far=far,
        cull_backfaces=cull_backfaces,
        distribution="hard",
        dist_eps=0.0,
    )


@torch.no_grad()
def visible_face(triangles: Tensor, o: Options, parallel: bool = False) -> Tensor:
    """Index of the nearest covering triangle in every pixel, (B, F, 3, 3) -> (B, H, W) int64.

    -1 where there is none; of equally near ones the first. Only pixels in a triangle's box are
    asked. Between the corners 1 / z is affine, as in perspective; or z is, for a parallel
    projection.
    """
    boxes = reach_boxes(triangles, o)
    if _compiled(triangles):
        from .numba_cpu.zbuffer import nearest_face

        return nearest_face(triangles, boxes, o, parallel)
    return nearest_in_chunks(triangles, boxes, o, parallel)


def _compiled(triangles: Tensor) -> bool:
    """Whether numba can serve: a tensor on the CPU that holds numbers, and is not traced."""
    if torch.compiler.is_compiling() or is_functorch_wrapped_tensor(triangles):
        return False
    from .numba_cpu import why_not

    return triangles.device.type == "cpu" and why_not() is None


def nearest_in_chunks(triangles: Tensor, boxes: Tensor, o: Options, parallel: bool) -> Tensor:
    """`visible_face` in PyTorch, CHUNK pairs of pixel and triangle at a time."""
    batch, faces = triangles.shape[:2]
    flat = drop_undrawable(triangles, o)[0].flatten(0, 1)  # (B F, 3, 3)
    centers = formulas.pixel_centers(o.height, o.width, like=triangles).reshape(-1, 2)
    pixels = batch * o.height * o.width
    nearest = triangles.new_full((pixels,), torch.inf)
    seen = torch.full((pixels,), batch * faces, device=triangles.device)  # one too many: nobody
    for face, pixel in box_pairs(boxes, o.height, o.width, CHUNK):
        corners = gather(flat, face)  # (N, 3, 3)
        v = formulas.barycentric(centers[pixel % len(centers)], corners[..., :2])
        w, z_corner = formulas.clip_barycentric(v), corners[..., 2]
        if parallel:
            z = w[0] * z_corner[..., 0] + w[1] * z_corner[..., 1] + w[2] * z_corner[..., 2]
        else:
            z = formulas.interpolate_depth(w, z_corner)
        covers = (formulas.smallest(*v) >= 0) & (z >= o.near) & (z <= o.far)
        face, pixel, z = face[covers], pixel[covers], z[covers]
        before, nearest = nearest, nearest.scatter_reduce(0, pixel, z, "amin")
        seen = torch.where(nearest < before, batch * faces, seen)  # somebody nearer has come
        first = z == nearest[pixel]
        seen = seen.scatter_reduce(0, pixel[first], face[first], "amin")
    image = torch.arange(batch, device=triangles.device).repeat_interleave(o.height * o.width)
    seen = torch.where(seen < batch * faces, seen - image * faces, -1)
    return seen.reshape(batch, o.height, o.width)


def shade_visible(
    triangles: Tensor,
    colors: Tensor,
    background: Tensor,
    face: Tensor,
    perspective_correct: bool = False,
    texture: FlatTexture | None = None,
) -> Tensor:
    """The interpolated corner colours of every pixel's visible triangle, and alpha.

    (B, F, 3, 3) triangles, (B, F, 3, C) colours, (B, H, W, C) background, (B, H, W) from
    `visible_face` -> (B, H, W, C + 1).
    """
    covered = (face >= 0)[..., None]
    if triangles.shape[1] == 0:
        return torch.cat([background, covered.to(background.dtype)], dim=-1)
    u = visible_weights(triangles, face, perspective_correct)
    b, seen = torch.arange(len(triangles), device=face.device)[:, None, None], face.clamp_min(0)
    color = _between(u, colors[b, seen])
    if texture is not None:
        uv = _between(u, texture.uv[b, seen]).where(covered, 0.0)
        color = color * formulas.look_up(texture.texels, uv, texture.where[b, seen])
    return torch.cat([color.where(covered, background), covered.to(color.dtype)], dim=-1)


def _between(u: formulas.Weights, numbers: Tensor) -> Tensor:
    """The corners' numbers (B, H, W, 3, K), mixed -> (B, H, W, K).

    The same as u0 c0 + u1 c1 + u2 c2, and exactly c with a gradient of 0 where all three are c.
    """
    c0, c1, c2 = numbers.unbind(-2)
    return c0 + u[1][..., None] * (c1 - c0) + u[2][..., None] * (c2 - c0)


def visible_weights(
    triangles: Tensor, face: Tensor, perspective_correct: bool = False
) -> formulas.Weights:
    """Weights of the corners of every pixel's visible triangle, three of (B, H, W).

    On the screen; or, perspective correct, in the world. Any numbers where no triangle is seen.
    """
    b = torch.arange(len(triangles), device=face.device)[:, None, None]
    corners = triangles[b, face.clamp_min(0)]  # (B, H, W, 3, 3)
    harmless = triangles.new_tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    corners = corners.where((face >= 0)[..., None, None], harmless)
    pixel = formulas.pixel_centers(*face.shape[1:], like=triangles)
    v = formulas.barycentric(pixel, corners[..., :2])
    if not perspective_correct:
        return v
    z = corners[..., 2].unbind(-1)
    depth = 1 / (v[0] / z[0] + v[1] / z[1] + v[2] / z[2])
    return v[0] / z[0] * depth, v[1] / z[1] * depth, v[2] / z[2] * depth
