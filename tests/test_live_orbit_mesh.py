"""The live orbit: the picture of `render`, a hand that turns, a wheel, a lamp, sentences."""

from __future__ import annotations

import pytest
import torch
import traitlets
from chromium import (
    PIXELS,
    module_page,
    painted_colors,
    set_trait,
    set_traits,
    show,
    trait,
    traits,
    words,
)

from softras_edu import Mesh, cube, icosphere, teapot
from softras_edu.explore.live import OrbitMesh
from softras_edu.explore.live.orbit_mesh import to_lists

EXPLORER = OrbitMesh()
NAMES = ("azimuth", "elevation", "distance", "sigma", "gamma", "light_azimuth", "light_elevation")
TRAITS = {"mesh": to_lists(EXPLORER.mesh, None)} | {n: getattr(EXPLORER, n) for n in NAMES}
# Writes down all that the read-out says from now on.
SAID = """() => {
    const words = document.querySelector(".live-words");
    window.said = [];
    new MutationObserver(() => window.said.push(words.textContent))
        .observe(words, { childList: true });
}"""


@pytest.fixture(scope="module")
def tab(browser):
    return module_page(browser, viewport={"width": 860, "height": 640}, device_scale_factor=1)


@pytest.fixture
def page(tab):
    """A new explorer in the same tab."""
    show(tab, "orbit_mesh.js", TRAITS)
    yield tab
    assert not tab.complaints


def on_screen(page, mesh: Mesh) -> OrbitMesh:
    """Python's explorer with what the page's traits have."""
    return OrbitMesh(mesh=mesh, **traits(page, NAMES))


# ---------------------------------------------------------------- the picture


def painted(page) -> torch.Tensor:
    page.wait_for_function(
        "() => document.querySelector('.live-words').textContent.includes('128 x 128')"
    )
    return torch.from_numpy(painted_colors(page, 0, 128))


def coloured(mesh: Mesh) -> Mesh:
    """The mesh with a colour for each vertex."""
    return Mesh(mesh.verts, mesh.faces, mesh.verts.abs() / mesh.verts.abs().amax())


SCENES = {
    "teapot": (teapot().fit_unit_sphere(), {}),
    "sphere": (coloured(icosphere(3)), {"azimuth": -140.0, "elevation": -35.0, "gamma": 1e-2}),
    "blurred": (coloured(cube()), {"sigma": 1e-2, "gamma": 1e-1, "distance": 4.0}),
    "from above": (coloured(icosphere(1)), {"elevation": 90.0, "light_elevation": -60.0}),
    "far": (teapot().fit_unit_sphere(), {"distance": 20.0, "light_azimuth": -170.0}),
}


@pytest.mark.parametrize("name", SCENES)
def test_the_picture_is_that_of_render_byte_by_byte(page, name):
    mesh, others = SCENES[name]
    set_traits(page, {"mesh": to_lists(OrbitMesh(mesh=mesh).mesh, None), **others})
    image = 255 * on_screen(page, mesh).render()[..., :3].clamp(0, 1)
    found = painted(page)
    assert len(found.unique()) > 10
    # Half a step of a channel, and no more than rounding: 1e-6 where it falls between two.
    assert (found - image).abs().max() <= 0.5 + 1e-6


def test_it_says_how_much_the_silhouette_fills(page):
    assert EXPLORER.readout in words(page)


# ---------------------------------------------------------------- the hand


def middle(page) -> tuple[float, float]:
    box = page.locator("canvas").first.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_mesh_follows_the_mouse(page):
    x, y = middle(page)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 32, y - 16, steps=4)
    page.mouse.up()
    # A quarter of NDC to the right: 22.5 degrees to the left for the eye; and an eighth up.
    assert trait(page, "azimuth") == pytest.approx(30 - 22.5)
    assert trait(page, "elevation") == pytest.approx(20 - 11.25)
    page.mouse.down()
    page.mouse.move(x + 32, y - 400, steps=4)
    page.mouse.up()
    assert trait(page, "elevation") == -90
    assert "faces" in words(page)


def test_what_is_in_front_moves_to_the_right_with_the_hand(page):
    """A triangle that faces the eye; then the azimuth falls as in the test before this one."""
    mesh = Mesh([[0.2, -0.2, 0.8], [0.6, -0.2, 0.8], [0.4, 0.2, 0.8]], [[0, 1, 2]])
    places = []
    for azimuth in (0.0, -10.0):
        alpha = OrbitMesh(mesh=mesh, azimuth=azimuth).render()[..., 3]
        places.append((alpha.sum(0) @ torch.arange(128.0).double() / alpha.sum()).item())
    assert places[1] > places[0] + 5


def test_the_wheel_comes_nearer_and_stops_before_the_mesh(page):
    page.mouse.move(*middle(page))
    page.mouse.wheel(0, -100)
    page.wait_for_function("() => window.model.get('distance') < 2.9")
    assert trait(page, "distance") == pytest.approx(3 * 2.718281828**-0.1)
    for _ in range(20):
        page.mouse.wheel(0, -300)
    page.wait_for_function("() => window.model.get('distance') < 2.03")
    assert trait(page, "distance") == pytest.approx(2.02, abs=1e-6)  # 1 % before near + radius
    assert "The silhouette fills" in words(page)
    page.mouse.wheel(0, 9000)
    page.wait_for_function("() => window.model.get('distance') > 19")
    assert trait(page, "distance") == 20


def test_the_lamp_follows_the_mouse_and_lights_the_mesh(page):
    before = page.evaluate(PIXELS)
    box = page.locator(".live-handle").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 64, y + 32, steps=4)  # half of NDC to the left: 90 degrees
    page.mouse.up()
    assert trait(page, "light_azimuth") == pytest.approx(60 - 90, abs=1e-6)
    assert trait(page, "light_elevation") == pytest.approx(45 - 22.5, abs=1e-6)
    painted(page)  # at rest
    color, alpha = page.evaluate(PIXELS)
    assert color != before[0]
    assert alpha == before[1]


def test_keys_do_all_of_it_and_each_dial_has_a_name(page):
    names = page.evaluate(
        "() => [...document.querySelectorAll('input')].map(at => at.labels[0].innerText)"
    )
    wanted = ("azimuth", "elevation", "distance", "sigma", "gamma")
    assert all(name.startswith(word) for name, word in zip(names, wanted, strict=True))
    for number, (name, value) in enumerate(
        zip(wanted, (31, 21, 3.05, 10**-4.95, 10**-3.95), strict=True)
    ):
        page.locator("input").nth(number).focus()
        page.keyboard.press("ArrowRight")
        assert trait(page, name) == pytest.approx(value), name
    lamp = page.locator(".live-handle")
    assert lamp.get_attribute("aria-label").startswith("the lamp")
    lamp.focus()
    for _ in range(4):  # faster than frames
        page.keyboard.press("ArrowUp")
    assert trait(page, "light_elevation") == pytest.approx(45 + 4 * 4.5)
    for canvas in page.locator("canvas").all():
        assert len(canvas.get_attribute("aria-label")) > 20


def test_a_slow_picture_is_coarse_while_it_moves_and_fine_at_rest(page):
    mesh = icosphere(3)
    set_trait(page, "mesh", to_lists(OrbitMesh(mesh=mesh).mesh, None))
    set_trait(page, "sigma", 1e-2)  # a million pairs: more than 33 ms anywhere
    assert "128 x 128" in words(page)
    page.evaluate(SAID)
    page.locator("input").first.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => window.said.length >= 2")
    coarse, fine = page.evaluate("() => window.said")[:2]
    assert "64 x 64 pixels while it moves" in coarse
    assert "128 x 128" in fine
    image = 255 * on_screen(page, mesh).render()[..., :3].clamp(0, 1)
    assert (painted(page) - image).abs().max() <= 0.5 + 1e-6


def test_a_phone_shows_it_without_scrolling_sideways(browser):
    page = module_page(browser, viewport={"width": 390, "height": 1200}, has_touch=True)
    show(page, "orbit_mesh.js", TRAITS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert not page.complaints
    page.close()


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("mesh", {"verts": [], "faces": [], "colors": []}, "There is no face"),
        ("mesh", TRAITS["mesh"] | {"faces": [[0, 1, 10**6]]}, "got NaN"),
        ("mesh", TRAITS["mesh"] | {"colors": [[[1, 1, 1]] * 3]}, "colors: got 9 numbers"),
        ("mesh", TRAITS["mesh"] | {"verts": [[None, 0, 0]] * 400}, "got NaN"),
        ("distance", 1.5, "distance: got 1.50, wanted more"),
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
    assert "The silhouette fills" in words(page)


def test_a_closed_explorer_no_longer_listens(page):
    page.evaluate("() => window.close_explorer()")
    before = page.evaluate(PIXELS)
    set_trait(page, "azimuth", 90)
    assert page.evaluate(PIXELS) == before


# ---------------------------------------------------------------- Python's side


def test_a_mesh_goes_to_the_browser_and_back_as_it_is():
    explorer, mesh = OrbitMesh(mesh=coloured(cube())), coloured(cube()).to(torch.float64)
    other = OrbitMesh()
    other.set_state({"mesh": explorer.get_state("mesh")["mesh"], "azimuth": 90.0})
    assert torch.equal(other.mesh.verts, mesh.verts)
    assert torch.equal(other.mesh.faces, mesh.faces)
    assert torch.equal(other.mesh.corner_tints(), mesh.corner_tints())
    torch.testing.assert_close(other.camera().eye[0, 0].item(), 3 * 0.9396926207859084)


def test_the_picture_that_stays_follows_the_traits():
    explorer = OrbitMesh()
    bundle, metadata = explorer._repr_mimebundle_()
    assert metadata["image/png"]["alt"] == explorer.alt == bundle["text/plain"]
    before = explorer.image
    explorer.azimuth = -90.0
    assert (explorer.image != before).any()
    explorer.distance = 1.2
    assert "too near" in explorer.readout
    assert explorer.image.shape == before.shape
    explorer.mesh = Mesh(torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.int64))
    assert "fills 0.0 %" in explorer.readout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mesh", icosphere(4)),
        ("mesh", "a teapot"),
        ("azimuth", 200.0),
        ("elevation", float("nan")),
        ("distance", 0.5),
        ("sigma", 0.0),
        ("gamma", float("nan")),
        ("light_elevation", 91.0),
    ],
)
def test_python_refuses_in_words(name, value):
    explorer = OrbitMesh()
    before = explorer.get_state()
    with pytest.raises(traitlets.TraitError, match=name):
        setattr(explorer, name, value)
    assert explorer.get_state() == before


def test_a_texture_is_refused_in_words():
    from softras_edu.teaching.scenes import globe

    with pytest.raises(traitlets.TraitError, match="a texture"):
        OrbitMesh(mesh=globe())
