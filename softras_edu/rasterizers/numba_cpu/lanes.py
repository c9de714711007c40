"""Lanes: the pixels of a triangle's box, LANES at a time, and the array where their numbers rest.

A processor can do the same sum for four or eight numbers at once (SIMD) if a loop does nothing but
sums: no call, no early exit, no writing to places that might be each other. So the pixels of a box
are taken LANES at a time, row after row of the box (`fill_lanes`), and every step of the two
kernels is a short loop over these lanes: fetch what the pixels hold, compute, put it back.

Between two such loops the numbers rest in one array `s`, a row of LANES numbers for each name
below: number Z of lane k is s[Z + k]. One array, and rows at fixed places in it, tell the compiler
that no two rows overlap.
"""

from __future__ import annotations

from .compiling import Array, Three, inlined, step, vector_length

LANES = 64  # with the rows below 28 KiB: `s` must stay in the fastest cache (32 KiB or more)
VECTOR = vector_length()

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
LOG_D, LOG_OUTSIDE = take(), take()  # log D, log(1 - D)
LIFT_SUM, PEAK, DEN, COLOR = take(), take(), take(), take()

# The softmax
LOG_WEIGHT, WEIGHT, SHRINK = take(), take(), take()

# A texture: how far right and down between the four texels around; one channel of each
RIGHT, DOWN, TEXEL = take(), take(), take(4)

# Backward only
SLOPE_D, SLOPE_OUTSIDE = take(), take()  # d log D / d logit, d log(1 - D) / d logit
SLOPE_LIFT = take()  # d lift_sum / d logit
D_LIFT_SUM, D_COLOR = take(), take()  # of the pixel
SHARE, D_LOG_WEIGHT, D_U = take(), take(), take(3)
D_X, D_Y, D_INV_Z = take(3), take(3), take(3)  # of the three corners
D_RIGHT, D_DOWN, D_TEXTURE = take(), take(), take()
D_CORNER_COLOR = D_X  # the same rows: `color_backward` is done with them before D_X is written

ROWS = _taken


@inlined
def get(s: Array, at: int) -> Three:
    """The tuple of three of one lane: get(s, V + k)."""
    return s[at], s[at + LANES], s[at + 2 * LANES]


@inlined
def put(s: Array, at: int, numbers: Three) -> None:
    """Write the tuple of three of one lane: put(s, V + k, v)."""
    s[at], s[at + LANES], s[at + 2 * LANES] = numbers


@step
def padded(count: int) -> int:
    """`count` rounded up to whole vectors. The lanes behind `count` are computed and never read."""
    return count + -count % VECTOR


@step
def fill_lanes(
    s: Array,
    pixel: Array,
    first: int,
    box: tuple[int, int, int, int],
    first_row: int,
    columns: Array,
    rows: Array,
) -> int:
    """Pixels first, first + 1, ... of a box, row by row, one a lane. Returns how many there are.

    X and Y of each -> s, and its number among the pixels of all images -> pixel (LANES,). box is
    top, bottom, left, right; columns (W,) and rows (H,) are from `centers`; first_row is the number
    of the image's first row among the rows of all images.
    """
    top, bottom, left, right = box
    wide = right - left
    count = min(LANES, (bottom - top) * wide - first)
    i, j = top + first // wide, left + first % wide
    number = (first_row + i) * len(columns) + j
    for k in range(count):
        pixel[k] = number
        s[X + k], s[Y + k] = columns[j], rows[i]
        end = j + 1 == right
        i = i + 1 if end else i
        j = left if end else j + 1
        number = number + 1 + len(columns) - wide if end else number + 1
    return count


@step
def load(s: Array, row: int, pixel: Array, count: int, numbers: Array) -> None:
    """numbers (B * H * W,) of the lanes' pixels -> a row of s."""
    for k in range(count):
        s[row + k] = numbers[pixel[k]]


@step
def store(s: Array, row: int, pixel: Array, count: int, numbers: Array) -> None:
    """A row of s -> numbers (B * H * W,) of the lanes' pixels."""
    for k in range(count):
        numbers[pixel[k]] = s[row + k]
