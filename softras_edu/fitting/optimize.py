"""Gradient descent on anything that is drawn.

Any parameters, any loss, schedules for the two dials, and a run that can be taken up again.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

Dial = (
    float | Callable[[float], float]
)  # a number, or a function of the progress of the fit, from 0 to 1


def schedule(start: float, end: float) -> Callable[[float], float]:
    """From `start` to `end` in equal ratios.

    Half way stands their geometric mean. For sigma and gamma, which live on a logarithmic scale.

    Raises:
        ValueError: one of them is not > 0.
    """
    if not (start > 0 and end > 0):
        raise ValueError(f"schedule: got {start!r} to {end!r}, wanted numbers > 0")
    return lambda progress: start * (end / start) ** progress


def plateau(patience: int, by: float = 1e-4) -> Callable[[list[float]], bool]:
    """A `stop` for `fit`.

    The least loss of the last `patience` steps is not `by` below the least one before them.
    """
    return lambda losses: (
        len(losses) > patience and min(losses[-patience:]) > min(losses[:-patience]) - by
    )


@dataclass
class Fit:
    """What came of it.

    Attributes:
        losses: one a step.
        best: copies of the parameters, in their order, where the loss was least. The parameters
            themselves stay as the last step left them. While a schedule sharpens the pictures, the
            losses of two steps are not of one kind; then trust the last step.
        best_step: the step of `best`, counted from 0.
    """

    losses: list[float] = field(default_factory=list)
    best: list[Tensor] = field(default_factory=list)
    best_step: int = -1


def fit(
    loss: Callable[[float, float], Tensor],
    parameters: Tensor | Iterable[Tensor] | Iterable[Mapping[str, Any]],
    *,
    steps: int,
    lr: Dial = 1e-2,
    sigma: Dial = 1e-4,
    gamma: Dial = 1e-4,
    optimizer: Callable[..., Optimizer] = Adam,
    seed: int = 0,
    callback: Callable[[int, float], None] | None = None,
    every: int = 1,
    stop: Callable[[list[float]], bool] | None = None,
    checkpoint: str | Path | None = None,
    save_every: int = 50,
    progress: bool = True,
) -> Fit:
    """Change the parameters, in place, until `loss(sigma, gamma)` is small.

    A target with hard edges should be blurred as the render is: drawn with the same sigma, or the
    picture blurred to the same width. Else the mean squared error compares a blurred outline with
    a sharp one, and is least for a wrong shape: silhouettes fitted so had an IoU of 0.56 to 0.78,
    and 0.995 with a blurred target. `losses.iou`, with a sigma that ends below a pixel, asks for no
    blur.

    Args:
        loss: draws with the parameters and gives a scalar. What it draws at random from PyTorch (on
            the CPU) is repeated by `seed`.
        parameters: tensors that require a gradient, such as `net.parameters()`; or groups,
            {"params": tensors, "lr": ...}, each with a rate of its own.
        lr, sigma, gamma: numbers, or functions of the progress in [0, 1], such as
            `schedule(1e-2, 1e-4)`.
        optimizer: makes the step rule, as in torch.optim; options go in with functools.partial.
            One that evaluates the loss several times a step (LBFGS) sees the same random numbers
            each time, and has no checkpoint.
        callback: called with (step, loss) at every so many steps, and at number steps - 1, before
            that step changes the parameters.
        stop: sees the losses so far after each step, and ends the fit by returning True; for
            example `plateau(50)`.
        checkpoint: a safetensors file. It is written every `save_every` steps, at the end, and when
            the fit is interrupted; a fit that finds it goes on from there, along the very curve
            that it would have taken.
        progress: show a bar with the loss, if the fit takes more than five seconds.

    Raises:
        ValueError: no parameters, one without a gradient, no steps, or a checkpoint of another fit.
        FloatingPointError: the loss is not a finite number; the message names the step.
    """
    from tqdm.auto import tqdm

    if steps < 1:
        raise ValueError(f"steps: got {steps}, wanted 1 or more")
    groups = _groups(parameters, lr)
    tensors = [tensor for group in groups for tensor in group["params"]]
    rates = [group["lr"] for group in groups]
    rule = optimizer([{**group, "lr": _at(group["lr"], 0.0)} for group in groups])
    again = inspect.signature(rule.step).parameters["closure"].default is inspect.Parameter.empty
    if again and checkpoint is not None:
        kind = type(rule).__name__
        raise ValueError(f"checkpoint: {kind} remembers what a checkpoint cannot hold")
    done = Fit()
    with torch.random.fork_rng(
        devices=[]
    ):  # the caller's own random numbers go on as if nothing had been
        torch.default_generator.manual_seed(seed)
        made_for = {"steps": str(steps), "seed": str(seed)}
        if checkpoint is not None and Path(checkpoint).exists():
            done = _load(Path(checkpoint), tensors, rule, made_for)
        random, whole = torch.random.get_rng_state(), True  # as they were after the last whole step
        bar = tqdm(
            total=steps, initial=len(done.losses), delay=5.0, disable=not progress, leave=False
        )
        try:
            for step in range(len(done.losses), steps):
                if stop is not None and done.losses and stop(done.losses):
                    break
                t = step / max(steps - 1, 1)
                for group, rate in zip(rule.param_groups, rates, strict=True):
                    group["lr"] = _at(rate, t)
                rule.zero_grad()
                before = torch.random.get_rng_state()
                draw = partial(loss, _at(sigma, t), _at(gamma, t))
                value = draw()
                number = value.item()
                if not math.isfinite(number):
                    dials = f"sigma {_at(sigma, t):.3g}, gamma {_at(gamma, t):.3g}"
                    raise FloatingPointError(f"step {step}: the loss is {number}, at {dials}")
                if callback is not None and (step % every == 0 or step == steps - 1):
                    callback(step, number)
                if number < min(done.losses, default=math.inf):
                    done.best, done.best_step = (
                        [tensor.detach().clone() for tensor in tensors],
                        step,
                    )
                value.backward()
                whole = False
                if again:
                    rule.step(_closure(draw, rule, before))
                else:
                    rule.step()
                done.losses.append(number)
                random, whole = torch.random.get_rng_state(), True
                bar.set_postfix(loss=f"{number:.4f}", refresh=False)
                bar.update()
                if checkpoint is not None and len(done.losses) % save_every == 0:
                    _save(Path(checkpoint), done, tensors, rule, random, made_for)
        finally:
            bar.close()
            if checkpoint is not None and done.losses and whole:
                _save(Path(checkpoint), done, tensors, rule, random, made_for)
    return done


def _at(dial: Dial, progress: float) -> float:
    return dial(progress) if callable(dial) else dial


def _closure(draw: Callable[[], Tensor], rule: Optimizer, random: Tensor) -> Callable[[], float]:
    """What LBFGS calls for a loss and its gradient, with the same random numbers every time."""

    def closure() -> float:
        torch.random.set_rng_state(random)
        rule.zero_grad()
        value = draw()
        value.backward()
        return value.item()

    return closure


def _groups(parameters: Any, lr: Dial) -> list[dict[str, Any]]:
    """Tensors or groups -> groups, each with its rate; every tensor is one that can be fitted."""
    if isinstance(parameters, torch.nn.Module) or not isinstance(parameters, Iterable):
        kind = type(parameters).__name__
        raise ValueError(f"parameters: got {kind}, wanted tensors, such as net.parameters()")
    listed = [parameters] if isinstance(parameters, Tensor | Mapping) else list(parameters)
    given: Any = listed if listed and isinstance(listed[0], Mapping) else [{"params": listed}]
    for group in given:
        if not isinstance(group, Mapping) or "params" not in group:
            raise ValueError('parameters: wanted groups as {"params": tensors, "lr": ...}')
    given = [
        {**g, "params": [g["params"]] if isinstance(g["params"], Tensor) else list(g["params"])}
        for g in given
    ]
    groups: list[dict[str, Any]] = [{"lr": lr, **group} for group in given]
    tensors = [tensor for group in groups for tensor in group["params"]]
    if not tensors:
        raise ValueError("parameters: got none, wanted one tensor or more")
    for k, tensor in enumerate(tensors):
        if not (isinstance(tensor, Tensor) and tensor.is_leaf and tensor.requires_grad):
            wanted = "make it with requires_grad_()"
            raise ValueError(
                f"parameters: number {k} is no tensor that a gradient reaches; {wanted}"
            )
    return groups


# ---------------------------------------------------------------- the checkpoint


def _state(tensors: Sequence[Tensor], rule: Optimizer) -> dict[str, Tensor]:
    """By name, every tensor that a fit must find again.

    The parameters and what the step rule remembers of each.
    """
    return {f"parameter.{k}": tensor.detach() for k, tensor in enumerate(tensors)} | memory_of(rule)


def memory_of(rule: Optimizer) -> dict[str, Tensor]:
    """By name, what the step rule remembers of each parameter."""
    kept = rule.state_dict()["state"].items()
    return {
        f"memory.{k}.{name}": value
        for k, memory in kept
        for name, value in memory.items()
        if isinstance(value, Tensor)
    }


def remember(rule: Optimizer, kept: dict[str, Tensor]) -> None:
    """Give the step rule back what `memory_of` told; other names in `kept` are left alone."""
    memory: dict[int, dict[str, Tensor]] = {}
    for name, value in kept.items():
        if name.startswith("memory."):
            _, k, what = name.split(".", 2)
            memory.setdefault(int(k), {})[what] = value
    rule.load_state_dict({**rule.state_dict(), "state": memory})


def write_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """As a safetensors file.

    First beside it: an interruption while writing leaves an old file whole.
    """
    from safetensors.torch import save_file

    beside = path.with_name(path.name + ".part")
    save_file(
        {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()},
        beside,
        metadata=metadata,
    )
    os.replace(beside, path)


def _save(
    path: Path,
    done: Fit,
    tensors: Sequence[Tensor],
    rule: Optimizer,
    random: Tensor,
    made_for: dict[str, str],
) -> None:
    kept = _state(tensors, rule)
    kept |= {f"best.{k}": tensor for k, tensor in enumerate(done.best)}
    kept |= {"losses": torch.tensor(done.losses, dtype=torch.float64), "random": random}
    write_tensors(path, kept, {**made_for, "best_step": str(done.best_step)})


def _load(path: Path, tensors: Sequence[Tensor], rule: Optimizer, made_for: dict[str, str]) -> Fit:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            names = list(file.keys())  # the file itself is no dictionary
            kept = {name: file.get_tensor(name) for name in names}
    except SafetensorError as error:
        raise ValueError(
            f"checkpoint: {path} cannot be read ({error}); delete it to start anew"
        ) from None
    shapes = [
        tuple(kept[name].shape) if (name := f"parameter.{k}") in kept else None
        for k in range(len(tensors))
    ]
    wanted = [tuple(tensor.shape) for tensor in tensors]
    if shapes != wanted or any(metadata.get(key) != value for key, value in made_for.items()):
        theirs = ", ".join(f"{key} {metadata.get(key)}" for key in made_for)
        ours = ", ".join(f"{key} {value}" for key, value in made_for.items())
        raise ValueError(
            f"checkpoint: {path} is of another fit ({theirs}, shapes {shapes}; "
            f"this one: {ours}, shapes {wanted}); delete it to start anew"
        )
    with torch.no_grad():
        for k, tensor in enumerate(tensors):
            tensor.copy_(kept[f"parameter.{k}"])
    remember(rule, kept)
    torch.random.set_rng_state(kept["random"])
    best = [kept[f"best.{k}"].to(tensor.device) for k, tensor in enumerate(tensors)]
    return Fit(kept["losses"].tolist(), best, int(metadata["best_step"]))
