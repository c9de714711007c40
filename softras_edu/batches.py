"""Lists of triangles of any length, one an image, drawn by rasterizers that take one length."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

SMALL = 1000  # so many triangles more cost less than another call of a rasterizer


def draw(
    rasterizer: Callable[..., Tensor],
    triangles: list[Tensor],
    corners: list[Tensor],
    options: dict[str, Any],
    more: Callable[[list[int]], dict[str, Any]] = lambda group: {},
) -> Tensor:
    """rasterizer(triangles, corners, **options) of all lists, in one call or in a few.

    Args:
        triangles: one (B, F, 3, 3); or several (1, F, 3, 3), of any F.
        corners: colours, (B, F, 3, C), for each.
        options: a "background" may be (B, H, W, C), B images of all lists together.
        more: further options of a call, by the numbers of its lists; `options` come first.

    Returns:
        (B, H, W, C + 1), in the order of the lists.
    """
    which = groups([x.shape[1] for x in triangles])
    images, background = [], options.get("background")
    for group in which:
        some = more(group) | options
        if len(which) > 1 and isinstance(background, Tensor) and background.dim() == 4:
            some["background"] = torch.cat([background[k % len(background)][None] for k in group])
        parts = together([triangles[k] for k in group], 1.0)
        images.append(rasterizer(parts, together([corners[k] for k in group], 0.0), **some))
    return in_order(images, which)


def groups(counts: Sequence[int]) -> list[list[int]]:
    """Which lists are drawn in one call, by their lengths: those that are about as long.

    A short one becomes as long as the longest of its group. So it may be half as long, and SMALL
    triangles less: padding is cheap, but not free.
    """
    found: list[list[int]] = []
    for k in sorted(range(len(counts)), key=counts.__getitem__, reverse=True):
        if found and counts[found[-1][0]] <= 2 * counts[k] + SMALL:
            found[-1].append(k)
        else:
            found.append([k])
    return [sorted(group) for group in found]


def together(lists: list[Tensor], value: float, least: int = 0) -> Tensor:
    """Lists, (B, F, 3, C), as one batch: short ones end in triangles of this value.

    Triangles whose corners have all the same place are visited by no pixel. F is `least` at least.
    """
    most = max(least, *(x.shape[1] for x in lists))
    if len(lists) == 1 and most == lists[0].shape[1]:
        return lists[0]
    return torch.cat([pad(x, (0, 0, 0, 0, 0, most - x.shape[1]), value=value) for x in lists])


def in_order(parts: list[Tensor], which: list[list[int]]) -> Tensor:
    """What was made group by group, (B, ...) each -> all images, in the order of the lists."""
    if len(parts) == 1:
        return parts[0]
    numbers = [k for group in which for k in group]
    images = dict(zip(numbers, torch.cat(parts).unbind(), strict=True))
    return torch.stack([images[k] for k in range(len(images))])
