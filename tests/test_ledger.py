"""The cost ledger counts what it says.

Bytes read, written, kept and alive at a time, on computations whose cost is known.
"""

from __future__ import annotations

import os
import time

import pytest
import torch
from torch import nn

from softras_edu.teaching.cost_ledger import Ledger, peak_bytes, readable, saved_bytes, seconds
from softras_edu.teaching.weather import weather

N = 1000


def test_a_sum_reads_two_and_writes_one():
    a, b = torch.ones(N), torch.ones(N)
    ledger = Ledger()
    with ledger.line("sum"):
        _ = a + b
    (line,) = ledger.lines
    assert (line.operations, line.read, line.wrote) == (1, 8 * N, 4 * N)


def test_views_move_nothing_and_stretched_tensors_count_as_they_are():
    a, b = torch.ones(N, 1), torch.ones(1, N)
    ledger = Ledger()
    with ledger.line("views"):
        c, d = a.expand(N, N), b.reshape(N)[None]
    with ledger.line("outer"):
        _ = c + d
    views, outer = ledger.lines
    assert (views.operations, views.read, views.wrote) == (0, 0, 0)
    assert (outer.read, outer.wrote) == (8 * N, 4 * N * N)
    assert (ledger.total.operations, ledger.total.wrote) == (1, 4 * N * N)
    assert "in total" in ledger.table()


def test_in_place_operations_count():
    a = torch.ones(N)
    ledger = Ledger()
    with ledger.line("in place"):
        a.add_(1)
    assert (ledger.lines[0].read, ledger.lines[0].wrote) == (4 * N, 4 * N)


def test_a_product_keeps_both_factors_an_exponential_its_result_a_sum_nothing():
    a, b = torch.ones(N, requires_grad=True), torch.ones(N, requires_grad=True)
    assert saved_bytes(lambda: a + b) == 0
    assert saved_bytes(lambda: a * b) == 8 * N
    assert saved_bytes(lambda: a * a) == 4 * N  # twice the same
    assert saved_bytes(lambda: (a + 1).exp()) == 4 * N
    with torch.no_grad():
        assert saved_bytes(lambda: a * b) == 0


def test_what_autograd_lets_go_of_is_not_counted():
    a = torch.ones(N, requires_grad=True)
    assert saved_bytes(lambda: a + (a * 3).exp().detach()) == 0  # the notes of exp hang on nothing


def test_the_peak_is_what_is_alive_at_a_time():
    a = torch.ones(N)

    def chain() -> torch.Tensor:
        x = a
        for _ in range(10):
            x = x + 1  # the old x dies when the new one is there
        return x

    assert peak_bytes(chain) == 8 * N
    assert peak_bytes(lambda: [a + k for k in range(10)]) == 40 * N
    assert peak_bytes(lambda: a.view(10, 100).t()) == 0


def test_the_peak_sees_the_backward_pass():
    torch.manual_seed(0)
    layers = nn.Sequential(*[nn.Sigmoid() for _ in range(5)])
    a = torch.ones(N, requires_grad=True)
    assert peak_bytes(lambda: layers(a).sum().backward()) >= 6 * 4 * N


def test_bytes_for_people():
    assert readable(0) == "0 B"
    assert readable(1_300_000) == "1.3 MB"
    assert readable(278e9) == "278 GB"
    assert readable(2.5e12) == "2.5 TB"


def test_seconds_are_a_median_after_a_warm_up():
    naps = iter([0.3, 0.02, 0.2, 0.02, 0.02, 0.2])  # a slow first call, and two slow ones of five
    assert 0.02 <= seconds(lambda: time.sleep(next(naps)), repeats=5) < 0.1
    assert list(naps) == []
    naps = iter([0.05, 0.05])
    assert seconds(lambda: time.sleep(next(naps)), repeats=2, warm_up=False) >= 0.05


@pytest.mark.parametrize("programs", [0, 2])
def test_weather_runs_as_many_programs_as_asked_for_and_stops_them(programs):
    def alive(number: int) -> bool:
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return False
        return True

    with pytest.raises(KeyError), weather(programs) as numbers:  # noqa: PT012
        assert len(numbers) == programs
        assert all(map(alive, numbers))
        raise KeyError
    assert not any(map(alive, numbers))
