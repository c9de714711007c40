"""How the functions of this rung are compiled by numba, and the types that they take.

    @kernel    is called from Python
    @step      is a part of a kernel: a loop over lanes or pixels
    @inlined   is a formula that becomes a part of every loop that calls it
    @summed    the same, for a sum over lanes, which has no order
    @scalar    stays a function of its own
    @pasted    is copied into its caller before anything is compiled

Without numba the decorators return the Python function, so that this package imports everywhere;
`MISSING` then says why its kernels cannot run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

MISSING: str | None = None  # why there is no numba
try:
    import numba
except ModuleNotFoundError:
    MISSING = "numba is not installed: pip install numba"
except ImportError as error:  # numba refuses a NumPy that is too new for it
    MISSING = f"numba does not start: {error}"

Array = Any  # numpy.ndarray; numba compiles for the real types
Point = tuple[float, float]
Three = tuple[float, float, float]
Four = tuple[float, float, float, float]
GROUP = 4  # pixels that are fetched together: see lanes.py
Function = TypeVar("Function", bound=Callable[..., Any])


def _njit(function: Function, **options: Any) -> Function:
    """Compile with numba; division by zero gives infinity or NaN as in NumPy, it raises nothing."""
    if MISSING:
        return function
    return cast("Function", numba.njit(error_model="numpy", **options)(function))


def kernel(function: Function) -> Function:
    """Compile to run without Python's lock; keep the machine code on disk for other processes."""
    try:
        return _njit(function, nogil=True, cache=True)
    except RuntimeError:  # neither this folder nor the user's cache can be written to
        return _njit(function, nogil=True)


def step(function: Function) -> Function:
    """Compile as a part of the kernel that calls it; it must not make arrays.

    Without numba's runtime (NRT) a step does not count references to the arrays that it is given.
    Counting is two atomic instructions an array, 64 pixels and step: a tenth of a kernel's time.
    """
    return _njit(function, forceinline=True, _nrt=False)


def inlined(function: Function) -> Function:
    """Compile as a part of every kernel that calls it.

    A loop that only calls inlined functions can be vectorised, and what is the same for all its
    rounds is computed once, before it. A product and the sum after it may be one instruction (FMA),
    which rounds once instead of twice. Nothing else of fast-math is allowed.
    """
    return _njit(function, forceinline=True, fastmath={"contract"})


def summed(function: Function) -> Function:
    """`inlined`, for a sum over lanes, which may add them in any order: so in several sums at once.

    (The order is the same in each call.)
    """
    return _njit(function, forceinline=True, fastmath={"reassoc"})


def pasted(function: Function) -> Function:
    """Compile as if the caller had written it: for `widest_vectors`, which changes the caller."""
    return _njit(function, inline="always")


def scalar(function: Function) -> Function:
    """Compile as a function of its own: its code exists once, not once in each caller."""
    return _njit(function)


def _widest_vectors(_: Any) -> Any:
    """Let the loops of the calling function use the widest vectors that the machine has.

    Left alone, LLVM takes half of AVX-512, 256 bits: a program that uses wide vectors now and then
    pays for them with a lower clock. These loops do little else, and need half the instructions.
    """

    def codegen(context: Any, builder: Any, *_: Any) -> Any:
        # LLVM knows this attribute; llvmlite's own `add` does not.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return numba.types.none(), codegen


compiles = not (MISSING or numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
widest_vectors: Any = numba.extending.intrinsic(_widest_vectors) if compiles else lambda: None


# ---------------------------------------------------------------- what kernels take


class Dials(NamedTuple):
    """`Options` as plain numbers of fixed types: one compiled kernel serves every choice."""

    height: int
    width: int
    sigma: float
    gamma: float
    near: float
    far: float
    least_logit: float  # D >= dist_eps is +-d2 / sigma >= this
    reach: float
    log_background: float  # log weight of the background
    euclidean: bool
    perspective_correct: bool
    cull_backfaces: bool
    min_doubled_area: float
    min_depth: float
    pitch: int  # from a row of pixels to the next one in memory, GROUP - 1 more than the width
    gendr: bool  # False: the Soft Rasterizer's D = sigmoid(+-d2 / sigma) and A_O = 1 - prod(1 - D)
    # Read only where gendr is true:
    squared: bool
    distribution: int  # its place in softness.DISTRIBUTIONS
    shape: float
    shift: float
    log_gamma: float  # log Gamma(shape + 1)
    conorm: int  # its place in softness.CONORMS
    p: float
    no_faces: float  # `lift_sum` of a pixel without faces


class Faces(NamedTuple):
    """What is drawn: N = B * F triangles, those of one image after those of another."""

    triangles: Array  # (N, 3, 3): x, y, z of three corners
    colors: Array  # (N, 3, C)
    box: Array  # (N, 4): first row, row after the last, first column, column after the last
    uv: Array  # (N, 3, 2); without a texture this and the next two have length 0
    texels: Array  # (T, C)
    where: Array  # (N, 4): see `FlatTexture`


class DFaces(NamedTuple):
    """Derivatives of the loss with respect to `Faces`: they come in as 0.

    Of a length of 0 where nobody wants them.
    """

    triangles: Array  # (N, 3, 3)
    colors: Array  # (N, 3, C), always
    uv: Array  # (N, 3, 2)
    texels: Array  # (T, C), in float64: of one task alone


class Saved(NamedTuple):
    """What the forward pass keeps of each pixel, in float64.

    P pixels: B * H rows of `pitch`, which is more than W, and the blank group (see lanes.py).
    `lift_sum` is the sum of log(1 - D), that is log prod(1 - D), for the Soft Rasterizer. For
    another conorm of GenDR it is the number that `conorms.join` makes of the faces.
    """

    peak: Array  # (P,): largest log weight
    den: Array  # (P,): sum of exp(log_weight - peak); in the end 1 / that
    lift_sum: Array  # (P,)
    winner: Array  # (P,): face with the largest D, for the conorm max; else empty
    color: Array  # (C, P): sum of exp(log_weight - peak) * colour; in the end over that sum
