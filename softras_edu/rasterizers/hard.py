"""The z-buffer that soft rasterization replaces, and the hand-made gradient of earlier work, as the foil.

Neural Mesh Renderer (NMR): Kato, Ushiku and Harada, "Neural 3D Mesh Renderer", CVPR 2018, arXiv 1711.07566, section 3.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from .. import formulas
from .options import (
    Options,
    check_choice,
    check_colors,
    check_depths,
    check_finite,
    check_size,
    check_triangles,
    expand_background,
)
from .tiles import drop_undrawable

NMR_EPS = 1e-4  # keeps a pixel that sits right on an edge from dividing by zero; the original's value, in NDC


def rasterize_hard(
    triangles: Tensor,
    colors: Tensor | None = None,
    *,
    size: int | tuple[int, int],
    gradient: str = "none",
    background: float | Tensor = 0.0,
    near: float = 1.0,
    far: float = 100.0,
    cull_backfaces: bool = False,
) -> Tensor:
    """The z-buffer: each pixel shows the nearest triangle that covers its centre. Alpha is 0 or 1.

    Args:
        triangles, colors, size, background, near, far, cull_backfaces: as in `rasterize`.
        gradient: "none" leaves what autograd finds: colours get a gradient, and corners through the interpolated colour inside a
            face; alpha and the place of every edge get none at all. "nmr" gives corners Kato et al.'s approximate gradient instead, and colours the true one.

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

    o = Options(height, width, 1.0, 1.0, 0.0, near, far, 0.0, "euclidean", False, cull_backfaces)
    batched = triangles.dim() == 4
    if not batched:
        triangles = triangles[None]
        colors = None if colors is None else colors[None]
    if colors is None:
        colors = triangles.new_empty(*triangles.shape[:-1], 0)
    back = expand_background(
        background, triangles, (len(triangles), height, width, colors.shape[-1])
    )
    check_finite(triangles, colors, back)
    face = visible_face(triangles, o)
    if gradient == "none":
        image = shade_visible(triangles, colors, back, face)
    else:
        image = Invented.apply(
            triangles, shade_visible(triangles.detach(), colors, back, face), face, nmr_gradients
        )
    return image if batched else image[0]


@torch.no_grad()
def visible_face(triangles: Tensor, o: Options) -> Tensor:
    """Index of the nearest covering triangle in every pixel, (B, F, 3, 3) -> (B, H, W) int64, -1 for background."""
    if triangles.shape[1] == 0:
        return torch.full((len(triangles), o.height, o.width), -1, device=triangles.device)
    triangles, drawable = drop_undrawable(triangles, o)
    pixel = formulas.pixel_centers(
        o.height, o.width, dtype=triangles.dtype, device=triangles.device
    )
    w = formulas.barycentric(pixel, triangles[:, :, None, None, :, :2])  # each (B, F, H, W)
    inside = formulas.smallest(*w) >= 0
    z = formulas.interpolate_depth(formulas.clip_barycentric(w), triangles[:, :, None, None, :, 2])
    covers = inside & drawable[:, :, None, None] & (z >= o.near) & (z <= o.far)
    z, face = z.where(covers, torch.inf).min(1)
    return face.where(z < torch.inf, -1)


def shade_visible(triangles: Tensor, colors: Tensor, background: Tensor, face: Tensor) -> Tensor:
    """Colour and alpha of the visible face of every pixel: interpolated corner colours, (B, H, W, C + 1)."""
    height, width = face.shape[1:]
    covered = (face >= 0)[..., None]
    if triangles.shape[1] == 0:
        return torch.cat([background, covered.to(background.dtype)], dim=-1)
    b = torch.arange(len(triangles), device=face.device)[:, None, None]
    xy = triangles[b, face.clamp_min(0)][..., :2]  # (B, H, W, 3, 2)
    xy = xy.where(covered[..., None], xy.new_tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    pixel = formulas.pixel_centers(height, width, dtype=triangles.dtype, device=triangles.device)
    w = formulas.barycentric(pixel, xy)
    c0, c1, c2 = colors[b, face.clamp_min(0)].unbind(-2)  # (B, H, W, C) each
    color = w[0][..., None] * c0 + w[1][..., None] * c1 + w[2][..., None] * c2
    return torch.cat([color.where(covered, background), covered.to(color.dtype)], dim=-1)


class Invented(torch.autograd.Function):
    """Passes the hard image through; on the way back invents a gradient for the corners: `invent` of triangles, image, face and the image's gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        triangles: Tensor,
        image: Tensor,
        face: Tensor,
        invent: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
    ) -> Tensor:
        ctx.save_for_backward(triangles, image, face)
        ctx.invent = invent
        return image.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        return ctx.invent(*ctx.saved_tensors, grad), grad, None, None


def nmr_gradients(triangles: Tensor, image: Tensor, face: Tensor, grad: Tensor) -> Tensor:
    """NMR's gradient of all corners, (B, F, 3, 3); 0 along z."""
    out = torch.zeros_like(triangles)
    for b in range(len(triangles)):
        for axis in (0, 1):  # the paper moves corners along x and along y separately
            out[b, ..., axis] = nmr_gradient(
                triangles[b, ..., :2], image[b], face[b], grad[b], axis
            )
    return out


def nmr_gradient(xy: Tensor, image: Tensor, face: Tensor, grad: Tensor, axis: int) -> Tensor:
    """Approximate gradient of the corners along one axis: (F, 3, 2) corners, (H, W, C) image and its gradient, (H, W) faces -> (F, 3).

    A pixel's colour jumps when an edge sweeps over its centre. NMR replaces the jump by a ramp: if a corner must move by `delta` for the
    edge to reach the pixel, and the pixel would then change by `jump`, its derivative counts as jump / delta. It counts only where that
    change would lower the loss, and only for faces that are seen. So a hidden face gets nothing.
    """
    if (
        axis == 1
    ):  # swap the roles of x and y: columns become scanlines, and y up becomes y along the scanline
        xy, image, grad, face = xy.flip(-1), image.transpose(0, 1), grad.transpose(0, 1), face.T
    lines, steps = face.shape
    height, width = (lines, steps) if axis == 0 else (steps, lines)
    center = formulas.pixel_centers(height, width, dtype=xy.dtype, device=xy.device)
    along, line = (
        (center[0, :, 0], center[:, 0, 1]) if axis == 0 else (center[:, 0, 1], center[0, :, 0])
    )  # (steps,), (lines,)
    pixel_size = (
        2 / height if axis == 0 else -2 / height
    )  # from one step to the next; y runs down the image

    out = torch.zeros_like(xy[..., 0])  # (F, 3)
    row = torch.arange(lines, device=xy.device)
    for k in range(3):
        a, b, c = (
            xy[:, k, None],
            xy[:, (k + 1) % 3, None],
            xy[:, (k + 2) % 3, None],
        )  # each (F, 1, 2)
        t = (line - a[..., 1]) / (
            b[..., 1] - a[..., 1]
        )  # (F, lines): where the scanline cuts the edge from a to b
        cut = (t >= 0) & (t < 1)
        t = t.where(cut, 0.5)
        cross_at = a[..., 0] + t * (b[..., 0] - a[..., 0])
        # The face lies on the side of the edge where its third corner is.
        slope = (b[..., 0] - a[..., 0]) / (b[..., 1] - a[..., 1]).where(cut, 1.0)
        inward = torch.sign(
            (c[..., 0] - (a[..., 0] + (c[..., 1] - a[..., 1]) * slope)) / pixel_size
        )  # (F, lines), in steps: +1 or -1
        exact = (cross_at - along[0]) / pixel_size  # where the edge is, counted in steps
        step_in = torch.where(inward > 0, exact.ceil(), exact.floor()).long()  # first pixel inside
        step_out = step_in - inward.long()  # last pixel outside
        cut &= (step_in >= 0) & (step_in < steps) & (step_out >= 0) & (step_out < steps)
        step_in, step_out = step_in.clamp(0, steps - 1), step_out.clamp(0, steps - 1)

        f = torch.arange(len(xy), device=xy.device)[:, None]
        seen = cut & (face[row, step_in] == f)  # the face is what is seen just inside its edge
        step = torch.arange(steps, device=xy.device)
        outside = (step - step_out[..., None]) * inward[..., None] <= 0  # (F, lines, steps)
        would_cover = (
            seen[..., None] & outside
        )  # if the edge moved outward, this pixel would show the face
        would_bare = (
            cut[..., None] & ~outside & (face[None] == f[..., None])
        )  # if it moved inward, this one would show what is outside
        jump_cover = image[row, step_in][:, :, None] - image  # (F, lines, steps, C)
        jump_bare = image[row, step_out][:, :, None] - image
        loss_change = (
            torch.where(would_cover[..., None], jump_cover, jump_bare * would_bare[..., None])
            .mul(grad)
            .sum(-1)
        )
        loss_change = loss_change.clamp_max(0)  # only changes that lower the loss

        gap = along - cross_at[..., None]  # how far the edge must travel, (F, lines, steps)
        for corner, lever in (
            (k, 1 - t),
            ((k + 1) % 3, t),
        ):  # the edge moves by `lever` times what the corner moves
            delta = gap / lever[..., None].clamp_min(1e-9)
            delta = torch.where(
                delta > 0, delta + NMR_EPS, delta - NMR_EPS
            )  # (two plain numbers in `where` would be float32)
            out[:, corner] += (loss_change / delta).sum((1, 2))
    return out
