"""The live probability map: numbers under the pointer, corners to drag, level lines."""

from __future__ import annotations

import math
import re

import pytest
import torch
import traitlets
from chromium import PIXELS, module_page, set_trait, show, trait, words
from readouts import NUMBER

from softras_edu import formulas, rasterize
from softras_edu.explore.live import ProbabilityMap
from softras_edu.explore.live.base import from_json, to_json

START = to_json(ProbabilityMap().triangles, None)
TRAITS = {
    "triangles": START,
    "pointer": [0.5, 0.3],
    "sigma": 3e-3,
    "dist_eps": 1e-4,
    "distance": "euclidean",
}


@pytest.fixture(scope="module")
def tab(browser):
    return module_page(browser, viewport={"width": 860, "height": 560})


@pytest.fixture
def page(tab):
    """A new explorer in the same tab."""
    show(tab, "probability_map.js", TRAITS)
    yield tab
    assert not tab.complaints


def numbers(page, pattern: str) -> list[float]:
    """The numbers that stand for each # in the read-out."""
    found = re.search(re.escape(pattern).replace(r"\#", NUMBER), words(page))
    assert found, words(page)
    return [float(group) for group in found.groups()]


@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("point", [(0.5, 0.3), (-0.1, -0.1), (0.52, -0.32), (-0.9, 0.9)])
def test_the_numbers_under_the_pointer_are_those_of_formulas(page, distance, point):
    set_trait(page, "distance", distance)
    set_trait(page, "sigma", 0.05)
    set_trait(page, "pointer", list(point))
    pixel = torch.tensor(point, dtype=torch.float64)
    xy = ProbabilityMap().triangles[0, :, :2]
    v = formulas.barycentric(pixel, xy)
    logit = formulas.signed_logit(pixel, xy, v, 0.05, distance).item()
    d2, over_sigma, d = numbers(page, "d2 #, d2 / sigma #, D #")
    assert d2 == pytest.approx(abs(logit) * 0.05, rel=6e-3)
    assert over_sigma == pytest.approx(logit, abs=6e-3)
    assert d == pytest.approx(1 / (1 + math.exp(-logit)), abs=6e-5)
    raw = numbers(page, "Barycentric weights #, #, #")
    assert raw == pytest.approx([vk.item() for vk in v], abs=6e-3)
    clipped = numbers(page, "clipped #, #, #")
    assert clipped == pytest.approx([w.item() for w in formulas.clip_barycentric(v)], abs=6e-3)
    assert ("inside" in words(page)) == (min(v) > 0)
    if distance == "euclidean":
        pixels, x, y = numbers(page, ", # pixels from the nearest boundary point (#, #)")
        assert pixels == pytest.approx(64 * math.hypot(x - point[0], y - point[1]), abs=0.8)


@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
def test_as_many_pixels_are_counted_as_in_python(page, distance):
    for sigma, dist_eps in ((3e-3, 1e-4), (1e-2, 1e-2)):
        for name, value in (("distance", distance), ("sigma", sigma), ("dist_eps", dist_eps)):
            set_trait(page, name, value)
        explorer = ProbabilityMap(sigma=sigma, dist_eps=dist_eps, distance=distance)
        assert explorer.readout in words(page)
        (counted,) = numbers(page, "# of 16384 pixels")
        alpha = rasterize(
            explorer.triangles, size=128, sigma=sigma, dist_eps=dist_eps, distance=distance
        )
        assert counted == int((alpha > 0).sum())


def test_level_lines_lie_where_the_level_is(page):
    """A level line of a cone is a circle."""
    pieces = page.evaluate(
        """async () => {
            const { level_lines } = await import("/levels.js");
            const size = 41, values = new Float64Array(size * size);
            for (let k = 0; k < values.length; k++) {
                const x = (2 * (k % size) + 1 - size) / size;
                const y = 1 - (2 * Math.floor(k / size) + 1) / size;
                values[k] = Math.hypot(x, y);
            }
            return level_lines(values, size, 0.5);
        }"""
    )
    assert len(pieces) > 50
    around = sum(math.hypot(bx - ax, by - ay) for ax, ay, bx, by in pieces)
    assert around == pytest.approx(math.pi, rel=1e-2)
    assert all(math.hypot(x, y) == pytest.approx(0.5, abs=2e-3) for x, y, *_ in pieces)


def test_a_corner_follows_the_mouse(page):
    box = page.locator(".live-handle").nth(1).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 16, y - 32, steps=3)
    page.mouse.up()
    step = from_json(trait(page, "triangles"), None) - from_json(START, None)
    wanted = torch.zeros(1, 3, 3).double()
    wanted[0, 1, :2] = torch.tensor([16 / 128, 32 / 128])
    torch.testing.assert_close(step, wanted)


def test_the_pointer_looks_at_what_is_under_it_and_keys_move_it(page):
    box = page.locator("canvas").nth(1).bounding_box()
    page.mouse.move(box["x"] + 64, box["y"] + 64)
    assert trait(page, "pointer") == pytest.approx([-0.5, 0.5], abs=1e-3)
    page.locator(".live-handle").nth(3).focus()
    page.keyboard.press("ArrowDown")
    assert trait(page, "pointer") == pytest.approx([-0.5, 0.45], abs=1e-3)
    labels = page.locator(".live-handle").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert [label.split(":")[0] for label in labels[:4]] == [
        "corner 0",
        "corner 1",
        "corner 2",
        "the pixel that is looked at",
    ]


def test_the_list_of_distances_answers_to_the_keyboard(page):
    before = page.evaluate(PIXELS)
    page.locator("select").select_option("barycentric")
    assert trait(page, "distance") == "barycentric"
    assert all(a != b for a, b in zip(before, page.evaluate(PIXELS), strict=True))


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([], "There are 0 triangles; one is wanted"),
        (START * 2, "There are 2 triangles; one is wanted"),
        ([[[0, 0, None], [1, 0, 2], [0, 1, 2]]], "got NaN"),
        ([[[0, 0, 2], [0.1, 0.1, 2], [0.2, 0.2, 2]]], "without area"),
        ([[[0, 0, -2], [1, 0, 2], [0, 1, 2]]], "behind the eye"),
        ([[[5, 5, 2], [6, 5, 2], [5, 6, 2]]], " 0 of 16384 pixels"),
    ],
)
def test_bad_input_gives_a_sentence_and_the_next_value_a_picture(page, value, sentence):
    good = page.evaluate(PIXELS)
    set_trait(page, "triangles", value)
    assert sentence in words(page)
    set_trait(page, "triangles", START)
    assert page.evaluate(PIXELS) == good


def test_the_picture_that_stays_follows_the_traits():
    explorer = ProbabilityMap()
    bundle, metadata = explorer._repr_mimebundle_()
    assert "image/png" in bundle
    assert metadata["image/png"]["alt"] == explorer.alt == bundle["text/plain"]
    before = explorer.image
    explorer.sigma = 1e-2
    assert (explorer.image != before).any()
    for bad in ([], [[[0.0, 0.0, 2.0], [1.0, 1.0, 2.0], [2.0, 2.0, 2.0]]]):
        explorer.triangles = bad
        assert explorer.image.shape == before.shape
        assert "An empty panel" in explorer.readout
    with pytest.raises(traitlets.TraitError, match="sigma"):
        explorer.sigma = 0.0
