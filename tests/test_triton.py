"""The Triton kernels against `broadcast`, values and gradients: on the GPU where there is one,
else in Triton's interpreter on the CPU.

The interpreter takes about 20 ms for one triangle on one tile, so scenes are tiny. The image
jumps where a pair is left out (D = dist_eps, z at near or far), and there one ulp decides; so
random scenes keep every pair, and the tests of the cuts say how far from them their pairs stay.
"""

from __future__ import annotations

import compare
import pytest
import torch
from compare import FLOAT64, cotangent, rounding, values_and_gradients
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from softras_edu import formulas
from softras_edu.rasterizers import triton_gpu
from softras_edu.rasterizers.broadcast import rasterize_broadcast
from softras_edu.rasterizers.options import Options
from softras_edu.rasterizers.tiles import reach_boxes, tile_lists
from softras_edu.rasterizers.triton_gpu import rasterize_triton, why_not

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
REASON = why_not(DEVICE)
needs_triton = pytest.mark.skipif(REASON is not None, reason=f"triton: {REASON}")


def options(size: tuple[int, int], **changes: object) -> Options:
    """A blur that reaches across a picture of a few pixels."""
    return compare.options(size, **({"sigma": 0.05, "gamma": 0.05} | changes))


def backdrop(batch: int, o: Options, channels: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return compare.backdrop(torch.empty(batch, 0, 3, 3, dtype=dtype), channels, o)


def check(
    triangles: Tensor,
    colors: Tensor | None,
    background: Tensor | None,
    o: Options,
    tolerance: float = FLOAT64,
) -> list[Tensor]:
    return compare.check(rasterize_triton, triangles, colors, o, tolerance, background, DEVICE)


@needs_triton
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_faint_alpha_keeps_its_digits(dtype):
    # D of one triangle from nearly 1/2 in the middle of the picture down to 1e-12 at its rim.
    triangle = torch.tensor([[[[-0.1, -0.1, 2.0], [0.1, -0.1, 2.0], [0.0, 0.15, 2.0]]]]).double()
    o = options((6, 8), sigma=0.05, dist_eps=0.0)
    nothing = backdrop(1, o, 0)
    wanted = rasterize_broadcast(triangle, None, nothing, o)
    found = rasterize_triton(triangle.to(DEVICE, dtype), None, nothing.to(DEVICE, dtype), o)
    assert wanted.min() < 1e-12 < 0.4 < wanted.max()
    digits = 1e-4 if dtype == torch.float32 else 1e-11
    torch.testing.assert_close(found.cpu().double(), wanted, rtol=digits, atol=0)


@needs_triton
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("perspective_correct", [False, True])
@pytest.mark.parametrize("cull_backfaces", [False, True])
def test_options_agree(scene, distance, perspective_correct, cull_backfaces):
    triangles, colors = scene(1, faces=4, batch=1)
    o = options(
        (5, 6),
        distance=distance,
        perspective_correct=perspective_correct,
        cull_backfaces=cull_backfaces,
    )
    result = check(triangles, colors, None, o)
    drawn = (result[1][0].abs().amax((1, 2)) > 1e-9).tolist()
    assert sum(drawn) == (2 if cull_backfaces else 4)  # seed 1 has two faces of each orientation


@needs_triton
@pytest.mark.parametrize("sigma", [1e-7, 1e-4, 1e-2])
@pytest.mark.parametrize("channels", [None, 3])
def test_the_cut_at_dist_eps_agrees(scene, boundary_distances, sigma, channels):
    triangles, colors = scene(2, faces=4, batch=1)
    triangles[0, 0, :, :2] = torch.tensor(
        [[-0.6, 0.3], [-0.3, 0.3], [-0.4, 0.6]]
    )  # small: far from most pixels
    distance = boundary_distances(triangles[0], 11, 9)
    assert (
        (distance - formulas.reach(sigma)).abs() > 1e-6
    ).all()  # no pair within 1e-6 of the jump
    check(
        triangles, colors if channels else None, None, options((11, 9), sigma=sigma, dist_eps=1e-4)
    )


@needs_triton
@pytest.mark.parametrize("channels", [None, 3])
def test_the_cut_at_near_and_far_agrees(scene, channels):
    # Depths 2 ... 6, cut at 3 and 5: pairs exactly on a cut have probability 0 for a random scene
    # with a fixed seed.
    triangles, colors = scene(3, faces=4, batch=1)
    cut = check(triangles, colors if channels else None, None, options((6, 6), near=3.0, far=5.0))[
        0
    ]
    whole = rasterize_broadcast(triangles, None, backdrop(1, options((6, 6)), 0), options((6, 6)))
    assert ((cut - whole)[..., -1].abs() > 1e-3).any()  # the cut matters


@needs_triton
@pytest.mark.parametrize("sigma", [1e-7, 1e-4, 1.0])
@pytest.mark.parametrize("gamma", [1e-7, 1e-4, 1.0])
def test_extreme_sigma_and_gamma_agree(scene, sigma, gamma):
    triangles, colors = scene(4, faces=3, batch=1)
    check(
        triangles,
        colors,
        None,
        options((5, 4), sigma=sigma, gamma=gamma),
        tolerance=FLOAT64 + rounding(triangles, gamma),
    )


@needs_triton
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sigma", [1e-7, 1e-3])
def test_everything_is_finite_at_the_smallest_gamma(scene, dtype, sigma):
    triangles, colors = scene(9, faces=4, batch=1, dtype=dtype)
    o = options((5, 4), sigma=sigma, gamma=1e-7)
    for got in values_and_gradients(
        rasterize_triton,
        triangles.to(DEVICE),
        colors.to(DEVICE),
        backdrop(1, o, 3, dtype).to(DEVICE),
        o,
    ):
        assert got.isfinite().all()


@needs_triton
@pytest.mark.parametrize(("height", "width"), [(7, 13), (13, 7), (1, 1), (1, 5), (9, 1)])
@pytest.mark.parametrize("faces", [0, 1, 3])
def test_ugly_shapes_agree(scene, height, width, faces):
    triangles, colors = scene(5, faces=faces, batch=1)
    check(triangles, colors, None, options((height, width), sigma=0.01, dist_eps=1e-3))


@needs_triton
@pytest.mark.parametrize("channels", [None, 1, 2, 7, 8, 9, 19])
def test_any_number_of_channels_agrees(scene, channels):
    triangles, colors = scene(6, faces=2, channels=channels or 1, batch=1)
    result = check(
        triangles,
        None if channels is None else colors,
        None,
        options((3, 4), perspective_correct=True),
    )
    assert result[0].shape == (1, 3, 4, (channels or 0) + 1)


@needs_triton
@pytest.mark.parametrize("channels", [None, 3])
def test_batches_agree(scene, channels):
    triangles, colors = scene(7, faces=2, batch=3)
    check(triangles, colors if channels else None, None, options((9, 4), sigma=0.01, dist_eps=1e-3))


@needs_triton
@pytest.mark.parametrize("channels", [None, 3])
def test_an_empty_batch_gives_an_empty_picture(channels):
    triangles, colors = (
        torch.zeros(0, 2, 3, 3, device=DEVICE),
        torch.zeros(0, 2, 3, 3, device=DEVICE),
    )
    o = options((4, 5))
    triangles.requires_grad_()
    image = rasterize_triton(
        triangles,
        colors if channels else None,
        torch.zeros(0, 4, 5, channels or 0, device=DEVICE),
        o,
    )
    assert image.shape == (0, 4, 5, (channels or 0) + 1)
    assert torch.autograd.grad(image.sum(), triangles)[0].shape == triangles.shape


@needs_triton
def test_undrawable_triangles_agree(scene):
    triangles, colors = scene(7, faces=5, batch=1)
    triangles[0, 1, 2] = triangles[0, 1, 0]  # two corners coincide
    triangles[0, 2, 0, 2] = -1.0  # behind the eye
    triangles[0, 3, :, :2] = triangles[0, 3, :1, :2]  # all coincide on the screen
    result = check(triangles, colors, None, options((5, 5)))
    assert (result[1][0].abs().amax((1, 2)) > 0).tolist() == [True, False, False, False, True]


@needs_triton
@pytest.mark.parametrize("distance", ["euclidean", "barycentric"])
@pytest.mark.parametrize("channels", [None, 3])
def test_float32_agrees_with_the_float64_oracle(scene, distance, channels):
    triangles, colors = scene(8, faces=4, batch=1, dtype=torch.float32)
    check(
        triangles,
        colors if channels else None,
        None,
        options((6, 6), sigma=0.01, gamma=0.01, distance=distance),
        tolerance=1e-4,
    )


@needs_triton
def test_slivers_whose_weights_are_lost_in_rounding_are_finite_and_none_is_dropped():
    # No wider than the last bit of float32, on a line through the pixel centre (0.4, 0.4): there
    # a weight is a rounding error over an area of 1e-8.
    generator = torch.Generator().manual_seed(0)
    along = 2 * torch.rand(1, 400, 3, 1, generator=generator) - 1
    xy = along * torch.tensor([0.7317, 0.3719]) + 0.4
    o = options((5, 5), sigma=1e9, gamma=1.0)
    area = formulas.doubled_area(xy)[..., None, None]
    edge = (xy.roll(-1, 2) - xy)[
        ..., None, None, :
    ]  # (1, F, 3, 1, 1, 2), from each corner to the next
    slope = torch.stack([-edge[..., 1], edge[..., 0]], -1) * (1 / area)[:, :, None, ..., None]
    p = (
        formulas.pixel_centers(5, 5) - xy[..., None, None, :]
    )  # (1, F, 3, H, W, 2), from each corner to the pixel
    w = (p * slope).sum(-1).clamp(0, 1)  # as the kernel reckons
    lost = (w.sum(2) < 0.5).any(-1).any(-1) & (area[..., 0, 0].abs() >= o.min_doubled_area)
    xy = xy[lost][None, :8]
    assert xy.shape[1] == 8
    triangles = torch.cat([xy, 2 + torch.rand(1, 8, 3, 1, generator=generator)], dim=-1)
    colors, background = (
        torch.rand(1, 8, 3, 2, generator=generator),
        backdrop(1, o, 2, torch.float32),
    )
    result = values_and_gradients(
        rasterize_triton, *(x.to(DEVICE) for x in (triangles, colors, background)), o
    )
    assert all(x.isfinite().all() for x in result)
    image = result[0]
    assert image.min() >= 0
    assert image.max() <= 1 + 1e-6  # colours are means of colours
    torch.testing.assert_close(
        image[..., -1], torch.full((1, 5, 5), 1 - 0.5**8), rtol=1e-6, atol=0
    )  # every D is 1/2, of lost ones too


@needs_triton
def test_inputs_that_are_not_contiguous_agree(scene):
    triangles, colors = scene(10, faces=3, batch=2)
    o = options((5, 9), sigma=0.01, dist_eps=1e-3)
    background = torch.rand(
        5, 3, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    ).transpose(1, 2)  # (H, W, C) by strides
    strided = triangles.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    every_other = torch.stack([colors, -colors], dim=-1)[..., 0]
    color = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64).expand(2, 5, 9, 3)  # strides 0
    assert not strided.is_contiguous()
    assert not every_other.is_contiguous()

    def draw(*inputs: Tensor) -> list[Tensor]:
        leaves = [x.detach().to(DEVICE).requires_grad_() for x in inputs]
        image = rasterize_triton(*leaves, o)
        return [image, *torch.autograd.grad(image, leaves, cotangent(image))]

    for inputs in (
        (strided, every_other, background.expand(2, 5, 9, 3)),
        (triangles, colors, color),
    ):
        for got, wanted in zip(draw(*inputs), draw(*(x.contiguous() for x in inputs)), strict=True):
            assert torch.equal(got, wanted)


@needs_triton
def test_a_gradient_that_is_an_expanded_view_agrees(scene):
    triangles, colors = scene(11, faces=2, batch=1)
    o = options((4, 4))
    grads = []
    for function, device in ((rasterize_triton, DEVICE), (rasterize_broadcast, "cpu")):
        inputs = [x.to(device).requires_grad_() for x in (triangles, colors, backdrop(1, o, 3))]
        grads.append(
            torch.autograd.grad(function(*inputs, o).sum(), inputs)
        )  # sum() sends back one number, expanded
    for got, wanted in zip(*grads, strict=True):
        torch.testing.assert_close(got.cpu(), wanted, rtol=1e-10, atol=1e-10)


@needs_triton
def test_only_what_is_asked_for_has_a_gradient(scene):
    triangles, colors = (x.to(DEVICE) for x in scene(12, faces=2, batch=1))
    o = options((4, 4))
    background = backdrop(1, o, 3).to(DEVICE)
    assert not rasterize_triton(triangles, colors, background, o).requires_grad
    rasterize_triton(triangles, colors.requires_grad_(), background, o).sum().backward()
    assert triangles.grad is None
    assert background.grad is None
    assert colors.grad.abs().sum() > 0


@needs_triton
def test_two_runs_agree_to_the_last_bit_and_stripes_do_not_matter(scene, monkeypatch):
    triangles, colors = (x.to(DEVICE) for x in scene(13, faces=2, batch=1))
    o = options((13, 6), sigma=0.01, dist_eps=1e-3)
    background = backdrop(1, o, 3).to(DEVICE)
    first = values_and_gradients(rasterize_triton, triangles, colors, background, o)
    for got, wanted in zip(
        values_and_gradients(rasterize_triton, triangles, colors, background, o), first, strict=True
    ):
        assert torch.equal(got, wanted)
    monkeypatch.setattr(
        triton_gpu, "LAUNCH", triton_gpu.Launch(few_programs=1)
    )  # one program a triangle, not four
    for got, wanted in zip(
        values_and_gradients(rasterize_triton, triangles, colors, background, o), first, strict=True
    ):
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-12)


@needs_triton
@settings(max_examples=15, deadline=None, derandomize=True)
@given(data=st.data())
def test_the_setup_and_fill_kernels_do_what_tiles_does(scene, data):
    dtype = data.draw(st.sampled_from([torch.float32, torch.float64]))
    triangles, _ = scene(
        data.draw(st.integers(0, 10**6)),
        data.draw(st.sampled_from([1, 7, 150])),
        batch=2,
        dtype=dtype,
    )
    triangles[..., :2] *= 10 ** data.draw(st.floats(-3, 2))
    triangles[0, 0] = triangles[0, 0, :1]  # a point
    o = options(
        (data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))),
        sigma=10 ** data.draw(st.floats(-7, 0)),
        dist_eps=data.draw(st.sampled_from([0.0, 1e-8, 1e-4, 0.3])),
        near=data.draw(st.sampled_from([1.0, 3.0])),
        far=data.draw(st.sampled_from([5.0, 100.0])),
        distance=data.draw(st.sampled_from(["euclidean", "barycentric"])),
        cull_backfaces=data.draw(st.booleans()),
    )
    triangles = triangles.to(DEVICE)
    nothing = torch.zeros(2, o.height, o.width, 0, dtype=dtype, device=DEVICE)
    boxes, count, facts = triton_gpu.launch_setup(triangles, None, nothing, o)
    wanted = reach_boxes(triangles, o)
    # The last bit decides where an edge of a box passes a pixel centre exactly; that happens at
    # random with probability 0.
    assert torch.equal(boxes, wanted) if DEVICE == "cpu" else (boxes - wanted).abs().max() <= 1
    assert facts[..., :7].isfinite().all()
    ends, length = triton_gpu.wait_for_length(count, triangles, None, nothing)
    lists, reference = (
        triton_gpu.launch_fill(boxes, count, ends, length, o),
        tile_lists(boxes, o.height, o.width, triton_gpu.LAUNCH.tile),
    )
    assert torch.equal(lists.starts, reference.starts)
    assert torch.equal(lists.faces, reference.faces)


@needs_triton
@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data())
def test_random_scenes_agree(scene, data):
    channels = data.draw(st.sampled_from([None, 1, 3]), "channels")
    triangles, colors = scene(
        data.draw(st.integers(0, 10**6), "seed"),
        data.draw(st.integers(0, 4), "faces"),
        channels or 1,
        data.draw(st.integers(1, 2), "B"),
    )
    gamma = 10 ** data.draw(st.floats(-7, 0), "log10 gamma")
    o = options(
        (data.draw(st.integers(1, 6), "height"), data.draw(st.integers(1, 9), "width")),
        sigma=10 ** data.draw(st.floats(-7, 0), "log10 sigma"),
        gamma=gamma,
        eps=data.draw(st.sampled_from([0.0, 1e-3, 0.5, 0.97]), "eps"),
        distance=data.draw(st.sampled_from(["euclidean", "barycentric"]), "distance"),
        perspective_correct=data.draw(st.booleans(), "perspective_correct"),
        cull_backfaces=data.draw(st.booleans(), "cull_backfaces"),
    )
    check(
        triangles,
        None if channels is None else colors,
        None,
        o,
        tolerance=FLOAT64 + rounding(triangles, gamma),
    )


@needs_triton
def test_an_image_that_int32_cannot_index_is_refused():
    o = options((2**16, 2**15))
    with pytest.raises(ValueError, match="size: got 65536 x 32768"):
        rasterize_triton(
            torch.zeros(1, 1, 3, 3, device=DEVICE),
            None,
            torch.zeros(1, 1, 1, 1, device=DEVICE).expand(1, 2**16, 2**15, 0),
            o,
        )
