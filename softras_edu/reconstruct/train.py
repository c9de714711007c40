"""The training loop: two views an object, the paper's losses, Adam; a run that can be interrupted, taken up again, and shared by processes."""

from __future__ import annotations

import csv
import hashlib
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from . import checkpoint, processes
from .config import METHODS, Config
from .data import Shapes, read
from .draw import NAMES, draw, image_losses, shape_losses, total
from .network import Network

PHASES = ("data", "network", "rendering", "backward of rendering", "backward of network, and step")


class Clock:
    """Seconds of each phase of a step, added up."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.seconds, self.steps, self.last = (
            device,
            dict.fromkeys(PHASES, 0.0),
            0,
            0.0,
        )

    def start(self) -> None:
        self.last = self._now()

    def lap(self, phase: str) -> None:
        now = self._now()
        self.seconds[phase] += now - self.last
        self.last = now

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def report(self) -> str:
        """Seconds a step, and where they went."""
        steps = max(self.steps, 1)
        whole = sum(self.seconds.values()) / steps
        return f"{whole:.3f} s a step: " + ", ".join(
            f"{phase} {seconds / steps:.3f}" for phase, seconds in self.seconds.items()
        )


def step_losses(
    network: nn.Module,
    images: Tensor,
    views: Tensor,
    faces: Tensor,
    sigma: float,
    config: Config,
    clock: Clock | None = None,
) -> dict[str, Tensor]:
    """Pictures (2, B, 4, H, W) and their views (2, B) -> every part of the loss, and their sum "loss".

    The first picture of each object becomes a mesh, which is then drawn from where both were taken.
    """
    lap: Callable[[str], None] = clock.lap if clock is not None else lambda phase: None
    verts, colors = network(images[0])
    parts = shape_losses(verts, faces)
    lap("network")

    def watch(triangles: Tensor) -> None:
        if clock is not None and triangles.requires_grad:
            triangles.register_hook(lambda grad: lap("backward of rendering"))

    twice = verts.repeat(2, 1, 1), None if colors is None else colors.repeat(2, 1, 1)
    drawn = draw(*twice, faces, views.flatten(), sigma, config, watch)
    parts |= image_losses(drawn, images.flatten(0, 1), config)
    parts["loss"] = total(parts, config)
    lap("rendering")
    return parts


def train(
    config: Config,
    out: str | Path,
    *,
    device: str = "auto",
    backend: str = "auto",
    save_every: int = 100,
    progress: bool = True,
    shapes: Shapes | None = None,
) -> Tensor:
    """Train, or go on where the same run stopped. Writes config.json, checkpoint.safetensors, log.csv, log.txt, and at the end model.safetensors.

    Args:
        out: the run's folder. device, backend: see `processes.together`.
        save_every: steps between checkpoints, the most that an interruption can lose.
        shapes: the training data, if they are in memory already.

    Returns:
        (steps, 5): the losses of each step, as named in draw.NAMES.

    Raises:
        ValueError: something wrong with the data, the settings, or a folder that has another run.
        FloatingPointError: the loss is not a finite number; the message names the step.
    """
    with (
        processes.together(device, backend) as (rank, world, place),
        torch.random.fork_rng(devices=[]),
    ):
        return _train(
            config, Path(out), rank, world, place, save_every, progress and rank == 0, shapes
        )


def _train(
    config: Config,
    out: Path,
    rank: int,
    world: int,
    device: torch.device,
    save_every: int,
    progress: bool,
    shapes: Shapes | None,
) -> Tensor:
    from tqdm.auto import tqdm

    if config.batch % world:
        raise ValueError(
            f"batch: got {config.batch} pictures for {world} processes, wanted as many for each"
        )
    if save_every < 1:
        raise ValueError(f"save_every: got {save_every}, wanted 1 or more")
    if (out / "config.json").exists():
        there = Config.from_json((out / "config.json").read_text(), out / "config.json")
        if differences := config.differences(there):
            raise ValueError(f"{out} has another run ({differences}); choose another folder")
    shapes = read(config.data, "train", config.classes or None) if shapes is None else shapes
    dtype = torch.float64 if config.dtype == "float64" else torch.float32
    torch.manual_seed(config.seed)
    network = Network(config.width, METHODS[config.method].color).to(device, dtype)
    rule = torch.optim.Adam(network.parameters(), lr=config.lr[0])
    about = {"data": fingerprint(shapes), "seed": config.seed}
    path, curve, before = (
        out / "checkpoint.safetensors",
        torch.zeros(0, len(NAMES), dtype=torch.float64),
        0.0,
    )
    if path.exists():
        curve, written = checkpoint.load(path, network, rule, about)
        before = written["seconds"]  # of earlier sessions
    done = len(curve)
    lines = processes.everyones(f"process {rank}, {processes.hardware(device)}", device, world)
    curve = torch.cat([curve, torch.zeros(config.steps - done, len(NAMES), dtype=torch.float64)])

    def log(text: str) -> None:
        if rank == 0:
            with (out / "log.txt").open("a", encoding="utf-8") as file:
                file.write(text + "\n")
            if progress:
                tqdm.write(text)

    if rank == 0:
        out.mkdir(parents=True, exist_ok=True)
        (out / "config.json").write_text(config.to_json())
    count = sum(parameter.numel() for parameter in network.parameters())
    log(
        f"{config.method}: {len(shapes)} objects of {len(shapes.classes)} classes, {count:,} numbers to learn, steps {done} to {config.steps}"
    )
    for line in lines:
        log(line)

    clock = Clock(device)
    model: nn.Module = DistributedDataParallel(network) if world > 1 else network
    network.train()
    share = slice(rank * config.batch // world, (rank + 1) * config.batch // world)
    bar = tqdm(total=config.steps, initial=done, disable=not progress, unit="step")
    saved = done

    def save() -> None:
        nonlocal saved
        if rank == 0:
            checkpoint.save(
                path,
                network,
                rule,
                curve[:done],
                {**about, "seconds": round(before + time.perf_counter() - began, 1)},
            )
            _write_log(out / "log.csv", config, curve[:done])
        saved = done

    began = time.perf_counter()
    whole = True  # no step is half done
    try:
        while done < config.steps:
            clock.start()
            batch = shapes.batch(config.batch, config.seed, done)
            images, views = batch.images[:, share].to(device, dtype), batch.views[:, share]
            for group in rule.param_groups:
                group["lr"] = config.at("lr", done)
            clock.lap("data")
            rule.zero_grad()
            parts = step_losses(
                model, images, views, network.faces, config.at("sigma", done), config, clock
            )
            parts["loss"].backward()
            numbers = torch.stack(
                [parts[name].detach() if name in parts else images.new_zeros(()) for name in NAMES]
            )
            numbers = processes.mean(numbers, world).double().cpu()
            if not math.isfinite(numbers[0].item()):
                raise FloatingPointError(
                    f"step {done}: the loss is {numbers[0].item()}, at sigma {config.at('sigma', done):.3g}"
                )
            whole = False
            rule.step()
            curve[done] = numbers
            done, whole = done + 1, True
            clock.lap("backward of network, and step")
            clock.steps += 1
            bar.set_postfix(loss=f"{numbers[0].item():.3f}", refresh=False)
            bar.update()
            if done % save_every == 0 and done < config.steps:
                save()
                log(
                    f"step {done}: loss {curve[max(0, done - save_every) : done, 0].mean():.4f}; {clock.report()}"
                )
    finally:
        bar.close()
        if whole and done > saved:
            save()
    seconds = before + time.perf_counter() - began
    log(f"step {done}: done, {seconds:.0f} s in all; {clock.report()}")
    if rank == 0:
        facts = {"steps": done, "device": "; ".join(lines), "seconds": round(seconds, 1), **about}
        checkpoint.save_model(out / "model.safetensors", network, config, facts)
    return curve


def fingerprint(shapes: Shapes) -> str:
    """Eight letters that change with the classes, their sizes, and the first object of each."""
    whole = hashlib.sha256()
    for name, images in zip(shapes.classes, shapes.images, strict=True):
        whole.update(f"{name} {len(images)}".encode())
        whole.update(images[0].numpy().tobytes())
    return whole.hexdigest()[:8]


def _write_log(path: Path, config: Config, curve: Tensor) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("step", "lr", "sigma", *NAMES))
        for step, row in enumerate(curve.tolist()):
            writer.writerow(
                (
                    step,
                    f"{config.at('lr', step):.6g}",
                    f"{config.at('sigma', step):.6g}",
                    *(f"{x:.6f}" for x in row),
                )
            )
