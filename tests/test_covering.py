"""The covering array keeps its promise, for the factors of the tests and for others."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from covering import Pair, covering, pairs_of
from hypothesis import given, settings
from hypothesis import strategies as st

SIZES = st.lists(st.integers(1, 5), min_size=2, max_size=6)


def factors(sizes: list[int]) -> dict[str, list[str]]:
    return {f"f{k}": [f"{k}:{v}" for v in range(size)] for k, size in enumerate(sizes)}


@settings(max_examples=50, deadline=None, derandomize=True)
@given(sizes=SIZES)
def test_any_two_values_of_any_two_factors_meet(sizes: list[int]) -> None:
    choices = factors(sizes)
    cases = covering(choices)
    for a, b in combinations(choices, 2):
        met = {(case[a], case[b]) for case in cases}
        assert met == set(product(choices[a], choices[b]))
    assert all(list(case) == list(choices) for case in cases)


@pytest.mark.parametrize(
    ("sizes", "most"), [([18, 2, 10, 2, 2, 2, 3], 190), ([2] * 8, 10), ([4, 3], 12)]
)
def test_there_are_few_cases_and_none_that_adds_nothing(sizes: list[int], most: int) -> None:
    cases = covering(factors(sizes))
    assert len(cases) <= most
    seen: set[Pair] = set()
    for case in cases:
        assert pairs_of(case) - seen, "all its pairs have met before"
        seen |= pairs_of(case)


def test_the_cases_spread_beyond_pairs() -> None:
    """Two switches beside two large factors: any value meets all four of their settings."""
    cases = covering(factors([18, 10, 2, 2]))
    for value in {case["f0"] for case in cases} | {case["f1"] for case in cases}:
        settings = {(c["f2"], c["f3"]) for c in cases if value in (c["f0"], c["f1"])}
        assert len(settings) == 4


def test_the_same_cases_each_time() -> None:
    assert covering(factors([5, 4, 3, 2])) == covering(factors([5, 4, 3, 2]))
