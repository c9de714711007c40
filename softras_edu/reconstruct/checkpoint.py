"""What a run must find again, as safetensors.

The whole state for going on, or the weights alone, in half the space, for using them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..fitting.optimize import memory_of, remember, write_tensors
from .config import METHODS, Config
from .network import Network

# The model that comes with the course.
PRETRAINED = Path(__file__).with_name("pretrained.safetensors")


def save(
    path: Path, network: nn.Module, rule: Optimizer, curve: Tensor, about: dict[str, Any]
) -> None:
    """Weights, what the step rule remembers, and the losses so far, (steps, 5)."""
    kept = {f"network.{name}": value for name, value in network.state_dict().items()}
    _write(path, kept | memory_of(rule) | {"curve": curve}, about)


def load(
    path: Path, network: nn.Module, rule: Optimizer, about: dict[str, Any]
) -> tuple[Tensor, dict[str, Any]]:
    """Put it all back in place; gives the losses so far, and all that was written down.

    What is in `about` must be the same there.

    Raises:
        ValueError: not a checkpoint, or one of another run.
    """
    kept, theirs = _read(path)
    if wrong := [
        f"{name} {theirs.get(name)} there, {value} here"
        for name, value in about.items()
        if theirs.get(name) != value
    ]:
        raise ValueError(
            f"{path} is of another run ({', '.join(wrong)}); choose another folder, or delete it "
            "to start anew"
        )
    try:
        network.load_state_dict(
            {
                name.removeprefix("network."): value
                for name, value in kept.items()
                if name.startswith("network.")
            }
        )
        remember(rule, kept)
        return kept["curve"], theirs
    except (RuntimeError, KeyError) as error:
        raise ValueError(
            f"{path} is of another network ({str(error).splitlines()[0]}); choose another "
            "folder, or delete it to start anew"
        ) from None


def save_model(path: Path, network: nn.Module, config: Config, about: dict[str, Any]) -> None:
    """The weights alone, matrices as float16, with the settings that they were trained with."""
    kept = {
        name: value.half() if value.dim() > 1 else value
        for name, value in network.state_dict().items()
    }
    _write(path, kept, {**about, "config": json.loads(config.to_json())})


def load_model(
    path: str | Path = PRETRAINED, device: torch.device | str = "cpu"
) -> tuple[Network, Config, dict[str, Any]]:
    """A network to use (in eval mode), its settings, and what else was written down.

    `path`: the file, or the folder of a run.

    Raises:
        ValueError: no such file, or not one of ours.
    """
    path = Path(path)
    path = path / "model.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise ValueError(
            f"{path}: no such file; a training that is done writes model.safetensors into its "
            "folder"
        )
    kept, about = _read(path)
    if "config" not in about:
        raise ValueError(f"{path}: no settings in it, so it is no model of ours")
    config = Config.from_json(json.dumps(about.pop("config")), path)
    network = Network(config.width, METHODS[config.method].color, unlit=config.unlit)
    try:
        network.load_state_dict(kept)
    except RuntimeError as error:
        raise ValueError(
            f"{path}: does not fit its own settings ({str(error).splitlines()[0]})"
        ) from None
    return network.to(device).eval(), config, about


def _write(path: Path, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
    write_tensors(path, tensors, {"about": json.dumps(about)})


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
            names = list(file.keys())
            return {name: file.get_tensor(name) for name in names}, about
    except (SafetensorError, ValueError, OSError) as error:
        raise ValueError(f"{path}: cannot be read ({error})") from None
