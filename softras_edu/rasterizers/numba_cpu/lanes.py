"""Lanes: the pixels that a triangle can reach, LANES at a time, and the array where their numbers
rest.

A processor can do the same sum for four or eight numbers at once (SIMD) if a loop does nothing but
sums: no call, no early exit, no writing to places that might be each other. So the pixels that a
face can reach are taken LANES at a time, row after row (`fill_lanes`), and every step of the two
kernels is a short loop over these lanes: fetch what the pixels hold, compute, put it back.

Fetching is for several lanes at once too, if their pixels are neighbours. So lanes come in groups
of GROUP neighbours in a row. The last group of a row may hold pixels that the face does not reach,
where D is 0, so that they change nothing; behind the last column of the image memory has room for
them (`pitch`). An odd number of groups is filled up with the blank group: it stands in memory
behind the last pixel, is read, never written, and no derivative comes from it.

Between two such loops the numbers rest in one array `s`, a row of LANES numbers for each name
below: number Z of lane k is s[Z + k]. One array, and rows at fixed places in it, tell the compiler
that no two rows overlap.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .boxes import Side, span
from .compiling import GROUP, Array, Point, Three, inlined, pasted, step, summed, widest_vectors

LANES = 64  # with the rows below 28 KiB: `s` must stay in the fastest cache (32 KiB or more)
VECTOR = 8  # lanes are computed by so many, which is a whole number of any machine's vectors
# Where a group stands in memory is unsigned: nobody asks whether it counts from the end.
ONE, TWO, THREE = np.uint64(1), np.uint64(2), np.uint64(3)

_taken = 0


def take(rows: int = 1) -> int:
    """Where in `s` the next free rows start; three, for a tuple of three, follow each other."""
    global _taken
    start, _taken = _taken * LANES, _taken + rows
    return start


# One pair: what `pair_forward` takes and gives
X, Y = take(), take()  # pixel centre
V, W, U = take(3), take(3), take(3)  # weights: raw, clipped, of the corner colours
INV_W_SUM, Z, LOGIT = take(), take(), take()

# D, and what the pixel holds
SMALL, LOG_D, LOG_OUTSIDE = take(), take(), take()  # exp(-|logit|), log D, log(1 - D)
LIFT_SUM, PEAK, DEN, COLOR = take(), take(), take(), take()

# The softmax
LOG_WEIGHT, WEIGHT, SHRINK = take(), take(), take()

# A texture: how far right and down between the four texels around; one channel of each
RIGHT, DOWN, TEXEL = take(), take(), take(4)

# Backward only
SLOPE_D, SLOPE_OUTSIDE = take(), take()  # d log D / d logit, d log(1 - D) / d logit
FACTOR = take()  # D = FACTOR exp(LOG_D): see `probability_in_parts`
SLOPE_LIFT = take()  # d lift_sum / d logit
D_LIFT_SUM, D_COLOR = take(), take()  # of the pixel
SHARE, D_LOG_WEIGHT, D_U = take(), take(), take(3)
GAP, LEVERS = take(2), take(3)  # from the closest point, and its weights of the corners
D_RIGHT, D_DOWN, D_TEXTURE = take(), take(), take()

ROWS = _taken


@inlined
def get(s: Array, at: int) -> Three:
    """The tuple of three of one lane: get(s, V + k)."""
    return s[at], s[at + LANES], s[at + 2 * LANES]


@inlined
def put(s: Array, at: int, numbers: Three) -> None:
    """Write the tuple of three of one lane: put(s, V + k, v)."""
    s[at], s[at + LANES], s[at + 2 * LANES] = numbers


@inlined
def get_point(s: Array, at: int) -> Point:
    """The tuple of two of one lane."""
    return s[at], s[at + LANES]


@inlined
def put_point(s: Array, at: int, numbers: Point) -> None:
    """Write the tuple of two of one lane."""
    s[at], s[at + LANES] = numbers


@pasted
def padded(count: int) -> int:
    """`count` rounded up to whole vectors. Lanes behind `count` are those of the blank group.

    Every loop over lanes asks for it: so this is the place to say how it is compiled.
    """
    widest_vectors()
    return (count + VECTOR - 1) & -VECTOR


@inlined
def blank_groups(numbers: Array) -> Array:
    """Where groups of lanes stand in memory: all at the blank one, behind the pixels."""
    return np.full(LANES // GROUP + 1, np.uint64(len(numbers) - GROUP))


@inlined
def pixel_of(group: Array, k: int) -> Any:
    """The number of lane k's pixel among all pixels in memory."""
    return np.int64(group[k // GROUP]) + k % GROUP


@summed
def plus(a: float, b: float) -> float:
    """a + b, in a sum over lanes."""
    return a + b


@inlined
def put_group(s: Array, row: int, numbers: Array, at: Any) -> None:
    """numbers[at] and the three behind it -> s[row] and behind it."""
    number0, number1 = numbers[at], numbers[at + ONE]
    number2, number3 = numbers[at + TWO], numbers[at + THREE]
    k = np.uint64(row)
    s[k], s[k + ONE] = number0, number1
    s[k + TWO], s[k + THREE] = number2, number3


@step
def fill_lanes(
    s: Array,
    group: Array,
    cursor: tuple[int, int, int],
    box: tuple[int, int, int, int],
    sides: tuple[Side, Side, Side],
    first_row: int,
    columns: Array,
    rows: Array,
) -> tuple[int, tuple[int, int, int]]:
    """The next pixels that a face can reach, in groups, row by row. Returns how many, and where to
    go on: row, column, and the end of that row.

    X and Y of each -> s, and the number of a group's first pixel -> group. box is top, bottom,
    left, right, sides are from `sides_of`; columns (W + GROUP - 1,) and rows (H,) from `centers`;
    first_row is the number of the image's first row among the rows of all images.
    """
    i, j, end = cursor
    count = 0
    while count < LANES:
        if j >= end:
            i += 1
            if i >= box[1]:
                break
            j, end = span(i, box, sides)
            continue
        group[count // GROUP] = (first_row + i) * len(columns) + j
        put_group(s, X + count, columns, np.uint64(j))
        y, k = rows[i], np.uint64(Y + count)
        s[k], s[k + ONE], s[k + TWO], s[k + THREE] = y, y, y, y
        j += GROUP
        count += GROUP
    if count % VECTOR:
        group[count // GROUP] = group[-1]  # the blank one, where no derivative comes from
        put_group(s, X + count, s, np.uint64(X + count - GROUP))
        put_group(s, Y + count, s, np.uint64(Y + count - GROUP))
    return count, (i, j, end)


@step
def load(s: Array, row: int, group: Array, count: int, numbers: Array) -> None:
    """numbers of all pixels -> a row of s, for the lanes' pixels and the blank group."""
    for g in range(padded(count) // GROUP):
        put_group(s, row + g * GROUP, numbers, group[g])


@step
def store(s: Array, row: int, group: Array, count: int, numbers: Array) -> None:
    """A row of s -> numbers of the lanes' pixels."""
    for g in range(count // GROUP):
        pixel, k = group[g], np.uint64(row + g * GROUP)
        number0, number1 = s[k], s[k + ONE]
        number2, number3 = s[k + TWO], s[k + THREE]
        numbers[pixel], numbers[pixel + ONE] = number0, number1
        numbers[pixel + TWO], numbers[pixel + THREE] = number2, number3
