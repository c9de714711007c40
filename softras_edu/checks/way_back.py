"""The check of the last exercise of notebook 08: the whole way back, put together by the reader.

What one pixel pulls at each triangle is compared with autograd. Each known mistake is a gradient
of autograd's too: that of the same pixel with one of its ways cut.
"""

from __future__ import annotations

import math
from collections import namedtuple
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .. import formulas
from . import report
from .exercise import Answer, Mistake, YourTurn

# As in the notebook: what its compiled functions ask for.
Dials = namedtuple(
    "Dials", "height width sigma gamma near far least_logit euclidean perspective_correct"
)
USUAL = Dials(8, 8, 0.05, 0.1, 1.0, 10.0, -9.0, True, False)
EPS = 1e-3
ALREADY = 0.5  # what stands in d_tri and d_corner when the pair comes

MISTAKES = {
    "official": "Steps 5 and 6 are missing for colour and depth: w hangs on v, and v on the "
    "corners. That is the official kernel's gradient.",
    "log D": "d_logit has two parts. The log weight's is missing: colour knows the silhouette too.",
    "alpha": "d_logit has two parts. Alpha's is missing: d_pixel[-1] times the slope of step 1.",
    "second part": "d_logit has two parts. The second took the place of the first: add them.",
    "depth": "d_z is missing: the log weight depends on z. Hand d_z on to depth_backward.",
    "face color": "d_u is missing: the face's colour depends on u. Hand d_u on to depth_backward.",
    "clip": "d_w went on as d_v. Between w and v stands the clip (step 5).",
    "den": "The share is exp(log_weight - peak) / den. The division by den is missing.",
    "overwritten": "d_tri and d_corner hold what other pixels gave. Add to them.",
}
ALL_COUNT = "A pair that does not count gives nothing: return if not keep."


class Case(NamedTuple):
    """One pixel over three triangles: what is special, C, where it is, and the dials."""

    name: str
    channels: int
    place: tuple[float, float]
    o: Dials


CASES = (
    Case("a silhouette, the pixel outside", 0, (0.45, 0.2), USUAL),
    Case("a silhouette, the pixel inside", 0, (0.0, -0.1), USUAL),
    Case("three channels, the pixel inside", 3, (0.0, -0.1), USUAL),
    Case("three channels, the pixel outside", 3, (0.45, 0.2), USUAL),
    Case("perspective-correct colours", 2, (-0.3, 0.5), USUAL._replace(perspective_correct=True)),
    Case("the barycentric distance", 3, (0.2, 0.3), USUAL._replace(euclidean=False)),
)


class Scene(NamedTuple):
    """All that the pixel sees, float64."""

    triangles: Tensor  # (3, 3, 3); the last lies behind far and does not count
    colors: Tensor  # (3, 3, C)
    background: Tensor  # (C,)
    d_pixel: Tensor  # (C + 1,)


def _scene(case: Case) -> Scene:
    generator = torch.Generator().manual_seed(8)

    def random(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    xy = [[-0.55, -0.45], [0.6, -0.3], [-0.1, 0.6]]
    depths = [[2.0, 3.0, 4.0], [3.5, 2.5, 3.0], [11.0, 12.0, 13.0]]
    triangles = torch.empty(3, 3, 3, dtype=torch.float64)
    triangles[..., :2] = torch.tensor(xy, dtype=torch.float64) + 0.3 * random(3, 3, 2)
    triangles[..., 2] = torch.tensor(depths, dtype=torch.float64)
    channels = case.channels
    d_pixel = 2 * random(channels + 1) - 1
    return Scene(triangles, random(3, 3, channels), random(channels), d_pixel)


def _detached(weights: formulas.Weights) -> formulas.Weights:
    w0, w1, w2 = weights
    return w0.detach(), w1.detach(), w2.detach()


def _pixel(scene: Scene, case: Case, cut: str = "") -> dict[str, Tensor]:
    """The pixel by the formulas, one way cut: color, alpha, and what is saved of them.

    A cut changes no number; the gradient loses what came that way.
    """
    o, (triangles, colors, background, _) = case.o, scene
    center = torch.tensor(case.place, dtype=torch.float64)
    xy, z_corner = triangles[..., :2], triangles[..., 2]
    v = formulas.barycentric(center, xy)
    distance = "euclidean" if o.euclidean else "barycentric"
    logit = formulas.signed_logit(center, xy, v, o.sigma, distance)
    log_d, log_outside = formulas.probability_map(logit)
    w = formulas.clip_barycentric(_detached(v) if cut == "official" else v)
    if cut == "clip":  # the numbers of w, the slope of v
        w0, w1, w2 = _detached(w)
        v0, v1, v2 = _detached(v)
        w = (w0 - v0 + v[0], w1 - v1 + v[1], w2 - v2 + v[2])
    z = formulas.interpolate_depth(w, z_corner)
    keep = (logit >= o.least_logit) & (z >= o.near) & (z <= o.far)
    log_weight = formulas.log_weight(
        log_d.detach() if cut == "log D" else log_d,
        z.detach() if cut == "depth" else z,
        o.near, o.far, o.gamma,
    ).where(keep, -torch.inf)  # fmt: skip
    log_background = formulas.log_background_weight(EPS, o.gamma)
    all_weights = torch.cat([log_weight, log_weight.new_tensor([log_background])])
    peak = all_weights.detach().amax()
    u_from = (_detached(w), z_corner.detach()) if cut == "face color" else (w, z_corner)
    face_color = formulas.interpolate_color(u_from[0], colors, u_from[1], o.perspective_correct)
    color = all_weights.softmax(0) @ torch.cat([face_color, background[None]])
    log_product = log_outside.where(keep, 0.0).sum()
    lost = cut == "alpha" or (cut == "second part" and case.channels > 0)
    alpha = formulas.alpha_from_log_product(log_product.detach() if lost else log_product)
    den = (all_weights - peak).exp().sum()
    return {"color": color, "alpha": alpha, "peak": peak, "den": den, "log_product": log_product}


def _by_autograd(case: Case, cut: str = "") -> Tensor:
    """What the three triangles get, (3, 3, 3 + C): x, y, z of each corner, then its colour."""
    scene = _scene(case)
    leaves = [x.clone().requires_grad_() for x in scene[:2]]
    pixel = _pixel(scene._replace(triangles=leaves[0], colors=leaves[1]), case, cut)
    d_color, d_alpha = scene.d_pixel[:-1], scene.d_pixel[-1]
    if cut == "den":
        d_color = d_color * pixel["den"].detach()
    loss = (pixel["color"] * d_color).sum() + pixel["alpha"] * d_alpha
    if not loss.requires_grad:
        return torch.zeros(3, 3, 3 + case.channels, dtype=torch.float64)
    grads = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return torch.cat(grads, dim=-1) - (ALREADY if cut == "overwritten" else 0.0)


def _by_hand(yours: Answer, case: Case) -> Tensor:
    """The same by the reader's function, triangle by triangle."""
    scene = _scene(case)
    with torch.no_grad():
        pixel = {name: x.numpy() for name, x in _pixel(scene, case).items()}
    peak, den, log_product = (float(pixel[name]) for name in ("peak", "den", "log_product"))
    parts = []
    for tri, corner in zip(scene.triangles.numpy(), scene.colors.numpy(), strict=True):
        d_tri, d_corner = np.full_like(tri, ALREADY), np.full_like(corner, ALREADY)
        yours(
            *case.place, tri.copy(), corner.copy(), peak, den, log_product, pixel["color"].copy(),
            scene.d_pixel.numpy().copy(), d_tri, d_corner, case.o,
        )  # fmt: skip
        parts.append(np.concatenate([d_tri, d_corner], axis=1) - ALREADY)
    return torch.from_numpy(np.stack(parts))


def pair_backward(yours: Answer) -> None:
    """Compare what `yours` adds to d_tri and d_corner with autograd, one pixel and one triangle
    at a time; the arguments are those of notebook 08.

    Raises:
        Mistake: in which case it differs, and which way back is missing.
        YourTurn: a function that it calls is still a stub.
    """
    found = {}
    for case in CASES:
        try:
            found[case] = _by_hand(yours, case)
        except NotImplementedError as stub:
            raise YourTurn(str(stub)) from None
        except Exception as error:
            said = report.stopped(error, yours)
            raise Mistake(f"pair_backward, {case.name}: {said}") from None
    for case, got in found.items():
        wanted = _by_autograd(case)
        if not _same(got, wanted):
            place = f"pair_backward, {case.name}. {_diagnose(found)}"
            raise Mistake(f"{place}\n{_first_wrong(got, wanted)}")
    print(f"pair_backward: passed, {len(CASES)} cases.")


def _diagnose(found: dict[Case, Tensor]) -> str:
    """The hint of the mistake that explains the numbers of all cases."""
    if all(_same(got[:2], _by_autograd(case)[:2]) for case, got in found.items()):
        return ALL_COUNT
    for cut, hint in MISTAKES.items():
        if all(_same(got, _by_autograd(case, cut)) for case, got in found.items()):
            return hint
    return "Which of the corners' numbers are wrong: x and y, z, or the colours?"


def _same(got: Tensor, wanted: Tensor) -> bool:
    return torch.allclose(got, wanted, rtol=1e-9, atol=1e-10)


def _first_wrong(got: Tensor, wanted: Tensor) -> str:
    """Where they differ most, in words, with the numbers."""
    off = (got - wanted).abs().nan_to_num(math.inf)
    face, corner, k = (int(i) for i in torch.unravel_index(off.argmax(), off.shape))
    part = "xyz"[k] if k < 3 else f"colour {k - 3}"
    place = f"  differs most for {part} of corner {corner}, triangle {face}"
    if face == 2:
        place += ", which does not count"
    mine, right = got[face, corner, k], wanted[face, corner, k]
    return f"{place}:\n    yours      {mine:.6g}\n    expected   {right:.6g}"
