"""Other renderers on the same card, where they are: what each draws, how long it takes, and how far
its image and its gradient are from ours. The adapters are those of bench/peers.py."""

from __future__ import annotations

import torch
from torch import Tensor

from ...rasterizers import rasterize
from ..case import Case, Scene, count_pairs
from ..peers import PEERS, Peer
from . import build_softras, speed, timing
from .session import Session
from .speed import short

SECONDS_TO_COMPILE = 100.0  # of the official kernels, at most, on a machine with few cores


def step(session: Session) -> None:
    """Measure every peer that can be imported, the official SoftRas first."""
    if session.softras is not None:
        compile_softras(session)
    absent = []
    for name, peer in PEERS.items():
        reason = peer.why_not(session.device)
        if reason is not None:
            absent.append(f"{name} ({reason})")
            continue
        for case in speed.cases(session.rehearsal):
            if session.has_time(f"{name}, {short(case)}", 2.0):
                measure(session, name, peer, case)
    if absent:
        session.report.note(f"Peers that are not here: {', '.join(absent)}.")


def compile_softras(session: Session) -> None:
    """Build the official kernels; a failure is said and does not end the run."""
    assert session.softras is not None
    if not session.has_time("the official SoftRas", SECONDS_TO_COMPILE):
        return
    session.report.say(f"  compiling the kernels of {session.softras.name}, about a minute")
    try:
        build_softras.build(session.softras)
    except Exception as error:  # whatever a compiler may do
        lines = [line for line in str(error).splitlines() if "error" in line.lower()][:3]
        session.skip(
            "the official SoftRas", " / ".join(lines) or f"{type(error).__name__}: {error}"
        )


def measure(session: Session, name: str, peer: Peer, case: Case) -> None:
    """Time one peer in one case, forward and both ways, and compare."""
    device = session.device
    try:
        most = count_pairs(case, device)[1]
        scene = Scene.of(case, device, most)
        draw, leaves = peer.prepare(scene)
        image = draw()
        weights = torch.randn(image.shape, generator=torch.Generator().manual_seed(5)).to(image)
        off = compare(image, weights, leaves, scene)

        def both() -> object:
            return torch.autograd.grad(draw(), leaves, weights)

        forward, whole = (timing.measure(run, device, 60.0) for run in (draw, both))
        peak = timing.peak_mib(both, device)
    except Exception as error:  # of somebody else's code: said, and the next one
        session.skip(f"{name}, {short(case)}", f"{type(error).__name__}: {error}".splitlines()[0])
        return
    finally:
        if device == "cuda":
            torch.cuda.empty_cache()
    session.report.row(
        "peers",
        f"  {name:<11} {short(case):<46} {forward.median:>9.3f} ms, + backward {whole.median:.3f} "
        f"ms; image off by {off['image']}, gradient {off['gradient']}, direction {off['cosine']}",
        peer=name,
        what=peer.what,
        batch=case.batch,
        side=case.side,
        faces=20 * 4**case.level,
        silhouette=case.silhouette,
        forward_ms=f"{forward.median:.5f}",
        both_ms=f"{whole.median:.5f}",
        both_low_ms=f"{whole.low:.5f}",
        both_high_ms=f"{whole.high:.5f}",
        peak_mib=f"{peak:.1f}",
        image_difference=off["image"],
        gradient_difference=off["gradient"],
        gradient_cosine=off["cosine"],
    )


def compare(
    image: Tensor, weights: Tensor, leaves: tuple[Tensor, ...], scene: Scene
) -> dict[str, str]:
    """Mean difference of the pixels, |difference| / |ours| of the gradient in x and y, and the
    cosine of the two gradients, for one random cotangent on the channels that the peer draws.

    A peer whose leaf is the V vertices of each image gets our gradient summed over the faces.
    """
    case, channels = scene.case, image.shape[-1]
    triangles = scene.triangles()
    colors = None if case.silhouette else scene.corner_colors()
    ours = rasterize(triangles, colors, size=case.side, sigma=case.sigma)
    part = ours[..., :channels]  # of four channels all, of three RGB, of one the silhouette
    (grad,) = torch.autograd.grad(part, triangles, weights.to(ours))
    (theirs,) = torch.autograd.grad(image, leaves[:1], weights, retain_graph=True)
    if theirs.dim() == 3:  # (B, V, 3)
        summed = torch.zeros_like(theirs, dtype=grad.dtype)
        grad = summed.index_add_(1, scene.faces.flatten(), grad.flatten(1, 2))
    a, b = (x[..., :2].double().flatten().cpu() for x in (theirs, grad))
    return {
        "image": f"{float((image.detach() - part.detach()).abs().mean()):.1e}",
        "gradient": f"{float((a - b).norm() / b.norm()):.1e}",
        "cosine": f"{float(torch.nn.functional.cosine_similarity(a, b, dim=0)):.3f}",
    }
