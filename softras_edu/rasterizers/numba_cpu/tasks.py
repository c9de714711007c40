"""Tasks for several threads: which rows or faces each one owns.

No two tasks write to the same number, and each sum has one order, whatever the number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import cast

import numpy as np
import torch

from .compiling import Array

LEAST_RUN = 20000  # pairs of pixel and box: to hand over fewer would cost more than it saves


@lru_cache(maxsize=1)
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads of our own: numba's would have to agree with PyTorch's OpenMP.

    `process` asks for new ones after a fork (DataLoader).
    """
    return ThreadPoolExecutor(threads, thread_name_prefix="softras-edu")


def share_out(kernel: Callable[..., None], cuts: list[int], *arguments: object) -> None:
    """kernel(cuts[0], cuts[1], ...), kernel(cuts[1], cuts[2], ...), ...: the first in this thread.

    The others run beside it, in the pool. Raises what a task raised.
    """
    others = []
    if len(cuts) > 2 and torch.get_num_threads() == 1:
        for start, stop in pairwise(cuts):
            kernel(start, stop, *arguments)
        return
    if len(cuts) > 2:
        pool = _pool(torch.get_num_threads(), os.getpid())
        others = [
            pool.submit(kernel, start, stop, *arguments) for start, stop in pairwise(cuts[1:])
        ]
    kernel(cuts[0], cuts[1], *arguments)
    for task in others:
        task.result()


def runs(pairs: int) -> int:
    """How many tasks so many pairs are cut into: up to four a thread, none below LEAST_RUN."""
    threads = torch.get_num_threads()
    return 1 if threads == 1 else max(1, min(4, pairs // (threads * LEAST_RUN)) * threads)


def cut(costs: Array) -> list[int]:
    """Where to cut a list of jobs into runs of about equal cost."""
    return cut_into(runs(int(costs.sum())), costs)


def cut_rows(box: Array, images: int, height: int) -> list[int]:
    """Where to cut the B * H rows of all images."""
    if runs(int(face_costs(box).sum())) < 2:  # most often: spares the rows' own costs
        return [0, images * height]
    return cut(row_costs(box, images, height))


def cut_into(runs: int, costs: Array) -> list[int]:
    """The same for so many runs."""
    if runs < 2:
        return [0, len(costs)]
    sums = np.cumsum(costs)
    inner = np.searchsorted(sums, sums[-1] * np.arange(1, runs) / runs)
    return cast("list[int]", np.unique([0, *inner, len(costs)]).tolist())


def face_costs(box: Array) -> Array:
    """Pixels in each box, (B * F, 4) -> (B * F,)."""
    return (box[:, 1] - box[:, 0]) * (box[:, 3] - box[:, 2])


def row_costs(box: Array, images: int, height: int) -> Array:
    """Pairs in each row of all images, (B * F, 4) -> (B * H,).

    A box adds its width at its first row and takes it back after its last; then running sums.
    """
    steps = np.zeros(images * (height + 1), dtype=np.int64)
    first = np.repeat(np.arange(images), len(box) // max(images, 1)) * (height + 1)
    width = box[:, 3] - box[:, 2]
    np.add.at(steps, first + box[:, 0], width)
    np.add.at(steps, first + box[:, 1], -width)
    return 1 + steps.reshape(images, height + 1).cumsum(1)[:, :-1].reshape(-1)
