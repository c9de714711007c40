"""What is special to the backend `pairs`.

Its list holds every pair that counts and no other, and chunks change nothing.
"""

from __future__ import annotations

import importlib

import pytest
import torch
from torch import Tensor

from softras_edu import Camera, formulas, icosphere, rasterize, screen_triangles
from softras_edu.rasterizers.options import Options

pairs = importlib.import_module("softras_edu.rasterizers.pairs")


def options(height: int, width: int, **changes: object) -> Options:
    defaults = {
        "sigma": 1e-3,
        "gamma": 1e-2,
        "eps": 1e-3,
        "near": 1.0,
        "far": 100.0,
        "dist_eps": 1e-4,
        "distance": "euclidean",
        "perspective_correct": False,
        "cull_backfaces": False,
    }
    return Options(height=height, width=width, **{**defaults, **changes})


def live_by_force(triangles: Tensor, o: Options) -> set[tuple[int, int]]:
    """(face, pixel) of every pair that counts, by looking at all of them.

    (F, 3, 3) triangles, one image.
    """
    center = formulas.pixel_centers(o.height, o.width, dtype=triangles.dtype).reshape(-1, 2)
    found = set()
    for f, triangle in enumerate(triangles):
        w = formulas.barycentric(center, triangle[:, :2])
        probability = torch.sigmoid(
            formulas.signed_logit(center, triangle[:, :2], w, o.sigma, o.distance)
        )
        z = formulas.interpolate_depth(formulas.clip_barycentric(w), triangle[:, 2])
        counts = (probability >= o.dist_eps) & (z >= o.near) & (z <= o.far)
        found |= {(f, p) for p in counts.nonzero()[:, 0].tolist()}
    return found


@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("sigma", [1e-6, 1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("size", [(7, 13), (16, 5), (1, 1)])
def test_the_list_holds_every_pair_that_counts_and_no_other(scene, distance, sigma, size):
    for seed in range(5):
        triangles, _ = scene(seed, faces=6)
        o = options(*size, sigma=sigma, distance=distance, near=2.5, far=5.0)
        face, pixel, _ = pairs.live_pairs(triangles, torch.ones(1, 6, dtype=torch.bool), o)
        assert set(zip(face.tolist(), pixel.tolist(), strict=True)) == live_by_force(triangles, o)
        assert face.tolist() == sorted(face.tolist())


def test_with_dist_eps_0_all_pairs_are_listed(scene):
    triangles, _ = scene(0, faces=3)
    face, pixel, _ = pairs.live_pairs(
        triangles, torch.ones(1, 3, dtype=torch.bool), options(4, 6, dist_eps=0.0)
    )
    assert len(set(zip(face.tolist(), pixel.tolist(), strict=True))) == 3 * 4 * 6


def test_faces_off_screen_or_not_drawable_cost_nothing(scene):
    triangles, _ = scene(0, faces=4)
    away = triangles + torch.tensor([9.0, 0.0, 0.0])
    assert len(pairs.live_pairs(away, torch.ones(1, 4, dtype=torch.bool), options(8, 8))[0]) == 0
    assert (
        len(pairs.live_pairs(triangles, torch.zeros(1, 4, dtype=torch.bool), options(8, 8))[0]) == 0
    )


def test_a_closed_mesh_at_small_sigma_needs_far_fewer_pairs_than_all():
    mesh = icosphere(3)
    triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.732, 30, 0))
    face, _, _ = pairs.live_pairs(
        triangles[0], torch.ones(1, 1280, dtype=torch.bool), options(64, 64, sigma=1e-4)
    )
    assert len(face) * 100 < 1280 * 64 * 64


@pytest.mark.parametrize("silhouette", [False, True])
@pytest.mark.parametrize(
    "conorm", ["probabilistic", "max", "dombi"]
)  # a sum, the largest, a logsumexp
def test_small_chunks_give_the_same_image_and_gradient(scene, monkeypatch, conorm, silhouette):
    triangles, colors = scene(3, faces=12, batch=2)
    cotangent = torch.randn(
        2,
        9,
        11,
        1 if silhouette else 4,
        dtype=torch.float64,
        generator=torch.Generator().manual_seed(0),
    )

    def draw() -> tuple[Tensor, list[Tensor]]:
        t, c = triangles.clone().requires_grad_(), colors.clone().requires_grad_()
        image = rasterize(
            t,
            None if silhouette else c,
            size=(9, 11),
            sigma=1e-2,
            gamma=1e-2,
            conorm=conorm,
            backend="pairs",
        )
        return image.detach(), list(
            torch.autograd.grad(image, [t] if silhouette else [t, c], cotangent)
        )

    image, gradients = draw()
    monkeypatch.setattr(pairs, "CHUNK", 50)
    chunked, chunked_gradients = draw()
    torch.testing.assert_close(chunked, image, rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(chunked_gradients, gradients, rtol=1e-11, atol=1e-11)


def test_of_equal_faces_in_different_chunks_the_first_gets_the_gradient_of_max(scene, monkeypatch):
    triangle = scene(3, faces=1)[0]
    options = {"size": (9, 11), "sigma": 1e-2, "dist_eps": 0.0, "conorm": "max", "backend": "pairs"}
    alone = triangle.clone().requires_grad_()
    image = rasterize(alone, **options)
    (wanted,) = torch.autograd.grad(image.square().sum(), alone)
    monkeypatch.setattr(pairs, "CHUNK", 50)  # of 99 pairs a face
    three = triangle.repeat(3, 1, 1).requires_grad_()
    assert torch.equal(rasterize(three, **options), image)
    (grad,) = torch.autograd.grad(rasterize(three, **options).square().sum(), three)
    torch.testing.assert_close(grad[:1], wanted, rtol=1e-12, atol=1e-12)
    assert (grad[1:] == 0).all()


def test_the_same_call_gives_the_same_bits_on_one_thread_and_on_two():
    mesh = icosphere(3)
    triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.732, 30, 0))
    colors = (0.5 + 0.5 * mesh.verts)[mesh.faces][None]

    def draw(threads: int) -> list[Tensor]:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            t, c = triangles.clone().requires_grad_(), colors.clone().requires_grad_()
            image = rasterize(t, c, size=128, sigma=1e-3, backend="pairs")
            return [image.detach(), *torch.autograd.grad(image.square().sum(), (t, c))]
        finally:
            torch.set_num_threads(before)

    assert all(torch.equal(a, b) for a, b in zip(draw(1), draw(2), strict=True))
