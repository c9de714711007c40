"""The live probability map: numbers under the pointer, corners to drag, level lines."""

from __future__ import annotations

import math
import re

import pytest
import torch
import traitlets
from chromium import PIXELS, module_page, set_trait, set_traits, show, trait, words
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
    set_traits(page, {"distance": distance, "sigma": 0.05, "pointer": list(point)})
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
        set_traits(page, {"distance": distance, "sigma": sigma, "dist_eps": dist_eps})
        explorer = ProbabilityMap(sigma=sigma, dist_eps=dist_eps, distance=distance)
        assert explorer.readout in words(page)
        (counted,) = numbers(page, "# of 16384 pixels")
        alpha = rasterize(explorer.triangles, **explorer.options)[..., 0]
        assert counted == int((alpha > 0).sum())
        d = explorer.probability(formulas.pixel_centers(128, 128, dtype=torch.float64))
        torch.testing.assert_close(alpha, d.where(d >= dist_eps, 0.0), atol=1e-10, rtol=0)


ROW = """async ([y, traits]) => {
    const { draw_row } = await import("/row_curve.js");
    const [steps, drawn] = [8, { lines: [], dots: [], words: [] }];
    const panel = {
        canvas: { width: 2 * steps }, pen: { setLineDash: () => {} }, clear: () => {},
        lines: (pieces, color) => drawn.lines.push([color, pieces]),
        dots: (points) => drawn.dots.push(...points),
        write: (words) => drawn.words.push(words),
    };
    draw_row(panel, [0.25, y], (x) => Math.max(0, 1 - Math.abs(x - y)), 0.3);
    return drawn;
}"""


def test_a_row_is_drawn_as_its_curve(page):
    """D = max(0, 1 - |x - y|), a roof: eight pieces, the cut-offs inside it, a dot on it."""
    drawn = page.evaluate(ROW, [0.5, {}])
    curve = max((pieces for _, pieces in drawn["lines"]), key=len)
    assert len(curve) == 8
    ((dot_x, dot_y),) = drawn["dots"]
    (x0, d0, *_), (*_, x1, _) = curve[0], curve[-1]
    wide = (x1 - x0) / 2
    high = (dot_y - d0) / 0.75  # D is 0 at x = -1, and 0.75 at x = 0.25
    assert dot_x == pytest.approx(x0 + 1.25 * wide)
    for n, (ax, ad, bx, bd) in enumerate(curve):
        for k, (x, d) in ((n, (ax, ad)), (n + 1, (bx, bd))):
            assert x == pytest.approx(x0 + k * wide / 4)
            assert d == pytest.approx(d0 + high * max(0, 1 - abs(k / 4 - 1.5)))
    dashed = [pieces[0][0] for color, pieces in drawn["lines"] if color == "#E69F00"]
    assert dashed == pytest.approx([x0 + wide, x0 + 2 * wide])
    assert "D = 0.750" in drawn["words"]


@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
def test_the_curve_is_of_the_row_under_the_pointer(page, distance):
    explorer = ProbabilityMap(sigma=1e-2, distance=distance, pointer=(0.2, -0.15))
    set_traits(page, {"sigma": 1e-2, "distance": distance, "pointer": [0.2, -0.15]})
    label = page.locator("canvas").nth(2).get_attribute("aria-label")
    largest, left, right = map(float, re.findall(r"-?\d\.\d+", label))
    x = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    d = explorer.probability(torch.stack([x, torch.full_like(x, -0.15)], dim=-1))
    kept = x[d >= 1e-4]
    assert largest == pytest.approx(d.max().item(), abs=2e-3)
    step = 2 / 128 + 0.005  # of the curve, and of rounding
    assert [left, right] == pytest.approx([kept[0].item(), kept[-1].item()], abs=step)
    set_traits(page, {"pointer": [0.2, 1.0], "sigma": 1e-4})
    label = page.locator("canvas").nth(2).get_attribute("aria-label")
    assert "Nowhere on it is a pixel counted" in label


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
    box = page.locator(".live-handle[aria-label^='corner 1']").bounding_box()
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
    page.locator(".live-handle").first.focus()
    page.keyboard.press("ArrowDown")
    assert trait(page, "pointer") == pytest.approx([-0.5, 0.45], abs=1e-3)
    labels = page.locator(".live-handle").evaluate_all("all => all.map(one => one.ariaLabel)")
    names = [label.split(":")[0] for label in labels]
    corners = ["corner 0", "corner 1", "corner 2"]
    assert names == ["the pixel that is looked at", *corners, "the pixel that is looked at"]


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
