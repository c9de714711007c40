"""A reader who follows notebooks 06 to 09 and solves their exercises has written four rasterizers.
Each must pass the library's own contract tests.

The cells tagged `rung`, with every exercise's stub replaced by its solution, become a module; its
`rasterize_mine` takes the place of the backend "loops", and the tests of `test_backends.py` and
`test_gradients.py` run on it.

Notebook 09 defines Triton kernels, which run on the CPU in Triton's interpreter only, and that is
chosen when Triton is first imported. So its tests run in a process of their own.
"""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import test_backends
import test_gradients
from test_solutions import WHOLE_KERNELS
from torch import Tensor

from softras_edu import checks
from softras_edu.rasterizers import ladder
from softras_edu.rasterizers.broadcast import rasterize_broadcast

FOLDER = Path(__file__).parent.parent / "notebooks"
RUNGS = ("06", "07", "08", "09")
SOLUTION = re.compile(r"<summary>Solution[^<]*</summary>\s*```python\n(.*?)```", re.DOTALL)
NAME = "loops"  # the backend whose place the assembled function takes
INTERPRETER = os.environ.get("TRITON_INTERPRET") == "1"


# ---------------------------------------------------------------- from a notebook to a module


def source(path: Path) -> str:
    """The rung of a notebook as one module.

    Its cells tagged `rung` and its exercises, solved; without the lines that call a check.
    """
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    solutions = {}
    for cell in cells:
        for code in (
            SOLUTION.findall("".join(cell["source"])) if cell["cell_type"] == "markdown" else ()
        ):
            solutions[re.findall(r"^def (\w+)\(", code, re.MULTILINE)[-1]] = code
    parts = []
    for cell in cells:
        code, tags = "".join(cell["source"]), cell["metadata"].get("tags", [])
        if cell["cell_type"] == "code" and "raise NotImplementedError" in code:
            stub = re.findall(r"^def (\w+)\(", code, re.MULTILINE)[-1]
            parts.append(solutions[stub])
        elif "rung" in tags:
            parts.append(
                "\n".join(line for line in code.splitlines() if not line.startswith("checks."))
            )
    return "\n\n\n".join(parts) + "\n"


def tagged(path: Path) -> bool:
    return any(
        "rung" in cell["metadata"].get("tags", [])
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
    )


def notebook(number: str) -> Path:
    """The file of a notebook.

    One that nobody has written yet is skipped; 06 and 07 must be there.
    """
    paths = sorted(FOLDER.glob(f"{number}_*.ipynb"))
    if not paths and number in ("08", "09"):
        pytest.skip(f"notebook {number} is not written yet")
    (path,) = paths
    return path


@cache
def load(number: str, folder: Path) -> ModuleType:
    """The assembled module.

    It is a file, because numba and Triton read the source of what they compile.
    """
    file = folder / f"assembled_{number}.py"
    file.write_text(source(notebook(number)), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def assemble(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], ModuleType]:
    folder = tmp_path_factory.mktemp("assembled")
    return lambda number: load(number, folder)


# ---------------------------------------------------------------- the library's tests


def without_rest(choices: Iterable[Any]) -> list[Any]:
    """What pytest runs by default of a test's parameters."""
    some = []
    for choice in choices:
        if not isinstance(choice, type(pytest.param())):
            some.append(choice)
        elif "full_grid" not in [mark.name for mark in choice.marks]:
            some.append(choice.values)
    return some


def trials(module: ModuleType) -> Iterator[tuple[str, Callable[..., None], dict[str, Any]]]:
    """Name, function and parameters of every test in a module that takes a `backend`.

    One for each combination of its other parameters.
    """
    for name, function in inspect.getmembers(module, inspect.isfunction):
        marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
        axes = [(mark.args[0], without_rest(mark.args[1])) for mark in marks]
        if not name.startswith("test_") or "backend" not in [names for names, _ in axes]:
            continue
        for values in itertools.product(
            *[
                [(names, value) for value in choices]
                for names, choices in axes
                if names != "backend"
            ]
        ):
            parameters: dict[str, Any] = {}
            for names, value in values:
                parameters |= (
                    {names: value}
                    if isinstance(names, str)
                    else dict(zip(names, value, strict=True))
                )
            label = ", ".join(f"{key}={value}" for key, value in parameters.items())
            yield f"{name.removeprefix('test_')}({label})", function, parameters


ALL = {
    label: (function, parameters)
    for module in (test_backends, test_gradients)
    for label, function, parameters in trials(module)
}
# The interpreter takes milliseconds for what a GPU does in nanoseconds: for notebook 09, one trial
# of each kind.
FEW = (
    "options_agree(cull_backfaces=False, perspective_correct=True, distance=euclidean)",
    "options_agree(cull_backfaces=True, perspective_correct=False, distance=barycentric)",
    "the_cut_at_dist_eps_agrees(sigma=0.01)",
    "the_cut_at_near_and_far_agrees()",
    "extreme_sigma_and_gamma_agree(gamma=1e-07, sigma=1e-07)",
    "ugly_shapes_agree(faces=0, height=7, width=13)",
    "ugly_shapes_agree(faces=1, height=1, width=5)",
    "channels_and_batches_agree(batch=2, channels=7)",
    "channels_and_batches_agree(batch=None, channels=None)",
    "an_empty_batch_gives_an_empty_picture()",
    "undrawable_triangles_agree()",
    "float32_agrees()",
)
TRIALS = [
    pytest.param(number, label, id=f"{number}: {label}")
    for number in RUNGS
    for label in (FEW if number == "09" else ALL)
]


def put(function: object, patch: pytest.MonkeyPatch) -> None:
    """Make `rasterize(backend=NAME)` call `function`."""
    original = ladder.load

    def load(name: str) -> Callable[..., Tensor]:
        return function if name == NAME else original(name)

    patch.setattr(ladder, "load", load)


def run(label: str, request: pytest.FixtureRequest) -> None:
    """One trial on the backend NAME."""
    function, parameters = ALL[label]
    wanted = inspect.signature(function).parameters
    fixtures = {
        name: request.getfixturevalue(name)
        for name in ("scene", "boundary_distances")
        if name in wanted
    }
    function(**fixtures, **parameters, backend=NAME)


def skip_without_interpreter(number: str) -> None:
    if number == "09" and not INTERPRETER:
        pytest.skip("runs in a process of its own: test_notebook_09_in_tritons_interpreter")


@pytest.mark.parametrize("number", RUNGS)
def test_the_notebook_has_a_rung_and_its_own_check_passes(number, assemble, capsys):
    assert tagged(notebook(number)), "no cell is tagged `rung`"
    skip_without_interpreter(number)
    module = assemble(number)
    checks.contract(module.rasterize_mine)
    assert "contract: passed" in capsys.readouterr().out
    for name in WHOLE_KERNELS if number == "09" else ():
        getattr(checks, name)(getattr(module, name))
        assert f"{name}: passed" in capsys.readouterr().out


@pytest.mark.parametrize(("number", "label"), TRIALS)
def test_the_assembled_rasterizer_passes(number, label, assemble, monkeypatch, request):
    notebook(number)
    skip_without_interpreter(number)
    put(assemble(number).rasterize_mine, monkeypatch)
    run(label, request)


def test_notebook_09_in_tritons_interpreter():
    notebook("09")
    if importlib.util.find_spec("triton") is None:
        pytest.skip("triton is not installed")
    if INTERPRETER:
        pytest.skip("this is that process")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "09",
        str(Path(__file__)),
    ]
    done = subprocess.run(
        command,
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert f"{len(FEW) + 1} passed" in done.stdout, done.stdout[-2000:]


# ---------------------------------------------------------------- do these tests see anything?


def no_background(triangles: Tensor, colors: Tensor | None, background: Tensor, o: Any) -> Tensor:
    return rasterize_broadcast(triangles, colors, 0 * background, o)


def no_depth_gradient(
    triangles: Tensor, colors: Tensor | None, background: Tensor, o: Any
) -> Tensor:
    z = triangles[..., 2:].detach()
    return rasterize_broadcast(
        triangles * triangles.new_tensor([1.0, 1.0, 0.0]) + z * z.new_tensor([0.0, 0.0, 1.0]),
        colors,
        background,
        o,
    )


@pytest.mark.parametrize(
    ("wrong", "label"),
    [
        (no_background, "ugly_shapes_agree(faces=1, height=7, width=13)"),
        (
            no_depth_gradient,
            "options_agree(cull_backfaces=False, perspective_correct=False, distance=euclidean)",
        ),
        (
            no_depth_gradient,
            "gradcheck_of_colour_and_alpha(perspective_correct=False, distance=euclidean)",
        ),
    ],
)
def test_a_wrong_rasterizer_is_caught(wrong, label, monkeypatch, request):
    put(wrong, monkeypatch)
    with pytest.raises((AssertionError, RuntimeError), match=r"^triangles: |image|Jacobian"):
        run(label, request)


@pytest.mark.parametrize(
    "label", [label for label in ALL if not label.startswith("random")]
)  # hypothesis would search for a simpler failure
def test_every_trial_calls_the_function_in_that_place(label, monkeypatch, request):
    class Called(Exception):
        pass

    def tell(*arguments: object) -> Tensor:
        raise Called

    put(tell, monkeypatch)
    with pytest.raises(Called):
        run(label, request)


def test_a_module_holds_the_solutions_and_no_check(assemble):
    text = source(notebook("06"))
    assert "NotImplementedError" not in text
    assert not re.search(r"^checks\.", text, re.MULTILINE)
    assert "def rasterize_mine(" in text
