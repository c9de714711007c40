"""Few cases in which every two choices meet: a pairwise covering array.

Most mistakes need one choice to show, or two that meet. With 18 x 2 x 10 choices and five more
switches there are 17,280 combinations, but 180 or so of them hold every pair of values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import pytest

Case = dict[str, Any]
Pair = frozenset[tuple[str, Any]]


def pairs_of(case: Mapping[str, Any]) -> set[Pair]:
    """All pairs of values that meet in a case, each as a set of two (factor, value)."""
    return {frozenset(pair) for pair in combinations(case.items(), 2)}


def covering(factors: Mapping[str, Sequence[Any]]) -> list[Case]:
    """Cases, one value a factor, such that any two values of any two factors meet in one of them.

    Greedy: a case starts with the first pair that has not met; then factor by factor takes the
    value that makes most new pairs with those already there, and among equals the one that has met
    them least often, so that the cases spread beyond pairs. The same cases each time.
    """
    met: dict[Pair, int] = {}
    for a, b in combinations(factors, 2):
        for x, y in product(factors[a], factors[b]):
            met[frozenset({(a, x), (b, y)})] = 0
    cases: list[Case] = []
    while missing := [pair for pair, count in met.items() if not count]:
        case = dict(missing[0])
        for name in factors:
            if name in case:
                continue
            worth = {}
            for x in factors[name]:
                counts = [met[frozenset({(name, x), other})] for other in case.items()]
                worth[x] = counts.count(0), -sum(counts)
            case[name] = max(worth, key=worth.__getitem__)
        for pair in pairs_of(case):
            met[pair] += 1
        cases.append({name: case[name] for name in factors})
    return cases


def some_of_the_grid(factors: Mapping[str, Sequence[Any]]) -> list[Any]:
    """The whole grid as pytest's parameters; what is not `covering` has the marker full_grid."""
    some = [tuple(case.values()) for case in covering(factors)]
    return [
        pytest.param(*values, marks=[] if values in some else [pytest.mark.full_grid])
        for values in product(*factors.values())
    ]
