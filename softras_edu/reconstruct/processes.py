"""One process or several.

Who takes part, on what hardware, and numbers that all of them share. torchrun says how many there
are.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist
from torch import Tensor

from ..machine import processor


@contextmanager
def together(device: str, backend: str = "auto") -> Iterator[tuple[int, int, torch.device]]:
    """Join the other processes that torchrun started, if it did.

    Gives the rank, how many there are, and this process's device.

    Args:
        device: "auto" (a GPU if there is one), "cpu", "cuda", or "cuda:1".
        backend: "gloo" works on everything, also where some processes have a GPU and some not;
            "nccl" is faster between GPUs. "auto" is nccl on a GPU, else gloo.

    Raises:
        ValueError: a device that is not there.
    """
    world, rank, local = (
        int(os.environ.get(name, default))
        for name, default in (("WORLD_SIZE", "1"), ("RANK", "0"), ("LOCAL_RANK", "0"))
    )
    chosen = (
        "cuda"
        if device == "auto" and torch.cuda.is_available()
        else "cpu"
        if device == "auto"
        else device
    )
    if chosen.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(f"device: got {device!r}, but this PyTorch finds no GPU")
    try:
        place = (
            torch.device("cuda", local % torch.cuda.device_count())
            if chosen == "cuda"
            else torch.device(chosen)
        )
    except RuntimeError as error:
        raise ValueError(f"device: got {device!r} ({str(error).splitlines()[0]})") from None
    if world == 1:
        yield 0, 1, place
        return
    if place.type == "cuda":
        torch.cuda.set_device(place)
    dist.init_process_group(
        backend if backend != "auto" else "nccl" if place.type == "cuda" else "gloo"
    )
    try:
        yield rank, world, place
    finally:
        dist.destroy_process_group()


def hardware(device: torch.device) -> str:
    """This process's device in words."""
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{processor()}, {torch.get_num_threads()} threads"
    )
    return f"{device}: {name}, torch {torch.__version__}, Python {platform.python_version()}"


def everyones(text: str, device: torch.device, world: int) -> list[str]:
    """A line of each process, in the order of their ranks."""
    if world == 1:
        return [text]
    line = torch.zeros(200, dtype=torch.uint8)
    letters = text.encode()[:200]
    line[: len(letters)] = torch.tensor(list(letters), dtype=torch.uint8)
    line = line.to(device if dist.get_backend() == "nccl" else "cpu")
    lines = [torch.empty_like(line) for _ in range(world)]
    dist.all_gather(lines, line)
    return [bytes(x.tolist()).rstrip(b"\0").decode(errors="replace") for x in lines]


def mean(numbers: Tensor, world: int) -> Tensor:
    """The mean over all processes of a tensor that each has its own of."""
    if world == 1:
        return numbers
    numbers = numbers.clone()
    dist.all_reduce(numbers)
    return numbers / world
