"""Every notebook in a browser: `pytest -m browse`, about half an hour on two cores. And one of them
in Notebook 7 and in Voila, where these are installed.

`scripts/browse_notebooks.py` does the work. In `make test` every notebook runs without a browser
and opens in a JupyterLab, where the first two run (`test_browser.py`); here all do, and the page,
its console and its dials are looked at, light and dark.
"""

from __future__ import annotations

import importlib.util
import shutil

import pytest
from load_script import load_script

scripts = load_script("scripts/browse_notebooks.py")
NOTEBOOKS = sorted(path.name for path in scripts.NOTEBOOKS.glob("*.ipynb"))
SAMPLE = next(name for name in NOTEBOOKS if name.startswith("01"))  # a short one
FIRST = NOTEBOOKS[0]  # has live explorers, and some of the kernel's
# Other programs that show notebooks: the server that has their pages, where, and what stands for a
# cell that raises.
OTHERS = {
    "notebook": ("notebook", "notebooks", "Your turn"),
    "voila": ("jupyterlab", "voila/render", "There was an error when executing cell"),
}
# What they say themselves, whatever notebook they show: Notebook 7 about its settings, Voila about
# its icons in the network, and about an extension of Notebook that it does not know.
THEIRS = ("reading 'schema'", "ERR_NAME_NOT_RESOLVED", "ERR_INTERNET_DISCONNECTED", "RUNTIME-012")

pytestmark = pytest.mark.browse


@pytest.fixture(scope="module")
def server():
    with scripts.server() as found:
        yield found


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_is_fine_in_jupyterlab(browser, server, tmp_path, name) -> None:
    assert scripts.browse(browser, server, name, tmp_path) == []
    light, dark = (len(list(tmp_path.glob(f"*-{theme}-*.png"))) for theme in ("light", "dark"))
    assert min(light, dark) > 0


def test_a_page_with_mistakes_is_found_out(browser, server, tmp_path, monkeypatch) -> None:
    """A cell that fails, a console that complains, and a dial that does nothing."""
    code = (
        "import ipywidgets; ipywidgets.IntSlider(description='idle')",
        "from IPython.display import Javascript; Javascript('console.error(\\'oh\\')')",
        "1 / 0",
    )
    real = scripts.lab.open_notebook

    def opened(browser, address, name):
        page = real(browser, address, SAMPLE)
        page.evaluate(
            """code => {
                const notebook = window.jupyterapp.shell.currentWidget.content;
                const cells = code.map(source => ({ cell_type: 'code', source, metadata: {} }));
                const shared = notebook.model.sharedModel;
                shared.deleteCellRange(0, shared.cells.length);
                shared.insertCells(0, cells);
            }""",
            code,
        )
        return page

    monkeypatch.setattr(scripts.lab, "open_notebook", opened)
    found = scripts.browse(browser, server, SAMPLE, tmp_path)
    assert "cell 2: ZeroDivisionError" in found
    assert any("changes nothing" in what for what in found)
    assert "console: oh" in found


@pytest.fixture(params=OTHERS)
def elsewhere(request, browser, tmp_path):
    """The first notebook in another program than JupyterLab, its name, and its words for errors."""
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"no {request.param} here; CONTRIBUTING.md says how to install it")
    app, place, raised = OTHERS[request.param]
    room, home = tmp_path / "room", tmp_path / "home"
    for folder in (room, home):
        folder.mkdir()
    shutil.copy(scripts.NOTEBOOKS / FIRST, room)
    with scripts.lab.server(room, home, app) as (address, token):
        page = scripts.lab.new_page(browser)
        page.goto(f"{address}/{place}/{FIRST}?token={token}")  # Voila runs it before it answers
        yield page, request.param, raised
        page.close()


def test_a_notebook_is_fine_in_notebook_7_and_in_voila(elsewhere) -> None:
    page, program, raised = elsewhere
    if program == "notebook":
        page.wait_for_function(scripts.lab.READY)
        scripts.lab.run_all(page)
        assert scripts.failures(page) == []
    for kind in (".live-slider", ".live-handle", ".noUi-handle", ".widget-dropdown select"):
        dial = page.locator(kind).first
        dial.wait_for()
        assert scripts.answers(page, dial), kind
    assert page.locator("pre", has_text=raised).count() == 2, "the two exercises"
    assert scripts.broken_widgets(page) == []
    assert [text for text in page.complaints if not any(own in text for own in THEIRS)] == []
