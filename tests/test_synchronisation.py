"""The triton backend makes the host wait for the GPU once a call, and starts few kernels.

Counted in the interpreter, and on a GPU where there is one.
"""

from __future__ import annotations

import math
import sys
import warnings
from types import ModuleType

import pytest
import torch
from load_script import load_script

from softras_edu import Camera, Lights, Mesh, icosphere, rasterize, render
from softras_edu.rasterizers import triton_gpu

CUDA = torch.cuda.is_available()
if not CUDA and "triton" not in sys.modules:
    triton_gpu.use_interpreter()
REASON = triton_gpu.why_not("cuda" if CUDA else "cpu")
pytestmark = pytest.mark.skipif(REASON is not None, reason=f"triton: {REASON}")


@pytest.fixture(scope="module")
def counting() -> ModuleType:
    return load_script("benchmarks/count_launches.py")


BEFORE, AFTER = (
    ["_setup_kernel", "cumsum"],
    ["_fill_kernel", "sort", "_group_kernel", "_forward_kernel"],
)


def test_a_coloured_picture(counting, monkeypatch):
    monkeypatch.setattr(
        triton_gpu, "LAUNCH", triton_gpu.Launch(few_programs=1)
    )  # no triangle is shared, as in a scene of many
    forward, backward = counting.count()
    assert forward.reads == ["_local_scalar_dense"]
    assert forward.launches == ["new_full", *BEFORE, *AFTER]
    assert backward.reads == []
    assert backward.launches == ["_backward_by_face_kernel"]


def test_a_silhouette(counting, monkeypatch):
    monkeypatch.setattr(triton_gpu, "LAUNCH", triton_gpu.Launch(few_programs=1))
    forward, backward = counting.count(colored=False)
    assert forward.reads == ["_local_scalar_dense"]
    assert forward.launches == [*BEFORE, *AFTER]
    assert backward.reads == []
    assert backward.launches == ["_backward_by_face_kernel"]


def test_few_triangles_cost_two_sums_more(counting):
    assert counting.count()[1].launches == ["_backward_by_face_kernel", "sum", "sum"]


def test_a_background_that_is_a_tensor_is_checked_on_the_way(counting):
    device = "cuda" if CUDA else "cpu"
    forward, _ = counting.count(background=torch.rand(3, device=device))
    assert forward.reads == ["_local_scalar_dense"]
    assert forward.launches == [*BEFORE, *AFTER]


def test_without_triangles_the_one_wait_is_for_the_check(counting):
    empty = torch.zeros(1, 0, 3, 3, device="cuda" if CUDA else "cpu")
    with counting.Ledger() as ledger:
        rasterize(empty, empty, size=4, backend="triton")
    assert ledger.reads == ["_local_scalar_dense"]  # of the background
    with counting.Ledger() as ledger:
        rasterize(empty, size=4, backend="triton")
    assert ledger.reads == []
    with pytest.raises(ValueError, match=r"^background: got NaN"):
        rasterize(
            empty,
            empty,
            size=4,
            background=torch.full((3,), math.nan, device=empty.device),
            backend="triton",
        )


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["triangles", "colors", "background"])
@pytest.mark.parametrize("position", [0, -1])
def test_a_bad_number_anywhere_gives_the_message_of_all_backends(name, value, position):
    # One bad number among 300 triangles (three programs of the setup kernel) and no other: the
    # picture must not be drawn.
    device = "cuda" if CUDA else "cpu"
    tensors = {
        "triangles": torch.rand(2, 150, 3, 3) + 1.0,
        "colors": torch.rand(2, 150, 3, 4),
        "background": torch.rand(2, 9, 11, 4),
    }
    tensors[name].view(-1)[position] = value
    messages = []
    for backend, place in (("broadcast", "cpu"), ("triton", device)):
        with pytest.raises(ValueError, match=rf"^{name}: got NaN") as caught:
            rasterize(
                *(tensors[k].to(place) for k in ("triangles", "colors")),
                background=tensors["background"].to(place),
                size=(9, 11),
                backend=backend,
            )
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_lists_longer_than_a_bad_number_would_make_them_are_no_error(monkeypatch):
    # The mark of a bad number is a length that no list has. Should one have it after all, the check
    # finds nothing and the picture is drawn.
    device = "cuda" if CUDA else "cpu"
    triangles = torch.rand(3, 3, 3, device=device) + torch.tensor([-0.5, -0.5, 2.0], device=device)
    wanted = rasterize(triangles, size=8, backend="triton")
    monkeypatch.setattr(triton_gpu, "_bad_count", lambda total: 1)
    assert torch.equal(rasterize(triangles, size=8, backend="triton"), wanted)


def test_render_waits_no_more_than_rasterize(counting):
    sphere, camera, device = icosphere(0), Camera.orbit(2.7, 30.0, 45.0), "cuda" if CUDA else "cpu"
    mesh = Mesh(sphere.verts.to(device), sphere.faces.to(device))
    with counting.Ledger() as ledger:
        render(mesh, camera, size=4, lights=Lights(), backend="triton")
    assert ledger.reads == ["_local_scalar_dense"]


@pytest.mark.skipif(not CUDA, reason="no GPU here")
def test_pytorch_itself_counts_one_wait():
    triangles = (torch.rand(3, 3, 3) + torch.tensor([-0.5, -0.5, 2.0])).cuda().requires_grad_()
    rasterize(triangles, size=8, backend="triton").sum().backward()  # compiles
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            rasterize(triangles, size=8, backend="triton").sum().backward()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert len([w for w in caught if "called a synchronizing" in str(w.message)]) == 1
