"""The training loop: two views an object, the paper's losses, Adam.

A run that can be interrupted, taken up again, and shared by processes.
"""

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
    """Pictures (2, B, 4, H, W), views (2, B) -> every part of the loss, and the sum, "loss".

    `config.views` says which pictures become meshes, and from where these are drawn.
    """
    lap: Callable[[str], None] = clock.lap if clock is not None else lambda phase: None
    encoded = 2 if config.views == "cross" else 1
    verts, colors = network(images[:encoded].flatten(0, 1))
    parts = shape_losses(verts, faces)
    lap("network")

    def watch(triangles: Tensor) -> None:
        if clock is not None and triangles.requires_grad:
            triangles.register_hook(lambda grad: lap("backward of rendering"))

    places = [0] if config.views == "own" else [0, 1]  # from its own view, and from the other
    verts = verts.repeat(len(places), 1, 1)
    colors = None if colors is None else colors.repeat(len(places), 1, 1)
    seen_from = torch.cat([views.roll(-k, 0)[:encoded].flatten() for k in places])
    wanted = torch.cat([images.roll(-k, 0)[:encoded].flatten(0, 1) for k in places])
    drawn = draw(verts, colors, faces, seen_from, sigma, config, watch)
    parts |= image_losses(drawn, wanted, config)
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
    """Train, or go on where the same run stopped.

    Writes config.json, checkpoint.safetensors, log.csv, log.txt, and at the end model.safetensors.

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
        _check(config, Path(out), world, save_every)
        shapes = read(config.data, "train", config.classes or None) if shapes is None else shapes
        run = Run(config, Path(out), rank, world, place, progress and rank == 0, shapes)
        run.begin()
        run.learn(save_every)
        run.end()
        return run.curve


def _check(config: Config, out: Path, world: int, save_every: int) -> None:
    """ValueError for settings that cannot work, or a folder with another run."""
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


class Run:
    """One training run in one process: network, step rule and losses so far, and its folder.

    Attributes:
        done: steps so far, and so rows of `curve` that are filled. saved: steps in the checkpoint.
        before: seconds that earlier sessions took.
        whole: whether weights, step rule and `done` agree: not while a step is being taken.
    """

    def __init__(
        self,
        config: Config,
        out: Path,
        rank: int,
        world: int,
        device: torch.device,
        progress: bool,
        shapes: Shapes,
    ) -> None:
        self.config, self.out, self.rank, self.world = config, out, rank, world
        self.device, self.progress, self.shapes = device, progress, shapes
        self.dtype = torch.float64 if config.dtype == "float64" else torch.float32
        torch.manual_seed(config.seed)
        color = METHODS[config.method].color
        self.network = Network(config.width, color, unlit=config.unlit).to(device, self.dtype)
        self.rule = torch.optim.Adam(self.network.parameters(), lr=config.lr[0])
        self.about = {"data": fingerprint(shapes), "seed": config.seed}
        self.path, self.before = out / "checkpoint.safetensors", 0.0
        curve = torch.zeros(0, len(NAMES), dtype=torch.float64)
        if self.path.exists():
            curve, written = checkpoint.load(self.path, self.network, self.rule, self.about)
            self.before = written["seconds"]
        self.done = self.saved = len(curve)
        left = torch.zeros(config.steps - self.done, len(NAMES), dtype=torch.float64)
        self.curve = torch.cat([curve, left])
        self.whole = True
        self.hardware = processes.everyones(
            f"process {rank}, {processes.hardware(device)}", device, world
        )
        self.began, self.clock = time.perf_counter(), Clock(device)

    @property
    def seconds(self) -> float:
        """Of all sessions so far."""
        return self.before + time.perf_counter() - self.began

    def log(self, text: str) -> None:
        """A line in log.txt, and above the progress bar."""
        from tqdm.auto import tqdm

        if self.rank == 0:
            with (self.out / "log.txt").open("a", encoding="utf-8") as file:
                file.write(text + "\n")
            if self.progress:
                tqdm.write(text)

    def begin(self) -> None:
        """Write config.json, and the first lines of the log."""
        if self.rank == 0:
            self.out.mkdir(parents=True, exist_ok=True)
            (self.out / "config.json").write_text(self.config.to_json())
        count = sum(parameter.numel() for parameter in self.network.parameters())
        self.log(
            f"{self.config.method}: {len(self.shapes)} objects of {len(self.shapes.classes)} "
            f"classes, {count:,} numbers to learn, steps {self.done} to {self.config.steps}"
        )
        for line in self.hardware:
            self.log(line)

    def learn(self, save_every: int) -> None:
        """All steps that are left. An interruption saves what is done, and is passed on."""
        from tqdm.auto import tqdm

        steps = self.config.steps
        model = DistributedDataParallel(self.network) if self.world > 1 else self.network
        self.network.train()
        bar = tqdm(total=steps, initial=self.done, disable=not self.progress, unit="step")
        self.began = time.perf_counter()
        try:
            while self.done < steps:
                loss = self.step(model)
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                bar.update()
                if self.done % save_every == 0 and self.done < steps:
                    self.save()
                    recent = self.curve[max(0, self.done - save_every) : self.done, 0].mean()
                    self.log(f"step {self.done}: loss {recent:.4f}; {self.clock.report()}")
        finally:
            bar.close()
            if self.whole and self.done > self.saved:
                self.save()

    def step(self, model: nn.Module) -> float:
        """One step on this process's share of a batch; the loss, over all processes."""
        config, done, clock = self.config, self.done, self.clock
        clock.start()
        batch = self.shapes.batch(config.batch, config.seed, done)
        share = slice(
            self.rank * config.batch // self.world, (self.rank + 1) * config.batch // self.world
        )
        images = batch.images[:, share].to(self.device, self.dtype)
        for group in self.rule.param_groups:
            group["lr"] = config.at("lr", done)
        clock.lap("data")
        self.rule.zero_grad()
        views, sigma = batch.views[:, share], config.at("sigma", done)
        parts = step_losses(model, images, views, self.network.faces, sigma, config, clock)
        parts["loss"].backward()
        numbers = torch.stack(
            [parts[name].detach() if name in parts else images.new_zeros(()) for name in NAMES]
        )
        numbers = processes.mean(numbers, self.world).double().cpu()
        loss = numbers[0].item()
        if not math.isfinite(loss):
            raise FloatingPointError(f"step {done}: the loss is {loss}, at sigma {sigma:.3g}")
        self.whole = False
        self.rule.step()
        self.curve[done] = numbers
        self.done, self.whole = done + 1, True
        clock.lap("backward of network, and step")
        clock.steps += 1
        return loss

    def save(self) -> None:
        """Write checkpoint.safetensors and log.csv."""
        if self.rank == 0:
            curve = self.curve[: self.done]
            about = {**self.about, "seconds": round(self.seconds, 1)}
            checkpoint.save(self.path, self.network, self.rule, curve, about)
            _write_log(self.out / "log.csv", self.config, curve)
        self.saved = self.done

    def end(self) -> None:
        """Write model.safetensors, and the last line of the log."""
        seconds = self.seconds
        self.log(f"step {self.done}: done, {seconds:.0f} s in all; {self.clock.report()}")
        if self.rank == 0:
            facts = {
                "steps": self.done,
                "device": "; ".join(self.hardware),
                "seconds": round(seconds, 1),
                **self.about,
            }
            checkpoint.save_model(self.out / "model.safetensors", self.network, self.config, facts)


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
