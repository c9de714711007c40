"""The force field in the browser against that of `field.py`, in Chromium."""

from __future__ import annotations

import pytest
import torch
from chromium import module_page

from softras_edu import rasterize_hard
from softras_edu.explore.live import field as force_field

FIELD = """async ([renderer, triangles, target, dials]) => {
    const { field } = await import("/field.js");
    const forces = field(renderer, Float64Array.from(triangles), target, dials);
    return forces.map(({ x, y }) => [x, y]);
}"""
NMR = """async ([triangles, d_image, height, width]) => {
    const { nmr_gradient, visible_face } = await import("/hard.js");
    const corners = Float64Array.from(triangles);
    const face = visible_face(corners, { size: [height, width] });
    const pull = nmr_gradient(corners, face, Float64Array.from(d_image), height, width);
    return [Array.from(face), Array.from(pull)];
}"""


@pytest.fixture(scope="module")
def page(browser):
    page = module_page(browser)
    yield page
    assert not page.complaints


@pytest.mark.parametrize("target", [(0.0, 0.0), (0.3, -0.55)])
@pytest.mark.parametrize(("sigma", "dist_eps"), [(0.1, 1e-4), (1e-2, 1e-4), (1e-2, 0.0)])
def test_every_arrow_is_that_of_python(page, target, sigma, dist_eps):
    shape = force_field.CENTRED.flatten().tolist()
    wanted = {
        "hard": force_field.field(force_field.hard, target),
        "NMR": force_field.field(force_field.nmr, target),
        "soft": force_field.field(force_field.soft(sigma, dist_eps), target),
    }
    for renderer, push in wanted.items():
        dials = {"sigma": sigma, "dist_eps": dist_eps}
        got = page.evaluate(FIELD, [renderer, shape, list(target), dials])
        got = torch.tensor(got, dtype=torch.float64)
        bound = 1e-8 * max(1.0, push.abs().max().item())
        torch.testing.assert_close(got, push, rtol=0, atol=bound, msg=renderer)


def test_hard_moves_none_nmr_a_cross_and_soft_all(page):
    shape = force_field.CENTRED.flatten().tolist()
    counts = []
    for renderer in ("hard", "NMR", "soft"):
        push = page.evaluate(FIELD, [renderer, shape, [0, 0], {"sigma": 0.1, "dist_eps": 1e-4}])
        counts.append(sum(x != 0 or y != 0 for x, y in push))
    assert counts == [0, 178, 289]


@pytest.mark.parametrize("seed", range(6))
def test_nmr_of_a_soup_is_that_of_python(page, scene, seed):
    """Hidden triangles, oblong pictures, edges that leave them: seen faces and the gradient."""
    triangles, _ = scene(seed, 5)
    height, width = ((9, 14), (16, 7))[seed % 2]
    leaf = triangles.clone().requires_grad_()
    alpha = rasterize_hard(leaf, size=(height, width), gradient="nmr")[..., 0]
    generator = torch.Generator().manual_seed(seed)
    d_image = torch.randn(alpha.shape, generator=generator, dtype=torch.float64)
    (wanted,) = torch.autograd.grad(alpha, leaf, d_image)
    given = [triangles.flatten().tolist(), d_image.flatten().tolist(), height, width]
    face, got = page.evaluate(NMR, given)
    assert [n >= 0 for n in face] == (alpha > 0).flatten().tolist()
    got = torch.tensor(got, dtype=torch.float64).view_as(wanted)
    bound = 1e-8 * max(1.0, wanted.abs().max().item())
    torch.testing.assert_close(got, wanted, rtol=0, atol=bound)


WINDOW = """async ([triangles, colors]) => {
    const { rasterize } = await import("/rasterize.js");
    const draw = options => Array.from(rasterize(
        Float64Array.from(triangles), colors && Float64Array.from(colors),
        { size: [9, 12], sigma: 0.01, gamma: 0.1, background: 0.25, ...options },
    ).image);
    return [draw({}), draw({ window: [2, 5, 3, 11] })];
}"""


@pytest.mark.parametrize("channels", [0, 3])
def test_a_window_is_a_part_of_the_same_picture(page, scene, channels):
    """Elsewhere alpha is 0, and the colour is that of the background."""
    triangles, _ = scene(4, 6)
    colors = torch.linspace(0, 1, 6 * 9).tolist() if channels else None
    whole, part = page.evaluate(WINDOW, [triangles.flatten().tolist(), colors])
    whole, part = (torch.tensor(x).view(9, 12, channels + 1) for x in (whole, part))
    inside = torch.zeros(9, 12, 1, dtype=torch.bool)
    inside[2:5, 3:11] = True
    assert (whole[..., -1:][~inside] > 0).any()
    outside = torch.tensor([0.25] * channels + [0.0])
    assert torch.equal(part, torch.where(inside, whole, outside))
