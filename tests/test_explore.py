"""The explorers, driven as a reader drives them: set a dial, look at the pixels."""

from __future__ import annotations

import base64
import html
import io

import numpy as np
import pytest
import torch
from PIL import Image

from softras_edu import (
    Camera,
    explore,
    render,
)
from softras_edu.explore import (
    BendBody,
    Conorms,
    FarRange,
    GradientTerms,
    Lamps,
    LossLandscape,
    MemoryWall,
    Occlusion,
    OnlineSoftmax,
    Orbit,
    PairsPerPixel,
    PoseLandscape,
    Predict,
    Reconstruction,
    ShapeForces,
    SigmaGamma,
    Silhouette,
    Softness,
    Staircase,
    TileLists,
)
from softras_edu.explore.base import Explorer
from softras_edu.explore.draw import CAPTION, PANEL, to_bytes
from softras_edu.explore.pace import PAIRS, SIZE, affordable, pairs
from softras_edu.explore.sigma_gamma import BRIGHT

CLASSES = [getattr(explore, name) for name in explore.__all__]
# One change of each dial that must change the picture.
TURNS = {
    BendBody: {
        "shoulder_swing": -20.0,
        "shoulder_raise": -20.0,
        "elbow_swing": -60.0,
        "elbow_fold": -20.0,
        "gamma": 0.3,
        "sigma": 1e-4,
    },
    Conorms: {"conorm": "dombi", "p": 5.0, "a": 0.2, "b": 0.8},
    FarRange: {"gap": 0.4, "sigma": 1e-1, "cut": "keep every pair"},
    GradientTerms: {
        "terms": "no depth term",
        "x": 0.2,
        "sigma": 1e-2,
        "gamma": 0.3,
        "scene": "two walls that cross",
    },
    Lamps: {
        "azimuth": -100.0,
        "elevation": -20.0,
        "ambient": 0.5,
        "specular": 0.9,
        "shininess": 90.0,
    },
    LossLandscape: {"sigma": 1e-1, "start_x": 0.3, "start_y": -0.2},
    MemoryWall: {"side": 300, "level": 5, "batch": 8, "what": "picture only"},
    Occlusion: {"depth": -0.3, "gamma": 0.5, "sigma": 3e-2, "renderer": "hard"},
    OnlineSoftmax: {"seen": 6, "gamma": 1e-2, "order": "far first"},
    Orbit: {"azimuth": -60.0, "elevation": -30.0, "distance": 2.0, "fov": 70.0},
    PairsPerPixel: {"sigma": 3e-3, "dist_eps": 1e-2, "level": 2},
    PoseLandscape: {
        "sigma": 1e-2,
        "gamma": 1.0,
        "width": 0.4,
        "longest": 20.0,
        "turn": 30.0,
        "tilt": -20.0,
        "shape": "bracket",
    },
    Predict: {"rung": "pairs", "side": 100, "level": 2, "sigma": 1e-3, "measure": "yes, now"},
    Reconstruction: {"object": "mug 2", "view": 2, "turn": 180.0, "tilt": 60.0},
    ShapeForces: {"loss": "IoU", "crumple": 0.2, "sigma": 1e-2, "azimuth": -60.0},
    SigmaGamma: {"sigma": 1e-2, "gamma": 0.3, "azimuth": -60.0, "shape": "cube"},
    Silhouette: {"sigma": 1e-4, "rule": "largest", "shape": "sphere"},
    Softness: {
        "distribution": "gamma_rev",
        "squared": "not squared, d / sigma",
        "blur": 6.0,
        "shape": 4.0,
        "shift": 1.0,
        "conorm": "dombi",
        "p": 5.0,
        "mesh": "two triangles",
    },
    Staircase: {"x": 0.25, "size": 32},
    TileLists: {"tile": "16", "sigma": 1e-3, "x": -0.2, "y": 0.0, "shape": "teapot"},
}
# Where an explorer must stand so that each of its dials does something. The others do wherever they
# are.
STARTS: dict[type[Explorer], dict[str, object]] = {
    Softness: {"distribution": "gamma", "conorm": "yager"}
}


def test_every_explorer_is_tried_here() -> None:
    assert set(TURNS) == set(CLASSES)
    for cls, turns in TURNS.items():
        assert list(turns) == cls.dial_names(), "a dial without a turn"


@pytest.fixture(scope="module", params=CLASSES, ids=lambda cls: cls.__name__)
def explorer(request: pytest.FixtureRequest) -> Explorer:
    """One for all tests of its kind, which leave it as they found it."""
    made: Explorer = request.param(**STARTS.get(request.param, {}))
    return made


def test_a_slider_changes_the_picture_at_once_and_a_trait_changes_it_back(
    explorer: Explorer,
) -> None:
    before = explorer.image.copy()
    *turners, picture, readout = explorer.widget.children
    assert len(turners) == len(explorer.dial_names())
    for turner, (dial, value) in zip(turners, TURNS[type(explorer)].items(), strict=True):
        assert turner.description, "a screen reader has nothing to read"
        start, shown, at_rest = getattr(explorer, dial), picture.value, turner.value
        turner.value = value  # what dragging the slider does
        now = getattr(explorer, dial)
        assert now == (pytest.approx(value) if isinstance(value, float) else value)
        assert explorer.image.shape == before.shape, f"{dial}: the page would jump"
        assert (explorer.image != before).any(), dial
        assert picture.value != shown
        assert (np.asarray(Image.open(io.BytesIO(picture.value))) == explorer.image).all()
        assert explorer.readout in readout.value
        assert html.escape(explorer.alt) in readout.value, (
            "a screen reader does not learn what the picture shows"
        )
        assert " ms" in readout.value
        setattr(explorer, dial, start)
        assert turner.value == at_rest
        assert (explorer.image == before).all(), f"{dial}: more than the dials counts"


def test_without_a_kernel_a_picture_with_alt_text_remains(explorer: Explorer) -> None:
    bundle, metadata = explorer._repr_mimebundle_()
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.width > PANEL
    assert len(metadata["image/png"]["alt"]) > 30
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_the_widget_fits_a_laptop_and_shrinks_on_a_narrow_page(explorer: Explorer) -> None:
    assert explorer.image.shape[1] <= 900
    assert explorer.image.shape[0] <= 500
    assert all(child.layout.max_width == "100%" for child in explorer.widget.children[:-1])


def test_unknown_dials_and_values_are_refused() -> None:
    with pytest.raises(TypeError, match="no dial zeta; it has sigma, gamma, azimuth, shape"):
        SigmaGamma(zeta=1)
    with pytest.raises(Exception, match="shape"):
        SigmaGamma(shape="banana")


def test_sigma_gamma_shows_what_render_gives() -> None:
    explorer = SigmaGamma(shape="sphere", sigma=1e-3, gamma=1e-2, azimuth=70.0)
    with torch.no_grad():
        image = render(
            explorer._meshes["sphere"],
            Camera.orbit(2.6, 25, 70, fov=50),
            size=SIZE,
            lights=BRIGHT,
            sigma=1e-3,
            gamma=1e-2,
        )[0]
    panel = np.asarray(
        Image.fromarray(to_bytes(image)).resize((PANEL, PANEL), Image.Resampling.NEAREST)
    )
    assert (
        explorer.image[CAPTION + 1 : -1, 1 : PANEL - 1] == panel[1:-1, 1:-1]
    ).all()  # less the frame of one pixel


def test_a_drawing_leaves_pytorch_the_threads_that_it_had() -> None:
    before = torch.get_num_threads()
    SigmaGamma(sigma=1e-2).gamma = 0.1
    assert torch.get_num_threads() == before


def test_a_wide_blur_costs_pixels_not_patience() -> None:
    explorer = SigmaGamma(shape="sphere", sigma=1e-3)
    assert "128 x 128" in explorer.readout
    explorer.sigma = 0.1
    assert "64 x 64" in explorer.readout
    triangle = torch.tensor([[[-1.0, -1.0, 2.0], [3.0, -1.0, 2.0], [-1.0, 3.0, 2.0]]])
    assert pairs(triangle, 128, 1e-6) == 128**2  # it covers the picture
    assert affordable(triangle, 0.1) == (128, 128**2)
    assert affordable(triangle.expand(PAIRS // 128**2 + 1, 3, 3), 1e-6)[0] == 64


def test_predict_says_what_to_do_without_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softras_edu.teaching.results.tables.folder", lambda: None)
    with pytest.raises(FileNotFoundError, match="softras_edu bench"):
        Predict()


def test_softness_switches_off_dials_that_do_nothing() -> None:
    explorer = Softness(mesh="two triangles")
    dials = dict(zip(explorer.dial_names(), explorer.widget.children, strict=False))
    assert [name for name, turner in dials.items() if turner.disabled] == ["shape", "shift", "p"]
    explorer.distribution, explorer.conorm = "gamma_rev", "frank"
    assert not [name for name, turner in dials.items() if turner.disabled]
    explorer.p = 1.0  # which Frank's must not be
    assert "p = 1" in explorer.alt
    explorer.distribution = "hard"
    assert [name for name, turner in dials.items() if turner.disabled] == ["blur", "shape", "shift"]
    assert " 0 of 4,096 pixels have a gradient" in explorer.readout
