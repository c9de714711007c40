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

from softras_edu import (
    Camera,
    Lights,
    explore,
    formulas,
    icosphere,
    rasterize,
    rasterize_hard,
    render,
    screen_triangles,
)
from softras_edu.explore import (
    BendBody,
    Conorms,
    FarRange,
    GradientTerms,
    LossLandscape,
    MemoryWall,
    Occlusion,
    OnlineSoftmax,
    PairsPerPixel,
    PoseLandscape,
    Predict,
    ProbabilityMap,
    Reconstruction,
    ShapeForces,
    SigmaGamma,
    Silhouette,
    Softness,
    Staircase,
    TileLists,
    gradient_terms,
    loss_landscape,
    online_softmax,
    silhouette,
    staircase,
)
from softras_edu.explore.base import Explorer
from softras_edu.explore.draw import CAPTION, PANEL, to_bytes
from softras_edu.explore.pace import PAIRS, SIZE, affordable, pairs
from softras_edu.teaching.cost_ledger import peak_bytes

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
    LossLandscape: {"sigma": 1e-1, "start_x": 0.3, "start_y": -0.2},
    MemoryWall: {"side": 300, "level": 5, "batch": 8, "what": "picture only"},
    Occlusion: {"depth": -0.3, "gamma": 0.5, "sigma": 3e-2, "renderer": "hard"},
    OnlineSoftmax: {"seen": 6, "gamma": 1e-2, "order": "far first"},
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
    ProbabilityMap: {"sigma": 3e-2, "row": 0.3, "distance": "barycentric"},
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
# Where an explorer must stand so that each of its dials does something. The others do wherever they are.
STARTS: dict[type[Explorer], dict[str, object]] = {
    Softness: {"distribution": "gamma", "conorm": "yager"}
}


def test_every_explorer_is_tried_here() -> None:
    assert set(TURNS) == set(CLASSES)
    for cls, turns in TURNS.items():
        assert list(turns) == cls.dial_names(), "a dial without a turn"


@pytest.mark.parametrize(
    ("cls", "dial", "value"), [(c, d, v) for c, turns in TURNS.items() for d, v in turns.items()]
)
def test_a_dial_changes_the_picture_at_once_and_back(
    cls: type[Explorer], dial: str, value: object
) -> None:
    explorer = cls(**STARTS.get(cls, {}))
    before, start = explorer.image.copy(), getattr(explorer, dial)
    setattr(explorer, dial, value)
    assert explorer.image.shape == before.shape, "the page would jump"
    assert (explorer.image != before).any()
    setattr(explorer, dial, start)
    assert (explorer.image == before).all(), "the picture depends on more than the dials"


@pytest.mark.parametrize("cls", CLASSES)
def test_the_widget_shows_the_image_and_turns_the_dials(cls: type[Explorer]) -> None:
    explorer = cls(**STARTS.get(cls, {}))
    *turners, picture, readout = explorer.widget.children
    assert len(turners) == len(cls.dial_names())
    for turner, (dial, value) in zip(turners, TURNS[cls].items(), strict=True):
        shown = picture.value
        turner.value = value  # what dragging the slider does
        assert (
            getattr(explorer, dial) == pytest.approx(value)
            if isinstance(value, float)
            else getattr(explorer, dial) == value
        )
        assert picture.value != shown
        assert turner.description, "a screen reader has nothing to read"
    assert (np.asarray(Image.open(io.BytesIO(picture.value))) == explorer.image).all()
    assert explorer.readout in readout.value
    assert html.escape(explorer.alt) in readout.value, (
        "a screen reader does not learn what the picture shows"
    )
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
        image = render(
            explorer._meshes["sphere"],
            Camera.orbit(2.6, 25, 70, fov=50),
            size=SIZE,
            lights=Lights(),
            sigma=1e-3,
            gamma=1e-2,
        )[0]
    panel = np.asarray(
        Image.fromarray(to_bytes(image)).resize((PANEL, PANEL), Image.Resampling.NEAREST)
    )
    assert (
        explorer.image[CAPTION + 1 : -1, 1 : PANEL - 1] == panel[1:-1, 1:-1]
    ).all()  # less the frame of one pixel


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


def test_the_online_softmax_ends_where_a_softmax_over_all_faces_ends():
    log_weight = online_softmax.log_weights(0.02)
    log_background = (online_softmax.EPS - 1) / 0.02
    share = torch.softmax(torch.cat([log_weight, log_weight.new_tensor([log_background])]), dim=0)
    for order in online_softmax.ORDERS.values():
        peaks, dens, running = online_softmax.history(
            log_weight[order],
            online_softmax.COLORS[order],
            log_background,
            torch.zeros(3, dtype=torch.float64),
        )
        torch.testing.assert_close(
            running[-1], share[:-1] @ online_softmax.COLORS, rtol=1e-12, atol=0
        )
        assert peaks == sorted(peaks)
        assert min(dens) >= 1
    explorer = OnlineSoftmax(gamma=1e-3)
    assert "infinity" in explorer.readout
    explorer.gamma = 1.0
    assert "infinity" not in explorer.readout


def test_gradient_terms_is_whole_or_not():
    triangles, colors = gradient_terms.walls(torch.tensor([0.1], dtype=torch.float64))
    triangles.requires_grad_()
    direction = torch.randn(
        gradient_terms.SIZE,
        gradient_terms.SIZE,
        3,
        generator=torch.Generator().manual_seed(0),
        dtype=torch.float64,
    )
    ours = gradient_terms.rasterize_terms(triangles, colors, 1e-3, 1e-2)[0]
    theirs = rasterize(
        triangles[0],
        colors,
        size=gradient_terms.SIZE,
        sigma=1e-3,
        gamma=1e-2,
        far=gradient_terms.FAR,
        backend="broadcast",
    )[..., :3]
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(
        *(torch.autograd.grad(image, triangles, direction)[0] for image in (ours, theirs))
    )

    explorer = GradientTerms()
    assert (
        float(re.search(r"([\d.]+) %", explorer.readout).group(1)) < 5
    )  # what the seams of the sheet tell
    explorer.terms = "no depth term"  # depth is the same everywhere: nothing is missing
    assert "100.0 %" in explorer.readout
    explorer.scene = "two walls that cross"
    assert "nothing comes back" in explorer.readout
    explorer.terms = "no colour term"  # flat colours: nothing is missing
    assert "100.0 %" in explorer.readout


def test_larger_tiles_evaluate_more_pairs_for_the_same_live_ones() -> None:
    numbers = lambda: [
        int(n.replace(",", ""))
        for n in re.search(r"([\d,]+) pairs for ([\d,]+) live", explorer.readout).groups()
    ]  # noqa: E731
    explorer = TileLists(tile="4")
    small = numbers()
    explorer.tile = "32"
    assert numbers()[0] > 5 * small[0]
    assert numbers()[1] == small[1]
    explorer.sigma = 1e-3
    assert numbers()[1] > small[1]


def test_the_memory_wall_foresees_what_is_measured() -> None:
    explorer = MemoryWall(side=24, level=1, what="picture only")
    foreseen = 24 * 24 * 80 * explorer.per_pair["picture only"]
    triangles = torch.rand(80, 3, 3, generator=torch.Generator().manual_seed(1)) + 1
    with torch.no_grad():
        found = peak_bytes(lambda: rasterize(triangles, triangles, size=24, backend="broadcast"))
    assert found == pytest.approx(foreseen, rel=0.02)
    assert "fits in a laptop" in explorer.readout
    explorer.what = "picture and gradient"
    assert explorer.per_pair["picture and gradient"] > 2 * explorer.per_pair["picture only"]
    explorer.side, explorer.level = 1024, 6
    assert "neither machine" in explorer.readout


def test_pairs_per_pixel_counts_as_brute_force_does() -> None:
    explorer = PairsPerPixel(level=1, sigma=1e-3)
    triangles = screen_triangles(
        icosphere(1).verts, icosphere(1).faces, Camera.orbit(2.732, 30, 0)
    )[0]
    pixel, xy = formulas.pixel_centers(64, 64), triangles[:, None, None, :, :2]
    d = torch.sigmoid(
        formulas.signed_logit(pixel, xy, formulas.barycentric(pixel, xy), 1e-3, "euclidean")
    )
    assert f"{int((d >= 1e-4).sum()):,} of {80 * 64 * 64:,} pairs are live" in explorer.readout
    assert f"reach {formulas.reach(1e-3) * 32:.1f} pixels" in explorer.readout


def test_predict_adds_the_measurement_only_when_asked_and_only_where_it_fits() -> None:
    explorer = Predict(rung="pairs", side=32, level=1)
    assert "not measured yet" in explorer.readout
    before = explorer.image.copy()
    explorer.measure = "yes, now"
    assert "times the prediction" in explorer.readout
    assert (explorer.image != before).any()
    assert "Measured" in explorer.alt
    explorer.rung, explorer.level, explorer.side = "loops", 6, 1024
    assert "stays a prediction" in explorer.readout
    assert "days" in explorer.readout
    explorer.rung, explorer.level, explorer.side = "broadcast", 5, 64
    assert "stays a prediction" in explorer.readout


def test_predict_follows_live_pairs_for_pairs_and_all_pairs_for_broadcast() -> None:
    explorer = Predict(rung="broadcast")
    milliseconds = lambda: explorer.models[explorer.rung].case(
        explorer.level, explorer.side, explorer.sigma
    )  # noqa: E731
    for rung, grows in (("broadcast", False), ("pairs", True), ("numba", True)):
        explorer.rung, explorer.sigma = rung, 1e-4
        before = milliseconds()
        explorer.sigma = 1e-2
        assert (milliseconds() > before) == grows
    explorer.rung = "broadcast"
    assert "5,242,880 pairs" in explorer.readout


def test_predict_says_what_to_do_without_measurements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("softras_edu.teaching.results.tables.folder", lambda: None)
    with pytest.raises(FileNotFoundError, match="softras_edu bench"):
        Predict()


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
    torch.testing.assert_close(
        silhouette.aggregate(triangles, sigma, "product", size),
        1 - (1 - counted).prod(0),
        rtol=0,
        atol=1e-5,
    )
    torch.testing.assert_close(
        silhouette.aggregate(triangles, sigma, "sum", size), counted.sum(0), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("size", staircase.SIZES)
def test_the_staircase_is_the_loss_of_hard_pictures(size: int) -> None:
    places, losses = staircase.staircase(size)
    x = torch.rand(50, generator=torch.Generator().manual_seed(0)) * 1.2 - 0.6
    target = staircase.silhouettes(torch.tensor([staircase.TARGET_X]), size)
    true = (staircase.silhouettes(x, size) - target).square().mean((1, 2))
    step = torch.searchsorted(places, x.double(), right=True) - 1
    assert ((losses[step] - true).abs() * size**2).max() < max(2, size / 16), (
        "but for pixel centres on an edge, where rounding decides"
    )


@pytest.mark.parametrize("sigma", [1e-4, 1e-1])
def test_the_windows_of_one_picture_are_the_landscape(sigma: float) -> None:
    y, x = torch.meshgrid(loss_landscape.places().flip(0), loss_landscape.places(), indexing="ij")
    some = torch.randperm(x.numel(), generator=torch.Generator().manual_seed(0))[:60]
    with torch.no_grad():
        true = loss_landscape.losses(torch.stack([x.flatten(), y.flatten()], dim=-1)[some], sigma)
    torch.testing.assert_close(
        loss_landscape.landscape(sigma).flatten()[some], true, rtol=0, atol=1e-5
    )


def test_a_long_first_step_finds_a_pose_that_a_short_one_does_not() -> None:
    explorer = PoseLandscape()
    assert "did not find it" in explorer.readout
    explorer.longest = 30.0
    assert "found the pose" in explorer.readout
    explorer.gamma = 1e-3
    assert "did not find it" in explorer.readout


def test_each_loss_lowers_what_it_measures() -> None:
    explorer = ShapeForces()
    for loss, name, lower in (
        ("IoU", "IoU", False),
        ("Laplacian", "Laplacian", True),
        ("flatten", "flatten", True),
    ):
        explorer.loss = loss
        before, after = (
            float(number) for number in re.findall(rf"{name} ([\d.]+\d|\d+)", explorer.readout)
        )
        assert (after < before) == lower, explorer.readout
    explorer.loss, explorer.sigma, explorer.crumple = "IoU", 1e-1, 0.0
    assert float(re.findall(r"Laplacian ([\d.]+)", explorer.readout)[0]) < 0.3


def test_gamma_decides_whether_the_hidden_hand_is_pulled_forward() -> None:
    explorer = BendBody()
    assert "pulls it forward" in explorer.readout
    explorer.gamma = 1e-3
    assert "leaves it at its depth" in explorer.readout


def test_softness_shows_what_rasterize_gives_and_switches_dials_that_do_nothing() -> None:
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


def test_softness_tells_the_seam_of_notebook_03_and_who_has_a_gradient() -> None:
    explorer = Softness(mesh="sphere", blur=4.0)
    seam = lambda: float(re.search(r"in an edge: ([\d.]+\d)", explorer.readout).group(1))  # noqa: E731
    lively = lambda: int(re.search(r"([\d,]+) of", explorer.readout).group(1).replace(",", ""))  # noqa: E731
    assert seam() == 0.75
    soft = lively()
    explorer.distribution = "exponential_rev"  # DIB-R: a covered pixel has alpha 1 and no gradient
    assert seam() == 1.0
    assert 0 < lively() < soft
    explorer.distribution, explorer.squared = "cauchy", "not squared, d / sigma"
    assert lively() == 1024, "everything reaches everything, at half the resolution"


def test_conorms_tells_the_numbers_of_the_definitions() -> None:
    explorer = Conorms(conorm="probabilistic", a=0.3, b=0.6)
    assert (
        "= 0.720. Of a small change, alpha takes over 0.40 times a's and 0.70 times b's"
        in explorer.readout
    )
    explorer.conorm = "einstein"
    assert f"= {0.9 / 1.18:.3f}. " in explorer.readout
    explorer.conorm, explorer.p = "yager", 1.0
    assert (
        "= 0.900. Of a small change, alpha takes over 1.00 times a's and 1.00 times b's"
        in explorer.readout
    )
    assert "40 faces of D = 0.30 make 1.000" in explorer.readout
    explorer.conorm = "max"
    assert "0.00 times a's and 1.00 times b's" in explorer.readout


def test_reconstruction_shows_the_photograph_and_one_mesh_from_all_sides() -> None:
    explorer = Reconstruction(object="car 1")
    score = re.search(r"IoU <b>([\d.]+)", explorer.readout).group(1)
    assert "where the photograph was taken" in explorer.readout
    photograph = explorer.image[:, :PANEL].copy()
    explorer.turn = 180.0  # the same mesh, from behind
    assert re.search(r"IoU <b>([\d.]+)", explorer.readout).group(1) == score
    assert (explorer.image[:, :PANEL] == photograph).all()
    explorer.view = 14  # another picture, and so another mesh
    assert (explorer.image[:, :PANEL] != photograph).any()
