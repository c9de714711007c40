"""Rung 5: one fused Triton kernel forward and one backward, on the GPU. The formulas and the
names of the other rungs; nothing is stored per pair.

    kernels.py              the two kernels that matter, forward and backward
    pair.py                 the mathematics of one (pixel, triangle) pair, and its derivatives
    load.py                 what both kernels begin with
    setup.py                three small kernels before them: which triangles can reach which tile
                            (as in `tiles.py`), and facts of each triangle
    numbers.py              exp, log1p and other functions of one number
    gendr_distributions.py  GenDR's other distributions
    gendr_conorms.py        its other conorms
    gendr_host.py           what the host computes for them
    interpreter.py          kernels on the CPU
    this file               chooses launch sizes, reserves memory, and tells autograd which kernel
                            is whose derivative

Launches cost more than they run on small pictures, so there are few. Forward: `_setup_kernel`
(boxes, facts, counts, and the look for numbers that are not finite), cumsum, `_fill_kernel`,
sort, `_group_kernel`, `_forward_kernel`, and one more for a background that is a number.
Backward: `_backward_by_face_kernel`, and a sum or two where few triangles are cut into stripes.
Between cumsum and fill the host waits for the device, once, to learn how long the lists are and
whether the input was finite: see `wait_for_length`.

Memory: three numbers a pixel beside the image (four for the conorm `max`), 8 numbers and 6
integers a triangle, and the tile lists. Deterministic: no atomics anywhere.

Without a GPU the kernels run in Triton's interpreter, slowly, number by number, in float32 and
float64: see `use_interpreter`.
"""

from __future__ import annotations

import contextlib
import importlib
import math
import os
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from ...texture import FlatTexture
from ..once import differentiable_once
from ..options import LARGEST, Options, check_finite, stored
from ..tiles import Tiles, check_counts
from .gendr_host import constants as constants
from .gendr_host import dials
from .interpreter import INSTALLED, TROUBLE
from .interpreter import interpreting as interpreting
from .interpreter import use_interpreter as use_interpreter
from .texture_host import given, outputs

MOST_CHANNELS = {  # that a kernel keeps in registers; a picture with more goes through it in groups
    torch.float32: 8,
    torch.float64: 4,
}


@dataclass(frozen=True)
class Launch:
    """Sizes of the launches. They decide how fast a picture comes, not which picture: only the last
    bits of sums differ."""

    tile: int = 8  # pixels along a tile's side: 64 pixels, two for each lane of one warp
    forward_warps: int = 1  # of 32 lanes, a tile
    forward_stages: int = 1  # triangles that are being loaded at a time
    block_h: int = 4  # pixels that the backward kernel takes at a time: one for each lane of a warp
    block_w: int = 8
    backward_warps: int = 1
    backward_stages: int = 1
    few_programs: int = 8192  # a GPU wants so many: fewer triangles than that are cut into stripes
    setup_block: int = 128  # triangles of a program of the setup kernel


LAUNCH = Launch()  # what every launch below reads, at the time of the call


def why_not(device: torch.device | str) -> str | None:
    """Why this backend cannot serve tensors on `device`, in words, or None if it can. Imports
    nothing."""
    if not INSTALLED:
        return "triton is not installed (Linux only: pip install triton)"
    if interpreting():
        return TROUBLE
    if torch.device(device).type != "cuda":
        if os.environ.get("TRITON_INTERPRET") == "1":
            return (
                "needs CUDA tensors; TRITON_INTERPRET=1 was set too late, triton had been imported "
                "before: set it before Python starts"
            )
        return (
            "needs CUDA tensors; on the CPU set TRITON_INTERPRET=1 before the first import "
            "(slow: for tests and for learning)"
        )
    if not torch.cuda.is_available():
        return "no GPU here: torch.cuda.is_available() is False"
    return None


def rasterize_triton(
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor,
    o: Options,
    texture: FlatTexture | None = None,
) -> Tensor:
    """(B, F, 3, 3) triangles, (B, F, 3, C) colours or None, (B, H, W, C) background -> (B, H, W,
    C + 1).

    Raises:
        ValueError: `check_can_run`, or a number that is not finite.
    """
    check_can_run(triangles, colors, o)
    image: Tensor = _Rasterize.apply(o, triangles, colors, background, *(texture or ()))
    return image


def check_can_run(triangles: Tensor, colors: Tensor | None, o: Options) -> None:
    """Can this backend draw these tensors?

    Raises:
        ValueError: it cannot run here, or the image is too large for it.
    """
    reason = why_not(triangles.device)
    if reason is not None:
        raise ValueError(f"backend: 'triton' cannot serve tensors on {triangles.device}: {reason}")
    channels = 0 if colors is None else colors.shape[-1]
    if o.height * o.width * (channels + 1) >= 2**31:  # the kernels count within an image in 32 bits
        raise ValueError(
            f"size: got {o.height} x {o.width} with {channels + 1} channels, "
            "wanted fewer than 2**31 numbers an image for backend 'triton'"
        )
    check_counts(
        len(triangles), triangles.shape[1], -(-o.height // LAUNCH.tile) * -(-o.width // LAUNCH.tile)
    )


class _Rasterize(torch.autograd.Function):
    """One kernel forward, one backward. There is no second derivative.

    A texture comes as its three tensors, or not at all.
    """

    @staticmethod
    def forward(
        ctx: Any,
        o: Options,
        triangles: Tensor,
        colors: Tensor | None,
        background: Tensor,
        *texture: Tensor,
    ) -> Tensor:
        triangles = triangles.contiguous()
        colors = None if colors is None else colors.contiguous()
        flat = FlatTexture(*(x.contiguous() for x in texture)) if texture else None
        boxes, count, facts = launch_setup(triangles, colors, background, o)
        ends, length = wait_for_length(count, triangles, colors, background)
        tiles = launch_fill(boxes, count, ends, length, o)
        image, saved = launch_forward(triangles, facts, colors, background, tiles, o, flat)
        ctx.save_for_backward(triangles, facts, colors, boxes, image, saved, *(flat or ()))
        ctx.o = o
        return image

    @staticmethod
    def backward(ctx: Any, d_image: Tensor) -> tuple[Tensor | None, ...]:
        triangles, facts, colors, boxes, image, saved, *flat = ctx.saved_tensors
        texture = FlatTexture(*flat) if flat else None
        wanted = ctx.needs_input_grad[1:]
        grads: list[Tensor | None] = [None] * len(wanted)
        if any((*wanted[:2], *wanted[3:5])):
            drawn = (triangles, facts, colors, boxes, image, d_image.contiguous(), saved, ctx.o)
            found = launch_backward(*drawn, texture, texture is not None and wanted[4])
            grads[:2], grads[3:5] = found[:2], found[2:]
        if wanted[2]:
            grads[2] = background_gradient(d_image, saved, ctx.o)
        depend_on = (d_image, triangles, colors, *flat[:2])
        return None, *differentiable_once("triton", tuple(grads), depend_on)


def launch_setup(
    triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> tuple[Tensor, Tensor, Tensor]:
    """Each triangle's box (B, F, 4), the number of tiles that it touches (B F,), and facts
    (B, F, 8) for the other kernels.

    Numbers that are not finite, in any of the three tensors, turn up as counts of `_bad_count`.
    """
    batch, faces = triangles.shape[:2]
    triangles_count = batch * faces
    boxes = torch.empty(batch, faces, 4, dtype=torch.int32, device=triangles.device)
    count = torch.empty(triangles_count, dtype=torch.int64, device=triangles.device)
    facts = triangles.new_empty(batch, faces, 8)
    backdrop = stored(background).contiguous()
    if triangles_count:
        with _on_device(triangles):
            _kernels("setup")._setup_kernel[(-(-triangles_count // LAUNCH.setup_block),)](
                triangles, triangles if colors is None else colors, backdrop, boxes, count, facts,
                triangles_count, 0 if colors is None else 3 * colors.shape[-1], backdrop.numel(),
                o.height, o.width,
                o.reach * (1 + 1e-5), float(o.near), float(o.far), o.min_depth, o.min_doubled_area,
                LARGEST, _bad_count(triangles_count),
                EUCLIDEAN=o.distance == "euclidean" or o.reach == math.inf, CULL=o.cull_backfaces,
                TILE=LAUNCH.tile, BLOCK=LAUNCH.setup_block, ULP=torch.finfo(triangles.dtype).eps,
                num_warps=LAUNCH.setup_block // 32, enable_fp_fusion=False,
            )  # fmt: skip
    return boxes, count, facts


def wait_for_length(
    count: Tensor, triangles: Tensor, colors: Tensor | None, background: Tensor
) -> tuple[Tensor, int]:
    """Running sums of the counts (B F,), and the last one, the length of all lists together. The
    one device synchronisation of a call.

    Raises:
        ValueError: the kernel has met numbers that are not finite.
    """
    ends = count.cumsum(0)
    if not len(ends):  # no triangle, so nobody has looked at the background
        check_finite(triangles, colors, background)
        return ends, 0
    length = int(ends[-1])  # here the host waits
    if length >= _bad_count(len(ends)):
        check_finite(triangles, colors, background)  # waits again, and says what is wrong
    return ends, length


def _bad_count(triangles_count: int) -> int:
    """More tiles than a triangle has, so many that a sum of `triangles_count` such counts still
    fits into 64 bits.

    If ever a list without bad numbers were so long, `check_finite` would find nothing, and all
    would go on as it should.
    """
    return 2**62 // triangles_count


def launch_fill(boxes: Tensor, count: Tensor, ends: Tensor, length: int, o: Options) -> Tiles:
    """The list of every tile: fill, sort, group."""
    batch, faces = boxes.shape[:2]
    rows, columns = -(-o.height // LAUNCH.tile), -(-o.width // LAUNCH.tile)
    tiles = batch * rows * columns
    tile = torch.empty(length, dtype=torch.int32, device=boxes.device)
    face, list_ = torch.empty_like(tile), torch.empty_like(tile)
    starts = torch.empty(tiles + 1, dtype=torch.int64, device=boxes.device)
    if length == 0:
        return Tiles(LAUNCH.tile, rows, columns, starts.zero_(), list_)
    setup = _kernels("setup")
    with _on_device(boxes):
        setup._fill_kernel[(batch * faces,)](
            boxes, count, ends, tile, face, faces, rows, columns,
            TILE=LAUNCH.tile, BLOCK=32, num_warps=1,
        )  # fmt: skip
        tile, order = tile.sort(stable=True)  # in each list, triangles keep their order
        programs = -(-max(length, tiles + 1) // LAUNCH.setup_block)
        setup._group_kernel[(programs,)](
            tile, order, face, list_, starts, length, tiles,
            BLOCK=LAUNCH.setup_block, num_warps=LAUNCH.setup_block // 32,
        )  # fmt: skip
    return Tiles(LAUNCH.tile, rows, columns, starts, list_)


def launch_forward(
    triangles: Tensor,
    facts: Tensor,
    colors: Tensor | None,
    background: Tensor,
    tiles: Tiles,
    o: Options,
    texture: FlatTexture | None = None,
) -> tuple[Tensor, Tensor]:
    """The image (B, H, W, C + 1), and what the backward pass needs of every pixel, (B, H, W,
    `saved_size`)."""
    batch = len(triangles)
    channels, groups, group_channels = _channel_groups(colors)
    image = triangles.new_empty(batch, o.height, o.width, channels + 1)
    saved = triangles.new_empty(batch, o.height, o.width, saved_size(colors, o))
    if batch:
        with _on_device(triangles):
            _kernels("kernels")._forward_kernel[(batch * tiles.rows * tiles.columns, groups)](
                triangles, facts, triangles if colors is None else colors, background,
                tiles.starts, tiles.faces, image, saved,
                o.height, o.width, tiles.columns, tiles.rows * tiles.columns, *background.stride(),
                1 / o.sigma, 1 / ((o.far - o.near) * o.gamma), o.log_background,
                float(o.near), float(o.far), o.log_dist_eps,
                **dials(o, triangles.dtype), **given(texture, triangles),
                C=channels, CHANNELS=group_channels, EUCLIDEAN=o.distance == "euclidean",
                PERSPECTIVE=o.perspective_correct, TILE=LAUNCH.tile,
                STAGES=LAUNCH.forward_stages, num_warps=LAUNCH.forward_warps, enable_fp_fusion=True,
            )  # fmt: skip
    return image, saved


def launch_backward(
    triangles: Tensor,
    facts: Tensor,
    colors: Tensor | None,
    boxes: Tensor,
    image: Tensor,
    d_image: Tensor,
    saved: Tensor,
    o: Options,
    texture: FlatTexture | None = None,
    texels_wanted: bool = False,
) -> tuple[Any, ...]:
    """Gradients of triangles (B, F, 3, 3) and of colours (B, F, 3, C) or None, from the image's
    gradient (B, H, W, C + 1); with a texture of its uv (B, F, 3, 2) and texels (T, C) or None."""
    batch, faces = triangles.shape[:2]
    channels, groups, group_channels = _channel_groups(colors)
    # Few triangles on a large image would leave most of the GPU idle: then programs share one.
    stripes = max(
        1, min(-(-o.height // LAUNCH.block_h), LAUNCH.few_programs // max(1, batch * faces))
    )
    d_triangles = triangles.new_empty(groups, stripes, batch, faces, 3, 3)
    d_colors = None if colors is None else triangles.new_empty(stripes, batch, faces, 3, channels)
    d_uv, d_texels = outputs(texture, groups, stripes, texels_wanted)
    if batch * faces:
        with _on_device(triangles):
            _kernels("kernels")._backward_by_face_kernel[(batch * faces, stripes, groups)](
                triangles, facts, triangles if colors is None else colors, boxes,
                image, d_image, saved, d_triangles, d_triangles if d_colors is None else d_colors,
                o.height, o.width, faces, stripes,
                1 / o.sigma, 1 / ((o.far - o.near) * o.gamma),
                float(o.near), float(o.far), o.log_dist_eps,
                **dials(o, triangles.dtype), **given(texture, triangles, texels_wanted),
                d_uv_ptr=triangles if d_uv is None else d_uv,
                d_texels_ptr=triangles if d_texels is None else d_texels,
                C=channels, CHANNELS=group_channels, EUCLIDEAN=o.distance == "euclidean",
                PERSPECTIVE=o.perspective_correct, BLOCK_H=LAUNCH.block_h, BLOCK_W=LAUNCH.block_w,
                STAGES=LAUNCH.backward_stages, num_warps=LAUNCH.backward_warps,
                enable_fp_fusion=True,
            )  # fmt: skip
    if d_colors is not None:
        d_colors = d_colors[0] if stripes == 1 else d_colors.sum(0)
    by_texture = () if d_uv is None else (d_uv.sum((0, 1)), d_texels)
    one = groups * stripes == 1
    return d_triangles[0, 0] if one else d_triangles.sum((0, 1)), d_colors, *by_texture


def saved_size(colors: Tensor | None, o: Options) -> int:
    """Numbers a pixel that the backward pass needs: one for alpha, two for colour if there is
    any; for the conorm `max` the face that won."""
    return (1 if colors is None else 3) + (1 if o.conorm == "max" else 0)


def background_gradient(d_image: Tensor, saved: Tensor, o: Options) -> Tensor:
    """(B, H, W, C): d color / d background = W_b / sum of all W, one number a pixel. Alpha knows
    no background."""
    share = torch.exp(o.log_background - saved[..., 1:2]) * saved[..., 2:3]
    return d_image[..., :-1] * share


def _channel_groups(colors: Tensor | None) -> tuple[int, int, int]:
    """(C, number of groups, channels of a group): as few groups as possible, of as equal a size
    as possible."""
    if colors is None:
        return 0, 1, 0
    channels = colors.shape[-1]
    groups = -(-channels // MOST_CHANNELS[colors.dtype])
    return channels, groups, -(-channels // groups)


def _on_device(tensor: Tensor) -> contextlib.AbstractContextManager[object]:
    """Triton launches on the current GPU, whichever its tensors are on."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else contextlib.nullcontext()


def _kernels(name: str) -> ModuleType:
    """A module of kernels. Imported at the first call only, because `import softras_edu` must not
    need triton."""
    return importlib.import_module(f".{name}", __package__)
