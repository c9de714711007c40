"""Notebooks in a browser: all of them with `pytest -m browse`, by default another one every day.

`scripts/browse_notebooks.py` does the work. Every notebook runs in `make test` without a browser;
here the page, its console and its dials are looked at, light and dark.
"""

from __future__ import annotations

import datetime
import importlib.util

import pytest
from load_script import load_script

scripts = load_script("scripts/browse_notebooks.py")
NOTEBOOKS = sorted(path.name for path in scripts.NOTEBOOKS.glob("*.ipynb"))
# Those that run in a quarter of the minute that a notebook may take.
SHORT = [name for name in NOTEBOOKS if name[:2] in ("01", "02", "03", "04", "06", "11")]
TODAY = SHORT[datetime.date.today().toordinal() % len(SHORT)]


@pytest.fixture(scope="module")
def server():
    with scripts.servers("lab") as server:
        yield server


def test_todays_notebook_is_fine_in_jupyterlab(browser, server, tmp_path) -> None:
    assert len(SHORT) == 6
    assert scripts.browse(browser, server, "lab", TODAY, tmp_path) == [], TODAY
    assert len(list(tmp_path.glob("*.png"))) == 2, "light and dark"


@pytest.mark.browse
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_notebook_is_fine_in_jupyterlab(browser, server, tmp_path, name) -> None:
    assert scripts.browse(browser, server, "lab", name, tmp_path) == []


@pytest.mark.browse
@pytest.mark.parametrize("app", ["notebook", "voila"])
def test_a_sample_is_fine_in_other_apps(browser, tmp_path, app) -> None:
    if importlib.util.find_spec(app) is None:
        pytest.skip(f"{app} is not installed here: pip install {app}")
    with scripts.servers(app) as server:
        assert scripts.browse(browser, server, app, SHORT[0], tmp_path) == []


def test_a_page_with_mistakes_is_found_out(browser, server, tmp_path, monkeypatch) -> None:
    """A cell that fails, a console that complains, and a dial that does nothing."""
    code = (
        "import ipywidgets; ipywidgets.IntSlider(description='idle')",
        "from IPython.display import Javascript; Javascript('console.error(\\'oh\\')')",
        "1 / 0",
    )
    real = scripts.lab.open_notebook

    def opened(browser, address, name, app):
        page = real(browser, address, TODAY, app)
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
    found = scripts.browse(browser, server, "lab", TODAY, tmp_path)
    assert "cell 2: ZeroDivisionError" in found
    assert any("changes nothing" in what for what in found)
    assert "console: oh" in found
