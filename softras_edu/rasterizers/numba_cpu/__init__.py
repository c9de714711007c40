"""Rung 4: one fused loop on the CPU, compiled by numba, with the backward pass derived by hand.

    pair.py           the mathematics of one (pixel, triangle) pair, each with its derivative
    lanes.py          pixels of a box, many at a time, and where their numbers rest
    silhouette.py     A_O over lanes          color.py     A_S over lanes, the online softmax
    texture.py        a texture's colour over lanes
    kernels.py        the two loops, forward and backward, and their steps
    boxes.py          where pixels and triangles are, and which pixels a triangle can reach
    numbers.py        exp, log1p and log for several lanes at once
    compiling.py      how numba compiles the functions, and what kernels take
    tasks.py          tasks for several threads
    sheets.py         derivatives that several tasks add to, a sheet for each task
    this file         autograd, compiling once
    gendr.py, distributions.py, conorms.py     GenDR's family, behind one branch in silhouette.py

`broadcast` writes every intermediate number of every (pixel, triangle) pair to memory; here a pair
lives in registers and the fastest cache. What is kept is a few numbers a pixel, and the backward
pass computes a pair once more instead of remembering it.

    all_finite       is there a number that cannot be drawn?
    reach_boxes      which pixels a triangle can touch at all; the others are never visited
    forward_rows     a task owns a band of rows. For each face, for the pixels in its box and the
                     band: add the face to the pixels
    backward_alpha   the silhouette's derivative, once a pixel
    backward_faces   a task owns a run of faces. For each face, for the pixels in its box: add the
                     pixels' gradients to the face's corners

So no two tasks ever write to the same number: no locks, and each sum has one order, whatever the
number of threads.

All arithmetic is in float64; float32 is how numbers are read and written, once each. So one set of
formulas serves both, and neither a thin triangle nor a tiny gamma loses digits on the way.
Fast-math stays off, so that a number here is the number of `broadcast`, and so that a pixel's sum
does not depend on which other pixels share a vector with it.
"""

from __future__ import annotations

import math
import sys
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ... import softness
from ...texture import FlatTexture
from ..once import differentiable_once
from ..options import Options, check_finite
from .boxes import all_finite, reach_boxes
from .compiling import GROUP, MISSING, Array, DFaces, Dials, Faces, Saved
from .conorms import no_faces
from .kernels import backward_faces, backward_pixels, forward_rows
from .sheets import backward_in_bands, backward_texels
from .tasks import LEAST_RUN, cut, cut_rows, face_costs
from .tasks import share_out as share_out

FOLDER = Path(__file__).parent


def why_not() -> str | None:
    """Why this backend cannot run here, or None if it can."""
    return MISSING


@lru_cache(maxsize=64)  # a fit asks twice a step for the same ones
def dials(o: Options) -> Dials:
    """The numbers that the kernels need."""
    least_x = softness.least_x(o.distribution, o.shape, o.shift, o.dist_eps)
    # hamacher with p = 0 is a limit that dombi with p = 1 reaches
    conorm, p = ("dombi", 1.0) if (o.conorm, o.p) == ("hamacher", 0) else (o.conorm, o.p)
    soft_rasterizer = ("logistic", True, "probabilistic")
    return Dials(
        height=o.height,
        width=o.width,
        sigma=float(o.sigma),
        gamma=float(o.gamma),
        near=float(o.near),
        far=float(o.far),
        least_logit=least_x if o.squared else least_x * abs(least_x) * o.sigma,
        reach=o.reach,
        log_background=(o.eps - 1) / o.gamma,  # less 1 / gamma, as the faces' log weights are
        euclidean=o.distance == "euclidean",
        perspective_correct=bool(o.perspective_correct),
        cull_backfaces=bool(o.cull_backfaces),
        min_doubled_area=o.min_doubled_area,
        min_depth=o.min_depth,
        pitch=o.width + GROUP - 1,
        gendr=(o.distribution, bool(o.squared), o.conorm) != soft_rasterizer,
        squared=bool(o.squared),
        distribution=softness.DISTRIBUTIONS.index(o.distribution),
        shape=float(o.shape),
        shift=float(o.shift),
        log_gamma=math.lgamma(o.shape + 1),
        conorm=softness.CONORMS.index(conorm),
        p=float(p),
        no_faces=no_faces(softness.CONORMS.index(conorm)),
    )


# ---------------------------------------------------------------- the operation


def _flat(x: Tensor, *shape: int) -> Array:
    """A tensor's numbers as a NumPy array of that shape; without a copy where they are in order."""
    return np.ascontiguousarray(x.detach().numpy()).reshape(shape)


def _zeros(x: Tensor) -> Tensor:
    """Zeros like x. NumPy's, not PyTorch's: see `forward`."""
    return torch.from_numpy(np.zeros_like(x.detach().numpy(), order="C"))


def _faces(
    triangles: Tensor,
    colors: Tensor | None,
    box: Array,
    channels: int,
    texture: FlatTexture | None,
) -> Faces:
    """Triangles, colours and texture as the kernels take them."""
    flat = _flat(triangles, len(box), 3, 3)
    shape = len(box), 3, channels
    flat_colors = np.empty(shape, flat.dtype) if colors is None else _flat(colors, *shape)
    if texture is None:
        nothing = np.empty((0, 3, 2), flat.dtype), np.empty((0, 0), flat.dtype)
        return Faces(flat, flat_colors, box, *nothing, np.empty((0, 4), np.int64))
    texels = _flat(texture.texels, len(texture.texels), channels)
    uv, where = _flat(texture.uv, len(box), 3, 2), _flat(texture.where, len(box), 4)
    return Faces(flat, flat_colors, box, uv, texels, where)


def _backdrop(background: Tensor, images: int, o: Options) -> Array:
    """A background (B, H, W, C) -> (B * H, W, C); or (1, 1, C), if it is one colour."""
    channels = background.shape[-1]
    if images and background.stride()[:3] == (0, 0, 0):
        return _flat(background[0, 0, 0], 1, 1, channels)
    return _flat(background, images * o.height, o.width, channels)


def places(images: int, o: Options) -> int:
    """How many pixels have a place in memory: see `Saved`."""
    return images * o.height * (o.width + GROUP - 1) + GROUP


def room(images: int, channels: int, o: Options) -> Saved:
    """Empty arrays for what the forward pass keeps.

    They are one block: the system takes several large ones back each time that they are free, and
    fetching their pages anew takes as long as a fifth of the drawing.
    """
    pixels = places(images, o)
    block = np.empty((3 + channels, pixels))
    peak, den, lift_sum = block[:3]
    winner = np.empty(pixels if o.conorm == "max" else 0, np.int64)
    block[:, -GROUP:], den[-GROUP:], winner[-GROUP:] = 0.0, 1.0, -1  # the blank group
    return Saved(peak, den, lift_sum, winner, block[3:])


def forward(
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor,
    o: Options,
    texture: FlatTexture | None = None,
) -> tuple[Tensor, ...]:
    """The image (B, H, W, C + 1); then box (B * F, 4) and the parts of `Saved`, for `backward`.

    ValueError from `check_finite`.
    """
    images, faces = triangles.shape[:2]
    channels = background.shape[-1]
    box = np.empty((images * faces, 4), np.int64)
    drawn, numbers = _faces(triangles, colors, box, channels, texture), dials(o)
    back = _backdrop(background, images, o)
    if not all_finite(drawn.triangles, drawn.colors, back):
        check_finite(triangles, colors, background)  # which says what is wrong
    reach_boxes(0, len(box), drawn.triangles, box, numbers)
    # NumPy fills these, not PyTorch, whose OpenMP threads would spin for milliseconds after it, on
    # the cores that ours are to use.
    saved = room(images, channels, o)
    image = triangles.new_empty(images, o.height, o.width, channels + 1)
    flat_image = image.view(images * o.height, o.width, channels + 1).numpy()
    share_out(
        forward_rows, cut_rows(box, images, o.height), drawn, back, saved, flat_image, numbers
    )
    return image, torch.from_numpy(box), *map(torch.from_numpy, saved)


def backward(
    d_image: Tensor,
    triangles: Tensor,
    colors: Tensor | None,
    saved: tuple[Tensor, ...],
    wanted: tuple[bool, ...],
    o: Options,
    *,
    through_weights: bool = True,
    texture: FlatTexture | None = None,
) -> tuple[Tensor | None, ...]:
    """Gradients of triangles, colours and background, and of a texture's uv and texels: those that
    are `wanted`, else None.

    `saved` is what `forward` returned behind the image. through_weights=False gives the truncated
    gradient of the official CUDA kernel: see `backward_faces`.
    """
    box, *parts = (x.numpy() for x in saved)
    kept, numbers = Saved(*parts), dials(o)
    images, channels = len(triangles), len(kept.color)
    inputs = (triangles, colors, *(texture[:2] if texture else ()))  # of `backward_faces`
    asked = (*wanted[:2], *wanted[3:])
    d_inputs = [
        _zeros(x) if want and x is not None else None
        for x, want in zip(inputs, asked, strict=bool(texture))
    ]
    d_background = None

    if wanted[2]:
        share = np.exp(numbers.log_background - kept.peak) * kept.den  # which is 1 / den
        share = share[:-GROUP].reshape(images, o.height, numbers.pitch, 1)[:, :, : o.width]
        d_background = d_image[..., :channels] * torch.from_numpy(share).to(d_image.dtype)
    if any(x is not None for x in d_inputs):
        drawn = _faces(triangles, colors, box, channels, texture)
        flat_image = _flat(d_image, images * o.height, o.width, channels + 1)
        d_pixels = np.empty((channels + 1, len(kept.peak)))
        d_pixels[:, -GROUP:] = 0.0  # the blank group
        backward_pixels(0, len(flat_image), flat_image, kept.lift_sum, d_pixels, numbers)
        d_faces = _outputs(drawn, d_inputs)
        given = drawn, kept, d_pixels
        rest = wanted[0], through_weights, numbers
        costs = face_costs(box)
        if texture is not None and d_inputs[3] is not None:
            backward_texels(given, d_faces, rest, costs, d_inputs[3])
        elif costs.max(initial=0) > max(costs.sum() // 4, 2 * LEAST_RUN):
            backward_in_bands(given, d_faces, rest, images)
        else:
            share_out(backward_faces, cut(costs), *given, d_faces, *rest)
    return d_inputs[0], d_inputs[1], d_background, *d_inputs[2:]


def _outputs(drawn: Faces, d_inputs: list[Tensor | None]) -> DFaces:
    """Where the kernel writes derivatives of triangles, colours and uv; none yet for texels."""
    dtype, (d_triangles, d_colors, d_uv, _) = drawn.triangles.dtype, [*d_inputs, None, None][:4]
    return DFaces(
        np.empty((0, 3, 3), dtype) if d_triangles is None else d_triangles.view(-1, 3, 3).numpy(),
        np.zeros_like(drawn.colors)
        if d_colors is None
        else d_colors.view(drawn.colors.shape).numpy(),
        np.empty((0, 3, 2), dtype) if d_uv is None else d_uv.view(-1, 3, 2).numpy(),
        np.empty((0, drawn.texels.shape[1])),
    )


class _Rasterize(torch.autograd.Function):
    """The whole operation. `background` is a (B, H, W, C) view; its gradient has that shape.

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
        flat = FlatTexture(*texture) if texture else None
        image, *saved = forward(triangles, colors, background, o, flat)
        ctx.save_for_backward(triangles, colors, *texture, *saved)
        ctx.options, ctx.textured = o, bool(texture)
        return image

    @staticmethod
    def backward(ctx: Any, d_image: Tensor) -> tuple[Tensor | None, ...]:
        triangles, colors, *rest = ctx.saved_tensors
        texture = FlatTexture(*rest[:3]) if ctx.textured else None
        saved = tuple(rest[3:] if ctx.textured else rest)
        wanted = ctx.needs_input_grad[1:6]
        grads = backward(d_image, triangles, colors, saved, wanted, ctx.options, texture=texture)
        depend_on = (d_image, triangles, colors, *(texture[:2] if texture else ()))
        grads = differentiable_once("numba", grads, depend_on)
        return None, *grads, *([None] if ctx.textured else [])


def rasterize_numba(
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor,
    o: Options,
    texture: FlatTexture | None = None,
) -> Tensor:
    """(B, F, 3, 3) triangles, (B, F, 3, C) colours or None -> (B, H, W, C + 1).

    The first call compiles, or loads what an earlier process compiled. ValueError if numba is
    missing, if a tensor is not on the CPU, and from `check_finite`.
    """
    if triangles.device.type != "cpu":
        raise ValueError(f"backend: 'numba' needs CPU tensors, got {triangles.device}")
    if MISSING:
        raise ValueError(f"backend: 'numba' cannot run here: {MISSING}")
    compile_for(triangles.dtype)
    return cast("Tensor", _Rasterize.apply(o, triangles, colors, background, *(texture or ())))


# ---------------------------------------------------------------- compiling, once


@cache
def compile_for(dtype: torch.dtype) -> None:
    """Compile the kernels for a dtype by drawing an empty batch.

    If numba finds no machine code on disk, say on stderr why the first call takes so long.
    """
    from numba.core import event

    for kernel in (all_finite, reach_boxes, forward_rows, backward_pixels, backward_faces):
        forget_stale(kernel)

    class Announce(event.Listener):
        said = False

        def on_start(self, _: Any) -> None:
            if not self.said:
                self.said = True
                print(
                    f"softras-edu: compiling the CPU kernels for {dtype}, once (10 to 40 s)",
                    file=sys.stderr,
                    flush=True,
                )

        def on_end(self, _: Any) -> None:
            pass

    o = Options(height=1, width=1, sigma=1.0, gamma=1.0, eps=0.0, far=2.0, dist_eps=0.0)
    nothing = torch.zeros(0, 1, 3, 3, dtype=dtype)
    with event.install_listener("numba:compile", Announce()), torch.no_grad():
        image, *saved = forward(nothing, nothing, torch.zeros(0, 1, 1, 3, dtype=dtype), o)
        # not by autograd, which is off within an operator
        backward(image, nothing, nothing, tuple(saved), (True, True, True), o)


def forget_stale(kernel: Any) -> None:
    """Throw away machine code on disk that is older than any file of this folder.

    numba itself compares its date with that of the kernel's own file only, and the formulas that
    are inlined into a kernel stand in others.
    """
    stats = getattr(kernel, "stats", None)  # NUMBA_DISABLE_JIT=1: a kernel is a Python function
    if stats is None or not stats.cache_path:
        return
    name = f"{kernel.__module__.rpartition('.')[2]}.{kernel.__name__}-*.nbi"
    try:  # in a zip there are no files; another process may be throwing away the same ones
        changed = max((file.stat().st_mtime for file in FOLDER.glob("*.py")), default=0.0)
        for index in Path(stats.cache_path).glob(name):
            if index.stat().st_mtime < changed:
                index.unlink(missing_ok=True)
    except OSError:
        pass  # trouble with a cache is no reason not to draw


def warm() -> None:
    """Compile for float32 and for float64 now, rather than at the first call."""
    compile_for(torch.float32)
    compile_for(torch.float64)
