"""One notebook as a reader meets it.

A real JupyterLab, a real browser, a slider that is moved. Everything else about widgets is tested
without one.
"""

import json
import os
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat
import pytest
from load_script import load_script

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
bench = load_script("benchmarks/explorers.py")
LIVE = ("from softras_edu.explore.live import ForceField", "field = ForceField()", "field")
PATIENCE = 180  # seconds; CI has two slow cores and other tests beside this one

# What the first picture of an explorer shows, as a string to compare.
PIXELS = """() => {
    const picture = document.querySelector('.jp-OutputArea-output img.widget-image');
    if (!picture || !picture.complete || !picture.naturalWidth) return null;
    const canvas = document.createElement('canvas');
    canvas.width = picture.naturalWidth; canvas.height = picture.naturalHeight;
    canvas.getContext('2d').drawImage(picture, 0, 0);
    return canvas.toDataURL();
}"""


# Writes down, for each explorer, the milliseconds from a press of a key to the picture that it
# changed, decoded.
WATCH = """() => {
    const pictures = [...document.querySelectorAll('.jp-OutputArea-output img.widget-image')];
    if (pictures.length < 2 || pictures.some(picture => !picture.naturalWidth)) return false;
    window.trips = pictures.map(() => []);
    document.addEventListener('keydown', () => { window.pressed = performance.now(); }, true);
    pictures.forEach((picture, k) => picture.addEventListener('load', () => {
        window.trips[k].push(performance.now() - window.pressed);
    }));
    return true;
}"""

# JupyterLab shows its frame long before the notebook and its kernel are there.
READY = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    const session = panel?.sessionContext;
    const idle = session?.isReady && session.session?.kernel?.status === 'idle';
    return Boolean(panel?.context?.isReady && idle);
}"""
# All cells ran, or one failed that may not.
DONE = """() => {
    const models = window.jupyterapp.shell.currentWidget.content.widgets.map(cell => cell.model);
    const code = models.filter(model => model.type === 'code');
    const stub = model => (model.getMetadata('tags') || []).includes('raises-exception');
    const error = model => model.outputs.toJSON().some(o => o.output_type === 'error');
    const failed = model => !stub(model) && error(model);
    return code.at(-1).executionCount === code.length || code.some(failed);
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab on copies of the notebooks that knows nothing of the user's settings.

    Its address and its token.
    """
    room, home = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("home")
    for path in NOTEBOOKS.glob("00*.ipynb"):
        shutil.copy(path, room)
    code = (bench.SHOW, bench.PANEL, f"no_render({bench.PANEL})")
    two_panels = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in code]
    )
    two_panels.metadata.kernelspec = {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    }
    nbformat.write(two_panels, room / "two_panels.ipynb")
    two_panels.cells = [nbformat.v4.new_code_cell(source) for source in LIVE]
    nbformat.write(two_panels, room / "live.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    environment = dict(os.environ)
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        environment[name] = str(home / name.lower())
    # The app is exposed so that the test can run all cells and wait for the last one, where a user
    # would look and click.
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--expose-app-in-browser",
        "--LabApp.news_url=None",
    ]
    command += [
        f"--ServerApp.root_dir={room}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
    ]
    log = home / "log"
    with log.open("w") as sink:
        server = subprocess.Popen(
            [*command, f"--IdentityProvider.token={token}"],
            env=environment,
            stdout=sink,
            stderr=sink,
            stdin=subprocess.DEVNULL,
        )
    try:
        wait_for_server(server, f"http://127.0.0.1:{port}/api/status?token={token}", log)
        yield f"http://127.0.0.1:{port}", token
    finally:
        server.terminate()  # it takes its kernels with it
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def wait_for_server(server, url, log):
    # No proxy: some machines send even this request through one.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        try:
            opener.open(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail("JupyterLab did not start:\n" + log.read_text()[-3000:])


def open_notebook(browser, lab, name):
    """A notebook, open and with an idle kernel.

    `page.complaints` collects what the browser's console says.
    """
    address, token = lab
    page = browser.new_page(
        viewport={"width": 1280, "height": 6000}
    )  # tall: cells out of sight are not drawn
    page.set_default_timeout(PATIENCE * 1000)
    page.complaints = []
    page.on(
        "console",
        lambda message: page.complaints.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(f"{address}/lab/tree/{name}?token={token}&reset")
    page.wait_for_function(READY)
    return page


@pytest.fixture
def page(browser, lab):
    """The first notebook."""
    (name,) = (path.name for path in NOTEBOOKS.glob("00*.ipynb"))
    page = open_notebook(browser, lab, name)
    yield page
    page.close()


def cells(page):
    """The notebook as JupyterLab has it now."""
    return json.loads(
        page.evaluate(
            "() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.model.toJSON())"
        )
    )["cells"]


def about_widgets(complaints):
    return [
        text
        for text in complaints
        if any(word in text.lower() for word in ("widget", "model", "comm", "state", "view"))
    ]


def test_a_notebook_that_was_not_run_shows_its_pictures(page):
    page.wait_for_selector(".jp-OutputArea-output img")
    assert page.get_by_text("Error displaying widget").count() == 0
    assert page.get_by_text("Loading widget").count() == 0
    assert not about_widgets(page.complaints)


def test_run_all_cells_then_move_the_first_slider(page):
    page.evaluate(
        "() => window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')"
    )  # so that what was stored is not taken for what ran
    page.wait_for_function(f"() => !({DONE})()")
    page.evaluate(
        "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
    )  # comes back at the end, or at the first stub that raises
    page.wait_for_function(DONE)
    for cell in cells(page):
        errors = [
            output["ename"]
            for output in cell.get("outputs", [])
            if output["output_type"] == "error"
        ]
        stub = "raises-exception" in cell["metadata"].get("tags", [])
        assert errors == (["YourTurn"] if stub else []), "".join(cell["source"])
    code = [cell for cell in cells(page) if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))

    handles = page.locator(".widget-slider .noUi-handle")
    assert handles.count() > 1
    for k in range(handles.count()):  # each has the words beside it for a name, and the number
        slider = page.locator(".widget-slider").nth(k)
        name = slider.locator(".widget-label").inner_text()
        number = slider.locator(".widget-readout").inner_text()
        named = slider.get_by_role("slider", name=name, exact=True)
        assert named.get_attribute("aria-valuetext") == number
    assert page.locator("img.widget-image:not([alt])").count() == 0
    handle = handles.first
    handle.scroll_into_view_if_needed()
    before = page.wait_for_function(PIXELS).json_value()
    value = handle.get_attribute("aria-valuenow")
    handle.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_function(
        f"before => {{ const now = ({PIXELS})(); return now && now !== before; }}", arg=before
    )
    assert handle.get_attribute("aria-valuenow") != value
    number = page.locator(".widget-readout").first.inner_text()
    assert handle.get_attribute("aria-valuetext") == number, "it names the number before"

    assert page.get_by_text("Error displaying widget").count() == 0
    assert not about_widgets(page.complaints)


def test_a_render_adds_less_than_half_to_the_time_from_key_to_picture(browser, lab):
    page = open_notebook(browser, lab, "two_panels.ipynb")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(DONE)
    page.wait_for_function(WATCH)

    def median(panel, presses=12):
        page.locator(".jp-OutputArea-output .widget-vbox").nth(panel).locator(".noUi-handle").nth(
            1
        ).focus()  # gamma: sigma would change the work
        for k in range(presses):
            seen = page.evaluate("k => window.trips[k].length", panel)
            page.keyboard.press("ArrowRight" if k % 2 else "ArrowLeft")
            page.wait_for_function(
                "([k, seen]) => window.trips[k].length > seen", arg=[panel, seen]
            )
        return statistics.median(page.evaluate("k => window.trips[k]", panel)[-presses:])

    median(0), median(1)  # warm up
    rounds = []
    for _ in range(6):  # in turn, so that whatever else the machine does meets both
        rounds.append((median(0), median(1)))
        print("from key to picture: {:.0f} ms, without a render {:.0f} ms".format(*rounds[-1]))
        if len(rounds) > 1 and min(real for real, _ in rounds) <= 1.5 * min(
            idle for _, idle in rounds
        ):
            break
    else:
        pytest.fail(f"milliseconds from key to picture, and without a render: {rounds}")
    page.close()


def test_what_is_dragged_in_the_browser_is_a_trait_in_python(browser, lab):
    """And what Python sets is seen in the browser."""
    page = open_notebook(browser, lab, "live.ipynb")
    page.evaluate("() => window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(DONE)
    square = page.locator(".live-handle").first
    square.wait_for()
    assert square.get_attribute("aria-valuetext") == "x 0.00, y 0.00"
    square.focus()
    for _ in range(4):
        page.keyboard.press("ArrowUp")  # which JupyterLab must not take for its own
    page.wait_for_function(
        "() => document.querySelector('.live-handle').ariaValueText === 'x 0.00, y 0.20'"
    )

    def run(code):
        return page.evaluate(
            """async code => {
                const panel = window.jupyterapp.shell.currentWidget;
                const kernel = panel.sessionContext.session.kernel;
                let said = "";
                const future = kernel.requestExecute({ code });
                future.onIOPub = message => { said += message.content.text ?? ""; };
                await future.done;
                return said.trim();
            }""",
            code,
        )

    told = json.loads(run("import json; print(json.dumps(field.target))"))
    assert told == pytest.approx([0.0, 0.2])
    run("field.target = (-0.3, 0.1); field.sigma = 0.01")
    page.wait_for_function(
        "() => document.querySelector('.live-handle').ariaValueText === 'x -0.30, y 0.10'"
    )
    assert "sigma (blur)" in page.locator(".live-dial").first.inner_text()
    assert not about_widgets(page.complaints)
    page.close()
