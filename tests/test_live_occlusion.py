"""The live explorer of silhouette and occlusion: its picture is `rasterize`'s, to the last bit."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
import torch
import traitlets
from chromium import (
    PIXELS,
    module_page,
    narrow,
    painted_colors,
    set_trait,
    set_traits,
    show,
    trait,
    traits,
    words,
)
from PIL import Image
from readouts import NUMBER

from softras_edu import rasterize
from softras_edu.explore import occlusion as still
from softras_edu.explore.live import Occlusion
from softras_edu.explore.live.base import from_json, to_json

START = to_json(Occlusion().triangles, None)
TRAITS = {
    "triangles": START,
    "colors": to_json(Occlusion().colors, None),
    "pointer": [0.0, 0.0],
    "sigma": 1e-3,
    "gamma": 1e-2,
}
SIZE = 128


@pytest.fixture(scope="module")
def tab(browser):
    return module_page(browser, viewport={"width": 860, "height": 700})


@pytest.fixture
def page(tab):
    """A new explorer in the same tab."""
    show(tab, "occlusion.js", TRAITS)
    yield tab
    assert not tab.complaints


def ring(page, name: str):
    """The handle of this name."""
    return page.locator(f'.live-handle[aria-label^="{name}"]').first


def drag(page, name: str, right: float, down: float) -> None:
    box = ring(page, name).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=3)
    page.mouse.up()


def explorer_of(page) -> Occlusion:
    """What Python would have, were there a kernel."""
    explorer = Occlusion()
    explorer.set_state(traits(page, TRAITS))
    return explorer


# ---------------------------------------------------------------- the picture


def scenes() -> list[dict[str, object]]:
    """Blurred and sharp, see-through and not, tilted, crossing the near plane, off the picture."""
    generator = torch.Generator().manual_seed(4)
    found: list[dict[str, object]] = [{}, {"sigma": 0.1, "gamma": 1.0}, {"sigma": 1e-5}]
    for faces in (1, 2, 3, 6):
        triangles = torch.rand(faces, 3, 3, generator=generator, dtype=torch.float64) * 2.4 - 1.2
        triangles[..., 2] = triangles[..., 2].abs() * 3 + 0.7
        colors = torch.rand(faces, 3, 3, generator=generator, dtype=torch.float64)
        found.append(
            {
                "triangles": to_json(triangles, None),
                "colors": to_json(colors, None),
                "sigma": 10.0 ** (-faces / 2 - 1),
                "gamma": 10.0 ** (faces / 2 - 4),
            }
        )
    return found


@pytest.mark.parametrize("scene", scenes())
def test_what_is_drawn_is_what_the_next_cell_rasterizes(page, scene):
    set_traits(page, scene)
    explorer = explorer_of(page)
    image = rasterize(explorer.triangles, explorer.colors, **explorer.options)
    drawn = painted_colors(page, 0, SIZE)
    wanted = 255 * image[..., :3].clamp(0, 1).numpy()
    assert np.abs(drawn - wanted).max() <= 0.5 + 1e-6, "more than rounding to 8 bits"
    assert drawn.std() > 1


def test_after_drags_it_is_still_the_same_picture(page):
    drag(page, "triangle 1", -30, 20)
    drag(page, "corner 2 of triangle 0", 10, -14)
    drag(page, "depth of triangle 2", -60, 0)
    explorer = explorer_of(page)
    assert (explorer.triangles != Occlusion().triangles).flatten(1).any(1).all(), "each was moved"
    image = rasterize(explorer.triangles, explorer.colors, **explorer.options)
    drawn = painted_colors(page, 0, SIZE)
    assert np.abs(drawn - 255 * image[..., :3].numpy()).max() <= 0.5 + 1e-6


# ---------------------------------------------------------------- the numbers


@pytest.mark.parametrize("point", [(0.0, 0.0), (-0.52, -0.1), (0.03, 0.04), (0.99, -1.0)])
@pytest.mark.parametrize(("sigma", "gamma"), [(1e-3, 1e-2), (0.1, 0.3)])
def test_the_numbers_under_the_pointer_are_rasterizes(page, point, sigma, gamma):
    set_traits(page, {"pointer": list(point), "sigma": sigma, "gamma": gamma})
    explorer = explorer_of(page)
    said = words(page)
    i, j = map(int, re.match(r"Pixel \[(\d+), (\d+)\]", said).groups())
    x, y = (2 * j + 1 - SIZE) / SIZE, 1 - (2 * i + 1) / SIZE
    assert max(abs(x - point[0]), abs(y - point[1])) <= 1 / SIZE + 1e-9, "the pixel under it"
    image = rasterize(explorer.triangles, explorer.colors, **explorer.options)
    found = re.search(rf"= {NUMBER}. A_S = \({NUMBER}, {NUMBER}, {NUMBER}\)", said)
    alpha, *color = map(float, found.groups())
    assert [*color, alpha] == pytest.approx(image[i, j].tolist(), abs=6e-4)
    for n, outside in enumerate(re.findall(r"\(1 - ([\d.]+)\)", said)):
        alone = rasterize(explorer.triangles[n : n + 1], **explorer.options)[i, j, 0]
        assert float(outside) == pytest.approx(alone.item(), abs=6e-4)
    eye = torch.eye(3).double()[:, None].expand(3, 3, 3)
    shares = rasterize(explorer.triangles, eye, **explorer.options)[i, j, :3].tolist()
    wanted = [*shares, 1 - sum(shares)]
    bars = page.locator(".live-bar").all_inner_texts()
    assert [float(bar.split()[-1]) for bar in bars] == pytest.approx(wanted, abs=6e-4)
    assert [bar.rsplit(None, 1)[0] for bar in bars][-1] == "background"
    assert explorer.readout.partition("A_S")[2].rstrip(".") in said, "as Python says it"
    assert f"{alpha:.3f}" in explorer.readout


def test_bars_are_as_long_as_their_weights(page):
    set_trait(page, "gamma", 0.3)
    bars = page.locator(".live-bar > [aria-hidden]")
    widths = [box["width"] for box in (one.bounding_box() for one in bars.all())]
    numbers = [float(bar.split()[-1]) for bar in page.locator(".live-bar").all_inner_texts()]
    whole = page.locator(".live-legend").bounding_box()["width"] - 200
    assert widths == pytest.approx([max(whole * number, 2) for number in numbers], abs=1.5)


def test_as_many_pairs_count_as_pixels_that_each_triangle_reaches(page):
    explorer = explorer_of(page)
    alone = [rasterize(one[None], **explorer.options) for one in explorer.triangles]
    assert f"{sum(int((alpha > 0).sum()) for alpha in alone)} pairs" in words(page)


# ---------------------------------------------------------------- the hand


def test_a_triangle_a_corner_and_a_depth_follow_the_mouse(page):
    start = from_json(START, None)
    steps = [
        ("triangle 1", (-16, -32), torch.tensor([-0.125, 0.25, 0.0]).expand(3, 3), 1),
        ("corner 0 of triangle 0", (32, 0), torch.diag(torch.tensor([0.25, 0.0, 0.0])), 0),
    ]
    for name, (right, down), wanted, n in steps:
        drag(page, name, right, down)
        moved = from_json(trait(page, "triangles"), None)
        torch.testing.assert_close(moved[n] - start[n], wanted.double(), atol=1e-6, rtol=0)
        others = [m for m in range(3) if m != n]
        torch.testing.assert_close(moved[others], start[others], rtol=0, atol=0)
        set_trait(page, "triangles", START)
    drag(page, "depth of triangle 2", -64, 40)  # half of 2 NDC; 1.7 NDC are 3 units of depth
    step = from_json(trait(page, "triangles"), None) - start
    wanted = torch.zeros(3, 3, 3).double()
    wanted[2, :, 2] = -0.5 * 3 / 1.7
    torch.testing.assert_close(step, wanted, atol=1e-6, rtol=0)


def test_keys_bring_the_hidden_triangle_to_the_front(page):
    before = page.locator(".live-bar").all_inner_texts()
    ring(page, "depth of triangle 2").focus()
    for _ in range(12):
        page.keyboard.press("ArrowLeft")
    z = from_json(trait(page, "triangles"), None)[2, :, 2]
    torch.testing.assert_close(z, torch.full((3,), 2.6 - 12 * 0.05 * 3 / 1.7).double())
    after = page.locator(".live-bar").all_inner_texts()
    assert float(before[2].split()[-1]) < 0.01
    assert float(after[2].split()[-1]) > 0.9
    assert ring(page, "depth of triangle 2").get_attribute("aria-valuetext") == f"z {z[0]:.2f}"
    for _ in range(40):
        page.keyboard.press("ArrowLeft")
    assert from_json(trait(page, "triangles"), None)[2, :, 2].tolist() == [1, 1, 1], "not nearer"


def test_the_pointer_looks_over_rings_too(page):
    box = ring(page, "corner 1 of triangle 1").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    corner = from_json(START, None)[1, 1, :2].tolist()
    assert trait(page, "pointer") == pytest.approx(corner, abs=1e-2)
    drag(page, "corner 1 of triangle 1", 0, 10)
    assert from_json(trait(page, "triangles"), None)[1, 1, 1] < corner[1]


def test_tab_reaches_everything_once_and_each_has_a_name(page):
    names = []
    for _ in range(2 + 1 + 3 * 5):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                "() => document.activeElement.ariaLabel ?? "
                "document.activeElement.labels[0].innerText"
            ).split(":")[0]
        )
    assert len(set(names)) == len(names)
    wanted = {"the pixel that is looked at"} | {f"triangle {n}" for n in range(3)}
    wanted |= {f"depth of triangle {n}, left is nearer" for n in range(3)}
    wanted |= {f"corner {k} of triangle {n}" for n in range(3) for k in range(3)}
    assert wanted < set(names)
    labels = page.locator("canvas").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert all(len(label) > 20 for label in labels)


def test_dials_set_the_traits(page):
    for k, name, start in ((0, "sigma", -3), (1, "gamma", -2)):
        before = page.evaluate(PIXELS)
        page.locator("input").nth(k).focus()
        page.keyboard.press("ArrowRight")
        assert trait(page, name) == pytest.approx(10 ** (start + 0.05))
        assert page.evaluate(PIXELS)[0] != before[0]


def test_a_phone_does_not_scroll_sideways(tab):
    with narrow(tab):
        show(tab, "occlusion.js", TRAITS)
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        assert ring(tab, "triangle 0").bounding_box()["width"] >= 24


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("triangles", START[:2], "There are 2 triangles and colours for 3"),
        ("triangles", START * 3, "There are 9 triangles; at most 6"),
        ("triangles", [[[0, 0, None]] * 3] * 3, "got NaN"),
        ("colors", [[[0, 0, None]] * 3] * 3, "colors: got NaN"),
        ("triangles", [[[0, 0, 2]] * 3] * 3, " 0 pairs"),
        ("triangles", [[[0, 0, -2], [1, 0, 2], [0, 1, 2]]] * 3, " 0 pairs"),
        ("triangles", [[[5, 5, 2], [6, 5, 2], [5, 6, 2]]] * 3, "background 1.000. 0 pairs"),
        ("sigma", -1, "sigma: got -1"),
        ("gamma", 0, "gamma: got 0"),
    ],
)
def test_bad_input_gives_a_sentence_and_the_next_value_a_picture(page, name, value, sentence):
    good = page.evaluate(PIXELS)
    set_trait(page, name, value)
    assert sentence in words(page)
    set_trait(page, name, TRAITS[name])
    assert page.evaluate(PIXELS) == good
    assert page.locator(".live-handle:visible").count() == 1 + 1 + 3 * 5


def test_no_triangle_is_the_background_and_two_need_no_third(page):
    for count in (0, 2, 3):
        set_trait(page, "triangles", START[:count])
        set_trait(page, "colors", TRAITS["colors"][:count])
        assert page.locator(".live-bar").count() == count + 1
        assert page.locator(".live-handle:visible").count() == 2 + 5 * count
        assert ("= 0.000. A_S = (0.000, 0.000, 0.000)" in words(page)) == (count == 0)


# ---------------------------------------------------------------- Python's side


def test_the_picture_that_stays_follows_the_traits():
    explorer = Occlusion()
    bundle, metadata = explorer._repr_mimebundle_()
    assert Image.open(io.BytesIO(base64.b64decode(bundle["image/png"]))).width > 500
    assert metadata["image/png"]["alt"] == explorer.alt == bundle["text/plain"]
    before = explorer.image
    explorer.gamma = 0.3
    assert (explorer.image != before).any()
    for bad in (explorer.triangles[:1], torch.full((3, 3, 3), torch.nan), torch.zeros(7, 3, 3)):
        explorer.triangles = bad
        assert "An empty panel" in explorer.readout
        assert explorer.image.ndim == 3
    explorer.triangles, explorer.colors = [], []
    assert "background 1.000" in explorer.readout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sigma", 0.0),
        ("gamma", float("nan")),
        ("gamma", 2.0),
        ("colors", torch.zeros(3, 4)),
        ("triangles", "a triangle"),
        ("pointer", 3),
    ],
)
def test_python_refuses_in_words(name, value):
    explorer = Occlusion()
    before = explorer.get_state()
    with pytest.raises(traitlets.TraitError, match=name):
        setattr(explorer, name, value)
    assert explorer.get_state() == before


def test_it_sees_as_deep_as_the_explorer_with_a_kernel():
    assert Occlusion().options["far"] == still.FAR
    assert Occlusion().options["size"] == still.SIZE
