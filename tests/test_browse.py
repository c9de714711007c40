"""Every notebook in a browser: `pytest -m browse`, about half an hour on two cores.

`scripts/browse_notebooks.py` does the work. In `make test` every notebook runs without a browser,
and the first one in a JupyterLab (`test_browser.py`); here the page, its console and its dials are
looked at, light and dark.
"""

from __future__ import annotations

import pytest
from load_script import load_script

scripts = load_script("scripts/browse_notebooks.py")
NOTEBOOKS = sorted(path.name for path in scripts.NOTEBOOKS.glob("*.ipynb"))
SAMPLE = next(name for name in NOTEBOOKS if name.startswith("01"))  # a short one

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
