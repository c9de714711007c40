"""The scenes of `frozen.py`: every rung, option and dtype, through the public API only."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

os.environ.setdefault("TRITON_INTERPRET", "1")  # Triton reads it when it is imported

import torch
from torch import Tensor

from softras_edu import (
    Camera,
    Lights,
    Mesh,
    backends,
    cube,
    fit,
    icosphere,
    losses,
    rasterize,
    rasterize_hard,
    render,
    screen_triangles,
    teapot,
    torus,
)

DISTRIBUTIONS = (
    "hard", "uniform", "cubic_hermite", "wigner_semicircle", "gaussian", "laplace", "logistic",
    "hyperbolic_secant", "cauchy", "reciprocal", "gumbel_max", "gumbel_min", "exponential",
    "exponential_rev", "gamma", "gamma_rev", "levy", "levy_rev",
)  # fmt: skip
CONORMS = (
    "hard", "max", "probabilistic", "einstein", "hamacher", "frank", "yager", "aczel_alsina",
    "dombi", "schweizer_sklar",
)  # fmt: skip
SHAPES = {"gamma": (None, 0.7), "gamma_rev": (None, 3.5)}
SHIFTS = {"exponential": (None, 0.5), "gamma": (None, 1.0), "levy": (None, -0.3)}
PARAMETERS: dict[str, tuple[float | None, ...]] = {
    "hamacher": (None, 0.5, 3.0),
    "frank": (None, 0.3),
    "yager": (None, 0.7),
    "aczel_alsina": (None, 1.5),
    "dombi": (None, 0.5),
    "schweizer_sklar": (None, -0.5),
}


class Scene(NamedTuple):
    """`draw(**inputs)` is the image; the gradients are those of `inputs`."""

    name: str  # rung/dtype/what
    draw: Callable[..., Tensor]
    inputs: dict[str, Tensor]


# ---------------------------------------------------------------- triangles


def soup(seed: int, faces: int) -> Tensor:
    """Random triangles in front of the eye, partly off the screen: (F, 3, 3)."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(faces, 3, 3, generator=generator, dtype=torch.float64)
    return corners * torch.tensor([2.8, 2.8, 4.0]) + torch.tensor([-1.4, -1.4, 2.0])


def fan(seed: int, faces: int) -> Tensor:
    """Triangles around one corner, each sharing an edge with the next."""
    rim = soup(seed, faces + 1)[:, 0]
    return torch.stack([soup(seed + 1, 1)[0, 0].expand(faces, 3), rim[:-1], rim[1:]], dim=1)


def undrawable(seed: int, faces: int) -> Tensor:
    """Coincident corners, no area, a corner on the eye's plane or behind, among sound ones."""
    triangles = soup(seed, faces)
    triangles[0, 2] = triangles[0, 0]
    triangles[1, 2, :2] = triangles[1, :2, :2].mean(0)
    triangles[2, 1, 2] = 0.0
    triangles[3, :, 2] *= -1
    return triangles


def moved(seed: int, faces: int) -> Tensor:
    """Most of them outside the picture."""
    return soup(seed, faces) + torch.tensor([1.5, -1.0, 0.0], dtype=torch.float64)


def small(seed: int, faces: int) -> Tensor:
    triangles = soup(seed, faces)
    return triangles[:, :1] + (triangles - triangles[:, :1]) * torch.tensor([1e-2, 1e-2, 1.0])


def crossing(seed: int, faces: int) -> Tensor:
    """Each goes through the near plane or the far one."""
    triangles = soup(seed, faces)
    triangles[::2, 0, 2] = 0.1
    triangles[1::2, 1, 2] = 400.0
    return triangles


def numbers(seed: int, *shape: int) -> Tensor:
    """Random numbers in [0, 1)."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class Kind(NamedTuple):
    """A scene without its rung and its dtype."""

    name: str
    triangles: Tensor
    channels: int | None
    background: Tensor | None
    options: dict[str, Any]


def kinds() -> Iterator[Kind]:
    """One change at a time, then several together."""
    usual: dict[str, Any] = {"size": (5, 6), "sigma": 0.02, "gamma": 0.02, "dist_eps": 0.0}
    five, pair = soup(1, 5), torch.stack([soup(2, 4), soup(3, 4)])

    def kind(
        name: str,
        triangles: Tensor = five,
        channels: int | None = 3,
        back: Tensor | None = None,
        **changes: Any,
    ) -> Kind:
        return Kind(name, triangles, channels, back, {**usual, **changes})

    yield kind("rgb")
    yield kind("silhouette", channels=None)
    yield kind("one-channel", channels=1)
    yield kind("seven-channels", channels=7)
    yield kind("batch", pair, back=numbers(4, 2, 5, 6, 3))
    yield kind("batch-silhouette", pair, None, dist_eps=1e-4)
    yield kind("empty-batch", pair[:0])
    yield kind("background-color", back=numbers(5, 3))
    yield kind("background-picture", back=numbers(6, 5, 6, 3), eps=0.6)
    yield kind("background-number", background=0.7, eps=0.97)
    yield kind("cut", dist_eps=1e-4, sigma=1e-3, size=(7, 13))
    yield kind("cut-coarse", dist_eps=0.1, sigma=0.1)
    yield kind("barycentric", distance="barycentric")
    yield kind("barycentric-cut", distance="barycentric", dist_eps=1e-4, channels=None)
    yield kind("perspective", perspective_correct=True)
    yield kind("cull", torch.cat([five, five.flip(1)]), cull_backfaces=True)
    yield kind(
        "barycentric-perspective-cull-batch", pair, 4, numbers(7, 4),
        distance="barycentric", perspective_correct=True, cull_backfaces=True, dist_eps=1e-4,
    )  # fmt: skip
    yield kind("near-far", near=3.0, far=5.0)
    yield kind("crossing-near-far", crossing(8, 5))
    yield kind("plain-defaults", sigma=1e-4, gamma=1e-4, dist_eps=1e-4, size=(7, 13))
    for sigma in (1e-7, 1.0):
        for gamma in (1e-7, 1.0):
            yield kind(f"sigma-{sigma:g}-gamma-{gamma:g}", sigma=sigma, gamma=gamma)
    yield kind("sigma-1e-5-cut", sigma=1e-5, gamma=1e-3, dist_eps=1e-4, squared=True)
    yield kind("distance-not-squared", squared=False, sigma=0.1)
    yield kind("distance-not-squared-cut", squared=False, sigma=0.05, dist_eps=1e-3)
    yield kind("no-face", five[:0], back=numbers(9, 3))
    yield kind("no-face-silhouette-batch", pair[:, :0], None)
    yield kind("undrawable", undrawable(10, 6), dist_eps=1e-4)
    yield kind("undrawable-perspective", undrawable(11, 6), perspective_correct=True)
    yield kind("off-screen", moved(12, 6), dist_eps=1e-4)
    yield kind("small", small(13, 6), sigma=1e-3)
    yield kind("huge", soup(14, 12) * torch.tensor([1e3, 1e3, 1.0]))
    yield kind("fan", fan(15, 6), sigma=1e-3, dist_eps=1e-4)
    yield kind("one-pixel", size=1, sigma=0.3)
    yield kind("one-row", size=(1, 9), back=numbers(16, 9, 3))
    yield kind("thirteen-by-seven", size=(13, 7), sigma=1e-3, dist_eps=1e-4)


# ---------------------------------------------------------------- scenes


def on_rung(rung: str, kind: Kind, dtype: torch.dtype) -> Scene:
    """`rasterize` with a backend, or `rasterize_hard` with a gradient."""
    inputs = {"triangles": kind.triangles}
    if kind.channels is not None:
        inputs["colors"] = numbers(20, *kind.triangles.shape[:-1], kind.channels)
    if kind.background is not None:
        inputs["background"] = kind.background
    inputs = {name: x.to(dtype) for name, x in inputs.items()}
    name = f"{rung}/{str(dtype).removeprefix('torch.')}/{kind.name}"
    if rung.startswith("hard"):
        known = ("size", "background", "near", "far", "cull_backfaces")
        options = {key: value for key, value in kind.options.items() if key in known}
        draw: Any = partial(rasterize_hard, gradient=rung.removeprefix("hard-"), **options)
    else:
        draw = partial(rasterize, backend=rung, **kind.options)
    return Scene(name, draw, inputs)


def family() -> Iterator[Kind]:
    """Every distribution with every conorm; both kinds of distance with each of either."""
    triangles = soup(30, 4)
    for d, distribution in enumerate(DISTRIBUTIONS):
        for c, conorm in enumerate(CONORMS):
            squared = (d + c) % 2 == 0
            shapes = SHAPES.get(distribution, (None,))
            shifts = SHIFTS.get(distribution.removesuffix("_rev"), (None,))
            ps = PARAMETERS.get(conorm, (None,))
            options: dict[str, Any] = {
                "size": (5, 4),
                "sigma": 0.05 if squared else 0.2,
                "gamma": 0.05,
                "dist_eps": (0.0, 1e-3)[(d // 2 + c) % 2],
                "distribution": distribution,
                "squared": squared,
                "shape": shapes[c % len(shapes)],
                "shift": shifts[(c // 2) % len(shifts)],
                "conorm": conorm,
                "p": ps[d % len(ps)],
            }
            name = f"{distribution}-{'squared' if squared else 'plain'}-{conorm}"
            yield Kind(name, triangles, (3, None, 1)[(d + c) % 3], None, options)


def large(rung: str) -> Iterator[Scene]:
    """64 x 64 pixels: more than one task a thread, more than one chunk of pairs."""
    mesh = icosphere(3)
    options: dict[str, Any] = {"size": 64, "backend": rung}
    for dtype in (torch.float32, torch.float64):
        corners = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.7, [30, -10], [0, 70]))
        corners = corners.to(dtype)
        colors = (0.5 + 0.5 * mesh.verts)[mesh.faces].to(dtype).expand(2, -1, 3, 3).contiguous()
        where = f"{rung}/{str(dtype).removeprefix('torch.')}/icosphere"
        one = {"triangles": corners[0], "colors": colors[0]}
        yield Scene(f"{where}-rgb", partial(rasterize, **options), one)
        alone = {"triangles": corners[0]}
        yield Scene(f"{where}-silhouette", partial(rasterize, sigma=1e-3, **options), alone)
        draw = partial(rasterize, sigma=1e-3, gamma=1e-2, perspective_correct=True, **options)
        yield Scene(f"{where}-batch", draw, {"triangles": corners, "colors": colors})
    few = icosphere(1)
    corners = screen_triangles(few.verts.double(), few.faces, Camera.orbit(2.7, 30, 0))[0]
    for conorm in ("probabilistic", "max", "dombi"):  # 80 x 64 x 64 pairs: more than one chunk
        draw = partial(rasterize, sigma=1e-2, dist_eps=0.0, conorm=conorm, **options)
        both = {"triangles": corners, "colors": (0.5 + 0.5 * few.verts.double())[few.faces]}
        yield Scene(f"{rung}/float64/all-pairs-{conorm}", draw, both)


def render_colored(
    verts: Tensor, colors: Tensor, faces: Tensor, camera: Camera, **options: Any
) -> Tensor:
    return render(Mesh(verts, faces, colors), camera, **options)


def rendered() -> Iterator[Scene]:
    """`render`: vertices and their colours through camera, lights and rasterizer."""
    cameras = {
        "orbit": Camera.orbit(2.5, 30.0, [20.0, 140.0]),
        "orthographic": Camera.orbit(3.0, -20.0, 250.0, orthographic=1.3),
        "look-at": Camera.look_at((0.5, 1.0, 2.2), (0.1, 0.0, 0.0), fov=45.0),
        "inside": Camera.orbit(0.8, 10.0, 30.0),  # parts of the mesh are behind the eye
    }
    meshes = {"icosphere": icosphere(1), "teapot": teapot(8), "torus": torus(), "cube": cube()}
    drawers: dict[str, Callable[..., Tensor]] = {
        "broadcast": partial(rasterize, backend="broadcast"),
        "pairs": partial(rasterize, backend="pairs"),
        "numba": partial(rasterize, backend="numba"),
        "hard-none": rasterize_hard,
        "hard-nmr": partial(rasterize_hard, gradient="nmr"),
    }
    cases = (
        ("icosphere", "orbit", Lights()),
        ("teapot", "look-at", Lights(0.2, 0.7, (-1.0, 0.5, 0.3))),
        ("torus", "orthographic", None),
        ("cube", "inside", Lights()),
    )
    for what, where, lights in cases:
        mesh, camera = meshes[what], cameras[where]
        for rung, rasterizer in drawers.items():
            blur: dict[str, Any] = {"sigma": 1e-3, "gamma": 1e-2}
            drawn = partial(
                render_colored,
                faces=mesh.faces,
                camera=camera,
                size=(20, 24),
                lights=lights,
                rasterizer=rasterizer,
                background=0.3,
                **({} if rung.startswith("hard") else blur),
            )
            inputs = {"verts": mesh.verts, "colors": 0.5 + 0.5 * mesh.verts}
            yield Scene(f"{rung}/float32/render-{what}-{where}", drawn, inputs)


def around() -> Iterator[Scene]:
    """What stands around the rasterizers: cameras with a gradient, losses, a short fit."""
    mesh = icosphere(2)
    verts = mesh.verts.double() * (1 + 0.2 * numbers(40, len(mesh.verts), 1))
    angles = {"verts": verts, "angle": torch.tensor([30.0, 200.0], dtype=torch.float64)}

    def orbit(verts: Tensor, angle: Tensor) -> Tensor:
        return screen_triangles(verts, mesh.faces, Camera.orbit(2.5, angle / 5, angle))

    yield Scene("camera/float64/orbit", orbit, angles)
    both = torch.stack([verts, verts.flip(0)])
    for name in ("laplacian", "flatten"):
        loss = partial(getattr(losses, name), faces=mesh.faces)
        yield Scene(f"losses/float64/{name}", loss, {"verts": both})
    pictures = {"alpha": numbers(41, 2, 5, 6), "target": numbers(42, 2, 5, 6)}
    yield Scene("losses/float64/iou", losses.iou, pictures)

    def fitted(offset: Tensor) -> Tensor:
        base, faces = icosphere(1).verts, icosphere(1).faces
        leaf = offset.detach().clone().requires_grad_()
        target = rasterize_hard(screen_triangles(base, faces, CAMERA), size=24)[..., 0]

        def loss(sigma: float, gamma: float) -> Tensor:
            corners = screen_triangles(base + leaf, faces, CAMERA)
            alpha = rasterize(corners, size=24, sigma=sigma, gamma=gamma, backend="numba")
            return losses.iou(alpha[..., 0], target) + losses.laplacian(base + leaf, faces)

        done = fit(loss, [leaf], steps=6, lr=0.02, sigma=1e-3, progress=False)
        return torch.cat([leaf.detach().flatten(), torch.tensor(done.losses)])

    start = 0.3 * numbers(43, len(icosphere(1).verts), 3).float()
    yield Scene("fit/float32/silhouette", fitted, {"offset": start})


CAMERA = Camera.orbit(2.7, 30, 0)


def scenes() -> Iterator[Scene]:
    """All of them, the quick ones first."""
    yield from around()
    yield from rendered()
    for rung in ("broadcast", "pairs", "numba", "hard-none", "hard-nmr", "loops"):
        for dtype in (torch.float32, torch.float64):
            for k, kind in enumerate(kinds()):
                if rung != "loops" or dtype is torch.float64 or k % 4 == 0:
                    yield on_rung(rung, kind, dtype)
    for k, kind in enumerate(family()):
        dtype = torch.float32 if k % 3 == 0 else torch.float64
        for rung in ("broadcast", "pairs", "numba"):
            yield on_rung(rung, kind, dtype)
        if k % 9 == 0:
            yield on_rung("loops", kind, torch.float64)
    for rung in ("pairs", "numba"):
        yield from large(rung)
    if backends()["triton"] != "ok":
        print(f"no Triton scenes: {backends()['triton']}")
        return
    for k, kind in enumerate(kinds()):
        yield on_rung("triton", kind, torch.float64)
        if k % 2 == 0:
            yield on_rung("triton", kind, torch.float32)
    for k, kind in enumerate(family()):
        if k % 7 == 0:
            yield on_rung("triton", kind, torch.float64)
