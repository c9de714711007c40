"""Scenes with names, on which the kernels are compared with `broadcast`: everything ugly that a
picture can have, more than one tile each way, several groups of channels, and a sample of GenDR's
family.

The image jumps where a pair is left out (D = dist_eps, z at near or far), and its slope jumps where
two edges of a triangle are equally near. There one ulp decides, and nothing can be compared. So
scenes are random with fixed seeds and keep every pair (dist_eps = 0), but for a few that are about
the cuts; those are compared in float64 only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ...softness import CONORMS, DISTRIBUTIONS

BOTH = ("float64", "float32")
PLAIN = {"sigma": 0.02, "gamma": 0.02, "dist_eps": 0.0}


@dataclass(frozen=True)
class Scene:
    """What is drawn, and how.

    Attributes:
        triangles: (B, F, 3, 3) or (F, 3, 3), float64, on the CPU.
        colors: (B, F, 3, C) or (F, 3, C), or None for a silhouette.
        options: of `rasterize`, beside PLAIN.
        background: a tensor that broadcasts to (B, H, W, C), or None for 0.
        dtypes: in which the kernels are compared.
        float32: the tolerance in float32, of the largest number of a tensor.
        rounding: what a depth's last bit may do to the logarithm of a weight, as a multiple of the
            ulp: it is allowed beside the tolerance.
    """

    triangles: Tensor
    colors: Tensor | None
    options: dict[str, Any] = field(default_factory=dict)
    background: Tensor | None = None
    dtypes: tuple[str, ...] = BOTH
    rounding: float = 0.0
    float32: float = 1e-4


SCENES: dict[str, Callable[[], Scene]] = {}
LARGE: set[str] = set()  # too slow for the interpreter


def scene(name: str, large: bool = False) -> Callable[[Callable[[], Scene]], Callable[[], Scene]]:
    """Enter a function under a name."""

    def enter(build: Callable[[], Scene]) -> Callable[[], Scene]:
        SCENES[name] = build
        if large:
            LARGE.add(name)
        return build

    return enter


def soup(seed: int, *lead: int, channels: int | None = 3) -> tuple[Tensor, Tensor | None]:
    """Random triangles (*lead, 3, 3) in front of the eye, partly off the screen, and colours."""
    generator = torch.Generator().manual_seed(seed)
    low, high = torch.tensor([-1.2, -1.2, 2.0]), torch.tensor([1.2, 1.2, 6.0])
    corners = torch.rand(*lead, 3, 3, generator=generator, dtype=torch.float64)
    triangles = low + (high - low) * corners
    if channels is None:
        return triangles, None
    return triangles, torch.rand(*lead, 3, channels, generator=generator, dtype=torch.float64)


def picture(seed: int, *shape: int) -> Tensor:
    """A random background (..., C)."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain(seed: int, *lead: int, size: Any, channels: int | None = 3, **options: Any) -> Scene:
    """A soup with PLAIN options, but for those given."""
    return Scene(*soup(seed, *lead, channels=channels), options={"size": size, **options})


# ---------------------------------------------------------------- shapes


def _simple(name: str, *arguments: Any, **options: Any) -> None:
    SCENES[name] = lambda: plain(*arguments, **options)


_simple("one-face", 1, 1, size=(7, 13))
_simple("no-faces", 2, 1, 0, size=(5, 4))
_simple("one-pixel", 3, 2, size=(1, 1))
_simple("one-row", 4, 2, size=(1, 9))
_simple("one-column", 5, 2, size=(9, 1))
_simple("silhouette", 6, 3, size=(9, 12), channels=None)
_simple("tiles-each-way", 7, 2, size=(17, 26), sigma=0.005)
_simple("one-channel", 8, 2, size=(6, 9), channels=1)
_simple("nineteen-channels", 9, 2, size=(5, 9), channels=19)
_simple("barycentric", 10, 2, size=(9, 6), distance="barycentric")
_simple("perspective", 11, 2, size=(9, 6), perspective_correct=True)
_simple("no-back-faces", 12, 4, size=(8, 8), cull_backfaces=True)
_simple("distance-itself", 13, 2, size=(8, 8), squared=False, sigma=0.1)
_simple("large-sigma", 14, 2, size=(8, 9), sigma=1.0, gamma=1.0)
_simple("eps-in-range", 15, 2, size=(8, 9), eps=0.6, far=10.0)


@scene("batch")
def batch() -> Scene:
    """Three images, each with a background of its own."""
    triangles, colors = soup(16, 3, 2)
    return Scene(triangles, colors, {"size": (9, 4)}, picture(16, 3, 9, 4, 3))


@scene("strided")
def strided() -> Scene:
    """Inputs that are not contiguous, and one background colour for all pixels."""
    triangles, colors = soup(17, 1, 3)
    assert colors is not None
    turned = triangles.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    every_other = torch.stack([colors, -colors], dim=-1)[..., 0]
    return Scene(turned, every_other, {"size": (5, 9)}, picture(17, 3))


# ---------------------------------------------------------------- triangles


@scene("degenerate")
def degenerate() -> Scene:
    """Coincident corners, and no area, among sound triangles."""
    triangles, colors = soup(20, 4)
    triangles[1, 2] = triangles[1, 0]
    triangles[2, :, :2] = triangles[2, :1, :2]
    return Scene(triangles, colors, {"size": (7, 6)})


@scene("behind-the-eye")
def behind_the_eye() -> Scene:
    """One corner behind the eye, one on its plane: neither triangle is drawn; the third is."""
    triangles, colors = soup(21, 3)
    triangles[0, 0, 2] = -1.0
    triangles[1, 1, 2] = 0.0
    return Scene(triangles, colors, {"size": (7, 6)})


@scene("off-screen")
def off_screen() -> Scene:
    """All triangles beside the picture: their blur alone reaches it."""
    triangles, colors = soup(22, 2)
    return Scene(triangles + torch.tensor([2.0, -1.0, 0.0]), colors, {"size": (6, 7)})


@scene("tiny")
def tiny() -> Scene:
    """Triangles of a hundredth of the screen. Far pixels lose digits of their weights, a cross
    product over an area of 1e-4, so float64 only."""
    triangles, colors = soup(23, 3)
    small = triangles[:, :1] + (triangles - triangles[:, :1]) * torch.tensor([1e-2, 1e-2, 1.0])
    return Scene(small, colors, {"size": (7, 6)}, dtypes=("float64",))


@scene("huge")
def huge() -> Scene:
    """Triangles of a thousand screens."""
    triangles, colors = soup(24, 2)
    return Scene(triangles * torch.tensor([1e3, 1e3, 1.0]), colors, {"size": (6, 9)})


# ---------------------------------------------------------------- the dials at their ends, the cuts


def _hard(name: str, seed: int, gamma: float, **options: Any) -> None:
    # A depth's last bit (2**-52 of up to 6) over (far - near) gamma enters a weight's logarithm.
    def build() -> Scene:
        made = plain(seed, 3, size=(5, 9), gamma=gamma, **options)
        return Scene(
            made.triangles,
            made.colors,
            made.options,
            dtypes=("float64",),
            rounding=100 * 6 / (99 * gamma),
        )

    SCENES[name] = build


_hard("small-sigma", 30, 0.02, sigma=1e-7)
_hard("small-gamma", 31, 1e-7)
_hard("both-small", 32, 1e-7, sigma=1e-7)


@scene("cut-at-dist-eps")
def cut_at_dist_eps() -> Scene:
    """Pairs with D < 1e-4 are left out, on a picture of several tiles."""
    made = plain(33, 3, size=(18, 11), sigma=1e-3, dist_eps=1e-4)
    return Scene(made.triangles, made.colors, made.options, dtypes=("float64",))


@scene("cut-at-near-and-far")
def cut_at_near_and_far() -> Scene:
    """Depths 2 ... 6, cut at 3 and 5."""
    made = plain(34, 3, size=(8, 7), near=3.0, far=5.0)
    return Scene(made.triangles, made.colors, made.options, dtypes=("float64",))


# ---------------------------------------------------------------- many


@scene("sphere", large=True)
def sphere() -> Scene:
    """The benchmark's own kind of scene: 320 faces around, two views, sigma 1e-4, cut."""
    from ..case import Case
    from ..case import Scene as Sphere

    made = Sphere.of(Case(48, 2, 1e-4, 2), "cpu")
    triangles = made.triangles().detach().double()
    colors = made.corner_colors().detach().double()
    return Scene(triangles, colors, {"size": 48, "sigma": 1e-4, "gamma": 1e-4, "dist_eps": 1e-4},
                 dtypes=("float64",), rounding=100 * 6 / (99 * 1e-4))  # fmt: skip


@scene("sphere-all-pairs", large=True)
def sphere_all_pairs() -> Scene:
    """The same, every pair kept, softer; float32 too."""
    made = sphere()
    return Scene(made.triangles, made.colors, {"size": 40, "sigma": 1e-3, "gamma": 0.01})


@scene("many-faces", large=True)
def many_faces() -> Scene:
    """300 random faces on 75 x 100 pixels: long lists, 130 tiles."""
    return plain(40, 300, size=(75, 100), sigma=1e-3, gamma=0.05)


@scene("nine-thousand-faces", large=True)
def nine_thousand_faces() -> Scene:
    """So many faces that none is cut into stripes."""
    return plain(41, 9000, size=(9, 10), sigma=1e-3, gamma=0.1)


@scene("one-face-on-a-large-picture", large=True)
def one_face_on_a_large_picture() -> Scene:
    """One face, cut into as many stripes as there are rows of blocks."""
    return plain(42, 1, size=(500, 300), sigma=0.01)


# ---------------------------------------------------------------- GenDR


def gendr_sample() -> dict[str, dict[str, Any]]:
    """Every distribution once, squared and not by turns, with the conorms by turns: options by
    name."""
    sample = {}
    for k, distribution in enumerate(DISTRIBUTIONS):
        conorm = CONORMS[k % len(CONORMS)]
        name = f"gendr-{distribution}-{conorm}".replace("_", "-")
        chosen = {"distribution": distribution, "conorm": conorm, "squared": k % 3 != 0}
        sample[name] = chosen | {"sigma": 0.3, "gamma": 0.3, "eps": 0.6, "far": 10.0}
    return sample


GENDR = gendr_sample()


def _gendr(name: str) -> None:
    def build() -> Scene:
        triangles, colors = soup(20, 3, channels=1)
        return Scene(triangles, colors, {"size": (3, 4), **GENDR[name]}, float32=1e-3)

    SCENES[name] = build


for _name in GENDR:
    _gendr(_name)


def chosen(rehearsal: bool) -> list[str]:
    """The names of the scenes to compare, in order; a rehearsal leaves out what takes minutes."""
    if not rehearsal:
        return list(SCENES)
    few = list(GENDR)[::6]
    return [name for name in SCENES if name not in LARGE and (name not in GENDR or name in few)]
