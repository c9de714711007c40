"""NMR's gradient once more, as PyTorch tensors of triangles x scanlines x pixels: a second opinion
on `softras_edu/rasterizers/nmr.py`, of which nothing is used here. Small scenes only.
"""

from __future__ import annotations

import torch
from torch import Tensor

from softras_edu import formulas

NMR_EPS = 1e-4


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
    """Approximate gradient of the corners along one axis: (F, 3, 2) corners, (H, W, C) image and
    its gradient, (H, W) faces -> (F, 3).

    A pixel's colour jumps when an edge sweeps over its centre. NMR replaces the jump by a ramp: if
    a corner must move by `delta` for the edge to reach the pixel, and the pixel would then change
    by `jump`, its derivative counts as jump / delta. It counts only where that change would lower
    the loss, and only for faces that are seen. So a hidden face gets nothing.
    """
    if axis == 1:  # swap the roles of x and y: columns become scanlines, y up runs along them
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
