"""Textures that do not fit together, or do not fit the triangles, are refused by name."""

from __future__ import annotations

import pytest
import torch
from test_texture import RUNNABLE

from softras_edu import Texture, rasterize


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": torch.ones(2, 2)}, r"images: got \[\(2, 2\)\]"),
        ({"images": torch.ones(0, 2, 3)}, r"images: got \[\(0, 2, 3\)\]"),
        ({"images": []}, r"images: got \[\]"),
        ({"images": [torch.ones(2, 2, 3), torch.ones(2, 2, 1)]}, "images: got .* of the same C"),
        ({"images": torch.ones(2, 2, 3).double()}, "images: got torch.float64"),
        ({"uv": torch.ones(2, 2)}, r"uv: got torch.float32 \(2, 2\)"),
        ({"wrap": "mirror"}, "wrap: got 'mirror', wanted one of 'clamp', 'repeat'"),
        ({"wrap": ["clamp", "clamp"]}, "wrap: got 2 for 1 pictures"),
        ({"which": torch.tensor([0])}, r"which: got torch.int64 \(1,\)"),
        ({"which": torch.tensor([0, 1])}, "which: got numbers from 0 to 1, but there are 1"),
        ({"which": torch.tensor([-1, 0])}, "which: got numbers from -1 to 0"),
    ],
)
def test_a_texture_that_does_not_fit_together_is_refused(change, message):
    good = {"images": torch.ones(2, 2, 3), "uv": torch.zeros(2, 3, 2)}
    Texture(**good)
    with pytest.raises(ValueError, match=message):
        Texture(**(good | change))


@pytest.mark.parametrize("backend", RUNNABLE)
@pytest.mark.parametrize(
    ("texture", "message"),
    [
        (torch.ones(2, 2, 3), "texture: got Tensor, wanted a Texture or None"),
        (Texture(torch.ones(2, 2, 3), torch.zeros(3, 3, 2)), r"texture: got uv of shape \(3, 3, 2"),
        (Texture(torch.ones(2, 2, 1), torch.zeros(2, 3, 2)), "texture: got 1 channels, wanted 3"),
        (
            Texture(torch.ones(2, 2, 3).double(), torch.zeros(2, 3, 2).double()),
            "texture: got torch.float64",
        ),
        (
            Texture(torch.full((2, 2, 3), torch.nan), torch.zeros(2, 3, 2)),
            "texture: got NaN or infinity in images",
        ),
        (
            Texture(torch.ones(2, 2, 3), torch.full((2, 3, 2), torch.inf)),
            r"texture: got NaN or a number beyond 1e\+15 in uv",
        ),
    ],
)
def test_a_texture_that_does_not_fit_the_triangles_is_refused(backend, texture, message):
    triangles = torch.rand(2, 3, 3) + 1
    with pytest.raises(ValueError, match=message):
        rasterize(triangles, torch.ones(2, 3, 3), texture=texture, size=4, backend=backend)


def test_per_face_texels_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"texels: got \(2, 3, 4, 3\), wanted"):
        Texture.per_face(torch.ones(2, 3, 4, 3))
