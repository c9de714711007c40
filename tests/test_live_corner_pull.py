"""Who pulls this corner: the map, its sum, and what Python's autograd says of both."""

from __future__ import annotations

import json
import re
from typing import Any

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
    words,
)
from readouts import NUMBER, slope
from torch import Tensor

from softras_edu import rasterize
from softras_edu.explore.live import CornerPull
from softras_edu.explore.live.base import from_json, to_json
from softras_edu.explore.live.corner_pull import FAR, FRONT, HIDDEN, LOSSES

MAP, SUM = 1e-10, 1e-8
START = to_json(CornerPull().triangles, None)
TRAITS = {
    "triangles": START,
    "corner": 1,
    "loss": "silhouette",
    "target": [0.3, 0.1],
    "pointer": [0.2, 0.0],
    "sigma": 1e-2,
    "gamma": 5e-2,
}
PULLS = """async ([traits, size]) => {
    const { pulls } = await import("/pulls.js");
    const triangles = Float64Array.from(traits.triangles.flat(2));
    const { x, y, sum, loss } = pulls({ ...traits, triangles }, traits.corner, size);
    return JSON.stringify([Array.from(x), Array.from(y), sum, loss]);
}"""


@pytest.fixture(scope="module")
def tab(browser):
    return module_page(browser, viewport={"width": 860, "height": 700})


@pytest.fixture
def page(tab):
    """A new explorer in the same tab."""
    show(tab, "corner_pull.js", TRAITS)
    yield tab
    assert not tab.complaints


def ring(page, name: str, which: int = 0):
    """The handle of this name, on the panel that is meant."""
    return page.locator(f'.live-handle[aria-label^="{name}"]').nth(which)


def drag(page, handle, right: float, down: float) -> None:
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=3)
    page.mouse.up()


def explorer_of(traits: dict[str, Any]) -> CornerPull:
    explorer = CornerPull()
    explorer.set_state(traits)
    return explorer


def pixel_by_pixel(explorer: CornerPull, size: int) -> Tensor:
    """-(d loss / d corner) of the part that each pixel has in the loss -> (H, W, 2).

    Each pixel has triangles of its own, and of the picture drawn from them it takes only itself: a
    backward pass a pixel, all in one batch.
    """
    count, options = size * size, {"size": size, "far": FAR}
    options |= {"sigma": explorer.sigma, "gamma": explorer.gamma}
    leaf = explorer.triangles.expand(count, 2, 3, 3).clone().requires_grad_()
    if explorer.loss == "silhouette":
        pictures = rasterize(leaf[:, :1], **options)
    else:
        colors = torch.stack([HIDDEN, FRONT])[:, None].expand(count, 2, 3, 3)
        pictures = rasterize(leaf, colors, **options)[..., :3]
    errors = (pictures - explorer.wanted(size)).square()
    parts = errors.flatten(1, 2).diagonal() / errors[0].numel()  # (channels, pixels)
    (gradient,) = torch.autograd.grad(parts.sum(), leaf)
    return -gradient[:, 0, explorer.corner, :2].view(size, size, 2)


def scenes(loss: str) -> list[dict[str, Any]]:
    """As it starts; sharp and blurred; the corner at the square's edge; blue in front; tilted."""
    generator = torch.Generator().manual_seed(7)
    found: list[dict[str, Any]] = [{}, {"sigma": 1e-4, "corner": 0}, {"sigma": 0.3, "gamma": 1.0}]
    for k in range(4):
        triangles = torch.rand(2, 3, 3, generator=generator, dtype=torch.float64) * 2 - 1
        triangles[..., 2] = triangles[..., 2] / 4 + 2
        found.append(
            {
                "triangles": to_json(triangles, None),
                "corner": k % 3,
                "sigma": 10.0 ** -(1 + k / 2),
                "gamma": 10.0 ** -(k / 2),
                "target": [0.1 * k - 0.2, 0.05 * k],
            }
        )
    return [{**TRAITS, **scene, "loss": loss} for scene in found]


# ---------------------------------------------------------------- the map and its sum


@pytest.mark.parametrize("loss", LOSSES)
def test_the_map_is_a_backward_pass_a_pixel_in_python(page, loss):
    size, alive = 11, 0
    for traits in scenes(loss):
        x, y, _, value = json.loads(page.evaluate(PULLS, [traits, size]))
        explorer = explorer_of(traits)
        wanted = pixel_by_pixel(explorer, size)
        drawn = torch.tensor([x, y], dtype=torch.float64).T.view(size, size, 2)
        torch.testing.assert_close(drawn, wanted, rtol=0, atol=MAP)
        torch.testing.assert_close(explorer.pulls(size), wanted, rtol=0, atol=MAP)
        assert value == pytest.approx(explorer.loss_at(explorer.triangles, size).item())
        alive += int((wanted.abs().amax(-1) > 1e-6).sum())
    assert alive > 100, "maps of nothing prove nothing"


@pytest.mark.parametrize("loss", LOSSES)
def test_the_sum_of_the_map_is_autograds_gradient(page, loss):
    alive = 0
    for traits in scenes(loss):
        x, y, total, _ = json.loads(page.evaluate(PULLS, [traits, 64]))
        explorer = explorer_of(traits)
        leaf = explorer.triangles.requires_grad_()
        (gradient,) = torch.autograd.grad(explorer.loss_at(leaf), leaf)
        wanted = (-gradient[0, explorer.corner]).tolist()
        assert [sum(x), sum(y)] == pytest.approx(wanted[:2], abs=SUM)
        assert total == pytest.approx(wanted, abs=SUM)
        alive += int(max(map(abs, wanted)) > 1e3 * SUM)
    assert alive >= 5, "gradients of nothing prove nothing"


@pytest.mark.parametrize("loss", LOSSES)
def test_the_arrow_is_the_slope_of_the_loss(loss):
    """Against differences: autograd is not asked."""
    explorer = CornerPull(loss=loss)
    start = explorer.triangles
    for axis in (0, 1):
        way = torch.zeros_like(start)
        way[0, explorer.corner, axis] = 1

        def loss_there(step: float, way: Tensor = way) -> float:
            wanted = explorer.wanted()
            picture = explorer.picture(start + step * way)
            return (picture - wanted).square().mean().item()

        pull = explorer.pulls().sum((0, 1))[axis].item()
        assert pull == pytest.approx(-slope(loss_there, 1e-6), rel=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_what_it_says_is_what_python_says(page, loss):
    for traits in scenes(loss):
        set_traits(page, traits)
        explorer = explorer_of(traits)
        said = re.findall(NUMBER, words(page).partition("In depth")[0].partition("Pixel")[0])
        wanted = re.findall(NUMBER, explorer.readout)
        # Three digits: the last may be rounded either way. And a pixel may be just counted.
        assert [float(number) for number in said] == pytest.approx(
            [float(number) for number in wanted], rel=6e-3, abs=1.5e-2 * SUM
        )


def test_the_pixel_under_the_pointer_and_the_way_in_depth(page):
    for traits in scenes("hidden colour")[:4]:
        set_traits(page, traits)
        explorer = explorer_of(traits)
        pulls = explorer.pulls()
        total = pulls.sum((0, 1))
        found = re.search(rf"Pixel \[32, 38\] (gives {NUMBER}|does nothing)", words(page))
        wanted = (pulls[32, 38] @ total / total.norm()).item()
        assert float(found[2] or 0) == pytest.approx(wanted, rel=6e-3, abs=1e-12)
        leaf = explorer.triangles.requires_grad_()
        (gradient,) = torch.autograd.grad(explorer.loss_at(leaf), leaf)
        d_z = gradient[0, explorer.corner, 2].item()
        way, number = re.search(rf"pulled (forward|back) by {NUMBER}", words(page)).groups()
        assert way == ("forward" if d_z > 0 else "back"), "descent goes against the gradient"
        assert float(number) == pytest.approx(abs(d_z), rel=6e-3)


AT = """([row, column]) => {
    const canvas = document.querySelectorAll("canvas")[1], side = canvas.width / 64;
    const at = [(column + 0.5) * side, (row + 0.5) * side].map(Math.floor);
    return Array.from(canvas.getContext("2d").getImageData(...at, 1, 1).data);
}"""


def test_orange_pixels_pull_along_the_arrow_and_blue_ones_against_it(page):
    set_trait(page, "loss", "hidden colour")
    pulls = CornerPull(loss="hidden colour").pulls()
    along = pulls @ (pulls.sum((0, 1)) / pulls.sum((0, 1)).norm())
    shown, good = painted_colors(page, 1, 64), []
    for k in (along.abs() > along.abs().max() / 9).flatten().nonzero().flatten().tolist():
        red, _, blue = shown[k // 64, k % 64]
        good.append((red > blue) == (along.flatten()[k] > 0).item())
    assert len(good) > 50
    assert sum(good) > 0.7 * len(good), "outlines and the arrow cover only a few"
    assert page.evaluate(AT, [62, 2]) == [33, 33, 33, 255]


# ---------------------------------------------------------------- the hand


def test_keys_faster_than_the_screen_are_all_counted(page):
    page.evaluate(
        """() => {
            const ring = document.querySelector('.live-handle[aria-label^="corner 0"]');
            for (const key of Array(10).fill("ArrowLeft")) {
                ring.dispatchEvent(new KeyboardEvent("keydown", { key }));
            }
        }"""
    )
    moved = from_json(trait(page, "triangles"), None)[0, 0, 0]
    assert moved == pytest.approx(from_json(START, None)[0, 0, 0] - 0.5)


def test_the_pointer_chooses_and_drags_a_corner_on_both_panels(page):
    start = from_json(START, None)
    for k, panel in ((2, 0), (0, 1)):
        drag(page, ring(page, f"corner {k}", panel), 16, -8)
        assert trait(page, "corner") == k
        assert f"who pulls corner {k}?" in page.locator("figcaption").all_inner_texts()
        step = from_json(trait(page, "triangles"), None) - start
        wanted = torch.zeros(2, 3, 3).double()
        wanted[0, k, :2] = torch.tensor([0.125, 0.0625])
        torch.testing.assert_close(step, wanted, atol=1e-6, rtol=0)
        set_trait(page, "triangles", START)


def test_keys_choose_and_move_a_corner_and_the_square(page):
    ring(page, "corner 0").focus()
    assert trait(page, "corner") == 0
    page.keyboard.press("ArrowUp")
    moved = from_json(trait(page, "triangles"), None)[0, 0, 1]
    assert moved == pytest.approx(from_json(START, None)[0, 0, 1] + 0.05)
    page.locator("select").nth(1).select_option("corner 2")
    assert trait(page, "corner") == 2
    ring(page, "the square").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
    assert trait(page, "target") == pytest.approx([0.75, 0.1]), "all of it stays in the picture"


def test_the_hidden_colour_has_two_dials_and_a_handle_more(page):
    assert page.locator("input:visible").count() == 1
    assert not ring(page, "the orange triangle").is_visible()
    page.locator("select").first.select_option("hidden colour")
    assert trait(page, "loss") == "hidden colour"
    assert page.locator("input:visible").count() == 3
    before = words(page)
    page.locator("input").nth(2).focus()
    page.keyboard.press("ArrowRight")
    z = from_json(trait(page, "triangles"), None)[:, :, 2]
    torch.testing.assert_close(z[0] - z[1], torch.full((3,), 0.35).double())
    assert words(page) != before
    drag(page, ring(page, "the orange triangle"), 16, 0)
    step = from_json(trait(page, "triangles"), None)[1] - from_json(START, None)[1]
    torch.testing.assert_close(step, torch.tensor([[0.125, 0, 0]] * 3).double(), atol=1e-6, rtol=0)
    for k, name, power in ((0, "sigma", -2), (1, "gamma", -1.3)):
        page.locator("input").nth(k).focus()
        page.keyboard.press("ArrowRight")
        assert trait(page, name) == pytest.approx(10 ** (power + 0.05), rel=1e-2)


def test_tab_reaches_everything_once_and_each_has_a_name(page):
    set_trait(page, "loss", "hidden colour")
    names = []
    for _ in range(2 + 3 + 6):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                "() => document.activeElement.ariaLabel ?? "
                "document.activeElement.labels[0].firstChild.innerText"
            ).split(":")[0]
        )
    assert len(set(names)) == len(names)
    assert {"loss", "corner", "corner 0", "corner 2", "the square", "the orange triangle"} < set(
        names
    )
    labels = page.locator("canvas").evaluate_all("all => all.map(one => one.ariaLabel)")
    assert all(len(label) > 15 for label in labels)


def test_a_phone_does_not_scroll_sideways(tab):
    with narrow(tab):
        show(tab, "corner_pull.js", {**TRAITS, "loss": "hidden colour"})
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        assert ring(tab, "corner 0").bounding_box()["width"] >= 24


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("triangles", [], "There are 0 triangles; two are wanted"),
        ("triangles", START[:1], "There are 1 triangles; two are wanted"),
        ("triangles", [[[0, 0, None]] * 3] * 2, "got NaN"),
        ("triangles", [[[0, 0, 2]] * 3] * 2, "Nothing pulls corner 1"),
        ("triangles", [[[0, 0, -2], [1, 0, 2], [0, 1, 2]]] * 2, "Nothing pulls corner 1"),
        ("triangles", [[[5, 5, 2], [6, 5, 2], [5, 6, 2]]] * 2, "Nothing pulls corner 1"),
        ("sigma", -1, "sigma: got -1"),
    ],
)
@pytest.mark.parametrize("loss", LOSSES)
def test_bad_input_gives_a_sentence_and_the_next_value_a_picture(page, loss, name, value, sentence):
    set_trait(page, "loss", loss)
    good = page.evaluate(PIXELS)
    set_trait(page, name, value)
    assert sentence in words(page)
    set_trait(page, name, TRAITS[name])
    assert page.evaluate(PIXELS) == good


# ---------------------------------------------------------------- Python's side


@pytest.mark.parametrize("loss", LOSSES)
def test_the_picture_that_stays_follows_the_traits(loss):
    explorer = CornerPull(loss=loss)
    bundle, metadata = explorer._repr_mimebundle_()
    assert "image/png" in bundle
    assert metadata["image/png"]["alt"] == explorer.alt == bundle["text/plain"]
    before = explorer.image
    explorer.corner = 0
    assert (explorer.image != before).any()
    explorer.triangles = explorer.triangles + torch.tensor([5.0, 0.0, 0.0])
    assert "Nothing pulls corner 0" in explorer.readout
    for bad in ([], explorer.triangles[:1], torch.full((2, 3, 3), torch.nan)):
        explorer.triangles = bad
        assert "An empty panel" in explorer.readout
        assert explorer.image.shape[:2] == before.shape[:2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sigma", 0.0),
        ("gamma", float("nan")),
        ("corner", 3),
        ("loss", "colour"),
        ("target", (0.9, 0.0)),
        ("target", (float("nan"), 0.0)),
    ],
)
def test_python_refuses_in_words(name, value):
    explorer = CornerPull()
    before = explorer.get_state()
    with pytest.raises(traitlets.TraitError, match=name):
        setattr(explorer, name, value)
    assert explorer.get_state() == before
