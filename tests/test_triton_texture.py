"""Textures in the Triton kernels against `broadcast`: tiny scenes, as in test_triton.py."""

from __future__ import annotations

import pytest
import torch
from compare import FLOAT32, FLOAT64, cotangent
from test_texture import SOFT, check, random_texture
from test_triton import DEVICE, needs_triton
from torch import Tensor
from torch.autograd import gradcheck

from softras_edu import Texture, rasterize

pytestmark = [
    needs_triton,
    pytest.mark.skipif(DEVICE != "cpu", reason="these compare tensors on the CPU"),
]


@pytest.mark.parametrize("wrap", ["clamp", "repeat"])
@pytest.mark.parametrize("perspective_correct", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_options_agree_on_more_than_one_tile(scene, wrap, perspective_correct, dtype):
    triangles, colors = scene(1, faces=3, dtype=dtype)
    texture = random_texture(0, 3, ((3, 5), (2, 1)), [wrap, "clamp"]).to(dtype)
    tolerance = FLOAT64 if dtype == torch.float64 else FLOAT32
    options = SOFT | {"perspective_correct": perspective_correct}
    check("triton", triangles, colors, texture, tolerance, size=(3, 9), **options)


@pytest.mark.parametrize("channels", [1, 7])  # 7: two groups in float64
@pytest.mark.parametrize("tinted", [False, True])
def test_channels_and_batches_agree(scene, channels, tinted):
    triangles, colors = scene(6, faces=2, channels=channels, batch=2)
    texture = random_texture(2, 2, ((2, 3), (4, 1)), ["clamp", "repeat"], channels, 2)
    check("triton", triangles, colors if tinted else None, texture, size=(3, 4), **SOFT)


@pytest.mark.parametrize("wanted", ["triangles", "uv", "images"])
def test_only_what_is_asked_for_has_a_gradient(scene, wanted):
    triangles, _ = scene(10, faces=2)
    texture = random_texture(6, 2)
    inputs = {"triangles": triangles, "uv": texture.uv, "images": texture.pictures()[0]}
    grads = []
    for name in ("triton", "broadcast"):
        leaf = {k: x.clone().requires_grad_(k == wanted) for k, x in inputs.items()}
        picture = Texture(leaf["images"], leaf["uv"])
        image = rasterize(leaf["triangles"], texture=picture, size=3, backend=name, **SOFT)
        grads.append(torch.autograd.grad(image, leaf[wanted], cotangent(image))[0])
    torch.testing.assert_close(*grads, rtol=0, atol=1e-9)


@pytest.mark.parametrize("wrap", ["clamp", "repeat"])
def test_gradcheck(scene, wrap):
    triangles, colors = scene(20, faces=1, channels=2)
    texture = random_texture(7, 1, ((2, 3),), wrap, channels=2)

    def draw(t: Tensor, c: Tensor, uv: Tensor, image: Tensor) -> Tensor:
        picture = Texture(image, uv, wrap=wrap)
        return rasterize(t, c, texture=picture, size=(2, 3), backend="triton", eps=0.6, **SOFT)

    inputs = (triangles, colors, texture.uv, texture.pictures()[0])
    assert gradcheck(draw, tuple(x.requires_grad_() for x in inputs), fast_mode=True)


def test_pixels_around_a_face_see_no_texel_of_the_next_one(scene):
    triangles = scene(3, faces=2)[0] * 0.5
    triangles[1, :, 2] = -1.0  # not drawn
    texels = torch.full((2, 2, 2, 1), 1e6, dtype=torch.float64)
    texels[0] = 0.25
    options = {"size": (5, 4), "sigma": 1.0, "gamma": 0.1, "eps": 0.0, "far": 10.0}
    texels.requires_grad_()
    image = rasterize(
        triangles, texture=Texture.per_face(texels), background=0.25, backend="triton", **options
    )
    torch.testing.assert_close(
        image[..., 0], torch.full_like(image[..., 0], 0.25), rtol=0, atol=1e-12
    )
    (d_texels,) = torch.autograd.grad(image[..., 0].sum(), texels)
    assert (d_texels[1] == 0).all()
    assert d_texels[0].sum() > 1
