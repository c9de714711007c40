"""Whether the kernels are right: on every scene of scenes.py, the image and the gradients of
triangles, colours and background for a random cotangent, against `broadcast` in float64 on the CPU,
which shares no code with them; and then how they behave (behaviour.py).

Tolerances are shares of the largest number of each tensor (of 1, if that is more): 1e-10 in
float64, 1e-4 in float32. Memory is poisoned with NaN before each call, so that a number which no
kernel has written cannot pass for a right one that was left there."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ...rasterizers import rasterize
from . import behaviour
from .scenes import PLAIN, SCENES, Scene, chosen
from .session import Session

FLOAT64 = 1e-10


def names() -> list[str]:
    """Everything that can be run alone with --scene."""
    return [*SCENES, *behaviour.CHECKS]


def step(session: Session) -> None:
    """Run the chosen checks, or all of them; what is wrong goes into `session.wrong`."""
    every = [*chosen(session.rehearsal), *behaviour.CHECKS]
    gendr = [name for name in every if name.startswith("gendr-")]  # last: most kernels to compile
    order = [name for name in every if name not in gendr] + gendr
    for name in session.scenes or order:
        if not session.has_time(name):
            continue
        if name in SCENES:
            made = SCENES[name]()
            for dtype in some_dtypes(made, session, order.index(name) if name in order else 0):
                agree(session, name, made, dtype)
        else:
            behave(session, name)
    rows = session.report.tables.get("correctness", [])
    bad = [row for row in rows if row["ok"] == "no"]
    session.report.note(f"{len(rows)} checks of correctness, {len(bad)} of them wrong.")


def some_dtypes(made: Scene, session: Session, number: int) -> tuple[str, ...]:
    """The dtypes of a scene. A rehearsal, unless of that scene alone, takes them by turns."""
    if not session.rehearsal or session.scenes or len(made.dtypes) == 1:
        return made.dtypes
    return (made.dtypes[number % len(made.dtypes)],)


def agree(session: Session, name: str, made: Scene, dtype: str) -> None:
    """One scene in one dtype: compare, and write a row."""
    begun = time.perf_counter()
    tolerance = (FLOAT64 if dtype == "float64" else made.float32) + made.rounding * 2**-52
    inputs = {key: x.to(getattr(torch, dtype)) for key, x in tensors(made).items()}
    wanted = draw({key: x.double() for key, x in inputs.items()}, made, "cpu", "broadcast")
    try:
        with poisoned():
            got = draw(inputs, made, session.device, "triton")
        errors = {key: distance(got[key], wanted[key]) for key in wanted}
        worst = max(errors, key=lambda key: errors[key])
        error, what = errors[worst], worst
    except Exception as trouble:  # a kernel that does not compile or run is a wrong one
        error, what = float("inf"), f"{type(trouble).__name__}: {trouble}".splitlines()[0]
    ok = error <= tolerance
    write(session, name, dtype, error, tolerance, what, ok, time.perf_counter() - begun)
    if not ok and not what.endswith("Error"):
        where = describe(got[what], wanted[what]) if what in wanted else what
        session.report.note(f"  {name} ({dtype}), {where}")


def write(
    session: Session,
    name: str,
    dtype: str,
    error: float,
    tolerance: float,
    what: str,
    ok: bool,
    seconds: float,
) -> None:
    """A row of the table, and what to do about it if it is wrong."""
    verdict = "ok" if ok else "WRONG"
    session.report.row(
        "correctness",
        f"  {name:<34} {dtype:<8} {error:>9.1e}  (up to {tolerance:.0e})  {verdict}  {what}",
        scene=name,
        dtype=dtype,
        error=f"{error:.3e}",
        tolerance=f"{tolerance:.3e}",
        what=what,
        ok="yes" if ok else "no",
        seconds=f"{seconds:.2f}",
    )
    if not ok:
        if name not in session.wrong:
            session.wrong.append(name)
        session.report.say(f"    alone: {alone(name, session.rehearsal)}")


def alone(name: str, rehearsal: bool) -> str:
    """The command that runs one check by itself."""
    extra = " --rehearse" if rehearsal else ""
    return f"python -m softras_edu gpu{extra} --only correctness --scene {name}"


def behave(session: Session, name: str) -> None:
    """One check of behaviour.py."""
    begun = time.perf_counter()
    try:
        what = behaviour.CHECKS[name](session.device, session.rehearsal)
        ok = True
    except Exception as trouble:  # an AssertionError says what is wrong, any other what broke
        what, ok = f"{type(trouble).__name__}: {trouble}", False
        session.report.note(f"  {name}: {what}")
        what = what.splitlines()[0]
    write(
        session, name, "", 0.0 if ok else float("inf"), 0.0, what, ok, time.perf_counter() - begun
    )


# ---------------------------------------------------------------- one picture, and the distance of
# two


def tensors(made: Scene) -> dict[str, Tensor]:
    """What a scene's gradient is asked for."""
    named = {"triangles": made.triangles, "colors": made.colors, "background": made.background}
    return {key: x for key, x in named.items() if x is not None}


def draw(inputs: dict[str, Tensor], made: Scene, device: str, backend: str) -> dict[str, Tensor]:
    """The image and its gradients for one random cotangent, on the CPU; zeros where the image does
    not depend on an input."""
    leaves = {key: x.detach().to(device).requires_grad_() for key, x in inputs.items()}
    options = {**PLAIN, **made.options, "backend": backend}
    if "background" in leaves:
        options["background"] = leaves["background"]
    image = rasterize(leaves["triangles"], leaves.get("colors"), **options)
    generator = torch.Generator().manual_seed(7)
    weights = torch.randn(image.shape, generator=generator, dtype=torch.float64).to(image)
    asked = list(leaves.values())
    grads: tuple[Tensor | None, ...] = (None,) * len(asked)
    if image.requires_grad:  # without faces it may not
        grads = torch.autograd.grad(image, asked, weights, allow_unused=True)
    found = {"image": image.detach().cpu()}
    for (key, leaf), grad in zip(leaves.items(), grads, strict=True):
        found[f"gradient of {key}"] = torch.zeros_like(leaf).cpu() if grad is None else grad.cpu()
    return found


def distance(got: Tensor, wanted: Tensor) -> float:
    """The largest difference as a share of the largest wanted number, or of 1, if that is more."""
    if got.shape != wanted.shape or not bool(got.isfinite().all()):
        return float("inf")
    if not wanted.numel():
        return 0.0
    scale = max(1.0, float(wanted.abs().max()))
    return float((got.double() - wanted).abs().max()) / scale


def describe(got: Tensor, wanted: Tensor) -> str:
    """Where two tensors differ most, in words."""
    if got.shape != wanted.shape:
        return f"shape {tuple(got.shape)}, wanted {tuple(wanted.shape)}"
    off = (got.double() - wanted).abs().nan_to_num(float("inf"))
    place = torch.unravel_index(off.argmax(), off.shape)
    index = tuple(int(k) for k in place)
    share = float((off > 1e-4 * max(1.0, float(wanted.abs().max()))).double().mean())
    numbers = f"got {float(got[index]):.7g}, wanted {float(wanted[index]):.7g}"
    return f"at {index}: {numbers}; {share:.1%} of the numbers are off by more than 1e-4"


@contextmanager
def poisoned() -> Iterator[None]:
    """Fresh memory is full of NaN inside: PyTorch fills it so when it is asked to be
    deterministic."""
    before = torch.are_deterministic_algorithms_enabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of operations that cannot be: not what this is about
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
