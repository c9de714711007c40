"""What the hardware could do at best, from counts: the least time for the instructions of the live
pairs, and for the bytes of input and output. The share of it that is reached is the answer to "how
much faster could this be?".

Instruction floor. A multiprocessor has 4 schedulers, and each issues at most one instruction for 32
lanes a clock (every NVIDIA GPU since Volta: the CUDA C++ Programming Guide, "Hardware
Implementation"). So lane by lane a GPU can issue

    multiprocessors x 128 x clock        instructions a second (H200: 132 x 128 x 1.98e9 = 33.5e12)

and the pairs that count, each with the instructions of a loop body, cannot take less than

    live pairs x instructions a pair / that rate.

Instructions a pair are those of the committed compile table (benchmarks/results/compile-*.csv) for
this GPU's target, or for the nearest one below; where there is no table, those of the shortest
loops ever compiled for this. Nothing but live pairs is counted: neither dead pairs of a tile, nor
launches, nor lists. Kernels usually reach 20 to 50 % of such a floor, small pictures much less, for
there a launch costs more than the work.

Byte floor. Each input is read once and each output is written once, at the speed of a large copy
on the same card (bytes read and bytes written both counted):

    forward     reads triangles and colours, writes the image and the state
    backward    reads both again, the image, its gradient and the state, writes two gradients
"""

from __future__ import annotations

from ...teaching.results.timings import compiled
from ..case import Case
from .card import Card

SLOTS = 128  # instructions a clock of one multiprocessor, lane by lane: 4 schedulers x 32 lanes
KERNELS = {"forward": "_forward_kernel", "backward": "_backward_by_face_kernel"}
# (pass, coloured) -> instructions a pair of the shortest loops ever compiled for it
SHORTEST = {
    ("forward", True): 133.0,
    ("backward", True): 161.0,
    ("forward", False): 50.0,
    ("backward", False): 98.0,
}
FLOAT = 4  # bytes


def rate(card: Card) -> float:
    """Instructions a second that the card can issue, counted lane by lane."""
    return card.multiprocessors * SLOTS * card.clock_hz


def instructions(direction: str, colored: bool, target: str) -> float:
    """Instructions a pair of our kernel, float32. direction: "forward" or "backward"."""
    variant = "RGB" if colored else "silhouette"
    found = {
        int(row["target"].removeprefix("sm_")): float(row["instructions_per_pair"])
        for row in compiled()
        if row["kernel"] == KERNELS[direction]
        and (row["variant"], row["dtype"]) == (variant, "fp32")
        and row["target"].startswith("sm_")
    }
    wanted = int(target.removeprefix("sm_") or 0)
    below = [number for number in found if number <= wanted]
    return found[max(below)] if below else SHORTEST[direction, colored]


def instruction_floor_ms(live: int, colored: bool, both: bool, card: Card) -> float:
    """Milliseconds for `live` pairs, forward, or forward and backward (`both`)."""
    a_pair = instructions("forward", colored, card.target)
    if both:
        a_pair += instructions("backward", colored, card.target)
    return live * a_pair / rate(card) * 1e3 if card.clock_hz else float("nan")


def least_bytes(case: Case, both: bool) -> int:
    """Bytes of all inputs and outputs of one call, float32."""
    faces: int = case.batch * 20 * 4**case.level
    pixels: int = case.batch * case.side**2
    channels = 0 if case.silhouette else 3
    inputs = faces * (9 + 3 * channels)
    image, state = pixels * (channels + 1), pixels * (3 if channels else 1)
    forward = inputs + image + state
    backward = inputs + 2 * image + state + inputs
    return FLOAT * (forward + (backward if both else 0))


def byte_floor_ms(case: Case, both: bool, bytes_a_second: float) -> float:
    """Milliseconds for those bytes at the measured speed of a copy."""
    return least_bytes(case, both) / bytes_a_second * 1e3
