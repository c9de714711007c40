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
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TRITON_INTERPRET", "1")  # Triton reads it when it is imported

import torch
from frozen_scenes import Scene, scenes
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

TRITON_TOLERANCE = 1e-12


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
