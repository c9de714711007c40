"""The peers of `python -m softras_edu gpu`, made-up ones, and the official kernels made ready."""

from __future__ import annotations

import os
from pathlib import Path

import fresh_python
import pytest

from softras_edu.bench.case import Case
from softras_edu.bench.gpu import build_softras, peer_step
from softras_edu.bench.gpu.card import Card
from softras_edu.bench.gpu.page import page
from softras_edu.bench.gpu.report import Report
from softras_edu.bench.gpu.session import Session
from softras_edu.bench.measure import prepare
from softras_edu.bench.peers import Peer

ROOT = Path(__file__).parent.parent
H200 = Card("NVIDIA H200", "sm_90", 132, 1.98e9, 141 * 2**30, "580.0")


def session(tmp_path: Path) -> Session:
    return Session("cpu", True, Report(tmp_path, "a card", True, page), H200)


def test_a_peer_is_measured_and_compared(tmp_path):
    def prepare_it(scene):
        draw, leaves = prepare("broadcast", scene)
        return lambda: draw() + 0.01, leaves

    peer = Peer("torch", ("cpu",), "", "ours, a little brighter", None, None, prepare_it)
    here = session(tmp_path)
    peer_step.measure(here, "brighter", peer, Case(8, 0))
    (row,) = here.report.tables["peers"]
    assert float(row["image_difference"]) == pytest.approx(0.01, rel=0.05)
    assert float(row["gradient_difference"]) < 1e-4
    assert row["gradient_cosine"] == "1.000"
    assert "ours, a little brighter" in page(here.report)


def test_a_peer_whose_leaf_is_the_vertices_is_compared_with_our_sum_over_faces(tmp_path):
    from softras_edu import rasterize

    def prepare_it(scene):
        points = scene.points.clone().requires_grad_()

        def draw():
            return rasterize(points[:, scene.faces], size=8, sigma=scene.case.sigma)

        return draw, (points,)

    peer = Peer("torch", ("cpu",), "", "ours", None, None, prepare_it)
    here = session(tmp_path)
    peer_step.measure(here, "by vertices", peer, Case(8, 0, silhouette=True))
    (row,) = here.report.tables["peers"]
    assert float(row["gradient_difference"]) < 1e-5


def test_a_peer_that_fails_does_not_end_the_run(tmp_path):
    def prepare_it(scene):
        raise RuntimeError("no kernel image is available")

    peer = Peer("torch", ("cpu",), "", "nothing", None, None, prepare_it)
    here = session(tmp_path)
    peer_step.measure(here, "broken", peer, Case(8, 0))
    assert "no kernel image is available" in here.skipped[0]
    assert here.wrong == []


def test_old_sources_become_what_a_current_pytorch_wants():
    old = (
        "#include <torch/torch.h>\n#define C(x) AT_CHECK(x.type().is_cuda(), 1)\n"
        'AT_DISPATCH_FLOATING_TYPES(faces.type(), "f", ([&] { g(faces.data<scalar_t>()); }));\n'
    )
    assert build_softras.modernize(old) == (
        "#include <torch/extension.h>\n#define C(x) TORCH_CHECK(x.is_cuda(), 1)\n"
        'AT_DISPATCH_FLOATING_TYPES(faces.scalar_type(), "f", '
        "([&] { g(faces.data_ptr<scalar_t>()); }));\n"
    )
    with pytest.raises(ValueError, match="give a checkout of SoftRas"):
        build_softras.build(Path("no such folder"))


def test_their_function_is_found_by_our_adapter(tmp_path):
    wrapper = tmp_path / "soft_rasterize.py"
    wrapper.write_text(
        "import soft_renderer.cuda.soft_rasterize as kernels\n"
        "def soft_rasterize(): return kernels.answer\n"
    )
    code = (
        "import importlib.util, types, pathlib\n"
        "from softras_edu.bench.gpu import build_softras\n"
        "kernels = types.ModuleType('k'); kernels.answer = 42\n"
        f"build_softras.install(kernels, pathlib.Path({str(wrapper)!r}))\n"
        "assert importlib.util.find_spec('soft_renderer') is not None\n"
        "from soft_renderer.functional import soft_rasterize\n"
        "print(soft_rasterize())"
    )
    done = fresh_python.run(code, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.stdout.strip() == "42", done.stderr
