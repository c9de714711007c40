"""Lamps and skies in numbers worked out by hand, and the gradient of each of their parameters."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from softras_edu import Lamp, Lights, PointLamp, Sky
from softras_edu.mesh import face_normals, vertex_normals
from softras_edu.precision import unit
from softras_edu.shading import harmonics, shade

F64 = torch.float64
DARK = {"ambient": 0.0, "diffuse": 0.0}


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=F64)


NORMALS = unit(random(12, 3))
COLORS = random(12, 3, seed=1).abs()
POINTS = random(12, 3, seed=2)
TO_EYE = unit(NORMALS + 0.5 * random(12, 3, seed=3))


# ---------------------------------------------------------------- numbers, RGB, channels


def test_rgb_colours_channels_and_not_corners():
    # Three corners, three channels: an RGB of shape (3,) once met the corners without an error.
    normals = torch.tensor([0.0, 0.0, 1.0], dtype=F64).expand(2, 3, 3)
    colors = torch.ones(2, 3, 3, dtype=F64)
    for red in ((1.0, 0.5, 0.0), torch.tensor([1.0, 0.5, 0.0])):
        lit = shade(normals, colors, Lights(ambient=red, diffuse=0.0))
        assert torch.equal(lit, torch.tensor([1.0, 0.5, 0.0], dtype=F64).expand(2, 3, 3))
        lit = shade(normals, colors, Lights(0.0, red, (0, 0, 2)))
        assert torch.equal(lit, torch.tensor([1.0, 0.5, 0.0], dtype=F64).expand(2, 3, 3))


def test_lamps_add_up():
    lamps = [Lamp((1, 2, 3), 0.3), Lamp((-1, 0, 0.5), (0.1, 0.2, 0.3)), PointLamp((0, 2, 0), 0.5)]
    sky = Sky(torch.linspace(-1, 1, 9))
    together = shade(NORMALS, COLORS, Lights(0.1, 0.4, (0, 1, 0), more=[*lamps, sky]), POINTS)
    alone = [Lights(0.1, 0.0), Lights(0.0, 0.4, (0, 1, 0))]
    alone += [Lights(**DARK, more=[light]) for light in (*lamps, sky)]
    torch.testing.assert_close(together, sum(shade(NORMALS, COLORS, x, POINTS) for x in alone))


def test_the_first_lamp_is_a_lamp():
    first = shade(NORMALS, COLORS, Lights(0.2, 0.7, (1, 2, -1)))
    more = shade(NORMALS, COLORS, Lights(0.2, 0.0, more=[Lamp((3, 6, -3), 0.7)]))
    torch.testing.assert_close(first, more)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_dtype_is_that_of_the_normals(dtype):
    lights = Lights(
        torch.tensor(0.1, dtype=F64), torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1, 2, 3]),
        specular=torch.tensor(0.5), shininess=torch.tensor(4, dtype=F64),
        more=[PointLamp(np.array([0.0, 1.0, 2.0]), 1, falloff=2), Sky([[0.1] * 3] * 9)],
    )  # fmt: skip
    args = (x.to(dtype) for x in (NORMALS, COLORS))
    lit = shade(*args, lights, POINTS.to(dtype), TO_EYE.to(dtype))
    assert lit.dtype == dtype
    assert lit.shape == (12, 3)
    wide = shade(NORMALS, COLORS, lights, POINTS, TO_EYE)
    torch.testing.assert_close(lit.double(), wide, rtol=1e-5, atol=1e-5)


# ---------------------------------------------------------------- point lamps, highlights


def test_a_point_lamp_by_hand():
    # The lamp hangs 4 over and 3 beside the point: distance 5, cosine 4/5.
    normal, point = torch.tensor([[0.0, 0, 1]], dtype=F64), torch.tensor([[1.0, 1, 1]], dtype=F64)
    white = torch.ones(1, 3, dtype=F64)
    for falloff, fading in ((0.0, 1.0), (0.2, 1 / 6)):
        lamp = PointLamp((1.0, 4.0, 5.0), (1.0, 0.5, 0.0), falloff=falloff)
        lit = shade(normal, white, Lights(**DARK, more=[lamp]), point)
        assert lit[0].tolist() == pytest.approx([0.8 * fading, 0.4 * fading, 0.0])
    below = Lights(**DARK, more=[PointLamp((1.0, 1.0, -2.0))])
    assert not shade(normal, white, below, point).any()


def test_a_point_lamp_far_away_is_a_lamp():
    far = PointLamp((2e6, 3e6, -1e6), 0.6, 0.3)
    near = shade(NORMALS, COLORS, Lights(**DARK, more=[far]), POINTS, TO_EYE)
    lamp = Lights(0.0, 0.6, (2, 3, -1), specular=0.3)
    torch.testing.assert_close(near, shade(NORMALS, COLORS, lamp, None, TO_EYE), rtol=0, atol=1e-4)


@pytest.mark.parametrize("angle", [0.0, 10.0, 40.0, 89.0, 100.0])
def test_a_highlight_by_hand(angle):
    # The lamp stands 30 degrees to the left of the normal; the eye `angle` off the mirrored
    # direction, which is 30 degrees to the right.
    normal = torch.tensor([[0.0, 0, 1]], dtype=F64)
    away = math.radians(30 + angle)
    to_eye = torch.tensor([[math.sin(away), 0, math.cos(away)]], dtype=F64)
    lamp = (-math.sin(math.radians(30)), 0.0, math.cos(math.radians(30)))
    lights = Lights(0.0, 0.0, lamp, specular=(0.5, 1.0, 0.0), shininess=3)
    lit = shade(normal, torch.zeros(1, 3, dtype=F64), lights, None, to_eye)
    shine = max(math.cos(math.radians(angle)), 0.0) ** 3
    assert lit[0].tolist() == pytest.approx([0.5 * shine, shine, 0.0], abs=1e-12)
    # A lamp under the surface makes none.
    under = Lights(0.0, 0.0, (lamp[0], 0.0, -lamp[2]), specular=1.0)
    assert not shade(normal, torch.zeros(1, 3, dtype=F64), under, None, to_eye).any()


def test_a_highlight_does_not_take_the_surfaces_colour_and_fades_with_its_lamp():
    lamp = PointLamp((0.0, 0.0, 2.0), 0.0, 1.0, falloff=1.0)
    up = torch.tensor([[0.0, 0, 1]], dtype=F64)
    lit = shade(up, up, Lights(**DARK, more=[lamp]), torch.zeros(1, 3, dtype=F64), up)
    assert lit[0].tolist() == pytest.approx([0.2] * 3)  # 1 / (1 + 2^2)


# ---------------------------------------------------------------- skies


def sphere() -> tuple[Tensor, Tensor]:
    """Directions and weights that integrate polynomials of degree 15 over the sphere exactly."""
    z, wz = (torch.from_numpy(x) for x in np.polynomial.legendre.leggauss(8))
    a = torch.arange(16, dtype=F64) * (2 * math.pi / 16)
    z, a = torch.meshgrid(z, a, indexing="ij")
    r = (1 - z * z).sqrt()
    weights = (wz[:, None] * 2 * math.pi / 16).expand(8, 16)
    return torch.stack([r * a.cos(), r * a.sin(), z], -1).reshape(-1, 3), weights.reshape(-1)


def test_harmonics_are_orthonormal():
    directions, weights = sphere()
    y = harmonics(directions)
    torch.testing.assert_close(y.T @ (weights[:, None] * y), torch.eye(9, dtype=F64))


def test_a_sky_is_the_quadratic_form_of_ramamoorthi_and_hanrahan():
    # Their equation 13: E(n) = c1 L22 (x^2 - y^2) + c3 L20 z^2 + c4 L00 - c5 L20 + 2 c1 (L2-2 xy +
    # L21 xz + L2-1 yz) + 2 c2 (L11 x + L1-1 y + L10 z), with five constants of six digits.
    c1, c2, c3, c4, c5 = 0.429043, 0.511664, 0.743125, 0.886227, 0.247708
    radiance = random(9, seed=4)
    l00, l1m, l10, l11, l2m2, l2m1, l20, l21, l22 = radiance
    x, y, z = NORMALS.unbind(1)
    e = c1 * l22 * (x * x - y * y) + c3 * l20 * z * z + c4 * l00 - c5 * l20
    e = e + 2 * c1 * (l2m2 * x * y + l21 * x * z + l2m1 * y * z)
    e = e + 2 * c2 * (l11 * x + l1m * y + l10 * z)
    orders = torch.tensor([1.0] + [2 / 3] * 3 + [1 / 4] * 5, dtype=F64)
    lights = Lights(**DARK, more=[Sky(radiance * orders)])
    lit = shade(NORMALS, torch.ones(12, 3, dtype=F64), lights)
    torch.testing.assert_close(lit, (e / math.pi)[:, None].expand(12, 3), rtol=0, atol=2e-5)


def test_a_sky_in_colour():
    c = random(9, 3, seed=5)
    lit = shade(NORMALS, COLORS, Lights(**DARK, more=[Sky(c)]))
    grey = [shade(NORMALS, COLORS, Lights(**DARK, more=[Sky(c[:, k])]))[:, k] for k in range(3)]
    torch.testing.assert_close(lit, torch.stack(grey, 1))


def test_the_sky_of_a_lamp_by_its_closed_form():
    # Legendre's sum of max(cos, 0): 1/4 + cos / 2 + 5/32 (3 cos^2 - 1), off by at most 0.1.
    sky = Sky.of_lamp((1.0, 2.0, -0.5), 0.7)
    lit = shade(NORMALS, torch.ones(12, 3, dtype=F64), Lights(**DARK, more=[sky]))[:, 0]
    cosine = NORMALS @ unit(torch.tensor([1.0, 2.0, -0.5], dtype=F64))
    formula = 0.7 * (1 / 4 + cosine / 2 + 5 / 32 * (3 * cosine**2 - 1))
    torch.testing.assert_close(lit, formula, rtol=1e-6, atol=1e-6)
    assert ((lit - 0.7 * cosine.clamp_min(0)).abs() <= 0.07).all()
    direction = random(3).requires_grad_()
    assert torch.autograd.gradcheck(lambda d: Sky.of_lamp(d, 0.7).coefficients, direction)


# ---------------------------------------------------------------- gradients

# Every parameter, at a place where its derivative is not zero, and lights made of it.
PARAMETERS = {
    "ambient": (torch.tensor(0.3), lambda x: Lights(ambient=x)),
    "ambient, RGB": (torch.tensor([0.3, 0.2, 0.5]), lambda x: Lights(ambient=x)),
    "diffuse": (torch.tensor(0.3), lambda x: Lights(diffuse=x)),
    "diffuse, RGB": (torch.tensor([0.3, 0.2, 0.5]), lambda x: Lights(diffuse=x)),
    "direction": (torch.tensor([1.0, 2.0, -0.5]), lambda x: Lights(direction=x)),
    "a list of numbers": (torch.tensor(0.4), lambda x: Lights(direction=(1.0, x, 0.3))),
    "specular": (torch.tensor([0.3, 0.2, 0.5]), lambda x: Lights(specular=x)),
    "shininess": (torch.tensor(3.0), lambda x: Lights(specular=0.5, shininess=x)),
    "shiny direction": (torch.tensor([1.0, 2.0, -0.5]), lambda x: Lights(0, 0, x, 0.5, 2.5)),
    "lamp": (torch.tensor([1.0, 2.0, -0.5]), lambda x: Lights(more=[Lamp(x, 0.4, 0.3)])),
    "place": (torch.tensor([1.0, 2.0, -0.5]), lambda x: Lights(more=[PointLamp(x, 1, 0.3, 0.2)])),
    "falloff": (torch.tensor(0.3), lambda x: Lights(more=[PointLamp((1, 2, 3), falloff=x)])),
    "sky": (torch.linspace(0.1, 0.9, 9), lambda x: Lights(more=[Sky(x)])),
    "sky, RGB": (torch.linspace(0.1, 0.9, 27).reshape(9, 3), lambda x: Lights(more=[Sky(x)])),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_gradient_of_every_parameter(name):
    # A direction that was made of floats on the way had none, and could not be learned.
    value, make = PARAMETERS[name]
    x = value.double().requires_grad_()

    def lit(x: Tensor) -> Tensor:
        return shade(NORMALS, COLORS, make(x), POINTS, TO_EYE)

    assert torch.autograd.gradcheck(lit, x)
    (grad,) = torch.autograd.grad(lit(x).square().sum(), x)
    assert (grad.abs() > 1e-6).all()


def test_the_gradient_of_normals_colours_points_and_eye():
    more = [PointLamp((1.0, 2.0, 0.5), 0.5, 0.4, 0.2), Sky(torch.linspace(0.1, 0.9, 9))]
    lights = Lights(0.1, 0.5, (0.3, -0.2, 1.0), 0.5, 2.5, more)
    inputs = [x.clone().requires_grad_() for x in (NORMALS, COLORS, POINTS, TO_EYE)]

    def lit(n: Tensor, c: Tensor, p: Tensor, e: Tensor) -> Tensor:
        return shade(n, c, lights, p, e)

    assert torch.autograd.gradcheck(lit, inputs)
    for grad in torch.autograd.grad(lit(*inputs).square().sum(), inputs):
        assert grad.abs().max() > 1e-3


# ---------------------------------------------------------------- degenerate normals


def test_a_normal_of_no_length_gets_ambient_light_and_the_mean_of_a_sky():
    more = [PointLamp((1.0, 2.0, 0.5), 1.0, 1.0), Sky(torch.linspace(0.1, 0.9, 9))]
    lights = Lights(0.25, 1.0, (0, 0, 1), 1.0, 2.0, more)
    normals, nothing = torch.zeros(2, 3, dtype=F64), torch.zeros(2, 3, dtype=F64)
    inputs = [x.requires_grad_() for x in (nothing, POINTS[:2].clone())]
    lit = shade(normals, torch.ones(2, 3, dtype=F64), lights, inputs[1], unit(inputs[0]))
    torch.testing.assert_close(
        lit.detach(), torch.full_like(lit, 0.25 + 0.1 / math.sqrt(4 * math.pi))
    )
    for grad in torch.autograd.grad(lit.sum(), inputs, allow_unused=True):
        assert grad is None or not grad.any()


def test_a_point_right_at_a_lamp_is_not_lit_by_it():
    point = torch.tensor([[1.0, 2.0, 0.5]], dtype=F64, requires_grad=True)
    up = torch.tensor([[0.0, 0, 1]], dtype=F64)
    lit = shade(up, up, Lights(**DARK, more=[PointLamp((1.0, 2.0, 0.5), 1.0, 1.0)]), point, up)
    assert not lit.any()
    assert not torch.autograd.grad(lit.sum(), point)[0].any()


def test_normals_that_cancel_or_have_no_area_are_0_and_so_is_their_gradient():
    # A sheet with two sides: the normals of its faces cancel at every vertex. One over the smallest
    # float, which stood for the length once, made the gradient NaN.
    verts = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]], dtype=F64, requires_grad=True)
    sheet, point = torch.tensor([[0, 1, 2], [0, 2, 1]]), torch.tensor([[0, 0, 1]])
    for normals in (vertex_normals(verts, sheet), face_normals(verts, point)):
        assert not normals.any()
        (grad,) = torch.autograd.grad(normals.sum(), verts)
        assert not grad.any()
    for small in (1e-8, 1.0, 1e8):  # a small face has a normal as any other
        normal = face_normals(verts.detach().float() * small, sheet[:1])
        assert torch.equal(normal, torch.tensor([[0.0, 0, 1]]))


def test_unit_is_the_vector_over_its_length():
    x = random(5, 3).requires_grad_()
    torch.testing.assert_close(unit(x), x / x.square().sum(1, keepdim=True).sqrt())
    assert torch.autograd.gradcheck(unit, x)
    assert torch.autograd.gradgradcheck(unit, x)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Lights(ambient=(1.0, 0.5)), r"^ambient: got shape \(2,\), wanted a number or"),
        (lambda: Lights(ambient=torch.ones(2, 3)), r"^ambient: got shape \(2, 3\), wanted a"),
        (lambda: Lights(ambient="bright"), "^ambient: got 'bright', wanted a number or"),
        (lambda: Lights(diffuse=math.nan), "^diffuse: got nan, wanted finite numbers"),
        (lambda: Lights(direction=(0, 0, 0)), r"^direction: got \(0, 0, 0\), wanted a vector that"),
        (lambda: Lights(direction=torch.zeros(3)), "^direction: got tensor.*, wanted a vector"),
        (lambda: Lights(direction=(0, 1)), r"^direction: got shape \(2,\), wanted \(3,\)"),
        (lambda: Lights(shininess=0.5), r"^shininess: got 0\.5, wanted a number >= 1"),
        (lambda: Lights(specular=[None] * 3), r"^specular: got \[None, None, None\], wanted"),
        (lambda: Lights(more=[1.0]), "^more: got float, wanted Lamps, PointLamps and Skies"),
        (lambda: Lamp((0, 0, 0)), "^direction: got"),
        (lambda: PointLamp((0, 0, 0), falloff=-1.0), r"^falloff: got -1\.0, wanted a number >= 0"),
        (lambda: PointLamp((0, 0)), r"^place: got shape \(2,\), wanted \(3,\)"),
        (lambda: Sky([1.0] * 4), r"^coefficients: got shape \(4,\), wanted \(9,\) or \(9, 3\)"),
        (lambda: Sky.of_lamp((0, 0, 0)), "^direction: got"),
        (
            lambda: shade(NORMALS, COLORS, Lights(more=[PointLamp((0, 0, 0))])),
            "^points: got None, wanted the places of normals",
        ),
        (
            lambda: shade(NORMALS, COLORS, Lights(specular=0.1)),
            "^to_eye: got None, wanted unit vectors to the eye",
        ),
    ],
)
def test_what_is_no_light_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
