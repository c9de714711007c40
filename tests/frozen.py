"""Images and gradients of many scenes, kept in a file: did a change of the code change a number?

    python tests/frozen.py write FILE      draw every scene, store images and gradients
    python tests/frozen.py compare FILE    draw them again, say which differ and by how much

Use it around a change that must not change numbers (renaming, moving, splitting functions):
`write` before, `compare` after, on one machine with the same versions of torch, numba and triton.
It says nothing about whether the numbers are right; the other tests do.

Scenes go through the public names of `softras_edu` only. `compare` fails unless the CPU's rungs
(loops, broadcast, pairs, numba, the z-buffer, `render`, the losses, `fit`) are equal bit for bit,
and the Triton kernels in Triton's interpreter equal to 1e-12 of the tensor's largest number.
Random numbers have fixed seeds, PyTorch two threads. Scenes of the numba rung are drawn with one
thread also, and both must agree bit for bit.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TRITON_INTERPRET", "1")  # Triton reads it when it is imported

import torch
from safetensors import safe_open
from safetensors.torch import save_file
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

TRITON_TOLERANCE = 1e-12
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


# ---------------------------------------------------------------- drawing and comparing


def draw(scene: Scene) -> dict[str, Tensor]:
    """The image, and each input's gradient for a fixed random cotangent."""
    inputs = {name: x.detach().clone().requires_grad_() for name, x in scene.inputs.items()}
    image = scene.draw(**inputs)
    found = {"image": image.detach().clone()}
    if image.requires_grad:
        generator = torch.Generator().manual_seed(7)
        cotangent = torch.randn(image.shape, generator=generator, dtype=torch.float64)
        cotangent = cotangent.to(image.dtype)
        wanted = list(inputs.values())
        grads = torch.autograd.grad(image, wanted, cotangent, allow_unused=True)
        for name, grad in zip(inputs, grads, strict=True):
            if grad is not None:
                found[f"d {name}"] = grad.clone()
    return found


def draw_all() -> dict[str, Tensor]:
    """Every scene's numbers, by "scene: what". Numba's with one thread and with two."""
    everything: dict[str, Tensor] = {}
    spent: dict[str, float] = {}
    for scene in scenes():
        start = time.perf_counter()
        torch.set_num_threads(2)
        found = draw(scene)
        rung = scene.name.split("/")[0]
        if rung == "numba":
            torch.set_num_threads(1)
            for name, x in draw(scene).items():
                if not same_bits(x, found[name]):
                    raise SystemExit(f"{scene.name}: {name} depends on the number of threads")
        everything |= {f"{scene.name}: {name}": x for name, x in found.items()}
        spent[rung] = spent.get(rung, 0.0) + time.perf_counter() - start
    print(", ".join(f"{rung} {seconds:.1f} s" for rung, seconds in spent.items()))
    return everything


def same_bits(a: Tensor, b: Tensor) -> bool:
    """Equal to the last bit; -0 is not 0, NaN is the same NaN."""
    return a.shape == b.shape and a.dtype == b.dtype and torch.equal(bits(a), bits(b))


def bits(x: Tensor) -> Tensor:
    """Floating-point numbers' bits as integers."""
    return x.contiguous().view({4: torch.int32, 8: torch.int64}[x.element_size()])


def ulps(a: Tensor, b: Tensor) -> float:
    """How many floating-point numbers lie between, at most; 0 between 0 and -0."""

    def place(x: Tensor) -> Tensor:  # numbers in order, one apart
        k = bits(x).long()
        return torch.where(k < 0, torch.iinfo(bits(x).dtype).min - k, k)

    near = (place(a) - place(b)).abs().double()  # exact, but overflows for large numbers apart
    far = (place(a).double() - place(b).double()).abs()
    return torch.where(far < 2.0**60, near, far).max().item()


def difference(new: Tensor, old: Tensor, tolerance: float) -> tuple[bool, str]:
    """Whether the difference is too much, and its description, empty if there is none."""
    if new.shape != old.shape or new.dtype != old.dtype:
        return True, f"{new.dtype} {tuple(new.shape)}, was {old.dtype} {tuple(old.shape)}"
    if same_bits(new, old):
        return False, ""
    worst = (new.double() - old.double()).abs().max().item()
    relative = worst / max(old.double().abs().max().item(), 1e-300)
    count = (bits(new) != bits(old)).sum().item()
    text = f"{count} of {new.numel()} numbers, at most {worst:.3g} (relative {relative:.3g}"
    wrong = tolerance == 0 or not relative <= tolerance  # NaN is too much
    return wrong, f"{text}, {ulps(new, old):.3g} ulps)"


def environment() -> dict[str, str]:
    """What may change numbers without a change of this code."""
    names = ("torch", "numpy", "numba", "triton")
    versions = {name: version(name) for name in names}
    return versions | {"python": platform.python_version(), "machine": platform.processor()}


def compare(path: Path) -> int:
    """The exit status: 0 if everything is as it was."""
    with safe_open(path, framework="pt") as file:
        was = file.metadata()
        old = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, value in environment().items():
        if was.get(name) != value:
            print(f"note: {name} is {value}, was {was.get(name)}")
    new = draw_all()
    bad, near = [], 0
    for name in old:
        if name not in new:
            bad.append(f"{name}: not drawn any more")
            continue
        tolerance = TRITON_TOLERANCE if name.startswith("triton/") else 0.0
        wrong, text = difference(new[name], old[name], tolerance)
        if wrong:
            bad.append(f"{name}: {text}")
        elif text:
            near += 1
            print(f"within the tolerance, not bit for bit: {name}: {text}")
    print("\n".join(sorted(bad)))
    if more := new.keys() - old.keys():
        print(f"note: {len(more)} tensors are not in {path}, which an older frozen.py wrote")
    drawn = {name.split(": ")[0] for name in old}
    changed = {line.split(": ")[0] for line in bad}
    print(f"{len(drawn)} scenes, {len(old)} tensors: {len(changed)} scenes differ", end="")
    print(f", {near} tensors equal to {TRITON_TOLERANCE:g} only" if near else "")
    return 1 if bad else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("action", choices=("write", "compare"))
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    if arguments.action == "compare":
        return compare(arguments.file)
    everything = draw_all()
    save_file(everything, arguments.file, metadata=environment())
    print(f"{len({name.split(': ')[0] for name in everything})} scenes in {arguments.file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
