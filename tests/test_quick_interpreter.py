"""Triton's interpreter as the tests use it: what `quick_interpreter` leaves out is not missed."""

from __future__ import annotations

import pytest
import torch
from test_triton import DEVICE, REASON

if REASON is not None or DEVICE != "cpu":
    pytest.skip("triton: no interpreter", allow_module_level=True)

import triton
import triton.language as tl


@triton.jit
def combine(a_ptr, b_ptr, out_ptr, how: tl.constexpr):
    a, b = tl.load(a_ptr), tl.load(b_ptr)
    if how == "add":
        tl.store(out_ptr, a + b)
    elif how == "sub":
        tl.store(out_ptr, a - b)
    else:
        tl.store(out_ptr, a * b)


LAST = 2**31 - 1


@pytest.mark.parametrize(
    ("how", "a", "b", "wanted"),
    [
        ("add", LAST - 1, 1, LAST),
        ("add", LAST, 1, None),
        ("sub", -LAST, 1, -LAST - 1),
        ("sub", -LAST, 2, None),
        ("mul", 2**15, 2**15, 2**30),
        ("mul", 2**16, 2**15, None),
        ("mul", -(2**16), 2**15, -LAST - 1),
    ],
)
def test_an_integer_that_does_not_fit_stops_the_kernel(how, a, b, wanted) -> None:
    a, b, out = (torch.tensor([x], dtype=torch.int32) for x in (a, b, 0))
    if wanted is None:
        with pytest.raises(Exception, match=f"int32 overflow detected for operation {how}"):
            combine[(1,)](a, b, out, how)
    else:
        combine[(1,)](a, b, out, how)
        assert out.item() == wanted


@triton.jit
def table(out_ptr, wide_ptr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):  # noqa: N803
    i, j = tl.arange(0, ROWS), tl.arange(0, COLUMNS)
    both = i[:, None] * 10 + j[None, :]
    tl.store(out_ptr + i[:, None] * COLUMNS + j[None, :], both)
    row = tl.sum(both, axis=0)
    tl.store(wide_ptr + j, row.to(tl.float64) / 2 + tl.program_id(0))


def test_blocks_of_several_shapes_and_types_meet_in_one_kernel() -> None:
    out, halves = torch.zeros(4, 8, dtype=torch.int32), torch.zeros(8, dtype=torch.float64)
    table[(1,)](out, halves, 4, 8)
    wanted = 10 * torch.arange(4)[:, None] + torch.arange(8)
    assert torch.equal(out.long(), wanted)
    assert torch.equal(halves, wanted.sum(0).double() / 2)
    smaller = torch.zeros(2, 2, dtype=torch.int32)
    table[(1,)](smaller, halves, 2, 2)
    assert torch.equal(smaller.long(), wanted[:2, :2])
