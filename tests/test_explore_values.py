"""Explorers by their values: what is drawn is what is shown, whatever was done to them before."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import fresh_python
import numpy as np
import pytest
import torch
import traitlets

from softras_edu import explore
from softras_edu.explore import SigmaGamma, Softness, Staircase
from softras_edu.explore.base import Explorer

CLASSES = [getattr(explore, name) for name in explore.__all__]


@cache
def plain(cls: type[Explorer]) -> Explorer:
    """One as it stands at first, for all tests that only look."""
    return cls()


# ---------------------------------------------------------------- PyTorch as a notebook left it


@contextmanager
def another_pytorch() -> Iterator[None]:
    """Another default dtype and device ("meta" computes nothing), without autograd."""
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("cls", CLASSES)
def test_what_a_notebook_did_to_pytorch_changes_no_picture(cls: type[Explorer]) -> None:
    # `torch.set_default_dtype(torch.float64)` ended five explorers in "expected Double but found
    # Float"; `torch.no_grad()`, inference mode and a default device are mistakes of the same kind.
    expected = plain(cls)
    with another_pytorch():
        found = cls()
        assert torch.get_default_dtype() == torch.float64, "the notebook's own choice stays"
        assert torch.is_inference_mode_enabled()
    assert np.array_equal(found.image, expected.image)
    assert found.readout == expected.readout


def test_explorers_that_are_imported_after_the_change_draw_the_same() -> None:
    # Numbers that a module makes while it is imported have the default dtype of that moment.
    pytest.importorskip("numba")
    code = """
import zlib
import torch
torch.set_default_dtype(torch.float64)
from softras_edu import explore
for name in explore.__all__:
    print(name, zlib.crc32(getattr(explore, name)().image.tobytes()))
"""
    done = fresh_python.run(code, check=True)
    expected = [f"{cls.__name__} {zlib.crc32(plain(cls).image.tobytes())}" for cls in CLASSES]
    assert done.stdout.splitlines() == expected


def test_explorers_load_no_compiler_before_one_draws() -> None:
    # A page that only lists them must not wait for numba, seconds on a slow disk.
    code = "import sys, softras_edu.explore; print(sorted({'numba', 'triton'} & set(sys.modules)))"
    done = fresh_python.run(code, check=True)
    assert done.stdout.strip() == "[]"


# ---------------------------------------------------------------- values that a dial does not have


def numeric_dials(cls: type[Explorer]) -> list[str]:
    return [
        name
        for name in cls.dial_names()
        if isinstance(cls.class_traits()[name], (traitlets.Float, traitlets.Int))
    ]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_dial_shows_what_is_drawn(cls: type[Explorer]) -> None:
    explorer = plain(cls)
    assert {name: turner.value for name, turner in explorer.turners.items()} == {
        name: getattr(explorer, name) for name in explorer.dial_names()
    }


@pytest.mark.parametrize("value", [5.0, -1.0, 0.0, float("nan"), float("inf")])
def test_a_value_outside_the_slider_is_refused_and_the_next_is_not(value: float) -> None:
    # sigma = 5 was drawn, and the slider showed 0.1; sigma = -1 ended in "math domain error", and
    # so did every dial that was turned after it, because -1 was still there.
    explorer = SigmaGamma(shape="cube", sigma=1e-3)
    before = explorer.image
    with pytest.raises(traitlets.TraitError, match=r"sigma: got .*, wanted 1e-06 to 0\.1"):
        explorer.sigma = value
    assert explorer.sigma == explorer.turners["sigma"].value == 1e-3
    assert np.array_equal(explorer.image, before)
    explorer.gamma = 0.5
    assert not np.array_equal(explorer.image, before)
    explorer.turners["sigma"].value = 1e-2  # as a page sets it
    assert explorer.sigma == 1e-2


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if numeric_dials(cls)])
def test_no_explorer_starts_with_a_value_outside_its_slider(cls: type[Explorer]) -> None:
    name = numeric_dials(cls)[0]
    far = 10**9 if isinstance(cls.class_traits()[name], traitlets.Int) else 1e9
    with pytest.raises(traitlets.TraitError, match=rf"{name}: got 1\S+, wanted \S+ to \S+"):
        cls(**{name: far})


def test_a_picture_that_fails_leaves_everything_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    # 16.0 equals one of the sizes, so the dial takes it; a picture cannot have 16.0 pixels.
    explorer = Staircase(size=8)
    before = explorer.image
    with pytest.raises(ValueError, match="size: got"):
        explorer.size = 16.0
    assert (explorer.size, explorer.turners["size"].value) == (8, 8)
    assert np.array_equal(explorer.image, before)
    explorer.x = 0.1
    assert not np.array_equal(explorer.image, before)


def test_dials_that_do_nothing_are_switched_off_from_the_start() -> None:
    explorer = Softness(distribution="logistic", conorm="probabilistic")
    assert [name for name, turner in explorer.turners.items() if turner.disabled] == [
        "shape", "shift", "p",
    ]  # fmt: skip
