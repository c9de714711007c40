"""The explorers, driven as a reader drives them: set a dial, look at the pixels."""

from __future__ import annotations

import base64
import html
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from softras_edu import Camera, Lights, explore, formulas, rasterize_hard, render
from softras_edu.explore import FarRange, LossLandscape, Occlusion, ProbabilityMap, SigmaGamma, Silhouette, Staircase, loss_landscape, silhouette, staircase
from softras_edu.explore.base import Explorer
from softras_edu.explore.draw import CAPTION, PANEL, to_bytes
from softras_edu.explore.pace import PAIRS, SIZE, affordable, pairs

CLASSES = [getattr(explore, name) for name in explore.__all__]
# One change of each dial that must change the picture.
TURNS = {
    FarRange: {"gap": 0.4, "sigma": 1e-1, "cut": "keep every pair"},
    LossLandscape: {"sigma": 1e-1, "start_x": 0.3, "start_y": -0.2},
    Occlusion: {"depth": -0.3, "gamma": 0.5, "sigma": 3e-2, "renderer": "hard"},
    ProbabilityMap: {"sigma": 3e-2, "row": 0.3, "distance": "barycentric"},
    SigmaGamma: {"sigma": 1e-2, "gamma": 0.3, "azimuth": -60.0, "shape": "cube"},
    Silhouette: {"sigma": 1e-4, "rule": "largest", "shape": "sphere"},
    Staircase: {"x": 0.25, "size": 32},
}


def test_every_explorer_is_tried_here() -> None:
    assert set(TURNS) == set(CLASSES)
    for cls, turns in TURNS.items():
        assert list(turns) == cls.dial_names(), "a dial without a turn"


@pytest.mark.parametrize(("cls", "dial", "value"), [(c, d, v) for c, turns in TURNS.items() for d, v in turns.items()])
def test_a_dial_changes_the_picture_at_once_and_back(cls: type[Explorer], dial: str, value: object) -> None:
    explorer = cls()
    before, start = explorer.image.copy(), getattr(explorer, dial)
    setattr(explorer, dial, value)
    assert explorer.image.shape == before.shape, "the page would jump"
    assert (explorer.image != before).any()
    setattr(explorer, dial, start)
    assert (explorer.image == before).all(), "the picture depends on more than the dials"


@pytest.mark.parametrize("cls", CLASSES)
def test_the_widget_shows_the_image_and_turns_the_dials(cls: type[Explorer]) -> None:
    explorer = cls()
    *turners, picture, readout = explorer.widget.children
    assert len(turners) == len(cls.dial_names())
    for turner, (dial, value) in zip(turners, TURNS[cls].items(), strict=True):
        shown = picture.value
        turner.value = value  # what dragging the slider does
        assert getattr(explorer, dial) == pytest.approx(value) if isinstance(value, float) else getattr(explorer, dial) == value
        assert picture.value != shown
        assert turner.description, "a screen reader has nothing to read"
    assert (np.asarray(Image.open(io.BytesIO(picture.value))) == explorer.image).all()
    assert explorer.readout in readout.value
    assert html.escape(explorer.alt) in readout.value, "a screen reader does not learn what the picture shows"
    assert " ms" in readout.value


@pytest.mark.parametrize("cls", CLASSES)
def test_without_a_kernel_a_picture_with_alt_text_remains(cls: type[Explorer]) -> None:
    bundle, metadata = cls()._repr_mimebundle_()
    picture = Image.open(io.BytesIO(base64.b64decode(bundle["image/png"])))
    assert picture.width > PANEL
    assert len(metadata["image/png"]["alt"]) > 30
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_unknown_dials_and_values_are_refused() -> None:
    with pytest.raises(TypeError, match="no dial zeta; it has sigma, gamma, azimuth, shape"):
        SigmaGamma(zeta=1)
    with pytest.raises(Exception, match="shape"):
        SigmaGamma(shape="banana")


def test_sigma_gamma_shows_what_render_gives() -> None:
    explorer = SigmaGamma(shape="sphere", sigma=1e-3, gamma=1e-2, azimuth=70.0)
    with torch.no_grad():
        image = render(explorer._meshes["sphere"], Camera.orbit(2.6, 25, 70, fov=50), size=SIZE, lights=Lights(), sigma=1e-3, gamma=1e-2)[0]
    panel = np.asarray(Image.fromarray(to_bytes(image)).resize((PANEL, PANEL), Image.Resampling.NEAREST))
    assert (explorer.image[CAPTION + 1 : -1, 1 : PANEL - 1] == panel[1:-1, 1:-1]).all()  # less the frame of one pixel


def test_the_staircase_is_flat_between_jumps_and_its_loss_is_zero_at_the_target() -> None:
    explorer = Staircase(x=-0.2)
    loss = re.search(r"loss ([\d.]+)", explorer.readout)
    explorer.x = -0.2001
    assert re.search(r"loss ([\d.]+)", explorer.readout).group(1) == loss.group(1)
    explorer.x = 0.3
    assert "loss 0.0000" in explorer.readout


def test_the_probability_map_counts_the_pixels_in_reach() -> None:
    explorer = ProbabilityMap(sigma=1e-2)
    live = int(re.search(r"(\d+) of", explorer.readout).group(1))
    explorer.sigma = 1e-4
    assert int(re.search(r"(\d+) of", explorer.readout).group(1)) < live
    assert f"{formulas.reach(1e-4):.3f} NDC" in explorer.readout


def test_the_rules_for_silhouettes_read_as_the_text_says() -> None:
    explorer = Silhouette(shape="teapot", rule="sum")
    assert "not a probability" in explorer.readout
    explorer.rule = "product"
    assert "not a probability" not in explorer.readout
    assert "to 1.00" in explorer.readout


def test_only_soft_pulls_the_hidden_triangle_forward() -> None:
    explorer = Occlusion(depth=0.3)
    assert "pulls it forward" in explorer.readout
    for renderer in ("hard", "NMR"):
        explorer.renderer = renderer
        assert "leaves it where it is" in explorer.readout


def test_far_range_ends_at_the_reach_unless_every_pair_is_kept() -> None:
    explorer = FarRange(sigma=1e-2, gap=0.2)
    size = lambda: float(re.search(r"soft ([\d.e+-]+\d)", explorer.readout).group(1))  # noqa: E731
    near = size()
    explorer.gap = 0.4
    assert size() == 0 < near
    explorer.cut = "keep every pair"
    assert 0 < size() < near
    assert "hard 0.0e+00" in explorer.readout


def test_sigma_opens_the_landscape() -> None:
    explorer = LossLandscape(sigma=1e-4)
    assert "stopped" in explorer.readout
    explorer.sigma = 1e-1
    assert "found the target" in explorer.readout


@pytest.mark.parametrize("cls", CLASSES)
def test_the_widget_fits_a_laptop_and_shrinks_on_a_narrow_page(cls: type[Explorer]) -> None:
    explorer = cls()
    assert explorer.image.shape[1] <= 900
    assert explorer.image.shape[0] <= 500
    assert all(child.layout.max_width == "100%" for child in explorer.widget.children[:-1])


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


@pytest.mark.parametrize("shape", silhouette.SHAPES)
def test_the_quick_rules_are_the_rules(shape: str) -> None:
    verts, faces = silhouette.on_screen(shape)
    triangles, sigma, size = verts[faces], 1e-2, 24
    d = silhouette.probabilities(triangles[..., :2], sigma, size)
    signed = silhouette.largest_signed_d2(shape, size)
    torch.testing.assert_close((signed / sigma).sigmoid(), d.amax(0), rtol=0, atol=1e-5)
    assert torch.equal((signed >= 0).float(), rasterize_hard(triangles, size=size)[..., 0])
    counted = d.where(d >= 1e-4, 0.0)
    torch.testing.assert_close(silhouette.aggregate(triangles, sigma, "product", size), 1 - (1 - counted).prod(0), rtol=0, atol=1e-5)
    torch.testing.assert_close(silhouette.aggregate(triangles, sigma, "sum", size), counted.sum(0), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", staircase.SIZES)
def test_the_staircase_is_the_loss_of_hard_pictures(size: int) -> None:
    places, losses = staircase.staircase(size)
    x = torch.rand(50, generator=torch.Generator().manual_seed(0)) * 1.2 - 0.6
    target = staircase.silhouettes(torch.tensor([staircase.TARGET_X]), size)
    true = (staircase.silhouettes(x, size) - target).square().mean((1, 2))
    step = torch.searchsorted(places, x.double(), right=True) - 1
    assert ((losses[step] - true).abs() * size**2).max() < max(2, size / 16), "but for pixel centres on an edge, where rounding decides"


@pytest.mark.parametrize("sigma", [1e-4, 1e-1])
def test_the_windows_of_one_picture_are_the_landscape(sigma: float) -> None:
    y, x = torch.meshgrid(loss_landscape.places().flip(0), loss_landscape.places(), indexing="ij")
    some = torch.randperm(x.numel(), generator=torch.Generator().manual_seed(0))[:60]
    with torch.no_grad():
        true = loss_landscape.losses(torch.stack([x.flatten(), y.flatten()], dim=-1)[some], sigma)
    torch.testing.assert_close(loss_landscape.landscape(sigma).flatten()[some], true, rtol=0, atol=1e-5)
