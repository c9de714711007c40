"""Bad input gets an error that names the argument, what it got and what it wanted.

The same one from every backend.
"""

from __future__ import annotations

import math
import re

import pytest
import torch

from softras_edu import backends, rasterize, rasterize_hard
from softras_edu.rasterizers import ladder, triton_gpu

RUNNABLE = [*(name for name, state in backends().items() if state == "ok"), "auto"]
NAN, INF = math.nan, math.inf
every_backend = pytest.mark.parametrize("backend", RUNNABLE)


def triangles(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.tensor(
        [[[-0.5, -0.5, 2.0], [0.5, -0.5, 2.0], [0.0, 0.5, 2.0]]] * 2, dtype=dtype
    )  # two faces


def colors(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.zeros(*(shape or (2, 3, 3)), dtype=dtype)


def spoiled(tensor: torch.Tensor, value: float) -> torch.Tensor:
    tensor = tensor.clone()
    tensor.view(-1)[4] = value
    return tensor


@every_backend
@pytest.mark.parametrize("value", [NAN, INF, -INF, 0.0, -1e-4, 0, None, "1e-4", torch.tensor(1e-4)])
@pytest.mark.parametrize("name", ["sigma", "gamma"])
def test_sigma_and_gamma_must_be_finite_numbers_above_0(name, value, backend):
    with pytest.raises(ValueError, match=rf"^{name}: got .+, wanted a finite number > 0"):
        rasterize(triangles(), size=4, backend=backend, **{name: value})


@every_backend
@pytest.mark.parametrize(
    ("argument", "got", "wanted"),
    [
        ([[1.0, 2.0]], "list", r"a torch.Tensor \(B, F, 3, 3\) or \(F, 3, 3\)"),
        (torch.zeros(3, 3), r"shape \(3, 3\)", r"\(B, F, 3, 3\) or \(F, 3, 3\)"),
        (torch.zeros(1, 1, 2, 3, 3), r"shape \(1, 1, 2, 3, 3\)", r"\(B, F, 3, 3\) or \(F, 3, 3\)"),
        (torch.zeros(5, 3, 2), r"shape \(5, 3, 2\)", r"\(B, F, 3, 3\) or \(F, 3, 3\)"),
        (torch.zeros(5, 4, 3), r"shape \(5, 4, 3\)", r"\(B, F, 3, 3\) or \(F, 3, 3\)"),
        (
            torch.zeros(5, 3, 3, dtype=torch.int64),
            r"torch\.int64",
            r"torch\.float32 or torch\.float64",
        ),
        (
            torch.zeros(5, 3, 3, dtype=torch.float16),
            r"torch\.float16",
            r"torch\.float32 or torch\.float64",
        ),
        (
            torch.zeros(5, 3, 3, dtype=torch.bfloat16),
            r"torch\.bfloat16",
            r"torch\.float32 or torch\.float64",
        ),
        (
            torch.zeros(5, 3, 3, dtype=torch.complex64),
            r"torch\.complex64",
            r"torch\.float32 or torch\.float64",
        ),
        (spoiled(triangles(), NAN), "NaN", "finite numbers"),
        (spoiled(triangles(), INF), "infinity", "finite numbers"),
        (spoiled(triangles(), -INF), "infinity", "finite numbers"),
        (spoiled(triangles(), -1e16), "a coordinate beyond 1e[+]15", "finite numbers"),
    ],
)
def test_triangles_must_be_finite_floats_of_the_right_shape(argument, got, wanted, backend):
    with pytest.raises(ValueError, match=rf"^triangles: got .*{got}.*, wanted {wanted}"):
        rasterize(argument, size=4, backend=backend)


@every_backend
@pytest.mark.parametrize(
    ("argument", "got", "wanted"),
    [
        ([1.0], "list", "a torch.Tensor or None"),
        (
            colors(1, 3, 3),
            r"shape \(1, 3, 3\)",
            r"\(2, 3, C >= 1\) to go with triangles \(2, 3, 3\)",
        ),  # one face's colours for two
        (colors(2, 3), r"shape \(2, 3\)", r"\(2, 3, C >= 1\)"),  # one colour a face
        (
            colors(1, 2, 3, 3),
            r"shape \(1, 2, 3, 3\)",
            r"\(2, 3, C >= 1\)",
        ),  # batched colours, unbatched triangles
        (colors(2, 3, 0), r"shape \(2, 3, 0\)", r"\(2, 3, C >= 1\)"),
        (colors(dtype=torch.float32), r"torch\.float32", r"torch\.float64 like triangles"),
        (colors(dtype=torch.int64), r"torch\.int64", r"torch\.float64 like triangles"),
        (colors().to("meta"), "a tensor on meta", "cpu like triangles"),
        (spoiled(colors(), NAN), "NaN", "finite numbers"),
        (spoiled(colors(), INF), "infinity", "finite numbers"),
    ],
)
def test_colors_must_go_with_the_triangles(argument, got, wanted, backend):
    with pytest.raises(ValueError, match=rf"^colors: got .*{got}.*, wanted {wanted}"):
        rasterize(triangles(), argument, size=4, backend=backend)


@every_backend
@pytest.mark.parametrize(
    ("argument", "got", "wanted"),
    [
        (
            torch.zeros(4, dtype=torch.float64),
            r"shape \(4,\)",
            r"a number or a tensor that broadcasts to \(1, 4, 5, 3\)",
        ),
        (
            torch.zeros(5, 4, 3, dtype=torch.float64),
            r"shape \(5, 4, 3\)",
            r".*\(1, 4, 5, 3\)",
        ),  # (W, H, C) for (H, W, C)
        (
            torch.zeros(2, 4, 5, 3, dtype=torch.float64),
            r"shape \(2, 4, 5, 3\)",
            r".*\(1, 4, 5, 3\)",
        ),
        (torch.zeros(3), r"torch\.float32 on cpu", r"torch\.float64 on cpu like triangles"),
        (
            torch.zeros(3, dtype=torch.float64, device="meta"),
            r"torch\.float64 on meta",
            r"torch\.float64 on cpu like triangles",
        ),
        (torch.tensor([0.0, NAN, 0.0], dtype=torch.float64), "NaN", "finite numbers"),
        (NAN, "NaN", "finite numbers"),
        (INF, "infinity", "finite numbers"),
    ],
)
def test_background_must_fit_the_picture(argument, got, wanted, backend):
    with pytest.raises(ValueError, match=rf"^background: got .*{got}.*, wanted {wanted}"):
        rasterize(triangles(), colors(), size=(4, 5), background=argument, backend=backend)


@pytest.mark.parametrize(
    "size",
    [
        0,
        -1,
        True,
        4.0,
        "4",
        None,
        (4, 0),
        (4, -2),
        (4, 5, 6),
        (4,),
        (4, 5.0),
        (True, 4),
        torch.tensor(4),
    ],
)
@pytest.mark.parametrize("draw", [rasterize, rasterize_hard])
def test_size_must_be_a_positive_int_or_two(draw, size):
    with pytest.raises(
        ValueError, match=r"^size: got .+, wanted a positive int or a pair \(H, W\)"
    ):
        draw(triangles(), size=size)


@pytest.mark.parametrize("draw", [rasterize, rasterize_hard])
@pytest.mark.parametrize(
    ("near", "far", "message"),
    [
        (1.0, 1.0, r"^far: got 1\.0, wanted a finite number above near = 1\.0"),
        (5.0, 2.0, r"^far: got 2\.0, wanted a finite number above near = 5\.0"),
        (1.0, INF, r"^far: got inf, wanted a finite number above near"),
        (1.0, NAN, r"^far: got nan, wanted a finite number above near"),
        (1.0, None, r"^far: got None, wanted a finite number above near"),
        (0.0, 1.0, r"^near: got 0\.0, wanted a finite number > 0"),
        (-1.0, 1.0, r"^near: got -1\.0, wanted a finite number > 0"),
        (NAN, 1.0, r"^near: got nan, wanted a finite number > 0"),
    ],
)
def test_near_and_far_must_be_in_order(draw, near, far, message):
    with pytest.raises(ValueError, match=message):
        draw(triangles(), size=4, near=near, far=far)


@every_backend
@pytest.mark.parametrize("eps", [-1e-3, NAN, INF, None])
def test_eps_must_not_be_negative(eps, backend):
    with pytest.raises(ValueError, match=r"^eps: got .+, wanted a finite number >= 0"):
        rasterize(triangles(), size=4, eps=eps, backend=backend)


@every_backend
@pytest.mark.parametrize("dist_eps", [-1e-9, 0.5, 1.0, NAN, None])
def test_dist_eps_must_be_a_probability_below_one_half(dist_eps, backend):
    with pytest.raises(ValueError, match=r"^dist_eps: got .+, wanted a probability in \[0, 0\.5\)"):
        rasterize(triangles(), size=4, dist_eps=dist_eps, backend=backend)


@pytest.mark.parametrize("name", ["distance", "backend", "distribution", "conorm"])
@pytest.mark.parametrize("value", ["no such thing", None, ""])
def test_an_unknown_choice_is_named_with_the_known_ones(name, value):
    known = {
        "distance": "barycentric",
        "backend": "broadcast",
        "distribution": "logistic",
        "conorm": "probabilistic",
    }[name]
    with pytest.raises(ValueError, match=rf"^{name}: got {value!r}, wanted one of .*{known}"):
        rasterize(triangles(), size=4, **{name: value})


def test_an_unknown_gradient_of_the_z_buffer_is_named():
    with pytest.raises(ValueError, match=r"^gradient: got 'soft', wanted one of 'none', 'nmr'"):
        rasterize_hard(triangles(), size=4, gradient="soft")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"distribution": "gamma", "shape": 0.0},
            r"shape: got 0\.0, wanted a number from 0\.1 to 100 for 'gamma'",
        ),
        (
            {"distribution": "gamma_rev", "shape": NAN},
            r"shape: got nan, wanted a number from 0\.1 to 100 for 'gamma_rev'",
        ),
        (
            {"distribution": "levy", "shift": INF},
            r"shift: got inf, wanted a number from -1e6 to 1e6 for 'levy'",
        ),
        (
            {"conorm": "hamacher", "p": -1},
            r"p: got -1, wanted 0 or a number from 1e-30 to 1e30 for 'hamacher'",
        ),
        (
            {"conorm": "frank", "p": 1.0},
            r"p: got 1\.0, wanted a number from 1e-30 to 1e30, but not 1 for 'frank'",
        ),
        ({"conorm": "yager", "p": 0}, r"p: got 0, wanted a number from 1e-30 to 1e30 for 'yager'"),
        (
            {"conorm": "dombi", "p": "2"},
            r"p: got '2', wanted a number from 1e-30 to 1e30 for 'dombi'",
        ),
        (
            {"conorm": "schweizer_sklar", "p": 2.0},
            r"p: got 2\.0, wanted a number from -1e30 to -1e-30 for 'schweizer_sklar'",
        ),
        ({"squared": None}, "squared: got None, wanted True or False"),
    ],
)
def test_a_parameter_out_of_range_is_named_with_the_range(options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        rasterize(triangles(), size=4, **options)


@every_backend
@pytest.mark.parametrize(
    ("name", "owner"), [("shape", "logistic"), ("shift", "logistic"), ("p", "probabilistic")]
)
def test_a_parameter_that_the_choice_does_not_have_is_refused(name, owner, backend):
    with pytest.raises(
        ValueError, match=rf"^{name}: got 2\.0, but '{owner}' has no such parameter"
    ):
        rasterize(triangles(), size=4, backend=backend, **{name: 2.0})


@pytest.mark.parametrize(
    "bad",
    [{"triangles": spoiled(triangles(), NAN)}, {"colors": colors(1, 3, 3)}, {"background": NAN}],
)
def test_the_z_buffer_checks_its_input_too(bad):
    arguments = {"triangles": triangles(), "colors": colors(), "background": 0.0, **bad}
    with pytest.raises(ValueError, match=rf"^{next(iter(bad))}: got "):
        rasterize_hard(
            arguments["triangles"], arguments["colors"], size=4, background=arguments["background"]
        )


def test_backends_tells_which_can_run():
    states = backends()
    assert list(states) == ["loops", "broadcast", "pairs", "numba", "triton"]
    assert states["loops"] == states["broadcast"] == states["pairs"] == "ok"
    for name, state in states.items():
        where = "cuda" if name == "triton" and torch.cuda.is_available() else "cpu"
        face = triangles().to(where)
        if state == "ok":
            assert rasterize(face, size=2, backend=name).shape == (2, 2, 1)
        else:
            with pytest.raises(ValueError, match=re.escape(state)):
                rasterize(face, size=2, backend=name)


def test_auto_takes_the_fast_rung_where_it_runs_and_pairs_where_not(monkeypatch):
    absent: set[str] = set()
    reasons = lambda name, device: "it is not here" if name in absent else None  # noqa: E731
    monkeypatch.setattr(ladder, "why_not", reasons)
    monkeypatch.setattr(triton_gpu, "interpreting", lambda: False)
    for device, fast in (("cpu", "numba"), ("cuda", "triton")):
        absent.clear()
        assert ladder.choose("auto", torch.device(device)) == fast
        absent.add(fast)
        assert ladder.choose("auto", torch.device(device)) == "pairs"


def test_auto_never_interprets_on_a_gpu(monkeypatch):
    monkeypatch.setattr(ladder, "why_not", lambda name, device: None)
    monkeypatch.setattr(triton_gpu, "interpreting", lambda: True)
    assert ladder.choose("auto", torch.device("cuda")) == "pairs"
    assert ladder.choose("triton", torch.device("cuda")) == "triton"
    assert ladder.choose("auto", torch.device("cpu")) == "numba"


@pytest.mark.parametrize("name", ["numba", "triton"])
def test_a_backend_that_was_named_never_falls_back(name, monkeypatch):
    monkeypatch.setattr(ladder, "why_not", lambda name, device: "it is not here")
    with pytest.raises(ValueError, match=rf"^backend: '{name}' cannot serve .*: it is not here"):
        rasterize(triangles(), size=4, backend=name)


@every_backend
def test_a_bad_number_in_the_last_background_of_a_batch_is_found(backend):
    pictures = torch.zeros(2, 1, 1, 3, dtype=torch.float64)
    pictures[1, 0, 0, 2] = NAN
    batch = [torch.stack([x, x]) for x in (triangles(), colors())]
    with pytest.raises(ValueError, match=r"^background: got NaN"):
        rasterize(*batch, size=(4, 5), background=pictures.expand(2, 4, 5, 3), backend=backend)


@every_backend
def test_good_input_at_the_limits_is_taken(backend):
    # The checks above must not refuse what the contract allows.
    image = rasterize(
        triangles(),
        colors(),
        size=[2, 3],
        sigma=1,
        gamma=1,
        eps=0,
        dist_eps=0,
        near=1,
        far=3,
        background=0,
        backend=backend,
    )
    assert image.shape == (2, 3, 4)
    assert rasterize(spoiled(triangles(), 1e14), size=2, backend=backend).isfinite().all()
