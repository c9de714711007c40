"""How the kernels behave beside being right: messages for bad input, finite differences, the same
call several times, PyTorch's own checks of an operator, and how often the host waits for the GPU.

A check is a function of (device, rehearsal). It returns what it has found, in words, or raises: an
AssertionError says what is wrong.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...rasterizers import compile_op, rasterize
from ...rasterizers.options import Options
from .launches import Ledger
from .scenes import picture, soup

Check = Callable[[str, bool], str]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    """Enter a check under its function's name."""
    CHECKS[function.__name__.replace("_", "-")] = function
    return function


def on(device: str, x: Tensor | None, dtype: torch.dtype = torch.float64) -> Tensor:
    """A leaf on the device that asks for its gradient."""
    assert x is not None
    return x.to(device, dtype).detach().requires_grad_()


# ---------------------------------------------------------------- bad input


def bad_calls(device: str) -> list[tuple[str, dict[str, Any]]]:
    """(what the message must look like, arguments): one of every kind that the contract names."""
    t, c = (x.to(device) for x in soup(1, 300) if x is not None)
    elsewhere = torch.zeros(300, 3, 3, dtype=torch.float64, device="meta")
    at = t.device  # cuda:0, where device says cuda

    def spoiled(x: Tensor, value: float, place: int) -> Tensor:
        x = x.clone()
        x.view(-1)[place] = value
        return x

    finite = "wanted finite numbers"
    return [
        (r"triangles: got shape \(300, 3\)", {"triangles": t[..., 0]}),
        (r"triangles: got torch.float16", {"triangles": t.half()}),
        (rf"triangles: got NaN.*{finite}", {"triangles": spoiled(t, math.nan, -1)}),
        (rf"triangles: got NaN.*{finite}", {"triangles": spoiled(t, -math.inf, 4)}),
        (rf"triangles: got NaN.*{finite}", {"triangles": spoiled(t, 1e16, 1300)}),
        (r"colors: got shape \(1, 3, 3\)", {"colors": c[:1]}),
        (r"colors: got torch.float32, wanted torch.float64", {"colors": c.float()}),
        (rf"colors: got a tensor on meta, wanted {at}", {"colors": elsewhere}),
        (rf"colors: got NaN.*{finite}", {"colors": spoiled(c, math.inf, -1)}),
        (rf"background: got NaN.*{finite}", {"background": t.new_full((3,), math.nan)}),
        (r"background: got shape \(4,\)", {"background": t.new_zeros(4)}),
        (r"background: got torch.float32 on", {"background": t.new_zeros(3).float()}),
        (r"sigma: got 0, wanted a finite number > 0", {"sigma": 0}),
        (r"gamma: got nan, wanted a finite number > 0", {"gamma": math.nan}),
        (r"far: got 1.0, wanted a finite number above near", {"far": 1.0}),
        (r"size: got \(4, 0\), wanted a positive int", {"size": (4, 0)}),
        (r"size: got 65536 x 32768", {"size": (2**16, 2**15), "colors": None}),
        (r"conorm: got 'banana', wanted one of", {"conorm": "banana"}),
        (r"p: got 2.0, but 'probabilistic' has no such parameter", {"p": 2.0}),
    ]


@check
def contract(device: str, rehearsal: bool) -> str:
    """Bad input gets a ValueError that names the argument, what it got and what it wanted."""
    t, c = (x.to(device) for x in soup(1, 300) if x is not None)
    calls = bad_calls(device)
    for pattern, changes in calls:
        arguments = {"triangles": t, "colors": c, "size": 4, "backend": "triton", **changes}
        try:
            rasterize(**arguments)
        except ValueError as error:
            found = str(error)
            assert re.match(pattern, found), f"wanted a message like {pattern!r}, got {found!r}"
        else:
            raise AssertionError(f"no error where there should be one like {pattern!r}")
    empty = rasterize(t[:0], c[:0], size=(2, 3), background=0.25, backend="triton")
    assert empty.shape == (2, 3, 4), f"no faces: shape {tuple(empty.shape)}"
    assert (empty == torch.tensor([0.25, 0.25, 0.25, 0.0]).to(empty)).all(), "no faces: not empty"
    return f"{len(calls)} wrong calls, each with its message; no faces, and the background is there"


@check
def second_derivative(device: str, rehearsal: bool) -> str:
    """A second derivative is refused by name, not silently zero."""
    triangles = on(device, soup(2, 1)[0])
    image = rasterize(triangles, size=4, sigma=0.05, dist_eps=0.0, backend="triton")
    (grad,) = torch.autograd.grad(image.square().sum(), triangles, create_graph=True)
    try:
        grad.sum().backward()
    except RuntimeError as error:
        said = str(error).splitlines()[0]
    else:
        raise AssertionError("a second derivative was returned; there is none")
    assert "differentiate" in said, f"another error than the one: {said}"
    return f"refused: {said}"


# ---------------------------------------------------------------- finite differences


def gradcheck(device: str, fast: bool, channels: int | None, faces: int, **options: Any) -> str:
    """float64 gradcheck of triangles, colours and background, on 3 x 4 pixels."""
    triangles, colors = soup(50, faces, channels=channels)
    setting: dict[str, Any] = {
        "size": (2, 3) if fast else (3, 4),
        "sigma": 0.05,
        "gamma": 0.05,
        "far": 10.0,
    }
    setting |= {"eps": 0.6, "dist_eps": 0.0}  # eps: in the faces' range
    setting |= {**options, "backend": "triton"}
    inputs = [on(device, triangles)]
    if channels is not None:
        inputs += [on(device, colors), on(device, picture(50, channels))]

    def draw(t: Tensor, c: Tensor | None = None, b: Tensor | float = 0.0) -> Tensor:
        return rasterize(t, c, background=b, **setting)

    torch.autograd.gradcheck(draw, inputs, fast_mode=fast)
    return "along a random direction" if fast else "number by number"


def _gradcheck(name: str, channels: int | None, **options: Any) -> None:
    def run(device: str, rehearsal: bool) -> str:
        return gradcheck(device, rehearsal, channels, 1 if rehearsal else 3, **options)

    CHECKS[f"gradcheck-{name}"] = run


_gradcheck("silhouette", None)
_gradcheck("colour", 2)
_gradcheck("barycentric", 1, distance="barycentric", perspective_correct=True)
_gradcheck("seven-channels", 7, perspective_correct=True)
_gradcheck("gendr", 1, distribution="cauchy", conorm="yager", squared=False)


# ---------------------------------------------------------------- again and again


def results(device: str, dtype: torch.dtype, backend: str, faces: int) -> dict[str, Tensor]:
    """An image and its gradients, as they lie on the device."""
    triangles, colors = soup(60, 2, faces)
    leaves = [on(device, x, dtype) for x in (triangles, colors, picture(60, 3))]
    options: dict[str, Any] = {
        "size": (13, 22) if faces > 5 else (9, 9),
        "sigma": 1e-3,
        "gamma": 0.02,
    }
    image = rasterize(leaves[0], leaves[1], background=leaves[2], backend=backend, **options)
    weights = torch.randn(image.shape, generator=torch.Generator().manual_seed(3)).to(image)
    grads = torch.autograd.grad(image, leaves, weights)
    names = ("image", "triangles", "colors", "background")
    return dict(zip(names, (image.detach(), *grads), strict=True))


def repeated(device: str, dtype: torch.dtype, backend: str, faces: int, runs: int) -> str:
    """Which sums come out the same to the last bit, which do not and by how much."""
    first = results(device, dtype, backend, faces)
    same, off = set(first), dict.fromkeys(first, 0.0)
    for _ in range(runs):
        for name, x in results(device, dtype, backend, faces).items():
            if not torch.equal(x, first[name]):
                same.discard(name)
                scale = max(1e-30, float(first[name].abs().max()))
                off[name] = max(off[name], float((x - first[name]).abs().max()) / scale)
    if len(same) == len(first):
        return "all the same to the last bit"
    verdicts = {name: "the same" if name in same else f"off by {off[name]:.0e}" for name in first}
    return "; ".join(f"{name} {verdict}" for name, verdict in verdicts.items())


@check
def repeat(device: str, rehearsal: bool) -> str:
    """The same call several times. The kernels have no atomics: the same bits are promised.
    Gradients of inputs that several faces share, like a background of one colour, are summed by
    PyTorch."""
    runs, faces = (1, 2) if rehearsal else (8, 400)
    dtypes = (torch.float32,) if rehearsal else (torch.float32, torch.float64)
    for dtype in dtypes:
        found = repeated(device, dtype, "triton", faces, runs)
        assert found == "all the same to the last bit", f"{dtype}: {found}"
    others = repeated(device, torch.float32, "pairs", faces, runs)
    return (
        f"{runs + 1} runs: image and gradients all the same to the last bit; pairs there: {others}"
    )


# ---------------------------------------------------------------- what PyTorch asks of an operator


def small(device: str, channels: int | None = 2) -> tuple[Tensor, Tensor | None, Tensor, Options]:
    """A batch of one for the rung itself, with an Options."""
    triangles, colors = soup(70, 1, 2, channels=channels)
    o = Options(height=3, width=4, sigma=0.05, gamma=0.05)
    background = on(device, picture(70, 1, 3, 4, channels or 0))
    return on(device, triangles), None if colors is None else on(device, colors), background, o


@check
def opcheck(device: str, rehearsal: bool) -> str:
    """torch.library.opcheck of the operator, in colour and as a silhouette; and its numbers are
    those of the plain call."""
    from ...rasterizers import triton_gpu

    for channels in (2,) if rehearsal else (2, None):
        triangles, colors, background, o = small(device, channels)
        arguments = (triangles, colors, background, None, None, None, *compile_op.fields(o))
        torch.library.opcheck(torch.ops.softras_edu.rasterize_triton, arguments)
        got = compile_op.rasterize_triton(triangles, colors, background, o)
        wanted = triton_gpu.rasterize_triton(triangles, colors, background, o)
        assert torch.equal(got, wanted), "the operator draws another picture than the plain call"
    return "passed"


@check
def compile(device: str, rehearsal: bool) -> str:
    """torch.compile in one piece (fullgraph raises where it would stop), against `broadcast`."""
    triangles, colors = soup(71, 2)
    options: dict[str, Any] = {"size": (3, 4), "sigma": 0.05, "gamma": 0.05}

    def loss(t: Tensor, c: Tensor, backend: str) -> Tensor:
        return rasterize(t * 2, c, **options, backend=backend).square().sum()

    oracle = on("cpu", triangles)
    loss(oracle, on("cpu", colors), "broadcast").backward()
    done = []
    for backend in ("aot_eager",) if rehearsal else ("aot_eager", "inductor"):
        torch.compiler.reset()
        leaf, c = on(device, triangles), on(device, colors)
        torch.compile(loss, backend=backend, fullgraph=True)(leaf, c, "triton").backward()
        assert leaf.grad is not None, f"{backend}: no gradient"
        assert oracle.grad is not None, "broadcast: no gradient"
        off = float((leaf.grad.cpu() - oracle.grad).abs().max() / oracle.grad.abs().max())
        assert off < 1e-9, f"{backend}: the gradient is off by {off:.1e} of its largest number"
        done.append(backend)
    return f"{' and '.join(done)}: one graph, the gradient of broadcast"


# ---------------------------------------------------------------- how often the host waits


def waits(device: str, call: Callable[[], object]) -> int:
    """How often a call makes the host wait: as PyTorch counts it on a GPU, else by the ledger."""
    if device != "cuda":
        with Ledger() as ledger:
            call()
        return len(ledger.reads)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            call()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    # Not any word of synchronizing: setting the mode warns too, of being a prototype.
    return len([w for w in caught if "called a synchronizing" in str(w.message)])


@check
def one_wait(device: str, rehearsal: bool) -> str:
    """Forward and backward together make the host wait for the GPU exactly once."""
    t, c = soup(80, 3)
    cases: dict[str, dict[str, Any]] = {
        "colour": {"colors": on(device, c)},
        "silhouette": {"colors": None},
        "background": {"colors": on(device, c), "background": on(device, picture(80, 3))},
    }
    for name, arguments in list(cases.items())[: 1 if rehearsal else None]:
        leaf = on(device, t)
        weights = torch.ones((), dtype=leaf.dtype, device=device)

        def call(
            leaf: Tensor = leaf, rest: dict[str, Any] = arguments, weights: Tensor = weights
        ) -> None:
            image = rasterize(leaf, size=(8, 9), sigma=1e-3, backend="triton", **rest)
            (image * weights).sum().backward()

        if not rehearsal:
            call()  # compiles
        found = waits(device, call)
        assert found == 1, f"{name}: the host waits {found} times, wanted once"
    return "the host waits once a call, forward and backward together"
