"""How fast: four sizes, silhouette and RGB, forward and forward + backward; `pairs` and `broadcast`
beside it where they fit. Beside each time the two floors (floors.py), and whether the picture that
was timed is right: its distance from `pairs` in float64 on the same card, which shares no code with
the kernels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor

from ...rasterizers import rasterize
from ...teaching.cost_model import sphere_pairs
from ..case import Case, Scene, count_pairs
from . import floors, timing
from .launches import Ledger
from .session import Session

# One small picture, on which broadcast fits too, and the four sizes that count.
SIZES = (Case(64, 3), Case(64, 3, batch=64), Case(256, 4), Case(512, 5), Case(1024, 6))
REHEARSED = (Case(8, 0),)
BACKENDS = ("triton", "pairs", "broadcast")
BYTES_A_PAIR = (
    1000  # that autograd keeps on the PyTorch rungs, float32, generously; twice in float64
)
LONGEST = 2.0  # seconds: a backend slower than this for one call is left out
# A pair whose D rounds to the other side of dist_eps changes a pixel by up to 1e-4, and a thin
# face's distances lose digits in float32: so the bounds are wider than those of correctness.py.
IMAGE_BOUND, GRADIENT_BOUND = 5e-3, 2e-2


def cases(rehearsal: bool) -> list[Case]:
    """The sizes in colour, then as silhouettes."""
    sizes = REHEARSED if rehearsal else SIZES
    return [replace(case, silhouette=silhouette) for silhouette in (False, True) for case in sizes]


def step(session: Session) -> None:
    """Measure every case on every backend that fits; ours first."""
    session.report.facts["copy"] = f"{bandwidth(session) / 1e9:,.0f} GB/s, read and written"
    for backend in BACKENDS:
        for case in cases(session.rehearsal):
            what = f"{backend}, {short(case)}"
            if session.has_time(what, 2.0 if not session.rehearsal else 0.0):
                measure(session, backend, case)


def bandwidth(session: Session) -> float:
    """Bytes a second of a large copy, measured once a run."""
    session.copy_speed = session.copy_speed or timing.copy_speed(session.device)
    return session.copy_speed


def short(case: Case) -> str:
    """A case in few words."""
    kind = "silhouette" if case.silhouette else "RGB"
    return f"{case.batch} x {case.side} x {case.side}, {20 * 4**case.level:,} faces, {kind}"


class Pictures:
    """The scene of a case, ready to be drawn by any backend."""

    def __init__(self, case: Case, device: str):
        self.case, scene = case, Scene.of(case, device)
        self.triangles = scene.triangles()
        self.colors = None if case.silhouette else scene.corner_colors()
        shape = (case.batch, case.side, case.side, 1 if case.silhouette else 4)
        generator = torch.Generator().manual_seed(5)
        self.weights = torch.randn(shape, generator=generator).to(device)

    @property
    def leaves(self) -> tuple[Tensor, ...]:
        """The inputs that the gradient is asked for."""
        return (self.triangles,) if self.colors is None else (self.triangles, self.colors)

    def draw(self, backend: str) -> Tensor:
        """The image (B, H, W, C + 1), with its graph."""
        c = self.case
        return rasterize(self.triangles, self.colors, size=c.side, sigma=c.sigma, backend=backend)

    def both(self, backend: str) -> tuple[Tensor, ...]:
        """Forward and backward: the gradients."""
        return torch.autograd.grad(self.draw(backend), self.leaves, self.weights)

    def oracle(self) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Image and gradients of `pairs` in float64."""
        leaves = [x.detach().double().requires_grad_() for x in self.leaves]
        c, colors = self.case, leaves[1] if len(leaves) > 1 else None
        image = rasterize(leaves[0], colors, size=c.side, sigma=c.sigma, backend="pairs")
        return image.detach(), torch.autograd.grad(image, leaves, self.weights.double())


def fits(case: Case, backend: str, live: int, device: str, doubles: bool = False) -> bool:
    """Whether a PyTorch rung's intermediate tensors fit into the memory that is free."""
    if backend == "triton":
        return True
    pairs = live if backend == "pairs" else case.batch * 20 * 4**case.level * case.side**2
    wanted = pairs * BYTES_A_PAIR * (2 if doubles else 1)
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else 2**31
    return wanted < 0.8 * free


@cache
def live_pairs(case: Case, device: str) -> int:
    """Pairs of pixel and face that count in a case; the same for RGB and silhouette. Where counting
    them takes more memory than a small card has, by Steiner's formula, which is off by some
    percent."""
    if case.silhouette:
        return live_pairs(replace(case, silhouette=False), device)
    try:
        return count_pairs(case, device)[0]
    except torch.OutOfMemoryError:
        return round(case.batch * sphere_pairs(case.level, case.side, case.sigma))


def measure(session: Session, backend: str, case: Case) -> None:
    """All rows of one backend and one case."""
    device, what = session.device, f"{backend}, {short(case)}"
    try:
        live = live_pairs(case, device)
        if not fits(case, backend, live, device):
            session.skip(what, "does not fit into the memory")
            return
        pictures = Pictures(case, device)
        off = errors(session, pictures, live) if backend == "triton" else ("", "")
        for both in (False, True):
            row(session, backend, pictures, both, live, off)
    except torch.OutOfMemoryError:
        session.skip(what, "out of memory")
    if device == "cuda":
        torch.cuda.empty_cache()


def errors(session: Session, pictures: Pictures, live: int) -> tuple[str, str]:
    """How far image and gradients are from `pairs` in float64: the largest difference of a pixel,
    and the largest |difference| / |gradient| of an input; empty where that does not fit."""
    if not fits(pictures.case, "pairs", live, session.device, doubles=True):
        session.skip(f"check of {short(pictures.case)}", "pairs in float64 does not fit")
        return "", ""
    image, grads = pictures.oracle()
    off = float((pictures.draw("triton").detach() - image).abs().max())
    ours = pictures.both("triton")
    share = max(float((a - b).norm() / b.norm()) for a, b in zip(ours, grads, strict=True))
    if not (off <= IMAGE_BOUND and share <= GRADIENT_BOUND):  # so that NaN is wrong
        session.wrong.append(f"speed {short(pictures.case)}")
        session.report.note(
            f"  WRONG: {short(pictures.case)}: the image is off by {off:.1e}, the gradient by "
            f"{share:.1e} of itself. Alone: python -m softras_edu gpu --only speed"
        )
    return f"{off:.1e}", f"{share:.1e}"


def row(
    session: Session,
    backend: str,
    pictures: Pictures,
    both: bool,
    live: int,
    off: tuple[str, str],
) -> None:
    """Time one call and write it down."""
    case, device = pictures.case, session.device
    run: Callable[[], object] = (
        (lambda: pictures.both(backend)) if both else (lambda: pictures.draw(backend))
    )
    begun = time.perf_counter()
    peak = timing.peak_mib(run, device)
    if time.perf_counter() - begun > LONGEST and backend != "triton" and not session.rehearsal:
        session.skip(f"{backend}, {short(case)}", f"one call takes over {LONGEST:g} s")
        return
    found = timing.measure(run, device)
    least = floors.instruction_floor_ms(live, not case.silhouette, both, session.card)
    move = floors.byte_floor_ms(case, both, bandwidth(session))
    share = 100 * max(least, move) / found.median
    name = f"{backend:<9} {short(case):<46} {'+ backward' if both else 'forward':<10}"
    session.report.row(
        "speed",
        f"  {name} {found.median:>9.3f} ms ({found.low:.3f} to {found.high:.3f}, again "
        f"{found.again:.3f}, wall {found.wall:.3f})  {share:>5.1f} % of floor  {peak:,.0f} MiB",
        backend=backend,
        batch=case.batch,
        side=case.side,
        faces=20 * 4**case.level,
        sigma=case.sigma,
        silhouette=case.silhouette,
        both=both,
        median_ms=f"{found.median:.5f}",
        low_ms=f"{found.low:.5f}",
        high_ms=f"{found.high:.5f}",
        again_ms=f"{found.again:.5f}",
        wall_ms=f"{found.wall:.5f}",
        runs=found.runs,
        launches=count_launches(run) if backend == "triton" else "",
        peak_mib=f"{peak:.1f}",
        live_pairs=live,
        ns_a_pair=f"{found.median * 1e6 / max(live, 1):.4f}",
        instruction_floor_ms=f"{least:.5f}",
        byte_floor_ms=f"{move:.5f}",
        percent_of_floor=f"{share:.2f}",
        image_error=off[0],
        gradient_error=off[1] if both else "",
    )


def count_launches(run: Callable[[], object]) -> int:
    """Kernels and operations that one call starts."""
    with Ledger() as ledger:
        run()
    return len(ledger.launches)
