"""Rung 4: one fused loop on the CPU, compiled by numba, with the backward pass derived by hand.

numba_cpu/pair.py      the mathematics of one (pixel, triangle) pair, each formula with its derivative
numba_cpu/gendr.py  distributions and conorms other than the Soft Rasterizer's own, number by number
numba_cpu/boxes.py     where pixels and triangles are, and which pixels a triangle can reach
numba_cpu/kernels.py   the loops
this file          cuts the work into tasks for several threads, and tells autograd which loop is whose derivative

`broadcast` writes every intermediate number of every (pixel, triangle) pair to memory; here a pair lives in registers. What is kept
is a few numbers a pixel, and the backward pass computes a pair once more instead of remembering it.

    reach_boxes      which pixels a triangle can touch at all; the others are never visited
    forward_rows     each task owns a band of rows:   for face: for pixels in its box and the band: add the face to the pixels
    backward_faces   each task owns a run of faces:   for face: for pixels in its box: add the pixels' pull to the face's corners

So no two tasks ever write to the same number: no locks, and each sum has one order, whatever the number of threads.

All arithmetic is in float64. float32 is how numbers are read and written, once each: then one set of formulas serves both, and neither a
thin triangle nor a tiny gamma can lose digits on the way. Fast-math stays off, so that a number here is the number of `broadcast`, and so that
a pixel's sum does not depend on which other pixels share a vector with it.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ... import softness
from ..options import Options, check_finite
from . import boxes as numba_boxes
from . import gendr as numba_softness
from . import pair as numba_pair
from .boxes import reach_boxes
from .kernels import Array, backward_alpha, backward_faces, forward_rows
from .pair import MISSING, Dials


def why_not() -> str | None:
    """Why this backend cannot run here, or None if it can."""
    return MISSING


def dials(o: Options) -> Dials:
    """The numbers that the kernels need."""
    least_x = softness.least_x(o.distribution, o.shape, o.shift, o.dist_eps)
    conorm, p = (
        ("dombi", 1.0) if (o.conorm, o.p) == ("hamacher", 0) else (o.conorm, o.p)
    )  # its limit
    return Dials(
        height=o.height,
        width=o.width,
        sigma=float(o.sigma),
        gamma=float(o.gamma),
        near=float(o.near),
        far=float(o.far),
        least_logit=least_x if o.squared else least_x * abs(least_x) * o.sigma,
        reach=o.reach,
        euclidean=o.distance == "euclidean",
        perspective_correct=bool(o.perspective_correct),
        cull_backfaces=bool(o.cull_backfaces),
        min_doubled_area=o.min_doubled_area,
        min_depth=o.min_depth,
        squared=bool(o.squared),
        logistic=o.distribution == "logistic",
        probabilistic=o.conorm == "probabilistic",
        distribution=softness.DISTRIBUTIONS.index(o.distribution),
        shape=float(o.shape),
        shift=float(o.shift),
        log_gamma=math.lgamma(o.shape + 1),
        conorm=softness.CONORMS.index(conorm),
        p=float(p),
    )


# ---------------------------------------------------------------- threads


SMALL = 12000  # pairs of pixel and box: to hand over a run of fewer would cost more than it saves


@lru_cache(maxsize=1)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads of our own: numba's would have to agree with PyTorch's OpenMP. After a fork (DataLoader), `process` asks for new ones."""
    return ThreadPoolExecutor(threads, thread_name_prefix="softras-edu")


def share_out(kernel: Callable[..., None], cuts: list[int], *arguments: object) -> None:
    """kernel(cuts[0], cuts[1], ...), kernel(cuts[1], cuts[2], ...) and so on, beside each other if there are several; the first in this thread."""
    others = []
    if len(cuts) > 2:
        pool = _pool(torch.get_num_threads(), os.getpid())
        others = [
            pool.submit(kernel, start, stop, *arguments) for start, stop in pairwise(cuts[1:])
        ]
    kernel(cuts[0], cuts[1], *arguments)
    for task in others:  # waits, and raises what a task raised
        task.result()


def cut(costs: Array) -> list[int]:
    """Where to cut a list of jobs into runs of about equal cost, a few more than there are threads."""
    threads = torch.get_num_threads()
    sums = np.cumsum(costs)
    runs = min(4 * threads, int(sums[-1]) // SMALL) if len(sums) else 1
    if threads == 1 or runs < 2:
        return [0, len(costs)]
    inner = np.searchsorted(sums, sums[-1] * np.arange(1, runs) / runs)
    return cast("list[int]", np.unique([0, *inner, len(costs)]).tolist())


def face_costs(box: Array) -> Array:
    """Pixels in each box, (B * F, 4) -> (B * F,)."""
    return (box[:, 1] - box[:, 0]) * (box[:, 3] - box[:, 2])


def row_costs(box: Array, images: int, height: int) -> Array:
    """Pairs in each row of all images, (B * F, 4) -> (B * H,): a box adds its width at its first row and takes it back after its last."""
    steps = np.zeros(images * (height + 1), dtype=np.int64)
    first = np.repeat(np.arange(images), len(box) // max(images, 1)) * (height + 1)
    width = box[:, 3] - box[:, 2]
    np.add.at(steps, first + box[:, 0], width)
    np.add.at(steps, first + box[:, 1], -width)
    return 1 + steps.reshape(images, height + 1).cumsum(1)[:, :-1].reshape(-1)


# ---------------------------------------------------------------- the operation


def _flat(x: Tensor, *shape: int) -> Array:
    """A tensor's numbers as a NumPy array of that shape, in order; without a copy where they are in order already."""
    return np.ascontiguousarray(x.detach().numpy()).reshape(shape)


def _zeros(x: Tensor) -> Tensor:
    return torch.from_numpy(np.zeros_like(x.detach().numpy(), order="C"))


def forward(
    triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> tuple[Tensor, ...]:
    """The image (B, H, W, C + 1), and what `backward` needs: box (B * F, 4), peak, den, state, winner (B * H * W,), color (C, B * H * W)."""
    images, faces = triangles.shape[:2]
    channels = background.shape[-1]
    pixels = images * o.height * o.width
    numbers = dials(o)
    flat_triangles = _flat(triangles, images * faces, 3, 3)
    flat_colors = (
        np.empty((images * faces, 3, 0), flat_triangles.dtype)
        if colors is None
        else _flat(colors, images * faces, 3, channels)
    )

    box = np.empty((images * faces, 4), np.int64)
    reach_boxes(0, images * faces, flat_triangles, box, numbers)

    # NumPy fills these, not PyTorch, whose OpenMP threads would spin for milliseconds after it, on the cores that ours are to use.
    peak = np.full(pixels, (o.eps - 1) / o.gamma)  # -1 because the faces' depth score is less 1 too
    den, state = np.ones(pixels), np.full(pixels, numba_softness.start(numbers.conorm))
    winner = np.full(pixels if o.conorm == "max" else 0, -1)
    color = background.detach().numpy().reshape(pixels, channels).T.astype(np.float64, order="C")
    image = triangles.new_empty(images, o.height, o.width, channels + 1)
    cuts = cut(row_costs(box, images, o.height))
    share_out(
        forward_rows,
        cuts,
        flat_triangles,
        flat_colors,
        box,
        peak,
        den,
        state,
        winner,
        color,
        image.view(pixels, channels + 1).numpy(),
        numbers,
    )
    return image, *map(torch.from_numpy, (box, peak, den, state, winner, color))


def backward(
    d_image: Tensor,
    triangles: Tensor,
    colors: Tensor | None,
    saved: tuple[Tensor, ...],
    wanted: tuple[bool, bool, bool],
    o: Options,
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of triangles, colours and background, those that are `wanted`; `saved` is what `forward` returned behind the image."""
    box, peak, den, state, winner, color = (x.numpy() for x in saved)
    images, faces = triangles.shape[:2]
    pixels, channels = len(peak), len(color)
    d_triangles = _zeros(triangles) if wanted[0] else None
    d_colors = _zeros(colors) if wanted[1] and colors is not None else None
    d_background = None

    if wanted[2]:
        share = torch.from_numpy(np.exp((o.eps - 1) / o.gamma - peak) / den)  # the background's
        d_background = d_image[..., :channels] * share.view(images, o.height, o.width, 1).to(
            d_image.dtype
        )
    if d_triangles is not None or d_colors is not None:
        flat_triangles = _flat(triangles, images * faces, 3, 3)
        shape = (images * faces, 3, channels)
        flat_colors = (
            np.empty(shape, flat_triangles.dtype) if colors is None else _flat(colors, *shape)
        )
        flat_image = _flat(d_image, pixels, channels + 1)
        numbers = dials(o)
        d_state = np.empty(pixels)
        backward_alpha(flat_image, state, d_state, numbers)
        outputs = [
            np.empty((0, 3, 3), flat_triangles.dtype)
            if d_triangles is None
            else d_triangles.view(-1, 3, 3).numpy()
        ]
        outputs += [
            np.empty(shape, flat_triangles.dtype)
            if d_colors is None
            else d_colors.view(shape).numpy()
        ]
        cuts = cut(face_costs(box))
        share_out(
            backward_faces,
            cuts,
            flat_triangles,
            flat_colors,
            box,
            peak,
            den,
            state,
            winner,
            color,
            flat_image,
            d_state,
            *outputs,
            wanted[0],
            numbers,
        )
    return d_triangles, d_colors, d_background


class _Rasterize(torch.autograd.Function):
    """The whole operation. `background` comes as a (B, H, W, C) view, and gets its gradient in that shape."""

    @staticmethod
    def forward(
        ctx: Any, triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
    ) -> Tensor:
        image, *saved = forward(triangles, colors, background, o)
        ctx.save_for_backward(triangles, colors, *saved)
        ctx.options = o
        return image

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, d_image: Tensor
    ) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        triangles, colors, *saved = ctx.saved_tensors
        return *backward(
            d_image, triangles, colors, tuple(saved), ctx.needs_input_grad[:3], ctx.options
        ), None


def rasterize_numba(
    triangles: Tensor, colors: Tensor | None, background: Tensor, o: Options
) -> Tensor:
    """(B, F, 3, 3) triangles, (B, F, 3, C) colours or None -> (B, H, W, C + 1). The first call compiles, or loads what an earlier process did."""
    if triangles.device.type != "cpu":
        raise ValueError(f"backend: 'numba' needs CPU tensors, got {triangles.device}")
    if MISSING:
        raise ValueError(f"backend: 'numba' cannot run here: {MISSING}")
    check_finite(triangles, colors, background)
    compile_for(triangles.dtype)
    return cast("Tensor", _Rasterize.apply(triangles, colors, background, o))


# ---------------------------------------------------------------- compiling, once


@cache
def compile_for(dtype: torch.dtype) -> None:
    """Compile the kernels for a dtype by drawing an empty batch. If numba finds no machine code on disk, say why the first call takes so long."""

    from numba.core import event

    for kernel in (reach_boxes, forward_rows, backward_alpha, backward_faces):
        forget_stale(kernel)

    class Announce(event.Listener):
        said = False

        def on_start(self, _: Any) -> None:
            if not self.said:
                self.said = True
                print(
                    f"softras-edu: compiling the CPU kernels for {dtype}, once (about 9 s)",
                    file=sys.stderr,
                    flush=True,
                )

        def on_end(self, _: Any) -> None:
            pass

    o = Options(height=1, width=1, sigma=1.0, gamma=1.0, eps=0.0, far=2.0, dist_eps=0.0)
    nothing = torch.zeros(0, 1, 3, 3, dtype=dtype)
    with event.install_listener("numba:compile", Announce()), torch.no_grad():
        image, *saved = forward(nothing, nothing, torch.zeros(0, 1, 1, 3, dtype=dtype), o)
        backward(
            image, nothing, nothing, tuple(saved), (True, True, True), o
        )  # not by autograd, which is off within an operator


def forget_stale(kernel: Any) -> None:
    """Throw away machine code on disk that is older than the formulas in it: numba itself compares its date with the kernel's own file only."""
    folder = Path(kernel.stats.cache_path or "")
    changed = max(
        Path(module.__file__ or "").stat().st_mtime
        for module in (numba_boxes, numba_pair, numba_softness)
    )
    for index in folder.glob(f"{kernel.__module__.rpartition('.')[2]}.{kernel.__name__}-*.nbi"):
        if index.stat().st_mtime < changed:
            index.unlink(missing_ok=True)


def warm() -> None:
    """Compile for float32 and for float64 now, rather than at the first call."""
    compile_for(torch.float32)
    compile_for(torch.float64)
