"""The live fit: the same descent as PyTorch's, a target drawn by hand, its keys, its sentences."""

from __future__ import annotations

import re

import pytest
import torch
import traitlets
from chromium import PIXELS, SETTLE, module_page, set_trait, show, trait, traits, words
from readouts import NUMBER

from softras_edu import rasterize
from softras_edu.explore.live import WatchFit
from softras_edu.explore.live.base import from_json, to_json
from softras_edu.fitting.optimize import fit, schedule
from softras_edu.losses import iou

MOON, DISC = WatchFit().target, WatchFit().triangles
TRAITS = {
    "target": MOON.tolist(),
    "triangles": to_json(DISC, None),
    "losses": [],
    "renderer": "soft",
    "sigma_start": 1e-2,
    "sigma_end": 1e-4,
    "lr": 2e-2,
    "steps": 200,
}
# A fit without a page: the losses of so many steps, and where the triangles are then.
DESCEND = """async ([triangles, target, dials, steps]) => {
    const { Fit } = await import("/descend.js");
    const fit = new Fit(Float64Array.from(triangles.flat(2)));
    for (let n = 0; n < steps; n++) fit.step(Float64Array.from(target.flat()), dials);
    return [fit.losses, Array.from(fit.triangles)];
}"""
TARGET = 2  # of the lists to choose from
MASK = "async name => Array.from((await import('/masks.js')).mask_of(name, 64))"
SOUP = "async () => Array.from((await import('/masks.js')).soup())"


@pytest.fixture(scope="module")
def tab(browser):
    return module_page(browser, viewport={"width": 860, "height": 800})


@pytest.fixture
def page(tab):
    """A new explorer in the same tab."""
    show(tab, "watch_fit.js", TRAITS)
    yield tab
    assert not tab.complaints


def press(page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.evaluate(SETTLE)


def on_screen(page) -> WatchFit:
    """Python's explorer with what the page's traits have."""
    explorer = WatchFit()
    explorer.set_state(traits(page, TRAITS))
    return explorer


def sharp_iou(triangles: torch.Tensor, target: torch.Tensor) -> float:
    alpha = rasterize(triangles, size=len(target), sigma=1e-5)[..., 0] > 0.5
    target = target > 0.5
    return ((alpha & target).sum() / (alpha | target).sum()).item()


# ---------------------------------------------------------------- the descent


def soup(page) -> torch.Tensor:
    return torch.tensor(page.evaluate(SOUP), dtype=torch.float64).reshape(-1, 3, 3)


def target_of(page, name: str) -> torch.Tensor:
    return torch.tensor(page.evaluate(MASK, name), dtype=torch.float64).reshape(64, 64)


def welded(triangles: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Triangles (F, 3, 3) -> verts (V, 3), faces (F, 3): corners at one place are one vertex."""
    verts, vertex = triangles.reshape(-1, 3).unique(dim=0, return_inverse=True)
    return verts, vertex.reshape(-1, 3)


@pytest.mark.parametrize(("shape", "name"), [("disc", "star"), ("soup", "moon")])
def test_twenty_steps_are_those_of_pytorch(tab, shape, name):
    """The same losses and places as `fitting.fit` has with Adam and `broadcast`, in float64."""
    triangles = DISC if shape == "disc" else soup(tab)
    target, steps = target_of(tab, name), 20
    verts, faces = welded(triangles)
    assert len(verts) == (37 if shape == "disc" else 48)
    xy = verts[:, :2].clone().requires_grad_()

    def loss(sigma: float, _: float) -> torch.Tensor:
        screen = torch.cat([xy, verts[:, 2:]], dim=1)[faces]
        return iou(rasterize(screen, size=64, sigma=sigma, backend="broadcast")[..., 0], target)

    sigma = schedule(1e-2, 1e-4)
    wanted = fit(loss, [xy], steps=steps, lr=2e-2, sigma=sigma, progress=False)
    dials = {
        "renderer": "soft",
        "size": 64,
        "sigma_start": 1e-2,
        "sigma_end": 1e-4,
        "lr": 2e-2,
        "steps": steps,
    }
    nested = triangles.tolist()
    losses, there = tab.evaluate(DESCEND, [nested, target.tolist(), dials, steps])
    assert losses == pytest.approx(wanted.losses, abs=1e-8, rel=0)
    there = torch.tensor(there, dtype=torch.float64).reshape(-1, 3, 3)
    torch.testing.assert_close(there[..., :2], xy.detach()[faces], atol=1e-8, rtol=0)
    assert wanted.losses[-1] < 0.8 * wanted.losses[0]


@pytest.mark.parametrize("shape", ["disc", "soup"])
@pytest.mark.parametrize("name", ["moon", "star"])
def test_soft_covers_the_target_and_hard_stands_still(tab, shape, name):
    triangles = DISC if shape == "disc" else soup(tab)
    target = target_of(tab, name)
    dials = {"size": 64, "sigma_start": 1e-2, "sigma_end": 1e-4, "lr": 2e-2, "steps": 200}
    reached = {}
    for renderer, steps in (("soft", 200), ("hard", 20)):
        given = [triangles.tolist(), target.tolist(), dials | {"renderer": renderer}, steps]
        there = torch.tensor(tab.evaluate(DESCEND, given)[1], dtype=torch.float64)
        reached[renderer] = there.reshape(-1, 3, 3)
    assert torch.equal(reached["hard"], triangles)
    before = sharp_iou(triangles, target)
    assert before < 0.6
    assert sharp_iou(reached["soft"], target) > 0.9


def test_nmr_is_the_gradient_of_the_z_buffer_s_nmr(tab):
    """Three steps of Adam on the approximate gradient of `rasterize_hard(gradient="nmr")`."""
    from softras_edu import rasterize_hard

    verts, faces = welded(DISC)
    xy = verts[:, :2].clone().requires_grad_()
    rule, wanted = torch.optim.Adam([xy], lr=2e-2), []
    for _ in range(3):
        screen = torch.cat([xy, verts[:, 2:]], dim=1)[faces]
        loss = iou(rasterize_hard(screen, size=64, gradient="nmr")[..., 0], MOON)
        rule.zero_grad()
        loss.backward()
        rule.step()
        wanted.append(loss.item())
    dials = {"renderer": "NMR", "size": 64, "sigma_start": 1e-2, "sigma_end": 1e-4, "lr": 2e-2}
    given = [DISC.tolist(), MOON.tolist(), dials | {"steps": 3}, 3]
    losses, there = tab.evaluate(DESCEND, given)
    assert losses == pytest.approx(wanted, abs=1e-8, rel=0)
    there = torch.tensor(there, dtype=torch.float64).reshape(-1, 3, 3)
    torch.testing.assert_close(there[..., :2], xy.detach()[faces], atol=1e-8, rtol=0)
    assert wanted[-1] < wanted[0]


def test_python_starts_from_the_shape_and_the_mask_of_the_page(tab):
    there = tab.evaluate("async () => Array.from((await import('/masks.js')).disc())")
    there = torch.tensor(there, dtype=torch.float64).reshape(-1, 3, 3)
    torch.testing.assert_close(there, DISC, atol=1e-15, rtol=0)
    assert torch.equal(target_of(tab, "moon"), MOON)


# ---------------------------------------------------------------- play, step, reset


def test_it_plays_and_after_a_pause_python_sees_the_same_loss(page):
    press(page, "play")
    page.wait_for_timeout(400)
    assert "Descending" in words(page)
    press(page, "pause")
    explorer = on_screen(page)
    assert 0 < len(explorer.losses) <= 200
    assert not torch.equal(explorer.triangles, DISC)
    said = re.search(rf"sigma {NUMBER}: loss {NUMBER},", words(page))
    assert said, words(page)
    assert float(said[1]) == pytest.approx(explorer.sigma, rel=6e-3)
    assert float(said[2]) == pytest.approx(explorer.loss(), abs=6e-5)
    assert re.search(r"ran at \d+ steps a second", words(page))
    assert explorer.loss() < explorer.losses[0]


def test_it_comes_to_an_end_and_play_then_starts_anew(page):
    set_trait(page, "steps", 12)
    press(page, "play")
    page.wait_for_function("() => window.model.get('losses').length === 12", timeout=20_000)
    assert "Step 12 of 12" in words(page)
    first = trait(page, "losses")
    assert page.get_by_role("button", name="play", exact=True).count() == 1
    press(page, "play")
    page.wait_for_function("() => window.model.get('losses').length === 12", timeout=20_000)
    assert trait(page, "losses") == first


def test_step_makes_one_and_reset_takes_all_back(page):
    before = page.evaluate(PIXELS)
    press(page, "step")
    press(page, "step")
    assert len(trait(page, "losses")) == 2
    assert "Step 2 of 200" in words(page)
    assert all(a != b for a, b in zip(before, page.evaluate(PIXELS), strict=True))
    press(page, "reset")
    assert trait(page, "losses") == []
    torch.testing.assert_close(from_json(trait(page, "triangles"), None), DISC, rtol=0, atol=0)
    assert page.evaluate(PIXELS) == before


def test_triangles_of_python_start_a_fit_of_their_own(page):
    press(page, "step")
    set_trait(page, "triangles", to_json(DISC[:7] + 0.1, None))
    assert trait(page, "losses") == []
    assert "Step 0 of 200" in words(page)
    press(page, "step")
    assert len(trait(page, "triangles")) == 7
    page.get_by_label("starts as").select_option("soup, 16 triangles")
    assert len(trait(page, "triangles")) == 16


def test_hard_stands_still_and_says_why(page):
    page.get_by_label("renderer").select_option("hard")
    for _ in range(3):
        press(page, "step")
    losses = trait(page, "losses")
    assert losses == [losses[0]] * 3
    assert "no gradient" in words(page)


# ---------------------------------------------------------------- the hand


def paper(page) -> dict[str, float]:
    return page.locator("canvas").first.bounding_box()


def test_a_stroke_paints_and_wipes(page):
    press(page, "clear the target")
    assert "There is no target" in words(page)
    box = paper(page)
    y = box["y"] + 0.25 * box["height"]
    page.mouse.move(box["x"] + 0.25 * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], y)  # in one leap: no hole in the stroke
    page.mouse.up()
    mask = on_screen(page).target
    # y = 0.5, x from -0.5 to 0.5: pixels of 1/32 within the brush's radius, 0.09
    assert mask.sum().item() == pytest.approx((1 + 0.09 * 3.14159 / 2) * 0.18 * 32**2, rel=0.03)
    assert (mask[16, 16:48] == 1).all()
    assert (mask[:12] == 0).all()
    assert page.locator("select").nth(TARGET).input_value() == "your own"
    page.locator("select").last.select_option("wipe")
    page.mouse.move(box["x"] + 0.5 * box["width"], y)
    page.mouse.down()
    page.mouse.up()
    wiped = on_screen(page).target
    assert wiped[16, 32] == 0
    assert wiped[16, 20] == 1


def test_keys_move_the_brush_and_paint(page):
    press(page, "clear the target")
    brush = page.locator(".live-handle")
    assert "the brush, Space paints" in brush.get_attribute("aria-label")
    brush.focus()
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    mask = on_screen(page).target
    assert mask[32, 38] == 1  # x = 0.2
    assert mask[32, 28] == 0
    assert 0 < mask.sum() < 40
    page.keyboard.press("Delete")
    assert trait(page, "target") == torch.zeros(64, 64).tolist()


def test_a_target_is_chosen_and_played_by_keys_alone(page):
    page.locator("select").nth(TARGET).focus()
    page.keyboard.press("ArrowDown")
    assert torch.equal(on_screen(page).target, target_of(page, "star"))
    page.get_by_role("button", name="step", exact=True).focus()
    page.keyboard.press("Enter")
    assert len(trait(page, "losses")) == 1


def test_dials_set_the_traits_and_each_has_a_name(page):
    names = page.evaluate(
        "() => [...document.querySelectorAll('input, select')].map(at => at.labels[0].innerText)"
    )
    wanted = ["sigma, first", "sigma, last", "lr", "renderer", "starts as", "target", "the brush"]
    assert all(name.startswith(word) for name, word in zip(names, wanted, strict=True))
    for number, name in enumerate(("sigma_start", "sigma_end", "lr")):
        page.locator("input").nth(number).focus()
        page.keyboard.press("Home")
        assert trait(page, name) == pytest.approx(1e-3 if name == "lr" else 1e-5)
    for canvas in page.locator("canvas").all():
        assert len(canvas.get_attribute("aria-label")) > 20


def test_a_phone_shows_it_without_scrolling_sideways(browser):
    page = module_page(browser, viewport={"width": 390, "height": 1600}, has_touch=True)
    show(page, "watch_fit.js", TRAITS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    before = trait(page, "target")
    box = paper(page)
    page.touchscreen.tap(box["x"] + 10, box["y"] + 10)
    assert trait(page, "target") != before
    assert not page.complaints
    page.close()


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("target", [[1.0, 0.0]], "target: got 1 rows"),
        ("target", [[None] * 64] * 64, "target: got NaN"),
        ("target", [[0.0] * 64] * 64, "There is no target"),
        ("triangles", [[[0, 0, None], [1, 0, 2], [0, 1, 2]]], "got NaN"),
        ("triangles", [], "There is no triangle"),
        ("sigma_start", -1, "sigma: got"),
    ],
)
def test_bad_input_gives_a_sentence_and_the_next_value_a_picture(page, name, value, sentence):
    good = page.evaluate(PIXELS)
    set_trait(page, name, value)
    assert sentence in words(page)
    press(page, "play")
    assert sentence in words(page), "it plays, with nothing to play"
    set_trait(page, name, TRAITS[name])
    assert page.evaluate(PIXELS) == good
    assert "Step 0 of 200" in words(page)


def test_a_closed_explorer_stops(page):
    press(page, "play")
    page.evaluate("() => window.close_explorer()")
    before = page.evaluate(PIXELS)
    page.wait_for_timeout(60)
    assert page.evaluate(PIXELS) == before


# ---------------------------------------------------------------- Python's side


def test_the_picture_that_stays_follows_the_traits():
    explorer = WatchFit()
    bundle, metadata = explorer._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == explorer.alt == bundle["text/plain"]
    before = explorer.image
    assert f"loss {explorer.loss():.4f}" in explorer.readout
    explorer.renderer = "hard"
    assert (explorer.image != before).any()
    explorer.target = torch.ones(16, 16, dtype=torch.bool)
    assert explorer.alpha().shape == (16, 16)
    for bad, said in (([], "0 triangles"), ([[[0.0, 0.0, float("nan")]] * 3], "Two empty")):
        explorer.triangles = bad
        assert explorer.image.shape == before.shape
        assert said in (explorer.readout, explorer.alt)[said == "0 triangles"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target", torch.zeros(8, 9)),
        ("target", torch.zeros(4, 4)),
        ("target", torch.full((16, 16), 2.0)),
        ("target", torch.full((16, 16), float("nan"))),
        ("target", "a moon"),
        ("triangles", [[1.0, 2.0]]),
        ("sigma_start", 0.0),
        ("sigma_end", float("nan")),
        ("lr", 1.0),
        ("steps", 0),
        ("renderer", "smooth"),
    ],
)
def test_python_refuses_in_words(name, value):
    explorer = WatchFit()
    before = explorer.get_state()
    with pytest.raises(traitlets.TraitError, match=name):
        setattr(explorer, name, value)
    assert explorer.get_state() == before
