"""Every other backend against `broadcast`, values and gradients, by its public name.

`loops` shares no formula with `broadcast`, so agreement means something. Random scenes keep every
pair (dist_eps = 0, near and far beyond every corner), since the image jumps where one is left out;
the tests of the cuts keep their pairs away from them. `test_assembled.py` runs all of this on what
the notebooks build.
"""

from __future__ import annotations

import math

import pytest
import torch
from compare import FLOAT32, FLOAT64, check_backend, rounding
from hypothesis import given, settings
from hypothesis import strategies as st

from softras_edu import backends, rasterize

OTHERS = [
    name
    for name, state in backends().items()
    if state == "ok" and name not in ("broadcast", "triton")
]  # triton: test_triton.py


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("perspective_correct", [False, True])
@pytest.mark.parametrize("cull_backfaces", [False, True])
def test_options_agree(scene, backend, distance, perspective_correct, cull_backfaces):
    triangles, colors = scene(1, faces=4)
    background = torch.rand(
        5, 6, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    options = {"size": (5, 6), "sigma": 0.05, "gamma": 0.02, "dist_eps": 0.0}
    options |= {
        "distance": distance,
        "perspective_correct": perspective_correct,
        "cull_backfaces": cull_backfaces,
    }
    result = check_backend(backend, triangles, colors, background, **options)
    drawn = (result[1].abs().amax((1, 2)) > 1e-9).tolist()
    assert sum(drawn) == (2 if cull_backfaces else 4)  # seed 1 has two faces of each orientation


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("sigma", [1e-7, 1e-4, 1e-2])
def test_the_cut_at_dist_eps_agrees(scene, boundary_distances, backend, sigma):
    triangles, colors = scene(2, faces=4)
    triangles[0, :, :2] = torch.tensor(
        [[-0.6, 0.3], [-0.3, 0.3], [-0.4, 0.6]]
    )  # small: far from most pixels
    reach = math.sqrt(sigma * math.log(1 / 1e-4 - 1))
    distance = boundary_distances(triangles, 7, 7)
    assert ((distance - reach).abs() > 1e-6).all()  # no pair on the jump
    assert (distance > reach).any()  # and the cut matters
    check_backend(backend, triangles, colors, size=7, sigma=sigma, gamma=0.02, dist_eps=1e-4)


@pytest.mark.parametrize("backend", OTHERS)
def test_the_cut_at_near_and_far_agrees(scene, backend):
    # Depths 2 ... 6, cut at 3 and 5: no pair of a random scene is exactly on a cut.
    triangles, colors = scene(3, faces=4)
    options = {"size": 6, "sigma": 0.1, "gamma": 0.05, "dist_eps": 0.0}
    cut = check_backend(backend, triangles, colors, near=3.0, far=5.0, **options)[0]
    whole = rasterize(triangles, colors, near=1.0, far=100.0, backend="broadcast", **options)
    assert ((cut - whole)[..., -1].abs() > 1e-3).any()  # the cut matters


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("sigma", [1e-7, 1e-5, 1e-3, 1.0])
@pytest.mark.parametrize("gamma", [1e-7, 1e-5, 1e-3, 1.0])
def test_extreme_sigma_and_gamma_agree(scene, backend, sigma, gamma):
    triangles, colors = scene(4, faces=3)
    check_backend(
        backend,
        triangles,
        colors,
        size=(5, 4),
        sigma=sigma,
        gamma=gamma,
        dist_eps=0.0,
        tolerance=FLOAT64 + rounding(triangles, gamma),
    )


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize(("height", "width"), [(7, 13), (13, 7), (1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("faces", [0, 1, 3])
def test_ugly_shapes_agree(scene, backend, height, width, faces):
    triangles, colors = scene(5, faces=faces)
    background = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64)
    check_backend(
        backend,
        triangles,
        colors,
        background,
        size=(height, width),
        sigma=0.02,
        gamma=0.02,
        dist_eps=0.0,
    )


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("channels", [None, 1, 3, 7])
@pytest.mark.parametrize("batch", [None, 1, 2])
def test_channels_and_batches_agree(scene, backend, channels, batch):
    triangles, colors = scene(6, faces=3, channels=channels or 1, batch=batch)
    background = (
        None
        if channels is None
        else torch.rand(
            *colors.shape[:-3],
            4,
            5,
            channels,
            generator=torch.Generator().manual_seed(1),
            dtype=torch.float64,
        )
    )
    result = check_backend(
        backend,
        triangles,
        None if channels is None else colors,
        background,
        size=(4, 5),
        sigma=0.03,
        gamma=0.05,
        dist_eps=0.0,
    )
    assert result[0].shape == (*colors.shape[:-3], 4, 5, (channels or 0) + 1)


@pytest.mark.parametrize("backend", [*OTHERS, "broadcast"])
def test_an_empty_batch_gives_an_empty_picture(backend):
    assert rasterize(
        torch.zeros(0, 2, 3, 3), torch.zeros(0, 2, 3, 3), size=(4, 5), backend=backend
    ).shape == (0, 4, 5, 4)
    assert rasterize(torch.zeros(0, 2, 3, 3), size=(4, 5), backend=backend).shape == (0, 4, 5, 1)


@pytest.mark.parametrize("backend", OTHERS)
def test_undrawable_triangles_agree(scene, backend):
    triangles, colors = scene(7, faces=5)
    triangles[1, 2] = triangles[1, 0]  # two corners coincide
    triangles[2, 0, 2] = -1.0  # behind the eye
    triangles[3, :, :2] = triangles[3, :1, :2]  # all coincide on the screen
    result = check_backend(backend, triangles, colors, size=5, sigma=0.05, gamma=0.05, dist_eps=0.0)
    assert (result[1].abs().amax((1, 2)) > 0).tolist() == [True, False, False, False, True]


@pytest.mark.parametrize("backend", OTHERS)
def test_float32_agrees(scene, backend):
    triangles, colors = scene(8, faces=4, dtype=torch.float32)
    options = {"size": 6, "sigma": 0.01, "gamma": 0.01, "dist_eps": 0.0}
    check_backend(backend, triangles, colors, tolerance=FLOAT32, **options)


@pytest.mark.parametrize("backend", OTHERS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_random_scenes_agree(scene, backend, data):
    channels = data.draw(st.sampled_from([None, 1, 3]), "channels")
    batch = data.draw(st.sampled_from([None, 2]), "batch")
    triangles, colors = scene(
        data.draw(st.integers(0, 10**6), "seed"),
        data.draw(st.integers(0, 4), "faces"),
        channels or 1,
        batch,
    )
    gamma = 10 ** data.draw(st.floats(-7, 0), "log10 gamma")
    options = {
        "size": (data.draw(st.integers(1, 6), "height"), data.draw(st.integers(1, 7), "width")),
        "sigma": 10 ** data.draw(st.floats(-7, 0), "log10 sigma"),
        "gamma": gamma,
        "eps": data.draw(st.sampled_from([0.0, 1e-3, 0.5, 0.97]), "eps"),
        "distance": data.draw(st.sampled_from(["euclidean", "barycentric"]), "distance"),
        "perspective_correct": data.draw(st.booleans(), "perspective_correct"),
        "cull_backfaces": data.draw(st.booleans(), "cull_backfaces"),
        "dist_eps": 0.0,
    }
    check_backend(
        backend,
        triangles,
        None if channels is None else colors,
        tolerance=FLOAT64 + rounding(triangles, gamma),
        **options,
    )
