"""Rung 4 and the two compilers: what numba keeps on disk and says, what torch.compile sees."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import fresh_python
import pytest
import torch
from compare import cotangent
from test_texture import SOFT, random_texture

from softras_edu import Camera, Texture, icosphere, rasterize, screen_triangles
from softras_edu.rasterizers import numba_cpu
from softras_edu.rasterizers.options import Options

pytestmark = pytest.mark.skipif(numba_cpu.why_not() is not None, reason=str(numba_cpu.why_not()))

DRAW = """
import torch
from softras_edu.rasterizers.numba_cpu import rasterize_numba
from softras_edu.rasterizers.options import Options
o = Options(height=4, width=4, sigma=0.1, gamma=0.1, eps=0.0, far=9.0, dist_eps=0.0)
triangle, background = torch.eye(3).add(1).expand(1, 1, 3, 3), torch.zeros(1, 4, 4, 0)
for _ in range(2):
    print(rasterize_numba(triangle, None, background, o).mean().item())
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return fresh_python.run(code, env={**os.environ, **environment}, timeout=120, check=True)


def first_line(**environment: str) -> str:
    """What it says first. It comes before the compiler, which is not waited for."""
    command = [sys.executable, "-c", DRAW]
    given = {**os.environ, **environment}
    with subprocess.Popen(command, env=given, stderr=subprocess.PIPE, text=True) as going:
        assert going.stderr is not None
        line = going.stderr.readline()
        going.kill()
    return line


def test_it_says_so_when_it_compiles_and_never_when_it_need_not(tmp_path):
    compiling = "softras-edu: compiling the CPU kernels for torch.float32, once (10 to 40 s)\n"
    elsewhere = {"NUMBA_CACHE_DIR": str(tmp_path)}
    assert first_line(**elsewhere) == compiling

    # What is kept on disk is taken, there as here. (`warm` compiles what is not there yet.)
    numba_cpu.warm()
    (there,) = tmp_path.glob("*/")
    for path in Path(numba_cpu.forward_rows.stats.cache_path).glob("*.nb[ic]"):
        shutil.copy(path, there)
    kept = run(DRAW, **elsewhere)
    assert kept.stderr == ""
    first, second = map(float, kept.stdout.split())
    assert first == second
    assert math.isfinite(first)

    # numba compares the date of the kernels' own file only. Machine code older than the formulas
    # must go too.
    for index in tmp_path.rglob("*.nbi"):
        os.utime(index, (0, 0))
    assert first_line(**elsewhere) == compiling


def test_without_numba_it_says_what_to_install():
    code = """
import sys
sys.modules["numba"] = None
import torch
from softras_edu.rasterizers import numba_cpu
print(numba_cpu.why_not())
try:
    numba_cpu.rasterize_numba(torch.zeros(1, 1, 3, 3), None, torch.zeros(1, 4, 4, 0), None)
except ValueError as error:
    print(error)
"""
    reason = "numba is not installed: pip install numba"
    assert run(code).stdout.splitlines() == [reason, f"backend: 'numba' cannot run here: {reason}"]


# ---------------------------------------------------------------- torch.compile


def test_torch_compile_traces_through_in_one_piece():
    mesh = icosphere(1)
    triangles = screen_triangles(mesh.verts, mesh.faces, Camera.orbit(2.5, 25, 30)).double()
    colors = (0.5 + 0.5 * mesh.verts)[mesh.faces][None].double()
    grads = []
    for wrap in (
        lambda f: f,
        lambda f: torch.compile(f, backend="aot_eager", fullgraph=True),
    ):  # fullgraph: raises where it would stop
        leaf = triangles.clone().requires_grad_()
        wrap(lambda t: (rasterize(2 * t, colors, size=12, sigma=1e-2, backend="numba") ** 2).sum())(
            leaf
        ).backward()
        grads.append(leaf.grad)
    assert torch.equal(*grads)


@pytest.mark.parametrize("channels", [None, 2])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("conorm", ["probabilistic", "max"])  # max keeps one more number a pixel
def test_the_operator_passes_opcheck(scene, channels, dtype, conorm):
    triangles, colors = scene(14, faces=2, channels=channels or 1, batch=2, dtype=dtype)
    background = torch.rand(
        2, 3, 4, channels or 0, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    ).to(dtype)
    inputs = [
        None if x is None else x.requires_grad_()
        for x in (triangles, colors if channels else None, background)
    ]
    from softras_edu.rasterizers import compile_op

    o = Options(height=3, width=4, sigma=0.05, gamma=0.05, conorm=conorm)
    given = (*inputs, None, None, None, *compile_op.fields(o))
    torch.library.opcheck(torch.ops.softras_edu.rasterize_numba, given)


@pytest.mark.parametrize("wrap", ["clamp", "repeat"])
def test_torch_compile_traces_through_a_texture_in_one_piece(scene, wrap):
    triangles, colors = scene(31, faces=3, batch=2)
    texture = random_texture(11, 3, ((3, 5), (2, 4)), wrap, batch=2)
    which = texture.which

    def draw(t, c, uv, *pictures):
        there = Texture(list(pictures), uv, which, wrap)
        return rasterize(t, c, texture=there, size=(7, 5), backend="numba", **SOFT)

    grads = []
    for function in (draw, torch.compile(draw, backend="aot_eager", fullgraph=True)):
        inputs = triangles, colors, texture.uv, *texture.pictures()
        leaves = [x.clone().requires_grad_() for x in inputs]
        image = function(*leaves)
        grads.append([image, *torch.autograd.grad(image, leaves, cotangent(image))])
    for got, wanted in zip(*grads, strict=True):
        assert torch.equal(got, wanted)
        assert wanted.abs().max() > 0


def test_the_operator_with_a_texture_passes_opcheck(scene):
    from softras_edu.rasterizers import compile_op

    triangles, colors = scene(14, faces=2, channels=2, batch=2)
    uv, texels, where = random_texture(12, 2, ((3, 4),), channels=2, batch=2).flat(2)
    leaves = [x.detach().clone().requires_grad_() for x in (triangles, colors)]
    background = torch.rand(2, 3, 4, 2, dtype=torch.float64, requires_grad=True)
    pictures = [x.detach().clone().requires_grad_() for x in (uv, texels)]
    o = Options(height=3, width=4, sigma=0.05, gamma=0.05)
    given = (*leaves, background, *pictures, where.clone(), *compile_op.fields(o))
    torch.library.opcheck(torch.ops.softras_edu.rasterize_numba, given)


@pytest.mark.parametrize("name", ["uv", "images"])
def test_a_bad_texture_is_refused_inside_a_compiled_function_too(scene, name):
    triangles, _ = scene(31, faces=2)
    inputs = {"uv": torch.zeros(2, 3, 2).double(), "images": torch.ones(2, 2, 3).double()}
    inputs[name][0, 0, 0] = math.nan
    texture = Texture(**inputs)
    draw = torch.compile(
        lambda t: rasterize(t, texture=texture, size=4, backend="numba"),
        backend="aot_eager",
        fullgraph=True,
    )
    with pytest.raises(ValueError, match=rf"^texture: got NaN .* in {name}"):
        draw(triangles)


def test_bad_numbers_are_refused_inside_a_compiled_function_too():
    triangles = torch.tensor([[[0.0, 0.0, 2.0], [1.0, 0.0, 2.0], [0.0, 1.0, math.nan]]])
    with pytest.raises(ValueError, match=r"^triangles: got NaN"):
        torch.compile(
            lambda t: rasterize(t, size=4, backend="numba"), backend="aot_eager", fullgraph=True
        )(triangles)


DRAW_PLAINLY = """
import torch
from softras_edu import rasterize
triangle = torch.tensor([[[-1.0, 0.2, 2.0], [1.0, 0.2, 2.0], [0.0, 1.0, 2.0]]], requires_grad=True)
image = rasterize(triangle, size=4, sigma=0.1, backend="numba")
image.sum().backward()
print(round(image.sum().item(), 5), bool(triangle.grad.isfinite().all()))
"""
DRAWN = "4.14249 True"


def test_without_numbas_compiler_it_draws_in_plain_python():
    # People switch it off to step through a kernel; a kernel then has no statistics of a cache.
    assert run(DRAW_PLAINLY, NUMBA_DISABLE_JIT="1").stdout.strip() == DRAWN


def test_it_draws_from_a_zip_where_there_is_no_folder_to_look_at(tmp_path):
    root = Path(numba_cpu.__file__).parents[3]
    with zipfile.ZipFile(tmp_path / "package.zip", "w") as archive:
        for file in (root / "softras_edu").rglob("*.py"):
            archive.write(file, file.relative_to(root))
    assert run(DRAW_PLAINLY, PYTHONPATH=str(tmp_path / "package.zip")).stdout.strip() == DRAWN


def test_a_cache_that_another_process_clears_is_no_reason_to_stop(monkeypatch):
    # Two first starts at once: one throws old machine code away while the other looks at its date.
    asked = []

    def gone(path, **_options):
        asked.append(path)
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "stat", gone)
    numba_cpu.forget_stale(numba_cpu.forward_rows)
    assert asked
