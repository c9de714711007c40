"""The distributions as Triton has them, made of exp, log and series of their own, against
PyTorch's: far out on both sides, and at every shape."""

from __future__ import annotations

import sys

import pytest
import torch

from softras_edu.rasterizers import triton_gpu
from softras_edu.rasterizers.options import Options
from softras_edu.softness import DISTRIBUTIONS
from softras_edu.softness.distributions import FAMILY

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu" and "triton" not in sys.modules:
    triton_gpu.use_interpreter()
REASON = triton_gpu.why_not(DEVICE)
if REASON is not None:
    pytest.skip(f"triton: {REASON}", allow_module_level=True)

import triton  # noqa: E402
import triton.language as tl  # noqa: E402

from softras_edu.rasterizers.triton_gpu.load import to_dtype  # noqa: E402
from softras_edu.rasterizers.triton_gpu.numbers import expm1, log1m_exp, log1p  # noqa: E402
from softras_edu.rasterizers.triton_gpu.pair import probability_map  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:triton")
CASES = [(name, 1.0, 0.0) for name in DISTRIBUTIONS if not name.startswith("gamma")]
CASES += [("gamma", shape, 0.0) for shape in (0.1, 0.5, 1.0, 2.0, 9.7, 100.0)] + [
    ("gamma_rev", 3.0, -0.4),
    ("exponential_rev", 1.0, 0.6),
    ("levy", 1.0, 0.3),
]


@triton.jit
def probability_kernel(
    x_ptr,  # (N,)
    out_ptr,  # (4, N)
    shape: tl.float64,
    log_gamma: tl.float64,
    shift: tl.float64,
    terms,
    DISTRIBUTION: tl.constexpr,  # noqa: N803
    REVERSED: tl.constexpr,  # noqa: N803
    N: tl.constexpr,  # noqa: N803
):
    dtype: tl.constexpr = x_ptr.dtype.element_ty
    k = tl.arange(0, N)
    dials = to_dtype((shape, log_gamma, shift), dtype)
    a, b, c, d = probability_map(tl.load(x_ptr + k), dials, terms, DISTRIBUTION, REVERSED)
    tl.store(out_ptr + k, a)
    tl.store(out_ptr + N + k, b)
    tl.store(out_ptr + 2 * N + k, c)
    tl.store(out_ptr + 3 * N + k, d)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("distribution", "shape", "shift"), CASES)
def test_logarithms_and_slopes_agree_far_out_on_both_sides(distribution, shape, shift, dtype):
    x = torch.cat(
        [side * torch.logspace(-6, 2.3, 128, dtype=torch.float64) for side in (-1, 1)]
    ).to(dtype)
    o = Options(
        height=1,
        width=1,
        sigma=1.0,
        gamma=1.0,
        eps=0.0,
        far=2.0,
        dist_eps=0.0,
        distribution=distribution,
        squared=True,
        shape=shape,
        shift=shift,
    )
    wanted_from = {"shape", "log_gamma", "shift", "terms", "DISTRIBUTION", "REVERSED"}
    out = torch.empty(4, len(x), dtype=dtype, device=DEVICE)
    probability_kernel[(1,)](
        x.to(DEVICE),
        out,
        **{
            name: value for name, value in triton_gpu.dials(o, dtype).items() if name in wanted_from
        },
        N=len(x),
    )
    log_d, log_outside, rise, fall = out.cpu().double()
    wanted, wanted_rise, wanted_outside, wanted_fall = FAMILY[distribution].tails(
        x.double(), shape, torch.tensor(shift, dtype=dtype).item()
    )
    # The tolerance is of the number, or of 1. A logarithm below -1e4 is as good as minus
    # infinity, and what its slope is does not matter.
    digits = 1e-10 if dtype == torch.float64 else 5e-5 if distribution.startswith("gamma") else 5e-6
    torch.testing.assert_close(
        log_d.clamp_min(-1e4), wanted.clamp_min(-1e4), rtol=digits, atol=digits
    )
    torch.testing.assert_close(
        log_outside.clamp_min(-1e4), wanted_outside.clamp_min(-1e4), rtol=digits, atol=digits
    )
    torch.testing.assert_close(
        rise.where(wanted > -1e4, 0.0),
        wanted_rise.where(wanted > -1e4, 0.0),
        rtol=digits,
        atol=digits,
    )
    torch.testing.assert_close(
        fall.where(wanted_outside > -1e4, 0.0),
        wanted_fall.where(wanted_outside > -1e4, 0.0),
        rtol=digits,
        atol=digits,
    )


@triton.jit
def digits_kernel(e_ptr, out_ptr, N: tl.constexpr):  # noqa: N803
    k = tl.arange(0, N)
    e = tl.load(e_ptr + k)
    tl.store(out_ptr + k, log1p(e))
    tl.store(out_ptr + N + k, expm1(e))
    tl.store(out_ptr + 2 * N + k, log1m_exp(e))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_functions_of_a_small_number_keep_its_digits(dtype):
    # log(1 + e) and exp(e) - 1 as they stand would round e away against 1.
    e = torch.logspace(-30, 0, 64, dtype=torch.float64).to(dtype)
    out = torch.empty(3, len(e), dtype=dtype, device=DEVICE)
    digits_kernel[(1,)](e.to(DEVICE), out, N=len(e))
    x = e.double()
    wanted = torch.stack([torch.log1p(x), torch.expm1(x), torch.log(-torch.expm1(-x))])
    digits = 1e-12 if dtype == torch.float64 else 2e-6
    torch.testing.assert_close(out.cpu().double(), wanted, rtol=digits, atol=0)
