"""Textures on every rung: values and all gradients against `broadcast`, gradcheck, and the lookup
itself against PyTorch's own `grid_sample` and against plain pictures.

The image has creases where a place on the texture crosses the centre line of a row or column of
texels; random scenes with fixed seeds have no pair within 1e-9 of one. `loops` shares no formula
with the others.
"""

from __future__ import annotations

import pytest
import torch
from compare import FLOAT32, FLOAT64, cotangent
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.functional import grid_sample

from softras_edu import Camera, Texture, backends, formulas, icosphere, rasterize, screen_triangles
from softras_edu.rasterizers.numba_cpu import sheets, tasks

RUNNABLE = [name for name, state in backends().items() if state == "ok" and name != "triton"]
OTHERS = [name for name in RUNNABLE if name != "broadcast"]
SOFT = {"sigma": 0.03, "gamma": 0.05, "dist_eps": 0.0, "far": 10.0}


def random_texture(
    seed: int,
    faces: int,
    sizes: tuple[tuple[int, int], ...] = ((3, 5),),
    wrap: str | list[str] = "clamp",
    channels: int = 3,
    batch: int | None = None,
) -> Texture:
    """Pictures of random colours, each face with a random one, places from -1/2 to 3/2."""
    generator = torch.Generator().manual_seed(seed)
    images = [
        torch.rand(*size, channels, generator=generator, dtype=torch.float64) for size in sizes
    ]
    lead = (faces,) if batch is None else (batch, faces)
    uv = 2 * torch.rand(*lead, 3, 2, generator=generator, dtype=torch.float64) - 0.5
    which = torch.randint(len(sizes), lead, generator=generator)
    return Texture(images if len(sizes) > 1 else images[0], uv, which, wrap)


def draw_and_differentiate(
    triangles: Tensor, colors: Tensor | None, texture: Texture, **options: object
) -> list[Tensor]:
    """The image, and the gradients of triangles, colours (if there are any), uv and pictures."""
    leaves = [
        x.detach().clone().requires_grad_()
        for x in (triangles, colors, texture.uv, *texture.pictures())
        if x is not None
    ]
    corners, rest = leaves[0], leaves[1:]
    colors = rest.pop(0) if colors is not None else None
    moved = Texture(rest[1:], rest[0], texture.which, texture.wrap)
    image = rasterize(corners, colors, texture=moved, **options)  # type: ignore[arg-type]
    return [image.detach(), *torch.autograd.grad(image, leaves, cotangent(image))]


def check(
    backend: str,
    triangles: Tensor,
    colors: Tensor | None,
    texture: Texture,
    tolerance: float = FLOAT64,
    **options: object,
) -> list[Tensor]:
    """A backend gives what `broadcast` gives in float64. What it gave."""
    got = draw_and_differentiate(triangles, colors, texture, backend=backend, **options)
    colors = None if colors is None else colors.double()
    wanted = draw_and_differentiate(
        triangles.double(), colors, texture.to(torch.float64), backend="broadcast", **options
    )
    for k, (a, b) in enumerate(zip(got, wanted, strict=True)):
        assert a.dtype == triangles.dtype
        scale = max(1.0, b.abs().max().item() if b.numel() else 0.0)
        message = f"number {k} of image, triangles, (colours,) uv, pictures"
        torch.testing.assert_close(
            a.double(), b, rtol=0, atol=tolerance * scale, msg=lambda t, m=message: f"{m}: {t}"
        )
    return got


# ---------------------------------------------------------------- the lookup itself


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (4, 1), (3, 5), (8, 8)])
def test_a_clamped_texture_is_grid_samples_border(height, width):
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(height, width, 2, generator=generator, dtype=torch.float64)
    uv = 3 * torch.rand(200, 2, generator=generator, dtype=torch.float64) - 1
    inputs = picture.requires_grad_(), uv.requires_grad_()
    where = torch.tensor([0, height, width, 0]).expand(200, 4)
    got = formulas.look_up(picture.reshape(-1, 2), uv, where)
    grid = torch.stack([2 * uv[:, 0] - 1, 1 - 2 * uv[:, 1]], dim=-1)  # -1 ... 1, y down
    wanted = grid_sample(
        picture.permute(2, 0, 1)[None], grid[None, None], align_corners=False, padding_mode="border"
    )[0, :, 0].T
    torch.testing.assert_close(got, wanted, rtol=0, atol=1e-14)
    d = torch.randn(200, 2, generator=generator, dtype=torch.float64)
    for a, b in zip(*(torch.autograd.grad(x, inputs, d) for x in (got, wanted)), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_a_repeated_texture_is_the_middle_of_nine_clamped_ones():
    generator = torch.Generator().manual_seed(1)
    picture = torch.rand(3, 4, 2, generator=generator, dtype=torch.float64)
    uv = torch.rand(200, 2, generator=generator, dtype=torch.float64)
    nine = picture.repeat(3, 3, 1).reshape(-1, 2)
    wanted = formulas.look_up(nine, (uv + 1) / 3, torch.tensor([0, 9, 12, 0]).expand(200, 4))
    where = torch.tensor([0, 3, 4, 1]).expand(200, 4)
    for shift in (0, 1, -7, 1000):
        got = formulas.look_up(picture.reshape(-1, 2), uv + shift, where)
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-11)


def test_the_slope_on_a_crease_is_that_of_the_cell_to_the_right_and_below():
    picture = torch.tensor([[0.0, 1.0, 5.0], [10.0, 12.0, 7.0], [3.0, 3.0, 3.0]]).double()[
        ..., None
    ]
    uv = torch.tensor([[0.5, 0.5]], dtype=torch.float64).requires_grad_()  # the middle texel
    color = formulas.look_up(picture.reshape(-1, 1), uv, torch.tensor([[0, 3, 3, 0]]))
    assert color.item() == 12.0
    (slope,) = torch.autograd.grad(color.sum(), uv)
    assert slope.tolist() == [[3 * (7.0 - 12.0), -3 * (3.0 - 12.0)]]  # v is up, rows go down


# ---------------------------------------------------------------- the picture


def plane(z: float = 2.0, reach: float = 4.0) -> tuple[Tensor, Tensor]:
    """Two triangles that fill the screen, and uv that maps NDC's [-1, 1] to [0, 1]."""
    a, b, c, d = ([x, y, z] for x, y in ((-reach, -reach), (reach, -reach), (reach, reach),
                                         (-reach, reach)))  # fmt: skip
    triangles = torch.tensor([[a, b, c], [a, c, d]], dtype=torch.float64)
    return triangles, (triangles[..., :2] + 1) / 2


@pytest.mark.parametrize("backend", RUNNABLE)
def test_a_picture_on_the_screen_is_that_picture_upright(backend):
    # As many pixels as texels: each pixel's centre is a texel's centre.
    picture = torch.rand(6, 6, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    triangles, uv = plane()
    image = rasterize(
        triangles, texture=Texture(picture, uv), size=6, sigma=1e-6, gamma=1e-3, backend=backend
    )
    torch.testing.assert_close(image[..., :3], picture, rtol=0, atol=1e-10)


@pytest.mark.parametrize("backend", RUNNABLE)
def test_colours_multiply_the_texture(backend):
    picture = torch.rand(6, 6, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    triangles, uv = plane()
    tint = torch.tensor([0.5, 1.0, 0.25], dtype=torch.float64)
    image = rasterize(
        triangles, tint.expand(2, 3, 3), texture=Texture(picture, uv), size=6, sigma=1e-6,
        gamma=1e-3, backend=backend,
    )  # fmt: skip
    torch.testing.assert_close(image[..., :3], picture * tint, rtol=0, atol=1e-10)


@pytest.mark.parametrize("backend", RUNNABLE)
def test_one_white_texel_changes_no_bit_that_matters(scene, backend):
    triangles, colors = scene(1, faces=4)
    white = Texture(torch.ones(1, 1, 3, dtype=torch.float64), torch.rand(4, 3, 2).double())
    options = {"size": (5, 6), "backend": backend, **SOFT}
    plain = rasterize(triangles, colors, **options)
    textured = rasterize(triangles, colors, texture=white, **options)
    torch.testing.assert_close(textured, plain, rtol=0, atol=1e-14)


# ---------------------------------------------------------------- texels of a face's own


@pytest.mark.parametrize("backend", RUNNABLE)
@pytest.mark.parametrize("side", [1, 2, 5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pixels_around_a_face_see_no_texel_of_the_next_one(scene, backend, side, dtype):
    # The official kernels read, for clipped weights of (1, 0, 0) or (0, 1, 0), a texel of the next
    # face, or one past the end. Here the next face's are of another colour, and far too bright.
    triangles = scene(3, faces=3, dtype=dtype)[0] * 0.5
    triangles[1:, :, 2] = -1.0  # only the first is drawn; its blur is all over the screen
    texels = torch.full((3, side, side, 3), 1e6, dtype=dtype)
    texels[0] = 0.25
    texels.requires_grad_()
    options = {"size": (9, 8), "sigma": 1.0, "gamma": 0.1, "eps": 0.0, "far": 10.0}
    image = rasterize(
        triangles, texture=Texture.per_face(texels), background=0.25, backend=backend, **options
    )
    halo = (image[..., -1] > 0.1) & (image[..., -1] < 0.5)  # outside the face
    assert halo.sum() > 20
    atol = 1e-6 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(
        image[..., :3], torch.full_like(image[..., :3], 0.25), rtol=0, atol=atol
    )
    (d_texels,) = torch.autograd.grad(image[..., :3].sum(), texels)
    assert (d_texels[1:] == 0).all()
    assert (d_texels[0].sum() > 1).item()


@pytest.mark.parametrize("backend", RUNNABLE)
def test_one_colour_a_face_is_that_colour_at_its_corners(scene, backend):
    triangles, colors = scene(4, faces=5)
    flat = colors.mean(1)  # (F, 3)
    options = {"size": (6, 5), "backend": backend, **SOFT}
    plain = rasterize(triangles, flat[:, None].expand(5, 3, 3), **options)
    textured = rasterize(triangles, texture=Texture.per_face(flat[:, None, None]), **options)
    torch.testing.assert_close(textured, plain, rtol=0, atol=1e-13)


@pytest.mark.parametrize("backend", RUNNABLE)
def test_two_texels_a_side_are_corner_colours(scene, backend):
    # Bilinear on a square is affine along its lower left triangle if the fourth texel fits.
    triangles, colors = scene(5, faces=4)
    c0, c1, c2 = colors.unbind(1)
    upper, lower = torch.stack([c2, c1 + c2 - c0], 1), torch.stack([c0, c1], 1)
    texels = torch.stack([upper, lower], dim=1)  # (F, 2, 2, 3), the upper row first
    options = {"size": (6, 5), "backend": backend, **SOFT}
    plain = rasterize(triangles, colors, **options)
    textured = rasterize(triangles, texture=Texture.per_face(texels), **options)
    torch.testing.assert_close(textured, plain, rtol=0, atol=1e-13)


# ---------------------------------------------------------------- the rungs agree


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("wrap", ["clamp", "repeat"])
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("perspective_correct", [False, True])
def test_options_agree(scene, backend, wrap, distance, perspective_correct):
    triangles, colors = scene(1, faces=4)
    options = {"distance": distance, "perspective_correct": perspective_correct}
    texture = random_texture(0, 4, wrap=wrap)
    result = check(backend, triangles, colors, texture, size=(5, 6), **SOFT, **options)
    assert all(x.abs().max() > 1e-3 for x in result)


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize(("height", "width"), [(7, 13), (13, 7), (1, 1), (1, 5), (5, 1)])
@pytest.mark.parametrize("faces", [0, 1, 3])
def test_ugly_shapes_agree(scene, backend, height, width, faces):
    triangles, colors = scene(5, faces=faces)
    texture = random_texture(1, faces, ((1, 7), (4, 1), (1, 1)), ["repeat", "clamp", "clamp"])
    check(backend, triangles, colors, texture, size=(height, width), **SOFT)


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("channels", [1, 3, 7])
@pytest.mark.parametrize("batch", [None, 1, 2])
@pytest.mark.parametrize("tinted", [False, True])
def test_channels_and_batches_agree(scene, backend, channels, batch, tinted):
    triangles, colors = scene(6, faces=3, channels=channels, batch=batch)
    sizes, wrap = ((2, 3), (5, 4)), ["clamp", "repeat"]
    texture = random_texture(2, 3, sizes, wrap, channels, batch)
    tint = colors if tinted else None
    image = check(backend, triangles, tint, texture, size=(4, 5), **SOFT)[0]
    assert image.shape == (*triangles.shape[:-3], 4, 5, channels + 1)


@pytest.mark.parametrize("backend", OTHERS)
def test_one_texture_for_a_whole_batch_agrees(scene, backend):
    triangles, colors = scene(7, faces=3, batch=2)
    check(backend, triangles, colors, random_texture(3, 3), size=(4, 5), **SOFT)


@pytest.mark.parametrize("backend", OTHERS)
def test_cuts_undrawable_faces_and_gendr_agree(scene, backend):
    triangles, colors = scene(8, faces=5)
    triangles[1, 2] = triangles[1, 0]  # two corners coincide
    triangles[2, 0, 2] = -1.0  # behind the eye
    options = {"distribution": "gaussian", "conorm": "yager", "squared": False, "sigma": 0.1}
    for more in ({}, {"dist_eps": 1e-3, "near": 3.0, "far": 5.0}, options):
        check(backend, triangles, colors, random_texture(4, 5, ((9, 9),)), size=5, **(SOFT | more))


@pytest.mark.parametrize("backend", OTHERS)
def test_float32_agrees(scene, backend):
    triangles, colors = scene(9, faces=4, dtype=torch.float32)
    texture = random_texture(5, 4, ((3, 4),), "repeat").to(torch.float32)
    check(backend, triangles, colors, texture, FLOAT32, size=6, sigma=0.01, gamma=0.01)


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("wanted", ["triangles", "uv", "images"])
def test_only_what_is_asked_for_has_a_gradient(scene, backend, wanted):
    triangles, _ = scene(10, faces=3)
    texture = random_texture(6, 3)
    inputs = {"triangles": triangles, "uv": texture.uv, "images": texture.pictures()[0]}
    grads = []
    for name in (backend, "broadcast"):
        leaf = {k: x.clone().requires_grad_(k == wanted) for k, x in inputs.items()}
        image = rasterize(
            leaf["triangles"], texture=Texture(leaf["images"], leaf["uv"]), size=5, backend=name,
            **SOFT,
        )  # fmt: skip
        grads.append(torch.autograd.grad(image, leaf[wanted], cotangent(image))[0])
    torch.testing.assert_close(*grads, rtol=0, atol=1e-9)


@pytest.mark.skipif("numba" not in RUNNABLE, reason="numba cannot run here")
def test_a_texture_shared_by_many_faces_has_the_same_bits_on_any_threads(monkeypatch):
    # So many pairs for so few texels that their derivative is summed on several sheets.
    for module in (tasks, sheets):
        monkeypatch.setattr(module, "LEAST_RUN", 5000)
    mesh = icosphere(2)
    triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.5, 25.0, 30.0))
    texture = random_texture(11, len(mesh.faces), ((4, 5),), "repeat").to(torch.float32)
    threads, results = torch.get_num_threads(), []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            options = {"size": (61, 47), "sigma": 1e-3, "gamma": 1e-2}
            results.append(
                draw_and_differentiate(triangles, None, texture, backend="numba", **options)
            )
        wanted = draw_and_differentiate(triangles, None, texture, backend="pairs", **options)
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))
    for got, expected in zip(results[0], wanted, strict=True):
        atol = FLOAT32 * max(1.0, expected.abs().max().item())
        torch.testing.assert_close(got, expected, rtol=0, atol=atol)


# ---------------------------------------------------------------- derivatives


@pytest.mark.parametrize("backend", [name for name in RUNNABLE if name != "loops"])  # too slow
@pytest.mark.parametrize("wrap", ["clamp", "repeat"])
@pytest.mark.parametrize("perspective_correct", [False, True])
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
def test_gradcheck(scene, backend, wrap, perspective_correct, distance):
    # The torch rungs have autograd's gradient: number by number once, else along a direction.
    number_by_number = backend == "numba" or (wrap, distance) == ("clamp", "euclidean")
    triangles, colors = scene(20, faces=2, channels=2)
    texture = random_texture(7, 2, wrap=wrap, channels=2)
    settings = {"size": (3, 4), "backend": backend, "eps": 0.6, "distance": distance, **SOFT}
    settings["perspective_correct"] = perspective_correct

    def draw(t: Tensor, c: Tensor, uv: Tensor, image: Tensor) -> Tensor:
        return rasterize(t, c, texture=Texture(image, uv, wrap=wrap), **settings)

    inputs = (triangles, colors, texture.uv, texture.pictures()[0])
    leaves = tuple(x.requires_grad_() for x in inputs)
    assert gradcheck(draw, leaves, fast_mode=not number_by_number)


@pytest.mark.parametrize("backend", ["broadcast", "pairs"])
def test_second_derivatives_on_the_torch_rungs(scene, backend):
    triangles, _ = scene(21, faces=1, channels=1)
    texture = random_texture(8, 1, ((2, 3),), channels=1)
    settings = {"size": (2, 2), "backend": backend, **SOFT}

    def draw(t: Tensor, uv: Tensor, image: Tensor) -> Tensor:
        return rasterize(t, texture=Texture(image, uv), **settings)

    inputs = (triangles, texture.uv, texture.pictures()[0])
    assert gradgradcheck(draw, tuple(x.requires_grad_() for x in inputs))
