"""What a cell stores of a live explorer makes it again: traits that changed, and nothing else."""

from __future__ import annotations

import json
import re

import pytest
from chromium import module_page, show

from softras_edu.explore import live
from softras_edu.explore.live.base import MIME, Live
from softras_edu.explore.live.modules import plain_script

LIVE = [name for name in live.__all__ if isinstance(getattr(live, name), type(Live))]


@pytest.mark.parametrize("name", LIVE)
def test_the_bundle_makes_the_same_explorer_again(name: str) -> None:
    kind = getattr(live, name)
    assert kind().changed() == {}
    explorer = kind()
    dial = "sigma_start" if name == "WatchFit" else "sigma"
    setattr(explorer, dial, 2e-3)
    item = explorer._repr_mimebundle_()[0][MIME]
    assert item["explorer"] == name
    assert json.loads(item["traits"]) == {dial: 2e-3}
    again = kind()
    again.set_state(json.loads(item["traits"]))
    assert again.state() == explorer.state()


def test_what_was_dragged_is_in_the_bundle() -> None:
    explorer = live.ForceField()
    explorer.triangles = explorer.triangles + 0.125
    assert list(explorer.changed()) == ["triangles"]
    script = plain_script("force_field.js")
    assert not re.search(r"^(import|export) ", script, re.MULTILINE)
    assert script.count("document.querySelectorAll('[data-live=\"force_field.js\"]')") == 1


def test_whatever_takes_the_focus_keeps_its_keys(browser) -> None:
    """Notebook 7 takes every arrow key that an element does not keep for itself."""
    page = module_page(browser)
    for name in LIVE:
        explorer = getattr(live, name)()
        show(page, explorer.module, explorer.state())
        dials = page.locator("input, select, button, [tabindex='0']")
        assert dials.count() > 1, name
        lost = dials.and_(page.locator(":not([data-lm-suppress-shortcuts])"))
        assert lost.count() == 0, f"{name}: {lost.first.evaluate('x => x.outerHTML')}"
    assert not page.complaints
    page.close()
