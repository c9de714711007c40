"""Notebook 09: the stand-in for Triton, the checks, compiling without a GPU, and the whole
notebook on a machine that has no Triton."""
# ruff: noqa: N803

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path
from types import FunctionType

import fresh_python
import nbformat
import pytest
import torch
from nbclient import NotebookClient
from test_assembled import source

from softras_edu import checks
from softras_edu.checks.exercise import Mistake
from softras_edu.teaching import figures
from softras_edu.teaching.figures.traffic import traffic, traffic_table
from softras_edu.teaching.triton_lab.stand_in import Kernel, launch, tl, triton, watch

ROOT = Path(__file__).parent.parent
PATH = ROOT / "notebooks" / "09_the_fused_triton_kernel.ipynb"
needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None,
    reason="triton is not installed (Linux only: pip install triton)",
)


def in_a_new_process(code: str, folder: Path, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    clean["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT), clean.get("PYTHONPATH", "")])
    if (folder / "sitecustomize.py").exists():
        code = f"import runpy; runpy.run_path({str(folder / 'sitecustomize.py')!r})\n{code}"
    done = fresh_python.run(code, env=clean | environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


@pytest.fixture
def without_triton(tmp_path: Path) -> Path:
    """A folder that, first in PYTHONPATH, makes a Python in which triton cannot be found, as on
    macOS and Windows."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.machinery as m\n"
        "find = m.PathFinder.find_spec\n"
        "def find_spec(cls, name, *rest):\n"
        "    return None if name.split('.')[0] == 'triton' else find(name, *rest)\n"
        "m.PathFinder.find_spec = classmethod(find_spec)\n"
    )
    return tmp_path


# ---------------------------------------------------------------- a machine without Triton


def test_the_notebook_runs_to_its_end_without_triton(without_triton, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(without_triton), str(ROOT)]))
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    notebook = nbformat.read(PATH, as_version=4)
    NotebookClient(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(PATH.parent)}},
    ).execute()
    said = "".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert "Kernels run in the stand-in." in said
    assert "no Triton here: numbers stored" in said
    errors = [
        output.ename
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    assert set(errors) == {"YourTurn"}


def test_the_readers_rasterizer_passes_in_the_stand_in(without_triton):
    (without_triton / "mine.py").write_text(source(PATH), encoding="utf-8")
    said = in_a_new_process(
        "import mine; from softras_edu import checks; checks.contract(mine.rasterize_mine)",
        without_triton,
    )
    assert "the stand-in" in said
    assert "contract: passed" in said


# ---------------------------------------------------------------- compiled, without a GPU

PROBE = """
import mine, triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from softras_edu.teaching.triton_lab.machine_code import read_cubin

INTEGERS = {"starts_ptr": "*i64", "faces_ptr": "*i64", "boxes_ptr": "*i32"}

def compile(kernel, dtype):
    constants = {"C": 3, "CHANNELS": 4, "EUCLIDEAN": True, "PERSPECTIVE": False, "TILE": 8}
    types = {name: "constexpr" if name in constants else "i32" for name in kernel.arg_names}
    types |= {name: "*" + dtype for name in types if name.endswith("_ptr")}
    types |= {name: of for name, of in INTEGERS.items() if name in types}
    pointers = [k for k, name in enumerate(types) if name.endswith("_ptr")]
    aligned = {(k,): [["tt.divisibility", 16]] for k in pointers}  # as PyTorch's memory is
    source, target = ASTSource(kernel, types, constants, aligned), GPUTarget("cuda", 90, 32)
    return triton.compile(source, target=target, options={"num_warps": 1}).asm

for kernel in (mine.forward_kernel, mine.backward_kernel):
    print(*read_cubin(compile(kernel, "fp32")["cubin"]), "f32" in compile(kernel, "fp64")["ttir"])
"""


@needs_triton
def test_the_readers_kernels_compile_without_spills_and_keep_float64(tmp_path):
    compiled = (
        "import triton\nimport triton.language as tl\n"
        "HERE = 'interpreter'  # which it is not; only a message asks"
    )
    code, count = re.subn(
        r"^from softras_edu.teaching.triton_lab.language import .*$",
        compiled,
        source(PATH),
        flags=re.MULTILINE,
    )
    assert count
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    rows = [line.split() for line in in_a_new_process(PROBE, tmp_path).splitlines()[-2:]]
    for registers, spilled, loop, narrow in rows:
        assert 0 < int(registers) < 255
        assert int(spilled) == 0
        assert int(loop) > 100
        assert narrow == "False", "a float64 kernel computes something in float32"


# ---------------------------------------------------------------- the stand-in


def test_programs_lanes_masks_and_atomics_of_the_stand_in():
    @triton.jit
    def twice(x):
        return 2 * x

    @triton.jit
    def kernel(in_ptr, out_ptr, sum_ptr, count, block_size: int):
        at = tl.program_id(0) * block_size + tl.arange(0, block_size)
        block = tl.load(in_ptr + at, at < count, other=7.0)
        tl.store(out_ptr + at, twice(block), at < count)
        tl.atomic_add(sum_ptr + 0 * at, block)

    numbers, out, total = torch.arange(5.0), torch.full((6,), -1.0), torch.zeros(1)
    kernel[(triton.cdiv(5, 4),)](numbers, out, total, 5, block_size=4, num_warps=1)
    assert out.tolist() == [0, 2, 4, 6, 8, -1]
    assert total.item() == 0 + 1 + 2 + 3 + 4 + 3 * 7
    assert isinstance(twice, Kernel)


def test_the_stand_in_reaches_what_lies_behind_a_tensor_but_not_beyond_its_memory():
    def fill(out_ptr, count):
        tl.store(out_ptr + tl.arange(0, count), 1.0)

    memory = torch.zeros(2, 3)
    launch(fill, (1,), memory[0], 5)
    assert memory.flatten().tolist() == [1, 1, 1, 1, 1, 0]
    with pytest.raises(
        IndexError, match="number 6 of a tensor whose memory holds 6; is a mask missing"
    ):
        launch(fill, (1,), memory[0], 8)


def test_a_grid_has_up_to_three_axes():
    seen = []
    launch(
        lambda: seen.append(
            (int(tl.program_id(0)), int(tl.program_id(1)), int(tl.num_programs(0)))
        ),
        (2, 2),
    )
    assert seen == [(0, 0, 2), (1, 0, 2), (0, 1, 2), (1, 1, 2)]
    assert [triton.next_power_of_2(n) for n in (1, 2, 3, 4, 5, 19)] == [1, 2, 4, 4, 8, 32]


# ---------------------------------------------------------------- the checks


def test_the_debugging_check_tells_all_bugs_that_remain():
    draw = sys.modules["softras_edu.checks.build_kernel"]._draw_discs
    hints = {hint.split(":")[0].lower(): hint for hint in checks.draw_discs.mistakes}
    bugs = {"mask": "mask", "stride": "stride", "softmax": "shrink"}
    for left in (["mask", "stride", "softmax"], ["mask", "softmax"], ["stride"]):
        with pytest.raises(Mistake, match=f"Bugs that remain: {len(left)} of 3") as caught:
            checks.draw_discs(
                lambda d, h, w, left=left: draw(d, h, w, tuple(bugs[name] for name in left))
            )
        for name, hint in hints.items():
            assert (hint in str(caught.value)) == (name in left)


def test_an_answer_for_a_kernel_may_be_marked_as_one_but_may_not_use_pytorch():
    @triton.jit
    def marked(tile, lane, height, width, columns, TILE):
        i, j = tile // columns * TILE + lane // TILE, tile % columns * TILE + lane % TILE
        return i, j, (i < height) & (j < width)

    checks.tile_pixels(marked)

    def in_pytorch(tile, lane, height, width, columns, TILE):
        i, j, mask = marked.fn(tile, lane, height, width, columns, TILE)
        return i, j, torch.logical_and(mask, mask)

    def with_and(tile, lane, height, width, columns, TILE):
        i, j, _ = marked.fn(tile, lane, height, width, columns, TILE)
        return i, j, i < height and j < width

    def without_brackets(tile, lane, height, width, columns, TILE):
        i, j, _ = marked.fn(tile, lane, height, width, columns, TILE)
        return i, j, i < height & j < width

    with pytest.raises(Mistake, match="inside a kernel there is no torch"):
        checks.tile_pixels(in_pytorch)
    with pytest.raises(Mistake, match="no attribute 'softmax'"):
        checks.tile_pixels(lambda *given: tl.softmax(given[1]))
    for wrong in (with_and, without_brackets):
        with pytest.raises(Mistake, match="with brackets around comparisons"):
            checks.tile_pixels(wrong)


def test_an_answer_that_uses_the_kernels_language_is_taken_for_the_cells_that_follow(capsys):
    @triton.jit
    def marked(tile, lane, height, width, columns, TILE):
        one = tl.where(lane >= 0, 1, 1)
        i, j = tile // columns * TILE + lane // TILE, tile % columns * TILE + lane % TILE * one
        return i, j, (i < height) & (j < width)

    assert checks.tile_pixels.yours_or_ours(marked) is marked.fn
    assert capsys.readouterr().out == "tile_pixels: yours.\n"

    def in_pytorch(tile, lane, height, width, columns, TILE):
        i, j, mask = marked.fn(tile, lane, height, width, columns, TILE)
        return i, j, torch.logical_and(mask, mask)

    assert checks.tile_pixels.yours_or_ours(in_pytorch) is checks.tile_pixels.reference


def test_what_is_stored_behind_the_picture_is_seen():
    draw = checks.draw_discs.reference

    def spills(discs, height, width):
        image = draw(discs, height, width)
        image._base[height * width] = 1.0
        return image

    with pytest.raises(Mistake, match="stored behind its end"):
        checks.draw_discs(spills)


KERNELS = """
import mine
from softras_edu import checks

for name in ("pixel_kernel", "block_kernel", "masked_kernel", "listed_kernel"):
    exercise, kernel = getattr(checks, name), getattr(mine, name)
    exercise(kernel)
    # A stub borrows the library's kernel, in the reader's room.
    exercise.show_traffic(exercise.ours(mine.center))
assert checks.masked_kernel.yours_or_ours(mine.masked_kernel) is mine.masked_kernel
ours = checks.masked_kernel.yours_or_ours(mine.block_kernel)
assert ours is not mine.block_kernel
checks.masked_kernel.examine(ours)
try:
    checks.masked_kernel(mine.block_kernel)
except AssertionError as error:
    print(error)
"""


@pytest.mark.parametrize("where", ["interpreter", "stand-in"])
def test_the_first_kernels_pass_and_show_what_they_load_and_store(where, without_triton):
    folder = without_triton if where == "stand-in" else without_triton / "with"
    if where == "interpreter":
        pytest.importorskip("triton")
        folder.mkdir()
    (folder / "mine.py").write_text(source(PATH), encoding="utf-8")
    quick = f"sys.path.insert(0, {str(Path(__file__).parent)!r}); import quick_interpreter as q"
    code = KERNELS if where == "stand-in" else f"import sys; {quick}; q.install()\n{KERNELS}"
    said = in_a_new_process(code, folder, MPLBACKEND="agg")
    assert said.count("passed, ") == 4
    assert "There is no mask, or it is true for every lane" in said
    # 16 programs load 2 faces of 9 float64 each and store a pixel; in blocks of 4, 4 programs do.
    assert re.search(r"triangles_ptr +288 +2,304 +0 +0\nalpha_ptr +0 +0 +16 +128", said)
    assert re.search(r"triangles_ptr +72 +576 +0 +0\nalpha_ptr +0 +0 +4 +128", said)
    assert re.search(r"triangles_ptr +72 +576 +0 +0\nalpha_ptr +0 +0 +4 +120", said)  # 15 pixels


@triton.jit
def twice(out_ptr, at, value):
    tl.store(out_ptr + at, 2 * value)


@triton.jit
def copy_kernel(in_ptr, out_ptr, count):
    at = 2 * tl.program_id(0) + tl.arange(0, 2)
    tl.store(out_ptr + at, tl.load(in_ptr + at, at < count, other=5.0), at < count)
    twice(out_ptr, 0, tl.load(in_ptr))


def test_who_loads_and_stores_what():
    numbers, out = torch.arange(3.0) + 1, torch.zeros(4, dtype=torch.float64)
    room = {"tl": None, "triton": None, "twice": twice}  # `watch` puts in the stand-in's
    seen = watch(Kernel(FunctionType(copy_kernel.fn.__code__, room)), (2,), numbers, out, 3)
    assert [(x.program, x.store, x.name, x.places.tolist(), x.nbytes) for x in seen] == [
        (0, False, "in_ptr", [0, 1], 8),
        (0, True, "out_ptr", [0, 1], 16),
        (0, False, "in_ptr", [0], 4),
        (0, True, "out_ptr", [0], 8),
        (1, False, "in_ptr", [2], 4),
        (1, True, "out_ptr", [2], 8),
        (1, False, "in_ptr", [0], 4),
        (1, True, "out_ptr", [0], 8),
    ]
    assert out.tolist() == [2, 2, 3, 0]
    table = traffic_table(seen).splitlines()
    assert table[1].split() == ["in_ptr", "4", "20", "0", "0"]
    assert table[2].split() == ["out_ptr", "0", "0", "4", "40"]
    left, right = traffic(seen, {"in_ptr": 3, "out_ptr": 2}).axes
    assert [ax.get_title() for ax in (left, right)] == ["in_ptr", "out_ptr"]
    assert left.images[0].get_array().tolist() == [[1, 1, 0], [1, 0, 1]]
    assert right.images[0].get_array().tolist() == [[2, 2, 0], [2, 0, 2]]
    assert right.lines[0].get_xdata()[0] == 1.5  # the third number is somebody else's


def test_a_kernel_that_uses_more_of_triton_than_the_stand_in_has_is_not_drawn(capsys):
    @triton.jit
    def kernel(triangles_ptr, alpha_ptr, inv_sigma, faces, height, width):
        tl.store(alpha_ptr, tl.cumprod(tl.load(triangles_ptr)))

    checks.pixel_kernel.show_traffic(kernel)
    assert "not drawn" in capsys.readouterr().out


def test_a_kernel_without_its_mark_is_told_so():
    def listed_kernel(triangles_ptr, alpha_ptr, *rest):
        raise NotImplementedError

    with pytest.raises(Mistake, match=r"write @triton\.jit above"):
        checks.listed_kernel(listed_kernel)


def test_a_stub_inside_of_a_kernel_is_still_the_readers_turn():
    def wraps(*arguments: object) -> None:
        try:
            raise NotImplementedError("Exercise 09-1")
        except NotImplementedError as stub:
            try:
                raise RuntimeError("what Triton's interpreter does with it") from stub
            except RuntimeError as inner:
                raise RuntimeError("and again for a function in a function") from inner

    with pytest.raises(NotImplementedError, match="Exercise 09-1"):
        checks.contract(wraps)
    with pytest.raises(ZeroDivisionError):
        checks.contract(lambda *arguments: 1 / 0)


# ---------------------------------------------------------------- its figures


def test_slots_draws_a_box_for_each_entry_and_tables_leaves_white_what_is_not_finite():
    figure = figures.slots({"a": [("0", 0), ("1", 1)], "b": [("2", 2)]}, {"a": [0, 1]})
    assert [len(ax.patches) for ax in figure.axes] == [2, 1]
    assert [len(ax.lines) for ax in figure.axes] == [2, 0]
    table = torch.tensor([[0.0, -torch.inf], [1.0, 2.0]])
    (image,) = figures.tables([table], ["t"], xlabel="x", ylabel="y").axes[0].images
    assert image.get_array().mask.tolist() == [[False, True], [False, False]]
