"""The numbers that the explorers of part I show, against computations of another kind.

Counts are made pixel by pixel from school geometry, gradients are compared with finite differences
of the loss, sums with their closed form.
"""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from readouts import REACH, centres, covers, probability_of, read, slope

from softras_edu import (
    rasterize,
    rasterize_hard,
)
from softras_edu.explore import (
    FarRange,
    GradientTerms,
    LossLandscape,
    Occlusion,
    SigmaGamma,
    Silhouette,
    Staircase,
    far_range,
    gradient_terms,
    loss_landscape,
    occlusion,
    silhouette,
    staircase,
)
from softras_edu.explore.live import ProbabilityMap

# ---------------------------------------------------------------- part I


def test_the_probability_map_counts_the_pixels_in_reach(boundary_distances) -> None:
    explorer = ProbabilityMap()
    for sigma in (1e-4, 1e-2):
        explorer.sigma = sigma
        d = probability_of(explorer.triangles[0], 128, sigma, boundary_distances)
        reach = math.sqrt(sigma * REACH)
        assert read(explorer, "reach outside an edge is # NDC, # pixels") == pytest.approx(
            [reach, 64 * reach], abs=0.051
        )
        live, of, largest = read(explorer, "# of # pixels are counted. Largest D: #")
        assert (live, of) == ((d >= 1e-4).sum(), 128**2)
        assert largest == pytest.approx(d.max().item(), abs=6e-4)


@pytest.mark.parametrize("rule", ["product", "largest", "sum"])
def test_the_rules_for_silhouettes_have_the_range_of_brute_force(rule, boundary_distances) -> None:
    explorer = Silhouette(shape="two triangles", rule=rule, sigma=3e-3)
    verts, faces = silhouette.on_screen("two triangles")
    both = [probability_of(t.double(), 128, 3e-3, boundary_distances) for t in verts[faces]]
    d = torch.stack([x.where(x >= 1e-4, 0.0) for x in both])
    alpha = {"product": 1 - (1 - d).prod(0), "largest": torch.stack(both).amax(0), "sum": d.sum(0)}
    # D is at least one half where a face is; both touch the diagonal from their own side.
    inside = alpha[rule][(d >= 0.5).any(0)]
    wanted = [inside.min(), inside.max(), alpha[rule].min(), alpha[rule].max()]
    words = "alpha inside the shape: # to #; over the whole picture: # to #"
    assert read(explorer, words) == pytest.approx([x.item() for x in wanted], abs=0.0051)


def test_only_a_sum_of_many_faces_is_no_probability() -> None:
    for rule in silhouette.RULES:
        explorer = Silhouette(shape="teapot", rule=rule)
        *_, largest = read(explorer, "over the whole picture: # to #")
        assert (largest > 1) == (rule == "sum")
        assert ("not a probability" in explorer.readout) == (rule == "sum")


@pytest.mark.parametrize("shape", silhouette.SHAPES)
def test_the_quick_rules_are_the_rules(shape: str) -> None:
    verts, faces = silhouette.on_screen(shape)
    triangles, sigma, size = verts[faces], 1e-2, 24
    d = silhouette.probabilities(triangles[..., :2], sigma, size)
    signed = silhouette.largest_signed_d2(shape, size)
    close = {"rtol": 0, "atol": 1e-5}
    torch.testing.assert_close((signed / sigma).sigmoid(), d.amax(0), **close)
    assert torch.equal((signed >= 0).float(), rasterize_hard(triangles, size=size)[..., 0])
    d = d.where(d >= 1e-4, 0.0)
    product, total = (
        silhouette.aggregate(triangles, sigma, rule, size) for rule in ("product", "sum")
    )
    torch.testing.assert_close(product, 1 - (1 - d).prod(0), **close)
    torch.testing.assert_close(total, d.sum(0), rtol=1e-5, atol=1e-5)


def test_the_staircase_counts_wrong_pixels_and_jumps() -> None:
    size = 8
    corners = staircase.TRIANGLE.tolist()

    def covered(x: float) -> list[bool]:
        moved = [[a + x, b, c] for a, b, c in corners]
        return [covers(moved, *centre) for centre in centres(size)]

    def wrong(x: float) -> float:
        pairs = zip(covered(x), covered(staircase.TARGET_X), strict=True)
        return sum(a != b for a, b in pairs) / size**2

    explorer = Staircase(x=-0.21, size=size)
    assert read(explorer, "loss #") == [pytest.approx(wrong(-0.21), abs=5e-5)]
    explorer.x = 0.05
    assert read(explorer, "loss #") == [pytest.approx(wrong(0.05), abs=5e-5)]
    explorer.x = staircase.TARGET_X
    assert read(explorer, "loss #") == [0.0]
    # As many jumps as pictures that differ while the triangle slides, in steps too short for two.
    # Not quite from end to end: at -0.6 itself an edge lies on a centre.
    slides = [covered(staircase.FIRST + 1e-6 + 1.199998 * k / 4001) for k in range(4002)]
    changes = sum(a != b for a, b in pairwise(slides))
    assert read(explorer, "jumps in the curve: #") == [changes]


@pytest.mark.parametrize("size", staircase.SIZES)
def test_the_staircase_is_the_loss_of_hard_pictures(size: int) -> None:
    # With the start in float32 and the jumps in float64 it fell to -6 pixels at 128.
    places, steps = staircase.staircase(size)
    assert steps.min() == 0, "a mean of squares, and 0 on the target"
    on_target = torch.searchsorted(places, staircase.TARGET_X, right=True) - 1
    assert steps[on_target] == 0
    assert (places.diff() > 0).all()
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(50, generator=generator, dtype=torch.float64) * 1.2 - 0.6
    goal = torch.tensor([staircase.TARGET_X], dtype=torch.float64)
    target = staircase.silhouettes(goal, size)
    true = (staircase.silhouettes(x, size) - target).square().mean((1, 2))
    step = torch.searchsorted(places, x, right=True) - 1
    assert torch.equal((steps[step] * size**2).round(), (true * size**2).round())


def test_most_steps_of_the_slider_leave_a_picture_of_16_pixels_as_it_is() -> None:
    # "When does it stay where it is?": with steps of 0.01 it did on 4 of 10, from 32 pixels never.
    explorer = Staircase()
    step = explorer.turners["x"].step
    x = torch.arange(staircase.FIRST, staircase.LAST, step, dtype=torch.float64)
    hard = staircase.silhouettes(x, explorer.size)
    stays = (hard[1:] == hard[:-1]).all(2).all(1).double().mean()
    assert stays > 0.85


def test_the_reach_of_an_edge_is_the_formulas() -> None:
    for sigma in (1e-4, 1e-3):
        (pixels,) = read(SigmaGamma(shape="sphere", sigma=sigma), "reaches # pixels outward")
        assert pixels == pytest.approx(64 * math.sqrt(sigma * REACH), abs=0.051)


@pytest.mark.parametrize("depth", [0.3, -0.2])
@pytest.mark.parametrize("renderer", occlusion.RENDERERS)
def test_the_pull_on_the_hidden_triangle_is_the_slope_of_the_loss(depth, renderer) -> None:
    explorer = Occlusion(depth=depth, renderer=renderer, gamma=3e-2)
    colors = torch.stack([occlusion.ORANGE_RGB, occlusion.BLUE_RGB])[:, None].expand(2, 3, 3)
    target = rasterize_hard(occlusion.scene(-0.5), colors, size=128, far=10.0)[..., :3]

    def loss(step: float) -> float:
        triangles = occlusion.scene(depth + step).double()
        if renderer != "soft":
            image = rasterize_hard(triangles, colors.double(), size=128, far=10.0)
        else:
            image = rasterize(
                triangles, colors.double(), size=128, sigma=1e-3, gamma=3e-2, far=10.0
            )
        return (image[..., :3] - target.double()).square().mean().item()

    shown, pull = read(explorer, "loss #. Gradient of the blue triangle: depth # ")
    assert shown == pytest.approx(loss(0.0), abs=6e-5)
    assert pull == pytest.approx(slope(loss, 1e-4), rel=0.06, abs=1e-9)
    assert ("pulls it forward" in explorer.readout) == (renderer == "soft" and pull > 0)
    assert ("leaves it where it is" in explorer.readout) == (renderer != "soft")


def test_far_range_shows_the_size_of_the_slope_and_ends_at_the_reach() -> None:
    explorer = FarRange(sigma=1e-2, gap=0.2)
    words = "Size of the gradient: hard #, NMR #, soft #"
    pixel = torch.tensor(list(centres(64)), dtype=torch.float64).view(64, 64, 2)
    left, half = far_range.TIP + 0.2, far_range.SIDE / 2
    wanted = (pixel[..., 0] >= left) & (pixel[..., 0] <= left + 2 * half)
    wanted &= pixel[..., 1].abs() <= half

    def loss(corner: int, axis: int, step: float) -> float:
        triangle = far_range.SHAPE.double().clone().reshape(1, 3, 3)
        triangle[0, corner, axis] += step
        alpha = rasterize(triangle, size=64, sigma=1e-2)[..., 0]
        return (1 - alpha[wanted]).square().mean().item()

    slopes = [
        slope(lambda step, c=c, a=a: loss(c, a, step), 1e-6) for c in range(3) for a in range(2)
    ]
    hard, nmr, soft = read(explorer, words)
    assert soft == pytest.approx(math.hypot(*slopes), rel=0.06)
    assert hard == 0
    assert nmr > 0
    assert read(explorer, "Soft reaches # NDC") == [
        pytest.approx(math.sqrt(1e-2 * REACH), abs=6e-3)
    ]
    explorer.gap = 0.4  # beyond the reach
    assert read(explorer, words)[2] == 0
    explorer.cut = "keep every pair"
    assert 0 < read(explorer, words)[2] < soft


def test_a_start_out_of_reach_stays_where_it_is_and_a_wide_blur_finds_the_target() -> None:
    explorer = LossLandscape(sigma=1e-4, start_x=-0.6, start_y=0.45)
    assert read(explorer, "stopped # NDC away") == [pytest.approx(math.hypot(0.6, 0.45), abs=5e-3)]
    explorer.sigma = 1e-1
    assert "found the target" in explorer.readout
    path = loss_landscape.descend(torch.tensor([-0.6, 0.45]), 1e-1)
    first, *_, last = loss_landscape.losses(path, 1e-1).tolist()
    assert last < first
    assert last < loss_landscape.landscape(1e-1).min() + 0.01  # no place of the map is better
    assert path[-1].norm() < 0.08


def test_the_flat_part_of_the_landscape_is_where_the_triangles_do_not_meet() -> None:
    explorer = LossLandscape(sigma=1e-5)
    corners = loss_landscape.TRIANGLE.view(3, 3).tolist()
    target = {xy for xy in centres(64) if covers(corners, *xy)}
    # A shift by whole pixels moves a covered centre to a centre; the blur reaches a third of one.
    step = 2 / 64
    shifts = [(i * step, j * step) for i in range(-25, 26) for j in range(-25, 26)]
    near = {(round(x * 64), round(y * 64)) for x, y in target}

    def meets(dx: float, dy: float) -> bool:
        return any((round((x + dx) * 64), round((y + dy) * 64)) in near for x, y in target)

    flat = sum(not meets(dx, dy) for dx, dy in shifts) / len(shifts)
    (shown,) = read(explorer, "Flat part of the map: # %")
    assert shown == pytest.approx(100 * flat, abs=8)  # the rim that only the blur reaches
    assert shown <= 100 * flat + 0.5


@pytest.mark.parametrize("sigma", [1e-4, 1e-1])
def test_the_windows_of_one_picture_are_the_landscape(sigma: float) -> None:
    y, x = torch.meshgrid(loss_landscape.places().flip(0), loss_landscape.places(), indexing="ij")
    some = torch.randperm(x.numel(), generator=torch.Generator().manual_seed(0))[:60]
    with torch.no_grad():
        places = torch.stack([x.flatten(), y.flatten()], dim=-1)[some]
        true = loss_landscape.losses(places, sigma)
    found = loss_landscape.landscape(sigma).flatten()[some]
    torch.testing.assert_close(found, true, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scene", list(gradient_terms.SCENES))
@pytest.mark.parametrize("terms", ["no depth term", "no colour term"])
def test_gradient_terms_shows_the_slope_of_the_loss_and_the_part_of_it(scene, terms) -> None:
    explorer = GradientTerms(scene=scene, terms=terms, x=-0.25)

    def picture(x: float) -> torch.Tensor:
        triangles, colors = gradient_terms.SCENES[scene](torch.tensor([x], dtype=torch.float64))
        return gradient_terms.rasterize_terms(triangles, colors, explorer.sigma, explorer.gamma)

    def loss(step: float) -> float:
        return (picture(-0.25 + step) - picture(0.0)).square().mean().item()

    whole, part = read(explorer, f"slope of the loss #; with the terms of {terms} #")
    assert whole == pytest.approx(slope(loss, 1e-6), rel=6e-3)
    # Depth is the same all over the sheet, and the walls are flat in colour: nothing is missing.
    complete = (scene == "a coloured sheet") == (terms == "no depth term")
    assert (part == pytest.approx(whole, rel=1e-3)) == complete
    assert abs(part) <= abs(whole) * 1.001


def test_gradient_terms_says_what_gamma_does_to_a_sheet_of_one_depth() -> None:
    explorer = GradientTerms(scene="a coloured sheet")
    words = "let # % of the black background through"
    triangles, colors = gradient_terms.sheet(torch.zeros(1, dtype=torch.float64))
    for gamma in (1e-3, 0.3, 1.0):
        explorer.gamma = gamma
        white = rasterize(
            triangles[0], torch.ones_like(colors), size=26, sigma=1e-6, gamma=gamma, far=10.0
        )
        black = 1 - white[3, 5, 0].item()
        assert read(explorer, words) == [pytest.approx(100 * black, abs=0.051)]
    explorer.scene = "two walls that cross"
    assert "one depth" not in explorer.readout


@pytest.mark.parametrize("depths", [(gradient_terms.NEAR, gradient_terms.FAR), (2.0, 4.0)])
def test_the_terms_of_the_explorer_together_are_the_gradient_of_rasterize(
    depths: tuple[float, float],
) -> None:
    near, far = depths
    triangles, colors = gradient_terms.walls(torch.tensor([0.1], dtype=torch.float64))
    triangles.requires_grad_()
    size, generator = gradient_terms.SIZE, torch.Generator().manual_seed(0)
    direction = torch.randn(size, size, 3, generator=generator, dtype=torch.float64)
    ours = gradient_terms.rasterize_terms(triangles, colors, 1e-3, 1e-2, near=near, far=far)[0]
    options = {"size": size, "sigma": 1e-3, "gamma": 1e-2, "near": near, "far": far}
    theirs = rasterize(triangles[0], colors, backend="broadcast", **options)[..., :3]
    torch.testing.assert_close(ours, theirs)
    one, other = (torch.autograd.grad(image, triangles, direction)[0] for image in (ours, theirs))
    torch.testing.assert_close(one, other)
