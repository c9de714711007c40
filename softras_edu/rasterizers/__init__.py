"""`rasterize`: one operation, one implementation a file, each readable beside the one before.

hard.py        the z-buffer that soft rasterization replaces      nmr.py  a gradient made by hand
two_passes.py  hard colours with soft alpha, SoftRas's sum: two passes of what is here
loops.py       1  plain Python loops: the paper's sums, literally
broadcast.py   2  naive PyTorch broadcasting: every pixel against every triangle
pairs.py       3  the same formulas on the pairs that matter
numba_cpu/     4  one fused loop a pixel on the CPU, forward and hand-derived backward
triton_gpu/    5  the same loop as Triton kernels on the GPU
options.py     what every rung is told, checked once              ladder.py  which rung serves
tiles.py       what is drawable, and what can reach which pixel   compile_op.py  torch.compile
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..softness import check_softness
from ..texture import Texture
from . import ladder
from .hard import rasterize_hard
from .ladder import RUNGS, backends
from .options import (
    Options,
    check_choice,
    check_colors,
    check_depths,
    check_finite,
    check_positive,
    check_size,
    check_texture,
    check_transforms,
    check_triangles,
    expand_background,
    is_real,
)
from .two_passes import hard_color, mean_probability

__all__ = ["backends", "rasterize", "rasterize_hard"]


def rasterize(
    triangles: Tensor,
    colors: Tensor | None = None,
    *,
    size: int | tuple[int, int],
    texture: Texture | None = None,
    sigma: float = 1e-4,
    gamma: float = 1e-4,
    background: float | Tensor = 0.0,
    eps: float = 1e-3,
    near: float = 1.0,
    far: float = 100.0,
    dist_eps: float = 1e-4,
    distance: str = "euclidean",
    distribution: str = "logistic",
    squared: bool = True,
    shape: float | None = None,
    shift: float | None = None,
    conorm: str = "probabilistic",
    p: float | None = None,
    aggregate: str = "softmax",
    perspective_correct: bool = False,
    cull_backfaces: bool = False,
    backend: str = "auto",
) -> Tensor:
    """Soft-rasterize screen triangles (Liu et al., ICCV 2019, arXiv 1904.01786, section 3).

    The gradient is the whole derivative of the image with respect to triangles (x, y and z),
    colours, background, and a texture's pictures and places, the paths through barycentric colour
    and depth included, which the official CUDA kernel leaves out.

    Args:
        triangles: (B, F, 3, 3) or (F, 3, 3), float32 or float64. Each corner is x, y in NDC (y up,
            the image's height spans [-1, 1], pixels are square) and z, the depth along the view
            axis in world units, positive in front.
        colors: (B, F, 3, C) or (F, 3, C), one colour a corner, any C >= 1. None draws the
            silhouette alone, which is cheaper.
        size: H = W, or (H, W), in pixels.
        texture: a `Texture`: its colour at each pixel multiplies the colour of the triangle there
            (white, for colors=None). A pixel outside a triangle sees the place on its boundary from
            where it takes its colour. On a GPU it makes the host wait for the device once more.
        sigma: blur of the probability map D = F(x), x = +-d2 / sigma, in NDC squared, so it does
            not depend on the resolution. (With squared=False x = +-d / sigma, and sigma is in NDC.)
        gamma: temperature of the softmax over depth, W_j ~ D_j exp(zn_j / gamma),
            zn = (far - z) / (far - near) in [0, 1].
        background: a number, or a tensor that broadcasts to (B, H, W, C): (C,) for one colour,
            (H, W, C) for a picture.
        eps: the background weighs exp(eps / gamma) in that softmax (the paper's epsilon).
        near, far: depths outside [near, far] are left out, pixel by pixel.
        dist_eps: pairs of pixel and triangle with D < dist_eps are left out of colour and alpha.
            0 keeps every pair with D > 0.
        distance: "euclidean", d2 on the screen; or "barycentric", the smallest barycentric weight
            squared (the paper's alternative).
        distribution: F, how an edge fades: one of the 18 in `softness.DISTRIBUTIONS` (GenDR,
            arXiv 2204.13845). The Soft Rasterizer's is "logistic", F = sigmoid.
        squared: measure the squared distance, as the Soft Rasterizer does, or the distance itself.
        shape: of gamma and gamma_rev, from 0.1 to 100; None is 2.
        shift: of exponential, gamma, levy and their _rev: they act on x + shift; None is 0.
        conorm: how triangles add up to alpha: one of the 10 in `softness.CONORMS` (GenDR). The
            Soft Rasterizer's is "probabilistic", 1 - prod(1 - D). Colours are mixed by the same
            softmax for all. Or "sum", another rule in the code of the Soft Rasterizer, which is no
            conorm: sum(D) / F. (Its kernel also adds triangles outside near and far; this one
            leaves them out, as everywhere.) It costs a second pass.
        p: of hamacher (None is 0), frank, yager, aczel_alsina, dombi (None is 2) and
            schweizer_sklar (None is -2); of "sum", what the sum is divided by (None is F).
        aggregate: how triangles share a pixel's colour: "softmax" over depth, A_S; or "hard", the
            nearest triangle over the pixel's centre, as in `rasterize_hard` (sigma, gamma and eps
            do not count, nor has it their gradient). Alpha stays soft. It costs a second pass.
        perspective_correct: interpolate colours and places on a texture in the world, not on the
            screen (the paper: on the screen).
        cull_backfaces: leave out triangles whose corners run clockwise on the screen.
        backend: "auto", or a key of `backends()`. A backend that was named and cannot serve raises;
            it never falls back.

    A triangle is left out when a corner is at or behind the eye (z <= 1e-12) or its doubled screen
    area is below 1e-12. Nothing else ever is: there is no limit on faces per pixel.

    Returns:
        (B, H, W, C + 1), or (H, W, C + 1) for unbatched triangles: colour channels, then silhouette
        alpha; dtype and device as given.

    Raises:
        ValueError: bad shapes, dtypes, devices or numbers; the message names the argument, what it
            got and what it wanted.
    """
    height, width = check_size(size)
    check_triangles(triangles)
    check_colors(colors, triangles)
    divisor, sums = p, conorm == "sum"
    if sums:
        conorm, p = "probabilistic", None  # of the pass that draws the colours
        check_positive(p=1.0 if divisor is None else divisor)
    shape, shift, p = check_softness(distribution, squared, shape, shift, conorm, p)
    check_positive(sigma=sigma, gamma=gamma)
    check_depths(near, far)
    if not is_real(eps) or not 0 <= eps < float("inf"):
        raise ValueError(f"eps: got {eps!r}, wanted a finite number >= 0")
    if not is_real(dist_eps) or not 0 <= dist_eps < 0.5:
        raise ValueError(f"dist_eps: got {dist_eps!r}, wanted a probability in [0, 0.5)")
    check_choice("distance", distance, ("euclidean", "barycentric"))
    check_choice("aggregate", aggregate, ("softmax", "hard"))
    check_choice("backend", backend, ("auto", *RUNGS))

    options = Options(
        height=height,
        width=width,
        sigma=sigma,
        gamma=gamma,
        eps=eps,
        near=near,
        far=far,
        dist_eps=dist_eps,
        distance=distance,
        perspective_correct=perspective_correct,
        cull_backfaces=cull_backfaces,
        distribution=distribution,
        squared=squared,
        shape=shape,
        shift=shift,
        conorm=conorm,
        p=p,
    )
    batched = triangles.dim() == 4
    if not batched:
        triangles = triangles[None]
        colors = None if colors is None else colors[None]
    texels = check_texture(texture, triangles, colors)
    if texels is not None and colors is None:
        channels = texels.texels.shape[-1]
        colors = triangles.new_ones(()).expand(*triangles.shape[:-1], channels)
    channels = 0 if colors is None else colors.shape[-1]
    back = expand_background(background, triangles, (len(triangles), height, width, channels))
    name = ladder.choose(backend, triangles.device)
    check_transforms(name, triangles, colors)
    hard = colors if aggregate == "hard" else None
    looks_itself = name in ("numba", "triton") and hard is None
    if not looks_itself:
        check_finite(triangles, colors, back)
    draw = ladder.load(name)
    more = [] if texels is None else [texels]
    if hard is not None:
        alpha = draw(triangles, None, back[..., :0], options)
        color = hard_color(triangles, hard, back, options, *more)
        image = torch.cat([color, alpha], dim=-1)
    else:
        image = draw(triangles, colors, back, options, *more)
    if sums:
        alpha = mean_probability(draw, triangles, options, divisor)
        image = torch.cat([image[..., :-1], alpha], dim=-1)
    return image if batched else image[0]
