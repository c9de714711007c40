"""The JavaScript of the live explorers is linted, formatted and typed as the Python is.

Deno does all three, offline: its linter, its formatter, and TypeScript's checker on the types in
comments (JSDoc). And the words are those of the other rungs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from chromium import LIVE, module_page
from test_house import COLUMNS, LINES
from test_vocabulary import BANS

from softras_edu.explore.live import (
    CornerPull,
    ForceField,
    Occlusion,
    OrbitMesh,
    ProbabilityMap,
    WatchFit,
    joined,
)
from softras_edu.explore.live.modules import in_order

MODULES = sorted(LIVE.glob("*.js"))
RUNG = ("formulas.js", "boxes.js", "rasterize.js", "options.js")


@pytest.fixture
def deno(tmp_path):
    """Runs Deno in a copy of the folder -> what it says, and whether it was content."""
    try:
        from deno import find_deno_bin
    except ImportError:
        if os.environ.get("CI"):
            raise
        pytest.skip("no deno: pip install deno")
    folder = tmp_path / "live"
    shutil.copytree(LIVE, folder)

    def run(*words: str, **files: str) -> tuple[bool, str]:
        for name, text in files.items():
            (folder / f"{name}.js").write_text(text, encoding="utf-8")
        environment = os.environ | {
            "DENO_DIR": str(tmp_path / "cache"),
            "DENO_NO_UPDATE_CHECK": "1",
            "NO_COLOR": "1",
        }
        command = [os.fsdecode(find_deno_bin()), *words, *map(str, sorted(folder.glob("*.js")))]
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode == 0, done.stdout + done.stderr

    return run


def test_the_linter_is_content_and_can_be_otherwise(deno):
    fine, said = deno("lint")
    assert fine, said
    fine, said = deno("lint", wrong="export function f(a) {\n    return a == 1;\n}\n")
    assert not fine
    assert "eqeqeq" in said


def test_the_formatter_is_content_and_can_be_otherwise(deno):
    fine, said = deno("fmt", "--check")
    assert fine, f"run: deno fmt in {LIVE}\n{said}"
    assert not deno("fmt", "--check", wrong="export const a = {b:1}\n")[0]


def test_types_hold_and_a_wrong_one_is_found(deno):
    fine, said = deno("check", "--no-remote")
    assert fine, said
    wrong = 'import { reach } from "./formulas.js";\n\nexport const wide = reach("0.1", 1e-4);\n'
    fine, said = deno("check", "--no-remote", wrong=wrong)
    assert not fine
    assert "TS2345" in said


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_file_is_short_and_narrow(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LINES
    assert [k for k, line in enumerate(lines, start=1) if len(line) > COLUMNS] == []


@pytest.mark.parametrize("name", RUNG)
def test_the_sixth_rung_says_the_words_of_the_table(name: str) -> None:
    text = (LIVE / name).read_text(encoding="utf-8")
    code = re.sub(r"/\*.*?\*/|//[^\n]*|`[^`]*`|\"[^\"]*\"", "", text, flags=re.DOTALL)
    found = set()
    for before, word in re.findall(r"(\w+\s+|\.|\b)([A-Za-z_]\w*)", code):
        for ban in BANS:
            after = {"def": "function"}.get(ban.after, ban.after)
            if after in ("", before.strip()) and re.fullmatch(ban.other, word.lower()):
                found.add(f"{name}: {word}, wanted {ban.right}")
                break
    assert not found, found


# ---------------------------------------------------------------- one module out of several

NAME = re.compile(r"^(?:export )?(?:function|class|const|let) (\w+)", re.MULTILINE)


@pytest.mark.parametrize(
    "name",
    [
        "rasterize.js",
        "force_field.js",
        "probability_map.js",
        "occlusion.js",
        "corner_pull.js",
        "watch_fit.js",
        "orbit_mesh.js",
    ],
)
def test_no_two_modules_have_a_name_in_common(name: str) -> None:
    """They stand behind each other in one module: see `joined`."""
    owners: dict[str, str] = {}
    for module in in_order(name, []):
        for word in NAME.findall((LIVE / module).read_text(encoding="utf-8")):
            assert owners.setdefault(word, module) == module, word
    assert len(owners) > 20


def test_joined_modules_are_one_module_that_draws(browser):
    text = joined("rasterize.js")
    assert not re.search(r"^(import|\}) ", text, re.MULTILINE)
    assert in_order("rasterize.js", []).count("formulas.js") == 1
    page = module_page(browser)
    alpha = page.evaluate(
        """async text => {
            const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
            const { rasterize } = await import(address);
            const triangle = Float64Array.from([-1, -1, 2, 1, -1, 2, 0, 1, 2]);
            return Array.from(rasterize(triangle, null, { size: 3 }).image);
        }""",
        text,
    )
    assert alpha[4] == 1
    assert 0 <= min(alpha) < 1e-3
    assert not page.complaints


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match="nowhere"):
        joined("nowhere.js")


@pytest.mark.parametrize(
    "explorer", [CornerPull, ForceField, Occlusion, OrbitMesh, ProbabilityMap, WatchFit]
)
def test_a_page_from_a_folder_needs_no_kernel_and_no_network(browser, tmp_path, explorer):
    path = tmp_path / "page.html"
    path.write_text(explorer().page("a <page>"), encoding="utf-8")
    page = browser.new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    handle = page.locator(".live-handle").first
    before = handle.get_attribute("aria-valuetext")
    handle.focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_function(
        "before => document.querySelector('.live-handle').ariaValueText !== before", arg=before
    )
    assert page.title() == "a <page>"
    assert asked == [path.as_uri()]
    assert not complaints
    page.close()
